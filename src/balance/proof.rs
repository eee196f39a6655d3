//! (being filled)
use super::{BalancedBatch, Imbalance};
use crate::domain::{Batch, Transaction};
use crate::grouping::Evidence;

/// Proves a batch: `evidence` is that of every document of it.
pub fn balance(batch: &Batch, transactions: &[Transaction], evidence: &[Evidence]) -> Result<BalancedBatch, Imbalance> {
    let _ = (batch, transactions, evidence);
    unimplemented!()
}
