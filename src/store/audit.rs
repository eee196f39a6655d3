//! The audit trail: who did what to which thing, with the hash of what it was and what it became, in the same transaction
//! as the change, append-only and chained by hash.

use super::*;
use crate::domain::Sha256;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub number: i64,
    /// ISO 8601.
    pub at: String,
    pub by: UserName,
    /// `approve`, `key-amount`, `import-bills`, ..
    pub what: String,
    /// `batch`, `user`, ..
    pub noun: String,
    pub id: String,
    pub before: Option<Sha256>,
    pub after: Option<Sha256>,
    pub note: String,
}

impl Store {
    /// Rows with a number above `after`, in order, at most `limit`.
    pub async fn audit(&self, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let _ = (after, limit);
        Err(StoreError::Unsupported("being built".into()))
    }
}
