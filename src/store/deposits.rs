//! Deposits: a check is claimed for one live deposit before any file is made, and the books move when the file stands.

use super::*;
use crate::domain::{Day, Deposit, DepositItem, DepositKind, EntryDraft, Origin, Sha256};

/// A posted check that stands in undeposited checks (ledger account 1020).
#[derive(Clone, PartialEq, Debug)]
pub struct Undeposited {
    pub document: DocumentId,
    pub batch: BatchId,
    pub origin: Origin,
    /// The batch's business date.
    pub date: Day,
    pub transaction: TransactionId,
    pub amount: Cents,
}

/// A deposit to be reserved; the store gives it its number and id.
#[derive(Clone, PartialEq, Debug)]
pub struct NewDeposit {
    pub date: Day,
    pub kind: DepositKind,
    pub profile: String,
    pub items: Vec<DepositItem>,
}

impl Store {
    /// In the order of the journal: checks of account 1020 that no deposit has claimed.
    pub async fn undeposited(&self) -> Result<Vec<Undeposited>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Claims the checks for one deposit, state `reserved`. The claim is unique by document and, where the account line is
    /// known, by routing, account, serial and amount over the whole site (unless a person decided `distinct`).
    pub async fn reserve_deposit(&self, new: &NewDeposit, by: &UserName) -> Result<Deposit, StoreError> {
        let _ = (new, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The file stands and is proved: state `made`, the journal moves from 1020 to 1030 by `drafts` (their total must be
    /// the deposit's), and batches whose checks are all deposited become `deposited`. In one transaction, at most once.
    pub async fn deposit_made(
        &self,
        id: &DepositId,
        file: &str,
        sha256: Sha256,
        drafts: &[EntryDraft],
        by: &UserName,
    ) -> Result<Done, StoreError> {
        let _ = (id, file, sha256, drafts, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The bank has it: state `acknowledged`, the journal moves from 1030 to 1040.
    pub async fn deposit_acknowledged(
        &self,
        id: &DepositId,
        drafts: &[EntryDraft],
        by: &UserName,
    ) -> Result<Done, StoreError> {
        let _ = (id, drafts, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By date, profile and number, with their items. Reserved ones (a run that was cut short) are among them.
    pub async fn deposits(&self) -> Result<Vec<Deposit>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By id or unique beginning of one.
    pub async fn deposit(&self, id: &str) -> Result<Deposit, StoreError> {
        let _ = id;
        Err(StoreError::Unsupported("being built".into()))
    }
}
