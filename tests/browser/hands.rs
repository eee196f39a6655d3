//! Every screen by its keys and by the mouse, in Chromium: what a key or a button promises happens, and what happened is seen.

use std::collections::BTreeSet;

use remit::domain::{BatchId, Transaction};

use super::*;
use crate::guards::out_of_balance;

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_does_what_its_keys_say() {
    let Some(driver) = Driver::start().await else { return };
    let house = House::new("").await;
    let (batch, right, total) = out_of_balance(&house).await;
    let gray = tempfile::tempdir().unwrap();
    house.take(&in_gray(gray.path())).await;
    let gray = house.office.batches().await.unwrap().into_iter().map(|b| b.id).find(|b| *b != batch).unwrap();
    let roles = [Role::Operator, Role::Cashier, Role::Admin];
    let (olga, _) = house.signed_in_as("olga", &roles, true).await;
    let base = serving(&house).await;
    driver.as_person(&base, &olga).await;

    balance(&house, &driver, &base, &batch, right, total).await;
    images(&house, &driver, &base, &gray).await;
    film(&house, &driver, &base, &batch).await;
    research(&house, &driver, &base, &batch).await;
    layouts(&house, &driver, &base, &batch).await;
    drawer(&house, &driver, &base).await;
    house.verified().await;
    driver.end().await;
}

/// The likely cause is mended by its key, taken back by another, mended again; the number turns green, and Enter balances.
async fn balance(
    house: &House,
    driver: &Driver,
    base: &str,
    batch: &BatchId,
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
        driver.told(note).await;
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

/// Two documents with every kind of image that a station makes.
fn in_gray(folder: &Path) -> PathBuf {
    let from = samples().join("batches");
    let mut index = "batch,seq,front,back,front_gray,doc_type,dpi,micr,amount\n".to_string();
    for (n, names) in
        [["0001_F.jpg", "0001_B.jpg", "0003_F.jpg"], ["0002_F.jpg", "0002_B.jpg", "0004_F.jpg"]].iter().enumerate()
    {
        for name in names {
            std::fs::copy(from.join("b0002").join(name), folder.join(name)).unwrap();
        }
        index += &format!("gray,{},{},,200,,\n", n + 1, names.join(","));
    }
    std::fs::write(folder.join("index.csv"), index).unwrap();
    folder.to_path_buf()
}

/// Each look at an image by its key and by its button: what is seen changes, and by the second press it is as it was.
async fn images(house: &House, driver: &Driver, base: &str, batch: &BatchId) {
    let one = house.office.store().transactions(batch).await.unwrap().remove(0);
    driver.at(&format!("{base}/transactions/{}", one.id), "#item .paper.main img").await;
    // What a person sees of the first image: its place and size on the screen, how it lies, its colours, which one it is.
    let seen = "(() => { const p = document.querySelector('.paper.main'), i = p.querySelector('.sheet img'), r = i.getBoundingClientRect(), \
        m = new DOMMatrix(getComputedStyle(p.querySelector('.sheet')).transform); \
        return { done: i.complete && i.naturalWidth > 0, filter: getComputedStyle(i).filter, mirrored: m.a * m.d - m.b * m.c < 0, \
        quarter: Math.abs(m.b) > .5, side: p.querySelector('.side').textContent, src: i.src.split('/').pop(), \
        width: Math.round(r.width), x: Math.round(m.e), y: Math.round(m.f) } })()";
    driver.until(&format!("{seen}.done")).await;
    let before = driver.run(&format!("return {seen}")).await;
    let width = before["width"].as_f64().unwrap();
    let larger = format!("Math.abs({seen}.width - {}) < 3", width * 1.4);
    let looks: [(&str, &str, &str, &str, String); 8] = [
        ("+", "in", "-", "out", larger.clone()),
        ("=", "in", "\u{e011}", "out", larger.clone()),
        ("f", "flip", "f", "flip", format!("{seen}.mirrored")),
        ("o", "turn", "ooo", "turn", format!("{seen}.quarter")),
        ("i", "invert", "i", "invert", format!("{seen}.filter === 'invert(1)'")),
        ("c", "contrast", "c", "contrast", format!("/contrast/.test({seen}.filter)")),
        ("b", "back", "b", "back", format!("{seen}.side === 'back' && {seen}.src === 'back'")),
        ("g", "gray", "g", "gray", format!("{seen}.side === 'front, gray' && {seen}.src === 'front-gray'")),
    ];
    let as_before = format!("JSON.stringify({seen}) === JSON.stringify({before})");
    for (key, _, back, _, so) in &looks {
        driver.keys(key).await;
        driver.until(so).await;
        // Not until the picture is there: what is asked for and never comes is no look.
        driver.until(&format!("{seen}.done")).await;
        driver.keys(back).await;
        driver.until(&as_before).await;
    }
    for (_, tool, _, back, so) in &looks {
        let button = |tool: &str| format!(".paper.main [data-view={tool}]");
        driver.click(&button(tool)).await;
        driver.until(so).await;
        driver.until(&format!("{seen}.done")).await;
        if !["in", "turn"].contains(tool) {
            assert_eq!(
                driver.run(&format!("return document.querySelector('{}').ariaPressed", button(tool))).await,
                js!("true")
            );
        }
        for _ in 0..if *tool == "turn" { 3 } else { 1 } {
            driver.click(&button(back)).await;
        }
        driver.until(&as_before).await;
    }
    // Moved with the mouse and with the arrows while it is large, as far as its edge and no further; the Home key shows it whole.
    driver.run("document.activeElement.blur()").await;
    driver.keys("+++").await;
    driver.drag_by(".paper.main .stage", 50.0, -20.0).await;
    driver.until(&format!("{seen}.x === 50 && {seen}.y === -20")).await;
    driver.keys("\u{e014}").await;
    driver.until(&format!("{seen}.x === -10")).await;
    driver.looked_at("item-large").await;
    driver.keys(&"\u{e012}".repeat(60)).await;
    let edge = format!("Math.abs({seen}.x - ({seen}.width - {width}) / 2) <= 2");
    driver.until(&edge).await;
    driver.keys("\u{e011}").await;
    driver.until(&as_before).await;
    // The wheel of the mouse with Ctrl does the same as the keys; the paper that has the focus is the one that is looked at.
    driver
        .run("document.querySelector('.paper.main .stage').dispatchEvent(new WheelEvent('wheel', { deltaY: -1, ctrlKey: true, bubbles: true, cancelable: true }))")
        .await;
    driver.until(&larger).await;
    driver.keys("\u{e011}").await;
    if driver.run("return document.querySelectorAll('.paper').length").await == js!(2) {
        driver.run("document.querySelectorAll('.paper')[1].focus()").await;
        driver.keys("i").await;
        driver.until("!!document.querySelector('.paper:not(.main) .inverted')").await;
        assert_eq!(driver.run("return !!document.querySelector('.paper.main .inverted')").await, js!(false));
    }
}

fn envelopes(all: &[Transaction]) -> BTreeSet<Vec<String>> {
    all.iter().map(|t| t.documents.iter().map(ToString::to_string).collect()).collect()
}

/// Documents put into one envelope by keys and by dragging, each time as they were again by a key.
async fn film(house: &House, driver: &Driver, base: &str, batch: &BatchId) {
    let store = house.office.store();
    let now = async || envelopes(&store.transactions(batch).await.unwrap());
    let was = now().await;
    let page = format!("{base}/batches/{batch}");
    let order = "[...document.querySelectorAll('.film input')]";
    driver.at(&page, ".film input").await;
    // The arrows walk, the space bar marks, Enter puts together: the second and the fourth document.
    driver.keys("\u{e014}\u{e014} \u{e014}\u{e014} ").await;
    driver.until(&format!("{order}.map((b, n) => b.checked ? n : -1).filter((n) => n >= 0).join() === '1,3'")).await;
    let marked = driver.run(&format!("return {order}.filter((b) => b.checked).map((b) => b.value)")).await;
    let marked: Vec<String> = serde_json::from_value(marked).unwrap();
    driver.looked_at("batch-marked").await;
    driver.keys("\u{e007}").await;
    driver.told("together now").await;
    assert!(now().await.contains(&marked), "not one envelope");
    driver.keys("z").await;
    driver.told("Taken back").await;
    assert_eq!(now().await, was);
    // Back on the page from before: it offers nothing else to be taken back instead.
    driver.run("history.back()").await;
    driver
        .until("location.search.includes('done=regrouped') && document.readyState === 'complete' && !document.querySelector('[data-key=z]')")
        .await;
    driver.keys("z").await;
    assert_eq!(now().await, was);
    // Dragged: the first document of one envelope onto the envelope beside it.
    driver.at(&page, ".cell[draggable=true]").await;
    let pieces = driver
        .run("const [a, b] = [...document.querySelectorAll('.envelope')].filter((e) => e.querySelector('[draggable]')); \
              a.querySelector('.cell').id = 'from'; b.querySelector('.cell').id = 'to'; \
              return [a.querySelector('.cell').dataset.document, [...b.querySelectorAll('.cell')].map((c) => c.dataset.document)]")
        .await;
    let (moved, mut together): (String, Vec<String>) = serde_json::from_value(pieces).unwrap();
    driver.drag_onto("#from img", "#to img").await;
    driver.told("together now").await;
    together.insert(0, moved);
    assert!(now().await.contains(&together), "not one envelope: {together:?}");
    driver.keys("z").await;
    driver.told("Taken back").await;
    assert_eq!(now().await, was);
}

/// A payment is looked for by its amount, opened, and its neighbours and history are seen, all by keys.
async fn research(house: &House, driver: &Driver, base: &str, batch: &BatchId) {
    let all = house.office.store().transactions(batch).await.unwrap();
    let amount = |n: usize| all[n].received.unwrap().to_string();
    driver.at(&format!("{base}/"), ".queues").await;
    driver.keys("/").await;
    driver.until("location.pathname === '/research' && document.activeElement.id === 'search-box'").await;
    driver.keys(&format!("{}\u{e007}", amount(2))).await;
    driver.until("document.querySelectorAll('a.row').length === 1").await;
    driver.looked_at("research-found").await;
    driver.keys("\u{e00c}\u{e015}\u{e007}").await;
    let here = |n: usize| {
        format!(
            "location.pathname === '/transactions/{}' && document.readyState === 'complete' && \
             document.querySelector('.beside [aria-current] b').textContent === '{}'",
            all[n].id, all[n].seq
        )
    };
    driver.until(&here(2)).await;
    for (key, n) in [("]", 3), ("\u{e014}", 4), ("[", 3), ("\u{e012}", 2)] {
        driver.keys(key).await;
        driver.until(&here(n)).await;
    }
    driver.keys("n").await;
    driver.until("document.activeElement.name === 'text'").await;
    driver.keys("the member called\u{e007}").await;
    driver.told("Written down").await;
    driver.at(&format!("{base}/transactions/{}", all[2].id), "#history").await;
    driver.keys("t").await;
    driver
        .until("document.querySelector('#history').open && document.querySelector('#history li').textContent.includes('called')")
        .await;
    let rows = house.office.store().newest_audit(1).await.unwrap();
    assert_eq!((rows[0].what.as_str(), rows[0].note.as_str()), ("note", "the member called"));
}

/// Stub layouts tried on a document of the site: what they read and where, what does not hold, and what is no layout.
async fn layouts(house: &House, driver: &Driver, base: &str, batch: &BatchId) {
    let one =
        house.office.store().transactions(batch).await.unwrap().into_iter().find(|t| t.documents.len() == 2).unwrap();
    let stub = &one.documents[1];
    let page = format!("{base}/admin/layouts");
    driver.at(&page, "textarea[name=text]").await;
    driver.run("document.querySelector('[name=document]').focus()").await;
    // Enter in the field tries, and never loads.
    driver.keys(&format!("{stub}\u{e007}")).await;
    driver.until("!!document.querySelector('.paper .overlay i')").await;
    driver.looked_at("layouts-tried").await;
    let read = driver.text(".columns section table").await;
    assert!(read.contains("stub") && read.contains("holds") && !read.contains("does not hold"), "{read}");
    // The outline lies on the image, where a line can be.
    let inside = "(() => { const i = document.querySelector('.paper .sheet img').getBoundingClientRect(), b = document.querySelector('.paper .overlay i').getBoundingClientRect(); \
        return b.width > 20 && b.left >= i.left - 1 && b.right <= i.right + 1 && b.top >= i.top - 1 && b.bottom <= i.bottom + 1 })()";
    driver.until(inside).await;
    let before = house.office.store().layouts().await.unwrap();
    // Another rule in the text: the check digit does not hold any more.
    let worse = "replaceAll('luhn', 'mod10-731-left').replaceAll('modulus = 11', 'modulus = 7')";
    for (change, says) in [(worse, "does not hold|no layout fits"), ("replaceAll('[[layout', '[[lay')", "")] {
        driver.run(&format!("const t = document.querySelector('textarea'); t.value = t.value.{change}")).await;
        driver.run("document.body.dataset.old = '1'; document.querySelector('[name=document]').focus()").await;
        driver.keys("\u{e007}").await;
        driver.until("!document.body.dataset.old && document.readyState === 'complete'").await;
        match says {
            "" => driver.until("!!document.querySelector('.wrong')").await,
            says => {
                driver.until(&format!("/{says}/.test(document.querySelector('.columns section').textContent)")).await
            }
        }
    }
    assert_eq!(house.office.store().layouts().await.unwrap(), before, "trying loads nothing");
}

/// The drawer from its float to its close without the mouse; a second close says that it is done before.
async fn drawer(house: &House, driver: &Driver, base: &str) {
    let page = format!("{base}/drawer");
    let bill = &bills_csv::bills(&std::fs::read(samples().join("open_bills.csv")).unwrap(), None).unwrap().rows[0];
    driver.at(&page, "[name=float]").await;
    driver.keys("200.00\u{e007}").await;
    driver.told("drawer is open").await;
    // The account has the focus: an account, an amount and what was handed over.
    driver.until("document.activeElement.name === 'account'").await;
    driver.keys(&format!("{}\t\t15.00\t20.00\u{e007}", bill.account.reveal())).await;
    driver.told("Taken; the slip").await;
    assert!(driver.text(".list tbody tr").await.contains("5.00"), "the change is told");
    driver.keys("\u{e00c}p").await;
    driver.until("document.activeElement.name === 'amount'").await;
    driver.keys("5.00\t\tstamps\u{e007}").await;
    driver.told("Paid out").await;
    driver.looked_at("drawer").await;
    // Two hundreds and a ten are there: 200.00 + 15.00 - 5.00.
    driver.keys("\u{e00c}c").await;
    driver.until("document.activeElement.name === 'p10000'").await;
    driver.keys("2\t\t\t1\u{e007}").await;
    driver.told("Counted").await;
    driver.until("document.querySelector('.verdict.proved .big-number').textContent === '0.00'").await;
    driver.looked_at("drawer-counted").await;
    let number = house.office.drawers().await.unwrap().remove(0).number;
    let tabs = [driver.tab().await, driver.tab().await];
    for tab in &tabs {
        driver.to_tab(tab).await;
        driver.at(&page, "button[data-key=Enter]").await;
    }
    for (tab, says) in tabs.iter().zip(["The drawer is closed", "done before; nothing changed"]) {
        driver.to_tab(tab).await;
        driver.keys("\u{e007}").await;
        driver.told(says).await;
    }
    let closed = house.office.drawers().await.unwrap().remove(0);
    assert_eq!((closed.number, closed.state.as_str(), closed.over_short.map(|c| c.get())), (number, "closed", Some(0)));
}
