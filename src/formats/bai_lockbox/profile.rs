//! The layouts of lockbox files as data: per record type the columns, in the bank's numbers. The BAI standard is no longer
//! maintained and every bank bends it; what differs stands here and nowhere else. Which layout a file has is told by
//! evidence: what its columns hold, and whether its checks add up to its totals.

use super::short_date;
use crate::domain::Cents;
use crate::formats::record::{Column, Kind, Row};

/// One observed layout.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    /// Short lines are filled to this length; what is written has it.
    pub record_length: usize,
    /// Longer lines are refused.
    pub longest_line: usize,
    pub address: &'static [Column],
    pub service: &'static [Column],
    pub batch_header: &'static [Column],
    /// Detail (6): one check.
    pub check: &'static [Column],
    /// Overflow (4): what the check pays.
    pub overflow: &'static [Column],
    pub batch_total: &'static [Column],
    pub service_total: &'static [Column],
    pub trailer: &'static [Column],
    /// Multi-purpose (3), where the layout has it.
    pub purpose: &'static [Column],
    /// Batches end with a total (7) and lockboxes with one (8).
    pub has_totals: bool,
}

impl Profile {
    /// Columns of a record by its type, `None` for a type that the layout does not have.
    pub fn columns(&self, record: u8) -> Option<&'static [Column]> {
        let columns = match record {
            b'1' => self.address,
            b'2' => self.service,
            b'3' => self.purpose,
            b'4' => self.overflow,
            b'5' => self.batch_header,
            b'6' => self.check,
            b'7' => self.batch_total,
            b'8' => self.service_total,
            b'9' => self.trailer,
            _ => &[],
        };
        (!columns.is_empty()).then_some(columns)
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

/// What most layouts share.
const CORE: Profile = Profile {
    name: "",
    record_length: 80,
    longest_line: 80,
    address: ADDRESS,
    service: SERVICE,
    batch_header: BATCH_HEADER,
    check: &[],
    overflow: &[],
    batch_total: BATCH_TOTAL,
    service_total: SERVICE_TOTAL,
    trailer: TRAILER,
    purpose: &[],
    has_totals: true,
};

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
    ..CORE
};

/// Style of the accounting packages with invoice numbers only (variant B): the check's total is all that is known.
pub const NUMBERS: Profile = Profile {
    name: "numbers",
    check: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("amount", 8, 17, Kind::Cents),
        column("routing", 18, 26, Kind::Digits),
        column("account", 27, 36, Kind::Account),
        column("check_number", 37, 46, Kind::Digits),
        column("invoice", 47, 56, Kind::Raw),
        column("invoice_2", 57, 66, Kind::Raw),
        column("invoice_3", 67, 76, Kind::Raw),
    ],
    overflow: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("of_type", 8, 8, Kind::Digits),
        column("sequence", 9, 10, Kind::Digits),
        column("last", 11, 11, Kind::Digits),
        column("invoice", 12, 21, Kind::Raw),
        column("invoice_2", 22, 31, Kind::Raw),
        column("invoice_3", 32, 41, Kind::Raw),
        column("invoice_4", 42, 51, Kind::Raw),
        column("invoice_5", 52, 61, Kind::Raw),
        column("invoice_6", 62, 71, Kind::Raw),
    ],
    ..CORE
};

/// Style of the accounting packages (variant C): one invoice with its amounts per overflow record.
pub const INVOICE: Profile = Profile {
    name: "invoice",
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
    ..CORE
};

/// Three invoices with their amounts per overflow record, and the customer's number with the check (variant D).
pub const CUSTOMER: Profile = Profile {
    name: "customer",
    check: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("amount", 8, 17, Kind::Cents),
        column("routing", 18, 26, Kind::Digits),
        column("account", 27, 36, Kind::Account),
        column("check_number", 37, 46, Kind::Digits),
        column("customer", 47, 58, Kind::Raw),
    ],
    overflow: &[
        column("batch", 2, 4, Kind::Digits),
        column("item", 5, 7, Kind::Digits),
        column("of_type", 8, 8, Kind::Digits),
        column("sequence", 9, 10, Kind::Digits),
        column("last", 11, 11, Kind::Digits),
        column("invoice", 12, 23, Kind::Raw),
        column("payment", 24, 33, Kind::Cents),
        column("invoice_2", 34, 45, Kind::Raw),
        column("payment_2", 46, 55, Kind::Cents),
        column("invoice_3", 56, 67, Kind::Raw),
        column("payment_3", 68, 77, Kind::Cents),
    ],
    ..CORE
};

/// The same with wider numbers (variant E): batches of five columns, accounts of twenty, totals of twelve digits.
pub const WIDE: Profile = Profile {
    name: "wide",
    record_length: 85,
    longest_line: 85,
    address: &[
        column("priority_code", 2, 2, Kind::Raw),
        column("immediate_destination", 3, 13, Kind::Raw),
        column("immediate_origin", 14, 23, Kind::Raw),
        column("file_date", 24, 29, Kind::Date),
        column("file_time", 30, 33, Kind::Digits),
    ],
    batch_header: &[
        column("batch", 2, 6, Kind::Digits),
        column("filler", 7, 7, Kind::Raw),
        column("lockbox", 8, 14, Kind::Digits),
        column("deposit_date", 15, 20, Kind::Date),
        column("destination", 21, 30, Kind::Raw),
        column("origin", 31, 40, Kind::Raw),
    ],
    check: &[
        column("batch", 2, 6, Kind::Digits),
        column("item", 7, 9, Kind::Digits),
        column("amount", 10, 19, Kind::Cents),
        column("routing", 20, 28, Kind::Digits),
        column("account", 29, 48, Kind::Account),
        column("check_number", 49, 63, Kind::Digits),
        column("customer", 64, 75, Kind::Raw),
        column("company", 76, 85, Kind::Raw),
    ],
    overflow: &[
        column("batch", 2, 6, Kind::Digits),
        column("item", 7, 9, Kind::Digits),
        column("sequence", 10, 14, Kind::Digits),
        column("last", 15, 15, Kind::Digits),
        column("invoice", 16, 27, Kind::Raw),
        column("payment", 28, 37, Kind::Cents),
        column("invoice_2", 38, 49, Kind::Raw),
        column("payment_2", 50, 59, Kind::Cents),
        column("invoice_3", 60, 71, Kind::Raw),
        column("payment_3", 72, 81, Kind::Cents),
    ],
    batch_total: &[
        column("batch", 2, 6, Kind::Digits),
        column("filler", 7, 7, Kind::Raw),
        column("lockbox", 8, 14, Kind::Digits),
        column("deposit_date", 15, 20, Kind::Date),
        column("count", 21, 26, Kind::Number),
        column("amount", 27, 38, Kind::Cents),
    ],
    service_total: &[
        column("batch", 2, 6, Kind::Digits),
        column("filler", 7, 7, Kind::Raw),
        column("lockbox", 8, 14, Kind::Digits),
        column("deposit_date", 15, 20, Kind::Date),
        column("count", 21, 26, Kind::Number),
        column("amount", 27, 38, Kind::Cents),
    ],
    trailer: &[column("record_count", 2, 7, Kind::Number), column("amount", 8, 19, Kind::Cents)],
    ..CORE
};

/// A flat extract of a utility's bank (variant F): one record per payment by our own account number, no account line.
pub const EXTRACT: Profile = Profile {
    name: "extract",
    address: &[column("header", 2, 80, Kind::Raw)],
    check: &[
        column("record_code", 2, 2, Kind::Digits), // 0
        column("check_number", 3, 12, Kind::Digits),
        column("lockbox", 13, 20, Kind::Digits),
        column("customer", 21, 34, Kind::Raw),
        column("filler", 35, 35, Kind::Raw),
        column("control", 36, 41, Kind::Digits),
        column("amount", 42, 51, Kind::Cents),
        column("deposit_date", 52, 57, Kind::Date),
        column("check_date", 58, 63, Kind::Date),
        column("reference", 64, 76, Kind::Raw),
    ],
    overflow: &[],
    has_totals: false,
    ..CORE
};

/// A multi-purpose record 3 of 102 columns (variant G). Only its totals (detail type 00) are the same everywhere: such a
/// file is shown and proved against nothing; its payments are not taken in.
pub const PURPOSE: Profile = Profile {
    name: "purpose",
    record_length: 102,
    longest_line: 102,
    service: &[
        column("ultimate_destination", 2, 21, Kind::Raw),
        column("ultimate_origin", 22, 41, Kind::Raw),
        column("service_type", 42, 44, Kind::Digits),
        column("record_size", 45, 47, Kind::Digits),
        column("block_size", 48, 51, Kind::Digits),
        column("format_code", 52, 52, Kind::Digits),
    ],
    check: &[],
    purpose: &[
        column("lockbox", 2, 16, Kind::Raw),
        column("batch", 17, 21, Kind::Digits),
        column("sequence", 22, 26, Kind::Digits),
        column("group", 27, 30, Kind::Raw),
        column("detail_type", 31, 32, Kind::Digits), // 00 totals
        column("batches", 33, 38, Kind::Digits),
        column("amount", 39, 54, Kind::Raw),
        column("count", 55, 60, Kind::Raw),
        column("unit", 61, 65, Kind::Raw),
        column("bank", 66, 85, Kind::Raw),
        column("account", 86, 102, Kind::Raw),
    ],
    has_totals: false,
    ..CORE
};

/// All layouts; where the evidence for two is the same, the first is taken.
pub const PROFILES: [&Profile; 7] = [&INVOICE, &BANK, &NUMBERS, &CUSTOMER, &WIDE, &EXTRACT, &PURPOSE];

/// Records that are looked at before the layout is told.
const EVIDENCE: usize = 4000;

/// The layout of a file by its first records.
pub fn profile_of(records: &[Row<'_>]) -> &'static Profile {
    let records = &records[..records.len().min(EVIDENCE)];
    if records.iter().any(|r| kind_of(r) == b'3') && !records.iter().any(|r| matches!(kind_of(r), b'4' | b'6')) {
        return &PURPOSE;
    }
    let mut best = (&INVOICE, i64::MIN);
    for profile in PROFILES.into_iter().filter(|p| !p.check.is_empty()) {
        let points = Evidence::default().of(profile, records);
        if points > best.1 {
            best = (profile, points);
        }
    }
    best.0
}

/// The type of a record, in Latin-1.
pub fn kind_of(row: &Row<'_>) -> u8 {
    row.letter(column("type", 1, 1, Kind::Raw))
}

/// A column of a record by its name; an empty one where the layout has none.
pub fn find(columns: &[Column], name: &str) -> Column {
    columns.iter().find(|c| c.name == name).copied().unwrap_or(NONE)
}

/// Reads as blank.
const NONE: Column = Column { name: "", from: 1, to: 0, kind: Kind::Blank };

/// Points for and against a layout.
#[derive(Default)]
struct Evidence {
    points: i64,
    batch: Option<Cents>,
    check: Option<Cents>,
    payments: Option<Cents>,
    has_numbers: bool,
    has_overflow: bool,
}

impl Evidence {
    fn of(mut self, profile: &Profile, records: &[Row<'_>]) -> i64 {
        let amount = find(profile.check, "amount");
        let numbers = find(profile.check, "invoice");
        self.batch = Some(Cents::ZERO);
        for row in records {
            let kind = kind_of(row);
            let Some(columns) = profile.columns(kind) else {
                self.points -= 10;
                continue;
            };
            if kind != b'4' {
                self.end_of_check(!numbers.name.is_empty());
            }
            if row.bytes.len() > profile.longest_line {
                self.points -= 10;
            }
            match kind {
                b'6' => {
                    self.fields(row, columns);
                    self.check = row.cents(amount).ok().flatten();
                    self.payments = None;
                    self.has_overflow = false;
                    self.has_numbers = !row.is_blank(numbers);
                    self.batch = self.batch.zip(self.check).and_then(|(a, b)| a.plus(b).ok());
                }
                b'4' => {
                    self.fields(row, columns);
                    self.has_overflow = true;
                    for name in ["payment", "payment_2", "payment_3"] {
                        let paid = signed(row, find(columns, name));
                        self.payments = match (self.payments, paid) {
                            (Some(a), Some(b)) => a.plus(b).ok(),
                            (a, b) => a.or(b),
                        };
                    }
                }
                b'7' => {
                    let stated = row.cents(find(columns, "amount")).ok().flatten();
                    // A batch that does not agree is no proof against a layout: it may be wrong in any.
                    self.points += if stated.is_some() && stated == self.batch { 50 } else { -5 };
                    self.batch = Some(Cents::ZERO);
                }
                _ => {}
            }
        }
        self.end_of_check(!numbers.name.is_empty());
        self.points
    }

    fn end_of_check(&mut self, numbers_begin_in_check: bool) {
        if let Some(payments) = self.payments.take() {
            self.points += if Some(payments) == self.check { 20 } else { -3 };
        }
        if numbers_begin_in_check && std::mem::take(&mut self.has_overflow) && !self.has_numbers {
            self.points -= 10;
        }
    }

    fn fields(&mut self, row: &Row<'_>, columns: &[Column]) {
        for column in columns.iter().filter(|c| !row.is_blank(**c)) {
            self.points += match column.kind {
                Kind::Date if short_date(row, *column, column.name == "check_date").is_some() => 3,
                Kind::Date => -10,
                Kind::Cents if signed(row, *column).is_some() => 1,
                Kind::Digits | Kind::Number if matches!(row.number(*column), Ok(Some(_))) => 1,
                Kind::Cents | Kind::Digits | Kind::Number => -5,
                _ => 0,
            };
        }
        let end = columns.last().map_or(1, |c| usize::from(c.to));
        let rest = Row::new(row.bytes.get(end..).unwrap_or_default(), row.page);
        if !rest
            .is_blank(Column { to: u16::try_from(rest.bytes.len()).unwrap_or(0), ..column("rest", 1, 1, Kind::Raw) })
        {
            self.points -= 10;
        }
    }
}

/// Cents that may be negative: plain digits, a leading minus, or a sign over the last digit. `None`: blank, or no amount.
pub fn signed(row: &Row<'_>, column: Column) -> Option<Cents> {
    if let Ok(plain) = row.cents(column) {
        return plain;
    }
    let text = row.latin(column);
    let digits = crate::formats::record::trimmed(&text);
    let (negative, mut digits) = match digits.strip_prefix(b"-") {
        Some(rest) => (true, rest.to_vec()),
        None => (false, digits.to_vec()),
    };
    let last = digits.last_mut()?;
    let (digit, over) = match *last {
        b'{' => (b'0', false),
        b'}' => (b'0', true),
        b @ b'A'..=b'I' => (b - b'A' + b'1', false),
        b @ b'J'..=b'R' => (b - b'J' + b'1', true),
        b => (b, false),
    };
    *last = digit;
    let units = i64::try_from(crate::formats::record::number_of(&digits).ok()??).ok()?;
    Some(Cents::new(if negative || over { -units } else { units }))
}
