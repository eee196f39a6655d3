//! Checks into an image cash letter: which checks may go, their images as the bank takes them, the file, and its proof
//! by reading it back. ANSI X9.100-187 and X9.37, as `specs` of the bank profile says. Refuses what a bank would refuse.

mod images;
mod letter;
mod profile;

pub use images::{CheckImages, ImageError, for_bank};
pub use letter::{CashLetter, LetterError, cash_letter};
pub use profile::{CreditStyle, Encoding, Level, Profile, ProfileError};

use crate::domain::{Cents, DocumentId};
use crate::grouping::Evidence;

/// A check that may be deposited as an image.
#[derive(Clone, PartialEq, Debug)]
pub struct IclItem {
    pub document: DocumentId,
    pub amount: Cents,
    /// Eight digits and the check digit.
    pub routing: String,
    pub on_us: String,
    pub aux_on_us: Option<String>,
    pub epc: Option<String>,
}

/// Why a check goes by paper (or waits) and not as an image.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Ineligible {
    #[error("it is not a check")]
    NotACheck,
    #[error("its account line is not complete")]
    LineIncomplete,
    #[error("its routing number does not hold")]
    Routing,
    #[error("it is drawn on a bank in {0}")]
    Foreign(String),
    #[error("its front or back image is missing")]
    ImageMissing,
    #[error("an amount of {0} does not fit an image cash letter")]
    Amount(Cents),
    #[error("the bank has it already (lockbox or bank file)")]
    AtBank,
}

/// May this check, worth `amount`, go into an image cash letter?
pub fn eligible(evidence: &Evidence, amount: Cents) -> Result<IclItem, Ineligible> {
    let _ = (evidence, amount);
    unimplemented!()
}
