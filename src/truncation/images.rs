//! (being filled)

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
    #[error("the image is larger than the bank takes ({bytes} bytes, at most {limit})")]
    TooLarge { bytes: usize, limit: usize },
}

/// One image as captured (TIFF, JPEG, PNG) into a G4 TIFF of 200 or 240 dpi; `rotation` in degrees clockwise makes it
/// upright, `dpi` is what is known of its resolution (0 unknown).
pub fn for_bank(bytes: &[u8], rotation: u16, dpi: u32) -> Result<Vec<u8>, ImageError> {
    let _ = (bytes, rotation, dpi);
    unimplemented!()
}
