//! Lockbox files of one invoice per overflow record (80 columns): many lockboxes of ten batches of 900 checks.

use std::fs::File;
use std::io::Write;

use remit::domain::Cents;
use remit::formats::bai_lockbox::{LockboxCheck, LockboxDeposit, LockboxInvoice, write};
use remit::formats::{Format, inspect_from};

use crate::{Case, Run};

pub const READ: Case =
    Case { name: "lockbox", what: "80 columns, CRLF, a check and two invoices", make, run: Run::Read(read) };

pub const WRITTEN: Case = Case {
    name: "lockbox-write",
    what: "one lockbox of 9,000 checks, written and read back",
    make: |_, _| Ok(()),
    run: Run::Write(|_, _| {
        let bytes = write(&deposit()).expect("a proved file");
        (bytes.len() as u64, 9000)
    }),
};

fn read(file: &mut File) -> u64 {
    let found = inspect_from(file, Format::LockboxBai).expect("a lockbox file");
    assert!(found.valid, "{:?}", found.problems.first());
    found.counts["items"]
}

/// Lines of the file with their number and size.
struct Lines<'w> {
    out: &'w mut dyn Write,
    records: u64,
    bytes: u64,
}

impl Lines<'_> {
    fn put(&mut self, text: &str) -> std::io::Result<()> {
        self.records += 1;
        self.bytes += 82;
        write!(self.out, "{text:<80}\r\n")
    }
}

fn make(out: &mut dyn Write, size: u64) -> std::io::Result<()> {
    let mut lines = Lines { out, records: 0, bytes: 0 };
    lines.put("101ACMEUTIL  021000021 2611200630")?;
    lines.put("2ACMEUTIL  021000021 000000000040008008001")?;
    let (mut lockbox, mut number) = (0, 0u64);
    while lines.bytes < size {
        lockbox += 1;
        let mut all = 0;
        for batch in 1..=10 {
            lines.put(&format!("5{batch:03}000{lockbox:07}261120ACMEUTIL  021000021 "))?;
            let mut sum = 0;
            for item in 1..=900 {
                number += 1;
                let amount = number * 7919 % 100_000 + 2;
                sum += amount;
                lines
                    .put(&format!("6{batch:03}{item:03}{amount:010}061000146{number:010}{:010}", number % 1_000_000))?;
                for (place, payment) in [amount - 1, 1].into_iter().enumerate() {
                    let (sequence, last) = (place + 1, place * 9);
                    let invoice = number * 2 + place as u64;
                    lines.put(&format!(
                        "4{batch:03}{item:03}6{sequence:02}{last}{invoice:016}{payment:010}0000000000"
                    ))?;
                }
            }
            lines.put(&format!("7{batch:03}000{lockbox:07}261120900{sum:010}"))?;
            all += sum;
        }
        lines.put(&format!("8000000{lockbox:07}2611209000{all:010}"))?;
    }
    // Six digits do not count the records of a file as large as the largest of these.
    let records = lines.records + 1;
    let stated = if records < 1_000_000 { format!("{records:06}") } else { String::new() };
    lines.put(&format!("9{stated}"))
}

fn deposit() -> LockboxDeposit {
    let check = |number: u64| {
        let amount = (number * 7919 % 100_000) as i64 + 2;
        let invoice = |payment: i64, n: u64| LockboxInvoice {
            invoice: format!("{:016}", number * 2 + n),
            payment: Cents::new(payment),
            deduction: Cents::ZERO,
        };
        LockboxCheck {
            amount: Cents::new(amount),
            routing: "061000146".into(),
            account: format!("{number:010}"),
            check_number: format!("{number:06}"),
            customer: String::new(),
            invoices: vec![invoice(amount - 1, 0), invoice(1, 1)],
        }
    };
    let checks: Vec<LockboxCheck> = (1..=9000).map(check).collect();
    LockboxDeposit {
        destination: "ACMEUTIL".into(),
        origin: "021000021".into(),
        file_date: "2026-11-20".parse().expect("a day"),
        file_time: "0630".into(),
        lockbox: "12345".into(),
        deposit_date: "2026-11-20".parse().expect("a day"),
        batches: checks.chunks(900).map(<[LockboxCheck]>::to_vec).collect(),
    }
}
