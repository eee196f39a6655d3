//! Files written and read again; what breaks a rule is named with its place; returns and changes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::records::*;
use super::*;
use crate::domain::{Cents, ReturnReason, ReturnStage};
use crate::formats::fault::Fault;

const ODFI: &str = "01140149";

fn file_header() -> FileHeader {
    FileHeader::BLANK
        .priority_code("01")
        .and_then(|h| h.immediate_destination("021000021"))
        .and_then(|h| h.immediate_origin("1234567890"))
        .and_then(|h| h.file_creation_date("2026-11-03".parse().unwrap()))
        .and_then(|h| h.file_creation_time("0645"))
        .and_then(|h| h.file_id_modifier("A"))
        .and_then(|h| h.record_size("094"))
        .and_then(|h| h.blocking_factor("10"))
        .and_then(|h| h.format_code("1"))
        .and_then(|h| h.immediate_destination_name("FIRST SAMPLE BANK"))
        .and_then(|h| h.immediate_origin_name("ACME UTILITIES"))
        .unwrap()
}

fn batch_header(class: &str, entry_class: &str, number: u64) -> BatchHeader {
    BatchHeader::BLANK
        .service_class_code(class)
        .and_then(|h| h.company_name("ACME UTILITIES"))
        .and_then(|h| h.company_identification("1234567890"))
        .and_then(|h| h.standard_entry_class_code(entry_class))
        .and_then(|h| h.company_entry_description("BILL PMT"))
        .and_then(|h| h.effective_entry_date("2026-11-04".parse().unwrap()))
        .and_then(|h| h.originator_status_code("1"))
        .and_then(|h| h.odfi_identification(ODFI))
        .and_then(|h| h.batch_number(number))
        .unwrap()
}

fn entry(code: &str, rdfi: &str, amount: i64, number: u64, addenda: &[&str]) -> OutgoingEntry {
    let digit = char::from(rules::check_digit(rdfi.as_bytes()).unwrap()).to_string();
    let trace = format!("{ODFI}{number:07}");
    let detail = EntryDetail::BLANK
        .transaction_code(code)
        .and_then(|e| e.rdfi_identification(rdfi))
        .and_then(|e| e.check_digit(&digit))
        .and_then(|e| e.account("1234567890"))
        .and_then(|e| e.amount(Cents::new(amount)))
        .and_then(|e| e.individual_identification_number("1021"))
        .and_then(|e| e.individual_name("ACCT 00345678901"))
        .and_then(|e| e.addenda_record_indicator(if addenda.is_empty() { "0" } else { "1" }))
        .and_then(|e| e.trace_number(&trace))
        .unwrap();
    let addenda = addenda
        .iter()
        .zip(1u64..)
        .map(|(text, n)| match text.strip_prefix("99 ") {
            Some(code) => ReturnAddenda::BLANK
                .return_reason_code(code)
                .and_then(|a| a.original_entry_trace_number("011401490000007"))
                .and_then(|a| a.original_rdfi_identification("02100002"))
                .and_then(|a| a.trace_number(&trace))
                .unwrap()
                .to_bytes(),
            None => PaymentAddenda::BLANK
                .payment_related_information(text)
                .and_then(|a| a.addenda_sequence_number(n))
                .and_then(|a| a.entry_detail_sequence_number(&trace[8..]))
                .unwrap()
                .to_bytes(),
        })
        .collect();
    OutgoingEntry { entry: detail.to_bytes(), addenda }
}

fn sample() -> Vec<u8> {
    let debits = vec![
        entry("27", "02100002", 8425, 1, &[]),
        entry("27", "12104288", 249_999, 2, &[]),
        entry("37", "09100001", 100, 3, &[]),
    ];
    let credit = vec![entry("22", ODFI, 258_524, 4, &["INVOICE 1"])];
    let batches = [
        OutgoingBatch { header: batch_header("225", "ARC", 1), entries: debits },
        OutgoingBatch { header: batch_header("220", "CCD", 2), entries: credit },
    ];
    write(&file_header(), &batches).unwrap()
}

fn read(bytes: &[u8]) -> Summary {
    scan(&mut &bytes[..], &mut |_| {}).unwrap()
}

#[test]
fn a_file_in_every_wrapping_reads_alike() {
    let bytes = sample();
    let plain = read(&bytes);
    assert_eq!(plain.faults.list(), []);
    assert_eq!((plain.records, plain.batches, plain.totals.entries, plain.totals.addenda), (11, 2, 4, 1));
    assert_eq!((plain.totals.debit, plain.totals.credit), (Cents::new(258_524), Cents::new(258_524)));
    let text = String::from_utf8(bytes).unwrap();
    let stripped: String = text.lines().map(|l| l.trim_end().to_string() + "\n").collect();
    for (name, wrapped, warned) in [
        ("crlf", text.replace('\n', "\r\n").into_bytes(), false),
        ("no last end", text.trim_end().as_bytes().to_vec(), false),
        ("blocks", text.replace('\n', "").into_bytes(), false),
        ("stripped", stripped.into_bytes(), true),
        ("padding", [text.as_bytes(), &[0x1a, 0x1a]].concat(), true),
        ("line-length", [text.trim_end().as_bytes(), &[0x1a]].concat(), true),
        ("byte-order mark", [b"\xef\xbb\xbf", text.as_bytes()].concat(), false),
        ("blank lines", text.replace('\n', "\n\n").into_bytes(), false),
    ] {
        let file = read(&wrapped);
        assert_eq!((file.faults.errors, file.totals), (0, plain.totals), "{name}: {:?}", file.faults.list());
        assert_eq!(file.faults.warnings > 0, warned, "{name}: {:?}", file.faults.list());
        assert!(looks_like(&wrapped), "{name}");
    }
}

/// Rows 35 to 42 of the corpus of bad inputs: the fault has its code, its record and its column, and what stands before and
/// after is still counted.
#[test]
fn what_does_not_agree_is_named_with_record_and_column() {
    let text = String::from_utf8(sample()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let check = |change: &dyn Fn(&mut Vec<String>), code: &str, record: u64, column: Option<u64>| {
        let mut changed: Vec<String> = lines.iter().map(|l| l.to_string()).collect();
        change(&mut changed);
        let file = read((changed.join("\n") + "\n").as_bytes());
        let there = |f: &&Fault| f.code == code && f.record == Some(record) && (column.is_none() || f.column == column);
        let found = file.faults.list().iter().find(there);
        let found = found.unwrap_or_else(|| panic!("{code} {record}: {:?}", file.faults.list()));
        assert!(found.offset.is_some(), "{found}");
        assert!(file.totals.entries >= 3, "{code}: the rest is read");
    };
    let set = |line: usize, column: usize, with: &'static str| {
        move |lines: &mut Vec<String>| lines[line - 1].replace_range(column - 1..column - 1 + with.len(), with)
    };
    // 1 header, 2 batch, 3-5 entries, 6 control, 7 batch, 8 entry, 9 addenda, 10 control, 11 file control: eleven records.
    assert_eq!(lines.len(), 20);
    check(&set(6, 11, "1"), "total", 6, Some(11));
    check(&set(6, 21, "000000258525"), "total", 6, Some(21));
    check(&set(6, 10, "9"), "total", 6, Some(5));
    check(&set(11, 2, "000003"), "total", 11, Some(2));
    check(&set(11, 8, "000009"), "blocking", 11, Some(8));
    check(&set(11, 44, "9"), "total", 11, Some(44));
    check(&set(3, 12, "9"), "routing", 3, Some(12));
    check(&set(3, 30, "00000-8425"), "amount", 3, Some(30));
    check(&set(3, 30, "0000000000"), "amount", 3, Some(30));
    check(&set(3, 30, "0002500001"), "amount", 3, Some(30));
    check(&set(3, 2, "22"), "class", 3, Some(2));
    check(&set(3, 2, "95"), "transaction-code", 3, Some(2));
    check(&set(3, 79, "1"), "addenda", 3, Some(79));
    check(&set(8, 79, "0"), "addenda", 8, Some(79));
    check(&set(4, 88, "0000001"), "trace", 4, Some(80));
    check(&set(4, 80, "09100001"), "trace", 4, Some(80));
    check(&set(3, 40, "               "), "serial", 3, Some(40));
    check(&set(2, 51, "QQQ"), "class", 2, Some(51));
    check(&set(2, 70, "260231"), "date", 2, Some(70));
    check(&set(6, 88, "0000009"), "batch", 6, Some(88));
    check(&set(6, 45, "9"), "batch", 6, Some(45));
    check(&set(1, 35, "093"), "file-header", 1, Some(35));
    check(&set(1, 13, "9"), "routing", 1, Some(4));
    check(&set(5, 60, "\u{7}"), "character", 5, Some(60));
    check(&|l| drop(l.remove(5)), "missing-8", 6, None);
    check(&|l| drop(l.remove(6)), "order", 7, None);
    check(&|l| drop(l.remove(0)), "missing-1", 1, None);
    check(&|l| drop(l.drain(10..)), "missing-9", 10, None);
    check(&|l| l[3].push('x'), "line-length", 4, None);
    check(&|l| l[3].truncate(93), "line-length", 4, None);
    check(&|l| l[3].replace_range(..1, "3"), "record-type", 4, None);
    check(&|l| l.swap(8, 3), "addenda", 3, Some(79));
}

#[test]
fn a_hash_keeps_its_low_ten_digits_and_sums_do_not_wrap() {
    let entries: Vec<OutgoingEntry> = (1..=1200).map(|n| entry("27", "99999999", 100, n, &[])).collect();
    let batch = OutgoingBatch { header: batch_header("225", "PPD", 1), entries };
    let file = read(&write(&file_header(), &[batch]).unwrap());
    assert_eq!(file.faults.list(), []);
    assert_eq!(file.totals.hash(), (1200 * 99_999_999u64) % 10_000_000_000);
    // Twelve digits of a batch total are not exceeded in silence.
    let entries = (1..=101).map(|n| entry("27", "02100002", 9_999_999_999, n, &[])).collect();
    let too_much = OutgoingBatch { header: batch_header("225", "PPD", 1), entries };
    assert_eq!(write(&file_header(), &[too_much]).unwrap_err().field, "total_debit");
}

#[test]
fn returns_have_their_reasons_and_unknown_ones_wait_for_a_person() {
    let cases = [
        ("R01", ReturnReason::InsufficientFunds, ReturnStage::Returned),
        ("R02", ReturnReason::AccountClosed, ReturnStage::Returned),
        ("R24", ReturnReason::Duplicate, ReturnStage::Returned),
        ("R29", ReturnReason::NotAuthorized, ReturnStage::Returned),
        ("R37", ReturnReason::SourceDocumentPresented, ReturnStage::Returned),
        ("R39", ReturnReason::ImproperSourceDocument, ReturnStage::Returned),
        ("R99", ReturnReason::Unknown, ReturnStage::Returned),
        ("R67", ReturnReason::BetweenBanks, ReturnStage::Dishonored),
        ("R61", ReturnReason::BetweenBanks, ReturnStage::Dishonored),
        ("R73", ReturnReason::BetweenBanks, ReturnStage::Contested),
    ];
    let entries = cases
        .iter()
        .zip(1u64..)
        .map(|((code, ..), n)| entry("26", "02100002", 100 + n as i64, n, &[&format!("99 {code}")]))
        .collect();
    let mut header = batch_header("225", "ARC", 1);
    header = header.settlement_date("307").unwrap();
    let bytes = write(&file_header(), &[OutgoingBatch { header, entries }]).unwrap();
    let file = returns(&mut bytes.as_slice()).unwrap();
    assert_eq!(file.refusal(), None, "an unknown reason does not refuse the file");
    assert_eq!((file.returns.len(), file.others), (cases.len(), 0));
    for (item, (code, reason, stage)) in file.returns.iter().zip(cases) {
        assert_eq!((item.code.as_str(), item.reason, item.stage), (code, reason, stage));
        assert_eq!(item.original.trace.as_deref(), Some("011401490000007"));
        assert_eq!(item.original.routing.as_deref(), Some("02100002"));
        assert_eq!(item.date.unwrap().to_string(), "2026-11-03");
    }
    assert_eq!(file.returns[0].original.serial.as_deref(), Some("1021"));
    let broken = String::from_utf8(bytes).unwrap().replace("822500002", "822500003");
    assert_eq!(returns(&mut broken.as_bytes()).unwrap().refusal().map(|f| f.code), Some("total"));
}

#[test]
fn changes_are_read_and_are_no_money() {
    let notice = |code: &str, data: &str| {
        let change = ChangeAddenda::BLANK
            .change_code(code)
            .and_then(|a| a.original_entry_trace_number("011401490000007"))
            .and_then(|a| a.original_rdfi_identification("02100002"))
            .and_then(|a| a.corrected_data(data))
            .and_then(|a| a.trace_number("021000020000088"))
            .unwrap();
        let mut out = entry("26", "02100002", 0, 1, &["x"]);
        out.addenda = vec![change.to_bytes()];
        let batch = OutgoingBatch { header: batch_header("225", "COR", 1), entries: vec![out] };
        let bytes = write(&file_header(), &[batch]).unwrap();
        let file = returns(&mut bytes.as_slice()).unwrap();
        assert_eq!((file.faults.list(), file.returns.len(), file.changes.len()), (&[][..], 0, 1), "{code}");
        let c = file.changes[0].correction.clone();
        let reveal = c.account.map(|a| a.reveal().to_string());
        [c.routing, reveal, c.transaction_code, c.other].map(Option::unwrap_or_default).join("|")
    };
    assert_eq!(notice("C01", "99887766"), "|99887766||");
    assert_eq!(notice("C02", "021000021"), "021000021|||");
    assert_eq!(notice("C03", "021000021   99887766"), "021000021|99887766||");
    assert_eq!(notice("C05", "37"), "||37|");
    assert_eq!(notice("C06", "99887766            37"), "|99887766|37|");
    assert_eq!(notice("C07", "02100002199887766         37"), "021000021|99887766|37|");
    assert_eq!(notice("C09", "7788"), "|||7788");
}

#[test]
fn payment_text_is_joined_with_its_blanks() {
    let pieces: Vec<String> = ["A".repeat(79) + " ", "B".repeat(80)].to_vec();
    let texts: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let mut out = entry("22", ODFI, 100, 1, &texts);
    out.entry[54..58].copy_from_slice(b"0002");
    out.entry[58..76].copy_from_slice(b"ACME UTILITIES    ");
    let batch = OutgoingBatch { header: batch_header("220", "CTX", 1), entries: vec![out] };
    let bytes = write(&file_header(), &[batch]).unwrap();
    let mut texts = Vec::new();
    let summary = scan(&mut bytes.as_slice(), &mut |event| {
        if let Event::Entry(entry) = event {
            texts.push((entry.payment_text(), entry.name()));
        }
    })
    .unwrap();
    assert_eq!(summary.faults.list(), []);
    assert_eq!(texts, [("A".repeat(79) + " " + &"B".repeat(80), "ACME UTILITIES".to_string())]);
}

/// Every record of every layout, read into its columns and put together again, is what it was.
#[test]
fn layouts_cover_all_columns() {
    let mut seen = BTreeMap::new();
    for family in CLASSES.iter().map(|c| c.family) {
        for head in [
            "1", "5", "6", "702", "705", "710", "711", "712", "713", "714", "715", "716", "717", "718", "798C01",
            "798C61", "799R01", "799R61", "799R71", "8", "9",
        ] {
            let record = format!("{head:<94}");
            let (name, columns) = layout_of(record.as_bytes(), family).unwrap();
            let width: usize = columns.iter().map(|c| usize::from(c.to - c.from) + 1).sum();
            let code = usize::from(columns[0].from - 1);
            assert_eq!(width + code, WIDTH, "{name}");
            seen.insert(name, columns.len());
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_file_written_reads_back(
        batches in proptest::collection::vec(
            proptest::collection::vec((1i64..=2_500_000, 0usize..3, any::<bool>()), 0..6), 0..4)
    ) {
        let mut number = 0;
        let outgoing: Vec<OutgoingBatch> = batches.iter().zip(1u64..).map(|(entries, n)| OutgoingBatch {
            header: batch_header("200", "ENR", n).standard_entry_class_code("PPD").unwrap(),
            entries: entries.iter().map(|(amount, addenda, debit)| {
                number += 1;
                entry(if *debit { "27" } else { "22" }, "02100002", *amount, number, &["TEXT"][..(*addenda).min(1)])
            }).collect(),
        }).collect();
        let bytes = write(&file_header(), &outgoing).unwrap();
        let mut read = Vec::new();
        let mut of_batch: Vec<OutgoingEntry> = Vec::new();
        let summary = scan(&mut bytes.as_slice(), &mut |event| match event {
            Event::Entry(e) => of_batch.push(OutgoingEntry {
                entry: e.line.text.to_vec(),
                addenda: e.addenda.iter().map(|a| a.text.to_vec()).collect(),
            }),
            Event::Batch(b) => read.push(OutgoingBatch { header: b.header, entries: std::mem::take(&mut of_batch) }),
        }).unwrap();
        prop_assert_eq!(summary.faults.list(), &[]);
        prop_assert!(read == outgoing);
        prop_assert!(write(&summary.header.unwrap(), &read).unwrap() == bytes);
    }
}
