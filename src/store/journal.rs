//! The journal: append-only entries, numbered without gaps and chained by hash, and the posting of a batch as one
//! transaction.

use std::collections::BTreeMap;

use super::audit::Event;
use super::db::{Bulk, Kind, Row, Tx, sql, values};
use super::*;
use crate::domain::{Batch, BatchEvent, EntryDraft, Posting, Role, Sha256};

/// One ledger account's sums; `balance` is debits less credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balance {
    pub account: String,
    pub debit: Cents,
    pub credit: Cents,
    pub balance: Cents,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posted {
    pub done: Done,
    /// Numbers of the first and last entry; `first` is above `last` where nothing had to be posted.
    pub first: i64,
    pub last: i64,
}

sql! {
    POSTED = "select first_entry, last_entry from posted where site = $1 and subject = $2 and kind = $3";
    ADD_POSTED = "insert into posted (site, subject, kind, first_entry, last_entry) values ($1, $2, $3, $4, $5)";
    POST_TRANSACTIONS = "update transactions set state = 'posted' where site = $1 and batch = $2
                         and state in ('clean', 'ready')";
    ENTRIES = "select number, date, batch, transaction_id, memo, previous, hash from entries
               where site = $1 and number > $2 and number <= $3 order by number";
    POSTINGS = "select number, account, amount, document, memo from postings
                where site = $1 and number > $2 and number <= $3 order by number, place";
    ENTRIES_OF_BATCH = "select number, date, batch, transaction_id, memo, previous, hash from entries
                        where site = $1 and batch = $2 order by number";
    POSTINGS_OF_BATCH = "select p.number, p.account, p.amount, p.document, p.memo from entries e cross join postings p
                         where e.site = $1 and e.batch = $2 and p.site = e.site and p.number = e.number
                         order by p.number, p.place";
    BALANCES = "select account, cast(sum(case when amount > 0 then amount else 0 end) as bigint),
                cast(sum(case when amount < 0 then -amount else 0 end) as bigint)
                from postings where site = $1 group by account";
}

const ADD_ENTRIES: Bulk = Bulk {
    table: "entries",
    columns: &[
        ("site", Kind::Text),
        ("number", Kind::Int),
        ("date", Kind::Text),
        ("batch", Kind::Text),
        ("transaction_id", Kind::Text),
        ("memo", Kind::Text),
        ("previous", Kind::Text),
        ("hash", Kind::Text),
    ],
    tail: "",
};

const ADD_POSTINGS: Bulk = Bulk {
    table: "postings",
    columns: &[
        ("site", Kind::Text),
        ("number", Kind::Int),
        ("place", Kind::Int),
        ("account", Kind::Text),
        ("amount", Kind::Int),
        ("document", Kind::Text),
        ("memo", Kind::Text),
    ],
    tail: "",
};

/// What the debits of a draft come to.
fn debits(draft: &EntryDraft) -> Result<Cents, StoreError> {
    Ok(Cents::sum(draft.postings.iter().map(|p| p.amount).filter(|a| a.is_positive()))?)
}

impl Store {
    /// Puts drafts at the end of the chain and remembers under (subject, kind) that it was done. The caller has looked
    /// whether it was done before; the unique key stops whoever did not.
    pub(super) async fn append(
        &self,
        tx: &mut Tx,
        subject: &str,
        kind: &'static str,
        drafts: &[EntryDraft],
    ) -> Result<Posted, StoreError> {
        let (last, mut previous) = self.lock_head(tx, "journal").await?;
        let (mut entries, mut postings) = (Vec::new(), Vec::new());
        let mut number = last;
        for draft in drafts {
            if !draft.proves()? {
                let what = format!("an entry of {subject}");
                return Err(StoreError::OutOfBalance { what, why: "its postings do not sum to zero".into() });
            }
            number += 1;
            let entry = Entry::chained(number, previous, draft.clone());
            previous = entry.hash;
            entries.push(values![
                self.site(),
                number,
                draft.date,
                draft.batch.as_ref(),
                draft.transaction.as_ref(),
                &draft.memo,
                entry.previous,
                entry.hash
            ]);
            for (place, p) in draft.postings.iter().enumerate() {
                let place = place as i64 + 1;
                let document = p.document.as_ref();
                postings.push(values![self.site(), number, place, &p.account, p.amount, document, &p.memo]);
            }
        }
        tx.insert(&ADD_ENTRIES, entries).await?;
        tx.insert(&ADD_POSTINGS, postings).await?;
        tx.run(ADD_POSTED, values![self.site(), subject, kind, last + 1, number]).await?;
        self.move_head(tx, "journal", number, previous).await?;
        Ok(Posted { done: Done::Now, first: last + 1, last: number })
    }

    pub(super) async fn posted_before(
        &self,
        tx: &mut Tx,
        subject: &str,
        kind: &'static str,
    ) -> Result<Option<Posted>, StoreError> {
        let row = tx.first(POSTED, values![self.site(), subject, kind]).await?;
        row.map(|row| Ok(Posted { done: Done::Already, first: row.int(0)?, last: row.int(1)? })).transpose()
    }

    /// Posts an approved batch: one entry per draft at the end of the chain, its clean and ready transactions become
    /// `posted`, their applications pay the bills, and the batch is `posted`; all or nothing, at most once. Every
    /// transaction that can post and has received anything needs exactly one draft that names it and debits what it
    /// received.
    pub async fn post_batch(
        &self,
        batch: &BatchId,
        drafts: &[EntryDraft],
        by: &UserName,
    ) -> Result<Posted, StoreError> {
        self.again(|| Box::pin(self.post_once(batch, drafts, by))).await
    }

    async fn post_once(&self, batch: &BatchId, drafts: &[EntryDraft], by: &UserName) -> Result<Posted, StoreError> {
        let mut tx = self.db().write().await?;
        let state = self.lock_batch(&mut tx, batch).await?;
        if let Some(posted) = self.posted_before(&mut tx, batch.as_str(), "batch").await? {
            return Ok(posted);
        }
        self.may(&mut tx, by, &[Role::Approve]).await?;
        if state.after(BatchEvent::Post).is_none() {
            return Err(StoreError::WrongState { batch: batch.to_string(), state, event: BatchEvent::Post });
        }
        let stored = self.this_batch(&mut tx, batch).await?;
        two_people(&stored)?;
        let transactions = self.prove_batch(&mut tx, batch).await?;
        covers(batch, &transactions, drafts)?;
        let mut paid: BTreeMap<(Option<String>, String), Cents> = BTreeMap::new();
        for a in transactions.iter().flat_map(|t| &t.applications) {
            if let Some(bill) = &a.bill {
                let sum = paid.entry((a.biller.as_ref().map(|b| b.0.clone()), bill.clone())).or_default();
                *sum = sum.plus(a.amount)?;
            }
        }
        self.pay_bills(&mut tx, &paid).await?;
        tx.run(POST_TRANSACTIONS, values![self.site(), batch]).await?;
        self.move_locked(&mut tx, batch, state, BatchEvent::Post).await?;
        tx.fold_notes().await?;
        let posted = self.append(&mut tx, batch.as_str(), "batch", drafts).await?;
        let note = format!("entries {} to {}", posted.first, posted.last);
        let event = Event::said(by, "post", "batch", batch.as_str(), &note);
        self.record(&mut tx, event).await?;
        tx.commit().await?;
        Ok(posted)
    }

    /// Entries with a number above `after`, in order, at most `limit`: pages of a stream.
    pub async fn entries(&self, after: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.db().read().await?;
        self.entries_page(&mut tx, after, limit).await
    }

    pub(super) async fn entries_page(&self, tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let which = values![self.site(), after, after.saturating_add(i64::from(limit))];
        let entries = tx.rows(ENTRIES, which.clone()).await?;
        let postings = tx.rows(POSTINGS, which).await?;
        joined(&entries, &postings)
    }

    /// The entries of one batch, in order.
    pub async fn entries_of_batch(&self, batch: &BatchId) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.db().read().await?;
        let entries = tx.rows(ENTRIES_OF_BATCH, values![self.site(), batch]).await?;
        let postings = tx.rows(POSTINGS_OF_BATCH, values![self.site(), batch]).await?;
        joined(&entries, &postings)
    }

    /// By account number.
    pub async fn balances(&self) -> Result<Vec<Balance>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(BALANCES, values![self.site()]).await? {
            let (debit, credit) = (row.cents(1)?, row.cents(2)?);
            list.push(Balance { account: row.text(0)?, debit, credit, balance: debit.minus(credit)? });
        }
        list.sort_by(|a, b| a.account.cmp(&b.account));
        Ok(list)
    }
}

/// What is approved was balanced by somebody else.
fn two_people(batch: &Batch) -> Result<(), StoreError> {
    match (&batch.balanced_by, &batch.approved_by) {
        (Some(balancer), Some(approver)) if balancer != approver => Ok(()),
        _ => Err(StoreError::damaged(format!("batch {}", batch.id), "it was not approved by a second person")),
    }
}

/// Each transaction that received something has exactly one draft, which debits exactly that.
fn covers(batch: &BatchId, transactions: &[Transaction], drafts: &[EntryDraft]) -> Result<(), StoreError> {
    let wrong = |what: String, why: &str| Err(StoreError::OutOfBalance { what, why: why.into() });
    let mut open: BTreeMap<&TransactionId, Cents> = transactions
        .iter()
        .filter_map(|t| t.received.filter(|r| !r.is_zero()).map(|received| (&t.id, received)))
        .collect();
    for draft in drafts {
        let Some(id) = draft.transaction.as_ref() else {
            return wrong(format!("posting of batch {batch}"), "an entry names no transaction");
        };
        if draft.batch.as_ref() != Some(batch) {
            return wrong(format!("entry of transaction {id}"), "it names another batch");
        }
        match open.remove(id) {
            Some(received) if received == debits(draft)? => {}
            Some(_) => return wrong(format!("entry of transaction {id}"), "its debits are not what was received"),
            None => return wrong(format!("entry of transaction {id}"), "there is nothing (more) of it to post"),
        }
    }
    match open.keys().next() {
        None => Ok(()),
        Some(id) => wrong(format!("transaction {id}"), "it has no entry"),
    }
}

fn joined(entries: &[Row], postings: &[Row]) -> Result<Vec<Entry>, StoreError> {
    let mut by_number: BTreeMap<i64, Vec<Posting>> = BTreeMap::new();
    for row in postings {
        let number = row.int(0)?;
        by_number.entry(number).or_default().push(Posting {
            account: row.text(1)?,
            amount: row.cents(2)?,
            document: row.parsed_or_null(3, &format!("entry {number}"))?,
            memo: row.text(4)?,
        });
    }
    entries
        .iter()
        .map(|row| {
            let number = row.int(0)?;
            let place = format!("entry {number}");
            let (previous, hash): (Sha256, Sha256) = (row.parsed(5, &place)?, row.parsed(6, &place)?);
            let draft = EntryDraft {
                date: row.parsed(1, &place)?,
                batch: row.parsed_or_null(2, &place)?,
                transaction: row.parsed_or_null(3, &place)?,
                memo: row.text(4)?,
                postings: by_number.remove(&number).unwrap_or_default(),
            };
            Ok(Entry { number, draft, previous, hash })
        })
        .collect()
}
