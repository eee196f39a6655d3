//! PDF417 by its known parts: the start and stop patterns give the place and width of a module and how the press and the
//! scanner smear it, the row indicators give the rows, and each codeword is the pattern that best explains its ink; the
//! doubtful ones are erasures. ISO/IEC 15438. Modules down to less than two pixels; refuses codes on their side.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rxing::pdf417::decoder::decoded_bit_stream_parser;
use rxing::pdf417::pdf_417_common::{CODEWORD_TABLE, SYMBOL_TABLE};

use super::Code;
use super::field::correct;
use crate::imaging::wide::widened;

const MODULES: usize = 17;
const CODEWORDS: usize = 929;
/// Bars and gaps of the two guards, in modules.
const START: [usize; 8] = [8, 1, 1, 1, 1, 1, 1, 3];
const STOP: [usize; 9] = [7, 1, 1, 3, 1, 1, 1, 2, 1];
const STOP_MODULES: usize = 18;

/// Ink of a patch, 0 paper to 1.
pub struct Patch<'a> {
    pub width: usize,
    pub height: usize,
    pub ink: &'a [f32],
}

/// Codewords in groups of lanes, the last filled up with paper: ink of each module.
type Groups = Vec<[Lanes; MODULES]>;

/// Of the three clusters each codeword's ink of each module, one by one and in groups.
type Patterns = ([Vec<[f32; MODULES]>; 3], [Groups; 3]);

/// The patterns of the three clusters by codeword.
fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let mut all = [(); 3].map(|()| vec![[0.0; MODULES]; CODEWORDS]);
        for (symbol, code) in SYMBOL_TABLE.iter().zip(CODEWORD_TABLE) {
            let ink: [f32; MODULES] = std::array::from_fn(|i| (symbol >> (MODULES - 1 - i) & 1) as f32);
            let runs: Vec<i32> = ink.chunk_by(|a, b| a == b).map(|run| run.len() as i32).collect();
            let [b1, _, b2, _, b3, _, b4, ..] = runs[..] else { continue };
            let cluster = (b1 - b2 + b3 - b4).rem_euclid(9) / 3;
            all[cluster as usize][(code as usize + CODEWORDS - 1) % CODEWORDS] = ink;
        }
        let side_by_side = |patterns: &[[f32; MODULES]]| -> [Lanes; MODULES] {
            std::array::from_fn(|i| std::array::from_fn(|l| patterns.get(l).map_or(0.0, |p| p[i])))
        };
        let groups = std::array::from_fn(|cluster| all[cluster].chunks(LANES).map(side_by_side).collect());
        (all, groups)
    })
}

widened!(explained = products(groups: &'w Groups, weights: &'w [f32; MODULES]) -> Vec<Lanes>);

/// Of each codeword the sum of the weights of its inked modules.
#[inline(always)]
fn products(groups: &Groups, weights: &[f32; MODULES]) -> Vec<Lanes> {
    let one = |group: &[Lanes; MODULES]| {
        let mut sums = [0.0; LANES];
        for (inks, weight) in group.iter().zip(weights) {
            sums.iter_mut().zip(inks).for_each(|(sum, ink)| *sum += ink * weight);
        }
        sums
    };
    groups.iter().map(one).collect()
}

/// Where the code lies: pixels of its upper left corner, across a module, and how it leans.
#[derive(Clone, Copy, Debug)]
struct Frame {
    x: f32,
    module: f32,
    columns: usize,
    top: f32,
    foot: f32,
    slope: f32,
}

impl Frame {
    fn modules(&self) -> usize {
        MODULES * (self.columns + 3) + STOP_MODULES
    }
}

/// How a module looks by its own ink and its neighbours': paper, own share, neighbours' share.
#[derive(Clone, Copy, Debug)]
struct Smear {
    paper: f32,
    own: f32,
    beside: f32,
}

impl Smear {
    fn of(&self, before: f32, own: f32, after: f32) -> f32 {
        self.paper + self.own * own + self.beside * (before + after)
    }
}

/// What a patch shows of a PDF417 that stands upright or upside down.
pub struct Seen {
    pub code: Option<Code>,
    /// How well the best pair of guards explains the ends of the patch, -1 to 1. Of 77 patches of pages those with a code had 0.87
    /// and more, those without 0.47 and less.
    pub guards: f32,
}

/// Guards that explain the ends no better than this are none.
pub const GUARDED: f32 = 0.55;

/// Guards that explain the ends so well are those of a code that stands so.
const SURE: f32 = 0.85;

pub fn read(patch: &Patch) -> Seen {
    let upright = frames(patch).unwrap_or_default();
    let of_upright = best_of(&upright);
    if of_upright >= SURE
        && let Some(text) = read_frames(patch, &upright)
    {
        return Seen { code: Some(Code { text, turn: 0 }), guards: of_upright };
    }
    let turned: Vec<f32> = patch.ink.iter().rev().copied().collect();
    let back = Patch { ink: &turned, ..*patch };
    let turned = frames(&back).unwrap_or_default();
    let of_turned = best_of(&turned);
    let of_upright_again = || if of_upright < SURE { read_frames(patch, &upright) } else { None };
    let text = |turn: u16| match turn {
        0 => of_upright_again(),
        _ => read_frames(&back, &turned),
    };
    let order = if of_turned > of_upright { [180, 0] } else { [0, 180] };
    let code = order.into_iter().find_map(|turn| text(turn).map(|text| Code { text, turn }));
    Seen { code, guards: of_upright.max(of_turned) }
}

/// How well the best of them fits.
fn best_of(frames: &[(f32, Frame)]) -> f32 {
    frames.first().map_or(-1.0, |f| f.0)
}

/// The text by the frames that fit about as well as the best.
fn read_frames(patch: &Patch, frames: &[(f32, Frame)]) -> Option<String> {
    let best = best_of(frames);
    if best < GUARDED {
        return None;
    }
    let likely = frames.iter().take_while(|f| f.0 > best - 0.12).take(3);
    likely.into_iter().find_map(|(_, frame)| read_frame(patch, frame))
}

widened!(profile = along(patch: &'w Patch<'w>, top: usize, foot: usize, slope: f32) -> Vec<f32>);

/// Mean ink of each column between two rows, along lines that lean by `slope`.
#[inline(always)]
fn along(patch: &Patch, top: usize, foot: usize, slope: f32) -> Vec<f32> {
    let mut sums = vec![0.0f32; patch.width];
    let middle = (top + foot) as f32 / 2.0;
    for y in top..foot {
        let shift = (slope * (y as f32 - middle)).round() as isize;
        let row = &patch.ink[y * patch.width..(y + 1) * patch.width];
        let (to, from) = (shift.max(0) as usize, (-shift).max(0) as usize);
        let (sums, row) = (&mut sums[to.min(patch.width)..], &row[from.min(patch.width)..]);
        sums.iter_mut().zip(row).for_each(|(sum, ink)| *sum += ink);
    }
    let rows = (foot - top).max(1) as f32;
    sums.iter_mut().for_each(|s| *s /= rows);
    sums
}

/// Places and numbers of columns by how well the guards fit, the best first.
fn frames(patch: &Patch) -> Option<Vec<(f32, Frame)>> {
    let rows: Vec<f32> = patch.ink.chunks_exact(patch.width).map(|r| r.iter().sum()).collect();
    let mut sorted = rows.clone();
    sorted.sort_by(f32::total_cmp);
    let usual = sorted[sorted.len() * 7 / 10];
    let full = |v: &f32| *v > 0.45 * usual;
    let (top, foot) = (rows.iter().position(full)?, rows.iter().rposition(full)? + 1);
    if foot - top < 8 || usual < 1.0 {
        return None;
    }
    let room = (foot - top) / 10;
    let (inner_top, inner_foot) = (top + room, foot - room);
    // The guards are straight bars: they are sharpest along the code's own lean.
    let sharp = |slope: f32| {
        let p = profile(patch, inner_top, inner_foot, slope);
        p.windows(2).map(|w| (w[1] - w[0]) * (w[1] - w[0])).sum::<f32>() - slope.abs() * 0.5
    };
    let slopes = (-6..=6).map(|i| i as f32 * 0.006);
    let (_, slope) = slopes.map(|s| (sharp(s), s)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let ends = profile(patch, inner_top, inner_foot, slope);
    // Whole sums, so that the ink between any two points is a subtraction.
    let mut sums = vec![0.0f32; ends.len() + 1];
    ends.iter().enumerate().for_each(|(i, v)| sums[i + 1] = sums[i] + v);
    let sums: Vec<[f32; 2]> = sums.windows(2).map(|w| [w[0], w[1] - w[0]]).collect();
    let dark = ends.iter().copied().fold(0.0f32, f32::max);
    let inked = |v: &f32| *v > 0.5 * dark;
    let (first, last) = (ends.iter().position(inked)?, ends.iter().rposition(inked)? + 1);
    let mut found: Vec<(f32, Frame)> = Vec::new();
    for columns in 1..=30 {
        let modules = (MODULES * (columns + 3) + STOP_MODULES) as f32;
        let rough = (last - first) as f32 / modules;
        if !(1.2..=14.0).contains(&rough) {
            continue;
        }
        let (mut best, mut ends) = (f32::NEG_INFINITY, (first as f32, last as f32));
        for (step, reach) in [(0.8, 4), (0.4, 1), (0.2, 1)] {
            let from = ends;
            let places = (-reach..=reach).flat_map(|left| (-reach..=reach).map(move |right| (left, right)));
            let places = places.map(|(left, right)| (from.0 + left as f32 * step, from.1 + right as f32 * step));
            let places: Vec<(f32, f32)> = places.collect();
            for places in places.chunks(LANES) {
                let xs = std::array::from_fn(|l| places[l.min(places.len() - 1)].0);
                let wide = std::array::from_fn(|l| {
                    let (x, end) = places[l.min(places.len() - 1)];
                    (end - x) / modules
                });
                for (place, score) in places.iter().zip(guards(&sums, xs, wide, columns)) {
                    if score > best {
                        (best, ends) = (score, *place);
                    }
                }
            }
            // Nothing like it: not worth a closer look.
            if best < 0.3 {
                break;
            }
        }
        let (top, foot) = (top as f32, foot as f32);
        found.push((best, Frame { x: ends.0, module: (ends.1 - ends.0) / modules, columns, top, foot, slope }));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    Some(found).filter(|f| !f.is_empty())
}

/// Ink of the guards' modules by rights.
fn guard_modules() -> &'static [Vec<f32>; 2] {
    static GUARDS: OnceLock<[Vec<f32>; 2]> = OnceLock::new();
    let spread = |runs: &[usize]| {
        runs.iter().enumerate().flat_map(|(i, n)| std::iter::repeat_n(1.0 - (i % 2) as f32, *n)).collect::<Vec<f32>>()
    };
    GUARDS.get_or_init(|| [spread(&START), spread(&STOP)])
}

/// Places, and codewords, that are looked at side by side.
const LANES: usize = 8;
type Lanes = [f32; LANES];
/// Modules of both guards, and one of paper before and behind.
const GUARDING: usize = MODULES + STOP_MODULES + 2;

widened!(guards = correlated(sums: &'w [[f32; 2]], x: Lanes, module: Lanes, columns: usize) -> Lanes);

/// Correlation of both ends with the guards' patterns, -1 to 1; paper is asked for before and behind. `sums`: the ink before
/// each column, and its own.
#[inline(always)]
fn correlated(sums: &[[f32; 2]], x: Lanes, module: Lanes, columns: usize) -> Lanes {
    let [start, stop] = guard_modules();
    let mut want = [0.0; GUARDING];
    want[1..=MODULES].iter_mut().zip(start).for_each(|(want, v)| *want = *v);
    want[MODULES + 1..].iter_mut().zip(stop).for_each(|(want, v)| *want = *v);
    let edge = |at: f32| -> (Lanes, Lanes) {
        let places: Lanes = std::array::from_fn(|l| x[l] + at * module[l]);
        let inside = places.map(|x| x.clamp(0.0, sums.len() as f32));
        let low = inside.map(|x| (x as i32).min(sums.len() as i32 - 1));
        let ink = std::array::from_fn(|l| {
            let [before, own] = sums[low[l] as usize];
            before + own * (inside[l] - low[l] as f32)
        });
        (places, ink)
    };
    let mut seen = [[0.0; LANES]; GUARDING];
    // The end of a module is the begin of the next, but for the codewords between the guards.
    let mut before = edge(-1.0);
    for (i, seen) in seen.iter_mut().enumerate() {
        let at = if i <= MODULES { i as f32 } else { (MODULES * (columns + 3)) as f32 + (i - MODULES) as f32 };
        if i == MODULES + 1 {
            before = edge(at - 1.0);
        }
        let after = edge(at);
        *seen = std::array::from_fn(|l| (after.1[l] - before.1[l]) / (after.0[l] - before.0[l]).max(1e-3));
        before = after;
    }
    let n = GUARDING as f32;
    let mw = want.iter().sum::<f32>() / n;
    let mut ms = [0.0f32; LANES];
    seen.iter().for_each(|s| (0..LANES).for_each(|l| ms[l] += s[l]));
    let ms = ms.map(|sum| sum / n);
    let (mut ss, mut ww, mut sw) = ([1e-6f32; LANES], 1e-6f32, [0.0f32; LANES]);
    for (s, w) in seen.iter().zip(&want) {
        ww += (w - mw) * (w - mw);
        for l in 0..LANES {
            ss[l] += (s[l] - ms[l]) * (s[l] - ms[l]);
            sw[l] += (s[l] - ms[l]) * (w - mw);
        }
    }
    std::array::from_fn(|l| sw[l] / (ss[l] * ww).sqrt())
}

widened!(sample = sampled(patch: &'w Patch<'w>, frame: &'w Frame, column: usize, from: f32, to: f32) -> [f32; MODULES]);

/// The modules of one codeword of one row: mean ink over the middle of each.
#[inline(always)]
fn sampled(patch: &Patch, frame: &Frame, column: usize, from: f32, to: f32) -> [f32; MODULES] {
    let middle = (frame.top + frame.foot) / 2.0;
    let half_way = frame.modules() as f32 * frame.module / 2.0;
    let steps = ((to - from).ceil() as usize).clamp(1, 12);
    let left: [f32; MODULES] = std::array::from_fn(|i| ((column * MODULES + i) as f32 + 0.12) * frame.module);
    let right = left.map(|left| left + 0.76 * frame.module);
    let lean: [f32; MODULES] = std::array::from_fn(|i| frame.slope * ((left[i] + right[i]) / 2.0 - half_way));
    let (mut sums, mut counts) = ([0.0f32; MODULES], [0.0f32; MODULES]);
    let mut held: Option<(f32, Spans)> = None;
    for step in 0..steps {
        // Down a module, and how far the code leans there.
        let v = from + (to - from) * (step as f32 + 0.5) / steps as f32;
        let shift = frame.x + frame.slope * (v - middle);
        let spans = match held.take() {
            Some((same, spans)) if same == shift => spans,
            _ => Spans::of(&left, &right, shift, patch.width),
        };
        for i in 0..MODULES {
            let y = v - lean[i];
            if y < 0.0 || y as usize >= patch.height {
                continue;
            }
            let row = &patch.ink[y as usize * patch.width..(y as usize + 1) * patch.width];
            let pixels = spans.first[i] as usize..=spans.last[i] as usize;
            let Some((head, rest)) = row.get(pixels).and_then(|seen| seen.split_first()) else { continue };
            let (sum, count) = (&mut sums[i], &mut counts[i]);
            *sum += head * spans.of_first[i];
            *count += spans.of_first[i];
            if let Some((tail, whole)) = rest.split_last() {
                for ink in whole {
                    *sum += ink;
                    *count += 1.0;
                }
                *sum += tail * spans.of_last[i];
                *count += spans.of_last[i];
            }
        }
        held = Some((shift, spans));
    }
    std::array::from_fn(|i| if counts[i] > 0.0 { sums[i] / counts[i] } else { 0.0 })
}

/// The pixels of a row that show each module: of the first and the last a part, of those between the whole.
struct Spans {
    first: [i32; MODULES],
    last: [i32; MODULES],
    of_first: [f32; MODULES],
    of_last: [f32; MODULES],
}

impl Spans {
    #[inline(always)]
    fn of(left: &[f32; MODULES], right: &[f32; MODULES], shift: f32, width: usize) -> Spans {
        let from = left.map(|left| (left + shift).max(0.0));
        let to = right.map(|right| (right + shift).max(0.0));
        let first = from.map(|from| from as i32);
        let last = to.map(|to| (to as i32).min(width as i32 - 1));
        let of_first = std::array::from_fn(|i| (to[i].min(first[i] as f32 + 1.0) - from[i]).max(0.0));
        let of_last = std::array::from_fn(|i| (to[i].min(last[i] as f32 + 1.0) - last[i] as f32).max(0.0));
        Spans { first, last, of_first, of_last }
    }
}

/// How modules look in this code, by least squares over the guards, whose modules are known.
fn smear(patch: &Patch, frame: &Frame) -> Smear {
    let [start, stop] = guard_modules();
    let (from, to) = (frame.top + 2.0, frame.foot - 2.0);
    let first = sample(patch, frame, 0, from, to);
    let last = sample(patch, frame, frame.columns + 3, from, to);
    // Normal equations of v = paper + own * a + beside * b.
    let mut sums = [[0.0f32; 4]; 3];
    for (seen, want) in [(first, start), (last, stop)] {
        for i in 1..MODULES - 1 {
            let terms = [1.0, want[i], want[i - 1] + want[i + 1]];
            for (r, a) in terms.iter().enumerate() {
                terms.iter().enumerate().for_each(|(c, b)| sums[r][c] += a * b);
                sums[r][3] += a * seen[i];
            }
        }
    }
    for i in 0..3 {
        sums[i][i] += 1e-3;
        for j in 0..3 {
            if i != j {
                let factor = sums[j][i] / sums[i][i];
                (0..4).for_each(|k| sums[j][k] -= factor * sums[i][k]);
            }
        }
    }
    let solved: [f32; 3] = std::array::from_fn(|i| sums[i][3] / sums[i][i]);
    let good = solved[1] > 0.2 && solved.iter().all(|v| v.is_finite());
    if good {
        Smear { paper: solved[0], own: solved[1], beside: solved[2].clamp(-0.1, 0.3) }
    } else {
        Smear { paper: 0.05, own: 0.9, beside: 0.0 }
    }
}

/// Squared distance of seen modules from a pattern; a codeword begins with a bar and is followed by one.
fn distance(seen: &[f32; MODULES], pattern: &[f32; MODULES], smear: &Smear) -> f32 {
    let mut sum = 0.0;
    for i in 0..MODULES {
        let before = if i == 0 { 0.0 } else { pattern[i - 1] };
        let after = if i + 1 == MODULES { 1.0 } else { pattern[i + 1] };
        let off = seen[i] - smear.of(before, pattern[i], after);
        sum += off * off;
    }
    sum
}

/// The patterns as this code shows them: what a look at a codeword needs but once.
struct Model {
    smear: Smear,
    /// Of each pattern, the sum of squares of what its modules should show beyond paper.
    squares: [Vec<f32>; 3],
}

impl Model {
    fn new(smear: Smear) -> Model {
        let bare = Smear { paper: 0.0, ..smear };
        let square = |pattern: &[f32; MODULES]| distance(&[0.0; MODULES], pattern, &bare);
        let squares = std::array::from_fn(|cluster| patterns().0[cluster].iter().map(square).collect());
        Model { smear, squares }
    }

    /// The codeword of a cluster that is nearest, and how much nearer than the next.
    fn nearest(&self, seen: &[f32; MODULES], cluster: usize) -> (u32, f32) {
        // |seen - shown|^2 without |seen|^2: the smear is moved to the seen side, so that each pattern costs one product.
        let s: [f32; MODULES] = std::array::from_fn(|i| seen[i] - self.smear.paper);
        let at = |i: Option<usize>| i.and_then(|i| s.get(i)).copied().unwrap_or(0.0);
        let weights: [f32; MODULES] = std::array::from_fn(|i| {
            -2.0 * (self.smear.own * s[i] + self.smear.beside * (at(i.checked_sub(1)) + at(Some(i + 1))))
        });
        let (mut best, mut second) = ((0u32, f32::INFINITY), f32::INFINITY);
        let products = explained(&patterns().1[cluster], &weights);
        for (code, (product, square)) in products.as_flattened().iter().zip(&self.squares[cluster]).enumerate() {
            let off = square + product;
            if off < best.1 {
                second = best.1;
                best = (code as u32, off);
            } else if off < second {
                second = off;
            }
        }
        (best.0, second - best.1)
    }
}

/// What the two indicators of a row say: left, right.
fn indicators(row: usize, rows: usize, columns: usize, level: usize) -> (usize, usize) {
    let group = 30 * (row / 3);
    let (many, wide, sure) = ((rows - 1) / 3, columns - 1, level * 3 + (rows - 1) % 3);
    match row % 3 {
        0 => (group + many, group + wide),
        1 => (group + sure, group + many),
        _ => (group + wide, group + sure),
    }
}

/// How far the indicators of a number of rows are from what they should say, by level of correction.
type Tried = (f32, usize, usize, Frame);

/// As far off as this, times and plus, a number of rows is not tried with another rim.
const RAGGED: (f32, f32) = (2.0, 1.0);
/// As far off as this it is not read.
const CLOSE: (f32, f32) = (1.25, 0.2);
/// Modules that rows are high, mostly.
const USUAL: f32 = 3.0;

/// `None` where all levels are further off than `most`.
fn indicated(patch: &Patch, frame: &Frame, rows: usize, smear: &Smear, most: f32) -> Option<[Tried; 9]> {
    let step = (frame.foot - frame.top) / rows as f32;
    let mut off = [0.0f32; 9];
    for row in 0..rows {
        let (from, to) = band(frame, row, step);
        let left = sample(patch, frame, 1, from, to);
        let right = sample(patch, frame, frame.columns + 2, from, to);
        let pattern = |code: usize| &patterns().0[row % 3][code.min(CODEWORDS - 1)];
        // Most levels say the same.
        let once = |held: &mut Option<(usize, f32)>, seen: &[f32; MODULES], code: usize| match *held {
            Some((same, off)) if same == code => off,
            _ => held.insert((code, distance(seen, pattern(code), smear))).1,
        };
        let (mut of_left, mut of_right) = (None, None);
        for (level, off) in off.iter_mut().enumerate() {
            let (l, r) = indicators(row, rows, frame.columns, level);
            *off += once(&mut of_left, &left, l) + once(&mut of_right, &right, r);
        }
        // No row makes up for those before it.
        if off.iter().all(|off| off / rows as f32 > most) {
            return None;
        }
    }
    Some(std::array::from_fn(|level| (off[level] / rows as f32, rows, level, *frame)))
}

fn read_frame(patch: &Patch, frame: &Frame) -> Option<String> {
    let smear = smear(patch, frame);
    let high = frame.foot - frame.top;
    let tall = |rows: usize| high / rows as f32 / frame.module;
    let mut numbers: Vec<usize> =
        (3..=90).filter(|rows| (1.6..=9.0).contains(&tall(*rows)) && rows * frame.columns <= 928).collect();
    // Most codes have rows of this height, and once the right number is known the wrong ones are told sooner.
    numbers.sort_by(|a, b| (tall(*a) - USUAL).abs().total_cmp(&(tall(*b) - USUAL).abs()));
    let mut tried: Vec<Tried> = Vec::new();
    let mut least = f32::INFINITY;
    for rows in numbers {
        let Some(found) = indicated(patch, frame, rows, &smear, least * RAGGED.0 + RAGGED.1) else { continue };
        least = found.iter().fold(least, |least, t| least.min(t.0));
        tried.extend(found);
    }
    tried.sort_by_key(|t| t.1);
    // The rim may be ragged by a pixel, which is no matter for a number of rows that is far off.
    let near: BTreeSet<usize> = tried.iter().filter(|t| t.0 < least * RAGGED.0 + RAGGED.1).map(|t| t.1).collect();
    for (up, down) in [(-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0)] {
        let moved = Frame { top: frame.top + up, foot: frame.foot + down, ..*frame };
        for rows in &near {
            let Some(found) = indicated(patch, &moved, *rows, &smear, least * CLOSE.0 + CLOSE.1) else { continue };
            least = found.iter().fold(least, |least, t| least.min(t.0));
            tried.extend(found);
        }
    }
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let model = Model::new(smear);
    let least = tried.first()?.0;
    tried.iter().take_while(|t| t.0 < least * CLOSE.0 + CLOSE.1).take(3).find_map(|(_, rows, level, frame)| {
        let total = rows * frame.columns;
        let checks = 2usize << level;
        if checks + 1 >= total {
            return None;
        }
        let step = (frame.foot - frame.top) / *rows as f32;
        let mut words: Vec<(u32, f32)> = Vec::with_capacity(total);
        for row in 0..*rows {
            let (from, to) = band(frame, row, step);
            for column in 0..frame.columns {
                words.push(model.nearest(&sample(patch, frame, column + 2, from, to), row % 3));
            }
        }
        mended(&words, checks)
    })
}

/// The middle of a row, where its neighbours do not show.
fn band(frame: &Frame, row: usize, step: f32) -> (f32, f32) {
    let top = frame.top + row as f32 * step;
    (top + 0.2 * step, top + 0.8 * step)
}

/// Corrects with more and more of the most doubtful codewords given up. Two checks are kept back, and the length that the
/// code itself states must be right: what is mended is as good as proved.
fn mended(words: &[(u32, f32)], checks: usize) -> Option<String> {
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by(|a, b| words[*a].1.total_cmp(&words[*b].1));
    for share in [0, 2, 4, 6, 7] {
        let given_up = (checks * share / 8).min(checks.saturating_sub(2));
        let mut fixed: Vec<u32> = words.iter().map(|w| w.0).collect();
        let doubtful = &order[..given_up];
        let Some(errors) = correct(&mut fixed, checks, doubtful) else { continue };
        if 2 * errors + given_up + 2 > checks && checks > 4 || fixed[0] as usize != words.len() - checks {
            continue;
        }
        let data = &fixed[..words.len() - checks];
        let read = std::panic::catch_unwind(|| decoded_bit_stream_parser::decode(data, "0"));
        if let Ok(Ok(found)) = read {
            let text = found.getText().to_string();
            if !text.is_empty() {
                return Some(text);
            }
        }
    }
    None
}
