//! The classifier of a scanline's cells as the reader runs it, by the net that `train scanline` makes.

use super::cell::{HEIGHT, WIDTH};

crate::decode::glyphs::classifier!(WIDTH by HEIGHT, 5, 8, 16 by 5, 48);
