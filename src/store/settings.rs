//! Changes of the site's settings: one person proposes the text of a part, another confirms it, and the newest confirmed
//! text of each part is in force. Nothing is overwritten; who proposed what and who confirmed it stays.

use super::audit::Event;
use super::db::{sql, values};
use super::*;
use crate::domain::{Role, Sha256};

/// A proposed or settled change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingChange {
    /// From 1.
    pub number: i64,
    /// `matching`, `bank`, `retention`, `user`.
    pub part: String,
    pub text: String,
    pub by: UserName,
    pub at: String,
    /// Who confirmed or withdrew it; `None` while it waits.
    pub ended_by: Option<UserName>,
    pub ended_at: Option<String>,
    pub confirmed: bool,
}

sql! {
    CHANGES = "select number, part, sealed, by_user, at, ended_by, ended_at, confirmed from setting_changes
               where site = $1 order by number";
    NEWEST = "select count(*) from setting_changes where site = $1";
    ADD = "insert into setting_changes (site, number, part, sealed, by_user, at, confirmed)
           values ($1, $2, $3, $4, $5, $6, $7)";
    END = "update setting_changes set ended_by = $3, ended_at = $4, confirmed = $5
           where site = $1 and number = $2 and ended_by is null";
}

/// May confirm what another person proposed.
const CONFIRM: &[Role] = &[Role::Admin, Role::Approve];

impl Store {
    /// Every change, oldest first.
    pub async fn setting_changes(&self) -> Result<Vec<SettingChange>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(CHANGES, values![self.site()]).await?;
        rows.iter()
            .map(|r| {
                let number = r.int(0)?;
                let place = ["setting_changes", "sealed", &number.to_string()];
                Ok(SettingChange {
                    number,
                    part: r.text(1)?,
                    text: self.keys().open_json(&place, &r.bytes(2)?)?,
                    by: UserName(r.text(3)?),
                    at: r.text(4)?,
                    ended_by: r.text_or_null(5)?.map(UserName),
                    ended_at: r.text_or_null(6)?,
                    confirmed: r.flag(7)?,
                })
            })
            .collect()
    }

    /// What is in force: the newest confirmed text of each part.
    pub async fn settled_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut newest: std::collections::BTreeMap<String, String> = Default::default();
        newest.extend(self.setting_changes().await?.into_iter().filter(|c| c.confirmed).map(|c| (c.part, c.text)));
        Ok(newest.into_iter().collect())
    }

    /// Writes a proposal down; it counts when another person has confirmed it.
    pub async fn propose_setting(&self, part: &str, text: &str, by: &UserName) -> Result<i64, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Admin]).await?;
                // Nobody else's proposal gets the same number meanwhile.
                self.lock_head(&mut tx, "audit").await?;
                let number = tx.number(NEWEST, values![self.site()]).await? + 1;
                let sealed = self.keys().seal_json(&["setting_changes", "sealed", &number.to_string()], &text)?;
                tx.run(ADD, values![self.site(), number, part, sealed, by, self.now(), false]).await?;
                let (id, after) = (number.to_string(), Some(Sha256::of(text.as_bytes())));
                let event = Event { by, what: "propose", noun: "settings", id: &id, before: None, after, note: part };
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(number)
            })
        })
        .await
    }

    /// Confirms (never the proposer) or withdraws. What has ended stays as it is.
    pub async fn end_setting(&self, number: i64, confirm: bool, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, CONFIRM).await?;
                let all = tx.rows(CHANGES, values![self.site()]).await?;
                let mut found = None;
                for row in &all {
                    if row.int(0)? == number {
                        found = Some((row.text(1)?, UserName(row.text(3)?)));
                    }
                }
                let (part, proposer) = found.ok_or_else(|| StoreError::not_found("change", number))?;
                if confirm && proposer == *by {
                    return Err(StoreError::NotAllowed { user: by.0.clone(), why: "another person confirms it" });
                }
                if tx.run(END, values![self.site(), number, by, self.now(), confirm]).await? == 0 {
                    return Err(StoreError::Conflict { what: "this change (it has ended already)".into() });
                }
                let id = number.to_string();
                let what = if confirm { "confirm" } else { "withdraw" };
                let event = Event::said(by, what, "settings", &id, &part);
                self.record(&mut tx, event).await?;
                tx.commit().await
            })
        })
        .await
    }
}
