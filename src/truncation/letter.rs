//! One deposit as an X9 file: item sequence numbers that never repeat on a business date, the file from the writer of
//! formats, and its totals proved once more by reading it back before it may leave.

use std::io::Read;

use super::ticket::ticket;
use super::{CheckImages, Counted, Credit, CreditStyle, Encoding, IclItem, Profile, day_and_time};
use crate::domain::{Cents, Day, DepositItem, RoutingNumber, item_sequence};
use crate::formats::fault::FormatError;
use crate::formats::x9;

/// What a letter holds that has been read back and proved.
#[derive(Clone, PartialEq, Debug)]
pub struct CashLetter {
    pub count: u32,
    pub total: Cents,
    /// With their sequence numbers, in the file's order.
    pub items: Vec<DepositItem>,
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

/// One deposit as an X9 file, made check by check and proved when it is whole.
///
/// Item sequence numbers: the business date, the deposit's number (two digits), the place (five digits).
pub struct LetterMaker<'p> {
    profile: &'p Profile,
    writer: x9::LetterWriter,
    number: u32,
    ticket: bool,
    total: Cents,
    next: u64,
    items: Vec<DepositItem>,
    /// What the checks so far come to.
    sum: Cents,
}

impl<'p> LetterMaker<'p> {
    /// A deposit of checks worth `total`. `number` is the deposit's number on its day and profile (from 1), `created` the
    /// instant `2026-11-30T17:05:00Z` that stands in the file's header: with the same arguments and checks come the same
    /// bytes.
    pub fn begin(
        profile: &'p Profile,
        total: Cents,
        date: Day,
        number: u32,
        created: &str,
    ) -> Result<LetterMaker<'p>, LetterError> {
        if !(1..=99).contains(&number) {
            return Err(LetterError::TooMany(number));
        }
        let instant = || LetterError::Instant(created.chars().take(40).collect());
        let (creation_date, creation_time) = day_and_time(created).ok_or_else(instant)?;
        let head = x9::LetterHead {
            business_date: date,
            creation_date,
            creation_time,
            // A to Z for the first deposits of a day; the letter's own number carries the rest.
            file_id_modifier: char::from(b'A' + ((number - 1) % 26) as u8),
            resend: false,
            letter_id: format!("{}{number:02}", &date.compact()[2..]),
        };
        // A ticket is the first item; its number is the one before the first check's.
        let on_ticket = profile.credit.as_ref().filter(|c| c.style == CreditStyle::Item);
        let of_all = total.plus(if on_ticket.is_some() { total } else { Cents::ZERO })?;
        let writer = x9::LetterWriter::begin(head, of_all, profile.for_writing()).map_err(not_written)?;
        let first = item_sequence(date, number, 0);
        let mut maker = LetterMaker {
            profile,
            writer,
            number,
            ticket: on_ticket.is_some(),
            total,
            next: first + 1,
            items: Vec::new(),
            sum: Cents::ZERO,
        };
        if let Some(credit) = on_ticket {
            let images = ticket(total);
            maker.writer.check(&ticket_item(credit, &images, total, first)).map_err(not_written)?;
        }
        Ok(maker)
    }

    /// What was made since it was last asked for.
    pub fn take(&mut self) -> Vec<u8> {
        self.writer.take()
    }

    pub fn add(&mut self, item: &IclItem, images: &CheckImages) -> Result<(), LetterError> {
        let sequence = self.next;
        let fault = |what: String| LetterError::Item { sequence, what };
        if self.items.len() == 99_999 {
            return Err(LetterError::TooMany(self.number));
        }
        let on_us = x9::on_us_field(&item.on_us).map_err(|e| fault(e.to_string()))?;
        let largest = self.profile.largest_image as usize;
        if let Some(image) = [&images.front, &images.back].into_iter().find(|i| i.len() > largest) {
            return Err(fault(format!("an image of {} bytes; the bank takes {largest}", image.len())));
        }
        let check = x9::OutgoingCheck {
            routing: RoutingNumber::new(&item.routing).map_err(|e| fault(e.to_string()))?,
            on_us,
            auxiliary_on_us: item.aux_on_us.clone().unwrap_or_default(),
            external_processing_code: item.epc.clone().unwrap_or_default(),
            amount: item.amount,
            sequence,
            front: &images.front,
            back: &images.back,
        };
        self.writer.check(&check).map_err(not_written)?;
        self.sum = self.sum.plus(item.amount)?;
        self.next += 1;
        let (document, amount) = (item.document.clone(), item.amount);
        self.items.push(DepositItem { document, amount, sequence: format!("{sequence:015}") });
        Ok(())
    }

    /// The end of the file; with what is still to be taken.
    pub fn finish(self) -> Result<(Unproved<'p>, Vec<u8>), LetterError> {
        if self.items.is_empty() {
            return Err(LetterError::Empty);
        }
        if self.sum != self.total {
            return Err(LetterError::NotWritten(format!("{} in checks, not {}", self.sum, self.total)));
        }
        let (profile, ticket, total, items) = (self.profile, self.ticket, self.total, self.items);
        let (written, end) = self.writer.finish().map_err(not_written)?;
        Ok((Unproved { profile, written, ticket, total, items }, end))
    }
}

fn not_written(error: FormatError) -> LetterError {
    LetterError::NotWritten(error.to_string())
}

/// A whole file that nobody has read yet.
pub struct Unproved<'p> {
    profile: &'p Profile,
    written: x9::Written,
    ticket: bool,
    total: Cents,
    items: Vec<DepositItem>,
}

impl Unproved<'_> {
    /// Reads the file from its first byte, by the reader that reads what banks send: it must be valid and hold the same
    /// checks.
    pub fn reads_back(&self, file: &mut dyn Read) -> Result<(), LetterError> {
        self.written.prove(file).map_err(|e| LetterError::NotProved(e.to_string()))
    }

    /// Reads it once more, by columns counted by hand that share nothing with the reader and the writer: items, amount and
    /// images are those that went in.
    pub fn adds_up(&self, file: &mut dyn Read) -> Result<(), LetterError> {
        let counted = match self.profile.credit.as_ref().map(|c| c.counted) {
            None | Some(Counted::Nothing) => (false, false),
            Some(Counted::Count) => (true, false),
            Some(Counted::CountAndAmount) => (true, true),
        };
        let ebcdic = self.profile.encoding == Encoding::Ebcdic;
        let proof = x9::proof::prove(file, ebcdic, self.profile.length_words, counted);
        let proof = proof.map_err(LetterError::NotProved)?;
        let tickets = u64::from(self.ticket);
        let cents = u64::try_from(self.total.get()).unwrap_or(0).checked_mul(1 + tickets);
        let items = self.items.len() as u64 + tickets;
        let same = proof.items == items
            && Some(proof.amount) == cents
            && proof.images == items * 2
            && proof.image_hash == Some(self.written.images);
        if same { Ok(()) } else { Err(LetterError::NotProved(format!("it adds up to {} items", proof.items))) }
    }

    /// What it holds, for whoever has seen both readings.
    pub fn letter(self) -> CashLetter {
        CashLetter { count: self.items.len() as u32, total: self.total, items: self.items }
    }
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
