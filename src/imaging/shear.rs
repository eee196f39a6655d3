//! A slant taken back: the ink of a page is moved up and down, and left and right, in whole pixels. Eight rows and 64 columns
//! at a time, since beneath each other nearly the same columns go over from one row of the source to the next.

use std::ops::Range;

use super::raster::Bits;
use super::upright::Transform;
use super::wide::widened;

/// Rows that are moved at once.
const ROWS: usize = 8;

/// Fixed point with 16 bits after the point.
#[inline(always)]
pub(super) fn fixed(v: f32) -> i64 {
    (f64::from(v) * 65536.0).round() as i64
}

widened!(moved = shear(bits: &'w Bits, transform: &'w Transform, width: usize, height: usize) -> Bits);

/// The upright page, by the way from it to the source.
pub(super) fn sheared(bits: &Bits, transform: &Transform, width: usize, height: usize) -> Bits {
    moved(bits, transform, width, height)
}

#[inline(always)]
fn shear(bits: &Bits, transform: &Transform, width: usize, height: usize) -> Bits {
    let [a, b, c, d, e, f] = transform.0;
    // Of the first pixel of a row: how far to the right it stands in the source, and on which row.
    let aside = |y: usize| fixed(0.5 * a + b * (y as f32 + 0.5) + c);
    let line = |y: usize| fixed(0.5 * d + e * (y as f32 + 0.5) + f);
    let (left, down) = (65536 - fixed(a), fixed(d));
    let words = width.div_ceil(64);
    let columns = 64 * words as i64;
    let ends = [0, height.next_multiple_of(ROWS)];
    let (asides, lines) = (ends.map(aside), ends.map(line));
    let least = |ends: [i64; 2], more: i64| ends[0].min(ends[1]) + more.min(0);
    let most = |ends: [i64; 2], more: i64| ends[0].max(ends[1]) + more.max(0);
    let (before, behind) = (least(asides, -left * columns) >> 22, most(asides, -left * columns) >> 22);
    let (above, below) = (least(lines, down * columns) >> 16, most(lines, down * columns) >> 16);
    let way = Way {
        source: Framed::of(bits, before..behind + words as i64, above - 1..below + 1),
        left,
        flip: if down < 0 { -1 } else { 0 },
        step: down.abs().max(1),
    };
    let mut out = Bits::new(width, height);
    for top in (0..height).step_by(ROWS) {
        let asides = std::array::from_fn(|i| aside(top + i));
        // All as if they were the first of them.
        let lines = std::array::from_fn(|i| (line(top + i) - ((i as i64) << 16)) ^ way.flip);
        let block = Block { way: &way, asides: Eight::of(asides), lines: Eight::of(lines) };
        let rows = &mut out.words_mut()[top * words..];
        for n in 0..words {
            let found = block.words(n);
            rows[n..].iter_mut().step_by(words).zip(found).for_each(|(to, word)| *to = word);
        }
    }
    out.clear_past_width();
    out
}

/// The way along a row of the upright page through the source.
struct Way {
    source: Framed,
    /// Fixed point: with each pixel a row stands so much farther to the left of it.
    left: i64,
    /// The same for up and down; where it is up, rows are counted the other way: -1, all bits of a row's number are changed.
    step: i64,
    flip: i64,
}

/// Where the rows begin, in fixed point, and the least and the most of it.
struct Eight {
    all: [i64; ROWS],
    least: i64,
    most: i64,
}

impl Eight {
    #[inline(always)]
    fn of(all: [i64; ROWS]) -> Eight {
        let (least, most) = all.iter().fold((i64::MAX, i64::MIN), |(a, b), at| (a.min(*at), b.max(*at)));
        Eight { all, least, most }
    }
}

/// Rows of the upright page beneath each other.
struct Block<'a> {
    way: &'a Way,
    asides: Eight,
    lines: Eight,
}

impl Block<'_> {
    /// Their words of one column of words.
    #[inline(always)]
    fn words(&self, n: usize) -> [u64; ROWS] {
        let left = self.way.left;
        let ahead = left * 64 * n as i64;
        let (first, last) = ((self.asides.most - ahead) >> 16, (self.asides.least - ahead - 63 * left) >> 16);
        let mut found = self.moved(first, n);
        for aside in (last..first).rev() {
            let next = self.moved(aside, n);
            let before = ((aside + 1) << 16) + ahead;
            for i in 0..ROWS {
                let over = self.asides.all[i] - before;
                let start = match over {
                    ..0 => 0,
                    over if over >= 63 * left => continue,
                    over => over / left + 1,
                };
                found[i] ^= (found[i] ^ next[i]) & u64::MAX >> start;
            }
        }
        found
    }

    /// The same, as if all stood so many pixels aside.
    #[inline(always)]
    fn moved(&self, aside: i64, n: usize) -> [u64; ROWS] {
        let Way { source, step, flip, .. } = self.way;
        let ahead = step * 64 * n as i64;
        let Eight { all, least, most } = &self.lines;
        let (first, last) = ((least + ahead) >> 16, (most + ahead + 63 * step) >> 16);
        let mut found = source.words(first ^ flip, n, aside);
        for row in first + 1..=last {
            let next = source.words(row ^ flip, n, aside);
            let begun = (row << 16) - ahead;
            if most - least > *step {
                for i in 0..ROWS {
                    let start = ((begun - all[i]).max(0) + step - 1) / step;
                    found[i] ^= (found[i] ^ next[i]) & if start < 64 { u64::MAX >> start } else { 0 };
                }
                continue;
            }
            // The one that is farthest goes over to the row here, the others here or one pixel after it.
            let start = ((begun - most).max(0) as u32).div_ceil(*step as u32);
            let (head, reached) = (u64::MAX >> (start & 63), begun - i64::from(start) * step);
            for i in 0..ROWS {
                let mask = if all[i] < reached { head >> 1 } else { head };
                found[i] ^= (found[i] ^ next[i]) & mask;
            }
        }
        found
    }
}

/// A raster with paper around it, as far as it is looked at, a column of words after the other.
struct Framed {
    /// Words to the left and rows above.
    left: i64,
    top: i64,
    height: usize,
    words: Vec<u64>,
}

impl Framed {
    #[inline(always)]
    fn of(bits: &Bits, columns: Range<i64>, rows: Range<i64>) -> Framed {
        let (left, top) = (-columns.start.min(0), -rows.start.min(0) + ROWS as i64);
        let wide = left as usize + bits.width().div_ceil(64).max(columns.end.max(0) as usize + 2);
        let height = top as usize + bits.height().max(rows.end.max(0) as usize) + 2 * ROWS;
        let mut words = vec![0; wide * height];
        for y in 0..bits.height() {
            let places = words[left as usize * height + top as usize + y..].iter_mut().step_by(height);
            places.zip(bits.row(y)).for_each(|(to, word)| *to = *word);
        }
        Framed { left, top, height, words }
    }

    /// Words of rows beneath each other that begin so many pixels to the right of a column of words.
    #[inline(always)]
    fn words(&self, y: i64, n: usize, aside: i64) -> [u64; ROWS] {
        let at = (n as i64 + self.left + (aside >> 6)) as usize * self.height + (y + self.top) as usize;
        let eight = |at: usize| self.words.get(at..).and_then(|words| words.first_chunk::<ROWS>());
        let (Some(one), Some(next)) = (eight(at), eight(at + self.height)) else { return [0; ROWS] };
        let shift = aside & 63;
        std::array::from_fn(|i| one[i] << shift | next[i] >> 1 >> (63 - shift))
    }
}
