//! X12 820 (payment order and remittance advice) and 823 (lockbox): the subset that money needs. The envelope tells the
//! separators; segments are tolerant of line ends and blanks. A set whose counts or control numbers fail is held whole.

pub mod outline;
mod read;
mod segment;
mod write;

pub use read::{Adjustment, Deposit, Event, Line, Payment, SetKind, Summary, fragment, scan};
pub use segment::{Segment, Segments, looks_like, set_in};
pub use write::{OutgoingAdvice, OutgoingLine, write_820};

#[cfg(test)]
mod tests;
