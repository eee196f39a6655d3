//! A small neural network, forward only: convolutions with a stride, dense layers, ReLU between them, logits at the end.
//! The readers' glyph classifiers are of this kind; `src/train` makes their weights. Summation order is fixed, so the same
//! weights and pixels give the same logits on every machine. Refuses a weights file whose sizes do not add up.
//!
//! Use: `let net = Net::from_bytes(include_bytes!("x.net"))?; let mut s = Scratch::default();
//! let logits = net.forward(&pixels, &mut s);` with `pixels` row by row, ink 1.0 and paper 0.0 (zeros cost nothing).

use std::fmt;

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
    /// Square kernel, centred, paper (0) outside.
    Conv {
        kernel: usize,
        stride: usize,
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

/// What one wants of a layer: a convolution's kernel, stride and filters, or a dense layer's outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plan {
    Conv { kernel: usize, stride: usize, filters: usize },
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
        scratch.from.clear();
        scratch.from.extend_from_slice(pixels);
        scratch.from.resize(self.layers.first().map_or(0, |l| l.input.len()), 0.0);
        for (i, layer) in self.layers.iter().enumerate() {
            layer.forward(&scratch.from, &mut scratch.to);
            if i + 1 < self.layers.len() {
                scratch.to.iter_mut().for_each(|v| *v = v.max(0.0));
            }
            std::mem::swap(&mut scratch.from, &mut scratch.to);
        }
        &scratch.from
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
            let (kernel, stride) = match layer.kind {
                Kind::Conv { kernel, stride } => (kernel, stride),
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
            if kernel > 15 || (kernel > 0 && !(1..=8).contains(&stride)) || !(1..=4096).contains(&outputs) {
                return Err(NetError("sizes out of range"));
            }
            let fan_in = if kernel > 0 { kernel * kernel * input.channels } else { input.len() };
            if fan_in.checked_mul(outputs).is_none_or(|n| n > MAX_WEIGHTS) {
                return Err(NetError("too many weights"));
            }
            let step = if kernel > 0 { Plan::Conv { kernel, stride, filters: outputs } } else { Plan::Dense(outputs) };
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
                let (width, height) = (input.width.div_ceil(stride), input.height.div_ceil(stride));
                let output = Shape { width, height, channels: filters };
                (Kind::Conv { kernel, stride }, output, kernel * kernel * input.channels)
            }
            Plan::Dense(outputs) => (Kind::Dense, Shape { width: 1, height: 1, channels: outputs }, input.len()),
        };
        let outputs = output.channels;
        Layer { kind, input, output, weights: vec![0.0; fan_in * outputs], bias: vec![0.0; outputs] }
    }

    /// Without the ReLU. Each output sums its inputs in one fixed order.
    pub fn forward(&self, input: &[f32], output: &mut Vec<f32>) {
        output.clear();
        output.resize(self.output.len(), 0.0);
        // The usual widths as constants: their sums stay in registers.
        match self.output.channels {
            8 => self.sums::<8>(input, output),
            12 => self.sums::<12>(input, output),
            16 => self.sums::<16>(input, output),
            24 => self.sums::<24>(input, output),
            32 => self.sums::<32>(input, output),
            48 => self.sums::<48>(input, output),
            _ => self.sums_of_any_width(input, output),
        }
    }

    fn sums<const N: usize>(&self, input: &[f32], output: &mut [f32]) {
        let (weights, _) = self.weights.as_chunks::<N>();
        let (output, _) = output.as_chunks_mut::<N>();
        let Some((bias, _)) = self.bias.split_first_chunk::<N>() else { return };
        let add = |sum: &mut [f32; N], values: &[f32], weights: &[[f32; N]]| {
            for (&value, weights) in values.iter().zip(weights) {
                if value != 0.0 {
                    for lane in 0..N {
                        sum[lane] += value * weights[lane];
                    }
                }
            }
        };
        let Kind::Conv { kernel, stride } = self.kind else {
            let mut sum = *bias;
            add(&mut sum, input, weights);
            output[0] = sum;
            return;
        };
        let (channels, back) = (self.input.channels, kernel / 2);
        for y in 0..self.output.height {
            for x in 0..self.output.width {
                let mut sum = *bias;
                // A row of the kernel is one run of values and one of weights.
                let first = (x * stride) as isize - back as isize;
                let (left, right) =
                    (first.max(0) as usize, (first + kernel as isize).min(self.input.width as isize) as usize);
                let skipped = (left as isize - first) as usize;
                for ky in 0..kernel {
                    let Some(iy) = (y * stride + ky).checked_sub(back).filter(|&iy| iy < self.input.height) else {
                        continue;
                    };
                    let values =
                        &input[(iy * self.input.width + left) * channels..(iy * self.input.width + right) * channels];
                    add(&mut sum, values, &weights[(ky * kernel + skipped) * channels..]);
                }
                output[y * self.output.width + x] = sum;
            }
        }
    }

    fn sums_of_any_width(&self, input: &[f32], output: &mut [f32]) {
        let outputs = self.output.channels;
        for pixel in output.chunks_exact_mut(outputs) {
            pixel.copy_from_slice(&self.bias);
        }
        match self.kind {
            Kind::Dense => {
                for (&value, weights) in input.iter().zip(self.weights.chunks_exact(outputs)) {
                    add_scaled(output, value, weights);
                }
            }
            Kind::Conv { .. } => self.taps(|from, to, tap| {
                let channels = self.input.channels;
                let out = &mut output[to * outputs..][..outputs];
                let weights = &self.weights[tap * channels * outputs..][..channels * outputs];
                for (&value, weights) in input[from * channels..][..channels].iter().zip(weights.chunks_exact(outputs))
                {
                    add_scaled(out, value, weights);
                }
            }),
        }
    }

    /// Every (input pixel, output pixel, kernel tap) of a convolution, in the one order that all sums keep.
    #[inline]
    pub fn taps(&self, mut each: impl FnMut(usize, usize, usize)) {
        let Kind::Conv { kernel, stride } = self.kind else { return };
        let back = kernel / 2;
        for y in 0..self.output.height {
            for x in 0..self.output.width {
                for ky in 0..kernel {
                    let Some(iy) = (y * stride + ky).checked_sub(back).filter(|&iy| iy < self.input.height) else {
                        continue;
                    };
                    for kx in 0..kernel {
                        let Some(ix) = (x * stride + kx).checked_sub(back).filter(|&ix| ix < self.input.width) else {
                            continue;
                        };
                        each(iy * self.input.width + ix, y * self.output.width + x, ky * kernel + kx);
                    }
                }
            }
        }
    }
}

/// `sum += value * weights`, lane by lane; nothing at all for a 0.
#[inline]
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

    #[test]
    fn the_fast_sums_are_the_plain_ones() {
        for plan in [Plan::Conv { kernel: 3, stride: 2, filters: 8 }, Plan::Dense(16)] {
            let mut net = Net::plan(7, 6, &[plan]);
            let layer = &mut net.layers[0];
            layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w = ((i * 37) % 101) as f32 * 0.01 - 0.5);
            let input: Vec<f32> = (0..42).map(|i| (i % 5) as f32 * 0.3).collect();
            let (mut fast, mut plain) = (Vec::new(), vec![0.0; layer.output.len()]);
            layer.forward(&input, &mut fast);
            layer.sums_of_any_width(&input, &mut plain);
            assert_eq!(fast, plain, "{plan:?}");
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
