//! A page made upright: the scanner's bed is taken away, the document cut out, its slant measured and taken back. Slants to
//! 10 degrees; below 0.15 degrees the pixels are left as they are. Quarter turns are for whoever reads: only reading can
//! tell which way is up.

use std::ops::Range;

use super::convert::binarize;
use super::load::{Page, Raster};
use super::raster::{Bits, Gray};
use super::shear::{fixed, sheared};
use super::upright::{Transform, Upright};
use super::wide::widened;

/// Slants below this are left (degrees).
const LEAST_SLANT: f32 = 0.15;
/// Slants above this are not looked for (degrees).
const MOST_SLANT: f32 = 10.0;

/// What cleaning found, beside the page itself.
#[derive(Clone, Debug)]
pub struct Cleaned {
    pub upright: Upright,
    /// The document's slant in the source image, counter-clockwise positive (degrees).
    pub skew_deg: f32,
    /// Which sides of the document were seen against the scanner's bed: left, top, right, bottom.
    pub sides: [Option<Side>; 4],
}

/// One side of the document in the source image: `depth` pixels from the image's own side, as a line along that side.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Side {
    pub slope: f32,
    pub at_zero: f32,
    /// Share of the side along which the bed was seen.
    pub seen: f32,
}

impl Side {
    fn depth(&self, along: f32) -> f32 {
        self.slope * along + self.at_zero
    }
}

pub const LEFT: usize = 0;
pub const TOP: usize = 1;
pub const RIGHT: usize = 2;
pub const BOTTOM: usize = 3;

/// `dpi_hint` is what the index or the caller says; it beats the file's tag, and both are dropped when the page would not
/// be of a believable size.
pub fn upright(page: &Page, dpi_hint: Option<u32>) -> Upright {
    clean(page, dpi_hint).upright
}

/// The same, with what was found on the way.
pub fn clean(page: &Page, dpi_hint: Option<u32>) -> Cleaned {
    let (width, height) = (page.raster.width(), page.raster.height());
    let dpi = resolution(page, dpi_hint);
    let made;
    let bits = match &page.raster {
        Raster::Bits(bits) => bits,
        Raster::Gray(gray) => {
            made = binarize(gray);
            &made
        }
    };
    let sides = find_sides(bits, dpi);
    let bed = sides.iter().any(Option::is_some);
    let without_bed = bed.then(|| {
        let mut freed = bits.clone();
        clear_outside(&mut freed, &sides);
        freed
    });
    let freed = without_bed.as_ref().unwrap_or(bits);
    let skew = slant(freed, &sides);
    let turn = if skew.abs() >= LEAST_SLANT { skew } else { 0.0 };
    let (transform, out_width, out_height) = frame(width, height, turn, &sides);
    let (bits, gray) = match &page.raster {
        Raster::Bits(_) => (straight_bits(freed, &transform, turn == 0.0, out_width, out_height), None),
        Raster::Gray(gray) => {
            let cleared;
            let source = if bed {
                cleared = whitened(gray, &sides);
                &cleared
            } else {
                gray
            };
            let gray = straight_gray(source, &transform, turn == 0.0, out_width, out_height);
            let bits = match turn == 0.0 && !bed {
                true => straight_bits(freed, &transform, true, out_width, out_height),
                false => binarize(&gray),
            };
            (bits, Some(gray))
        }
    };
    Cleaned { upright: Upright { bits, gray, dpi, transform }, skew_deg: skew, sides }
}

/// Dots an inch: the hint, the file, or a guess by the width of the commonest documents; 200 when nothing tells.
fn resolution(page: &Page, hint: Option<u32>) -> u32 {
    let longer = page.raster.width().max(page.raster.height()) as f32;
    let believable = |dpi: u32| (72..=1200).contains(&dpi) && (2.5..=24.0).contains(&(longer / dpi as f32));
    if let Some(dpi) = [hint, page.dpi].into_iter().flatten().find(|&dpi| believable(dpi)) {
        return dpi;
    }
    likely_resolutions(page)
        .next()
        .or_else(|| [200, 300, 100, 600].into_iter().find(|&dpi| (3.5..=14.5).contains(&(longer / dpi as f32))))
        .unwrap_or(200)
}

/// At which resolutions the page would be as wide as checks and stubs are, the commonest first.
pub fn likely_resolutions(page: &Page) -> impl Iterator<Item = u32> {
    let longer = page.raster.width().max(page.raster.height()) as f32;
    [200, 300, 240, 100, 150, 400, 600].into_iter().filter(move |&dpi| (5.4..=9.6).contains(&(longer / dpi as f32)))
}

// ---- the bed ------------------------------------------------------------------------------------------------------

/// Rays from each side of the image inwards: where a thick dark run ends, the document may begin.
fn find_sides(bits: &Bits, dpi: u32) -> [Option<Side>; 4] {
    let (width, height) = (bits.width(), bits.height());
    if width < 200 || height < 100 {
        return [None; 4];
    }
    let thick = (dpi as usize * 3 / 100).max(5);
    std::array::from_fn(|side| {
        let (along, across) = if side == LEFT || side == RIGHT { (height, width) } else { (width, height) };
        let limit = across * 22 / 100;
        let step = (along / 200).max(1);
        // What lies down the page is laid across, so that it too is read a word at a time.
        let laid;
        let lying = match side {
            LEFT | RIGHT => bits,
            _ => {
                let from = if side == TOP { 0 } else { height - 1 - limit };
                if !may_show_bed(bits, from..from + limit + 1, side == TOP, step, thick) {
                    return None;
                }
                laid = bits.rows_transposed(from..from + limit + 1);
                &laid
            }
        };
        let mut turned = vec![0; limit / 64 + 1];
        let mut rays: Vec<Ray> = Vec::with_capacity(along / step + 1);
        for a in (step / 2..along).step_by(step) {
            let pixels = if side == LEFT || side == TOP {
                lying.row(a)
            } else {
                for (n, word) in turned.iter_mut().enumerate() {
                    *word = lying.word_at(lying.width() as isize - 64 * (n as isize + 1), a).reverse_bits();
                }
                &turned
            };
            if let Some(ray) = cast(pixels, limit, thick) {
                rays.push(Ray { along: a as f32, ..ray });
            }
        }
        let count = along / step;
        let (touches_of_bed, rays_of_bed) = fewest(count);
        let touching: Vec<Ray> = rays.iter().copied().filter(|r| r.begin <= 2).collect();
        // A bed that reaches the image's side, perhaps only as a wedge.
        if touching.len() >= touches_of_bed {
            let found = fit(&touching, count).filter(|s| s.seen >= 0.06 && outside_is_bed(&rays, s, true));
            if found.is_some() {
                return found;
            }
        }
        // A bed of which a local threshold left only the rim.
        if rays.len() >= rays_of_bed {
            return fit(&rays, count).filter(|s| s.seen >= 0.5 && outside_is_bed(&rays, s, false));
        }
        None
    })
}

/// The fewest rays, of so many, that show a bed where they touch the image's side, and where they do not.
fn fewest(count: usize) -> (usize, usize) {
    (10.max(count * 6 / 100), count * 55 / 100)
}

widened!(may_show_bed = has_dark(bits: &'w Bits, rows: Range<usize>, top: bool, step: usize, thick: usize) -> bool);

/// Could as many rays down these rows (or up) as show a bed end behind dark runs? They are looked at all at once; what is said
/// to be dark is never less than a ray would find.
#[inline(always)]
fn has_dark(bits: &Bits, rows: Range<usize>, top: bool, step: usize, thick: usize) -> bool {
    let stride = bits.width().div_ceil(64);
    let words = &bits.words()[rows.start * stride..rows.end * stride];
    let any = |rows: &[u64]| {
        let mut any = vec![0; stride];
        rows.chunks_exact(stride).for_each(|row| any.iter_mut().zip(row).for_each(|(any, word)| *any |= word));
        any
    };
    let touching = any(if top { &words[..3 * stride] } else { &words[words.len() - 3 * stride..] });
    let (touches, rays) = fewest(bits.width() / step);
    let is_ink = |words: &[u64], x: usize| words[x / 64] >> (63 - x % 64) & 1 == 1;
    let looks = (step / 2..bits.width()).step_by(step);
    if looks.clone().filter(|x| is_ink(&touching, *x)).count() >= touches {
        return true;
    }
    // Gaps of two are bridged.
    let two = words[stride..].iter().zip(&words[2 * stride..]);
    let mut dark: Vec<u64> = words.iter().zip(two).map(|(a, (b, c))| a | b | c).collect();
    let mut run = 1;
    while 2 * run <= thick + 2 {
        dark = dark.iter().zip(dark.get(run * stride..).unwrap_or(&[])).map(|(a, b)| a & b).collect();
        run *= 2;
    }
    let dark = any(&dark);
    looks.filter(|x| is_ink(&touching, *x) || is_ink(&dark, *x)).count() >= rays
}

#[derive(Clone, Copy)]
struct Ray {
    along: f32,
    begin: usize,
    end: usize,
}

/// The next pixel of ink (or of paper) of a row at or after a place, up to the limit.
#[inline]
fn next(pixels: &[u64], from: usize, limit: usize, paper: bool) -> Option<usize> {
    let flip = if paper { u64::MAX } else { 0 };
    let (mut n, mut seen) = (from / 64, u64::MAX >> (from % 64));
    loop {
        let word = (pixels.get(n)? ^ flip) & seen;
        if word != 0 {
            return Some(n * 64 + word.leading_zeros() as usize).filter(|d| *d <= limit);
        }
        (n, seen) = (n + 1, u64::MAX);
    }
}

/// The first dark run of at least `thick` pixels (gaps of two are bridged); none when it does not end within the limit.
fn cast(pixels: &[u64], limit: usize, thick: usize) -> Option<Ray> {
    let pixels = pixels.get(..=limit / 64)?;
    let mut begin = next(pixels, 0, limit, false)?;
    loop {
        // The end of the run, gaps bridged.
        let mut end = next(pixels, begin, limit, true)?;
        let after = loop {
            match next(pixels, end, limit, false) {
                Some(ink) if ink - end <= 2 => end = next(pixels, ink, limit, true)?,
                other => break other,
            }
        };
        if end + 2 > limit {
            return None;
        }
        if end - begin >= thick || begin <= 1 {
            return Some(Ray { along: 0.0, begin, end });
        }
        begin = after?;
    }
}

/// The line that most of the ends lie on.
fn fit(rays: &[Ray], count: usize) -> Option<Side> {
    let n = rays.len();
    let steepest = MOST_SLANT.to_radians().tan() * 1.05;
    let near = |r: &Ray, slope: f32, at_zero: f32| (r.end as f32 - slope * r.along - at_zero).abs() <= 2.0;
    let points: Vec<(f32, f32)> = rays.iter().map(|r| (r.along, r.end as f32)).collect();
    let mut best: Option<(usize, f32, f32)> = None;
    let tries = 24.min(n);
    for i in 0..tries {
        let a = rays[i * n / tries];
        for j in 0..tries {
            let b = rays[(j * n / tries + n / (2 * tries)) % n];
            if (b.along - a.along).abs() < 24.0 {
                continue;
            }
            let slope = (b.end as f32 - a.end as f32) / (b.along - a.along);
            if slope.abs() > steepest {
                continue;
            }
            let at_zero = a.end as f32 - slope * a.along;
            let on = |p: &(f32, f32)| u32::from((p.1 - slope * p.0 - at_zero).abs() <= 2.0);
            let hits = points.iter().map(on).sum::<u32>() as usize;
            if best.is_none_or(|(most, ..)| hits > most) {
                best = Some((hits, slope, at_zero));
            }
        }
        // Nearly all of them: no other line has more.
        if best.is_some_and(|(most, ..)| most * 20 > n * 19) {
            break;
        }
    }
    let (hits, slope, at_zero) = best?;
    if hits < 10 {
        return None;
    }
    // Least squares over those on the line.
    let on: Vec<&Ray> = rays.iter().filter(|r| near(r, slope, at_zero)).collect();
    let m = on.len() as f32;
    let (sx, sy) = on.iter().fold((0.0, 0.0), |(x, y), r| (x + r.along, y + r.end as f32));
    let (mx, my) = (sx / m, sy / m);
    let (mut xx, mut xy) = (0.0f32, 0.0f32);
    for r in &on {
        xx += (r.along - mx) * (r.along - mx);
        xy += (r.along - mx) * (r.end as f32 - my);
    }
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    Some(Side { slope, at_zero: my - slope * mx, seen: m / count.max(1) as f32 })
}

/// Nothing but bed may lie outside the line: of the rays that end before it, few.
fn outside_is_bed(rays: &[Ray], side: &Side, touching: bool) -> bool {
    let within = rays.iter().filter(|r| (r.end as f32) < side.depth(r.along) - 4.0).count();
    let on = (rays.len() - within).max(1);
    within * if touching { 6 } else { 10 } <= on
}

/// How far past the found line is cleared: the rim of a bed is ragged.
const RIM: f32 = 2.0;

/// For each row, the pixels inside the four lines.
fn inside(width: usize, height: usize, sides: &[Option<Side>; 4], y: usize) -> (usize, usize) {
    let (w, h, yf) = (width as f32, height as f32, y as f32 + 0.5);
    let (mut from, mut to) = (0.0f32, w);
    if let Some(s) = &sides[LEFT] {
        from = from.max(s.depth(yf) + RIM);
    }
    if let Some(s) = &sides[RIGHT] {
        to = to.min(w - s.depth(yf) - RIM);
    }
    // Inside top: yf >= slope x + at_zero. Inside bottom: h - yf >= slope x + at_zero.
    for (s, room) in [(&sides[TOP], yf), (&sides[BOTTOM], h - yf)] {
        let Some(s) = s else { continue };
        let room = room - RIM - s.at_zero;
        if s.slope.abs() < 1e-6 {
            if room < 0.0 {
                return (0, 0);
            }
        } else if s.slope > 0.0 {
            to = to.min(room / s.slope);
        } else {
            from = from.max(room / s.slope);
        }
    }
    let (from, to) = (from.clamp(0.0, w), to.clamp(0.0, w) as usize);
    // The next whole number: `ceil` is a call where the processor is not known.
    let below = from as usize;
    let from = below + usize::from((below as f32) < from);
    if from < to { (from, to) } else { (0, 0) }
}

fn clear_outside(bits: &mut Bits, sides: &[Option<Side>; 4]) {
    let (width, height) = (bits.width(), bits.height());
    for y in 0..height {
        let (from, to) = inside(width, height, sides, y);
        let row = bits.row_mut(y);
        if from == to {
            row.fill(0);
            continue;
        }
        row[..from / 64].fill(0);
        row[from / 64] &= u64::MAX >> (from % 64);
        let last = (to - 1) / 64;
        row[last] &= u64::MAX << (63 - (to - 1) % 64);
        row[last + 1..].fill(0);
    }
}

fn whitened(gray: &Gray, sides: &[Option<Side>; 4]) -> Gray {
    let (width, height) = (gray.width(), gray.height());
    let paper = paper_level(gray);
    let mut out = gray.clone();
    for (y, row) in out.pixels_mut().chunks_mut(width.max(1)).enumerate() {
        let (from, to) = inside(width, height, sides, y);
        row[..from].fill(paper);
        row[to..].fill(paper);
    }
    out
}

/// The commonest bright level.
pub(super) fn paper_level(gray: &Gray) -> u8 {
    let mut counts = [0u32; 256];
    gray.pixels().iter().step_by(37).for_each(|&v| counts[usize::from(v)] += 1);
    let of = |level: usize| counts[level.saturating_sub(2)..=(level + 2).min(255)].iter().sum::<u32>();
    (110..=255).max_by_key(|&level| of(level)).unwrap_or(255) as u8
}

// ---- the slant ----------------------------------------------------------------------------------------------------

/// Degrees, counter-clockwise positive: by the lines of print, else by the document's sides, else 0.
fn slant(bits: &Bits, sides: &[Option<Side>; 4]) -> f32 {
    let by_sides = sides_slant(sides);
    let by_print = print_slant(bits, by_sides);
    let by_print = if bits.height() * 10 > bits.width() * 11 {
        let turned = print_slant(&bits.turned(90), by_sides);
        if turned.1 > by_print.1 { turned } else { by_print }
    } else {
        by_print
    };
    match (by_print, by_sides) {
        ((angle, sharp), _) if sharp >= 1.25 => angle,
        (_, Some(angle)) => angle,
        ((angle, sharp), None) if sharp >= 1.1 && angle.abs() < 3.0 => angle,
        _ => 0.0,
    }
}

fn sides_slant(sides: &[Option<Side>; 4]) -> Option<f32> {
    let signs = [1.0, -1.0, -1.0, 1.0];
    let (mut sum, mut weight) = (0.0, 0.0);
    for (side, sign) in sides.iter().zip(signs) {
        if let Some(s) = side.filter(|s| s.seen > 0.3) {
            sum += sign * s.slope.atan().to_degrees() * s.seen;
            weight += s.seen;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Rows that are summed side by side.
const LANES: usize = 64;
/// A strip's row of more ink than this, of 64 pixels, is no print.
const MOST_INK: u8 = 57;
/// Strips whose rows a byte holds the sum of.
const TOGETHER: usize = (u8::MAX / MOST_INK) as usize;

/// Ink of each row within each strip of 64 columns, and from it, for any slant, how sharply the rows of print stand apart.
struct Strips {
    count: usize,
    height: usize,
    /// Paper above and below each strip, as far as the steepest slant shifts it.
    margin: usize,
    stride: usize,
    ink: Vec<u8>,
}

impl Strips {
    #[inline(always)]
    fn paper(count: usize, height: usize, rows_each: usize) -> Strips {
        let steepest = (MOST_SLANT + 1.0).to_radians().tan() / rows_each as f32;
        let margin = (steepest * count as f32 * 32.0) as usize + 2;
        let stride = height.next_multiple_of(LANES) + 2 * margin;
        Strips { count, height, margin, stride, ink: vec![0; count * stride] }
    }

    #[inline(always)]
    fn of(bits: &Bits) -> Strips {
        let mut strips = Strips::paper(bits.width() / 64, bits.height(), 1);
        for y in 0..strips.height {
            let mut at = strips.margin + y;
            for words in bits.row(y)[..strips.count].chunks(4) {
                // Most of a page is paper.
                if words != &[0; 4][..] {
                    for (word, n) in words.iter().zip(0..) {
                        let ones = word.count_ones() as u8;
                        // What is all ink is no print.
                        strips.ink[at + n * strips.stride] = if ones <= MOST_INK { ones } else { 0 };
                    }
                }
                at += 4 * strips.stride;
            }
        }
        strips
    }

    /// Four rows as one.
    #[inline(always)]
    fn rough(&self) -> Strips {
        let mut strips = Strips::paper(self.count, self.height / 4, 4);
        let from = self.ink.chunks_exact(self.stride);
        for (to, from) in strips.ink.chunks_exact_mut(strips.stride).zip(from) {
            let places = to[strips.margin..][..strips.height].iter_mut();
            for (place, rows) in places.zip(from[self.margin..].chunks_exact(4)) {
                *place = rows[0] / 4 + rows[1] / 4 + rows[2] / 4 + rows[3] / 4;
            }
        }
        strips
    }

    /// Ink of each row aslant; `tangent` of the slant in this raster's own rows for one column.
    #[inline(always)]
    fn sums(&self, tangent: f32, starts: &mut Vec<usize>, sums: &mut Vec<u16>) {
        let middle = self.count as f32 * 32.0;
        let rows = self.height.next_multiple_of(LANES);
        starts.clear();
        for n in 0..self.count {
            let shift = (-tangent * (n as f32 * 64.0 + 32.0 - middle)).round() as isize;
            // Row y of the upright page is row y + shift of the strip.
            let from = (self.margin as isize + shift).max(0) as usize;
            if from + rows <= self.stride {
                starts.push(n * self.stride + from);
            }
        }
        sums.clear();
        for first in (0..rows).step_by(LANES) {
            let mut all = [0u16; LANES];
            for strips in starts.chunks(TOGETHER) {
                let mut some = [0u8; LANES];
                for start in strips {
                    let Some(rows) = self.ink.get(start + first..start + first + LANES) else { continue };
                    some.iter_mut().zip(rows).for_each(|(sum, ink)| *sum += ink);
                }
                all.iter_mut().zip(some).for_each(|(sum, ink)| *sum += u16::from(ink));
            }
            sums.extend_from_slice(&all);
        }
    }

    #[inline(always)]
    fn sharpness(&self, tangent: f32, starts: &mut Vec<usize>, sums: &mut Vec<u16>) -> u64 {
        self.sums(tangent, starts, sums);
        let sums = &sums[..self.height];
        sums.iter().zip(&sums[1..]).map(|(a, b)| u64::from(u32::from(a.abs_diff(*b)).pow(2))).sum()
    }
}

widened!(print_slant = sharpest(bits: &'w Bits, near: Option<f32>) -> (f32, f32));

/// The angle at which the rows of print are sharpest, and how much sharper than at a middling angle (1 is not at all).
#[inline(always)]
fn sharpest(bits: &Bits, near: Option<f32>) -> (f32, f32) {
    if bits.width() < 192 || bits.height() < 64 {
        return (0.0, 0.0);
    }
    let (mut starts, mut sums) = (Vec::new(), Vec::new());
    let fine = Strips::of(bits);
    let rough = fine.rough();
    let tangent = |degrees: f32| degrees.to_radians().tan();
    let mut tried: Vec<(f32, u64)> = Vec::new();
    let most = if near.is_some() { 4.0 } else { MOST_SLANT };
    let mut angle = -most;
    while angle <= most {
        let about = (near.unwrap_or(0.0) + angle).clamp(-MOST_SLANT, MOST_SLANT);
        tried.push((about, rough.sharpness(tangent(about) / 4.0, &mut starts, &mut sums)));
        angle += 0.4;
    }
    let Some(&(coarse, peak)) = tried.iter().max_by_key(|t| t.1) else { return (0.0, 0.0) };
    let mut all: Vec<u64> = tried.iter().map(|t| t.1).collect();
    all.sort_unstable();
    let sharp = peak as f32 / (all[all.len() / 2] as f32).max(1.0);
    let mut best = (coarse, 0u64);
    for (step, reach) in [(0.1f32, 4i32), (0.025, 3)] {
        let center = best.0;
        for n in -reach..=reach {
            let about = center + n as f32 * step;
            let score = fine.sharpness(tangent(about), &mut starts, &mut sums);
            if score > best.1 {
                best = (about, score);
            }
        }
    }
    (best.0, sharp)
}

// ---- straightening ------------------------------------------------------------------------------------------------

/// The way from the upright page to the source, and the size of the upright page.
fn frame(width: usize, height: usize, slant: f32, sides: &[Option<Side>; 4]) -> (Transform, usize, usize) {
    let (w, h) = (width as f32, height as f32);
    let none = Side { slope: 0.0, at_zero: 0.0, seen: 0.0 };
    let side = |n: usize| sides[n].unwrap_or(none);
    // Corners of the document: the crossings of its sides. x = l(y) or w - r(y); y = t(x) or h - b(x).
    let cross = |vertical: usize, horizontal: usize| {
        let (v, z) = (side(vertical), side(horizontal));
        let (mut x, mut y) = (if vertical == LEFT { 0.0 } else { w }, if horizontal == TOP { 0.0 } else { h });
        for _ in 0..3 {
            x = if vertical == LEFT { v.depth(y) } else { w - v.depth(y) };
            y = if horizontal == TOP { z.depth(x) } else { h - z.depth(x) };
        }
        (x.clamp(0.0, w), y.clamp(0.0, h))
    };
    let corners = [cross(LEFT, TOP), cross(RIGHT, TOP), cross(LEFT, BOTTOM), cross(RIGHT, BOTTOM)];
    let (sin, cos) = slant.to_radians().sin_cos();
    // Source = center + R (page - origin); the page's x runs along (cos, -sin).
    let back = |(x, y): (f32, f32)| {
        let (x, y) = (x - w / 2.0, y - h / 2.0);
        (cos * x - sin * y, sin * x + cos * y)
    };
    let turned = corners.map(back);
    let least = |f: fn(&(f32, f32)) -> f32| turned.iter().map(f).fold(f32::INFINITY, f32::min).floor();
    let most = |f: fn(&(f32, f32)) -> f32| turned.iter().map(f).fold(f32::NEG_INFINITY, f32::max).ceil();
    let (x0, y0, x1, y1) = if slant == 0.0 {
        // Whole pixels, so that nothing is sampled anew.
        let whole = |v: f32, half: f32| (v + half).round() - half;
        let (x0, y0) = (whole(least(|p| p.0), w / 2.0), whole(least(|p| p.1), h / 2.0));
        (x0, y0, whole(most(|p| p.0), w / 2.0), whole(most(|p| p.1), h / 2.0))
    } else {
        (least(|p| p.0), least(|p| p.1), most(|p| p.0), most(|p| p.1))
    };
    let (out_width, out_height) = ((x1 - x0).max(1.0) as usize, (y1 - y0).max(1.0) as usize);
    let c = w / 2.0 + cos * x0 + sin * y0;
    let f = h / 2.0 - sin * x0 + cos * y0;
    (Transform([cos, sin, c, -sin, cos, f]), out_width, out_height)
}

/// A place that moves on by even steps, in fixed point.
struct Walk {
    at: i64,
    step: i64,
    /// Steps until it leaves its whole pixel.
    left: usize,
    /// Whole steps in a pixel.
    most: i64,
}

impl Walk {
    #[inline(always)]
    fn of(at: i64, step: i64, most: i64) -> Walk {
        let inside = at & 0xffff;
        let left = match step {
            0 => usize::MAX,
            s if s > 0 => ((0x1_0000 - inside + s - 1) / s) as usize,
            s => (inside / -s + 1) as usize,
        };
        Walk { at, step, left, most }
    }

    #[inline(always)]
    fn pixel(&self) -> isize {
        (self.at >> 16) as isize
    }

    /// `n` steps on, at most those that are left. (A pixel just entered takes its whole steps, or one more: no division.)
    #[inline(always)]
    fn on(&mut self, n: usize) {
        self.at += self.step * n as i64;
        self.left -= n;
        if self.left == 0 {
            let then = (self.at & 0xffff) + self.most * self.step;
            let more = if self.step > 0 { then < 0x1_0000 } else { then >= 0 };
            self.left = (self.most + i64::from(more)) as usize;
        }
    }
}

/// Whole steps in a pixel.
fn most_steps(step: i64) -> i64 {
    0x1_0000 / step.abs().max(1)
}

fn straight_bits(bits: &Bits, transform: &Transform, whole: bool, width: usize, height: usize) -> Bits {
    if !whole {
        return sheared(bits, transform, width, height);
    }
    let [_, _, x, _, _, y] = transform.0;
    let (x, y) = (x.round() as isize, y.round() as isize);
    if (x, y, width, height) == (0, 0, bits.width(), bits.height()) {
        return bits.clone();
    }
    bits.cropped(x, y, width, height)
}

fn straight_gray(gray: &Gray, transform: &Transform, whole: bool, width: usize, height: usize) -> Gray {
    let [a, b, c, d, e, f] = transform.0;
    if whole {
        let (x, y) = (c.round() as isize, f.round() as isize);
        if (x, y, width, height) == (0, 0, gray.width(), gray.height()) {
            return gray.clone();
        }
        return gray.cropped(x, y, width, height);
    }
    let paper = paper_level(gray);
    let mut out = Gray::new(width, height);
    let (step_x, step_y) = (fixed(a) - 65536, fixed(d));
    let (most_x, most_y) = (most_steps(step_x), most_steps(step_y));
    let (from_width, from_height) = (gray.width() as isize, gray.height() as isize);
    for (y, row) in out.pixels_mut().chunks_mut(width.max(1)).enumerate() {
        let middle = y as f32 + 0.5;
        let mut offset = Walk::of(fixed(0.5 * a + b * middle + c - 0.5), step_x, most_x);
        let mut line = Walk::of(fixed(0.5 * d + e * middle + f - 0.5), step_y, most_y);
        let mut x = 0;
        while x < width {
            let n = line.left.min(offset.left).min(width - x);
            let (from_y, from_x) = (line.pixel(), x as isize + offset.pixel());
            // Columns of this span whose two neighbours both lie in the source.
            let skip = (-from_x).clamp(0, n as isize) as usize;
            let good = (from_width - 1 - from_x).clamp(0, n as isize) as usize;
            let span = &mut row[x..x + n];
            if from_y < 0 || from_y + 1 >= from_height || skip >= good {
                span.fill(paper);
            } else {
                span[..skip].fill(paper);
                span[good..].fill(paper);
                let first = (from_x + skip as isize) as usize;
                let count = good - skip;
                let upper = &gray.row(from_y as usize)[first..first + count + 1];
                let lower = &gray.row(from_y as usize + 1)[first..first + count + 1];
                let right = ((offset.at >> 8) & 0xff) as u32;
                let (mut down, step) = ((line.at & 0xffff) as i32 + step_y as i32 * skip as i32, step_y as i32);
                for i in 0..count {
                    let share = (down.clamp(0, 0xffff) >> 8) as u32;
                    let top = u32::from(upper[i]) * (256 - right) + u32::from(upper[i + 1]) * right;
                    let bottom = u32::from(lower[i]) * (256 - right) + u32::from(lower[i + 1]) * right;
                    span[skip + i] = ((top * (256 - share) + bottom * share + 0x8000) >> 16) as u8;
                    down += step;
                }
            }
            x += n;
            offset.on(n);
            line.on(n);
        }
    }
    out
}

// ---- turns --------------------------------------------------------------------------------------------------------

impl Upright {
    /// Turned clockwise by 90, 180 or 270 degrees; any other angle is no turn.
    pub fn turned(&self, degrees: u16) -> Upright {
        let (w, h) = (self.bits.width() as f32, self.bits.height() as f32);
        let [a, b, c, d, e, f] = self.transform.0;
        let transform = match degrees {
            180 => Transform([-a, -b, a * w + b * h + c, -d, -e, d * w + e * h + f]),
            90 => Transform([-b, a, b * h + c, -e, d, e * h + f]),
            270 => Transform([b, -a, a * w + c, e, -d, d * w + f]),
            _ => self.transform,
        };
        let gray = self.gray.as_ref().map(|g| g.turned(degrees));
        Upright { bits: self.bits.turned(degrees), gray, dpi: self.dpi, transform }
    }

    /// Left and right exchanged.
    pub fn mirrored(&self) -> Upright {
        let w = self.bits.width() as f32;
        let [a, b, c, d, e, f] = self.transform.0;
        let transform = Transform([-a, b, a * w + c, -d, e, d * w + f]);
        let gray = self.gray.as_ref().map(Gray::mirrored);
        Upright { bits: self.bits.mirrored(), gray, dpi: self.dpi, transform }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PixelBox;

    /// Lines of "print" on a page of this size, drawn at a slant, in a black bed of this many pixels.
    fn scanned(width: usize, height: usize, slant: f32, bed: usize, gray: bool) -> Page {
        let mut page = Gray::new(width, height);
        let (sin, cos) = slant.to_radians().sin_cos();
        let (w, h) = (width as f32, height as f32);
        for y in 0..height {
            for x in 0..width {
                let (dx, dy) = (x as f32 + 0.5 - w / 2.0, y as f32 + 0.5 - h / 2.0);
                let (px, py) = (cos * dx - sin * dy + w / 2.0, sin * dx + cos * dy + h / 2.0);
                let b = bed as f32;
                let outside = px < b || py < b || px >= w - b || py >= h - b;
                let line = (py as usize / 20).is_multiple_of(3) && py as usize % 20 < 14;
                let letter = (px as usize / 7 + py as usize / 60).is_multiple_of(2) && px as usize % 90 < 70;
                let print = line && letter && px > b + 60.0 && px < w - b - 60.0 && py > b + 40.0 && py < h - b - 40.0;
                page.set(
                    x,
                    y,
                    if outside && bed > 0 {
                        8
                    } else if print {
                        30
                    } else {
                        225
                    },
                );
            }
        }
        let raster = if gray { Raster::Gray(page) } else { Raster::Bits(super::super::convert::threshold(&page, 128)) };
        Page { raster, dpi: Some(200), pages: 1, was_inverted: false }
    }

    #[test]
    fn slants_are_found_and_taken_back() {
        for (slant, bed, gray) in [
            (0.0, 0, false),
            (0.1, 30, false),
            (1.3, 0, false),
            (-2.2, 40, false),
            (6.0, 0, false),
            (-9.5, 80, false),
            (0.0, 40, true),
            (1.7, 30, true),
            (-3.0, 0, true),
        ] {
            let name = format!("slant {slant}, bed {bed}, gray {gray}");
            let cleaned = clean(&scanned(1240, 560, slant, bed, gray), None);
            assert!((cleaned.skew_deg - slant).abs() < 0.12, "{name}: {}", cleaned.skew_deg);
            let page = &cleaned.upright;
            let again = clean(
                &Page { raster: Raster::Bits(page.bits.clone()), dpi: Some(200), pages: 1, was_inverted: false },
                None,
            );
            assert!(again.skew_deg.abs() < 0.2, "{name}: left {}", again.skew_deg);
            if bed > 0 {
                let (w, h) = (page.bits.width() as i32, page.bits.height() as i32);
                let (dw, dh) = (w - 1240 + 2 * bed as i32, h - 560 + 2 * bed as i32);
                assert!(dw.abs() < 12 && dh.abs() < 12, "{name}: {w} x {h}");
                let rim = (0..h as usize).filter(|&y| page.bits.get(3, y)).count();
                assert!(rim < 6, "{name}: {rim} dark pixels at the left rim");
            }
            assert_eq!(page.gray.is_some(), gray, "{name}");
        }
    }

    #[test]
    fn boxes_find_their_way_back_through_turns() {
        let mut page = Bits::new(400, 300);
        (100..110).for_each(|y| (50..80).for_each(|x| page.set(x, y, true)));
        let start = Upright { bits: page, gray: None, dpi: 200, transform: Transform::IDENTITY };
        for (name, turned) in [
            ("0", start.turned(0)),
            ("90", start.turned(90)),
            ("180", start.turned(180)),
            ("270", start.turned(270)),
            ("mirror", start.mirrored()),
            ("90 + mirror", start.turned(90).mirrored()),
            ("270 + 180", start.turned(270).turned(180)),
        ] {
            let (mut x0, mut y0, mut x1, mut y1) = (usize::MAX, usize::MAX, 0, 0);
            turned.bits.each_ink(|x, y| (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)));
            let seen = PixelBox { x: x0 as i32, y: y0 as i32, w: (x1 - x0) as i32, h: (y1 - y0) as i32 };
            assert_eq!(turned.transform.to_source(seen), PixelBox { x: 50, y: 100, w: 30, h: 10 }, "{name}");
        }
    }

    #[test]
    fn tiny_and_blank_pages_do_no_harm() {
        for (width, height) in [(1, 1), (5, 900), (900, 5), (700, 300), (64, 64)] {
            for ink in [false, true] {
                let mut bits = Bits::new(width, height);
                if ink {
                    bits.invert();
                }
                let page = Page { raster: Raster::Bits(bits), dpi: None, pages: 1, was_inverted: false };
                let cleaned = clean(&page, Some(200));
                assert!(cleaned.upright.bits.width() > 0 && cleaned.skew_deg.abs() <= 10.0);
            }
        }
    }
}
