//! Every reason that needs a person, in one list: the plain sentence, the queue, the harm, the moves that settle it; and
//! what a person's decision does ([`decide`]). Adding a `Reason` stops the build here.

mod decide;
mod reasons;
mod suggest;

pub use decide::{Decided, Effect, FLAGS, MoveError, change, decide, flag, hold};
pub use reasons::{Queue, harm, moves, queue, sentence};
pub use suggest::{Candidate, suggest};

use serde::Serialize;

/// A move of the command line with the fields it takes; a name in brackets, `[bill]`, is optional.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Move {
    pub name: &'static str,
    pub fields: &'static [&'static str],
}
