//! People, stub layouts and settings of the site.

use super::audit::Event;
use super::db::{Tx, sql, values};
use super::*;
use crate::domain::{Role, Sha256, User};

/// A stub layout file as imported: its text, by name, newest version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutText {
    pub name: String,
    /// From 1; an import with other text makes the next.
    pub version: i64,
    pub toml: String,
}

sql! {
    USERS = "select name, roles, disabled from users where site = $1";
    USER = "select name, roles, disabled from users where site = $1 and name = $2";
    END_SESSIONS = "delete from sessions where site = $1 and name = $2";
    SAVE_USER = "insert into users (site, name, roles, disabled) values ($1, $2, $3, $4)
                 on conflict (site, name) do update set roles = excluded.roles, disabled = excluded.disabled";
    LAYOUTS = "select name, version, toml from layouts l where site = $1
               and version = (select max(version) from layouts m where m.site = l.site and m.name = l.name)";
    ADD_LAYOUT = "insert into layouts (site, name, version, toml) values ($1, $2, $3, $4)";
    SETTING = "select value from settings where site = $1 and name = $2";
    SAVE_SETTING = "insert into settings (site, name, value) values ($1, $2, $3)
                    on conflict (site, name) do update set value = excluded.value";
}

fn user_of(row: &db::Row) -> Result<User, StoreError> {
    let name = row.text(0)?;
    let roles = row
        .text(1)?
        .split(',')
        .filter(|r| !r.is_empty())
        .map(|r| Role::parse(r).ok_or_else(|| StoreError::damaged(format!("user {name}"), format!("role '{r}'"))))
        .collect::<Result<_, _>>()?;
    Ok(User { name: UserName(name), roles, disabled: row.flag(2)? })
}

impl Store {
    /// Adds a person, or gives one more roles (and ends a disabling). Says whether anything changed.
    pub async fn add_user(&self, name: &UserName, roles: &[Role], by: &UserName) -> Result<bool, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may_rule(&mut tx, name, by).await?;
                let old = self.find_user(&mut tx, name).await?;
                let mut new =
                    old.clone().unwrap_or_else(|| User { name: name.clone(), roles: Vec::new(), disabled: false });
                new.roles.extend(roles);
                new.roles.sort();
                new.roles.dedup();
                new.disabled = false;
                self.save_user(tx, old, new, "add-user", by).await
            })
        })
        .await
    }

    pub async fn disable_user(&self, name: &UserName, by: &UserName) -> Result<bool, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may_rule(&mut tx, name, by).await?;
                let old = self.find_user(&mut tx, name).await?.ok_or_else(|| StoreError::not_found("user", name))?;
                let new = User { disabled: true, ..old.clone() };
                self.save_user(tx, Some(old), new, "disable-user", by).await
            })
        })
        .await
    }

    async fn save_user(
        &self,
        mut tx: Tx,
        old: Option<User>,
        new: User,
        what: &str,
        by: &UserName,
    ) -> Result<bool, StoreError> {
        if old.as_ref() == Some(&new) {
            return Ok(false);
        }
        let roles: Vec<&str> = new.roles.iter().map(|r| r.as_str()).collect();
        // What they were let in for is no longer so.
        tx.run(END_SESSIONS, values![self.site(), &new.name]).await?;
        tx.run(SAVE_USER, values![self.site(), &new.name, roles.join(","), new.disabled]).await?;
        let (before, after) = (old.as_ref().map(hash_of).transpose()?, Some(hash_of(&new)?));
        let note = roles.join(",");
        self.record(&mut tx, Event { by, what, noun: "user", id: &new.name.0, before, after, note: &note }).await?;
        tx.commit().await?;
        Ok(true)
    }

    pub async fn user(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        let mut tx = self.db().read().await?;
        self.find_user(&mut tx, name).await
    }

    async fn find_user(&self, tx: &mut Tx, name: &UserName) -> Result<Option<User>, StoreError> {
        tx.first(USER, values![self.site(), name]).await?.as_ref().map(user_of).transpose()
    }

    /// Only a person who is known, not disabled and has one of these rights may do it.
    pub(super) async fn may(&self, tx: &mut Tx, name: &UserName, rights: &[Role]) -> Result<(), StoreError> {
        let why = match self.find_user(tx, name).await? {
            Some(user) if user.may(rights) => return Ok(()),
            Some(user) if user.disabled => "this user is disabled",
            Some(_) => "none of this user's roles allows it",
            None => "there is no such user",
        };
        Err(StoreError::NotAllowed { user: name.0.clone(), why })
    }

    /// Nobody changes their own rights; of the site's users only an administrator changes any. (Names that are no user
    /// are the program itself and whoever sets the site up.)
    async fn may_rule(&self, tx: &mut Tx, name: &UserName, by: &UserName) -> Result<(), StoreError> {
        let refused = |why| Err(StoreError::NotAllowed { user: by.0.clone(), why });
        match self.find_user(tx, by).await? {
            Some(_) if by == name => refused("nobody changes their own rights"),
            Some(user) if !user.may(&[Role::Admin]) => refused("only an administrator changes users"),
            _ => Ok(()),
        }
    }

    /// By name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(USERS, values![self.site()]).await?;
        let mut users: Vec<User> = rows.iter().map(user_of).collect::<Result<_, _>>()?;
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(users)
    }

    /// Keeps a layout file's text under a name; the same text again changes nothing. Returns the version.
    pub async fn save_layout(&self, name: &str, toml: &str, by: &UserName) -> Result<i64, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let newest = self.find_layouts(&mut tx).await?.into_iter().find(|l| l.name == name);
                if let Some(same) = newest.as_ref().filter(|l| l.toml == toml) {
                    return Ok(same.version);
                }
                let version = newest.as_ref().map_or(1, |l| l.version + 1);
                tx.run(ADD_LAYOUT, values![self.site(), name, version, toml]).await?;
                let before = newest.map(|l| Sha256::of(l.toml.as_bytes()));
                let after = Some(Sha256::of(toml.as_bytes()));
                let note = format!("version {version}");
                self.record(
                    &mut tx,
                    Event { by, what: "import-layouts", noun: "layouts", id: name, before, after, note: &note },
                )
                .await?;
                tx.commit().await?;
                Ok(version)
            })
        })
        .await
    }

    /// The newest version of each, by name.
    pub async fn layouts(&self) -> Result<Vec<LayoutText>, StoreError> {
        let mut tx = self.db().read().await?;
        self.find_layouts(&mut tx).await
    }

    async fn find_layouts(&self, tx: &mut Tx) -> Result<Vec<LayoutText>, StoreError> {
        let mut layouts = Vec::new();
        for row in tx.rows(LAYOUTS, values![self.site()]).await? {
            layouts.push(LayoutText { name: row.text(0)?, version: row.int(1)?, toml: row.text(2)? });
        }
        layouts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(layouts)
    }

    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.first(SETTING, values![self.site(), name]).await?.map(|row| row.text(0)).transpose()
    }

    pub async fn save_setting(&self, name: &str, value: &str, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let old = tx.first(SETTING, values![self.site(), name]).await?.map(|row| row.text(0)).transpose()?;
                if old.as_deref() == Some(value) {
                    return Ok(());
                }
                tx.run(SAVE_SETTING, values![self.site(), name, value]).await?;
                let before = old.map(|v| Sha256::of(v.as_bytes()));
                let after = Some(Sha256::of(value.as_bytes()));
                self.record(&mut tx, Event { by, what: "set", noun: "setting", id: name, before, after, note: "" })
                    .await?;
                tx.commit().await
            })
        })
        .await
    }
}

/// For the audit: the hash of what a thing is, as JSON.
pub(super) fn hash_of<T: serde::Serialize>(thing: &T) -> Result<Sha256, StoreError> {
    serde_json::to_vec(thing).map(|text| Sha256::of(&text)).map_err(|e| StoreError::damaged("a value for the audit", e))
}
