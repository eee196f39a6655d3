//! Several people at one desk, in Chromium: who has an item on the screen is shown to the others, large amounts are keyed by
//! two without seeing each other, and what moves money or shows numbers asks for the second factor first.

use super::*;
use crate::SECRET;

const AMOUNT: &str = "#amount-box";

/// A code that is good now and was not given yet: a clock may be out by one step.
fn code(given: &mut i64) -> String {
    let now = remit::clock::Clock::system().seconds() / one_time::STEP_SECONDS;
    *given = (*given + 1).max(now - 1);
    assert!(*given <= now + 1, "more codes than there are");
    one_time::code(&SECRET, *given)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_at_one_desk_do_not_tread_on_each_other() {
    let Some(driver) = Driver::start().await else { return };
    let house = House::new("[desk]\nsecond_key_from = \"400.00\"\n").await;
    let deck = tempfile::tempdir().unwrap();
    house.take(&unread(deck.path())).await;
    let (olga, _) = house.signed_in("olga").await;
    let (uwe, _) = house.signed_in("uwe").await;
    let base = serving(&house).await;
    let store = house.office.store();
    let open = house.office.open_exceptions(None).await.unwrap();
    let asked: Vec<_> = open.iter().filter(|e| e.code.code().starts_with("amount-")).collect();
    let answered = async |id: &str| {
        let decision = store.exception(id).await.unwrap().exception.decision;
        decision.map(|d| d.fields.get("amount").cloned().unwrap_or_default())
    };
    // Until this payment is on this person's screen, or on nobody's.
    let held_by = async |subject: &str, who: Option<&str>| {
        let started = Instant::now();
        loop {
            let leases = store.leases(remit::clock::Clock::system().seconds()).await.unwrap();
            let holder = leases.iter().find(|l| l.subject == subject).map(|l| l.holder.0.as_str());
            if holder == who {
                return;
            }
            assert!(started.elapsed().as_secs() < 60, "{subject} is with {holder:?}, not {who:?}");
            tokio::task::yield_now().await;
        }
    };

    // One has it on the screen: the other sees by whom, and what is keyed all the same is refused.
    let one = asked[0];
    let page = format!("{base}/exceptions/{}", one.id);
    driver.as_person(&base, &olga).await;
    driver.at(&page, AMOUNT).await;
    held_by(&one.transaction, Some("olga")).await;
    driver.as_person(&base, &uwe).await;
    driver.at(&format!("{base}/exceptions"), "a.row").await;
    driver.until("[...document.querySelectorAll('.lease')].some((l) => l.textContent === 'olga')").await;
    driver.at(&page, AMOUNT).await;
    driver.until("/olga has this on the screen/.test(document.querySelector('#lease').textContent)").await;
    driver.looked_at("item-of-another").await;
    driver.keys("7777\u{e007}").await;
    driver.told("Not saved").await;
    assert_eq!(answered(one.id.as_str()).await, None);

    // A large amount: kept, asked of a second person who does not see it, and saved when two have keyed the same.
    let two = asked[1];
    let page = format!("{base}/exceptions/{}", two.id);
    for (who, cookie, digits, says) in [
        ("olga", &olga, "51234", "A second person keys it too"),
        ("uwe", &uwe, "51243", "Not saved"),
        ("uwe", &uwe, "51243", "A second person keys it too"),
        ("olga", &olga, "51243", ""),
    ] {
        driver.as_person(&base, cookie).await;
        driver.at(&page, AMOUNT).await;
        held_by(&two.transaction, Some(who)).await;
        let question = driver.run("return document.querySelector('#item').outerHTML").await;
        let question = question.as_str().unwrap();
        assert!(!question.contains("512.34") && !question.contains("512.43"), "{who} sees what the other keyed");
        assert_eq!(question.contains("you do not see the first"), store.first_key(&two.id).await.unwrap().is_some());
        assert_eq!(answered(two.id.as_str()).await, None);
        driver.keys(&format!("{digits}\u{e007}")).await;
        match says {
            "" => driver.until("/^saved/.test(document.querySelector('#saved').textContent)").await,
            says => driver.told(says).await,
        }
        if says != "Not saved" {
            held_by(&two.transaction, None).await;
        }
    }
    assert_eq!(answered(two.id.as_str()).await.as_deref(), Some("512.43"));

    // Who approves gives a fresh code before the release and before a full number is shown; then it goes on from there.
    let batch = settled(&house, 1, 6).await;
    let (teller, rita) = (UserName("teller".into()), UserName("rita".into()));
    store.add_user(&rita, &[Role::Approver], &UserName("remit".into())).await.unwrap();
    let found = async || house.office.find_batch(&batch).await.unwrap();
    house.office.balance(&found().await, Some(&teller)).await.unwrap();
    house.office.approve(&found().await, &rita).await.unwrap();
    house.office.post(&found().await, &rita).await.unwrap();
    let mut given = 0;
    let sven = UserName("sven".into());
    for (release, picture) in [(true, "prove-release"), (false, "prove-unmask")] {
        // Signed in an hour ago as far as the second factor goes.
        house.signed_in_as("sven", &[Role::Approver], false).await;
        store.save_password(&sven, "$argon2id$v=19$m=47104,t=2,p=1$x$y", &UserName("remit".into())).await.unwrap();
        store.save_second_factor(&sven, &SECRET, given, &[]).await.unwrap();
        // A new factor ends every session.
        let (cookie, _) = house.signed_in_as("sven", &[Role::Approver], false).await;
        driver.as_person(&base, &cookie).await;
        let paid = store.transactions(&house.office.find_batch(&batch).await.unwrap().id).await.unwrap().remove(0);
        let account = house.office.papers(&paid).await.unwrap();
        let account = account.iter().find_map(|p| p.evidence.check.as_ref()?.bank_account.clone()).unwrap();
        let number = account.reveal();
        if release {
            driver.at(&format!("{base}/deposits"), "a[data-key=Enter]").await;
            assert_eq!(
                driver.run("return document.querySelectorAll('form[action=\"/deposits\"]').length").await,
                js!(0)
            );
        } else {
            driver.at(&format!("{base}/transactions/{}", paid.id), "#item").await;
            assert!(!driver.run("return document.body.innerHTML").await.as_str().unwrap().contains(number));
            driver.keys("t").await;
            driver.until("document.querySelector('#history').open").await;
            assert_eq!(driver.run("return document.querySelectorAll('form.unmask').length").await, js!(0));
            driver.run("document.querySelector('#unmask').focus()").await;
        }
        driver.keys("\u{e007}").await;
        driver.until("location.pathname === '/prove' && document.activeElement.name === 'code'").await;
        driver.looked_at(picture).await;
        driver.keys("000000\u{e007}").await;
        driver.until("!!document.querySelector('.wrong')").await;
        driver.keys(&format!("{}\u{e007}", code(&mut given))).await;
        if release {
            driver
                .until("location.pathname === '/deposits' && !!document.querySelector('button[data-key=Enter]')")
                .await;
            driver.keys("\u{e00c}\u{e007}").await;
            driver.told("The deposit is made").await;
            assert_eq!(house.office.deposits().await.unwrap().len(), 1);
        } else {
            driver
                .until("location.pathname.startsWith('/transactions/') && !!document.querySelector('form.unmask')")
                .await;
            driver.keys("t").await;
            driver.run("document.querySelector('form.unmask [name=why]').focus()").await;
            driver.keys("the member asks\u{e007}").await;
            driver
                .until(&format!("[...document.querySelectorAll('td')].some((c) => c.textContent.includes('{number}'))"))
                .await;
            driver.looked_at("unmasked").await;
            let rows = store.newest_audit(3).await.unwrap();
            let row = rows.iter().find(|r| r.what == "unmask").expect("it is written down");
            assert!(row.by == sven && row.note.contains("the member asks") && !row.note.contains(number), "{row:?}");
        }
    }
    house.verified().await;
    driver.end().await;
}
