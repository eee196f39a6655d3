//! Reads one row of print as E-13B: fits the scale, finds the best chain of glyphs, looks closely where it is in doubt, and
//! reads parts of the row by themselves where one scale does not fit all.

use super::find::Row;
use super::strip::{Geometry, Ink, PITCH, Strip};
use super::trellis::{Candidate, Trellis};
use crate::decode::net::Net;
use crate::domain::PixelBox;
use crate::imaging::Upright;

/// A character as read, with its place on the page.
#[derive(Clone, Debug)]
pub struct Glyph {
    pub class: usize,
    /// Of the class, over several slightly moved looks.
    pub chance: f32,
    /// Chance that something unread stands before it, or (for the last) behind it.
    pub unread: f32,
    /// Pixels of the page.
    pub right: f32,
    pub pitch: f32,
    pub bbox: PixelBox,
}

/// A row as read, before it becomes text.
pub struct RowRead {
    pub geometry: Geometry,
    pub glyphs: Vec<Glyph>,
    /// Share of the ink between first and last glyph that no glyph explains.
    pub loose: f32,
    pub looks: usize,
}

impl RowRead {
    fn doubt(&self) -> f32 {
        self.glyphs.iter().map(|g| 1.0 - g.chance).sum::<f32>() / self.glyphs.len().max(1) as f32 + self.loose
    }
}

/// Reads a row of the page in this geometry; in parts where that reads better.
pub fn row(net: &Net, page: &Upright, row: &Row, geometry: Geometry) -> RowRead {
    let mut whole = line(net, page, geometry);
    // Far from E-13B: parts of it are too.
    if whole.doubt() < 0.02 || whole.glyphs.len() < 3 || whole.doubt() > 0.9 {
        return whole;
    }
    for (part, left, right) in row.parts() {
        let inside = |g: &&Glyph| (left..right).contains(&(g.right - g.pitch / 2.0));
        // A glyph that is not read is worth nothing, a sure one 3.
        let worth =
            |glyphs: &[Glyph]| -> f32 { glyphs.iter().filter(inside).map(|g| 3.0 + g.chance.max(1e-4).ln()).sum() };
        let again = line(net, page, part);
        whole.looks += again.looks;
        if worth(&again.glyphs) > worth(&whole.glyphs) + 0.5 {
            let better: Vec<Glyph> = again.glyphs.iter().filter(inside).cloned().collect();
            whole.glyphs.retain(|g| !inside(&g));
            whole.glyphs.extend(better);
            whole.loose = whole.loose.min(again.loose.max(0.02));
        }
    }
    whole.glyphs.sort_by(|a, b| a.right.total_cmp(&b.right));
    // Where two parts meet one glyph may stand twice.
    let mut i = 1;
    while i < whole.glyphs.len() {
        let (a, b) = (&whole.glyphs[i - 1], &whole.glyphs[i]);
        if b.right - a.right < 0.5 * b.pitch {
            let worse = if a.chance < b.chance { i - 1 } else { i };
            whole.glyphs.remove(worse);
        } else {
            i += 1;
        }
    }
    whole
}

/// Reads one line in one geometry (which is fitted a little).
pub fn line(net: &Net, page: &Upright, geometry: Geometry) -> RowRead {
    let mut geometry = geometry;
    let mut looks = 0;
    let mut turn = 0;
    let (mut trellis, mut chain) = loop {
        let ink = Ink::of(page, &geometry);
        let mut trellis = Trellis::new(net, Strip::new(&ink, &geometry));
        trellis.look_at_edges();
        let chain = trellis.best();
        turn += 1;
        match refitted(&geometry, &chain, &mut trellis).filter(|_| turn < 2) {
            Some(better) => geometry = better,
            None => break (trellis, chain),
        }
        looks += trellis.looks;
    };
    let surely = chain.iter().filter(|c| c.chance() > 0.5).count();
    let is_other_print = surely < 3 || surely * 3 < chain.len();
    if !is_other_print {
        let closely = doubtful(&chain, &trellis);
        if !closely.is_empty() {
            closely.iter().for_each(|&(from, to)| trellis.look_closely(from, to));
            chain = trellis.best();
        }
    }
    let mut chain: Vec<Candidate> = chain.into_iter().filter(|c| c.chance() > 0.25).collect();
    trim(&mut chain);
    let mut glyphs = Vec::with_capacity(chain.len());
    for c in &chain {
        let mut chance = c.chance();
        if !is_other_print {
            // Only a glyph that stays itself when the window moves a little is sure.
            let all = [(-1, 1), (1, -1), (-1, -1), (1, 1)];
            let moves = if chance > 0.99 { &all[..2] } else { &all[..] };
            for &(across, down) in moves {
                chance += trellis.chances(c.right + across, down)[c.class];
            }
            chance /= (moves.len() + 1) as f32;
        }
        glyphs.extend(placed(c, chance, &trellis.strip));
    }
    if glyphs.len() == chain.len() {
        for (i, glyph) in glyphs.iter_mut().enumerate() {
            glyph.unread = unread(&chain, i, &trellis);
        }
    }
    let loose = match (chain.first(), chain.last()) {
        (Some(first), Some(last)) => {
            let free: f32 = chain.windows(2).map(|p| trellis.ink(p[0].right + 2, p[1].left() as isize - 2)).sum();
            free / trellis.ink(first.left() as isize, last.right).max(1.0)
        }
        _ => 1.0,
    };
    looks += trellis.looks;
    RowRead { geometry, glyphs, loose, looks }
}

/// Column ranges to be looked at in small steps: around doubtful glyphs, and where ink is left over.
fn doubtful(chain: &[Candidate], trellis: &Trellis) -> Vec<(isize, isize)> {
    let mut closely = Vec::new();
    for (i, here) in chain.iter().enumerate() {
        if here.chance() < 0.97 {
            closely.push((here.right - 12, here.right + 12));
        }
        if i > 0 {
            let before = &chain[i - 1];
            let distance = (here.right - before.right) as f32 / PITCH;
            if distance > 1.15 && trellis.loose(before.right + 2, here.left() as isize - 2) > 0.8 {
                closely.push((before.right + 24, here.right - 24));
            }
            if distance < 0.85 {
                closely.push((before.right - 12, here.right + 12));
            }
        }
    }
    if let (Some(first), Some(last)) = (chain.first(), chain.last()) {
        // A faded or cut first or last symbol.
        closely.push((first.right - 44, first.right - 32));
        closely.push((last.right + 32, last.right + 44));
    }
    closely
}

/// Doubt about the place before a glyph: ink that nothing explains, or a distance that is neither one pitch nor a gap. Behind
/// the last glyph and before the first only the next cell counts.
fn unread(chain: &[Candidate], i: usize, trellis: &Trellis) -> f32 {
    let here = &chain[i];
    let left = here.left() as isize - 2;
    // Units of area.
    let area = |from: isize, to: isize| trellis.ink(from, to) / 8.0;
    let by_ink = |area: f32| ((area - 2.5) * 0.04).clamp(0.0, 0.6);
    let mut doubt = match i.checked_sub(1).map(|b| &chain[b]) {
        None => by_ink(area(left - 36, left)),
        Some(before) => {
            let distance = (here.right - before.right) as f32 / PITCH;
            let by_distance = if (1.28..1.65).contains(&distance) || distance < 0.78 { 0.03 } else { 0.0 };
            by_ink(area(before.right + 2, left)).max(by_distance)
        }
    };
    if i + 1 == chain.len() {
        doubt = doubt.max(by_ink(area(here.right + 2, here.right + 38)));
    }
    doubt
}

/// Takes off what stands alone and doubtful at the ends: edges of the paper, specks, pen strokes.
fn trim(chain: &mut Vec<Candidate>) {
    for at_end in [true, false] {
        for _ in 0..3 {
            let n = chain.len();
            if n < 5 {
                return;
            }
            let (outer, inner) = if at_end { (n - 1, n - 2) } else { (0, 1) };
            let distance = (chain[outer].right - chain[inner].right).abs() as f32 / PITCH;
            let needed = if distance > 2.6 { 0.98 } else { 0.5 };
            if chain[outer].chance() >= needed {
                break;
            }
            chain.remove(outer);
        }
    }
}

fn placed(c: &Candidate, chance: f32, strip: &Strip) -> Option<Glyph> {
    let (left, right) = (strip.place(c.left())?, strip.place(c.right as f32)?);
    let (x, y) = (left.x.floor(), (left.y.min(right.y) - 4.5 * right.sy).floor());
    let (x1, y1) = (right.x.ceil(), (left.y.max(right.y) + 4.5 * right.sy).ceil());
    let bbox = PixelBox { x: x as i32, y: y as i32, w: (x1 - x) as i32, h: (y1 - y) as i32 };
    Some(Glyph { class: c.class, chance, unread: 0.0, right: right.x, pitch: 9.615 * right.sx, bbox })
}

/// A better scale and place from glyphs that are sure; `None` where the present one is good.
fn refitted(geometry: &Geometry, chain: &[Candidate], trellis: &mut Trellis) -> Option<Geometry> {
    let sure: Vec<&Candidate> = chain.iter().filter(|c| c.chance() > 0.8).collect();
    // Too few to tell, or nearly all: then the scale is right.
    if sure.len() < 4 || chain.iter().filter(|c| c.chance() < 0.98).count() * 8 < chain.len() {
        return None;
    }
    let mut steps: Vec<f32> =
        sure.windows(2).map(|w| (w[1].right - w[0].right) as f32 / PITCH).filter(|d| (0.75..1.3).contains(d)).collect();
    steps.sort_by(f32::total_cmp);
    let stretch = if steps.len() >= 3 {
        let middle = steps.len() / 2;
        let around = &steps[middle.saturating_sub(2)..(middle + 3).min(steps.len())];
        around.iter().sum::<f32>() / around.len() as f32
    } else {
        1.0
    };
    // Up or down: where the same glyphs are surest.
    let mut totals = [0.0f32; 5];
    for c in sure.iter().step_by(sure.len().div_ceil(5)) {
        for (total, down) in totals.iter_mut().zip(-2..=2) {
            *total += trellis.chances(c.right, down)[c.class].max(1e-4).ln();
        }
    }
    let weight: Vec<f32> = totals.iter().map(|t| (t / 6.0).exp()).collect();
    let down: f32 = weight.iter().zip(-2..=2).map(|(w, d)| w * d as f32).sum::<f32>() / weight.iter().sum::<f32>();
    if (stretch - 1.0).abs() < 0.03 && down.abs() < 0.7 {
        return None;
    }
    // A row of the strip is half a unit.
    let shift = 0.5 * down * geometry.sy;
    Some(Geometry {
        sx: geometry.sx * stretch,
        y0: geometry.y0 + shift,
        length: geometry.length / stretch,
        ..geometry.clone()
    })
}
