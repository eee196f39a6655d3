//! What the commands show: batches, exceptions, books and proofs as the command line's contract writes them. Bank
//! accounts and account lines come masked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;

use crate::domain::{
    Application, Batch, BatchId, BatchState, Bill, Cents, Control, Day, Decision, DocumentId, DocumentKind, Entry,
    ExceptionId, KnownPayer, Origin, Problem, Reading, Reason, Transaction, TransactionId, TransactionKind,
    TransactionState,
};
use crate::exceptions::{self, Move, Queue};
use crate::grouping::Evidence;
use crate::pipeline::settle::is_tender;
use crate::pipeline::{Office, OfficeError, Result, system};
use crate::reports::{ProofSheet, SheetInput, proof_sheet};
use crate::store::{Finding, ImportReport, QueueItem, StoreError, Verified, Wanted};

/// What `ingest` says of a batch.
#[derive(Debug)]
pub struct Summary {
    pub name: String,
    pub state: BatchState,
    pub documents: usize,
    pub checks: usize,
    pub transactions: usize,
    pub exceptions: usize,
    pub total: Cents,
}

#[derive(Debug, Serialize)]
pub struct Counted {
    pub documents: usize,
    pub checks: usize,
    pub cash: Cents,
    pub total: Cents,
}

/// A batch without its documents.
#[derive(Debug, Serialize)]
pub struct BatchHead {
    pub id: BatchId,
    pub name: String,
    pub state: BatchState,
    pub exceptions: Vec<serde_json::Value>,
    /// When all its bills are of one.
    pub biller: Option<String>,
    pub origin: Origin,
    pub date: Day,
    pub operator: Option<String>,
    pub declared: Control,
    pub counted: Counted,
    /// Declared less counted.
    pub difference: Option<Cents>,
}

#[derive(Debug, Serialize)]
pub struct DocumentView {
    pub id: DocumentId,
    pub seq: u32,
    pub kind: DocumentKind,
    pub files: BTreeMap<&'static str, String>,
    pub reads: serde_json::Value,
    pub problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
pub struct ExceptionInBatch {
    pub id: ExceptionId,
    pub code: Reason,
    pub message: String,
    pub document: Option<DocumentId>,
    pub moves: &'static [Move],
    pub decision: Option<Decision>,
}

#[derive(Debug, Serialize)]
pub struct TransactionView {
    pub id: TransactionId,
    pub kind: TransactionKind,
    pub state: TransactionState,
    pub reason: String,
    pub documents: Vec<DocumentId>,
    pub received: Option<Cents>,
    pub applications: Vec<Application>,
    pub exceptions: Vec<ExceptionInBatch>,
    pub held_until: Option<String>,
    pub owner: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct BatchView {
    #[serde(flatten)]
    pub head: BatchHead,
    pub documents: Vec<DocumentView>,
    pub transactions: Vec<TransactionView>,
}

/// One item of a queue.
#[derive(Debug, Serialize)]
pub struct ExceptionView {
    pub id: ExceptionId,
    pub code: Reason,
    pub queue: Queue,
    pub message: String,
    pub explanation: &'static str,
    pub batch: BatchId,
    pub batch_name: String,
    pub date: Day,
    pub transaction: String,
    /// Of the transaction: `held` ones wait for their owner or date, and still need somebody.
    pub state: Option<TransactionState>,
    pub document: Option<DocumentId>,
    pub amount: Option<Cents>,
    pub applications: Vec<Application>,
    pub moves: &'static [Move],
    pub decision: Option<Decision>,
}

impl ExceptionView {
    pub fn queue_name(&self) -> String {
        serde_json::to_value(self.queue).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
    }
}

#[derive(Debug, Serialize)]
pub struct LedgerBalance {
    pub account: String,
    pub name: &'static str,
    pub debit: Cents,
    pub credit: Cents,
    pub balance: Cents,
}

/// A transaction that a search found.
#[derive(Debug, Serialize)]
pub struct Found {
    pub batch: BatchId,
    pub batch_name: String,
    pub date: Day,
    pub transaction: TransactionId,
    pub state: TransactionState,
    pub amount: Option<Cents>,
    pub account: String,
    pub name: String,
}

/// The answer of `verify`.
#[derive(Debug)]
pub struct Proof {
    pub checked: String,
    pub counts: Verified,
    pub findings: Vec<Finding>,
}

fn view_of(item: QueueItem) -> ExceptionView {
    let code = item.exception.code;
    ExceptionView {
        queue: exceptions::queue(code),
        explanation: exceptions::sentence(code),
        moves: exceptions::moves(code),
        id: item.exception.id,
        code,
        message: item.exception.message,
        batch: item.batch,
        batch_name: item.batch_name,
        date: item.date,
        state: item.transaction_state,
        transaction: item.transaction.map(|t| t.to_string()).unwrap_or_default(),
        document: item.exception.document,
        amount: item.received,
        applications: Vec::new(),
        decision: item.exception.decision,
    }
}

impl Office {
    /// The batch of that id, unique beginning of an id, or name.
    pub async fn find_batch(&self, text: &str) -> Result<Batch> {
        self.store.batch(text).await.map_err(|e| unknown(e, "remit batch list"))
    }

    pub async fn summary(&self, batch: &BatchId) -> Result<Summary> {
        let batch = self.store.batch(batch.as_str()).await?;
        let transactions = self.store.transactions(&batch.id).await?;
        let head = self.head(&batch, &transactions).await?.0;
        Ok(Summary {
            name: batch.name,
            state: batch.state,
            documents: head.counted.documents,
            checks: head.counted.checks,
            total: head.counted.total,
            exceptions: transactions.iter().filter(|t| t.state == TransactionState::Exception).count(),
            transactions: transactions.len(),
        })
    }

    async fn head(&self, batch: &Batch, transactions: &[Transaction]) -> Result<(BatchHead, Vec<Evidence>)> {
        let evidence = match batch.state {
            BatchState::Open | BatchState::Captured => Vec::new(),
            _ => self.known(batch, transactions).await?.evidence,
        };
        let documents = match evidence.is_empty() {
            true => self.store.documents(&batch.id).await?.len(),
            false => evidence.len(),
        };
        let tender: Vec<&Evidence> = evidence.iter().filter(|e| is_tender(e.kind) && e.set_aside.is_none()).collect();
        let amount = |e: &&Evidence| e.check.as_ref().and_then(|c| c.amount);
        let total = Cents::sum(tender.iter().filter_map(amount))?;
        let cash = Cents::sum(tender.iter().filter(|e| e.kind == DocumentKind::CashTicket).filter_map(amount))?;
        let billers: BTreeSet<String> = transactions
            .iter()
            .flat_map(|t| &t.applications)
            .filter_map(|a| a.biller.as_ref().map(|b| b.0.clone()))
            .collect();
        let exceptions = self.store.batch_exceptions(&batch.id).await?;
        let head = BatchHead {
            id: batch.id.clone(),
            name: batch.name.clone(),
            state: batch.state,
            exceptions: exceptions
                .iter()
                .map(|e| json!({ "id": e.id, "code": e.code, "message": e.message, "decision": e.decision }))
                .collect(),
            biller: if billers.len() == 1 { billers.into_iter().next() } else { None },
            origin: batch.origin,
            date: batch.date,
            operator: batch.operator.as_ref().map(|o| o.0.clone()),
            declared: batch.declared,
            counted: Counted {
                documents,
                checks: tender.iter().filter(|e| e.kind == DocumentKind::Check).count(),
                cash,
                total,
            },
            difference: batch.declared.total.map(|d| d.minus(total)).transpose()?,
        };
        Ok((head, evidence))
    }

    pub async fn batches(&self) -> Result<Vec<BatchHead>> {
        let mut heads = Vec::new();
        for summary in self.store.batches().await? {
            let transactions = self.store.transactions(&summary.batch.id).await?;
            heads.push(self.head(&summary.batch, &transactions).await?.0);
        }
        Ok(heads)
    }

    pub async fn show(&self, batch: &Batch) -> Result<BatchView> {
        let transactions = self.store.transactions(&batch.id).await?;
        let (head, evidence) = self.head(batch, &transactions).await?;
        let mut readings = self.store.readings(&batch.id).await?;
        let evidence: BTreeMap<DocumentId, Evidence> = evidence.into_iter().map(|e| (e.document.clone(), e)).collect();
        let documents = self
            .store
            .documents(&batch.id)
            .await?
            .into_iter()
            .map(|d| {
                let known = evidence.get(&d.id);
                let reading = readings.remove(&d.id).and_then(|mut r| r.pop());
                DocumentView {
                    seq: d.seq,
                    kind: known.map_or(d.kind_hint.unwrap_or(DocumentKind::Unknown), |e| e.kind),
                    files: d.images.iter().map(|i| (i.role.as_str(), i.name.clone())).collect(),
                    reads: reads(reading.as_ref(), known),
                    problems: known.map(|e| e.problems.clone()).unwrap_or_default(),
                    id: d.id,
                }
            })
            .collect();
        let transactions = transactions
            .into_iter()
            .map(|t| TransactionView {
                exceptions: t
                    .exceptions
                    .into_iter()
                    .map(|e| ExceptionInBatch {
                        moves: exceptions::moves(e.code),
                        id: e.id,
                        code: e.code,
                        message: e.message,
                        document: e.document,
                        decision: e.decision,
                    })
                    .collect(),
                id: t.id,
                kind: t.kind,
                state: t.state,
                reason: t.reason,
                documents: t.documents,
                received: t.received,
                applications: t.applications,
                held_until: t.held_until,
                owner: t.owner,
            })
            .collect();
        Ok(BatchView { head, documents, transactions })
    }

    /// What needs a person, the worst harm first, then the most money, then the oldest.
    pub async fn open_exceptions(&self, batch: Option<&BatchId>) -> Result<Vec<ExceptionView>> {
        let mut items: Vec<ExceptionView> = self
            .store
            .exceptions(true)
            .await?
            .into_iter()
            .filter(|i| batch.is_none_or(|b| i.batch == *b))
            .map(view_of)
            .collect();
        items.sort_by_key(|i| {
            let money = i.amount.unwrap_or(Cents::ZERO).get();
            (i.queue, exceptions::harm(i.code), std::cmp::Reverse(money), i.date, i.id.clone())
        });
        Ok(items)
    }

    pub async fn find_exception(&self, id: &str) -> Result<ExceptionView> {
        let item = self.store.exception(id).await.map_err(|e| unknown(e, "remit exceptions list"))?;
        let transaction = item.transaction.clone();
        let mut view = view_of(item);
        if let Some(transaction) = transaction {
            view.applications = self.store.transaction(transaction.as_str()).await?.applications;
        }
        Ok(view)
    }

    pub async fn import_bills(&self, bills: &[Bill], full: bool, force: bool) -> Result<ImportReport> {
        self.store.import_bills(bills, self.clock.today(), full, force, &system()).await.map_err(|e| match e {
            StoreError::ClosesTooMuch { .. } => {
                OfficeError::refused("closes-too-much", e.to_string(), "if the file is right, add --force")
            }
            StoreError::OlderList { .. } => {
                OfficeError::refused("older-list", e.to_string(), "if the file is the newest, add --force")
            }
            other => other.into(),
        })
    }

    pub async fn import_payers(&self, payers: &[KnownPayer]) -> Result<ImportReport> {
        Ok(self.store.import_payers(payers, &system()).await?)
    }

    /// Documents of batches that are not matched yet: how far a run has to go.
    pub async fn waiting_documents(&self) -> Result<u64> {
        let left = self.store.jobs_left(None).await?;
        if left.failed > 0 {
            self.store.retry_jobs().await?;
        }
        if left.ready + left.leased + left.failed == 0 {
            return Ok(0);
        }
        let batches = self.store.batches().await?;
        Ok(batches.iter().filter(|b| b.batch.state == BatchState::Captured).map(|b| u64::from(b.documents)).sum())
    }

    pub async fn entries(&self) -> Result<Vec<Entry>> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let page = self.store.entries(all.last().map_or(0, |e| e.number), 5_000).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub async fn balances(&self) -> Result<Vec<LedgerBalance>> {
        self.balances_at(None).await
    }

    /// The proof sheet of a business date; of the latest that has batches when none is given.
    pub async fn proof_sheet(&self, date: Option<Day>) -> Result<ProofSheet> {
        let summaries = self.store.batches().await?;
        let latest = || summaries.iter().map(|s| s.batch.date).max().unwrap_or_else(|| self.clock.today());
        let date = date.unwrap_or_else(latest);
        let mut parts = Vec::new();
        for summary in summaries.into_iter().filter(|s| s.batch.date == date) {
            let transactions = self.store.transactions(&summary.batch.id).await?;
            let evidence = self.head(&summary.batch, &transactions).await?.1;
            parts.push((summary.batch, transactions, evidence));
        }
        let documents: BTreeSet<&DocumentId> =
            parts.iter().flat_map(|(_, _, evidence)| evidence.iter().map(|e| &e.document)).collect();
        let deposits: Vec<_> = self
            .store
            .deposits()
            .await?
            .into_iter()
            .filter(|d| d.items.iter().any(|i| documents.contains(&i.document)))
            .collect();
        // The entries of these batches, and those of deposits that move their checks.
        let batches: BTreeSet<&BatchId> = parts.iter().map(|(b, _, _)| &b.id).collect();
        let mut entries = self.entries().await?;
        entries.retain(|e| match &e.draft.batch {
            Some(batch) => batches.contains(batch),
            None => e.draft.postings.iter().any(|p| p.document.as_ref().is_some_and(|d| documents.contains(d))),
        });
        let printed = self.clock.stamp();
        Ok(proof_sheet(&SheetInput {
            site: &self.site.config.site.name,
            date,
            printed: &printed,
            batches: parts.iter().map(|(b, t, e)| (b, t.as_slice(), e.as_slice())).collect(),
            deposits: &deposits,
            entries: &entries,
        })?)
    }

    /// Transactions by account, bill, name, amount, check number, date or id: each thing that the text may mean is asked for in
    /// its index, so that it costs the same in the archive of a month and of ten years. At most 200 of each meaning.
    pub async fn search(&self, text: &str) -> Result<Vec<Found>> {
        let text = text.trim();
        let own = |text: &str| Some(text.to_string());
        let transaction = match text.parse::<DocumentId>() {
            Ok(document) => self.store.transaction_of_document(&document).await?,
            Err(_) => text.parse().ok(),
        };
        let number = text.bytes().all(|b| b.is_ascii_digit()) && text.bytes().any(|b| b != b'0');
        let none = Wanted::default;
        let meanings = [
            Wanted { transaction, ..none() },
            Wanted { amount: text.parse().ok(), ..none() },
            Wanted { date: text.parse().ok(), ..none() },
            Wanted { check: own(text).filter(|_| number), ..none() },
            Wanted { account: own(text).filter(|t| !t.is_empty()), ..none() },
            Wanted { name: own(text).filter(|t| t.chars().count() > 2), ..none() },
        ];
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for meaning in meanings.iter().filter(|wanted| **wanted != none()) {
            for hit in self.store.research(meaning).await? {
                if seen.insert(hit.transaction.clone()) {
                    found.push(Found {
                        batch: hit.batch,
                        batch_name: hit.batch_name,
                        date: hit.date,
                        transaction: hit.transaction,
                        state: hit.state,
                        amount: hit.received,
                        account: hit.account.map(|account| account.masked()).unwrap_or_default(),
                        name: hit.name.unwrap_or_default(),
                    });
                }
            }
        }
        Ok(found)
    }

    pub async fn verify(&self, deep: bool) -> Result<Proof> {
        let (counts, mut findings) = self.store.verify(deep).await?;
        let purged = self.store.purged_deposit_files().await?;
        for deposit in self.store.deposits().await? {
            let (Some(file), Some(hash)) = (&deposit.file, deposit.sha256) else { continue };
            if purged.contains(file) {
                continue;
            }
            let place = || format!("deposit {}", deposit.id);
            match crate::station::read(&self.site.folder.join(file)) {
                Ok(bytes) if crate::domain::Sha256::of(&bytes) == hash => {}
                Ok(_) => findings.push(Finding {
                    invariant: "I11",
                    place: place(),
                    message: format!("{file} is not the file that was made (its SHA-256 differs)"),
                }),
                Err(error) => findings.push(Finding {
                    invariant: "I11",
                    place: place(),
                    message: format!("{file} cannot be read: {error}"),
                }),
            }
        }
        let checked = format!(
            "{} batches, {} documents, {} entries, {} deposits, {} audit rows, {} images",
            counts.batches, counts.documents, counts.entries, counts.deposits, counts.audit_rows, counts.blobs
        );
        Ok(Proof { checked, counts, findings })
    }
}

fn unknown(error: StoreError, look: &str) -> OfficeError {
    match error {
        StoreError::NotFound { .. } | StoreError::Ambiguous { .. } => {
            OfficeError::input("unknown", error.to_string(), None, look)
        }
        other => other.into(),
    }
}

/// What was read on a document, bank account and account line masked.
fn reads(reading: Option<&Reading>, known: Option<&Evidence>) -> serde_json::Value {
    let mut out = serde_json::Map::new();
    if let Some(check) = known.and_then(|e| e.check.as_ref()) {
        out.insert(
            "micr".into(),
            json!({ "routing": check.routing, "account": check.bank_account.as_ref().map(|a| a.masked()),
                    "serial": check.serial, "accepted": check.accepted,
                    "confidence": reading.and_then(|r| r.micr.as_ref()).map(|m| m.confidence) }),
        );
        out.insert("amount".into(), json!({ "value": check.amount, "source": check.amount_source }));
    }
    if let Some(stub) = known.and_then(|e| e.stub.as_ref()) {
        out.insert(
            "stub".into(),
            json!({ "biller": stub.biller, "account": stub.account, "invoice": stub.invoice, "bill": stub.bill,
                    "amount_due": stub.amount_due, "amount_late": stub.amount_late, "due_date": stub.due_date,
                    "accepted": stub.accepted }),
        );
    }
    if let Some(reading) = reading {
        out.insert(
            "page".into(),
            json!({ "file": reading.file, "rotation": reading.rotation, "skew_deg": reading.skew_deg,
                    "dpi": reading.dpi, "quality": reading.quality.score }),
        );
    }
    serde_json::Value::Object(out)
}
