//! The project's own samples: one morning's work at the invented cooperative. A scanned tray in bitonal TIFF, one in gray
//! JPEG, an image cash letter of other checks as a remote-capture product sends it, and a lockbox file, all against the same
//! open bills. Small enough to live in the repository, made again byte for byte by one command.

use super::face::Paper;
use super::people::{BILLERS, Bank};
use super::plan::{Bed, Images, MagneticLetters, Plan, Scenario, Source, Station};
use super::{NamedFile, chance::Chance, index, pictures, plan_of, tables};
use crate::domain::day::NotADay;
use crate::domain::{AccountStatus, Bill, Cents, Day, RoutingNumber};
use crate::formats::bai_lockbox::{self, LockboxCheck, LockboxDeposit, LockboxInvoice};
use crate::formats::fault::FormatError;
use crate::formats::x9::{self, CashLetter, LetterHead, OutgoingCheck, Profile};

const SEED: u64 = 2026;
const README: &str = include_str!("samples.md");

#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    #[error(transparent)]
    Day(#[from] NotADay),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Routing(#[from] crate::domain::routing::RoutingError),
}

/// First tray: 200 dpi bitonal, with the magnetic reader's text.
const TIFF_TRAY: (Source, Station, &[Scenario]) = (
    Source::Scanner,
    Station {
        images: Images::Tiff,
        dpi: 200,
        bed: Bed::Crop,
        quality: 60,
        magnetic: Some(MagneticLetters { symbols: ['T', '$', 'U', '-'], reject: '?' }),
        stub_first: false,
        channel: "mail",
    },
    &[
        Scenario::Exact,
        Scenario::Exact,
        Scenario::Exact,
        Scenario::Late,
        Scenario::OneCheckManyStubs,
        Scenario::Exact,
        Scenario::CheckOnly,
        Scenario::Partial,
        Scenario::Exact,
        Scenario::SwappedDigits,
        Scenario::Status(AccountStatus::CutoffPending),
        Scenario::Exact,
        Scenario::UpsideDown,
        Scenario::ManyChecksOneStub,
        Scenario::DuplicateCheck,
        Scenario::Exact,
        Scenario::MoneyOrder,
    ],
);

/// Second tray: gray, the stub before its check.
const JPEG_TRAY: (Source, Station, &[Scenario]) = (
    Source::Scanner,
    Station {
        images: Images::Jpeg,
        dpi: 200,
        bed: Bed::White,
        quality: 50,
        magnetic: None,
        stub_first: true,
        channel: "mail",
    },
    &[
        Scenario::Exact,
        Scenario::Exact,
        Scenario::Encoded,
        Scenario::Letter,
        Scenario::Exact,
        Scenario::BadRouting,
        Scenario::Over,
        Scenario::UnknownAccount,
        Scenario::Exact,
        Scenario::SidesSwapped,
        Scenario::StubOnly,
        Scenario::Exact,
    ],
);

/// What the cash letter's checks are drawn as; eight payers, most of them known.
const LETTER_TRAY: (Source, Station, &[Scenario]) =
    (Source::CashLetter, Station { magnetic: None, ..TIFF_TRAY.1 }, &[Scenario::CheckOnly; 8]);

const LOCKBOX_TRAY: (Source, Station, &[Scenario]) = (
    Source::Lockbox,
    Station { magnetic: None, ..TIFF_TRAY.1 },
    &[
        Scenario::Exact,
        Scenario::Exact,
        Scenario::OneCheckManyStubs,
        Scenario::Exact,
        Scenario::Partial,
        Scenario::Exact,
        Scenario::UnknownAccount,
        Scenario::Exact,
    ],
);

pub fn sample_plan() -> Result<Plan, SamplesError> {
    let date = Day::new(2026, 11, 20)?;
    Ok(plan_of(&[TIFF_TRAY, JPEG_TRAY, LETTER_TRAY, LOCKBOX_TRAY], SEED, date))
}

/// Every file of the samples, in the order in which to write them.
pub fn files() -> Result<Vec<NamedFile>, SamplesError> {
    let plan = sample_plan()?;
    let mut files = Vec::new();
    for (batch, tray) in plan.trays.iter().enumerate() {
        match tray.source {
            Source::Scanner => {
                files.extend(tray.pieces.iter().flat_map(|piece| pictures(batch, piece, tray.station)));
                files.push(index(&plan, batch));
            }
            Source::CashLetter => files.push(cash_letter(&plan, batch)?),
            Source::Lockbox => files.push(lockbox(&plan, batch)?),
        }
    }
    files.extend(tables(&plan));
    files.push(NamedFile { name: "README.md".into(), bytes: README.into() });
    Ok(files)
}

/// The checks of a tray as an image cash letter, from the cooperative's remote-capture desk to its bank.
fn cash_letter(plan: &Plan, batch: usize) -> Result<NamedFile, SamplesError> {
    let tray = &plan.trays[batch];
    let pictures: Vec<Vec<NamedFile>> = tray.pieces.iter().map(|piece| pictures(batch, piece, tray.station)).collect();
    let mut checks = Vec::new();
    for (piece, sides) in tray.pieces.iter().zip(&pictures) {
        let (Paper::Check(face), [front, back]) = (&piece.paper, &sides[..]) else { continue };
        let auxiliary = if face.form.size().0 > 7.0 { face.serial.clone() } else { String::new() };
        checks.push(OutgoingCheck {
            routing: RoutingNumber::new(&face.routing)?,
            on_us: x9::on_us_field(&face.on_us_text())?,
            auxiliary_on_us: auxiliary,
            external_processing_code: String::new(),
            amount: Cents::new(face.cents),
            sequence: 7_000 + u64::from(piece.seq),
            front: &front.bytes,
            back: &back.bytes,
        });
    }
    let bank = Bank::draw(&mut Chance::of(SEED, "bank of deposit", 0));
    let routing = RoutingNumber::new(&bank.routing)?;
    let mut profile = Profile::usual(&routing, &bank.routing);
    profile.destination_name = bank.name.chars().take(18).collect();
    profile.origin_name = "JUNIPER BASIN EC".into();
    profile.payee_name = BILLERS[0].name.chars().take(15).collect::<String>().trim_end().into();
    let head = LetterHead::first_of(tray.date, "0715", "RDC00001");
    let letter = CashLetter { head, checks };
    Ok(NamedFile { name: "cash-letter.x9".into(), bytes: x9::write(&letter, &profile)? })
}

/// The envelopes of a tray as the bank's lockbox file: each check with the invoices it came with.
fn lockbox(plan: &Plan, batch: usize) -> Result<NamedFile, SamplesError> {
    let tray = &plan.trays[batch];
    let mut checks = Vec::new();
    for envelope in plan.envelopes.iter().filter(|e| e.batch == batch) {
        let papers = || envelope.seqs.iter().map(|seq| &tray.pieces[*seq as usize - 1].paper);
        let bills: Vec<&Bill> =
            papers().filter_map(|p| if let Paper::Stub(s) = p { Some(&s.bill) } else { None }).collect();
        for face in papers().filter_map(|p| if let Paper::Check(c) = p { Some(c) } else { None }) {
            let digits: String = face.account.chars().filter(char::is_ascii_digit).collect();
            let invoice = |bill: &&Bill| LockboxInvoice {
                invoice: bill.invoice.clone(),
                payment: if bills.len() == 1 { Cents::new(face.cents) } else { bill.amount_due },
                deduction: Cents::ZERO,
            };
            checks.push(LockboxCheck {
                amount: Cents::new(face.cents),
                routing: face.routing.clone(),
                account: digits[digits.len().saturating_sub(10)..].into(),
                check_number: face.serial.clone(),
                customer: String::new(),
                invoices: bills.iter().map(invoice).collect(),
            });
        }
    }
    let bank = Bank::draw(&mut Chance::of(SEED, "bank of the lockbox", 0));
    let deposit = LockboxDeposit {
        destination: "JUNIPEREC".into(),
        origin: bank.routing,
        file_date: tray.date,
        file_time: "0600".into(),
        lockbox: "1180".into(),
        deposit_date: tray.date,
        batches: vec![checks],
    };
    Ok(NamedFile { name: "lockbox.txt".into(), bytes: bai_lockbox::write(&deposit)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies in the repository is what the command makes. `cargo run --release -- deck --samples -o scanner-samples`
    /// makes it again.
    #[test]
    fn the_samples_of_the_repository_are_these() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples");
        let files = files().unwrap();
        let total: usize = files.iter().map(|f| f.bytes.len()).sum();
        assert!(total < 6_000_000, "{total} bytes");
        for file in &files {
            let there = std::fs::read(folder.join(&file.name)).unwrap_or_default();
            assert!(there == file.bytes, "{} differs: make the samples again", file.name);
        }
        let mut extra = Vec::new();
        let mut folders = vec![folder.clone()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/");
                if path.is_dir() {
                    folders.push(path);
                } else if files.iter().all(|f| f.name != name) {
                    extra.push(name);
                }
            }
        }
        assert!(extra.is_empty(), "not made by the command: {extra:?}");
    }

    #[test]
    fn the_cash_letter_holds_the_checks_and_their_sum() {
        let plan = sample_plan().unwrap();
        let batch = plan.trays.iter().position(|t| t.source == Source::CashLetter).unwrap();
        let file = x9::read(&cash_letter(&plan, batch).unwrap().bytes).unwrap();
        assert!(file.is_valid());
        assert_eq!(file.items.len(), plan.trays[batch].checks().count());
    }

    #[test]
    fn the_lockbox_file_holds_the_checks_and_their_sum() {
        let plan = sample_plan().unwrap();
        let batch = plan.trays.iter().position(|t| t.source == Source::Lockbox).unwrap();
        let file = bai_lockbox::read(&lockbox(&plan, batch).unwrap().bytes).unwrap();
        assert!(file.is_valid());
        assert_eq!(file.total(), plan.trays[batch].total().ok());
    }
}
