//! One suite for both databases: what the store promises, asked of SQLite and of Postgres in the same words.

#[path = "site/paid.rs"]
mod paid;
#[path = "site/plans.rs"]
mod plans;
#[cfg(feature = "postgres")]
mod postgres;
mod site;
#[path = "site/stolen.rs"]
mod stolen;

use std::collections::BTreeMap;

use paid::*;
use plans::*;
use remit::domain::*;
use remit::store::*;
use site::*;
use stolen::*;

async fn every_text_is_understood(site: &Site) {
    assert!(site.store.prepare_all().await.unwrap() > 90);
}

async fn users_layouts_and_settings_are_kept(site: &Site) {
    let s = &site.store;
    assert!(!s.add_user(&olga(), &[Role::Operator], &admin()).await.unwrap(), "nothing new");
    assert!(s.add_user(&olga(), &[Role::Cashier], &admin()).await.unwrap());
    assert_eq!(s.user(&olga()).await.unwrap().unwrap().roles, [Role::Operator, Role::Cashier]);
    assert!(s.disable_user(&olga(), &admin()).await.unwrap());
    assert!(!s.disable_user(&olga(), &admin()).await.unwrap());
    assert!(s.user(&olga()).await.unwrap().unwrap().disabled);
    assert!(matches!(s.disable_user(&UserName("x".into()), &admin()).await, Err(StoreError::NotFound { .. })));
    let names: Vec<String> = s.users().await.unwrap().into_iter().map(|u| u.name.0).collect();
    assert_eq!(names, ["olga", "sven"]);
    for (text, version) in [("a", 1), ("a", 1), ("b", 2), ("a", 3)] {
        assert_eq!(s.save_layout("stubs", text, &admin()).await.unwrap(), version);
    }
    let layouts = s.layouts().await.unwrap();
    assert_eq!((layouts.len(), layouts[0].toml.as_str(), layouts[0].version), (1, "a", 3));
    assert_eq!(s.setting("policy").await.unwrap(), None);
    s.save_setting("policy", "late = 3", &admin()).await.unwrap();
    s.save_setting("policy", "late = 4", &admin()).await.unwrap();
    assert_eq!(s.setting("policy").await.unwrap().as_deref(), Some("late = 4"));
    site.holds().await;
}

async fn a_bill_file_is_an_update_or_the_whole_list(site: &Site) {
    let report = |added, changed, closed, unchanged| ImportReport { added, changed, closed, unchanged };
    let list = |numbers: &[u32]| numbers.iter().map(|n| bill(*n)).collect::<Vec<_>>();
    let mut dearer = list(&[1]);
    dearer[0].amount_due = cents(77);
    assert_eq!(site.store.bills_file_date().await.unwrap(), None);
    let steps: [(Vec<Bill>, bool, bool, Option<ImportReport>); 8] = [
        (list(&[1, 2, 3, 4]), false, false, Some(report(4, 0, 0, 0))),
        (list(&[1, 2, 3, 4]), false, false, Some(report(0, 0, 0, 4))),
        (dearer.clone(), false, false, Some(report(0, 1, 0, 0))),
        (list(&[5]), false, false, Some(report(1, 0, 0, 0))),
        (list(&[2, 3, 4, 5]), true, false, Some(report(0, 0, 1, 4))),
        (list(&[2]), true, false, None),
        (list(&[2]), true, true, Some(report(0, 0, 3, 1))),
        (list(&[2, 3]), true, false, Some(report(0, 1, 0, 1))),
    ];
    for (place, (bills, full, force, want)) in steps.into_iter().enumerate() {
        let date = Day::new(2026, 11, place as i8 + 1).unwrap();
        match (site.store.import_bills(&bills, date, full, force, &olga()).await, want) {
            (Ok(got), Some(want)) => assert_eq!(got, want, "step {place}"),
            (Err(StoreError::ClosesTooMuch { closing: 3, open: 4 }), None) => {}
            (got, want) => panic!("step {place}: {got:?}, wanted {want:?}"),
        }
    }
    assert_eq!(site.store.bills_file_date().await.unwrap(), Some(day("2026-11-08")));
    let account = |n: u32| AccountNumber::new(format!("A{n}"));
    let of = |biller: Option<&str>, n| (biller.map(|b| Biller(b.into())), account(n));
    let found = site.store.bills_for(&[of(None, 2), of(Some("power"), 3), of(Some("gas"), 4)]).await.unwrap();
    let numbers: Vec<&str> = found.iter().map(|b| b.bill.as_str()).collect();
    assert_eq!(numbers, ["B2", "B3"]);
    assert_eq!(found[0], bill(2));
    let found = site.store.bills_for_invoices(&["I2".into(), "B2".into(), "B3".into()]).await.unwrap();
    assert_eq!(found.len(), 2, "found by invoice or by number, each once");
    let first = site.store.bills_for(&[of(None, 1)]).await.unwrap().remove(0);
    assert_eq!((first.amount_due, first.open), (cents(77), false));
}

async fn payers_are_found_by_digits(site: &Site) {
    let payer = |routing: &str, bank: &str, account: &str| KnownPayer {
        routing: routing.into(),
        bank_account: BankAccount::new(bank),
        biller: Biller("power".into()),
        account: AccountNumber::new(account),
    };
    let payers =
        [payer("061000146", "00-123 45", "A1"), payer("061000146", "12345", "A2"), payer("12345-678", "9", "A3")];
    let report = site.store.import_payers(&payers, &olga()).await.unwrap();
    assert_eq!((report.added, report.unchanged), (3, 0));
    assert_eq!(site.store.import_payers(&payers, &olga()).await.unwrap().unchanged, 3);
    for (routing, bank, accounts) in [
        ("061000146", "0012345", vec!["A1", "A2"]),
        ("12345678", "9", vec!["A3"]),
        ("061000147", "12345", vec![]),
        ("061000146", "123456", vec![]),
    ] {
        let found = site.store.payers_of(&[(routing.into(), BankAccount::new(bank))]).await.unwrap();
        let mut got: Vec<&str> = found.iter().map(|p| p.account.reveal()).collect();
        got.sort();
        assert_eq!(got, accounts, "{routing} {bank}");
    }
}

async fn images_are_kept_under_their_hash(site: &Site) {
    let bytes = |n: usize| vec![n as u8; 1000 + n];
    let blobs: Vec<_> = (0..50).map(|n| (Sha256::of(&bytes(n)), bytes(n))).collect();
    let hashes: Vec<Sha256> = blobs.iter().map(|b| b.0).collect();
    // What killed processes of this host left goes; another host's may still be written.
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let here: String = here.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let part = |host: &str| site.folder.path().join(format!("images/x.0.{host}.2147483646.part"));
    std::fs::write(part(&here), "half").unwrap();
    std::fs::write(part("elsewhere"), "half").unwrap();
    site.store.put_blobs(blobs.clone()).await.unwrap();
    site.store.put_blobs(blobs.iter().rev().cloned().collect()).await.unwrap();
    assert_eq!((part(&here).exists(), part("elsewhere").exists()), (here.is_empty(), true));
    std::fs::remove_file(part("elsewhere")).unwrap();
    let packs = || std::fs::read_dir(site.folder.path().join("images")).unwrap().flatten().collect::<Vec<_>>();
    assert_eq!(packs().len(), 1, "what is there is not written again");
    assert_eq!(site.store.blobs(&hashes).await.unwrap(), blobs.iter().map(|b| b.1.clone()).collect::<Vec<_>>());
    assert!(matches!(site.store.blob(Sha256::of(b"no")).await, Err(StoreError::NoBlob { .. })));
    assert!(site.store.put_blobs(vec![(Sha256::of(b"a"), b"b".to_vec())]).await.is_err(), "a wrong name is refused");
    // S12: a sealed key that is moved to another object's row opens nothing.
    site.tamper("update object_keys set sealed = (select sealed from object_keys order by hash limit 1)")
        .await
        .unwrap();
    let opened = [site.store.blob(hashes[0]).await, site.store.blob(hashes[1]).await];
    assert!(opened.iter().any(Result::is_err), "an exchanged key opens an object");
    site.tamper("delete from object_keys; delete from blobs; delete from seals where name in ('blobs', 'object_keys')")
        .await
        .unwrap();
    std::fs::remove_file(packs()[0].path()).unwrap();
    site.store.put_blobs(blobs.clone()).await.unwrap();
    site.tamper("delete from blobs; delete from seals where name = 'blobs'").await.unwrap();
    site.store.put_blobs(blobs.clone()).await.unwrap();
    assert_eq!(packs().len(), 1, "a pack's name comes from its content");
    // A cosmic ray: only the blob that it hit is lost, and it is named.
    let path = packs()[0].path();
    let mut pack = std::fs::read(&path).unwrap();
    pack[100] ^= 1;
    std::fs::write(&path, &pack).unwrap();
    let (_, found) = site.store.verify(true).await.unwrap();
    assert_eq!(found.iter().map(|f| f.invariant).collect::<Vec<_>>(), ["I13"]);
    std::fs::write(&path, &pack[..pack.len() / 2]).unwrap();
    assert!(site.store.verify(true).await.unwrap().1.len() > 20);
}

async fn the_same_thing_twice_changes_nothing(site: &Site) {
    let s = &site.store;
    let batch = taken(site, "monday", 10).await;
    assert_eq!(s.documents(&batch).await.unwrap(), documents("monday", &batch, 10));
    assert_eq!(
        s.take_in(intake("monday", 10), &olga()).await.unwrap(),
        Taken::Already { batches: vec![batch.clone()] }
    );
    assert_eq!(s.taken(Sha256::of(b"monday")).await.unwrap(), Some(vec![batch.clone()]));
    assert_eq!(s.taken(Sha256::of(b"tuesday")).await.unwrap(), None);
    for count in [10, 4] {
        let mut again = intake("renamed", count);
        let id = again.batches[0].0.id.clone();
        again.batches[0].1 = documents("monday", &id, count);
        assert_eq!(s.take_in(again, &olga()).await.unwrap(), Taken::Already { batches: vec![batch.clone()] });
    }
    // Half of it new.
    store_images(s, "tuesday", 4).await;
    let mut mixed = intake("tuesday", 4);
    let id = mixed.batches[0].0.id.clone();
    mixed.batches[0].1.extend(documents("monday", &id, 2));
    match s.take_in(mixed, &olga()).await.unwrap() {
        Taken::Partly { batches, held } => {
            assert_eq!(batches, std::slice::from_ref(&id));
            assert_eq!(
                held.iter().map(|h| (h.seq, h.batch.clone())).collect::<Vec<_>>(),
                [(1, batch.clone()), (2, batch.clone())]
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(s.documents(&id).await.unwrap().len(), 4);
    assert_eq!(s.batches().await.unwrap().len(), 2);
    // The same content in other bytes.
    let file = |seed: &str| {
        let mut file = intake(seed, 2);
        file.receipt.fingerprint = Some(Sha256::of(b"totals"));
        file.batches[0].1.iter_mut().for_each(|d| d.images.clear());
        file
    };
    assert!(matches!(s.take_in(file("ascii.x9"), &olga()).await.unwrap(), Taken::New { .. }));
    assert!(
        matches!(s.take_in(file("ebcdic.x9"), &olga()).await.unwrap(), Taken::Suspect { name, .. } if name == "ascii.x9/index.csv")
    );
    // The same image twice in one source is two documents; an image that is not stored is refused whole.
    let mut twice = intake("twice", 2);
    store_images(s, "twice", 1).await;
    twice.batches[0].1[1].images = twice.batches[0].1[0].images.clone();
    assert!(matches!(s.take_in(twice.clone(), &olga()).await.unwrap(), Taken::New { .. }));
    let front = twice.batches[0].1[0].images[0].hash;
    assert_eq!(s.documents_with_front(&[front]).await.unwrap().len(), 2);
    assert!(matches!(s.take_in(intake("absent", 2), &olga()).await, Err(StoreError::NoBlob { .. })));
    assert_eq!(s.taken(Sha256::of(b"absent")).await.unwrap(), None, "nothing half-done stays");
    let found = s.document(&twice.batches[0].1[1].id.as_str()[..9]).await.unwrap();
    assert_eq!(found.id, twice.batches[0].1[1].id);
    assert!(matches!(s.document("d").await, Err(StoreError::Ambiguous { .. })));
    site.holds().await;
}

async fn a_job_belongs_to_its_newest_claim(site: &Site) {
    let s = &site.store;
    let batch = taken(site, "jobs", 10).await;
    let first = claim(site, "elsewhere/1/a", 1000).await;
    assert_eq!(first.iter().map(|j| j.documents.len()).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(claim(site, "elsewhere/2/b", 1059).await, [], "leased");
    let second = claim(site, "elsewhere/2/b", 1061).await;
    assert_eq!(second.len(), 3, "the leases ran out");
    let read = |job: &Job| job.documents.iter().map(|d| (d.id.clone(), reading(d))).collect::<Vec<_>>();
    assert!(matches!(s.save_readings(&first[0], &read(&first[0])).await, Err(StoreError::StaleLease { .. })));
    assert!(s.readings(&batch).await.unwrap().is_empty());
    s.save_readings(&second[0], &read(&second[0])).await.unwrap();
    assert!(matches!(s.save_readings(&second[0], &read(&second[0])).await, Err(StoreError::StaleLease { .. })));
    assert!(s.save_readings(&second[1], &read(&second[2])).await.is_err(), "documents of another job");
    assert_eq!(s.jobs_left(Some(&batch)).await.unwrap(), JobsLeft { ready: 0, leased: 2, failed: 0 });
    s.fail(&second[1], "disk").await.unwrap();
    for attempt in 3..=5 {
        let job = claim(site, "elsewhere/2/b", 1061).await.remove(0);
        assert_eq!(job.attempts, attempt);
        s.fail(&job, "disk").await.unwrap();
    }
    assert_eq!(s.jobs_left(None).await.unwrap(), JobsLeft { ready: 0, leased: 1, failed: 1 });
    assert_eq!(s.retry_jobs().await.unwrap(), 1);
    // A process of this host that is gone holds nothing.
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let gone = claim(site, &format!("{}/2147483646/x", here.trim()), 1061).await;
    assert_eq!(gone.len(), 1);
    let own = s.claim(&Worker::this_process().unwrap(), 1062, 60, 10, None).await.unwrap();
    assert_eq!(own.len(), if here.is_empty() { 0 } else { 1 });
    // The last two at the same time: one of them makes the match job.
    let (a, b) = (own[0].clone(), second[2].clone());
    let (store_a, store_b) = (s.clone(), s.clone());
    let (read_a, read_b) = (read(&a), read(&b));
    let (x, y) = tokio::join!(
        tokio::spawn(async move { store_a.save_readings(&a, &read_a).await }),
        tokio::spawn(async move { store_b.save_readings(&b, &read_b).await })
    );
    x.unwrap().unwrap();
    y.unwrap().unwrap();
    assert_eq!(s.batch(batch.as_str()).await.unwrap().state, BatchState::Decoded);
    let jobs = claim(site, "elsewhere/1/a", 2000).await;
    assert_eq!(jobs.iter().map(|j| j.kind).collect::<Vec<_>>(), [JobKind::Match]);
    let readings = s.readings(&batch).await.unwrap();
    assert_eq!((readings.len(), readings.values().map(Vec::len).sum::<usize>()), (10, 10));
    // A transaction for every document, or nothing is saved.
    let documents = s.documents(&batch).await.unwrap();
    let mut lost = matched(&documents, None);
    lost.transactions.pop();
    assert!(matches!(s.save_match(&jobs[0], &lost).await, Err(StoreError::OutOfBalance { .. })));
    let mut doubled = matched(&documents, None);
    doubled.transactions[1].documents.push(documents[0].id.clone());
    assert!(matches!(s.save_match(&jobs[0], &doubled).await, Err(StoreError::OutOfBalance { .. })));
    s.save_match(&jobs[0], &matched(&documents, Some(2))).await.unwrap();
    assert!(matches!(s.save_match(&jobs[0], &matched(&documents, None)).await, Err(StoreError::StaleLease { .. })));
    assert_eq!(s.transactions(&batch).await.unwrap(), matched(&documents, Some(2)).transactions);
    assert_eq!(s.jobs_left(None).await.unwrap(), JobsLeft::default());
    site.holds().await;
}

async fn a_decision_is_saved_once_and_stands(site: &Site) {
    let s = &site.store;
    let batch = in_review(site, "decide", 6, Some(2)).await;
    let queue = s.exceptions(true).await.unwrap();
    assert_eq!((queue.len(), queue[0].exception.code), (1, Reason::AmountUnknown));
    assert_eq!(s.exception(&queue[0].exception.id.as_str()[..10]).await.unwrap(), queue[0]);
    assert!(matches!(s.balance(&batch, true, None, &olga()).await, Err(StoreError::OutOfBalance { .. })));
    let before = s.transaction(queue[0].transaction.as_ref().unwrap().as_str()).await.unwrap();
    let decision = Decision {
        name: "key-micr".into(),
        fields: BTreeMap::from([("text".to_string(), format!("A061000146A {CANARY}C"))]),
        by: olga(),
        at: "2026-11-28T12:00:00Z".into(),
    };
    let mut after = before.clone();
    after.state = TransactionState::Ready;
    after.exceptions[0].decision = Some(decision.clone());
    after.decisions.push(decision.clone());
    let decided = Decided {
        batch: batch.clone(),
        before: vec![before.clone()],
        after: vec![after.clone()],
        batch_exceptions: None,
        checks: vec![],
        verdicts: vec![],
        notices: vec![],
        rescan: None,
        what: "key-micr".into(),
    };
    type Spoil = fn(&mut Decided);
    let spoiled: [(&str, Spoil); 6] = [
        ("a document lost", |d| drop(d.after[0].documents.pop())),
        ("a document doubled", |d| d.after[0].documents.extend(d.before[0].documents.first().cloned())),
        ("signed by another", |d| d.after[0].decisions[0].by = sven()),
        ("posted", |d| d.after[0].state = TransactionState::Posted),
        ("something else was loaded", |d| d.before[0].reason.push('x')),
        ("another batch", |d| d.after[0].batch = BatchId::of(&[b"x"])),
    ];
    for (name, spoil) in spoiled {
        let mut wrong = decided.clone();
        spoil(&mut wrong);
        assert!(s.save_decision(&wrong, &olga()).await.is_err(), "{name}");
    }
    assert!(s.save_decision(&decided, &UserName("eve".into())).await.is_err());
    assert_eq!(s.transaction(before.id.as_str()).await.unwrap(), before, "nothing was saved");
    s.save_decision(&decided, &olga()).await.unwrap();
    assert_eq!(s.transaction(before.id.as_str()).await.unwrap(), after);
    assert!(matches!(s.save_decision(&decided, &olga()).await, Err(StoreError::Conflict { .. })), "once");
    let mut back = Decided { before: vec![after.clone()], after: vec![before.clone()], ..decided.clone() };
    assert!(s.save_decision(&back, &olga()).await.is_err(), "a decision is not taken back");
    back.after[0].decisions = after.decisions.clone();
    assert!(matches!(s.save_decision(&back, &olga()).await, Err(StoreError::Conflict { .. })), "nor undecided");
    // A decision after balancing takes the batch back to review.
    assert_eq!(s.balance(&batch, true, None, &olga()).await.unwrap(), Done::Now);
    assert_eq!(s.balance(&batch, true, None, &sven()).await.unwrap(), Done::Already);
    let mut held = after.clone();
    held.state = TransactionState::Held;
    held.owner = Some("olga".into());
    let hold = Decided { before: vec![after], after: vec![held], what: "hold".into(), ..decided };
    s.save_decision(&hold, &olga()).await.unwrap();
    let now = s.batch(batch.as_str()).await.unwrap();
    assert_eq!((now.state, now.balanced_by), (BatchState::InReview, None));
    s.disable_user(&olga(), &admin()).await.unwrap();
    assert!(matches!(s.balance(&batch, true, None, &olga()).await, Err(StoreError::NotAllowed { .. })));
    site.holds().await;
}

async fn from_envelope_to_bank_each_step_once(site: &Site) {
    let s = &site.store;
    let batch = in_review(site, "whole", 8, None).await;
    let transactions = s.transactions(&batch).await.unwrap();
    let drafts = drafts(&transactions);
    assert!(matches!(s.approve(&batch, &Controls::default(), &sven()).await, Err(StoreError::WrongState { .. })));
    assert!(matches!(s.post_batch(&batch, &drafts, &sven()).await, Err(StoreError::WrongState { .. })));
    assert_eq!(s.balance(&batch, true, None, &olga()).await.unwrap(), Done::Now);
    assert!(
        matches!(s.approve(&batch, &Controls::default(), &olga()).await, Err(StoreError::NotAllowed { .. })),
        "not one's own"
    );
    for want in [Done::Now, Done::Already] {
        assert_eq!(s.approve(&batch, &Controls::default(), &sven()).await.unwrap().done, want);
    }
    type Spoil = fn(&mut Vec<EntryDraft>);
    let spoiled: [(&str, Spoil); 5] = [
        ("one missing", |d| drop(d.pop())),
        ("one twice", |d| d.push(d[0].clone())),
        ("a cent more", |d| {
            d[0].postings[0].amount = cents(1003);
            d[0].postings[1].amount = cents(-1003);
        }),
        ("does not sum to zero", |d| d[0].postings[1].amount = cents(-1)),
        ("another batch", |d| d[0].batch = None),
    ];
    for (name, spoil) in spoiled {
        let mut wrong = drafts.clone();
        spoil(&mut wrong);
        assert!(matches!(s.post_batch(&batch, &wrong, &sven()).await, Err(StoreError::OutOfBalance { .. })), "{name}");
    }
    let posted = s.post_batch(&batch, &drafts, &sven()).await.unwrap();
    assert_eq!(posted, Posted { done: Done::Now, first: 1, last: 4 });
    assert_eq!(s.post_batch(&batch, &drafts, &sven()).await.unwrap(), Posted { done: Done::Already, ..posted });
    assert!(matches!(s.void_batch(&batch, "", &sven()).await, Err(StoreError::WrongState { .. })));
    let entries = s.entries(0, 100).await.unwrap();
    assert_eq!(entries.iter().map(|e| e.draft.clone()).collect::<Vec<_>>(), drafts);
    assert_eq!(s.entries(1, 2).await.unwrap(), entries[1..3]);
    assert_eq!(s.entries_of_batch(&batch).await.unwrap(), entries);
    assert_eq!(s.bills_for_invoices(&["B1".into()]).await.unwrap()[0].paid, amount(2));
    assert!(s.transactions(&batch).await.unwrap().iter().all(|t| t.state == TransactionState::Posted));

    let open = s.undeposited().await.unwrap();
    let total = Cents::sum(open.iter().map(|o| o.amount)).unwrap();
    assert_eq!((open.len(), total), (4, cents(4020)));
    let mut wrong = new_deposit(&open);
    wrong.items[0].amount = cents(1);
    assert!(matches!(s.reserve_deposit(&wrong, &sven()).await, Err(StoreError::OutOfBalance { .. })));
    assert!(s.reserve_deposit(&new_deposit(&[]), &sven()).await.is_err());
    let deposit = s.reserve_deposit(&new_deposit(&open), &sven()).await.unwrap();
    assert_eq!((deposit.number, deposit.total, deposit.state), (1, total, DepositState::Reserved));
    assert_eq!(s.undeposited().await.unwrap(), []);
    assert!(s.reserve_deposit(&new_deposit(&open), &sven()).await.is_err(), "claimed");
    site.holds().await;
    let moves = move_drafts(&deposit, "1020", "1030");
    assert!(s.deposit_acknowledged(&deposit.id, &moves, "", &sven()).await.is_err(), "not made yet");
    let half = Deposit { items: deposit.items[..2].to_vec(), total: cents(2006), ..deposit.clone() };
    let half = move_drafts(&half, "1020", "1030");
    assert!(s.deposit_made(&deposit.id, "f", Sha256::of(b"f"), &half, &sven()).await.is_err());
    for want in [Done::Now, Done::Already] {
        assert_eq!(s.deposit_made(&deposit.id, "f", Sha256::of(b"f"), &moves, &sven()).await.unwrap(), want);
    }
    assert_eq!(s.batch("whole").await.unwrap().state, BatchState::Deposited);
    let bank = move_drafts(&deposit, "1030", "1040");
    for want in [Done::Now, Done::Already] {
        assert_eq!(s.deposit_acknowledged(&deposit.id, &bank, "", &sven()).await.unwrap(), want);
    }
    let stored = s.deposit(&deposit.id.as_str()[..8]).await.unwrap();
    assert_eq!((stored.state, stored.file.as_deref()), (DepositState::Acknowledged, Some("f")));
    assert_eq!(stored.items, deposit.items);
    let balances: Vec<(String, i64)> =
        s.balances().await.unwrap().into_iter().map(|b| (b.account, b.balance.get())).collect();
    let want = [("1020", 0), ("1030", 0), ("1040", 4020), ("1100", -4020)].map(|(a, n)| (a.to_string(), n));
    assert_eq!(balances, want);
    let trail: Vec<String> = s.audit(0, 1000).await.unwrap().into_iter().map(|r| r.what).collect();
    let want = ["take-in", "decode", "match", "balance", "approve", "post", "reserve", "make", "acknowledge"];
    assert_eq!(
        trail.iter().filter(|w| want.contains(&w.as_str())).collect::<Vec<_>>(),
        want.iter().collect::<Vec<_>>()
    );
    let summary = s.batches().await.unwrap().remove(0);
    assert_eq!((summary.documents, summary.transactions, summary.open_exceptions, summary.received), (8, 4, 0, total));
    site.holds().await;
}

/// Nobody approves what they balanced, whatever their roles; a large batch needs two who decided nothing in it.
async fn as_many_people_agree_as_the_amount_asks_for(site: &Site) {
    let s = &site.store;
    let person = |name: &str| UserName(name.into());
    for (name, role) in [("olga", Role::Approve), ("vera", Role::Approver), ("kim", Role::Key), ("root", Role::Admin)] {
        s.add_user(&person(name), &[role], &admin()).await.unwrap();
    }
    let tier = |from: i64, approvals, hands_on| Tier { from: cents(from), approvals, hands_on };
    let controls = Controls { tiers: vec![tier(0, 1, true), tier(2006, 2, false)], separate_release_from: None };
    let small = in_review(site, "small", 2, None).await;
    let large = in_review(site, "large", 4, None).await;
    for batch in [&small, &large] {
        assert!(s.balance(batch, true, None, &person("kim")).await.is_err(), "keying is not balancing");
        s.balance(batch, true, None, &olga()).await.unwrap();
        for wrong in ["olga", "kim", "root", "nobody"] {
            let refused = s.approve(batch, &controls, &person(wrong)).await;
            assert!(matches!(refused, Err(StoreError::NotAllowed { .. })), "{wrong}: {refused:?}");
        }
    }
    let given = |done, given, needed| Approval { done, given, needed };
    assert_eq!(s.approve(&small, &controls, &sven()).await.unwrap(), given(Done::Now, 1, 1));
    assert_eq!(s.approve(&large, &controls, &sven()).await.unwrap(), given(Done::Now, 1, 2));
    assert_eq!(s.approve(&large, &controls, &sven()).await.unwrap(), given(Done::Already, 1, 2), "the same person");
    assert_eq!(s.batch("large").await.unwrap().state, BatchState::Balanced);
    let first = drafts(&s.transactions(&large).await.unwrap());
    assert!(s.post_batch(&large, &first, &sven()).await.is_err(), "half approved");
    assert_eq!(s.approve(&large, &controls, &person("vera")).await.unwrap(), given(Done::Now, 2, 2));
    assert_eq!(s.batch("large").await.unwrap().state, BatchState::Approved);
    s.post_batch(&large, &first, &sven()).await.unwrap();
    let checks: Vec<DocumentId> = s.documents(&large).await.unwrap().into_iter().map(|d| d.id).collect();
    for (name, approved) in [("sven", true), ("vera", true), ("olga", false)] {
        assert_eq!(s.approved_any(&checks, &person(name)).await.unwrap(), approved, "{name}");
    }
    // Past the store, by somebody with a database shell: the database itself refuses.
    for sql in [
        "update batches set approved_by = 'olga' where balanced_by = 'olga'",
        "insert into approvals (site, batch, by_user, at) select site, id, 'olga', '' from batches",
    ] {
        assert!(site.tamper(sql).await.is_err(), "{sql}");
    }
    // Rights are given by an administrator, and never to oneself.
    for (by, to) in [("root", "root"), ("olga", "kim"), ("sven", "sven")] {
        let refused = s.add_user(&person(to), &[Role::Release], &person(by)).await;
        assert!(matches!(refused, Err(StoreError::NotAllowed { .. })), "{by} to {to}");
        assert!(s.disable_user(&person(to), &person(by)).await.is_err(), "{by} disables {to}");
    }
    assert!(s.add_user(&person("kim"), &[Role::Match], &person("root")).await.unwrap());
    site.holds().await;
}

async fn a_check_is_deposited_once_over_all_batches(site: &Site) {
    let s = &site.store;
    posted(site, "first", 4).await;
    deposited(site).await;
    // Scanned again: other bytes, the same account lines and amounts.
    let again = in_review(site, "again", 4, Some(1)).await;
    let documents = s.documents(&again).await.unwrap();
    let keys = [key_of(&documents[1]), CheckKey { amount: None, ..key_of(&documents[3]) }];
    let like = s.checks_like(&keys, None, 9).await.unwrap();
    assert_eq!(
        like.iter().map(|l| l.iter().map(|c| c.same_amount).collect::<Vec<_>>()).collect::<Vec<_>>(),
        [[true, true], [false, false]]
    );
    assert!(
        s.checks_like(&[CheckKey { serial: "77".into(), ..key_of(&documents[1]) }], None, 9).await.unwrap()[0]
            .is_empty()
    );
    for (not_of, most, found) in [(None, 1, 1), (Some(&again), 9, 1), (Some(&again), 0, 0)] {
        let like = s.checks_like(&[key_of(&documents[1])], not_of, most).await.unwrap();
        assert_eq!(like[0].len(), found, "{not_of:?} {most}");
    }
    // Of the first a person says that it is another check.
    let before = s.transactions(&again).await.unwrap().remove(0);
    let mut after = before.clone();
    let decision =
        Decision { name: "distinct".into(), fields: BTreeMap::new(), by: olga(), at: "2026-11-28T12:00:00Z".into() };
    after.exceptions[0].decision = Some(decision.clone());
    after.decisions.push(decision);
    after.state = TransactionState::Ready;
    let decided = Decided {
        batch: again.clone(),
        before: vec![before],
        after: vec![after],
        batch_exceptions: None,
        checks: vec![],
        verdicts: vec![],
        notices: vec![],
        rescan: None,
        what: "distinct".into(),
    };
    s.save_decision(&decided, &olga()).await.unwrap();
    s.balance(&again, true, None, &olga()).await.unwrap();
    s.approve(&again, &Controls::default(), &sven()).await.unwrap();
    s.post_batch(&again, &drafts(&s.transactions(&again).await.unwrap()), &sven()).await.unwrap();
    let open = s.undeposited().await.unwrap();
    assert_eq!(open.iter().map(|o| o.twin.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(matches!(s.reserve_deposit(&new_deposit(&open), &sven()).await, Err(StoreError::Exists { .. })));
    let deposit = s.reserve_deposit(&new_deposit(&open[..1]), &sven()).await.unwrap();
    assert_eq!(deposit.number, 2);
    site.holds().await;
}

async fn at_the_same_time_only_one_does_it(site: &Site) {
    let s = &site.store;
    store_images(s, "race", 8).await;
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = s.clone();
        takers.spawn(async move { store.take_in(intake("race", 8), &olga()).await });
    }
    let taken = takers.join_all().await;
    let new = taken.iter().filter(|t| matches!(t, Ok(Taken::New { .. }))).count();
    let already = taken.iter().filter(|t| matches!(t, Ok(Taken::Already { .. }))).count();
    assert_eq!((new, already), (1, 7), "{taken:?}");
    let bills: Vec<Bill> = (1..=4).map(bill).collect();
    s.import_bills(&bills, day("2026-11-27"), false, false, &olga()).await.unwrap();
    let batch = s.batch("race").await.unwrap().id;
    // Sixteen workers on its jobs, each of which is done once.
    let documents = s.documents(&batch).await.unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (store, documents) = (s.clone(), documents.clone());
        workers.spawn(async move {
            let (own, mut done) = (worker(&format!("elsewhere/{n}/w")), 0);
            for _ in 0..400 {
                let Some(job) = store.claim(&own, 1000, 60, 1, None).await.unwrap().pop() else {
                    if store.jobs_left(None).await.unwrap() == JobsLeft::default() {
                        break;
                    }
                    tokio::task::yield_now().await;
                    continue;
                };
                match job.kind {
                    JobKind::Decode => {
                        let read: Vec<_> = job.documents.iter().map(|d| (d.id.clone(), reading(d))).collect();
                        store.save_readings(&job, &read).await.unwrap();
                    }
                    JobKind::Match => store.save_match(&job, &matched(&documents, None)).await.unwrap(),
                }
                done += 1;
            }
            done
        });
    }
    assert_eq!(workers.join_all().await.iter().sum::<i32>(), 3, "two parts of it and its matching");
    s.balance(&batch, true, None, &olga()).await.unwrap();
    s.approve(&batch, &Controls::default(), &sven()).await.unwrap();
    let drafts = drafts(&s.transactions(&batch).await.unwrap());
    let mut posters = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, batch, drafts) = (s.clone(), batch.clone(), drafts.clone());
        posters.spawn(async move { store.post_batch(&batch, &drafts, &sven()).await.unwrap().done });
    }
    assert_eq!(posters.join_all().await.iter().filter(|d| **d == Done::Now).count(), 1);
    let new = new_deposit(&s.undeposited().await.unwrap());
    let mut depositors = tokio::task::JoinSet::new();
    for kind in [DepositKind::Icl, DepositKind::Arc, DepositKind::Icl, DepositKind::Paper] {
        let (store, new) = (s.clone(), NewDeposit { kind, ..new.clone() });
        depositors.spawn(async move { store.reserve_deposit(&new, &sven()).await.is_ok() });
    }
    assert_eq!(depositors.join_all().await.iter().filter(|ok| **ok).count(), 1);
    assert_eq!(s.entries(0, 100).await.unwrap().len(), 4);
    site.holds().await;
}

async fn a_void_batch_counts_for_nothing(site: &Site) {
    let s = &site.store;
    let batch = in_review(site, "void", 4, None).await;
    assert_eq!(s.void_batch(&batch, "wrong tray", &olga()).await.unwrap(), Done::Now);
    assert_eq!(s.void_batch(&batch, "wrong tray", &olga()).await.unwrap(), Done::Already);
    assert!(s.exceptions(true).await.unwrap().is_empty());
    let documents = s.documents(&batch).await.unwrap();
    assert!(s.checks_like(&[key_of(&documents[1])], None, 9).await.unwrap()[0].is_empty());
    let mut again = intake("void again", 4);
    let images: Vec<_> = documents.into_iter().map(|d| d.images).collect();
    again.batches[0].1.iter_mut().zip(images).for_each(|(d, images)| d.images = images);
    assert!(matches!(s.take_in(again, &olga()).await.unwrap(), Taken::New { .. }), "the same paper may be taken again");
    site.holds().await;
}

async fn history_is_only_added_to(site: &Site) {
    posted(site, "history", 4).await;
    for table in ["entries", "postings", "posted", "audit", "readings"] {
        for sql in [format!("update {table} set site = 'x'"), format!("delete from {table}")] {
            assert!(site.tamper(&sql).await.is_err(), "{sql}");
        }
    }
    site.holds().await;
}

async fn what_is_changed_behind_the_store_is_found(site: &Site) {
    let postgres = site.config.database.starts_with("postgres");
    posted(site, "tampered", 8).await;
    deposited(site).await;
    in_review(site, "another", 4, Some(1)).await;
    site.holds().await;
    for table in ["entries", "postings", "posted", "audit", "readings"] {
        let drop = match postgres {
            true => format!("drop trigger {table}_no_change on {table}"),
            false => format!("drop trigger {table}_no_update; drop trigger {table}_no_delete"),
        };
        site.tamper(&drop).await.unwrap();
    }
    site.tamper(match postgres {
        true => "drop trigger batches_two_people on batches",
        false => "drop trigger batches_two_people",
    })
    .await
    .unwrap();
    if postgres {
        site.tamper("alter table postings drop constraint postings_site_number_fkey").await.unwrap();
    }
    // Each change with one that takes it back.
    for (change, back, invariant) in [
        (
            "update postings set amount = amount + 1 where number = 2 and place = 1",
            "update postings set amount = amount - 1 where number = 2 and place = 1",
            "I1",
        ),
        (
            "update postings set memo = 'x' where number = 2 and place = 1",
            "update postings set memo = 'm' where number = 2 and place = 1",
            "I8",
        ),
        ("update entries set number = 99 where number = 2", "update entries set number = 2 where number = 99", "I8"),
        (
            "update entries set memo = 'other' where number = 5",
            "update entries set memo = 'deposit' where number = 5",
            "I8",
        ),
        (
            "update heads set number = 3 where chain = 'journal'",
            "update heads set number = 5 where chain = 'journal'",
            "I8",
        ),
        (
            "update audit set by_user = 'nobody' where number = 3",
            "update audit set by_user = 'olga' where number = 3",
            "I8",
        ),
        (
            "update transactions set received = received + 1 where state = 'posted' and seq = 1",
            "update transactions set received = received - 1 where state = 'posted' and seq = 1",
            "I2",
        ),
        (
            "update applications set amount = 9000 where bill = 'B2' and amount = 1004",
            "update applications set amount = 1004 where amount = 9000",
            "I7",
        ),
        (
            "update transactions set state = 'void' where state = 'posted' and seq = 1",
            "update transactions set state = 'posted' where state = 'void'",
            "I3",
        ),
        (
            "update transaction_documents set batch = 'x' where place = 2 and batch = (select min(batch) from transaction_documents)",
            "update transaction_documents set batch = (select batch from documents d where d.id = document) where batch = 'x'",
            "I4",
        ),
        (
            "update check_claims set document = document || 'x'",
            "update check_claims set document = substr(document, 1, 17)",
            "I5",
        ),
        (
            "update contents set document = document || 'x'",
            "update contents set document = substr(document, 1, 17)",
            "I6",
        ),
        (
            "update batches set balanced_by = 'sven' where state = 'deposited'",
            "update batches set balanced_by = 'olga' where state = 'deposited'",
            "I9",
        ),
        (
            "update users set name = 'svenja' where name = 'sven'",
            "update users set name = 'sven' where name = 'svenja'",
            "I9",
        ),
        ("update deposits set total = total + 1", "update deposits set total = total - 1", "I11"),
        ("update deposits set state = 'reserved'", "update deposits set state = 'made'", "I11"),
        (
            "update deposit_items set amount = amount + 1 where place = 1",
            "update deposit_items set amount = amount - 1 where place = 1",
            "I11",
        ),
        ("update images set hash = substr(hash, 2) || 'x'", "", "I13"),
    ] {
        assert!(site.tamper(change).await.unwrap() > 0, "{change}");
        let (_, found) = site.store.verify(false).await.unwrap();
        assert!(found.iter().any(|f| f.invariant == invariant), "{change}: {found:?}");
        if !back.is_empty() {
            site.tamper(back).await.unwrap();
            site.holds().await;
        }
    }
}

/// What matching asks of the store beyond bills: old numbers, standing of payers, bills that others mean to pay; and whoever
/// matched in the light of what is not the newest any more has to do it again.
async fn two_who_match_at_once_see_each_other(site: &Site) {
    let s = &site.store;
    let mut moved = bill(1);
    moved.extra.insert("old_account".into(), "OLD1 OLD2".into());
    let now = moved.account.clone();
    s.import_bills(&[moved], day("2026-11-02"), false, false, &olga()).await.unwrap();
    let old = [AccountNumber::new("OLD2"), AccountNumber::new("OLD3")];
    assert_eq!(s.renumbered(&old).await.unwrap(), [(bill(1).biller, now.clone())]);

    let pair = ("061000146".to_string(), BankAccount::new("00-77"));
    let standing = async || s.standings(std::slice::from_ref(&pair)).await.unwrap();
    assert!(standing().await.is_empty());
    let stop = Some("closed".to_string());
    s.mark_payers(&[("0610-00146".into(), BankAccount::new("77"), true, stop.clone())], &olga()).await.unwrap();
    let seen = Sighting {
        routing: pair.0.clone(),
        bank_account: pair.1.clone(),
        document: DocumentId::of(&[b"check"]),
        biller: bill(1).biller,
        account: now.clone(),
        date: day("2026-11-03"),
    };
    assert_eq!(s.see_payers(std::slice::from_ref(&seen)).await.unwrap(), 1);
    assert_eq!(s.see_payers(&[seen]).await.unwrap(), 0, "the same payment shows nothing new");
    let known = standing().await;
    assert!(known[0].2.shared && known[0].2.stop == stop);
    assert_eq!(known[0].2.seen, [(bill(1).biller, now, day("2026-11-03"))]);

    let (first, second) = (taken(site, "one", 4).await, taken(site, "two", 4).await);
    let jobs = decoded(site).await;
    assert_eq!(jobs.len(), 2);
    let turn = s.match_turn().await.unwrap();
    let mut saved = Vec::new();
    for (job, tried) in jobs.iter().zip([turn, turn]) {
        let documents = s.documents(&job.batch).await.unwrap();
        let result = Matched { turn: Some(tried), ..matched(&documents, None) };
        match s.save_match(job, &result).await {
            Ok(()) => saved.push(job.batch.clone()),
            Err(error) => {
                assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
                let again = Matched { turn: Some(s.match_turn().await.unwrap()), ..result };
                s.save_match(job, &again).await.unwrap();
            }
        }
    }
    assert_eq!(saved.len(), 1, "the second must look again");
    let pending = s.pending(&second, &["B1".to_string(), "B9".to_string()]).await.unwrap();
    let told: Vec<(&str, &BatchId)> = pending.iter().map(|p| (p.bill.as_str(), &p.batch)).collect();
    assert_eq!(told, [("B1", &first)]);
    site.holds().await;
}

/// After a purge the database's own files hold no key of what went. (Of an embedded one the suite of the office looks into
/// every file.)
#[cfg(feature = "postgres")]
async fn no_file_holds_a_key_of_what_went(site: &Site) {
    let s = &site.store;
    let root = UserName("root".into());
    s.add_user(&root, &[Role::Admin], &admin()).await.unwrap();
    let [going, staying] = [&b"a bank's file"[..], b"another one's"].map(|b| (Sha256::of(b), b.to_vec()));
    s.put_blobs(vec![going.clone(), staying.clone()]).await.unwrap();
    s.keep_file(going.0, &[(going.0, going.1.len())]).await.unwrap();
    // The table's file as the server has it on its disk.
    let on_disk = "select encode(pg_read_binary_file(pg_relation_filepath('object_keys')), 'hex')";
    let keys = site.ask("select hash || ' ' || encode(sealed, 'hex') from object_keys").await;
    let key_of = |hash: Sha256| keys.iter().find_map(|k| k.strip_prefix(&format!("{hash} "))).unwrap().to_string();
    let (gone, left) = (key_of(going.0), key_of(staying.0));
    assert!(gone.len() > 60);
    site.ask("checkpoint").await;
    let before = site.ask(on_disk).await.into_iter().next().unwrap();
    assert!(before.contains(&gone) && before.contains(&left));
    let taken = s.purge(day("2026-12-31"), true, &root).await.unwrap();
    assert_eq!((taken.files, taken.in_server_log), (1, true));
    // Whoever reads just now, anywhere on the server, may keep the row a little longer: the next purge does it.
    let mut after = String::new();
    for _ in 0..50 {
        site.ask("checkpoint").await;
        after = site.ask(on_disk).await.into_iter().next().unwrap();
        if !after.contains(&gone) {
            break;
        }
        s.purge(day("2026-12-31"), true, &root).await.unwrap();
    }
    assert!(!after.contains(&gone), "its key still stands in the table's file");
    assert!(after.contains(&left), "a key of what stays is gone");
    site.holds().await;
}

macro_rules! suite {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test] fn $name() { super::on_sqlite(async |site| super::$name(&site).await); })*
        }
        #[cfg(feature = "postgres")]
        mod on_postgres {
            $(#[test] fn $name() { super::on_postgres_too(async |site| super::$name(&site).await); })*
        }
    };
}

suite! {
    every_text_is_understood
    no_statement_reads_what_it_need_not
    users_layouts_and_settings_are_kept
    a_bill_file_is_an_update_or_the_whole_list
    payers_are_found_by_digits
    images_are_kept_under_their_hash
    the_same_thing_twice_changes_nothing
    a_job_belongs_to_its_newest_claim
    a_decision_is_saved_once_and_stands
    from_envelope_to_bank_each_step_once
    as_many_people_agree_as_the_amount_asks_for
    a_check_is_deposited_once_over_all_batches
    at_the_same_time_only_one_does_it
    a_void_batch_counts_for_nothing
    history_is_only_added_to
    what_is_changed_behind_the_store_is_found
    two_who_match_at_once_see_each_other
    so_many_returns_within_twelve_months_make_an_account_pay_by_cash
    the_last_payment_is_the_last_that_stands
    s12_s13_a_stolen_disk_shows_no_account_and_no_image
    s14_a_site_opens_with_its_own_key_only
}

#[cfg(feature = "postgres")]
#[test]
fn a_purge_leaves_no_key_on_a_servers_disk() {
    on_postgres_too(async |site| no_file_holds_a_key_of_what_went(&site).await);
}

/// Both sets of steps end in the same tables with the same columns, and the same of them may be empty.
#[cfg(feature = "postgres")]
#[test]
fn both_databases_have_the_same_tables() {
    runtime().block_on(async {
        let Some(database) = postgres::database().await else { return };
        let (sqlite, postgres) = (Site::new(None).await, Site::new(Some(database)).await);
        let ours = sqlite
            .ask(
                "select t.name || '.' || c.name || case c.\"notnull\" when 1 then '' else '?' end
                 from sqlite_master t, pragma_table_info(t.name) c
                 where t.type = 'table' and t.name not like '\\_sqlx%' escape '\\' and t.name not like 'sqlite%'",
            )
            .await;
        let theirs = postgres
            .ask(
                "select table_name || '.' || column_name || case is_nullable when 'NO' then '' else '?' end
                 from information_schema.columns where table_schema = 'public' and table_name not like '\\_sqlx%'",
            )
            .await;
        assert!(ours.len() > 150, "{}", ours.len());
        assert_eq!(ours, theirs);
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn on_sqlite(test: impl AsyncFnOnce(Site)) {
    runtime().block_on(async { test(Site::new(None).await).await });
}

#[cfg(feature = "postgres")]
fn on_postgres_too(test: impl AsyncFnOnce(Site)) {
    runtime().block_on(async {
        if let Some(database) = postgres::database().await {
            test(Site::new(Some(database)).await).await;
        }
    });
}
