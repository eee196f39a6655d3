//! What came: a capture folder, bare images, an image cash letter, a lockbox or bank file becomes an `Intake`, the list of its
//! documents with what the source says of each. Pure: bytes and names in, values out; whoever calls opens the files, hashes
//! them and stores them. Nothing is dropped in silence: what cannot be taken is a named problem or refuses the whole.

mod bank_file;
mod capture;
mod cash_letter;
mod lockbox;
mod reference;
mod returned;

#[cfg(test)]
mod bank_file_tests;

use crate::domain::document::Remittance;
use crate::domain::{Cents, Control, Day, DocumentKind, ImageRole, Origin, Sha256};
use crate::formats::fault::Fault;

pub use bank_file::{bai2, bai2_from, camt, camt_from, nacha, nacha_from, remittance_csv, x12, x12_from};
pub use capture::{bare_folder, capture_folder, safe_name};
pub use cash_letter::{x9, x9_from};
pub use lockbox::{lockbox, lockbox_from};
pub use returned::{CameBack, ach_returns, check_returns, statement_returns};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceKind {
    CaptureFolder,
    BareFolder,
    X9,
    Lockbox,
    X12Advice,
    X12Lockbox,
    Nacha,
    Camt,
    Bai2,
    RemittanceCsv,
}

impl SourceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::CaptureFolder => "capture-folder",
            SourceKind::BareFolder => "bare-folder",
            SourceKind::X9 => "x9",
            SourceKind::Lockbox => "lockbox",
            SourceKind::X12Advice => "x12-820",
            SourceKind::X12Lockbox => "x12-823",
            SourceKind::Nacha => "nacha",
            SourceKind::Camt => "camt",
            SourceKind::Bai2 => "bai2",
            SourceKind::RemittanceCsv => "csv",
        }
    }
}

/// Where an image's bytes are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageSource {
    /// A file of the folder, by its name relative to the folder (checked: it cannot leave the folder).
    Named(String),
    /// Bytes of the file that was taken in.
    Range { start: usize, len: usize },
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IntakeDocument {
    /// Capture sequence number, unique in the intake.
    pub seq: u32,
    pub kind_hint: Option<DocumentKind>,
    pub images: Vec<(ImageRole, ImageSource)>,
    pub dpi: Option<u32>,
    /// The magnetic read or the MICR fields of a record, in our alphabet.
    pub station_micr: Option<String>,
    pub station_amount: Option<Cents>,
    /// The amount stands in a record (lockbox, X9), not in a capture index.
    pub amount_is_recorded: bool,
    /// For records that are no paper: the envelope they belong to.
    pub envelope: Option<u32>,
    pub remittance: Option<Remittance>,
    /// Hashes that the source claims for its images; to be checked by whoever reads them.
    pub claims: Vec<(ImageRole, Sha256)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intake {
    pub kind: SourceKind,
    /// What the source calls it: the batch of an index, a lockbox and its batch, a cash letter.
    pub name: Option<String>,
    pub documents: Vec<IntakeDocument>,
    /// What the source declares; counted and added up again by the balance.
    pub control: Control,
    /// How it came, where the source tells.
    pub origin: Option<Origin>,
    /// The business or deposit date of the source.
    pub date: Option<Day>,
    /// Hash of counts, totals and item keys: equal for the same business content in another wrapping.
    pub business_fingerprint: Sha256,
    /// What is wrong but does not stop the intake. An error here holds the batch for a person.
    pub problems: Vec<Fault>,
}

/// Why nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    #[error("the folder is still being filled: {} of its images are not there yet, first {}", .missing.len(), .missing[0])]
    StillFilling { missing: Vec<String> },
    #[error("line {line}: '{name}' does not name a file of this folder")]
    UnsafeName { name: String, line: u64 },
    #[error("there is nothing in it to take in")]
    Empty,
    #[error("{}", .0.first().map_or_else(|| "the file cannot be taken in".to_string(), Fault::to_string))]
    Refused(Vec<Fault>),
}

/// Documents that one file may bring. What comes after them is not kept, and the whole is refused: memory stays bounded
/// whatever somebody sends, and a bank divides a file that is larger.
pub const MOST_DOCUMENTS: usize = 250_000;

fn too_many() -> Fault {
    Fault::error(
        "limit",
        format!("the file holds more than {MOST_DOCUMENTS} payments and lines: ask the bank to divide it"),
    )
}

/// Hash of a sequence of texts, each with its length, so that no two sequences share one.
fn fingerprint(kind: SourceKind, parts: impl IntoIterator<Item = String>) -> Sha256 {
    let mut bytes = Vec::new();
    for part in std::iter::once(kind.as_str().to_string()).chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Sha256::of(&bytes)
}
