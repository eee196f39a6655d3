//! Ids: each noun has its own type. An id is a letter and 16 characters of Crockford base 32: 80 bits of the SHA-256 of
//! what the thing is made of (its source and its place in it), so that the same work gives the same ids everywhere and
//! nothing depends on a database's counter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 17;

fn make(letter: char, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    hash.update([letter as u8]);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bits: u128 = 0;
    for byte in &digest[..10] {
        bits = bits << 8 | u128::from(*byte);
    }
    let mut text = String::with_capacity(LENGTH);
    text.push(letter);
    for place in (0..16).rev() {
        text.push(ALPHABET[(bits >> (place * 5)) as usize & 31] as char);
    }
    text
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not the id of a {noun}")]
pub struct NotAnId {
    pub text: String,
    pub noun: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const LETTER: char = $letter;

            /// The id of the thing that is made of these parts, in this order.
            pub fn of(parts: &[&[u8]]) -> Self {
                Self(make($letter, parts))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let good = text.len() == LENGTH
                    && text.starts_with($letter)
                    && text.bytes().skip(1).all(|b| ALPHABET.contains(&b));
                if good { Ok(Self(text.to_string())) } else {
                    Err(NotAnId { text: text.chars().take(40).collect(), noun: $noun })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(/// One taking-in of one source (folder or file), named by the hash of its content.
    ReceiptId, 'r', "receipt");
id!(BatchId, 'b', "batch");
id!(DocumentId, 'd', "document");
id!(TransactionId, 't', "transaction");
id!(ExceptionId, 'x', "exception");
id!(DepositId, 'p', "deposit");
id!(/// An item that the bank sent back.
    ReturnId, 'n', "return");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_content_and_parse_back() {
        let a = DocumentId::of(&[b"source", b"1"]);
        assert_eq!(a, DocumentId::of(&[b"source", b"1"]));
        assert_ne!(a, DocumentId::of(&[b"source", b"2"]));
        assert_ne!(DocumentId::of(&[b"ab", b"c"]), DocumentId::of(&[b"a", b"bc"]));
        assert_eq!(a.as_str().parse::<DocumentId>().unwrap(), a);
        assert!(a.as_str().parse::<BatchId>().is_err());
        assert!("d'; drop table".parse::<DocumentId>().is_err());
    }
}
