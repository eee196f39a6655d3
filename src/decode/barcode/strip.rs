//! One row through the bars, drawn at three pixels a column in black and white, and read by the readers of others: they look
//! for a start at the first of all, so a row without one is not given to them.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::DecodeHints;
use rxing::oned::{MultiFormatOneDReader, OneDReader};

use super::square::{bit_array, edges_of};
use super::{Code, Symbology, format_of, printable};
use crate::imaging::Bits;

/// Where black begins between the lightest and the darkest nearby: as it comes, at the middle, for print that has spread,
/// for print that is thin; then by how many thirds of a pixel each bar is made wider on either side.
pub(super) const BAR_CUTS: [Cut; 7] = [
    Cut::AsItComes,
    Cut::Near(0.5, 0),
    Cut::Near(0.75, 0),
    Cut::Near(0.3, 0),
    Cut::Near(0.5, -1),
    Cut::Near(0.5, -2),
    Cut::Near(0.5, 1),
];

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cut {
    AsItComes,
    Near(f32, isize),
}

impl Cut {
    /// Bars are as wide as they were seen.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Cut::AsItComes | Cut::Near(_, 0))
    }
}

/// A profile drawn for the row reader: three pixels a column, white on both sides.
pub(super) struct Drawn {
    /// Darkness of each pixel.
    fine: Vec<f32>,
    /// By column, from the one before the first: the lightest and the darkest nearby.
    near: Vec<(f32, f32)>,
}

const FINER: usize = 3;
const QUIET: usize = 60;
/// Columns before and after one that are near it.
const NEAR: (isize, isize) = (14, 15);

impl Drawn {
    pub(super) fn new(profile: &[f32]) -> Drawn {
        let mut fine = Vec::with_capacity(profile.len() * FINER);
        let mut before = 0.0;
        for (column, &value) in profile.iter().enumerate() {
            let after = profile.get(column + 1).copied().unwrap_or(0.0);
            let beside =
                [(column as f32 - 1.0, before, value), (column as f32, value, after), (column as f32, value, after)];
            for (i, (left, a, b)) in beside.into_iter().enumerate() {
                let x = ((column * FINER + i) as f32 + 0.5) / FINER as f32 - 0.5;
                let part = x - left;
                fine.push(a * (1.0 - part) + b * part);
            }
            before = value;
        }
        Drawn { fine, near: extremes(profile) }
    }

    pub(super) fn strip(&self, cut: Cut) -> Strip {
        match cut {
            Cut::AsItComes => Strip::of(sharpened(&self.fine)),
            Cut::Near(share, grown) => {
                let limit = |(low, high): &(f32, f32)| low + (high.max(60.0) - low) * share;
                let limits: Vec<f32> = self.near.iter().map(limit).collect();
                // The first pixel of a column lies left of its middle, the others not.
                let dark = self.fine.chunks_exact(FINER).zip(limits.windows(2));
                let dark = dark.flat_map(|(v, limit)| [v[0] > limit[0], v[1] > limit[1], v[2] > limit[1]]);
                let mut row = packed(dark, self.fine.len());
                (0..grown.unsigned_abs()).for_each(|_| spread(row.row_mut(0), grown > 0));
                Strip::of(row)
            }
        }
    }
}

/// Pixels between white on both sides, black where told.
fn packed(dark: impl Iterator<Item = bool>, count: usize) -> Bits {
    let mut out = Bits::new(count + 2 * QUIET, 1);
    let words = out.row_mut(0);
    for (x, dark) in (QUIET..).zip(dark) {
        words[x / 64] |= u64::from(dark) << (63 - x % 64);
    }
    out
}

/// Bars a pixel wider on either side, or narrower.
fn spread(words: &mut [u64], wider: bool) {
    let mut before = 0;
    for n in 0..words.len() {
        let (own, after) = (words[n], words.get(n + 1).copied().unwrap_or(0));
        let (left, right) = (own >> 1 | before << 63, own << 1 | after >> 63);
        words[n] = if wider { own | left | right } else { own & left & right };
        before = own;
    }
}

/// Black and white of a row by its histogram and a filter that sharpens, to the letter as the readers' own threshold does
/// it. White throughout where there is too little contrast.
fn sharpened(fine: &[f32]) -> Bits {
    let mut row = vec![255u8; fine.len() + 2 * QUIET];
    row[QUIET..].iter_mut().zip(fine).for_each(|(pixel, value)| *pixel = 255 - *value as u8);
    let Some(limit) = black_point(&row) else { return packed(std::iter::empty(), fine.len()) };
    let dark = row[QUIET - 1..].windows(3).take(fine.len());
    let dark = dark.map(|v| (4 * i32::from(v[1]) - i32::from(v[0]) - i32::from(v[2])) / 2 < limit);
    packed(dark, fine.len())
}

/// The lowest place between the two peaks of a histogram of 32 steps, rather near the light one.
fn black_point(row: &[u8]) -> Option<i32> {
    let mut steps = [0u64; 32];
    row.iter().for_each(|v| steps[usize::from(v / 8)] += 1);
    // Of equals the first.
    let first_of = |worth: &dyn Fn(usize) -> u64| (0..32).rev().max_by_key(|i| worth(*i)).unwrap_or(0);
    let one = first_of(&|i| steps[i]);
    let other = first_of(&|i| steps[i] * (i.abs_diff(one) as u64).pow(2));
    let (dark, light) = (one.min(other), one.max(other));
    if light - dark <= 2 {
        return None;
    }
    let valley = |i: usize| ((i - dark) as u64).pow(2) * (light - i) as u64 * (steps[one] - steps[i]);
    // Of equals the last.
    let limit = (dark + 1..=light).max_by_key(|i| valley(*i))?;
    Some(limit as i32 * 8)
}

/// The least and the greatest near each column, paper (0) outside, from the column before the first to the one behind the
/// last.
fn extremes(profile: &[f32]) -> Vec<(f32, f32)> {
    let (before, after) = NEAR;
    let padded: Vec<f32> = std::iter::repeat_n(0.0, before as usize + 1)
        .chain(profile.iter().copied())
        .chain(std::iter::repeat_n(0.0, after as usize + 1))
        .collect();
    let mut levels: Vec<(f32, f32)> = padded.iter().map(|v| (v.min(255.0), v.max(0.0))).collect();
    // Windows of 1, 2, 4, 8, 16 columns, then two of 16 that overlap make the 30.
    let reach = (before + after + 1) as usize;
    let join = |levels: &mut Vec<(f32, f32)>, step: usize| {
        for i in 0..levels.len().saturating_sub(step) {
            let other = levels[i + step];
            levels[i] = (levels[i].0.min(other.0), levels[i].1.max(other.1));
        }
    };
    let mut wide = 1;
    while wide * 2 <= reach {
        join(&mut levels, wide);
        wide *= 2;
    }
    join(&mut levels, reach - wide);
    levels.truncate(profile.len() + 2);
    levels
}

/// A row in black and white.
pub(super) struct Strip {
    row: Bits,
    /// Where bars begin and end, in turn; the same read from the right.
    edges: Vec<u32>,
    back: Vec<u32>,
}

impl Strip {
    fn of(row: Bits) -> Strip {
        let mut edges = Vec::new();
        edges_of(&row, 0, &mut edges);
        let width = row.width() as u32;
        let back = edges.iter().rev().map(|edge| width - edge).collect();
        Strip { row, edges, back }
    }

    /// What the row says, from either side.
    pub(super) fn read(&self, symbology: Symbology) -> Option<Code> {
        if !self.may_say(symbology) {
            return None;
        }
        let hints = DecodeHints {
            PossibleFormats: Some(HashSet::from([format_of(symbology)])),
            AllowedLengths: (symbology == Symbology::Itf).then(|| (6..=80).step_by(2).collect()),
            ..Default::default()
        };
        // What a made-up row does to a reader of others must not take the process down.
        let read = || {
            let mut reader = MultiFormatOneDReader::new(&hints);
            let mut row = bit_array(&self.row, 0);
            for turn in [0, 180] {
                if turn == 180 {
                    row.reverse();
                }
                if let Ok(result) = reader.decode_row(0, &row, &hints) {
                    return Some(Code { text: result.getText().to_owned(), turn });
                }
            }
            None
        };
        let code = catch_unwind(AssertUnwindSafe(read)).ok()??;
        printable(&code.text).then_some(code)
    }

    /// Does the row show what the reader must see before all else? No more is asked for than the reader asks: a start of
    /// Code 128 with white before it; a start and an end of ITF.
    fn may_say(&self, symbology: Symbology) -> bool {
        match symbology {
            Symbology::Code128 => [&self.edges, &self.back].into_iter().any(|edges| has_start128(edges)),
            Symbology::Itf => {
                let whole = |from: &[u32], back: &[u32]| narrow_of_itf(from).is_some_and(|n| has_end_of_itf(back, n));
                whole(&self.edges, &self.back) || whole(&self.back, &self.edges)
            }
            _ => true,
        }
    }
}

/// Bars and gaps from each bar on as far as the next bar: their widths, the white before and the place of the first.
fn runs<const RUNS: usize>(edges: &[u32]) -> impl Iterator<Item = ([u32; RUNS], u32, u32)> {
    edges.windows(RUNS + 1).enumerate().step_by(2).map(move |(i, run)| {
        let before = if i == 0 { run[0] } else { run[0] - edges[i - 1] };
        (std::array::from_fn(|i| run[i + 1] - run[i]), before, run[0])
    })
}

/// No width is further from the pattern than `single` and all together are not than `all`, in thousandths of a module and of
/// the whole; what rounding could change counts as near.
fn is_near<const RUNS: usize>(widths: &[u32; RUNS], pattern: [u32; RUNS], single: u32, all: u32) -> bool {
    let (total, modules) = (widths.iter().sum::<u32>(), pattern.iter().sum::<u32>());
    if total < modules {
        return false;
    }
    let off = |(width, wanted): (&u32, u32)| (width * modules).abs_diff(wanted * total) * 1000;
    let mut sum = 0;
    for off in widths.iter().zip(pattern).map(off) {
        if off > single * total + 1000 {
            return false;
        }
        sum += off;
    }
    sum <= all * modules * total + 1000
}

fn has_start128(edges: &[u32]) -> bool {
    runs::<6>(edges).any(|(widths, before, at)| {
        let white = (widths.iter().sum::<u32>() / 2).min(at);
        let starts = [[2, 1, 1, 4, 1, 2], [2, 1, 1, 2, 1, 4], [2, 1, 1, 2, 3, 2]];
        before >= white && starts.into_iter().any(|start| is_near(&widths, start, 700, 250))
    })
}

/// Pixels of a narrow bar by the start that has the narrowest.
fn narrow_of_itf(edges: &[u32]) -> Option<u32> {
    let narrow = |(widths, before, at): ([u32; 4], u32, u32)| {
        let narrow = widths.iter().sum::<u32>() / 4;
        (before >= (10 * narrow).min(at) && is_near(&widths, [1; 4], 500, 380)).then_some(narrow)
    };
    runs(edges).filter_map(narrow).min()
}

fn has_end_of_itf(back: &[u32], narrow: u32) -> bool {
    runs(back).any(|(widths, before, at): ([u32; 3], u32, u32)| {
        let ends = [[1, 1, 2], [1, 1, 3]];
        before >= (10 * narrow).min(at) && ends.into_iter().any(|end| is_near(&widths, end, 500, 380))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::to_gray;
    use rxing::common::GlobalHistogramBinarizer;
    use rxing::{Binarizer, Luma8LuminanceSource, MultiFormatWriter, Writer};

    /// Profiles of codes that are blurred, spread and cut off, and of stripes that are none.
    fn profiles() -> Vec<Vec<f32>> {
        let mut seed = 7u64;
        let mut dice = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        let mut all = Vec::new();
        for n in 0..600 {
            let symbology = [Symbology::Code128, Symbology::Itf, Symbology::Code39][n % 3];
            let code = MultiFormatWriter.encode("6907092000002538", &format_of(symbology), 0, 0).unwrap();
            let module = 1.4 + dice(30) as f32 / 10.0;
            let spread = dice(11) as f32 / 10.0 - 0.5;
            let quiet = dice(20) as f32;
            let ink = |x: f32| {
                let at = (x - quiet) / module;
                at >= 0.0 && at < code.getWidth() as f32 && code.get(at as u32, 0)
            };
            let width = (code.getWidth() as f32 * module + 2.0 * quiet) as usize;
            let mut profile: Vec<f32> = (0..width)
                .map(|x| {
                    let fine = (0..8).map(|i| x as f32 + i as f32 / 8.0);
                    let dark = fine.filter(|x| if spread > 0.0 { ink(x - spread) || ink(x + spread) } else { ink(*x) });
                    dark.count() as f32 * 28.0 + dice(20) as f32
                })
                .collect();
            if n % 5 == 0 {
                let stripes = dice(9) as usize + 2;
                profile = (0..width).map(|x| if x / 2 * x % 7 < stripes { 200.0 } else { dice(60) as f32 }).collect();
            }
            if n % 2 == 0 {
                profile.reverse();
            }
            all.push(profile);
        }
        all
    }

    #[test]
    fn no_row_is_kept_from_a_reader_that_reads_it() {
        let (mut read, mut kept) = (0, 0);
        for profile in profiles() {
            let drawn = Drawn::new(&profile);
            for cut in BAR_CUTS {
                let strip = drawn.strip(cut);
                for symbology in [Symbology::Code128, Symbology::Itf] {
                    let hints = DecodeHints {
                        PossibleFormats: Some(HashSet::from([format_of(symbology)])),
                        AllowedLengths: (symbology == Symbology::Itf).then(|| (6..=80).step_by(2).collect()),
                        ..Default::default()
                    };
                    let mut row = bit_array(&strip.row, 0);
                    let mut reader = MultiFormatOneDReader::new(&hints);
                    let there = reader.decode_row(0, &row, &hints).is_ok();
                    row.reverse();
                    let any = there || reader.decode_row(0, &row, &hints).is_ok();
                    assert!(strip.may_say(symbology) || !any);
                    read += usize::from(any);
                    kept += usize::from(!strip.may_say(symbology));
                }
            }
        }
        assert!(read > 500 && kept > 500, "{read} {kept}");
    }

    #[test]
    fn rows_are_sharpened_as_the_readers_do() {
        for profile in profiles().into_iter().chain([vec![0.0; 80], vec![3.0; 80], vec![255.0; 80]]) {
            for fainter in [1.0, 0.3, 0.05] {
                let drawn = Drawn::new(&profile.iter().map(|v| v * fainter).collect::<Vec<f32>>());
                let pixels: Vec<u8> = drawn.fine.iter().map(|v| 255 - *v as u8).collect();
                let quiet = [255u8; QUIET];
                for cut in BAR_CUTS {
                    let strip = drawn.strip(cut);
                    let row = match cut {
                        Cut::AsItComes => [&quiet[..], &pixels[..], &quiet[..]].concat(),
                        // What is black and white stays so.
                        Cut::Near(..) => to_gray(&strip.row).pixels().to_vec(),
                    };
                    let width = row.len() as u32;
                    let given = GlobalHistogramBinarizer::new(Luma8LuminanceSource::new(row, width, 1).unwrap());
                    match given.get_black_row(0) {
                        Ok(wanted) => assert_eq!(*wanted, bit_array(&strip.row, 0)),
                        Err(_) => assert!(strip.edges.is_empty()),
                    }
                }
            }
        }
    }
}
