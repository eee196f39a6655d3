//! The billing system's open-bill file and the office's known-payer file: CSV with the contract's column names in any
//! order, or another header through a mapping (our name = their column, plus date and amount formats). Columns that are
//! not ours are kept as they are. A row that cannot be taken is rejected with its line and column; a file whose structure
//! is wrong is refused whole. Amounts are read in the one format that is declared, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::csv_text::{self, Row, Table};
use super::fault::Fault;
use crate::domain::{AccountFlag, AccountNumber, AccountStatus, BankAccount, Bill, Biller, Cents, Day, KnownPayer};

/// How another system's file is read: `[columns]` our name = their column; formats of dates and amounts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    pub columns: BTreeMap<String, String>,
    /// Fixed values for columns that the file does not have, e.g. `biller = "water"`.
    pub constants: BTreeMap<String, String>,
    /// A strftime pattern, e.g. `%m/%d/%Y`; ISO 8601 when absent.
    pub date_format: Option<String>,
    pub amount_format: AmountFormat,
}

/// A mapping of remittance lists under its name, as the configuration keeps it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamedMapping {
    pub name: String,
    pub columns: BTreeMap<String, String>,
    pub constants: BTreeMap<String, String>,
    pub date_format: Option<String>,
    pub amount_format: AmountFormat,
    #[serde(skip)]
    mapping: std::sync::OnceLock<Mapping>,
}

impl NamedMapping {
    fn mapping(&self) -> &Mapping {
        self.mapping.get_or_init(|| Mapping {
            columns: self.columns.clone(),
            constants: self.constants.clone(),
            date_format: self.date_format.clone(),
            amount_format: self.amount_format,
        })
    }
}

/// The first mapping whose columns all stand in the file's header.
pub fn mapping_for<'a>(bytes: &[u8], mappings: &'a [NamedMapping]) -> Option<&'a Mapping> {
    let head = bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default();
    let line = head.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    let (table, _) = csv_text::read(line).ok()?;
    let fits = |m: &&NamedMapping| !m.columns.is_empty() && m.columns.values().all(|c| table.column(c).is_some());
    mappings.iter().find(fits).map(NamedMapping::mapping)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AmountFormat {
    /// `1234.50`
    #[default]
    Plain,
    /// `1,234.50`
    Thousands,
    /// `1.234,50`
    Comma,
    /// `123450`
    Cents,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mapping does not read: {0}")]
pub struct MappingError(String);

impl Mapping {
    pub fn parse(text: &str) -> Result<Mapping, MappingError> {
        let mapping: Mapping = toml::from_str(text).map_err(|e| MappingError(e.to_string()))?;
        let known: BTreeSet<&str> = BILL_COLUMNS.iter().chain(PAYER_COLUMNS.iter()).copied().collect();
        for name in mapping.columns.keys().chain(mapping.constants.keys()) {
            if !known.contains(name.as_str()) {
                return Err(MappingError(format!(
                    "'{name}' is no column of ours: {}",
                    Vec::from_iter(known).join(", ")
                )));
            }
        }
        Ok(mapping)
    }
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub line: u64,
    pub column: Option<String>,
    pub message: String,
}

/// The rows that were taken, in the file's order, and those that were not.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    pub rows: Vec<T>,
    pub rejected: Vec<Rejected>,
}

const BILL_COLUMNS: [&str; 22] = [
    "biller",
    "bill",
    "account",
    "name",
    "address",
    "city",
    "state",
    "zip",
    "amount_due",
    "current",
    "past_due",
    "late_amount",
    "due_date",
    "invoice",
    "status",
    "budget_amount",
    "instalment",
    "flags",
    "phone",
    "email",
    "service",
    "client",
];
const PAYER_COLUMNS: [&str; 5] = ["biller", "client", "routing", "bank_account", "account"];

/// A table with our names found in its header.
struct Columns<'a> {
    table: &'a Table,
    places: BTreeMap<&'static str, usize>,
    constants: &'a BTreeMap<String, String>,
}

impl<'a> Columns<'a> {
    fn find(
        table: &'a Table,
        mapping: &'a Mapping,
        names: &[&'static str],
        required: &[&'static str],
    ) -> Result<Self, Fault> {
        let mut seen = BTreeSet::new();
        for name in &table.header {
            if !name.is_empty() && !seen.insert(name.to_ascii_lowercase()) {
                return Err(Fault::error("header", format!("the column '{name}' stands twice in the header")).line(1));
            }
        }
        let mut places = BTreeMap::new();
        for name in names {
            let theirs = mapping.columns.get(*name).map_or(*name, String::as_str);
            match table.column(theirs) {
                Some(place) => {
                    places.insert(*name, place);
                }
                None if mapping.columns.contains_key(*name) => {
                    return Err(
                        Fault::error("header", format!("there is no column '{theirs}' (mapped to {name})")).line(1)
                    );
                }
                None => {}
            }
        }
        // `client` is another word for `biller`.
        if let (false, Some(place)) = (places.contains_key("biller"), places.get("client").copied()) {
            places.insert("biller", place);
        }
        for name in required {
            if !places.contains_key(name) && !mapping.constants.contains_key(*name) {
                return Err(
                    Fault::error("header", format!("the column '{name}' is missing; a mapping can name it")).line(1)
                );
            }
        }
        Ok(Columns { table, places, constants: &mapping.constants })
    }

    fn text<'r>(&'r self, row: &'r Row, name: &'static str) -> &'r str {
        let text = row.get(self.places.get(name).copied());
        if text.is_empty() { self.constants.get(name).map_or("", String::as_str) } else { text }
    }

    /// The columns that are not ours, by their own names.
    fn extra(&self, row: &Row) -> BTreeMap<String, String> {
        let ours: BTreeSet<usize> = self.places.values().copied().collect();
        let theirs = self.table.header.iter().enumerate().filter(|(place, _)| !ours.contains(place));
        let kept = ["phone", "email"].into_iter().filter_map(|n| Some((n, *self.places.get(n)?)));
        theirs
            .map(|(place, name)| (name.clone(), row.get(Some(place)).to_string()))
            .chain(kept.map(|(name, place)| (name.to_string(), row.get(Some(place)).to_string())))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}

fn reject(row: &Row, column: &str, message: impl Into<String>) -> Rejected {
    Rejected { line: row.line, column: Some(column.to_string()), message: message.into() }
}

/// What a spreadsheet makes of a long number: `1.23E+11`.
fn looks_damaged(text: &str) -> bool {
    text.split_once(['e', 'E']).is_some_and(|(mantissa, power)| {
        !mantissa.is_empty()
            && mantissa.chars().all(|c| c.is_ascii_digit() || c == '.')
            && power.starts_with('+')
            && power[1..].chars().all(|c| c.is_ascii_digit())
    })
}

fn number(row: &Row, column: &'static str, text: &str) -> Result<String, Rejected> {
    if text.is_empty() {
        return Err(reject(row, column, format!("{column} is empty")));
    }
    if looks_damaged(text) {
        return Err(reject(row, column, format!("{column} was damaged by a spreadsheet (written like 1.23E+11)")));
    }
    if text.len() > 64 || text.chars().any(char::is_control) {
        return Err(reject(row, column, format!("{column} is longer than 64 characters or holds control characters")));
    }
    Ok(text.to_string())
}

impl AmountFormat {
    fn read(self, text: &str) -> Option<Cents> {
        let grouped = |thousands: char, point: char| {
            let (whole, part) = text.rsplit_once(point).unwrap_or((text, "00"));
            let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |w| ("-", w));
            let groups: Vec<&str> = whole.split(thousands).collect();
            let good = groups.len() == 1
                || groups
                    .iter()
                    .enumerate()
                    .all(|(i, g)| if i == 0 { (1..=3).contains(&g.len()) } else { g.len() == 3 });
            good.then(|| format!("{sign}{}.{part}", groups.concat()).parse().ok()).flatten()
        };
        match self {
            AmountFormat::Plain => text.parse().ok(),
            AmountFormat::Thousands => grouped(',', '.'),
            AmountFormat::Comma => grouped('.', ','),
            AmountFormat::Cents => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let good = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                good.then(|| text.parse().ok().map(Cents::new)).flatten()
            }
        }
    }
}

fn amount(row: &Row, column: &'static str, text: &str, mapping: &Mapping) -> Result<Option<Cents>, Rejected> {
    if text.is_empty() {
        return Ok(None);
    }
    let shown: String = text.chars().take(30).collect();
    let value = mapping
        .amount_format
        .read(text)
        .ok_or_else(|| reject(row, column, format!("{column} '{shown}' is not an amount like 123.45")))?;
    if value.get().checked_abs().is_none_or(|v| v > Cents::MAX_ITEM.get()) {
        return Err(reject(row, column, format!("{column} '{shown}' is larger than 99,999,999.99")));
    }
    Ok(Some(value))
}

fn day(row: &Row, column: &'static str, text: &str, mapping: &Mapping) -> Result<Option<Day>, Rejected> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = match &mapping.date_format {
        None => text.parse().ok(),
        Some(pattern) => jiff::civil::Date::strptime(pattern, text).ok().map(Day::of),
    };
    let shown: String = text.chars().take(30).collect();
    read.map(Some).ok_or_else(|| reject(row, column, format!("{column} '{shown}' is not a date of the calendar")))
}

/// Reads an open-bill file.
pub fn bills(bytes: &[u8], mapping: Option<&Mapping>) -> Result<Rows<Bill>, Fault> {
    let (table, structure) = csv_text::read(bytes)?;
    let none = Mapping::default();
    let mapping = mapping.unwrap_or(&none);
    let columns = Columns::find(&table, mapping, &BILL_COLUMNS, &["biller", "bill", "account", "amount_due"])?;
    let mut read = Rows { rows: Vec::with_capacity(table.rows.len()), rejected: faults(structure) };
    let mut seen = BTreeMap::new();
    for row in &table.rows {
        match bill(row, &columns, mapping) {
            Ok(bill) => {
                if let Some(first) = seen.insert((bill.biller.clone(), bill.bill.clone()), row.line) {
                    read.rejected.push(reject(row, "bill", format!("this bill stands in line {first} already")));
                    continue;
                }
                read.rows.push(bill);
            }
            Err(rejected) => read.rejected.push(rejected),
        }
    }
    Ok(read)
}

fn bill(row: &Row, columns: &Columns<'_>, mapping: &Mapping) -> Result<Bill, Rejected> {
    let text = |name: &'static str| columns.text(row, name);
    let money = |name: &'static str| amount(row, name, text(name), mapping);
    let status = match text("status") {
        "" => AccountStatus::Active,
        given => AccountStatus::parse(&given.to_ascii_lowercase().replace(['_', ' '], "-")).ok_or_else(|| {
            reject(row, "status", format!("'{}' is no account status", given.chars().take(30).collect::<String>()))
        })?,
    };
    let mut flags = Vec::new();
    for flag in text("flags").split([' ', ';', '|', ',']).filter(|f| !f.is_empty()) {
        match flag.to_ascii_lowercase().as_str() {
            "medical" => flags.push(AccountFlag::Medical),
            "no-arc" => flags.push(AccountFlag::NoArc),
            _ => return Err(reject(row, "flags", "a flag is medical or no-arc")),
        }
    }
    let amount_due = money("amount_due")?.ok_or_else(|| reject(row, "amount_due", "amount_due is empty"))?;
    Ok(Bill {
        biller: Biller(number(row, "biller", text("biller"))?),
        bill: number(row, "bill", text("bill"))?,
        account: AccountNumber::new(number(row, "account", text("account"))?),
        name: text("name").to_string(),
        address: text("address").to_string(),
        city: text("city").to_string(),
        state: text("state").to_string(),
        zip: text("zip").to_string(),
        amount_due,
        current: money("current")?,
        past_due: money("past_due")?,
        late_amount: money("late_amount")?,
        budget_amount: money("budget_amount")?,
        instalment: money("instalment")?,
        due_date: day(row, "due_date", text("due_date"), mapping)?,
        invoice: text("invoice").to_string(),
        status,
        flags,
        service: Some(text("service").to_string()).filter(|s| !s.is_empty()),
        extra: columns.extra(row),
        open: true,
        paid: Cents::ZERO,
    })
}

/// Reads a known-payer file: routing and bank account are compared on digits only, so any other character may stand there.
pub fn payers(bytes: &[u8], mapping: Option<&Mapping>) -> Result<Rows<KnownPayer>, Fault> {
    let (table, structure) = csv_text::read(bytes)?;
    let none = Mapping::default();
    let mapping = mapping.unwrap_or(&none);
    let columns = Columns::find(&table, mapping, &PAYER_COLUMNS, &["biller", "routing", "bank_account", "account"])?;
    let mut read = Rows { rows: Vec::with_capacity(table.rows.len()), rejected: faults(structure) };
    for row in &table.rows {
        let text = |name: &'static str| columns.text(row, name);
        let payer = || -> Result<KnownPayer, Rejected> {
            let digits: String = text("routing").chars().filter(char::is_ascii_digit).collect();
            if digits.is_empty() || digits.len() > 9 {
                return Err(reject(row, "routing", "routing has no digits, or more than nine"));
            }
            let bank_account = BankAccount::new(number(row, "bank_account", text("bank_account"))?);
            if bank_account.key().is_empty() {
                return Err(reject(row, "bank_account", "bank_account has no digits"));
            }
            Ok(KnownPayer {
                routing: digits,
                bank_account,
                biller: Biller(number(row, "biller", text("biller"))?),
                account: AccountNumber::new(number(row, "account", text("account"))?),
            })
        };
        match payer() {
            Ok(payer) => read.rows.push(payer),
            Err(rejected) => read.rejected.push(rejected),
        }
    }
    Ok(read)
}

/// One row of a remittance list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemittanceRow {
    pub line: u64,
    /// Rows of one payment have the same and stand together; empty: each row is a payment.
    pub payment: String,
    pub payer: String,
    pub date: Option<Day>,
    /// Of the whole payment.
    pub amount: Cents,
    pub account: Option<String>,
    pub invoice: Option<String>,
    /// Of this line; without it the line pays the amount.
    pub paid: Option<Cents>,
    pub routing: String,
    pub bank_account: String,
    pub check_number: String,
}

const REMITTANCE_COLUMNS: [&str; 10] =
    ["payment", "payer", "date", "amount", "account", "invoice", "paid", "routing", "bank_account", "check_number"];

/// Reads a remittance list: what a partner says that it paid, line by line. Each row needs an amount and an account or
/// invoice; rows of one payment must state the same amount.
pub fn remittances(bytes: &[u8], mapping: Option<&Mapping>) -> Result<Rows<RemittanceRow>, Fault> {
    let (table, structure) = csv_text::read(bytes)?;
    let none = Mapping::default();
    let mapping = mapping.unwrap_or(&none);
    let columns = Columns::find(&table, mapping, &REMITTANCE_COLUMNS, &["amount"])?;
    if !columns.places.contains_key("account") && !columns.places.contains_key("invoice") {
        let message = "there is neither a column 'account' nor 'invoice'; a mapping can name it";
        return Err(Fault::error("header", message).line(1));
    }
    let mut read: Rows<RemittanceRow> =
        Rows { rows: Vec::with_capacity(table.rows.len()), rejected: faults(structure) };
    for row in &table.rows {
        let text = |name: &'static str| columns.text(row, name);
        let some = |name: &'static str| match text(name) {
            "" => Ok(None),
            given => number(row, name, given).map(Some),
        };
        let digits = |name: &'static str| text(name).chars().filter(char::is_ascii_digit).collect::<String>();
        let remittance = || -> Result<RemittanceRow, Rejected> {
            let whole = amount(row, "amount", text("amount"), mapping)?;
            let Some(whole) = whole.filter(|a| a.is_positive()) else {
                return Err(reject(row, "amount", "amount is empty, or not more than zero"));
            };
            let (account, invoice) = (some("account")?, some("invoice")?);
            if account.is_none() && invoice.is_none() {
                return Err(reject(row, "account", "the row names neither an account nor an invoice"));
            }
            Ok(RemittanceRow {
                line: row.line,
                payment: text("payment").to_string(),
                payer: text("payer").to_string(),
                date: day(row, "date", text("date"), mapping)?,
                amount: whole,
                account,
                invoice,
                paid: amount(row, "paid", text("paid"), mapping)?,
                routing: digits("routing"),
                bank_account: digits("bank_account"),
                check_number: digits("check_number"),
            })
        };
        match remittance() {
            Ok(one) => {
                let before = read.rows.last().filter(|b| !one.payment.is_empty() && b.payment == one.payment);
                match before {
                    Some(before) if before.amount != one.amount => {
                        let message = format!("the payment's amount is another than in line {}", before.line);
                        read.rejected.push(reject(row, "amount", message));
                    }
                    _ => read.rows.push(one),
                }
            }
            Err(rejected) => read.rejected.push(rejected),
        }
    }
    Ok(read)
}

fn faults(structure: Vec<Fault>) -> Vec<Rejected> {
    structure.into_iter().map(|f| Rejected { line: f.line.unwrap_or(0), column: None, message: f.message }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "biller,bill,account,name,amount_due,late_amount,due_date,status,colour\n";

    fn check(row: &str, verdict: &str) {
        let read = bills(format!("{HEAD}{row}\n").as_bytes(), None).unwrap();
        let said = match (read.rows.first(), read.rejected.first()) {
            (Some(b), None) => format!("{} {}", b.account.reveal(), b.amount_due),
            (None, Some(r)) => format!("line {} {}", r.line, r.column.clone().unwrap_or_default()),
            other => format!("{other:?}"),
        };
        assert_eq!(said, verdict, "{row}");
    }

    #[test]
    fn rows_are_taken_or_rejected_with_their_place() {
        check("water,W1,000123,Ann,84.18,88.34,2026-11-21,active,red", "000123 84.18");
        check("water,W1,000123,Ann,84.18,,,,", "000123 84.18");
        check("water,W1,1.23E+11,Ann,84.18,,,,", "line 2 account");
        check("water,W1,000123,Ann,\"1,234.56\",,,,", "line 2 amount_due");
        check("water,W1,000123,Ann,12.345,,,,", "line 2 amount_due");
        check("water,W1,000123,Ann,NaN,,,,", "line 2 amount_due");
        check("water,W1,000123,Ann,,,,,", "line 2 amount_due");
        check("water,W1,000123,Ann,84.18,,2026-02-31,,", "line 2 due_date");
        check("water,W1,000123,Ann,84.18,,,asleep,", "line 2 status");
        check(",W1,000123,Ann,84.18,,,,", "line 2 biller");
    }

    #[test]
    fn a_bill_twice_is_taken_once_and_unknown_columns_are_kept() {
        let text = format!("{HEAD}w,1,2,Ann,1.00,,,,red\nw,1,3,Bob,2.00,,,,\n");
        let read = bills(text.as_bytes(), None).unwrap();
        assert_eq!((read.rows.len(), read.rejected.len(), read.rejected[0].line), (1, 1, 3));
        assert_eq!(read.rows[0].extra["colour"], "red");
    }

    #[test]
    fn a_mapping_serves_another_header() {
        let mapping = Mapping::parse(
            "date_format = \"%m/%d/%Y\"\namount_format = \"thousands\"\n[constants]\nbiller = \"water\"\n\
             [columns]\nbill = \"Doc No\"\naccount = \"Cust\"\namount_due = \"Open\"\ndue_date = \"Due\"\n",
        )
        .unwrap();
        let read = bills(b"Cust,Doc No,Open,Due\n0042,77,\"1,234.56\",11/21/2026\n", Some(&mapping)).unwrap();
        let bill = &read.rows[0];
        assert_eq!(
            (bill.amount_due.to_string().as_str(), bill.due_date.unwrap().to_string().as_str()),
            ("1234.56", "2026-11-21")
        );
        assert!(Mapping::parse("[columns]\nbil = \"x\"\n").is_err());
        assert!(bills(b"Cust,Open\n1,2\n", Some(&mapping)).is_err(), "a mapped column that is not there");
        assert_eq!(AmountFormat::Comma.read("1.234,56"), Some(Cents::new(123_456)));
        assert_eq!(AmountFormat::Thousands.read("12,34.56"), None);
        assert_eq!(AmountFormat::Cents.read("123456"), Some(Cents::new(123_456)));
    }

    #[test]
    fn payers_take_client_for_biller_and_digits_only() {
        let read =
            payers(b"routing,bank_account,client,account\n1063-1365,0438-9922,water,68\n,1,water,68\n", None).unwrap();
        assert_eq!((read.rows.len(), read.rejected.len()), (1, 1));
        assert_eq!(read.rows[0].routing, "10631365");
        assert!(payers(b"routing,account\n1,2\n", None).is_err());
    }
}
