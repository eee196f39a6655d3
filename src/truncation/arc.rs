//! Checks that become ACH entries (ARC): which may, by the Operating Rules' table in its order, and the file, proved by
//! reading it back twice: by the format's reader, and by adding up its columns. Refused is every check that has another
//! way to the bank; the first reason is told.

use serde::{Deserialize, Serialize};

use super::banking_day::next_banking_day;
use crate::domain::{AccountFlag, Biller, Cents, Day, DepositItem, DocumentId, DocumentKind, Origin, RoutingNumber};
use crate::formats::nacha::records::{BatchHeader, CheckEntry, EntryDetail, FileHeader};
use crate::formats::nacha::{self, OutgoingBatch, OutgoingEntry};
use crate::grouping::Evidence;

/// How the file is balanced.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Offset {
    /// Debits alone: the bank credits our account with the sum.
    None,
    /// One CCD credit in a batch of its own: what strict banks want of a balanced file.
    CcdBatch,
    /// The credit stands last in the same batch (service class 200).
    SameBatch,
}

/// What the bank that takes our ACH files wants, as data (TOML).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct ArcProfile {
    /// Off: every check goes as an image.
    pub enabled: bool,
    pub name: String,
    /// Billers whose bills carry the notice that a check may be converted.
    pub billers: Vec<String>,
    /// The bank that takes the file, and its routing as originating bank (ODFI).
    pub destination: RoutingNumber,
    pub destination_name: String,
    pub odfi: RoutingNumber,
    /// Us, as the bank says: a routing number, or a company id of ten.
    pub origin: String,
    pub origin_name: String,
    /// The payee that stands on the checks.
    pub company_name: String,
    pub company_id: String,
    pub entry_description: String,
    pub offset: Offset,
    /// Our account that the offset credits.
    pub offset_routing: Option<RoutingNumber>,
    pub offset_account: String,
    /// Largest check that is converted; never above 25,000.00.
    pub largest: Cents,
}

impl Default for ArcProfile {
    /// Off. The numbers are samples and must be set.
    fn default() -> Self {
        let sample =
            |text: &str| RoutingNumber::new(text).unwrap_or_else(|_| unreachable!("a sample with a good digit"));
        ArcProfile {
            enabled: false,
            name: "ach".into(),
            billers: Vec::new(),
            destination: sample("061000146"),
            destination_name: "COMMUNITY BANK".into(),
            odfi: sample("061000146"),
            origin: "061100020".into(),
            origin_name: "UTILITY".into(),
            company_name: "UTILITY".into(),
            company_id: "1000000000".into(),
            entry_description: "BILL PMT".into(),
            offset: Offset::None,
            offset_routing: None,
            offset_account: String::new(),
            largest: LARGEST,
        }
    }
}

/// Nacha: 25,000.00 for ARC, BOC and POP.
pub const LARGEST: Cents = Cents::new(2_500_000);

/// Why a check is not converted, in the order in which the rules are asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum NotArc {
    #[error("check conversion is switched off")]
    Off,
    #[error("it is not a check")]
    NotACheck,
    #[error("the bank has it already (lockbox or bank file)")]
    AtBank,
    #[error("it did not come by mail or drop box")]
    Channel,
    #[error("the biller {0} gives no notice of conversion")]
    NoNotice(String),
    #[error("it pays nobody yet: no biller's notice covers it")]
    NoBiller,
    #[error("the customer has opted out")]
    OptedOut,
    #[error("it is drawn on a bank in {0}")]
    Foreign(String),
    #[error("its routing number does not hold")]
    Routing,
    #[error("it is drawn on the government, a postal or traveler's issuer: no bank account")]
    NoBank,
    #[error("an amount of {0} is not converted")]
    Amount(Cents),
    #[error("it has an auxiliary on-us field: a business check")]
    Auxiliary,
    #[error("it has no serial number in its account line")]
    NoSerial,
    #[error("its account line is not complete")]
    LineIncomplete,
    #[error("it belongs to a special program (external processing code)")]
    ExternalCode,
    #[error("it may be the copy of a check that was presented before")]
    SeenBefore,
}

/// A check that may be converted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArcItem {
    pub document: DocumentId,
    pub amount: Cents,
    pub routing: RoutingNumber,
    /// As on the account line: blanks dropped, dashes and leading zeros kept.
    pub account: String,
    pub serial: String,
}

/// What is known of a check beside itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Around {
    /// Of its batch.
    pub origin: Option<Origin>,
    /// Of the bills that it pays.
    pub billers: Vec<Biller>,
    /// Flags of the accounts that it pays.
    pub flags: Vec<AccountFlag>,
    /// Another check has the same account line and amount.
    pub has_twin: bool,
}

/// May this check, worth `amount`, be converted? All rules must hold; the first that does not is told.
pub fn arc_eligible(
    evidence: &Evidence,
    amount: Cents,
    around: &Around,
    profile: &ArcProfile,
) -> Result<ArcItem, NotArc> {
    if !profile.enabled {
        return Err(NotArc::Off);
    }
    let (Some(check), DocumentKind::Check) = (&evidence.check, evidence.kind) else {
        return Err(NotArc::NotACheck);
    };
    if evidence.is_record {
        return Err(NotArc::AtBank);
    }
    if !matches!(around.origin, Some(Origin::Mail | Origin::Dropbox)) {
        return Err(NotArc::Channel);
    }
    if around.billers.is_empty() {
        return Err(NotArc::NoBiller);
    }
    if let Some(biller) = around.billers.iter().find(|b| !profile.billers.contains(&b.0)) {
        return Err(NotArc::NoNotice(biller.0.clone()));
    }
    if around.flags.contains(&AccountFlag::NoArc) {
        return Err(NotArc::OptedOut);
    }
    if let Some(country) = check.country.as_deref().filter(|c| *c != "US") {
        return Err(NotArc::Foreign(country.to_string()));
    }
    let digits: String = check.routing.iter().flat_map(|r| r.chars()).filter(char::is_ascii_digit).collect();
    let routing = RoutingNumber::new(&digits).map_err(|_| NotArc::Routing)?;
    if check.routing_valid != Some(true) {
        return Err(NotArc::Routing);
    }
    match digits.get(..2).and_then(|d| d.parse::<u32>().ok()) {
        Some(1..=12 | 21..=32 | 61..=72) => {}
        _ => return Err(NotArc::NoBank),
    }
    if !amount.is_positive() || amount > profile.largest.min(LARGEST) {
        return Err(NotArc::Amount(amount));
    }
    if check.aux_on_us.as_deref().is_some_and(|a| !a.trim().is_empty()) {
        return Err(NotArc::Auxiliary);
    }
    let serial = check.serial.as_deref().map(str::trim).unwrap_or_default();
    if serial.is_empty() || serial.bytes().all(|b| b == b'0') {
        return Err(NotArc::NoSerial);
    }
    let account: String = check.bank_account.iter().flat_map(|a| a.reveal().chars()).filter(|c| *c != ' ').collect();
    let whole = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let line = [&check.micr, &check.on_us].into_iter().all(|t| t.as_deref().is_none_or(|t| !t.contains('?')));
    let digits_of = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    if !check.accepted || !line || !whole(&account) || !digits_of(&account) || account.len() > 17 {
        return Err(NotArc::LineIncomplete);
    }
    if !whole(serial) || serial.len() > 15 {
        return Err(NotArc::LineIncomplete);
    }
    if check.epc.as_deref().is_some_and(|e| !e.trim().is_empty()) {
        return Err(NotArc::ExternalCode);
    }
    if around.has_twin {
        return Err(NotArc::SeenBefore);
    }
    Ok(ArcItem { document: evidence.document.clone(), amount, routing, account, serial: serial.to_string() })
}

/// A file that has been read back and proved.
#[derive(Clone, PartialEq, Debug)]
pub struct ArcFile {
    bytes: Vec<u8>,
    pub count: u32,
    pub total: Cents,
    /// With their trace numbers, in the file's order.
    pub items: Vec<DepositItem>,
}

impl ArcFile {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ArcError {
    #[error("there is no check to convert")]
    Empty,
    #[error("file {0} is more than the bank's window takes in a day (1 to 36)")]
    TooMany(u32),
    #[error("a balanced file needs offset_routing and offset_account in the profile")]
    NoOffsetAccount,
    #[error("the file could not be written: {0}")]
    NotWritten(#[from] crate::formats::fault::FormatError),
    #[error("the file was made and does not prove when it is read back: {0}; it was thrown away")]
    NotProved(String),
    #[error("'{0}' is not an instant: write it like 2026-11-30T17:05:00Z")]
    Instant(String),
    #[error(transparent)]
    Money(#[from] crate::domain::MoneyError),
}

/// The trace number of the `n`th entry (from 1) that this originating bank ever gets from us: it must not repeat within the
/// time in which returns come.
pub fn trace_number(profile: &ArcProfile, n: u64) -> String {
    format!("{}{:07}", &profile.odfi.as_str()[..8], (n - 1) % 9_999_999 + 1)
}

/// One deposit as an ACH file. `traces` are the items' trace numbers, ascending; `number` the file's number on its day;
/// `created` the instant `2026-11-30T17:05:00Z` that stands in the file's header. With the same arguments come the same bytes.
pub fn arc_file(
    profile: &ArcProfile,
    items: &[(ArcItem, String)],
    (date, created): (Day, &str),
    number: u32,
    offset_trace: &str,
) -> Result<ArcFile, ArcError> {
    if items.is_empty() {
        return Err(ArcError::Empty);
    }
    const MODIFIERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let modifier = number.checked_sub(1).and_then(|n| MODIFIERS.get(n as usize)).ok_or(ArcError::TooMany(number))?;
    let total = Cents::sum(items.iter().map(|(item, _)| item.amount))?;
    let instant = || ArcError::Instant(created.chars().take(40).collect());
    let (day, time) = super::day_and_time(created).ok_or_else(instant)?;
    let header = FileHeader::BLANK
        .priority_code("01")?
        .immediate_destination(profile.destination.as_str())?
        .immediate_origin(&profile.origin)?
        .file_creation_date(day)?
        .file_creation_time(&time)?
        .file_id_modifier(&char::from(*modifier).to_string())?
        .record_size("094")?
        .blocking_factor("10")?
        .format_code("1")?
        .immediate_destination_name(&plain(&profile.destination_name, 23))?
        .immediate_origin_name(&plain(&profile.origin_name, 23))?;
    let class = if profile.offset == Offset::SameBatch { "200" } else { "225" };
    let mut entries = Vec::with_capacity(items.len() + 1);
    for (item, trace) in items {
        let routing = item.routing.as_str();
        let entry = CheckEntry::BLANK
            .transaction_code("27")?
            .rdfi_identification(&routing[..8])?
            .check_digit(&routing[8..])?
            .account(&item.account)?
            .amount(item.amount)?
            .check_serial_number(&item.serial)?
            // The rules make it optional; readers refuse it blank. A reference of ours names no person.
            .individual_name(&reference(&item.document))?
            .addenda_record_indicator("0")?
            .trace_number(trace)?;
        entries.push(OutgoingEntry { entry: entry.to_bytes(), addenda: Vec::new() });
    }
    let mut batches = Vec::new();
    let offset = match profile.offset {
        Offset::None => None,
        Offset::CcdBatch | Offset::SameBatch => Some(offset_entry(profile, total, offset_trace)?),
    };
    match (profile.offset, offset) {
        (Offset::SameBatch, Some(offset)) => {
            entries.push(offset);
            batches.push(OutgoingBatch { header: batch_header(profile, class, "ARC", date, 1)?, entries });
        }
        (_, offset) => {
            batches.push(OutgoingBatch { header: batch_header(profile, class, "ARC", date, 1)?, entries });
            if let Some(offset) = offset {
                let header = batch_header(profile, "220", "CCD", date, 2)?;
                batches.push(OutgoingBatch { header, entries: vec![offset] });
            }
        }
    }
    let bytes = nacha::write(&header, &batches)?;
    prove(&bytes, items, total, profile)?;
    let made = items
        .iter()
        .map(|(item, trace)| DepositItem {
            document: item.document.clone(),
            amount: item.amount,
            sequence: trace.clone(),
        })
        .collect::<Vec<_>>();
    Ok(ArcFile { bytes, count: made.len() as u32, total, items: made })
}

fn batch_header(
    profile: &ArcProfile,
    class: &str,
    entry_class: &str,
    date: Day,
    number: u64,
) -> Result<BatchHeader, ArcError> {
    Ok(BatchHeader::BLANK
        .service_class_code(class)?
        .company_name(&plain(&profile.company_name, 16))?
        .company_identification(&plain(&profile.company_id, 10))?
        .standard_entry_class_code(entry_class)?
        .company_entry_description(&plain(&profile.entry_description, 10))?
        .company_descriptive_date(&date.compact()[2..])?
        .effective_entry_date(next_banking_day(date))?
        .originator_status_code("1")?
        .odfi_identification(&profile.odfi.as_str()[..8])?
        .batch_number(number)?)
}

fn offset_entry(profile: &ArcProfile, total: Cents, trace: &str) -> Result<OutgoingEntry, ArcError> {
    let routing = profile.offset_routing.as_ref().ok_or(ArcError::NoOffsetAccount)?.as_str();
    if profile.offset_account.trim().is_empty() {
        return Err(ArcError::NoOffsetAccount);
    }
    let entry = EntryDetail::BLANK
        .transaction_code("22")?
        .rdfi_identification(&routing[..8])?
        .check_digit(&routing[8..])?
        .account(&profile.offset_account)?
        .amount(total)?
        .individual_identification_number("OFFSET")?
        .individual_name(&plain(&profile.company_name, 22))?
        .addenda_record_indicator("0")?
        .trace_number(trace)?;
    Ok(OutgoingEntry { entry: entry.to_bytes(), addenda: Vec::new() })
}

/// Our reference of a check: enough of its id to find it, nothing of the payer.
fn reference(document: &DocumentId) -> String {
    let id: String = document.as_str().chars().filter(char::is_ascii_alphanumeric).take(18).collect();
    format!("REF {}", id.to_ascii_uppercase())
}

/// Printable capitals: letters with marks lose them, what is left over becomes a blank; never longer than `width` bytes.
pub fn plain(text: &str, width: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let c = match c {
            'À'..='Å' | 'à'..='å' => 'A',
            'Ç' | 'ç' => 'C',
            'È'..='Ë' | 'è'..='ë' => 'E',
            'Ì'..='Ï' | 'ì'..='ï' => 'I',
            'Ñ' | 'ñ' => 'N',
            'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' => 'O',
            'Ù'..='Ü' | 'ù'..='ü' => 'U',
            'Ý' | 'ý' | 'ÿ' => 'Y',
            'ß' => 'S',
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{2013}' | '\u{2014}' => '-',
            c if c.is_ascii() && !c.is_ascii_control() => c.to_ascii_uppercase(),
            _ => ' ',
        };
        if out.len() < width {
            out.push(c);
        }
    }
    out.trim_end().to_string()
}

/// By the format's reader each entry is as deposited; and by the bare columns of the text the debits add up to the total.
fn prove(bytes: &[u8], items: &[(ArcItem, String)], total: Cents, profile: &ArcProfile) -> Result<(), ArcError> {
    let wrong = |what: String| Err(ArcError::NotProved(what));
    let mut read = Vec::with_capacity(items.len());
    let mut credits = 0;
    let told = nacha::scan(&mut &*bytes, &mut |event| {
        if let nacha::Event::Entry(entry) = event {
            if entry.direction().is_some_and(|d| d.debit) {
                let serial = entry.check_serial().unwrap_or_default();
                read.push((entry.routing(), entry.account(), entry.amount(), serial, entry.trace()));
            } else {
                credits += 1;
            }
        }
    });
    let summary = told.map_err(|fault| ArcError::NotProved(fault.to_string()))?;
    if let Some(fault) = summary.faults.first_error() {
        return wrong(fault.to_string());
    }
    if read.len() != items.len() {
        return wrong(format!("{} entries for {} checks", read.len(), items.len()));
    }
    for ((item, trace), (routing, account, amount, serial, read_trace)) in items.iter().zip(&read) {
        let same = *routing == item.routing.as_str() && *account == item.account && *serial == item.serial;
        if !same || *amount != Some(item.amount) || read_trace != trace {
            return wrong(format!("entry {trace} is not as deposited"));
        }
    }
    let offset = if profile.offset == Offset::None { (0, Cents::ZERO) } else { (1, total) };
    if (credits, summary.totals.credit) != offset || summary.totals.debit != total {
        return wrong(format!("debits of {}, credits of {}", summary.totals.debit, summary.totals.credit));
    }
    // Without any code of the format: lines of 95 bytes, debits by column 2-3, amounts by column 30-39.
    let mut sum = 0i64;
    for line in bytes.chunks(95).filter(|l| l.starts_with(b"627")) {
        let amount = line.get(29..39).and_then(|a| std::str::from_utf8(a).ok()).and_then(|a| a.parse::<i64>().ok());
        let Some(next) = amount.and_then(|a| sum.checked_add(a)) else {
            return wrong("an amount's columns are no digits".into());
        };
        sum = next;
    }
    if Cents::new(sum) != total {
        return wrong(format!("the columns add up to {}", Cents::new(sum)));
    }
    Ok(())
}
