//! The journal: append-only entries, numbered without gaps and chained by hash, and the posting of a batch as one
//! transaction.

use super::*;
use crate::domain::{Entry, EntryDraft};

/// One ledger account's sums; `balance` is debits less credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balance {
    pub account: String,
    pub debit: Cents,
    pub credit: Cents,
    pub balance: Cents,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posted {
    pub done: Done,
    /// Numbers of the first and last entry.
    pub first: i64,
    pub last: i64,
}

impl Store {
    /// Posts an approved batch: one entry per draft at the end of the chain, its clean and ready transactions become
    /// `posted`, their applications pay the bills, and the batch is `posted`; all or nothing, at most once. Every draft
    /// must name a transaction of the batch that can post, each exactly once, and debit what the transaction received.
    pub async fn post_batch(
        &self,
        batch: &BatchId,
        drafts: &[EntryDraft],
        by: &UserName,
    ) -> Result<Posted, StoreError> {
        let _ = (batch, drafts, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Entries with a number above `after`, in order, at most `limit`: pages of a stream.
    pub async fn entries(&self, after: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let _ = (after, limit);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The entries of one batch, in order.
    pub async fn entries_of_batch(&self, batch: &BatchId) -> Result<Vec<Entry>, StoreError> {
        let _ = batch;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By account number.
    pub async fn balances(&self) -> Result<Vec<Balance>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }
}
