//! Who works on a payment just now: a lease of one person, with an end and a fence number that grows with each new holder,
//! so that what an earlier holder sends late is refused. And the first of two keyings of a large amount.

use super::db::{Tx, sql, values};
use super::*;
use crate::domain::{ExceptionId, Sha256};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    pub subject: String,
    pub holder: UserName,
    pub fence: i64,
    /// Seconds of the epoch.
    pub until: i64,
}

/// The answer to a wish for a lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leased {
    Yours(Lease),
    /// Somebody else has it.
    Taken(Lease),
}

sql! {
    LEASE = "select subject, holder, fence, until_second, session from leases where site = $1 and subject = $2";
    LEASES = "select subject, holder, fence, until_second, session from leases where site = $1 and until_second > $2";
    /// Takes it when it is free, has ended, or is this person's own; another session of theirs gets a new fence.
    TAKE = "insert into leases (site, subject, holder, session, fence, until_second) values ($1, $2, $3, $4, 1, $5)
        on conflict (site, subject) do update set
            fence = case when leases.session = excluded.session and leases.until_second > $6 then leases.fence
                         else leases.fence + 1 end,
            holder = excluded.holder, session = excluded.session, until_second = excluded.until_second
        where leases.until_second <= $6 or leases.holder = excluded.holder";
    RELEASE = "update leases set until_second = 0 where site = $1 and subject = $2 and session = $3";
    FIRST_KEY = "select name, sealed from first_keys where site = $1 and exception = $2";
    FIRST_KEYED_BY = "select exception from first_keys where site = $1 and name = $2";
    SAVE_FIRST_KEY = "insert into first_keys (site, exception, name, sealed) values ($1, $2, $3, $4)
        on conflict (site, exception) do update set name = excluded.name, sealed = excluded.sealed";
    DROP_FIRST_KEY = "delete from first_keys where site = $1 and exception = $2";
}

fn lease_of(row: &db::Row) -> Result<Lease, StoreError> {
    Ok(Lease { subject: row.text(0)?, holder: UserName(row.text(1)?), fence: row.int(2)?, until: row.int(3)? })
}

impl Store {
    /// Takes or renews the lease on a subject (a transaction's id).
    pub async fn lease(
        &self,
        subject: &str,
        holder: &UserName,
        session: Sha256,
        now: i64,
        seconds: i64,
    ) -> Result<Leased, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(TAKE, values![self.site(), subject, holder, session, now + seconds, now]).await?;
                let (lease, of) =
                    self.find_lease(&mut tx, subject).await?.ok_or_else(|| StoreError::not_found("lease", subject))?;
                tx.commit().await?;
                Ok(if lease.holder == *holder && of == session.to_string() {
                    Leased::Yours(lease)
                } else {
                    Leased::Taken(lease)
                })
            })
        })
        .await
    }

    async fn find_lease(&self, tx: &mut Tx, subject: &str) -> Result<Option<(Lease, String)>, StoreError> {
        let row = tx.first(LEASE, values![self.site(), subject]).await?;
        row.map(|r| Ok((lease_of(&r)?, r.text(4)?))).transpose()
    }

    /// The exceptions whose amount this person keyed first and that wait for somebody else.
    pub async fn first_keyed_by(&self, name: &UserName) -> Result<Vec<ExceptionId>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(FIRST_KEYED_BY, values![self.site(), name]).await?.iter().map(|r| r.parsed(0, "exception")).collect()
    }

    /// Somebody else's live lease on a subject, or a fence that has passed on: `Conflict`. Without a fence the person only
    /// must not be in another's way.
    pub async fn may_work(
        &self,
        subject: &str,
        holder: &UserName,
        fence: Option<i64>,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db().read().await?;
        let Some((lease, _)) = self.find_lease(&mut tx, subject).await? else { return Ok(()) };
        let theirs = lease.holder != *holder && lease.until > now;
        if theirs || fence.is_some_and(|f| f != lease.fence) {
            let who = if theirs { lease.holder.0 } else { "another window".into() };
            return Err(StoreError::Conflict { what: format!("{subject} (it is with {who} now)") });
        }
        Ok(())
    }

    /// Every live lease.
    pub async fn leases(&self, now: i64) -> Result<Vec<Lease>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(LEASES, values![self.site(), now]).await?.iter().map(lease_of).collect()
    }

    /// Gives a lease back.
    pub async fn release(&self, subject: &str, session: Sha256) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(RELEASE, values![self.site(), subject, session]).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// The first keying of an exception's amount: who, and what they keyed.
    pub async fn first_key(&self, exception: &ExceptionId) -> Result<Option<(UserName, String)>, StoreError> {
        let mut tx = self.db().read().await?;
        let Some(row) = tx.first(FIRST_KEY, values![self.site(), exception]).await? else { return Ok(None) };
        let text = self.keys().open(&["first_keys", "sealed", exception.as_str()], &row.bytes(1)?)?;
        let text = String::from_utf8(text).map_err(|e| StoreError::damaged("a first keying", e))?;
        Ok(Some((UserName(row.text(0)?), text)))
    }

    /// Keeps the first keying, or takes it away.
    pub async fn save_first_key(
        &self,
        exception: &ExceptionId,
        keyed: Option<(&UserName, &str)>,
    ) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                match keyed {
                    Some((name, text)) => {
                        let sealed =
                            self.keys().seal(&["first_keys", "sealed", exception.as_str()], text.as_bytes())?;
                        tx.run(SAVE_FIRST_KEY, values![self.site(), exception, name, sealed]).await?;
                    }
                    None => {
                        tx.run(DROP_FIRST_KEY, values![self.site(), exception]).await?;
                    }
                }
                tx.commit().await
            })
        })
        .await
    }
}
