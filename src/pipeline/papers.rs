//! The reports: each loads what it is of and fills one table. Account numbers stand masked on all of them.

use std::collections::BTreeMap;

use crate::domain::{AccountNumber, Batch, BatchId, Cents, Day, Transaction, TransactionState};
use crate::pipeline::settle::is_tender;
use crate::pipeline::{Office, OfficeError, Result};
use crate::reports::{Cell, Sheet};

/// The names that `report` knows.
pub const REPORTS: [&str; 10] = [
    "proof-sheet",
    "batch-detail",
    "deposit-ticket",
    "exceptions",
    "returns",
    "drawer",
    "account-activity",
    "suspense",
    "throughput",
    "accuracy",
];

/// Which report, of what.
#[derive(Clone, Copy, Debug)]
pub struct ReportQuestion<'a> {
    pub name: &'a str,
    pub date: Option<Day>,
    /// A batch, a deposit, a drawer or an account.
    pub of: Option<&'a str>,
}

fn usage(what: &str) -> OfficeError {
    OfficeError::Usage(format!("say of which {what}: --of ID"))
}

fn total_of(sheet: &mut Sheet, words: &str, columns: &[usize]) -> Result<()> {
    let mut row: Vec<Cell> = sheet.columns.iter().map(|_| Cell::Empty).collect();
    for column in columns {
        let money: Vec<Cents> = sheet
            .rows
            .iter()
            .filter_map(|r| if let Some(Cell::Money(m)) = r.get(*column) { Some(*m) } else { None })
            .collect();
        let count: i64 = sheet
            .rows
            .iter()
            .filter_map(|r| if let Some(Cell::Count(n)) = r.get(*column) { Some(*n) } else { None })
            .sum();
        row[*column] = if money.is_empty() { Cell::Count(count) } else { Cell::Money(Cents::sum(money)?) };
    }
    row[0] = words.into();
    sheet.totals.push(row);
    Ok(())
}

impl Office {
    fn sheet(&self, title: &str, of: &str, columns: &[&'static str]) -> Sheet {
        let site = &self.site.config.site.name;
        let of = if of.is_empty() { site.clone() } else { format!("{site}, {of}") };
        Sheet::new(title, &of, &self.clock.stamp(), columns)
    }

    /// One of [`REPORTS`].
    pub async fn report(&self, question: &ReportQuestion<'_>) -> Result<Sheet> {
        match question.name {
            "proof-sheet" => self.proof_report(question.date).await,
            "batch-detail" => self.batch_report(question.of.ok_or_else(|| usage("batch"))?).await,
            "deposit-ticket" => self.deposit_report(question.of).await,
            "exceptions" => self.exceptions_report().await,
            "returns" => self.returns_report().await,
            "drawer" => self.drawer_report(question.of.unwrap_or("counter")).await,
            "account-activity" => self.account_report(question.of.ok_or_else(|| usage("account"))?).await,
            "suspense" => self.suspense_report(question.date).await,
            "throughput" => self.throughput_report().await,
            "accuracy" => self.accuracy_report().await,
            other => Err(OfficeError::Usage(format!("there is no report '{other}': {}", REPORTS.join(", ")))),
        }
    }

    async fn proof_report(&self, date: Option<Day>) -> Result<Sheet> {
        let proof = self.proof_sheet(date).await?;
        let columns = [
            "batch",
            "state",
            ">items",
            ">captured",
            ">deposited",
            ">awaiting",
            ">open",
            ">held",
            ">rejected",
            ">void",
        ];
        let mut sheet = self.sheet("Proof sheet", &format!("business date {}", proof.date), &columns);
        for (batch, last) in proof.batches.iter().map(|b| (b, false)).chain([(&proof.total, true)]) {
            let row = vec![
                batch.name.as_str().into(),
                batch.state.map_or("", |s| s.as_str()).into(),
                batch.captured.count.into(),
                batch.captured.total.into(),
                batch.deposited.total.into(),
                batch.awaiting.total.into(),
                batch.open.total.into(),
                batch.held.total.into(),
                batch.rejected.total.into(),
                batch.void.total.into(),
            ];
            if last { sheet.totals.push(row) } else { sheet.rows.push(row) }
        }
        sheet.notes.extend(proof.notes.iter().cloned());
        for l in &proof.ledger {
            sheet.notes.push(format!("ledger {}: debit {}, credit {}", l.account, l.debit, l.credit));
        }
        let said = if proof.agrees { "The day agrees to the cent." } else { "THE DAY DOES NOT AGREE." };
        sheet.notes.push(said.into());
        sheet.notes.push("Balanced by ____________________    Approved by ____________________".into());
        Ok(sheet)
    }

    async fn batch_report(&self, id: &str) -> Result<Sheet> {
        let batch = self.find_batch(id).await?;
        let columns = ["no", "kind", "state", ">received", "service", "account", "bill", ">applied", "rule", "needs"];
        let of = format!("batch {} of {}, {}", batch.name, batch.date, batch.state.as_str());
        let mut sheet = self.sheet("Batch detail", &of, &columns);
        for t in self.store.transactions(&batch.id).await? {
            let needs: Vec<&str> =
                t.exceptions.iter().filter(|e| e.decision.is_none()).map(|e| e.code.code()).collect();
            let mut head =
                vec![Cell::from(t.seq.to_string()), t.kind.as_str().into(), t.state.as_str().into(), t.received.into()];
            let mut needs = Cell::from(needs.join(" "));
            if t.applications.is_empty() {
                head.extend([Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty, needs]);
                sheet.rows.push(head);
                continue;
            }
            for a in &t.applications {
                let mut row = std::mem::replace(&mut head, vec![Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty]);
                row.extend([
                    a.biller.as_ref().map_or("suspense", |b| b.0.as_str()).into(),
                    a.account.as_ref().map(|a| a.masked()).unwrap_or_default().into(),
                    a.bill.clone().unwrap_or_default().into(),
                    a.amount.into(),
                    a.rule.clone().into(),
                    std::mem::replace(&mut needs, Cell::Empty),
                ]);
                sheet.rows.push(row);
            }
        }
        total_of(&mut sheet, "total", &[3, 7])?;
        if let Some(total) = batch.declared.total {
            sheet.notes.push(format!("Declared: {total}"));
        }
        let name = |n: &Option<crate::domain::UserName>| n.as_ref().map_or("-".into(), |n| n.0.clone());
        sheet.notes.push(format!("Balanced by {}, approved by {}", name(&batch.balanced_by), name(&batch.approved_by)));
        Ok(sheet)
    }

    async fn deposit_report(&self, id: Option<&str>) -> Result<Sheet> {
        let deposit = match id {
            Some(id) => self.find_deposit(id).await?,
            None => self.deposits().await?.pop().ok_or_else(|| usage("deposit"))?,
        };
        let of = format!("{} deposit {} of {}", deposit.kind.as_str(), deposit.number, deposit.date);
        let mut sheet = self.sheet("Deposit ticket", &of, &["sequence", "document", "batch", ">amount"]);
        for item in &deposit.items {
            let document = self.store.document(item.document.as_str()).await?;
            sheet.rows.push(vec![
                item.sequence.clone().into(),
                item.document.to_string().into(),
                document.batch.to_string().into(),
                item.amount.into(),
            ]);
        }
        total_of(&mut sheet, &format!("{} items", deposit.count), &[3])?;
        sheet.notes.push(format!(
            "State: {}. File: {}",
            deposit.state.as_str(),
            deposit.file.as_deref().unwrap_or("-")
        ));
        if let Some(hash) = deposit.sha256 {
            sheet.notes.push(format!("SHA-256 {hash}"));
        }
        Ok(sheet)
    }

    /// Aged by owner: who has it, since when.
    async fn exceptions_report(&self) -> Result<Sheet> {
        let today = self.clock.today();
        let columns = ["owner", ">days", "queue", "reason", "batch", "date", ">amount", "what"];
        let mut sheet = self.sheet("Exceptions", "aged by owner", &columns);
        let mut owners: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut rows = Vec::new();
        for item in self.open_exceptions(None).await? {
            if !owners.contains_key(&item.transaction) {
                let owner = match item.transaction.as_str() {
                    "" => None,
                    id => self.store.transaction(id).await?.owner,
                };
                owners.insert(item.transaction.clone(), owner);
            }
            let owner = owners.get(&item.transaction).cloned().flatten().unwrap_or_else(|| "nobody yet".into());
            let days = (today.date() - item.date.date()).get_days().max(0);
            rows.push((owner, days, item));
        }
        for r in self.returns().await?.into_iter().filter(|r| r.explanation.is_some()) {
            let days = (today.date() - r.date.date()).get_days().max(0);
            sheet.rows.push(vec![
                "nobody yet".into(),
                Cell::Count(i64::from(days)),
                "return".into(),
                crate::domain::Reason::ReturnUnmatched.code().into(),
                r.id.to_string().into(),
                r.date.into(),
                r.amount.into(),
                r.note.clone().into(),
            ]);
        }
        rows.sort_by(|a, b| (&a.0, std::cmp::Reverse(a.1)).cmp(&(&b.0, std::cmp::Reverse(b.1))));
        for (owner, days, item) in rows {
            sheet.rows.push(vec![
                owner.into(),
                Cell::Count(i64::from(days)),
                item.queue_name().into(),
                item.code.code().into(),
                item.batch_name.clone().into(),
                item.date.into(),
                item.amount.into(),
                item.message.clone().into(),
            ]);
        }
        total_of(&mut sheet, "total", &[6])?;
        Ok(sheet)
    }

    async fn returns_report(&self) -> Result<Sheet> {
        let columns = ["return", "date", "state", "reason", "code", ">amount", ">fee", "due", "account", "note"];
        let mut sheet = self.sheet("Returned items", "", &columns);
        for r in self.returns().await? {
            let accounts: Vec<String> = r.parts.iter().filter_map(|p| p.account.clone()).collect();
            sheet.rows.push(vec![
                r.id.to_string().into(),
                r.date.into(),
                r.state.as_str().into(),
                r.reason.into(),
                r.code.clone().into(),
                r.amount.into(),
                r.fee.into(),
                r.due.map_or(Cell::Empty, Cell::Day),
                accounts.join(" ").into(),
                r.note.clone().into(),
            ]);
        }
        total_of(&mut sheet, "total", &[5, 6])?;
        Ok(sheet)
    }

    /// The shift report.
    async fn drawer_report(&self, name: &str) -> Result<Sheet> {
        let drawer = self.find_drawer(name).await?;
        let of = format!("drawer {} ({}), {}, cashier {}", drawer.number, drawer.name, drawer.date, drawer.cashier);
        let columns = ["slip", "kind", "tender", ">amount", ">handed over", ">change", "account", "bill", "reference"];
        let mut sheet = self.sheet("Shift report", &of, &columns);
        let mut by_tender: BTreeMap<&str, Cents> = BTreeMap::new();
        for s in self.drawer_slips(drawer.number).await? {
            let kind = if s.is_payout { "payout" } else { "receipt" };
            let amount = if s.is_payout { s.amount.negated()? } else { s.amount };
            let sum = by_tender.entry(s.tender.as_str()).or_default();
            *sum = sum.plus(amount)?;
            sheet.rows.push(vec![
                s.number.to_string().into(),
                kind.into(),
                s.tender.as_str().into(),
                amount.into(),
                s.tendered.into(),
                s.tendered.minus(s.amount)?.into(),
                s.account.as_ref().map(|a| a.masked()).unwrap_or_default().into(),
                s.bill.clone().unwrap_or_default().into(),
                s.reference.clone().into(),
            ]);
        }
        total_of(&mut sheet, "total", &[3])?;
        sheet.notes.push(format!("Float {}, state {}", drawer.opening, drawer.state));
        for (tender, sum) in by_tender {
            sheet.notes.push(format!("{tender}: {sum}"));
        }
        // A count is blind until it was made.
        if let Some((count, suspects)) = self.drawer_count(&drawer).await? {
            sheet.notes.push(format!(
                "Cash counted {} of {}, checks {} of {}, over or short {}",
                count.counted_cash, count.expected_cash, count.counted_checks, count.expected_checks, count.over_short
            ));
            if let Some(amount) = count.wrong_tender {
                let slips: Vec<String> = suspects.iter().map(ToString::to_string).collect();
                sheet.notes.push(format!(
                    "Cash and checks are out by {amount} in opposite directions: probably a receipt under the wrong tender ({})",
                    slips.join(", ")
                ));
            }
        }
        sheet.notes.push("Counted by ____________________    Closed by ____________________".into());
        Ok(sheet)
    }

    /// Everything that moved an account: payments, returns, the counter.
    async fn account_report(&self, account: &str) -> Result<Sheet> {
        let account = AccountNumber::new(account);
        let columns = ["date", "what", "service", "bill", ">amount", "state", "where"];
        let mut sheet = self.sheet("Account activity", &format!("account {}", account.masked()), &columns);
        let mut rows: Vec<(Day, Vec<Cell>)> = Vec::new();
        let mut batches: BTreeMap<BatchId, Batch> = BTreeMap::new();
        for t in self.store.transactions_of_account(&account).await? {
            if !batches.contains_key(&t.batch) {
                batches.insert(t.batch.clone(), self.store.batch(t.batch.as_str()).await?);
            }
            let Some(batch) = batches.get(&t.batch) else { continue };
            for a in t.applications.iter().filter(|a| a.account.as_ref() == Some(&account)) {
                rows.push((
                    batch.date,
                    vec![
                        batch.date.into(),
                        "payment".into(),
                        a.biller.as_ref().map_or("", |b| b.0.as_str()).into(),
                        a.bill.clone().unwrap_or_else(|| "credit".into()).into(),
                        a.amount.into(),
                        t.state.as_str().into(),
                        format!("batch {}, transaction {}", batch.name, t.id).into(),
                    ],
                ));
            }
        }
        for r in self.store.returns().await? {
            for p in r.parts.iter().filter(|p| p.account.as_ref() == Some(&account)) {
                rows.push((
                    r.date,
                    vec![
                        r.date.into(),
                        "return".into(),
                        p.biller.as_ref().map_or("", |b| b.0.as_str()).into(),
                        p.bill.clone().unwrap_or_else(|| "credit".into()).into(),
                        p.amount.negated()?.into(),
                        r.state.as_str().into(),
                        format!("return {}", r.id).into(),
                    ],
                ));
            }
        }
        for drawer in self.store.drawers().await? {
            for s in self.store.slips(drawer.number).await?.into_iter().filter(|s| s.account.as_ref() == Some(&account))
            {
                rows.push((
                    drawer.date,
                    vec![
                        drawer.date.into(),
                        if s.is_payout { "refund" } else { "counter payment" }.into(),
                        s.biller.as_ref().map_or("", |b| b.0.as_str()).into(),
                        s.bill.clone().unwrap_or_else(|| "credit".into()).into(),
                        if s.is_payout { s.amount.negated()? } else { s.amount }.into(),
                        drawer.state.as_str().into(),
                        format!("slip {}", s.number).into(),
                    ],
                ));
            }
        }
        rows.sort_by_key(|r| r.0);
        sheet.rows = rows.into_iter().map(|r| r.1).collect();
        total_of(&mut sheet, "total", &[4])?;
        Ok(sheet)
    }

    async fn suspense_report(&self, date: Option<Day>) -> Result<Sheet> {
        let at = match date {
            Some(date) => Some(self.last_entry_of(date).await?),
            None => None,
        };
        let until = date.unwrap_or_else(|| self.clock.today());
        let mut sheet = self.sheet(
            "Suspense",
            &format!("unapplied payments at the end of {until}"),
            &["since", ">days", "transaction", "batch", ">entry", ">amount"],
        );
        for item in self.suspense(at).await? {
            let days = (until.date() - item.date.date()).get_days().max(0);
            sheet.rows.push(vec![
                item.date.into(),
                Cell::Count(i64::from(days)),
                item.transaction.into(),
                item.batch.into(),
                Cell::Text(item.entry.to_string()),
                item.amount.into(),
            ]);
        }
        total_of(&mut sheet, "total", &[5])?;
        let ledger = self.balances_at(at).await?;
        let balance = ledger.iter().find(|b| b.account == self.site.config.posting.suspense).map(|b| b.balance);
        sheet.notes.push(format!(
            "Ledger account {}: {}",
            self.site.config.posting.suspense,
            balance.unwrap_or_default()
        ));
        Ok(sheet)
    }

    async fn throughput_report(&self) -> Result<Sheet> {
        let columns = [
            "batch",
            "date",
            "state",
            ">documents",
            ">transactions",
            ">clean",
            ">straight through",
            ">open",
            ">received",
        ];
        let mut sheet = self.sheet("Throughput", "", &columns);
        for summary in self.store.batches().await? {
            let transactions = self.store.transactions(&summary.batch.id).await?;
            let untouched = |t: &&Transaction| {
                t.decisions.is_empty()
                    && t.exceptions.is_empty()
                    && matches!(t.state, TransactionState::Clean | TransactionState::Posted)
            };
            let clean = transactions.iter().filter(untouched).count();
            let share = (clean * 10_000).checked_div(transactions.len()).unwrap_or(0) as i64;
            sheet.rows.push(vec![
                summary.batch.name.clone().into(),
                summary.batch.date.into(),
                summary.batch.state.as_str().into(),
                summary.documents.into(),
                summary.transactions.into(),
                clean.into(),
                Cell::Share(share),
                summary.open_exceptions.into(),
                summary.received.into(),
            ]);
        }
        total_of(&mut sheet, "total", &[3, 4, 5, 7, 8])?;
        Ok(sheet)
    }

    /// What people had to do for the machine, by move: how often it did not read or could not decide.
    async fn accuracy_report(&self) -> Result<Sheet> {
        let columns = ["what a person did", ">times", ">of checks"];
        let mut sheet = self.sheet("Accuracy", "what people keyed and decided", &columns);
        let mut moves: BTreeMap<String, usize> = BTreeMap::new();
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        let mut checks = 0usize;
        for summary in self.store.batches().await? {
            let transactions = self.store.transactions(&summary.batch.id).await?;
            checks += self.tender_of(&summary.batch, &transactions).await?;
            for t in &transactions {
                for d in &t.decisions {
                    *moves.entry(d.name.clone()).or_default() += 1;
                }
                for e in &t.exceptions {
                    *reasons.entry(e.code.code()).or_default() += 1;
                }
            }
        }
        let share = |n: usize| Cell::Share((n * 10_000).checked_div(checks).unwrap_or(0) as i64);
        for (name, n) in &moves {
            sheet.rows.push(vec![name.as_str().into(), (*n).into(), share(*n)]);
        }
        for (code, n) in &reasons {
            sheet.rows.push(vec![format!("raised: {code}").into(), (*n).into(), share(*n)]);
        }
        sheet.notes.push(format!("{checks} checks and cash tickets"));
        let never: Vec<&str> =
            ["key-amount", "key-micr", "key-scanline"].into_iter().filter(|name| !moves.contains_key(*name)).collect();
        if !never.is_empty() {
            sheet.notes.push(format!("Nobody had to use: {}", never.join(", ")));
        }
        Ok(sheet)
    }

    async fn tender_of(&self, batch: &crate::domain::Batch, transactions: &[Transaction]) -> Result<usize> {
        let known = self.known(batch, transactions).await?;
        Ok(known.evidence.iter().filter(|e| is_tender(e.kind)).count())
    }
}
