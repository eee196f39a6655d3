//! The glyph classifier as the reader runs it: the net that `train micr` makes, its sizes known when it is compiled, so that its
//! sums stay in the processor's registers. A net of another shape runs as it is.

use super::strip::{HEIGHT, WINDOW};
use crate::decode::net::{Kind, Layer, Net, Scratch, softmax};
use crate::imaging::wide::{Work, wide};

/// Filters of the convolutions, and what the first dense layer gives.
const FIRST: usize = 8;
const SECOND: usize = 24;
const HIDDEN: usize = 48;
/// Sides of the rasters behind the convolutions, and of what they are read from with paper above and before it.
const HALF: usize = WINDOW / 2;
const QUARTER: usize = WINDOW / 4;
const WIDE: usize = WINDOW + 1;
const WIDE_HALF: usize = HALF + 1;
/// Values of one row of a kernel of the second convolution.
const ROW: usize = 3 * FIRST;
/// Channels that are summed side by side.
const LANES: usize = 24;
/// Pixels that are summed side by side.
const PIXELS: usize = 3;

pub struct Classifier {
    classes: usize,
    shaped: Option<Shaped>,
    /// What has another shape.
    plain: Net,
}

/// Two convolutions of three by three that step by two, and two dense layers.
struct Shaped {
    first: [[f32; FIRST]; 9],
    first_bias: [f32; FIRST],
    /// Row by row of the kernel.
    second: Vec<[[f32; SECOND]; ROW]>,
    second_bias: [f32; SECOND],
    third: Vec<[f32; HIDDEN]>,
    third_bias: [f32; HIDDEN],
    last: Layer,
}

/// Working memory.
pub struct Desk {
    paper: Vec<f32>,
    half: Vec<f32>,
    quarter: Vec<f32>,
    logits: Vec<f32>,
    scratch: Scratch,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            paper: vec![0.0; WIDE * (HEIGHT + 1)],
            half: vec![0.0; WIDE_HALF * WIDE_HALF * FIRST],
            quarter: vec![0.0; QUARTER * QUARTER * SECOND],
            logits: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

impl Classifier {
    pub fn of(net: &Net) -> Classifier {
        Classifier { classes: net.classes(), shaped: Shaped::of(net), plain: net.clone() }
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Chances of the classes for each window, `WINDOW` by `HEIGHT`, that lies in `windows`.
    pub fn chances(&self, windows: &[f32], desk: &mut Desk) -> Vec<Vec<f32>> {
        let windows = windows.chunks_exact(WINDOW * HEIGHT);
        match &self.shaped {
            Some(shaped) => wide(Row { shaped, windows, desk }),
            None => windows.map(|w| softmax(self.plain.forward(w, &mut desk.scratch))).collect(),
        }
    }
}

/// All windows of a line, one after the other.
struct Row<'a, 'w> {
    shaped: &'a Shaped,
    windows: std::slice::ChunksExact<'w, f32>,
    desk: &'a mut Desk,
}

impl Work for Row<'_, '_> {
    type Output = Vec<Vec<f32>>;

    #[inline(always)]
    fn call(self) -> Vec<Vec<f32>> {
        let mut all = Vec::with_capacity(self.windows.len());
        for window in self.windows {
            all.push(self.shaped.chances(window, self.desk));
        }
        all
    }
}

impl Shaped {
    fn of(net: &Net) -> Option<Shaped> {
        let [first, second, third, last] = &net.layers[..] else { return None };
        let stepping = Kind::Conv { kernel: (3, 3), stride: (2, 2) };
        let shaped = net.input() == (WINDOW, HEIGHT)
            && WINDOW == HEIGHT
            && (first.kind, second.kind) == (stepping, stepping)
            && (third.kind, last.kind) == (Kind::Dense, Kind::Dense);
        if !shaped || [first, second, third].map(|l| l.output.channels) != [FIRST, SECOND, HIDDEN] {
            return None;
        }
        Some(Shaped {
            first: *first.weights.as_chunks::<FIRST>().0.first_chunk::<9>()?,
            first_bias: *first.bias.first_chunk::<FIRST>()?,
            second: second.weights.as_chunks::<SECOND>().0.as_chunks::<ROW>().0.to_vec(),
            second_bias: *second.bias.first_chunk::<SECOND>()?,
            third: third.weights.as_chunks::<HIDDEN>().0.to_vec(),
            third_bias: *third.bias.first_chunk::<HIDDEN>()?,
            last: last.clone(),
        })
    }

    #[inline(always)]
    fn chances(&self, window: &[f32], desk: &mut Desk) -> Vec<f32> {
        for (to, from) in desk.paper[WIDE..].chunks_exact_mut(WIDE).zip(window.chunks_exact(WINDOW)) {
            to[1..].copy_from_slice(from);
        }
        self.see(&desk.paper, &mut desk.half);
        self.join(&desk.half, &mut desk.quarter);
        let hidden = self.weigh(&desk.quarter);
        self.last.forward(&hidden, &mut desk.logits);
        softmax(&desk.logits)
    }

    /// The first convolution.
    #[inline(always)]
    fn see(&self, paper: &[f32], half: &mut [f32]) {
        let (half, _) = half.as_chunks_mut::<FIRST>();
        for y in 0..HALF {
            let [a, b, c] = [0, 1, 2].map(|k| &paper[(2 * y + k) * WIDE..][..WIDE]);
            let out = &mut half[(y + 1) * WIDE_HALF + 1..][..HALF];
            for (x, out) in out.iter_mut().enumerate() {
                let seen = [&a[2 * x..][..3], &b[2 * x..][..3], &c[2 * x..][..3]];
                let mut sum = self.first_bias;
                for (i, tap) in self.first.iter().enumerate() {
                    let v = seen[i / 3][i % 3];
                    (0..FIRST).for_each(|l| sum[l] += v * tap[l]);
                }
                *out = sum.map(|v| v.max(0.0));
            }
        }
    }

    /// The second.
    #[inline(always)]
    fn join(&self, half: &[f32], quarter: &mut [f32]) {
        let paper = [0.0; ROW];
        for y in 0..QUARTER {
            for first in (0..QUARTER).step_by(PIXELS) {
                for lane in (0..SECOND).step_by(LANES) {
                    let mut sums = [[0.0f32; LANES]; PIXELS];
                    sums.iter_mut().for_each(|s| s.copy_from_slice(&self.second_bias[lane..lane + LANES]));
                    for (k, weights) in self.second.iter().enumerate() {
                        let rows: [&[f32; ROW]; PIXELS] = std::array::from_fn(|p| {
                            half[((2 * y + k) * WIDE_HALF + 2 * (first + p)) * FIRST..].first_chunk().unwrap_or(&paper)
                        });
                        for (i, weights) in weights.iter().enumerate() {
                            let Some(weights) = weights[lane..].first_chunk::<LANES>() else { continue };
                            for (sum, row) in sums.iter_mut().zip(&rows) {
                                let v = row[i];
                                (0..LANES).for_each(|l| sum[l] += v * weights[l]);
                            }
                        }
                    }
                    for (p, sum) in sums.iter().enumerate() {
                        let out = &mut quarter[(y * QUARTER + first + p) * SECOND + lane..][..LANES];
                        out.iter_mut().zip(sum).for_each(|(o, s)| *o = s.max(0.0));
                    }
                }
            }
        }
    }

    /// The first dense layer; a value of 0 adds nothing. Those that do are listed first: which they are cannot be foreseen.
    #[inline(always)]
    fn weigh(&self, quarter: &[f32]) -> [f32; HIDDEN] {
        let (mut listed, mut count) = ([0u16; QUARTER * QUARTER * SECOND], 0);
        for (place, v) in (0u16..).zip(quarter).take(listed.len()) {
            listed[count] = place;
            count += usize::from(*v != 0.0);
        }
        let mut sum = self.third_bias;
        for &place in &listed[..count] {
            let (v, weights) = (quarter[usize::from(place)], &self.third[usize::from(place)]);
            (0..HIDDEN).for_each(|l| sum[l] += v * weights[l]);
        }
        sum.map(|v| v.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_net_says() {
        let net = super::super::net();
        let classifier = Classifier::of(net);
        assert!(classifier.shaped.is_some());
        let (mut desk, mut scratch) = (Desk::default(), Scratch::default());
        for n in 0..200usize {
            // Bars and blots.
            let bar = |i: usize| {
                let (x, y) = (i % WINDOW, i / WINDOW);
                let inked = (x * (n % 5 + 1) + y * (n % 7)) % 11 < n % 6 || (x * y + n * 31).is_multiple_of(17);
                if inked { 0.3 + (i % 8) as f32 * 0.1 } else { 0.0 }
            };
            let window: Vec<f32> = (0..WINDOW * HEIGHT).map(bar).collect();
            let exact = softmax(net.forward(&window, &mut scratch));
            assert_eq!(exact, classifier.chances(&window, &mut desk)[0], "{n}");
        }
    }
}
