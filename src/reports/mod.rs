//! What people print, download or plot: the proof sheet, the ledger exports, what an evaluation found. Pure text out of what the shell loaded.

pub mod accuracy;
mod accuracy_page;
mod ledger;
mod proof_sheet;
mod trace_page;

pub use accuracy_page::{accuracy_page, disagreement, risk_coverage_svg};
pub use ledger::{beancount, csv, hledger};
pub use proof_sheet::{BatchSheet, DepositLine, LedgerLine, ProofSheet, SheetInput, proof_sheet};
pub use trace_page::trace_page;
