//! One deposit as an X9 file: item sequence numbers that never repeat on a business date, the file from the writer of
//! formats, and its totals proved once more by reading it back before it may leave.

use super::ticket::ticket;
use super::{CheckImages, Counted, Credit, CreditStyle, Encoding, IclItem, Profile, day_and_time};
use crate::domain::{Cents, Day, DepositItem, RoutingNumber, item_sequence};
use crate::formats::x9;

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
    #[error("deposit {0} is more than a day takes with this numbering (deposits 1 to 99, 99,999 checks each)")]
    TooMany(u32),
    #[error("'{0}' is not an instant: write it like 2026-11-30T17:05:00Z")]
    Instant(String),
    #[error("check {sequence}: {what}")]
    Item { sequence: u64, what: String },
    #[error("the file could not be written: {0}")]
    NotWritten(String),
    #[error("the file was made and does not prove when it is read back: {0}; it was thrown away")]
    NotProved(String),
    #[error(transparent)]
    Money(#[from] crate::domain::MoneyError),
}

/// One deposit as an X9 file. `number` is the deposit's number on its day and profile (from 1), `created` the instant
/// `2026-11-30T17:05:00Z` that stands in the file's header: with the same arguments come the same bytes.
///
/// Item sequence numbers: the business date, the deposit's number (two digits), the place (five digits).
pub fn cash_letter(
    profile: &Profile,
    items: &[(IclItem, CheckImages)],
    date: Day,
    number: u32,
    created: &str,
) -> Result<CashLetter, LetterError> {
    if items.is_empty() {
        return Err(LetterError::Empty);
    }
    if !(1..=99).contains(&number) || items.len() > 99_999 {
        return Err(LetterError::TooMany(number));
    }
    let instant = || LetterError::Instant(created.chars().take(40).collect());
    let (day, creation_time) = day_and_time(created).ok_or_else(instant)?;
    let first = item_sequence(date, number, 0);
    let total = Cents::sum(items.iter().map(|(item, _)| item.amount))?;
    // A ticket is the first item; its number is the one before the first check's.
    let on_ticket = profile.credit.as_ref().filter(|c| c.style == CreditStyle::Item);
    let ticket = on_ticket.map(|credit| (credit, ticket(total)));
    let mut checks = Vec::with_capacity(items.len() + 1);
    if let Some((credit, images)) = &ticket {
        checks.push(ticket_item(credit, images, total, first));
    }
    for (sequence, (item, images)) in (first + 1..).zip(items) {
        let fault = |what: String| LetterError::Item { sequence, what };
        let on_us = x9::on_us_field(&item.on_us).map_err(|e| fault(e.to_string()))?;
        for image in [&images.front, &images.back] {
            if image.len() > profile.largest_image as usize {
                return Err(fault(format!(
                    "an image of {} bytes; the bank takes {}",
                    image.len(),
                    profile.largest_image
                )));
            }
        }
        checks.push(x9::OutgoingCheck {
            routing: RoutingNumber::new(&item.routing).map_err(|e| fault(e.to_string()))?,
            on_us,
            auxiliary_on_us: item.aux_on_us.clone().unwrap_or_default(),
            external_processing_code: item.epc.clone().unwrap_or_default(),
            amount: item.amount,
            sequence,
            front: &images.front,
            back: &images.back,
        });
    }
    // A to Z for the first deposits of a day; the letter's own number carries the rest.
    let modifier = char::from(b'A' + ((number - 1) % 26) as u8);
    let letter = x9::CashLetter {
        business_date: date,
        creation_date: day,
        creation_time,
        file_id_modifier: modifier,
        resend: false,
        letter_id: format!("{}{number:02}", &date.compact()[2..]),
        checks,
    };
    let bytes = x9::write(&letter, &profile.for_writing()).map_err(|e| LetterError::NotWritten(e.to_string()))?;
    let made: Vec<DepositItem> = (first + 1..)
        .zip(items)
        .map(|(sequence, (item, _))| DepositItem {
            document: item.document.clone(),
            amount: item.amount,
            sequence: format!("{sequence:015}"),
        })
        .collect();
    let tickets = u64::from(ticket.is_some());
    let pictures = ticket.iter().map(|(_, i)| i).chain(items.iter().map(|(_, i)| i));
    add_up(&bytes, profile, (made.len() as u64 + tickets, total, tickets), pictures)?;
    prove(&bytes, &made, total, ticket.is_some())?;
    Ok(CashLetter { bytes, count: made.len() as u32, total, items: made })
}

fn ticket_item<'a>(credit: &Credit, images: &'a CheckImages, total: Cents, sequence: u64) -> x9::OutgoingCheck<'a> {
    x9::OutgoingCheck {
        routing: credit.routing.clone(),
        on_us: credit.account.clone(),
        auxiliary_on_us: String::new(),
        external_processing_code: String::new(),
        amount: total,
        sequence,
        front: &images.front,
        back: &images.back,
    }
}

/// The bytes add up, by a reading that shares nothing with the reader: items, amount and images are those that went in.
fn add_up<'a>(
    bytes: &[u8],
    profile: &Profile,
    (items, total, tickets): (u64, Cents, u64),
    pictures: impl Iterator<Item = &'a CheckImages>,
) -> Result<(), LetterError> {
    let counted = match profile.credit.as_ref().map(|c| c.counted) {
        None | Some(Counted::Nothing) => (false, false),
        Some(Counted::Count) => (true, false),
        Some(Counted::CountAndAmount) => (true, true),
    };
    let ebcdic = profile.encoding == Encoding::Ebcdic;
    let proof = x9::proof::prove(bytes, ebcdic, profile.length_words, counted).map_err(LetterError::NotProved)?;
    let cents = u64::try_from(total.get()).unwrap_or(0).checked_mul(1 + tickets);
    let hash = x9::proof::hash_of_images(pictures.flat_map(|i| [i.front.as_slice(), i.back.as_slice()]));
    let same = proof.items == items
        && Some(proof.amount) == cents
        && proof.images == items * 2
        && proof.image_hash == Some(hash);
    if same { Ok(()) } else { Err(LetterError::NotProved(format!("it adds up to {} items", proof.items))) }
}

/// The file's own items, read back, are the deposit's: count, total, and each amount under its sequence number.
fn prove(bytes: &[u8], made: &[DepositItem], total: Cents, has_ticket: bool) -> Result<(), LetterError> {
    let file = x9::read(bytes).map_err(|e| LetterError::NotProved(e.to_string()))?;
    if !file.is_valid() {
        return Err(LetterError::NotProved("it breaks a rule of the format".into()));
    }
    let items = match (has_ticket, file.items.split_first()) {
        (false, _) => file.items.as_slice(),
        (true, Some((ticket, checks))) if ticket.amount() == Some(total) => checks,
        (true, _) => return Err(LetterError::NotProved("its ticket is not over the deposit".into())),
    };
    let mut sum = Cents::ZERO;
    for (item, wanted) in items.iter().zip(made) {
        let amount = item.amount().ok_or_else(|| LetterError::NotProved("an item without amount".into()))?;
        if amount != wanted.amount || item.sequence() != wanted.sequence {
            return Err(LetterError::NotProved(format!("item {} is not as deposited", wanted.sequence)));
        }
        sum = sum.plus(amount)?;
    }
    if items.len() != made.len() || sum != total {
        return Err(LetterError::NotProved(format!("{} items worth {sum}", items.len())));
    }
    Ok(())
}
