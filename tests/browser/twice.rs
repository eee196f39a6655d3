//! The same move sent twice in Chromium, on every screen that moves money: a double click, the same page in two tabs, the back
//! button and once more, a browser that dies right after the click. It is made once, nothing is lost, and each time a sentence
//! says how it stands.

use remit::domain::BatchState;
use remit::domain::returned::ReturnState;

use super::*;

/// Everything that a second press must leave alone: what was written down, and where the money is.
async fn state(house: &House) -> (i64, Vec<String>) {
    let balances = house.office.balances().await.unwrap();
    let money = balances.iter().map(|b| format!("{} {}", b.account, b.balance)).collect();
    (house.office.store().audit_head().await.unwrap(), money)
}

impl Driver {
    /// Clicks, and waits for the page that comes of it with this sentence.
    async fn press(&self, button: &str, clicks: usize, says: &str) {
        self.run("document.body.dataset.old = '1'").await;
        self.run(&format!(
            "const b = document.querySelector('{button}'); for (let n = 0; n < {clicks}; n++) b.click();"
        ))
        .await;
        let text = "(document.querySelector('#note') || {}).textContent + (document.querySelector('.problem') || {}).textContent";
        self.until(&format!(
            "!document.body.dataset.old && document.readyState === 'complete' && /(?:{says})/.test({text})"
        ))
        .await;
    }
}

/// A button that is pressed: its page, what is said then, and what the second tab hears.
struct Move<'a> {
    page: String,
    button: &'a str,
    says: &'a str,
    then: &'a str,
}

fn pressed<'a>(page: String, button: &'a str, says: &'a str, then: &'a str) -> Move<'a> {
    Move { page, button, says, then }
}

/// The way of a batch through the desk, by its buttons.
fn moves(base: &str, batch: &str) -> Vec<Move<'static>> {
    let way = |step: &str| format!("{base}/batches/{batch}/{step}");
    let already = "done before; nothing changed";
    vec![
        pressed(way("balance"), "form[action$=\"/balance\"] .go", "is balanced", already),
        pressed(way("approve"), "form[action$=\"/approve\"] .go", "is approved", already),
        pressed(way("approve"), "form[action$=\"/post\"] .go", "is posted", already),
        pressed(format!("{base}/deposits"), "form[action=\"/deposits\"] .go", "deposit is made", "nothing to deposit"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_screen_does_a_thing_twice_or_half() {
    let Some(mut driver) = Driver::start().await else { return };
    let house = House::new("").await;
    let store = house.office.store();
    let (olga, _) = house.signed_in_as("olga", &[Role::Operator, Role::Cashier], true).await;
    let (sven, _) = house.signed_in_as("sven", &[Role::Approver], true).await;
    let base = serving(&house).await;
    let batches = [
        settled(&house, 1, 6).await,
        settled(&house, 7, 11).await,
        settled(&house, 12, 17).await,
        settled(&house, 21, 28).await,
    ];
    let who = |one: &Move| if one.page.ends_with("/balance") { olga.clone() } else { sven.clone() };

    // A double click is one press; back, the page shows how it stands now.
    for one in moves(&base, &batches[0]) {
        driver.as_person(&base, &who(&one)).await;
        driver.at(&one.page, one.button).await;
        driver.press(one.button, 2, one.says).await;
        let after = state(&house).await;
        driver.run("history.back()").await;
        driver.until(&format!("document.readyState === 'complete' && !document.querySelector('{}')", one.button)).await;
        assert_eq!(state(&house).await, after, "{} after a double click", one.button);
    }
    let posted = store.batch(&batches[0]).await.unwrap().state;
    assert_eq!((posted, house.office.deposits().await.unwrap().len()), (BatchState::Deposited, 1));

    // The same page in two tabs, both opened before the first press.
    let tabs = [driver.tab().await, driver.tab().await];
    for one in moves(&base, &batches[1]) {
        driver.as_person(&base, &who(&one)).await;
        for tab in &tabs {
            driver.to_tab(tab).await;
            driver.at(&one.page, one.button).await;
        }
        driver.to_tab(&tabs[0]).await;
        driver.press(one.button, 1, one.says).await;
        let after = state(&house).await;
        driver.to_tab(&tabs[1]).await;
        driver.press(one.button, 1, one.then).await;
        assert_eq!(state(&house).await, after, "{} in a second tab", one.button);
    }

    // A key that is hit twice approves, and does not post.
    let way = format!("{base}/batches/{}", batches[2]);
    driver.as_person(&base, &olga).await;
    driver.at(&format!("{way}/balance"), "form[action$=\"/balance\"] .go").await;
    driver.press("form[action$=\"/balance\"] .go", 1, "is balanced").await;
    driver.as_person(&base, &sven).await;
    driver.at(&format!("{way}/approve"), "form[action$=\"/approve\"] .go").await;
    driver.keys("\u{e007}\u{e007}").await;
    driver.until("/is approved/.test(document.querySelector('#note').textContent)").await;
    driver
        .run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', repeat: true, bubbles: true }))")
        .await;
    assert_eq!(store.batch(&batches[2]).await.unwrap().state, BatchState::Approved);

    // The browser dies right after the click: what was asked for is done, and another browser says so and offers what is next.
    let done = [BatchState::Balanced, BatchState::Approved, BatchState::Posted, BatchState::Deposited];
    for (one, done) in moves(&base, &batches[3]).into_iter().zip(done) {
        driver.as_person(&base, &who(&one)).await;
        driver.at(&one.page, one.button).await;
        driver = dies_after(driver, one.button).await;
        let started = Instant::now();
        while store.batch(&batches[3]).await.unwrap().state != done {
            assert!(started.elapsed().as_secs() < 60, "{} was lost", one.button);
            tokio::task::yield_now().await;
        }
        driver.as_person(&base, &who(&one)).await;
        driver.go(&one.page).await;
        driver.until(&format!("document.readyState === 'complete' && !document.querySelector('{}')", one.button)).await;
    }
    assert_eq!(house.office.deposits().await.unwrap().len(), 3);

    let driver = returns(&house, driver, &base, &olga).await;
    let proof = house.office.verify(true).await.unwrap();
    assert!(proof.findings.is_empty(), "{:?}", proof.findings);
    driver.end().await;
}

/// Sends what a button sends, and the whole browser is killed when that has left it, whatever comes back; returns another one.
/// Killed at once it may die with the request still inside, and nobody has asked for anything then.
async fn dies_after(driver: Driver, button: &str) -> Driver {
    let sent = format!(
        "const b = document.querySelector('{button}'); const form = new FormData(b.form, b); \
         const asked = new XMLHttpRequest(); asked.open('POST', b.form.action); \
         const left = new Promise((done) => asked.upload.addEventListener('loadend', (e) => done(e.loaded > 0))); \
         asked.send(new URLSearchParams(form)); return left"
    );
    assert_eq!(driver.run(&sent).await, js!(true), "{button}");
    drop(driver);
    Driver::start().await.unwrap()
}

/// Three checks come back: presented again twice, charged back where another tab has presented it, charged back by a browser
/// that dies; and the back button shows each time how it stands.
async fn returns(house: &House, mut driver: Driver, base: &str, olga: &str) -> Driver {
    let deposit = house.office.deposits().await.unwrap().remove(0);
    let items = house.office.store().deposit(deposit.id.as_str()).await.unwrap().items;
    let day = "2026-11-30".parse().unwrap();
    let back = |n: usize| remit::domain::ReturnItem {
        channel: remit::domain::ReturnChannel::Keyed,
        stage: remit::domain::ReturnStage::Returned,
        reason: remit::domain::ReturnReason::of_check('A', false),
        code: "A".into(),
        amount: items[n].amount,
        original: remit::domain::OriginalItem { item_sequence: Some(items[n].sequence.clone()), ..Default::default() },
        id: n.to_string(),
        date: None,
        text: String::new(),
        place: Default::default(),
    };
    let all = vec![back(0), back(1), back(2)];
    let taken = house.office.take_returns(all, None, day, &UserName("olga".into())).await.unwrap();
    driver.as_person(base, olga).await;
    let page = format!("{base}/returns");
    let button = |n: usize, what: &str| format!("form[action=\"/returns/{}\"] [value={what}]", taken[n].id);
    let tabs = [driver.tab().await, driver.tab().await];
    for tab in &tabs {
        driver.to_tab(tab).await;
        driver.at(&page, &button(0, "represent")).await;
    }
    driver.to_tab(&tabs[0]).await;
    driver.press(&button(0, "represent"), 2, "Saved").await;
    let after = state(house).await;
    // Back: what was offered then is not offered now.
    driver.run("history.back()").await;
    let offered =
        format!("document.readyState === 'complete' && !document.querySelector('{}')", button(0, "represent"));
    driver
        .until(&format!(
            "location.search === '' && {offered} && !!document.querySelector('{}')",
            button(0, "charge-back")
        ))
        .await;
    assert_eq!(state(house).await, after, "back after it was presented");
    driver.at(&page, &button(1, "charge-back")).await;
    driver.press(&button(1, "charge-back"), 1, "Saved").await;
    let after = state(house).await;
    driver.to_tab(&tabs[1]).await;
    driver.press(&button(0, "represent"), 1, "done before; nothing changed").await;
    assert_eq!(state(house).await, after);
    driver.looked_at("returns").await;
    // The page as it was before the charge-back still offers the other move.
    driver.run(&format!("const f = document.querySelector('form[action^=\"/returns/\"]'); f.action = '/returns/{}'; f.querySelector('button').value = 'represent'", taken[1].id)).await;
    driver.press(&format!("form[action=\"/returns/{}\"] button", taken[1].id), 1, "Nothing was changed").await;
    assert_eq!(state(house).await, after);
    driver.run("document.querySelector('.problem .go').click()").await;
    driver.until("location.pathname === '/returns'").await;
    // The browser dies right after it was charged back.
    driver.at(&page, &button(2, "charge-back")).await;
    driver = dies_after(driver, &button(2, "charge-back")).await;
    let started = Instant::now();
    while house.office.find_return(taken[2].id.as_str()).await.unwrap().state != ReturnState::ChargedBack {
        assert!(started.elapsed().as_secs() < 60, "the charge-back was lost");
        tokio::task::yield_now().await;
    }
    let after = state(house).await;
    driver.as_person(base, olga).await;
    driver.at(&page, &format!("a[href*=\"/returns/{}/letter\"]", taken[2].id)).await;
    assert_eq!(
        driver.run(&format!("return !!document.querySelector('{}')", button(2, "charge-back"))).await,
        js!(false)
    );
    assert_eq!(state(house).await, after);
    driver
}
