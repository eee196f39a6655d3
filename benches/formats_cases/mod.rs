//! The cases of the formats' bench: how each file is made, and what reads or writes it.

use crate::Case;

mod letter;
mod lockbox;

/// A row per reader and writer.
pub const CASES: &[Case] = &[
    letter::WITH_IMAGES,
    letter::WITHOUT_IMAGES,
    letter::ASCII_WITHOUT_IMAGES,
    letter::WRITTEN,
    lockbox::READ,
    lockbox::WRITTEN,
];
