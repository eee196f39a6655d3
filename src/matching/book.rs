//! What matching needs of the bill file and the payer file, and which of it the shell must load for a batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{AccountNumber, BankAccount, Bill, Biller, KnownPayer};
use crate::grouping::Evidence;

/// What to load before grouping and matching a batch: everything that may turn out to be paid.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    /// Accounts as read and their repair candidates (swapped neighbours, one digit other) where a check digit failed.
    /// Any biller: a scanline that is valid for one biller may be a bill of another.
    pub accounts: BTreeSet<AccountNumber>,
    pub invoices: BTreeSet<String>,
    pub bills: BTreeSet<String>,
    /// Bank accounts to look up among the known payers: routing (digits only) and bank account.
    pub payers: BTreeSet<(String, BankAccount)>,
}

/// The open bills and known payers that a batch may touch. A second `load` adds the bills of the payers' accounts.
#[derive(Clone, Debug, Default)]
pub struct BillBook {
    bills: Vec<Bill>,
    payers: Vec<KnownPayer>,
    by_account: BTreeMap<AccountNumber, Vec<usize>>,
}

/// Which accounts, invoices and payers the shell must load for these documents.
pub fn wanted(evidence: &[Evidence]) -> Wanted {
    let _ = evidence;
    unimplemented!()
}

impl BillBook {
    /// `bills`: open or not, of every account in `Wanted::accounts`, of the bills and invoices it names, and of the
    /// accounts of `payers`. `payers`: every known payer row of the bank accounts in `Wanted::payers`.
    pub fn new(bills: Vec<Bill>, payers: Vec<KnownPayer>) -> Self {
        let mut by_account: BTreeMap<AccountNumber, Vec<usize>> = BTreeMap::new();
        for (i, bill) in bills.iter().enumerate() {
            by_account.entry(bill.account.clone()).or_default().push(i);
        }
        BillBook { bills, payers, by_account }
    }

    pub fn bills_of<'a>(
        &'a self,
        biller: Option<&'a Biller>,
        account: &AccountNumber,
    ) -> impl Iterator<Item = &'a Bill> {
        self.by_account
            .get(account)
            .into_iter()
            .flatten()
            .map(|&i| &self.bills[i])
            .filter(move |b| biller.is_none_or(|x| *x == b.biller))
    }

    pub fn bills(&self) -> &[Bill] {
        &self.bills
    }

    /// The accounts that this bank account is known to pay for.
    pub fn paid_by(&self, routing: &str, bank_account: &BankAccount) -> Vec<(Biller, AccountNumber)> {
        let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
        let mut out: Vec<_> = self
            .payers
            .iter()
            .filter(|p| digits(&p.routing) == digits(routing) && p.bank_account.key() == bank_account.key())
            .map(|p| (p.biller.clone(), p.account.clone()))
            .collect();
        out.sort();
        out.dedup();
        out
    }
}
