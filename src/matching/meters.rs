//! Meter readings and boxes that members write and mark on their stubs: checked against the reading before and the usual use,
//! for the billing system. A reading moves no money and holds up no payment; one that is doubtful is exported as such.

use serde::Serialize;

use super::{BillBook, Notice};
use crate::domain::{AccountNumber, BatchId, Bill, Biller, Day, DocumentId, Reading, Transaction, TransactionId};

/// What is to be thought of a reading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum MeterVerdict {
    Good,
    /// Lower than before: the meter went over its last digit, and the use is as usual.
    RolledOver,
    Lower,
    /// More than three times the usual use.
    TooHigh,
    /// Less than a tenth of the usual use.
    TooLow,
    /// No reading before it is known.
    First,
}

impl MeterVerdict {
    pub const ALL: [MeterVerdict; 6] = [
        MeterVerdict::Good,
        MeterVerdict::RolledOver,
        MeterVerdict::Lower,
        MeterVerdict::TooHigh,
        MeterVerdict::TooLow,
        MeterVerdict::First,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            MeterVerdict::Good => "good",
            MeterVerdict::RolledOver => "rolled-over",
            MeterVerdict::Lower => "lower",
            MeterVerdict::TooHigh => "too-high",
            MeterVerdict::TooLow => "too-low",
            MeterVerdict::First => "first",
        }
    }

    pub fn parse(text: &str) -> Option<MeterVerdict> {
        MeterVerdict::ALL.into_iter().find(|v| v.as_str() == text)
    }
}

/// One reading of one meter.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct MeterReading {
    pub document: DocumentId,
    pub batch: BatchId,
    pub transaction: TransactionId,
    pub biller: Biller,
    #[serde(serialize_with = "super::care::masked")]
    pub account: AccountNumber,
    /// Column `meter` of the bill file, or what the stub says; empty where neither does.
    pub meter: String,
    pub date: Day,
    /// Whole units, as the dial shows them.
    pub reading: i64,
    pub previous: Option<i64>,
    pub used: Option<i64>,
    pub verdict: MeterVerdict,
}

/// The readings on the stubs of these transactions. They stand in the stub layout's fields `meter_reading` and `meter`;
/// the bill file's columns `meter`, `previous_reading`, `usual_use` and `meter_digits` are what they are checked against.
/// A field with a rejected character is no reading.
pub fn meter_readings<'r>(
    date: Day,
    transactions: &[Transaction],
    readings: impl Fn(&DocumentId) -> &'r [Reading],
    book: &BillBook,
) -> Vec<MeterReading> {
    let mut out = Vec::new();
    for t in transactions {
        for document in &t.documents {
            let lines = readings(document);
            let field = |name: &str| {
                let scanned = lines.iter().filter_map(|r| r.scanline.as_ref()).filter_map(|s| s.fields.get(name));
                let coded = lines.iter().flat_map(|r| &r.barcodes).filter_map(|b| b.fields.get(name));
                scanned.chain(coded).map(|text| text.trim()).find(|text| !text.is_empty() && !text.contains('?'))
            };
            let Some(reading) = field("meter_reading").and_then(number) else { continue };
            let Some(bill) = t
                .applications
                .iter()
                .filter_map(|a| book.bill(a.biller.as_ref(), a.bill.as_deref()?))
                .find(|b| field("account").is_none_or(|text| text == b.account.reveal()))
            else {
                continue;
            };
            let (previous, used, verdict) = judge(bill, reading);
            out.push(MeterReading {
                document: document.clone(),
                batch: t.batch.clone(),
                transaction: t.id.clone(),
                biller: bill.biller.clone(),
                account: bill.account.clone(),
                meter: bill.extra.get("meter").map(String::as_str).or(field("meter")).unwrap_or("").to_string(),
                date,
                reading,
                previous,
                used,
                verdict,
            });
        }
    }
    out
}

/// Boxes that members marked on their stubs, as notices `box-NAME` for whoever keeps the addresses, the pledges, ..
pub fn boxes<'r>(
    date: Day,
    transactions: &[Transaction],
    readings: impl Fn(&DocumentId) -> &'r [Reading],
    book: &BillBook,
) -> Vec<Notice> {
    let mut out = Vec::new();
    for t in transactions {
        let Some(a) = t.applications.iter().find(|a| a.bill.is_some()) else { continue };
        let Some(bill) = a.bill.as_deref().and_then(|number| book.bill(a.biller.as_ref(), number)) else { continue };
        for document in &t.documents {
            for mark in readings(document).iter().flat_map(|r| &r.marks).filter(|m| m.marked) {
                let name: String = mark.name.chars().take(40).collect();
                out.push(Notice {
                    id: format!("{}-box-{name}-{document}", t.id),
                    batch: Some(t.batch.clone()),
                    transaction: Some(t.id.clone()),
                    receipt: None,
                    code: format!("box-{name}"),
                    biller: bill.biller.clone(),
                    account: bill.account.clone(),
                    bill: bill.bill.clone(),
                    date,
                    amount: None,
                    agency: String::new(),
                    message: format!("the box {name} is marked on the stub of account {}", bill.account.masked()),
                });
            }
        }
    }
    out
}

/// A dial has at most twelve digits.
fn number(text: &str) -> Option<i64> {
    let digits = text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn judge(bill: &Bill, reading: i64) -> (Option<i64>, Option<i64>, MeterVerdict) {
    let column = |name: &str| bill.extra.get(name).and_then(|text| number(text.trim()));
    let Some(previous) = column("previous_reading") else { return (None, None, MeterVerdict::First) };
    let usual = column("usual_use").filter(|u| *u > 0);
    let high = |used: i64| usual.is_some_and(|u| used > u.saturating_mul(3));
    if reading < previous {
        // Over the last digit, if the use is then a usual one.
        let span = column("meter_digits").and_then(|d| 10i64.checked_pow(u32::try_from(d).ok()?));
        let used = span.map(|span| span - previous + reading).filter(|used| *used >= 0);
        return match used {
            Some(used) if usual.is_some() && !high(used) => (Some(previous), Some(used), MeterVerdict::RolledOver),
            _ => (Some(previous), None, MeterVerdict::Lower),
        };
    }
    let used = reading - previous;
    let verdict = match usual {
        _ if high(used) => MeterVerdict::TooHigh,
        Some(usual) if used.saturating_mul(10) < usual => MeterVerdict::TooLow,
        _ => MeterVerdict::Good,
    };
    (Some(previous), Some(used), verdict)
}

/// The readings as a file for the billing system; it holds full account numbers. RFC 4180, a control line with the count ends it.
pub fn meters_csv(readings: &[MeterReading]) -> String {
    let mut out = String::from("date,batch,biller,account,meter,reading,previous,used,verdict\n");
    let text = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    for m in readings {
        let cells = [
            m.date.to_string(),
            m.batch.to_string(),
            m.biller.0.clone(),
            m.account.reveal().to_string(),
            m.meter.clone(),
            m.reading.to_string(),
            text(m.previous),
            text(m.used),
            m.verdict.as_str().to_string(),
        ];
        out.push_str(&cells.map(|c| super::care::cell(&c)).join(","));
        out.push('\n');
    }
    out.push_str(&format!("CONTROL,{}\n", readings.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AccountStatus;
    use crate::matching::tests::bill;

    #[test]
    fn readings_are_checked_against_the_last_one_and_the_usual_use() {
        let table = "bill | reading | verdict
            | 500 | - - first
            previous_reading=400 | 500 | 400 100 good
            previous_reading=400 usual_use=90 | 500 | 400 100 good
            previous_reading=400 usual_use=30 | 500 | 400 100 too-high
            previous_reading=400 usual_use=2000 | 500 | 400 100 too-low
            previous_reading=600 usual_use=90 | 500 | 600 - lower
            previous_reading=99950 usual_use=90 meter_digits=5 | 40 | 99950 90 rolled-over
            previous_reading=60000 usual_use=90 meter_digits=5 | 40 | 60000 - lower
            previous_reading=99950 meter_digits=5 | 40 | 99950 - lower
            previous_reading=abc | 40 | - - first";
        for row in table.lines().map(str::trim).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut one = bill("1", "W1", 100, AccountStatus::Active);
            for (name, value) in cells[0].split_whitespace().filter_map(|w| w.split_once('=')) {
                one.extra.insert(name.into(), value.into());
            }
            let (previous, used, verdict) = judge(&one, cells[1].parse().unwrap());
            let text = |n: Option<i64>| n.map_or_else(|| "-".to_string(), |n| n.to_string());
            assert_eq!(format!("{} {} {}", text(previous), text(used), verdict.as_str()), cells[2], "{row}");
        }
        assert_eq!(number("12a"), None);
        assert_eq!(number("1234567890123"), None);
    }
}
