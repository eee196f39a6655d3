//! One line of print brought to a standard size: the digits' top and bottom on fixed rows, the character pitch on a fixed
//! number of columns, the slope taken out. The classifier looks at windows of this strip.

use crate::imaging::{Bits, Gray, Upright};

/// Columns of the strip for one E-13B design unit (0.013 inch).
pub const COLUMNS: usize = 4;
/// Rows for one unit.
pub const ROWS: usize = 2;
/// Rows of the strip: one unit above the digits, nine of digits, one below.
pub const HEIGHT: usize = 11 * ROWS;
/// The classifier's window: nine units wide, two columns of the strip averaged to one pixel.
pub const WINDOW: usize = 18;
/// Nominal character pitch (0.125 inch) in columns.
pub const PITCH: f32 = 0.125 / 0.013 * COLUMNS as f32;
/// Columns between a glyph's right edge and the window's.
const MARGIN: isize = COLUMNS as isize;

/// Ink from 0 (paper) to 1 over a rectangle of a page; bitonal as it is, gray freed of its background.
pub struct Ink {
    pub x0: isize,
    pub y0: isize,
    pub width: usize,
    pub height: usize,
    /// Column by column.
    values: Vec<f32>,
}

impl Ink {
    /// What a strip of this geometry will look at: gray where the page has it.
    pub fn of(page: &Upright, geometry: &Geometry) -> Ink {
        let same_size = |g: &&Gray| g.width() == page.bits.width() && g.height() == page.bits.height();
        let Some(gray) = page.gray.as_ref().filter(same_size) else { return Ink::bitonal(&page.bits, geometry) };
        let mut ink = Ink::paper(geometry, gray.width(), gray.height());
        without_background(&mut ink, gray);
        ink
    }

    /// The same from the bitonal page.
    pub fn bitonal(bits: &Bits, geometry: &Geometry) -> Ink {
        let mut ink = Ink::paper(geometry, bits.width(), bits.height());
        let (left, right) = (ink.x0 as usize, ink.x0 as usize + ink.width);
        for y in 0..ink.height {
            let row = bits.row(ink.y0 as usize + y);
            for word in left / 64..right.div_ceil(64) {
                let mut rest = row[word];
                while rest != 0 {
                    let x = word * 64 + rest.leading_zeros() as usize;
                    rest &= !(1u64 << (63 - x % 64));
                    if (left..right).contains(&x) {
                        ink.values[(x - left) * ink.height + y] = 1.0;
                    }
                }
            }
        }
        ink
    }

    fn paper(geometry: &Geometry, page_width: usize, page_height: usize) -> Ink {
        let [x0, y0, x1, y1] = geometry.bounds();
        let (page_width, page_height) = (page_width as isize, page_height as isize);
        let (x0, y0) = (x0.clamp(0, page_width), y0.clamp(0, page_height));
        let (x1, y1) = (x1.clamp(x0, page_width), y1.clamp(y0, page_height));
        let (width, height) = ((x1 - x0) as usize, (y1 - y0) as usize);
        Ink { x0, y0, width, height, values: vec![0.0; width * height] }
    }
}

/// Gray to ink: in blocks as wide as high, the paper is the level that most pixels are near, the ink the darkest of the
/// whole band.
fn without_background(ink: &mut Ink, gray: &Gray) {
    let block = ink.height.clamp(8, 96);
    let blocks = ink.width.div_ceil(block).max(1);
    let (left, top) = (ink.x0 as usize, ink.y0 as usize);
    let row = |y: usize| &gray.row(top + y)[left..left + ink.width];
    let mut counts = vec![[0u32; 256]; blocks];
    // Every other row is enough to count levels.
    for y in (0..ink.height).step_by(2) {
        for (counts, part) in counts.iter_mut().zip(row(y).chunks(block)) {
            part.iter().for_each(|&p| counts[p as usize] += 1);
        }
    }
    let mut all = [0u32; 256];
    counts.iter().for_each(|c| c.iter().zip(&mut all).for_each(|(c, a)| *a += c));
    let paper: Vec<f32> = counts.iter().map(|c| f32::from(quantile(c, 0.6))).collect();
    let dark = f32::from(quantile(&all, 0.02));
    // Between the middles of the blocks the paper level changes evenly. The lowest part of the ink is paper texture, the
    // highest is solid.
    let levels: Vec<(f32, f32)> = (0..ink.width)
        .map(|x| {
            let place = (x as f32 / block as f32 - 0.5).clamp(0.0, (blocks - 1) as f32);
            let (b, share) = (place as usize, place.fract());
            let level = paper[b] * (1.0 - share) + paper[(b + 1).min(blocks - 1)] * share;
            (level, 1.0 / ((level - dark).max(24.0) * 0.7))
        })
        .collect();
    let (height, mut values) = (ink.height, std::mem::take(&mut ink.values));
    for y in 0..height {
        for (x, (&p, (level, scale))) in row(y).iter().zip(&levels).enumerate() {
            values[x * height + y] = ((level - f32::from(p)) * scale - 0.15 / 0.7).clamp(0.0, 1.0);
        }
    }
    ink.values = values;
}

fn quantile(counts: &[u32; 256], share: f32) -> u8 {
    let total: u32 = counts.iter().sum();
    let mut left = (total as f32 * share) as u32;
    for (value, &n) in counts.iter().enumerate() {
        if n > left {
            return value as u8;
        }
        left -= n;
    }
    255
}

/// Where a line stands on the page: unit (u, v), counted from the left end of the digits' top line, is the pixel
/// `x0 + u sx - slope v sy`, `y0 + slope u sx + v sy`, and the bend on top.
#[derive(Clone, Debug)]
pub struct Geometry {
    pub x0: f32,
    pub y0: f32,
    /// Pixels down for one pixel right.
    pub slope: f32,
    /// Pixels a unit, across and down.
    pub sx: f32,
    pub sy: f32,
    /// Length in units.
    pub length: f32,
    /// How the line leaves the straight: (page x, pixels down), x ascending; even between, and as the last beyond.
    pub bend: Vec<(f32, f32)>,
}

impl Geometry {
    pub fn point(&self, u: f32, v: f32) -> (f32, f32) {
        let (across, down) = (u * self.sx, v * self.sy);
        let x = self.x0 + across - self.slope * down;
        (x, self.y0 + self.slope * across + down + self.bent(x))
    }

    fn bent(&self, x: f32) -> f32 {
        let after = self.bend.partition_point(|b| b.0 < x);
        match (after.checked_sub(1).and_then(|i| self.bend.get(i)), self.bend.get(after)) {
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0).max(1.0),
            (Some(only), None) | (None, Some(only)) => only.1,
            (None, None) => 0.0,
        }
    }

    /// Left, top, right, bottom of all that the strip looks at.
    fn bounds(&self) -> [isize; 4] {
        let flat = Geometry { bend: Vec::new(), ..self.clone() };
        let corners = [
            flat.point(0.0, -2.0),
            flat.point(self.length, -2.0),
            flat.point(0.0, 11.0),
            flat.point(self.length, 11.0),
        ];
        let least = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::INFINITY, f32::min);
        let most = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::NEG_INFINITY, f32::max);
        let up = self.bend.iter().map(|b| b.1).fold(0.0, f32::min);
        let down = self.bend.iter().map(|b| b.1).fold(0.0, f32::max);
        [
            least(|p| p.0).floor() as isize - 1,
            (least(|p| p.1) + up).floor() as isize - 1,
            most(|p| p.0).ceil() as isize + 2,
            (most(|p| p.1) + down).ceil() as isize + 2,
        ]
    }
}

/// `HEIGHT` rows of `columns` ink values; column 0 is unit 0.
pub struct Strip {
    pub geometry: Geometry,
    pub columns: usize,
    /// Column by column, so that a window is one slice.
    values: Vec<f32>,
}

impl Strip {
    pub fn new(ink: &Ink, geometry: &Geometry) -> Strip {
        let g = geometry;
        let columns = (g.length.clamp(0.0, 4000.0) * COLUMNS as f32) as usize;
        // First down: the strip's rows for every column of the page.
        let mut tall = vec![0.0f32; ink.width * HEIGHT];
        for x in 0..ink.width {
            let page_x = (ink.x0 + x as isize) as f32 + 0.5;
            let top = g.y0 + g.slope * (page_x - g.x0) + g.bent(page_x) - ink.y0 as f32 - 0.5;
            let column = &ink.values[x * ink.height..(x + 1) * ink.height];
            if column.iter().all(|v| *v == 0.0) {
                continue;
            }
            let at = |y: f32| {
                let low = y.floor();
                let share = y - low;
                let low = low as isize;
                let value = |y: isize| if y >= 0 { column.get(y as usize).copied().unwrap_or(0.0) } else { 0.0 };
                value(low) * (1.0 - share) + value(low + 1) * share
            };
            for (row, out) in tall[x * HEIGHT..(x + 1) * HEIGHT].iter_mut().enumerate() {
                let v = (row as f32 + 0.5) / ROWS as f32 - 1.0;
                let half = 0.25 / ROWS as f32;
                *out = 0.5 * (at(top + (v - half) * g.sy) + at(top + (v + half) * g.sy));
            }
        }
        // Then across; lower rows stand a little to the left where the line slopes down.
        let mut values = vec![0.0f32; columns * HEIGHT];
        let lean: Vec<f32> = (0..HEIGHT).map(|row| g.slope * ((row as f32 + 0.5) / ROWS as f32 - 1.0) * g.sy).collect();
        for (column, out) in values.chunks_exact_mut(HEIGHT).enumerate() {
            let x = g.x0 + (column as f32 + 0.5) / COLUMNS as f32 * g.sx - ink.x0 as f32 - 0.5;
            for (row, out) in out.iter_mut().enumerate() {
                let x = x - lean[row];
                let left = x.floor();
                let share = x - left;
                let left = left as isize;
                let value = |x: isize| {
                    if x >= 0 { tall.get(x as usize * HEIGHT + row).copied().unwrap_or(0.0) } else { 0.0 }
                };
                *out = value(left) * (1.0 - share) + value(left + 1) * share;
            }
        }
        Strip { geometry: g.clone(), columns, values }
    }

    #[inline]
    pub fn column(&self, column: usize) -> &[f32] {
        &self.values[column * HEIGHT..(column + 1) * HEIGHT]
    }

    /// What the classifier sees of a glyph whose right edge is the left side of column `right`, moved `down` rows;
    /// row by row, `WINDOW` by `HEIGHT`.
    pub fn window(&self, right: isize, down: isize, pixels: &mut Vec<f32>) {
        pixels.clear();
        pixels.resize(WINDOW * HEIGHT, 0.0);
        let left = right + MARGIN - 2 * WINDOW as isize;
        for x in 0..2 * WINDOW {
            let column = left + x as isize;
            if column < 0 || column as usize >= self.columns {
                continue;
            }
            let values = self.column(column as usize);
            for y in 0..HEIGHT {
                let from = y as isize + down;
                if from >= 0 && (from as usize) < HEIGHT {
                    pixels[y * WINDOW + x / 2] += 0.5 * values[from as usize];
                }
            }
        }
    }
}
