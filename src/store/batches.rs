//! Batches, their transactions, and what people decide. Every change is compare-and-set: what was loaded must still
//! stand, the state machine must allow the event, and the audit row is part of the same transaction.

use super::*;
use crate::domain::{Batch, Day};

/// A line of the batch list.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchSummary {
    pub batch: Batch,
    pub documents: u32,
    pub transactions: u32,
    /// Open exceptions, those of the batch itself included.
    pub open_exceptions: u32,
    /// Sum of what the transactions that are not void have received (unknown amounts left out).
    pub received: Cents,
}

/// An exception in a queue, with where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueItem {
    pub batch: BatchId,
    pub batch_name: String,
    pub date: Day,
    /// `None` for an exception of the batch as a whole.
    pub transaction: Option<TransactionId>,
    pub transaction_state: Option<TransactionState>,
    pub received: Option<Cents>,
    pub exception: Exception,
}

/// What one decision of a person changes.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    pub batch: BatchId,
    /// The touched transactions as they were loaded: compared with what is stored.
    pub before: Vec<Transaction>,
    /// What they become (regrouping may make other ones). They hold the same documents.
    pub after: Vec<Transaction>,
    /// The batch's own exceptions from now on; `None` leaves them.
    pub batch_exceptions: Option<Vec<Exception>>,
    /// New or corrected account lines of checks.
    pub checks: Vec<(DocumentId, CheckKey)>,
    /// The move, for the audit: `key-amount`, `hold`, ..
    pub what: String,
}

/// Did a repeated command change anything?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    Now,
    /// It was done before; nothing changed.
    Already,
}

impl Store {
    /// By date, name and id.
    pub async fn batches(&self) -> Result<Vec<BatchSummary>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By id, unique beginning of an id, or name.
    pub async fn batch(&self, id: &str) -> Result<Batch, StoreError> {
        let _ = id;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// In the order of the batch, complete with applications, exceptions and decisions.
    pub async fn transactions(&self, batch: &BatchId) -> Result<Vec<Transaction>, StoreError> {
        let _ = batch;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By id or unique beginning of one.
    pub async fn transaction(&self, id: &str) -> Result<Transaction, StoreError> {
        let _ = id;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The exceptions of the batch as a whole, decided ones included.
    pub async fn batch_exceptions(&self, batch: &BatchId) -> Result<Vec<Exception>, StoreError> {
        let _ = batch;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Exceptions of the site, by batch and place (ordering by harm is for `exceptions`). `open_only` leaves out decided ones
    /// and those of held, rejected and void transactions.
    pub async fn exceptions(&self, open_only: bool) -> Result<Vec<QueueItem>, StoreError> {
        let _ = open_only;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By id or unique beginning of one.
    pub async fn exception(&self, id: &str) -> Result<QueueItem, StoreError> {
        let _ = id;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Saves a decision. The batch goes to `in-review`. `Conflict` when `before` is not what is stored any more.
    /// `OutOfBalance` when documents get lost or doubled, or an earlier decision would vanish or change.
    pub async fn save_decision(&self, decided: &Decided, by: &UserName) -> Result<(), StoreError> {
        let _ = (decided, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Marks a batch as proved by `by`. Checked again here: no open exception outside held, rejected and void
    /// transactions, and received = applied in each of the others. With `exceptions`, the batch's own exceptions are
    /// replaced first (a batch that is out of balance stays in review and gets them: pass them with `proved` false).
    pub async fn balance(
        &self,
        batch: &BatchId,
        proved: bool,
        exceptions: Option<Vec<Exception>>,
        by: &UserName,
    ) -> Result<Done, StoreError> {
        let _ = (batch, proved, exceptions, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Approves what another person balanced.
    pub async fn approve(&self, batch: &BatchId, by: &UserName) -> Result<Done, StoreError> {
        let _ = (batch, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Voids a batch that is not posted, with all its transactions.
    pub async fn void_batch(&self, batch: &BatchId, note: &str, by: &UserName) -> Result<Done, StoreError> {
        let _ = (batch, note, by);
        Err(StoreError::Unsupported("being built".into()))
    }
}
