//! Pixels to readings.

pub mod net;
