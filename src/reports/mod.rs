//! What people print, download or plot: the proof sheet, the ledger exports, what an evaluation found. Pure text out of what the shell loaded.

pub mod accuracy;
mod accuracy_page;
mod ledger;
mod letters;
mod paper;
mod proof_sheet;
mod sheet;
mod trace_page;

pub use accuracy_page::{accuracy_page, disagreement, risk_coverage_svg};
pub use ledger::{beancount, csv, hledger};
pub use letters::{Addressee, return_letter};
pub use proof_sheet::{BatchSheet, DepositLine, LedgerLine, ProofSheet, SheetInput, proof_sheet};
pub use sheet::{Align, Cell, Column, Form, Sheet};
pub use trace_page::trace_page;
