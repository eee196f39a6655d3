//! Trains the amount network by Adam on the CTC loss. One result per seed on any machine and any number of cores: gradients
//! are summed in fixed shards, every sum in one order. While it learns, each layer's outputs are brought to mean 0 and
//! deviation 1 over the fields of its shard; at the end that is folded into the weights. What is kept is a running mean. A
//! run that was broken off goes on from its last saved state to the same weights.

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use remit::decode::amount::network::{BLANK, CLASSES, Conv, LANES, Network, Size, log_chances};
use remit::decode::amount::score::log_sum;
use remit::decode::amount::strip::{HEIGHT, Strip};

use super::field::Field;
use crate::random::Random;

/// Parts of a step that are computed apart, and the fields in each.
const SHARDS: u64 = 4;
const SHARD: u64 = 8;
pub const STEP: u64 = SHARDS * SHARD;
const DECAY: f32 = 0.01;
/// How slowly the kept weights follow.
const MEAN: f32 = 0.9985;
/// Steps until the full rate.
const WARM: f32 = 400.0;
/// From this part of the way on the rate falls.
const FALLS: f32 = 0.45;
/// Fields for which the drawing's own knowledge of where each character stands counts, less and less.
const TOLD: f32 = 120_000.0;
const LEAST_VARIANCE: f32 = 1e-4;
/// Shards that the deviations folded into the weights are taken from.
const FOLDED: u64 = 96;
/// Longest walk along the pixels of one product.
const DEPTH: usize = 256;

/// The network before it has learned: its layers, all weights 0.
pub fn plan() -> Network {
    let conv = |kernel: (usize, usize), stride, pad, inputs: usize, outputs: usize| Conv {
        kernel,
        stride,
        pad,
        reach: 1,
        adds: false,
        inputs,
        outputs,
        weights: vec![0.0; kernel.0 * kernel.1 * inputs * outputs],
        bias: vec![0.0; outputs],
    };
    // Looks along the amount: is this digit dollars, cents, or the hundred below them?
    let along = |reach: usize| Conv { reach, adds: true, ..conv((1, 3), (1, 1), (0, reach), 128, 128) };
    let layers = vec![
        conv((5, 5), (2, 2), (2, 2), 1, 16),
        conv((3, 3), (2, 1), (1, 1), 16, 32),
        conv((3, 3), (2, 2), (1, 1), 32, 64),
        conv((3, 3), (2, 1), (1, 1), 64, 64),
        conv((3, 3), (3, 1), (0, 1), 64, 128),
        along(1),
        along(2),
        along(4),
        conv((1, 1), (1, 1), (0, 0), 128, 2 * LANES),
    ];
    Network { layers, note: String::new() }
}

pub struct Schedule<'a> {
    pub samples: u64,
    pub rate: f32,
    /// Where the state is saved as it goes; a state found there is gone on from.
    pub state: &'a Path,
    /// How often in the whole run the weights are kept.
    pub kept: u64,
    /// Called with the kept weights and the part of the way.
    pub keep: &'a dyn Fn(&Network, f32),
}

/// Where a layer's numbers lie among all of them; no gain where the outputs are left as they are.
#[derive(Clone)]
struct Place {
    weights: Range<usize>,
    bias: Range<usize>,
    gain: Range<usize>,
}

/// The network's shape and its numbers in one row.
struct Model<'a> {
    layers: &'a [Conv],
    places: &'a [Place],
    values: &'a [f32],
}

fn places(layers: &[Conv], normed: bool) -> (Vec<Place>, usize) {
    let mut end = 0;
    let mut take = |n: usize| {
        end += n;
        end - n..end
    };
    let last = layers.len() - 1;
    let places = layers.iter().enumerate().map(|(i, l)| Place {
        weights: take(l.weights.len()),
        bias: take(l.outputs),
        gain: take(if normed && i < last { l.outputs } else { 0 }),
    });
    (places.collect(), end)
}

/// What each step leaves to the next; all of it is in the saved state.
struct Run {
    step: u64,
    values: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
    kept: Vec<f32>,
}

impl Run {
    fn start(layers: &[Conv], places: &[Place], total: usize, seed: u64) -> Run {
        let mut random = Random::new(seed);
        let mut values = vec![0.0; total];
        for (layer, place) in layers.iter().zip(places) {
            // At first every column is as likely blank as any character.
            let scale = (2.0 / layer.taps() as f32).sqrt() * if place.gain.is_empty() { 0.1 } else { 1.0 };
            values[place.weights.clone()].iter_mut().for_each(|w| *w = random.normal() * scale);
            values[place.gain.clone()].fill(if layer.adds { 0.3 } else { 1.0 });
        }
        Run { step: 0, mean: vec![0.0; total], square: vec![0.0; total], kept: values.clone(), values }
    }

    fn rows(&mut self) -> [&mut Vec<f32>; 4] {
        [&mut self.values, &mut self.mean, &mut self.square, &mut self.kept]
    }

    fn save(&mut self, path: &Path) -> std::io::Result<()> {
        let mut bytes = self.step.to_le_bytes().to_vec();
        for row in self.rows() {
            row.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        }
        let beside = path.with_extension("state-new");
        std::fs::write(&beside, bytes)?;
        std::fs::rename(beside, path)
    }

    fn load(&mut self, path: &Path) {
        let Ok(bytes) = std::fs::read(path) else { return };
        let Some((step, rest)) = bytes.split_first_chunk::<8>() else { return };
        let total = self.values.len();
        if rest.len() != 16 * total {
            return;
        }
        self.step = u64::from_le_bytes(*step);
        for (row, bytes) in self.rows().into_iter().zip(rest.chunks_exact(4 * total)) {
            row.iter_mut().zip(bytes.as_chunks::<4>().0).for_each(|(v, b)| *v = f32::from_le_bytes(*b));
        }
        println!("goes on from field {}", self.step * STEP);
    }
}

/// `field(n)` is training field number `n`.
pub fn fit(network: &mut Network, seed: u64, field: &(dyn Fn(u64) -> Option<Field> + Sync), schedule: Schedule) {
    let layers = network.layers.clone();
    let (places, total) = places(&layers, true);
    let mut run = Run::start(&layers, &places, total, seed);
    run.load(schedule.state);
    let steps = (schedule.samples / STEP).max(1);
    let often = steps.div_ceil(schedule.kept).max(1);
    let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::default()).collect();
    let (mut loss, mut wrong, mut seen) = (0.0f64, 0u64, 0u64);
    while run.step < steps {
        let told = (1.0 - (run.step * STEP) as f32 / TOLD).max(0.0);
        let model = Model { layers: &layers, places: &places, values: &run.values };
        let turned: Vec<Vec<f32>> =
            layers.iter().zip(&places).map(|(l, p)| turned(l, &run.values[p.weights.clone()])).collect();
        shards.par_iter_mut().enumerate().for_each(|(shard, work)| {
            let first = run.step * STEP + shard as u64 * SHARD;
            let fields: Vec<Field> = (first..first + SHARD).filter_map(field).collect();
            work.gradient(&model, &turned, &fields, told, total);
        });
        let mut sum = vec![0.0f32; total];
        let mut count = 0;
        for shard in &shards {
            sum.iter_mut().zip(&shard.slope).for_each(|(s, v)| *s += v);
            loss += f64::from(shard.loss);
            wrong += shard.wrong;
            count += shard.seen;
        }
        seen += count;
        let count = count.max(1) as f32;
        let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt() / count;
        // One odd field must not throw the weights about.
        let shorten = (4.0 / length.max(1e-9)).min(1.0) / count;
        let progress = run.step as f32 / steps as f32;
        let fallen = ((progress - FALLS) / (1.0 - FALLS)).max(0.0);
        let warm = ((run.step + 1) as f32 / WARM).min(1.0);
        let rate = schedule.rate * warm * (0.005 + 0.995 * 0.5 * (1.0 + (std::f32::consts::PI * fallen).cos()));
        let (b1, b2) = (0.9f32, 0.999f32);
        let power = (run.step + 1).min(100_000) as i32;
        let (fix1, fix2) = (1.0 - b1.powi(power), 1.0 - b2.powi(power));
        let follow = MEAN.min(run.step as f32 / (run.step as f32 + 10.0));
        let mut decays = vec![0.0; total];
        places.iter().for_each(|p| decays[p.weights.clone()].fill(DECAY));
        let numbers = run.values.iter_mut().zip(&mut run.kept).zip(&mut run.mean).zip(&mut run.square);
        for ((((w, k), m), s), (g, decay)) in numbers.zip(sum.iter().zip(&decays)) {
            let g = g * shorten;
            *m = b1 * *m + (1.0 - b1) * g;
            *s = b2 * *s + (1.0 - b2) * g * g;
            *w -= rate * ((*m / fix1) / ((*s / fix2).sqrt() + 1e-8) + decay * *w);
            *k = follow * *k + (1.0 - follow) * *w;
        }
        run.step += 1;
        if run.step.is_multiple_of(often) || run.step == steps {
            let n = seen.max(1) as f64;
            let part = run.step as f32 / steps as f32;
            println!(
                "{:3.0}%  {} fields  loss {:.4}  wrong {:.2}%",
                100.0 * part,
                run.step * STEP,
                loss / n,
                100.0 * wrong as f64 / n
            );
            (loss, wrong, seen) = (0.0, 0, 0);
            if let Err(error) = run.save(schedule.state) {
                eprintln!("{}: {error}", schedule.state.display());
            }
            let kept = Model { layers: &layers, places: &places, values: &run.kept };
            fold(network, &kept, field);
            (schedule.keep)(network, part);
        }
    }
}

/// The kept numbers as plain weights: every layer's mean and deviation, measured on the first fields, become part of them.
fn fold(network: &mut Network, model: &Model, field: &(dyn Fn(u64) -> Option<Field> + Sync)) {
    let sums: Vec<Vec<(Vec<f64>, Vec<f64>)>> = (0..FOLDED)
        .into_par_iter()
        .map_init(Shard::default, |work, shard| {
            let fields: Vec<Field> = (shard * SHARD..(shard + 1) * SHARD).filter_map(field).collect();
            work.forward(model, &fields.iter().map(|f| &f.strip).collect::<Vec<_>>());
            let both = |l: &Layer| {
                let squares = l.mean.iter().zip(&l.variance).map(|(&m, &v)| f64::from(v) + f64::from(m) * f64::from(m));
                (l.mean.iter().map(|&m| f64::from(m)).collect(), squares.collect())
            };
            work.layers.iter().map(both).collect()
        })
        .collect();
    for (i, (layer, place)) in network.layers.iter_mut().zip(model.places).enumerate() {
        layer.weights.copy_from_slice(&model.values[place.weights.clone()]);
        layer.bias.copy_from_slice(&model.values[place.bias.clone()]);
        for (c, gain) in model.values[place.gain.clone()].iter().enumerate() {
            let shards = sums.len() as f64;
            let mean = sums.iter().map(|s| s[i].0[c]).sum::<f64>() / shards;
            let square = sums.iter().map(|s| s[i].1[c]).sum::<f64>() / shards;
            let scale = gain / ((square - mean * mean) as f32 + LEAST_VARIANCE).sqrt();
            layer.weights.iter_mut().skip(c).step_by(layer.outputs).for_each(|w| *w *= scale);
            layer.bias[c] -= mean as f32 * scale;
        }
    }
}

/// Weights as `[output][tap]`.
fn turned(layer: &Conv, weights: &[f32]) -> Vec<f32> {
    let (taps, outputs) = (layer.taps(), layer.outputs);
    let mut out = vec![0.0; taps * outputs];
    for k in 0..taps {
        for o in 0..outputs {
            out[o * taps + k] = weights[k * outputs + o];
        }
    }
    out
}

/// What one layer made of the fields of a shard, one field after another.
#[derive(Default)]
struct Layer {
    sizes: Vec<Size>,
    patches: Vec<f32>,
    /// Brought to mean 0 and deviation 1.
    shape: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
    out: Vec<f32>,
}

/// Working memory for some fields that go through the network together.
#[derive(Default)]
struct Shard {
    ink: Vec<f32>,
    layers: Vec<Layer>,
    room: Room,
    slope: Vec<f32>,
    loss: f32,
    wrong: u64,
    seen: u64,
}

impl Shard {
    fn forward(&mut self, model: &Model, strips: &[&Strip]) {
        self.ink.clear();
        strips.iter().for_each(|s| self.ink.extend_from_slice(&s.ink));
        self.layers.resize_with(model.layers.len(), Layer::default);
        let mut sizes: Vec<Size> = strips.iter().map(|s| Size { height: HEIGHT, width: s.width }).collect();
        for (i, (conv, place)) in model.layers.iter().zip(model.places).enumerate() {
            let (before, rest) = self.layers.split_at_mut(i);
            let (input, layer) = (before.last().map_or(&self.ink, |l| &l.out), &mut rest[0]);
            let (taps, outputs) = (conv.taps(), conv.outputs);
            layer.sizes = sizes.iter().map(|&s| conv.size(s)).collect();
            let pixels: usize = layer.sizes.iter().map(|s| s.height * s.width).sum();
            layer.patches.resize(pixels * taps, 0.0);
            let (mut from, mut to) = (0, 0);
            for (&size, out) in sizes.iter().zip(&layer.sizes) {
                let (length, count) = (size.height * size.width * conv.inputs, out.height * out.width * taps);
                conv.patches(&input[from..from + length], size, &mut layer.patches[to..to + count]);
                (from, to) = (from + length, to + count);
            }
            let bias = &model.values[place.bias.clone()];
            let gain = &model.values[place.gain.clone()];
            layer.out.clear();
            if gain.is_empty() {
                layer.out.extend(bias.iter().copied().cycle().take(pixels * outputs));
            } else {
                layer.out.resize(pixels * outputs, 0.0);
            }
            let weights = &model.values[place.weights.clone()];
            self.room.multiply(pixels, outputs, taps, (&layer.patches, taps, 1), weights, &mut layer.out);
            layer.shape.clear();
            if !gain.is_empty() {
                layer.norm(outputs);
                for (out, shape) in layer.out.chunks_exact_mut(outputs).zip(layer.shape.chunks_exact(outputs)) {
                    for c in 0..outputs {
                        out[c] = gain[c].mul_add(shape[c], bias[c]);
                    }
                }
            }
            if i + 1 < model.layers.len() {
                layer.out.iter_mut().for_each(|v| *v = v.max(0.0));
            }
            if conv.adds {
                layer.out.iter_mut().zip(input).for_each(|(o, i)| *o += i);
            }
            sizes.clone_from(&layer.sizes);
        }
    }

    /// The slope of the loss by all numbers, and how far the fields were read. `told`: how much the drawing's own knowledge of
    /// where each character stands counts beside the label.
    fn gradient(&mut self, model: &Model, turned: &[Vec<f32>], fields: &[Field], told: f32, total: usize) {
        self.slope.clear();
        self.slope.resize(total, 0.0);
        (self.loss, self.wrong, self.seen) = (0.0, 0, 0);
        if fields.is_empty() {
            return;
        }
        self.forward(model, &fields.iter().map(|f| &f.strip).collect::<Vec<_>>());
        let count = model.layers.len();
        let logits = &self.layers[count - 1];
        let mut back = vec![0.0; logits.out.len()];
        let mut from = 0;
        for (field, size) in fields.iter().zip(&logits.sizes) {
            let length = size.width * model.layers[count - 1].outputs;
            let columns: Vec<[f32; CLASSES]> =
                logits.out[from..from + length].chunks_exact(LANES).map(log_chances).collect();
            let slope = &mut back[from..from + length];
            from += length;
            let Some((loss, of_label)) = ctc(&columns, &field.label) else { continue };
            slope.copy_from_slice(&of_label);
            for ((out, column), wanted) in slope.chunks_exact_mut(LANES).zip(&columns).zip(&field.columns) {
                let Some(wanted) = wanted.filter(|_| told > 0.0) else { continue };
                for (class, (o, l)) in out.iter_mut().zip(column).enumerate() {
                    *o += told * (l.exp() - f32::from(u8::from(class == wanted)));
                }
            }
            self.loss += loss;
            self.seen += 1;
            self.wrong += u64::from(best_path(&columns) != field.label);
        }
        for i in (0..count).rev() {
            let (conv, place) = (&model.layers[i], &model.places[i]);
            let (taps, outputs) = (conv.taps(), conv.outputs);
            let (before, rest) = self.layers.split_at_mut(i);
            let layer = &mut rest[0];
            let pixels = back.len() / outputs;
            let carried = if conv.adds { back.clone() } else { Vec::new() };
            let gain = &model.values[place.gain.clone()];
            if !gain.is_empty() {
                let (bias, deviation) = (&model.values[place.bias.clone()], &layer.variance);
                let (mut by_gain, mut by_bias) = (vec![0.0f32; outputs], vec![0.0f32; outputs]);
                for (slope, shape) in back.chunks_exact_mut(outputs).zip(layer.shape.chunks_exact(outputs)) {
                    for c in 0..outputs {
                        // The ReLU lets no slope through where it gave 0.
                        slope[c] = if gain[c].mul_add(shape[c], bias[c]) > 0.0 { slope[c] } else { 0.0 };
                        by_gain[c] += slope[c] * shape[c];
                        by_bias[c] += slope[c];
                    }
                }
                let share = 1.0 / pixels as f32;
                let scale: Vec<f32> = (0..outputs).map(|c| gain[c] / (deviation[c] + LEAST_VARIANCE).sqrt()).collect();
                for (slope, shape) in back.chunks_exact_mut(outputs).zip(layer.shape.chunks_exact(outputs)) {
                    for c in 0..outputs {
                        slope[c] = scale[c] * (slope[c] - (by_bias[c] + shape[c] * by_gain[c]) * share);
                    }
                }
                self.slope[place.gain.clone()].copy_from_slice(&by_gain);
                self.slope[place.bias.clone()].copy_from_slice(&by_bias);
            } else {
                for pixel in back.chunks_exact(outputs) {
                    self.slope[place.bias.clone()].iter_mut().zip(pixel).for_each(|(b, s)| *b += s);
                }
            }
            let by_weights = &mut self.slope[place.weights.clone()];
            self.room.multiply(taps, outputs, pixels, (&layer.patches, 1, taps), &back, by_weights);
            let Some(input) = before.last() else { break };
            layer.patches.fill(0.0);
            self.room.multiply(pixels, taps, outputs, (&back, outputs, 1), &turned[i], &mut layer.patches);
            back.clear();
            back.resize(input.out.len(), 0.0);
            let (mut from, mut to) = (0, 0);
            for (&size, out) in input.sizes.iter().zip(&layer.sizes) {
                let (length, count) = (size.height * size.width * conv.inputs, out.height * out.width * taps);
                scatter(conv, &layer.patches[to..to + count], size, &mut back[from..from + length]);
                (from, to) = (from + length, to + count);
            }
            back.iter_mut().zip(&carried).for_each(|(b, c)| *b += c);
        }
    }
}

impl Layer {
    /// Outputs to mean 0 and deviation 1, each channel for itself.
    fn norm(&mut self, outputs: usize) {
        let share = 1.0 / (self.out.len() / outputs).max(1) as f32;
        self.mean.clear();
        self.mean.resize(outputs, 0.0);
        self.variance.clone_from(&self.mean);
        for pixel in self.out.chunks_exact(outputs) {
            self.mean.iter_mut().zip(pixel).for_each(|(m, v)| *m += v);
        }
        self.mean.iter_mut().for_each(|m| *m *= share);
        for pixel in self.out.chunks_exact(outputs) {
            for ((variance, mean), value) in self.variance.iter_mut().zip(&self.mean).zip(pixel) {
                let off = value - mean;
                *variance = off.mul_add(off, *variance);
            }
        }
        self.variance.iter_mut().for_each(|v| *v *= share);
        let scale: Vec<f32> = self.variance.iter().map(|v| 1.0 / (v + LEAST_VARIANCE).sqrt()).collect();
        self.shape.resize(self.out.len(), 0.0);
        for (shape, pixel) in self.shape.chunks_exact_mut(outputs).zip(self.out.chunks_exact(outputs)) {
            for c in 0..outputs {
                shape[c] = (pixel[c] - self.mean[c]) * scale[c];
            }
        }
    }
}

/// Log chances of the classes, column by column, by plain weights: the trainer's own way, beside the product's.
pub fn columns(network: &Network, strip: &Strip) -> Vec<[f32; CLASSES]> {
    let (places, _) = places(&network.layers, false);
    let values: Vec<f32> = network.layers.iter().flat_map(|l| l.weights.iter().chain(&l.bias).copied()).collect();
    let mut work = Shard::default();
    work.forward(&Model { layers: &network.layers, places: &places, values: &values }, &[strip]);
    work.layers.last().map(|l| l.out.chunks_exact(LANES).map(log_chances).collect()).unwrap_or_default()
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
                    let Some(ix) =
                        (x * layer.stride.1 + kx * layer.reach).checked_sub(layer.pad.1).filter(|&v| v < size.width)
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

/// Rows and lanes of one tile of a product: as many sums as registers hold.
const ROWS: usize = 6;
type Pair = [[f32; LANES]; 2];
type Tile = [[[f32; LANES]; 2]; ROWS];

/// Working memory of [`Room::multiply`].
#[derive(Default)]
struct Room {
    panels: Vec<Pair>,
    rows: Vec<f32>,
}

impl Room {
    /// `c += a b`: `a` is rows by depth with the given strides, `b` depth by width and `c` rows by width, row by row. The
    /// width is a multiple of [`LANES`].
    fn multiply(
        &mut self,
        rows: usize,
        width: usize,
        depth: usize,
        (a, across, down): (&[f32], usize, usize),
        b: &[f32],
        c: &mut [f32],
    ) {
        let (b, _) = b.as_chunks::<LANES>();
        let (c, _) = c.as_chunks_mut::<LANES>();
        let blocks = width / LANES;
        for from in (0..depth).step_by(DEPTH) {
            let deep = DEPTH.min(depth - from);
            self.panels.clear();
            for block in (0..blocks).step_by(2) {
                let right = |k: usize| if block + 1 < blocks { b[k * blocks + block + 1] } else { [0.0; LANES] };
                self.panels.extend((from..from + deep).map(|k| [b[k * blocks + block], right(k)]));
            }
            for row in (0..rows).step_by(ROWS) {
                let count = ROWS.min(rows - row);
                if down != 1 {
                    self.rows.resize(ROWS * deep, 0.0);
                    for k in 0..deep {
                        let line = &a[row * across + (from + k) * down..];
                        (0..count).for_each(|i| self.rows[i * deep + k] = line[i * across]);
                    }
                }
                let lines: [&[f32]; ROWS] = std::array::from_fn(|i| {
                    let i = i.min(count - 1);
                    if down == 1 { &a[(row + i) * across + from..][..deep] } else { &self.rows[i * deep..][..deep] }
                });
                for (panel, block) in self.panels.chunks_exact(deep).zip((0..blocks).step_by(2)) {
                    let sums = tile(lines, panel);
                    for (i, [left, right]) in sums.iter().enumerate().take(count) {
                        let at = (row + i) * blocks + block;
                        c[at].iter_mut().zip(left).for_each(|(c, v)| *c += v);
                        if block + 1 < blocks {
                            c[at + 1].iter_mut().zip(right).for_each(|(c, v)| *c += v);
                        }
                    }
                }
            }
        }
    }
}

/// One rounding a step, so that every machine gives the same sums.
#[inline(never)]
fn tile(lines: [&[f32]; ROWS], panel: &[Pair]) -> Tile {
    let deep = panel.len();
    let lines = lines.map(|l| &l[..deep]);
    let (mut left, mut right) = ([[0.0f32; LANES]; ROWS], [[0.0f32; LANES]; ROWS]);
    for k in 0..deep {
        let [l, r] = &panel[k];
        for i in 0..ROWS {
            for lane in 0..LANES {
                left[i][lane] = lines[i][k].mul_add(l[lane], left[i][lane]);
            }
            for lane in 0..LANES {
                right[i][lane] = lines[i][k].mul_add(r[lane], right[i][lane]);
            }
        }
    }
    std::array::from_fn(|i| [left[i], right[i]])
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
