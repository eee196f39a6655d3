//! The books beside posting: payments taken back, suspense applied, the bank's and the billing system's answers, and the
//! close of a day.

use crate::domain::{
    AccountNumber, Application, Bill, Biller, Cents, Day, Deposit, DepositState, Sha256, TransactionId, UserName,
};
use crate::pipeline::settle::not_allowed;
use crate::pipeline::view::LedgerBalance;
use crate::pipeline::{Office, OfficeError, Result};
use crate::post;
use crate::store::{DayRoot, Done, HostAnswer, Reversal, StoreError, SuspenseItem};

/// A batch's file for the billing system, and whether the host has proved it.
#[derive(Debug, serde::Serialize)]
pub struct BillingFile {
    pub batch: crate::domain::BatchId,
    pub name: String,
    pub date: Day,
    pub file: String,
    pub count: u32,
    pub total: Cents,
    pub sha256: Sha256,
    /// `sent, not proved`, `proved`, `differs`.
    pub state: &'static str,
    pub host_count: Option<u32>,
    pub host_total: Option<Cents>,
}

/// What somebody else counted: the bank of a deposit, the billing system of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub struct Totals {
    pub count: u32,
    pub total: Cents,
}

/// Control line of a posting file, read back: count, total.
fn control(text: &str) -> Option<Totals> {
    let line = text.lines().last()?;
    let mut cells = line.split(',');
    let (Some("CONTROL"), Some(_)) = (cells.next(), cells.next()) else { return None };
    Some(Totals { count: cells.next()?.parse().ok()?, total: cells.next()?.parse().ok()? })
}

/// The totals of an acknowledgement: a line `ACK,<id>,<count>,<total>` for this id (or the SHA-256 of the file), or one
/// JSON object with `count` and `total`.
pub fn acknowledgement(bytes: &[u8], ids: &[&str]) -> Option<Totals> {
    let text = std::str::from_utf8(bytes).ok()?;
    if let Ok(totals) = serde_json::from_str::<Totals>(text) {
        return Some(totals);
    }
    text.lines().find_map(|line| {
        let cells: Vec<&str> = line.trim().split(',').map(str::trim).collect();
        match cells.as_slice() {
            ["ACK", id, count, total, ..] if ids.contains(id) => {
                Some(Totals { count: count.parse().ok()?, total: total.parse().ok()? })
            }
            _ => None,
        }
    })
}

impl Office {
    /// The bank confirms a deposit: its count and total must be ours, to the cent, or nothing moves.
    pub async fn acknowledge_deposit(
        &self,
        deposit: &Deposit,
        said: Totals,
        source: &str,
        by: &UserName,
    ) -> Result<bool> {
        let refused = |code, message: String, help: &str| Err(OfficeError::refused(code, message, help));
        if deposit.state == DepositState::Reserved {
            return refused("state", format!("deposit {} has no file yet", deposit.id), "remit deposit make");
        }
        if said.count != deposit.count || said.total != deposit.total {
            let message = format!(
                "the bank counts {} checks for {}, the deposit holds {} for {}: nothing was booked",
                said.count, said.total, deposit.count, deposit.total
            );
            return refused("differs", message, "find the difference with the bank; an adjustment comes as a return");
        }
        let entry = post::acknowledged_entry(deposit, &self.site.config.posting, self.clock.today())?;
        let done = self.store.deposit_acknowledged(&deposit.id, &[entry], source, by).await.map_err(not_allowed)?;
        Ok(done == Done::Already)
    }

    /// The posting files of all posted batches: sent, proved by the host's own totals, or not.
    pub async fn billing_files(&self) -> Result<Vec<BillingFile>> {
        let answers = self.store.host_answers().await?;
        let mut files = Vec::new();
        for summary in self.store.batches().await? {
            if !summary.batch.state.is_posted() {
                continue;
            }
            let answer = answers.iter().find(|a| a.batch == summary.batch.id);
            files.push(self.billing_file(&summary.batch, answer).await?);
        }
        Ok(files)
    }

    async fn billing_file(&self, batch: &crate::domain::Batch, answer: Option<&HostAnswer>) -> Result<BillingFile> {
        let text = post::billing_csv(&self.balanced(batch).await?)?;
        let totals = control(&text).unwrap_or(Totals { count: 0, total: Cents::ZERO });
        Ok(BillingFile {
            batch: batch.id.clone(),
            name: batch.name.clone(),
            date: batch.date,
            file: format!("posting/{}-{}.csv", batch.date, batch.id),
            count: totals.count,
            total: totals.total,
            sha256: Sha256::of(text.as_bytes()),
            state: match answer {
                None => "sent, not proved",
                Some(a) if a.proves() => "proved",
                Some(_) => "differs",
            },
            host_count: answer.map(|a| a.host_count),
            host_total: answer.map(|a| a.host_total),
        })
    }

    /// What the billing system says it took of a batch. It is kept also when it differs: then the file is not proved.
    pub async fn billing_answered(
        &self,
        batch: &crate::domain::Batch,
        said: Totals,
        by: &UserName,
    ) -> Result<BillingFile> {
        if !batch.state.is_posted() {
            let message = format!("{} is {}: nothing was sent", batch.name, batch.state.as_str());
            return Err(OfficeError::refused("state", message, format!("remit post {}", batch.id)));
        }
        let sent = self.billing_file(batch, None).await?;
        let answer = HostAnswer {
            batch: batch.id.clone(),
            sha256: sent.sha256,
            count: sent.count,
            total: sent.total,
            host_count: said.count,
            host_total: said.total,
            at: String::new(),
        };
        self.store.host_answered(&answer, by).await.map_err(not_allowed)?;
        let answers = self.store.host_answers().await?;
        self.billing_file(batch, answers.iter().find(|a| a.batch == batch.id)).await
    }

    /// Takes the payment of an entry back: by its mirror while its checks are here, into suspense when they are at the
    /// bank. Its bills are open again.
    pub async fn reverse(&self, number: i64, note: &str, date: Day, by: &UserName) -> Result<(Reversal, bool)> {
        let refused =
            |message: String| OfficeError::refused("reverse", message, "remit ledger entries; nothing was changed");
        if let Some(old) = self.store.reversals().await?.into_iter().find(|r| r.entry == number) {
            return Ok((old, true));
        }
        let entry = self.store.entries(number - 1, 1).await?.into_iter().find(|e| e.number == number);
        let entry = entry.ok_or_else(|| refused(format!("there is no entry {number}")))?;
        let Some(transaction) = &entry.draft.transaction else {
            return Err(refused(format!("entry {number} is no payment")));
        };
        let at_bank = self.store.entry_is_at_bank(number).await?;
        let chart = &self.site.config.posting;
        let (kind, draft) = match at_bank {
            false => ("mirror", Some(post::mirror(&entry, date)?)),
            true => ("unapply", post::unapply(&entry, chart, date)?),
        };
        let draft = draft.ok_or_else(|| refused(format!("all of entry {number} is in suspense already")))?;
        let transaction = self.store.transaction(transaction.as_str()).await?;
        let moves = transaction
            .applications
            .iter()
            .map(|a| Ok((a.biller.clone(), a.bill.clone(), a.amount.negated()?)))
            .collect::<Result<Vec<_>>>()?;
        let (reversal, done) = self.store.reverse(number, kind, &draft, &moves, note, by).await.map_err(told)?;
        Ok((reversal, done == Done::Already))
    }

    /// What waits unapplied at an entry of the journal (the newest when none is named), oldest first.
    pub async fn suspense(&self, at: Option<i64>) -> Result<Vec<SuspenseItem>> {
        Ok(self.store.suspense(at.unwrap_or(i64::MAX)).await?)
    }

    /// The last entry up to a date: where a month ends in the journal.
    pub async fn last_entry_of(&self, date: Day) -> Result<i64> {
        let entries = self.entries().await?;
        Ok(entries.iter().filter(|e| e.draft.date <= date).map(|e| e.number).max().unwrap_or(0))
    }

    /// Applies suspense of a transaction to a bill, or to an account's credit.
    pub async fn apply_suspense(
        &self,
        transaction: &str,
        account: &AccountNumber,
        bill: Option<&str>,
        amount: Cents,
        date: Day,
        by: &UserName,
    ) -> Result<bool> {
        let transaction = self.store.transaction(transaction).await?;
        let subject = suspense_subject(&transaction.id, account, bill, amount);
        if self.store.suspense_was_applied(&subject).await? {
            return Ok(true);
        }
        let (found, to_bill) = self.counter_bill(None, account, bill, amount).await?;
        if bill.is_some() && to_bill != amount {
            let message = format!("the bill is open with {to_bill}, not {amount}");
            return Err(OfficeError::refused("overpaid", message, "apply less to it, and the rest to the account"));
        }
        let chart = &self.site.config.posting;
        let application = Application {
            biller: Some(found.biller.clone()),
            account: Some(account.clone()),
            bill: bill.map(str::to_string),
            amount,
            ledger: match bill {
                Some(_) => self.site.config.matching.ledger.of(&found).to_string(),
                None => chart.credits.clone(),
            },
            rule: format!("person:{by}"),
            evidence: String::new(),
        };
        let entries = self.store.entries_of_batch(&transaction.batch).await?;
        let of = entries.iter().find(|e| e.draft.transaction.as_ref() == Some(&transaction.id)).ok_or_else(|| {
            OfficeError::refused(
                "suspense",
                format!("transaction {} is not posted", transaction.id),
                "remit post BATCH",
            )
        })?;
        let draft = post::suspense_applied(&of.draft, &application, chart, date)?;
        let moves = [(application.biller.clone(), application.bill.clone(), amount)];
        let posted = self.store.apply_suspense(&transaction.id, &draft, &moves, &subject, by).await.map_err(told)?;
        Ok(posted.done == Done::Already)
    }

    /// The bill that a person names at the counter (by number, or any of the account), and how much of the amount it takes.
    pub(super) async fn counter_bill(
        &self,
        biller: Option<&Biller>,
        account: &AccountNumber,
        bill: Option<&str>,
        amount: Cents,
    ) -> Result<(Bill, Cents)> {
        let bills = self.store.bills_for(&[(biller.cloned(), account.clone())]).await?;
        let unknown = |what: String| OfficeError::refused("unknown", what, "remit search ACCOUNT; nothing was changed");
        let billers: std::collections::BTreeSet<&Biller> = bills.iter().map(|b| &b.biller).collect();
        if billers.len() > 1 {
            return Err(unknown(format!("account {} is of several billers: name one", account.masked())));
        }
        let Some(number) = bill else {
            // As the account stands now, not as it stood when its first bill was made.
            let open = bills.iter().position(|b| b.open).unwrap_or(0);
            let any = bills.into_iter().nth(open);
            return Ok((any.ok_or_else(|| unknown(format!("no account {}", account.masked())))?, Cents::ZERO));
        };
        let found = bills.into_iter().find(|b| b.bill == number);
        let found = found.ok_or_else(|| unknown(format!("account {} has no bill {number}", account.masked())))?;
        let open = found.amount_due.minus(found.paid)?.max(Cents::ZERO);
        Ok((found, open.min(amount)))
    }

    /// The trial balance after an entry; after the newest when none is named.
    pub async fn balances_at(&self, number: Option<i64>) -> Result<Vec<LedgerBalance>> {
        let chart = &self.site.config.posting;
        let balances = match number {
            Some(number) => self.store.balances_at(number).await?,
            None => self.store.balances().await?,
        };
        let named = |b: crate::store::Balance| LedgerBalance {
            name: chart.name(&b.account),
            account: b.account,
            debit: b.debit,
            credit: b.credit,
            balance: b.balance,
        };
        Ok(balances.into_iter().map(named).collect())
    }

    /// Keeps the journal's end under a date, to be printed and kept outside.
    pub async fn close_day(&self, date: Day, by: &UserName) -> Result<(DayRoot, bool)> {
        let (root, done) = self.store.close_day(date, by).await.map_err(not_allowed)?;
        Ok((root, done == Done::Already))
    }

    pub async fn day_roots(&self) -> Result<Vec<DayRoot>> {
        Ok(self.store.day_roots().await?)
    }
}

/// The same application of the same suspense is known by this.
fn suspense_subject(transaction: &TransactionId, account: &AccountNumber, bill: Option<&str>, amount: Cents) -> String {
    let account = Sha256::of(account.reveal().as_bytes()).to_string();
    let account: String = account.chars().take(16).collect();
    format!("{transaction} {account} {} {amount}", bill.unwrap_or("credit"))
}

/// What does not prove is an answer here.
fn told(error: StoreError) -> OfficeError {
    match error {
        StoreError::OutOfBalance { what, why } => {
            OfficeError::refused("out-of-balance", format!("{what}: {why}"), "nothing was changed")
        }
        StoreError::NotFound { .. } => OfficeError::refused("unknown", error.to_string(), "nothing was changed"),
        error => not_allowed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_file_and_its_totals() {
        for (text, want) in [
            ("ACK,b1,3,12.50\n", Some((3, 1250))),
            ("HDR,x\nACK, b1 ,3, 12.50 ,more\n", Some((3, 1250))),
            ("{\"count\":3,\"total\":\"12.50\"}", Some((3, 1250))),
            ("ACK,b2,3,12.50\n", None),
            ("ACK,b1,three,12.50\n", None),
            ("", None),
        ] {
            let got = acknowledgement(text.as_bytes(), &["b1"]).map(|t| (t.count, t.total.get()));
            assert_eq!(got, want, "{text}");
        }
        assert_eq!(control("a\nCONTROL,b,2,100.00,ff\n"), Some(Totals { count: 2, total: Cents::new(10_000) }));
    }
}
