//! The amount network, forward only: convolutions over a strip of any width, ReLU after each but the last, some of them added
//! to what they were given; at the end one column of chances every two pixels. What the weights are; [`Pass`] runs them. Refuses a
//! weights file whose sizes do not add up.

use super::pass::Pass;
pub use super::pass::Scratch;
use super::strip::{HEIGHT, Strip};

/// The ten digits, the cents mark, "xx" cents, and the blank between characters.
pub const CLASSES: usize = 13;
pub const CENTS_MARK: usize = 10;
pub const NO_CENTS: usize = 11;
pub const BLANK: usize = 12;
/// Outputs come in lanes; every layer's width is a multiple.
pub const LANES: usize = 16;

/// One convolution. Values lie row by row, pixel by pixel, channels innermost.
#[derive(Clone, Debug)]
pub struct Conv {
    /// Rows and columns of the kernel.
    pub kernel: (usize, usize),
    pub stride: (usize, usize),
    /// Rows and columns of paper added on each side.
    pub pad: (usize, usize),
    /// Columns from one tap of the kernel to the next.
    pub reach: usize,
    /// The input is added to the output, which has its size.
    pub adds: bool,
    pub inputs: usize,
    pub outputs: usize,
    /// `[kernel row][kernel column][input][output]`.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    pub height: usize,
    pub width: usize,
}

#[derive(Clone, Debug)]
pub struct Network {
    pub layers: Vec<Conv>,
    /// How the weights were made: command, seed, data.
    pub note: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a file of amount weights: {0}")]
pub struct NetworkError(&'static str);

const MAGIC: &[u8; 8] = b"remitam2";
const MAX_WEIGHTS: usize = 1 << 22;

impl Conv {
    pub fn size(&self, input: Size) -> Size {
        let along = |n: usize, pad: usize, kernel: usize, stride: usize| {
            (n + 2 * pad).checked_sub(kernel).map_or(0, |rest| rest / stride + 1)
        };
        Size {
            height: along(input.height, self.pad.0, self.kernel.0, self.stride.0),
            width: along(input.width, self.pad.1, (self.kernel.1 - 1) * self.reach + 1, self.stride.1),
        }
    }

    /// Values that one output sums.
    pub fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.inputs
    }

    /// Every output pixel's inputs, one after another: rows of [`Conv::taps`] values, into a slice of their number.
    pub fn patches(&self, input: &[f32], size: Size, patches: &mut [f32]) {
        let out = self.size(size);
        let taps = self.taps();
        patches.fill(0.0);
        for y in 0..out.height {
            for x in 0..out.width {
                let patch = &mut patches[(y * out.width + x) * taps..][..taps];
                if self.reach > 1 {
                    self.apart(input, size, (y, x), patch);
                    continue;
                }
                let first = (x * self.stride.1) as isize - self.pad.1 as isize;
                let left = first.max(0) as usize;
                let right = (first + self.kernel.1 as isize).clamp(0, size.width as isize) as usize;
                if left >= right {
                    continue;
                }
                let skipped = (left as isize - first) as usize;
                for ky in 0..self.kernel.0 {
                    let Some(iy) = (y * self.stride.0 + ky).checked_sub(self.pad.0).filter(|&iy| iy < size.height)
                    else {
                        continue;
                    };
                    let values =
                        &input[(iy * size.width + left) * self.inputs..(iy * size.width + right) * self.inputs];
                    patch[(ky * self.kernel.1 + skipped) * self.inputs..][..values.len()].copy_from_slice(values);
                }
            }
        }
    }

    /// One output pixel's inputs where the taps lie apart.
    fn apart(&self, input: &[f32], size: Size, (y, x): (usize, usize), patch: &mut [f32]) {
        for (tap, values) in patch.chunks_exact_mut(self.inputs).enumerate() {
            let (ky, kx) = (tap / self.kernel.1, tap % self.kernel.1);
            let row = (y * self.stride.0 + ky).checked_sub(self.pad.0).filter(|&y| y < size.height);
            let column = (x * self.stride.1 + kx * self.reach).checked_sub(self.pad.1).filter(|&x| x < size.width);
            if let (Some(y), Some(x)) = (row, column) {
                values.copy_from_slice(&input[(y * size.width + x) * self.inputs..][..self.inputs]);
            }
        }
    }
}

impl Network {
    /// [`Pass::forward`], for a strip or two.
    pub fn forward(&self, strip: &Strip, scratch: &mut Scratch) -> Vec<[f32; CLASSES]> {
        Pass::of(self).forward(strip, scratch)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let word = |out: &mut Vec<u8>, n: usize| out.extend((n as u32).to_le_bytes());
        word(&mut out, self.note.len());
        out.extend(self.note.as_bytes());
        word(&mut out, self.layers.len());
        for l in &self.layers {
            let (adds, [kh, kw]) = (usize::from(l.adds), [l.kernel.0, l.kernel.1]);
            let sizes = [kh, kw, l.stride.0, l.stride.1, l.pad.0, l.pad.1, l.reach, adds, l.inputs, l.outputs];
            sizes.iter().for_each(|&n| word(&mut out, n));
            l.weights.iter().chain(&l.bias).for_each(|w| out.extend(w.to_le_bytes()));
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Network, NetworkError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(NetworkError("wrong beginning"))?;
        let note = word(&mut rest)?;
        let note = rest.split_off(..note).ok_or(NetworkError("cut short"))?;
        let note = std::str::from_utf8(note).map_err(|_| NetworkError("note is not text"))?.to_string();
        let count = word(&mut rest)?;
        if !(1..=16).contains(&count) {
            return Err(NetworkError("sizes out of range"));
        }
        let mut network = Network { layers: Vec::new(), note };
        let (mut inputs, mut height) = (1, HEIGHT);
        for _ in 0..count {
            let mut sizes = [0; 10];
            for size in &mut sizes {
                *size = word(&mut rest)?;
            }
            let [kh, kw, sv, sh, pv, ph, reach, adds, from, to] = sizes;
            let sound = (1..=7).contains(&kh)
                && (1..=7).contains(&kw)
                && (1..=4).contains(&sv)
                && (1..=2).contains(&sh)
                && pv < kh
                && (1..=8).contains(&reach)
                && ph == kw / 2 * reach
                && (adds == 0 || adds == 1 && (from, sv, sh) == (to, 1, 1) && kh == 2 * pv + 1 && kw % 2 == 1)
                && from == inputs
                && (1..=512).contains(&to)
                && to % LANES == 0;
            if !sound || kh * kw * from * to > MAX_WEIGHTS {
                return Err(NetworkError("sizes out of range"));
            }
            let mut layer = Conv {
                kernel: (kh, kw),
                stride: (sv, sh),
                pad: (pv, ph),
                reach,
                adds: adds == 1,
                inputs: from,
                outputs: to,
                weights: vec![0.0; kh * kw * from * to],
                bias: vec![0.0; to],
            };
            for value in layer.weights.iter_mut().chain(&mut layer.bias) {
                *value = f32::from_bits(word(&mut rest)? as u32);
                if !value.is_finite() {
                    return Err(NetworkError("a weight is no number"));
                }
            }
            height = layer.size(Size { height, width: 64 }).height;
            inputs = to;
            network.layers.push(layer);
        }
        if height != 1 || inputs > 4 * LANES {
            return Err(NetworkError("the layers do not end in one row of characters"));
        }
        if !rest.is_empty() {
            return Err(NetworkError("more bytes than weights"));
        }
        Ok(network)
    }
}

/// Logits to the logarithms of chances that sum to 1; lanes past [`CLASSES`] are not used.
pub fn log_chances(logits: &[f32]) -> [f32; CLASSES] {
    let most = logits[..CLASSES].iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits[..CLASSES].iter().map(|l| (l - most).exp()).sum();
    let log = most + sum.ln();
    std::array::from_fn(|i| logits[i] - log)
}

fn word(rest: &mut &[u8]) -> Result<usize, NetworkError> {
    let (bytes, tail) = rest.split_first_chunk::<4>().ok_or(NetworkError("cut short"))?;
    *rest = tail;
    Ok(u32::from_le_bytes(*bytes) as usize)
}
