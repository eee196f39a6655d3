//! The cash drawer's rows: slips numbered without gaps over all drawers of the site, each with its journal entry in the same
//! transaction, and the count and close of a drawer.

use super::audit::Event;
use super::db::{Row, Tx, sql, values};
use super::*;
use crate::domain::{AccountNumber, Biller, Day, EntryDraft, Role, drawer::Tender};
use crate::matching::Notice;

/// A cashier's drawer from its opening to its close.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Drawer {
    pub number: i64,
    pub name: String,
    pub date: Day,
    pub cashier: UserName,
    /// `open`, `counted`, `closed`.
    pub state: String,
    /// Cash that it began with.
    pub opening: Cents,
    /// The pieces as counted, as JSON; empty before.
    #[serde(skip)]
    pub counts: String,
    pub counted_cash: Option<Cents>,
    pub counted_checks: Option<Cents>,
    pub counted_by: Option<UserName>,
    pub over_short: Option<Cents>,
}

/// A receipt or a payout.
#[derive(Clone, PartialEq, Debug)]
pub struct Slip {
    /// From 1, without gaps.
    pub number: i64,
    pub drawer: i64,
    pub is_payout: bool,
    pub tender: Tender,
    pub amount: Cents,
    /// What was handed over; the change is the difference.
    pub tendered: Cents,
    /// Check number, money-order number, card reference.
    pub reference: String,
    pub biller: Option<Biller>,
    pub account: Option<AccountNumber>,
    pub bill: Option<String>,
    pub memo: String,
    pub at: String,
    pub by: UserName,
    pub entry: i64,
}

/// A slip to be written; the store gives it its number.
#[derive(Clone, PartialEq, Debug)]
pub struct NewSlip {
    pub is_payout: bool,
    pub tender: Tender,
    pub amount: Cents,
    pub tendered: Cents,
    pub reference: String,
    pub biller: Option<Biller>,
    pub account: Option<AccountNumber>,
    pub bill: Option<String>,
    /// So much of it pays the bill; the rest is the account's credit.
    pub to_bill: Cents,
    pub memo: String,
    /// Chosen by the caller: the same mark again is the same slip. Empty: each call is a new one.
    pub mark: String,
    /// Who must hear of it; it gets the slip's number.
    pub notice: Option<Notice>,
}

sql! {
    HEAD = "insert into heads (site, chain, number, hash) values ($1, $2, 0, $3) on conflict do nothing";
    OPEN = "select number from drawers where site = $1 and name = $2 and state <> 'closed'";
    ADD = "insert into drawers (site, number, name, date, cashier, state, opening, counts)
           values ($1, $2, $3, $4, $5, 'open', $6, '')";
    LOCK = "update drawers set state = state where site = $1 and number = $2";
    ONE = "select number, name, date, cashier, state, opening, counts, counted_cash, counted_checks, counted_by, over_short
           from drawers where site = $1 and number = $2";
    LIST = "select number, name, date, cashier, state, opening, counts, counted_cash, counted_checks, counted_by, over_short
            from drawers where site = $1 order by number";
    COUNTED = "update drawers set state = 'counted', counts = $3, counted_cash = $4, counted_checks = $5, counted_by = $6
               where site = $1 and number = $2 and state in ('open', 'counted')";
    CLOSED = "update drawers set state = 'closed', over_short = $3, entry = $4
              where site = $1 and number = $2 and state = 'counted'";
    ADD_SLIP = "insert into drawer_slips (site, number, drawer, kind, tender, amount, tendered, reference, biller, account,
                bill, memo, mark, at, by_user, entry)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    SLIPS = "select number, drawer, kind, tender, amount, tendered, reference, biller, account, bill, memo, at, by_user, entry
             from drawer_slips where site = $1 and drawer = $2 order by number";
    MARKED = "select number, drawer, kind, tender, amount, tendered, reference, biller, account, bill, memo, at, by_user, entry
              from drawer_slips where site = $1 and mark = $2";
}

fn drawer_of(row: &Row) -> Result<Drawer, StoreError> {
    Ok(Drawer {
        number: row.int(0)?,
        name: row.text(1)?,
        date: row.parsed(2, "drawer")?,
        cashier: UserName(row.text(3)?),
        state: row.text(4)?,
        opening: row.cents(5)?,
        counts: row.text(6)?,
        counted_cash: row.cents_or_null(7)?,
        counted_checks: row.cents_or_null(8)?,
        counted_by: row.text_or_null(9)?.map(UserName),
        over_short: row.cents_or_null(10)?,
    })
}

fn slip_of(row: &Row) -> Result<Slip, StoreError> {
    Ok(Slip {
        number: row.int(0)?,
        drawer: row.int(1)?,
        is_payout: row.text(2)? == "payout",
        tender: row.known(3, "slip", Tender::parse)?,
        amount: row.cents(4)?,
        tendered: row.cents(5)?,
        reference: row.text(6)?,
        biller: row.text_or_null(7)?.map(Biller),
        account: row.text_or_null(8)?.map(AccountNumber::new),
        bill: row.text_or_null(9)?,
        memo: row.text(10)?,
        at: row.text(11)?,
        by: UserName(row.text(12)?),
        entry: row.int(13)?,
    })
}

impl Store {
    /// The next number of a row without gaps: locked until this transaction ends.
    async fn next_number(&self, tx: &mut Tx, chain: &'static str) -> Result<i64, StoreError> {
        tx.run(HEAD, values![self.site(), chain, Entry::GENESIS]).await?;
        let (last, hash) = self.lock_head(tx, chain).await?;
        self.move_head(tx, chain, last + 1, hash).await?;
        Ok(last + 1)
    }

    /// Opens a drawer with so much cash in it; the one of that name that is open already, when there is one.
    pub async fn open_drawer(
        &self,
        name: &str,
        date: Day,
        opening: Cents,
        by: &UserName,
    ) -> Result<(Drawer, Done), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Cashier]).await?;
                let number = self.next_number(&mut tx, "drawer").await?;
                if let Some(row) = tx.first(OPEN, values![self.site(), name]).await? {
                    return Ok((self.this_drawer(&mut tx, row.int(0)?).await?, Done::Already));
                }
                tx.run(ADD, values![self.site(), number, name, date, by, opening]).await?;
                let (id, note) = (number.to_string(), format!("{name}, {opening}"));
                let event = Event::said(by, "open", "drawer", &id, &note);
                self.record(&mut tx, event).await?;
                let drawer = self.this_drawer(&mut tx, number).await?;
                tx.commit().await?;
                Ok((drawer, Done::Now))
            })
        })
        .await
    }

    async fn this_drawer(&self, tx: &mut Tx, number: i64) -> Result<Drawer, StoreError> {
        let row = tx.first(ONE, values![self.site(), number]).await?;
        drawer_of(&row.ok_or_else(|| StoreError::not_found("drawer", number))?)
    }

    pub async fn drawers(&self) -> Result<Vec<Drawer>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(LIST, values![self.site()]).await?.iter().map(drawer_of).collect()
    }

    /// In the order of their numbers.
    pub async fn slips(&self, drawer: i64) -> Result<Vec<Slip>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(SLIPS, values![self.site(), drawer]).await?.iter().map(slip_of).collect()
    }

    /// Writes a slip and its entry. `draft` makes the entry for the number that the slip gets.
    pub async fn add_slip(
        &self,
        drawer: i64,
        new: &NewSlip,
        draft: impl Fn(i64) -> Result<EntryDraft, crate::domain::MoneyError> + Send + Sync,
        by: &UserName,
    ) -> Result<(Slip, Done), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Cashier]).await?;
                tx.run(LOCK, values![self.site(), drawer]).await?;
                if !new.mark.is_empty()
                    && let Some(row) = tx.first(MARKED, values![self.site(), &new.mark]).await?
                {
                    return Ok((slip_of(&row)?, Done::Already));
                }
                let open = self.this_drawer(&mut tx, drawer).await?;
                if open.state != "open" {
                    return Err(StoreError::Conflict { what: format!("drawer {drawer} ({})", open.state) });
                }
                let wrong = |why: &str| Err(StoreError::OutOfBalance { what: "a slip".into(), why: why.into() });
                if !new.amount.is_positive()
                    || new.tendered < new.amount
                    || new.to_bill > new.amount
                    || new.to_bill.is_negative()
                {
                    return wrong("what was handed over does not cover it");
                }
                let number = self.next_number(&mut tx, "slip").await?;
                let entry = draft(number)?;
                let debits = Cents::sum(entry.postings.iter().map(|p| p.amount).filter(|a| a.is_positive()))?;
                if debits != new.amount {
                    return wrong("its entry is of another amount");
                }
                let kind = if new.is_payout { "payout" } else { "receipt" };
                let posted = self.append(&mut tx, &format!("slip {number}"), "drawer", &[entry]).await?;
                let mark = if new.mark.is_empty() { format!("slip {number}") } else { new.mark.clone() };
                let at = self.now();
                tx.run(
                    ADD_SLIP,
                    values![
                        self.site(),
                        number,
                        drawer,
                        kind,
                        new.tender.as_str(),
                        new.amount,
                        new.tendered,
                        &new.reference,
                        new.biller.as_ref().map(|b| b.0.as_str()),
                        new.account.as_ref().map(|a| a.reveal()),
                        &new.bill,
                        &new.memo,
                        mark,
                        &at,
                        by,
                        posted.first
                    ],
                )
                .await?;
                if new.to_bill.is_positive() {
                    self.move_bills(&mut tx, posted.first, &[(new.biller.clone(), new.bill.clone(), new.to_bill)])
                        .await?;
                }
                if let Some(notice) = &new.notice {
                    self.save_counter_notice(&mut tx, (drawer, number), notice).await?;
                }
                let (id, note) = (number.to_string(), format!("{kind} {} {}", new.tender.as_str(), new.amount));
                let event = Event::said(by, "slip", "slip", &id, &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                let slip = Slip {
                    number,
                    drawer,
                    is_payout: new.is_payout,
                    tender: new.tender,
                    amount: new.amount,
                    tendered: new.tendered,
                    reference: new.reference.clone(),
                    biller: new.biller.clone(),
                    account: new.account.clone(),
                    bill: new.bill.clone(),
                    memo: new.memo.clone(),
                    at,
                    by: by.clone(),
                    entry: posted.first,
                };
                Ok((slip, Done::Now))
            })
        })
        .await
    }

    /// Keeps the blind count. Until the drawer is closed it may be counted again.
    pub async fn count_drawer(
        &self,
        drawer: i64,
        counts: &str,
        cash: Cents,
        checks: Cents,
        by: &UserName,
    ) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Cashier]).await?;
                if tx.run(COUNTED, values![self.site(), drawer, counts, cash, checks, by]).await? != 1 {
                    let state = self.this_drawer(&mut tx, drawer).await?.state;
                    return Err(StoreError::Conflict { what: format!("drawer {drawer} ({state})") });
                }
                let (id, note) = (drawer.to_string(), format!("cash {cash}, checks {checks}"));
                let event = Event::said(by, "count", "drawer", &id, &note);
                self.record(&mut tx, event).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// Closes a counted drawer with its difference. One that is out is closed by somebody who may approve and did not
    /// count it.
    pub async fn close_drawer(
        &self,
        drawer: i64,
        over_short: Cents,
        entry: Option<&EntryDraft>,
        by: &UserName,
    ) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(LOCK, values![self.site(), drawer]).await?;
                let stored = self.this_drawer(&mut tx, drawer).await?;
                if stored.state == "closed" {
                    return Ok(Done::Already);
                }
                if entry.is_some() {
                    self.may(&mut tx, by, &[Role::Approve]).await?;
                    if stored.counted_by.as_ref() == Some(by) {
                        let why = "a drawer that is out is closed by another person than the one who counted it";
                        return Err(StoreError::NotAllowed { user: by.0.clone(), why });
                    }
                } else {
                    self.may(&mut tx, by, &[Role::Cashier, Role::Approve]).await?;
                }
                let number = match entry {
                    Some(entry) => {
                        let subject = format!("drawer {drawer}");
                        Some(self.append(&mut tx, &subject, "drawer-close", std::slice::from_ref(entry)).await?.first)
                    }
                    None => None,
                };
                if tx.run(CLOSED, values![self.site(), drawer, over_short, number]).await? != 1 {
                    return Err(StoreError::Conflict { what: format!("drawer {drawer} ({})", stored.state) });
                }
                let (id, note) = (drawer.to_string(), format!("over or short {over_short}"));
                let event = Event::said(by, "close", "drawer", &id, &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }
}
