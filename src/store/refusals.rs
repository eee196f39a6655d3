//! Source files as they came, and those that were refused: nothing that somebody sent is lost, and a refused file says why,
//! by whom and when, with its bytes beside. The same file again adds nothing.

use super::audit::Event;
use super::db::{Bulk, Kind, begins, sql, values};
use super::*;
use crate::domain::Sha256;

/// A file, or one batch of a file, that was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Of the file's bytes and the batch in it.
    pub id: Sha256,
    /// Of the file's bytes, under which they are kept.
    pub sha256: Sha256,
    /// The file's name, with the batch where only that was refused.
    pub name: String,
    pub size: u64,
    pub at: String,
    pub by: String,
    /// Each with its place in the file.
    pub why: Vec<String>,
}

sql! {
    KEPT = "select hash from kept_files where site = $1 and sha256 = $2 order by place";
    ADD_REFUSAL = "insert into refusals (site, id, sha256, name, size, at, by_user, sealed)
                   values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (site, id) do nothing";
    REFUSALS = "select id, sha256, name, size, at, by_user, sealed from refusals where site = $1 order by at, id";
    REFUSAL = "select id, sha256, name, size, at, by_user, sealed from refusals where site = $1 and id = $2";
    REFUSAL_LIKE = concat!("select id, sha256, name, size, at, by_user, sealed from refusals
                    where site = $1 and ", begins!("id"), " limit 2");
}

const ADD_PIECES: Bulk = Bulk {
    table: "kept_files",
    columns: &[
        ("site", Kind::Text),
        ("sha256", Kind::Text),
        ("place", Kind::Int),
        ("hash", Kind::Text),
        ("size", Kind::Int),
        ("came_at", Kind::Text),
    ],
    tail: "on conflict (site, sha256, place) do nothing",
};

impl Store {
    /// Says of which pieces a file is made, each of which is in the object store.
    pub async fn keep_file(&self, sha256: Sha256, pieces: &[(Sha256, usize)]) -> Result<(), StoreError> {
        let now = self.now();
        let row = |(place, (hash, size)): (i64, &(Sha256, usize))| {
            values![self.site(), sha256, place, *hash, *size as i64, &now]
        };
        let rows: Vec<_> = (1..).zip(pieces).map(row).collect();
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.insert(&ADD_PIECES, rows.clone()).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// The pieces of a kept file in their order; none where it is not kept.
    pub async fn kept_file(&self, sha256: Sha256) -> Result<Vec<Sha256>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(KEPT, values![self.site(), sha256]).await?;
        rows.iter().map(|row| row.parsed(0, "kept file")).collect()
    }

    /// Notes a refusal, once. Its bytes are kept before.
    pub async fn refuse(&self, refusal: &Refusal, by: &UserName) -> Result<Done, StoreError> {
        let id = refusal.id.to_string();
        let sealed = self.keys().seal_json(&["refusals", "sealed", &id], &refusal.why)?;
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let (name, size) = (&refusal.name, refusal.size as i64);
                let added = tx
                    .run(
                        ADD_REFUSAL,
                        values![self.site(), &id, refusal.sha256, name, size, self.now(), by, sealed.clone()],
                    )
                    .await?;
                if added == 0 {
                    return Ok(Done::Already);
                }
                let after = Some(refusal.sha256);
                let event = Event { by, what: "refuse", noun: "file", id: &id, before: None, after, note: name };
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    /// In the order in which they came.
    pub async fn refusals(&self) -> Result<Vec<Refusal>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(REFUSALS, values![self.site()]).await?;
        rows.iter().map(|row| self.refusal_of(row)).collect()
    }

    /// By id or unique beginning of one.
    pub async fn refusal(&self, id: &str) -> Result<Refusal, StoreError> {
        let mut tx = self.db().read().await?;
        let row = self.find(&mut tx, "refused file", id, [REFUSAL, REFUSAL_LIKE]).await?;
        self.refusal_of(&row)
    }

    fn refusal_of(&self, row: &Row) -> Result<Refusal, StoreError> {
        let id = row.text(0)?;
        let why = self.keys().open_json(&["refusals", "sealed", &id], &row.bytes(6)?)?;
        Ok(Refusal {
            id: row.parsed(0, "refusal")?,
            sha256: row.parsed(1, "refusal")?,
            name: row.text(2)?,
            size: row.int(3)? as u64,
            at: row.text(4)?,
            by: row.text(5)?,
            why,
        })
    }
}
