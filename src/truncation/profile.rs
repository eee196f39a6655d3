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
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the bank profile does not read: {0}")]
pub struct ProfileError(pub String);

impl Profile {
    pub fn from_toml(text: &str) -> Result<Profile, ProfileError> {
        toml::from_str(text).map_err(|e| ProfileError(e.to_string()))
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
