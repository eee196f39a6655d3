//! Taking in: one transaction that keeps a receipt, its batches and documents, and the jobs that will work on them.
//! The same bytes, the same documents or the same business content again are told apart and never taken twice.

use super::*;
use crate::domain::{Batch, Document, ReceiptId, Sha256};

/// One source (folder or file) as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub id: ReceiptId,
    /// Of the source's bytes (for a folder: of its index and the hashes of its images).
    pub source: Sha256,
    /// Of what it says (totals, counts, item keys), for files that can be wrapped in other ways; `None` for folders.
    pub fingerprint: Option<Sha256>,
    pub name: String,
}

/// A source with all its batches, ready to be taken. Image bytes were given to [`Store::put_blobs`] before.
#[derive(Clone, PartialEq, Debug)]
pub struct Intake {
    pub receipt: Receipt,
    /// Batches in state `captured`, each with its documents in order.
    pub batches: Vec<(Batch, Vec<Document>)>,
    /// How many documents one decode job covers (at least 1; 64 to 200 is good).
    pub documents_per_job: u32,
}

/// A document that the site holds already, so that it was not taken again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldAlready {
    pub seq: u32,
    /// The document and the batch that hold it.
    pub document: DocumentId,
    pub batch: BatchId,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Taken {
    /// Everything was taken.
    New { batches: Vec<BatchId> },
    /// The same source, or all its documents, were taken before: these batches hold them. Nothing changed.
    Already { batches: Vec<BatchId> },
    /// Some documents were there; the rest was taken.
    Partly { batches: Vec<BatchId>, held: Vec<HeldAlready> },
    /// Other bytes that say the same as an earlier source. Nothing was taken: a person must look.
    Suspect { name: String, batches: Vec<BatchId> },
}

impl Store {
    pub async fn take_in(&self, intake: Intake, by: &UserName) -> Result<Taken, StoreError> {
        let _ = (intake, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The batches of an earlier taking-in of exactly these bytes: asked before the work of storing images.
    pub async fn taken(&self, source: Sha256) -> Result<Option<Vec<BatchId>>, StoreError> {
        let _ = source;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// In the order in which they were captured.
    pub async fn documents(&self, batch: &BatchId) -> Result<Vec<Document>, StoreError> {
        let _ = batch;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By id or unique beginning of one.
    pub async fn document(&self, id: &str) -> Result<Document, StoreError> {
        let _ = id;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Other documents of the site with the same front image: (hash, document, its batch), oldest batch first.
    pub async fn documents_with_front(
        &self,
        hashes: &[Sha256],
    ) -> Result<Vec<(Sha256, DocumentId, BatchId)>, StoreError> {
        let _ = hashes;
        Err(StoreError::Unsupported("being built".into()))
    }
}
