//! Jobs are rows. A worker claims some under a lease with a fencing token; the result of a job and its end are one
//! transaction. A lease that ran out, or whose process on this machine is gone, is taken over at once. The embedded run
//! and `remit worker` use the same calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::audit::Event;
use super::db::{Bulk, Kind, Tx, sql, values};
use super::*;
use crate::domain::{BatchEvent, Document, Reading};
use crate::matching::{MeterReading, Notice};

const DECODER: &str = concat!("remit ", env!("CARGO_PKG_VERSION"));
/// A job that broke so often waits for a person.
const MOST_ATTEMPTS: u32 = 5;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobKind {
    /// Read the documents of `Job::documents`.
    Decode,
    /// Group, match and prove the batch.
    Match,
}

impl JobKind {
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Decode => "decode",
            JobKind::Match => "match",
        }
    }

    pub fn parse(text: &str) -> Option<JobKind> {
        [JobKind::Decode, JobKind::Match].into_iter().find(|k| k.as_str() == text)
    }
}

/// A claimed job. Only the claim that holds the newest token may save its result.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    pub batch: BatchId,
    pub kind: JobKind,
    /// Part of the batch, from 1.
    pub part: u32,
    pub token: i64,
    /// How often it was claimed, this time included.
    pub attempts: u32,
    /// For [`JobKind::Decode`]: the documents of this part, in order.
    pub documents: Vec<Document>,
}

impl Job {
    fn name(&self) -> String {
        format!("{} {} part {}", self.kind.as_str(), self.batch, self.part)
    }
}

/// Who works: host, process and a random part, so that a dead process of this host is known as dead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worker(String);

impl Worker {
    /// One name for each process.
    pub fn this_process() -> Result<Self, StoreError> {
        static NAME: OnceLock<String> = OnceLock::new();
        if let Some(name) = NAME.get() {
            return Ok(Worker(name.clone()));
        }
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(|_| StoreError::Unsupported("the system gives no random bytes".into()))?;
        let name = format!("{}/{}/{:016x}", process::host(), std::process::id(), u64::from_be_bytes(random));
        Ok(Worker(NAME.get_or_init(|| name).clone()))
    }

    /// A worker of another name, for tests and for workers that are no process of this host.
    pub fn named(name: &str) -> Self {
        Worker(name.to_string())
    }
}

/// Is this the name of a process of this host that does not run any more?
fn is_dead(worker: &str, me: &Worker) -> bool {
    let mut parts = worker.split('/');
    match (parts.next(), parts.next()) {
        (Some(its_host), Some(number)) if worker != me.0 => process::is_gone(its_host, number),
        _ => false,
    }
}

/// Jobs that are not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JobsLeft {
    pub ready: u64,
    pub leased: u64,
    /// Broke five times and waits for [`Store::retry_jobs`].
    pub failed: u64,
}

/// What identifies a check over the whole site, as read from its account line. Kept only as keyed hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckKey {
    /// Compared by digits; leading zeros of the serial do not count.
    pub routing: String,
    pub account: BankAccount,
    pub serial: String,
    pub amount: Option<Cents>,
}

/// The result of a match job.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Matched {
    pub transactions: Vec<Transaction>,
    /// Exceptions of the batch as a whole.
    pub exceptions: Vec<Exception>,
    /// For every check whose line was read with a serial number.
    pub checks: Vec<(DocumentId, CheckKey)>,
    /// What somebody must hear of at once.
    pub notices: Vec<Notice>,
    /// Meter readings on its stubs.
    pub meters: Vec<MeterReading>,
    /// The turn ([`Store::match_turn`]) in whose light it was matched; `None`: whatever others matched meanwhile.
    pub turn: Option<i64>,
    /// What the amount field of each check came to: one more read of it.
    pub verdicts: Vec<(DocumentId, Reading)>,
}

/// A check already at the site that is like one asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LikeCheck {
    pub document: DocumentId,
    pub batch: BatchId,
    /// The same amount too (both known).
    pub same_amount: bool,
}

sql! {
    HOLDERS = "select distinct worker from jobs where site = $1 and state <> 'done' and state = 'leased' and lease_until >= $2";
    CLAIM_SQLITE = "update jobs set state = 'leased', worker = $2, lease_until = $3, token = token + 1,
        attempts = attempts + 1 where rowid in (select rowid from jobs where site = $1 and state <> 'done' and (state = 'ready'
        or (state = 'leased' and (lease_until < $4 or worker any_of($5)))) and ($7 = '' or kind = $7)
        order by batch, kind, part limit $6)
        returning batch, kind, part, token, attempts, first_place, last_place";
    CLAIM_POSTGRES = "update jobs set state = 'leased', worker = $2, lease_until = $3, token = token + 1,
        attempts = attempts + 1 where ctid = any(array(select ctid from jobs where site = $1 and state <> 'done' and (state = 'ready'
        or (state = 'leased' and (lease_until < $4 or worker any_of($5)))) and ($7 = '' or kind = $7)
        order by batch, kind, part limit $6
        for update skip locked)) returning batch, kind, part, token, attempts, first_place, last_place";
    /// Ends a job for the holder of its newest token.
    END = "update jobs set state = 'done', worker = null, error = null
           where site = $1 and batch = $2 and kind = $3 and part = $4 and token = $5 and state = 'leased'";
    GIVE_BACK = "update jobs set state = $6, worker = null, error = $7
                 where site = $1 and batch = $2 and kind = $3 and part = $4 and token = $5 and state = 'leased'";
    UNDONE = "select count(*) from jobs where site = $1 and batch = $2 and kind = $3 and state <> 'done'";
    LEFT = "select state, count(*) from jobs where site = $1 and state <> 'done' group by state";
    LEFT_OF_BATCH = "select state, count(*) from jobs where site = $1 and batch = $2 and state <> 'done' group by state";
    RETRY = "update jobs set state = 'ready', attempts = 0 where site = $1 and state <> 'done' and state = 'failed'";
    READ_BEFORE = "select document, max(ordinal) from readings where site = $1 and document any_of($2) group by document";
    READINGS = "select r.document, r.ordinal, r.sealed from documents d
                cross join readings r where d.site = $1 and d.batch = $2
                and r.site = d.site and r.document = d.id order by r.ordinal";
    LIKE = "select p.near, p.exact, p.document, p.batch from check_prints p
            join batches b on b.site = p.site and b.id = p.batch
            where p.site = $1 and p.near any_of($2) and b.state <> 'void' order by b.date, p.batch, p.document";
}

const ADD_JOBS: Bulk = Bulk {
    table: "jobs",
    columns: &[
        ("site", Kind::Text),
        ("batch", Kind::Text),
        ("kind", Kind::Text),
        ("part", Kind::Int),
        ("first_place", Kind::Int),
        ("last_place", Kind::Int),
        ("state", Kind::Text),
        ("lease_until", Kind::Int),
        ("token", Kind::Int),
        ("attempts", Kind::Int),
    ],
    tail: "on conflict (site, batch, kind, part) do nothing",
};

const ADD_READINGS: Bulk = Bulk {
    table: "readings",
    columns: &[
        ("site", Kind::Text),
        ("document", Kind::Text),
        ("ordinal", Kind::Int),
        ("batch", Kind::Text),
        ("decoder", Kind::Text),
        ("sealed", Kind::Bytes),
    ],
    tail: "",
};

const SAVE_PRINTS: Bulk = Bulk {
    table: "check_prints",
    columns: &[
        ("site", Kind::Text),
        ("document", Kind::Text),
        ("batch", Kind::Text),
        ("near", Kind::Text),
        ("exact", Kind::Text),
        ("serial", Kind::Text),
    ],
    tail: "on conflict (site, document) do update set near = excluded.near, exact = excluded.exact, serial = excluded.serial",
};

impl Store {
    /// The decode jobs of a new batch; a batch without documents goes straight on to matching.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        documents: u32,
        documents_per_job: u32,
    ) -> Result<(), StoreError> {
        let size = documents_per_job.max(1);
        let mut rows = Vec::new();
        for part in 1..=documents.div_ceil(size) {
            let (first, last) = ((part - 1) * size + 1, (part * size).min(documents));
            let kind = JobKind::Decode.as_str();
            rows.push(values![self.site(), batch, kind, part, first, last, "ready", 0i64, 0i64, 0i64]);
        }
        tx.insert(&ADD_JOBS, rows).await?;
        match documents {
            0 => self.all_decoded(tx, batch).await,
            _ => Ok(()),
        }
    }

    async fn all_decoded(&self, tx: &mut Tx, batch: &BatchId) -> Result<(), StoreError> {
        self.move_batch(tx, batch, BatchEvent::Decode).await?;
        let kind = JobKind::Match.as_str();
        tx.insert(&ADD_JOBS, vec![values![self.site(), batch, kind, 1i64, 0i64, 0i64, "ready", 0i64, 0i64, 0i64]])
            .await?;
        Ok(())
    }

    /// Claims up to `limit` jobs. `now` and `lease_seconds` are real seconds (`Clock::system().seconds()`), also under
    /// `REMIT_NOW`: leases guard against dead workers and appear in no output.
    pub async fn claim(
        &self,
        worker: &Worker,
        now: i64,
        lease_seconds: i64,
        limit: u32,
        only: Option<JobKind>,
    ) -> Result<Vec<Job>, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let mut dead = Vec::new();
                for row in tx.rows(HOLDERS, values![self.site(), now]).await? {
                    dead.extend(row.text_or_null(0)?.filter(|name| is_dead(name, worker)));
                }
                let claim = if tx.is_sqlite() { CLAIM_SQLITE } else { CLAIM_POSTGRES };
                let until = now.saturating_add(lease_seconds);
                let kind = only.map_or("", JobKind::as_str);
                let rows = tx.rows(claim, values![self.site(), &worker.0, until, now, dead, limit, kind]).await?;
                let mut jobs = Vec::with_capacity(rows.len());
                for row in rows {
                    let batch: BatchId = row.parsed(0, "job")?;
                    let kind = row.known(1, "job", JobKind::parse)?;
                    let documents = match kind {
                        JobKind::Decode => self.documents_between(&mut tx, &batch, row.int(5)?, row.int(6)?).await?,
                        JobKind::Match => Vec::new(),
                    };
                    let (part, token, attempts) = (row.count(2)?, row.int(3)?, row.count(4)?);
                    jobs.push(Job { batch, kind, part, token, attempts, documents });
                }
                tx.commit().await?;
                jobs.sort_by(|a, b| (&a.batch, a.kind, a.part).cmp(&(&b.batch, b.kind, b.part)));
                Ok(jobs)
            })
        })
        .await
    }

    async fn end(&self, tx: &mut Tx, job: &Job) -> Result<(), StoreError> {
        let touched = tx.run(END, values![self.site(), &job.batch, job.kind.as_str(), job.part, job.token]).await?;
        if touched == 1 { Ok(()) } else { Err(StoreError::StaleLease { job: job.name() }) }
    }

    /// Saves what was read and ends the decode job; with the batch's last one the batch becomes `decoded` and its match
    /// job is there. A document may have several readings (pages, sides); none is ever overwritten.
    pub async fn save_readings(&self, job: &Job, readings: &[(DocumentId, Reading)]) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                assert_eq!(job.kind, JobKind::Decode, "readings end a decode job");
                let own: BTreeSet<&DocumentId> = job.documents.iter().map(|d| &d.id).collect();
                if let Some((stranger, _)) = readings.iter().find(|(id, _)| !own.contains(id)) {
                    return Err(StoreError::not_found("document of this job", stranger));
                }
                let mut tx = self.db().write().await?;
                // The lock on the batch lets only one worker see itself as the last.
                self.lock_batch(&mut tx, &job.batch).await?;
                self.end(&mut tx, job).await?;
                self.add_readings(&mut tx, &job.batch, readings).await?;
                if tx.number(UNDONE, values![self.site(), &job.batch, JobKind::Decode.as_str()]).await? == 0 {
                    self.all_decoded(&mut tx, &job.batch).await?;
                    self.record_system(&mut tx, "decode", &job.batch).await?;
                }
                tx.commit().await
            })
        })
        .await
    }

    pub(super) async fn add_readings(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        readings: &[(DocumentId, Reading)],
    ) -> Result<(), StoreError> {
        let ids: BTreeSet<String> = readings.iter().map(|(id, _)| id.to_string()).collect();
        let mut ordinals: BTreeMap<String, i64> = BTreeMap::new();
        for row in tx.rows(READ_BEFORE, values![self.site(), ids.into_iter().collect::<Vec<_>>()]).await? {
            ordinals.insert(row.text(0)?, row.int(1)?);
        }
        let mut rows = Vec::with_capacity(readings.len());
        for (id, reading) in readings {
            let ordinal = ordinals.entry(id.to_string()).or_default();
            *ordinal += 1;
            let sealed = self.keys().seal_json(&["readings", id.as_str(), &ordinal.to_string()], reading)?;
            rows.push(values![self.site(), id, *ordinal, batch, DECODER, sealed]);
        }
        tx.insert(&ADD_READINGS, rows).await?;
        Ok(())
    }

    /// Saves the transactions of a batch and ends its match job: the batch is `in-review`. Every document of the batch
    /// must stand in exactly one transaction. `Conflict` when another batch was matched since `turn`: match again, in the
    /// light of what it saved.
    pub async fn save_match(&self, job: &Job, matched: &Matched) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                assert_eq!(job.kind, JobKind::Match, "transactions end a match job");
                let mut tx = self.db().write().await?;
                self.lock_batch(&mut tx, &job.batch).await?;
                self.end(&mut tx, job).await?;
                self.move_batch(&mut tx, &job.batch, BatchEvent::Match).await?;
                if let Some(turn) = matched.turn {
                    self.take_turn(&mut tx, turn).await?;
                }
                self.save_notices(&mut tx, &matched.notices).await?;
                self.save_meters(&mut tx, &matched.meters).await?;
                self.add_transactions(&mut tx, &job.batch, &matched.transactions).await?;
                self.add_own_exceptions(&mut tx, &job.batch, &matched.exceptions).await?;
                self.save_checks(&mut tx, &job.batch, &matched.checks).await?;
                self.add_readings(&mut tx, &job.batch, &matched.verdicts).await?;
                self.prove_documents(&mut tx, &job.batch).await?;
                self.record_system(&mut tx, "match", &job.batch).await?;
                tx.commit().await
            })
        })
        .await
    }

    async fn record_system(&self, tx: &mut Tx, what: &str, batch: &BatchId) -> Result<(), StoreError> {
        let by = UserName(DECODER.to_string());
        let event = Event::said(&by, what, "batch", batch.as_str(), "");
        self.record(tx, event).await
    }

    /// Gives a job back with the reason why it broke: it is ready again, or `failed` after five attempts.
    pub async fn fail(&self, job: &Job, why: &str) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let state = if job.attempts >= MOST_ATTEMPTS { "failed" } else { "ready" };
                let mut tx = self.db().write().await?;
                let why: String = why.chars().take(500).collect();
                let place = values![self.site(), &job.batch, job.kind.as_str(), job.part, job.token, state, why];
                if tx.run(GIVE_BACK, place).await? == 0 {
                    return Err(StoreError::StaleLease { job: job.name() });
                }
                tx.commit().await
            })
        })
        .await
    }

    /// Jobs that are not done, of one batch or of the site.
    pub async fn jobs_left(&self, batch: Option<&BatchId>) -> Result<JobsLeft, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = match batch {
            Some(batch) => tx.rows(LEFT_OF_BATCH, values![self.site(), batch]).await?,
            None => tx.rows(LEFT, values![self.site()]).await?,
        };
        let mut left = JobsLeft::default();
        for row in rows {
            let count = row.int(1)? as u64;
            match row.text(0)?.as_str() {
                "ready" => left.ready = count,
                "leased" => left.leased = count,
                "failed" => left.failed = count,
                other => return Err(StoreError::damaged("a job", format!("state '{other}'"))),
            }
        }
        Ok(left)
    }

    /// Failed jobs become ready again. Returns how many.
    pub async fn retry_jobs(&self) -> Result<u64, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let touched = tx.run(RETRY, values![self.site()]).await?;
                tx.commit().await?;
                Ok(touched)
            })
        })
        .await
    }

    /// What was read on each document of a batch, oldest reading first.
    pub async fn readings(&self, batch: &BatchId) -> Result<BTreeMap<DocumentId, Vec<Reading>>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut readings: BTreeMap<DocumentId, Vec<Reading>> = BTreeMap::new();
        for row in tx.rows(READINGS, values![self.site(), batch]).await? {
            let document: DocumentId = row.parsed(0, "reading")?;
            let place = ["readings", document.as_str(), &row.int(1)?.to_string()].map(str::to_string);
            let reading = self.keys().open_json(&place.each_ref().map(String::as_str), &row.bytes(2)?)?;
            readings.entry(document).or_default().push(reading);
        }
        Ok(readings)
    }

    /// Keyed hashes of a check: without and with the amount.
    fn prints(&self, key: &CheckKey) -> (String, Option<String>) {
        let (routing, account, serial) = (bills::digits(&key.routing), key.account.key(), bills::digits(&key.serial));
        let line = [routing.as_str(), &account, serial.trim_start_matches('0')];
        let near = self.keys().index(&["checks", line[0], line[1], line[2]]);
        let exact = key.amount.map(|a| self.keys().index(&["checks", line[0], line[1], line[2], &a.to_string()]));
        (near, exact)
    }

    pub(super) async fn save_checks(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        checks: &[(DocumentId, CheckKey)],
    ) -> Result<(), StoreError> {
        let last: BTreeMap<&DocumentId, &CheckKey> = checks.iter().map(|(id, key)| (id, key)).collect();
        let mut rows = Vec::with_capacity(last.len());
        for (document, key) in last {
            let (near, exact) = self.prints(key);
            let serial = bills::digits(&key.serial).trim_start_matches('0').to_string();
            rows.push(values![self.site(), document, batch, near, exact, serial]);
        }
        tx.insert(&SAVE_PRINTS, rows).await?;
        Ok(())
    }

    /// For each key up to `most` checks of the site with the same routing, account and serial (other documents included; those
    /// of void batches, and of the batch `not_of`, left out), oldest batch first.
    pub async fn checks_like(
        &self,
        keys: &[CheckKey],
        not_of: Option<&BatchId>,
        most: usize,
    ) -> Result<Vec<Vec<LikeCheck>>, StoreError> {
        let prints: Vec<(String, Option<String>)> = keys.iter().map(|key| self.prints(key)).collect();
        let near: BTreeSet<String> = prints.iter().map(|(near, _)| near.clone()).collect();
        let mut tx = self.db().read().await?;
        let mut found: BTreeMap<String, Vec<(Option<String>, DocumentId, BatchId)>> = BTreeMap::new();
        for row in tx.rows(LIKE, values![self.site(), Vec::from_iter(near)]).await? {
            let like = (row.text_or_null(1)?, row.parsed(2, "check")?, row.parsed(3, "check")?);
            found.entry(row.text(0)?).or_default().push(like);
        }
        let like = |(near, exact): &(String, Option<String>)| {
            let same = found.get(near).map(Vec::as_slice).unwrap_or_default();
            same.iter()
                .filter(|(_, _, batch)| Some(batch) != not_of)
                .take(most)
                .map(|(its, document, batch)| LikeCheck {
                    document: document.clone(),
                    batch: batch.clone(),
                    same_amount: exact.is_some() && its == exact,
                })
                .collect()
        };
        Ok(prints.iter().map(like).collect())
    }
}
