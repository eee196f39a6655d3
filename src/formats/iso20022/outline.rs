//! What `remit inspect` says of a camt message: counts and sums of its entries; with `--records` each element that has text.

use std::collections::BTreeMap;
use std::io::Read;

use super::tree::{Node, Tree};
use super::{MessageKind, scan};
use crate::formats::fault::Fault;
use crate::formats::inspection::{Format, Inspection, RecordView};

pub fn inspect(source: &mut dyn Read) -> Result<Inspection, Fault> {
    let mut entries = 0;
    let summary = scan(source, &mut |event| {
        if let super::Event::Entry(..) = event {
            entries += 1;
        }
    })?;
    let format = match summary.kind {
        MessageKind::Report052 => Format::Camt052,
        MessageKind::Statement053 => Format::Camt053,
        MessageKind::Notification054 => Format::Camt054,
        MessageKind::Remittance => Format::Remt001,
    };
    let mut told = Inspection::new(format, summary.version.clone(), "utf-8");
    told.counts = BTreeMap::from([
        ("records", entries),
        ("entries", entries),
        ("items", entries),
        ("statements", summary.statements),
        ("credits", summary.credits),
        ("debits", summary.debits),
        ("reversals", summary.reversals),
        ("transactions", summary.transactions),
        ("references", summary.references),
        ("unstructured", summary.unstructured),
    ]);
    told.totals = BTreeMap::from([("credit", summary.credit), ("debit", summary.debit)]);
    if let Ok(total) = summary.credit.plus(summary.debit) {
        told.totals.insert("total", total);
    }
    Ok(told.with_faults(summary.faults))
}

/// One view per entry, and one for what stands before the first: paths within it and their texts.
pub fn records(source: &mut dyn Read, each: &mut dyn FnMut(RecordView)) {
    let mut tree = Tree::new(source);
    let mut path: Vec<String> = Vec::new();
    let view = |number: u64, offset: u64, kind: &str| RecordView {
        record: number,
        offset,
        kind: kind.into(),
        name: if kind == "Ntry" { "Entry".into() } else { "Header".into() },
        fields: serde_json::Map::new(),
    };
    let (mut number, mut base) = (0, 0);
    let mut current = Some(view(0, 0, "GrpHdr"));
    loop {
        let offset = tree.offset();
        match tree.next() {
            Ok(Node::Open { name, .. }) => {
                if name == "Ntry" {
                    if let Some(done) = current.take().filter(|v| !v.fields.is_empty()) {
                        each(done);
                    }
                    number += 1;
                    base = path.len() + 1;
                    current = Some(view(number, offset, "Ntry"));
                }
                path.push(name);
            }
            Ok(Node::Close { name, text }) => {
                if let (false, Some(now)) = (text.is_empty(), &mut current)
                    && now.fields.len() < 10_000
                {
                    let mut key = path.get(base.min(path.len())..).unwrap_or_default().join("/");
                    let mut again = 1;
                    while now.fields.contains_key(&key) && again < 1000 {
                        again += 1;
                        key = format!("{}#{again}", path.get(base.min(path.len())..).unwrap_or_default().join("/"));
                    }
                    now.fields.insert(key, text.into());
                }
                path.pop();
                if name == "Ntry" {
                    if let Some(done) = current.take() {
                        each(done);
                    }
                    base = 0;
                    current = Some(view(number, offset, "Trailer"));
                }
            }
            Ok(Node::End) | Err(_) => break,
        }
    }
    if let Some(done) = current.filter(|v| !v.fields.is_empty()) {
        each(done);
    }
}
