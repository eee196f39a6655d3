//! ABA routing numbers: nine digits with the 3-7-1 check digit. A value of this type has been proved.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoutingNumber(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutingError {
    #[error("a routing number has nine digits")]
    NotNineDigits,
    #[error("the routing number's check digit fails")]
    CheckDigit,
    #[error("no bank has a routing number that begins with {0}")]
    Prefix(String),
}

impl RoutingNumber {
    /// Proves nine digits, the check digit (3-7-1, divisible by ten) and that it is not 000000000.
    pub fn new(text: &str) -> Result<Self, RoutingError> {
        let digits: Vec<u32> = text.chars().map_while(|c| c.to_digit(10)).collect();
        if digits.len() != 9 || text.chars().count() != 9 {
            return Err(RoutingError::NotNineDigits);
        }
        if text == "000000000" {
            return Err(RoutingError::Prefix("00".into()));
        }
        let sum: u32 = digits.iter().zip([3, 7, 1].iter().cycle()).map(|(d, w)| d * w).sum();
        if !sum.is_multiple_of(10) {
            return Err(RoutingError::CheckDigit);
        }
        Ok(RoutingNumber(text.to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is the prefix one that is issued: 00 Treasury, 01-12, 21-32, 61-72, 80 (traveller's checks)?
    pub fn prefix_is_issued(&self) -> bool {
        let prefix: u32 = self.0[..2].parse().unwrap_or(99);
        matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
    }
}

/// Do nine digits, read as one number, hold (3-7-1), and are they not all zero? For readers of many records.
pub fn checks_out(nine_digits: u64) -> bool {
    let (mut rest, mut sum) = (nine_digits, 0);
    for weight in [1, 7, 3, 1, 7, 3, 1, 7, 3] {
        sum += rest % 10 * weight;
        rest /= 10;
    }
    nine_digits > 0 && rest == 0 && sum.is_multiple_of(10)
}

impl FromStr for RoutingNumber {
    type Err = RoutingError;
    fn from_str(text: &str) -> Result<Self, RoutingError> {
        Self::new(text)
    }
}

impl TryFrom<String> for RoutingNumber {
    type Error = RoutingError;
    fn try_from(text: String) -> Result<Self, RoutingError> {
        Self::new(&text)
    }
}

impl From<RoutingNumber> for String {
    fn from(r: RoutingNumber) -> String {
        r.0
    }
}

impl fmt::Display for RoutingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RoutingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_proved() {
        for good in ["121042882", "021000021", "061100020", "011000015"] {
            assert!(RoutingNumber::new(good).is_ok(), "{good}");
        }
        for bad in ["121042883", "000000000", "12104288", "1210428820", "12104288x", ""] {
            assert!(RoutingNumber::new(bad).is_err(), "{bad}");
        }
    }
}
