//! What one bank wants in a cash letter, as data. Unknown keys are refused.

use serde::{Deserialize, Serialize};

use crate::domain::RoutingNumber;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub enum Encoding {
    #[serde(rename = "ebcdic")]
    Ebcdic,
    #[serde(rename = "ascii")]
    Ascii,
}

/// Standard level of the file header.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub enum Level {
    #[serde(rename = "03")]
    L03,
    #[serde(rename = "20")]
    L20,
}

/// How the credit to our account stands in the file.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum CreditStyle {
    None,
    /// Record 61 as the first of the bundle.
    Type61,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    pub name: String,
    pub level: Level,
    pub encoding: Encoding,
    /// A four-byte length stands before each record.
    pub record_length_words: bool,
    /// The bank that takes the file.
    pub destination: RoutingNumber,
    pub destination_name: String,
    /// Us, as the bank knows us.
    pub origin: RoutingNumber,
    pub origin_name: String,
    /// Where the checks are deposited (bank of first deposit), for records 26 and 61.
    pub bofd: RoutingNumber,
    pub deposit_account: String,
    pub collection_type: String,
    pub credit: CreditStyle,
    /// Checks in one bundle.
    pub bundle_size: u32,
    pub contact: String,
    pub phone: String,
    /// The file is marked as a test.
    pub test: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the bank profile does not read: {0}")]
pub struct ProfileError(pub String);

impl Profile {
    pub fn from_toml(text: &str) -> Result<Profile, ProfileError> {
        toml::from_str(text).map_err(|e| ProfileError(e.to_string()))
    }
}

impl Default for Profile {
    /// A usual community bank: level 03, EBCDIC, length words, 300 checks in a bundle, no credit record. The routing
    /// numbers are samples and must be set.
    fn default() -> Self {
        let sample =
            |text: &str| RoutingNumber::new(text).unwrap_or_else(|_| unreachable!("a sample with a good digit"));
        Profile {
            name: "community".into(),
            level: Level::L03,
            encoding: Encoding::Ebcdic,
            record_length_words: true,
            destination: sample("061100020"),
            destination_name: "COMMUNITY BANK".into(),
            origin: sample("011000015"),
            origin_name: "UTILITY".into(),
            bofd: sample("061100020"),
            deposit_account: String::new(),
            collection_type: "01".into(),
            credit: CreditStyle::None,
            bundle_size: 300,
            contact: String::new(),
            phone: String::new(),
            test: false,
        }
    }
}
