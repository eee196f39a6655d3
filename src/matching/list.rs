//! A list payment: one check with a list of the accounts it pays (an agency's, a landlord's), pasted or from a file. Each
//! line is an account or `bill:NUMBER` and an amount, divided by a comma, a semicolon, a tab or blanks. A line that
//! cannot be read is rejected by itself; nothing is guessed. A heading and blank lines are passed over.

use serde::Serialize;

use crate::domain::{AccountNumber, Cents, MoneyError};

/// Lines that one list may have; more are rejected.
pub const MOST_LINES: usize = 20_000;

#[derive(Clone, PartialEq, Debug)]
pub struct ListLine {
    /// Line of the text, from 1.
    pub number: usize,
    pub account: Option<AccountNumber>,
    pub bill: Option<String>,
    pub amount: Cents,
}

/// A line that pays nothing, and why. Account numbers are not repeated in it.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct RejectedLine {
    pub number: usize,
    pub why: String,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListPayment {
    pub lines: Vec<ListLine>,
    pub rejected: Vec<RejectedLine>,
}

impl ListPayment {
    /// What is left of the check after each line; negative from where the list is more than the check.
    pub fn rests(&self, received: Cents) -> Result<Vec<Cents>, MoneyError> {
        let mut rest = received;
        let after = |line: &ListLine| {
            rest = rest.minus(line.amount)?;
            Ok(rest)
        };
        self.lines.iter().map(after).collect()
    }

    pub fn parse(text: &str) -> ListPayment {
        let mut list = ListPayment::default();
        for (place, line) in text.lines().enumerate() {
            let number = place + 1;
            let mut cells = line
                .split(|c: char| matches!(c, ',' | ';') || c.is_whitespace())
                .map(|cell| cell.trim_matches('"'))
                .filter(|cell| !cell.is_empty());
            let (Some(who), amount, more) = (cells.next(), cells.next(), cells.next()) else { continue };
            let mut reject = |why: &str| list.rejected.push(RejectedLine { number, why: why.to_string() });
            // The heading of a table has no digit in it.
            if place == 0 && !line.bytes().any(|b| b.is_ascii_digit()) {
                continue;
            }
            if number > MOST_LINES {
                reject("the list is too long; divide it");
                break;
            }
            let (Some(amount), None) = (amount, more) else {
                reject("a line is an account and an amount, like 1234567890 84.18");
                continue;
            };
            let amount = match amount.trim_start_matches('$').parse::<Cents>() {
                Ok(amount) if amount.is_positive() && amount <= Cents::MAX_ITEM => amount,
                Ok(_) => {
                    reject("the amount of a line must be more than zero");
                    continue;
                }
                Err(_) => {
                    reject("the amount is not one: write it like 84.18");
                    continue;
                }
            };
            let line = match who.strip_prefix("bill:") {
                Some(bill) => ListLine { number, account: None, bill: Some(bill.to_string()), amount },
                None if who.len() > 40 => {
                    reject("no account is that long");
                    continue;
                }
                None => ListLine { number, account: Some(AccountNumber::new(who)), bill: None, amount },
            };
            list.lines.push(line);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one() {
        let text =
            "account,amount\n100 1.00\n\n200,\"2.00\"\n300;$3.00\nbill:W4\t4.00\n500 five\n600 -1.00\n700\n8 1 2\n";
        let list = ListPayment::parse(text);
        let good: Vec<(usize, i64)> = list.lines.iter().map(|l| (l.number, l.amount.get())).collect();
        assert_eq!(good, [(2, 100), (4, 200), (5, 300), (6, 400)]);
        assert_eq!(list.lines[3].bill.as_deref(), Some("W4"));
        let rests: Vec<i64> = list.rests(Cents::new(550)).unwrap().iter().map(|r| r.get()).collect();
        assert_eq!(rests, [450, 250, -50, -450], "how it runs against a check of 5.50");
        let bad: Vec<usize> = list.rejected.iter().map(|r| r.number).collect();
        assert_eq!(bad, [7, 8, 9, 10]);
    }

    #[test]
    fn a_list_without_end_is_cut_with_a_word() {
        let list = ListPayment::parse(&"1 1.00\n".repeat(MOST_LINES + 5));
        assert_eq!((list.lines.len(), list.rejected.len()), (MOST_LINES, 1));
    }
}
