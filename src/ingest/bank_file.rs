//! Credits of bank files: an 820 or 823, ACH entries (CTX, CCD, PPD, CIE ..), camt notifications, BAI2 detail, a mapped CSV.
//! Each payment becomes a record of a check with its payer and account line, each remittance line a stub in the same
//! envelope, and both go through the same matching as paper. The bank has the money. What is no payment of a payer (returns,
//! settlements, our own debits, corrections, advices without money) is left out and named.

use std::collections::BTreeMap;
use std::io::Read;

use crate::domain::document::Remittance;
use crate::domain::{Cents, Control, Day, DocumentKind, Origin};
use crate::formats::bai2::{self, codes::Meaning};
use crate::formats::bills_csv::{self, Mapping};
use crate::formats::fault::{Fault, Faults};
use crate::formats::iso20022;
use crate::formats::nacha;
use crate::formats::x9;
use crate::formats::x12::{self, SetKind};

use super::reference::references;
use super::{Intake, IntakeDocument, IntakeError, MOST_DOCUMENTS, SourceKind, fingerprint, too_many};

/// What one line of a remittance pays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Line {
    pub account: Option<String>,
    pub invoice: Option<String>,
    pub amount: Option<Cents>,
    pub text: Option<String>,
}

/// One payment as a bank tells it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Credit {
    amount: Cents,
    /// The payer's bank and account there, and the check's or the transfer's number: what a check's account line says.
    routing: String,
    account: String,
    number: String,
    payer: String,
    /// As the file has it; empty where it does not say.
    currency: String,
    lines: Vec<Line>,
}

impl Credit {
    /// Keeps the lines that pay something; credit memos and adjustments are told in the payment's text, so that a payment
    /// whose lines do not add up goes to a person.
    fn with_lines(mut self, lines: Vec<Line>) -> Credit {
        let (pays, other): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|l| l.amount.is_none_or(Cents::is_positive));
        for line in other {
            let reference = line.invoice.or(line.account).unwrap_or_default();
            let amount = line.amount.unwrap_or(Cents::ZERO);
            self.payer.push_str(&format!("; {reference} {amount}"));
        }
        // One line without an amount of its own pays all.
        let single = pays.len() == 1;
        self.lines = pays
            .into_iter()
            .map(|l| Line { amount: if single { l.amount.or(Some(self.amount)) } else { l.amount }, ..l })
            .collect();
        self
    }

    fn key(&self) -> String {
        let lines: Vec<String> =
            self.lines.iter().map(|l| format!("{:?} {:?} {:?}", l.account, l.invoice, l.amount)).collect();
        format!("{} {} {} {:?} {lines:?}", self.routing, self.account, self.number, self.amount)
    }
}

/// Payments that came together, on their way to an intake.
#[derive(Default)]
struct Tray {
    name: String,
    date: Option<Day>,
    origin: Option<Origin>,
    credits: Vec<Credit>,
    problems: Vec<Fault>,
    /// What it is beside its payments, for the fingerprint.
    head: String,
}

impl Tray {
    fn intake(self, kind: SourceKind) -> Intake {
        let mut documents = Vec::new();
        for (envelope, credit) in (1..).zip(&self.credits) {
            let currency = || Some(credit.currency.trim().to_ascii_uppercase()).filter(|c| !c.is_empty());
            let mut push = |document: IntakeDocument| {
                let seq = u32::try_from(documents.len() + 1).unwrap_or(u32::MAX);
                documents.push(IntakeDocument { seq, envelope: Some(envelope), ..document });
            };
            let on_us =
                if credit.account.is_empty() { String::new() } else { format!("{}/{}", credit.account, credit.number) };
            let line = x9::line_text("", "", &credit.routing, &on_us);
            push(IntakeDocument {
                kind_hint: Some(DocumentKind::Check),
                station_micr: Some(line).filter(|l| !l.is_empty() && !credit.routing.is_empty()),
                station_amount: Some(credit.amount),
                amount_is_recorded: true,
                remittance: Some(Remittance {
                    text: Some(credit.payer.clone()),
                    currency: currency(),
                    ..Remittance::default()
                }),
                ..IntakeDocument::default()
            });
            for line in &credit.lines {
                push(IntakeDocument {
                    kind_hint: Some(DocumentKind::Stub),
                    amount_is_recorded: true,
                    remittance: Some(Remittance {
                        biller: None,
                        account: line.account.clone(),
                        invoice: line.invoice.clone(),
                        amount: line.amount,
                        currency: currency(),
                        text: line.text.clone(),
                    }),
                    ..IntakeDocument::default()
                });
            }
        }
        let total = Cents::sum(self.credits.iter().map(|c| c.amount)).ok();
        let parts = std::iter::once(self.head).chain(self.credits.iter().map(Credit::key));
        Intake {
            kind,
            name: Some(self.name).filter(|n| !n.is_empty()),
            control: Control { count: u32::try_from(self.credits.len()).ok(), total, counts_documents: false },
            origin: Some(self.origin.unwrap_or(Origin::BankFile)),
            date: self.date,
            business_fingerprint: fingerprint(kind, parts),
            documents,
            problems: self.problems,
        }
    }
}

/// What of a file is taken in, while it is read.
struct Trays {
    /// The one that payments fall into.
    open: Tray,
    done: Vec<Tray>,
    /// Documents that may still come; what does not fit is left out, and the file is refused for it.
    room: usize,
    over: bool,
    /// What the file holds beside, by what it is.
    left_out: BTreeMap<&'static str, u64>,
}

impl Trays {
    fn new() -> Trays {
        Trays { open: Tray::default(), done: Vec::new(), room: MOST_DOCUMENTS, over: false, left_out: BTreeMap::new() }
    }

    /// The open tray is complete; what comes falls into `next`.
    fn close(&mut self, next: Tray) {
        self.done.push(std::mem::replace(&mut self.open, next));
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    fn take(&mut self, credit: Credit) {
        let needs = 1 + credit.lines.len();
        self.over |= needs > self.room;
        self.room = self.room.saturating_sub(needs);
        if !self.over {
            self.open.credits.push(credit);
        }
    }

    /// Intakes of the trays that hold payments. `faults`: all of the file; `whole`: those that concern every tray.
    fn intakes(mut self, kind: SourceKind, faults: &[Fault], whole: Vec<Fault>) -> Result<Vec<Intake>, IntakeError> {
        self.close(Tray::default());
        let told = self
            .left_out
            .iter()
            .map(|(what, count)| Fault::warning("left-out", format!("{count} of the file are not taken in: {what}")));
        let too_many = self.over.then(too_many);
        let mut all = Vec::new();
        for mut tray in self.done.into_iter().filter(|t| !t.credits.is_empty()) {
            tray.problems.splice(0..0, whole.iter().cloned().chain(too_many.clone()));
            all.push(tray.intake(kind));
        }
        match all.first_mut() {
            Some(first) => {
                first.problems.extend(told);
                Ok(all)
            }
            None => {
                let wrong: Vec<Fault> = faults.iter().filter(|f| f.is_error()).cloned().chain(told).collect();
                Err(if wrong.is_empty() { IntakeError::Empty } else { IntakeError::Refused(wrong) })
            }
        }
    }
}

fn refused(fault: Fault) -> IntakeError {
    IntakeError::Refused(vec![fault])
}

/// More faults than are listed: what they are is not known any more, so the file is held.
fn unlisted(faults: &Faults) -> Option<Fault> {
    let all = faults.errors + faults.warnings;
    (all > faults.list().len() as u64).then(|| Fault::error("limit", format!("{all} faults are in the file")))
}

/// Takes an 820 (each set an intake) or an 823 (each batch of a deposit an intake).
pub fn x12(bytes: &[u8]) -> Result<Vec<Intake>, IntakeError> {
    x12_from(&mut &*bytes)
}

/// The same from a source of any size.
pub fn x12_from(source: &mut dyn Read) -> Result<Vec<Intake>, IntakeError> {
    let mut trays = Trays::new();
    let mut open = true;
    let summary = x12::scan(source, &mut |event| match event {
        x12::Event::Set(..) => open = true,
        x12::Event::Payment(payment) => {
            let advice = payment.kind == SetKind::Advice820;
            let why = match (payment.handling.as_str(), payment.method.as_str()) {
                ("P", _) => Some("prenotes"),
                ("I", _) if advice => Some("remittance advices whose money comes another way"),
                (_, "NON") => Some("advices without money"),
                _ if payment.amount.is_zero() => Some("advices without money"),
                _ if !payment.credit => Some("debits"),
                _ => None,
            };
            if let Some(why) = why {
                return trays.leave_out(why);
            }
            let name = match &payment.deposit {
                Some(d) => format!("lockbox {} deposit {} batch {}", d.lockbox, d.number, d.batch),
                None => format!("820 {}", payment.trace),
            };
            if open || trays.open.name != name {
                let origin = if advice { Origin::BankFile } else { Origin::Lockbox };
                let date = payment.deposit.as_ref().and_then(|d| d.date).or(payment.date);
                trays.close(Tray {
                    head: format!("{name} {date:?}"),
                    name,
                    date,
                    origin: Some(origin),
                    ..Tray::default()
                });
                open = false;
            }
            let tray = &mut trays.open;
            if payment.errors > 0 && !tray.problems.iter().any(|p| p.code == "set") {
                let message = format!("the set of this payment breaks {} rules of the format", payment.errors);
                tray.problems.push(Fault::error("set", message).record(payment.number).offset(payment.offset));
            }
            let lines = payment.lines.iter().map(x12_line).collect();
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            let credit = Credit {
                amount: payment.amount,
                routing: digits(&payment.routing),
                account: payment.account.as_ref().map_or_else(String::new, |a| digits(a.reveal())),
                number: digits(&payment.trace).trim_start_matches('0').to_string(),
                payer: format!("{} {}", payment.payer, payment.trace).trim().to_string(),
                currency: payment.currency.clone(),
                lines: Vec::new(),
            };
            trays.take(credit.with_lines(lines));
        }
    })
    .map_err(refused)?;
    // What concerns the envelope concerns each set; what stands in a set is told with it.
    let whole: Vec<Fault> = summary
        .faults
        .list()
        .iter()
        .filter(|f| {
            matches!(f.code, "control-number" | "missing-IEA" | "missing-GE" | "missing-SE" | "test-file" | "order")
        })
        .cloned()
        .chain(unlisted(&summary.faults))
        .collect();
    let kind = match summary.kind {
        Some(SetKind::Lockbox823) => SourceKind::X12Lockbox,
        _ => SourceKind::X12Advice,
    };
    trays.intakes(kind, summary.faults.list(), whole)
}

fn x12_line(line: &x12::Line) -> Line {
    let reference = Some(line.reference.clone()).filter(|r| !r.is_empty());
    let is_account = matches!(line.qualifier.as_str(), "AZ" | "IK" | "11" | "12" | "AP" | "14");
    Line {
        account: reference.clone().filter(|_| is_account),
        invoice: reference.filter(|_| !is_account),
        amount: line.paid,
        text: Some(line.references.iter().map(|(q, v)| format!("{q} {v}")).collect::<Vec<_>>().join(", "))
            .filter(|t| !t.is_empty()),
    }
}

/// Takes the credits of an ACH file: each batch an intake. Returns are booked by `remit returns import` and named here.
pub fn nacha(bytes: &[u8]) -> Result<Vec<Intake>, IntakeError> {
    nacha_from(&mut &*bytes)
}

/// The same from a source of any size.
pub fn nacha_from(source: &mut dyn Read) -> Result<Vec<Intake>, IntakeError> {
    let mut trays = Trays::new();
    let summary = nacha::scan(source, &mut |event| match event {
        nacha::Event::Batch(batch) => {
            let tray = &mut trays.open;
            let company = batch.header.company_name.text();
            tray.name = format!("{} {company}, batch {}", batch.entry_class(), batch.header.batch_number.text());
            tray.date = batch.effective_date();
            tray.head = format!("{} {:?}", tray.name, tray.date);
            if batch.errors > 0 {
                let message = format!("the batch breaks {} rules of the format", batch.errors);
                tray.problems.push(Fault::error("batch", message).record(batch.number).offset(batch.offset));
            }
            trays.close(Tray::default());
        }
        nacha::Event::Entry(entry) => {
            let direction = entry.direction();
            let amount = entry.amount().unwrap_or(Cents::ZERO);
            let why = if entry.return_addenda().is_some() {
                Some("returned entries (take them with `remit returns import`)")
            } else if entry.change_addenda().is_some() {
                Some("notifications of change (take them with `remit returns import`)")
            } else if direction.is_none_or(|d| d.debit) {
                Some("debits")
            } else if amount.is_zero() {
                Some("prenotes and entries without money")
            } else {
                None
            };
            if let Some(why) = why {
                return trays.leave_out(why);
            }
            trays.take(ach_credit(&entry, amount));
        }
    })
    .map_err(refused)?;
    let in_batches: u64 = trays.done.iter().flat_map(|t| &t.problems).count() as u64;
    let whole: Vec<Fault> = summary
        .faults
        .list()
        .iter()
        .filter(|f| matches!(f.code, "missing-1" | "missing-9" | "order" | "file-header" | "record-type"))
        .cloned()
        .chain(file_control(&summary, in_batches))
        .chain(unlisted(&summary.faults))
        .collect();
    trays.intakes(SourceKind::Nacha, summary.faults.list(), whole)
}

/// A file control that does not agree holds every batch.
fn file_control(summary: &nacha::Summary, in_batches: u64) -> Option<Fault> {
    let control = summary.faults.list().iter().find(|f| f.code == "total" && f.record == Some(summary.records));
    control.filter(|f| f.is_error() && in_batches == 0).cloned()
}

fn ach_credit(entry: &nacha::Entry<'_>, amount: Cents) -> Credit {
    let text = entry.payment_text();
    let company = entry.batch.header.company_name.text();
    let company_id = entry.batch.header.company_identification.text();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let odfi = entry.batch.header.odfi_identification.text();
    let routing = match nacha::rules::check_digit(odfi.as_bytes()) {
        Some(digit) => format!("{odfi}{}", char::from(digit)),
        None => String::new(),
    };
    let mut credit = Credit {
        amount,
        // The originating bank and the company's id there: what a known payer of ACH credits is known by.
        routing,
        account: digits(&company_id),
        number: digits(entry.trace().get(8..).unwrap_or_default()).trim_start_matches('0').to_string(),
        payer: [company.as_str(), entry.identification().as_str(), text.as_str()].join(" ").trim().to_string(),
        currency: String::new(),
        lines: Vec::new(),
    };
    if credit.account.is_empty() {
        credit.routing.clear();
    }
    if let Some((payments, summary)) = x12::fragment(&text) {
        let lines: Vec<Line> = payments.iter().flat_map(|p| p.lines.iter().map(x12_line)).collect();
        // The ACH amount is the money: an advice of another amount is told and pays nothing by itself.
        let advised = if payments.iter().any(|p| !p.amount.is_zero()) { Some(summary.total) } else { None };
        if advised.is_some_and(|a| a != amount) || summary.faults.errors > 0 {
            return credit;
        }
        return credit.with_lines(lines);
    }
    let lines = match entry.batch.entry_class().as_str() {
        // A consumer's bill payment carries the customer's account where other classes have the name.
        "CIE" => vec![Line { account: Some(entry.name()).filter(|n| !n.is_empty()), ..Line::default() }],
        _ => references(&text),
    };
    credit.with_lines(lines)
}

/// Takes the booked credits of a camt.054 or camt.053: each notification or statement an intake.
pub fn camt(bytes: &[u8]) -> Result<Vec<Intake>, IntakeError> {
    camt_from(&mut &*bytes)
}

/// The same from a source of any size.
pub fn camt_from(source: &mut dyn Read) -> Result<Vec<Intake>, IntakeError> {
    let mut trays = Trays::new();
    let mut currency: Option<String> = None;
    let mut mixed = false;
    let summary = iso20022::scan(source, &mut |event| match event {
        iso20022::Event::Statement(statement) => {
            let tray = &mut trays.open;
            tray.name = format!("statement {}", statement.id);
            tray.head = format!("{} {}", statement.account, statement.id);
            if !statement.last_page {
                let message = "another page of this statement follows; it is taken when it is complete";
                tray.problems.push(Fault::error("page", message).offset(statement.offset));
            }
            trays.close(Tray::default());
        }
        iso20022::Event::Entry(_, entry) => {
            let returned =
                entry.code.ends_with("RRTN") || entry.transactions.iter().any(|t| !t.return_reason.is_empty());
            let why = if !entry.credit {
                Some("debits")
            } else if entry.reversal || returned {
                Some("reversals and returned transfers")
            } else if entry.status != "BOOK" {
                Some("entries that are not booked")
            } else if entry.amount.is_zero() {
                Some("entries without money")
            } else {
                None
            };
            if let Some(why) = why {
                return trays.leave_out(why);
            }
            mixed |= currency.as_ref().is_some_and(|c| *c != entry.currency);
            currency.get_or_insert_with(|| entry.currency.clone());
            let tray = &mut trays.open;
            tray.date = tray.date.or(entry.booked).or(entry.value);
            for credit in camt_credits(entry) {
                trays.take(Credit { currency: entry.currency.clone(), ..credit });
            }
        }
    })
    .map_err(refused)?;
    let mut whole: Vec<Fault> = summary
        .faults
        .list()
        .iter()
        .filter(|f| f.is_error() && (f.record.is_none() || matches!(f.code, "xml" | "cut" | "entity" | "doctype")))
        .cloned()
        .collect();
    whole.extend(unlisted(&summary.faults));
    if mixed {
        whole.push(Fault::error("currency", "credits of several currencies in one file"));
    }
    trays.intakes(SourceKind::Camt, summary.faults.list(), whole)
}

/// The payments of an entry; one that does not add up to them, or has none, is one payment without lines.
fn camt_credits(entry: &iso20022::Entry) -> Vec<Credit> {
    let whole = |payer: String| Credit { amount: entry.amount, payer, ..Credit::default() };
    let known = entry.transactions.iter().all(|t| t.amount.is_some() && t.credit != Some(false));
    let reference = [entry.servicer_reference.as_str(), entry.text.as_str()].join(" ").trim().to_string();
    match entry.transactions.as_slice() {
        [] => vec![whole(reference)],
        _ if entry.errors > 0 => vec![whole(reference)],
        [one] => vec![camt_credit(one, entry.amount, &reference)],
        _ if !known => vec![whole(reference)],
        all => all.iter().map(|t| camt_credit(t, t.amount.unwrap_or(Cents::ZERO), &reference)).collect(),
    }
}

fn camt_credit(transaction: &iso20022::Transaction, amount: Cents, reference: &str) -> Credit {
    let text = transaction.unstructured.concat();
    let own = if transaction.servicer_reference.is_empty() { reference } else { &transaction.servicer_reference };
    let payer = [transaction.debtor.as_str(), own, text.as_str()].join(" ").trim().to_string();
    let mut lines: Vec<Line> = Vec::new();
    for part in &transaction.structured {
        let failed = iso20022::check_reference(&part.reference_type, &part.reference) == Some(false);
        let reference = Some(part.reference.clone()).filter(|r| !r.is_empty() && !failed);
        let invoice = Some(part.document_number.clone()).filter(|n| !n.is_empty()).or(reference);
        let credit_note = part.credit_note.and_then(|c| c.negated().ok());
        let amount = part.remitted.or(credit_note).or(part.due);
        if invoice.is_some() || amount.is_some() {
            lines.push(Line {
                invoice,
                amount,
                text: Some(part.text.clone()).filter(|t| !t.is_empty()),
                account: None,
            });
        }
    }
    if lines.is_empty() {
        lines = references(&text);
    }
    Credit { amount, payer, ..Credit::default() }.with_lines(lines)
}

/// Takes the detail of a BAI2 file: each account an intake. Summaries, settlements of our own files and items that came back
/// are left out.
pub fn bai2(bytes: &[u8]) -> Result<Vec<Intake>, IntakeError> {
    bai2_from(&[], &mut &*bytes)
}

/// The same from a source of any size, where some banks are known not to count as the standard says.
pub fn bai2_from(banks: &[bai2::BankTotals], source: &mut dyn Read) -> Result<Vec<Intake>, IntakeError> {
    let mut trays = Trays::new();
    let summary = bai2::scan_from(banks, source, &mut |event| match event {
        bai2::Event::Account(group, account) => {
            let tray = &mut trays.open;
            tray.name = format!("account {}", crate::domain::account::masked(&account.account));
            tray.date = group.date;
            tray.head = format!("{} {} {:?}", group.originator, account.account, group.date);
            if account.errors > 0 {
                let message = "the account's transactions, totals or counts do not agree";
                tray.problems.push(Fault::error("account", message).record(account.number).offset(account.offset));
            }
            if group.status != "1" && !group.status.is_empty() {
                let what = match group.status.as_str() {
                    "2" => "a deletion",
                    "3" => "a correction",
                    "4" => "a test",
                    _ => "of an unknown status",
                };
                let message = format!("the group is {what}: it is never added by itself");
                tray.problems.push(Fault::error("status", message).record(group.number));
            }
            trays.close(Tray::default());
        }
        bai2::Event::Detail(group, account, detail) => {
            let why = match bai2::codes::meaning(&detail.code) {
                Meaning::Payment if detail.amount.is_positive() => None,
                Meaning::Payment => Some("credits of nothing or less"),
                Meaning::Reconciles => Some("deposits and settlements that other files tell in detail"),
                Meaning::ComesBack => Some("returned items (take them with `remit returns import`)"),
                Meaning::NoIncome => Some("credits that are no income"),
                Meaning::NotOurs => Some("debits and codes of the bank's own"),
            };
            if let Some(why) = why {
                return trays.leave_out(why);
            }
            let tagged = |tag: &str| {
                let found = detail.text.iter().find_map(|l| l.strip_prefix(tag));
                found.map(str::trim).filter(|t| !t.is_empty()).map(str::to_string)
            };
            let text = tagged("REMI:").unwrap_or_else(|| detail.text.join(" "));
            let payer = tagged("DBNM:").unwrap_or_else(|| bai2::codes::name(&detail.code).to_string());
            let credit = Credit {
                amount: detail.amount,
                payer: [payer.as_str(), &detail.bank_reference, &detail.customer_reference, &text].join(" "),
                currency: account.currency_in(group).into(),
                ..Credit::default()
            };
            trays.take(credit.with_lines(references(&text)));
        }
    })
    .map_err(refused)?;
    let whole: Vec<Fault> = summary
        .faults
        .list()
        .iter()
        .filter(|f| {
            let message = &f.message;
            let of_file = message.contains("file's") || message.contains("group's");
            matches!(f.code, "missing-99" | "missing-98" | "record-type" | "order") || (f.is_error() && of_file)
        })
        .cloned()
        .chain(unlisted(&summary.faults))
        .collect();
    trays.intakes(SourceKind::Bai2, summary.faults.list(), whole)
}

/// Takes a remittance list as CSV: rows of one `payment` belong together. `mapping` names the columns of another system.
pub fn remittance_csv(bytes: &[u8], mapping: Option<&Mapping>) -> Result<Vec<Intake>, IntakeError> {
    let read = bills_csv::remittances(bytes, mapping).map_err(refused)?;
    let mut trays = Trays::new();
    trays.open.head = "csv".into();
    for rejected in read.rejected {
        trays.open.problems.push(Fault::error("row", rejected.message).line(rejected.line));
    }
    let mut open: Option<(String, Credit, Vec<Line>)> = None;
    let close = |trays: &mut Trays, done: Option<(String, Credit, Vec<Line>)>| {
        if let Some((_, credit, lines)) = done {
            trays.take(credit.with_lines(lines));
        }
    };
    for row in read.rows {
        trays.open.date = trays.open.date.or(row.date);
        let same = !row.payment.is_empty() && open.as_ref().is_some_and(|(payment, ..)| *payment == row.payment);
        if !same {
            close(&mut trays, open.take());
            let credit = Credit {
                amount: row.amount,
                routing: row.routing,
                account: row.bank_account,
                number: row.check_number.trim_start_matches('0').to_string(),
                payer: format!("{} {}", row.payer, row.payment).trim().to_string(),
                currency: String::new(),
                lines: Vec::new(),
            };
            open = Some((row.payment, credit, Vec::new()));
        }
        if let Some((_, _, lines)) = &mut open
            && (row.account.is_some() || row.invoice.is_some())
        {
            lines.push(Line { account: row.account, invoice: row.invoice, amount: row.paid, text: None });
        }
    }
    close(&mut trays, open.take());
    let faults = trays.open.problems.clone();
    trays.intakes(SourceKind::RemittanceCsv, &faults, Vec::new())
}
