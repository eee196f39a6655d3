//! Reading a lockbox file: lines of any ending or none, ASCII or EBCDIC, short lines filled. Counts and amounts of records
//! 7, 8 and 9 are recomputed; a batch that does not agree carries the fault, the others may go on. Overflow records are
//! taken in the file's order, since their two-digit sequence wraps from 99 to 01.

use super::profile::{Profile, profile_of};
use crate::domain::{BankAccount, Cents, Day, Sha256};
use crate::formats::ebcdic::CodePage;
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{Column, number_of, text_of, trimmed};

/// Larger files are refused before they are decoded.
pub const MAX_BYTES: usize = 2 << 30;

#[derive(Clone, Debug)]
pub struct LockboxFile {
    pub profile: &'static Profile,
    pub ebcdic: bool,
    pub origin: String,
    pub destination: String,
    pub file_date: Option<Day>,
    pub batches: Vec<Batch>,
    pub records: u64,
    /// Faults of the file as a whole; those of a batch stand with it.
    pub faults: Faults,
}

#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub line: u64,
    pub lockbox: String,
    pub batch: String,
    pub deposit_date: Option<Day>,
    pub checks: Vec<Check>,
    /// Overflow records.
    pub lines: u64,
    pub stated_count: Option<u64>,
    pub stated_amount: Option<Cents>,
    pub faults: Vec<Fault>,
}

#[derive(Clone, Debug)]
pub struct Check {
    pub line: u64,
    pub item: String,
    /// `None` where the field is no amount.
    pub amount: Option<Cents>,
    pub routing: String,
    /// Cut to ten digits by the format: never the only key.
    pub account: BankAccount,
    /// Blank for money orders and cash.
    pub check_number: String,
    pub check_date: Option<Day>,
    pub remitter: String,
    pub invoices: Vec<Invoice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub line: u64,
    /// Invoice number, or the memo where the layout has only text.
    pub text: String,
    pub payment: Option<Cents>,
    pub deduction: Option<Cents>,
    pub reason: String,
}

impl LockboxFile {
    pub fn is_valid(&self) -> bool {
        self.faults.errors == 0 && !self.batches.iter().any(|b| b.faults.iter().any(Fault::is_error))
    }

    /// All faults in the file's order.
    pub fn all_faults(&self) -> Vec<Fault> {
        let mut all: Vec<Fault> = self.faults.list().to_vec();
        all.extend(self.batches.iter().flat_map(|b| b.faults.iter().cloned()));
        all.sort_by_key(|f| (f.line, f.column));
        all.truncate(Faults::LIMIT);
        all
    }

    pub fn total(&self) -> Option<Cents> {
        Cents::sum(self.batches.iter().flat_map(|b| &b.checks).filter_map(|c| c.amount)).ok()
    }

    /// Equal for the same content in another wrapping.
    pub fn content_hash(&self) -> Sha256 {
        let key = |c: &Check| format!("{} {} {} {:?}\n", c.routing, c.account.key(), c.check_number, c.amount);
        let text: String = self
            .batches
            .iter()
            .map(|b| b.batch.clone() + "\n" + &b.checks.iter().map(key).collect::<String>())
            .collect();
        Sha256::of(text.as_bytes())
    }
}

/// The records of a file as Latin-1 lines with their number, offset and text; padding at the end is left out.
struct Lines {
    text: Vec<u8>,
    ebcdic: bool,
    /// Start and end of each record.
    cuts: Vec<(usize, usize)>,
}

/// `None`: this does not look like lockbox records.
fn lines_of(bytes: &[u8]) -> Option<Lines> {
    let ebcdic = matches!(bytes.first(), Some(0xf1..=0xf9));
    let mut text = bytes.to_vec();
    if ebcdic {
        CodePage::Ibm037.decode(&mut text);
    }
    let end = text.iter().rposition(|b| !matches!(b, 0 | 0x1a | b' ' | b'\r' | b'\n' | 0x85))? + 1;
    let is_end = |b: &u8| matches!(b, b'\r' | b'\n') || (ebcdic && *b == 0x85);
    let mut cuts = Vec::new();
    if text[..end].iter().any(is_end) {
        let mut at = 0;
        while at < end {
            let length = text[at..end].iter().position(is_end).unwrap_or(end - at);
            if length > 0 {
                cuts.push((at, at + length));
            }
            at += length + 1;
        }
    } else {
        // Blocks: the record size of record 2 may lie, so the first length that meets a record type every time is taken.
        let kind = |at: usize| text.get(at).is_some_and(|b| matches!(b, b'1' | b'2' | b'4'..=b'9'));
        let fits = |length: usize| (0..end).step_by(length).all(kind);
        let length = if end <= 160 { end } else { [80, 104, 103, 102, 120, 160].into_iter().find(|l| fits(*l))? };
        cuts.extend((0..end).step_by(length).map(|at| (at, end.min(at + length))));
    }
    Some(Lines { text, ebcdic, cuts })
}

/// Does the head of a file look like a lockbox file? NACHA files begin alike and are told apart by their `094101`.
pub fn looks_like(head: &[u8]) -> bool {
    let Some(lines) = lines_of(head) else { return false };
    let line = |n: usize| lines.cuts.get(n).and_then(|(from, to)| lines.text.get(*from..*to));
    let Some(first) = line(0) else { return false };
    if first.get(34..40) == Some(b"094101") || !matches!(first.first(), Some(b'1' | b'2' | b'5' | b'6' | b'8')) {
        return false;
    }
    let digits = |line: &[u8], to: usize| line.get(1..to).is_some_and(|c| c.iter().all(u8::is_ascii_digit));
    let fits = |line: &[u8]| match line.first() {
        Some(b'1') => digits(line, 3) && line.len() >= 23,
        Some(b'2') => line.get(31..34) == Some(b"400"),
        Some(b'4'..=b'8') => digits(line, 7),
        Some(b'9') => digits(line, 2),
        _ => false,
    };
    // The last line of a head may be cut.
    let seen = lines.cuts.len().saturating_sub(usize::from(lines.cuts.len() > 1)).clamp(1, 20);
    let told =
        (0..lines.cuts.len().min(20)).any(|n| line(n).is_some_and(|l| matches!(l.first(), Some(b'2' | b'5' | b'6'))));
    // A damaged record does not make it another format.
    told && (0..seen).filter(|n| line(*n).is_some_and(fits)).count() * 3 >= seen * 2
}

/// A date of six digits; two-digit years from 70 are of the last century.
fn short_date(digits: &[u8], month_first: bool) -> Option<Day> {
    let pair = |at: usize| number_of(digits.get(at..at + 2)?).ok().flatten();
    let (a, b, c) = (pair(0)?, pair(2)?, pair(4)?);
    let (year, month, day) = if month_first { (c, a, b) } else { (a, b, c) };
    let year = if year >= 70 { 1900 + year } else { 2000 + year };
    Day::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

/// Cents of an overflow record: plain digits, a leading minus, or a sign over the last digit.
fn signed(columns: &[u8]) -> Option<Cents> {
    let digits = trimmed(columns);
    let (negative, mut digits) = match digits.strip_prefix(b"-") {
        Some(rest) => (true, rest.to_vec()),
        None => (false, digits.to_vec()),
    };
    let last = digits.last_mut()?;
    let (digit, over) = match *last {
        b'{' => (b'0', false),
        b'}' => (b'0', true),
        b @ b'A'..=b'I' => (b - b'A' + b'1', false),
        b @ b'J'..=b'R' => (b - b'J' + b'1', true),
        b => (b, false),
    };
    *last = digit;
    let units = i64::try_from(number_of(&digits).ok()??).ok()?;
    Some(Cents::new(if negative || over { -units } else { units }))
}

/// Reads a file. `Err` only where it is no lockbox file at all.
pub fn read(bytes: &[u8]) -> Result<LockboxFile, Fault> {
    let not_ours = || {
        let head = text_of(bytes.get(..8.min(bytes.len())).unwrap_or_default());
        Fault::error("not-lockbox", "this is no lockbox file")
            .line(1)
            .offset(0)
            .between(head, "records of types 1 to 9")
    };
    if bytes.len() > MAX_BYTES {
        return Err(Fault::error("limit", "the file is larger than 2 GiB"));
    }
    if !looks_like(bytes.get(..8192.min(bytes.len())).unwrap_or_default()) {
        return Err(not_ours());
    }
    let lines = lines_of(bytes).ok_or_else(not_ours)?;
    let profile = profile_of(lines.cuts.iter().map(|(from, to)| &lines.text[*from..*to]));
    let mut reader = Reader::new(profile, lines.ebcdic);
    for (number, (from, to)) in (1..).zip(&lines.cuts) {
        reader.record(number, *from as u64, &lines.text[*from..*to]);
    }
    Ok(reader.finish())
}

/// One record as it stands in the file.
pub struct Line<'a> {
    pub number: u64,
    pub offset: u64,
    /// Latin-1.
    pub text: &'a [u8],
    /// Of its type; none for a foreign type.
    pub columns: &'static [Column],
}

/// Hands out every record of a file.
pub fn each_record(bytes: &[u8], each: &mut dyn FnMut(Line<'_>)) {
    let Some(lines) = lines_of(bytes) else { return };
    let profile = profile_of(lines.cuts.iter().map(|(from, to)| &lines.text[*from..*to]));
    for (number, (from, to)) in (1..).zip(&lines.cuts) {
        let text = &lines.text[*from..*to];
        let columns = text.first().and_then(|kind| profile.columns(*kind)).unwrap_or_default();
        each(Line { number, offset: *from as u64, text, columns });
    }
}

/// What a bank counts in record 7 and in record 8.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Checks,
    ChecksAndOverflow,
    AllRecords,
}

/// A stated service total (8) with what it covers.
struct Service {
    line: u64,
    offset: u64,
    stated: Option<u64>,
    checks: u64,
    overflow: u64,
    records: u64,
}

struct Reader {
    file: LockboxFile,
    open: Option<Batch>,
    /// Number of the first batch that the next record 8 covers.
    service_from: usize,
    service_records: u64,
    services: Vec<Service>,
    lockbox: String,
    deposit_date: Option<Day>,
    seen: Vec<u8>,
    last_flag: Option<(u64, bool)>,
    row: (u64, u64),
    line: Vec<u8>,
}

impl Reader {
    fn new(profile: &'static Profile, ebcdic: bool) -> Self {
        let file = LockboxFile {
            profile,
            ebcdic,
            origin: String::new(),
            destination: String::new(),
            file_date: None,
            batches: Vec::new(),
            records: 0,
            faults: Faults::default(),
        };
        Reader {
            file,
            open: None,
            service_from: 0,
            service_records: 0,
            services: Vec::new(),
            lockbox: String::new(),
            deposit_date: None,
            seen: Vec::new(),
            last_flag: None,
            row: (0, 0),
            line: Vec::new(),
        }
    }

    fn column(&self, name: &str) -> Option<Column> {
        let columns = self.line.first().and_then(|kind| self.file.profile.columns(*kind))?;
        columns.iter().find(|c| c.name == name).copied()
    }

    fn bytes(&self, name: &str) -> &[u8] {
        self.column(name).map_or(&[], |c| {
            let end = usize::from(c.to).min(self.line.len());
            &self.line[usize::from(c.from - 1).min(end)..end]
        })
    }

    fn text(&self, name: &str) -> String {
        text_of(trimmed(self.bytes(name)))
    }

    fn number(&self, name: &str) -> Option<u64> {
        number_of(self.bytes(name)).ok().flatten()
    }

    fn cents(&self, name: &str) -> Option<Cents> {
        self.number(name).and_then(|n| i64::try_from(n).ok()).map(Cents::new)
    }

    fn at(&self, fault: Fault, name: &str) -> Fault {
        let fault = fault.record(self.row.0).line(self.row.0);
        match self.column(name) {
            Some(c) => fault.column(u64::from(c.from)).offset(self.row.1 + u64::from(c.from) - 1),
            None => fault.offset(self.row.1),
        }
    }

    /// Puts a fault where it belongs: to the open batch, or to the file.
    fn fault(&mut self, fault: Fault, name: &str) {
        let fault = self.at(fault, name);
        match &mut self.open {
            Some(batch) if batch.faults.len() < Faults::LIMIT => batch.faults.push(fault),
            _ => self.file.faults.push(fault),
        }
    }

    fn record(&mut self, number: u64, offset: u64, line: &[u8]) {
        self.row = (number, offset);
        self.file.records = number;
        self.line.clear();
        self.line.extend_from_slice(line);
        let kind = line.first().copied().unwrap_or(b' ');
        if line.len() > self.file.profile.longest_line {
            let expected = format!("at most {}", self.file.profile.longest_line);
            self.fault(
                Fault::error("line-length", "the line is too long").between(line.len().to_string(), expected),
                "",
            );
        }
        self.line.resize(self.file.profile.record_length.max(line.len()), b' ');
        if self.file.profile.columns(kind).is_none() {
            let found = text_of(line.get(..8.min(line.len())).unwrap_or_default());
            self.fault(
                Fault::error("record-type", "no record of a lockbox file").between(found, "types 1, 2, 4 to 9"),
                "",
            );
            return;
        }
        if self.seen.contains(&b'9') {
            self.fault(Fault::error("order", "a record after the trailer (9)"), "");
        }
        if kind != b'4' {
            self.end_of_overflow();
        }
        if matches!(kind, b'5' | b'6' | b'4' | b'7') {
            self.service_records += 1;
        }
        match kind {
            b'1' => self.address(),
            b'5' => self.batch_header(),
            b'6' => self.check(),
            b'4' => self.overflow(),
            b'7' => self.batch_total(),
            b'8' => self.service_total(),
            b'9' => self.trailer(),
            _ => {}
        }
        self.seen.retain(|k| *k != kind);
        self.seen.push(kind);
    }

    fn address(&mut self) {
        if self.seen.contains(&b'1') {
            self.fault(Fault::error("order", "a second address header (1)"), "");
        }
        self.file.origin = self.text("immediate_origin");
        self.file.destination = self.text("immediate_destination");
        self.file.file_date = short_date(self.bytes("file_date"), false);
        if self.file.file_date.is_none() {
            let found = self.text("file_date");
            self.fault(Fault::warning("date", "the file date is no date").between(found, "YYMMDD"), "file_date");
        }
    }

    fn batch_header(&mut self) {
        self.close_open("a new batch header (5)");
        self.lockbox = self.text("lockbox");
        self.deposit_date = short_date(self.bytes("deposit_date"), false);
        if self.deposit_date.is_none() {
            let found = self.text("deposit_date");
            self.fault(Fault::error("date", "the deposit date is no date").between(found, "YYMMDD"), "deposit_date");
        }
    }

    /// A batch is opened by its first check, since some banks write one header for several batches.
    fn batch(&mut self) -> &mut Batch {
        let (line, batch) = (self.row.0, self.text("batch"));
        let (lockbox, deposit_date) = (self.lockbox.clone(), self.deposit_date);
        self.open.get_or_insert_with(|| Batch { line, batch, lockbox, deposit_date, ..Batch::default() })
    }

    fn close_open(&mut self, before: &str) {
        let Some(mut batch) = self.open.take() else { return };
        let message = format!("batch {} has no batch total (7) before {before}", batch.batch);
        batch.faults.push(self.at(Fault::error("missing-7", message), ""));
        self.file.batches.push(batch);
    }

    fn check(&mut self) {
        let number = self.text("batch");
        let open = self.batch().batch.clone();
        if open != number {
            let message = "the check belongs to another batch than the one that is open";
            self.fault(Fault::error("batch", message).between(number, open), "batch");
        }
        let amount = self.cents("amount").filter(|a| a.is_positive());
        if amount.is_none() {
            let found = self.text("amount");
            self.fault(
                Fault::error("amount", "the check's amount is no amount").between(found, "cents above zero"),
                "amount",
            );
        }
        let routing = self.text("routing");
        if !routing.is_empty() && crate::domain::RoutingNumber::new(&routing).is_err() && routing.len() != 8 {
            let fault = Fault::warning("routing", "the routing number does not hold");
            self.fault(fault.between(routing.clone(), "nine digits with a good check digit"), "routing");
        }
        let check = Check {
            line: self.row.0,
            item: self.text("item"),
            amount,
            routing,
            account: BankAccount::new(self.text("account")),
            check_number: self.text("check_number"),
            check_date: short_date(self.bytes("check_date"), true),
            remitter: self.text("remitter"),
            invoices: Vec::new(),
        };
        if let Some(date) = self.column("check_date")
            && check.check_date.is_none()
            && !self.text("check_date").is_empty()
        {
            let found = self.text(date.name);
            self.fault(Fault::warning("date", "the check date is no date").between(found, "MMDDYY"), "check_date");
        }
        self.batch().checks.push(check);
    }

    fn overflow(&mut self) {
        let (batch, item) = (self.text("batch"), self.text("item"));
        let last = self.open.as_ref().and_then(|b| b.checks.last()).map(|c| c.item.clone());
        let open = self.open.as_ref().map(|b| b.batch.clone());
        if last.as_deref() != Some(&item) || open.as_deref() != Some(&batch) {
            let expected = format!("batch {} item {}", open.unwrap_or_default(), last.unwrap_or_default());
            let fault = Fault::error("overflow", "an overflow record that does not belong to the check before it");
            self.fault(fault.between(format!("batch {batch} item {item}"), expected), "batch");
            return;
        }
        let text = self.text(if self.column("invoice").is_some() { "invoice" } else { "memo" });
        let money = |reader: &mut Self, name: &str| {
            let columns = reader.bytes(name).to_vec();
            let amount = signed(&columns);
            if amount.is_none() && !trimmed(&columns).is_empty() {
                let fault = Fault::error("amount", "an amount of the overflow record is no amount");
                reader.fault(fault.between(text_of(&columns), "digits, signed or not"), name);
            }
            amount
        };
        let (payment, deduction) = (money(self, "payment"), money(self, "deduction"));
        let invoice = Invoice { line: self.row.0, text, payment, deduction, reason: self.text("reason") };
        if let Some((_, true)) = self.last_flag {
            self.fault(Fault::warning("overflow", "an overflow record after the last one (9)"), "last");
        }
        self.last_flag = Some((self.row.0, self.bytes("last") == b"9"));
        if let Some(batch) = &mut self.open {
            batch.lines += 1;
            if let Some(check) = batch.checks.last_mut() {
                check.invoices.push(invoice);
            }
        }
    }

    /// A check's chain of overflow records has ended.
    fn end_of_overflow(&mut self) {
        if let Some((_, false)) = self.last_flag.take() {
            self.fault(Fault::warning("overflow", "the overflow records before this one have no last (9)"), "");
        }
        let Some(check) = self.open.as_ref().and_then(|b| b.checks.last()) else { return };
        let payments: Vec<Cents> = check.invoices.iter().filter_map(|i| i.payment).collect();
        if payments.is_empty() {
            return;
        }
        let (sum, amount, line) = (Cents::sum(payments).ok(), check.amount, check.line);
        if sum != amount && self.row.0 > line {
            let shown = |c: Option<Cents>| c.map_or_else(|| "no amount".into(), |c| c.to_string());
            let message = format!("the invoices of the check on line {line} do not add up to it");
            self.fault(Fault::warning("invoice-sum", message).between(shown(sum), shown(amount)), "");
        }
    }

    fn batch_total(&mut self) {
        let number = self.text("batch");
        let open = self.batch().batch.clone();
        if open != number {
            let message = "the batch total is another batch's than the one that is open";
            self.fault(Fault::error("batch", message).between(number, open), "batch");
        }
        let (count, amount, lockbox) = (self.number("count"), self.cents("amount"), self.text("lockbox"));
        let date = short_date(self.bytes("deposit_date"), false);
        let Some(batch) = &mut self.open else { return };
        batch.stated_count = count;
        batch.stated_amount = amount;
        if batch.lockbox.is_empty() {
            batch.lockbox = lockbox;
        }
        batch.deposit_date = batch.deposit_date.or(date);
        let sum = Cents::sum(batch.checks.iter().filter_map(|c| c.amount)).ok();
        if amount.is_none() || amount != sum {
            let found = self.text("amount");
            let sum = sum.map_or_else(|| "more than can be held".into(), |s| s.get().to_string());
            let fault = Fault::error("total", "the batch total does not equal the batch's checks");
            self.fault(fault.between(found, format!("{sum} cents")), "amount");
        }
        if count.is_none() {
            let found = self.text("count");
            self.fault(Fault::error("total", "the batch's count is no number").between(found, "digits"), "count");
        }
        if let Some(batch) = self.open.take() {
            self.file.batches.push(batch);
        }
        // Kept for the count, whose meaning the whole file decides.
        if let Some(batch) = self.file.batches.last_mut() {
            batch.line = self.row.0;
        }
    }

    fn service_total(&mut self) {
        self.close_open("the lockbox total (8)");
        let batches = self.file.batches.get(self.service_from..).unwrap_or_default();
        let checks = batches.iter().map(|b| b.checks.len() as u64).sum();
        let overflow = batches.iter().map(|b| b.lines).sum();
        let sum = Cents::sum(batches.iter().flat_map(|b| &b.checks).filter_map(|c| c.amount)).ok();
        self.service_from = self.file.batches.len();
        let records = std::mem::take(&mut self.service_records);
        let stated = self.number("count");
        self.services.push(Service { line: self.row.0, offset: self.row.1, stated, checks, overflow, records });
        let amount = self.cents("amount");
        if amount.is_none() || amount != sum {
            let found = self.text("amount");
            let sum = sum.map_or_else(|| "more than can be held".into(), |s| s.get().to_string());
            let fault = Fault::error("total", "the lockbox total does not equal its checks");
            self.fault(fault.between(found, format!("{sum} cents")), "amount");
        }
    }

    fn trailer(&mut self) {
        self.close_open("the trailer (9)");
        match self.number("record_count") {
            Some(count) if count == self.row.0 => {}
            Some(count) => {
                let fault = Fault::error("total", "the trailer does not count the records of the file");
                self.fault(fault.between(count.to_string(), self.row.0.to_string()), "record_count");
            }
            None => self.fault(Fault::warning("total", "the trailer states no record count"), "record_count"),
        }
    }

    fn finish(mut self) -> LockboxFile {
        self.end_of_overflow();
        self.close_open("the end of the file");
        if !self.seen.contains(&b'9') {
            self.fault(Fault::warning("missing-9", "the file has no trailer (9): it may be cut short"), "");
        }
        self.counts();
        self.file
    }

    /// Banks count checks in 7 and 8, or all records; the file must hold under one meaning throughout.
    fn counts(&mut self) {
        let of_batch = |counts: Counts, b: &Batch| match counts {
            Counts::Checks => b.checks.len() as u64,
            Counts::ChecksAndOverflow | Counts::AllRecords => b.checks.len() as u64 + b.lines,
        };
        let wrong = |counts: Counts| {
            self.file.batches.iter().filter(|b| b.stated_count.is_some_and(|s| s != of_batch(counts, b))).count()
        };
        let counts = if wrong(Counts::Checks) > 0 && wrong(Counts::ChecksAndOverflow) == 0 {
            Counts::ChecksAndOverflow
        } else {
            Counts::Checks
        };
        for batch in &mut self.file.batches {
            let have = of_batch(counts, batch);
            if let Some(stated) = batch.stated_count.filter(|s| *s != have) {
                let fault = Fault::error("total", "the batch's count does not equal its checks").record(batch.line);
                batch.faults.push(fault.line(batch.line).column(21).between(stated.to_string(), have.to_string()));
            }
        }
        let of_service = |counts: Counts, s: &Service| match counts {
            Counts::Checks => s.checks,
            Counts::ChecksAndOverflow => s.checks + s.overflow,
            Counts::AllRecords => s.records,
        };
        let holds = |counts: &Counts| self.services.iter().all(|s| s.stated == Some(of_service(*counts, s)));
        let all = [Counts::Checks, Counts::ChecksAndOverflow, Counts::AllRecords];
        if all.iter().any(holds) {
            return;
        }
        for service in self.services.iter().filter(|s| s.stated != Some(s.checks)) {
            let found = service.stated.map_or_else(String::new, |s| s.to_string());
            let fault = Fault::error("total", "the lockbox's count does not equal its checks").record(service.line);
            let fault = fault.line(service.line).column(21).offset(service.offset + 20);
            self.file.faults.push(fault.between(found, service.checks.to_string()));
        }
    }
}
