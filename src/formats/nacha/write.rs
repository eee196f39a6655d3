//! Writing a Nacha file: headers and entries as given, controls, hashes and blocks computed. What does not fit its columns is
//! an error and never cut; the same values give the same bytes.

use super::records::{BatchControl, BatchHeader, FileControl, FileHeader, WIDTH};
use super::rules::Totals;
use crate::domain::Cents;
use crate::formats::fault::FormatError;
use crate::formats::record::number_of;

/// An entry and its addenda as columns, made by the records' own `to_bytes`.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingEntry {
    pub entry: Vec<u8>,
    pub addenda: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingBatch {
    pub header: BatchHeader,
    pub entries: Vec<OutgoingEntry>,
}

fn overflow(record: &'static str) -> FormatError {
    FormatError::whole(record, "a sum that is too large", "twelve digits of cents")
}

/// Lines of 94 columns, each ended by a line feed, filled with nines to blocks of ten. Not for advices (ADV), whose totals
/// are wider.
pub fn write(header: &FileHeader, batches: &[OutgoingBatch]) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    let mut records = 0u64;
    let mut line = |out: &mut Vec<u8>, text: &[u8]| {
        debug_assert_eq!(text.len(), WIDTH, "a record has 94 columns");
        out.extend_from_slice(text);
        out.push(b'\n');
        records += 1;
    };
    line(&mut out, &header.to_bytes());
    let mut all = Totals::default();
    for batch in batches {
        line(&mut out, &batch.header.to_bytes());
        let mut totals = Totals::default();
        for entry in &batch.entries {
            let wrong = |what: &str| FormatError::whole("6", what, "an entry of 94 columns with bank, code and amount");
            let text: &[u8; WIDTH] = entry.entry.as_slice().try_into().map_err(|_| wrong("another width"))?;
            let direction = super::records::direction(&text[1..3]).ok_or_else(|| wrong("another code"))?;
            let number = |columns: &[u8]| number_of(columns).ok().flatten();
            let (Some(rdfi), Some(amount)) = (number(&text[3..11]), number(&text[29..39])) else {
                return Err(wrong("no bank or no amount"));
            };
            let amount = Cents::new(i64::try_from(amount).map_err(|_| overflow("6"))?);
            totals.entry(rdfi, amount, direction.debit).map_err(|_| overflow("8"))?;
            line(&mut out, text);
            for addenda in &entry.addenda {
                if addenda.len() != WIDTH {
                    return Err(FormatError::whole("7", format!("{} columns", addenda.len()), "94 columns"));
                }
                totals.addenda += 1;
                line(&mut out, addenda);
            }
        }
        let control = BatchControl::BLANK
            .service_class_code(&batch.header.service_class_code.text())?
            .entry_addenda_count(totals.count())?
            .entry_hash(totals.hash())?
            .total_debit(totals.debit)?
            .total_credit(totals.credit)?
            .company_identification(&batch.header.company_identification.text())?
            .odfi_identification(&batch.header.odfi_identification.text())?;
        let control = BatchControl { batch_number: batch.header.batch_number, ..control };
        line(&mut out, &control.to_bytes());
        all.batch(&totals).map_err(|_| overflow("9"))?;
    }
    let blocks = (records + 1).div_ceil(10);
    let control = FileControl::BLANK
        .batch_count(batches.len() as u64)?
        .block_count(blocks)?
        .entry_addenda_count(all.count())?
        .entry_hash(all.hash())?
        .total_debit(all.debit)?
        .total_credit(all.credit)?;
    out.extend_from_slice(&control.to_bytes());
    out.push(b'\n');
    for _ in records + 1..blocks * 10 {
        out.extend_from_slice(&[b'9'; WIDTH]);
        out.push(b'\n');
    }
    Ok(out)
}
