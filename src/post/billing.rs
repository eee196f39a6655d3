//! (being filled)
use crate::balance::BalancedBatch;
use crate::domain::MoneyError;

/// The posting file for the billing system: a line per application, then a control line with count, amount and the
/// SHA-256 of the lines before it. It holds full account numbers: it goes to the billing system and nowhere else.
pub fn billing_csv(batch: &BalancedBatch) -> Result<String, MoneyError> {
    let _ = batch;
    unimplemented!()
}
