//! For each format: any value that is written reads back equal, and any file that is read and written again has its bytes.

use proptest::prelude::*;
use remit::domain::{Cents, Day, RoutingNumber};
use remit::formats::ebcdic::CodePage;
use remit::formats::x9::{self, Encoding};
use remit::formats::{bai_lockbox, bai2, iso20022, x12};

use super::again::{ach_again, deposits_of, lockbox_again, x9_again};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Types of a cash letter's records with their width.
const X9: [(&str, usize); 14] = [
    ("01", 80),
    ("10", 80),
    ("20", 80),
    ("25", 80),
    ("26", 80),
    ("28", 80),
    ("31", 80),
    ("32", 80),
    ("50", 80),
    ("61", 80),
    ("70", 80),
    ("85", 80),
    ("90", 80),
    ("99", 80),
];

fn routing() -> RoutingNumber {
    RoutingNumber::new("061000146").unwrap()
}

/// The checks of a letter as values, from what its file says.
fn checks_of<'a>(bytes: &'a [u8], file: &x9::X9File) -> Vec<x9::OutgoingCheck<'a>> {
    let image = |item: &x9::Item, back: bool| {
        let view = item.views.iter().find(|v| v.is_back() == back).unwrap();
        &bytes[view.image.clone().unwrap()]
    };
    file.items
        .iter()
        .map(|item| x9::OutgoingCheck {
            routing: RoutingNumber::new(&item.routing()).unwrap(),
            on_us: item.on_us(),
            auxiliary_on_us: item.auxiliary_on_us(),
            external_processing_code: item.external_processing_code(),
            amount: item.amount().unwrap(),
            sequence: item.sequence().parse().unwrap(),
            front: image(item, false),
            back: image(item, true),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Every column of every record may hold anything, in every layout of length words and in blocks.
    #[test]
    fn any_cash_letter_is_byte_equal_again(
        records in proptest::collection::vec((0usize..X9.len(), proptest::collection::vec(any::<u8>(), 78)), 1..40),
        layout in 0u8..3, ebcdic in any::<bool>(),
    ) {
        let encoding = if ebcdic { Encoding::Ebcdic(CodePage::Ibm037) } else { Encoding::Ascii };
        let mut bytes = Vec::new();
        let header = [b"0135T061000146061100606202611301705N".as_slice(), &[b' '; 44]].concat();
        let of_lot = |(kind, columns): &(usize, Vec<u8>)| [X9[*kind].0.as_bytes(), &columns[..X9[*kind].1 - 2]].concat();
        for mut record in std::iter::once(header).chain(records.iter().map(of_lot)) {
            encoding.encode(&mut record);
            // Blocks know no line ends, and a first line end in ASCII would make them lines.
            if layout == 2 && !ebcdic {
                record.iter_mut().for_each(|b| *b = if matches!(b, b'\n' | b'\r') { b'x' } else { *b });
            }
            match layout {
                0 => bytes.extend((record.len() as u32).to_be_bytes()),
                1 => bytes.extend((record.len() as u32).to_le_bytes()),
                _ => {}
            }
            bytes.extend(record);
        }
        let (again, whole, left) = x9_again(&bytes);
        prop_assert!(again == bytes);
        prop_assert_eq!((whole, left), (records.len() as u64 + 1, 0));
    }

    /// Any deposit in any dress: the checks and images that come back are those that went in, and write the same file.
    #[test]
    fn any_letter_written_is_read_and_written_again(
        amounts in proptest::collection::vec((1i64..=9_999_999_999, 0u64..9_999, "[0-9]{1,12}/[0-9]{0,4}", "[0-9]{0,9}", "[0-9]?"), 1..9),
        size in 1usize..5, length in 0usize..400, level in 0usize..3, words in any::<bool>(), page in any::<bool>(),
    ) {
        let picture = |seed: u8| -> Vec<u8> {
            b"II*\0".iter().copied().chain((0..length).map(|n| (n as u8).wrapping_mul(31) ^ seed)).collect()
        };
        let images = [picture(3), picture(9)];
        let checks: Vec<x9::OutgoingCheck<'_>> = amounts.iter().zip(1u64..).map(|((amount, gap, on_us, aux, epc), n)| x9::OutgoingCheck {
            routing: routing(), on_us: on_us.clone(), auxiliary_on_us: aux.clone(), external_processing_code: epc.clone(),
            amount: Cents::new(*amount), sequence: n * 10_000 + gap, front: &images[n as usize % 2], back: &images[(n as usize + 1) % 2],
        }).collect();
        let page = if page { CodePage::Ibm037 } else { CodePage::Ibm1047 };
        let profile = x9::Profile {
            level: ["03", "30", "35"][level].into(), bundle_size: size, length_words: words, encoding: Encoding::Ebcdic(page),
            ..x9::Profile::usual(&routing(), "123456780")
        };
        let letter = x9::CashLetter {
            head: x9::LetterHead::first_of(day("2026-11-30"), "1705", "1"),
            checks,
        };
        let bytes = x9::write(&letter, &profile).unwrap();
        let file = x9::read(&bytes).unwrap();
        prop_assert!(file.is_valid());
        let read = checks_of(&bytes, &file);
        prop_assert_eq!(format!("{:?}", read), format!("{:?}", letter.checks));
        let again = x9::write(&x9::CashLetter { checks: read, ..letter.clone() }, &profile).unwrap();
        prop_assert!(again == bytes);
        prop_assert!(x9_again(&bytes).0 == bytes);
    }

    #[test]
    fn any_ach_file_is_byte_equal_again(
        lines in proptest::collection::vec((0usize..13, proptest::collection::vec(0x20u8..0x7f, 93), 0usize..3), 1..40),
    ) {
        const KINDS: [&str; 13] = ["1", "5", "6", "705", "702", "710", "718", "798C01", "798C61", "799R01", "799R61", "8", "9"];
        const CLASSES: [&str; 8] = ["PPD", "ARC", "POP", "CTX", "SHR", "TRC", "IAT", "ADV"];
        let mut bytes = Vec::new();
        for (kind, columns, ending) in &lines {
            let mut line = KINDS[*kind].as_bytes().to_vec();
            line.extend_from_slice(&columns[..94 - line.len()]);
            if line[0] == b'5' {
                line[50..53].copy_from_slice(CLASSES[usize::from(columns[0]) % 8].as_bytes());
            }
            bytes.extend(line);
            bytes.extend_from_slice([b"\n".as_slice(), b"\r\n", b"\r\r\n"][*ending]);
        }
        let (again, records) = ach_again(&bytes);
        prop_assert!(again == bytes);
        prop_assert_eq!(records, lines.len() as u64);
    }

    #[test]
    fn any_lockbox_deposit_is_read_and_written_again(
        batches in proptest::collection::vec(proptest::collection::vec(
            (1i64..=9_999_999, "[0-9]{10}", "[0-9]{1,6}", proptest::collection::vec("[0-9]{1,10}", 0..4)), 1..4), 1..4),
    ) {
        let deposit = bai_lockbox::LockboxDeposit {
            destination: "ACMEUTIL".into(), origin: "021000021".into(), file_date: day("2026-11-03"), file_time: "0630".into(),
            lockbox: "0012345".into(), deposit_date: day("2026-11-02"),
            batches: batches.iter().map(|checks| checks.iter().map(|(amount, account, number, invoices)| bai_lockbox::LockboxCheck {
                amount: Cents::new(*amount), routing: "061000146".into(), account: account.clone(),
                check_number: format!("{number:0>10}"), customer: String::new(),
                invoices: invoices.iter().zip(0..).map(|(invoice, place)| bai_lockbox::LockboxInvoice {
                    invoice: format!("{invoice:0>16}"),
                    payment: if place == 0 { Cents::new(amount - invoices.len() as i64 + 1) } else { Cents::new(1) },
                    deduction: Cents::ZERO,
                }).collect(),
            }).collect()).collect(),
        };
        prop_assume!(deposit.batches.iter().flatten().flat_map(|c| &c.invoices).all(|i| i.payment.is_positive()));
        let bytes = bai_lockbox::write(&deposit).unwrap();
        let (read, profile) = deposits_of(&bytes);
        prop_assert_eq!(&read, &vec![deposit]);
        prop_assert!(bai_lockbox::write_as(&read, profile).unwrap() == bytes);
        prop_assert!(lockbox_again(&bytes) == bytes);
    }

    #[test]
    fn any_bai2_file_is_read_and_written_again(accounts in proptest::collection::vec(
        ("[A-Z0-9]{1,12}", proptest::collection::vec((100u32..999, -1_000_000i64..1_000_000, "[A-Z0-9]{0,8}", "[A-Z0-9]{0,8}",
            proptest::collection::vec("[A-Z0-9:]([ -~]{0,30}[A-Z0-9])?", 0..4)), 0..5)), 0..4)) {
        let file = bai2::OutgoingFile {
            sender: "BANK".into(), receiver: "ACME".into(), created: day("2026-11-03"), file_id: "1".into(), as_of: day("2026-11-02"),
            accounts: accounts.into_iter().map(|(account, details)| bai2::OutgoingAccount {
                account,
                details: details.into_iter().map(|(code, amount, bank, customer, text)| bai2::OutgoingDetail {
                    code: code.to_string(), amount: Cents::new(amount), bank_reference: bank, customer_reference: customer, text,
                }).collect(),
            }).collect(),
        };
        let bytes = bai2::write(&file).unwrap();
        let (mut accounts, mut open, mut as_of) = (Vec::new(), Vec::new(), None);
        let summary = bai2::scan(&mut &*bytes, &mut |event| match event {
            bai2::Event::Detail(_, _, d) => open.push(bai2::OutgoingDetail {
                code: d.code.clone(), amount: d.amount, bank_reference: d.bank_reference.clone(),
                customer_reference: d.customer_reference.clone(), text: d.text.clone(),
            }),
            bai2::Event::Account(group, account) => {
                as_of = group.date;
                accounts.push(bai2::OutgoingAccount { account: account.account.clone(), details: std::mem::take(&mut open) });
            }
        }).unwrap();
        let read = bai2::OutgoingFile {
            sender: summary.sender, receiver: summary.receiver, created: summary.created.unwrap(), file_id: summary.file_id,
            as_of: as_of.unwrap_or(file.as_of), accounts,
        };
        prop_assert_eq!(&read, &file);
        prop_assert!(bai2::write(&read).unwrap() == bytes);
    }

    #[test]
    fn any_820_is_read_and_written_again(lines in proptest::collection::vec(
        ("[A-Z]{2}", "[A-Z0-9][A-Z0-9 -]{0,20}[A-Z0-9]", -1_000_000i64..100_000_000), 0..8),
        payer in "[A-Z][A-Z .&]{0,20}[A-Z]", account in "[0-9]{1,17}", trace in "[A-Z0-9]{1,20}", control in 1u32..1_000_000) {
        prop_assume!(lines.iter().map(|l| l.2).sum::<i64>() >= 0);
        let out = x12::OutgoingAdvice {
            sender: "021000021".into(), receiver: "ACMEUTIL".into(), control, date: day("2026-11-03"), routing: "011401494".into(),
            account, trace, payer,
            lines: lines.into_iter().map(|(qualifier, reference, paid)| x12::OutgoingLine { qualifier, reference, paid: Cents::new(paid) }).collect(),
        };
        let bytes = x12::write_820(&out).unwrap();
        let mut payments = Vec::new();
        let summary = x12::scan(&mut &*bytes, &mut |event| if let x12::Event::Payment(p) = event { payments.push(p.clone()) }).unwrap();
        prop_assert_eq!(summary.faults.list(), &[]);
        let p = payments.remove(0);
        let read = x12::OutgoingAdvice {
            sender: summary.sender.trim().into(), receiver: summary.receiver.trim().into(), control: summary.control.parse().unwrap(),
            date: p.date.unwrap(), routing: p.routing, account: p.account.unwrap().reveal().to_string(), trace: p.trace, payer: p.payer,
            lines: p.lines.into_iter().map(|l| x12::OutgoingLine { qualifier: l.qualifier, reference: l.reference, paid: l.paid.unwrap() }).collect(),
        };
        prop_assert_eq!(&read, &out);
        prop_assert!(x12::write_820(&read).unwrap() == bytes);
    }

    #[test]
    fn any_camt_is_read_and_written_again(entries in proptest::collection::vec(proptest::collection::vec(
        ("[A-Z&<>]([A-Z &<>.]{0,20}[A-Z])?", "[A-Z0-9]([A-Z0-9 ]{0,20}[A-Z0-9])?", 0i64..100_000_000), 1..4), 1..4),
        id in "[A-Z0-9]{1,30}", account in "[A-Z0-9]{1,30}") {
        let out = iso20022::OutgoingNotification {
            id, account, date: day("2026-11-03"),
            entries: entries.into_iter().zip(1..).map(|(payments, n)| iso20022::OutgoingEntry {
                reference: format!("R{n}"),
                payments: payments.into_iter().map(|(p, t, c)| (p, t, Cents::new(c))).collect(),
            }).collect(),
        };
        let bytes = iso20022::write_054(&out).unwrap();
        let (mut entries, mut ids) = (Vec::new(), Vec::new());
        let summary = iso20022::scan(&mut &*bytes, &mut |event| if let iso20022::Event::Entry(statement, e) = event {
            ids = vec![statement.id.clone(), statement.account.clone()];
            entries.push(iso20022::OutgoingEntry {
                reference: e.servicer_reference.clone(),
                payments: e.transactions.iter().map(|t| (t.debtor.clone(), t.unstructured.concat(), t.amount.unwrap())).collect(),
            });
        }).unwrap();
        prop_assert_eq!(summary.faults.list(), &[]);
        let read = iso20022::OutgoingNotification { id: ids[0].clone(), account: ids[1].clone(), date: out.date, entries };
        prop_assert_eq!(&read, &out);
        prop_assert!(iso20022::write_054(&read).unwrap() == bytes);
    }
}
