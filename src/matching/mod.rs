//! Which bills a transaction pays, how many cents each, by which rule and with what evidence. Money is applied without
//! a person only when everything agrees; anything else raises an exception and keeps the proposal for the person.
//! Pure: the shell loads what [`wanted`] names, [`propose`] decides.

mod allot;
mod book;
mod care;
mod hands;
mod hypotheses;
mod list;
mod meters;
mod named;
mod propose;
mod rules;
mod search;
mod targets;

pub use book::{BillBook, Standing, Wanted, wanted};
pub use care::{Notice, counter_notice, notices, notices_csv};
pub use hypotheses::{AmountRule, ExpectRule, Expected, ExpectedOfStub, MOST_EXPECTED, expected, expected_amounts};
pub use list::{ListLine, ListPayment, RejectedLine};
pub use meters::{MeterReading, MeterVerdict, boxes, meter_readings, meters_csv};
pub use named::{NamedBill, named, words};
pub use propose::{propose, propose_batch};
pub use rules::{DatedRule, OrderEntry, Part, PostingOrder, SplitRule};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    AccountStatus, Application, BatchId, Bill, BillKind, Cents, Decision, DocumentId, Exception, ExceptionId, Reason,
    Transaction, TransactionId, TransactionKind, TransactionState, UserName,
};
use crate::grouping::{Evidence, Group};

/// One envelope on its way to a proposal.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    pub id: TransactionId,
    pub kind: TransactionKind,
    /// In capture order, as [`crate::grouping::evidence`] gives them with the decisions already folded in.
    pub documents: Vec<&'a Evidence>,
    /// Every decision of a person about this transaction, oldest first.
    pub decisions: &'a [Decision],
    /// Checks and stubs of earlier envelopes (same batch, other batches, other days) that these documents repeat.
    pub repeats: Vec<Repeat>,
}

/// A whole batch on its way: `decisions[i]` are those of `groups[i]`, `ids[i]` its transaction's id
/// ([`transaction_id`] for new ones; the stored id for a transaction that exists).
#[derive(Clone, Debug)]
pub struct BatchDraft<'a> {
    pub ids: &'a [TransactionId],
    pub groups: &'a [Group],
    /// Of every document of the batch.
    pub evidence: &'a [Evidence],
    pub decisions: &'a [Vec<Decision>],
    /// Checks of other batches and days (this batch's own are found here).
    pub seen: &'a [SeenCheck],
}

/// A document of the draft that came before.
#[derive(Clone, PartialEq, Debug)]
pub struct Repeat {
    pub document: DocumentId,
    /// In words for people: `check 12 of batch Morning mail, 2026-11-12`.
    pub earlier: String,
    /// What the earlier check was worth, when known.
    pub amount: Option<Cents>,
}

/// A check that came earlier (never one of a later batch, nor one that was voided), by its fingerprint ([`crate::grouping::CheckEvidence::fingerprint`]).
#[derive(Clone, PartialEq, Debug)]
pub struct SeenCheck {
    pub fingerprint: String,
    pub document: DocumentId,
    pub earlier: String,
    pub amount: Option<Cents>,
}

/// What the site wants done with payments that are not exact.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// A payment short by at most this much counts as exact; the rest stays due.
    pub short_tolerance: Cents,
    /// A payment over by at most this much goes to the customer's credit without a person.
    pub over_tolerance: Cents,
    /// An overpayment of at least this much may have to be paid back: a person says so.
    pub refund_above: Option<Cents>,
    /// Days after the due date before the gross amount is expected.
    pub grace_days: u32,
    /// Take a check without stub without a person when one known payer and one open bill of exactly that amount fit.
    pub settle_known_payers: bool,
    /// How sure, in hundredths, it must be that a bank account pays for an account before `settle_known_payers` counts.
    pub payer_strength: u32,
    /// Days after which a payment that was seen counts half.
    pub payer_half_life_days: u32,
    /// A bank account that pays for more accounts than this is shared by many payers and tells nothing.
    pub payer_most_accounts: u32,
    /// Steps the search for bills that fit an amount may take before a person decides.
    pub search_steps: u32,
    /// Checks above this need an approver.
    pub limit: Option<Cents>,
    /// Checks above this need an approver when the batch is that operator's.
    pub user_limits: BTreeMap<UserName, Cents>,
    /// A batch whose checks are worth more needs an approver as a whole.
    pub batch_limit: Option<Cents>,
    /// Open bills older than so many days are told before their batch may balance.
    pub bills_most_days: Option<u32>,
    /// Countries (`US`, `CA`) whose checks are money of the ledger's currency; others are foreign.
    pub home_countries: Vec<String>,
    /// What the ledger's money is, as ISO 4217 has it; what a bank file gives in another currency is foreign.
    pub currency: String,
    pub ledger: Ledger,
    /// The amounts that count as a normal payment of a bill, in the order in which they are tried.
    pub expect: Vec<ExpectRule>,
    /// How what came is put to the bills that are meant, in the order in which the rules are tried.
    pub rules: Vec<DatedRule>,
    /// In which order a short payment is put to what is owed; the first that holds counts.
    pub posting_order: Vec<PostingOrder>,
}

/// Ledger account numbers that applications credit; the chart of accounts has the same.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    pub receivable: String,
    pub suspense: String,
    pub credits: String,
    /// Overpayments that are to be paid back.
    pub refunds: String,
    /// Payments of written-off accounts.
    pub recovered: String,
    pub deposits: String,
    pub returned_check_fees: String,
    pub reconnect_fees: String,
    pub instalments: String,
    pub donations: String,
    pub other_services: String,
}

impl Ledger {
    /// The ledger account that the payment of a bill credits: a recovery for a written-off account, else by its kind.
    pub fn of(&self, bill: &Bill) -> &str {
        match (bill.status, bill.kind()) {
            (AccountStatus::WrittenOff, _) => &self.recovered,
            (_, BillKind::Energy) => &self.receivable,
            (_, BillKind::Deposit) => &self.deposits,
            (_, BillKind::ReturnedCheckFee) => &self.returned_check_fees,
            (_, BillKind::ReconnectFee) => &self.reconnect_fees,
            (_, BillKind::Instalment) => &self.instalments,
            (_, BillKind::Donation) => &self.donations,
            (_, BillKind::Other) => &self.other_services,
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        let n = String::from;
        Ledger {
            receivable: n("1100"),
            suspense: n("2100"),
            credits: n("2110"),
            refunds: n("2130"),
            recovered: n("4110"),
            deposits: n("2120"),
            returned_check_fees: n("1100"),
            reconnect_fees: n("1100"),
            instalments: n("1100"),
            donations: n("2200"),
            other_services: n("1110"),
        }
    }
}

impl Policy {
    /// The policy for a batch of this operator: the lower limit counts.
    pub fn for_operator(&self, operator: Option<&UserName>) -> Policy {
        let own = operator.and_then(|name| self.user_limits.get(name)).copied();
        let limit = match (self.limit, own) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Policy { limit, ..self.clone() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            short_tolerance: Cents::ZERO,
            over_tolerance: Cents::ZERO,
            refund_above: None,
            grace_days: 0,
            settle_known_payers: false,
            payer_strength: 100,
            payer_half_life_days: 365,
            payer_most_accounts: 20,
            search_steps: 100_000,
            limit: None,
            user_limits: BTreeMap::new(),
            batch_limit: None,
            bills_most_days: None,
            home_countries: vec!["US".into()],
            currency: "USD".into(),
            ledger: Ledger::default(),
            expect: ExpectRule::usual(),
            rules: DatedRule::usual(),
            posting_order: PostingOrder::usual(),
        }
    }
}

/// What matching says of one transaction: everything the store keeps of it but its place in the batch.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    pub id: TransactionId,
    pub kind: TransactionKind,
    pub documents: Vec<DocumentId>,
    pub applications: Vec<Application>,
    /// Open and decided; a decided one keeps its decision.
    pub exceptions: Vec<Exception>,
    pub decisions: Vec<Decision>,
    /// Sum of checks and cash; `None` while an amount is not known.
    pub received: Option<Cents>,
    pub state: TransactionState,
    pub held_until: Option<String>,
    pub owner: Option<String>,
    /// What else would fit, or nearly, the best first: for the person who decides.
    pub runners_up: Vec<RunnerUp>,
}

/// Another reading of a payment that was not chosen.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct RunnerUp {
    /// Bill and amount, line by line.
    pub lines: Vec<(String, Cents)>,
    /// What came less what these lines take.
    pub difference: Cents,
    /// Why it was not chosen, in a plain sentence.
    pub sentence: String,
}

impl Proposal {
    /// The transaction of a batch; `seq` from 1, `reason` from grouping.
    pub fn into_transaction(self, batch: BatchId, seq: u32, reason: String) -> Transaction {
        Transaction {
            id: self.id,
            batch,
            seq,
            kind: self.kind,
            state: self.state,
            reason,
            documents: self.documents,
            received: self.received,
            applications: self.applications,
            exceptions: self.exceptions,
            decisions: self.decisions,
            held_until: self.held_until,
            owner: self.owner,
        }
    }
}

/// The id of a transaction: its batch and its first document.
pub fn transaction_id(batch: &BatchId, first: &DocumentId) -> TransactionId {
    TransactionId::of(&[batch.as_str().as_bytes(), first.as_str().as_bytes()])
}

/// The id of an exception: its transaction, its reason and its document.
pub fn exception_id(transaction: &TransactionId, code: Reason, document: Option<&DocumentId>) -> ExceptionId {
    let document = document.map_or("", DocumentId::as_str);
    ExceptionId::of(&[transaction.as_str().as_bytes(), code.code().as_bytes(), document.as_bytes()])
}

#[cfg(test)]
mod truth_test;

#[cfg(test)]
mod tests;
