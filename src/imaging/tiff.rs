//! TIFF 6.0. Group 4 pages are read here, strictly (see `g4`); LZW, deflate, PackBits, JPEG and plain pages through the
//! `tiff` crate after the directory has been checked here: sizes, strips within the file, no loop of directories.
//! Writing is the one form banks exchange: X9.100-181, `II`, one strip, Group 4, white is zero, 200 or 240 dpi.
//! Refused by name: BigTIFF, Group 3, palettes, anything over the limits.

use std::io::Cursor;

use super::g4;
use super::load::{PageError, Raster, check_size, guarded, on_white};
use super::raster::{Bits, Gray};

/// More pages than this in one file are refused.
pub const MAX_PAGES: usize = 64;
const MAX_TAGS: usize = 512;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const ORIENTATION: u16 = 274;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const RESOLUTION_UNIT: u16 = 296;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

/// What one page of a TIFF holds, before any turn that its orientation tag asks for.
pub(super) struct TiffPage {
    pub raster: Raster,
    pub dpi: Option<(f64, f64)>,
    pub pages: u32,
    /// 1..=8 as in tag 274 and in EXIF.
    pub orientation: u16,
}

struct File<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    tag: u16,
    kind: u16,
    count: usize,
    /// Where its values stand in the file.
    at: usize,
}

fn damaged(what: impl Into<String>) -> PageError {
    PageError::Damaged { what: what.into() }
}

impl File<'_> {
    fn take<const N: usize>(&self, at: usize) -> Result<[u8; N], PageError> {
        let end = at.checked_add(N).ok_or_else(|| damaged("an offset of the TIFF overflows"))?;
        let bytes = self.bytes.get(at..end).ok_or_else(|| damaged(format!("the TIFF is cut short at byte {at}")))?;
        <[u8; N]>::try_from(bytes).map_err(|_| damaged("the TIFF is cut short"))
    }

    fn u16(&self, at: usize) -> Result<u16, PageError> {
        let bytes = self.take(at)?;
        Ok(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Result<u32, PageError> {
        let bytes = self.take(at)?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The offsets of all directories; a loop, too many pages or an offset outside the file is an error.
    fn directories(&self) -> Result<Vec<usize>, PageError> {
        let mut found = Vec::new();
        let mut at = self.u32(4)? as usize;
        while at != 0 {
            if found.contains(&at) {
                return Err(damaged("the TIFF's pages form a loop"));
            }
            if found.len() == MAX_PAGES {
                return Err(PageError::TooManyPages);
            }
            found.push(at);
            let tags = usize::from(self.u16(at)?);
            if tags == 0 || tags > MAX_TAGS {
                return Err(damaged(format!("page {} of the TIFF has {tags} tags", found.len())));
            }
            at = self.u32(at + 2 + tags * 12)? as usize;
        }
        if found.is_empty() { Err(damaged("the TIFF has no page")) } else { Ok(found) }
    }

    fn entries(&self, directory: usize) -> Result<Vec<Entry>, PageError> {
        let tags = usize::from(self.u16(directory)?);
        (0..tags)
            .map(|n| {
                let at = directory + 2 + n * 12;
                let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)? as usize);
                let size = match kind {
                    1 | 2 | 6 | 7 => 1,
                    3 | 8 => 2,
                    4 | 9 | 11 | 13 => 4,
                    5 | 10 | 12 => 8,
                    _ => 0,
                };
                let bytes = count.checked_mul(size).ok_or_else(|| damaged(format!("tag {tag} is too large")))?;
                let at = if bytes <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
                Ok(Entry { tag, kind, count, at })
            })
            .collect()
    }

    /// The whole numbers of a tag, `limit` at most.
    fn numbers(&self, entry: Entry, limit: usize) -> Result<Vec<usize>, PageError> {
        if entry.count == 0 || entry.count > limit {
            return Err(damaged(format!("tag {} has {} values", entry.tag, entry.count)));
        }
        (0..entry.count)
            .map(|n| match entry.kind {
                1 => Ok(usize::from(self.take::<1>(entry.at + n)?[0])),
                3 => Ok(usize::from(self.u16(entry.at + n * 2)?)),
                4 => Ok(self.u32(entry.at + n * 4)? as usize),
                kind => Err(damaged(format!("tag {} has type {kind}", entry.tag))),
            })
            .collect()
    }

    fn rational(&self, entry: Entry) -> Result<f64, PageError> {
        match (entry.kind, entry.count) {
            (5, 1) => {
                let (over, under) = (self.u32(entry.at)?, self.u32(entry.at + 4)?);
                Ok(if under == 0 { 0.0 } else { f64::from(over) / f64::from(under) })
            }
            (3 | 4, 1) => Ok(self.numbers(entry, 1)?[0] as f64),
            _ => Err(damaged(format!("tag {} is no resolution", entry.tag))),
        }
    }
}

pub(super) fn read(bytes: &[u8], page: u32) -> Result<TiffPage, PageError> {
    let big_endian = bytes.starts_with(b"MM");
    let file = File { bytes, big_endian };
    match file.u16(2)? {
        42 => {}
        43 => return Err(PageError::Unsupported { what: "BigTIFF".into() }),
        other => return Err(damaged(format!("the TIFF's version is {other}"))),
    }
    let directories = file.directories()?;
    let pages = directories.len() as u32;
    let directory = *directories.get(page as usize).ok_or(PageError::NoSuchPage { page, pages })?;
    let entries = file.entries(directory)?;
    let find = |tag: u16| entries.iter().copied().find(|e| e.tag == tag);
    let one = |tag: u16, default: Option<usize>| match (find(tag), default) {
        (Some(entry), _) => Ok(file.numbers(entry, 8)?[0]),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(damaged(format!("tag {tag} is missing"))),
    };
    let (width, height) = (one(WIDTH, None)?, one(HEIGHT, None)?);
    check_size(width, height)?;
    let unit = one(RESOLUTION_UNIT, Some(2))?;
    let dpi = match (find(X_RESOLUTION), find(Y_RESOLUTION), unit) {
        (Some(x), Some(y), 2) => Some((file.rational(x)?, file.rational(y)?)),
        (Some(x), Some(y), 3) => Some((file.rational(x)? * 2.54, file.rational(y)? * 2.54)),
        _ => None,
    };
    let orientation = one(ORIENTATION, Some(1))? as u16;
    let tiled = find(TILE_OFFSETS).is_some();
    let (offsets, counts) = if tiled { (TILE_OFFSETS, TILE_BYTE_COUNTS) } else { (STRIP_OFFSETS, STRIP_BYTE_COUNTS) };
    let need = |tag: u16| find(tag).ok_or_else(|| damaged(format!("tag {tag} is missing")));
    let limit = width.max(height).max(4096) * 4;
    let (offsets, counts) = (file.numbers(need(offsets)?, limit)?, file.numbers(need(counts)?, limit)?);
    if offsets.len() != counts.len() {
        return Err(damaged(format!("{} strips but {} strip sizes", offsets.len(), counts.len())));
    }
    let mut total = 0usize;
    let strips = offsets
        .iter()
        .zip(&counts)
        .map(|(&at, &count)| {
            let whole = at.checked_add(count).and_then(|end| bytes.get(at..end)).filter(|s| !s.is_empty());
            total = total.saturating_add(count);
            whole.ok_or_else(|| damaged(format!("a strip of {count} bytes at {at} is not within the file")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if total > bytes.len() {
        return Err(damaged("the strips overlap"));
    }
    let compression = one(COMPRESSION, Some(1))?;
    let fill_order = one(FILL_ORDER, Some(1))?;
    let raster = match compression {
        4 => {
            if one(BITS_PER_SAMPLE, Some(1))? != 1 || one(SAMPLES_PER_PIXEL, Some(1))? != 1 || tiled {
                return Err(PageError::Unsupported {
                    what: "Group 4 with more than one bit a pixel, or in tiles".into(),
                });
            }
            let rows = one(ROWS_PER_STRIP, Some(height))?.min(height);
            if rows == 0 || strips.len() != height.div_ceil(rows) {
                return Err(damaged(format!("{} strips of {rows} rows for {height} rows", strips.len())));
            }
            let inverted = one(PHOTOMETRIC, Some(0))? == 1;
            Raster::Bits(group4(&strips, width, height, rows, fill_order == 2, inverted)?)
        }
        2 | 3 => return Err(PageError::Unsupported { what: "TIFF with Group 3 fax data".into() }),
        _ if fill_order == 2 => {
            return Err(PageError::Unsupported { what: "TIFF with reversed bits that is not Group 4".into() });
        }
        1 | 5 | 7 | 8 | 32773 | 32946 => guarded(|| by_crate(bytes, page))?,
        other => return Err(PageError::Unsupported { what: format!("TIFF compression {other}") }),
    };
    Ok(TiffPage { raster, dpi, pages, orientation })
}

fn group4(
    strips: &[&[u8]],
    width: usize,
    height: usize,
    rows: usize,
    reversed: bool,
    inverted: bool,
) -> Result<Bits, PageError> {
    let mut page = Bits::new(width, height);
    let mut turned = Vec::new();
    for (n, &strip) in strips.iter().enumerate() {
        let first = n * rows;
        let strip = if reversed {
            turned.clear();
            turned.extend(strip.iter().map(|b| b.reverse_bits()));
            &turned[..]
        } else {
            strip
        };
        g4::decode(strip, &mut page, first, rows.min(height - first))
            .map_err(|cause| PageError::Group4 { first_row: first, cause })?;
    }
    // In T.6 "black" runs are ones. Photometric 1 says that ones are paper.
    if inverted {
        page.invert();
    }
    Ok(page)
}

fn by_crate(bytes: &[u8], page: u32) -> Result<Raster, PageError> {
    use tiff::ColorType;
    use tiff::decoder::{Decoder, DecodingResult, Limits};
    let broken = |e: tiff::TiffError| match e {
        tiff::TiffError::UnsupportedError(e) => PageError::Unsupported { what: format!("this kind of TIFF ({e})") },
        e => damaged(e.to_string()),
    };
    let mut limits = Limits::default();
    limits.decoding_buffer_size = super::MAX_PIXELS * 8;
    limits.intermediate_buffer_size = super::MAX_PIXELS * 8;
    limits.ifd_value_size = 1 << 20;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(broken)?.with_limits(limits);
    decoder.seek_to_image(page as usize).map_err(broken)?;
    let (width, height) = decoder.dimensions().map_err(broken)?;
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let color = decoder.colortype().map_err(broken)?;
    let channels = match color {
        ColorType::Gray(_) => 1,
        ColorType::GrayA(_) => 2,
        ColorType::Multiband { num_samples, .. } if num_samples <= 2 => usize::from(num_samples),
        ColorType::RGB(_) | ColorType::YCbCr(_) => 3,
        ColorType::RGBA(_) => 4,
        other => return Err(PageError::Unsupported { what: format!("TIFF of {other:?}") }),
    };
    let pixels = match decoder.read_image().map_err(broken)? {
        DecodingResult::U8(pixels) => pixels,
        DecodingResult::U16(pixels) => pixels.into_iter().map(|v| (v >> 8) as u8).collect(),
        _ => return Err(PageError::Unsupported { what: "TIFF with samples of more than 16 bits".into() }),
    };
    if let ColorType::Gray(1) = color {
        // The crate gives ones for white.
        let stride = width.div_ceil(8);
        if pixels.len() < stride * height {
            return Err(damaged("the TIFF's pixels are too few"));
        }
        let mut page = Bits::new(width, height);
        for (y, row) in pixels.chunks(stride).take(height).enumerate() {
            for (word, bytes) in page.row_mut(y).iter_mut().zip(row.chunks(8)) {
                let mut eight = [0xff; 8];
                eight[..bytes.len()].copy_from_slice(bytes);
                *word = !u64::from_be_bytes(eight);
            }
        }
        page.clear_past_width();
        return Ok(Raster::Bits(page));
    }
    let deep = matches!(
        color,
        ColorType::Gray(8 | 16)
            | ColorType::GrayA(8 | 16)
            | ColorType::RGB(8 | 16)
            | ColorType::RGBA(8 | 16)
            | ColorType::YCbCr(8)
            | ColorType::Multiband { bit_depth: 8 | 16, .. }
    );
    if !deep || pixels.len() < width * height * channels {
        return Err(PageError::Unsupported { what: format!("TIFF of {color:?}") });
    }
    let mut gray = match color {
        // The first of the three is the brightness.
        ColorType::YCbCr(_) => pixels.chunks_exact(3).map(|p| p[0]).collect(),
        _ => on_white(&pixels, channels),
    };
    gray.truncate(width * height);
    Gray::from_pixels(width, height, gray).map(Raster::Gray).ok_or_else(|| damaged("the TIFF's pixels are too few"))
}

/// A page as banks exchange it. `dpi` is what the pixels are: 200 or 240 (others are written as they are, and are no
/// exchange image).
pub fn write_g4(page: &Bits, dpi: u32) -> Vec<u8> {
    let strip = g4::encode(page);
    let (width, height) = (page.width() as u32, page.height() as u32);
    const TAGS: usize = 14;
    let rationals = 8 + 2 + TAGS * 12 + 4;
    let data = rationals + 16;
    let short = |tag: u16, value: u16| (tag, 3u16, u32::from(value));
    let long = |tag: u16, value: u32| (tag, 4u16, value);
    let tags: [(u16, u16, u32); TAGS] = [
        long(254, 0),
        long(WIDTH, width),
        long(HEIGHT, height),
        short(BITS_PER_SAMPLE, 1),
        short(COMPRESSION, 4),
        short(PHOTOMETRIC, 0),
        short(FILL_ORDER, 1),
        long(STRIP_OFFSETS, data as u32),
        short(SAMPLES_PER_PIXEL, 1),
        long(ROWS_PER_STRIP, height),
        long(STRIP_BYTE_COUNTS, strip.len() as u32),
        (X_RESOLUTION, 5, rationals as u32),
        (Y_RESOLUTION, 5, rationals as u32 + 8),
        short(RESOLUTION_UNIT, 2),
    ];
    let mut out = Vec::with_capacity(data + strip.len());
    out.extend_from_slice(b"II\x2a\0\x08\0\0\0");
    out.extend_from_slice(&(TAGS as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&[0; 4]);
    for _ in 0..2 {
        out.extend_from_slice(&dpi.to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
    }
    out.extend_from_slice(&strip);
    out
}
