//! A stored image as browsers show it: PNG, one byte a pixel, turned upright. Refuses what the loader refuses.

use super::convert::to_gray;
use super::load::{PageError, Raster, load};
use super::png::write_gray;
use crate::domain::PixelBox;

/// What to show of an image.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct View {
    /// Degrees clockwise.
    pub turn: u16,
    pub mirrored: bool,
    /// Only this part, in pixels of the image as it came.
    pub part: Option<(i32, i32, i32, i32)>,
}

impl View {
    pub fn part_of(part: PixelBox) -> View {
        View { part: Some((part.x, part.y, part.w, part.h)), ..View::default() }
    }
}

/// The bytes of a PNG.
pub fn picture(bytes: &[u8], view: View) -> Result<Vec<u8>, PageError> {
    let gray = match load(bytes, 0)?.raster {
        Raster::Bits(bits) => to_gray(&bits),
        Raster::Gray(gray) => gray,
    };
    let gray = match view.part {
        Some((x, y, w, h)) => {
            let (wide, high) = (gray.width() as i32, gray.height() as i32);
            let (left, top) = (x.clamp(0, wide - 1), y.clamp(0, high - 1));
            let (right, bottom) = (x.saturating_add(w).clamp(left + 1, wide), y.saturating_add(h).clamp(top + 1, high));
            gray.cropped(left as isize, top as isize, (right - left) as usize, (bottom - top) as usize)
        }
        None => gray,
    };
    let gray = if view.mirrored { gray.mirrored() } else { gray };
    write_gray(&gray.turned(view.turn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Gray;

    #[test]
    fn a_picture_is_turned_and_cut() {
        let mut page = Gray::new(40, 20);
        page.set(39, 0, 0);
        let bytes = write_gray(&page).unwrap();
        let size = |bytes: &[u8]| {
            let page = load(bytes, 0).unwrap();
            (page.raster.width(), page.raster.height())
        };
        for (view, want) in [
            (View::default(), (40, 20)),
            (View { turn: 90, ..View::default() }, (20, 40)),
            (View { part: Some((30, -5, 100, 10)), ..View::default() }, (10, 5)),
            (View { part: Some((900, 900, 1, 1)), ..View::default() }, (1, 1)),
        ] {
            assert_eq!(size(&picture(&bytes, view).unwrap()), want, "{view:?}");
        }
        assert!(picture(b"no image", View::default()).is_err());
    }
}
