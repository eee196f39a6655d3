//! One line of print brought to a standard size: the digits' top and bottom on fixed rows, the character pitch on a fixed
//! number of columns, the slope taken out. The classifier looks at windows of this strip.

use crate::imaging::raster::span;
use crate::imaging::wide::widened;
use crate::imaging::{Bits, Gray, Upright};

/// Columns of the strip for one E-13B design unit (0.013 inch).
pub const COLUMNS: usize = 4;
/// Rows for one unit.
pub const ROWS: usize = 2;
/// Rows of the strip: one and a half units above the digits, nine of digits, as much below.
pub const HEIGHT: usize = 12 * ROWS;
/// Units of the strip above the digits.
const ABOVE: f32 = 1.5;
/// Rows of the strip above the digits, and below them.
pub const EDGE: usize = 3;
/// The classifier's window: twelve units wide, two columns of the strip averaged to one pixel.
pub const WINDOW: usize = 24;
/// Nominal character pitch (0.125 inch) in columns.
pub const PITCH: f32 = 0.125 / 0.013 * COLUMNS as f32;
/// Columns between a glyph's right edge and the window's.
const MARGIN: isize = 5 * COLUMNS as isize / 2;

/// Ink from 0 (paper) to 1 over a rectangle of a page; bitonal as it is, gray freed of its background.
#[derive(Clone)]
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
    pub fn of(page: &Upright, parts: &[Geometry]) -> Ink {
        let same_size = |g: &&Gray| g.width() == page.bits.width() && g.height() == page.bits.height();
        let Some(gray) = page.gray.as_ref().filter(same_size) else { return Ink::bitonal(&page.bits, parts) };
        let mut ink = Ink::paper(parts, gray.width(), gray.height());
        without_background(&mut ink, gray);
        ink
    }

    /// The same from the bitonal page.
    pub fn bitonal(bits: &Bits, parts: &[Geometry]) -> Ink {
        let mut ink = Ink::paper(parts, bits.width(), bits.height());
        let (left, right) = (ink.x0 as usize, ink.x0 as usize + ink.width);
        // Word by word: the columns of one stay at hand from row to row.
        for (word, seen) in span(left, right) {
            let begin = word * 64;
            for y in 0..ink.height {
                let mut rest = bits.row(ink.y0 as usize + y)[word] & seen;
                while rest != 0 {
                    let bit = rest.leading_zeros() as usize;
                    rest ^= 1 << 63 >> bit;
                    ink.values[(begin + bit - left) * ink.height + y] = 1.0;
                }
            }
        }
        ink
    }

    /// A column of the page, from the row `y0` on; `None` beyond.
    pub fn column(&self, x: isize) -> Option<&[f32]> {
        let x = usize::try_from(x - self.x0).ok().filter(|x| *x < self.width)?;
        Some(&self.values[x * self.height..(x + 1) * self.height])
    }

    fn paper(parts: &[Geometry], page_width: usize, page_height: usize) -> Ink {
        let around = |a: [isize; 4], b: [isize; 4]| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
        let [x0, y0, x1, y1] = parts.iter().map(Geometry::bounds).reduce(around).unwrap_or_default();
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

/// Where a line stands on the page: its digits' top begins at the pixel (x0, y0). Units run across by `sx` pixels and down by
/// `sy`, times what the knots say of each place.
#[derive(Clone, Debug)]
pub struct Geometry {
    pub x0: f32,
    pub y0: f32,
    /// Pixels down for one pixel right.
    pub slope: f32,
    /// Pixels a unit, across and down.
    pub sx: f32,
    pub sy: f32,
    /// Length in units of `sx`.
    pub length: f32,
    /// How the line leaves the straight and even, by page x; blended between, and as the last beyond.
    pub knots: Vec<Knot>,
}

/// Bent paper, a field printed apart from the others, a photograph's stretch.
#[derive(Clone, Copy, Debug)]
pub struct Knot {
    pub x: f32,
    /// Pixels that the middle of the digits is lower.
    pub down: f32,
    pub wider: f32,
    pub higher: f32,
}

impl Knot {
    /// Of a line that is straight and even.
    const NONE: Knot = Knot { x: 0.0, down: 0.0, wider: 1.0, higher: 1.0 };
}

/// The line at one place.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub x: f32,
    /// Of the digits' middle.
    pub y: f32,
    pub sx: f32,
    pub sy: f32,
}

impl Geometry {
    /// The line above or below the page column `x`.
    #[inline]
    pub fn at(&self, x: f32) -> Place {
        let knot = self.knot(x);
        let y = self.y0 + 4.5 * self.sy + self.slope * (x - self.x0) + knot.down;
        Place { x, y, sx: self.sx * knot.wider, sy: self.sy * knot.higher }
    }

    #[inline]
    fn knot(&self, x: f32) -> Knot {
        if self.knots.is_empty() {
            return Knot::NONE;
        }
        let after = self.knots.partition_point(|k| k.x < x);
        match (after.checked_sub(1).and_then(|i| self.knots.get(i)), self.knots.get(after)) {
            (Some(a), Some(b)) => {
                let share = (x - a.x) / (b.x - a.x).max(1.0);
                let blend = |a: f32, b: f32| a + (b - a) * share;
                Knot {
                    x,
                    down: blend(a.down, b.down),
                    wider: blend(a.wider, b.wider),
                    higher: blend(a.higher, b.higher),
                }
            }
            (Some(only), None) | (None, Some(only)) => Knot { x, ..*only },
            (None, None) => Knot::NONE,
        }
    }

    /// Left, top, right, bottom of all that the strip looks at.
    fn bounds(&self) -> [isize; 4] {
        let right = self.x0 + self.length * self.sx;
        let places = [self.x0, right].into_iter().chain(self.knots.iter().map(|k| k.x)).map(|x| self.at(x));
        let (mut top, mut bottom) = (f32::INFINITY, f32::NEG_INFINITY);
        for place in places {
            top = top.min(place.y - 7.0 * place.sy);
            bottom = bottom.max(place.y + 7.0 * place.sy);
        }
        let lean = (self.slope * 7.0 * self.sy).abs();
        [
            (self.x0 - lean).floor() as isize - 1,
            top.floor() as isize - 1,
            (right + lean).ceil() as isize + 2,
            bottom.ceil() as isize + 2,
        ]
    }
}

/// `HEIGHT` rows of `columns` ink values.
pub struct Strip {
    pub columns: usize,
    /// Where each column stands.
    places: Vec<Place>,
    /// Column by column, so that a window is one slice.
    values: Vec<f32>,
}

/// The whole number below, and what is above it. (Without a call: not every processor has an instruction for it.)
#[inline]
fn parted(v: f32) -> (isize, f32) {
    let toward_zero = v as i32;
    let low = toward_zero - i32::from(v < toward_zero as f32);
    (low as isize, v - low as f32)
}

/// The two places of a row of the strip that are averaged, in units below the digits' top.
#[inline(always)]
const fn samples_of(row: usize) -> (f32, f32) {
    let (v, half) = ((row as f32 + 0.5) / ROWS as f32 - ABOVE, 0.25 / ROWS as f32);
    (v - half, v + half)
}

/// The upper ones of all rows, then the lower ones.
const SAMPLES: [f32; 2 * HEIGHT] = {
    let (mut all, mut row) = ([0.0; 2 * HEIGHT], 0);
    while row < HEIGHT {
        (all[row], all[row + HEIGHT]) = samples_of(row);
        row += 1;
    }
    all
};

/// Longest column of a page that is sampled so: a line at 700 dots an inch.
const LONGEST: usize = 128;

/// The strip's rows of a column of the page that holds all of them: the digits' top stands at `top`, a unit is `sy` high. (Loops of
/// one kind of step each, which are laid into wide registers.)
#[inline(always)]
fn sampled(column: &[f32], top: f32, sy: f32, out: &mut [f32; HEIGHT]) {
    let mut pixels = [0.0f32; LONGEST + 1];
    pixels[..column.len()].copy_from_slice(column);
    let (mut places, mut shares) = ([0u32; 2 * HEIGHT], [0.0f32; 2 * HEIGHT]);
    for ((place, share), unit) in places.iter_mut().zip(&mut shares).zip(&SAMPLES) {
        let y = top + unit * sy;
        let low = y.floor();
        // Added to so large a number a whole one stands in the last bits.
        (*place, *share) = ((low + 8_388_608.0).to_bits(), y - low);
    }
    let mut both = [[0.0f32; 2]; 2 * HEIGHT];
    for (both, place) in both.iter_mut().zip(&places) {
        let low = *place as usize % LONGEST;
        *both = [pixels[low], pixels[low + 1]];
    }
    let mut values = [0.0f32; 2 * HEIGHT];
    for ((value, [above, below]), share) in values.iter_mut().zip(&both).zip(&shares) {
        *value = 0.5 * (above * (1.0 - share) + below * share);
    }
    let (upper, lower) = values.split_at(HEIGHT);
    let pairs = upper.as_chunks::<8>().0.iter().zip(lower.as_chunks::<8>().0);
    for (out, (upper, lower)) in out.as_chunks_mut::<8>().0.iter_mut().zip(pairs) {
        *out = std::array::from_fn(|l| upper[l] + lower[l]);
    }
}

widened!(drawn = draw(ink: &'w Ink, geometry: &'w Geometry) -> Strip);

#[inline(always)]
fn draw(ink: &Ink, g: &Geometry) -> Strip {
    let end = g.x0 + g.length.clamp(0.0, 4000.0) * g.sx;
    let mut places = Vec::with_capacity((g.length.clamp(0.0, 4000.0) * COLUMNS as f32) as usize);
    let mut x = g.x0;
    while x < end && places.len() < 16_000 {
        let step = (g.sx * g.knot(x).wider / COLUMNS as f32).max(0.05);
        places.push(g.at(x + step / 2.0));
        x += step;
    }
    let columns = places.len();
    // First down: the strip's rows for every column of the page.
    let [left, _, right, _] = g.bounds();
    let within = |x: isize| (x - ink.x0).clamp(0, ink.width as isize) as usize;
    let (left, right) = (within(left), within(right));
    let mut tall = vec![0.0f32; (right - left) * HEIGHT];
    let mut inked = vec![false; right - left];
    for x in left..right {
        let column = &ink.values[x * ink.height..(x + 1) * ink.height];
        if column.iter().fold(0, |any, v| any | v.to_bits() << 1) == 0 {
            continue;
        }
        let place = g.at((ink.x0 + x as isize) as f32 + 0.5);
        let top = place.y - 4.5 * place.sy - ink.y0 as f32 - 0.5;
        let (first, last) = (top - ABOVE * place.sy, top + ((HEIGHT / ROWS) as f32 - ABOVE) * place.sy);
        inked[x - left] = true;
        let Some(out) = tall.as_chunks_mut::<HEIGHT>().0.get_mut(x - left) else { break };
        if first >= 0.0 && last + 2.0 < column.len() as f32 && column.len() <= LONGEST {
            sampled(column, top, place.sy, out);
            continue;
        }
        let at = |y: f32| {
            let (low, share) = parted(y);
            let value = |y: isize| if y >= 0 { column.get(y as usize).copied().unwrap_or(0.0) } else { 0.0 };
            value(low) * (1.0 - share) + value(low + 1) * share
        };
        for (row, out) in out.iter_mut().enumerate() {
            let (upper, lower) = samples_of(row);
            *out = 0.5 * (at(top + upper * place.sy) + at(top + lower * place.sy));
        }
    }
    // Then across; lower rows stand a little to the left where the line slopes down.
    let mut values = vec![0.0f32; columns * HEIGHT];
    let lean: [f32; HEIGHT] = std::array::from_fn(|row| g.slope * ((row as f32 + 0.5) / ROWS as f32 - 6.0) * g.sy);
    let most = lean.iter().fold(0.0f32, |m, l| m.max(l.abs()));
    for (place, out) in places.iter().zip(values.chunks_exact_mut(HEIGHT)) {
        let x = place.x - ink.x0 as f32 - 0.5 - left as f32;
        let seen = (x - most).max(0.0) as usize..((x + most).max(0.0) as usize + 2).min(inked.len());
        if !inked.get(seen).is_some_and(|s| s.contains(&true)) {
            continue;
        }
        // Mostly all rows lie between the same two columns.
        let ((before, _), (other, _)) = (parted(x - lean[0]), parted(x - lean[HEIGHT - 1]));
        let both = usize::try_from(before).ok().and_then(|b| tall.get(b * HEIGHT..(b + 2) * HEIGHT));
        if let Some(both) = both.filter(|_| before == other) {
            let (one, next) = both.split_at(HEIGHT);
            let rows = out.as_chunks_mut::<8>().0.iter_mut().zip(lean.as_chunks::<8>().0);
            for ((out, lean), (one, next)) in rows.zip(one.as_chunks::<8>().0.iter().zip(next.as_chunks::<8>().0)) {
                *out = std::array::from_fn(|l| {
                    let share = (x - lean[l]) - before as f32;
                    one[l] * (1.0 - share) + next[l] * share
                });
            }
            continue;
        }
        for ((row, out), lean) in out.iter_mut().enumerate().zip(&lean) {
            let (before, share) = parted(x - lean);
            let value = |x: isize| {
                if x >= 0 { tall.get(x as usize * HEIGHT + row).copied().unwrap_or(0.0) } else { 0.0 }
            };
            *out = value(before) * (1.0 - share) + value(before + 1) * share;
        }
    }
    Strip { columns, places, values }
}

impl Strip {
    pub fn new(ink: &Ink, geometry: &Geometry) -> Strip {
        drawn(ink, geometry)
    }

    /// The column that stands at a column of the page, from 0 to `columns`.
    pub fn column_at(&self, x: f32) -> usize {
        self.places.partition_point(|p| p.x < x)
    }

    /// Where each column stands on the page.
    pub fn columns_of_page(&self) -> Vec<f32> {
        self.places.iter().map(|p| p.x).collect()
    }

    /// Puts the strip of the next part of the line behind this one.
    pub fn append(&mut self, next: Strip) {
        self.columns += next.columns;
        self.places.extend(next.places);
        self.values.extend(next.values);
    }

    /// The line at the left side of a column; beyond the ends as at the end.
    pub fn place(&self, column: f32) -> Option<Place> {
        let near = (column.max(0.0) as usize).min(self.columns.checked_sub(1)?);
        let place = self.places[near];
        let x = place.x + (column - near as f32 - 0.5) * place.sx / COLUMNS as f32;
        Some(Place { x, ..place })
    }

    #[inline]
    pub fn column(&self, column: usize) -> &[f32] {
        &self.values[column * HEIGHT..(column + 1) * HEIGHT]
    }

    /// What the classifier sees of a glyph whose right edge is the left side of column `right`, moved `down` rows;
    /// row by row, `WINDOW` by `HEIGHT`, put behind `windows`.
    pub fn window(&self, right: isize, down: isize, windows: &mut Vec<f32>) {
        let left = right + MARGIN - 2 * WINDOW as isize;
        let columns = self.values.as_chunks::<HEIGHT>().0;
        let column = |x: isize| usize::try_from(x).ok().and_then(|x| columns.get(x)).unwrap_or(&[0.0; HEIGHT]);
        // Column by column, as the strip lies.
        let mut tall = [[0.0f32; HEIGHT]; WINDOW];
        for (x, out) in (left..).step_by(2).zip(&mut tall) {
            let both = column(x).as_chunks::<8>().0.iter().zip(column(x + 1).as_chunks::<8>().0);
            for (out, (a, b)) in out.as_chunks_mut::<8>().0.iter_mut().zip(both) {
                *out = std::array::from_fn(|l| 0.5 * a[l] + 0.5 * b[l]);
            }
        }
        for y in down..HEIGHT as isize + down {
            match usize::try_from(y) {
                Ok(y @ ..HEIGHT) => windows.extend_from_slice(&std::array::from_fn::<f32, WINDOW, _>(|x| tall[x][y])),
                _ => windows.extend_from_slice(&[0.0; WINDOW]),
            }
        }
    }
}
