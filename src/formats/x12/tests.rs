//! Envelope, amounts, lines and adjustments; any advice written reads back.

use proptest::prelude::*;

use super::*;
use crate::domain::Cents;

fn read(text: &str) -> (Summary, Vec<Payment>) {
    let mut payments = Vec::new();
    let summary = scan(&mut text.as_bytes(), &mut |event| {
        if let Event::Payment(payment) = event {
            payments.push(payment.clone());
        }
    })
    .unwrap();
    (summary, payments)
}

fn advice() -> OutgoingAdvice {
    let line = |reference: &str, paid: i64| OutgoingLine {
        qualifier: "IV".into(),
        reference: reference.into(),
        paid: Cents::new(paid),
    };
    OutgoingAdvice {
        sender: "021000021".into(),
        receiver: "ACMEUTIL".into(),
        control: 77,
        date: "2026-11-03".parse().unwrap(),
        routing: "011401494".into(),
        account: "1234567890".into(),
        trace: "4311".into(),
        payer: "J SAMPLE".into(),
        lines: vec![line("INV1", 8425), line("INV2", 1050)],
    }
}

#[test]
fn an_advice_is_read_in_any_wrapping() {
    let text = String::from_utf8(write_820(&advice()).unwrap()).unwrap();
    let plain = read(&text);
    assert_eq!(plain.0.faults.list(), []);
    assert_eq!(
        (plain.1[0].amount, plain.1[0].payer.as_str(), plain.1[0].trace.as_str()),
        (Cents::new(9475), "J SAMPLE", "4311")
    );
    assert_eq!(plain.1[0].lines[1].reference, "INV2");
    for (name, wrapped) in [
        ("one line", text.replace('\n', "")),
        ("crlf", text.replace('\n', "\r\n")),
        ("indented", text.replace('\n', "\n   ")),
        ("backslash", text.replace('~', "\\")),
        ("line feed alone", text.replace("~\n", "\n")),
        ("byte-order mark", format!("\u{feff}{text}")),
        ("trimmed", text.replace("          ", "")),
        ("other separators", text.replace('*', "|")),
    ] {
        let (summary, payments) = read(&wrapped);
        assert_eq!(summary.faults.list(), [], "{name}");
        assert_eq!(payments[0].lines.len(), 2, "{name}");
        assert!(looks_like(wrapped.as_bytes()) && set_in(wrapped.as_bytes()).as_deref() == Some("820"), "{name}");
    }
}

#[test]
fn what_does_not_agree_is_named() {
    let text = String::from_utf8(write_820(&advice()).unwrap()).unwrap();
    let check = |from: &str, to: &str, code: &str, record: u64| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let (summary, payments) = read(&changed);
        let there =
            summary.faults.list().iter().any(|f| f.code == code && f.record == Some(record) && f.offset.is_some());
        assert!(there, "{code} {record}: {:?}", summary.faults.list());
        assert_eq!(payments.len(), 1, "{code}");
    };
    // 1 ISA 2 GS 3 ST 4 BPR 5 TRN 6 N1 7 ENT 8-9 RMR 10 SE 11 GE 12 IEA
    check("SE*8", "SE*9", "total", 10);
    check("SE*8*0077", "SE*8*0078", "control-number", 10);
    check("GE*1*77", "GE*2*77", "total", 11);
    check("GE*1*77", "GE*1*78", "control-number", 11);
    check("IEA*1*000000077", "IEA*3*000000077", "total", 12);
    check("IEA*1*000000077", "IEA*1*000000078", "control-number", 12);
    check("IEA*1*000000077~\n", "", "missing-IEA", 11);
    check("SE*8*0077~\n", "", "missing-SE", 10);
    check("*94.75*", "*94.76*", "reconcile", 4);
    check("*94.75*", "*94.755*", "amount", 4);
    check("**10.50", "**1e1", "amount", 9);
    check("GS*RA", "GX*RA", "order", 2);
    assert_eq!(scan(&mut &b"ST*820*1~"[..], &mut |_| {}).unwrap_err().code, "not-x12");
}

#[test]
fn amounts_are_exact() {
    let cases = [
        ("1500", Some(150_000)),
        ("5390.00", Some(539_000)),
        (".5", Some(50)),
        ("-13676.81", Some(-1_367_681)),
        ("8.850", Some(885)),
        ("8.855", None),
        ("1,234.00", None),
        ("1e3", None),
        ("", None),
        (".", None),
        ("NaN", None),
        ("99999999999999999999", None),
    ];
    for (text, cents) in cases {
        assert_eq!(super::read::amount(text), cents.map(Cents::new), "{text}");
    }
}

#[test]
fn addenda_hold_a_whole_set_or_single_segments() {
    let of = |text: &str| {
        let (payments, _) = fragment(text)?;
        let lines: Vec<String> = payments
            .iter()
            .flat_map(|p| p.lines.iter().map(|l| format!("{} {} {}", l.qualifier, l.reference, l.paid.unwrap())))
            .collect();
        Some(lines.join("; "))
    };
    assert_eq!(of("RMR*IV*INV123**100.00\\").as_deref(), Some("IV INV123 100.00"));
    assert_eq!(of("RMR*IV*1**1\\RMR*IV*2**2.5\\").as_deref(), Some("IV 1 1.00; IV 2 2.50"));
    assert_eq!(of("TXP*123456789*941*250901*1*10000\\").as_deref(), Some(""));
    assert_eq!(of("Debit First Account"), None);
    assert_eq!(of("INVOICE 12345"), None);
    let whole = String::from_utf8(write_820(&advice()).unwrap()).unwrap().replace('\n', "");
    assert_eq!(of(&whole).as_deref(), Some("IV INV1 84.25; IV INV2 10.50"));
    let bare: String = whole[whole.find("ST*").unwrap()..whole.find("GE*").unwrap()].replace('~', "\\");
    assert_eq!(of(&bare).as_deref(), Some("IV INV1 84.25; IV INV2 10.50"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_advice_written_reads_back(lines in proptest::collection::vec(
        ("[A-Z]{2}", "[A-Z0-9][A-Z0-9 -]{0,20}[A-Z0-9]", -1_000_000i64..100_000_000), 0..8), payer in "[A-Z][A-Z .&]{0,20}[A-Z]") {
        let lines: Vec<OutgoingLine> = lines.into_iter()
            .map(|(qualifier, reference, paid)| OutgoingLine { qualifier, reference, paid: Cents::new(paid) }).collect();
        prop_assume!(lines.iter().map(|l| l.paid.get()).sum::<i64>() >= 0);
        let out = OutgoingAdvice { lines: lines.clone(), payer: payer.clone(), ..advice() };
        let (summary, payments) = read(&String::from_utf8(write_820(&out).unwrap()).unwrap());
        prop_assert_eq!(summary.faults.list(), &[]);
        prop_assert_eq!(&payments[0].payer, &payer);
        let read: Vec<OutgoingLine> = payments[0].lines.iter().map(|l| OutgoingLine {
            qualifier: l.qualifier.clone(), reference: l.reference.clone(), paid: l.paid.unwrap(),
        }).collect();
        prop_assert_eq!(read, lines);
    }
}
