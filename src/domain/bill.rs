//! Open bills and the accounts they belong to, as the billing system's file gives them; and known payers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::{AccountNumber, BankAccount, Biller};
use super::day::Day;
use super::money::Cents;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AccountStatus {
    Active,
    Disconnected,
    CutoffPending,
    Arrangement,
    CashOnly,
    Closed,
    WrittenOff,
    Bankruptcy,
}

impl AccountStatus {
    pub const ALL: [AccountStatus; 8] = [
        AccountStatus::Active,
        AccountStatus::Disconnected,
        AccountStatus::CutoffPending,
        AccountStatus::Arrangement,
        AccountStatus::CashOnly,
        AccountStatus::Closed,
        AccountStatus::WrittenOff,
        AccountStatus::Bankruptcy,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            AccountStatus::Active => "active",
            AccountStatus::Disconnected => "disconnected",
            AccountStatus::CutoffPending => "cutoff-pending",
            AccountStatus::Arrangement => "arrangement",
            AccountStatus::CashOnly => "cash-only",
            AccountStatus::Closed => "closed",
            AccountStatus::WrittenOff => "written-off",
            AccountStatus::Bankruptcy => "bankruptcy",
        }
    }

    pub fn parse(text: &str) -> Option<AccountStatus> {
        AccountStatus::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AccountFlag {
    Medical,
    /// Opted out of check conversion (ARC).
    NoArc,
}

/// An open item of the billing system.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Bill {
    pub biller: Biller,
    /// The bill's number, unique within the biller.
    pub bill: String,
    pub account: AccountNumber,
    pub name: String,
    pub address: String,
    pub city: String,
    pub state: String,
    pub zip: String,
    pub amount_due: Cents,
    pub current: Option<Cents>,
    pub past_due: Option<Cents>,
    /// Gross amount after the due date.
    pub late_amount: Option<Cents>,
    pub budget_amount: Option<Cents>,
    pub instalment: Option<Cents>,
    pub due_date: Option<Day>,
    pub invoice: String,
    pub status: AccountStatus,
    pub flags: Vec<AccountFlag>,
    pub service: Option<String>,
    /// Columns of the file that are not ours, kept as they are.
    pub extra: BTreeMap<String, String>,
    /// False once a complete bill file no longer lists it.
    pub open: bool,
    /// What posted batches have already applied to it.
    pub paid: Cents,
}

/// A bank account that is known to pay for a customer's account.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct KnownPayer {
    /// Digits as given; Canadian transit numbers have no check digit.
    pub routing: String,
    pub bank_account: BankAccount,
    pub biller: Biller,
    pub account: AccountNumber,
}
