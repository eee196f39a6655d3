//! Draws training glyphs: a character of a line with its neighbours, printed badly, scanned badly and cut out badly, through
//! the very strip that the reader uses.

use remit::decode::micr::strip::{COLUMNS, Geometry, Ink, Strip};
use remit::imaging::{Bits, Gray, Transform, Upright};

use super::glyphs::{Fields, Placed, false_print, mark};
use crate::random::Random;

pub const NOT_A_GLYPH: usize = 14;
/// Character pitch in units.
const PITCH: f32 = 9.615;

/// A training glyph: window pixels and class.
pub fn glyph(fields: &Fields, random: &mut Random) -> (Vec<f32>, usize) {
    let mut scene = Scene::new(random);
    let class = if random.chance(0.7) { random.below(14) } else { NOT_A_GLYPH };
    // Where the window's right edge stands against the drawn glyph's, in units.
    let mut shift = random.normal() * 0.22;
    let mut down = random.normal() * 0.35;
    if class < NOT_A_GLYPH {
        scene.line(class, random);
        if random.chance(0.08) {
            // The edge of a crop: a symbol lives with half of it gone, a digit with a stroke gone.
            let keep = if class >= 10 { random.between(0.35, 1.0) } else { random.between(0.65, 1.0) };
            scene.cut = if random.chance(0.5) { (7.0 * (1.0 - keep), 99.0) } else { (-99.0, 7.0 * keep) };
        }
    } else {
        match random.below(20) {
            0..=8 => {
                scene.line(random.below(14), random);
                shift = if random.chance(0.35) { random.between(-8.4, -1.4) } else { random.between(1.4, 8.4) };
                if random.chance(0.3) {
                    // Half a glyph off at least, but near: what a wrong stroke's edge gives.
                    shift = random.between(1.4, 3.0) * if random.chance(0.5) { 1.0 } else { -1.0 };
                }
            }
            9 => {
                // What the edge of a picture leaves of a glyph.
                let class = random.below(14);
                scene.line(class, random);
                let keep = random.between(0.0, if class >= 10 { 0.22 } else { 0.45 });
                scene.cut = if random.chance(0.5) { (7.0 * (1.0 - keep), 99.0) } else { (-99.0, 7.0 * keep) };
                scene.glyphs.retain(|g| g.x.abs() < 1.0);
            }
            10 => {
                // Nothing, or the edge of the paper on a dark bed.
                if random.chance(0.6) {
                    let out = random.between(-4.0, 12.0);
                    let (dx, dy) = if random.chance(0.7) { (0.0, 1.0) } else { (1.0, random.normal() * 0.1) };
                    let thick = random.between(1.0, 12.0);
                    let (x, y) = if dx == 0.0 { (out, 4.5) } else { (3.5, out) };
                    let tilt = random.normal();
                    scene.strokes.push([
                        x - 30.0 * dx + tilt,
                        y - 30.0 * dy,
                        x + 30.0 * dx - tilt,
                        y + 30.0 * dy,
                        thick,
                    ]);
                }
            }
            11 if random.chance(0.8) => scene.strokes.extend(mark(random)),
            11..=14 => {
                scene.strokes.extend(false_print(random));
                if random.chance(0.7) {
                    scene
                        .strokes
                        .extend(false_print(random).iter().map(|s| [s[0] - PITCH, s[1], s[2] - PITCH, s[3], s[4]]));
                }
                if random.chance(0.7) {
                    scene
                        .strokes
                        .extend(false_print(random).iter().map(|s| [s[0] + PITCH, s[1], s[2] + PITCH, s[3], s[4]]));
                }
            }
            15..=16 => {
                scene.line([1, 3, 4, 6, 7, 9, 10, 12][random.below(8)], random);
                let mirrored = random.chance(0.5);
                for glyph in &mut scene.glyphs {
                    (glyph.mirrored, glyph.upside_down) = (mirrored, !mirrored);
                }
                // Turned, the widths stand on the other side.
                shift = random.between(-1.0, 0.5);
            }
            17 => {
                scene.line(random.below(14), random);
                let size = if random.chance(0.5) { random.between(0.45, 0.68) } else { random.between(1.5, 2.2) };
                for glyph in &mut scene.glyphs {
                    glyph.wider *= size;
                    glyph.higher *= size;
                }
            }
            _ => {
                // A dash may hang anywhere beside the digits; all else has its height.
                scene.line(random.below(13), random);
                down = random.between(2.2, 9.0) * if random.chance(0.5) { 1.0 } else { -1.0 };
            }
        }
    }
    scene.spoil(random);
    (scene.scan(fields, shift, down, random), class)
}

struct Scene {
    glyphs: Vec<Placed>,
    /// From, to and width, in units.
    strokes: Vec<[f32; 5]>,
    /// Pixels a unit.
    sx: f32,
    sy: f32,
    /// Ink density from which the scanner says ink.
    threshold: f32,
    /// Uneven ink: slow and pixel-wise noise.
    slow: f32,
    fast: f32,
    specks: usize,
    gray: bool,
    /// White left of and right of these, in units.
    cut: (f32, f32),
    /// Bands where the ink has not taken: upright?, middle, half width (units), depth.
    fades: Vec<(bool, f32, f32, f32)>,
}

impl Scene {
    fn new(random: &mut Random) -> Scene {
        let sy = random.between(1.9, 4.3);
        let hard = random.chance(0.35);
        Scene {
            glyphs: Vec::new(),
            strokes: Vec::new(),
            sx: sy * random.between(0.84, 1.08),
            sy,
            threshold: if hard { random.between(0.14, 0.66) } else { random.between(0.34, 0.55) },
            slow: if hard { random.between(0.0, 0.4) } else { random.between(0.0, 0.1) },
            fast: if hard { random.between(0.0, 0.25) } else { random.between(0.0, 0.08) },
            specks: if random.chance(0.15) { random.below(12) } else { 0 },
            gray: random.chance(0.4),
            cut: (-99.0, 99.0),
            fades: Vec::new(),
        }
    }

    /// The glyph in the middle cell and neighbours at about the pitch.
    fn line(&mut self, class: usize, random: &mut Random) {
        let blur = random.below(3);
        // Fonts hang the dash and the on-us symbol as they like.
        let dash = if random.chance(0.55) { random.normal() * 0.5 } else { random.between(-2.75, 2.65) };
        let on_us = if random.chance(0.6) { random.normal() * 0.4 } else { random.between(-0.8, 1.8) };
        // Fonts of even spacing keep the pitch, others do not.
        let uneven = if random.chance(0.8) { 0.03 } else { 0.12 };
        let (wider, higher) = (1.0 + random.normal() * 0.04, 1.0 + random.normal() * 0.03);
        let lean = random.normal() * 0.02;
        for place in -1..=1 {
            if place != 0 && random.chance(0.15) {
                continue;
            }
            let class = if place == 0 { class } else { random.below(14) };
            // Pitch of real prints runs from 0.9 of the nominal, and single characters stand off their place.
            let pitch = PITCH * (1.0 + random.normal() * uneven).max(0.88);
            self.glyphs.push(Placed {
                class,
                blur,
                x: place as f32 * pitch,
                y: if place == 0 { 0.0 } else { random.normal() * 0.2 },
                wider,
                higher,
                lean,
                drop: [on_us, dash].get(class.wrapping_sub(12)).copied().unwrap_or(0.0),
                mirrored: false,
                upside_down: false,
            });
        }
    }

    /// Pen strokes, ruled lines and stamps across.
    fn spoil(&mut self, random: &mut Random) {
        if random.chance(0.16) {
            for _ in 0..1 + random.below(2) {
                let (x, y) = (random.between(-3.0, 9.0), random.between(-1.0, 10.0));
                let (dx, dy) = (random.normal() * 8.0, random.normal() * 8.0);
                self.strokes.push([x - dx, y - dy, x + dx, y + dy, random.between(0.3, 1.1)]);
            }
        }
        if random.chance(0.15) {
            for _ in 0..1 + random.below(2) {
                let upright = random.chance(0.6);
                let middle = if upright { random.between(-1.0, 8.0) } else { random.between(-1.0, 10.0) };
                self.fades.push((upright, middle, random.between(0.5, 3.0), random.between(0.2, 0.7)));
            }
        }
        if random.chance(0.05) {
            let y = if random.chance(0.5) { random.between(-2.0, 0.0) } else { random.between(9.0, 11.0) };
            self.strokes.push([-20.0, y, 20.0, y + random.normal() * 0.3, random.between(0.3, 0.8)]);
        }
    }

    fn scan(&self, fields: &Fields, shift: f32, down: f32, random: &mut Random) -> Vec<f32> {
        // Units left and above the middle cell that the picture shows.
        let (left, top) = (13.0, 5.0);
        let (width, height) = ((34.0 * self.sx) as usize, (19.0 * self.sy) as usize);
        let slow: Vec<f32> = (0..36 * 20).map(|_| random.normal() * self.slow).collect();
        let contrast = random.between(1.2, 4.0);
        let (mut bits, mut gray) = (Bits::new(width, height), Gray::new(width, height));
        let paper = random.between(150.0, 255.0);
        let black = random.between(0.0, 60.0);
        for py in 0..height {
            for px in 0..width {
                let (x, y) = ((px as f32 + 0.5) / self.sx - left, (py as f32 + 0.5) / self.sy - top);
                // The window sees no more than this.
                if !(shift - 4.5..=shift + 11.5).contains(&x) || !(down - 4.0..=down + 13.0).contains(&y) {
                    continue;
                }
                let print = self.glyphs.iter().map(|g| fields.at(g, x, y)).fold(0.0, f32::max);
                let pen = self.strokes.iter().map(|s| stroke(s, x, y)).fold(0.0, f32::max);
                let (nx, ny) = (x + left, y + top);
                let at = |i: usize, j: usize| slow[j.min(19) * 36 + i.min(35)];
                let (i, j) = (nx as usize, ny as usize);
                let (fx, fy) = (nx.fract(), ny.fract());
                let uneven = (at(i, j) * (1.0 - fx) + at(i + 1, j) * fx) * (1.0 - fy)
                    + (at(i, j + 1) * (1.0 - fx) + at(i + 1, j + 1) * fx) * fy;
                // Clean paper stays clean: noise moves edges and makes voids, specks come apart.
                let noise = (uneven + (random.unit() - 0.5) * 2.0 * self.fast) * if print > 0.05 { 1.0 } else { 0.3 };
                let faded: f32 = self
                    .fades
                    .iter()
                    .map(|&(upright, middle, half, depth)| {
                        let off = (if upright { x } else { y } - middle) / half;
                        1.0 - depth * (-off * off).exp()
                    })
                    .product();
                let mut ink = (print * faded + noise).max(pen);
                if x < self.cut.0 || x > self.cut.1 {
                    ink = 0.0;
                }
                bits.set(px, py, ink > self.threshold);
                let level = ((ink - self.threshold) * contrast + 0.5).clamp(0.0, 1.0);
                gray.set(px, py, (paper + (black - paper) * level) as u8);
            }
        }
        for _ in 0..self.specks {
            let (x, y) = (random.below(width), random.below(height));
            for (dx, dy) in [(0, 0), (1, 0), (0, 1)].into_iter().take(1 + random.below(3)) {
                bits.set(x + dx, y + dy, true);
                gray.set(x + dx, y + dy, black as u8);
            }
        }
        let page = Upright { bits, gray: self.gray.then_some(gray), dpi: 200, transform: Transform::IDENTITY };
        let (sx, sy) = (self.sx * (1.0 + random.normal() * 0.065), self.sy * (1.0 + random.normal() * 0.03));
        let right = (left + 7.0 + shift) * self.sx;
        let geometry = Geometry {
            x0: right - 10.0 * sx,
            y0: (top + 4.5 + down) * self.sy - 4.5 * sy,
            slope: random.normal() * 0.012,
            sx,
            sy,
            length: 13.0,
            knots: Vec::new(),
        };
        let ink = Ink::of(&page, std::slice::from_ref(&geometry));
        let mut pixels = Vec::new();
        Strip::new(&ink, &geometry).window(10 * COLUMNS as isize, 0, &mut pixels);
        pixels
    }
}

/// Ink density of a stroke with round ends.
fn stroke(&[x0, y0, x1, y1, width]: &[f32; 5], x: f32, y: f32) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
    let distance = ((x - x0 - along * dx).powi(2) + (y - y0 - along * dy).powi(2)).sqrt();
    (0.5 + (width / 2.0 - distance) / 0.8).clamp(0.0, 1.0)
}
