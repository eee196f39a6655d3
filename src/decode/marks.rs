//! Boxes of a stub that the member ticks or writes into (donation, change of address, autopay, a self-read meter): found from
//! the line or the barcode by the layout's inches, drawn onto the printed frame where there is one, and told marked by
//! the ink inside. Digits written into boxes are located one by one and not read here.

use super::layout::{BoxForm, Layouts};
use crate::domain::{BarcodeRead, MarkRead, PixelBox, ScanlineRead};
use crate::imaging::{Bits, Upright};

/// Paper moves under the print by no more than this (inches).
const REACH: f32 = 0.1;
/// Of a box's inner area, what a tick, a cross or a digit covers at least; specks cover less.
const LEAST_INK: f32 = 0.022;
/// A mark reaches over this share of the box, across or down.
const LEAST_SPAN: f32 = 0.3;

/// The boxes of the stub's layout, in pixels of the image as it came. None where nothing tells the place.
pub fn read(page: &Upright, layouts: &Layouts, line: Option<&ScanlineRead>, barcodes: &[BarcodeRead]) -> Vec<MarkRead> {
    let by_line = line.and_then(|l| Some((l.layout.as_deref()?, middle(l.chars.first()?.bbox))));
    let by_code = barcodes.iter().find_map(|b| Some((b.layout.as_deref()?, b.bbox)));
    let forms = |name: &str| layouts.all.iter().find(|l| l.name == name);
    let (layout, anchor) = match (by_line, by_code) {
        (Some((name, at)), _) => (forms(name), page.transform.back(at.0, at.1)),
        (None, Some((name, area))) => {
            // Of a page that lies turned the corner is another: the one that is left and up on the upright page.
            let corners = [(0, 0), (area.w, 0), (0, area.h), (area.w, area.h)];
            let on_page = corners.map(|(dx, dy)| page.transform.back((area.x + dx) as f32, (area.y + dy) as f32));
            let least = |pick: fn(&(f32, f32)) -> f32| on_page.iter().map(pick).fold(f32::INFINITY, f32::min);
            (forms(name).filter(|l| l.scanline.is_none()), (least(|p| p.0), least(|p| p.1)))
        }
        (None, None) => return Vec::new(),
    };
    layout.into_iter().flat_map(|l| &l.boxes).flat_map(|form| one(page, form, anchor)).collect()
}

fn middle(area: PixelBox) -> (f32, f32) {
    (area.x as f32 + area.w as f32 / 2.0, area.y as f32 + area.h as f32 / 2.0)
}

/// One box, or its cells as `name_1`, `name_2`, ..
fn one(page: &Upright, form: &BoxForm, anchor: (f32, f32)) -> Vec<MarkRead> {
    let dpi = page.dpi as f32;
    let size = |inches: f32| (inches * dpi).round() as i32;
    let (x, y) = ((anchor.0 + form.x * dpi) as i32, (anchor.1 + form.y * dpi) as i32);
    let whole = onto_frame(&page.bits, PixelBox { x, y, w: size(form.w), h: size(form.h) }, size(REACH));
    let cells = form.cells.max(1) as i32;
    (0..cells)
        .map(|n| {
            let (left, right) = (whole.x + whole.w * n / cells, whole.x + whole.w * (n + 1) / cells);
            let cell = PixelBox { x: left, w: right - left, ..whole };
            let name = if cells == 1 { form.name.clone() } else { format!("{}_{}", form.name, n + 1) };
            MarkRead { name, marked: is_marked(&page.bits, cell), bbox: page.transform.to_source(cell) }
        })
        .collect()
}

/// The box moved to where most of a frame is, if one is near; otherwise as it was.
fn onto_frame(bits: &Bits, at: PixelBox, reach: i32) -> PixelBox {
    if at.w < 1 || at.h < 1 {
        return at;
    }
    // Rows are counted a word at a time; of columns only those that a side may stand on, summed up from above.
    let across = |x: i32, y: i32, w: i32| {
        let Some(y) = usize::try_from(y).ok().filter(|y| *y < bits.height()) else { return 0 };
        let word = |from: i32| {
            let left = w - from;
            let mask = if left >= 64 { u64::MAX } else { !(u64::MAX >> left) };
            (bits.word_at((x + from) as isize, y) & mask).count_ones() as i32
        };
        (0..w).step_by(64).map(word).sum::<i32>()
    };
    let (left, right) = (Sides::new(bits, at.x, at, reach), Sides::new(bits, at.x + at.w - 1, at, reach));
    let share = |hits: i32| hits as f32 / (2 * (at.w + at.h)) as f32;
    let mut best = (0.45, 0, 0);
    // Fewer are less than that share of the frame.
    let least = (at.w + at.h) * 9 / 10 - 1;
    for dy in -reach..=reach {
        let (top, foot) = (at.y + dy, at.y + dy + at.h - 1);
        // No part of a row has more ink than the row as far as the box may move.
        let most = across(at.x - reach, top, at.w + 2 * reach) + across(at.x - reach, foot, at.w + 2 * reach);
        for dx in -reach..=reach {
            let sides = left.down(dx, dy) + right.down(dx, dy);
            // Of equals the nearest.
            let aside = 0.002 * (dx.abs() + dy.abs()) as f32;
            if most + sides < least || share(most + sides) - aside <= best.0 {
                continue;
            }
            let found = share(across(at.x + dx, top, at.w) + across(at.x + dx, foot, at.w) + sides) - aside;
            if found > best.0 {
                best = (found, dx, dy);
            }
        }
    }
    PixelBox { x: at.x + best.1, y: at.y + best.2, ..at }
}

/// Ink of the columns that a side of a box may stand on, from above down to each row.
struct Sides {
    reach: i32,
    high: i32,
    columns: usize,
    sums: Vec<i32>,
}

impl Sides {
    fn new(bits: &Bits, middle: i32, at: PixelBox, reach: i32) -> Sides {
        let columns = (2 * reach + 1) as usize;
        let mut sums = vec![0; columns];
        for y in at.y - reach..at.y + at.h + reach {
            let above = sums.len() - columns;
            sums.extend_from_within(above..);
            let Some(y) = usize::try_from(y).ok().filter(|y| *y < bits.height()) else { continue };
            for (n, sums) in sums[above + columns..].chunks_mut(64).enumerate() {
                let word = bits.word_at((middle - reach) as isize + 64 * n as isize, y);
                if word != 0 {
                    sums.iter_mut().enumerate().for_each(|(i, sum)| *sum += (word >> (63 - i) & 1) as i32);
                }
            }
        }
        Sides { reach, high: at.h, columns, sums }
    }

    /// Of the box moved so.
    fn down(&self, dx: i32, dy: i32) -> i32 {
        let at = (dy + self.reach) as usize * self.columns + (dx + self.reach) as usize;
        self.sums[at + self.high as usize * self.columns] - self.sums[at]
    }
}

/// Is there ink inside, away from the frame, and does it reach over a part of the box?
fn is_marked(bits: &Bits, at: PixelBox) -> bool {
    let (room_x, room_y) = ((at.w * 18 / 100).max(3), (at.h * 18 / 100).max(3));
    let (x0, x1, y0, y1) = (at.x + room_x, at.x + at.w - room_x, at.y + room_y, at.y + at.h - room_y);
    if x1 <= x0 || y1 <= y0 {
        return false;
    }
    let (mut count, mut left, mut right, mut top, mut foot) = (0i32, x1, x0, y1, y0);
    let word = |x: i32, y: i32| match usize::try_from(y) {
        Ok(y) if y < bits.height() => bits.word_at(x as isize, y),
        _ => 0,
    };
    for y in y0..y1 {
        for x in (x0..x1).step_by(64) {
            let mask = if x1 - x >= 64 { u64::MAX } else { !(u64::MAX >> (x1 - x)) };
            // A speck has no neighbour.
            let beside = word(x - 1, y) | word(x + 1, y);
            let above = word(x, y - 1) | word(x, y + 1);
            let seen = word(x, y) & beside & above & mask;
            if seen != 0 {
                count += seen.count_ones() as i32;
                (left, right) =
                    (left.min(x + seen.leading_zeros() as i32), right.max(x + 64 - seen.trailing_zeros() as i32));
                (top, foot) = (top.min(y), foot.max(y + 1));
            }
        }
    }
    let share = count as f32 / ((x1 - x0) * (y1 - y0)) as f32;
    let (wide, high) = ((right - left) as f32 / (x1 - x0) as f32, (foot - top) as f32 / (y1 - y0) as f32);
    share >= LEAST_INK && wide.max(high) >= LEAST_SPAN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CharRead;
    use crate::imaging::Transform;

    const LAYOUT: &str = r#"
[[layout]]
name = "meter"
scanline = { font = "ocr-b", template = "{account:9}" }
boxes = [
  { name = "autopay", x = 1.0, y = -1.0, w = 0.16, h = 0.16 },
  { name = "donation", x = 2.0, y = -1.0, w = 0.16, h = 0.16 },
  { name = "meter_reading", x = 3.0, y = -1.0, w = 1.0, h = 0.25, cells = 4 },
]
"#;

    fn frame(bits: &mut Bits, x: i32, y: i32, w: i32, h: i32) {
        for n in 0..2 {
            (x..x + w)
                .for_each(|x| [y + n, y + h - 1 - n].iter().for_each(|y| bits.set(x as usize, *y as usize, true)));
            (y..y + h)
                .for_each(|y| [x + n, x + w - 1 - n].iter().for_each(|x| bits.set(*x as usize, y as usize, true)));
        }
    }

    /// A cross of a pen over the middle of a box.
    fn cross(bits: &mut Bits, x: i32, y: i32, w: i32, h: i32) {
        for n in 0..w.min(h) * 7 / 10 {
            let (a, b) = (x + w * 15 / 100 + n, y + h * 15 / 100 + n);
            for wide in 0..3 {
                bits.set((a + wide) as usize, b as usize, true);
                bits.set((2 * x + w - a + wide) as usize, b as usize, true);
            }
        }
    }

    #[test]
    fn boxes_are_found_from_the_line_and_told_by_their_ink() {
        let layouts = Layouts::parse(LAYOUT).unwrap();
        let mut line = super::super::scanline::nothing();
        line.layout = Some("meter".into());
        // The first character's middle at (400, 500).
        let first = PixelBox { x: 390, y: 490, w: 20, h: 20 };
        line.chars.push(CharRead { c: '1', confidence: 1.0, bbox: first });
        // Print may lie a little aside of where the layout says.
        for (aside, down) in [(0, 0), (9, -7), (-15, 12)] {
            let mut bits = Bits::new(1700, 700);
            let at = |inches: f32| 400 + (inches * 200.0) as i32 + aside;
            let top = 300 + down;
            frame(&mut bits, at(1.0), top, 32, 32);
            frame(&mut bits, at(2.0), top, 32, 32);
            frame(&mut bits, at(3.0), top, 200, 50);
            (1..4).for_each(|n| frame(&mut bits, at(3.0) + 50 * n - 1, top, 2, 50));
            cross(&mut bits, at(1.0), top, 32, 32);
            cross(&mut bits, at(3.0) + 50, top, 50, 50);
            // Dirt is no mark.
            (0..6).for_each(|n| bits.set((at(2.0) + 8 + 3 * n) as usize, (top + 9 + 2 * n) as usize, true));
            let page = Upright { bits, gray: None, dpi: 200, transform: Transform::IDENTITY };
            let found = read(&page, &layouts, Some(&line), &[]);
            let shown: Vec<String> = found.iter().map(|m| format!("{} {}", m.name, m.marked)).collect();
            let want = [
                "autopay true",
                "donation false",
                "meter_reading_1 false",
                "meter_reading_2 true",
                "meter_reading_3 false",
                "meter_reading_4 false",
            ];
            assert_eq!(shown, want, "{aside} {down}");
            assert!(
                (found[0].bbox.x - at(1.0)).abs() <= 1 && (found[0].bbox.y - top).abs() <= 1,
                "{:?}",
                found[0].bbox
            );
            assert!(read(&page, &layouts, None, &[]).is_empty());
        }
    }
}
