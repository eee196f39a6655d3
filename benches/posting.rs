//! Posting a balanced batch of 100 payments against the plain-SQL floor for the same rows, run in turn (ABAB) on the same
//! disk: SQLite by one client, Postgres by sixteen. The floor inserts the same entries, postings, chain ends and audit row
//! and updates the same bills, transactions and batch, with ready-made rows, in one durable transaction; it proves nothing.
//! Printed: the median of the pair ratios (remit's rate over the floor's), both rates, and the flushes per commit from
//! `strace` where it works. `REMIT_PAIRS` (7) and `REMIT_BATCHES` for each half of a pair (16).

#[cfg(feature = "postgres")]
#[allow(dead_code)]
#[path = "../tests/postgres/mod.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "../tests/site/mod.rs"]
mod site;

use std::time::Instant;

use remit::domain::*;
use remit::store::*;
use site::*;
use sqlx::{AssertSqlSafe, Connection};

/// Payments of a batch.
const PAYMENTS: u32 = 100;

/// A batch of its own bills, approved.
async fn ready(at: &Site, name: &str) -> (BatchId, Vec<EntryDraft>) {
    let mut bills: Vec<Bill> = (1..=PAYMENTS).map(bill).collect();
    for b in &mut bills {
        b.bill = format!("{name}-{}", b.bill);
        b.account = AccountNumber::new(format!("{name}-{}", b.account.reveal()));
    }
    at.store.import_bills(&bills, day("2026-11-27"), false, false, &olga()).await.unwrap();
    let batch = taken(at, name, 2 * PAYMENTS).await;
    let jobs = decoded(at).await;
    let documents = at.store.documents(&batch).await.unwrap();
    let mut work = matched(&documents, None);
    work.checks.clear();
    for (t, b) in work.transactions.iter_mut().zip(&bills) {
        t.applications[0].bill = Some(b.bill.clone());
        t.applications[0].account = Some(b.account.clone());
    }
    at.store.save_match(&jobs[0], &work).await.unwrap();
    at.store.balance(&batch, true, None, &olga()).await.unwrap();
    at.store.approve(&batch, &Controls::default(), &sven()).await.unwrap();
    let drafts = drafts(&at.store.transactions(&batch).await.unwrap());
    (batch, drafts)
}

/// The floor's own rows: the same columns and sizes, numbers from `first`.
fn plain(name: &str, batch: &BatchId, drafts: &[EntryDraft], first: i64) -> Vec<String> {
    let hash = "0123456789abcdef".repeat(4);
    let (mut entries, mut postings) = (Vec::new(), Vec::new());
    for (draft, number) in drafts.iter().zip(first..) {
        let transaction = draft.transaction.as_ref().unwrap();
        entries
            .push(format!("('main',{number},'{}','{batch}','{transaction}','payment','{hash}','{hash}')", draft.date));
        for (p, place) in draft.postings.iter().zip(1..) {
            let document = p.document.as_ref().map_or("null".into(), |d| format!("'{d}'"));
            let (account, amount) = (&p.account, p.amount.get());
            postings.push(format!("('main',{number},{place},'{account}',{amount},{document},'m')"));
        }
    }
    let mut texts = vec![
        format!("update batches set changes = changes + 1, state = 'posted' where site = 'main' and id = '{batch}'"),
        format!("update transactions set state = 'posted' where site = 'main' and batch = '{batch}'"),
    ];
    for number in 1..=PAYMENTS {
        texts.push(format!(
            "update bills set paid = paid + 1000 where site = 'main' and biller = 'power' and bill = '{name}-B{number}'"
        ));
    }
    let last = first + drafts.len() as i64 - 1;
    texts.push(format!("update heads set number = {last}, hash = '{hash}' where site = 'main' and chain = 'journal'"));
    for chunk in entries.chunks(100) {
        texts.push(format!(
            "insert into entries (site, number, date, batch, transaction_id, memo, previous, hash) values {}",
            chunk.join(",")
        ));
    }
    for chunk in postings.chunks(100) {
        texts.push(format!(
            "insert into postings (site, number, place, account, amount, document, memo) values {}",
            chunk.join(",")
        ));
    }
    texts.push(format!(
        "insert into posted (site, subject, kind, first_entry, last_entry) values ('main', '{batch}', 'batch', {first}, {last})"
    ));
    texts.push("update heads set number = number + 1 where site = 'main' and chain = 'audit'".into());
    texts.push(format!(
        "insert into audit (site, number, at, by_user, what, noun, id, note, previous, hash)
         values ('main', {}, '2026-11-28', 'sven', 'post', 'batch', '{batch}', 'n', '{hash}', '{hash}')",
        1_000_000 + first
    ));
    texts
}

/// Posts all of them; seconds.
async fn by_remit(at: &Site, work: Vec<(BatchId, Vec<EntryDraft>)>, clients: usize) -> f64 {
    let queue = std::sync::Arc::new(std::sync::Mutex::new(work));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (store, queue) = (at.store.clone(), queue.clone());
        tasks.spawn(async move {
            loop {
                let Some((batch, drafts)) = queue.lock().unwrap().pop() else { return };
                let posted = store.post_batch(&batch, &drafts, &sven()).await.unwrap();
                assert_eq!(posted.done, Done::Now);
            }
        });
    }
    tasks.join_all().await;
    started.elapsed().as_secs_f64()
}

async fn floor_sqlite(at: &Site, work: Vec<Vec<String>>) -> f64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&at.config.database)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let started = Instant::now();
    for texts in work {
        let mut tx = connection.begin_with("begin immediate").await.unwrap();
        for text in texts {
            sqlx::query(AssertSqlSafe(text)).persistent(false).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    started.elapsed().as_secs_f64()
}

#[cfg(feature = "postgres")]
async fn floor_postgres(at: &Site, work: Vec<Vec<String>>, clients: usize) -> f64 {
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(sqlx::PgConnection::connect(&at.config.database).await.unwrap());
    }
    let queue = std::sync::Arc::new(std::sync::Mutex::new(work));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut connection in connections {
        let queue = queue.clone();
        tasks.spawn(async move {
            loop {
                let Some(texts) = queue.lock().unwrap().pop() else { return };
                let mut tx = connection.begin().await.unwrap();
                // As one message: a floor has no round trips either.
                sqlx::raw_sql(AssertSqlSafe(texts.join(";"))).execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    started.elapsed().as_secs_f64()
}

fn number_from(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

async fn compare(name: &str, ours: Site, floor: Site, clients: usize) {
    let (pairs, batches) = (number_from("REMIT_PAIRS", 7), number_from("REMIT_BATCHES", 16));
    let mut ratios = Vec::new();
    let (mut own, mut plain_rate, mut first) = (Vec::new(), Vec::new(), 1i64);
    for pair in 0..=pairs {
        let (mut work, mut texts) = (Vec::new(), Vec::new());
        for n in 0..batches {
            work.push(ready(&ours, &format!("p{pair}n{n}")).await);
            let seed = format!("p{pair}n{n}");
            let (batch, drafts) = ready(&floor, &seed).await;
            texts.push(plain(&seed, &batch, &drafts, first));
            first += drafts.len() as i64;
        }
        let remit = by_remit(&ours, work, clients).await;
        #[cfg(feature = "postgres")]
        let seconds = match floor.config.database.starts_with("postgres") {
            true => floor_postgres(&floor, texts, clients).await,
            false => floor_sqlite(&floor, texts).await,
        };
        #[cfg(not(feature = "postgres"))]
        let seconds = floor_sqlite(&floor, texts).await;
        // The first pair warms both up.
        if pair > 0 {
            ratios.push(seconds / remit);
            own.push(batches as f64 / remit);
            plain_rate.push(batches as f64 / seconds);
        }
    }
    let median = |list: &mut Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list.get(list.len() / 2).copied().unwrap_or(0.0)
    };
    let (low, high) = (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max));
    println!(
        "{name}, {clients} clients: ratio {:.2} [{low:.2} to {high:.2}] of {pairs} pairs; remit {:.0}, floor {:.0} batches/s of {PAYMENTS}",
        median(&mut ratios),
        median(&mut own),
        median(&mut plain_rate)
    );
}

/// Flushes of one posting under strace: this program calls itself to make batches ready, and once more to post them too.
fn syncs() {
    const BATCHES: u64 = 8;
    let count = |then: &str| -> Option<u64> {
        let log = tempfile::NamedTempFile::new().ok()?;
        let ran = std::process::Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(log.path())
            .arg(std::env::current_exe().ok()?)
            .env("REMIT_SYNCS", BATCHES.to_string())
            .env("REMIT_THEN", then)
            .output();
        ran.ok().filter(|o| o.status.success())?;
        let text = std::fs::read_to_string(log.path()).ok()?;
        Some(text.lines().filter(|l| l.contains("sync(")).count() as u64)
    };
    match (count("stop"), count("post")) {
        (Some(ready), Some(posted)) => println!(
            "SQLite: {} flushes for {BATCHES} batches posted, each one commit (synchronous = full)",
            posted.saturating_sub(ready)
        ),
        _ => println!("SQLite: flushes not counted (strace does not work here)"),
    }
}

/// How durable the Postgres of this measurement is, from itself.
#[cfg(feature = "postgres")]
async fn settings(address: &str) {
    let mut connection = sqlx::PgConnection::connect(address).await.unwrap();
    let said: (String, String, i64) = sqlx::query_as(
        "select current_setting('fsync'), current_setting('synchronous_commit'), wal_sync from pg_stat_wal",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    println!("Postgres: fsync {}, synchronous_commit {}, {} flushes of its log so far", said.0, said.1, said.2);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    if let Ok(batches) = std::env::var("REMIT_SYNCS") {
        runtime.block_on(async {
            let site = Site::new(None).await;
            let mut work = Vec::new();
            for n in 0..batches.parse().unwrap() {
                work.push(ready(&site, &format!("s{n}")).await);
            }
            if std::env::var("REMIT_THEN").is_ok_and(|then| then == "post") {
                by_remit(&site, work, 1).await;
            }
        });
        return;
    }
    runtime.block_on(async {
        compare("SQLite", Site::new(None).await, Site::new(None).await, 1).await;
        #[cfg(feature = "postgres")]
        postgres::DURABLE.store(true, std::sync::atomic::Ordering::Relaxed);
        #[cfg(feature = "postgres")]
        if let (Some(ours), Some(floor)) = (postgres::database().await, postgres::database().await) {
            let address = ours.clone();
            compare("Postgres", Site::new(Some(ours)).await, Site::new(Some(floor)).await, 16).await;
            settings(&address).await;
        }
    });
    syncs();
}
