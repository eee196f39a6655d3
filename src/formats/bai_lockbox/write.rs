//! Writing a lockbox file in the invoice layout (80 columns, CRLF), for samples and for partners who ask for it. The same
//! values give the same bytes; what does not fit is refused; the file is read back and must be valid.

use super::profile::{ADDRESS, BATCH_HEADER, BATCH_TOTAL, INVOICE, SERVICE, SERVICE_TOTAL, TRAILER};
use super::read::read;
use crate::domain::{Cents, Day};
use crate::formats::fault::{FormatError, clip};
use crate::formats::record::{Column, Kind};

/// One lockbox and its batches of one deposit day.
#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
pub struct LockboxCheck {
    pub amount: Cents,
    pub routing: String,
    /// At most ten digits: longer ones are cut from the left by the format's nature, and only by whoever calls.
    pub account: String,
    pub check_number: String,
    pub invoices: Vec<LockboxInvoice>,
}

#[derive(Clone, Debug)]
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
    fn new(record: &'static str, columns: &'static [Column]) -> Line {
        let mut text = vec![b' '; INVOICE.record_length];
        text[..1].copy_from_slice(record.as_bytes());
        Line { record, columns, text }
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
            Kind::Raw => format!("{value:<width$}"),
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

/// Writes a file and proves it by reading it back.
pub fn write(deposit: &LockboxDeposit) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    let date = short(deposit.deposit_date);
    Line::new("1", ADDRESS)
        .put("priority_code", "01")?
        .put("immediate_destination", &deposit.destination)?
        .put("immediate_origin", &deposit.origin)?
        .put("file_date", &short(deposit.file_date))?
        .put("file_time", &deposit.file_time)?
        .end(&mut out);
    Line::new("2", SERVICE)
        .put("ultimate_destination", &deposit.destination)?
        .put("ultimate_origin", &deposit.origin)?
        .put("reference_code", "0000000000")?
        .put("service_type", "400")?
        .put("record_size", "080")?
        .put("block_size", "0800")?
        .put("format_code", "1")?
        .end(&mut out);
    let mut count: u64 = 0;
    let mut total = Cents::ZERO;
    let too_large = |record| move |_| FormatError::whole(record, "a total that is too large", "a total that fits");
    for (number, checks) in (1u64..).zip(&deposit.batches) {
        let number = number.to_string();
        Line::new("5", BATCH_HEADER)
            .put("batch", &number)?
            .put("item", "0")?
            .put("lockbox", &deposit.lockbox)?
            .put("deposit_date", &date)?
            .put("destination", &deposit.destination)?
            .put("origin", &deposit.origin)?
            .end(&mut out);
        let mut sum = Cents::ZERO;
        for (item, check) in (1u64..).zip(checks) {
            let item = item.to_string();
            Line::new("6", INVOICE.check)
                .put("batch", &number)?
                .put("item", &item)?
                .put("amount", &check.amount.get().to_string())?
                .put("routing", &check.routing)?
                .put("account", &check.account)?
                .put("check_number", &check.check_number)?
                .end(&mut out);
            sum = sum.plus(check.amount).map_err(too_large("7"))?;
            for (place, invoice) in check.invoices.iter().enumerate() {
                let last = place + 1 == check.invoices.len();
                Line::new("4", INVOICE.overflow)
                    .put("batch", &number)?
                    .put("item", &item)?
                    .put("of_type", "6")?
                    .put("sequence", &(place % 99 + 1).to_string())?
                    .put("last", if last { "9" } else { "0" })?
                    .put("invoice", &invoice.invoice)?
                    .put("payment", &invoice.payment.get().to_string())?
                    .put("deduction", &invoice.deduction.get().to_string())?
                    .end(&mut out);
            }
        }
        Line::new("7", BATCH_TOTAL)
            .put("batch", &number)?
            .put("item", "0")?
            .put("lockbox", &deposit.lockbox)?
            .put("deposit_date", &date)?
            .put("count", &checks.len().to_string())?
            .put("amount", &sum.get().to_string())?
            .end(&mut out);
        count += checks.len() as u64;
        total = total.plus(sum).map_err(too_large("8"))?;
    }
    Line::new("8", SERVICE_TOTAL)
        .put("batch", "0")?
        .put("item", "0")?
        .put("lockbox", &deposit.lockbox)?
        .put("deposit_date", &date)?
        .put("count", &count.to_string())?
        .put("amount", &total.get().to_string())?
        .end(&mut out);
    let records = out.iter().filter(|b| **b == b'\n').count() + 1;
    Line::new("9", TRAILER).put("record_count", &records.to_string())?.end(&mut out);
    prove(&out, count, total)?;
    Ok(out)
}

fn prove(bytes: &[u8], count: u64, total: Cents) -> Result<(), FormatError> {
    let not_proved = |found: String| FormatError::whole("9", found, "a file that reads back as it was written");
    let file = read(bytes).map_err(|fault| not_proved(fault.to_string()))?;
    if let Some(fault) = file.all_faults().iter().find(|f| f.is_error()) {
        return Err(not_proved(fault.to_string()));
    }
    let checks: u64 = file.batches.iter().map(|b| b.checks.len() as u64).sum();
    if (checks, file.total()) != (count, Some(total)) {
        return Err(not_proved(format!("{checks} checks")));
    }
    Ok(())
}
