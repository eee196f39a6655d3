//! Trains the amount network by Adam on the CTC loss. One result per seed on any machine and any number of cores: gradients
//! are summed in fixed shards, every sum in one order. The weights that are kept are a running mean, written as it goes.

use rayon::prelude::*;
use remit::decode::amount::network::{BLANK, CLASSES, Conv, LANES, Network, Size, log_chances};
use remit::decode::amount::score::log_sum;
use remit::decode::amount::strip::{HEIGHT, Strip};

use super::field::Field;
use crate::random::Random;

/// Parts of a batch that are computed apart.
pub const SHARDS: u64 = 8;
const RATE: f32 = 0.0012;
const DECAY: f32 = 0.0003;
/// How slowly the kept weights follow.
const MEAN: f32 = 0.9985;

pub struct Schedule<'a> {
    pub samples: u64,
    /// Number of the first field.
    pub first: u64,
    /// Fields a step, a multiple of [`SHARDS`].
    pub batch: u64,
    /// Called with the kept weights about twenty times.
    pub keep: &'a dyn Fn(&Network, f32),
}

pub fn start(network: &mut Network, seed: u64) {
    let mut random = Random::new(seed);
    for layer in &mut network.layers {
        let scale = (2.0 / layer.taps() as f32).sqrt();
        layer.weights.iter_mut().for_each(|w| *w = random.normal() * scale);
    }
    // At first every column is as likely blank as any character.
    if let Some(last) = network.layers.last_mut() {
        last.weights.iter_mut().for_each(|w| *w *= 0.1);
    }
}

/// `field(n)` is training field number `n`.
pub fn fit(network: &mut Network, field: &(dyn Fn(u64) -> Option<Field> + Sync), schedule: Schedule) {
    let per_shard = (schedule.batch / SHARDS).max(1);
    let steps = (schedule.samples / schedule.batch).max(1);
    let total: usize = network.layers.iter().map(|l| l.weights.len() + l.bias.len()).sum();
    let (mut mean, mut square) = (vec![0.0f32; total], vec![0.0f32; total]);
    let mut kept = network.clone();
    let (mut loss, mut wrong, mut seen) = (0.0f64, 0u64, 0u64);
    for step in 0..steps {
        // Where the characters stand teaches fast; at the end only the label counts.
        let told = (1.0 - 1.25 * step as f32 / steps as f32).max(0.0);
        let turned: Vec<Vec<f32>> = network.layers.iter().map(turned).collect();
        let shards: Vec<Gradient> = (0..SHARDS)
            .into_par_iter()
            .map(|shard| {
                let mut gradient = Gradient::new(total);
                for i in 0..per_shard {
                    if let Some(field) = field(schedule.first + step * schedule.batch + shard * per_shard + i) {
                        gradient.add(network, &turned, &field, told);
                    }
                }
                gradient
            })
            .collect();
        let mut sum = vec![0.0f32; total];
        for shard in &shards {
            sum.iter_mut().zip(&shard.values).for_each(|(s, v)| *s += v);
            loss += f64::from(shard.loss);
            wrong += shard.wrong;
            seen += shard.seen;
        }
        let count = shards.iter().map(|s| s.seen).sum::<u64>().max(1) as f32;
        let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt() / count;
        // One odd field must not throw the weights about.
        let shorten = (4.0 / length.max(1e-9)).min(1.0) / count;
        let progress = step as f32 / steps as f32;
        let warm = ((step + 1) as f32 / 300.0).min(1.0);
        let rate = RATE * warm * (0.01 + 0.99 * 0.5 * (1.0 + (std::f32::consts::PI * progress).cos()));
        let (b1, b2) = (0.9f32, 0.999f32);
        let power = (step + 1).min(100_000) as i32;
        let (fix1, fix2) = (1.0 - b1.powi(power), 1.0 - b2.powi(power));
        let follow = MEAN.min(step as f32 / (step as f32 + 10.0));
        let weights = network.layers.iter_mut().flat_map(|l| l.weights.iter_mut().chain(l.bias.iter_mut()));
        let slow = kept.layers.iter_mut().flat_map(|l| l.weights.iter_mut().chain(l.bias.iter_mut()));
        for ((((w, k), g), m), s) in weights.zip(slow).zip(&sum).zip(&mut mean).zip(&mut square) {
            let g = g * shorten;
            *m = b1 * *m + (1.0 - b1) * g;
            *s = b2 * *s + (1.0 - b2) * g * g;
            *w -= rate * ((*m / fix1) / ((*s / fix2).sqrt() + 1e-8) + DECAY * *w);
            *k = follow * *k + (1.0 - follow) * *w;
        }
        if (step + 1) % steps.div_ceil(24) == 0 || step + 1 == steps {
            let n = seen.max(1) as f64;
            println!(
                "{:3.0}%  loss {:.4}  wrong {:.2}%",
                100.0 * (step + 1) as f32 / steps as f32,
                loss / n,
                100.0 * wrong as f64 / n
            );
            (schedule.keep)(&kept, (step + 1) as f32 / steps as f32);
            (loss, wrong, seen) = (0.0, 0, 0);
        }
    }
    *network = kept;
}

/// Weights as `[output][tap]`.
fn turned(layer: &Conv) -> Vec<f32> {
    let (taps, outputs) = (layer.taps(), layer.outputs);
    let mut out = vec![0.0; taps * outputs];
    for k in 0..taps {
        for o in 0..outputs {
            out[o * taps + k] = layer.weights[k * outputs + o];
        }
    }
    out
}

struct Gradient {
    /// Weights then bias, layer by layer.
    values: Vec<f32>,
    loss: f32,
    wrong: u64,
    seen: u64,
    patches: Vec<Vec<f32>>,
    layers: Vec<Vec<f32>>,
}

impl Gradient {
    fn new(total: usize) -> Self {
        Gradient { values: vec![0.0; total], loss: 0.0, wrong: 0, seen: 0, patches: Vec::new(), layers: Vec::new() }
    }

    /// `told`: how much the drawing's own knowledge of where each character stands counts beside the label.
    fn add(&mut self, network: &Network, turned: &[Vec<f32>], field: &Field, told: f32) {
        let count = network.layers.len();
        let sizes = forward(network, &field.strip, &mut self.patches, &mut self.layers);
        let columns: Vec<[f32; CLASSES]> = self.layers[count].chunks_exact(LANES).map(log_chances).collect();
        let Some((loss, mut slope)) = ctc(&columns, &field.label) else { return };
        for ((out, column), wanted) in slope.chunks_exact_mut(LANES).zip(&columns).zip(&field.columns) {
            let Some(wanted) = wanted.filter(|_| told > 0.0) else { continue };
            for (class, (o, l)) in out.iter_mut().zip(column).enumerate() {
                *o += told * (l.exp() - f32::from(u8::from(class == wanted)));
            }
        }
        self.loss += loss;
        self.seen += 1;
        self.wrong += u64::from(best_path(&columns) != field.label);
        let mut end = self.values.len();
        for (i, layer) in network.layers.iter().enumerate().rev() {
            let (taps, outputs) = (layer.taps(), layer.outputs);
            let pixels = sizes[i + 1].height * sizes[i + 1].width;
            let begin = end - layer.weights.len() - layer.bias.len();
            let (weights, bias) = self.values[begin..end].split_at_mut(layer.weights.len());
            end = begin;
            multiply(taps, outputs, pixels, (&self.patches[i], 1, taps), &slope, weights);
            for pixel in slope.chunks_exact(outputs) {
                bias.iter_mut().zip(pixel).for_each(|(b, s)| *b += s);
            }
            if i == 0 {
                break;
            }
            let patches = &mut self.patches[i];
            patches.fill(0.0);
            multiply(pixels, taps, outputs, (&slope, outputs, 1), &turned[i], patches);
            let mut back = vec![0.0; self.layers[i].len()];
            scatter(layer, patches, sizes[i], &mut back);
            // The ReLU lets no slope through where it gave 0.
            back.iter_mut().zip(&self.layers[i]).for_each(|(b, v)| *b = if *v > 0.0 { *b } else { 0.0 });
            slope = back;
        }
    }
}

/// All layers' outputs, ReLU applied, and their sizes; the trainer's own way, beside the product's.
fn forward(network: &Network, strip: &Strip, patches: &mut Vec<Vec<f32>>, layers: &mut Vec<Vec<f32>>) -> Vec<Size> {
    let count = network.layers.len();
    patches.resize(count, Vec::new());
    layers.resize(count + 1, Vec::new());
    layers[0].clone_from(&strip.ink);
    let mut sizes = vec![Size { height: HEIGHT, width: strip.width }];
    for (i, layer) in network.layers.iter().enumerate() {
        let size = layer.size(sizes[i]);
        layer.patches(&layers[i], sizes[i], &mut patches[i]);
        let pixels = size.height * size.width;
        let mut out: Vec<f32> = layer.bias.iter().copied().cycle().take(pixels * layer.outputs).collect();
        let taps = layer.taps();
        multiply(pixels, layer.outputs, taps, (&patches[i], taps, 1), &layer.weights, &mut out);
        if i + 1 < count {
            out.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        layers[i + 1] = out;
        sizes.push(size);
    }
    sizes
}

/// Log chances of the classes, column by column.
pub fn columns(network: &Network, strip: &Strip) -> Vec<[f32; CLASSES]> {
    let mut layers = Vec::new();
    forward(network, strip, &mut Vec::new(), &mut layers);
    layers.last().map(|l| l.chunks_exact(LANES).map(log_chances).collect()).unwrap_or_default()
}

/// The other way of [`Conv::patches`].
fn scatter(layer: &Conv, patches: &[f32], size: Size, into: &mut [f32]) {
    let (out, taps) = (layer.size(size), layer.taps());
    for y in 0..out.height {
        for x in 0..out.width {
            let patch = &patches[(y * out.width + x) * taps..][..taps];
            for ky in 0..layer.kernel.0 {
                let Some(iy) = (y * layer.stride.0 + ky).checked_sub(layer.pad.0).filter(|&v| v < size.height) else {
                    continue;
                };
                for kx in 0..layer.kernel.1 {
                    let Some(ix) = (x * layer.stride.1 + kx).checked_sub(layer.pad.1).filter(|&v| v < size.width)
                    else {
                        continue;
                    };
                    let to = &mut into[(iy * size.width + ix) * layer.inputs..][..layer.inputs];
                    let from = &patch[(ky * layer.kernel.1 + kx) * layer.inputs..][..layer.inputs];
                    to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
                }
            }
        }
    }
}

/// `c += a b`: `a` is rows by depth with the given strides, `b` depth by width and `c` rows by width, row by row. The width
/// is a multiple of [`LANES`].
fn multiply(rows: usize, width: usize, depth: usize, a: (&[f32], usize, usize), b: &[f32], c: &mut [f32]) {
    let (lanes_of_b, _) = b.as_chunks::<LANES>();
    let (lanes_of_c, _) = c.as_chunks_mut::<LANES>();
    let blocks = width / LANES;
    let mut column = Vec::with_capacity(depth);
    for block in 0..blocks {
        column.clear();
        column.extend((0..depth).map(|k| lanes_of_b[k * blocks + block]));
        let mut row = 0;
        while row < rows {
            if row + 6 <= rows {
                tile::<6>(row, a, &column, lanes_of_c, blocks, block);
                row += 6;
            } else {
                tile::<1>(row, a, &column, lanes_of_c, blocks, block);
                row += 1;
            }
        }
    }
}

#[inline]
fn tile<const ROWS: usize>(
    row: usize,
    (a, across, down): (&[f32], usize, usize),
    column: &[[f32; LANES]],
    c: &mut [[f32; LANES]],
    blocks: usize,
    block: usize,
) {
    let mut sums: [[f32; LANES]; ROWS] = std::array::from_fn(|i| c[(row + i) * blocks + block]);
    for (k, lanes) in column.iter().enumerate() {
        for (i, sum) in sums.iter_mut().enumerate() {
            let value = a[(row + i) * across + k * down];
            for lane in 0..LANES {
                sum[lane] += value * lanes[lane];
            }
        }
    }
    for (i, sum) in sums.into_iter().enumerate() {
        c[(row + i) * blocks + block] = sum;
    }
}

/// `-ln P(label)` and its slope by the logits, lanes past the classes 0; `None` when the columns are too few.
fn ctc(columns: &[[f32; CLASSES]], label: &[usize]) -> Option<(f32, Vec<f32>)> {
    const NEVER: f32 = f32::NEG_INFINITY;
    let (steps, states) = (columns.len(), 2 * label.len() + 1);
    let class = |s: usize| if s.is_multiple_of(2) { BLANK } else { label[s / 2] };
    let skips = |s: usize| s >= 2 && s % 2 == 1 && (s < 3 || class(s) != class(s - 2));
    let mut forward = vec![vec![NEVER; states]; steps];
    let mut backward = vec![vec![NEVER; states]; steps];
    for s in 0..states.min(2) {
        forward[0][s] = columns[0][class(s)];
    }
    for t in 1..steps {
        for s in 0..states {
            let mut sum = forward[t - 1][s];
            if s >= 1 {
                sum = log_sum(sum, forward[t - 1][s - 1]);
            }
            if skips(s) {
                sum = log_sum(sum, forward[t - 1][s - 2]);
            }
            forward[t][s] = sum + columns[t][class(s)];
        }
    }
    backward[steps - 1][states.saturating_sub(2)..].fill(0.0);
    for t in (0..steps - 1).rev() {
        for s in 0..states {
            let mut sum = backward[t + 1][s] + columns[t + 1][class(s)];
            if s + 1 < states {
                sum = log_sum(sum, backward[t + 1][s + 1] + columns[t + 1][class(s + 1)]);
            }
            if s + 2 < states && skips(s + 2) {
                sum = log_sum(sum, backward[t + 1][s + 2] + columns[t + 1][class(s + 2)]);
            }
            backward[t][s] = sum;
        }
    }
    let all = (states.saturating_sub(2)..states).map(|s| forward[steps - 1][s]).fold(NEVER, log_sum);
    if !all.is_finite() {
        return None;
    }
    let mut slope = vec![0.0; steps * LANES];
    for t in 0..steps {
        let out = &mut slope[t * LANES..][..CLASSES];
        for (o, l) in out.iter_mut().zip(&columns[t]) {
            *o = l.exp();
        }
        for s in 0..states {
            out[class(s)] -= (forward[t][s] + backward[t][s] - all).exp();
        }
    }
    Some((-all, slope))
}

/// The likeliest class of each column, repeats and blanks left out.
pub fn best_path(columns: &[[f32; CLASSES]]) -> Vec<usize> {
    let best = |c: &[f32; CLASSES]| (0..CLASSES).max_by(|&a, &b| c[a].total_cmp(&c[b])).unwrap_or(BLANK);
    let mut path: Vec<usize> = columns.iter().map(best).collect();
    path.dedup();
    path.retain(|&c| c != BLANK);
    path
}
