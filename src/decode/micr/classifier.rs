//! The classifier of E-13B glyphs as the reader runs it: a window of the strip to one of the symbols or "not a glyph", by the net
//! that `train micr` makes.

use super::strip::{HEIGHT, WINDOW};

crate::decode::glyphs::classifier!(WINDOW by HEIGHT, 3, 8, 24 by 3, 48);
