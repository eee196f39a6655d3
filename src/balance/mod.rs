//! The proof of a batch: every ready transaction proves to the cent, and the parts agree with the control totals. What
//! passes is a [`BalancedBatch`], which nothing else can make; posting and truncation accept only that. What does not
//! pass says what most likely explains the difference.

mod explain;
mod proof;

pub use proof::balance;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{Batch, Cents, Control, DocumentId, MoneyError, Transaction, TransactionId};
use crate::grouping::Evidence;

/// So many items worth so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Tally {
    pub count: u32,
    pub total: Cents,
}

/// One check or cash item with what it is worth.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    pub document: DocumentId,
    pub amount: Cents,
    /// Cash, not a check: it goes to the drawer and to no deposit file.
    pub cash: bool,
}

/// A transaction that is ready to post, with its items; their sum equals its applications.
#[derive(Clone, PartialEq, Debug)]
pub struct Ready {
    pub transaction: Transaction,
    pub items: Vec<Item>,
    /// What is known of its checks, for the deposit.
    pub checks: Vec<Evidence>,
}

/// The figures of a batch in balance. Counts and totals are of checks and cash.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Proof {
    pub declared: Control,
    pub ready: Tally,
    pub held: Tally,
    pub rejected: Tally,
    pub void: Tally,
    /// Part of `held.total` that no reading gave: the difference to the declared total, taken by held items of unknown
    /// amount. It is said so on the proof sheet.
    pub held_by_difference: Option<Cents>,
    /// Sentences an approver must see.
    pub notes: Vec<String>,
}

/// A batch that proves. Only [`balance`] makes one.
#[derive(Clone, PartialEq, Debug)]
pub struct BalancedBatch {
    batch: Batch,
    ready: Vec<Ready>,
    held: Vec<Transaction>,
    rejected: Vec<Transaction>,
    void: Vec<Transaction>,
    proof: Proof,
}

impl BalancedBatch {
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    pub fn ready(&self) -> &[Ready] {
        &self.ready
    }

    pub fn held(&self) -> &[Transaction] {
        &self.held
    }

    pub fn rejected(&self) -> &[Transaction] {
        &self.rejected
    }

    pub fn void(&self) -> &[Transaction] {
        &self.void
    }

    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// The control totals of a batch that is divided: of what stays (ready, rejected, void) and of what leaves (held). They add
/// up to what was declared; what no reading gave goes with what is held.
pub fn carry_over(balanced: &BalancedBatch) -> Result<(Control, Control), MoneyError> {
    let proof = &balanced.proof;
    let declared = proof.declared;
    let checks: Vec<&Item> = balanced.ready.iter().flat_map(|r| &r.items).filter(|i| !i.cash).collect();
    let moved: usize = balanced.held.iter().map(|t| t.documents.len()).sum();
    let kept = checks.len() as u32 + proof.rejected.count + proof.void.count;
    let count = |n: u32| if declared.counts_documents { n.saturating_sub(moved as u32) } else { kept.min(n) };
    let worth = Cents::sum(checks.iter().map(|i| i.amount).chain([proof.rejected.total, proof.void.total]))?;
    let stays = Control {
        count: declared.count.map(count),
        total: declared.total.map(|_| worth),
        counts_documents: declared.counts_documents,
    };
    let leaves = Control {
        count: declared.count.zip(stays.count).map(|(all, kept)| all - kept),
        total: match declared.total {
            Some(total) => Some(total.minus(worth)?),
            None => None,
        },
        counts_documents: declared.counts_documents,
    };
    Ok((stays, leaves))
}

/// One thing that would explain the difference, and the move that mends it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    pub sentence: String,
    /// The command that mends it, as a person would type it after `remit`.
    pub mend: String,
    pub transaction: Option<TransactionId>,
    pub document: Option<DocumentId>,
    /// The same as a move of that transaction, where one mends it: its name and fields.
    #[serde(skip)]
    pub change: Option<(&'static str, BTreeMap<String, String>)>,
}

/// A batch that does not prove, and what most likely explains it, best first.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Imbalance {
    pub sentence: String,
    pub declared: Control,
    pub counted: Tally,
    /// Declared less counted; `None` without a declared total or while an amount is unknown.
    pub difference: Option<Cents>,
    /// Declared less counted.
    pub count_difference: i64,
    /// Transactions that still need a person.
    pub open: Vec<TransactionId>,
    pub explanations: Vec<Explanation>,
}
