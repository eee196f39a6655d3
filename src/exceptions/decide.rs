//! (being filled)
use std::collections::BTreeMap;

use crate::domain::{Decision, DocumentId, ExceptionId, Transaction, UserName};

/// What the shell must do after a decision; in every case the decision is appended to the transaction's decisions.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Run evidence and `matching::propose` of this transaction again over its decisions (holds, rejections and voids
    /// too: the proposal's state says so).
    Rematch,
    /// These documents leave their transactions and make one of their own; then rematch every touched transaction.
    Regroup { documents: Vec<DocumentId> },
}

#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    /// With `document`, `exception` (code) and `received` added to its fields, by which it is replayed.
    pub decision: Decision,
    pub effect: Effect,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoveError {
    #[error("there is no exception {0} in this transaction")]
    NoSuchException(ExceptionId),
    #[error("this exception was decided already by {by} ({name}); nothing changed")]
    AlreadyDecided { by: UserName, name: String },
    #[error("{reason} is not settled by '{name}'; it takes {allowed}")]
    NotAMove { reason: String, name: String, allowed: String },
    #[error("'{name}' needs {field}=..")]
    Missing { name: String, field: &'static str },
    #[error("'{name}' does not take {field}; it takes {allowed}")]
    UnknownField { name: String, field: String, allowed: String },
    #[error("{field}={value}: {why}")]
    BadField { field: String, value: String, why: String },
    #[error("the transaction is {0} and cannot be changed any more")]
    Closed(&'static str),
}

/// What a person decides about one exception, once. Repeated fields (`apply bill=A amount=1.00 bill=B amount=2.00`)
/// come joined by commas.
pub fn decide(
    transaction: &Transaction,
    exception: &ExceptionId,
    name: &str,
    fields: &BTreeMap<String, String>,
    by: &UserName,
    at: &str,
) -> Result<Decided, MoveError> {
    let _ = (transaction, exception, name, fields, by, at);
    unimplemented!()
}

/// `batch hold TX`: holds a transaction whatever its exceptions are.
pub fn hold(
    transaction: &Transaction,
    fields: &BTreeMap<String, String>,
    by: &UserName,
    at: &str,
) -> Result<Decided, MoveError> {
    let _ = (transaction, fields, by, at);
    unimplemented!()
}
