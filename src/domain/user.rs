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
    /// Capture, key and match: takes work in, keys, decides exceptions, balances.
    Operator,
    /// Key, match, approve and release: approves what somebody else balanced, posts, releases deposits.
    Approver,
    /// Users, layouts, rules, keys. May not touch money.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
    /// Takes counter payments.
    Cashier,
    /// Takes work in.
    Capture,
    /// Keys what could not be read.
    Key,
    /// Decides what a payment pays, holds, balances.
    Match,
    /// Approves what somebody else balanced, and posts it.
    Approve,
    /// Releases deposits to the bank and takes its answers.
    Release,
}

impl Role {
    pub const ALL: [Role; 10] = [
        Role::Operator,
        Role::Approver,
        Role::Admin,
        Role::Auditor,
        Role::Cashier,
        Role::Capture,
        Role::Key,
        Role::Match,
        Role::Approve,
        Role::Release,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Approver => "approver",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
            Role::Cashier => "cashier",
            Role::Capture => "capture",
            Role::Key => "key",
            Role::Match => "match",
            Role::Approve => "approve",
            Role::Release => "release",
        }
    }

    /// Does this role hold that right? `operator` and `approver` are groups; an administrator has no right over money.
    pub fn includes(self, right: Role) -> bool {
        use Role::*;
        self == right
            || match self {
                Operator => matches!(right, Capture | Key | Match),
                Approver => matches!(right, Key | Match | Approve | Release),
                Admin | Auditor | Cashier | Capture | Key | Match | Approve | Release => false,
            }
    }

    /// The rights of which one is needed for a move that settles an exception.
    pub fn for_move(name: &str) -> Role {
        if name.starts_with("key-") { Role::Key } else { Role::Match }
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

impl User {
    /// Is this person active and has one of these rights?
    pub fn may(&self, rights: &[Role]) -> bool {
        !self.disabled && rights.iter().any(|right| self.roles.iter().any(|role| role.includes(*right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_their_rights_and_an_administrator_none_over_money() {
        for (role, rights) in [
            (Role::Operator, "operator capture key match"),
            (Role::Approver, "approver key match approve release"),
            (Role::Admin, "admin"),
            (Role::Auditor, "auditor"),
            (Role::Cashier, "cashier"),
            (Role::Release, "release"),
        ] {
            let held: Vec<&str> = Role::ALL.into_iter().filter(|r| role.includes(*r)).map(Role::as_str).collect();
            assert_eq!(held.join(" "), rights, "{role:?}");
        }
        let gone = User { name: UserName("a".into()), roles: Role::ALL.to_vec(), disabled: true };
        assert!(!gone.may(&Role::ALL));
    }
}
