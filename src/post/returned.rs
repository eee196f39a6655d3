//! A returned item in the journal: the mirror of exactly what the item had paid, and the fee. Where an envelope held
//! several checks, they pay its applications in capture order, so that each cent of an application is of one check.

use super::Chart;
use crate::domain::{
    Application, BatchId, Cents, Day, DocumentId, EntryDraft, MoneyError, Posting, ReturnId, ReturnPart, TransactionId,
};

/// What one item of a transaction paid. `items` are all its checks and cash in capture order, with their amounts. `None`
/// when the item is not among them or the applications do not cover it.
pub fn parts_of(
    items: &[(DocumentId, Cents)],
    applications: &[Application],
    item: &DocumentId,
) -> Result<Option<Vec<ReturnPart>>, MoneyError> {
    let mut before = Cents::ZERO;
    let mut own = None;
    for (document, amount) in items {
        if document == item {
            own = Some(*amount);
            break;
        }
        before = before.plus(*amount)?;
    }
    let Some(mut rest) = own else { return Ok(None) };
    let mut skip = before;
    let mut parts = Vec::new();
    for a in applications {
        let skipped = skip.min(a.amount);
        skip = skip.minus(skipped)?;
        let amount = a.amount.minus(skipped)?.min(rest);
        if amount.is_positive() {
            rest = rest.minus(amount)?;
            parts.push(ReturnPart {
                biller: a.biller.clone(),
                account: a.account.clone(),
                bill: a.bill.clone(),
                ledger: a.ledger.clone(),
                amount,
            });
        }
    }
    Ok(Some(parts).filter(|_| rest.is_zero()))
}

/// Where a returned item stood.
#[derive(Clone, Debug)]
pub struct ReturnedFrom<'a> {
    pub id: &'a ReturnId,
    pub date: Day,
    pub batch: &'a BatchId,
    pub transaction: &'a TransactionId,
    pub document: &'a DocumentId,
    /// The bank's code, as in the memo.
    pub code: &'a str,
}

fn part_memo(part: &ReturnPart) -> String {
    match (&part.biller, &part.bill) {
        (Some(biller), Some(bill)) => format!("{biller} bill {bill}"),
        (Some(biller), None) => format!("{biller} credit"),
        (None, _) => "unapplied".into(),
    }
}

/// The entries of a return: the mirror of its parts against the bank, and the fee (when there is one) as an entry of its own.
pub fn return_entries(
    from: &ReturnedFrom<'_>,
    parts: &[ReturnPart],
    fee: Cents,
    chart: &Chart,
) -> Result<Vec<EntryDraft>, MoneyError> {
    let memo = format!("returned item {}, {}", from.id, from.code);
    let mut entries = vec![against_bank(from, parts, chart, memo, false)?];
    if fee.is_positive() {
        let posting = |account: &str, amount: Cents| Posting {
            account: account.into(),
            amount,
            document: None,
            memo: "returned-check fee".into(),
        };
        entries.push(EntryDraft {
            date: from.date,
            batch: Some(from.batch.clone()),
            transaction: Some(from.transaction.clone()),
            memo: format!("fee of returned item {}", from.id),
            postings: vec![posting(&chart.receivable, fee), posting(&chart.return_fees, fee.negated()?)],
        });
    }
    Ok(entries)
}

/// The entry of an item that was paid when the bank presented it again.
pub fn cleared_entry(from: &ReturnedFrom<'_>, parts: &[ReturnPart], chart: &Chart) -> Result<EntryDraft, MoneyError> {
    against_bank(from, parts, chart, format!("item {} paid when presented again", from.id), true)
}

fn against_bank(
    from: &ReturnedFrom<'_>,
    parts: &[ReturnPart],
    chart: &Chart,
    memo: String,
    paid: bool,
) -> Result<EntryDraft, MoneyError> {
    let total = Cents::sum(parts.iter().map(|p| p.amount))?;
    let mut postings = Vec::with_capacity(parts.len() + 1);
    for part in parts {
        let amount = if paid { part.amount.negated()? } else { part.amount };
        postings.push(Posting { account: part.ledger.clone(), amount, document: None, memo: part_memo(part) });
    }
    postings.push(Posting {
        account: chart.bank.clone(),
        amount: if paid { total } else { total.negated()? },
        document: Some(from.document.clone()),
        memo: if paid { "presented again".into() } else { "returned".into() },
    });
    let entry = EntryDraft {
        date: from.date,
        batch: Some(from.batch.clone()),
        transaction: Some(from.transaction.clone()),
        memo,
        postings,
    };
    assert!(entry.proves()?, "the entry of return {} does not sum to zero", from.id);
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountNumber, Biller};

    #[test]
    fn each_check_of_an_envelope_reopens_what_it_paid() {
        let item = |n: u8, amount: i64| (DocumentId::of(&[&[n]]), Cents::new(amount));
        let application = |bill: &str, amount: i64| Application {
            biller: Some(Biller("water".into())),
            account: Some(AccountNumber::new("1")),
            bill: Some(bill.into()),
            amount: Cents::new(amount),
            ledger: "1100".into(),
            rule: String::new(),
            evidence: String::new(),
        };
        let applications = [application("A", 100), application("B", 250), application("C", 50)];
        for (items, which, want) in [
            (vec![item(1, 400)], 1, Some("A100 B250 C50")),
            (vec![item(1, 150), item(2, 250)], 1, Some("A100 B50")),
            (vec![item(1, 150), item(2, 250)], 2, Some("B200 C50")),
            (vec![item(1, 100), item(2, 300)], 2, Some("B250 C50")),
            (vec![item(1, 400)], 3, None),
            (vec![item(1, 500)], 1, None),
        ] {
            let got = parts_of(&items, &applications, &DocumentId::of(&[&[which]])).unwrap();
            let got = got.map(|parts| {
                let words: Vec<String> =
                    parts.iter().map(|p| format!("{}{}", p.bill.as_deref().unwrap(), p.amount.get())).collect();
                words.join(" ")
            });
            assert_eq!(got.as_deref(), want, "{items:?} {which}");
        }
    }
}
