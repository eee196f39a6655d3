//! An amount field made ready for the network: the box's lines taken away, the ink of neighbours left out, tightened to the
//! writing and brought to one height. Bitonal and gray pages give alike strips: paper 0, ink 1, softer where the scanner was.
//! Refuses a field without writing. The trainer sends its drawn fields through this same code.

use super::find::inked;
use crate::domain::PixelBox;
use crate::imaging::raster::{Bits, Gray, span};

/// Rows of every strip.
pub const HEIGHT: usize = 40;
/// Rows left free above and below the writing, and columns beside it.
pub const MARGIN: usize = 4;
/// A longer amount is squeezed: time grows with the width, and a page of noise must not cost more.
pub const MOST_WIDTH: usize = 352;
const LEAST_WIDTH: usize = 24;

/// [`HEIGHT`] rows of `width` values, row by row.
#[derive(Clone, PartialEq, Debug)]
pub struct Strip {
    pub width: usize,
    pub ink: Vec<f32>,
    /// Where the writing lies, in pixels of the page that was cut from.
    pub writing: PixelBox,
}

/// Where the writing stands and how its field is bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    pub field: PixelBox,
    /// The left and right sides are printed lines.
    pub boxed: bool,
}

/// `None` where nothing was written.
pub fn strip(bits: &Bits, gray: Option<&Gray>, bounds: Bounds, dpi: u32) -> Option<Strip> {
    let dpi = dpi.clamp(72, 1200) as i32;
    let field = bounds.field;
    if field.w < dpi / 10 || field.h < dpi / 20 || field.w > dpi * 6 || field.h > dpi * 3 {
        return None;
    }
    // Writing may leave its box; what begins outside is told apart by its middle.
    let around = dpi * 12 / 100;
    let (left, top) = (field.x - around, field.y - around);
    let (width, height) = ((field.w + 2 * around) as usize, (field.h + 2 * around) as usize);
    let mut mask = Mask { ink: bits.cropped(left as isize, top as isize, width, height) };
    mask.lines_across(dpi);
    if bounds.boxed {
        mask.lines_down(around as usize, dpi);
        mask.lines_down((around + field.w) as usize, dpi);
    }
    let inner = PixelBox { x: around, y: around, w: field.w, h: field.h };
    let writing = mask.keep_writing(inner, dpi)?;
    let levels = match gray {
        Some(gray) => mask.levels(gray, (left, top), writing),
        None => mask.bitonal(writing),
    };
    let (width, ink) = scaled(&levels, writing);
    let writing = PixelBox { x: writing.x + left, y: writing.y + top, ..writing };
    Some(Strip { width, ink, writing })
}

/// Connected ink: its first pixel, its sides, how many pixels, and whether most of it lies in the field.
#[derive(Clone, Copy)]
struct Part {
    start: (usize, usize),
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
    area: usize,
    inside: bool,
}

impl Part {
    fn with(self, other: &Part) -> Part {
        Part {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
            ..self
        }
    }
}

/// The neighbourhood of a field.
struct Mask {
    ink: Bits,
}

impl Mask {
    /// Takes away printed lines across: long runs that are thin where nothing crosses them.
    fn lines_across(&mut self, dpi: i32) {
        let (least, gap) = ((dpi * 34 / 100) as usize, (dpi as usize / 100).max(1));
        // A slanting line steps from row to row, and its last step is short.
        let step = (dpi as usize / 12).max(6);
        let (width, height) = (self.ink.width(), self.ink.height());
        let mut found = Bits::new(width, height);
        let rows: Vec<_> = (0..height).map(|y| long_runs(self.ink.row(y), gap, step)).collect();
        for (y, runs) in rows.iter().enumerate() {
            for &(from, to) in runs.iter().filter(|(from, to)| to - from >= least) {
                draw(found.row_mut(y), from, to);
            }
        }
        for y in (1..height).chain((0..height.saturating_sub(1)).rev()) {
            for &(from, to) in rows[y].iter().filter(|(from, to)| to - from < least) {
                let (left, right) = (from.saturating_sub(gap + 1), (to + gap + 1).min(width));
                let beside = |y: usize| holds_ink(found.row(y), left, right);
                if beside(y - usize::from(y > 0)) || beside((y + 1).min(height - 1)) {
                    draw(found.row_mut(y), from, to);
                }
            }
        }
        let thick = (dpi as usize * 32 / 1000).max(3);
        // Column by column the first row that is not looked at.
        let mut rest = vec![0; width];
        for y in 0..height {
            inked(found.row(y), |from, to| {
                for (x, rest) in (from as usize..).zip(&mut rest[from as usize..to as usize]) {
                    if *rest > y {
                        continue;
                    }
                    let mut end = y;
                    while found.get(x, end) {
                        end += 1;
                    }
                    // The ink through the line in this column: when it goes on beyond the line, a stroke crosses.
                    let mut above = y;
                    while above > 0 && self.ink.get(x, above - 1) {
                        above -= 1;
                    }
                    let mut below = end;
                    while self.ink.get(x, below) {
                        below += 1;
                    }
                    if below - above <= thick.max(end - y + 1) && end - y <= thick {
                        (above..below).for_each(|y| self.ink.set(x, y, false));
                    }
                    *rest = below.max(end);
                }
            });
        }
    }

    /// Takes away the box's side near column `at`.
    fn lines_down(&mut self, at: usize, dpi: i32) {
        let reach = (dpi as usize * 4 / 100).max(3);
        let thick = (dpi as usize * 32 / 1000).max(3);
        let gap = (dpi as usize / 100).max(1);
        let around = dpi as usize * 12 / 100;
        let (width, height) = (self.ink.width(), self.ink.height());
        let least = height.saturating_sub(2 * around) * 7 / 10;
        let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(width));
        let mut found = Bits::new(width, height);
        for x in from..to {
            for (a, b) in runs((0..height).filter(|&y| self.ink.get(x, y)), gap) {
                if b - a >= least {
                    (a..b).for_each(|y| found.set(x, y, true));
                }
            }
        }
        for y in (0..height).filter(|&y| holds_ink(found.row(y), from, to)) {
            let mut x = from;
            while x < to {
                if !found.get(x, y) {
                    x += 1;
                    continue;
                }
                let mut left = x;
                while left > 0 && self.ink.get(left - 1, y) {
                    left -= 1;
                }
                let mut right = x;
                while self.ink.get(right, y) || found.get(right, y) {
                    right += 1;
                }
                // Where a stroke meets the side, only the side goes.
                let is_side = right - left <= thick;
                let goes = |&x: &usize| is_side || found.get(x, y);
                (if is_side { left } else { x }..right).filter(goes).for_each(|x| self.ink.set(x, y, false));
                x = right.max(x + 1);
            }
        }
    }

    /// Leaves only what stands in the field, without specks and pieces of line; the box of what is left. A point of a thin
    /// pen is no larger than a speck: what tells it is that it stands between the digits.
    fn keep_writing(&mut self, inner: PixelBox, dpi: i32) -> Option<PixelBox> {
        let speck = (dpi * dpi / 10_000).max(2) as usize;
        let parts = self.parts(inner);
        let is_tall = |p: &&Part| p.area > speck && p.inside && p.bottom - p.top >= dpi * 6 / 100;
        let mut core: Option<Part> = None;
        for part in parts.iter().filter(is_tall) {
            core = Some(core.map_or(*part, |c| c.with(part)));
        }
        let core = core?;
        let high = core.bottom - core.top + 1;
        let mut writing = core;
        for part in &parts {
            let flat = part.bottom - part.top < (dpi * 3 / 100).max(4);
            let stays = if is_tall(&part) {
                true
            } else if !part.inside {
                false
            } else if part.right < core.left {
                part.area > speck && core.left - part.right < if flat { high / 4 } else { high * 2 }
            } else if part.left > core.right {
                part.area > speck && part.left - core.right < high
            } else {
                let level = (part.top + part.bottom) / 2;
                let near = level >= core.top - high / 4 && level <= core.bottom + high / 4;
                near && part.area > speck / 3 || part.area > 2 * speck
            };
            if !stays {
                take(&mut self.ink, part.start, |_, _| ());
            } else if part.area > speck {
                writing = writing.with(part);
            }
        }
        let (w, h) = (writing.right - writing.left + 1, writing.bottom - writing.top + 1);
        (w > 1).then_some(PixelBox { x: writing.left, y: writing.top, w, h })
    }

    /// All connected ink, in the order of its first pixels.
    fn parts(&self, inner: PixelBox) -> Vec<Part> {
        let (mut rest, mut parts) = (self.ink.clone(), Vec::new());
        for y in 0..rest.height() {
            for n in 0..rest.row(y).len() {
                while rest.row(y)[n] != 0 {
                    let start = (64 * n + rest.row(y)[n].leading_zeros() as usize, y);
                    let mut part =
                        Part { start, left: i32::MAX, top: i32::MAX, right: 0, bottom: 0, area: 0, inside: false };
                    let mut inside = 0;
                    take(&mut rest, start, |x, y| {
                        let (x, y) = (x as i32, y as i32);
                        (part.left, part.top) = (part.left.min(x), part.top.min(y));
                        (part.right, part.bottom) = (part.right.max(x), part.bottom.max(y));
                        part.area += 1;
                        let within = x >= inner.x && x < inner.x + inner.w && y >= inner.y && y < inner.y + inner.h;
                        inside += usize::from(within);
                    });
                    part.inside = inside * 2 >= part.area;
                    parts.push(part);
                }
            }
        }
        parts
    }

    /// The writing, ink 1.
    fn bitonal(&self, writing: PixelBox) -> Vec<f32> {
        let (width, height) = (writing.w as usize, writing.h as usize);
        let ink = self.ink.cropped(writing.x as isize, writing.y as isize, width, height);
        let mut out = vec![0.0; width * height];
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            inked(ink.row(y), |from, to| row[from as usize..to as usize].fill(1.0));
        }
        out
    }

    /// The writing as 0 to 1 by the gray levels, only on and beside what was kept.
    fn levels(&self, gray: &Gray, (left, top): (i32, i32), writing: PixelBox) -> Vec<f32> {
        let at = |x: i32, y: i32| match (usize::try_from(left + x), usize::try_from(top + y)) {
            (Ok(x), Ok(y)) => gray.get(x, y),
            _ => 255,
        };
        let (mut paper, mut dark) = ([0u32; 256], [0u32; 256]);
        for y in 0..self.ink.height() {
            for x in 0..self.ink.width() {
                let v = at(x as i32, y as i32);
                if self.ink.get(x, y) { dark[v as usize] += 1 } else { paper[v as usize] += 1 }
            }
        }
        let (paper, dark) = (share_below(&paper, 0.6), share_below(&dark, 0.3));
        let span = (paper - dark).max(24.0);
        let mut out = vec![0.0; writing.w as usize * writing.h as usize];
        for (y, row) in (writing.y..).zip(out.chunks_exact_mut(writing.w as usize)) {
            for (x, out) in (writing.x..).zip(row) {
                let mut rows = (y as usize).saturating_sub(1)..(y as usize + 2).min(self.ink.height());
                if rows.any(|y| self.ink.word_at(x as isize - 1, y) >> 61 != 0) {
                    let share = (paper - f32::from(at(x, y))) / span;
                    *out = ((share - 0.12) / 0.76).clamp(0.0, 1.0);
                }
            }
        }
        out
    }
}

/// Takes away connected ink, pixel by pixel.
#[inline(always)]
fn take(ink: &mut Bits, start: (usize, usize), mut taken: impl FnMut(usize, usize)) {
    let mut stack = vec![start];
    ink.set(start.0, start.1, false);
    while let Some((x, y)) = stack.pop() {
        taken(x, y);
        for y in y.saturating_sub(1)..(y + 2).min(ink.height()) {
            if x % 64 == 0 || x % 64 == 63 {
                for x in (x.saturating_sub(1)..x + 2).filter(|&x| ink.get(x, y)) {
                    stack.push((x, y));
                }
                (x.saturating_sub(1)..x + 2).for_each(|x| ink.set(x, y, false));
                continue;
            }
            // The three pixels lie in one word.
            let (word, beyond) = (&mut ink.row_mut(y)[x / 64], 62 - x % 64);
            let near = *word >> beyond & 7;
            *word &= !(7 << beyond);
            for (bit, x) in [(4, x - 1), (2, x), (1, x + 1)] {
                if near & bit != 0 {
                    stack.push((x, y));
                }
            }
        }
    }
}

/// The level below which this share of the pixels lies.
fn share_below(histogram: &[u32; 256], share: f32) -> f32 {
    let all: u32 = histogram.iter().sum();
    let wanted = (all as f32 * share) as u32;
    let mut sum = 0;
    for (level, &n) in histogram.iter().enumerate() {
        sum += n;
        if sum > wanted {
            return level as f32;
        }
    }
    255.0
}

fn draw(row: &mut [u64], from: usize, to: usize) {
    span(from, to).for_each(|(n, bits)| row[n] |= bits);
}

fn holds_ink(row: &[u64], from: usize, to: usize) -> bool {
    span(from, to).any(|(n, bits)| row[n] & bits != 0)
}

/// Runs of a row's ink with gaps up to `gap`, as `from..to`, that are not shorter than `least`.
fn long_runs(row: &[u64], gap: usize, least: usize) -> Vec<(usize, usize)> {
    let (mut out, mut run) = (Vec::new(), (0, 0));
    inked(row, |from, to| {
        let (from, to) = (from as usize, to as usize);
        if run.1 == 0 || from - run.1 > gap {
            if run.1 - run.0 >= least {
                out.push(run);
            }
            run.0 = from;
        }
        run.1 = to;
    });
    if run.1 - run.0 >= least {
        out.push(run);
    }
    out
}

/// Runs of ink with gaps up to `gap`, as `from..to`.
fn runs(inked: impl Iterator<Item = usize>, gap: usize) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for at in inked {
        match out.last_mut() {
            Some(last) if at - last.1 <= gap => last.1 = at + 1,
            _ => out.push((at, at + 1)),
        }
    }
    out
}

/// Scales the writing to the strip's height by area, squeezing what would be too wide.
fn scaled(levels: &[f32], writing: PixelBox) -> (usize, Vec<f32>) {
    let inner = HEIGHT - 2 * MARGIN;
    let width = writing.w as usize;
    let scale = inner as f32 / writing.h as f32;
    let most = MOST_WIDTH - 2 * MARGIN;
    let columns = ((writing.w as f32 * scale).round() as usize).clamp(1, most);
    let out_width = (columns + 2 * MARGIN).max(LEAST_WIDTH);
    let mut out = vec![0.0; out_width * HEIGHT];
    let (step_x, step_y) = (writing.w as f32 / columns as f32, writing.h as f32 / inner as f32);
    let shares_x: Vec<_> = (0..columns).map(|x| shares(x as f32 * step_x, step_x, width)).collect();
    // Columns in which some row that is looked at is not paper.
    let mut dark = vec![0u32; width];
    for y in 0..inner {
        let rows = shares(y as f32 * step_y, step_y, writing.h as usize);
        let seen = levels[rows.0 * width..][..rows.1.len() * width].chunks_exact(width);
        dark.fill(0);
        for row in seen {
            dark.iter_mut().zip(row).for_each(|(i, v)| *i |= v.to_bits());
        }
        for (x, columns) in shares_x.iter().enumerate() {
            if dark[columns.0..][..columns.1.len()].iter().all(|i| *i == 0) {
                continue;
            }
            let (mut sum, mut area) = (0.0, 0.0);
            for (dy, &share_y) in rows.1.iter().enumerate() {
                let row = &levels[(rows.0 + dy) * width..][..width];
                for (dx, &share_x) in columns.1.iter().enumerate() {
                    sum += row[columns.0 + dx] * share_x * share_y;
                    area += share_x * share_y;
                }
            }
            out[(y + MARGIN) * out_width + x + MARGIN] = sum / area.max(1e-6);
        }
    }
    (out_width, out)
}

/// The pixels that `from .. from + length` covers: the first one and the share of each.
fn shares(from: f32, length: f32, pixels: usize) -> (usize, Vec<f32>) {
    // Enlarged strips blend two neighbours at least.
    let (from, length) = if length < 1.0 { (from + length / 2.0 - 0.5, 1.0) } else { (from, length) };
    let (from, to) = (from.max(0.0), (from + length).min(pixels as f32));
    let first = (from as usize).min(pixels - 1);
    let last = (to.ceil() as usize).clamp(first + 1, pixels);
    let share = |p: usize| (to.min(p as f32 + 1.0) - from.max(p as f32)).max(0.0);
    (first, (first..last).map(share).collect())
}
