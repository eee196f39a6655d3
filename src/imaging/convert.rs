//! From one raster to another: gray to bitonal by local contrast, bitonal to gray, quarter turns, mirror, scale, crop.

use std::ops::Range;

use super::raster::{Bits, Gray};
use super::wide::widened;

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
/// Ink differs from its paper by at least this many levels.
const LEAST_CONTRAST: u16 = 36;

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
    let levels = thresholds(&bright, &dark, columns, rows);
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

fn thresholds(bright: &[u8], dark: &[u8], columns: usize, rows: usize) -> Vec<u16> {
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
            out[row * columns + column] = if contrast < LEAST_CONTRAST {
                // No ink here, or nothing but ink.
                if most < 90 { 90 } else { least.saturating_sub(4) }
            } else {
                least + contrast * 48 / 100
            };
        }
    }
    out
}

/// Rows and columns of 64 by 64 pixels exchanged, by halves of halves (Warren, Hacker's Delight, 7-3).
#[inline(always)]
fn transpose(block: &mut [u64; 64]) {
    exchange::<32>(block, 0x0000_0000_ffff_ffff);
    exchange::<16>(block, 0x0000_ffff_0000_ffff);
    exchange::<8>(block, 0x00ff_00ff_00ff_00ff);
    exchange::<4>(block, 0x0f0f_0f0f_0f0f_0f0f);
    exchange::<2>(block, 0x3333_3333_3333_3333);
    exchange::<1>(block, 0x5555_5555_5555_5555);
}

/// What stands to the right in the upper half of each pair of halves changes places with what stands to the left in the lower.
#[inline(always)]
fn exchange<const HALF: usize>(block: &mut [u64; 64], mask: u64) {
    for both in block.chunks_exact_mut(2 * HALF) {
        let (upper, lower) = both.split_at_mut(HALF);
        for (a, b) in upper.iter_mut().zip(lower) {
            let differ = (*a ^ (*b >> HALF)) & mask;
            *a ^= differ;
            *b ^= differ << HALF;
        }
    }
}

widened!(over = laid_over(bits: &'w Bits, rows: Range<usize>) -> Bits);

/// Rows become columns, 64 by 64 pixels at a time.
#[inline(always)]
fn laid_over(bits: &Bits, rows: Range<usize>) -> Bits {
    let (width, height) = (bits.width(), rows.len());
    let mut out = Bits::new(height, width);
    let (stride, out_stride) = (width.div_ceil(64), height.div_ceil(64));
    let words = out.words_mut();
    for top in (0..height).step_by(64) {
        let count = 64.min(height - top);
        for left in (0..width).step_by(64) {
            let mut block = [0u64; 64];
            let from = &bits.words()[(rows.start + top) * stride + left / 64..];
            let mut any = 0;
            for (word, from) in block[..count].iter_mut().zip(from.iter().step_by(stride)) {
                *word = *from;
                any |= from;
            }
            if any == 0 {
                continue;
            }
            transpose(&mut block);
            let to = &mut words[left * out_stride + top / 64..];
            to.iter_mut().step_by(out_stride).zip(&block).for_each(|(to, word)| *to = *word);
        }
    }
    out
}

/// The word that begins at pixel `x` of a row; outside is paper.
#[inline(always)]
pub(super) fn word_of(row: &[u64], x: isize) -> u64 {
    let (n, shift) = (x >> 6, x & 63);
    // Before the row `n` is past its end too.
    let word = |n: isize| row.get(n as usize).copied().unwrap_or(0);
    word(n) << shift | word(n + 1) >> 1 >> (63 - shift)
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
        word_of(self.row(y), x)
    }

    /// A part of the page; what lies outside is paper.
    pub fn cropped(&self, x: isize, y: isize, width: usize, height: usize) -> Bits {
        let mut out = Bits::new(width, height);
        // Words of a row before the first that is read, and how far into that one the part begins.
        let (first, shift) = (x.div_euclid(64), x.rem_euclid(64));
        let (skip, first) = ((-first).max(0) as usize, first.max(0) as usize);
        let top = (-y).max(0) as usize;
        let foot = (self.height() as isize - y).clamp(0, height as isize) as usize;
        for row in top..foot {
            let from = self.row((y + row as isize) as usize);
            let Some(from) = from.get(first..) else { break };
            let to = out.row_mut(row);
            if shift == 0 {
                to.iter_mut().skip(skip).zip(from).for_each(|(to, word)| *to = *word);
                continue;
            }
            // What lies left of the page ends in the word that the page's first word begins in.
            if let (Some(before), Some(word)) = (skip.checked_sub(1).and_then(|n| to.get_mut(n)), from.first()) {
                *before = word >> (64 - shift);
            }
            let Some(to) = to.get_mut(skip..) else { break };
            for (to, both) in to.iter_mut().zip(from.windows(2)) {
                *to = both[0] << shift | both[1] >> (64 - shift);
            }
            if let (Some(to), Some(word)) = (from.len().checked_sub(1).and_then(|n| to.get_mut(n)), from.last()) {
                *to = word << shift;
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
            90 => self.transposed().mirrored(),
            270 => self.mirrored().transposed(),
            _ => self.clone(),
        }
    }

    /// Rows and columns exchanged: what lies at (x, y) comes to (y, x).
    pub fn transposed(&self) -> Bits {
        over(self, 0..self.height())
    }

    /// The same of some rows; those that the page has not are left out.
    pub fn rows_transposed(&self, rows: Range<usize>) -> Bits {
        let end = rows.end.min(self.height());
        over(self, rows.start.min(end)..end)
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
        let (columns, rows) = (shares(self.width(), width), shares(self.height(), height));
        let mut out = Gray::new(width, height);
        let mut sums = vec![0u32; self.width()];
        for (span, line) in rows.iter().zip(out.pixels_mut().chunks_mut(width.max(1))) {
            sums.fill(0);
            for (n, &weight) in span.weights.iter().enumerate() {
                for (sum, &v) in sums.iter_mut().zip(self.row(span.first + n)) {
                    *sum += weight * u32::from(v);
                }
            }
            for (span, pixel) in columns.iter().zip(line) {
                let pixels = &sums[span.first..span.first + span.weights.len()];
                let total: u64 = pixels.iter().zip(&span.weights).map(|(&v, &w)| u64::from(v) * u64::from(w)).sum();
                *pixel = (total / (1 << 24)).min(255) as u8;
            }
        }
        out
    }
}

/// The source pixels under one target pixel, with weights that sum to 4096.
struct Span {
    first: usize,
    weights: Vec<u32>,
}

fn shares(from: usize, to: usize) -> Vec<Span> {
    (0..to)
        .map(|n| {
            if to >= from {
                return Span { first: (n * from / to).min(from - 1), weights: vec![4096] };
            }
            // In units of 1/to of a source pixel.
            let (begin, end) = (n * from, (n + 1) * from);
            let (first, last) = (begin / to, (end - 1) / to);
            let mut weights: Vec<u32> = (first..=last)
                .map(|p| {
                    let covered = end.min((p + 1) * to) - begin.max(p * to);
                    (covered * 4096 / from) as u32
                })
                .collect();
            let sum: u32 = weights.iter().sum();
            if let Some(middle) = weights.get_mut((last - first) / 2) {
                *middle += 4096 - sum;
            }
            Span { first, weights }
        })
        .collect()
}
