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

/// What a bill is for; each kind has its place in the posting order and its ledger account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum BillKind {
    /// The service itself: electricity, water, gas, ..
    Energy,
    /// A security deposit: it is owed back one day.
    Deposit,
    ReturnedCheckFee,
    ReconnectFee,
    /// An instalment of an arrangement, billed by itself.
    Instalment,
    Donation,
    /// Other services: propane, a yard light, an insurance.
    Other,
}

impl BillKind {
    pub const ALL: [BillKind; 7] = [
        BillKind::Energy,
        BillKind::Deposit,
        BillKind::ReturnedCheckFee,
        BillKind::ReconnectFee,
        BillKind::Instalment,
        BillKind::Donation,
        BillKind::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            BillKind::Energy => "energy",
            BillKind::Deposit => "deposit",
            BillKind::ReturnedCheckFee => "returned-check-fee",
            BillKind::ReconnectFee => "reconnect-fee",
            BillKind::Instalment => "instalment",
            BillKind::Donation => "donation",
            BillKind::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<BillKind> {
        BillKind::ALL.into_iter().find(|k| k.as_str() == text)
    }
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

/// What the bill file says beyond the columns of every bill; a column that is missing or blank says nothing.
impl Bill {
    fn column(&self, name: &str) -> Option<&str> {
        self.extra.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// Column `kind`, or a `service` that is the name of a kind; energy where neither says.
    pub fn kind(&self) -> BillKind {
        let said = self.column("kind").and_then(BillKind::parse);
        said.or_else(|| self.service.as_deref().and_then(BillKind::parse)).unwrap_or(BillKind::Energy)
    }

    /// Column `old_account`: the numbers that this account had before, divided by blanks or semicolons.
    pub fn old_accounts(&self) -> Vec<AccountNumber> {
        let text = self.column("old_account").unwrap_or("");
        text.split([' ', ';']).filter(|t| !t.is_empty()).map(AccountNumber::new).collect()
    }

    /// May the account pay by no check on this day?
    pub fn is_cash_only(&self, day: Day) -> bool {
        self.status == AccountStatus::CashOnly && self.cash_only_until().is_none_or(|until| until >= day)
    }

    /// Column `final_account`: where the final bill of a closed account stands.
    pub fn final_account(&self) -> Option<AccountNumber> {
        self.column("final_account").map(AccountNumber::new)
    }

    /// Column `agency`: whom a written-off account was placed with.
    pub fn agency(&self) -> Option<&str> {
        self.column("agency")
    }

    /// Column `cash_only_until`: the last day on which the account may not pay by check.
    pub fn cash_only_until(&self) -> Option<Day> {
        self.column("cash_only_until").and_then(|text| text.parse().ok())
    }

    /// Column `instalment_due`: when the instalment of an arrangement is due; the bill's own due date otherwise.
    pub fn instalment_due(&self) -> Option<Day> {
        self.column("instalment_due").and_then(|text| text.parse().ok()).or(self.due_date)
    }

    /// Column `last_paid`: what was paid last time, as the billing system knows it.
    pub fn last_paid(&self) -> Option<Cents> {
        self.column("last_paid").and_then(|text| text.parse().ok())
    }

    /// Column `donation`: what the member pledged to round up or to give with each payment.
    pub fn pledge(&self) -> Option<Pledge> {
        match self.column("donation")? {
            "round-up" => Some(Pledge::RoundUp),
            text => text.parse().ok().filter(|a: &Cents| a.is_positive()).map(Pledge::Amount),
        }
    }
}

/// A gift that comes with the payment of a bill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pledge {
    /// Up to the next whole unit.
    RoundUp,
    Amount(Cents),
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
