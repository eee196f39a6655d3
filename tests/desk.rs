//! The review desk from outside, through its whole router over a real store: who may come in and who may do what, what a
//! forged, late, doubled or hostile request gets, and the same moves through the API. `browser` walks through it in Chromium.

mod browser;
mod guards;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use remit::clock::Clock;
use remit::config::Site;
use remit::domain::{Control, Role, Sha256, User, UserName};
use remit::formats::bills_csv;
use remit::pipeline::{Office, TakeIn};
use remit::station;
use remit::web::router::{LINES, router};
use remit::web::{Desk, Policy, one_time};
use tower::ServiceExt;

const NOW: i64 = 1_795_780_800;
const SECRET: [u8; 20] = *b"12345678901234567890";

pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples")
}

fn name(text: &str) -> UserName {
    UserName(text.into())
}

/// A site with the samples' bills and one scanned batch, and the desk on it.
pub struct House {
    folder: tempfile::TempDir,
    pub office: Office,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn to(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |v| v.to_str().unwrap())
    }
}

/// A browser with its cookie.
#[derive(Clone, Default)]
struct Visitor {
    cookie: String,
    csrf: String,
}

impl House {
    pub async fn new(own: &str) -> House {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::at(&folder.path().join("site"), own, None, None).unwrap();
        let clock = Clock::system();
        let token = Office::create(&site, clock).await.unwrap().unwrap();
        std::fs::write(folder.path().join("token"), token).unwrap();
        let office = Office::open(site, clock).await.unwrap();
        let text = std::fs::read_to_string(samples().join("layouts.toml")).unwrap();
        office.import_layouts(&text).await.unwrap();
        let bills = bills_csv::bills(&std::fs::read(samples().join("open_bills.csv")).unwrap(), None).unwrap();
        office.import_bills(&bills.rows, false, false).await.unwrap();
        House { folder, office }
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("token")).unwrap()
    }

    pub async fn take(&self, path: &Path) {
        self.take_declared(path, Control::default()).await;
    }

    pub async fn take_declared(&self, path: &Path, declared: Control) {
        let date = Some("2026-11-20".parse().unwrap());
        let asked = TakeIn { origin: None, date, declared, name: None, operator: Some(name("olga")) };
        for source in station::sources(path).unwrap() {
            self.office.take_in(&source, &asked).await.unwrap();
        }
        self.office.run_jobs(|_| ()).await.unwrap();
    }

    /// The desk as it is at a moment.
    async fn at(&self, second: i64) -> axum::Router {
        let clock = Clock::fixed(&jiff::Timestamp::from_second(second).unwrap().to_string()).unwrap();
        let office = Office::open((*self.office.site).clone(), clock).await.unwrap();
        router(Desk::new(office, SocketAddr::from(([127, 0, 0, 1], 8088))))
    }

    /// A person with a session, without the work of a password.
    async fn person(&self, who: &str, roles: &[Role], fresh: bool) -> Visitor {
        let store = self.office.store();
        store.add_user(&name(who), roles, &name("remit")).await.unwrap();
        let mut roles = roles.to_vec();
        roles.sort();
        let user = User { name: name(who), roles, disabled: false };
        let token = one_time::new_token().unwrap();
        store.open_session(&user, Sha256::of(token.as_bytes()), NOW, fresh).await.unwrap();
        let csrf = Sha256::of(format!("form {token}").as_bytes()).to_string()[..40].to_string();
        Visitor { cookie: token, csrf }
    }

    /// The cookie and form token of an operator who is at the desk now.
    pub async fn signed_in(&self, who: &str) -> (String, String) {
        self.signed_in_as(who, &[Role::Operator], false).await
    }

    pub async fn signed_in_as(&self, who: &str, roles: &[Role], fresh: bool) -> (String, String) {
        let visitor = self.person(who, roles, fresh).await;
        let (hash, now) = (Sha256::of(visitor.cookie.as_bytes()), Clock::system().seconds());
        self.office.store().end_session(hash).await.unwrap();
        let mut roles = roles.to_vec();
        roles.sort();
        let user = User { name: name(who), roles, disabled: false };
        self.office.store().open_session(&user, hash, now, fresh).await.unwrap();
        (visitor.cookie, visitor.csrf)
    }

    /// Everything open held, then balanced, approved, posted and deposited by others.
    pub async fn sent_to_the_bank(&self, batch: &str) {
        let (olga, sven) = (name("teller"), name("second"));
        let store = self.office.store();
        store.add_user(&olga, &[Role::Operator], &name("remit")).await.unwrap();
        store.add_user(&sven, &[Role::Approver], &name("remit")).await.unwrap();
        for e in self.office.open_exceptions(None).await.unwrap().iter().filter(|e| e.batch.as_str() == batch) {
            self.office.hold(&e.transaction, &Default::default(), &olga).await.unwrap();
        }
        let found = async || self.office.find_batch(batch).await.unwrap();
        self.office.balance(&found().await, Some(&olga)).await.unwrap();
        self.office.approve(&found().await, &sven).await.unwrap();
        self.office.post(&found().await, &sven).await.unwrap();
        let made = self.office.make_deposits(found().await.date, None, &sven).await.unwrap();
        assert!(made.iter().any(|m| m.deposit.is_some()), "nothing was deposited");
    }

    async fn verified(&self) {
        let proof = self.office.verify(true).await.unwrap();
        assert!(proof.findings.is_empty(), "{:?}", proof.findings);
    }
}

fn request(method: &str, path: &str, visitor: &Visitor) -> axum::http::request::Builder {
    let mut builder = Request::builder().method(method).uri(path).header("host", "localhost:8088");
    if !visitor.cookie.is_empty() {
        builder = builder.header("cookie", format!("remit={}", visitor.cookie));
    }
    builder
}

async fn send(desk: &axum::Router, request: Request<Body>) -> Got {
    let answer = desk.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    Got { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

async fn get(desk: &axum::Router, path: &str, visitor: &Visitor) -> Got {
    send(desk, request("GET", path, visitor).body(Body::empty()).unwrap()).await
}

/// A form as our own page sends it.
async fn post(desk: &axum::Router, path: &str, visitor: &Visitor, form: &str) -> Got {
    let form = format!("csrf={}&{form}", visitor.csrf);
    let built = request("POST", path, visitor).header("content-type", "application/x-www-form-urlencoded");
    send(desk, built.body(Body::from(form)).unwrap()).await
}

/// The ids that stand in the routes, of this site.
async fn own_ids(house: &House) -> BTreeMap<&'static str, String> {
    let batch = house.office.batches().await.unwrap().remove(0);
    let found = house.office.find_batch(batch.id.as_str()).await.unwrap();
    let shown = house.office.show(&found).await.unwrap();
    let open = house.office.open_exceptions(None).await.unwrap();
    BTreeMap::from([
        ("batches", batch.id.to_string()),
        ("exceptions", open[0].id.to_string()),
        ("transactions", shown.transactions[0].id.to_string()),
        ("documents", shown.documents[0].id.to_string()),
    ])
}

/// The route with its places filled in: of our own things, or of things that are not of this site.
fn filled(path: &str, ids: &BTreeMap<&'static str, String>, own: bool) -> String {
    let foreign = |letter: &str| format!("{letter}0000000000000000");
    let noun = path.trim_start_matches("/api/v1").trim_start_matches('/').split('/').next().unwrap_or("");
    let id = match noun {
        "batches" | "exceptions" | "transactions" | "documents" if own => ids[noun].clone(),
        "batches" => foreign("b"),
        "exceptions" => foreign("x"),
        "transactions" => foreign("t"),
        "documents" => foreign("d"),
        "deposits" => foreign("p"),
        "returns" => foreign("n"),
        _ => "none".into(),
    };
    path.replace("{id}", &id)
        .replace("{side}", "front")
        .replace("{file}", "desk.css")
        .replace("{tray}", "0123456789abcdef")
        .replace("{name}", "nobody")
        .replace("{account}", "1020")
        .replace("{number}", "1")
}

/// S9, S10: every route, every role, our own things and things of elsewhere; and the headers of every answer (S6).
#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_its_policy_names_and_nobody_else() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let ids = own_ids(&house).await;
    let desk = house.at(NOW).await;
    let mut visitors = vec![(None, false, Visitor::default())];
    for role in Role::ALL {
        for fresh in [false, true] {
            let who = format!("{}-{fresh}", role.as_str());
            visitors.push((Some(role), fresh, house.person(&who, &[role], fresh).await));
        }
    }
    let mut asked = 0;
    for line in LINES.iter().filter(|l| l.path != "/sign-out") {
        for (role, fresh, visitor) in &visitors {
            for own in [true, false] {
                let path = filled(line.path, &ids, own);
                let got = match line.method {
                    "get" => get(&desk, &path, visitor).await,
                    "put" => send(&desk, request("PUT", &path, visitor).body(Body::empty()).unwrap()).await,
                    _ => post(&desk, &path, visitor, "name=x").await,
                };
                asked += 1;
                let place = format!("{} {path} as {role:?}, fresh {fresh}: {}", line.method, got.status);
                let may = |roles: &[Role]| role.is_some_and(|r| roles.iter().any(|right| r.includes(*right)));
                let bounced = got.status == StatusCode::SEE_OTHER && got.to().starts_with("/sign-in?next=");
                match line.policy {
                    Policy::Token(_) => assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{place}"),
                    // A form without a session cannot have a token.
                    _ if role.is_none() && line.method == "post" => {
                        assert_eq!(got.status, StatusCode::FORBIDDEN, "{place}")
                    }
                    Policy::Open => assert!(!bounced, "{place}"),
                    _ if role.is_none() => assert!(bounced, "{place}"),
                    Policy::Roles(roles) | Policy::Fresh(roles) if !may(roles) => {
                        assert_eq!(got.status, StatusCode::FORBIDDEN, "{place}")
                    }
                    Policy::Fresh(_) if !fresh => assert!(got.to().starts_with("/prove?next="), "{place}"),
                    _ => {
                        assert_ne!(got.status, StatusCode::UNAUTHORIZED, "{place}");
                        assert!(!got.status.is_server_error(), "{place}: {}", got.text);
                        let inside = path.contains("0000000000000000");
                        // Every object of elsewhere is as if it were not there.
                        assert!(!inside || got.status == StatusCode::NOT_FOUND, "{place}");
                    }
                }
                let header = |name: &str| got.headers.get(name).map_or("", |v| v.to_str().unwrap());
                assert!(
                    header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"),
                    "{place}"
                );
                assert!(!header("content-security-policy").contains("unsafe"), "{place}");
                assert_eq!(header("x-content-type-options"), "nosniff", "{place}");
                assert_eq!(header("referrer-policy"), "no-referrer", "{place}");
                assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{place}");
                assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{place}");
                assert!(header("strict-transport-security").starts_with("max-age="), "{place}");
                assert_eq!(header("cache-control"), if path.starts_with("/static/") { "no-cache" } else { "no-store" });
                assert!(!got.text.contains("<script>") && !got.text.contains("style=\""), "{place}");
            }
        }
    }
    assert!(asked > 2000, "only {asked} requests");
    house.verified().await;
}

/// S5, S6: what another site sends changes nothing, reading changes nothing, and only our own names are answered.
#[tokio::test(flavor = "multi_thread")]
async fn forged_requests_get_nowhere_and_reading_changes_nothing() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let ids = own_ids(&house).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], true).await;
    let path = format!("/exceptions/{}", ids["exceptions"]);
    let good = format!("csrf={}&move=hold", olga.csrf);
    type Row<'a> = (&'a str, &'a [(&'static str, &'a str)], &'a str, StatusCode);
    let rows: &[Row] = &[
        ("no token", &[], "move=hold", StatusCode::FORBIDDEN),
        ("another's token", &[], "csrf=0000000000000000000000000000000000000000&move=hold", StatusCode::FORBIDDEN),
        ("foreign origin", &[("origin", "https://evil.example")], &good, StatusCode::FORBIDDEN),
        ("no origin, other site", &[("origin", "null")], &good, StatusCode::FORBIDDEN),
        ("cross-site", &[("sec-fetch-site", "cross-site")], &good, StatusCode::FORBIDDEN),
        ("same site, other host", &[("sec-fetch-site", "same-site")], &good, StatusCode::FORBIDDEN),
        ("plain text", &[("content-type", "text/plain")], &good, StatusCode::FORBIDDEN),
        ("JSON without header", &[("content-type", "application/json")], &good, StatusCode::FORBIDDEN),
        ("other name", &[("host", "evil.example")], &good, StatusCode::MISDIRECTED_REQUEST),
    ];
    let head = house.office.store().audit_head().await.unwrap();
    for (what, headers, body, want) in rows {
        let mut built = request("POST", &path, &olga);
        let own = built.headers_mut().unwrap();
        own.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        for (name, value) in *headers {
            own.insert(header::HeaderName::from_static(name), value.parse().unwrap());
        }
        let got = send(&desk, built.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(got.status, *want, "{what}: {}", got.text);
    }
    // Every page that can be read, twice.
    for _ in 0..2 {
        for line in LINES.iter().filter(|l| l.method == "get" && !matches!(l.policy, Policy::Token(_))) {
            let got = get(&desk, &filled(line.path, &ids, true), &olga).await;
            assert!(!got.status.is_server_error(), "{}", line.path);
        }
    }
    assert_eq!(house.office.store().audit_head().await.unwrap(), head, "reading left a trace of change");
    assert!(house.office.store().leases(NOW).await.unwrap().is_empty());
    let large = format!("csrf={}&x={}", olga.csrf, "a".repeat(300_000));
    let built = request("POST", &path, &olga).header("content-type", "application/x-www-form-urlencoded");
    let got = send(&desk, built.body(Body::from(large)).unwrap()).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(get(&desk, &format!("/research?q={}", "a".repeat(5000)), &olga).await.status, StatusCode::URI_TOO_LONG);
    let own = request("POST", &path, &olga).header("content-type", "application/x-www-form-urlencoded");
    let own = own.header("origin", "null").header("sec-fetch-site", "same-origin");
    let got = send(&desk, own.body(Body::from(good)).unwrap()).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
    house.verified().await;
}

/// S1 to S4, S24: the one-time token, the password, the second factor once, waits and the hard stop, the end of a session.
#[tokio::test(flavor = "multi_thread")]
async fn the_door_opens_once_for_the_right_key() {
    let house = House::new("").await;
    let desk = house.at(NOW).await;
    let first = get(&desk, "/set-up", &Visitor::default()).await;
    let cookie = first.headers[header::SET_COOKIE].to_str().unwrap().to_string();
    assert!(cookie.starts_with("remit=") && cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let door = Visitor {
        cookie: cookie[6..70].to_string(),
        csrf: Sha256::of(format!("form {}", &cookie[6..70]).as_bytes()).to_string()[..40].to_string(),
    };
    let token = house.token();
    let set_up = |token: &str, password: &str| format!("token={token}&name=ada&password={password}&again={password}");
    for (form, want) in [
        (set_up("wrong", "gravel+otter+nine"), StatusCode::UNPROCESSABLE_ENTITY),
        (set_up(&token, "password123..."), StatusCode::UNPROCESSABLE_ENTITY),
        (set_up(&token, "short"), StatusCode::UNPROCESSABLE_ENTITY),
        (set_up(&token, "gravel+otter+nine"), StatusCode::SEE_OTHER),
        (set_up(&token, "gravel+otter+nine"), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(post(&desk, "/set-up", &door, &form).await.status, want, "{form}");
    }
    let store = house.office.store();
    let phc = store.credential(&name("ada")).await.unwrap().unwrap().password;
    assert!(phc.starts_with("$argon2id$v=19$m=47104"), "{phc}");
    store.save_second_factor(&name("ada"), &SECRET, 0, &[one_time::recovery_hash("ada", "ABCDE-FGHIJ")]).await.unwrap();
    let step = NOW / one_time::STEP_SECONDS;
    let sign_in = |who: &str, code: &str| format!("name={who}&password=gravel+otter+nine&code={code}");
    let wrong = post(&desk, "/sign-in", &door, &sign_in("ada", "000000")).await;
    let stranger = post(&desk, "/sign-in", &door, &sign_in("eve", "000000")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = |got: &Got| got.text.replace("value=\"ada\"", "").replace("value=\"eve\"", "");
    assert_eq!(told(&wrong), told(&stranger), "the same answer whether the name exists or not");
    let good = post(&desk, "/sign-in", &door, &sign_in("ada", &one_time::code(&SECRET, step))).await;
    assert_eq!((good.status, good.to()), (StatusCode::SEE_OTHER, "/"), "{}", good.text);
    let replay = post(&desk, "/sign-in", &door, &sign_in("ada", &one_time::code(&SECRET, step))).await;
    assert_eq!(replay.status, StatusCode::UNPROCESSABLE_ENTITY, "a code is good once");
    let late = house.at(NOW + 60).await;
    let recovery = post(&late, "/sign-in", &door, &sign_in("ada", "ABCDE-FGHIJ")).await;
    assert_eq!(recovery.status, StatusCode::SEE_OTHER, "{}", recovery.text);
    let again = post(&house.at(NOW + 90).await, "/sign-in", &door, &sign_in("ada", "ABCDE-FGHIJ")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a recovery code is good once");
    // The session: only its hash is kept; it ends by time, by signing out, by a change of roles, by disabling.
    let cookie = good.headers[header::SET_COOKIE].to_str().unwrap()[6..70].to_string();
    let csrf = Sha256::of(format!("form {cookie}").as_bytes()).to_string()[..40].to_string();
    let ada = Visitor { cookie: cookie.clone(), csrf };
    assert_ne!(cookie, door.cookie, "a new id at sign-in");
    for entry in std::fs::read_dir(&house.office.site.folder).unwrap().flatten().filter(|e| e.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        for secret in [cookie.as_bytes(), &SECRET, one_time::base32(&SECRET).as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret), "a secret stands in {:?}", entry.path());
        }
    }
    let admin = |second: i64| {
        let (house, ada) = (&house, ada.clone());
        async move { get(&house.at(second).await, "/admin", &ada).await.status }
    };
    assert_eq!(admin(NOW + 60).await, StatusCode::OK);
    for (who, after) in [("idle", 16 * 60), ("gone", 13 * 3600)] {
        let visitor = house.person(who, &[Role::Auditor], false).await;
        assert_eq!(get(&house.at(NOW + after).await, "/admin", &visitor).await.status, StatusCode::SEE_OTHER, "{who}");
    }
    let sven = house.person("sven", &[Role::Auditor], false).await;
    assert_eq!(get(&desk, "/admin", &sven).await.status, StatusCode::OK);
    store.add_user(&name("sven"), &[Role::Approver], &name("ada")).await.unwrap();
    assert_eq!(get(&desk, "/admin", &sven).await.status, StatusCode::SEE_OTHER, "roles changed");
    let una = house.person("una", &[Role::Auditor], false).await;
    store.disable_user(&name("una"), &name("ada")).await.unwrap();
    assert_eq!(get(&desk, "/admin", &una).await.status, StatusCode::SEE_OTHER, "disabled");
    let own = post(&house.at(NOW + 60).await, "/admin/users/ada/disable", &ada, "").await;
    assert_eq!(own.status, StatusCode::CONFLICT, "nobody edits their own rights");
    assert_eq!(post(&desk, "/sign-out", &ada, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(admin(NOW + 60).await, StatusCode::SEE_OTHER, "signed out");
    // Hard stop: what no password opens again but another administrator.
    for n in 0..99 {
        store.sign_in_failed(&name("ada"), 0, n >= 99).await.unwrap();
    }
    let late = house.at(NOW + 9000).await;
    post(&late, "/sign-in", &door, "name=ada&password=wrong+wrong").await;
    assert!(store.credential(&name("ada")).await.unwrap().unwrap().locked);
    let code = one_time::code(&SECRET, (NOW + 20_000) / 30);
    let shut = post(&house.at(NOW + 20_000).await, "/sign-in", &door, &sign_in("ada", &code)).await;
    assert_eq!(shut.status, StatusCode::UNPROCESSABLE_ENTITY, "locked");
    store.unlock(&name("ada"), &name("sven")).await.unwrap();
    let open = post(&house.at(NOW + 20_000).await, "/sign-in", &door, &sign_in("ada", &code)).await;
    assert_eq!(open.status, StatusCode::SEE_OTHER, "{}", open.text);
}

/// The item: an answer by its key, a doubled and a late press, another's lease, taking back, keying large amounts twice.
#[tokio::test(flavor = "multi_thread")]
async fn work_is_done_once_by_one_person_and_can_be_taken_back() {
    let house = House::new("[desk]\nsecond_key_from = \"400.00\"\n").await;
    house.take(&samples().join("batches")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let uwe = house.person("uwe", &[Role::Operator], false).await;
    let open = house.office.open_exceptions(None).await.unwrap();
    let find = |code: &str| open.iter().find(|e| e.code.code() == code).unwrap_or_else(|| panic!("no {code}"));
    let short = find("underpaid");
    let path = format!("/exceptions/{}", short.id);
    let lease = format!("/transactions/{}/lease", short.transaction);
    let page = get(&desk, &path, &olga).await;
    assert!(page.text.contains("accept as part") && page.text.contains(">1</kbd>"), "{}", page.text);
    let mine = post(&desk, &lease, &olga, "").await;
    assert!(mine.text.contains("\"yours\":true"), "{}", mine.text);
    assert!(post(&desk, &lease, &uwe, "").await.text.contains("\"holder\":\"olga\""));
    let theirs = post(&desk, &path, &uwe, "move=accept-partial").await;
    assert_eq!(theirs.status, StatusCode::CONFLICT, "{}", theirs.text);
    assert_eq!(post(&desk, &path, &olga, "move=accept-partial&fence=77").await.status, StatusCode::CONFLICT);
    assert!(get(&desk, "/exceptions", &uwe).await.text.contains("olga"));
    let done = post(&desk, &path, &olga, "move=accept-partial&fence=1").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert!(done.to().contains("done=decided"), "{}", done.to());
    // A doubled press changes nothing; another answer to what was answered is refused.
    let head = house.office.store().audit_head().await.unwrap();
    assert_eq!(post(&desk, &path, &olga, "move=accept-partial").await.status, StatusCode::SEE_OTHER);
    assert_eq!(post(&desk, &path, &olga, "move=accept").await.status, StatusCode::CONFLICT);
    assert_eq!(house.office.store().audit_head().await.unwrap(), head);
    let undo = post(&desk, &format!("/transactions/{}/undo", short.transaction), &olga, "").await;
    assert_eq!(undo.status, StatusCode::SEE_OTHER, "{}", undo.text);
    let t = house.office.store().transaction(&short.transaction).await.unwrap();
    assert!(t.is_open_exception() && t.decisions.len() == 2, "asked again, and both stay in the record");
    let again = t.exceptions.iter().find(|e| e.decision.is_none()).unwrap();
    let done = post(&desk, &format!("/exceptions/{}", again.id), &olga, "move=hold&field.owner=uwe").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    // Large amounts: twice, by two people, the second without seeing the first.
    let cash = find("stub-without-check");
    let path = format!("/exceptions/{}", cash.id);
    let first = post(&desk, &path, &olga, "move=key-amount&field.amount=51234").await;
    assert!(first.to().contains("done=first-key"), "{} {}", first.to(), first.text);
    let open = house.office.store().exception(cash.id.as_str()).await.unwrap();
    assert!(open.exception.decision.is_none());
    assert!(!get(&desk, &path, &uwe).await.text.contains("512.34"));
    let same = post(&desk, &path, &olga, "move=key-amount&field.amount=512.34").await;
    assert_eq!(same.status, StatusCode::CONFLICT, "one person is not two");
    let differs = post(&desk, &path, &uwe, "move=key-amount&field.amount=512.43").await;
    assert_eq!(differs.status, StatusCode::CONFLICT);
    assert!(post(&desk, &path, &uwe, "move=key-amount&field.amount=512.43").await.to().contains("first-key"));
    let second = post(&desk, &path, &olga, "move=key-amount&field.amount=512.43").await;
    assert!(second.to().contains("done=decided"), "{} {}", second.to(), second.text);
    house.verified().await;
}

/// S7, S17: what comes from paper, files and people is text and stays text.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_and_files_stay_what_they_are() {
    let house = House::new("[desk]\nupload_megabytes = 1\n").await;
    let mut bills = bills_csv::bills(&std::fs::read(samples().join("open_bills.csv")).unwrap(), None).unwrap().rows;
    for (n, bill) in bills.iter_mut().enumerate() {
        bill.name =
            format!("<img src=x onerror=alert({n})>\u{202e}evil{}", "N".repeat(if n == 0 { 10_000 } else { 5 }));
    }
    house.office.import_bills(&bills, false, false).await.unwrap();
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], true).await;
    let mut pages: Vec<String> =
        ["/", "/exceptions", "/batches", "/research?q=evil", "/ledger"].map(String::from).to_vec();
    pages.extend(house.office.open_exceptions(None).await.unwrap().iter().map(|e| format!("/exceptions/{}", e.id)));
    let mut seen = 0;
    for path in pages {
        let got = get(&desk, &path, &olga).await;
        assert_eq!(got.status, StatusCode::OK, "{path}");
        assert!(!got.text.contains("<img src=x"), "{path}");
        assert!(got.text.len() < 60_000 || got.text.contains("NNNNNNNN"), "{path}: {} bytes", got.text.len());
        seen += usize::from(got.text.contains("&#60;img") || got.text.contains("&lt;img"));
    }
    assert!(seen > 0, "the hostile names were on no page");
    for (file, body, want) in [
        ("a.tif", vec![0u8; 1000], StatusCode::OK),
        ("..%2F..%2Fetc%2Fpasswd", vec![0u8; 10], StatusCode::UNPROCESSABLE_ENTITY),
        ("CON", vec![0u8; 10], StatusCode::UNPROCESSABLE_ENTITY),
        ("big.tif", vec![0u8; 1_100_000], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let path = format!("/capture/0123456789abcdef/file?name={file}");
        let built = request("POST", &path, &olga).header("content-type", "application/octet-stream");
        let got = send(&desk, built.header("x-csrf", &olga.csrf).body(Body::from(body)).unwrap()).await;
        assert_eq!(got.status, want, "{file}: {}", got.text);
    }
    let left = std::fs::read_dir(house.office.site.folder.join("uploads")).unwrap().count();
    assert_eq!(left, 1, "one tray, and nothing outside it");
}

/// The API: tokens, one change for one key, errors as problem details; accounts masked.
#[tokio::test(flavor = "multi_thread")]
async fn programs_make_the_same_moves_once() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    house.person("olga", &[Role::Operator], false).await;
    let store = house.office.store();
    store.add_token("k1", Sha256::of(b"secret"), &name("olga"), "billing", &name("ada")).await.unwrap();
    let open = house.office.open_exceptions(None).await.unwrap();
    let short = open.iter().find(|e| e.code.code() == "underpaid").unwrap();
    let path = format!("/api/v1/exceptions/{}/decide", short.id);
    let call = |method: Method, path: String, token: &'static str, key: &'static str, body: &'static str| {
        let mut built = Request::builder().method(method).uri(path).header("host", "localhost");
        built = built.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
        if !key.is_empty() {
            built = built.header("idempotency-key", key);
        }
        let (desk, request) = (desk.clone(), built.body(Body::from(body)).unwrap());
        async move { send(&desk, request).await }
    };
    let part = r#"{"move":"accept-partial"}"#;
    let rows = [
        ("wrong", "k", part, 401),
        ("secret", "", part, 400),
        ("secret", "k1", r#"{"move":"nonsense"}"#, 409),
        ("secret", "k2", "not json", 422),
        ("secret", "k3", part, 200),
        ("secret", "k3", part, 200),
        ("secret", "k3", r#"{"move":"accept"}"#, 422),
        ("secret", "k4", part, 200),
    ];
    for (token, key, body, want) in rows {
        let got = call(Method::POST, path.clone(), token, key, body).await;
        assert_eq!(got.status.as_u16(), want, "{token} {key} {body}: {}", got.text);
        if want >= 400 {
            assert_eq!(got.headers[header::CONTENT_TYPE], "application/problem+json", "{}", got.text);
            assert!(got.text.contains("urn:remit:problem:"), "{}", got.text);
        }
    }
    let got = call(Method::POST, format!("/api/v1/batches/{}/approve", short.batch), "secret", "k5", "").await;
    assert_eq!(got.status, StatusCode::FORBIDDEN, "an operator's token does not approve");
    let shown = call(Method::GET, format!("/api/v1/batches/{}", short.batch), "secret", "", "").await;
    assert_eq!(shown.status, StatusCode::OK);
    let whole: serde_json::Value = serde_json::from_str(&shown.text).unwrap();
    let account = whole["transactions"][0]["applications"][0]["account"].as_str().unwrap_or("...");
    assert!(account.starts_with("..."), "{account}");
    // The moves of the other screens: taking in, regrouping and back, a note, a scan again, deposits, the drawer.
    let everything = [Role::Operator, Role::Approver, Role::Cashier];
    let mut roles = everything.to_vec();
    roles.sort();
    store.add_user(&name("olga"), &roles, &name("remit")).await.unwrap();
    let from = samples().join("batches").join("b0002");
    for entry in std::fs::read_dir(&from).unwrap().flatten() {
        let (file, bytes) = (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
        if file.ends_with(".json") || file.ends_with(".csv") && file != "index.csv" {
            continue;
        }
        let built = Request::builder().method("PUT").uri(format!("/api/v1/trays/0123456789abcdef/files/{file}"));
        let built = built.header("host", "localhost").header("authorization", "Bearer secret");
        assert_eq!(send(&desk, built.body(Body::from(bytes)).unwrap()).await.status, StatusCode::OK, "{file}");
    }
    let moves = async |path: &str, key: &'static str, body: String| {
        let built = Request::builder().method("POST").uri(format!("/api/v1/{path}")).header("host", "localhost");
        let built = built.header("authorization", "Bearer secret").header("idempotency-key", key);
        let got = send(&desk, built.body(Body::from(body)).unwrap()).await;
        let value: serde_json::Value = serde_json::from_str(&got.text).unwrap_or_default();
        (got.status.as_u16(), value)
    };
    let tray = r#"{"fields": {"name": "from a program", "date": "2026-11-20"}}"#;
    let (status, taken) = moves("trays/0123456789abcdef/take", "m1", tray.into()).await;
    assert_eq!((status, &taken["taken"][0]["words"]), (200, &"Taken in.".into()), "{taken}");
    assert_eq!(moves("trays/0123456789abcdef/take", "m1", tray.into()).await, (200, taken), "once");
    let documents = |n: usize| whole["transactions"][n]["documents"][0].as_str().unwrap().to_string();
    let pair = format!(r#"{{"documents": ["{}", "{}"]}}"#, documents(0), documents(1));
    let (status, done) = moves(&format!("batches/{}/regroup", short.batch), "m2", pair).await;
    assert_eq!((status, &done["already"]), (200, &false.into()), "{done}");
    let one = done["transaction"].as_str().unwrap();
    assert_eq!(
        moves(&format!("transactions/{one}/note"), "m3", r#"{"text": "called the member"}"#.into()).await.0,
        200
    );
    assert_eq!(moves(&format!("transactions/{one}/undo"), "m4", String::new()).await.0, 200);
    assert_eq!(moves(&format!("batches/{}/mend", short.batch), "m5", r#"{"mark": "0"}"#.into()).await.0, 409);
    assert_eq!(moves("deposits", "m6", r#"{"date": "2026-11-20"}"#.into()).await.1["deposits"], serde_json::json!([]));
    let open = r#"{"move": "open", "fields": {"float": "200.00"}}"#;
    assert_eq!(moves("drawer", "m7", open.into()).await.1["drawers"][0]["opening"], "200.00");
    assert_eq!(moves("watched", "m8", r#"{"name": "x"}"#.into()).await.0, 404);
    assert_eq!(moves("returns/n0000000000000000", "m9", r#"{"move": "clear"}"#.into()).await.0, 404);
    assert_eq!(moves(&format!("batches/{}/void", short.batch), "m10", r#"{"note": "x"}"#.into()).await.0, 422);
    for path in ["returns", "proof-sheet", "drawer", "ledger/export?format=csv"] {
        let got = call(Method::GET, format!("/api/v1/{path}"), "secret", "", "").await;
        assert_eq!(got.status, StatusCode::OK, "{path}: {}", got.text);
    }
    let picture = call(Method::GET, format!("/api/v1/documents/{}/side/front", documents(0)), "secret", "", "").await;
    assert_eq!(picture.headers[header::CONTENT_TYPE], "image/png");
    house.office.run_jobs(|_| ()).await.unwrap();
    store.end_token("k1", &name("ada")).await.unwrap();
    let ended = call(Method::GET, "/api/v1/batches".into(), "secret", "", "").await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
    house.verified().await;
}
