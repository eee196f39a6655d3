//! To the bank: claim the checks, make the file, prove it, and only then move the books. A run that is cut short leaves a
//! reserved deposit; the next run makes exactly that file.

use std::collections::BTreeMap;

use crate::domain::{
    AccountFlag, BatchId, Biller, Cents, Day, Deposit, DepositItem, DepositKind, DepositState, DocumentId, ImageRole,
    Sha256, Transaction, UserName,
};
use crate::grouping::Evidence;
use crate::pipeline::{Face, Known, Office, OfficeError, Result, apart};
use crate::store::{NewDeposit, StoreError};
use crate::truncation::{self, Around, CheckImages, IclItem, Profile};
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
struct Sources(BTreeMap<BatchId, (Known, Vec<Transaction>)>);

impl Sources {
    async fn of(&mut self, office: &Office, batch: &BatchId) -> Result<&Known> {
        Ok(&self.with_transactions(office, batch).await?.0)
    }

    async fn with_transactions(&mut self, office: &Office, batch: &BatchId) -> Result<&(Known, Vec<Transaction>)> {
        if !self.0.contains_key(batch) {
            let found = office.store.batch(batch.as_str()).await?;
            let transactions = office.store.transactions(&found.id).await?;
            let known = office.known(&found, &transactions).await?;
            self.0.insert(batch.clone(), (known, transactions));
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

/// Billers, flags and origin that decide whether a check may be converted.
fn around(known: &Known, transactions: &[Transaction], document: &DocumentId, has_twin: bool) -> Around {
    let own = transactions.iter().find(|t| t.documents.contains(document));
    let paid = own.map_or(&[][..], |t| t.applications.as_slice());
    let mut billers: Vec<Biller> = paid.iter().filter_map(|a| a.biller.clone()).collect();
    billers.sort();
    billers.dedup();
    let mut flags: Vec<AccountFlag> = Vec::new();
    for application in paid {
        let Some(account) = &application.account else { continue };
        for bill in known.book.bills_of(application.biller.as_ref(), account) {
            flags.extend(bill.flags.iter().copied());
        }
    }
    // Money in suspense pays nobody whose notice would cover it.
    if paid.iter().any(|a| a.biller.is_none()) {
        billers.clear();
    }
    Around { origin: Some(known.batch.origin), billers, flags, has_twin }
}

impl Office {
    /// What goes to the bank on a business day, by every channel: first the checks that may become ACH entries, where the
    /// site has that switched on, then the image cash letter of the rest. Both draw on the same claims: no check goes twice.
    pub async fn make_deposits(&self, date: Day, profile: Option<&str>, by: &UserName) -> Result<Vec<MadeDeposit>> {
        let mut made = Vec::new();
        if self.site.config.arc.enabled {
            made.push(self.make_arc_deposit(date, by).await?);
        }
        made.push(self.make_deposit(date, profile, by).await?);
        Ok(made)
    }

    /// The ACH file of a business day: every posted check up to that day that may be converted and that no deposit has
    /// claimed. A run that was cut short is finished first, with the same bytes.
    pub async fn make_arc_deposit(&self, date: Day, by: &UserName) -> Result<MadeDeposit> {
        let profile = &self.site.config.arc;
        let deposits: Vec<Deposit> =
            self.store.deposits().await?.into_iter().filter(|d| d.kind == DepositKind::Arc).collect();
        let reserved = deposits.iter().find(|d| d.state == DepositState::Reserved && d.profile == profile.name);
        if let Some(deposit) = reserved {
            let made = self.finish_arc_deposit(deposit.clone(), by).await?;
            return Ok(MadeDeposit { deposit: Some(made), already: false, left_out: Vec::new() });
        }
        let mut items = Vec::new();
        let mut sources = Sources::default();
        for check in self.store.undeposited().await?.into_iter().filter(|c| c.date <= date) {
            let (known, transactions) = sources.with_transactions(self, &check.batch).await?;
            let around = around(known, transactions, &check.document, check.twin.is_some());
            let evidence = evidence_of(known, &check.document)?;
            match truncation::arc_eligible(evidence, check.amount, &around, profile) {
                Ok(item) => items.push(item),
                Err(why) => tracing::debug!(document = %check.document, "not converted: {why}"),
            }
        }
        if items.is_empty() {
            return Ok(MadeDeposit { deposit: None, already: false, left_out: Vec::new() });
        }
        // Each entry and each offset that ever left has had a number; the trace numbers are kept with the claims.
        let before: u64 = deposits.iter().map(|d| u64::from(d.count) + 1).sum();
        let items = items
            .iter()
            .zip(before + 1..)
            .map(|(item, n)| DepositItem {
                document: item.document.clone(),
                amount: item.amount,
                sequence: truncation::trace_number(profile, n),
            })
            .collect();
        let new = NewDeposit { date, kind: DepositKind::Arc, profile: profile.name.clone(), items };
        self.may_release(&new, by).await?;
        let deposit = self.store.reserve_deposit(&new, by).await?;
        let made = self.finish_arc_deposit(deposit, by).await?;
        Ok(MadeDeposit { deposit: Some(made), already: false, left_out: Vec::new() })
    }

    /// Makes the file of a reserved ACH deposit, proves it and moves the books. The same bytes every time.
    async fn finish_arc_deposit(&self, deposit: Deposit, by: &UserName) -> Result<Deposit> {
        let profile = &self.site.config.arc;
        let mut items = Vec::with_capacity(deposit.items.len());
        let mut sources = Sources::default();
        for item in &deposit.items {
            let document = self.store.document(item.document.as_str()).await?;
            let (known, transactions) = sources.with_transactions(self, &document.batch).await?;
            // Its twin was looked at when it was claimed.
            let around = around(known, transactions, &item.document, false);
            let evidence = evidence_of(known, &item.document)?;
            let eligible = truncation::arc_eligible(evidence, item.amount, &around, profile).map_err(|why| {
                OfficeError::refused("not-eligible", format!("check {}: {why}", item.document), "look at the check")
            })?;
            items.push((eligible, item.sequence.clone()));
        }
        let last = deposit.items.last().and_then(|i| i.sequence.get(8..)).and_then(|n| n.parse::<u64>().ok());
        let offset_trace = truncation::trace_number(profile, last.unwrap_or(0) + 1);
        let file =
            truncation::arc_file(profile, &items, (deposit.date, &deposit.claimed_at), deposit.number, &offset_trace)
                .map_err(|e| {
                let help = "the checks stay reserved; mend the cause and run it again";
                OfficeError::refused("deposit", e.to_string(), help)
            })?;
        assert_eq!(file.total, deposit.total, "the file's total must be the deposit's");
        assert_eq!(file.count, deposit.count, "the file's count must be the deposit's");
        let name = format!("deposits/{}-{}-{:02}.ach", deposit.date, profile.name, deposit.number);
        station::write_whole(&self.site.folder.join(&name), file.bytes())?;
        let entry = post::deposit_entry(&deposit, &self.site.config.posting)?;
        self.store.deposit_made(&deposit.id, &name, Sha256::of(file.bytes()), &[entry], by).await?;
        Ok(self.store.deposit(deposit.id.as_str()).await?)
    }

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
                .map(|item| DepositItem {
                    document: item.document.clone(),
                    amount: item.amount,
                    // Given with the deposit's number.
                    sequence: String::new(),
                })
                .collect(),
        };
        self.may_release(&new, by).await?;
        let deposit = self.store.reserve_deposit(&new, by).await?;
        let made = self.finish_deposit(deposit, profile, by).await?;
        Ok(MadeDeposit { deposit: Some(made), already: false, left_out })
    }

    /// Above the office's limit a deposit is released by somebody who approved none of its batches.
    async fn may_release(&self, new: &NewDeposit, by: &UserName) -> Result<()> {
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
        Ok(())
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
        let refused = |e: truncation::LetterError| {
            let help = "the checks stay reserved; mend the cause and run it again";
            OfficeError::refused("deposit", e.to_string(), help)
        };
        let file = format!("deposits/{}-{}-{:02}.x9", deposit.date, profile.name, deposit.number);
        let path = self.site.folder.join(&file);
        // Waits for whoever makes this file just now, so not on a thread that they may need.
        let begun = tokio::task::spawn_blocking(move || station::Draft::begin(&path));
        let mut draft = begun.await.map_err(StoreError::Task)??;
        let created = &deposit.claimed_at;
        let mut maker = truncation::LetterMaker::begin(profile, deposit.total, deposit.date, deposit.number, created)
            .map_err(refused)?;
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
            let helpers = self.helpers.clone();
            let made = tokio::task::spawn_blocking(move || images_of(work, helpers.as_deref()))
                .await
                .map_err(StoreError::Task)?;
            for (item, images) in made? {
                maker.add(&item, &images).map_err(refused)?;
                draft.add(&maker.take())?;
            }
        }
        let (unproved, end) = maker.finish().map_err(refused)?;
        draft.add(&end)?;
        let written = draft.written()?;
        let (reads_back, _) = written.read_through(|bytes| unproved.reads_back(bytes))?;
        let (adds_up, sha256) = written.read_through(|bytes| unproved.adds_up(bytes))?;
        if let Err(wrong) = reads_back.and(adds_up) {
            draft.throw_away()?;
            return Err(refused(wrong));
        }
        let letter = unproved.letter();
        assert_eq!(letter.total, deposit.total, "the file's total must be the deposit's");
        assert_eq!(letter.count, deposit.count, "the file's count must be the deposit's");
        assert_eq!(letter.items, deposit.items, "the file's items must be the deposit's, under their numbers");
        draft.finish()?;
        let entry = post::deposit_entry(&deposit, &self.site.config.posting)?;
        self.store.deposit_made(&deposit.id, &file, sha256, &[entry], by).await?;
        Ok(self.store.deposit(deposit.id.as_str()).await?)
    }

    /// Takes what was kept long enough away, in the store and in the site's folder: see [`crate::store::Store::purge`]. A
    /// repeat takes what a stopped one left.
    pub async fn purge(&self, before: Day, really: bool, by: &UserName) -> Result<crate::store::Purge> {
        let purge = self.store.purge(before, really, by).await?;
        for file in if really { self.store.purged_deposit_files().await? } else { Vec::new() } {
            let plain = std::path::Path::new(&file).components().all(|c| matches!(c, std::path::Component::Normal(_)));
            if plain && file.starts_with("deposits/") {
                station::take_away(&self.site.folder.join(&file))?;
            }
        }
        Ok(purge)
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

fn images_of(
    work: Vec<(IclItem, Face, u32, Vec<Vec<u8>>)>,
    helpers: Option<&apart::Helpers>,
) -> Result<Vec<(IclItem, CheckImages)>> {
    use rayon::prelude::*;
    work.into_par_iter()
        .map(|(item, face, dpi, sides)| {
            let side = |n: usize, rotation: u16| {
                let bytes = sides.get(n).map(Vec::as_slice).unwrap_or_default();
                let made = match helpers {
                    Some(helpers) => helpers.for_bank(bytes, rotation, dpi)?,
                    None => truncation::for_bank(bytes, rotation, dpi).map_err(|why| why.to_string()),
                };
                made.map_err(|why| {
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
