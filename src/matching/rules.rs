//! The site's own rules of matching, dated: how amounts are put to bills, and in which order a payment that is short is
//! put to what is owed. They are configuration; a payment of last year is explained by the rules of last year.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Policy;
use super::hypotheses::is_late;
use crate::domain::{Bill, BillKind, Biller, Cents, Day, MoneyError};

/// How what came is put to the bills that are meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum SplitRule {
    /// Each bill gets its usual amount.
    UsualAmounts,
    /// One bill gets another of its expected amounts.
    OneAmount,
    /// Every bill gets its gross amount.
    AllGross,
    /// One way, and only one, of choosing an expected amount for each bill adds up.
    SumOfBills,
    /// Some of the open bills of the account, in one way only.
    OpenBills,
    /// What is over the whole amount is the gift that the member pledged.
    Donation,
}

impl SplitRule {
    pub const ALL: [SplitRule; 6] = [
        SplitRule::UsualAmounts,
        SplitRule::OneAmount,
        SplitRule::AllGross,
        SplitRule::SumOfBills,
        SplitRule::OpenBills,
        SplitRule::Donation,
    ];
}

/// One line of the list of split rules.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct DatedRule {
    pub rule: SplitRule,
    #[serde(default)]
    pub biller: Option<Biller>,
    #[serde(default)]
    pub from: Option<Day>,
    #[serde(default)]
    pub until: Option<Day>,
    #[serde(default = "yes")]
    pub settles: bool,
}

fn yes() -> bool {
    true
}

fn holds(rule: (&Option<Biller>, Option<Day>, Option<Day>), biller: &Biller, day: Day) -> bool {
    rule.0.as_ref().is_none_or(|b| b == biller)
        && rule.1.is_none_or(|from| from <= day)
        && rule.2.is_none_or(|until| day <= until)
}

impl DatedRule {
    pub fn holds(&self, biller: &Biller, day: Day) -> bool {
        holds((&self.biller, self.from, self.until), biller, day)
    }

    /// The list of the manual: every rule, for every biller, always.
    pub fn usual() -> Vec<DatedRule> {
        SplitRule::ALL
            .into_iter()
            .map(|rule| DatedRule { rule, biller: None, from: None, until: None, settles: true })
            .collect()
    }
}

/// A part of what an account owes, as the posting order ranks it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    Penalty,
    PastDue,
    Current,
    /// A bill of another kind than energy, whole.
    Kind(BillKind),
}

impl Part {
    fn parse(text: &str) -> Option<Part> {
        match text {
            "penalty" => Some(Part::Penalty),
            "past-due" => Some(Part::PastDue),
            "current" => Some(Part::Current),
            other => BillKind::parse(other).filter(|k| *k != BillKind::Energy).map(Part::Kind),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Part::Penalty => "penalty",
            Part::PastDue => "past-due",
            Part::Current => "current",
            Part::Kind(kind) => kind.as_str(),
        }
    }
}

/// An entry of the order: `past-due`, or for one service `water/past-due`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(try_from = "String", into = "String")]
pub struct OrderEntry {
    pub service: Option<String>,
    pub part: Part,
}

impl FromStr for OrderEntry {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (service, part) = match text.split_once('/') {
            Some((service, part)) => (Some(service.to_string()), part),
            None => (None, text),
        };
        match Part::parse(part) {
            Some(part) => Ok(OrderEntry { service, part }),
            None => Err(format!(
                "'{text}' is no part of a bill: write penalty, past-due, current, or a kind of bill, or SERVICE/PART"
            )),
        }
    }
}

impl TryFrom<String> for OrderEntry {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for OrderEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{service}/{}", self.part.as_str()),
            None => f.write_str(self.part.as_str()),
        }
    }
}

impl From<OrderEntry> for String {
    fn from(entry: OrderEntry) -> String {
        entry.to_string()
    }
}

/// In which order a short payment is put to what is owed, for one biller or all, from and until a date.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct PostingOrder {
    #[serde(default)]
    pub biller: Option<Biller>,
    #[serde(default)]
    pub from: Option<Day>,
    #[serde(default)]
    pub until: Option<Day>,
    pub order: Vec<OrderEntry>,
}

impl PostingOrder {
    /// The order of the manual: penalty, past due, instalment, current, fees, deposit, other services, donation.
    pub fn usual() -> Vec<PostingOrder> {
        let parts = [
            Part::Penalty,
            Part::PastDue,
            Part::Kind(BillKind::Instalment),
            Part::Current,
            Part::Kind(BillKind::ReturnedCheckFee),
            Part::Kind(BillKind::ReconnectFee),
            Part::Kind(BillKind::Deposit),
            Part::Kind(BillKind::Other),
            Part::Kind(BillKind::Donation),
        ];
        let order = parts.into_iter().map(|part| OrderEntry { service: None, part }).collect();
        vec![PostingOrder { biller: None, from: None, until: None, order }]
    }

    fn rank(&self, part: Part, service: Option<&str>) -> usize {
        let hit = |e: &OrderEntry| e.part == part && e.service.as_deref().is_none_or(|s| Some(s) == service);
        self.order.iter().position(hit).unwrap_or(self.order.len())
    }
}

/// So much of one part of a bill is owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Owed {
    pub part: Part,
    pub amount: Cents,
    /// Its place in the posting order; lower is paid first.
    pub rank: usize,
}

/// What is owed on a bill, part by part in the posting order. What was paid before went by the same order. The penalty
/// is owed once the due date and the days of grace are past.
pub(super) fn owed(bill: &Bill, policy: &Policy, day: Day) -> Result<Vec<Owed>, MoneyError> {
    let mut parts: Vec<(Part, Cents)> = Vec::with_capacity(3);
    if bill.kind() == BillKind::Energy {
        let gross = bill.late_amount.filter(|_| is_late(bill, policy, day)).unwrap_or(bill.amount_due);
        let penalty = gross.minus(bill.amount_due)?.max(Cents::ZERO);
        let past = bill.past_due.unwrap_or(Cents::ZERO).max(Cents::ZERO).min(bill.amount_due);
        parts.push((Part::Penalty, penalty));
        parts.push((Part::PastDue, past));
        parts.push((Part::Current, bill.amount_due.minus(past)?));
    } else {
        parts.push((Part::Kind(bill.kind()), bill.amount_due));
    }
    let order = policy.posting_order.iter().find(|o| holds((&o.biller, o.from, o.until), &bill.biller, day));
    let rank = |part: Part| order.map_or(0, |o| o.rank(part, bill.service.as_deref()));
    let mut owed: Vec<Owed> = parts
        .into_iter()
        .filter(|(_, amount)| amount.is_positive())
        .map(|(part, amount)| Owed { part, amount, rank: rank(part) })
        .collect();
    owed.sort_by_key(|o| o.rank);
    let mut paid = bill.paid.max(Cents::ZERO);
    for one in &mut owed {
        let gone = paid.min(one.amount);
        one.amount = one.amount.minus(gone)?;
        paid = paid.minus(gone)?;
    }
    owed.retain(|o| o.amount.is_positive());
    Ok(owed)
}
