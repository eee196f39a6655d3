//! Every intermediate picture of one document, so that a newcomer sees why a line was read so: what came, what was cleaned,
//! what was found, how it was cut, what each piece scored. The pictures are made again by the reader's own functions after
//! the reading; the reader itself keeps none and is not slowed.

use super::layout::Layouts;
use super::micr::find;
use super::micr::strip::{self, Ink, Strip};
use super::{Look, Request, Search, Sheet, barcode, examine, scanline, single_line};
use crate::domain::{CharRead, PixelBox, Reading};
use crate::imaging::{Gray, Raster, Upright, to_gray};

/// A box on a picture, in its pixels, and what is said of it.
#[derive(Clone, Debug)]
pub struct Mark {
    pub area: PixelBox,
    pub label: String,
    /// 0 doubtful to 1 sure: tells the colour.
    pub sure: f32,
}

#[derive(Clone, Debug)]
pub struct Picture {
    /// A word for the file's name.
    pub name: &'static str,
    /// What one sees, in sentences.
    pub says: String,
    pub gray: Gray,
    pub marks: Vec<Mark>,
}

/// What happened on the way to a reading.
#[derive(Clone, Debug)]
pub struct Trace {
    pub reading: Reading,
    /// Which images were looked at, which way up, and how strong the evidence was; in order.
    pub tried: Vec<String>,
    pub pictures: Vec<Picture>,
}

/// The same reading as `decode` gives, with all that can be shown of it.
pub fn trace(request: &Request) -> Trace {
    if matches!(request.expect, super::Expect::MicrLine | super::Expect::Scanline) {
        return Trace { reading: single_line(request), tried: Vec::new(), pictures: Vec::new() };
    }
    let Search { sheets, best, problems, tried, .. } = examine(request);
    let mut pictures = Vec::new();
    let page = best.as_ref().map(|b| (b.sheet, b.page(&sheets).clone()));
    let reading = super::reading_of(request, &sheets, best, problems);
    if let Some((sheet, page)) = page {
        pictures.push(as_it_came(&sheets[sheet], &reading));
        pictures.push(cleaned(&sheets[sheet], &page));
        pictures.push(found(&page, request.layouts));
        pictures.extend(account_lines(&page));
        pictures.extend(freed(&page));
        pictures.extend(stub_lines(&page, request.layouts));
        pictures.push(characters(&sheets[sheet], &reading));
    }
    Trace { reading, tried, pictures }
}

/// What one look gave, in a line of text.
pub(super) fn tried(sheet: &Sheet, look: &Look) -> String {
    let (evidence, mirror) = (&look.evidence, if look.mirrored { ", mirrored" } else { "" });
    format!(
        "{} image {}, turned {} degrees{mirror}: account line {:.2}, stub {:.2}, {} barcodes",
        sheet.source.role.as_str(),
        sheet.source.name,
        look.turn,
        evidence.check(),
        evidence.stub(),
        evidence.barcodes.len()
    )
}

fn as_it_came(sheet: &Sheet, reading: &Reading) -> Picture {
    let gray = match &sheet.page.raster {
        Raster::Bits(bits) => to_gray(bits),
        Raster::Gray(gray) => gray.clone(),
    };
    let mut marks = Vec::new();
    if let Some(line) = &reading.scanline {
        marks.push(Mark { area: line.bbox, label: "stub line".into(), sure: line.confidence });
    }
    if let Some(area) = reading.micr.as_ref().and_then(|m| around(&m.chars)) {
        let sure = reading.micr.as_ref().map_or(0.0, |m| m.confidence);
        marks.push(Mark { area, label: "account line".into(), sure });
    }
    marks.extend(reading.barcodes.iter().map(|b| Mark { area: b.bbox, label: b.symbology.clone(), sure: 1.0 }));
    marks.extend(reading.marks.iter().map(|m| {
        let label = format!("{}: {}", m.name, if m.marked { "marked" } else { "empty" });
        Mark { area: m.bbox, label, sure: 1.0 }
    }));
    marks.extend(
        reading.problems.iter().filter_map(|p| Some(Mark { area: p.bbox?, label: p.code.to_string(), sure: 0.0 })),
    );
    let inverted = if sheet.page.was_inverted { " Its polarity was wrong and was put right." } else { "" };
    let says = format!("The image as it came, and where what was read stands on it.{inverted}");
    Picture { name: "came", says, gray, marks }
}

fn around(chars: &[CharRead]) -> Option<PixelBox> {
    let boxes = chars.iter().map(|c| c.bbox);
    let (x, y) = (boxes.clone().map(|b| b.x).min()?, boxes.clone().map(|b| b.y).min()?);
    let (right, foot) = (boxes.clone().map(|b| b.x + b.w).max()?, boxes.map(|b| b.y + b.h).max()?);
    Some(PixelBox { x, y, w: right - x, h: foot - y })
}

fn cleaned(sheet: &Sheet, page: &Upright) -> Picture {
    let sides = ["left", "top", "right", "bottom"];
    let seen: Vec<&str> =
        sides.iter().zip(&sheet.cleaned.sides).filter(|(_, s)| s.is_some()).map(|(n, _)| *n).collect();
    let bed = if seen.is_empty() {
        "no bed was seen".to_string()
    } else {
        format!("bed taken away at the {}", seen.join(", "))
    };
    let skew = sheet.cleaned.skew_deg;
    let says = format!(
        "Cleaned: {bed}; a slant of {skew:.2} degrees taken back; turned upright; ink and paper parted. {} dots an inch.",
        page.dpi
    );
    Picture { name: "cleaned", says, gray: to_gray(&page.bits), marks: Vec::new() }
}

/// Rows of print that may be an account line, combs that may be a stub's line, patches that may be a barcode.
fn found(page: &Upright, layouts: &Layouts) -> Picture {
    let mut marks = Vec::new();
    for (n, row) in rows(page).iter().enumerate() {
        let sample = &row.sample;
        let (Some(first), Some(last)) = (sample.first(), sample.last()) else { continue };
        let (top, foot) = (first.y0.min(last.y0), first.y1.max(last.y1));
        let area = PixelBox { x: first.x0, y: top, w: last.x1 - first.x0, h: foot - top };
        let sure = find::plausible(super::micr::classifier(), &page.bits, row);
        marks.push(Mark { area, label: format!("row {}: like E-13B {sure:.2}", n + 1), sure });
    }
    for (area, strength) in scanline::places(page) {
        marks.push(Mark { area, label: format!("comb of a tenth of an inch {strength:.2}"), sure: strength });
    }
    for area in barcode::places(page, layouts) {
        marks.push(Mark { area, label: "may be a barcode".into(), sure: 0.5 });
    }
    let says = "Found: rows of even height (account line), pieces at a tenth of an inch (stub line), patches full of edges (barcode).";
    Picture { name: "found", says: says.into(), gray: to_gray(&page.bits), marks }
}

fn rows(page: &Upright) -> Vec<find::Row> {
    let nominal = 0.117 * page.dpi as f32;
    find::rows(&page.bits, 0.62 * nominal, 1.5 * nominal, 4)
}

/// The rows that look like E-13B, straightened and brought to the size that the classifier looks at.
fn account_lines(page: &Upright) -> Vec<Picture> {
    let like = |row: &find::Row| find::plausible(super::micr::classifier(), &page.bits, row) >= 0.5;
    let picture = |row: find::Row| {
        let parts = row.parts(14.0, page.bits.width());
        let ink = Ink::of(page, &parts);
        let mut strip = Strip::new(&ink, &parts[0]);
        parts[1..].iter().for_each(|part| strip.append(Strip::new(&ink, part)));
        let mut gray = Gray::new(strip.columns / 2, strip::HEIGHT * 2);
        for x in 0..strip.columns / 2 {
            for (y, ink) in strip.column(x * 2).iter().enumerate() {
                let value = (255.0 * (1.0 - ink.clamp(0.0, 1.0))) as u8;
                gray.set(x, y * 2, value);
                gray.set(x, y * 2 + 1, value);
            }
        }
        let says = "The account line as the classifier sees it: straight, its digits of one height, its pitch even.";
        Picture { name: "account-line", says: says.into(), gray, marks: Vec::new() }
    };
    rows(page).into_iter().filter(like).take(2).map(picture).collect()
}

/// The account line without the strokes of pens and stamps that cross it; `None` where none does.
fn freed(page: &Upright) -> Option<Picture> {
    let like = |row: &find::Row| find::plausible(super::micr::classifier(), &page.bits, row);
    let row = rows(page).into_iter().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    let parts = row.parts(14.0, page.bits.width());
    let freed = super::micr::foreign::without_strokes(page, &parts)?;
    let mut gray = to_gray(&freed.page.bits);
    freed.taken.each_ink(|x, y| gray.set(x, y, 190));
    let says = "What a second look at the account line sees when the first is in doubt: strokes of pens and stamps that run through it (pale here) are taken off.";
    Some(Picture { name: "freed", says: says.into(), gray, marks: Vec::new() })
}

/// The cells of the likeliest stub line, side by side, with what the classifier says of each.
fn stub_lines(page: &Upright, layouts: &Layouts) -> Option<Picture> {
    let cells = scanline::cells(page, layouts)?;
    let (wide, high, zoom) = (scanline::cell::WIDTH, scanline::cell::HEIGHT, 3);
    let across = 20;
    let rows = cells.len().div_ceil(across);
    let mut gray = Gray::new(across * (wide * zoom + 6), rows * (high * zoom + 22));
    let mut marks = Vec::new();
    for (n, cell) in cells.iter().enumerate() {
        let (left, top) = (n % across * (wide * zoom + 6), n / across * (high * zoom + 22) + 18);
        for y in 0..high * zoom {
            for x in 0..wide * zoom {
                let ink = cell.pixels[y / zoom * wide + x / zoom].clamp(0.0, 1.0);
                gray.set(left + x, top + y, (255.0 * (1.0 - ink)) as u8);
            }
        }
        let area = PixelBox { x: left as i32, y: top as i32, w: (wide * zoom) as i32, h: (high * zoom) as i32 };
        marks.push(Mark { area, label: cell.says.clone(), sure: cell.sure });
    }
    let says = "The stub's line cut into cells of a tenth of an inch; above each what the classifier takes it for and how surely, then its second thought.";
    Some(Picture { name: "stub-line", says: says.into(), gray, marks })
}

/// The characters as accepted, on the piece of the image as it came.
fn characters(sheet: &Sheet, reading: &Reading) -> Picture {
    let gray = match &sheet.page.raster {
        Raster::Bits(bits) => to_gray(bits),
        Raster::Gray(gray) => gray.clone(),
    };
    let chars: Vec<CharRead> =
        [reading.micr.as_ref().map(|m| m.chars.clone()), reading.scanline.as_ref().map(|s| s.chars.clone())]
            .into_iter()
            .flatten()
            .flatten()
            .collect();
    let Some(area) = around(&chars) else {
        let says = "No line was read.".to_string();
        return Picture { name: "characters", says, gray: Gray::new(1, 1), marks: Vec::new() };
    };
    let room = 30;
    let (x, y) = (area.x - room, area.y - room);
    let side = |v: i32| (v + 2 * room).clamp(1, 20_000) as usize;
    let gray = gray.cropped(x as isize, y as isize, side(area.w), side(area.h));
    let marks = chars
        .iter()
        .map(|c| {
            let area = PixelBox { x: c.bbox.x - x, y: c.bbox.y - y, ..c.bbox };
            Mark { area, label: format!("{} {:.1}%", c.c, c.confidence * 100.0), sure: c.confidence }
        })
        .collect();
    let says = "Each character as read, and the chance that it is right. Below the reader's limit it is a question mark in the text.";
    Picture { name: "characters", says: says.into(), gray, marks }
}
