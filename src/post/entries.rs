//! Journal entries of a batch and of a deposit. Same batch, same entries, byte for byte; memos name bills and rules, never
//! account numbers.

use super::Chart;
use crate::balance::BalancedBatch;
use crate::domain::{Cents, Deposit, EntryDraft, MoneyError, Posting};

/// One entry per ready transaction, in their order: debits by item (1020 checks, 1010 cash, 1030 where the bank has them
/// already), credits by application. Memos carry no account number.
///
/// # Panics
/// When an entry would not sum to zero: a balanced batch cannot hold such a transaction.
pub fn entries(batch: &BalancedBatch, chart: &Chart) -> Result<Vec<EntryDraft>, MoneyError> {
    let head = batch.batch();
    let checks = if head.origin.deposited_by_bank() { &chart.transit } else { &chart.undeposited };
    let mut out = Vec::with_capacity(batch.ready().len());
    for ready in batch.ready() {
        let t = &ready.transaction;
        if ready.items.is_empty() && t.applications.is_empty() {
            // Correspondence and the like: nothing came in, nothing is paid.
            continue;
        }
        let mut postings: Vec<Posting> = ready
            .items
            .iter()
            .map(|item| Posting {
                account: if item.cash { chart.cash.clone() } else { checks.clone() },
                amount: item.amount,
                document: Some(item.document.clone()),
                memo: if item.cash { "cash".into() } else { "check".into() },
            })
            .collect();
        for a in &t.applications {
            postings.push(Posting {
                account: a.ledger.clone(),
                amount: a.amount.negated()?,
                document: None,
                memo: match (&a.biller, &a.bill) {
                    (Some(biller), Some(bill)) => format!("{biller} bill {bill}, {}", a.rule),
                    (Some(biller), None) => format!("{biller} credit, {}", a.rule),
                    (None, _) => format!("unapplied, {}", a.rule),
                },
            });
        }
        let entry = EntryDraft {
            date: head.date,
            batch: Some(head.id.clone()),
            transaction: Some(t.id.clone()),
            memo: format!("payment, transaction {}", t.seq),
            postings,
        };
        assert!(entry.proves()?, "the entry of transaction {} does not sum to zero", t.id);
        out.push(entry);
    }
    Ok(out)
}

/// The entry of a deposit: debit 1030 once, credit 1020 by item.
pub fn deposit_entry(deposit: &Deposit, chart: &Chart) -> Result<EntryDraft, MoneyError> {
    let total = Cents::sum(deposit.items.iter().map(|i| i.amount))?;
    let mut postings = vec![Posting {
        account: chart.transit.clone(),
        amount: total,
        document: None,
        memo: format!("{} deposit {} of {}", deposit.kind.as_str(), deposit.number, deposit.date),
    }];
    for item in &deposit.items {
        postings.push(Posting {
            account: chart.undeposited.clone(),
            amount: item.amount.negated()?,
            document: Some(item.document.clone()),
            memo: format!("item {}", item.sequence),
        });
    }
    Ok(EntryDraft {
        date: deposit.date,
        batch: None,
        transaction: None,
        memo: format!("deposit {}", deposit.id),
        postings,
    })
}
