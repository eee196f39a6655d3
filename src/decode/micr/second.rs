//! A second look at a line whose first reading is in doubt: with the strokes that cross it taken off. What both looks say, or one
//! says surely where the other is blind, is the line; where both are sure and differ nobody is believed.

use super::classifier::Classifier;
use super::find;
use super::foreign::{self, Freed};
use super::read::{self, Glyph, RowRead};
use crate::imaging::{Bits, Upright};

/// A glyph of this chance is believed where the other look saw none.
const SURE: f32 = 0.97;
/// Units of area that were taken off a cell in which no glyph was read, or are left in it: so much may have hidden one.
const HIDES: f32 = 16.0;

/// Both looks as one reading; `None` where there is nothing to take off, or nothing to read without it.
pub fn look(net: &Classifier, page: &Upright, first: &RowRead) -> Option<RowRead> {
    let Freed { page: freed, taken } = foreign::without_strokes(page, &first.parts)?;
    let nominal = 0.117 * page.dpi as f32;
    let rows = find::rows(&freed.bits, 0.62 * nominal, 1.5 * nominal, 2);
    let likely = rows
        .into_iter()
        .map(|row| (find::plausible(net, &freed.bits, &row), row))
        .filter(|r| r.0 >= 0.4)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let again = read::row(net, &freed, &likely?.1, 14.0);
    let mut both = merged(first, again);
    doubt(&mut both, &taken);
    Some(both)
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
        (false, true) => again.clone(),
        (true, false) => first.clone(),
        _ => {
            let better = if first.chance > again.chance { first } else { again };
            Glyph { chance: better.chance.min(0.5), ..better.clone() }
        }
    }
}

/// What each glyph leaves unread before it, and behind the last: what stayed, and what was taken off and may have been one.
fn doubt(both: &mut RowRead, taken: &Bits) {
    let ends: Vec<(f32, f32, f32)> = both.glyphs.iter().map(|g| (g.bbox.x as f32, g.right, g.pitch)).collect();
    let count = ends.len();
    for i in 0..count {
        let (left, _, pitch) = ends[i];
        let before = i.checked_sub(1).map(|b| ends[b]);
        let from = before.map_or(left - 0.94 * pitch, |(_, right, _)| right + 0.05 * pitch);
        let mut gaps = vec![(from, left - 0.05 * pitch)];
        if i + 1 == count {
            let (_, right, pitch) = ends[i];
            gaps.push((right + 0.05 * pitch, right + 0.99 * pitch));
        }
        let mut worst = 0.0f32;
        for (from, to) in gaps {
            let left_over = both.ink.between(from, to) / 8.0;
            worst = worst.max(read::by_ink(left_over));
            if hidden(both, taken, from, to, pitch) + left_over > HIDES {
                worst = worst.max(0.3);
            }
        }
        let distance = before.map_or(1.0, |(_, right, p)| 2.0 * (ends[i].1 - right) / (pitch + p));
        if (1.28..1.65).contains(&distance) || distance < 0.78 {
            worst = worst.max(0.03);
        }
        both.glyphs[i].unread = worst;
    }
    let free: f32 = ends.windows(2).map(|w| both.ink.between(w[0].1 + 0.05 * w[0].2, w[1].0 - 0.05 * w[1].2)).sum();
    if let (Some(first), Some(last)) = (ends.first(), ends.last()) {
        both.loose = free / both.ink.between(first.0, last.1).max(1.0);
    }
}

/// The most ink in units of area that was taken off any cell between two columns.
fn hidden(both: &RowRead, taken: &Bits, from: f32, to: f32, pitch: f32) -> f32 {
    let (first, last) = (from.max(0.0) as usize, (to.max(0.0) as usize).min(taken.width()));
    if last <= first {
        return 0.0;
    }
    let place = |x: f32| both.parts.iter().rev().find(|p| p.x0 <= x).or(both.parts.first()).map(|p| p.at(x));
    let Some(here) = place(from) else { return 0.0 };
    let columns: Vec<f32> = (first..last)
        .map(|x| {
            let middle = place(x as f32).map_or(here.y, |p| p.y);
            let (top, foot) = ((middle - 4.5 * here.sy).max(0.0) as usize, (middle + 4.5 * here.sy).max(0.0) as usize);
            (top..foot).filter(|&y| taken.get(x, y)).count() as f32
        })
        .collect();
    let cell = ((0.73 * pitch) as usize).max(1);
    let most = columns.windows(cell.min(columns.len())).map(|w| w.iter().sum::<f32>()).fold(0.0, f32::max);
    most / (here.sx * here.sy).max(1.0)
}
