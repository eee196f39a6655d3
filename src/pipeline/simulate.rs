//! `rules simulate`: what other rules of matching would have done to past batches. Both the rules in force and the changed
//! ones are run over the same stored readings, bills and decisions; what differs is said, and nothing is written.

use serde::Serialize;

use super::{Known, Office, OfficeError, Result};
use crate::domain::{BatchId, BatchState, Cents, Day, Transaction, TransactionId, TransactionState};
use crate::matching::{Policy, Proposal};
use crate::pipeline::settle::groups_of;

/// A transaction that the changed rules would have matched otherwise.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Changed {
    pub batch: BatchId,
    pub batch_name: String,
    pub transaction: TransactionId,
    pub received: Option<Cents>,
    pub was: Outcome,
    pub would: Outcome,
}

/// State and lines of a proposal: `W1 40.00 by amount-due`, or `2110 1.00` for what goes to no bill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Outcome {
    pub state: TransactionState,
    pub lines: Vec<String>,
    pub reasons: Vec<&'static str>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Simulated {
    pub batches: usize,
    pub transactions: usize,
    /// Transactions that need nobody, by the rules in force and by the changed ones.
    pub clean_was: usize,
    pub clean_would: usize,
    pub changed: Vec<Changed>,
}

impl Office {
    /// Runs the batches of these business days (both included) under the rules in force and under `changed`.
    pub async fn simulate(&self, from: Day, to: Day, changed: &Policy) -> Result<Simulated> {
        if to < from {
            return Err(OfficeError::Usage("--to lies before --from".into()));
        }
        let mut out = Simulated::default();
        for summary in self.store.batches().await? {
            let batch = summary.batch;
            let unmatched = [BatchState::Open, BatchState::Captured, BatchState::Decoded, BatchState::Void];
            if batch.date < from || batch.date > to || unmatched.contains(&batch.state) {
                continue;
            }
            let now = self.store.transactions(&batch.id).await?;
            let mut known = self.known(&batch, &now).await?;
            // What the batch itself has paid since must not count against it.
            for a in now.iter().filter(|t| t.state == TransactionState::Posted).flat_map(|t| &t.applications) {
                if let Some(bill) = &a.bill {
                    known.book.unpay(a.biller.as_ref(), bill, a.amount);
                }
            }
            let was = run(&known, &now);
            known.policy = changed.for_operator(batch.operator.as_ref());
            let would = run(&known, &now);
            out.batches += 1;
            out.transactions += now.len();
            for (before, after) in was.into_iter().zip(would) {
                out.clean_was += usize::from(before.exceptions.is_empty());
                out.clean_would += usize::from(after.exceptions.is_empty());
                let (id, received) = (before.id.clone(), before.received);
                let (before, after) = (outcome(before), outcome(after));
                if before != after {
                    out.changed.push(Changed {
                        batch: batch.id.clone(),
                        batch_name: batch.name.clone(),
                        transaction: id,
                        received,
                        was: before,
                        would: after,
                    });
                }
            }
        }
        Ok(out)
    }
}

fn run(known: &Known, now: &[Transaction]) -> Vec<Proposal> {
    let (ids, groups, decisions) = groups_of(known, now);
    known.propose(&ids, &groups, &decisions)
}

fn outcome(proposal: Proposal) -> Outcome {
    let line = |a: &crate::domain::Application| {
        format!("{} {} by {}", a.bill.as_deref().unwrap_or(&a.ledger), a.amount, a.rule)
    };
    let open = proposal.exceptions.iter().filter(|e| e.decision.is_none());
    Outcome {
        state: proposal.state,
        lines: proposal.applications.iter().map(line).collect(),
        reasons: open.map(|e| e.code.code()).collect(),
    }
}
