//! Money as whole minor units (cents) in an `i64`, with checked arithmetic only. There is no operator `+` here on
//! purpose: a total that overflows is an error the caller must look at, never a default. No float touches money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount in minor units of the ledger's one currency (US cents). May be negative (a difference, a credit).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("the sum is larger than the program can hold")]
    Overflow,
    #[error("'{0}' is not an amount: write it like 123.45")]
    NotAnAmount(String),
}

impl Cents {
    pub const ZERO: Cents = Cents(0);
    /// The largest amount of one item in any format of ours: 99,999,999.99 (X9.100-187 field 25.7).
    pub const MAX_ITEM: Cents = Cents(9_999_999_999);

    pub const fn new(minor_units: i64) -> Self {
        Cents(minor_units)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn plus(self, other: Cents) -> Result<Cents, MoneyError> {
        self.0.checked_add(other.0).map(Cents).ok_or(MoneyError::Overflow)
    }

    pub fn minus(self, other: Cents) -> Result<Cents, MoneyError> {
        self.0.checked_sub(other.0).map(Cents).ok_or(MoneyError::Overflow)
    }

    pub fn negated(self) -> Result<Cents, MoneyError> {
        self.0.checked_neg().map(Cents).ok_or(MoneyError::Overflow)
    }

    pub fn magnitude(self) -> Result<Cents, MoneyError> {
        self.0.checked_abs().map(Cents).ok_or(MoneyError::Overflow)
    }

    pub fn sum<I: IntoIterator<Item = Cents>>(items: I) -> Result<Cents, MoneyError> {
        items.into_iter().try_fold(Cents::ZERO, Cents::plus)
    }
}

impl fmt::Display for Cents {
    /// `123.45`, `-0.05`: two places, no thousands mark, as the command-line contract writes money.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let text = format!("{}{}.{:02}", if self.0 < 0 { "-" } else { "" }, units / 100, units % 100);
        f.pad(&text)
    }
}

impl fmt::Debug for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Cents {
    type Err = MoneyError;

    /// Takes `123.45`, `123`, `-0.05` and nothing else (no sign of currency, no thousands mark, no exponent).
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::NotAnAmount(text.chars().take(40).collect());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "00"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(part) || part.len() != 2 {
            return Err(wrong());
        }
        let units = whole.parse::<i64>().ok().and_then(|w| w.checked_mul(100)).ok_or(MoneyError::Overflow)?;
        let part: i64 = part.parse().map_err(|_| wrong())?;
        let units = units.checked_add(part).ok_or(MoneyError::Overflow)?;
        Ok(Cents(if negative { -units } else { units }))
    }
}

impl Serialize for Cents {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cents {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_two_places() {
        for (text, units) in
            [("0.00", 0), ("0.05", 5), ("-0.05", -5), ("123.45", 12345), ("99999999.99", 9_999_999_999)]
        {
            assert_eq!(text.parse::<Cents>().unwrap(), Cents::new(units));
            assert_eq!(Cents::new(units).to_string(), text);
        }
        assert_eq!("7".parse::<Cents>().unwrap(), Cents::new(700));
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        for text in ["", "-", ".5", "1.5", "1.234", "1e3", "1,234.00", "$1.00", "NaN", " 1.00", "1.-5", "+1.00", "٣.00"]
        {
            assert!(text.parse::<Cents>().is_err(), "{text}");
        }
        assert_eq!("92233720368547758.08".parse::<Cents>(), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_total_that_overflows_is_an_error() {
        assert_eq!(Cents::sum([Cents::new(i64::MAX), Cents::new(1)]), Err(MoneyError::Overflow));
        assert_eq!(Cents::new(i64::MIN).negated(), Err(MoneyError::Overflow));
        assert_eq!(Cents::sum([Cents::new(1), Cents::new(2)]), Ok(Cents::new(3)));
    }
}
