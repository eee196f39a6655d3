//! The reader against the trainer's vectors, on odd boxes, replayed, and with weights that were changed.

use std::time::Instant;

use super::decide::{Rules, decide};
use super::network::{BLANK, CENTS_MARK, CLASSES, Conv, Network, Scratch, Size};
use super::strip::{HEIGHT, Strip};
use super::*;
use crate::domain::{AmountUnsure, Cents};
use crate::imaging::{Bits, Transform};

const RULES: Rules = Rules { threshold: 0.0, close_margin: 4.0, limit: None };

fn cents(text: &str) -> Cents {
    text.parse().unwrap()
}

/// Strips with the log chances that the trainer's own forward pass gave them.
fn vectors() -> Vec<(Strip, Vec<[f32; CLASSES]>)> {
    let lines = include_str!("amount.vectors").lines().filter(|l| !l.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let width = words[0].parse().unwrap();
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            let ink: Vec<f32> = words[1].as_bytes().chunks(2).map(|p| f32::from(byte(p)) / 255.0).collect();
            assert_eq!(ink.len(), width * HEIGHT);
            let values: Vec<f32> = words[2].split(',').map(|v| v.parse().unwrap()).collect();
            (Strip { width, ink, writing: PixelBox::default() }, values.as_chunks::<CLASSES>().0.to_vec())
        })
        .collect()
}

#[test]
fn the_forward_pass_is_the_trainers() {
    let network = Reader::own().unwrap().network();
    let vectors = vectors();
    assert!(vectors.len() >= 4);
    for (strip, want) in &vectors {
        let got = network.forward(strip, &mut Scratch::default());
        assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().flatten().zip(want.iter().flatten()) {
            assert!((g - w).abs() < 1e-3, "{g} {w}");
        }
    }
}

/// The convolutions once more, as the textbook writes them, in f64.
fn plainly(network: &Network, strip: &Strip) -> Vec<Vec<f64>> {
    let mut size = Size { height: HEIGHT, width: strip.width };
    let mut values: Vec<f64> = strip.ink.iter().map(|v| f64::from(*v)).collect();
    for (i, l) in network.layers.iter().enumerate() {
        let Conv { kernel, stride, pad, reach, adds, inputs, outputs, weights, bias } = l;
        let out = l.size(size);
        let mut next = vec![0.0; out.height * out.width * outputs];
        for y in 0..out.height {
            for x in 0..out.width {
                for o in 0..*outputs {
                    let mut sum = f64::from(bias[o]);
                    for ky in 0..kernel.0 {
                        for kx in 0..kernel.1 {
                            let (iy, ix) = (y * stride.0 + ky, x * stride.1 + kx * reach);
                            if iy < pad.0 || ix < pad.1 || iy - pad.0 >= size.height || ix - pad.1 >= size.width {
                                continue;
                            }
                            for c in 0..*inputs {
                                let w = weights[((ky * kernel.1 + kx) * inputs + c) * outputs + o];
                                sum += f64::from(w) * values[((iy - pad.0) * size.width + ix - pad.1) * inputs + c];
                            }
                        }
                    }
                    let last = i + 1 == network.layers.len();
                    let at = (y * out.width + x) * outputs + o;
                    next[at] = if last { sum } else { sum.max(0.0) } + if *adds { values[at] } else { 0.0 };
                }
            }
        }
        (values, size) = (next, out);
    }
    values.chunks(network::LANES).map(<[f64]>::to_vec).collect()
}

#[test]
fn the_fast_sums_are_the_textbooks() {
    let network = Reader::own().unwrap().network();
    let (strip, _) = &vectors()[0];
    let plain = plainly(network, strip);
    for (got, logits) in network.forward(strip, &mut Scratch::default()).iter().zip(&plain) {
        let all: f64 = logits[..CLASSES].iter().map(|l| l.exp()).sum::<f64>().ln();
        for (g, l) in got.iter().zip(logits) {
            assert!((f64::from(*g) - (l - all)).abs() < 1e-3);
        }
    }
}

#[test]
fn a_changed_weights_file_disables_the_reader() {
    let mut weights = WEIGHTS.to_vec();
    let at = weights.len() / 2;
    weights[at] ^= 1;
    assert!(matches!(Reader::new(&weights, WEIGHTS_SHA256), Err(ReaderError::Changed { .. })));
    assert!(matches!(Reader::new(&WEIGHTS[..at], WEIGHTS_SHA256), Err(ReaderError::Changed { .. })));
    for cut in [0, 7, 8, 12, 40, 100, at, WEIGHTS.len() - 1] {
        assert!(Network::from_bytes(&WEIGHTS[..cut]).is_err(), "{cut}");
    }
    assert!(Network::from_bytes(&[WEIGHTS, &[0]].concat()).is_err());
    assert_eq!(Network::from_bytes(WEIGHTS).unwrap().to_bytes(), WEIGHTS);
}

struct Box1 {
    bits: Bits,
}

impl Box1 {
    fn new() -> Box1 {
        let mut one = Box1 { bits: Bits::new(300, 120) };
        for (a, b) in [((40, 30), (260, 30)), ((40, 85), (260, 85)), ((40, 30), (40, 85)), ((260, 30), (260, 85))] {
            one.line(a, b, 1);
        }
        one
    }

    fn line(&mut self, a: (i32, i32), b: (i32, i32), half: i32) {
        let steps = (b.0 - a.0).abs().max((b.1 - a.1).abs()).max(1);
        for i in 0..=steps {
            let (x, y) = (a.0 + (b.0 - a.0) * i / steps, a.1 + (b.1 - a.1) * i / steps);
            for (dx, dy) in (-half..=half).flat_map(|dx| (-half..=half).map(move |dy| (dx, dy))) {
                self.bits.set((x + dx) as usize, (y + dy) as usize, true);
            }
        }
    }

    /// Seven strokes, as on a clock; good enough for an eye.
    fn digit(&mut self, d: usize, x: i32) {
        const STROKES: [(&str, [(i32, i32); 2]); 7] = [
            ("02356789", [(0, 0), (14, 0)]),
            ("045689", [(0, 0), (0, 14)]),
            ("01234789", [(14, 0), (14, 14)]),
            ("2345689", [(0, 14), (14, 14)]),
            ("0268", [(0, 14), (0, 28)]),
            ("013456789", [(14, 14), (14, 28)]),
            ("0235689", [(0, 28), (14, 28)]),
        ];
        for (digits, [a, b]) in STROKES {
            if digits.contains(&d.to_string()) {
                self.line((x + a.0, 43 + a.1), (x + b.0, 43 + b.1), 1);
            }
        }
    }

    fn amount(&mut self, text: &str, mut x: i32) {
        for c in text.chars() {
            match c.to_digit(10) {
                Some(d) => {
                    self.digit(d as usize, x);
                    x += 22;
                }
                None => {
                    self.line((x, 69), (x + 2, 71), 1);
                    x += 9;
                }
            }
        }
    }

    fn dollar(&mut self, x: i32) {
        self.digit(5, x);
        self.line((x + 7, 38), (x + 7, 76), 1);
    }
}

#[test]
fn odd_boxes_are_unsure_and_soon() {
    let expected = [cents("123.45"), cents("54.20"), cents("1.00"), cents("77.77"), cents("250.00")];
    let draw = |what: &str| {
        let mut b = Box1::new();
        match what {
            "blank" => {}
            "only a dollar sign" => b.dollar(60),
            "stamp" => {
                b.amount("123.45", 60);
                for n in 0..9 {
                    b.line((50 + n * 22, 34), (70 + n * 22, 82), 3);
                    b.line((70 + n * 22, 34), (50 + n * 22, 82), 3);
                }
            }
            "crossed out" => {
                b.amount("123.45", 60);
                b.line((52, 72), (200, 44), 1);
                b.line((52, 44), (200, 72), 1);
                b.line((52, 57), (200, 59), 1);
            }
            "two amounts" => {
                b.amount("54.20", 48);
                b.amount("77.77", 160);
            }
            _ => b.bits = Bits::new(1, 1),
        }
        if what == "one inked pixel" {
            b.bits.set(0, 0, true);
        }
        Upright { bits: b.bits, gray: None, dpi: 200, transform: Transform::IDENTITY }
    };
    let reader = Reader::own().unwrap();
    for what in ["blank", "only a dollar sign", "stamp", "crossed out", "two amounts", "one pixel", "one inked pixel"] {
        let page = draw(what);
        let started = Instant::now();
        let of_field = reader.read_field(&page, PixelBox { x: 40, y: 30, w: 221, h: 56 });
        let found = reader.read(&page, None);
        let spent = started.elapsed().as_millis();
        for read in [of_field, found] {
            let columns = read.and_then(|r| unpacked(&r.field?.columns));
            let verdict = decide(columns.as_deref(), &expected, &RULES);
            assert!(verdict.result.is_err(), "{what}: {verdict:?}");
        }
        // 50 ms each on one core in release; the tests run unoptimized beside each other.
        assert!(spent < if cfg!(debug_assertions) { 2000 } else { 100 }, "{what}: {spent} ms");
    }
}

#[test]
fn a_record_replays_to_the_same_log_odds() {
    let network = Reader::own().unwrap().network();
    for (strip, _) in vectors() {
        let record = packed(&network.forward(&strip, &mut Scratch::default()));
        let columns = unpacked(&record).unwrap();
        assert_eq!(packed(&columns), record);
        let first = decide(Some(&columns), &[cents("123.45"), cents("99.00")], &RULES);
        let again = decide(unpacked(&record).as_deref(), &[cents("99.00"), cents("123.45")], &RULES);
        assert_eq!(first, again);
        // And from the pixels: the same record, bit for bit.
        assert_eq!(packed(&network.forward(&strip, &mut Scratch::default())), record);
    }
    for bad in ["", "0", "zz", "00ff"] {
        assert!(unpacked(bad).is_none(), "{bad}");
    }
}

/// Columns that surely say one character each, with a blank between.
fn spelled(text: &str) -> Vec<[f32; CLASSES]> {
    let sure = |class: usize| std::array::from_fn(|i| if i == class { -0.01 } else { -7.0 });
    let class = |c: char| c.to_digit(10).map_or(if c == '|' { CENTS_MARK } else { network::NO_CENTS }, |d| d as usize);
    text.chars().flat_map(|c| [sure(class(c)), sure(BLANK)]).collect()
}

#[test]
fn the_list_of_conditions() {
    for (field, hypotheses, want) in [
        ("123|45", "123.45 99.00", Ok("123.45")),
        ("123|x", "123.00 99.00", Ok("123.00")),
        ("|99", "0.99 99.00", Ok("0.99")),
        ("123|45", "99.00 11.00", Err(AmountUnsure::Unlikely)),
        ("123|45", "123.46", Err(AmountUnsure::Unlikely)),
        ("123|45", "", Err(AmountUnsure::NothingExpected)),
        ("12345", "123.45", Err(AmountUnsure::NoCentsMark)),
        ("6000|00", "6000.00", Err(AmountUnsure::OverLimit)),
        ("", "123.45", Err(AmountUnsure::NoField)),
    ] {
        let columns = spelled(field);
        let hypotheses: Vec<Cents> = hypotheses.split_whitespace().map(cents).collect();
        let rules = Rules { limit: Some(cents("5000.00")), ..RULES };
        let got = decide(Some(&columns).filter(|c| !c.is_empty()).map(|c| &c[..]), &hypotheses, &rules);
        assert_eq!(got.result, want.map(cents), "{field} {hypotheses:?}: {:?}", got.choices);
    }
    // One digit apart: only far above the threshold.
    let near = [cents("123.45"), cents("123.46")];
    let wanted = |close_margin| decide(Some(&spelled("123|45")), &near, &Rules { close_margin, ..RULES }).result;
    assert_eq!(wanted(2.0), Ok(cents("123.45")));
    assert_eq!(wanted(9.0), Err(AmountUnsure::TooClose));
    for (a, b, want) in
        [("1.23", "1.24", true), ("1.23", "1.32", true), ("1.23", "3.21", false), ("1.23", "11.23", false)]
    {
        assert_eq!(decide::within_one_digit(cents(a), cents(b)), want, "{a} {b}");
    }
}

/// The forward recursion against the sum over every path.
#[test]
fn a_chance_is_the_sum_over_all_ways_to_write_it() {
    let columns: Vec<[f32; CLASSES]> = (0..4)
        .map(|t| {
            let logits: [f32; CLASSES] = std::array::from_fn(|c| ((t * 7 + c * 5) % 11) as f32 * 0.4);
            let all = logits.iter().map(|l| l.exp()).sum::<f32>().ln();
            logits.map(|l| l - all)
        })
        .collect();
    let mut sums = std::collections::BTreeMap::<Vec<usize>, f64>::new();
    for n in 0..CLASSES.pow(4) {
        let path: Vec<usize> = (0..4).map(|t| n / CLASSES.pow(t) % CLASSES).collect();
        let chance: f32 = path.iter().enumerate().map(|(t, &c)| columns[t][c]).sum();
        let mut label = path.clone();
        label.dedup();
        label.retain(|&c| c != BLANK);
        *sums.entry(label).or_default() += f64::from(chance).exp();
    }
    for label in [vec![], vec![1], vec![1, 1], vec![1, CENTS_MARK, 2], vec![3, 4, 5, 6], vec![2, 2, 2]] {
        let want = sums.get(&label).copied().unwrap_or(0.0);
        let got = f64::from(score::log_chance(&columns, &label)).exp();
        assert!((got - want).abs() < 1e-5, "{label:?}: {got} {want}");
    }
}

#[test]
fn labels_and_amounts() {
    for (amount, want) in
        [("123.45", "123|45"), ("123.00", "123|00 123|x"), ("0.99", "0|99 |99"), ("1234.05", "1234|05"), ("0.00", "")]
    {
        let text = |label: &score::Label| label.iter().map(|&c| b"0123456789|x"[c] as char).collect::<String>();
        let labels = score::labels(cents(amount));
        assert_eq!(labels.iter().map(text).collect::<Vec<_>>().join(" "), want);
        for label in labels {
            assert_eq!(score::amount(&label), Some(cents(amount)));
        }
    }
    for no in [&[1, 2][..], &[1, CENTS_MARK, 2], &[CENTS_MARK], &[1, CENTS_MARK, 2, 3, 4], &[CENTS_MARK, 0, 0]] {
        assert_eq!(score::amount(no), None, "{no:?}");
    }
}

/// A check's front at 200 dpi to draw on.
struct Front(Box1);

impl Front {
    fn new() -> Front {
        Front(Box1 { bits: Bits::new(1200, 550) })
    }

    fn line(&mut self, a: (i32, i32), b: (i32, i32)) {
        self.0.line(a, b, 1);
    }

    /// The printed sign, 24 wide and 40 high.
    fn dollar(&mut self, x: i32, y: i32) {
        let bends = [
            (20, 8),
            (16, 4),
            (6, 4),
            (2, 9),
            (2, 15),
            (6, 19),
            (17, 20),
            (21, 25),
            (21, 32),
            (17, 36),
            (6, 36),
            (2, 31),
        ];
        for pair in bends.windows(2) {
            self.0.line((x + pair[0].0, y + pair[0].1), (x + pair[1].0, y + pair[1].1), 2);
        }
        self.0.line((x + 11, y), (x + 11, y + 39), 1);
    }

    fn page(self) -> Upright {
        Upright { bits: self.0.bits, gray: None, dpi: 200, transform: Transform::IDENTITY }
    }
}

/// The drawn zone before the closed box before the `$` before the fixed place; the words lie left below the figures.
#[test]
fn where_the_amount_stands() {
    let boxed = |front: &mut Front| {
        for (a, b) in
            [((900, 200), (1140, 200)), ((900, 255), (1140, 255)), ((900, 200), (900, 255)), ((1140, 200), (1140, 255))]
        {
            front.line(a, b);
        }
    };
    let zone = Zone { x: 7000, y: 3000, w: 2500, h: 1200 };
    type Drawing<'a> = &'a dyn Fn(&mut Front);
    type Case<'a> = (&'a str, Drawing<'a>, Option<Zone>, FieldFound, (i32, i32));
    let cases: [Case; 6] = [
        ("a closed box", &|f| boxed(f), None, FieldFound::Box, (1020, 228)),
        ("a box with a sign before it", &|f| (boxed(f), f.dollar(860, 208)).0, None, FieldFound::Box, (1020, 228)),
        ("a box, and a zone", &|f| boxed(f), Some(zone), FieldFound::Zone, (990, 198)),
        ("a sign alone", &|f| f.dollar(860, 208), None, FieldFound::Dollar, (1035, 228)),
        (
            "a sign and the payee's line",
            &|f| (f.dollar(860, 208), f.line((60, 250), (840, 250))).0,
            None,
            FieldFound::Dollar,
            (1035, 228),
        ),
        ("nothing", &|_| (), None, FieldFound::Ratio, (1035, 222)),
    ];
    for (what, draw, zone, want, (x, y)) in cases {
        let mut front = Front::new();
        draw(&mut front);
        let found = find::find(&front.page(), zone);
        assert_eq!(found.by, want, "{what}");
        let field = found.bounds.field;
        let middle = (field.x + field.w / 2, field.y + field.h / 2);
        assert!((middle.0 - x).abs() <= 6 && (middle.1 - y).abs() <= 6, "{what}: {field:?}");
        let words = found.words;
        assert!(words.x < 60 && words.x + words.w <= field.x && words.w > 600, "{what}: {words:?}");
        assert!(words.y >= field.y + field.h && words.h >= 60, "{what}: {words:?}");
    }
}

/// What belongs to the writing: a thin pen's point between digits does, dust and pieces of line do not.
#[test]
fn the_strip_is_the_writing() {
    let of = |draw: &dyn Fn(&mut Box1)| {
        let mut b = Box1::new();
        b.amount("12345", 90);
        draw(&mut b);
        let field = PixelBox { x: 40, y: 30, w: 221, h: 56 };
        strip::strip(&b.bits, None, Bounds { field, boxed: true }, 200)
    };
    let plain = of(&|_| ()).unwrap();
    let columns = plain.width - 2 * strip::MARGIN;
    for (what, draw, same_writing, same_ink) in [
        (
            "a point of two pixels",
            (&|b: &mut Box1| (0..2).for_each(|i| b.bits.set(151 + i, 71, true))) as &dyn Fn(&mut Box1),
            true,
            false,
        ),
        ("dust beside", &|b| b.bits.set(50, 60, true), true, true),
        ("a speck far left", &|b| (0..4).for_each(|i| b.bits.set(60 + i, 40, true)), true, true),
        ("a piece of line left", &|b| b.line((52, 80), (70, 80), 1), true, true),
        ("another digit left", &|b| b.digit(8, 60), false, false),
        ("another digit far right", &|b| b.digit(8, 225), false, false),
    ] {
        let strip = of(draw).unwrap();
        assert_eq!(strip.writing == plain.writing, same_writing, "{what}: {:?}", strip.writing);
        assert_eq!(strip.ink == plain.ink, same_ink, "{what}");
        assert!(strip.width - 2 * strip::MARGIN >= columns, "{what}");
    }
    let mut empty = Box1::new();
    (0..40).for_each(|i| empty.bits.set(60 + i * 4, 40 + i % 30, true));
    let field = PixelBox { x: 40, y: 30, w: 221, h: 56 };
    assert_eq!(strip::strip(&empty.bits, None, Bounds { field, boxed: true }, 200), None, "dust alone");
}
