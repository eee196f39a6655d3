//! Pixels: rasters, the image files they come in and go out as, cleaning, quality. Knows nothing of checks or stubs.

pub mod clean;
pub mod convert;
mod crease;
pub mod g4;
pub mod jpeg;
pub mod load;
pub mod picture;
pub mod png;
pub mod quality;
pub mod raster;
mod shear;
pub mod tiff;
pub mod upright;
pub mod wide;

pub use convert::{binarize, to_gray};
pub use load::{Page, PageError, Raster, load};
pub use raster::{Bits, Gray};
pub use upright::{Transform, Upright};

/// No side of an image may be longer (pixels).
pub const MAX_SIDE: usize = 20_000;
/// No image may have more pixels.
pub const MAX_PIXELS: usize = 40_000_000;
