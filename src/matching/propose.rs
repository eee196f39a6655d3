//! One transaction's proposal: what came in, what it pays, what stands in the way, and what people decided about it. The
//! decisions are folded in every time, so that a proposal can be made again from its parts at any moment.

use std::collections::BTreeMap;

use super::allot::{Allotment, Case, allot, expected_only};
use super::hands::{by_hand, flagged};
use super::targets::{Raised, Resolver};
use super::{BatchDraft, BillBook, Draft, Policy, Proposal, Repeat, exception_id};
use crate::domain::{
    AccountStatus, Application, Bill, Cents, Day, Decision, DocumentId, DocumentKind, Exception, ExceptionId,
    MoneyError, Reason, TransactionState,
};
use crate::grouping::Evidence;

/// One transaction's proposal. `day` is the business date, by which late amounts are expected.
pub fn propose(draft: &Draft<'_>, book: &BillBook, policy: &Policy, day: Day) -> Proposal {
    match weigh(draft, book, policy, day) {
        Ok(proposal) => proposal,
        // Amounts too large to add up: nothing is applied and a person sees why.
        Err(error) => {
            let raised = vec![Raised {
                code: Reason::TransactionOutOfBalance,
                message: error.to_string(),
                document: None,
                bbox: None,
            }];
            finish(draft, Vec::new(), raised, None)
        }
    }
}

fn weigh(draft: &Draft<'_>, book: &BillBook, policy: &Policy, day: Day) -> Result<Proposal, MoneyError> {
    let active: Vec<&Evidence> = draft.documents.iter().copied().filter(|e| e.set_aside.is_none()).collect();
    let checks: Vec<&Evidence> = active.iter().copied().filter(|e| e.check.is_some()).collect();
    let stubs: Vec<&Evidence> = active.iter().copied().filter(|e| e.stub.is_some()).collect();
    let unidentified = active.iter().any(|e| matches!(e.kind, DocumentKind::Unknown | DocumentKind::Back));
    let cash = cash_of(draft.decisions, &checks);
    let received = received(&checks, cash)?;
    let paid_with_cash =
        !checks.iter().any(|e| e.kind == DocumentKind::Check) && (cash.is_some() || !checks.is_empty());

    let mut work = Resolver::new(book, policy, day, paid_with_cash || checks.is_empty());
    for e in &active {
        for problem in &e.problems {
            work.raised.push(Raised {
                code: problem.code,
                message: problem.message.clone(),
                document: Some(e.document.clone()),
                bbox: problem.bbox,
            });
        }
    }
    for check in &checks {
        judge_check(&mut work, check, policy);
    }
    work.raised.extend(flagged(draft.decisions, checks.first().or(active.first()).map(|e| &e.document)));
    let distinct =
        |document: &DocumentId| draft.decisions.iter().any(|d| d.name == "distinct" && concerns(d, Some(document)));
    let mut repeated = false;
    for repeat in &draft.repeats {
        let Some(e) = active.iter().find(|e| e.document == repeat.document) else { continue };
        if let Some(check) = &e.check {
            let amount = match (repeat.amount, check.amount) {
                (Some(a), Some(b)) if a != b => format!(", then worth {a} and now {b}"),
                _ => String::new(),
            };
            let message = format!("this check came already: {}{amount}", repeat.earlier);
            work.raise(Reason::DuplicateCheck, message, Some(&e.document));
            repeated |= !distinct(&e.document);
        } else {
            let message = format!("the stub of the same bill came already: {}", repeat.earlier);
            work.raise(Reason::DuplicateStub, message, Some(&e.document));
        }
    }
    work.stubs(draft, &stubs);
    let beside = draft
        .decisions
        .iter()
        .rev()
        .find(|d| d.name == "assign" && !stubs.iter().any(|e| concerns(d, Some(&e.document))));
    if let Some(decision) = beside {
        // A check without stub, or an envelope as a whole, for which a person named the account.
        let document = decision.fields.get("document").and_then(|d| d.parse::<DocumentId>().ok());
        if let Some(target) = work.assigned(decision, document.as_ref()) {
            work.beside(target, active.first().map(|e| &e.document));
        }
        if let Some(check) = checks.first().filter(|_| stubs.is_empty()) {
            work.raise(Reason::CheckWithoutStub, "no stub came with this check", Some(&check.document));
        }
    } else if let (Some(check), true) = (checks.first(), stubs.is_empty() && !unidentified) {
        let is_cash = check.kind == DocumentKind::CashTicket;
        if checks.len() == 1 && !is_cash {
            work.known_payer(check, received);
        } else {
            work.unresolved += 1;
            work.raise(Reason::CheckWithoutStub, "no stub came with this payment", Some(&check.document));
        }
    }
    if let (Some(stub), true) = (stubs.first(), checks.is_empty() && !unidentified && cash.is_none()) {
        let message = "no check came with this stub; if it was paid in cash, key the amount that was taken";
        work.raise(Reason::StubWithoutCheck, message, Some(&stub.document));
    }

    let mut allotment = Allotment::default();
    if !repeated {
        match received {
            None => allotment.applications = expected_only(&work.targets, policy),
            Some(received) => {
                let known = work.unresolved == 0 && !unidentified;
                let case = |pool| Case { targets: &work.targets, pool, received, policy, day };
                allotment = allot(case(&work.pool), known)?;
                if !work.pool.is_empty() && !allotment.by_open_bills {
                    // No choice of the open bills adds up: the oldest is proposed, for a person.
                    allotment = allot(case(&[]), known)?;
                }
                if let Some((code, message)) = allotment.problem.take() {
                    // With one check it is that check's amount that may be keyed again.
                    let document = if let [check] = checks.as_slice() { Some(&check.document) } else { None };
                    work.raise(code, message, document);
                }
            }
        }
    }
    if !allotment.by_open_bills {
        work.raised.extend(work.undecided.take());
    }
    if allotment.by_open_bills {
        work.chosen(&allotment.applications, active.first().map(|e| &e.document));
    }
    agreed(&mut work, &allotment.applications);
    let Allotment { mut applications, runners_up, .. } = allotment;
    by_hand(draft.decisions, book, policy, received, &mut applications, &mut work.raised)?;
    work.by_hand(&applications);
    let mut proposal = finish(draft, applications, work.raised, received);
    proposal.runners_up = runners_up;
    Ok(proposal)
}

/// An instalment of an arrangement that came late: the arrangement may be broken, and a person must hear of it. (One that is
/// short has this reason already; one in time needs nobody.)
fn agreed(work: &mut Resolver<'_>, applications: &[Application]) {
    let arranged: Vec<&Bill> =
        work.targets.iter().map(|t| t.bill).filter(|b| b.status == AccountStatus::Arrangement).collect();
    for bill in arranged {
        let (Some(instalment), Some(due)) = (bill.instalment, bill.instalment_due()) else { continue };
        let paid = applications.iter().find(|a| a.bill.as_ref() == Some(&bill.bill) && a.amount == instalment);
        let late = super::hypotheses::days_between(due, work.day);
        if paid.is_some() && late > i64::from(work.policy.grace_days) {
            let message = format!(
                "the instalment of {instalment} on account {} was due on {due}: it comes {late} days late",
                bill.account.masked()
            );
            work.raise(Reason::Arrangement, message, None);
        }
    }
}

/// The money of a stub without check: what a person says was taken in cash.
fn cash_of(decisions: &[Decision], checks: &[&Evidence]) -> Option<Cents> {
    if !checks.is_empty() {
        return None;
    }
    decisions.iter().rev().find(|d| d.name == "key-amount").and_then(|d| d.fields.get("amount")?.parse().ok())
}

fn received(checks: &[&Evidence], cash: Option<Cents>) -> Result<Option<Cents>, MoneyError> {
    if let Some(cash) = cash {
        return Ok(Some(cash));
    }
    let amounts: Option<Vec<Cents>> = checks.iter().map(|e| e.check.as_ref().and_then(|c| c.amount)).collect();
    match amounts {
        Some(amounts) if !checks.is_empty() => Cents::sum(amounts).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn judge_check(work: &mut Resolver<'_>, e: &Evidence, policy: &Policy) {
    let Some(check) = &e.check else { return };
    if let Some(country) = check.country.as_deref().filter(|c| !policy.home_countries.iter().any(|h| h == c)) {
        let message = format!("this check is drawn on a bank in {country}; it may not be money of this ledger");
        work.raise(Reason::ForeignCheck, message, Some(&e.document));
    }
    if let Some(currency) = check.currency.as_deref().filter(|c| *c != policy.currency) {
        let message = format!("the file gives this payment in {currency}; the ledger is in {}", policy.currency);
        work.raise(Reason::ForeignCheck, message, Some(&e.document));
    }
    if let (Some(routing), Some(account)) = (&check.routing, &check.bank_account)
        && let Some(why) = work.book.standing(routing, account).and_then(|s| s.stop.as_deref())
    {
        let message = format!("the bank account of this check is on the stop list: {why}");
        work.raise(Reason::PayerStop, message, Some(&e.document));
    }
    if let (Some(amount), Some(limit)) = (check.amount, policy.limit)
        && amount > limit
    {
        work.raise(
            Reason::LimitExceeded,
            format!("the check of {amount} is over the limit of {limit}"),
            Some(&e.document),
        );
    }
}

fn concerns(decision: &Decision, document: Option<&DocumentId>) -> bool {
    decision.fields.get("document").map(String::as_str) == document.map(DocumentId::as_str)
}

/// Is a raised exception settled by this decision? A word about money counts only for the amount it was said about; what
/// was keyed and is still in doubt is asked again.
fn settles(decision: &Decision, raised: &Raised, received: Option<Cents>) -> bool {
    let same = decision.fields.get("exception").map(String::as_str) == Some(raised.code.code())
        && concerns(decision, raised.document.as_ref());
    if !same {
        return false;
    }
    match decision.name.as_str() {
        "hold" | "key-amount" | "key-micr" | "key-scanline" | "set-aside" | "regroup" | "edit-line" | "undo-line"
        | "release" => false,
        "assign" => raised.code != Reason::AccountUnknown,
        _ => match raised.code {
            Reason::TransactionOutOfBalance => false,
            Reason::Underpaid | Reason::Overpaid | Reason::Arrangement | Reason::AmbiguousMatch => {
                decision.fields.get("received").cloned() == received.map(|r| r.to_string())
            }
            _ => true,
        },
    }
}

fn finish(
    draft: &Draft<'_>,
    mut applications: Vec<Application>,
    mut raised: Vec<Raised>,
    received: Option<Cents>,
) -> Proposal {
    let last = |name: &str| draft.decisions.iter().rev().find(|d| d.name == name);
    let ended = last("void").or_else(|| last("reject"));
    let pays = draft.documents.iter().any(|e| e.set_aside.is_none() && (e.check.is_some() || e.stub.is_some()));
    let received = match received {
        None if !pays => Some(Cents::ZERO),
        other => other,
    };
    raised.sort_by(|a, b| (a.code, &a.document).cmp(&(b.code, &b.document)));
    raised.dedup_by(|a, b| a.code == b.code && a.document == b.document);
    let mut exceptions: BTreeMap<ExceptionId, Exception> = BTreeMap::new();
    let mut order: Vec<ExceptionId> = Vec::new();
    let mut keep = |e: Exception| {
        if exceptions.insert(e.id.clone(), e.clone()).is_none() {
            order.push(e.id);
        }
    };
    for r in &raised {
        let decision = draft.decisions.iter().rev().find(|d| settles(d, r, received)).or(ended).cloned();
        keep(Exception {
            id: exception_id(&draft.id, r.code, r.document.as_ref()),
            code: r.code,
            message: r.message.clone(),
            document: r.document.clone(),
            bbox: r.bbox,
            decision,
        });
    }
    // Exceptions that a decision has settled for good are not raised again; they stay in the record.
    let passing = ["hold", "edit-line", "undo-line"];
    for decision in draft.decisions.iter().filter(|d| !passing.contains(&d.name.as_str())) {
        let Some(code) = decision.fields.get("exception").and_then(|c| Reason::parse(c)) else { continue };
        let document = decision.fields.get("document").and_then(|d| d.parse::<DocumentId>().ok());
        if raised.iter().any(|r| r.code == code && r.document == document) {
            continue;
        }
        keep(Exception {
            id: exception_id(&draft.id, code, document.as_ref()),
            code,
            message: decision.fields.get("message").cloned().unwrap_or_default(),
            document,
            bbox: None,
            decision: Some(decision.clone()),
        });
    }
    let mut exceptions: Vec<Exception> = order.into_iter().filter_map(|id| exceptions.remove(&id)).collect();
    let open = exceptions.iter().any(|e| e.decision.is_none());
    let applied = Cents::sum(applications.iter().map(|a| a.amount)).ok();
    let proves = received.is_some() && applied == received;
    let held = draft.decisions.last().filter(|d| d.name == "hold");
    if ended.is_none() && !open && !proves {
        let message = match (received, applied) {
            (Some(r), Some(a)) => format!("{r} was received and {a} is applied"),
            _ => "the amount received is not known".to_string(),
        };
        exceptions.push(Exception {
            id: exception_id(&draft.id, Reason::TransactionOutOfBalance, None),
            code: Reason::TransactionOutOfBalance,
            message,
            document: None,
            bbox: None,
            decision: None,
        });
    }
    let state = if last("void").is_some() {
        TransactionState::Void
    } else if ended.is_some() {
        TransactionState::Rejected
    } else if held.is_some() {
        TransactionState::Held
    } else if open || !proves {
        TransactionState::Exception
    } else if exceptions.is_empty() && draft.decisions.is_empty() {
        TransactionState::Clean
    } else {
        TransactionState::Ready
    };
    if ended.is_some() {
        applications.clear();
    }
    // The money boundary: nothing that is ready may fail to prove (I2, M1).
    if matches!(state, TransactionState::Clean | TransactionState::Ready) {
        assert_eq!(applied, received, "applications must add up to what was received");
        assert!(applications.iter().all(|a| a.amount.is_positive()), "an application must be positive");
    }
    Proposal {
        id: draft.id.clone(),
        kind: draft.kind,
        documents: draft.documents.iter().map(|e| e.document.clone()).collect(),
        applications,
        exceptions,
        decisions: draft.decisions.to_vec(),
        received,
        state,
        held_until: held.and_then(|d| d.fields.get("until").cloned()),
        owner: held.and_then(|d| d.fields.get("owner").cloned()),
        runners_up: Vec::new(),
    }
}

/// All transactions of a batch in order: finds checks and stubs that repeat earlier ones of the batch or of the site,
/// then proposes each.
pub fn propose_batch(draft: &BatchDraft<'_>, book: &BillBook, policy: &Policy, day: Day) -> Vec<Proposal> {
    let by_id: BTreeMap<&DocumentId, &Evidence> = draft.evidence.iter().map(|e| (&e.document, e)).collect();
    let mut checks: BTreeMap<String, Repeat> = BTreeMap::new();
    for seen in draft.seen.iter().filter(|s| !by_id.contains_key(&s.document)) {
        checks.entry(seen.fingerprint.clone()).or_insert_with(|| Repeat {
            document: seen.document.clone(),
            earlier: seen.earlier.clone(),
            amount: seen.amount,
        });
    }
    let mut stubs: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut proposals = Vec::with_capacity(draft.groups.len());
    for (i, group) in draft.groups.iter().enumerate() {
        let documents: Vec<&Evidence> = group.documents.iter().filter_map(|d| by_id.get(d).copied()).collect();
        let decisions: &[Decision] = draft.decisions.get(i).map_or(&[], Vec::as_slice);
        let ended = decisions.iter().any(|d| d.name == "void");
        let mut repeats = Vec::new();
        let mut mine = Vec::new();
        for e in documents.iter().filter(|e| e.set_aside.is_none()) {
            if let Some(fingerprint) = e.check.as_ref().and_then(|c| c.fingerprint()) {
                let amount = e.check.as_ref().and_then(|c| c.amount);
                match checks.get(&fingerprint) {
                    Some(earlier) => repeats.push(Repeat { document: e.document.clone(), ..earlier.clone() }),
                    // What a void transaction held may come again.
                    None if ended => {}
                    None => {
                        let earlier = format!("check {} of this batch", e.seq);
                        checks.insert(fingerprint, Repeat { document: e.document.clone(), earlier, amount });
                    }
                }
            }
            if let Some((stub, account)) = e.stub.as_ref().and_then(|s| s.account.as_ref().map(|a| (s, a))) {
                let biller = stub.biller.as_ref().map_or("", |b| b.0.as_str());
                let bill = stub.bill.as_deref().or(stub.invoice.as_deref()).unwrap_or("");
                let key = (format!("{biller}|{}", account.reveal()), bill.to_string());
                match stubs.get(&key) {
                    Some(earlier) => {
                        repeats.push(Repeat { document: e.document.clone(), earlier: earlier.clone(), amount: None })
                    }
                    None if ended => {}
                    None => mine.push((key, format!("stub {} of this batch", e.seq))),
                }
            }
        }
        // Twice in one envelope is told by the envelope itself.
        stubs.extend(mine);
        let id = match draft.ids.get(i) {
            Some(id) => id.clone(),
            None => crate::domain::TransactionId::of(&[group.documents[0].as_str().as_bytes()]),
        };
        let one = Draft { id, kind: group.kind, documents, decisions, repeats };
        proposals.push(propose(&one, book, policy, day));
    }
    proposals
}
