//! An image file to one page of pixels. The type is told by content, never by name: TIFF, JPEG, PNG; anything else is
//! refused by what it looks like. Sizes are checked before memory is taken. Nothing here panics on bad bytes.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::g4::G4Error;
use super::raster::{Bits, Gray};
use super::{MAX_PIXELS, MAX_SIDE, jpeg, png, tiff};

/// The pixels as the scanner gave them: bitonal or gray (color becomes gray on white paper).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Raster {
    Bits(Bits),
    Gray(Gray),
}

impl Raster {
    pub fn width(&self) -> usize {
        match self {
            Raster::Bits(bits) => bits.width(),
            Raster::Gray(gray) => gray.width(),
        }
    }

    pub fn height(&self) -> usize {
        match self {
            Raster::Bits(bits) => bits.height(),
            Raster::Gray(gray) => gray.height(),
        }
    }
}

/// One page of an image file, turned as its orientation tag asks.
#[derive(Clone, Debug)]
pub struct Page {
    pub raster: Raster,
    /// `None` when the file does not say, or says what cannot be true (under 72, over 1200, or unequal both ways).
    pub dpi: Option<u32>,
    /// How many pages the file has.
    pub pages: u32,
    /// The file's polarity was wrong (paper black, ink white) and has been put right.
    pub was_inverted: bool,
}

/// Why a file gives no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("the file is empty")]
    Empty,
    #[error("this is not an image that can be read, but {what}; give a TIFF, JPEG or PNG")]
    NotAnImage { what: &'static str },
    #[error("{what} cannot be read here; give a TIFF (Group 4, LZW, deflate or plain), JPEG or PNG")]
    Unsupported { what: String },
    #[error("the image is {width} x {height} pixels; the limit is 40 megapixels and 20,000 a side")]
    TooLarge { width: usize, height: usize },
    #[error("the image is {width} x {height} pixels: nothing to see")]
    NoPixels { width: usize, height: usize },
    #[error("the file has more than 64 pages")]
    TooManyPages,
    #[error("page {page} was asked for; the file has {pages} (counted from 0)")]
    NoSuchPage { page: u32, pages: u32 },
    #[error("the image is damaged: {what}")]
    Damaged { what: String },
    #[error("the image is damaged in the strip that begins at row {first_row}: {cause}")]
    Group4 { first_row: usize, cause: G4Error },
}

/// The allocator of Linux gives the memory of a raster back to the system as soon as it is free, and takes it anew, cleared,
/// for the next one, unless it has seen more come and go.
static KEPT: Once = Once::new();
const KEPT_BYTES: usize = 8 << 20;

/// Read one page (counted from 0).
pub fn load(bytes: &[u8], page: u32) -> Result<Page, PageError> {
    KEPT.call_once(|| drop(black_box(Vec::<u8>::with_capacity(KEPT_BYTES))));
    let (raster, dpi, pages, orientation) = match bytes {
        [] => return Err(PageError::Empty),
        [b'I', b'I', ..] | [b'M', b'M', ..] if bytes.len() >= 4 && is_tiff(bytes) => {
            let t = tiff::read(bytes, page)?;
            (t.raster, t.dpi, t.pages, t.orientation)
        }
        [0xff, 0xd8, 0xff, ..] => {
            let j = jpeg::read(bytes)?;
            (Raster::Gray(j.gray), j.dpi, 1, j.orientation)
        }
        [0x89, b'P', b'N', b'G', ..] => {
            let (raster, dpi) = png::read(bytes)?;
            (raster, dpi, 1, 1)
        }
        _ => return Err(PageError::NotAnImage { what: looks_like(bytes) }),
    };
    if page >= pages {
        return Err(PageError::NoSuchPage { page, pages });
    }
    let mut raster = raster;
    let was_inverted = match &mut raster {
        Raster::Bits(bits) if is_inverted(bits) => {
            bits.invert();
            true
        }
        _ => false,
    };
    let (turn, mirror) = match orientation {
        2 => (0, true),
        3 => (180, false),
        4 => (180, true),
        5 => (90, true),
        6 => (90, false),
        7 => (270, true),
        8 => (270, false),
        _ => (0, false),
    };
    // A mirrored picture is turned first and mirrored left to right after: 5 is a quarter turn right, then mirrored.
    let raster = match raster {
        upright if (turn, mirror) == (0, false) => upright,
        Raster::Bits(bits) => Raster::Bits(if mirror { bits.turned(turn).mirrored() } else { bits.turned(turn) }),
        Raster::Gray(gray) => Raster::Gray(if mirror { gray.turned(turn).mirrored() } else { gray.turned(turn) }),
    };
    Ok(Page { raster, dpi: dpi.and_then(plausible), pages, was_inverted })
}

/// Is the file whole and within the limits? Cheaper than loading where the type allows: a JPEG's pixels are not made.
pub fn check(bytes: &[u8]) -> Result<(), PageError> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => jpeg::check(bytes),
        _ => load(bytes, 0).map(|_| ()),
    }
}

fn is_tiff(bytes: &[u8]) -> bool {
    matches!(&bytes[..4], b"II\x2a\0" | b"MM\0\x2a" | b"II\x2b\0" | b"MM\0\x2b")
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(64)];
    let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
    match head {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'R', b'I', b'F', b'F', ..] => "a WebP",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [b'M', b'Z', ..] => "a program",
        [b'B', b'M', ..] => "a BMP",
        _ if bytes.len() < 4 => "a few bytes",
        _ if text.starts_with("<svg") || text.starts_with("<?xml") || text.starts_with("<!doctype") => "XML or HTML",
        _ if text.starts_with("<html") => "HTML",
        _ if head.iter().all(|&b| b == 0) => "zeros",
        _ => "something else",
    }
}

fn plausible((x, y): (f64, f64)) -> Option<u32> {
    let one = x.round();
    ((x - y).abs() <= 1.0 && (72.0..=1200.0).contains(&one)).then_some(one as u32)
}

/// Before anything is allocated for the pixels.
pub(super) fn check_size(width: usize, height: usize) -> Result<(), PageError> {
    if width == 0 || height == 0 {
        return Err(PageError::NoPixels { width, height });
    }
    let pixels = width.checked_mul(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels.is_none_or(|n| n > MAX_PIXELS) {
        return Err(PageError::TooLarge { width, height });
    }
    Ok(())
}

/// Decoders of others must not take the process down with a panic on a crafted file.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, PageError>) -> Result<T, PageError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(PageError::Damaged { what: "its data broke the decoder".into() }))
}

/// Gray of interleaved 8-bit samples: gray, gray + alpha, RGB, RGBA; what is transparent shows white paper.
pub(super) fn on_white(samples: &[u8], channels: usize) -> Vec<u8> {
    let luma = |r: u8, g: u8, b: u8| ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29 + 128) >> 8) as u8;
    let over = |v: u8, alpha: u8| (255 - (255 - u32::from(v)) * u32::from(alpha) / 255) as u8;
    match channels {
        1 => samples.to_vec(),
        2 => samples.chunks_exact(2).map(|p| over(p[0], p[1])).collect(),
        3 => samples.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect(),
        _ => samples.chunks_exact(4).map(|p| over(luma(p[0], p[1], p[2]), p[3])).collect(),
    }
}

/// Paper black and ink white. A scanner's black bed also gives dark borders; but then the document inside shows large white
/// areas, which an inverted page never has.
fn is_inverted(page: &Bits) -> bool {
    let (width, height) = (page.width(), page.height());
    let (ink, area) = (page.ink(), width * height);
    // What is black all over is no page that could be turned into a blank one.
    if width < 128 || height < 64 || ink * 100 < area * 65 || (area - ink) * 2500 < area {
        return false;
    }
    let (mut dark, mut light, mut edge_dark, mut edges) = (0usize, 0usize, 0usize, 0usize);
    let last = width / 64 - 1;
    for y in (0..height).step_by(2) {
        let row = page.row(y);
        let at_edge = y < height / 50 + 2 || y + height / 50 + 2 >= height;
        for (n, &word) in row[..=last].iter().enumerate() {
            dark += usize::from(word == u64::MAX);
            light += usize::from(word == 0);
            if at_edge || n == 0 || n == last {
                edges += 64;
                edge_dark += word.count_ones() as usize;
            }
        }
    }
    edge_dark * 10 > edges * 8 && light * 25 < dark
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{jpeg, tiff};

    fn drawn(width: usize, height: usize) -> Bits {
        let mut page = Bits::new(width, height);
        for y in 0..height {
            for x in 0..width {
                page.set(x, y, (x / 3 + y / 2) % 7 == 0 || (x > 20 && x < 30));
            }
        }
        page
    }

    struct Form {
        big_endian: bool,
        reversed: bool,
        ones_are_paper: bool,
        rows_per_strip: usize,
        orientation: u16,
        dpi: (u32, u32, u16),
    }

    /// A TIFF in any of the forms that scanners write; data first, directory at the end.
    fn tiff_of(page: &Bits, form: &Form) -> Vec<u8> {
        let mut out = Vec::new();
        let u16s = |out: &mut Vec<u8>, v: u16| match form.big_endian {
            true => out.extend(v.to_be_bytes()),
            false => out.extend(v.to_le_bytes()),
        };
        let u32s = |out: &mut Vec<u8>, v: u32| match form.big_endian {
            true => out.extend(v.to_be_bytes()),
            false => out.extend(v.to_le_bytes()),
        };
        out.extend(if form.big_endian { *b"MM" } else { *b"II" });
        u16s(&mut out, 42);
        u32s(&mut out, 0);
        let mut strips = Vec::new();
        for first in (0..page.height()).step_by(form.rows_per_strip) {
            let rows = form.rows_per_strip.min(page.height() - first);
            let mut part = page.cropped(0, first as isize, page.width(), rows);
            if form.ones_are_paper {
                part.invert();
            }
            let mut bytes = crate::imaging::g4::encode(&part);
            if form.reversed {
                bytes.iter_mut().for_each(|b| *b = b.reverse_bits());
            }
            strips.push((out.len() as u32, bytes.len() as u32));
            out.extend(bytes);
        }
        let lists = out.len() as u32;
        strips.iter().for_each(|s| u32s(&mut out, s.0));
        strips.iter().for_each(|s| u32s(&mut out, s.1));
        let rational = out.len() as u32;
        u32s(&mut out, form.dpi.0);
        u32s(&mut out, form.dpi.1);
        let directory = out.len() as u32;
        let n = strips.len() as u32;
        let at = |index: u32, single: u32| if n == 1 { single } else { lists + index * n * 4 };
        let tags = [
            (256, 4, 1, page.width() as u32),
            (257, 4, 1, page.height() as u32),
            (259, 3, 1, 4),
            (262, 3, 1, u32::from(form.ones_are_paper)),
            (266, 3, 1, if form.reversed { 2 } else { 1 }),
            (273, 4, n, at(0, strips[0].0)),
            (274, 3, 1, u32::from(form.orientation)),
            (278, 4, 1, form.rows_per_strip as u32),
            (279, 4, n, at(1, strips[0].1)),
            (282, 5, 1, rational),
            (283, 5, 1, rational),
            (296, 3, 1, u32::from(form.dpi.2)),
        ];
        u16s(&mut out, tags.len() as u16);
        for (tag, kind, count, value) in tags {
            u16s(&mut out, tag);
            u16s(&mut out, kind);
            u32s(&mut out, count);
            if kind == 3 {
                u16s(&mut out, value as u16);
                u16s(&mut out, 0);
            } else {
                u32s(&mut out, value);
            }
        }
        u32s(&mut out, 0);
        let place = if form.big_endian { directory.to_be_bytes() } else { directory.to_le_bytes() };
        out[4..8].copy_from_slice(&place);
        out
    }

    const PLAIN: Form = Form {
        big_endian: false,
        reversed: false,
        ones_are_paper: false,
        rows_per_strip: 64,
        orientation: 1,
        dpi: (200, 1, 2),
    };

    #[test]
    fn every_form_of_group_4_gives_the_same_pixels() {
        let page = drawn(131, 64);
        for big_endian in [false, true] {
            for reversed in [false, true] {
                for ones_are_paper in [false, true] {
                    for rows_per_strip in [64, 63, 16, 1] {
                        let form = Form { big_endian, reversed, ones_are_paper, rows_per_strip, ..PLAIN };
                        let got = load(&tiff_of(&page, &form), 0).unwrap();
                        assert_eq!(got.raster, Raster::Bits(page.clone()), "{big_endian} {reversed} {ones_are_paper}");
                        assert_eq!((got.dpi, got.pages), (Some(200), 1));
                    }
                }
            }
        }
    }

    #[test]
    fn orientation_tags_are_obeyed() {
        let page = drawn(131, 64);
        for (tag, want) in [
            (2, page.mirrored()),
            (3, page.turned(180)),
            (4, page.turned(180).mirrored()),
            (6, page.turned(90)),
            (8, page.turned(270)),
            (9, page.clone()),
        ] {
            let got = load(&tiff_of(&page, &Form { orientation: tag, ..PLAIN }), 0).unwrap();
            assert_eq!(got.raster, Raster::Bits(want), "orientation {tag}");
        }
    }

    #[test]
    fn resolutions_that_cannot_be_true_are_dropped() {
        let page = drawn(40, 20);
        for (dpi, want) in [
            ((200, 1, 2), Some(200)),
            ((240, 1, 2), Some(240)),
            ((7874, 100, 3), Some(200)),
            ((1, 1, 2), None),
            ((0, 1, 2), None),
            ((200, 0, 2), None),
            ((1_000_000, 1, 2), None),
            ((200, 1, 1), None),
        ] {
            let got = load(&tiff_of(&page, &Form { dpi, rows_per_strip: 20, ..PLAIN }), 0).unwrap();
            assert_eq!(got.dpi, want, "{dpi:?}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let page = drawn(300, 111);
        let bytes = tiff::write_g4(&page, 240);
        let got = load(&bytes, 0).unwrap();
        assert_eq!((got.raster, got.dpi), (Raster::Bits(page.clone()), Some(240)));
        let mut gray = super::super::to_gray(&page);
        gray.set(5, 5, 90);
        let bytes = jpeg::write_gray(&gray, 95, 200).unwrap();
        let got = load(&bytes, 0).unwrap();
        assert_eq!((got.raster.width(), got.raster.height(), got.dpi), (300, 111, Some(200)));
        let Raster::Gray(back) = got.raster else { panic!("gray is wanted") };
        let off: u64 = back.pixels().iter().zip(gray.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(off / (300 * 111) < 12, "mean difference {}", off / (300 * 111));
    }

    #[test]
    fn inverted_paper_is_put_right_and_a_dark_bed_is_left() {
        let page = drawn(640, 300);
        let mut quiet = Bits::new(640, 300);
        (40..600).for_each(|x| quiet.set(x, 50 + x / 10, true));
        let mut inverted = quiet.clone();
        inverted.invert();
        let got = load(&tiff::write_g4(&inverted, 200), 0).unwrap();
        assert_eq!((got.raster, got.was_inverted), (Raster::Bits(quiet.clone()), true));
        let mut bed = Bits::new(640, 300);
        bed.invert();
        (80..250).for_each(|y| (180..560).for_each(|x| bed.set(x, y, page.get(x, y) && x < 260)));
        assert!(!load(&tiff::write_g4(&bed, 200), 0).unwrap().was_inverted);
    }

    fn check_refused(name: &str, bytes: &[u8], says: &str) {
        match load(bytes, 0) {
            Ok(_) => panic!("{name} was taken"),
            Err(e) => assert!(e.to_string().contains(says), "{name}: {e}"),
        }
    }

    #[test]
    fn what_is_no_image_or_too_much_is_named() {
        let good = tiff::write_g4(&drawn(40, 20), 200);
        let with = |at: usize, bytes: &[u8]| {
            let mut out = good.clone();
            out[at..at + bytes.len()].copy_from_slice(bytes);
            out
        };
        // Tag n of our own writer stands at 10 + 12 n: its value at + 8.
        let value = |n: usize| 10 + 12 * n + 8;
        let count = |n: usize| 10 + 12 * n + 4;
        let directory_end = 10 + 12 * 14;
        for (name, bytes, says) in [
            ("empty", vec![], "empty"),
            ("three bytes", vec![1, 2, 3], "a few bytes"),
            ("zeros", vec![0; 5000], "zeros"),
            ("a PDF", b"%PDF-1.7 ........".to_vec(), "a PDF"),
            ("a GIF", b"GIF89a.............".to_vec(), "a GIF"),
            ("HTML", b"<html><body>".to_vec(), "HTML"),
            ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'>".to_vec(), "XML"),
            ("BigTIFF", b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec(), "BigTIFF"),
            ("100,000 wide", with(value(1), &100_000u32.to_le_bytes()), "limit"),
            ("2^32-1 wide", with(value(1), &u32::MAX.to_le_bytes()), "limit"),
            ("no width", with(value(1), &0u32.to_le_bytes()), "nothing to see"),
            ("no rows a strip", with(value(9), &0u32.to_le_bytes()), "strips of 0 rows"),
            ("rows missing", with(value(2), &21u32.to_le_bytes()), "strips of"),
            ("strip larger than the file", with(value(10), &100_000u32.to_le_bytes()), "not within the file"),
            ("empty strip", with(value(10), &0u32.to_le_bytes()), "not within the file"),
            ("2^32-1 strips", with(count(7), &u32::MAX.to_le_bytes()), "4294967295 values"),
            ("a wrong type", with(count(1) - 2, &2u16.to_le_bytes()), "has type 2"),
            ("a loop of pages", with(directory_end, &8u32.to_le_bytes()), "loop"),
            ("a page past the end", with(directory_end, &u32::MAX.to_le_bytes()), "cut short"),
            ("Group 3", with(value(4), &3u16.to_le_bytes()), "Group 3"),
            ("an unknown compression", with(value(4), &999u16.to_le_bytes()), "compression 999"),
        ] {
            check_refused(name, &bytes, says);
        }
        let huge = |width: u16| {
            let mut jpeg = jpeg::write_gray(&Gray::new(16, 16), 80, 200).unwrap();
            let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
            jpeg[frame + 5..frame + 7].copy_from_slice(&width.to_be_bytes());
            jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
            jpeg
        };
        check_refused("a JPEG of 65,500 x 65,500", &huge(65_500), "limit");
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_and_flipped_bits_never_panic() {
        let page = drawn(60, 40);
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        let gray = super::super::to_gray(&page);
        image::ImageEncoder::write_image(encoder, gray.pixels(), 60, 40, image::ExtendedColorType::L8).unwrap();
        assert_eq!(load(&png, 0).unwrap().raster, Raster::Bits(page.clone()));
        for (name, bytes) in [
            ("TIFF", tiff::write_g4(&page, 200)),
            ("TIFF, directory last", tiff_of(&page, &Form { rows_per_strip: 16, ..PLAIN })),
            ("JPEG", jpeg::write_gray(&gray, 80, 200).unwrap()),
            ("PNG", png),
        ] {
            assert!(load(&bytes, 0).is_ok(), "{name}");
            for cut in 0..bytes.len() {
                // A PNG's last chunk (12 bytes) holds nothing; its loss changes no pixel.
                if name == "PNG" && cut + 12 >= bytes.len() {
                    continue;
                }
                assert!(load(&bytes[..cut], 0).is_err(), "{name} cut at {cut} of {}", bytes.len());
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = load(&flipped, 0);
            }
        }
    }

    #[test]
    fn other_kinds_of_tiff_and_transparent_paper() {
        use tiff_crate::encoder::{Compression, TiffEncoder, colortype};
        let rgba = [255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 128];
        for compression in [Compression::Uncompressed, Compression::Lzw, Compression::Packbits] {
            let mut out = std::io::Cursor::new(Vec::new());
            let mut encoder = TiffEncoder::new(&mut out).unwrap().with_compression(compression);
            encoder.write_image::<colortype::RGBA8>(2, 2, &rgba).unwrap();
            let got = load(&out.into_inner(), 0).unwrap();
            let Raster::Gray(gray) = got.raster else { panic!("gray is wanted") };
            assert_eq!((gray.get(0, 0), gray.get(1, 0), gray.get(0, 1)), (255, 0, 255));
            assert!(gray.get(1, 1) > 120 && gray.get(1, 1) < 160, "{}", gray.get(1, 1));
        }
    }

    use ::tiff as tiff_crate;
}
