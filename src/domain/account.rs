//! Account numbers: the customer's at the biller, and the payer's at the bank. Both print masked; `.reveal()` is the only
//! way to the full number and can be searched for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `...8881`: what logs, errors and list pages may show.
pub fn masked(text: &str) -> String {
    let tail: Vec<char> = text.chars().rev().take(4).collect();
    format!("...{}", tail.into_iter().rev().collect::<String>())
}

macro_rules! account {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The full number. Whoever prints it needs a recorded reason.
            pub fn reveal(&self) -> &str {
                &self.0
            }

            pub fn masked(&self) -> String {
                masked(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.masked())
            }
        }
    };
}

account!(/// The customer's account at the biller, as printed (leading zeros and letters belong to it).
    AccountNumber);
account!(/// The payer's account at the payer's bank, as read from the on-us field. Stored encrypted only.
    BankAccount);

impl BankAccount {
    /// Digits without blanks, dashes and leading zeros: what bank accounts are compared by.
    pub fn key(&self) -> String {
        let digits: String = self.0.chars().filter(char::is_ascii_digit).collect();
        digits.trim_start_matches('0').to_string()
    }
}

/// One service or company of the site that is paid; accounts, bills and stub layouts belong to one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(transparent)]
pub struct Biller(pub String);

impl fmt::Display for Biller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_masked_and_keys_compare_digits() {
        assert_eq!(format!("{:?}", AccountNumber::new("123456788881")), "...8881");
        assert_eq!(BankAccount::new("00-123 45").key(), "12345");
    }
}
