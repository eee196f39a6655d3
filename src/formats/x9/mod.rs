//! Image cash letters: X9.37-2003 (level 03) and X9.100-187 (levels 30, 35), read in every physical layout found in the
//! field and written as a bank's profile wants it.

mod come_back;
mod credit;
mod item;
mod on_us;
pub mod order;
pub mod physical;
pub mod proof;
mod read;
pub mod records;
mod routings;
mod sequences;
mod totals;
mod walk;
mod write;

#[cfg(test)]
mod damage_tests;

pub use come_back::{ReturnLetters, returns};
pub use credit::{Credit, CreditLayout, columns as credit_columns};
pub use item::{Addendum, Detail, Item, View};
pub use on_us::{line_text, micr_text, on_us_field};
pub use physical::{Encoding, Layout, Physical};
pub use read::{Piece, X9File, read, scan, scan_with_images};
pub use totals::Convention;
pub use walk::{Letter, Seen, Sink, Summary, walk};
pub use write::{
    CashLetter, CreditPlace, CreditProfile, LetterHead, LetterWriter, OutgoingCheck, Profile, Written, write,
};
