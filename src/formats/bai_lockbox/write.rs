//! Writing a lockbox file in any layout (lines with CRLF), for samples and for partners who ask for it. The same values
//! give the same bytes; what does not fit is refused; the file is read back and must be valid.

use super::profile::{INVOICE, Profile};
use super::read::{LockboxFile, read};
use crate::domain::{Cents, Day};
use crate::formats::fault::{FormatError, clip};
use crate::formats::record::{Column, Kind};

/// One lockbox and its batches of one deposit day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockboxDeposit {
    /// Our id at the bank, at most ten characters.
    pub destination: String,
    /// The bank: routing number, at most ten characters.
    pub origin: String,
    pub file_date: Day,
    /// `HHMM`.
    pub file_time: String,
    /// At most seven digits.
    pub lockbox: String,
    pub deposit_date: Day,
    pub batches: Vec<Vec<LockboxCheck>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockboxCheck {
    pub amount: Cents,
    pub routing: String,
    /// At most ten digits: longer ones are cut from the left by the format's nature, and only by whoever calls.
    pub account: String,
    pub check_number: String,
    /// Our customer's number, for layouts that have it.
    pub customer: String,
    pub invoices: Vec<LockboxInvoice>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockboxInvoice {
    pub invoice: String,
    pub payment: Cents,
    pub deduction: Cents,
}

struct Line {
    record: &'static str,
    columns: &'static [Column],
    text: Vec<u8>,
}

impl Line {
    fn new(record: &'static str, profile: &Profile) -> Line {
        let mut text = vec![b' '; profile.record_length];
        text[..1].copy_from_slice(record.as_bytes());
        Line { record, columns: profile.columns(record.as_bytes()[0]).unwrap_or_default(), text }
    }

    /// The same as `put` where the layout has the field; what a layout has no place for is left out.
    fn put_where(self, name: &'static str, value: &str) -> Result<Line, FormatError> {
        if self.columns.iter().any(|c| c.name == name) { self.put(name, value) } else { Ok(self) }
    }

    fn put(mut self, name: &'static str, value: &str) -> Result<Line, FormatError> {
        let refuse = |columns, found: String, expected: String| FormatError {
            record: self.record,
            field: name,
            columns,
            offset: None,
            line: None,
            found,
            expected,
        };
        let Some(column) = self.columns.iter().find(|c| c.name == name) else {
            return Err(refuse((0, 0), clip(value), "a field of the record".into()));
        };
        let place = (column.from, column.to);
        let found = if column.kind == Kind::Account { crate::domain::account::masked(value) } else { clip(value) };
        let width = usize::from(column.to - column.from) + 1;
        let filled = match column.kind {
            Kind::Raw | Kind::AccountLeft => format!("{value:<width$}"),
            Kind::Digits | Kind::Number | Kind::Cents | Kind::Account | Kind::Date => format!("{value:0>width$}"),
            Kind::Right | Kind::Blank => format!("{value:>width$}"),
        };
        let numeric = matches!(column.kind, Kind::Digits | Kind::Number | Kind::Cents | Kind::Date);
        if filled.len() != width || !filled.is_ascii() || filled.bytes().any(|b| b < b' ') {
            return Err(refuse(place, found, format!("at most {width} characters")));
        }
        if numeric && !filled.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refuse(place, found, "digits".into()));
        }
        self.text[usize::from(column.from) - 1..usize::from(column.to)].copy_from_slice(filled.as_bytes());
        Ok(self)
    }

    fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
        out.extend_from_slice(b"\r\n");
    }
}

fn short(day: Day) -> String {
    day.compact()[2..].to_string()
}

/// Writes a file in the invoice layout and proves it by reading it back.
pub fn write(deposit: &LockboxDeposit) -> Result<Vec<u8>, FormatError> {
    write_as(std::slice::from_ref(deposit), &INVOICE)
}

/// Writes the lockboxes of a file in a layout and proves it by reading it back. A layout that has no amounts or no
/// invoices leaves them out.
pub fn write_as(deposits: &[LockboxDeposit], profile: &Profile) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    let Some(first) = deposits.first() else {
        return Err(FormatError::whole("1", "no lockbox", "at least one lockbox"));
    };
    if profile.check.is_empty() {
        return Err(FormatError::whole("6", profile.name, "a layout whose payments are known"));
    }
    Line::new("1", profile)
        .put_where("header", "000")?
        .put_where("priority_code", if profile.has_totals { "1" } else { "" })?
        .put_where("immediate_destination", &first.destination)?
        .put_where("immediate_origin", &first.origin)?
        .put_where("file_date", &short(first.file_date))?
        .put_where("file_time", &first.file_time)?
        .end(&mut out);
    if profile.has_totals {
        Line::new("2", profile)
            .put("ultimate_destination", &first.destination)?
            .put("ultimate_origin", &first.origin)?
            .put("reference_code", "0000000000")?
            .put("service_type", "400")?
            .put("record_size", &profile.record_length.to_string())?
            .put("block_size", &(profile.record_length * 10).to_string())?
            .put("format_code", "1")?
            .end(&mut out);
    }
    let mut all = Cents::ZERO;
    for deposit in deposits {
        let total = one_lockbox(&mut out, deposit, profile)?;
        all = all.plus(total).map_err(|_| too_large("9"))?;
    }
    if profile.has_totals {
        let records = out.iter().filter(|b| **b == b'\n').count() + 1;
        Line::new("9", profile)
            .put("record_count", &records.to_string())?
            .put_where("amount", &all.get().to_string())?
            .end(&mut out);
    }
    prove(&out, deposits, profile, all)?;
    Ok(out)
}

fn too_large(record: &'static str) -> FormatError {
    FormatError::whole(record, "a total that is too large", "a total that fits")
}

fn one_lockbox(out: &mut Vec<u8>, deposit: &LockboxDeposit, profile: &Profile) -> Result<Cents, FormatError> {
    let date = short(deposit.deposit_date);
    let (mut count, mut total) = (0, Cents::ZERO);
    for (number, checks) in (1u64..).zip(&deposit.batches) {
        let number = number.to_string();
        if profile.has_totals {
            Line::new("5", profile)
                .put("batch", &number)?
                .put_where("item", "0")?
                .put("lockbox", &deposit.lockbox)?
                .put("deposit_date", &date)?
                .put("destination", &deposit.destination)?
                .put("origin", &deposit.origin)?
                .end(out);
        }
        let mut sum = Cents::ZERO;
        for (item, check) in (1u64..).zip(checks) {
            one_check(out, deposit, profile, (&number, &item.to_string()), check)?;
            sum = sum.plus(check.amount).map_err(|_| too_large("7"))?;
        }
        if profile.has_totals {
            Line::new("7", profile)
                .put("batch", &number)?
                .put_where("item", "0")?
                .put("lockbox", &deposit.lockbox)?
                .put("deposit_date", &date)?
                .put("count", &checks.len().to_string())?
                .put("amount", &sum.get().to_string())?
                .end(out);
        }
        count += checks.len();
        total = total.plus(sum).map_err(|_| too_large("8"))?;
    }
    if profile.has_totals {
        Line::new("8", profile)
            .put("batch", "0")?
            .put_where("item", "0")?
            .put("lockbox", &deposit.lockbox)?
            .put("deposit_date", &date)?
            .put("count", &count.to_string())?
            .put("amount", &total.get().to_string())?
            .end(out);
    }
    Ok(total)
}

const INVOICES: [(&str, &str); 6] = [
    ("invoice", "payment"),
    ("invoice_2", "payment_2"),
    ("invoice_3", "payment_3"),
    ("invoice_4", ""),
    ("invoice_5", ""),
    ("invoice_6", ""),
];

/// How many invoices a record takes.
fn places(columns: &[Column]) -> usize {
    INVOICES.iter().filter(|(name, _)| columns.iter().any(|c| c.name == *name)).count()
}

fn one_check(
    out: &mut Vec<u8>,
    deposit: &LockboxDeposit,
    profile: &Profile,
    (batch, item): (&str, &str),
    check: &LockboxCheck,
) -> Result<(), FormatError> {
    let (here, later) = check.invoices.split_at(places(profile.check).min(check.invoices.len()));
    let mut line = Line::new("6", profile)
        .put_where("record_code", "0")?
        .put_where("batch", batch)?
        .put_where("item", item)?
        .put_where("lockbox", &deposit.lockbox)?
        .put_where("deposit_date", &short(deposit.deposit_date))?
        .put("amount", &check.amount.get().to_string())?
        .put_where("routing", &check.routing)?
        .put_where("account", &check.account)?
        .put_where("check_number", &check.check_number)?
        .put_where("customer", &check.customer)?;
    for ((name, _), invoice) in INVOICES.into_iter().zip(here) {
        line = line.put(name, &invoice.invoice)?;
    }
    line.end(out);
    let in_overflow = places(profile.overflow).max(1);
    let chunks = if profile.overflow.is_empty() { 0 } else { later.len().div_ceil(in_overflow) };
    for (place, invoices) in later.chunks(in_overflow).enumerate().take(chunks) {
        let sequence =
            if profile.overflow.iter().any(|c| c.name == "sequence" && c.to - c.from == 1) { 99 } else { 99_999 };
        let mut line = Line::new("4", profile)
            .put("batch", batch)?
            .put("item", item)?
            .put_where("of_type", "6")?
            .put("sequence", &(place % sequence + 1).to_string())?
            .put("last", if place + 1 == chunks { "9" } else { "0" })?;
        for ((name, payment), invoice) in INVOICES.into_iter().zip(invoices) {
            line = line
                .put_where(name, &invoice.invoice)?
                .put_where(payment, &invoice.payment.get().to_string())?
                .put_where("memo", &invoice.invoice)?
                .put_where("deduction", &invoice.deduction.get().to_string())?;
        }
        line.end(out);
    }
    Ok(())
}

/// Reads the finished bytes with the reader: the same layout, valid, and the same checks with the same amounts.
fn prove(bytes: &[u8], deposits: &[LockboxDeposit], profile: &Profile, total: Cents) -> Result<(), FormatError> {
    let not_proved = |found: String| FormatError::whole("9", found, "a file that reads back as it was written");
    let wanted: Vec<&LockboxCheck> = deposits.iter().flat_map(|d| d.batches.iter().flatten()).collect();
    if wanted.is_empty() && !profile.has_totals {
        return Ok(());
    }
    let file: LockboxFile = read(bytes).map_err(|fault| not_proved(fault.to_string()))?;
    if let Some(fault) = file.all_faults().iter().find(|f| f.is_error()) {
        return Err(not_proved(fault.to_string()));
    }
    let read: Vec<_> = file.batches.iter().flat_map(|b| &b.checks).collect();
    let same = read.len() == wanted.len()
        && file.total() == Some(total)
        && read.iter().zip(&wanted).all(|(read, wanted)| read.amount == Some(wanted.amount));
    if same { Ok(()) } else { Err(not_proved(format!("{} checks in the layout {}", read.len(), file.profile.name))) }
}
