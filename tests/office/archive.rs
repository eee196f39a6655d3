//! A batch in which nothing is left to do is archived, and is still there for whatever may come: a return, a question, a report.

use remit::pipeline::{ReportQuestion, Totals};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_over_is_archived_and_its_checks_may_still_come_back() {
    let h = Harness::with("[returns]\nfee = \"25.00\"\n").await;
    let root = UserName("root".into());
    h.office.add_user(&root, &[Role::Admin]).await.unwrap();
    let store = h.office.store();
    let long_ago: Day = "2001-01-01".parse().unwrap();
    for name in ["b0001", "b0002"] {
        h.take(&samples().join("batches").join(name)).await.unwrap();
    }
    // As its own file says, the bank has these checks.
    let asked = TakeIn { origin: None, ..h.asked() };
    for source in station::sources(&samples().join("lockbox.txt")).unwrap() {
        h.office.take_in(&source, &asked).await.unwrap();
    }
    h.office.run_jobs(|_| ()).await.unwrap();
    let heads = h.office.batches().await.unwrap();
    let (mut ours, mut lockbox, mut other) = (None, None, None);
    for head in &heads {
        match (head.name.as_str(), head.origin) {
            ("b0001", _) => ours = Some(head.id.clone()),
            (_, Origin::Lockbox) => lockbox = lockbox.or(Some(head.id.clone())),
            ("b0002", _) => other = Some(head.id.clone()),
            _ => {}
        }
    }
    let (ours, lockbox, other) = (ours.unwrap(), lockbox.unwrap(), other.unwrap());
    let found = async |id: &BatchId| h.office.find_batch(id.as_str()).await.unwrap();
    let purged = async |really: bool| h.office.purge(long_ago, really, &root).await.unwrap();
    let states = async || (found(&ours).await.state, found(&lockbox).await.state, found(&other).await.state);
    // Of the first what is held leaves; in the second something stays held.
    let hold = async |id: &BatchId| {
        for t in store.transactions(id).await.unwrap().iter().filter(|t| t.state == TransactionState::Exception) {
            h.office.hold(t.id.as_str(), &BTreeMap::new(), &h.olga).await.unwrap();
        }
    };
    for id in [&ours, &lockbox] {
        hold(id).await;
        h.office.split(&found(id).await, &h.olga).await.unwrap();
    }
    for id in [&ours, &lockbox, &other] {
        h.finish(id.as_str()).await;
    }
    let date = found(&ours).await.date;
    let made = h.office.make_deposits(date, None, &h.sven).await.unwrap();
    assert_eq!(states().await, (BatchState::Deposited, BatchState::Posted, BatchState::Deposited));
    let head = store.audit_head().await.unwrap();
    // Each of these must have happened before.
    assert_eq!(purged(true).await.archived, 0, "nobody confirmed anything");
    for deposit in made.iter().filter_map(|m| m.deposit.as_ref()) {
        let right = Totals { count: deposit.count, total: deposit.total };
        h.office.acknowledge_deposit(deposit, right, "keyed", &h.sven).await.unwrap();
    }
    assert_eq!(purged(true).await.archived, 0, "the billing system did not answer");
    let answer = async |id: &BatchId, more: u32| {
        let all = h.office.billing_files().await.unwrap();
        let sent = all.iter().find(|f| f.batch == *id).unwrap();
        let said = Totals { count: sent.count + more, total: sent.total };
        h.office.billing_answered(&found(id).await, said, &h.sven).await.unwrap();
    };
    for id in [&ours, &lockbox, &other] {
        answer(id, 1).await;
    }
    assert_eq!(purged(true).await.archived, 0, "the billing system has another count");
    for id in [&ours, &lockbox, &other] {
        answer(id, 0).await;
    }
    assert!(store.transactions(&other).await.unwrap().iter().any(|t| t.state == TransactionState::Held));
    assert_eq!((purged(false).await.archived, states().await.0), (2, BatchState::Deposited), "only said");
    let done = purged(true).await;
    assert_eq!((done.archived, done.images, done.batches), (2, 0, 0));
    assert_eq!(states().await, (BatchState::Archived, BatchState::Archived, BatchState::Deposited), "one waits");
    let told = store.audit(head, 1000).await.unwrap();
    let moved: Vec<&str> = told.iter().filter(|r| r.what == "archive" && r.by == root).map(|r| r.id.as_str()).collect();
    let mut want = [ours.as_str(), lockbox.as_str()];
    want.sort_unstable();
    assert_eq!(moved, want);
    let head = store.audit_head().await.unwrap();
    assert_eq!((purged(true).await.archived, store.audit_head().await.unwrap()), (0, head), "once");

    // Everything that may be asked of it is answered as before, and nothing changes it.
    let batch = found(&ours).await;
    assert!(h.office.post(&batch, &h.sven).await.unwrap().already);
    assert!(matches!(h.office.balance(&batch, Some(&h.olga)).await, Ok(BalanceAnswer::Balanced { already: true, .. })));
    assert!(h.office.void(&batch, "a mistake", &h.sven).await.is_err());
    let shown = h.office.show(&batch).await.unwrap();
    let paid = shown.transactions.iter().find(|t| t.state == TransactionState::Posted).unwrap();
    assert!(h.office.hold(paid.id.as_str(), &BTreeMap::new(), &h.olga).await.is_err());
    assert!(h.office.make_deposits(date, None, &h.sven).await.unwrap().iter().all(|m| m.deposit.is_none()));
    assert_eq!(h.office.search(paid.id.as_str()).await.unwrap().len(), 1);
    assert!(h.office.billing_files().await.unwrap().iter().any(|f| f.batch == ours && f.state == "proved"));
    for name in ["batch-detail", "deposit-ticket", "returns", "suspense", "throughput"] {
        let of = Some(ours.as_str()).filter(|_| name == "batch-detail");
        h.office.report(&ReportQuestion { name, date: None, of }).await.unwrap();
    }
    assert!(h.office.proof_sheet(Some(date)).await.unwrap().batches.iter().any(|b| b.id == ours.as_str()));
    // A check of it comes back; and one of what the bank took by itself.
    let mail = made.iter().filter_map(|m| m.deposit.as_ref()).flat_map(|d| &d.items);
    let documents: Vec<DocumentId> = shown.documents.iter().map(|d| d.id.clone()).collect();
    let item = mail.clone().find(|i| documents.contains(&i.document)).unwrap();
    let day: Day = "2026-11-30".parse().unwrap();
    let back = came_back(item.amount, &item.sequence, "A", "1");
    let taken = h.office.take_returns(vec![back], Some(&item.document), day, &h.olga).await.unwrap().remove(0);
    assert_eq!((taken.state, taken.document.as_ref()), (ReturnState::Returned, Some(&item.document)), "{taken:?}");
    let of_lockbox = store.transactions(&lockbox).await.unwrap();
    let of_lockbox = of_lockbox.iter().find(|t| t.state == TransactionState::Posted && t.applications.len() == 1);
    let (check, amount) = of_lockbox.map(|t| (t.documents[0].clone(), t.received.unwrap())).unwrap();
    let back = came_back(amount, "", "A", "2");
    let taken = h.office.take_returns(vec![back], Some(&check), day, &h.olga).await.unwrap().remove(0);
    assert_eq!((taken.state, taken.document.as_ref()), (ReturnState::Returned, Some(&check)), "{taken:?}");
    assert_eq!(states().await.0, BatchState::Archived);
    // And in its time its images go.
    let gone = h.office.purge(date.plus_days(1), true, &root).await.unwrap();
    assert!(gone.batches >= 2 && gone.images > 10, "{gone:?}");
    h.close().await;
}
