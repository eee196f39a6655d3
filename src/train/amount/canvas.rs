//! A drawn field before it is scanned: ink per pixel, strokes of a pen, pictures of characters laid on it.

/// Ink 0 to 1, row by row.
#[derive(Clone)]
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub ink: Vec<f32>,
}

/// A character as a picture: ink 0 to 1. `top` and `bottom` are where a digit's top and foot lie in it (pixels).
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub ink: Vec<f32>,
    pub top: f32,
    pub bottom: f32,
    /// From this character's left side to the next one's, in pixels.
    pub advance: f32,
    /// Left side of its ink.
    pub left: f32,
}

/// How a picture is laid: its place, size and slant.
#[derive(Clone, Copy)]
pub struct Place {
    /// Left side of the picture's advance and the digits' foot, in pixels of the canvas.
    pub x: f32,
    pub foot: f32,
    /// Height of a digit in pixels.
    pub size: f32,
    pub stretch: f32,
    pub slant: f32,
    pub turn: f32,
    pub dark: f32,
    /// Where between paper and ink the pen's edge is cut (0.5 leaves the stroke as it is), and how hard.
    pub edge: f32,
    pub hard: f32,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, ink: vec![0.0; width * height] }
    }

    fn ink_at_least(&mut self, x: usize, y: usize, ink: f32) {
        let pixel = &mut self.ink[y * self.width + x];
        *pixel = pixel.max(ink);
    }

    /// A round pen drawn along the points.
    pub fn stroke(&mut self, points: &[(f32, f32)], half: f32, dark: f32) {
        for pair in points.windows(2) {
            self.segment(pair[0], pair[1], half, dark);
        }
        if let [only] = points {
            self.segment(*only, *only, half, dark);
        }
    }

    fn segment(&mut self, a: (f32, f32), b: (f32, f32), half: f32, dark: f32) {
        let reach = half + 1.0;
        let range = |lo: f32, hi: f32, most: usize| {
            ((lo - reach).floor().max(0.0) as usize, ((hi + reach).ceil().max(0.0) as usize).min(most))
        };
        let (left, right) = range(a.0.min(b.0), a.0.max(b.0), self.width);
        let (top, bottom) = range(a.1.min(b.1), a.1.max(b.1), self.height);
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = (dx * dx + dy * dy).max(1e-6);
        for y in top..bottom {
            for x in left..right {
                let (px, py) = (x as f32 + 0.5 - a.0, y as f32 + 0.5 - a.1);
                let along = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                let (ex, ey) = (px - along * dx, py - along * dy);
                let cover = half + 0.5 - (ex * ex + ey * ey).sqrt();
                if cover > 0.0 {
                    self.ink_at_least(x, y, cover.min(1.0) * dark);
                }
            }
        }
    }

    pub fn lay(&mut self, picture: &Picture, place: Place) {
        let scale = place.size / (picture.bottom - picture.top).max(1.0);
        let (across, down) = (scale * place.stretch, scale);
        let (width, height) = (picture.width as f32 * across, picture.height as f32 * down);
        let lean = place.slant.abs() * height + place.turn.abs() * width;
        let top = place.foot - picture.bottom * down;
        let range = |from: f32, length: f32, most: usize| {
            let (from, to) = (from - lean - 2.0, from + length + lean + 2.0);
            (from.floor().max(0.0) as usize, (to.ceil().max(0.0) as usize).min(most))
        };
        let (x0, x1) = range(place.x, width, self.width);
        let (y0, y1) = range(top, height, self.height);
        for y in y0..y1 {
            for x in x0..x1 {
                let (px, py) = (x as f32 + 0.5 - place.x, y as f32 + 0.5 - place.foot);
                let py = py - px * place.turn;
                let px = px + py * place.slant;
                let value = picture.at(px / across - 0.5, py / down + picture.bottom - 0.5);
                let value = ((value - place.edge) * place.hard + 0.5).clamp(0.0, 1.0);
                if value > 0.0 {
                    self.ink_at_least(x, y, value * place.dark);
                }
            }
        }
    }

    /// A blur of about `radius` pixels: three passes of a short mean each way.
    pub fn soften(&mut self, radius: f32) {
        let side = (radius * 0.5).min(0.45);
        for _ in 0..2 {
            let w = self.width;
            for row in self.ink.chunks_exact_mut(w) {
                let mut before = row[0];
                for x in 0..w {
                    let (here, after) = (row[x], row[(x + 1).min(w - 1)]);
                    row[x] = here * (1.0 - side) + (before + after) * side / 2.0;
                    before = here;
                }
            }
            let mut before = self.ink[..w].to_vec();
            for y in 0..self.height {
                let below = (y + 1).min(self.height - 1) * w;
                for (x, before) in before.iter_mut().enumerate() {
                    let (here, after) = (self.ink[y * w + x], self.ink[below + x]);
                    self.ink[y * w + x] = here * (1.0 - side) + (*before + after) * side / 2.0;
                    *before = here;
                }
            }
        }
    }
}

impl Picture {
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let pixel = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
            if inside { self.ink[y as usize * self.width + x as usize] } else { 0.0 }
        };
        if x0 < -1.0 || y0 < -1.0 || x0 >= self.width as f32 || y0 >= self.height as f32 {
            return 0.0;
        }
        (pixel(x0, y0) * (1.0 - fx) + pixel(x0 + 1.0, y0) * fx) * (1.0 - fy)
            + (pixel(x0, y0 + 1.0) * (1.0 - fx) + pixel(x0 + 1.0, y0 + 1.0) * fx) * fy
    }

    /// Polygons (y up, foot of the digits at 0) as a picture with digits `size` pixels high; `scale` brings a unit to pixels.
    pub fn of_polygons(polygons: &[Vec<(f32, f32)>], scale: f32, digit_height: f32, advance: f32) -> Picture {
        let points = || polygons.iter().flatten();
        let least = |f: fn(&(f32, f32)) -> f32| points().map(f).fold(f32::MAX, f32::min);
        let most = |f: fn(&(f32, f32)) -> f32| points().map(f).fold(f32::MIN, f32::max);
        if points().next().is_none() {
            let (bottom, advance) = (digit_height * scale, advance * scale);
            return Picture { width: 1, height: 1, ink: vec![0.0], top: 0.0, bottom, advance, left: 0.0 };
        }
        let (x0, x1) = (least(|p| p.0).min(0.0), most(|p| p.0));
        let (y0, y1) = (least(|p| p.1).min(0.0), most(|p| p.1).max(digit_height));
        let width = ((x1 - x0) * scale).ceil() as usize + 2;
        let height = ((y1 - y0) * scale).ceil() as usize + 2;
        let place = |p: (f32, f32)| ((p.0 - x0) * scale + 1.0, (y1 - p.1) * scale + 1.0);
        let mut ink = vec![0.0; width * height];
        const FINE: usize = 4;
        let mut crossings: Vec<(f32, i32)> = Vec::new();
        for row in 0..height * FINE {
            let y = (row as f32 + 0.5) / FINE as f32;
            crossings.clear();
            for polygon in polygons {
                for (i, &a) in polygon.iter().enumerate() {
                    let (a, b) = (place(a), place(polygon[(i + 1) % polygon.len()]));
                    if (a.1 <= y) != (b.1 <= y) {
                        let x = a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0);
                        crossings.push((x, if a.1 <= y { 1 } else { -1 }));
                    }
                }
            }
            crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut winding = 0;
            for pair in crossings.windows(2) {
                winding += pair[0].1;
                if winding == 0 {
                    continue;
                }
                let (from, to) = (pair[0].0.max(0.0), pair[1].0.min(width as f32));
                for x in from as usize..(to.ceil() as usize).min(width) {
                    let cover = (to.min(x as f32 + 1.0) - from.max(x as f32)).max(0.0);
                    ink[row / FINE * width + x] += cover / FINE as f32;
                }
            }
        }
        ink.iter_mut().for_each(|v| *v = v.min(1.0));
        let (top, bottom) = ((y1 - digit_height) * scale + 1.0, y1 * scale + 1.0);
        Picture { width, height, ink, top, bottom, advance: advance * scale, left: x0 * scale }
    }
}
