//! Training glyphs under other ink: the letters and frames of rubber stamps, strokes of a pen, print that did not take. What lies
//! over the window is drawn in units of the glyph and put on glyphs that were drawn or cut from real lines.

use remit::decode::micr::strip::{HEIGHT, Ink, WINDOW};

use super::draw::NOT_A_GLYPH;
use super::real::{self, Line};
use super::{draw, glyphs};
use crate::random::Random;

/// Left and top of the window, in units from the left top corner of a glyph of seven units.
const LEFT: f32 = -2.5;
const TOP: f32 = -1.5;
/// Pixels a unit.
const FINE: f32 = 2.0;

/// Letters as a rubber stamp has them: strokes of points on a grid of five columns and seven rows.
const LETTERS: [&str; 34] = [
    "06 20 46,14 34",
    "00 06 36 45 44 33 03,00 30 41 42 33",
    "41 30 10 01 05 16 36 45",
    "00 06 26 44 42 20 00",
    "40 00 06 46,03 33",
    "40 00 06,03 33",
    "41 30 10 01 05 16 36 45 43 23",
    "00 06,40 46,03 43",
    "20 26",
    "00 06,40 03,13 46",
    "00 06 46",
    "06 00 24 40 46",
    "06 00 46 40",
    "10 30 41 45 36 16 05 01 10",
    "06 00 30 41 42 33 03",
    "06 00 30 41 42 33 03,23 46",
    "41 30 10 01 02 13 33 44 45 36 16 05",
    "00 40,20 26",
    "00 05 16 36 45 40",
    "00 26 40",
    "00 16 21 36 40",
    "00 46,40 06",
    "00 23 40,23 26",
    "00 40 06 46",
    "10 30 41 45 36 16 05 01 10",
    "11 20 26",
    "01 10 30 41 42 06 46",
    "01 10 30 41 42 33 44 45 36 16 05,13 33",
    "36 30 04 44",
    "40 00 03 33 44 45 36 16 05",
    "30 10 01 05 16 36 45 44 33 13 04",
    "00 40 16",
    "10 30 41 42 33 13 02 01 10,13 04 05 16 36 45 44 33",
    "06 40",
];

/// What glyphs are taken from.
pub struct Source<'a> {
    pub fields: &'a glyphs::Fields,
    pub lines: &'a [Line],
    /// What looks a little like an account line.
    pub other: &'a [(Ink, remit::decode::micr::strip::Geometry)],
}

/// A training glyph: window pixels and class.
pub fn glyph(source: &Source, random: &mut Random) -> (Vec<f32>, usize) {
    let (mut pixels, class) = match random.below(20) {
        0..=9 => real::glyph(source.lines, random),
        10..=11 if !source.other.is_empty() => real::not_a_glyph(source.other, random),
        12..=14 => (gap(&real::glyph(source.lines, random).0, random), NOT_A_GLYPH),
        _ => draw::glyph(source.fields, random),
    };
    if random.chance(0.25) {
        broken(&mut pixels, random.between(0.12, 0.34), random);
    }
    if random.chance(0.75) {
        stamp(&mut pixels, random);
    }
    if random.chance(0.3) {
        pen(&mut pixels, random);
    }
    (pixels, class)
}

/// The place between two fields: what stands beside it, or nothing.
fn gap(glyph: &[f32], random: &mut Random) -> Vec<f32> {
    let (from, to) = match random.below(3) {
        0 => (-9.0, 30.0),
        1 => (random.between(-1.8, 1.0), 30.0),
        _ => (-9.0, random.between(6.0, 9.0)),
    };
    let inside = |i: usize| (from..to).contains(&place(i).0);
    glyph.iter().enumerate().map(|(i, v)| if inside(i) { 0.0 } else { *v }).collect()
}

/// The middle of a pixel.
fn place(i: usize) -> (f32, f32) {
    (LEFT + ((i % WINDOW) as f32 + 0.5) / FINE, TOP + ((i / WINDOW) as f32 + 0.5) / FINE)
}

/// Uneven ink: a share of it is not there, in specks of about this many pixels.
fn broken(pixels: &mut [f32], share: f32, random: &mut Random) {
    let size = random.between(1.0, 3.2);
    let (across, down) = ((WINDOW as f32 / size) as usize + 2, (HEIGHT as f32 / size) as usize + 2);
    let noise: Vec<f32> = (0..across * down).map(|_| random.unit()).collect();
    for (i, v) in pixels.iter_mut().enumerate() {
        let (x, y) = ((i % WINDOW) as f32 / size, (i / WINDOW) as f32 / size);
        let at =
            |dx: usize, dy: usize| noise[(y as usize + dy).min(down - 1) * across + (x as usize + dx).min(across - 1)];
        let row = |dy: usize| at(0, dy) * (1.0 - x.fract()) + at(1, dy) * x.fract();
        let here = row(0) * (1.0 - y.fract()) + row(1) * y.fract();
        *v *= ((here - share) * 5.0 + 0.5).clamp(0.0, 1.0);
    }
}

/// Strokes over the window: `soft` is the width of their edges in units.
fn draw_over(pixels: &mut [f32], strokes: &[[f32; 5]], soft: f32, ink: f32, worn: f32, random: &mut Random) {
    let mut over = vec![0.0f32; pixels.len()];
    for stroke in strokes {
        let reach = stroke[4] / 2.0 + soft;
        let (x0, x1) = (stroke[0].min(stroke[2]) - reach, stroke[0].max(stroke[2]) + reach);
        let (y0, y1) = (stroke[1].min(stroke[3]) - reach, stroke[1].max(stroke[3]) + reach);
        for (i, v) in over.iter_mut().enumerate() {
            let (x, y) = place(i);
            if (x0..x1).contains(&x) && (y0..y1).contains(&y) {
                *v = v.max(density(stroke, soft, x, y));
            }
        }
    }
    if worn > 0.0 {
        broken(&mut over, worn, random);
    }
    pixels.iter_mut().zip(over).for_each(|(v, o)| *v = v.max(o * ink));
}

fn density(&[x0, y0, x1, y1, width]: &[f32; 5], soft: f32, x: f32, y: f32) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
    let distance = ((x - x0 - along * dx).powi(2) + (y - y0 - along * dy).powi(2)).sqrt();
    (0.5 + (width / 2.0 - distance) / soft).clamp(0.0, 1.0)
}

/// A line of letters, and often its frame, somewhere across the window.
fn stamp(pixels: &mut [f32], random: &mut Random) {
    let height = random.between(6.5, 17.0);
    let wide = height * random.between(0.5, 0.85);
    let thick = height * if random.chance(0.75) { random.between(0.13, 0.24) } else { random.between(0.06, 0.13) };
    let space = thick + height * random.between(0.08, 0.3);
    let turn = if random.chance(0.35) { random.normal() * 0.01 } else { random.between(-0.27, 0.27) };
    let (sin, cos) = turn.sin_cos();
    // The middle of the letters, over the window's.
    let off = random.between(-1.0, 1.0) * (0.5 * height + 6.0);
    let turned = |x: f32, y: f32| (3.5 + x * cos - y * sin, 4.5 + off + x * sin + y * cos);
    let mut strokes: Vec<[f32; 5]> = Vec::new();
    let mut add = |a: (f32, f32), b: (f32, f32), width: f32| {
        let (a, b) = (turned(a.0, a.1), turned(b.0, b.1));
        strokes.push([a.0, a.1, b.0, b.1, width]);
    };
    let serif = random.chance(0.2);
    let (begin, end) = (-9.0 - random.unit() * (wide + space), 12.0);
    let mut x = begin;
    while x < end {
        if random.chance(0.12) {
            x += wide;
            continue;
        }
        for part in LETTERS[random.below(LETTERS.len())].split(',') {
            let mut last = None;
            for point in part.split(' ') {
                let digit = |i: usize| f32::from(point.as_bytes()[i] - b'0');
                let here = (x + digit(0) / 4.0 * wide, (digit(1) / 6.0 - 0.5) * height);
                if let Some(before) = last {
                    add(before, here, thick);
                }
                if serif && (digit(1) == 0.0 || digit(1) == 6.0) {
                    add((here.0 - 0.18 * wide, here.1), (here.0 + 0.18 * wide, here.1), 0.8 * thick);
                }
                last = Some(here);
            }
        }
        x += wide + space;
    }
    if random.chance(0.75) {
        let (away, rule) = (height / 2.0 + random.between(2.5, 8.0), random.between(0.4, 1.5));
        add((-30.0, -away), (30.0, -away), rule);
        add((-30.0, away), (30.0, away), rule);
        if random.chance(0.25) {
            let side = random.between(-8.0, 8.0);
            add((side, -away), (side, away), rule);
        }
    }
    let ink = if random.chance(0.25) { random.between(0.4, 1.0) } else { 1.0 };
    let worn = if random.chance(0.35) { random.between(0.1, 0.4) } else { 0.0 };
    draw_over(pixels, &strokes, random.between(0.35, 0.9), ink, worn, random);
}

/// A pen that goes up and down, or across.
fn pen(pixels: &mut [f32], random: &mut Random) {
    let width = random.between(0.35, 1.3);
    let mut at = (random.between(-12.0, 10.0), random.between(-14.0, 4.0));
    let mut strokes = Vec::new();
    for _ in 0..1 + random.below(4) {
        let to = (at.0 + random.between(-2.0, 14.0), at.1 + random.normal() * 14.0);
        strokes.push([at.0, at.1, to.0, to.1, width]);
        at = to;
    }
    draw_over(pixels, &strokes, random.between(0.35, 0.9), 1.0, 0.0, random);
}
