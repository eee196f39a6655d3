//! The settings that people change at the desk: rules of matching, banks, retention, stub layouts, who may do what, and new ways
//! in for people and programs. One person proposes, another confirms; what is confirmed lies over the site's `remit.toml` from then on, here and in every
//! command. A text that the program does not understand is refused before anybody is asked.

use std::sync::Arc;

use super::{Office, OfficeError, Result};
use crate::config::{Config, DEFAULTS};
use crate::domain::{Role, Sha256, UserName};
use crate::store::SettingChange;

/// The parts of the configuration that are changed so, by their names in the file.
pub const PARTS: [&str; 3] = ["matching", "bank", "retention"];
/// A person's roles: `name: role, role`.
pub const USER: &str = "user";
/// A new way in for somebody who has one: their name.
pub const INVITE: &str = "invite";
/// A program's token: `name: what for`.
pub const TOKEN: &str = "token";
/// The site's stub layouts.
pub const LAYOUTS: &str = "layouts";

impl Office {
    /// The same office with the settings that are in force now.
    pub async fn renewed(&self) -> Result<Office> {
        let kept = self.store.settled_settings().await?;
        if !kept.iter().any(|(part, _)| PARTS.contains(&part.as_str())) {
            return Ok(self.clone());
        }
        let mut site = (*self.site).clone();
        let laid = Config::laid(&site.own, &kept)?;
        (site.config.matching, site.config.bank, site.config.retention) = (laid.matching, laid.bank, laid.retention);
        Ok(Office { site: Arc::new(site), ..self.clone() })
    }

    /// The text of a part as it is in force, as somebody would write it in `remit.toml`: what differs from the manual.
    pub async fn setting_text(&self, part: &str) -> Result<String> {
        let kept = self.store.settled_settings().await?;
        if let Some((_, text)) = kept.into_iter().find(|(p, _)| p == part) {
            return Ok(text);
        }
        let own: toml::Table = toml::from_str(&self.site.own).unwrap_or_default();
        let one = own.get(part).map(|value| toml::Table::from_iter([(part.to_string(), value.clone())]));
        Ok(one.map(|table| table.to_string()).unwrap_or_default())
    }

    /// The configuration as it would be with another text for one part.
    pub async fn config_with(&self, part: &str, text: &str) -> Result<Config> {
        let mut kept = self.store.settled_settings().await?;
        kept.retain(|(p, _)| p != part);
        kept.push((part.to_string(), text.to_string()));
        Config::laid(&self.site.own, &kept)
    }

    /// Proposes another text for a part, when the program understands it and it holds nothing else.
    pub async fn propose_setting(&self, part: &str, text: &str, by: &UserName) -> Result<i64> {
        if PARTS.contains(&part) {
            let own: toml::Table = toml::from_str(text)
                .map_err(|e| OfficeError::input("config", e.to_string(), None, "nothing was changed"))?;
            if let Some(other) = own.keys().find(|key| *key != part) {
                let message = format!("'{other}' does not belong to '{part}'");
                return Err(OfficeError::input("config", message, None, "nothing was changed"));
            }
            self.config_with(part, text).await?;
        }
        Ok(self.store.propose_setting(part, text, by).await?)
    }

    /// Confirms what another person proposed; from now on it counts. What is shown once (an invitation, a token) comes with it.
    pub async fn confirm_setting(&self, number: i64, by: &UserName) -> Result<(Office, Option<String>)> {
        let all = self.store.setting_changes().await?;
        let change = all.into_iter().find(|c| c.number == number && c.ended_by.is_none());
        let change = change.ok_or_else(|| {
            OfficeError::refused("ended", "this change has ended already", "look at how the settings stand now")
        })?;
        if PARTS.contains(&change.part.as_str()) {
            // It was sound when it was proposed; the program or the rest of the settings may have changed since.
            self.config_with(&change.part, &change.text).await?;
        }
        self.store.end_setting(number, true, by).await.map_err(super::settle::not_allowed)?;
        if let Some((name, roles)) = user_of(&change) {
            self.store.add_user(&name, &roles, &change.by).await.map_err(super::settle::not_allowed)?;
        }
        let shown = match change.part.as_str() {
            INVITE => Some(self.invite(&UserName(change.text.clone()), &change.by).await?),
            TOKEN => Some(self.give_token(&change.text, &change.by).await?),
            LAYOUTS => {
                self.store.save_layout(LAYOUTS, &change.text, &change.by).await?;
                None
            }
            _ => None,
        };
        Ok((self.renewed().await?, shown))
    }

    /// Is there another person who could confirm, beside the one whom it is about? Without one the first administrator sets
    /// the site up alone. Who is locked or disabled counts: nobody becomes alone by shutting the others out.
    pub async fn somebody_confirms(&self, by: &UserName, about: &UserName) -> Result<bool> {
        for user in self.store.users().await? {
            let may = user.roles.iter().any(|r| r.includes(Role::Admin) || r.includes(Role::Approve));
            if user.name != *by && user.name != *about && may {
                let signs_in = self.store.credential(&user.name).await?;
                if signs_in.is_some_and(|c| c.second_factor) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// A token for a program that works as a person: `name: what for`. Only its hash is kept.
    pub async fn give_token(&self, text: &str, by: &UserName) -> Result<String> {
        let (name, label) = text.split_once(": ").unwrap_or((text, ""));
        let name = UserName(name.to_string());
        if self.store.user(&name).await?.is_none_or(|u| u.disabled) || label.is_empty() {
            let message = "a token is for a person who is here, and says what it is for";
            return Err(OfficeError::input("token", message, None, "nothing was changed"));
        }
        let mut random = [0u8; 32];
        getrandom::fill(&mut random)
            .map_err(|e| OfficeError::Disk { path: "random bytes".into(), cause: e.to_string() })?;
        let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
        let hash = Sha256::of(token.as_bytes());
        let id = format!("k{}", &hash.to_string()[..12]);
        self.store.add_token(&id, hash, &name, label, by).await?;
        Ok(token)
    }
}

/// The person and roles of a proposal about a user.
pub fn user_of(change: &SettingChange) -> Option<(UserName, Vec<Role>)> {
    let (name, roles) = change.text.split_once(':').filter(|_| change.part == USER)?;
    Some((UserName(name.trim().to_string()), roles.split(',').filter_map(|r| Role::parse(r.trim())).collect()))
}

/// What the manual says of a part, with its comments.
pub fn manual(part: &str) -> String {
    let starts = |line: &str| line.starts_with(&format!("[{part}")) || line.starts_with(&format!("[[{part}"));
    let heads = |line: &str| line.starts_with('[');
    let mut out: Vec<&str> = Vec::new();
    let mut waiting: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in DEFAULTS.lines() {
        if heads(line) {
            inside = starts(line);
        } else if line.starts_with('#') || line.is_empty() {
            // A comment belongs to what comes after it.
            waiting.push(line);
            continue;
        }
        if inside {
            out.append(&mut waiting);
            out.push(line);
        }
        waiting.clear();
    }
    out.join("\n").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_of_a_part_is_that_part() {
        for part in PARTS {
            let text = manual(part);
            let table: toml::Table = toml::from_str(&text).unwrap();
            assert_eq!(table.keys().collect::<Vec<_>>(), [part], "{text}");
            assert!(text.contains('#'));
        }
    }

    /// Each row: the site's own text, what was confirmed, the years that count.
    #[test]
    fn what_was_confirmed_lies_over_the_sites_own_text() {
        for (own, kept, want) in [
            ("", "", 7),
            ("[retention]\nimages_years = 9\n", "", 9),
            ("[retention]\nimages_years = 9\n", "[retention]\nimages_years = 11\n", 11),
        ] {
            let kept: Vec<(String, String)> = match kept {
                "" => Vec::new(),
                text => vec![("retention".to_string(), text.to_string())],
            };
            assert_eq!(Config::laid(own, &kept).unwrap().retention.images_years, want);
        }
        assert!(Config::laid("", &[("retention".into(), "[retention]\nimages_yaers = 1\n".into())]).is_err());
    }
}
