//! Batches and what people decide about them. Every change is compare-and-set: what was loaded must still stand, the state
//! machine must allow the event, and the audit row is part of the same transaction.

use super::audit::Event;
use super::db::{Row, Tx, begins, sql, values};
use super::transactions::decided_stay;
use super::users::hash_of;
use super::*;
use crate::domain::{Batch, BatchEvent, BatchState, Control, Controls, Day, Decision, Origin, Reading, Role};

/// A line of the batch list.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchSummary {
    pub batch: Batch,
    pub documents: u32,
    pub transactions: u32,
    /// Open exceptions, those of the batch itself included; held, rejected and void transactions left out.
    pub open_exceptions: u32,
    /// Sum of what the transactions that are not void have received (unknown amounts left out).
    pub received: Cents,
}

/// An exception in a queue, with where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueItem {
    pub batch: BatchId,
    pub batch_name: String,
    pub date: Day,
    /// `None` for an exception of the batch as a whole.
    pub transaction: Option<TransactionId>,
    pub transaction_state: Option<TransactionState>,
    pub received: Option<Cents>,
    pub exception: Exception,
}

/// What one decision of a person changes.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    pub batch: BatchId,
    /// The touched transactions as they were loaded: compared with what is stored.
    pub before: Vec<Transaction>,
    /// What they become (regrouping may make other ones). They hold the same documents.
    pub after: Vec<Transaction>,
    /// The batch's own exceptions from now on; `None` leaves them.
    pub batch_exceptions: Option<Vec<Exception>>,
    /// New or corrected account lines of checks.
    pub checks: Vec<(DocumentId, CheckKey)>,
    /// Verdicts on amounts that were taken again: one more read of each document.
    pub verdicts: Vec<(DocumentId, Reading)>,
    /// What somebody must hear of: a keyed account may be one that needs care.
    pub notices: Vec<crate::matching::Notice>,
    /// A side that was scanned again, or whose scan is taken back.
    pub rescan: Option<Rescan>,
    /// The move, for the audit: `key-amount`, `hold`, ..
    pub what: String,
}

/// Did a repeated command change anything?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    Now,
    /// It was done before; nothing changed.
    Already,
}

/// How far the approval of a batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approval {
    pub done: Done,
    /// Approvals given, and those that the batch's amount asks for.
    pub given: u32,
    pub needed: u32,
}

macro_rules! batch_columns {
    () => {
        "b.id, b.receipt, b.name, b.state, b.origin, b.date, b.operator, b.declared_count, b.declared_total, \
         b.counts_documents, b.balanced_by, b.approved_by"
    };
}

macro_rules! queue_columns {
    () => {
        "select e.id, e.code, e.message, e.document, e.area, e.sealed, e.batch, b.name, b.date, e.transaction_id, \
         t.state, t.received from exceptions e join batches b on b.site = e.site and b.id = e.batch \
         left join transactions t on t.site = e.site and t.id = e.transaction_id where e.site = $1 "
    };
}

sql! {
    ONE = concat!("select ", batch_columns!(), " from batches b where b.site = $1 and b.id = $2");
    LIKE = concat!("select ", batch_columns!(), " from batches b where b.site = $1 and ", begins!("b.id"), " limit 2");
    NAMED = concat!("select ", batch_columns!(), " from batches b where b.site = $1 and b.name = $2 limit 2");
    SUMMARY = concat!("select ", batch_columns!(), ",
        (select count(*) from documents d where d.site = b.site and d.batch = b.id),
        (select count(*) from transactions t where t.site = b.site and t.batch = b.id),
        (select count(*) from exceptions e left join transactions t on t.site = e.site and t.id = e.transaction_id
            where e.site = b.site and e.batch = b.id and e.decided_by is null
            and (t.id is null or t.state not in ('held', 'rejected', 'void'))),
        (select cast(sum(t.received) as bigint) from transactions t
            where t.site = b.site and t.batch = b.id and t.state <> 'void')
        from batches b where b.site = $1");
    QUEUE = concat!(queue_columns!(), "order by b.date, b.id, t.seq, e.place, e.id");
    OPEN_QUEUE = concat!(queue_columns!(), "and e.decided_by is null and b.state <> 'void'
        and (t.id is null or t.state not in ('rejected', 'void')) order by b.date, b.id, t.seq, e.place, e.id");
    EXCEPTION = concat!(queue_columns!(), "and e.id = $2");
    EXCEPTION_LIKE = concat!(queue_columns!(), "and ", begins!("e.id"), " limit 2");
    /// Only one transaction at a time goes on with a batch.
    LOCK_POSTGRES = "select state from batches where site = $1 and id = $2 for update";
    /// The transaction that writes is the only one there.
    LOCK_SQLITE = "select state from batches where site = $1 and id = $2";
    MOVE = "update batches set state = $4 where site = $1 and id = $2 and state = $3";
    BALANCED_BY = "update batches set balanced_by = $3, approved_by = null where site = $1 and id = $2";
    APPROVED_BY = "update batches set approved_by = $3 where site = $1 and id = $2";
    APPROVERS = "select by_user from approvals where site = $1 and batch = $2 order by at, by_user";
    ADD_APPROVAL = "insert into approvals (site, batch, by_user, at) values ($1, $2, $3, $4)";
    DROP_APPROVALS = "delete from approvals where site = $1 and batch = $2";
    HANDS_OF = "select count(*) from decisions where site = $1 and batch = $2 and decided_by = $3";
    OWN_BATCHES = "select count(*) from approvals a where a.site = $1 and a.by_user = $2 and exists
        (select 1 from documents d where d.site = a.site and d.batch = a.batch and d.id any_of($3))";
    VOID_TRANSACTIONS = "update transactions set state = 'void' where site = $1 and batch = $2";
    VOID_JOBS = "update jobs set state = 'done', worker = null where site = $1 and batch = $2 and state <> 'done'";
    FREE_CONTENTS = "delete from contents where site = $1 and batch = $2";
}

fn batch_of(row: &Row) -> Result<Batch, StoreError> {
    let id: BatchId = row.parsed(0, "batch")?;
    let place = format!("batch {id}");
    Ok(Batch {
        receipt: row.parsed(1, &place)?,
        name: row.text(2)?,
        state: row.known(3, &place, BatchState::parse)?,
        origin: row.known(4, &place, Origin::parse)?,
        date: row.parsed(5, &place)?,
        operator: row.text_or_null(6)?.map(UserName),
        declared: Control {
            count: row.count_or_null(7)?,
            total: row.cents_or_null(8)?,
            counts_documents: row.flag(9)?,
        },
        balanced_by: row.text_or_null(10)?.map(UserName),
        approved_by: row.text_or_null(11)?.map(UserName),
        id,
    })
}

/// Does a transaction of this state count for the batch's proof and its posting?
pub(super) fn is_live(state: TransactionState) -> bool {
    !matches!(state, TransactionState::Held | TransactionState::Rejected | TransactionState::Void)
}

/// May this transaction be balanced, approved and posted?
pub(super) fn prove(t: &Transaction) -> Result<(), StoreError> {
    let wrong = |why: String| Err(StoreError::OutOfBalance { what: format!("transaction {}", t.id), why });
    if !matches!(t.state, TransactionState::Clean | TransactionState::Ready) {
        return wrong(format!("its state is {}", t.state.as_str()));
    }
    if let Some(open) = t.exceptions.iter().find(|e| e.decision.is_none()) {
        return wrong(format!("exception {} ({}) is open", open.id, open.code));
    }
    let applied = Cents::sum(t.applications.iter().map(|a| a.amount))?;
    match t.received {
        Some(received) if received == applied => Ok(()),
        None if t.applications.is_empty() => Ok(()),
        Some(received) => wrong(format!("received {received}, applied {applied}")),
        None => wrong("what it received is not known".into()),
    }
}

impl Store {
    /// By date, name and id.
    pub async fn batches(&self) -> Result<Vec<BatchSummary>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(SUMMARY, values![self.site()]).await? {
            list.push(BatchSummary {
                batch: batch_of(&row)?,
                documents: row.count(12)?,
                transactions: row.count(13)?,
                open_exceptions: row.count(14)?,
                received: row.cents_or_null(15)?.unwrap_or_default(),
            });
        }
        list.sort_by(|a, b| {
            (a.batch.date, &a.batch.name, &a.batch.id).cmp(&(b.batch.date, &b.batch.name, &b.batch.id))
        });
        Ok(list)
    }

    /// By id, unique beginning of an id, or name.
    pub async fn batch(&self, id: &str) -> Result<Batch, StoreError> {
        let mut tx = self.db().read().await?;
        batch_of(&self.find(&mut tx, "batch", id, [ONE, NAMED, LIKE]).await?)
    }

    pub(super) async fn this_batch(&self, tx: &mut Tx, id: &BatchId) -> Result<Batch, StoreError> {
        batch_of(&self.find(tx, "batch", id.as_str(), [ONE]).await?)
    }

    fn queue_item(&self, row: &Row) -> Result<QueueItem, StoreError> {
        let exception = self.exception_of(row, 0)?;
        let place = format!("exception {}", exception.id);
        let state = row.text_or_null(10)?;
        let state = state.map(|s| TransactionState::parse(&s).ok_or_else(|| StoreError::damaged(&place, s)));
        Ok(QueueItem {
            batch: row.parsed(6, &place)?,
            batch_name: row.text(7)?,
            date: row.parsed(8, &place)?,
            transaction: row.parsed_or_null(9, &place)?,
            transaction_state: state.transpose()?,
            received: row.cents_or_null(11)?,
            exception,
        })
    }

    /// Exceptions of the site, by batch and place (ordering by harm is for `exceptions`). `open_only` leaves out decided ones
    /// and those of rejected and void transactions; held ones still need a person.
    pub async fn exceptions(&self, open_only: bool) -> Result<Vec<QueueItem>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(if open_only { OPEN_QUEUE } else { QUEUE }, values![self.site()]).await?;
        rows.iter().map(|row| self.queue_item(row)).collect()
    }

    /// By id or unique beginning of one.
    pub async fn exception(&self, id: &str) -> Result<QueueItem, StoreError> {
        let mut tx = self.db().read().await?;
        self.queue_item(&self.find(&mut tx, "exception", id, [EXCEPTION, EXCEPTION_LIKE]).await?)
    }

    pub(super) async fn lock_batch(&self, tx: &mut Tx, id: &BatchId) -> Result<BatchState, StoreError> {
        let sql = if tx.is_sqlite() { LOCK_SQLITE } else { LOCK_POSTGRES };
        let row = tx.first(sql, values![self.site(), id]).await?.ok_or_else(|| StoreError::not_found("batch", id))?;
        row.known(0, "batch", BatchState::parse)
    }

    /// Moves a batch by an event, when its state allows it. Locks the batch. Returns the new state.
    pub(super) async fn move_batch(
        &self,
        tx: &mut Tx,
        id: &BatchId,
        event: BatchEvent,
    ) -> Result<BatchState, StoreError> {
        let state = self.lock_batch(tx, id).await?;
        self.move_locked(tx, id, state, event).await
    }

    /// The same for a batch that this transaction has locked.
    pub(super) async fn move_locked(
        &self,
        tx: &mut Tx,
        id: &BatchId,
        state: BatchState,
        event: BatchEvent,
    ) -> Result<BatchState, StoreError> {
        let after = state.after(event).ok_or_else(|| StoreError::WrongState { batch: id.to_string(), state, event })?;
        let touched = tx.run(MOVE, values![self.site(), id, state.as_str(), after.as_str()]).await?;
        if touched == 1 { Ok(after) } else { Err(StoreError::Conflict { what: format!("batch {id}") }) }
    }

    /// Saves a decision. The batch goes to `in-review`. `Conflict` when `before` is not what is stored any more.
    /// `OutOfBalance` when documents get lost or doubled, or an earlier decision would vanish or change.
    pub async fn save_decision(&self, decided: &Decided, by: &UserName) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let batch = &decided.batch;
                keeps_what_it_has(decided, by)?;
                let mut tx = self.db().write().await?;
                let hands = if decided.rescan.is_some() { Role::Capture } else { Role::Key };
                self.may(&mut tx, by, &[hands, Role::Match]).await?;
                self.move_batch(&mut tx, batch, BatchEvent::Decide).await?;
                let ids: Vec<String> = decided.before.iter().map(|t| t.id.to_string()).collect();
                let mut stored = self.these_transactions(&mut tx, ids.clone()).await?;
                let mut loaded = decided.before.clone();
                stored.sort_by(|a, b| a.id.cmp(&b.id));
                loaded.sort_by(|a, b| a.id.cmp(&b.id));
                if stored != loaded {
                    return Err(StoreError::Conflict { what: format!("batch {batch}") });
                }
                if let Some(rescan) = &decided.rescan {
                    self.rescan(&mut tx, batch, rescan, by).await?;
                }
                self.drop_transactions(&mut tx, ids).await?;
                self.add_transactions(&mut tx, batch, &decided.after).await?;
                if let Some(exceptions) = &decided.batch_exceptions {
                    self.replace_own_exceptions(&mut tx, batch, exceptions).await?;
                }
                self.save_checks(&mut tx, batch, &decided.checks).await?;
                self.add_readings(&mut tx, batch, &decided.verdicts).await?;
                self.save_notices(&mut tx, &decided.notices).await?;
                self.prove_documents(&mut tx, batch).await?;
                tx.run(DROP_APPROVALS, values![self.site(), batch]).await?;
                tx.run(BALANCED_BY, values![self.site(), batch, None::<String>]).await?;
                let (before, after) = (Some(hash_of(&loaded)?), Some(hash_of(&decided.after)?));
                let touched: Vec<&str> = decided.after.iter().map(|t| t.id.as_str()).collect();
                let note = touched.join(" ");
                let event =
                    Event { by, what: &decided.what, noun: "batch", id: batch.as_str(), before, after, note: &note };
                self.record(&mut tx, event).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// Marks a batch as proved by `by`. Checked again here: no open exception outside held, rejected and void
    /// transactions, and received = applied in each of the others. With `exceptions`, the batch's own exceptions are
    /// replaced first (a batch that is out of balance stays in review and gets them: pass them with `proved` false).
    pub async fn balance(
        &self,
        batch: &BatchId,
        proved: bool,
        exceptions: Option<Vec<Exception>>,
        by: &UserName,
    ) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let state = self.lock_batch(&mut tx, batch).await?;
                if matches!(
                    state,
                    BatchState::Balanced
                        | BatchState::Approved
                        | BatchState::Posted
                        | BatchState::Deposited
                        | BatchState::Archived
                ) {
                    return Ok(Done::Already);
                }
                self.may(&mut tx, by, &[Role::Match]).await?;
                if state.after(BatchEvent::Balance).is_none() {
                    return Err(StoreError::WrongState { batch: batch.to_string(), state, event: BatchEvent::Balance });
                }
                if let Some(exceptions) = &exceptions {
                    self.replace_own_exceptions(&mut tx, batch, exceptions).await?;
                }
                if proved {
                    self.prove_batch(&mut tx, batch).await?;
                    self.move_batch(&mut tx, batch, BatchEvent::Balance).await?;
                    tx.run(BALANCED_BY, values![self.site(), batch, by]).await?;
                }
                let what = if proved { "balance" } else { "balance-tried" };
                let event = Event::said(by, what, "batch", batch.as_str(), "");
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    /// Every transaction that counts proves, and nothing of the batch as a whole is open. Returns those that count.
    pub(super) async fn prove_batch(&self, tx: &mut Tx, batch: &BatchId) -> Result<Vec<Transaction>, StoreError> {
        if let Some(open) = self.own_exceptions(tx, batch).await?.into_iter().find(|e| e.decision.is_none()) {
            return Err(StoreError::OutOfBalance {
                what: format!("batch {batch}"),
                why: format!("exception {} ({}) is open", open.id, open.code),
            });
        }
        self.prove_documents(tx, batch).await?;
        let mut transactions = self.transactions_of(tx, batch).await?;
        transactions.retain(|t| is_live(t.state));
        transactions.iter().try_for_each(prove)?;
        Ok(transactions)
    }

    /// Approves what another person balanced. A batch whose amount asks for several approvals stays balanced until the last
    /// is given. Who decided anything in it may be refused by its tier; who balanced it always is, here and by the database.
    pub async fn approve(&self, batch: &BatchId, controls: &Controls, by: &UserName) -> Result<Approval, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let state = self.lock_batch(&mut tx, batch).await?;
                let mut given = Vec::new();
                for row in tx.rows(APPROVERS, values![self.site(), batch]).await? {
                    given.push(row.text(0)?);
                }
                let count = given.len() as u32;
                if matches!(
                    state,
                    BatchState::Approved | BatchState::Posted | BatchState::Deposited | BatchState::Archived
                ) {
                    return Ok(Approval { done: Done::Already, given: count, needed: count });
                }
                self.may(&mut tx, by, &[Role::Approve]).await?;
                let refused = |why| Err(StoreError::NotAllowed { user: by.0.clone(), why });
                let stored = self.this_batch(&mut tx, batch).await?;
                if state.after(BatchEvent::Approve).is_none() {
                    return Err(StoreError::WrongState { batch: batch.to_string(), state, event: BatchEvent::Approve });
                }
                if stored.balanced_by.as_ref().is_none_or(|balancer| balancer == by) {
                    return refused("a batch is approved by another person than the one who balanced it");
                }
                let ready = self.prove_batch(&mut tx, batch).await?;
                let tier = controls.tier(Cents::sum(ready.iter().filter_map(|t| t.received))?);
                if !tier.hands_on && tx.number(HANDS_OF, values![self.site(), batch, by]).await? > 0 {
                    return refused("a batch of this amount is approved by somebody who decided nothing in it");
                }
                if given.contains(&by.0) {
                    return Ok(Approval { done: Done::Already, given: count, needed: tier.approvals });
                }
                tx.run(ADD_APPROVAL, values![self.site(), batch, by, self.now()]).await?;
                let approval = Approval { done: Done::Now, given: count + 1, needed: tier.approvals };
                if approval.given >= approval.needed {
                    self.move_batch(&mut tx, batch, BatchEvent::Approve).await?;
                    tx.run(APPROVED_BY, values![self.site(), batch, by]).await?;
                }
                let note = format!("{} of {}", approval.given, approval.needed);
                let event = Event::said(by, "approve", "batch", batch.as_str(), &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(approval)
            })
        })
        .await
    }

    /// Did this person approve a batch that holds any of these checks? (Approvals of what is posted do not change.)
    pub async fn approved_any(&self, checks: &[DocumentId], by: &UserName) -> Result<bool, StoreError> {
        let mut tx = self.db().read().await?;
        let ids: Vec<String> = checks.iter().map(ToString::to_string).collect();
        Ok(tx.number(OWN_BATCHES, values![self.site(), by, ids]).await? > 0)
    }

    /// Voids a batch that is not posted, with all its transactions. Its documents may be scanned again.
    pub async fn void_batch(&self, batch: &BatchId, note: &str, by: &UserName) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                if self.lock_batch(&mut tx, batch).await? == BatchState::Void {
                    return Ok(Done::Already);
                }
                self.may(&mut tx, by, &[Role::Match, Role::Approve]).await?;
                self.move_batch(&mut tx, batch, BatchEvent::Void).await?;
                for sql in [VOID_TRANSACTIONS, VOID_JOBS, FREE_CONTENTS] {
                    tx.run(sql, values![self.site(), batch]).await?;
                }
                let event = Event::said(by, "void", "batch", batch.as_str(), note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }
}

/// A decision moves documents between transactions at most, adds to what was decided and takes nothing of it back.
fn keeps_what_it_has(decided: &Decided, by: &UserName) -> Result<(), StoreError> {
    let wrong = |why: &str| {
        Err(StoreError::OutOfBalance {
            what: format!("decision {} of batch {}", decided.what, decided.batch),
            why: why.into(),
        })
    };
    let documents = |list: &[Transaction]| {
        let mut ids: Vec<DocumentId> = list.iter().flat_map(|t| t.documents.clone()).collect();
        ids.sort();
        ids
    };
    if documents(&decided.before) != documents(&decided.after) {
        return wrong("it loses or doubles a document");
    }
    if decided.before.iter().chain(&decided.after).any(|t| t.state == TransactionState::Posted) {
        return wrong("what is posted changes only by a reversing entry");
    }
    if decided.before.iter().chain(&decided.after).any(|t| t.batch != decided.batch) {
        return wrong("it touches another batch");
    }
    let decisions = |list: &[Transaction]| -> Vec<Decision> { list.iter().flat_map(|t| t.decisions.clone()).collect() };
    let (before, after) = (decisions(&decided.before), decisions(&decided.after));
    if before.iter().any(|old| !after.contains(old)) {
        return wrong("an earlier decision would vanish");
    }
    let settled = |list: &[Transaction]| -> Vec<Decision> {
        list.iter().flat_map(|t| &t.exceptions).filter_map(|e| e.decision.clone()).collect()
    };
    let older = [before, settled(&decided.before)].concat();
    if [after, settled(&decided.after)].concat().iter().any(|d| d.by != *by && !older.contains(d)) {
        return wrong("a decision is signed by somebody else");
    }
    decided_stay(decided.before.iter().flat_map(|t| &t.exceptions), decided.after.iter().flat_map(|t| &t.exceptions))
}
