//! Reads one row of print as E-13B: fits the scale, finds the best chain of glyphs, looks closely where it is in doubt, and
//! reads parts of the row by themselves where one scale does not fit all.

use super::classifier::Classifier;
use super::find::{Piece, Row};
use super::strip::{COLUMNS, Geometry, Ink, PITCH, Strip};
use super::trellis::{Candidate, SYMBOLS, Trellis};
use crate::domain::PixelBox;
use crate::imaging::Upright;

/// A character as read, with its place on the page.
#[derive(Clone, Debug)]
pub struct Glyph {
    pub class: usize,
    /// Of the class, over several slightly moved looks.
    pub chance: f32,
    /// The likeliest other symbol, and its chance.
    pub rival: usize,
    pub rival_chance: f32,
    /// Chance that something unread stands before it, or (for the last) behind it.
    pub unread: f32,
    /// Chance that it is another one or none, by what the page says of it; 0 before that was asked.
    pub doubt: f32,
    /// Of one the classifier is not sure of: how much its ink is like another symbol's shape; 0 before that was asked.
    pub unlike: f32,
    /// Seen only in another way than the line stands as a whole.
    pub tried: bool,
    /// Looking again changed what it is.
    pub split: bool,
    /// Pixels of the page.
    pub right: f32,
    pub pitch: f32,
    pub bbox: PixelBox,
}

#[cfg(test)]
impl Glyph {
    /// One that was read without a doubt.
    pub fn clear(class: usize, right: f32, pitch: f32, bbox: PixelBox) -> Glyph {
        Glyph {
            class,
            chance: 1.0,
            rival: 0,
            rival_chance: 0.0,
            unread: 0.0,
            doubt: 0.0,
            unlike: 0.0,
            tried: false,
            split: false,
            right,
            pitch,
            bbox,
        }
    }
}

/// A row as read, before it becomes text.
#[derive(Clone)]
pub struct RowRead {
    pub parts: Vec<Geometry>,
    pub glyphs: Vec<Glyph>,
    /// Share of the ink between first and last glyph that no glyph explains.
    pub loose: f32,
    /// Pieces that look like digits and that no glyph covers.
    pub stray: usize,
    /// Ink before the first and behind the last glyph, in glyphs' worth of it, where nothing but the line should be seen.
    pub outside: f32,
    pub looks: usize,
    pub ink: InkAlong,
}

/// Ink in the digits' rows along a line, in the strip's pixels.
#[derive(Clone, Default)]
pub struct InkAlong {
    /// Columns of the page, from left to right, and the ink before each and behind the last.
    places: Vec<f32>,
    sums: Vec<f32>,
}

impl InkAlong {
    pub(super) fn of(places: Vec<f32>, sums: Vec<f32>) -> InkAlong {
        InkAlong { places, sums }
    }

    /// From one column of the page to another.
    pub fn between(&self, from: f32, to: f32) -> f32 {
        let at = |x: f32| self.sums.get(self.places.partition_point(|p| *p < x)).copied().unwrap_or(0.0);
        (at(to) - at(from)).max(0.0)
    }
}

/// Reads a row of the page with room for so many pitches on either side.
pub fn row(net: &Classifier, page: &Upright, row: &Row, pitches: f32) -> RowRead {
    let alone = pitches > 20.0;
    let mut parts = row.parts(pitches, page.bits.width());
    let mut line: Option<Trellis> = None;
    let mut chain = Vec::new();
    let looked = |part: &Geometry| {
        let ink = Ink::of(page, std::slice::from_ref(part));
        let mut trellis = Trellis::new(net, Strip::new(&ink, part), row.spread());
        trellis.look_at_edges(0);
        let chain = trellis.best();
        (trellis, chain)
    };
    let count = parts.len();
    for part in &mut parts {
        let mut trellis;
        (trellis, chain) = looked(part);
        if let Some(better) = refitted(part, row.spread(), &chain, &mut trellis) {
            *part = better;
            (trellis, chain) = looked(part);
        }
        match &mut line {
            Some(line) => line.append(trellis),
            None => line = Some(trellis),
        }
    }
    let Some(mut trellis) = line else {
        let ink = InkAlong::default();
        return RowRead { parts, glyphs: Vec::new(), loose: 1.0, stray: 0, outside: 0.0, looks: 0, ink };
    };
    // What was found of an only part is the line's.
    if count > 1 {
        chain = trellis.best();
    }
    let surely = chain.iter().filter(|c| c.chance() > 0.5).count();
    let is_other_print = surely < 3 || surely * 3 < chain.len();
    if !is_other_print {
        let closely = doubtful(&chain, &trellis);
        if !closely.is_empty() {
            closely.iter().for_each(|&(from, to)| trellis.look_closely(0, from, to));
            chain = trellis.best();
        }
        let places = misread(&chain, &trellis, alone);
        if !places.is_empty() {
            for (from, to) in places {
                for (geometry, cost) in otherwise(row, &parts, &trellis, from, to) {
                    let ink = Ink::of(page, std::slice::from_ref(&geometry));
                    trellis.try_strip(Strip::new(&ink, &geometry), cost);
                }
            }
            chain = trellis.best();
        }
    }
    let mut chain: Vec<Candidate> = chain.into_iter().filter(|c| c.chance() > 0.25).collect();
    trim(&mut chain);
    let mut glyphs = Vec::with_capacity(chain.len());
    let said = if is_other_print { Vec::new() } else { opinions(&chain, &mut trellis) };
    for (i, c) in chain.iter().enumerate() {
        glyphs.extend(thought(c, said.get(i).unwrap_or(&c.chances), &trellis));
    }
    if glyphs.len() == chain.len() {
        for (i, glyph) in glyphs.iter_mut().enumerate() {
            glyph.unread = unread(&chain, i, &trellis);
        }
    }
    let loose = match (chain.first(), chain.last()) {
        (Some(first), Some(last)) => {
            let free: f32 = chain.windows(2).map(|p| trellis.ink(after(&p[0]), before(&p[1]))).sum();
            free / trellis.ink(first.left(), last.x).max(1.0)
        }
        _ => 1.0,
    };
    let is_covered = |p: &Piece| {
        let middle = (p.x0 + p.x1) / 2;
        glyphs.iter().any(|g| (g.bbox.x - 2..=g.bbox.x + g.bbox.w + 2).contains(&middle))
    };
    let stray = row.digits.iter().filter(|p| p.width() > 0.3 * p.height() && !is_covered(p)).count();
    let outside = match (chain.first(), chain.last()) {
        (Some(first), Some(last)) if alone => {
            let reach = FAR * first.pitch;
            let ink = trellis.ink(first.left() - reach, before(first)) + trellis.ink(after(last), last.x + reach);
            ink / FULL
        }
        _ => 0.0,
    };
    let looks = trellis.looks;
    let (places, sums) = trellis.ink_along();
    RowRead { parts, glyphs, loose, stray, outside, looks, ink: InkAlong::of(places, sums) }
}

/// How far beyond its ends a line is looked at for what was not read, in pitches.
const FAR: f32 = 12.0;
/// Ink of a glyph, in the strip's pixels.
const FULL: f32 = 200.0;

/// A glyph of this chance is what it seems.
pub(super) const CLEAR: f32 = 0.997;

/// What is to be thought of each glyph: what was said of its place and, where that is not clear, of two a little off. Only a
/// glyph that stays itself is sure.
fn opinions(chain: &[Candidate], trellis: &mut Trellis) -> Vec<Vec<f32>> {
    const MOVES: [(isize, isize); 2] = [(-1, 1), (1, -1)];
    let moved = |c: &Candidate| MOVES.map(|(across, down)| (c.strip, c.right + across, down));
    let places: Vec<_> = chain.iter().filter(|c| c.chance() < CLEAR).flat_map(moved).collect();
    let said = trellis.chances(&places);
    let mut said = said.chunks_exact(MOVES.len());
    let mean = |c: &Candidate| {
        let Some(said) = (c.chance() < CLEAR).then(|| said.next()).flatten() else { return c.chances.clone() };
        // Where all agree the place itself counts twice.
        let clear = c.chance() > 0.99 && said.iter().all(|s| s[c.class] > 0.99);
        let own = if clear { 2.0 } else { 1.0 };
        let sum = |k: usize| own * c.chances[k] + said.iter().map(|s| s[k]).sum::<f32>();
        (0..c.chances.len()).map(|k| sum(k) / (own + said.len() as f32)).collect()
    };
    chain.iter().map(mean).collect()
}

/// Just left of a glyph, and just right of it, in columns of the page.
fn before(c: &Candidate) -> f32 {
    c.left() - 0.05 * c.pitch
}

fn after(c: &Candidate) -> f32 {
    c.x + 0.05 * c.pitch
}

/// Columns of the page to be looked at in small steps: around doubtful glyphs, and where ink is left over.
fn doubtful(chain: &[Candidate], trellis: &Trellis) -> Vec<(f32, f32)> {
    let mut closely = Vec::new();
    for (i, here) in chain.iter().enumerate() {
        if here.chance() < 0.97 {
            closely.push((here.x - 0.3 * here.pitch, here.x + 0.3 * here.pitch));
        }
        if i > 0 {
            let last = &chain[i - 1];
            let distance = here.distance(last);
            if distance > 1.15 && trellis.loose(after(last), before(here)) > 0.8 {
                closely.push((last.x + 0.6 * last.pitch, here.x - 0.6 * here.pitch));
            }
            if distance < 0.85 {
                closely.push((last.x - 0.3 * here.pitch, here.x + 0.3 * here.pitch));
            }
        }
    }
    if let (Some(first), Some(last)) = (chain.first(), chain.last()) {
        // A faded or cut first or last symbol.
        closely.push((first.x - 1.15 * first.pitch, first.x - 0.83 * first.pitch));
        closely.push((last.x + 0.83 * last.pitch, last.x + 1.15 * last.pitch));
    }
    closely
}

/// Columns of the page that are not read well even so: doubtful glyphs, ink that nothing explains, steps of no pitch.
/// Beyond the ends only where nothing but the line should be seen.
fn misread(chain: &[Candidate], trellis: &Trellis, alone: bool) -> Vec<(f32, f32)> {
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else { return Vec::new() };
    let mut out: Vec<(f32, f32)> = Vec::new();
    let mut add = |from: f32, to: f32| match out.last_mut() {
        Some(before) if from <= before.1 => before.1 = before.1.max(to),
        _ => out.push((from, to)),
    };
    // A symbol's worth of ink within the next cells.
    const WORTH: f32 = 1.2;
    if alone && trellis.loose(first.left() - 6.0 * first.pitch, before(first)) > WORTH {
        add(first.left() - 6.0 * first.pitch, first.x);
    }
    for (i, here) in chain.iter().enumerate() {
        if here.chance() < 0.9 {
            add(here.left() - 0.6 * here.pitch, here.x + 0.6 * here.pitch);
        }
        if let Some(next) = chain.get(i + 1) {
            let distance = next.distance(here);
            let between = trellis.loose(after(here), before(next));
            if between > WORTH || (1.3..1.65).contains(&distance) || distance < 0.8 {
                add(here.left() - 0.1 * here.pitch, next.x + 0.1 * next.pitch);
            }
        }
    }
    if alone && trellis.loose(after(last), last.x + 6.0 * last.pitch) > WORTH {
        add(last.left(), last.x + 6.0 * last.pitch);
    }
    // Doubtful all over: other ways of looking will not help, and cost.
    let all: f32 = out.iter().map(|r| r.1 - r.0).sum();
    if all > 12.0 * first.pitch { Vec::new() } else { out }
}

/// Other ways in which the line may stand at a place: as its own digits say, as the neighbouring parts go on, a little higher,
/// lower, larger, smaller; with what it costs to believe so.
fn otherwise(row: &Row, parts: &[Geometry], trellis: &Trellis, from: f32, to: f32) -> Vec<(Geometry, f32)> {
    let strip = &trellis.strips[0];
    let middle = (from + to) / 2.0;
    let Some(place) = strip.place(strip.column_at(middle) as f32) else { return Vec::new() };
    let holds = |g: &Geometry| (g.x0..g.x0 + g.length * g.sx).contains(&middle);
    let at = parts.iter().position(holds).unwrap_or(0);
    let Some(here) = parts.get(at) else { return Vec::new() };
    let begin = from - place.sx * 9.615;
    let of = |y: f32, sx: f32, sy: f32, slope: f32| {
        let y0 = y - 4.5 * sy - slope * (middle - begin);
        let length = (to + 0.6 * 9.615 * place.sx - begin) / sx;
        Geometry { x0: begin, y0, slope, sx, sy, length, knots: Vec::new() }
    };
    let mut out: Vec<Geometry> = Vec::new();
    // Whole digits that stand there.
    let own: Vec<&Piece> =
        row.digits.iter().filter(|p| ((p.x0 + p.x1) as f32 / 2.0 - middle).abs() < (to - from) / 2.0).collect();
    if let Some(highest) = own.iter().map(|p| p.y1 - p.y0).max() {
        let whole: Vec<&&Piece> = own.iter().filter(|p| (p.y1 - p.y0) * 10 >= highest * 9).collect();
        let n = whole.len() as f32;
        let height = whole.iter().map(|p| (p.y1 - p.y0) as f32).sum::<f32>() / n;
        let y = whole
            .iter()
            .map(|p| (p.y0 + p.y1) as f32 / 2.0 - here.slope * ((p.x0 + p.x1) as f32 / 2.0 - middle))
            .sum::<f32>()
            / n;
        let sy = (height - 0.3) / 9.0;
        if (sy / place.sy - 1.0).abs() > 0.04 || (y - place.y).abs() > 0.3 * place.sy {
            out.push(of(y, place.sx * (sy / place.sy).clamp(0.8, 1.25), sy, here.slope));
            out.push(of(y, place.sx, sy, here.slope));
        }
    }
    let beside = [at.checked_sub(1), Some(at + 1)];
    for g in beside.into_iter().flatten().filter_map(|i| parts.get(i)) {
        let p = g.at(middle);
        if (p.y - place.y).abs() < 4.0 * place.sy {
            out.push(of(p.y, p.sx, p.sy, g.slope));
        }
    }
    let (y, sx, sy) = (place.y, place.sx, place.sy);
    out.push(of(y - 0.8 * sy, sx, sy, here.slope));
    out.push(of(y + 0.8 * sy, sx, sy, here.slope));
    out.push(of(y, sx * 0.9, sy * 0.93, here.slope));
    out.push(of(y, sx * 1.1, sy * 1.07, here.slope));
    out.into_iter().map(|g| (g, 0.7)).collect()
}

/// Doubt about the place before a glyph: ink that nothing explains, or a distance that is neither one pitch nor a gap. Behind
/// the last glyph and before the first only the next cell counts.
fn unread(chain: &[Candidate], i: usize, trellis: &Trellis) -> f32 {
    let here = &chain[i];
    let left = before(here);
    // Units of area.
    let area = |from: f32, to: f32| trellis.ink(from, to) / 8.0;
    let mut doubt = match i.checked_sub(1).map(|b| &chain[b]) {
        None => by_ink(area(left - 0.94 * here.pitch, left)),
        Some(last) => {
            let distance = here.distance(last);
            let by_distance = if (1.28..1.65).contains(&distance) || distance < 0.78 { 0.03 } else { 0.0 };
            by_ink(area(after(last), left)).max(by_distance)
        }
    };
    if i + 1 == chain.len() {
        doubt = doubt.max(by_ink(area(after(here), here.x + 0.99 * here.pitch)));
    }
    doubt
}

/// Doubt for so many units of area of ink that no glyph explains.
fn by_ink(area: f32) -> f32 {
    ((area - 2.5) * 0.04).clamp(0.0, 0.6)
}

/// Takes off what stands alone and doubtful: edges of the paper, specks, pen strokes.
pub(super) fn trim(chain: &mut Vec<Candidate>) {
    let apart = |chain: &[Candidate], i: usize, j: Option<usize>| {
        let other = j.and_then(|j| chain.get(j));
        other.map_or(f32::INFINITY, |o| o.distance(&chain[i]).abs())
    };
    let mut i = 0;
    while i < chain.len() && chain.len() > 4 {
        let (left, right) = (apart(chain, i, i.checked_sub(1)), apart(chain, i, Some(i + 1)));
        let is_symbol = chain[i].class >= 10;
        let needed = match (left.min(right) > 1.5, left.max(right).is_infinite()) {
            // A dash or an amount symbol by itself says nothing.
            (true, false) if is_symbol => 0.95,
            (true, false) => 0.8,
            (true, true) if left.min(right) > 2.6 => 0.85,
            // A line goes on by a pitch, or begins anew after a gap.
            (_, true) if !(0.85..1.15).contains(&left.min(right)) => 0.75,
            (_, true) => 0.5,
            (false, false) => 0.0,
        };
        if chain[i].chance() < needed {
            chain.remove(i);
            i = i.saturating_sub(1);
        } else {
            i += 1;
        }
    }
}

/// The glyph of a place by what is to be thought of it: a chance for each class.
pub(super) fn thought(c: &Candidate, said: &[f32], trellis: &Trellis) -> Option<Glyph> {
    let class = (0..SYMBOLS.len()).max_by(|&a, &b| said[a].total_cmp(&said[b])).unwrap_or(c.class);
    let here = Candidate { class, ..c.clone() };
    let others = (0..SYMBOLS.len()).filter(|k| *k != class);
    let rival = others.max_by(|&a, &b| said[a].total_cmp(&said[b])).unwrap_or(class);
    let here = placed(&here, said[class], class != c.class, &trellis.strips[c.strip])?;
    Some(Glyph { rival, rival_chance: said[rival], ..here })
}

fn placed(c: &Candidate, chance: f32, split: bool, strip: &Strip) -> Option<Glyph> {
    let right = strip.place(c.right as f32)?;
    let left = strip.place(c.right as f32 - (c.x - c.left()) / right.sx * COLUMNS as f32)?;
    let (x, y) = (left.x.floor(), (left.y.min(right.y) - 4.5 * right.sy).floor());
    let (x1, y1) = (right.x.ceil(), (left.y.max(right.y) + 4.5 * right.sy).ceil());
    let bbox = PixelBox { x: x as i32, y: y as i32, w: (x1 - x) as i32, h: (y1 - y) as i32 };
    let tried = c.strip > 0;
    Some(Glyph {
        class: c.class,
        chance,
        rival: 0,
        rival_chance: 0.0,
        unread: 0.0,
        doubt: 0.0,
        unlike: 0.0,
        tried,
        split,
        right: right.x,
        pitch: c.pitch,
        bbox,
    })
}

/// A better scale and place from glyphs that are sure; `None` where the present one is good.
fn refitted(geometry: &Geometry, spread: f32, chain: &[Candidate], trellis: &mut Trellis) -> Option<Geometry> {
    let sure: Vec<&Candidate> = chain.iter().filter(|c| c.chance() > 0.8).collect();
    // Too few to tell, or nearly all: then the scale is right.
    if sure.len() < 4 || chain.iter().filter(|c| c.chance() < 0.98).count() * 8 < chain.len() {
        return None;
    }
    let mut steps: Vec<f32> = sure
        .windows(2)
        .map(|w| (w[1].right - w[0].right) as f32 / (PITCH * spread))
        .filter(|d| (0.75..1.3).contains(d))
        .collect();
    steps.sort_by(f32::total_cmp);
    let stretch = if steps.len() >= 3 && spread == 1.0 {
        let middle = steps.len() / 2;
        let around = &steps[middle.saturating_sub(2)..(middle + 3).min(steps.len())];
        around.iter().sum::<f32>() / around.len() as f32
    } else {
        1.0
    };
    let sure_count = sure.len();
    // Up or down: where the same glyphs are surest.
    let mut totals = [0.0f32; 5];
    let some: Vec<&Candidate> = sure.into_iter().step_by(sure_count.div_ceil(5)).collect();
    const DOWN: [isize; 4] = [-2, -1, 1, 2];
    let places: Vec<_> = some.iter().flat_map(|c| DOWN.map(|down| (0, c.right, down))).collect();
    let said = trellis.chances(&places);
    for (c, said) in some.iter().zip(said.as_chunks::<4>().0) {
        let [higher, high, low, lower] = said.each_ref().map(|said| said[c.class]);
        let here = [higher, high, c.chance(), low, lower];
        totals.iter_mut().zip(here).for_each(|(total, chance)| *total += chance.max(1e-4).ln());
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
