//! Taking in: one transaction that keeps a receipt, its batches and documents, and the jobs that will work on them.
//! The same bytes, the same documents or the same business content again are told apart and never taken twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::audit::Event;
use super::db::{Bulk, Kind, Row, Tx, begins, sql, values};
use super::*;
use crate::domain::{Batch, BatchState, Document, DocumentKind, ImageRef, ImageRole, Reading, ReceiptId, Sha256};

/// One source (folder or file) as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub id: ReceiptId,
    /// Of the source's bytes (for a folder: of its index and the hashes of its images).
    pub source: Sha256,
    /// Of what it says (totals, counts, item keys), for files that can be wrapped in other ways; `None` for folders.
    pub fingerprint: Option<Sha256>,
    pub name: String,
    /// The bank file, or the index of the tray, as it came and is kept (see [`Store::keep_file`]).
    pub file: Option<Sha256>,
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

/// A side of a document scanned again, as part of the decision that comes of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Rescan {
    /// The new image takes the place of those of its side, which stay as replaced; with what is read on it.
    Put { document: DocumentId, scan: ImageRef, reading: Box<Reading> },
    /// What it took the place of (roles and names) is there again; the scan of that name stays as replaced.
    Back { document: DocumentId, scan: String, was: Vec<(ImageRole, String)> },
}

fn is_front(role: ImageRole) -> bool {
    matches!(role, ImageRole::Front | ImageRole::FrontGray)
}

impl Rescan {
    pub fn document(&self) -> &DocumentId {
        match self {
            Rescan::Put { document, .. } | Rescan::Back { document, .. } => document,
        }
    }

    /// The images of the document as they are after it.
    pub fn change(&self, images: &mut Vec<ImageRef>) {
        match self {
            Rescan::Put { scan, .. } => {
                let side = images.iter_mut().filter(|i| i.role != ImageRole::Replaced);
                side.filter(|i| is_front(i.role) == is_front(scan.role)).for_each(|i| i.role = ImageRole::Replaced);
                images.push(scan.clone());
            }
            Rescan::Back { scan, was, .. } => {
                for image in images.iter_mut() {
                    match was.iter().find(|(_, name)| *name == image.name) {
                        Some((role, _)) => image.role = *role,
                        None if image.name == *scan => image.role = ImageRole::Replaced,
                        None => {}
                    }
                }
            }
        }
    }
}

sql! {
    SET_ASIDE_SIDE = "update images set role = 'replaced' where site = $1 and document = $2 and role any_of($3)";
    LAST_IMAGE = "select max(place) from images where site = $1 and document = $2";
    ADD_SCAN = "insert into images (site, document, place, role, name, hash) values ($1, $2, $3, $4, $5, $6)";
    SET_ROLE = "update images set role = $4 where site = $1 and document = $2 and name = $3";
    BY_SOURCE = "select id, name from receipts where site = $1 and source = $2";
    BY_FINGERPRINT = "select id, name from receipts where site = $1 and fingerprint = $2";
    BATCHES_OF_RECEIPT = "select id from batches where site = $1 and receipt = $2 order by place";
    RECEIPTS_OF = "select receipt from batches where site = $1 and id any_of($2)";
    CONTENTS = "select content, document, batch from contents where site = $1 and content any_of($2)";
    ADD_RECEIPT = "insert into receipts (site, id, source, fingerprint, name, at, by_user)
                   values ($1, $2, $3, $4, $5, $6, $7)";
    MISSING_BLOB = "select i.hash from images i where i.site = $1 and i.document any_of($2)
                    and not exists (select 1 from blobs b where b.site = i.site and b.hash = i.hash) limit 1";
    DOCUMENTS = "select id, batch, seq, kind_hint, dpi, station_micr, station_amount, amount_is_recorded, envelope,
                 remittance from documents where site = $1 and batch = $2 and place between $3 and $4 order by place";
    IMAGES = "select i.document, i.role, i.name, i.hash from images i
              join documents d on d.site = i.site and d.id = i.document
              where i.site = $1 and d.batch = $2 and d.place between $3 and $4 order by d.place, i.place";
    THESE = "select id, batch, seq, kind_hint, dpi, station_micr, station_amount, amount_is_recorded, envelope,
             remittance from documents where site = $1 and id any_of($2) order by batch || '', place";
    IMAGES_OF_THESE = "select document, role, name, hash from images where site = $1 and document any_of($2)
                       order by document, place";
    DOCUMENT = "select id, batch, place from documents where site = $1 and id = $2";
    DOCUMENT_LIKE = concat!("select id, batch, place from documents where site = $1 and ", begins!("id"), " limit 2");
    WITH_FRONT = "select i.hash, i.document, d.batch from images i
                  join documents d on d.site = i.site and d.id = i.document
                  join batches b on b.site = d.site and b.id = d.batch
                  where i.site = $1 and i.hash any_of($2) and i.role = 'front' and b.state <> 'void'
                  order by i.hash, b.date, b.id, d.place";
}

const ADD_FILE_RECEIPTS: Bulk = Bulk {
    table: "file_receipts",
    columns: &[("site", Kind::Text), ("sha256", Kind::Text), ("receipt", Kind::Text)],
    tail: "on conflict (site, sha256, receipt) do nothing",
};

pub(super) const ADD_BATCHES: Bulk = Bulk {
    table: "batches",
    columns: &[
        ("site", Kind::Text),
        ("id", Kind::Text),
        ("receipt", Kind::Text),
        ("place", Kind::Int),
        ("name", Kind::Text),
        ("state", Kind::Text),
        ("origin", Kind::Text),
        ("date", Kind::Text),
        ("operator", Kind::Text),
        ("declared_count", Kind::Int),
        ("declared_total", Kind::Int),
        ("counts_documents", Kind::Flag),
        ("changes", Kind::Int),
    ],
    tail: "",
};

const ADD_DOCUMENTS: Bulk = Bulk {
    table: "documents",
    columns: &[
        ("site", Kind::Text),
        ("id", Kind::Text),
        ("batch", Kind::Text),
        ("place", Kind::Int),
        ("seq", Kind::Int),
        ("kind_hint", Kind::Text),
        ("dpi", Kind::Int),
        ("station_micr", Kind::Bytes),
        ("station_amount", Kind::Int),
        ("amount_is_recorded", Kind::Flag),
        ("envelope", Kind::Int),
        ("remittance", Kind::Bytes),
    ],
    tail: "",
};

const ADD_IMAGES: Bulk = Bulk {
    table: "images",
    columns: &[
        ("site", Kind::Text),
        ("document", Kind::Text),
        ("place", Kind::Int),
        ("role", Kind::Text),
        ("name", Kind::Text),
        ("hash", Kind::Text),
    ],
    tail: "",
};

const ADD_CONTENTS: Bulk = Bulk {
    table: "contents",
    columns: &[("site", Kind::Text), ("content", Kind::Text), ("document", Kind::Text), ("batch", Kind::Text)],
    tail: "",
};

/// What each document is made of: the hashes of its front and back, or its source and place where it is a record. The
/// second and third time in one source count as other things (a station may scan the same piece twice).
fn contents(intake: &Intake) -> Vec<Vec<String>> {
    let mut seen: HashMap<Sha256, u32> = HashMap::new();
    let mut record = 0u64;
    let mut content = |document: &Document| {
        let mut bytes = Vec::new();
        let sides: Vec<&ImageRef> =
            document.images.iter().filter(|i| matches!(i.role, ImageRole::Front | ImageRole::Back)).collect();
        let sides = if sides.is_empty() { document.images.iter().collect() } else { sides };
        for image in &sides {
            bytes.extend(image.role.as_str().as_bytes());
            bytes.extend(image.hash.0);
        }
        record += 1;
        if sides.is_empty() {
            bytes.extend(b"record");
            bytes.extend(intake.receipt.source.0);
            bytes.extend(record.to_be_bytes());
        }
        let hash = Sha256::of(&bytes);
        let times = seen.entry(hash).or_default();
        *times += 1;
        if *times == 1 { hash.to_string() } else { format!("{hash}-{times}") }
    };
    intake.batches.iter().map(|(_, documents)| documents.iter().map(&mut content).collect()).collect()
}

impl Store {
    /// Takes a source in, all or nothing. Its image bytes must be in the object store.
    pub async fn take_in(&self, intake: Intake, by: &UserName) -> Result<Taken, StoreError> {
        let take = || self.again(|| Box::pin(self.take_in_now(&intake, by)));
        match take().await {
            // Somebody took the same at the same moment and was first: now it is there already.
            Err(error) if error.is_unique_violation() => take().await,
            other => other,
        }
    }

    async fn take_in_now(&self, intake: &Intake, by: &UserName) -> Result<Taken, StoreError> {
        let mut tx = self.db().write().await?;
        if let Some((_, batches)) = self.receipt_by(&mut tx, BY_SOURCE, intake.receipt.source).await? {
            self.brought(tx, intake, &batches).await?;
            return Ok(Taken::Already { batches });
        }
        let contents = contents(intake);
        let mut there: HashMap<String, (DocumentId, BatchId)> = HashMap::new();
        for row in tx.rows(CONTENTS, values![self.site(), contents.concat()]).await? {
            let content = row.text(0)?;
            there.insert(content, (row.parsed(1, "content")?, row.parsed(2, "content")?));
        }
        let all: usize = contents.iter().map(Vec::len).sum();
        if all > 0 && there.len() == all {
            let batches: BTreeSet<BatchId> = there.into_values().map(|(_, batch)| batch).collect();
            let batches: Vec<BatchId> = batches.into_iter().collect();
            self.brought(tx, intake, &batches).await?;
            return Ok(Taken::Already { batches });
        }
        if let Some(fingerprint) = intake.receipt.fingerprint
            && let Some((name, batches)) = self.receipt_by(&mut tx, BY_FINGERPRINT, fingerprint).await?
        {
            self.brought(tx, intake, &batches).await?;
            return Ok(Taken::Suspect { name, batches });
        }
        let (batches, held) = self.keep(&mut tx, intake, &contents, &there, by).await?;
        let what = if held.is_empty() { "take-in" } else { "take-in-rest" };
        let note =
            format!("{}: {} batches, {} of {all} documents", intake.receipt.name, batches.len(), all - held.len());
        let id = intake.receipt.id.as_str();
        let after = Some(intake.receipt.source);
        self.record(&mut tx, Event { by, what, noun: "receipt", id, before: None, after, note: &note }).await?;
        let others = held.iter().map(|h| h.batch.clone());
        self.brought(tx, intake, &batches.iter().cloned().chain(others).collect::<Vec<_>>()).await?;
        Ok(if held.is_empty() { Taken::New { batches } } else { Taken::Partly { batches, held } })
    }

    /// The last step: a kept file belongs to whatever holds its documents, also those that were there before it came, and
    /// stays as long as they.
    async fn brought(&self, mut tx: Tx, intake: &Intake, batches: &[BatchId]) -> Result<(), StoreError> {
        if let Some(file) = intake.receipt.file {
            let batches: Vec<String> = batches.iter().map(ToString::to_string).collect();
            let receipts = tx.rows(RECEIPTS_OF, values![self.site(), batches]).await?;
            let rows = receipts.iter().map(|r| Ok(values![self.site(), file, r.text(0)?]));
            tx.insert(&ADD_FILE_RECEIPTS, rows.collect::<Result<_, StoreError>>()?).await?;
        }
        tx.commit().await
    }

    async fn keep(
        &self,
        tx: &mut Tx,
        intake: &Intake,
        contents: &[Vec<String>],
        there: &HashMap<String, (DocumentId, BatchId)>,
        by: &UserName,
    ) -> Result<(Vec<BatchId>, Vec<HeldAlready>), StoreError> {
        let receipt = &intake.receipt;
        let site = self.site();
        tx.run(
            ADD_RECEIPT,
            values![site, &receipt.id, receipt.source, receipt.fingerprint, &receipt.name, self.now(), by],
        )
        .await?;
        let mut taken = Vec::new();
        let mut held = Vec::new();
        for (place, ((batch, documents), contents)) in intake.batches.iter().zip(contents).enumerate() {
            assert_eq!(batch.state, BatchState::Captured, "a batch is taken in as captured");
            let mut fresh: Vec<(&Document, &String)> = Vec::with_capacity(documents.len());
            for (document, content) in documents.iter().zip(contents) {
                match there.get(content) {
                    Some((held_by, batch)) => {
                        held.push(HeldAlready { seq: document.seq, document: held_by.clone(), batch: batch.clone() })
                    }
                    None => fresh.push((document, content)),
                }
            }
            if fresh.is_empty() && !documents.is_empty() {
                continue;
            }
            tx.insert(&ADD_BATCHES, vec![batch_row(site, batch, place as i64 + 1)]).await?;
            self.keep_documents(tx, batch, &fresh).await?;
            self.enqueue(tx, &batch.id, fresh.len() as u32, intake.documents_per_job).await?;
            taken.push(batch.id.clone());
        }
        Ok((taken, held))
    }

    async fn keep_documents(
        &self,
        tx: &mut Tx,
        batch: &Batch,
        fresh: &[(&Document, &String)],
    ) -> Result<(), StoreError> {
        let site = self.site();
        let (mut rows, mut images, mut contents) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (document, content)) in fresh.iter().enumerate() {
            let id = &document.id;
            let micr = document.station_micr.as_ref();
            let micr = micr.map(|m| self.keys().seal(&["documents", "station_micr", id.as_str()], m.as_bytes()));
            let remittance = document.remittance.as_ref();
            let remittance = remittance.map(|r| self.keys().seal_json(&["documents", "remittance", id.as_str()], r));
            rows.push(values![
                site,
                id,
                &batch.id,
                place as i64 + 1,
                document.seq,
                document.kind_hint.map(DocumentKind::as_str),
                document.dpi,
                micr.transpose()?,
                document.station_amount,
                document.amount_is_recorded,
                document.envelope,
                remittance.transpose()?,
            ]);
            for (place, image) in document.images.iter().enumerate() {
                let place = place as i64 + 1;
                images.push(values![site, id, place, image.role.as_str(), &image.name, image.hash]);
            }
            contents.push(values![site, *content, id, &batch.id]);
        }
        tx.insert(&ADD_DOCUMENTS, rows).await?;
        tx.insert(&ADD_IMAGES, images).await?;
        tx.insert(&ADD_CONTENTS, contents).await?;
        let ids: Vec<String> = fresh.iter().map(|(d, _)| d.id.to_string()).collect();
        match tx.first(MISSING_BLOB, values![site, ids]).await? {
            Some(row) => Err(StoreError::NoBlob { hash: row.parsed(0, "image")? }),
            None => Ok(()),
        }
    }

    async fn receipt_by(
        &self,
        tx: &mut Tx,
        sql: &'static str,
        hash: Sha256,
    ) -> Result<Option<(String, Vec<BatchId>)>, StoreError> {
        let Some(row) = tx.first(sql, values![self.site(), hash]).await? else { return Ok(None) };
        let mut batches = Vec::new();
        for batch in tx.rows(BATCHES_OF_RECEIPT, values![self.site(), row.text(0)?]).await? {
            batches.push(batch.parsed(0, "batch")?);
        }
        Ok(Some((row.text(1)?, batches)))
    }

    /// The batches of an earlier taking-in of exactly these bytes: asked before the work of storing images.
    pub async fn taken(&self, source: Sha256) -> Result<Option<Vec<BatchId>>, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(self.receipt_by(&mut tx, BY_SOURCE, source).await?.map(|(_, batches)| batches))
    }

    /// In the order in which they were captured.
    pub async fn documents(&self, batch: &BatchId) -> Result<Vec<Document>, StoreError> {
        let mut tx = self.db().read().await?;
        self.documents_between(&mut tx, batch, 1, i64::from(u32::MAX)).await
    }

    /// By id or unique beginning of one.
    pub async fn document(&self, id: &str) -> Result<Document, StoreError> {
        let mut tx = self.db().read().await?;
        let row = self.find(&mut tx, "document", id, [DOCUMENT, DOCUMENT_LIKE]).await?;
        let (batch, place) = (row.parsed(1, "document")?, row.int(2)?);
        self.documents_between(&mut tx, &batch, place, place)
            .await?
            .pop()
            .ok_or_else(|| StoreError::not_found("document", id))
    }

    /// Documents of a batch by their places, from 1.
    pub(super) async fn documents_between(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        first: i64,
        last: i64,
    ) -> Result<Vec<Document>, StoreError> {
        let mut images = images_of(&tx.rows(IMAGES, values![self.site(), batch, first, last]).await?)?;
        let rows = tx.rows(DOCUMENTS, values![self.site(), batch, first, last]).await?;
        rows.iter().map(|row| self.document_of(row, &mut images)).collect()
    }

    /// These documents, by batch and place.
    pub async fn these_documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>, StoreError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut tx = self.db().read().await?;
        let mut images = images_of(&tx.rows(IMAGES_OF_THESE, values![self.site(), ids.clone()]).await?)?;
        let rows = tx.rows(THESE, values![self.site(), ids]).await?;
        rows.iter().map(|row| self.document_of(row, &mut images)).collect()
    }

    fn document_of(&self, row: &Row, images: &mut BTreeMap<DocumentId, Vec<ImageRef>>) -> Result<Document, StoreError> {
        let id: DocumentId = row.parsed(0, "document")?;
        let place = format!("document {id}");
        let kind = row.text_or_null(3)?;
        let kind = kind.map(|k| DocumentKind::parse(&k).ok_or_else(|| StoreError::damaged(&place, k))).transpose()?;
        let micr = row.bytes_or_null(5)?;
        let micr = micr.map(|m| self.keys().open(&["documents", "station_micr", id.as_str()], &m)).transpose()?;
        let micr =
            micr.map(|m| String::from_utf8(m).map_err(|_| StoreError::damaged(&place, "not text"))).transpose()?;
        let remittance = row.bytes_or_null(9)?;
        let remittance =
            remittance.map(|r| self.keys().open_json(&["documents", "remittance", id.as_str()], &r)).transpose()?;
        Ok(Document {
            batch: row.parsed(1, &place)?,
            seq: row.count(2)?,
            kind_hint: kind,
            images: images.remove(&id).unwrap_or_default(),
            dpi: row.count_or_null(4)?,
            station_micr: micr,
            station_amount: row.cents_or_null(6)?,
            amount_is_recorded: row.flag(7)?,
            envelope: row.count_or_null(8)?,
            remittance,
            id,
        })
    }

    /// Puts a scan in its place or takes it back, in the transaction of the decision that comes of it: either both are kept or
    /// none. Every image stays; one that is not shown is a replaced one. The bytes must be in the object store.
    pub(super) async fn rescan(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        rescan: &Rescan,
        by: &UserName,
    ) -> Result<(), StoreError> {
        let id = rescan.document();
        let now = self.images_now(tx, id).await?;
        let hash = |name: &str| now.iter().find(|i| i.name == name).map(|i| i.hash);
        let (what, before, after, note) = match rescan {
            Rescan::Put { scan, reading, .. } => {
                let front = is_front(scan.role);
                let side: &[&str] = if front { &["front", "front-gray"] } else { &["back", "back-gray"] };
                let sides: Vec<String> = side.iter().map(ToString::to_string).collect();
                let before = now.iter().find(|i| i.role != ImageRole::Replaced && is_front(i.role) == front);
                tx.run(SET_ASIDE_SIDE, values![self.site(), id, sides]).await?;
                let place = tx.number(LAST_IMAGE, values![self.site(), id]).await? + 1;
                let role = scan.role.as_str();
                tx.run(ADD_SCAN, values![self.site(), id, place, role, &scan.name, scan.hash]).await?;
                self.add_readings(tx, batch, &[(id.clone(), (**reading).clone())]).await?;
                ("rescan", before.map(|i| i.hash), Some(scan.hash), role)
            }
            Rescan::Back { scan, was, .. } => {
                tx.run(SET_ROLE, values![self.site(), id, scan, ImageRole::Replaced.as_str()]).await?;
                for (role, name) in was {
                    tx.run(SET_ROLE, values![self.site(), id, name, role.as_str()]).await?;
                }
                ("undo-rescan", hash(scan), was.first().and_then(|(_, name)| hash(name)), "")
            }
        };
        self.record(tx, Event { by, what, noun: "document", id: id.as_str(), before, after, note }).await
    }

    async fn images_now(&self, tx: &mut Tx, id: &DocumentId) -> Result<Vec<ImageRef>, StoreError> {
        let rows = tx.rows(IMAGES_OF_THESE, values![self.site(), vec![id.to_string()]]).await?;
        Ok(images_of(&rows)?.remove(id).unwrap_or_default())
    }

    /// Documents of the site with these front images, those of void batches left out: (hash, document, its batch),
    /// oldest batch first.
    pub async fn documents_with_front(
        &self,
        hashes: &[Sha256],
    ) -> Result<Vec<(Sha256, DocumentId, BatchId)>, StoreError> {
        let names: Vec<String> = hashes.iter().map(Sha256::to_string).collect();
        let mut tx = self.db().read().await?;
        let rows = tx.rows(WITH_FRONT, values![self.site(), names]).await?;
        rows.iter().map(|r| Ok((r.parsed(0, "image")?, r.parsed(1, "image")?, r.parsed(2, "image")?))).collect()
    }
}

fn images_of(rows: &[Row]) -> Result<BTreeMap<DocumentId, Vec<ImageRef>>, StoreError> {
    let mut images: BTreeMap<DocumentId, Vec<ImageRef>> = BTreeMap::new();
    for row in rows {
        let document: DocumentId = row.parsed(0, "image")?;
        let place = format!("image of {document}");
        images.entry(document).or_default().push(ImageRef {
            role: row.known(1, &place, ImageRole::parse)?,
            name: row.text(2)?,
            hash: row.parsed(3, &place)?,
        });
    }
    Ok(images)
}

pub(super) fn batch_row(site: &str, batch: &Batch, place: i64) -> Vec<db::Value> {
    values![
        site,
        &batch.id,
        &batch.receipt,
        place,
        &batch.name,
        batch.state.as_str(),
        batch.origin.as_str(),
        batch.date,
        batch.operator.clone(),
        batch.declared.count,
        batch.declared.total,
        batch.declared.counts_documents,
        0i64,
    ]
}
