//! Writing BAI2: one group of accounts with their transactions, totals and counts computed. For samples, tests and whoever
//! hands our bank's data on. Text that would break the record is refused.

use super::read::begins_record;
use crate::domain::{Cents, Day};
use crate::formats::fault::{FormatError, clip};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingDetail {
    pub code: String,
    pub amount: Cents,
    pub bank_reference: String,
    pub customer_reference: String,
    /// Each line but the first becomes a continuation.
    pub text: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingAccount {
    pub account: String,
    pub details: Vec<OutgoingDetail>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingFile {
    pub sender: String,
    pub receiver: String,
    pub created: Day,
    pub file_id: String,
    pub as_of: Day,
    pub accounts: Vec<OutgoingAccount>,
}

fn field<'a>(record: &'static str, text: &'a str) -> Result<&'a str, FormatError> {
    let bad = |c: char| c.is_control() || matches!(c, ',' | '/');
    if text.contains(bad) || text.trim() != text {
        return Err(FormatError::whole(record, clip(text), "a field without commas, slashes and outer blanks"));
    }
    Ok(text)
}

fn line(text: &str) -> Result<&str, FormatError> {
    let record_inside = || text.match_indices('/').any(|(at, _)| begins_record(&text.as_bytes()[at + 1..]));
    if text.is_empty()
        || text.contains(char::is_control)
        || text.trim() != text
        || text.ends_with('/')
        || record_inside()
    {
        return Err(FormatError::whole(
            "16",
            clip(text),
            "a line of text without a slash at its end or before a record",
        ));
    }
    Ok(text)
}

/// Records ended by a slash and a line feed; text lines by the line feed alone.
pub fn write(file: &OutgoingFile) -> Result<Vec<u8>, FormatError> {
    let sum_error = |_| FormatError::whole("49", "a sum that is too large", "a smaller sum");
    let short = |day: Day| day.compact()[2..].to_string();
    let mut out = format!(
        "01,{},{},{},0000,{},,,2/\n02,{},{},1,{},,USD,2/\n",
        field("01", &file.sender)?,
        field("01", &file.receiver)?,
        short(file.created),
        field("01", &file.file_id)?,
        field("02", &file.receiver)?,
        field("02", &file.sender)?,
        short(file.as_of)
    );
    let (mut group_sum, mut group_records) = (Cents::ZERO, 2u64);
    for account in &file.accounts {
        out.push_str(&format!("03,{},USD/\n", field("03", &account.account)?));
        let (mut sum, mut records) = (Cents::ZERO, 2u64);
        for detail in &account.details {
            if detail.code.len() != 3 || !detail.code.bytes().all(|b| b.is_ascii_digit()) {
                return Err(FormatError::whole("16", clip(&detail.code), "a type code of three digits"));
            }
            let head = format!("16,{},{},Z,", detail.code, detail.amount.get());
            let (bank, customer) = (field("16", &detail.bank_reference)?, field("16", &detail.customer_reference)?);
            out.push_str(&format!("{head}{bank},{customer},"));
            for (place, text) in detail.text.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "\n88," });
                out.push_str(line(text)?);
            }
            out.push_str(if detail.text.is_empty() { "/\n" } else { "\n" });
            records += detail.text.len().max(1) as u64;
            sum = sum.plus(detail.amount).map_err(sum_error)?;
        }
        out.push_str(&format!("49,{},{records}/\n", sum.get()));
        group_sum = group_sum.plus(sum).map_err(sum_error)?;
        group_records += records;
    }
    out.push_str(&format!("98,{},{},{group_records}/\n", group_sum.get(), file.accounts.len()));
    out.push_str(&format!("99,{},1,{}/\n", group_sum.get(), group_records + 2));
    Ok(out.into_bytes())
}
