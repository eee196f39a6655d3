//! QR by the readers of others, who want black and white. A QR has three corners, and both readers look for them the same way:
//! along every so many rows for runs of 1 : 1 : 3 : 1 : 1, and from their middle up, down and aslant. Here the runs are taken
//! from words of bits, and only where corners are seen do the readers follow: without they find nothing.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::common::cpp_essentials::LocateConcentricPattern;
use rxing::common::{BIT_FIELD_BASE_BITS, BitArray, BitMatrix, GlobalHistogramBinarizer, LineOrientation, Result};
use rxing::qrcode::detector::FinderPatternFinder;
use rxing::qrcode::{QRCodeReader, cpp_port::QrReader};
use rxing::{BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, Point, RXingResult, Reader};

use super::{Code, printable};
use crate::imaging::wide::widened;
use crate::imaging::{Bits, Gray, to_gray};

/// Pixels of a side of the blocks that a threshold is found for, and how many blocks a side make their surroundings.
const BLOCK: usize = 8;
const AROUND: usize = 5;
/// A narrower or lower picture has no thresholds of its own places.
pub(super) const LEAST_SIDE: usize = BLOCK * AROUND;
/// A block of less contrast is all light or all dark.
const CONTRAST: u8 = 24;

/// A QR in black and white; `harder` looks at more rows.
pub(super) fn read(bits: &Bits, harder: bool) -> Option<Code> {
    let hints = DecodeHints {
        PossibleFormats: Some(HashSet::from([BarcodeFormat::QR_CODE])),
        TryHarder: harder.then_some(true),
        ..Default::default()
    };
    let matrix = OnceCell::new();
    let seen = || Corners::of(bits, || matrix.get_or_init(|| matrix_of(bits)), harder);
    // What a made-up picture does to a reader of others must not take the process down.
    let corners = catch_unwind(AssertUnwindSafe(seen)).unwrap_or(Corners { newer: true, older: true });
    if !corners.newer && !corners.older {
        return None;
    }
    matrix.get_or_init(|| matrix_of(bits));
    let given = Given { matrix: matrix.into_inner()??, none: Luma8LuminanceSource::with_empty_image(1, 1) };
    let read = || by_others(&mut BinaryBitmap::new(given), &hints, corners);
    let (result, turn) = catch_unwind(AssertUnwindSafe(read)).ok()??;
    let text = result.getText().to_owned();
    printable(&text).then_some(Code { text, turn })
}

fn by_others<B: Binarizer>(
    picture: &mut BinaryBitmap<B>,
    hints: &DecodeHints,
    corners: Corners,
) -> Option<(RXingResult, u16)> {
    // One gives the four corners from the code's left upper one, the other three marks from its left lower one.
    let newer = if corners.newer { QrReader.decode_with_hints(picture, hints).ok() } else { None };
    let first = usize::from(newer.is_none());
    let older = || if corners.older { QRCodeReader.decode_with_hints(picture, hints).ok() } else { None };
    let result = newer.or_else(older)?;
    // The same reader finds small relatives of QR in any noise.
    if *result.getBarcodeFormat() != BarcodeFormat::QR_CODE {
        return None;
    }
    let points = result.getPoints();
    let turn = match (points.get(first), points.get(first + 1)) {
        (Some(from), Some(to)) => turn_of(to.x - from.x, to.y - from.y),
        _ => 0,
    };
    Some((result, turn))
}

/// The code's upper side runs this way from its left end; upright it runs to the right.
fn turn_of(right: f32, down: f32) -> u16 {
    match (right.abs() >= down.abs(), right >= 0.0, down >= 0.0) {
        (true, true, _) => 0,
        (true, false, _) => 180,
        (false, _, true) => 270,
        (false, _, false) => 90,
    }
}

/// Black and white as it is, for readers that ask for nothing else.
struct Given {
    matrix: BitMatrix,
    none: Luma8LuminanceSource,
}

impl Binarizer for Given {
    type Source = Luma8LuminanceSource;

    fn get_luminance_source(&self) -> &Self::Source {
        &self.none
    }

    fn get_black_row(&self, y: usize) -> Result<Cow<'_, BitArray>> {
        Ok(Cow::Owned(self.matrix.getRow(y as u32)))
    }

    fn get_black_row_from_matrix(&self, y: usize) -> Result<Cow<'_, BitArray>> {
        self.get_black_row(y)
    }

    fn get_black_matrix(&self) -> Result<&BitMatrix> {
        Ok(&self.matrix)
    }

    fn get_black_line(&self, line: usize, along: LineOrientation) -> Result<Cow<'_, BitArray>> {
        match along {
            LineOrientation::Row => self.get_black_row(line),
            LineOrientation::Column => Ok(Cow::Owned(self.matrix.getCol(line as u32))),
        }
    }

    fn create_binarizer(&self, none: Self::Source) -> Self {
        Given { matrix: self.matrix.clone(), none }
    }

    fn get_width(&self) -> usize {
        self.matrix.width() as usize
    }

    fn get_height(&self) -> usize {
        self.matrix.height() as usize
    }
}

/// The same pixels, the leftmost lowest, in words of the reader's size.
fn matrix_of(bits: &Bits) -> Option<BitMatrix> {
    let mut out = BitMatrix::new(bits.width() as u32, bits.height() as u32).ok()?;
    let mut row = BitArray::with_size(bits.width());
    for y in 0..bits.height() {
        draw(bits, y, &mut row);
        out.setRow(y as u32, &row);
    }
    Some(out)
}

/// One row for the readers.
pub(super) fn bit_array(bits: &Bits, y: usize) -> BitArray {
    let mut row = BitArray::with_size(bits.width());
    draw(bits, y, &mut row);
    row
}

/// The same over a row that has been.
fn draw(bits: &Bits, y: usize, row: &mut BitArray) {
    for (n, word) in bits.row(y).iter().enumerate() {
        let turned = word.reverse_bits();
        for part in (0..64).step_by(BIT_FIELD_BASE_BITS).filter(|part| n * 64 + part < bits.width()) {
            row.setBulk(n * 64 + part, (turned >> part) as usize);
        }
    }
}

/// Which reader can find the corners of a code?
#[derive(Clone, Copy)]
struct Corners {
    newer: bool,
    older: bool,
}

impl Corners {
    /// Both want three places. Of those that its own tests let pass the newer one's are counted on each of the rows it looks
    /// at from end to end, so none is missed; the older one is followed from row to row until it has three, or two that may
    /// tell it where to look for the third.
    fn of<'m>(bits: &Bits, matrix: impl Fn() -> &'m Option<BitMatrix>, harder: bool) -> Corners {
        const PATTERN: [u16; 5] = [1, 1, 3, 1, 1];
        // Of the largest code that fits a fourth of the picture, the rows that a corner's middle has.
        let step = if harder { 3 } else { (3 * bits.height() / (4 * 97)).max(3) };
        let (mut older, mut places) = (None, 0);
        let mut seen = Corners { newer: false, older: false };
        let (mut row_of_older, mut step_of_older) = (step - 1, step);
        let mut edges = Vec::new();
        for y in step - 1..bits.height() {
            let (of_newer, of_older) = (!seen.newer && (y + 1).is_multiple_of(step), !seen.older && y == row_of_older);
            if !of_newer && !of_older {
                continue;
            }
            edges_of(bits, y, &mut edges);
            if of_newer && let [a, b, c, d] = edges[..] {
                // Of a row with two bars the newer reader takes the gap between them for the middle of a corner.
                seen.newer |= is_plausible([a, b - a, c - b, d - c, bits.width() as u32 - d]);
            }
            // Behind a corner the older one begins anew.
            let mut begin = 0;
            for (at, run) in edges.windows(6).enumerate().step_by(2) {
                let widths: [u32; 5] = std::array::from_fn(|i| run[i + 1] - run[i]);
                if of_older && at >= begin && is_cross(&widths) {
                    let Some(matrix) = matrix() else { return seen };
                    let older = older.get_or_insert_with(|| FinderPatternFinder::new(matrix));
                    if older.handlePossibleCenter(&widths, y as u32, run[5]) {
                        let centers = older.getPossibleCenters();
                        let twice = centers.iter().filter(|c| c.getCount() >= FinderPatternFinder::CENTER_QUORUM);
                        seen.older |= centers.len() > 2 || twice.count() > 1;
                        begin = at + 6;
                        step_of_older = if run[5] == bits.width() as u32 { widths[0] as usize } else { 2 };
                    }
                }
                if of_newer && is_plausible(widths) && is_pattern(widths) {
                    let Some(matrix) = matrix() else { return seen };
                    let at = Point { x: run[2] as f32 + widths[2] as f32 / 2.0, y: y as f32 + 0.5 };
                    let reach = widths.iter().sum::<u32>() as i32 * 3;
                    places += usize::from(LocateConcentricPattern::<true, 5, 7>(matrix, &PATTERN, at, reach).is_some());
                    seen.newer |= places == 3;
                }
            }
            if seen.newer && seen.older {
                break;
            }
            if of_older {
                row_of_older += step_of_older;
            }
        }
        seen
    }
}

/// The older reader's look at five runs, after one that costs less: none but the middle is as wide as two modules, nearly.
fn is_cross(widths: &[u32; 5]) -> bool {
    let [a, b, _, c, d] = *widths;
    let limit = 3 * widths.iter().sum::<u32>() + 7;
    a.max(b).max(c).max(d) * 14 < limit && FinderPatternFinder::foundPatternCross(widths, 0.0)
}

/// Where bars begin and end, in turn.
pub(super) fn edges_of(bits: &Bits, y: usize, edges: &mut Vec<u32>) {
    edges.clear();
    let mut before = 0;
    for (n, word) in bits.row(y).iter().enumerate() {
        let mut changes = word ^ (word >> 1 | before << 63);
        before = word & 1;
        while changes != 0 {
            let bit = changes.leading_zeros();
            edges.push(n as u32 * 64 + bit);
            changes &= !(1 << (63 - bit));
        }
    }
    // A bar that reaches the right side ends there.
    if edges.len() % 2 == 1 {
        edges.push(bits.width() as u32);
    }
}

/// The newer reader's first look at five runs.
fn is_plausible([a, b, middle, c, d]: [u32; 5]) -> bool {
    middle >= 3 && middle >= 2 * a.max(d) && middle >= b.max(c)
}

/// Its second: bars and gaps may have grown or shrunk, each sort alike.
fn is_pattern(widths: [u32; 5]) -> bool {
    let bar = f64::from(widths[0] + widths[2] + widths[4]) / 5.0;
    let gap = f64::from(widths[1] + widths[3]) / 2.0;
    let near = |width: u32, modules: f64, module: f64, most: f64| (f64::from(width) - modules * module).abs() <= most;
    bar.max(gap) <= 4.0 * bar.min(gap)
        && near(widths[0], 1.0, bar, bar * 0.75 + 0.5)
        && near(widths[2], 3.0, bar, bar * 0.75 + 0.5)
        && near(widths[4], 1.0, bar, bar * 0.75 + 0.5)
        && near(widths[1], 1.0, gap, gap / 3.0 + 0.5)
        && near(widths[3], 1.0, gap, gap / 3.0 + 0.5)
}

widened!(black = thresholded(picture: &'w Gray) -> Bits);

/// Black and white by the mean of a block's surroundings, to the letter as the readers' own threshold does it (`LEAST_SIDE`
/// and more on both sides): of a block without contrast the neighbours above and to the left tell whether it is dark.
#[inline(always)]
fn thresholded(picture: &Gray) -> Bits {
    let (width, height) = (picture.width(), picture.height());
    let (columns, rows) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    // The last blocks reach back over those before them.
    let left = |column: usize| (column * BLOCK).min(width - BLOCK);
    let top = |row: usize| (row * BLOCK).min(height - BLOCK);
    let mut points = vec![0u32; columns * rows];
    let (mut sums, mut least, mut most) = (vec![0u16; width], vec![0u8; width], vec![0u8; width]);
    for row in 0..rows {
        sums.fill(0);
        least.fill(255);
        most.fill(0);
        for y in top(row)..top(row) + BLOCK {
            let row = picture.row(y);
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += u16::from(*v));
            least.iter_mut().zip(row).for_each(|(least, v)| *least = (*least).min(*v));
            most.iter_mut().zip(row).for_each(|(most, v)| *most = (*most).max(*v));
        }
        for column in 0..columns {
            let own = left(column)..left(column) + BLOCK;
            let least = least[own.clone()].iter().fold(255, |a: u8, b| a.min(*b));
            let most = most[own.clone()].iter().fold(0, |a: u8, b| a.max(*b));
            let at = row * columns + column;
            points[at] = if most - least > CONTRAST {
                sums[own].iter().map(|s| u32::from(*s)).sum::<u32>() / (BLOCK * BLOCK) as u32
            } else {
                let nearby = if row > 0 && column > 0 {
                    (points[at - columns] + 2 * points[at - 1] + points[at - columns - 1]) / 4
                } else {
                    0
                };
                if u32::from(least) < nearby { nearby } else { u32::from(least) / 2 }
            };
        }
    }
    let mut out = Bits::new(width, height);
    let mut limits = vec![0u8; width];
    for row in 0..rows {
        let first = row.clamp(2, rows - 3) - 2;
        let limit = |column: usize| {
            let from = column.clamp(2, columns - 3) - 2;
            let rows = (first..first + AROUND).map(|row| &points[row * columns + from..][..AROUND]);
            // A mean of bytes.
            (rows.flatten().sum::<u32>() / (AROUND * AROUND) as u32) as u8
        };
        for column in 0..columns {
            limits[left(column)..left(column) + BLOCK].fill(limit(column));
        }
        // Where the last two blocks overlap, black by either is black.
        if columns > 1 {
            let before = limit(columns - 2);
            let own = left(columns - 1)..(columns - 1) * BLOCK;
            limits[own].iter_mut().for_each(|limit| *limit = before.max(*limit));
        }
        for y in top(row)..top(row) + BLOCK {
            let words = out.row_mut(y).iter_mut();
            for (word, (pixels, limits)) in words.zip(picture.row(y).chunks(64).zip(limits.chunks(64))) {
                *word |= not_above(pixels, limits);
            }
        }
    }
    out
}

/// One bit for each of up to 64 pixels.
#[inline(always)]
fn not_above(pixels: &[u8], limits: &[u8]) -> u64 {
    let mut flags = [0u8; 64];
    match (<&[u8; 64]>::try_from(pixels), <&[u8; 64]>::try_from(limits)) {
        (Ok(pixels), Ok(limits)) => flags = std::array::from_fn(|i| u8::from(pixels[i] <= limits[i])),
        _ => {
            let pairs = pixels.iter().zip(limits);
            flags.iter_mut().zip(pairs).for_each(|(flag, (pixel, limit))| *flag = u8::from(pixel <= limit));
        }
    }
    // Eight bytes of 0 or 1 to eight bits: the first byte becomes the highest.
    let byte = |n: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&flags[8 * n..8 * n + 8]);
        u64::from_le_bytes(eight).wrapping_mul(0x8040_2010_0804_0201) >> 56
    };
    (0..8).fold(0, |word, n| word << 8 | byte(n))
}

widened!(darker = below(picture: &'w Gray, cut: u8) -> Bits);

/// Black is what is darker than this.
#[inline(always)]
fn below(picture: &Gray, cut: u8) -> Bits {
    let mut out = Bits::new(picture.width(), picture.height());
    let limits = [cut.saturating_sub(1); 64];
    for y in 0..picture.height() {
        for (word, pixels) in out.row_mut(y).iter_mut().zip(picture.row(y).chunks(64)) {
            *word = not_above(pixels, &limits);
        }
    }
    out
}

/// Black and white of a gray picture: each place by its own threshold, a small picture by one.
pub(super) fn by_place(picture: &Gray) -> Option<Bits> {
    let (width, height) = (picture.width(), picture.height());
    if width.min(height) >= LEAST_SIDE {
        return Some(black(picture));
    }
    let source = Luma8LuminanceSource::new(picture.pixels().to_vec(), width as u32, height as u32).ok()?;
    let by_one = GlobalHistogramBinarizer::new(source);
    let matrix = by_one.get_black_matrix().ok()?;
    let mut out = Bits::new(width, height);
    (0..height).for_each(|y| (0..width).for_each(|x| out.set(x, y, matrix.get(x as u32, y as u32))));
    Some(out)
}

/// The same by one threshold, where one is given.
pub(super) fn by_limit(picture: &Gray, limit: Option<u8>) -> Option<Bits> {
    let Some(limit) = limit else { return by_place(picture) };
    let parted = darker(picture, limit);
    // What is black and white stays so by every threshold, but for a small picture's that may be all of one.
    if picture.width().min(picture.height()) >= LEAST_SIDE { Some(parted) } else { by_place(&to_gray(&parted)) }
}

widened!(twice = doubled(picture: &'w Gray) -> Gray);
widened!(thrice = trebled(picture: &'w Gray) -> Gray);

/// Two or three times the size, linear between pixels; each pixel is first spread over its neighbours, so that holes close.
pub(super) fn enlarged(picture: &Gray, times: usize) -> Gray {
    if times == 2 { twice(picture) } else { thrice(picture) }
}

#[inline(always)]
fn doubled(picture: &Gray) -> Gray {
    enlarge::<2>(picture)
}

#[inline(always)]
fn trebled(picture: &Gray) -> Gray {
    enlarge::<3>(picture)
}

#[inline(always)]
fn enlarge<const TIMES: usize>(picture: &Gray) -> Gray {
    let (width, height) = (picture.width(), picture.height());
    let mut source: Vec<u16> = picture.pixels().iter().map(|v| u16::from(*v)).collect();
    for step in [1, width] {
        let before = source.clone();
        let inner = step..source.len().saturating_sub(step).max(step);
        let beside = before.iter().zip(before.get(2 * step..).unwrap_or(&[]));
        let own = before.get(step..).unwrap_or(&[]);
        for (out, ((a, c), b)) in source[inner].iter_mut().zip(beside.zip(own)) {
            *out = (a + 2 * b + c) / 4;
        }
    }
    let place = |i: usize, most: usize| {
        let at = (i as f32 + 0.5) / TIMES as f32 - 0.5;
        let low = at.max(0.0) as usize;
        (low, (low + 1).min(most - 1), ((at - low as f32).max(0.0) * 256.0) as u32)
    };
    // Of the pixels that one is drawn to, the left ones lie between it and the one before, the others before the next.
    let shares: [(bool, u32); TIMES] = std::array::from_fn(|i| {
        let (low, _, share) = place(TIMES + i, 3);
        (low == 0, share)
    });
    // Each row is drawn out once, and between rows once for each row of the result.
    let show = |out: &mut [u32], [before, own, after]: [u16; 3]| {
        for (out, (is_left, share)) in out.iter_mut().zip(shares) {
            let (left, right) = if is_left { (before, own) } else { (own, after) };
            *out = u32::from(left) * (256 - share) + u32::from(right) * share;
        }
    };
    let drawn = |row: &[u16], out: &mut [u32]| {
        let [Some(&first), Some(&last)] = [row.first(), row.last()] else { return };
        let mut before = first;
        let mut out = out.chunks_exact_mut(TIMES);
        for (pair, out) in row.windows(2).zip(out.by_ref()) {
            show(out, [before, pair[0], pair[1]]);
            before = pair[0];
        }
        out.for_each(|out| show(out, [before, last, last]));
    };
    let wide = width * TIMES;
    let mut out = Gray::new(wide, height * TIMES);
    let (mut upper, mut lower) = (vec![0u32; wide], vec![0u32; wide]);
    let mut held = (usize::MAX, usize::MAX);
    for (y, pixels) in out.pixels_mut().chunks_exact_mut(wide.max(1)).enumerate() {
        let (top, foot, fy) = place(y, height);
        if held.1 == top {
            std::mem::swap(&mut upper, &mut lower);
            held.0 = top;
            held.1 = usize::MAX;
        }
        if held.0 != top {
            drawn(&source[top * width..][..width], &mut upper);
        }
        if held.1 != foot {
            drawn(&source[foot * width..][..width], &mut lower);
        }
        held = (top, foot);
        for (pixel, (upper, lower)) in pixels.iter_mut().zip(upper.iter().zip(&lower)) {
            *pixel = ((upper * (256 - fy) + lower * fy) >> 16) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::convert::threshold;
    use rxing::common::HybridBinarizer;
    use rxing::{MultiFormatWriter, Writer};

    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % most
        }
    }

    /// A QR with so many pixels a module, worn and turned, or noise and stripes that are none.
    fn picture(dice: &mut Dice) -> Gray {
        let (text, kind) = ("JBF1|7123539|28215|1203|1405|2026-11-02", dice.below(4));
        let code = MultiFormatWriter.encode(text, &BarcodeFormat::QR_CODE, 0, 0).unwrap();
        let (module, worn, quarters) = (dice.below(4) as usize + 2, dice.below(14), dice.below(4));
        let side = code.getWidth() as usize * module + 30 + dice.below(40) as usize;
        let (light, dark) = (255 - dice.below(90) as u8, dice.below(90) as u8);
        let mut out = Gray::new(side, side - dice.below(9) as usize);
        for y in 0..out.height() {
            for x in 0..side {
                let (u, v) = match quarters {
                    0 => (x, y),
                    1 => (y, side - x),
                    2 => (side - x, side - y),
                    _ => (side - y, x),
                };
                let ink = match kind {
                    0..=2 => u >= 15 && v >= 15 && code.get(((u - 15) / module) as u32, ((v - 15) / module) as u32),
                    _ => (x * x / 37 + y / 3) % 7 < 3,
                };
                let flips = dice.below(100) < worn;
                let level = if ink != flips { dark } else { light };
                out.set(x, y, if light == 255 { level } else { level.saturating_add(dice.below(20) as u8) });
            }
        }
        out
    }

    fn other(picture: &Gray) -> BinaryBitmap<HybridBinarizer<Luma8LuminanceSource>> {
        let (width, height) = (picture.width() as u32, picture.height() as u32);
        let source = Luma8LuminanceSource::new(picture.pixels().to_vec(), width, height).unwrap();
        BinaryBitmap::new(HybridBinarizer::new(source))
    }

    #[test]
    fn no_code_is_lost_that_the_readers_find_and_none_is_won() {
        let mut dice = Dice(5);
        let mut found = 0;
        for _ in 0..120 {
            let raw = picture(&mut dice);
            for (picture, limit) in [
                (raw.clone(), None),
                (enlarged(&raw, 2), None),
                (enlarged(&raw, 3), None),
                (enlarged(&raw, 3), Some(95)),
                (enlarged(&raw, 3), Some(150)),
            ] {
                let mut seen = picture.clone();
                if let Some(limit) = limit {
                    seen.pixels_mut().iter_mut().for_each(|v| *v = if *v < limit { 0 } else { 255 });
                }
                let bits = by_limit(&picture, limit).unwrap();
                assert_eq!(other(&seen).get_black_matrix(), &matrix_of(&bits).unwrap());
                for harder in [false, true] {
                    let hints = DecodeHints {
                        PossibleFormats: Some(HashSet::from([BarcodeFormat::QR_CODE])),
                        TryHarder: harder.then_some(true),
                        ..Default::default()
                    };
                    let both = Corners { newer: true, older: true };
                    let read = || by_others(&mut other(&seen), &hints, both).map(|r| (r.0.getText().to_owned(), r.1));
                    let wanted = catch_unwind(AssertUnwindSafe(read)).unwrap_or(None);
                    let code = super::read(&bits, harder).map(|c| (c.text, c.turn));
                    assert_eq!(code, wanted);
                    found += usize::from(code.is_some());
                }
            }
        }
        assert!(found > 200, "{found}");
    }

    #[test]
    fn what_is_enlarged_is_linear_between_pixels() {
        let mut dice = Dice(3);
        for (width, height) in [(1, 1), (2, 7), (40, 9), (333, 3)] {
            let mut gray = Gray::new(width, height);
            gray.pixels_mut().iter_mut().for_each(|v| *v = dice.below(256) as u8);
            // Each row alike, so that nothing is to be seen of what lies between rows.
            let first = gray.row(0).to_vec();
            (0..height).for_each(|y| first.iter().enumerate().for_each(|(x, v)| gray.set(x, y, *v)));
            let soft = |x: usize| {
                let at = |x: usize| u32::from(first[x]);
                if x == 0 || x + 1 == width { at(x) } else { (at(x - 1) + 2 * at(x) + at(x + 1)) / 4 }
            };
            for times in [2, 3] {
                let out = enlarged(&gray, times);
                // At its end a row is softened by the next.
                for x in times..(width * times).saturating_sub(2 * times) {
                    let at = (x as f32 + 0.5) / times as f32 - 0.5;
                    let share = ((at - at.floor()) * 256.0) as u32;
                    let (left, right) = (soft(at as usize), soft(at as usize + 1));
                    let wanted = (left * (256 - share) + right * share) >> 8;
                    assert!(out.get(x, 0).abs_diff(wanted as u8) <= 1, "{x}: {} {wanted}", out.get(x, 0));
                }
            }
        }
    }

    #[test]
    fn thresholds_are_those_of_the_readers() {
        let mut dice = Dice(9);
        for (width, height) in [(40, 40), (41, 47), (64, 129), (200, 90), (39, 80), (16, 16), (90, 8)] {
            for contrast in [256, 40, 24, 3] {
                let mut gray = Gray::new(width, height);
                let base = dice.below(200);
                let blot = |x: usize, y: usize| (x / 11 + y / 19).is_multiple_of(3);
                for y in 0..height {
                    for x in 0..width {
                        let level = if blot(x, y) { base } else { base / 3 };
                        gray.set(x, y, (level + dice.below(contrast)).min(255) as u8);
                    }
                }
                let bits = by_place(&gray).unwrap_or_else(|| Bits::new(width, height));
                assert_eq!(other(&gray).get_black_matrix(), &matrix_of(&bits).unwrap(), "{width} {height} {contrast}");
                // Black and white stays.
                let parted = threshold(&gray, 128);
                let by_hybrid = by_place(&to_gray(&parted)).unwrap_or_else(|| Bits::new(width, height));
                assert!(by_hybrid == parted || width.min(height) < LEAST_SIDE);
            }
        }
    }
}
