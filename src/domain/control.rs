//! How many people must agree: tiers of amount for the approval of a batch. Nobody ever approves what they balanced,
//! whatever the tiers say.

use serde::{Deserialize, Serialize};

use super::money::Cents;

/// From this amount of a batch on, so many approvals.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub from: Cents,
    /// How many different people approve; at least one.
    pub approvals: u32,
    /// May a person approve who decided anything in the batch?
    pub hands_on: bool,
}

/// The site's rules of two people.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    pub tiers: Vec<Tier>,
    /// A deposit of this much or more is released by somebody who approved none of its batches.
    pub separate_release_from: Option<Cents>,
}

impl Default for Controls {
    fn default() -> Self {
        Controls { tiers: vec![Tier { from: Cents::ZERO, approvals: 1, hands_on: true }], separate_release_from: None }
    }
}

impl Controls {
    /// The highest tier that the amount reaches; one approval by anybody else where none does.
    pub fn tier(&self, amount: Cents) -> Tier {
        let reached = self.tiers.iter().filter(|t| t.from <= amount).max_by_key(|t| t.from);
        let tier = reached.copied().unwrap_or(Tier { from: Cents::ZERO, approvals: 1, hands_on: true });
        Tier { approvals: tier.approvals.max(1), ..tier }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_tier_that_is_reached_counts_to_the_cent() {
        let tier = |from: i64, approvals| Tier { from: Cents::new(from), approvals, hands_on: approvals == 1 };
        let controls =
            Controls { tiers: vec![tier(5_000_000, 2), tier(0, 1), tier(9_000_000, 0)], ..Controls::default() };
        for (amount, approvals) in [(0, 1), (4_999_999, 1), (5_000_000, 2), (8_999_999, 2), (9_000_000, 1)] {
            assert_eq!(controls.tier(Cents::new(amount)).approvals, approvals, "{amount}");
        }
        assert_eq!(Controls { tiers: vec![], separate_release_from: None }.tier(Cents::ZERO).approvals, 1);
    }
}
