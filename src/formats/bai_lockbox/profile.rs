//! The layouts of lockbox files as data: per record type the columns, in the bank's numbers. The BAI standard is no longer
//! maintained and every bank bends it; what differs stands here and nowhere else.

use crate::formats::record::{Column, Kind};

/// One observed layout.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    /// Short lines are filled to this length; what is written has it.
    pub record_length: usize,
    /// Longer lines are refused.
    pub longest_line: usize,
    /// Detail (6): one check.
    pub check: &'static [Column],
    /// Overflow (4): what the check pays.
    pub overflow: &'static [Column],
}

impl Profile {
    /// Columns of a record by its type, `None` for a type that lockbox files do not have.
    pub fn columns(&self, record: u8) -> Option<&'static [Column]> {
        Some(match record {
            b'1' => ADDRESS,
            b'2' => SERVICE,
            b'4' => self.overflow,
            b'5' => BATCH_HEADER,
            b'6' => self.check,
            b'7' => BATCH_TOTAL,
            b'8' => SERVICE_TOTAL,
            b'9' => TRAILER,
            _ => return None,
        })
    }
}

const fn column(name: &'static str, from: u16, to: u16, kind: Kind) -> Column {
    Column { name, from, to, kind }
}

pub const ADDRESS: &[Column] = &[
    column("priority_code", 2, 3, Kind::Digits),
    column("immediate_destination", 4, 13, Kind::Raw),
    column("immediate_origin", 14, 23, Kind::Raw),
    column("file_date", 24, 29, Kind::Date),
    column("file_time", 30, 33, Kind::Digits),
];

pub const SERVICE: &[Column] = &[
    column("ultimate_destination", 2, 11, Kind::Raw),
    column("ultimate_origin", 12, 21, Kind::Raw),
    column("reference_code", 22, 31, Kind::Raw),
    column("service_type", 32, 34, Kind::Digits), // 400 lockbox
    column("record_size", 35, 37, Kind::Digits),
    column("block_size", 38, 41, Kind::Digits),
    column("format_code", 42, 42, Kind::Digits), // 1 fixed
];

pub const BATCH_HEADER: &[Column] = &[
    column("batch", 2, 4, Kind::Digits),
    column("item", 5, 7, Kind::Digits),
    column("lockbox", 8, 14, Kind::Digits),
    column("deposit_date", 15, 20, Kind::Date),
    column("destination", 21, 30, Kind::Raw),
    column("origin", 31, 40, Kind::Raw),
];

pub const BATCH_TOTAL: &[Column] = &[
    column("batch", 2, 4, Kind::Digits),
    column("item", 5, 7, Kind::Digits),
    column("lockbox", 8, 14, Kind::Digits),
    column("deposit_date", 15, 20, Kind::Date),
    column("count", 21, 23, Kind::Number),
    column("amount", 24, 33, Kind::Cents),
];

pub const SERVICE_TOTAL: &[Column] = &[
    column("batch", 2, 4, Kind::Digits),
    column("item", 5, 7, Kind::Digits),
    column("lockbox", 8, 14, Kind::Digits),
    column("deposit_date", 15, 20, Kind::Date),
    column("count", 21, 24, Kind::Number),
    column("amount", 25, 34, Kind::Cents),
];

pub const TRAILER: &[Column] = &[column("record_count", 2, 7, Kind::Number)];

/// Bank style (variant A): check date MMDDYY and remitter behind the check number, free text in the overflow.
pub const BANK: Profile = Profile {
    name: "bank",
    record_length: 104,
    longest_line: 160,
    check: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("amount", 8, 17, Kind::Cents),
        column("routing", 18, 26, Kind::Digits),
        column("account", 27, 36, Kind::Account),
        column("check_number", 37, 46, Kind::Digits),
        column("check_date", 47, 52, Kind::Date),
        column("remitter", 53, 82, Kind::Raw),
        column("payee", 83, 160, Kind::Raw),
    ],
    overflow: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("of_type", 8, 8, Kind::Digits),
        column("sequence", 9, 10, Kind::Digits),
        column("last", 11, 11, Kind::Digits), // 9 last, 0 more
        column("memo", 12, 41, Kind::Raw),
    ],
};

/// Style of the accounting packages (variant C): one invoice with its amounts per overflow record.
pub const INVOICE: Profile = Profile {
    name: "invoice",
    record_length: 80,
    longest_line: 80,
    check: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("amount", 8, 17, Kind::Cents),
        column("routing", 18, 26, Kind::Digits),
        column("account", 27, 36, Kind::Account),
        column("check_number", 37, 46, Kind::Digits), // nine or ten digits
    ],
    overflow: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("of_type", 8, 8, Kind::Digits),
        column("sequence", 9, 10, Kind::Digits),
        column("last", 11, 11, Kind::Digits),
        column("invoice", 12, 27, Kind::Raw),
        column("payment", 28, 37, Kind::Cents),
        column("deduction", 38, 47, Kind::Cents),
        column("reason", 48, 50, Kind::Raw),
        column("free", 51, 80, Kind::Raw),
    ],
};

/// The layout of a file by evidence: amounts where variant C has them, a date and text where variant A has them. Without
/// any evidence the two agree on all that is there.
pub fn profile_of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> &'static Profile {
    let (mut bank, mut invoice) = (0u32, 0u32);
    let digits = |line: &[u8], from: usize, to: usize| {
        line.get(from - 1..to).is_some_and(|columns| columns.iter().all(u8::is_ascii_digit))
    };
    let text = |line: &[u8], from: usize| line.get(from - 1..).is_some_and(|rest| rest.iter().any(|b| *b > b' '));
    for line in lines.take(10_000) {
        match line.first() {
            Some(b'4') if digits(line, 28, 37) || line.get(27) == Some(&b'-') => invoice += 1,
            Some(b'4') => bank += 1,
            Some(b'6') if text(line, 47) || line.len() > 80 => bank += 1,
            Some(b'6') => invoice += 1,
            _ => {}
        }
    }
    if bank > invoice { &BANK } else { &INVOICE }
}
