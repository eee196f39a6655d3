//! Segmentation and recognition at once: every falling edge of the ink may be a glyph's right edge; the best chain of
//! glyphs explains the most ink with right edges a pitch apart.

use super::classifier::{Classifier, Desk, STEP};
use super::strip::{COLUMNS, EDGE, HEIGHT, PITCH, ROWS, Strip, WINDOW};

/// Symbols by class; the class after them is "not a glyph".
pub const SYMBOLS: [char; 14] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D'];
/// The first that is no digit.
pub const FIRST_SYMBOL: usize = 10;
/// Widths in units.
pub const WIDTHS: [f32; 14] = [7.0, 4.0, 4.0, 5.0, 6.0, 5.0, 6.0, 5.0, 7.0, 6.0, 7.0, 7.0, 7.0, 7.0];

/// A glyph that may end at a place.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The strip that it was seen on, and its right edge in columns of it.
    pub strip: usize,
    pub right: isize,
    /// Right edge and pitch, in pixels of the page.
    pub x: f32,
    pub pitch: f32,
    /// Pixels of the page for one unit.
    pub unit: f32,
    /// Chances of the 14 symbols and of "not a glyph".
    pub chances: Vec<f32>,
    pub class: usize,
}

impl Candidate {
    pub fn chance(&self) -> f32 {
        self.chances[self.class]
    }

    /// Left edge, in pixels of the page.
    pub fn left(&self) -> f32 {
        self.x - WIDTHS[self.class] * self.unit
    }

    /// Pitches from the right edge of one to that of another.
    pub fn distance(&self, before: &Candidate) -> f32 {
        2.0 * (self.x - before.x) / (self.pitch + before.pitch)
    }
}

/// How far off the pitch a right edge stands, in pitches: in print of the standard, and in fonts that keep none.
const EVEN: f32 = 0.075;
const UNEVEN: f32 = 0.18;
/// What ink that no glyph explains costs where nothing but the line should be seen.
const UNREAD: f32 = 0.35;
/// Units of a pitch.
const UNITS: f32 = 9.615;

/// Works on one line: the strip of the whole, and others for places that may stand otherwise; counts the net's work.
pub struct Trellis<'a> {
    net: &'a Classifier,
    /// Pitches of this line in a nominal one.
    spread: f32,
    /// The first shows the whole line.
    pub strips: Vec<Strip>,
    /// What it costs to believe each.
    costs: Vec<f32>,
    desk: Desk,
    windows: Vec<f32>,
    /// Ink within the digits' rows of the first strip, by column, summed up to and without it.
    sums: Vec<f32>,
    /// By place, from left to right.
    pub candidates: Vec<Candidate>,
    pub looks: usize,
    /// What a unit of area of ink that no glyph explains costs.
    pub unread: f32,
}

impl<'a> Trellis<'a> {
    pub fn new(net: &'a Classifier, strip: Strip, spread: f32) -> Self {
        let sums = sums(&strip);
        let (desk, windows) = (Desk::default(), Vec::new());
        Trellis {
            net,
            spread,
            strips: vec![strip],
            costs: vec![0.0],
            desk,
            windows,
            sums,
            candidates: Vec::new(),
            looks: 0,
            unread: UNREAD,
        }
    }

    /// Puts the next part of the line behind this one.
    pub fn append(&mut self, next: Trellis) {
        let before = self.strips[0].columns as isize;
        if let Some(strip) = next.strips.into_iter().next() {
            self.strips[0].append(strip);
        }
        self.sums = sums(&self.strips[0]);
        self.candidates.extend(next.candidates.into_iter().map(|c| Candidate { right: c.right + before, ..c }));
        self.candidates.sort_by(|a, b| a.x.total_cmp(&b.x));
        self.looks += next.looks;
    }

    /// Looks at a part of the line in another way: where its glyphs end if they stand so. Who looks in many ways finds
    /// something in the end: what is seen so only is worth less by `cost`.
    pub fn try_strip(&mut self, strip: Strip, cost: f32) {
        self.strips.push(strip);
        self.costs.push(cost);
        self.look_at_edges(self.strips.len() - 1);
    }

    /// Ink in the digits' rows from one column of the page to another.
    pub fn ink(&self, from: f32, to: f32) -> f32 {
        let (from, to) = (self.strips[0].column_at(from), self.strips[0].column_at(to));
        if to > from { self.sums[to] - self.sums[from] } else { 0.0 }
    }

    /// The columns of the page of the whole line, and the ink up to each.
    pub fn ink_along(self) -> (Vec<f32>, Vec<f32>) {
        (self.strips.first().map(Strip::columns_of_page).unwrap_or_default(), self.sums)
    }

    /// Chances at places (strip, right edge, rows down).
    pub fn chances(&mut self, places: &[(usize, isize, isize)]) -> Vec<Vec<f32>> {
        self.windows.clear();
        self.windows.reserve(places.len() * WINDOW * HEIGHT);
        for &(strip, right, down) in places {
            self.strips[strip].window(right, down, &mut self.windows);
        }
        self.looks += places.len();
        self.net.chances(&self.windows, &mut self.desk)
    }

    /// Looks at all these places of a strip that have not been looked at.
    fn look(&mut self, strip: usize, places: impl Iterator<Item = isize>) {
        let seen = |right: &isize| !self.candidates.iter().any(|c| c.strip == strip && c.right == *right);
        let mut places: Vec<_> = places.filter(seen).map(|right| (strip, right, 0)).collect();
        // A window that goes on a step behind another costs less.
        places.sort_by_key(|(_, right, _)| (right.rem_euclid(2 * STEP as isize), *right));
        let said = self.chances(&places);
        for ((_, right, _), chances) in places.into_iter().zip(said) {
            let Some(place) = self.strips[strip].place(right as f32) else { continue };
            let class = (0..14).max_by(|&a, &b| chances[a].total_cmp(&chances[b])).unwrap_or(0);
            let pitch = UNITS * place.sx * self.spread;
            self.candidates.push(Candidate { strip, right, x: place.x, pitch, unit: place.sx, chances, class });
        }
        self.candidates.sort_by(|a, b| a.x.total_cmp(&b.x));
    }

    /// Columns of a strip from which the ink falls off to the right, as glyphs end.
    pub fn falling_edges(&self, strip: usize) -> Vec<isize> {
        let own;
        let sums = if strip == 0 {
            &self.sums
        } else {
            own = sums(&self.strips[strip]);
            &own
        };
        let last = sums.len() as isize - 1;
        let ink = |from: isize, to: isize| sums[to.clamp(0, last) as usize] - sums[from.clamp(0, last) as usize];
        let fall: Vec<f32> = (0..=last).map(|c| ink(c - 2, c) - ink(c, c + 2)).collect();
        (0..fall.len())
            .filter(|&c| {
                fall[c] > 2.5
                    && (c == 0 || fall[c - 1] <= fall[c])
                    && (c + 1 == fall.len() || fall[c + 1] < fall[c])
                    && (c < 2 || fall[c - 2] <= fall[c])
                    && (c + 2 >= fall.len() || fall[c + 2] <= fall[c])
            })
            .map(|c| c as isize)
            .collect()
    }

    pub fn look_at_edges(&mut self, strip: usize) {
        let edges = self.falling_edges(strip);
        self.look(strip, edges.into_iter());
    }

    /// Every half unit of a strip between two columns of the page, where there is ink.
    pub fn look_closely(&mut self, strip: usize, from: f32, to: f32) {
        let (first, last) = (self.strips[strip].column_at(from), self.strips[strip].column_at(to));
        let inked = |right: &isize| {
            let reach = |r: isize| self.strips[strip].place(r as f32).map_or(0.0, |p| p.x);
            self.ink(reach(right - 28), reach(*right)) > 4.0
        };
        let places: Vec<isize> = (first as isize..=last as isize).step_by(2).filter(inked).collect();
        self.look(strip, places.into_iter());
    }

    /// The best chain, left to right.
    pub fn best(&self) -> Vec<Candidate> {
        let n = self.candidates.len();
        let (mut score, mut from) = (vec![f32::MIN; n], vec![usize::MAX; n]);
        let own: Vec<f32> = self.candidates.iter().map(|c| gain(c) - self.costs[c.strip]).collect();
        let column = |x: f32| self.strips[0].column_at(x);
        let left: Vec<usize> = self.candidates.iter().map(|c| column(c.left() - 0.05 * c.pitch)).collect();
        let right: Vec<usize> = self.candidates.iter().map(|c| column(c.x + 0.05 * c.pitch)).collect();
        // From this one on all are nearer than what is not reached any more.
        let (mut near, least) = (0, self.candidates.iter().map(|c| c.pitch).fold(f32::INFINITY, f32::min));
        for (i, here) in self.candidates.iter().enumerate() {
            while near < i && here.x - self.candidates[near].x > 29.0 * least {
                near += 1;
            }
            let (mut most, mut link) = (own[i] - self.loose_columns(0, left[i]), usize::MAX);
            for (j, before) in score[..i].iter().enumerate().rev() {
                let reach = before + own[i];
                // All else only takes away.
                if reach <= most && j >= near {
                    continue;
                }
                let before = &self.candidates[j];
                let distance = here.distance(before);
                if distance < 0.6 {
                    continue;
                }
                if distance > 30.0 {
                    break;
                }
                if reach <= most {
                    continue;
                }
                let total = reach
                    - self.step(distance)
                    - unusual(before.class, here.class)
                    - self.loose_columns(right[j], left[i]);
                if total > most {
                    (most, link) = (total, j);
                }
            }
            (score[i], from[i]) = (most, link);
        }
        let finish = |i: usize| score[i] - self.loose_columns(right[i], self.strips[0].columns);
        let Some(mut at) = (0..n).max_by(|&a, &b| finish(a).total_cmp(&finish(b))) else { return Vec::new() };
        let mut chain = vec![self.candidates[at].clone()];
        while from[at] != usize::MAX {
            at = from[at];
            chain.push(self.candidates[at].clone());
        }
        chain.reverse();
        chain
    }

    /// The places of a known text: for each of its classes the candidate it stands at, and the mean log chance. For training.
    pub fn aligned(&self, classes: &[usize]) -> Option<(Vec<Candidate>, f32)> {
        // Places that look like no glyph at all are none.
        let some: Vec<&Candidate> = self.candidates.iter().filter(|c| c.chance() > 0.002).collect();
        let n = some.len();
        let own = |k: usize, i: usize| some[i].chances[classes[k]].max(1e-5).ln();
        let column = |x: f32| self.strips[0].column_at(x);
        let right: Vec<usize> = some.iter().map(|c| column(c.x + 0.05 * c.pitch)).collect();
        let mut scores: Vec<f32> = (0..n).map(|i| own(0, i)).collect();
        let mut from: Vec<Vec<usize>> = Vec::new();
        for k in 1..classes.len() {
            let (mut next, mut links) = (vec![f32::MIN; n], vec![usize::MAX; n]);
            let width = WIDTHS[classes[k]] + 0.5;
            for i in 0..n {
                let (here, own) = (some[i], own(k, i));
                let left = column(here.x - width * here.unit);
                for j in (0..i).rev() {
                    let distance = here.distance(some[j]);
                    if distance < 0.7 || scores[j] + own <= next[i] {
                        continue;
                    }
                    if distance > 25.0 {
                        break;
                    }
                    let total = scores[j] + own - self.step(distance) - self.loose_columns(right[j], left);
                    if total > next[i] {
                        (next[i], links[i]) = (total, j);
                    }
                }
            }
            from.push(links);
            scores = next;
        }
        let mut at = (0..n).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))?;
        if scores[at] == f32::MIN {
            return None;
        }
        let mut chain = Vec::new();
        for k in (0..classes.len()).rev() {
            chain.push(Candidate { class: classes[k], ..some[at].clone() });
            if k > 0 {
                at = from[k - 1][at];
            }
        }
        chain.reverse();
        let mean = chain.iter().map(|c| c.chance().max(1e-5).ln()).sum::<f32>() / chain.len().max(1) as f32;
        Some((chain, mean))
    }

    /// Cost of two right edges so many pitches apart.
    fn step(&self, distance: f32) -> f32 {
        // Square near the pitch, straight beyond: photographs squeeze whole parts of a line.
        let off = (distance - 1.0).abs() / if self.spread > 1.0 { UNEVEN } else { EVEN };
        let squeezed = if off < 2.0 { off * off / 2.0 } else { 2.0 * off - 2.0 };
        if distance <= 1.0 {
            squeezed
        } else if distance < 1.6 {
            squeezed.min(4.5)
        } else {
            1.0
        }
    }

    /// What it costs to leave ink between two columns of the page unread.
    pub fn loose(&self, from: f32, to: f32) -> f32 {
        self.loose_columns(self.strips[0].column_at(from), self.strips[0].column_at(to))
    }

    fn loose_columns(&self, from: usize, to: usize) -> f32 {
        if to <= from {
            return 0.0;
        }
        // A full glyph has about 30 to 60 units of area; COLUMNS * ROWS samples each.
        let area = (self.sums[to] - self.sums[from]) / (COLUMNS * ROWS) as f32;
        (self.unread * area).min(2.0 + 2.0 * (to - from) as f32 / PITCH)
    }
}

fn sums(strip: &Strip) -> Vec<f32> {
    let mut sums = vec![0.0];
    for c in 0..strip.columns {
        let ink: f32 = strip.column(c)[EDGE..HEIGHT - EDGE].iter().sum();
        sums.push(sums[c] + ink);
    }
    sums
}

/// Worth of reading a glyph here: rises with its chance, below nothing where "not a glyph" is likelier.
fn gain(c: &Candidate) -> f32 {
    3.0 + c.chance().max(1e-6).ln()
}

/// Cost of two symbols beside each other: a dash stands between digits.
fn unusual(before: usize, here: usize) -> f32 {
    let dash = SYMBOLS.len() - 1;
    if (before == dash && here >= 10) || (here == dash && before >= 10) { 2.5 } else { 0.0 }
}
