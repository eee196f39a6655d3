//! (being filled)
use super::Evidence;
use crate::domain::{Decision, Document, Reading};

/// What is known of a document. `readings` are the decoder's (a front first; the back when sides were swapped);
/// `decisions` are all of its transaction's (those of other documents are passed over).
///
/// Trust in amounts: person, record, MICR, station, optical. A check's amount never comes from the stub.
pub fn evidence(document: &Document, readings: &[Reading], decisions: &[Decision]) -> Evidence {
    let _ = (document, readings, decisions);
    unimplemented!()
}
