//! Reading BAI2: physical lines into logical records (88 continues), fields by the funds type, totals and counts recomputed.
//! A line may end without its slash; several records may stand on one line; text runs to the end of its record.

use std::io::Read;

use serde::Deserialize;

use crate::domain::{Cents, Day};
use crate::formats::fault::{Fault, Faults, clip};
use crate::formats::window::Window;

/// No physical line and no logical record is longer.
const LONGEST: usize = 1 << 20;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    pub number: u64,
    pub receiver: String,
    pub originator: String,
    /// 1 update, 2 deletion, 3 correction, 4 test.
    pub status: String,
    pub date: Option<Day>,
    pub currency: String,
    /// 1 interim previous day, 2 final previous day, 3 interim same day, 4 final same day.
    pub modifier: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    pub number: u64,
    pub offset: u64,
    /// Our account at the bank.
    pub account: String,
    pub currency: String,
    /// Errors that stand in this account.
    pub errors: u64,
    pub details: u64,
    sum: Cents,
    records: u64,
}

/// When the money is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FundsType {
    Unknown,
    Immediate,
    OneDay,
    TwoOrMore,
    /// Immediate, one day, two or more days.
    Split([Cents; 3]),
    /// Value date and time as they stand.
    Dated(String, String),
    /// Days and amounts.
    Distributed(Vec<(String, Cents)>),
}

/// One transaction (16).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    pub number: u64,
    pub offset: u64,
    pub code: String,
    /// In hundredths, also of a currency that has no smaller unit (yen).
    pub amount: Cents,
    pub funds: FundsType,
    pub bank_reference: String,
    pub customer_reference: String,
    /// Lines of text: what stands in the 16 and in each 88.
    pub text: Vec<String>,
}

impl Account {
    /// Its own, or its group's; empty where neither says.
    pub fn currency_in<'a>(&'a self, group: &'a Group) -> &'a str {
        if self.currency.is_empty() { &group.currency } else { &self.currency }
    }
}

pub enum Event<'a> {
    Detail(&'a Group, &'a Account, &'a Detail),
    /// The account has ended, with its trailer or without.
    Account(&'a Group, &'a Account),
}

#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub sender: String,
    pub receiver: String,
    pub file_id: String,
    pub created: Option<Day>,
    pub version: String,
    /// Physical lines that are records, continuations too.
    pub records: u64,
    pub groups: u64,
    pub accounts: u64,
    pub details: u64,
    pub credits: u64,
    pub debits: u64,
    pub credit: Cents,
    pub debit: Cents,
    pub faults: Faults,
}

/// What of a bank's own totals and counts is held against its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Totals {
    /// All; where one differs the account, or the file, is held.
    #[default]
    Strict,
    /// Amounts; a count that differs is a warning.
    CountsOff,
    /// None: both are warnings.
    Off,
}

/// A bank whose statements do not count as the standard says.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankTotals {
    /// The sender as the file header (01) names it.
    pub sender: String,
    pub totals: Totals,
}

/// `01,` and the commas of a file header.
pub fn looks_like(head: &[u8]) -> bool {
    let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
    let head = head.trim_ascii_start();
    let line = head.split(|b| matches!(b, b'\n' | b'\r' | b'/')).next().unwrap_or_default();
    line.starts_with(b"01,") && (6..=12).contains(&line.iter().filter(|b| **b == b',').count())
}

/// One physical record.
#[derive(Clone, Debug)]
struct Piece {
    number: u64,
    offset: u64,
    code: [u8; 2],
    /// After the code and its comma, without the closing slash.
    body: String,
}

/// A logical record: the first piece and its continuations.
#[derive(Clone, Debug, Default)]
struct Record {
    number: u64,
    offset: u64,
    code: [u8; 2],
    bodies: Vec<String>,
    bytes: usize,
}

/// Does another record stand here, behind a slash in a text? Blanks, then a code with what must follow it: `1/16,500` is text.
pub(super) fn begins_record(rest: &[u8]) -> bool {
    let behind = rest.trim_ascii_start();
    let [a, b, b',' | b':', fields @ ..] = behind else { return false };
    let next = fields.split(|b| matches!(b, b',' | b'/')).next().unwrap_or_default();
    let number = next.strip_prefix(b"-").or(next.strip_prefix(b"+")).unwrap_or(next);
    let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    behind.len() < rest.len()
        && match [*a, *b].as_slice() {
            b"16" => next.len() == 3 && digits,
            b"49" | b"98" | b"99" => digits,
            b"88" | b"03" | b"02" => true,
            _ => false,
        }
}

/// Cuts physical lines into records.
struct Pieces<'r> {
    window: Window<'r>,
    /// The rest of a line that holds several records.
    waiting: std::collections::VecDeque<Piece>,
    number: u64,
}

impl<'r> Pieces<'r> {
    fn new(source: &'r mut dyn Read) -> Self {
        let mut window = Window::new(source);
        if window.ahead(3).starts_with(&[0xef, 0xbb, 0xbf]) {
            window.step(3);
        }
        Pieces { window, waiting: Default::default(), number: 0 }
    }

    fn next(&mut self, faults: &mut Faults) -> Result<Option<Piece>, Fault> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Ok(Some(piece));
            }
            let offset = self.window.offset();
            let mut wanted = 4096;
            let end = loop {
                let have = self.window.ahead(wanted);
                if let Some(end) = have.iter().position(|b| matches!(b, b'\n' | b'\r')) {
                    break end;
                }
                if have.len() < wanted || wanted > LONGEST {
                    break have.len();
                }
                wanted *= 2;
            };
            if let Some(fault) = self.window.failure() {
                return Err(fault);
            }
            if end > LONGEST {
                return Err(Fault::error("limit", "a line of more than 1 MiB").offset(offset));
            }
            let line = self.window.take(end).to_vec();
            let ended = self.window.is_at_end();
            self.window.step(1);
            if line.iter().any(|b| !matches!(b, b' ' | b'\t' | 0 | 0x1a)) {
                self.cut(&line, offset, faults);
            } else if ended {
                return Ok(None);
            }
        }
    }

    fn cut(&mut self, line: &[u8], offset: u64, faults: &mut Faults) {
        let mut at = 0;
        loop {
            let start = at + line[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let rest = &line[start..];
            if rest.is_empty() {
                return;
            }
            self.number += 1;
            let code = match rest {
                [a, b, b',' | b':', ..] if a.is_ascii_digit() && b.is_ascii_digit() => [*a, *b],
                [a, b] | [a, b, b'/', ..] if a.is_ascii_digit() && b.is_ascii_digit() => [*a, *b],
                _ => *b"??",
            };
            let body = rest.get(3..).unwrap_or_default();
            // Text may hold slashes; in the other records the first one ends them.
            let is_text = matches!(&code, b"16" | b"88" | b"??");
            let end = match is_text {
                false => body.iter().position(|b| *b == b'/'),
                true => (0..body.len()).find(|at| body[*at] == b'/' && begins_record(&body[at + 1..])),
            };
            let length = match end {
                Some(slash) => slash,
                _ => body.trim_ascii_end().strip_suffix(b"/").map_or(body.trim_ascii_end().len(), <[u8]>::len),
            };
            let text: String = match std::str::from_utf8(&body[..length]) {
                Ok(text) => text.to_string(),
                Err(_) => body[..length].iter().map(|b| char::from(*b)).collect(),
            };
            if let Some(place) = text.find(|c: char| c.is_control() && c != '\t') {
                let fault = Fault::warning("character", "a control character").record(self.number).line(self.number);
                faults.push(fault.column(place as u64 + 4).offset(offset + (start + 3 + place) as u64));
            }
            self.waiting.push_back(Piece { number: self.number, offset: offset + start as u64, code, body: text });
            if is_text && end.is_none() {
                return;
            }
            at = start + 3 + length + 1;
            if at >= line.len() {
                return;
            }
        }
    }
}

/// Hands out every physical record: its number, offset, code and fields.
pub fn each_record(source: &mut dyn Read, each: &mut dyn FnMut(u64, u64, &str, &str)) -> Result<(), Fault> {
    let mut pieces = Pieces::new(source);
    let mut unheard = Faults::default();
    while let Some(piece) = pieces.next(&mut unheard)? {
        each(piece.number, piece.offset, std::str::from_utf8(&piece.code).unwrap_or("??"), &piece.body);
    }
    Ok(())
}

/// Reads a whole file. `Err` where there is no file header (01) at its beginning.
pub fn scan(source: &mut dyn Read, each: &mut dyn FnMut(Event<'_>)) -> Result<Summary, Fault> {
    scan_from(&[], source, each)
}

/// The same where some banks are known not to count as the standard says.
pub fn scan_from(
    banks: &[BankTotals],
    source: &mut dyn Read,
    each: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, Fault> {
    let mut pieces = Pieces::new(source);
    let mut reader = Reader { banks, ..Reader::default() };
    let mut open: Option<Record> = None;
    while let Some(piece) = pieces.next(&mut reader.summary.faults)? {
        if reader.summary.records == 0 && &piece.code != b"01" {
            let found = String::from_utf8_lossy(&piece.code).to_string();
            let fault = Fault::error("not-bai2", "the file does not begin with a file header (01)");
            return Err(fault.record(1).line(1).offset(piece.offset).between(found, "01"));
        }
        reader.summary.records += 1;
        if &piece.code == b"88" {
            match &mut open {
                Some(record) if record.bytes + piece.body.len() <= LONGEST => {
                    record.bytes += piece.body.len();
                    record.bodies.push(piece.body);
                }
                Some(_) => reader.wrong_at(piece.number, piece.offset, "limit", "a record of more than 1 MiB"),
                None => reader.wrong_at(piece.number, piece.offset, "order", "a continuation (88) of nothing"),
            }
            reader.counted();
            continue;
        }
        if let Some(record) = open.take() {
            reader.record(&record, each);
        }
        let bytes = piece.body.len();
        reader.opens(&piece.code);
        open = Some(Record {
            number: piece.number,
            offset: piece.offset,
            code: piece.code,
            bodies: vec![piece.body],
            bytes,
        });
    }
    if let Some(record) = open {
        reader.record(&record, each);
    }
    reader.finish(each)
}

#[derive(Default)]
struct Reader<'b> {
    banks: &'b [BankTotals],
    /// As agreed for the file's sender.
    totals: Totals,
    summary: Summary,
    group: Option<Group>,
    account: Option<Account>,
    group_sum: Cents,
    group_accounts: u64,
    group_records: u64,
    file_sum: Cents,
    file_records: u64,
    trailer: bool,
    overflow: bool,
}

/// Digits with an optional sign; empty is zero.
fn amount(text: &str) -> Option<Cents> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if digits.is_empty() && !text.is_empty() || digits.bytes().any(|b| !b.is_ascii_digit()) {
        return None;
    }
    let units: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some(Cents::new(if negative { -units } else { units }))
}

/// `YYMMDD`; years from 70 are of the last century.
fn date(text: &str) -> Option<Day> {
    let text = text.trim();
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let century = if text >= "70" { "19" } else { "20" };
    Day::from_compact(&format!("{century}{text}")).ok()
}

/// Fields of a record that have no text.
struct Fields {
    all: Vec<String>,
    at: usize,
}

impl Fields {
    /// A record's bodies, each split at its commas. A continuation begins a new field.
    fn of(record: &Record) -> Fields {
        let all = record.bodies.iter().flat_map(|b| b.split(',')).map(|f| f.trim().to_string()).collect();
        Fields { all, at: 0 }
    }

    fn next(&mut self) -> String {
        let field = self.all.get(self.at).cloned().unwrap_or_default();
        self.at += 1;
        field
    }

    fn is_over(&self) -> bool {
        self.at >= self.all.len()
    }
}

impl Reader<'_> {
    fn push(&mut self, fault: Fault) {
        if let (true, Some(account)) = (fault.is_error(), &mut self.account) {
            account.errors += 1;
        }
        self.summary.faults.push(fault);
    }

    fn wrong_at(&mut self, number: u64, offset: u64, code: &'static str, message: impl Into<String>) {
        self.push(Fault::error(code, message).record(number).line(number).column(1).offset(offset));
    }

    fn wrong(&mut self, record: &Record, code: &'static str, message: impl Into<String>, found: &str, expected: &str) {
        let fault = Fault::error(code, message).record(record.number).line(record.number).column(1);
        self.push(fault.offset(record.offset).between(found, expected));
    }

    fn odd(&mut self, record: &Record, code: &'static str, message: &str, found: &str, expected: &str) {
        let fault = Fault::warning(code, message).record(record.number).line(record.number).column(1);
        self.push(fault.offset(record.offset).between(found, expected));
    }

    /// A record or continuation counts for what is open.
    fn counted(&mut self) {
        self.file_records += 1;
        if self.group.is_some() {
            self.group_records += 1;
        }
        if let Some(account) = &mut self.account {
            account.records += 1;
        }
    }

    /// What begins here ends what stood before, for the counts.
    fn opens(&mut self, code: &[u8; 2]) {
        match code {
            b"01" | b"99" => self.file_records += 1,
            b"02" => {
                self.file_records += 1;
            }
            b"03" | b"98" => {
                self.file_records += 1;
                self.group_records += 1;
            }
            _ => self.counted(),
        }
    }

    fn add(&mut self, record: &Record, value: Cents) {
        let Some(account) = &mut self.account else { return };
        match account.sum.plus(value) {
            Ok(sum) => account.sum = sum,
            Err(_) if !self.overflow => {
                self.overflow = true;
                self.wrong(record, "total", "the account's total is larger than can be held", "", "a smaller sum");
            }
            Err(_) => {}
        }
    }

    fn amount(&mut self, record: &Record, text: &str) -> Cents {
        amount(text).unwrap_or_else(|| {
            self.wrong(record, "amount", "an amount is no amount", text, "digits, with a sign or without");
            Cents::ZERO
        })
    }

    /// Amounts stand in the currency's smallest unit.
    fn hundredths(&mut self, record: &Record, value: Cents) -> Cents {
        let currency = match (&self.group, &self.account) {
            (Some(group), Some(account)) => account.currency_in(group),
            _ => "",
        };
        if crate::formats::currency_places(currency) > 0 {
            return value;
        }
        value.get().checked_mul(100).map(Cents::new).unwrap_or_else(|| {
            let found = value.get().to_string();
            self.wrong(record, "amount", "an amount is larger than can be held", &found, "a smaller amount");
            Cents::ZERO
        })
    }

    fn record(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        if self.trailer {
            self.wrong(record, "order", "a record after the file trailer (99)", "", "the end of the file");
        }
        match &record.code {
            b"01" => self.file_header(record),
            b"02" => self.group_header(record, each),
            b"03" => self.account_header(record, each),
            b"16" => self.detail(record, each),
            b"49" => self.account_trailer(record, each),
            b"98" => self.group_trailer(record, each),
            b"99" => self.file_trailer(record, each),
            other => {
                let found = String::from_utf8_lossy(other).to_string();
                let expected = "01, 02, 03, 16, 49, 88, 98, 99";
                self.wrong(record, "record-type", "no record of a BAI2 file", &found, expected);
            }
        }
    }

    fn file_header(&mut self, record: &Record) {
        let mut fields = Fields::of(record);
        self.summary.sender = fields.next();
        let known = self.banks.iter().find(|b| b.sender == self.summary.sender);
        self.totals = known.map(|b| b.totals).unwrap_or_default();
        self.summary.receiver = fields.next();
        let created = fields.next();
        self.summary.created = date(&created);
        if self.summary.created.is_none() {
            self.wrong(record, "date", "the file date is no date", &created, "YYMMDD");
        }
        let _time = fields.next();
        self.summary.file_id = fields.next();
        let (_length, _block) = (fields.next(), fields.next());
        self.summary.version = fields.next();
        if self.summary.version != "2" {
            let found = self.summary.version.clone();
            self.odd(record, "version", "the version is not 2", &found, "2");
        }
    }

    fn group_header(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        self.close_group(record, "a new group (02)", each);
        let mut fields = Fields::of(record);
        let mut group = Group { number: record.number, ..Group::default() };
        group.receiver = fields.next();
        group.originator = fields.next();
        group.status = fields.next();
        let day = fields.next();
        group.date = date(&day);
        let _time = fields.next();
        group.currency = fields.next();
        group.modifier = fields.next();
        if group.date.is_none() {
            self.wrong(record, "date", "the as-of date is no date", &day, "YYMMDD");
        }
        if !matches!(group.status.as_str(), "1" | "2" | "3" | "4") {
            self.odd(record, "status", "the group status is unknown", &group.status, "1, 2, 3 or 4");
        }
        self.summary.groups += 1;
        self.group = Some(group);
        (self.group_sum, self.group_accounts, self.group_records) = (Cents::ZERO, 0, record.bodies.len() as u64);
    }

    fn account_header(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        self.close_account(record, "a new account (03)", each);
        if self.group.is_none() {
            self.wrong(record, "order", "an account (03) outside of a group (02)", "03", "02");
        }
        let mut fields = Fields::of(record);
        let mut account = Account { number: record.number, offset: record.offset, ..Account::default() };
        account.account = fields.next();
        account.currency = fields.next();
        account.records = record.bodies.len() as u64;
        self.summary.accounts += 1;
        self.group_accounts += 1;
        self.account = Some(account);
        while !fields.is_over() {
            let code = fields.next();
            let value = fields.next();
            let _count = fields.next();
            self.funds(record, &mut fields);
            if !code.is_empty() && (code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit())) {
                self.wrong(record, "code", "a summary's type code is no code", &code, "three digits");
            }
            let value = self.amount(record, &value);
            self.add(record, value);
        }
    }

    fn funds(&mut self, record: &Record, fields: &mut Fields) -> FundsType {
        match fields.next().as_str() {
            "" | "Z" => FundsType::Unknown,
            "0" => FundsType::Immediate,
            "1" => FundsType::OneDay,
            "2" => FundsType::TwoOrMore,
            "S" => FundsType::Split([(); 3].map(|()| {
                let text = fields.next();
                self.amount(record, &text)
            })),
            "V" => FundsType::Dated(fields.next(), fields.next()),
            "D" => {
                let count = fields.next();
                let pairs = count.parse::<usize>().unwrap_or(0);
                let mut parts = Vec::new();
                for _ in 0..pairs {
                    if fields.is_over() {
                        let message = "the funds distribution ends before its count";
                        self.wrong(record, "funds-type", message, &count, "as many pairs as stated");
                        break;
                    }
                    let (days, value) = (fields.next(), fields.next());
                    parts.push((days, self.amount(record, &value)));
                }
                FundsType::Distributed(parts)
            }
            other => {
                self.wrong(record, "funds-type", "the funds type is unknown", other, "0, 1, 2, S, V, D or Z");
                FundsType::Unknown
            }
        }
    }

    fn detail(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        if self.account.is_none() {
            self.wrong(record, "order", "a transaction (16) outside of an account (03)", "16", "03");
            return;
        }
        // Fields stand in the first line up to the text, which may hold commas; a short line goes on in the next.
        let mut bodies = record.bodies.iter();
        let first = bodies.next().map_or("", String::as_str);
        let mut fields = Fields { all: first.split(',').map(|f| f.trim().to_string()).collect(), at: 0 };
        let code = fields.next();
        let value = fields.next();
        let funds = self.funds(record, &mut fields);
        let (bank_reference, customer_reference) = (fields.next(), fields.next());
        let mut text: Vec<String> = Vec::new();
        if let Some(start) = first.match_indices(',').nth(fields.at - 1).map(|(at, _)| at + 1) {
            text.push(first[start..].trim().to_string());
        }
        text.extend(bodies.map(|b| b.trim_end().to_string()));
        text.retain(|line| !line.is_empty());
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
            self.wrong(record, "code", "the transaction's type code is no code", &code, "three digits");
        }
        let value = self.amount(record, &value);
        self.add(record, value);
        let value = self.hundredths(record, value);
        let credit = super::codes::is_credit(&code);
        let side = if credit { &mut self.summary.credit } else { &mut self.summary.debit };
        if let Ok(sum) = side.plus(value) {
            *side = sum;
        }
        if credit {
            self.summary.credits += 1
        } else {
            self.summary.debits += 1
        }
        self.summary.details += 1;
        let detail = Detail {
            number: record.number,
            offset: record.offset,
            code,
            amount: value,
            funds,
            bank_reference,
            customer_reference,
            text,
        };
        if let Some(account) = &mut self.account {
            account.details += 1;
        }
        if let (Some(group), Some(account)) = (&self.group, &self.account) {
            each(Event::Detail(group, account, &detail));
        }
    }

    fn compare(&mut self, record: &Record, what: &str, stated: &str, have: Cents) {
        if stated.is_empty() && have.is_zero() {
            self.odd(record, "total", &format!("the {what} is blank"), "", "0");
        } else if amount(stated) != Some(have) {
            let message = format!("the {what} is not what the records add up to");
            self.unlike(self.totals == Totals::Off, record, message, stated, &have.get().to_string());
        }
    }

    fn compare_count(&mut self, record: &Record, what: &str, stated: &str, have: u64) {
        if stated.parse::<u64>().ok() != Some(have) {
            let message = format!("the {what} is not that of the records");
            self.unlike(self.totals != Totals::Strict, record, message, stated, &have.to_string());
        }
    }

    /// A total or count that the records do not give; a warning where that is known of the bank.
    fn unlike(&mut self, known: bool, record: &Record, message: String, stated: &str, have: &str) {
        match known {
            true => self.odd(record, "total", &message, stated, have),
            false => self.wrong(record, "total", message, stated, have),
        }
    }

    fn account_trailer(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        let Some((sum, records)) = self.account.as_ref().map(|a| (a.sum, a.records)) else {
            self.wrong(record, "order", "an account trailer (49) without its account (03)", "49", "03");
            return;
        };
        let mut fields = Fields::of(record);
        let (total, count) = (fields.next(), fields.next());
        self.compare(record, "account's control total", &total, sum);
        match count.is_empty() {
            true => self.odd(record, "total", "the account's record count is blank", "", &records.to_string()),
            false => self.compare_count(record, "account's record count", &count, records),
        }
        self.end_account(each);
    }

    fn end_account(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let Some(account) = self.account.take() else { return };
        if let Ok(sum) = self.group_sum.plus(account.sum) {
            self.group_sum = sum;
        }
        if let Some(group) = &self.group {
            each(Event::Account(group, &account));
        }
    }

    fn close_account(&mut self, record: &Record, before: &str, each: &mut dyn FnMut(Event<'_>)) {
        if self.account.is_some() {
            let message = format!("the account has no trailer (49) before {before}");
            self.wrong(record, "missing-49", message, "", "49");
            self.end_account(each);
        }
    }

    fn group_trailer(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        self.close_account(record, "the group trailer (98)", each);
        if self.group.is_none() {
            self.wrong(record, "order", "a group trailer (98) without its group (02)", "98", "02");
            return;
        }
        let mut fields = Fields::of(record);
        let (total, accounts, records) = (fields.next(), fields.next(), fields.next());
        self.compare(record, "group's control total", &total, self.group_sum);
        self.compare_count(record, "group's number of accounts", &accounts, self.group_accounts);
        self.compare_count(record, "group's record count", &records, self.group_records);
        self.end_group();
    }

    fn end_group(&mut self) {
        self.group = None;
        if let Ok(sum) = self.file_sum.plus(self.group_sum) {
            self.file_sum = sum;
        }
    }

    fn close_group(&mut self, record: &Record, before: &str, each: &mut dyn FnMut(Event<'_>)) {
        self.close_account(record, before, each);
        if self.group.is_some() {
            let message = format!("the group has no trailer (98) before {before}");
            self.wrong(record, "missing-98", message, "", "98");
            self.end_group();
        }
    }

    fn file_trailer(&mut self, record: &Record, each: &mut dyn FnMut(Event<'_>)) {
        self.close_group(record, "the file trailer (99)", each);
        let mut fields = Fields::of(record);
        let (total, groups, records) = (fields.next(), fields.next(), fields.next());
        self.compare(record, "file's control total", &total, self.file_sum);
        self.compare_count(record, "file's number of groups", &groups, self.summary.groups);
        self.compare_count(record, "file's record count", &records, self.file_records);
        self.trailer = true;
    }

    fn finish(mut self, each: &mut dyn FnMut(Event<'_>)) -> Result<Summary, Fault> {
        if self.summary.records == 0 {
            return Err(Fault::error("empty", "there is no record in the file").offset(0));
        }
        let last = Record { number: self.summary.records, ..Record::default() };
        self.close_group(&last, "the end of the file", each);
        if !self.trailer {
            let found = clip("the end of the file");
            self.wrong(&last, "missing-99", "the file has no trailer (99): it may be cut short", &found, "99");
        }
        Ok(self.summary)
    }
}
