//! Who must hear of a payment at capture, before anything is posted: collections, when an account without service or about
//! to be cut off pays, or an arrangement is kept or broken; the agency, when a written-off account pays. A notice moves
//! no money and settles nothing.

use serde::Serialize;

use super::hypotheses::days_between;
use super::{BillBook, Policy};
use crate::domain::{
    AccountNumber, AccountStatus, BatchId, Bill, Biller, Cents, Day, Transaction, TransactionId, TransactionState,
};

/// One account that needs care and is being paid, by mail (`batch`, `transaction`) or at the counter (`receipt`).
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Notice {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionId>,
    /// The number of the drawer's slip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<i64>,
    /// `cutoff-pending`, `account-disconnected`, `recovery`, `arrangement-kept`, `arrangement-late`, `arrangement-short`.
    pub code: String,
    pub biller: Biller,
    #[serde(serialize_with = "masked")]
    pub account: AccountNumber,
    pub bill: String,
    pub date: Day,
    /// What is meant for it; `None` while the check's amount is not known.
    pub amount: Option<Cents>,
    /// Whom a written-off account was placed with; empty otherwise.
    pub agency: String,
    /// A plain sentence; the account in it is masked.
    pub message: String,
}

pub(super) fn masked<S: serde::Serializer>(account: &AccountNumber, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&account.masked())
}

/// The notices of these transactions, in their order; rejected and void ones need nobody.
pub fn notices(date: Day, transactions: &[Transaction], book: &BillBook, policy: &Policy) -> Vec<Notice> {
    let mut out = Vec::new();
    for t in transactions.iter().filter(|t| !matches!(t.state, TransactionState::Rejected | TransactionState::Void)) {
        for a in &t.applications {
            let Some(bill) = a.bill.as_deref().and_then(|number| book.bill(a.biller.as_ref(), number)) else {
                continue;
            };
            let Some((code, message)) = word(bill, a.amount, policy, date) else { continue };
            out.push(Notice {
                id: format!("{}-{code}-{}-{}", t.id, bill.biller, bill.bill),
                batch: Some(t.batch.clone()),
                transaction: Some(t.id.clone()),
                receipt: None,
                code: code.to_string(),
                biller: bill.biller.clone(),
                account: bill.account.clone(),
                bill: bill.bill.clone(),
                date,
                amount: t.received.map(|_| a.amount),
                agency: bill.agency().unwrap_or("").to_string(),
                message,
            });
        }
    }
    out
}

/// The notice of a payment at the counter, at the moment of its receipt, whose number it gets where it is kept. `named`: the
/// payment is for this bill; otherwise for the account, which no arrangement is kept or broken by.
pub fn counter_notice(date: Day, bill: &Bill, named: bool, amount: Cents, policy: &Policy) -> Option<Notice> {
    let (code, message) = word(bill, amount, policy, date)?;
    (named || bill.status != AccountStatus::Arrangement).then(|| Notice {
        id: String::new(),
        batch: None,
        transaction: None,
        receipt: None,
        code: code.to_string(),
        biller: bill.biller.clone(),
        account: bill.account.clone(),
        bill: if named { bill.bill.clone() } else { String::new() },
        date,
        amount: Some(amount),
        agency: bill.agency().unwrap_or("").to_string(),
        message,
    })
}

fn word(bill: &Bill, amount: Cents, policy: &Policy, day: Day) -> Option<(&'static str, String)> {
    let account = bill.account.masked();
    match bill.status {
        AccountStatus::CutoffPending => {
            Some(("cutoff-pending", format!("account {account} is about to be cut off; {amount} is here")))
        }
        AccountStatus::Disconnected => {
            Some(("account-disconnected", format!("account {account} is without service; {amount} is here")))
        }
        AccountStatus::WrittenOff => {
            let agency = bill.agency().map_or_else(String::new, |name| format!(", placed with {name},"));
            Some(("recovery", format!("written-off account {account}{agency} pays {amount}")))
        }
        AccountStatus::Arrangement => {
            let instalment = bill.instalment?;
            let late = bill.instalment_due().map_or(0, |due| days_between(due, day));
            Some(if amount < instalment {
                let text =
                    format!("account {account} pays {amount} of the agreed {instalment}: the arrangement is broken");
                ("arrangement-short", text)
            } else if late > i64::from(policy.grace_days) {
                ("arrangement-late", format!("account {account} pays its instalment {late} days late"))
            } else {
                ("arrangement-kept", format!("account {account} keeps its arrangement: {amount} in time"))
            })
        }
        AccountStatus::Active | AccountStatus::CashOnly | AccountStatus::Closed | AccountStatus::Bankruptcy => None,
    }
}

/// Notices as a file for the systems of collections and agencies: it holds full account numbers. RFC 4180; a cell that a
/// spreadsheet would take for a formula begins with an apostrophe.
pub fn notices_csv(notices: &[Notice]) -> String {
    let mut out = String::from("date,batch,transaction,code,biller,account,bill,amount,agency,message\n");
    for n in notices {
        let cells = [
            n.date.to_string(),
            n.batch.as_ref().map_or_else(String::new, ToString::to_string),
            match (&n.transaction, n.receipt) {
                (Some(transaction), _) => transaction.to_string(),
                (None, receipt) => receipt.map_or_else(String::new, |number| format!("receipt {number}")),
            },
            n.code.clone(),
            n.biller.0.clone(),
            n.account.reveal().to_string(),
            n.bill.clone(),
            n.amount.map_or_else(String::new, |a| a.to_string()),
            n.agency.clone(),
            n.message.clone(),
        ];
        out.push_str(&cells.map(|c| cell(&c)).join(","));
        out.push('\n');
    }
    out
}

pub(super) fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_string() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Application, TransactionKind};
    use crate::matching::tests::bill;

    /// Who hears of a payment of this account, by how much came and when.
    #[test]
    fn who_must_hear_of_a_payment() {
        let table = "account | paid | state | notice
            status=active | 2500 | clean | -
            status=closed | 2500 | clean | -
            status=cutoff-pending | 2500 | exception | cutoff-pending
            status=disconnected | 2500 | exception | account-disconnected
            status=disconnected | 2500 | rejected | -
            status=disconnected | 2500 | void | -
            status=written-off agency=Smith&Co | 2500 | exception | recovery for Smith&Co
            status=arrangement instalment=2500 instalment_due=2026-12-05 | 2500 | clean | arrangement-kept
            status=arrangement instalment=2500 instalment_due=2026-12-05 | 2400 | exception | arrangement-short
            status=arrangement instalment=2500 instalment_due=2026-11-27 | 2500 | exception | arrangement-kept
            status=arrangement instalment=2500 instalment_due=2026-11-26 | 2500 | exception | arrangement-late
            status=arrangement instalment=2500 instalment_due=2026-11-26 | 2400 | exception | arrangement-short";
        let policy = Policy { grace_days: 3, ..Policy::default() };
        for row in table.lines().map(str::trim).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut one = bill("1000000001", "W1", 9000, AccountStatus::Active);
            for (name, value) in cells[0].split_whitespace().filter_map(|w| w.split_once('=')) {
                match name {
                    "status" => one.status = AccountStatus::parse(value).unwrap(),
                    "instalment" => one.instalment = Some(Cents::new(value.parse().unwrap())),
                    other => drop(one.extra.insert(other.into(), value.into())),
                }
            }
            let amount = Cents::new(cells[1].parse().unwrap());
            let paid = Application {
                biller: Some(one.biller.clone()),
                account: Some(one.account.clone()),
                bill: Some(one.bill.clone()),
                amount,
                ledger: "1100".into(),
                rule: "amount-due".into(),
                evidence: String::new(),
            };
            let transaction = Transaction {
                id: TransactionId::of(&[b"t"]),
                batch: BatchId::of(&[b"b"]),
                seq: 1,
                kind: TransactionKind::Single,
                state: TransactionState::parse(cells[2]).unwrap(),
                reason: String::new(),
                documents: Vec::new(),
                received: Some(amount),
                applications: vec![paid],
                exceptions: Vec::new(),
                decisions: Vec::new(),
                held_until: None,
                owner: None,
            };
            let book = BillBook::new(vec![one], Vec::new());
            let all = notices("2026-11-30".parse().unwrap(), &[transaction], &book, &policy);
            let text = |n: &Notice| match n.agency.as_str() {
                "" => n.code.clone(),
                agency => format!("{} for {agency}", n.code),
            };
            assert_eq!(all.first().map_or("-".to_string(), text), cells[3], "{row}");
            assert!(
                all.iter().all(|n| n.amount == Some(amount) && !n.message.contains("1000000001")),
                "{row}: {all:?}"
            );
            let file = notices_csv(&all);
            assert_eq!(file.lines().count(), 1 + all.len());
            assert!(all.is_empty() || file.contains(",1000000001,W1,"), "{file}");
        }
    }

    #[test]
    fn no_cell_of_an_export_is_a_formula() {
        for (text, want) in [
            ("Smith & Co", "Smith & Co"),
            ("=1+1", "'=1+1"),
            ("+cmd", "'+cmd"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
        ] {
            assert_eq!(cell(text), want);
        }
    }
}
