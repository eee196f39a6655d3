//! Finds rows of print that may be an E-13B line: connected pieces of ink of one height, standing on one straight line,
//! their right edges apart by multiples of one pitch. Says where and how large; whether it is E-13B the reader tells.

use std::cell::RefCell;

use super::classifier::{Classifier, Desk};
use super::strip::{COLUMNS, Geometry, Ink, Strip};
use crate::imaging::Bits;
use crate::imaging::wide::widened;

/// A connected piece of ink: left, top, right, bottom (the last two outside).
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub x0: i32,
    pub y0: i32,
    pub x1: i32,
    pub y1: i32,
    pub ink: u32,
}

impl Piece {
    pub(super) fn height(&self) -> f32 {
        (self.y1 - self.y0) as f32
    }

    pub(super) fn width(&self) -> f32 {
        (self.x1 - self.x0) as f32
    }
}

/// A page with more pieces than this is noise; the rest is not looked at.
const MAX_RUNS: usize = 400_000;

/// All eight-connected pieces of a raster: found once, for whoever looks for lines of one height or another.
pub struct Pieces {
    all: Vec<Piece>,
    /// Rows of the raster.
    height: usize,
    /// The last search for rows of digits: who looks again goes on with it.
    search: RefCell<Option<Search>>,
}

impl Pieces {
    pub fn of(bits: &Bits) -> Pieces {
        Pieces { all: pieces(bits), height: bits.height(), search: RefCell::new(None) }
    }

    /// Those no wider or higher than `largest` and at least `least` high.
    pub fn between(&self, least: i32, largest: i32) -> Vec<Piece> {
        let fits = |p: &&Piece| p.y1 - p.y0 >= least && p.y1 - p.y0 <= largest && p.x1 - p.x0 <= largest;
        self.all.iter().filter(fits).copied().collect()
    }
}

widened!(pieces = joined(bits: &'w Bits) -> Vec<Piece>);

/// A run of ink of one row, [x0, x1), and the piece it belongs to.
#[derive(Clone, Copy)]
struct Run {
    x0: i32,
    x1: i32,
    label: u32,
}

/// Behind all runs of a row.
const NO_RUN: Run = Run { x0: i32::MAX, x1: i32::MAX, label: 0 };

/// A piece that grows, and the one it has become a part of, or itself.
#[derive(Clone, Copy)]
struct Growing {
    piece: Piece,
    parent: u32,
}

#[inline(always)]
fn joined(bits: &Bits) -> Vec<Piece> {
    let mut found: Vec<Growing> = Vec::with_capacity(1024);
    let most = bits.width() / 2 + 2;
    let (mut above, mut here) = (vec![NO_RUN; most], vec![NO_RUN; most]);
    let mut edges = vec![0; 2 * most + AT_ONCE];
    for y in 0..bits.height() {
        let count = edges_of(bits.row(y), bits.width(), &mut edges);
        let mut start = 0;
        for (run, own) in edges[..count].chunks_exact(2).zip(&mut here) {
            let (x0, x1) = (run[0], run[1]);
            while above[start].x1 < x0 {
                start += 1;
            }
            let mut root = u32::MAX;
            let mut n = start;
            while above[n].x0 <= x1 {
                let other = above[n].label;
                let other = if found[other as usize].parent == other { other } else { top_of(&mut found, other) };
                n += 1;
                if root == u32::MAX {
                    root = other;
                } else if root != other {
                    root = merged(&mut found, root, other);
                }
            }
            let ink = (x1 - x0) as u32;
            if root == u32::MAX {
                root = found.len() as u32;
                found.push(Growing { piece: Piece { x0, y0: y as i32, x1, y1: y as i32 + 1, ink }, parent: root });
            } else {
                let into = &mut found[root as usize].piece;
                into.x0 = into.x0.min(x0);
                into.x1 = into.x1.max(x1);
                into.y1 = y as i32 + 1;
                into.ink += ink;
            }
            *own = Run { x0, x1, label: root };
        }
        here[count / 2] = NO_RUN;
        std::mem::swap(&mut above, &mut here);
        if found.len() > MAX_RUNS {
            break;
        }
    }
    let roots = found.iter().enumerate().filter(|(i, grown)| grown.parent as usize == *i);
    roots.map(|(_, grown)| grown.piece).collect()
}

/// Edges of a word that are written at once, be there so many or not: how many there are is no guess of the processor's.
const AT_ONCE: usize = 8;

/// Where a row changes between paper and ink, first to ink; how often, which is an even number. `edges` has room for all, and
/// for `AT_ONCE` more.
#[inline(always)]
fn edges_of(words: &[u64], width: usize, edges: &mut [i32]) -> usize {
    let (mut before, mut count) = (0, 0);
    let (fours, last) = words.as_chunks::<4>();
    for (n, four) in fours.iter().enumerate() {
        // Most of a page is paper.
        if before == 0 && *four == [0; 4] {
            continue;
        }
        for (i, &word) in four.iter().enumerate() {
            count = edges_into(edges, count, 4 * n + i, word ^ (word >> 1 | before << 63));
            before = word & 1;
        }
    }
    for (i, &word) in last.iter().enumerate() {
        count = edges_into(edges, count, 4 * fours.len() + i, word ^ (word >> 1 | before << 63));
        before = word & 1;
    }
    if before == 1 {
        edges[count] = width as i32;
        count += 1;
    }
    count
}

/// The pixels of a word at which the row changes, behind the first `count` edges.
#[inline(always)]
fn edges_into(edges: &mut [i32], mut count: usize, n: usize, changes: u64) -> usize {
    if changes == 0 {
        return count;
    }
    let mut rest = changes.reverse_bits();
    let end = count + changes.count_ones() as usize;
    while count < end {
        let Some(some) = edges.get_mut(count..).and_then(|edges| edges.first_chunk_mut::<AT_ONCE>()) else { break };
        for edge in some {
            *edge = n as i32 * 64 + rest.trailing_zeros() as i32;
            rest &= rest.wrapping_sub(1);
        }
        count += AT_ONCE;
    }
    end
}

/// Two pieces that turn out to be one, known by the older.
#[cold]
#[inline(never)]
fn merged(found: &mut [Growing], one: u32, other: u32) -> u32 {
    let (keep, drop) = (one.min(other), one.max(other));
    found[drop as usize].parent = keep;
    let gone = found[drop as usize].piece;
    let into = &mut found[keep as usize].piece;
    into.x0 = into.x0.min(gone.x0);
    into.y0 = into.y0.min(gone.y0);
    into.x1 = into.x1.max(gone.x1);
    into.y1 = into.y1.max(gone.y1);
    into.ink += gone.ink;
    keep
}

#[cold]
#[inline(never)]
fn top_of(found: &mut [Growing], mut label: u32) -> u32 {
    while found[label as usize].parent != label {
        let over = found[label as usize].parent;
        found[label as usize].parent = found[over as usize].parent;
        label = found[label as usize].parent;
    }
    label
}

/// Runs of ink of one row, as [from, to).
pub(super) fn runs(words: &[u64], width: usize, mut each: impl FnMut(i32, i32)) {
    let mut open: Option<usize> = None;
    for (i, &word) in words.iter().enumerate() {
        if (word == 0 && open.is_none()) || (word == u64::MAX && open.is_some()) {
            continue;
        }
        let mut x = 0;
        while x < 64 {
            let rest = word << x;
            match open {
                None if rest == 0 => break,
                None => {
                    x += rest.leading_zeros() as usize;
                    open = Some(i * 64 + x);
                }
                Some(from) => {
                    let same = (!rest).leading_zeros() as usize;
                    if x + same >= 64 {
                        break;
                    }
                    x += same;
                    each(from as i32, (i * 64 + x) as i32);
                    open = None;
                }
            }
        }
    }
    if let Some(from) = open {
        each(from as i32, width as i32);
    }
}

/// A row of print, with how many whole-height pieces stand on it.
#[derive(Clone, Debug)]
pub struct Row {
    pub geometry: Geometry,
    /// Pieces of the digits' full height that stand on it.
    pub sample: Vec<Piece>,
    /// Pieces that are about as high and stand about there, from left to right.
    pub digits: Vec<Piece>,
    /// All that is not a speck, and near.
    pub pieces: Vec<Piece>,
}

/// Rows with digits between `least` and `most` pixels high, most pieces first, at most `wanted`.
pub fn rows(bits: &Bits, least: f32, most: f32, wanted: usize) -> Vec<Row> {
    rows_of(&Pieces::of(bits), least, most, wanted, LEAST_DIGITS)
}

/// A row has at least so many digits.
pub const LEAST_DIGITS: usize = 4;

/// The same of a page's pieces; `fewest`: no row of fewer digits is asked for.
pub fn rows_of(page: &Pieces, least: f32, most: f32, wanted: usize, fewest: usize) -> Vec<Row> {
    outlines_of(page, least, most, wanted, fewest).into_iter().map(|row| filled(page, least, most, row)).collect()
}

/// The same rows, of which only the place and the sample are known.
pub fn outlines_of(page: &Pieces, least: f32, most: f32, wanted: usize, fewest: usize) -> Vec<Row> {
    let mut search = page.search.borrow_mut();
    let search = match search.as_mut() {
        Some(s) if (s.least, s.most) == (least, most) => s,
        _ => search.insert(Search::of(page, least, most)),
    };
    let mut found: Vec<Row> = Vec::new();
    for n in 0..wanted + 2 {
        let Some((_, row)) = search.look(n).filter(|(members, _)| *members >= fewest) else { break };
        found.extend(row.clone());
        if found.len() == wanted {
            break;
        }
    }
    found.sort_by_key(|r| std::cmp::Reverse(r.sample.len()));
    found
}

/// Whole digits are higher than wide and hold a fair share of ink.
fn is_upright(p: &Piece, least: f32, most: f32) -> bool {
    (least..=most).contains(&p.height()) && p.width() < 1.05 * p.height() && p.width() > 0.15 * p.height()
}

/// Rows of digits between `least` and `most` pixels high, found one after the other.
struct Search {
    least: f32,
    most: f32,
    digits: Vec<Piece>,
    /// Which of them no row has taken.
    free: Vec<bool>,
    page_height: usize,
    /// Of each look how many digits stood about one line, and the row they make.
    found: Vec<(usize, Option<Row>)>,
}

impl Search {
    fn of(page: &Pieces, least: f32, most: f32) -> Search {
        let mut digits = between(page, least, most);
        digits.retain(|p| is_upright(p, least, most));
        Search { least, most, free: vec![true; digits.len()], digits, page_height: page.height, found: Vec::new() }
    }

    /// What the look of this number found; none when nothing was left.
    fn look(&mut self, n: usize) -> Option<&(usize, Option<Row>)> {
        while self.found.len() <= n {
            let members = densest_row(&self.digits, &self.free, self.page_height)?;
            let chosen: Vec<Piece> = members.iter().map(|&i| self.digits[i]).collect();
            let row = fitted(&chosen, LEAST_DIGITS);
            // Pieces of another height on the same line may be a row of their own.
            let height = row.as_ref().map(|row| 9.0 * row.geometry.sy);
            let is_free = |p: &Piece| height.is_some_and(|h| (p.height() - h).abs() > h / 7.0 + 1.0);
            members.iter().for_each(|&i| self.free[i] = is_free(&self.digits[i]));
            self.found.push((members.len(), row));
        }
        self.found.get(n)
    }
}

/// What may belong to digits of these heights: no speck, and nothing much larger.
fn between(page: &Pieces, least: f32, most: f32) -> Vec<Piece> {
    page.between((least * 0.25) as i32, (most * 1.5) as i32)
}

/// A row with all that stands on it.
pub fn filled(page: &Pieces, least: f32, most: f32, mut row: Row) -> Row {
    let all = between(page, least, most);
    let height = 9.0 * row.geometry.sy;
    let off = |p: &Piece| (p.y0 + p.y1) as f32 / 2.0 - row.geometry.at((p.x0 + p.x1) as f32 / 2.0).y;
    // Apart from the rest, what another machine printed may stand on another level.
    let pitch = 9.615 * row.geometry.sx;
    let is_apart = |p: &Piece| row.sample.iter().all(|q| (p.x0 - q.x1).max(q.x0 - p.x1) as f32 > 2.0 * pitch);
    let is_near = |p: &Piece| off(p).abs() < 0.65 * height || (off(p).abs() < 1.2 * height && is_apart(p));
    let bent = bent(&all, height, pitch, &off);
    let follows = |p: &Piece| bent.iter().any(|b| p.x1 > b.0 && p.x0 < b.1 && (off(p) - b.2).abs() < 0.65 * height);
    let is_near = |p: &Piece| is_near(p) || follows(p);
    let pieces: Vec<Piece> = all.iter().copied().filter(is_near).collect();
    let is_digit = |p: &Piece| is_near(p) && is_upright(p, least, most);
    let mut digits: Vec<Piece> = whole(&pieces, height).into_iter().filter(is_digit).collect();
    digits.retain(|p| (0.6..1.6).contains(&(p.height() / (height + 0.3))));
    digits.sort_by_key(|p| p.x1);
    (row.digits, row.pieces) = (digits, pieces);
    row
}

/// Where a row on bent paper has left its straight line: from and to which column, and how far off.
fn bent(all: &[Piece], height: f32, pitch: f32, off: &dyn Fn(&Piece) -> f32) -> Vec<(i32, i32, f32)> {
    let is_digit = |p: &&Piece| (p.height() / (height + 0.3) - 1.0).abs() < 0.1 && off(p).abs() < 1.5 * height;
    let mut digits: Vec<&Piece> = all.iter().filter(is_digit).collect();
    digits.sort_by_key(|p| p.x1);
    let places: Vec<(f32, f32)> = digits.iter().map(|p| (p.x1 as f32, off(p))).collect();
    let on = 0.65 * height;
    let belongs = followed(&places, on, height, pitch);
    let around = (0.6 * pitch) as i32;
    let left = digits.iter().zip(&places).zip(belongs).filter(|((_, place), belongs)| *belongs && place.1.abs() >= on);
    left.map(|((p, place), _)| (p.x0 - around, p.x1 + around, place.1)).collect()
}

/// Which of the digits (column of the right edge, how far off a straight line, in order) belong to a row that leaves the line
/// little by little, as on bent paper: what is off by less than `on`, and what stands level with the one beside it that does, in
/// whole pitches: letters of a stamp stand in no such step, and no row of digits on the line goes on as them.
pub(super) fn followed(places: &[(f32, f32)], on: f32, height: f32, pitch: f32) -> Vec<bool> {
    let mut belongs: Vec<bool> = places.iter().map(|p| p.1.abs() < on).collect();
    let orders: [Vec<usize>; 2] = [(0..places.len()).collect(), (0..places.len()).rev().collect()];
    for order in orders {
        // The last that belongs, and how many stood on the line before it without a break.
        let mut last: Option<((f32, f32), usize)> = None;
        for i in order {
            let here = places[i];
            let step = last.map_or(f32::INFINITY, |(l, _)| (here.0 - l.0).abs() / pitch);
            let is_level = last.is_some_and(|(l, _)| (here.1 - l.1).abs() < (0.05 + 0.07 * step) * height);
            let goes_on = step < 3.3 && is_level && (step - step.round().max(1.0)).abs() < 0.12;
            let stood = last.filter(|_| goes_on).map_or(0, |l| l.1);
            let is_on = here.1.abs() < on;
            // Beside the line the row is followed, not what else stands on the line.
            let is_free = last.is_none_or(|(l, _)| l.1.abs() < on || step > 3.3);
            if goes_on && stood >= 4 || is_on && is_free {
                (belongs[i], last) = (true, Some((here, stood + usize::from(is_on))));
            }
        }
    }
    belongs
}

impl Row {
    /// How many times wider than its glyphs tell the pitch is, 1 in print of the standard: fonts that are no such print stand
    /// far apart, and their pitch is uneven.
    pub fn spread(&self) -> f32 {
        let height = 9.0 * self.geometry.sy + 0.3;
        let mut right: Vec<i32> = self.sample.iter().map(|p| p.x1).collect();
        right.sort_unstable();
        let mut steps: Vec<f32> = right.windows(2).map(|w| (w[1] - w[0]) as f32 / height).collect();
        steps.retain(|s| (0.6..1.9).contains(s));
        steps.sort_by(f32::total_cmp);
        let mut widths: Vec<f32> = self.sample.iter().map(|p| p.width() / height).collect();
        widths.sort_by(f32::total_cmp);
        let (Some(step), Some(widest)) = (steps.get(steps.len() / 2), widths.get(widths.len() * 9 / 10)) else {
            return 1.0;
        };
        // Where the picture is stretched the glyphs are too.
        if *step > 1.14 && *widest < 0.87 { step * 9.0 / 9.615 } else { 1.0 }
    }

    /// The row with room for so many pitches on either side of its pieces.
    pub fn trimmed(&self, pitches: f32, page_width: usize) -> Geometry {
        let g = &self.geometry;
        let room = pitches * 9.615 * g.sx;
        let (first, last) = (self.sample.first().map_or(0, |p| p.x0), self.sample.last().map_or(0, |p| p.x1));
        let (from, to) = ((first as f32 - room).max(0.0), (last as f32 + room).min(page_width as f32));
        Geometry { x0: from, y0: g.y0 + g.slope * (from - g.x0), length: (to - from) / g.sx, ..g.clone() }
    }
}

/// Pieces above each other as one: broken digits, and the squares of the transit symbol.
fn whole(pieces: &[Piece], height: f32) -> Vec<Piece> {
    let mut out: Vec<Piece> = pieces.to_vec();
    out.sort_by_key(|p| p.x0);
    let mut i = 0;
    while i < out.len() {
        let a = out[i];
        let fits = |b: &Piece| {
            let shared = (a.x1.min(b.x1) - a.x0.max(b.x0)) as f32;
            let high = (a.y1.max(b.y1) - a.y0.min(b.y0)) as f32;
            let between = (a.y0.max(b.y0) - a.y1.min(b.y1)) as f32;
            let wide = (a.x1.max(b.x1) - a.x0.min(b.x0)) as f32;
            shared > 0.5 * a.width().min(b.width())
                && high < 1.15 * height
                && wide < 0.95 * height
                && between < 0.45 * height
                && between > -0.3 * height
        };
        let reach = a.x1;
        let found = (i + 1..out.len()).take_while(|&j| out[j].x0 < reach).find(|&j| fits(&out[j]));
        match found {
            Some(j) => {
                let b = out.remove(j);
                let into = &mut out[i];
                (into.x0, into.y0) = (a.x0.min(b.x0), a.y0.min(b.y0));
                (into.x1, into.y1) = (a.x1.max(b.x1), a.y1.max(b.y1));
                into.ink = a.ink + b.ink;
            }
            None => i += 1,
        }
    }
    out
}

/// Pieces of about one height whose bottoms lie on one straight line of at most four degrees.
fn densest_row(digits: &[Piece], free: &[bool], page_height: usize) -> Option<Vec<usize>> {
    let standing = || digits.iter().zip(free).filter(|(_, f)| **f).map(|(p, _)| p);
    let mut heights: Vec<f32> = standing().map(Piece::height).collect();
    if heights.len() < LEAST_DIGITS {
        return None;
    }
    let middle = heights.len() / 2;
    let bin = (*heights.select_nth_unstable_by(middle, f32::total_cmp).1 * 0.25).max(2.0);
    let reach = 0.08 * digits.iter().map(|p| p.x1).max().unwrap_or(0) as f32;
    let feet: Vec<(f32, f32)> = standing().map(|p| ((p.x0 + p.x1) as f32, p.y1 as f32)).collect();
    let best = densest_level(&feet, bin, reach, page_height);
    if best.0 < LEAST_DIGITS {
        return None;
    }
    let (_, slope, middle) = best;
    let members: Vec<usize> = (0..digits.len())
        .filter(|&i| {
            let p = &digits[i];
            free[i] && (p.y1 as f32 - slope * (p.x0 + p.x1) as f32 / 2.0 - middle).abs() <= bin
        })
        .collect();
    Some(members)
}

widened!(densest_level = levels(feet: &'w [(f32, f32)], bin: f32, reach: f32, page_height: usize) -> (usize, f32, f32));

/// Of feet (twice the column, and the row) how many at most stand on one level, on which slope, and where.
#[inline(always)]
fn levels(feet: &[(f32, f32)], bin: f32, reach: f32, page_height: usize) -> (usize, f32, f32) {
    const SLOPES: [f32; 9] = [0.0, -0.0175, 0.0175, -0.035, 0.035, -0.0525, 0.0525, -0.07, 0.07];
    let bins = ((page_height as f32 + 2.0 * reach) / bin) as usize + 2;
    let (mut counts, mut places) = (vec![0u16; bins], vec![0i32; feet.len()]);
    let mut best: (usize, f32, f32) = (0, 0.0, 0.0);
    for slope in SLOPES {
        for (place, (twice, foot)) in places.iter_mut().zip(feet) {
            let bottom = foot - slope * twice / 2.0 + reach;
            *place = (bottom / bin).max(0.0) as i32;
        }
        counts.fill(0);
        for place in &places {
            let count = &mut counts[(*place as usize).min(bins - 1)];
            *count = count.saturating_add(1);
        }
        // Two bins: a row may lie on the border of two.
        let both = || counts.iter().zip(&counts[1..]).map(|(a, b)| a.saturating_add(*b));
        let most = both().fold(0, u16::max);
        if usize::from(most) > best.0
            && let Some(i) = both().position(|n| n == most)
        {
            best = (usize::from(most), slope, (i + 1) as f32 * bin - reach);
        }
    }
    best
}

/// Least squares through the bottoms, after the height that most of the pieces share.
fn fitted(row: &[Piece], least: usize) -> Option<Row> {
    let mut heights: Vec<f32> = row.iter().map(Piece::height).collect();
    heights.sort_by(f32::total_cmp);
    // The height with the most company, the higher the better: parts of symbols and broken digits are lower.
    let company = |h: f32| heights.iter().filter(|&&o| (o - h).abs() <= h / 10.0 + 1.0).sum::<f32>();
    let mut height: Option<(f32, f32)> = None;
    for same in heights.chunk_by(|a, b| a == b) {
        let with = company(same[0]);
        height = height.filter(|best| best.1 > with).or(Some((same[0], with)));
    }
    let (height, _) = height?;
    let same: Vec<&Piece> = row.iter().filter(|p| (p.height() - height).abs() <= height / 8.0 + 1.0).collect();
    if same.len() < least {
        return None;
    }
    let mean = |f: &dyn Fn(&Piece) -> f32| same.iter().map(|p| f(p)).sum::<f32>() / same.len() as f32;
    let height = mean(&|p| p.height());
    let middle = |p: &Piece| (p.x0 + p.x1) as f32 / 2.0;
    let (mut slope, mut level) = (0.0, 0.0);
    let mut inside: Vec<&Piece> = same.clone();
    for _ in 0..3 {
        let n = inside.len() as f32;
        let (mx, my) =
            (inside.iter().map(|p| middle(p)).sum::<f32>() / n, inside.iter().map(|p| p.y1 as f32).sum::<f32>() / n);
        let (mut xy, mut xx) = (0.0, 1.0);
        for p in &inside {
            xy += (middle(p) - mx) * (p.y1 as f32 - my);
            xx += (middle(p) - mx).powi(2);
        }
        slope = (xy / xx).clamp(-0.1, 0.1);
        level = my - slope * mx;
        let near: Vec<&Piece> = same
            .iter()
            .copied()
            .filter(|p| (p.y1 as f32 - level - slope * middle(p)).abs() < height * 0.1 + 1.0)
            .collect();
        if near.len() < least {
            return None;
        }
        inside = near;
    }
    // The distance of neighbouring right edges with the most company; prints and photographs squeeze it.
    let mut right: Vec<i32> = inside.iter().map(|p| p.x1).collect();
    right.sort_unstable();
    let steps: Vec<f32> =
        right.windows(2).map(|w| (w[1] - w[0]) as f32).filter(|d| (0.6 * height..1.5 * height).contains(d)).collect();
    let near = |d: f32| steps.iter().copied().filter(move |o| (o - d).abs() <= d * 0.08 + 0.5);
    let pitch = match steps.iter().copied().max_by_key(|&d| near(d).count()) {
        Some(d) if near(d).count() >= 2 => near(d).sum::<f32>() / near(d).count() as f32,
        _ => 1.03 * height,
    };
    let (sx, sy) = (pitch / 9.615, (height - 0.3) / 9.0);
    let (first, last) = (right[0], right[right.len() - 1]);
    let geometry = Geometry {
        x0: 0.0,
        y0: level - height,
        slope,
        sx,
        sy,
        length: (last as f32 + 2.0 * (last - first) as f32) / sx,
        knots: Vec::new(),
    };
    let mut sample: Vec<Piece> = inside.into_iter().copied().collect();
    sample.sort_by_key(|p| p.x0);
    Some(Row { geometry, sample, digits: Vec::new(), pieces: Vec::new() })
}

/// How much some of a row's pieces look like E-13B glyphs to the classifier, 0 to 1; what cannot come to a half any more is given
/// as far as it was looked at. Cheap: a dozen small windows at most.
pub fn plausible(net: &Classifier, bits: &Bits, row: &Row) -> f32 {
    const MOST: usize = 10;
    const STEP: usize = 3;
    let g = &row.geometry;
    let (mut desk, mut pixels) = (Desk::default(), Vec::new());
    let count = row.sample.len().min(MOST);
    let count = if count.is_multiple_of(STEP) { count.saturating_sub(1) } else { count };
    let mut sum = 0.0;
    for n in 0..count {
        // From all over the row, not from its left end on: the first few tell most.
        let piece = &row.sample[(n * STEP + count / 2) % count * row.sample.len() / count];
        let x0 = piece.x1 as f32 - 10.0 * g.sx;
        let y0 = g.y0 + g.slope * piece.x1 as f32;
        let around = Geometry { x0, y0, length: 13.0, ..g.clone() };
        let ink = Ink::bitonal(bits, std::slice::from_ref(&around));
        pixels.clear();
        Strip::new(&ink, &around).window(10 * COLUMNS as isize, 0, &mut pixels);
        let said = net.chances(&pixels, &mut desk);
        sum += 1.0 - said.first().and_then(|s| s.last()).copied().unwrap_or(1.0);
        // Plainly other print, or plainly the line.
        let looked = n + 1;
        let is_plain = match looked {
            2 => sum < 0.05,
            3 => sum > 2.8,
            4 => !(0.6..3.6).contains(&sum),
            _ => false,
        };
        if is_plain || 2.0 * (sum + (count - looked) as f32) < count as f32 {
            return sum / looked as f32;
        }
    }
    sum / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_followed_off_its_line_and_stamps_are_not() {
        // Pitches of 20, digits 20 high: right edges and how far off the line | which belong.
        type Places = &'static [(f32, f32)];
        let table: [(&str, Places, &str); 5] = [
            ("straight", &[(0.0, 1.0), (20.0, 0.0), (40.0, -1.0)], "111"),
            (
                "bent up at its end",
                &[(0.0, 0.0), (20.0, 1.0), (40.0, 3.0), (60.0, 5.0), (80.0, 7.0), (100.0, 9.0), (120.0, 11.0)],
                "1111111",
            ),
            ("a step of another row", &[(0.0, 0.0), (20.0, 0.0), (40.0, 0.0), (60.0, 0.0), (80.0, 12.0)], "11110"),
            (
                "letters that stand closer",
                &[(0.0, 0.0), (20.0, 1.0), (40.0, 3.0), (60.0, 5.0), (80.0, 7.0), (94.0, 9.0), (108.0, 10.0)],
                "1111100",
            ),
            ("a stamp that comes near", &[(0.0, 12.0), (20.0, 10.0), (40.0, 8.0), (60.0, 6.0), (80.0, 4.0)], "00111"),
        ];
        for (name, places, expected) in table {
            let belongs = followed(places, 8.5, 20.0, 20.0);
            let found: String = belongs.iter().map(|b| if *b { '1' } else { '0' }).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
