//! One character cell of a scanline as the classifier wants it: 160 pixels an inch, whatever the scan was, ink 1, paper 0.
//! The trainer cuts its drawn glyphs with the same code.

use std::ops::Range;

use crate::imaging::Bits;
use crate::imaging::wide::widened;

/// Pixels of the classifier's raster.
pub const WIDTH: usize = 20;
pub const HEIGHT: usize = 24;
/// Ten characters an inch: one cell is this many pixels of the raster wide.
pub const PITCH: f32 = 16.0;

/// What a cell can hold: these characters, then nothing, then something that is none of them.
pub const CHARACTERS: &[char] = &[
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '<', '>', '+', '-', '#', '$', '&', '|', '\u{2440}', '\u{2441}',
    '\u{2442}',
];
pub const BLANK: usize = CHARACTERS.len();
pub const OTHER: usize = BLANK + 1;
pub const CLASSES: usize = OTHER + 1;

/// Where a cell lies in what it is cut from: a square with all that the cell can touch, and the cell in it.
struct Frame {
    left: i32,
    top: i32,
    side: usize,
    /// The middle in the square; pixel centres lie at halves.
    middle: (f32, f32),
    /// Pixels to a pixel of the raster.
    scale: f32,
    slope: f32,
}

impl Frame {
    fn new(centre: (f32, f32), pitch: f32, slope: f32) -> Frame {
        let scale = pitch / PITCH;
        let reach = (HEIGHT as f32 / 2.0 + WIDTH as f32 / 2.0 * slope.abs() + 1.0) * scale + 2.0;
        let (left, top) = ((centre.0 - reach).floor() as i32, (centre.1 - reach).floor() as i32);
        let middle = (centre.0 - left as f32 - 0.5, centre.1 - top as f32 - 0.5);
        Frame { left, top, side: (2.0 * reach).ceil() as usize + 3, middle, scale, slope }
    }

    /// A line that falls less than this stands level within one cell: less than a sixteenth of a pixel at its corners.
    fn is_flat(&self) -> bool {
        self.slope.abs() < 0.004 && self.side < WIDEST
    }

    /// Where the samples lie across.
    #[inline(always)]
    fn across(&self) -> Across {
        let step = self.scale / 4.0;
        let mut at = [0.0f32; ACROSS];
        let (left, right) = at.split_at_mut(WIDTH);
        for (column, (left, right)) in left.iter_mut().zip(right).enumerate() {
            let middle = self.middle.0 + (column as f32 + 0.5 - WIDTH as f32 / 2.0) * self.scale;
            (*left, *right) = (middle - step, middle + step);
        }
        let (columns, shares) = parts(&at);
        Across { columns, shares }
    }

    /// The cell from its square, `near`, rows `stride` apart.
    fn cell(&self, near: &[f32], stride: usize, out: &mut Samples) {
        let side = self.side;
        let is_inked = |row: &[f32]| row[..side].iter().fold(false, |inked, v| inked | (*v > 0.0));
        if !near.chunks(stride).take(side).any(is_inked) {
            out.fill(0.0);
            return;
        }
        if self.is_flat() {
            flat_shades(self, near, stride, out);
            return;
        }
        let at = |x: f32, y: f32| {
            // Never negative: the square reaches beyond.
            let (column, row) = (x as usize, y as usize);
            let (fx, fy) = (x - column as f32, y - row as f32);
            let i = row * stride + column;
            let upper = near[i] + (near[i + 1] - near[i]) * fx;
            let lower = near[i + stride] + (near[i + stride + 1] - near[i + stride]) * fx;
            upper + (lower - upper) * fy
        };
        let (scale, slope, step) = (self.scale, self.slope, self.scale / 4.0);
        for row in 0..HEIGHT {
            let dy = (row as f32 + 0.5 - HEIGHT as f32 / 2.0) * scale;
            for column in 0..WIDTH {
                let dx = (column as f32 + 0.5 - WIDTH as f32 / 2.0) * scale;
                let (x, y) = (self.middle.0 + dx - dy * slope, self.middle.1 + dy + dx * slope);
                let sum =
                    at(x - step, y - step) + at(x + step, y - step) + at(x - step, y + step) + at(x + step, y + step);
                out[row * WIDTH + column] = mean(sum);
            }
        }
    }
}

/// The whole pixels before some places in the square, and what is left. (A cast costs several times as much: it minds numbers
/// below 0 and from 2^23 on, of which there are none.)
#[inline(always)]
fn parts<const N: usize>(places: &[f32; N]) -> ([u32; N], [f32; N]) {
    let (mut whole, mut left) = ([0; N], [0.0; N]);
    for k in 0..N {
        let floor = places[k].floor();
        (whole[k], left[k]) = ((floor + 8_388_608.0).to_bits() & 0x007f_ffff, places[k] - floor);
    }
    (whole, left)
}

/// Of four samples. Clean paper stays exactly 0: the classifier skips it.
#[inline(always)]
fn mean(sum: f32) -> f32 {
    if sum < 0.04 { 0.0 } else { sum / 4.0 }
}

/// Ink of a piece of the page, row by row.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub width: usize,
    pub height: usize,
    pub ink: Vec<f32>,
}

impl Patch {
    /// The cell around a point, `pitch` source pixels to a character, on a line that falls `slope` pixels a pixel. Each pixel
    /// of the raster is the mean of four points, each blended from its four neighbours; pixel centres lie at halves, and
    /// paper is outside.
    pub fn cell(&self, centre: (f32, f32), pitch: f32, slope: f32, out: &mut Samples) {
        let frame = Frame::new(centre, pitch, slope);
        match self.inside(&frame) {
            Some(near) => frame.cell(near, self.width, out),
            None => frame.cell(&self.square(&frame), frame.side, out),
        }
    }

    /// A square that lies within the patch, from its left top corner on, rows as long as the patch's.
    fn inside(&self, frame: &Frame) -> Option<&[f32]> {
        let (left, top) = (usize::try_from(frame.left).ok()?, usize::try_from(frame.top).ok()?);
        let side = frame.side;
        let is_inside = left + side <= self.width && top + side <= self.height;
        is_inside.then(|| &self.ink[top * self.width + left..(top + side - 1) * self.width + left + side])
    }

    /// Any other, with paper beyond the patch.
    fn square(&self, frame: &Frame) -> Vec<f32> {
        let &Frame { left, top, side, .. } = frame;
        let mut near = vec![0.0f32; side * side];
        for (y, row) in near.chunks_exact_mut(side).enumerate() {
            let from = top + y as i32;
            if from < 0 || from as usize >= self.height {
                continue;
            }
            let line = &self.ink[from as usize * self.width..(from as usize + 1) * self.width];
            let (first, skip) = (left.max(0) as usize, (-left).max(0) as usize);
            if skip >= side || first >= line.len() {
                continue;
            }
            let count = (side - skip).min(line.len() - first);
            row[skip..skip + count].copy_from_slice(&line[first..first + count]);
        }
        near
    }
}

/// A part of a bitonal page; what lies beyond it counts as paper.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub bits: &'a Bits,
    pub xs: Range<usize>,
    pub ys: Range<usize>,
}

impl Part<'_> {
    /// As of a patch that holds 1 where this has ink, points from the part's corner on.
    pub fn cell(&self, centre: (f32, f32), pitch: f32, slope: f32, out: &mut Samples) {
        let frame = Frame::new(centre, pitch, slope);
        if frame.side > 64 {
            let near = self.square(&frame);
            return frame.cell(&near, frame.side, out);
        }
        let rows = self.words(&frame);
        if rows.iter().fold(0, |inked, row| inked | row) == 0 {
            out.fill(0.0);
        } else if frame.is_flat() {
            flat_strokes(&frame, &rows, out);
        } else {
            slanting_strokes(&frame, &rows, out);
        }
    }

    /// The square's rows, as words.
    fn words(&self, frame: &Frame) -> [u64; 64] {
        let mut rows = [0; 64];
        // Columns of the square that are the part's.
        let skipped = u64::MAX.checked_shr(frame.left.min(0).unsigned_abs()).unwrap_or(0);
        let left = self.xs.len() as i64 - i64::from(frame.left);
        let ours = skipped & !u64::MAX.checked_shr(left.clamp(0, 64) as u32).unwrap_or(0);
        let ours = ours & !u64::MAX.checked_shr(frame.side as u32).unwrap_or(0);
        let x = self.xs.start as isize + frame.left as isize;
        let top = self.ys.start as isize + frame.top as isize;
        for (row, y) in rows.iter_mut().zip(top..top + frame.side as isize) {
            if let Ok(y) = usize::try_from(y)
                && self.ys.contains(&y)
            {
                *row = self.bits.word_at(x, y) & ours;
            }
        }
        rows
    }

    /// The square of a page with many dots an inch.
    fn square(&self, frame: &Frame) -> Vec<f32> {
        let mut near = Vec::with_capacity(frame.side * frame.side);
        for y in (frame.top..).take(frame.side) {
            for x in (frame.left..).take(frame.side) {
                let place = |range: &Range<usize>, at: i32| {
                    usize::try_from(at).ok().map(|at| range.start + at).filter(|at| range.contains(at))
                };
                let is_inked = place(&self.xs, x).zip(place(&self.ys, y)).is_some_and(|(x, y)| self.bits.get(x, y));
                near.push(if is_inked { 1.0 } else { 0.0 });
            }
        }
        near
    }
}

/// Side of the largest square that is sampled so: a cell at 700 dots an inch.
const WIDEST: usize = 128;

/// Samples across: the left ones of all columns, then the right ones.
const ACROSS: usize = 2 * WIDTH;

/// By sample: the square's column left of it, and how far it is on the way to the next.
struct Across {
    columns: [u32; ACROSS],
    shares: [f32; ACROSS],
}

/// Rows of a square, blended across at the samples' places.
trait Rows {
    fn level(&self, y: usize) -> [f32; ACROSS];
}

/// Rows of `side` shades, each `stride` behind the one before.
struct Shades<'a> {
    near: &'a [f32],
    stride: usize,
    side: usize,
    across: Across,
}

impl Rows for Shades<'_> {
    #[inline(always)]
    fn level(&self, y: usize) -> [f32; ACROSS] {
        let mut pixels = [0.0f32; WIDEST];
        pixels[..self.side].copy_from_slice(&self.near[y * self.stride..][..self.side]);
        let (mut here, mut next) = ([0.0f32; ACROSS], [0.0f32; ACROSS]);
        for (k, x) in self.across.columns.into_iter().enumerate() {
            (here[k], next[k]) = (pixels[x as usize % WIDEST], pixels[(x as usize + 1) % WIDEST]);
        }
        let mut level = [0.0; ACROSS];
        for k in 0..ACROSS {
            level[k] = here[k] + (next[k] - here[k]) * self.across.shares[k];
        }
        level
    }
}

/// Rows of ink and paper.
struct Strokes<'a> {
    rows: &'a [u64; 64],
    /// Where the 32 pixels begin that the samples of the left and of the right half are among.
    starts: [u32; 2],
    /// By sample: all ones in the right half; the pixel before it, and the one behind.
    right: [u32; ACROSS],
    here: [u32; ACROSS],
    next: [u32; ACROSS],
    shares: [f32; ACROSS],
}

impl<'a> Strokes<'a> {
    #[inline(always)]
    fn new(rows: &'a [u64; 64], across: &Across) -> Strokes<'a> {
        let starts = [across.columns[0] % 64, across.columns[WIDTH / 2] % 64];
        let right = std::array::from_fn(|k| if k % WIDTH >= WIDTH / 2 { u32::MAX } else { 0 });
        let mut here = [0u32; ACROSS];
        for k in 0..ACROSS {
            let start = starts[0] ^ ((starts[0] ^ starts[1]) & right[k]);
            here[k] = 1 << 31 >> (across.columns[k].wrapping_sub(start) % 32);
        }
        Strokes { rows, starts, right, here, next: here.map(|bit| bit >> 1), shares: across.shares }
    }
}

impl Rows for Strokes<'_> {
    #[inline(always)]
    fn level(&self, y: usize) -> [f32; ACROSS] {
        let row = self.rows[y % 64];
        let [left, right] = self.starts.map(|start| (row << start >> 32) as u32);
        let both = left ^ right;
        let mut level = [0.0; ACROSS];
        for (k, level) in level.iter_mut().enumerate() {
            let word = left ^ (both & self.right[k]);
            let here = if word & self.here[k] == self.here[k] { 1.0f32 } else { 0.0 };
            let next = if word & self.next[k] == self.next[k] { 1.0f32 } else { 0.0 };
            *level = here + (next - here) * self.shares[k];
        }
        level
    }
}

/// A cell of a level line: what its rows share across, and its columns down, is worked out once.
#[inline(always)]
fn flat(frame: &Frame, rows: &impl Rows, out: &mut Samples) {
    let step = frame.scale / 4.0;
    // Two levels at a time, the upper and the lower of a sample: most are asked for more than once.
    let (mut first, mut levels) = (usize::MAX, [[0.0f32; ACROSS]; 2]);
    let mut samples = [[0.0f32; ACROSS]; 2];
    for (row, out) in out.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
        let middle = frame.middle.1 + (row as f32 + 0.5 - HEIGHT as f32 / 2.0) * frame.scale;
        for (sample, at) in samples.iter_mut().zip([middle - step, middle + step]) {
            let (y, share) = (at as i32 as usize, at - at as i32 as f32);
            if y != first {
                levels[0] = if y == first.wrapping_add(1) { levels[1] } else { rows.level(y) };
                levels[1] = rows.level(y + 1);
                first = y;
            }
            let [upper, lower] = &levels;
            for k in 0..ACROSS {
                sample[k] = upper[k] + (lower[k] - upper[k]) * share;
            }
        }
        let [over, under] = &samples;
        let mut sums = [0.0f32; WIDTH];
        for k in 0..WIDTH {
            sums[k] = over[k] + over[k + WIDTH] + under[k] + under[k + WIDTH];
        }
        *out = sums.map(mean);
    }
}

/// The shades of a cell, row by row.
type Samples = [f32; WIDTH * HEIGHT];

widened!(flat_shades = level_shades(frame: &'w Frame, near: &'w [f32], stride: usize, out: &'w mut Samples) -> ());
widened!(flat_strokes = level_strokes(frame: &'w Frame, rows: &'w [u64; 64], out: &'w mut Samples) -> ());
widened!(slanting_strokes = aslant(frame: &'w Frame, rows: &'w [u64; 64], out: &'w mut Samples) -> ());

/// Such a cell of shades.
#[inline(always)]
fn level_shades(frame: &Frame, near: &[f32], stride: usize, out: &mut Samples) {
    flat(frame, &Shades { near, stride, side: frame.side, across: frame.across() }, out);
}

/// Such a cell of ink and paper.
#[inline(always)]
fn level_strokes(frame: &Frame, rows: &[u64; 64], out: &mut Samples) {
    flat(frame, &Strokes::new(rows, &frame.across()), out);
}

/// A cell of ink and paper on a line that falls.
#[inline(always)]
fn aslant(frame: &Frame, rows: &[u64; 64], out: &mut Samples) {
    let &Frame { middle, scale, slope, .. } = frame;
    let step = scale / 4.0;
    for (row, out) in out.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
        let dy = (row as f32 + 0.5 - HEIGHT as f32 / 2.0) * scale;
        let (mut xs, mut ys) = ([0.0f32; WIDTH], [0.0f32; WIDTH]);
        for column in 0..WIDTH {
            let dx = (column as f32 + 0.5 - WIDTH as f32 / 2.0) * scale;
            (xs[column], ys[column]) = (middle.0 + dx - dy * slope, middle.1 + dy + dx * slope);
        }
        let mut sums = [0.0f32; WIDTH];
        for (n, (right, down)) in [(-step, -step), (step, -step), (-step, step), (step, step)].into_iter().enumerate() {
            let sample = blended(rows, &xs.map(|x| x + right), &ys.map(|y| y + down));
            for k in 0..WIDTH {
                sums[k] = if n == 0 { sample[k] } else { sums[k] + sample[k] };
            }
        }
        *out = sums.map(mean);
    }
}

/// The ink at some points, each blended from its four neighbours.
#[inline(always)]
fn blended(rows: &[u64; 64], xs: &[f32; WIDTH], ys: &[f32; WIDTH]) -> [f32; WIDTH] {
    let ((columns, right), (lines, down)) = (parts(xs), parts(ys));
    // Two pixels above, two below.
    let mut four = [0u32; WIDTH];
    for k in 0..WIDTH {
        let pair = |line: u32| (rows[line as usize % 64] << (columns[k] % 64) >> 62) as u32;
        four[k] = pair(lines[k]) << 2 | pair(lines[k] + 1);
    }
    let mut level = [0.0f32; WIDTH];
    for k in 0..WIDTH {
        let [here, next, under, last] = [8, 4, 2, 1].map(|bit| if four[k] & bit == bit { 1.0f32 } else { 0.0 });
        let upper = here + (next - here) * right[k];
        let lower = under + (last - under) * right[k];
        level[k] = upper + (lower - upper) * down[k];
    }
    level
}
