//! What one bank wants in a cash letter, as data (TOML). Unknown keys are refused; a routing number is proved when it is
//! read.

use serde::{Deserialize, Serialize};

use crate::domain::RoutingNumber;
use crate::formats::ebcdic::CodePage;
use crate::formats::x9;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    Ebcdic,
    Ascii,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    pub name: String,
    /// Standard level: `03`, `30` or `35`.
    pub level: String,
    pub encoding: Encoding,
    /// A four-byte length stands before each record.
    pub length_words: bool,
    /// The bank that takes the file.
    pub destination: RoutingNumber,
    pub destination_name: String,
    /// Us, as the bank knows us: nine digits of the bank's giving.
    pub origin: String,
    pub origin_name: String,
    /// Who makes the letter, where the bank wants another number than `origin`.
    pub ece: Option<String>,
    /// Bank of first deposit, where it is not the destination.
    pub bofd: Option<RoutingNumber>,
    pub deposit_account: String,
    pub payee_name: String,
    pub collection_type: String,
    pub contact_name: String,
    pub contact_phone: String,
    /// Checks in one bundle.
    pub bundle_size: u32,
    /// Largest image that the bank takes, in bytes.
    pub largest_image: u32,
    /// The file is marked as a test.
    pub test: bool,
    /// Each check carries our bank's endorsement (record 26).
    pub endorsed: bool,
    /// Whether the depositor is the bank of first deposit: Y, N or U.
    pub bofd_indicator: char,
    /// Last column of the file header: version of the companion document; blank at level 03.
    pub companion_version: String,
    /// Only for deposits at the Fed.
    pub fed_work_type: String,
    /// The credit to our account, where the bank wants one in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<Credit>,
}

/// How a credit to our account stands in the letter.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub enum CreditStyle {
    /// Record 61 without a usage code.
    #[serde(rename = "61")]
    Record61,
    /// Record 61 with a usage code in column 3.
    #[serde(rename = "61-usage")]
    Record61WithUsage,
    #[serde(rename = "62")]
    Record62,
    /// A deposit ticket as the first item, with images, drawn on a routing number of the bank's giving.
    #[serde(rename = "item")]
    Item,
}

/// What credits add to the letter's totals.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    #[default]
    Nothing,
    Count,
    CountAndAmount,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    pub style: CreditStyle,
    /// The bank that posts it, or the number that tickets are drawn on.
    pub routing: RoutingNumber,
    /// The account that is credited, as the on-us field has it: with a slash for the on-us symbol.
    pub account: String,
    #[serde(default)]
    pub counted: Counted,
    /// It stands before the first bundle and not as its first record.
    #[serde(default)]
    pub before_bundles: bool,
}

impl Credit {
    /// As the writer of the file takes it; a ticket is an item and no credit record.
    fn for_writing(&self) -> Option<x9::CreditProfile> {
        let layout = match self.style {
            CreditStyle::Record61 => x9::CreditLayout::A,
            CreditStyle::Record61WithUsage => x9::CreditLayout::B,
            CreditStyle::Record62 => x9::CreditLayout::Record62,
            CreditStyle::Item => return None,
        };
        Some(x9::CreditProfile {
            place: if self.before_bundles { x9::CreditPlace::BeforeBundles } else { x9::CreditPlace::InBundle },
            layout,
            routing: self.routing.as_str().into(),
            account: self.account.clone(),
            counted: match self.counted {
                Counted::Nothing => x9::Convention::Nothing,
                Counted::Count => x9::Convention::CountAndImages,
                Counted::CountAndAmount => x9::Convention::CountImagesAndAmount,
            },
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the bank profile does not read: {0}")]
pub struct ProfileError(pub String);

impl Profile {
    pub fn from_toml(text: &str) -> Result<Profile, ProfileError> {
        toml::from_str(text).map_err(|e| ProfileError(e.to_string()))
    }

    /// The profiles that come with the program; the configuration's manual states them.
    pub fn included() -> [Profile; 4] {
        let sample =
            |text: &str| RoutingNumber::new(text).unwrap_or_else(|_| unreachable!("a sample with a good digit"));
        let credit = |style, routing| Credit {
            style,
            routing: sample(routing),
            account: "000123456789/".into(),
            counted: Counted::Nothing,
            before_bundles: false,
        };
        [
            Profile::default(),
            Profile {
                name: "community-credit".into(),
                credit: Some(credit(CreditStyle::Record61, "061000146")),
                ..Profile::default()
            },
            Profile {
                name: "fed".into(),
                level: "35".into(),
                destination_name: "FEDERAL RESERVE".into(),
                companion_version: "1".into(),
                fed_work_type: "C".into(),
                bofd_indicator: 'Y',
                ..Profile::default()
            },
            Profile {
                name: "ticket".into(),
                credit: Some(credit(CreditStyle::Item, "500100015")),
                ..Profile::default()
            },
        ]
    }

    /// As the writer of the file takes it.
    pub(super) fn for_writing(&self) -> x9::Profile {
        let usual = x9::Profile::usual(&self.destination, &self.origin);
        x9::Profile {
            level: self.level.clone(),
            encoding: match self.encoding {
                Encoding::Ebcdic => x9::Encoding::Ebcdic(CodePage::Ibm037),
                Encoding::Ascii => x9::Encoding::Ascii,
            },
            length_words: self.length_words,
            test: self.test,
            destination_name: self.destination_name.clone(),
            origin_name: self.origin_name.clone(),
            ece_routing: self.ece.clone().unwrap_or_else(|| self.origin.clone()),
            collection_type: self.collection_type.clone(),
            bofd_routing: self.bofd.as_ref().unwrap_or(&self.destination).as_str().to_string(),
            deposit_account: self.deposit_account.clone(),
            payee_name: self.payee_name.clone(),
            contact_name: self.contact_name.clone(),
            contact_phone: self.contact_phone.clone(),
            bundle_size: self.bundle_size as usize,
            endorsed: self.endorsed,
            bofd_indicator: self.bofd_indicator,
            companion_version: self.companion_version.clone(),
            fed_work_type: self.fed_work_type.clone(),
            credit: self.credit.as_ref().and_then(Credit::for_writing),
            ..usual
        }
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
            level: "03".into(),
            encoding: Encoding::Ebcdic,
            length_words: true,
            destination: sample("061000146"),
            destination_name: "COMMUNITY BANK".into(),
            origin: "061100020".into(),
            origin_name: "UTILITY".into(),
            ece: None,
            bofd: None,
            deposit_account: String::new(),
            payee_name: String::new(),
            collection_type: "01".into(),
            contact_name: String::new(),
            contact_phone: String::new(),
            bundle_size: 300,
            largest_image: 1_000_000,
            test: false,
            endorsed: true,
            bofd_indicator: 'U',
            companion_version: String::new(),
            fed_work_type: String::new(),
            credit: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_data() {
        let p =
            Profile::from_toml("name = \"First\"\ndestination = \"121042882\"\nencoding = \"ascii\"\nlevel = \"35\"")
                .unwrap();
        assert_eq!((p.name.as_str(), p.destination.as_str(), p.encoding), ("First", "121042882", Encoding::Ascii));
        assert_eq!(p.bundle_size, 300);
        assert!(Profile::from_toml("destination = \"121042883\"").is_err());
        assert!(Profile::from_toml("bundel_size = 3").is_err());
        assert_eq!(Profile::from_toml(&toml::to_string(&p).unwrap()).unwrap(), p);
    }
}
