//! (being filled)
use super::{CheckImages, IclItem, Profile};
use crate::domain::{Cents, Day, DepositItem};

/// A file that has been read back and proved.
#[derive(Clone, PartialEq, Debug)]
pub struct CashLetter {
    bytes: Vec<u8>,
    pub count: u32,
    pub total: Cents,
    /// With their sequence numbers, in the file's order.
    pub items: Vec<DepositItem>,
}

impl CashLetter {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum LetterError {
    #[error("there is no check to deposit")]
    Empty,
    #[error("the bank profile '{0}' does not fit: {1}")]
    Profile(String, String),
    #[error("the file was made and does not prove when it is read back: {0}; it was thrown away")]
    NotProved(String),
    #[error(transparent)]
    Money(#[from] crate::domain::MoneyError),
}

/// One deposit as an X9 file. `number` is the deposit's number on its day and profile (from 1), `created` the instant
/// `2026-11-30T17:05:00Z` that stands in the file's header: with the same arguments come the same bytes.
pub fn cash_letter(
    profile: &Profile,
    items: &[(IclItem, CheckImages)],
    date: Day,
    number: u32,
    created: &str,
) -> Result<CashLetter, LetterError> {
    let _ = (profile, items, date, number, created);
    unimplemented!()
}
