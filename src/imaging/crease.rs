//! A corner that is folded over where the bed is as white as the paper: nothing is dark there, and all that shows is the rim
//! of the fold, a straight line aslant with nothing between it and the corner. Print does not stand so.

use std::ops::Range;

use super::convert::word_of;
use super::raster::Bits;

/// Inches of the page that are looked at from each corner, across and down.
const REACH: f32 = 2.2;
/// Inches that a fold takes off each side, at least and at most.
const LEAST: f32 = 0.2;
const MOST: f32 = 2.0;
/// Inches of its rim, at least.
const SHORTEST: f32 = 0.4;
/// Share of the rows (or columns) of a fold whose outermost ink lies on its rim.
const SHOWN: f32 = 0.34;

/// Width and height (inches) of a corner that is folded over.
pub fn find(bits: &Bits, dpi: u32) -> Option<(f32, f32)> {
    let dpi = dpi as f32;
    let reach = (REACH * dpi) as usize;
    let (across, down) = (reach.min(bits.width() / 2), reach.min(bits.height() / 2));
    [(false, false), (true, false), (false, true), (true, true)].into_iter().find_map(|(right, foot)| {
        let (left, top) = (if right { bits.width() - across } else { 0 }, if foot { bits.height() - down } else { 0 });
        let corner = Corner { bits, columns: left..left + across, rows: top..top + down, right };
        let row = |y: usize| if foot { top + down - 1 - y } else { top + y };
        let rows: Vec<Option<usize>> = (0..down).map(|y| corner.outermost(row(y))).collect();
        let (wide, high) = rim(&rows, SHORTEST * dpi)?;
        let (wide, high) = (wide / dpi, high / dpi);
        let large = wide.min(high) >= LEAST && wide.max(high) <= MOST;
        (large && wide.hypot(high) >= SHORTEST).then_some((wide, high))
    })
}

/// A part of the page, at its left side or at its right.
struct Corner<'a> {
    bits: &'a Bits,
    columns: Range<usize>,
    rows: Range<usize>,
    right: bool,
}

impl Corner<'_> {
    /// How far from the page's side the outermost ink of a row stands; specks are none.
    fn outermost(&self, y: usize) -> Option<usize> {
        let (from, to) = (self.columns.start, self.columns.end);
        if from >= to {
            return None;
        }
        let (first, last) = (from / 64, (to - 1) / 64);
        let words = self.bits.row(y).get(first..=last)?;
        if self.right {
            for (n, word) in words.iter().enumerate().rev() {
                if *word != 0
                    && let Some(x) = self.rightmost(*word, (first + n) * 64, y)
                {
                    return Some(to - 1 - x);
                }
            }
        } else {
            for (n, word) in words.iter().enumerate() {
                if *word != 0
                    && let Some(x) = self.leftmost(*word, (first + n) * 64, y)
                {
                    return Some(x - from);
                }
            }
        }
        None
    }

    /// The first ink of a word, whose pixels begin at `left`, that is no speck.
    fn leftmost(&self, mut word: u64, left: usize, y: usize) -> Option<usize> {
        while word != 0 {
            let bit = word.leading_zeros() as usize;
            if self.is_seen(left + bit, y) {
                return Some(left + bit);
            }
            word &= !(1 << 63 >> bit);
        }
        None
    }

    /// The last.
    fn rightmost(&self, mut word: u64, left: usize, y: usize) -> Option<usize> {
        while word != 0 {
            let bit = 63 - word.trailing_zeros() as usize;
            if self.is_seen(left + bit, y) {
                return Some(left + bit);
            }
            word &= word - 1;
        }
        None
    }

    /// Is this pixel of the part, and has it two more beside it?
    fn is_seen(&self, x: usize, y: usize) -> bool {
        if !self.columns.contains(&x) {
            return false;
        }
        let mut seen = if x == self.columns.start { 0b011 } else { 0b111 };
        if x + 1 == self.columns.end {
            seen &= 0b110;
        }
        let three = |y: usize| match self.rows.contains(&y) {
            true => word_of(self.bits.row(y), x as isize - 1) >> 61 & seen,
            false => 0,
        };
        (three(y.wrapping_sub(1)) << 6 | three(y) << 3 | three(y + 1)).count_ones() >= 3
    }
}

/// The straight line aslant that the outermost ink of many rows lies on, as its width and height in pixels: the longest edge
/// of the hull around all ink, as seen from the corner, of at least so many pixels.
fn rim(rows: &[Option<usize>], least: f32) -> Option<(f32, f32)> {
    let points: Vec<(f32, f32)> =
        rows.iter().enumerate().filter_map(|(y, x)| x.map(|x| (x as f32, y as f32))).collect();
    // Down the corner's side of the hull, from the topmost ink.
    let mut hull: Vec<(f32, f32)> = Vec::new();
    for &p in &points {
        while let [.., a, b] = hull[..] {
            let turn = (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
            if turn < 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(p);
    }
    // A rim is never quite straight: several edges of the hull may be one.
    hull.truncate(200);
    let mut best: Option<(f32, f32)> = None;
    for (i, a) in hull.iter().enumerate() {
        for (j, b) in hull.iter().enumerate().skip(i + 1) {
            // From the side along the top to the side along the left: x falls as y grows.
            let (wide, high) = (a.0 - b.0, b.1 - a.1);
            let length = wide.hypot(high);
            if length < least
                || wide < 0.25 * high
                || high < 0.2 * wide
                || best.is_some_and(|(w, h)| w.hypot(h) >= length)
            {
                continue;
            }
            let off = |p: &(f32, f32)| ((p.0 - b.0) * high + (p.1 - b.1) * wide).abs() / length;
            if hull[i..=j].iter().any(|p| off(p) > 2.5) {
                continue;
            }
            let on = points.iter().filter(|p| p.1 >= a.1 && p.1 <= b.1 && off(p) <= 2.5).count();
            if on as f32 >= SHOWN * high {
                best = Some((wide, high));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of lines of print with a line drawn across a corner: from how far along the top to how far down the side
    /// (inches), every how many pixels it breaks off for a third of that.
    fn page(wide: f32, high: f32, breaks: usize) -> Bits {
        let mut bits = Bits::new(1200, 600);
        for line in 0..8 {
            for word in 0..40 {
                (0..14).for_each(|y| (0..5).for_each(|x| bits.set(90 + word * 26 + x, 80 + line * 60 + y, true)));
            }
        }
        let (w, h) = (wide * 200.0, high * 200.0);
        for n in 0..2000 {
            let t = n as f32 / 2000.0;
            let (x, y) = ((w * (1.0 - t)) as usize, (h * t) as usize);
            if breaks == 0 || y % breaks * 3 < breaks * 2 {
                [(0, 0), (1, 0), (0, 1)].iter().for_each(|(dx, dy)| bits.set(1199 - x - dx, 599 - y - dy, true));
            }
        }
        bits
    }

    #[test]
    fn a_rim_aslant_at_a_corner_is_a_fold() {
        for (wide, high, breaks, folded) in [
            (0.5, 0.4, 0, true),
            (0.4, 0.5, 12, true),
            (0.38, 0.3, 9, true),
            (0.1, 0.1, 0, false),
            (0.0, 0.6, 0, false),
            (0.6, 0.02, 0, false),
        ] {
            let found = find(&page(wide, high, breaks), 200);
            assert_eq!(found.is_some(), folded, "{wide} {high} {breaks}: {found:?}");
            if let Some((w, h)) = found {
                assert!((w - wide).abs() < 0.08 && (h - high).abs() < 0.08, "{wide} {high}: {w} {h}");
            }
        }
        assert!(find(&Bits::new(1200, 600), 200).is_none());
        assert!(find(&Bits::new(3, 2), 200).is_none());
    }
}
