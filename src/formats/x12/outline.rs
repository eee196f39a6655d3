//! What `remit inspect` says of an 820 or 823.

use std::collections::BTreeMap;
use std::io::Read;

use super::segment::Segments;
use super::{SetKind, scan};
use crate::formats::fault::Fault;
use crate::formats::inspection::{Format, Inspection, RecordView};

pub fn inspect(source: &mut dyn Read) -> Result<Inspection, Fault> {
    let summary = scan(source, &mut |_| {})?;
    let format = match summary.kind {
        Some(SetKind::Lockbox823) => Format::X12Lockbox,
        _ => Format::X12Advice,
    };
    let mut told = Inspection::new(format, summary.version.clone(), "ascii");
    told.counts = BTreeMap::from([
        ("records", summary.segments),
        ("segments", summary.segments),
        ("groups", summary.groups),
        ("transactions", summary.sets),
        ("items", summary.payments),
        ("payments", summary.payments),
        ("remittances", summary.lines),
        ("adjustments", summary.adjustments),
    ]);
    if format == Format::X12Lockbox {
        told.counts.insert("deposits", summary.deposits);
        told.counts.insert("batches", summary.batches);
    }
    told.totals = BTreeMap::from([
        ("total", summary.total),
        ("remittance", summary.line_total),
        ("adjustment", summary.adjustment_total),
    ]);
    Ok(told.with_faults(summary.faults))
}

fn name(id: &str) -> &'static str {
    match id {
        "ISA" => "InterchangeHeader",
        "GS" => "GroupHeader",
        "ST" => "SetHeader",
        "BPR" => "Payment",
        "TRN" => "Trace",
        "CUR" => "Currency",
        "REF" => "Reference",
        "DTM" => "Date",
        "N1" => "Name",
        "ENT" => "Entity",
        "RMR" => "RemittanceLine",
        "ADX" => "Adjustment",
        "DEP" => "Deposit",
        "BAT" => "Batch",
        "AMT" => "Amount",
        "QTY" => "Quantity",
        "SE" => "SetTrailer",
        "GE" => "GroupTrailer",
        "IEA" => "InterchangeTrailer",
        _ => "Segment",
    }
}

/// Elements by their numbers in the standard: `BPR02`.
pub fn records(source: &mut dyn Read, each: &mut dyn FnMut(RecordView)) {
    let Ok(mut segments) = Segments::new(source) else { return };
    while let Ok(Some(segment)) = segments.take() {
        let id = segment.id().to_string();
        let field = |(n, value): (usize, &String)| (format!("{id}{n:02}"), value.clone().into());
        let fields = segment.elements.iter().enumerate().skip(1).filter(|(_, v)| !v.is_empty()).map(field).collect();
        let name = name(&id).into();
        each(RecordView { record: segment.number, offset: segment.offset, kind: id, name, fields });
    }
}
