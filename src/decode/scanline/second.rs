//! A second look at a line that the first left in doubt: with the strokes that cross it taken off, further outward where a
//! stamp hides its ends, and a little aside of each cell's middle. What all looks say together is the line, so that a cell on
//! which they differ leaves doubt.

use super::cell::{BLANK, CLASSES, OTHER};
use super::find::{self, Comb};
use super::fit::DOUBT;
use super::{Cell, Reader, ScanlineLine, Seen, line_of};
use crate::decode::layout::Layouts;
use crate::decode::micr::find::Pieces;
use crate::decode::micr::foreign;
use crate::decode::micr::strip::Geometry;
use crate::imaging::Upright;

/// Cells looked at beyond the pieces that were found.
const BEYOND: i32 = 32;
/// Cells in a row that show no character and end the line: empty ones, and others.
const EMPTY: i32 = 3;
const STRANGE: i32 = 9;

/// Looks that agree say more than one of them alone, and less than as many that know nothing of each other would: measured on
/// worn lines made for it, of which none that was accepted was wrong even at 2.
const TOGETHER: f32 = 1.5;

/// A cell of a line that seems no character is a damaged one rather than something else.
const STRANGER: f32 = 0.05;

/// Where strokes cross a line they may have made one digit of another: its doubt counts so often.
const CROSSED: f32 = 2.0;

/// The line, and whether strokes cross it; `None` where nothing can be read.
pub fn look(page: &Upright, layouts: &Layouts, first: &Comb, seen: &mut Seen) -> Option<(ScanlineLine, bool)> {
    let freed = foreign::without_strokes(page, &[band(page, first)]).map(|f| f.page);
    let comb = freed.as_ref().and_then(|freed| again(freed, first)).unwrap_or(*first);
    let clearest = freed.as_ref().unwrap_or(page);
    let numbers = numbers(clearest, &comb, seen)?;
    let nudge = comb.pitch * 0.06;
    // By page: the mean of its looks' logarithms.
    let mut looks = |page: &Upright| -> Vec<[f32; CLASSES]> {
        let mut means = vec![[0.0; CLASSES]; numbers.clone().count()];
        let asides = [(0.0, 0.0), (nudge, 0.0), (-nudge, 0.0), (0.0, nudge), (0.0, -nudge)];
        for (dx, dy) in asides {
            let aside = Comb { x: comb.x + dx, y: comb.y + dy, ..comb };
            let mut reader = Reader::new(page, &aside, *numbers.start(), *numbers.end());
            for (mean, number) in means.iter_mut().zip(numbers.clone()) {
                let chances = reader.look_again(number, seen).chances;
                mean.iter_mut().zip(chances).for_each(|(m, c)| *m += c.max(1e-6).ln() / asides.len() as f32);
            }
        }
        means
    };
    let mut means = looks(page);
    if let Some(freed) = &freed {
        means.iter_mut().zip(looks(freed)).for_each(|(mean, other)| *mean = blended(mean, &other));
    }
    let cell = |(number, mean): (i32, [f32; CLASSES])| {
        let mut chances = mean.map(|m| (m * TOGETHER).exp());
        chances[OTHER] *= STRANGER;
        let whole: f32 = chances.iter().sum();
        chances.iter_mut().for_each(|c| *c /= whole);
        Cell { number, chances }
    };
    let cells: Vec<Cell> = numbers.clone().zip(means).map(cell).collect();
    let mut line = line_of(&cells, page, &comb, layouts)?;
    if freed.is_some() {
        let doubt = CROSSED * (1.0 - line.read.confidence);
        line.read.confidence = (1.0 - doubt).max(0.0);
        line.read.accepted &= doubt < DOUBT;
    }
    Some((line, freed.is_some()))
}

/// Of two pages' logarithms: the surer counts for more, since what was taken off may have been the character's.
fn blended(one: &[f32; CLASSES], other: &[f32; CLASSES]) -> [f32; CLASSES] {
    let sure = |mean: &[f32; CLASSES]| mean[..BLANK].iter().copied().fold(f32::NEG_INFINITY, f32::max).exp().powi(4);
    let (a, b) = (sure(one).max(1e-6), sure(other).max(1e-6));
    std::array::from_fn(|c| (one[c] * a + other[c] * b) / (a + b))
}

/// The line's band for whoever takes strokes off it, in ninths of a character's height.
fn band(page: &Upright, comb: &Comb) -> Geometry {
    let unit = 0.107 * page.dpi as f32 / 9.0;
    let (left, y) = comb.centre(comb.first - BEYOND);
    let x0 = left.max(0.0);
    let right = comb.centre(comb.last + BEYOND).0.min(page.bits.width() as f32);
    let y0 = y + (x0 - left) * comb.slope - 4.5 * unit;
    Geometry {
        x0,
        y0,
        slope: comb.slope,
        sx: unit,
        sy: unit,
        length: ((right - x0) / unit).max(0.0),
        knots: Vec::new(),
    }
}

/// The comb of the same line where the strokes are gone, if more of it is seen.
fn again(freed: &Upright, first: &Comb) -> Option<Comb> {
    let middle = |c: &Comb| c.centre((c.first + c.last) / 2);
    let same = |c: &Comb| {
        let (x, y) = middle(c);
        (y - first.y - (x - first.x) * first.slope).abs() < 0.4 * first.pitch
    };
    let all = find::combs(&Pieces::of(&freed.bits), freed.dpi as f32, 4);
    all.into_iter().filter(same).max_by_key(|c| c.pieces).filter(|c| c.pieces >= first.pieces)
}

/// From the first to the last cell that may be of the line.
fn numbers(page: &Upright, comb: &Comb, seen: &mut Seen) -> Option<std::ops::RangeInclusive<i32>> {
    let mut reader = Reader::new(page, comb, comb.first - BEYOND, comb.last + BEYOND);
    let mut outward = |cells: &mut dyn Iterator<Item = i32>, from: i32| {
        let (mut end, mut empty, mut strange) = (from, 0, 0);
        for number in cells {
            match reader.look_again(number, seen).best() {
                BLANK => (empty, strange) = (empty + 1, strange + 1),
                class if class < BLANK => (end, empty, strange) = (number, 0, 0),
                _ => (empty, strange) = (0, strange + 1),
            }
            if empty >= EMPTY || strange >= STRANGE {
                break;
            }
        }
        end
    };
    let last = outward(&mut (comb.last + 1..=comb.last + BEYOND), comb.last);
    let first = outward(&mut (comb.first - BEYOND..comb.first).rev(), comb.first);
    (first < last).then_some(first - 1..=last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logarithms of a cell that shows this class with this chance.
    fn cell(class: usize, chance: f32) -> [f32; CLASSES] {
        let mut chances = [(1.0 - chance) / (CLASSES - 1) as f32; CLASSES];
        chances[class] = chance;
        chances.map(f32::ln)
    }

    #[test]
    fn the_surer_page_counts_for_more_and_two_sure_ones_leave_doubt() {
        for (one, other, class, least, most) in [
            ((3, 0.99), (3, 0.6), 3, 0.9, 1.0),
            ((3, 0.99), (5, 0.5), 3, 0.8, 1.0),
            // Nothing but strokes was left of it.
            ((3, 0.95), (OTHER, 0.9), 3, 0.9, 1.0),
            ((3, 0.97), (5, 0.97), 3, 0.1, 0.6),
        ] {
            let both = blended(&cell(one.0, one.1), &cell(other.0, other.1)).map(f32::exp);
            let chance = both[class] / both.iter().sum::<f32>();
            assert!((least..=most).contains(&chance), "{one:?} and {other:?}: {chance}");
        }
    }
}
