//! A look at a line under other ink, by a classifier that learned glyphs under stamps and strokes: there no edge tells where a
//! glyph ends, so every half unit along the line is looked at where the first look says that it stands.

use super::classifier::Classifier;
use super::read::{self, Glyph, InkAlong, RowRead};
use super::second::SURE;
use super::strip::{Geometry, Ink, Place, Strip};
use super::trellis::{Candidate, FIRST_SYMBOL, Trellis};
use crate::imaging::Upright;

/// The line as it reads under what lies over it.
pub fn look(net: &Classifier, page: &Upright, first: &RowRead) -> Option<RowRead> {
    let parts = [straight(first, page.bits.width() as f32)?];
    let mut trellis = Trellis::new(net, Strip::new(&Ink::of(page, &parts), &parts[0]), 1.0);
    trellis.unread = UNREAD;
    trellis.look_at_edges(0);
    trellis.look_closely(0, f32::NEG_INFINITY, f32::INFINITY);
    let mut chain: Vec<Candidate> = trellis.best().into_iter().filter(|c| c.chance() > 0.25).collect();
    read::trim(&mut chain);
    let said = opinions(&chain, &mut trellis);
    let glyphs = chain.iter().zip(&said).filter_map(|(c, said)| read::thought(c, said, &trellis)).collect();
    let looks = trellis.looks;
    let (places, sums) = trellis.ink_along();
    let ink = InkAlong::of(places, sums);
    Some(RowRead { parts: parts.to_vec(), glyphs, loose: 0.0, stray: 0, outside: 0.0, looks, ink })
}

/// What is to be thought of each glyph that is not clear: what was said of its place and of two a little off it, each a witness of its
/// own.
fn opinions(chain: &[Candidate], trellis: &mut Trellis) -> Vec<Vec<f32>> {
    const MOVES: [(isize, isize); 2] = [(-1, 1), (1, -1)];
    let one = |c: &Candidate| {
        if c.chance() >= read::CLEAR {
            return c.chances.clone();
        }
        let moved = trellis.chances(&MOVES.map(|(across, down)| (c.strip, c.right + across, down)));
        let said = || std::iter::once(&c.chances).chain(&moved);
        let mean = |class: usize| said().map(|s| s[class].max(1e-6).ln()).sum::<f32>() / (1 + MOVES.len()) as f32;
        let shares: Vec<f32> = (0..c.chances.len()).map(|class| mean(class).exp()).collect();
        let all: f32 = shares.iter().sum();
        shares.into_iter().map(|share| share / all).collect()
    };
    chain.iter().map(one).collect()
}

/// Does this look see all that the first was sure of, and nothing that may as well be a letter of a stamp? That is most likely where
/// a field begins or ends.
pub fn agrees(first: &RowRead, under: &RowRead) -> bool {
    let near = |g: &Glyph, o: &Glyph| (o.right - g.right).abs() < 0.4 * g.pitch;
    let is_seen = |g: &Glyph| under.glyphs.iter().any(|o| o.class == g.class && near(g, o));
    let is_end = |i: usize, j: usize| match (under.glyphs.get(i), under.glyphs.get(j)) {
        (Some(g), Some(o)) => o.class >= FIRST_SYMBOL || (o.right - g.right).abs() > 1.5 * g.pitch,
        _ => true,
    };
    let is_likely = |(i, g): (usize, &Glyph)| {
        let ends = g.class < FIRST_SYMBOL && (is_end(i, i.wrapping_sub(1)) || is_end(i, i + 1));
        g.chance >= if ends { LIKELY_AT_END } else { LIKELY }
    };
    first.glyphs.iter().filter(|g| g.chance >= SURE).all(is_seen) && under.glyphs.iter().enumerate().all(is_likely)
}

/// What a unit of area of ink costs that no glyph explains: most of it is a stamp's.
const UNREAD: f32 = 0.05;
/// Of covered glyphs of less chance one in five was another, or none; where a field ends more of them are a stamp's letters.
const LIKELY: f32 = 0.6;
const LIKELY_AT_END: f32 = 0.85;
/// So many sure ones are needed, and so near to the straight, in units.
const LEAST: usize = 5;
const NEAR: f32 = 0.7;

/// Where the whole line stands, by what was surely read of it: what other ink there is misleads about the rest.
fn straight(row: &RowRead, width: f32) -> Option<Geometry> {
    let place =
        |g: &Glyph| row.parts.iter().rev().find(|p| p.x0 <= g.right).or(row.parts.first()).map(|p| p.at(g.right));
    let mut sure: Vec<Place> = row.glyphs.iter().filter(|g| g.chance >= SURE).filter_map(place).collect();
    let middle = |mut values: Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let sx = middle(sure.iter().map(|p| p.sx).collect())?;
    let sy = middle(sure.iter().map(|p| p.sy).collect())?;
    // Two of three agree: the slope that most pairs far apart have.
    let pairs = sure.iter().enumerate().flat_map(|(i, a)| sure[i + 1..].iter().map(move |b| (a, b)));
    let far = pairs.filter(|(a, b)| (b.x - a.x).abs() > 4.0 * 9.6 * sx);
    let mut slope = middle(far.map(|(a, b)| (b.y - a.y) / (b.x - a.x)).collect()).unwrap_or(0.0);
    let mut level = middle(sure.iter().map(|p| p.y - slope * p.x).collect())?;
    sure.retain(|p| (p.y - level - slope * p.x).abs() < NEAR * sy);
    if sure.len() < LEAST {
        return None;
    }
    let n = sure.len() as f32;
    let (mx, my) = (sure.iter().map(|p| p.x).sum::<f32>() / n, sure.iter().map(|p| p.y).sum::<f32>() / n);
    let (xx, xy) = sure.iter().fold((0.0, 0.0), |(xx, xy), p| (xx + (p.x - mx).powi(2), xy + (p.x - mx) * (p.y - my)));
    if xx > (20.0 * sx).powi(2) {
        slope = xy / xx;
    }
    level = my - slope * mx;
    Some(Geometry { x0: 0.0, y0: level - 4.5 * sy, slope, sx, sy, length: width / sx.max(0.5), knots: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::micr::cover::SHAPES;
    use crate::decode::micr::trellis::{SYMBOLS, WIDTHS};
    use crate::domain::PixelBox;
    use crate::imaging::{Bits, Transform};

    const UNIT: usize = 3;
    const PITCH: usize = 29;
    const TOP: usize = 80;
    const LEFT: usize = 100;

    /// A page with this text (a blank where a space is) and what `mark` draws over it; and its first characters as read.
    fn page(text: &str, seen: usize, mark: impl Fn(usize, usize) -> bool) -> (Upright, RowRead) {
        let mut bits = Bits::new(1000, 200);
        let mut glyphs = Vec::new();
        for (cell, c) in text.chars().enumerate() {
            let Some(class) = SYMBOLS.iter().position(|s| *s == c) else { continue };
            let left = LEFT + PITCH * cell;
            for (y, row) in SHAPES[class].iter().enumerate() {
                for (x, _) in row.bytes().enumerate().filter(|(_, c)| *c == b'#') {
                    let pixels = (0..UNIT * UNIT).map(|n| (left + x * UNIT + n % UNIT, TOP + y * UNIT + n / UNIT));
                    pixels.for_each(|(x, y)| bits.set(x, y, true));
                }
            }
            let right = (left + 7 * UNIT) as f32;
            let x = (right - WIDTHS[class] * UNIT as f32) as i32;
            let bbox = PixelBox { x, y: TOP as i32, w: right as i32 - x, h: 9 * UNIT as i32 };
            glyphs.push(Glyph::clear(class, right, PITCH as f32, bbox));
        }
        glyphs.truncate(seen);
        (0..1000).for_each(|x| (0..200).filter(|&y| mark(x, y)).for_each(|y| bits.set(x, y, true)));
        let (unit, length) = (UNIT as f32, 330.0);
        let line = Geometry { x0: 0.0, y0: TOP as f32, slope: 0.0, sx: unit, sy: unit, length, knots: Vec::new() };
        let ink = InkAlong::default();
        let row = RowRead { parts: vec![line], glyphs, loose: 0.0, stray: 0, outside: 0.0, looks: 0, ink };
        (Upright { bits, gray: None, dpi: 230, transform: Transform::IDENTITY }, row)
    }

    #[test]
    fn a_line_is_read_under_other_ink() {
        let text = "A061000146A 123456789C 0101";
        // A frame that cuts the digits' feet and letters' legs that come down into them; x counts from the line's thirteenth cell.
        let from = LEFT + 12 * PITCH;
        let is_frame = |x: usize, y: usize| (from..from + 300).contains(&x) && (TOP + 19..TOP + 22).contains(&y);
        let is_leg =
            |x: usize, y: usize| x > from && (x - from) % 41 < 7 && x < from + 300 && (40..TOP + 10).contains(&y);
        type Mark<'a> = &'a dyn Fn(usize, usize) -> bool;
        let cases: [(&str, Mark); 3] = [
            ("nothing", &|_, _| false),
            ("a frame", &is_frame),
            ("letters and their frame", &|x, y| is_frame(x, y) || is_leg(x, y)),
        ];
        for (name, mark) in cases {
            let (page, first) = page(text, 11, mark);
            let found = look(&super::super::COVERED, &page, &first).expect(name);
            let read: String = found.glyphs.iter().map(|g| SYMBOLS[g.class]).collect();
            assert_eq!(read, text.replace(' ', ""), "{name}");
            assert!(agrees(&first, &found), "{name}");
        }
    }

    #[test]
    fn what_was_surely_read_must_be_seen_again() {
        let (page, first) = page("A061000146A", 11, |_, _| false);
        let mut found = look(&super::super::COVERED, &page, &first).expect("a line");
        assert!(agrees(&first, &found));
        let gone = found.glyphs.remove(3);
        assert!(!agrees(&first, &found));
        found.glyphs.insert(3, Glyph { class: 8, ..gone });
        assert!(!agrees(&first, &found));
        // Of four glyphs nobody knows where the line stands.
        let few = RowRead { glyphs: first.glyphs[..4].to_vec(), ..first };
        assert!(look(&super::super::COVERED, &page, &few).is_none());
    }
}
