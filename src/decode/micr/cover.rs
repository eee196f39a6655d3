//! What the ink of a page covers, as it came: of each glyph that was read (all of it, where it is one, and is there ink beside it
//! that is not its own?), and beside the glyphs (is there ink that covers a whole one? A pen stroke covers none, the letters of a
//! stamp some, a solid block all: ink that covers none hides none, however much it is).

use std::sync::LazyLock;

use super::doubt::CLEAR_GLYPH;
use super::read::{Glyph, RowRead};
use super::strip::{Geometry, Ink, Place};
use super::trellis::WIDTHS;
use crate::imaging::Upright;

/// The glyphs on their grid of units, seven wide and nine high (ANSI X9.27, as measured on prints), symbols in the reader's order.
pub(super) const SHAPES: [[&str; 9]; 14] = [
    [".#####.", "#.....#", "#.....#", "#.....#", "#.....#", "#.....#", "#.....#", "#.....#", ".#####."],
    ["...##..", "....#..", "....#..", "....#..", "....#..", "...####", "...####", "...####", "...####"],
    ["...####", "......#", "......#", "......#", "...####", "...#...", "...#...", "...#...", "...####"],
    ["..####.", ".....#.", ".....#.", ".....#.", "..####.", ".....##", ".....##", ".....##", "..#####"],
    [".##....", ".##....", ".##....", ".##....", ".##....", ".##..##", ".######", ".....##", ".....##"],
    ["..#####", "..#....", "..#....", "..#....", "..#####", "......#", "......#", "......#", "..#####"],
    [".####..", ".#..#..", ".#..#..", ".#.....", ".#.....", ".######", ".#....#", ".#....#", ".######"],
    ["..#####", "..#...#", "..#...#", "......#", "....###", "....#..", "....#..", "....#..", "....#.."],
    [".#####.", ".#...#.", ".#...#.", ".#...#.", "#######", "##...##", "##...##", "##...##", "#######"],
    [".######", ".#....#", ".#....#", ".#....#", ".######", ".....##", ".....##", ".....##", ".....##"],
    ["....###", "....###", "##..###", "##.....", "##.....", "##.....", "##..###", "....###", "....###"],
    [".....##", ".....##", ".....##", "...#.##", "...#...", "##.#...", "##.#...", "##.....", "##....."],
    ["....###", "....###", "#.#.###", "#.#.###", "#.#....", "#.#....", "#.#....", ".......", "......."],
    [".......", ".......", "##.##.#", "##.##.#", "##.##.#", "##.##.#", ".......", ".......", "......."],
];

/// Ink around a line, summed up so that any box of it is four look-ups.
struct Sums {
    x0: f32,
    y0: f32,
    width: usize,
    height: usize,
    sums: Vec<f32>,
}

impl Sums {
    fn new(ink: &Ink) -> Sums {
        let (width, height) = (ink.width, ink.height);
        let mut sums = vec![0.0f32; (width + 1) * (height + 1)];
        for x in 0..width {
            let mut column = 0.0;
            let values = ink.column(ink.x0 + x as isize).unwrap_or(&[]);
            let (before, here) = sums[x * (height + 1)..].split_at_mut(height + 1);
            for ((value, sum), before) in values.iter().zip(&mut here[1..]).zip(&before[1..]) {
                column += value;
                *sum = before + column;
            }
        }
        Sums { x0: ink.x0 as f32, y0: ink.y0 as f32, width, height, sums }
    }

    /// The column of the sums that is next to a column of the page, and the row.
    fn column(&self, x: f32) -> usize {
        nearest(x - self.x0, self.width)
    }

    fn row(&self, y: f32) -> usize {
        nearest(y - self.y0, self.height)
    }

    /// Pixels of ink in each unit of a grid of nine rows of seven, from its left top corner on, sides rounded.
    fn units(&self, (left, top): (f32, f32), (sx, sy): (f32, f32), out: &mut [f32; UNITS]) {
        let columns: [usize; 8] = std::array::from_fn(|i| self.column(left + i as f32 * sx));
        let row = |i: usize| {
            let y = self.row(top + i as f32 * sy);
            columns.map(|x| self.sums[x * (self.height + 1) + y])
        };
        let mut above = row(0);
        for (i, out) in out.chunks_mut(7).take(9).enumerate() {
            let here = row(i + 1);
            for (x, out) in out.iter_mut().enumerate() {
                *out = (here[x + 1] - here[x]) - (above[x + 1] - above[x]);
            }
            above = here;
        }
    }

    /// Where each of a grid's columns begins and ends, each by itself, and where each of its rows.
    fn columns_of(&self, left: f32, sx: f32) -> [(usize, usize); 7] {
        std::array::from_fn(|i| {
            let x = left + i as f32 * sx;
            (self.column(x), self.column(x + sx))
        })
    }

    fn rows_of(&self, top: f32, sy: f32) -> [(usize, usize); 9] {
        std::array::from_fn(|i| {
            let y = top + i as f32 * sy;
            (self.row(y), self.row(y + sy))
        })
    }

    /// Pixels of ink in a box of the page, its sides rounded.
    fn ink(&self, x0: f32, y0: f32, x1: f32, y1: f32) -> f32 {
        self.between((self.column(x0), self.column(x1)), (self.row(y0), self.row(y1)))
    }

    /// The same from one column of the sums to another and from one row to another.
    #[inline]
    fn between(&self, (left, right): (usize, usize), (top, foot): (usize, usize)) -> f32 {
        if right <= left || foot <= top {
            return 0.0;
        }
        let sum = |x: usize, y: usize| self.sums[x * (self.height + 1) + y];
        sum(right, foot) - sum(left, foot) - sum(right, top) + sum(left, top)
    }
}

/// The whole number next to this one, from 0 to `most`.
fn nearest(v: f32, most: usize) -> usize {
    let below = v as u32;
    (below as usize + usize::from(v - below as f32 >= 0.5)).min(most)
}

/// Share of a glyph's units that the ink of the page covers where it covers most, over all glyphs and places between two
/// columns; more where that ink stands as a worn glyph of the line would.
fn covered(sums: &Sums, part: &Geometry, from: f32, to: f32, row: &RowRead) -> f32 {
    let (mut most, mut stands) = (0.0f32, None);
    let unit = part.sx.max(0.5);
    let mut right = from + 3.5 * unit;
    // More than all of a glyph is not covered.
    while right <= to + 0.3 * unit && most < 1.0 {
        let place = part.at(right);
        let area = (place.sx * place.sy).max(1.0);
        let left = right - 7.0 * place.sx;
        let top = |step: i32| place.y + 0.5 * step as f32 * place.sy - 4.5 * place.sy;
        let columns = (sums.column(left.max(from)), sums.column(right));
        // A unit makes up for what sums of gray ink are rounded by.
        let rows = (sums.row(top(-2)), sums.row(top(2) + 9.0 * place.sy));
        if sums.between(columns, rows) / area + 1.0 >= SMALLEST * most.max(0.5) {
            for top in (-2..=2).map(top) {
                let rows = (sums.row(top), sums.row(top + 9.0 * place.sy));
                if sums.between(columns, rows) / area < SMALLEST * most.max(0.5) {
                    continue;
                }
                let share = at_place(sums, (left, top), (place.sx, place.sy), from);
                if share > most {
                    (most, stands) = (share, Some(place));
                }
            }
        }
        right += 0.5 * unit;
    }
    // Ink a pitch from a glyph that keeps to the digits' rows is no stamp's: a worn glyph covers little, and is one.
    let is_next = |p: Place| row.glyphs.iter().any(|g| (0.87..1.13).contains(&((g.right - p.x).abs() / g.pitch)));
    let is_crossed = |p: Place| beyond(sums, p.x - 7.0 * p.sx, p.x, p.y - 4.5 * p.sy, p.sx, p.sy) > 0.2;
    let alone = stands.is_some_and(|p| is_next(p) && !is_crossed(p));
    if alone { (most + ALONE).min(1.0) } else { most }
}

/// Units of ink just above or below a glyph, from one column to another: the more of both.
fn beyond(sums: &Sums, from: f32, to: f32, top: f32, sx: f32, sy: f32) -> f32 {
    let area = (sx * sy).max(1.0);
    let above = sums.ink(from, top - 2.3 * sy, to, top - sy) / area;
    let below = sums.ink(from, top + 10.0 * sy, to, top + 11.3 * sy) / area;
    above.max(below)
}

/// Share of a glyph's units that are covered with its cell's corner here.
fn at_place(sums: &Sums, (left, top): (f32, f32), (sx, sy): (f32, f32), from: f32) -> f32 {
    let area = (sx * sy).max(1.0);
    let (columns, rows) = (sums.columns_of(left, sx), sums.rows_of(top, sy));
    // What stands before the stretch is another glyph's.
    let first = (0..7).take_while(|column| left + *column as f32 * sx + 0.5 * sx < from).count();
    let mut shares = [0.0f32; BESIDE];
    for (row, masks) in rows.iter().zip(MASKS.as_chunks::<7>().0) {
        for (column, mask) in columns.iter().zip(masks).skip(first) {
            let unit = (2.0 * sums.between(*column, *row) / area).min(1.0);
            (0..BESIDE).for_each(|l| shares[l] += unit * mask[l]);
        }
    }
    let share = |(ink, units): (&f32, &Units)| ink / units.own.len().max(1) as f32;
    shares.iter().zip(&*GLYPHS).map(share).fold(0.0, f32::max)
}

/// What the page says of a glyph that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Witness {
    /// Share of its units that are inked.
    pub own: f32,
    /// Is there ink beside its own: within its cell, or beyond the digits' top and bottom?
    pub foreign: bool,
    /// How much more like its own symbol's shape the ink is than like any other's; below 0 it is more like another's.
    pub margin: f32,
}

impl Witness {
    /// Of a glyph that nothing speaks against.
    pub const PLAIN: Witness = Witness { own: 1.0, foreign: false, margin: 0.3 };
}

/// What the page says of a line.
pub struct Cover {
    pub glyphs: Vec<Witness>,
    /// For each glyph how much of one may be hidden before it, and last behind the line: 0 nothing, 1 as good as seen.
    pub beside: Vec<f32>,
}

/// The stretches of the page without glyphs: before each, and last behind the line.
fn free(row: &RowRead) -> Vec<(f32, f32)> {
    let (Some(first), Some(last)) = (row.glyphs.first(), row.glyphs.last()) else { return Vec::new() };
    let left = |g: &Glyph| g.bbox.x as f32;
    let mut free = vec![(left(first) - REACH * first.pitch, left(first) - 0.05 * first.pitch)];
    for pair in row.glyphs.windows(2) {
        free.push((pair[0].right + 0.05 * pair[0].pitch, left(&pair[1]) - 0.05 * pair[1].pitch));
    }
    free.push((last.right + 0.05 * last.pitch, last.right + REACH * last.pitch));
    free
}

/// Is there ink for a glyph where none was read?
pub fn is_inked(row: &RowRead) -> bool {
    free(row).iter().any(|&(from, to)| row.ink.between(from, to) / 8.0 > SMALLEST * LEAST)
}

/// Looks at the page as it came, strokes and stamps and all.
pub fn of(page: &Upright, row: &RowRead) -> Cover {
    let sums = Sums::new(&Ink::of(page, &row.parts));
    let mut free = free(row);
    if let (Some(first), Some(last), Some(head), Some(tail)) =
        (free.first().copied(), free.last().copied(), row.parts.first(), row.parts.last())
    {
        let begin = paper(&sums, head, first.0.max(sums.x0), 1.0, first.1);
        let end = paper(&sums, tail, last.1.min(sums.x0 + sums.width as f32), -1.0, last.0);
        free[0].0 = begin;
        free[row.glyphs.len()].1 = end;
    }
    Cover {
        glyphs: with_margins(&sums, row, row.glyphs.iter().map(|g| witness(&sums, &row.parts, g)).collect()),
        beside: (0..free.len()).map(|i| beside(&sums, row, i, (free[i].0.max(0.0), free[i].1))).collect(),
    }
}

/// What the stretch before glyph `i` may hide: as the line stands there, and as it stands at the glyphs on its sides, since a part of
/// the row without glyphs may follow other print.
fn beside(sums: &Sums, row: &RowRead, i: usize, (from, to): (f32, f32)) -> f32 {
    let part_at = |x: f32| row.parts.iter().rposition(|p| p.x0 <= x).unwrap_or(0);
    let before = i.checked_sub(1).and_then(|i| row.glyphs.get(i)).map(|g| part_at(g.right));
    let after = row.glyphs.get(i).map(|g| part_at(g.right));
    let mut parts: Vec<usize> = [Some(part_at(from)), before, after].into_iter().flatten().collect();
    parts.dedup();
    parts.iter().filter_map(|&p| row.parts.get(p)).map(|p| covered(sums, p, from, to, row)).fold(0.0, f32::max)
}

/// What each glyph is like is asked where other ink is on it or beside it, and where the classifier is not sure.
fn with_margins(sums: &Sums, row: &RowRead, mut glyphs: Vec<Witness>) -> Vec<Witness> {
    let foreign: Vec<bool> = glyphs.iter().map(|w| w.foreign).collect();
    for (i, (witness, glyph)) in glyphs.iter_mut().zip(&row.glyphs).enumerate() {
        if glyph.chance < CLEAR_GLYPH || foreign[i.saturating_sub(1)..(i + 2).min(foreign.len())].contains(&true) {
            witness.margin = margin(sums, &row.parts, glyph);
        }
    }
    glyphs
}

/// Of a crop, only what it says of each glyph for which `asked` holds; the rest is as it should be.
pub fn glyphs(page: &Upright, row: &RowRead, asked: impl Fn(&Glyph) -> bool) -> Vec<Witness> {
    let sums = Sums::new(&Ink::of(page, &row.parts));
    let one = |g: &Glyph| {
        let seen = || Witness { margin: margin(&sums, &row.parts, g), ..witness(&sums, &row.parts, g) };
        if asked(g) { seen() } else { Witness::PLAIN }
    };
    row.glyphs.iter().map(one).collect()
}

/// Where the paper begins, from the far end of what is looked at on inwards: what is black there from far above to far below is
/// the bed of the scanner.
fn paper(sums: &Sums, part: &Geometry, far: f32, way: f32, near: f32) -> f32 {
    let mut x = far;
    for _ in 0..MOST_STEPS {
        let place = part.at(x);
        let (sx, sy) = (place.sx.max(0.5), place.sy);
        let next = x + way * sx;
        let ink = sums.ink(x.min(next), place.y - BEYOND * sy, x.max(next), place.y + BEYOND * sy);
        if (near - next) * way <= 0.0 || ink < 0.85 * 2.0 * BEYOND * sx * sy {
            break;
        }
        x = next;
    }
    x
}

/// A page is no wider than this many half pixels.
const MOST_STEPS: usize = 100_000;

/// So many pitches beyond the ends are looked at.
const REACH: f32 = 14.0;
/// Units from the middle of the digits that the edge of the paper goes on for, up and down.
const BEYOND: f32 = 6.8;
/// Of the smallest glyph so much must be inked beside the line for it to be looked at.
const LEAST: f32 = 0.75;
/// Units of ink, within a cell and beyond it, that are nobody's.
const WITHIN: f32 = 2.0;
const OVER: f32 = 1.0;
/// Added to the share where what covers a glyph stands as the line's next one would, and no other ink is near.
const ALONE: f32 = 0.22;

/// Where most of the glyph is covered, a quarter of a unit to and fro and up to a unit up and down.
fn witness(sums: &Sums, parts: &[Geometry], glyph: &Glyph) -> Witness {
    let none = Witness { own: 0.0, foreign: true, margin: 0.0 };
    let Some(part) = parts.iter().rev().find(|p| p.x0 <= glyph.right).or(parts.first()) else { return none };
    let place = part.at(glyph.right);
    let (sx, sy) = (place.sx, place.sy);
    let Some(units) = GLYPHS.get(glyph.class) else { return none };
    let left = |across: i32| glyph.right + 0.25 * across as f32 * sx - 7.0 * sx;
    let top = |down: i32| place.y + (0.5 * down as f32 - 4.5) * sy;
    let area = (sx * sy).max(1.0);
    let columns: [_; 5] = std::array::from_fn(|i| sums.columns_of(left(i as i32 - 2), sx));
    let rows: [_; 5] = std::array::from_fn(|i| sums.rows_of(top(i as i32 - 2), sy));
    let unit = |across: usize, down: usize, row: usize, column: usize| {
        sums.between(columns[across][column], rows[down][row]) / area
    };
    let (mut own, mut across, mut down) = (-1.0, 2, 2);
    for (x, y) in (0..5).flat_map(|x| (0..5).map(move |y| (x, y))) {
        let ink: f32 = units.own.iter().map(|&(r, c)| (2.0 * unit(x, y, r, c)).min(1.0)).sum();
        let share = ink / units.own.len().max(1) as f32;
        if share > own {
            (own, across, down) = (share, x, y);
        }
        // More than all of it is not inked.
        if own >= 1.0 {
            break;
        }
    }
    let within: f32 = units.others.iter().map(|&(r, c)| unit(across, down, r, c)).sum();
    let (left, top) = (left(across as i32 - 2), top(down as i32 - 2));
    let (from, to) = (left + (7.0 - WIDTHS[glyph.class]) * sx, left + 7.0 * sx);
    let foreign = within > WITHIN || beyond(sums, from, to, top, sx, sy) > OVER;
    Witness { own, foreign, ..Witness::PLAIN }
}

/// How much more like its own symbol's shape the ink at a glyph's place is than like any other's: differences of correlations over
/// the grid of units, each shape where it fits best, so that ink that is missing counts as ink that is too much does.
fn margin(sums: &Sums, parts: &[Geometry], glyph: &Glyph) -> f32 {
    let Some(part) = parts.iter().rev().find(|p| p.x0 <= glyph.right).or(parts.first()) else { return 0.0 };
    let place = part.at(glyph.right);
    let (sx, sy) = (place.sx, place.sy);
    let area = (sx * sy).max(1.0);
    let mut best = [-1.0f32; SHAPES.len()];
    for (across, down) in (-2..=2).flat_map(|across| (-1..=1).map(move |down| (across, down))) {
        let left = glyph.right + (0.3 * across as f32 - 7.0) * sx;
        let top = place.y + (0.6 * down as f32 - 4.5) * sy;
        let mut ink = [0.0f32; UNITS];
        sums.units((left, top), (sx, sy), &mut ink);
        ink.iter_mut().for_each(|v| *v = (*v / area).min(1.0));
        let mean = ink.iter().sum::<f32>() / GRID as f32;
        let spread = ink.iter().map(|v| v * v).sum::<f32>() - GRID as f32 * mean * mean;
        if spread < 1e-3 {
            continue;
        }
        for (shape, best) in GRIDS.iter().zip(&mut best) {
            // The shapes' units sum up to nothing, and their squares to one.
            let mut together = [0.0f32; 8];
            for (shape, ink) in shape.as_chunks::<8>().0.iter().zip(ink.as_chunks::<8>().0) {
                (0..8).for_each(|l| together[l] += shape[l] * ink[l]);
            }
            *best = best.max(together.iter().sum::<f32>() / spread.sqrt());
        }
    }
    let others = best.iter().enumerate().filter(|(class, _)| *class != glyph.class).map(|(_, v)| *v);
    best[glyph.class] - others.fold(-1.0, f32::max)
}

/// Units of a shape's grid, and as they are kept: eight side by side.
const GRID: usize = 63;
const UNITS: usize = 64;

/// The shapes as they are compared: their units with the mean taken off and brought to one length.
static GRIDS: LazyLock<[[f32; UNITS]; 14]> = LazyLock::new(|| {
    SHAPES.map(|shape| {
        let count = units(&shape).len() as f32;
        let (paper, length) = (count / GRID as f32, (count - count * count / GRID as f32).sqrt());
        let mut grid = [-paper / length; UNITS];
        grid[GRID] = 0.0;
        units(&shape).into_iter().for_each(|(row, column)| grid[7 * row + column] += 1.0 / length);
        grid
    })
});

/// Units of a glyph's grid, row and column.
struct Units {
    /// Those that are ink.
    own: Vec<(usize, usize)>,
    /// Those that neither are nor are beside one that is.
    others: Vec<(usize, usize)>,
}

static GLYPHS: LazyLock<[Units; SHAPES.len()]> = LazyLock::new(|| {
    SHAPES.map(|shape| {
        let own = units(&shape);
        let is_near =
            |r: usize, c: usize| own.iter().any(|&(row, column)| row.abs_diff(r) < 2 && column.abs_diff(c) < 2);
        let others = grid().filter(|&(r, c)| !is_near(r, c)).collect();
        Units { own, others }
    })
});

/// Of each unit of the grid, row by row, which glyphs have ink there: 1, or 0.
static MASKS: LazyLock<[[f32; BESIDE]; GRID]> = LazyLock::new(|| {
    let mut masks = [[0.0; BESIDE]; GRID];
    for (class, glyph) in GLYPHS.iter().enumerate() {
        glyph.own.iter().for_each(|(row, column)| masks[7 * row + column][class] = 1.0);
    }
    masks
});

/// Glyphs as they are compared, beside each other.
const BESIDE: usize = SHAPES.len().next_multiple_of(8);
/// Units of the smallest glyph.
const SMALLEST: f32 = 17.0;

fn grid() -> impl Iterator<Item = (usize, usize)> {
    (0..9).flat_map(|row| (0..7).map(move |column| (row, column)))
}

/// The units of a shape that are ink, row and column.
fn units(shape: &[&str; 9]) -> Vec<(usize, usize)> {
    grid().filter(|&(row, column)| shape[row].as_bytes()[column] == b'#').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::micr::read::InkAlong;
    use crate::domain::PixelBox;
    use crate::imaging::{Bits, Transform};

    const UNIT: usize = 3;
    const TOP: usize = 60;

    /// A page with these glyphs (classes), each a pitch of 29 pixels after the one before, a blank where there is none, and what
    /// `mark` draws besides.
    fn page(glyphs: &[Option<usize>], mark: impl Fn(usize, usize) -> bool) -> (Upright, RowRead) {
        let mut bits = Bits::new(800, 150);
        let mut read = Vec::new();
        for (cell, class) in glyphs.iter().enumerate() {
            let Some(class) = *class else { continue };
            let left = 200 + 29 * cell;
            for (row, column) in units(&SHAPES[class]) {
                let pixels = (0..UNIT * UNIT).map(|n| (left + column * UNIT + n % UNIT, TOP + row * UNIT + n / UNIT));
                pixels.for_each(|(x, y)| bits.set(x, y, true));
            }
            let right = (left + 7 * UNIT) as f32;
            let x0 = right - WIDTHS[class] * UNIT as f32;
            let bbox = PixelBox { x: x0 as i32, y: TOP as i32, w: (right - x0) as i32, h: 27 };
            read.push(Glyph::clear(class, right, 29.0, bbox));
        }
        (0..800).for_each(|x| (0..150).filter(|&y| mark(x, y)).for_each(|y| bits.set(x, y, true)));
        let unit = UNIT as f32;
        let line =
            Geometry { x0: 0.0, y0: TOP as f32, slope: 0.0, sx: unit, sy: unit, length: 266.0, knots: Vec::new() };
        let ink = InkAlong::default();
        let row = RowRead { parts: vec![line], glyphs: read, loose: 0.0, stray: 0, outside: 0.0, looks: 0, ink };
        (Upright { bits, gray: None, dpi: 230, transform: Transform::IDENTITY }, row)
    }

    #[test]
    fn only_what_covers_a_glyph_may_hide_one() {
        // Glyphs at cells 0, 1 and 3: the second stretch is beside the first glyph, the third is the blank, the last is behind.
        let glyphs = [Some(4), Some(0), None, Some(7)];
        type Mark = fn(usize, usize) -> bool;
        // What is drawn | most before, in the blank and behind.
        let cases: [(&str, Mark, [f32; 3], bool); 5] = [
            ("nothing", |_, _| false, [0.0, 0.0, 0.0], false),
            ("a pen through the blank", |x, y| x.abs_diff(262 + y / 8) < 2, [0.0, 0.6, 0.0], false),
            ("a block over the blank", |x, y| (244..284).contains(&x) && (20..120).contains(&y), [0.0, 1.0, 0.0], true),
            ("a block behind", |x, y| (330..380).contains(&x) && (50..100).contains(&y), [0.0, 0.0, 1.0], false),
            ("the scanner's bed", |x, _| x < 150, [0.3, 0.0, 0.0], false),
        ];
        for (name, mark, expected, crossed) in cases {
            let (page, row) = page(&glyphs, mark);
            let cover = of(&page, &row);
            assert!(cover.glyphs.iter().all(|w| w.own > 0.99), "{name}: {:?}", cover.glyphs);
            assert_eq!(cover.glyphs.iter().any(|w| w.foreign), crossed, "{name}");
            let found = [cover.beside[0], cover.beside[2], cover.beside[3]];
            for (got, most) in found.iter().zip(expected) {
                let holds = if most == 1.0 { *got > 0.95 } else { *got <= most };
                assert!(holds, "{name}: {found:?}");
            }
        }
    }

    #[test]
    fn ink_is_most_like_its_own_symbol() {
        let all: Vec<Option<usize>> = (0..SHAPES.len()).map(Some).collect();
        let (bits, mut row) = page(&all, |_, _| false);
        for (class, witness) in glyphs(&bits, &row, |_| true).iter().enumerate() {
            assert!(witness.margin > 0.1, "{class}: {witness:?}");
        }
        // The same ink read as the next symbol.
        row.glyphs.iter_mut().for_each(|g| g.class = (g.class + 1) % SHAPES.len());
        for (class, witness) in glyphs(&bits, &row, |_| true).iter().enumerate() {
            assert!(witness.margin < -0.1, "{class}: {witness:?}");
        }
    }

    #[test]
    fn a_glyph_that_is_not_there_is_not_covered() {
        let (page, mut row) = page(&[Some(0), Some(1), Some(2)], |_, _| false);
        row.glyphs[1].class = 8;
        row.glyphs[2].right += 200.0;
        let own: Vec<f32> = of(&page, &row).glyphs.iter().map(|w| w.own).collect();
        assert!(own[0] > 0.99 && (0.3..0.8).contains(&own[1]) && own[2] < 0.05, "{own:?}");
    }
}
