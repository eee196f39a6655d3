//! A small neural network, forward only: convolutions with a stride, dense layers, ReLU between them, logits at the end.
//! The readers' glyph classifiers are of this kind; `src/train` makes their weights. Summation order is fixed, so the same
//! weights and pixels give the same logits on every machine. Refuses a weights file whose sizes do not add up.
//!
//! A net of convolutions alone also runs over a raster of any width ([`Net::forward_over`]): a line of print.
//!
//! Use: `let net = Net::from_bytes(include_bytes!("x.net"))?; let mut s = Scratch::default();
//! let logits = net.forward(&pixels, &mut s);` with `pixels` row by row, ink 1.0 and paper 0.0 (zeros cost nothing).

use std::fmt;

use crate::imaging::wide::widened;

/// One step. Values lie row by row, pixel by pixel, channels innermost.
#[derive(Clone, Debug)]
pub struct Layer {
    pub kind: Kind,
    pub input: Shape,
    pub output: Shape,
    /// Convolution: `[kernel y][kernel x][input channel][output channel]`; dense: `[input][output]`.
    pub weights: Vec<f32>,
    /// One per output channel.
    pub bias: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Kernel and stride as (down, across). Centred, paper (0) outside; a kernel no larger than its stride lays tiles, from
    /// the edge on.
    Conv {
        kernel: (usize, usize),
        stride: (usize, usize),
    },
    Dense,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
}

impl Shape {
    pub fn len(self) -> usize {
        self.width * self.height * self.channels
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The weights of one input, lying as wide registers load them best.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub struct Row<const N: usize>(pub [f32; N]);

/// What one wants of a layer: a convolution's kernel, stride and filters (square, or as (down, across)), or a dense layer's
/// outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plan {
    Conv { kernel: usize, stride: usize, filters: usize },
    Band { kernel: (usize, usize), stride: (usize, usize), filters: usize },
    Dense(usize),
}

#[derive(Clone, Debug)]
pub struct Net {
    pub layers: Vec<Layer>,
    /// How the weights were made: command, seed, data.
    pub note: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a weights file: {0}")]
pub struct NetError(&'static str);

/// Working memory of a forward pass; keep one per thread.
#[derive(Default, Clone)]
pub struct Scratch {
    from: Vec<f32>,
    to: Vec<f32>,
}

widened!(pass = layers(net: &'w Net, pixels: &'w [f32], width: usize, scratch: &'w mut Scratch) -> ());

/// All layers, one after the other.
#[inline(always)]
fn layers(net: &Net, pixels: &[f32], width: usize, scratch: &mut Scratch) {
    net.pass(pixels, width, scratch);
}

const MAGIC: &[u8; 8] = b"remitnet";
/// No glyph classifier is near this; a damaged file must not ask for more.
const MAX_WEIGHTS: usize = 1 << 22;

impl Net {
    /// All weights 0: what a trainer starts from. `width` and `height` of the input raster (one channel).
    pub fn plan(width: usize, height: usize, plan: &[Plan]) -> Net {
        let mut input = Shape { width, height, channels: 1 };
        let mut layers = Vec::new();
        for &step in plan {
            let layer = Layer::plan(input, step);
            input = layer.output;
            layers.push(layer);
        }
        Net { layers, note: String::new() }
    }

    /// Width and height of the raster it wants.
    pub fn input(&self) -> (usize, usize) {
        self.layers.first().map_or((0, 0), |l| (l.input.width, l.input.height))
    }

    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |l| l.output.channels)
    }

    /// Logits, one per class. A raster of another size than [`Net::input`] is read as far as it goes.
    pub fn forward<'a>(&self, pixels: &[f32], scratch: &'a mut Scratch) -> &'a [f32] {
        self.forward_over(pixels, self.input().0, scratch)
    }

    /// The same over a raster of the net's height and any width: logits step by step, as many as the strides leave. Dense
    /// layers want the width that they were planned for.
    pub fn forward_over<'a>(&self, pixels: &[f32], width: usize, scratch: &'a mut Scratch) -> &'a [f32] {
        pass(self, pixels, width, scratch);
        &scratch.from
    }

    #[inline(always)]
    fn pass(&self, pixels: &[f32], width: usize, scratch: &mut Scratch) {
        scratch.from.clear();
        scratch.from.extend_from_slice(pixels);
        scratch.from.resize(width * self.input().1, 0.0);
        let mut width = width;
        for (i, layer) in self.layers.iter().enumerate() {
            layer.forward_over(&scratch.from, width, &mut scratch.to);
            width = layer.width_after(width);
            if i + 1 < self.layers.len() {
                scratch.to.iter_mut().for_each(|v| *v = v.max(0.0));
            }
            std::mem::swap(&mut scratch.from, &mut scratch.to);
        }
    }

    /// The weights file: magic, note, layers, then the weights as little-endian f32.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let word = |out: &mut Vec<u8>, n: usize| out.extend((n as u32).to_le_bytes());
        word(&mut out, self.note.len());
        out.extend(self.note.as_bytes());
        let (width, height) = self.input();
        [width, height, self.layers.len()].iter().for_each(|&n| word(&mut out, n));
        for layer in &self.layers {
            // Down in the low byte, across in the next when it is not the same.
            let word_of = |(down, across): (usize, usize)| down + if across == down { 0 } else { across << 8 };
            let (kernel, stride) = match layer.kind {
                Kind::Conv { kernel, stride } => (word_of(kernel), word_of(stride)),
                Kind::Dense => (0, 0),
            };
            [kernel, stride, layer.output.channels].iter().for_each(|&n| word(&mut out, n));
            layer.weights.iter().chain(&layer.bias).for_each(|w| out.extend(w.to_le_bytes()));
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Net, NetError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(NetError("wrong beginning"))?;
        let note = word(&mut rest)?;
        let note = rest.split_off(..note).ok_or(NetError("cut short"))?;
        let note = std::str::from_utf8(note).map_err(|_| NetError("note is not text"))?.to_string();
        let (width, height, count) = (word(&mut rest)?, word(&mut rest)?, word(&mut rest)?);
        if !(1..=256).contains(&width) || !(1..=256).contains(&height) || !(1..=16).contains(&count) {
            return Err(NetError("sizes out of range"));
        }
        let mut net = Net { layers: Vec::new(), note };
        let mut input = Shape { width, height, channels: 1 };
        for _ in 0..count {
            let (kernel, stride, outputs) = (word(&mut rest)?, word(&mut rest)?, word(&mut rest)?);
            let pair = |word: usize| (word & 255, if word >> 8 == 0 { word } else { word >> 8 });
            let (high, wide) = pair(kernel);
            let (down, across) = pair(stride);
            let fits = |stride: usize, kernel: usize| (1..=16).contains(&kernel) && (1..=16).contains(&stride);
            if (kernel > 0 && !(fits(down, high) && fits(across, wide))) || !(1..=4096).contains(&outputs) {
                return Err(NetError("sizes out of range"));
            }
            let fan_in = if kernel > 0 { high * wide * input.channels } else { input.len() };
            if fan_in.checked_mul(outputs).is_none_or(|n| n > MAX_WEIGHTS) {
                return Err(NetError("too many weights"));
            }
            let step = if kernel > 0 {
                Plan::Band { kernel: (high, wide), stride: (down, across), filters: outputs }
            } else {
                Plan::Dense(outputs)
            };
            let mut layer = Layer::plan(input, step);
            for value in layer.weights.iter_mut().chain(&mut layer.bias) {
                *value = f32::from_bits(word(&mut rest)? as u32);
            }
            input = layer.output;
            net.layers.push(layer);
        }
        if !rest.is_empty() {
            return Err(NetError("more bytes than weights"));
        }
        Ok(net)
    }
}

impl Layer {
    fn plan(input: Shape, step: Plan) -> Layer {
        let (kind, output, fan_in) = match step {
            Plan::Conv { kernel, stride, filters } => {
                return Layer::plan(input, Plan::Band { kernel: (kernel, kernel), stride: (stride, stride), filters });
            }
            Plan::Band { kernel, stride, filters } => {
                let (width, height) = (input.width.div_ceil(stride.1), input.height.div_ceil(stride.0));
                let output = Shape { width, height, channels: filters };
                (Kind::Conv { kernel, stride }, output, kernel.0 * kernel.1 * input.channels)
            }
            Plan::Dense(outputs) => (Kind::Dense, Shape { width: 1, height: 1, channels: outputs }, input.len()),
        };
        let outputs = output.channels;
        Layer { kind, input, output, weights: vec![0.0; fan_in * outputs], bias: vec![0.0; outputs] }
    }

    /// Width of the output over an input of this width.
    #[inline(always)]
    pub fn width_after(&self, width: usize) -> usize {
        match self.kind {
            Kind::Conv { stride, .. } => width.div_ceil(stride.1),
            Kind::Dense => 1,
        }
    }

    /// Without the ReLU. Each output sums its inputs in one fixed order.
    pub fn forward(&self, input: &[f32], output: &mut Vec<f32>) {
        self.forward_over(input, self.input.width, output);
    }

    /// The same over an input of another width.
    #[inline(always)]
    pub fn forward_over(&self, input: &[f32], width: usize, output: &mut Vec<f32>) {
        output.clear();
        output.resize(self.width_after(width) * self.output.height * self.output.channels, 0.0);
        match self.kind {
            Kind::Dense => self.dense(input, output),
            Kind::Conv { .. } => {
                for pixel in output.chunks_exact_mut(self.output.channels) {
                    pixel.copy_from_slice(&self.bias);
                }
                self.runs(width, Sums { layer: self, input, output });
            }
        }
    }

    #[inline(always)]
    fn dense(&self, input: &[f32], output: &mut [f32]) {
        // The usual widths as constants: their sums stay in registers.
        match self.output.channels {
            16 => self.dense_of::<16>(input, output),
            24 => self.dense_of::<24>(input, output),
            32 => self.dense_of::<32>(input, output),
            48 => self.dense_of::<48>(input, output),
            outputs => {
                output.copy_from_slice(&self.bias);
                for (&value, weights) in input.iter().zip(self.weights.chunks_exact(outputs)) {
                    add_scaled(output, value, weights);
                }
            }
        }
    }

    #[inline(always)]
    fn dense_of<const N: usize>(&self, input: &[f32], output: &mut [f32]) {
        let (weights, _) = self.weights.as_chunks::<N>();
        let Some((bias, _)) = self.bias.split_first_chunk::<N>() else { return };
        let mut sum = *bias;
        for (&value, weights) in input.iter().zip(weights) {
            if value != 0.0 {
                for lane in 0..N {
                    sum[lane] += value * weights[lane];
                }
            }
        }
        output.copy_from_slice(&sum);
    }

    /// Every run of a convolution over an input of this width: for each output pixel and row of the kernel the values that
    /// lie side by side, in the one order that all sums keep.
    #[inline(always)]
    pub fn runs(&self, width: usize, mut each: impl Each) {
        let Kind::Conv { kernel, stride } = self.kind else { return };
        let back = |kernel: usize, stride: usize| if kernel <= stride { 0 } else { kernel / 2 };
        let (up, left) = (back(kernel.0, stride.0), back(kernel.1, stride.1));
        let (channels, out_width) = (self.input.channels, self.width_after(width));
        for y in 0..self.output.height {
            let mut x = 0;
            while x < out_width {
                let first = (x * stride.1) as isize - left as isize;
                let (from, to) = (first.max(0) as usize, (first + kernel.1 as isize).min(width as isize) as usize);
                let whole = to - from == kernel.1;
                // Pixels beside each other that see the whole kernel go together.
                let last = (x + BLOCK - 1) * stride.1;
                let together = whole && x + BLOCK <= out_width && last + kernel.1 <= width + left;
                for ky in 0..kernel.0 {
                    let Some(iy) = (y * stride.0 + ky).checked_sub(up).filter(|&iy| iy < self.input.height) else {
                        continue;
                    };
                    each.run(Run {
                        input: (iy * width + from) * channels,
                        length: (to - from) * channels,
                        output: (y * out_width + x) * self.output.channels,
                        row: (ky * kernel.1 + (from as isize - first) as usize) * channels,
                        pixels: if together { BLOCK } else { 1 },
                        apart: stride.1 * channels,
                    });
                }
                x += if together { BLOCK } else { 1 };
            }
        }
    }
}

/// Output pixels that are summed side by side.
const BLOCK: usize = 4;

/// Values side by side in the input, and where their products go.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// First value, and how many.
    pub input: usize,
    pub length: usize,
    /// First channel of the output pixel.
    pub output: usize,
    /// Row of the weights that belongs to the first value.
    pub row: usize,
    /// Output pixels, side by side, that have such a run; their inputs lie `apart` values from each other.
    pub pixels: usize,
    pub apart: usize,
}

/// What is done with every run. (A trait, since a closure cannot be told to take part in wide registers.)
pub trait Each {
    fn run(&mut self, run: Run);
}

impl<F: FnMut(Run)> Each for F {
    #[inline(always)]
    fn run(&mut self, run: Run) {
        self(run)
    }
}

/// Adds up a convolution.
struct Sums<'a> {
    layer: &'a Layer,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Each for Sums<'_> {
    #[inline(always)]
    fn run(&mut self, run: Run) {
        run.add(self.layer, self.input, self.output);
    }
}

impl Run {
    #[inline(always)]
    fn add(&self, layer: &Layer, input: &[f32], output: &mut [f32]) {
        let outputs = layer.output.channels;
        let weights = &layer.weights[self.row * outputs..][..self.length * outputs];
        if self.pixels != BLOCK {
            for p in 0..self.pixels {
                let sum = &mut output[self.output + p * outputs..][..outputs];
                let values = &input[self.input + p * self.apart..][..self.length];
                for (&value, row) in values.iter().zip(weights.chunks_exact(outputs)) {
                    add_scaled(sum, value, row);
                }
            }
            return;
        }
        let mut lane = 0;
        while lane < outputs {
            lane += match outputs - lane {
                8.. => self.add_lanes::<8>(weights, input, output, (outputs, lane)),
                4.. => self.add_lanes::<4>(weights, input, output, (outputs, lane)),
                _ => self.add_lanes::<1>(weights, input, output, (outputs, lane)),
            };
        }
    }

    /// Four pixels and `N` channels at once: their sums stay in registers.
    #[inline(always)]
    fn add_lanes<const N: usize>(
        &self,
        weights: &[f32],
        input: &[f32],
        output: &mut [f32],
        (outputs, lane): (usize, usize),
    ) -> usize {
        let [a, b, c, d] = [0, 1, 2, 3].map(|p| &input[self.input + p * self.apart..][..self.length]);
        let [mut s0, mut s1, mut s2, mut s3] = [0, 1, 2, 3].map(|p| {
            let mut sum = [0.0f32; N];
            sum.copy_from_slice(&output[self.output + p * outputs + lane..][..N]);
            sum
        });
        for ((((row, a), b), c), d) in weights.chunks_exact(outputs).zip(a).zip(b).zip(c).zip(d) {
            let Some((w, _)) = row[lane..].split_first_chunk::<N>() else { continue };
            for l in 0..N {
                s0[l] += a * w[l];
                s1[l] += b * w[l];
                s2[l] += c * w[l];
                s3[l] += d * w[l];
            }
        }
        for (p, sum) in [s0, s1, s2, s3].iter().enumerate() {
            output[self.output + p * outputs + lane..][..N].copy_from_slice(sum);
        }
        N
    }
}

/// `sum += value * weights`, lane by lane; nothing at all for a 0.
#[inline(always)]
fn add_scaled(sum: &mut [f32], value: f32, weights: &[f32]) {
    if value != 0.0 {
        sum.iter_mut().zip(weights).for_each(|(s, w)| *s += value * w);
    }
}

fn word(rest: &mut &[u8]) -> Result<usize, NetError> {
    let (bytes, tail) = rest.split_first_chunk::<4>().ok_or(NetError("cut short"))?;
    *rest = tail;
    Ok(u32::from_le_bytes(*bytes) as usize)
}

/// Logits to chances that sum to 1.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f32> = logits.iter().map(|l| (l - most).exp()).collect();
    let sum: f32 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights: usize = self.layers.iter().map(|l| l.weights.len() + l.bias.len()).sum();
        write!(f, "{} layers, {weights} weights; {}", self.layers.len(), self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Net {
        let mut net = Net::plan(5, 4, &[Plan::Conv { kernel: 3, stride: 2, filters: 2 }, Plan::Dense(3)]);
        for layer in &mut net.layers {
            for (i, w) in layer.weights.iter_mut().enumerate() {
                *w = (i % 7) as f32 * 0.25 - 0.5;
            }
            layer.bias.fill(0.125);
        }
        net.note = "by hand".into();
        net
    }

    #[test]
    fn a_weights_file_comes_back_and_damage_is_refused() {
        let net = small();
        let bytes = net.to_bytes();
        let again = Net::from_bytes(&bytes).expect("own file");
        assert_eq!((again.note.as_str(), again.input(), again.classes()), ("by hand", (5, 4), 3));
        let pixels: Vec<f32> = (0..20).map(|i| (i % 3) as f32).collect();
        let mut scratch = Scratch::default();
        let first = net.forward(&pixels, &mut scratch).to_vec();
        assert_eq!(first, again.forward(&pixels, &mut scratch));
        for cut in 0..bytes.len() {
            assert!(Net::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(Net::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    /// By the definition, one product after the other.
    fn plainly(layer: &Layer, input: &[f32]) -> Vec<f32> {
        let (inside, outside) = (layer.input, layer.output);
        let Kind::Conv { kernel, stride } = layer.kind else {
            let sum = |o: usize| {
                input
                    .iter()
                    .enumerate()
                    .fold(layer.bias[o], |s, (i, v)| s + v * layer.weights[i * outside.channels + o])
            };
            return (0..outside.channels).map(sum).collect();
        };
        let back = |kernel: usize, stride: usize| if kernel <= stride { 0 } else { kernel / 2 };
        let mut out = Vec::new();
        for (y, x, o) in (0..outside.len()).map(|i| {
            let pixel = i / outside.channels;
            (pixel / outside.width, pixel % outside.width, i % outside.channels)
        }) {
            let mut sum = layer.bias[o];
            for (ky, kx, c) in (0..kernel.0 * kernel.1 * inside.channels).map(|i| {
                let tap = i / inside.channels;
                (tap / kernel.1, tap % kernel.1, i % inside.channels)
            }) {
                let iy = (y * stride.0 + ky).checked_sub(back(kernel.0, stride.0)).filter(|v| *v < inside.height);
                let ix = (x * stride.1 + kx).checked_sub(back(kernel.1, stride.1)).filter(|v| *v < inside.width);
                if let (Some(iy), Some(ix)) = (iy, ix) {
                    let row = (ky * kernel.1 + kx) * inside.channels + c;
                    let value = input[(iy * inside.width + ix) * inside.channels + c];
                    sum += value * layer.weights[row * outside.channels + o];
                }
            }
            out.push(sum);
        }
        out
    }

    #[test]
    fn a_net_of_convolutions_runs_over_any_width() {
        let plan = [
            Plan::Conv { kernel: 3, stride: 2, filters: 8 },
            Plan::Band { kernel: (2, 3), stride: (2, 1), filters: 3 },
        ];
        let mut net = Net::plan(9, 4, &plan);
        for layer in &mut net.layers {
            layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w = ((i * 29) % 83) as f32 * 0.01 - 0.4);
        }
        let again = Net::from_bytes(&net.to_bytes()).expect("own file");
        let mut scratch = Scratch::default();
        for width in [1, 2, 9, 31] {
            let pixels: Vec<f32> = (0..4 * width).map(|i| (i % 7) as f32 * 0.2).collect();
            let steps = again.forward_over(&pixels, width, &mut scratch).to_vec();
            assert_eq!(steps.len(), width.div_ceil(2) * 3);
            let mut planned = Net::plan(width, 4, &plan);
            planned.layers.iter_mut().zip(&net.layers).for_each(|(p, l)| p.weights.clone_from(&l.weights));
            assert_eq!(planned.forward(&pixels, &mut scratch), steps);
        }
    }

    #[test]
    fn the_fast_sums_are_the_plain_ones() {
        for plan in [
            Plan::Conv { kernel: 3, stride: 2, filters: 8 },
            Plan::Conv { kernel: 5, stride: 1, filters: 15 },
            Plan::Band { kernel: (6, 3), stride: (6, 1), filters: 12 },
            Plan::Band { kernel: (1, 3), stride: (1, 2), filters: 5 },
            Plan::Dense(16),
            Plan::Dense(5),
        ] {
            let mut net = Net::plan(23, 6, &[plan]);
            let layer = &mut net.layers[0];
            layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w = ((i * 37) % 101) as f32 * 0.01 - 0.5);
            let input: Vec<f32> = (0..6 * 23).map(|i| (i % 5) as f32 * 0.3).collect();
            let mut fast = Vec::new();
            layer.forward(&input, &mut fast);
            assert_eq!(fast, plainly(layer, &input), "{plan:?}");
        }
    }

    #[test]
    fn a_convolution_is_centred_and_padded() {
        let mut net = Net::plan(3, 3, &[Plan::Conv { kernel: 3, stride: 1, filters: 1 }]);
        net.layers[0].weights = vec![0.0, 0.0, 0.0, 0.0, 1.0, 10.0, 0.0, 0.0, 0.0];
        let logits = net.forward(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], &mut Scratch::default()).to_vec();
        assert_eq!(logits, [21.0, 32.0, 3.0, 54.0, 65.0, 6.0, 87.0, 98.0, 9.0]);
    }
}
