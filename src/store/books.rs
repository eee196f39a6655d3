//! The books beside posting: entries taken back once by mirror entries, suspense as named items, what the billing system
//! answered, and the journal's end at the close of each day.

use super::audit::Event;
use super::db::{Bulk, Kind, Tx, sql, values};
use super::*;
use crate::domain::{Biller, Day, EntryDraft, Role, Sha256};

/// How an entry was taken back.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Reversal {
    pub entry: i64,
    pub by_entry: i64,
    /// `mirror`, or `unapply` where the money is at the bank and waits in suspense.
    pub kind: String,
    pub note: String,
}

/// Money that is not applied, by the payment it came with.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct SuspenseItem {
    pub transaction: String,
    pub batch: String,
    pub date: Day,
    pub entry: i64,
    pub amount: Cents,
}

/// What the billing system said of a batch's posting file.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct HostAnswer {
    pub batch: BatchId,
    pub sha256: Sha256,
    pub count: u32,
    pub total: Cents,
    pub host_count: u32,
    pub host_total: Cents,
    pub at: String,
}

impl HostAnswer {
    /// Did it take what was sent, to the cent?
    pub fn proves(&self) -> bool {
        self.count == self.host_count && self.total == self.host_total
    }
}

/// The journal's end when a day was closed.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct DayRoot {
    pub date: Day,
    pub number: i64,
    pub hash: Sha256,
}

sql! {
    REVERSALS = "select entry, by_entry, kind, note from reversals where site = $1 order by entry";
    REVERSAL = "select entry, by_entry, kind, note from reversals where site = $1 and entry = $2";
    ADD_REVERSAL = "insert into reversals (site, entry, by_entry, kind, note) values ($1, $2, $3, $4, $5)";
    IS_REVERSAL = "select count(*) from reversals where site = $1 and by_entry = $2";
    /// Checks of an entry that are claimed for a deposit, or that came back.
    AT_BANK = "select count(*) from postings p where p.site = $1 and p.number = $2 and p.amount > 0 and p.document is not null
        and (exists (select 1 from deposit_items i where i.site = p.site and i.document = p.document)
             or p.account <> $3)";
    CAME_BACK = "select count(*) from postings p join returns r on r.site = p.site and r.document = p.document
        where p.site = $1 and p.number = $2";
    OF_POSTING = "select count(*) from posted where site = $1 and kind = 'batch' and $2 between first_entry and last_entry";
    SUSPENSE = "select e.transaction_id, e.batch, min(e.date), min(e.number), cast(sum(p.amount) as bigint)
        from postings p join entries e on e.site = p.site and e.number = p.number
        where p.site = $1 and p.account = $2 and p.number <= $3 and e.transaction_id is not null
        group by e.transaction_id, e.batch having sum(p.amount) <> 0 order by min(e.number)";
    SUSPENSE_OF = "select cast(coalesce(sum(p.amount), 0) as bigint) from postings p
        join entries e on e.site = p.site and e.number = p.number
        where p.site = $1 and p.account = $2 and e.transaction_id = $3";
    ADD_ANSWER = "insert into posting_files (site, batch, sha256, count, total, state, host_count, host_total, at, by_user)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (site, batch) do update set
        state = excluded.state, host_count = excluded.host_count, host_total = excluded.host_total, at = excluded.at,
        by_user = excluded.by_user";
    ANSWERS = "select batch, sha256, count, total, host_count, host_total, at from posting_files where site = $1
        order by batch";
    ROOTS = "select date, number, hash from day_roots where site = $1 order by date";
    ADD_ROOT = "insert into day_roots (site, date, number, hash, at, by_user) values ($1, $2, $3, $4, $5, $6)
        on conflict (site, date) do nothing";
    PAY = "update bills set paid = paid + $4 where site = $1 and biller = $2 and bill = $3";
    REOPEN = "update bills set paid = paid + $4, is_open = true where site = $1 and biller = $2 and bill = $3";
    BALANCES_AT = "select account, cast(sum(case when amount > 0 then amount else 0 end) as bigint),
        cast(sum(case when amount < 0 then -amount else 0 end) as bigint)
        from postings where site = $1 and number <= $2 group by account";
}

const ADD_MOVES: Bulk = Bulk {
    table: "bill_moves",
    columns: &[
        ("site", Kind::Text),
        ("entry", Kind::Int),
        ("place", Kind::Int),
        ("biller", Kind::Text),
        ("bill", Kind::Text),
        ("amount", Kind::Int),
    ],
    tail: "",
};

fn reversal_of(row: &Row) -> Result<Reversal, StoreError> {
    Ok(Reversal { entry: row.int(0)?, by_entry: row.int(1)?, kind: row.text(2)?, note: row.text(3)? })
}

impl Store {
    /// Bills that an entry beside a batch's posting pays (positive) or opens again (negative), with a row for each.
    pub(super) async fn move_bills(
        &self,
        tx: &mut Tx,
        entry: i64,
        moves: &[(Option<Biller>, Option<String>, Cents)],
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for (biller, bill, amount) in moves {
            let (Some(biller), Some(bill)) = (biller, bill) else { continue };
            let text = if amount.is_negative() { REOPEN } else { PAY };
            if tx.run(text, values![self.site(), &biller.0, bill, *amount]).await? != 1 {
                return Err(StoreError::not_found("bill", bill));
            }
            rows.push(values![self.site(), entry, rows.len() as i64 + 1, &biller.0, bill, *amount]);
        }
        tx.insert(&ADD_MOVES, rows).await?;
        Ok(())
    }

    /// Is any check of this entry claimed for a deposit, or at the bank from the first?
    pub async fn entry_is_at_bank(&self, entry: i64) -> Result<bool, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(tx.number(AT_BANK, values![self.site(), entry, &self.chart().undeposited]).await? > 0)
    }

    /// Takes an entry of a payment back, once. `kind` `mirror` needs checks that are still here; `unapply` leaves the money
    /// in suspense. The bills that it paid are open again.
    pub async fn reverse(
        &self,
        entry: i64,
        kind: &str,
        draft: &EntryDraft,
        moves: &[(Option<Biller>, Option<String>, Cents)],
        note: &str,
        by: &UserName,
    ) -> Result<(Reversal, Done), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Approve]).await?;
                // The end of the journal is the lock: two reversals of one entry come one after the other.
                self.lock_head(&mut tx, "journal").await?;
                if let Some(row) = tx.first(REVERSAL, values![self.site(), entry]).await? {
                    return Ok((reversal_of(&row)?, Done::Already));
                }
                let wrong =
                    |why: &str| Err(StoreError::OutOfBalance { what: format!("entry {entry}"), why: why.into() });
                if tx.number(OF_POSTING, values![self.site(), entry]).await? == 0
                    || tx.number(IS_REVERSAL, values![self.site(), entry]).await? > 0
                {
                    return wrong("only the entry of a posted payment is taken back");
                }
                if tx.number(CAME_BACK, values![self.site(), entry]).await? > 0 {
                    return wrong("a check of it came back: the return has taken it back");
                }
                let at_bank = tx.number(AT_BANK, values![self.site(), entry, &self.chart().undeposited]).await? > 0;
                if at_bank != (kind == "unapply") {
                    return wrong("where its checks are has changed");
                }
                let posted =
                    self.append(&mut tx, &format!("entry {entry}"), "reversal", std::slice::from_ref(draft)).await?;
                tx.run(ADD_REVERSAL, values![self.site(), entry, posted.first, kind, note]).await?;
                self.move_bills(&mut tx, posted.first, moves).await?;
                let said = format!("entry {}: {note}", posted.first);
                let id = entry.to_string();
                let event = Event::said(by, "reverse", "entry", &id, &said);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                let reversal =
                    Reversal { entry, by_entry: posted.first, kind: kind.to_string(), note: note.to_string() };
                Ok((reversal, Done::Now))
            })
        })
        .await
    }

    pub async fn reversals(&self) -> Result<Vec<Reversal>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(REVERSALS, values![self.site()]).await?.iter().map(reversal_of).collect()
    }

    /// Open suspense at an entry of the journal, oldest first. Its sum is the ledger account's balance.
    pub async fn suspense(&self, at: i64) -> Result<Vec<SuspenseItem>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(SUSPENSE, values![self.site(), &self.chart().suspense, at]).await?;
        rows.iter()
            .map(|row| {
                Ok(SuspenseItem {
                    transaction: row.text(0)?,
                    batch: row.text_or_null(1)?.unwrap_or_default(),
                    date: row.parsed(2, "entry")?,
                    entry: row.int(3)?,
                    amount: row.cents(4)?.negated()?,
                })
            })
            .collect()
    }

    /// Was this application of suspense made before?
    pub async fn suspense_was_applied(&self, subject: &str) -> Result<bool, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(self.posted_before(&mut tx, subject, "suspense").await?.is_some())
    }

    /// Applies money of suspense to a bill or an account's credit. The same again is known and changes nothing.
    pub async fn apply_suspense(
        &self,
        transaction: &TransactionId,
        draft: &EntryDraft,
        moves: &[(Option<Biller>, Option<String>, Cents)],
        subject: &str,
        by: &UserName,
    ) -> Result<Posted, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Approve]).await?;
                self.lock_head(&mut tx, "journal").await?;
                if let Some(posted) = self.posted_before(&mut tx, subject, "suspense").await? {
                    return Ok(posted);
                }
                let open = tx.number(SUSPENSE_OF, values![self.site(), &self.chart().suspense, transaction]).await?;
                let taken = draft.postings.iter().filter(|p| p.account == self.chart().suspense).map(|p| p.amount);
                let taken = Cents::sum(taken)?;
                if !taken.is_positive() || taken > Cents::new(open).negated()? {
                    let why = format!("its suspense is {}, not {taken}", Cents::new(open).negated()?);
                    return Err(StoreError::OutOfBalance { what: format!("transaction {transaction}"), why });
                }
                let posted = self.append(&mut tx, subject, "suspense", std::slice::from_ref(draft)).await?;
                self.move_bills(&mut tx, posted.first, moves).await?;
                let note = format!("entry {}, {taken}", posted.first);
                let id = transaction.as_str();
                let event = Event::said(by, "apply-suspense", "transaction", id, &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(posted)
            })
        })
        .await
    }

    /// Keeps what the billing system said of a batch's file. What it proved once is not unsaid.
    pub async fn host_answered(&self, answer: &HostAnswer, by: &UserName) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Approve, Role::Release]).await?;
                self.lock_batch(&mut tx, &answer.batch).await?;
                if self.answers(&mut tx).await?.iter().any(|old| old.batch == answer.batch && old.proves()) {
                    return Ok(Done::Already);
                }
                let state = if answer.proves() { "proved" } else { "differs" };
                tx.run(
                    ADD_ANSWER,
                    values![
                        self.site(),
                        &answer.batch,
                        answer.sha256,
                        answer.count,
                        answer.total,
                        state,
                        answer.host_count,
                        answer.host_total,
                        self.now(),
                        by
                    ],
                )
                .await?;
                let note = format!("{state}: host {} of {}", answer.host_count, answer.host_total);
                let id = answer.batch.as_str();
                let event = Event::said(by, "billing-answer", "batch", id, &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    pub async fn host_answers(&self) -> Result<Vec<HostAnswer>, StoreError> {
        let mut tx = self.db().read().await?;
        self.answers(&mut tx).await
    }

    async fn answers(&self, tx: &mut Tx) -> Result<Vec<HostAnswer>, StoreError> {
        let rows = tx.rows(ANSWERS, values![self.site()]).await?;
        rows.iter()
            .map(|row| {
                Ok(HostAnswer {
                    batch: row.parsed(0, "billing answer")?,
                    sha256: row.parsed(1, "billing answer")?,
                    count: row.count(2)?,
                    total: row.cents(3)?,
                    host_count: row.count_or_null(4)?.unwrap_or(0),
                    host_total: row.cents_or_null(5)?.unwrap_or_default(),
                    at: row.text_or_null(6)?.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Keeps the journal's end under a date, once: print it and keep it outside, and nothing before it can be changed
    /// unseen, not even together with the whole chain.
    pub async fn close_day(&self, date: Day, by: &UserName) -> Result<(DayRoot, Done), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Approve]).await?;
                let (number, hash) = self.lock_head(&mut tx, "journal").await?;
                let added = tx.run(ADD_ROOT, values![self.site(), date, number, hash, self.now(), by]).await?;
                if added == 0 {
                    let root = self.roots(&mut tx).await?.into_iter().find(|r| r.date == date);
                    return Ok((root.ok_or_else(|| StoreError::not_found("closed day", date))?, Done::Already));
                }
                let (id, note) = (date.to_string(), format!("entry {number}, {hash}"));
                let event =
                    Event { by, what: "close-day", noun: "day", id: &id, before: None, after: Some(hash), note: &note };
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok((DayRoot { date, number, hash }, Done::Now))
            })
        })
        .await
    }

    pub async fn day_roots(&self) -> Result<Vec<DayRoot>, StoreError> {
        let mut tx = self.db().read().await?;
        self.roots(&mut tx).await
    }

    pub(super) async fn roots(&self, tx: &mut Tx) -> Result<Vec<DayRoot>, StoreError> {
        let rows = tx.rows(ROOTS, values![self.site()]).await?;
        rows.iter()
            .map(|r| Ok(DayRoot { date: r.parsed(0, "day")?, number: r.int(1)?, hash: r.parsed(2, "day")? }))
            .collect()
    }

    /// By account number, as they were after that entry.
    pub async fn balances_at(&self, number: i64) -> Result<Vec<Balance>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(BALANCES_AT, values![self.site(), number]).await? {
            let (debit, credit) = (row.cents(1)?, row.cents(2)?);
            list.push(Balance { account: row.text(0)?, debit, credit, balance: debit.minus(credit)? });
        }
        list.sort_by(|a, b| a.account.cmp(&b.account));
        Ok(list)
    }
}
