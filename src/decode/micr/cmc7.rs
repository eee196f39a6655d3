//! The CMC-7 reader (ISO 1004-2) for a picture that is one line and little else: seven bars a character, six gaps between
//! them, two of which are wide. Refuses a line whose bars do not fall into sevens. Letters: `F` SI, `G` SII, `H` SIII, `I` SV,
//! `J` SIV. Some free fonts print `0` and SV with other gaps than the standard: those are told by their shape.

use super::fields;
use crate::domain::{CharRead, MicrRead, PixelBox};
use crate::imaging::{Gray, Upright};

/// Wide gaps of the six, the first in the highest bit.
const CODES: [(u8, char); 15] = [
    (0b100010, '1'),
    (0b011000, '2'),
    (0b101000, '3'),
    (0b100100, '4'),
    (0b000110, '5'),
    (0b001010, '6'),
    (0b110000, '7'),
    (0b010010, '8'),
    (0b010100, '9'),
    (0b001100, '0'),
    (0b100001, 'F'),
    (0b010001, 'G'),
    (0b001001, 'H'),
    (0b000011, 'I'),
    (0b000101, 'J'),
];

/// A bar: its middle and its columns.
#[derive(Clone, Copy, Debug)]
struct Bar {
    middle: f32,
    from: usize,
    to: usize,
}

/// The product of the characters' confidences from which a line is accepted.
const ACCEPT: f32 = 0.97;

/// The line in CMC-7; `None` where it is something else.
pub fn read_line(page: &Upright) -> Option<MicrRead> {
    let ink = Picture::of(page)?;
    let bars = ink.bars();
    if bars.len() < 28 {
        return None;
    }
    let mut gaps: Vec<f32> = bars.windows(2).map(|b| b[1].middle - b[0].middle).collect();
    let by_place = gaps.clone();
    gaps.sort_by(f32::total_cmp);
    // More than half of all gaps are narrow.
    let narrow = gaps[gaps.len() * 3 / 10];
    let mut characters: Vec<Vec<Bar>> = vec![vec![bars[0]]];
    for (bar, gap) in bars[1..].iter().zip(&by_place) {
        // Bars of one character are at most two narrow gaps apart, characters more than three.
        if *gap > 2.6 * narrow {
            characters.push(Vec::new());
        }
        if let Some(last) = characters.last_mut() {
            last.push(*bar);
        }
    }
    // A house-shaped SV has an eighth bar and stands near what follows.
    let mut apart: Vec<Vec<Bar>> = Vec::new();
    for group in characters {
        if group.len() == 15 {
            apart.extend([group[..8].to_vec(), group[8..].to_vec()]);
        } else {
            apart.push(group);
        }
    }
    let known = apart.iter().filter(|g| matches!(g.len(), 7 | 8)).count();
    if known < 4 || known * 10 < apart.len() * 7 {
        return None;
    }
    let (mut text, mut best) = (String::new(), String::new());
    let mut chars = Vec::new();
    let mut before: Option<f32> = None;
    for group in &apart {
        let (first, last) = (group[0], group[group.len() - 1]);
        let (c, confidence) = ink.character(group);
        if before.is_some_and(|b| first.middle - b > 8.0 * narrow) {
            text.push(' ');
            best.push(' ');
        }
        before = Some(last.middle);
        best.push(c);
        text.push(if confidence >= super::REJECT { c } else { '?' });
        let (w, h) = ((last.to - first.from) as i32, (ink.foot - ink.top) as i32);
        let bbox = page.transform.to_source(PixelBox { x: first.from as i32, y: ink.top as i32, w, h });
        chars.push(CharRead { c, confidence, bbox });
    }
    let confidence = chars.iter().map(|c| c.confidence).product();
    let accepted = confidence >= ACCEPT && !text.contains('?');
    Some(MicrRead { text, best, accepted, confidence, chars, fields: fields("") })
}

/// Ink of the rows in which the line stands.
struct Picture {
    gray: Gray,
    top: usize,
    foot: usize,
    limit: u8,
}

impl Picture {
    fn of(page: &Upright) -> Option<Picture> {
        let gray = page.gray.clone().unwrap_or_else(|| {
            let mut gray = Gray::new(page.bits.width(), page.bits.height());
            for y in 0..gray.height() {
                (0..gray.width()).for_each(|x| gray.set(x, y, if page.bits.get(x, y) { 0 } else { 255 }));
            }
            gray
        });
        let (mut least, mut most) = (255u8, 0u8);
        for y in 0..gray.height() {
            gray.row(y).iter().for_each(|&p| (least, most) = (least.min(p), most.max(p)));
        }
        if most.saturating_sub(least) < 40 {
            return None;
        }
        let limit = (u16::from(least) + u16::from(most)) / 2;
        let limit = limit as u8;
        let enough = gray.width() / 100 + 2;
        let inked = |&y: &usize| gray.row(y).iter().filter(|&&p| p < limit).count() > enough;
        let (top, foot) = ((0..gray.height()).find(inked)?, (0..gray.height()).rev().find(inked)? + 1);
        (foot >= top + 12).then_some(Picture { gray, top, foot, limit })
    }

    fn is_ink(&self, x: usize, y: usize) -> bool {
        self.gray.row(y)[x] < self.limit
    }

    fn bars(&self) -> Vec<Bar> {
        let least = ((self.foot - self.top) / 20).max(1);
        let inked = |x: usize| (self.top..self.foot).filter(|&y| self.is_ink(x, y)).count() > least;
        let mut bars = Vec::new();
        let mut x = 0;
        while x < self.gray.width() {
            if !inked(x) {
                x += 1;
                continue;
            }
            let from = x;
            while x < self.gray.width() && inked(x) {
                x += 1;
            }
            bars.push(Bar { middle: (from + x) as f32 / 2.0, from, to: x });
        }
        bars
    }

    /// The character of a group of bars, and how sure it is.
    fn character(&self, bars: &[Bar]) -> (char, f32) {
        if bars.len() == 8 {
            return ('I', 0.995);
        }
        if bars.len() != 7 {
            return ('0', 0.1);
        }
        let gaps: Vec<f32> = bars.windows(2).map(|b| b[1].middle - b[0].middle).collect();
        let mut order: Vec<usize> = (0..6).collect();
        order.sort_by(|&a, &b| gaps[b].total_cmp(&gaps[a]));
        let code = order[..2].iter().fold(0u8, |code, &i| code | 1 << (5 - i));
        // The narrower of the wide gaps against the wider of the narrow ones: 1.67 by the standard, 1 is no code at all.
        let apart = gaps[order[1]] / gaps[order[2]].max(0.1);
        if code == 0b100001 && gaps[0] < 0.8 * gaps[5] {
            return ('I', 0.99);
        }
        let confidence = (1.0 - (-(apart - 1.0) * 12.0).exp()).clamp(0.05, 0.9998);
        let c = CODES.iter().find(|c| c.0 == code).map_or('0', |c| c.1);
        if c == 'G' && self.is_hollow(bars) {
            return ('0', confidence);
        }
        (c, confidence)
    }

    /// Nothing in the middle of the middle bars: a nought, whatever its gaps.
    fn is_hollow(&self, bars: &[Bar]) -> bool {
        let height = self.foot - self.top;
        let rows = self.top + height * 35 / 100..self.top + height * 60 / 100;
        let dark = |b: &Bar| {
            let x = (b.from + b.to) / 2;
            rows.clone().filter(|&y| self.is_ink(x, y)).count() * 2 > rows.len()
        };
        bars[2..5].iter().filter(|b| dark(b)).count() <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Bits, Transform};

    /// Bars of these characters, `scale` pixels a narrow gap.
    fn line(text: &str, scale: f32) -> Upright {
        let mut bits = Bits::new((text.len() as f32 * 12.0 * scale) as usize + 40, 60);
        for (n, c) in text.chars().enumerate() {
            let code = CODES.iter().find(|k| k.1 == c).unwrap().0;
            let mut x = 20.0 + n as f32 * 10.6 * scale;
            for bar in 0..7 {
                (10..50).for_each(|y| (0..2).for_each(|i| bits.set(x as usize + i, y, true)));
                x += scale * if bar < 6 && code & 1 << (5 - bar) != 0 { 5.0 / 3.0 } else { 1.0 };
            }
        }
        Upright { bits, gray: None, dpi: 300, transform: Transform::IDENTITY }
    }

    #[test]
    fn every_code_is_read_and_other_print_is_refused() {
        for (text, scale) in [("1234567890", 5.0), ("FGHIJ", 6.0), ("H2882053H395138793341I439274091021F", 6.0)] {
            let read = read_line(&line(text, scale)).expect(text);
            assert_eq!((read.best.as_str(), read.accepted), (text, true));
        }
        let mut lined = Bits::new(800, 60);
        (0..800).step_by(6).for_each(|x| (5..50).for_each(|y| lined.set(x, y, true)));
        for bits in [Bits::new(0, 0), Bits::new(300, 40), lined] {
            let page = Upright { bits, gray: None, dpi: 200, transform: Transform::IDENTITY };
            assert!(read_line(&page).is_none_or(|r| !r.accepted));
        }
    }
}
