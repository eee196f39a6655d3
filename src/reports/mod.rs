//! What people print, download or plot: the proof sheet and the ledger exports. Pure text out of what the shell loaded.

mod ledger;
mod proof_sheet;

pub use ledger::{beancount, csv, hledger};
pub use proof_sheet::{BatchSheet, DepositLine, LedgerLine, ProofSheet, SheetInput, proof_sheet};
