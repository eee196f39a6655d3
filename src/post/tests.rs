//! Entries and posting file of a small batch, to the byte.

use super::*;
use crate::balance::{BalancedBatch, balance};
use crate::domain::{
    AccountNumber, Application, Batch, BatchId, BatchState, Biller, Cents, Control, Deposit, DepositId, DepositItem,
    DepositKind, DepositState, DocumentId, DocumentKind, Origin, ReceiptId, Sha256, Transaction, TransactionId,
    TransactionKind, TransactionState,
};
use crate::grouping::{CheckEvidence, Evidence};

fn batch(origin: Origin) -> BalancedBatch {
    let document = DocumentId::of(&[b"check"]);
    let application = |bill: Option<&str>, amount: i64, ledger: &str, rule: &str| Application {
        biller: Some(Biller("water".into())),
        account: Some(AccountNumber::new("1234567890")),
        bill: bill.map(String::from),
        amount: Cents::new(amount),
        ledger: ledger.into(),
        rule: rule.into(),
        evidence: String::new(),
    };
    let transaction = Transaction {
        id: TransactionId::of(&[b"t"]),
        batch: BatchId::of(&[b"b"]),
        seq: 7,
        kind: TransactionKind::Single,
        state: TransactionState::Ready,
        reason: String::new(),
        documents: vec![document.clone()],
        received: Some(Cents::new(10_000)),
        applications: vec![
            application(Some("W1"), 9_000, "1100", "amount-due"),
            application(None, 1_000, "2110", "customer-credit"),
        ],
        exceptions: Vec::new(),
        decisions: Vec::new(),
        held_until: None,
        owner: None,
    };
    let evidence = Evidence {
        document,
        seq: 1,
        kind: DocumentKind::Check,
        envelope: None,
        check: Some(CheckEvidence { amount: Some(Cents::new(10_000)), ..CheckEvidence::default() }),
        stub: None,
        problems: Vec::new(),
        has_front: true,
        has_back: true,
        is_record: false,
        set_aside: None,
    };
    let head = Batch {
        id: BatchId::of(&[b"b"]),
        receipt: ReceiptId::of(&[b"r"]),
        name: "morning".into(),
        state: BatchState::Approved,
        origin,
        date: "2026-11-30".parse().unwrap(),
        operator: None,
        declared: Control { count: Some(1), total: Some(Cents::new(10_000)), counts_documents: false },
        balanced_by: None,
        approved_by: None,
    };
    balance(&head, &[transaction], &[evidence]).unwrap()
}

#[test]
fn an_entry_debits_what_came_and_credits_what_it_pays() {
    for (origin, debit) in [(Origin::Mail, "1020"), (Origin::Lockbox, "1030"), (Origin::BankFile, "1030")] {
        let entries = entries(&batch(origin), &Chart::default()).unwrap();
        let lines: Vec<(String, i64)> =
            entries[0].postings.iter().map(|p| (p.account.clone(), p.amount.get())).collect();
        assert_eq!(lines, [(debit.into(), 10_000), ("1100".into(), -9_000), ("2110".into(), -1_000)]);
        let text = serde_json::to_string(&entries).unwrap();
        assert!(!text.contains("1234567890"), "an account number stands in an entry: {text}");
    }
}

#[test]
fn the_posting_file_proves_itself() {
    let text = billing_csv(&batch(Origin::Mail)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].ends_with(",water,1234567890,W1,payment,90.00,amount-due"), "{}", lines[1]);
    assert!(lines[2].ends_with(",water,1234567890,,credit,10.00,customer-credit"), "{}", lines[2]);
    let before = &text[..text.find("CONTROL").unwrap()];
    assert!(lines[3].ends_with(&format!(",2,100.00,{}", Sha256::of(before.as_bytes()))), "{}", lines[3]);
}

#[test]
fn a_deposit_moves_checks_into_transit() {
    let item = |n: u8, amount: i64| DepositItem {
        document: DocumentId::of(&[&[n]]),
        amount: Cents::new(amount),
        sequence: format!("{n:015}"),
    };
    let deposit = Deposit {
        id: DepositId::of(&[b"p"]),
        date: "2026-11-30".parse().unwrap(),
        kind: DepositKind::Icl,
        profile: "community".into(),
        number: 1,
        state: DepositState::Made,
        claimed_at: "2026-11-30T17:01:00Z".into(),
        count: 2,
        total: Cents::new(300),
        file: None,
        sha256: None,
        items: vec![item(1, 100), item(2, 200)],
    };
    let entry = deposit_entry(&deposit, &Chart::default()).unwrap();
    assert_eq!(entry.proves(), Ok(true));
    let lines: Vec<(&str, i64)> = entry.postings.iter().map(|p| (p.account.as_str(), p.amount.get())).collect();
    assert_eq!(lines, [("1030", 300), ("1020", -100), ("1020", -200)]);
}
