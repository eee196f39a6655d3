//! Keeping: tampering is found, backups come back on either database, new keys take the old ones' place, work that crosses
//! goes on.
//!
//! Whoever changes rows with the database's own tools is found, whatever the row: each table of the schema that is not
//! listed as passing state is tampered with row by row (a column changed, the row taken away, two rows exchanged, one
//! doubled), and `verify` must say so each time; put back, it must be content again. `REMIT_EVERY_ROW=1` goes through all
//! rows and columns; otherwise each column once and of each table some rows.

#[cfg(feature = "postgres")]
#[allow(dead_code)]
mod postgres;
#[allow(dead_code)]
mod site;

use std::collections::{BTreeMap, BTreeSet};

use remit::domain::drawer::Tender;
use remit::domain::*;
use remit::matching::Notice;
use remit::post::{self, Chart};
use remit::store::*;
use site::*;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// A shell on the database, with every rule of its own switched off.
enum Shell {
    Sqlite(sqlx::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgConnection),
}

impl Shell {
    async fn on(site: &Site) -> Shell {
        #[cfg(feature = "postgres")]
        if site.config.database.starts_with("postgres") {
            let mut shell = Shell::Postgres(sqlx::PgConnection::connect(&site.config.database).await.unwrap());
            shell.run("set session_replication_role = replica").await.unwrap();
            return shell;
        }
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&site.config.database)
            .foreign_keys(false)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Off);
        let mut shell = Shell::Sqlite(sqlx::SqliteConnection::connect_with(&options).await.unwrap());
        for row in shell.ask("select name from sqlite_master where type = 'trigger'").await {
            shell.run(&format!("drop trigger {}", row[0])).await.unwrap();
        }
        shell
    }

    async fn run(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_string());
        Ok(match self {
            Shell::Sqlite(c) => sqlx::raw_sql(sql).execute(c).await?.rows_affected(),
            #[cfg(feature = "postgres")]
            Shell::Postgres(c) => sqlx::raw_sql(sql).execute(c).await?.rows_affected(),
        })
    }

    /// All columns are texts.
    async fn ask(&mut self, sql: &str) -> Vec<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_string());
        match self {
            Shell::Sqlite(c) => {
                let rows = sqlx::query(sql).fetch_all(c).await.unwrap();
                rows.iter().map(|r| (0..r.len()).map(|i| r.get(i)).collect()).collect()
            }
            #[cfg(feature = "postgres")]
            Shell::Postgres(c) => {
                let rows = sqlx::query(sql).fetch_all(c).await.unwrap();
                rows.iter().map(|r| (0..r.len()).map(|i| r.get(i)).collect()).collect()
            }
        }
    }

    fn is_sqlite(&self) -> bool {
        matches!(self, Shell::Sqlite(_))
    }

    /// Table, its columns with their types, as the schema has them.
    async fn tables(&mut self) -> BTreeMap<String, Vec<(String, String)>> {
        let rows = self
            .ask(if self.is_sqlite() {
                "select t.name, c.name, c.type from sqlite_master t, pragma_table_info(t.name) c
                 where t.type = 'table' order by t.name, c.cid"
            } else {
                "select table_name::text, column_name::text, data_type::text from information_schema.columns
                 where table_schema = 'public' order by table_name, ordinal_position"
            })
            .await;
        let mut tables: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for row in rows.into_iter().filter(|r| !r[0].starts_with("_sqlx") && !r[0].starts_with("sqlite_")) {
            tables.entry(row[0].clone()).or_default().push((row[1].clone(), row[2].clone()));
        }
        tables
    }

    /// Where a row stands, for each row in order.
    async fn places(&mut self, table: &str) -> Vec<String> {
        let mark = if self.is_sqlite() { "cast(rowid as text)" } else { "ctid::text" };
        let order = if self.is_sqlite() { "rowid" } else { "ctid" };
        let rows = self.ask(&format!("select {mark} from {table} order by {order}")).await;
        rows.into_iter().map(|mut r| r.remove(0)).collect()
    }

    fn at(&self, place: &str) -> String {
        if self.is_sqlite() { format!("rowid = {place}") } else { format!("ctid = '{place}'") }
    }
}

fn other_value(column: &str, kind: &str) -> String {
    match kind.to_ascii_lowercase().as_str() {
        "bigint" => format!("coalesce({column}, 0) + 1000003"),
        "boolean" => format!("not {column}"),
        "blob" => "x'00'".into(),
        "bytea" => "'\\x00'".into(),
        "text" => format!("coalesce({column}, '') || 'x'"),
        other => panic!("a column of an unknown type {other}"),
    }
}

/// A day with something of everything.
async fn full(site: &Site) {
    let s = &site.store;
    s.add_user(&UserName("kim".into()), &[Role::Cashier], &admin()).await.unwrap();
    s.save_layout("coupon", "name = 1", &admin()).await.unwrap();
    s.save_setting("colour", "blue", &admin()).await.unwrap();
    s.import_payers(&[payer()], &olga()).await.unwrap();
    s.mark_payers(&[("061000146".into(), BankAccount::new("77"), true, Some("closed".into()))], &olga()).await.unwrap();
    let batch = posted(site, "full", 6).await;
    let first = s.entries(0, 1).await.unwrap().remove(0);
    s.reverse(1, "mirror", &post::mirror(&first, day("2026-12-02")).unwrap(), &[], "wrong", &sven()).await.unwrap();
    let deposit = deposited(site).await;
    let item = deposit.items[0].clone();
    let transactions = s.transactions(&batch).await.unwrap();
    let paid = transactions.iter().find(|t| t.documents.contains(&item.document)).unwrap();
    let parts =
        post::parts_of(&[(item.document.clone(), item.amount)], &paid.applications, &item.document).unwrap().unwrap();
    let mark = Sha256::of(b"a return");
    let id = ReturnId::of(&[b"main", &mark.0]);
    let from = post::ReturnedFrom {
        id: &id,
        date: day("2026-12-01"),
        batch: &batch,
        transaction: &paid.id,
        document: &item.document,
        code: "A",
    };
    let fee = cents(2_500);
    let settled = Settled {
        document: item.document.clone(),
        deposit: Some(deposit.id.clone()),
        drafts: post::return_entries(&from, &parts, fee, &Chart::default()).unwrap(),
        parts,
        fee,
        policy: ReturnPolicy { cash_only_after: 1, ..ReturnPolicy::default() },
    };
    let back = ReturnItem {
        channel: ReturnChannel::Keyed,
        stage: ReturnStage::Returned,
        reason: ReturnReason::InsufficientFunds,
        code: "A".into(),
        amount: item.amount,
        original: OriginalItem::default(),
        id: "1".into(),
        date: None,
        text: String::new(),
        place: SourcePlace::default(),
    };
    let new = NewReturn {
        mark,
        item: back,
        date: day("2026-12-01"),
        outcome: Outcome::Found(Box::new(settled)),
        note: String::new(),
    };
    s.take_return(&new, &olga()).await.unwrap();
    let (drawer, _) = s.open_drawer("front", day("2026-11-28"), cents(5_000), &UserName("kim".into())).await.unwrap();
    for memo in ["stamps", "coffee"] {
        let slip = NewSlip {
            is_payout: true,
            tender: Tender::Cash,
            amount: cents(150),
            tendered: cents(150),
            reference: String::new(),
            biller: None,
            account: None,
            bill: None,
            to_bill: Cents::ZERO,
            memo: memo.into(),
            mark: String::new(),
            notice: Some(Notice {
                id: String::new(),
                batch: None,
                transaction: None,
                receipt: None,
                code: "recovery".into(),
                biller: Biller("power".into()),
                account: AccountNumber::new("A1"),
                bill: String::new(),
                date: day("2026-11-28"),
                amount: Some(cents(150)),
                agency: String::new(),
                message: memo.into(),
            }),
        };
        let draft = |n| post::payout_entry(n, day("2026-11-28"), cents(150), false, &Chart::default());
        s.add_slip(drawer.number, &slip, draft, &UserName("kim".into())).await.unwrap();
    }
    in_review(site, "open", 4, Some(1)).await;
    let file = Sha256::of(b"a file");
    s.put_blobs([&b"a file"[..], b"its end"].map(|b| (Sha256::of(b), b.to_vec())).to_vec()).await.unwrap();
    s.keep_file(file, &[(file, 6), (Sha256::of(b"its end"), 7)]).await.unwrap();
    let refusal = Refusal {
        id: Sha256::of(b"a refusal"),
        sha256: file,
        name: "damaged.x9".into(),
        size: 13,
        at: String::new(),
        by: String::new(),
        why: vec![format!("record 3: {CANARY}")],
    };
    s.refuse(&refusal, &olga()).await.unwrap();
    s.hold_for_court(&batch, "a case", &admin()).await.unwrap_or(Done::Already);
    s.close_day(day("2026-11-28"), &sven()).await.unwrap();
}

/// Rows of a table that are tampered with when not all are.
fn some(places: &[String], every: bool) -> Vec<usize> {
    let all = 0..places.len();
    if every { all.collect() } else { all.filter(|n| *n < 2 || n + 1 == places.len()).collect() }
}

async fn every_change_is_found(site: Site) {
    let every = std::env::var_os("REMIT_EVERY_ROW").is_some();
    full(&site).await;
    site.holds().await;
    let mut shell = Shell::on(&site).await;
    let passing: Vec<&str> = PASSING.iter().map(|t| t.0).collect();
    let tables = shell.tables().await;
    let (mut tried, mut filled) = (BTreeMap::<&str, u32>::new(), 0);
    for (table, columns) in tables.iter().filter(|t| !passing.contains(&t.0.as_str())) {
        let kept = format!("kept_{table}");
        shell.run(&format!("create temp table {kept} as select * from {table}")).await.unwrap();
        let count = shell.places(table).await.len();
        filled += usize::from(count > 0);
        let mut harms: Vec<(&str, String)> = Vec::new();
        let names: Vec<&str> = columns.iter().map(|c| c.0.as_str()).collect();
        for n in some(&shell.places(table).await, every) {
            harms.push(("taken away", format!("{n} delete from {table} where HERE")));
            for (place, (column, kind)) in columns.iter().enumerate() {
                // Without the wish for all: each column once, dealt out over the rows.
                if every || count < 4 || place % 3 == n.min(2) {
                    let value = other_value(column, kind);
                    harms.push(("changed", format!("{n} update {table} set {column} = {value} where HERE")));
                }
            }
            if n + 1 < count {
                harms.push(("exchanged", format!("{n} exchange")));
            }
        }
        let text = columns.iter().find(|c| c.1.eq_ignore_ascii_case("text") && c.0 != "site");
        if let (true, Some((column, _))) = (count > 0, text) {
            let list = names.join(", ");
            let values: Vec<String> =
                names.iter().map(|c| if c == column { format!("{c} || 'new'") } else { c.to_string() }).collect();
            let sql = format!("0 insert into {table} ({list}) select {} from {table} where HERE", values.join(", "));
            harms.push(("added", sql));
        }
        for (what, harm) in harms {
            let (n, sql) = harm.split_once(' ').unwrap();
            let places = shell.places(table).await;
            let n: usize = n.parse().unwrap();
            let done = if sql == "exchange" {
                exchange(&mut shell, table, columns, &places[n], &places[n + 1]).await
            } else {
                shell.run(&sql.replace("HERE", &shell.at(&places[n]))).await
            };
            // A rule of the schema that cannot be switched off refused it, or the rows are alike.
            if done.unwrap_or(0) == 0 {
                continue;
            }
            let (_, found) = site.store.verify(false).await.unwrap();
            assert!(!found.is_empty(), "{table}, row {n}: {what}, and nothing is said of it: {sql}");
            *tried.entry(what).or_default() += 1;
            shell.run(&format!("delete from {table}")).await.unwrap();
            shell.run(&format!("insert into {table} select * from {kept}")).await.unwrap();
        }
        let (_, found) = site.store.verify(false).await.unwrap();
        assert!(found.is_empty(), "{table} was put back, and still: {found:?}");
    }
    assert!(filled >= 34, "only {filled} tables had rows");
    for what in ["taken away", "changed", "exchanged", "added"] {
        assert!(tried.get(what).is_some_and(|n| *n > 20), "too little was tried: {tried:?}");
    }
    println!("{} tables, {filled} of them with rows: {tried:?}, each found", tables.len() - passing.len());
}

/// Two rows change places: each keeps its first three columns (its key) and gets the other one's rest.
async fn exchange(
    shell: &mut Shell,
    table: &str,
    columns: &[(String, String)],
    one: &str,
    other: &str,
) -> Result<u64, sqlx::Error> {
    let Some((column, _)) = columns.iter().skip(2).next_back() else { return Ok(0) };
    let (here, there) = (shell.at(one), shell.at(other));
    let differ = format!(
        "select 'yes' from {table} a, {table} b where a.{here} and b.{there} and a.{column} is distinct from b.{column}"
    );
    if shell.ask(&differ).await.is_empty() {
        return Ok(0);
    }
    let value = |of: &str| format!("(select x.{column} from {table} x where x.{of})");
    let sql = format!(
        "update {table} set {column} = case when {here} then {} else {} end where {here} or {there}",
        value(&there),
        value(&here)
    );
    shell.run(&sql).await
}

/// What must be the same after a way through a backup.
async fn told(store: &Store) -> (Vec<remit::domain::Entry>, Vec<Balance>, Vec<BatchSummary>) {
    let books = store.entries(0, 1_000).await.unwrap();
    (books, store.balances().await.unwrap(), store.batches().await.unwrap())
}

/// A backup opens as an embedded site wherever it was made; and goes into an empty Postgres database.
async fn a_backup_comes_back_anywhere(site: Site, empty: Option<String>) {
    full(&site).await;
    let (file, back) = (site.folder.path().join("night.remit"), site.folder.path().join("back"));
    site.store.backup(site.folder.path(), &file).await.unwrap();
    Store::restore(&file, &back, &site.config.key_file, "main").unwrap();
    let database = back.join("remit.db");
    let mut config = StoreConfig {
        database: database.to_str().unwrap().into(),
        blobs: back.join("images").to_str().unwrap().into(),
        ..site.config.clone()
    };
    if let Some(address) = empty {
        Store::carry_into(&database, &address, "main").await.unwrap();
        let twice = Store::carry_into(&database, &address, "main").await;
        assert!(matches!(twice, Err(StoreError::Site { .. })), "{twice:?}");
        config.database = address;
    }
    let again = Store::open(&config).await.unwrap();
    assert_eq!(told(&again).await, told(&site.store).await);
    let (seen, found) = again.verify(true).await.unwrap();
    assert_eq!(found, vec![]);
    assert!(seen.blobs > 10 && seen.entries > 5, "{seen:?}");
    // And it goes on from there.
    in_review(&Site { store: again.clone(), config, folder: tempfile::tempdir().unwrap() }, "later", 4, None).await;
    assert_eq!(again.verify(true).await.unwrap().1, vec![]);
    again.close().await;
}

/// After a rotation everything is sealed again under the new key, whatever column it stands in, and opens as before.
async fn a_new_key_takes_the_old_ones_place(site: Site) {
    full(&site).await;
    let ada = UserName("ada".into());
    site.store.add_user(&ada, &[Role::Admin], &admin()).await.unwrap();
    let before = told(&site.store).await;
    assert_eq!(site.store.reseal(&ada).await.unwrap(), Resealed { key: 1, values: 0, images: 0 });
    assert_eq!(site.store.rotate_keys(&ada).await.unwrap(), 2);
    assert!(site.store.reseal(&olga()).await.is_err(), "no administrator");
    let done = site.store.reseal(&ada).await.unwrap();
    // Images have keys of their own: only those are sealed again.
    assert!(done.key == 2 && done.values > 30 && done.images == 0, "{done:?}");
    assert_eq!(site.store.reseal(&ada).await.unwrap(), Resealed { key: 2, values: 0, images: 0 }, "once");
    // No sealed column of the schema was forgotten: whatever is sealed begins with the number of its key.
    let mut shell = Shell::on(&site).await;
    let mut columns = BTreeSet::new();
    for (table, list) in shell.tables().await {
        for (column, _) in list.iter().filter(|c| ["blob", "bytea"].contains(&c.1.to_ascii_lowercase().as_str())) {
            let first = if shell.is_sqlite() { "hex" } else { "" };
            let old =
                format!("select 'x' from {table} where {column} is not null and {first}(substr({column}, 1, 1)) <> ");
            let old = old + if shell.is_sqlite() { "'02'" } else { "'\\x02'" };
            assert_eq!(shell.ask(&old).await.len(), 0, "{table}.{column} is still under the old key");
            columns.insert((table.clone(), column.clone()));
        }
    }
    let known: BTreeSet<_> = SEALED_COLUMNS.iter().map(|(t, c)| (t.to_string(), c.to_string())).collect();
    assert_eq!(columns, known, "the sealed columns of the schema are those that are sealed again");
    assert_eq!(told(&site.store).await, before);
    assert_eq!(site.store.verify(true).await.unwrap().1, vec![]);
}

/// Batches of the same bills, a bill file that changes them all, and postings at once: each is done once.
async fn work_that_crosses_goes_on(site: Site) {
    let mut batches = Vec::new();
    for n in 0..6 {
        batches.push(approved(&site, &format!("cross{n}"), 8).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for batch in batches {
        let store = site.store.clone();
        tasks.spawn(async move {
            let drafts = drafts(&store.transactions(&batch).await.unwrap());
            assert_eq!(store.post_batch(&batch, &drafts, &sven()).await.unwrap().done, Done::Now);
        });
    }
    for n in 0..4 {
        let store = site.store.clone();
        tasks.spawn(async move {
            let mut bills: Vec<Bill> = (1..=4).map(bill).collect();
            bills.iter_mut().for_each(|b| b.name = format!("name {n}"));
            store.import_bills(&bills, day("2026-11-28"), false, false, &olga()).await.unwrap();
        });
    }
    tasks.join_all().await;
    let bills = site.store.bills_for_invoices(&["B1".to_string(), "B4".to_string()]).await.unwrap();
    assert!(bills.iter().all(|b| b.paid == cents(6 * b.amount_due.get())), "{bills:?}");
    site.holds().await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Images come in, decisions are made and read while an administrator makes new keys and seals everything again: nobody meets an
/// error, and nothing is lost.
async fn keys_are_exchanged_while_work_goes_on(site: Site) {
    let ada = UserName("ada".into());
    site.store.add_user(&ada, &[Role::Admin], &admin()).await.unwrap();
    let batch = posted(&site, "under load", 6).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..3u8 {
        let (store, batch) = (site.store.clone(), batch.clone());
        tasks.spawn(async move {
            for round in 0..12u8 {
                let bytes = vec![n * 16 + round; 2000];
                let hash = Sha256::of(&bytes);
                store.put_blobs(vec![(hash, bytes.clone())]).await.unwrap();
                assert_eq!(store.blob(hash).await.unwrap(), bytes);
                assert!(!store.readings(&batch).await.unwrap().is_empty());
                let payer = KnownPayer {
                    routing: "061000146".into(),
                    bank_account: BankAccount::new(format!("{n}{round}")),
                    biller: Biller("power".into()),
                    account: AccountNumber::new("A1"),
                };
                store.import_payers(&[payer], &olga()).await.unwrap();
            }
        });
    }
    let (store, ada) = (site.store.clone(), ada.clone());
    tasks.spawn(async move {
        for _ in 0..3 {
            store.rotate_keys(&ada).await.unwrap();
            store.reseal(&ada).await.unwrap();
        }
    });
    tasks.join_all().await;
    assert_eq!(site.store.newest_key(), (4, 4));
    site.holds().await;
}

/// Each on the databases that this machine has: (a site, an empty database elsewhere).
fn everywhere(test: impl AsyncFn(Site, Option<String>)) {
    runtime().block_on(async {
        test(Site::new(None).await, None).await;
        #[cfg(feature = "postgres")]
        if let (Some(own), Some(empty)) = (postgres::database().await, postgres::database().await) {
            test(Site::new(Some(own)).await, Some(empty)).await;
        }
    });
}

#[test]
fn s26_a_backup_comes_back() {
    everywhere(async |site, empty| {
        a_backup_comes_back_anywhere(site, None).await;
        if let Some(empty) = empty {
            #[cfg(feature = "postgres")]
            let other = Site::new(postgres::database().await).await;
            #[cfg(not(feature = "postgres"))]
            let other = Site::new(None).await;
            a_backup_comes_back_anywhere(other, Some(empty)).await;
        }
    });
}

#[test]
fn s14_a_new_key_takes_the_old_ones_place() {
    everywhere(async |site, _| a_new_key_takes_the_old_ones_place(site).await);
}

#[test]
fn s14_keys_are_exchanged_while_work_goes_on() {
    everywhere(async |site, _| keys_are_exchanged_while_work_goes_on(site).await);
}

#[test]
fn crossing_work_is_done_once() {
    everywhere(async |site, _| work_that_crosses_goes_on(site).await);
}

#[test]
fn every_change_behind_the_program_is_found_on_sqlite() {
    runtime().block_on(async { every_change_is_found(Site::new(None).await).await });
}

#[cfg(feature = "postgres")]
#[test]
fn every_change_behind_the_program_is_found_on_postgres() {
    runtime().block_on(async {
        if let Some(database) = postgres::database().await {
            every_change_is_found(Site::new(Some(database)).await).await;
        }
    });
}
