//! Sudden death at any moment: the real program is killed (`SIGKILL`) at random moments, and at chosen `fsync` calls, of a
//! scripted day from ingest to deposit on `scanner-samples/`. After each kill `verify` must pass, the same command given
//! again must end well, and at the end the ledger export, the deposit list and the files on disk must be byte for byte those
//! of an undisturbed day. `REMIT_KILLS` says how many kills (25), `REMIT_SEED` which (1).

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

const NOW: &str = "2026-11-28T12:00:00Z";
const DATE: &str = "2026-11-20";
/// The key file, below the site's folder.
const KEY: &str = "keys/site.key";
/// A command that runs longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Numbers drawn by lot, the same for the same seed (xorshift64*).
struct Lot(u64);

impl Lot {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit.max(1)
    }
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// One command of the day: who gives it, its words.
#[derive(Clone, Debug)]
struct Order {
    user: &'static str,
    words: Vec<String>,
}

fn order(user: &'static str, words: &[&str]) -> Order {
    Order { user, words: words.iter().map(|w| w.to_string()).collect() }
}

struct Ended {
    /// `None`: killed.
    code: Option<i32>,
    out: String,
    err: String,
    took: Duration,
}

#[derive(Clone)]
struct Site(PathBuf);

impl Site {
    fn command(&self, order: &Order, under: &[String]) -> Command {
        let program = env!("CARGO_BIN_EXE_remit").to_string();
        let words: Vec<String> = under.iter().cloned().chain([program]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("--site").arg(&self.0);
        if !order.user.is_empty() {
            command.args(["--as", order.user]);
        }
        command.args(&order.words).env("REMIT_NOW", NOW).env("NO_COLOR", "1");
        for variable in ["REMIT_SITE", "REMIT_DB", "REMIT_BLOBS", "REMIT_LOG"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command; with `kill_after` it is killed at that moment, unless it ends before.
    fn run(&self, order: &Order, kill_after: Option<Duration>, under: &[String]) -> Ended {
        let started = Instant::now();
        let mut child = self.command(order, under).spawn().expect("the program starts");
        let mut drains = Vec::new();
        let (closed, wait) = mpsc::channel();
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for mut pipe in pipes {
            let closed = closed.clone();
            drains.push(std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = pipe.read_to_end(&mut text);
                let _ = closed.send(());
                String::from_utf8_lossy(&text).into_owned()
            }));
        }
        let until = started + kill_after.unwrap_or(PATIENCE);
        let mut late = false;
        for _ in 0..2 {
            // Both pipes close when the program ends; the deadline comes first when it is to be killed.
            late |= wait.recv_timeout(until.saturating_duration_since(Instant::now())).is_err();
        }
        if late {
            let _ = child.kill();
        }
        let status = child.wait().expect("the program can be waited for");
        let took = started.elapsed();
        let mut texts = drains.into_iter().map(|d| d.join().expect("a pipe can be read"));
        let (out, err) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        assert!(!late || kill_after.is_some(), "`{}` hangs: {err}", order.words.join(" "));
        assert!(!err.contains("panicked at"), "`{}` panics: {err}", order.words.join(" "));
        Ended { code: status.code(), out, err, took }
    }

    /// Runs a command that must end with 0 (or 1, where the answer may be no).
    fn must(&self, order: &Order, also: &[i32]) -> Ended {
        let ended = self.run(order, None, &[]);
        let good = ended.code.is_some_and(|c| c == 0 || also.contains(&c));
        assert!(good, "`remit {}` ends with {:?}:\n{}{}", order.words.join(" "), ended.code, ended.out, ended.err);
        ended
    }

    fn json(&self, words: &[&str]) -> Vec<Value> {
        let ended = self.must(&order("", words), &[]);
        ended.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{words:?}: {e}: {l}"))).collect()
    }

    fn verify(&self, after: &str) {
        let ended = self.run(&order("", &["verify"]), None, &[]);
        assert_eq!(ended.code, Some(0), "verify fails after {after}:\n{}{}", ended.out, ended.err);
    }

    /// Takes the site away, with its backup and what was restored of it.
    fn clear(&self) {
        fs::remove_file(self.0.with_extension("backup")).expect("a backup can be cleared away");
        for folder in [self.0.clone(), self.0.with_extension("restored")] {
            fs::remove_dir_all(folder).expect("a round can be cleared away");
        }
    }

    fn batches(&self) -> Vec<String> {
        let all = self.json(&["batch", "list", "--json"]);
        all.iter().filter(|b| text(&b["state"]) != "void").map(|b| text(&b["id"])).collect()
    }

    /// What must not depend on being killed: the ledger, the deposits, every file handed to others.
    fn outcome(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for words in [
            &["ledger", "export", "--format", "csv"][..],
            &["deposit", "list", "--json"],
            &["batch", "list", "--json"],
            &["returns", "list", "--json"],
            &["billing", "list", "--json"],
            &["drawer", "list", "--json"],
            &["ledger", "roots", "--json"],
        ] {
            all.insert(words.join(" "), self.must(&order("", words), &[]).out.into_bytes());
        }
        let restored = Site(self.0.with_extension("restored"));
        restored.verify("a restore");
        let books = restored.must(&order("", &["ledger", "export", "--format", "csv"]), &[]);
        all.insert("the restored ledger".into(), books.out.into_bytes());
        for folder in ["deposits", "posting", "notices", "meters"] {
            for path in files(&self.0.join(folder)) {
                let name = path.strip_prefix(&self.0).expect("inside the site").display().to_string();
                all.insert(name, fs::read(&path).expect("a file of the site can be read"));
            }
        }
        all
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The operator keys an unknown amount from the check, as the samples' truth knows it.
fn amount_keyed(batch: &Value, transaction: &Value, samples: &Path) -> Option<Order> {
    let exception = list(&transaction["exceptions"])
        .iter()
        .find(|x| text(&x["code"]) == "amount-unknown" && x["decision"].is_null() && x["document"].is_string())?;
    let document = list(&batch["documents"]).iter().find(|d| d["id"] == exception["document"])?;
    let truth = fs::read_to_string(samples.join("truth.jsonl")).ok()?;
    let cents = truth.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()).find_map(|right| {
        let same = right["batch"] == batch["name"] && right["seq"] == document["seq"];
        if same { right["amount"].as_i64() } else { None }
    })?;
    let amount = format!("amount={}", remit::domain::Cents::new(cents));
    Some(order("olga", &["exceptions", "decide", &text(&exception["id"]), "key-amount", &amount]))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be listed").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}

/// The steps of the day. Each says its next command from the state of the site, so that it can be asked again after a crash.
const STEPS: &[&str] = &[
    "load", "ingest", "settle", "split", "void", "balance", "approve", "post", "deposit", "confirm", "billing",
    "return", "reverse", "apply", "drawer", "close", "exports", "hold", "rotate", "reseal", "backup", "restore",
    "purge",
];

/// The next commands of a step, those already given left out by the caller.
fn orders(step: &str, site: &Site, samples: &Path) -> Vec<Order> {
    let each = |user, words: &[&str]| {
        let all = site.batches();
        all.iter().map(|id| order(user, &words.iter().copied().chain([id.as_str()]).collect::<Vec<_>>())).collect()
    };
    let beside = |name: &str| site.0.with_extension(name).to_string_lossy().into_owned();
    match step {
        "load" => loads(samples),
        // What is held leaves; one of the parts that left is set aside for good.
        "split" => parts(site, false).iter().map(|id| order("olga", &["batch", "split", id])).collect(),
        "void" => parts(site, true).iter().take(1).map(|id| order("olga", &["batch", "void", id])).collect(),
        "apply" => {
            let waiting = site.json(&["ledger", "suspense", "--json"]);
            let words = |item: &Value| {
                let (transaction, amount) = (text(&item["transaction"]), text(&item["amount"]));
                order(
                    "sven",
                    &["ledger", "apply", &transaction, "--account", &first_bill(samples).0, "--amount", &amount],
                )
            };
            waiting.iter().map(words).collect()
        }
        "exports" => ["notices", "meters"].iter().map(|words| order("", &[words, "--since", DATE])).collect(),
        "hold" => site.batches().first().map_or(vec![], |id| {
            let hold = |word, rest: &[&str]| order("ada", &[&["legal-hold", word, id.as_str()], rest].concat());
            vec![hold("add", &["--note", "a case"]), hold("release", &[])]
        }),
        "rotate" => vec![order("ada", &["keys", "rotate"])],
        "reseal" => vec![order("ada", &["keys", "reseal"])],
        "backup" => vec![order("ada", &["backup", &beside("backup")])],
        "restore" => {
            let key = site.0.join(KEY).to_string_lossy().into_owned();
            vec![order("ada", &["restore", &beside("backup"), &beside("restored"), "--key", &key])]
        }
        "purge" => vec![order("ada", &["purge"])],
        "ingest" => sources(samples)
            .iter()
            .map(|p| order("olga", &["ingest", &p.to_string_lossy(), "--date", DATE, "--json"]))
            .collect(),
        "settle" => {
            let mut all = Vec::new();
            for id in site.batches() {
                let shown = site.json(&["batch", "show", &id, "--json"]).remove(0);
                for transaction in list(&shown["transactions"]).iter().filter(|t| text(&t["state"]) == "exception") {
                    all.extend(amount_keyed(&shown, transaction, samples));
                    all.push(order("olga", &["batch", "hold", &text(&transaction["id"])]));
                }
            }
            all
        }
        "balance" => each("olga", &["balance"]),
        "approve" => each("sven", &["batch", "approve"]),
        "post" => each("sven", &["post"]),
        "deposit" => vec![order("sven", &["deposit", "make", "--date", DATE, "--json"])],
        "confirm" => {
            let all = site.json(&["deposit", "list", "--json"]);
            let words = |d: &Value| {
                let (id, count, total) = (text(&d["id"]), d["count"].to_string(), text(&d["total"]));
                order("sven", &["deposit", "ack", &id, "--count", &count, "--total", &total])
            };
            all.iter().map(words).collect()
        }
        "billing" => {
            let all = site.json(&["billing", "list", "--json"]);
            let words = |f: &Value| {
                let (id, count, total) = (text(&f["batch"]), f["count"].to_string(), text(&f["total"]));
                order("sven", &["billing", "ack", &id, "--count", &count, "--total", &total])
            };
            all.iter().map(words).collect()
        }
        "return" => {
            let deposits = site.json(&["deposit", "list", "--json"]);
            let items = deposits.iter().flat_map(|d| list(&d["items"])).take(2);
            let key = |i: &Value| {
                let (document, amount) = (text(&i["document"]), text(&i["amount"]));
                order("olga", &["returns", "key", "--document", &document, "--amount", &amount, "--reason", "A"])
            };
            let mut all: Vec<Order> = items.map(key).collect();
            for (known, word) in site.json(&["returns", "list", "--json"]).iter().zip(["represent", "charge-back"]) {
                all.push(order("olga", &["returns", word, &text(&known["id"])]));
            }
            all
        }
        "reverse" => vec![order("sven", &["ledger", "reverse", "3", "--note", "wrong member"])],
        "drawer" => {
            let (account, bill) = first_bill(samples);
            let (account, bill) = (account.as_str(), bill.as_str());
            let receive = |amount: &str, key: &str| {
                let words = ["drawer", "receive", "--tender", "cash", "--amount", amount, "--tendered", "100.00"];
                let rest = ["--account", account, "--bill", bill, "--key", key];
                order("kim", &[&words[..], &rest[..]].concat())
            };
            vec![
                order("kim", &["drawer", "open", "--float", "50.00", "--date", DATE]),
                receive("20.00", "first"),
                receive("30.00", "second"),
                order("kim", &["drawer", "payout", "--amount", "5.00", "--memo", "stamps", "--key", "third"]),
                order("kim", &["drawer", "count", "4x20", "2x5"]),
                order("sven", &["drawer", "close"]),
            ]
        }
        _ => vec![order("sven", &["ledger", "close", "--date", DATE])],
    }
}

/// The first open bill of the samples: account and bill.
fn first_bill(samples: &Path) -> (String, String) {
    let file = files(samples).into_iter().find(|p| p.ends_with("open_bills.csv")).expect("open bills");
    let bills = remit::formats::bills_csv::bills(&fs::read(file).expect("a file"), None).expect("bills").rows;
    (bills[0].account.reveal().to_string(), bills[0].bill.clone())
}

/// Batches that hold something and were not divided yet; or the parts that left.
fn parts(site: &Site, left: bool) -> Vec<String> {
    let all = site.json(&["batch", "list", "--json"]);
    all.iter().filter(|b| text(&b["name"]).contains("carried over") == left).map(|b| text(&b["id"])).collect()
}

/// People, layouts, bills and payers, as an office is set up.
fn loads(samples: &Path) -> Vec<Order> {
    let mut all: Vec<Order> = [("sven", "approver"), ("kim", "cashier"), ("eve", "operator")]
        .iter()
        .map(|(name, role)| order("", &["users", "add", name, "--role", role]))
        .collect();
    all.push(order("ada", &["users", "disable", "eve"]));
    for (words, name) in [
        (&["layouts", "import"], "layouts.toml"),
        (&["bills", "import"], "open_bills.csv"),
        (&["payers", "import"], "payers.csv"),
    ] {
        let path = files(samples).into_iter().find(|p| p.ends_with(name));
        let path = path.unwrap_or_else(|| panic!("no {name} in the samples"));
        all.push(order("olga", &[words[0], words[1], &path.to_string_lossy()]));
    }
    all
}

/// The capture folders and files of a morning, in name order.
fn sources(samples: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in files(samples) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name == "index.csv" {
            found.extend(path.parent().map(Path::to_path_buf));
        } else if name.ends_with(".x9") || name.contains("lockbox") {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "scanner-samples holds nothing to take in");
    found
}

/// Goes through the day; `strike` may kill a command before it is let through, and says whether it did.
fn day(
    site: &Site,
    samples: &Path,
    mut strike: impl FnMut(&Site, &str, &Order) -> bool,
) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut times: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for step in STEPS {
        let mut given: Vec<Vec<String>> = Vec::new();
        while let Some(next) = orders(step, site, samples).into_iter().find(|o| !given.contains(&o.words)) {
            for _ in 0..1000 {
                if !strike(site, step, &next) {
                    break;
                }
                site.verify(&format!("a kill of `{}`", next.words.join(" ")));
            }
            // 1 and 3: a batch that is out of balance, and what then cannot be approved or posted, are answers, not crashes.
            let ended = site.must(&next, &[1, 3]);
            times.entry(step).or_default().push(ended.took);
            given.push(next.words);
        }
    }
    times
}

/// A site with an operator and an administrator, and nothing in it.
fn prepared(folder: &Path) -> Site {
    let site = Site(folder.join("site"));
    let init = Command::new(env!("CARGO_BIN_EXE_remit"))
        .args(["init", &site.0.to_string_lossy(), "--name", "crash test"])
        .env("REMIT_NOW", NOW)
        .output()
        .expect("the program starts");
    assert!(init.status.success(), "init: {}", String::from_utf8_lossy(&init.stderr));
    site.must(&order("", &["users", "add", "olga", "--role", "operator"]), &[]);
    site.must(&order("", &["users", "add", "ada", "--role", "admin"]), &[]);
    // So that the day's own images may be purged.
    let settings = site.0.join("remit.toml");
    let text = fs::read_to_string(&settings).expect("the configuration");
    fs::write(&settings, format!("{text}\n[retention]\nimages_years = 0\n")).expect("the configuration can be written");
    site
}

fn fresh(base: &Site, folder: &Path, name: &str) -> Site {
    let site = Site(folder.join(name));
    copy(&base.0, &site.0);
    site
}

fn same(got: &BTreeMap<String, Vec<u8>>, want: &BTreeMap<String, Vec<u8>>, story: &str) {
    for (name, bytes) in want {
        let other = got.get(name).map(|b| String::from_utf8_lossy(b).into_owned());
        assert!(
            got.get(name) == Some(bytes),
            "'{name}' differs from the undisturbed day after {story}\nwanted:\n{}\ngot:\n{}",
            String::from_utf8_lossy(bytes).chars().take(2000).collect::<String>(),
            other.unwrap_or_else(|| "nothing".into()).chars().take(2000).collect::<String>()
        );
    }
    let extra: Vec<&String> = got.keys().filter(|k| !want.contains_key(*k)).collect();
    assert!(extra.is_empty(), "files that the undisturbed day does not have after {story}: {extra:?}");
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples")
}

#[test]
fn a_kill_at_any_moment_changes_nothing() {
    let (samples, folder) = (samples(), tempfile::tempdir().expect("a temporary folder"));
    let base = prepared(folder.path());
    let reference = fresh(&base, folder.path(), "reference");
    let times = day(&reference, &samples, |_, _, _| false);
    reference.verify("an undisturbed day");
    let want = reference.outcome();
    let ledger = want["ledger export --format csv"].iter().filter(|b| **b == b'\n').count();
    assert!(ledger > 10, "the day posts next to nothing: {ledger} lines of ledger");
    for folder in ["deposits/", "posting/"] {
        assert!(want.keys().any(|k| k.starts_with(folder)), "the day leaves nothing in {folder}: {:?}", want.keys());
    }

    let kills = number_from("REMIT_KILLS", 25);
    let seed = number_from("REMIT_SEED", 1);
    let mut lot = Lot(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut struck, mut by_step) = (0, BTreeMap::<String, u64>::new());
    let mut round = 0;
    while struck < kills {
        round += 1;
        assert!(round <= kills * 4 + 20, "only {struck} kills struck in {round} days: the commands are over too soon");
        let site = fresh(&base, folder.path(), &format!("round{round}"));
        let mut story = Vec::new();
        day(&site, &samples, |site, step, order| {
            // Of the many small decisions of a day some are struck, of the few large commands most.
            let spared = if step == "settle" { 7 } else { 2 };
            if struck >= kills || lot.below(8) < spared {
                return false;
            }
            let seen = times.get(step).map_or(0, |t| t.iter().map(Duration::as_micros).sum::<u128>() / t.len() as u128);
            let after = Duration::from_micros(lot.below(seen as u64 * 11 / 10 + 10_000));
            let killed = site.run(order, Some(after), &[]).code.is_none();
            if killed {
                struck += 1;
                *by_step.entry(step.to_string()).or_default() += 1;
                story.push(format!("{step} killed after {after:?}"));
            }
            killed
        });
        site.verify("the end of the day");
        same(&site.outcome(), &want, &format!("round {round} (seed {seed}): {}", story.join("; ")));
        site.clear();
    }
    println!("{struck} kills in {round} days, by step {by_step:?}; {ledger} lines of ledger equal each time");
}

/// The N-th `fsync` of a command kills it, or fails with an input/output error or for want of room, for N = 1, 2, 3, 5, 8 ..
/// (every N where `REMIT_EVERY_SYNC` is set) until the command has no N-th one. Needs `strace`.
#[test]
fn a_kill_or_an_error_at_a_sync_changes_nothing() {
    let works = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).output();
    if !works.is_ok_and(|o| o.status.success()) {
        let must = std::env::var_os("REMIT_REQUIRE_ALL").is_some();
        assert!(!must, "strace does not work here, and REMIT_REQUIRE_ALL says that nothing may be left out");
        eprintln!("LEFT OUT: strace does not work here; no kill at a chosen fsync was tried");
        return;
    }
    let (samples, folder) = (samples(), tempfile::tempdir().expect("a temporary folder"));
    let base = prepared(folder.path());
    let reference = fresh(&base, folder.path(), "reference");
    day(&reference, &samples, |_, _, _| false);
    let want = reference.outcome();
    let every = std::env::var_os("REMIT_EVERY_SYNC").is_some();
    let faults = [
        ("kill", "fsync,fdatasync", "signal=SIGKILL"),
        ("error", "fsync,fdatasync", "error=EIO"),
        ("no-room", "pwrite64", "error=ENOSPC"),
    ];
    for (kind, calls, fault) in faults {
        let site = fresh(&base, folder.path(), kind);
        let log = folder.path().join(format!("{kind}.log"));
        let mut story = Vec::new();
        // For each command: which N comes next. A command that ended without its N-th sync is done with.
        let mut next: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        day(&site, &samples, |site, _, order| {
            let name = order.words.join(" ");
            let (n, after) = *next.get(&name).unwrap_or(&(1, 2));
            if n == 0 {
                return false;
            }
            let _ = fs::remove_file(&log);
            let under = ["strace", "-f", "-qq", "-o", &log.to_string_lossy(), "-e", &format!("trace={calls}"), "-e"]
                .into_iter()
                .map(String::from)
                .chain([format!("inject={calls}:{fault}:when={n}")])
                .collect::<Vec<_>>();
            let ended = site.run(order, None, &under);
            let seen = fs::read_to_string(&log).unwrap_or_default();
            let hit = if kind == "kill" {
                ended.code.is_none() || ended.code == Some(137)
            } else {
                seen.contains("INJECTED")
            };
            let then = match every {
                true => (n + 1, n + 2),
                // Of the many writes of a command only some.
                false if kind == "no-room" => (n * 6, n * 6),
                false => (after, n + after),
            };
            next.insert(name.clone(), if hit { then } else { (0, 0) });
            if hit {
                story.push(format!("{kind} at sync {n} of `{name}`"));
            }
            hit
        });
        site.verify(&format!("a day with a {kind} at chosen syncs"));
        same(&site.outcome(), &want, &story.join("; "));
        assert!(!story.is_empty(), "no command of the day called fsync: nothing is durable");
        println!("{} syncs struck by {kind}", story.len());
    }
}
