//! What waits for somebody's word, and what a word finds: members who pay by cash only, batches over their limit, the archive.

use super::*;

/// A member whose checks come back too often pays by cash for a time: at the counter no check is taken, cash is. What is over
/// after twelve months counts no more.
#[tokio::test(flavor = "multi_thread")]
async fn who_bounces_too_often_pays_by_cash() {
    use remit::domain::drawer::Tender;
    use remit::pipeline::Received;
    let h = Harness::with("[returns]\ncash_only_after = 1\ncash_only_months = 6\n").await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    let deposit = h.office.make_deposit(head.date, None, &h.sven).await.unwrap().deposit.unwrap();
    let (kim, date) = (UserName("kim".into()), "2026-11-30".parse::<Day>().unwrap());
    h.office.add_user(&kim, &[Role::Cashier]).await.unwrap();
    let shown = h.office.show(&h.office.find_batch(head.id.as_str()).await.unwrap()).await.unwrap();
    let item = &deposit.items[0];
    let paid = shown.transactions.iter().find(|t| t.documents.contains(&item.document)).unwrap();
    let paid = paid.applications.iter().find(|a| a.bill.is_some()).unwrap();
    let receive = async |drawer: &str, on: Day, tender: Tender| {
        let (drawer, _) = h.office.open_drawer(drawer, on, Cents::ZERO, &kim).await.unwrap();
        let received = Received {
            tender,
            amount: Cents::new(500),
            tendered: Cents::new(500),
            reference: String::new(),
            biller: paid.biller.clone(),
            account: paid.account.clone().unwrap(),
            bill: paid.bill.clone(),
            memo: String::new(),
            mark: format!("{}{tender:?}", drawer.name),
        };
        h.office.receive(&drawer, &received, &kim).await.map(|_| ()).map_err(|e| e.to_string())
    };
    receive("before", date, Tender::Check).await.unwrap();
    h.office.take_returns(vec![came_back(item.amount, &item.sequence, "A", "1")], None, date, &h.olga).await.unwrap();
    let refused = receive("front", date, Tender::Check).await.unwrap_err();
    assert!(refused.contains("may not pay by check"), "{refused}");
    for tender in [Tender::Cash, Tender::MoneyOrder, Tender::Card] {
        receive("front", date, tender).await.unwrap();
    }
    receive("later", date.plus_months(7), Tender::Check).await.unwrap();
    h.close().await;
}

/// Who is without service, or about to be, and pays at the counter: collections hear of it at the receipt, by the row and by the
/// file, as of what comes by mail; once, and not of a receipt that was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_counter_payment_of_who_is_cut_off_is_told_at_once() {
    use remit::domain::AccountStatus;
    use remit::domain::drawer::Tender;
    use remit::pipeline::Received;
    let h = Harness::new().await;
    let bytes = std::fs::read(samples().join("open_bills.csv")).unwrap();
    let mut bills = remit::formats::bills_csv::bills(&bytes, None).unwrap().rows;
    bills.retain(|b| b.status == AccountStatus::Active && b.amount_due > Cents::new(2000));
    bills.sort_by(|a, b| a.account.cmp(&b.account));
    bills.dedup_by(|a, b| a.account == b.account);
    bills.truncate(6);
    let kim = UserName("kim".into());
    h.office.add_user(&kim, &[Role::Cashier]).await.unwrap();
    let date: Day = "2026-11-30".parse().unwrap();
    // status, named bill, tender, the code that collections get
    let rows = [
        (AccountStatus::CutoffPending, true, Tender::Cash, "cutoff-pending"),
        (AccountStatus::Disconnected, false, Tender::Card, "account-disconnected"),
        (AccountStatus::WrittenOff, true, Tender::Check, "recovery"),
        (AccountStatus::Arrangement, true, Tender::MoneyOrder, "arrangement-kept"),
        (AccountStatus::Arrangement, false, Tender::Cash, ""),
        (AccountStatus::Active, true, Tender::Cash, ""),
    ];
    for (bill, row) in bills.iter_mut().zip(&rows) {
        (bill.status, bill.instalment, bill.due_date) = (row.0, Some(Cents::new(500)), Some(date));
    }
    h.office.import_bills(&bills, false, false).await.unwrap();
    let (drawer, _) = h.office.open_drawer("front", date, Cents::ZERO, &kim).await.unwrap();
    let file = h.folder.path().join("site").join("notices").join("2026-11-30-drawer-1.csv");
    let mut lines = 1;
    for ((bill, (_, named, tender, code)), n) in bills.iter().zip(&rows).zip(1i64..) {
        let mut received = Received {
            tender: *tender,
            amount: Cents::new(500),
            tendered: Cents::new(400),
            reference: String::new(),
            biller: Some(bill.biller.clone()),
            account: bill.account.clone(),
            bill: named.then(|| bill.bill.clone()),
            memo: String::new(),
            mark: format!("m{n}"),
        };
        assert!(h.office.receive(&drawer, &received, &kim).await.is_err(), "too little was handed over");
        received.tendered = received.amount;
        for already in [false, true] {
            let got = h.office.receive(&drawer, &received, &kim).await.unwrap();
            assert_eq!((got.0.number, got.1), (n, already));
            lines += usize::from(!code.is_empty() && !already);
            let text = std::fs::read_to_string(&file).unwrap();
            assert_eq!(text.lines().count(), lines, "after receipt {n}:\n{text}");
            let own = format!(",receipt {n},{code},{},{},", bill.biller, bill.account.reveal());
            assert_eq!(text.contains(&own), !code.is_empty(), "receipt {n} ({code}):\n{text}");
        }
    }
    let told = h.office.notices(date).await.unwrap();
    let codes: Vec<(Option<i64>, &str)> = told.iter().map(|n| (n.receipt, n.code.as_str())).collect();
    let all = [(3, "recovery"), (2, "account-disconnected"), (1, "cutoff-pending"), (4, "arrangement-kept")];
    let mut want: Vec<(Option<i64>, &str)> = all.iter().map(|(n, code)| (Some(*n), *code)).collect();
    want.sort_by_key(|w| w.1);
    assert_eq!(codes, want);
    assert!(told.iter().all(|n| n.amount == Some(Cents::new(500)) && n.batch.is_none() && n.date == date));
    assert!(told.iter().all(|n| !bills.iter().any(|b| n.message.contains(b.account.reveal()))), "masked");
    assert!(h.office.store().waiting_exports().await.unwrap().is_empty());
    h.close().await;
}

/// A batch over its limit, or with old bills, waits for an approver's word; an amount that is keyed afterwards does not slip
/// by; a batch that is out says so among the exceptions until it balances.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_as_a_whole_waits_for_a_word() {
    let h =
        Harness::with("[amounts]\nmode = \"off\"\n[matching]\nbatch_limit = \"400.00\"\nbills_most_days = 0\n").await;
    // No amount is known yet: nothing is over any limit.
    let silent = silent(&h);
    let asked = TakeIn { date: Some("2026-11-29".parse().unwrap()), ..h.asked() };
    for source in station::sources(&silent).unwrap() {
        h.office.take_in(&source, &asked).await.unwrap();
    }
    h.office.run_jobs(|_| ()).await.unwrap();
    let id = h.office.batches().await.unwrap().remove(0).id;
    let batch = async || h.office.find_batch(id.as_str()).await.unwrap();
    let own = async || {
        let all = h.office.store().batch_exceptions(&id).await.unwrap();
        all.iter().map(|e| format!("{}{}", e.code, if e.decision.is_some() { "!" } else { "" })).collect::<Vec<_>>()
    };
    assert_eq!(own().await, ["stale-bills"]);
    let key = async |amounts: &[&str]| {
        for amount in amounts {
            let open = h.office.open_exceptions(None).await.unwrap();
            let one = open.iter().find(|e| e.code == Reason::AmountUnknown && e.batch == id).unwrap();
            let amount = BTreeMap::from([("amount".to_string(), amount.to_string())]);
            h.office.decide(one.id.as_str(), "key-amount", &amount, &h.olga).await.unwrap();
        }
    };
    let accept = async |code: Reason, by: &UserName| {
        let all = h.office.store().batch_exceptions(&id).await.unwrap();
        let one = all.iter().find(|e| e.code == code && e.decision.is_none()).unwrap();
        h.office.decide_of_batch(one.id.as_str(), "accept", &BTreeMap::new(), by).await
    };
    let hold = async || {
        for t in h.office.show(&batch().await).await.unwrap().transactions {
            if t.state == TransactionState::Exception {
                h.office.hold(t.id.as_str(), &BTreeMap::new(), &h.olga).await.unwrap();
            }
        }
    };
    let balance = async || match h.office.balance(&batch().await, Some(&h.olga)).await {
        Ok(BalanceAnswer::Balanced { .. }) => "balanced".to_string(),
        Ok(BalanceAnswer::Out(_)) => "out".to_string(),
        Err(e) => e.to_string(),
    };
    key(&["300.00", "200.00"]).await;
    hold().await;
    let refused = balance().await;
    assert!(refused.contains("days older") || refused.contains("over the limit of 400.00"), "{refused}");
    assert_eq!(own().await, ["stale-bills", "limit-exceeded"]);
    h.office.add_user(&UserName("kay".into()), &[Role::Key]).await.unwrap();
    assert!(accept(Reason::LimitExceeded, &UserName("kay".into())).await.is_err(), "no approver");
    for code in [Reason::StaleBills, Reason::LimitExceeded] {
        assert_eq!(accept(code, &h.sven).await.unwrap(), Some(false));
    }
    // More is keyed than was accepted: it is asked again.
    let open = h.office.open_exceptions(None).await.unwrap();
    let one = open.iter().find(|e| e.code == Reason::AmountUnknown && e.batch == id).unwrap().id.clone();
    let amount = BTreeMap::from([("amount".to_string(), "900.00".to_string())]);
    h.office.decide(one.as_str(), "key-amount", &amount, &h.olga).await.unwrap();
    hold().await;
    let refused = balance().await;
    assert!(refused.contains("1400.00, over the limit of 400.00"), "{refused}");
    assert_eq!(own().await, ["stale-bills!", "limit-exceeded!", "limit-exceeded"]);
    accept(Reason::LimitExceeded, &h.sven).await.unwrap();
    assert_eq!(balance().await, "balanced");
    h.close().await;
}

/// Whatever a member can say on the telephone finds the payment, and nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn the_archive_is_searched_by_whatever_is_known() {
    let h = Harness::new().await;
    for name in ["b0001", "b0002"] {
        h.take(&samples().join("batches").join(name)).await.unwrap();
    }
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    let store = h.office.store();
    let all = store.transactions(&head.id).await.unwrap();
    let prints = store.readings(&head.id).await.unwrap();
    let mut tried = 0;
    for t in all.iter().filter(|t| t.state == TransactionState::Posted && t.applications.len() == 1) {
        let line = &t.applications[0];
        let account = line.account.clone().unwrap();
        let bill = store.bills_for(&[(line.biller.clone(), account.clone())]).await.unwrap().remove(0);
        let serial = t.documents.iter().flat_map(|d| &prints[d]).find_map(|r| r.micr.as_ref()?.fields.serial.clone());
        let mut words = vec![
            t.id.to_string(),
            t.documents[0].to_string(),
            t.received.unwrap().to_string(),
            account.reveal().to_string(),
            line.bill.clone().unwrap(),
            bill.name.clone(),
            bill.name.to_lowercase()[..bill.name.len() - 1].to_string(),
            head.date.to_string(),
        ];
        words.extend(serial);
        for text in words {
            let found = h.office.search(&format!(" {text} ")).await.unwrap();
            let hit = found.iter().find(|f| f.transaction == t.id).unwrap_or_else(|| panic!("'{text}' finds nothing"));
            assert_eq!((hit.amount, hit.date, &hit.name), (t.received, head.date, &bill.name));
            assert_eq!(hit.account, account.masked());
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
    for text in
        ["", "  ", "0.01", "1999-01-01", "nobody of that name", "900000001", "%", "' or 1=1 --", &"9".repeat(400)]
    {
        assert!(h.office.search(text).await.unwrap().is_empty(), "'{text}'");
    }
    h.close().await;
}
