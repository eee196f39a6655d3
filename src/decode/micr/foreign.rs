//! Ink that does not belong to an account line although it crosses it: pen strokes of a signature, frames and letters of rubber
//! stamps. No stroke of an E-13B glyph is longer than the glyph; what runs on for longer, or comes in from beyond the clear
//! band, is followed row by row (steep) or column by column (flat) and taken off. Where it crosses a glyph the ink stays: there
//! nobody can tell whose it is.

use super::read::RowRead;
use super::strip::Geometry;
use crate::imaging::{Bits, Upright};

/// Units beyond the digits, above and below, that are looked at.
const AROUND: f32 = 9.0;
/// Units that a steep stroke must be long; glyphs are nine high.
const TALL: f32 = 11.5;
/// Units that a flat one must be long without a break; glyphs are seven wide, and stand two and a half apart.
const LONG: f32 = 11.5;
/// Units that a stroke may be thick: letters of a stamp are drawn so, frames thinner.
const THICK: f32 = 3.4;
const THIN: f32 = 1.9;
/// Units beyond the digits where no glyph has ink.
const OUTSIDE: f32 = 1.3;

/// The page with nothing on it but the line and what is around it.
pub struct Freed {
    pub page: Upright,
    /// What was taken off.
    pub taken: Bits,
}

/// `None` where nothing was found to take off.
pub fn without_strokes(page: &Upright, parts: &[Geometry]) -> Option<Freed> {
    let band = Band::new(&page.bits, parts)?;
    let mut taken = Bits::new(band.ink.width(), band.ink.height());
    steep(&band, &mut taken);
    flat(&band, &mut taken);
    if taken.ink() == 0 {
        return None;
    }
    let mut kept = band.ink.clone();
    for y in 0..kept.height() {
        kept.row_mut(y).iter_mut().zip(taken.row(y)).for_each(|(kept, taken)| *kept &= !taken);
    }
    // Back to where they stand on the page, and paper around.
    let (left, top) = (-(band.x0 as isize), -(band.y0 as isize));
    let placed = |part: &Bits| part.cropped(left, top, page.bits.width(), page.bits.height());
    let Upright { gray, dpi, transform, .. } = page;
    let mut out = Freed {
        page: Upright { bits: placed(&kept), gray: gray.clone(), dpi: *dpi, transform: *transform },
        taken: placed(&taken),
    };
    if let Some(gray) = &mut out.page.gray {
        // The rim of a stroke is gray: with it go the pixels around, up to other ink.
        let (width, height) = (taken.width(), taken.height());
        let levels: Vec<u8> = (0..height)
            .map(
                |y| if taken.row(y).iter().any(|w| *w != 0) { paper(gray.row(band.y0 + y), band.x0, width) } else { 0 },
            )
            .collect();
        taken.each_ink(|x, y| {
            for (dx, dy) in [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)] {
                let (nx, ny) = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
                if nx < width && ny < height && (taken.get(nx, ny) || !band.ink.get(nx, ny)) {
                    gray.set(band.x0 + nx, band.y0 + ny, levels[y]);
                }
            }
        });
    }
    Some(out)
}

/// Is there ink just beyond the clear band that a line of glyphs stands in, above or below them?
pub fn crosses(bits: &Bits, row: &RowRead) -> bool {
    let (Some(first), Some(last)) = (row.glyphs.first(), row.glyphs.last()) else { return false };
    let part_at = |x: f32| row.parts.iter().rev().find(|p| p.x0 <= x).or(row.parts.first());
    let (from, to) = (first.bbox.x as f32 - first.pitch, last.right + last.pitch);
    (from.max(0.0) as usize..to.max(0.0) as usize).any(|x| {
        let Some(place) = part_at(x as f32).map(|p| p.at(x as f32)) else { return false };
        let off = (4.5 + OUTSIDE) * place.sy;
        let ink = |y: f32| y >= 0.0 && bits.get(x, y as usize);
        ink(place.y - off) || ink(place.y + off)
    })
}

/// Does something straight run along the page's foot, longer than any glyph or letter, where an account line stands? Print that
/// did not take leaves gaps in it.
pub fn is_ruled(bits: &Bits, dpi: usize) -> bool {
    let (least, gap) = (dpi as i32 / 2, dpi as i32 / 60 + 1);
    let (from, to) = (bits.height().saturating_sub(dpi * 4 / 5), bits.height().saturating_sub(dpi / 10));
    (from..to).any(|y| {
        let (mut begin, mut end, mut ink, mut is_long) = (i32::MIN, i32::MIN, 0, false);
        super::find::runs(bits.row(y), bits.width(), |x0, x1| {
            if x0.saturating_sub(end) > gap {
                (begin, ink) = (x0, 0);
            }
            (end, ink) = (x1, ink + x1 - x0);
            is_long |= end - begin >= least && ink * 5 >= (end - begin) * 4;
        });
        is_long
    })
}

/// The commonest bright level of a row, from a column on.
pub(super) fn paper(row: &[u8], from: usize, width: usize) -> u8 {
    let mut counts = [0u32; 256];
    row[from..from + width].iter().for_each(|v| counts[usize::from(*v)] += 1);
    (96..=255).max_by_key(|&v| counts[v as usize]).unwrap_or(255) as u8
}

/// The line and what is around it, row by row.
struct Band {
    x0: usize,
    y0: usize,
    ink: Bits,
    /// Pixels of one unit.
    unit: f32,
    /// By column, the rows where the digits begin and end.
    top: Vec<f32>,
    foot: Vec<f32>,
}

impl Band {
    fn new(bits: &Bits, parts: &[Geometry]) -> Option<Band> {
        let (first, last) = (parts.first()?, parts.last()?);
        let unit = parts.iter().map(|p| p.sy).sum::<f32>() / parts.len() as f32;
        let x0 = first.x0.max(0.0) as usize;
        let x1 = ((last.x0 + last.length * last.sx).max(0.0) as usize).min(bits.width());
        if unit < 1.0 || x1 < x0 + 32 || x1 - x0 > 12_000 {
            return None;
        }
        let part_at = |x: f32| parts.iter().rev().find(|p| p.x0 <= x).unwrap_or(first);
        let middle: Vec<f32> = (x0..x1).map(|x| part_at(x as f32).at(x as f32 + 0.5).y).collect();
        let (high, low) = middle.iter().fold((f32::INFINITY, 0.0f32), |(h, l), y| (h.min(*y), l.max(*y)));
        let y0 = (high - (4.5 + AROUND) * unit).max(0.0) as usize;
        let y1 = ((low + (4.5 + AROUND) * unit).max(0.0) as usize).min(bits.height());
        if y1 <= y0 || y1 - y0 > 2_000 {
            return None;
        }
        let ink = bits.cropped(x0 as isize, y0 as isize, x1 - x0, y1 - y0);
        let at = |up: f32| middle.iter().map(|m| m + up * unit - y0 as f32).collect();
        Some(Band { x0, y0, ink, unit, top: at(-4.5), foot: at(4.5) })
    }

    /// Does no glyph have ink here?
    fn is_outside(&self, x: f32, y: f32) -> bool {
        let x = (x.max(0.0) as usize).min(self.ink.width() - 1);
        y < self.top[x] - OUTSIDE * self.unit || y > self.foot[x] + OUTSIDE * self.unit
    }
}

/// Ink of one row (or column) in a stretch, [from, to).
#[derive(Clone, Copy, Debug)]
struct Run {
    from: usize,
    to: usize,
    followed: bool,
}

impl Run {
    fn middle(&self) -> f32 {
        (self.from + self.to) as f32 / 2.0
    }

    fn width(&self) -> usize {
        self.to - self.from
    }
}

/// Stretches of ink of every row of a raster.
fn runs(ink: &Bits) -> Vec<Vec<Run>> {
    let row = |y: usize| {
        let mut out = Vec::new();
        super::find::runs(ink.row(y), ink.width(), |from, to| {
            out.push(Run { from: from as usize, to: to as usize, followed: false });
        });
        out
    };
    (0..ink.height()).map(row).collect()
}

/// A stroke as it was followed: the line, the stretch of ink on it, and how often something thicker was passed before.
struct Step {
    line: usize,
    run: Run,
    passed: usize,
}

/// How far a stroke may be followed through other ink and over paper, in lines, and how thick it may be.
struct Manner {
    thick: f32,
    through: usize,
    gap: usize,
    /// Paper that it may pass once it is long enough, and how long that is.
    later: usize,
    long: usize,
}

/// Follows a stroke from a stretch that is not thick.
fn follow(all: &mut [Vec<Run>], line: usize, number: usize, manner: &Manner) -> Vec<Step> {
    let mut steps = vec![Step { line, run: all[line][number], passed: 0 }];
    all[line][number].followed = true;
    let mut width = steps[0].run.width() as f32;
    let (mut passed, mut through, mut gap) = (0, 0, 0);
    let mut here = line;
    loop {
        here += 1;
        if here >= all.len() {
            break;
        }
        let last = &steps[steps.len() - 1];
        // Where it should be: as the last steps went.
        let before = &steps[steps.len().saturating_sub(14)];
        let slope = if last.line > before.line {
            ((last.run.middle() - before.run.middle()) / (last.line - before.line) as f32).clamp(-1.4, 1.4)
        } else {
            0.0
        };
        let away = (here - last.line) as f32;
        let expected = last.run.middle() + slope * away;
        let reach = 1.0 + 0.12 * away + if steps.len() < 5 { 1.2 } else { 0.5 * slope.abs() };
        let half = (width / 2.0).max(0.5);
        // Those that are near stand side by side.
        let begin = all[here].partition_point(|r| (r.to as f32) < expected - half - reach);
        let near = |r: &&Run| r.from as f32 <= expected + half + reach;
        let touching = begin..begin + all[here][begin..].iter().take_while(near).count();
        let most = (1.6 * width + 1.5).min(manner.thick);
        let fits = |i: &usize| {
            let r = &all[here][*i];
            r.width() as f32 <= most && (r.middle() - expected).abs() <= reach + 0.25 * width + 0.5
        };
        let next = touching.clone().filter(fits).min_by(|&a, &b| {
            let off = |i: usize| (all[here][i].middle() - expected).abs();
            off(a).total_cmp(&off(b))
        });
        if let Some(next) = next {
            if through > 0 {
                passed += 1;
            }
            (through, gap) = (0, 0);
            let run = &mut all[here][next];
            run.followed = true;
            width = 0.85 * width + 0.15 * run.width() as f32;
            steps.push(Step { line: here, run: *run, passed });
        } else if touching.is_empty() {
            gap += 1;
            let long = steps[steps.len() - 1].line - steps[0].line >= manner.long;
            if gap > if long { manner.later } else { manner.gap } {
                break;
            }
        } else {
            through += 1;
            if through > manner.through {
                break;
            }
        }
    }
    steps
}

/// Strokes that go down through the band, or into it.
fn steep(band: &Band, taken: &mut Bits) {
    let unit = band.unit;
    let mut all = runs(&band.ink);
    let manner = Manner {
        thick: (THICK * unit).max(5.0),
        through: (7.0 * unit) as usize,
        gap: 1,
        later: 1,
        long: (TALL * unit) as usize,
    };
    for y in 0..all.len() {
        for n in 0..all[y].len() {
            if all[y][n].followed || all[y][n].width() as f32 > manner.thick {
                continue;
            }
            let steps = follow(&mut all, y, n, &manner);
            let (first, last) = (&steps[0], &steps[steps.len() - 1]);
            if ((last.line - first.line) as f32) < TALL * unit {
                continue;
            }
            let is_outside = |s: &Step| band.is_outside(s.run.middle(), s.line as f32 + 0.5);
            let beyond = |number: usize| steps.iter().filter(|s| s.passed == number).any(is_outside);
            // What comes in and goes out again is all foreign; what ends at a glyph only up to it.
            let (begins, ends) = (is_outside(first), is_outside(last));
            for step in &steps {
                if (begins && ends) || beyond(step.passed) {
                    (step.run.from..step.run.to).for_each(|x| taken.set(x, step.line, true));
                }
            }
        }
    }
}

/// Lines along the band: frames of stamps.
fn flat(band: &Band, taken: &mut Bits) {
    let unit = band.unit;
    let mut all = runs(&band.ink.transposed());
    let manner = Manner {
        thick: (THIN * unit).max(4.0),
        through: (8.0 * unit) as usize,
        gap: (0.9 * unit) as usize,
        later: (6.0 * unit) as usize,
        long: (LONG * unit) as usize,
    };
    for x in 0..all.len() {
        for n in 0..all[x].len() {
            if all[x][n].followed || all[x][n].width() as f32 > manner.thick {
                continue;
            }
            let steps = follow(&mut all, x, n, &manner);
            let extent = (steps[steps.len() - 1].line - steps[0].line) as f32;
            // Through one glyph after another something of the line is seen between them.
            if extent < LONG * unit || (steps.len() as f32) < 0.4 * extent {
                continue;
            }
            for step in &steps {
                (step.run.from..step.run.to).for_each(|y| taken.set(step.line, y, true));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Transform;

    #[test]
    fn a_long_stroke_at_the_foot_is_seen_and_print_is_none() {
        // What is drawn at each pixel of a page of 1200 by 500 at 200 dots an inch.
        type Mark = fn(usize, usize) -> bool;
        let table: [(&str, Mark, bool); 6] = [
            ("nothing", |_, _| false, false),
            ("a frame", |x, y| (200..600).contains(&x) && y == 420, true),
            ("a frame with gaps", |x, y| (200..600).contains(&x) && y == 420 && x % 40 > 3, true),
            ("a frame aslant", |x, y| (200..600).contains(&x) && (y == 400 + x / 100 || y == 401 + x / 100), true),
            ("print", |x, y| (200..600).contains(&x) && (400..423).contains(&y) && x % 24 < 16, false),
            ("a rule at the head", |x, y| (200..600).contains(&x) && y == 60, false),
        ];
        for (name, mark, expected) in table {
            let mut bits = Bits::new(1200, 500);
            (0..500).for_each(|y| (0..1200).filter(|&x| mark(x, y)).for_each(|x| bits.set(x, y, true)));
            assert_eq!(is_ruled(&bits, 200), expected, "{name}");
        }
    }

    /// Marks drawn at three pixels a unit over a row of boxes seven units wide and nine high: left, top, right, bottom of the
    /// mark's ends, in units from the first box's corner; and how much of it and of the boxes may be taken.
    #[test]
    fn what_runs_on_is_taken_and_glyphs_stay() {
        let unit = 3usize;
        let (left, top) = (60usize, 120usize);
        // from, to, width in pixels, is it taken?
        type Mark = (&'static str, (f32, f32), (f32, f32), usize, bool);
        let table: [Mark; 6] = [
            ("a pen between two boxes", (8.2, -9.0), (8.2, 14.0), 3, true),
            ("a pen aslant through a box", (9.0, -9.0), (13.5, 16.0), 2, true),
            ("a frame through all", (-6.0, 4.4), (70.0, 4.9), 3, true),
            ("a frame above", (-6.0, -3.0), (70.0, -3.0), 3, true),
            ("a stroke of a glyph's height", (8.2, 0.0), (8.2, 9.0), 3, false),
            ("a dash", (7.6, 4.5), (9.0, 4.5), 3, false),
        ];
        for (name, from, to, width, is_taken) in table {
            let mut bits = Bits::new(420, 280);
            let boxes = |x: usize, y: usize| {
                let (x, y) = (x.wrapping_sub(left), y.wrapping_sub(top));
                let (cell, x) = (x / 29, x % 29);
                let inside = cell < 7 && x < 7 * unit && y < 9 * unit;
                inside && (x < unit || x >= 6 * unit || y < unit || y >= 8 * unit)
            };
            let mut mark = Bits::new(420, 280);
            for n in 0..4000 {
                let t = n as f32 / 4000.0;
                let (x, y) = (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t);
                let (x, y) = (left as f32 + x * unit as f32, top as f32 + y * unit as f32);
                for d in 0..width {
                    let is_flat = (to.0 - from.0).abs() > (to.1 - from.1).abs();
                    let (dx, dy) = if is_flat { (0, d) } else { (d, 0) };
                    mark.set(x.max(0.0) as usize + dx, y.max(0.0) as usize + dy, true);
                }
            }
            let mut own = 0;
            for y in 0..280 {
                for x in 0..420 {
                    bits.set(x, y, boxes(x, y) || mark.get(x, y));
                    own += usize::from(boxes(x, y));
                }
            }
            let line = Geometry {
                x0: 10.0,
                y0: top as f32,
                slope: 0.0,
                sx: unit as f32,
                sy: unit as f32,
                length: 130.0,
                knots: Vec::new(),
            };
            let page = Upright { bits, gray: None, dpi: 230, transform: Transform::IDENTITY };
            let freed = without_strokes(&page, &[line]);
            assert_eq!(freed.is_some(), is_taken, "{name}");
            let Some(freed) = freed else { continue };
            let (mut lost, mut left_over) = (0, 0);
            for y in 94..174 {
                for x in 0..400 {
                    lost += usize::from(freed.taken.get(x, y) && boxes(x, y));
                    left_over += usize::from(freed.page.bits.get(x, y) && !boxes(x, y));
                }
            }
            assert!(lost * 50 < own, "{name}: {lost} of {own} pixels of the boxes were taken");
            assert!(left_over < 40, "{name}: {left_over} pixels of the mark stayed");
        }
    }
}
