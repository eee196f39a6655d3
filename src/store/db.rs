//! The two databases behind one text: values in, rows out, and the only places where SQLite and Postgres differ.
//!
//! In a text `any_of($2)` means "is one of the list bound as $2"; it is written out for each database. SQLite has one
//! writing connection (write-ahead log, full sync, `BEGIN IMMEDIATE`) and a few that can only read.

use std::borrow::Cow;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, Row as _, SqlSafeStr as _, Sqlite, SqlitePool};
#[cfg(feature = "postgres")]
use sqlx::{PgPool, Postgres, postgres::PgPoolOptions, postgres::PgRow};

use super::seals::{Notes, Sealer};
use super::{StoreError, migrations};
use crate::domain::{
    BatchId, Cents, Day, DepositId, DocumentId, ExceptionId, ReceiptId, ReturnId, Sha256, TransactionId, UserName,
};

/// Before 3.51.3 a write-ahead log with two writers could lose commits.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
const BUSY: Duration = Duration::from_secs(30);
/// Variables bound to one multi-row insert on SQLite: larger ones cost more to prepare than they save.
const BINDS: usize = 800;

/// Names SQL texts as constants and lists them, so that one test can prepare each on both databases.
macro_rules! sql {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $text;)*
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $text),)*];
    };
}
pub(super) use sql;

/// Where an id begins with `$2`. The range lets the database go to it in its index; the rest is the condition itself. Ids are
/// small letters and digits, less than two dozen.
macro_rules! begins {
    ($id:literal) => {
        concat!(
            $id,
            " >= $2 and ",
            $id,
            " <= $2 || 'zzzzzzzzzzzzzzzzzzzzzzzz' and substr(",
            $id,
            ", 1, length($2)) = $2"
        )
    };
}
pub(super) use begins;

/// `values![site, id, amount]`: what is bound to `$1`, `$2`, ..
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($value)),*] };
}
pub(super) use values;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Flag(bool),
    Bytes(Option<Vec<u8>>),
    Texts(Vec<String>),
    Ints(Vec<i64>),
}

macro_rules! value_from {
    ($($type:ty, $v:ident => $make:expr;)*) => {
        $(impl From<$type> for Value { fn from($v: $type) -> Value { $make } })*
    };
}
value_from! {
    &str, v => Value::Text(Some(v.to_string()));
    String, v => Value::Text(Some(v));
    &String, v => Value::Text(Some(v.clone()));
    Option<String>, v => Value::Text(v);
    &Option<String>, v => Value::Text(v.clone());
    Option<&str>, v => Value::Text(v.map(str::to_string));
    i64, v => Value::Int(Some(v));
    u32, v => Value::Int(Some(i64::from(v)));
    Option<u32>, v => Value::Int(v.map(i64::from));
    Option<i64>, v => Value::Int(v);
    Cents, v => Value::Int(Some(v.get()));
    Option<Cents>, v => Value::Int(v.map(Cents::get));
    bool, v => Value::Flag(v);
    Vec<u8>, v => Value::Bytes(Some(v));
    Option<Vec<u8>>, v => Value::Bytes(v);
    Vec<String>, v => Value::Texts(v);
    Vec<i64>, v => Value::Ints(v);
    Day, v => Value::Text(Some(v.to_string()));
    Option<Day>, v => Value::Text(v.map(|d| d.to_string()));
    Sha256, v => Value::Text(Some(v.to_string()));
    Option<Sha256>, v => Value::Text(v.map(|h| h.to_string()));
    &UserName, v => Value::Text(Some(v.0.clone()));
    Option<UserName>, v => Value::Text(v.map(|u| u.0));
    &BatchId, v => Value::Text(Some(v.to_string()));
    &DocumentId, v => Value::Text(Some(v.to_string()));
    &ReceiptId, v => Value::Text(Some(v.to_string()));
    &TransactionId, v => Value::Text(Some(v.to_string()));
    &ExceptionId, v => Value::Text(Some(v.to_string()));
    &DepositId, v => Value::Text(Some(v.to_string()));
    &ReturnId, v => Value::Text(Some(v.to_string()));
    Option<&DepositId>, v => Value::Text(v.map(ToString::to_string));
    Option<&BatchId>, v => Value::Text(v.map(ToString::to_string));
    Option<&DocumentId>, v => Value::Text(v.map(ToString::to_string));
    Option<&TransactionId>, v => Value::Text(v.map(ToString::to_string));
}

/// The type of a column of a bulk insert.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Int,
    Flag,
    Bytes,
}

/// A multi-row insert: `tail` is what follows the rows (`on conflict ..`).
pub(super) struct Bulk<'a> {
    pub table: &'a str,
    pub columns: &'a [(&'a str, Kind)],
    pub tail: &'a str,
}

pub(super) enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
}

macro_rules! getter {
    ($($name:ident -> $type:ty;)*) => {
        $(pub fn $name(&self, column: usize) -> Result<$type, StoreError> {
            Ok(match self {
                Row::Sqlite(row) => row.try_get(column)?,
                #[cfg(feature = "postgres")]
                Row::Postgres(row) => row.try_get(column)?,
            })
        })*
    };
}

impl Row {
    getter! {
        text -> String;
        text_or_null -> Option<String>;
        int -> i64;
        int_or_null -> Option<i64>;
        flag -> bool;
        bytes -> Vec<u8>;
        bytes_or_null -> Option<Vec<u8>>;
    }

    /// A text that must parse; what the program does not know fails to load.
    pub fn parsed<T: std::str::FromStr>(&self, column: usize, place: &str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column)?.parse().map_err(|e| StoreError::damaged(place, e))
    }

    pub fn parsed_or_null<T: std::str::FromStr>(&self, column: usize, place: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.text_or_null(column)?.map(|t| t.parse().map_err(|e| StoreError::damaged(place, e))).transpose()
    }

    /// A text that one of the domain's `parse` functions must know.
    pub fn known<T>(&self, column: usize, place: &str, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| StoreError::damaged(place, format!("'{text}' is not known")))
    }

    pub fn count(&self, column: usize) -> Result<u32, StoreError> {
        u32::try_from(self.int(column)?).map_err(|e| StoreError::damaged("a count", e))
    }

    pub fn count_or_null(&self, column: usize) -> Result<Option<u32>, StoreError> {
        self.int_or_null(column)?.map(|n| u32::try_from(n).map_err(|e| StoreError::damaged("a count", e))).transpose()
    }

    pub fn cents(&self, column: usize) -> Result<Cents, StoreError> {
        Ok(Cents::new(self.int(column)?))
    }

    pub fn cents_or_null(&self, column: usize) -> Result<Option<Cents>, StoreError> {
        Ok(self.int_or_null(column)?.map(Cents::new))
    }
}

#[derive(Clone)]
pub(super) enum Db {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        watch: Watch,
    },
    #[cfg(feature = "postgres")]
    Postgres {
        pool: PgPool,
        watch: Watch,
    },
}

/// What a writing connection needs so that no change of a sealed row goes unnoticed: set once the tables are known.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<OnceLock<(Arc<Sealer>, String)>>);

impl Watch {
    fn notes(&self) -> Notes {
        Notes::of(self.0.get().map(|(sealer, _)| sealer.clone()))
    }
}

/// Where a session keeps the sealed rows that it changed, as they were and as they are, until it commits. Rows that are
/// changed in any other session leave no note, and so no seal.
const NOTE_TABLE: &str = "seal_notes (name text, site text, subject text, change bigint, content text)";

/// What a call to the database answers, boxed: the drivers' futures are large, and unboxed every caller would carry, and
/// the compiler would write out again, a copy of them.
pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A transaction. Dropped without `commit` it never happened.
pub(super) enum Tx {
    Sqlite(sqlx::Transaction<'static, Sqlite>, Notes),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, Postgres>, Notes),
}

impl Db {
    /// Connects. With `create` the embedded database's file may be new; without it must be there.
    pub async fn connect(address: &str, create: bool) -> Result<Db, StoreError> {
        if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            return Db::connect_postgres(address).await;
        }
        let path = address.strip_prefix("sqlite:").unwrap_or(address);
        if path.contains("://") || path.is_empty() {
            let kind = path.split("://").next().unwrap_or_default();
            return Err(StoreError::Unsupported(format!(
                "a database address begins with sqlite: or postgres://, not '{kind}'"
            )));
        }
        let path = path.strip_prefix("//").unwrap_or(path);
        if !create && !Path::new(path).exists() {
            return Err(StoreError::Site {
                place: path.to_string(),
                why: "there is no site here yet (make one first)",
            });
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full);
        let watch = Watch::default();
        let again = watch.clone();
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |connection, _| {
                // A connection that had to be made anew watches as the first one did.
                let text = again.0.get().map(|(_, text)| text.clone());
                Box::pin(async move {
                    if let Some(text) = text {
                        sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(
                // What is deleted is overwritten, also where its whole page becomes free: the keys of purged images.
                options
                    .clone()
                    .journal_mode(SqliteJournalMode::Wal)
                    .pragma("temp_store", "memory")
                    .pragma("secure_delete", "on"),
            )
            .await?;
        let version: String = sqlx::query("select sqlite_version()").fetch_one(&writer).await?.try_get(0)?;
        if !new_enough(&version) {
            return Err(StoreError::Unsupported(format!(
                "SQLite {version} can lose commits; this program needs 3.51.3 or newer"
            )));
        }
        // The first read makes the log's file. SQLite does not say when it could not make the file's name durable, and a
        // commit in a log that a power failure takes away was none: so the folder is flushed here, where a failure tells.
        sqlx::query("select count(*) from sqlite_master").fetch_one(&writer).await?;
        let folder = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        super::objects::sync_folder(folder)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(BUSY)
            .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "on"));
        Ok(Db::Sqlite { writer, readers, watch })
    }

    #[cfg(feature = "postgres")]
    async fn connect_postgres(address: &str) -> Result<Db, StoreError> {
        let notes = format!("create temporary table {NOTE_TABLE} on commit delete rows");
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(BUSY)
            .after_connect(move |connection, _| {
                let notes = notes.clone();
                Box::pin(async move {
                    sqlx::raw_sql(AssertSqlSafe(notes)).execute(connection).await?;
                    Ok(())
                })
            })
            .connect(address)
            .await?;
        Ok(Db::Postgres { pool, watch: Watch::default() })
    }

    #[cfg(not(feature = "postgres"))]
    async fn connect_postgres(_: &str) -> Result<Db, StoreError> {
        Err(StoreError::Unsupported("this build has no Postgres: build it with the feature 'postgres'".into()))
    }

    pub fn migrate<'a>(&'a self) -> Answer<'a, ()> {
        Box::pin(async move {
            match self {
                Db::Sqlite { writer, .. } => migrations::sqlite().run(writer).await?,
                #[cfg(feature = "postgres")]
                Db::Postgres { pool, .. } => migrations::postgres().run(pool).await?,
            }
            Ok(())
        })
    }

    /// From here on every change of these tables' rows through this program leaves a note, and is sealed with its commit.
    pub async fn watch(&self, tables: &[SealedTable], sealer: Sealer) -> Result<(), StoreError> {
        match self {
            Db::Sqlite { writer, watch, .. } => {
                let mut text = format!("create temporary table if not exists {NOTE_TABLE};\n");
                text.extend(tables.iter().map(SealedTable::watched_on_sqlite));
                let mut connection = writer.acquire().await?;
                sqlx::raw_sql(AssertSqlSafe(text.clone())).execute(&mut *connection).await?;
                let _ = watch.0.set((Arc::new(sealer), text));
            }
            #[cfg(feature = "postgres")]
            Db::Postgres { pool, watch } => {
                let watched = sqlx::query(
                    "select c.relname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
                     where t.tgname = 'sealed_deleted' and c.relnamespace = current_schema()::regnamespace",
                );
                let mut known: Vec<String> = Vec::new();
                for row in watched.fetch_all(pool).await? {
                    known.push(row.try_get(0)?);
                }
                let missing = tables.iter().filter(|t| !known.contains(&t.name));
                let text: String = missing.map(SealedTable::watched_on_postgres).collect();
                if !text.is_empty() {
                    let mut tx = pool.begin().await?;
                    // Two programs that open a site of older steps at once: one after the other.
                    sqlx::raw_sql("select pg_advisory_xact_lock(7236821)").execute(&mut *tx).await?;
                    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *tx).await?;
                    tx.commit().await?;
                }
                let _ = watch.0.set((Arc::new(sealer), String::new()));
            }
        }
        Ok(())
    }

    /// A copy of the whole database as of one moment, as a file: where the database is one. Says whether it was done.
    pub async fn copy_file(&self, path: &Path) -> Result<bool, StoreError> {
        match self {
            Db::Sqlite { writer, .. } => {
                let text = path.to_string_lossy().into_owned();
                sqlx::query("vacuum into $1").bind(text).execute(writer).await?;
                Ok(true)
            }
            #[cfg(feature = "postgres")]
            Db::Postgres { .. } => Ok(false),
        }
    }

    /// Writes a table anew, so that nothing is left of the rows that were taken out of it. A server keeps deleted rows in its
    /// files until then; the embedded database overwrites them at once.
    pub async fn write_anew(&self, table: &'static str) -> Result<(), StoreError> {
        match self {
            Db::Sqlite { .. } => Ok(()),
            #[cfg(feature = "postgres")]
            Db::Postgres { pool, .. } => {
                sqlx::raw_sql(AssertSqlSafe(format!("vacuum (full) {table}"))).execute(pool).await?;
                Ok(())
            }
        }
    }

    /// A snapshot to read from.
    pub fn read<'a>(&'a self) -> Answer<'a, Tx> {
        Box::pin(async move {
            Ok(match self {
                Db::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?, Notes::default()),
                #[cfg(feature = "postgres")]
                Db::Postgres { pool, .. } => {
                    let begun = pool.begin_with("begin isolation level repeatable read, read only").await?;
                    Tx::Postgres(begun, Notes::default())
                }
            })
        })
    }

    pub fn write<'a>(&'a self) -> Answer<'a, Tx> {
        Box::pin(async move {
            Ok(match self {
                Db::Sqlite { writer, watch, .. } => {
                    Tx::Sqlite(writer.begin_with("begin immediate").await?, watch.notes())
                }
                #[cfg(feature = "postgres")]
                Db::Postgres { pool, watch } => Tx::Postgres(pool.begin().await?, watch.notes()),
            })
        })
    }

    pub async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            #[cfg(feature = "postgres")]
            Db::Postgres { pool, .. } => pool.close().await,
        }
    }
}

fn new_enough(version: &str) -> bool {
    let parts: Vec<u32> = version.split('.').map_while(|p| p.parse().ok()).collect();
    parts.as_slice() >= OLDEST_SQLITE.as_slice()
}

/// Binds to either database; lists differ (an array, or a JSON text).
macro_rules! bound {
    ($query:expr, $values:expr, $texts:ident => $text_list:expr, $ints:ident => $int_list:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Text(v) => query.bind(v),
                Value::Int(v) => query.bind(v),
                Value::Flag(v) => query.bind(v),
                Value::Bytes(v) => query.bind(v),
                Value::Texts($texts) => query.bind($text_list),
                Value::Ints($ints) => query.bind($int_list),
            };
        }
        query
    }};
}

macro_rules! sqlite_query {
    ($sql:expr, $values:expr) => {
        bound!(sqlx::query($sql), $values, v => json_list(&v), v => json_list(&v))
    };
}

#[cfg(feature = "postgres")]
macro_rules! postgres_query {
    ($sql:expr, $values:expr) => {
        bound!(sqlx::query($sql), $values, v => v, v => v)
    };
}

fn json_list<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_else(|_| "[]".into())
}

impl Tx {
    /// The text as this database says it.
    fn said(&self, sql: &'static str) -> AssertSqlSafe<Cow<'static, str>> {
        AssertSqlSafe(match self {
            Tx::Sqlite(..) => said(sql, "in (select value from json_each(", "))"),
            #[cfg(feature = "postgres")]
            Tx::Postgres(..) => said(sql, "= any(", ")"),
        })
    }

    /// Runs a statement; how many rows it touched.
    pub fn run<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Answer<'a, u64> {
        Box::pin(async move {
            let sql = self.said(sql);
            let touched = match self {
                Tx::Sqlite(c, _) => sqlite_query!(sql, values).execute(&mut **c).await?.rows_affected(),
                #[cfg(feature = "postgres")]
                Tx::Postgres(c, _) => postgres_query!(sql, values).execute(&mut **c).await?.rows_affected(),
            };
            self.noted(touched).await?;
            Ok(touched)
        })
    }

    pub fn rows<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Answer<'a, Vec<Row>> {
        Box::pin(async move {
            let sql = self.said(sql);
            Ok(match self {
                Tx::Sqlite(c, _) => {
                    sqlite_query!(sql, values).fetch_all(&mut **c).await?.into_iter().map(Row::Sqlite).collect()
                }
                #[cfg(feature = "postgres")]
                Tx::Postgres(c, _) => {
                    postgres_query!(sql, values).fetch_all(&mut **c).await?.into_iter().map(Row::Postgres).collect()
                }
            })
        })
    }

    pub fn first<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Answer<'a, Option<Row>> {
        Box::pin(async move { Ok(self.rows(sql, values).await?.into_iter().next()) })
    }

    /// The one number of a `select count(*)` or a like question.
    pub fn number<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Answer<'a, i64> {
        Box::pin(async move {
            match self.first(sql, values).await? {
                Some(row) => Ok(row.int_or_null(0)?.unwrap_or(0)),
                None => Ok(0),
            }
        })
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Tx::Sqlite(..))
    }

    /// Inserts many rows. How many were inserted or changed (fewer than given where `tail` says `do nothing`).
    pub fn insert<'a>(&'a mut self, bulk: &'a Bulk<'a>, mut rows: Vec<Vec<Value>>) -> Answer<'a, u64> {
        Box::pin(async move {
            let width = bulk.columns.len();
            assert!(rows.iter().all(|r| r.len() == width), "each row of {} has {width} columns", bulk.table);
            let names: Vec<&str> = bulk.columns.iter().map(|c| c.0).collect();
            let head = format!("insert into {} ({})", bulk.table, names.join(", "));
            let mut touched = 0;
            match self {
                Tx::Sqlite(c, _) => {
                    let at_once = (BINDS / width).max(1);
                    while !rows.is_empty() {
                        let rest = rows.split_off(rows.len().min(at_once));
                        let sql = multi_row(&head, rows.len(), width, bulk.tail);
                        let full = rows.len() == at_once;
                        let query = sqlite_query!(AssertSqlSafe(sql), rows.into_iter().flatten()).persistent(full);
                        touched += query.execute(&mut **c).await?.rows_affected();
                        rows = rest;
                    }
                }
                #[cfg(feature = "postgres")]
                Tx::Postgres(c, _) => {
                    while !rows.is_empty() {
                        let rest = rows.split_off(rows.len().min(10_000));
                        let types: Vec<String> = bulk
                            .columns
                            .iter()
                            .enumerate()
                            .map(|(i, (_, kind))| format!("${}::{}[]", i + 1, kind.postgres()))
                            .collect();
                        let sql = format!("{head} select * from unnest({}) {}", types.join(", "), bulk.tail);
                        let mut query = sqlx::query(AssertSqlSafe(sql));
                        for (i, (_, kind)) in bulk.columns.iter().enumerate() {
                            macro_rules! column {
                                ($variant:ident, $type:ty) => {
                                    rows.iter_mut()
                                        .map(|r| match std::mem::replace(&mut r[i], Value::Int(None)) {
                                            Value::$variant(v) => v,
                                            _ => panic!("{}.{} is of another type", bulk.table, bulk.columns[i].0),
                                        })
                                        .collect::<Vec<$type>>()
                                };
                            }
                            query = match kind {
                                Kind::Text => query.bind(column!(Text, Option<String>)),
                                Kind::Int => query.bind(column!(Int, Option<i64>)),
                                Kind::Flag => query.bind(column!(Flag, bool)),
                                Kind::Bytes => query.bind(column!(Bytes, Option<Vec<u8>>)),
                            };
                        }
                        touched += query.execute(&mut **c).await?.rows_affected();
                        rows = rest;
                    }
                }
            }
            self.noted(touched).await?;
            Ok(touched)
        })
    }

    /// Asks the database to check a text without running it.
    pub fn prepare<'a>(&'a mut self, sql: &'static str) -> Answer<'a, ()> {
        Box::pin(async move {
            let sql = self.said(sql).into_sql_str();
            match self {
                Tx::Sqlite(c, _) => drop((&mut **c).prepare(sql).await?),
                #[cfg(feature = "postgres")]
                Tx::Postgres(c, _) => drop((&mut **c).prepare(sql).await?),
            }
            Ok(())
        })
    }

    /// How the embedded database would go about a text, step by step, without running it. Postgres has its own way, which
    /// depends on what its tables hold: no steps.
    pub fn plan<'a>(&'a mut self, sql: &'static str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let text = format!("explain query plan {}", self.said(sql).0);
            match self {
                Tx::Sqlite(c, _) => {
                    let rows = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch_all(&mut **c).await?;
                    Ok(rows.iter().map(|row| row.try_get(3)).collect::<Result<_, _>>()?)
                }
                #[cfg(feature = "postgres")]
                Tx::Postgres(..) => Ok(Vec::new()),
            }
        })
    }

    pub(super) fn notes(&mut self) -> &mut Notes {
        match self {
            Tx::Sqlite(_, notes) => notes,
            #[cfg(feature = "postgres")]
            Tx::Postgres(_, notes) => notes,
        }
    }

    /// One row of a sealed table after another, as text, from `after` on: (its mark, what it belongs to, its text).
    pub async fn row_texts(
        &mut self,
        table: &SealedTable,
        site: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, String, String)>, StoreError> {
        let (name, subject) = (&table.name, table.subject("t."));
        let sql = match self {
            Tx::Sqlite(..) => format!(
                "select cast(t.rowid as text), {subject}, {} from {name} t
                 where t.site = $1 and t.rowid > cast($2 as integer) order by t.rowid limit $3",
                table.text("t.")
            ),
            #[cfg(feature = "postgres")]
            Tx::Postgres(..) => format!(
                "select t.ctid::text, {subject}, t::text from {name} t
                 where t.site = $1 and t.ctid > $2::tid order by t.ctid limit $3"
            ),
        };
        let first = if self.is_sqlite() { "0" } else { "(0,0)" };
        let values = values![site, if after.is_empty() { first } else { after }, limit];
        let rows: Vec<Row> = match self {
            Tx::Sqlite(c, _) => {
                let query = sqlite_query!(AssertSqlSafe(sql), values);
                query.fetch_all(&mut **c).await?.into_iter().map(Row::Sqlite).collect()
            }
            #[cfg(feature = "postgres")]
            Tx::Postgres(c, _) => {
                let query = postgres_query!(AssertSqlSafe(sql), values);
                query.fetch_all(&mut **c).await?.into_iter().map(Row::Postgres).collect()
            }
        };
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?, row.text(2)?))).collect()
    }

    /// One row after another with all these columns, from `after` on: (its mark, its values).
    pub async fn whole_rows(
        &mut self,
        bulk: &Bulk<'_>,
        site: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, Vec<Value>)>, StoreError> {
        let names: Vec<String> = bulk.columns.iter().map(|c| format!("t.\"{}\"", c.0)).collect();
        let (list, table) = (names.join(", "), bulk.table);
        let rows: Vec<Row> = match self {
            Tx::Sqlite(c, _) => {
                let sql = format!(
                    "select cast(t.rowid as text), {list} from {table} t
                     where t.site = $1 and t.rowid > cast($2 as integer) order by t.rowid limit $3"
                );
                let values = values![site, if after.is_empty() { "0" } else { after }, limit];
                let query = sqlite_query!(AssertSqlSafe(sql), values);
                query.fetch_all(&mut **c).await?.into_iter().map(Row::Sqlite).collect()
            }
            #[cfg(feature = "postgres")]
            Tx::Postgres(c, _) => {
                let sql = format!(
                    "select t.ctid::text, {list} from {table} t
                     where t.site = $1 and t.ctid > $2::tid order by t.ctid limit $3"
                );
                let values = values![site, if after.is_empty() { "(0,0)" } else { after }, limit];
                let query = postgres_query!(AssertSqlSafe(sql), values);
                query.fetch_all(&mut **c).await?.into_iter().map(Row::Postgres).collect()
            }
        };
        let whole = |row: &Row| -> Result<(String, Vec<Value>), StoreError> {
            let value = |(place, (_, kind)): (usize, &(&str, Kind))| -> Result<Value, StoreError> {
                Ok(match kind {
                    Kind::Text => Value::Text(row.text_or_null(place + 1)?),
                    Kind::Int => Value::Int(row.int_or_null(place + 1)?),
                    Kind::Flag => Value::Flag(row.flag(place + 1)?),
                    Kind::Bytes => Value::Bytes(row.bytes_or_null(place + 1)?),
                })
            };
            Ok((row.text(0)?, bulk.columns.iter().enumerate().map(value).collect::<Result<_, _>>()?))
        };
        rows.iter().map(whole).collect()
    }

    pub fn commit(mut self) -> Answer<'static, ()> {
        Box::pin(async move {
            self.keep_seals().await?;
            match self {
                Tx::Sqlite(c, _) => c.commit().await?,
                #[cfg(feature = "postgres")]
                Tx::Postgres(c, _) => c.commit().await?,
            }
            Ok(())
        })
    }
}

/// A table whose rows are sealed, with its columns in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SealedTable {
    pub name: String,
    pub columns: Vec<String>,
}

impl SealedTable {
    /// What a row belongs to: its batch, where it has one.
    fn subject(&self, row: &str) -> String {
        match self.columns.iter().any(|c| c == "batch") {
            true => format!("coalesce({row}batch, '')"),
            false => "''".into(),
        }
    }

    /// The whole row as one text (SQLite).
    fn text(&self, row: &str) -> String {
        let each: Vec<String> = self.columns.iter().map(|c| format!("quote({row}\"{c}\")")).collect();
        each.join("||','||")
    }

    fn watched_on_sqlite(&self) -> String {
        let name = &self.name;
        let note = |row: &str, change: i64| {
            let (subject, text) = (self.subject(row), self.text(row));
            format!("insert into seal_notes values ('{name}', {row}site, {subject}, {change}, {text});")
        };
        let (old, new) = (note("old.", -1), note("new.", 1));
        format!(
            "create temp trigger if not exists sealed_{name}_added after insert on main.{name} begin {new} end;
             create temp trigger if not exists sealed_{name}_changed after update on main.{name} begin {old} {new} end;
             create temp trigger if not exists sealed_{name}_deleted after delete on main.{name} begin {old} end;\n"
        )
    }

    #[cfg(feature = "postgres")]
    fn watched_on_postgres(&self) -> String {
        let name = &self.name;
        let function = if self.subject("") == "''" { "note_rows" } else { "note_rows_of_batch" };
        format!(
            "drop trigger if exists sealed_added on {name}; drop trigger if exists sealed_changed on {name};
             drop trigger if exists sealed_deleted on {name};
             create trigger sealed_added after insert on {name} referencing new table as after_rows
                for each statement execute function {function}();
             create trigger sealed_changed after update on {name} referencing old table as before_rows
                new table as after_rows for each statement execute function {function}();
             create trigger sealed_deleted after delete on {name} referencing old table as before_rows
                for each statement execute function {function}();\n"
        )
    }
}

impl Kind {
    #[cfg(feature = "postgres")]
    fn postgres(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int => "bigint",
            Kind::Flag => "boolean",
            Kind::Bytes => "bytea",
        }
    }
}

fn said(sql: &'static str, open: &str, close: &str) -> Cow<'static, str> {
    let mut parts = sql.split("any_of(");
    let Some(first) = parts.next().filter(|f| f.len() < sql.len()) else { return Cow::Borrowed(sql) };
    let mut out = first.to_string();
    for part in parts {
        let (list, rest) = part.split_once(')').unwrap_or((part, ""));
        out.push_str(open);
        out.push_str(list);
        out.push_str(close);
        out.push_str(rest);
    }
    Cow::Owned(out)
}

/// `HEAD values (?, ?), (?, ?) TAIL`: SQLite looks each named variable up among all others, and nameless ones not at all.
fn multi_row(head: &str, rows: usize, width: usize, tail: &str) -> String {
    let mut sql = format!("{head} values ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            sql.push_str(if column == 0 { "?" } else { ", ?" });
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_said_in_each_dialect() {
        let sql = "select 1 from t where a any_of($1) and b any_of($2)";
        assert_eq!(said(sql, "= any(", ")"), "select 1 from t where a = any($1) and b = any($2)");
        assert_eq!(
            said(sql, "in (select value from json_each(", "))"),
            "select 1 from t where a in (select value from json_each($1)) and b in (select value from json_each($2))"
        );
        assert!(matches!(said("select 1", "= any(", ")"), Cow::Borrowed("select 1")));
    }

    #[test]
    fn old_sqlite_is_refused() {
        for (version, good) in
            [("3.51.3", true), ("3.54.1", true), ("4.0.0", true), ("3.51.2", false), ("3.40.1", false), ("?", false)]
        {
            assert_eq!(new_enough(version), good, "{version}");
        }
    }
}
