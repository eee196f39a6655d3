//! Totals, funds types, text with commas and slashes, several records on a line; any file written reads back.

use proptest::prelude::*;

use super::*;
use crate::domain::Cents;

fn read(text: &str) -> (Summary, Vec<Detail>) {
    let mut details = Vec::new();
    let summary = scan(&mut text.as_bytes(), &mut |event| {
        if let Event::Detail(_, _, detail) = event {
            details.push(detail.clone());
        }
    })
    .unwrap();
    (summary, details)
}

const FILE: &str = "01,BANK,ACME,261103,0645,1,,,2/\n02,ACME,BANK,1,261102,2400,USD,2/\n\
    03,123,USD,100,3500,2,S,1000,2000,500,400,0,,/\n16,142,2500,V,261103,,REF1,CUST1,ACH CREDIT, INV 1/2\n88,EREF: 77\n\
    88:REMI: INV00017\n16,195,1000,D,2,0,400,1,600,REF2,,WIRE/\n49,7000,6/\n98,7000,1,8/\n99,7000,1,10/\n";

#[test]
fn a_file_is_read_with_its_text() {
    let (summary, details) = read(FILE);
    assert_eq!(summary.faults.list(), []);
    assert_eq!((summary.details, summary.credit, summary.records), (2, Cents::new(3500), 10));
    assert_eq!(details[0].text, ["ACH CREDIT, INV 1/2", "EREF: 77", "REMI: INV00017"]);
    assert_eq!((details[0].bank_reference.as_str(), details[0].customer_reference.as_str()), ("REF1", "CUST1"));
    let parts = [("0".to_string(), Cents::new(400)), ("1".to_string(), Cents::new(600))];
    assert_eq!(details[1].funds, FundsType::Distributed(parts.to_vec()));
    assert_eq!((details[1].bank_reference.as_str(), details[1].text.as_slice()), ("REF2", &["WIRE".to_string()][..]));
    let one_line = FILE.replace("/\n", "/ ").replace("2400,USD,2/ 03", "2400,USD,2/\n03");
    assert_eq!(read(&one_line.replace("WIRE/ ", "WIRE/\n")).0.faults.errors, 0);
    // Also behind texts; a slash within one is none of their ends.
    let all = FILE.replace("/\n", "/ ").replace("1/2\n", "1/16,5/ ").replace("77\n", "77/ ");
    let (summary, behind) = read(&all);
    assert_eq!((summary.faults.list(), summary.records), (&[][..], 10));
    assert_eq!(behind[0].text, ["ACH CREDIT, INV 1/16,5", "EREF: 77", "REMI: INV00017"]);
    assert_eq!(read(&FILE.replace('\n', "\r\n")).0.faults.list(), []);
    // Yen have no hundredths; totals are compared as they stand.
    let (summary, details) = read(&FILE.replace(",USD", ",JPY"));
    assert_eq!(
        (summary.faults.errors, summary.credit, details[0].amount),
        (0, Cents::new(350_000), Cents::new(250_000))
    );
}

#[test]
fn a_bank_that_counts_in_its_own_way_is_believed_as_far_as_the_site_says() {
    let bank = |sender: &str, totals| BankTotals { sender: sender.into(), totals };
    let (count, total) = (("49,7000,6", "49,7000,26"), ("98,7000,1,8", "98,-12,1,8"));
    let rows = [
        (bank("BANK", Totals::Strict), count, 1),
        (bank("BANK", Totals::CountsOff), count, 0),
        (bank("OTHER", Totals::CountsOff), count, 1),
        (bank("BANK", Totals::Strict), total, 1),
        (bank("BANK", Totals::CountsOff), total, 1),
        (bank("BANK", Totals::Off), total, 0),
        (bank("BANK", Totals::Off), count, 0),
        // Whatever is agreed on totals: a file that is cut short is held.
        (bank("BANK", Totals::Off), ("99,7000,1,10/\n", ""), 1),
    ];
    for (bank, (from, to), errors) in rows {
        let changed = FILE.replacen(from, to, 1);
        assert_ne!(changed, FILE, "{from}");
        let mut accounts = Vec::new();
        let summary = scan_from(std::slice::from_ref(&bank), &mut changed.as_bytes(), &mut |event| {
            if let Event::Account(_, account) = event {
                accounts.push(account.errors);
            }
        })
        .unwrap();
        assert_eq!(summary.faults.errors, errors, "{bank:?} {to}: {:?}", summary.faults.list());
        assert!(!summary.faults.list().is_empty(), "{bank:?} {to}: what differs is told in any case");
        assert!(errors == 1 || accounts == [0], "{bank:?} {to}: {accounts:?}");
    }
}

#[test]
fn what_does_not_agree_is_named() {
    let check = |from: &str, to: &str, code: &str, record: u64| {
        let changed = FILE.replacen(from, to, 1);
        assert_ne!(changed, FILE, "{from}");
        let (summary, _) = read(&changed);
        let there =
            summary.faults.list().iter().any(|f| f.code == code && f.record == Some(record) && f.offset.is_some());
        assert!(there, "{code} {record}: {:?}", summary.faults.list());
    };
    check("49,7000,6", "49,7001,6", "total", 8);
    check("49,7000,6", "49,7000,7", "total", 8);
    check("98,7000,1,8", "98,7000,2,8", "total", 9);
    check("98,7000,1,8", "98,7000,1,9", "total", 9);
    check("99,7000,1,10", "99,7,1,10", "total", 10);
    check("16,142,2500,V", "16,142,25.00,V", "amount", 4);
    check("16,142,2500,V", "16,14x,2500,V", "code", 4);
    check("16,142,2500,V", "16,142,2500,Q", "funds-type", 4);
    check("49,7000,6/\n", "", "missing-49", 8);
    check("98,7000,1,8/\n", "", "missing-98", 9);
    check("99,7000,1,10/\n", "", "missing-99", 9);
    check("261102,2400", "260231,2400", "date", 2);
    check("88,EREF", "77,EREF", "record-type", 5);
    check("03,123", "16,123", "order", 3);
    check("D,2,0,400", "D,9,0,400", "funds-type", 7);
    assert_eq!(scan(&mut &b"00,1/2"[..], &mut |_| {}).unwrap_err().code, "not-bai2");
    let endless = format!("01,{}", "x".repeat(3 << 20));
    assert_eq!(scan(&mut endless.as_bytes(), &mut |_| {}).unwrap_err().code, "limit");
}

/// What came back, with the reason where the bank says one.
#[test]
fn returned_items_of_a_statement() {
    use crate::domain::ReturnReason::*;
    let file = |lines: &[&str]| {
        let sum: i64 = lines.iter().map(|l| l.split(',').nth(2).unwrap().parse::<i64>().unwrap()).sum();
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        let (of_account, of_group, of_file) = (lines.len() + 2, lines.len() + 4, lines.len() + 6);
        format!(
            "01,BANK,ACME,261103,0645,1,,,2/\n02,ACME,BANK,1,261102,2400,USD,2/\n03,123,USD/\n{text}49,{sum},{of_account}/\n\
             98,{sum},1,{of_group}/\n99,{sum},1,{of_file}/\n"
        )
    };
    for (line, reason, code, serial, trace) in [
        (
            "16,555,8425,Z,B1,1021,DEPOSITED ITEM RETURNED NSF CHECK 0001021",
            InsufficientFunds,
            "555",
            Some("1021"),
            None,
        ),
        ("16,557,8425,Z,B2,,R01 TRACE 011401490000007", InsufficientFunds, "557 R01", None, Some("011401490000007")),
        ("16,557,8425,Z,B3,,RETURN R29 011401490000007", NotAuthorized, "557 R29", None, Some("011401490000007")),
        ("16,555,8425,Z,B4,,RETURNED ITEM", Unknown, "555", None, None),
        ("16,555,8425,Z,B5,,ACCOUNT CLOSED STOP PAYMENT", Unknown, "555", None, None),
        ("16,561,8425,Z,B6,,ACCOUNT CLOSED", AccountClosed, "561", None, None),
    ] {
        let text = file(&[line, "16,142,100,Z,B9,,ACH CREDIT"]);
        let found = returns(&[], &mut text.as_bytes()).unwrap();
        assert_eq!((found.refusal(), found.returns.len(), found.others), (None, 1, 1), "{line}");
        let item = &found.returns[0];
        assert_eq!((item.reason, item.code.as_str(), item.amount), (reason, code, Cents::new(8425)), "{line}");
        assert_eq!((item.original.serial.as_deref(), item.original.trace.as_deref()), (serial, trace), "{line}");
        assert_eq!(item.date, Some("2026-11-02".parse().unwrap()));
        assert!(
            returns(&[], &mut text.replace("BANK,1,", "BANK,3,").as_bytes()).unwrap().refusal().is_some(),
            "a correction"
        );
        assert!(
            returns(&[], &mut text.replace("98,8525", "98,8526").as_bytes()).unwrap().refusal().is_some(),
            "a wrong total"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_file_written_reads_back(accounts in proptest::collection::vec(
        proptest::collection::vec((100u32..999, -1_000_000i64..1_000_000, "[A-Z0-9]{0,8}", "[A-Z0-9]{0,8}",
            proptest::collection::vec("[A-Z0-9:]([ -~]{0,30}[A-Z0-9])?", 0..4)), 0..5), 0..4)) {
        let file = OutgoingFile {
            sender: "BANK".into(),
            receiver: "ACME".into(),
            created: "2026-11-03".parse().unwrap(),
            file_id: "1".into(),
            as_of: "2026-11-02".parse().unwrap(),
            accounts: accounts.into_iter().zip(1..).map(|(details, n)| OutgoingAccount {
                account: format!("{n}"),
                details: details.into_iter().map(|(code, amount, bank, customer, text)| OutgoingDetail {
                    code: code.to_string(), amount: Cents::new(amount), bank_reference: bank, customer_reference: customer, text,
                }).collect(),
            }).collect(),
        };
        let text = String::from_utf8(write(&file).unwrap()).unwrap();
        let (summary, details) = read(&text);
        prop_assert_eq!(summary.faults.list(), &[], "{}", text);
        let wanted: Vec<_> = file.accounts.iter().flat_map(|a| &a.details).collect();
        prop_assert_eq!(details.len(), wanted.len());
        for (read, wanted) in details.iter().zip(wanted) {
            prop_assert_eq!((&read.code, read.amount), (&wanted.code, wanted.amount));
            prop_assert_eq!((&read.bank_reference, &read.customer_reference), (&wanted.bank_reference, &wanted.customer_reference));
            prop_assert_eq!(&read.text, &wanted.text);
        }
    }
}
