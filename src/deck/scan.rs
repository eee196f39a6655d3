//! A sheet through the scanner: pixels by exact coverage, the feeder's skew, the bed around the paper, the sensor's noise.
//! The same seed gives the same pixels.

use super::chance::Chance;
use super::sheet::{Point, Shape, Sheet};
use crate::imaging::Gray;

/// What the scanner does to one piece of paper.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    pub dpi: u32,
    /// Degrees, counter-clockwise positive; small.
    pub skew: f32,
    /// Upside down.
    pub turned: bool,
    /// Gray of the bed, and how much of it is seen around the paper, inches.
    pub bed: u8,
    pub margin: f32,
    /// Standard deviation of the sensor, gray levels.
    pub noise: f32,
    pub seed: u64,
}

/// Pixels of the image that a pass makes of a sheet: width, height.
pub fn size(width: f32, height: f32, dpi: u32, margin: f32) -> (usize, usize) {
    let pixels = |inches: f32| ((inches + 2.0 * margin) * dpi as f32).round() as usize;
    (pixels(width), pixels(height))
}

/// Sine and cosine of a small angle by their series: the same on every machine.
fn turn(degrees: f32) -> (f32, f32) {
    let a = degrees * 0.017_453_292;
    (a * (1.0 - a * a / 6.0), 1.0 - a * a / 2.0 + a * a * a * a / 24.0)
}

/// From inches on the sheet to pixels of the image.
struct Placing {
    sin: f32,
    cos: f32,
    centre: Point,
    middle: Point,
    dpi: f32,
}

impl Placing {
    fn point(&self, p: Point) -> Point {
        let (x, y) = ((p[0] - self.centre[0]) * self.dpi, (p[1] - self.centre[1]) * self.dpi);
        [self.middle[0] + self.cos * x + self.sin * y, self.middle[1] - self.sin * x + self.cos * y]
    }
}

/// Scan in gray.
pub fn gray(sheet: &Sheet, pass: Pass) -> Gray {
    let (width, height) = size(sheet.width, sheet.height, pass.dpi, pass.margin);
    let (sin, cos) = turn(pass.skew);
    let placing = Placing {
        sin,
        cos,
        centre: [sheet.width / 2.0, sheet.height / 2.0],
        middle: [width as f32 / 2.0, height as f32 / 2.0],
        dpi: pass.dpi as f32,
    };
    let mut page = Gray::from_pixels(width, height, vec![pass.bed; width * height]).unwrap_or(Gray::new(width, height));
    let mut sums = Vec::new();
    let (w, h) = (sheet.width, sheet.height);
    let paper: Vec<Point> = [[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]].map(|p| placing.point(p)).to_vec();
    cover(&mut page, &mut sums, &[paper], sheet.paper);
    for mark in &sheet.marks {
        let outlines: Vec<Vec<Point>> = match &mark.shape {
            Shape::Area(outlines) => outlines.iter().map(|o| o.iter().map(|p| placing.point(*p)).collect()).collect(),
            Shape::Stroke { points, width } => {
                let points: Vec<Point> = points.iter().map(|p| placing.point(*p)).collect();
                vec![outline(&points, width * placing.dpi)]
            }
        };
        cover(&mut page, &mut sums, &outlines, mark.ink);
    }
    if pass.turned {
        page.pixels_mut().reverse();
    }
    grain(&mut page, pass);
    page
}

/// The sensor's noise, and a few specks of dust.
fn grain(page: &mut Gray, pass: Pass) {
    let mut chance = Chance::of(pass.seed, "grain", 0);
    // Four dice of 0 to 15 have a standard deviation of 9.22.
    let scale = (pass.noise / 9.22 * 256.0) as i32;
    for group in page.pixels_mut().chunks_mut(4) {
        let mut dice = chance.draw();
        for pixel in group {
            let throw = (dice & 15) + (dice >> 4 & 15) + (dice >> 8 & 15) + (dice >> 12 & 15);
            dice >>= 16;
            *pixel = (i32::from(*pixel) + (((throw as i32 - 30) * scale) >> 8)).clamp(0, 255) as u8;
        }
    }
    let (width, height) = (page.width(), page.height());
    for _ in 0..chance.below(12) {
        let (x, y) = (chance.below(width as u64) as usize, chance.below(height as u64) as usize);
        let ink = chance.between(20, 160) as u8;
        for (dx, dy) in [(0, 0), (1, 0), (0, 1)].into_iter().take(1 + chance.below(3) as usize) {
            page.set(x + dx, y + dy, ink);
        }
    }
}

/// The outline of a stroke: along its left side, round its end, back along its right side.
fn outline(points: &[Point], width: f32) -> Vec<Point> {
    let half = width / 2.0;
    let mut way: Vec<Point> = Vec::with_capacity(points.len());
    for p in points {
        if way.last().is_none_or(|l| (l[0] - p[0]).abs() + (l[1] - p[1]).abs() > 0.02) {
            way.push(*p);
        }
    }
    if way.len() < 2 {
        let [x, y] = points.first().copied().unwrap_or([0.0, 0.0]);
        let d = half * 0.7;
        return vec![
            [x - half, y],
            [x - d, y - d],
            [x, y - half],
            [x + d, y - d],
            [x + half, y],
            [x + d, y + d],
            [x, y + half],
            [x - d, y + d],
        ];
    }
    let mut shape = Vec::with_capacity(way.len() * 3 + 8);
    side(&mut shape, &way, half);
    way.reverse();
    side(&mut shape, &way, half);
    shape
}

/// The left side of a way and the round cap at its end.
fn side(shape: &mut Vec<Point>, way: &[Point], half: f32) {
    let along = |from: Point, to: Point| {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = (dx * dx + dy * dy).sqrt();
        [dx / length, dy / length]
    };
    let mut before: Option<Point> = None;
    for pair in way.windows(2) {
        let d = along(pair[0], pair[1]);
        let n = [d[1] * half, -d[0] * half];
        if let Some(b) = before {
            let p = pair[0];
            let straight = b[0] * d[0] + b[1] * d[1];
            if straight > 0.85 {
                // A gentle bend: one point where both sides meet.
                let s = half / (1.0 + straight);
                shape.push([p[0] + (b[1] + d[1]) * s, p[1] - (b[0] + d[0]) * s]);
            } else {
                let turns_left = b[0] * d[1] - b[1] * d[0] < 0.0;
                shape.push([p[0] + b[1] * half, p[1] - b[0] * half]);
                if turns_left {
                    shape.push(p);
                } else {
                    let (mx, my) = (b[1] + d[1], -(b[0] + d[0]));
                    let m = (mx * mx + my * my).sqrt().max(0.05);
                    shape.push([p[0] + mx / m * half, p[1] + my / m * half]);
                }
                shape.push([p[0] + n[0], p[1] + n[1]]);
            }
        } else {
            shape.push([pair[0][0] + n[0], pair[0][1] + n[1]]);
        }
        before = Some(d);
    }
    if let (Some(d), Some(end)) = (before, way.last()) {
        let n = [d[1], -d[0]];
        shape.push([end[0] + n[0] * half, end[1] + n[1] * half]);
        for (a, b) in [(0.7, 0.7), (1.0, 0.0), (0.7, -0.7)] {
            shape.push([end[0] + (d[0] * a + n[0] * b) * half, end[1] + (d[1] * a + n[1] * b) * half]);
        }
    }
}

/// Ink the inside of the outlines, by the exact share of each pixel they cover.
fn cover(page: &mut Gray, sums: &mut Vec<f32>, outlines: &[Vec<Point>], ink: u8) {
    let (mut left, mut top, mut right, mut foot) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    for [x, y] in outlines.iter().flatten() {
        (left, top, right, foot) = (left.min(*x), top.min(*y), right.max(*x), foot.max(*y));
    }
    let x0 = left.floor().max(0.0) as usize;
    let y0 = top.floor().max(0.0) as usize;
    let x1 = (right.ceil().max(0.0) as usize).min(page.width());
    let y1 = (foot.ceil().max(0.0) as usize).min(page.height());
    if x0 >= x1 || y0 >= y1 {
        return;
    }
    let (width, height) = (x1 - x0, y1 - y0);
    let stride = width + 2;
    sums.clear();
    sums.resize(stride * height, 0.0);
    for outline in outlines {
        for n in 0..outline.len() {
            let (p, q) = (outline[n], outline[(n + 1) % outline.len()]);
            let place = |p: Point| [p[0] - x0 as f32, p[1] - y0 as f32];
            edge(sums, stride, width, height, place(p), place(q));
        }
    }
    let page_width = page.width();
    for y in 0..height {
        let row = &sums[y * stride..y * stride + width];
        let start = (y0 + y) * page_width + x0;
        let pixels = &mut page.pixels_mut()[start..start + width];
        let mut sum = 0.0f32;
        for (pixel, change) in pixels.iter_mut().zip(row) {
            sum += change;
            let share = (sum.abs().min(1.0) * 256.0) as i32;
            if share > 0 {
                let paper = i32::from(*pixel);
                *pixel = (paper + (((i32::from(ink) - paper) * share) >> 8)) as u8;
            }
        }
    }
}

/// Add one edge of an outline: for each pixel it crosses, how much of the rest of the row lies to its right.
fn edge(sums: &mut [f32], stride: usize, width: usize, height: usize, p: Point, q: Point) {
    let (sign, p, q) = if p[1] < q[1] { (1.0, p, q) } else { (-1.0, q, p) };
    let rise = q[1] - p[1];
    if rise < 1e-6 {
        return;
    }
    let slope = (q[0] - p[0]) / rise;
    let last = (q[1].ceil() as usize).min(height);
    for y in p[1].max(0.0) as usize..last {
        let (a, b) = (p[1].max(y as f32), q[1].min(y as f32 + 1.0));
        if b <= a {
            continue;
        }
        let limit = width as f32;
        let mut from = (p[0] + (a - p[1]) * slope).clamp(0.0, limit);
        let mut to = (p[0] + (b - p[1]) * slope).clamp(0.0, limit);
        if from > to {
            std::mem::swap(&mut from, &mut to);
        }
        let row = &mut sums[y * stride..(y + 1) * stride];
        let whole = (b - a) * sign;
        let per = if to - from > 1e-6 { whole / (to - from) } else { 0.0 };
        let mut x = from;
        loop {
            let column = x as usize;
            let next = to.min(column as f32 + 1.0);
            let part = if per == 0.0 || (column as f32 + 1.0 >= to && x == from) { whole } else { per * (next - x) };
            let right = 1.0 - ((x + next) / 2.0 - column as f32);
            row[column] += part * right;
            row[column + 1] += part * (1.0 - right);
            x = next;
            if x >= to || column + 1 >= width {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink_of(page: &Gray) -> f32 {
        page.pixels().iter().map(|p| f32::from(255 - *p) / 255.0).sum()
    }

    fn still() -> Pass {
        Pass { dpi: 100, skew: 0.0, turned: false, bed: 255, margin: 0.0, noise: 0.0, seed: 1 }
    }

    /// The ink of a shape is its area, wherever it lies and however the paper is turned.
    #[test]
    fn coverage_is_the_area() {
        for (x, y, w, h, skew) in
            [(0.2, 0.3, 0.5, 0.25, 0.0), (0.213, 0.307, 0.5, 0.25, 0.0), (0.213, 0.307, 0.013, 0.25, 0.8)]
        {
            let mut sheet = Sheet::new(1.0, 1.0, 255);
            sheet.block(x, y, w, h, 0);
            let mut page = Gray::new(100, 100);
            let (sin, cos) = turn(skew);
            let placing = Placing { sin, cos, centre: [0.5, 0.5], middle: [50.0, 50.0], dpi: 100.0 };
            let Shape::Area(o) = &sheet.marks[0].shape else { panic!("an area") };
            let o: Vec<Point> = o[0].iter().map(|p| placing.point(*p)).collect();
            cover(&mut page, &mut Vec::new(), &[o], 0);
            let want = w * h * 10_000.0;
            assert!((ink_of(&page) - want).abs() < want * 0.02 + 0.5, "{} for {want}", ink_of(&page));
        }
    }

    #[test]
    fn a_stroke_has_its_width_all_along() {
        let mut page = Gray::new(100, 100);
        let way = [[20.0, 30.0], [70.0, 30.0], [70.0, 80.0]];
        cover(&mut page, &mut Vec::new(), &[outline(&way, 4.0)], 0);
        let want = 100.0 * 4.0 + 12.0;
        assert!((ink_of(&page) - want).abs() < 8.0, "{} for {want}", ink_of(&page));
    }

    #[test]
    fn upside_down_is_the_same_page_reversed() {
        let mut sheet = Sheet::new(1.0, 0.5, 240);
        sheet.block(0.1, 0.1, 0.3, 0.1, 0);
        let mut seen = gray(&sheet, Pass { turned: true, ..still() });
        seen.pixels_mut().reverse();
        let upright = gray(&sheet, still());
        let differ = seen.pixels().iter().zip(upright.pixels()).filter(|(a, b)| a != b).count();
        assert!(differ < 60, "only dust differs: {differ}");
    }
}
