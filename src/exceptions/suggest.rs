//! The likely answers to one exception, best first, each a move that could be made as it stands: amounts that were read or
//! are due, bills that the payer may have meant, and the moves that need no words. Nothing is decided here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::reasons::moves;
use crate::domain::{AmountRead, AmountSource, AmountVerdict, Bill, Cents, Exception, Reason, Sha256, Transaction};
use crate::grouping::Evidence;
use crate::matching::NamedBill;

/// One likely answer: a move with its fields, in a word for the person and the reason for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Candidate {
    /// Names this answer to this exception and nothing else; the fields may hold an account number and stay here.
    pub id: String,
    /// What stands on the key: an amount, a name, a move in words.
    pub label: String,
    pub why: String,
    #[serde(rename = "move")]
    pub name: &'static str,
    #[serde(skip)]
    pub fields: BTreeMap<String, String>,
    /// The machine's own reading: Enter alone takes it.
    pub usual: bool,
}

/// Keys 1 to 9.
const MOST: usize = 9;

struct List<'a> {
    exception: &'a Exception,
    found: Vec<Candidate>,
}

impl List<'_> {
    fn add(&mut self, name: &'static str, label: String, why: String, fields: &[(&str, String)]) {
        let fields: BTreeMap<String, String> = fields.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        if !moves(self.exception.code).iter().any(|m| m.name == name) {
            return;
        }
        if self.found.len() == MOST || self.found.iter().any(|c| c.name == name && c.fields == fields) {
            return;
        }
        let text = format!("{} {name} {fields:?}", self.exception.id);
        let id = Sha256::of(text.as_bytes()).to_string()[..16].to_string();
        self.found.push(Candidate { id, label, why, name, fields, usual: false });
    }

    fn amount(&mut self, amount: Option<Cents>, why: impl Into<String>) {
        if let Some(amount) = amount.filter(|a| a.is_positive() && *a <= Cents::MAX_ITEM) {
            self.add("key-amount", amount.to_string(), why.into(), &[("amount", amount.to_string())]);
        }
    }
}

/// The amounts that would be a normal payment of a bill, the most usual first.
fn due(bill: &Bill) -> Vec<(Option<Cents>, &'static str)> {
    vec![
        (Some(bill.amount_due), "amount due"),
        (bill.late_amount, "after the due date"),
        (bill.current, "this month alone"),
        (bill.past_due, "past due alone"),
        (bill.budget_amount, "budget amount"),
        (bill.instalment, "instalment agreed"),
    ]
}

/// Up to nine answers. `named` are bills that share words of name and address with what came with the payment: they come
/// last, and only as an answer to choose. `evidence` is of the transaction's documents, `bills` are those it may touch, `reads` are what the
/// reader said of the amount in question, oldest first; none where the person is to key it blind.
pub fn suggest(
    exception: &Exception,
    transaction: &Transaction,
    evidence: &[Evidence],
    bills: &[Bill],
    reads: &[&AmountRead],
    named: &[NamedBill],
) -> Vec<Candidate> {
    let mut list = List { exception, found: Vec::new() };
    let about = evidence.iter().find(|e| Some(&e.document) == exception.document.as_ref());
    let takes = |name: &str| moves(exception.code).iter().any(|m| m.name == name);
    let meant: Vec<&Bill> = meant_bills(transaction, evidence, bills);
    // Amounts first where keying one is the usual move; otherwise after the moves that need no words.
    let keying = moves(exception.code).first().is_some_and(|m| m.name == "key-amount");
    if keying {
        amounts(&mut list, about, &meant, reads);
    }
    // The move that is usual for this reason comes first when it needs no words.
    for m in moves(exception.code).iter().filter(|m| m.fields.iter().all(|f| f.starts_with('['))) {
        let (label, why) = match (m.name, transaction.received) {
            ("accept", _) => ("accept", "take it as it stands".to_string()),
            ("accept-partial", Some(received)) => ("accept as part", format!("{received} paid, the rest stays due")),
            ("to-credit", Some(_)) => ("to credit", "what is over goes to the customer's credit".to_string()),
            _ => continue,
        };
        list.add(m.name, label.to_string(), why, &[]);
    }
    if takes("assign") {
        let fits = |b: &&Bill| transaction.received.is_some_and(|r| due(b).iter().any(|(a, _)| *a == Some(r)));
        let (exact, other): (Vec<&Bill>, Vec<&Bill>) = bills.iter().filter(|b| b.open).partition(fits);
        for (bill, why) in
            exact.into_iter().map(|b| (b, "owes exactly this")).chain(other.into_iter().map(|b| (b, "is near")))
        {
            let label = format!("{} {}", bill.name, bill.account.masked());
            let why = format!("{why}: {} due", bill.amount_due);
            let fields = [("account", bill.account.reveal().to_string()), ("bill", bill.bill.clone())];
            list.add("assign", label, why, &fields);
        }
        for n in named {
            let label = format!("{} {}", n.bill.name, n.bill.account.masked());
            let why = format!("{} of {} words of name and address: {} due", n.words, n.of, n.bill.amount_due);
            let fields = [("account", n.bill.account.reveal().to_string()), ("bill", n.bill.bill.clone())];
            list.add("assign", label, why, &fields);
        }
    }
    if takes("key-amount") && !keying {
        amounts(&mut list, None, &meant, &[]);
    }
    list.found
}

/// Log-odds below which what the picture may say is not worth a key.
const HARDLY: f32 = -3.0;

/// The chance in percent, never nothing and never certain.
fn percent(log_odds: f32) -> u8 {
    (100.0 / (1.0 + (-log_odds).exp())).clamp(1.0, 99.0) as u8
}

/// What was read and verified, what was read, what is expected and looks like it, and what is due.
fn amounts(list: &mut List<'_>, about: Option<&Evidence>, meant: &[&Bill], reads: &[&AmountRead]) {
    let verdict = reads.iter().rev().find_map(|r| r.verdict.as_ref());
    let is_first = list.found.is_empty();
    if let Some((verdict, amount)) = verdict.and_then(|v| Some((v, v.amount?))) {
        list.amount(Some(amount), format!("as read and as owed, {}%", percent(verdict.log_odds)));
    }
    // What Enter alone takes must have more behind it than the picture: what is owed, the station, the account line.
    let mut sure = verdict.is_some_and(|v| v.amount.is_some());
    if let Some(check) = about.and_then(|e| e.check.as_ref()) {
        let read = reads.iter().find(|r| r.value.is_some()).map(|r| (r.confidence * 100.0).clamp(0.0, 100.0) as u8);
        let read = read.map(|p| format!(", {p}%")).unwrap_or_default();
        let optical = check.amount_source == Some(AmountSource::Optical);
        let owed = |v: &AmountVerdict| v.choices.iter().any(|c| Some(c.value) == check.amount);
        let strange = if optical && verdict.is_some_and(|v| !owed(v)) { "; nobody owes this" } else { "" };
        list.amount(check.amount, format!("as read{read}{strange}"));
        sure |= check.amount.is_some() && !optical;
    }
    // Where words and figures differ, the reader saw the figures only.
    let sure = sure && is_first && list.exception.code != Reason::WordsFiguresDiffer;
    if let Some(first) = list.found.first_mut().filter(|_| sure) {
        first.usual = true;
    }
    for choice in verdict.iter().flat_map(|v| &v.choices).filter(|c| c.log_odds >= HARDLY).take(2) {
        list.amount(Some(choice.value), format!("owed, and looks like it, {}%", percent(choice.log_odds)));
    }
    for guess in reads.iter().flat_map(|r| &r.guesses).filter(|g| g.log_odds >= 0.0).take(2) {
        list.amount(Some(guess.value), format!("looks like it, {}%", percent(guess.log_odds)));
    }
    if meant.len() > 1 {
        let sum = Cents::sum(meant.iter().map(|b| b.amount_due)).ok();
        list.amount(sum, format!("all {} bills together", meant.len()));
    }
    for bill in meant.iter().take(3) {
        let of = if meant.len() > 1 { format!(" of {}", bill.account.masked()) } else { String::new() };
        for (amount, what) in due(bill) {
            list.amount(amount, format!("{what}{of}"));
        }
    }
}

/// The bills that the stubs and the proposal name.
fn meant_bills<'a>(transaction: &Transaction, evidence: &[Evidence], bills: &'a [Bill]) -> Vec<&'a Bill> {
    let mut meant: Vec<&Bill> = Vec::new();
    let stubs = evidence.iter().filter(|e| transaction.documents.contains(&e.document)).filter_map(|e| e.stub.as_ref());
    for bill in bills.iter().filter(|b| b.open) {
        let on_stub = stubs
            .clone()
            .any(|s| s.account.as_ref() == Some(&bill.account) || s.invoice.as_ref() == Some(&bill.invoice));
        let proposed = transaction.applications.iter().any(|a| a.bill.as_ref() == Some(&bill.bill));
        if (on_stub || proposed) && !meant.iter().any(|m| std::ptr::eq(*m, bill)) {
            meant.push(bill);
        }
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::*;

    fn bill(account: &str, due: i64, late: i64) -> Bill {
        Bill {
            biller: Biller("energy".into()),
            bill: format!("B{account}"),
            account: AccountNumber::new(account),
            name: "Alder, James".into(),
            address: String::new(),
            city: String::new(),
            state: String::new(),
            zip: String::new(),
            amount_due: Cents::new(due),
            current: None,
            past_due: Some(Cents::ZERO),
            late_amount: Some(Cents::new(late)),
            budget_amount: None,
            instalment: None,
            due_date: None,
            invoice: String::new(),
            status: AccountStatus::Active,
            flags: Vec::new(),
            service: None,
            extra: BTreeMap::new(),
            open: true,
            paid: Cents::ZERO,
        }
    }

    fn transaction(received: i64, bill: Option<&str>) -> Transaction {
        Transaction {
            id: TransactionId::of(&[b"t"]),
            batch: BatchId::of(&[b"b"]),
            seq: 1,
            kind: TransactionKind::Single,
            state: TransactionState::Exception,
            reason: String::new(),
            documents: Vec::new(),
            received: Some(Cents::new(received)),
            applications: vec![Application {
                biller: None,
                account: None,
                bill: bill.map(String::from),
                amount: Cents::new(1),
                ledger: "1100".into(),
                rule: String::new(),
                evidence: String::new(),
            }],
            exceptions: Vec::new(),
            decisions: Vec::new(),
            held_until: None,
            owner: None,
        }
    }

    fn exception(code: Reason) -> Exception {
        Exception {
            id: ExceptionId::of(&[b"x"]),
            code,
            message: String::new(),
            document: None,
            bbox: None,
            decision: None,
        }
    }

    /// Each row: reason, received in cents, what the keys say.
    #[test]
    fn the_likely_answers_come_first() {
        let bills = [bill("8130687182", 8413, 8834), bill("8130687199", 1200, 1300)];
        let rows: &[(Reason, i64, &str)] = &[
            (Reason::AmountUnknown, 0, "84.13/88.34"),
            (Reason::Underpaid, 8000, "accept as part/accept/84.13/88.34"),
            (Reason::AccountUnknown, 1200, "Alder, James ...7199/Alder, James ...7182"),
            (Reason::DuplicateCheck, 1200, ""),
        ];
        for (code, received, want) in rows {
            let bill = (*code != Reason::AccountUnknown).then_some("B8130687182");
            let transaction = transaction(*received, bill);
            let named = crate::matching::named("james alder", &bills[..1], 9);
            let found = suggest(&exception(*code), &transaction, &[], &bills, &[], &named);
            assert!(found.iter().all(|c| !c.why.contains("words of name")), "{code}: it is near already");
            let only_named = suggest(&exception(*code), &transaction, &[], &[], &[], &named);
            let offered = only_named.iter().filter(|c| c.why.contains("2 of ") && !c.usual).count();
            assert_eq!(offered, usize::from(*code == Reason::AccountUnknown), "{code}");
            let labels: Vec<&str> = found.iter().map(|c| c.label.as_str()).collect();
            assert_eq!(labels.join("/"), *want, "{code}");
            assert!(found.iter().all(|c| !c.label.contains("8130687") && !c.why.contains("8130687")));
        }
    }

    /// Each row: the amount that the verdict takes, what it chose from, the keys, and whether Enter alone takes the first.
    #[test]
    fn what_was_verified_is_one_key_and_what_was_not_is_a_choice() {
        type Row<'a> = (Option<i64>, &'a [(i64, f32)], &'a str, bool);
        let rows: &[Row] = &[
            (Some(8413), &[(8413, 3.0), (8834, -9.0)], "84.13 as read and as owed, 95%/88.34 after the due date", true),
            (None, &[(8834, 0.4), (8413, -9.0)], "88.34 owed, and looks like it, 59%/84.13 amount due", false),
            (None, &[], "84.13 amount due/88.34 after the due date", false),
        ];
        let bills = [bill("8130687182", 8413, 8834)];
        for (amount, choices, want, usual) in rows {
            let guess = |(value, log_odds): &(i64, f32)| AmountGuess { value: Cents::new(*value), log_odds: *log_odds };
            let verdict = AmountVerdict {
                outcome: if amount.is_some() { AmountOutcome::Advised } else { AmountOutcome::Unsure },
                amount: amount.map(Cents::new),
                log_odds: choices.first().map_or(0.0, |c| c.1),
                threshold: 0.0,
                threshold_id: "config".into(),
                model: String::new(),
                weights: String::new(),
                bbox: PixelBox::default(),
                choices: choices.iter().map(guess).collect(),
                unsure: None,
            };
            let read = AmountRead { verdict: Some(verdict), ..AmountRead::default() };
            let transaction = transaction(0, Some("B8130687182"));
            let found = suggest(&exception(Reason::AmountUnknown), &transaction, &[], &bills, &[&read], &[]);
            let said: Vec<String> = found.iter().map(|c| format!("{} {}", c.label, c.why)).collect();
            assert_eq!(said.join("/"), *want);
            assert_eq!(found.first().is_some_and(|c| c.usual), *usual, "{want}");
        }
    }
}
