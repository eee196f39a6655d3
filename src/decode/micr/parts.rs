//! A row in parts: fields printed apart from each other (the amount by another machine, a serial number by the printer) and
//! parts of a photograph differ in height, level and pitch. Each part gets a geometry of its own.

use super::find::{Piece, Row, followed};
use super::strip::{Geometry, Knot};

/// Nominal pitch in units.
const PITCH: f32 = 9.615;

/// Pieces of one part and what they say.
struct Part {
    pieces: Vec<Piece>,
    slope: f32,
    /// Bottom of the digits at column 0.
    level: f32,
    height: f32,
    sx: f32,
    /// How many distances of neighbours agree on the pitch.
    support: usize,
}

impl Part {
    /// The level under a piece, off this part's.
    fn off(&self, p: &Piece) -> f32 {
        p.y1 as f32 - self.level - self.slope * middle(p)
    }
}

fn middle(p: &Piece) -> f32 {
    (p.x0 + p.x1) as f32 / 2.0
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    let n = values.len();
    (n > 0).then(|| (values[(n - 1) / 2] + values[n / 2]) / 2.0)
}

impl Row {
    /// Geometries that follow each other from left to right, with room for so many pitches before the first piece and behind
    /// the last; never none. Their units are the glyphs', a pitch is [`Row::spread`] times as wide.
    pub fn parts(&self, pitches: f32, page_width: usize) -> Vec<Geometry> {
        let (whole, spread) = (&self.geometry, self.spread());
        let (pitch, height) = (PITCH * whole.sx, 9.0 * whole.sy + 0.3);
        let mut groups: Vec<Vec<Piece>> = Vec::new();
        for &piece in &self.digits {
            match groups.last_mut().and_then(|g| Some((g.last()?.x1, g))) {
                Some((x1, g)) if (piece.x1 - x1) as f32 <= 1.9 * pitch => g.push(piece),
                _ => groups.push(vec![piece]),
            }
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut small: Vec<Vec<Piece>> = Vec::new();
        for group in groups {
            match fitted(&group, whole, 3) {
                Some(part) => match parts.last_mut() {
                    Some(before) if are_one(before, &part) => {
                        let pieces: Vec<Piece> = before.pieces.iter().chain(&part.pieces).copied().collect();
                        if let Some(both) = fitted(&pieces, whole, 3) {
                            *before = both;
                        }
                    }
                    _ => parts.push(part),
                },
                None => small.push(group),
            }
        }
        for group in small {
            let x = middle(&group[0]);
            let gap = |p: &Part| {
                let (first, last) = (p.pieces.first().map_or(0, |p| p.x0), p.pieces.last().map_or(0, |p| p.x1));
                (first as f32 - x).max(x - last as f32).max(0.0)
            };
            let near = (0..parts.len()).min_by(|&a, &b| gap(&parts[a]).total_cmp(&gap(&parts[b])));
            let belongs = |part: &Part, p: &Piece| {
                part.off(p).abs() < 0.1 * part.height && (p.height() - part.height).abs() < 0.1 * part.height
            };
            let step = group.windows(2).map(|w| (w[1].x1 - w[0].x1) as f32 / PITCH).next();
            let in_step = |part: &Part| step.is_none_or(|s| (s / part.sx - 1.0).abs() < 0.12);
            if let Some(i) = near.filter(|&i| in_step(&parts[i]) && group.iter().all(|p| belongs(&parts[i], p))) {
                parts[i].pieces.extend(group);
                parts[i].pieces.sort_by_key(|p| p.x0);
            } else if let Some(part) = fitted(&group, whole, group.len()) {
                // By itself it must look like digits, and a single one of another size must stand far off: nearer to the
                // others it is a broken one.
                let solid = |p: &Piece| p.ink as f32 > 0.15 * p.height() * p.width();
                let far = near.map_or(f32::INFINITY, |i| gap(&parts[i])) > 4.0 * pitch;
                let sizes = if far { 0.62..1.5 } else { 0.8..1.25 };
                let enough = far || group.len() > 1 || near.is_none();
                if enough && sizes.contains(&(part.height / height)) && group.iter().all(solid) {
                    parts.push(part);
                }
            }
        }
        parts.sort_by(|a, b| a.pieces[0].x0.cmp(&b.pieces[0].x0));
        // Where few neighbours tell, the pitch stands to the height as where many do, the nearer the better.
        let sure: Vec<(f32, f32)> = parts
            .iter()
            .filter(|p| p.support >= 3)
            .map(|p| (p.pieces.iter().map(middle).sum::<f32>() / p.pieces.len() as f32, p.sx / p.height))
            .collect();
        for part in parts.iter_mut().filter(|p| p.support < 3) {
            let x = middle(&part.pieces[0]);
            let near = sure.iter().min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()));
            let usual = near.map_or(1.0 / PITCH, |s| s.1) * part.height;
            let agrees = part.support > 0 && (part.sx / usual - 1.0).abs() < 0.2 * part.support as f32;
            part.sx = if agrees { (part.sx * part.support as f32 + usual) / (part.support + 1) as f32 } else { usual };
        }
        if spread > 1.0 {
            // Then the glyphs alone tell their width, and a unit is as wide as high.
            parts.iter_mut().for_each(|p| p.sx = spread * (p.height - 0.3) / 9.0);
        }
        // Parts that lie within each other are one row after all.
        let apart = parts.windows(2).all(|w| w[0].pieces.iter().all(|p| p.x1 <= w[1].pieces[0].x0 + 2));
        if parts.is_empty() || !apart {
            let mut g = self.trimmed(pitches, page_width);
            if spread > 1.0 {
                (g.sx, g.length) = (g.sy, g.length * g.sx / g.sy);
            }
            g.knots = knots(&g, spread, &self.digits);
            return vec![g];
        }
        let room = pitches * pitch;
        let first = parts[0].pieces[0].x0.min(self.sample.first().map_or(i32::MAX, |p| p.x0)) as f32;
        let last = parts.iter().flat_map(|p| &p.pieces).chain(&self.sample).map(|p| p.x1).max().unwrap_or(0) as f32;
        let (begin, end) = ((first - room).max(0.0), (last + room).min(page_width as f32));
        let mut bounds = vec![begin];
        for pair in parts.windows(2) {
            let (from, to) = (pair[0].pieces.iter().map(|p| p.x1).max().unwrap_or(0), pair[1].pieces[0].x0);
            bounds.push(self.widest_blank(from, to));
        }
        bounds.push(end);
        let geometry = |(part, bound): (&Part, &[f32])| {
            let (sx, sy) = (part.sx / spread, (part.height - 0.3) / 9.0);
            let (x0, y0) = (bound[0], part.level - part.height + part.slope * bound[0]);
            let length = ((bound[1] - bound[0]) / sx).max(0.0);
            let mut g = Geometry { x0, y0, slope: part.slope, sx, sy, length, knots: Vec::new() };
            g.knots = knots(&g, spread, &part.pieces);
            g
        };
        parts.iter().zip(bounds.windows(2)).map(geometry).collect()
    }

    /// The middle of the widest stretch of paper between two columns.
    fn widest_blank(&self, from: i32, to: i32) -> f32 {
        let mut inside: Vec<(i32, i32)> =
            self.pieces.iter().filter(|p| p.x1 > from && p.x0 < to).map(|p| (p.x0, p.x1)).collect();
        inside.sort_unstable();
        inside.push((to, to));
        let (mut best, mut wide, mut at) = ((from + to) as f32 / 2.0, 0, from);
        for (x0, x1) in inside {
            if x0 - at > wide {
                (wide, best) = (x0 - at, (x0 + at) as f32 / 2.0);
            }
            at = at.max(x1);
        }
        best
    }
}

/// Do two neighbours stand on one line, in one size?
fn are_one(a: &Part, b: &Part) -> bool {
    let (Some(end), Some(begin)) = (a.pieces.last(), b.pieces.first()) else { return false };
    let x = (end.x1 + begin.x0) as f32 / 2.0;
    let step = (a.level + a.slope * x) - (b.level + b.slope * x);
    step.abs() < 0.05 * a.height + 0.5
        && (a.height - b.height).abs() < 0.04 * a.height + 0.5
        && (a.support.min(b.support) < 3 || (a.sx / b.sx - 1.0).abs() < 0.05)
}

/// Height, level and pitch that most of the pieces share, at least so many of them.
fn fitted(pieces: &[Piece], whole: &Geometry, least: usize) -> Option<Part> {
    // The height with the most company, the higher the better: parts of symbols and broken digits are lower.
    let company = |h: f32| pieces.iter().map(Piece::height).filter(|o| (o - h).abs() <= h / 14.0 + 1.0).sum::<f32>();
    let height = pieces.iter().map(Piece::height).max_by(|&a, &b| company(a).total_cmp(&company(b)))?;
    let same: Vec<Piece> =
        pieces.iter().filter(|p| (p.height() - height).abs() <= height / 10.0 + 1.0).copied().collect();
    if same.len() < least {
        return None;
    }
    let height = same.iter().map(Piece::height).sum::<f32>() / same.len() as f32;
    let span = (same[same.len() - 1].x1 - same[0].x0) as f32;
    let mut slope = whole.slope;
    let level_of = |slope: f32| median(same.iter().map(|p| p.y1 as f32 - slope * middle(p)).collect());
    let mut level = level_of(slope)?;
    let mut inside: Vec<&Piece> = same.iter().collect();
    for _ in 0..2 {
        inside.retain(|p| (p.y1 as f32 - level - slope * middle(p)).abs() < 0.1 * height + 1.0);
        if inside.len() < least {
            return None;
        }
        let n = inside.len() as f32;
        let (mx, my) =
            (inside.iter().map(|p| middle(p)).sum::<f32>() / n, inside.iter().map(|p| p.y1 as f32).sum::<f32>() / n);
        if inside.len() >= 5 && span > 5.0 * height {
            let xy: f32 = inside.iter().map(|p| (middle(p) - mx) * (p.y1 as f32 - my)).sum();
            let xx: f32 = inside.iter().map(|p| (middle(p) - mx).powi(2)).sum();
            slope = (xy / xx.max(1.0)).clamp(-0.1, 0.1);
        }
        level = my - slope * mx;
    }
    // The distance of neighbouring right edges with the most company; prints and photographs squeeze it.
    let steps: Vec<f32> = pieces
        .windows(2)
        .map(|w| (w[1].x1 - w[0].x1) as f32)
        .filter(|d| (0.6 * height..1.45 * height).contains(d))
        .collect();
    let near = |d: f32| steps.iter().copied().filter(move |o| (o - d).abs() <= d * 0.07 + 0.5);
    let best = steps.iter().copied().max_by_key(|&d| near(d).count()).unwrap_or(height);
    let support = near(best).count();
    let pitch = if support == 0 { height } else { near(best).sum::<f32>() / support as f32 };
    Some(Part { pieces: pieces.to_vec(), slope, level, height, sx: pitch / PITCH, support })
}

/// How the pieces of one part leave the straight and even.
fn knots(g: &Geometry, spread: f32, pieces: &[Piece]) -> Vec<Knot> {
    let (height, pitch) = (9.0 * g.sy, PITCH * g.sx * spread);
    let off = |p: &Piece| (p.y0 + p.y1) as f32 / 2.0 - g.at(middle(p)).y;
    let has_height = |p: &&Piece| (0.7..1.4).contains(&(p.height() / (height + 0.3)));
    let mut near: Vec<&Piece> = pieces.iter().filter(has_height).collect();
    near.sort_by_key(|p| p.x1);
    let places: Vec<(f32, f32)> = near.iter().map(|p| (p.x1 as f32, off(p))).collect();
    let mut belongs = followed(&places, 0.45 * height, height, pitch).into_iter();
    near.retain(|_| belongs.next().unwrap_or(false));
    let steps = pitches(&near.iter().map(|p| p.x1 as f32 / pitch).collect::<Vec<f32>>());
    let around = |values: Vec<f32>, else_: f32| if values.len() < 3 { else_ } else { median(values).unwrap_or(else_) };
    let out: Vec<Knot> = (0..near.len())
        .map(|i| {
            let x = middle(near[i]);
            let beside: Vec<&&Piece> = near[i.saturating_sub(2)..(i + 3).min(near.len())]
                .iter()
                .filter(|p| (p.x0 as f32 - x).abs() < 6.0 * pitch)
                .collect();
            let down = around(beside.iter().map(|p| off(p)).collect(), 0.0);
            let higher = around(beside.iter().map(|p| p.height() / (height + 0.3)).collect(), 1.0);
            // The nearest steps to the left and to the right that tell.
            let left = steps[..i].iter().rev().flatten().take(2);
            let right = steps[i..].iter().flatten().take(2);
            let close: Vec<f32> = left.chain(right).copied().collect();
            let wider =
                if close.is_empty() || spread > 1.0 { 1.0 } else { close.iter().sum::<f32>() / close.len() as f32 };
            // A single place may be wrong by a few percent.
            let calm = |v: f32| if (v - 1.0).abs() < 0.04 { 1.0 } else { v };
            Knot { x, down, wider: calm(wider), higher: calm(higher) }
        })
        .collect();
    let is_even = |k: &Knot| k.down.abs() < 0.05 * height && k.wider == 1.0 && k.higher == 1.0;
    if out.iter().all(is_even) { Vec::new() } else { out }
}

/// The pitch between neighbouring right edges (in nominal pitches), followed from where it is nominal to both sides: a
/// photograph squeezes a line little by little. One less than the edges; `None` where a step does not tell.
fn pitches(edges: &[f32]) -> Vec<Option<f32>> {
    let steps: Vec<f32> = edges.windows(2).map(|w| w[1] - w[0]).collect();
    let mut out = vec![None; steps.len()];
    let usual = |s: &f32| (s - 1.0).abs() < 0.08;
    let alike = |i: usize| steps[i.saturating_sub(2)..(i + 3).min(steps.len())].iter().filter(|s| usual(s)).count();
    let Some(start) = (0..steps.len()).filter(|&i| usual(&steps[i])).max_by_key(|&i| alike(i)) else { return out };
    for right in [true, false] {
        let mut now = 1.0f32;
        let way: Vec<usize> = if right { (start..steps.len()).collect() } else { (0..start).rev().collect() };
        for i in way {
            let cells = (steps[i] / now).round().max(1.0);
            let one = steps[i] / cells;
            if cells <= 3.0 && (one / now - 1.0).abs() < 0.24 / cells {
                now = 0.4 * now + 0.6 * one;
                out[i] = Some(one);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pitch_is_followed_as_it_changes() {
        // Edges, and what is known of each step: gaps of two cells count half, what fits no cell is passed over.
        for (edges, expected) in [
            (vec![0.0, 1.0, 2.0, 3.0], vec![Some(1.0), Some(1.0), Some(1.0)]),
            (vec![0.0, 1.0, 3.0, 4.0], vec![Some(1.0), Some(1.0), Some(1.0)]),
            (vec![0.0, 0.6, 1.3, 2.1, 3.0, 4.0], vec![Some(0.6), Some(0.7), Some(0.8), Some(0.9), Some(1.0)]),
            (vec![0.0, 1.0, 2.4, 3.4], vec![Some(1.0), None, Some(1.0)]),
            (vec![0.0, 0.5], vec![None]),
            (vec![], vec![]),
        ] {
            let found = pitches(&edges);
            let same = |a: &Option<f32>, b: &Option<f32>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-4,
                (a, b) => a == b,
            };
            assert!(
                found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| same(a, b)),
                "{edges:?}: {found:?}"
            );
        }
    }
}
