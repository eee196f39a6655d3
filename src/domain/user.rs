//! People and what they may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name a person signs decisions with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(transparent)]
pub struct UserName(pub String);

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes work in, keys, decides exceptions, balances.
    Operator,
    /// Approves what somebody else balanced, posts, releases deposits.
    Approver,
    /// Users, layouts, rules, keys. May not touch money.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
    /// Takes counter payments.
    Cashier,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Operator, Role::Approver, Role::Admin, Role::Auditor, Role::Cashier];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Approver => "approver",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
            Role::Cashier => "cashier",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct User {
    pub name: UserName,
    pub roles: Vec<Role>,
    pub disabled: bool,
}
