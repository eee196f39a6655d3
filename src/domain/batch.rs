//! A batch: a tray of transactions with control totals, and its life as one exhaustive table.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::ids::{BatchId, ReceiptId};
use super::money::Cents;
use super::user::UserName;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Mail,
    Dropbox,
    Counter,
    Lockbox,
    BankFile,
}

impl Origin {
    pub const ALL: [Origin; 5] = [Origin::Mail, Origin::Dropbox, Origin::Counter, Origin::Lockbox, Origin::BankFile];

    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Mail => "mail",
            Origin::Dropbox => "dropbox",
            Origin::Counter => "counter",
            Origin::Lockbox => "lockbox",
            Origin::BankFile => "bank-file",
        }
    }

    pub fn parse(text: &str) -> Option<Origin> {
        Origin::ALL.into_iter().find(|o| o.as_str() == text)
    }

    /// Did the bank already take these checks, so that we must not deposit them?
    pub fn deposited_by_bank(self) -> bool {
        matches!(self, Origin::Lockbox | Origin::BankFile)
    }
}

/// The batch header or the adding-machine tape.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct Control {
    pub count: Option<u32>,
    pub total: Option<Cents>,
    /// `count` counts documents instead of checks.
    pub counts_documents: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum BatchState {
    Open,
    Captured,
    Decoded,
    InReview,
    Balanced,
    Approved,
    Posted,
    Deposited,
    Archived,
    Void,
}

impl BatchState {
    pub const ALL: [BatchState; 10] = [
        BatchState::Open,
        BatchState::Captured,
        BatchState::Decoded,
        BatchState::InReview,
        BatchState::Balanced,
        BatchState::Approved,
        BatchState::Posted,
        BatchState::Deposited,
        BatchState::Archived,
        BatchState::Void,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            BatchState::Open => "open",
            BatchState::Captured => "captured",
            BatchState::Decoded => "decoded",
            BatchState::InReview => "in-review",
            BatchState::Balanced => "balanced",
            BatchState::Approved => "approved",
            BatchState::Posted => "posted",
            BatchState::Deposited => "deposited",
            BatchState::Archived => "archived",
            BatchState::Void => "void",
        }
    }

    pub fn parse(text: &str) -> Option<BatchState> {
        BatchState::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Are its payments on the books?
    pub fn is_posted(self) -> bool {
        matches!(self, BatchState::Posted | BatchState::Deposited | BatchState::Archived)
    }

    /// The state after an event, or `None` where the event may not happen. Every pair is written out: adding a state or
    /// an event stops the build here.
    pub fn after(self, event: BatchEvent) -> Option<BatchState> {
        use BatchEvent as E;
        use BatchState as S;
        match (self, event) {
            (S::Open, E::Capture) => Some(S::Captured),
            (S::Captured, E::Decode) => Some(S::Decoded),
            (S::Decoded, E::Match) => Some(S::InReview),
            // A decision that changes anything takes a balanced or approved batch back to review.
            (S::InReview | S::Balanced | S::Approved, E::Decide) => Some(S::InReview),
            (S::InReview | S::Balanced, E::Balance) => Some(S::Balanced),
            (S::Balanced, E::Approve) => Some(S::Approved),
            (S::Approved, E::Post) => Some(S::Posted),
            (S::Posted, E::Deposit) => Some(S::Deposited),
            (S::Posted | S::Deposited, E::Archive) => Some(S::Archived),
            (S::Open | S::Captured | S::Decoded | S::InReview | S::Balanced | S::Approved, E::Void) => Some(S::Void),
            (
                S::Open,
                E::Decode | E::Match | E::Decide | E::Balance | E::Approve | E::Post | E::Deposit | E::Archive,
            )
            | (
                S::Captured,
                E::Capture | E::Match | E::Decide | E::Balance | E::Approve | E::Post | E::Deposit | E::Archive,
            )
            | (
                S::Decoded,
                E::Capture | E::Decode | E::Decide | E::Balance | E::Approve | E::Post | E::Deposit | E::Archive,
            )
            | (S::InReview, E::Capture | E::Decode | E::Match | E::Approve | E::Post | E::Deposit | E::Archive)
            | (S::Balanced, E::Capture | E::Decode | E::Match | E::Post | E::Deposit | E::Archive)
            | (S::Approved, E::Capture | E::Decode | E::Match | E::Balance | E::Approve | E::Deposit | E::Archive)
            | (
                S::Posted,
                E::Capture | E::Decode | E::Match | E::Decide | E::Balance | E::Approve | E::Post | E::Void,
            )
            | (
                S::Deposited,
                E::Capture
                | E::Decode
                | E::Match
                | E::Decide
                | E::Balance
                | E::Approve
                | E::Post
                | E::Deposit
                | E::Void,
            )
            | (
                S::Archived | S::Void,
                E::Capture
                | E::Decode
                | E::Match
                | E::Decide
                | E::Balance
                | E::Approve
                | E::Post
                | E::Deposit
                | E::Archive
                | E::Void,
            ) => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchEvent {
    Capture,
    Decode,
    Match,
    Decide,
    Balance,
    Approve,
    Post,
    Deposit,
    Archive,
    Void,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Batch {
    pub id: BatchId,
    pub receipt: ReceiptId,
    pub name: String,
    pub state: BatchState,
    pub origin: Origin,
    /// The business date.
    pub date: Day,
    pub operator: Option<UserName>,
    pub declared: Control,
    /// Who balanced it; the approver must be another person.
    pub balanced_by: Option<UserName>,
    pub approved_by: Option<UserName>,
}
