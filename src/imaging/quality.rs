//! Is the image fit to be read, kept and exchanged? Each fault is measured and is only called one when it is plain: a false
//! alarm stops a payment. Limits after the image quality flags of X9.100-187 (type 54), tuned on what scanners give.

use super::clean::{BOTTOM, Cleaned, LEFT, RIGHT, TOP};
use super::crease;
use super::load::{Page, Raster};
use super::raster::{Bits, Gray};
use super::wide::widened;
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
    /// Inches wide and high: less than the document has.
    Short {
        wide: f32,
        high: f32,
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
            Fault::TooLight { percent } => format!("the image is too light: {percent:.2}% of it is ink, thin or pale"),
            Fault::Partial { side, strokes: 0 } => format!("the document runs off the image at the {side}"),
            Fault::Partial { side, strokes } => {
                format!("the document is cut off at the {side}: {strokes} strokes of print run off the image")
            }
            Fault::Short { wide, high } => {
                format!("the picture shows {wide:.1} by {high:.1} inches of a larger document")
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
            Fault::TooDark { .. }
                | Fault::TooLight { .. }
                | Fault::Partial { .. }
                | Fault::Short { .. }
                | Fault::FoldedCorner { .. }
        )
    }
}

const BLANK: f32 = 0.0004;
const TOO_LIGHT: f32 = 0.003;
const TOO_DARK: f32 = 0.35;
/// Gray of the paper below which a picture is too dark.
const DIM: u8 = 126;
/// Ink that takes no more than this share of the paper's light is pale.
const PALE: f32 = 0.44;
/// Of the runs of ink, across and down, what share is one pixel thin where print falls apart; whole print has less than half
/// of that. Where there is more ink than `MOST_THIN` the thin runs are a pattern of the paper.
const THIN: f32 = 0.3;
const MOST_THIN: f32 = 0.03;
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
    let gray = cleaned.upright.gray.as_ref();
    let dim = gray.is_some_and(|gray| middle(gray) < DIM);
    let is_pale = || match gray {
        Some(gray) => contrast(gray, bits) < PALE,
        None => share < MOST_THIN && thin(bits) > THIN,
    };
    if share > TOO_DARK || dim {
        faults.push(Fault::TooDark { percent: share * 100.0 });
    } else if share < BLANK {
        faults.push(Fault::Blank);
    } else if share < TOO_LIGHT || is_pale() {
        faults.push(Fault::TooLight { percent: share * 100.0 });
    }
    faults.extend(run_out(page, cleaned).or_else(|| cut(page, cleaned)));
    if cleaned.skew_deg.abs() > SLANTED {
        faults.push(Fault::Slanted { degrees: cleaned.skew_deg });
    }
    let rim = || crease::find(bits, cleaned.upright.dpi).map(|(wide, high)| Fault::FoldedCorner { wide, high });
    faults.extend(corner(page, cleaned).or_else(rim));
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
            Fault::Partial { .. } | Fault::Short { .. } | Fault::TooLight { .. } => 0.5,
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

/// The middle one of the gray levels.
fn middle(gray: &Gray) -> u8 {
    let mut some: Vec<u8> = gray.pixels().iter().step_by(31).copied().collect();
    some.sort_unstable();
    some.get(some.len() / 2).copied().unwrap_or(255)
}

/// What share of the paper's light the print takes: the darkest tenth of the ink, since a check's pattern is ink too.
fn contrast(gray: &Gray, bits: &Bits) -> f32 {
    let mut inked: Vec<u8> = Vec::new();
    for y in (0..bits.height()).step_by(3) {
        let row = gray.row(y);
        for (n, word) in bits.row(y).iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let x = n * 64 + rest.leading_zeros() as usize;
                rest &= !(1u64 << (63 - x % 64));
                inked.extend(row.get(x));
            }
        }
    }
    inked.sort_unstable();
    let dark = inked.get(inked.len() / 10).copied().unwrap_or(0);
    let paper = super::clean::paper_level(gray);
    f32::from(paper.saturating_sub(dark)) / f32::from(paper.max(1))
}

widened!(thin = thin_share(bits: &'w Bits) -> f32);
widened!(specks = specks_of(bits: &'w Bits) -> f32);
widened!(row_inks = inks_of_rows(bits: &'w Bits) -> Vec<usize>);

/// Pixels of ink of each row.
#[inline(always)]
fn inks_of_rows(bits: &Bits) -> Vec<usize> {
    let mut inks = vec![0; bits.height()];
    for (y, ink) in inks.iter_mut().enumerate() {
        *ink = bits.row(y).iter().map(|w| w.count_ones() as usize).sum();
    }
    inks
}

/// Of the runs of ink the share that is one pixel long, the lesser of across and down; single pixels do not count.
#[inline(always)]
fn thin_share(bits: &Bits) -> f32 {
    let [mut across, mut down, mut thin_across, mut thin_down] = [0u32; 4];
    for y in 1..bits.height().saturating_sub(1) {
        let (above, row, below) = (bits.row(y - 1), bits.row(y), bits.row(y + 1));
        for (n, &word) in row.iter().enumerate() {
            if word == 0 {
                continue;
            }
            let bit = |row: &[u64], from: usize| row.get(from).copied().unwrap_or(0);
            // What stands left and right of each pixel, over the borders of words.
            let left = |row: &[u64]| row[n] >> 1 | n.checked_sub(1).map_or(0, |n| row[n]) << 63;
            let right = |row: &[u64]| row[n] << 1 | bit(row, n + 1) >> 63;
            let (l, r) = (left(row), right(row));
            let over = above[n] | left(above) | right(above);
            let under = below[n] | left(below) | right(below);
            let ink = word & (l | r | over | under);
            across += (ink & !l).count_ones();
            thin_across += (ink & !l & !r).count_ones();
            down += (ink & !above[n]).count_ones();
            thin_down += (ink & !above[n] & !below[n]).count_ones();
        }
    }
    let share = |thin: u32, all: u32| thin as f32 / all.max(1) as f32;
    if across < 400 { 0.0 } else { share(thin_across, across).min(share(thin_down, down)) }
}

/// The bed is seen on three sides, and on the fourth the paper goes on to the end of the image.
fn run_out(page: &Page, cleaned: &Cleaned) -> Option<Fault> {
    let (width, height) = (page.raster.width(), page.raster.height());
    let names = ["left", "top", "right", "bottom"];
    let missing: Vec<usize> = (0..4).filter(|&side| cleaned.sides[side].is_none()).collect();
    let [side] = missing[..] else { return None };
    let surely = (0..4).filter(|s| *s != side).all(|s| cleaned.sides[s].is_some_and(|s| s.seen > 0.6));
    let dark = |x: usize, y: usize| match &page.raster {
        Raster::Bits(bits) => bits.get(x, y),
        Raster::Gray(gray) => gray.get(x, y) < DIM,
    };
    let along = if side == LEFT || side == RIGHT { height } else { width };
    let at = |a: usize| match side {
        LEFT => dark(2, a),
        RIGHT => dark(width.saturating_sub(3), a),
        TOP => dark(a, 2),
        _ => dark(a, height.saturating_sub(3)),
    };
    let inked = (0..along).filter(|a| at(*a)).count();
    (surely && inked * 5 < along).then_some(Fault::Partial { side: names[side], strokes: 0 })
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
        // Mostly nothing comes near the side.
        let is_paper = |y: usize| matches!(&page.raster, Raster::Bits(bits) if bits.row(y).iter().all(|w| *w == 0));
        if side == TOP && is_paper(1) || side == BOTTOM && is_paper(height - 2) {
            return None;
        }
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
        // What hangs together with the run, row by row inwards, until it has gone far enough.
        let goes_in = |from: usize, to: usize| {
            let mut reached = vec![(from, to)];
            for d in 2..=reach {
                let mut next: Vec<(usize, usize)> = Vec::new();
                for (from, to) in reached {
                    let mut a = from.saturating_sub(1);
                    while a < (to + 1).min(along) {
                        if !at(a, d) {
                            a += 1;
                            continue;
                        }
                        let start = (0..a).rev().take_while(|b| at(*b, d)).last().unwrap_or(a);
                        let end = (a..along).find(|b| !at(*b, d)).unwrap_or(along);
                        if next.last().is_none_or(|n| n.0 != start) && end - start < dpi / 2 {
                            next.push((start, end));
                        }
                        a = end;
                    }
                }
                reached = next;
            }
            !reached.is_empty()
        };
        for a in 0..along {
            if at(a, 1) {
                run += 1;
                covered += 1;
                continue;
            }
            // A stroke of print: not a speck, not a rule along the side, and it goes on inwards.
            if (2..dpi / 5).contains(&run) && goes_in(a - run, a) && !is_streak(a - run, a) {
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
    let is_dark = |x: usize, y: usize| match &page.raster {
        Raster::Bits(bits) => bits.get(x, y),
        Raster::Gray(gray) => gray.get(x, y) < 70,
    };
    let sides = &cleaned.sides;
    let dpi = cleaned.upright.dpi as f32;
    let (w, h) = (page.raster.width() as f32, page.raster.height() as f32);
    let seen = |px: f32, py: f32| px >= 0.0 && py >= 0.0 && px < w && py < h && is_dark(px as usize, py as usize);
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
                    seen(px, py)
                })
                .count() as f32
                / dpi
        };
        let start = (x + dx * 6.0, y + dy * 6.0);
        let (wide, high) = (along(dx, 0.0, start), along(0.0, dy, start));
        // As large as a triangle must be to hide something; a rule or a box is not dark both ways nor between.
        let large = wide > 0.2 && high > 0.2 && wide.max(high) < 2.9;
        let (over, under) = (wide * dpi, high * dpi);
        let (mut inside, mut dark) = (0u32, 0u32);
        for step in 0..(over as usize).min(600) / 2 {
            let across = step as f32 * 2.0;
            let down = under * (1.0 - across / over) * 0.9;
            for n in 0..(down / 2.0) as usize {
                let (px, py) = (start.0 + dx * across * 0.9, start.1 + dy * n as f32 * 2.0);
                inside += 1;
                dark += u32::from(seen(px, py));
            }
        }
        (large && dark * 100 > inside * 88 && inside > 30).then_some(Fault::FoldedCorner { wide, high })
    })
}

/// Rows that are looked at for streaks down the page.
const LOOKS: usize = 48;

/// Lines of 1 to 4 pixels that run straight along the sensor from one side of the document to the other: print leaves a
/// margin, a scanner's dust does not.
fn streaks(page: &Page, cleaned: &Cleaned) -> usize {
    let drawn;
    let bits = match &page.raster {
        Raster::Bits(bits) => bits,
        Raster::Gray(gray) => {
            drawn = hairlines(gray);
            &drawn
        }
    };
    let (width, height) = (bits.width(), bits.height());
    let sides = &cleaned.sides;
    let room = |side: usize, along: usize| {
        sides[side].map_or(0, |s| (s.slope * along as f32 + s.at_zero + 3.0).max(0.0) as usize)
    };
    let most = (cleaned.upright.dpi as usize / 50).max(4);
    let (mut count, mut thickness) = (0, 0);
    let margin = (cleaned.upright.dpi as usize / 16).max(8);
    // A row of paper after the last ends what stands there.
    for (y, ink) in row_inks(bits).into_iter().chain([0]).enumerate() {
        let streak = {
            let (from, to) = (room(LEFT, y), width.saturating_sub(room(RIGHT, y)));
            let inked = |a: usize, b: usize| (a..b).filter(|x| bits.get(*x, y)).count();
            let wide = to.saturating_sub(from);
            let in_bed = || y < room(TOP, (from + to) / 2) || height - y <= room(BOTTOM, (from + to) / 2);
            // Whole words first: nearly all rows are done with here.
            ink * 10 > wide * 7
                && wide > 8 * margin
                && !in_bed()
                && inked(from, to) * 100 > wide * 75
                && inked(from + margin, from + 2 * margin) * 10 > margin * 8
                && inked(to - 2 * margin, to - margin) * 10 > margin * 8
        };
        if streak {
            thickness += 1;
        } else {
            count += usize::from((1..=most).contains(&thickness));
            thickness = 0;
        }
    }
    // Down the page: a column that is ink in nearly all of some rows spread over the height. Of each column it is known
    // whether it was paper once, twice, and so on.
    let mut missed = vec![[0u64; LOOKS / 10 + 1]; width.div_ceil(64)];
    for n in 0..LOOKS {
        let y = height * (2 * n + 1) / (2 * LOOKS);
        for (missed, word) in missed.iter_mut().zip(bits.row(y)) {
            (1..missed.len()).rev().for_each(|n| missed[n] |= missed[n - 1] & !word);
            missed[0] |= !word;
        }
    }
    let is_inked = |x: usize| missed.get(x / 64).is_some_and(|m| m[LOOKS / 10] >> (63 - x % 64) & 1 == 0);
    let (left, right) = (room(LEFT, height / 2) + margin, width.saturating_sub(room(RIGHT, height / 2) + margin));
    // A printed frame leaves a margin above and below.
    let (top, foot) = (room(TOP, width / 2), height.saturating_sub(room(BOTTOM, width / 2)));
    let reaches_out = |x: usize| {
        let inked = |from: usize| (from..(from + margin).min(height)).filter(|y| bits.get(x, *y)).count() * 10;
        inked(top) > margin * 6 && inked(foot.saturating_sub(margin)) > margin * 6
    };
    thickness = 0;
    for x in (left..right).chain([width]) {
        if x < width && is_inked(x) && reaches_out(x) {
            thickness += 1;
        } else {
            count += usize::from((1..=most).contains(&thickness));
            thickness = 0;
        }
    }
    count
}

/// Rows of a gray picture that are darker than what lies a few pixels above and below, as a streak is.
fn hairlines(gray: &Gray) -> Bits {
    let mut out = Bits::new(gray.width(), gray.height());
    for y in 4..gray.height().saturating_sub(4) {
        let (above, row, below) = (gray.row(y - 4), gray.row(y), gray.row(y + 4));
        // Every eighth pixel tells whether the row is worth a look.
        let is_line = |x: usize| u16::from(row[x]) + 24 < u16::from(above[x].min(below[x]));
        let looks = (0..row.len()).step_by(8);
        if looks.clone().filter(|x| is_line(*x)).count() * 2 > looks.count() {
            (0..row.len()).filter(|x| is_line(*x)).for_each(|x| out.set(x, y, true));
        }
    }
    out
}

/// Single pixels of ink with none beside them, as a share of what spoils a page (250 a square inch at 200 dpi).
#[inline(always)]
fn specks_of(bits: &Bits) -> f32 {
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
