//! One character cell of a scanline as the classifier wants it: 160 pixels an inch, whatever the scan was, ink 1, paper 0.
//! The trainer cuts its drawn glyphs with the same code.

use std::ops::Range;

use crate::imaging::Bits;
use crate::imaging::wide::{Work, wide};

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

    /// The square's columns left of each column's two samples, the left ones of all columns and then the right ones, and how far
    /// these are on the way to the next.
    fn across(&self) -> ([usize; ACROSS], [f32; ACROSS]) {
        let (mut columns, mut shares) = ([0; ACROSS], [0.0f32; ACROSS]);
        let step = self.scale / 4.0;
        for column in 0..WIDTH {
            (columns[column], shares[column]) = place(column, WIDTH, self.middle.0, -step, self.scale);
            (columns[column + WIDTH], shares[column + WIDTH]) = place(column, WIDTH, self.middle.0, step, self.scale);
        }
        (columns, shares)
    }

    /// The cell from its square, `near`, rows `stride` apart.
    fn cell(&self, near: &[f32], stride: usize, out: &mut [f32; WIDTH * HEIGHT]) {
        let side = self.side;
        let is_inked = |row: &[f32]| row[..side].iter().fold(false, |inked, v| inked | (*v > 0.0));
        if !near.chunks(stride).take(side).any(is_inked) {
            out.fill(0.0);
            return;
        }
        if self.is_flat() {
            let (columns, shares) = self.across();
            wide(Flat { frame: self, rows: Shades { near, stride, side, columns, shares }, out });
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
    pub fn cell(&self, centre: (f32, f32), pitch: f32, slope: f32, out: &mut [f32; WIDTH * HEIGHT]) {
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
    pub fn cell(&self, centre: (f32, f32), pitch: f32, slope: f32, out: &mut [f32; WIDTH * HEIGHT]) {
        let frame = Frame::new(centre, pitch, slope);
        let mut rows = [0u64; WIDEST];
        if frame.side > 64 {
            let near = self.square(&frame);
            return frame.cell(&near, frame.side, out);
        }
        let rows = &mut rows[..frame.side];
        self.words(&frame, rows);
        if rows.iter().fold(0, |inked, row| inked | row) == 0 {
            out.fill(0.0);
        } else if frame.is_flat() {
            let (columns, shares) = frame.across();
            wide(Flat { frame: &frame, rows: Strokes::new(rows, &columns, shares), out });
        } else {
            let ink = rows.iter().flat_map(|row| (0..frame.side).map(move |x| (row >> (63 - x) & 1) as f32));
            frame.cell(&ink.collect::<Vec<f32>>(), frame.side, out);
        }
    }

    /// The square's rows, as words.
    fn words(&self, frame: &Frame, rows: &mut [u64]) {
        // Columns of the square that are the part's.
        let skipped = u64::MAX.checked_shr(frame.left.min(0).unsigned_abs()).unwrap_or(0);
        let left = self.xs.len() as i64 - i64::from(frame.left);
        let ours = skipped & !u64::MAX.checked_shr(left.clamp(0, 64) as u32).unwrap_or(0);
        let ours = ours & !u64::MAX.checked_shr(frame.side as u32).unwrap_or(0);
        let x = self.xs.start as isize + frame.left as isize;
        for (row, y) in rows.iter_mut().zip(self.ys.start as isize + frame.top as isize..) {
            *row = match usize::try_from(y) {
                Ok(y) if self.ys.contains(&y) => self.bits.word_at(x, y) & ours,
                _ => 0,
            };
        }
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

/// A sample's place along one side: the pixel before it, and how far it is on the way to the next.
#[inline(always)]
fn place(number: usize, of: usize, middle: f32, aside: f32, scale: f32) -> (usize, f32) {
    let at = middle + (number as f32 + 0.5 - of as f32 / 2.0) * scale + aside;
    (at as usize, at - (at as usize) as f32)
}

/// Side of the largest square that is sampled so: a cell at 700 dots an inch.
const WIDEST: usize = 128;

/// Samples across: the left ones of all columns, then the right ones.
const ACROSS: usize = 2 * WIDTH;

/// Rows of a square, blended across at the samples' places.
trait Rows {
    fn level(&self, y: usize) -> [f32; ACROSS];
}

/// Rows of `side` shades, each `stride` behind the one before.
struct Shades<'a> {
    near: &'a [f32],
    stride: usize,
    side: usize,
    columns: [usize; ACROSS],
    shares: [f32; ACROSS],
}

impl Rows for Shades<'_> {
    #[inline(always)]
    fn level(&self, y: usize) -> [f32; ACROSS] {
        let mut pixels = [0.0f32; WIDEST];
        pixels[..self.side].copy_from_slice(&self.near[y * self.stride..][..self.side]);
        let (mut here, mut next) = ([0.0f32; ACROSS], [0.0f32; ACROSS]);
        for (k, x) in self.columns.into_iter().enumerate() {
            (here[k], next[k]) = (pixels[x % WIDEST], pixels[(x + 1) % WIDEST]);
        }
        let mut level = [0.0; ACROSS];
        for k in 0..ACROSS {
            level[k] = here[k] + (next[k] - here[k]) * self.shares[k];
        }
        level
    }
}

/// Rows of at most 64 pixels, ink or paper.
struct Strokes<'a> {
    rows: &'a [u64],
    /// Where the words begin that the samples of the left and of the right half are in.
    starts: [u32; 2],
    /// By sample: all ones in the right half; the pixel before it in its word, and the one behind.
    right: [u32; ACROSS],
    here: [u32; ACROSS],
    next: [u32; ACROSS],
    shares: [f32; ACROSS],
}

impl<'a> Strokes<'a> {
    fn new(rows: &'a [u64], columns: &[usize; ACROSS], shares: [f32; ACROSS]) -> Strokes<'a> {
        let starts = [columns[0], columns[WIDTH / 2]].map(|x| x as u32 % 64);
        let (mut right, mut here, mut next) = ([0; ACROSS], [0; ACROSS], [0; ACROSS]);
        for (k, column) in columns.iter().enumerate() {
            let half = usize::from(k % WIDTH >= WIDTH / 2);
            right[k] = if half == 1 { u32::MAX } else { 0 };
            here[k] = 1 << 31 >> ((*column as u32).wrapping_sub(starts[half]) % 32);
            next[k] = here[k] >> 1;
        }
        Strokes { rows, starts, right, here, next, shares }
    }
}

impl Rows for Strokes<'_> {
    #[inline(always)]
    fn level(&self, y: usize) -> [f32; ACROSS] {
        let row = self.rows[y];
        let [left, right] = self.starts.map(|start| (row << start >> 32) as u32);
        let both = left ^ right;
        let mut level = [0.0; ACROSS];
        for k in 0..ACROSS {
            let word = left ^ (both & self.right[k]);
            let here = if word & self.here[k] == self.here[k] { 1.0f32 } else { 0.0 };
            let next = if word & self.next[k] == self.next[k] { 1.0f32 } else { 0.0 };
            level[k] = here + (next - here) * self.shares[k];
        }
        level
    }
}

/// A cell of a level line: what its rows share across, and its columns down, is worked out once.
struct Flat<'a, R> {
    frame: &'a Frame,
    rows: R,
    out: &'a mut [f32; WIDTH * HEIGHT],
}

impl<R: Rows> Work for Flat<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Flat { frame, rows, out } = self;
        let (middle, scale, step) = (frame.middle.1, frame.scale, frame.scale / 4.0);
        // Two levels at a time, the upper and the lower of a sample: most are asked for more than once.
        let (mut first, mut levels) = (usize::MAX, [[0.0f32; ACROSS]; 2]);
        let mut samples = [[0.0f32; ACROSS]; 2];
        for (row, out) in out.chunks_exact_mut(WIDTH).enumerate() {
            for (sample, aside) in samples.iter_mut().zip([-step, step]) {
                let (y, share) = place(row, HEIGHT, middle, aside, scale);
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
            for (column, out) in out.iter_mut().enumerate() {
                *out = mean(over[column] + over[column + WIDTH] + under[column] + under[column + WIDTH]);
            }
        }
    }
}
