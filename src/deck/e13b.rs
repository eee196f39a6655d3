//! The magnetic-ink line: the fourteen E-13B characters on their 0.013 inch unit grid with rounded corners, and the places
//! of a check's line counted from the right edge (ANSI X9.100-160: 65 places of 0.125 inch, print band 3/16 to 7/16 inch
//! above the bottom edge). `A` transit, `B` amount, `C` on-us, `D` dash.

use super::sheet::{Point, Sheet};

const UNIT: f32 = 0.013;
const PITCH: f32 = 0.125;
/// The right side of place 1, from the right edge.
const FIRST: f32 = 0.3125;

/// One outline: its corners in units from the left and top of the seven by nine cell, and how round they are.
type Outline = (f32, &'static [(f32, f32)]);

const ROUND: f32 = 0.42;

/// The outlines of a character; the inner ones of a ring run backwards.
fn outlines(c: char) -> &'static [Outline] {
    match c {
        '0' => &[
            (1.5, &[(0.0, 0.0), (7.0, 0.0), (7.0, 9.0), (0.0, 9.0)]),
            (0.7, &[(1.0, 1.0), (1.0, 8.0), (6.0, 8.0), (6.0, 1.0)]),
        ],
        '1' => &[(
            ROUND,
            &[
                (3.0, 0.0),
                (5.0, 0.0),
                (5.0, 5.0),
                (7.0, 5.0),
                (7.0, 9.0),
                (3.0, 9.0),
                (3.0, 5.0),
                (4.0, 5.0),
                (4.0, 1.0),
                (3.0, 1.0),
            ],
        )],
        '2' => &[(
            ROUND,
            &[
                (3.0, 0.0),
                (7.0, 0.0),
                (7.0, 5.0),
                (4.0, 5.0),
                (4.0, 8.0),
                (7.0, 8.0),
                (7.0, 9.0),
                (3.0, 9.0),
                (3.0, 4.0),
                (6.0, 4.0),
                (6.0, 1.0),
                (3.0, 1.0),
            ],
        )],
        '3' => &[(
            ROUND,
            &[
                (2.0, 0.0),
                (6.0, 0.0),
                (6.0, 4.5),
                (7.0, 4.5),
                (7.0, 9.0),
                (2.0, 9.0),
                (2.0, 8.0),
                (5.0, 8.0),
                (5.0, 5.0),
                (2.0, 5.0),
                (2.0, 4.0),
                (5.0, 4.0),
                (5.0, 1.0),
                (2.0, 1.0),
            ],
        )],
        '4' => &[(
            ROUND,
            &[
                (1.0, 0.0),
                (3.0, 0.0),
                (3.0, 6.0),
                (5.0, 6.0),
                (5.0, 5.0),
                (7.0, 5.0),
                (7.0, 9.0),
                (5.0, 9.0),
                (5.0, 7.0),
                (1.0, 7.0),
            ],
        )],
        '5' => &[(
            ROUND,
            &[
                (2.0, 0.0),
                (7.0, 0.0),
                (7.0, 1.0),
                (3.0, 1.0),
                (3.0, 4.0),
                (7.0, 4.0),
                (7.0, 9.0),
                (2.0, 9.0),
                (2.0, 8.0),
                (6.0, 8.0),
                (6.0, 5.0),
                (2.0, 5.0),
            ],
        )],
        '6' => &[
            (
                ROUND,
                &[
                    (1.0, 0.0),
                    (5.0, 0.0),
                    (5.0, 2.3),
                    (4.0, 2.3),
                    (4.0, 1.0),
                    (2.0, 1.0),
                    (2.0, 5.0),
                    (7.0, 5.0),
                    (7.0, 9.0),
                    (1.0, 9.0),
                ],
            ),
            (ROUND, &[(2.0, 6.0), (2.0, 8.0), (6.0, 8.0), (6.0, 6.0)]),
        ],
        '7' => &[(
            ROUND,
            &[
                (2.0, 0.0),
                (7.0, 0.0),
                (7.0, 3.9),
                (5.0, 5.1),
                (5.0, 9.0),
                (4.0, 9.0),
                (4.0, 4.6),
                (6.0, 3.4),
                (6.0, 1.0),
                (3.0, 1.0),
                (3.0, 3.0),
                (2.0, 3.0),
            ],
        )],
        '8' => &[
            (ROUND, &[(1.0, 0.0), (6.0, 0.0), (6.0, 4.0), (7.0, 4.0), (7.0, 9.0), (0.0, 9.0), (0.0, 4.0), (1.0, 4.0)]),
            (ROUND, &[(2.0, 1.0), (2.0, 4.0), (5.0, 4.0), (5.0, 1.0)]),
            (ROUND, &[(2.0, 5.0), (2.0, 8.0), (5.0, 8.0), (5.0, 5.0)]),
        ],
        '9' => &[
            (ROUND, &[(1.0, 0.0), (7.0, 0.0), (7.0, 9.0), (5.0, 9.0), (5.0, 5.0), (1.0, 5.0)]),
            (ROUND, &[(2.0, 1.0), (2.0, 4.0), (6.0, 4.0), (6.0, 1.0)]),
        ],
        'A' => &[
            (ROUND, &[(0.0, 1.5), (1.7, 1.5), (1.7, 7.5), (0.0, 7.5)]),
            (ROUND, &[(4.2, 0.0), (7.0, 0.0), (7.0, 3.0), (4.2, 3.0)]),
            (ROUND, &[(4.2, 6.0), (7.0, 6.0), (7.0, 9.0), (4.2, 9.0)]),
        ],
        'B' => &[
            (ROUND, &[(0.0, 5.3), (2.0, 5.3), (2.0, 9.0), (0.0, 9.0)]),
            (ROUND, &[(3.0, 2.5), (4.0, 2.5), (4.0, 6.7), (3.0, 6.7)]),
            (ROUND, &[(5.0, 0.0), (7.0, 0.0), (7.0, 3.7), (5.0, 3.7)]),
        ],
        'C' => &[
            (ROUND, &[(0.0, 1.8), (1.0, 1.8), (1.0, 7.4), (0.0, 7.4)]),
            (ROUND, &[(2.0, 1.8), (3.0, 1.8), (3.0, 7.4), (2.0, 7.4)]),
            (ROUND, &[(4.2, 0.5), (7.0, 0.5), (7.0, 4.4), (4.2, 4.4)]),
        ],
        'D' => &[
            (ROUND, &[(0.0, 2.5), (1.8, 2.5), (1.8, 6.6), (0.0, 6.6)]),
            (ROUND, &[(3.0, 2.5), (4.8, 2.5), (4.8, 6.6), (3.0, 6.6)]),
            (ROUND, &[(6.2, 2.5), (7.0, 2.5), (7.0, 6.6), (6.2, 6.6)]),
        ],
        _ => &[],
    }
}

/// The outline with each corner replaced by an arc of four pieces, moved outward by `weight` units (ink that spreads).
fn rounded((round, corners): &Outline, weight: f32) -> Vec<Point> {
    let count = corners.len();
    let unit = |from: (f32, f32), to: (f32, f32)| {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        (dx / length, dy / length, length)
    };
    let mut points = Vec::with_capacity(count * 4);
    for n in 0..count {
        let corner = corners[n];
        let (ax, ay, a) = unit(corners[(n + count - 1) % count], corner);
        let (bx, by, b) = unit(corner, corners[(n + 1) % count]);
        // Every outline runs clockwise on the page, so the ink's outside is to the left of the way.
        let moved = (corner.0 + weight * (ay + by), corner.1 - weight * (ax + bx));
        let cut = round.min(a * 0.48).min(b * 0.48);
        for step in 0..4 {
            let t = step as f32 / 3.0;
            // A quadratic curve with the corner as its control point.
            let (p, q, r) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            points.push([
                p * (moved.0 - ax * cut) + q * moved.0 + r * (moved.0 + bx * cut),
                p * (moved.1 - ay * cut) + q * moved.1 + r * (moved.1 + by * cut),
            ]);
        }
    }
    points
}

/// How a press prints the line.
#[derive(Clone, Copy, Debug)]
pub struct Press {
    /// Height of the characters' feet above the bottom edge, inches: 0.19 to 0.32.
    pub foot: f32,
    /// How far the ink spreads beyond the outline, inches; negative for thin print.
    pub weight: f32,
    pub ink: u8,
}

/// Print characters at their places (1 is rightmost) on a check's sheet.
pub fn print(sheet: &mut Sheet, line: &[(u32, char)], press: Press) {
    for (place, c) in line {
        let right = sheet.width - FIRST - (*place as f32 - 1.0) * PITCH;
        let (left, top) = (right - 7.0 * UNIT, sheet.height - press.foot - 9.0 * UNIT);
        let shapes: Vec<Vec<Point>> = outlines(*c)
            .iter()
            .map(|o| rounded(o, press.weight / UNIT).iter().map(|p| [left + p[0] * UNIT, top + p[1] * UNIT]).collect())
            .collect();
        sheet.area(shapes, press.ink);
    }
}

/// Put `text` so that its last character stands at `place`; blanks take a place each.
pub fn ending_at(line: &mut Vec<(u32, char)>, place: u32, text: &str) {
    line.extend(text.chars().rev().zip(place..).filter(|(c, _)| *c != ' ').map(|(c, p)| (p, c)));
}

/// What stands on a line, left to right, one space for each gap.
pub fn spaced(line: &[(u32, char)]) -> String {
    let mut places = line.to_vec();
    places.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let mut text = String::new();
    let mut before = None;
    for (place, c) in places {
        if before.is_some_and(|b| b > place + 1) {
            text.push(' ');
        }
        text.push(c);
        before = Some(place);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_the_right_edge() {
        let mut line = Vec::new();
        ending_at(&mut line, 33, "A121042882A");
        ending_at(&mut line, 14, "1234567C");
        assert_eq!(spaced(&line), "A121042882A 1234567C");
        let mut sheet = Sheet::new(6.0, 2.75, 255);
        print(&mut sheet, &line, Press { foot: 0.2, weight: 0.0, ink: 0 });
        let points = sheet.marks.iter().flat_map(|m| match &m.shape {
            super::super::sheet::Shape::Area(o) => o.iter().flatten().copied().collect::<Vec<_>>(),
            super::super::sheet::Shape::Stroke { .. } => vec![],
        });
        let (mut left, mut right, mut top, mut foot) = (f32::MAX, f32::MIN, f32::MAX, f32::MIN);
        for [x, y] in points {
            (left, right, top, foot) = (left.min(x), right.max(x), top.min(y), foot.max(y));
        }
        // The on-us symbol at place 14 ends 13 pitches left of 5/16; the transit symbol at 43 begins 7 units left of its cell.
        assert!((right - (6.0 - 0.3125 - 13.0 * 0.125)).abs() < 1e-3, "{right}");
        assert!((left - (6.0 - 0.3125 - 42.0 * 0.125 - 0.091)).abs() < 1e-3, "{left}");
        assert!((foot - 2.55).abs() < 1e-3 && (foot - top - 0.117).abs() < 1e-3);
    }

    #[test]
    fn every_character_has_ink_and_stays_in_its_cell() {
        for c in "0123456789ABCD".chars() {
            assert!(!outlines(c).is_empty(), "{c}");
            for (_, corners) in outlines(c) {
                assert!(corners.iter().all(|(x, y)| (0.0..=7.0).contains(x) && (0.0..=9.0).contains(y)), "{c}");
            }
        }
    }
}
