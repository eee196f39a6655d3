//! How people come in: passwords (argon2id texts, made elsewhere), second factors, recovery codes, invitations, sessions,
//! and the tokens of programs. Of every secret only a hash is kept, or a sealed value; each use of a one-time thing is a
//! compare-and-set, so that two requests at once cannot both have it.

use super::audit::Event;
use super::db::{Row, Tx, sql, values};
use super::*;
use crate::domain::{Role, Sha256, User};

/// What is kept of a person's way in.
#[derive(Clone, Debug)]
pub struct Credential {
    pub name: UserName,
    /// PHC text, `$argon2id$..`.
    pub password: String,
    pub second_factor: bool,
    /// Wrong tries since the last right one.
    pub failures: u32,
    /// Seconds of the epoch before which no try counts.
    pub wait_until: i64,
    pub locked: bool,
}

/// A live session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Of the token that only the browser has.
    pub hash: Sha256,
    pub user: User,
    pub started: i64,
    pub seen: i64,
    /// When a fresh second factor was last given; 0 never.
    pub proved: i64,
}

/// A program's token, as lists show it.
#[derive(Clone, Debug)]
pub struct Token {
    pub id: String,
    pub name: UserName,
    pub label: String,
    pub created_at: String,
}

/// Idle and absolute limits, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    pub idle: i64,
    pub absolute: i64,
}

sql! {
    CREDENTIAL = "select name, password, second_factor, failures, wait_until, locked, last_step from credentials
        where site = $1 and name = $2";
    ANY_CREDENTIAL = "select count(*) from credentials where site = $1";
    SAVE_PASSWORD = "insert into credentials (site, name, password, second_factor, last_step, failures, wait_until, locked)
        values ($1, $2, $3, null, 0, 0, 0, $4)
        on conflict (site, name) do update set password = excluded.password, failures = 0, wait_until = 0, locked = $4";
    REHASHED = "update credentials set password = $4 where site = $1 and name = $2 and password = $3";
    SAVE_FACTOR = "update credentials set second_factor = $3, last_step = $4 where site = $1 and name = $2";
    USE_STEP = "update credentials set last_step = $3 where site = $1 and name = $2 and last_step < $3";
    FAILED = "update credentials set failures = failures + 1, wait_until = $3, locked = $4 where site = $1 and name = $2";
    SUCCEEDED = "update credentials set failures = 0, wait_until = 0 where site = $1 and name = $2 and failures > 0";
    UNLOCK = "update credentials set failures = 0, wait_until = 0, locked = $3 where site = $1 and name = $2";
    DROP_CREDENTIAL = "delete from credentials where site = $1 and name = $2";
    DROP_CODES = "delete from recovery_codes where site = $1 and name = $2";
    ADD_CODE = "insert into recovery_codes (site, name, hash, used) values ($1, $2, $3, $4)";
    USE_CODE = "update recovery_codes set used = $4 where site = $1 and name = $2 and hash = $3 and used = $5";
    CODES_LEFT = "select count(*) from recovery_codes where site = $1 and name = $2 and used = $3";
    INVITE = "insert into invitations (site, hash, name, until_second) values ($1, $2, $3, $4)";
    END_INVITATIONS = "delete from invitations where site = $1 and name = $2";
    TAKE_INVITATION = "delete from invitations where site = $1 and hash = $2 and until_second > $3 returning name";
    INVITED = "select name from invitations where site = $1 and hash = $2 and until_second > $3";
    OPEN_SESSION = "insert into sessions (site, hash, name, roles, started, seen, proved)
        values ($1, $2, $3, $4, $5, $5, $6)";
    SESSION = "select s.hash, u.name, u.roles, u.disabled, s.started, s.seen, s.proved, s.roles from sessions s
        join users u on u.site = s.site and u.name = s.name where s.site = $1 and s.hash = $2";
    SEEN = "update sessions set seen = $3 where site = $1 and hash = $2";
    PROVED = "update sessions set proved = $3 where site = $1 and hash = $2";
    END_SESSION = "delete from sessions where site = $1 and hash = $2";
    END_SESSIONS_OF = "delete from sessions where site = $1 and name = $2";
    END_OLD_SESSIONS = "delete from sessions where site = $1 and (seen < $2 or started < $3)";
    ADD_TOKEN = "insert into tokens (site, id, hash, name, label, created_at, ended) values ($1, $2, $3, $4, $5, $6, $7)";
    TOKEN = "select u.name, u.roles, u.disabled from tokens t join users u on u.site = t.site and u.name = t.name
        where t.site = $1 and t.hash = $2 and t.ended = $3";
    TOKENS = "select id, name, label, created_at from tokens where site = $1 and ended = $2";
    END_TOKEN = "update tokens set ended = $3 where site = $1 and id = $2";
    ANSWER = "select request, status, body from answers where site = $1 and name = $2 and request_key = $3";
    ADD_ANSWER = "insert into answers (site, name, request_key, request, status, body, at_second)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (site, name, request_key) do nothing";
    DROP_OLD_ANSWERS = "delete from answers where site = $1 and at_second < $2";
    PREFERENCE = "select value from preferences where site = $1 and name = $2";
    SAVE_PREFERENCE = "insert into preferences (site, name, value) values ($1, $2, $3)
        on conflict (site, name) do update set value = excluded.value";
}

fn user_of(row: &Row, first: usize) -> Result<User, StoreError> {
    let name = row.text(first)?;
    let roles = row.text(first + 1)?;
    let roles = roles.split(',').filter(|r| !r.is_empty()).filter_map(Role::parse).collect();
    Ok(User { name: UserName(name), roles, disabled: row.flag(first + 2)? })
}

impl Store {
    pub async fn credential(&self, name: &UserName) -> Result<Option<Credential>, StoreError> {
        let mut tx = self.db().read().await?;
        let Some(row) = tx.first(CREDENTIAL, values![self.site(), name]).await? else { return Ok(None) };
        Ok(Some(Credential {
            name: UserName(row.text(0)?),
            password: row.text(1)?,
            second_factor: row.bytes_or_null(2)?.is_some(),
            failures: row.count(3)?,
            wait_until: row.int(4)?,
            locked: row.flag(5)?,
        }))
    }

    /// Has anybody a password yet? Without one the site waits for its first administrator.
    pub async fn anybody_can_sign_in(&self) -> Result<bool, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(tx.number(ANY_CREDENTIAL, values![self.site()]).await? > 0)
    }

    async fn note(
        &self,
        tx: &mut Tx,
        by: &UserName,
        what: &str,
        name: &UserName,
        note: &str,
    ) -> Result<(), StoreError> {
        let event = Event::said(by, what, "user", &name.0, note);
        self.record(tx, event).await
    }

    /// Writes a line about a person into the audit trail: signed in, was refused, gave a second factor.
    pub async fn note_user(&self, by: &UserName, what: &str, name: &UserName, note: &str) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.note(&mut tx, by, what, name, note).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// A person's word about a payment, for whoever looks at it later; it changes nothing of it.
    pub async fn note_transaction(&self, id: &TransactionId, by: &UserName, text: &str) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Key, Role::Match]).await?;
                let id = id.as_str();
                let event = Event { by, what: "note", noun: "transaction", id, before: None, after: None, note: text };
                self.record(&mut tx, event).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// A password anew; every session of the person ends. The second factor stays.
    pub async fn save_password(&self, name: &UserName, phc: &str, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.put_password(&mut tx, name, phc, by).await?;
                tx.commit().await
            })
        })
        .await
    }

    async fn put_password(&self, tx: &mut Tx, name: &UserName, phc: &str, by: &UserName) -> Result<(), StoreError> {
        tx.run(SAVE_PASSWORD, values![self.site(), name, phc, false]).await?;
        tx.run(END_SESSIONS_OF, values![self.site(), name]).await?;
        self.note(tx, by, "set-password", name, "").await
    }

    /// The same password under today's parameters.
    pub async fn rehash(&self, name: &UserName, old: &str, new: &str) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(REHASHED, values![self.site(), name, old, new]).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// One use of an invitation: the invited person's password is set.
    pub async fn redeem(&self, token: Sha256, phc: &str, now: i64) -> Result<Option<UserName>, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let Some(row) = tx.first(TAKE_INVITATION, values![self.site(), token, now]).await? else {
                    return Ok(None);
                };
                let name = UserName(row.text(0)?);
                self.put_password(&mut tx, &name, phc, &name).await?;
                tx.commit().await?;
                Ok(Some(name))
            })
        })
        .await
    }

    /// Whom an invitation is for, without using it.
    pub async fn invited(&self, token: Sha256, now: i64) -> Result<Option<UserName>, StoreError> {
        let mut tx = self.db().read().await?;
        let row = tx.first(INVITED, values![self.site(), token, now]).await?;
        row.map(|r| r.text(0).map(UserName)).transpose()
    }

    /// A new way in for a person, once: what they had (password, second factor, codes, sessions) ends now.
    pub async fn invite(&self, name: &UserName, token: Sha256, until: i64, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                for text in [DROP_CREDENTIAL, DROP_CODES, END_INVITATIONS, END_SESSIONS_OF] {
                    tx.run(text, values![self.site(), name]).await?;
                }
                tx.run(INVITE, values![self.site(), token, name, until]).await?;
                self.note(&mut tx, by, "invite", name, "").await?;
                tx.commit().await
            })
        })
        .await
    }

    /// The secret of a person's second factor.
    pub async fn second_factor(&self, name: &UserName) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tx = self.db().read().await?;
        let Some(row) = tx.first(CREDENTIAL, values![self.site(), name]).await? else { return Ok(None) };
        row.bytes_or_null(2)?.map(|s| self.keys().open(&["credentials", "second_factor", &name.0], &s)).transpose()
    }

    /// A second factor with its first used time step and the hashes of its recovery codes.
    pub async fn save_second_factor(
        &self,
        name: &UserName,
        secret: &[u8],
        step: i64,
        codes: &[Sha256],
    ) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let sealed = self.keys().seal(&["credentials", "second_factor", &name.0], secret)?;
                tx.run(SAVE_FACTOR, values![self.site(), name, sealed, step]).await?;
                tx.run(DROP_CODES, values![self.site(), name]).await?;
                for code in codes {
                    tx.run(ADD_CODE, values![self.site(), name, *code, false]).await?;
                }
                self.note(&mut tx, name, "set-second-factor", name, "").await?;
                tx.commit().await
            })
        })
        .await
    }

    /// Takes a time step of the second factor, once: false when it or a later one was used.
    pub async fn use_step(&self, name: &UserName, step: i64) -> Result<bool, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let used = tx.run(USE_STEP, values![self.site(), name, step]).await? == 1;
                tx.commit().await?;
                Ok(used)
            })
        })
        .await
    }

    /// Takes a recovery code, once.
    pub async fn use_recovery_code(&self, name: &UserName, code: Sha256) -> Result<bool, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let used = tx.run(USE_CODE, values![self.site(), name, code, true, false]).await? == 1;
                if used {
                    self.note(&mut tx, name, "used-recovery-code", name, "").await?;
                }
                tx.commit().await?;
                Ok(used)
            })
        })
        .await
    }

    pub async fn recovery_codes_left(&self, name: &UserName) -> Result<i64, StoreError> {
        let mut tx = self.db().read().await?;
        tx.number(CODES_LEFT, values![self.site(), name, false]).await
    }

    /// A wrong try: when the next one counts, and whether the account is locked from now on.
    pub async fn sign_in_failed(&self, name: &UserName, wait_until: i64, locked: bool) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(FAILED, values![self.site(), name, wait_until, locked]).await?;
                self.note(&mut tx, name, if locked { "locked" } else { "sign-in-refused" }, name, "").await?;
                tx.commit().await
            })
        })
        .await
    }

    pub async fn unlock(&self, name: &UserName, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(UNLOCK, values![self.site(), name, false]).await?;
                self.note(&mut tx, by, "unlock", name, "").await?;
                tx.commit().await
            })
        })
        .await
    }

    /// Begins a session; wrong tries are forgotten.
    pub async fn open_session(&self, user: &User, hash: Sha256, now: i64, proved: bool) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(SUCCEEDED, values![self.site(), &user.name]).await?;
                let roles: Vec<&str> = user.roles.iter().map(|r| r.as_str()).collect();
                let proved = if proved { now } else { 0 };
                tx.run(OPEN_SESSION, values![self.site(), hash, &user.name, roles.join(","), now, proved]).await?;
                self.note(&mut tx, &user.name, "sign-in", &user.name, "").await?;
                tx.commit().await
            })
        })
        .await
    }

    /// The session of a token's hash, when it is within its limits, its person is active and their roles are those that it
    /// began with. `seen` is moved on at most every half minute.
    pub async fn session(&self, hash: Sha256, now: i64, limits: SessionLimits) -> Result<Option<Session>, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().read().await?;
                let Some(row) = tx.first(SESSION, values![self.site(), hash]).await? else { return Ok(None) };
                drop(tx);
                let user = user_of(&row, 1)?;
                let session = Session { hash, started: row.int(4)?, seen: row.int(5)?, proved: row.int(6)?, user };
                let stale = now - session.seen > limits.idle || now - session.started > limits.absolute;
                if stale || session.user.disabled || row.text(2)? != row.text(7)? {
                    self.end_session(hash).await?;
                    return Ok(None);
                }
                if now - session.seen >= 30 {
                    let mut tx = self.db().write().await?;
                    tx.run(SEEN, values![self.site(), hash, now]).await?;
                    tx.commit().await?;
                }
                Ok(Some(session))
            })
        })
        .await
    }

    /// A fresh second factor was given in this session.
    pub async fn session_proved(&self, hash: Sha256, now: i64) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(PROVED, values![self.site(), hash, now]).await?;
                tx.commit().await
            })
        })
        .await
    }

    pub async fn end_session(&self, hash: Sha256) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(END_SESSION, values![self.site(), hash]).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// Sweeps out sessions and answers that no one can use any more.
    pub async fn sweep(&self, now: i64, limits: SessionLimits) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(END_OLD_SESSIONS, values![self.site(), now - limits.idle, now - limits.absolute]).await?;
                tx.run(DROP_OLD_ANSWERS, values![self.site(), now - 86_400]).await?;
                tx.commit().await
            })
        })
        .await
    }

    pub async fn add_token(
        &self,
        id: &str,
        hash: Sha256,
        name: &UserName,
        label: &str,
        by: &UserName,
    ) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let now = self.now();
                tx.run(ADD_TOKEN, values![self.site(), id, hash, name, label, now, false]).await?;
                self.note(&mut tx, by, "add-token", name, id).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// Whose token it is.
    pub async fn token_user(&self, hash: Sha256) -> Result<Option<User>, StoreError> {
        let mut tx = self.db().read().await?;
        let row = tx.first(TOKEN, values![self.site(), hash, false]).await?;
        Ok(row.map(|r| user_of(&r, 0)).transpose()?.filter(|u| !u.disabled))
    }

    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(TOKENS, values![self.site(), false]).await?;
        rows.iter()
            .map(|r| {
                Ok(Token { id: r.text(0)?, name: UserName(r.text(1)?), label: r.text(2)?, created_at: r.text(3)? })
            })
            .collect()
    }

    pub async fn end_token(&self, id: &str, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(END_TOKEN, values![self.site(), id, true]).await?;
                self.note(&mut tx, by, "end-token", by, id).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// What was answered to this key before: the hash of the request, the status and the body.
    pub async fn answer(&self, name: &UserName, key: &str) -> Result<Option<(Sha256, u16, String)>, StoreError> {
        let mut tx = self.db().read().await?;
        let Some(row) = tx.first(ANSWER, values![self.site(), name, key]).await? else { return Ok(None) };
        let status = u16::try_from(row.int(1)?).map_err(|e| StoreError::damaged("an answer", e))?;
        Ok(Some((row.parsed(0, "an answer")?, status, row.text(2)?)))
    }

    pub async fn save_answer(
        &self,
        name: &UserName,
        key: &str,
        request: Sha256,
        status: u16,
        body: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(ADD_ANSWER, values![self.site(), name, key, request, i64::from(status), body, now]).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// A person's own settings of the desk (keys, theme), as they gave them.
    pub async fn preference(&self, name: &UserName) -> Result<Option<String>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.first(PREFERENCE, values![self.site(), name]).await?.map(|r| r.text(0)).transpose()
    }

    pub async fn save_preference(&self, name: &UserName, value: &str) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(SAVE_PREFERENCE, values![self.site(), name, value]).await?;
                tx.commit().await
            })
        })
        .await
    }
}
