//! BAI2 cash-management files (now X9.121 BTRS): groups, accounts and their transactions as a bank reports them. Control totals
//! and record counts are recomputed; where they do not agree the account is held. Not to be mistaken for lockbox files.
//! Where readers differ: an empty funds type takes no further field; a control total is the signed sum of all amounts of 03
//! and 16, a count counts every record with its continuations, and a file with other ones is held, not waved through,
//! unless the site says of its sender (`BankTotals`) that it counts otherwise.

pub mod codes;
mod come_back;
pub mod outline;
mod read;
mod write;

pub use come_back::{ReturnedDetails, returns};
pub use read::{Account, BankTotals, Detail, Event, FundsType, Group, Summary, Totals, looks_like, scan, scan_from};
pub use write::{OutgoingAccount, OutgoingDetail, OutgoingFile, write};

/// Hands out every record with its fields.
pub use read::each_record;

#[cfg(test)]
mod tests;
