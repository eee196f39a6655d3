//! What a person decides about an exception: checked here against what the reason allows, written down with what it was
//! about (document, reason, amount), and replayed by matching. A wrong field changes nothing and says what is right.

use std::collections::BTreeMap;

use super::reasons::moves;
use crate::domain::{
    AccountNumber, Application, Cents, Day, Decision, DocumentId, ExceptionId, MicrFields, Reason, Transaction,
    TransactionState, UserName,
};
use crate::matching::ListPayment;

/// What the shell must do after a decision; in every case the decision is appended to the transaction's decisions.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Run evidence and `matching::propose` of this transaction again over its decisions (holds, rejections and voids
    /// too: the proposal's state says so).
    Rematch,
    /// These documents leave their transactions and make one of their own; then rematch every touched transaction.
    Regroup { documents: Vec<DocumentId> },
}

#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    /// With `document`, `exception` (code), `message` and `received` added to its fields, by which it is replayed. To a
    /// `key-scanline` the shell adds the fields of the keyed line (`account`, `biller`, `amount_due`, ..) as its layout
    /// reads them.
    pub decision: Decision,
    pub effect: Effect,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoveError {
    #[error("there is no exception {0} in this transaction")]
    NoSuchException(ExceptionId),
    #[error("this exception was decided already by {by} ({name}); nothing changed")]
    AlreadyDecided { by: UserName, name: String },
    #[error("{reason} is not settled by '{name}'; it takes {allowed}")]
    NotAMove { reason: String, name: String, allowed: String },
    #[error("'{name}' needs {field}=..")]
    Missing { name: String, field: &'static str },
    #[error("'{name}' does not take {field}; it takes {allowed}")]
    UnknownField { name: String, field: String, allowed: String },
    #[error("{field}={value}: {why}")]
    BadField { field: String, value: String, why: String },
    #[error("the transaction is {0} and cannot be changed any more")]
    Closed(&'static str),
}

/// What a person decides about one exception, once. Repeated fields (`apply bill=A amount=1.00 bill=B amount=2.00`)
/// come joined by commas.
pub fn decide(
    transaction: &Transaction,
    exception: &ExceptionId,
    name: &str,
    fields: &BTreeMap<String, String>,
    by: &UserName,
    at: &str,
) -> Result<Decided, MoveError> {
    open(transaction)?;
    let e = transaction
        .exceptions
        .iter()
        .find(|e| e.id == *exception)
        .ok_or_else(|| MoveError::NoSuchException(exception.clone()))?;
    if let Some(decision) = &e.decision {
        return Err(MoveError::AlreadyDecided { by: decision.by.clone(), name: decision.name.clone() });
    }
    let allowed = moves(e.code);
    let Some(chosen) = allowed.iter().find(|m| m.name == name) else {
        let allowed = allowed.iter().map(|m| m.name).collect::<Vec<_>>().join(", ");
        return Err(MoveError::NotAMove { reason: e.code.to_string(), name: name.to_string(), allowed });
    };
    check_fields(name, chosen.fields, fields)?;
    check_values(transaction, name, fields)?;
    if name == "key-amount" && e.document.is_none() {
        return Err(MoveError::BadField {
            field: "amount".into(),
            value: fields.get("amount").cloned().unwrap_or_default(),
            why: "several checks are in this transaction: hold it, or apply what was received".into(),
        });
    }
    let mut fields = fields.clone();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            fields.insert(key.to_string(), value);
        }
    };
    put("exception", Some(e.code.to_string()));
    put("message", Some(e.message.clone()));
    put("document", e.document.as_ref().map(DocumentId::to_string));
    put("received", transaction.received.map(|r| r.to_string()));
    if let Some(line) = line_named(transaction, &fields).filter(|_| matches!(name, "edit-line" | "undo-line")) {
        // What the line was, so that it is found again whatever else changes.
        fields.insert("was_amount".into(), line.amount.to_string());
        fields.extend(line.bill.clone().map(|bill| ("was_bill".to_string(), bill)));
    }
    let effect = match name {
        "regroup" => Effect::Regroup { documents: documents(transaction, &fields)? },
        _ => Effect::Rematch,
    };
    Ok(Decided { decision: Decision { name: name.to_string(), fields, by: by.clone(), at: at.to_string() }, effect })
}

/// `batch hold TX`: holds a transaction whatever its exceptions are. Fields: `until`, `owner`, `note`, all optional.
pub fn hold(
    transaction: &Transaction,
    fields: &BTreeMap<String, String>,
    by: &UserName,
    at: &str,
) -> Result<Decided, MoveError> {
    open(transaction)?;
    check_fields("hold", &["[until]", "[owner]", "[note]"], fields)?;
    check_values(transaction, "hold", fields)?;
    let decision = Decision { name: "hold".into(), fields: fields.clone(), by: by.clone(), at: at.to_string() };
    Ok(Decided { decision, effect: Effect::Rematch })
}

/// What people can see on a check and no reader does; each is raised by [`flag`].
pub const FLAGS: [Reason; 8] = [
    Reason::PostDated,
    Reason::StaleDated,
    Reason::Unsigned,
    Reason::RestrictiveNote,
    Reason::WordsFiguresDiffer,
    Reason::ForeignCheck,
    Reason::PayerStop,
    Reason::ImageQuality,
];

/// `batch flag TX CODE`: a person saw something on the paper. It becomes an exception of the transaction, on the document
/// `on` or its first check, and has to be decided like every other.
pub fn flag(
    transaction: &Transaction,
    code: Reason,
    on: Option<&DocumentId>,
    note: &str,
    by: &UserName,
    at: &str,
) -> Result<Decided, MoveError> {
    open(transaction)?;
    let bad = |field: &str, value: &str, why: &str| MoveError::BadField {
        field: field.into(),
        value: value.to_string(),
        why: why.into(),
    };
    if !FLAGS.contains(&code) {
        let allowed: Vec<&str> = FLAGS.iter().map(|r| r.code()).collect();
        return Err(bad("code", code.code(), &format!("a person can raise {}", allowed.join(", "))));
    }
    if note.trim().is_empty() {
        return Err(MoveError::Missing { name: "flag".into(), field: "note" });
    }
    if let Some(on) = on.filter(|d| !transaction.documents.contains(d)) {
        return Err(bad("on", on.as_str(), "this document is not in the transaction"));
    }
    let mut fields =
        BTreeMap::from([("code".to_string(), code.code().to_string()), ("note".to_string(), note.trim().to_string())]);
    fields.extend(on.map(|d| ("on".to_string(), d.to_string())));
    let decision = Decision { name: "flag".into(), fields, by: by.clone(), at: at.to_string() };
    Ok(Decided { decision, effect: Effect::Rematch })
}

/// What may be done to a transaction that nothing stands against: a line edited or undone, an amount keyed again, a document
/// set aside, a hold ended.
pub fn change(
    transaction: &Transaction,
    name: &str,
    fields: &BTreeMap<String, String>,
    by: &UserName,
    at: &str,
) -> Result<Decided, MoveError> {
    open(transaction)?;
    let takes: &'static [&'static str] = match name {
        "edit-line" => &["line", "amount", "[bill]"],
        "undo-line" => &["line"],
        "key-amount" => &["amount", "document"],
        "set-aside" => &["note", "document"],
        "release" => &[],
        _ => {
            let allowed = "edit-line, undo-line, key-amount, set-aside, release".to_string();
            return Err(MoveError::NotAMove { reason: "a line".into(), name: name.to_string(), allowed });
        }
    };
    check_fields(name, takes, fields)?;
    check_values(transaction, name, fields)?;
    let mut fields = fields.clone();
    if let Some(line) = line_named(transaction, &fields) {
        fields.insert("was_amount".into(), line.amount.to_string());
        fields.extend(line.bill.clone().map(|bill| ("was_bill".to_string(), bill)));
    }
    if let Some(text) = fields.get("document")
        && !transaction.documents.iter().any(|d| d.as_str() == text)
    {
        return Err(MoveError::BadField {
            field: "document".into(),
            value: text.chars().take(60).collect(),
            why: "this document is not in the transaction".into(),
        });
    }
    let decision = Decision { name: name.to_string(), fields, by: by.clone(), at: at.to_string() };
    Ok(Decided { decision, effect: Effect::Rematch })
}

fn line_named<'t>(transaction: &'t Transaction, fields: &BTreeMap<String, String>) -> Option<&'t Application> {
    let number: usize = fields.get("line")?.trim().parse().ok()?;
    transaction.applications.get(number.checked_sub(1)?)
}

fn open(transaction: &Transaction) -> Result<(), MoveError> {
    match transaction.state {
        TransactionState::Posted => Err(MoveError::Closed("posted")),
        TransactionState::Void => Err(MoveError::Closed("void")),
        TransactionState::Rejected => Err(MoveError::Closed("rejected")),
        TransactionState::Captured
        | TransactionState::Proposed
        | TransactionState::Clean
        | TransactionState::Exception
        | TransactionState::Ready
        | TransactionState::Held => Ok(()),
    }
}

fn check_fields(
    name: &str,
    takes: &'static [&'static str],
    fields: &BTreeMap<String, String>,
) -> Result<(), MoveError> {
    let bare = |f: &'static str| f.trim_matches(['[', ']']);
    for field in takes.iter().filter(|f| !f.starts_with('[')) {
        if fields.get(*field).is_none_or(|v| v.trim().is_empty()) {
            return Err(MoveError::Missing { name: name.to_string(), field });
        }
    }
    for field in fields.keys() {
        // A note may stand with every move.
        if field != "note" && !takes.iter().any(|t| bare(t) == field) {
            let allowed = match takes {
                [] => "no fields".to_string(),
                _ => takes.join(", "),
            };
            return Err(MoveError::UnknownField { name: name.to_string(), field: field.clone(), allowed });
        }
    }
    Ok(())
}

fn check_values(transaction: &Transaction, name: &str, fields: &BTreeMap<String, String>) -> Result<(), MoveError> {
    let bad = |field: &str, value: &str, why: String| MoveError::BadField {
        field: field.to_string(),
        value: value.chars().take(60).collect(),
        why,
    };
    let amount = |value: &str| match value.trim().parse::<Cents>() {
        Ok(a) if !a.is_positive() => Err(bad("amount", value, "an amount must be more than zero".into())),
        Ok(a) if a > Cents::MAX_ITEM => Err(bad("amount", value, format!("one item is at most {}", Cents::MAX_ITEM))),
        Ok(a) => Ok(a),
        Err(e) => Err(bad("amount", value, e.to_string())),
    };
    if let Some(value) = fields.get("until") {
        value.parse::<Day>().map_err(|e| bad("until", value, e.to_string()))?;
    }
    match name {
        "key-amount" => {
            amount(fields.get("amount").map_or("", String::as_str))?;
        }
        "key-micr" => {
            let text = fields.get("text").map_or("", String::as_str);
            let line = MicrFields::of_line(text);
            if text.contains('?') {
                return Err(bad("text", text, "key every character of the line".into()));
            }
            if line.routing.is_none() || line.account.is_none() {
                let why = "write it like A061000146A 12345678C 0101, with A for transit, C for on-us, D for the dash";
                return Err(bad("text", text, why.into()));
            }
            if line.routing_valid == Some(false) {
                return Err(bad("text", text, "the routing number's check digit does not hold".into()));
            }
        }
        "key-scanline" => {
            let text = fields.get("text").map_or("", String::as_str);
            if text.contains('?') || !text.bytes().any(|b| b.is_ascii_digit()) {
                return Err(bad("text", text, "key every character of the line".into()));
            }
        }
        "assign" => {
            if let Some(value) = fields.get("amount") {
                amount(value)?;
            }
            let account = fields.get("account").map_or("", |a| a.trim());
            if account.len() > 40 {
                return Err(bad("account", &AccountNumber::new(account).masked(), "no account is that long".into()));
            }
        }
        "apply" => {
            let list = |field: &str| -> Vec<&str> {
                fields.get(field).map_or(Vec::new(), |v| v.split(',').map(str::trim).collect())
            };
            let (bills, amounts) = (list("bill"), list("amount"));
            if bills.len() != amounts.len() {
                let why = format!("{} bills and {} amounts were given", bills.len(), amounts.len());
                return Err(bad("amount", &amounts.join(","), why));
            }
            let mut parts = Vec::new();
            for value in &amounts {
                parts.push(amount(value)?);
            }
            let total = Cents::sum(parts).map_err(|e| bad("amount", &amounts.join(","), e.to_string()))?;
            if let Some(received) = transaction.received.filter(|r| *r != total) {
                let why = format!("the parts add up to {total}, but {received} was received");
                return Err(bad("amount", &amounts.join(","), why));
            }
        }
        "edit-line" | "undo-line" => {
            let line = fields.get("line").map_or("", String::as_str);
            if line_named(transaction, fields).is_none() {
                let why = format!("the transaction has lines 1 to {}", transaction.applications.len());
                return Err(bad("line", line, why));
            }
            if let Some(value) = fields.get("amount") {
                amount(value)?;
            }
        }
        "apply-list" => {
            let list = ListPayment::parse(fields.get("list").map_or("", String::as_str));
            if list.lines.is_empty() {
                let why = match list.rejected.first() {
                    Some(r) => format!("no line of it can be read; line {}: {}", r.number, r.why),
                    None => "it has no lines".to_string(),
                };
                return Err(bad("list", "..", why));
            }
        }
        "regroup" => {
            documents(transaction, fields)?;
        }
        _ => {}
    }
    Ok(())
}

/// `documents=d..,d..`: they may belong to this transaction or to others of its batch; the store proves that.
fn documents(transaction: &Transaction, fields: &BTreeMap<String, String>) -> Result<Vec<DocumentId>, MoveError> {
    let value = fields.get("documents").map_or("", String::as_str);
    let bad =
        |why: String| MoveError::BadField { field: "documents".into(), value: value.chars().take(60).collect(), why };
    let mut out: Vec<DocumentId> = Vec::new();
    for part in value.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let id: DocumentId = part.parse().map_err(|e: crate::domain::ids::NotAnId| bad(e.to_string()))?;
        if out.contains(&id) {
            return Err(bad(format!("{id} is named twice")));
        }
        out.push(id);
    }
    if out.is_empty() {
        return Err(bad("name the documents of the new transaction, joined by commas".into()));
    }
    if !out.iter().any(|d| transaction.documents.contains(d)) {
        return Err(bad("none of them is in this transaction".into()));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BatchId, Exception, TransactionId, TransactionKind};

    fn transaction() -> Transaction {
        let exception = |code: Reason| Exception {
            id: ExceptionId::of(&[code.code().as_bytes()]),
            code,
            message: "why".into(),
            document: Some(DocumentId::of(&[b"1"])),
            bbox: None,
            decision: None,
        };
        Transaction {
            id: TransactionId::of(&[b"t"]),
            batch: BatchId::of(&[b"b"]),
            seq: 1,
            kind: TransactionKind::Single,
            state: TransactionState::Exception,
            reason: String::new(),
            documents: vec![DocumentId::of(&[b"1"]), DocumentId::of(&[b"2"])],
            received: Some(Cents::new(1000)),
            applications: Vec::new(),
            exceptions: Reason::ALL.iter().map(|r| exception(*r)).collect(),
            decisions: Vec::new(),
            held_until: None,
            owner: None,
        }
    }

    fn check(table: &str) {
        let t = transaction();
        for row in table.lines().map(str::trim).filter(|l| !l.is_empty()).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let id = ExceptionId::of(&[cells[0].as_bytes()]);
            let mut words = cells[1].split(' ');
            let name = words.next().unwrap();
            let fields: BTreeMap<String, String> =
                words.filter_map(|w| w.split_once('=')).map(|(k, v)| (k.to_string(), v.replace('_', " "))).collect();
            let got = match decide(&t, &id, name, &fields, &UserName("olga".into()), "2026-11-30T10:00:00Z") {
                Ok(d) => {
                    assert_eq!(d.decision.fields["exception"], cells[0]);
                    assert_eq!(d.decision.fields["document"], t.documents[0].to_string());
                    "ok".to_string()
                }
                Err(e) => e.to_string(),
            };
            assert!(got.contains(cells[2]), "{row}: {got}");
        }
    }

    #[test]
    fn moves_are_checked() {
        check(
            "reason | move | verdict
            amount-unknown | key-amount amount=12.30 | ok
            amount-unknown | key-amount amount=12.3 | is not an amount
            amount-unknown | key-amount amount=-1.00 | more than zero
            amount-unknown | key-amount amount=0.00 | more than zero
            amount-unknown | key-amount amount=100000000.00 | at most 99999999.99
            amount-unknown | key-amount | needs amount
            amount-unknown | accept | it takes key-amount
            amount-unknown | key-amount amount=1.00 bill=2 | does not take bill
            micr-unreadable | key-micr text=A061000146A_12345678C_0101 | ok
            micr-unreadable | key-micr text=A061000147A_12345678C_0101 | check digit
            micr-unreadable | key-micr text=A0610?0146A_12345678C_0101 | every character
            micr-unreadable | key-micr text=12345 | write it like
            account-unknown | assign account=1234567890 | ok
            account-unknown | assign | needs account
            underpaid | accept-partial | ok
            underpaid | apply bill=A,B amount=4.00,6.00 | ok
            underpaid | apply bill=A,B amount=4.00,6.01 | add up to 10.01
            underpaid | apply bill=A,B amount=4.00 | 2 bills and 1 amounts
            underpaid | hold until=2026-12-01 owner=sue | ok
            underpaid | hold until=tomorrow | is not a date
            duplicate-check | distinct note=twins | ok
            duplicate-check | distinct | needs note
            check-without-stub | regroup documents=x | is not the id
            no-such-reason | accept | there is no exception",
        );
    }

    #[test]
    fn each_exception_ends_once() {
        let mut t = transaction();
        let id = t.exceptions[0].id.clone();
        let by = UserName("olga".into());
        let first = decide(&t, &id, "accept", &BTreeMap::new(), &by, "x").unwrap();
        t.exceptions[0].decision = Some(first.decision);
        let again = decide(&t, &id, "accept", &BTreeMap::new(), &UserName("sven".into()), "y");
        assert!(matches!(again, Err(MoveError::AlreadyDecided { .. })));
        t.state = TransactionState::Posted;
        assert_eq!(hold(&t, &BTreeMap::new(), &by, "z"), Err(MoveError::Closed("posted")));
    }
}
