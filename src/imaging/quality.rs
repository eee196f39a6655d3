//! Is the image fit to be read, kept and exchanged? Each fault is measured and is only called one when it is plain: a false
//! alarm stops a payment. Limits after the image quality flags of X9.100-187 (type 54), tuned on what scanners give.

use super::clean::{BOTTOM, Cleaned, LEFT, RIGHT, TOP};
use super::load::{Page, Raster};
use super::raster::{Bits, Gray};
use crate::domain::Quality;

/// A condition that is present, with its measure.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// Nothing but paper.
    Blank,
    /// Percent of the document that is ink.
    TooDark {
        percent: f32,
    },
    TooLight {
        percent: f32,
    },
    /// Print runs off this side of the image.
    Partial {
        side: &'static str,
        strokes: usize,
    },
    /// Degrees.
    Slanted {
        degrees: f32,
    },
    /// A triangle of the document is missing: inches wide and high.
    FoldedCorner {
        wide: f32,
        high: f32,
    },
    /// Lines that the scanner drew across the whole page.
    Streaks {
        count: usize,
    },
    /// Dots an inch, as the file or the index says.
    BelowResolution {
        dpi: u32,
    },
}

impl Fault {
    /// Said to a person.
    pub fn sentence(&self) -> String {
        match self {
            Fault::Blank => "the image is blank".to_string(),
            Fault::TooDark { percent } => format!("the image is too dark: {percent:.0}% of it is ink"),
            Fault::TooLight { percent } => format!("the image is too light: {percent:.2}% of it is ink"),
            Fault::Partial { side, strokes } => {
                format!("the document is cut off at the {side}: {strokes} strokes of print run off the image")
            }
            Fault::Slanted { degrees } => format!("the document lies {degrees:.1} degrees aslant"),
            Fault::FoldedCorner { wide, high } => {
                format!("a corner of {wide:.1} by {high:.1} inches is folded or torn")
            }
            Fault::Streaks { count } => format!("{count} scanner streaks run across the page"),
            Fault::BelowResolution { dpi } => format!("the image has {dpi} dots an inch; exchange needs {LEAST_DPI}"),
        }
    }

    /// Whether a person must look before the image may stand for the paper.
    pub fn stops(&self) -> bool {
        matches!(
            self,
            Fault::TooDark { .. } | Fault::TooLight { .. } | Fault::Partial { .. } | Fault::FoldedCorner { .. }
        )
    }
}

const BLANK: f32 = 0.0004;
const TOO_LIGHT: f32 = 0.003;
const TOO_DARK: f32 = 0.35;
const SLANTED: f32 = 3.0;
/// What X9.100-187 images have at least (200, or 240).
const LEAST_DPI: u32 = 200;
/// Strokes of print that meet a side of the image before the document counts as cut: a printed rule counts twice, since
/// print leaves a margin and rules most of all. One alone is a scanner's streak.
const CUT_STROKES: usize = 4;

/// Measure one side of a document. `page` is the image as loaded, `cleaned` what was made of it.
pub fn measure(page: &Page, cleaned: &Cleaned) -> (Quality, Vec<Fault>) {
    let bits = &cleaned.upright.bits;
    let area = (bits.width() * bits.height()).max(1) as f32;
    let share = bits.ink() as f32 / area;
    let mut faults = Vec::new();
    let dim = cleaned.upright.gray.as_ref().is_some_and(|gray| mean(gray) < 60);
    if share > TOO_DARK || dim {
        faults.push(Fault::TooDark { percent: share * 100.0 });
    } else if share < BLANK {
        faults.push(Fault::Blank);
    } else if share < TOO_LIGHT {
        faults.push(Fault::TooLight { percent: share * 100.0 });
    }
    faults.extend(cut(page, cleaned));
    if cleaned.skew_deg.abs() > SLANTED {
        faults.push(Fault::Slanted { degrees: cleaned.skew_deg });
    }
    faults.extend(corner(page, cleaned));
    if let Some(dpi) = page.dpi.filter(|d| *d < LEAST_DPI) {
        faults.push(Fault::BelowResolution { dpi });
    }
    let streaks = streaks(page, cleaned);
    if streaks > 0 {
        faults.push(Fault::Streaks { count: streaks });
    }
    let is = |test: fn(&Fault) -> bool| faults.iter().any(test);
    let loss: f32 = faults
        .iter()
        .map(|f| match f {
            Fault::Blank | Fault::TooDark { .. } => 0.8,
            Fault::Partial { .. } | Fault::TooLight { .. } => 0.5,
            Fault::FoldedCorner { .. } => 0.3,
            Fault::Slanted { .. } | Fault::Streaks { .. } | Fault::BelowResolution { .. } => 0.15,
        })
        .sum();
    let specks = specks(bits).min(1.0) * 0.2;
    let quality = Quality {
        too_dark: is(|f| matches!(f, Fault::TooDark { .. })),
        too_light: is(|f| matches!(f, Fault::TooLight { .. })),
        partial: is(|f| matches!(f, Fault::Partial { .. })),
        folded_corner: is(|f| matches!(f, Fault::FoldedCorner { .. })),
        streaks: is(|f| matches!(f, Fault::Streaks { .. })),
        skewed: is(|f| matches!(f, Fault::Slanted { .. })),
        blank: is(|f| matches!(f, Fault::Blank)),
        below_resolution: is(|f| matches!(f, Fault::BelowResolution { .. })),
        piggyback: false,
        score: (1.0 - loss - specks - cleaned.skew_deg.abs().min(3.0) * 0.02).clamp(0.0, 1.0),
    };
    (quality, faults)
}

/// Share of the page that is ink, after cleaning.
pub fn ink_share(bits: &Bits) -> f32 {
    bits.ink() as f32 / (bits.width() * bits.height()).max(1) as f32
}

fn mean(gray: &Gray) -> u64 {
    let sampled = gray.pixels().iter().step_by(31);
    let (sum, count) = sampled.fold((0u64, 0u64), |(s, n), &v| (s + u64::from(v), n + 1));
    sum / count.max(1)
}

/// Print that meets a side of the image where no bed was seen.
fn cut(page: &Page, cleaned: &Cleaned) -> Option<Fault> {
    let (width, height) = (page.raster.width(), page.raster.height());
    let dpi = cleaned.upright.dpi as usize;
    let paper = match &page.raster {
        Raster::Gray(gray) => Some(super::clean::paper_level(gray)),
        Raster::Bits(_) => None,
    };
    let ink = |x: usize, y: usize| match (&page.raster, paper) {
        (Raster::Bits(bits), _) => bits.get(x, y),
        (Raster::Gray(gray), Some(paper)) => gray.get(x, y) < paper / 2,
        _ => false,
    };
    let reach = (dpi / 25).max(6);
    let names = ["left", "top", "right", "bottom"];
    (0..4).filter(|&side| cleaned.sides[side].is_none()).find_map(|side| {
        let (along, across) = if side == LEFT || side == RIGHT { (height, width) } else { (width, height) };
        if across < reach * 8 {
            return None;
        }
        let at = |a: usize, d: usize| match side {
            LEFT => ink(d, a),
            RIGHT => ink(width - 1 - d, a),
            TOP => ink(a, d),
            _ => ink(a, height - 1 - d),
        };
        debug_assert!(side <= BOTTOM);
        let (mut strokes, mut rules, mut run, mut covered) = (0, 0, 0usize, 0usize);
        // A rule goes on inwards for as long as a word, at most a pixel up or down.
        let is_rule = |from: usize, to: usize| {
            let inked = |d: usize| (from.saturating_sub(2)..to + 2).any(|a| at(a, d));
            (1..across.min(dpi * 2 / 5)).filter(|d| inked(*d)).count() * 20 >= across.min(dpi * 2 / 5) * 18
        };
        // A scanner's streak goes on to the other side; it is no print that was cut.
        let is_streak = |from: usize, to: usize| {
            let looks = (1..across).step_by(9);
            let inked = |d: &usize| (from.saturating_sub(3)..to + 3).any(|a| at(a, *d));
            looks.clone().filter(inked).count() * 10 >= looks.count() * 9
        };
        for a in 0..along {
            if at(a, 1) {
                run += 1;
                covered += 1;
                continue;
            }
            // A stroke of print: not a speck, not a rule along the side, and it goes on inwards.
            let is_stroke = (2..dpi / 5).contains(&run) && (a - run..a).any(|a| (1..reach).all(|d| at(a, d)));
            if is_stroke && !is_streak(a - run, a) {
                strokes += 1;
                rules += usize::from(run <= dpi / 33 + 1 && is_rule(a - run, a));
            }
            run = 0;
        }
        let cut = strokes >= 2 && strokes + rules >= CUT_STROKES;
        (cut && covered * 4 < along).then_some(Fault::Partial { side: names[side], strokes })
    })
}

/// A dark triangle in a corner of the document where both sides of the bed are known.
fn corner(page: &Page, cleaned: &Cleaned) -> Option<Fault> {
    let Raster::Bits(source) = &page.raster else { return None };
    let sides = &cleaned.sides;
    let dpi = cleaned.upright.dpi as f32;
    let (w, h) = (source.width() as f32, source.height() as f32);
    [(LEFT, TOP), (RIGHT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)].into_iter().find_map(|(v, z)| {
        let (vertical, horizontal) = (sides[v]?, sides[z]?);
        if vertical.seen < 0.6 || horizontal.seen < 0.6 {
            return None;
        }
        let y = if z == TOP { horizontal.at_zero } else { h - horizontal.at_zero };
        let x =
            if v == LEFT { vertical.slope * y + vertical.at_zero } else { w - vertical.slope * y - vertical.at_zero };
        let y = if z == TOP {
            horizontal.slope * x + horizontal.at_zero
        } else {
            h - horizontal.slope * x - horizontal.at_zero
        };
        let (dx, dy) = (if v == LEFT { 1.0 } else { -1.0 }, if z == TOP { 1.0 } else { -1.0 });
        // How far the dark goes along each side, a few pixels within it.
        let along = |fx: f32, fy: f32, from: (f32, f32)| {
            (0..(dpi * 3.0) as usize)
                .take_while(|&n| {
                    let (px, py) = (from.0 + fx * n as f32, from.1 + fy * n as f32);
                    px >= 0.0 && py >= 0.0 && source.get(px as usize, py as usize)
                })
                .count() as f32
                / dpi
        };
        let start = (x + dx * 6.0, y + dy * 6.0);
        let (wide, high) = (along(dx, 0.0, start), along(0.0, dy, start));
        // As large as a triangle must be to hide something; a rule or a box is not dark both ways nor between.
        let large = wide > 0.2 && high > 0.2 && wide.max(high) < 2.9;
        let (w, h) = (wide * dpi, high * dpi);
        let (mut inside, mut dark) = (0u32, 0u32);
        for step in 0..(w as usize).min(600) / 2 {
            let across = step as f32 * 2.0;
            let down = h * (1.0 - across / w) * 0.9;
            for n in 0..(down / 2.0) as usize {
                let (px, py) = (start.0 + dx * across * 0.9, start.1 + dy * n as f32 * 2.0);
                inside += 1;
                dark += u32::from(px >= 0.0 && py >= 0.0 && source.get(px as usize, py as usize));
            }
        }
        (large && dark * 100 > inside * 88 && inside > 30).then_some(Fault::FoldedCorner { wide, high })
    })
}

/// Lines of 1 to 4 pixels that run straight along the sensor from one side of the document to the other: print leaves a
/// margin, a scanner's dust does not.
fn streaks(page: &Page, cleaned: &Cleaned) -> usize {
    let Raster::Bits(bits) = &page.raster else { return 0 };
    let (width, height) = (bits.width(), bits.height());
    let sides = &cleaned.sides;
    let room = |side: usize, along: usize| {
        sides[side].map_or(0, |s| (s.slope * along as f32 + s.at_zero + 3.0).max(0.0) as usize)
    };
    let most = (cleaned.upright.dpi as usize / 50).max(4);
    let (mut count, mut thickness) = (0, 0);
    let margin = (cleaned.upright.dpi as usize / 16).max(8);
    for y in 0..=height {
        let streak = y < height && {
            let (from, to) = (room(LEFT, y), width.saturating_sub(room(RIGHT, y)));
            let row = bits.row(y);
            // Whole words first: nearly all rows are done with here.
            let ink: usize = row.iter().map(|w| w.count_ones() as usize).sum();
            let inked = |a: usize, b: usize| (a..b).filter(|x| bits.get(*x, y)).count();
            let wide = to.saturating_sub(from);
            let in_bed = y < room(TOP, (from + to) / 2) || height - y <= room(BOTTOM, (from + to) / 2);
            wide > 8 * margin
                && !in_bed
                && ink * 10 > wide * 7
                && inked(from, to) * 100 > wide * 75
                && inked(from, from + margin) * 10 > margin * 6
                && inked(to - margin, to) * 10 > margin * 6
        };
        if streak {
            thickness += 1;
        } else {
            count += usize::from((1..=most).contains(&thickness));
            thickness = 0;
        }
    }
    // Down the page: a column that is ink in nearly all of some rows spread over the height.
    let looks = 48;
    let mut columns = vec![0u8; width];
    for n in 0..looks {
        let y = height * (2 * n + 1) / (2 * looks);
        for (word, bits) in bits.row(y).iter().enumerate() {
            let mut rest = *bits;
            while rest != 0 {
                let x = word * 64 + rest.leading_zeros() as usize;
                rest &= !(1u64 << (63 - x % 64));
                columns[x] += 1;
            }
        }
    }
    let (left, right) = (room(LEFT, height / 2) + margin, width.saturating_sub(room(RIGHT, height / 2) + margin));
    // A printed frame leaves a margin above and below.
    let (top, foot) = (room(TOP, width / 2), height.saturating_sub(room(BOTTOM, width / 2)));
    let reaches_out = |x: usize| {
        let inked = |from: usize| (from..(from + margin).min(height)).filter(|y| bits.get(x, *y)).count() * 10;
        inked(top) > margin * 6 && inked(foot.saturating_sub(margin)) > margin * 6
    };
    thickness = 0;
    for (x, column) in columns.iter().enumerate().take(right).skip(left).chain([(width, &0)]) {
        if usize::from(*column) * 10 >= looks * 9 && reaches_out(x) {
            thickness += 1;
        } else {
            count += usize::from((1..=most).contains(&thickness));
            thickness = 0;
        }
    }
    count
}

/// Single pixels of ink with none beside them, as a share of what spoils a page (250 a square inch at 200 dpi).
fn specks(bits: &Bits) -> f32 {
    let mut alone = 0u32;
    for y in (1..bits.height().saturating_sub(1)).step_by(2) {
        let (above, row, below) = (bits.row(y - 1), bits.row(y), bits.row(y + 1));
        for n in 0..row.len() {
            let word = row[n];
            if word == 0 {
                continue;
            }
            let spread = |w: u64| w | w << 1 | w >> 1;
            alone += (word & !(word << 1) & !(word >> 1) & !spread(above[n]) & !spread(below[n])).count_ones();
        }
    }
    alone as f32 * 2.0 * 40_000.0 / (bits.width() * bits.height()).max(1) as f32 / 250.0
}
