//! (being filled)
use super::{Group, Piece};

/// Envelopes of a batch, from its pieces in capture order. Every document is in exactly one group.
pub fn group(pieces: &[Piece<'_>]) -> Vec<Group> {
    let _ = pieces;
    unimplemented!()
}
