//! The chart of accounts: which ledger account takes what. The numbers are configuration; these are the default.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Chart {
    pub cash: String,
    pub undeposited: String,
    pub transit: String,
    pub bank: String,
    pub receivable: String,
    /// Receivables of other services than energy.
    pub other_services: String,
    pub suspense: String,
    pub credits: String,
    /// Security deposits of customers: owed back one day.
    pub deposits: String,
    /// Overpayments that are to be paid back.
    pub refunds: String,
    pub donations: String,
    pub return_fees: String,
    pub recovered: String,
    pub over_short: String,
}

impl Default for Chart {
    fn default() -> Self {
        let n = String::from;
        Chart {
            cash: n("1010"),
            undeposited: n("1020"),
            transit: n("1030"),
            bank: n("1040"),
            receivable: n("1100"),
            other_services: n("1110"),
            suspense: n("2100"),
            credits: n("2110"),
            deposits: n("2120"),
            refunds: n("2130"),
            donations: n("2200"),
            return_fees: n("4100"),
            recovered: n("4110"),
            over_short: n("5100"),
        }
    }
}

impl Chart {
    /// Every account with its name and its class, in order: (number, name, class).
    pub fn accounts(&self) -> [(&str, &'static str, &'static str); 14] {
        [
            (&self.cash, "cash in drawer", "assets"),
            (&self.undeposited, "undeposited checks", "assets"),
            (&self.transit, "deposits in transit", "assets"),
            (&self.bank, "bank", "assets"),
            (&self.receivable, "accounts receivable", "assets"),
            (&self.other_services, "other services receivable", "assets"),
            (&self.suspense, "unapplied payments", "liabilities"),
            (&self.credits, "customer credits", "liabilities"),
            (&self.deposits, "customer deposits", "liabilities"),
            (&self.refunds, "refunds payable", "liabilities"),
            (&self.donations, "donations held", "liabilities"),
            (&self.return_fees, "returned-check fees", "revenues"),
            (&self.recovered, "recovered write-offs", "revenues"),
            (&self.over_short, "over and short", "expenses"),
        ]
    }

    /// The account's name; `unnamed` for a number that the chart does not have.
    pub fn name(&self, number: &str) -> &'static str {
        self.accounts().iter().find(|a| a.0 == number).map_or("unnamed", |a| a.1)
    }
}
