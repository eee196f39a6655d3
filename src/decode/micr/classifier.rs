//! The classifier of E-13B glyphs as the reader runs it: the net that `train micr` makes.

use super::strip::{HEIGHT, WINDOW};
use crate::decode::glyphs;

pub use crate::decode::glyphs::Desk;

/// A window of the strip to the symbols, and "not a glyph".
pub type Classifier = glyphs::Classifier<WINDOW, HEIGHT, 3, 9, 8, 24, 24, 3, 48>;
