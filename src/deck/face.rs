//! What is printed and written on one piece of paper, before it is drawn: the check, the stub, the letter, and the lines a
//! machine will read on them.

use super::chance::Chance;
use super::e13b;
use super::people::{Bank, Person};
use crate::domain::{Bill, Day};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckForm {
    /// 6 x 2 3/4 inches.
    Personal,
    /// 8 1/2 x 3 1/2 inches.
    Business,
    MoneyOrder,
    /// Business size; branch and institution instead of an ABA number.
    Canadian,
}

impl CheckForm {
    /// Width and height, inches.
    pub fn size(self) -> (f32, f32) {
        match self {
            CheckForm::Personal | CheckForm::MoneyOrder => (6.0, 2.75),
            CheckForm::Business | CheckForm::Canadian => (8.5, 3.5),
        }
    }
}

#[derive(Clone, Debug)]
pub struct CheckFace {
    pub form: CheckForm,
    pub payer: Person,
    pub bank: Bank,
    /// As printed; a bad one has a wrong last digit in the line.
    pub routing: String,
    /// As on the line, dashes as `-`.
    pub account: String,
    pub serial: String,
    pub cents: i64,
    pub date: Day,
    pub payee: String,
    pub memo: String,
    pub is_handwritten: bool,
    pub is_signed: bool,
    /// The bank of first deposit has already encoded the amount.
    pub is_encoded: bool,
    /// Characters of the magnetic line and their places from the right edge.
    pub line: Vec<(u32, char)>,
    /// What the pen and the paper of this check look like.
    pub look: u64,
}

impl CheckFace {
    /// Lay out the magnetic line: places 1 to 12 amount, 14 to 31 on-us, 33 to 43 transit, 46 on auxiliary on-us.
    pub fn set_line(&mut self, chance: &mut Chance) {
        let account = self.account.replace('-', "D");
        let transit = format!("A{}A", self.routing.replace('-', "D"));
        let mut line = Vec::new();
        if self.is_encoded {
            e13b::ending_at(&mut line, 1, &format!("B{:010}B", self.cents));
        }
        e13b::ending_at(&mut line, 33, &transit);
        match self.form {
            CheckForm::Business => {
                e13b::ending_at(&mut line, 46, &format!("C{}C", self.serial));
                e13b::ending_at(&mut line, 14, &format!("{account}C"));
            }
            CheckForm::Canadian => {
                e13b::ending_at(&mut line, 46, &format!("C{}C", self.serial));
                e13b::ending_at(&mut line, 14, &format!("{account}C"));
            }
            CheckForm::Personal | CheckForm::MoneyOrder => {
                let on_us = match chance.below(4) {
                    0 => format!("{account}C{}", self.serial),
                    1 => format!("{} {account}C", self.serial),
                    _ => format!("{account}C {}", self.serial),
                };
                // Either against the transit field or against the amount field.
                let place = if chance.percent(70) { 32 - on_us.len() as u32 } else { 14 };
                e13b::ending_at(&mut line, place.clamp(14, 31), &on_us);
            }
        }
        self.line = line;
    }

    /// Left to right, one space for each gap.
    pub fn line_text(&self) -> String {
        e13b::spaced(&self.line)
    }

    /// The on-us field of the line: places 14 to 32.
    pub fn on_us_text(&self) -> String {
        let places: Vec<(u32, char)> = self.line.iter().copied().filter(|(p, _)| (14..=32).contains(p)).collect();
        e13b::spaced(&places)
    }

    pub fn is_canadian(&self) -> bool {
        self.form == CheckForm::Canadian
    }
}

#[derive(Clone, Debug)]
pub struct StubFace {
    pub bill: Bill,
    /// Place in [`super::people::BILLERS`].
    pub biller: usize,
    pub lines: StubLines,
    /// Written into the box, if anything.
    pub enclosed: Option<i64>,
    pub look: u64,
}

/// What a machine reads on a stub.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StubLines {
    /// With blanks and marks; empty where the form has none.
    pub scanline: String,
    pub barcode: String,
    /// `Code128`, `QRCode` or empty.
    pub symbology: &'static str,
    pub check_digit_ok: bool,
}

#[derive(Clone, Debug)]
pub enum Paper {
    Check(Box<CheckFace>),
    Stub(Box<StubFace>),
    /// A letter that came in an envelope.
    Letter(u64),
}

impl Paper {
    /// Width and height, inches.
    pub fn size(&self) -> (f32, f32) {
        match self {
            Paper::Check(check) => check.form.size(),
            Paper::Stub(stub) => [(8.5, 3.5), (8.0, 3.5), (7.5, 3.375)][stub.biller.min(2)],
            Paper::Letter(_) => (8.5, 5.5),
        }
    }
}

/// The last digit of Luhn's scheme: weights 2, 1 from the right, two-digit products split.
pub fn luhn(payload: &str) -> char {
    let sum: u32 =
        digits(payload).rev().zip([2, 1].into_iter().cycle()).map(|(d, w)| d * w).map(|p| p / 10 + p % 10).sum();
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

/// Modulus 11, weights 2 to 7 from the right, complement, ten printed as 0.
pub fn modulus_11(payload: &str) -> char {
    let sum: u32 = digits(payload).rev().zip((2..=7).cycle()).map(|(d, w)| d * w).sum();
    char::from(b'0' + ((11 - sum % 11) % 11 % 10) as u8)
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// The lines of a bill's stub in its form; `swapped` exchanges two neighbours of the account after the check digits were
/// made, as a printer's fault would.
pub fn stub_lines(biller: usize, bill: &Bill, swapped: bool) -> StubLines {
    let account = bill.account.reveal();
    let due = bill.amount_due.get();
    let late = bill.late_amount.unwrap_or(bill.amount_due).get();
    let invoice = &bill.invoice;
    let mut lines = StubLines { check_digit_ok: true, ..StubLines::default() };
    match biller {
        0 => {
            let line = format!("{account} {invoice} {due:08} {late:08}");
            let digit = luhn(&line);
            let (line, ok) = fault(&line, account, swapped, |l| luhn(l) == digit && luhn_holds(&l[..10]));
            lines.scanline = format!("{line} {digit}");
            lines.check_digit_ok = ok;
        }
        1 => {
            let line = format!("<{account}>{invoice}+{due:08}");
            let digit = modulus_11(&line);
            let (line, ok) = fault(&line, account, swapped, |l| modulus_11(l) == digit && modulus_11_holds(&l[1..10]));
            lines.scanline = format!("{line} {digit}");
            lines.barcode = lines.scanline.chars().filter(char::is_ascii_digit).collect();
            lines.symbology = "Code128";
            lines.check_digit_ok = ok;
        }
        _ => {
            let date = bill.due_date.map(|d| d.to_string()).unwrap_or_default();
            lines.barcode = format!("JBF1|{account}|{invoice}|{due}|{late}|{date}");
            lines.symbology = "QRCode";
        }
    }
    lines
}

fn luhn_holds(number: &str) -> bool {
    number.ends_with(luhn(&number[..number.len() - 1]))
}

fn modulus_11_holds(number: &str) -> bool {
    number.ends_with(modulus_11(&number[..number.len() - 1]))
}

/// The line, with two neighbouring digits of the account exchanged when asked so that a check fails; and whether all hold.
fn fault(line: &str, account: &str, swapped: bool, holds: impl Fn(&str) -> bool) -> (String, bool) {
    if swapped {
        for place in 0..account.len() - 1 {
            let mut other: Vec<char> = account.chars().collect();
            other.swap(place, place + 1);
            let printed = line.replacen(account, &other.iter().collect::<String>(), 1);
            if !holds(&printed) {
                return (printed, false);
            }
        }
    }
    (line.to_string(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_agree_with_the_published_vectors() {
        for (scheme, payload, digit) in [
            ("luhn", "7992739871", '3'),
            ("luhn", "00345678901", '9'),
            ("mod 11", "12345678", '5'),
            ("mod 11", "0", '0'),
        ] {
            let made = if scheme == "luhn" { luhn(payload) } else { modulus_11(payload) };
            assert_eq!(made, digit, "{scheme} {payload}");
        }
    }
}
