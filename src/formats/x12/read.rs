//! Reading 820 and 823: the envelope's counts and numbers, each payment with its remittance lines and adjustments. Unknown
//! segments are passed over. Amounts are decimal text and become cents exactly, or are a fault.

use std::io::Read;

use super::segment::{Segment, Segments, Separators};
use crate::domain::{BankAccount, Cents, Day, MoneyError};
use crate::formats::fault::{Fault, Faults};

/// Lines of one payment that are kept; more are a fault.
const MOST_LINES: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SetKind {
    #[default]
    Advice820,
    Lockbox823,
    /// Another transaction set: its envelope is checked, nothing is taken.
    Other,
}

/// One RMR: what is paid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    pub number: u64,
    /// RMR01: IV invoice, AZ, IK, 11 and 12 account-like, CM credit memo, ..
    pub qualifier: String,
    /// RMR02: bill or account number.
    pub reference: String,
    /// RMR04; where it is blank, 05 - 06 + 08.
    pub paid: Option<Cents>,
    pub gross: Option<Cents>,
    pub discount: Option<Cents>,
    /// REF segments beneath: qualifier and value.
    pub references: Vec<(String, String)>,
}

/// One ADX: an amount beside the lines, signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adjustment {
    pub number: u64,
    pub amount: Cents,
    pub reason: String,
    pub reference: String,
    /// It stands beneath a line (RMR) and concerns it.
    pub of_line: bool,
}

/// Where a payment of an 823 was deposited.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Deposit {
    pub lockbox: String,
    pub date: Option<Day>,
    pub number: String,
    pub batch: String,
}

/// One BPR: a payment order, an advice, or a check of a lockbox.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Payment {
    pub number: u64,
    pub offset: u64,
    pub kind: SetKind,
    /// BPR01: C payment with remittance, I remittance only, D payment only, ..
    pub handling: String,
    pub amount: Cents,
    pub credit: bool,
    /// BPR04: ACH, CHK, FWT, ..
    pub method: String,
    /// Where BPR06 says that it is an American routing number.
    pub routing: String,
    pub account: Option<BankAccount>,
    pub date: Option<Day>,
    /// TRN02: trace, or in an 823 the check number.
    pub trace: String,
    pub currency: String,
    pub payer: String,
    pub lines: Vec<Line>,
    pub adjustments: Vec<Adjustment>,
    /// REF segments of the payment itself.
    pub references: Vec<(String, String)>,
    pub deposit: Option<Deposit>,
    /// The set's own errors and this payment's: not to be taken by itself.
    pub errors: u64,
}

impl Payment {
    /// Sum of the lines and of the adjustments that stand beside them.
    pub fn stated(&self) -> Result<(Cents, Cents), MoneyError> {
        let lines = Cents::sum(self.lines.iter().filter_map(|l| l.paid))?;
        Ok((lines, Cents::sum(self.adjustments.iter().map(|a| a.amount))?))
    }

    /// Do the lines add up to the payment, with the adjustments or (where they are in the lines already) without?
    pub fn adds_up(&self) -> bool {
        let Ok((lines, adjustments)) = self.stated() else { return false };
        let beside = Cents::sum(self.adjustments.iter().filter(|a| !a.of_line).map(|a| a.amount));
        let all = [Ok(Cents::ZERO), Ok(adjustments), beside];
        all.into_iter().flatten().any(|a| lines.plus(a) == Ok(self.amount))
    }
}

pub enum Event<'a> {
    Payment(&'a Payment),
    /// A set has ended (SE): its faults are known.
    Set(SetKind, u64),
}

#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub sender: String,
    pub receiver: String,
    pub control: String,
    /// Version of the functional group.
    pub version: String,
    /// ISA15: T where it is a test.
    pub test: bool,
    pub kind: Option<SetKind>,
    pub segments: u64,
    pub groups: u64,
    pub sets: u64,
    pub deposits: u64,
    pub batches: u64,
    pub payments: u64,
    pub lines: u64,
    pub adjustments: u64,
    pub total: Cents,
    pub line_total: Cents,
    pub adjustment_total: Cents,
    pub faults: Faults,
}

/// Reads an interchange. Payments are handed on when their set has ended, with its errors. `Err`: no interchange at all.
pub fn scan(source: &mut dyn Read, each: &mut dyn FnMut(Event<'_>)) -> Result<Summary, Fault> {
    let mut segments = Segments::new(source)?;
    let mut reader = Reader::default();
    while let Some(segment) = segments.take()? {
        reader.segment(&segment, each);
    }
    Ok(reader.finish(each))
}

/// Reads what a bank cut into payment addenda (CTX, CCD+): a whole interchange, a bare set, or single segments like
/// `RMR*IV*INV123**100.00\`. `None` where the text is no X12.
pub fn fragment(text: &str) -> Option<(Vec<Payment>, Summary)> {
    let bytes = text.trim().as_bytes();
    let mut payments = Vec::new();
    let mut keep = |event: Event<'_>| {
        if let Event::Payment(payment) = event {
            payments.push(payment.clone());
        }
    };
    if super::looks_like(bytes) {
        let summary = scan(&mut &bytes[..], &mut keep).ok()?;
        return Some((payments, summary));
    }
    let id = bytes.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    let element = *bytes.get(id).filter(|b| !b.is_ascii_whitespace() && !b.is_ascii_alphanumeric())?;
    if !(2..=3).contains(&id) || !bytes[0].is_ascii_uppercase() || matches!(element, b'-' | b'/' | b'.' | b',' | b':') {
        return None;
    }
    let candidates = [b'\\', b'~', b'\n', b'\'', b'|'];
    let terminator = candidates.into_iter().find(|t| *t != element && bytes.contains(t)).unwrap_or(b'\\');
    let mut source = bytes;
    let mut segments = Segments::bare(&mut source, Separators { element, component: b'>', terminator });
    let mut reader = Reader { bare: true, ..Reader::default() };
    while let Ok(Some(segment)) = segments.take() {
        reader.segment(&segment, &mut keep);
    }
    let summary = reader.finish(&mut keep);
    Some((payments, summary))
}

/// Decimal text (`1500`, `.5`, `-13676.81`) to cents, exactly.
pub(super) fn amount(text: &str) -> Option<Cents> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !plain(whole) || !plain(part) || whole.len() > 15 {
        return None;
    }
    let cents = part.get(..2.min(part.len()))?;
    if part.len() > 2 && part[2..].bytes().any(|b| b != b'0') {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let cents: i64 = if cents.is_empty() { 0 } else { format!("{cents:0<2}").parse().ok()? };
    let units = whole.checked_mul(100)?.checked_add(cents)?;
    Some(Cents::new(if negative { -units } else { units }))
}

/// `CCYYMMDD`, or `YYMMDD` of old releases.
fn date(text: &str) -> Option<Day> {
    match text.len() {
        8 => Day::from_compact(text).ok(),
        6 if text.is_ascii() => {
            let century = if text >= "70" { "19" } else { "20" };
            Day::from_compact(&format!("{century}{text}")).ok()
        }
        _ => None,
    }
}

fn same(one: &str, other: &str) -> bool {
    one == other || (!one.is_empty() && one.trim_start_matches('0') == other.trim_start_matches('0'))
}

#[derive(Default)]
struct Set {
    kind: SetKind,
    control: String,
    /// Segments from ST on.
    segments: u64,
    errors: u64,
    payments: Vec<Payment>,
    deposit: Option<Deposit>,
    stated_deposit: Option<Cents>,
    stated_batch: Option<Cents>,
    deposit_sum: Cents,
    batch_sum: Cents,
    payer: String,
    trace: String,
    date: Option<Day>,
    currency: String,
    references: Vec<(String, String)>,
    /// The last segment that other segments hang from: `BPR`, `RMR`, `ADX`, `N1`, `DEP`, `BAT`, `ENT`.
    under: &'static str,
}

#[derive(Default)]
struct Reader {
    summary: Summary,
    /// No envelope is asked for.
    bare: bool,
    isa: Option<String>,
    group: Option<(String, u64)>,
    set: Option<Set>,
    ended: bool,
    last: (u64, u64),
}

impl Reader {
    fn push(&mut self, segment: &Segment, fault: Fault, element: usize, expected: &str) {
        if let (true, Some(set)) = (fault.is_error(), &mut self.set) {
            set.errors += 1;
        }
        let fault = fault.record(segment.number).offset(segment.offset);
        // The column is the element's number: X12 has no columns.
        let fault = if element > 0 { fault.column(element as u64) } else { fault };
        let found = if element > 0 { segment.get(element) } else { segment.id() };
        self.summary.faults.push(fault.between(found, expected));
    }

    fn wrong(&mut self, segment: &Segment, code: &'static str, message: &str, element: usize, expected: &str) {
        self.push(segment, Fault::error(code, message), element, expected);
    }

    fn odd(&mut self, segment: &Segment, code: &'static str, message: &str, element: usize, expected: &str) {
        self.push(segment, Fault::warning(code, message), element, expected);
    }

    /// An amount, `None` when blank; a fault when it is none.
    fn amount(&mut self, segment: &Segment, element: usize) -> Option<Cents> {
        let text = segment.get(element);
        if text.is_empty() {
            return None;
        }
        let value = amount(text);
        if value.is_none() {
            self.wrong(segment, "amount", "an amount is no amount", element, "a decimal number of at most two places");
        }
        value
    }

    fn segment(&mut self, segment: &Segment, each: &mut dyn FnMut(Event<'_>)) {
        self.summary.segments = segment.number;
        self.last = (segment.number, segment.offset);
        if self.bare && self.set.is_none() && !matches!(segment.id(), "ISA" | "GS" | "ST" | "GE" | "IEA") {
            self.open_set(SetKind::Advice820, String::new());
        }
        if let Some(set) = &mut self.set {
            set.segments += 1;
        }
        match segment.id() {
            "ISA" => self.isa(segment, each),
            "IEA" => self.iea(segment, each),
            "GS" => {
                self.end_set_without(segment, each);
                self.summary.groups += 1;
                self.summary.version = segment.get(8).to_string();
                self.group = Some((segment.get(6).to_string(), 0));
            }
            "GE" => {
                self.end_set_without(segment, each);
                match self.group.take() {
                    None => self.wrong(segment, "order", "a group trailer (GE) without its header (GS)", 0, "GS"),
                    Some((control, sets)) => {
                        if segment.get(1).parse() != Ok(sets) {
                            self.wrong(segment, "total", "the group does not count its sets", 1, &sets.to_string());
                        }
                        if !same(segment.get(2), &control) {
                            let message = "the group trailer's control number is not the header's";
                            self.wrong(segment, "control-number", message, 2, &control);
                        }
                    }
                }
            }
            "ST" => {
                self.end_set_without(segment, each);
                if self.group.is_none() && !self.bare {
                    self.wrong(segment, "order", "a set (ST) outside of a group (GS)", 0, "GS");
                }
                let kind = match segment.get(1) {
                    "820" => SetKind::Advice820,
                    "823" => SetKind::Lockbox823,
                    _ => SetKind::Other,
                };
                self.open_set(kind, segment.get(2).to_string());
                if kind == SetKind::Other {
                    self.odd(segment, "set", "another transaction set; nothing of it is taken", 1, "820 or 823");
                }
            }
            "SE" => self.se(segment, each),
            _ if self.set.is_none() => {
                self.wrong(segment, "order", "a segment outside of a set (ST)", 0, "ST, GE or IEA");
            }
            _ => self.body(segment),
        }
    }

    fn open_set(&mut self, kind: SetKind, control: String) {
        self.set = Some(Set { kind, control, segments: 1, ..Set::default() });
        self.summary.sets += 1;
        self.summary.kind.get_or_insert(kind);
        if let Some((_, sets)) = &mut self.group {
            *sets += 1;
        }
    }

    fn isa(&mut self, segment: &Segment, each: &mut dyn FnMut(Event<'_>)) {
        self.end_set_without(segment, each);
        if self.isa.is_some() {
            self.wrong(segment, "order", "an interchange (ISA) before the end of another (IEA)", 0, "IEA");
        }
        self.summary.sender = segment.get(6).to_string();
        self.summary.receiver = segment.get(8).to_string();
        self.summary.control = segment.get(13).to_string();
        self.summary.test = segment.get(15) == "T";
        if self.summary.test {
            self.odd(segment, "test-file", "the interchange is marked as a test", 15, "P");
        }
        self.isa = Some(segment.get(13).to_string());
        self.ended = false;
        self.summary.groups = 0;
    }

    fn iea(&mut self, segment: &Segment, each: &mut dyn FnMut(Event<'_>)) {
        self.end_set_without(segment, each);
        if self.group.take().is_some() {
            self.wrong(segment, "missing-GE", "the group has no trailer (GE)", 0, "GE");
        }
        match self.isa.take() {
            None => self.wrong(segment, "order", "an interchange trailer (IEA) without its header (ISA)", 0, "ISA"),
            Some(control) => {
                if segment.get(1).parse() != Ok(self.summary.groups) {
                    let groups = self.summary.groups.to_string();
                    self.wrong(segment, "total", "the interchange does not count its groups", 1, &groups);
                }
                if !same(segment.get(2), &control) {
                    let message = "the interchange trailer's control number is not the header's";
                    self.wrong(segment, "control-number", message, 2, &control);
                }
            }
        }
        self.ended = true;
    }

    fn se(&mut self, segment: &Segment, each: &mut dyn FnMut(Event<'_>)) {
        let Some((count, control)) = self.set.as_ref().map(|s| (s.segments, s.control.clone())) else {
            self.wrong(segment, "order", "a set trailer (SE) without its header (ST)", 0, "ST");
            return;
        };
        if segment.get(1).parse() != Ok(count) {
            self.wrong(segment, "total", "the set does not count its segments", 1, &count.to_string());
        }
        if segment.get(2) != control {
            let message = "the set trailer's control number is not the header's";
            if same(segment.get(2), &control) {
                self.odd(segment, "control-number", message, 2, &control);
            } else {
                self.wrong(segment, "control-number", message, 2, &control);
            }
        }
        self.end_set(segment, each);
    }

    fn end_set_without(&mut self, segment: &Segment, each: &mut dyn FnMut(Event<'_>)) {
        if self.set.is_some() {
            if !self.bare {
                self.wrong(segment, "missing-SE", "the set has no trailer (SE)", 0, "SE");
            }
            self.end_set(segment, each);
        }
    }

    fn end_set(&mut self, segment: &Segment, each: &mut dyn FnMut(Event<'_>)) {
        self.end_payment();
        self.end_batch(segment);
        self.end_deposit(segment);
        let Some(set) = self.set.take() else { return };
        for payment in &set.payments {
            let errors = set.errors;
            each(Event::Payment(&Payment { errors, ..payment.clone() }));
        }
        each(Event::Set(set.kind, set.errors));
    }

    /// The payment before is complete: its lines against its amount.
    fn end_payment(&mut self) {
        let Some(payment) = self.set.as_mut().and_then(|s| s.payments.last()).cloned() else { return };
        if payment.lines.is_empty() || payment.adds_up() {
            return;
        }
        let told = payment.stated().map_or_else(|_| "too much".into(), |(l, a)| format!("{l} and {a}"));
        let message = format!("the lines and adjustments ({told}) do not add up to the payment of {}", payment.amount);
        let zero = payment.amount.is_zero() || payment.method == "NON";
        let fault = if zero { Fault::warning("reconcile", message) } else { Fault::error("reconcile", message) };
        // It holds this payment, not its set: taken in, it does not balance and goes to a person.
        let fault = fault.record(payment.number).offset(payment.offset);
        self.summary.faults.push(fault.between("BPR", payment.amount.to_string()));
    }

    fn compare(&mut self, segment: &Segment, what: &str, stated: Option<Cents>, have: Cents) {
        if let Some(stated) = stated
            && stated != have
        {
            let message = format!("the {what} states {stated}, its payments add up to {have}");
            self.wrong(segment, "total", &message, 0, &have.to_string());
        }
    }

    fn end_batch(&mut self, segment: &Segment) {
        let Some(set) = &mut self.set else { return };
        let (stated, have) = (set.stated_batch.take(), std::mem::take(&mut set.batch_sum));
        self.compare(segment, "batch", stated, have);
    }

    fn end_deposit(&mut self, segment: &Segment) {
        let Some(set) = &mut self.set else { return };
        let (stated, have) = (set.stated_deposit.take(), std::mem::take(&mut set.deposit_sum));
        self.compare(segment, "deposit", stated, have);
    }

    fn body(&mut self, segment: &Segment) {
        let Some(set) = &mut self.set else { return };
        if set.kind == SetKind::Other {
            return;
        }
        let text = |n: usize| segment.get(n).to_string();
        match segment.id() {
            "BPR" => self.payment(segment),
            "BPS" => self.old_payment(segment),
            "TRN" if set.under == "BPR" && !set.payments.is_empty() => {
                if let Some(payment) = set.payments.last_mut() {
                    payment.trace = text(2);
                }
            }
            "TRN" => set.trace = text(2),
            "CUR" => match set.payments.last_mut() {
                Some(payment) => payment.currency = text(2),
                None => set.currency = text(2),
            },
            "REF" => {
                let pair = (text(1), if text(2).is_empty() { text(3) } else { text(2) });
                match (set.under, set.payments.last_mut()) {
                    ("RMR" | "ADX", Some(payment)) if !payment.lines.is_empty() => {
                        if let Some(line) = payment.lines.last_mut().filter(|l| l.references.len() < 100) {
                            line.references.push(pair);
                        }
                    }
                    (_, Some(payment)) if payment.references.len() < 1000 => payment.references.push(pair),
                    (_, None) if set.references.len() < 1000 => set.references.push(pair),
                    _ => {}
                }
            }
            "DTM" => {
                let day = date(segment.get(2));
                if day.is_none() && !segment.get(2).is_empty() {
                    self.odd(segment, "date", "a date is no date", 2, "CCYYMMDD");
                } else if let Some(payment) = set.payments.last_mut() {
                    if set.under != "RMR" && payment.date.is_none() {
                        payment.date = day;
                    }
                } else {
                    set.date = set.date.or(day);
                }
            }
            "N1" if segment.get(1) == "PR" => match set.payments.last_mut() {
                Some(payment) => payment.payer = text(2),
                None => set.payer = text(2),
            },
            "DEP" => {
                self.end_payment();
                self.end_batch(segment);
                self.end_deposit(segment);
                self.summary.deposits += 1;
                let deposit =
                    Deposit { lockbox: text(1), date: date(segment.get(2)), number: text(4), batch: String::new() };
                if let Some(set) = &mut self.set {
                    set.deposit = Some(deposit);
                    set.under = "DEP";
                }
            }
            "BAT" => {
                self.end_payment();
                self.end_batch(segment);
                self.summary.batches += 1;
                if let Some(set) = &mut self.set {
                    set.under = "BAT";
                    let deposit = set.deposit.get_or_insert_with(Deposit::default);
                    deposit.batch = text(3);
                    deposit.date = deposit.date.or(date(segment.get(1)));
                }
            }
            "AMT" => {
                let value = self.amount(segment, 2);
                if let Some(set) = &mut self.set {
                    match set.under {
                        "DEP" => set.stated_deposit = value,
                        "BAT" => set.stated_batch = value,
                        _ => {}
                    }
                }
            }
            "RMR" => self.line(segment),
            "ADX" => self.adjustment(segment),
            "ENT" => set.under = "ENT",
            _ => {}
        }
    }

    fn payment(&mut self, segment: &Segment) {
        self.end_payment();
        let value = self.amount(segment, 2);
        if value.is_none() {
            self.wrong(segment, "amount", "a payment without its amount", 2, "a decimal number");
        }
        let debit = segment.get(3) == "D";
        let amount = value.unwrap_or(Cents::ZERO);
        if amount.is_negative() {
            self.wrong(segment, "amount", "a payment of less than nothing", 2, "zero or more");
        }
        let day = date(segment.get(16));
        let routing = if segment.get(6) == "01" { segment.get(7).to_string() } else { String::new() };
        let account = Some(segment.get(9)).filter(|a| !a.is_empty()).map(BankAccount::new);
        self.total(segment, amount);
        let Some(set) = &mut self.set else { return };
        set.under = "BPR";
        let advice = set.kind == SetKind::Advice820;
        let payment = Payment {
            number: segment.number,
            offset: segment.offset,
            kind: set.kind,
            handling: segment.get(1).to_string(),
            amount,
            credit: !debit,
            method: segment.get(4).to_string(),
            routing,
            account,
            date: day.or(if advice { set.date } else { None }),
            trace: if advice { set.trace.clone() } else { String::new() },
            currency: set.currency.clone(),
            payer: if advice { set.payer.clone() } else { String::new() },
            references: set.references.clone(),
            deposit: set.deposit.clone(),
            ..Payment::default()
        };
        set.payments.push(payment);
    }

    /// The form of release 003010: the payment is recognised, its lines (RMT) are not taken.
    fn old_payment(&mut self, segment: &Segment) {
        self.end_payment();
        let amount = self.amount(segment, 2).unwrap_or(Cents::ZERO);
        let message = "release 003010 (BPS and RMT): the payment is told, its lines are not read";
        self.odd(segment, "release", message, 0, "BPR");
        self.total(segment, amount);
        let Some(set) = &mut self.set else { return };
        set.under = "BPR";
        set.payments.push(Payment {
            number: segment.number,
            offset: segment.offset,
            kind: set.kind,
            handling: segment.get(3).to_string(),
            amount,
            credit: true,
            method: segment.get(1).to_string(),
            date: set.date,
            trace: set.trace.clone(),
            payer: set.payer.clone(),
            ..Payment::default()
        });
    }

    fn total(&mut self, segment: &Segment, amount: Cents) {
        self.summary.payments += 1;
        let sum = self.summary.total.plus(amount);
        match sum {
            Ok(sum) => self.summary.total = sum,
            Err(_) => self.wrong(segment, "total", "the total is larger than can be held", 2, "a smaller sum"),
        }
        if let Some(set) = &mut self.set
            && let (Ok(batch), Ok(deposit)) = (set.batch_sum.plus(amount), set.deposit_sum.plus(amount))
        {
            (set.batch_sum, set.deposit_sum) = (batch, deposit);
        }
    }

    /// The payment that lines hang from; in single segments of addenda there is none but the ACH entry itself.
    fn open_payment(&mut self, segment: &Segment) -> bool {
        let Some(set) = &mut self.set else { return false };
        if set.payments.is_empty() && self.bare {
            let kind = set.kind;
            set.payments.push(Payment { number: segment.number, kind, credit: true, ..Payment::default() });
        }
        if set.payments.is_empty() {
            self.wrong(segment, "order", "a line without its payment (BPR)", 0, "BPR");
            return false;
        }
        true
    }

    fn line(&mut self, segment: &Segment) {
        if !self.open_payment(segment) {
            return;
        }
        let paid = self.amount(segment, 4);
        let (gross, discount) = (self.amount(segment, 5), self.amount(segment, 6));
        let adjustment = self.amount(segment, 8);
        let computed = || {
            let net = gross?.minus(discount.unwrap_or(Cents::ZERO)).ok()?;
            net.plus(adjustment.unwrap_or(Cents::ZERO)).ok()
        };
        let paid = paid.or_else(computed);
        if paid.is_none() {
            self.odd(segment, "amount", "a line without an amount", 4, "what is paid");
        }
        self.summary.lines += 1;
        if let Some(sum) = paid.and_then(|p| self.summary.line_total.plus(p).ok()) {
            self.summary.line_total = sum;
        }
        let line = Line {
            number: segment.number,
            qualifier: segment.get(1).to_string(),
            reference: segment.get(2).to_string(),
            paid,
            gross,
            discount,
            references: Vec::new(),
        };
        let Some(set) = &mut self.set else { return };
        set.under = "RMR";
        let Some(payment) = set.payments.last_mut() else { return };
        if payment.lines.len() < MOST_LINES {
            payment.lines.push(line);
        } else {
            self.wrong(segment, "limit", "more than 200,000 lines of one payment", 0, "fewer lines");
        }
    }

    fn adjustment(&mut self, segment: &Segment) {
        let value = self.amount(segment, 1);
        let Some(amount) = value else { return };
        if !self.open_payment(segment) {
            return;
        }
        self.summary.adjustments += 1;
        if let Ok(sum) = self.summary.adjustment_total.plus(amount) {
            self.summary.adjustment_total = sum;
        }
        let Some(set) = &mut self.set else { return };
        let of_line = matches!(set.under, "RMR" | "ADX-RMR");
        set.under = if of_line { "ADX-RMR" } else { "ADX" };
        let Some(payment) = set.payments.last_mut() else { return };
        if payment.adjustments.len() < MOST_LINES {
            payment.adjustments.push(Adjustment {
                number: segment.number,
                amount,
                reason: segment.get(2).to_string(),
                reference: segment.get(4).to_string(),
                of_line,
            });
        }
    }

    fn finish(mut self, each: &mut dyn FnMut(Event<'_>)) -> Summary {
        let end = Segment { number: self.last.0, offset: self.last.1, elements: Vec::new() };
        self.end_set_without(&end, each);
        if !self.ended && !self.bare {
            let message = "the interchange has no trailer (IEA): it may be cut short";
            self.wrong(&end, "missing-IEA", message, 0, "IEA");
        }
        self.summary
    }
}
