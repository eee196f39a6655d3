//! Where a scanline may stand: pieces of ink of the height of OCR print, side by side on one level, their middles apart by
//! multiples of a tenth of an inch. Place on the page does not matter. Whether it is a scanline the classifier tells.

use super::cell::{HEIGHT, Part, Patch, WIDTH};
use crate::decode::micr::find::{Piece, Pieces};
use crate::imaging::Upright;
use crate::imaging::wide::widened;

/// Height of the ink of OCR-A and OCR-B digits, inches.
const GLYPH: f32 = 0.107;
/// A line holds at least this many whole pieces to be found.
const LEAST_PIECES: usize = 5;

/// The comb that a line's characters stand on, in pixels of the page.
#[derive(Clone, Copy, Debug)]
pub struct Comb {
    /// Middle of cell 0.
    pub x: f32,
    pub y: f32,
    pub pitch: f32,
    /// Pixels down for one to the right.
    pub slope: f32,
    /// Cells of the leftmost and rightmost piece.
    pub first: i32,
    pub last: i32,
    /// Pieces that stand on the comb, and how exactly (0 to 1).
    pub pieces: usize,
    pub strength: f32,
    pub bend: Option<Bend>,
}

impl Comb {
    pub fn centre(&self, cell: i32) -> (f32, f32) {
        let along = cell as f32 * self.pitch;
        let (dx, dy) = self.bend.map_or((0.0, 0.0), |b| b.at(cell as f32));
        (self.x + along + dx, self.y + along * self.slope + dy)
    }

    /// Pixels down for one to the right at a cell.
    pub fn slope_at(&self, cell: i32) -> f32 {
        let rise = |b: Bend| b.at(cell as f32 + 0.5).1 - b.at(cell as f32 - 0.5).1;
        self.slope + self.bend.map_or(0.0, |b| rise(b) / self.pitch)
    }
}

/// How a line on bent paper, or in a photograph, leaves its comb: a cubic across and one down, over the cells between its ends.
#[derive(Clone, Copy, Debug)]
pub struct Bend {
    middle: f32,
    half: f32,
    across: [f32; 4],
    down: [f32; 4],
}

impl Bend {
    fn at(&self, cell: f32) -> (f32, f32) {
        // Beyond the ends as it goes at the ends.
        let t = (cell - self.middle) / self.half;
        let end = t.clamp(-1.0, 1.0);
        let value = |c: &[f32; 4]| {
            let rise = c[1] + end * (2.0 * c[2] + 3.0 * end * c[3]);
            c[0] + end * (c[1] + end * (c[2] + end * c[3])) + (t - end) * rise
        };
        (value(&self.across), value(&self.down))
    }
}

/// A character's box: x0, y0, x1, y1.
#[derive(Clone, Copy, Debug)]
struct Glyph {
    x0: f32,
    y0: f32,
    x1: f32,
    y1: f32,
}

impl Glyph {
    fn middle(&self) -> (f32, f32) {
        ((self.x0 + self.x1) / 2.0, (self.y0 + self.y1) / 2.0)
    }
}

/// Lines worth reading, the likeliest first, at most `wanted`.
pub fn combs(pieces: &Pieces, dpi: f32, wanted: usize) -> Vec<Comb> {
    let height = GLYPH * dpi;
    let mut glyphs = joined(pieces.between((height * 0.1) as i32, (height * 1.45) as i32), dpi);
    glyphs.retain(|g| {
        let (w, h) = (g.x1 - g.x0, g.y1 - g.y0);
        (0.8 * height..1.28 * height).contains(&h) && (0.1 * height..0.98 * height).contains(&w)
    });
    glyphs.sort_by(|a, b| a.middle().1.total_cmp(&b.middle().1));
    let mut used = vec![false; glyphs.len()];
    let mut found: Vec<Comb> = Vec::new();
    // Levels, the fullest first.
    while found.len() < 12 {
        let (mut best, mut low) = ((0, 0, 0), 0);
        let mut count = 0;
        for high in 0..glyphs.len() {
            count += usize::from(!used[high]);
            while glyphs[high].middle().1 - glyphs[low].middle().1 > 0.35 * height {
                count -= usize::from(!used[low]);
                low += 1;
            }
            if count > best.0 {
                best = (count, low, high);
            }
        }
        if best.0 < LEAST_PIECES {
            break;
        }
        let mut level: Vec<Glyph> = Vec::new();
        for i in best.1..=best.2 {
            if !std::mem::replace(&mut used[i], true) {
                level.push(glyphs[i]);
            }
        }
        level.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        // Print further apart than a few characters is another matter.
        for group in level.chunk_by(|a, b| b.x0 - a.x1 < 0.65 * dpi) {
            found.extend(comb(group, dpi).map(|straight| bent(straight, &glyphs, height)));
        }
    }
    found.sort_by(|a, b| (b.pieces as f32 * b.strength).total_cmp(&(a.pieces as f32 * a.strength)));
    found.truncate(wanted);
    found
}

/// Broken characters put together: pieces one above the other, or side by side inside one character's width.
fn joined(mut pieces: Vec<Piece>, dpi: f32) -> Vec<Glyph> {
    pieces.sort_by_key(|p| p.x0);
    let (near, high, wide) = ((0.021 * dpi) as i32, (0.135 * dpi) as i32, (0.088 * dpi) as i32);
    let mut glyphs: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let joins = |g: &&mut Piece| {
            let whole = |from: i32, to: i32, a: i32, b: i32| to.max(b) - from.min(a);
            piece.x0 - g.x1 < near
                && piece.y0 - g.y1 < near + near / 2
                && g.y0 - piece.y1 < near + near / 2
                && whole(g.x0, g.x1, piece.x0, piece.x1) <= wide
                && whole(g.y0, g.y1, piece.y0, piece.y1) <= high
        };
        // Sorted by their left sides: only the last few can be near.
        let from = glyphs.len().saturating_sub(24);
        match glyphs[from..].iter_mut().rev().find(joins) {
            Some(g) => {
                (g.x0, g.y0) = (g.x0.min(piece.x0), g.y0.min(piece.y0));
                (g.x1, g.y1) = (g.x1.max(piece.x1), g.y1.max(piece.y1));
            }
            None => glyphs.push(piece),
        }
    }
    let glyph = |p: Piece| Glyph { x0: p.x0 as f32, y0: p.y0 as f32, x1: p.x1 as f32, y1: p.y1 as f32 };
    glyphs.into_iter().map(glyph).collect()
}

/// The pitch and phase that most middles agree with.
fn comb(group: &[Glyph], dpi: f32) -> Option<Comb> {
    if group.len() < LEAST_PIECES {
        return None;
    }
    let xs: Vec<f32> = group.iter().map(|g| g.middle().0).collect();
    let from = xs[0];
    let agreement = |pitch: f32| {
        let turn = std::f32::consts::TAU / pitch;
        let (s, c) = xs.iter().fold((0.0, 0.0), |(s, c), x| {
            let angle = (x - from) * turn;
            (s + angle.sin(), c + angle.cos())
        });
        ((s * s + c * c).sqrt() / xs.len() as f32, s.atan2(c))
    };
    // Steps small enough that the far end of the line moves by a tenth of a character.
    let (low, high) = (0.091 * dpi, 0.109 * dpi);
    let span = (xs[xs.len() - 1] - from).max(dpi * 0.5);
    let step = (0.1 * low * low / span).max(0.01);
    let count = ((high - low) / step) as usize + 1;
    let rough = roughly(&xs, low, step, count);
    let most = rough.iter().copied().fold(0.0, f32::max);
    if most < 0.7 - ROUGH {
        return None;
    }
    let mut best = (0.0, 0.0, low);
    for (i, _) in rough.iter().enumerate().filter(|(_, strength)| **strength > most - 2.0 * ROUGH) {
        let pitch = low + i as f32 * step;
        let (strength, angle) = agreement(pitch);
        if strength > best.0 {
            best = (strength, angle, pitch);
        }
    }
    let (strength, angle, mut pitch) = best;
    if strength < 0.7 {
        return None;
    }
    let mut x = from + angle / std::f32::consts::TAU * pitch;
    // The same by least squares over the pieces that stand well.
    let mut on: Vec<(f32, (f32, f32))> = Vec::new();
    for _ in 0..2 {
        on = group
            .iter()
            .map(|g| (((g.middle().0 - x) / pitch).round(), g.middle()))
            .filter(|(k, m)| (m.0 - x - k * pitch).abs() < 0.2 * pitch)
            .collect();
        if on.len() < LEAST_PIECES {
            return None;
        }
        (x, pitch) = line(on.iter().map(|(k, m)| (*k, m.0)));
    }
    if !(0.9 * low..1.1 * high).contains(&pitch) {
        return None;
    }
    // The level, twice: the second time without what stands off.
    let (mut y, mut slope) = line(on.iter().map(|(_, m)| *m));
    let off = 0.012 * dpi + 1.0;
    let near: Vec<(f32, f32)> = on.iter().map(|(_, m)| *m).filter(|m| (m.1 - y - slope * m.0).abs() < off).collect();
    if near.len() >= LEAST_PIECES {
        (y, slope) = line(near.into_iter());
    }
    let slope = if on.len() < 8 || slope.abs() > 0.05 { 0.0 } else { slope };
    let y = if slope == 0.0 { on.iter().map(|(_, m)| m.1).sum::<f32>() / on.len() as f32 } else { y + slope * x };
    let cells = on.iter().map(|(k, _)| *k as i32);
    let (first, last) = (cells.clone().min()?, cells.max()?);
    Some(Comb { x, y, pitch, slope, first, last, pieces: on.len(), strength, bend: None })
}

/// Strengths are told roughly to less than this.
const ROUGH: f32 = 1e-3;
/// Added and taken off again it leaves a whole number.
const WHOLE: f32 = 12_582_912.0;
/// Pitches at a time.
const BESIDE: usize = 32;

widened!(roughly = strengths(xs: &'w [f32], low: f32, step: f32, count: usize) -> Vec<f32>);

/// How strongly places agree with each of so many pitches, roughly.
#[inline(always)]
fn strengths(xs: &[f32], low: f32, step: f32, count: usize) -> Vec<f32> {
    use std::f32::consts::PI;
    let mut out = vec![0.0f32; count.next_multiple_of(BESIDE)];
    let (from, share) = (xs[0], 1.0 / xs.len() as f32);
    for (n, out) in out.as_chunks_mut::<BESIDE>().0.iter_mut().enumerate() {
        let (mut sines, mut cosines, mut turns) = ([0.0f32; BESIDE], [0.0f32; BESIDE], [0.0f32; BESIDE]);
        for (l, turns) in turns.iter_mut().enumerate() {
            *turns = 1.0 / (low + (n * BESIDE + l) as f32 * step);
        }
        for x in xs {
            for l in 0..BESIDE {
                // Half of what is left of the angle after whole turns, its sine and cosine by their series.
                let turn = (x - from) * turns[l];
                let half = (turn - ((turn + WHOLE) - WHOLE)) * PI;
                let z = half * half;
                let sine = half * (1.0 + z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z / 362_880.0))));
                let cosine = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z / 40_320.0)));
                sines[l] += 2.0 * sine * cosine;
                cosines[l] += 1.0 - 2.0 * sine * sine;
            }
        }
        for l in 0..BESIDE {
            out[l] = (sines[l] * sines[l] + cosines[l] * cosines[l]).sqrt() * share;
        }
    }
    out.truncate(count);
    out
}

/// A comb whose line goes on beyond its level, or leaves it, followed from character to character. A straight one comes back as it is.
fn bent(straight: Comb, glyphs: &[Glyph], height: f32) -> Comb {
    let pitch = straight.pitch;
    // The nearest glyph to a place, its middles no further off than this.
    let near = |(x, y): (f32, f32), reach: (f32, f32)| {
        let off = |m: (f32, f32)| ((m.0 - x).abs() / reach.0).max((m.1 - y).abs() / reach.1);
        let from = glyphs.partition_point(|g| g.middle().1 < y - reach.1);
        let level = glyphs[from..].iter().map(Glyph::middle).take_while(|m| m.1 <= y + reach.1);
        level.filter(|m| off(*m) <= 1.0).min_by(|a, b| off(*a).total_cmp(&off(*b)))
    };
    let reach = (0.22 * pitch, 0.2 * height);
    let mut points: Vec<(f32, (f32, f32))> =
        (straight.first..=straight.last).filter_map(|k| Some((k as f32, near(straight.centre(k), reach)?))).collect();
    for way in [1.0f32, -1.0] {
        while points.len() >= LOCAL {
            points.sort_by(|a, b| (way * a.0).total_cmp(&(way * b.0)));
            let last = &points[points.len() - LOCAL..];
            let (x0, across) = line(last.iter().map(|(k, m)| (*k, m.0)));
            let (y0, down) = line(last.iter().map(|(k, m)| (*k, m.1)));
            let from = last[LOCAL - 1].0;
            let next = (1..=BLANKS).find_map(|step| {
                let k = from + way * step as f32;
                Some((k, near((x0 + across * k, y0 + down * k), (0.25 * pitch, 0.3 * height))?))
            });
            match next.filter(|_| points.len() < MOST_POINTS && (across / pitch - 1.0).abs() < 0.12) {
                Some(next) => points.push(next),
                None => break,
            }
        }
    }
    let ends = points.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), p| (a.min(p.0), b.max(p.0)));
    let (middle, half) = ((ends.0 + ends.1) / 2.0, ((ends.1 - ends.0) / 2.0).max(1.0));
    let off = |points: &[(f32, (f32, f32))], part: fn((f32, f32)) -> f32| {
        let places = points.iter().map(|(k, m)| {
            let at = Comb { bend: None, ..straight }.centre(0);
            let along = k * pitch;
            let (dx, dy) = (m.0 - at.0 - along, m.1 - at.1 - along * straight.slope);
            ((k - middle) / half, part((dx, dy)))
        });
        cubic(places)
    };
    if points.len() < LEAST_BENT {
        return straight;
    }
    let mut bend = Bend { middle, half, across: off(&points, |d| d.0), down: off(&points, |d| d.1) };
    let mut whole = Comb { bend: Some(bend), ..straight };
    points.retain(|(k, m)| {
        let (x, y) = whole.centre(*k as i32);
        (m.0 - x).abs() < 0.12 * pitch && (m.1 - y).abs() < 0.12 * height
    });
    if points.len() < LEAST_BENT {
        return straight;
    }
    (bend.across, bend.down) = (off(&points, |d| d.0), off(&points, |d| d.1));
    whole.bend = Some(bend);
    let (first, last) = (ends.0 as i32, ends.1 as i32);
    let leaves = |k: i32| {
        let ((x, y), (bx, by)) = (straight.centre(k), whole.centre(k));
        (x - bx).abs() > BENT * pitch || (y - by).abs() > BENT * pitch
    };
    if !(first..=last).any(leaves) {
        return straight;
    }
    let pieces = points.len().max(straight.pieces);
    Comb { first: first.min(straight.first), last: last.max(straight.last), pieces, ..whole }
}

/// Characters from which the next one's place is told, and blanks that may lie between.
const LOCAL: usize = 6;
const BLANKS: usize = 4;
/// No line has more characters, and of fewer nobody knows how they are bent.
const MOST_POINTS: usize = 120;
const LEAST_BENT: usize = 10;
/// Off its comb by less, in pitches, a line is straight.
const BENT: f32 = 0.1;

/// Least squares of a cubic over places from -1 to 1.
fn cubic(places: impl Iterator<Item = (f32, f32)>) -> [f32; 4] {
    let mut rows = [[0.0f32; 5]; 4];
    for (t, value) in places {
        let powers = [1.0, t, t * t, t * t * t];
        for (row, p) in rows.iter_mut().zip(powers) {
            row[..4].iter_mut().zip(powers).for_each(|(sum, q)| *sum += p * q);
            row[4] += p * value;
        }
    }
    // Elimination; a little weight on zero keeps few places from swinging.
    (0..4).for_each(|i| rows[i][i] += 1e-3);
    for i in 0..4 {
        let pivot = rows[i];
        for row in rows.iter_mut().skip(i + 1) {
            let share = row[i] / pivot[i];
            row.iter_mut().zip(pivot).for_each(|(v, p)| *v -= share * p);
        }
    }
    let mut out = [0.0; 4];
    for i in (0..4).rev() {
        let known: f32 = (i + 1..4).map(|k| rows[i][k] * out[k]).sum();
        out[i] = (rows[i][4] - known) / rows[i][i];
    }
    out
}

/// Least squares: value at 0 and rise.
fn line(points: impl Iterator<Item = (f32, f32)> + Clone) -> (f32, f32) {
    let n = points.clone().count().max(1) as f32;
    let (mx, my) = points.clone().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (xy, xx) = points.fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + (x - mx) * (y - my), xx + (x - mx) * (x - mx)));
    let rise = if xx > 0.0 { xy / xx } else { 0.0 };
    (my - rise * mx, rise)
}

/// What the cells of a comb are cut from: a part of a bitonal page, or shades that are freed of their paper.
pub enum Ground<'a> {
    Ink(Part<'a>),
    Shades(Patch),
}

impl Ground<'_> {
    /// The cell around a point of the ground; see [`Patch::cell`].
    pub fn cell(&self, centre: (f32, f32), pitch: f32, slope: f32, out: &mut [f32; WIDTH * HEIGHT]) {
        match self {
            Ground::Ink(part) => part.cell(centre, pitch, slope, out),
            Ground::Shades(patch) => patch.cell(centre, pitch, slope, out),
        }
    }
}

/// The ground around some cells of a comb, and its left upper corner on the page.
pub fn band<'a>(page: &'a Upright, comb: &Comb, first: i32, last: i32) -> (Ground<'a>, (f32, f32)) {
    let (left, right) = (comb.centre(first), comb.centre(last));
    let reach = 0.9 * comb.pitch;
    let bounds = |low: f32, high: f32, most: usize| {
        let low = (low.max(0.0) as usize).min(most);
        low..((high.max(0.0) as usize) + 1).clamp(low, most)
    };
    let xs = bounds(left.0 - reach, right.0 + reach, page.bits.width());
    let (mut high, mut low) = (left.1.min(right.1), left.1.max(right.1));
    if comb.bend.is_some() {
        (first..=last).map(|cell| comb.centre(cell).1).for_each(|y| (high, low) = (high.min(y), low.max(y)));
    }
    let ys = bounds(high - reach, low + reach, page.bits.height());
    let corner = (xs.start as f32, ys.start as f32);
    let same = |g: &&crate::imaging::Gray| g.width() == page.bits.width() && g.height() == page.bits.height();
    let Some(gray) = page.gray.as_ref().filter(same) else {
        return (Ground::Ink(Part { bits: &page.bits, xs, ys }), corner);
    };
    let mut counts = [0u32; 256];
    ys.clone().for_each(|y| gray.row(y)[xs.clone()].iter().for_each(|v| counts[*v as usize] += 1));
    let mut patch = Patch { width: xs.len(), height: ys.len(), ink: Vec::with_capacity(xs.len() * ys.len()) };
    let total = (patch.width * patch.height) as f32;
    let level = |share: f32| {
        let mut sum = 0.0;
        counts.iter().position(|c| {
            sum += *c as f32;
            sum > share * total
        })
    };
    let (dark, paper) = (level(0.02).unwrap_or(0) as f32, level(0.6).unwrap_or(255) as f32);
    let range = (paper - dark).max(40.0);
    for y in ys {
        let row = gray.row(y)[xs.clone()].iter();
        patch.ink.extend(row.map(|v| ((paper - 4.0 - f32::from(*v)) / range).clamp(0.0, 1.1)));
    }
    (Ground::Shades(patch), corner)
}
