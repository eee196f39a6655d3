//! The corpus of bad inputs, rows 43 to 48, 50 and 59: text files and dates. Each row: what comes, what is said of it.

use super::bills_csv::{Mapping, bills, remittances};
use super::csv_text;
use super::record::kind::{Date, Field};
use crate::domain::Day;

/// Code of the fault that refuses a file, or `rows N`.
fn table(bytes: &[u8]) -> String {
    match csv_text::read(bytes) {
        Ok((table, rejected)) => format!("rows {} rejected {}", table.rows.len(), rejected.len()),
        Err(fault) => fault.code.to_string(),
    }
}

#[test]
fn rows_43_and_44_encodings_and_structure() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("a,b\n1,2\n".bytes().flat_map(|b| [b, 0])).collect();
    let long = format!("a,b\n{},1\n", "x".repeat(10 << 20)).into_bytes();
    let wide = format!("{}\n", "a,".repeat(100_000)).into_bytes();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("byte-order mark", b"\xef\xbb\xbfa,b\n1,2\n".to_vec(), "rows 1 rejected 0"),
        ("UTF-16", utf16, "encoding"),
        ("UTF-16, the other way", vec![0xfe, 0xff, 0, b'a'], "encoding"),
        ("Latin-1", b"a,b\nM\xfcller,2\n".to_vec(), "encoding"),
        ("Windows-1252 quotes", b"a,b\n\x93x\x94,2\n".to_vec(), "encoding"),
        ("invalid UTF-8", b"a,b\n\xc3\x28,2\n".to_vec(), "encoding"),
        ("NUL", b"a,b\n1\0,2\n".to_vec(), "encoding"),
        ("mixed line ends", b"a,b\r\n1,2\n3,4\r\n".to_vec(), "rows 2 rejected 0"),
        ("no last newline", b"a,b\n1,2".to_vec(), "rows 1 rejected 0"),
        ("quote never closed", b"a,b\n\"1,2\n".to_vec(), "csv"),
        ("quote inside a field", b"a,b\n6\" pipe,2\n".to_vec(), "rows 1 rejected 0"),
        ("doubled quotes", b"a,b\n\"1\"\"2\",2\n".to_vec(), "rows 1 rejected 0"),
        ("embedded newline", b"a,b\n\"1\n2\",2\n".to_vec(), "rows 1 rejected 0"),
        ("a field of 10 MB", long, "limit"),
        ("100,000 columns", wide, "limit"),
        ("nothing", Vec::new(), "empty"),
        ("blank lines", b"\n\n\n".to_vec(), "empty"),
        ("too many fields", b"a,b\n1,2,3\n1,2\n".to_vec(), "rows 1 rejected 1"),
        ("header only", b"a,b\n".to_vec(), "rows 0 rejected 0"),
        ("the same column twice", b"a,A\n1,2\n".to_vec(), "header"),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(table(&bytes), wanted, "{name}");
    }
}

/// Fields that a spreadsheet would run are text here.
#[test]
fn row_45_formulas_are_text() {
    for text in ["=1+1", "@SUM(A1)", "+cmd", "-2+3", "=HYPERLINK(\"x\")", "=cmd|' /C calc'!A0", "\tx"] {
        let quoted = format!("payment,payer,amount,invoice\n1,\"{}\",1.00,A1\n", text.replace('"', "\"\""));
        let read = remittances(quoted.as_bytes(), None).unwrap();
        assert_eq!((read.rows[0].payer.as_str(), read.rejected.len()), (text.trim(), 0), "{text}");
    }
}

#[test]
fn rows_46_to_48_columns_amounts_and_damage() {
    // Columns in another order and beside others are found by name; one that is missing refuses the file.
    let good = "note,invoice,amount\nx,A1,1.00\n";
    assert_eq!(remittances(good.as_bytes(), None).unwrap().rows.len(), 1);
    for bad in ["invoice\nA1\n", "amount\n1.00\n", "Amount Paid,invoice\n1.00,A\n"] {
        assert_eq!(remittances(bad.as_bytes(), None).unwrap_err().code, "header", "{bad}");
    }
    let amounts = [
        "1,234.56",
        "1.234,56",
        "$12",
        "(12.00)",
        "1e3",
        "12.345",
        "NaN",
        "Infinity",
        "１２.00",
        "٣.00",
        "--1",
        "1 2.00",
    ];
    for amount in amounts {
        let text = format!("invoice,amount\nA1,\"{amount}\"\nA2,1.00\n");
        let read = remittances(text.as_bytes(), None).unwrap();
        assert_eq!((read.rows.len(), read.rejected.len()), (1, 1), "{amount}");
        assert_eq!((read.rejected[0].line, read.rejected[0].column.as_deref()), (2, Some("amount")), "{amount}");
    }
    let mapping = Mapping { amount_format: super::bills_csv::AmountFormat::Thousands, ..Mapping::default() };
    let text = "invoice,amount\nA1,\"1,234.56\"\n";
    assert_eq!(remittances(text.as_bytes(), Some(&mapping)).unwrap().rows[0].amount.to_string(), "1234.56");
    for (account, kept) in [("000123", true), ("1.23E+11", false), ("12\u{7}3", false)] {
        let text = format!("account,amount\n{account},1.00\n");
        let read = remittances(text.as_bytes(), None).unwrap();
        assert_eq!(read.rows.first().and_then(|r| r.account.as_deref()), kept.then_some(account), "{account}");
    }
}

/// Row 50: one id twice; an amount of nothing or less is a bill all the same, which pays nothing.
#[test]
fn row_50_bills_with_one_id() {
    let text = "biller,bill,account,amount_due\nw,1,1,1.00\nw,1,2,2.00\nw,2,1,0.00\nw,3,1,-5.00\n";
    let read = bills(text.as_bytes(), None).unwrap();
    assert_eq!((read.rows.len(), read.rejected.len(), read.rejected[0].line), (3, 1, 3));
}

#[test]
fn row_59_dates_of_the_calendar() {
    for (text, good) in [
        ("2024-02-29", true),
        ("2026-02-29", false),
        ("2100-02-29", false),
        ("2000-02-29", true),
        ("2026-04-31", false),
        ("0000-00-00", false),
        ("2026-13-01", false),
        ("26-01-01", false),
        ("2026-1-1", false),
    ] {
        assert_eq!(text.parse::<Day>().is_ok(), good, "{text}");
        let row = format!("invoice,amount,date\nA1,1.00,{text}\n");
        assert_eq!(remittances(row.as_bytes(), None).unwrap().rejected.is_empty(), good, "{text}");
    }
    // Six columns: two-digit years from 70 are of the last century.
    let short = |text: &str| Date::<6>::read(text.as_bytes()).day();
    for (text, day) in [("691231", "2069-12-31"), ("700101", "1970-01-01"), ("240229", "2024-02-29")] {
        assert_eq!(short(text).ok().flatten().map(|d| d.to_string()).as_deref(), Some(day));
    }
    for text in ["260229", "260431", "000000", "999999", "26 101", "ABCDEF"] {
        assert!(short(text).is_err(), "{text}");
    }
    assert!(matches!(short("      "), Ok(None)));
    let long = |text: &str| Date::<8>::read(text.as_bytes()).day();
    assert!(long("20240229").is_ok() && long("21000229").is_err() && long("00000000").is_err());
}
