//! A site's rows carried from one database to another, whichever kind: the backup of a site on Postgres is an embedded
//! database with the same rows, which opens by itself anywhere, and goes back into an empty Postgres database.

use std::path::Path;

use super::db::{Bulk, Db, Kind, sql, values};
use super::*;

/// Rows that are carried at once.
const PAGE: u32 = 2_000;
/// Made anew where the rows arrive: the two databases write a row's text in their own way.
const MADE_ANEW: &[&str] = &["seals", "sealed_tables"];

sql! {
    SITE = "select count(*) from sites where site = $1";
    /// In the order in which they were made: what a table refers to was made before it.
    SHAPE_SQLITE = "select t.name, c.name, c.type from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table'
        order by t.rowid, c.cid";
}

impl Store {
    /// The database as of one moment, as a file of the embedded kind.
    pub(super) async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        if self.db().copy_file(path).await? {
            return Ok(());
        }
        let mut from = self.db().read().await?;
        // Rows that were tampered with must not come back as good ones: their seals are made anew.
        if let Some((place, why)) = self.broken_seals(&mut from).await?.into_iter().next() {
            return Err(StoreError::damaged(place, why));
        }
        let to = Db::connect(&path.to_string_lossy(), true).await?;
        to.migrate().await?;
        let mut into = to.write().await?;
        carry(self.site(), &mut from, &mut into, true).await?;
        into.commit().await?;
        to.close().await;
        Ok(())
    }

    /// Puts the rows of an embedded database (as a restore brought it back) into an empty one elsewhere, whole or not at
    /// all. Refuses where the site is there already.
    pub async fn carry_into(file: &Path, address: &str, site: &str) -> Result<u64, StoreError> {
        let from = Db::connect(&file.to_string_lossy(), false).await?;
        from.migrate().await?;
        let to = Db::connect(address, true).await?;
        to.migrate().await?;
        let mut rows = from.read().await?;
        let mut into = to.write().await?;
        if into.number(SITE, values![site]).await? > 0 {
            return Err(StoreError::Site { place: site.into(), why: "that database has this site already" });
        }
        let carried = carry(site, &mut rows, &mut into, false).await?;
        into.commit().await?;
        drop(rows);
        from.close().await;
        to.close().await;
        Ok(carried)
    }
}

/// `shaped`: the embedded side, which knows the order of the tables, is the one that receives.
async fn carry(site: &str, from: &mut Tx, into: &mut Tx, shaped: bool) -> Result<u64, StoreError> {
    let rows = if shaped { into.rows(SHAPE_SQLITE, vec![]).await? } else { from.rows(SHAPE_SQLITE, vec![]).await? };
    let mut tables: Vec<(String, Vec<(String, Kind)>)> = Vec::new();
    for row in rows {
        let (table, column) = (row.text(0)?, row.text(1)?);
        if table.starts_with("_sqlx") || table.starts_with("sqlite_") || MADE_ANEW.contains(&table.as_str()) {
            continue;
        }
        let kind = match row.text(2)?.to_ascii_lowercase().as_str() {
            "text" => Kind::Text,
            "bigint" => Kind::Int,
            "boolean" => Kind::Flag,
            "blob" => Kind::Bytes,
            other => return Err(StoreError::damaged(format!("table {table}"), format!("a column of type {other}"))),
        };
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push((column, kind)),
            _ => tables.push((table, vec![(column, kind)])),
        }
    }
    let mut carried = 0;
    for (table, columns) in &tables {
        let columns: Vec<(&str, Kind)> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let bulk = Bulk { table, columns: &columns, tail: "" };
        let mut after = String::new();
        loop {
            let page = from.whole_rows(&bulk, site, &after, PAGE).await?;
            let Some((mark, _)) = page.last() else { break };
            after.clone_from(mark);
            carried += into.insert(&bulk, page.into_iter().map(|(_, values)| values).collect()).await?;
        }
    }
    Ok(carried)
}
