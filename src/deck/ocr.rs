//! OCR-A and OCR-B (size I) as centre lines on a grid of 14 by 24 tenths of a millimetre, drawn with the constant stroke of
//! 0.35 mm that ISO 1073-1 and 1073-2 give them, ten characters to the inch. Digits and the marks that scanlines use.

use super::sheet::{Point, Sheet, smooth};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    A,
    B,
}

const TENTH_MM: f32 = 1.0 / 254.0;
const PITCH: f32 = 0.1;
const STROKE: f32 = 3.5 * TENTH_MM;

/// The centre lines of a character: strokes parted by `|`, points `x,y` upward from the foot; `~` begins a smooth stroke.
fn lines(face: Face, c: char) -> &'static str {
    match (face, c) {
        (Face::A, '0') => "2,0 12,0 13.4,0.6 14,2 14,22 13.4,23.4 12,24 2,24 0.6,23.4 0,22 0,2 0.6,0.6 2,0",
        (Face::A, '1') => "0,24 7,24 7,0|0,0 14,0 14,9",
        (Face::A, '2') => "0,24 12.4,24 13.6,23.4 14,22.4 14,13.6 13.4,12.5 12.4,12 1.6,12 0.5,11.5 0,10.4 0,0 14,0",
        (Face::A, '3') => "0,24 12,24 13.4,23.4 14,22 14,14 12.4,12 4,12|12.4,12 14,10 14,2 13.4,0.6 12,0 0,0",
        (Face::A, '4') => "0.7,24 0.7,8.8 12.9,8.8|11,20.8 11,0",
        (Face::A, '5') => "14,24 3.4,24 3.4,12 12,12 13.4,11.4 14,10 14,2 13.4,0.6 12,0 4,0 0,1.6",
        (Face::A, '6') => "2,24 0,24 0,0 14,0 14,9 0,9",
        (Face::A, '7') => "0,22.2 0,24 14,24 14,15 7,9 7,0",
        (Face::A, '8') => {
            "3.5,12 3.5,24 10.5,24 10.5,12|1.6,12 12.4,12 13.6,11.4 14,10.4 14,1.6 13.4,0.5 12.4,0 1.6,0 0.6,0.5 0,1.6 0,10.4 0.5,11.4 1.6,12"
        }
        (Face::A, '9') => "12.2,0 14,0 14,24 0,24 0,15 14,15",
        (Face::B, '0') => {
            "~7,24 10,23.5 12.4,20.8 13.7,16 13.9,12 13.7,8 12.4,3.2 10,0.5 7,0 4,0.5 1.6,3.2 0.3,8 0.1,12 0.3,16 1.6,20.8 4,23.5 7,24"
        }
        (Face::B, '1') => "1,18.2 7.5,24 8.4,24 8.4,0",
        (Face::B, '2') => {
            "~0.7,22 3.2,23.5 6.7,24 11,22.8 13.3,18.7 12.3,14.5 8.5,10.8 3.8,7.6 1.3,4.4 0.7,0.4|0.7,0.4 13.6,0.4"
        }
        (Face::B, '3') => {
            "0,23.6 12.9,23.6 12.8,22 4.5,13.9|~4.5,13.9 9,13.4 12.6,11 13.8,7.2 12,2.8 7.5,0.3 3.5,0.2 0,1.5"
        }
        (Face::B, '4') => "7.7,24 0,6.5 13.9,6.5|10.4,12 10.4,0",
        (Face::B, '5') => "12.4,23.6 2,23.6 1.3,14.8|~1.3,14.8 5.5,14.9 10.5,13 12.8,8.5 11.5,3.9 7.5,1 0.9,0",
        (Face::B, '6') => {
            "~9.5,24 5.5,18.8 2,13.5 0.3,8.8 0.2,6.2 1.5,2.5 4.2,0.4 7,0 10.5,0.8 13.1,3.3 13.9,7.1 13.1,10.9 10.5,13.5 7,14.2 3.6,13.2 1.1,10.8"
        }
        (Face::B, '7') => "0,23.6 14,23.6|~14,23.6 13.2,20.5 10.5,16.3 7,11.8 5,6.5 4.4,0",
        (Face::B, '8') => {
            "~7,12.5 3,14.8 1.2,17.5 1.4,20.5 3.5,23.2 7,24 10.5,23.2 12.6,20.5 12.8,17.5 11,14.8 7,12.5 2.5,9.8 0.3,7 0.3,4 2.5,1 7,0 11.5,1 13.7,4 13.7,7 11.5,9.8 7,12.5"
        }
        (Face::B, '9') => {
            "~4.5,0 8.5,5.2 12,10.5 13.7,15.2 13.8,17.8 12.5,21.5 9.8,23.6 7,24 3.5,23.2 0.9,20.7 0.1,16.9 0.9,13.1 3.5,10.5 7,9.8 10.4,10.8 12.9,13.2"
        }
        (_, '>') => "0,21 14.2,12 0,3",
        (_, '<') => "14.2,21 0,12 14.2,3",
        (_, '+') => "0,12 14.2,12|7.1,19.6 7.1,4.4",
        (_, '-') => "1,12 13,12",
        (_, '|') => "7,27 7,-3",
        _ => "",
    }
}

/// The strokes of a character in tenths of a millimetre; an unknown one has none.
pub fn strokes(text: &str, pieces: usize) -> Vec<Vec<Point>> {
    let stroke = |part: &str| {
        let (curved, part) = part.strip_prefix('~').map_or((false, part), |rest| (true, rest));
        let points: Vec<Point> = part
            .split(' ')
            .filter_map(|pair| pair.split_once(',').and_then(|(x, y)| Some([x.parse().ok()?, y.parse().ok()?])))
            .collect();
        if curved { smooth(&points, pieces) } else { points }
    };
    text.split('|').filter(|part| !part.is_empty()).map(stroke).collect()
}

/// Print a line whose first cell begins at `x`, with its feet at `y` (inches from the top). Blanks take a cell.
pub fn print(sheet: &mut Sheet, face: Face, x: f32, y: f32, text: &str, weight: f32, ink: u8) {
    for (n, c) in text.chars().enumerate() {
        // The character's box of 1.40 mm stands in the middle of its cell of 2.54 mm.
        let left = x + n as f32 * PITCH + (PITCH - 14.0 * TENTH_MM) / 2.0;
        for stroke in strokes(lines(face, c), 5) {
            let points = stroke.iter().map(|p| [left + p[0] * TENTH_MM, y - p[1] * TENTH_MM]).collect();
            sheet.stroke(points, STROKE + weight, ink);
        }
    }
}

/// Width of a printed line, inches.
pub fn width(text: &str) -> f32 {
    text.chars().count() as f32 * PITCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_hold_the_digits_at_full_height() {
        for face in [Face::A, Face::B] {
            for c in "0123456789".chars() {
                let strokes = strokes(lines(face, c), 5);
                let ys: Vec<f32> = strokes.iter().flatten().map(|p| p[1]).collect();
                let (low, high) = (ys.iter().copied().fold(99.0, f32::min), ys.iter().copied().fold(-9.0, f32::max));
                assert!((-0.5..0.6).contains(&low) && (23.4..24.6).contains(&high), "{face:?} {c}: {low} to {high}");
            }
        }
    }
}
