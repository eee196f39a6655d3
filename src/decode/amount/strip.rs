//! An amount field made ready for the network: the box's lines taken away, the ink of neighbours left out, tightened to the
//! writing and brought to one height. Bitonal and gray pages give alike strips: paper 0, ink 1, softer where the scanner was.
//! Refuses a field without writing. The trainer sends its drawn fields through this same code.

use crate::domain::PixelBox;
use crate::imaging::raster::{Bits, Gray};

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
    let mut mask = Mask::new(bits, left, top, width, height);
    mask.lines_across(dpi);
    if bounds.boxed {
        mask.lines_down(around as usize, dpi);
        mask.lines_down((around + field.w) as usize, dpi);
    }
    let inner = PixelBox { x: around, y: around, w: field.w, h: field.h };
    let writing = mask.keep_writing(inner, dpi)?;
    let levels = match gray {
        Some(gray) => mask.levels(gray, left, top),
        None => mask.ink.iter().map(|&i| f32::from(i)).collect(),
    };
    let (width, ink) = scaled(&levels, width, writing);
    let writing = PixelBox { x: writing.x + left, y: writing.y + top, ..writing };
    Some(Strip { width, ink, writing })
}

/// Connected ink: its first pixel, its sides, how many pixels, and whether most of it lies in the field.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
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

/// The neighbourhood of a field, one byte a pixel, 1 = ink.
struct Mask {
    width: usize,
    height: usize,
    ink: Vec<u8>,
}

impl Mask {
    fn new(bits: &Bits, left: i32, top: i32, width: usize, height: usize) -> Mask {
        let mut ink = vec![0; width * height];
        for (y, row) in ink.chunks_exact_mut(width).enumerate() {
            let Some(page_y) = usize::try_from(top + y as i32).ok().filter(|y| *y < bits.height()) else { continue };
            for (n, some) in row.chunks_mut(64).enumerate() {
                let mut word = bits.word_at(left as isize + 64 * n as isize, page_y);
                while let Some(pixel) = some.get_mut(word.leading_zeros() as usize) {
                    *pixel = 1;
                    word &= !(1 << (63 - word.leading_zeros()));
                }
            }
        }
        Mask { width, height, ink }
    }

    /// Takes away printed lines across: long runs that are thin where nothing crosses them.
    fn lines_across(&mut self, dpi: i32) {
        let (least, gap) = ((dpi * 34 / 100) as usize, (dpi as usize / 100).max(1));
        let mut found = vec![0u8; self.ink.len()];
        let rows: Vec<_> =
            (0..self.height).map(|y| runs(inked(&self.ink[y * self.width..][..self.width]), gap)).collect();
        for (y, runs) in rows.iter().enumerate() {
            for &(from, to) in runs.iter().filter(|(from, to)| to - from >= least) {
                found[y * self.width + from..y * self.width + to].fill(1);
            }
        }
        // A slanting line steps from row to row, and its last step is short.
        let step = (dpi as usize / 12).max(6);
        for y in (1..self.height).chain((0..self.height.saturating_sub(1)).rev()) {
            for &(from, to) in rows[y].iter().filter(|(from, to)| (step..least).contains(&(to - from))) {
                let (left, right) = (from.saturating_sub(gap + 1), (to + gap + 1).min(self.width));
                let beside = |y: usize| found[y * self.width + left..y * self.width + right].contains(&1);
                if beside(y - usize::from(y > 0)) || beside((y + 1).min(self.height - 1)) {
                    found[y * self.width + from..y * self.width + to].fill(1);
                }
            }
        }
        let thick = (dpi as usize * 32 / 1000).max(3);
        // Column by column the first row that is not looked at.
        let mut rest = vec![0; self.width];
        for (y, row) in found.chunks_exact(self.width).enumerate() {
            for x in inked(row).filter(|&x| rest[x] <= y).collect::<Vec<_>>() {
                let mut end = y;
                while end < self.height && found[end * self.width + x] == 1 {
                    end += 1;
                }
                // The ink through the line in this column: when it goes on beyond the line, a stroke crosses.
                let mut above = y;
                while above > 0 && self.ink[(above - 1) * self.width + x] == 1 {
                    above -= 1;
                }
                let mut below = end;
                while below < self.height && self.ink[below * self.width + x] == 1 {
                    below += 1;
                }
                if below - above <= thick.max(end - y + 1) && end - y <= thick {
                    (above..below).for_each(|y| self.ink[y * self.width + x] = 0);
                }
                rest[x] = below.max(end);
            }
        }
    }

    /// Takes away the box's side near column `at`.
    fn lines_down(&mut self, at: usize, dpi: i32) {
        let reach = (dpi as usize * 4 / 100).max(3);
        let thick = (dpi as usize * 32 / 1000).max(3);
        let gap = (dpi as usize / 100).max(1);
        let around = dpi as usize * 12 / 100;
        let least = self.height.saturating_sub(2 * around) * 7 / 10;
        let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(self.width));
        let mut found = vec![false; self.height * self.width];
        for x in from..to {
            let column = (0..self.height).filter(|y| self.ink[y * self.width + x] == 1);
            for (a, b) in runs(column, gap) {
                if b - a >= least {
                    (a..b).for_each(|y| found[y * self.width + x] = true);
                }
            }
        }
        for y in 0..self.height {
            let mut x = from;
            while x < to {
                if !found[y * self.width + x] {
                    x += 1;
                    continue;
                }
                let mut left = x;
                while left > 0 && self.ink[y * self.width + left - 1] == 1 {
                    left -= 1;
                }
                let mut right = x;
                while right < self.width && (self.ink[y * self.width + right] == 1 || found[y * self.width + right]) {
                    right += 1;
                }
                if right - left <= thick {
                    self.ink[y * self.width + left..y * self.width + right].fill(0);
                } else {
                    // A stroke meets the side: only the side goes.
                    (x..right).filter(|&x| found[y * self.width + x]).for_each(|x| self.ink[y * self.width + x] = 0);
                }
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
                self.wipe(part);
            } else if part.area > speck {
                writing = writing.with(part);
            }
        }
        let (w, h) = (writing.right - writing.left + 1, writing.bottom - writing.top + 1);
        (w > 1).then_some(PixelBox { x: writing.left, y: writing.top, w, h })
    }

    /// All connected ink, in the order of its first pixels.
    fn parts(&self, inner: PixelBox) -> Vec<Part> {
        let mut seen = vec![false; self.ink.len()];
        let (mut parts, mut stack) = (Vec::new(), Vec::new());
        for start in inked(&self.ink) {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            stack.push(start);
            let mut part = Part { start, left: i32::MAX, top: i32::MAX, right: 0, bottom: 0, area: 0, inside: false };
            let mut inside = 0;
            while let Some(at) = stack.pop() {
                let (x, y) = ((at % self.width) as i32, (at / self.width) as i32);
                (part.left, part.top) = (part.left.min(x), part.top.min(y));
                (part.right, part.bottom) = (part.right.max(x), part.bottom.max(y));
                part.area += 1;
                let within = x >= inner.x && x < inner.x + inner.w && y >= inner.y && y < inner.y + inner.h;
                inside += usize::from(within);
                self.beside(at, |next| {
                    if !seen[next] {
                        seen[next] = true;
                        stack.push(next);
                    }
                });
            }
            part.inside = inside * 2 >= part.area;
            parts.push(part);
        }
        parts
    }

    /// The inked pixels around one.
    fn beside(&self, at: usize, mut found: impl FnMut(usize)) {
        let (x, y) = (at % self.width, at / self.width);
        for ny in y.saturating_sub(1)..(y + 2).min(self.height) {
            for nx in x.saturating_sub(1)..(x + 2).min(self.width) {
                let next = ny * self.width + nx;
                if self.ink[next] == 1 {
                    found(next);
                }
            }
        }
    }

    fn wipe(&mut self, part: &Part) {
        let mut stack = vec![part.start];
        self.ink[part.start] = 0;
        while let Some(at) = stack.pop() {
            let from = stack.len();
            self.beside(at, |next| stack.push(next));
            stack[from..].iter().for_each(|&next| self.ink[next] = 0);
        }
    }

    /// Ink as 0 to 1 by the gray levels, only on and beside what was kept.
    fn levels(&self, gray: &Gray, left: i32, top: i32) -> Vec<f32> {
        let at = |x: i32, y: i32| match (usize::try_from(left + x), usize::try_from(top + y)) {
            (Ok(x), Ok(y)) => gray.get(x, y),
            _ => 255,
        };
        let (mut paper, mut dark) = ([0u32; 256], [0u32; 256]);
        for (n, &ink) in self.ink.iter().enumerate() {
            let v = at((n % self.width) as i32, (n / self.width) as i32);
            if ink == 1 { dark[v as usize] += 1 } else { paper[v as usize] += 1 }
        }
        let (paper, dark) = (share_below(&paper, 0.6), share_below(&dark, 0.3));
        let span = (paper - dark).max(24.0);
        let mut out = vec![0.0; self.ink.len()];
        for y in 0..self.height {
            for x in 0..self.width {
                let near = (y.saturating_sub(1)..(y + 2).min(self.height)).any(|y| {
                    self.ink[y * self.width + x.saturating_sub(1)..y * self.width + (x + 2).min(self.width)]
                        .contains(&1)
                });
                if near {
                    let share = (paper - f32::from(at(x as i32, y as i32))) / span;
                    out[y * self.width + x] = ((share - 0.12) / 0.76).clamp(0.0, 1.0);
                }
            }
        }
        out
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

/// Where ink stands: most of a field is paper, which is passed in large steps.
fn inked(pixels: &[u8]) -> impl Iterator<Item = usize> {
    let is_inked = |some: &&[u8]| some.iter().fold(0, |all, i| all | i) != 0;
    let steps = pixels.chunks(32).enumerate().filter(move |(_, some)| is_inked(some));
    steps.flat_map(|(n, some)| some.iter().enumerate().filter(|(_, i)| **i == 1).map(move |(x, _)| 32 * n + x))
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
fn scaled(levels: &[f32], width: usize, writing: PixelBox) -> (usize, Vec<f32>) {
    let inner = HEIGHT - 2 * MARGIN;
    let scale = inner as f32 / writing.h as f32;
    let most = MOST_WIDTH - 2 * MARGIN;
    let columns = ((writing.w as f32 * scale).round() as usize).clamp(1, most);
    let out_width = (columns + 2 * MARGIN).max(LEAST_WIDTH);
    let mut out = vec![0.0; out_width * HEIGHT];
    let (step_x, step_y) = (writing.w as f32 / columns as f32, writing.h as f32 / inner as f32);
    let shares_x: Vec<_> = (0..columns).map(|x| shares(x as f32 * step_x, step_x, writing.w as usize)).collect();
    // Columns in which some row that is looked at is not paper.
    let mut dark = vec![0u32; writing.w as usize];
    for y in 0..inner {
        let rows = shares(y as f32 * step_y, step_y, writing.h as usize);
        let seen = levels[(writing.y as usize + rows.0) * width..][..rows.1.len() * width].chunks_exact(width);
        dark.fill(0);
        for row in seen {
            dark.iter_mut().zip(&row[writing.x as usize..]).for_each(|(i, v)| *i |= v.to_bits());
        }
        for (x, columns) in shares_x.iter().enumerate() {
            if dark[columns.0..][..columns.1.len()].iter().all(|i| *i == 0) {
                continue;
            }
            let (mut sum, mut area) = (0.0, 0.0);
            for (dy, &share_y) in rows.1.iter().enumerate() {
                let row = &levels[(writing.y as usize + rows.0 + dy) * width + writing.x as usize..];
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
