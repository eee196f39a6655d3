//! Trains a [`Net`] by Adam on cross-entropy, on all cores, with one result per seed: gradients are summed in fixed shards.
//!
//! Use: `let mut net = Net::plan(w, h, &[..]); start(&mut net, seed); fit(&mut net, &sample, Schedule::default());
//! net.note = command; std::fs::write(path, net.to_bytes())`, where `sample(n)` draws training glyph number `n`: pixels
//! (ink 1.0, paper 0.0) and class. Draw each from `Random::stream(seed, n)`, so that it does not matter who draws it. A fixed
//! set of glyphs is `|n| set[Random::stream(seed, n).below(set.len())].clone()`.

use rayon::prelude::*;
use remit::decode::net::{Kind, Layer, Net, Run, Scratch};

use crate::random::Random;

#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Glyphs drawn in all.
    pub samples: u64,
    /// Glyphs per step; a multiple of [`SHARDS`].
    pub batch: u64,
    /// At the start; falls to a hundredth along a half cosine.
    pub rate: f32,
    /// Weight decay per step, as a share of the rate.
    pub decay: f32,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { samples: 400_000, batch: 128, rate: 0.002, decay: 0.0001 }
    }
}

/// Parts of a batch that are computed apart; fixed, so that the sum does not depend on the number of cores.
pub const SHARDS: u64 = 8;

/// Random weights of a size that keeps the signal's size from layer to layer.
pub fn start(net: &mut Net, seed: u64) {
    let mut random = Random::new(seed);
    for layer in &mut net.layers {
        let fan_in = layer.weights.len() / layer.bias.len().max(1);
        let scale = (2.0 / fan_in as f32).sqrt();
        layer.weights.iter_mut().for_each(|w| *w = random.normal() * scale);
        layer.bias.fill(0.0);
    }
}

/// Trains in place and prints loss and error rate of the last tenth of the samples every tenth.
pub fn fit(net: &mut Net, sample: &(dyn Fn(u64) -> (Vec<f32>, usize) + Sync), schedule: Schedule) {
    let steps = (schedule.samples / schedule.batch).max(1);
    let sizes: Vec<usize> = net.layers.iter().map(|l| l.weights.len() + l.bias.len()).collect();
    let total: usize = sizes.iter().sum();
    let (mut mean, mut square) = (vec![0.0f32; total], vec![0.0f32; total]);
    let (mut loss_sum, mut wrong, mut seen) = (0.0f64, 0u64, 0u64);
    for step in 0..steps {
        let per_shard = schedule.batch / SHARDS;
        let shards: Vec<Gradient> = (0..SHARDS)
            .into_par_iter()
            .map(|shard| {
                let mut gradient = Gradient::new(net);
                for i in 0..per_shard {
                    let (pixels, class) = sample(step * schedule.batch + shard * per_shard + i);
                    gradient.add(net, &pixels, class);
                }
                gradient
            })
            .collect();
        let mut sum = vec![0.0f32; total];
        for shard in &shards {
            sum.iter_mut().zip(&shard.values).for_each(|(s, v)| *s += v);
            loss_sum += f64::from(shard.loss);
            wrong += shard.wrong;
            seen += per_shard;
        }
        let progress = step as f32 / steps as f32;
        let rate = schedule.rate * (0.01 + 0.99 * 0.5 * (1.0 + (std::f32::consts::PI * progress).cos()));
        let (b1, b2) = (0.9f32, 0.999f32);
        let power = (step + 1).min(100_000) as i32;
        let (fix1, fix2) = (1.0 - b1.powi(power), 1.0 - b2.powi(power));
        let weights = net.layers.iter_mut().flat_map(|l| l.weights.iter_mut().chain(l.bias.iter_mut()));
        for (((w, g), m), s) in weights.zip(&sum).zip(&mut mean).zip(&mut square) {
            let g = g / schedule.batch as f32;
            *m = b1 * *m + (1.0 - b1) * g;
            *s = b2 * *s + (1.0 - b2) * g * g;
            *w -= rate * ((*m / fix1) / ((*s / fix2).sqrt() + 1e-8) + schedule.decay * *w);
        }
        if (step + 1) % steps.div_ceil(10) == 0 || step + 1 == steps {
            let n = seen.max(1) as f64;
            println!(
                "{:3.0}%  loss {:.5}  wrong {:.3}%",
                100.0 * (step + 1) as f32 / steps as f32,
                loss_sum / n,
                100.0 * wrong as f64 / n
            );
            (loss_sum, wrong, seen) = (0.0, 0, 0);
        }
    }
}

/// Share of `samples` (numbers `from..`) that the net names wrongly, and their mean loss.
pub fn test(
    net: &Net,
    sample: &(dyn Fn(u64) -> (Vec<f32>, usize) + Sync),
    numbers: std::ops::Range<u64>,
) -> (f32, f32) {
    let n = (numbers.end - numbers.start).max(1) as f32;
    let (wrong, loss) = numbers
        .into_par_iter()
        .map(|i| {
            let (pixels, class) = sample(i);
            let chances = remit::decode::net::softmax(net.forward(&pixels, &mut Scratch::default()));
            let best = (0..chances.len()).max_by(|&a, &b| chances[a].total_cmp(&chances[b])).unwrap_or(0);
            (f32::from(best != class), -chances[class].max(1e-9).ln())
        })
        .reduce(|| (0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    (wrong / n, loss / n)
}

struct Gradient {
    /// Weights then bias, layer by layer.
    values: Vec<f32>,
    loss: f32,
    wrong: u64,
    activations: Vec<Vec<f32>>,
}

impl Gradient {
    fn new(net: &Net) -> Self {
        let total = net.layers.iter().map(|l| l.weights.len() + l.bias.len()).sum();
        let activations = vec![Vec::new(); net.layers.len() + 1];
        Gradient { values: vec![0.0; total], loss: 0.0, wrong: 0, activations }
    }

    fn add(&mut self, net: &Net, pixels: &[f32], class: usize) {
        let last = net.layers.len() - 1;
        self.activations[0] = pixels.to_vec();
        for (i, layer) in net.layers.iter().enumerate() {
            let (before, after) = self.activations.split_at_mut(i + 1);
            layer.forward(&before[i], &mut after[0]);
            if i < last {
                after[0].iter_mut().for_each(|v| *v = v.max(0.0));
            }
        }
        let mut slope = remit::decode::net::softmax(&self.activations[last + 1]);
        self.loss -= slope[class].max(1e-9).ln();
        self.wrong += u64::from(slope.iter().any(|p| *p > slope[class]));
        slope[class] -= 1.0;
        let mut end = self.values.len();
        for (i, layer) in net.layers.iter().enumerate().rev() {
            let outputs = layer.output.channels;
            let input = &self.activations[i];
            let begin = end - layer.weights.len() - layer.bias.len();
            let (weights, bias) = self.values[begin..end].split_at_mut(layer.weights.len());
            end = begin;
            let mut back = vec![0.0f32; if i > 0 { input.len() } else { 0 }];
            match layer.kind {
                // A value of 0 moves no weight, and the ReLU lets no slope through where it gave 0.
                Kind::Dense => (0..input.len()).filter(|&from| input[from] != 0.0).for_each(|from| {
                    let row = from * outputs..(from + 1) * outputs;
                    if i > 0 {
                        back[from] += dot(&layer.weights[row.clone()], &slope);
                    }
                    weights[row].iter_mut().zip(&slope).for_each(|(g, s)| *g += input[from] * s);
                }),
                Kind::Conv { kernel, .. } => {
                    let across = Across::of(layer, kernel);
                    layer.runs(layer.input.width, |run| {
                        weigh(&run, input, &slope, outputs, weights);
                        if i > 0 {
                            across.back(&run, &slope, outputs, &mut back);
                        }
                    });
                    back.iter_mut().zip(input).for_each(|(b, v)| *b = if *v > 0.0 { *b } else { 0.0 });
                }
            }
            for pixel in slope.chunks_exact(outputs) {
                bias.iter_mut().zip(pixel).for_each(|(b, s)| *b += s);
            }
            slope = back;
        }
    }
}

/// Adds to the weights' slopes what one run of a convolution asks for, eight channels side by side.
fn weigh(run: &Run, input: &[f32], slope: &[f32], outputs: usize, weights: &mut [f32]) {
    let rows = &mut weights[run.row * outputs..(run.row + run.length) * outputs];
    let values = |p: usize| &input[run.input + p * run.apart..][..run.length];
    let mut lane = 0;
    while run.pixels == 4 && lane + 8 <= outputs {
        let [s0, s1, s2, s3] = [0, 1, 2, 3].map(|p| {
            let mut own = [0.0f32; 8];
            own.copy_from_slice(&slope[run.output + p * outputs + lane..][..8]);
            own
        });
        let (a, b, c, d) = (values(0), values(1), values(2), values(3));
        for ((((row, a), b), c), d) in rows.chunks_exact_mut(outputs).zip(a).zip(b).zip(c).zip(d) {
            let Some((g, _)) = row[lane..].split_first_chunk_mut::<8>() else { continue };
            for l in 0..8 {
                g[l] += a * s0[l] + b * s1[l] + c * s2[l] + d * s3[l];
            }
        }
        lane += 8;
    }
    for p in 0..run.pixels {
        let slope = &slope[run.output + p * outputs..][lane..outputs];
        for (row, value) in rows.chunks_exact_mut(outputs).zip(values(p)) {
            row[lane..].iter_mut().zip(slope).for_each(|(g, s)| *g += value * s);
        }
    }
}

/// A convolution's weights by kernel row and output channel, so that the slopes of values side by side are sums side by side.
struct Across {
    /// Values in a row of the kernel.
    run: usize,
    weights: Vec<f32>,
}

impl Across {
    fn of(layer: &Layer, kernel: (usize, usize)) -> Across {
        let (run, outputs) = (kernel.1 * layer.input.channels, layer.output.channels);
        let mut weights = vec![0.0; layer.weights.len()];
        for (row, values) in layer.weights.chunks_exact(outputs).enumerate() {
            for (o, v) in values.iter().enumerate() {
                weights[(row / run * outputs + o) * run + row % run] = *v;
            }
        }
        Across { run, weights }
    }

    fn back(&self, run: &Run, slope: &[f32], outputs: usize, back: &mut [f32]) {
        let (ky, first) = (run.row / self.run, run.row % self.run);
        let block = &self.weights[ky * outputs * self.run..][..outputs * self.run];
        let own = |p: usize| &slope[run.output + p * outputs..][..outputs];
        let mut k = 0;
        while run.pixels == 4 && k + 8 <= run.length {
            let [mut s0, mut s1, mut s2, mut s3] = [[0.0f32; 8]; 4];
            let (a, b, c, d) = (own(0), own(1), own(2), own(3));
            for ((((row, a), b), c), d) in block.chunks_exact(self.run).zip(a).zip(b).zip(c).zip(d) {
                let Some((w, _)) = row[first + k..].split_first_chunk::<8>() else { continue };
                for l in 0..8 {
                    s0[l] += a * w[l];
                    s1[l] += b * w[l];
                    s2[l] += c * w[l];
                    s3[l] += d * w[l];
                }
            }
            for (p, sum) in [s0, s1, s2, s3].iter().enumerate() {
                back[run.input + p * run.apart + k..][..8].iter_mut().zip(sum).for_each(|(b, s)| *b += s);
            }
            k += 8;
        }
        for p in 0..run.pixels {
            let to = &mut back[run.input + p * run.apart + k..][..run.length - k];
            for (row, s) in block.chunks_exact(self.run).zip(own(p)) {
                to.iter_mut().zip(&row[first + k..]).for_each(|(b, w)| *b += s * w);
            }
        }
    }
}

/// Eight sums side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|l| sums[l] += a[l] * b[l]);
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
