//! What the ink of a page covers, as it came: of each glyph that was read (all of it, where it is one, and is there ink beside it
//! that is not its own?), and beside the glyphs (is there ink that covers a whole one? A pen stroke covers none, the letters of a
//! stamp some, a solid block all: ink that covers none hides none, however much it is).

use super::read::{Glyph, RowRead};
use super::strip::{Geometry, Ink};
use super::trellis::WIDTHS;
use crate::imaging::Upright;

/// The glyphs on their grid of units, seven wide and nine high (ANSI X9.27, as measured on prints), symbols in the reader's order.
const SHAPES: [[&str; 9]; 14] = [
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

    /// Pixels of ink in a box of the page, its sides rounded.
    fn ink(&self, x0: f32, y0: f32, x1: f32, y1: f32) -> f32 {
        let at = |v: f32, most: usize| (v.round().max(0.0) as usize).min(most);
        let (left, right) = (at(x0 - self.x0, self.width), at(x1 - self.x0, self.width));
        let (top, foot) = (at(y0 - self.y0, self.height), at(y1 - self.y0, self.height));
        if right <= left || foot <= top {
            return 0.0;
        }
        let sum = |x: usize, y: usize| self.sums[x * (self.height + 1) + y];
        sum(right, foot) - sum(left, foot) - sum(right, top) + sum(left, top)
    }
}

/// Share of a glyph's units that the ink of the page covers where it covers most, over all glyphs and places between two columns.
fn covered(sums: &Sums, parts: &[Geometry], from: f32, to: f32) -> f32 {
    let mut most = 0.0f32;
    let Some(part) = parts.iter().rev().find(|p| p.x0 <= from).or(parts.first()) else { return 0.0 };
    let unit = part.sx;
    let mut right = from + 3.5 * unit;
    while right <= to + 0.3 * unit {
        let place = part.at(right);
        for step in -2..=2 {
            let middle = place.y + 0.5 * step as f32 * place.sy;
            most = most.max(at_place(sums, right, middle, place.sx, place.sy, from, most));
        }
        right += 0.5 * unit;
    }
    most
}

/// The same at one place; less than `most` is not looked for.
fn at_place(sums: &Sums, right: f32, middle: f32, sx: f32, sy: f32, from: f32, most: f32) -> f32 {
    let area = (sx * sy).max(1.0);
    let (left, top) = (right - 7.0 * sx, middle - 4.5 * sy);
    let all = sums.ink(left.max(from), top, right, top + 9.0 * sy) / area;
    // The smallest glyph has seventeen units.
    if all < 17.0 * most.max(0.5) {
        return 0.0;
    }
    // Where it is black from far above to far below, there the paper ends.
    let black = |x: f32, from: f32, to: f32| sums.ink(x, middle + from * sy, x + sx, middle + to * sy) / area;
    let ends =
        |x: f32| black(x, -BEYOND, -4.5) > 0.85 * (BEYOND - 4.5) && black(x, 4.5, BEYOND) > 0.85 * (BEYOND - 4.5);
    let mut paper: [bool; 7] = std::array::from_fn(|column| !ends(left + column as f32 * sx));
    // Thinner than three units, it is the side of a frame.
    for column in 0..5 {
        if !paper[column] && (paper[column + 1] || paper[column + 2]) && (column == 0 || paper[column - 1]) {
            paper[column] = true;
        }
    }
    let mut units = [[0.0f32; 7]; 9];
    for (row, units) in units.iter_mut().enumerate() {
        for (column, unit) in units.iter_mut().enumerate() {
            let (x, y) = (left + column as f32 * sx, top + row as f32 * sy);
            // What stands before the stretch is another glyph's.
            if x + 0.5 * sx >= from && paper[column] {
                *unit = (2.0 * sums.ink(x, y, x + sx, y + sy) / area).min(1.0);
            }
        }
    }
    let share = |shape: &[&str; 9]| {
        let (mut ink, mut count) = (0.0, 0.0);
        for (row, units) in shape.iter().zip(&units) {
            for (_, unit) in row.bytes().zip(units).filter(|(c, _)| *c == b'#') {
                ink += unit;
                count += 1.0;
            }
        }
        ink / f32::max(count, 1.0)
    };
    SHAPES.iter().map(share).fold(0.0, f32::max)
}

/// What the page says of a glyph that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Witness {
    /// Share of its units that are inked.
    pub own: f32,
    /// Is there ink beside its own: within its cell, or beyond the digits' top and bottom?
    pub foreign: bool,
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
    free(row).iter().any(|&(from, to)| row.ink.between(from, to) / 8.0 > 17.0 * LEAST)
}

/// Looks at the page as it came, strokes and stamps and all.
pub fn of(page: &Upright, row: &RowRead) -> Cover {
    let sums = Sums::new(&Ink::of(page, &row.parts));
    Cover {
        glyphs: row.glyphs.iter().map(|g| witness(&sums, &row.parts, g)).collect(),
        beside: free(row).into_iter().map(|(from, to)| covered(&sums, &row.parts, from.max(0.0), to)).collect(),
    }
}

/// So many pitches beyond the ends are looked at.
const REACH: f32 = 14.0;
/// Units from the middle of the digits that the edge of the paper goes on for, up and down.
const BEYOND: f32 = 6.8;
/// Of the smallest glyph so much must be inked beside the line for it to be looked at.
const LEAST: f32 = 0.75;
/// Units of ink, within a cell and beyond it, that are nobody's.
const WITHIN: f32 = 2.0;
const OVER: f32 = 1.0;

/// Where most of the glyph is covered, a quarter of a unit to and fro and up to a unit up and down.
fn witness(sums: &Sums, parts: &[Geometry], glyph: &Glyph) -> Witness {
    let none = Witness { own: 0.0, foreign: true };
    let Some(part) = parts.iter().rev().find(|p| p.x0 <= glyph.right).or(parts.first()) else { return none };
    let place = part.at(glyph.right);
    let (sx, sy) = (place.sx, place.sy);
    let units = units(&SHAPES[glyph.class]);
    let at = |across: i32, down: i32| {
        let right = glyph.right + 0.25 * across as f32 * sx;
        (right - 7.0 * sx, place.y + (0.5 * down as f32 - 4.5) * sy)
    };
    let area = (sx * sy).max(1.0);
    let unit = |left: f32, top: f32, row: usize, column: usize| {
        let (x, y) = (left + column as f32 * sx, top + row as f32 * sy);
        sums.ink(x, y, x + sx, y + sy) / area
    };
    let (mut own, mut place) = (-1.0, at(0, 0));
    for (across, down) in (-2..=2).flat_map(|across| (-2..=2).map(move |down| (across, down))) {
        let (left, top) = at(across, down);
        let ink: f32 = units.iter().map(|&(r, c)| (2.0 * unit(left, top, r, c)).min(1.0)).sum();
        let share = ink / units.len().max(1) as f32;
        if share > own {
            (own, place) = (share, (left, top));
        }
    }
    let (left, top) = place;
    let is_near = |r: usize, c: usize| units.iter().any(|&(row, column)| row.abs_diff(r) < 2 && column.abs_diff(c) < 2);
    let others = (0..9).flat_map(|r| (0..7).map(move |c| (r, c))).filter(|&(r, c)| !is_near(r, c));
    let within: f32 = others.map(|(r, c)| unit(left, top, r, c)).sum();
    let (from, to) = (left + (7.0 - WIDTHS[glyph.class]) * sx, left + 7.0 * sx);
    let above = sums.ink(from, top - 2.3 * sy, to, top - sy) / area;
    let below = sums.ink(from, top + 10.0 * sy, to, top + 11.3 * sy) / area;
    Witness { own, foreign: within > WITHIN || above > OVER || below > OVER }
}

/// The units of a shape that are ink, row and column.
fn units(shape: &[&str; 9]) -> Vec<(usize, usize)> {
    let all = (0..9).flat_map(|row| (0..7).map(move |column| (row, column)));
    all.filter(|&(row, column)| shape[row].as_bytes()[column] == b'#').collect()
}
