//! What may follow what, and the numbers of a batch: the order of records as a table, and totals that serve the reader,
//! the file's control and the writer alike. Counts and hashes as the Operating Rules have them: only entries are hashed, the
//! low ten digits are kept.

use crate::domain::{Cents, MoneyError};

/// A record's type and the types that may follow it. `^` stands for the beginning of the file.
pub const ORDER: &[(u8, &[u8])] =
    &[(b'^', b"1"), (b'1', b"59"), (b'5', b"68"), (b'6', b"678"), (b'7', b"678"), (b'8', b"59"), (b'9', b"")];

pub fn may_follow(before: u8, kind: u8) -> bool {
    ORDER.iter().any(|(after, next)| *after == before && next.contains(&kind))
}

/// What may follow a record, for people.
pub fn expected_after(before: u8) -> String {
    let next = ORDER.iter().find(|(after, _)| *after == before).map_or(&b""[..], |(_, next)| next);
    match next {
        [] => "nothing but filler lines of nines".into(),
        types => {
            let names: Vec<String> = types.iter().map(|t| char::from(*t).to_string()).collect();
            format!("a record of type {}", names.join(", "))
        }
    }
}

/// Ten digits of a hash.
pub const HASH: u64 = 10_000_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Type 6.
    pub entries: u64,
    /// Type 7.
    pub addenda: u64,
    pub debit: Cents,
    pub credit: Cents,
    hash: u64,
}

impl Totals {
    /// Adds an entry: `rdfi` is the receiving bank's eight digits.
    pub fn entry(&mut self, rdfi: u64, amount: Cents, debit: bool) -> Result<(), MoneyError> {
        self.entries += 1;
        self.hash = (self.hash + rdfi) % HASH;
        let side = if debit { &mut self.debit } else { &mut self.credit };
        *side = side.plus(amount)?;
        Ok(())
    }

    pub fn batch(&mut self, other: &Totals) -> Result<(), MoneyError> {
        self.entries += other.entries;
        self.addenda += other.addenda;
        self.hash = (self.hash + other.hash) % HASH;
        self.debit = self.debit.plus(other.debit)?;
        self.credit = self.credit.plus(other.credit)?;
        Ok(())
    }

    /// As controls count: entries and addenda.
    pub fn count(&self) -> u64 {
        self.entries + self.addenda
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// The ninth digit of a bank's number: weights 3, 7, 1. `None` unless there are eight digits.
pub fn check_digit(eight: &[u8]) -> Option<u8> {
    let digits: &[u8; 8] = eight.try_into().ok()?;
    let mut sum = 0u32;
    for (digit, weight) in digits.iter().zip([3, 7, 1, 3, 7, 1, 3, 7]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum += u32::from(digit - b'0') * weight;
    }
    Some(b'0' + ((10 - sum % 10) % 10) as u8)
}
