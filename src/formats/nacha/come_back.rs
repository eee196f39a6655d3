//! What comes back: returns (addenda 99) as returned items with their reasons, and notifications of change (addenda 98),
//! which move no money. A file whose totals or order do not hold is refused whole; an unknown reason concerns its item alone.

use std::io::Read;

use super::read::{Entry, Event, Line, scan};
use super::records::{FileHeader, ReturnKind};
use crate::domain::{
    BankAccount, Cents, ChangeNotice, Correction, Day, OriginalItem, ReturnChannel, ReturnItem, ReturnReason,
    ReturnStage, SourcePlace,
};
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{text_of, trimmed};

/// Most returns and changes of one file; a file with more is refused.
const MOST: usize = 5_000_000;

/// The returns of a file.
#[derive(Clone, Debug)]
pub struct ReturnFile {
    /// The day that the file was made.
    pub created: Option<Day>,
    /// Who sent it, for people: the origin's name, else its number.
    pub origin: String,
    pub returns: Vec<ReturnItem>,
    pub changes: Vec<ChangeNotice>,
    /// Entries that neither came back nor correct anything (payments).
    pub others: u64,
    pub faults: Faults,
}

impl ReturnFile {
    /// Why nothing of the file may be booked; `None` when its order and totals hold. An unknown code of one item is no
    /// reason: that item goes to a person.
    pub fn refusal(&self) -> Option<&Fault> {
        let listed = self.faults.list();
        let wrong = listed.iter().find(|f| f.is_error() && !matches!(f.code, "return-code" | "change-code"));
        // More faults than are listed: what they are is not known any more.
        let unlisted = self.faults.errors + self.faults.warnings > listed.len() as u64;
        wrong.or_else(|| listed.last().filter(|_| unlisted))
    }
}

/// The corrected values by the layouts of the Operating Rules (columns within the 29 of the field).
fn correction(code: &str, data: &[u8]) -> Correction {
    let part = |from: usize, to: usize| {
        let text = text_of(trimmed(data.get(from - 1..to.min(data.len())).unwrap_or_default()));
        Some(text).filter(|t| !t.is_empty())
    };
    let account = |from, to| part(from, to).map(BankAccount::new);
    match code {
        "C01" => Correction { account: account(1, 17), ..Correction::default() },
        "C02" => Correction { routing: part(1, 9), ..Correction::default() },
        "C03" => Correction { routing: part(1, 9), account: account(13, 29), ..Correction::default() },
        "C05" => Correction { transaction_code: part(1, 2), ..Correction::default() },
        "C06" => Correction { account: account(1, 17), transaction_code: part(21, 22), ..Correction::default() },
        "C07" => Correction {
            routing: part(1, 9),
            account: account(10, 26),
            transaction_code: part(27, 28),
            ..Correction::default()
        },
        _ => Correction { other: part(1, data.len()), ..Correction::default() },
    }
}

/// Reads the returns and changes of a file. `Err` where it is no Nacha file.
pub fn returns(source: &mut dyn Read) -> Result<ReturnFile, Fault> {
    let mut found: Vec<(ReturnItem, Option<u16>)> = Vec::new();
    let mut changes: Vec<(ChangeNotice, Option<u16>)> = Vec::new();
    let mut others = 0u64;
    let mut too_many = false;
    let summary = scan(source, &mut |event| {
        let Event::Entry(entry) = event else { return };
        if found.len() + changes.len() >= MOST {
            too_many = true;
            return;
        }
        let settled = settlement(&entry);
        match (entry.return_addenda(), entry.change_addenda()) {
            (Some((line, kind)), _) => found.push((returned(&entry, line, kind), settled)),
            (None, Some(line)) => changes.push((change(&entry, line), settled)),
            (None, None) => others += 1,
        }
    })?;
    if too_many {
        return Err(Fault::error("limit", format!("more than {MOST} returned entries in one file")));
    }
    let created = summary.header.as_ref().and_then(|h| h.file_creation_date.day().ok().flatten());
    let day = |own: Option<Day>, julian: Option<u16>| {
        julian.and_then(|j| created.and_then(|c| of_julian(j, c))).or(own).or(created)
    };
    Ok(ReturnFile {
        created,
        origin: summary.header.as_ref().map_or_else(String::new, origin),
        returns: found.into_iter().map(|(item, j)| ReturnItem { date: day(item.date, j), ..item }).collect(),
        changes: changes.into_iter().map(|(notice, j)| ChangeNotice { date: day(notice.date, j), ..notice }).collect(),
        others,
        faults: summary.faults,
    })
}

fn origin(header: &FileHeader) -> String {
    let name = header.immediate_origin_name.text();
    if name.is_empty() { header.immediate_origin.text() } else { name }
}

/// The Julian day that the operator put into the batch header.
fn settlement(entry: &Entry<'_>) -> Option<u16> {
    entry.batch.header.settlement_date.text().parse().ok().filter(|d| (1..=366).contains(d))
}

/// The day of that number nearest to the day the file was made (a file of early January may settle days of December).
fn of_julian(day_of_year: u16, near: Day) -> Option<Day> {
    let year = near.date().year();
    let of_year = |year: i16| {
        let first = jiff::civil::Date::new(year, 1, 1).ok()?;
        let day = first.checked_add(jiff::Span::new().days(i32::from(day_of_year) - 1)).ok()?;
        (day.year() == year).then_some(day)
    };
    let distance = |day: &jiff::civil::Date| near.date().until(*day).map_or(i32::MAX, |s| s.get_days().abs());
    [year - 1, year, year + 1].into_iter().filter_map(of_year).min_by_key(distance).map(Day::of)
}

fn returned(entry: &Entry<'_>, line: &Line, kind: ReturnKind) -> ReturnItem {
    let part = |from: usize, to: usize| text_of(trimmed(&line.text[from - 1..to]));
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    let code = part(4, 6);
    let stage = match kind {
        ReturnKind::Returned => ReturnStage::Returned,
        ReturnKind::Dishonored => ReturnStage::Dishonored,
        ReturnKind::Contested => ReturnStage::Contested,
    };
    let serial = entry.check_serial().map(|s| s.trim_start_matches('0').to_string());
    let text = match kind {
        ReturnKind::Returned => part(36, 79),
        ReturnKind::Dishonored => part(59, 79),
        ReturnKind::Contested => String::new(),
    };
    ReturnItem {
        channel: ReturnChannel::Ach,
        stage,
        reason: ReturnReason::of_ach(&code),
        code,
        amount: entry.amount().unwrap_or(Cents::ZERO),
        original: OriginalItem {
            trace: some(part(7, 21)),
            item_sequence: None,
            business_date: None,
            routing: some(part(28, 35)),
            account: some(entry.account()).map(BankAccount::new),
            serial: serial.filter(|s| !s.is_empty()),
        },
        id: part(80, 94),
        date: entry.batch.effective_date(),
        text,
        place: SourcePlace { record: line.number, offset: line.offset },
    }
}

fn change(entry: &Entry<'_>, line: &Line) -> ChangeNotice {
    let part = |from: usize, to: usize| text_of(trimmed(&line.text[from - 1..to]));
    let code = part(4, 6);
    let data_ends = if entry.family() == super::records::Family::Iat { 70 } else { 64 };
    ChangeNotice {
        correction: correction(&code, &line.text[35..data_ends]),
        code,
        original_trace: part(7, 21),
        original_routing: part(28, 35),
        original_account: BankAccount::new(entry.account()),
        id: part(80, 94),
        date: entry.batch.effective_date(),
        place: SourcePlace { record: line.number, offset: line.offset },
    }
}
