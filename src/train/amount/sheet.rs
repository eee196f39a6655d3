//! Fields to measure by, drawn by another hand than those to learn from: the writers of the test set, other fonts, ink laid
//! down at three times the scanner's resolution and brought down by area, paper with grain, a scanner's threshold by Otsu.

use remit::decode::amount::strip::Bounds;
use remit::domain::{Cents, PixelBox};
use remit::imaging::raster::{Bits, Gray};
use remit::imaging::{self, Transform, Upright};

use super::hands::{Face, Writer};
use crate::random::Random;

/// Sub-pixels each way.
const FINE: usize = 3;

pub struct Drawn {
    pub page: Upright,
    pub bounds: Bounds,
    pub truth: Cents,
    pub is_printed: bool,
    pub is_bitonal: bool,
}

struct Sheet {
    width: usize,
    height: usize,
    /// 0 paper, 255 full ink, at the fine resolution.
    ink: Vec<u8>,
}

impl Sheet {
    fn dot(&mut self, x: f32, y: f32, radius: f32, ink: u8) {
        let (x0, x1) =
            ((x - radius).floor().max(0.0) as usize, ((x + radius).ceil().max(0.0) as usize).min(self.width));
        let (y0, y1) =
            ((y - radius).floor().max(0.0) as usize, ((y + radius).ceil().max(0.0) as usize).min(self.height));
        for py in y0..y1 {
            for px in x0..x1 {
                let (dx, dy) = (px as f32 + 0.5 - x, py as f32 + 0.5 - y);
                if dx * dx + dy * dy <= radius * radius {
                    let p = &mut self.ink[py * self.width + px];
                    *p = (*p).max(ink);
                }
            }
        }
    }

    /// A pen moved from one point to the other, pressing more or less.
    fn line(&mut self, a: [f32; 2], b: [f32; 2], radius: f32, ink: u8) {
        let length = ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt();
        let steps = (length / (radius * 0.6).max(0.5)).ceil() as usize + 1;
        for i in 0..=steps {
            let t = i as f32 / steps as f32;
            self.dot(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, radius * (0.92 + 0.08 * (t * 9.0).sin()), ink);
        }
    }

    /// A picture of a character with its left top at `x`, `y`, scaled and sheared; `level` is where its edge lies.
    #[allow(clippy::too_many_arguments)]
    fn stamp(
        &mut self,
        face: &super::canvas::Picture,
        x: f32,
        y: f32,
        scale: [f32; 2],
        shear: f32,
        level: f32,
        ink: u8,
    ) {
        let (w, h) = (face.width as f32 * scale[0], face.height as f32 * scale[1]);
        let lean = (shear * h).abs();
        for py in y.max(0.0) as usize..((y + h).max(0.0) as usize + 1).min(self.height) {
            for px in (x - lean).max(0.0) as usize..((x + w + lean).max(0.0) as usize + 1).min(self.width) {
                let v = (py as f32 - y) / scale[1];
                let u = (px as f32 - x - shear * (y + h - py as f32)) / scale[0];
                let (iu, iv) = ((u - 0.5).floor(), (v - 0.5).floor());
                let (fu, fv) = (u - 0.5 - iu, v - 0.5 - iv);
                let at = |i: f32, j: f32| {
                    let inside = i >= 0.0 && j >= 0.0 && i < face.width as f32 && j < face.height as f32;
                    if inside { face.ink[j as usize * face.width + i as usize] } else { 0.0 }
                };
                let value = at(iu, iv) * (1.0 - fu) * (1.0 - fv)
                    + at(iu + 1.0, iv) * fu * (1.0 - fv)
                    + at(iu, iv + 1.0) * (1.0 - fu) * fv
                    + at(iu + 1.0, iv + 1.0) * fu * fv;
                if value > level {
                    let p = &mut self.ink[py * self.width + px];
                    *p = (*p).max(ink);
                }
            }
        }
    }
}

/// Field number `n`.
pub fn draw(writers: &[Writer], faces: &[Face], seed: u64, n: u64) -> Drawn {
    let r = &mut Random::stream(seed, n);
    let is_printed = n.is_multiple_of(5);
    let is_bitonal = n.is_multiple_of(2);
    let dpi = if is_bitonal { 200 } else { [200, 240, 300][r.below(3)] };
    let unit = dpi as f32 * FINE as f32;
    let dollars = match r.below(10) {
        0 => 1 + r.below(20) as i64,
        1..8 => 20 + r.below(480) as i64,
        8 => 500 + r.below(1500) as i64,
        _ => 2000 + r.below(18_000) as i64,
    };
    let cents = if r.chance(0.1) { 0 } else { r.below(100) as i64 };
    let truth = Cents::new(dollars * 100 + cents);
    let (w, h) = (r.between(0.95, 1.55), r.between(0.22, 0.34));
    let edge = 0.18;
    let mut sheet = Sheet {
        width: ((w + 2.0 * edge) * unit) as usize,
        height: ((h + 2.0 * edge) * unit) as usize,
        ink: Vec::new(),
    };
    sheet.ink = vec![0; sheet.width * sheet.height];
    let rule = unit * r.between(0.003, 0.007);
    let frame = [edge * unit, edge * unit, (edge + w) * unit, (edge + h) * unit];
    let boxed = r.chance(0.8);
    let tone = r.between(120.0, 255.0) as u8;
    let foot_rule = [[frame[0] - if boxed { 0.0 } else { 0.1 * unit }, frame[3]], [frame[2], frame[3]]];
    sheet.line(foot_rule[0], foot_rule[1], rule, tone);
    if boxed {
        sheet.line([frame[0], frame[1]], [frame[2], frame[1]], rule, tone);
        sheet.line([frame[0], frame[1]], [frame[0], frame[3]], rule, tone);
        sheet.line([frame[2], frame[1]], [frame[2], frame[3]], rule, tone);
    }
    if is_printed {
        print(&mut sheet, &faces[r.below(faces.len())], frame, unit, dollars, cents, r);
    } else {
        write(&mut sheet, &writers[r.below(writers.len())], frame, unit, dollars, cents, r);
    }
    let (bits, gray) = scan(&sheet, dpi, is_bitonal, r);
    let off = |r: &mut Random| r.below(3) as i32 - 1;
    let field = PixelBox {
        x: (edge * dpi as f32) as i32 + off(r),
        y: (edge * dpi as f32) as i32 + off(r),
        w: (w * dpi as f32) as i32 + off(r),
        h: (h * dpi as f32) as i32 + off(r),
    };
    let page = Upright { bits, gray, dpi, transform: Transform::IDENTITY };
    Drawn { page, bounds: Bounds { field, boxed }, truth, is_printed, is_bitonal }
}

fn print(sheet: &mut Sheet, face: &Face, frame: [f32; 4], unit: f32, dollars: i64, cents: i64, r: &mut Random) {
    let thousands =
        if dollars >= 1000 { format!("{},{:03}", dollars / 1000, dollars % 1000) } else { dollars.to_string() };
    let number = format!("{thousands}.{cents:02}");
    let text = match r.below(6) {
        0 => number,
        1 => format!("${number}"),
        2 => format!("**{number}"),
        3 => format!("****{number}"),
        4 => format!("*{number}*"),
        _ => format!("$*{number}"),
    };
    let advance = |c: char| face.pictures.get(&c).map_or(0.0, |p| p.advance / (p.bottom - p.top));
    let natural: f32 = text.chars().map(advance).sum();
    let size = (r.between(0.09, 0.13) * unit).min((frame[2] - frame[0]) * 0.92 / natural);
    let room = frame[2] - frame[0] - natural * size;
    let mut x = frame[0] + room * r.between(0.2, 0.95);
    let foot = frame[3] - (frame[3] - frame[1] - size) * r.between(0.3, 0.6);
    for c in text.chars() {
        let Some(p) = face.pictures.get(&c) else { continue };
        let scale = size / (p.bottom - p.top);
        sheet.stamp(p, x + p.left * scale, foot - p.bottom * scale, [scale, scale], 0.0, r.between(0.4, 0.6), 245);
        x += p.advance * scale;
    }
}

fn write(sheet: &mut Sheet, writer: &Writer, frame: [f32; 4], unit: f32, dollars: i64, cents: i64, r: &mut Random) {
    let size = r.between(0.11, 0.2).min((frame[3] - frame[1]) / unit * 0.95) * unit;
    let (shear, level) = (r.normal() * 0.1, r.between(0.35, 0.6));
    let (wide, gap) = (r.between(0.75, 1.1), size * r.between(0.02, 0.2));
    let pen = size * r.between(0.035, 0.07);
    let ink = r.between(150.0, 255.0) as u8;
    let form = r.below(8);
    let head = dollars.to_string();
    let tail = format!("{cents:02}");
    let small = r.between(0.5, 0.75);
    let guess = |n: usize, s: f32| n as f32 * (size * s * wide * 0.62 + gap);
    let needed = guess(head.len(), 1.0)
        + guess(2, if form >= 3 { small } else { 1.0 })
        + size * if form >= 5 { 1.3 } else { 0.5 };
    let fit = ((frame[2] - frame[0]) * 0.96 / needed).min(1.0);
    let (wide, gap) = (wide * fit, gap * fit);
    let mut x = frame[0] + ((frame[2] - frame[0]) - needed * fit).max(0.0) * r.between(0.1, 0.7) + unit * 0.02;
    let foot = frame[3] - (frame[3] - frame[1] - size) * r.between(0.2, 0.7);
    let digits = |sheet: &mut Sheet, text: &str, x: &mut f32, foot: f32, size: f32, r: &mut Random| {
        for c in text.bytes() {
            let own = &writer.digits[usize::from(c - b'0')];
            // A writer of whom one digit is missing writes it with straight strokes.
            let tall = size * r.between(0.9, 1.08);
            let y = foot - tall + r.normal() * size * 0.03;
            match own.get(r.below(own.len())) {
                Some(p) => {
                    let scale = tall / p.height as f32;
                    sheet.stamp(p, *x, y, [scale * wide, scale], shear, level, ink);
                    *x += p.width as f32 * scale * wide + gap * r.between(0.6, 1.4);
                }
                None => {
                    let marks: &[[f32; 2]] = match c {
                        b'1' => &[[0.1, 0.0], [0.1, 1.0]],
                        b'7' => &[[0.0, 0.0], [0.5, 0.0], [0.2, 1.0]],
                        b'4' => &[[0.1, 0.0], [0.0, 0.6], [0.5, 0.6], [0.4, 0.6], [0.4, 0.0], [0.4, 1.0]],
                        b'0' => {
                            &[[0.25, 0.0], [0.0, 0.3], [0.0, 0.7], [0.25, 1.0], [0.5, 0.7], [0.5, 0.3], [0.25, 0.0]]
                        }
                        b'2' => &[[0.0, 0.2], [0.25, 0.0], [0.5, 0.25], [0.0, 1.0], [0.5, 1.0]],
                        b'3' => {
                            &[[0.0, 0.1], [0.4, 0.0], [0.45, 0.3], [0.2, 0.45], [0.5, 0.65], [0.4, 1.0], [0.0, 0.9]]
                        }
                        b'5' => {
                            &[[0.5, 0.0], [0.1, 0.0], [0.05, 0.4], [0.4, 0.45], [0.5, 0.75], [0.3, 1.0], [0.0, 0.9]]
                        }
                        b'6' => {
                            &[[0.4, 0.0], [0.1, 0.4], [0.0, 0.8], [0.25, 1.0], [0.5, 0.8], [0.3, 0.55], [0.05, 0.7]]
                        }
                        b'8' => {
                            &[[0.45, 0.1], [0.2, 0.0], [0.05, 0.2], [0.45, 0.75], [0.25, 1.0], [0.05, 0.8], [0.45, 0.1]]
                        }
                        _ => &[[0.45, 0.2], [0.2, 0.0], [0.0, 0.25], [0.2, 0.45], [0.45, 0.2], [0.4, 1.0]],
                    };
                    for pair in marks.windows(2) {
                        let at = |p: [f32; 2]| [*x + p[0] * size * wide, y + p[1] * tall];
                        sheet.line(at(pair[0]), at(pair[1]), pen, ink);
                    }
                    *x += 0.55 * size * wide + gap;
                }
            }
        }
    };
    if r.chance(0.08) {
        // A `$` by hand.
        let at = |p: [f32; 2]| [x + p[0] * size, foot - size + p[1] * size];
        let bends = [[0.4, 0.15], [0.2, 0.05], [0.05, 0.25], [0.4, 0.7], [0.25, 0.95], [0.0, 0.85]];
        for pair in bends.windows(2) {
            sheet.line(at(pair[0]), at(pair[1]), pen, ink);
        }
        sheet.line(at([0.22, -0.1]), at([0.22, 1.1]), pen, ink);
        x += size * 0.55;
    }
    digits(sheet, &head, &mut x, foot, size, r);
    match form {
        0..3 => {
            // A point, sometimes drawn out.
            let y = foot - pen * r.between(0.5, 2.0);
            sheet.line(
                [x + pen, y],
                [x + pen + r.between(0.0, pen * 1.5), y + r.between(0.0, pen * 2.0)],
                pen * 1.2,
                ink,
            );
            x += pen * 4.0 + gap;
            digits(sheet, &tail, &mut x, foot, size, r);
        }
        3..5 => {
            if form == 4 {
                sheet.dot(x + pen, foot - pen, pen * 1.3, ink);
                x += pen * 3.5;
            }
            x += size * 0.1;
            let (from, raised) = (x, foot - size * r.between(0.3, 0.5));
            digits(sheet, &tail, &mut x, raised, size * small, r);
            if r.chance(0.7) {
                let y = raised + size * 0.1;
                sheet.line([from - pen, y], [x, y - size * r.between(-0.04, 0.06)], pen, ink);
            }
        }
        _ => {
            let raised = foot - size * r.between(0.3, 0.45);
            let zero = cents == 0 && form == 7;
            x += size * 0.12;
            if zero {
                for _ in 0..2 {
                    let s = size * 0.35;
                    sheet.line([x, raised - s], [x + s, raised], pen, ink);
                    sheet.line([x + s, raised - s], [x, raised], pen, ink);
                    x += s * 1.3;
                }
            } else {
                digits(sheet, &tail, &mut x, raised, size * small, r);
            }
            sheet.line([x + size * 0.3, foot - size * 0.95], [x, foot + size * 0.08], pen, ink);
            x += size * 0.2;
            let below = size * r.between(0.35, 0.45);
            if form == 5 {
                let mut bar = |x: f32| sheet.line([x, foot - below], [x, foot], pen, ink);
                bar(x);
                x += size * 0.12;
            }
            digits(sheet, "00", &mut x, foot, below, r);
        }
    }
}

fn scan(sheet: &Sheet, dpi: u32, is_bitonal: bool, r: &mut Random) -> (Bits, Option<Gray>) {
    let (width, height) = (sheet.width / FINE, sheet.height / FINE);
    let (paper, black) = (r.between(185.0, 250.0), r.between(15.0, 80.0));
    let (grain, wave) = (r.between(1.0, 7.0), if is_bitonal { 0.0 } else { r.between(0.0, 22.0) });
    let (kx, ky) = (r.between(0.05, 0.5) * 200.0 / dpi as f32, r.between(0.1, 0.6) * 200.0 / dpi as f32);
    let mut gray = Gray::new(width, height);
    let mut histogram = [0u32; 256];
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0u32;
            // The lens takes a little of the neighbours.
            for dy in 0..FINE + 1 {
                for dx in 0..FINE + 1 {
                    let (sx, sy) = ((x * FINE + dx).min(sheet.width - 1), (y * FINE + dy).min(sheet.height - 1));
                    sum += u32::from(sheet.ink[sy * sheet.width + sx]);
                }
            }
            let ink = sum as f32 / (255 * (FINE + 1) * (FINE + 1)) as f32;
            let ground = paper - wave * (0.5 + 0.5 * ((x as f32 * kx).sin() * (y as f32 * ky).cos()));
            let level = (ground * (1.0 - ink) + black * ink + r.normal() * grain).clamp(0.0, 255.0) as u8;
            histogram[usize::from(level)] += 1;
            gray.set(x, y, level);
        }
    }
    if is_bitonal {
        let limit = otsu(&histogram);
        return (imaging::convert::threshold(&gray, limit), None);
    }
    (imaging::binarize(&gray), Some(gray))
}

/// The level that parts the histogram best.
fn otsu(histogram: &[u32; 256]) -> u8 {
    let all: f64 = histogram.iter().map(|&n| f64::from(n)).sum();
    let mass: f64 = histogram.iter().enumerate().map(|(i, &n)| i as f64 * f64::from(n)).sum();
    let (mut below, mut mass_below, mut best, mut at) = (0.0, 0.0, -1.0, 128);
    for (i, &n) in histogram.iter().enumerate() {
        below += f64::from(n);
        mass_below += i as f64 * f64::from(n);
        if below == 0.0 || below == all {
            continue;
        }
        let (low, high) = (mass_below / below, (mass - mass_below) / (all - below));
        let between = below * (all - below) * (low - high) * (low - high);
        if between > best {
            (best, at) = (between, i + 1);
        }
    }
    at.clamp(1, 254) as u8
}
