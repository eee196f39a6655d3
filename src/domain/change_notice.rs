//! A notification of change: a payer's bank corrects an account line that we sent. It moves no money.

use serde::{Deserialize, Serialize};

use super::account::BankAccount;
use super::day::Day;
use super::return_item::SourcePlace;

/// What a receiving bank wants us to correct. ARC is a single entry: nothing is sent again, but the account line that was
/// read so must be read otherwise next time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct ChangeNotice {
    /// `C01` ..
    pub code: String,
    pub original_trace: String,
    /// The payer's bank as we had it: eight digits.
    pub original_routing: String,
    /// The account as we had it.
    pub original_account: BankAccount,
    pub correction: Correction,
    /// The notice's own trace number.
    pub id: String,
    pub date: Option<Day>,
    pub place: SourcePlace,
}

/// The corrected values that the code announces; the rest empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct Correction {
    pub routing: Option<String>,
    pub account: Option<BankAccount>,
    pub transaction_code: Option<String>,
    /// The corrected data as they stand, for codes with another layout.
    pub other: Option<String>,
}
