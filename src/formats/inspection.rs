//! Any supported file told by its content, its counts and totals recomputed from its items, and what is wrong with it: what
//! `remit inspect` prints. Nothing is copied from trailers.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;

use super::bills_csv;
use super::fault::{Fault, Severity};
use super::record::{Column, number_of, text_of, trimmed};
use super::{bai_lockbox, bai2, capture_index, csv_text, iso20022, nacha, x9, x12};
use crate::domain::Cents;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Format {
    #[serde(rename = "x9")]
    X9,
    #[serde(rename = "lockbox-bai")]
    LockboxBai,
    #[serde(rename = "nacha")]
    Nacha,
    #[serde(rename = "bai2")]
    Bai2,
    #[serde(rename = "x12-820")]
    X12Advice,
    #[serde(rename = "x12-823")]
    X12Lockbox,
    #[serde(rename = "camt.052")]
    Camt052,
    #[serde(rename = "camt.053")]
    Camt053,
    #[serde(rename = "camt.054")]
    Camt054,
    #[serde(rename = "remt.001")]
    Remt001,
    #[serde(rename = "capture-index")]
    CaptureIndex,
    #[serde(rename = "csv")]
    Csv,
}

impl Format {
    pub const ALL: [Format; 12] = [
        Format::X9,
        Format::LockboxBai,
        Format::Nacha,
        Format::Bai2,
        Format::X12Advice,
        Format::X12Lockbox,
        Format::Camt052,
        Format::Camt053,
        Format::Camt054,
        Format::Remt001,
        Format::CaptureIndex,
        Format::Csv,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Format::X9 => "x9",
            Format::LockboxBai => "lockbox-bai",
            Format::Nacha => "nacha",
            Format::Bai2 => "bai2",
            Format::X12Advice => "x12-820",
            Format::X12Lockbox => "x12-823",
            Format::Camt052 => "camt.052",
            Format::Camt053 => "camt.053",
            Format::Camt054 => "camt.054",
            Format::Remt001 => "remt.001",
            Format::CaptureIndex => "capture-index",
            Format::Csv => "csv",
        }
    }

    pub fn parse(text: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.as_str() == text)
    }
}

/// The format of a file by the first bytes of it (8 KiB are enough), never by its name.
pub fn sniff(head: &[u8]) -> Option<Format> {
    // A whole file may be given; its beginning tells.
    let head = head.get(..8192).unwrap_or(head);
    if nacha::looks_like(head) {
        return Some(Format::Nacha);
    }
    if bai2::looks_like(head) {
        return Some(Format::Bai2);
    }
    if x12::looks_like(head) {
        return match x12::set_in(head).as_deref() {
            Some("823") => Some(Format::X12Lockbox),
            _ => Some(Format::X12Advice),
        };
    }
    if let Some(message) = iso20022::looks_like(head) {
        return Some(match message {
            iso20022::MessageKind::Report052 => Format::Camt052,
            iso20022::MessageKind::Statement053 => Format::Camt053,
            iso20022::MessageKind::Notification054 => Format::Camt054,
            iso20022::MessageKind::Remittance => Format::Remt001,
        });
    }
    if x9::physical::detect(head).is_some() {
        return Some(Format::X9);
    }
    if bai_lockbox::looks_like(head) {
        return Some(Format::LockboxBai);
    }
    let body = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
    let end = body.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(body.len());
    let first = std::str::from_utf8(body.get(..end)?).ok()?;
    let names: Vec<String> =
        first.split([',', ';', '\t']).map(|n| n.trim().trim_matches('"').to_ascii_lowercase()).collect();
    let has = |name: &str| names.iter().any(|n| n == name);
    if has("front") && (has("seq") || has("back") || has("batch") || has("micr")) {
        return Some(Format::CaptureIndex);
    }
    let wordy = names.len() >= 2
        && names.iter().filter(|n| n.starts_with(|c: char| c.is_alphabetic())).count() * 2 > names.len();
    (wordy && !first.chars().any(char::is_control)).then_some(Format::Csv)
}

/// What a file holds.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    pub format: Format,
    /// Level of the standard, or name of the layout.
    pub version: String,
    pub valid: bool,
    pub encoding: &'static str,
    /// How the records are cut: length words, lines, blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<&'static str>,
    pub counts: BTreeMap<&'static str, u64>,
    pub totals: BTreeMap<&'static str, Cents>,
    pub errors: u64,
    pub warnings: u64,
    /// At most a thousand; `errors` and `warnings` count all.
    pub problems: Vec<Fault>,
}

impl Inspection {
    pub(super) fn new(format: Format, version: impl Into<String>, encoding: &'static str) -> Self {
        Inspection {
            format,
            version: version.into(),
            valid: true,
            encoding,
            layout: None,
            counts: BTreeMap::new(),
            totals: BTreeMap::new(),
            errors: 0,
            warnings: 0,
            problems: Vec::new(),
        }
    }

    fn with(mut self, problems: Vec<Fault>) -> Self {
        self.errors = problems.iter().filter(|f| f.is_error()).count() as u64;
        self.warnings = problems.len() as u64 - self.errors;
        self.problems = problems;
        self.valid = self.errors == 0;
        self
    }

    /// With all faults counted, also those beyond the list's limit.
    pub(super) fn with_faults(self, faults: super::fault::Faults) -> Self {
        let told = self.with(faults.list().to_vec());
        Inspection { errors: faults.errors, warnings: faults.warnings, valid: faults.errors == 0, ..told }
    }

    /// Warnings count as errors.
    pub fn strict(mut self) -> Self {
        self.errors += std::mem::take(&mut self.warnings);
        self.problems.iter_mut().for_each(|f| f.severity = Severity::Error);
        self.valid = self.errors == 0;
        self
    }
}

/// Reads a file of a format. `Err` where it cannot be read as that at all.
pub fn inspect(bytes: &[u8], format: Format) -> Result<Inspection, Fault> {
    inspect_from(&mut &*bytes, format)
}

/// The same from a source of any size: formats of fixed records are read as they come, the others whole.
pub fn inspect_from(source: &mut dyn Read, format: Format) -> Result<Inspection, Fault> {
    match format {
        Format::X9 => x9_file(source),
        Format::LockboxBai => lockbox_file(source),
        Format::Nacha => nacha::outline::inspect(source),
        Format::Bai2 => bai2::outline::inspect(source),
        Format::X12Advice | Format::X12Lockbox => x12::outline::inspect(source),
        Format::Camt052 | Format::Camt053 | Format::Camt054 | Format::Remt001 => iso20022::outline::inspect(source),
        Format::CaptureIndex => Ok(index_file(&whole(source)?)),
        Format::Csv => csv_file(&whole(source)?),
    }
}

/// Files of formats that are not read record by record may be as large.
const MOST_HELD: u64 = 256 << 20;

/// All bytes of a source, for formats that are not read record by record.
fn whole(source: &mut dyn Read) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    source
        .take(MOST_HELD + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Fault::error("file", format!("the file cannot be read on: {e}")).offset(bytes.len() as u64))?;
    match bytes.len() as u64 > MOST_HELD {
        true => Err(Fault::error("limit", "the file is larger than 256 MiB, more than is read of this format")),
        false => Ok(bytes),
    }
}

fn x9_file(source: &mut dyn Read) -> Result<Inspection, Fault> {
    let summary = x9::walk(source, &mut ())?;
    let version = summary.header.map_or_else(String::new, |h| h.standard_level.text());
    let encoding = match summary.physical.encoding {
        x9::Encoding::Ascii => "ascii",
        x9::Encoding::Ebcdic(_) => "ebcdic",
    };
    let mut told = Inspection::new(Format::X9, version, encoding);
    told.layout = Some(summary.physical.layout.as_str());
    told.counts = BTreeMap::from([
        ("records", summary.records),
        ("cash_letters", summary.letters.len() as u64),
        ("bundles", summary.bundles),
        ("items", summary.checks + summary.returns),
        ("checks", summary.checks),
        ("returns", summary.returns),
        ("credits", summary.credits),
        ("images", summary.images),
    ]);
    told.totals = BTreeMap::from([("check", summary.check_total), ("return", summary.return_total)]);
    if let Ok(total) = summary.check_total.plus(summary.return_total) {
        told.totals.insert("total", total);
    }
    if summary.credits > 0 {
        told.totals.insert("credit_total", summary.credit_total);
    }
    let (errors, warnings) = (summary.faults.errors, summary.faults.warnings);
    let told = told.with(summary.faults.list().to_vec());
    Ok(Inspection { errors, warnings, valid: errors == 0, ..told })
}

fn lockbox_file(source: &mut dyn Read) -> Result<Inspection, Fault> {
    let summary = bai_lockbox::walk(source, &mut ())?;
    let encoding = if summary.ebcdic { "ebcdic" } else { "ascii" };
    let mut told = Inspection::new(Format::LockboxBai, summary.profile.name, encoding);
    told.counts = BTreeMap::from([
        ("records", summary.records),
        ("items", summary.checks),
        ("batches", summary.batches),
        ("lockboxes", summary.lockboxes),
        ("remittances", summary.remittances),
    ]);
    if let Some(total) = summary.total {
        told.totals.insert("total", total);
    }
    let (errors, warnings) = (summary.faults.errors, summary.faults.warnings);
    let told = told.with(summary.faults.list().to_vec());
    Ok(Inspection { errors, warnings, valid: errors == 0, ..told })
}

fn index_file(bytes: &[u8]) -> Inspection {
    let mut told = Inspection::new(Format::CaptureIndex, "", "utf-8");
    match capture_index::read(bytes) {
        Err(faults) => told.with(faults),
        Ok(index) => {
            let images = |r: &capture_index::CaptureRow| {
                [&r.back, &r.front_gray, &r.back_gray].iter().filter(|n| n.is_some()).count() as u64 + 1
            };
            told.counts = BTreeMap::from([
                ("records", index.rows.len() as u64),
                ("items", index.rows.len() as u64),
                ("images", index.rows.iter().map(images).sum()),
                ("magnetic_reads", index.rows.iter().filter(|r| r.micr.is_some()).count() as u64),
            ]);
            if let Ok(total) = Cents::sum(index.rows.iter().filter_map(|r| r.amount)) {
                told.totals.insert("total", total);
            }
            told.with(index.faults)
        }
    }
}

fn csv_file(bytes: &[u8]) -> Result<Inspection, Fault> {
    let (table, mut faults) = csv_text::read(bytes)?;
    let has = |name: &str| table.column(name).is_some();
    let rejected = |r: bills_csv::Rejected| {
        let column = r.column.as_deref().and_then(|c| table.column(c)).map(|c| c as u64 + 1);
        Fault { column, ..Fault::error("row", r.message).line(r.line) }
    };
    let mut told = Inspection::new(Format::Csv, "", "utf-8");
    told.counts.insert("records", table.rows.len() as u64);
    if has("bill") && has("amount_due") {
        let bills = bills_csv::bills(bytes, None)?;
        told.version = "open-bills".into();
        told.counts.insert("items", bills.rows.len() as u64);
        if let Ok(total) = Cents::sum(bills.rows.iter().map(|b| b.amount_due)) {
            told.totals.insert("total", total);
        }
        faults = bills.rejected.into_iter().map(rejected).collect();
    } else if has("routing") && has("bank_account") {
        let payers = bills_csv::payers(bytes, None)?;
        told.version = "known-payers".into();
        told.counts.insert("items", payers.rows.len() as u64);
        faults = payers.rejected.into_iter().map(rejected).collect();
    }
    faults.sort_by_key(|f| f.line);
    let (all, told) = (faults.len() as u64, {
        faults.truncate(super::fault::Faults::LIMIT);
        told.with(faults)
    });
    Ok(Inspection { errors: all - told.warnings, ..told })
}

/// One record as a person reads it: every field by its standard name.
#[derive(Clone, Debug, Serialize)]
pub struct RecordView {
    pub record: u64,
    pub offset: u64,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Hands out the records of a file one by one. Formats without fixed records give one view per row.
pub fn records(bytes: &[u8], format: Format, each: &mut dyn FnMut(RecordView)) {
    records_from(&mut &*bytes, format, each);
}

/// The same from a source of any size.
pub fn records_from(source: &mut dyn Read, format: Format, each: &mut dyn FnMut(RecordView)) {
    match format {
        Format::X9 => drop(x9::walk(source, &mut X9Records(each))),
        Format::LockboxBai => bai_lockbox::each_record(source, &mut |line, kind, columns| {
            let kind = char::from(kind).to_string();
            let value = |c: &Column| (c.name.to_string(), line.row.text(*c).into());
            let fields = columns.iter().map(value).collect();
            let name = lockbox_name(&kind).into();
            each(RecordView { record: line.number, offset: line.offset, name, kind, fields });
        }),
        Format::Nacha => nacha::outline::records(source, each),
        Format::Bai2 => bai2::outline::records(source, each),
        Format::X12Advice | Format::X12Lockbox => x12::outline::records(source, each),
        Format::Camt052 | Format::Camt053 | Format::Camt054 | Format::Remt001 => {
            iso20022::outline::records(source, each);
        }
        Format::CaptureIndex | Format::Csv => {
            let Ok(bytes) = whole(source) else { return };
            let Ok((table, _)) = csv_text::read(&bytes) else { return };
            for (number, row) in (1..).zip(&table.rows) {
                let cell = |(name, value): (&String, &String)| (name.clone(), value.clone().into());
                let fields = table.header.iter().zip(&row.fields).map(cell).collect();
                each(RecordView { record: number, offset: row.line, kind: "row".into(), name: "row".into(), fields });
            }
        }
    }
}

fn field(column: &Column, record: &[u8]) -> (String, serde_json::Value) {
    (column.name.to_string(), text_of(trimmed(column.of(record))).into())
}

fn lockbox_name(kind: &str) -> &'static str {
    match kind {
        "1" => "ImmediateAddressHeader",
        "2" => "Service",
        "3" => "MultiPurpose",
        "4" => "Overflow",
        "5" => "BatchHeader",
        "6" => "Detail",
        "7" => "BatchTotal",
        "8" => "ServiceTotal",
        "9" => "DestinationTrailer",
        _ => "Unknown",
    }
}

/// The views of a cash letter's records.
struct X9Records<'e>(&'e mut dyn FnMut(RecordView));

impl x9::Sink for X9Records<'_> {
    fn record(&mut self, seen: &x9::Seen<'_>) {
        let frame = &seen.frame;
        let mut head = frame.bytes[..frame.bytes.len().min(400)].to_vec();
        if let Some(page) = seen.row.page {
            page.decode(&mut head);
        }
        let kind = text_of(head.get(..2.min(head.len())).unwrap_or_default());
        let mut view = RecordView {
            record: frame.number,
            offset: frame.offset,
            name: frame.kind.map_or("Unknown", |k| k.name).into(),
            kind,
            fields: serde_json::Map::new(),
        };
        let columns = match frame.kind {
            Some(kind) if kind.code == "61" => x9::credit_columns(&head),
            Some(kind) => kind.columns,
            None => &[],
        };
        view.fields.extend(columns.iter().map(|c| field(c, &head)));
        let mut rest = |name: &str, from: usize, length: usize| {
            let text = head.get(from..(from + length).min(head.len())).unwrap_or_default();
            view.fields.insert(name.into(), text_of(trimmed(text)).into());
        };
        let length_at = |from: usize, to: usize| {
            let length = head.get(from..to).and_then(|c| number_of(c).ok()).flatten().unwrap_or(0);
            usize::try_from(length).unwrap_or(0).min(head.len())
        };
        match frame.kind.map(|k| k.code) {
            Some("27" | "34") => {
                let key = length_at(18, 22);
                rest("image_reference_key", 22, key);
                rest("description", 22 + key, 15);
                rest("user_field", 37 + key, 4);
            }
            Some("52") => {
                rest("image_reference_key", 105, length_at(101, 105));
                if let Some((start, length)) = seen.image {
                    view.fields.insert("image_offset".into(), (frame.offset + start as u64).into());
                    view.fields.insert("image_length".into(), length.into());
                }
            }
            Some("68") => rest("user_data", 45, length_at(38, 45)),
            _ => {}
        }
        (self.0)(view);
    }
}
