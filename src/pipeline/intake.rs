//! Taking in: the bytes of a source into the object store, what they say into documents, one receipt for it all. The same
//! thing twice, renamed or in part, changes nothing.

use std::path::Path;

use crate::domain::{
    Batch, BatchId, BatchState, Control, Day, Document, DocumentId, ImageRef, Origin, ReceiptId, Sha256, UserName,
};
use crate::formats::fault::Severity;
use crate::formats::{self, Format};
use crate::ingest::{self, ImageSource, SourceKind};
use crate::pipeline::{Office, OfficeError, Result, system};
use crate::station::{self, Source};
use crate::store::{self, Receipt};

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
    /// A batch of a file that breaks a rule (totals, order, a damaged record): it was not taken, the others were.
    Refused {
        name: String,
        why: String,
    },
}

/// Documents whose images are read, hashed and stored together.
const CHUNK: usize = 128;

impl Office {
    /// What a source holds, without taking it.
    pub fn look_at(&self, source: &Source) -> Result<Vec<ingest::Intake>> {
        Ok(self.parse(source)?.0)
    }

    /// The intakes of a source and, for a file, its bytes.
    fn parse(&self, source: &Source) -> Result<(Vec<ingest::Intake>, Vec<u8>)> {
        let wrong = |e: ingest::IntakeError| {
            OfficeError::input("format", e.to_string(), Some(source.path()), "nothing was taken; mend it and try again")
        };
        match source {
            Source::Folder { index: Some(index), listing, .. } => {
                Ok((vec![ingest::capture_folder(index, listing).map_err(wrong)?], Vec::new()))
            }
            Source::Folder { index: None, listing, .. } => {
                Ok((vec![ingest::bare_folder(listing).map_err(wrong)?], Vec::new()))
            }
            Source::File { path } => {
                let bytes = station::read(path)?;
                let intakes = match formats::sniff(&bytes) {
                    Some(Format::X9) => ingest::x9(&bytes).map_err(wrong)?,
                    Some(Format::LockboxBai) => ingest::lockbox(&bytes).map_err(wrong)?,
                    Some(Format::X12Advice | Format::X12Lockbox) => ingest::x12(&bytes).map_err(wrong)?,
                    Some(Format::Nacha) => ingest::nacha(&bytes).map_err(wrong)?,
                    Some(Format::Camt053 | Format::Camt054) => ingest::camt(&bytes).map_err(wrong)?,
                    Some(Format::Bai2) => ingest::bai2(&bytes).map_err(wrong)?,
                    Some(Format::Csv) => {
                        let mapping = formats::bills_csv::mapping_for(&bytes, &self.site.config.remittance_csv);
                        ingest::remittance_csv(&bytes, mapping).map_err(wrong)?
                    }
                    other => {
                        let what = other.map_or("none that is known", Format::as_str);
                        return Err(OfficeError::input(
                            "format",
                            format!("this format ({what}) is not taken in"),
                            Some(path),
                            "take in capture folders, image cash letters, lockbox and bank files; see `remit inspect FILE`",
                        ));
                    }
                };
                let test_site = self.site.config.bank.iter().any(|bank| bank.test);
                Ok((if test_site { intakes } else { without_tests(intakes) }, bytes))
            }
        }
    }

    /// Takes a source in: bytes first, durable, then one transaction with its receipt, batches, documents and jobs.
    pub async fn take_in(&self, source: &Source, asked: &TakeIn) -> Result<Vec<Taken>> {
        let (intakes, bytes) = self.parse(source)?;
        let (intakes, refused) = sound(source, intakes)?;
        let whole = Sha256::of(&bytes);
        let mut content = Vec::new();
        let mut read = Vec::new();
        for (ordinal, intake) in intakes.iter().enumerate() {
            for problem in &intake.problems {
                tracing::warn!(source = %source.path().display(), "{}", problem);
            }
            let images = self.store_images(source, intake, &bytes).await?;
            content.extend((ordinal as u64).to_be_bytes());
            for (role, _, hash) in images.iter().flatten() {
                content.extend(role.as_str().as_bytes());
                content.extend(hash.0);
            }
            read.push(images);
        }
        match source {
            Source::File { .. } => content.extend(whole.0),
            Source::Folder { index, .. } => content.extend(index.as_deref().unwrap_or_default()),
        }
        let source_hash = Sha256::of(&content);
        let kept = match source {
            Source::File { .. } => bytes,
            Source::Folder { index, .. } => index.clone().unwrap_or_default(),
        };
        if !kept.is_empty() {
            self.store.put_blobs(vec![(Sha256::of(&kept), kept)]).await?;
        }
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
        let by = asked.operator.clone().unwrap_or_else(system);
        let taken = self
            .store
            .take_in(
                store::Intake {
                    receipt: Receipt { id: receipt, source: source_hash, fingerprint, name: source.name() },
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

    /// Reads, hashes and stores the images of an intake, some documents at a time, so that memory stays flat.
    async fn store_images(
        &self,
        source: &Source,
        intake: &ingest::Intake,
        bytes: &[u8],
    ) -> Result<Vec<Vec<(crate::domain::ImageRole, String, Sha256)>>> {
        let mut all = Vec::with_capacity(intake.documents.len());
        for chunk in intake.documents.chunks(CHUNK) {
            let mut blobs = Vec::new();
            for document in chunk {
                let mut images = Vec::with_capacity(document.images.len());
                for (role, from) in &document.images {
                    let (name, data) = match from {
                        ImageSource::Named(name) => (name.clone(), station::read(&source.path().join(name))?),
                        ImageSource::Range { start, len } => {
                            let data =
                                start.checked_add(*len).and_then(|end| bytes.get(*start..end)).ok_or_else(|| {
                                    OfficeError::input(
                                        "format",
                                        format!("the image at offset {start} is not in the file"),
                                        Some(source.path()),
                                        "the file is damaged: ask the sender for it again",
                                    )
                                })?;
                            (format!("{:06}-{}", document.seq, role.as_str()), data.to_vec())
                        }
                    };
                    let hash = Sha256::of(&data);
                    claims_hold(document, *role, hash, source.path(), &name)?;
                    images.push((*role, name, hash));
                    blobs.push((hash, data));
                }
                all.push(images);
            }
            blobs.sort_by_key(|(hash, _)| *hash);
            blobs.dedup_by_key(|(hash, _)| *hash);
            if !blobs.is_empty() {
                self.store.put_blobs(blobs).await?;
            }
        }
        Ok(all)
    }
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
