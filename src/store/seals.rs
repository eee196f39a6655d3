//! Seals: for each table, and each batch in it, how many rows there are and a keyed sum over their whole content, kept in
//! the same transaction as every change. Rows that somebody changes, adds, takes away or exchanges with the database's own
//! tools are found by `verify`, whatever table and column. The key is not in the database: a seal cannot be made without it.
//!
//! A sum is the exclusive or of one HMAC-SHA-256 for each row, so that a change costs what it touches. The journal and the
//! audit trail need none: they are chained by hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use zeroize::Zeroizing;

use super::audit::Event;
use super::db::{Bulk, Kind, SealedTable, Tx, sql, values};
use super::*;

/// Tables whose rows are proved in another way.
const CHAINED: &[(&str, &str)] = &[
    ("entries", "chained by hash"),
    ("postings", "covered by the hash of their entry"),
    ("audit", "chained by hash"),
    ("seals", "compared with what they seal"),
    ("sealed_tables", "signed row by row"),
];

/// Tables of passing state, and why they have no seal. Every other table of the database is sealed.
pub const PASSING: &[(&str, &str)] = &[
    ("jobs", "who works on what just now; done again when lost"),
    ("match_turns", "a counter that makes whoever matches look again"),
    ("leases", "who holds what just now"),
    ("sessions", "who is signed in just now"),
    ("answers", "answers to repeated requests, for a day"),
    ("first_keys", "the first of two keyings; sealed each by itself"),
    ("outbox", "exports whose file is still to be written"),
    ("preferences", "how a person likes the screen"),
];

/// Rows that are folded together at once, on the way in and in `verify`.
const PAGE: u32 = 4_096;

sql! {
    SEALS = "select name, subject, rows, part1, part2, part3, part4 from seals where site = $1";
    SEALED = "select name, columns, signature from sealed_tables where site = $1";
    SAVE_SEALED = "insert into sealed_tables (site, name, columns, signature) values ($1, $2, $3, $4)
        on conflict (site, name) do update set columns = excluded.columns, signature = excluded.signature";
    DROP_SEALS = "delete from seals where site = $1 and name = $2";
    TABLES_SQLITE = "select t.name, c.name from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table'
        order by t.name, c.cid";
    TABLES_POSTGRES = "select table_name::text, column_name::text from information_schema.columns
        where table_schema = current_schema() order by table_name, ordinal_position";
}

/// Takes what stands in the writing session's own table, which readers do not have.
const NOTES: &str = "delete from seal_notes returning name, site, subject, change, content";

const ADD: Bulk = Bulk {
    table: "seals",
    columns: &[
        ("site", Kind::Text),
        ("name", Kind::Text),
        ("subject", Kind::Text),
        ("rows", Kind::Int),
        ("part1", Kind::Int),
        ("part2", Kind::Int),
        ("part3", Kind::Int),
        ("part4", Kind::Int),
    ],
    // Neither database has the other one's exclusive or.
    tail: "on conflict (site, name, subject) do update set rows = seals.rows + excluded.rows,
           part1 = (seals.part1 | excluded.part1) & ~(seals.part1 & excluded.part1),
           part2 = (seals.part2 | excluded.part2) & ~(seals.part2 & excluded.part2),
           part3 = (seals.part3 | excluded.part3) & ~(seals.part3 & excluded.part3),
           part4 = (seals.part4 | excluded.part4) & ~(seals.part4 & excluded.part4)",
};

/// How many rows, and their sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Seal {
    rows: i64,
    parts: [i64; 4],
}

impl Seal {
    fn fold(&mut self, change: i64, parts: [i64; 4]) {
        self.rows += change;
        self.parts.iter_mut().zip(parts).for_each(|(own, other)| *own ^= other);
    }
}

/// The key of the seals.
pub(super) struct Sealer(Zeroizing<[u8; 32]>);

impl Sealer {
    pub fn new(key: [u8; 32]) -> Sealer {
        Sealer(Zeroizing::new(key))
    }

    fn of(&self, parts: [&str; 3]) -> [i64; 4] {
        let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(&*self.0) else { return [0; 4] };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        let mut lanes = [0; 4];
        for (lane, eight) in lanes.iter_mut().zip(bytes.chunks_exact(8)) {
            *lane = eight.iter().fold(0i64, |sum, byte| (sum << 8) | i64::from(*byte));
        }
        lanes
    }

    fn signature(&self, site: &str, table: &SealedTable) -> String {
        self.of([site, &table.name, &table.columns.join(",")]).map(|lane| format!("{lane:016x}")).concat()
    }
}

/// What a transaction changed of sealed rows so far.
#[derive(Default)]
pub(super) struct Notes {
    sealer: Option<Arc<Sealer>>,
    kept: BTreeMap<(String, String, String), Seal>,
    waiting: u64,
}

impl Notes {
    pub fn of(sealer: Option<Arc<Sealer>>) -> Notes {
        Notes { sealer, ..Notes::default() }
    }
}

impl Tx {
    /// Rows were changed: when there are many, their notes are folded before they fill the memory.
    pub(super) async fn noted(&mut self, rows: u64) -> Result<(), StoreError> {
        let notes = self.notes();
        notes.waiting += rows;
        if notes.waiting < u64::from(PAGE) { Ok(()) } else { self.fold_notes().await }
    }

    /// Before a lock that all want: what was changed so far is folded while nobody waits for it.
    pub(super) async fn fold_notes(&mut self) -> Result<(), StoreError> {
        let Some(sealer) = self.notes().sealer.clone() else { return Ok(()) };
        if self.notes().waiting == 0 {
            return Ok(());
        }
        self.notes().waiting = 0;
        for row in &self.rows(NOTES, vec![]).await? {
            let (name, site, subject) = (row.text(0)?, row.text(1)?, row.text(2)?);
            let parts = sealer.of([&site, &name, &row.text(4)?]);
            self.notes().kept.entry((site, name, subject)).or_default().fold(row.int(3)?, parts);
        }
        Ok(())
    }

    /// The last step before a commit. In the order of the names: two that change the same tables never wait for each other
    /// crosswise.
    pub(super) async fn keep_seals(&mut self) -> Result<(), StoreError> {
        self.fold_notes().await?;
        let kept = std::mem::take(&mut self.notes().kept);
        let changed = kept.into_iter().filter(|(_, seal)| *seal != Seal::default());
        let rows: Vec<_> =
            changed.map(|((site, name, subject), seal)| seal_row(&site, &name, &subject, seal)).collect();
        if !rows.is_empty() {
            self.insert(&ADD, rows).await?;
        }
        Ok(())
    }
}

fn seal_row(site: &str, name: &str, subject: &str, seal: Seal) -> Vec<db::Value> {
    let [one, two, three, four] = seal.parts;
    values![site, name, subject, seal.rows, one, two, three, four]
}

impl Store {
    /// The tables that are sealed, as they stand in the database.
    async fn sealed_tables(&self, tx: &mut Tx) -> Result<Vec<SealedTable>, StoreError> {
        let mut tables: Vec<SealedTable> = Vec::new();
        let sql = if tx.is_sqlite() { TABLES_SQLITE } else { TABLES_POSTGRES };
        for row in tx.rows(sql, vec![]).await? {
            let (name, column) = (row.text(0)?, row.text(1)?);
            if name.starts_with("_sqlx")
                || name.starts_with("sqlite_")
                || CHAINED.iter().chain(PASSING).any(|u| u.0 == name)
            {
                continue;
            }
            match tables.last_mut() {
                Some(table) if table.name == name => table.columns.push(column),
                _ => tables.push(SealedTable { name, columns: vec![column] }),
            }
        }
        Ok(tables)
    }

    /// Begins to watch, and seals what has no seal yet: the tables of a new site, and those that a newer program brought or
    /// changed. Tables whose list of columns was not signed by this site's key are left as they are, for `verify` to name.
    pub(super) async fn begin_sealing(&self) -> Result<(), StoreError> {
        let mut tx = self.db().read().await?;
        let tables = self.sealed_tables(&mut tx).await?;
        let known = self.signed(&mut tx).await?;
        drop(tx);
        self.db().watch(&tables, self.keys().sealer()).await?;
        let sealer = self.keys().sealer();
        let new = |table: &&SealedTable| match known.get(&table.name) {
            None => true,
            Some((columns, signature)) => {
                let was = SealedTable { name: table.name.clone(), columns: columns.clone() };
                *columns != table.columns && *signature == sealer.signature(self.site(), &was)
            }
        };
        let new: Vec<&SealedTable> = tables.iter().filter(new).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.again(|| Box::pin(self.seal_tables(&sealer, &new))).await
    }

    async fn seal_tables(&self, sealer: &Sealer, new: &[&SealedTable]) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let mut sealed = 0;
        for table in new {
            let signature = sealer.signature(self.site(), table);
            tx.run(SAVE_SEALED, values![self.site(), &table.name, table.columns.join(","), signature]).await?;
            let sums = self.sums(&mut tx, sealer, table).await?;
            sealed += sums.values().map(|s| s.rows).sum::<i64>();
            tx.run(DROP_SEALS, values![self.site(), &table.name]).await?;
            let rows = sums.iter().map(|(subject, seal)| seal_row(self.site(), &table.name, subject, *seal)).collect();
            tx.insert(&ADD, rows).await?;
        }
        if sealed > 0 {
            let (by, note) = (UserName("remit".into()), format!("{sealed} rows"));
            let id = "tables that a newer program brought or changed";
            let event = Event::said(&by, "seal", "rows", id, &note);
            self.record(&mut tx, event).await?;
        }
        tx.commit().await
    }

    async fn signed(&self, tx: &mut Tx) -> Result<BTreeMap<String, (Vec<String>, String)>, StoreError> {
        let mut known = BTreeMap::new();
        for row in tx.rows(SEALED, values![self.site()]).await? {
            let columns = row.text(1)?.split(',').map(String::from).collect();
            known.insert(row.text(0)?, (columns, row.text(2)?));
        }
        Ok(known)
    }

    async fn sums(
        &self,
        tx: &mut Tx,
        sealer: &Sealer,
        table: &SealedTable,
    ) -> Result<BTreeMap<String, Seal>, StoreError> {
        let mut sums: BTreeMap<String, Seal> = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = tx.row_texts(table, self.site(), &after, PAGE).await?;
            let Some((mark, ..)) = page.last() else { return Ok(sums) };
            after.clone_from(mark);
            for (_, subject, text) in page {
                let parts = sealer.of([self.site(), &table.name, &text]);
                sums.entry(subject).or_default().fold(1, parts);
            }
        }
    }

    /// What is not as this program left it: (place, what is wrong).
    pub(super) async fn broken_seals(&self, tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
        let mut broken = Vec::new();
        let sealer = self.keys().sealer();
        let mut known = self.signed(tx).await?;
        let mut seals: BTreeMap<(String, String), Seal> = BTreeMap::new();
        for row in tx.rows(SEALS, values![self.site()]).await? {
            let parts = [row.int(3)?, row.int(4)?, row.int(5)?, row.int(6)?];
            seals.insert((row.text(0)?, row.text(1)?), Seal { rows: row.int(2)?, parts });
        }
        for table in self.sealed_tables(tx).await? {
            let signed = known.remove(&table.name).is_some_and(|(columns, signature)| {
                columns == table.columns && signature == sealer.signature(self.site(), &table)
            });
            if !signed {
                broken.push((format!("table {}", table.name), "its columns are not those that were sealed".into()));
            }
            let mut sums = self.sums(tx, &sealer, &table).await?;
            for ((name, subject), seal) in seals.extract_if(.., |(name, _), _| *name == table.name) {
                let is = sums.remove(&subject).unwrap_or_default();
                if is != seal {
                    broken.push((place_of(&name, &subject), difference(seal, is)));
                }
            }
            for (subject, is) in sums {
                broken.push((place_of(&table.name, &subject), difference(Seal::default(), is)));
            }
        }
        for (name, _) in known {
            broken.push((format!("table {name}"), "it was sealed and is not there".into()));
        }
        for ((name, subject), seal) in seals {
            broken.push((place_of(&name, &subject), difference(seal, Seal::default())));
        }
        Ok(broken)
    }
}

fn place_of(name: &str, subject: &str) -> String {
    if subject.is_empty() { format!("table {name}") } else { format!("table {name}, batch {subject}") }
}

fn difference(sealed: Seal, is: Seal) -> String {
    match sealed.rows == is.rows {
        true => format!("one of its {} rows is not as this program wrote it", is.rows),
        false => format!("{} rows were sealed, {} are there", sealed.rows, is.rows),
    }
}
