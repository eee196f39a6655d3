//! THE RUN: for each job load, stage, save. Nothing else decides the order. Capture stores documents and decode jobs; the
//! last decode job of a batch leaves a match job; matching leaves proposals and exceptions for people. Balancing, posting
//! and depositing happen when a named person asks for them (`pipeline/settle.rs`, `pipeline/bank.rs`).

mod amount_rules;
mod amounts;
pub mod apart;
mod bank;
mod desk;
mod door;
mod drawer;
pub mod heap;
mod intake;
mod ledger;
mod papers;
mod pieces;
mod record;
mod returns;
pub mod settings;
mod settle;
mod simulate;
mod view;
mod walls;

pub use amount_rules::{AmountStatus, Judged, Measured, Outlook, STEPS, SortOutlook, replayed};
pub use bank::MadeDeposit;
pub use desk::{Item, Paper};
pub use door::{DoorError, NewPerson, is_name};
pub use drawer::{ClosedDrawer, Received};
pub use intake::{TakeIn, Taken};
pub use ledger::{BillingFile, Totals, acknowledgement};
pub use papers::{REPORTS, ReportQuestion};
pub use record::undoable;
pub use returns::{ReturnTaken, ReturnView, ReturnsImported};
pub use settle::{AfterDecision, BalanceAnswer, PostedBatch};
pub use simulate::{Changed, Outcome, Simulated};
pub use view::{BatchHead, BatchView, ExceptionView, LedgerBalance, Proof, Summary};

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use tracing::{Instrument, debug, debug_span, info, info_span};

use amounts::{Checks, Standard};

use crate::clock::Clock;
use crate::config::Site;
use crate::decode::layout::Layouts;
use crate::decode::{self, Expect, Request};
use crate::domain::{
    Batch, BatchId, Cents, Decision, Document, DocumentId, Exception, ExceptionId, ImageRole, Reading, Reason, Role,
    Sha256, Transaction, TransactionId, User, UserName,
};
use crate::grouping::{self, Evidence, Group};
use crate::imaging::picture::View;
use crate::matching::{self, BatchDraft, BillBook, Proposal, SeenCheck};
use crate::store::{CheckKey, Job, JobKind, Matched, Rescan, Store, StoreConfig, StoreError, Worker};

/// A site at work.
#[derive(Clone)]
pub struct Office {
    pub site: Arc<Site>,
    pub clock: Clock,
    store: Store,
    /// Where images are opened; in this process where there is none.
    helpers: Option<Arc<apart::Helpers>>,
}

/// What a person is told. Machine trouble is `Store` and `Disk`; the rest has a way on.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Done, and the answer is no.
    #[error("{message}")]
    Refused { code: &'static str, message: String, help: String },
    /// Bad input that stopped the work.
    #[error("{message}")]
    Input { code: &'static str, message: String, file: Option<String>, help: String },
    #[error("{0}")]
    Usage(String),
    #[error("{path}: {cause}")]
    Disk { path: String, cause: String },
}

impl OfficeError {
    pub fn input(code: &'static str, message: impl Into<String>, file: Option<&Path>, help: &str) -> Self {
        OfficeError::Input {
            code,
            message: message.into(),
            file: file.map(|f| f.display().to_string()),
            help: help.into(),
        }
    }

    pub fn refused(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        OfficeError::Refused { code, message: message.into(), help: help.into() }
    }
}

impl From<crate::domain::MoneyError> for OfficeError {
    fn from(error: crate::domain::MoneyError) -> Self {
        OfficeError::Store(StoreError::Money(error))
    }
}

impl From<apart::NoHelper> for OfficeError {
    fn from(no: apart::NoHelper) -> Self {
        OfficeError::Disk { path: no.program.display().to_string(), cause: no.to_string() }
    }
}

type Result<T> = std::result::Result<T, OfficeError>;

/// Who stands in the audit for what no person asked for.
fn system() -> UserName {
    UserName("remit".into())
}

impl Office {
    fn store_config(site: &Site, clock: Clock) -> StoreConfig {
        StoreConfig {
            database: site.database.clone(),
            blobs: site.images.clone(),
            key_file: site.key_file.clone(),
            site: site.config.site.id.clone(),
            clock,
            chart: site.config.posting.clone(),
        }
    }

    pub async fn open(site: Site, clock: Clock) -> Result<Office> {
        let store = Store::open(&Office::store_config(&site, clock)).await?;
        Office { site: Arc::new(site), clock, store, helpers: None }.renewed().await
    }

    /// Makes the database, the object store and the key; the one-time set-up token of the first administrator, or `None`
    /// when the site was made before.
    pub async fn create(site: &Site, clock: Clock) -> Result<Option<String>> {
        std::fs::create_dir_all(&site.folder)
            .map_err(|e| OfficeError::Disk { path: site.folder.display().to_string(), cause: e.to_string() })?;
        let config = Office::store_config(site, clock);
        let store = match Store::create(&config).await {
            Ok(store) => store,
            Err(StoreError::Site { .. }) => Store::open(&config).await?,
            Err(error) => return Err(error.into()),
        };
        if store.setting(SETUP_TOKEN).await?.is_some() {
            return Ok(None);
        }
        let mut random = [0u8; 16];
        getrandom::fill(&mut random).map_err(|e| OfficeError::Disk { path: "random".into(), cause: e.to_string() })?;
        let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
        // Only its hash is kept.
        store.save_setting(SETUP_TOKEN, &Sha256::of(token.as_bytes()).to_string(), &system()).await?;
        store.close().await;
        Ok(Some(token))
    }

    /// The same office with images opened apart, in helper processes of `program` (this program's file).
    pub fn reading_apart(self, program: std::path::PathBuf) -> Office {
        Office { helpers: Some(Arc::new(apart::Helpers::new(program))), ..self }
    }

    pub fn helpers(&self) -> Option<&apart::Helpers> {
        self.helpers.as_deref()
    }

    /// A stored image as browsers show it: the bytes of a PNG, or why there are none.
    pub async fn picture(&self, image: Sha256, view: View) -> Result<std::result::Result<Vec<u8>, String>> {
        let stored = self.store.blob(image).await?;
        let helpers = self.helpers.clone();
        let made = tokio::task::spawn_blocking(move || match helpers {
            Some(helpers) => helpers.picture(&stored, view),
            None => Ok(crate::imaging::picture::picture(&stored, view).map_err(|e| e.to_string())),
        });
        Ok(made.await.map_err(StoreError::Task)??)
    }

    /// What these layouts read on a stored document; nothing is kept.
    pub async fn read_with(&self, document: Document, layouts: Layouts) -> Result<Reading> {
        let hashes: Vec<Sha256> = document.images.iter().map(|i| i.hash).collect();
        let bytes = self.store.blobs(&hashes).await?;
        let helpers = self.helpers.clone();
        let read = move || read_documents(&[document], bytes, &layouts, helpers.as_deref());
        let read = tokio::task::spawn_blocking(read).await.map_err(StoreError::Task)??.pop();
        Ok(read.map_or_else(|| decode::nothing(""), |(_, reading)| reading))
    }

    /// What is kept, for whoever shows it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs every waiting job of the site, as `remit worker` does: several lanes read documents until none are ready; then
    /// the batches that were read are matched one after another, in the order of their ids, since each must see the checks
    /// of those before it. `progress` hears how many documents were read.
    pub async fn run_jobs(&self, progress: impl Fn(u64)) -> Result<()> {
        self.write_exports().await?;
        let layouts = Arc::new(self.layouts().await?);
        let worker = Worker::this_process()?;
        loop {
            let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<u64>();
            let mut lanes = tokio::task::JoinSet::new();
            for _ in 0..LANES {
                let (office, layouts, worker, tell) = (self.clone(), layouts.clone(), worker.clone(), tell.clone());
                lanes.spawn(async move {
                    while let Some(job) = office.claim(&worker, JobKind::Decode).await? {
                        office.work(&job, &layouts).await?;
                        let _ = tell.send(job.documents.len() as u64);
                    }
                    Ok::<(), OfficeError>(())
                });
            }
            drop(tell);
            while let Some(documents) = told.recv().await {
                progress(documents);
            }
            while let Some(lane) = lanes.join_next().await {
                lane.map_err(|e| OfficeError::Store(StoreError::Task(e)))??;
            }
            let mut matched = false;
            while let Some(job) = self.claim(&worker, JobKind::Match).await? {
                self.work(&job, &layouts).await?;
                matched = true;
            }
            // Another process may have left something ready meanwhile.
            if !matched {
                return Ok(());
            }
        }
    }

    /// The next job of that kind. Leases guard against dead workers and appear in no output: they go by the real clock.
    async fn claim(&self, worker: &Worker, kind: JobKind) -> Result<Option<Job>> {
        let (now, lease) = (Clock::system().seconds(), self.site.config.jobs.lease_seconds);
        Ok(self.store.claim(worker, now, lease, 1, Some(kind)).await?.into_iter().next())
    }

    async fn work(&self, job: &Job, layouts: &Arc<Layouts>) -> Result<()> {
        let span = info_span!("job", batch = %job.batch, kind = job.kind.as_str(), part = job.part);
        let done = match job.kind {
            JobKind::Decode => self.decode_job(job, layouts).instrument(span).await,
            JobKind::Match => self.match_job(job).instrument(span).await,
        };
        match done {
            // The lease passed to another worker, who does it: nothing is lost and nothing doubled.
            Ok(()) | Err(OfficeError::Store(StoreError::StaleLease { .. })) => Ok(()),
            Err(error) => {
                self.store.fail(job, &error.to_string()).await?;
                Err(error)
            }
        }
    }

    /// Load the images of one part of a batch, read them, save what was read.
    async fn decode_job(&self, job: &Job, layouts: &Arc<Layouts>) -> Result<()> {
        let hashes: Vec<_> = job.documents.iter().flat_map(|d| d.images.iter().map(|i| i.hash)).collect();
        let bytes = self.store.blobs(&hashes).await?;
        let (documents, layouts, helpers) = (job.documents.clone(), layouts.clone(), self.helpers.clone());
        let readings =
            tokio::task::spawn_blocking(move || read_documents(&documents, bytes, &layouts, helpers.as_deref()))
                .await
                .map_err(StoreError::Task)??;
        self.store.save_readings(job, &readings).await?;
        info!(documents = readings.len(), "read");
        Ok(())
    }

    /// Load what was read and the bills it may pay, group, match, save. When another process matched meanwhile, again: each
    /// must see the checks and payments of the other.
    async fn match_job(&self, job: &Job) -> Result<()> {
        let batch = self.store.batch(job.batch.as_str()).await?;
        let mut tries = 0;
        loop {
            let turn = self.store.match_turn().await?;
            let mut known = self.known(&batch, &[]).await?;
            let standard = self.amount_standard().await?;
            // What the amounts say about the envelopes, and then what the envelopes say about the amounts.
            let mut verdicts = std::collections::BTreeMap::new();
            for _ in 0..2 {
                let found = known.verify_amounts(&known.groups(), &standard);
                known.hear(&found, &standard);
                verdicts.extend(found);
            }
            let groups = known.groups();
            let decisions = vec![Vec::new(); groups.len()];
            let ids: Vec<TransactionId> =
                groups.iter().filter_map(|g| Some(matching::transaction_id(&batch.id, g.documents.first()?))).collect();
            let proposals = known.propose(&ids, &groups, &decisions);
            let transactions = numbered(&batch.id, groups, proposals);
            let mut notices = matching::notices(batch.date, &transactions, &known.book, &known.policy);
            let of = |document: &DocumentId| known.written.get(document).map_or(&[][..], Vec::as_slice);
            notices.extend(matching::boxes(batch.date, &transactions, of, &known.book));
            let meters = matching::meter_readings(batch.date, &transactions, of, &known.book);
            let exceptions = self.of_the_batch(&batch, &transactions).await?;
            let checks = known.check_keys();
            let verdicts = verdicts.into_iter().collect();
            let matched = Matched { transactions, exceptions, checks, notices, meters, turn: Some(turn), verdicts };
            match self.store.save_match(job, &matched).await {
                Ok(()) => {
                    self.write_exports().await?;
                    info!(transactions = matched.transactions.len(), "matched");
                    return Ok(());
                }
                Err(StoreError::Conflict { .. }) if tries < MOST_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes the exports that are due, each after the commit that made its rows and whole: for whoever must hear of urgent
    /// payments, and the meter readings. After a crash in between, the next one that works here writes them; written
    /// again they are the same bytes.
    pub async fn write_exports(&self) -> Result<()> {
        for (kind, of, number) in self.store.waiting_exports().await? {
            let (name, text) = match kind.as_str() {
                crate::store::COUNTER => {
                    let drawer = of.parse().map_err(|e| StoreError::damaged("an export", e))?;
                    let notices = self.store.counter_notices(drawer).await?;
                    let date = notices.first().map(|n| format!("{}-", n.date)).unwrap_or_default();
                    (format!("notices/{date}drawer-{drawer}.csv"), matching::notices_csv(&notices))
                }
                _ => {
                    let batch = self.store.batch(&of).await?;
                    let text = match kind.as_str() {
                        "meters" => matching::meters_csv(&self.store.meters_of(&batch.id).await?),
                        _ => matching::notices_csv(&self.store.notices_of(&batch.id).await?),
                    };
                    (format!("{kind}/{}-{}.csv", batch.date, batch.id), text)
                }
            };
            let path = self.site.folder.join(name);
            // Another process that works here may have written the same just now.
            if let Err(error) = crate::station::write_whole(&path, text.as_bytes())
                && std::fs::read(&path).ok().is_none_or(|there| there != text.as_bytes())
            {
                return Err(error);
            }
            self.store.export_written(&kind, &of, number).await?;
        }
        Ok(())
    }

    /// The meter readings of a business day and later.
    pub async fn meters(&self, since: crate::domain::Day) -> Result<Vec<matching::MeterReading>> {
        self.write_exports().await?;
        Ok(self.store.meters_since(since).await?)
    }

    /// The notices of a business day and later.
    pub async fn notices(&self, since: crate::domain::Day) -> Result<Vec<matching::Notice>> {
        self.write_exports().await?;
        Ok(self.store.notices_since(since).await?)
    }

    /// Takes the list of bank accounts that are shared by many or stand on the stop list.
    pub async fn mark_payers(
        &self,
        marks: &[(String, crate::domain::BankAccount, bool, Option<String>)],
        by: &UserName,
    ) -> Result<u64> {
        Ok(self.store.mark_payers(marks, by).await?)
    }

    /// What an approver must look at before the batch as a whole may balance.
    async fn of_the_batch(&self, batch: &Batch, transactions: &[Transaction]) -> Result<Vec<Exception>> {
        let policy = &self.site.config.matching;
        let mut out = Vec::new();
        let mut raise = |code: Reason, message: String| {
            let id = ExceptionId::of(&[batch.id.as_str().as_bytes(), code.code().as_bytes()]);
            out.push(Exception { id, code, message, document: None, bbox: None, decision: None });
        };
        let total = Cents::sum(transactions.iter().filter_map(|t| t.received))?;
        if let Some(limit) = policy.batch_limit.filter(|limit| total > *limit) {
            raise(Reason::LimitExceeded, format!("the batch is worth {total}, over the limit of {limit}"));
        }
        if let Some(most) = policy.bills_most_days {
            let newest = self.store.bills_file_date().await?;
            let age = newest.map(|day| day.date().until(batch.date.date()).map_or(0, |span| span.get_days()));
            match age {
                Some(days) if i64::from(days) <= i64::from(most) => {}
                Some(days) => {
                    raise(Reason::StaleBills, format!("the newest bill file is {days} days older than this batch"))
                }
                None => raise(Reason::StaleBills, "no bill file was ever taken".into()),
            }
        }
        Ok(out)
    }

    /// Everything that is known of a batch: evidence of each document, the bills and payers it may touch, and the
    /// checks that came before. `settled` are its transactions with their decisions, when there are any yet.
    async fn known(&self, batch: &Batch, settled: &[Transaction]) -> Result<Known> {
        let documents = self.store.documents(&batch.id).await?;
        let readings = self.store.readings(&batch.id).await?;
        self.known_from(batch, &documents, readings, settled).await
    }

    /// What is known of a batch's documents by themselves: enough to prove it, and read without any bill.
    async fn evidence_of(&self, batch: &Batch, settled: &[Transaction]) -> Result<Vec<Evidence>> {
        let documents = self.store.documents(&batch.id).await?;
        let mut readings = self.store.readings(&batch.id).await?;
        let mut decisions: std::collections::BTreeMap<&DocumentId, Vec<Decision>> = Default::default();
        for t in settled.iter().filter(|t| !t.decisions.is_empty()) {
            let standing = record::standing(&t.decisions);
            decisions.extend(t.documents.iter().map(|d| (d, standing.clone())));
        }
        let mode = self.site.config.amounts.mode;
        let of = |d: &Document| {
            let reads = amounts::usable(readings.remove(&d.id).unwrap_or_default(), mode);
            grouping::evidence(d, &reads, decisions.get(&d.id).map(Vec::as_slice).unwrap_or_default())
        };
        Ok(documents.iter().map(of).collect())
    }

    /// The same of some documents of a batch.
    async fn known_from(
        &self,
        batch: &Batch,
        documents: &[Document],
        mut readings: std::collections::BTreeMap<DocumentId, Vec<Reading>>,
        settled: &[Transaction],
    ) -> Result<Known> {
        let standing: Vec<Vec<Decision>> = settled.iter().map(|t| record::standing(&t.decisions)).collect();
        let mut decisions: std::collections::BTreeMap<&DocumentId, &[Decision]> = Default::default();
        for (transaction, standing) in settled.iter().zip(&standing) {
            decisions.extend(transaction.documents.iter().map(|d| (d, standing.as_slice())));
        }
        let mut faces = std::collections::BTreeMap::new();
        let mut written = std::collections::BTreeMap::new();
        let mut evidence: Vec<Evidence> = documents
            .iter()
            .map(|d| {
                let own = readings.entry(d.id.clone()).or_default();
                faces.insert(d.id.clone(), Face::of(d, own));
                let reads = amounts::usable(own.clone(), self.site.config.amounts.mode);
                let evidence = grouping::evidence(d, &reads, decisions.get(&d.id).copied().unwrap_or_default());
                if reads.iter().any(is_written_on) {
                    written.insert(d.id.clone(), reads);
                }
                evidence
            })
            .collect();
        let mut wanted = matching::wanted(&evidence);
        for transaction in settled {
            wanted.name(&transaction.decisions);
        }
        let whose: Vec<_> = wanted.payers.iter().cloned().collect();
        let payers = self.store.payers_of(&whose).await?;
        let standings = self.store.standings(&whose).await?;
        let paid_for = payers.iter().map(|p| p.account.clone());
        let seen_paid = standings.iter().flat_map(|s| s.2.seen.iter().map(|(_, account, _)| account.clone()));
        let mut named: Vec<_> = wanted.accounts.iter().cloned().chain(paid_for).chain(seen_paid).collect();
        named.sort();
        named.dedup();
        let renumbered = self.store.renumbered(&named).await?;
        let accounts: Vec<_> = wanted
            .accounts
            .iter()
            .map(|a| (None, a.clone()))
            .chain(payers.iter().map(|p| (Some(p.biller.clone()), p.account.clone())))
            .chain(standings.iter().flat_map(|s| s.2.seen.iter().map(|(b, a, _)| (Some(b.clone()), a.clone()))))
            .chain(renumbered.into_iter().map(|(biller, account)| (Some(biller), account)))
            .collect();
        let mut bills = self.store.bills_for(&accounts).await?;
        // Where the final bills of closed accounts stand.
        let further: Vec<_> = BillBook::points_to(&bills).into_iter().map(|account| (None, account)).collect();
        if !further.is_empty() {
            bills.extend(self.store.bills_for(&further).await?);
        }
        let invoices: Vec<String> = wanted.invoices.iter().chain(&wanted.bills).cloned().collect();
        bills.extend(self.store.bills_for_invoices(&invoices).await?);
        bills.sort_by(|a, b| {
            (&a.biller, &a.account, a.due_date, &a.bill).cmp(&(&b.biller, &b.account, b.due_date, &b.bill))
        });
        bills.dedup_by(|a, b| a.biller == b.biller && a.bill == b.bill);
        self.mark_cash_only(&mut bills, batch.date).await?;
        let seen = self.seen(batch, &evidence, settled.is_empty()).await?;
        let pending = self.pending(batch, &bills, settled.is_empty()).await?;
        let book = BillBook::new(bills, payers).with_standings(standings).with_pending(pending);
        let policy = self.site.config.matching.for_operator(batch.operator.as_ref());
        book.hear_witnesses(&mut evidence);
        drop(decisions);
        let reads = readings.into_iter().collect();
        Ok(Known {
            batch: batch.clone(),
            documents: documents.to_vec(),
            reads,
            evidence,
            faces,
            written,
            book,
            seen,
            verdicts: Vec::new(),
            rescan: None,
            policy,
        })
    }

    /// Bills that other batches mean to pay and that are not posted; as with checks, a second payment never accuses the
    /// first.
    async fn pending(
        &self,
        batch: &Batch,
        bills: &[crate::domain::Bill],
        first_time: bool,
    ) -> Result<Vec<((crate::domain::Biller, String), String)>> {
        let numbers: Vec<String> = bills.iter().map(|b| b.bill.clone()).collect();
        let mut out = Vec::new();
        for one in self.store.pending(&batch.id, &numbers).await? {
            let earlier = (one.date, &one.batch_name, &one.batch) < (batch.date, &batch.name, &batch.id);
            if first_time || earlier {
                out.push(((one.biller, one.bill), format!("batch {}, {}", one.batch_name, one.date)));
            }
        }
        Ok(out)
    }

    /// Checks of other batches with the same routing, account and serial. When a batch is matched for the first time all
    /// others came before it; later only those that sort before it count, so that a repeat never accuses its original.
    async fn seen(&self, batch: &Batch, evidence: &[Evidence], first_time: bool) -> Result<Vec<SeenCheck>> {
        // Thousands of checks may be alike (a file of one check over and over): each key is asked for once, and the oldest
        // check that it finds is enough.
        let mut asked = BTreeSet::new();
        let mut keyed: Vec<(String, CheckKey)> =
            evidence.iter().filter_map(|e| Some((e.check.as_ref()?.fingerprint()?, check_key(e)?))).collect();
        keyed.retain(|(fingerprint, key)| asked.insert((fingerprint.clone(), key.amount)));
        let keys: Vec<CheckKey> = keyed.iter().map(|(_, key)| key.clone()).collect();
        let like = self.store.checks_like(&keys, Some(&batch.id), MOST_ALIKE).await?;
        let mut seen = Vec::new();
        let mut names = std::collections::BTreeMap::<BatchId, Batch>::new();
        for ((fingerprint, key), found) in keyed.iter().zip(like) {
            for one in found {
                if !names.contains_key(&one.batch) {
                    names.insert(one.batch.clone(), self.store.batch(one.batch.as_str()).await?);
                }
                let Some(other) = names.get(&one.batch) else { continue };
                let order = |b: &Batch| (b.date, b.name.clone(), b.id.clone());
                if !first_time && order(other) > order(batch) {
                    continue;
                }
                seen.push(SeenCheck {
                    fingerprint: fingerprint.clone(),
                    document: one.document,
                    earlier: format!("a check of batch {}, {}", other.name, other.date),
                    amount: key.amount.filter(|_| one.same_amount),
                });
            }
        }
        Ok(seen)
    }

    pub async fn layouts(&self) -> Result<Layouts> {
        let texts = self.store.layouts().await?;
        let joined: String = texts.iter().map(|t| t.toml.as_str()).collect::<Vec<_>>().join("\n");
        let mut layouts = Layouts::parse(&joined)
            .map_err(|e| OfficeError::input("layouts", e.to_string(), None, "import the layouts again"))?;
        layouts.check_zones = self.amount_zones().await?;
        Ok(layouts)
    }

    pub async fn import_layouts(&self, toml: &str) -> Result<()> {
        self.store.save_layout("layouts", toml, &system()).await?;
        Ok(())
    }

    /// The person of that name, who must be active and have one of the roles.
    pub async fn person(&self, name: &str, roles: &[Role]) -> Result<User> {
        let user = self.store.user(&UserName(name.to_string())).await?.ok_or_else(|| {
            OfficeError::refused("no-user", format!("there is no user '{name}'"), "remit users add NAME --role ROLE")
        })?;
        if user.disabled {
            return Err(OfficeError::refused("disabled", format!("{name} is disabled"), "ask an administrator"));
        }
        if !user.may(roles) {
            let wanted: Vec<&str> = roles.iter().map(|r| r.as_str()).collect();
            return Err(OfficeError::refused(
                "role",
                format!("{name} is not {}", wanted.join(" or ")),
                format!("remit users add {name} --role {}", wanted.first().copied().unwrap_or("operator")),
            ));
        }
        Ok(user)
    }
}

/// The setting that keeps the hash of the set-up token; empty once it was used.
const SETUP_TOKEN: &str = "setup-token";

/// How often a batch is matched again because others matched meanwhile.
const MOST_TRIES: u32 = 50;

/// Lanes of an embedded run: one reads or writes rows while the other decodes on all cores.
const LANES: usize = 2;

/// Checks of other batches that one check is compared with.
const MOST_ALIKE: usize = 100;

/// Reads each document on all cores; documents that are records have nothing to read.
fn read_documents(
    documents: &[Document],
    bytes: Vec<Vec<u8>>,
    layouts: &Layouts,
    helpers: Option<&apart::Helpers>,
) -> std::result::Result<Vec<(DocumentId, Reading)>, apart::NoHelper> {
    let mut offset = 0;
    let mut work = Vec::with_capacity(documents.len());
    for document in documents {
        let images = &bytes[offset..offset + document.images.len()];
        offset += document.images.len();
        if !images.is_empty() {
            work.push((document, images));
        }
    }
    work.par_iter()
        .map(|(document, bytes)| {
            let _span =
                debug_span!("document", id = %document.id, batch = %document.batch, seq = document.seq).entered();
            let started = Instant::now();
            let magnetic = document.station_micr.as_deref();
            let mut reading = match helpers {
                None => {
                    let scans = document.images.iter().zip(bytes.iter());
                    let scans =
                        scans.map(|(image, bytes)| decode::Source { role: image.role, name: &image.name, bytes });
                    let images: Vec<decode::Source<'_>> = scans.collect();
                    let expect = Expect::Auto;
                    decode::decode(&Request { images: &images, dpi: document.dpi, magnetic, expect, layouts })
                }
                Some(helpers) => {
                    let scans = document.images.iter().zip(bytes.iter());
                    let scans: Vec<apart::Scan> = scans.map(|(i, b)| (i.role, i.name.clone(), b.clone())).collect();
                    helpers.read(&scans, document.dpi, magnetic, layouts)?
                }
            };
            reading.ms = started.elapsed().as_secs_f32() * 1000.0;
            debug!(kind = reading.kind.as_str(), problems = reading.problems.len(), ms = reading.ms, "decoded");
            Ok((document.id.clone(), reading))
        })
        .collect()
}

fn check_key(evidence: &Evidence) -> Option<CheckKey> {
    let check = evidence.check.as_ref()?;
    let mut parts = check.fingerprint()?.split('|').map(str::to_string).collect::<Vec<_>>();
    let serial = parts.pop()?;
    Some(CheckKey {
        routing: parts.first()?.clone(),
        account: check.bank_account.clone()?,
        serial,
        amount: check.amount,
    })
}

/// Did a member mark a box or write a meter reading here?
fn is_written_on(reading: &Reading) -> bool {
    let meter = |fields: &std::collections::BTreeMap<String, String>| fields.contains_key("meter_reading");
    reading.marks.iter().any(|m| m.marked)
        || reading.scanline.as_ref().is_some_and(|s| meter(&s.fields))
        || reading.barcodes.iter().any(|b| meter(&b.fields))
}

/// How a document lay in the scanner, as the reader found it.
#[derive(Clone, Copy, Default)]
struct Face {
    /// The image that came as the back is the front.
    swapped: bool,
    /// Degrees clockwise that make the front upright.
    rotation: u16,
}

impl Face {
    fn of(document: &Document, readings: &[Reading]) -> Face {
        // A scan that was replaced says nothing of the one that is shown.
        let mut standing = readings.iter().rev().filter(|r| !document.is_replaced(&r.file));
        let Some(reading) = standing.next() else { return Face::default() };
        let role = document.images.iter().find(|i| i.name == reading.file).map(|i| i.role);
        let swapped = matches!(role, Some(ImageRole::Back | ImageRole::BackGray));
        Face { swapped, rotation: reading.rotation }
    }
}

/// What is known of a batch, ready to be grouped and matched.
struct Known {
    batch: Batch,
    documents: Vec<Document>,
    /// All reads of each document, the oldest first.
    reads: std::collections::BTreeMap<DocumentId, Vec<Reading>>,
    evidence: Vec<Evidence>,
    faces: std::collections::BTreeMap<DocumentId, Face>,
    /// Readings of the stubs on which a member marked a box or wrote a meter reading.
    written: std::collections::BTreeMap<DocumentId, Vec<Reading>>,
    book: BillBook,
    seen: Vec<SeenCheck>,
    /// New verdicts on amounts, to be saved with whatever comes of them.
    verdicts: Vec<(DocumentId, Reading)>,
    /// A scan in the light of which this is known; saved with whatever comes of it.
    rescan: Option<Rescan>,
    /// With the limit of the batch's operator.
    policy: matching::Policy,
}

impl Known {
    fn groups(&self) -> Vec<Group> {
        let evidence = amounts::for_grouping(&self.evidence, &self.reads);
        let pieces = self.book.pieces(&evidence, &self.seen, &self.policy, self.batch.date);
        grouping::group(&pieces, self.batch.origin)
    }

    fn verify_amounts(&self, groups: &[Group], standard: &Standard) -> Vec<(DocumentId, Reading)> {
        let (evidence, reads, book) = (&self.evidence, &self.reads, &self.book);
        let checks = Checks { evidence, reads, book, policy: &self.policy, day: self.batch.date };
        amounts::verify(&checks, groups, standard)
    }

    /// Takes verdicts in as reads; a later one of the same document replaces the one before, as nothing is saved yet.
    fn hear(&mut self, verdicts: &[(DocumentId, Reading)], standard: &Standard) {
        for (id, verdict) in verdicts {
            let reads = self.reads.entry(id.clone()).or_default();
            reads.retain(|r| r.amount.verdict.is_none());
            reads.push(verdict.clone());
            let document = self.documents.iter().find(|d| d.id == *id);
            let evidence = self.evidence.iter_mut().find(|e| e.document == *id);
            if let (Some(document), Some(evidence)) = (document, evidence) {
                *evidence = grouping::evidence(document, &amounts::usable(reads.clone(), standard.mode), &[]);
            }
        }
    }

    /// Verifies the amounts of one transaction's checks anew, as if none had been: its bills are others now. What a person
    /// keyed stays.
    fn look_again(&mut self, one: &Transaction, standard: &Standard) {
        let decisions = record::standing(&one.decisions);
        let anew = |known: &mut Known, id: &DocumentId, reads: &[Reading]| {
            let document = known.documents.iter().find(|d| d.id == *id);
            let evidence = known.evidence.iter_mut().find(|e| e.document == *id);
            if let (Some(document), Some(evidence)) = (document, evidence) {
                *evidence = grouping::evidence(document, &amounts::usable(reads.to_vec(), standard.mode), &decisions);
            }
        };
        for id in &one.documents {
            let mut reads = self.reads.get(id).cloned().unwrap_or_default();
            reads.retain(|r| r.amount.verdict.is_none());
            anew(self, id, &reads);
        }
        self.book.hear_witnesses(&mut self.evidence);
        let by_document: std::collections::BTreeMap<_, _> = self.evidence.iter().map(|e| (&e.document, e)).collect();
        let kind = grouping::kind_of(one.documents.iter().filter_map(|d| by_document.get(d).copied()));
        let group = Group { documents: one.documents.clone(), kind, reason: one.reason.clone() };
        let found = self.verify_amounts(&[group], standard);
        for id in &one.documents {
            let mut reads = self.reads.get(id).cloned().unwrap_or_default();
            if let Some((_, verdict)) = found.iter().find(|(d, _)| d == id) {
                let same = |r: &Reading| r.amount.verdict == verdict.amount.verdict;
                if !reads.iter().rev().find(|r| r.amount.verdict.is_some()).is_some_and(same) {
                    self.verdicts.push((id.clone(), verdict.clone()));
                    reads.push(verdict.clone());
                }
            }
            anew(self, id, &reads);
            self.reads.insert(id.clone(), reads);
        }
        self.book.hear_witnesses(&mut self.evidence);
    }

    fn propose(&self, ids: &[TransactionId], groups: &[Group], decisions: &[Vec<Decision>]) -> Vec<Proposal> {
        matching::propose_batch(
            &BatchDraft { ids, groups, evidence: &self.evidence, decisions, seen: &self.seen },
            &self.book,
            &self.policy,
            self.batch.date,
        )
    }

    fn check_keys(&self) -> Vec<(DocumentId, CheckKey)> {
        self.evidence.iter().filter_map(|e| Some((e.document.clone(), check_key(e)?))).collect()
    }
}

/// Proposals as the batch's transactions, numbered from 1 in capture order.
fn numbered(batch: &BatchId, groups: Vec<Group>, proposals: Vec<Proposal>) -> Vec<Transaction> {
    groups
        .into_iter()
        .zip(proposals)
        .zip(1..)
        .map(|((group, proposal), seq)| proposal.into_transaction(batch.clone(), seq, group.reason))
        .collect()
}
