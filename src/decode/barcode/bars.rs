//! Bars that have spread, faded or run together: not read edge by edge but by what a symbol would look like there. The code's
//! ends give the width of a module; each symbol is the one whose drawing is nearest. Code 128 (ISO/IEC 15417) and
//! interleaved 2 of 5 (ISO/IEC 16390). Proves nothing: whoever asks checks the digits.

/// How far each bar has grown on either side, in pixels: tried one after another.
const SPREADS: [f32; 7] = [0.0, 0.25, 0.5, -0.25, -0.5, 0.75, -0.75];
/// Wide to narrow of interleaved 2 of 5.
const RATIOS: [f32; 5] = [2.5, 3.0, 2.0, 2.25, 2.75];
/// Of its neighbours a pixel shows this share each.
const BLUR: f32 = 0.12;
/// Wide elements of the digits of 2 of 5.
const DIGITS: [[u8; 5]; 10] = [
    [0, 0, 1, 1, 0],
    [1, 0, 0, 0, 1],
    [0, 1, 0, 0, 1],
    [1, 1, 0, 0, 0],
    [0, 0, 1, 0, 1],
    [1, 0, 1, 0, 0],
    [0, 1, 1, 0, 0],
    [0, 0, 0, 1, 1],
    [1, 0, 0, 1, 0],
    [0, 1, 0, 1, 0],
];

/// A row of ink, 0 paper to 1, with the code's first and last edge.
pub struct Row {
    ink: Vec<f32>,
    first: f32,
    last: f32,
}

/// A symbol as read: which of the alphabet, the next likely, and how much nearer the first was.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    pub best: usize,
    pub second: usize,
    pub margin: f32,
}

impl Row {
    /// From mean darkness (0 to 255) along a code; `None` where there is no contrast.
    pub fn new(profile: &[f32]) -> Option<Row> {
        let mut sorted = profile.to_vec();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f32| sorted.get((sorted.len().checked_sub(1)? as f32 * share) as usize).copied();
        let (paper, dark) = (at(0.03)?, at(0.95)?);
        if dark - paper < 40.0 {
            return None;
        }
        let ink: Vec<f32> = profile.iter().map(|v| ((v - paper) / (dark - paper)).clamp(0.0, 1.1)).collect();
        let full = |v: &f32| *v > 0.5;
        let (a, b) = (ink.iter().position(full)?, ink.iter().rposition(full)?);
        // Where the ink passes one half, between pixels.
        let before = if a > 0 { ink[a - 1] } else { 0.0 };
        let after = ink.get(b + 1).copied().unwrap_or(0.0);
        let first = a as f32 + 0.5 - (ink[a] - 0.5) / (ink[a] - before).max(0.05);
        let last = b as f32 + 0.5 + (ink[b] - 0.5) / (ink[b] - after).max(0.05);
        (last - first > 60.0).then_some(Row { ink, first: first.max(0.0), last })
    }

    /// Squared distance from a symbol drawn at `from`, per pixel. `widths`: bar, gap, bar, .. in pixels; a bar follows.
    fn distance(&self, from: f32, widths: &[f32], spread: f32, drawn: &mut Vec<f32>) -> f32 {
        let length: f32 = widths.iter().sum();
        let start = from.round() as isize;
        let count = (length.round() as usize).max(1);
        drawn.clear();
        drawn.resize(count + 2, 0.0);
        let mut cover = |a: f32, b: f32| {
            // In pixels of `drawn`, whose first is one before the symbol.
            let (a, b) = (a - start as f32 + 1.0, b - start as f32 + 1.0);
            let (low, high) = (a.max(0.0), b.min(drawn.len() as f32));
            let mut x = low;
            while x < high {
                let pixel = x as usize;
                let next = (pixel as f32 + 1.0).min(high);
                drawn[pixel] += next - x;
                x = next;
            }
        };
        let mut at = from;
        for (i, width) in widths.iter().enumerate() {
            if i % 2 == 0 {
                cover(at - spread, at + width + spread);
            }
            at += width;
        }
        cover(at - spread, at + 3.0);
        let mut sum = 0.0;
        for i in 0..count {
            let Some(seen) = usize::try_from(start + i as isize).ok().and_then(|x| self.ink.get(x)) else { continue };
            let shown = drawn[i + 1].min(1.0) * (1.0 - 2.0 * BLUR) + BLUR * (drawn[i].min(1.0) + drawn[i + 2].min(1.0));
            sum += (seen - shown) * (seen - shown);
        }
        sum / count as f32
    }

    /// Symbol after symbol of the same width from `from` on; a little drift is followed.
    fn symbols(&self, from: f32, count: usize, alphabet: &[Vec<f32>], module: f32, spread: f32) -> (Vec<Symbol>, f32) {
        let (mut drift, mut total, mut at) = (0.0f32, 0.0f32, from);
        let (mut out, mut drawn) = (Vec::with_capacity(count), Vec::new());
        let mut widths = Vec::new();
        for _ in 0..count {
            let (mut best, mut second, mut moved) = ((0usize, f32::INFINITY), (0usize, f32::INFINITY), 0.0);
            for (n, symbol) in alphabet.iter().enumerate() {
                widths.clear();
                widths.extend(symbol.iter().map(|w| w * module));
                let mut own = (f32::INFINITY, 0.0);
                for step in [0.0, -0.35, 0.35] {
                    let off = self.distance(at + drift + step, &widths, spread, &mut drawn);
                    if off < own.0 {
                        own = (off, step);
                    }
                    // Far off: a nudge does not save it.
                    if off > 0.25 {
                        break;
                    }
                }
                if own.0 < best.1 {
                    second = best;
                    best = (n, own.0);
                    moved = own.1;
                } else if own.0 < second.1 {
                    second = (n, own.0);
                }
            }
            drift += 0.5 * moved;
            total += best.1;
            at += alphabet.first().map_or(0.0, |s| s.iter().sum::<f32>()) * module;
            out.push(Symbol { best: best.0, second: second.0, margin: second.1 - best.1 });
        }
        (out, total / count.max(1) as f32)
    }

    /// The digits of an interleaved code of this length (even), by the drawing that is nearest.
    pub fn interleaved(&self, digits: usize) -> Option<String> {
        let pairs = digits / 2;
        if digits < 2 || digits % 2 == 1 || pairs > 40 {
            return None;
        }
        let mut best: Option<(f32, Vec<Symbol>)> = None;
        for ratio in RATIOS {
            let alphabet: Vec<Vec<f32>> = (0..100)
                .map(|n| {
                    let (bars, gaps) = (DIGITS[n / 10], DIGITS[n % 10]);
                    let wide = |w: u8| if w == 1 { ratio } else { 1.0 };
                    bars.iter().zip(&gaps).flat_map(|(b, g)| [wide(*b), wide(*g)]).collect()
                })
                .collect();
            let modules = 4.0 + pairs as f32 * (6.0 + 4.0 * ratio) + ratio + 2.0;
            for spread in SPREADS {
                let (first, last) = (self.first + spread, self.last - spread);
                let module = (last - first) / modules;
                if !(1.3..12.0).contains(&module) || spread.abs() > 0.4 * module {
                    continue;
                }
                // The first pairs tell whether this ratio and spread are worth the rest.
                let most = best.as_ref().map_or(0.12, |b| b.0 * 1.3);
                if self.symbols(first + 4.0 * module, 2, &alphabet, module, spread).1 > most {
                    continue;
                }
                let (symbols, off) = self.symbols(first + 4.0 * module, pairs, &alphabet, module, spread);
                if best.as_ref().is_none_or(|b| off < b.0) {
                    best = Some((off, symbols));
                }
            }
        }
        let (off, symbols) = best?;
        (off < 0.08).then(|| symbols.iter().map(|s| format!("{:02}", s.best)).collect())
    }

    /// A Code 128 drawn anew from the symbols that are nearest, the likeliest first; a reader of clean codes then tells what
    /// they say and whether the check holds. Each row is ink (true) by module.
    pub fn code128(&self) -> Vec<Vec<bool>> {
        let alphabet = alphabet128();
        let find = |widths: [u8; 6]| {
            let widths = widths.map(f32::from);
            alphabet.iter().position(|s| s[..] == widths[..])
        };
        let starts: Vec<usize> =
            [[2, 1, 1, 4, 1, 2], [2, 1, 1, 2, 1, 4], [2, 1, 1, 2, 3, 2]].into_iter().filter_map(find).collect();
        let Some(stop) = find([2, 3, 3, 1, 1, 1]) else { return Vec::new() };
        let mut tried: Vec<(f32, usize, f32)> = Vec::new();
        for symbols in 3..=60usize {
            for spread in SPREADS {
                let (first, last) = (self.first + spread, self.last - spread);
                let module = (last - first) / (symbols * 11 + 13) as f32;
                if !(1.2..12.0).contains(&module) || spread.abs() > 0.4 * module {
                    continue;
                }
                let ends = |which: &[usize], at: f32| {
                    let few: Vec<Vec<f32>> = which.iter().map(|n| alphabet[*n].clone()).collect();
                    self.symbols(at, 1, &few, module, spread).1
                };
                let off = ends(&starts, first) + ends(&[stop], last - 13.0 * module);
                tried.push((off, symbols, spread));
            }
        }
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut whole: Vec<(f32, Vec<Symbol>)> = tried
            .iter()
            .take(4)
            .take_while(|t| t.0 < 0.2)
            .map(|(_, symbols, spread)| {
                let (first, last) = (self.first + spread, self.last - spread);
                let module = (last - first) / (symbols * 11 + 13) as f32;
                let (read, off) = self.symbols(first, *symbols, &alphabet, module, *spread);
                (off, read)
            })
            .collect();
        whole.sort_by(|a, b| a.0.total_cmp(&b.0));
        let draw = |symbols: &[usize]| {
            let spread = |widths: &[f32]| {
                let run = |(i, w): (usize, &f32)| std::iter::repeat_n(i % 2 == 0, *w as usize);
                widths.iter().enumerate().flat_map(run).collect::<Vec<bool>>()
            };
            let mut row: Vec<bool> = symbols.iter().flat_map(|s| spread(&alphabet[*s])).collect();
            row.extend(spread(&[2.0, 3.0, 3.0, 1.0, 1.0, 1.0, 2.0]));
            row
        };
        let mut out = Vec::new();
        for (off, read) in whole.iter().take(2) {
            if *off > 0.08 {
                continue;
            }
            let best: Vec<usize> = read.iter().map(|s| s.best).collect();
            out.push(draw(&best));
            // One doubtful symbol as its second likely.
            let mut order: Vec<usize> = (0..read.len()).collect();
            order.sort_by(|a, b| read[*a].margin.total_cmp(&read[*b].margin));
            for place in order.into_iter().take(2) {
                let mut other = best.clone();
                other[place] = read[place].second;
                out.push(draw(&other));
            }
        }
        out
    }
}

/// Three bars and three gaps of 1 to 4 modules, 11 together, the bars an even number.
fn alphabet128() -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for code in 0..4u32.pow(6) {
        let widths: Vec<u32> = (0..6).map(|i| code / 4u32.pow(i) % 4 + 1).collect();
        let bars = widths[0] + widths[2] + widths[4];
        if widths.iter().sum::<u32>() == 11 && bars.is_multiple_of(2) {
            all.push(widths.into_iter().map(|w| w as f32).collect());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Darkness along a code of these widths (bar, gap, ..), spread and blurred.
    fn profile(widths: &[f32], module: f32, spread: f32, blur: usize) -> Vec<f32> {
        let total: f32 = widths.iter().sum::<f32>() * module + 40.0;
        let fine = 16;
        let mut ink = vec![0.0f32; total as usize * fine];
        let mut at = 20.3;
        for (i, width) in widths.iter().enumerate() {
            if i % 2 == 0 {
                let (from, to) = ((at - spread) * fine as f32, (at + width * module + spread) * fine as f32);
                ink[from as usize..to as usize].fill(255.0);
            }
            at += width * module;
        }
        let mut out: Vec<f32> = ink.chunks(fine).map(|c| c.iter().sum::<f32>() / fine as f32).collect();
        for _ in 0..blur {
            let before = out.clone();
            for i in 1..out.len() - 1 {
                out[i] = (before[i - 1] + 2.0 * before[i] + before[i + 1]) / 4.0;
            }
        }
        out
    }

    fn interleaved(digits: &str, ratio: f32) -> Vec<f32> {
        let mut widths = vec![1.0; 4];
        let digit: Vec<usize> = digits.bytes().map(|b| usize::from(b - b'0')).collect();
        for pair in digit.chunks(2) {
            for (bar, gap) in DIGITS[pair[0]].iter().zip(&DIGITS[pair[1]]) {
                widths.push(if *bar == 1 { ratio } else { 1.0 });
                widths.push(if *gap == 1 { ratio } else { 1.0 });
            }
        }
        widths.extend([ratio, 1.0, 1.0]);
        widths
    }

    #[test]
    fn interleaved_digits_survive_spread_and_blur() {
        let digits = "690709200000253860203453";
        for (ratio, module, spread, blur) in
            [(2.5, 2.0, 0.0, 0), (3.0, 1.9, 0.4, 1), (2.0, 2.3, -0.4, 1), (2.5, 2.1, 0.5, 2), (3.0, 3.4, 0.2, 0)]
        {
            let row = Row::new(&profile(&interleaved(digits, ratio), module, spread, blur)).unwrap();
            assert_eq!(row.interleaved(24).as_deref(), Some(digits), "{ratio} {module} {spread} {blur}");
        }
        assert!(Row::new(&[0.0; 300]).is_none());
        assert!(Row::new(&[]).is_none());
    }

    #[test]
    fn the_alphabet_of_code_128_is_whole() {
        // 103 values, three starts, the stop, and the stop backwards.
        assert_eq!(alphabet128().len(), 108);
    }
}
