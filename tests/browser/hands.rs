//! The balance by its keys in Chromium: what a key promises happens, and what happened is seen.

use super::*;
use crate::guards::out_of_balance;

impl Driver {
    async fn text(&self, place: &str) -> String {
        let text = self.run(&format!("return (document.querySelector('{place}') || {{}}).textContent || ''")).await;
        text.as_str().unwrap_or("").to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_mended_by_its_key() {
    let Some(driver) = Driver::start().await else { return };
    let house = House::new("").await;
    let (batch, right, total) = out_of_balance(&house).await;
    let (olga, _) = house.signed_in("olga").await;
    let base = serving(&house).await;
    driver.go(&format!("{base}/static/desk.css")).await;
    driver.run(&format!("document.cookie = 'remit={olga}; path=/'")).await;

    balance(&house, &driver, &base, &batch, right, total).await;
    driver.end().await;
}

/// The likely cause is mended by its key, taken back by another, mended again; the number turns green, and Enter balances.
async fn balance(
    house: &House,
    driver: &Driver,
    base: &str,
    batch: &remit::domain::BatchId,
    right: remit::domain::Cents,
    total: remit::domain::Cents,
) {
    driver.go(&format!("{base}/batches/{batch}/balance")).await;
    driver.until("!!document.querySelector('.explanations')").await;
    driver.looked_at("balance-out").await;
    assert!(driver.text(".explanations button").await.contains(&format!("make it {right}")));
    let received = async || house.office.store().figures(batch).await.unwrap().received;
    let wrong = received().await;
    for (key, note, now) in [("1", "Mended", total), ("z", "Taken back", wrong), ("1", "Mended", total)] {
        // The mended check is held or asked again by nobody: only its amount changes.
        driver.keys(key).await;
        driver.until(&format!("/{note}/.test(document.querySelector('#note').textContent)")).await;
        assert_eq!(received().await, now, "after {key}");
    }
    // Against the tape the first disagreement is marked.
    let strip = house.office.store().transactions(batch).await.unwrap();
    let mut tape: Vec<String> = strip.iter().filter_map(|t| t.received.map(|r| r.to_string())).collect();
    tape[3] = "1.00".into();
    driver.go(&format!("{base}/batches/{batch}/balance?tape={}", tape.join("+"))).await;
    driver.until("document.querySelectorAll('tr.differs').length === 1").await;
    assert!(driver.text("tr.differs").await.contains("differs here"));
    driver.looked_at("balance-tape").await;
}
