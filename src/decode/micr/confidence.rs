//! How sure a line's reading is: one logistic curve over what speaks against it, fitted on lines that the weights had not seen
//! (`train micr`). Every number counts one way only, so that more doubt is never more confidence.

use super::read::{Glyph, RowRead};
use super::trellis::SYMBOLS;

/// Numbers that speak for or against a line; the first is a constant.
pub const NUMBERS: usize = 14;

/// The way each number may count: +1 for, -1 against, 0 either.
pub const SIGNS: [i8; NUMBERS] = [0, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, 1, 1, -1];

/// What speaks for and against a line that was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence {
    pub numbers: [f32; NUMBERS],
    /// As much ink as a glyph has was not read.
    pub left_over: bool,
}

/// Of lines with ink left over more than half have a glyph that was not read.
const LEFT_OVER: f32 = 0.5;

/// Weights of the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Curve(pub [f32; NUMBERS]);

impl Curve {
    /// Numbers on one line; what follows `#` is how they were made. `None` for another shape, or a weight of the wrong sign.
    pub fn parse(text: &str) -> Option<Curve> {
        let line = text.lines().map(|l| l.split('#').next().unwrap_or("").trim()).find(|l| !l.is_empty())?;
        let weights: Vec<f32> = line.split_whitespace().map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let weights: [f32; NUMBERS] = weights.try_into().ok()?;
        let holds = weights.iter().zip(SIGNS).all(|(w, s)| w.is_finite() && (s == 0 || w * f32::from(s) >= 0.0));
        holds.then_some(Curve(weights))
    }

    /// Chance that the whole line is right.
    pub fn confidence(&self, evidence: &Evidence) -> f32 {
        let sum: f32 = self.0.iter().zip(&evidence.numbers).map(|(w, n)| w * n).sum();
        let chance = 1.0 / (1.0 + (-sum).exp());
        if evidence.left_over { chance.min(LEFT_OVER) } else { chance }
    }
}

fn log_odds(chance: f32, most: f32) -> f32 {
    (chance.max(1e-6) / (1.0 - chance).max(1e-6)).ln().clamp(-most, most)
}

/// The evidence of a line that was read so. The routing number's check digit is no part of it: it says nothing of the rest. That
/// a glyph is another symbol, and that it is no glyph at all, are doubts of their own: the first is the worse.
pub fn evidence(row: &RowRead) -> Evidence {
    let itself = |g: &Glyph| g.chance / (g.chance + g.rival_chance).max(1e-6);
    let glyph = |g: &Glyph| (g.chance + g.rival_chance).min(1.0);
    let product = |f: &dyn Fn(&Glyph) -> f32| log_odds(row.glyphs.iter().map(f).product(), MOST);
    let least = |f: &dyn Fn(&Glyph) -> f32| log_odds(row.glyphs.iter().map(f).fold(1.0, f32::min), MOST);
    let unread: f32 = row.glyphs.iter().map(|g| g.unread).sum();
    let tried = row.glyphs.iter().filter(|g| g.tried).count() as f32;
    let text: String = row.glyphs.iter().map(|g| SYMBOLS[g.class]).collect();
    let numbers = [
        1.0,
        product(&itself),
        least(&itself),
        product(&glyph),
        least(&glyph),
        unread.min(1.5).sqrt(),
        row.loose.min(0.3) * 10.0,
        tried.min(4.0),
        (row.stray as f32).min(3.0),
        if is_regular(&text) { 0.0 } else { 1.0 },
        row.glyphs.iter().filter(|g| g.split).count().min(3) as f32,
        product(&|g| 1.0 - g.doubt),
        least(&|g| 1.0 - g.doubt),
        30.0 * row.glyphs.iter().map(|g| g.unlike).fold(0.0, f32::max),
    ];
    let left_over = row.glyphs.iter().any(|g| g.unread > 0.5) || row.outside > 0.25;
    Evidence { numbers, left_over }
}

/// No doubt is smaller, as log-odds.
const MOST: f32 = 9.0;

/// Does the text hold together: an amount of ten digits at the end, a transit number of its length, no dash but between digits,
/// no symbol alone beside its like? Whether the ends are cut off, the text does not tell.
pub fn is_regular(text: &str) -> bool {
    let at = |symbol: char| -> Vec<usize> { text.match_indices(symbol).map(|m| m.0).collect() };
    let (amounts, transits) = (at('B'), at('A'));
    let amount_holds = match amounts[..] {
        [] => true,
        // The other is cut off.
        [one] => one + 11 >= text.len() || one <= 10,
        [a, b] => b == a + 11 && b + 1 == text.len(),
        _ => false,
    };
    let transit_holds = match transits[..] {
        [] => true,
        [one] => !text[..one].contains('B'),
        [a, b] => !text[a..b].contains(['B', 'C']) && (b == a + 10 || text[a..b].contains('D')),
        _ => false,
    };
    let apart =
        !["CC", "AA", "BB", "DD", "CD", "DC", "AD", "DA", "BD", "DB", "AB", "BA"].iter().any(|p| text.contains(p));
    amount_holds && transit_holds && apart && at('C').len() <= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_hold_together() {
        for (text, holds) in [
            ("C001234CA061000146A12345678C0101", true),
            ("A031852324A5629000003696524CB0000000701B", true),
            ("A12345D678A123D456D7C45", true),
            ("12345678C", true),
            ("06100014A12345678CB00000", true),
            ("1446A12345678CB0000014500B", true),
            ("A06100014A12345678C", false),
            ("A061000146A12345678CC", false),
            ("A061000146A123DD678C", false),
            ("A061000146A12345678CD", false),
            ("A061000146A12345678CD7B0000000701B", false),
            ("A061000146A12345678CB000000070B", false),
            ("A061000146A12345678CB0000000701B2", false),
        ] {
            assert_eq!(is_regular(text), holds, "{text}");
        }
    }

    #[test]
    fn a_curve_of_another_shape_or_sign_is_refused() {
        assert!(Curve::parse("# by hand\n0 1 1 1 1 -1 -1 0 -2 0 -1 0 1 -1 # so").is_some());
        for bad in [
            "",
            "0 1",
            "0 1 1 1 1 -1 -1 0 -2 0 -1 0 1",
            "0 -1 1 1 1 -1 -1 0 -2 0 -1 0 1 -1",
            "0 1 1 1 1 1 -1 0 -2 0 -1 0 1 -1",
            "x 1 1 1 1 -1 -1 0 -2 0 -1 0 1 -1",
        ] {
            assert!(Curve::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn more_doubt_is_never_more_confidence() {
        let curve = Curve::parse(include_str!("e13b.curve")).expect("the shipped curve");
        let base = Evidence {
            numbers: [1.0, 3.0, 4.0, 3.0, 4.0, 0.2, 0.5, 1.0, 0.0, 0.0, 0.0, 4.0, 5.0, 0.5],
            left_over: false,
        };
        for (i, sign) in SIGNS.into_iter().enumerate().skip(1) {
            let mut worse = base;
            worse.numbers[i] -= f32::from(sign);
            assert!(curve.confidence(&worse) <= curve.confidence(&base), "number {i}");
        }
        assert!(curve.confidence(&Evidence { left_over: true, ..base }) <= LEFT_OVER);
    }
}
