//! (being filled)
use serde::Serialize;

use super::Move;
use crate::domain::Reason;

/// Who looks at it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// Somebody may be, or is, without service: collections, before anything else.
    Urgent,
    /// Money at risk: duplicates, stops, totals that do not agree.
    Risk,
    /// Accounts that may not be paid the usual way.
    Accounts,
    /// Something must be keyed from the image.
    Keying,
    /// Which bill, and how much of it.
    Matching,
    /// The paper itself.
    Images,
}

/// Which queue a reason stands in.
pub fn queue(reason: Reason) -> Queue {
    let _ = reason;
    unimplemented!()
}

/// The plain sentence for people.
pub fn sentence(reason: Reason) -> &'static str {
    let _ = reason;
    unimplemented!()
}

/// Order of harm: 0 is the worst. A queue is sorted by it, then by money, then by age.
pub fn harm(reason: Reason) -> usize {
    Reason::ALL.iter().position(|r| *r == reason).unwrap_or(usize::MAX)
}

/// The moves that settle a reason, the usual one first.
pub fn moves(reason: Reason) -> Vec<Move> {
    let _ = reason;
    unimplemented!()
}
