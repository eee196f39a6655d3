//! What happens to paper and to scanners, done to a scanned page on purpose: each fault that the decoder warns of, and each
//! distortion that it must read through. The same seed gives the same pixels. Knows nothing of what stands on the page.

use super::chance::Chance;
use crate::imaging::Gray;

/// One thing that went wrong. The amounts are in inches, degrees or shares, as each says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Wear {
    /// The feeder let it lie aslant by so many degrees, on a bed of this gray.
    Skew { degrees: f32, bed: u8 },
    /// The picture ends so many inches before the paper does.
    Partial { inches: f32 },
    /// A corner is folded over: the dark bed is seen through.
    FoldedCorner { inches: f32 },
    /// Exposed too little; 1 is all black.
    Dark { share: f32 },
    /// Exposed too much; 1 leaves nothing.
    Light { share: f32 },
    /// The print itself is pale: ink is this share of what it should be.
    Faint { ink: f32 },
    /// Dust on the sensor draws lines along the way of the paper.
    Streaks { count: usize },
    /// Nothing was printed on it.
    Blank,
    /// Scanned at so many dots an inch.
    LowResolution { dpi: u32 },
    /// A photograph: one end this much darker than the other.
    Uneven { share: f32 },
    /// A photograph of paper that does not lie flat: lines rise and fall by so many inches.
    Bent { inches: f32 },
    /// A rubber stamp over everything.
    Stamp,
    /// Seen in a mirror.
    Mirrored,
    /// By a quarter turn to the right, so often.
    Turned { quarters: usize },
}

impl Wear {
    /// The word of the truth's `degradation` and its value.
    pub fn word(&self) -> (&'static str, serde_json::Value) {
        match self {
            Wear::Skew { degrees, .. } => ("skew", (*degrees).into()),
            Wear::Partial { .. } => ("partial", true.into()),
            Wear::FoldedCorner { .. } => ("fold", true.into()),
            Wear::Dark { .. } => ("dark", true.into()),
            Wear::Light { .. } => ("light", true.into()),
            Wear::Faint { .. } => ("faint", true.into()),
            Wear::Streaks { .. } => ("streak", true.into()),
            Wear::Blank => ("blank", true.into()),
            Wear::LowResolution { .. } => ("low_resolution", true.into()),
            Wear::Uneven { .. } => ("uneven", true.into()),
            Wear::Bent { .. } => ("bent", true.into()),
            Wear::Stamp => ("stampcross", true.into()),
            Wear::Mirrored => ("mirrored", true.into()),
            Wear::Turned { quarters } => ("rot90", (*quarters).into()),
        }
    }

    /// Can what was printed still be read by eye: `yes`, `hard`, `no`?
    pub fn readable(&self) -> &'static str {
        match self {
            Wear::Blank | Wear::Light { .. } => "no",
            Wear::Partial { .. } | Wear::FoldedCorner { .. } | Wear::Dark { .. } | Wear::LowResolution { .. } => "hard",
            Wear::Faint { .. } | Wear::Stamp | Wear::Streaks { .. } => "hard",
            Wear::Skew { .. } | Wear::Uneven { .. } | Wear::Bent { .. } | Wear::Mirrored | Wear::Turned { .. } => "yes",
        }
    }

    /// The dots an inch that the picture has afterwards.
    pub fn dpi(&self, dpi: u32) -> u32 {
        if let Wear::LowResolution { dpi } = self { *dpi } else { dpi }
    }

    /// The page after it. `dpi` of the page as it comes.
    pub fn on(&self, page: &Gray, dpi: u32, seed: u64) -> Gray {
        let mut chance = Chance::of(seed, "wear", 0);
        let pixels = |inches: f32| (inches * dpi as f32).round() as usize;
        let (width, height) = (page.width(), page.height());
        match *self {
            Wear::Skew { degrees, bed } => skewed(page, degrees, bed),
            Wear::Partial { inches } => match chance.below(3) {
                0 => page.cropped(pixels(inches) as isize, 0, width.saturating_sub(pixels(inches)).max(1), height),
                1 => page.cropped(0, 0, width.saturating_sub(pixels(inches)).max(1), height),
                _ => page.cropped(0, 0, width, height.saturating_sub(pixels(inches)).max(1)),
            },
            Wear::FoldedCorner { inches } => folded(page, pixels(inches), pixels(0.09), &mut chance),
            Wear::Dark { share } => each(page, |v| (f32::from(v) * (1.0 - share)) as u8),
            Wear::Light { share } => each(page, |v| 255 - (f32::from(255 - v) * (1.0 - share)) as u8),
            Wear::Faint { ink } => each(page, |v| 246 - (f32::from(246u8.saturating_sub(v)) * ink) as u8),
            Wear::Streaks { count } => {
                let mut out = page.clone();
                for _ in 0..count {
                    let y = height / 8 + chance.below(height as u64 * 3 / 4) as usize;
                    let thick = 1 + chance.below(2) as usize;
                    (y..y + thick).for_each(|y| (0..width).for_each(|x| out.set(x, y, 30)));
                }
                out
            }
            Wear::Blank => {
                let mut out = Gray::new(width, height);
                for group in out.pixels_mut().chunks_mut(16) {
                    let mut dice = chance.draw();
                    for pixel in group {
                        *pixel = 240 + (dice & 15) as u8;
                        dice >>= 4;
                    }
                }
                out
            }
            Wear::LowResolution { dpi: low } => {
                let size = |n: usize| (n * low as usize / dpi.max(1) as usize).max(1);
                page.scaled(size(width), size(height))
            }
            Wear::Uneven { share } => {
                let mut out = page.clone();
                let from_left = chance.percent(50);
                for row in out.pixels_mut().chunks_mut(width.max(1)) {
                    for (x, pixel) in row.iter_mut().enumerate() {
                        let place = if from_left { x } else { width - 1 - x } as f32 / width as f32;
                        *pixel = (f32::from(*pixel) * (1.0 - share * place)) as u8;
                    }
                }
                out
            }
            Wear::Bent { inches } => bent(page, inches * dpi as f32),
            Wear::Stamp => stamped(page, dpi as f32, &mut chance),
            Wear::Mirrored => page.mirrored(),
            Wear::Turned { quarters } => page.turned([0, 90, 180, 270][quarters % 4]),
        }
    }
}

fn each(page: &Gray, level: impl Fn(u8) -> u8) -> Gray {
    let mut out = page.clone();
    out.pixels_mut().iter_mut().for_each(|v| *v = level(*v));
    out
}

/// Between the four pixels around a point; outside is the bed.
fn between(page: &Gray, x: f32, y: f32, bed: u8) -> u8 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let at = |x: f32, y: f32| {
        let inside = x >= 0.0 && y >= 0.0 && (x as usize) < page.width() && (y as usize) < page.height();
        f32::from(if inside { page.get(x as usize, y as usize) } else { bed })
    };
    let upper = at(left, top) * (1.0 - fx) + at(left + 1.0, top) * fx;
    let lower = at(left, top + 1.0) * (1.0 - fx) + at(left + 1.0, top + 1.0) * fx;
    (upper * (1.0 - fy) + lower * fy) as u8
}

/// The whole page turned by a small angle, with as much bed around it as that takes.
fn skewed(page: &Gray, degrees: f32, bed: u8) -> Gray {
    let a = degrees * 0.017_453_292;
    let (sin, cos) = (a * (1.0 - a * a / 6.0), 1.0 - a * a / 2.0 + a * a * a * a / 24.0);
    let (w, h) = (page.width() as f32, page.height() as f32);
    let (wide, high) = (w * cos + h * sin.abs(), w * sin.abs() + h * cos);
    let mut out = Gray::new(wide.ceil() as usize, high.ceil() as usize);
    let columns = out.width().max(1);
    for (y, row) in out.pixels_mut().chunks_mut(columns).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (dx, dy) = (x as f32 - wide / 2.0, y as f32 - high / 2.0);
            *pixel = between(page, cos * dx - sin * dy + w / 2.0, sin * dx + cos * dy + h / 2.0, bed);
        }
    }
    out
}

/// A dark bed around the page, and the same dark where a corner is missing.
fn folded(page: &Gray, corner: usize, bed: usize, chance: &mut Chance) -> Gray {
    let (w, h) = (page.width(), page.height());
    let mut out = Gray::from_pixels(w + 2 * bed, h + 2 * bed, vec![12; (w + 2 * bed) * (h + 2 * bed)])
        .unwrap_or_else(|| Gray::new(w, h));
    let (right, low) = (chance.percent(50), chance.percent(30));
    for y in 0..h {
        for x in 0..w {
            let (from_x, from_y) = (if right { w - 1 - x } else { x }, if low { h - 1 - y } else { y });
            if from_x + from_y >= corner {
                out.set(bed + x, bed + y, page.get(x, y));
            }
        }
    }
    out
}

/// Columns moved up and down along one wave over the page, of two parabolas.
fn bent(page: &Gray, most: f32) -> Gray {
    let (w, h) = (page.width(), page.height());
    let room = most.abs().ceil() as usize;
    let mut out = Gray::from_pixels(w, h + 2 * room, vec![250; w * (h + 2 * room)]).unwrap_or_else(|| Gray::new(w, h));
    for x in 0..w {
        let t = x as f32 / w as f32;
        let wave = if t < 0.5 { 16.0 * t * (0.5 - t) } else { -16.0 * (t - 0.5) * (1.0 - t) };
        for y in 0..h + 2 * room {
            let from = y as f32 - room as f32 - most * wave;
            out.set(x, y, between(page, x as f32, from, 250));
        }
    }
    out
}

/// Two frames and bars of letters between them, aslant, in the lower half of the page where the lines stand.
fn stamped(page: &Gray, dpi: f32, chance: &mut Chance) -> Gray {
    let mut out = page.clone();
    let (w, h) = (1.5 * dpi, 0.55 * dpi);
    let (x0, y0) = (
        chance.unit() * (page.width() as f32 - w).max(0.0),
        page.height() as f32 * (0.45 + 0.3 * chance.unit()) - h / 2.0,
    );
    let lean = 0.12 * chance.spread();
    for y in 0..(h as usize) {
        for x in 0..(w as usize) {
            let (fx, fy) = (x as f32 / dpi, y as f32 / dpi);
            let edge = fx.min(1.5 - fx).min(fy).min(0.55 - fy);
            let frame = edge < 0.02;
            let letters = (0.16..0.4).contains(&fy) && (0.12..1.38).contains(&fx) && (fx * 10.0).fract() < 0.22;
            if frame || letters {
                let at = y0 + y as f32 + lean * x as f32;
                let (px, py) = (x0 as usize + x, at.max(0.0) as usize);
                out.set(px, py, out.get(px, py).min(90));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lined() -> Gray {
        let mut page = Gray::new(400, 200);
        (0..400).for_each(|x| (0..200).step_by(20).for_each(|y| page.set(x, y, 20)));
        page
    }

    #[test]
    fn the_same_seed_wears_the_same_and_the_size_is_what_it_says() {
        for (wear, width, height) in [
            (Wear::Skew { degrees: 5.0, bed: 12 }, 416, 235),
            (Wear::FoldedCorner { inches: 0.5 }, 418, 218),
            (Wear::LowResolution { dpi: 50 }, 200, 100),
            (Wear::Bent { inches: 0.1 }, 400, 220),
            (Wear::Turned { quarters: 1 }, 200, 400),
            (Wear::Stamp, 400, 200),
            (Wear::Streaks { count: 2 }, 400, 200),
            (Wear::Blank, 400, 200),
        ] {
            let (page, again) = (wear.on(&lined(), 100, 7), wear.on(&lined(), 100, 7));
            assert!(page == again, "{wear:?}");
            assert_eq!((page.width(), page.height()), (width, height), "{wear:?}");
        }
    }
}
