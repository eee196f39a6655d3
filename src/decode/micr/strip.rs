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
    values: Vec<f32>,
}

impl Ink {
    /// The rectangle from (x0, y0) to (x1, y1), cut to the page.
    pub fn of(page: &Upright, x0: isize, y0: isize, x1: isize, y1: isize) -> Ink {
        let (page_width, page_height) = (page.bits.width() as isize, page.bits.height() as isize);
        let (x0, y0) = (x0.clamp(0, page_width), y0.clamp(0, page_height));
        let (x1, y1) = (x1.clamp(x0, page_width), y1.clamp(y0, page_height));
        let (width, height) = ((x1 - x0) as usize, (y1 - y0) as usize);
        let mut values = Vec::with_capacity(width * height);
        let same_size = |g: &&Gray| g.width() == page.bits.width() && g.height() == page.bits.height();
        match page.gray.as_ref().filter(same_size) {
            None => {
                for y in y0..y1 {
                    values.extend((x0..x1).map(|x| f32::from(page.bits.get(x as usize, y as usize))));
                }
            }
            Some(gray) => {
                let pixels: Vec<u8> = (y0 as usize..y1 as usize)
                    .flat_map(|y| gray.row(y)[x0 as usize..x1 as usize].iter().copied())
                    .collect();
                values = without_background(&pixels, width, height);
            }
        }
        Ink { x0, y0, width, height, values }
    }

    /// The bitonal ink of everything a strip of this geometry will look at.
    pub fn bitonal(bits: &Bits, geometry: Geometry) -> Ink {
        let [x0, y0, x1, y1] = geometry.bounds();
        let (page_width, page_height) = (bits.width() as isize, bits.height() as isize);
        let (x0, y0) = (x0.clamp(0, page_width), y0.clamp(0, page_height));
        let (x1, y1) = (x1.clamp(x0, page_width), y1.clamp(y0, page_height));
        let values =
            (y0..y1).flat_map(|y| (x0..x1).map(move |x| f32::from(bits.get(x as usize, y as usize)))).collect();
        Ink { x0, y0, width: (x1 - x0) as usize, height: (y1 - y0) as usize, values }
    }

    #[inline]
    fn pixel(&self, x: isize, y: isize) -> f32 {
        if x >= 0 && y >= 0 && (x as usize) < self.width && (y as usize) < self.height {
            self.values[y as usize * self.width + x as usize]
        } else {
            0.0
        }
    }

    /// Between pixel centres, in page coordinates; a pixel's centre is at + 0.5.
    #[inline]
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - self.x0 as f32 - 0.5, y - self.y0 as f32 - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let upper = self.pixel(left, top) * (1.0 - fx) + self.pixel(left + 1, top) * fx;
        let lower = self.pixel(left, top + 1) * (1.0 - fx) + self.pixel(left + 1, top + 1) * fx;
        upper * (1.0 - fy) + lower * fy
    }
}

/// Gray to ink: in blocks as wide as high, the paper is the level that most pixels are near, the ink the darkest of the whole band.
fn without_background(pixels: &[u8], width: usize, height: usize) -> Vec<f32> {
    let block = height.clamp(8, 96);
    let blocks = width.div_ceil(block).max(1);
    let mut paper = Vec::with_capacity(blocks);
    let mut all = [0u32; 256];
    for b in 0..blocks {
        let mut counts = [0u32; 256];
        for row in pixels.chunks_exact(width.max(1)) {
            row[b * block..((b + 1) * block).min(width)].iter().for_each(|&p| counts[p as usize] += 1);
        }
        counts.iter().zip(&mut all).for_each(|(c, a)| *a += c);
        paper.push(f32::from(quantile(&counts, 0.6)));
    }
    let dark = f32::from(quantile(&all, 0.02));
    let mut values = Vec::with_capacity(width * height);
    for row in pixels.chunks_exact(width.max(1)) {
        for (x, &p) in row.iter().enumerate() {
            // Between the middles of the blocks the paper level changes evenly.
            let place = (x as f32 / block as f32 - 0.5).clamp(0.0, (blocks - 1) as f32);
            let (b, share) = (place as usize, place.fract());
            let level = paper[b] * (1.0 - share) + paper[(b + 1).min(blocks - 1)] * share;
            let ink = (level - f32::from(p)) / (level - dark).max(24.0);
            // The lowest part is paper texture, the highest solid ink.
            values.push(((ink - 0.15) / 0.7).clamp(0.0, 1.0));
        }
    }
    values
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
/// `x0 + u sx - slope v sy`, `y0 + slope u sx + v sy`.
#[derive(Clone, Copy, Debug)]
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
}

impl Geometry {
    pub fn point(&self, u: f32, v: f32) -> (f32, f32) {
        let (across, down) = (u * self.sx, v * self.sy);
        (self.x0 + across - self.slope * down, self.y0 + self.slope * across + down)
    }

    /// The ink of everything a strip of this geometry will look at.
    pub fn ink(&self, page: &Upright) -> Ink {
        let [x0, y0, x1, y1] = self.bounds();
        Ink::of(page, x0, y0, x1, y1)
    }

    fn bounds(&self) -> [isize; 4] {
        let corners = [
            self.point(0.0, -2.0),
            self.point(self.length, -2.0),
            self.point(0.0, 11.0),
            self.point(self.length, 11.0),
        ];
        let least = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::INFINITY, f32::min).floor() as isize;
        let most = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::NEG_INFINITY, f32::max).ceil() as isize;
        [least(|p| p.0) - 1, least(|p| p.1) - 1, most(|p| p.0) + 2, most(|p| p.1) + 2]
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
    pub fn new(ink: &Ink, geometry: Geometry) -> Strip {
        let columns = (geometry.length.clamp(0.0, 4000.0) * COLUMNS as f32) as usize;
        let mut values = Vec::with_capacity(columns * HEIGHT);
        for column in 0..columns {
            let u = (column as f32 + 0.5) / COLUMNS as f32;
            for row in 0..HEIGHT {
                let v = (row as f32 + 0.5) / ROWS as f32 - 1.0;
                let half = 0.25 / ROWS as f32;
                let (x, y) = geometry.point(u, v - half);
                let (x2, y2) = geometry.point(u, v + half);
                values.push(0.5 * (ink.at(x, y) + ink.at(x2, y2)));
            }
        }
        Strip { geometry, columns, values }
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
