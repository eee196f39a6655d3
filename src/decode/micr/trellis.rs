//! Segmentation and recognition at once: every falling edge of the ink may be a glyph's right edge; the best chain of
//! glyphs explains the most ink with right edges a pitch apart.

use super::strip::{COLUMNS, HEIGHT, PITCH, ROWS, Strip};
use crate::decode::net::{Net, Scratch, softmax};

/// Symbols by class; the class after them is "not a glyph".
pub const SYMBOLS: [char; 14] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D'];
/// Widths in units.
const WIDTHS: [f32; 14] = [7.0, 4.0, 4.0, 5.0, 6.0, 5.0, 6.0, 5.0, 7.0, 6.0, 7.0, 7.0, 7.0, 7.0];

/// A glyph that may end at a column.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Right edge, in columns of the strip.
    pub right: isize,
    /// Chances of the 14 symbols and of "not a glyph".
    pub chances: Vec<f32>,
    pub class: usize,
}

impl Candidate {
    pub fn chance(&self) -> f32 {
        self.chances[self.class]
    }

    pub fn left(&self) -> f32 {
        self.right as f32 - WIDTHS[self.class] * COLUMNS as f32
    }
}

/// Works on one strip; counts the net's work.
pub struct Trellis<'a> {
    net: &'a Net,
    pub strip: Strip,
    scratch: Scratch,
    pixels: Vec<f32>,
    /// Ink within the digits' rows, by column, summed up to and without it.
    sums: Vec<f32>,
    pub candidates: Vec<Candidate>,
    pub looks: usize,
}

impl<'a> Trellis<'a> {
    pub fn new(net: &'a Net, strip: Strip) -> Self {
        let mut sums = vec![0.0];
        for c in 0..strip.columns {
            let ink: f32 = strip.column(c)[ROWS..HEIGHT - ROWS].iter().sum();
            sums.push(sums[c] + ink);
        }
        Trellis { net, strip, scratch: Scratch::default(), pixels: Vec::new(), sums, candidates: Vec::new(), looks: 0 }
    }

    /// Ink in the digits' rows from one column to another.
    pub fn ink(&self, from: isize, to: isize) -> f32 {
        let last = self.strip.columns as isize;
        let (from, to) = (from.clamp(0, last) as usize, to.clamp(0, last) as usize);
        if to > from { self.sums[to] - self.sums[from] } else { 0.0 }
    }

    pub fn chances(&mut self, right: isize, down: isize) -> Vec<f32> {
        self.strip.window(right, down, &mut self.pixels);
        self.looks += 1;
        softmax(self.net.forward(&self.pixels, &mut self.scratch))
    }

    fn look(&mut self, right: isize) {
        let Err(place) = self.candidates.binary_search_by_key(&right, |c| c.right) else { return };
        let chances = self.chances(right, 0);
        let class = (0..14).max_by(|&a, &b| chances[a].total_cmp(&chances[b])).unwrap_or(0);
        self.candidates.insert(place, Candidate { right, chances, class });
    }

    /// Columns from which the ink falls off to the right, as glyphs end.
    pub fn falling_edges(&self) -> Vec<isize> {
        let fall: Vec<f32> =
            (0..=self.strip.columns as isize).map(|c| self.ink(c - 2, c) - self.ink(c, c + 2)).collect();
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

    pub fn look_at_edges(&mut self) {
        for right in self.falling_edges() {
            self.look(right);
        }
    }

    /// Every half unit between two columns, where there is ink.
    pub fn look_closely(&mut self, from: isize, to: isize) {
        for right in (from..=to).step_by(2) {
            if self.ink(right - 28, right) > 4.0 {
                self.look(right);
            }
        }
    }

    /// The best chain, left to right.
    pub fn best(&self) -> Vec<Candidate> {
        let n = self.candidates.len();
        let (mut score, mut from) = (vec![f32::MIN; n], vec![usize::MAX; n]);
        for i in 0..n {
            let here = &self.candidates[i];
            let own = gain(here);
            score[i] = own - self.loose(0, here.left() as isize - 2);
            for j in (0..i).rev() {
                let before = &self.candidates[j];
                let distance = (here.right - before.right) as f32 / PITCH;
                if distance < 0.6 {
                    continue;
                }
                if distance > 30.0 {
                    break;
                }
                let total = score[j] + own - step(distance) - self.loose(before.right + 2, here.left() as isize - 2);
                if total > score[i] {
                    (score[i], from[i]) = (total, j);
                }
            }
        }
        let end = self.strip.columns as isize;
        let finish = |i: usize| score[i] - self.loose(self.candidates[i].right + 2, end);
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
        let n = self.candidates.len();
        let own = |k: usize, i: usize| self.candidates[i].chances[classes[k]].max(1e-5).ln();
        let mut scores: Vec<f32> = (0..n).map(|i| own(0, i)).collect();
        let mut from: Vec<Vec<usize>> = Vec::new();
        for k in 1..classes.len() {
            let (mut next, mut links) = (vec![f32::MIN; n], vec![usize::MAX; n]);
            for i in 0..n {
                for j in (0..i).rev() {
                    let distance = (self.candidates[i].right - self.candidates[j].right) as f32 / PITCH;
                    if distance < 0.7 || scores[j] == f32::MIN {
                        continue;
                    }
                    if distance > 25.0 {
                        break;
                    }
                    let left = self.candidates[i].right as f32 - WIDTHS[classes[k]] * COLUMNS as f32;
                    let total = scores[j] + own(k, i)
                        - step(distance)
                        - self.loose(self.candidates[j].right + 2, left as isize - 2);
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
            chain.push(Candidate { class: classes[k], ..self.candidates[at].clone() });
            if k > 0 {
                at = from[k - 1][at];
            }
        }
        chain.reverse();
        let mean = chain.iter().map(|c| c.chance().max(1e-5).ln()).sum::<f32>() / chain.len().max(1) as f32;
        Some((chain, mean))
    }

    /// What it costs to leave ink between two columns unread.
    pub fn loose(&self, from: isize, to: isize) -> f32 {
        // A full glyph has about 30 to 60 units of area; COLUMNS * ROWS samples each.
        let area = self.ink(from, to) / (COLUMNS * ROWS) as f32;
        let width = (to - from).max(0) as f32 / PITCH;
        (0.35 * area).min(2.0 + 2.0 * width)
    }
}

/// Worth of reading a glyph here: rises with its chance, below nothing where "not a glyph" is likelier.
fn gain(c: &Candidate) -> f32 {
    3.0 + c.chance().max(1e-6).ln()
}

/// Cost of two right edges so many pitches apart.
fn step(distance: f32) -> f32 {
    // Square near the pitch, straight beyond: photographs squeeze whole parts of a line.
    let off = (distance - 1.0).abs() / 0.075;
    let squeezed = if off < 2.0 { off * off / 2.0 } else { 2.0 * off - 2.0 };
    if distance <= 1.0 {
        squeezed
    } else if distance < 1.6 {
        squeezed.min(4.5)
    } else {
        1.0
    }
}
