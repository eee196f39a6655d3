//! The E-13B glyphs on their unit grid (see the standard's geometry), as soft ink fields, and false prints of them.

use super::super::random::Random;

/// Symbols in class order; the class after them is "not a glyph".
pub const SYMBOLS: &[u8; 14] = b"0123456789ABCD";

/// Seven columns by nine rows of each digit.
const DIGITS: [[&str; 9]; 10] = [
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
];

/// `[left, top, right, bottom]` in units from the glyph's left and top edge.
fn rectangles(class: usize) -> Vec<[f32; 4]> {
    match class {
        0..=9 => {
            let mut out = Vec::new();
            for (y, row) in DIGITS[class].iter().enumerate() {
                let (y, row) = (y as f32, row.as_bytes());
                let mut x = 0;
                while x < 7 {
                    let run = row[x..].iter().take_while(|&&c| c == b'#').count();
                    if run > 0 {
                        out.push([x as f32, y, (x + run) as f32, y + 1.0]);
                    }
                    x += run.max(1);
                }
            }
            if class == 3 || class == 9 {
                out.push([5.0, 4.5, 7.0, 5.0]);
            }
            if class == 7 {
                out.push([3.2, 4.0, 4.2, 5.0]);
            }
            out
        }
        10 => vec![[0.0, 1.5, 1.7, 7.5], [4.2, 0.0, 7.0, 3.0], [4.2, 6.0, 7.0, 9.0]],
        11 => vec![[0.0, 5.3, 2.0, 9.0], [3.0, 2.5, 4.0, 6.7], [5.0, 0.0, 7.0, 3.7]],
        12 => vec![[0.0, 1.8, 1.0, 7.4], [2.0, 1.8, 3.0, 7.4], [4.2, 0.5, 7.0, 4.4]],
        _ => vec![[0.0, 2.5, 1.8, 6.6], [3.0, 2.5, 4.8, 6.6], [6.2, 2.5, 7.0, 6.6]],
    }
}

/// Samples a unit of the fields.
const FINE: usize = 8;
/// Units around the glyph in its field.
const AROUND: usize = 3;
const FIELD_WIDTH: usize = (7 + 2 * AROUND) * FINE;
const FIELD_HEIGHT: usize = (9 + 2 * AROUND) * FINE;
/// Blurs of the fields, standard deviation in units: rounder corners for the greater.
const BLURS: [f32; 3] = [0.28, 0.4, 0.55];

/// How one glyph stands: lookups go from print back to the field.
#[derive(Clone, Copy)]
pub struct Placed {
    pub class: usize,
    pub blur: usize,
    /// Left and top of the seven by nine cell, in units of the print.
    pub x: f32,
    pub y: f32,
    pub wider: f32,
    pub higher: f32,
    pub lean: f32,
    /// Units that it hangs lower than the standard says.
    pub drop: f32,
    pub mirrored: bool,
    pub upside_down: bool,
}

pub struct Fields(Vec<[Vec<f32>; 3]>);

impl Fields {
    pub fn new() -> Fields {
        let of = |class: usize| BLURS.map(|blur| blurred(&rectangles(class), blur));
        Fields((0..14).map(of).collect())
    }

    /// Ink density of a placed glyph at a point of the print, about 0.5 at the edge of a nominal stroke.
    pub fn at(&self, glyph: &Placed, x: f32, y: f32) -> f32 {
        let mut v = (y - glyph.y - 4.5) / glyph.higher;
        let mut u = (x - glyph.x - 7.0) / glyph.wider + glyph.lean * v;
        u += 3.5;
        if glyph.mirrored {
            u = -u;
        }
        if glyph.upside_down {
            (u, v) = (-u, -v);
        }
        let (u, v) = (u + 3.5, v + 4.5 - glyph.drop);
        let (fx, fy) = ((u + AROUND as f32) * FINE as f32 - 0.5, (v + AROUND as f32) * FINE as f32 - 0.5);
        if fx < 0.0 || fy < 0.0 || fx >= (FIELD_WIDTH - 1) as f32 || fy >= (FIELD_HEIGHT - 1) as f32 {
            return 0.0;
        }
        let (ix, iy) = (fx as usize, fy as usize);
        let (dx, dy) = (fx.fract(), fy.fract());
        let field = &self.0[glyph.class][glyph.blur];
        let at = |x: usize, y: usize| field[y * FIELD_WIDTH + x];
        (at(ix, iy) * (1.0 - dx) + at(ix + 1, iy) * dx) * (1.0 - dy)
            + (at(ix, iy + 1) * (1.0 - dx) + at(ix + 1, iy + 1) * dx) * dy
    }
}

fn blurred(rectangles: &[[f32; 4]], deviation: f32) -> Vec<f32> {
    let mut field = vec![0.0f32; FIELD_WIDTH * FIELD_HEIGHT];
    for [left, top, right, bottom] in rectangles {
        let span = |a: f32, b: f32| {
            ((a + AROUND as f32) * FINE as f32).round() as usize..((b + AROUND as f32) * FINE as f32).round() as usize
        };
        for y in span(*top, *bottom) {
            for x in span(*left, *right) {
                field[y * FIELD_WIDTH + x] = 1.0;
            }
        }
    }
    let reach = (deviation * FINE as f32 * 3.0).ceil() as isize;
    let weight = |d: isize| (-0.5 * (d as f32 / (deviation * FINE as f32)).powi(2)).exp();
    let sum: f32 = (-reach..=reach).map(weight).sum();
    for (width, height, step_x, step_y) in
        [(FIELD_WIDTH, FIELD_HEIGHT, 1, FIELD_WIDTH), (FIELD_HEIGHT, FIELD_WIDTH, FIELD_WIDTH, 1)]
    {
        let before = field.clone();
        for line in 0..height {
            for place in 0..width as isize {
                let total: f32 = (-reach..=reach)
                    .map(|d| {
                        let at = (place + d).clamp(0, width as isize - 1) as usize;
                        weight(d) * before[line * step_y + at * step_x]
                    })
                    .sum();
                field[line * step_y + place as usize * step_x] = total / sum;
            }
        }
    }
    field
}

/// A false glyph: strokes of even width as other fonts and handwriting have them, in units of the cell.
pub fn false_print(random: &mut Random) -> Vec<[f32; 5]> {
    let width = random.between(0.6, 1.6);
    let (w, h) = (random.between(3.0, 8.0), random.between(5.0, 11.0));
    let (left, top) = (7.0 - w + random.between(-2.0, 2.0), 4.5 - h / 2.0 + random.between(-2.5, 2.5));
    if random.chance(0.6) {
        // Seven bars of a display: about what OCR-A and typewriter figures look like.
        let (x0, x1, y0, y1, y2) = (left, left + w, top, top + h / 2.0, top + h);
        let bars = [
            [x0, y0, x1, y0],
            [x0, y0, x0, y1],
            [x1, y0, x1, y1],
            [x0, y1, x1, y1],
            [x0, y1, x0, y2],
            [x1, y1, x1, y2],
            [x0, y2, x1, y2],
            [x0, y0, x1, y2],
            [x0, y2, x1, y0],
            [(x0 + x1) / 2.0, y0, (x0 + x1) / 2.0, y2],
        ];
        let mut out = Vec::new();
        for (i, [a, b, c, d]) in bars.into_iter().enumerate() {
            if random.chance(if i < 7 { 0.55 } else { 0.15 }) {
                out.push([a, b, c, d, width]);
            }
        }
        out
    } else {
        let mut at = (left + random.unit() * w, top + random.unit() * h);
        (0..2 + random.below(5))
            .map(|_| {
                let to = (left + random.unit() * w, top + random.unit() * h);
                let stroke = [at.0, at.1, to.0, to.1, width];
                at = to;
                stroke
            })
            .collect()
    }
}

/// Small marks that are no print: a printer's ring or dot, a comma, the end of a pen's stroke.
pub fn mark(random: &mut Random) -> Vec<[f32; 5]> {
    let (x, y) = (random.between(1.0, 6.5), random.between(0.5, 8.5));
    let mut out = Vec::new();
    if random.chance(0.5) {
        let (radius, width) = (random.between(0.5, 2.2), random.between(0.4, 0.9));
        let at = |i: usize| {
            let turn = i as f32 * std::f32::consts::TAU / 10.0;
            (x + radius * turn.cos(), y + radius * turn.sin())
        };
        out.extend((0..10).map(|i| [at(i).0, at(i).1, at(i + 1).0, at(i + 1).1, width]));
        if random.chance(0.5) {
            out.push([x, y, x + 0.1, y, random.between(0.5, 1.2)]);
        }
    } else {
        for _ in 0..1 + random.below(3) {
            // A short bow.
            let (mut a, width) = ((x + random.normal() * 2.0, y + random.normal() * 2.0), random.between(0.3, 1.0));
            let (mut turn, bend) = (random.unit() * std::f32::consts::TAU, random.normal() * 0.5);
            for _ in 0..2 + random.below(4) {
                let b = (a.0 + 1.1 * turn.cos(), a.1 + 1.1 * turn.sin());
                out.push([a.0, a.1, b.0, b.1, width]);
                (a, turn) = (b, turn + bend);
            }
        }
    }
    out
}
