//! From a balanced batch to the journal: one entry per transaction, debit what came in, credit what it pays; the entry
//! of a deposit; and the posting file for the billing system. Only a `&BalancedBatch` is accepted.

mod billing;
mod books;
mod chart;
mod entries;
mod returned;

pub use billing::{billing_csv, return_csv};
pub use books::{
    CounterBill, acknowledged_entry, drawer_entry, mirror, payout_entry, receipt_entry, suspense_applied, unapply,
};
pub use chart::Chart;
pub use entries::{deposit_entry, entries};
pub use returned::{ReturnedFrom, cleared_entry, parts_of, return_entries};

#[cfg(test)]
mod tests;
