//! One pass over a lockbox file: the order of its records and all its sums, on the bytes as they stand. Counts and amounts
//! of records 7, 8 and 9 are recomputed. Overflow records are taken in the file's order, since their two-digit sequence
//! wraps from 99 to 01. Only one record is held at a time; whoever wants more than the sums listens as a `Sink`.

use std::collections::BTreeSet;
use std::io::Read;

use super::physical::{Line, Lines};
use super::profile::{Profile, find, kind_of, signed};
use super::short_date;
use crate::domain::{Cents, Day};
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{Column, Row, text_of};

/// What a file holds besides its checks.
#[derive(Clone, Debug)]
pub struct Summary {
    pub profile: &'static Profile,
    pub ebcdic: bool,
    pub origin: String,
    pub destination: String,
    pub file_date: Option<Day>,
    pub records: u64,
    pub batches: u64,
    pub lockboxes: u64,
    pub checks: u64,
    pub remittances: u64,
    /// `None` where the sum is larger than can be held.
    pub total: Option<Cents>,
    pub faults: Faults,
}

/// Whoever listens while a file is read. Everything comes in the file's order.
pub trait Sink {
    /// A batch has begun with this record: its header (5) or, without one, its first check.
    fn batch(&mut self, _line: &Line<'_>, _lockbox: &str, _deposit_date: Option<Day>) {}
    fn check(&mut self, _line: &Line<'_>, _fields: &CheckColumns, _amount: Option<Cents>) {}
    fn invoice(&mut self, _line: &Line<'_>, _fields: &Remittance<'_>) {}
    /// The batch ends at a line: with the count and the amount that its total (7) states.
    fn batch_end(&mut self, _line: u64, _stated: (Option<u64>, Option<Cents>), _lockbox: &str, _date: Option<Day>) {}
}

/// Nobody listens.
impl Sink for () {}

/// One line of what a check pays.
pub struct Remittance<'a> {
    pub row: &'a Row<'a>,
    /// Invoice number, or the memo where the layout has only text.
    pub text: Column,
    pub payment: Option<Cents>,
    pub deduction: Option<Cents>,
    pub reason: Column,
}

/// Columns of a check by their meaning; empty ones where the layout has none.
#[derive(Clone, Copy, Debug)]
pub struct CheckColumns {
    pub batch: Column,
    pub item: Column,
    pub amount: Column,
    pub routing: Column,
    pub account: Column,
    pub check_number: Column,
    pub check_date: Column,
    pub remitter: Column,
    pub customer: Column,
    lockbox: Column,
    deposit_date: Column,
}

/// Names of the invoices of one record and of what is paid on each.
const INVOICES: [(&str, &str); 6] = [
    ("invoice", "payment"),
    ("invoice_2", "payment_2"),
    ("invoice_3", "payment_3"),
    ("invoice_4", ""),
    ("invoice_5", ""),
    ("invoice_6", ""),
];

struct OverflowColumns {
    batch: Column,
    item: Column,
    last: Column,
    memo: Column,
    deduction: Column,
    reason: Column,
    invoices: Vec<(Column, Column)>,
}

fn invoices_of(columns: &[Column]) -> Vec<(Column, Column)> {
    let named = |(invoice, payment): (&str, &str)| (find(columns, invoice), find(columns, payment));
    INVOICES.into_iter().map(named).filter(|(invoice, _)| !invoice.name.is_empty()).collect()
}

/// What a bank counts in record 7 and in record 8.
const COUNTS: usize = 3;
const CHECKS: usize = 0;
const CHECKS_AND_OVERFLOW: usize = 1;

/// A short field kept as it stands, to be compared.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Key([u8; 8]);

impl Key {
    fn of(row: &Row<'_>, column: Column) -> Key {
        let mut key = [0; 8];
        for (to, from) in key.iter_mut().zip(row.raw(column)) {
            *to = *from;
        }
        Key(key)
    }
}

#[derive(Clone, Copy, Default)]
struct Sums {
    checks: u64,
    overflow: u64,
    records: u64,
    amount: Option<Cents>,
}

impl Sums {
    const NONE: Sums = Sums { checks: 0, overflow: 0, records: 0, amount: Some(Cents::ZERO) };

    fn add(&mut self, amount: Cents) {
        self.amount = self.amount.and_then(|sum| sum.plus(amount).ok());
    }

    fn counted(&self, counts: usize) -> u64 {
        match counts {
            CHECKS => self.checks,
            CHECKS_AND_OVERFLOW => self.checks + self.overflow,
            _ => self.records,
        }
    }
}

/// The check whose overflow records may follow.
struct OpenCheck {
    line: u64,
    batch: Key,
    item: Key,
    amount: Option<Cents>,
    payments: Option<Cents>,
    has_payments: bool,
    /// Is the last overflow record marked as the last? `None`: there was none.
    last: Option<bool>,
}

struct Walker<'s> {
    profile: &'static Profile,
    check_columns: CheckColumns,
    check_invoices: Vec<(Column, Column)>,
    overflow_columns: OverflowColumns,
    sink: &'s mut dyn Sink,
    summary: Summary,
    /// Key of the open batch and its sums.
    open: Option<(Key, Sums)>,
    lockbox_sums: Sums,
    check: Option<OpenCheck>,
    lockbox: String,
    lockboxes: BTreeSet<String>,
    deposit_date: Option<Day>,
    /// One bit for each type that was seen.
    seen: u16,
    /// Faults of the counts of 7 under each meaning, and of 8.
    batch_counts: [Faults; COUNTS],
    service_counts: [Faults; COUNTS],
}

/// Distinct lockboxes that are counted.
const MOST_LOCKBOXES: usize = 100_000;

/// Reads a file of any size. `Err` only where it is no lockbox file at all, or cannot be read on.
pub fn walk(source: &mut dyn Read, sink: &mut dyn Sink) -> Result<Summary, Fault> {
    let mut lines = Lines::open(source)?;
    let mut walker = Walker::new(lines.profile, lines.cut.ebcdic, sink);
    while let Some(line) = lines.next(&mut walker.summary.faults) {
        walker.record(&line);
    }
    match lines.failure() {
        Some(fault) => Err(fault),
        None => Ok(walker.finish()),
    }
}

fn place(line: &Line<'_>, fault: Fault, column: Column) -> Fault {
    let from = u64::from(column.from);
    let fault = fault.record(line.number).line(line.number);
    match column.name {
        "" => fault.offset(line.offset),
        _ => fault.column(from).offset(line.offset + from - 1),
    }
}

impl<'s> Walker<'s> {
    fn new(profile: &'static Profile, ebcdic: bool, sink: &'s mut dyn Sink) -> Self {
        let (check, overflow) = (|name| find(profile.check, name), |name| find(profile.overflow, name));
        Walker {
            profile,
            check_columns: CheckColumns {
                batch: check("batch"),
                item: check("item"),
                amount: check("amount"),
                routing: check("routing"),
                account: check("account"),
                check_number: check("check_number"),
                check_date: check("check_date"),
                remitter: check("remitter"),
                customer: check("customer"),
                lockbox: check("lockbox"),
                deposit_date: check("deposit_date"),
            },
            check_invoices: invoices_of(profile.check),
            overflow_columns: OverflowColumns {
                batch: overflow("batch"),
                item: overflow("item"),
                last: overflow("last"),
                memo: overflow("memo"),
                deduction: overflow("deduction"),
                reason: overflow("reason"),
                invoices: invoices_of(profile.overflow),
            },
            sink,
            summary: Summary {
                profile,
                ebcdic,
                origin: String::new(),
                destination: String::new(),
                file_date: None,
                records: 0,
                batches: 0,
                lockboxes: 0,
                checks: 0,
                remittances: 0,
                total: Some(Cents::ZERO),
                faults: Faults::default(),
            },
            open: None,
            lockbox_sums: Sums::NONE,
            check: None,
            lockbox: String::new(),
            lockboxes: BTreeSet::new(),
            deposit_date: None,
            seen: 0,
            batch_counts: Default::default(),
            service_counts: Default::default(),
        }
    }

    fn fault(&mut self, line: &Line<'_>, fault: Fault, column: Column) {
        self.summary.faults.push(place(line, fault, column));
    }

    fn nowhere(&self) -> Column {
        find(&[], "")
    }

    fn record(&mut self, line: &Line<'_>) {
        self.summary.records = line.number;
        let kind = kind_of(&line.row);
        let length = line.row.bytes.len();
        if length > self.profile.longest_line {
            let expected = format!("at most {}", self.profile.longest_line);
            let fault = Fault::error("line-length", "the line is too long").between(length.to_string(), expected);
            self.fault(line, fault, self.nowhere());
        }
        let Some(columns) = self.profile.columns(kind) else {
            let head = Row::new(line.row.bytes.get(..8.min(length)).unwrap_or_default(), line.row.page);
            let whole = Column { name: "", from: 1, to: 8.min(length) as u16, ..self.nowhere() };
            let found = text_of(&head.latin(whole));
            let fault = Fault::error("record-type", "no record of a lockbox file").between(found, "types 1, 2, 4 to 9");
            self.fault(line, fault, self.nowhere());
            return;
        };
        if self.has_seen(b'9') {
            self.fault(line, Fault::error("order", "a record after the trailer (9)"), self.nowhere());
        }
        if let Some((at, byte)) = line.row.control_character(length) {
            let fault = Fault::warning("control-character", "a control character in the record").column(at as u64 + 1);
            let fault = fault.record(line.number).line(line.number).offset(line.offset + at as u64);
            self.summary.faults.push(fault.between(format!("byte {byte:02x}"), "text"));
        }
        if kind != b'4' {
            self.end_of_check(line);
        }
        if matches!(kind, b'5' | b'6' | b'4' | b'7') {
            self.lockbox_sums.records += 1;
        }
        match kind {
            b'1' => self.address(line, columns),
            b'5' => self.batch_header(line, columns),
            b'6' => self.check(line),
            b'4' => self.overflow(line),
            b'7' => self.batch_total(line, columns),
            b'8' => self.service_total(line, columns),
            b'9' => self.trailer(line, columns),
            _ => {}
        }
        self.seen |= 1 << (kind & 15);
    }

    fn has_seen(&self, kind: u8) -> bool {
        self.seen & (1 << (kind & 15)) != 0
    }

    fn address(&mut self, line: &Line<'_>, columns: &'static [Column]) {
        if self.has_seen(b'1') {
            self.fault(line, Fault::error("order", "a second address header (1)"), self.nowhere());
        }
        let row = &line.row;
        self.summary.origin = row.text(find(columns, "immediate_origin"));
        self.summary.destination = row.text(find(columns, "immediate_destination"));
        let date = find(columns, "file_date");
        self.summary.file_date = short_date(row, date, false);
        if self.summary.file_date.is_none() && !date.name.is_empty() {
            let fault = Fault::warning("date", "the file date is no date").between(row.text(date), "YYMMDD");
            self.fault(line, fault, date);
        }
    }

    fn batch_header(&mut self, line: &Line<'_>, columns: &'static [Column]) {
        self.close_open(line.number, Some(line), "a new batch header (5)");
        let (row, date) = (&line.row, find(columns, "deposit_date"));
        self.lockbox = row.text(find(columns, "lockbox"));
        self.deposit_date = short_date(row, date, false);
        if self.deposit_date.is_none() {
            let fault = Fault::error("date", "the deposit date is no date").between(row.text(date), "YYMMDD");
            self.fault(line, fault, date);
        }
    }

    /// A batch is opened by its first check, since some banks write one header for several batches.
    fn open(&mut self, line: &Line<'_>, key: Key) {
        if self.open.is_none() {
            self.open = Some((key, Sums::NONE));
            self.summary.batches += 1;
            self.sink.batch(line, &self.lockbox, self.deposit_date);
            if self.lockboxes.len() < MOST_LOCKBOXES && !self.lockboxes.contains(&self.lockbox) {
                self.lockboxes.insert(self.lockbox.clone());
            }
        }
    }

    fn close_open(&mut self, number: u64, line: Option<&Line<'_>>, before: &str) {
        let Some((_, sums)) = self.open.take() else { return };
        if self.profile.has_totals {
            let fault = Fault::error("missing-7", format!("the open batch has no batch total (7) before {before}"));
            let fault = fault.record(number).line(number);
            self.summary.faults.push(match line {
                Some(line) => fault.offset(line.offset),
                None => fault,
            });
        }
        self.end_of_batch(number, sums, (None, None), None);
    }

    fn end_of_batch(&mut self, line: u64, sums: Sums, stated: (Option<u64>, Option<Cents>), date: Option<Day>) {
        self.lockbox_sums.checks += sums.checks;
        self.lockbox_sums.overflow += sums.overflow;
        self.lockbox_sums.amount =
            self.lockbox_sums.amount.zip(sums.amount).and_then(|(all, batch)| all.plus(batch).ok());
        self.summary.total = self.summary.total.zip(sums.amount).and_then(|(all, batch)| all.plus(batch).ok());
        self.sink.batch_end(line, stated, &self.lockbox, self.deposit_date.or(date));
    }

    fn check(&mut self, line: &Line<'_>) {
        let (row, columns) = (&line.row, self.check_columns);
        if !self.profile.has_totals {
            // Without batch headers a new lockbox or day begins a new batch.
            let (lockbox, date) = (row.text(columns.lockbox), short_date(row, columns.deposit_date, false));
            if self.open.is_some() && (lockbox != self.lockbox || date != self.deposit_date) {
                self.close_open(line.number.saturating_sub(1), None, "");
            }
            if date.is_none() {
                let found = row.text(columns.deposit_date);
                let fault = Fault::error("date", "the deposit date is no date").between(found, "YYMMDD");
                self.fault(line, fault, columns.deposit_date);
            }
            (self.lockbox, self.deposit_date) = (lockbox, date);
        }
        let key = Key::of(row, columns.batch);
        self.open(line, key);
        if self.open.is_some_and(|(open, _)| open != key) {
            let message = "the check belongs to another batch than the one that is open";
            let fault = Fault::error("batch", message).between(row.text(columns.batch), "the number of the open batch");
            self.fault(line, fault, columns.batch);
        }
        let amount = row.cents(columns.amount).ok().flatten().filter(|a| a.is_positive());
        match amount {
            Some(amount) => {
                if let Some((_, sums)) = &mut self.open {
                    sums.add(amount);
                }
            }
            None => {
                let fault = Fault::error("amount", "the check's amount is no amount");
                self.fault(line, fault.between(row.text(columns.amount), "cents above zero"), columns.amount);
            }
        }
        if let Some((_, sums)) = &mut self.open {
            sums.checks += 1;
        }
        self.summary.checks += 1;
        let routing = columns.routing;
        let holds = match row.number(routing) {
            Ok(None) => true,
            Ok(Some(number)) => row.is_digits(routing) && crate::domain::routing::checks_out(number),
            Err(_) => false,
        };
        if !holds && row.text(routing).len() != 8 {
            let fault = Fault::warning("routing", "the routing number does not hold");
            let found = row.text(routing);
            self.fault(line, fault.between(found, "nine digits with a good check digit"), routing);
        }
        let date = columns.check_date;
        if !row.is_blank(date) && short_date(row, date, true).is_none() {
            let fault = Fault::warning("date", "the check date is no date").between(row.text(date), "MMDDYY");
            self.fault(line, fault, date);
        }
        self.sink.check(line, &columns, amount);
        let item = Key::of(row, columns.item);
        let (number, batch) = (line.number, key);
        self.check =
            Some(OpenCheck { line: number, batch, item, amount, payments: None, has_payments: false, last: None });
        for (invoice, _) in &self.check_invoices {
            if !row.is_blank(*invoice) {
                self.summary.remittances += 1;
                let none = find(&[], "");
                let said = Remittance { row, text: *invoice, payment: None, deduction: None, reason: none };
                self.sink.invoice(line, &said);
            }
        }
    }

    /// An amount of an overflow record.
    fn paid(&mut self, line: &Line<'_>, column: Column) -> Option<Cents> {
        let amount = signed(&line.row, column);
        if amount.is_none() && !line.row.is_blank(column) {
            let fault = Fault::error("amount", "an amount of the overflow record is no amount");
            let found = line.row.text(column);
            self.fault(line, fault.between(found, "digits, signed or not"), column);
        }
        amount
    }

    fn overflow(&mut self, line: &Line<'_>) {
        let row = &line.row;
        let (batch, item) = (self.overflow_columns.batch, self.overflow_columns.item);
        let (key, item_key) = (Key::of(row, batch), Key::of(row, item));
        if !self.check.as_ref().is_some_and(|c| c.batch == key && c.item == item_key) || self.open.is_none() {
            let fault = Fault::error("overflow", "an overflow record that does not belong to the check before it");
            let found = format!("batch {} item {}", row.text(batch), row.text(item));
            self.fault(line, fault.between(found, "batch and item of the check before it"), batch);
            return;
        }
        let last = row.letter(self.overflow_columns.last) == b'9';
        if self.check.as_ref().is_some_and(|c| c.last == Some(true)) {
            let fault = Fault::warning("overflow", "an overflow record after the last one (9)");
            self.fault(line, fault, self.overflow_columns.last);
        }
        if let Some((_, sums)) = &mut self.open {
            sums.overflow += 1;
        }
        let (deduction, reason) = (self.overflow_columns.deduction, self.overflow_columns.reason);
        let deduction = self.paid(line, deduction);
        if self.overflow_columns.invoices.is_empty() {
            self.summary.remittances += 1;
            let text = self.overflow_columns.memo;
            self.sink.invoice(line, &Remittance { row, text, payment: None, deduction, reason });
        }
        for place in 0..self.overflow_columns.invoices.len() {
            let (text, payment) = self.overflow_columns.invoices[place];
            // A record of several has blank places behind its last.
            if place > 0 && row.is_blank(text) && row.is_blank(payment) {
                continue;
            }
            let payment = self.paid(line, payment);
            if let (Some(check), Some(payment)) = (&mut self.check, payment) {
                let before = if check.has_payments { check.payments } else { Some(Cents::ZERO) };
                check.payments = before.and_then(|sum| sum.plus(payment).ok());
                check.has_payments = true;
            }
            self.summary.remittances += 1;
            let deduction = deduction.filter(|_| place == 0);
            self.sink.invoice(line, &Remittance { row, text, payment, deduction, reason });
        }
        if let Some(check) = &mut self.check {
            check.last = Some(last);
        }
    }

    /// A check's chain of overflow records has ended.
    fn end_of_check(&mut self, line: &Line<'_>) {
        let Some(check) = self.check.take() else { return };
        if check.last == Some(false) {
            let message = "the overflow records before this one have no last (9)";
            self.fault(line, Fault::warning("overflow", message), self.nowhere());
        }
        if check.has_payments && check.payments != check.amount {
            let shown = |c: Option<Cents>| c.map_or_else(|| "no amount".into(), |c| c.to_string());
            let message = format!("the invoices of the check on line {} do not add up to it", check.line);
            let fault = Fault::warning("invoice-sum", message).between(shown(check.payments), shown(check.amount));
            self.fault(line, fault, self.nowhere());
        }
    }

    fn batch_total(&mut self, line: &Line<'_>, columns: &'static [Column]) {
        let (row, key) = (&line.row, Key::of(&line.row, find(columns, "batch")));
        self.open(line, key);
        let Some((open, sums)) = self.open.take() else { return };
        if open != key {
            let message = "the batch total is another batch's than the one that is open";
            let column = find(columns, "batch");
            let fault = Fault::error("batch", message).between(row.text(column), "the number of the open batch");
            self.fault(line, fault, column);
        }
        let (count, amount) = (find(columns, "count"), find(columns, "amount"));
        let stated = row.cents(amount).ok().flatten();
        if stated.is_none() || stated != sums.amount {
            let fault = Fault::error("total", "the batch total does not equal the batch's checks");
            self.fault(line, fault.between(row.text(amount), units(sums.amount)), amount);
        }
        let counted = row.number(count).ok().flatten();
        if counted.is_none() {
            let fault = Fault::error("total", "the batch's count is no number").between(row.text(count), "digits");
            self.fault(line, fault, count);
        }
        if let Some(counted) = counted {
            for (counts, faults) in self.batch_counts.iter_mut().enumerate().take(2) {
                let have = sums.counted(counts);
                if have != counted {
                    let fault = Fault::error("total", "the batch's count does not equal its checks");
                    faults.push(place(line, fault.between(counted.to_string(), have.to_string()), count));
                }
            }
        }
        if self.lockbox.is_empty() {
            self.lockbox = row.text(find(columns, "lockbox"));
        }
        let date = short_date(row, find(columns, "deposit_date"), false);
        self.end_of_batch(line.number, sums, (counted, stated), date);
    }

    fn service_total(&mut self, line: &Line<'_>, columns: &'static [Column]) {
        self.close_open(line.number, Some(line), "the lockbox total (8)");
        let sums = std::mem::replace(&mut self.lockbox_sums, Sums::NONE);
        let (row, count, amount) = (&line.row, find(columns, "count"), find(columns, "amount"));
        let stated = row.number(count).ok().flatten();
        for (counts, faults) in self.service_counts.iter_mut().enumerate() {
            let have = sums.counted(counts);
            if stated != Some(have) {
                let fault = Fault::error("total", "the lockbox's count does not equal its checks");
                let found = stated.map_or_else(String::new, |s| s.to_string());
                faults.push(place(line, fault.between(found, have.to_string()), count));
            }
        }
        let stated = row.cents(amount).ok().flatten();
        if stated.is_none() || stated != sums.amount {
            let fault = Fault::error("total", "the lockbox total does not equal its checks");
            self.fault(line, fault.between(row.text(amount), units(sums.amount)), amount);
        }
        self.lockbox.clear();
    }

    fn trailer(&mut self, line: &Line<'_>, columns: &'static [Column]) {
        self.close_open(line.number, Some(line), "the trailer (9)");
        let (row, count, amount) = (&line.row, find(columns, "record_count"), find(columns, "amount"));
        match row.number(count).ok().flatten() {
            Some(stated) if stated == line.number => {}
            Some(stated) => {
                let fault = Fault::error("total", "the trailer does not count the records of the file");
                self.fault(line, fault.between(stated.to_string(), line.number.to_string()), count);
            }
            None => self.fault(line, Fault::warning("total", "the trailer states no record count"), count),
        }
        if !row.is_blank(amount) && row.cents(amount).ok().flatten() != self.summary.total {
            let fault = Fault::error("total", "the trailer's amount does not equal the file's checks");
            self.fault(line, fault.between(row.text(amount), units(self.summary.total)), amount);
        }
    }

    fn finish(mut self) -> Summary {
        let number = self.summary.records;
        let end = Line { number, offset: 0, row: Row::new(&[], None) };
        self.end_of_check(&end);
        self.close_open(number, None, "the end of the file");
        if self.profile.has_totals && !self.has_seen(b'9') {
            let fault = Fault::warning("missing-9", "the file has no trailer (9): it may be cut short");
            self.summary.faults.push(fault.record(number).line(number));
        }
        if self.profile.check.is_empty() {
            let message = "a layout whose payments no public description tells: only its totals are shown";
            self.summary.faults.push(Fault::error("layout", message).line(1).offset(0));
        }
        // Banks count checks in 7 and 8, or all records; the file must hold under one meaning throughout.
        let all = self.batch_counts[CHECKS].errors > 0;
        let counts =
            if all && self.batch_counts[CHECKS_AND_OVERFLOW].errors == 0 { CHECKS_AND_OVERFLOW } else { CHECKS };
        self.batch_counts[counts].list().iter().for_each(|f| self.summary.faults.push(f.clone()));
        if self.service_counts.iter().all(|faults| faults.errors > 0) {
            self.service_counts[CHECKS].list().iter().for_each(|f| self.summary.faults.push(f.clone()));
        }
        self.summary.faults.sort();
        self.summary.lockboxes = self.lockboxes.len() as u64;
        self.summary
    }
}

fn units(sum: Option<Cents>) -> String {
    sum.map_or_else(|| "more than can be held".into(), |s| format!("{} cents", s.get()))
}
