//! JPEG: gray out, whatever came in. The marker chain is walked first: sizes before memory, at most 64 scans, and a file
//! without its end marker is cut short and refused (decoders would fill the rest with gray).

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder, PixelDensity};
use image::metadata::Orientation;
use image::{ColorType, ExtendedColorType, ImageDecoder};

use super::load::{PageError, check_size, guarded, on_white};
use super::raster::Gray;

const MAX_SCANS: usize = 64;

pub(super) struct JpegPage {
    pub gray: Gray,
    pub dpi: Option<(f64, f64)>,
    /// 1..=8, of the EXIF data.
    pub orientation: u16,
}

struct Markers {
    dpi: Option<(f64, f64)>,
    orientation: u16,
}

fn damaged(what: impl ToString) -> PageError {
    PageError::Damaged { what: what.to_string() }
}

fn walk(bytes: &[u8]) -> Result<Markers, PageError> {
    let cut = || damaged("the JPEG is cut short");
    let mut found = Markers { dpi: None, orientation: 1 };
    let (mut at, mut scans, mut sized) = (2, 0, false);
    loop {
        // Fill bytes may stand before a marker.
        while bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let (&mark, &kind) = (bytes.get(at).ok_or_else(cut)?, bytes.get(at + 1).ok_or_else(cut)?);
        if mark != 0xff {
            return Err(damaged(format!("the JPEG has no marker at byte {at}")));
        }
        at += 2;
        match kind {
            0xd9 if sized && scans > 0 => return Ok(found),
            0xd9 => return Err(damaged("the JPEG has no picture")),
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length = bytes.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]]))).ok_or_else(cut)?;
        let body = bytes.get(at + 2..at + length.max(2)).ok_or_else(cut)?;
        at += length.max(2);
        match kind {
            // Every start of frame but the huffman, arithmetic and reserved codes between them.
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let four = body.get(1..5).ok_or_else(cut)?;
                let side = |b: &[u8]| usize::from(u16::from_be_bytes([b[0], b[1]]));
                check_size(side(&four[2..4]), side(&four[0..2]))?;
                sized = true;
            }
            0xe0 if body.starts_with(b"JFIF\0") && body.len() >= 12 => {
                let (x, y) = (u16::from_be_bytes([body[8], body[9]]), u16::from_be_bytes([body[10], body[11]]));
                let scale = match body[7] {
                    1 => 1.0,
                    2 => 2.54,
                    _ => 0.0,
                };
                found.dpi = Some((f64::from(x) * scale, f64::from(y) * scale));
            }
            0xe1 if body.starts_with(b"Exif\0\0") => {
                found.orientation = Orientation::from_exif_chunk(&body[6..]).map_or(1, |o| u16::from(o.to_exif()));
            }
            0xda => {
                scans += 1;
                if scans > MAX_SCANS {
                    return Err(PageError::Unsupported { what: "a JPEG of more than 64 scans".into() });
                }
                // The coded data: up to a marker that is neither a stuffed zero nor a restart.
                loop {
                    let rest = bytes.get(at..).ok_or_else(cut)?;
                    at += rest.iter().position(|&b| b == 0xff).ok_or_else(cut)?;
                    match bytes.get(at + 1).ok_or_else(cut)? {
                        0x00 | 0xd0..=0xd7 => at += 2,
                        0xff => at += 1,
                        _ => break,
                    }
                }
            }
            _ => {}
        }
    }
}

/// The marker chain only.
pub(super) fn check(bytes: &[u8]) -> Result<(), PageError> {
    walk(bytes).map(|_| ())
}

pub(super) fn read(bytes: &[u8]) -> Result<JpegPage, PageError> {
    let markers = walk(bytes)?;
    let gray = guarded(|| {
        let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        check_size(width, height)?;
        let channels = match decoder.color_type() {
            ColorType::L8 => 1,
            ColorType::La8 => 2,
            ColorType::Rgb8 => 3,
            ColorType::Rgba8 => 4,
            other => return Err(PageError::Unsupported { what: format!("JPEG of {other:?}") }),
        };
        let mut samples = vec![0; decoder.total_bytes() as usize];
        decoder.read_image(&mut samples).map_err(damaged)?;
        let gray = if channels == 1 { samples } else { on_white(&samples, channels) };
        Gray::from_pixels(width, height, gray).ok_or_else(|| damaged("the JPEG's pixels are too few"))
    })?;
    Ok(JpegPage { gray, dpi: markers.dpi, orientation: markers.orientation })
}

/// Gray JPEG; `quality` 1..=100. `None` when the page is larger than a JPEG can be, or empty.
pub fn write_gray(page: &Gray, quality: u8, dpi: u32) -> Option<Vec<u8>> {
    let (width, height) = (u16::try_from(page.width()).ok()?, u16::try_from(page.height()).ok()?);
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100));
    encoder.set_pixel_density(PixelDensity::dpi(u16::try_from(dpi).ok()?));
    encoder.encode(page.pixels(), u32::from(width), u32::from(height), ExtendedColorType::L8).ok()?;
    Some(out)
}
