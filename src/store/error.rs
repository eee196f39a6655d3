//! What can go wrong in the store, told apart by kind and never by a message's text. None of these carries an account
//! number: a `what` names places and ids only.

use std::path::PathBuf;

use crate::domain::{BatchEvent, BatchState, MoneyError, Sha256};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such thing at this site.
    #[error("no {noun} '{id}'")]
    NotFound { noun: &'static str, id: String },
    /// An abbreviated id or a name fits more than one.
    #[error("'{id}' fits more than one {noun}: write more of it")]
    Ambiguous { noun: &'static str, id: String },
    /// Somebody else changed it since it was loaded: load again and decide again. Nothing was changed.
    #[error("{what} was changed by somebody else meanwhile; nothing was saved")]
    Conflict { what: String },
    /// The event may not happen in this state.
    #[error("batch {batch} is {}; {event:?} cannot be done now", .state.as_str())]
    WrongState { batch: String, state: BatchState, event: BatchEvent },
    /// The person may not do this (unknown, disabled, or the one who balanced).
    #[error("{user} may not do this: {why}")]
    NotAllowed { user: String, why: &'static str },
    /// The lease of the job has passed to another worker; its result was not saved.
    #[error("job {job} belongs to another worker now; this result was not saved")]
    StaleLease { job: String },
    /// Money or documents do not prove; nothing was saved.
    #[error("{what} does not prove: {why}")]
    OutOfBalance { what: String, why: String },
    /// Something that must be unique is there already.
    #[error("{what} is there already")]
    Exists { what: String },
    /// A complete bill file that would close more than half of the open bills.
    #[error("this file would close {closing} of {open} open bills; nothing was changed")]
    ClosesTooMuch { closing: u64, open: u64 },
    /// A complete bill file of an earlier day than the last one.
    #[error(
        "this file looks older than what is loaded: no bill on it is new, {opening} were closed by a later file, and it lacks {closing} \
         that are open; nothing was changed"
    )]
    OlderList { opening: u64, closing: u64 },
    /// What stands in the database or the object store is not what this program can have written.
    #[error("{place} is damaged: {why}")]
    Damaged { place: String, why: String },
    /// The object store does not hold these bytes.
    #[error("no image or file with the hash {hash} in the object store")]
    NoBlob { hash: Sha256 },
    /// The key file is missing, open to others, malformed or of another site.
    #[error("key file {path}: {why}")]
    Key { path: PathBuf, why: &'static str },
    /// There is no site where one was expected, or one where none was.
    #[error("{place}: {why}")]
    Site { place: String, why: &'static str },
    /// This build cannot do it (a feature is off, an address of an unknown kind).
    #[error("{0}")]
    Unsupported(String),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the object store: {0}")]
    Objects(String),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database's structure: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("a task of the store stopped: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl StoreError {
    pub(crate) fn not_found(noun: &'static str, id: impl ToString) -> Self {
        StoreError::NotFound { noun, id: id.to_string() }
    }

    pub(crate) fn damaged(place: impl Into<String>, why: impl ToString) -> Self {
        StoreError::Damaged { place: place.into(), why: why.to_string() }
    }

    /// Did a unique rule of the database refuse it?
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, StoreError::Database(e) if e.as_database_error().is_some_and(|e| e.is_unique_violation()))
    }

    /// Did the database take the losing side of a deadlock back whole (Postgres 40P01, 40001), so that the same call by the
    /// same id may be made again at once?
    pub(crate) fn is_deadlock(&self) -> bool {
        matches!(self, StoreError::Database(e)
            if e.as_database_error().and_then(|e| e.code()).is_some_and(|c| c == "40P01" || c == "40001"))
    }

    /// Did a machine break (database, disk, object store), so that the same call may work later?
    pub fn is_machine(&self) -> bool {
        matches!(
            self,
            StoreError::Io { .. }
                | StoreError::Objects(_)
                | StoreError::Database(_)
                | StoreError::Migration(_)
                | StoreError::Task(_)
                | StoreError::Damaged { .. }
                | StoreError::NoBlob { .. }
        )
    }
}
