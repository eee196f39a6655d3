//! The pixels of a patch, taken from the page once and only in the form that is asked for.

use std::cell::OnceCell;

use super::patch::Patch;
use crate::imaging::wide::widened;
use crate::imaging::{Bits, Gray, Upright};

/// Eight pixels of ink as eight bytes of 0 or 1, the leftmost lowest.
const SPREAD: [u64; 256] = {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            all[byte] |= (byte as u64 >> (7 - bit) & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    all
};

pub(super) struct Cut<'a> {
    page: &'a Upright,
    pub(super) patch: &'a Patch,
    bits: OnceCell<Bits>,
    counts: OnceCell<(Vec<u32>, Vec<u32>)>,
    picture: OnceCell<Gray>,
}

impl<'a> Cut<'a> {
    pub(super) fn new(page: &'a Upright, patch: &'a Patch) -> Cut<'a> {
        Cut { page, patch, bits: OnceCell::new(), counts: OnceCell::new(), picture: OnceCell::new() }
    }

    pub(super) fn dpi(&self) -> f32 {
        self.page.dpi as f32
    }

    pub(super) fn bits(&self) -> &Bits {
        let Patch { x0, y0, x1, y1, .. } = *self.patch;
        self.bits.get_or_init(|| self.page.bits.cropped(x0 as isize, y0 as isize, x1 - x0, y1 - y0))
    }

    /// Ink of each row and of each column.
    pub(super) fn counts(&self) -> (&[u32], &[u32]) {
        let (rows, columns) = self.counts.get_or_init(|| {
            let bits = self.bits();
            let rows = (0..bits.height()).map(|y| bits.row(y).iter().map(|w| w.count_ones()).sum()).collect();
            (rows, columns(bits))
        });
        (rows, columns)
    }

    /// The page has but black and white.
    pub(super) fn is_bitonal(&self) -> bool {
        self.page.gray.is_none()
    }

    /// Ink of the patch, 0 black to 255: from the gray picture where there is one.
    pub(super) fn picture(&self) -> &Gray {
        let Patch { x0, y0, x1, y1, .. } = *self.patch;
        self.picture.get_or_init(|| match &self.page.gray {
            Some(gray) => gray.cropped(x0 as isize, y0 as isize, x1 - x0, y1 - y0),
            None => black_and_white(self.bits()),
        })
    }

    /// Ink of each pixel from 0, the lightest, to 1, the darkest.
    pub(super) fn shares(&self) -> Vec<f32> {
        let picture = self.picture();
        let (dark, paper) = range(picture.pixels());
        let range = f32::from(paper.saturating_sub(dark)).max(1.0);
        let share: [f32; 256] = std::array::from_fn(|v| f32::from(paper.saturating_sub(v as u8)) / range);
        picture.pixels().iter().map(|v| share[usize::from(*v)]).collect()
    }
}

widened!(range = extremes(pixels: &'w [u8]) -> (u8, u8));

#[inline(always)]
fn extremes(pixels: &[u8]) -> (u8, u8) {
    (pixels.iter().fold(255, |least, v| least.min(*v)), pixels.iter().fold(0, |most, v| most.max(*v)))
}

fn columns(bits: &Bits) -> Vec<u32> {
    let mut out = vec![0; bits.width()];
    for (n, out) in out.chunks_mut(64).enumerate() {
        // A byte holds the counts of 255 rows.
        for from in (0..bits.height()).step_by(255) {
            let mut sums = [0u64; 8];
            for y in from..(from + 255).min(bits.height()) {
                let word = bits.row(y)[n];
                if word != 0 {
                    sums.iter_mut().zip(word.to_be_bytes()).for_each(|(sum, byte)| *sum += SPREAD[usize::from(byte)]);
                }
            }
            let counts = sums.iter().flat_map(|sum| sum.to_le_bytes());
            out.iter_mut().zip(counts).for_each(|(out, count)| *out += u32::from(count));
        }
    }
    out
}

fn black_and_white(bits: &Bits) -> Gray {
    let mut out = Gray::new(bits.width(), bits.height());
    if bits.width() == 0 {
        return out;
    }
    for (y, pixels) in out.pixels_mut().chunks_exact_mut(bits.width()).enumerate() {
        for (word, pixels) in bits.row(y).iter().zip(pixels.chunks_mut(64)) {
            if *word == 0 {
                continue;
            }
            let mut eights = pixels.chunks_exact_mut(8);
            let mut bytes = word.to_be_bytes().into_iter();
            let shown = |byte: u8| (!(SPREAD[usize::from(byte)] * 255)).to_le_bytes();
            // Asked for a byte only where there is room for it.
            for (pixels, byte) in eights.by_ref().zip(bytes.by_ref()) {
                pixels.copy_from_slice(&shown(byte));
            }
            let rest = eights.into_remainder();
            if let Some(byte) = bytes.next() {
                rest.iter_mut().zip(shown(byte)).for_each(|(pixel, shown)| *pixel = shown);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Transform;

    #[test]
    fn pixels_and_counts_are_those_of_the_page() {
        let mut bits = Bits::new(300, 700);
        let mut random = 3u64;
        for y in 0..700 {
            for x in 0..300 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                bits.set(x, y, x == 100 || random >> 62 == 0);
            }
        }
        let page = Upright { bits, gray: None, dpi: 200, transform: Transform::IDENTITY };
        let patch = Patch { x0: 13, y0: 7, x1: 213, y1: 690, grain: 0.0, striped: false };
        let cut = Cut::new(&page, &patch);
        let ink = |x: usize, y: usize| page.bits.get(13 + x, 7 + y);
        for x in 0..200 {
            assert_eq!(cut.counts().1[x], (0..683).filter(|y| ink(x, *y)).count() as u32);
        }
        let shares = cut.shares();
        for y in 0..683 {
            assert_eq!(cut.counts().0[y], (0..200).filter(|x| ink(*x, y)).count() as u32);
            for x in 0..200 {
                assert_eq!(cut.picture().get(x, y), if ink(x, y) { 0 } else { 255 });
                assert_eq!(shares[y * 200 + x], f32::from(u8::from(ink(x, y))));
            }
        }
    }
}
