//! `index.csv` of a capture folder, the station's hand-over: one row per document. Columns in any order, unknown ones
//! ignored; the magnetic read comes in our alphabet (see `magnetic`). Refused: no `front` column, a row that does not fit
//! the header, a sequence number twice, more than one batch. A cell that cannot be read is left out and named.

use crate::domain::{Cents, DocumentKind, Sha256};

use super::csv_text::{self, Row, Table};
use super::fault::{Fault, clip};
use super::magnetic::Alphabet;

/// One document as the station gives it. File names are as written: whoever opens them checks them first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRow {
    pub line: u64,
    pub seq: u32,
    pub front: String,
    pub back: Option<String>,
    pub front_gray: Option<String>,
    pub back_gray: Option<String>,
    pub kind: Option<DocumentKind>,
    pub dpi: Option<u32>,
    /// In our alphabet.
    pub micr: Option<String>,
    pub amount: Option<Cents>,
    pub sha256_front: Option<Sha256>,
    pub sha256_back: Option<Sha256>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureIndex {
    pub batch: Option<String>,
    pub rows: Vec<CaptureRow>,
    pub count: Option<u32>,
    pub total: Option<Cents>,
    /// Warnings: cells that could not be used.
    pub faults: Vec<Fault>,
}

/// Reads an index. `Err`: everything that is wrong with it, worst first; nothing of it may be used then.
pub fn read(bytes: &[u8]) -> Result<CaptureIndex, Vec<Fault>> {
    let (table, mut errors) = csv_text::read(bytes).map_err(|fault| vec![fault])?;
    let column = |name: &str| table.column(name);
    let Some(front) = column("front") else {
        let found = clip(&table.header.join(","));
        return Err(vec![Fault::error("header", "the index has no column 'front'").line(1).between(found, "front")]);
    };
    let mut faults = Vec::new();
    let alphabet = alphabet_of(&table, column("micr"), &mut faults);
    let mut rows = Vec::with_capacity(table.rows.len());
    for (place, row) in table.rows.iter().enumerate() {
        let cell = |name: &str| row.get(column(name));
        let text = |name: &str| Some(cell(name)).filter(|t| !t.is_empty()).map(str::to_string);
        let seq = match cell("seq") {
            "" => u32::try_from(place + 1).ok(),
            digits => digits.parse().ok(),
        };
        let Some(seq) = seq else {
            errors.push(bad(row, "seq", cell("seq"), "a whole number"));
            continue;
        };
        if row.get(Some(front)).is_empty() {
            errors.push(bad(row, "front", "", "the name of the front image"));
            continue;
        }
        let mut soft = |name: &str, expected: &str| {
            faults.push(Fault { severity: super::fault::Severity::Warning, ..bad(row, name, cell(name), expected) });
        };
        let kind = kind_of(cell("doc_type"));
        if kind.is_none() && !cell("doc_type").is_empty() {
            soft("doc_type", "a kind of document");
        }
        let dpi: Option<u32> = cell("dpi").parse().ok().filter(|d| (50..=1200).contains(d));
        if dpi.is_none() && !cell("dpi").is_empty() {
            soft("dpi", "50 to 1200");
        }
        let amount = amount_of(cell("amount"));
        if amount.is_none() && !cell("amount").is_empty() {
            soft("amount", "an amount like 123.45");
        }
        let mut hash = |name: &str| {
            let hash: Option<Sha256> = cell(name).parse().ok();
            if hash.is_none() && !cell(name).is_empty() {
                soft(name, "a SHA-256 in hexadecimal");
            }
            hash
        };
        rows.push(CaptureRow {
            line: row.line,
            seq,
            front: row.get(Some(front)).to_string(),
            back: text("back"),
            front_gray: text("front_gray"),
            back_gray: text("back_gray"),
            kind,
            dpi,
            micr: alphabet.as_ref().zip(text("micr")).map(|(a, line)| a.translate(&line)),
            amount,
            sha256_front: hash("sha256_front"),
            sha256_back: hash("sha256_back"),
        });
    }
    let mut order: Vec<(u32, u64)> = rows.iter().map(|r| (r.seq, r.line)).collect();
    order.sort_unstable();
    for pair in order.windows(2).filter(|w| w[0].0 == w[1].0) {
        let message = format!("the sequence number {} stands on line {} already", pair[1].0, pair[0].1);
        errors.push(Fault::error("seq", message).line(pair[1].1));
    }
    let batch = one_of(&table, "batch", &mut errors);
    let count = one_of(&table, "count", &mut errors);
    let total = one_of(&table, "total", &mut errors);
    let (count, total) = (declared(count, |t| t.parse().ok()), declared(total, |t| amount_of(&t)));
    for (name, wrong) in [("count", count.is_err()), ("total", total.is_err())] {
        if wrong {
            errors.push(Fault::error("control", format!("the column '{name}' does not hold a control {name}")));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(CaptureIndex { batch, rows, count: count.ok().flatten(), total: total.ok().flatten(), faults })
}

fn declared<T>(text: Option<String>, parse: impl Fn(String) -> Option<T>) -> Result<Option<T>, ()> {
    text.map(|t| parse(t).ok_or(())).transpose()
}

fn bad(row: &Row, name: &str, found: &str, expected: &str) -> Fault {
    Fault::error("cell", format!("column '{name}' cannot be read")).line(row.line).between(found, expected)
}

/// A station's amounts are never negative.
fn amount_of(text: &str) -> Option<Cents> {
    text.parse().ok().filter(|c: &Cents| !c.is_negative() && *c <= Cents::MAX_ITEM)
}

/// The single value of a column that speaks of the whole folder.
fn one_of(table: &Table, name: &str, errors: &mut Vec<Fault>) -> Option<String> {
    let column = table.column(name)?;
    let mut values = table.rows.iter().map(|r| (r.line, r.get(Some(column)))).filter(|(_, v)| !v.is_empty());
    let first = values.next()?.1;
    if let Some((line, other)) = values.find(|(_, v)| *v != first) {
        let message = format!("the column '{name}' holds more than one value; one folder is one batch");
        errors.push(Fault::error("control", message).line(line).between(other, first));
    }
    Some(first.to_string())
}

fn alphabet_of(table: &Table, column: Option<usize>, faults: &mut Vec<Fault>) -> Option<Alphabet> {
    let lines: Vec<&str> = table.rows.iter().map(|r| r.get(column)).filter(|l| !l.is_empty()).collect();
    if lines.is_empty() {
        return None;
    }
    let alphabet = Alphabet::learn(lines.iter().copied());
    if alphabet.is_none() {
        let message = "no character of the column 'micr' encloses nine digits: the magnetic reads are left out";
        faults.push(Fault::warning("micr-alphabet", message).between(lines[0], "a transit field"));
    }
    alphabet
}

/// Station makers' words for the kinds of documents.
fn kind_of(word: &str) -> Option<DocumentKind> {
    let word = word.to_ascii_lowercase().replace(['_', ' '], "-");
    DocumentKind::parse(&word).or(match word.as_str() {
        "cheque" | "chk" | "money-order" | "travelers-check" | "travellers-check" => Some(DocumentKind::Check),
        "coupon" | "remittance" | "bill" => Some(DocumentKind::Stub),
        "cash" => Some(DocumentKind::CashTicket),
        "header" | "batch-ticket" => Some(DocumentKind::BatchHeader),
        "letter" => Some(DocumentKind::Correspondence),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_any_order_and_cells_that_cannot_be_used() {
        let index = read(
            b"\xef\xbb\xbfFRONT,amount,note,seq,back,dpi,micr,doc_type,count,total\r\n\
              1_F.tif,12.34,x,1,1_B.tif,200,t061000146t 123o45,check,2,12.34\r\n\
              2_F.tif,1e3,,2,,9,,wish,2,12.34\r\n",
        )
        .unwrap();
        assert_eq!((index.count, index.total), (Some(2), Some(Cents::new(1234))));
        assert_eq!(index.rows[0].micr.as_deref(), Some("A061000146A 123C45"));
        assert_eq!((index.rows[0].kind, index.rows[0].dpi), (Some(DocumentKind::Check), Some(200)));
        assert_eq!((index.rows[1].amount, index.rows[1].kind, index.rows[1].dpi), (None, None, None));
        let lines: Vec<_> = index.faults.iter().map(|f| (f.line, f.is_error())).collect();
        assert_eq!(lines, [(Some(3), false); 3]);
    }

    #[test]
    fn an_index_that_cannot_be_trusted_is_refused_with_its_line() {
        let check = |text: &[u8], code: &str, line: Option<u64>| {
            let faults = read(text).unwrap_err();
            assert!(faults.iter().any(|f| f.code == code && f.line == line), "{faults:?}");
        };
        check(b"", "empty", None);
        check(b"seq,back\n1,a\n", "header", Some(1));
        check(b"seq,front\n1,a\nx,b\n", "cell", Some(3));
        check(b"seq,front\n1,a\n1,b\n", "seq", Some(3));
        check(b"seq,front\n1,\n", "cell", Some(2));
        check(b"seq,front\n1,a,b\n", "row-width", Some(2));
        check(b"seq,front,batch\n1,a,x\n2,b,y\n", "control", Some(3));
        check(b"seq,front,total\n1,a,12.3\n", "control", None);
        check(b"seq,front\n1,\"a\n2,b\n", "csv", Some(2));
        check(b"front,Front\na,b\n", "header", None);
        check(b"front\n\xe9\n", "encoding", Some(2));
        check(b"front\na\0\n", "encoding", None);
    }
}
