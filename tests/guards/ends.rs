//! What was asked for is done once and to its end: by who hangs up at once, by who takes back twice.

use std::pin::pin;
use std::task::Poll;

use remit::domain::{Decision, TransactionState};

use super::*;

/// A change whose asker is gone as soon as it has come in, before anybody has looked who it was, is done all the same: from the
/// screens and from programs.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_whose_asker_hangs_up_is_made() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let store = house.office.store();
    store.add_token("k1", Sha256::of(b"secret"), &name("olga"), "a program", &name("remit")).await.unwrap();
    let open = house.office.open_exceptions(None).await.unwrap();
    let mut subjects: Vec<String> = open.iter().map(|e| e.transaction.clone()).collect();
    subjects.sort();
    subjects.dedup();
    assert!(subjects.len() > 3, "{subjects:?}");
    let held = async |subject: &str, how: &str| {
        let started = Instant::now();
        while store.transaction(subject).await.unwrap().state != TransactionState::Held {
            assert!(started.elapsed() < Duration::from_secs(60), "{subject}: the move was lost, {how}");
            tokio::task::yield_now().await;
        }
    };
    // Dropped after the server has touched it for the first time.
    let desk = house.at(NOW).await;
    for (n, subject) in subjects.iter().enumerate() {
        let request = match n % 2 {
            0 => request("POST", &format!("/transactions/{subject}/hold"), &olga)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Body::from(format!("csrf={}", olga.csrf))),
            _ => Request::builder()
                .method("POST")
                .uri(format!("/api/v1/transactions/{subject}/hold"))
                .header("host", "localhost")
                .header("authorization", "Bearer secret")
                .header("idempotency-key", subject.as_str())
                .body(Body::empty()),
        };
        {
            let mut asked = pin!(desk.clone().oneshot(request.unwrap()));
            std::future::poll_fn(|cx| {
                assert!(asked.as_mut().poll(cx).is_pending(), "it was done before it could be dropped");
                Poll::Ready(())
            })
            .await;
        }
        held(subject, "dropped").await;
    }
    // The same over a connection that is closed right behind the last byte.
    let (cookie, csrf) = house.signed_in("uwe").await;
    let listening = Listening::bind("127.0.0.1:0", false).await.unwrap();
    let address = listening.address;
    tokio::spawn(serve(Desk::new(house.office.clone(), address), listening, std::future::pending()));
    for subject in &subjects {
        let place = store.transaction(subject).await.unwrap().decisions.len() - 1;
        house.office.undo_this(subject, Some(place), &name("olga")).await.unwrap();
        let form = format!("csrf={csrf}");
        let head = format!(
            "POST /transactions/{subject}/hold HTTP/1.1\r\nHost: {address}\r\nCookie: remit={cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let gone = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
        };
        tokio::task::spawn_blocking(gone).await.unwrap();
        held(subject, "hung up").await;
    }
    // What came only half is no move.
    let before = store.audit_head().await.unwrap();
    let half = format!(
        "POST /batches/x/void HTTP/1.1\r\nHost: {address}\r\nCookie: remit={cookie}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: 400\r\n\r\ncsrf={csrf}"
    );
    let gone = move || std::net::TcpStream::connect(address).unwrap().write_all(half.as_bytes()).unwrap();
    tokio::task::spawn_blocking(gone).await.unwrap();
    house.verified().await;
    assert_eq!(store.audit_head().await.unwrap(), before);
}

/// Taking back names the decision that is meant: asked twice, by a person or a program, the one before it stays.
#[tokio::test(flavor = "multi_thread")]
async fn taking_back_means_one_decision() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let store = house.office.store();
    store.add_token("k1", Sha256::of(b"secret"), &name("olga"), "a program", &name("remit")).await.unwrap();
    let short = house.office.open_exceptions(None).await.unwrap();
    let short = short.iter().find(|e| e.code.code() == "underpaid").unwrap();
    let subject = short.transaction.clone();
    let path = format!("/transactions/{subject}/undo");
    // 0: accepted as part; 1: held.
    let part = post(&desk, &format!("/exceptions/{}", short.id), &olga, "move=accept-partial").await;
    assert!(part.to().contains("done=decided"), "{}", part.text);
    assert!(post(&desk, &format!("/transactions/{subject}/hold"), &olga, "").await.to().contains("done=held"));
    let page = get(&desk, &format!("/transactions/{subject}"), &olga).await.text;
    assert!(page.contains("id=\"undo\" data-of=\"1\""), "{page}");
    let standing = async || {
        let all: Vec<Decision> = store.transaction(&subject).await.unwrap().decisions;
        let back: Vec<String> = all.iter().filter_map(|d| d.fields.get("of").cloned()).collect();
        let names = all.iter().enumerate().filter(|(n, d)| d.name != "undo" && !back.contains(&n.to_string()));
        names.map(|(_, d)| d.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(standing().await, ["accept-partial", "hold"]);
    let program = async |key: &str, body: &str| {
        let built = Request::builder().method("POST").uri(format!("/api/v1{path}")).header("host", "localhost");
        let built = built.header("authorization", "Bearer secret").header("idempotency-key", key);
        let got = send(&desk, built.body(Body::from(body.to_string())).unwrap()).await;
        (
            got.status.as_u16(),
            serde_json::from_str::<serde_json::Value>(&got.text).unwrap_or_default()["already"].clone(),
        )
    };
    let screen = async |of: &str| {
        let got = post(&desk, &path, &olga, of).await;
        (got.status.as_u16(), got.to().split("done=").nth(1).unwrap_or("").to_string())
    };
    assert_eq!(screen("of=0").await.0, 409, "the last one is another");
    assert_eq!(screen("of=7").await.0, 409, "there is none");
    assert_eq!(standing().await, ["accept-partial", "hold"]);
    assert_eq!(screen("of=1").await, (303, "undone".into()));
    let head = store.audit_head().await.unwrap();
    for _ in 0..2 {
        assert_eq!(screen("of=1").await, (303, "already".into()));
    }
    assert_eq!(program("p1", r#"{"of": 1}"#).await, (200, true.into()));
    assert_eq!(program("p2", r#"{"of": 9}"#).await.0, 409);
    assert_eq!(program("p3", r#"{"of": "x"}"#).await.0, 422);
    assert_eq!((standing().await, store.audit_head().await.unwrap()), (vec!["accept-partial".to_string()], head));
    assert_eq!(program("p4", r#"{"of": 0}"#).await, (200, false.into()));
    assert_eq!(program("p5", r#"{"of": 0}"#).await, (200, true.into()));
    assert!(standing().await.is_empty());
    assert_eq!(screen("").await.0, 409, "nothing is left to take back");
    house.verified().await;
}

/// A house with one batch taken in, its desk, and who works at it.
async fn with_a_batch() -> (House, axum::Router, Visitor, remit::domain::BatchId) {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let batch = house.office.batches().await.unwrap().remove(0).id;
    (house, desk, olga, batch)
}

/// Envelopes about which something was decided are put together all the same: what was decided goes with the papers, and taken
/// back they are two again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_goes_with_the_papers() {
    let (house, desk, olga, batch) = with_a_batch().await;
    let store = house.office.store();
    let all = store.transactions(&batch).await.unwrap();
    let sets = async || {
        let all = store.transactions(&batch).await.unwrap();
        let mut sets: Vec<Vec<String>> =
            all.iter().map(|t| t.documents.iter().map(ToString::to_string).collect()).collect();
        sets.sort();
        sets
    };
    let was = sets().await;
    // Every pair of: nothing decided, held, held and released again; whole ones, and a piece of one onto the other.
    for (n, pair) in all.windows(2).step_by(2).take(5).enumerate() {
        for (one, times) in pair.iter().zip([n % 3, (n + 1) % 3]) {
            for what in ["hold", "undo"].iter().take(times) {
                let got = post(&desk, &format!("/transactions/{}/{what}", one.id), &olga, "").await;
                assert_eq!(got.status, StatusCode::SEE_OTHER, "{what}: {}", got.text);
            }
        }
        let papers = |t: &remit::domain::Transaction| t.documents.iter().map(ToString::to_string).collect::<Vec<_>>();
        for documents in [
            [papers(&pair[0]), papers(&pair[1])].concat(),
            [vec![papers(&pair[0]).remove(0)], papers(&pair[1])].concat(),
        ] {
            let form: Vec<String> = documents.iter().map(|d| format!("document={d}")).collect();
            let done = post(&desk, &format!("/batches/{batch}/regroup"), &olga, &form.join("&")).await;
            assert!(done.to().contains("done=regrouped&undo="), "{n}: {} {}", done.status, done.text);
            let (id, of) = done.to().split("undo=").nth(1).unwrap().split_once("&of=").unwrap();
            let now = store.transaction(id).await.unwrap();
            assert_eq!(now.documents.len(), documents.len());
            let held = |t: &remit::domain::Transaction| t.decisions.iter().filter(|d| d.name == "hold").count();
            // Of the second, which comes in whole each time.
            assert!(held(&now) >= usize::from((n + 1) % 3 > 0), "{n}: the hold was lost");
            let back = post(&desk, &format!("/transactions/{id}/undo"), &olga, &format!("of={of}")).await;
            assert_eq!(back.status, StatusCode::SEE_OTHER, "{n}: {}", back.text);
            assert_eq!(sets().await, was, "{n}");
        }
    }
    house.verified().await;
}

/// What was taken back in each of several envelopes stays taken back when they are put together, apart and together again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_on_each_side_stays_so() {
    let (house, desk, olga, batch) = with_a_batch().await;
    let store = house.office.store();
    let all = store.transactions(&batch).await.unwrap();
    let sent = async |path: String, form: &str| {
        let got = post(&desk, &path, &olga, form).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{path} {form}: {}", got.text);
        got.to().to_string()
    };
    // What a person saw on the paper is an exception as long as it stands.
    let work = async |id: &str, what: &[&str]| {
        for one in what {
            if *one == "undo" {
                sent(format!("/transactions/{id}/undo"), "").await;
                continue;
            }
            let (code, olga) = (remit::domain::Reason::RestrictiveNote, name("olga"));
            assert!(!house.office.flag(id, code, None, one, &olga).await.unwrap().already, "{one} was not taken again");
        }
    };
    let put = async |parts: &[&remit::domain::Transaction]| {
        let documents = parts.iter().flat_map(|t| &t.documents);
        let form: Vec<String> = documents.map(|d| format!("document={d}")).collect();
        let to = sent(format!("/batches/{batch}/regroup"), &form.join("&")).await;
        let (id, of) = to.split("undo=").nth(1).unwrap().split_once("&of=").unwrap();
        (store.transaction(id).await.unwrap(), of.to_string())
    };
    let found = async |t: &remit::domain::Transaction| {
        let id = store.transaction_of_document(&t.documents[0]).await.unwrap().unwrap();
        store.transaction(id.as_str()).await.unwrap()
    };
    let (twice, held) = (&["paid in full", "undo"][..], &["paid in full", "undo", "paid in full"][..]);
    for (n, (a, b, state)) in
        [(twice, twice, "clean"), (twice, held, "noted"), (held, twice, "noted"), (held, held, "noted")]
            .iter()
            .enumerate()
    {
        let (one, two, three) = (&all[3 * n], &all[3 * n + 1], &all[3 * n + 2]);
        for (t, what) in [(one, a), (two, b), (three, &twice)] {
            work(t.id.as_str(), what).await;
        }
        let said = |t: &remit::domain::Transaction| {
            let noted = t.exceptions.iter().any(|e| e.code == remit::domain::Reason::RestrictiveNote);
            if noted { "noted" } else { "clean" }
        };
        let (both, of) = put(&[one, two]).await;
        assert_eq!(said(&both), *state, "{n}: {:?}", both.decisions);
        // What is decided now is the last, and is what is taken back.
        if *state == "clean" {
            work(both.id.as_str(), &["void after 90 days"]).await;
            assert_eq!(said(&found(one).await), "noted");
            work(both.id.as_str(), &["undo"]).await;
            assert_eq!(said(&found(one).await), "clean");
        }
        sent(format!("/transactions/{}/undo", both.id), &format!("of={of}")).await;
        assert_eq!(
            (found(one).await.documents, found(two).await.documents),
            (one.documents.clone(), two.documents.clone())
        );
        // Apart each is decided upon by itself; then all three come together.
        if *state == "clean" {
            work(found(one).await.id.as_str(), twice).await;
            work(found(two).await.id.as_str(), twice).await;
        }
        let (three_now, _) = put(&[&found(one).await, &found(two).await, three]).await;
        assert_eq!(said(&three_now), *state, "{n}: {:?}", three_now.decisions);
    }
    house.verified().await;
}
