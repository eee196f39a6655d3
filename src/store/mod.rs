//! All that is kept: one SQL text for SQLite and Postgres, the object store, field encryption, jobs and the audit trail.
//! A unit of work is one method that opens its transaction, runs and commits; nothing half-done can be seen. Bank account
//! numbers, account lines and readings are kept sealed only. Uniqueness lives in the database.

mod amounts;
mod audit;
mod batches;
mod bills;
mod blobs;
mod books;
mod carry;
mod changes;
mod db;
mod deposits;
mod desk;
mod drawer;
mod error;
mod intake;
mod jobs;
mod journal;
mod keeping;
mod keys;
mod leases;
mod meters;
mod migrations;
mod notices;
mod objects;
mod parts;
mod payers;
mod process;
mod purge;
mod refusals;
mod reseal;
mod returns;
mod seals;
mod sessions;
mod settings;
mod transactions;
mod users;
mod verify;

pub use audit::AuditRow;
pub use batches::{Approval, BatchSummary, Decided, Done, QueueItem};
pub use bills::ImportReport;
pub use books::{DayRoot, HostAnswer, Reversal, SuspenseItem};
pub use deposits::{NewDeposit, Undeposited};
pub use desk::{Figures, Frame, Hit, LastPaid, Neighbour, OpenCount, StateCount, Wanted};
pub use drawer::{Drawer, NewSlip, Slip};
pub use error::StoreError;
pub use intake::{HeldAlready, Intake, Receipt, Rescan, Taken};
pub use jobs::{CheckKey, Job, JobKind, JobsLeft, LikeCheck, Matched, Worker};
pub use journal::{Balance, Posted};
pub use keeping::{Hold, Restored};
pub use leases::{Lease, Leased};
pub use notices::COUNTER;
pub use payers::{Pending, Sighting};
pub use purge::{Purge, PurgedFile};
pub use refusals::Refusal;
pub use reseal::{Resealed, SEALED_COLUMNS};
pub use returns::{AtBank, NewReturn, Outcome, Settled, TakenReturn};
pub use seals::PASSING;
pub use sessions::{Credential, Session, SessionLimits, Token};
pub use settings::SettingChange;
pub use users::LayoutText;
pub use verify::{Finding, Verified};

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::{
    BankAccount, BatchId, Cents, DepositId, DocumentId, Entry, Exception, Transaction, TransactionId, TransactionState,
    UserName,
};
use db::{Db, Row, Tx, sql, values};
use keys::Keys;
use objects::Objects;

/// Where a site's data is.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite:PATH`, a plain path, or `postgres://..`.
    pub database: String,
    /// A folder, `s3://bucket/prefix`, or `memory:` (tests).
    pub blobs: String,
    /// The key file, readable by its owner only.
    pub key_file: PathBuf,
    /// The site's id: first part of every primary key.
    pub site: String,
    /// For the times in audit rows and receipts.
    pub clock: Clock,
    /// The ledger accounts by their part in the books.
    pub chart: crate::post::Chart,
}

/// An open site. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inside: Arc<Inside>,
}

struct Inside {
    site: String,
    db: Db,
    objects: Objects,
    keys: Keys,
    clock: Clock,
    chart: crate::post::Chart,
}

sql! {
    KEY_CHECK = "select key_check from sites where site = $1";
    ADD_SITE = "insert into sites (site, created_at, key_check) values ($1, $2, $3) on conflict do nothing";
    ADD_HEAD = "insert into heads (site, chain, number, hash) values ($1, $2, 0, $3) on conflict do nothing";
}

/// How often a unit of work that lost a deadlock is tried.
const ATTEMPTS: u32 = 5;

/// The SQL texts of each room.
const TEXTS: &[(&str, &[(&str, &str)])] = &[
    ("store", ALL),
    ("amounts", amounts::ALL),
    ("audit", audit::ALL),
    ("batches", batches::ALL),
    ("bills", bills::ALL),
    ("blobs", blobs::ALL),
    ("books", books::ALL),
    ("carry", carry::ALL),
    ("changes", changes::ALL),
    ("deposits", deposits::ALL),
    ("desk", desk::ALL),
    ("drawer", drawer::ALL),
    ("intake", intake::ALL),
    ("jobs", jobs::ALL),
    ("journal", journal::ALL),
    ("keeping", keeping::ALL),
    ("returns", returns::ALL),
    ("leases", leases::ALL),
    ("reseal", reseal::ALL),
    ("seals", seals::ALL),
    ("sessions", sessions::ALL),
    ("meters", meters::ALL),
    ("notices", notices::ALL),
    ("parts", parts::ALL),
    ("payers", payers::ALL),
    ("purge", purge::ALL),
    ("refusals", refusals::ALL),
    ("transactions", transactions::ALL),
    ("settings", settings::ALL),
    ("users", users::ALL),
    ("verify", verify::ALL),
    ("reseal", reseal::COLUMN_TEXTS),
];

/// Room, name and text of those that this database is asked.
fn texts(sqlite: bool) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let other = if sqlite { "_POSTGRES" } else { "_SQLITE" };
    let all = TEXTS.iter().flat_map(|(room, texts)| texts.iter().map(|(name, text)| (*room, *name, *text)));
    all.filter(move |(_, name, _)| !name.ends_with(other))
}

impl Store {
    /// Makes the database's tables (or the site in a shared database), the folder of the object store and the key file.
    /// Repeated after a crash it completes; on a complete site it only opens it.
    pub async fn create(config: &StoreConfig) -> Result<Store, StoreError> {
        Keys::create(&config.key_file)?;
        let store = Store::connect(config, true).await?;
        store.prove_key(config).await.or_else(|error| match error {
            StoreError::Site { .. } => Ok(()),
            error => Err(error),
        })?;
        store.begin_sealing().await?;
        store
            .again(|| {
                Box::pin(async {
                    let mut tx = store.db().write().await?;
                    tx.run(ADD_SITE, values![store.site(), store.now(), store.keys().check()]).await?;
                    for chain in ["journal", "audit"] {
                        tx.run(ADD_HEAD, values![store.site(), chain, Entry::GENESIS]).await?;
                    }
                    tx.commit().await
                })
            })
            .await?;
        store.prove_key(config).await?;
        Ok(store)
    }

    /// Opens a site that exists; brings its tables up to this program. Refuses a missing, open or wrong key file.
    pub async fn open(config: &StoreConfig) -> Result<Store, StoreError> {
        let store = Store::connect(config, false).await?;
        store.prove_key(config).await?;
        store.begin_sealing().await?;
        Ok(store)
    }

    async fn connect(config: &StoreConfig, create: bool) -> Result<Store, StoreError> {
        let db = Db::connect(&config.database, create).await?;
        let keys = Keys::load(&config.key_file, &config.site)?;
        Store::over(config, db, keys, Objects::connect(&config.blobs, create)?).await
    }

    async fn over(config: &StoreConfig, db: Db, keys: Keys, objects: Objects) -> Result<Store, StoreError> {
        db.migrate().await?;
        Ok(Store {
            inside: Arc::new(Inside {
                site: config.site.clone(),
                db,
                objects,
                keys,
                clock: config.clock,
                chart: config.chart.clone(),
            }),
        })
    }

    async fn prove_key(&self, config: &StoreConfig) -> Result<(), StoreError> {
        let mut tx = self.db().read().await?;
        match tx.first(KEY_CHECK, values![self.site()]).await? {
            None => Err(StoreError::Site { place: config.site.clone(), why: "the database has no site of this id" }),
            Some(row) if row.text(0)? == self.keys().check() => Ok(()),
            Some(_) => Err(StoreError::Key { path: config.key_file.clone(), why: "it is not the key of this site" }),
        }
    }

    /// Ends all connections (the embedded database folds its log).
    pub async fn close(&self) {
        self.db().close().await;
    }

    /// Lets the database check every SQL text of the store without running it. Returns how many there are.
    pub async fn prepare_all(&self) -> Result<usize, StoreError> {
        let mut tx = self.db().read().await?;
        let mut prepared = 0;
        for (_, name, text) in texts(tx.is_sqlite()) {
            tx.prepare(text).await.map_err(|e| StoreError::damaged(format!("SQL text {name}"), e))?;
            prepared += 1;
        }
        Ok(prepared)
    }

    /// How the embedded database goes about every SQL text of the store: `room NAME`, and its steps. None on Postgres.
    pub async fn plans(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut plans = Vec::new();
        let all = if tx.is_sqlite() { texts(true).collect() } else { Vec::new() };
        for (room, name, text) in all {
            plans.push((format!("{room} {name}"), tx.plan(text).await?));
        }
        Ok(plans)
    }

    /// The site's id.
    pub fn site(&self) -> &str {
        &self.inside.site
    }

    fn db(&self) -> &Db {
        &self.inside.db
    }

    fn keys(&self) -> &Keys {
        &self.inside.keys
    }

    fn objects(&self) -> &Objects {
        &self.inside.objects
    }

    /// The row of an id, of a unique beginning of one, or of whatever else the texts compare with: the first text that
    /// finds anything counts. Two rows are one too many.
    async fn find(
        &self,
        tx: &mut Tx,
        noun: &'static str,
        id: &str,
        texts: impl IntoIterator<Item = &'static str>,
    ) -> Result<Row, StoreError> {
        for sql in texts.into_iter().filter(|_| !id.is_empty()) {
            let mut rows = tx.rows(sql, values![self.site(), id]).await?;
            match (rows.pop(), rows.pop()) {
                (Some(row), None) => return Ok(row),
                (Some(_), Some(_)) => return Err(StoreError::Ambiguous { noun, id: id.to_string() }),
                _ => continue,
            }
        }
        Err(StoreError::not_found(noun, id))
    }

    /// Does a unit of work. Two that change the same rows in another order may meet in a deadlock (on Postgres): the one
    /// that the database took back whole is done again from its beginning.
    async fn again<'a, T>(&self, work: impl Fn() -> db::Answer<'a, T>) -> Result<T, StoreError> {
        for _ in 1..ATTEMPTS {
            match work().await {
                Err(error) if error.is_deadlock() => continue,
                answer => return answer,
            }
        }
        work().await
    }

    fn chart(&self) -> &crate::post::Chart {
        &self.inside.chart
    }

    fn now(&self) -> String {
        self.inside.clock.stamp()
    }
}
