//! One character cell of a scanline as the classifier wants it: 160 pixels an inch, whatever the scan was, ink 1, paper 0.
//! The trainer cuts its drawn glyphs with the same code.

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
        let scale = pitch / PITCH;
        let step = scale / 4.0;
        // All that the cell can touch, once: a square of the patch with paper around it.
        let reach = (HEIGHT as f32 / 2.0 + WIDTH as f32 / 2.0 * slope.abs() + 1.0) * scale + 2.0;
        let (left, top) = ((centre.0 - reach).floor() as i32, (centre.1 - reach).floor() as i32);
        let side = (2.0 * reach).ceil() as usize + 3;
        let copied;
        let (near, stride) = match self.inside(left, top, side) {
            Some(near) => (near, self.width),
            None => {
                copied = self.square(left, top, side);
                (&copied[..], side)
            }
        };
        let is_inked = |row: &[f32]| row[..side].iter().fold(false, |inked, v| inked | (*v > 0.0));
        if !near.chunks(stride).take(side).any(is_inked) {
            out.fill(0.0);
            return;
        }
        let (dx0, dy0) = (centre.0 - left as f32 - 0.5, centre.1 - top as f32 - 0.5);
        if slope.abs() < FLAT && side < WIDEST {
            wide(Flat { near, stride, side, middle: (dx0, dy0), scale, out });
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
        for row in 0..HEIGHT {
            let dy = (row as f32 + 0.5 - HEIGHT as f32 / 2.0) * scale;
            for column in 0..WIDTH {
                let dx = (column as f32 + 0.5 - WIDTH as f32 / 2.0) * scale;
                let (x, y) = (dx0 + dx - dy * slope, dy0 + dy + dx * slope);
                let sum =
                    at(x - step, y - step) + at(x + step, y - step) + at(x - step, y + step) + at(x + step, y + step);
                // Clean paper stays exactly 0: the classifier skips it.
                out[row * WIDTH + column] = if sum < 0.04 { 0.0 } else { sum / 4.0 };
            }
        }
    }

    /// A square that lies within the patch, from its left top corner on, rows as long as the patch's.
    fn inside(&self, left: i32, top: i32, side: usize) -> Option<&[f32]> {
        let (left, top) = (usize::try_from(left).ok()?, usize::try_from(top).ok()?);
        let is_inside = left + side <= self.width && top + side <= self.height;
        is_inside.then(|| &self.ink[top * self.width + left..(top + side - 1) * self.width + left + side])
    }

    /// Any other, with paper beyond the patch.
    fn square(&self, left: i32, top: i32, side: usize) -> Vec<f32> {
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

/// A line that falls less than this stands level within one cell: less than a sixteenth of a pixel at its corners.
const FLAT: f32 = 0.004;

/// A cell of a level line: what its rows share across, and its columns down, is worked out once.
struct Flat<'a> {
    /// Rows of `side` pixels, each `stride` behind the one before.
    near: &'a [f32],
    stride: usize,
    side: usize,
    /// The middle in the square `near`, pixels of it to a pixel of the raster.
    middle: (f32, f32),
    scale: f32,
    out: &'a mut [f32; WIDTH * HEIGHT],
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

impl Work for Flat<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Flat { near, stride, side, middle, scale, out } = self;
        let step = scale / 4.0;
        let (mut columns, mut shares) = ([0; ACROSS], [0.0f32; ACROSS]);
        for column in 0..WIDTH {
            (columns[column], shares[column]) = place(column, WIDTH, middle.0, -step, scale);
            (columns[column + WIDTH], shares[column + WIDTH]) = place(column, WIDTH, middle.0, step, scale);
        }
        // Two levels at a time, the upper and the lower of a sample: most are asked for more than once.
        let (mut first, mut levels) = (usize::MAX, [[0.0f32; ACROSS]; 2]);
        let mut samples = [[0.0f32; ACROSS]; 2];
        let mut pixels = [0.0f32; WIDEST];
        for (row, out) in out.chunks_exact_mut(WIDTH).enumerate() {
            for (sample, aside) in samples.iter_mut().zip([-step, step]) {
                let (y, share) = place(row, HEIGHT, middle.1, aside, scale);
                let fresh = if y == first.wrapping_add(1) { 1 } else { 2 };
                if y != first {
                    levels[0] = levels[1];
                    for n in 2 - fresh..2 {
                        pixels[..side].copy_from_slice(&near[(y + n) * stride..][..side]);
                        let (mut here, mut next) = ([0.0f32; ACROSS], [0.0f32; ACROSS]);
                        for (k, x) in columns.into_iter().enumerate() {
                            (here[k], next[k]) = (pixels[x % WIDEST], pixels[(x + 1) % WIDEST]);
                        }
                        for k in 0..ACROSS {
                            levels[n][k] = here[k] + (next[k] - here[k]) * shares[k];
                        }
                    }
                    first = y;
                }
                let [upper, lower] = &levels;
                for k in 0..ACROSS {
                    sample[k] = upper[k] + (lower[k] - upper[k]) * share;
                }
            }
            let [over, under] = &samples;
            for (column, out) in out.iter_mut().enumerate() {
                let sum = over[column] + over[column + WIDTH] + under[column] + under[column + WIDTH];
                *out = if sum < 0.04 { 0.0 } else { sum / 4.0 };
            }
        }
    }
}
