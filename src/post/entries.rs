//! (being filled)
use super::Chart;
use crate::balance::BalancedBatch;
use crate::domain::{Deposit, EntryDraft, MoneyError};

/// One entry per ready transaction, in their order: debits by item (1020 checks, 1010 cash, 1030 where the bank has them
/// already), credits by application. Memos carry no account number.
pub fn entries(batch: &BalancedBatch, chart: &Chart) -> Result<Vec<EntryDraft>, MoneyError> {
    let _ = (batch, chart);
    unimplemented!()
}

/// The entry of a deposit: debit 1030 once, credit 1020 by item.
pub fn deposit_entry(deposit: &Deposit, chart: &Chart) -> Result<EntryDraft, MoneyError> {
    let _ = (deposit, chart);
    unimplemented!()
}
