//! To the bank: claim the checks, make the file, prove it, and only then move the books. A run that is cut short leaves a
//! reserved deposit; the next run makes exactly that file.

use std::collections::BTreeMap;

use crate::domain::{
    BatchId, Cents, Day, Deposit, DepositItem, DepositKind, DepositState, DocumentId, ImageRole, Sha256, UserName,
};
use crate::grouping::Evidence;
use crate::pipeline::{Face, Known, Office, OfficeError, Result};
use crate::store::{NewDeposit, StoreError};
use crate::truncation::{self, CheckImages, IclItem, Profile};
use crate::{post, station};

#[derive(Debug)]
pub struct MadeDeposit {
    /// `None`: there was nothing to deposit.
    pub deposit: Option<Deposit>,
    /// It was made before; nothing changed.
    pub already: bool,
    /// Checks that wait, and why they cannot go as images.
    pub left_out: Vec<(DocumentId, String)>,
}

/// A check on its way into the letter.
struct Ready {
    item: IclItem,
    face: Face,
}

/// What is known of the batches that a deposit draws on, each loaded once.
#[derive(Default)]
struct Sources(BTreeMap<BatchId, Known>);

impl Sources {
    async fn of(&mut self, office: &Office, batch: &BatchId) -> Result<&Known> {
        if !self.0.contains_key(batch) {
            let found = office.store.batch(batch.as_str()).await?;
            let transactions = office.store.transactions(&found.id).await?;
            self.0.insert(batch.clone(), office.known(&found, &transactions).await?);
        }
        self.0.get(batch).ok_or_else(|| StoreError::NotFound { noun: "batch", id: batch.to_string() }.into())
    }
}

fn evidence_of<'a>(known: &'a Known, document: &DocumentId) -> Result<&'a Evidence> {
    known
        .evidence
        .iter()
        .find(|e| e.document == *document)
        .ok_or_else(|| StoreError::NotFound { noun: "document", id: document.to_string() }.into())
}

impl Office {
    fn profile(&self, name: Option<&str>) -> Result<&Profile> {
        let profiles = &self.site.config.bank;
        let found = match name {
            None => profiles.first(),
            Some(name) => profiles.iter().find(|p| p.name == name),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = profiles.iter().map(|p| p.name.as_str()).collect();
            OfficeError::Usage(format!("there is no bank profile '{}': {}", name.unwrap_or(""), names.join(", ")))
        })
    }

    /// The image cash letter of a business day: every posted check up to that day that no deposit has claimed.
    pub async fn make_deposit(&self, date: Day, profile: Option<&str>, by: &UserName) -> Result<MadeDeposit> {
        let profile = self.profile(profile)?;
        let reserved = self
            .store
            .deposits()
            .await?
            .into_iter()
            .find(|d| d.state == DepositState::Reserved && d.profile == profile.name && d.kind == DepositKind::Icl);
        if let Some(deposit) = reserved {
            let made = self.finish_deposit(deposit, profile, by).await?;
            return Ok(MadeDeposit { deposit: Some(made), already: false, left_out: Vec::new() });
        }
        let waiting = self.store.undeposited().await?;
        let mut left_out = Vec::new();
        let mut items = Vec::new();
        let mut sources = Sources::default();
        for check in waiting.into_iter().filter(|c| c.date <= date) {
            let known = sources.of(self, &check.batch).await?;
            match truncation::eligible(evidence_of(known, &check.document)?, check.amount) {
                Ok(item) => items.push(item),
                Err(why) => left_out.push((check.document.clone(), why.to_string())),
            }
        }
        if items.is_empty() {
            return Ok(MadeDeposit { deposit: None, already: false, left_out });
        }
        let new = NewDeposit {
            date,
            kind: DepositKind::Icl,
            profile: profile.name.clone(),
            items: items
                .iter()
                .zip(1u32..)
                .map(|(item, n)| DepositItem {
                    document: item.document.clone(),
                    amount: item.amount,
                    sequence: format!("{n:015}"),
                })
                .collect(),
        };
        let total = Cents::sum(new.items.iter().map(|i| i.amount))?;
        if self.site.config.control.separate_release_from.is_some_and(|limit| total >= limit) {
            let checks: Vec<DocumentId> = new.items.iter().map(|i| i.document.clone()).collect();
            if self.store.approved_any(&checks, by).await? {
                return Err(OfficeError::refused(
                    "not-allowed",
                    format!("{by} may not release a deposit of {total}: {by} approved a batch in it"),
                    "somebody who approved none of its batches must release it",
                ));
            }
        }
        let deposit = self.store.reserve_deposit(&new, by).await?;
        let made = self.finish_deposit(deposit, profile, by).await?;
        Ok(MadeDeposit { deposit: Some(made), already: false, left_out })
    }

    /// Makes the file of a reserved deposit, proves it and moves the books. The same bytes every time.
    async fn finish_deposit(&self, deposit: Deposit, profile: &Profile, by: &UserName) -> Result<Deposit> {
        let mut ready = Vec::with_capacity(deposit.items.len());
        let mut sources = Sources::default();
        let mut documents = BTreeMap::new();
        for item in &deposit.items {
            let document = self.store.document(item.document.as_str()).await?;
            let known = sources.of(self, &document.batch).await?;
            let eligible = truncation::eligible(evidence_of(known, &item.document)?, item.amount).map_err(|why| {
                OfficeError::refused("not-eligible", format!("check {}: {why}", item.document), "look at the check")
            })?;
            let face = known.faces.get(&item.document).copied().unwrap_or_default();
            ready.push(Ready { item: eligible, face });
            documents.insert(item.document.clone(), document);
        }
        let mut letter_items = Vec::with_capacity(ready.len());
        for chunk in ready.chunks(64) {
            let mut hashes = Vec::new();
            for check in chunk {
                hashes.extend(sides(&documents[&check.item.document], check.face)?);
            }
            let bytes = self.store.blobs(&hashes).await?;
            let work: Vec<(IclItem, Face, u32, Vec<Vec<u8>>)> = chunk
                .iter()
                .zip(bytes.chunks(2))
                .map(|(check, sides)| {
                    let dpi = documents[&check.item.document].dpi.unwrap_or(0);
                    (check.item.clone(), check.face, dpi, sides.to_vec())
                })
                .collect();
            let made = tokio::task::spawn_blocking(move || images_of(work)).await.map_err(StoreError::Task)?;
            letter_items.extend(made?);
        }
        let created = format!("{}T17:{:02}:00Z", deposit.date, deposit.number % 60);
        let letter =
            truncation::cash_letter(profile, &letter_items, deposit.date, deposit.number, &created).map_err(|e| {
                OfficeError::refused(
                    "deposit",
                    e.to_string(),
                    "the checks stay reserved; mend the cause and run it again",
                )
            })?;
        assert_eq!(letter.total, deposit.total, "the file's total must be the deposit's");
        assert_eq!(letter.count, deposit.count, "the file's count must be the deposit's");
        let file = format!("deposits/{}-{}-{:02}.x9", deposit.date, profile.name, deposit.number);
        station::write_whole(&self.site.folder.join(&file), letter.bytes())?;
        let entry = post::deposit_entry(&deposit, &self.site.config.posting)?;
        self.store.deposit_made(&deposit.id, &file, Sha256::of(letter.bytes()), &[entry], by).await?;
        Ok(self.store.deposit(deposit.id.as_str()).await?)
    }

    pub async fn deposits(&self) -> Result<Vec<Deposit>> {
        Ok(self.store.deposits().await?)
    }

    pub async fn find_deposit(&self, id: &str) -> Result<Deposit> {
        Ok(self.store.deposit(id).await?)
    }

    /// The deposit as the command line's contract shows it.
    pub fn deposit_view(&self, d: &Deposit) -> serde_json::Value {
        let items: Vec<_> = d
            .items
            .iter()
            .map(|i| serde_json::json!({ "document": i.document, "amount": i.amount, "sequence": i.sequence }))
            .collect();
        serde_json::json!({ "id": d.id, "date": d.date, "kind": d.kind, "state": d.state, "count": d.count,
            "total": d.total, "profile": d.profile, "file": d.file, "sha256": d.sha256, "items": items })
    }
}

/// The hashes of the front and the back that go to the bank: the bitonal ones when there are any, in the order that the
/// reader found to be front and back.
fn sides(document: &crate::domain::Document, face: Face) -> Result<[Sha256; 2]> {
    let find = |roles: [ImageRole; 2]| {
        roles.iter().find_map(|role| document.images.iter().find(|i| i.role == *role).map(|i| i.hash))
    };
    let front = find([ImageRole::Front, ImageRole::FrontGray]);
    let back = find([ImageRole::Back, ImageRole::BackGray]);
    match (front, back) {
        (Some(front), Some(back)) if face.swapped => Ok([back, front]),
        (Some(front), Some(back)) => Ok([front, back]),
        _ => Err(OfficeError::refused(
            "image-missing",
            format!("check {} has not both sides", document.id),
            "scan it again, or deposit the paper",
        )),
    }
}

fn images_of(work: Vec<(IclItem, Face, u32, Vec<Vec<u8>>)>) -> Result<Vec<(IclItem, CheckImages)>> {
    use rayon::prelude::*;
    work.into_par_iter()
        .map(|(item, face, dpi, sides)| {
            let side = |n: usize, rotation: u16| {
                let bytes = sides.get(n).map(Vec::as_slice).unwrap_or_default();
                truncation::for_bank(bytes, rotation, dpi).map_err(|why| {
                    OfficeError::refused(
                        "image",
                        format!("check {}: {why}", item.document),
                        "scan it again, or deposit the paper; the checks stay reserved",
                    )
                })
            };
            // The back was turned over left to right: a quarter turn goes the other way there.
            let images = CheckImages { front: side(0, face.rotation)?, back: side(1, (360 - face.rotation) % 360)? };
            Ok((item, images))
        })
        .collect()
}
