//! Data Matrix by its known parts (ISO/IEC 16022, ECC 200, square): two solid sides and two that alternate give the place,
//! the turn and the number of modules; every module is then the mean of its middle, dark or light by what the known ones
//! show. Holes, specks and pale print are for the code's own checks to mend. Refuses codes aslant and oblong ones.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::common::BitMatrix;
use rxing::datamatrix::decoder::Decoder;

use super::Code;
use super::pdf417::Patch;

/// Modules of a side.
const SIZES: [usize; 21] = [10, 12, 14, 16, 18, 20, 22, 24, 26, 32, 36, 40, 44, 48, 52, 64, 72, 80, 88, 96, 104];
/// Correlation of the four sides with what they should be, below which this is no Data Matrix.
const LEAST: f32 = 0.55;

/// Ink up to each point, so that the ink of any rectangle is four of these.
struct Sums {
    width: usize,
    height: usize,
    sums: Vec<f32>,
}

impl Sums {
    fn of(patch: &Patch) -> Sums {
        let stride = patch.width + 1;
        let mut sums = vec![0.0; stride * (patch.height + 1)];
        for y in 0..patch.height {
            let mut row = 0.0;
            for x in 0..patch.width {
                row += patch.ink[y * patch.width + x];
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
            }
        }
        Sums { width: patch.width, height: patch.height, sums }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.clamp(0.0, self.width as f32), y.clamp(0.0, self.height as f32));
        let (left, top) = ((x as usize).min(self.width - 1), (y as usize).min(self.height - 1));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let i = top * (self.width + 1) + left;
        let upper = self.sums[i] + (self.sums[i + 1] - self.sums[i]) * fx;
        let j = i + self.width + 1;
        let lower = self.sums[j] + (self.sums[j + 1] - self.sums[j]) * fx;
        upper + (lower - upper) * fy
    }

    fn mean(&self, x0: f32, y0: f32, x1: f32, y1: f32) -> f32 {
        let area = ((x1 - x0) * (y1 - y0)).max(1e-3);
        (self.at(x1, y1) - self.at(x0, y1) - self.at(x1, y0) + self.at(x0, y0)) / area
    }
}

/// Where the code lies: left, top, right, bottom in pixels of the patch; modules of a side; quarter turns.
#[derive(Clone, Copy, Debug)]
struct Frame {
    sides: [f32; 4],
    modules: usize,
    quarters: usize,
}

impl Frame {
    /// Mean ink of the middle of a module, counted as the code stands upright.
    fn module(&self, sums: &Sums, row: usize, column: usize) -> f32 {
        let last = self.modules - 1;
        let (x, y) = match self.quarters {
            0 => (column, row),
            1 => (last - row, column),
            2 => (last - column, last - row),
            _ => (row, last - column),
        };
        let [left, top, right, bottom] = self.sides;
        let (w, h) = ((right - left) / self.modules as f32, (bottom - top) / self.modules as f32);
        let (x, y) = (left + x as f32 * w, top + y as f32 * h);
        sums.mean(x + 0.2 * w, y + 0.2 * h, x + 0.8 * w, y + 0.8 * h)
    }

    /// What the four sides show and what they should.
    fn border(&self, sums: &Sums, mut each: impl FnMut(f32, bool)) {
        let n = self.modules;
        for i in 0..n {
            each(self.module(sums, i, 0), true);
            each(self.module(sums, n - 1, i), true);
            each(self.module(sums, 0, i), i % 2 == 0);
            each(self.module(sums, i, n - 1), i % 2 == 1);
        }
    }

    /// Correlation, -1 to 1.
    fn score(&self, sums: &Sums) -> f32 {
        let (mut n, mut s, mut w, mut ss, mut sw) = (0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32);
        self.border(sums, |seen, dark| {
            let want = f32::from(u8::from(dark));
            (n, s, w, ss, sw) = (n + 1.0, s + seen, w + want, ss + seen * seen, sw + seen * want);
        });
        let (of_seen, of_wanted) = (ss - s * s / n, w - w * w / n);
        (sw - s * w / n) / (of_seen * of_wanted).sqrt().max(1e-3)
    }

    /// Middle between what known dark and known light modules show, and how far apart they are.
    fn threshold(&self, sums: &Sums) -> (f32, f32) {
        let (mut dark, mut light) = ((0.0, 0.0f32), (0.0, 0.0f32));
        self.border(sums, |seen, is_dark| {
            let of = if is_dark { &mut dark } else { &mut light };
            *of = (of.0 + seen, of.1 + 1.0);
        });
        let (dark, light) = (dark.0 / dark.1.max(1.0), light.0 / light.1.max(1.0));
        ((dark + light) / 2.0, dark - light)
    }
}

/// The text of the patch, if it holds a square Data Matrix that stands straight, whichever way up.
pub fn read(patch: &Patch) -> Option<Code> {
    if patch.width < 20 || patch.height < 20 {
        return None;
    }
    let sums = Sums::of(patch);
    let sides = bounds(patch)?;
    let mut frames: Vec<(f32, Frame)> = Vec::new();
    for modules in SIZES {
        let module = (sides[2] - sides[0]).min(sides[3] - sides[1]) / modules as f32;
        if !(1.6..=24.0).contains(&module) {
            continue;
        }
        for quarters in 0..4 {
            let frame = Frame { sides, modules, quarters };
            frames.push((frame.score(&sums), frame));
        }
    }
    frames.sort_by(|a, b| b.0.total_cmp(&a.0));
    frames.truncate(6);
    for (_, frame) in frames {
        let (score, frame) = fitted(&sums, frame);
        if score >= LEAST
            && let Some(text) = text_of(&sums, &frame)
        {
            return Some(Code { text, turn: [0, 270, 180, 90][frame.quarters % 4] });
        }
    }
    None
}

/// The sides moved one by one to where they explain most.
fn fitted(sums: &Sums, frame: Frame) -> (f32, Frame) {
    let mut best = (frame.score(sums), frame);
    for step in [1.2f32, 0.6, 0.3] {
        for _ in 0..3 {
            let before = best.0;
            for side in 0..4 {
                for by in [-2.0 * step, -step, step, 2.0 * step] {
                    let mut moved = best.1;
                    moved.sides[side] += by;
                    let score = moved.score(sums);
                    if score > best.0 {
                        best = (score, moved);
                    }
                }
            }
            if best.0 <= before {
                break;
            }
        }
    }
    best
}

/// The box of what is inked evenly: a code has no empty rows and no empty columns.
fn bounds(patch: &Patch) -> Option<[f32; 4]> {
    let rows: Vec<f32> = patch.ink.chunks_exact(patch.width).map(|r| r.iter().sum()).collect();
    let mut columns = vec![0.0f32; patch.width];
    for row in patch.ink.chunks_exact(patch.width) {
        columns.iter_mut().zip(row).for_each(|(c, v)| *c += v);
    }
    let span = |counts: &[f32]| {
        let mut sorted = counts.to_vec();
        sorted.sort_by(f32::total_cmp);
        let usual = sorted[sorted.len() * 7 / 10];
        let full = |c: &f32| *c > 0.35 * usual && *c > 1.0;
        Some((counts.iter().position(full)? as f32, counts.iter().rposition(full)? as f32 + 1.0))
    };
    let ((left, right), (top, bottom)) = (span(&columns)?, span(&rows)?);
    (right - left > 16.0 && bottom - top > 16.0).then_some([left, top, right, bottom])
}

fn text_of(sums: &Sums, frame: &Frame) -> Option<String> {
    let (middle, apart) = frame.threshold(sums);
    if apart < 0.15 {
        return None;
    }
    // Spread or pale print moves the line between dark and light.
    [0.0, -0.12, 0.12].into_iter().find_map(|by| {
        let limit = middle + by * apart;
        let n = frame.modules as u32;
        let mut bits = BitMatrix::new(n, n).ok()?;
        for row in 0..n {
            for column in 0..n {
                if frame.module(sums, row as usize, column as usize) > limit {
                    bits.set(column, row);
                }
            }
        }
        let decoded = catch_unwind(AssertUnwindSafe(|| Decoder::new().decode(&bits).ok())).ok()??;
        let text = decoded.getText().to_owned();
        let printable = |c: char| !c.is_control() || matches!(c, '\u{1d}' | '\n' | '\r' | '\t');
        (!text.is_empty() && text.chars().all(printable)).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rxing::{BarcodeFormat, Writer};

    /// Ink of a code drawn with so many pixels a module, a share of its modules spoiled.
    fn drawn(text: &str, module: usize, spoil: u64) -> (usize, Vec<f32>) {
        let code = rxing::datamatrix::DataMatrixWriter.encode(text, &BarcodeFormat::DATA_MATRIX, 0, 0).unwrap();
        let n = code.getWidth() as usize;
        let side = n * module + 16;
        let mut ink = vec![0.0; side * side];
        let mut random = 11u64;
        for y in 0..n * module {
            for x in 0..n * module {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let dark = code.get((x / module) as u32, (y / module) as u32) != (random >> 33).is_multiple_of(spoil);
                ink[(y + 8) * side + x + 8] = f32::from(u8::from(dark));
            }
        }
        (side, ink)
    }

    #[test]
    fn codes_are_read_whichever_way_up_and_through_specks() {
        let text = "PMI|P2415405|7123539|28215";
        for (module, spoil) in [(2, 1_000_000), (3, 1_000_000), (3, 9), (4, 7), (6, 5)] {
            let (side, ink) = drawn(text, module, spoil);
            let back: Vec<f32> = ink.iter().rev().copied().collect();
            for (ink, turn) in [(&ink, 0), (&back, 180)] {
                let found = read(&Patch { width: side, height: side, ink });
                assert_eq!(found, Some(Code { text: text.into(), turn }), "{module} {spoil}");
            }
        }
    }

    #[test]
    fn noise_is_no_code() {
        let mut random = 5u64;
        for _ in 0..30 {
            let ink: Vec<f32> = (0..90 * 90)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    f32::from(u8::from(random >> 63 == 1))
                })
                .collect();
            assert_eq!(read(&Patch { width: 90, height: 90, ink: &ink }), None);
        }
    }
}
