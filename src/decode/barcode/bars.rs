//! Bars that have spread, faded or run together: not read edge by edge but by what a symbol would look like there. The code's
//! ends give the width of a module; each symbol is the one whose drawing is nearest. Code 128 (ISO/IEC 15417) and
//! interleaved 2 of 5 (ISO/IEC 16390). Proves nothing: whoever asks checks the digits.

use std::sync::OnceLock;

use crate::imaging::wide::widened;

/// How far each bar has grown on either side, in pixels: tried one after another.
const SPREADS: [f32; 7] = [0.0, 0.25, 0.5, -0.25, -0.5, 0.75, -0.75];
/// Wide to narrow of interleaved 2 of 5.
const RATIOS: [f32; 5] = [2.5, 3.0, 2.0, 2.25, 2.75];
/// Of its neighbours a pixel shows this share each.
const BLUR: f32 = 0.12;
/// A start and a stop that are together so far off are none.
const FAR: f32 = 0.2;
/// Symbols further off on the mean are none.
const GOOD: f32 = 0.08;
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

/// Where symbols begin, how wide a module is and how far bars have grown, in pixels.
#[derive(Clone, Copy)]
struct Place {
    from: f32,
    module: f32,
    spread: f32,
}

/// How far off the first two symbols, and all of them, may be on the mean to be worth it.
#[derive(Clone, Copy)]
struct Least {
    first_two: f32,
    whole: f32,
}

impl Least {
    const ANY: Least = Least { first_two: f32::INFINITY, whole: f32::INFINITY };
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

    /// Symbol after symbol of the same width from `from` on, and how far off they are on the mean; a little drift is followed.
    /// `None` where they are further off than what is asked for.
    fn symbols(&self, at: Place, count: usize, alphabet: &Alphabet, least: Least) -> Option<(Vec<Symbol>, f32)> {
        nearest(&self.ink, at, count, alphabet, least)
    }

    /// How far off one symbol is.
    fn off(&self, at: Place, alphabet: &Alphabet) -> f32 {
        self.symbols(at, 1, alphabet, Least::ANY).map_or(f32::INFINITY, |read| read.1)
    }

    /// The digits of an interleaved code of this length (even), by the drawing that is nearest.
    pub fn interleaved(&self, digits: usize) -> Option<String> {
        let pairs = digits / 2;
        if digits < 2 || digits % 2 == 1 || pairs > 40 {
            return None;
        }
        let mut best: Option<(f32, Vec<Symbol>)> = None;
        for ratio in RATIOS {
            let mut alphabet = None;
            let modules = 4.0 + pairs as f32 * (6.0 + 4.0 * ratio) + ratio + 2.0;
            for spread in SPREADS {
                let (first, last) = (self.first + spread, self.last - spread);
                let module = (last - first) / modules;
                if !(1.3..12.0).contains(&module) || spread.abs() > 0.4 * module {
                    continue;
                }
                let alphabet = alphabet.get_or_insert_with(|| pairs_of_digits(ratio));
                // The first pairs tell whether this ratio and spread are worth the rest.
                let first_two = best.as_ref().map_or(0.12, |b| b.0 * 1.3);
                let whole = best.as_ref().map_or(f32::INFINITY, |b| b.0);
                let at = Place { from: first + 4.0 * module, module, spread };
                if let Some((symbols, off)) = self.symbols(at, pairs, alphabet, Least { first_two, whole })
                    && best.as_ref().is_none_or(|b| off < b.0)
                {
                    best = Some((off, symbols));
                }
            }
        }
        let (off, symbols) = best?;
        (off < GOOD).then(|| symbols.iter().map(|s| format!("{:02}", s.best)).collect())
    }

    /// A Code 128 drawn anew from the symbols that are nearest, the likeliest first; a reader of clean codes then tells what
    /// they say and whether the check holds. Each row is ink (true) by module.
    pub fn code128(&self) -> Vec<Vec<bool>> {
        let Alphabets { starts, all: alphabet, stop } = alphabets128();
        let mut tried: Vec<(f32, usize, f32)> = Vec::new();
        for symbols in 3..=60usize {
            for spread in SPREADS {
                let (first, last) = (self.first + spread, self.last - spread);
                let module = (last - first) / (symbols * 11 + 13) as f32;
                if !(1.2..12.0).contains(&module) || spread.abs() > 0.4 * module {
                    continue;
                }
                let off = self.off(Place { from: first, module, spread }, starts);
                if off < FAR {
                    let stop = self.off(Place { from: last - 13.0 * module, module, spread }, stop);
                    tried.push((off + stop, symbols, spread));
                }
            }
        }
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut whole: Vec<(f32, Vec<Symbol>)> = tried
            .iter()
            .take(4)
            .take_while(|t| t.0 < FAR)
            .filter_map(|&(_, symbols, spread)| {
                let (from, last) = (self.first + spread, self.last - spread);
                let module = (last - from) / (symbols * 11 + 13) as f32;
                let good = Least { whole: GOOD, ..Least::ANY };
                let (read, off) = self.symbols(Place { from, module, spread }, symbols, alphabet, good)?;
                Some((off, read))
            })
            .collect();
        whole.sort_by(|a, b| a.0.total_cmp(&b.0));
        let draw = |symbols: &[usize]| {
            let spread = |widths: &[f32]| {
                let run = |(i, w): (usize, &f32)| std::iter::repeat_n(i % 2 == 0, *w as usize);
                widths.iter().enumerate().flat_map(run).collect::<Vec<bool>>()
            };
            let mut row: Vec<bool> = symbols.iter().flat_map(|s| spread(&alphabet.widths(*s))).collect();
            row.extend(spread(&[2.0, 3.0, 3.0, 1.0, 1.0, 1.0, 2.0]));
            row
        };
        let mut out = Vec::new();
        for (off, read) in whole.iter().take(2) {
            if *off > GOOD {
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

/// Symbols that are compared side by side.
const LANES: usize = 8;
type Lanes = [f32; LANES];
/// Bars of a symbol, at most, and the one behind it.
const BARS: usize = 6;
/// A symbol so far off is not saved by a nudge.
const NEAR: f32 = 0.25;

/// Bars and gaps in turn of each symbol, in modules. All symbols have as many and the same length.
struct Alphabet {
    count: usize,
    runs: usize,
    /// Symbols in groups of lanes, each group run after run; the last symbol fills what is left.
    groups: Vec<Lanes>,
}

impl Alphabet {
    fn of<'a>(symbols: impl Iterator<Item = &'a [f32]>) -> Alphabet {
        let symbols: Vec<&[f32]> = symbols.collect();
        let runs = symbols.first().map_or(0, |s| s.len());
        let lanes = |group: &[&[f32]], run: usize| -> Lanes {
            std::array::from_fn(|lane| {
                group.get(lane).or(group.last()).and_then(|s| s.get(run)).copied().unwrap_or(0.0)
            })
        };
        let groups = symbols.chunks(LANES).flat_map(|group| (0..runs).map(move |run| lanes(group, run))).collect();
        Alphabet { count: symbols.len(), runs, groups }
    }

    fn widths(&self, symbol: usize) -> Vec<f32> {
        let group = self.groups.chunks_exact(self.runs.max(1)).nth(symbol / LANES).unwrap_or(&[]);
        group.iter().map(|lanes| lanes[symbol % LANES]).collect()
    }
}

widened!(nearest = read(ink: &'w [f32], at: Place, count: usize, alphabet: &'w Alphabet, least: Least)
    -> Option<(Vec<Symbol>, f32)>);

#[inline(always)]
fn read(ink: &[f32], at: Place, count: usize, alphabet: &Alphabet, least: Least) -> Option<(Vec<Symbol>, f32)> {
    let Place { from, module, spread } = at;
    let mean = |total: f32, count: usize| total / count.max(1) as f32;
    let (runs, all) = (alphabet.runs.max(1), alphabet.count);
    let scaled: Vec<Lanes> = alphabet.groups.iter().map(|lanes| lanes.map(|w| w * module)).collect();
    let length = alphabet.groups.iter().take(runs).map(|lanes| lanes[0]).sum::<f32>() * module;
    let (mut drift, mut total, mut at) = (0.0f32, 0.0f32, from);
    let mut out = Vec::with_capacity(count);
    // Of each symbol, how far off it is and by which nudge.
    let mut own = vec![(f32::INFINITY, 0.0f32); scaled.len() / runs * LANES];
    let mut near: Vec<usize> = Vec::with_capacity(all);
    for number in 0..count {
        for (group, own) in scaled.chunks_exact(runs).zip(own.chunks_exact_mut(LANES)) {
            let off = distances(ink, at + drift, group, spread);
            own.iter_mut().zip(off).for_each(|(own, off)| *own = (off, 0.0));
        }
        near.clear();
        near.extend((0..all).filter(|n| own[*n].0 <= NEAR));
        for step in [-0.35, 0.35] {
            let mut kept = 0;
            for from in (0..near.len()).step_by(LANES) {
                let some = from..(from + LANES).min(near.len());
                let which: [usize; LANES] = std::array::from_fn(|lane| near[(from + lane).min(some.end - 1)]);
                let mut group = [[0.0; LANES]; 2 * BARS];
                for (run, lanes) in group.iter_mut().take(runs).enumerate() {
                    *lanes = std::array::from_fn(|l| scaled[which[l] / LANES * runs + run][which[l] % LANES]);
                }
                let off = distances(ink, at + drift + step, &group[..runs], spread);
                for (&n, off) in which.iter().zip(off).take(some.len()) {
                    if off < own[n].0 {
                        own[n] = (off, step);
                    }
                    if off <= NEAR {
                        near[kept] = n;
                        kept += 1;
                    }
                }
            }
            near.truncate(kept);
        }
        let (mut best, mut second, mut moved) = ((0usize, f32::INFINITY), (0usize, f32::INFINITY), 0.0);
        for (n, own) in own.iter().take(all).enumerate() {
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
        // No symbol makes up for those before it.
        if number == 1 && mean(total, 2) > least.first_two || mean(total, count) > least.whole {
            return None;
        }
        at += length;
        out.push(Symbol { best: best.0, second: second.0, margin: second.1 - best.1 });
    }
    Some((out, mean(total, count)))
}

/// Squared distance of ink from symbols drawn at `from`, per pixel. `widths`: bar, gap, bar, .. in pixels; a bar follows.
#[inline(always)]
fn distances(ink: &[f32], from: f32, widths: &[Lanes], spread: f32) -> Lanes {
    let start = from.round();
    let mut length = [0.0f32; LANES];
    widths.iter().for_each(|w| (0..LANES).for_each(|l| length[l] += w[l]));
    let counts = length.map(|length| length.round().max(1.0));
    // Bars in pixels of the drawing, whose first is one before the symbol.
    let (mut left, mut right) = ([[0.0f32; LANES]; BARS], [[0.0f32; LANES]; BARS]);
    let bars = (widths.len() / 2 + 1).min(BARS);
    let mut at = [from; LANES];
    for n in 0..bars {
        for l in 0..LANES {
            let end = if n + 1 == bars { at[l] + 3.0 } else { at[l] + widths[2 * n][l] + spread };
            left[n][l] = (at[l] - spread - start + 1.0).max(0.0);
            right[n][l] = (end - start + 1.0).min(counts[l] + 2.0);
            if n + 1 < bars {
                at[l] += widths[2 * n][l];
                at[l] += widths[2 * n + 1][l];
            }
        }
    }
    // From pixel to pixel only the bars that one of the lanes shows there.
    let first: [f32; BARS] = left.map(|lanes| lanes.into_iter().fold(f32::INFINITY, f32::min));
    let last: [f32; BARS] = right.map(|lanes| lanes.into_iter().fold(0.0, f32::max));
    let (mut from_bar, mut to_bar) = (0, 0);
    let mut sums = [0.0f32; LANES];
    let most = counts.iter().fold(1.0f32, |most, count| most.max(*count)) as usize;
    let (mut before, mut own) = ([0.0f32; LANES], [0.0f32; LANES]);
    for place in 0..most + 2 {
        let (x, next) = (place as f32, place as f32 + 1.0);
        while from_bar < bars && last[from_bar] <= x {
            from_bar += 1;
        }
        while to_bar < bars && first[to_bar] < next {
            to_bar += 1;
        }
        let mut covered = [0.0f32; LANES];
        for bar in from_bar..to_bar {
            let (left, right) = (&left[bar], &right[bar]);
            (0..LANES).for_each(|l| covered[l] += (right[l].min(next) - left[l].max(x)).max(0.0));
        }
        let after = covered.map(|c| c.min(1.0));
        // A pixel is known by those on either side.
        if let Some(i) = place.checked_sub(2)
            && let Some(seen) = usize::try_from(start as isize + i as isize).ok().and_then(|x| ink.get(x))
        {
            for l in 0..LANES {
                let shown = own[l] * (1.0 - 2.0 * BLUR) + BLUR * (before[l] + after[l]);
                let off = (seen - shown) * (seen - shown);
                sums[l] += if (i as f32) < counts[l] { off } else { 0.0 };
            }
        }
        (before, own) = (own, after);
    }
    std::array::from_fn(|l| sums[l] / counts[l])
}

/// Pairs of digits of interleaved 2 of 5, bars and gaps in turn.
fn pairs_of_digits(ratio: f32) -> Alphabet {
    let wide = |w: u8| if w == 1 { ratio } else { 1.0 };
    let pair =
        |n: usize| DIGITS[n / 10].into_iter().zip(DIGITS[n % 10]).flat_map(|(b, g)| [wide(b), wide(g)]).collect();
    let all: Vec<Vec<f32>> = (0..100).map(pair).collect();
    Alphabet::of(all.iter().map(|s| &s[..]))
}

/// Of Code 128 what it begins with, all but the stop, and the stop.
struct Alphabets {
    starts: Alphabet,
    all: Alphabet,
    stop: Alphabet,
}

fn alphabets128() -> &'static Alphabets {
    static ALPHABETS: OnceLock<Alphabets> = OnceLock::new();
    ALPHABETS.get_or_init(|| {
        let starts = [[2.0, 1.0, 1.0, 4.0, 1.0, 2.0], [2.0, 1.0, 1.0, 2.0, 1.0, 4.0], [2.0, 1.0, 1.0, 2.0, 3.0, 2.0]];
        let stop = [2.0, 3.0, 3.0, 1.0, 1.0, 1.0];
        Alphabets {
            starts: Alphabet::of(starts.iter().map(|s| &s[..])),
            all: alphabet128(),
            stop: Alphabet::of([&stop[..]].into_iter()),
        }
    })
}

/// Three bars and three gaps of 1 to 4 modules, 11 together, the bars an even number.
fn alphabet128() -> Alphabet {
    let mut all: Vec<[f32; 6]> = Vec::with_capacity(108);
    for code in 0..4u32.pow(6) {
        let widths: [u32; 6] = std::array::from_fn(|i| code / 4u32.pow(i as u32) % 4 + 1);
        let bars = widths[0] + widths[2] + widths[4];
        if widths.iter().sum::<u32>() == 11 && bars.is_multiple_of(2) {
            all.push(widths.map(|w| w as f32));
        }
    }
    Alphabet::of(all.iter().map(|s| &s[..]))
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
        assert_eq!(alphabet128().count, 108);
    }
}
