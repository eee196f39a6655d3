//! A piece of paper as a list of strokes and areas in inches, from its top left corner: drawn once, then scanned to pixels
//! ([`super::scan`]) or printed at true size ([`super::print`]). Knows no fonts and no forms.

pub type Point = [f32; 2];

#[derive(Clone, Debug)]
pub enum Shape {
    /// A line of constant width with round ends and joins.
    Stroke { points: Vec<Point>, width: f32 },
    /// Filled outlines; a hole runs the other way round.
    Area(Vec<Vec<Point>>),
}

#[derive(Clone, Debug)]
pub struct Mark {
    pub shape: Shape,
    /// Gray of the ink: 0 black, 255 white.
    pub ink: u8,
}

/// The print on a piece of paper before anything is scanned.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub width: f32,
    pub height: f32,
    /// Gray of the paper.
    pub paper: u8,
    pub marks: Vec<Mark>,
}

impl Sheet {
    pub fn new(width: f32, height: f32, paper: u8) -> Sheet {
        Sheet { width, height, paper, marks: Vec::new() }
    }

    pub fn stroke(&mut self, points: Vec<Point>, width: f32, ink: u8) {
        if !points.is_empty() {
            self.marks.push(Mark { shape: Shape::Stroke { points, width }, ink });
        }
    }

    pub fn area(&mut self, outlines: Vec<Vec<Point>>, ink: u8) {
        self.marks.push(Mark { shape: Shape::Area(outlines), ink });
    }

    pub fn rule(&mut self, from: Point, to: Point, width: f32, ink: u8) {
        self.stroke(vec![from, to], width, ink);
    }

    pub fn block(&mut self, x: f32, y: f32, w: f32, h: f32, ink: u8) {
        self.area(vec![vec![[x, y], [x + w, y], [x + w, y + h], [x, y + h]]], ink);
    }

    pub fn frame(&mut self, x: f32, y: f32, w: f32, h: f32, width: f32, ink: u8) {
        self.stroke(vec![[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]], width, ink);
    }

    /// A row of short dashes: where a stub is torn off.
    pub fn perforation(&mut self, y: f32, ink: u8) {
        let mut x = 0.08;
        while x < self.width - 0.12 {
            self.rule([x, y], [x + 0.06, y], 0.007, ink);
            x += 0.11;
        }
    }

    /// Fine waves over the whole paper, as check stock has them.
    pub fn waves(&mut self, pitch: f32, swing: f32, length: f32, ink: u8) {
        let mut y = pitch / 2.0;
        while y < self.height + swing {
            let mut points = Vec::new();
            let mut x = 0.0;
            while x < self.width + length / 6.0 {
                points.push([x.min(self.width), y + swing * wave(x / length + y * 0.37)]);
                x += length / 6.0;
            }
            self.stroke(points, 0.006, ink);
            y += pitch;
        }
    }
}

/// A wave of period 1 and height 1, of two parabolas: the same on every machine, which a library's sine is not.
fn wave(turns: f32) -> f32 {
    let t = turns - turns.floor();
    if t < 0.5 { 16.0 * t * (0.5 - t) } else { -16.0 * (t - 0.5) * (1.0 - t) }
}

/// A smooth curve through the points (Catmull-Rom), in short straight pieces.
pub fn smooth(points: &[Point], pieces: usize) -> Vec<Point> {
    let at = |n: isize| points[n.clamp(0, points.len() as isize - 1) as usize];
    let closed = points.len() > 3 && points.first() == points.last();
    let last = points.len() as isize - 1;
    let mut curve = Vec::with_capacity(points.len() * pieces);
    for n in 0..last.max(0) {
        let before = if closed && n == 0 { at(last - 1) } else { at(n - 1) };
        let after = if closed && n + 1 == last { at(1) } else { at(n + 2) };
        let (from, to) = (at(n), at(n + 1));
        for piece in 0..pieces {
            let t = piece as f32 / pieces as f32;
            let along = |axis: usize| {
                let (a, b, c, d) = (before[axis], from[axis], to[axis], after[axis]);
                b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
            };
            curve.push([along(0), along(1)]);
        }
    }
    curve.extend(points.last());
    curve
}
