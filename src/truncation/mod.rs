//! Checks into an image cash letter: which checks may go, their images as the bank takes them, the file, and its proof
//! by reading it back. ANSI X9.100-187 and X9.37, as `specs` of the bank profile says. Refuses what a bank would refuse.
//! Or into ACH entries (`arc`), where the profile and the Operating Rules allow it.

mod arc;
mod banking_day;
mod images;
mod letter;
mod profile;
mod returns;
mod ticket;

pub use arc::{
    ArcError, ArcFile, ArcItem, ArcProfile, Around, NotArc, Offset, arc_eligible, arc_file, plain, trace_number,
};
pub use banking_day::next_banking_day;
pub use images::{CheckImages, ImageError, for_bank};
pub use letter::{CashLetter, LetterError, LetterMaker, Unproved};
pub use profile::{Counted, Credit, CreditStyle, Encoding, Profile, ProfileError};
pub use returns::{Original, SentCheck, Timing, original, timing};

use crate::domain::{Cents, Day, DocumentId, DocumentKind, RoutingNumber};
use crate::formats::x9;
use crate::grouping::Evidence;

/// A check that may be deposited as an image.
#[derive(Clone, PartialEq, Debug)]
pub struct IclItem {
    pub document: DocumentId,
    pub amount: Cents,
    /// Eight digits and the check digit.
    pub routing: String,
    /// As record 25 wants it.
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

/// May this check, worth `amount`, go into an image cash letter? Eight-digit routing numbers of the old form get their
/// check digit; a foreign one does not go.
pub fn eligible(evidence: &Evidence, amount: Cents) -> Result<IclItem, Ineligible> {
    let check = match (&evidence.check, evidence.kind) {
        (Some(check), DocumentKind::Check) => check,
        _ => return Err(Ineligible::NotACheck),
    };
    if evidence.is_record {
        return Err(Ineligible::AtBank);
    }
    if !evidence.has_front || !evidence.has_back {
        return Err(Ineligible::ImageMissing);
    }
    if let Some(country) = check.country.as_deref().filter(|c| *c != "US") {
        return Err(Ineligible::Foreign(country.to_string()));
    }
    if check.routing_valid == Some(false) {
        return Err(Ineligible::Routing);
    }
    let whole = |text: &Option<String>| text.as_deref().is_none_or(|t| !t.contains('?'));
    let lines = [&check.routing, &check.on_us, &check.aux_on_us];
    if !check.accepted || !lines.into_iter().all(whole) {
        return Err(Ineligible::LineIncomplete);
    }
    let (Some(routing), Some(on_us)) = (&check.routing, &check.on_us) else {
        return Err(Ineligible::LineIncomplete);
    };
    let Ok(on_us) = x9::on_us_field(on_us) else {
        return Err(Ineligible::LineIncomplete);
    };
    if check.aux_on_us.as_ref().is_some_and(|a| a.len() > 15) {
        return Err(Ineligible::LineIncomplete);
    }
    if !amount.is_positive() || amount > Cents::MAX_ITEM {
        return Err(Ineligible::Amount(amount));
    }
    let digits: String = routing.chars().filter(char::is_ascii_digit).collect();
    let routing = match digits.len() {
        9 => digits,
        8 => with_check_digit(&digits),
        _ => return Err(Ineligible::Routing),
    };
    if RoutingNumber::new(&routing).is_err() {
        return Err(Ineligible::Routing);
    }
    Ok(IclItem {
        document: evidence.document.clone(),
        amount,
        routing,
        on_us,
        aux_on_us: check.aux_on_us.clone(),
        epc: check.epc.clone().filter(|e| e.len() == 1),
    })
}

fn with_check_digit(eight: &str) -> String {
    let sum: u32 =
        eight.chars().filter_map(|c| c.to_digit(10)).zip([3, 7, 1].into_iter().cycle()).map(|(d, w)| d * w).sum();
    format!("{eight}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod arc_tests;
#[cfg(test)]
mod tests;

/// Day and `HHMM` of an instant like `2026-11-30T17:05:00Z`, as headers of files want them.
fn day_and_time(instant: &str) -> Option<(Day, String)> {
    let day: Day = instant.get(..10)?.parse().ok()?;
    let clock = instant.get(11..16).filter(|t| t.as_bytes()[2] == b':')?;
    let digits: String = clock.chars().filter(char::is_ascii_digit).collect();
    (digits.len() == 4).then_some((day, digits))
}
