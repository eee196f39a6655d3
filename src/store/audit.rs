//! The audit trail: who did what to which thing, with the hash of what it was and what it became, in the same transaction
//! as the change, append-only and chained by hash.

use super::db::{Tx, sql, values};
use super::*;
use crate::domain::Sha256;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub number: i64,
    /// ISO 8601.
    pub at: String,
    pub by: UserName,
    /// `approve`, `key-amount`, `import-bills`, ..
    pub what: String,
    /// `batch`, `user`, ..
    pub noun: String,
    pub id: String,
    pub before: Option<Sha256>,
    pub after: Option<Sha256>,
    pub note: String,
    /// Of the row before and of this one.
    pub previous: Sha256,
    pub hash: Sha256,
}

impl AuditRow {
    /// Does the hash cover this content and this predecessor?
    pub fn holds(&self) -> bool {
        self.hash == self.covered()
    }

    /// From the columns of `PAGE`.
    pub(super) fn of(row: &super::db::Row) -> Result<AuditRow, StoreError> {
        let number = row.int(0)?;
        let place = format!("audit row {number}");
        Ok(AuditRow {
            number,
            at: row.text(1)?,
            by: UserName(row.text(2)?),
            what: row.text(3)?,
            noun: row.text(4)?,
            id: row.text(5)?,
            before: row.parsed_or_null(6, &place)?,
            after: row.parsed_or_null(7, &place)?,
            note: row.text(8)?,
            previous: row.parsed(9, &place)?,
            hash: row.parsed(10, &place)?,
        })
    }

    fn covered(&self) -> Sha256 {
        let hex = |hash: Option<Sha256>| hash.map(|h| h.to_string()).unwrap_or_default();
        let (before, after) = (hex(self.before), hex(self.after));
        let mut bytes = vec![1];
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.previous.0);
        for text in [&self.at, &self.by.0, &self.what, &self.noun, &self.id, &before, &after, &self.note] {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        Sha256::of(&bytes)
    }
}

sql! {
    /// Takes the lock on a chain's end and says where it is.
    HEAD_POSTGRES = "select number, hash from heads where site = $1 and chain = $2 for update";
    /// The transaction that writes is the only one there.
    HEAD_SQLITE = "select number, hash from heads where site = $1 and chain = $2";
    MOVE_HEAD = "update heads set number = $3, hash = $4 where site = $1 and chain = $2";
    ADD = "insert into audit (site, number, at, by_user, what, noun, id, before_hash, after_hash, note, previous, hash)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    PAGE = "select number, at, by_user, what, noun, id, before_hash, after_hash, note, previous, hash from audit
            where site = $1 and number > $2 order by number limit $3";
}

/// What happened, for the trail.
pub(super) struct Event<'a> {
    pub by: &'a UserName,
    pub what: &'a str,
    pub noun: &'a str,
    pub id: &'a str,
    pub before: Option<Sha256>,
    pub after: Option<Sha256>,
    pub note: &'a str,
}

impl<'a> Event<'a> {
    /// Of which no content is compared: the words say all.
    pub fn said(by: &'a UserName, what: &'a str, noun: &'a str, id: &'a str, note: &'a str) -> Event<'a> {
        Event { by, what, noun, id, before: None, after: None, note }
    }
}

impl Store {
    /// The end of a chain, locked until this transaction ends.
    pub(super) async fn lock_head(&self, tx: &mut Tx, chain: &'static str) -> Result<(i64, Sha256), StoreError> {
        let sql = if tx.is_sqlite() { HEAD_SQLITE } else { HEAD_POSTGRES };
        let row = tx
            .first(sql, values![self.site(), chain])
            .await?
            .ok_or_else(|| StoreError::damaged(chain, "its end is missing"))?;
        Ok((row.int(0)?, row.parsed(1, chain)?))
    }

    pub(super) async fn move_head(
        &self,
        tx: &mut Tx,
        chain: &'static str,
        number: i64,
        hash: Sha256,
    ) -> Result<(), StoreError> {
        tx.run(MOVE_HEAD, values![self.site(), chain, number, hash]).await?;
        Ok(())
    }

    /// Adds a row. Called last in a transaction: the trail's end stays locked until the commit.
    pub(super) async fn record(&self, tx: &mut Tx, event: Event<'_>) -> Result<(), StoreError> {
        let (last, previous) = self.lock_head(tx, "audit").await?;
        let mut row = AuditRow {
            number: last + 1,
            at: self.now(),
            by: event.by.clone(),
            what: event.what.to_string(),
            noun: event.noun.to_string(),
            id: event.id.to_string(),
            before: event.before,
            after: event.after,
            note: event.note.to_string(),
            previous,
            hash: previous,
        };
        row.hash = row.covered();
        self.move_head(tx, "audit", row.number, row.hash).await?;
        let hash = row.hash;
        tx.run(
            ADD,
            values![
                self.site(),
                row.number,
                row.at,
                &row.by,
                row.what,
                row.noun,
                row.id,
                row.before,
                row.after,
                row.note,
                previous,
                hash
            ],
        )
        .await?;
        Ok(())
    }

    /// Rows with a number above `after`, in order, at most `limit`.
    pub async fn audit(&self, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let mut tx = self.db().read().await?;
        self.audit_page(&mut tx, after, limit).await
    }

    pub(super) async fn audit_page(&self, tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        tx.rows(PAGE, values![self.site(), after, limit]).await?.iter().map(AuditRow::of).collect()
    }
}
