//! The cash drawer: what is taken at the counter, what is paid out, the blind count and what it says. Two equal and opposite
//! errors between cash and checks are one slip under the wrong tender, not an over and a short.

use serde::{Deserialize, Serialize};

use super::money::{Cents, MoneyError};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Tender {
    Cash,
    Check,
    MoneyOrder,
    /// Taken by a card terminal; the drawer keeps its reference.
    Card,
}

impl Tender {
    pub const ALL: [Tender; 4] = [Tender::Cash, Tender::Check, Tender::MoneyOrder, Tender::Card];

    pub fn as_str(self) -> &'static str {
        match self {
            Tender::Cash => "cash",
            Tender::Check => "check",
            Tender::MoneyOrder => "money-order",
            Tender::Card => "card",
        }
    }

    pub fn parse(text: &str) -> Option<Tender> {
        Tender::ALL.into_iter().find(|t| t.as_str() == text)
    }

    /// Does it lie in the drawer as paper that is no cash?
    pub fn is_paper(self) -> bool {
        matches!(self, Tender::Check | Tender::MoneyOrder)
    }
}

/// So many pieces of one denomination.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Pieces {
    pub count: u32,
    pub each: Cents,
}

/// What the pieces come to.
pub fn counted(pieces: &[Pieces]) -> Result<Cents, MoneyError> {
    let mut sum = Cents::ZERO;
    for p in pieces {
        let value = p.each.get().checked_mul(i64::from(p.count)).ok_or(MoneyError::Overflow)?;
        sum = sum.plus(Cents::new(value))?;
    }
    Ok(sum)
}

/// What the count of a drawer says against its slips.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Count {
    pub expected_cash: Cents,
    pub counted_cash: Cents,
    pub expected_checks: Cents,
    pub counted_checks: Cents,
    /// What is over (positive) or short, cash and checks together.
    pub over_short: Cents,
    /// Cash and checks are out by the same amount in opposite directions: one slip stands under the wrong tender.
    pub wrong_tender: Option<Cents>,
}

impl Count {
    pub fn of(
        expected_cash: Cents,
        counted_cash: Cents,
        expected_checks: Cents,
        counted_checks: Cents,
    ) -> Result<Count, MoneyError> {
        let cash = counted_cash.minus(expected_cash)?;
        let checks = counted_checks.minus(expected_checks)?;
        let over_short = cash.plus(checks)?;
        Ok(Count {
            expected_cash,
            counted_cash,
            expected_checks,
            counted_checks,
            over_short,
            wrong_tender: (over_short.is_zero() && !cash.is_zero()).then_some(cash.magnitude()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_and_opposite_errors_are_a_wrong_tender() {
        for (cash, checks, over, wrong) in [
            (0, 0, 0, None),
            (-500, 0, -500, None),
            (-500, 500, 0, Some(500)),
            (700, -700, 0, Some(700)),
            (700, -600, 100, None),
        ] {
            let c = Cents::new;
            let count = Count::of(c(10_000), c(10_000 + cash), c(5_000), c(5_000 + checks)).unwrap();
            assert_eq!((count.over_short, count.wrong_tender), (c(over), wrong.map(c)), "{cash} {checks}");
        }
        let pieces = [Pieces { count: 5, each: Cents::new(2000) }, Pieces { count: 3, each: Cents::new(25) }];
        assert_eq!(counted(&pieces).unwrap(), Cents::new(10_075));
        assert!(counted(&[Pieces { count: u32::MAX, each: Cents::new(i64::MAX) }]).is_err());
    }
}
