//! Nacha (ACH) files: every entry class at record level; converted checks (ARC, BOC, POP, RCK), PPD, CCD and CTX with their
//! payment text, returns (addenda 99, dishonored and contested too) and notifications of change understood. Streaming: memory
//! does not grow with the file. Refused is nothing that can be read; what breaks a rule is a fault with its place. Where readers
//! differ: a batch described REVERSAL may go the other way than its class; a blank individual name is no fault.

mod come_back;
mod frames;
pub mod outline;
mod read;
pub mod records;
pub mod rules;
mod write;

pub use come_back::{ReturnFile, returns};
pub use frames::{Cut, looks_like};
pub use read::{Batch, Entry, Event, Line, Summary, scan};
pub use write::{OutgoingBatch, OutgoingEntry, write};

/// Hands out every record with its number, offset, name and columns, as the file goes by.
pub fn each_record(
    source: &mut dyn std::io::Read,
    each: &mut dyn FnMut(&Line, &'static str, &'static [crate::formats::record::Column]),
) -> Result<(), crate::formats::fault::Fault> {
    let mut frames = frames::Frames::new(source)?;
    let mut unheard = crate::formats::fault::Faults::default();
    let mut family = records::Family::default();
    while let Some(frame) = frames.next(&mut unheard)? {
        let text = frames.text;
        if text[0] == b'5' {
            family = records::entry_class(&text[50..53]).map_or(records::Family::Plain, |c| c.family);
        }
        let line = Line { number: frame.number, offset: frame.offset, text };
        let filler = text.iter().all(|b| *b == b'9');
        let found = if filler { Some(("Filler", &[][..])) } else { records::layout_of(&text, family) };
        let (name, columns) = found.unwrap_or(("Unknown", &[]));
        each(&line, name, columns);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
