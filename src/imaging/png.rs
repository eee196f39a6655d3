//! PNG through the `image` crate, with the sizes of the header checked first.

use std::io::Cursor;

use image::codecs::png::{PngDecoder, PngEncoder};
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageEncoder, Limits};

use super::load::{PageError, Raster, check_size, guarded, on_white};
use super::raster::Gray;

type Resolution = Option<(f64, f64)>;

fn damaged(what: impl ToString) -> PageError {
    PageError::Damaged { what: what.to_string() }
}

/// A picture for people and browsers.
pub fn write_gray(page: &Gray) -> Result<Vec<u8>, PageError> {
    let mut out = Vec::new();
    let (width, height) = (page.width() as u32, page.height() as u32);
    PngEncoder::new(&mut out).write_image(page.pixels(), width, height, ExtendedColorType::L8).map_err(damaged)?;
    Ok(out)
}

pub(super) fn read(bytes: &[u8]) -> Result<(Raster, Resolution), PageError> {
    let size = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        four.map(|b| u32::from_be_bytes(b) as usize).ok_or_else(|| damaged("the PNG's header is cut short"))
    };
    check_size(size(16)?, size(20)?)?;
    let raster = guarded(|| {
        let mut limits = Limits::default();
        limits.max_alloc = Some(super::MAX_PIXELS as u64 * 8);
        let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        check_size(width, height)?;
        let color = decoder.color_type();
        let mut samples = vec![0; decoder.total_bytes() as usize];
        decoder.read_image(&mut samples).map_err(damaged)?;
        let high_bytes = |samples: Vec<u8>| -> Vec<u8> {
            samples.chunks_exact(2).map(|two| (u16::from_ne_bytes([two[0], two[1]]) >> 8) as u8).collect()
        };
        let (samples, channels) = match color {
            ColorType::L8 => (samples, 1),
            ColorType::La8 => (samples, 2),
            ColorType::Rgb8 => (samples, 3),
            ColorType::Rgba8 => (samples, 4),
            ColorType::L16 => (high_bytes(samples), 1),
            ColorType::La16 => (high_bytes(samples), 2),
            ColorType::Rgb16 => (high_bytes(samples), 3),
            ColorType::Rgba16 => (high_bytes(samples), 4),
            other => return Err(PageError::Unsupported { what: format!("PNG of {other:?}") }),
        };
        let gray = Gray::from_pixels(width, height, on_white(&samples, channels));
        gray.ok_or_else(|| damaged("the PNG's pixels are too few"))
    })?;
    // Black and white only: the file was bitonal.
    let raster = match raster.pixels().iter().all(|&v| v == 0 || v == 255) {
        true => Raster::Bits(super::convert::threshold(&raster, 128)),
        false => Raster::Gray(raster),
    };
    Ok((raster, resolution(bytes)))
}

/// The pHYs chunk, in dots an inch.
fn resolution(bytes: &[u8]) -> Resolution {
    let mut at = 8usize;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        match &head[4..8] {
            b"pHYs" => {
                let body = bytes.get(at + 8..at + 17)?;
                let per_metre = |b: &[u8]| f64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])) * 0.0254;
                return (body[8] == 1).then(|| (per_metre(&body[0..4]), per_metre(&body[4..8])));
            }
            b"IDAT" => return None,
            _ => at = at.checked_add(length)?.checked_add(12)?,
        }
    }
}
