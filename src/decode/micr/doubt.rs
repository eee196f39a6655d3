//! How sure the reading of a line on a whole page is: the product over its glyphs of the chance that each is what it was read as,
//! and over the places beside them of the chance that nothing stands hidden there. The weights were fitted to
//! worn, signed and stamped checks and rounded; no command makes them again. On a page other ink than the line's is usual, on a
//! crop of the line it is not.

use super::confidence::is_regular;
use super::cover::{self, Cover, Witness};
use super::read::{Glyph, RowRead};
use super::trellis::SYMBOLS;
use crate::imaging::Upright;

/// Weights of a glyph's doubt as log-odds: a constant, the classifier's log-odds, tenths of the glyph without ink, tenths of a
/// pitch that it stands off its place, tenths by which its ink is more like its own shape than like any other's, and whether a
/// field begins or ends with it: there a letter of a stamp may stand for a digit that is none. Then whether it is an 8, which any
/// 3 is with a stroke on it, an amount symbol or a dash, which strokes make by themselves, or a digit all by itself.
type Weights = [f32; 9];

/// With ink beside it, or beside its neighbour, that is nobody's, and without.
const FOREIGN: Weights = [-2.63, -0.625, 0.8, 1.14, -0.707, 1.8, 2.46, 3.73, 2.0];
const CLEAN: Weights = [-0.9, -1.75, 0.2, 1.0, -0.75, 0.0, 0.0, 0.0, 0.0];
/// No glyph is surer than this: so many were wrong of those that nothing spoke against.
const LEAST: f32 = 2e-5;
/// Surer the classifier is not, as log-odds.
const SUREST: f32 = 9.2;
/// Less of a glyph is not there at all.
const NOTHING: f32 = 0.3;
/// A line with a glyph of which less is there does not stand where it was looked at, and what is beside it was not seen: of 24 such
/// lines 5 were right.
const ASTRAY: f32 = 0.5;
const MOST_ASTRAY: f32 = 0.5;
/// A stretch of which a glyph is covered less hides nothing, one covered more anything, with this chance. Between them it rises late: of
/// marked lines made for it, a glyph was hidden in none of 122 stretches covered to 0.80, 3 of 152 to 0.95, 14 of 36 beyond.
const HIDES_NONE: f32 = 0.75;
const HIDES_ANY: f32 = 0.95;
const HIDDEN: f32 = 0.6;
/// Of the errors in a routing number its check digit lets so many pass: one in ten, and some luck.
const UNCHECKED: f32 = 0.15;

/// What a line on a page is worth.
pub struct Doubts {
    /// For each glyph the chance that it is another one, or none.
    pub glyphs: Vec<f32>,
    /// Chance that the line is read rightly and whole; 0 where its text does not hold together.
    pub confidence: f32,
}

/// Of a crop, where nothing but the line should be seen: takes off ghosts and notes each glyph's doubt.
pub fn weigh(page: &Upright, row: &mut RowRead) {
    let mut doubts = of(row, None);
    if doubts.glyphs.iter().map(|d| 1.0 - d).product::<f32>() < CLEAR_CROP {
        let glyphs = cover::glyphs(page, row, |g| g.chance < CLEAR_GLYPH);
        let mut cover = Cover { glyphs, beside: vec![0.0; row.glyphs.len() + 1] };
        without_ghosts(row, &mut cover);
        doubts = of(row, Some(&cover));
        for (glyph, witness) in row.glyphs.iter_mut().zip(&cover.glyphs) {
            glyph.unlike = (1.0 - glyph.chance).max(0.0).sqrt() * (ALIKE - witness.margin).max(0.0);
        }
    }
    row.glyphs.iter_mut().zip(doubts.glyphs).for_each(|(g, doubt)| g.doubt = doubt);
}

/// A crop that is surer by its glyphs alone is not looked at again.
const CLEAR_CROP: f32 = 0.99;
/// Nor is a glyph that is surer asked what its ink is like, where no other ink is near.
pub(super) const CLEAR_GLYPH: f32 = 0.999;

/// A shape that is no more like the ink than this is as good as another's.
const ALIKE: f32 = 0.1;

/// Takes off what was read where there is nothing.
pub fn without_ghosts(row: &mut RowRead, cover: &mut Cover) {
    let is_there: Vec<bool> = cover.glyphs.iter().map(|w| w.own >= NOTHING).collect();
    if !is_there.contains(&false) {
        return;
    }
    let mut number = 0;
    row.glyphs.retain(|_| {
        number += 1;
        is_there[number - 1]
    });
    cover.glyphs.retain(|w| w.own >= NOTHING);
    // The stretches on both sides of it are one.
    let mut beside = Vec::with_capacity(cover.beside.len());
    let mut open = 0.0f32;
    for (i, covered) in cover.beside.iter().enumerate() {
        open = open.max(*covered);
        if is_there.get(i).copied().unwrap_or(true) {
            beside.push(open);
            open = 0.0;
        }
    }
    cover.beside = beside;
}

/// `cover`: what the page says; none where there is no other ink near the line.
pub fn of(row: &RowRead, cover: Option<&Cover>) -> Doubts {
    let witness = |i: usize| cover.and_then(|c| c.glyphs.get(i)).copied().unwrap_or(Witness::PLAIN);
    let distance = |i: usize| {
        let (a, b) = (row.glyphs.get(i)?, row.glyphs.get(i + 1)?);
        Some(2.0 * (b.right - a.right) / (a.pitch + b.pitch))
    };
    // Pitches from a place of the grid that its neighbours stand on.
    let off = |distance: Option<f32>| distance.filter(|d| *d < 30.0).map_or(0.0, |d| (d - d.round().max(1.0)).abs());
    let glyphs: Vec<f32> = (0..row.glyphs.len())
        .map(|i| {
            let Witness { own, mut foreign, margin } = witness(i);
            foreign |= witness(i + 1).foreign || i.checked_sub(1).is_some_and(|before| witness(before).foreign);
            let (before, after) = (i.checked_sub(1).and_then(distance), distance(i));
            let is_end = |distance: Option<f32>, beside: Option<usize>| {
                distance.is_none_or(|d| d > 1.5)
                    || beside.is_some_and(|g| matches!(SYMBOLS[row.glyphs[g].class], 'A' | 'B' | 'C'))
            };
            let ends = (is_end(before, i.checked_sub(1)), is_end(after, (i + 1 < row.glyphs.len()).then_some(i + 1)));
            doubt(&row.glyphs[i], Witness { own, foreign, margin }, off(before).max(off(after)), ends)
        })
        .collect();
    let text: String = row.glyphs.iter().map(|g| SYMBOLS[g.class]).collect();
    let marks: Vec<usize> = text.match_indices('A').map(|m| m.0).collect();
    let checked = match marks[..] {
        [a, b] if routing_holds(&text[a + 1..b]) => a..b,
        _ => 0..0,
    };
    let right = |(i, doubt): (usize, &f32)| 1.0 - doubt * if checked.contains(&i) { UNCHECKED } else { 1.0 };
    let mut confidence: f32 = glyphs.iter().enumerate().map(right).product();
    if let Some(cover) = cover {
        // A line that ends with its amount ends there.
        let ends = text.ends_with('B') && text.len() > 12 && text.as_bytes()[text.len() - 12] == b'B';
        let open = cover.beside.len() - usize::from(ends && cover.beside.len() > text.len());
        let hidden =
            |covered: &f32| HIDDEN * ((covered - HIDES_NONE) / (HIDES_ANY - HIDES_NONE)).clamp(0.0, 1.0).powi(4);
        confidence *= cover.beside[..open].iter().map(|c| 1.0 - hidden(c)).product::<f32>();
        if cover.glyphs.iter().any(|w| w.own < ASTRAY) {
            confidence = confidence.min(MOST_ASTRAY);
        }
    }
    if !is_regular(&text) {
        confidence = 0.0;
    }
    Doubts { glyphs, confidence }
}

/// `off`: pitches off its place; `ends`: whether a field begins and ends with it.
fn doubt(glyph: &Glyph, witness: Witness, off: f32, ends: (bool, bool)) -> f32 {
    // Other ink moves the edges that a place is told by: far off is then not worse than off.
    let (weights, most) = if witness.foreign { (FOREIGN, 0.15) } else { (CLEAN, 0.35) };
    let said = (glyph.chance.max(1e-4) / (1.0 - glyph.chance).max(1e-5)).ln().min(SUREST);
    let missing = 10.0 * (1.0 - witness.own).clamp(0.0, 0.4);
    let like = 10.0 * witness.margin.clamp(-0.3, 0.3);
    let symbol = SYMBOLS[glyph.class];
    let is = |is: bool| f32::from(is);
    let numbers = [
        1.0,
        said,
        missing,
        10.0 * (off - 0.05).clamp(0.0, most),
        like,
        is(ends.0 || ends.1),
        is(symbol == '8'),
        is(matches!(symbol, 'B' | 'D')),
        is(ends.0 && ends.1 && symbol.is_ascii_digit()),
    ];
    let sum: f32 = weights.iter().zip(numbers).map(|(w, n)| w * n).sum();
    (1.0 / (1.0 + (-sum).exp())).max(LEAST)
}

fn routing_holds(nine: &str) -> bool {
    nine.len() == 9 && super::fields::check_digit_holds(nine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::micr::read::InkAlong;
    use crate::domain::PixelBox;

    /// A line of this text at an even pitch, `?` after a glyph of which the classifier is not sure.
    fn line(text: &str) -> RowRead {
        let mut glyphs: Vec<Glyph> = Vec::new();
        for c in text.chars() {
            if c == '?' {
                glyphs.iter_mut().last().into_iter().for_each(|g| g.chance = 0.7);
                continue;
            }
            let right = 100.0 + 25.0 * glyphs.len() as f32;
            let class = SYMBOLS.iter().position(|s| *s == c).unwrap();
            let bbox = PixelBox { x: right as i32 - 18, y: 10, w: 18, h: 23 };
            glyphs.push(Glyph { chance: 0.9999, ..Glyph::clear(class, right, 25.0, bbox) });
        }
        let ink = InkAlong::default();
        RowRead { parts: Vec::new(), glyphs, loose: 0.0, stray: 0, outside: 0.0, looks: 0, ink }
    }

    fn cover(text: &str) -> Cover {
        let count = text.chars().filter(|c| *c != '?').count();
        Cover { glyphs: vec![Witness::PLAIN; count], beside: vec![0.0; count + 1] }
    }

    #[test]
    fn every_doubt_counts() {
        let confidence = |text: &str, spoil: &dyn Fn(&mut Cover)| {
            let mut cover = cover(text);
            spoil(&mut cover);
            of(&line(text), Some(&cover)).confidence
        };
        let none = |_: &mut Cover| {};
        let whole = "A061000146A12345678C0101";
        let amount = "A061000146A12345678CB0000012345B";
        // Text, what the page says | least, most.
        type Case<'a> = (&'a str, &'a dyn Fn(&mut Cover), f32, f32);
        let cases: [Case; 14] = [
            (whole, &none, 0.999, 1.0),
            (whole, &|c| c.beside[24] = 1.0, 0.3, 0.5),
            (whole, &|c| c.beside[0] = 0.96, 0.3, 0.5),
            (whole, &|c| c.beside[11] = 0.7, 0.999, 1.0),
            (amount, &|c| c.beside[32] = 1.0, 0.999, 1.0),
            ("A061000146A12345678?C0101", &none, 0.9, 0.995),
            ("A061000146A12345677?C0101", &|c| c.glyphs[18].foreign = true, 0.9, 0.985),
            // An 8 may be a 3 with a stroke on it.
            ("A061000146A12345678?C0101", &|c| c.glyphs[18].foreign = true, 0.6, 0.8),
            ("A061000?146A12345678C0101", &none, 0.98, 0.999),
            // Other ink beside it, and more like another symbol: where the classifier is sure, and where it is not.
            (whole, &|c| c.glyphs[19] = Witness { foreign: true, margin: -0.2, own: 1.0 }, 0.8, 0.999),
            (
                "A061000146A12345678?C0101",
                &|c| c.glyphs[18] = Witness { foreign: true, margin: -0.2, own: 1.0 },
                0.0,
                0.6,
            ),
            (whole, &|c| c.glyphs[20] = Witness { own: 0.6, foreign: true, margin: 0.0 }, 0.9, 0.999),
            (whole, &|c| c.glyphs[20].own = 0.4, 0.0, 0.5),
            ("A061000146A12345678CC0101", &none, 0.0, 0.0),
        ];
        for (i, (text, spoil, least, most)) in cases.into_iter().enumerate() {
            let got = confidence(text, spoil);
            assert!((least..=most).contains(&got), "case {i}: {got}");
        }
    }

    #[test]
    fn what_is_read_where_nothing_is_goes() {
        let (mut row, mut page) = (line("0A12C"), cover("0A12C"));
        page.glyphs[0].own = 0.1;
        page.beside[0] = 0.9;
        page.beside[3] = 0.6;
        without_ghosts(&mut row, &mut page);
        assert_eq!((row.glyphs.len(), page.glyphs.len()), (4, 4));
        assert_eq!(page.beside, [0.9, 0.0, 0.6, 0.0, 0.0]);
    }
}
