//! What goes to the bank in one transmission.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::document::Sha256;
use super::ids::{DepositId, DocumentId};
use super::money::Cents;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum DepositKind {
    /// Image cash letter (X9.37 / X9.100-187).
    Icl,
    Arc,
    Paper,
    /// Taken by the bank at its lockbox; no file of ours.
    Lockbox,
}

impl DepositKind {
    pub const ALL: [DepositKind; 4] = [DepositKind::Icl, DepositKind::Arc, DepositKind::Paper, DepositKind::Lockbox];

    pub fn as_str(self) -> &'static str {
        match self {
            DepositKind::Icl => "icl",
            DepositKind::Arc => "arc",
            DepositKind::Paper => "paper",
            DepositKind::Lockbox => "lockbox",
        }
    }

    pub fn parse(text: &str) -> Option<DepositKind> {
        DepositKind::ALL.into_iter().find(|k| k.as_str() == text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum DepositState {
    /// Items are claimed; the file may not be there yet.
    Reserved,
    /// The file is written and proved.
    Made,
    Acknowledged,
}

impl DepositState {
    pub const ALL: [DepositState; 3] = [DepositState::Reserved, DepositState::Made, DepositState::Acknowledged];

    pub fn as_str(self) -> &'static str {
        match self {
            DepositState::Reserved => "reserved",
            DepositState::Made => "made",
            DepositState::Acknowledged => "acknowledged",
        }
    }

    pub fn parse(text: &str) -> Option<DepositState> {
        DepositState::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct DepositItem {
    pub document: DocumentId,
    pub amount: Cents,
    /// The item sequence number in the file, unique for our institution and business date.
    pub sequence: String,
}

/// The number of an item in an image cash letter: the business date, the deposit's number on it (two digits), the place in
/// the deposit from 1 (five digits). Place 0 is the ticket's. A bank names a returned item by it.
pub fn item_sequence(date: Day, number: u32, place: u32) -> u64 {
    let day = date.compact().parse::<u64>().unwrap_or(0);
    day * 10_000_000 + u64::from(number) * 100_000 + u64::from(place)
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Deposit {
    pub id: DepositId,
    pub date: Day,
    pub kind: DepositKind,
    pub profile: String,
    /// Number of this deposit on its day and profile, from 1.
    pub number: u32,
    pub state: DepositState,
    /// The instant at which its checks were claimed, `2026-11-30T17:05:00Z`: it stands in the file's header, so that the
    /// file has the same bytes whenever it is made.
    pub claimed_at: String,
    pub count: u32,
    pub total: Cents,
    /// Relative to the site's folder.
    pub file: Option<String>,
    pub sha256: Option<Sha256>,
    pub items: Vec<DepositItem>,
}
