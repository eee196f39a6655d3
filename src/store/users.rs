//! People, stub layouts and settings of the site.

use super::*;
use crate::domain::{Role, User};

/// A stub layout file as imported: its text, by name, newest version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutText {
    pub name: String,
    /// From 1; an import with other text makes the next.
    pub version: i64,
    pub toml: String,
}

impl Store {
    /// Adds a person, or gives one more roles. Says whether anything changed.
    pub async fn add_user(&self, name: &UserName, roles: &[Role], by: &UserName) -> Result<bool, StoreError> {
        let _ = (name, roles, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    pub async fn disable_user(&self, name: &UserName, by: &UserName) -> Result<bool, StoreError> {
        let _ = (name, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    pub async fn user(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        let _ = name;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// By name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Keeps a layout file's text under a name; the same text again changes nothing. Returns the version.
    pub async fn save_layout(&self, name: &str, toml: &str, by: &UserName) -> Result<i64, StoreError> {
        let _ = (name, toml, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The newest version of each, by name.
    pub async fn layouts(&self) -> Result<Vec<LayoutText>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let _ = name;
        Err(StoreError::Unsupported("being built".into()))
    }

    pub async fn save_setting(&self, name: &str, value: &str, by: &UserName) -> Result<(), StoreError> {
        let _ = (name, value, by);
        Err(StoreError::Unsupported("being built".into()))
    }
}
