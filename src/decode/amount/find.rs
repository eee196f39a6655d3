//! Where on a check's front the amount in figures stands: the closed box of long printed lines, else what is right of a
//! printed `$`, else a fixed place. A zone that a person drew for this check's layout comes before all of them. Beside it the
//! place of the amount in words, which is shown to people and not read.

use std::collections::BTreeMap;

use super::strip::Bounds;
use crate::domain::{FieldFound, MicrFields, PixelBox};
use crate::imaging::{Bits, Upright};

/// A zone drawn once for a layout of checks: parts of the page's width and height in ten-thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Zone {
    pub x: u16,
    pub y: u16,
    pub w: u16,
    pub h: u16,
}

/// Zones by the routing and account on the check.
#[derive(Clone, Default, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Zones(BTreeMap<String, Zone>);

impl Zones {
    pub fn add(&mut self, routing: &str, account: &str, zone: Zone) {
        self.0.insert(key(routing, account), zone);
    }

    pub fn of(&self, line: &MicrFields) -> Option<Zone> {
        self.0.get(&key(line.routing.as_deref()?, line.account.as_deref()?)).copied()
    }
}

fn key(routing: &str, account: &str) -> String {
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    format!("{}|{}", digits(routing), digits(account))
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    pub bounds: Bounds,
    pub by: FieldFound,
    /// The amount in words, as far as its place can be told from the field's.
    pub words: PixelBox,
}

/// In pixels of the upright page.
pub fn find(page: &Upright, zone: Option<Zone>) -> Found {
    let (width, height) = (page.bits.width() as i32, page.bits.height() as i32);
    let part = |x: i32, y: i32, w: i32, h: i32| PixelBox {
        x: width * x / 10_000,
        y: height * y / 10_000,
        w: width * w / 10_000,
        h: height * h / 10_000,
    };
    let found = |field: PixelBox, boxed: bool, by: FieldFound| {
        let dpi = page.dpi as i32;
        let top = field.y + field.h + dpi * 2 / 100;
        let words = PixelBox { x: width / 50, y: top, w: (field.x - width / 50).max(dpi), h: dpi * 36 / 100 };
        Found { bounds: Bounds { field, boxed }, by, words }
    };
    if let Some(z) = zone {
        let field = part(i32::from(z.x), i32::from(z.y), i32::from(z.w), i32::from(z.h));
        return found(field, false, FieldFound::Zone);
    }
    if let Some(field) = closed_box(page) {
        return found(field, true, FieldFound::Box);
    }
    if let Some(field) = right_of_dollar(page) {
        return found(field, false, FieldFound::Dollar);
    }
    found(part(7550, 3300, 2150, 1500), false, FieldFound::Ratio)
}

/// A stretch of a printed line: row or column, from, to.
#[derive(Clone, Copy)]
struct Stretch {
    at: i32,
    from: i32,
    to: i32,
}

/// The region in which checks have their amount.
fn region(page: &Upright) -> PixelBox {
    let (width, height) = (page.bits.width() as i32, page.bits.height() as i32);
    PixelBox { x: width * 50 / 100, y: height * 14 / 100, w: width * 50 / 100, h: height * 52 / 100 }
}

/// The page's bits there, its first column and row the area's.
fn cropped(page: &Upright, area: PixelBox) -> Bits {
    page.bits.cropped(area.x as isize, area.y as isize, area.w.max(0) as usize, area.h.max(0) as usize)
}

/// The stretches of a row that are all ink, from left to right, as `from, to`; at each 64th column one ends.
#[inline(always)]
pub(super) fn inked(row: &[u64], mut found: impl FnMut(i32, i32)) {
    for (n, &word) in row.iter().enumerate() {
        let (mut at, mut rest) = (64 * n as i32, word);
        while rest != 0 {
            let paper = rest.leading_zeros();
            let ink = (rest << paper).leading_ones();
            at += paper as i32;
            found(at, at + ink as i32);
            at += ink as i32;
            rest = rest.checked_shl(paper + ink).unwrap_or(0);
        }
    }
}

fn closed_box(page: &Upright) -> Option<PixelBox> {
    let (dpi, area) = (page.dpi as i32, region(page));
    let (least, most) = (dpi * 45 / 100, dpi * 24 / 10);
    let gap = (dpi * 3 / 100).max(3);
    let mut lines: Vec<Stretch> = Vec::new();
    let bits = cropped(page, area);
    for y in 0..bits.height() {
        let mut run = Stretch { at: area.y + y as i32, from: 0, to: 0 };
        let mut ink = 0;
        let mut close = |run: Stretch, ink: i32| {
            let length = run.to - run.from;
            if ink > 0 && length >= least && length <= most && ink * 10 >= length * 7 {
                lines.push(Stretch { from: area.x + run.from, to: area.x + run.to, ..run });
            }
        };
        inked(bits.row(y), |from, to| {
            if from - run.to > gap {
                close(run, ink);
                (run.from, ink) = (from, 0);
            } else if ink == 0 {
                run.from = from;
            }
            run.to = to;
            ink += to - from;
        });
        close(run, ink);
    }
    let near = dpi * 8 / 100;
    let mut best: Option<(i32, PixelBox)> = None;
    for (i, top) in lines.iter().enumerate() {
        for bottom in &lines[i + 1..] {
            let high = bottom.at - top.at;
            if high < dpi * 12 / 100 || high > dpi * 55 / 100 {
                continue;
            }
            if (top.from - bottom.from).abs() > near || (top.to - bottom.to).abs() > near {
                continue;
            }
            let (left, right) = (top.from.min(bottom.from), top.to.max(bottom.to));
            let sides = side(page, left, top.at, bottom.at, dpi) + side(page, right - 1, top.at, bottom.at, dpi);
            if sides < 130 {
                continue;
            }
            // Lines are some rows thick: the outermost pair of the best closed box counts.
            let score = sides * 4
                + (top.to - top.from + bottom.to - bottom.from) * 100 / (2 * (right - left))
                + high * 40 / dpi;
            if best.as_ref().is_none_or(|b| score > b.0) {
                best = Some((score, PixelBox { x: left, y: top.at, w: right - left, h: high + 1 }));
            }
        }
    }
    best.map(|b| b.1)
}

/// How much of a box's side is inked, in hundredths.
fn side(page: &Upright, x: i32, top: i32, bottom: i32, dpi: i32) -> i32 {
    let reach = (dpi * 3 / 100).max(3);
    let bits = cropped(page, PixelBox { x: x - reach, y: top, w: 2 * reach + 1, h: bottom - top + 1 });
    let mut columns = vec![0; bits.width()];
    let mut rows = 0;
    for y in 0..bits.height() {
        let row = bits.row(y);
        rows += i32::from(row.iter().any(|word| *word != 0));
        inked(row, |from, to| columns[from as usize..to as usize].iter_mut().for_each(|ink| *ink += 1));
    }
    // The side is one column, give or take the slant: the best few columns must hold most of it.
    let most = columns.into_iter().max().unwrap_or(0);
    let high = bottom - top + 1;
    if most * 100 < high * 40 { 0 } else { rows * 100 / high }
}

/// A `$` on a grid of 6 by 10: `#` ink, `.` paper, `?` either.
const DOLLAR: [&[u8; 6]; 10] =
    [b"??##??", b".####.", b"##??##", b"##??.?", b"?####?", b".?####", b"?.??##", b"##??##", b".####.", b"??##??"];

/// The place right of the printed `$` that looks most like one.
fn right_of_dollar(page: &Upright) -> Option<PixelBox> {
    let (dpi, area) = (page.dpi as i32, region(page));
    let mut best: Option<(i32, PixelBox)> = None;
    for part in parts(page, area) {
        let fits =
            (dpi * 9 / 100..=dpi * 26 / 100).contains(&part.h) && (dpi * 4 / 100..=dpi * 17 / 100).contains(&part.w);
        if !fits || part.w * 10 > part.h * 9 {
            continue;
        }
        let score = likeness(page, part);
        if score > 74 && best.as_ref().is_none_or(|b| score > b.0) {
            best = Some((score, part));
        }
    }
    let (_, dollar) = best?;
    let x = dollar.x + dollar.w + dpi * 3 / 100;
    let middle = dollar.y + dollar.h / 2;
    let high = (dpi * 34 / 100).max(dollar.h * 2);
    let w = (page.bits.width() as i32 - x - dpi / 20).min(dpi * 15 / 10);
    (w > dpi / 2).then_some(PixelBox { x, y: middle - high / 2, w, h: high })
}

/// Share of the grid's cells that agree with [`DOLLAR`], in hundredths.
fn likeness(page: &Upright, part: PixelBox) -> i32 {
    let (mut right, mut all) = (0, 0);
    for (row, cells) in DOLLAR.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let (x0, x1) = (part.x + part.w * column as i32 / 6, part.x + part.w * (column as i32 + 1) / 6);
            let (y0, y1) = (part.y + part.h * row as i32 / 10, part.y + part.h * (row as i32 + 1) / 10);
            let area = ((x1 - x0).max(1) * (y1 - y0).max(1)).max(1);
            let ink = (y0..y1.max(y0 + 1))
                .map(|y| (x0..x1.max(x0 + 1)).filter(|&x| page.bits.get(x as usize, y as usize)).count() as i32)
                .sum::<i32>();
            let is_ink = ink * 100 / area >= 42;
            match cell {
                b'#' => (right, all) = (right + i32::from(is_ink), all + 1),
                b'.' => (right, all) = (right + i32::from(!is_ink), all + 1),
                _ => {}
            }
        }
    }
    right * 100 / all.max(1)
}

/// Boxes of connected ink in the area; long lines are left out.
fn parts(page: &Upright, area: PixelBox) -> Vec<PixelBox> {
    let bits = cropped(page, area);
    let (w, h) = (bits.width(), bits.height());
    let (mut seen, mut starts) = (vec![false; w * h], Vec::new());
    for y in 0..h {
        inked(bits.row(y), |from, _| starts.push(y * w + from as usize));
    }
    let (mut out, mut stack) = (Vec::new(), Vec::new());
    for start in starts {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        stack.push(start);
        let mut bounds = [w, h, 0, 0];
        while let Some(at) = stack.pop() {
            let (x, y) = (at % w, at / w);
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
            for (nx, ny) in [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)] {
                if nx < w && ny < h && !seen[ny * w + nx] && bits.get(nx, ny) {
                    seen[ny * w + nx] = true;
                    stack.push(ny * w + nx);
                }
            }
        }
        let [left, top, right, bottom] = bounds;
        out.push(PixelBox {
            x: area.x + left as i32,
            y: area.y + top as i32,
            w: (right - left + 1) as i32,
            h: (bottom - top + 1) as i32,
        });
    }
    out
}
