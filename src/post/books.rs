//! Entries beside payments: a payment taken back, suspense applied, a deposit that the bank confirmed, and the drawer.

use super::Chart;
use crate::domain::drawer::{Count, Tender};
use crate::domain::{Application, Biller, Cents, Day, Deposit, Entry, EntryDraft, MoneyError, Posting};

fn line(account: &str, amount: Cents, memo: &str) -> Posting {
    Posting { account: account.into(), amount, document: None, memo: memo.into() }
}

/// The exact mirror of an entry.
pub fn mirror(entry: &Entry, date: Day) -> Result<EntryDraft, MoneyError> {
    let mut draft = entry.draft.clone();
    draft.date = date;
    draft.memo = format!("reverses entry {}", entry.number);
    for posting in &mut draft.postings {
        posting.amount = posting.amount.negated()?;
    }
    Ok(draft)
}

/// Takes back what an entry applied; the money is at the bank and waits in suspense. `None` when all of it waits there.
pub fn unapply(entry: &Entry, chart: &Chart, date: Day) -> Result<Option<EntryDraft>, MoneyError> {
    let applied = |p: &&Posting| p.amount.is_negative() && p.account != chart.suspense;
    let mut postings = Vec::new();
    for p in entry.draft.postings.iter().filter(applied) {
        postings.push(Posting { amount: p.amount.negated()?, ..p.clone() });
    }
    if postings.is_empty() {
        return Ok(None);
    }
    let total = Cents::sum(postings.iter().map(|p| p.amount))?;
    postings.push(line(&chart.suspense, total.negated()?, &format!("of entry {}", entry.number)));
    let memo = format!("unapplies entry {}", entry.number);
    Ok(Some(EntryDraft { date, memo, postings, ..entry.draft.clone() }))
}

/// Suspense of a payment goes to an application.
pub fn suspense_applied(
    of: &EntryDraft,
    application: &Application,
    chart: &Chart,
    date: Day,
) -> Result<EntryDraft, MoneyError> {
    let memo = match (&application.biller, &application.bill) {
        (Some(biller), Some(bill)) => format!("{biller} bill {bill}"),
        (Some(biller), None) => format!("{biller} credit"),
        (None, _) => "unapplied".to_string(),
    };
    Ok(EntryDraft {
        date,
        batch: of.batch.clone(),
        transaction: of.transaction.clone(),
        memo: "suspense applied".into(),
        postings: vec![
            line(&chart.suspense, application.amount, "from suspense"),
            line(&application.ledger, application.amount.negated()?, &memo),
        ],
    })
}

/// The bank has it: from deposits in transit to the bank.
pub fn acknowledged_entry(deposit: &Deposit, chart: &Chart, date: Day) -> Result<EntryDraft, MoneyError> {
    let memo = format!("deposit {} confirmed by the bank", deposit.id);
    let postings = vec![line(&chart.bank, deposit.total, &memo), line(&chart.transit, deposit.total.negated()?, &memo)];
    Ok(EntryDraft { date, batch: None, transaction: None, memo, postings })
}

/// Where a tender lies until it goes to the bank.
fn tender_account(tender: Tender, chart: &Chart) -> &str {
    match tender {
        Tender::Cash => &chart.cash,
        Tender::Check | Tender::MoneyOrder => &chart.undeposited,
        Tender::Card => &chart.transit,
    }
}

/// What a receipt pays: so many cents of a biller's bill, which this ledger account is for.
#[derive(Clone, Copy, Debug)]
pub struct CounterBill<'a> {
    pub biller: &'a Biller,
    pub bill: &'a str,
    pub amount: Cents,
    pub ledger: &'a str,
}

/// The entry of a receipt: so much to the bill, the rest to the account's credit.
pub fn receipt_entry(
    number: i64,
    date: Day,
    tender: Tender,
    amount: Cents,
    bill: Option<CounterBill<'_>>,
    chart: &Chart,
) -> Result<EntryDraft, MoneyError> {
    let mut postings = vec![line(tender_account(tender, chart), amount, tender.as_str())];
    let mut rest = amount;
    if let Some(paid) = bill.filter(|b| b.amount.is_positive()) {
        rest = rest.minus(paid.amount)?;
        postings.push(line(paid.ledger, paid.amount.negated()?, &format!("{} bill {}", paid.biller, paid.bill)));
    }
    if rest.is_positive() {
        postings.push(line(&chart.credits, rest.negated()?, "credit on account"));
    }
    Ok(EntryDraft { date, batch: None, transaction: None, memo: format!("counter receipt {number}"), postings })
}

/// Cash paid out: a refund of an account's credit, or an expense of the drawer.
pub fn payout_entry(
    number: i64,
    date: Day,
    amount: Cents,
    refund: bool,
    chart: &Chart,
) -> Result<EntryDraft, MoneyError> {
    let (account, memo) = if refund { (&chart.credits, "refund") } else { (&chart.over_short, "paid out") };
    let postings = vec![line(account, amount, memo), line(&chart.cash, amount.negated()?, "cash")];
    Ok(EntryDraft { date, batch: None, transaction: None, memo: format!("counter payout {number}"), postings })
}

/// What a count found, in the books: each tender as counted, the difference to over and short. `None` when nothing is out.
pub fn drawer_entry(drawer: i64, date: Day, count: &Count, chart: &Chart) -> Result<Option<EntryDraft>, MoneyError> {
    let cash = count.counted_cash.minus(count.expected_cash)?;
    let checks = count.counted_checks.minus(count.expected_checks)?;
    let lines = [
        (&chart.cash, cash, "cash as counted"),
        (&chart.undeposited, checks, "checks as counted"),
        (&chart.over_short, count.over_short.negated()?, "over and short"),
    ];
    let postings: Vec<Posting> = lines
        .into_iter()
        .filter(|l| !l.1.is_zero())
        .map(|(account, amount, memo)| line(account, amount, memo))
        .collect();
    let memo = format!("count of drawer {drawer}");
    Ok((!postings.is_empty()).then_some(EntryDraft { date, batch: None, transaction: None, memo, postings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(lines: &[(&str, i64)]) -> Entry {
        let date = "2026-11-30".parse().unwrap();
        let postings = lines.iter().map(|(a, n)| line(a, Cents::new(*n), "")).collect();
        let draft = EntryDraft { date, batch: None, transaction: None, memo: String::new(), postings };
        Entry::chained(1, Entry::GENESIS, draft)
    }

    fn lines(draft: &EntryDraft) -> String {
        assert_eq!(draft.proves(), Ok(true));
        draft.postings.iter().map(|p| format!("{}{:+}", p.account, p.amount.get())).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_was_posted_is_taken_back_to_where_the_money_is() {
        let chart = Chart::default();
        let date = "2026-12-01".parse().unwrap();
        for (posted, mirrored, unapplied) in [
            ("1020+500 1100-400 2110-100", "1020-500 1100+400 2110+100", Some("1100+400 2110+100 2100-500")),
            ("1030+500 1100-400 2100-100", "1030-500 1100+400 2100+100", Some("1100+400 2100-400")),
            ("1020+500 2100-500", "1020-500 2100+500", None),
        ] {
            let parts: Vec<(&str, i64)> = posted.split(' ').map(|w| (&w[..4], w[4..].parse().unwrap())).collect();
            let entry = entry(&parts);
            assert_eq!(lines(&mirror(&entry, date).unwrap()), mirrored);
            let got = unapply(&entry, &chart, date).unwrap();
            assert_eq!(got.as_ref().map(lines).as_deref(), unapplied);
        }
    }

    #[test]
    fn a_drawer_is_posted_as_it_was_counted() {
        let c = Cents::new;
        let date = "2026-12-01".parse().unwrap();
        for (cash, checks, want) in [
            (0, 0, None),
            (-5, 0, Some("1010-5 5100+5")),
            (7, 0, Some("1010+7 5100-7")),
            (-5, 5, Some("1010-5 1020+5")),
            (3, -5, Some("1010+3 1020-5 5100+2")),
        ] {
            let count = Count::of(c(100), c(100 + cash), c(50), c(50 + checks)).unwrap();
            let got = drawer_entry(1, date, &count, &Chart::default()).unwrap();
            assert_eq!(got.as_ref().map(lines).as_deref(), want, "{cash} {checks}");
        }
        let biller = Biller("water".into());
        for (ledger, want) in [("1100", "1010+500 1100-400 2110-100"), ("2120", "1010+500 2120-400 2110-100")] {
            let paid = CounterBill { biller: &biller, bill: "W1", amount: c(400), ledger };
            let entry = receipt_entry(1, date, Tender::Cash, c(500), Some(paid), &Chart::default());
            assert_eq!(lines(&entry.unwrap()), want);
        }
    }
}
