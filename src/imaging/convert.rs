//! From one raster to another: gray to bitonal by local contrast, bitonal to gray, quarter turns, mirror, scale, crop.

use super::raster::{Bits, Gray};

/// Ink where the pixel is darker than `below`.
pub fn threshold(page: &Gray, below: u8) -> Bits {
    let mut out = Bits::new(page.width(), page.height());
    for y in 0..page.height() {
        pack(page.row(y), |_, v| v < below, out.row_mut(y));
    }
    out
}

#[inline]
fn pack(row: &[u8], ink: impl Fn(usize, u8) -> bool, words: &mut [u64]) {
    for (n, (word, pixels)) in words.iter_mut().zip(row.chunks(64)).enumerate() {
        let mut bits = 0u64;
        for (i, &v) in pixels.iter().enumerate() {
            bits |= u64::from(ink(n * 64 + i, v)) << (63 - i);
        }
        *word = bits;
    }
}

/// Black for ink, white for paper.
pub fn to_gray(page: &Bits) -> Gray {
    let mut out = Gray::new(page.width(), page.height());
    let width = page.width();
    for (y, row) in out.pixels_mut().chunks_mut(width.max(1)).enumerate() {
        for (pixels, &word) in row.chunks_mut(64).zip(page.row(y)) {
            for (i, pixel) in pixels.iter_mut().enumerate() {
                *pixel = if word >> (63 - i) & 1 == 1 { 0 } else { 255 };
            }
        }
    }
    out
}

/// Pixels of a cell of the threshold grid, each way.
const CELL: usize = 16;
/// Ink differs from its paper by at least this many levels ..
const LEAST_CONTRAST: u16 = 30;
/// .. and by this share (percent) of what the darkest print of the page does: a background pattern is no print.
const LEAST_SHARE: u16 = 28;

/// Local adaptive threshold: in the neighbourhood of each cell the paper is the bright level and the ink the dark one; the
/// threshold lies between, and where there is no contrast everything is paper. Fast: levels stand on a coarse grid and are
/// interpolated along the rows.
pub fn binarize(page: &Gray) -> Bits {
    let (width, height) = (page.width(), page.height());
    let mut out = Bits::new(width, height);
    if width == 0 || height == 0 {
        return out;
    }
    let (columns, rows) = (width.div_ceil(CELL), height.div_ceil(CELL));
    let (bright, dark) = levels(page, columns, rows);
    let levels = thresholds(&bright, &dark, columns, rows, Overall::of(page));
    // Along a row the threshold of each pixel is interpolated between the centers of the cells.
    let mut line = vec![0u8; columns * CELL];
    let mut blended = vec![0u16; columns];
    for y in 0..height {
        let place = (y as f32 - CELL as f32 / 2.0 + 0.5) / CELL as f32;
        let upper = (place.floor().max(0.0) as usize).min(rows - 1);
        let lower = (upper + 1).min(rows - 1);
        let share = ((place - upper as f32).clamp(0.0, 1.0) * 256.0) as u16;
        let (a, b) = (&levels[upper * columns..][..columns], &levels[lower * columns..][..columns]);
        if y % 2 == 0 || y == 0 {
            for (out, (&a, &b)) in blended.iter_mut().zip(a.iter().zip(b)) {
                *out = ((u32::from(a) * u32::from(256 - share) + u32::from(b) * u32::from(share)) >> 8) as u16;
            }
            for (n, cell) in line.chunks_exact_mut(CELL).enumerate() {
                let here = blended[n];
                let before = blended[n.saturating_sub(1)];
                let after = blended[(n + 1).min(columns - 1)];
                let half = CELL / 2;
                for (i, value) in cell.iter_mut().enumerate() {
                    let (other, weight) =
                        if i < half { (before, (half - i) as u16) } else { (after, (i - half) as u16) };
                    *value = ((here * (CELL as u16 - weight) + other * weight) / CELL as u16) as u8;
                }
            }
        }
        for ((word, pixels), limits) in out.row_mut(y).iter_mut().zip(page.row(y).chunks(64)).zip(line.chunks(64)) {
            *word = below(pixels, limits);
        }
    }
    out
}

/// One word of `pixel < limit`.
#[inline]
fn below(pixels: &[u8], limits: &[u8]) -> u64 {
    let mut word = 0u64;
    if pixels.len() == 64 && limits.len() == 64 {
        for (n, (p, l)) in pixels.chunks_exact(8).zip(limits.chunks_exact(8)).enumerate() {
            let mut flags = [0u8; 8];
            for i in 0..8 {
                flags[i] = u8::from(p[i] < l[i]);
            }
            // Eight bytes of 0 or 1 to eight bits: the first byte becomes the highest.
            let byte = u64::from_le_bytes(flags).wrapping_mul(0x8040_2010_0804_0201) >> 56;
            word |= byte << (56 - 8 * n);
        }
    } else {
        for (i, (p, l)) in pixels.iter().zip(limits).enumerate() {
            word |= u64::from(p < l) << (63 - i);
        }
    }
    word
}

/// The brightest and the darkest level of each cell, of means over two rows so that single specks count less.
fn levels(page: &Gray, columns: usize, rows: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut bright, mut dark) = (vec![0u8; columns * rows], vec![255u8; columns * rows]);
    let width = page.width();
    let mut mean = vec![0u8; width];
    for row in 0..rows {
        let (bright, dark) = (&mut bright[row * columns..][..columns], &mut dark[row * columns..][..columns]);
        for y in (row * CELL..((row + 1) * CELL).min(page.height())).step_by(2) {
            let upper = page.row(y);
            let lower = page.row((y + 1).min(page.height() - 1));
            for (out, (&a, &b)) in mean.iter_mut().zip(upper.iter().zip(lower)) {
                *out = ((u16::from(a) + u16::from(b)) / 2) as u8;
            }
            for ((cell, bright), dark) in mean.chunks(CELL).zip(bright.iter_mut()).zip(dark.iter_mut()) {
                let (mut most, mut least) = (0u8, 255u8);
                for &v in cell {
                    most = most.max(v);
                    least = least.min(v);
                }
                *bright = (*bright).max(most);
                *dark = (*dark).min(least);
            }
        }
    }
    (bright, dark)
}

/// Limits from the levels of the whole page: its paper is the commonest bright level, its print the darkest third of a
/// percent.
#[derive(Clone, Copy)]
struct Overall {
    least_contrast: u16,
    /// What is lighter than this is never ink, whatever stands beside it (a tinted check on a white bed).
    lightest_ink: u16,
}

impl Overall {
    fn of(page: &Gray) -> Overall {
        let mut counts = [0u32; 256];
        page.pixels().iter().step_by(7).for_each(|&v| counts[usize::from(v)] += 1);
        let all: u32 = counts.iter().sum();
        let mut below = 0;
        let dark = counts.iter().position(|&n| {
            below += n;
            below * 300 > all
        });
        let dark = dark.unwrap_or(0) as u16;
        let paper = (100..255).max_by_key(|&v| counts[v - 1] + counts[v] + counts[v + 1]).unwrap_or(255) as u16;
        let contrast = paper.saturating_sub(dark);
        Overall {
            least_contrast: (contrast * LEAST_SHARE / 100).max(LEAST_CONTRAST),
            lightest_ink: (paper - contrast * 30 / 100).max(90),
        }
    }
}

fn thresholds(bright: &[u8], dark: &[u8], columns: usize, rows: usize, overall: Overall) -> Vec<u16> {
    let mut out = vec![0u16; columns * rows];
    for row in 0..rows {
        for column in 0..columns {
            let (mut most, mut least) = (0u16, 255u16);
            for r in row.saturating_sub(1)..=(row + 1).min(rows - 1) {
                for c in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
                    most = most.max(u16::from(bright[r * columns + c]));
                    least = least.min(u16::from(dark[r * columns + c]));
                }
            }
            let contrast = most - least.min(most);
            out[row * columns + column] = if contrast < overall.least_contrast {
                // No ink here, or nothing but ink. Well below the paper, as its neighbours take a share of it.
                if most < 90 { 90 } else { least.saturating_sub(4).min(most / 2) }
            } else {
                (least + contrast * 48 / 100).min(overall.lightest_ink)
            };
        }
    }
    out
}

impl Bits {
    /// Ink becomes paper and paper ink.
    pub fn invert(&mut self) {
        for y in 0..self.height() {
            self.row_mut(y).iter_mut().for_each(|word| *word = !*word);
        }
        self.clear_past_width();
    }

    /// Bits past the width become 0 again.
    pub fn clear_past_width(&mut self) {
        let over = self.width() % 64;
        if over == 0 {
            return;
        }
        for y in 0..self.height() {
            if let Some(last) = self.row_mut(y).last_mut() {
                *last &= u64::MAX << (64 - over);
            }
        }
    }

    /// The word of ink that begins at pixel `x` of row `y`; outside is paper.
    #[inline]
    pub fn word_at(&self, x: isize, y: usize) -> u64 {
        let row = self.row(y);
        let (n, shift) = (x.div_euclid(64), x.rem_euclid(64));
        let word = |n: isize| usize::try_from(n).ok().and_then(|n| row.get(n)).copied().unwrap_or(0);
        if shift == 0 { word(n) } else { word(n) << shift | word(n + 1) >> (64 - shift) }
    }

    /// A part of the page; what lies outside is paper.
    pub fn cropped(&self, x: isize, y: isize, width: usize, height: usize) -> Bits {
        let mut out = Bits::new(width, height);
        for row in 0..height {
            let from = y + row as isize;
            if from < 0 || from as usize >= self.height() {
                continue;
            }
            for (n, word) in out.row_mut(row).iter_mut().enumerate() {
                *word = self.word_at(x + 64 * n as isize, from as usize);
            }
        }
        out.clear_past_width();
        out
    }

    /// Turned clockwise by 0, 90, 180 or 270 degrees; any other angle is 0.
    pub fn turned(&self, degrees: u16) -> Bits {
        let (width, height) = (self.width(), self.height());
        match degrees {
            180 => {
                let mut out = Bits::new(width, height);
                let spare = (64 - width % 64) % 64;
                for y in 0..height {
                    let from = self.row(height - 1 - y);
                    let row = out.row_mut(y);
                    for (n, word) in row.iter_mut().enumerate() {
                        *word = from[from.len() - 1 - n].reverse_bits();
                    }
                    shift_left(row, spare);
                }
                out
            }
            90 => {
                let mut out = Bits::new(height, width);
                self.each_ink(|x, y| out.set(height - 1 - y, x, true));
                out
            }
            270 => {
                let mut out = Bits::new(height, width);
                self.each_ink(|x, y| out.set(y, width - 1 - x, true));
                out
            }
            _ => self.clone(),
        }
    }

    /// Left and right exchanged.
    pub fn mirrored(&self) -> Bits {
        let mut out = Bits::new(self.width(), self.height());
        let spare = (64 - self.width() % 64) % 64;
        for y in 0..self.height() {
            let from = self.row(y);
            let row = out.row_mut(y);
            for (n, word) in row.iter_mut().enumerate() {
                *word = from[from.len() - 1 - n].reverse_bits();
            }
            shift_left(row, spare);
        }
        out
    }

    /// Each pixel of ink, row by row.
    pub fn each_ink(&self, mut f: impl FnMut(usize, usize)) {
        for y in 0..self.height() {
            for (n, &word) in self.row(y).iter().enumerate() {
                let mut rest = word;
                while rest != 0 {
                    let bit = rest.leading_zeros() as usize;
                    f(n * 64 + bit, y);
                    rest &= !(1 << (63 - bit));
                }
            }
        }
    }

    /// Scaled to this size. Making it smaller, a pixel is ink when at least 40% of what it covers is: thin strokes live.
    pub fn scaled(&self, width: usize, height: usize) -> Bits {
        if (width, height) == (self.width(), self.height()) {
            return self.clone();
        }
        if width > self.width() || height > self.height() {
            let mut out = Bits::new(width, height);
            for y in 0..height {
                let from = y * self.height() / height;
                (0..width).for_each(|x| out.set(x, y, self.get(x * self.width() / width, from)));
            }
            return out;
        }
        threshold(&to_gray(self).scaled(width, height), 153)
    }
}

/// All bits of a row to the left by less than 64.
fn shift_left(row: &mut [u64], by: usize) {
    if by == 0 {
        return;
    }
    for n in 0..row.len() {
        let next = row.get(n + 1).copied().unwrap_or(0);
        row[n] = row[n] << by | next >> (64 - by);
    }
}

impl Gray {
    /// A part of the page; what lies outside is white.
    pub fn cropped(&self, x: isize, y: isize, width: usize, height: usize) -> Gray {
        let mut out = Gray::new(width, height);
        let (from_x, skip) = (x.max(0) as usize, (-x).max(0) as usize);
        let count = self.width().saturating_sub(from_x).min(width.saturating_sub(skip));
        if count == 0 {
            return out;
        }
        for (row, pixels) in out.pixels_mut().chunks_mut(width.max(1)).enumerate() {
            let from = y + row as isize;
            if from >= 0 && (from as usize) < self.height() {
                pixels[skip..skip + count].copy_from_slice(&self.row(from as usize)[from_x..from_x + count]);
            }
        }
        out
    }

    /// Turned clockwise by 0, 90, 180 or 270 degrees; any other angle is 0.
    pub fn turned(&self, degrees: u16) -> Gray {
        let (width, height) = (self.width(), self.height());
        let mut out = self.clone();
        match degrees {
            180 => out.pixels_mut().reverse(),
            90 | 270 => {
                out = Gray::new(height, width);
                let pixels = out.pixels_mut();
                for y in 0..height {
                    for (x, &v) in self.row(y).iter().enumerate() {
                        let at = if degrees == 90 { x * height + height - 1 - y } else { (width - 1 - x) * height + y };
                        pixels[at] = v;
                    }
                }
            }
            _ => {}
        }
        out
    }

    /// Left and right exchanged.
    pub fn mirrored(&self) -> Gray {
        let mut out = self.clone();
        let width = self.width().max(1);
        out.pixels_mut().chunks_mut(width).for_each(<[u8]>::reverse);
        out
    }

    /// Scaled to this size: each pixel is the mean of what it covers (smaller), or the nearest one (larger).
    pub fn scaled(&self, width: usize, height: usize) -> Gray {
        if (width, height) == (self.width(), self.height()) || self.width() == 0 || self.height() == 0 {
            return self.clone();
        }
        let (columns, rows) = (Shares::of(self.width(), width), Shares::of(self.height(), height));
        let mut out = Gray::new(width, height);
        let mut sums = vec![0u32; self.width()];
        for (n, line) in out.pixels_mut().chunks_mut(width.max(1)).enumerate() {
            let (first, weights) = rows.at(n);
            sums.fill(128);
            for (row, &weight) in weights.iter().enumerate() {
                for (sum, &v) in sums.iter_mut().zip(self.row(first + row)) {
                    *sum += weight * u32::from(v);
                }
            }
            // 20 bits to 12, so that a second weight fits.
            sums.iter_mut().for_each(|v| *v >>= 8);
            for (n, pixel) in line.iter_mut().enumerate() {
                let (first, weights) = columns.at(n);
                let total: u32 = sums[first..first + weights.len()].iter().zip(weights).map(|(&v, &w)| v * w).sum();
                *pixel = ((total + (1 << 15)) >> 16).min(255) as u8;
            }
        }
        out
    }
}

/// For each target pixel the source pixels under it, with weights that sum to 4096.
struct Shares {
    first: Vec<usize>,
    /// As many for each target pixel.
    weights: Vec<u32>,
    each: usize,
}

impl Shares {
    fn of(from: usize, to: usize) -> Shares {
        if to >= from {
            let first = (0..to).map(|n| (n * from / to).min(from - 1)).collect();
            return Shares { first, weights: vec![4096; to], each: 1 };
        }
        let each = (from.div_ceil(to) + 1).min(from);
        let (mut firsts, mut weights) = (Vec::with_capacity(to), Vec::with_capacity(to * each));
        for n in 0..to {
            // In units of 1/to of a source pixel.
            let (begin, end) = (n * from, (n + 1) * from);
            let first = (begin / to).min(from - each);
            let start = weights.len();
            for p in first..first + each {
                let covered = end.min((p + 1) * to).saturating_sub(begin.max(p * to));
                weights.push((covered * 4096 / from) as u32);
            }
            let sum: u32 = weights[start..].iter().sum();
            if let Some(most) = weights[start..].iter_mut().max() {
                *most += 4096 - sum;
            }
            firsts.push(first);
        }
        Shares { first: firsts, weights, each }
    }

    fn at(&self, n: usize) -> (usize, &[u32]) {
        (self.first[n], &self.weights[n * self.each..(n + 1) * self.each])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_keeps_means_and_sizes() {
        let mut page = Gray::new(301, 97);
        for y in 0..97 {
            (0..301).for_each(|x| page.set(x, y, ((x * 7 + y * 13) % 256) as u8));
        }
        let mean = |g: &Gray| g.pixels().iter().map(|&v| f64::from(v)).sum::<f64>() / g.pixels().len() as f64;
        for (w, h) in [(301, 97), (200, 64), (150, 48), (1, 1), (300, 97), (602, 194), (33, 200)] {
            let small = page.scaled(w, h);
            assert_eq!((small.width(), small.height()), (w, h));
            assert!((mean(&small) - mean(&page)).abs() < 2.0, "{w} x {h}: {} for {}", mean(&small), mean(&page));
        }
        let white = Gray::new(90, 30).scaled(61, 17);
        assert!(white.pixels().iter().all(|&v| v == 255));
        let mut thin = Bits::new(300, 60);
        (0..60).for_each(|y| (99..102).for_each(|x| thin.set(x, y, true)));
        let small = thin.scaled(200, 40);
        assert!((0..40).all(|y| (64..70).any(|x| small.get(x, y))), "a stroke was lost");
    }

    #[test]
    fn four_quarter_turns_and_two_mirrors_are_none() {
        for (w, h) in [(1, 1), (64, 3), (65, 40), (130, 129)] {
            let mut page = Bits::new(w, h);
            (0..w * h).step_by(3).for_each(|n| page.set(n % w, n / w, (n * 7) % 5 < 3));
            assert_eq!(page.turned(90).turned(90), page.turned(180), "{w} x {h}");
            assert_eq!(page.turned(270).turned(90), page, "{w} x {h}");
            assert_eq!(page.mirrored().mirrored(), page, "{w} x {h}");
            let gray = to_gray(&page);
            assert_eq!(to_gray(&page.turned(90)), gray.turned(90), "{w} x {h}");
            assert_eq!(to_gray(&page.turned(180).mirrored()), gray.turned(180).mirrored(), "{w} x {h}");
            assert_eq!(threshold(&gray, 128), page, "{w} x {h}");
        }
    }

    #[test]
    fn ink_stands_out_on_uneven_paper() {
        // Paper that darkens from 240 to 120, print at half of it, a dark patch with lighter print.
        let mut page = Gray::new(640, 320);
        let print = |x: usize, y: usize| (y / 16) % 2 == 0 && (x / 3) % 4 == 0;
        for y in 0..320 {
            for x in 0..640 {
                let paper = 240 - x * 120 / 640;
                page.set(x, y, if print(x, y) { paper / 2 } else { paper } as u8);
            }
        }
        let bits = binarize(&page);
        let wrong = (0..320 * 640).filter(|n| bits.get(n % 640, n / 640) != print(n % 640, n / 640)).count();
        assert!(wrong * 200 < 320 * 640, "{wrong} pixels are wrong");
        assert_eq!(binarize(&Gray::new(300, 200)).ink(), 0);
    }
}
