//! From a balanced batch to the journal: one entry per transaction, debit what came in, credit what it pays; the entry
//! of a deposit; and the posting file for the billing system. Only a `&BalancedBatch` is accepted.

mod billing;
mod chart;
mod entries;

pub use billing::billing_csv;
pub use chart::Chart;
pub use entries::{deposit_entry, entries};

#[cfg(test)]
mod tests;
