//! What a bank sends back, as a file: the returned items and the corrections of an ACH file, the returned checks of a return
//! letter (X9), the returned items of a statement (BAI2). A file whose order or totals do not hold is refused whole; an unknown reason concerns its item alone.

use std::io::Read;

use crate::domain::{ChangeNotice, ReturnItem};
use crate::formats::fault::{Fault, Faults};
use crate::formats::{bai2, nacha, x9};

use super::IntakeError;

#[derive(Clone, PartialEq, Debug, Default)]
pub struct CameBack {
    pub items: Vec<ReturnItem>,
    pub changes: Vec<ChangeNotice>,
    /// What is odd and does not stop anything; entries that are neither.
    pub problems: Vec<Fault>,
}

/// The returns and notifications of change of an ACH file.
pub fn ach_returns(source: &mut dyn Read) -> Result<CameBack, IntakeError> {
    let file = nacha::returns(source).map_err(refused)?;
    file.refusal().map_or(Ok(()), |fault| Err(refused(fault.clone())))?;
    came_back(file.returns, file.changes, &file.faults, file.others)
}

/// The returned checks of the return letters of an X9 file.
pub fn check_returns(source: &mut dyn Read) -> Result<CameBack, IntakeError> {
    let file = x9::returns(source).map_err(refused)?;
    file.refusal().map_or(Ok(()), |fault| Err(refused(fault.clone())))?;
    came_back(file.returns, Vec::new(), &file.faults, file.others)
}

/// The returned items of a BAI2 statement: codes 555 (a deposited item), 557 (an ACH entry) and 561 (a debit of ours). The
/// bank's own reason is looked for in the text; without one the item waits for a person.
pub fn statement_returns(banks: &[bai2::BankTotals], source: &mut dyn Read) -> Result<CameBack, IntakeError> {
    let file = bai2::returns(banks, source).map_err(refused)?;
    file.refusal().map_or(Ok(()), |fault| Err(refused(fault.clone())))?;
    came_back(file.returns, Vec::new(), &file.faults, file.others)
}

fn refused(fault: Fault) -> IntakeError {
    IntakeError::Refused(vec![fault])
}

/// What moves money apart from what does not; `others` are items that did not come back.
fn came_back(
    found: Vec<ReturnItem>,
    changes: Vec<ChangeNotice>,
    faults: &Faults,
    others: u64,
) -> Result<CameBack, IntakeError> {
    let mut problems: Vec<Fault> = faults.list().to_vec();
    if others > 0 {
        let message = format!("{others} entries are neither returned nor corrected; take them with `remit ingest`");
        problems.push(Fault::warning("left-out", message));
    }
    let (items, nothing): (Vec<ReturnItem>, Vec<ReturnItem>) =
        found.into_iter().partition(|item| item.amount.is_positive());
    if !nothing.is_empty() {
        let message = format!("{} returned entries have no amount (prenotes): nothing to take back", nothing.len());
        problems.push(Fault::warning("left-out", message));
    }
    if items.is_empty() && changes.is_empty() {
        return Err(IntakeError::Empty);
    }
    Ok(CameBack { items, changes, problems })
}
