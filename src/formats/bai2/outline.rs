//! What `remit inspect` says of a BAI2 file.

use std::collections::BTreeMap;
use std::io::Read;

use super::{each_record, scan};
use crate::formats::fault::Fault;
use crate::formats::inspection::{Format, Inspection, RecordView};

pub fn inspect(source: &mut dyn Read) -> Result<Inspection, Fault> {
    let summary = scan(source, &mut |_| {})?;
    let mut told = Inspection::new(Format::Bai2, summary.version.clone(), "ascii");
    told.counts = BTreeMap::from([
        ("records", summary.records),
        ("groups", summary.groups),
        ("accounts", summary.accounts),
        ("items", summary.details),
        ("transactions", summary.details),
        ("credits", summary.credits),
        ("debits", summary.debits),
    ]);
    told.totals = BTreeMap::from([("credit", summary.credit), ("debit", summary.debit)]);
    if let Ok(total) = summary.credit.plus(summary.debit) {
        told.totals.insert("total", total);
    }
    Ok(told.with_faults(summary.faults))
}

/// Names of a record's fields in order; the last name goes on.
fn names(code: &str) -> (&'static str, &'static [&'static str]) {
    match code {
        "01" => (
            "FileHeader",
            &["sender", "receiver", "file_date", "file_time", "file_id", "record_length", "block_size", "version"],
        ),
        "02" => (
            "GroupHeader",
            &["receiver", "originator", "status", "as_of_date", "as_of_time", "currency", "as_of_date_modifier"],
        ),
        "03" => ("AccountIdentifier", &["account", "currency"]),
        "16" => ("TransactionDetail", &["type_code", "amount", "funds_type"]),
        "49" => ("AccountTrailer", &["control_total", "record_count"]),
        "88" => ("Continuation", &[]),
        "98" => ("GroupTrailer", &["control_total", "accounts", "record_count"]),
        "99" => ("FileTrailer", &["control_total", "groups", "record_count"]),
        _ => ("Unknown", &[]),
    }
}

pub fn records(source: &mut dyn Read, each: &mut dyn FnMut(RecordView)) {
    let _ = each_record(source, &mut |number, offset, code, body| {
        let (name, fields) = names(code);
        let mut view =
            RecordView { record: number, offset, kind: code.into(), name: name.into(), fields: serde_json::Map::new() };
        if code == "88" {
            view.fields.insert("text".into(), body.into());
        } else {
            let mut rest = body.splitn(fields.len() + 1, ',');
            for field in fields {
                view.fields.insert((*field).into(), rest.next().unwrap_or_default().trim().into());
            }
            let rest = rest.next().unwrap_or_default();
            if !rest.trim().is_empty() {
                let name = if code == "03" { "summaries" } else { "references_and_text" };
                view.fields.insert(name.into(), rest.into());
            }
        }
        each(view);
    });
}
