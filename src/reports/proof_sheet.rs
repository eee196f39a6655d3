//! (being filled)
use std::collections::BTreeMap;

use serde::Serialize;

use crate::balance::Tally;
use crate::domain::{Batch, BatchState, Cents, Control, Day, Deposit, DocumentId, Entry, MoneyError, Transaction};
use crate::exceptions::Queue;
use crate::grouping::Evidence;

/// What the shell loads for one business date of a site.
#[derive(Clone, Debug)]
pub struct SheetInput<'a> {
    pub site: &'a str,
    pub date: Day,
    /// When it was printed, as given by the clock.
    pub printed: &'a str,
    /// Batches of the date with their transactions and the evidence of every document.
    pub batches: Vec<(&'a Batch, &'a [Transaction], &'a [Evidence])>,
    /// Deposits that hold items of these batches.
    pub deposits: &'a [Deposit],
    /// Journal entries of these batches and deposits.
    pub entries: &'a [Entry],
}

/// One batch: every check and cash item in exactly one column.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BatchSheet {
    pub id: String,
    pub name: String,
    pub state: BatchState,
    pub declared: Control,
    pub captured: Tally,
    pub deposited: Tally,
    /// Ready or posted, not yet in a deposit.
    pub awaiting: Tally,
    /// Still needs a person.
    pub open: Tally,
    pub held: Tally,
    pub rejected: Tally,
    pub void: Tally,
    /// Items of unknown amount among `open` and `held`.
    pub unknown_amounts: u32,
    pub agrees: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ProofSheet {
    pub site: String,
    pub date: Day,
    pub printed: String,
    pub batches: Vec<BatchSheet>,
    pub total: BatchSheet,
    pub exceptions: BTreeMap<Queue, u32>,
    /// Debits less credits of each ledger account.
    pub ledger: BTreeMap<String, Cents>,
    pub deposits: Vec<(String, Tally)>,
    /// Captured = deposited + awaiting + open + held + rejected + void, the ledger sums to zero, and the deposits' own
    /// totals are those of the items.
    pub agrees: bool,
    pub notes: Vec<String>,
    #[serde(skip)]
    pub items: Vec<DocumentId>,
}

/// Adds up one day.
pub fn proof_sheet(input: &SheetInput<'_>) -> Result<ProofSheet, MoneyError> {
    let _ = input;
    unimplemented!()
}

impl ProofSheet {
    pub fn text(&self) -> String {
        unimplemented!()
    }

    /// One page with its own print style.
    pub fn html(&self) -> String {
        unimplemented!()
    }
}
