//! Returned items: each is taken once, finds one check or waits for a person, and reopens exactly what that check had paid.
//! The same words of the bank twice, or a check that came back already, are known by unique keys and change nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::Event;
use super::db::{Bulk, Kind, Row, Tx, begins, sql, values};
use super::users::hash_of;
use super::*;
use crate::domain::{
    AccountNumber, Biller, Day, EntryDraft, Posting, ReturnEvent, ReturnId, ReturnItem, ReturnPart, ReturnPolicy,
    ReturnState, Returned, Role, Sha256,
};

/// A check that is at the bank: what a return may be of.
#[derive(Clone, PartialEq, Debug)]
pub struct AtBank {
    pub document: DocumentId,
    pub batch: BatchId,
    pub transaction: TransactionId,
    pub amount: Cents,
    /// `None` where the bank took the check itself (lockbox, bank file).
    pub deposit: Option<DepositId>,
    pub sequence: Option<String>,
    /// Deposited, or taken by the bank, on this day.
    pub date: Day,
    /// The return that names it already.
    pub returned: Option<(ReturnId, ReturnState)>,
}

/// A return as it comes, with what it turned out to be.
#[derive(Clone, PartialEq, Debug)]
pub struct NewReturn {
    /// What the bank's own words make of it: the same twice is the same return.
    pub mark: Sha256,
    pub item: ReturnItem,
    pub date: Day,
    pub outcome: Outcome,
    pub note: String,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Of this check.
    Found(Box<Settled>),
    /// A person must say of which.
    Unmatched,
    /// The second return of an item that was presented again: that one is final now.
    Again(ReturnId),
    /// Moves no money of ours.
    Noted,
}

/// A return's check and what it reopens.
#[derive(Clone, PartialEq, Debug)]
pub struct Settled {
    pub document: DocumentId,
    pub deposit: Option<DepositId>,
    pub parts: Vec<ReturnPart>,
    pub fee: Cents,
    /// The mirror entry, then that of the fee.
    pub drafts: Vec<EntryDraft>,
    pub policy: ReturnPolicy,
}

sql! {
    /// Ours by the deposit's items, the bank's own by the entries of its batches.
    AT_BANK = "select i.document, e.batch, e.transaction_id, i.amount, i.deposit, i.sequence, d.date, r.id, r.state
        from deposit_items i join deposits d on d.site = i.site and d.id = i.deposit
        join postings p on p.site = i.site and p.document = i.document and p.amount = i.amount
        join entries e on e.site = p.site and e.number = p.number
        join posted o on o.site = e.site and o.subject = e.batch and o.kind = 'batch'
            and e.number between o.first_entry and o.last_entry
        left join returns r on r.site = i.site and r.document = i.document
        where i.site = $1 and i.amount = $2 and d.state <> 'reserved'
        union select p.document, e.batch, e.transaction_id, p.amount, null, null, b.date, r.id, r.state
        from batches b join posted o on o.site = b.site and o.subject = b.id and o.kind = 'batch'
        join entries e on e.site = b.site and e.batch = b.id and e.number between o.first_entry and o.last_entry
        join postings p on p.site = e.site and p.number = e.number
        left join returns r on r.site = p.site and r.document = p.document
        where b.site = $1 and b.origin in ('lockbox', 'bank-file') and p.amount = $2 and p.document is not null";
    BY_MARK = "select id from returns where site = $1 and mark = $2";
    BY_DOCUMENT = "select id from returns where site = $1 and document = $2";
    ADD = "insert into returns (site, id, mark, channel, reason, code, amount, date, state, fee, note, at, by_user, sealed)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13) on conflict (site, mark) do nothing";
    SETTLE = "update returns set state = 'returned', document = $3, deposit = $4, entry = $5, fee = $6, note = $7
              where site = $1 and id = $2 and state = 'unmatched'";
    MOVE = "update returns set state = $4, due = $5 where site = $1 and id = $2 and state = $3";
    ONE = "select id, state, date, document, deposit, entry, fee, due, note, sealed from returns where site = $1 and id = $2";
    LIKE = concat!("select id, state, date, document, deposit, entry, fee, due, note, sealed from returns
            where site = $1 and ", begins!("id"), " limit 2");
    LIST = "select id, state, date, document, deposit, entry, fee, due, note, sealed from returns where site = $1
            order by date, id";
    PARTS = "select return_id, biller, account, bill, ledger, amount from return_parts where site = $1
             order by return_id, place";
    PARTS_OF = "select return_id, biller, account, bill, ledger, amount from return_parts
                where site = $1 and return_id = $2 order by place";
    POSTED_WITH = "select count(*) from postings p join entries e on e.site = p.site and e.number = p.number
                   where p.site = $1 and p.document = $2 and p.amount = $3 and e.transaction_id is not null";
    /// Returns of an account between two days, neither included.
    DAYS = "select distinct return_id, date from return_parts where site = $1 and account = $2 and date > $3 and date < $4
            and coalesce(biller, '') = $5";
    /// What was said before is never shortened.
    RESTRICT = "insert into restrictions (site, biller, account, until, return_id) values ($1, $2, $3, $4, $5)
                on conflict (site, biller, account) do update set until = excluded.until, return_id = excluded.return_id
                where restrictions.until < excluded.until";
    RESTRICTED = "select biller, account, until from restrictions where site = $1 and account any_of($2) and until >= $3";
}

const ADD_PARTS: Bulk = Bulk {
    table: "return_parts",
    columns: &[
        ("site", Kind::Text),
        ("return_id", Kind::Text),
        ("place", Kind::Int),
        ("date", Kind::Text),
        ("biller", Kind::Text),
        ("account", Kind::Text),
        ("bill", Kind::Text),
        ("ledger", Kind::Text),
        ("amount", Kind::Int),
    ],
    tail: "",
};

/// What became of a return that was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenReturn {
    pub id: ReturnId,
    pub done: Done,
    /// Accounts that pay by cash only from now on, with the last day.
    pub restricted: Vec<(Biller, AccountNumber, Day)>,
}

fn part_of(row: &Row) -> Result<ReturnPart, StoreError> {
    Ok(ReturnPart {
        biller: row.text_or_null(1)?.map(Biller),
        account: row.text_or_null(2)?.map(AccountNumber::new),
        bill: row.text_or_null(3)?,
        ledger: row.text(4)?,
        amount: row.cents(5)?,
    })
}

impl Store {
    /// Checks of this amount that are at the bank.
    pub async fn at_bank(&self, amount: Cents) -> Result<Vec<AtBank>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(AT_BANK, values![self.site(), amount]).await? {
            let id: Option<ReturnId> = row.parsed_or_null(7, "return")?;
            let returned = id.map(|id| Ok::<_, StoreError>((id, row.known(8, "return", ReturnState::parse)?)));
            list.push(AtBank {
                document: row.parsed(0, "deposit item")?,
                batch: row.parsed(1, "entry")?,
                transaction: row.parsed(2, "entry")?,
                amount: row.cents(3)?,
                deposit: row.parsed_or_null(4, "deposit item")?,
                sequence: row.text_or_null(5)?,
                date: row.parsed(6, "deposit")?,
                returned: returned.transpose()?,
            });
        }
        list.sort_by(|a: &AtBank, b| a.document.cmp(&b.document));
        Ok(list)
    }

    /// The return that these words of the bank made before.
    pub async fn return_known(&self, mark: Sha256) -> Result<Option<ReturnId>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.first(BY_MARK, values![self.site(), mark]).await?.map(|row| row.parsed(0, "return")).transpose()
    }

    /// Takes a return, with everything that it moves, in one transaction. `Done::Already` with the earlier return's id when
    /// the same was taken before; nothing changes then.
    pub async fn take_return(&self, new: &NewReturn, by: &UserName) -> Result<TakenReturn, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Match, Role::Release]).await?;
                let id = ReturnId::of(&[self.site().as_bytes(), &new.mark.0]);
                let state = match &new.outcome {
                    Outcome::Found(_) | Outcome::Unmatched => ReturnState::Unmatched,
                    Outcome::Again(_) | Outcome::Noted => ReturnState::Noted,
                };
                let sealed = self.keys().seal_json(&["returns", "sealed", id.as_str()], &new.item)?;
                let channel = serde_json::to_value(new.item.channel).map_err(|e| StoreError::damaged("a return", e))?;
                let added = tx
                    .run(
                        ADD,
                        values![
                            self.site(),
                            &id,
                            new.mark,
                            channel.as_str(),
                            new.item.reason.as_str(),
                            &new.item.code,
                            new.item.amount,
                            new.date,
                            state.as_str(),
                            &new.note,
                            self.now(),
                            by,
                            sealed
                        ],
                    )
                    .await?;
                if added == 0 {
                    return Ok(TakenReturn { id, done: Done::Already, restricted: Vec::new() });
                }
                let mut restricted = Vec::new();
                let mut note = format!("{}, {}", new.item.code, new.item.amount);
                match &new.outcome {
                    Outcome::Found(settled) => {
                        restricted =
                            self.settle_return(&mut tx, &id, new.item.amount, new.date, settled, &new.note).await?;
                        note.push_str(&format!(", check {}", settled.document));
                    }
                    Outcome::Again(first) => {
                        self.move_return(&mut tx, first, ReturnEvent::ChargeBack, None).await?;
                        note.push_str(&format!(", charges back {first}"));
                    }
                    Outcome::Unmatched | Outcome::Noted => {}
                }
                let after = Some(hash_of(&new.item)?);
                let event = Event {
                    by,
                    what: "take-return",
                    noun: "return",
                    id: id.as_str(),
                    before: None,
                    after,
                    note: &note,
                };
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(TakenReturn { id, done: Done::Now, restricted })
            })
        })
        .await
    }

    /// A person says of which check an unmatched return is.
    pub async fn match_return(
        &self,
        id: &ReturnId,
        date: Day,
        settled: &Settled,
        by: &UserName,
    ) -> Result<TakenReturn, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Match, Role::Release]).await?;
                let old = self.this_return(&mut tx, id.as_str(), [ONE]).await?;
                if old.document.as_ref() == Some(&settled.document) {
                    return Ok(TakenReturn { id: id.clone(), done: Done::Already, restricted: Vec::new() });
                }
                let note = format!("named by {by}");
                let restricted = self.settle_return(&mut tx, id, old.item.amount, date, settled, &note).await?;
                let note = format!("check {}", settled.document);
                let event = Event::said(by, "match-return", "return", id.as_str(), &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(TakenReturn { id: id.clone(), done: Done::Now, restricted })
            })
        })
        .await
    }

    async fn settle_return(
        &self,
        tx: &mut Tx,
        id: &ReturnId,
        amount: Cents,
        date: Day,
        settled: &Settled,
        note: &str,
    ) -> Result<Vec<(Biller, AccountNumber, Day)>, StoreError> {
        let site = self.site();
        let wrong = |why: &str| Err(StoreError::OutOfBalance { what: format!("return {id}"), why: why.into() });
        if let Some(row) = tx.first(BY_DOCUMENT, values![site, &settled.document]).await? {
            return Err(StoreError::Exists { what: format!("return {} of check {}", row.text(0)?, settled.document) });
        }
        if Cents::sum(settled.parts.iter().map(|p| p.amount))? != amount
            || settled.parts.iter().any(|p| !p.amount.is_positive())
        {
            return wrong("what it reopens is not what came back");
        }
        if tx.number(POSTED_WITH, values![site, &settled.document, amount]).await? == 0 {
            return wrong("the check was not posted with this amount");
        }
        let expected = if settled.fee.is_positive() { 2 } else { 1 };
        let debits =
            |d: &EntryDraft| Cents::sum(d.postings.iter().map(|p: &Posting| p.amount).filter(|a| a.is_positive()));
        if settled.drafts.len() != expected
            || debits(&settled.drafts[0])? != amount
            || settled.drafts.get(1).is_some_and(|d| debits(d) != Ok(settled.fee))
        {
            return wrong("its entries are not its amount and its fee");
        }
        let posted = self.append(tx, id.as_str(), "return", &settled.drafts).await?;
        let touched = tx
            .run(
                SETTLE,
                values![site, id, &settled.document, settled.deposit.as_ref(), posted.first, settled.fee, note],
            )
            .await?;
        if touched != 1 {
            return Err(StoreError::Conflict { what: format!("return {id}") });
        }
        let rows = settled.parts.iter().zip(1i64..).map(|(p, place)| {
            values![
                site,
                id,
                place,
                date,
                p.biller.as_ref().map(|b| b.0.as_str()),
                p.account.as_ref().map(|a| a.reveal()),
                &p.bill,
                &p.ledger,
                p.amount
            ]
        });
        tx.insert(&ADD_PARTS, rows.collect()).await?;
        let unpaid = settled.parts.iter().map(|p| Ok((p.biller.clone(), p.bill.clone(), p.amount.negated()?)));
        let unpaid = unpaid.collect::<Result<Vec<_>, StoreError>>()?;
        self.move_bills(tx, posted.first, &unpaid).await?;
        self.restrict(tx, id, date, settled).await
    }

    /// Accounts with too many returns within twelve months pay by cash for a time, counted from the last of these. A return that
    /// is taken late counts with those that came after it as well.
    async fn restrict(
        &self,
        tx: &mut Tx,
        id: &ReturnId,
        date: Day,
        settled: &Settled,
    ) -> Result<Vec<(Biller, AccountNumber, Day)>, StoreError> {
        let mut restricted = Vec::new();
        if settled.policy.cash_only_after == 0 {
            return Ok(restricted);
        }
        let accounts: BTreeSet<(&Biller, &AccountNumber)> =
            settled.parts.iter().filter_map(|p| Some((p.biller.as_ref()?, p.account.as_ref()?))).collect();
        let (since, before) = (date.plus_months(-12), date.plus_months(12));
        for (biller, account) in accounts {
            let mut days = Vec::new();
            for row in tx.rows(DAYS, values![self.site(), account.reveal(), since, before, &biller.0]).await? {
                days.push(row.parsed::<Day>(1, "return")?);
            }
            let within = |last: Day| days.iter().filter(|d| **d <= last && **d > last.plus_months(-12)).count();
            let enough = |last: &Day| *last >= date && within(*last) >= settled.policy.cash_only_after as usize;
            if let Some(last) = days.iter().copied().filter(enough).max() {
                let until = last.plus_months(settled.policy.cash_only_months as i32);
                tx.run(RESTRICT, values![self.site(), &biller.0, account.reveal(), until, id]).await?;
                restricted.push((biller.clone(), account.clone(), until));
            }
        }
        Ok(restricted)
    }

    async fn move_return(
        &self,
        tx: &mut Tx,
        id: &ReturnId,
        event: ReturnEvent,
        due: Option<Day>,
    ) -> Result<Done, StoreError> {
        let old = self.this_return(tx, id.as_str(), [ONE]).await?;
        let Some(after) = old.state.after(event) else {
            let done = match event {
                ReturnEvent::Match => false,
                ReturnEvent::Represent => old.state == ReturnState::Represented,
                ReturnEvent::Clear => old.state == ReturnState::Cleared,
                ReturnEvent::ChargeBack => old.state == ReturnState::ChargedBack,
            };
            return match done {
                true => Ok(Done::Already),
                false => Err(StoreError::Conflict { what: format!("return {id} ({})", old.state.as_str()) }),
            };
        };
        match tx.run(MOVE, values![self.site(), id, old.state.as_str(), after.as_str(), due]).await? {
            1 => Ok(Done::Now),
            _ => Err(StoreError::Conflict { what: format!("return {id}") }),
        }
    }

    /// The bank presents it again (`due` is the day after which it has cleared), it is final, or it has cleared: then `entry`
    /// pays again what the return had reopened.
    pub async fn return_event(
        &self,
        id: &ReturnId,
        event: ReturnEvent,
        due: Option<Day>,
        entry: Option<&EntryDraft>,
        by: &UserName,
    ) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Match, Role::Release]).await?;
                if self.move_return(&mut tx, id, event, due).await? == Done::Already {
                    return Ok(Done::Already);
                }
                if event == ReturnEvent::Clear {
                    let stored = self.this_return(&mut tx, id.as_str(), [ONE]).await?;
                    let entry = entry.filter(|e| {
                        let paid = e.postings.iter().map(|p| p.amount).filter(|a| a.is_positive());
                        Cents::sum(paid) == Ok(stored.item.amount)
                    });
                    let Some(entry) = entry else {
                        let why = "the entry does not pay what the return had reopened".into();
                        return Err(StoreError::OutOfBalance { what: format!("return {id}"), why });
                    };
                    let posted = self.append(&mut tx, id.as_str(), "cleared", std::slice::from_ref(entry)).await?;
                    let paid: Vec<_> =
                        stored.parts.iter().map(|p| (p.biller.clone(), p.bill.clone(), p.amount)).collect();
                    self.move_bills(&mut tx, posted.first, &paid).await?;
                }
                let what = match event {
                    ReturnEvent::Match => "match-return",
                    ReturnEvent::Represent => "represent",
                    ReturnEvent::Clear => "clear-return",
                    ReturnEvent::ChargeBack => "charge-back",
                };
                let note = due.map(|d| format!("until {d}")).unwrap_or_default();
                let event = Event::said(by, what, "return", id.as_str(), &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    /// By date and id.
    pub async fn returns(&self) -> Result<Vec<Returned>, StoreError> {
        let mut tx = self.db().read().await?;
        self.all_returns(&mut tx).await
    }

    pub(super) async fn all_returns(&self, tx: &mut Tx) -> Result<Vec<Returned>, StoreError> {
        let mut parts: BTreeMap<String, Vec<ReturnPart>> = BTreeMap::new();
        for row in tx.rows(PARTS, values![self.site()]).await? {
            parts.entry(row.text(0)?).or_default().push(part_of(&row)?);
        }
        let rows = tx.rows(LIST, values![self.site()]).await?;
        rows.iter().map(|row| self.returned_of(row, parts.remove(&row.text(0)?).unwrap_or_default())).collect()
    }

    /// By id or unique beginning of one.
    pub async fn returned(&self, id: &str) -> Result<Returned, StoreError> {
        let mut tx = self.db().read().await?;
        self.this_return(&mut tx, id, [ONE, LIKE]).await
    }

    async fn this_return(
        &self,
        tx: &mut Tx,
        id: &str,
        texts: impl IntoIterator<Item = &'static str>,
    ) -> Result<Returned, StoreError> {
        let row = self.find(tx, "return", id, texts).await?;
        let parts = tx.rows(PARTS_OF, values![self.site(), row.text(0)?]).await?;
        self.returned_of(&row, parts.iter().map(part_of).collect::<Result<_, _>>()?)
    }

    fn returned_of(&self, row: &Row, parts: Vec<ReturnPart>) -> Result<Returned, StoreError> {
        let id: ReturnId = row.parsed(0, "return")?;
        let place = format!("return {id}");
        Ok(Returned {
            state: row.known(1, &place, ReturnState::parse)?,
            date: row.parsed(2, &place)?,
            document: row.parsed_or_null(3, &place)?,
            deposit: row.parsed_or_null(4, &place)?,
            entry: row.int_or_null(5)?,
            fee: row.cents(6)?,
            due: row.parsed_or_null(7, &place)?,
            note: row.text(8)?,
            item: self.keys().open_json(&["returns", "sealed", id.as_str()], &row.bytes(9)?)?,
            parts,
            id,
        })
    }

    /// Of these accounts, those that pay by cash only on that day because of their returns, with the last day.
    pub async fn cash_only(
        &self,
        accounts: &[&AccountNumber],
        date: Day,
    ) -> Result<Vec<(Biller, AccountNumber, Day)>, StoreError> {
        let numbers: BTreeSet<String> = accounts.iter().map(|a| a.reveal().to_string()).collect();
        let mut tx = self.db().read().await?;
        let rows = tx.rows(RESTRICTED, values![self.site(), Vec::from_iter(numbers), date]).await?;
        rows.iter()
            .map(|r| Ok((Biller(r.text(0)?), AccountNumber::new(r.text(1)?), r.parsed(2, "restriction")?)))
            .collect()
    }
}
