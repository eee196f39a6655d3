//! Papers put together anew, and sides scanned again: each in one go, with the earlier envelopes and scans on record, so that
//! it can be taken back. A payment that is posted or has ended is left alone.

use std::collections::BTreeMap;

use super::record::taken_back;
use super::settle::{after, proposed_again, regrouped};
use super::{AfterDecision, Office, OfficeError, Result};
use crate::domain::{
    Batch, Decision, Document, DocumentId, ImageRef, ImageRole, Reason, Sha256, Transaction, TransactionState, UserName,
};
use crate::exceptions::Effect;
use crate::store::{Rescan, StoreError};

impl Office {
    /// The earlier scans of a side to be put in their place again; the one that is taken back is kept beside them.
    pub(super) async fn unscan(&self, fields: &BTreeMap<String, String>) -> Result<Rescan> {
        let refused = |message: &str| Err(OfficeError::refused("undo", message, "scan the side again"));
        let text = |name: &str| fields.get(name).map_or("", String::as_str);
        let Ok(was) = serde_json::from_str::<Vec<(String, String)>>(text("was")) else {
            return refused("what this scan took the place of is not on record");
        };
        let was: Option<Vec<_>> = was.into_iter().map(|(role, name)| Some((ImageRole::parse(&role)?, name))).collect();
        let Some(was) = was else { return refused("the record of this scan is damaged") };
        let document = self.store.document(text("document")).await?;
        let role_of = |name: &str| document.images.iter().find(|i| i.name == name).map(|i| i.role);
        let back = was.iter().all(|(role, name)| role_of(name) == Some(*role));
        match role_of(text("scan")) {
            Some(ImageRole::Replaced) if !back => refused("a later scan is in its place"),
            _ => Ok(Rescan::Back { document: document.id.clone(), scan: text("scan").into(), was }),
        }
    }

    /// Puts the documents of a regrouping back into the envelopes that they were in before it, all at once: each of these is
    /// a regrouping of its own, and stays in the record.
    pub(super) async fn ungroup(&self, one: &Transaction, regroup: &Decision, by: &UserName) -> Result<AfterDecision> {
        let help = "put the documents together as they were: regroup them";
        let Some(was) = regroup.fields.get("was") else {
            return Err(OfficeError::refused("undo", "what was together before is not on record", help));
        };
        let batch = self.store.batch(one.batch.as_str()).await?;
        let all = self.store.transactions(&batch.id).await?;
        let places = self.places_in(&batch).await?;
        let mut now = all.clone();
        for envelope in was.split(';') {
            let documents: std::result::Result<Vec<_>, _> = envelope.split(',').map(str::parse).collect();
            let documents =
                documents.map_err(|_| OfficeError::refused("undo", "the record of the regrouping is damaged", help))?;
            let Together::Now { decided, documents } = together(&now, &places, &documents, by, self.clock.stamp())?
            else {
                continue;
            };
            let (gone, come) = regrouped(&now, &decided, &documents);
            now.retain(|t| !gone.iter().any(|g| g.id == t.id));
            now.extend(come);
        }
        now.sort_by_key(|t| (t.seq, t.id.clone()));
        let touched: Vec<Transaction> = all.iter().filter(|t| !now.contains(t)).cloned().collect();
        let changed: Vec<Transaction> = now.iter().filter(|t| !all.contains(t)).cloned().collect();
        if changed.is_empty() {
            return Ok(after(None, one, true));
        }
        let known = self.known(&batch, &now).await?;
        let again = proposed_again(&known, &now, &changed);
        let saved = self.save(&batch, known, (touched, again), one, "regroup", by).await?;
        Ok(after(None, &saved, false))
    }

    /// The documents of a batch with their places in the order of capture.
    async fn places_in(&self, batch: &Batch) -> Result<BTreeMap<DocumentId, u32>> {
        Ok(self.store.documents(&batch.id).await?.into_iter().map(|d| (d.id, d.seq)).collect())
    }

    /// Puts documents of a batch into one payment of their own, whatever their exceptions are.
    pub async fn regroup(&self, batch: &Batch, documents: &[DocumentId], by: &UserName) -> Result<AfterDecision> {
        let all = self.store.transactions(&batch.id).await?;
        let places = self.places_in(batch).await?;
        match together(&all, &places, documents, by, self.clock.stamp())? {
            Together::Already(one) => Ok(after(None, &one, true)),
            Together::Now { mut decided, documents } => {
                let Some(decision) = decided.decisions.pop() else { return Ok(after(None, &decided, true)) };
                let saved = self.replay(&decided, decision, Effect::Regroup { documents }, "regroup", by).await?;
                Ok(after(None, &saved, false))
            }
        }
    }

    /// A side of a document scanned again: the new image takes its place, the earlier one is kept, and the payment is matched
    /// anew. An image that cannot be opened changes nothing.
    pub async fn rescan(
        &self,
        document: &str,
        role: ImageRole,
        bytes: Vec<u8>,
        by: &UserName,
    ) -> Result<AfterDecision> {
        let mut document = self.store.document(document).await?;
        let refused = |message: &str| Err(OfficeError::refused("rescan", message, "nothing was changed"));
        let Some(home) = self.store.transaction_of_document(&document.id).await? else {
            return refused("this document is still being read");
        };
        let before = self.store.transaction(home.as_str()).await?;
        let closed = [TransactionState::Posted, TransactionState::Void, TransactionState::Rejected];
        if closed.contains(&before.state) {
            return refused("this document is of a payment that cannot be changed any more");
        }
        let hash = Sha256::of(&bytes);
        if document.images.iter().any(|i| i.hash == hash && i.role != ImageRole::Replaced) {
            return refused("this is a scan that is here already");
        }
        let name = format!("scan-{}-{}", document.images.len() + 1, role.as_str());
        let scan = ImageRef { role, name, hash };
        let front = matches!(role, ImageRole::Front | ImageRole::FrontGray);
        // What it takes the place of, for whoever takes it back.
        let mut was: Vec<(&str, String)> = Vec::new();
        for image in &mut document.images {
            let is_front = matches!(image.role, ImageRole::Front | ImageRole::FrontGray);
            if image.role != ImageRole::Replaced && is_front == front {
                was.push((image.role.as_str(), image.name.clone()));
                image.role = ImageRole::Replaced;
            }
        }
        let others: Vec<ImageRef> = document.images.iter().filter(|i| i.role != ImageRole::Replaced).cloned().collect();
        let mut all = self.store.blobs(&others.iter().map(|i| i.hash).collect::<Vec<_>>()).await?;
        all.push(bytes.clone());
        let now = Document { images: others.into_iter().chain([scan.clone()]).collect(), ..document.clone() };
        let layouts = self.layouts().await?;
        let helpers = self.helpers.clone();
        let read =
            tokio::task::spawn_blocking(move || super::read_documents(&[now], all, &layouts, helpers.as_deref()));
        let reading = read.await.map_err(StoreError::Task)??.pop().map(|(_, reading)| reading);
        let unreadable = |r: &crate::domain::Reading| r.problems.iter().any(|p| p.code == Reason::ImageUnreadable);
        let Some(reading) = reading.filter(|r| !unreadable(r)) else {
            return refused("this image cannot be opened");
        };
        self.store.put_blobs(vec![(hash, bytes)]).await?;
        let fields = BTreeMap::from([
            ("document".to_string(), document.id.to_string()),
            ("scan".to_string(), scan.name.clone()),
            ("was".to_string(), serde_json::to_string(&was).unwrap_or_default()),
        ]);
        let decision = Decision { name: "rescan".into(), fields, by: by.clone(), at: self.clock.stamp() };
        let put = Rescan::Put { document: document.id.clone(), scan, reading: Box::new(reading) };
        let saved = self.rescanned(&before, decision, put, "rescan", by).await?;
        Ok(after(None, &saved, false))
    }
}

/// What putting documents together comes to.
enum Together {
    /// They are one payment as it is.
    Already(Transaction),
    /// The payment that takes them, with the decision about it at the end, and they themselves in the order of capture.
    Now { decided: Transaction, documents: Vec<DocumentId> },
}

fn together(
    all: &[Transaction],
    places: &BTreeMap<DocumentId, u32>,
    documents: &[DocumentId],
    by: &UserName,
    at: String,
) -> Result<Together> {
    let mut named = documents.to_vec();
    named.sort();
    named.dedup();
    let home = |d: &DocumentId| all.iter().find(|t| t.documents.contains(d));
    let refused = |message: &str| Err(OfficeError::refused("regroup", message, "nothing was changed"));
    let Some(first) = named.first().and_then(home) else {
        return refused("these documents are not of this batch");
    };
    if named.len() != documents.len() || named.iter().any(|d| home(d).is_none()) {
        return refused("these documents are not of this batch, or one is named twice");
    }
    let closed = [TransactionState::Posted, TransactionState::Void, TransactionState::Rejected];
    if named.iter().filter_map(home).any(|t| closed.contains(&t.state)) {
        return refused("one of these documents is of a payment that cannot be changed any more");
    }
    if first.documents.len() == named.len() && named.iter().all(|d| first.documents.contains(d)) {
        return Ok(Together::Already(first.clone()));
    }
    let listed = |documents: &[DocumentId]| documents.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    // What was together before, for whoever takes it back.
    let touched = all.iter().filter(|t| t.documents.iter().any(|d| named.contains(d)));
    let was: Vec<String> = touched.map(|t| listed(&t.documents)).collect();
    let mut ordered = named.clone();
    ordered.sort_by_key(|d| places.get(d).copied());
    let fields = BTreeMap::from([("documents".to_string(), listed(&ordered)), ("was".to_string(), was.join(";"))]);
    // What was decided stays with its papers: of the envelopes that come in whole, the one whose record is longest goes on.
    let whole = all.iter().filter(|t| !t.documents.is_empty() && t.documents.iter().all(|d| named.contains(d)));
    let on = whole.max_by_key(|t| (taken_back(t), t.decisions.len(), std::cmp::Reverse(t.seq)));
    let mut decided = on.unwrap_or(first).clone();
    decided.decisions.push(Decision { name: "regroup".into(), fields, by: by.clone(), at });
    Ok(Together::Now { decided, documents: ordered })
}
