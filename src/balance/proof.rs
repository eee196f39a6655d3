//! The proof itself. Counts and totals are recomputed from the items; nothing is taken from a stored sum. What is held
//! keeps its own control total; an amount that nobody knows takes the difference, said so, and only if it is positive.

use std::collections::BTreeMap;

use super::explain::{explain, suspects};
use super::{BalancedBatch, Imbalance, Item, Proof, Ready, Tally};
use crate::domain::{Batch, Cents, DocumentId, DocumentKind, MoneyError, Transaction, TransactionId, TransactionState};
use crate::grouping::Evidence;

/// What a transaction holds: its checks and cash, those whose amount is not known, and pieces that may be checks or not.
#[derive(Default)]
struct Content {
    items: Vec<Item>,
    unknown: u32,
    /// Pieces that could turn out to be checks.
    maybe_checks: u32,
    /// Checks that could turn out to be something else.
    maybe_not: u32,
}

fn content(transaction: &Transaction, evidence: &BTreeMap<&DocumentId, &Evidence>) -> Content {
    let mut content = Content::default();
    let mut stub = None;
    for document in &transaction.documents {
        let Some(e) = evidence.get(document) else { continue };
        match e.kind {
            DocumentKind::Check | DocumentKind::CashTicket => {
                let cash = e.kind == DocumentKind::CashTicket;
                match e.check.as_ref().and_then(|c| c.amount) {
                    Some(amount) => content.items.push(Item { document: document.clone(), amount, cash }),
                    None => content.unknown += 1,
                }
                content.maybe_not += u32::from(e.check.as_ref().is_none_or(|c| c.routing.is_none()) && !cash);
            }
            DocumentKind::Unknown | DocumentKind::Back => content.maybe_checks += 1,
            DocumentKind::Stub => {
                stub = stub.or(Some(document));
                content.maybe_checks +=
                    u32::from(e.stub.as_ref().is_none_or(|s| s.account.is_none() && s.invoice.is_none()));
            }
            DocumentKind::BatchHeader | DocumentKind::Correspondence => {}
        }
    }
    // A stub that was paid in cash: the person's amount is the transaction's.
    if content.items.is_empty()
        && content.unknown == 0
        && let (Some(document), Some(amount)) = (stub, transaction.received.filter(|r| r.is_positive()))
    {
        content.items.push(Item { document: document.clone(), amount, cash: true });
    }
    content
}

fn tally(content: &Content) -> Result<Tally, MoneyError> {
    let total = Cents::sum(content.items.iter().map(|i| i.amount))?;
    Ok(Tally { count: content.items.len() as u32 + content.unknown, total })
}

fn add(a: Tally, b: Tally) -> Result<Tally, MoneyError> {
    Ok(Tally { count: a.count + b.count, total: a.total.plus(b.total)? })
}

/// Proves a batch: `evidence` is that of every document of it, with the decisions folded in.
pub fn balance(
    batch: &Batch,
    transactions: &[Transaction],
    evidence: &[Evidence],
) -> Result<BalancedBatch, Box<Imbalance>> {
    prove(batch, transactions, evidence).unwrap_or_else(|error| {
        Err(Box::new(Imbalance {
            sentence: error.to_string(),
            declared: batch.declared,
            counted: Tally::default(),
            difference: None,
            count_difference: 0,
            open: Vec::new(),
            explanations: Vec::new(),
        }))
    })
}

fn prove(
    batch: &Batch,
    transactions: &[Transaction],
    evidence: &[Evidence],
) -> Result<Result<BalancedBatch, Box<Imbalance>>, MoneyError> {
    let by_id: BTreeMap<&DocumentId, &Evidence> = evidence.iter().map(|e| (&e.document, e)).collect();
    let mut balanced = BalancedBatch {
        batch: batch.clone(),
        ready: Vec::new(),
        held: Vec::new(),
        rejected: Vec::new(),
        void: Vec::new(),
        proof: Proof {
            declared: batch.declared,
            ready: Tally::default(),
            held: Tally::default(),
            rejected: Tally::default(),
            void: Tally::default(),
            held_by_difference: None,
            notes: Vec::new(),
        },
    };
    let mut faults: Vec<String> = Vec::new();
    let mut open: Vec<TransactionId> = Vec::new();
    let mut open_tally = Tally::default();
    // Of what is not ready: items of unknown amount, pieces that may be checks, checks that may be none.
    let (mut unknown, mut maybe_checks, mut maybe_not) = (0, 0, 0);
    let mut cash = 0;
    for transaction in transactions {
        let content = content(transaction, &by_id);
        let sum = tally(&content)?;
        cash += content.items.iter().filter(|i| i.cash).count() as u32;
        let proof = &mut balanced.proof;
        match transaction.state {
            TransactionState::Clean | TransactionState::Ready | TransactionState::Posted => {
                let applied = Cents::sum(transaction.applications.iter().map(|a| a.amount))?;
                let positive = transaction.applications.iter().all(|a| a.amount.is_positive());
                let sound = content.unknown == 0 && positive && Some(applied) == transaction.received;
                if !sound || applied != sum.total || transaction.is_open_exception() {
                    faults.push(format!("transaction {}: checks {}, applied {applied}", transaction.seq, sum.total));
                    open.push(transaction.id.clone());
                }
                proof.ready = add(proof.ready, sum)?;
                let checks: Vec<Evidence> =
                    content.items.iter().filter_map(|i| by_id.get(&i.document).map(|e| (*e).clone())).collect();
                balanced.ready.push(Ready { transaction: transaction.clone(), items: content.items, checks });
                continue;
            }
            TransactionState::Held => {
                proof.held = add(proof.held, sum)?;
                balanced.held.push(transaction.clone());
            }
            TransactionState::Rejected => {
                proof.rejected = add(proof.rejected, sum)?;
                balanced.rejected.push(transaction.clone());
            }
            TransactionState::Void => {
                proof.void = add(proof.void, sum)?;
                balanced.void.push(transaction.clone());
            }
            TransactionState::Captured | TransactionState::Proposed | TransactionState::Exception => {
                open_tally = add(open_tally, sum)?;
                open.push(transaction.id.clone());
            }
        }
        unknown += content.unknown;
        maybe_checks += content.maybe_checks;
        maybe_not += content.maybe_not;
    }
    let proof = &mut balanced.proof;
    let parts = [proof.ready, proof.held, proof.rejected, proof.void, open_tally];
    let counted = parts.into_iter().try_fold(Tally::default(), add)?;

    let counted_items = if batch.declared.counts_documents {
        evidence.len() as i64
    } else {
        // The tape counts checks; cash of the drawer is not on it.
        i64::from(counted.count) - i64::from(cash)
    };
    let count_difference = batch.declared.count.map_or(0, |c| i64::from(c) - counted_items);
    let cash_total = cash_total(transactions, &by_id)?;
    let counted_checks = counted.total.minus(cash_total)?;
    let difference = match batch.declared.total {
        Some(total) => Some(total.minus(counted_checks)?),
        None => None,
    };

    let mut count_holds = count_difference == 0;
    if count_difference > 0 && !batch.declared.counts_documents && count_difference <= i64::from(maybe_checks) {
        count_holds = true;
        proof.notes.push(format!(
            "{count_difference} of the declared checks can only be among {maybe_checks} pieces set aside or held that nobody could identify"
        ));
    } else if count_difference < 0 && !batch.declared.counts_documents && -count_difference <= i64::from(maybe_not) {
        count_holds = true;
        proof.notes.push(format!(
            "{} items more than declared were taken as checks: among those held, {maybe_not} have no account line",
            -count_difference
        ));
    }
    let mut total_holds = true;
    match difference {
        None => {
            if unknown > 0 {
                proof.notes.push(format!("the amounts of {unknown} items that are not posted are not known"));
            }
            if batch.declared.count.is_none() {
                proof.notes.push("no control totals were given: only the transactions prove themselves".into());
            }
        }
        Some(d) if d.is_zero() && unknown == 0 => {}
        // Unknown amounts (or unidentified pieces) must be worth something: they take the difference if it is positive.
        Some(d) if d.is_positive() && unknown + maybe_checks > 0 => {
            proof.held_by_difference = Some(d);
            proof.held.total = proof.held.total.plus(d)?;
            let count = if unknown > 0 { unknown } else { maybe_checks };
            proof.notes.push(format!(
                "{count} items that are not posted have no known amount: the difference of {d} to the declared total is put to them"
            ));
        }
        Some(_) => total_holds = false,
    }
    if faults.is_empty() && open.is_empty() && count_holds && total_holds {
        // The money boundary, once more: what is ready is what its items are worth.
        let items = Cents::sum(balanced.ready.iter().flat_map(|r| r.items.iter().map(|i| i.amount)))?;
        assert_eq!(items, balanced.proof.ready.total, "the ready part must prove");
        return Ok(Ok(balanced));
    }
    let list = |t: &Transaction| content(t, &by_id).items;
    let suspects = suspects(transactions, list, evidence);
    let explanations =
        explain(batch.declared, difference, if count_holds { 0 } else { count_difference }, unknown, &suspects);
    let mut sentence: Vec<String> = faults;
    let waiting = transactions.iter().filter(|t| open.contains(&t.id)).count();
    if waiting > 0 {
        sentence.push(format!("{waiting} transactions still need a person: decide or hold them"));
    }
    if !count_holds {
        sentence.push(format!(
            "{} were declared, {counted_items} were counted",
            batch.declared.count.map_or_else(|| "no count".into(), |c| c.to_string())
        ));
    }
    if let (false, Some(d), Some(total)) = (total_holds, difference, batch.declared.total) {
        sentence.push(format!("declared {total}, counted {counted_checks}: the difference is {d}"));
    }
    Ok(Err(Box::new(Imbalance {
        sentence: sentence.join("; "),
        declared: batch.declared,
        counted,
        difference,
        count_difference,
        open,
        explanations,
    })))
}

fn cash_total(transactions: &[Transaction], evidence: &BTreeMap<&DocumentId, &Evidence>) -> Result<Cents, MoneyError> {
    let cash = transactions.iter().flat_map(|t| content(t, evidence).items).filter(|i| i.cash).map(|i| i.amount);
    Cents::sum(cash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AccountNumber, Application, BatchId, BatchState, Biller, Control, Origin, ReceiptId, TransactionKind,
    };
    use crate::grouping::{CheckEvidence, StubEvidence};
    use proptest::prelude::*;

    pub(crate) fn cents(text: &str) -> Cents {
        if text.contains('.') { text.parse().unwrap() } else { Cents::new(text.parse().unwrap()) }
    }

    fn document(n: usize, name: &str) -> DocumentId {
        DocumentId::of(&[name.as_bytes(), &n.to_be_bytes()])
    }

    fn check_evidence(id: DocumentId, seq: u32, amount: Option<Cents>) -> Evidence {
        Evidence {
            document: id,
            seq,
            kind: DocumentKind::Check,
            envelope: None,
            check: Some(CheckEvidence {
                routing: Some("061000146".into()),
                accepted: true,
                amount,
                amount_accepted: true,
                ..CheckEvidence::default()
            }),
            stub: None,
            problems: Vec::new(),
            has_front: true,
            has_back: true,
            is_record: false,
            set_aside: None,
        }
    }

    fn batch(declared: Control) -> Batch {
        Batch {
            id: BatchId::of(&[b"b"]),
            receipt: ReceiptId::of(&[b"r"]),
            name: "morning".into(),
            state: BatchState::InReview,
            origin: Origin::Mail,
            date: "2026-11-30".parse().unwrap(),
            operator: None,
            declared,
            balanced_by: None,
            approved_by: None,
        }
    }

    fn payment(
        seq: usize,
        state: TransactionState,
        check: Option<Cents>,
        applied: Option<Cents>,
    ) -> (Transaction, Evidence) {
        let id = document(seq, "check");
        let application = applied.map(|amount| Application {
            biller: Some(Biller("water".into())),
            account: Some(AccountNumber::new("1234567890")),
            bill: Some(format!("W{seq}")),
            amount,
            ledger: "1100".into(),
            rule: "amount-due".into(),
            evidence: String::new(),
        });
        let transaction = Transaction {
            id: TransactionId::of(&[&seq.to_be_bytes()]),
            batch: BatchId::of(&[b"b"]),
            seq: seq as u32,
            kind: TransactionKind::Single,
            state,
            reason: String::new(),
            documents: vec![id.clone()],
            received: check,
            applications: application.into_iter().collect(),
            exceptions: Vec::new(),
            decisions: Vec::new(),
            held_until: None,
            owner: None,
        };
        (transaction, check_evidence(id, seq as u32, check))
    }

    /// `checks` and `applied` in cents, one transaction each: `h` before an amount holds it, `?` is an unknown amount.
    fn check(table: &str) {
        for row in table.lines().map(str::trim).filter(|l| !l.is_empty()).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let total = (cells[0] != "-").then(|| cents(cells[0]));
            let count = (cells[1] != "-").then(|| cells[1].parse().unwrap());
            let mut transactions = Vec::new();
            let mut evidence = Vec::new();
            let applied: Vec<&str> = cells[3].split_whitespace().collect();
            for (i, text) in cells[2].split_whitespace().enumerate() {
                let (state, text) = match text.strip_prefix('h') {
                    Some(rest) => (TransactionState::Held, rest),
                    None if text.starts_with('x') => (TransactionState::Exception, &text[1..]),
                    None => (TransactionState::Clean, text),
                };
                let amount = (text != "?").then(|| cents(text));
                let applied = applied.get(i).filter(|a| **a != "-").map(|a| cents(a));
                let (t, e) = payment(i + 1, state, amount, applied);
                transactions.push(t);
                evidence.push(e);
            }
            let got = match balance(&batch(Control { count, total, counts_documents: false }), &transactions, &evidence)
            {
                Ok(b) => {
                    let p = b.proof();
                    format!("ready {} {} held {} {}", p.ready.count, p.ready.total, p.held.count, p.held.total)
                }
                Err(i) => {
                    let first = i.explanations.first().map_or("-", |e| e.sentence.as_str());
                    format!("{} ~ {first}", i.sentence)
                }
            };
            assert!(got.contains(cells[4]), "{row}\n  got {got}");
        }
    }

    #[test]
    fn batches_prove_or_say_why() {
        check(
            "declared | count | checks | applied | verdict
            300 | 2 | 100 200 | 100 200 | ready 2 3.00 held 0 0.00
            - | - | 100 200 | 100 200 | ready 2 3.00
            300 | 2 | 100 100 | 100 100 | difference is 1.00 ~ an item of 1.00 may be missing; check 1
            300 | 2 | 100 100 | 200 - | transaction 1: checks 1.00, applied 2.00
            300 | 3 | 100 200 | 100 200 | 3 were declared, 2 were counted ~ 1 checks fewer
            300 | 1 | 100 200 | 100 200 | 1 were declared, 2 were counted ~ 1 checks more
            301 | 2 | 100 200 | 100 200 | difference is 0.01
            299 | 2 | 100 200 | 100 200 | difference is -0.01
            300 | 2 | 100 h200 | 100 - | ready 1 1.00 held 1 2.00
            300 | 2 | 100 h? | 100 - | ready 1 1.00 held 1 2.00
            100 | 2 | 100 h? | 100 - | difference is 0.00 ~ the amounts of 1 items are not known
            90 | 2 | 100 h? | 100 - | difference is -0.10
            300 | 2 | 100 x200 | 100 - | 1 transactions still need a person
            9910 | 2 | 5410 5400 | 5410 5400 | two digits may be exchanged: check 1 was taken as 54.10, not 45.10
            5500 | 2 | 5000 50 | 5000 50 | a digit may have slid: check 2 was taken as 0.50, not 5.00
            100 | 3 | 100 200 200 | 100 200 200 | check 2 of 2.00 is half the difference
            200 | 3 | 100 100 300 | 100 100 300 | check 3 of 3.00 may be counted twice
            300 | 2 | 100 200 250 | 100 200 250 | difference is -2.50 ~ check 3 of 2.50 may be counted twice
            550 | 3 | 100 200 | 100 200 | difference is 2.50 ~ 1 checks fewer
            400 | 3 | 100 200 | 100 200 | difference is 1.00 ~ an item of 1.00 may be missing; check 1",
        );
    }

    #[test]
    fn a_held_piece_that_nobody_knows_may_be_the_missing_check() {
        let (t, e) = payment(1, TransactionState::Clean, Some(cents("100")), Some(cents("100")));
        let (mut held, mut unknown) = payment(2, TransactionState::Held, None, None);
        unknown.kind = DocumentKind::Unknown;
        unknown.check = None;
        held.kind = TransactionKind::Other;
        let control = Control { count: Some(2), total: Some(cents("300")), counts_documents: false };
        let b = balance(&batch(control), &[t.clone(), held.clone()], &[e.clone(), unknown.clone()]).unwrap();
        assert_eq!(b.proof().held_by_difference, Some(cents("200")));
        assert_eq!(b.proof().notes.len(), 2);
        unknown.kind = DocumentKind::Stub;
        unknown.stub = Some(StubEvidence { account: Some(AccountNumber::new("1")), ..StubEvidence::default() });
        assert!(balance(&batch(control), &[t, held], &[e, unknown]).is_err());
    }

    #[test]
    fn a_stub_read_as_a_check_is_set_aside() {
        let (t, e) = payment(1, TransactionState::Clean, Some(cents("5400")), Some(cents("5400")));
        let (odd, mut stub) = payment(2, TransactionState::Clean, Some(cents("4500")), Some(cents("4500")));
        let check = stub.check.as_mut().unwrap();
        (check.routing, check.accepted) = (None, false);
        let control = Control { count: Some(1), total: Some(cents("5400")), counts_documents: false };
        let out = balance(&batch(control), &[t, odd.clone()], &[e, stub]).unwrap_err();
        let first = &out.explanations[0];
        assert!(first.sentence.contains("a stub read as a check"), "{:?}", out.explanations);
        assert!(first.mend.starts_with(&format!("batch set-aside {} --document", odd.id)), "{}", first.mend);
    }

    #[test]
    fn what_is_held_leaves_with_its_own_control_total() {
        let rows = [
            payment(1, TransactionState::Clean, Some(cents("100")), Some(cents("100"))),
            payment(2, TransactionState::Held, Some(cents("200")), None),
            payment(3, TransactionState::Held, None, None),
        ];
        let (t, e): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let control =
            |count, total: &str| Control { count: Some(count), total: Some(cents(total)), counts_documents: false };
        let (stays, leaves) = super::super::carry_over(&balance(&batch(control(3, "750")), &t, &e).unwrap()).unwrap();
        assert_eq!((stays, leaves), (control(1, "100"), control(2, "650")));
        let stayed = balance(&batch(stays), &t[..1], &e[..1]).unwrap();
        assert_eq!(stayed.proof().ready.total, cents("100"));
        let left = balance(&batch(leaves), &t[1..], &e[1..]).unwrap();
        assert_eq!(left.proof().held.total, cents("650"));
    }

    #[test]
    fn the_stub_that_closes_the_gap_is_named_first() {
        let (mut t, e) = payment(1, TransactionState::Clean, Some(cents("5400")), Some(cents("5400")));
        let mut stub = check_evidence(document(9, "stub"), 2, None);
        (stub.kind, stub.check) = (DocumentKind::Stub, None);
        stub.stub = Some(StubEvidence {
            account: Some(AccountNumber::new("1")),
            amount_due: Some(cents("4500")),
            ..StubEvidence::default()
        });
        t.documents.push(stub.document.clone());
        let control = Control { count: Some(1), total: Some(cents("4500")), counts_documents: false };
        let out = balance(&batch(control), &[t.clone()], &[e, stub]).unwrap_err();
        assert_eq!(out.difference, Some(cents("-900")));
        assert!(out.explanations[0].sentence.contains("its stub says 45.00"), "{:?}", out.explanations);
        let check = document(1, "check");
        let mend = format!("batch key-amount {} --amount 45.00 --document {check}", t.id);
        assert_eq!(out.explanations[0].mend, mend);
    }

    proptest! {
        #[test]
        fn off_by_a_cent_never_passes(
            amounts in proptest::collection::vec(1i64..10_000_000, 1..40),
            off in prop_oneof![Just(-1i64), Just(1), -5000i64..5000],
            where_off in 0usize..40,
        ) {
            let total: i64 = amounts.iter().sum();
            let build = |hurt: Option<usize>| {
                let rows: Vec<_> = amounts.iter().enumerate().map(|(i, a)| {
                    let applied = if hurt == Some(i) { a + off } else { *a };
                    payment(i + 1, TransactionState::Clean, Some(Cents::new(*a)), Some(Cents::new(applied)))
                }).collect();
                let (t, e): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
                (t, e)
            };
            let control = |total: i64| Control {
                count: Some(amounts.len() as u32), total: Some(Cents::new(total)), counts_documents: false,
            };
            let (t, e) = build(None);
            let good = balance(&batch(control(total)), &t, &e);
            prop_assert!(good.is_ok());
            // The order of the transactions changes no figure.
            let reversed: Vec<_> = t.iter().rev().cloned().collect();
            let again = balance(&batch(control(total)), &reversed, &e).unwrap();
            let good = good.unwrap();
            prop_assert_eq!(good.proof(), again.proof());
            if off != 0 {
                prop_assert!(balance(&batch(control(total + off)), &t, &e).is_err());
                let (hurt, e) = build(Some(where_off % amounts.len()));
                prop_assert!(balance(&batch(control(total)), &hurt, &e).is_err());
            }
        }
    }
}
