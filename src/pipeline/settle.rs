//! What people do to a batch: decide exceptions, hold, balance, approve, post. Each is load, decide, save; repeated after a
//! crash or a doubt it says that it is done already and changes nothing.

use std::collections::BTreeMap;

use crate::balance::{self, BalancedBatch, Imbalance, Proof};
use crate::domain::{
    Batch, BatchEvent, BatchState, Cents, Decision, DocumentId, DocumentKind, ExceptionId, Problem, Reason,
    Transaction, TransactionId, TransactionState, User, UserName,
};
use crate::exceptions::{self, Effect, MoveError};
use crate::grouping::{self, Group};
use crate::pipeline::record::{PARTS, UNDO, is_taken_back, last_standing, standing};
use crate::pipeline::{Known, Office, OfficeError, Result, system};
use crate::store::{Approval, CheckKey, Decided, Done, Rescan, StoreError};
use crate::{matching, post, station};

/// What a decision left.
#[derive(Clone, Debug)]
pub struct AfterDecision {
    pub exception: String,
    pub transaction: TransactionId,
    pub state: TransactionState,
    /// Exceptions of the transaction that still need somebody.
    pub open: usize,
    pub already: bool,
}

#[derive(Debug)]
pub enum BalanceAnswer {
    Balanced { proof: Proof, state: BatchState, already: bool },
    Out(Box<Imbalance>),
}

#[derive(Debug)]
pub struct PostedBatch {
    pub state: BatchState,
    pub entries: i64,
    pub total: Cents,
    /// The billing posting file, relative to the site.
    pub file: String,
    pub already: bool,
}

pub(super) fn told(error: MoveError) -> OfficeError {
    OfficeError::refused("move", error.to_string(), "see `remit exceptions show ID` for the moves; nothing was changed")
}

impl Office {
    /// Settles one exception by a move of a named person; matching is replayed over all decisions of the transaction.
    pub async fn decide(
        &self,
        exception: &str,
        name: &str,
        fields: &BTreeMap<String, String>,
        by: &UserName,
    ) -> Result<AfterDecision> {
        let item = self.store.exception(exception).await?;
        let Some(transaction) = &item.transaction else {
            return Err(OfficeError::refused(
                "batch-exception",
                "this exception is of the whole batch: it ends when the batch balances",
                format!("remit balance {}", item.batch),
            ));
        };
        let before = self.store.transaction(transaction.as_str()).await?;
        let id = item.exception.id.clone();
        if let Some(done) = &item.exception.decision {
            let same = done.name == name && fields.iter().all(|(k, v)| done.fields.get(k) == Some(v));
            if !same {
                return Err(told(MoveError::AlreadyDecided { by: done.by.clone(), name: done.name.clone() }));
            }
            return Ok(after(Some(&id), &before, true));
        }
        // Held once is held: what is sent again in other words of the same moment changes nothing.
        let same =
            |d: &Decision| d.name == name && d.by == *by && fields.iter().all(|(k, v)| d.fields.get(k) == Some(v));
        if name == "hold" && before.state == TransactionState::Held && before.decisions.last().is_some_and(same) {
            return Ok(after(Some(&id), &before, true));
        }
        if item.exception.code == Reason::LimitExceeded && name == "accept" {
            self.must_approve(by).await?;
        }
        let mut decided = exceptions::decide(&before, &id, name, fields, by, &self.clock.stamp()).map_err(told)?;
        if name == "key-scanline" {
            self.read_keyed_scanline(&mut decided.decision).await?;
        }
        let saved = self.replay(&before, decided.decision, decided.effect, name, by).await?;
        Ok(after(Some(&id), &saved, false))
    }

    /// What is over a limit is accepted by an approver only.
    async fn must_approve(&self, by: &UserName) -> Result<()> {
        self.person(&by.0, &[crate::domain::Role::Approve]).await.map(|_| ())
    }

    /// A word about a batch as a whole: an approver accepts what is over its limit, or bills that are old. `None`: the
    /// exception is not one of those. True when it was accepted before.
    pub async fn decide_of_batch(
        &self,
        exception: &str,
        name: &str,
        fields: &BTreeMap<String, String>,
        by: &UserName,
    ) -> Result<Option<bool>> {
        let item = self.store.exception(exception).await?;
        let of_batch = matches!(item.exception.code, Reason::LimitExceeded | Reason::StaleBills);
        if item.transaction.is_some() || !of_batch {
            return Ok(None);
        }
        if let Some(done) = &item.exception.decision {
            return match done.name == name {
                true => Ok(Some(true)),
                false => Err(told(MoveError::AlreadyDecided { by: done.by.clone(), name: done.name.clone() })),
            };
        }
        if name != "accept" {
            let allowed = "accept".to_string();
            let reason = item.exception.code.to_string();
            return Err(told(MoveError::NotAMove { reason, name: name.to_string(), allowed }));
        }
        self.must_approve(by).await?;
        let mut exception = item.exception.clone();
        let mut fields = fields.clone();
        fields.insert("exception".into(), exception.code.to_string());
        exception.decision = Some(Decision { name: name.into(), fields, by: by.clone(), at: self.clock.stamp() });
        let mut all = self.store.batch_exceptions(&item.batch).await?;
        all.retain(|e| e.id != exception.id && e.decision.is_none());
        all.push(exception);
        let decided = Decided {
            batch: item.batch.clone(),
            before: Vec::new(),
            after: Vec::new(),
            batch_exceptions: Some(all),
            checks: Vec::new(),
            verdicts: Vec::new(),
            notices: Vec::new(),
            rescan: None,
            what: name.into(),
        };
        self.store.save_decision(&decided, by).await?;
        Ok(Some(false))
    }

    /// What a person saw on the paper becomes an exception of the transaction.
    pub async fn flag(
        &self,
        transaction: &str,
        code: Reason,
        on: Option<&DocumentId>,
        note: &str,
        by: &UserName,
    ) -> Result<AfterDecision> {
        let before = self.store.transaction(transaction).await?;
        let same = |d: &&Decision| d.name == "flag" && d.fields.get("code").is_some_and(|c| c == code.code());
        if standing(&before.decisions)
            .iter()
            .find(same)
            .is_some_and(|d| d.fields.get("note").is_some_and(|n| n == note.trim()))
        {
            return Ok(after(None, &before, true));
        }
        let decided = exceptions::flag(&before, code, on, note, by, &self.clock.stamp()).map_err(told)?;
        let saved = self.replay(&before, decided.decision, decided.effect, "flag", by).await?;
        Ok(after(None, &saved, false))
    }

    /// One line of a transaction edited or undone.
    pub async fn change(
        &self,
        transaction: &str,
        name: &str,
        fields: &BTreeMap<String, String>,
        by: &UserName,
    ) -> Result<AfterDecision> {
        let before = self.store.transaction(transaction).await?;
        // Said twice in a row it is said once: a repeated command changes nothing.
        let same =
            |d: &Decision| d.name == name && d.by == *by && fields.iter().all(|(k, v)| d.fields.get(k) == Some(v));
        let ended = name == "release" && before.state != TransactionState::Held;
        if ended || (!fields.is_empty() && before.decisions.last().is_some_and(same)) {
            return Ok(after(None, &before, true));
        }
        let decided = exceptions::change(&before, name, fields, by, &self.clock.stamp()).map_err(told)?;
        let saved = self.replay(&before, decided.decision, decided.effect, name, by).await?;
        Ok(after(None, &saved, false))
    }

    /// What the keyed line says, as the site's stub layouts read it; a line that no layout knows, or whose check digit
    /// fails, is refused.
    async fn read_keyed_scanline(&self, decision: &mut Decision) -> Result<()> {
        let text = decision.fields.get("text").cloned().unwrap_or_default();
        let matches = self.layouts().await?.match_scanline(&text);
        let refused = |message: &str| {
            Err(OfficeError::refused(
                "move",
                message,
                "key the line as printed, marks and all, or use `assign account=..`",
            ))
        };
        if matches.is_empty() {
            return refused("no stub layout of this site has such a line");
        }
        let Some(good) = matches.into_iter().find(|m| m.checks_hold()) else {
            return refused("the check digit of the keyed line does not hold");
        };
        decision.fields.extend(good.biller.map(|b| ("biller".to_string(), b)));
        decision.fields.extend(good.fields);
        Ok(())
    }

    /// Holds a transaction whatever its exceptions are: it leaves the ready part of its batch.
    pub async fn hold(
        &self,
        transaction: &str,
        fields: &BTreeMap<String, String>,
        by: &UserName,
    ) -> Result<AfterDecision> {
        let before = self.store.transaction(transaction).await?;
        if before.state == TransactionState::Held {
            return Ok(after(None, &before, true));
        }
        let decided = exceptions::hold(&before, fields, by, &self.clock.stamp()).map_err(told)?;
        let saved = self.replay(&before, decided.decision, decided.effect, "hold", by).await?;
        Ok(after(None, &saved, false))
    }

    /// Takes the last decision of a transaction back, while nothing of it is posted: what it settled is asked again. The
    /// decision stays in the record, with who took it back.
    pub async fn undo(&self, transaction: &str, by: &UserName) -> Result<AfterDecision> {
        self.undo_this(transaction, None, by).await
    }

    /// The same of the decision at this place: asked twice, it does not take the one before it back as well.
    pub async fn undo_this(&self, transaction: &str, of: Option<usize>, by: &UserName) -> Result<AfterDecision> {
        let before = self.store.transaction(transaction).await?;
        let place = last_standing(&before);
        if of.is_some_and(|of| is_taken_back(&before, of)) {
            return Ok(after(None, &before, true));
        }
        if of.is_some() && of != place {
            let message = "something else was decided here meanwhile";
            return Err(OfficeError::refused("undo", message, "look at it again"));
        }
        let Some(place) = place else {
            return Err(OfficeError::refused("undo", "there is nothing to take back here", "nothing was changed"));
        };
        if let Some(regroup) = before.decisions.get(place).filter(|d| d.name == "regroup") {
            return self.ungroup(&before, &regroup.clone(), by).await;
        }
        let fields = BTreeMap::from([("of".to_string(), place.to_string())]);
        let decision = Decision { name: UNDO.into(), fields, by: by.clone(), at: self.clock.stamp() };
        let saved = match before.decisions.get(place).filter(|d| d.name == "rescan") {
            Some(rescan) => {
                let back = self.unscan(&rescan.fields).await?;
                self.rescanned(&before, decision, back, UNDO, by).await?
            }
            None => self.replay(&before, decision, Effect::Rematch, UNDO, by).await?,
        };
        Ok(after(None, &saved, false))
    }

    /// A transaction with one decision more, and its batch.
    async fn with(&self, before: &Transaction, decision: Decision) -> Result<(Batch, Transaction)> {
        let batch = self.store.batch(before.batch.as_str()).await?;
        let mut decided = before.clone();
        decided.decisions.push(decision);
        Ok((batch, decided))
    }

    /// Matching again over the decisions of the touched transactions, saved with the decision in one go.
    pub(super) async fn replay(
        &self,
        before: &Transaction,
        decision: Decision,
        effect: Effect,
        what: &str,
        by: &UserName,
    ) -> Result<Transaction> {
        let (batch, decided) = self.with(before, decision).await?;
        let documents = match effect {
            Effect::Rematch => return self.matched_again(&batch, before, decided, None, what, by).await,
            Effect::Regroup { documents } => documents,
        };
        let all = self.store.transactions(&batch.id).await?;
        let (touched, changed) = regrouped(&all, &decided, &documents);
        let gone: Vec<&TransactionId> = touched.iter().map(|t| &t.id).collect();
        let mut now: Vec<Transaction> = all.iter().filter(|t| !gone.contains(&&t.id)).cloned().collect();
        now.extend(changed.iter().cloned());
        now.sort_by_key(|t| (t.seq, t.id.clone()));
        let known = self.known(&batch, &now).await?;
        let after = proposed_again(&known, &now, &changed);
        self.save(&batch, known, (touched, after), before, what, by).await
    }

    /// One transaction matched again over its decisions and saved, with a scan of one of its sides where that is the cause:
    /// both are kept, or none.
    pub(super) async fn rescanned(
        &self,
        before: &Transaction,
        decision: Decision,
        rescan: Rescan,
        what: &str,
        by: &UserName,
    ) -> Result<Transaction> {
        let (batch, decided) = self.with(before, decision).await?;
        self.matched_again(&batch, before, decided, Some(rescan), what, by).await
    }

    async fn matched_again(
        &self,
        batch: &Batch,
        before: &Transaction,
        decided: Transaction,
        rescan: Option<Rescan>,
        what: &str,
        by: &UserName,
    ) -> Result<Transaction> {
        let (mut known, proposal) = self.proposed_alone(batch, &decided, rescan.as_ref()).await?;
        known.rescan = rescan;
        let mut again = proposal.into_transaction(batch.id.clone(), decided.seq, decided.reason.clone());
        again.decisions = decided.decisions;
        self.save(batch, known, (vec![before.clone()], vec![again]), before, what, by).await
    }

    /// One transaction proposed again over its decisions, from its own documents and from what came before it in its batch
    /// and at the site. It costs the same in a batch of ten and of ten thousand.
    async fn proposed_alone(
        &self,
        batch: &Batch,
        one: &Transaction,
        rescan: Option<&Rescan>,
    ) -> Result<(Known, matching::Proposal)> {
        let mut documents = self.store.these_documents(&one.documents).await?;
        let mut readings = self.store.readings_of(&one.documents).await?;
        if let Some(rescan) = rescan {
            documents.iter_mut().filter(|d| d.id == *rescan.document()).for_each(|d| rescan.change(&mut d.images));
            if let Rescan::Put { document, reading, .. } = rescan {
                readings.entry(document.clone()).or_default().push((**reading).clone());
            }
        }
        let mut known = self.known_from(batch, &documents, readings, std::slice::from_ref(one)).await?;
        if names_another_bill(&one.decisions) {
            known.look_again(one, &self.amount_standard().await?);
        }
        let numbers = known.book.numbers();
        let earlier = self.store.earlier_in_batch(&batch.id, &numbers, one.seq).await?;
        let earlier =
            earlier.into_iter().map(|(biller, bill, seq)| ((biller, bill), format!("transaction {seq} of this batch")));
        known.book = std::mem::take(&mut known.book).with_pending(earlier);
        let decisions = standing(&one.decisions);
        let repeats = self.repeats(batch, one, &decisions, &known).await?;
        let by_document: BTreeMap<_, _> = known.evidence.iter().map(|e| (&e.document, e)).collect();
        let evidence: Vec<_> = one.documents.iter().filter_map(|d| by_document.get(d).copied()).collect();
        let draft = matching::Draft {
            id: one.id.clone(),
            kind: grouping::kind_of(evidence.iter().copied()),
            documents: evidence,
            decisions: &decisions,
            repeats,
        };
        let proposal = matching::propose(&draft, &known.book, &known.policy, batch.date);
        Ok((known, proposal))
    }

    /// Checks and stubs of this transaction that came before: at the site, earlier in its batch, earlier in itself.
    async fn repeats(
        &self,
        batch: &Batch,
        one: &Transaction,
        decisions: &[Decision],
        known: &Known,
    ) -> Result<Vec<matching::Repeat>> {
        let mut repeats: Vec<matching::Repeat> = Vec::new();
        let keys = known.check_keys();
        let asked: Vec<CheckKey> = keys.iter().map(|(_, key)| key.clone()).collect();
        let like = self.store.checks_like(&asked, None, usize::MAX).await?;
        let mut mine: BTreeMap<String, u32> = BTreeMap::new();
        for ((document, key), like) in keys.iter().zip(like) {
            let Some(evidence) = known.evidence.iter().find(|e| e.document == *document && e.set_aside.is_none())
            else {
                continue;
            };
            let fingerprint = evidence.check.as_ref().and_then(|c| c.fingerprint()).unwrap_or_default();
            let before = mine.get(&fingerprint).copied();
            mine.entry(fingerprint.clone()).or_insert(evidence.seq);
            if let Some(seen) = known.seen.iter().find(|s| s.fingerprint == fingerprint) {
                let (earlier, amount) = (seen.earlier.clone(), seen.amount);
                repeats.push(matching::Repeat { document: document.clone(), earlier, amount });
                continue;
            }
            let same: Vec<_> =
                like.iter().filter(|l| l.batch == batch.id && !one.documents.contains(&l.document)).collect();
            let ids: Vec<_> = same.iter().map(|l| l.document.clone()).collect();
            let places = self.store.places(&ids).await?;
            let first = places.iter().find(|(_, seq, state, _)| *seq < one.seq && *state != TransactionState::Void);
            let earlier = match first {
                Some((id, _, _, seq)) => {
                    let amount = same.iter().find(|l| l.document == *id && l.same_amount).and(key.amount);
                    Some((*seq, amount))
                }
                None => before.map(|seq| (seq, None)),
            };
            if let Some((seq, amount)) = earlier {
                let earlier = format!("check {seq} of this batch");
                repeats.push(matching::Repeat { document: document.clone(), earlier, amount });
            }
        }
        // A repeated stub stays one, unless a person says now that it is another's.
        let told = "the stub of the same bill came already: ";
        for e in one.exceptions.iter().filter(|e| e.code == Reason::DuplicateStub) {
            let (Some(document), Some(earlier)) = (&e.document, e.message.strip_prefix(told)) else { continue };
            let renamed = |d: &Decision| {
                matches!(d.name.as_str(), "assign" | "key-scanline")
                    && d.fields.get("document").map(String::as_str) == Some(document.as_str())
            };
            if !decisions.iter().any(renamed) {
                let earlier = earlier.to_string();
                repeats.push(matching::Repeat { document: document.clone(), earlier, amount: None });
            }
        }
        Ok(repeats)
    }

    /// What else would fit a transaction, or nearly, the best first: for the person who decides.
    pub async fn runners_up(&self, transaction: &str) -> Result<Vec<matching::RunnerUp>> {
        let one = self.store.transaction(transaction).await?;
        let batch = self.store.batch(one.batch.as_str()).await?;
        Ok(self.proposed_alone(&batch, &one, None).await?.1.runners_up)
    }

    /// Saves what a decision changed, and tells whom it brings something to hear of.
    pub(super) async fn save(
        &self,
        batch: &Batch,
        known: Known,
        (touched, mut after): (Vec<Transaction>, Vec<Transaction>),
        before: &Transaction,
        what: &str,
        by: &UserName,
    ) -> Result<Transaction> {
        asked_again(&touched, &mut after);
        let documents: Vec<_> = after.iter().flat_map(|t| t.documents.iter().cloned()).collect();
        let checks = known.check_keys().into_iter().filter(|(d, _)| documents.contains(d)).collect();
        let result = after
            .iter()
            .find(|t| before.documents.first().is_none_or(|first| t.documents.contains(first)))
            .or(after.first())
            .cloned()
            .ok_or_else(|| OfficeError::refused("regroup", "no document is left", "name at least one document"))?;
        let notices = matching::notices(batch.date, &after, &known.book, &known.policy);
        self.store
            .save_decision(
                &Decided {
                    batch: batch.id.clone(),
                    before: touched,
                    after,
                    batch_exceptions: None,
                    checks,
                    verdicts: known.verdicts,
                    notices,
                    rescan: known.rescan,
                    what: what.into(),
                },
                by,
            )
            .await?;
        self.write_exports().await?;
        Ok(result)
    }

    /// Proves a batch. With a person it is recorded as balanced by them; without, it is only said.
    pub async fn balance(&self, batch: &Batch, by: Option<&UserName>) -> Result<BalanceAnswer> {
        let settled = matches!(batch.state, BatchState::Balanced | BatchState::Approved) || batch.state.is_posted();
        if !settled && batch.state.after(BatchEvent::Balance).is_none() {
            let (name, state) = (&batch.name, batch.state.as_str());
            let help = match batch.state {
                BatchState::Void => "a void batch counts for nothing; its paper may be scanned again",
                _ => "it is still being read: remit worker --until-idle",
            };
            return Err(OfficeError::refused("state", format!("{name} is {state}: there is nothing to balance"), help));
        }
        let transactions = self.store.transactions(&batch.id).await?;
        let evidence = self.evidence_of(batch, &transactions).await?;
        match balance::balance(batch, &transactions, &evidence) {
            Ok(balanced) => {
                let proof = balanced.proof().clone();
                let Some(by) = by.filter(|_| !settled) else {
                    return Ok(BalanceAnswer::Balanced { proof, state: batch.state, already: settled });
                };
                let mut own = self.store.batch_exceptions(&batch.id).await?;
                own.retain(|e| e.code != Reason::BatchOutOfBalance);
                // Amounts that were keyed since may have brought it over its limit, or further over it than was accepted.
                let before = own.len();
                for now in self.of_the_batch(batch, &transactions).await? {
                    let said = |e: &crate::domain::Exception| e.code == now.code && e.message == now.message;
                    let id = match own.iter().any(|e| e.id == now.id) {
                        true => ExceptionId::of(&[now.id.as_str().as_bytes(), now.message.as_bytes()]),
                        false => now.id.clone(),
                    };
                    let limit = now.code == Reason::LimitExceeded && !own.iter().any(said);
                    if limit || !own.iter().any(|e| e.code == now.code) {
                        own.push(crate::domain::Exception { id, ..now });
                    }
                }
                if own.len() > before {
                    self.store.balance(&batch.id, false, Some(own.clone()), by).await?;
                }
                if let Some(open) = own.iter().find(|e| e.decision.is_none()) {
                    return Err(OfficeError::refused(
                        open.code.code(),
                        format!("{}: {}", batch.name, open.message),
                        format!("an approver decides it: remit exceptions decide {} accept", open.id),
                    ));
                }
                let done = self.store.balance(&batch.id, true, Some(own), by).await?;
                Ok(BalanceAnswer::Balanced { proof, state: BatchState::Balanced, already: done == Done::Already })
            }
            Err(imbalance) => {
                if let Some(by) = by.filter(|_| !settled && imbalance.open.is_empty()) {
                    let problem = Problem::new(Reason::BatchOutOfBalance, imbalance.sentence.clone());
                    let exception = crate::domain::Exception {
                        id: ExceptionId::of(&[batch.id.as_str().as_bytes(), problem.code.code().as_bytes()]),
                        code: problem.code,
                        message: problem.message,
                        document: None,
                        bbox: None,
                        decision: None,
                    };
                    let mut own = self.store.batch_exceptions(&batch.id).await?;
                    own.retain(|e| e.code != Reason::BatchOutOfBalance);
                    own.push(exception);
                    self.store.balance(&batch.id, false, Some(own), by).await?;
                }
                Ok(BalanceAnswer::Out(imbalance))
            }
        }
    }

    /// The batch as one that proves, from what is stored; posting and depositing start from nothing less.
    pub(super) async fn balanced(&self, batch: &Batch) -> Result<BalancedBatch> {
        let mut transactions = self.store.transactions(&batch.id).await?;
        // A posted batch proves as it did before it was posted: its figures must never change.
        for transaction in &mut transactions {
            if transaction.state == TransactionState::Posted {
                transaction.state = TransactionState::Ready;
            }
        }
        let evidence = self.evidence_of(batch, &transactions).await?;
        balance::balance(batch, &transactions, &evidence).map_err(|imbalance| {
            OfficeError::refused(
                "out-of-balance",
                format!("{}: {}", batch.name, imbalance.sentence),
                format!("remit balance {}", batch.id),
            )
        })
    }

    /// What is held leaves for a batch of its own, with its own control total; the rest can go on. The batch must prove
    /// first. `None`: nothing is held.
    pub async fn split(&self, batch: &Batch, by: &UserName) -> Result<Option<Batch>> {
        if !matches!(batch.state, BatchState::InReview | BatchState::Balanced) {
            return Err(OfficeError::refused(
                "state",
                format!("{} is {}: only a batch in review can be divided", batch.name, batch.state.as_str()),
                "what is held can be carried over before the batch is approved",
            ));
        }
        let balanced = self.balanced(batch).await?;
        if balanced.held().is_empty() {
            return Ok(None);
        }
        let held: Vec<TransactionId> = balanced.held().iter().map(|t| t.id.clone()).collect();
        let controls = balance::carry_over(&balanced)?;
        let new = self.store.split_batch(&batch.id, &held, controls, by).await?;
        self.write_exports().await?;
        Ok(Some(new))
    }

    /// Approves a batch, or gives the first of the approvals that its amount asks for.
    pub async fn approve(&self, batch: &Batch, by: &UserName) -> Result<Approval> {
        match self.store.approve(&batch.id, &self.site.config.control, by).await {
            Ok(approval) => Ok(approval),
            Err(StoreError::WrongState { .. }) => Err(OfficeError::refused(
                "state",
                format!("{} is {}: only a balanced batch can be approved", batch.name, batch.state.as_str()),
                format!("remit balance {}", batch.id),
            )),
            Err(StoreError::NotAllowed { user, why }) => Err(OfficeError::refused(
                "not-allowed",
                format!("{user} may not approve {}: {why}", batch.name),
                "another approver must do it",
            )),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn void(&self, batch: &Batch, note: &str, by: &UserName) -> Result<bool> {
        match self.store.void_batch(&batch.id, note, by).await {
            Ok(done) => Ok(done == Done::Already),
            Err(StoreError::WrongState { .. }) => Err(OfficeError::refused(
                "state",
                format!("{} is {}: it cannot be voided any more", batch.name, batch.state.as_str()),
                "a posted batch is corrected by reversing entries",
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Posts an approved batch in one transaction and writes the posting file for the billing system.
    pub async fn post(&self, batch: &Batch, by: &UserName) -> Result<PostedBatch> {
        let posted_before = matches!(batch.state, BatchState::Posted | BatchState::Deposited | BatchState::Archived);
        if !posted_before && batch.state != BatchState::Approved {
            return Err(OfficeError::refused(
                "state",
                format!("{} is {}: only an approved batch can be posted", batch.name, batch.state.as_str()),
                format!("remit balance {0}; then remit batch approve {0} by another person", batch.id),
            ));
        }
        let balanced = self.balanced(batch).await?;
        let drafts = post::entries(&balanced, &self.site.config.posting)?;
        let posted = self.store.post_batch(&batch.id, &drafts, by).await?;
        // The file is the same bytes whenever it is written; a crash before this line is mended by posting again.
        let file = format!("posting/{}-{}.csv", batch.date, batch.id);
        station::write_whole(&self.site.folder.join(&file), post::billing_csv(&balanced)?.as_bytes())?;
        self.learn_payers(&balanced).await?;
        Ok(PostedBatch {
            state: if posted_before { batch.state } else { BatchState::Posted },
            entries: if posted.last == 0 { 0 } else { posted.last - posted.first + 1 },
            total: balanced.proof().ready.total,
            file,
            already: posted.done == Done::Already,
        })
    }

    /// What a posted batch shows of who pays for whom: one check, one account, nothing decided by a person.
    async fn learn_payers(&self, balanced: &BalancedBatch) -> Result<()> {
        let mut seen = Vec::new();
        for ready in balanced.ready().iter().filter(|r| r.transaction.decisions.is_empty()) {
            let mut whose: Vec<_> = ready
                .transaction
                .applications
                .iter()
                .filter_map(|a| Some((a.biller.clone()?, a.account.clone()?)))
                .collect();
            whose.dedup();
            let ([(biller, account)], [check]) = (whose.as_slice(), ready.checks.as_slice()) else { continue };
            let Some(line) = check.check.as_ref().filter(|c| c.accepted) else { continue };
            if let (Some(routing), Some(bank_account)) = (&line.routing, &line.bank_account) {
                seen.push(crate::store::Sighting {
                    routing: routing.clone(),
                    bank_account: bank_account.clone(),
                    document: check.document.clone(),
                    biller: biller.clone(),
                    account: account.clone(),
                    date: balanced.batch().date,
                });
            }
        }
        self.store.see_payers(&seen).await?;
        Ok(())
    }

    /// As whoever sets the site up, or the program itself.
    pub async fn add_user(&self, name: &UserName, roles: &[crate::domain::Role]) -> Result<User> {
        self.give_roles(name, roles, &system()).await
    }

    /// Adds a person, or gives one more roles. A user who does it must be an administrator, and another person.
    pub async fn give_roles(&self, name: &UserName, roles: &[crate::domain::Role], by: &UserName) -> Result<User> {
        self.store.add_user(name, roles, by).await.map_err(not_allowed)?;
        let user = self.store.user(name).await?;
        user.ok_or_else(|| OfficeError::refused("no-user", format!("there is no user '{name}'"), "add it again"))
    }

    pub async fn users(&self) -> Result<Vec<User>> {
        Ok(self.store.users().await?)
    }

    pub async fn disable_user(&self, name: &UserName, by: &UserName) -> Result<()> {
        self.store.disable_user(name, by).await.map_err(not_allowed)?;
        Ok(())
    }
}

/// A refusal is an answer, not a broken machine.
pub(super) fn not_allowed(error: StoreError) -> OfficeError {
    match error {
        StoreError::NotAllowed { user, why } => {
            OfficeError::refused("not-allowed", format!("{user} may not do this: {why}"), "another person must do it")
        }
        error => error.into(),
    }
}

pub(super) fn after(exception: Option<&ExceptionId>, transaction: &Transaction, already: bool) -> AfterDecision {
    AfterDecision {
        exception: exception.map(ToString::to_string).unwrap_or_default(),
        transaction: transaction.id.clone(),
        state: transaction.state,
        open: transaction.exceptions.iter().filter(|e| e.decision.is_none()).count(),
        already,
    }
}

/// The transactions that lose documents (as they were) and what they become, with one new transaction of `documents`.
pub(super) fn regrouped(
    all: &[Transaction],
    decided: &Transaction,
    documents: &[DocumentId],
) -> (Vec<Transaction>, Vec<Transaction>) {
    let touched: Vec<Transaction> = all
        .iter()
        .filter(|t| t.id == decided.id || t.documents.iter().any(|d| documents.contains(d)))
        .cloned()
        .collect();
    let mut changed = Vec::new();
    for one in &touched {
        let mut rest = if one.id == decided.id { decided.clone() } else { one.clone() };
        rest.documents.retain(|d| !documents.contains(d));
        if let Some(first) = rest.documents.first() {
            rest.id = matching::transaction_id(&rest.batch, first);
            changed.push(rest);
        }
    }
    if let Some(first) = documents.first() {
        let mut new = decided.clone();
        new.id = matching::transaction_id(&decided.batch, first);
        new.documents = documents.to_vec();
        // Envelopes that came in whole bring what was decided about them, in front of what puts them together.
        let mut regroup = new.decisions.pop();
        let mut parts = Vec::new();
        for one in touched.iter().filter(|t| t.id != decided.id && t.documents.iter().all(|d| documents.contains(d))) {
            let same = new.decisions.iter().zip(&one.decisions).take_while(|(a, b)| a == b).count();
            let own = &one.decisions[same..];
            // A record in which something was taken back names its own places: it comes whole, with where it begins.
            if own.iter().any(|d| d.name == UNDO) {
                parts.push(format!("{}:{same}", new.decisions.len()));
                new.decisions.extend_from_slice(own);
            } else {
                let there = standing(&new.decisions);
                let brought = own.iter().filter(|d| !there.contains(d)).cloned();
                new.decisions.extend(brought.collect::<Vec<_>>());
            }
        }
        if let Some(regroup) = regroup.as_mut().filter(|_| !parts.is_empty()) {
            regroup.fields.insert(PARTS.into(), parts.join(","));
        }
        new.decisions.extend(regroup);
        new.reason = "put together by a person".into();
        changed.push(new);
    }
    (touched, changed)
}

/// The proposals of the changed transactions, in the light of the whole batch.
pub(super) fn proposed_again(known: &Known, now: &[Transaction], changed: &[Transaction]) -> Vec<Transaction> {
    let (ids, groups, decisions) = groups_of(known, now);
    let proposals = known.propose(&ids, &groups, &decisions);
    now.iter()
        .zip(proposals)
        .filter(|(t, _)| changed.iter().any(|c| c.id == t.id))
        .map(|(t, proposal)| {
            let mut again = proposal.into_transaction(t.batch.clone(), t.seq, t.reason.clone());
            again.decisions = t.decisions.clone();
            again
        })
        .collect()
}

/// Stored transactions as matching takes them: their ids, groups and decisions.
pub(super) fn groups_of(known: &Known, now: &[Transaction]) -> (Vec<TransactionId>, Vec<Group>, Vec<Vec<Decision>>) {
    let by_document: BTreeMap<_, _> = known.evidence.iter().map(|e| (&e.document, e)).collect();
    let groups: Vec<Group> = now
        .iter()
        .map(|t| Group {
            documents: t.documents.clone(),
            kind: grouping::kind_of(t.documents.iter().filter_map(|d| by_document.get(d).copied())),
            reason: t.reason.clone(),
        })
        .collect();
    let decisions: Vec<Vec<Decision>> = now.iter().map(|t| standing(&t.decisions)).collect();
    let ids: Vec<TransactionId> = now.iter().map(|t| t.id.clone()).collect();
    (ids, groups, decisions)
}

/// Did the newest decision, or what it takes back, say whose bill this is? Then a check's amount is looked at again in the
/// light of that bill.
fn names_another_bill(decisions: &[Decision]) -> bool {
    let names = |d: &&Decision| matches!(d.name.as_str(), "key-scanline" | "key-micr");
    let newest = decisions.last().map(|d| match d.fields.get("of").filter(|_| d.name == UNDO) {
        Some(of) => of.parse().ok().and_then(|n: usize| decisions.get(n)),
        None => Some(d),
    });
    newest.flatten().as_ref().is_some_and(names)
}

/// An exception ends once: one that is asked again after its decision was taken back is another one, with its own id.
fn asked_again(before: &[Transaction], after: &mut [Transaction]) {
    let decided: Vec<&crate::domain::Exception> =
        before.iter().flat_map(|t| &t.exceptions).filter(|e| e.decision.is_some()).collect();
    for t in after {
        let undone = t.decisions.iter().filter(|d| d.name == UNDO).count();
        if undone == 0 {
            continue;
        }
        for e in &mut t.exceptions {
            if decided.iter().any(|d| d.id == e.id && d.decision != e.decision) {
                e.id = ExceptionId::of(&[e.id.as_str().as_bytes(), b"again", &(undone as u64).to_be_bytes()]);
            }
        }
    }
}

/// Is this document money of its own (a check or a cash ticket)?
pub(super) fn is_tender(kind: DocumentKind) -> bool {
    matches!(kind, DocumentKind::Check | DocumentKind::CashTicket)
}
