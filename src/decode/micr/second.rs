//! A second look at a line whose first reading is in doubt: with the strokes that cross it taken off. What both looks say, or one
//! says surely where the other is blind, is the line; where both are sure and differ nobody is believed.

use super::classifier::Classifier;
use super::find;
use super::foreign;
use super::read::{self, Glyph, RowRead};
use crate::imaging::Upright;

/// A glyph of this chance is believed where another look saw none, and shows where the line stands.
pub(super) const SURE: f32 = 0.97;

/// Both looks as one reading; `None` where there is nothing to take off, or nothing to read without it.
pub fn look(net: &Classifier, page: &Upright, first: &RowRead) -> Option<RowRead> {
    let freed = foreign::without_strokes(page, &first.parts)?.page;
    let nominal = 0.117 * page.dpi as f32;
    let rows = find::rows(&freed.bits, 0.62 * nominal, 1.5 * nominal, 2);
    let likely = rows
        .into_iter()
        .map(|row| (find::plausible(net, &freed.bits, &row), row))
        .filter(|r| r.0 >= 0.4)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let again = read::row(net, &freed, &likely?.1, 14.0);
    Some(merged(first, again))
}

/// The glyphs of both, from left to right.
fn merged(first: &RowRead, again: RowRead) -> RowRead {
    let mut out: Vec<Glyph> = Vec::with_capacity(again.glyphs.len() + 2);
    let mut seen = vec![false; first.glyphs.len()];
    for glyph in &again.glyphs {
        let off = |g: &Glyph| (g.right - glyph.right).abs() / glyph.pitch;
        let near = (0..first.glyphs.len()).filter(|&i| off(&first.glyphs[i]) < 0.5);
        let Some(i) = near.min_by(|&a, &b| off(&first.glyphs[a]).total_cmp(&off(&first.glyphs[b]))) else {
            out.push(glyph.clone());
            continue;
        };
        seen[i] = true;
        out.push(agreed(&first.glyphs[i], glyph));
    }
    // What the first alone saw: its ink may have gone with a stroke.
    for (glyph, _) in first.glyphs.iter().zip(&seen).filter(|(g, seen)| !**seen && g.chance >= SURE) {
        let at = out.partition_point(|o| o.right < glyph.right);
        let clear = |o: Option<&Glyph>| o.is_none_or(|o| (o.right - glyph.right).abs() > 0.6 * glyph.pitch);
        if clear(at.checked_sub(1).and_then(|i| out.get(i))) && clear(out.get(at)) {
            out.insert(at, glyph.clone());
        }
    }
    RowRead { glyphs: out, ..again }
}

fn agreed(first: &Glyph, again: &Glyph) -> Glyph {
    if first.class == again.class {
        let better = if first.chance > again.chance { first } else { again };
        return Glyph { tried: first.tried && again.tried, split: first.split && again.split, ..better.clone() };
    }
    match (first.chance >= SURE, again.chance >= SURE) {
        // Something else was seen: the surer that was, the less this is worth.
        (false, true) => Glyph { chance: again.chance.min(1.0 - 0.5 * first.chance), ..again.clone() },
        (true, false) => first.clone(),
        _ => {
            let better = if first.chance > again.chance { first } else { again };
            Glyph { chance: better.chance.min(0.5), ..better.clone() }
        }
    }
}
