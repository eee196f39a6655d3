//! What the bank sends back: each return is taken once, finds its check or waits for a person, reopens what the check had
//! paid, charges the fee, and tells the billing system. Repeated, it says that it is known and changes nothing.

use std::collections::BTreeMap;

use crate::domain::{
    AccountNumber, Biller, Cents, Day, DocumentId, Reason, ReturnEvent, ReturnId, ReturnItem, ReturnStage, ReturnState,
    Returned, Sha256, UserName,
};
use crate::pipeline::settle::not_allowed;
use crate::pipeline::{Known, Office, OfficeError, Result};
use crate::store::{AtBank, Done, NewReturn, Outcome, Settled, StoreError};
use crate::truncation::{Original, SentCheck, Timing, original, timing};
use crate::{balance, exceptions, formats, ingest, post, reports, station};

/// What became of one returned item.
#[derive(Debug, serde::Serialize)]
pub struct ReturnTaken {
    pub id: ReturnId,
    pub state: ReturnState,
    pub amount: Cents,
    pub code: String,
    pub document: Option<DocumentId>,
    /// How it was found, or why a person must say which check it is.
    pub note: String,
    pub fee: Cents,
    /// `return-unmatched` while a person is needed.
    pub reason: Option<Reason>,
    /// Checks that it may be of.
    pub candidates: Vec<DocumentId>,
    /// It was taken before; nothing changed.
    pub already: bool,
    /// Accounts (masked) that pay by cash only from now on.
    pub cash_only: Vec<String>,
    /// What the billing system is told, relative to the site.
    pub file: Option<String>,
}

/// What a file of returns held.
#[derive(Debug, serde::Serialize)]
pub struct ReturnsImported {
    pub taken: Vec<ReturnTaken>,
    /// Notifications of change: new ones, and those that were known.
    pub changes: u64,
    pub known_changes: u64,
    pub problems: Vec<String>,
}

/// A returned item as lists show it: the payer's account masked.
#[derive(Debug, serde::Serialize)]
pub struct ReturnView {
    pub id: ReturnId,
    pub date: Day,
    pub state: ReturnState,
    pub reason: &'static str,
    pub code: String,
    pub amount: Cents,
    pub fee: Cents,
    pub document: Option<DocumentId>,
    pub due: Option<Day>,
    pub note: String,
    pub parts: Vec<PartView>,
    /// What a person may do now.
    pub moves: Vec<&'static str>,
    pub explanation: Option<&'static str>,
}

#[derive(Debug, serde::Serialize)]
pub struct PartView {
    pub biller: Option<Biller>,
    pub account: Option<String>,
    pub bill: Option<String>,
    pub amount: Cents,
}

/// The bank's own words, whatever file they stood in.
fn mark(item: &ReturnItem) -> Result<Sha256> {
    let o = &item.original;
    let words = serde_json::json!([
        item.channel,
        item.stage,
        item.code,
        item.amount,
        item.id,
        item.date,
        o.trace,
        o.item_sequence,
        o.business_date,
        o.routing,
        o.account.as_ref().map(|a| a.key()),
        o.serial
    ]);
    Ok(Sha256::of(words.to_string().as_bytes()))
}

fn view(r: &Returned) -> ReturnView {
    let moves = match r.state {
        ReturnState::Unmatched => vec!["match"],
        ReturnState::Returned if r.item.reason.may_be_presented_again() => vec!["represent", "charge-back"],
        ReturnState::Returned => vec!["charge-back"],
        ReturnState::Represented => vec!["clear", "charge-back"],
        ReturnState::Cleared | ReturnState::ChargedBack | ReturnState::Noted => Vec::new(),
    };
    ReturnView {
        id: r.id.clone(),
        date: r.date,
        state: r.state,
        reason: r.item.reason.as_str(),
        code: r.item.code.clone(),
        amount: r.item.amount,
        fee: r.fee,
        document: r.document.clone(),
        due: r.due,
        note: r.note.clone(),
        parts: r
            .parts
            .iter()
            .map(|p| PartView {
                biller: p.biller.clone(),
                account: p.account.as_ref().map(AccountNumber::masked),
                bill: p.bill.clone(),
                amount: p.amount,
            })
            .collect(),
        moves,
        explanation: (r.state == ReturnState::Unmatched).then(|| exceptions::sentence(Reason::ReturnUnmatched)),
    }
}

/// What is known of the batches that returns name, each loaded once.
#[derive(Default)]
struct Loaded(BTreeMap<String, Known>);

impl Office {
    async fn known_of<'a>(&self, loaded: &'a mut Loaded, check: &AtBank) -> Result<&'a Known> {
        if !loaded.0.contains_key(check.batch.as_str()) {
            let batch = self.store.batch(check.batch.as_str()).await?;
            let transactions = self.store.transactions(&batch.id).await?;
            loaded.0.insert(batch.id.to_string(), self.known(&batch, &transactions).await?);
        }
        let found = loaded.0.get(check.batch.as_str());
        found.ok_or_else(|| StoreError::NotFound { noun: "batch", id: check.batch.to_string() }.into())
    }

    /// Takes a file of the bank: its returned items one by one, and its notifications of change, which are kept and move no
    /// money. The same file again changes nothing. What is odd in it is told beside.
    pub async fn import_returns(&self, path: &std::path::Path, date: Day, by: &UserName) -> Result<ReturnsImported> {
        let file = station::OpenFile::open(path)?;
        let format = formats::sniff(&file.at(0, 8192)?);
        let (back, whole) = file.read_through(|source| match format {
            Some(formats::Format::Nacha) => Ok(ingest::ach_returns(source)),
            Some(formats::Format::X9) => Ok(ingest::check_returns(source)),
            Some(formats::Format::Bai2) => Ok(ingest::statement_returns(&self.site.config.bai2, source)),
            other => Err(other.map_or("none that is known", formats::Format::as_str)),
        })?;
        let back = back.map_err(|what| {
            let message = format!("returns are not taken from a file of this format ({what})");
            let help = "key them: remit returns key --amount .. --reason ..";
            OfficeError::input("format", message, Some(path), help)
        })?;
        // The bytes stay, whatever becomes of them.
        self.keep_source(&file, whole).await?;
        let back = match back {
            Ok(back) => back,
            Err(error) => {
                self.note_refused(&file, path, whole, None, &error, by).await?;
                let help = "nothing was taken; `remit inspect FILE` lists every fault with its place";
                return Err(OfficeError::input("format", error.to_string(), Some(path), help));
            }
        };
        let changes = self.store.keep_changes(&back.changes, by).await.map_err(not_allowed)?;
        let taken = self.take_returns(back.items, None, date, by).await?;
        let problems = back.problems.iter().map(ToString::to_string).collect();
        Ok(ReturnsImported { taken, changes, known_changes: back.changes.len() as u64 - changes, problems })
    }

    /// Notifications of change that were taken, by their dates.
    pub async fn changes(&self) -> Result<Vec<crate::domain::ChangeNotice>> {
        Ok(self.store.changes().await?)
    }

    /// Takes items that the bank sent back. `named` is the check that a person named for a single item.
    pub async fn take_returns(
        &self,
        items: Vec<ReturnItem>,
        named: Option<&DocumentId>,
        date: Day,
        by: &UserName,
    ) -> Result<Vec<ReturnTaken>> {
        let mut loaded = Loaded::default();
        let mut taken = Vec::with_capacity(items.len());
        for item in items {
            taken.push(self.take_return(item, named, date, by, &mut loaded).await?);
        }
        Ok(taken)
    }

    async fn take_return(
        &self,
        item: ReturnItem,
        named: Option<&DocumentId>,
        date: Day,
        by: &UserName,
        loaded: &mut Loaded,
    ) -> Result<ReturnTaken> {
        let mark = mark(&item)?;
        if let Some(id) = self.store.return_known(mark).await? {
            return self.said_again(&id, "this return was taken before").await;
        }
        let (outcome, note, candidates) = self.outcome(&item, named, date, mark, loaded).await?;
        let (outcome, note) = match outcome {
            Ok(outcome) => (outcome, note),
            Err(known) => return self.said_again(&known, "the check came back before").await,
        };
        let new = NewReturn { mark, item: item.clone(), date, outcome, note };
        let result = match self.store.take_return(&new, by).await {
            Ok(result) => result,
            Err(error) => return Err(not_allowed(error)),
        };
        let mut told = self.told_return(&self.store.returned(result.id.as_str()).await?, result.done).await?;
        told.candidates = candidates;
        told.cash_only =
            result.restricted.iter().map(|(b, a, until)| format!("{b} {} until {until}", a.masked())).collect();
        Ok(told)
    }

    async fn said_again(&self, id: &ReturnId, why: &str) -> Result<ReturnTaken> {
        let mut told = self.told_return(&self.store.returned(id.as_str()).await?, Done::Already).await?;
        told.note = why.into();
        Ok(told)
    }

    /// The answer for a stored return; its billing file is written again, the same bytes.
    async fn told_return(&self, stored: &Returned, done: Done) -> Result<ReturnTaken> {
        let file = match stored.document {
            Some(_) => Some(self.write_return_file(stored).await?),
            None => None,
        };
        Ok(ReturnTaken {
            id: stored.id.clone(),
            state: stored.state,
            amount: stored.item.amount,
            code: stored.item.code.clone(),
            document: stored.document.clone(),
            note: stored.note.clone(),
            fee: stored.fee,
            reason: (stored.state == ReturnState::Unmatched).then_some(Reason::ReturnUnmatched),
            candidates: Vec::new(),
            already: done == Done::Already,
            cash_only: Vec::new(),
            file,
        })
    }

    async fn write_return_file(&self, stored: &Returned) -> Result<String> {
        let file = format!("posting/return-{}-{}.csv", stored.date, stored.id);
        let text = post::return_csv(stored)?;
        station::write_whole(&self.site.folder.join(&file), text.as_bytes())?;
        Ok(file)
    }

    /// What an item turns out to be. The inner `Err` is the return that the check had before.
    #[allow(clippy::type_complexity)]
    async fn outcome(
        &self,
        item: &ReturnItem,
        named: Option<&DocumentId>,
        date: Day,
        mark: Sha256,
        loaded: &mut Loaded,
    ) -> Result<(std::result::Result<Outcome, ReturnId>, String, Vec<DocumentId>)> {
        if item.stage != ReturnStage::Returned || item.reason == crate::domain::ReturnReason::BetweenBanks {
            return Ok((Ok(Outcome::Noted), "between the banks: it moves no money of ours".into(), Vec::new()));
        }
        // A reason that no table knows is not acted on until a person has said which check it is of.
        if item.reason == crate::domain::ReturnReason::Unknown && named.is_none() {
            let note = format!("the reason '{}' is unknown: look at what the bank wrote", item.code);
            return Ok((Ok(Outcome::Unmatched), note, Vec::new()));
        }
        let at_bank = self.store.at_bank(item.amount).await?;
        let mut sent = Vec::with_capacity(at_bank.len());
        for check in &at_bank {
            let known = self.known_of(loaded, check).await?;
            let line = known.evidence.iter().find(|e| e.document == check.document).and_then(|e| e.check.as_ref());
            sent.push(SentCheck {
                document: check.document.clone(),
                amount: check.amount,
                sequence: check.sequence.clone(),
                date: check.date,
                routing: line.and_then(|l| l.routing.clone()),
                account: line.and_then(|l| l.bank_account.as_ref()).map(|a| a.key()),
                serial: line.and_then(|l| l.serial.clone()),
            });
        }
        let (document, how) = match original(item, named, &sent) {
            Original::One(document, how) => (document, how),
            Original::Unclear(why, candidates) => return Ok((Ok(Outcome::Unmatched), why, candidates)),
        };
        let Some(check) = at_bank.iter().find(|c| c.document == document) else {
            return Ok((Ok(Outcome::Unmatched), "its check is not at the bank".into(), Vec::new()));
        };
        match &check.returned {
            Some((first, ReturnState::Represented)) => {
                let note = format!("came back again after it was presented again: {first} is final");
                return Ok((Ok(Outcome::Again(first.clone())), note, Vec::new()));
            }
            Some((first, _)) => return Ok((Err(first.clone()), String::new(), Vec::new())),
            None => {}
        }
        let id = ReturnId::of(&[self.store.site().as_bytes(), &mark.0]);
        let settled = self.settled(&id, check, item, date).await?;
        let note = match timing(item, check.date, item.date.unwrap_or(date)) {
            Timing::InTime => how.to_string(),
            Timing::BeforeSettlement(day) => format!("{how}; early: the item settles on {day} only, ask the bank"),
            Timing::Late(day) => format!("{how}; late: it could come until {day}, the bank may have to take it back"),
        };
        Ok((Ok(Outcome::Found(Box::new(settled))), note, Vec::new()))
    }

    /// What a return of this check reopens, and its entries.
    async fn settled(&self, id: &ReturnId, check: &AtBank, item: &ReturnItem, date: Day) -> Result<Settled> {
        let batch = self.store.batch(check.batch.as_str()).await?;
        let balanced = self.balanced(&batch).await?;
        let ready = balanced.ready().iter().find(|r| r.transaction.id == check.transaction);
        let refused = |message: String| {
            OfficeError::refused("return", message, "look at the batch: remit batch show ID; nothing was changed")
        };
        let ready: &balance::Ready =
            ready.ok_or_else(|| refused(format!("transaction {} is not posted", check.transaction)))?;
        let items: Vec<(DocumentId, Cents)> = ready.items.iter().map(|i| (i.document.clone(), i.amount)).collect();
        let entries = self.store.entries_of_batch(&batch.id).await?;
        let own =
            |n: i64| entries.iter().any(|e| e.number == n && e.draft.transaction.as_ref() == Some(&check.transaction));
        let parts = match self.store.reversals().await?.iter().any(|r| own(r.entry)) {
            // It was taken back before: its money waits in suspense.
            true => vec![crate::domain::ReturnPart {
                biller: None,
                account: None,
                bill: None,
                ledger: self.site.config.posting.suspense.clone(),
                amount: check.amount,
            }],
            false => post::parts_of(&items, &ready.transaction.applications, &check.document)?
                .ok_or_else(|| refused(format!("check {} pays nothing that could be reopened", check.document)))?,
        };
        let policy = self.site.config.returns.clone();
        // A fee needs somebody to charge: suspense has nobody.
        let fee = if parts.iter().any(|p| p.account.is_some()) { policy.fee } else { Cents::ZERO };
        let from = post::ReturnedFrom {
            id,
            date,
            batch: &check.batch,
            transaction: &check.transaction,
            document: &check.document,
            code: &item.code,
        };
        let drafts = post::return_entries(&from, &parts, fee, &self.site.config.posting)?;
        Ok(Settled { document: check.document.clone(), deposit: check.deposit.clone(), parts, fee, drafts, policy })
    }

    /// A person says of which check an unmatched return is.
    pub async fn match_return(&self, id: &str, document: &DocumentId, date: Day, by: &UserName) -> Result<ReturnTaken> {
        let stored = self.find_return(id).await?;
        if stored.document.as_ref() == Some(document) {
            return self.told_return(&stored, Done::Already).await;
        }
        let refused =
            |message: String| OfficeError::refused("return", message, "remit returns list; nothing was changed");
        if stored.state != ReturnState::Unmatched {
            return Err(refused(format!("return {} is {}", stored.id, stored.state.as_str())));
        }
        let at_bank = self.store.at_bank(stored.item.amount).await?;
        let check = at_bank
            .iter()
            .find(|c| c.document == *document)
            .ok_or_else(|| refused(format!("check {document} is not at the bank with {}", stored.item.amount)))?;
        if let Some((first, _)) = &check.returned {
            return Err(refused(format!("check {document} came back before, as return {first}")));
        }
        let settled = self.settled(&stored.id, check, &stored.item, date).await?;
        let result = self.store.match_return(&stored.id, date, &settled, by).await.map_err(not_allowed)?;
        self.told_return(&self.store.returned(stored.id.as_str()).await?, result.done).await
    }

    /// Presented again, cleared or charged back.
    pub async fn move_return(
        &self,
        id: &str,
        event: ReturnEvent,
        date: Day,
        by: &UserName,
    ) -> Result<(Returned, bool)> {
        let stored = self.find_return(id).await?;
        let refused = |code, message: String, help: &str| Err(OfficeError::refused(code, message, help));
        let (mut due, mut entry) = (None, None);
        match event {
            ReturnEvent::Represent => {
                if !stored.item.reason.may_be_presented_again() {
                    let message = format!("an item with reason {} is not presented again", stored.item.reason.as_str());
                    return refused("return", message, "remit returns charge-back ID");
                }
                due = Some(date.plus_days(self.site.config.returns.represent_days));
            }
            ReturnEvent::Clear => {
                if let Some(until) = stored.due.filter(|until| *until >= date) {
                    let message = format!("the bank may send it back until {until}");
                    return refused("return", message, "wait until the day is over");
                }
                if let (Some(document), Some(check)) = (&stored.document, self.check_of(&stored).await?) {
                    let from = post::ReturnedFrom {
                        id: &stored.id,
                        date,
                        batch: &check.batch,
                        transaction: &check.transaction,
                        document,
                        code: &stored.item.code,
                    };
                    entry = Some(post::cleared_entry(&from, &stored.parts, &self.site.config.posting)?);
                }
            }
            ReturnEvent::Match | ReturnEvent::ChargeBack => {}
        }
        match self.store.return_event(&stored.id, event, due, entry.as_ref(), by).await {
            Ok(done) => Ok((self.store.returned(stored.id.as_str()).await?, done == Done::Already)),
            Err(StoreError::Conflict { what }) => {
                refused("state", format!("{what} does not allow it"), "remit returns list")
            }
            Err(error) => Err(not_allowed(error)),
        }
    }

    async fn check_of(&self, stored: &Returned) -> Result<Option<AtBank>> {
        let at_bank = self.store.at_bank(stored.item.amount).await?;
        Ok(at_bank.into_iter().find(|c| Some(&c.document) == stored.document.as_ref()))
    }

    pub async fn find_return(&self, id: &str) -> Result<Returned> {
        self.store.returned(id).await.map_err(|error| match error {
            StoreError::NotFound { .. } | StoreError::Ambiguous { .. } => {
                OfficeError::input("unknown", error.to_string(), None, "remit returns list")
            }
            other => other.into(),
        })
    }

    /// The letter to the member, as PDF.
    pub async fn return_letter(&self, id: &str) -> Result<Vec<u8>> {
        let stored = self.find_return(id).await?;
        let whose = stored.parts.iter().find_map(|p| Some((p.biller.clone()?, p.account.clone()?)));
        let Some((biller, account)) = whose else {
            let message = format!("return {} is of no account: there is nobody to write to", stored.id);
            return Err(OfficeError::refused("return", message, "remit returns match ID DOCUMENT"));
        };
        let today = self.clock.today();
        let bills = self.store.bills_for(&[(Some(biller.clone()), account.clone())]).await?;
        let lines = bills.last().map_or_else(Vec::new, |b| {
            vec![b.name.clone(), b.address.clone(), format!("{}, {} {}", b.city, b.state, b.zip)]
        });
        let restricted = self.store.cash_only(&[&account], today).await?;
        let until = restricted.into_iter().find(|(b, a, _)| *b == biller && *a == account).map(|r| r.2);
        let site = &self.site.config.site.name;
        Ok(reports::return_letter(site, &reports::Addressee { lines }, &stored, today, until)?)
    }

    /// By date and id.
    pub async fn returns(&self) -> Result<Vec<ReturnView>> {
        Ok(self.store.returns().await?.iter().map(view).collect())
    }

    /// Bills of accounts that may not pay by check because of their returns say so.
    pub(super) async fn mark_cash_only(&self, bills: &mut [crate::domain::Bill], date: Day) -> Result<()> {
        use crate::domain::AccountStatus;
        let accounts: Vec<&AccountNumber> = bills.iter().map(|b| &b.account).collect();
        if accounts.is_empty() {
            return Ok(());
        }
        let restricted = self.store.cash_only(&accounts, date).await?;
        for bill in bills.iter_mut().filter(|b| matches!(b.status, AccountStatus::Active | AccountStatus::Arrangement))
        {
            if restricted.iter().any(|(biller, account, _)| *biller == bill.biller && *account == bill.account) {
                bill.status = AccountStatus::CashOnly;
            }
        }
        Ok(())
    }

    /// The check that a person means by a document's id, or by what is printed on it.
    pub async fn check_document(&self, text: &str) -> Result<DocumentId> {
        let document = self.store.document(text).await.map_err(|e| match e {
            StoreError::NotFound { .. } | StoreError::Ambiguous { .. } => {
                OfficeError::input("unknown", e.to_string(), None, "remit search CHECK-NUMBER shows transactions")
            }
            other => other.into(),
        })?;
        Ok(document.id)
    }
}
