//! One physical piece of paper (or one record of a lockbox file that stands for it) and its images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::{BatchId, DocumentId};
use super::money::Cents;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// A check; money orders and traveller's checks too.
    Check,
    /// A stub (coupon) of a bill.
    Stub,
    CashTicket,
    BatchHeader,
    Correspondence,
    /// The back of a document, offered as a front.
    Back,
    Unknown,
}

impl DocumentKind {
    pub const ALL: [DocumentKind; 7] = [
        DocumentKind::Check,
        DocumentKind::Stub,
        DocumentKind::CashTicket,
        DocumentKind::BatchHeader,
        DocumentKind::Correspondence,
        DocumentKind::Back,
        DocumentKind::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DocumentKind::Check => "check",
            DocumentKind::Stub => "stub",
            DocumentKind::CashTicket => "cash-ticket",
            DocumentKind::BatchHeader => "batch-header",
            DocumentKind::Correspondence => "correspondence",
            DocumentKind::Back => "back",
            DocumentKind::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<DocumentKind> {
        DocumentKind::ALL.into_iter().find(|k| k.as_str() == text)
    }
}

/// SHA-256 of some bytes: the name of every image and source file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Sha256(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in hexadecimal")]
pub struct NotAHash;

impl FromStr for Sha256 {
    type Err = NotAHash;
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits: Vec<u8> =
            text.chars().map(|c| c.to_digit(16).map(|d| d as u8).ok_or(NotAHash)).collect::<Result<_, _>>()?;
        if digits.len() != 64 {
            return Err(NotAHash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Sha256(hash))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotAHash;
    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> String {
        hash.to_string()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum ImageRole {
    Front,
    Back,
    FrontGray,
    BackGray,
    /// An earlier scan of a side that was scanned again: kept, shown, and not read.
    Replaced,
}

impl ImageRole {
    pub const ALL: [ImageRole; 5] =
        [ImageRole::Front, ImageRole::Back, ImageRole::FrontGray, ImageRole::BackGray, ImageRole::Replaced];

    pub fn as_str(self) -> &'static str {
        match self {
            ImageRole::Front => "front",
            ImageRole::Back => "back",
            ImageRole::FrontGray => "front-gray",
            ImageRole::BackGray => "back-gray",
            ImageRole::Replaced => "replaced",
        }
    }

    pub fn parse(text: &str) -> Option<ImageRole> {
        ImageRole::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// An image in the object store, under the hash of its bytes, and the name it came with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct ImageRef {
    pub role: ImageRole,
    pub name: String,
    pub hash: Sha256,
}

/// A captured document, as taken in: what the source said of it. Readings are kept beside it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub batch: BatchId,
    /// Capture sequence number, as the station gave it.
    pub seq: u32,
    /// What the source says it is (`doc_type`, or the record type of a file).
    pub kind_hint: Option<DocumentKind>,
    pub images: Vec<ImageRef>,
    pub dpi: Option<u32>,
    /// The scanner's magnetic read or the MICR fields of a record, in our alphabet (`A` transit, `B` amount, `C` on-us, `D` dash, `?` reject).
    pub station_micr: Option<String>,
    pub station_amount: Option<Cents>,
    /// True where `station_amount` stands in a lockbox, bank or X9 record, not in a capture index.
    pub amount_is_recorded: bool,
    /// For documents that are records and not paper: the envelope (transaction) they belong to, by number in the source.
    pub envelope: Option<u32>,
    /// For remittance lines of files: what the file says of the stub.
    pub remittance: Option<Remittance>,
}

impl Document {
    /// Is this the name of a scan that another one has replaced? What was read on it no longer counts.
    pub fn is_replaced(&self, file: &str) -> bool {
        self.images.iter().any(|i| i.role == ImageRole::Replaced && i.name == file)
    }
}

/// What a file (lockbox, X12, bank) says that a check pays: one of these stands for one stub.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct Remittance {
    pub biller: Option<String>,
    pub account: Option<String>,
    pub invoice: Option<String>,
    pub amount: Option<Cents>,
    /// What the money is, as ISO 4217 has it (`USD`), where the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    pub text: Option<String>,
}
