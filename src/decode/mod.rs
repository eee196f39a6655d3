//! Pixels to readings.

pub mod check_digit;
pub mod layout;
pub mod micr;
pub mod net;
