//! A returned item in our books: whose payment came back, what it reopened, and where it goes from here. Its life is one
//! exhaustive table; money moves when it is taken and when it clears at last, and at no other step.

use serde::{Deserialize, Serialize};

use super::account::{AccountNumber, Biller};
use super::day::Day;
use super::ids::{DepositId, DocumentId, ReturnId};
use super::money::Cents;
use super::return_item::ReturnItem;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnState {
    /// Its original was not found, or fits more than one check: a person says which it is (`return-unmatched`).
    Unmatched,
    /// The bills are open again.
    Returned,
    /// The bank presents it once more; until its date nothing is known.
    Represented,
    /// Paid when it was presented again: the bills are paid.
    Cleared,
    /// Final: it will not be presented any more.
    ChargedBack,
    /// Traffic between banks, or the second return of an item that was presented again: on record, no money of its own.
    Noted,
}

/// What may happen to a returned item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnEvent {
    Match,
    Represent,
    Clear,
    ChargeBack,
}

impl ReturnState {
    pub const ALL: [ReturnState; 6] = [
        ReturnState::Unmatched,
        ReturnState::Returned,
        ReturnState::Represented,
        ReturnState::Cleared,
        ReturnState::ChargedBack,
        ReturnState::Noted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ReturnState::Unmatched => "unmatched",
            ReturnState::Returned => "returned",
            ReturnState::Represented => "re-presented",
            ReturnState::Cleared => "cleared",
            ReturnState::ChargedBack => "charged-back",
            ReturnState::Noted => "noted",
        }
    }

    pub fn parse(text: &str) -> Option<ReturnState> {
        ReturnState::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// The state after an event, or `None` where it may not happen.
    pub fn after(self, event: ReturnEvent) -> Option<ReturnState> {
        use ReturnEvent as E;
        use ReturnState as S;
        match (self, event) {
            (S::Unmatched, E::Match) => Some(S::Returned),
            (S::Returned, E::Represent) => Some(S::Represented),
            (S::Represented, E::Clear) => Some(S::Cleared),
            (S::Returned | S::Represented, E::ChargeBack) => Some(S::ChargedBack),
            (S::Unmatched, E::Represent | E::Clear | E::ChargeBack)
            | (S::Returned, E::Match | E::Clear)
            | (S::Represented, E::Match | E::Represent)
            | (S::Cleared | S::ChargedBack | S::Noted, E::Match | E::Represent | E::Clear | E::ChargeBack) => None,
        }
    }
}

/// Cents of one application that the item had paid and that are owed again.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct ReturnPart {
    pub biller: Option<Biller>,
    pub account: Option<AccountNumber>,
    /// `None` for a credit or suspense.
    pub bill: Option<String>,
    /// The ledger account that had been credited.
    pub ledger: String,
    pub amount: Cents,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Returned {
    pub id: ReturnId,
    pub item: ReturnItem,
    pub state: ReturnState,
    /// The business date that it was taken on.
    pub date: Day,
    /// The check that came back.
    pub document: Option<DocumentId>,
    pub deposit: Option<DepositId>,
    /// The journal entry that took the payment back.
    pub entry: Option<i64>,
    pub fee: Cents,
    /// While re-presented: it has cleared when the bank has not sent it back by this day.
    pub due: Option<Day>,
    pub note: String,
    pub parts: Vec<ReturnPart>,
}

/// What the office does about returns.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ReturnPolicy {
    /// Charged to the account, once for each item that comes back; zero charges nothing.
    pub fee: Cents,
    /// So many returns within twelve months, and the account pays by cash only; zero never restricts.
    pub cash_only_after: u32,
    pub cash_only_months: u32,
    /// Days that an item which is presented again may still come back.
    pub represent_days: u32,
}

impl Default for ReturnPolicy {
    fn default() -> Self {
        ReturnPolicy { fee: Cents::ZERO, cash_only_after: 0, cash_only_months: 12, represent_days: 5 }
    }
}

impl Day {
    /// This day so many days later.
    pub fn plus_days(self, days: u32) -> Day {
        Day::of(self.date().saturating_add(jiff::Span::new().days(i64::from(days.min(36_500)))))
    }

    /// The same day of another month; the last of the month where it has no such day.
    pub fn plus_months(self, months: i32) -> Day {
        Day::of(self.date().saturating_add(jiff::Span::new().months(months.clamp(-1200, 1200))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_they_end() {
        for (day, months, other) in
            [("2026-01-31", 1, "2026-02-28"), ("2028-02-29", -12, "2027-02-28"), ("2026-11-30", 12, "2027-11-30")]
        {
            assert_eq!(day.parse::<Day>().unwrap().plus_months(months).to_string(), other);
        }
        assert_eq!("2026-12-30".parse::<Day>().unwrap().plus_days(5).to_string(), "2027-01-04");
    }

    #[test]
    fn states_have_their_names_and_an_end() {
        for state in ReturnState::ALL {
            assert_eq!(ReturnState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ReturnState::Cleared.after(ReturnEvent::ChargeBack), None);
        assert_eq!(ReturnState::Represented.after(ReturnEvent::ChargeBack), Some(ReturnState::ChargedBack));
    }
}
