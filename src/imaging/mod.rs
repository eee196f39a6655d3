//! Pixels: rasters, the image files they come in and go out as, cleaning, quality. Knows nothing of checks or stubs.

pub mod raster;
pub mod upright;

pub use raster::{Bits, Gray};
pub use upright::{Transform, Upright};
