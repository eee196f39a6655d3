//! Dividing a batch: what is held leaves with its documents for a batch of its own and with its own control total, so that
//! the rest can go on. Nothing is copied and nothing is lost: rows only change their batch, in one transaction.

use super::audit::Event;
use super::db::{sql, values};
use super::intake::{ADD_BATCHES, batch_row};
use super::*;
use crate::domain::{Batch, BatchEvent, BatchState, Control};

sql! {
    PARTS = "select count(*) from batch_parts where site = $1 and carried_from = $2";
    ADD_PART = "insert into batch_parts (site, batch, carried_from) values ($1, $2, $3)";
    CARRIED_FROM = "select carried_from from batch_parts where site = $1 and batch = $2";
    NEXT_PLACE = "select coalesce(max(place), 0) + 1 from batches where site = $1 and receipt = $2";
    DECLARE = "update batches set declared_count = $3, declared_total = $4, balanced_by = null, approved_by = null
               where site = $1 and id = $2";
    MOVE_DOCUMENTS = "update documents set batch = $2 where site = $1 and id any_of($3)";
    MOVE_CONTENTS = "update contents set batch = $2 where site = $1 and document any_of($3)";
    MOVE_PRINTS = "update check_prints set batch = $2 where site = $1 and document any_of($3)";
    MOVE_PLACES = "update transaction_documents set batch = $2 where site = $1 and document any_of($3)";
    MOVE_TRANSACTIONS = "update transactions set batch = $2 where site = $1 and id any_of($3)";
    MOVE_APPLICATIONS = "update applications set batch = $2 where site = $1 and transaction_id any_of($3)";
    MOVE_EXCEPTIONS = "update exceptions set batch = $2 where site = $1 and transaction_id any_of($3)";
    MOVE_DECISIONS = "update decisions set batch = $2 where site = $1 and transaction_id any_of($3)";
    MOVE_NOTICES = "update notices set batch = $2 where site = $1 and batch = $4 and transaction_id any_of($3)";
}

impl Store {
    /// Carries the held transactions of a batch over to a new one. `stays` and `leaves` are the control totals of both
    /// parts, which add up to what was declared. Returns the new batch; `Conflict` when nothing is held (any more) or the
    /// held transactions are not `held`.
    pub async fn split_batch(
        &self,
        batch: &BatchId,
        held: &[TransactionId],
        (stays, leaves): (Control, Control),
        by: &UserName,
    ) -> Result<Batch, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[crate::domain::Role::Match]).await?;
                self.move_batch(&mut tx, batch, BatchEvent::Decide).await?;
                let old = self.this_batch(&mut tx, batch).await?;
                let mut moving = self.transactions_of(&mut tx, batch).await?;
                moving.retain(|t| t.state == TransactionState::Held);
                let mut ids: Vec<&TransactionId> = moving.iter().map(|t| &t.id).collect();
                let mut asked: Vec<&TransactionId> = held.iter().collect();
                ids.sort();
                asked.sort();
                if moving.is_empty() || ids != asked {
                    return Err(StoreError::Conflict { what: format!("batch {batch}") });
                }
                let part = tx.number(PARTS, values![self.site(), batch]).await? + 1;
                let new = Batch {
                    id: BatchId::of(&[batch.as_str().as_bytes(), b"carried over", &part.to_be_bytes()]),
                    receipt: old.receipt.clone(),
                    name: format!("{} carried over {part}", old.name),
                    state: BatchState::InReview,
                    origin: old.origin,
                    date: old.date,
                    operator: old.operator.clone(),
                    declared: leaves,
                    balanced_by: None,
                    approved_by: None,
                };
                let place = tx.number(NEXT_PLACE, values![self.site(), &old.receipt]).await?;
                tx.insert(&ADD_BATCHES, vec![batch_row(self.site(), &new, place)]).await?;
                tx.run(ADD_PART, values![self.site(), &new.id, batch]).await?;
                let (count, total) = (stays.count.map(i64::from), stays.total);
                tx.run(DECLARE, values![self.site(), batch, count, total]).await?;
                let documents: Vec<String> =
                    moving.iter().flat_map(|t| t.documents.iter().map(ToString::to_string)).collect();
                for sql in [MOVE_DOCUMENTS, MOVE_CONTENTS, MOVE_PRINTS, MOVE_PLACES] {
                    tx.run(sql, values![self.site(), &new.id, documents.clone()]).await?;
                }
                let ids: Vec<String> = ids.into_iter().map(ToString::to_string).collect();
                for sql in [MOVE_TRANSACTIONS, MOVE_APPLICATIONS, MOVE_EXCEPTIONS, MOVE_DECISIONS] {
                    tx.run(sql, values![self.site(), &new.id, ids.clone()]).await?;
                }
                tx.run(MOVE_NOTICES, values![self.site(), &new.id, ids.clone(), batch]).await?;
                self.prove_documents(&mut tx, batch).await?;
                self.prove_documents(&mut tx, &new.id).await?;
                // Their notices went with them: both exports are as the rows are.
                self.must_be_written(&mut tx, "notices", [batch, &new.id].into_iter()).await?;
                let note = format!("{} transactions carried over to {}", moving.len(), new.id);
                let event = Event::said(by, "split", "batch", batch.as_str(), &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(new)
            })
        })
        .await
    }

    /// The batch that this one was carried over from.
    pub async fn carried_from(&self, batch: &BatchId) -> Result<Option<BatchId>, StoreError> {
        let mut tx = self.db().read().await?;
        match tx.first(CARRIED_FROM, values![self.site(), batch]).await? {
            Some(row) => Ok(Some(row.parsed(0, "batch")?)),
            None => Ok(None),
        }
    }
}
