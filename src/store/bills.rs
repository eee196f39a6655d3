//! Open bills and known payers as the billing system gives them. Bank accounts are kept sealed and found by keyed index.

use super::*;
use crate::domain::{AccountNumber, BankAccount, Bill, Biller, Day, KnownPayer};

/// What an import did; `closed` counts only with a complete file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct ImportReport {
    pub added: u64,
    pub changed: u64,
    pub closed: u64,
    pub unchanged: u64,
}

impl Store {
    /// Takes a bill file in one transaction. `date` is the business date of the file. `full`: the file is the complete
    /// list, so open bills that it does not name are closed; refused when that would close more than half, unless
    /// `force`. What posted batches have applied (`paid`) stays while a bill's amounts stay, and starts again at zero
    /// when the billing system sends new amounts.
    pub async fn import_bills(
        &self,
        bills: &[Bill],
        date: Day,
        full: bool,
        force: bool,
        by: &UserName,
    ) -> Result<ImportReport, StoreError> {
        let _ = (bills, date, full, force, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// All bills (open and closed) of these accounts, ordered by account, due date and number. Biller `None`: of any.
    pub async fn bills_for(&self, accounts: &[(Option<Biller>, AccountNumber)]) -> Result<Vec<Bill>, StoreError> {
        let _ = accounts;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Bills by invoice number or bill number, as a stub or remittance line names them.
    pub async fn bills_for_invoices(&self, invoices: &[String]) -> Result<Vec<Bill>, StoreError> {
        let _ = invoices;
        Err(StoreError::Unsupported("being built".into()))
    }

    /// The business date of the newest bill file; `None` before the first.
    pub async fn bills_file_date(&self) -> Result<Option<Day>, StoreError> {
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Adds known payers; `added` and `unchanged` are filled.
    pub async fn import_payers(&self, payers: &[KnownPayer], by: &UserName) -> Result<ImportReport, StoreError> {
        let _ = (payers, by);
        Err(StoreError::Unsupported("being built".into()))
    }

    /// Who is known to pay from these bank accounts: (routing digits, account). One bank account may pay for several.
    pub async fn payers_of(&self, accounts: &[(String, BankAccount)]) -> Result<Vec<KnownPayer>, StoreError> {
        let _ = accounts;
        Err(StoreError::Unsupported("being built".into()))
    }
}
