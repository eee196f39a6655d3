//! The stub's OCR line.

pub mod cell;
