//! Read, then written: every fixed-width file of the samples and of the project, record by record through the structs that
//! declare their columns, and where a whole file can be written from its values, through the writer. The bytes must be those
//! that came. A file that breaks rules is written again too, as far as its records are whole.

use std::path::{Path, PathBuf};

use remit::formats::fault::Faults;
use remit::formats::nacha::records as ach;
use remit::formats::record::Column;
use remit::formats::x9::physical::{Frames, Layout};
use remit::formats::x9::records as x9r;
use remit::formats::{Format, bai_lockbox, inspect, nacha, sniff};

use super::shared;

/// Every file of the shared folder, and the project's own samples, that is of the format.
fn files(folder: &str, format: Format) -> Vec<(PathBuf, Vec<u8>)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples");
    let mut found = Vec::new();
    for folder in shared(folder).into_iter().chain([own]) {
        for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|e| e.path().is_file()) {
            let bytes = std::fs::read(entry.path()).unwrap();
            if sniff(&bytes) == Some(format) {
                found.push((entry.path(), bytes));
            }
        }
    }
    found.sort();
    found
}

fn is_valid(bytes: &[u8], format: Format) -> bool {
    inspect(bytes, format).is_ok_and(|found| found.valid)
}

/// One record of a cash letter through its struct; `None` where it is shorter than its type.
fn x9_record(text: &[u8], code: &str) -> Option<Vec<u8>> {
    macro_rules! by_code {
        ($($record:ident)*) => {
            match code {
                $(x9r::$record::CODE => x9r::$record::read(text.get(..x9r::$record::WIDTH)?).ok()?.to_bytes(),)*
                other => panic!("record type {other} has no struct here"),
            }
        };
    }
    Some(by_code! { FileHeader CashLetterHeader BundleHeader CheckDetail CheckDetailAddendumA CheckDetailAddendumB
    CheckDetailAddendumC ReturnDetail ReturnAddendumA ReturnAddendumB ReturnAddendumC ReturnAddendumD AccountTotals
    NonHitTotals ImageViewDetail ImageViewData ImageViewAnalysis CreditA Credit62 UserRecord BundleControl BoxSummary
    RoutingNumberSummary CashLetterControl FileControl })
}

/// A cash letter written again from its records; how many of them went through their structs, and how many did not.
pub fn x9_again(bytes: &[u8]) -> (Vec<u8>, u64, u64) {
    let mut source = bytes;
    let mut frames = Frames::open(&mut source).unwrap();
    let (physical, mut faults) = (frames.physical(), Faults::default());
    let (mut out, mut whole, mut left) = (Vec::new(), 0, 0);
    while let Some(frame) = frames.next(&mut faults) {
        let between = &bytes[out.len()..frame.offset as usize];
        let length = frame.bytes.len() as u32;
        match physical.layout {
            Layout::LengthWords => out.extend(length.to_be_bytes()),
            Layout::LittleEndianLengthWords => out.extend(length.to_le_bytes()),
            Layout::Lines | Layout::Blocks => {
                assert!(between.iter().all(|b| matches!(b, b'\r' | b'\n' | b' ' | 0 | 0x15 | 0x25 | 0x1a)));
                out.extend_from_slice(between);
            }
        }
        let mut text = frame.bytes.to_vec();
        let head = frame.kind.map_or(0, |k| k.width.min(text.len()));
        physical.encoding.decode(&mut text[..head]);
        match frame.kind.and_then(|kind| x9_record(&text, kind.code)) {
            Some(mut record) => {
                physical.encoding.encode(&mut record);
                out.extend_from_slice(&record);
                out.extend_from_slice(&frame.bytes[record.len()..]);
                whole += 1;
            }
            None => {
                out.extend_from_slice(frame.bytes);
                left += 1;
            }
        }
    }
    out.extend_from_slice(&bytes[out.len().min(bytes.len())..]);
    (out, whole, left)
}

#[test]
fn cash_letters_are_byte_equal_again() {
    let (mut records, mut valid) = (0, 0);
    for (path, bytes) in files("x9", Format::X9) {
        // A damaged length word is never written again: such a file is compared only where its records are found.
        let good = is_valid(&bytes, Format::X9);
        let (again, whole, left) = x9_again(&bytes);
        println!("{}: {whole} records, {left} cut short", path.display());
        assert!(again == bytes, "{}", path.display());
        assert!(!good || left == 0, "{}", path.display());
        records += whole;
        valid += usize::from(good);
    }
    println!("{records} records, {valid} valid files");
    assert!(valid >= 1 && records > 20);
}

/// One record of a Nacha file through the struct that its layout names.
fn ach_record(text: &[u8], name: &str) -> Vec<u8> {
    macro_rules! by_name {
        ($($record:ident)*) => {
            match name {
                $(stringify!($record) => ach::$record::read(text).unwrap().to_bytes(),)*
                other => panic!("{other} has no struct here"),
            }
        };
    }
    by_name! { FileHeader BatchHeader IatBatchHeader EntryDetail CheckEntry PurchaseEntry TradeEntry SharedEntry
    TruncatedEntry IatEntry AdviceEntry TerminalAddenda PaymentAddenda IatPaymentTypeAddenda IatOriginatorAddenda
    IatOriginatorCityAddenda IatOdfiAddenda IatRdfiAddenda IatReceiverAddenda IatReceiverCityAddenda
    IatRemittanceAddenda IatCorrespondentAddenda ChangeAddenda RefusedChangeAddenda IatChangeAddenda ReturnAddenda
    IatReturnAddenda DishonoredAddenda ContestedAddenda BatchControl AdviceBatchControl FileControl AdviceFileControl }
}

/// Lines, or records without ends between them?
fn has_lines(bytes: &[u8]) -> bool {
    bytes.iter().take(ach::WIDTH + 2).any(|b| matches!(b, b'\n' | b'\r'))
}

/// Every line of a Nacha file of 94 columns, or of blocks, through its struct.
pub fn ach_again(bytes: &[u8]) -> (Vec<u8>, u64) {
    let lines: Vec<&[u8]> = match has_lines(bytes) {
        true => bytes.split_inclusive(|b| *b == b'\n').collect(),
        false => bytes.chunks(ach::WIDTH).collect(),
    };
    let (mut out, mut records, mut family) = (Vec::new(), 0, ach::Family::Plain);
    for line in lines {
        let end = line.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |n| n + 1);
        let (text, ending) = line.split_at(end);
        if text.len() > ach::WIDTH || text.is_empty() {
            out.extend_from_slice(line);
            continue;
        }
        let mut filled = [b' '; ach::WIDTH];
        filled[..text.len()].copy_from_slice(text);
        if filled[0] == b'5' {
            family = ach::entry_class(&filled[50..53]).map_or(ach::Family::Plain, |c| c.family);
        }
        match ach::layout_of(&filled, family) {
            Some((name, _)) => {
                let written = ach_record(&filled, name);
                assert!(written[text.len()..].iter().all(|b| *b == b' '));
                out.extend_from_slice(&written[..text.len()]);
                records += 1;
            }
            None => out.extend_from_slice(text),
        }
        out.extend_from_slice(ending);
    }
    (out, records)
}

/// The file from its values alone, with counts, hashes and sums computed anew: `None` where its class has no writer.
fn ach_written(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut batches, mut open, mut plain) = (Vec::new(), Vec::new(), true);
    let summary = nacha::scan(&mut &*bytes, &mut |event| match event {
        nacha::Event::Entry(entry) => {
            plain &= entry.family() != ach::Family::Advice;
            open.push(nacha::OutgoingEntry {
                entry: entry.line.text.to_vec(),
                addenda: entry.addenda.iter().map(|a| a.text.to_vec()).collect(),
            });
        }
        nacha::Event::Batch(b) => {
            batches.push(nacha::OutgoingBatch { header: b.header, entries: std::mem::take(&mut open) });
        }
    })
    .unwrap();
    if plain { nacha::write(&summary.header?, &batches).ok() } else { None }
}

#[test]
fn ach_files_are_byte_equal_again() {
    let (mut records, mut valid, mut whole) = (0, 0, 0);
    for (path, bytes) in files("ach", Format::Nacha) {
        let (again, seen) = ach_again(&bytes);
        assert!(again == bytes, "{}", path.display());
        records += seen;
        if !is_valid(&bytes, Format::Nacha) {
            continue;
        }
        valid += 1;
        let Some(written) = ach_written(&bytes) else { continue };
        // The lines as the writer ends them, filled to blocks of ten; what a bank stripped is put back.
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<String> = match has_lines(&bytes) {
            true => text.lines().filter(|l| !l.trim().is_empty()).map(|l| format!("{l:<94}")).collect(),
            false => bytes.trim_ascii_end().chunks(94).map(|l| format!("{:<94}", String::from_utf8_lossy(l))).collect(),
        };
        lines.resize(lines.len().next_multiple_of(10), "9".repeat(94));
        // A file may leave out the blocking or state it wrongly, and may name the company in its control alone.
        let blank = |line: &str| match line.as_bytes()[0] {
            b'9' if !line.ends_with('9') => format!("{}{}", &line[..7], &line[13..]),
            b'8' => format!("{}{}", &line[..44], &line[79..]),
            _ => line.to_string(),
        };
        let ours = String::from_utf8(written).unwrap();
        let (ours, theirs): (Vec<String>, Vec<String>) =
            (ours.lines().map(blank).collect(), lines.iter().map(|l| blank(l)).collect());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{}", path.display());
        }
        whole += 1;
    }
    println!("{records} records, {valid} valid files, {whole} of them written from their values");
    assert!(super::shared("ach").is_none() || (valid > 50 && whole > 45));
}

/// A line of a lockbox file put together from the columns of its type, as long as it was.
fn line_again(text: &[u8], columns: &[Column]) -> Vec<u8> {
    let mut out = vec![b' '; text.len()];
    out[..1.min(text.len())].copy_from_slice(&text[..1.min(text.len())]);
    for column in columns {
        let from = usize::from(column.from) - 1;
        let value = column.of(text);
        out[from.min(text.len())..][..value.len()].copy_from_slice(value);
    }
    out
}

/// Every line through its columns; `None` where a column that no field covers holds something.
pub fn lockbox_again(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bai_lockbox::each_record(&mut &*bytes, &mut |line, _, columns| {
        out.extend_from_slice(&bytes[out.len()..line.offset as usize]);
        out.extend(line_again(line.row.bytes, columns));
    });
    out.extend_from_slice(&bytes[out.len()..]);
    out
}

/// The values of a file, as the writer takes them: one deposit for each lockbox.
pub fn deposits_of(bytes: &[u8]) -> (Vec<bai_lockbox::LockboxDeposit>, &'static bai_lockbox::Profile) {
    let file = bai_lockbox::read(bytes).unwrap();
    let mut deposits: Vec<bai_lockbox::LockboxDeposit> = Vec::new();
    for batch in &file.batches {
        let checks = batch.checks.iter().map(|check| bai_lockbox::LockboxCheck {
            amount: check.amount.unwrap(),
            routing: check.routing.clone(),
            account: check.account.reveal().to_string(),
            check_number: check.check_number.clone(),
            customer: check.customer.clone(),
            invoices: check
                .invoices
                .iter()
                .map(|i| bai_lockbox::LockboxInvoice {
                    invoice: i.text.clone(),
                    payment: i.payment.unwrap_or_default(),
                    deduction: i.deduction.unwrap_or_default(),
                })
                .collect(),
        });
        let checks: Vec<_> = checks.collect();
        match deposits.last_mut().filter(|d| d.lockbox == batch.lockbox) {
            Some(deposit) => deposit.batches.push(checks),
            None => deposits.push(bai_lockbox::LockboxDeposit {
                destination: file.destination.clone(),
                origin: file.origin.clone(),
                file_date: file.file_date.unwrap(),
                file_time: String::from_utf8_lossy(&bytes[29..33]).to_string(),
                lockbox: batch.lockbox.clone(),
                deposit_date: batch.deposit_date.unwrap(),
                batches: vec![checks],
            }),
        }
    }
    (deposits, file.profile)
}

#[test]
fn lockbox_files_are_byte_equal_again() {
    let mut seen = 0;
    for (path, bytes) in files("lockbox", Format::LockboxBai) {
        let again = lockbox_again(&bytes);
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&bytes), "{}", path.display());
        seen += 1;
        // Banks fill unused columns as they like; the project's own file comes from this writer.
        if path.starts_with(env!("CARGO_MANIFEST_DIR")) {
            let (deposits, profile) = deposits_of(&bytes);
            assert!(bai_lockbox::write_as(&deposits, profile).unwrap() == bytes, "{}", path.display());
        }
    }
    assert!(seen >= 1);
}
