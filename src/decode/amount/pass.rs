//! The way of a strip through the amount network. Most values behind a ReLU are 0 and add nothing: a layer's input is listed
//! without them, and its weights lie so that what is gone through together stays in the processor's nearest memory. Each sum
//! runs in one fixed order, so the same weights and strip give the same log-odds on every machine.

use super::network::{CLASSES, Conv, LANES, Network, Size, log_chances};
use super::strip::{HEIGHT, Strip};
use crate::decode::net::Row;
use crate::imaging::wide::widened;

/// Pixels of the first layer that are summed side by side.
const BESIDE: usize = 4;
/// Weights that one row of the kernel may have to be gone through together.
const NEAR: usize = 6144;

/// A network laid out for its forward pass.
#[derive(Clone, Debug)]
pub struct Pass {
    layers: Vec<Laid>,
}

/// A layer, its weights by blocks of outputs.
#[derive(Clone, Debug)]
struct Laid {
    layer: Conv,
    blocks: Vec<Block>,
}

/// The weights of so many outputs.
#[derive(Clone, Debug)]
enum Block {
    Of64(Lanes<64>),
    Of32(Lanes<32>),
    Of16(Lanes<16>),
}

#[derive(Clone, Debug)]
struct Lanes<const N: usize> {
    bias: Row<N>,
    /// `[kernel row][kernel column][input]`.
    weights: Vec<Row<N>>,
}

/// Working memory of a forward pass; keep one per thread.
#[derive(Default, Clone)]
pub struct Scratch {
    raster: Vec<f32>,
    from: Vec<f32>,
    to: Vec<f32>,
    listed: Listed,
}

/// A layer's input without zeros.
#[derive(Default, Clone)]
struct Listed {
    /// Where in its row a value lies, and the value's bits, row by row.
    values: Vec<(u32, u32)>,
    /// The first value of each pixel, and the end.
    starts: Vec<u32>,
}

impl Pass {
    pub fn of(network: &Network) -> Pass {
        Pass { layers: network.layers.iter().map(Laid::of).collect() }
    }

    /// For each step along the strip the logarithms of the chances of the [`CLASSES`].
    pub fn forward(&self, strip: &Strip, scratch: &mut Scratch) -> Vec<[f32; CLASSES]> {
        scratch.from.clear();
        scratch.from.extend_from_slice(&strip.ink);
        let size = through(&self.layers, Size { height: HEIGHT, width: strip.width }, scratch);
        let columns = scratch.from.len().min(size.width * self.layers.last().map_or(0, |l| l.layer.outputs)) / LANES;
        scratch.from.chunks_exact(LANES).take(columns).map(log_chances).collect()
    }
}

impl Laid {
    fn of(layer: &Conv) -> Laid {
        let (mut blocks, mut lane) = (Vec::new(), 0);
        while lane < layer.outputs {
            let (block, lanes) = match layer.outputs - lane {
                64.. => (Lanes::of(layer, lane).map(Block::Of64), 64),
                32.. => (Lanes::of(layer, lane).map(Block::Of32), 32),
                _ => (Lanes::of(layer, lane).map(Block::Of16), LANES),
            };
            blocks.extend(block);
            lane += lanes;
        }
        Laid { layer: Conv { weights: Vec::new(), ..layer.clone() }, blocks }
    }
}

impl<const N: usize> Lanes<N> {
    fn of(layer: &Conv, lane: usize) -> Option<Self> {
        let row = |weights: &[f32]| weights[lane..].first_chunk().map(|w| Row(*w));
        let weights = layer.weights.chunks_exact(layer.outputs).filter_map(row).collect();
        Some(Lanes { bias: row(&layer.bias)?, weights })
    }
}

widened!(through = way(layers: &'w [Laid], size: Size, scratch: &'w mut Scratch) -> Size);

/// A strip's way through all layers, from and to `scratch.from`.
#[inline(always)]
fn way(layers: &[Laid], mut size: Size, scratch: &mut Scratch) -> Size {
    let Scratch { raster, from, to, listed } = scratch;
    for (i, Laid { layer, blocks }) in layers.iter().enumerate() {
        let out = layer.size(size);
        to.resize(out.height * out.width * layer.outputs, 0.0);
        let is_raster = layer.inputs == 1 && layer.reach == 1;
        if is_raster {
            size = padded(from, raster, size, layer);
        } else {
            listed.list(from, layer.inputs, size.width);
        }
        let mut lane = 0;
        for block in blocks {
            let mut sums = Sums { layer, size, out, output: to, lane };
            lane += match block {
                Block::Of64(lanes) if is_raster => sums.see(raster, lanes),
                Block::Of32(lanes) if is_raster => sums.see(raster, lanes),
                Block::Of16(lanes) if is_raster => sums.see(raster, lanes),
                Block::Of64(lanes) => sums.add_all(listed, lanes),
                Block::Of32(lanes) => sums.add_all(listed, lanes),
                Block::Of16(lanes) => sums.add_all(listed, lanes),
            };
        }
        if i + 1 < layers.len() {
            to.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        if layer.adds {
            to.iter_mut().zip(&*from).for_each(|(to, from)| *to += from);
        }
        std::mem::swap(from, to);
        size = out;
    }
    size
}

/// The raster with the layer's paper around it, to the right with more.
fn padded(from: &[f32], to: &mut Vec<f32>, size: Size, layer: &Conv) -> Size {
    let more = BESIDE * layer.stride.1;
    let wider = Size { height: size.height + 2 * layer.pad.0, width: size.width + 2 * layer.pad.1 + more };
    to.clear();
    to.resize(wider.height * wider.width, 0.0);
    let inner = to.chunks_exact_mut(wider.width).skip(layer.pad.0);
    for (to, from) in inner.zip(from.chunks_exact(size.width)) {
        to[layer.pad.1..][..size.width].copy_from_slice(from);
    }
    wider
}

impl Listed {
    #[inline(always)]
    fn list(&mut self, from: &[f32], inputs: usize, width: usize) {
        self.values.resize(from.len() + LANES, (0, 0));
        self.starts.resize(from.len() / inputs + 1, 0);
        let (values, mut starts, mut count) = (&mut self.values[..], self.starts.iter_mut(), 0);
        for row in from.chunks_exact(width * inputs) {
            let mut place = 0;
            for (pixel, start) in row.chunks_exact(inputs).zip(&mut starts) {
                *start = count as u32;
                for some in pixel.as_chunks::<LANES>().0 {
                    let Some(room) = values[count..].first_chunk_mut::<LANES>() else { return };
                    let mut n = 0;
                    for value in some {
                        room[n] = (place, value.to_bits());
                        n += usize::from(value.to_bits() != 0);
                        place += 1;
                    }
                    count += n;
                }
            }
        }
        if let Some(end) = starts.next() {
            *end = count as u32;
        }
    }
}

/// What a layer sums, and where the outputs from `lane` on go.
struct Sums<'a> {
    layer: &'a Conv,
    size: Size,
    out: Size,
    output: &'a mut [f32],
    lane: usize,
}

impl Sums<'_> {
    /// Sums what a raster with paper around it gives; where all is paper, only the bias is left. Returns how many outputs.
    #[inline(always)]
    fn see<const N: usize>(&mut self, raster: &[f32], lanes: &Lanes<N>) -> usize {
        let Conv { kernel, stride, outputs, .. } = *self.layer;
        let width = self.size.width;
        let mut inked = vec![0u32; width];
        for y in 0..self.out.height {
            let rows = &raster[y * stride.0 * width..][..kernel.0 * width];
            inked.fill(0);
            for row in rows.chunks_exact(width) {
                inked.iter_mut().zip(row).for_each(|(i, v)| *i |= v.to_bits());
            }
            let sums =
                self.output[y * self.out.width * outputs..][..self.out.width * outputs].chunks_mut(BESIDE * outputs);
            for (n, some) in sums.enumerate() {
                let first = n * BESIDE * stride.1;
                let seen = &inked[first..][..(BESIDE - 1) * stride.1 + kernel.1];
                let mut sums = [lanes.bias.0; BESIDE];
                if seen.iter().fold(0, |all, i| all | i) != 0 {
                    for (row, weights) in rows.chunks_exact(width).zip(lanes.weights.chunks_exact(kernel.1)) {
                        let (a, b) = (&row[first..][..kernel.1], &row[first + stride.1..][..kernel.1]);
                        let (c, d) =
                            (&row[first + 2 * stride.1..][..kernel.1], &row[first + 3 * stride.1..][..kernel.1]);
                        for ((((Row(w), a), b), c), d) in weights.iter().zip(a).zip(b).zip(c).zip(d) {
                            for lane in 0..N {
                                sums[0][lane] += a * w[lane];
                                sums[1][lane] += b * w[lane];
                                sums[2][lane] += c * w[lane];
                                sums[3][lane] += d * w[lane];
                            }
                        }
                    }
                }
                for (to, sum) in some.chunks_exact_mut(outputs).zip(&sums) {
                    to[self.lane..][..N].copy_from_slice(sum);
                }
            }
        }
        N
    }

    /// Sums what the listed values give.
    #[inline(always)]
    fn add_all<const N: usize>(&mut self, listed: &Listed, lanes: &Lanes<N>) -> usize {
        let Conv { kernel, stride, pad, reach, inputs, outputs, .. } = *self.layer;
        let (size, out) = (self.size, self.out);
        // Columns of the kernel that are gone through together.
        let columns = if reach == 1 && kernel.1 * inputs * N <= NEAR { kernel.1 } else { 1 };
        for tap in (0..kernel.0 * kernel.1).step_by(columns) {
            let (ky, kx) = (tap / kernel.1, tap % kernel.1);
            let near = &lanes.weights[tap * inputs..][..columns * inputs];
            for y in 0..out.height {
                let row = (y * stride.0 + ky).checked_sub(pad.0).filter(|&iy| iy < size.height);
                let starts = row.map(|iy| &listed.starts[iy * size.width..][..=size.width]);
                let sums = self.output[y * out.width * outputs..][..out.width * outputs].chunks_exact_mut(outputs);
                for (x, sums) in sums.enumerate() {
                    let Some(sums) = sums[self.lane..].first_chunk_mut::<N>() else { continue };
                    if tap == 0 {
                        *sums = lanes.bias.0;
                    }
                    let Some(starts) = starts else { continue };
                    let first = (x * stride.1 + kx * reach) as isize - pad.1 as isize;
                    let column = |x: isize| starts[x.clamp(0, size.width as isize) as usize] as usize;
                    let values = &listed.values[column(first)..column(first + columns as isize)];
                    add(sums, values, near, (first * inputs as isize) as u32);
                }
            }
        }
        N
    }
}

/// Adds each value times its weights; those of the place `first` come first.
#[inline(always)]
fn add<const N: usize>(sums: &mut [f32; N], values: &[(u32, u32)], weights: &[Row<N>], first: u32) {
    let mut sum = *sums;
    for &(place, value) in values {
        let value = f32::from_bits(value);
        let Row(weights) = &weights[place.wrapping_sub(first) as usize];
        for lane in 0..N {
            sum[lane] += value * weights[lane];
        }
    }
    *sums = sum;
}
