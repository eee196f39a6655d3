//! What most likely explains a difference: the faults that hands and machines really make. A doubled or missing item, two
//! digits exchanged (the difference is divisible by nine), a digit slid (ten times), a sum on the wrong side (an item of
//! half the difference), a reading whose stub says what would close it. Best first; each names the move that mends it.

use super::{Explanation, Item};
use crate::domain::{Cents, Control, Transaction};
use crate::grouping::Evidence;

/// One item of the batch with its transaction and what its stubs say.
pub(super) struct Suspect<'a> {
    pub item: Item,
    pub seq: u32,
    pub transaction: &'a Transaction,
    /// Amounts printed on the stubs of the same envelope, when it has one check.
    pub alternatives: Vec<Cents>,
}

/// At most so many explanations of one sort, and in all.
const MOST_OF_A_SORT: usize = 3;
const MOST: usize = 10;

pub(super) fn suspects<'a>(
    transactions: &'a [Transaction],
    items_of: impl Fn(&Transaction) -> Vec<Item>,
    evidence: &[Evidence],
) -> Vec<Suspect<'a>> {
    let mut out = Vec::new();
    for transaction in transactions {
        let of = |d: &crate::domain::DocumentId| evidence.iter().find(|e| e.document == *d);
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
            let seq = of(&item.document).map_or(0, |e| e.seq);
            let alternatives = if single { printed.clone() } else { Vec::new() };
            out.push(Suspect { item, seq, transaction, alternatives });
        }
    }
    out
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
    if unknown > 0 {
        out.push(Explanation {
            sentence: format!("the amounts of {unknown} items are not known yet"),
            mend: "exceptions list --queue keying".into(),
            transaction: None,
            document: None,
        });
    }
    if count_difference != 0 {
        let (many, word) = (count_difference.unsigned_abs(), if count_difference > 0 { "fewer" } else { "more" });
        let noun = if declared.counts_documents { "documents" } else { "checks" };
        let hint =
            if count_difference > 0 { "one may be missing, or taken for a stub" } else { "one may be counted twice" };
        out.push(Explanation {
            sentence: format!("{many} {noun} {word} were taken than declared: {hint}"),
            mend: "exceptions list".into(),
            transaction: None,
            document: None,
        });
    }
    let Some(difference) = difference.filter(|d| !d.is_zero()).map(Cents::get) else {
        out.truncate(MOST);
        return out;
    };
    let mut sort = |test: &dyn Fn(&Suspect<'_>) -> Option<String>| {
        let hits = suspects.iter().filter_map(|s| Some((s, test(s)?)));
        for (s, sentence) in hits.take(MOST_OF_A_SORT) {
            out.push(Explanation {
                sentence,
                mend: format!("batch hold {}", s.transaction.id),
                transaction: Some(s.transaction.id.clone()),
                document: Some(s.item.document.clone()),
            });
        }
    };
    let amount = |s: &Suspect<'_>| s.item.amount.get();
    sort(&|s| {
        let close = s.alternatives.iter().find(|a| a.get() - amount(s) == difference)?;
        Some(format!(
            "check {} was taken as {}; its stub says {close}, which would close the difference",
            s.seq, s.item.amount
        ))
    });
    sort(&|s| (amount(s) == -difference).then(|| format!("check {} of {} may be counted twice", s.seq, s.item.amount)));
    sort(&|s| {
        (amount(s) == difference)
            .then(|| format!("an item of {} may be missing; check {} has this amount", s.item.amount, s.seq))
    });
    if difference % 9 == 0 {
        sort(&|s| {
            let other = exchanged(amount(s)).into_iter().find(|o| o - amount(s) == difference)?;
            Some(format!(
                "two digits may be exchanged: check {} was taken as {}, not {}",
                s.seq,
                s.item.amount,
                Cents::new(other)
            ))
        });
    }
    sort(&|s| {
        let other =
            [amount(s).checked_mul(10), amount(s).checked_mul(100), exact(amount(s), 10), exact(amount(s), 100)]
                .into_iter()
                .flatten()
                .find(|o| o - amount(s) == difference)?;
        Some(format!(
            "a digit may have slid: check {} was taken as {}, not {}",
            s.seq,
            s.item.amount,
            Cents::new(other)
        ))
    });
    if difference % 2 == 0 {
        sort(&|s| {
            (amount(s) == difference.abs() / 2).then(|| {
                format!("check {} of {} is half the difference: it may stand on the wrong side", s.seq, s.item.amount)
            })
        });
    }
    if difference % 9 == 0 {
        out.push(Explanation {
            sentence: "the difference is divisible by nine: two digits of a keyed amount, or of the control total, may be exchanged".into(),
            mend: "batch show".into(),
            transaction: None,
            document: None,
        });
    }
    out.truncate(MOST);
    out
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
