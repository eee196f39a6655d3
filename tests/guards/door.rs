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
/// medians are within five in a hundred. Whatever else the machine does befalls both alike, as they take turns; where it
/// makes even the answers of one kind differ among themselves, more are taken before anything is said.
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
        let gap = apart(&times[0], &times[1]);
        let half = |kind: usize, odd: usize| times[kind].iter().skip(odd).step_by(2).copied().collect::<Vec<_>>();
        let noise = apart(&half(0, 0), &half(0, 1)).max(apart(&half(1, 0), &half(1, 1)));
        println!(
            "{} answers: {:.2}% between the kinds, {:.2}% within one",
            2 * times[0].len(),
            gap * 100.0,
            noise * 100.0
        );
        if gap + noise < 0.05 {
            break;
        }
        assert!(round < ROUNDS || gap < 0.05, "known and unknown names are {:.1}% apart", gap * 100.0);
    }
    // Both kinds are in the trail; a name that nobody has is not written down.
    let rows = store.newest_audit(4).await.unwrap();
    assert!(
        rows.iter().all(|r| r.what == "sign-in-refused" && !r.id.contains("strange") && !r.by.0.contains("strange")),
        "{rows:?}"
    );
    house.verified().await;
}

/// How far the middles of two series are apart, as a share.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let middle = |times: &[f64]| {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    (middle(a) / middle(b) - 1.0).abs()
}

/// The most that this process ever held, in kB.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
