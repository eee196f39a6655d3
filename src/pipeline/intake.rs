//! Taking in: the bytes of a source into the object store, what they say into documents, one receipt for it all. The same
//! thing twice, renamed or in part, changes nothing.

use std::path::Path;

use crate::domain::{
    Batch, BatchId, BatchState, Control, Day, Document, DocumentId, ImageRef, Origin, ReceiptId, Sha256, UserName,
};
use crate::formats::fault::{Fault, Severity};
use crate::formats::{self, Format};
use crate::ingest::{self, ImageSource, SourceKind};
use crate::pipeline::{Office, OfficeError, Result, system};
use crate::station::{self, OpenFile, Source};
use crate::store::{self, Receipt, StoreError};

/// What the person who takes it in says of it.
#[derive(Clone, Debug)]
pub struct TakeIn {
    pub origin: Option<Origin>,
    /// `None`: the source's own date, or today.
    pub date: Option<Day>,
    pub declared: Control,
    pub name: Option<String>,
    pub operator: Option<UserName>,
}

/// How a source was taken, batch by batch.
#[derive(Clone, Debug)]
pub enum Taken {
    /// `already` documents of it were there before and were not taken again.
    New {
        batch: BatchId,
        already: usize,
    },
    Already {
        batch: BatchId,
        documents: usize,
    },
    /// Other bytes that say the same as an earlier batch: nothing was taken.
    Suspect {
        name: String,
        like: BatchId,
    },
    /// A file without any payment: it has its receipt and made no batch.
    Empty {
        name: String,
    },
    /// A batch of a file that breaks a rule (totals, order, a damaged record): it was not taken, the others were.
    Refused {
        name: String,
        why: String,
    },
}

/// Images are read, hashed and stored together until there are so many of them, or so many bytes.
const CHUNK: usize = 256;
const CHUNK_BYTES: usize = 4 << 20;
/// A list as text is read whole up to this size: 64 MiB are some hundred thousand payments.
const LARGEST_LIST: u64 = 64 << 20;
/// Reasons of one refusal that are kept; `remit inspect` lists all.
const MOST_REASONS: usize = 100;

/// The images of each document of an intake: side, name, hash.
type ReadImages = Vec<Vec<(crate::domain::ImageRole, String, Sha256)>>;

/// What a source turned out to hold, with the file where it is one.
struct Parsed {
    intakes: Vec<ingest::Intake>,
    file: Option<(OpenFile, Sha256)>,
    /// The file, or the index of the tray, is kept already.
    seen: bool,
}

impl Office {
    /// What a source holds, without taking it.
    pub fn look_at(&self, source: &Source) -> Result<Vec<ingest::Intake>> {
        let help = "nothing was taken; mend it and try again";
        let wrong = |e: ingest::IntakeError| OfficeError::input("format", e.to_string(), Some(source.path()), help);
        let (intakes, _) = self.parse(source)?;
        intakes.map_err(wrong)
    }

    /// The intakes of a source, or why it is refused; for a file, the file and its hash. Of a file no more is held than what
    /// its records say: images stay where they are.
    #[allow(clippy::type_complexity)]
    fn parse(
        &self,
        source: &Source,
    ) -> Result<(std::result::Result<Vec<ingest::Intake>, ingest::IntakeError>, Option<(OpenFile, Sha256)>)> {
        let path = match source {
            Source::Folder { index: Some(index), listing, .. } => {
                return Ok((ingest::capture_folder(index, listing).map(|intake| vec![intake]), None));
            }
            Source::Folder { index: None, listing, .. } => {
                return Ok((ingest::bare_folder(listing).map(|intake| vec![intake]), None));
            }
            Source::File { path } => path,
        };
        let file = OpenFile::open(path)?;
        let format = formats::sniff(&file.at(0, 8192)?);
        let one = |fault: Fault| ingest::IntakeError::Refused(vec![fault]);
        let (intakes, whole) = file.read_through(|bytes| match format {
            Some(Format::X9) => ingest::x9_from(bytes),
            Some(Format::LockboxBai) => ingest::lockbox_from(bytes),
            Some(Format::X12Advice | Format::X12Lockbox) => ingest::x12_from(bytes),
            Some(Format::Nacha) => ingest::nacha_from(bytes),
            Some(Format::Camt053 | Format::Camt054) => ingest::camt_from(bytes),
            Some(Format::Bai2) => ingest::bai2_from(&self.site.config.bai2, bytes),
            Some(Format::Csv) if file.size() > LARGEST_LIST => {
                let fault = Fault::error("limit", "the list is larger than 64 MiB: divide it");
                Err(one(fault.between(file.size().to_string(), LARGEST_LIST.to_string())))
            }
            Some(Format::Csv) => {
                let mut list = Vec::new();
                bytes.read_to_end(&mut list).map_err(|e| one(Fault::error("file", e.to_string())))?;
                let mapping = formats::bills_csv::mapping_for(&list, &self.site.config.remittance_csv);
                ingest::remittance_csv(&list, mapping)
            }
            other => {
                let what = other.map_or("none that is known", Format::as_str);
                let message = format!("this format ({what}) is not taken in; see `remit inspect FILE`");
                let expected = "capture folders, image cash letters, lockbox and bank files";
                Err(one(Fault::error("format", message).offset(0).between(what, expected)))
            }
        })?;
        let test_site = self.site.config.bank.iter().any(|bank| bank.test);
        let intakes = if test_site { intakes } else { intakes.map(without_tests) };
        Ok((intakes, Some((file, whole))))
    }

    /// Keeps the bytes of a file, piece by piece. They must be those that were parsed: a file that changes meanwhile is not
    /// taken.
    pub(super) async fn keep_source(&self, file: &OpenFile, whole: Sha256) -> Result<()> {
        if !self.store.kept_file(whole).await?.is_empty() || file.size() == 0 {
            return Ok(());
        }
        let mut pieces: Vec<(Sha256, usize)> = Vec::new();
        let mut offset = 0;
        let mut hash = sha2::Sha256::default();
        loop {
            let piece = file.at(offset, station::PIECE)?;
            if piece.is_empty() {
                break;
            }
            sha2::Digest::update(&mut hash, &piece);
            offset += piece.len() as u64;
            let name = Sha256::of(&piece);
            pieces.push((name, piece.len()));
            self.store.put_blobs(vec![(name, piece)]).await?;
        }
        if Sha256(sha2::Digest::finalize(hash).into()) != whole {
            return Err(OfficeError::input(
                "changed",
                "the file changed while it was read; nothing was taken",
                None,
                "wait until it is complete and take it again",
            ));
        }
        Ok(self.store.keep_file(whole, &pieces).await?)
    }

    /// A receipt for what was refused: its name, its hash, what is wrong and where. Its bytes are kept before.
    pub(super) async fn note_refused(
        &self,
        file: &OpenFile,
        path: &Path,
        whole: Sha256,
        batch: Option<&str>,
        why: &ingest::IntakeError,
        by: &UserName,
    ) -> Result<()> {
        let why = match why {
            ingest::IntakeError::Refused(faults) => {
                let errors = faults.iter().filter(|f| f.is_error()).chain(faults.iter().filter(|f| !f.is_error()));
                errors.take(MOST_REASONS).map(ToString::to_string).collect()
            }
            other => vec![other.to_string()],
        };
        let file_name = path.file_name().map_or_else(|| "file".into(), |n| n.to_string_lossy().into_owned());
        let refusal = store::Refusal {
            id: Sha256::of(&[&whole.0[..], batch.unwrap_or_default().as_bytes()].concat()),
            sha256: whole,
            name: batch.map_or(file_name.clone(), |batch| format!("{file_name}: {batch}")),
            size: file.size(),
            at: String::new(),
            by: String::new(),
            why,
        };
        self.store.refuse(&refusal, by).await?;
        Ok(())
    }

    /// Files and batches that were refused, in the order in which they came.
    pub async fn refusals(&self) -> Result<Vec<store::Refusal>> {
        Ok(self.store.refusals().await?)
    }

    pub async fn find_refusal(&self, id: &str) -> Result<store::Refusal> {
        self.store.refusal(id).await.map_err(|error| match error {
            StoreError::NotFound { .. } | StoreError::Ambiguous { .. } => {
                OfficeError::input("unknown", error.to_string(), None, "remit refused list")
            }
            other => other.into(),
        })
    }

    /// Writes the bytes of a kept file out again, whole and proved, or nothing.
    pub async fn save_kept(&self, sha256: Sha256, to: &Path) -> Result<u64> {
        if let Some(purged) = self.store.purged_file(sha256).await? {
            let why = format!("{} took file {sha256} away at {}: its time was over", purged.by, purged.at);
            return Err(OfficeError::refused("purged", why, "its receipt and what it brought are still on record"));
        }
        let mut draft = station::Draft::begin(to)?;
        let (mut hash, mut size) = (sha2::Sha256::default(), 0);
        for piece in self.store.kept_file(sha256).await? {
            let bytes = self.store.blob(piece).await?;
            sha2::Digest::update(&mut hash, &bytes);
            size += bytes.len() as u64;
            draft.add(&bytes)?;
        }
        if Sha256(sha2::Digest::finalize(hash).into()) != sha256 {
            draft.throw_away()?;
            return Err(OfficeError::refused("kept", format!("file {sha256} is not kept whole"), "remit verify"));
        }
        draft.finish()?;
        Ok(size)
    }

    /// A business date out of the office's bounds is nobody's word: the file is held.
    fn look_at_date(&self, intake: &mut ingest::Intake) {
        let (Some(date), bounds) = (intake.date, &self.site.config.capture) else { return };
        let today = self.clock.today();
        let wrong = (bounds.oldest_days > 0 && date.plus_days(bounds.oldest_days) < today)
            || (bounds.newest_days > 0 && date > today.plus_days(bounds.newest_days));
        if wrong {
            let fault = Fault::error("date-range", "the file's business date is not one of these days");
            let expected = format!("{} days back to {} ahead of {today}", bounds.oldest_days, bounds.newest_days);
            intake.problems.push(fault.between(date.to_string(), expected));
        }
    }

    /// Which of the intakes of a file may be taken; what is refused gets its receipt, and the file's bytes are kept.
    async fn sorted_out(&self, source: &Source, asked: &TakeIn, by: &UserName) -> Result<(Parsed, Vec<Taken>)> {
        let (intakes, file) = self.parse(source)?;
        let Some((file, whole)) = file else {
            let help = "nothing was taken; mend it and try again";
            let wrong = |e: ingest::IntakeError| OfficeError::input("format", e.to_string(), Some(source.path()), help);
            let (intakes, refused) = sound(source, intakes.map_err(wrong)?)?;
            let seen = match source {
                Source::Folder { index: Some(index), .. } => !self.store.kept_file(Sha256::of(index)).await?.is_empty(),
                _ => false,
            };
            return Ok((Parsed { intakes, file: None, seen }, refused));
        };
        let seen = !self.store.kept_file(whole).await?.is_empty();
        self.keep_source(&file, whole).await?;
        let (good, bad) = match intakes {
            // A file of nothing but its header and trailer is legal: it gets its receipt.
            Err(ingest::IntakeError::Empty) => {
                return Ok((
                    Parsed { intakes: Vec::new(), file: Some((file, whole)), seen },
                    vec![Taken::Empty { name: source.name() }],
                ));
            }
            Ok(mut intakes) => {
                if asked.date.is_none() {
                    intakes.iter_mut().for_each(|intake| self.look_at_date(intake));
                }
                intakes.into_iter().partition::<Vec<_>, _>(|i| !i.problems.iter().any(Fault::is_error))
            }
            Err(error) => {
                self.note_refused(&file, source.path(), whole, None, &error, by).await?;
                let help = "nothing was taken; its bytes are kept: `remit refused list`, `remit inspect FILE`";
                return Err(OfficeError::input("format", error.to_string(), Some(source.path()), help));
            }
        };
        if good.is_empty() {
            // Nothing of it stands: one receipt for the file, with all that is wrong.
            let mut faults: Vec<Fault> = Vec::new();
            for fault in bad.iter().flat_map(|intake| &intake.problems) {
                if faults.len() < MOST_REASONS && !faults.contains(fault) {
                    faults.push(fault.clone());
                }
            }
            self.note_refused(&file, source.path(), whole, None, &ingest::IntakeError::Refused(faults), by).await?;
        }
        for intake in bad.iter().filter(|_| !good.is_empty()) {
            let why = ingest::IntakeError::Refused(intake.problems.clone());
            self.note_refused(&file, source.path(), whole, intake.name.as_deref(), &why, by).await?;
        }
        let (intakes, refused) = sound(source, good.into_iter().chain(bad).collect())?;
        Ok((Parsed { intakes, file: Some((file, whole)), seen }, refused))
    }

    /// Takes a source in: bytes first, durable, then one transaction with its receipt, batches, documents and jobs.
    pub async fn take_in(&self, source: &Source, asked: &TakeIn) -> Result<Vec<Taken>> {
        let by = asked.operator.clone().unwrap_or_else(system);
        let (Parsed { intakes, file, seen }, refused) = self.sorted_out(source, asked, &by).await?;
        for problem in intakes.iter().flat_map(|intake| &intake.problems) {
            tracing::warn!(source = %source.path().display(), "{}", problem);
        }
        let from = file.as_ref().map(|(file, _)| file);
        let whole = file.as_ref().map(|(_, whole)| *whole);
        if seen {
            // Nothing is kept a second time: what it brought may be purged by now.
            let read = self.read_images(source, &intakes, from, false).await?;
            if let Some(batches) = self.store.taken(hash_of(source, whole, &read)).await? {
                let counts = intakes.iter().map(|intake| intake.documents.len()).chain(std::iter::repeat(0));
                let again = batches.into_iter().zip(counts);
                let again = again.map(|(batch, documents)| Taken::Already { batch, documents });
                return Ok(again.chain(refused).collect());
            }
        }
        let read = self.read_images(source, &intakes, from, true).await?;
        let kept = match (whole, source) {
            (None, Source::Folder { index: Some(index), .. }) => {
                let hash = Sha256::of(index);
                self.store.put_blobs(vec![(hash, index.clone())]).await?;
                self.store.keep_file(hash, &[(hash, index.len())]).await?;
                Some(hash)
            }
            _ => whole,
        };
        let source_hash = hash_of(source, whole, &read);
        let receipt = ReceiptId::of(&[&source_hash.0]);
        let many = intakes.len() > 1;
        let mut batches = Vec::new();
        let mut fingerprint = None;
        for (ordinal, (intake, images)) in intakes.into_iter().zip(read).enumerate() {
            if !matches!(intake.kind, SourceKind::CaptureFolder | SourceKind::BareFolder) {
                fingerprint = Some(match fingerprint {
                    None => intake.business_fingerprint,
                    Some(Sha256(before)) => Sha256::of(&[before, intake.business_fingerprint.0].concat()),
                });
            }
            let date = asked.date.or(intake.date).unwrap_or_else(|| self.clock.today());
            batches.push(documents_of(source, ordinal, many, intake, images, asked, date, &receipt, source_hash));
        }
        let counts: Vec<usize> = batches.iter().map(|(_, documents)| documents.len()).collect();
        let taken = self
            .store
            .take_in(
                store::Intake {
                    receipt: Receipt { id: receipt, source: source_hash, fingerprint, name: source.name(), file: kept },
                    batches,
                    documents_per_job: self.site.config.capture.documents_per_job.clamp(1, 1000) as u32,
                },
                &by,
            )
            .await?;
        let mut told: Vec<Taken> = match taken {
            store::Taken::New { batches } => {
                batches.into_iter().map(|batch| Taken::New { batch, already: 0 }).collect()
            }
            store::Taken::Already { batches } => batches
                .into_iter()
                .zip(counts.into_iter().chain(std::iter::repeat(0)))
                .map(|(batch, documents)| Taken::Already { batch, documents })
                .collect(),
            store::Taken::Partly { batches, held } => {
                batches.into_iter().map(|batch| Taken::New { batch, already: held.len() }).collect()
            }
            store::Taken::Suspect { name, batches } => {
                batches.into_iter().map(|like| Taken::Suspect { name: name.clone(), like }).collect()
            }
        };
        told.extend(refused);
        Ok(told)
    }

    async fn read_images(
        &self,
        source: &Source,
        intakes: &[ingest::Intake],
        file: Option<&OpenFile>,
        keep: bool,
    ) -> Result<Vec<ReadImages>> {
        let mut read = Vec::with_capacity(intakes.len());
        for intake in intakes {
            read.push(self.images_of(source, intake, file, keep).await?);
        }
        Ok(read)
    }

    /// Reads and hashes the images of an intake, some at a time, so that memory stays flat; stores them where they are to
    /// be kept.
    async fn images_of(
        &self,
        source: &Source,
        intake: &ingest::Intake,
        file: Option<&OpenFile>,
        keep: bool,
    ) -> Result<ReadImages> {
        let mut all = Vec::with_capacity(intake.documents.len());
        let (mut blobs, mut held) = (Vec::new(), 0);
        for document in &intake.documents {
            let mut images = Vec::with_capacity(document.images.len());
            for (role, from) in &document.images {
                let (name, data) = match from {
                    ImageSource::Named(name) => (name.clone(), station::read(&source.path().join(name))?),
                    ImageSource::Range { start, len } => {
                        let data = file.map(|file| file.at(*start as u64, *len)).transpose()?.unwrap_or_default();
                        if data.len() != *len {
                            return Err(OfficeError::input(
                                "format",
                                format!("the image at offset {start} is not in the file"),
                                Some(source.path()),
                                "the file is damaged: ask the sender for it again",
                            ));
                        }
                        (format!("{:06}-{}", document.seq, role.as_str()), data)
                    }
                };
                let hash = Sha256::of(&data);
                claims_hold(document, *role, hash, source.path(), &name)?;
                images.push((*role, name, hash));
                if keep {
                    held += data.len();
                    blobs.push((hash, data));
                }
            }
            all.push(images);
            if blobs.len() >= CHUNK || held >= CHUNK_BYTES {
                self.store_together(&mut blobs).await?;
                held = 0;
            }
        }
        self.store_together(&mut blobs).await?;
        Ok(all)
    }

    async fn store_together(&self, blobs: &mut Vec<(Sha256, Vec<u8>)>) -> Result<()> {
        blobs.sort_by_key(|(hash, _)| *hash);
        blobs.dedup_by_key(|(hash, _)| *hash);
        if !blobs.is_empty() {
            self.store.put_blobs(std::mem::take(blobs)).await?;
        }
        Ok(())
    }
}

/// What a source is known by: its images, in their order, and its index or its bytes.
fn hash_of(source: &Source, whole: Option<Sha256>, read: &[ReadImages]) -> Sha256 {
    let mut content = Vec::new();
    for (ordinal, images) in read.iter().enumerate() {
        content.extend((ordinal as u64).to_be_bytes());
        for (role, _, hash) in images.iter().flatten() {
            content.extend(role.as_str().as_bytes());
            content.extend(hash.0);
        }
    }
    match (whole, source) {
        (Some(whole), _) => content.extend(whole.0),
        (None, Source::Folder { index: Some(index), .. }) => content.extend(index),
        (None, _) => {}
    }
    Sha256::of(&content)
}

/// A file that is marked as a test may not become money: it is refused like one that breaks a rule.
fn without_tests(mut intakes: Vec<ingest::Intake>) -> Vec<ingest::Intake> {
    for problem in intakes.iter_mut().flat_map(|i| &mut i.problems).filter(|p| p.code == "test-file") {
        problem.severity = Severity::Error;
    }
    intakes
}

/// The intakes that break no rule. One that does is not taken at all: nothing of it may reach the books by itself.
fn sound(source: &Source, intakes: Vec<ingest::Intake>) -> Result<(Vec<ingest::Intake>, Vec<Taken>)> {
    let mut good = Vec::new();
    let mut refused = Vec::new();
    for intake in intakes {
        let wrong: Vec<String> =
            intake.problems.iter().filter(|p| p.severity == Severity::Error).map(ToString::to_string).collect();
        match wrong.first() {
            None => good.push(intake),
            Some(first) => {
                let more = if wrong.len() > 1 { format!(" (and {} more)", wrong.len() - 1) } else { String::new() };
                let name = intake.name.unwrap_or_else(|| source.name());
                refused.push(Taken::Refused { name, why: format!("{first}{more}") });
            }
        }
    }
    match (good.is_empty(), refused.first()) {
        (true, Some(Taken::Refused { why, .. })) => Err(OfficeError::input(
            "format",
            why.clone(),
            Some(source.path()),
            "nothing was taken; `remit inspect FILE` lists every fault with its place",
        )),
        _ => Ok((good, refused)),
    }
}

/// Where the index says what an image's SHA-256 is, it must be that: else the copy is not complete.
fn claims_hold(
    document: &ingest::IntakeDocument,
    role: crate::domain::ImageRole,
    hash: Sha256,
    path: &Path,
    name: &str,
) -> Result<()> {
    match document.claims.iter().find(|(claimed, _)| *claimed == role) {
        Some((_, claimed)) if *claimed != hash => Err(OfficeError::input(
            "half-copied",
            format!("{name} is not what the index says (SHA-256 differs)"),
            Some(path),
            "the folder is still being copied, or the copy is damaged: wait or copy it again",
        )),
        _ => Ok(()),
    }
}

#[allow(clippy::too_many_arguments)]
fn documents_of(
    source: &Source,
    ordinal: usize,
    many: bool,
    intake: ingest::Intake,
    images: Vec<Vec<(crate::domain::ImageRole, String, Sha256)>>,
    asked: &TakeIn,
    date: Day,
    receipt: &ReceiptId,
    source_hash: Sha256,
) -> (Batch, Vec<Document>) {
    let id = BatchId::of(&[receipt.as_str().as_bytes(), &(ordinal as u64).to_be_bytes()]);
    let base = asked.name.clone().unwrap_or_else(|| match &intake.name {
        Some(name) if many => format!("{} {name}", source.name()),
        _ => source.name(),
    });
    let declared = Control {
        count: asked.declared.count.or(intake.control.count),
        total: asked.declared.total.or(intake.control.total),
        counts_documents: if asked.declared.count.is_some() {
            asked.declared.counts_documents
        } else {
            intake.control.counts_documents
        },
    };
    let batch = Batch {
        id: id.clone(),
        receipt: receipt.clone(),
        name: if many && asked.name.is_some() { format!("{base} {}", ordinal + 1) } else { base },
        state: BatchState::Captured,
        origin: asked.origin.or(intake.origin).unwrap_or(Origin::Mail),
        date,
        operator: asked.operator.clone(),
        declared,
        balanced_by: None,
        approved_by: None,
    };
    let documents = intake
        .documents
        .into_iter()
        .zip(images)
        .enumerate()
        .map(|(place, (document, images))| {
            let id = match images.is_empty() {
                true => {
                    DocumentId::of(&[&source_hash.0, &(ordinal as u64).to_be_bytes(), &(place as u64).to_be_bytes()])
                }
                false => {
                    let hashes: Vec<u8> = images.iter().flat_map(|(_, _, hash)| hash.0).collect();
                    DocumentId::of(&[&hashes, &document.seq.to_be_bytes()])
                }
            };
            Document {
                id,
                batch: batch.id.clone(),
                seq: document.seq,
                kind_hint: document.kind_hint,
                images: images.into_iter().map(|(role, name, hash)| ImageRef { role, name, hash }).collect(),
                dpi: document.dpi,
                station_micr: document.station_micr,
                station_amount: document.station_amount,
                amount_is_recorded: document.amount_is_recorded,
                envelope: document.envelope,
                remittance: document.remittance,
            }
        })
        .collect();
    (batch, documents)
}
