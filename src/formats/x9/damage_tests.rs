//! What comes of damaged letters, as a table: each kind of damage, the first fault with its record, and how many checks are
//! still seen. No damage shifts the rest unnoticed.

use super::*;
use crate::domain::{Cents, Day, RoutingNumber};
use crate::formats::ebcdic::CodePage;
use crate::formats::fault::Fault;

/// A letter of two bundles (two checks and one) in ASCII with length words, as its records.
fn records() -> Vec<Vec<u8>> {
    let routing = RoutingNumber::new("061000146").unwrap();
    let day: Day = "2026-11-30".parse().unwrap();
    let check = |sequence: u64| OutgoingCheck {
        routing: routing.clone(),
        on_us: "12345678/0101".into(),
        auxiliary_on_us: String::new(),
        external_processing_code: String::new(),
        amount: Cents::new(1000 + sequence as i64),
        sequence,
        front: b"II*\0front with a line\nin it",
        back: b"II*\0back",
    };
    let letter = CashLetter { head: LetterHead::first_of(day, "1705", "1"), checks: (1..=3).map(check).collect() };
    let usual = Profile::usual(&routing, "123456780");
    let bytes = write(&letter, &Profile { encoding: Encoding::Ascii, bundle_size: 2, ..usual }).unwrap();
    let (mut records, mut rest) = (Vec::new(), bytes.as_slice());
    while let Some((word, tail)) = rest.split_first_chunk::<4>() {
        let (record, tail) = tail.split_at(u32::from_be_bytes(*word) as usize);
        records.push(record.to_vec());
        rest = tail;
    }
    records
}

fn file(records: &[Vec<u8>]) -> Vec<u8> {
    records.iter().flat_map(|r| [&(r.len() as u32).to_be_bytes()[..], r].concat()).collect()
}

fn faults(bytes: &[u8]) -> (Vec<Fault>, u64) {
    let file = read(bytes).unwrap();
    (file.summary.faults.list().to_vec(), file.summary.checks)
}

/// Number (from 1) of the n-th record of a type.
fn nth(records: &[Vec<u8>], code: &str, n: usize) -> usize {
    let mut at = records.iter().enumerate().filter(|(_, r)| r.starts_with(code.as_bytes()));
    at.nth(n - 1).unwrap().0
}

/// The first error has the code and stands at the record (from 1); so many checks are seen.
fn check(name: &str, bytes: &[u8], code: &str, record: u64, checks: u64) {
    let (faults, seen) = faults(bytes);
    let first = faults.iter().find(|f| f.is_error()).unwrap_or_else(|| panic!("{name}: no error in {faults:?}"));
    assert_eq!((first.code, first.record, seen), (code, Some(record), checks), "{name}: {faults:#?}");
    assert!(first.offset.is_some(), "{name}");
}

#[test]
fn a_whole_letter_has_no_fault() {
    assert_eq!(faults(&file(&records())), (vec![], 3));
}

#[test]
fn a_wrong_length_word_is_named_and_shifts_nothing() {
    let all = records();
    for code in ["10", "25", "26", "50", "52", "70", "90", "99"] {
        let at = nth(&all, code, 1);
        let before: usize = all[..at].iter().map(|r| r.len() + 4).sum();
        let right = all[at].len() as u32;
        for word in
            [0, 3, 79, 81, right - 1, right + 1, 1 << 31, u32::MAX, 20_000_000].into_iter().filter(|w| *w != right)
        {
            let mut bytes = file(&all);
            bytes[before..before + 4].copy_from_slice(&word.to_be_bytes());
            let name = format!("record {code} with the word {word}");
            check(&name, &bytes, "record-length", at as u64 + 1, 3);
            assert_eq!(read(&bytes).unwrap().summary.records, all.len() as u64, "{name}");
        }
    }
    let counting: Vec<u8> = all.iter().flat_map(|r| [&(r.len() as u32 + 4).to_be_bytes()[..], r].concat()).collect();
    check("words that count themselves", &counting, "record-length", 1, 3);
    let little: Vec<u8> = all.iter().flat_map(|r| [&(r.len() as u32).to_le_bytes()[..], r].concat()).collect();
    let (faults, checks) = faults(&little);
    assert_eq!((faults[0].code, faults.len(), checks), ("little-endian", 1, 3));
}

#[test]
fn what_stands_before_and_after_damage_is_seen() {
    let all = records();
    let bytes = file(&all);
    let at: usize = all[..nth(&all, "25", 2)].iter().map(|r| r.len() + 4).sum();
    // The second check's first bytes are gone.
    let cut = [&bytes[..at], &bytes[at + 30..]].concat();
    let read = read(&cut).unwrap();
    let fault = read.summary.faults.list().iter().find(|f| f.code == "record-length").unwrap();
    assert_eq!(fault.offset, Some(at as u64));
    assert_eq!(read.items.iter().map(|i| i.amount().unwrap().get()).collect::<Vec<_>>(), [1001, 1003]);
}

#[test]
fn padding_and_what_is_none() {
    let bytes = file(&records());
    for padding in [&[0u8; 40][..], &[0x1a], &[b' '; 160], b"\r\n"] {
        let (faults, _) = faults(&[&bytes[..], padding].concat());
        assert_eq!((faults.len(), faults[0].code, faults[0].is_error()), (1, "padding", false));
    }
    let (tail, _) = faults(&[&bytes[..], b"something else"].concat());
    assert!(tail.iter().any(|f| f.is_error() && f.offset == Some(bytes.len() as u64)), "{tail:?}");
    assert!(read(&[b"\xef\xbb\xbf", &bytes[..]].concat()).is_err());
    let mut blank = records();
    blank.insert(4, vec![b' '; 80]);
    check("a blank record", &file(&blank), "record-type", 5, 3);
}

type Change<'a> = &'a dyn Fn(&mut Vec<Vec<u8>>);

#[test]
fn order() {
    let all = records();
    let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut records = all.clone();
        change(&mut records);
        file(&records)
    };
    let (first, last) = (nth(&all, "25", 1), all.len());
    let cases: [(&str, &str, u64, u64, Change<'_>); 8] = [
        ("no 99", "missing-99", last as u64 - 1, 3, &|r| drop(r.pop())),
        ("no 01", "missing-01", 1, 3, &|r| drop(r.remove(0))),
        ("two 01", "order", 2, 3, &|r| r.insert(1, r[0].clone())),
        ("no 70", "missing-70", nth(&all, "70", 1) as u64 + 1, 3, &|r| drop(r.remove(nth(r, "70", 1)))),
        ("no 90", "missing-90", nth(&all, "90", 1) as u64 + 1, 3, &|r| drop(r.remove(nth(r, "90", 1)))),
        ("50 without 52", "missing-52", nth(&all, "50", 1) as u64 + 1, 3, &|r| drop(r.remove(nth(r, "52", 1)))),
        ("addendum before its check", "order", first as u64 + 1, 3, &|r| r.swap(first, first + 1)),
        ("an unknown type", "record-type", 3, 3, &|r| r.insert(2, format!("{:<80}", "17").into_bytes())),
    ];
    for (name, code, record, checks, change) in cases {
        check(name, &changed(change), code, record, checks);
    }
    let mut owned = format!("68{:<36}{:07}", "1", 5).into_bytes();
    owned.extend_from_slice(b"hello");
    let places = [nth(&all, "20", 1), nth(&all, "26", 1), nth(&all, "70", 1), nth(&all, "90", 1)];
    for place in places {
        let bytes = changed(&|r| {
            r.insert(place, owned.clone());
            let last = r.len() - 1;
            r[last][8..16].copy_from_slice(format!("{:08}", last + 1).as_bytes());
        });
        assert_eq!(faults(&bytes), (vec![], 3), "a user record before record {place}");
    }
}

#[test]
fn lengths_of_images_are_never_believed() {
    let all = records();
    let at = nth(&all, "52", 1);
    for length in ["0000000", "0000001", "9999999", "-000001", "       ", "1e99999"] {
        let mut records = all.clone();
        records[at][110..117].copy_from_slice(length.as_bytes());
        check(length, &file(&records), "image-length", at as u64 + 1, 3);
    }
    for (from, key) in [(101, "9999"), (101, "-001"), (105, "99999")] {
        let mut records = all.clone();
        records[at][from..from + key.len()].copy_from_slice(key.as_bytes());
        check(key, &file(&records), "image-length", at as u64 + 1, 3);
    }
}

#[test]
fn totals_name_their_level() {
    let all = records();
    let changes = |changes: &[(&str, usize, usize)]| {
        let mut records = all.clone();
        for (code, n, column) in changes {
            let at = nth(&all, code, *n);
            // The last digit of a field, one higher or lower.
            let digit = &mut records[at][column - 1];
            *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
        }
        faults(&file(&records)).0.into_iter().filter(Fault::is_error).collect::<Vec<_>>()
    };
    for (code, n, column, field) in [
        ("70", 1, 6, 3),
        ("70", 2, 18, 7),
        ("70", 1, 35, 31),
        ("90", 1, 8, 3),
        ("90", 1, 16, 9),
        ("90", 1, 30, 17),
        ("90", 1, 39, 31),
        ("99", 1, 8, 3),
        ("99", 1, 16, 9),
        ("99", 1, 24, 17),
        ("99", 1, 40, 25),
    ] {
        let found = changes(&[(code, n, column)]);
        assert_eq!(found.len(), 1, "{code} column {column}: {found:?}");
        assert_eq!((found[0].code, found[0].column), ("total", Some(field)), "{code} column {column}");
        assert_eq!(found[0].record, Some(nth(&all, code, n) as u64 + 1));
    }
    // Both wrong, so that the letter's own sum would hold: each is named all the same.
    assert_eq!(changes(&[("70", 1, 18), ("70", 2, 18)]).len(), 2);
}

#[test]
fn amounts_dates_and_routings() {
    let all = records();
    let changed = |code: &str, column: usize, text: &str| {
        let mut records = all.clone();
        let at = nth(&all, code, 1);
        records[at][column - 1..column - 1 + text.len()].copy_from_slice(text.as_bytes());
        faults(&file(&records)).0
    };
    for amount in ["          ", "0000000-12", "     12.34", "00000 1001", "000000100A", "000000100}"] {
        let found = changed("25", 48, amount);
        assert!(
            found.iter().any(|f| f.code == "amount" && f.is_error() && f.column == Some(48)),
            "{amount}: {found:?}"
        );
    }
    let zero = changed("25", 48, "0000000000");
    assert!(zero.iter().any(|f| f.code == "amount-zero"), "{zero:?}");
    let largest = changed("25", 48, "9999999999");
    assert!(largest.iter().all(|f| f.code == "total"), "{largest:?}");
    for date in ["00000000", "20260231", "        ", "2026-1-3"] {
        for (code, column) in [("01", 24), ("10", 23), ("20", 23)] {
            let found = changed(code, column, date);
            assert!(
                found.iter().any(|f| f.code == "date" && f.column == Some(column as u64)),
                "{code} {date}: {found:?}"
            );
        }
    }
    for routing in ["061000147", "000000000", "06100014 ", "0610-0014", "06100*146"] {
        let found = changed("25", 19, routing);
        let foreign = routing == "06100014 ";
        assert_eq!(found.iter().any(|f| f.code == "routing"), !foreign, "{routing}: {found:?}");
        assert!(!found.iter().any(Fault::is_error), "{routing}");
    }
}

#[test]
fn encodings_are_told_and_never_mixed() {
    let all = records();
    let encoded = |from: usize| {
        let mut records = all.clone();
        for record in &mut records[from..] {
            let text = if record.starts_with(b"52") { 117 } else { record.len() };
            CodePage::Ibm037.encode(&mut record[..text]);
        }
        file(&records)
    };
    assert_eq!(faults(&encoded(0)), (vec![], 3));
    let (found, _) = faults(&encoded(2));
    assert_eq!((found[0].code, found[0].record), ("mixed-encoding", Some(3)));
}

/// A total that its field cannot hold is refused where it would be written; nothing is cut.
#[test]
fn a_total_too_large_is_not_written() {
    let routing = RoutingNumber::new("061000146").unwrap();
    let day: Day = "2026-11-30".parse().unwrap();
    let check = |sequence| OutgoingCheck {
        routing: routing.clone(),
        on_us: "1/".into(),
        auxiliary_on_us: String::new(),
        external_processing_code: String::new(),
        amount: Cents::MAX_ITEM,
        sequence,
        front: b"II*\0",
        back: b"II*\0",
    };
    let letter =
        |count| CashLetter { head: LetterHead::first_of(day, "1705", "1"), checks: (1..=count).map(check).collect() };
    let profile = Profile::usual(&routing, "123456780");
    let refused = write(&letter(101), &profile).unwrap_err();
    assert_eq!((refused.record, refused.field, refused.columns), ("70", "total_amount", (7, 18)));
    assert!(write(&letter(101), &Profile { bundle_size: 100, ..profile }).is_ok());
}

/// A letter of returns that holds an empty bundle and no item closes without a fault.
#[test]
fn a_letter_without_items_is_legal() {
    let mut all = records();
    let (from, to) = (nth(&all, "20", 1), nth(&all, "90", 1));
    all.drain(from..to);
    let put = |record: &mut Vec<u8>, column: usize, text: &str| {
        record[column - 1..column - 1 + text.len()].copy_from_slice(text.as_bytes());
    };
    let last = all.len();
    put(&mut all[last - 2], 3, &"0".repeat(37));
    put(&mut all[last - 1], 9, &format!("{last:08}{}", "0".repeat(24)));
    assert_eq!(faults(&file(&all)), (vec![], 0));
}
