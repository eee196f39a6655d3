//! What stands beside a question: what each account paid last, and when it is due.

use remit::domain::drawer::Tender;
use remit::domain::{Cents, Day};
use remit::pipeline::Received;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_item_says_what_was_paid_last_and_when_it_is_due() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let kim = name("kim");
    let store = house.office.store();
    store.add_user(&kim, &[Role::Cashier], &name("remit")).await.unwrap();
    let open = house.office.open_exceptions(None).await.unwrap();
    let short = open.iter().find(|e| e.code.code() == "underpaid").unwrap();
    let t = store.transaction(&short.transaction).await.unwrap();
    let line = t.applications.iter().find(|a| a.bill.is_some()).unwrap();
    let account = line.account.clone().unwrap();
    let mut bill = store.bills_for(&[(line.biller.clone(), account.clone())]).await.unwrap().remove(0);
    let page = async || get(&desk, &format!("/exceptions/{}", short.id), &olga).await.text;
    assert!(!page().await.contains("last paid"), "nobody knows of a payment");
    // Today is 2026-11-27.
    for (due, words) in [
        ("2026-11-26", "<span class=\"alarm\">due yesterday</span>"),
        ("2026-11-27", "<span class=\"alarm\">due today</span>"),
        ("2026-11-28", "<span class=\"hint\">due tomorrow</span>"),
        ("2026-12-24", "<span class=\"hint\">due 2026-12-24</span>"),
    ] {
        bill.due_date = Some(due.parse().unwrap());
        bill.extra.insert("last_paid".into(), "79.02".into());
        house.office.import_bills(&[bill.clone()], false, false).await.unwrap();
        let text = page().await;
        assert!(text.contains(words) && text.contains(" · last paid 79.02</span>"), "{due}: {text}");
    }
    let date: Day = "2026-11-20".parse().unwrap();
    let (drawer, _) = house.office.open_drawer("front", date, Cents::ZERO, &kim).await.unwrap();
    let received = Received {
        tender: Tender::Cash,
        amount: Cents::new(500),
        tendered: Cents::new(500),
        reference: String::new(),
        biller: line.biller.clone(),
        account,
        bill: None,
        memo: String::new(),
        mark: String::new(),
    };
    house.office.receive(&drawer, &received, &kim).await.unwrap();
    let text = page().await;
    assert!(text.contains(" · last paid 5.00 on 2026-11-20</span>"), "our own books know better: {text}");
    house.verified().await;
}
