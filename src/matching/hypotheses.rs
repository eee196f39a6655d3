//! What would be a normal payment of a bill: one hypothesis for each rule of the policy's list, in the list's order, each
//! with its name and a plain sentence. A rule holds from and until a date, for one biller or for all; a rule that may
//! not settle only explains an amount to a person. Nothing here looks at what came in.

use serde::{Deserialize, Serialize};

use super::{BillBook, Policy};
use crate::domain::{AccountNumber, Bill, Biller, Cents, Day, DocumentId};
use crate::grouping::{Evidence, StubEvidence};

/// Where an expected amount comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AmountRule {
    AmountDue,
    /// The gross amount, once the due date and the days of grace are past (before that it is still what the bill prints).
    GrossAmount,
    BudgetAmount,
    Instalment,
    PastDue,
    /// The current charge without what is past due.
    CurrentOnly,
    /// Everything that is open on the account: column `statement_total` of the bill file, or the sum of its open bills.
    StatementTotal,
    /// What was paid last time: column `last_paid` of the bill file.
    LastPaid,
}

impl AmountRule {
    pub const ALL: [AmountRule; 8] = [
        AmountRule::AmountDue,
        AmountRule::GrossAmount,
        AmountRule::BudgetAmount,
        AmountRule::Instalment,
        AmountRule::PastDue,
        AmountRule::CurrentOnly,
        AmountRule::StatementTotal,
        AmountRule::LastPaid,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            AmountRule::AmountDue => "amount-due",
            AmountRule::GrossAmount => "gross-amount",
            AmountRule::BudgetAmount => "budget-amount",
            AmountRule::Instalment => "instalment",
            AmountRule::PastDue => "past-due",
            AmountRule::CurrentOnly => "current-only",
            AmountRule::StatementTotal => "statement-total",
            AmountRule::LastPaid => "last-paid",
        }
    }

    fn sentence(self, late: bool) -> &'static str {
        match self {
            AmountRule::AmountDue => "it is the amount due",
            AmountRule::GrossAmount if late => "it is the gross amount, and the due date is past",
            AmountRule::GrossAmount => "it is the gross amount printed on the bill",
            AmountRule::BudgetAmount => "it is the budget amount",
            AmountRule::Instalment => "it is the agreed instalment",
            AmountRule::PastDue => "it is the amount past due",
            AmountRule::CurrentOnly => "it is the current charge without what is past due",
            AmountRule::StatementTotal => "it is all that is open on the account",
            AmountRule::LastPaid => "it is what was paid last time",
        }
    }

    /// The amount that the bill itself gives for this rule. What posted batches have paid is taken off the amounts that
    /// are of the whole bill; parts of it count only while nothing is paid.
    fn amount(self, bill: &Bill) -> Option<Cents> {
        let rest = |amount: Cents| amount.minus(bill.paid).ok();
        let untouched = |amount: Option<Cents>| amount.filter(|_| bill.paid.is_zero());
        let column = |name: &str| bill.extra.get(name).and_then(|text| text.trim().parse::<Cents>().ok());
        match self {
            AmountRule::AmountDue => rest(bill.amount_due),
            AmountRule::GrossAmount => bill.late_amount.and_then(rest),
            AmountRule::BudgetAmount => untouched(bill.budget_amount),
            AmountRule::Instalment => untouched(bill.instalment),
            AmountRule::PastDue => untouched(bill.past_due),
            AmountRule::CurrentOnly => untouched(bill.current),
            AmountRule::StatementTotal => untouched(column("statement_total")),
            AmountRule::LastPaid => untouched(bill.last_paid()),
        }
    }
}

/// One line of the list: from when it holds, for whom, and whether it may move money without a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExpectRule {
    pub rule: AmountRule,
    /// Of one biller; of all when not named.
    #[serde(default)]
    pub biller: Option<Biller>,
    /// First day on which it holds.
    #[serde(default)]
    pub from: Option<Day>,
    /// Last day on which it holds.
    #[serde(default)]
    pub until: Option<Day>,
    /// May a payment of this amount be posted without a person?
    #[serde(default = "yes")]
    pub settles: bool,
}

fn yes() -> bool {
    true
}

impl ExpectRule {
    fn holds(&self, biller: &Biller, day: Day) -> bool {
        self.biller.as_ref().is_none_or(|b| b == biller)
            && self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day <= until)
    }

    /// The list of the manual: all eight rules; what was paid last time and the statement's total only explain.
    pub fn usual() -> Vec<ExpectRule> {
        AmountRule::ALL
            .into_iter()
            .map(|rule| ExpectRule {
                rule,
                biller: None,
                from: None,
                until: None,
                settles: !matches!(rule, AmountRule::StatementTotal | AmountRule::LastPaid),
            })
            .collect()
    }
}

/// An amount that would be a normal payment of a bill, and the rule that says so.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
pub struct Expected {
    pub amount: Cents,
    pub rule: &'static str,
    pub sentence: &'static str,
    /// May a payment of this amount be posted without a person?
    pub settles: bool,
}

/// At most so many hypotheses for one bill.
pub const MOST_EXPECTED: usize = 8;

/// The normal payments of a bill, the usual one first; each amount once, by the first rule that gives it.
pub fn expected(bill: &Bill, policy: &Policy, day: Day) -> Vec<Expected> {
    let late = is_late(bill, policy, day);
    let mut out: Vec<Expected> = Vec::with_capacity(4);
    for line in policy.expect.iter().filter(|line| line.holds(&bill.biller, day)) {
        if let Some(amount) = line.rule.amount(bill).filter(|a| a.is_positive())
            && out.len() < MOST_EXPECTED
            && !out.iter().any(|e| e.amount == amount)
        {
            let (rule, sentence) = (line.rule.as_str(), line.rule.sentence(late));
            out.push(Expected { amount, rule, sentence, settles: line.settles });
        }
    }
    out
}

/// Is the due date past, with the days of grace?
pub(super) fn is_late(bill: &Bill, policy: &Policy, day: Day) -> bool {
    bill.due_date.is_some_and(|due| days_between(due, day) > i64::from(policy.grace_days))
}

pub(super) fn days_between(from: Day, to: Day) -> i64 {
    from.date().until(to.date()).map_or(0, |span| i64::from(span.get_days()))
}

/// The hypotheses for one stub of an envelope.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct ExpectedOfStub {
    pub document: DocumentId,
    pub biller: Option<Biller>,
    pub account: Option<AccountNumber>,
    /// `None` where no single open bill is meant: the amounts are then those printed on the stub.
    pub bill: Option<String>,
    /// The usual one first, at most [`MOST_EXPECTED`].
    pub amounts: Vec<Expected>,
}

/// What each stub of a transaction may be expected to be paid with, in the order of `documents` (those that are no stub
/// are passed over). `book` holds the bills that [`super::wanted`] names; `day` is the business date. A reader of check
/// amounts may use these as hypotheses: none of them is evidence of what a check says.
pub fn expected_amounts(documents: &[&Evidence], book: &BillBook, policy: &Policy, day: Day) -> Vec<ExpectedOfStub> {
    let stubs = documents.iter().filter(|e| e.set_aside.is_none());
    stubs
        .filter_map(|e| {
            let stub = e.stub.as_ref()?;
            let bill = meant(stub, book);
            let amounts = match bill {
                Some(bill) => expected(bill, policy, day),
                None => printed(stub),
            };
            Some(ExpectedOfStub {
                document: e.document.clone(),
                biller: bill.map(|b| b.biller.clone()).or_else(|| stub.biller.clone()),
                account: bill.map(|b| b.account.clone()).or_else(|| stub.account.clone()),
                bill: bill.map(|b| b.bill.clone()),
                amounts,
            })
        })
        .collect()
}

/// The one open bill that a stub names: by number, by invoice, by the amount printed, or the account's only one.
fn meant<'b>(stub: &StubEvidence, book: &'b BillBook) -> Option<&'b Bill> {
    let biller = stub.biller.as_ref();
    let Some(account) = &stub.account else {
        if let Some(number) = &stub.bill {
            let mut found = book.numbered(biller, number);
            return found.next().filter(|b| b.open && found.next().is_none());
        }
        let found = book.by_invoice(biller, stub.invoice.as_deref()?);
        return if let [one] = found.as_slice() { Some(*one) } else { None };
    };
    let open: Vec<&Bill> = book.bills_of(biller, account).into_iter().filter(|b| b.open).collect();
    let by = |test: &dyn Fn(&Bill) -> bool| {
        let mut hits = open.iter().copied().filter(|b| test(b));
        hits.next().filter(|_| hits.next().is_none())
    };
    by(&|b| stub.bill.as_deref() == Some(b.bill.as_str()))
        .or_else(|| by(&|b| stub.invoice.as_deref().is_some_and(|i| !i.is_empty() && i == b.invoice)))
        .or_else(|| by(&|b| stub.amount_due == Some(b.amount_due)))
        .or_else(|| by(&|_| true))
}

fn printed(stub: &StubEvidence) -> Vec<Expected> {
    let lines = [
        (stub.paid, "as-remitted", "it is what the payer said"),
        (stub.amount_due, "printed-due", "it is the amount due printed on the stub"),
        (stub.amount_late, "printed-late", "it is the late amount printed on the stub"),
        (stub.amount_past, "printed-past", "it is the past-due amount printed on the stub"),
    ];
    let mut out: Vec<Expected> = Vec::new();
    for (amount, rule, sentence) in lines {
        if let Some(amount) = amount.filter(|a| a.is_positive())
            && !out.iter().any(|e| e.amount == amount)
        {
            out.push(Expected { amount, rule, sentence, settles: false });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::tests::bill;

    fn check(table: &str) {
        for row in table.lines().map(str::trim).filter(|l| !l.is_empty()).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut one = bill("1000000001", "W1", 10_000, crate::domain::AccountStatus::Active);
            for word in cells[0].split_whitespace() {
                let (name, value) = word.split_once('=').unwrap();
                let cents: Cents = value.parse().unwrap_or_default();
                let amount = Some(cents);
                match name {
                    "late" => one.late_amount = amount,
                    "past" => one.past_due = amount,
                    "current" => one.current = amount,
                    "budget" => one.budget_amount = amount,
                    "instalment" => one.instalment = amount,
                    "paid" => one.paid = cents,
                    other => drop(one.extra.insert(other.to_string(), value.to_string())),
                }
            }
            let policy = Policy {
                grace_days: 3,
                expect: match cells[1] {
                    "" => ExpectRule::usual(),
                    toml => toml::from_str::<Policy>(&toml.replace(';', "\n")).unwrap().expect,
                },
                ..Policy::default()
            };
            let got: Vec<String> = expected(&one, &policy, "2026-11-30".parse().unwrap())
                .iter()
                .map(|e| format!("{} {}{}", e.rule, e.amount, if e.settles { "" } else { "?" }))
                .collect();
            assert_eq!(got.join(", "), cells[2], "{row}");
        }
    }

    #[test]
    fn each_rule_gives_its_amount_once() {
        check(
            "bill | rules | expected
            late=105.00 | | amount-due 100.00, gross-amount 105.00
            late=100.00 current=100.00 | | amount-due 100.00
            late=105.00 past=30.00 current=70.00 | | amount-due 100.00, gross-amount 105.00, past-due 30.00, current-only 70.00
            late=105.00 past=30.00 current=70.00 paid=30.00 | | amount-due 70.00, gross-amount 75.00
            late=0.00 budget=80.00 instalment=25.00 | | amount-due 100.00, budget-amount 80.00, instalment 25.00
            late=0.00 statement_total=250.00 last_paid=91.00 | | amount-due 100.00, statement-total 250.00?, last-paid 91.00?
            late=105.00 | [[expect]];rule=\"gross-amount\";from=\"2026-12-01\";[[expect]];rule=\"amount-due\" | amount-due 100.00
            late=105.00 | [[expect]];rule=\"gross-amount\";until=\"2026-11-30\";[[expect]];rule=\"amount-due\" | gross-amount 105.00, amount-due 100.00
            late=105.00 | [[expect]];rule=\"gross-amount\";biller=\"gas\";[[expect]];rule=\"amount-due\" | amount-due 100.00
            late=105.00 paid=105.00 | | ",
        );
    }
}
