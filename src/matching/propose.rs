//! (being filled)
use super::{BatchDraft, BillBook, Draft, Policy, Proposal};
use crate::domain::Day;

/// One transaction's proposal. `day` is the business date, by which late amounts are expected.
pub fn propose(draft: &Draft<'_>, book: &BillBook, policy: &Policy, day: Day) -> Proposal {
    let _ = (draft, book, policy, day);
    unimplemented!()
}

/// All transactions of a batch in order: finds checks and stubs that repeat earlier ones of the batch or of the site,
/// then proposes each.
pub fn propose_batch(draft: &BatchDraft<'_>, book: &BillBook, policy: &Policy, day: Day) -> Vec<Proposal> {
    let _ = (draft, book, policy, day);
    unimplemented!()
}
