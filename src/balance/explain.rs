//! What most likely explains a difference: the faults that hands and machines really make. A doubled or missing item, a stub
//! taken for a check, two digits exchanged (the difference is divisible by nine), a digit slid (ten times), a sum on the
//! wrong side (an item of half the difference), one item whose other reading closes the gap. Best first, where the count
//! speaks for it too; each names the move that mends it.

use std::collections::BTreeMap;

use super::{Explanation, Item};
use crate::domain::{Cents, Control, DocumentKind, Transaction};
use crate::grouping::Evidence;

/// One item of the batch with its transaction and what else is known of its amount.
pub(super) struct Suspect<'a> {
    pub item: Item,
    pub seq: u32,
    pub transaction: &'a Transaction,
    /// Amounts printed on the stubs of the same envelope, when it has one check.
    pub alternatives: Vec<Cents>,
    /// It has no account line: it may be a stub or another piece.
    pub may_be_none: bool,
}

/// At most so many explanations of one sort, and in all.
const MOST_OF_A_SORT: usize = 3;
const MOST: usize = 10;

pub(super) fn suspects<'a>(
    transactions: &'a [Transaction],
    items_of: impl Fn(&Transaction) -> Vec<Item>,
    evidence: &[Evidence],
) -> Vec<Suspect<'a>> {
    let by_id: std::collections::HashMap<_, &Evidence> = evidence.iter().map(|e| (&e.document, e)).collect();
    let mut out = Vec::new();
    for transaction in transactions {
        let of = |d: &crate::domain::DocumentId| by_id.get(d).copied();
        let items = items_of(transaction);
        let printed: Vec<Cents> = transaction
            .documents
            .iter()
            .filter_map(|d| of(d)?.stub.as_ref())
            .flat_map(|s| [s.amount_due, s.amount_late])
            .flatten()
            .collect();
        let single = items.len() == 1;
        for item in items {
            let evidence = of(&item.document);
            let seq = evidence.map_or(0, |e| e.seq);
            let may_be_none = !item.cash
                && evidence.is_some_and(|e| {
                    e.kind == DocumentKind::Check && e.check.as_ref().is_none_or(|c| c.routing.is_none() || !c.accepted)
                });
            let alternatives = if single { printed.clone() } else { Vec::new() };
            out.push(Suspect { item, seq, transaction, alternatives, may_be_none });
        }
    }
    out
}

/// The sorts of fault; the number is how likely one is where nothing else speaks for it (lower is likelier).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Misread = 0,
    StubAsCheck = 1,
    Doubled = 2,
    Missing = 3,
    Exchanged = 4,
    Slid = 5,
    WrongSide = 6,
}

impl Fault {
    /// What this fault does to the count of items: declared less counted.
    fn count(self) -> i64 {
        match self {
            Fault::StubAsCheck | Fault::Doubled => -1,
            Fault::Missing => 1,
            Fault::Misread | Fault::Exchanged | Fault::Slid | Fault::WrongSide => 0,
        }
    }
}

/// The fault, the amount that it ought to be (where that is known), and what is said.
fn faults(s: &Suspect<'_>, difference: i64) -> Vec<(Fault, Option<Cents>, String)> {
    let amount = s.item.amount.get();
    let taken = format!("check {} was taken as {}", s.seq, s.item.amount);
    let mut out = Vec::new();
    if let Some(close) = s.alternatives.iter().find(|a| a.get().checked_sub(amount) == Some(difference)) {
        out.push((
            Fault::Misread,
            Some(*close),
            format!("{taken}; its stub says {close}, which would close the difference"),
        ));
    }
    if amount.checked_neg() == Some(difference) {
        if s.may_be_none {
            let text =
                format!("item {} of {} has no account line: it may be a stub read as a check", s.seq, s.item.amount);
            out.push((Fault::StubAsCheck, None, text));
        }
        out.push((Fault::Doubled, None, format!("check {} of {} may be counted twice", s.seq, s.item.amount)));
    }
    if amount == difference {
        let text = format!("an item of {} may be missing; check {} has this amount", s.item.amount, s.seq);
        out.push((Fault::Missing, None, text));
    }
    let other = |o: &i64| o.checked_sub(amount) == Some(difference);
    if difference % 9 == 0
        && let Some(right) = exchanged(amount).into_iter().find(other)
    {
        let right = Cents::new(right);
        out.push((Fault::Exchanged, Some(right), format!("two digits may be exchanged: {taken}, not {right}")));
    }
    let slid = [amount.checked_mul(10), amount.checked_mul(100), exact(amount, 10), exact(amount, 100)];
    if let Some(right) = slid.into_iter().flatten().find(other) {
        let right = Cents::new(right);
        out.push((Fault::Slid, Some(right), format!("a digit may have slid: {taken}, not {right}")));
    }
    if difference % 2 == 0 && difference.checked_abs().is_some_and(|d| d / 2 == amount) {
        let text =
            format!("check {} of {} is half the difference: it may stand on the wrong side", s.seq, s.item.amount);
        out.push((Fault::WrongSide, None, text));
    }
    out
}

/// The move that mends a fault, as a person would type it after `remit`.
fn mend(s: &Suspect<'_>, fault: Fault, right: Option<Cents>) -> String {
    let id = &s.transaction.id;
    match (fault, right) {
        (Fault::Misread | Fault::Exchanged | Fault::Slid, Some(right)) => {
            format!("batch key-amount {id} --amount {right} --document {}", s.item.document)
        }
        (Fault::StubAsCheck, _) => format!("batch set-aside {id} --document {} --note \"no check\"", s.item.document),
        (Fault::Doubled, _) => format!("batch set-aside {id} --document {} --note \"counted twice\"", s.item.document),
        (Fault::Missing, _) => "ingest PATH".to_string(),
        (Fault::WrongSide, _) | (_, None) => format!("batch hold {id}"),
    }
}

/// The same as a move for `exceptions::change`; a hold has no document and mends nothing by itself.
fn change(s: &Suspect<'_>, fault: Fault, right: Option<Cents>) -> Option<(&'static str, BTreeMap<String, String>)> {
    let document = ("document".to_string(), s.item.document.to_string());
    let note = |text: &str| ("note".to_string(), text.to_string());
    match (fault, right) {
        (Fault::Misread | Fault::Exchanged | Fault::Slid, Some(right)) => {
            Some(("key-amount", BTreeMap::from([("amount".to_string(), right.to_string()), document])))
        }
        (Fault::StubAsCheck, _) => Some(("set-aside", BTreeMap::from([note("no check"), document]))),
        (Fault::Doubled, _) => Some(("set-aside", BTreeMap::from([note("counted twice"), document]))),
        (Fault::Missing | Fault::WrongSide, _) | (_, None) => None,
    }
}

/// `difference` is declared less counted.
pub(super) fn explain(
    declared: Control,
    difference: Option<Cents>,
    count_difference: i64,
    unknown: u32,
    suspects: &[Suspect<'_>],
) -> Vec<Explanation> {
    let mut out: Vec<Explanation> = Vec::new();
    let general = |sentence: String, mend: &str| Explanation {
        sentence,
        mend: mend.into(),
        transaction: None,
        document: None,
        change: None,
    };
    if unknown > 0 {
        out.push(general(
            format!("the amounts of {unknown} items are not known yet"),
            "exceptions list --queue keying",
        ));
    }
    let money = difference.filter(|d| !d.is_zero()).map(Cents::get);
    let mut found: Vec<(bool, Fault, &Suspect<'_>, Option<Cents>, String)> = Vec::new();
    if let Some(difference) = money {
        for s in suspects {
            for (fault, right, sentence) in faults(s, difference) {
                // A count that is out by the same fault speaks for it.
                found.push((fault.count() != count_difference, fault, s, right, sentence));
            }
        }
    }
    found.sort_by_key(|(against, fault, s, ..)| (*against, *fault as u8, s.seq));
    let agrees = found.first().is_some_and(|f| !f.0);
    if count_difference != 0 && !agrees {
        out.push(counts(declared, count_difference));
    }
    let mut of_a_sort = [0usize; 7];
    for (_, fault, s, right, sentence) in found {
        let many = &mut of_a_sort[fault as usize];
        *many += 1;
        if *many <= MOST_OF_A_SORT {
            out.push(Explanation {
                sentence,
                mend: mend(s, fault, right),
                transaction: Some(s.transaction.id.clone()),
                document: Some(s.item.document.clone()),
                change: change(s, fault, right),
            });
        }
    }
    if count_difference != 0 && agrees {
        out.push(counts(declared, count_difference));
    }
    if let Some(difference) = money.filter(|d| *d > 0 && count_difference == 1) {
        let text =
            format!("one item of {} may be missing: look for it in the tray and the scanner", Cents::new(difference));
        out.push(general(text, "ingest PATH"));
    }
    if money.is_some_and(|d| d % 9 == 0) {
        let text = "the difference is divisible by nine: two digits of a keyed amount, or of the control total, may be exchanged";
        out.push(general(text.into(), "batch show"));
    }
    out.truncate(MOST);
    out
}

fn counts(declared: Control, count_difference: i64) -> Explanation {
    let (many, word) = (count_difference.unsigned_abs(), if count_difference > 0 { "fewer" } else { "more" });
    let noun = if declared.counts_documents { "documents" } else { "checks" };
    let hint =
        if count_difference > 0 { "one may be missing, or taken for a stub" } else { "one may be counted twice" };
    Explanation {
        sentence: format!("{many} {noun} {word} were taken than declared: {hint}"),
        mend: "exceptions list".into(),
        transaction: None,
        document: None,
        change: None,
    }
}

fn exact(amount: i64, by: i64) -> Option<i64> {
    (amount % by == 0).then(|| amount / by)
}

/// The amount with two neighbouring digits exchanged, every way.
fn exchanged(amount: i64) -> Vec<i64> {
    let digits: Vec<char> = amount.to_string().chars().collect();
    (1..digits.len())
        .filter(|&i| digits[i] != digits[i - 1])
        .filter_map(|i| {
            let mut other = digits.clone();
            other.swap(i, i - 1);
            other.into_iter().collect::<String>().parse().ok()
        })
        .collect()
}
