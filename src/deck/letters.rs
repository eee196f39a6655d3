//! A plain stroke alphabet of our own for everything printed in words, and a hand that writes with it: slanted, uneven,
//! never twice the same. Capitals are 10 high on the grid, small letters 7.

use super::chance::Chance;
use super::ocr::strokes;
use super::sheet::{Point, Sheet, smooth};

/// Advance, and the centre lines as in [`super::ocr`].
fn glyph(c: char) -> (f32, &'static str) {
    match c {
        ' ' => (4.0, ""),
        'A' => (8.6, "0.3,0 4,10 7.7,0|1.6,3.4 6.4,3.4"),
        'B' => (
            8.2,
            "1,0 1,10|~1,10 1,10 4.6,10 6.5,9.2 6.6,6.6 4.6,5.4 1,5.4 1,5.4|~1,5.4 1,5.4 5,5.4 7.1,4.2 7.1,1.2 5,0 1,0 1,0",
        ),
        'C' => (8.4, "~7.6,8.4 6.4,9.6 4.4,10 2,9 0.8,6.8 0.8,3.2 2,1 4.4,0 6.4,0.4 7.6,1.6"),
        'D' => (8.6, "1,0 1,10|~1,10 1,10 4.4,10 6.6,8.8 7.6,6.4 7.6,3.6 6.6,1.2 4.4,0 1,0 1,0"),
        'E' => (7.6, "6.6,0 1,0 1,10 6.6,10|1,5.2 5.8,5.2"),
        'F' => (7.2, "1,0 1,10 6.4,10|1,5.2 5.6,5.2"),
        'G' => (8.8, "~7.6,8.4 6.4,9.6 4.4,10 2,9 0.8,6.8 0.8,3.2 2,1 4.4,0 6.4,0.4 7.7,1.6|7.7,1.6 7.7,4.6 4.8,4.6"),
        'H' => (8.6, "1,0 1,10|7.4,0 7.4,10|1,5.2 7.4,5.2"),
        'I' => (3.2, "1.6,0 1.6,10"),
        'J' => (6.4, "~5.2,10 5.2,6 5.2,2.6 4.4,0.6 2.6,0 1,0.8 0.5,2.4"),
        'K' => (8.0, "1,0 1,10|7.2,10 1,3.8|3.2,6 7.4,0"),
        'L' => (7.0, "1,10 1,0 6.2,0"),
        'M' => (10.0, "1,0 1,10 5,2 9,10 9,0"),
        'N' => (8.8, "1,0 1,10 7.6,0 7.6,10"),
        'O' => (9.2, "~4.6,10 2.2,9 0.9,6.8 0.9,3.2 2.2,1 4.6,0 7,1 8.3,3.2 8.3,6.8 7,9 4.6,10"),
        'P' => (7.8, "1,0 1,10|~1,10 1,10 4.8,10 6.8,8.9 6.8,6 4.8,4.8 1,4.8 1,4.8"),
        'Q' => (9.2, "~4.6,10 2.2,9 0.9,6.8 0.9,3.2 2.2,1 4.6,0 7,1 8.3,3.2 8.3,6.8 7,9 4.6,10|5.4,2.4 8.4,-0.6"),
        'R' => (8.2, "1,0 1,10|~1,10 1,10 4.8,10 6.8,8.9 6.8,6.2 4.8,5 1,5 1,5|4.4,5 7.4,0"),
        'S' => (7.8, "~6.8,8.4 5.6,9.6 3.8,10 1.8,9.4 1,7.6 1.8,6 3.8,5.2 6,4.4 7,2.6 6.2,0.7 4,0 1.8,0.4 0.7,1.7"),
        'T' => (7.8, "0.4,10 7.4,10|3.9,10 3.9,0"),
        'U' => (8.6, "~1,10 1,6 1,3 2,0.8 4.3,0 6.6,0.8 7.6,3 7.6,6 7.6,10"),
        'V' => (8.2, "0.4,10 4.1,0 7.8,10"),
        'W' => (11.4, "0.4,10 3,0 5.7,9 8.4,0 11,10"),
        'X' => (8.0, "0.6,0 7.4,10|0.6,10 7.4,0"),
        'Y' => (8.0, "0.4,10 4,5 7.6,10|4,5 4,0"),
        'Z' => (7.8, "0.8,10 7,10 0.6,0 7.2,0"),
        'a' => (7.0, "~6,5 5,6.6 3.4,7 1.6,6.2 0.8,4.2 0.8,2.6 1.6,0.7 3.3,0 5,0.5 6,2|6,7 6,0"),
        'b' => (7.0, "1,10 1,0|~1,2 2,0.5 3.7,0 5.4,0.7 6.2,2.6 6.2,4.4 5.4,6.3 3.7,7 2,6.5 1,5"),
        'c' => (6.2, "~5.6,5.6 4.8,6.7 3.4,7 1.6,6.2 0.8,4.4 0.8,2.6 1.6,0.7 3.4,0 4.8,0.3 5.6,1.5"),
        'd' => (7.0, "6,10 6,0|~6,5 5,6.5 3.3,7 1.6,6.3 0.8,4.4 0.8,2.6 1.6,0.7 3.3,0 5,0.5 6,2"),
        'e' => {
            (6.8, "~0.9,3.7 6,3.7 6,3.7 5.8,5.4 4.8,6.6 3.4,7 1.7,6.3 0.8,4.4 0.8,2.6 1.7,0.7 3.5,0 5.1,0.4 5.9,1.5")
        }
        'f' => (4.4, "~4.2,9.8 3,9.9 2.1,9 2,7.4 2,4 2,0|0.5,6.6 4,6.6"),
        'g' => (
            7.0,
            "~6,5 5,6.6 3.4,7 1.6,6.2 0.8,4.2 0.8,2.8 1.6,0.9 3.3,0.2 5,0.7 6,2|~6,7 6,3 6,-0.6 5.2,-2.4 3.4,-3 1.8,-2.6 1,-1.6",
        ),
        'h' => (7.0, "1,10 1,0|~1,4.8 2.2,6.5 3.8,7 5.4,6.3 6,4.6 6,2 6,0"),
        'i' => (2.8, "1.4,7 1.4,0|1.4,9.4 1.4,9.7"),
        'j' => (3.2, "~1.8,7 1.8,2 1.8,-1 1.2,-2.6 -0.2,-2.9|1.8,9.4 1.8,9.7"),
        'k' => (6.4, "1,10 1,0|5.4,7 1,2.6|2.6,4.2 5.8,0"),
        'l' => (2.8, "1.4,10 1.4,0"),
        'm' => (
            10.4,
            "1,7 1,0|~1,4.8 2.1,6.6 3.6,7 4.8,6.2 5.2,4.6 5.2,2 5.2,0|~5.2,4.8 6.3,6.6 7.8,7 9,6.2 9.4,4.6 9.4,2 9.4,0",
        ),
        'n' => (7.0, "1,7 1,0|~1,4.8 2.2,6.5 3.8,7 5.4,6.3 6,4.6 6,2 6,0"),
        'o' => (7.0, "~3.5,7 1.7,6.2 0.8,4.4 0.8,2.6 1.7,0.8 3.5,0 5.3,0.8 6.2,2.6 6.2,4.4 5.3,6.2 3.5,7"),
        'p' => (7.0, "1,7 1,-3|~1,2 2,0.5 3.7,0 5.4,0.7 6.2,2.6 6.2,4.4 5.4,6.3 3.7,7 2,6.5 1,5"),
        'q' => (7.0, "6,7 6,-3|~6,5 5,6.5 3.3,7 1.6,6.3 0.8,4.4 0.8,2.6 1.6,0.7 3.3,0 5,0.5 6,2"),
        'r' => (4.8, "1,7 1,0|~1,4.4 1.8,6.2 3.2,7 4.4,6.9"),
        's' => {
            (6.0, "~5.2,5.7 4.3,6.8 2.9,7 1.4,6.5 0.9,5.3 1.6,4.2 3,3.7 4.6,3.1 5.3,1.9 4.7,0.6 3,0 1.4,0.3 0.6,1.3")
        }
        't' => (4.4, "~2,9.2 2,6 2,2 2.4,0.6 3.6,0 4.3,0.2|0.5,6.6 4,6.6"),
        'u' => (7.0, "~1,7 1,4 1,2.2 1.7,0.6 3.3,0 4.9,0.6 6,2.2|6,7 6,0"),
        'v' => (6.4, "0.5,7 3.2,0 5.9,7"),
        'w' => (9.0, "0.4,7 2.4,0 4.5,6.4 6.6,0 8.6,7"),
        'x' => (6.4, "0.6,0 5.8,7|0.6,7 5.8,0"),
        'y' => (6.4, "0.5,7 3.3,0.2|~5.9,7 3.3,0.2 2.4,-2 1.4,-2.9 0.4,-2.7"),
        'z' => (6.2, "0.8,7 5.4,7 0.6,0 5.6,0"),
        '0' => (7.2, "~3.6,10 1.8,9 0.9,6.6 0.9,3.4 1.8,1 3.6,0 5.4,1 6.3,3.4 6.3,6.6 5.4,9 3.6,10"),
        '1' => (7.2, "1.6,8 4,10 4,0"),
        '2' => (7.2, "~0.9,7.6 1.5,9.3 3.5,10 5.5,9.3 6.1,7.4 5.4,5.4 3.2,3 0.8,0.2|0.8,0 6.4,0"),
        '3' => (
            7.2,
            "~0.9,8.6 2.2,9.8 3.8,10 5.4,9.3 5.9,7.6 5,5.9 3,5.4|~3,5.4 5.2,4.9 6.3,2.9 5.6,0.9 3.6,0 1.9,0.3 0.7,1.5",
        ),
        '4' => (7.2, "5,0 5,10 0.6,3 6.6,3"),
        '5' => (7.2, "5.9,10 1.6,10 1.2,5.2|~1.2,5.2 2.4,6.1 3.9,6.3 5.6,5.3 6.3,3.3 5.6,1 3.6,0 1.9,0.2 0.7,1.3"),
        '6' => (
            7.2,
            "~5.8,9.1 4.6,10 3,9.6 1.6,7.8 0.9,4.8 1,2.4 2,0.5 3.7,0 5.4,0.7 6.3,2.6 6,4.8 4.8,6 3,6 1.6,4.9 1,3.2",
        ),
        '7' => (7.2, "0.8,10 6.4,10 2.6,0"),
        '8' => (
            7.2,
            "~3.6,5.4 1.8,6.2 1.2,7.8 1.9,9.4 3.6,10 5.3,9.4 6,7.8 5.4,6.2 3.6,5.4 1.6,4.5 0.8,2.6 1.6,0.7 3.6,0 5.6,0.7 6.4,2.6 5.6,4.5 3.6,5.4",
        ),
        '9' => (
            7.2,
            "~1.4,0.9 2.6,0 4.2,0.4 5.6,2.2 6.3,5.2 6.2,7.6 5.2,9.5 3.5,10 1.8,9.3 0.9,7.4 1.2,5.2 2.4,4 4.2,4 5.6,5.1 6.2,6.8",
        ),
        '.' => (3.0, "1.4,0 1.5,0.3"),
        ',' => (3.0, "1.6,0.3 1.0,-1.6"),
        ':' => (3.0, "1.5,0.3 1.5,0.5|1.5,5.6 1.5,5.8"),
        ';' => (3.0, "1.6,0.3 1.0,-1.6|1.5,5.6 1.5,5.8"),
        '-' => (4.6, "0.8,3.8 3.8,3.8"),
        '/' => (5.0, "0.2,-1 4.6,10.6"),
        '\'' => (2.4, "1.2,10 1.1,7.6"),
        '(' => (3.8, "~3,11 1.6,8.6 1,5 1.6,1.4 3,-1.2"),
        ')' => (3.8, "~0.8,11 2.2,8.6 2.8,5 2.2,1.4 0.8,-1.2"),
        '*' => (5.4, "2.7,10 2.7,5.6|0.8,8.9 4.6,6.7|4.6,8.9 0.8,6.7"),
        '#' => (8.0, "2.4,0 3.4,10|5,0 6,10|0.8,3.4 7,3.4|1.2,6.6 7.4,6.6"),
        '$' => (
            7.4,
            "~6.4,8 5.4,9 3.7,9.4 1.8,8.8 1.1,7.3 1.9,5.9 3.7,5.2 5.7,4.4 6.6,2.9 5.8,1.2 3.8,0.6 1.8,1 0.8,2|3.7,11 3.7,-1",
        ),
        '&' => {
            (8.8, "~8,0 3.4,5.8 2,7.8 2.3,9.5 3.7,10 5,9.3 5.1,7.7 3.6,6 1.4,4.2 0.8,2.2 1.6,0.5 3.6,0 5.8,1 7.6,4.4")
        }
        '%' => (
            9.6,
            "7.6,10 2,0|~2.4,10 1,9 1,6.8 2.4,5.8 3.8,6.8 3.8,9 2.4,10|~7.2,4.2 5.8,3.2 5.8,1 7.2,0 8.6,1 8.6,3.2 7.2,4.2",
        ),
        '+' => (7.4, "1,4.6 6.4,4.6|3.7,7.4 3.7,1.8"),
        '=' => (7.4, "1,3.4 6.4,3.4|1,6 6.4,6"),
        '_' => (6.0, "0,-1 6,-1"),
        '@' => {
            (10.0, "~6.8,3 5,2.6 3.6,4 4,6.2 5.6,7.2 6.8,6 6.8,3 8,2.8 9,5 8.4,8 6,10 3,9.6 1,7 1,3 3,0.4 6,0 8,0.8")
        }
        '!' => (3.0, "1.5,10 1.5,3|1.5,0 1.5,0.2"),
        '?' => (6.4, "~0.9,7.8 1.6,9.5 3.3,10 5,9.2 5.3,7.4 4,5.6 3.2,4.4 3.1,3|3.1,0 3.1,0.2"),
        '>' => (7.0, "1,8 6,4.6 1,1.2"),
        '<' => (7.0, "6,8 1,4.6 6,1.2"),
        _ => (6.0, "0.8,0 5.2,0 5.2,7 0.8,7 0.8,0"),
    }
}

/// A type: capital height in inches, stroke as a share of it, ink.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    pub height: f32,
    pub weight: f32,
    pub ink: u8,
}

pub const fn plain(height: f32) -> Type {
    Type { height, weight: 0.115, ink: 25 }
}

pub const fn bold(height: f32) -> Type {
    Type { height, weight: 0.19, ink: 20 }
}

/// Width of a printed line, inches.
pub fn width(text: &str, height: f32) -> f32 {
    text.chars().map(|c| glyph(c).0).sum::<f32>() * height / 10.0
}

/// A heavier stroke wants more room between the letters.
fn tracking(face: Type) -> f32 {
    (face.weight - 0.115).max(0.0) * face.height
}

/// Print a line whose feet stand at `y`, from `x` to the right.
pub fn print(sheet: &mut Sheet, x: f32, y: f32, text: &str, face: Type) {
    let scale = face.height / 10.0;
    // Small print does with fewer pieces.
    let pieces = if face.height < 0.09 { 2 } else { 4 };
    let mut left = x;
    for c in text.chars() {
        let (advance, lines) = glyph(c);
        for stroke in strokes(lines, pieces) {
            let points = stroke.iter().map(|p| [left + p[0] * scale, y - p[1] * scale]).collect();
            sheet.stroke(points, face.height * face.weight, face.ink);
        }
        left += advance * scale + tracking(face);
    }
}

/// Print a line that ends at `x`.
pub fn print_to(sheet: &mut Sheet, x: f32, y: f32, text: &str, face: Type) {
    let extra = tracking(face) * text.chars().count() as f32;
    print(sheet, x - width(text, face.height) - extra, y, text, face);
}

/// Print a line in cells of one width, as an impact printer does.
pub fn print_cells(sheet: &mut Sheet, x: f32, y: f32, text: &str, face: Type, cell: f32) {
    for (n, c) in text.chars().enumerate() {
        let room = (cell - glyph(c).0 * face.height / 10.0) / 2.0;
        print(sheet, x + n as f32 * cell + room, y, &c.to_string(), face);
    }
}

/// Print a line that runs down the page, as along the end of a check's back; `x` is the line of its feet.
pub fn print_down(sheet: &mut Sheet, x: f32, y: f32, text: &str, face: Type) {
    let first = sheet.marks.len();
    print(sheet, 0.0, 0.0, text, face);
    for mark in &mut sheet.marks[first..] {
        if let super::sheet::Shape::Stroke { points, .. } = &mut mark.shape {
            for point in points {
                *point = [x - point[1], y + point[0]];
            }
        }
    }
}

/// How one person writes.
#[derive(Clone, Copy, Debug)]
pub struct Hand {
    slant: f32,
    shake: f32,
    close: f32,
    /// Of the pen, inches.
    pen: f32,
    ink: u8,
}

impl Hand {
    pub fn of(chance: &mut Chance) -> Hand {
        Hand {
            slant: 0.12 + 0.22 * chance.spread(),
            shake: 0.45 + 0.45 * chance.unit(),
            close: 1.0 + 0.16 * chance.unit(),
            pen: 0.013 + 0.010 * chance.unit(),
            ink: chance.between(30, 85) as u8,
        }
    }

    /// Write a line whose feet stand about `y`; gives where it ended.
    pub fn write(&self, sheet: &mut Sheet, chance: &mut Chance, x: f32, y: f32, height: f32, text: &str) -> f32 {
        let climb = 0.012 * chance.spread();
        let (mut left, mut lift) = (x, 0.0);
        for c in text.chars() {
            let (advance, lines) = glyph(c);
            let size = height / 10.0 * (1.0 + 0.09 * chance.spread());
            let slant = self.slant + 0.05 * chance.spread();
            lift = lift * 0.6 + height * 0.05 * chance.spread();
            for stroke in strokes(lines, 1) {
                let rough: Vec<Point> = stroke
                    .iter()
                    .map(|p| {
                        let (dx, dy) = (self.shake * chance.spread(), self.shake * chance.spread());
                        let (gx, gy) = ((p[0] + dx) * size, (p[1] + dy) * size);
                        [left + gx + slant * gy, y - gy - lift - climb * (left - x)]
                    })
                    .collect();
                sheet.stroke(smooth(&rough, 4), self.pen, self.ink);
            }
            left += advance * size * self.close;
        }
        left
    }

    /// A signature: a few loops that run together, and a tail.
    pub fn sign(&self, sheet: &mut Sheet, chance: &mut Chance, x: f32, y: f32, length: f32) {
        let loops = chance.between(5, 9);
        let mut points = vec![[x, y + 0.03 * chance.spread()]];
        for n in 0..loops {
            let at = x + length * 0.8 * (n as f32 + 0.4) / loops as f32;
            let tall = if n == 0 || chance.percent(20) { 0.30 } else { 0.11 };
            let up = tall * (0.6 + 0.5 * chance.unit());
            let lean = self.slant * up + 0.05 * chance.spread();
            points.push([at + lean, y - up]);
            // Half of the strokes come back on themselves.
            if chance.percent(50) {
                points.push([at + lean - 0.05 - 0.03 * chance.unit(), y - up * 0.7]);
            }
            points.push([at + 0.05 + 0.04 * chance.spread(), y + 0.02 + 0.05 * chance.spread()]);
        }
        points.push([x + length, y - 0.05 + 0.08 * chance.spread()]);
        sheet.stroke(smooth(&points, 8), self.pen, self.ink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_forms_has_strokes() {
        let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-/'()*#$&%+=_@!?><";
        for c in text.chars() {
            let (advance, lines) = glyph(c);
            let strokes = strokes(lines, 3);
            assert!(!strokes.is_empty() && strokes.iter().all(|s| s.len() >= 2), "{c}");
            assert!(strokes.iter().flatten().all(|p| p[0] <= advance + 0.6), "{c} is wider than its advance");
            assert_ne!(lines, glyph('\u{1}').1, "{c} is the box for what is unknown");
        }
    }
}
