//! The cases of the formats' bench: how each file is made, and what reads or writes it.

use crate::Case;

mod bank_files;
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
    bank_files::NACHA,
    bank_files::NACHA_WRITTEN,
    bank_files::BAI2,
    bank_files::X12,
    bank_files::CAMT,
];
