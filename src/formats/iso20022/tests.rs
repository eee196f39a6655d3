//! Messages read, limits held, references checked; any notification written reads back.

use proptest::prelude::*;

use super::*;
use crate::domain::Cents;

fn read(text: &str) -> Result<(Summary, Vec<Entry>), crate::formats::fault::Fault> {
    let mut entries = Vec::new();
    let summary = scan(&mut text.as_bytes(), &mut |event| {
        if let Event::Entry(_, entry) = event {
            entries.push(entry.clone());
        }
    })?;
    Ok((summary, entries))
}

fn sample() -> String {
    let payment = |payer: &str, text: &str, cents: i64| (payer.to_string(), text.to_string(), Cents::new(cents));
    let notification = OutgoingNotification {
        id: "N1".into(),
        account: "123".into(),
        date: "2026-11-03".parse().unwrap(),
        entries: vec![
            OutgoingEntry {
                reference: "R1".into(),
                payments: vec![payment("A & B", "INV1", 8425), payment("C", "INV2", 100)],
            },
            OutgoingEntry { reference: "R2".into(), payments: vec![payment("D", "INV3", 1)] },
        ],
    };
    String::from_utf8(write_054(&notification).unwrap()).unwrap()
}

#[test]
fn a_notification_is_read_and_what_does_not_agree_is_named() {
    let (summary, entries) = read(&sample()).unwrap();
    assert_eq!(summary.faults.list(), []);
    assert_eq!((summary.kind, summary.version.as_str(), summary.credits), (MessageKind::Notification054, "08", 2));
    assert_eq!((entries[0].amount, entries[0].status.as_str()), (Cents::new(8525), "BOOK"));
    assert_eq!(
        (entries[0].transactions[0].debtor.as_str(), entries[0].transactions[1].unstructured[0].as_str()),
        ("A & B", "INV2")
    );
    let check = |from: &str, to: &str, code: &str| {
        let changed = sample().replacen(from, to, 1);
        assert_ne!(changed, sample(), "{from}");
        let told = read(&changed);
        let codes: Vec<&str> = match &told {
            Ok((summary, _)) => summary.faults.list().iter().map(|f| f.code).collect(),
            Err(fault) => vec![fault.code],
        };
        assert!(codes.contains(&code), "{code}: {codes:?}");
    };
    check(">85.25<", ">85.26<", "total");
    check("<NbOfTxs>2", "<NbOfTxs>3", "total");
    check(">84.25<", ">84.255<", "amount");
    check(">84.25<", ">1e3<", "amount");
    check("<CdtDbtInd>CRDT", "<CdtDbtInd>XXXX", "direction");
    check("<Dt>2026-11-03", "<Dt>2026-02-31", "date");
    check("camt.054.001.08", "camt.054.001.99", "version");
    check("camt.054.001.08", "pain.001.001.08", "not-camt");
    check("</Ntfctn>", "", "xml");
    check("<?xml", "<!DOCTYPE Document [<!ENTITY a \"b\">]><?xml", "doctype");
    check("A &amp; B", "&lol;", "entity");
    let deep = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\">".to_string() + &"<a>".repeat(100);
    assert_eq!(read(&deep).unwrap_err().code, "limit");
    let long = format!("<Document><BkToCstmrStmt><x>{}</x></BkToCstmrStmt></Document>", "y".repeat(3 << 20));
    assert_eq!(read(&long).unwrap_err().code, "xml");
    let cut = sample();
    let (summary, entries) = read(&cut[..cut.find("R2").unwrap()]).unwrap();
    assert_eq!((entries.len(), summary.faults.errors > 0), (1, true), "what stands before the damage");
    assert_eq!(read("").unwrap_err().code, "empty");
    assert_eq!(read("<html></html>").unwrap_err().code, "not-camt");
}

#[test]
fn references_are_checked() {
    for (kind, reference, holds) in [
        ("SCOR", "RF18539007547034", Some(true)),
        ("SCOR", "RF18 5390 0754 7034", Some(true)),
        ("SCOR", "RF18539007547043", Some(false)),
        ("QRR", "210000000003139471430009017", Some(true)),
        ("QRR", "210000000003139471430009018", Some(false)),
        ("", "INV123", None),
        ("SCOR", "RF", Some(false)),
        ("", "RF1\u{202e}8539007547034", Some(false)),
    ] {
        assert_eq!(check_reference(kind, reference), holds, "{kind} {reference}");
    }
}

#[test]
fn amounts_are_exact() {
    let cases = [
        ("1537.00", 2, Some(153_700)),
        ("8.850", 2, Some(885)),
        ("8.855", 2, None),
        ("2700", 0, Some(270_000)),
        ("2700.5", 0, None),
        ("", 2, None),
        (".5", 2, Some(50)),
        ("٣", 2, None),
    ];
    for (text, places, cents) in cases {
        assert_eq!(super::amount::amount(text, places), cents.map(Cents::new), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_notification_written_reads_back(entries in proptest::collection::vec(proptest::collection::vec(
        ("[A-Z&<>]([A-Z &<>.]{0,20}[A-Z])?", "[A-Z0-9]([A-Z0-9 ]{0,20}[A-Z0-9])?", 0i64..100_000_000), 1..4), 0..4)) {
        let out = OutgoingNotification {
            id: "N1".into(), account: "1".into(), date: "2026-11-03".parse().unwrap(),
            entries: entries.into_iter().zip(1..).map(|(payments, n)| OutgoingEntry {
                reference: format!("R{n}"),
                payments: payments.into_iter().map(|(p, t, c)| (p, t, Cents::new(c))).collect(),
            }).collect(),
        };
        let (summary, read) = read(&String::from_utf8(write_054(&out).unwrap()).unwrap()).unwrap();
        prop_assert_eq!(summary.faults.list(), &[]);
        let read: Vec<OutgoingEntry> = read.into_iter().map(|e| OutgoingEntry {
            reference: e.servicer_reference,
            payments: e.transactions.into_iter().map(|t| (t.debtor, t.unstructured.concat(), t.amount.unwrap())).collect(),
        }).collect();
        prop_assert_eq!(read, out.entries);
    }
}
