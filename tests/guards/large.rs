//! A large day: every page of the desk stays light, and every line stands on one of its parts.

use std::collections::BTreeSet;

use remit::domain::drawer::Tender;
use remit::domain::*;
use remit::post::{self, Chart};
use remit::store::NewSlip;

use super::*;

#[allow(dead_code)]
#[path = "../site/mod.rs"]
mod site;

/// What a page may weigh, without its images.
const MOST: usize = 60_000;

/// All parts of a list, each of them light; together.
async fn whole(desk: &axum::Router, path: &str, visitor: &Visitor) -> String {
    let mut text = String::new();
    let mut from = BTreeSet::from([0usize]);
    let mut seen = BTreeSet::new();
    while let Some(next) = from.pop_first() {
        seen.insert(next);
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = get(desk, &format!("{path}{mark}from={next}"), visitor).await;
        assert_eq!(page.status, StatusCode::OK, "{path} from {next}: {}", page.text);
        assert!(page.text.len() < MOST, "{path} from {next}: {} bytes", page.text.len());
        let parts = page.text.split("from=").skip(1).filter_map(|t| t.split('"').next()?.parse().ok());
        from.extend(parts.filter(|n| !seen.contains(n)));
        text += &page.text;
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_day_stays_light_and_whole() {
    let house = House::new("").await;
    let store = house.office.store();
    let roles = [Role::Operator, Role::Cashier, Role::Approver];
    let olga = house.person("olga", &roles, true).await;
    house.person("sven", &[Role::Approver], true).await;
    // A tray of hundreds of payments, sent to the bank in one deposit, and many small ones.
    let folder = tempfile::tempdir().unwrap();
    let made = site::Site { store: store.clone(), config: site::config(folder.path(), None, "main"), folder };
    let large = site::posted(&made, "the large one", 396).await;
    let deposit = site::deposited(&made).await;
    assert_eq!(deposit.items.len(), 198);
    for n in 0..70 {
        site::posted(&made, &format!("tray {n}"), 2).await;
    }
    let payments = store.transactions(&large).await.unwrap();
    for paid in payments.iter().take(90) {
        let date: Day = "2026-12-01".parse().unwrap();
        let back = site::returned(store.site(), paid, date, &ReturnPolicy::default());
        store.take_return(&back, &name("olga")).await.unwrap();
    }
    let day: Day = "2026-11-27".parse().unwrap();
    let (drawer, _) = store.open_drawer("front", day, Cents::ZERO, &name("olga")).await.unwrap();
    for n in 1..=230 {
        let amount = Cents::new(100 + n);
        let slip = NewSlip {
            is_payout: false,
            tender: Tender::Cash,
            amount,
            tendered: amount,
            reference: String::new(),
            biller: Some(Biller("power".into())),
            account: Some(AccountNumber::new("A1")),
            bill: None,
            to_bill: Cents::ZERO,
            memo: String::new(),
            mark: String::new(),
            notice: None,
        };
        let draft = |number| post::receipt_entry(number, day, Tender::Cash, amount, None, &Chart::default());
        store.add_slip(drawer.number, &slip, draft, &name("olga")).await.unwrap();
    }
    // And one that waits: hundreds of questions.
    let waits = site::in_review(&made, "waits", 396, None).await;
    for t in store.transactions(&waits).await.unwrap().iter().take(130) {
        house.office.hold(t.id.as_str(), &Default::default(), &name("olga")).await.unwrap();
    }
    let desk = house.at(NOW).await;
    let all = |text: &str, wanted: Vec<String>, path: &str| {
        let missing: Vec<&String> = wanted.iter().filter(|w| !text.contains(w.as_str())).collect();
        assert!(missing.is_empty(), "{path} shows nowhere: {missing:?}");
    };
    let of_batch = |id: &BatchId| (format!("/batches/{id}"), format!("/batches/{id}/balance"));
    let ((film, balance), (waiting, _)) = (of_batch(&large), of_batch(&waits));
    let linked: Vec<String> = payments.iter().map(|t| format!("/transactions/{}\"", t.id)).collect();
    let names: Vec<String> =
        store.batches().await.unwrap().iter().map(|b| format!("/batches/{}\"", b.batch.id)).collect();
    let items = deposit.items.iter().map(|i| format!("?document={}\"", i.document)).collect();
    let returns = store.returns().await.unwrap().iter().map(|r| format!("/returns/{}\"", r.id)).collect();
    let slips = (1..=230).map(|n| Cents::new(100 + n).to_string()).collect();
    let entry = store.newest_entries("1030", i64::MAX, 1).await.unwrap().remove(0);
    let postings: Vec<String> =
        entry.draft.postings.iter().filter_map(|p| p.document.as_ref()).map(ToString::to_string).collect();
    assert_eq!((names.len(), entry.draft.postings.len()), (72, 199));
    for (path, wanted) in [
        (film, linked.clone()),
        (balance, linked),
        (format!("{waiting}/approve"), Vec::new()),
        (format!("/deposits/{}", deposit.id), items),
        ("/proof-sheet?date=2026-11-27".to_string(), names),
        ("/returns".to_string(), returns),
        ("/drawer".to_string(), slips),
        (format!("/entries/{}", entry.number), postings),
    ] {
        let text = whole(&desk, &path, &olga).await;
        all(&text, wanted, &path);
    }
    for path in [
        "/",
        "/batches",
        "/capture",
        "/exceptions",
        "/exceptions?held=1",
        "/research?q=pat%20example",
        "/research?q=2026-11-27",
        "/research?q=A1",
        "/deposits",
        "/ledger",
        "/ledger/1020",
        "/ledger/1030",
        "/ledger/1100",
        "/ledger/1010",
        &format!("/batches/{large}/approve"),
        &format!("/batches/{large}/balance?tape={}", "10.02+".repeat(400)),
        &format!("/transactions/{}", payments[0].id),
    ] {
        let page = get(&desk, path, &olga).await;
        let light = page.status == StatusCode::OK && page.text.len() < MOST;
        assert!(light, "{path}: {} {} bytes", page.status, page.text.len());
    }
    // The older entries of an account are reached to the last.
    let (mut before, mut seen) = (i64::MAX, BTreeSet::new());
    loop {
        let page = get(&desk, &format!("/ledger/1020?before={before}"), &olga).await;
        assert!(page.text.len() < MOST, "{before}: {} bytes", page.text.len());
        let numbers = page.text.split("/entries/").skip(1).filter_map(|t| t.split('"').next()?.parse::<i64>().ok());
        seen.extend(numbers);
        match page.text.split("before=").nth(1).and_then(|t| t.split('"').next()?.parse().ok()) {
            Some(next) if next < before => before = next,
            _ => break,
        }
    }
    let mut want = BTreeSet::new();
    for entry in store.entries(0, 100_000).await.unwrap() {
        if entry.draft.postings.iter().any(|p| p.account == "1020") {
            want.insert(entry.number);
        }
    }
    assert_eq!(seen, want);
    // To print, the whole of it stands on one page, whatever that weighs.
    let ticket = get(&desk, &format!("/deposits/{}?all=1", deposit.id), &olga).await.text;
    assert!(deposit.items.iter().all(|i| ticket.contains(&i.sequence)) && ticket.contains("data-print"));
}

/// The last question of the queue answered: it can be taken back from the list that comes then, by the key that takes back
/// everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_is_taken_back_from_the_list() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let rita = house.person("rita", &[Role::Auditor], false).await;
    let store = house.office.store();
    let open = house.office.open_exceptions(None).await.unwrap();
    let last = open.iter().find(|e| e.code.code() == "underpaid").unwrap();
    for e in open.iter().filter(|e| e.transaction != last.transaction) {
        house.office.hold(&e.transaction, &Default::default(), &name("olga")).await.unwrap();
    }
    for (context, list) in [("", "/exceptions"), ("?walk=key", "/key")] {
        let asked = store.transaction(&last.transaction).await.unwrap();
        let question = asked.exceptions.iter().find(|e| e.decision.is_none()).unwrap().id.clone();
        let form = format!("move=accept-partial&context={}", context.replace('?', "%3F").replace('=', "%3D"));
        let done = post(&desk, &format!("/exceptions/{question}"), &olga, &form).await;
        let to = done.to().to_string();
        assert!(to.starts_with(&format!("{list}?done=decided&undo={}&of=", last.transaction)), "{to} {}", done.text);
        let page = get(&desk, &to, &olga).await;
        assert!(page.text.contains("data-key=\"z\""), "{}", page.text);
        assert!(!get(&desk, &to, &rita).await.text.contains("data-key=\"z\""), "who may not decide takes nothing back");
        let of = to.split("&of=").nth(1).unwrap();
        let form = format!("of={of}&back={}", list.replace('/', "%2F"));
        for said in ["undone", "already"] {
            let back = post(&desk, &format!("/transactions/{}/undo", last.transaction), &olga, &form).await;
            assert_eq!(back.to(), format!("{list}?done={said}"), "{}", back.text);
        }
        assert!(!get(&desk, &to, &olga).await.text.contains("data-key=\"z\""), "it is taken back");
        assert!(store.transaction(&last.transaction).await.unwrap().is_open_exception());
    }
    // Back to a page of ours, and to no other.
    let done = post(&desk, &format!("/transactions/{}/hold", last.transaction), &olga, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let away =
        post(&desk, &format!("/transactions/{}/undo", last.transaction), &olga, "back=//elsewhere.example").await;
    assert!(away.to().starts_with("/transactions/"), "{}", away.to());
    house.verified().await;
}
