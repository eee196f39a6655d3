//! A transaction: the documents of one envelope, what they pay (applications), what stands in the way (exceptions) and
//! what people decided about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::{AccountNumber, Biller};
use super::ids::{BatchId, DocumentId, ExceptionId, TransactionId};
use super::money::Cents;
use super::problem::Reason;
use super::reading::PixelBox;
use super::user::UserName;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum TransactionKind {
    /// One stub and one check.
    Single,
    /// Any other count of both.
    Multi,
    CheckOnly,
    StubOnly,
    /// Correspondence, unidentified pieces: nothing that pays.
    Other,
}

impl TransactionKind {
    pub const ALL: [TransactionKind; 5] = [
        TransactionKind::Single,
        TransactionKind::Multi,
        TransactionKind::CheckOnly,
        TransactionKind::StubOnly,
        TransactionKind::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            TransactionKind::Single => "single",
            TransactionKind::Multi => "multi",
            TransactionKind::CheckOnly => "check-only",
            TransactionKind::StubOnly => "stub-only",
            TransactionKind::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<TransactionKind> {
        TransactionKind::ALL.into_iter().find(|k| k.as_str() == text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum TransactionState {
    Captured,
    Proposed,
    /// Nothing stands in the way and nobody had to decide anything.
    Clean,
    /// At least one exception is open.
    Exception,
    /// Had exceptions; all are decided and it proves.
    Ready,
    Posted,
    Held,
    /// Returned to the payer with a letter.
    Rejected,
    Void,
}

impl TransactionState {
    pub const ALL: [TransactionState; 9] = [
        TransactionState::Captured,
        TransactionState::Proposed,
        TransactionState::Clean,
        TransactionState::Exception,
        TransactionState::Ready,
        TransactionState::Posted,
        TransactionState::Held,
        TransactionState::Rejected,
        TransactionState::Void,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            TransactionState::Captured => "captured",
            TransactionState::Proposed => "proposed",
            TransactionState::Clean => "clean",
            TransactionState::Exception => "exception",
            TransactionState::Ready => "ready",
            TransactionState::Posted => "posted",
            TransactionState::Held => "held",
            TransactionState::Rejected => "rejected",
            TransactionState::Void => "void",
        }
    }

    pub fn parse(text: &str) -> Option<TransactionState> {
        TransactionState::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// So many cents of a transaction go to one bill, by one rule or one person.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Application {
    pub biller: Option<Biller>,
    /// `None` for suspense.
    pub account: Option<AccountNumber>,
    /// The bill's number as imported; `None` for suspense or a credit.
    pub bill: Option<String>,
    pub amount: Cents,
    /// The ledger account that is credited: `1100` receivable, `2100` suspense, `2110` customer credit, ..
    pub ledger: String,
    /// The rule (or `person:NAME`) that chose it.
    pub rule: String,
    /// In a plain sentence.
    pub evidence: String,
}

/// What a person decided about one exception, once.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Decision {
    #[serde(rename = "move")]
    pub name: String,
    pub fields: BTreeMap<String, String>,
    pub by: UserName,
    /// ISO 8601 instant.
    pub at: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Exception {
    pub id: ExceptionId,
    pub code: Reason,
    pub message: String,
    pub document: Option<DocumentId>,
    #[serde(rename = "box", skip_serializing_if = "Option::is_none", default)]
    pub bbox: Option<PixelBox>,
    pub decision: Option<Decision>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Transaction {
    pub id: TransactionId,
    pub batch: BatchId,
    /// Place in the batch, from 1.
    pub seq: u32,
    pub kind: TransactionKind,
    pub state: TransactionState,
    /// Why these documents belong together.
    pub reason: String,
    /// In capture order.
    pub documents: Vec<DocumentId>,
    /// Sum of the checks and cash; `None` while an amount is not known.
    pub received: Option<Cents>,
    pub applications: Vec<Application>,
    pub exceptions: Vec<Exception>,
    /// Every decision of a person about this transaction, oldest first: matching is replayed over them.
    pub decisions: Vec<Decision>,
    /// Owner and date of a held transaction.
    pub held_until: Option<String>,
    pub owner: Option<String>,
}

impl Transaction {
    pub fn is_open_exception(&self) -> bool {
        self.exceptions.iter().any(|e| e.decision.is_none())
    }
}
