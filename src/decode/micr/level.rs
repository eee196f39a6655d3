//! Ink of another gray: on a gray picture a rubber stamp or a pen is mostly lighter than the toner of the account line. Where the
//! ink around a line falls into two levels and the line's own is the darker, the lighter is taken off. Bitonal pages have no
//! levels: for them there is nothing to take off.

use super::read::RowRead;
use super::strip::Geometry;
use crate::imaging::{Bits, Upright};

/// Units beyond the digits, above and below, that are looked at.
const AROUND: f32 = 9.0;
/// A glyph of this chance shows the line's own level.
const SURE: f32 = 0.99;
/// Levels that the inks must lie apart, and the share of the ink that the lighter must have.
const APART: f32 = 22.0;
const SOME: f32 = 0.04;

/// The page with nothing on it but the line's own ink and what is as dark; `None` where all is of one level.
pub fn darker(page: &Upright, row: &RowRead) -> Option<Upright> {
    let (bits, gray) = (&page.bits, page.gray.as_ref()?);
    if (gray.width(), gray.height()) != (bits.width(), bits.height()) {
        return None;
    }
    let (x0, x1, y0, y1) = around(bits, &row.parts)?;
    // The rim of a stroke is gray in any ink.
    let is_inner = |x: usize, y: usize| {
        let (left, top) = (x.wrapping_sub(1), y.wrapping_sub(1));
        [(x, y), (left, y), (x + 1, y), (x, top), (x, y + 1)].iter().all(|&(x, y)| bits.get(x, y))
    };
    let mut all = [0u32; 256];
    for y in y0..y1 {
        (x0..x1).filter(|&x| is_inner(x, y)).for_each(|x| all[usize::from(gray.get(x, y))] += 1);
    }
    let mut own = [0u32; 256];
    for glyph in row.glyphs.iter().filter(|g| g.chance >= SURE) {
        let b = glyph.bbox;
        let side = |v: i32, most: usize| (v.max(0) as usize).min(most);
        for y in side(b.y, bits.height())..side(b.y + b.h, bits.height()) {
            let columns = side(b.x, bits.width())..side(b.x + b.w, bits.width());
            columns.filter(|&x| is_inner(x, y)).for_each(|x| own[usize::from(gray.get(x, y))] += 1);
        }
    }
    let level = middle(&own)?;
    let (border, dark, light, share) = split(&all)?;
    // The darker of the two must be the line's.
    if light - dark < APART || share < SOME || (level - dark).abs() > (level - light).abs() {
        return None;
    }
    let mut out = Upright { bits: Bits::new(bits.width(), bits.height()), ..page.clone() };
    let kept = out.gray.as_mut()?;
    let is_dark = |x: usize, y: usize| f32::from(gray.get(x, y)) <= border && bits.get(x, y);
    for y in y0..y1 {
        let paper = super::foreign::paper(gray.row(y), x0, x1 - x0);
        for x in x0..x1 {
            // The rim goes with its stroke.
            let (rows, columns) = (y.saturating_sub(1)..y + 2, x.saturating_sub(1)..x + 2);
            if rows.into_iter().any(|y| columns.clone().any(|x| is_dark(x, y))) {
                out.bits.set(x, y, bits.get(x, y));
            } else {
                kept.set(x, y, paper);
            }
        }
    }
    Some(out)
}

/// Left, right, top and foot of the band that the line stands in.
fn around(bits: &Bits, parts: &[Geometry]) -> Option<(usize, usize, usize, usize)> {
    let (first, last) = (parts.first()?, parts.last()?);
    let x0 = first.x0.max(0.0) as usize;
    let x1 = ((last.x0 + last.length * last.sx).max(0.0) as usize).min(bits.width());
    let at = |x: f32| {
        let place = parts.iter().rev().find(|p| p.x0 <= x).unwrap_or(first).at(x);
        (place.y - (4.5 + AROUND) * place.sy, place.y + (4.5 + AROUND) * place.sy)
    };
    let ends = [at(x0 as f32), at(x1 as f32)];
    let y0 = ends.iter().fold(f32::INFINITY, |y, e| y.min(e.0)).max(0.0) as usize;
    let y1 = (ends.iter().fold(0.0f32, |y, e| y.max(e.1)) as usize).min(bits.height());
    (x1 > x0 + 32 && y1 > y0 && y1 - y0 < 2_000).then_some((x0, x1, y0, y1))
}

/// The level that half of the pixels are darker than.
fn middle(counts: &[u32; 256]) -> Option<f32> {
    let total: u32 = counts.iter().sum();
    let mut sum = 0;
    let at = counts.iter().position(|n| {
        sum += n;
        sum * 2 > total
    })?;
    (total > 100).then_some(at as f32)
}

/// Two levels: the border between them where both are tightest, their means, and the lighter one's share.
fn split(counts: &[u32; 256]) -> Option<(f32, f32, f32, f32)> {
    let weigh = |from: usize, to: usize| {
        let some = counts[from..to].iter().zip(from..);
        some.fold((0.0f64, 0.0f64), |(n, sum), (c, v)| (n + f64::from(*c), sum + f64::from(*c) * v as f64))
    };
    let between = |border: usize| {
        let ((n0, s0), (n1, s1)) = (weigh(0, border + 1), weigh(border + 1, 256));
        if n0 < 1.0 || n1 < 1.0 { 0.0 } else { n0 * n1 * (s0 / n0 - s1 / n1).powi(2) }
    };
    let border = (0..255).max_by(|&a, &b| between(a).total_cmp(&between(b)))?;
    let ((n0, s0), (n1, s1)) = (weigh(0, border + 1), weigh(border + 1, 256));
    let (dark, light) = ((s0 / n0.max(1.0)) as f32, (s1 / n1.max(1.0)) as f32);
    (n0 + n1 > 100.0).then_some(((dark + light) / 2.0, dark, light, (n1 / (n0 + n1)) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::micr::read::{Glyph, InkAlong};
    use crate::domain::PixelBox;
    use crate::imaging::{Gray, Transform, binarize};

    #[test]
    fn the_lighter_ink_goes_and_the_lines_own_stays() {
        // The level of what crosses the line | is it taken off?
        for (level, is_taken) in [(110u8, true), (70, true), (25, false), (20, false), (10, false)] {
            let mut gray = Gray::new(500, 150);
            gray.pixels_mut().fill(230);
            let mut fill = |x0: usize, x1: usize, y0: usize, y1: usize, level: u8| {
                (y0..y1).for_each(|y| (x0..x1).for_each(|x| gray.set(x, y, gray.get(x, y).min(level))));
            };
            let mut glyphs = Vec::new();
            for cell in 0..12 {
                let x = 60 + 29 * cell;
                fill(x, x + 6, 60, 87, 20);
                fill(x, x + 21, 80, 87, 20);
                let bbox = PixelBox { x: x as i32, y: 60, w: 21, h: 27 };
                glyphs.push(Glyph::clear(4, (x + 21) as f32, 29.0, bbox));
            }
            fill(150, 350, 64, 72, level);
            let line = Geometry { x0: 10.0, y0: 60.0, slope: 0.0, sx: 3.0, sy: 3.0, length: 150.0, knots: Vec::new() };
            let ink = InkAlong::default();
            let row = RowRead { parts: vec![line], glyphs, loose: 0.0, stray: 0, outside: 0.0, looks: 0, ink };
            let page = Upright { bits: binarize(&gray), gray: Some(gray), dpi: 230, transform: Transform::IDENTITY };
            let darker = darker(&page, &row);
            assert_eq!(darker.is_some(), is_taken, "level {level}");
            let Some(darker) = darker else { continue };
            assert!(darker.bits.get(62, 70) && darker.bits.get(207, 83), "level {level}: glyphs went");
            assert!(!darker.bits.get(199, 68), "level {level}: ink between glyphs stayed");
            assert!(super::darker(&Upright { gray: None, ..page }, &row).is_none(), "a bitonal page has no levels");
        }
    }
}
