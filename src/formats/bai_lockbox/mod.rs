//! BAI-style lockbox files: fixed columns, record types 1 to 9. The layout is data (`profile`), chosen by evidence; what is
//! refused is an amount or a count that does not agree. Not to be mistaken for BAI2 cash-management files.

use crate::domain::Day;
use crate::formats::record::{Column, Row};

mod physical;
pub mod profile;
mod read;
mod walk;
mod write;

pub use physical::{Line, each_record, looks_like};
pub use profile::Profile;
pub use read::{Batch, Check, Invoice, LockboxFile, read, read_from};
pub use walk::{CheckColumns, Remittance, Sink, Summary, walk};
pub use write::{LockboxCheck, LockboxDeposit, LockboxInvoice, write, write_as};

/// A date of six digits; two-digit years from 70 are of the last century.
fn short_date(row: &Row<'_>, column: Column, month_first: bool) -> Option<Day> {
    let digits = row.number(column).ok().flatten().filter(|_| row.raw(column).len() == 6)?;
    let (a, b, c) = (digits / 10_000, digits / 100 % 100, digits % 100);
    let (year, month, day) = if month_first { (c, a, b) } else { (a, b, c) };
    let year = if year >= 70 { 1900 + year } else { 2000 + year };
    Day::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::profile::*;
    use super::*;
    use crate::domain::Cents;
    use crate::formats::ebcdic::CodePage;
    use proptest::prelude::*;

    fn deposit(batches: &[&[i64]], invoices: usize) -> LockboxDeposit {
        let check = |amount: &i64| {
            let each = amount / invoices.max(1) as i64;
            let payment = |n: usize| if n == 0 { amount - each * (invoices as i64 - 1) } else { each };
            LockboxCheck {
                amount: Cents::new(*amount),
                routing: "061000146".into(),
                account: "1234567890".into(),
                check_number: "1021".into(),
                customer: "0012345678".into(),
                invoices: (0..invoices)
                    .map(|n| LockboxInvoice {
                        invoice: format!("INV{n:05}"),
                        payment: Cents::new(payment(n)),
                        deduction: Cents::ZERO,
                    })
                    .collect(),
            }
        };
        LockboxDeposit {
            destination: "ACMEUTIL".into(),
            origin: "021000021".into(),
            file_date: "2026-11-03".parse().unwrap(),
            file_time: "0630".into(),
            lockbox: "12345".into(),
            deposit_date: "2026-11-02".parse().unwrap(),
            batches: batches.iter().map(|b| b.iter().map(check).collect()).collect(),
        }
    }

    #[test]
    fn a_file_in_every_wrapping_reads_alike() {
        let bytes = write(&deposit(&[&[8425, 250_000], &[100]], 2)).unwrap();
        let plain = read(&bytes).unwrap();
        assert!(plain.is_valid());
        assert_eq!(plain.all_faults(), []);
        assert_eq!(plain.batches.len(), 2);
        assert_eq!(plain.batches[0].checks[1].invoices[1].text, "INV00001");
        let text = String::from_utf8(bytes.clone()).unwrap();
        let ebcdic = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            CodePage::Ibm037.encode(&mut bytes);
            bytes
        };
        let short: String = text.lines().map(|l| l.trim_end().to_string() + "\n").collect();
        for (name, wrapped) in [
            ("lf", text.replace("\r\n", "\n").into_bytes()),
            ("cr", text.replace("\r\n", "\r").into_bytes()),
            ("no last end", text.trim_end().as_bytes().to_vec()),
            ("blocks", text.replace("\r\n", "").into_bytes()),
            ("short lines", short.into_bytes()),
            ("padding", [bytes.as_slice(), &[0x1a, 0x1a]].concat()),
            ("ebcdic blocks", ebcdic(&text.replace("\r\n", ""))),
            ("ebcdic lines", ebcdic(&text.replace("\r\n", "\n"))),
        ] {
            let file = read(&wrapped).unwrap_or_else(|f| panic!("{name}: {f}"));
            assert_eq!(file.all_faults(), [], "{name}");
            assert_eq!(file.content_hash(), plain.content_hash(), "{name}");
        }
    }

    #[test]
    fn what_does_not_agree_is_named_with_line_and_column() {
        let text = String::from_utf8(write(&deposit(&[&[8425, 250_000], &[100]], 2)).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let check = |change: &dyn Fn(&mut Vec<String>), code: &str, line: u64, column: Option<u64>| {
            let mut changed: Vec<String> = lines.iter().map(|l| l.to_string()).collect();
            change(&mut changed);
            let file = read(changed.join("\r\n").as_bytes()).unwrap();
            assert!(!file.is_valid(), "{code}");
            let faults = file.all_faults();
            let there = faults.iter().any(|f| f.code == code && f.line == Some(line) && f.column == column);
            assert!(there, "{code} {line}: {faults:?}");
        };
        let set = |line: usize, column: usize, with: &'static str| {
            move |lines: &mut Vec<String>| lines[line - 1].replace_range(column - 1..column - 1 + with.len(), with)
        };
        // 1 address, 2 service, 3 batch 1, 4 check, 5-6 overflow, 7 check, 8-9 overflow, 10 total, 11 batch 2 ..
        check(&set(10, 33, "6"), "total", 10, Some(24));
        check(&set(10, 23, "3"), "total", 10, Some(21));
        check(&set(16, 34, "0"), "total", 16, Some(25));
        check(&set(17, 7, "0"), "total", 17, Some(2));
        check(&set(4, 8, "00000-0425"), "amount", 4, Some(8));
        check(&set(5, 7, "9"), "overflow", 5, Some(2));
        check(&set(7, 4, "9"), "batch", 7, Some(2));
        check(&set(3, 15, "269902"), "date", 3, Some(15));
        check(&|l| drop(l.remove(9)), "missing-7", 10, None);
        check(&|l| l[3] = "3".to_string() + &l[3][1..], "record-type", 4, None);
        check(&|l| l[3].push('x'), "line-length", 4, None);
    }

    #[test]
    fn a_batch_may_count_all_its_records() {
        let text = String::from_utf8(write(&deposit(&[&[8425]], 2)).unwrap()).unwrap();
        // One check and two overflow records: 003 in record 7, and five records in record 8.
        let text = text.replace("261102001", "261102003").replace("2611020001", "2611020005");
        let file = read(text.as_bytes()).unwrap();
        assert_eq!(file.all_faults(), []);
    }

    #[test]
    fn sequences_wrap_and_too_much_is_refused() {
        let bytes = write(&deposit(&[&[100_000]], 250)).unwrap();
        assert_eq!(read(&bytes).unwrap().batches[0].checks[0].invoices.len(), 250);
        let field = |deposit: &LockboxDeposit| write(deposit).unwrap_err().field;
        assert_eq!(field(&deposit(&[&[10_000_000_000]], 0)), "amount");
        assert_eq!(field(&LockboxDeposit { lockbox: "12345678".into(), ..deposit(&[&[1]], 0) }), "lockbox");
        assert_eq!(field(&LockboxDeposit { origin: "é".into(), ..deposit(&[&[1]], 0) }), "immediate_origin");
        let none: &[&[i64]] = &[];
        assert!(read(&write(&deposit(none, 0)).unwrap()).unwrap().is_valid());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_deposit_reads_back(amounts in proptest::collection::vec(1i64..=999_999_999, 1..10), invoices in 0usize..4) {
            let file = read(&write(&deposit(&[&amounts], invoices)).unwrap()).unwrap();
            prop_assert!(file.is_valid());
            let read: Vec<i64> = file.batches[0].checks.iter().map(|c| c.amount.unwrap().get()).collect();
            prop_assert_eq!(read, amounts);
        }
    }

    /// Every layout is told from the others by what its columns hold, in one file of two lockboxes.
    #[test]
    fn every_layout_is_written_and_told_again() {
        for profile in PROFILES.into_iter().filter(|p| !p.check.is_empty()) {
            for invoices in [1, 3, 8] {
                let other = LockboxDeposit { lockbox: "777".into(), ..deposit(&[&[100, 99_999]], invoices) };
                let bytes = write_as(&[deposit(&[&[8425, 250_000], &[100]], invoices), other], profile).unwrap();
                let file = read(&bytes).unwrap();
                let name = profile.name;
                assert_eq!((file.profile.name, file.all_faults()), (name, vec![]), "{name} {invoices}");
                let lockboxes: Vec<&str> = file.batches.iter().map(|b| b.lockbox.trim_start_matches('0')).collect();
                let wanted: &[&str] = if profile.has_totals { &["12345", "12345", "777"] } else { &["12345", "777"] };
                assert_eq!(lockboxes, wanted, "{name}");
                let check = &file.batches[0].checks[1];
                let has = |field: &str| profile.check.iter().any(|c| c.name == field);
                assert_eq!(check.customer, if has("customer") { "0012345678" } else { "" }, "{name}");
                let lines = if profile.overflow.is_empty() { 0 } else { invoices };
                assert_eq!(check.invoices.len(), lines, "{name}");
                let paid: Vec<Cents> = check.invoices.iter().filter_map(|i| i.payment).collect();
                if !paid.is_empty() {
                    assert_eq!(Cents::sum(paid).ok(), check.amount, "{name}");
                }
            }
        }
    }

    /// Amounts of what is paid may be negative, in either way of writing it.
    #[test]
    fn credits_count_against_the_check() {
        let text = String::from_utf8(write(&deposit(&[&[8425]], 2)).unwrap()).unwrap();
        // 0000004213 and 0000004212 make 8425.
        for (plain, signed) in [("0000004213", "-000000100"), ("0000004213", "000000010}")] {
            let changed = text.replacen(plain, signed, 1).replacen("0000004212", "0000008525", 1);
            let file = read(changed.as_bytes()).unwrap();
            assert_eq!(file.all_faults(), [], "{signed}");
            assert_eq!(file.batches[0].checks[0].invoices[0].payment, Some(Cents::new(-100)));
        }
    }

    #[test]
    fn a_multi_purpose_record_is_shown_and_not_taken() {
        let text = format!(
            "{:<102}\n{:<102}\n{:<102}\n",
            "101ACMEUTIL  021000021 2611030630",
            format!("2{:<20}{:<20}400102102010", "ACME", "021000021"),
            format!("3{:<15}0000100001   100{:06}{:016}{:06}", "12345", 1, 8425, 1),
        );
        let file = read(text.as_bytes()).unwrap();
        assert_eq!((file.profile.name, file.batches.len(), file.is_valid()), ("purpose", 0, false));
        assert_eq!(file.all_faults()[0].code, "layout");
    }
}
