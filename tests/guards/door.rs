//! The door under a crowd, and what the time of its answers tells: nothing.

use remit::web::{Peer, password};

use super::*;

/// S22: many at the door at once wait for their turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_the_door_is_no_flood() {
    let known = password::hash("gravel+otter+nine".into()).await.unwrap();
    let before = memory();
    let crowd: Vec<_> = (0..12).map(|_| tokio::spawn(password::verify("wrong".into(), Some(known.clone())))).collect();
    for one in crowd {
        assert!(!one.await.unwrap().unwrap());
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 400 << 10, "twelve at the door took {grown} kB at once");
}

/// S2: a name that exists is answered like one that does not, in the same words and after the same time: of 200 answers the
/// medians are within five in a hundred. Whatever else the machine does befalls both alike, as they take turns, and makes
/// answers longer, never shorter; so on a busy machine the quick answers of both kinds tell as well, and more are taken. A
/// difference in the work itself moves all of these figures.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_an_answer_names_nobody() {
    const PAIRS: usize = 100;
    const ROUNDS: usize = 3;
    let house = House::new("").await;
    let store = house.office.store();
    let phc = password::hash("gravel+otter+nine".into()).await.unwrap();
    for n in 0..PAIRS {
        let who = name(&format!("known{n}"));
        store.add_user(&who, &[Role::Operator], &name("remit")).await.unwrap();
        store.save_password(&who, &phc, &name("remit")).await.unwrap();
    }
    let desk = house.at(NOW).await;
    let first = get(&desk, "/sign-in", &Visitor::default()).await;
    let cookie = first.headers[header::SET_COOKIE].to_str().unwrap()[6..70].to_string();
    let csrf = Sha256::of(format!("form {cookie}").as_bytes()).to_string()[..40].to_string();
    // Each try from an address of its own, as a patient guesser would.
    let mut from = 0u32;
    let mut answer = async |who: String| {
        from += 1;
        let body = format!("csrf={csrf}&name={who}&password=not+the+one&code=");
        let visitor = Visitor { cookie: cookie.clone(), csrf: csrf.clone() };
        let built = request("POST", "/sign-in", &visitor).header("content-type", "application/x-www-form-urlencoded");
        let mut asked = built.body(Body::from(body)).unwrap();
        let peer = SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + from), 40_000));
        asked.extensions_mut().insert(axum::extract::ConnectInfo(Peer(peer)));
        let started = Instant::now();
        let got = send(&desk, asked).await;
        let took = started.elapsed().as_secs_f64();
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{who}: {}", got.text);
        (took, got.text.replace(&who, "WHO"))
    };
    let mut times = [Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        for n in 0..PAIRS {
            let mut said = Vec::new();
            // Now the one first, now the other.
            for kind in if n % 2 == 0 { [0, 1] } else { [1, 0] } {
                let (took, text) = answer(format!("{}{n}", ["known", "strange"][kind])).await;
                times[kind].push(took);
                said.push(text);
            }
            assert_eq!(said[0], said[1], "the same words");
        }
        let gaps = [0.5, 0.25, 0.1].map(|share| apart(share, &times[0], &times[1]));
        let told: Vec<String> = gaps.iter().map(|gap| format!("{:.2}%", gap * 100.0)).collect();
        println!("{} answers: {} apart at the median, the quarter, the tenth", 2 * times[0].len(), told.join(", "));
        // What is looked for would be seen: the one kind beside the other a fifth later.
        let later: Vec<f64> = times[1].iter().map(|t| t * 1.2).collect();
        assert!([0.5, 0.25, 0.1].iter().any(|share| apart(*share, &times[0], &later) > 0.05));
        if gaps.iter().any(|gap| *gap < 0.05) {
            break;
        }
        assert!(round < ROUNDS, "known and unknown names are {} apart", told.join(", "));
    }
    // Both kinds are in the trail; a name that nobody has is not written down.
    let rows = store.newest_audit(4).await.unwrap();
    assert!(
        rows.iter().all(|r| r.what == "sign-in-refused" && !r.id.contains("strange") && !r.by.0.contains("strange")),
        "{rows:?}"
    );
    house.verified().await;
}

/// How far two series are apart, as a share, where so large a part of each is quicker.
fn apart(share: f64, a: &[f64], b: &[f64]) -> f64 {
    let at = |times: &[f64]| {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() as f64 * share) as usize]
    };
    (at(a) / at(b) - 1.0).abs()
}

/// The most that this process ever held, in kB.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
