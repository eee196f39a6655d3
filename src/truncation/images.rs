//! Images as banks exchange them: one page, bitonal, Group 4, 200 or 240 dots an inch, upright.

use crate::imaging::{Bits, Raster, binarize, load, tiff};

/// Both sides of a check as the bank takes them: one-page TIFF, G4, 200 or 240 dpi.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckImages {
    pub front: Vec<u8>,
    pub back: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImageError {
    #[error("the image cannot be opened: {0}")]
    Unreadable(String),
    #[error("the image is {width} x {height} pixels, which is no check")]
    Size { width: usize, height: usize },
}

/// One image as captured (TIFF, JPEG, PNG) into a G4 TIFF of 200 or 240 dpi; `rotation` in degrees clockwise makes it
/// upright, `dpi` is what is known of its resolution (0 unknown, then what the file says, then 200).
pub fn for_bank(bytes: &[u8], rotation: u16, dpi: u32) -> Result<Vec<u8>, ImageError> {
    let page = load(bytes, 0).map_err(|e| ImageError::Unreadable(e.to_string()))?;
    let from = Some(dpi).filter(|d| (72..=1200).contains(d)).or(page.dpi).unwrap_or(200) as usize;
    let to = if from == 240 { 240 } else { 200 };
    let (width, height) = (page.raster.width(), page.raster.height());
    let (new_width, new_height) = ((width * to).div_ceil(from), (height * to).div_ceil(from));
    // From a sixteenth of an inch to twenty inches.
    if !(12..=20 * to).contains(&new_width) || !(12..=20 * to).contains(&new_height) {
        return Err(ImageError::Size { width, height });
    }
    let bits: Bits = match page.raster {
        Raster::Bits(bits) if from == to => bits,
        Raster::Bits(bits) => bits.scaled(new_width, new_height),
        Raster::Gray(gray) if from == to => binarize(&gray),
        Raster::Gray(gray) => binarize(&gray.scaled(new_width, new_height)),
    };
    let bits = if rotation == 0 { bits } else { bits.turned(rotation) };
    Ok(tiff::write_g4(&bits, to as u32))
}
