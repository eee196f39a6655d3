//! ISO 20022 account messages: statements (camt.053) and notifications (camt.054) in versions 2 to 13 by namespace; account
//! reports (camt.052) and remittance advice (remt.001) are recognised and named. Streaming; document types, entities and
//! deep nesting are refused.

mod amount;
pub mod outline;
mod read;
mod reference;
mod tree;
mod write;

pub use read::{Balance, Entry, Event, MessageKind, Statement, Structured, Summary, Transaction, looks_like, scan};
pub use reference::check_reference;
pub use write::{OutgoingEntry, OutgoingNotification, write_054};

#[cfg(test)]
mod tests;
