//! How people come to the desk: the first administrator by the one-time token of `init`, everybody else by an invitation
//! that is good once and for a week. What a password must be and how it is hashed is the web room's; here is only who may.

use crate::domain::{Role, Sha256, UserName};
use crate::pipeline::{Office, OfficeError, Result, SETUP_TOKEN};

/// Seconds that an invitation is good for.
const INVITATION: i64 = 7 * 86_400;

/// Why somebody could not come in; the same words whether the name exists or not.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error("this token is not good (any more)")]
    Token,
    #[error(transparent)]
    Office(#[from] OfficeError),
}

impl From<crate::store::StoreError> for DoorError {
    fn from(error: crate::store::StoreError) -> Self {
        DoorError::Office(error.into())
    }
}

/// A name and the PHC text of a password.
#[derive(Debug)]
pub struct NewPerson {
    pub name: UserName,
    pub password: String,
}

/// A user's name has 1 to 64 letters, digits or `. _ - @`.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c))
}

impl Office {
    /// Does the site wait for its first administrator?
    pub async fn waits_for_set_up(&self) -> Result<bool> {
        let token = self.store.setting(SETUP_TOKEN).await?.unwrap_or_default();
        Ok(!token.is_empty() && !self.store.anybody_can_sign_in().await?)
    }

    /// Is this the set-up token, not used yet?
    pub async fn is_set_up_token(&self, token: &str) -> Result<bool> {
        let kept = self.store.setting(SETUP_TOKEN).await?.unwrap_or_default();
        Ok(!kept.is_empty() && kept == Sha256::of(token.trim().as_bytes()).to_string())
    }

    /// The first administrator; the token is good once.
    pub async fn set_up(&self, token: &str, person: &NewPerson) -> std::result::Result<(), DoorError> {
        if !self.waits_for_set_up().await? || !self.is_set_up_token(token).await? {
            return Err(DoorError::Token);
        }
        self.store.save_setting(SETUP_TOKEN, "", &person.name).await?;
        self.store.add_user(&person.name, &[Role::Admin], &person.name).await?;
        self.store.save_password(&person.name, &person.password, &person.name).await?;
        Ok(())
    }

    /// A new way in for a person, good once: a token to hand over. What they had before ends.
    pub async fn invite(&self, name: &UserName, by: &UserName) -> Result<String> {
        if self.store.user(name).await?.is_none() {
            return Err(OfficeError::refused("no-user", format!("there is no user '{name}'"), "add the person first"));
        }
        let mut random = [0u8; 16];
        getrandom::fill(&mut random)
            .map_err(|e| OfficeError::Disk { path: "random bytes".into(), cause: e.to_string() })?;
        let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
        let until = self.clock.seconds() + INVITATION;
        self.store.invite(name, Sha256::of(token.as_bytes()), until, by).await?;
        Ok(token)
    }

    /// Whom an invitation is for.
    pub async fn invited(&self, token: &str) -> Result<Option<UserName>> {
        Ok(self.store.invited(Sha256::of(token.trim().as_bytes()), self.clock.seconds()).await?)
    }

    /// Uses an invitation: from now on the person signs in with this password (a PHC text).
    pub async fn redeem(&self, token: &str, password: &str) -> std::result::Result<UserName, DoorError> {
        let hash = Sha256::of(token.trim().as_bytes());
        self.store.redeem(hash, password, self.clock.seconds()).await?.ok_or(DoorError::Token)
    }
}
