//! Training fields: an amount in one of the ways people and printers write it, in a box or on a line, on plain or patterned
//! paper, scanned gray or bitonal, and then cut out by the product's own code. The label is the canonical amount.

use std::sync::Arc;

use remit::decode::amount::network::{BLANK, CENTS_MARK, NO_CENTS};
use remit::decode::amount::strip::{Bounds, MARGIN, Strip, strip};
use remit::domain::PixelBox;
use remit::imaging::raster::{Bits, Gray};
use remit::imaging::{self, Raster};

use super::canvas::{Canvas, Place};
use super::hands::{Face, Style, Writer, smooth};
use crate::random::Random;

/// What the trainer draws from.
pub struct Sources {
    pub writers: Vec<Writer>,
    pub written: Arc<Vec<Face>>,
    pub printed: Arc<Vec<Face>>,
}

/// Columns of chances for four pixels of the strip.
const COLUMNS: usize = 2;

pub struct Field {
    pub strip: Strip,
    pub label: Vec<usize>,
    /// What each column of the network should say where the drawing tells it: a class, or `None` beside a character.
    pub columns: Vec<Option<usize>>,
}

enum Hand<'a> {
    Writer(&'a Writer),
    Pen(Style),
    Face(&'a Face),
}

/// One character to be drawn: its size against the digits', how far its foot is raised, and the gap before it (both in
/// digit heights).
#[derive(Clone, Copy)]
struct Item {
    c: char,
    size: f32,
    raise: f32,
    gap: f32,
}

/// How everything in one field is written.
struct Manner {
    size: f32,
    half: f32,
    dark: f32,
    stretch: f32,
    slant: f32,
    edge: f32,
    hard: f32,
    wobble: f32,
    spacing: f32,
}

impl Sources {
    /// Field number `n`; `None` when the drawing left nothing to read.
    pub fn field(&self, seed: u64, n: u64) -> Option<Field> {
        let random = &mut Random::stream(seed, n);
        let dpi = match random.below(10) {
            0..6 => 200.0,
            6..8 => 240.0,
            8 => 300.0,
            _ => random.between(150.0, 300.0),
        };
        let roll = random.unit();
        let hand = match roll {
            r if r < 0.52 => Hand::Writer(&self.writers[random.below(self.writers.len())]),
            r if r < 0.64 => Hand::Pen(Style::new(random)),
            r if r < 0.76 && !self.written.is_empty() => Hand::Face(&self.written[random.below(self.written.len())]),
            _ => Hand::Face(&self.printed[random.below(self.printed.len())]),
        };
        let printed = matches!(hand, Hand::Face(face) if !face.written);
        let (dollars, cents) = amount(random);
        let (items, label) = if printed { print(dollars, cents, random) } else { write(dollars, cents, random) };
        let odd = random.chance(0.045);
        let odd_kind = random.below(4);
        let (items, label) = match (odd, odd_kind) {
            (true, 0) => (vec![Item { c: '$', size: 1.0, raise: 0.0, gap: 0.0 }; random.below(2)], Vec::new()),
            (true, 1) => {
                let (other, _) = write(amount(random).0, amount(random).1, random);
                let mut both = items;
                both.push(Item { c: ' ', size: 1.0, raise: 0.0, gap: random.between(0.4, 1.0) });
                both.extend(other);
                (both, Vec::new())
            }
            (true, 2) => {
                let letters =
                    (0..2 + random.below(5)).map(|_| ['h', 'a', 's', 'E', 'T', 'd', 'x', 'n'][random.below(8)]);
                (letters.map(|c| Item { c, size: 1.0, raise: 0.0, gap: 0.1 }).collect(), Vec::new())
            }
            (true, _) => (items, Vec::new()),
            _ => (items, label),
        };
        let size = dpi * if printed { random.between(0.085, 0.145) } else { random.between(0.095, 0.24) };
        let manner = Manner {
            size,
            half: (size * random.between(0.03, 0.085)).max(0.45),
            dark: random.between(0.55, 1.0),
            stretch: if printed { random.between(0.92, 1.08) } else { random.between(0.68, 1.2) },
            slant: if printed { 0.0 } else { random.normal() * 0.13 },
            edge: random.between(0.32, 0.62),
            hard: random.between(1.2, 3.0),
            wobble: if printed { 0.0 } else { random.between(0.0, 0.07) },
            spacing: if printed { random.between(-0.01, 0.06) } else { random.between(-0.02, 0.22) },
        };
        // First measure, then draw in the middle of what is needed.
        let mut scrap = Canvas::new(1, 1);
        let (length, _) = draw(&mut scrap, &hand, &items, &manner, 0.0, 0.0, &mut random.clone());
        let boxed = random.chance(0.72);
        let around = dpi * 0.2;
        let field_height = (manner.size * random.between(1.15, 2.3)).max(dpi * 0.17);
        let field_width = (length + manner.size * random.between(0.3, 2.5)).max(dpi * 0.6);
        let (width, height) = ((field_width + 2.0 * around) as usize, (field_height + 2.0 * around) as usize);
        let mut canvas = Canvas::new(width, height);
        let side_room = field_width - length;
        let x = around
            + if printed && random.chance(0.6) {
                side_room - side_room.min(manner.size * 0.3)
            } else {
                side_room * random.between(0.05, 0.8)
            };
        let spare = field_height - manner.size;
        let foot = around
            + manner.size
            + spare * if random.chance(0.85) { random.between(0.25, 0.75) } else { random.between(-0.1, 1.05) };
        let (_, drawn) = draw(&mut canvas, &hand, &items, &manner, x, foot, random);
        if odd && odd_kind == 3 {
            cross_out(&mut canvas, x, length, foot, &manner, random);
        }
        let field = (around, around, field_width, field_height);
        surroundings(&mut canvas, field, boxed, &manner, dpi, random);
        let jitter = |random: &mut Random| (random.normal() * dpi * 0.006) as i32;
        let found = PixelBox {
            x: around as i32 + jitter(random),
            y: around as i32 + jitter(random),
            w: field_width as i32 + jitter(random),
            h: field_height as i32 + jitter(random),
        };
        let (bits, gray) = scan(canvas, dpi, random);
        let strip = strip(&bits, gray.as_ref(), Bounds { field: found, boxed }, dpi as u32)?;
        // What cannot stand in the strip's columns cannot be learned from it.
        let count = strip.width / 4 * COLUMNS;
        let doubled = label.windows(2).filter(|w| w[0] == w[1]).count();
        let columns = columns(&drawn, &label, &strip);
        (label.len() + doubled < count).then_some(Field { strip, label, columns })
    }
}

/// Where each character of the label stands among the network's columns: the middle of each says it, far from all of them is
/// blank, and between the two nothing is asked.
fn columns(drawn: &[(char, f32, f32)], label: &[usize], strip: &Strip) -> Vec<Option<usize>> {
    let count = strip.width.div_ceil(4) * COLUMNS;
    let each = 4.0 / COLUMNS as f32;
    let scale = (strip.width as f32 - 2.0 * MARGIN as f32) / strip.writing.w.max(1) as f32;
    let place = |x: f32| (MARGIN as f32 + (x - strip.writing.x as f32) * scale) / each - 0.5;
    let mut out = vec![Some(BLANK); count];
    let Some(mark) = label.iter().position(|&c| c == CENTS_MARK) else { return out };
    let mut digits = drawn.iter().enumerate().filter(|(_, d)| d.0.is_ascii_digit());
    let mut spans: Vec<(usize, f32, f32)> = Vec::new();
    let (mut last, mut end) = (0, 0.0);
    for &class in &label[..mark] {
        let Some((i, d)) = digits.next() else { return vec![None; count] };
        spans.push((class, d.1, d.2));
        (last, end) = (i, d.2);
    }
    let separator = drawn.get(last + 1).filter(|d| matches!(d.0, '.' | ',' | '-') && label.last() != Some(&NO_CENTS));
    let tail = &drawn[(last + 1 + usize::from(separator.is_some())).min(drawn.len())..];
    let Some(first) = tail.first() else { return vec![None; count] };
    match separator {
        Some(d) => spans.push((CENTS_MARK, d.1, d.2)),
        None => spans.push((CENTS_MARK, end, first.1.max(end + 0.1))),
    }
    if label.last() == Some(&NO_CENTS) {
        // However it is written, the network may choose where in it the sign stands.
        let from = place(end).max(0.0) as usize;
        out[from.min(count)..].fill(None);
        spans.pop();
    } else {
        for (&class, d) in label[mark + 1..].iter().zip(tail) {
            spans.push((class, d.1, d.2));
        }
    }
    for (class, left, right) in spans {
        let (left, right) = (place(left), place(right));
        let middle = (left + right) / 2.0;
        for (c, column) in out.iter_mut().enumerate() {
            let off = (c as f32 - middle).abs();
            if off <= 0.5 {
                *column = Some(class);
            } else if c as f32 > left - 0.3
                && (c as f32) < right + 0.3
                && (off < 1.5 * COLUMNS as f32 || class == CENTS_MARK)
                && *column == Some(BLANK)
            {
                *column = None;
            }
        }
    }
    out
}

fn amount(random: &mut Random) -> (u32, u32) {
    let dollars = if random.chance(0.02) {
        0
    } else {
        let (low, high) = if random.chance(0.75) { (5f32, 900f32) } else { (1f32, 60_000f32) };
        (low.ln() + (high.ln() - low.ln()) * random.unit()).exp() as u32
    };
    let cents = if random.chance(0.14) { 0 } else { random.below(100) as u32 };
    (dollars, cents)
}

fn label_of(dollars: u32, tail: &[usize]) -> Vec<usize> {
    let mut label: Vec<usize> = if dollars == 0 && tail.first() == Some(&CENTS_MARK) && tail.len() == 3 {
        vec![0]
    } else {
        dollars.to_string().bytes().map(|b| usize::from(b - b'0')).collect()
    };
    label.extend(tail);
    label
}

fn grouped(dollars: u32, comma: bool) -> String {
    if comma && dollars >= 1000 { format!("{},{:03}", dollars / 1000, dollars % 1000) } else { dollars.to_string() }
}

fn print(dollars: u32, cents: u32, random: &mut Random) -> (Vec<Item>, Vec<usize>) {
    let plain = format!("{}.{cents:02}", grouped(dollars, random.chance(0.8)));
    let stars = "*".repeat(1 + random.below(5));
    let text = match random.below(12) {
        0..3 => plain,
        3..5 => format!("${plain}"),
        5..8 => format!("{stars}{plain}"),
        8 => format!("${stars}{plain}"),
        9 => format!("{stars}{plain}{}", "*".repeat(1 + random.below(3))),
        10 => format!("{}${plain}", " ".repeat(random.below(2))),
        _ => format!("{}{plain}", ["#", "=", "$ "][random.below(3)]),
    };
    let items = text.chars().map(|c| Item { c, size: 1.0, raise: 0.0, gap: 0.0 }).collect();
    let tail = [CENTS_MARK, (cents / 10) as usize, (cents % 10) as usize];
    (items, label_of(dollars, &tail))
}

fn write(dollars: u32, cents: u32, random: &mut Random) -> (Vec<Item>, Vec<usize>) {
    let item = |c: char| Item { c, size: 1.0, raise: 0.0, gap: 0.0 };
    let mut items: Vec<Item> = Vec::new();
    if random.chance(0.1) {
        items.push(item('$'));
    }
    items.extend(grouped(dollars, random.chance(0.6)).chars().map(item));
    let digits = |text: &str, size: f32, raise: f32, gap: f32| -> Vec<Item> {
        text.chars().enumerate().map(|(i, c)| Item { c, size, raise, gap: if i == 0 { gap } else { 0.0 } }).collect()
    };
    let two = format!("{cents:02}");
    let mut tail = vec![CENTS_MARK, (cents / 10) as usize, (cents % 10) as usize];
    let separator = if random.chance(0.88) { '.' } else { ',' };
    let form = random.below(100);
    if cents == 0 && random.chance(0.5) {
        tail = vec![CENTS_MARK, NO_CENTS];
        let raise = random.between(0.2, 0.5);
        let small = random.between(0.4, 0.7);
        match random.below(5) {
            0 => {
                items.extend(digits("xx", small, raise, random.between(0.1, 0.4)));
                items.push(Item { c: '_', size: small, raise, gap: -1.0 });
            }
            1 => {
                items.extend(digits(["xx", "no"][random.below(2)], small, raise, random.between(0.1, 0.4)));
                items.push(Item { c: '/', size: 1.0, raise: 0.0, gap: 0.02 });
                items.extend(digits(["100", "00"][random.below(2)], random.between(0.35, 0.6), 0.0, 0.0));
            }
            2 => items.extend([
                Item { c: '-', size: 1.0, raise: 0.0, gap: 0.1 },
                Item { c: '-', size: 1.0, raise: 0.0, gap: 0.1 },
            ]),
            3 => items.extend([
                Item { c: separator, size: 1.0, raise: 0.0, gap: 0.05 },
                Item { c: '~', size: 1.0, raise: 0.0, gap: 0.1 },
            ]),
            _ => items.extend(digits("no", small, raise, random.between(0.1, 0.3))),
        }
        return (items, label_of(dollars, &tail));
    }
    match form {
        0..44 => {
            items.push(Item { c: separator, size: 1.0, raise: 0.0, gap: random.between(0.0, 0.12) });
            let (size, raise) =
                if random.chance(0.75) { (1.0, 0.0) } else { (random.between(0.55, 0.9), random.between(0.0, 0.35)) };
            items.extend(digits(&two, size, raise, random.between(0.0, 0.12)));
        }
        44..50 => {
            items.push(Item { c: '-', size: 1.0, raise: 0.0, gap: random.between(0.05, 0.2) });
            items.extend(digits(&two, 1.0, 0.0, random.between(0.05, 0.2)));
        }
        50..78 => {
            if random.chance(0.35) {
                items.push(Item { c: separator, size: 1.0, raise: 0.0, gap: random.between(0.0, 0.08) });
            }
            let (small, raise) = (random.between(0.45, 0.8), random.between(0.28, 0.6));
            items.extend(digits(&two, small, raise, random.between(0.08, 0.3)));
            if random.chance(0.65) {
                items.push(Item { c: '_', size: small, raise, gap: random.between(-2.0, -1.0) });
            }
        }
        78..94 => {
            let (small, raise) = (random.between(0.45, 0.75), random.between(0.2, 0.5));
            if random.chance(0.25) {
                items.push(Item { c: separator, size: 1.0, raise: 0.0, gap: random.between(0.0, 0.08) });
            }
            items.extend(digits(&two, small, raise, random.between(0.1, 0.4)));
            items.push(Item { c: '/', size: 1.0, raise: 0.0, gap: random.between(-0.05, 0.06) });
            items.extend(digits(
                ["100", "00", "xx"][random.below(3)],
                random.between(0.35, 0.6),
                0.0,
                random.between(-0.08, 0.04),
            ));
        }
        _ => items.extend(digits(&two, 1.0, 0.0, random.between(0.5, 0.8))),
    }
    if random.chance(0.08) {
        items.push(Item { c: '~', size: 1.0, raise: 0.0, gap: random.between(0.15, 0.4) });
    }
    (items, label_of(dollars, &tail))
}

/// Draws the items from `x` on and gives their length, and each character with its left and right side.
fn draw(
    canvas: &mut Canvas,
    hand: &Hand,
    items: &[Item],
    manner: &Manner,
    x: f32,
    foot: f32,
    random: &mut Random,
) -> (f32, Vec<(char, f32, f32)>) {
    let mut at = x;
    let mut cents_from = x;
    let mut drawn = Vec::new();
    let drift = random.normal() * 0.015;
    for item in items {
        let size = manner.size * item.size * (1.0 + random.normal() * manner.wobble);
        let base =
            foot - item.raise * manner.size + (at - x) * drift + random.normal() * manner.wobble * manner.size * 0.5;
        if item.c == '_' {
            // A line under the small cents, perhaps with something under it.
            let y = base + manner.size * random.between(0.06, 0.16);
            let (from, to) = (cents_from - size * 0.15, at + size * random.between(0.0, 0.3));
            canvas.stroke(
                &smooth(&[
                    (from, y + random.normal()),
                    ((from + to) / 2.0, y + random.normal() * 1.5),
                    (to, y + random.normal()),
                ]),
                manner.half,
                manner.dark,
            );
            if item.gap < -1.6 {
                let below = Item { c: ['x', '0'][random.below(2)], size: item.size * 0.6, raise: 0.0, gap: 0.0 };
                let mut cursor = from + size * 0.2;
                for _ in 0..2 {
                    cursor +=
                        one(canvas, hand, below.c, manner, cursor, y + size * 0.75, size * 0.6, random) + size * 0.05;
                }
                at = at.max(cursor);
            }
            continue;
        }
        let gap = item.gap * manner.size
            + manner.spacing * size * if item.gap == 0.0 { random.between(0.5, 1.5) } else { 1.0 };
        if at > x {
            at += gap;
        }
        if item.gap > 0.0 {
            cents_from = at;
        }
        let from = at;
        at += one(canvas, hand, item.c, manner, at, base, size, random);
        drawn.push((item.c, from, at));
    }
    (at - x, drawn)
}

/// One character; gives its width.
#[allow(clippy::too_many_arguments)]
fn one(
    canvas: &mut Canvas,
    hand: &Hand,
    c: char,
    manner: &Manner,
    x: f32,
    foot: f32,
    size: f32,
    random: &mut Random,
) -> f32 {
    let turn = random.normal() * manner.wobble * 0.6;
    let place = Place {
        x,
        foot,
        size,
        stretch: manner.stretch,
        slant: manner.slant,
        turn,
        dark: manner.dark,
        edge: manner.edge,
        hard: manner.hard,
    };
    if let Hand::Face(face) = hand {
        let c = if c == '~' { '-' } else { c };
        let Some(picture) = face.pictures.get(&c) else { return if c == ' ' { size * 0.5 } else { 0.0 } };
        let scale = size / (picture.bottom - picture.top).max(1.0) * manner.stretch;
        // Fonts keep their own weight; their edges are sharp.
        canvas.lay(picture, Place { x: x + picture.left * scale, edge: 0.5 - (manner.edge - 0.47) * 0.5, ..place });
        return picture.advance * scale;
    }
    let digit = c.to_digit(10).map(|d| d as usize);
    let stretch = manner.stretch * 0.95;
    let lean =
        |(px, py): (f32, f32)| (x + px * size * stretch - (py - 1.0) * size * manner.slant, foot + (py - 1.0) * size);
    if let (Hand::Writer(writer), Some(d)) = (hand, digit) {
        let Some(picture) = writer.digits[d].get(random.below(writer.digits[d].len())) else {
            return pen(canvas, &Style::new(random).digit(d, random), lean, manner, size * stretch);
        };
        // The ones of the set are as high as the others and very narrow.
        canvas.lay(picture, place);
        return picture.width as f32 * size / picture.height as f32 * manner.stretch;
    }
    let fallback;
    let style = match hand {
        Hand::Pen(style) => style,
        _ => {
            fallback = Style::new(random);
            &fallback
        }
    };
    if let Some(d) = digit {
        return pen(canvas, &style.digit(d, random), lean, manner, size * stretch);
    }
    let mut r = |low: f32, high: f32| random.between(low, high);
    let strokes: Vec<Vec<(f32, f32)>> = match c {
        '.' => {
            let spot = (r(0.02, 0.08), r(0.9, 1.0));
            let tail = r(0.0, 0.09);
            vec![vec![spot, (spot.0 + tail * r(-1.0, 1.0), spot.1 + tail * 0.7)]]
        }
        ',' => vec![vec![(r(0.08, 0.14), r(0.85, 0.95)), (r(0.0, 0.06), r(1.05, 1.25))]],
        '-' => vec![vec![(0.0, r(0.45, 0.65)), (r(0.25, 0.5), r(0.45, 0.65))]],
        '~' => vec![smooth(&[(0.0, r(0.4, 0.7)), (r(0.5, 1.2), r(0.4, 0.7)), (r(1.3, 2.6), r(0.4, 0.7))])],
        '/' => vec![vec![(r(0.35, 0.6), r(-0.15, 0.1)), (r(-0.05, 0.1), r(0.95, 1.25))]],
        '$' => vec![
            smooth(&[
                (0.45, r(0.1, 0.2)),
                (0.25, r(0.0, 0.08)),
                (0.05, 0.25),
                (0.25, 0.5),
                (0.5, 0.75),
                (0.25, 1.0),
                (0.0, r(0.8, 0.95)),
            ]),
            vec![(r(0.2, 0.32), -0.15), (r(0.2, 0.3), 1.15)],
        ],
        'x' => vec![vec![(0.0, r(0.3, 0.45)), (0.5, 1.0)], vec![(0.5, r(0.3, 0.45)), (0.0, 1.0)]],
        'n' => {
            vec![smooth(&[(0.05, 0.4), (0.05, 1.0), (0.05, 1.0), (0.15, 0.5), (0.35, 0.4), (0.45, 0.6), (0.45, 1.0)])]
        }
        'o' => vec![smooth(&[(0.3, 0.4), (0.05, 0.6), (0.1, 0.95), (0.35, 1.0), (0.48, 0.7), (0.3, 0.42)])],
        ' ' => return size * 0.3,
        _ => vec![smooth(&[
            (r(0.0, 0.3), r(0.0, 0.5)),
            (r(0.1, 0.6), r(0.0, 1.0)),
            (r(0.0, 0.5), r(0.3, 1.0)),
            (r(0.1, 0.6), r(0.5, 1.0)),
        ])],
    };
    pen(canvas, &strokes, lean, manner, size * stretch)
}

fn pen(
    canvas: &mut Canvas,
    strokes: &[Vec<(f32, f32)>],
    lean: impl Fn((f32, f32)) -> (f32, f32),
    manner: &Manner,
    unit: f32,
) -> f32 {
    for stroke in strokes {
        canvas.stroke(&stroke.iter().map(|&p| lean(p)).collect::<Vec<_>>(), manner.half, manner.dark);
    }
    let right = strokes.iter().flatten().map(|p| p.0).fold(0.05, f32::max);
    right * unit + 2.0 * manner.half
}

fn cross_out(canvas: &mut Canvas, x: f32, length: f32, foot: f32, manner: &Manner, random: &mut Random) {
    let s = manner.size;
    let mut line = |random: &mut Random, a: f32, b: f32| {
        let points = [
            (x - s * random.between(-0.3, 0.3), foot - s * a),
            (x + length / 2.0, foot - s * random.between(0.2, 0.8)),
            (x + length + s * random.between(-0.3, 0.3), foot - s * b),
        ];
        canvas.stroke(&smooth(&points), manner.half * random.between(0.9, 1.3), manner.dark);
    };
    if random.chance(0.5) {
        for _ in 0..1 + random.below(3) {
            let (a, b) = (random.between(0.2, 0.8), random.between(0.2, 0.8));
            line(random, a, b);
        }
    } else {
        let mut points = Vec::new();
        let turns = 5 + random.below(9);
        for i in 0..turns {
            let up = if i % 2 == 0 { random.between(0.7, 1.1) } else { random.between(-0.1, 0.3) };
            points.push((x + length * i as f32 / turns as f32, foot - s * up));
        }
        canvas.stroke(&smooth(&points), manner.half, manner.dark);
    }
}

/// Box lines, the payee's line, the print and the strokes of neighbours, a stamp.
fn surroundings(
    canvas: &mut Canvas,
    field: (f32, f32, f32, f32),
    boxed: bool,
    manner: &Manner,
    dpi: f32,
    random: &mut Random,
) {
    let (x, y, w, h) = field;
    let slope = random.normal() * 0.004;
    let line = |canvas: &mut Canvas, a: (f32, f32), b: (f32, f32), half: f32, dark: f32| {
        canvas.stroke(&[(a.0, a.1 + (a.0 - x) * slope), (b.0, b.1 + (b.0 - x) * slope)], half, dark);
    };
    let (half, dark) = (random.between(0.3, 1.3) * dpi / 200.0, random.between(0.4, 1.0));
    if boxed {
        line(canvas, (x, y), (x + w, y), half, dark);
        line(canvas, (x, y + h), (x + w, y + h), half, dark);
        line(canvas, (x, y), (x, y + h), half, dark);
        line(canvas, (x + w, y), (x + w, y + h), half, dark);
    } else if random.chance(0.7) {
        line(canvas, (x - dpi * 0.15, y + h), (x + w, y + h), half, dark);
    }
    if random.chance(0.5) {
        // The payee's line ends left of the field, and that of the words runs below.
        line(canvas, (0.0, y + h * random.between(0.8, 1.0)), (x - dpi * 0.12, y + h * 0.95), half, dark);
    }
    if random.chance(0.4) {
        let under = y + h + dpi * random.between(0.05, 0.18);
        line(canvas, (0.0, under), (x + w * random.between(0.3, 1.2), under), half, dark);
    }
    if random.chance(0.25) {
        // Strokes of what is written above or below, and of a payee's name that is too long.
        for _ in 0..1 + random.below(3) {
            let start = match random.below(3) {
                0 => (x + w * random.unit(), y - dpi * 0.1),
                1 => (x + w * random.unit(), y + h + dpi * 0.12),
                _ => (x - dpi * 0.1, y + h * random.unit()),
            };
            let r = dpi * 0.1;
            let mut points = vec![start];
            for _ in 0..2 + random.below(3) {
                points.push((start.0 + random.between(-r, r), start.1 + random.between(-r, r)));
            }
            canvas.stroke(&smooth(&points), manner.half, manner.dark * random.between(0.7, 1.0));
        }
    }
    if random.chance(0.03) {
        let centre = (x + w * random.unit(), y + h * random.between(-0.5, 1.5));
        let radius = dpi * random.between(0.2, 0.5);
        let ring: Vec<(f32, f32)> = (0..=40)
            .map(|i| i as f32 / 40.0 * std::f32::consts::TAU)
            .map(|a| (centre.0 + radius * a.cos(), centre.1 + radius * 0.8 * a.sin()))
            .collect();
        canvas.stroke(&ring, dpi * random.between(0.004, 0.012), random.between(0.2, 0.7));
    }
}

/// Lamp, lens, paper, noise, JPEG or threshold.
fn scan(mut canvas: Canvas, dpi: f32, random: &mut Random) -> (Bits, Option<Gray>) {
    canvas.soften(random.between(0.1, 0.9) * dpi / 220.0);
    let (paper, dark) = (random.between(175.0, 254.0), random.between(10.0, 90.0));
    let bitonal = random.chance(0.45);
    let noise = random.between(0.0, if bitonal { 4.0 } else { 9.0 });
    let (pattern, period) = (random.below(6), random.between(4.0, 16.0) * dpi / 200.0);
    let depth = if bitonal && random.chance(0.8) { 0.0 } else { random.between(4.0, 34.0) };
    let (ramp_x, ramp_y) = (random.normal() * 0.05, random.normal() * 0.05);
    let phase = random.between(0.0, 6.0);
    let mut gray = Gray::new(canvas.width, canvas.height);
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let (fx, fy) = (x as f32, y as f32);
            let ink = canvas.ink[y * canvas.width + x];
            let weave = match pattern {
                0 => f32::from(((fx + fy) / period + phase).fract() < 0.35),
                1 => f32::from(((fy + (fx / period * 0.7 + phase).sin() * period * 0.4) / period).fract() < 0.3),
                2 => {
                    let (u, v) = ((fx / period).fract() - 0.5, (fy / period).fract() - 0.5);
                    f32::from(u * u + v * v < 0.08)
                }
                _ => 0.0,
            };
            let white = paper + ramp_x * fx + ramp_y * fy - weave * depth;
            let level = white - ink * (white - dark).max(0.0);
            let level = level + if noise > 0.5 { (random.unit() + random.unit() - 1.0) * 1.7 * noise } else { 0.0 };
            gray.set(x, y, level.clamp(0.0, 255.0) as u8);
        }
    }
    if bitonal {
        let mut bits = if random.chance(0.5) {
            imaging::binarize(&gray)
        } else {
            let middle = dark + (paper - dark) * random.between(0.35, 0.72);
            imaging::convert::threshold(&gray, middle as u8)
        };
        if random.chance(0.12) {
            // Dust, and ink that did not hold.
            for _ in 0..(canvas.width * canvas.height / 250) {
                let (x, y) = (random.below(canvas.width), random.below(canvas.height));
                bits.set(x, y, random.chance(0.5));
            }
        }
        return (bits, None);
    }
    if random.chance(0.6) {
        let quality = 30 + random.below(55) as u8;
        let page = imaging::jpeg::write_gray(&gray, quality, dpi as u32).and_then(|b| imaging::load(&b, 0).ok());
        if let Some(Raster::Gray(again)) = page.map(|p| p.raster) {
            gray = again;
        }
    }
    (imaging::binarize(&gray), Some(gray))
}
