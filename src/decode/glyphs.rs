//! A glyph classifier as its reader runs it: two convolutions that step by two, and two dense layers, all sizes known when it is
//! compiled, so that sums stay in the processor's registers. Says bit for bit what the net says that it was made of; a net of
//! another shape runs as it is.

/// `classifier!(width by height, kernel, first, second by pixels, hidden)` makes a `Classifier` of rasters of this size and its
/// `Desk`: the first convolution's kernel is `kernel` wide and high and has `first` filters; the second has `second`, of `pixels`
/// pixels at a time; the first dense layer gives `hidden` values.
macro_rules! classifier {
    ($width:ident by $height:ident, $kernel:literal, $first:literal, $second:literal by $pixels:literal, $hidden:literal) => {
        use $crate::decode::net::{Kind, Net, Row, Scratch, softmax};
        use $crate::imaging::wide::widened;

        const KERNEL: usize = $kernel;
        const FIRST: usize = $first;
        const SECOND: usize = $second;
        const PIXELS: usize = $pixels;
        const HIDDEN: usize = $hidden;
        /// Pixels of the first convolution at a time.
        const BESIDE: usize = 2 * PIXELS;
        /// What these see of a row.
        const SEEN: usize = 2 * BESIDE + KERNEL - 2;
        /// As many classes as the last layer may have.
        const LAST: usize = 24;
        /// Values whose zeros are left out together.
        const SOME: usize = 16;
        /// Side of the second convolution's kernel.
        const SIDE: usize = 3;
        /// Values of one row of the second convolution's kernel.
        const ROW: usize = SIDE * FIRST;
        const W: usize = $width;
        const H: usize = $height;
        /// Sides of the rasters behind the convolutions.
        const HALF: (usize, usize) = (W / 2, H / 2);
        const QUARTER: (usize, usize) = (W / 4, H / 4);
        /// Paper around what the convolutions read, on each side.
        const RIM: usize = KERNEL / 2;
        const WIDE: usize = W + 2 * RIM;
        const WIDE_HALF: usize = W / 2 + SIDE / 2;
        /// Pixels of a raster for one behind both convolutions. What a raster shows that goes on by so many where another ended
        /// is known but for the columns on both sides.
        pub const STEP: usize = 4;
        /// Places (row, column) behind the second convolution that are found together: all, and those on both sides.
        type Places = [(usize, usize); PIXELS];
        const ALL: [Places; QUARTER.0 * QUARTER.1 / PIXELS] = {
            let (mut all, mut n) = ([[(0, 0); PIXELS]; QUARTER.0 * QUARTER.1 / PIXELS], 0);
            while n < QUARTER.0 * QUARTER.1 {
                all[n / PIXELS][n % PIXELS] = (n / QUARTER.0, n % QUARTER.0);
                n += 1;
            }
            all
        };
        const SIDES: [Places; (2 * QUARTER.1).div_ceil(PIXELS)] = {
            let (mut sides, mut n) = ([[(0, 0); PIXELS]; (2 * QUARTER.1).div_ceil(PIXELS)], 0);
            while n < 2 * QUARTER.1 {
                sides[n / PIXELS][n % PIXELS] = (n / 2, n % 2 * (QUARTER.0 - 1));
                n += 1;
            }
            sides
        };

        pub struct Classifier {
            classes: usize,
            shaped: Option<Shaped>,
            /// What has another shape.
            plain: Net,
        }

        /// (Nested arrays are unrolled before their sums are laid into wide registers, and then are not.)
        struct Shaped {
            first: Vec<Row<FIRST>>,
            first_bias: [f32; FIRST],
            second: Vec<Row<SECOND>>,
            second_bias: [f32; SECOND],
            third: Vec<Row<HIDDEN>>,
            third_bias: [f32; HIDDEN],
            /// Beyond its classes all is 0.
            last: Vec<Row<LAST>>,
            last_bias: [f32; LAST],
            classes: usize,
        }

        /// Working memory.
        #[derive(Default)]
        pub struct Desk {
            paper: Vec<f32>,
            half: Vec<f32>,
            quarter: Vec<f32>,
            listed: Vec<u16>,
            scratch: Scratch,
        }

        impl Classifier {
            pub fn of(net: &Net) -> Classifier {
                Classifier { classes: net.classes(), shaped: Shaped::of(net), plain: net.clone() }
            }

            pub fn classes(&self) -> usize {
                self.classes
            }

            /// Is it of the shape that it is compiled for?
            pub fn is_shaped(&self) -> bool {
                self.shaped.is_some()
            }

            /// Chances of the classes for each raster, row by row, that lies in `rasters`.
            pub fn chances(&self, rasters: &[f32], desk: &mut Desk) -> Vec<Vec<f32>> {
                match &self.shaped {
                    Some(shaped) => all(shaped, rasters, desk),
                    None => {
                        let rasters = rasters.chunks_exact(W * H);
                        rasters.map(|r| softmax(self.plain.forward(r, &mut desk.scratch))).collect()
                    }
                }
            }
        }

        widened!(all = each(shaped: &'w Shaped, rasters: &'w [f32], desk: &'w mut Desk) -> Vec<Vec<f32>>);

        /// All rasters, one after the other.
        #[inline(always)]
        fn each(shaped: &Shaped, rasters: &[f32], desk: &mut Desk) -> Vec<Vec<f32>> {
            let rasters = rasters.chunks_exact(W * H);
            let mut all = Vec::with_capacity(rasters.len());
            for (n, raster) in rasters.enumerate() {
                all.push(shaped.chances(raster, n > 0, desk));
            }
            all
        }

        /// Does a raster begin a step into the one that lies here on paper? Of a larger kernel the second convolution would see more of
        /// the paper around.
        #[inline(always)]
        fn goes_on(raster: &[f32], paper: &[f32]) -> bool {
            let before = paper[WIDE * RIM..].chunks_exact(WIDE);
            KERNEL == SIDE
                && raster.chunks_exact(W).zip(before).all(|(row, before)| {
                    let bits = |v: &f32| v.to_bits();
                    let pairs = row[..W - STEP].iter().zip(&before[RIM + STEP..]);
                    pairs.fold(0, |other, (a, b)| other | (bits(a) ^ bits(b))) == 0
                })
        }

        /// The weights input by input, widened with zeros.
        fn rows<const N: usize>(weights: &[f32], outputs: usize) -> Vec<Row<N>> {
            let row = |weights: &[f32]| Row(std::array::from_fn(|l| weights.get(l).copied().unwrap_or(0.0)));
            weights.chunks_exact(outputs).map(row).collect()
        }

        impl Shaped {
            fn of(net: &Net) -> Option<Self> {
                let [first, second, third, last] = &net.layers[..] else { return None };
                let stepping = |side: usize| Kind::Conv { kernel: (side, side), stride: (2, 2) };
                let shaped = net.input() == (W, H)
                    && W.is_multiple_of(4)
                    && H.is_multiple_of(4)
                    && QUARTER.0.is_multiple_of(PIXELS)
                    && (QUARTER.0 * QUARTER.1 * SECOND).is_multiple_of(SOME)
                    && (first.kind, second.kind) == (stepping(KERNEL), stepping(SIDE))
                    && (third.kind, last.kind) == (Kind::Dense, Kind::Dense);
                if !shaped
                    || [first, second, third].map(|l| l.output.channels) != [FIRST, SECOND, HIDDEN]
                    || last.output.channels > LAST
                {
                    return None;
                }
                Some(Shaped {
                    first: rows(&first.weights, FIRST),
                    first_bias: *first.bias.first_chunk()?,
                    second: rows(&second.weights, SECOND),
                    second_bias: *second.bias.first_chunk()?,
                    third: rows(&third.weights, HIDDEN),
                    third_bias: *third.bias.first_chunk()?,
                    last: rows(&last.weights, last.output.channels),
                    last_bias: rows(&last.bias, last.output.channels).first()?.0,
                    classes: last.output.channels,
                })
            }

            /// `another`: what the desk shows is another raster of the same kind.
            #[inline(always)]
            fn chances(&self, raster: &[f32], another: bool, desk: &mut Desk) -> Vec<f32> {
                // The rims stay paper.
                desk.paper.resize(WIDE * (H + 2 * RIM), 0.0);
                desk.half.resize(WIDE_HALF * (HALF.1 + SIDE / 2) * FIRST, 0.0);
                desk.quarter.resize(QUARTER.0 * QUARTER.1 * SECOND, 0.0);
                desk.listed.resize(desk.quarter.len() + SOME, 0);
                let goes_on = another && goes_on(raster, &desk.paper);
                let rows = desk.paper[WIDE * RIM..].chunks_exact_mut(WIDE);
                for (to, from) in rows.zip(raster.chunks_exact(W)) {
                    to[RIM..][..W].copy_from_slice(from);
                }
                self.see(&desk.paper, &mut desk.half);
                self.join(&desk.half, &mut desk.quarter, goes_on);
                let hidden = self.weigh(&desk.quarter, &mut desk.listed);
                softmax(&self.decide(&hidden)[..self.classes])
            }

            /// The first convolution.
            #[inline(always)]
            fn see(&self, paper: &[f32], half: &mut [f32]) {
                let (half, _) = half.as_chunks_mut::<FIRST>();
                for y in 0..HALF.1 {
                    let rows: [&[f32]; KERNEL] = std::array::from_fn(|k| &paper[(2 * y + k) * WIDE..][..WIDE]);
                    let out = &mut half[(y + 1) * WIDE_HALF + 1..][..HALF.0];
                    for (n, out) in out.chunks_exact_mut(BESIDE).enumerate() {
                        let mut sums = [self.first_bias; BESIDE];
                        for (row, taps) in rows.iter().zip(self.first.chunks_exact(KERNEL)) {
                            let Some(seen) = row[2 * BESIDE * n..].first_chunk::<SEEN>() else { continue };
                            for (k, Row(tap)) in taps.iter().enumerate() {
                                for (v, sum) in seen[k..].iter().step_by(2).zip(&mut sums) {
                                    (0..FIRST).for_each(|l| sum[l] += v * tap[l]);
                                }
                            }
                        }
                        for (out, sum) in out.iter_mut().zip(&sums) {
                            *out = sum.map(|v| v.max(0.0));
                        }
                    }
                }
            }

            /// The second; `goes_on`: from the one of which it was before.
            #[inline(always)]
            fn join(&self, half: &[f32], quarter: &mut [f32], goes_on: bool) {
                let paper = [0.0; ROW];
                let (quarter, _) = quarter.as_chunks_mut::<SECOND>();
                if goes_on {
                    quarter.copy_within(1.., 0);
                }
                for places in if goes_on { &SIDES[..] } else { &ALL[..] } {
                    let mut sums = [[0.0f32; SECOND]; PIXELS];
                    sums.iter_mut().for_each(|s| s.copy_from_slice(&self.second_bias));
                    for (k, weights) in self.second.chunks_exact(ROW).enumerate() {
                        let rows: [&[f32; ROW]; PIXELS] = std::array::from_fn(|p| {
                            let (y, x) = places[p];
                            half[((2 * y + k) * WIDE_HALF + 2 * x) * FIRST..].first_chunk().unwrap_or(&paper)
                        });
                        for (i, Row(weights)) in weights.iter().enumerate() {
                            for (sum, row) in sums.iter_mut().zip(&rows) {
                                let v = row[i];
                                (0..SECOND).for_each(|l| sum[l] += v * weights[l]);
                            }
                        }
                    }
                    for ((y, x), sum) in places.iter().zip(&sums) {
                        quarter[y * QUARTER.0 + x] = *sum;
                    }
                }
                quarter.as_flattened_mut().iter_mut().for_each(|v| *v = v.max(0.0));
            }

            /// The first dense layer; a value of 0 adds nothing. Those that do are listed first: which they are cannot be foreseen.
            #[inline(always)]
            fn weigh(&self, quarter: &[f32], listed: &mut [u16]) -> [f32; HIDDEN] {
                let (mut count, mut place) = (0, 0);
                for some in quarter.as_chunks::<SOME>().0 {
                    let Some(room) = listed[count..].first_chunk_mut::<SOME>() else { break };
                    let mut n = 0;
                    for v in some {
                        room[n] = place;
                        n += usize::from(v.to_bits() != 0);
                        place += 1;
                    }
                    count += n;
                }
                let mut sum = self.third_bias;
                for &place in &listed[..count] {
                    let (v, Row(weights)) = (quarter[usize::from(place)], &self.third[usize::from(place)]);
                    (0..HIDDEN).for_each(|l| sum[l] += v * weights[l]);
                }
                sum.map(|v| v.max(0.0))
            }

            /// The last layer. (By itself, so that its sums are laid into wide registers.)
            #[inline(always)]
            fn decide(&self, hidden: &[f32; HIDDEN]) -> [f32; LAST] {
                let mut sum = self.last_bias;
                for (v, Row(weights)) in hidden.iter().zip(&self.last) {
                    for (sum, weight) in sum.iter_mut().zip(weights) {
                        *sum += v * weight;
                    }
                }
                sum
            }
        }
    };
}
pub(crate) use classifier;

#[cfg(test)]
mod tests {
    use crate::decode::net::{Scratch, softmax};
    use crate::decode::{micr, scanline};

    /// Bars and blots.
    fn raster(n: usize, width: usize, height: usize) -> Vec<f32> {
        let bar = |i: usize| {
            let (x, y) = (i % width, i / width);
            let inked = (x * (n % 5 + 1) + y * (n % 7)) % 11 < n % 6 || (x * y + n * 31).is_multiple_of(17);
            if inked { 0.3 + (i % 8) as f32 * 0.1 } else { 0.0 }
        };
        (0..width * height).map(bar).collect()
    }

    #[test]
    fn classifiers_say_what_their_nets_say() {
        let (lines, stubs) = (micr::classifier(), scanline::classifier());
        assert!(lines.is_shaped() && stubs.is_shaped());
        let (mut line_desk, mut stub_desk, mut scratch) =
            (micr::classifier::Desk::default(), scanline::classifier::Desk::default(), Scratch::default());
        for n in 0..200 {
            for (net, is_line) in [(micr::net(), true), (scanline::net(), false)] {
                let raster = raster(n, net.input().0, net.input().1);
                let exact = softmax(net.forward(&raster, &mut scratch));
                let said = if is_line {
                    lines.chances(&raster, &mut line_desk)
                } else {
                    stubs.chances(&raster, &mut stub_desk)
                };
                assert_eq!(said, [exact], "{n} {is_line}");
            }
        }
    }
}
