//! Reads one row of print as E-13B: fits the scale, finds the best chain of glyphs, looks closely where it is in doubt.

use super::strip::{Geometry, Ink, PITCH, Strip};
use super::trellis::{Candidate, Trellis};
use crate::decode::net::Net;
use crate::imaging::Upright;

/// A row as read, before it becomes text.
pub struct RowRead {
    pub geometry: Geometry,
    pub glyphs: Vec<Candidate>,
    /// For each glyph, the chances of all classes over several slightly moved looks.
    pub steady: Vec<Vec<f32>>,
    /// Share of the ink between first and last glyph that no glyph explains.
    pub loose: f32,
    pub looks: usize,
}

impl RowRead {
    pub fn chance(&self, i: usize) -> f32 {
        self.steady[i][self.glyphs[i].class]
    }
}

pub fn row(net: &Net, page: &Upright, geometry: Geometry) -> RowRead {
    let mut geometry = geometry;
    let mut looks = 0;
    let mut turn = 0;
    let (mut trellis, mut chain) = loop {
        let ink = Ink::of(page, &geometry);
        let mut trellis = Trellis::new(net, Strip::new(&ink, &geometry));
        trellis.look_at_edges();
        let chain = trellis.best();
        turn += 1;
        match refitted(&geometry, &chain, &mut trellis).filter(|_| turn < 3) {
            Some(better) => geometry = better,
            None => break (trellis, chain),
        }
        looks += trellis.looks;
    };
    // Doubtful glyphs, and gaps with ink in them, are looked at in small steps.
    let mut closely = Vec::new();
    for i in 0..chain.len() {
        let here = &chain[i];
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
        // A faded first or last symbol.
        closely.push((first.right - 44, first.right - 32));
        closely.push((last.right + 32, last.right + 44));
    }
    if !closely.is_empty() {
        closely.iter().for_each(|&(from, to)| trellis.look_closely(from, to));
        chain = trellis.best();
    }
    let chain: Vec<Candidate> = chain.into_iter().filter(|c| c.chance() > 0.25).collect();
    let mut steady = Vec::with_capacity(chain.len());
    for c in &chain {
        let mut sum = c.chances.clone();
        let all = [(-1, 1), (1, -1), (-1, -1), (1, 1)];
        let moves = if c.chance() > 0.99 { &all[..2] } else { &all[..] };
        for &(across, down) in moves {
            let moved = trellis.chances(c.right + across, down);
            sum.iter_mut().zip(&moved).for_each(|(s, m)| *s += m);
        }
        sum.iter_mut().for_each(|s| *s /= (moves.len() + 1) as f32);
        steady.push(sum);
    }
    let loose = match (chain.first(), chain.last()) {
        (Some(first), Some(last)) => {
            let mut free = 0.0;
            for pair in chain.windows(2) {
                free += trellis.ink(pair[0].right + 2, pair[1].left() as isize - 2);
            }
            free / trellis.ink(first.left() as isize, last.right).max(1.0)
        }
        _ => 1.0,
    };
    looks += trellis.looks;
    RowRead { geometry, glyphs: chain, steady, loose, looks }
}

/// A better scale and place from glyphs that are sure; `None` where the present one is good.
fn refitted(geometry: &Geometry, chain: &[Candidate], trellis: &mut Trellis) -> Option<Geometry> {
    let sure: Vec<&Candidate> = chain.iter().filter(|c| c.chance() > 0.8).collect();
    if sure.len() < 4 {
        return None;
    }
    let mut steps: Vec<f32> =
        sure.windows(2).map(|w| (w[1].right - w[0].right) as f32 / PITCH).filter(|d| (0.8..1.25).contains(d)).collect();
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
    for c in sure.iter().step_by((sure.len() / 6).max(1)) {
        for (total, down) in totals.iter_mut().zip(-2..=2) {
            *total += trellis.chances(c.right, down)[c.class].max(1e-4).ln();
        }
    }
    let weight: Vec<f32> = totals.iter().map(|t| (t / 6.0).exp()).collect();
    let down: f32 = weight.iter().zip(-2..=2).map(|(w, d)| w * d as f32).sum::<f32>() / weight.iter().sum::<f32>();
    if (stretch - 1.0).abs() < 0.02 && down.abs() < 0.6 {
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
