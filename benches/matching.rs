//! Matching against a large book: 100,000 transactions against 1,000,000 open bills, transactions a second on one core,
//! memory for each bill; then the adversary whose ten thousand bills add up in endless ways. One line of JSON each.
//! `cargo bench --bench matching [-- --transactions N --bills N]`.

use std::collections::BTreeMap;
use std::time::Instant;

use remit::domain::{
    AccountNumber, AccountStatus, AmountSource, BankAccount, Bill, Biller, Cents, Day, DocumentId, DocumentKind,
    KnownPayer,
};
use remit::grouping::{CheckEvidence, Evidence, Group, StubEvidence, kind_of};
use remit::matching::{self, BatchDraft, BillBook, Policy, propose_batch, transaction_id};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: usize| {
        let at = words.iter().position(|w| w == name);
        at.and_then(|i| words.get(i + 1)?.parse().ok()).unwrap_or(usual)
    };
    let (transactions, bills) = (number("--transactions", 100_000), number("--bills", 1_000_000));
    let day: Day = match "2026-11-20".parse() {
        Ok(day) => day,
        Err(_) => return,
    };
    large_book(transactions, bills, day);
    adversary(day);
}

fn bill(n: usize, account: usize, due: i64) -> Bill {
    Bill {
        biller: Biller("water".into()),
        bill: format!("W{n:09}"),
        account: AccountNumber::new(format!("{account:010}")),
        name: String::new(),
        address: String::new(),
        city: String::new(),
        state: String::new(),
        zip: String::new(),
        amount_due: Cents::new(due),
        current: Some(Cents::new(due - due / 4)),
        past_due: Some(Cents::new(due / 4)),
        late_amount: Some(Cents::new(due + due / 20)),
        budget_amount: None,
        instalment: None,
        due_date: "2026-11-25".parse().ok(),
        invoice: format!("{n:09}"),
        status: AccountStatus::Active,
        flags: Vec::new(),
        service: None,
        extra: BTreeMap::new(),
        open: true,
        paid: Cents::ZERO,
    }
}

fn due(n: usize) -> i64 {
    2_000 + ((n as i64).wrapping_mul(2_654_435_761)).rem_euclid(40_000)
}

fn piece(seq: usize, kind: DocumentKind) -> Evidence {
    Evidence {
        document: DocumentId::of(&[&seq.to_be_bytes()]),
        seq: seq as u32,
        kind,
        envelope: None,
        check: None,
        stub: None,
        problems: Vec::new(),
        has_front: true,
        has_back: true,
        is_record: false,
        set_aside: None,
    }
}

fn check(seq: usize, amount: i64) -> Evidence {
    let mut e = piece(seq, DocumentKind::Check);
    e.check = Some(CheckEvidence {
        accepted: true,
        routing: Some("061000146".into()),
        routing_valid: Some(true),
        bank_account: Some(BankAccount::new(format!("{:09}", seq * 7))),
        serial: Some(format!("{}", seq % 9000 + 1000)),
        country: Some("US".into()),
        amount: Some(Cents::new(amount)),
        amount_source: Some(AmountSource::Station),
        amount_accepted: true,
        ..CheckEvidence::default()
    });
    e
}

fn stub(seq: usize, account: usize) -> Evidence {
    let mut e = piece(seq, DocumentKind::Stub);
    e.stub = Some(StubEvidence {
        biller: Some(Biller("water".into())),
        account: Some(AccountNumber::new(format!("{account:010}"))),
        accepted: true,
        ..StubEvidence::default()
    });
    e
}

/// Of twenty envelopes: fourteen plain, two late, two short, one of three stubs, one of two checks.
fn large_book(transactions: usize, bills: usize, day: Day) {
    let before = resident();
    let all: Vec<Bill> = (0..bills).map(|n| bill(n, n, due(n))).collect();
    let given = resident();
    let started = Instant::now();
    let book = BillBook::new(all, Vec::new());
    let built = started.elapsed().as_secs_f64();
    let kept = resident();

    let mut evidence = Vec::new();
    let mut groups = Vec::new();
    for t in 0..transactions {
        let account = (t * 7) % bills.saturating_sub(3).max(1);
        let from = evidence.len();
        let seq = from + 1;
        let owed = due(account);
        match t % 20 {
            0 | 1 => evidence.extend([check(seq, owed + owed / 20), stub(seq + 1, account)]),
            2 | 3 => evidence.extend([check(seq, owed / 3), stub(seq + 1, account)]),
            4 => {
                let sum = owed + due(account + 1) + due(account + 2) + due(account + 2) / 20;
                evidence.push(check(seq, sum));
                evidence.extend((0..3).map(|i| stub(seq + 1 + i, account + i)));
            }
            5 => evidence.extend([check(seq, owed - 500), check(seq + 1, 500), stub(seq + 2, account)]),
            _ => evidence.extend([check(seq, owed), stub(seq + 1, account)]),
        }
        let documents: Vec<DocumentId> = evidence[from..].iter().map(|e| e.document.clone()).collect();
        groups.push(Group { documents, kind: kind_of(&evidence[from..]), reason: String::new() });
    }
    let batch = remit::domain::BatchId::of(&[b"bench"]);
    let ids: Vec<_> = groups.iter().map(|g| transaction_id(&batch, &g.documents[0])).collect();
    let none = vec![Vec::new(); groups.len()];
    let draft = BatchDraft { ids: &ids, groups: &groups, evidence: &evidence, decisions: &none, seen: &[] };
    let policy = Policy::default();
    let started = Instant::now();
    let wanted = matching::wanted(&evidence);
    let asked = started.elapsed().as_secs_f64();
    let (started, user) = (Instant::now(), processor_seconds());
    let proposals = propose_batch(&draft, &book, &policy, day);
    let (took, used) = (started.elapsed().as_secs_f64(), processor_seconds() - user);
    let clean = proposals.iter().filter(|p| p.exceptions.is_empty()).count();
    println!(
        "{{\"bench\":\"matching\",\"transactions\":{transactions},\"bills\":{bills},\"accounts_wanted\":{},\"clean\":{clean},\
         \"per_second\":{:.0},\"per_processor_second\":{:.0},\"book_seconds\":{built:.2},\"wanted_seconds\":{asked:.2},\
         \"bill_bytes\":{},\"index_bytes_per_bill\":{}}}",
        wanted.accounts.len(),
        transactions as f64 / took,
        transactions as f64 / used.max(1e-9),
        given.saturating_sub(before) / bills.max(1),
        kept.saturating_sub(given) / bills.max(1),
    );
}

fn adversary(day: Day) {
    type Amount = fn(usize) -> i64;
    let shapes: [(&str, Amount); 4] = [
        ("all equal", |_| 700),
        ("powers of two", |n| 1 << (n % 30)),
        ("even only", |n| 2 + 2 * (n as i64 % 997)),
        ("scattered", |n| 100 + (n as i64 * 7919) % 100_003),
    ];
    for (name, amount) in shapes {
        let all: Vec<Bill> = (0..10_000)
            .map(|n| {
                let mut one = bill(n, 1, amount(n));
                (one.late_amount, one.current, one.past_due) = (None, None, None);
                one
            })
            .collect();
        let total: i64 = all.iter().map(|b| b.amount_due.get()).sum();
        let payer = KnownPayer {
            routing: "061000146".into(),
            bank_account: BankAccount::new("7"),
            biller: Biller("water".into()),
            account: AccountNumber::new(format!("{:010}", 1)),
        };
        let book = BillBook::new(all, vec![payer]);
        let mut worst = 0.0f64;
        for target in [total / 2, total / 2 + 1, total / 3, 1_234_567] {
            let mut one = check(1, target);
            if let Some(check) = &mut one.check {
                check.bank_account = Some(BankAccount::new("7"));
            }
            for papers in [vec![one.clone()], vec![one.clone(), stub(2, 1)]] {
                let draft = matching::Draft {
                    id: remit::domain::TransactionId::of(&[b"t"]),
                    kind: kind_of(&papers),
                    documents: papers.iter().collect(),
                    decisions: &[],
                    repeats: Vec::new(),
                };
                let user = processor_seconds();
                let started = Instant::now();
                let proposal = matching::propose(&draft, &book, &Policy::default(), day);
                worst = worst.max(started.elapsed().as_secs_f64().min((processor_seconds() - user).max(1e-6)));
                assert!(proposal.applications.is_empty() || !proposal.exceptions.is_empty());
            }
        }
        println!("{{\"bench\":\"adversary\",\"shape\":\"{name}\",\"bills\":10000,\"worst_ms\":{:.1}}}", worst * 1000.0);
    }
}

/// Seconds that this process computed (user and system), as the system counts them: a hundredth is the finest.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or("");
    let cells: Vec<&str> = after.split_whitespace().collect();
    let ticks = |i: usize| cells.get(i).and_then(|c| c.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|p| p.parse::<usize>().ok()).unwrap_or(0) * 4096
}
