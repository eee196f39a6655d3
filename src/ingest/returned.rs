//! What a bank sends back, as a file: the returned items and the corrections of an ACH file. A file whose order or totals do
//! not hold is refused whole; an unknown reason concerns its item alone.

use crate::domain::{ChangeNotice, ReturnItem};
use crate::formats::fault::Fault;
use crate::formats::nacha;

use super::IntakeError;

#[derive(Clone, PartialEq, Debug, Default)]
pub struct CameBack {
    pub items: Vec<ReturnItem>,
    pub changes: Vec<ChangeNotice>,
    /// What is odd and does not stop anything; entries that are neither.
    pub problems: Vec<Fault>,
}

/// The returns and notifications of change of an ACH file.
pub fn ach_returns(bytes: &[u8]) -> Result<CameBack, IntakeError> {
    let file = nacha::returns(&mut &*bytes).map_err(|fault| IntakeError::Refused(vec![fault]))?;
    if let Some(fault) = file.refusal() {
        return Err(IntakeError::Refused(vec![fault.clone()]));
    }
    let mut problems: Vec<Fault> = file.faults.list().to_vec();
    if file.others > 0 {
        let message =
            format!("{} entries are neither returned nor corrected; take them with `remit ingest`", file.others);
        problems.push(Fault::warning("left-out", message));
    }
    let (items, nothing): (Vec<ReturnItem>, Vec<ReturnItem>) =
        file.returns.into_iter().partition(|item| item.amount.is_positive());
    if !nothing.is_empty() {
        let message = format!("{} returned entries have no amount (prenotes): nothing to take back", nothing.len());
        problems.push(Fault::warning("left-out", message));
    }
    if items.is_empty() && file.changes.is_empty() {
        return Err(IntakeError::Empty);
    }
    Ok(CameBack { items, changes: file.changes, problems })
}
