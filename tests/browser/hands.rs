//! Each screen by its keys and by its mouse in Chromium: what a key of the overlay promises happens, and what happened is seen.

use remit::domain::Sha256;

use super::*;
use crate::guards::out_of_balance;

impl Driver {
    async fn text(&self, place: &str) -> String {
        let text = self.run(&format!("return (document.querySelector('{place}') || {{}}).textContent || ''")).await;
        text.as_str().unwrap_or("").to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_screen_does_what_its_keys_say() {
    let Some(driver) = Driver::start().await else { return };
    let house = House::new("").await;
    let (batch, right, total) = out_of_balance(&house).await;
    let store = house.office.store();
    let everything = [Role::Operator, Role::Cashier, Role::Auditor, Role::Admin];
    let (olga, _) = house.signed_in_as("olga", &everything, true).await;
    let base = serving(&house).await;
    driver.go(&format!("{base}/static/desk.css")).await;
    driver.run(&format!("document.cookie = 'remit={olga}; path=/'")).await;

    balance(&house, &driver, &base, &batch, right, total).await;
    let open = house.office.batches().await.unwrap();
    assert_eq!(open.len(), 1);
    images(&driver, &base, &batch, &house).await;
    leases(&house, &driver, &base, &olga).await;

    // Research: from anywhere by its key; an amount, then the first line.
    driver.go(&format!("{base}/")).await;
    driver.until("!!document.querySelector('.queues')").await;
    assert!(driver.text(".clock").await.contains("cut-off"), "how long until the deposit");
    assert_eq!(driver.run("return document.querySelectorAll('.plots figure table').length").await, js!(3));
    driver.keys("/").await;
    driver.until("document.activeElement.id === 'search-box'").await;
    driver.keys(&format!("{right}\u{e007}")).await;
    driver.until("/Understood as amount/.test(document.body.innerText) && !!document.querySelector('a.row')").await;
    driver.run("document.activeElement.blur()").await;
    driver.keys("\u{e015}").await;
    driver.until("document.activeElement.matches('a.row')").await;
    driver.keys("\u{e007}").await;
    driver.until("!!document.querySelector('#item')").await;
    // Its neighbours, and back.
    let here = driver.run("return location.pathname").await;
    driver.keys("]").await;
    driver.until(&format!("!!document.querySelector('#item') && location.pathname !== {here}")).await;
    driver.keys("[").await;
    driver.until(&format!("!!document.querySelector('#item') && location.pathname === {here}")).await;
    // What happened to it, and its numbers for who says why.
    driver.keys("t").await;
    driver
        .until("document.querySelector('#history').open && document.querySelectorAll('#history li').length > 1")
        .await;
    driver.looked_at("history").await;
    driver.run("document.querySelector('.unmask [name=why]').focus()").await;
    driver.keys("the member calls\u{e007}").await;
    driver.until("/Full numbers/.test(document.querySelector('h1').textContent)").await;
    driver.looked_at("unmasked").await;

    ledger(&house, &driver, &base, batch.as_str()).await;
    counter_by_keys(&house, &driver, &base).await;
    layouts(&house, &driver, &base, batch.as_str()).await;

    // Without a fresh factor both steps ask for it, and go on where they were.
    store.end_session(Sha256::of(olga.as_bytes())).await.unwrap();
    let (stale, _) = house.signed_in_as("olga", &everything, false).await;
    driver.run(&format!("document.cookie = 'remit={stale}; path=/'")).await;
    driver.go(&format!("{base}{}", here.as_str().unwrap())).await;
    driver.until("!!document.querySelector('#item')").await;
    driver.keys("t").await;
    driver.until("document.querySelector('#history').open").await;
    driver.run("document.querySelector('.unmask [name=why]').focus()").await;
    driver.keys("the member calls\u{e007}").await;
    let back = format!("document.querySelector('[name=next]').value === {here}");
    driver.until(&format!("location.pathname === '/prove' && {back}")).await;
    driver.looked_at("prove").await;
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

/// The image by keys and by mouse; the overlay tells the keys that there are.
async fn images(driver: &Driver, base: &str, batch: &remit::domain::BatchId, house: &House) {
    let all = house.office.store().transactions(batch).await.unwrap();
    driver.go(&format!("{base}/transactions/{}", all[0].id)).await;
    driver
        .until("!!document.querySelector('.paper.main img') && document.querySelector('.paper.main img').complete")
        .await;
    driver.run("document.activeElement.blur()").await;
    let sheet = "document.querySelector('.paper.main .sheet')";
    let style = |part: &str| format!("{sheet}.style.transform.includes('{part}')");
    let stage = |class: &str| format!("document.querySelector('.paper.main .stage').classList.contains('{class}')");
    let side = |what: &str| format!("document.querySelector('.paper.main img').src.endsWith('/{what}')");
    // Key, and what is seen then.
    for (key, seen) in [
        ("+", style("scale(1.4)")),
        ("\u{e014}", style("translate(-60px, 0px)")),
        ("\u{e015}", style("translate(-60px, -60px)")),
        ("\u{e012}", style("translate(0px, -60px)")),
        ("\u{e013}", style("translate(0px, 0px)")),
        ("-", style("scale(1)")),
        ("++", style("scale(1.96)")),
        ("\u{e011}", style("scale(1)")),
        ("f", style("scaleX(-1)")),
        ("f", format!("!{}", style("scaleX(-1)"))),
        ("o", style("rotate(90deg)")),
        ("ooo", style("rotate(0deg)")),
        ("i", stage("inverted")),
        ("i", format!("!{}", stage("inverted"))),
        ("c", stage("contrasted")),
        ("c", format!("!{}", stage("contrasted"))),
        ("b", side("back")),
        ("b", side("front")),
    ] {
        driver.keys(key).await;
        driver.until(&seen).await;
    }
    driver.run("document.querySelector('.paper.main').dataset.gray = 'true'").await;
    driver.keys("g").await;
    driver.until(&side("front-gray")).await;
    driver.keys("g").await;
    driver.until(&side("front")).await;
    // By mouse: the tools, the wheel, dragging a large image, and a double click for the whole again.
    for (tool, seen) in [
        ("in", style("scale(1.4)")),
        ("out", style("scale(1)")),
        ("flip", style("scaleX(-1)")),
        ("flip", format!("!{}", style("scaleX(-1)"))),
        ("invert", stage("inverted")),
        ("contrast", stage("contrasted")),
        ("invert", format!("!{}", stage("inverted"))),
        ("contrast", format!("!{}", stage("contrasted"))),
        ("back", side("back")),
        ("back", side("front")),
    ] {
        driver.run(&format!("document.querySelector('.paper.main [data-view={tool}]').click()")).await;
        driver.until(&seen).await;
    }
    let stage = "document.querySelector('.paper.main .stage')";
    driver.run(&format!("{stage}.dispatchEvent(new WheelEvent('wheel', {{ deltaY: -100, ctrlKey: true, cancelable: true, bubbles: true }}))")).await;
    driver.until(&style("scale(1.4)")).await;
    driver.drag(".paper.main .stage", (-40.0, 25.0)).await;
    driver.until(&style("translate(-40px, 25px)")).await;
    driver.looked_at("image-large").await;
    driver.run(&format!("{stage}.dispatchEvent(new MouseEvent('dblclick', {{ bubbles: true }}))")).await;
    driver.until(&style("scale(1)")).await;
    // The overlay.
    driver.keys("?").await;
    driver.until("document.querySelector('#keys').open").await;
    let told = driver.text("#keys-list").await;
    for words in
        ["larger, smaller", "mirror", "turn", "invert", "contrast", "front or back", "the whole image", "history"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    driver.keys("\u{e00c}").await;
}

/// What one has on the screen, another sees, and cannot decide.
async fn leases(house: &House, driver: &Driver, base: &str, olga: &str) {
    let deck = tempfile::tempdir().unwrap();
    house.take(&unread(deck.path())).await;
    let open = house.office.open_exceptions(None).await.unwrap();
    let one = open.iter().find(|e| e.code.code().starts_with("amount-")).unwrap();
    let page = format!("{base}/exceptions/{}", one.id);
    driver.go(&page).await;
    driver.until("!!document.querySelector('#item')").await;
    let now = remit::clock::Clock::system();
    while !house.office.store().leases(now.seconds()).await.unwrap().iter().any(|l| l.subject == one.transaction) {
        tokio::task::yield_now().await;
    }
    let (uwe, _) = house.signed_in("uwe").await;
    driver.run(&format!("document.cookie = 'remit={uwe}; path=/'")).await;
    driver.go(&format!("{base}/exceptions")).await;
    driver.until("/olga/.test((document.querySelector('.lease') || {}).textContent)").await;
    driver.looked_at("exceptions-leased").await;
    driver.go(&page).await;
    driver.until("/olga has this on the screen/.test(document.querySelector('#lease').textContent)").await;
    driver.looked_at("item-leased").await;
    driver.keys("\u{e00c}").await;
    driver.keys("1234\u{e007}").await;
    driver.until("/Not saved/.test(document.querySelector('#note').textContent)").await;
    assert!(house.office.store().exception(one.id.as_str()).await.unwrap().exception.decision.is_none());
    driver.run(&format!("document.cookie = 'remit={olga}; path=/'")).await;
}

/// From the books to the pixel, and back.
async fn ledger(house: &House, driver: &Driver, base: &str, batch: &str) {
    let sven = UserName("sven".into());
    house.office.store().add_user(&sven, &[Role::Approver], &UserName("remit".into())).await.unwrap();
    let found = async || house.office.find_batch(batch).await.unwrap();
    for e in house.office.open_exceptions(None).await.unwrap().iter().filter(|e| e.batch.as_str() == batch) {
        house.office.hold(&e.transaction, &Default::default(), &UserName("olga".into())).await.unwrap();
    }
    driver.go(&format!("{base}/batches/{batch}/balance")).await;
    driver.until("!!document.querySelector('.verdict.proved')").await;
    driver.keys("\u{e007}").await;
    driver.until("/is balanced/.test(document.querySelector('#note').textContent)").await;
    house.office.approve(&found().await, &sven).await.unwrap();
    house.office.post(&found().await, &sven).await.unwrap();
    driver.go(&format!("{base}/ledger")).await;
    driver.until("document.querySelectorAll('a.row').length > 3").await;
    driver.keys("\u{e015}").await;
    driver.until("document.activeElement.matches('a.row')").await;
    driver.keys("\u{e007}").await;
    driver
        .until("location.pathname.startsWith('/ledger/') && !!document.querySelector('a.row[href^=\"/entries/\"]')")
        .await;
    driver.run("document.querySelector('a.row[href^=\"/entries/\"]').focus()").await;
    driver.keys("\u{e007}").await;
    driver
        .until("/^.entries/.test(location.pathname) && !!document.querySelector('a[href^=\"/research?document=\"]')")
        .await;
    driver.looked_at("entry").await;
    let entry = driver.run("return location.pathname").await;
    driver.run("document.querySelector('a[href^=\"/research?document=\"]').focus()").await;
    driver.keys("\u{e007}").await;
    driver.until("!!document.querySelector('.overlay i.doubt')").await;
    driver.looked_at("entry-to-pixel").await;
    driver.run("document.querySelector('.payment a[href^=\"/entries/\"]').focus()").await;
    driver.keys("\u{e007}").await;
    driver.until(&format!("location.pathname === {entry}")).await;
}

/// A drawer from its float to its count, with nothing but keys.
async fn counter_by_keys(house: &House, driver: &Driver, base: &str) {
    let bills = bills_csv::bills(&std::fs::read(samples().join("open_bills.csv")).unwrap(), None).unwrap();
    let account = bills.rows[0].account.reveal().to_string();
    driver.go(&format!("{base}/drawer")).await;
    driver.until("document.activeElement.name === 'float'").await;
    driver.keys("200.00\u{e007}").await;
    driver.until("document.activeElement.name === 'account'").await;
    driver.keys(&format!("{account}\t\t5.00\t20.00\u{e007}")).await;
    driver
        .until("document.querySelectorAll('tbody tr').length === 1 && document.activeElement.name === 'account'")
        .await;
    assert!(driver.text("tbody tr").await.contains("15.00"), "the change");
    driver.looked_at("drawer").await;
    driver.run("const s = [...document.querySelectorAll('summary')].find((s) => /Count it/.test(s.textContent)); s.focus()").await;
    driver.keys("\u{e007}").await;
    driver.until("!!document.querySelector('[name=p10000]').getClientRects().length").await;
    driver.run("document.querySelector('[name=p10000]').focus()").await;
    driver.keys("2\t\t\t\t1\u{e007}").await;
    driver.until("/0.00/.test((document.querySelector('.verdict.proved .big-number') || {}).textContent)").await;
    driver.looked_at("drawer-counted").await;
    driver.run("document.activeElement.blur()").await;
    driver.keys("\u{e007}").await;
    driver.until("!!document.querySelector('[name=float]')").await;
    assert_eq!(house.office.drawers().await.unwrap().remove(0).state, "closed");
}

/// Stub layouts are tried on an image of the site before they are loaded: what they read, and where.
async fn layouts(house: &House, driver: &Driver, base: &str, batch: &str) {
    let documents = house.office.store().documents(&batch.parse().unwrap()).await.unwrap();
    let stub = documents.iter().find(|d| d.seq == 4).unwrap();
    driver.go(&format!("{base}/admin/layouts")).await;
    driver.until("!!document.querySelector('[name=document]')").await;
    driver.run("document.querySelector('[name=document]').focus()").await;
    driver.keys(stub.id.as_str()).await;
    driver.run("document.querySelector('[value=test]').focus()").await;
    driver.keys("\u{e007}").await;
    driver.until("document.querySelectorAll('.overlay i').length > 0 && /holds/.test(document.body.innerText)").await;
    driver.looked_at("layouts-tried").await;
    let before = house.office.store().layouts().await.unwrap();
    driver.run("document.querySelector('textarea').value = 'not a layout'").await;
    driver.run("document.querySelector('[value=test]').click()").await;
    driver.until("!!document.querySelector('.wrong')").await;
    assert_eq!(house.office.store().layouts().await.unwrap().len(), before.len(), "trying loads nothing");
}
