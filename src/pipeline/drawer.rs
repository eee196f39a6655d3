//! The counter: a drawer opened with a float, receipts and payouts, the blind count, and the close that says what is out.

use crate::domain::drawer::{Count, Pieces, Tender, counted};
use crate::domain::{AccountNumber, Biller, Cents, Day, UserName};
use crate::pipeline::settle::not_allowed;
use crate::pipeline::{Office, OfficeError, Result};
use crate::store::{Done, Drawer, NewSlip, Slip, StoreError};
use crate::{matching, post};

/// A payment over the counter.
#[derive(Clone, Debug)]
pub struct Received {
    pub tender: Tender,
    pub amount: Cents,
    /// What was handed over; at least the amount.
    pub tendered: Cents,
    pub reference: String,
    pub biller: Option<Biller>,
    pub account: AccountNumber,
    pub bill: Option<String>,
    pub memo: String,
    /// The same mark again is the same payment.
    pub mark: String,
}

#[derive(Debug, serde::Serialize)]
pub struct ClosedDrawer {
    pub drawer: i64,
    #[serde(flatten)]
    pub count: Count,
    /// Receipts of that amount, one of which probably stands under the wrong tender.
    pub suspects: Vec<i64>,
    pub already: bool,
}

fn told(error: StoreError) -> OfficeError {
    match error {
        StoreError::Conflict { what } => {
            OfficeError::refused("state", format!("{what} does not allow it"), "remit drawer list")
        }
        StoreError::OutOfBalance { what, why } => {
            OfficeError::refused("slip", format!("{what}: {why}"), "nothing was written")
        }
        error => not_allowed(error),
    }
}

/// What the slips leave: cash and paper.
fn expected(drawer: &Drawer, slips: &[Slip]) -> Result<(Cents, Cents)> {
    let (mut cash, mut checks) = (drawer.opening, Cents::ZERO);
    for slip in slips {
        if slip.is_payout {
            cash = cash.minus(slip.amount)?;
        } else if slip.tender == Tender::Cash {
            cash = cash.plus(slip.amount)?;
        } else if slip.tender.is_paper() {
            checks = checks.plus(slip.amount)?;
        }
    }
    Ok((cash, checks))
}

impl Office {
    pub async fn open_drawer(&self, name: &str, date: Day, opening: Cents, by: &UserName) -> Result<(Drawer, bool)> {
        if opening.is_negative() || name.is_empty() {
            return Err(OfficeError::Usage("a drawer has a name and begins with zero or more".into()));
        }
        let (drawer, done) = self.store.open_drawer(name, date, opening, by).await.map_err(told)?;
        Ok((drawer, done == Done::Already))
    }

    pub async fn drawers(&self) -> Result<Vec<Drawer>> {
        Ok(self.store.drawers().await?)
    }

    /// By number, or by name while it is not closed.
    pub async fn find_drawer(&self, text: &str) -> Result<Drawer> {
        let all = self.store.drawers().await?;
        let number: Option<i64> = text.parse().ok();
        let found = all.iter().rev().find(|d| Some(d.number) == number || (d.name == text && d.state != "closed"));
        let found = found.or(all.iter().rev().find(|d| d.name == text));
        found.cloned().ok_or_else(|| {
            OfficeError::input(
                "unknown",
                format!("no drawer '{text}'"),
                None,
                "remit drawer open --name NAME --float AMOUNT",
            )
        })
    }

    pub async fn drawer_slips(&self, drawer: i64) -> Result<Vec<Slip>> {
        Ok(self.store.slips(drawer).await?)
    }

    /// A payment over the counter: the bill takes what is open of it, the rest is the account's credit.
    pub async fn receive(&self, drawer: &Drawer, r: &Received, by: &UserName) -> Result<(Slip, bool)> {
        let (mut bill, to_bill) = self.counter_bill(r.biller.as_ref(), &r.account, r.bill.as_deref(), r.amount).await?;
        self.mark_cash_only(std::slice::from_mut(&mut bill), drawer.date).await?;
        if r.tender == Tender::Check && bill.is_cash_only(drawer.date) {
            let message = format!("account {} may not pay by check for now", r.account.masked());
            return Err(OfficeError::refused("cash-only", message, "take cash, a money order or a card"));
        }
        if r.tender != Tender::Cash && r.tendered != r.amount {
            return Err(OfficeError::refused("change", "change is given for cash only", "nothing was written"));
        }
        let new = NewSlip {
            is_payout: false,
            tender: r.tender,
            amount: r.amount,
            tendered: r.tendered,
            reference: r.reference.clone(),
            biller: Some(bill.biller.clone()),
            account: Some(r.account.clone()),
            bill: r.bill.clone(),
            to_bill,
            memo: r.memo.clone(),
            mark: r.mark.clone(),
            notice: matching::counter_notice(
                drawer.date,
                &bill,
                r.bill.is_some(),
                r.amount,
                &self.site.config.matching,
            ),
        };
        let chart = &self.site.config.posting;
        let ledger = self.site.config.matching.ledger.of(&bill);
        let to = r.bill.as_deref().map(|number| post::CounterBill {
            biller: &bill.biller,
            bill: number,
            amount: to_bill,
            ledger,
        });
        let draft = |number| post::receipt_entry(number, drawer.date, r.tender, r.amount, to, chart);
        let (slip, done) = self.store.add_slip(drawer.number, &new, draft, by).await.map_err(told)?;
        self.write_exports().await?;
        Ok((slip, done == Done::Already))
    }

    /// Who must hear of a drawer's receipts.
    pub async fn drawer_notices(&self, drawer: i64) -> Result<Vec<matching::Notice>> {
        Ok(self.store.counter_notices(drawer).await?)
    }

    /// Cash paid out: a refund of an account's credit when an account is named, else an expense.
    pub async fn pay_out(
        &self,
        drawer: &Drawer,
        amount: Cents,
        account: Option<&AccountNumber>,
        memo: &str,
        mark: &str,
        by: &UserName,
    ) -> Result<(Slip, bool)> {
        let biller = match account {
            Some(account) => Some(self.counter_bill(None, account, None, amount).await?.0.biller),
            None => None,
        };
        let (cash, _) = expected(drawer, &self.store.slips(drawer.number).await?)?;
        if amount > cash {
            let message = format!("the drawer holds less cash than {amount}");
            return Err(OfficeError::refused("cash", message, "nothing was written"));
        }
        let new = NewSlip {
            is_payout: true,
            tender: Tender::Cash,
            amount,
            tendered: amount,
            reference: String::new(),
            biller,
            account: account.cloned(),
            bill: None,
            to_bill: Cents::ZERO,
            memo: memo.into(),
            mark: mark.into(),
            notice: None,
        };
        let chart = &self.site.config.posting;
        let draft = |number| post::payout_entry(number, drawer.date, amount, account.is_some(), chart);
        let (slip, done) = self.store.add_slip(drawer.number, &new, draft, by).await.map_err(told)?;
        Ok((slip, done == Done::Already))
    }

    /// The blind count: it is kept, and nothing is said of what it should have been. Its cash, and whether the same person has
    /// sent the same count before.
    pub async fn count_drawer(
        &self,
        drawer: &Drawer,
        pieces: &[Pieces],
        checks: Cents,
        by: &UserName,
    ) -> Result<(Cents, bool)> {
        let cash = counted(pieces)?;
        let text = serde_json::to_string(pieces).map_err(|e| StoreError::damaged("a count", e))?;
        // The same count sent again is the same count.
        let same = drawer.state == "counted" && drawer.counts == text && drawer.counted_checks == Some(checks);
        if same && drawer.counted_by.as_ref() == Some(by) {
            return Ok((cash, true));
        }
        self.store.count_drawer(drawer.number, &text, cash, checks, by).await.map_err(told)?;
        Ok((cash, false))
    }

    /// What the count says; `None` before it was counted.
    pub async fn drawer_count(&self, drawer: &Drawer) -> Result<Option<(Count, Vec<i64>)>> {
        let (Some(cash), Some(checks)) = (drawer.counted_cash, drawer.counted_checks) else { return Ok(None) };
        let slips = self.store.slips(drawer.number).await?;
        let (expected_cash, expected_checks) = expected(drawer, &slips)?;
        let count = Count::of(expected_cash, cash, expected_checks, checks)?;
        let receipts = slips.iter().filter(|s| !s.is_payout && s.tender != Tender::Card);
        let suspects = receipts.filter(|s| Some(s.amount) == count.wrong_tender).map(|s| s.number).collect();
        Ok(Some((count, suspects)))
    }

    /// Closes a counted drawer and books what it is out by.
    pub async fn close_drawer(&self, drawer: &Drawer, by: &UserName) -> Result<ClosedDrawer> {
        let Some((count, suspects)) = self.drawer_count(drawer).await? else {
            let message = format!("drawer {} was not counted", drawer.number);
            return Err(OfficeError::refused("state", message, "remit drawer count"));
        };
        let entry = post::drawer_entry(drawer.number, drawer.date, &count, &self.site.config.posting)?;
        let done = self.store.close_drawer(drawer.number, count.over_short, entry.as_ref(), by).await.map_err(told)?;
        Ok(ClosedDrawer { drawer: drawer.number, count, suspects, already: done == Done::Already })
    }
}
