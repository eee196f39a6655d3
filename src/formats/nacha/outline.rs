//! What `remit inspect` says of a Nacha file: counts and totals recomputed from its entries, every field by its name.

use std::collections::BTreeMap;
use std::io::Read;

use super::{Cut, each_record, scan};
use crate::formats::fault::Fault;
use crate::formats::inspection::{Format, Inspection, RecordView};
use crate::formats::record::{text_of, trimmed};

pub fn inspect(source: &mut dyn Read) -> Result<Inspection, Fault> {
    let mut classes: BTreeMap<String, u64> = BTreeMap::new();
    let summary = scan(source, &mut |event| {
        if let super::Event::Batch(batch) = event
            && classes.len() < 100
        {
            *classes.entry(batch.entry_class()).or_default() += 1;
        }
    })?;
    let names: Vec<String> = classes.into_iter().map(|(class, n)| format!("{class}:{n}")).collect();
    let mut told = Inspection::new(Format::Nacha, names.join(" "), "ascii");
    told.layout = Some(match summary.cut {
        Cut::Lines => "lines",
        Cut::Blocks => "blocks of 94",
    });
    told.counts = BTreeMap::from([
        ("records", summary.records),
        ("batches", summary.batches),
        ("items", summary.totals.entries),
        ("entries", summary.totals.entries),
        ("addenda", summary.totals.addenda),
        ("debits", summary.debits),
        ("credits", summary.credits),
        ("returns", summary.returns),
        ("changes", summary.changes),
    ]);
    for (name, count) in [("dishonored", summary.dishonored), ("contested", summary.contested)] {
        if count > 0 {
            told.counts.insert(name, count);
        }
    }
    told.totals = BTreeMap::from([("debit", summary.totals.debit), ("credit", summary.totals.credit)]);
    if let Ok(total) = summary.totals.debit.plus(summary.totals.credit) {
        told.totals.insert("total", total);
    }
    Ok(told.with_faults(summary.faults))
}

pub fn records(source: &mut dyn Read, each: &mut dyn FnMut(RecordView)) {
    // A file that cannot be read to its end shows what stands before.
    let _ = each_record(source, &mut |line, name, columns| {
        let kind = if line.text[0] == b'7' { &line.text[..3] } else { &line.text[..1] };
        let field =
            |c: &crate::formats::record::Column| (c.name.to_string(), text_of(trimmed(c.of(&line.text))).into());
        each(RecordView {
            record: line.number,
            offset: line.offset,
            kind: text_of(kind),
            name: name.into(),
            fields: columns.iter().map(field).collect(),
        });
    });
}
