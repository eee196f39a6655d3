//! Reading camt messages by local names: statements with their balances, entries, and the single payments in them. Totals are
//! recomputed; an entry that does not add up carries the fault, the others go on.

use std::io::Read;

use super::amount::amount;
use super::tree::{Node, Tree};
use crate::domain::{Cents, Day};
use crate::formats::fault::{Fault, Faults, clip};

/// Payments of one entry, and texts of one payment, that are kept.
const MOST_TRANSACTIONS: usize = 200_000;
const MOST_TEXTS: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    Report052,
    Statement053,
    Notification054,
    Remittance,
}

impl MessageKind {
    pub fn as_str(self) -> &'static str {
        match self {
            MessageKind::Report052 => "camt.052",
            MessageKind::Statement053 => "camt.053",
            MessageKind::Notification054 => "camt.054",
            MessageKind::Remittance => "remt.001",
        }
    }

    fn of_root(name: &str) -> Option<MessageKind> {
        Some(match name {
            "BkToCstmrAcctRpt" => MessageKind::Report052,
            "BkToCstmrStmt" => MessageKind::Statement053,
            "BkToCstmrDbtCdtNtfctn" => MessageKind::Notification054,
            "RmtAdvc" => MessageKind::Remittance,
            _ => return None,
        })
    }

    fn of_namespace(namespace: &str) -> Option<(MessageKind, String)> {
        let (_, name) = namespace.rsplit_once(':')?;
        let kinds = [
            ("camt.052.001.", MessageKind::Report052),
            ("camt.053.001.", MessageKind::Statement053),
            ("camt.054.001.", MessageKind::Notification054),
            ("remt.001.001.", MessageKind::Remittance),
        ];
        kinds.into_iter().find_map(|(start, kind)| Some((kind, name.strip_prefix(start)?.to_string())))
    }
}

/// The message by the head of a file, `None` where it is none of these.
pub fn looks_like(head: &[u8]) -> Option<MessageKind> {
    let text = String::from_utf8_lossy(head);
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return None;
    }
    let names = [
        ("BkToCstmrAcctRpt", "camt.052."),
        ("BkToCstmrStmt", "camt.053."),
        ("BkToCstmrDbtCdtNtfctn", "camt.054."),
        ("RmtAdvc", "remt.001."),
    ];
    let (root, _) = names.into_iter().find(|(root, space)| text.contains(root) || text.contains(space))?;
    MessageKind::of_root(root)
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// `OPBD`, `CLBD`, `PRCD`, ..
    pub code: String,
    pub amount: Cents,
    pub currency: String,
    pub credit: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statement {
    pub offset: u64,
    pub id: String,
    /// IBAN, or the account's other number.
    pub account: String,
    pub currency: String,
    pub balances: Vec<Balance>,
    pub entries: u64,
    pub credit: Cents,
    pub debit: Cents,
    pub errors: u64,
    /// `StmtPgntn`, `NtfctnPgntn` or the message's own: false where another page follows.
    pub last_page: bool,
}

/// One `Strd`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Structured {
    /// CINV, CREN, ..
    pub document_type: String,
    pub document_number: String,
    pub due: Option<Cents>,
    pub remitted: Option<Cents>,
    pub credit_note: Option<Cents>,
    pub discount: Option<Cents>,
    pub reference_type: String,
    /// The creditor's reference, without blanks.
    pub reference: String,
    pub text: String,
}

/// One `TxDtls`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transaction {
    pub offset: u64,
    pub amount: Option<Cents>,
    pub currency: String,
    pub credit: Option<bool>,
    /// `NOTPROVIDED` is none.
    pub end_to_end: String,
    pub transaction_id: String,
    pub servicer_reference: String,
    pub check_number: String,
    pub debtor: String,
    pub debtor_account: String,
    /// BIC or clearing number of the payer's bank.
    pub debtor_bank: String,
    pub unstructured: Vec<String>,
    pub structured: Vec<Structured>,
    /// `AC01`, ..: this payment came back.
    pub return_reason: String,
}

/// One `Ntry`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Number of the entry in the file, from 1.
    pub number: u64,
    pub offset: u64,
    pub amount: Cents,
    pub currency: String,
    pub credit: bool,
    pub reversal: bool,
    /// BOOK, PDNG, INFO, FUTR
    pub status: String,
    pub booked: Option<Day>,
    pub value: Option<Day>,
    pub reference: String,
    pub servicer_reference: String,
    /// Domain, family and sub-family: `PMNT RCDT ESCT`.
    pub code: String,
    pub text: String,
    pub batch_count: Option<u64>,
    pub transactions: Vec<Transaction>,
    pub errors: u64,
}

pub enum Event<'a> {
    /// An entry has ended; its statement is not complete yet.
    Entry(&'a Statement, &'a Entry),
    Statement(&'a Statement),
}

#[derive(Clone, Debug)]
pub struct Summary {
    pub kind: MessageKind,
    /// `02` to `13`; empty where the namespace does not say.
    pub version: String,
    pub message: String,
    pub created: Option<Day>,
    pub statements: u64,
    pub credits: u64,
    pub debits: u64,
    pub reversals: u64,
    pub transactions: u64,
    pub references: u64,
    pub unstructured: u64,
    pub credit: Cents,
    pub debit: Cents,
    pub faults: Faults,
}

/// Reads a message. `Err` where it is not well-formed or none of these messages; what stood before has been handed on.
pub fn scan(source: &mut dyn Read, each: &mut dyn FnMut(Event<'_>)) -> Result<Summary, Fault> {
    let mut tree = Tree::new(source);
    let mut reader = Reader::default();
    loop {
        let offset = tree.offset();
        match tree.next() {
            Ok(Node::Open { name, namespace, currency }) => reader.open(&name, namespace, currency, offset)?,
            Ok(Node::Close { name, text }) => reader.close(&name, text, offset, each),
            Ok(Node::End) => break,
            Err(fault) if reader.entries == 0 && reader.statements == 0 => return Err(fault),
            // What stands before the damage has been read.
            Err(fault) => {
                reader.push(fault);
                break;
            }
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    kind: Option<MessageKind>,
    version: String,
    path: Vec<String>,
    message: String,
    created: Option<Day>,
    other_pages: bool,
    body: bool,
    statement: Option<Statement>,
    entry: Option<Entry>,
    transaction: Option<Transaction>,
    structured: Option<Structured>,
    balance: Option<Balance>,
    currency: String,
    summed: Option<(Option<u64>, Option<Cents>)>,
    reports: u64,
    entries: u64,
    statements: u64,
    credits: u64,
    debits: u64,
    reversals: u64,
    transactions: u64,
    references: u64,
    unstructured: u64,
    credit: Cents,
    debit: Cents,
    faults: Faults,
}

impl Reader {
    fn push(&mut self, fault: Fault) {
        if fault.is_error() {
            if let Some(entry) = &mut self.entry {
                entry.errors += 1;
            } else if let Some(statement) = &mut self.statement {
                statement.errors += 1;
            }
        }
        self.faults.push(fault);
    }

    fn wrong(&mut self, code: &'static str, message: impl Into<String>, offset: u64, found: &str, expected: &str) {
        let fault = Fault::error(code, message).offset(offset).between(found, expected);
        let fault = match self.entry.as_ref().map(|e| e.number) {
            Some(number) => fault.record(number),
            None => fault,
        };
        self.push(fault);
    }

    /// Does the path end so?
    fn at(&self, names: &[&str]) -> bool {
        self.path.len() >= names.len()
            && self.path[self.path.len() - names.len()..].iter().zip(names).all(|(have, want)| have == want)
    }

    fn open(
        &mut self,
        name: &str,
        namespace: Option<String>,
        currency: Option<String>,
        offset: u64,
    ) -> Result<(), Fault> {
        if self.path.is_empty() {
            if name != "Document" && MessageKind::of_root(name).is_none() {
                let fault = Fault::error("not-camt", "this XML is no ISO 20022 document").offset(offset);
                return Err(fault.between(clip(name), "Document"));
            }
            if let Some((kind, version)) = namespace.as_deref().and_then(MessageKind::of_namespace) {
                (self.kind, self.version) = (Some(kind), version);
            } else if let Some(namespace) = namespace {
                let message = "the document is of another message than camt.052 to 054 and remt.001";
                return Err(Fault::error("not-camt", message)
                    .offset(offset)
                    .between(clip(&namespace), "camt.05x.001.vv"));
            }
            let number = self.version.parse::<u32>().ok();
            if !self.version.is_empty() && !number.is_some_and(|v| (1..=13).contains(&v)) {
                let version = self.version.clone();
                let fault = Fault::warning("version", "an unknown version of the message").offset(offset);
                self.push(fault.between(version, "02 to 13"));
            }
        }
        if let Some(kind) = MessageKind::of_root(name)
            && self.path.len() <= 1
        {
            if self.kind.is_some_and(|k| k != kind) {
                self.wrong("not-camt", "the message is not that of its namespace", offset, name, "");
            }
            self.kind = Some(kind);
            self.body = true;
        }
        match name {
            "Stmt" | "Ntfctn" | "Rpt" if self.path.len() == 2 => {
                self.reports += 1;
                self.statement = Some(Statement { offset, last_page: true, ..Statement::default() });
            }
            "Ntry" if self.statement.is_some() && self.entry.is_none() => {
                self.entries += 1;
                self.entry = Some(Entry { number: self.entries, offset, ..Entry::default() });
            }
            "TxDtls" if self.entry.is_some() => {
                self.transaction = Some(Transaction { offset, ..Transaction::default() });
            }
            "Strd" if self.transaction.is_some() => self.structured = Some(Structured::default()),
            "Bal" if self.entry.is_none() => self.balance = Some(Balance { credit: true, ..Balance::default() }),
            "TxsSummry" => self.summed = None,
            _ => {}
        }
        if let Some(currency) = currency {
            self.currency = currency;
        }
        self.path.push(name.to_string());
        Ok(())
    }

    fn amount(&mut self, text: &str, offset: u64) -> Option<Cents> {
        let value = amount(text, crate::formats::currency_places(&self.currency));
        if value.is_none() {
            self.wrong("amount", "an amount is no amount of its currency", offset, text, "a decimal number");
        }
        value
    }

    fn close(&mut self, name: &str, text: String, offset: u64, each: &mut dyn FnMut(Event<'_>)) {
        if self.structured.is_some() {
            self.in_structured(name, text, offset);
        } else if self.transaction.is_some() {
            self.in_transaction(name, text, offset);
        } else if self.entry.is_some() {
            self.in_entry(name, text, offset, each);
        } else if self.statement.is_some() {
            self.in_statement(name, text, offset, each);
        } else if self.at(&["GrpHdr", "MsgId"]) {
            self.message = text;
        } else if self.at(&["GrpHdr", "CreDtTm"]) {
            self.created = day(&text);
        } else if self.at(&["MsgPgntn", "LastPgInd"]) {
            self.other_pages = text == "false";
        }
        self.path.pop();
    }

    fn in_statement(&mut self, name: &str, text: String, offset: u64, each: &mut dyn FnMut(Event<'_>)) {
        let depth = self.path.len();
        if let Some(mut balance) = self.balance.take() {
            match name {
                "Cd" if self.at(&["CdOrPrtry", "Cd"]) => balance.code = text,
                "Amt" if self.at(&["Bal", "Amt"]) => {
                    balance.currency = self.currency.clone();
                    balance.amount = self.amount(&text, offset).unwrap_or(Cents::ZERO);
                }
                "CdtDbtInd" if self.at(&["Bal", "CdtDbtInd"]) => balance.credit = text == "CRDT",
                "Bal" => {
                    if let Some(statement) = self.statement.as_mut().filter(|s| s.balances.len() < 1000) {
                        statement.balances.push(balance);
                    }
                    return;
                }
                _ => {}
            }
            self.balance = Some(balance);
            return;
        }
        let stated_sum = self.at(&["TxsSummry", "TtlNtries", "Sum"]);
        let stated_count = self.at(&["TxsSummry", "TtlNtries", "NbOfNtries"]);
        if stated_sum {
            let sum = self.amount(&text, offset);
            self.summed = Some((self.summed.and_then(|s| s.0), sum));
        } else if stated_count {
            self.summed = Some((text.parse().ok(), self.summed.and_then(|s| s.1)));
        }
        let account = self.at(&["Acct", "Id", "IBAN"]) || self.at(&["Acct", "Id", "Othr", "Id"]);
        let currency = self.at(&["Acct", "Ccy"]);
        let page = self.at(&["StmtPgntn", "LastPgInd"]) || self.at(&["NtfctnPgntn", "LastPgInd"]);
        let Some(statement) = &mut self.statement else { return };
        match name {
            "Id" if depth == 4 => statement.id = text,
            _ if account && depth <= 7 => statement.account = text,
            _ if currency => statement.currency = text,
            _ if page => statement.last_page = text != "false",
            "Stmt" | "Ntfctn" | "Rpt" if depth == 3 => self.end_statement(offset, each),
            _ => {}
        }
    }

    fn end_statement(&mut self, offset: u64, each: &mut dyn FnMut(Event<'_>)) {
        let Some(statement) = &self.statement else { return };
        let (entries, credit, debit) = (statement.entries, statement.credit, statement.debit);
        let last_page = statement.last_page && !self.other_pages;
        let balance = |code: &str| {
            let mut of_code = statement.balances.iter().filter(|b| b.code == code);
            let first = of_code.next()?;
            let signed = if first.credit { Ok(first.amount) } else { first.amount.negated() };
            of_code.next().is_none().then_some((signed.ok()?, first.currency.clone()))
        };
        let proof = match (balance("OPBD").or_else(|| balance("PRCD")), balance("CLBD")) {
            (Some((open, one)), Some((closed, other))) if one == other => {
                let moved = credit.minus(debit).and_then(|m| open.plus(m));
                moved.ok().filter(|m| *m != closed).map(|m| (m, closed))
            }
            _ => None,
        };
        if let (Some((have, closed)), true) = (proof, last_page) {
            let message = "opening balance, credits and debits do not give the closing balance";
            self.wrong("balance", message, offset, &closed.to_string(), &have.to_string());
        }
        if let Some((count, sum)) = self.summed.take() {
            if count.is_some_and(|c| c != entries) {
                let found = count.map_or_else(String::new, |c| c.to_string());
                self.wrong("total", "the summary does not count the entries", offset, &found, &entries.to_string());
            }
            let gross = credit.plus(debit).ok();
            if let Some(stated) = sum.filter(|s| Some(*s) != gross) {
                let have = gross.map_or_else(|| "too much".into(), |g| g.to_string());
                self.wrong("total", "the summary's sum is not that of the entries", offset, &stated.to_string(), &have);
            }
        }
        if !last_page {
            let message = "another page of this statement follows; it is complete only with it";
            self.push(Fault::warning("page", message).offset(offset));
        }
        self.statements += 1;
        if let Some(mut statement) = self.statement.take() {
            statement.last_page = last_page;
            each(Event::Statement(&statement));
        }
    }

    fn in_entry(&mut self, name: &str, text: String, offset: u64, each: &mut dyn FnMut(Event<'_>)) {
        let own = |reader: &Self, field: &str| reader.at(&["Ntry", field]);
        let value = match name {
            "Amt" if own(self, "Amt") => Some(self.amount(&text, offset).unwrap_or(Cents::ZERO)),
            _ => None,
        };
        let currency = self.currency.clone();
        let status = own(self, "Sts") || self.at(&["Ntry", "Sts", "Cd"]);
        let booked = self.at(&["BookgDt", "Dt"]) || self.at(&["BookgDt", "DtTm"]);
        let valued = self.at(&["ValDt", "Dt"]) || self.at(&["ValDt", "DtTm"]);
        let code = self.at(&["Domn", "Cd"]) || self.at(&["Fmly", "Cd"]) || name == "SubFmlyCd";
        let depth_own = self.path.len() >= 2 && self.path[self.path.len() - 2] == "Ntry";
        let mut bad = None;
        let Some(entry) = &mut self.entry else { return };
        match name {
            "Amt" if depth_own => {
                entry.amount = value.unwrap_or(Cents::ZERO);
                entry.currency = currency;
            }
            "CdtDbtInd" if depth_own => {
                entry.credit = text == "CRDT";
                if !matches!(text.as_str(), "CRDT" | "DBIT") {
                    bad = Some(("direction", "an entry that is neither credit nor debit", text, "CRDT or DBIT"));
                }
            }
            "RvslInd" if depth_own => entry.reversal = text == "true" || text == "1",
            _ if status && !text.is_empty() => entry.status = text,
            _ if booked || valued => {
                let read = day(&text);
                if read.is_none() {
                    bad = Some(("date", "a date is no date", text, "an ISO date"));
                } else if booked {
                    entry.booked = read;
                } else {
                    entry.value = read;
                }
            }
            "NtryRef" => entry.reference = text,
            "AcctSvcrRef" if depth_own => entry.servicer_reference = text,
            _ if code && entry.code.len() < 40 => {
                entry.code = if entry.code.is_empty() { text } else { format!("{} {text}", entry.code) };
            }
            "AddtlNtryInf" => entry.text = text,
            "NbOfTxs" => entry.batch_count = text.parse().ok(),
            "Ntry" => self.end_entry(offset, each),
            _ => {}
        }
        if let Some((code, message, found, expected)) = bad {
            self.wrong(code, message, offset, &found, expected);
        }
    }

    fn end_entry(&mut self, offset: u64, each: &mut dyn FnMut(Event<'_>)) {
        let Some(entry) = &self.entry else { return };
        let (amount, credit, reversal) = (entry.amount, entry.credit, entry.reversal);
        let count = entry.transactions.len() as u64;
        let same_currency = entry.transactions.iter().all(|t| t.currency == entry.currency || t.currency.is_empty());
        let known = count > 0 && entry.transactions.iter().all(|t| t.amount.is_some());
        // A detail that goes the other way than its entry counts negative.
        let signed = entry.transactions.iter().filter_map(|t| {
            let own = t.amount?;
            if t.credit.is_some_and(|c| c != credit) { own.negated().ok() } else { Some(own) }
        });
        let sum = Cents::sum(signed).ok();
        let stated = entry.batch_count;
        if known && same_currency && sum != Some(amount) {
            let have = sum.map_or_else(|| "too much".into(), |s| s.to_string());
            let message = "the payments of the entry do not add up to it";
            self.wrong("total", message, offset, &amount.to_string(), &have);
        }
        if let Some(stated) = stated.filter(|s| *s != count && count > 0) {
            let message = "the batch does not count its payments";
            self.wrong("total", message, offset, &stated.to_string(), &count.to_string());
        }
        let Some(entry) = self.entry.take() else { return };
        let side = if credit { &mut self.credit } else { &mut self.debit };
        let total = side.plus(amount);
        if let Ok(total) = total {
            *side = total;
        }
        match (credit, reversal) {
            (true, _) => self.credits += 1,
            (false, _) => self.debits += 1,
        }
        self.reversals += u64::from(reversal);
        let Some(statement) = &mut self.statement else { return };
        statement.entries += 1;
        statement.errors += entry.errors;
        let side = if credit { &mut statement.credit } else { &mut statement.debit };
        if let Ok(total) = side.plus(amount) {
            *side = total;
        }
        each(Event::Entry(statement, &entry));
    }

    fn in_transaction(&mut self, name: &str, text: String, offset: u64) {
        let own = self.at(&["TxDtls", "Amt"]);
        let old = self.at(&["AmtDtls", "TxAmt", "Amt"]);
        let value = if own || old { self.amount(&text, offset) } else { None };
        let currency = self.currency.clone();
        let debtor = self.at(&["Dbtr", "Nm"]) || self.at(&["Dbtr", "Pty", "Nm"]);
        let account = self.at(&["DbtrAcct", "Id", "IBAN"]) || self.at(&["DbtrAcct", "Id", "Othr", "Id"]);
        let bank = self.path.iter().any(|p| p == "DbtrAgt") && matches!(name, "BIC" | "BICFI" | "MmbId");
        let reason = self.at(&["RtrInf", "Rsn", "Cd"]) || self.at(&["RtrInf", "RtrRsn", "Cd"]);
        let in_refs = self.path.len() >= 2 && self.path[self.path.len() - 2] == "Refs";
        let direction = self.at(&["TxDtls", "CdtDbtInd"]);
        let remittance = self.at(&["RmtInf", "Ustrd"]);
        if remittance {
            self.unstructured += 1;
        }
        let Some(transaction) = &mut self.transaction else { return };
        match name {
            _ if own => (transaction.amount, transaction.currency) = (value, currency),
            // The older form, only where the newer is not there.
            _ if old && transaction.amount.is_none() => (transaction.amount, transaction.currency) = (value, currency),
            _ if direction => transaction.credit = Some(text == "CRDT"),
            "EndToEndId" if in_refs && text != "NOTPROVIDED" => transaction.end_to_end = text,
            "TxId" if in_refs => transaction.transaction_id = text,
            "AcctSvcrRef" if in_refs => transaction.servicer_reference = text,
            "ChqNb" if in_refs => transaction.check_number = text,
            _ if debtor => transaction.debtor = text,
            _ if account => transaction.debtor_account = text,
            _ if bank && transaction.debtor_bank.is_empty() => transaction.debtor_bank = text,
            _ if reason => transaction.return_reason = text,
            _ if remittance && transaction.unstructured.len() < MOST_TEXTS => transaction.unstructured.push(text),
            "TxDtls" => {
                self.transactions += 1;
                let finished = self.transaction.take();
                let full = match (&mut self.entry, finished) {
                    (Some(entry), Some(one)) if entry.transactions.len() < MOST_TRANSACTIONS => {
                        entry.transactions.push(one);
                        false
                    }
                    _ => true,
                };
                if full {
                    self.wrong("limit", "more than 200,000 payments of one entry", offset, "", "fewer");
                }
            }
            _ => {}
        }
    }

    fn in_structured(&mut self, name: &str, text: String, offset: u64) {
        let amounts = ["DuePyblAmt", "RmtdAmt", "CdtNoteAmt", "DscntApldAmt"];
        let parent = self.path.len().checked_sub(2).and_then(|n| self.path.get(n)).cloned().unwrap_or_default();
        let which = amounts.into_iter().find(|a| *a == name || (name == "Amt" && *a == parent));
        let value = match which {
            Some(_) if !text.is_empty() => self.amount(&text, offset),
            _ => None,
        };
        let number = self.at(&["RfrdDocInf", "Nb"]);
        let document_type = self.path.iter().any(|p| p == "RfrdDocInf") && matches!(name, "Cd" | "Prtry");
        let in_reference = self.path.iter().any(|p| p == "CdtrRefInf");
        if name == "CdtrRefInf" {
            self.references += 1;
        }
        let Some(structured) = &mut self.structured else { return };
        match (which, name) {
            (Some("DuePyblAmt"), _) if value.is_some() => structured.due = value,
            (Some("RmtdAmt"), _) if value.is_some() => structured.remitted = value,
            (Some("CdtNoteAmt"), _) if value.is_some() => structured.credit_note = value,
            (Some("DscntApldAmt"), _) if value.is_some() => structured.discount = value,
            _ if number => structured.document_number = text,
            _ if document_type => structured.document_type = text,
            (_, "Cd" | "Prtry") if in_reference => structured.reference_type = text,
            (_, "Ref" | "CdtrRef") if in_reference => structured.reference = text.split_whitespace().collect(),
            (_, "AddtlRmtInf") => structured.text = text,
            (_, "Strd") => {
                let finished = self.structured.take();
                if let (Some(transaction), Some(one)) = (&mut self.transaction, finished)
                    && transaction.structured.len() < MOST_TEXTS
                {
                    transaction.structured.push(one);
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Summary, Fault> {
        let Some(kind) = self.kind else {
            return Err(Fault::error("not-camt", "the document does not say which message it is").offset(0));
        };
        if !self.body {
            self.wrong("empty", "the document holds no message", 0, "", "a message");
        } else if self.reports == 0 && kind != MessageKind::Remittance {
            self.wrong("empty", "the message holds no statement, notification or report", 0, "", "at least one");
        }
        Ok(Summary {
            kind,
            version: self.version,
            message: self.message,
            created: self.created,
            statements: self.statements,
            credits: self.credits,
            debits: self.debits,
            reversals: self.reversals,
            transactions: self.transactions,
            references: self.references,
            unstructured: self.unstructured,
            credit: self.credit,
            debit: self.debit,
            faults: self.faults,
        })
    }
}

/// The day of an ISO date or date and time.
fn day(text: &str) -> Option<Day> {
    text.get(..10)?.parse().ok()
}
