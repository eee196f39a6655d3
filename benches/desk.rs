//! A day of 5,000 documents loaded, and what each page of the desk takes on the server: through the whole router (gate,
//! session, store, template), one request at a time and then 50 people at once. The promise is 30 ms at the 95th percentile.
//! Beside the time of the clock, which a busy machine makes longer, stands what a page costs of the processor.
//! `cargo bench --bench desk [-- --docs N] [--site FOLDER]`: the site is made there, or used as it is there.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use remit::clock::Clock;
use remit::config::Site;
use remit::domain::{Role, Sha256, User, UserName};
use remit::pipeline::Office;
use remit::web::router::router;
use remit::web::{Desk, one_time};
use tower::ServiceExt;

const DATE: &str = "2026-11-20";

fn remit(words: &[&str]) {
    let ended = Command::new(env!("CARGO_BIN_EXE_remit")).args(words).stdout(Stdio::null()).status();
    assert!(ended.expect("the program starts").success(), "remit {}", words.join(" "));
}

fn found(folder: &Path, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(found(&path, name));
        } else if path.file_name().is_some_and(|n| n == name) {
            all.push(path.to_string_lossy().into_owned());
        }
    }
    all.sort();
    all
}

async fn ask(desk: &axum::Router, path: &str, cookie: &str) -> Duration {
    let request = Request::builder().uri(path).header("host", "localhost").header("cookie", format!("remit={cookie}"));
    timed(desk, path, request.body(Body::empty()).expect("a request")).await
}

/// A move as the page's script sends it.
async fn send(desk: &axum::Router, path: &str, cookie: &str, form: &str) -> Duration {
    let csrf = &Sha256::of(format!("form {cookie}").as_bytes()).to_string()[..40];
    let request = Request::builder().method("POST").uri(path).header("host", "localhost");
    let request = request.header("cookie", format!("remit={cookie}")).header("x-requested-by", "desk");
    let request = request.header("content-type", "application/x-www-form-urlencoded").header("x-csrf", csrf);
    timed(desk, path, request.body(Body::from(form.to_string())).expect("a request")).await
}

async fn timed(desk: &axum::Router, path: &str, request: Request<Body>) -> Duration {
    let started = Instant::now();
    let answer = desk.clone().oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 64 << 20).await.expect("a body");
    let took = started.elapsed();
    assert!(status.is_success() || status.is_redirection(), "{path}: {status} {}", String::from_utf8_lossy(&body));
    took
}

/// Milliseconds of processor time that this process has used.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks * 10.0
}

fn said(name: &str, times: &mut [Duration], since: Option<f64>) {
    times.sort();
    let each = since.map_or("-".into(), |s| format!("{:.1}", (processor() - s) / times.len() as f64));
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("{name:<22} {:>6} {:>9.1} {:>9.1} {:>9.1} {each:>9}", times.len(), at(0.5), at(0.95), at(1.0));
}

fn main() {
    let given = |name: &str| std::env::args().skip_while(|a| a != name).nth(1);
    let docs = given("--docs").unwrap_or_else(|| "5000".into());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let deck = folder.path().join("deck");
    let site = given("--site").map_or_else(|| folder.path().join("site"), std::path::PathBuf::from);
    if !site.exists() {
        load(&deck, &site, &docs);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(&site));
}

/// A day taken in and read.
fn load(deck: &Path, site: &Path, docs: &str) {
    let (deck_name, site_name) = (deck.to_string_lossy().into_owned(), site.to_string_lossy().into_owned());
    remit(&["deck", "--docs", docs, "--seed", "7", "-o", &deck_name]);
    remit(&["init", &site_name]);
    for (words, name) in [
        (["layouts", "import"], "layouts.toml"),
        (["bills", "import"], "open_bills.csv"),
        (["payers", "import"], "payers.csv"),
    ] {
        for file in found(deck, name) {
            remit(&["--site", &site_name, words[0], words[1], &file]);
        }
    }
    for index in found(deck, "index.csv") {
        let batch = Path::new(&index).parent().expect("a folder").to_string_lossy().into_owned();
        remit(&["--site", &site_name, "ingest", &batch, "--date", DATE, "--no-run"]);
    }
    remit(&["--site", &site_name, "worker", "--until-idle"]);
}

async fn measure(folder: &Path) {
    let site = Site::find(Some(folder), None, None).expect("the site");
    let office = Office::open(site, Clock::system()).await.expect("the site opens");
    let store = office.store().clone();
    let user = User { name: UserName("olga".into()), roles: vec![Role::Operator, Role::Auditor], disabled: false };
    store.add_user(&user.name, &user.roles, &user.name).await.expect("a person");
    let cookie = one_time::new_token().expect("random bytes");
    store.open_session(&user, Sha256::of(cookie.as_bytes()), Clock::system().seconds(), true).await.expect("a session");
    let batches = store.batches().await.expect("batches");
    let open = office.open_exceptions(None).await.expect("exceptions");
    let documents: u32 = batches.iter().map(|b| b.documents).sum();
    println!("{documents} documents, {} batches, {} open exceptions", batches.len(), open.len());
    let desk = router(Desk::new(office.clone(), SocketAddr::from(([127, 0, 0, 1], 8088))));
    let batch = |n: usize| batches[n % batches.len()].batch.id.to_string();
    let exception = |n: usize| open[n * 7 % open.len()].id.to_string();
    let document = |n: usize| open[n * 7 % open.len()].document.as_ref().map(ToString::to_string).unwrap_or_default();
    type Page<'a> = (&'a str, Box<dyn Fn(usize) -> String + 'a>);
    let pages: Vec<Page> = vec![
        ("today", Box::new(|_| "/".into())),
        ("exceptions", Box::new(|_| "/exceptions".into())),
        ("item", Box::new(|n| format!("/exceptions/{}", exception(n)))),
        (
            "image",
            Box::new(|n| match document(n).as_str() {
                "" => "/static/desk.css".into(),
                id => format!("/documents/{id}/side/front"),
            }),
        ),
        ("batches", Box::new(|_| "/batches".into())),
        ("batch", Box::new(|n| format!("/batches/{}", batch(n)))),
        ("balance", Box::new(|n| format!("/batches/{}/balance", batch(n)))),
        ("approve", Box::new(|n| format!("/batches/{}/approve", batch(n)))),
        ("research by amount", Box::new(|n| format!("/research?q={}.{:02}", 20 + n, n % 100))),
        ("research by name", Box::new(|_| "/research?q=alder".into())),
        ("capture", Box::new(|_| "/capture".into())),
        ("deposits", Box::new(|_| "/deposits".into())),
        ("ledger", Box::new(|_| "/ledger".into())),
        ("returns", Box::new(|_| "/returns".into())),
        ("admin", Box::new(|_| "/admin".into())),
        ("account", Box::new(|_| "/account".into())),
    ];
    println!("{:<22} {:>6} {:>9} {:>9} {:>9} {:>9}", "page", "asked", "median ms", "95% ms", "worst ms", "cpu ms");
    for (name, path) in &pages {
        let mut times = Vec::new();
        let since = processor();
        for n in 0..100 {
            times.push(ask(&desk, &path(n), &cookie).await);
        }
        said(name, &mut times, Some(since));
    }
    // All at once without a pause: what the machine can do.
    let (started, since) = (Instant::now(), processor());
    let mut people = tokio::task::JoinSet::new();
    for person in 0..50usize {
        let (desk, cookie) = (desk.clone(), cookie.clone());
        let paths: Vec<String> = (0..20).map(|n| pages[(person + n) % 6].1(person * 20 + n)).collect();
        people.spawn(async move {
            let mut times = Vec::new();
            for path in paths {
                times.push(ask(&desk, &path, &cookie).await);
            }
            times
        });
    }
    let mut times = Vec::new();
    while let Some(of_one) = people.join_next().await {
        times.extend(of_one.expect("a person at work"));
    }
    said("50 without a pause", &mut times, Some(since));
    println!("{:.0} pages a second", times.len() as f64 / started.elapsed().as_secs_f64());
    // And 50 at work, each faster than anybody is: every second another item is looked at with its image, leased and held.
    let mut each: Vec<Item> = Vec::new();
    for e in open.iter().filter(|e| !e.transaction.is_empty()) {
        if !each.iter().any(|i| i.transaction == e.transaction) {
            let image = e.document.as_ref().map(|d| format!("/documents/{d}/side/front"));
            each.push(Item { exception: e.id.to_string(), transaction: e.transaction.clone(), image });
        }
    }
    let since = processor();
    let mut people = tokio::task::JoinSet::new();
    for (person, items) in each.chunks((each.len() / 50).clamp(1, 10)).take(50).enumerate() {
        let (desk, cookie, items) = (desk.clone(), cookie.clone(), items.to_vec());
        people.spawn(async move {
            let (mut looks, mut moves) = (Vec::new(), Vec::new());
            let first = tokio::time::Instant::now() + Duration::from_millis(20 * person as u64);
            let mut second = tokio::time::interval_at(first, Duration::from_secs(1));
            for item in items {
                second.tick().await;
                looks.push(ask(&desk, &format!("/exceptions/{}", item.exception), &cookie).await);
                if let Some(image) = &item.image {
                    looks.push(ask(&desk, image, &cookie).await);
                }
                moves.push(send(&desk, &format!("/transactions/{}/lease", item.transaction), &cookie, "").await);
                moves.push(send(&desk, &format!("/exceptions/{}", item.exception), &cookie, "move=hold").await);
            }
            (looks, moves)
        });
    }
    let (mut looks, mut moves) = (Vec::new(), Vec::new());
    while let Some(of_one) = people.join_next().await {
        let (l, m) = of_one.expect("a person at work");
        looks.extend(l);
        moves.extend(m);
    }
    println!("{:.1} ms of the processor for an item with all of it", 2.0 * (processor() - since) / moves.len() as f64);
    said("50 at work: looking", &mut looks, None);
    said("50 at work: moves", &mut moves, None);
}

/// What one person takes from the queue.
#[derive(Clone)]
struct Item {
    exception: String,
    transaction: String,
    image: Option<String>,
}
