//! A page made ready for reading: turned, straightened, in bitonal and (when the scanner gave it) gray, with the way back
//! to the pixels of the image as it came.

use super::raster::{Bits, Gray};
use crate::domain::PixelBox;

/// `x' = a x + b y + c`, `y' = d x + e y + f`: from a pixel of the upright page to one of the source image.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Transform(pub [f32; 6]);

impl Transform {
    pub const IDENTITY: Transform = Transform([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    pub fn point(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + b * y + c, d * x + e * y + f)
    }

    /// The way back: where on the page a point of the source image lies.
    pub fn back(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.0;
        let area = a * e - b * d;
        let area = if area.abs() < 1e-6 { 1.0 } else { area };
        let (x, y) = (x - c, y - f);
        ((e * x - b * y) / area, (a * y - d * x) / area)
    }

    /// The smallest upright box of the source image that holds this box of the page.
    pub fn to_source(&self, page: PixelBox) -> PixelBox {
        let (x0, y0) = (page.x as f32, page.y as f32);
        let (x1, y1) = (x0 + page.w as f32, y0 + page.h as f32);
        let corners = [self.point(x0, y0), self.point(x1, y0), self.point(x0, y1), self.point(x1, y1)];
        let least = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::INFINITY, f32::min);
        let most = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::NEG_INFINITY, f32::max);
        let (left, top) = (least(|p| p.0).floor(), least(|p| p.1).floor());
        let (right, bottom) = (most(|p| p.0).ceil(), most(|p| p.1).ceil());
        PixelBox { x: left as i32, y: top as i32, w: (right - left) as i32, h: (bottom - top) as i32 }
    }
}

/// A page in one of its possible orientations, straightened and cropped to the document.
#[derive(Clone, Debug)]
pub struct Upright {
    /// 1 = ink. The scanner's dark bed is gone.
    pub bits: Bits,
    /// Same geometry as `bits`, when the source was gray.
    pub gray: Option<Gray>,
    /// Never 0: from the file, the index or the content; 200 when nothing tells.
    pub dpi: u32,
    pub transform: Transform,
}
