//! The two rasters of the trade: packed bitonal (1 = ink) and 8-bit gray (0 = black, 255 = white).

use super::wide::widened;

/// Bitonal, 64 pixels a word, most significant bit leftmost; 1 is ink. Bits past the width are 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bits {
    width: usize,
    height: usize,
    stride: usize,
    words: Vec<u64>,
}

impl Bits {
    /// All paper.
    pub fn new(width: usize, height: usize) -> Self {
        let stride = width.div_ceil(64);
        Bits { width, height, stride, words: vec![0; stride * height] }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// Is there ink? Outside the raster is paper.
    #[inline]
    pub fn get(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height && self.words[y * self.stride + x / 64] >> (63 - x % 64) & 1 == 1
    }

    /// Outside the raster nothing happens.
    #[inline]
    pub fn set(&mut self, x: usize, y: usize, ink: bool) {
        if x >= self.width || y >= self.height {
            return;
        }
        let mask = 1u64 << (63 - x % 64);
        let word = &mut self.words[y * self.stride + x / 64];
        if ink { *word |= mask } else { *word &= !mask }
    }

    /// The words of one row.
    #[inline]
    pub fn row(&self, y: usize) -> &[u64] {
        &self.words[y * self.stride..(y + 1) * self.stride]
    }

    /// The words of one row; the caller keeps the bits past the width 0.
    #[inline]
    pub fn row_mut(&mut self, y: usize) -> &mut [u64] {
        &mut self.words[y * self.stride..(y + 1) * self.stride]
    }

    /// All words, row after row.
    #[inline]
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The same; the caller keeps the bits past the width 0.
    #[inline]
    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    pub fn ink(&self) -> usize {
        ink_of(&self.words)
    }
}

/// The words of a row that hold its pixels `from..to`, and the bits in them that stand for these.
#[inline(always)]
pub fn span(from: usize, to: usize) -> impl Iterator<Item = (usize, u64)> {
    (from / 64..to.div_ceil(64)).map(move |n| {
        let (before, beyond) = (from.saturating_sub(64 * n), (64 * (n + 1)).saturating_sub(to));
        (n, u64::MAX >> before & u64::MAX << beyond)
    })
}

widened!(ink_of = ones(words: &'w [u64]) -> usize);

#[inline(always)]
fn ones(words: &[u64]) -> usize {
    words.iter().map(|w| w.count_ones() as usize).sum()
}

/// Gray, one byte a pixel, row by row; 0 is black, 255 is white.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gray {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Gray {
    /// All paper.
    pub fn new(width: usize, height: usize) -> Self {
        Gray { width, height, pixels: vec![255; width * height] }
    }

    /// `None` when the pixels are not `width * height`.
    pub fn from_pixels(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        (pixels.len() == width.checked_mul(height)?).then_some(Gray { width, height, pixels })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// Outside the raster is white.
    #[inline]
    pub fn get(&self, x: usize, y: usize) -> u8 {
        if x < self.width && y < self.height { self.pixels[y * self.width + x] } else { 255 }
    }

    #[inline]
    pub fn set(&mut self, x: usize, y: usize, value: u8) {
        if x < self.width && y < self.height {
            self.pixels[y * self.width + x] = value;
        }
    }

    #[inline]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }

    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }
}
