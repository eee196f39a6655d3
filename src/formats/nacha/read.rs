//! Reading a Nacha file as it streams by: order, every count, hash and sum recomputed, and each entry handed on with its
//! addenda. A fault never stops the reader: what stands before and after it is still read. Nothing is taken from a length or
//! a count that the file states.

use std::io::Read;

use super::frames::{Cut, Frame, Frames};
use super::records::{
    BatchHeader, Direction, EntryClass, Family, FileHeader, ReturnKind, WIDTH, change_code_is_known, direction,
    entry_class, layout_of, return_kind,
};
use super::rules::{Totals, check_digit, expected_after, may_follow};
use crate::domain::{Cents, Day, ReturnReason};
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{Column, Kind, number_of, text_of, trimmed};

/// Addenda of one entry that are kept; more are a fault.
const MOST_ADDENDA: usize = 9999;

/// A record as it stands in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    pub number: u64,
    pub offset: u64,
    pub text: [u8; WIDTH],
}

/// The batch that is open.
#[derive(Clone, Debug)]
pub struct Batch {
    pub number: u64,
    pub offset: u64,
    /// In a cross-border batch only the fields are alike that both layouts have.
    pub header: BatchHeader,
    pub class: Option<&'static EntryClass>,
    pub totals: Totals,
    pub returns: u64,
    /// Errors of the file that stand in this batch.
    pub errors: u64,
    /// Number of the batch's last record.
    pub last: u64,
    last_trace: u64,
    no_header: bool,
}

impl Batch {
    fn new(line: &Line) -> Self {
        let header = BatchHeader::read(&line.text).unwrap_or(BatchHeader::BLANK);
        Batch {
            number: line.number,
            offset: line.offset,
            class: entry_class(header.standard_entry_class_code.bytes()),
            header,
            totals: Totals::default(),
            returns: 0,
            errors: 0,
            last: line.number,
            last_trace: 0,
            no_header: false,
        }
    }

    pub fn family(&self) -> Family {
        self.class.map_or(Family::Plain, |c| c.family)
    }

    /// `ARC`, `CTX`, ..
    pub fn entry_class(&self) -> String {
        self.header.standard_entry_class_code.text()
    }

    /// The entry's settlement day, where operator and header tell: the effective date.
    pub fn effective_date(&self) -> Option<Day> {
        self.header.effective_entry_date.day().ok().flatten()
    }
}

/// One entry with its addenda.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub batch: &'a Batch,
    pub line: &'a Line,
    pub addenda: &'a [Line],
}

impl<'a> Entry<'a> {
    fn columns(&self, from: usize, to: usize) -> &'a [u8] {
        &self.line.text[from - 1..to]
    }

    fn text(&self, from: usize, to: usize) -> String {
        text_of(trimmed(self.columns(from, to)))
    }

    pub fn family(&self) -> Family {
        self.batch.family()
    }

    pub fn direction(&self) -> Option<Direction> {
        direction(self.columns(2, 3))
    }

    pub fn amount(&self) -> Option<Cents> {
        amount_of(&self.line.text, self.family())
    }

    /// Eight digits and the check digit.
    pub fn routing(&self) -> String {
        self.text(4, 12)
    }

    pub fn account(&self) -> String {
        match self.family() {
            Family::Iat => self.text(40, 74),
            Family::Advice => self.text(13, 27),
            _ => self.text(13, 29),
        }
    }

    /// The check's serial number, where the class has one.
    pub fn check_serial(&self) -> Option<String> {
        match self.family() {
            Family::Check | Family::Truncated => Some(self.text(40, 54)),
            Family::Purchase => Some(self.text(40, 48)),
            _ => None,
        }
    }

    /// The receiver, or the identification that stands beside.
    pub fn name(&self) -> String {
        match self.family() {
            Family::Trade => self.text(59, 74),
            Family::Iat => String::new(),
            _ => self.text(55, 76),
        }
    }

    pub fn identification(&self) -> String {
        match self.family() {
            Family::Iat | Family::Advice | Family::Shared => String::new(),
            _ => self.text(40, 54),
        }
    }

    pub fn trace(&self) -> String {
        self.text(80, 94)
    }

    /// Text of its payment addenda (05) joined: 80 columns each, blanks inside kept.
    pub fn payment_text(&self) -> String {
        let mut text = String::new();
        for line in self.addenda.iter().filter(|a| &a.text[..3] == b"705") {
            text.extend(line.text[3..83].iter().map(|b| char::from(*b)));
        }
        text.truncate(text.trim_end().len());
        text
    }

    pub fn return_addenda(&self) -> Option<(&'a Line, ReturnKind)> {
        self.addenda.iter().find(|a| &a.text[..3] == b"799").map(|a| (a, return_kind(&a.text[3..6])))
    }

    pub fn change_addenda(&self) -> Option<&'a Line> {
        self.addenda.iter().find(|a| &a.text[..3] == b"798")
    }
}

/// What a reader is told as the file goes by.
pub enum Event<'a> {
    Entry(Entry<'a>),
    /// A batch has ended, with its control or without.
    Batch(&'a Batch),
}

#[derive(Clone, Debug)]
pub struct Summary {
    pub header: Option<FileHeader>,
    pub cut: Cut,
    pub records: u64,
    pub batches: u64,
    /// Debit entries and credit entries.
    pub debits: u64,
    pub credits: u64,
    pub returns: u64,
    pub dishonored: u64,
    pub contested: u64,
    pub changes: u64,
    pub totals: Totals,
    pub faults: Faults,
}

impl Summary {
    pub fn is_valid(&self) -> bool {
        self.faults.errors == 0
    }
}

/// Reads a whole file; `each` hears every entry and every end of a batch. `Err` where the bytes cannot be read at all, or
/// nothing in them is a Nacha record.
pub fn scan(source: &mut dyn Read, each: &mut dyn FnMut(Event<'_>)) -> Result<Summary, Fault> {
    let mut frames = Frames::new(source)?;
    let mut reader = Reader::new(frames.cut);
    while let Some(frame) = frames.next(&mut reader.summary.faults)? {
        reader.record(frame, &frames.text, each);
    }
    reader.finish(each)
}

fn amount_of(text: &[u8; WIDTH], family: Family) -> Option<Cents> {
    let columns = if family == Family::Advice { &text[27..39] } else { &text[29..39] };
    digits(columns).and_then(|d| i64::try_from(d).ok()).map(Cents::new)
}

/// Digits and nothing else.
fn digits(columns: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for b in columns {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

struct Reader {
    summary: Summary,
    /// Type of the record before; `^` at the beginning.
    before: u8,
    line: Line,
    batch: Option<Batch>,
    entry: Option<Line>,
    addenda: Vec<Line>,
    unkept: bool,
    fillers: u64,
    batch_number: u64,
    known: u64,
}

impl Reader {
    fn new(cut: Cut) -> Self {
        let summary = Summary {
            header: None,
            cut,
            records: 0,
            batches: 0,
            debits: 0,
            credits: 0,
            returns: 0,
            dishonored: 0,
            contested: 0,
            changes: 0,
            totals: Totals::default(),
            faults: Faults::default(),
        };
        Reader {
            summary,
            before: b'^',
            line: Line { number: 0, offset: 0, text: [b' '; WIDTH] },
            batch: None,
            entry: None,
            addenda: Vec::new(),
            unkept: false,
            fillers: 0,
            batch_number: 0,
            known: 0,
        }
    }

    fn family(&self) -> Family {
        self.batch.as_ref().map_or(Family::Plain, Batch::family)
    }

    fn columns(&self, from: usize, to: usize) -> &[u8] {
        &self.line.text[from - 1..to]
    }

    fn push(&mut self, fault: Fault) {
        if let (true, Some(batch)) = (fault.is_error(), &mut self.batch) {
            batch.errors += 1;
        }
        self.summary.faults.push(fault);
    }

    /// A fault of the record at `line`, at the field of that name, or of the whole record.
    fn tell(&mut self, line: Line, fault: Fault, field: &str, expected: &str) {
        let advice = self.family();
        let column = layout_of(&line.text, advice).and_then(|(_, columns)| columns.iter().find(|c| c.name == field));
        let fault = fault.record(line.number).line(line.number);
        let fault = match column {
            Some(c) => {
                let found = shown(c, &line.text);
                fault.column(u64::from(c.from)).offset(line.offset + u64::from(c.from) - 1).between(found, expected)
            }
            None => {
                let fault = fault.offset(line.offset);
                if expected.is_empty() { fault } else { fault.between(text_of(&line.text[..8]), expected) }
            }
        };
        self.push(fault);
    }

    fn wrong(&mut self, code: &'static str, message: &str, field: &str, expected: &str) {
        self.tell(self.line, Fault::error(code, message), field, expected);
    }

    fn odd(&mut self, code: &'static str, message: &str, field: &str, expected: &str) {
        self.tell(self.line, Fault::warning(code, message), field, expected);
    }

    fn record(&mut self, frame: Frame, text: &[u8; WIDTH], each: &mut dyn FnMut(Event<'_>)) {
        let kind = text[0];
        self.line = Line { number: frame.number, offset: frame.offset, text: *text };
        if kind == b'9' && text.iter().all(|b| *b == b'9') {
            self.fillers += 1;
            if self.before != b'9' && self.fillers == 1 {
                self.wrong("order", "filler lines before the file control (9)", "", "");
            }
            return;
        }
        self.summary.records += 1;
        if !frame.printable {
            self.unprintable();
        }
        if !matches!(kind, b'1' | b'5'..=b'9') {
            self.wrong("record-type", "no record of a Nacha file", "", "types 1, 5, 6, 7, 8, 9");
            return;
        }
        self.known += 1;
        if kind != b'7' {
            self.end_of_entry(each);
        }
        if !may_follow(self.before, kind) {
            let first = self.before == b'^';
            let code = if first { "missing-1" } else { "order" };
            let message = match (first, self.before) {
                (true, _) => "the file does not begin with a file header (1)".to_string(),
                (false, before) => {
                    format!("a record of type {} after one of type {}", char::from(kind), char::from(before))
                }
            };
            let expected = expected_after(self.before);
            self.wrong(code, &message, "", &expected);
        }
        match kind {
            b'1' => self.file_header(),
            b'5' => self.batch_header(each),
            b'6' => self.entry_detail(),
            b'7' => self.addendum(),
            b'8' => self.batch_control(each),
            _ => self.file_control(each),
        }
        if let Some(batch) = &mut self.batch {
            batch.last = frame.number;
        }
        self.before = kind;
    }

    fn unprintable(&mut self) {
        let control = self.line.text.iter().position(|b| *b < b' ' || *b == 0x7f);
        let at = control.or_else(|| self.line.text.iter().position(|b| *b >= 0x7f)).unwrap_or(0);
        let message = "a character that is not printable ASCII";
        let fault =
            if control.is_some() { Fault::error("character", message) } else { Fault::warning("character", message) };
        let found = format!("byte {:02x}", self.line.text[at]);
        let place = fault.record(self.line.number).line(self.line.number).column(at as u64 + 1);
        self.push(place.offset(self.line.offset + at as u64).between(found, "printable ASCII"));
    }

    fn file_header(&mut self) {
        let Ok(header) = FileHeader::read(&self.line.text) else { return };
        if self.summary.header.is_none() {
            self.summary.header = Some(header);
        }
        if header.record_size.text() != "094" {
            self.wrong("file-header", "the record size is not 094", "record_size", "094");
        }
        if header.blocking_factor.text() != "10" {
            self.wrong("file-header", "the blocking factor is not 10", "blocking_factor", "10");
        }
        if header.format_code.text() != "1" {
            self.wrong("file-header", "the format code is not 1", "format_code", "1");
        }
        let destination = header.immediate_destination.text();
        let nine = destination.strip_prefix('0').filter(|d| d.len() == 9).unwrap_or(&destination);
        if crate::domain::RoutingNumber::new(nine).is_err() {
            let message = "the immediate destination is no routing number";
            self.wrong("routing", message, "immediate_destination", "nine digits with a good check digit");
        }
        if header.file_creation_date.day().ok().flatten().is_none() {
            self.wrong("date", "the creation date is no date", "file_creation_date", "YYMMDD");
        }
        let time = header.file_creation_time.text();
        if !time.is_empty() && !is_time(time.as_bytes()) {
            self.odd("date", "the creation time is no time", "file_creation_time", "HHMM or blank");
        }
        let modifier = header.file_id_modifier.bytes()[0];
        if !(modifier.is_ascii_uppercase() || modifier.is_ascii_digit()) {
            self.odd("file-header", "the file id modifier is no letter or digit", "file_id_modifier", "A to Z, 0 to 9");
        }
    }

    fn batch_header(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.close_batch(each, "a new batch header (5)");
        let batch = Batch::new(&self.line);
        let header = batch.header;
        let (class, family) = (batch.class, batch.family());
        self.batch = Some(batch);
        if !matches!(self.columns(2, 4), b"200" | b"220" | b"225" | b"280") {
            self.wrong("class", "the service class is unknown", "service_class_code", "200, 220, 225 or 280");
        } else if (self.columns(2, 4) == b"280") != (family == Family::Advice) {
            self.wrong(
                "class",
                "service class 280 belongs to advices (ADV) alone",
                "service_class_code",
                "280 with ADV",
            );
        }
        if class.is_none() {
            let message = "the standard entry class is unknown";
            self.wrong("class", message, "standard_entry_class_code", "a class of the Nacha rules");
        }
        let status = header.originator_status_code.bytes()[0];
        match (status, family) {
            (b'1' | b'2', _) | (b'0', Family::Advice) => {}
            (b'0', Family::Iat) => {
                self.odd("class", "the originator status is that of advices", "originator_status_code", "1 or 2");
            }
            _ => self.wrong("class", "the originator status is unknown", "originator_status_code", "1 or 2"),
        }
        if digits(header.odfi_identification.bytes()).is_none() {
            self.wrong("routing", "the originating bank is no number", "odfi_identification", "eight digits");
        }
        let date = header.effective_entry_date;
        if date.day().is_err() && date.text() != "000000" {
            self.wrong("date", "the effective date is no date", "effective_entry_date", "YYMMDD");
        }
        match header.batch_number.number() {
            Ok(Some(number)) => {
                if number <= self.batch_number {
                    self.odd("batch", "batch numbers do not ascend", "batch_number", "more than in the batch before");
                }
                self.batch_number = number;
            }
            _ => self.wrong("batch", "the batch number is no number", "batch_number", "digits"),
        }
    }

    /// The batch that is open, or one that stands for the header that is missing.
    fn open(&mut self) -> &mut Batch {
        let line = self.line;
        self.batch.get_or_insert_with(|| {
            let blank = Line { text: [b' '; WIDTH], ..line };
            Batch { no_header: true, ..Batch::new(&blank) }
        })
    }

    fn close_batch(&mut self, each: &mut dyn FnMut(Event<'_>), before: &str) {
        if self.batch.is_none() {
            return;
        }
        let message = format!("the batch has no batch control (8) before {before}");
        self.tell(self.line, Fault::error("missing-8", message), "", "");
        self.end_batch(each);
    }

    fn end_batch(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let Some(batch) = self.batch.take() else { return };
        if self.summary.totals.batch(&batch.totals).is_err() {
            self.wrong("total", "the file's total is larger than can be held", "", "");
        }
        self.summary.batches += 1;
        each(Event::Batch(&batch));
    }

    fn entry_detail(&mut self) {
        let family = self.family();
        let text = self.line.text;
        let rdfi = digits(&text[3..11]);
        let amount = amount_of(&text, family);
        let direction = direction(&text[1..3]);
        self.entry = Some(self.line);
        self.addenda.clear();
        self.unkept = false;
        if rdfi.is_none() {
            self.wrong("routing", "the receiving bank is no number", "rdfi_identification", "eight digits");
        } else if check_digit(&text[3..11]) != Some(text[11]) {
            let message = "the receiving bank's check digit does not hold";
            let expected = check_digit(&text[3..11]).map_or_else(String::new, |d| char::from(d).to_string());
            self.wrong("routing", message, "check_digit", &expected);
        }
        if amount.is_none() {
            self.wrong("amount", "the amount is no amount", "amount", "digits, cents");
        }
        if direction.is_none() {
            self.wrong(
                "transaction-code",
                "the transaction code is unknown",
                "transaction_code",
                "a code like 22 or 27",
            );
        }
        let added = self.open().totals.entry(
            rdfi.unwrap_or(0),
            amount.unwrap_or(Cents::ZERO),
            direction.is_some_and(|d| d.debit),
        );
        if added.is_err() {
            self.wrong("total", "the batch's total is larger than can be held", "", "");
        }
        match direction {
            Some(d) if d.debit => self.summary.debits += 1,
            Some(_) => self.summary.credits += 1,
            None => {}
        }
        let account = if family == Family::Iat { &text[39..74] } else { &text[12..27] };
        if trimmed(account).is_empty() {
            self.wrong("account", "the account is blank", "account", "an account number");
        }
        if !matches!(text[78], b'0' | b'1') {
            self.wrong("addenda", "the addenda indicator is neither 0 nor 1", "addenda_record_indicator", "0 or 1");
        }
        if let (Some(direction), Some(amount)) = (direction, amount) {
            self.allowed(direction, amount);
        }
        if family != Family::Advice {
            self.trace(direction);
        }
        if family == Family::Shared {
            let month = digits(&text[39..41]);
            if !month.is_some_and(|m| (1..=12).contains(&m)) || digits(&text[41..43]).is_none() {
                self.wrong("date", "the card's expiration is no month", "card_expiration_date", "MMYY");
            }
        }
        if matches!(family, Family::Check | Family::Purchase | Family::Truncated) && trimmed(&text[39..48]).is_empty() {
            self.wrong("serial", "a converted check without its serial number", "check_serial_number", "the serial");
        }
    }

    /// Direction and amount against the batch's class and service class.
    fn allowed(&mut self, direction: Direction, amount: Cents) {
        let Some(batch) = &self.batch else { return };
        let (service, class, family) = (*batch.header.service_class_code.bytes(), batch.class, batch.family());
        let debits = batch.totals.debit;
        // The reversal of a file or entry goes the other way than its class.
        let reversal = batch.header.company_entry_description.bytes() == b"REVERSAL  ";
        if (&service == b"220" && direction.debit) || (&service == b"225" && !direction.debit) {
            let message = format!(
                "a {} in a batch of service class {}",
                if direction.debit { "debit" } else { "credit" },
                text_of(&service)
            );
            // Cross-border batches with the wrong class are seen from banks; their totals still hold.
            let iat = family == Family::Iat;
            let fault = if iat { Fault::warning("class", message) } else { Fault::error("class", message) };
            self.tell(self.line, fault, "transaction_code", "an entry of the batch's direction");
        }
        if direction.no_value && !amount.is_zero() {
            self.wrong("amount", "a prenote or zero-dollar entry with an amount", "amount", "0000000000");
        }
        let Some(class) = class else { return };
        if amount.is_zero() && !direction.no_value && !direction.comes_back && class.largest > 0 {
            self.wrong("amount", "an amount of zero", "amount", "more than zero");
        }
        if direction.comes_back {
            return;
        }
        // Some banks want the credit that balances the debits in their own batch; strict ones refuse it there.
        let balances = !direction.debit && &service == b"200" && !debits.is_zero() && amount == debits;
        if balances && !class.credits {
            self.odd(
                "class",
                "the offset stands in the batch of its debits",
                "transaction_code",
                "a CCD batch of its own",
            );
            return;
        }
        if !reversal && ((direction.debit && !class.debits) || (!direction.debit && !class.credits)) {
            let message = format!(
                "{} entries cannot be {}",
                text_of(class.code),
                if direction.debit { "debits" } else { "credits" }
            );
            self.wrong("class", &message, "transaction_code", "the other direction");
        }
        if amount.get() > class.largest {
            let message = format!("the amount is more than {} allows", text_of(class.code));
            let most = Cents::new(class.largest).to_string();
            self.wrong("amount", &message, "amount", &format!("at most {most}"));
        }
    }

    fn trace(&mut self, direction: Option<Direction>) {
        let Some(trace) = digits(self.columns(80, 94)) else {
            self.wrong("trace", "the trace number is no number", "trace_number", "fifteen digits");
            return;
        };
        let odfi = *self.open().header.odfi_identification.bytes();
        let (no_header, last) = (self.open().no_header, self.open().last_trace);
        self.open().last_trace = trace;
        // Returns and changes carry numbers of the bank that sends them, in any order.
        if direction.is_none_or(|d| d.comes_back) || no_header {
            return;
        }
        if self.columns(80, 87) != odfi {
            let expected = text_of(&odfi);
            self.wrong("trace", "the trace number is not the originating bank's", "trace_number", &expected);
        }
        if trace <= last && last != 0 {
            let expected = format!("more than {last:015}");
            self.wrong("trace", "trace numbers do not ascend in the batch", "trace_number", &expected);
        }
    }

    fn addendum(&mut self) {
        if layout_of(&self.line.text, self.family()).is_none() {
            self.wrong("addenda", "the addenda type is unknown", "", "02, 05, 10 to 18, 98, 99");
        }
        self.open().totals.addenda += 1;
        if self.entry.is_none() {
            return;
        }
        if self.addenda.len() < MOST_ADDENDA {
            self.addenda.push(self.line);
        } else if !std::mem::replace(&mut self.unkept, true) {
            self.wrong("limit", "an entry with more than 9,999 addenda; the rest is left out", "", "");
        }
        match self.columns(2, 3) {
            b"99" => self.return_addendum(),
            b"98" => {
                self.summary.changes += 1;
                if !change_code_is_known(self.columns(4, 6)) {
                    self.wrong("change-code", "the change code is unknown", "change_code", "C01 to C14, C61 to C69");
                }
                if digits(self.columns(7, 21)).is_none() {
                    self.wrong("trace", "the original trace is no number", "original_entry_trace_number", "15 digits");
                }
            }
            _ => self.outgoing_addendum(),
        }
    }

    fn return_addendum(&mut self) {
        let code = text_of(self.columns(4, 6));
        match return_kind(self.columns(4, 6)) {
            ReturnKind::Returned => {
                self.summary.returns += 1;
                self.open().returns += 1;
            }
            ReturnKind::Dishonored => self.summary.dishonored += 1,
            ReturnKind::Contested => self.summary.contested += 1,
        }
        if ReturnReason::of_ach(&code) == ReturnReason::Unknown {
            self.wrong("return-code", "the return reason is unknown", "return_reason_code", "a code like R01");
        }
        if digits(self.columns(7, 21)).is_none() {
            self.wrong("trace", "the original trace is no number", "original_entry_trace_number", "15 digits");
        }
        let death = self.columns(22, 27);
        if matches!(code.as_str(), "R14" | "R15") && trimmed(death) != b"000000" && digits(death).is_none() {
            self.odd("date", "the date of death is missing", "date_of_death", "YYMMDD");
        }
    }

    fn outgoing_addendum(&mut self) {
        let place = self.addenda.len() as u64;
        let Some(entry) = self.entry else { return };
        let family = self.family();
        let (sequence, own) = match self.columns(2, 3) {
            b"05" => (Some(place), true),
            b"02" => (None, false),
            _ => (None, true),
        };
        if let Some(want) = sequence
            && digits(self.columns(84, 87)) != Some(want)
        {
            let expected = format!("{want:04}");
            self.odd("addenda", "the addenda are not numbered in order", "addenda_sequence_number", &expected);
        }
        if own && family != Family::Advice && self.columns(88, 94) != &entry.text[87..94] {
            let expected = text_of(&entry.text[87..94]);
            let message = "the addenda belongs to another entry than the one before it";
            self.odd("addenda", message, "entry_detail_sequence_number", &expected);
        }
    }

    /// The entry is complete: its addenda against its indicator and class.
    fn end_of_entry(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let Some(entry) = self.entry.take() else { return };
        let addenda = std::mem::take(&mut self.addenda);
        let count = addenda.len() as u64;
        let class = self.batch.as_ref().and_then(|b| b.class);
        let comes_back = addenda.iter().any(|a| matches!(&a.text[..3], b"798" | b"799"));
        let tell = |reader: &mut Self, message: &str, field: &str, expected: &str| {
            reader.tell(entry, Fault::error("addenda", message), field, expected);
        };
        match entry.text[78] {
            b'1' if count == 0 => {
                tell(self, "the entry has none of the addenda it announces", "addenda_record_indicator", "0");
            }
            b'0' if count > 0 => {
                tell(self, "the entry has addenda that it does not announce", "addenda_record_indicator", "1");
            }
            _ => {}
        }
        if let Some(class) = class {
            if !comes_back && count > u64::from(class.most_addenda) {
                let message = format!("{count} addenda; {} allows {}", text_of(class.code), class.most_addenda);
                tell(self, &message, "", "");
            }
            if class.family == Family::Trade && !comes_back {
                let stated = number_of(&entry.text[54..58]).ok().flatten();
                if stated != Some(count) {
                    let message = "the number of addenda is not what the entry states";
                    tell(self, message, "number_of_addenda_records", &format!("{count:04}"));
                }
            }
            if class.family == Family::Iat && !comes_back {
                let missing = (0..=6u8).find(|n| !addenda.iter().any(|a| a.text[1] == b'1' && a.text[2] == b'0' + n));
                if let Some(missing) = missing {
                    tell(self, &format!("the mandatory addenda 1{missing} is missing"), "", "");
                }
                let stated = number_of(&entry.text[12..16]).ok().flatten();
                if stated != Some(count) {
                    let fault = Fault::warning("addenda", "the number of addenda is not what the entry states");
                    self.tell(entry, fault, "number_of_addenda_records", &format!("{count:04}"));
                }
            }
            if class.code == b"COR" && !comes_back {
                tell(self, "a notification of change without its addenda (98)", "", "");
            }
        }
        if let Some(batch) = &self.batch {
            each(Event::Entry(Entry { batch, line: &entry, addenda: &addenda }));
        }
        self.addenda = addenda;
    }

    /// One stated number of a control record against the one that was counted.
    fn compare(&mut self, what: &str, field: &str, have: u64) {
        let stated = layout_of(&self.line.text, self.family())
            .and_then(|(_, columns)| columns.iter().find(|c| c.name == field))
            .and_then(|c| number_of(c.of(&self.line.text)).ok().flatten());
        if stated != Some(have) {
            let message = format!("the {what} is not what the records add up to");
            self.wrong("total", &message, field, &have.to_string());
        }
    }

    fn batch_control(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let (header, totals, no_header) = {
            let batch = self.open();
            (batch.header, batch.totals, batch.no_header)
        };
        self.compare("count of entries and addenda", "entry_addenda_count", totals.count());
        self.compare("entry hash", "entry_hash", totals.hash());
        self.compare("debit total", "total_debit", totals.debit.get().unsigned_abs());
        self.compare("credit total", "total_credit", totals.credit.get().unsigned_abs());
        if !no_header {
            if self.columns(2, 4) != header.service_class_code.bytes() {
                let expected = header.service_class_code.text();
                self.wrong("batch", "the control's service class is not the header's", "service_class_code", &expected);
            }
            if self.columns(80, 87) != header.odfi_identification.bytes() {
                let expected = header.odfi_identification.text();
                self.wrong("batch", "the control's bank is not the header's", "odfi_identification", &expected);
            }
            if self.columns(88, 94) != header.batch_number.bytes() {
                let expected = header.batch_number.text();
                self.wrong("batch", "the control's batch number is not the header's", "batch_number", &expected);
            }
            let family = self.family();
            let company = trimmed(header.company_identification.bytes()).to_vec();
            if family != Family::Advice && trimmed(self.columns(45, 54)) != company {
                let (message, field) = ("the control's company is not the header's", "company_identification");
                let expected = text_of(&company);
                if family == Family::Iat {
                    self.odd("batch", message, field, &expected);
                } else {
                    self.wrong("batch", message, field, &expected);
                }
            }
        }
        if let Some(batch) = &mut self.batch {
            batch.last = self.line.number;
        }
        self.end_batch(each);
    }

    fn file_control(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.close_batch(each, "the file control (9)");
        let totals = self.summary.totals;
        let records = self.summary.records;
        // Advices alone have the wide totals; a class of the batches tells.
        let advice = self.summary.batches > 0 && self.before == b'8' && self.looks_like_advice();
        let wide = |name: &str| if advice { format!("advice_{name}") } else { name.to_string() };
        let checks = [
            ("count of batches", "batch_count", (2, 7), self.summary.batches),
            ("count of entries and addenda", "entry_addenda_count", (14, 21), totals.count()),
            ("entry hash", "entry_hash", (22, 31), totals.hash()),
            ("debit total", "total_debit", if advice { (32, 51) } else { (32, 43) }, totals.debit.get().unsigned_abs()),
            (
                "credit total",
                "total_credit",
                if advice { (52, 71) } else { (44, 55) },
                totals.credit.get().unsigned_abs(),
            ),
        ];
        for (what, field, (from, to), have) in checks {
            let stated = number_of(self.columns(from, to)).ok().flatten();
            if stated != Some(have) {
                let found = text_of(self.columns(from, to));
                let message = format!("the {what} ({}) is not what the records add up to", wide(field));
                let fault = Fault::error("total", message).record(self.line.number).line(self.line.number);
                let fault = fault.column(from as u64).offset(self.line.offset + from as u64 - 1);
                self.push(fault.between(found, have.to_string()));
            }
        }
        let blocks = number_of(self.columns(8, 13)).ok().flatten();
        if blocks != Some(records.div_ceil(10)) {
            let expected = records.div_ceil(10).to_string();
            self.odd("blocking", "the block count is not that of the records", "block_count", &expected);
        }
    }

    fn looks_like_advice(&self) -> bool {
        // A plain control is blank from column 56 on.
        !trimmed(self.columns(56, 71)).is_empty()
    }

    fn finish(mut self, each: &mut dyn FnMut(Event<'_>)) -> Result<Summary, Fault> {
        if self.known == 0 {
            return Err(Fault::error("not-nacha", "no record of a Nacha file is in it").offset(0));
        }
        self.end_of_entry(each);
        self.close_batch(each, "the end of the file");
        if self.before != b'9' {
            let message = "the file has no file control (9): it may be cut short";
            self.wrong("missing-9", message, "", "");
        } else if !(self.summary.records + self.fillers).is_multiple_of(10) && self.summary.cut == Cut::Lines {
            let message = "the file is not filled to blocks of ten records";
            let lines = self.summary.records + self.fillers;
            let fault = Fault::warning("blocking", message).record(lines).offset(self.line.offset);
            self.push(fault.between(lines.to_string(), "a multiple of ten"));
        }
        Ok(self.summary)
    }
}

fn is_time(hhmm: &[u8]) -> bool {
    let pair = |at: usize| hhmm.get(at..at + 2).and_then(digits);
    hhmm.len() == 4 && pair(0).is_some_and(|h| h < 24) && pair(2).is_some_and(|m| m < 60)
}

/// A field for people: account numbers masked.
fn shown(column: &Column, record: &[u8]) -> String {
    let text = text_of(column.of(record));
    match column.kind {
        Kind::Account | Kind::AccountLeft => crate::domain::account::masked(text.trim()),
        _ => text,
    }
}
