//! Every reason that needs a person, in one list: the plain sentence, the queue, the harm, the moves that settle it; and
//! what a person's decision does ([`decide`]). Adding a `Reason` stops the build here.

mod decide;
mod reasons;

pub use decide::{Decided, Effect, MoveError, decide, hold};
pub use reasons::{Queue, harm, moves, queue, sentence};

use serde::Serialize;

use crate::domain::{DocumentId, ExceptionId, Reason, TransactionId};

/// A move of the command line with the fields it takes; a name in brackets, `[bill]`, is optional.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Move {
    pub name: &'static str,
    pub fields: &'static [&'static str],
}

/// The id of an exception: its transaction, its reason and its document.
pub fn id(transaction: &TransactionId, code: Reason, document: Option<&DocumentId>) -> ExceptionId {
    let document = document.map_or("", DocumentId::as_str);
    ExceptionId::of(&[transaction.as_str().as_bytes(), code.code().as_bytes(), document.as_bytes()])
}
