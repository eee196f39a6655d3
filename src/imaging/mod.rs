//! Pixels: rasters, the image files they come in and go out as, cleaning, quality. Knows nothing of checks or stubs.

pub mod raster;

pub use raster::{Bits, Gray};
