//! Journal entries: postings that sum to zero, numbered without gaps, chained by hash. The canonical bytes below are what
//! the chain covers; golden vectors in the tests pin every byte.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::document::Sha256;
use super::ids::{BatchId, DocumentId, TransactionId};
use super::money::{Cents, MoneyError};

/// One side of an entry: positive debits, negative credits.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Posting {
    /// Ledger account number, e.g. `1020`.
    pub account: String,
    pub amount: Cents,
    pub document: Option<DocumentId>,
    pub memo: String,
}

/// An entry before the store has given it its number and place in the chain.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct EntryDraft {
    pub date: Day,
    pub batch: Option<BatchId>,
    pub transaction: Option<TransactionId>,
    pub memo: String,
    pub postings: Vec<Posting>,
}

impl EntryDraft {
    /// At least two postings, none of zero, summing to zero.
    pub fn proves(&self) -> Result<bool, MoneyError> {
        let sum = Cents::sum(self.postings.iter().map(|p| p.amount))?;
        Ok(self.postings.len() >= 2 && sum.is_zero() && self.postings.iter().all(|p| !p.amount.is_zero()))
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Entry {
    /// From 1, without gaps.
    pub number: i64,
    pub draft: EntryDraft,
    /// Hash of the entry before; 32 zero bytes for the first.
    pub previous: Sha256,
    pub hash: Sha256,
}

impl Entry {
    pub const GENESIS: Sha256 = Sha256([0; 32]);

    /// Puts a draft at the end of the chain.
    ///
    /// # Panics
    /// When the draft does not sum to zero: an entry that does not prove must never exist.
    pub fn chained(number: i64, previous: Sha256, draft: EntryDraft) -> Entry {
        assert_eq!(draft.proves(), Ok(true), "a journal entry must sum to zero");
        let hash = Sha256::of(&canonical(number, previous, &draft));
        Entry { number, draft, previous, hash }
    }

    /// Does the hash cover this content and this predecessor?
    pub fn holds(&self) -> bool {
        self.hash == Sha256::of(&canonical(self.number, self.previous, &self.draft))
    }
}

/// Version byte, number, previous hash, then each text with its length (4 bytes, big-endian) and each amount (8 bytes).
fn canonical(number: i64, previous: Sha256, draft: &EntryDraft) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(number.to_be_bytes());
    out.extend(previous.0);
    let mut text = |s: &str| {
        out.extend((s.len() as u32).to_be_bytes());
        out.extend(s.as_bytes());
    };
    text(&draft.date.to_string());
    text(draft.batch.as_ref().map_or("", |b| b.as_str()));
    text(draft.transaction.as_ref().map_or("", |t| t.as_str()));
    text(&draft.memo);
    for posting in &draft.postings {
        text(&posting.account);
        text(&posting.amount.get().to_string());
        text(posting.document.as_ref().map_or("", |d| d.as_str()));
        text(&posting.memo);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> EntryDraft {
        let posting = |account: &str, amount| Posting {
            account: account.into(),
            amount: Cents::new(amount),
            document: None,
            memo: String::new(),
        };
        EntryDraft {
            date: "2026-11-30".parse().unwrap(),
            batch: None,
            transaction: None,
            memo: "payment".into(),
            postings: vec![posting("1020", 8418), posting("1100", -8418)],
        }
    }

    #[test]
    fn the_chain_has_golden_bytes() {
        let first = Entry::chained(1, Entry::GENESIS, draft());
        let second = Entry::chained(2, first.hash, draft());
        assert_eq!(first.hash.to_string(), GOLDEN_FIRST);
        assert!(second.holds());
        let mut touched = second.clone();
        touched.draft.postings[0].memo.push('x');
        assert!(!touched.holds());
    }

    const GOLDEN_FIRST: &str = "e596a039c812fde69b27c718c5644051f48f7186421887dbf8281a1cbfbf442c";

    #[test]
    #[should_panic(expected = "sum to zero")]
    fn an_entry_out_of_balance_cannot_exist() {
        let mut d = draft();
        d.postings[0].amount = Cents::new(8419);
        Entry::chained(1, Entry::GENESIS, d);
    }
}
