//! Jobs are rows. A worker claims some under a lease with a fencing token; the result of a job and its end are one
//! transaction. A lease that ran out, or whose process on this machine is gone, is taken over at once. The embedded run
//! and `remit worker` use the same calls.

use std::collections::BTreeMap;

use super::*;
use crate::domain::{Document, Reading};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobKind {
    /// Read the documents of `Job::documents`.
    Decode,
    /// Group, match and prove the batch.
    Match,
}

impl JobKind {
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Decode => "decode",
            JobKind::Match => "match",
        }
    }

    pub fn parse(text: &str) -> Option<JobKind> {
        [JobKind::Decode, JobKind::Match].into_iter().find(|k| k.as_str() == text)
    }
}

/// A claimed job. Only the claim that holds the newest token may save its result.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    pub batch: BatchId,
    pub kind: JobKind,
    /// Part of the batch, from 1.
    pub part: u32,
    pub token: i64,
    /// How often it was claimed, this time included.
    pub attempts: u32,
    /// For [`JobKind::Decode`]: the documents of this part, in order.
    pub documents: Vec<Document>,
}

/// Who works: host, process and a random part, so that a dead process of this host is known as dead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worker(pub(crate) String);

impl Worker {
    pub fn this_process() -> Result<Self, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }
}

/// Jobs that are not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JobsLeft {
    pub ready: u64,
    pub leased: u64,
    /// Failed and waiting to be tried again by `retry_jobs`.
    pub failed: u64,
}

/// What identifies a check over the whole site, as read from its account line. Kept only as keyed hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckKey {
    /// Digits.
    pub routing: String,
    pub account: BankAccount,
    pub serial: String,
    pub amount: Option<Cents>,
}

/// The result of a match job.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Matched {
    pub transactions: Vec<Transaction>,
    /// Exceptions of the batch as a whole.
    pub exceptions: Vec<Exception>,
    /// For every check whose line was read.
    pub checks: Vec<(DocumentId, CheckKey)>,
}

impl Store {
    /// Claims up to `limit` jobs, oldest batch first, decode before match. `now` and `lease_seconds` are real seconds
    /// (`Clock::system().seconds()`), also under `REMIT_NOW`: leases guard against dead workers and appear in no output.
    pub async fn claim(
        &self,
        worker: &Worker,
        now: i64,
        lease_seconds: i64,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let _ = (worker, now, lease_seconds, limit);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Saves what was read and ends the decode job; with the batch's last one the batch becomes `decoded` and its match
    /// job is there. A document may have several readings (pages, sides); none is ever overwritten.
    pub async fn save_readings(&self, job: &Job, readings: &[(DocumentId, Reading)]) -> Result<(), StoreError> {
        let _ = (job, readings);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Saves the transactions of a batch and ends its match job: the batch is `in-review`. Every document of the batch
    /// must stand in exactly one transaction.
    pub async fn save_match(&self, job: &Job, matched: &Matched) -> Result<(), StoreError> {
        let _ = (job, matched);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Gives a job back with the reason why it broke: it is ready again, or `failed` after five attempts.
    pub async fn fail(&self, job: &Job, why: &str) -> Result<(), StoreError> {
        let _ = (job, why);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Jobs that are not done, of one batch or of the site.
    pub async fn jobs_left(&self, batch: Option<&BatchId>) -> Result<JobsLeft, StoreError> {
        let _ = batch;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Failed jobs become ready again. Returns how many.
    pub async fn retry_jobs(&self) -> Result<u64, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    /// What was read on each document of a batch, oldest reading first.
    pub async fn readings(&self, batch: &BatchId) -> Result<BTreeMap<DocumentId, Vec<Reading>>, StoreError> {
        let _ = batch;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// For each key the checks of the site with the same routing, account and serial (other documents included).
    pub async fn checks_like(&self, keys: &[CheckKey]) -> Result<Vec<Vec<LikeCheck>>, StoreError> {
        let _ = keys;
        Err(StoreError::Unsupported("being built".into()))
    }
}

/// A check already at the site that is like one asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LikeCheck {
    pub document: DocumentId,
    pub batch: BatchId,
    /// The same amount too (both known).
    pub same_amount: bool,
}
