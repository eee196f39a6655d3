//! A day of work with the real program, command by command, on a part of `scanner-samples/`: each step says its next
//! commands from the state of the site, so that they can be asked again after a crash. What the day must leave behind
//! (ledger, deposits, files for others) can be compared with another day's.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const NOW: &str = "2026-11-28T12:00:00Z";
pub const DATE: &str = "2026-11-20";
/// The key file, below the site's folder.
const KEY: &str = "keys/site.key";
/// A command that ran this long is looked at: it hangs when nothing of it wants to run. On a busy machine one may only be
/// waiting for its turn.
const PATIENCE: Duration = Duration::from_secs(120);
/// Nothing takes as long as this, however busy the machine is.
const NO_PATIENCE: Duration = Duration::from_secs(1_800);

/// Numbers drawn by lot, the same for the same seed (xorshift64*).
pub struct Lot(pub u64);

impl Lot {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit.max(1)
    }
}

pub fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// One command of the day: who gives it, its words.
#[derive(Clone, Debug)]
pub struct Order {
    pub user: &'static str,
    pub words: Vec<String>,
}

impl Order {
    /// Does it end only when it is told to?
    pub fn serves(&self) -> bool {
        self.words.first().is_some_and(|w| w == "serve")
    }
}

pub fn order(user: &'static str, words: &[&str]) -> Order {
    Order { user, words: words.iter().map(|w| w.to_string()).collect() }
}

pub struct Ended {
    /// `None`: killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

#[derive(Clone)]
pub struct Site(pub PathBuf);

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
    pub fn run(&self, order: &Order, kill_after: Option<Duration>, under: &[String]) -> Ended {
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
        let mut until = started + kill_after.unwrap_or(PATIENCE);
        if kill_after.is_none() && order.serves() {
            self.stop_when_read(&mut child);
        }
        let (mut late, mut open, mut still) = (false, 2, Vec::new());
        // Both pipes close when the program ends; the deadline comes first when it is to be killed.
        while open > 0 && !late {
            if wait.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {
                open -= 1;
            } else if kill_after.is_some() || started.elapsed() > NO_PATIENCE {
                late = true;
            } else {
                still.push(doings(child.id()));
                late = stands_still(&still);
                until = Instant::now() + Duration::from_secs(2);
            }
        }
        if late {
            let _ = child.kill();
        }
        let status = child.wait().expect("the program can be waited for");
        let took = started.elapsed();
        let mut texts = drains.into_iter().map(|d| d.join().expect("a pipe can be read"));
        let (out, err) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        let doing = still.last();
        assert!(!late || kill_after.is_some(), "`{}` hangs: {err}\n{doing:#?}", order.words.join(" "));
        assert!(!err.contains("panicked at"), "`{}` panics: {err}", order.words.join(" "));
        Ended { code: status.code(), out, err, took }
    }

    /// The desk ends when it is told to: here when everything that was taken in is read and matched.
    fn stop_when_read(&self, desk: &mut Child) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && desk.try_wait().expect("the desk can be asked").is_none() {
            let all = self.json(&["batch", "list", "--json"]);
            if all.iter().all(|b| !["captured", "decoded"].contains(&text(&b["state"]).as_str())) {
                let told = Command::new("kill").args(["-TERM", &desk.id().to_string()]).status();
                assert!(told.expect("kill can be run").success(), "the desk cannot be told to end");
                return;
            }
        }
    }

    /// Runs a command that must end with 0 (or 1, where the answer may be no).
    pub fn must(&self, order: &Order, also: &[i32]) -> Ended {
        let ended = self.run(order, None, &[]);
        // The desk may hear that it is to end before it listens for that.
        let good = ended.code.is_some_and(|c| c == 0 || also.contains(&c)) || order.serves();
        assert!(good, "`remit {}` ends with {:?}:\n{}{}", order.words.join(" "), ended.code, ended.out, ended.err);
        ended
    }

    pub fn json(&self, words: &[&str]) -> Vec<Value> {
        let ended = self.must(&order("", words), &[]);
        ended.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{words:?}: {e}: {l}"))).collect()
    }

    pub fn verify(&self, after: &str) {
        let ended = self.run(&order("", &["verify"]), None, &[]);
        assert_eq!(ended.code, Some(0), "verify fails after {after}:\n{}{}", ended.out, ended.err);
    }

    /// Takes the site away, with its backup and what was restored of it.
    pub fn clear(&self) {
        for file in ["backup", "bai2"] {
            fs::remove_file(self.0.with_extension(file)).expect("what lies beside a site can be cleared away");
        }
        for folder in [self.0.clone(), self.0.with_extension("restored")] {
            fs::remove_dir_all(folder).expect("a round can be cleared away");
        }
    }

    fn batches(&self) -> Vec<String> {
        let all = self.json(&["batch", "list", "--json"]);
        all.iter().filter(|b| text(&b["state"]) != "void").map(|b| text(&b["id"])).collect()
    }

    /// What must not depend on being killed: the ledger, the deposits, every file handed to others.
    pub fn outcome(&self) -> BTreeMap<String, Vec<u8>> {
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
        // The purge took the deposit's file; the restored site is as it was before.
        for (site, called) in [(&self.0, ""), (&restored.0, "restored/")] {
            for path in ["deposits", "posting", "notices", "meters"].iter().flat_map(|folder| files(&site.join(folder)))
            {
                let name = path.strip_prefix(site).expect("inside the site").display();
                all.insert(format!("{called}{name}"), fs::read(&path).expect("a file of the site can be read"));
            }
        }
        all
    }
}

/// What each thread of a program and of its children does: its id, name, state, the processor time it had, where it waits.
fn doings(program: u32) -> Vec<(String, char, u64)> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{program}/task")).into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let stat = read("stat");
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).unwrap_or_default();
        let state = rest.chars().next().unwrap_or('?');
        found.push((format!("{name}) {} {}", read("wchan"), read("syscall").trim()), state, ticks(11) + ticks(12)));
        for child in read("children").split_whitespace().filter_map(|c| c.parse().ok()) {
            found.extend(doings(child));
        }
    }
    found
}

/// Three looks at a program, and it did nothing between them, and nothing of it wants to run or waits for a disk or a tracer.
fn stands_still(looks: &[Vec<(String, char, u64)>]) -> bool {
    let Some(last) = looks.len().checked_sub(3).map(|n| &looks[n..]) else { return false };
    let had = |look: &Vec<(String, char, u64)>| look.iter().map(|t| t.2).sum::<u64>();
    let sleeps = |look: &Vec<(String, char, u64)>| !look.iter().any(|t| ['R', 'D', 't'].contains(&t.1));
    last.iter().all(|look| sleeps(look) && had(look) == had(&last[0]))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What was sent is acknowledged with the count and the total that it was sent with.
fn acknowledged(site: &Site, what: &str, named: &str) -> Vec<Order> {
    let words = |sent: &Value| {
        let (id, count, total) = (text(&sent[named]), sent["count"].to_string(), text(&sent["total"]));
        order("sven", &[what, "ack", &id, "--count", &count, "--total", &total])
    };
    site.json(&[what, "list", "--json"]).iter().map(words).collect()
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

pub fn copy(from: &Path, to: &Path) {
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
    "load", "ingest", "worker", "serve", "watch", "refused", "edit", "settle", "split", "void", "balance", "approve",
    "post", "deposit", "confirm", "billing", "return", "returns", "reverse", "apply", "drawer", "close", "exports",
    "hold", "rotate", "reseal", "backup", "restore", "purge",
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
        "ingest" => vec![ingest(samples, "batches/b0001", &[])],
        // Taken in by one command, read by another.
        "worker" => {
            vec![ingest(samples, "batches/b0002", &["--no-run"]), order("", &["worker", "--until-idle"])]
        }
        "serve" => {
            let serve = order("", &["serve", "--listen", "127.0.0.1:0"]);
            vec![ingest(samples, "cash-letter.x9", &["--no-run"]), serve]
        }
        "watch" => vec![order("", &["watch", &samples.join("hot").to_string_lossy(), "--once"])],
        "refused" => vec![ingest(samples, "damaged.x9", &[])],
        "edit" => edits(site),
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
        "confirm" => acknowledged(site, "deposit", "id"),
        "billing" => acknowledged(site, "billing", "batch"),
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
        "returns" => returns(site),
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

fn ingest(samples: &Path, name: &str, more: &[&str]) -> Order {
    let path = samples.join(name).to_string_lossy().into_owned();
    order("olga", &[&["ingest", path.as_str(), "--date", DATE, "--json"], more].concat())
}

/// What a person changes on a payment that is clean: each line again, a flag and its end by a hold, and free again.
fn edits(site: &Site) -> Vec<Order> {
    let mut all = Vec::new();
    let id = site.batches().remove(0);
    let shown = site.json(&["batch", "show", &id, "--json"]).remove(0);
    let several = |t: &&Value| list(&t["documents"]).len() > 2 && list(&t["applications"]).len() > 1;
    if let Some(t) = list(&shown["transactions"]).iter().find(several) {
        let (id, first) = (text(&t["id"]), text(&t["applications"][0]["amount"]));
        all.push(order("olga", &["batch", "edit-line", &id, "1", "--amount", &first]));
        all.push(order("olga", &["batch", "undo-line", &id, "2"]));
    }
    for t in list(&shown["transactions"]).iter().take(1) {
        let id = text(&t["id"]);
        all.push(order("olga", &["batch", "hold", &id, "--note", "asked"]));
        all.push(order("olga", &["batch", "release", &id]));
        all.push(order("olga", &["batch", "flag", &id, "post-dated", "--note", "dated next month"]));
    }
    all
}

/// A statement that names one check and leaves another one open, which a person then names; one is paid the second time.
fn returns(site: &Site) -> Vec<Order> {
    let deposits = site.json(&["deposit", "list", "--json"]);
    let items: Vec<&Value> = deposits.iter().flat_map(|d| list(&d["items"])).skip(2).take(3).collect();
    let [first, second, third] = items.as_slice() else { panic!("a deposit of five checks: {deposits:?}") };
    let cents = |item: &Value| text(&item["amount"]).replace('.', "").parse::<i64>().expect("an amount");
    let (one, two) = (cents(first), cents(second));
    let statement = site.0.with_extension("bai2");
    let lines = format!(
        "01,BANK,ACME,261128,0645,1,,,2/\n02,ACME,BANK,1,261128,2400,USD,2/\n03,123,USD/\n\
         16,555,{one},Z,B1,,DEPOSITED ITEM RETURNED NSF {}\n16,555,{two},Z,B2,,DEPOSITED ITEM RETURNED {}\n\
         49,{2},4/\n98,{2},1,6/\n99,{2},1,8/\n",
        text(&first["sequence"]),
        text(&second["sequence"]),
        one + two
    );
    fs::write(&statement, lines).expect("a statement can be written");
    let mut all = vec![order("olga", &["returns", "import", &statement.to_string_lossy()])];
    let known = site.json(&["returns", "list", "--json"]);
    let unmatched = known.iter().find(|r| text(&r["state"]) == "unmatched");
    all.extend(unmatched.map(|r| order("olga", &["returns", "match", &text(&r["id"]), &text(&second["document"])])));
    let (document, amount) = (text(&third["document"]), text(&third["amount"]));
    let key = ["returns", "key", "--document", &document, "--amount", &amount, "--reason", "A"];
    all.push(order("olga", &key));
    if let Some(third) = known.iter().find(|r| r["document"] == third["document"]) {
        let id = text(&third["id"]);
        all.push(order("olga", &["returns", "represent", &id]));
        all.push(order("olga", &["returns", "clear", &id, "--date", "2026-12-20"]));
    }
    all
}

/// Goes through the day; `strike` may kill a command before it is let through, and says whether it did.
pub fn day(
    site: &Site,
    samples: &Path,
    mut strike: impl FnMut(&Site, &'static str, &Order) -> bool,
) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut times: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for step in STEPS {
        let mut given: Vec<Vec<String>> = Vec::new();
        loop {
            let mut next = orders(step, site, samples);
            next.retain(|o| !given.contains(&o.words));
            // What a command leaves may ask for more of the same step.
            if next.is_empty() {
                break;
            }
            for order in next {
                for _ in 0..1000 {
                    if !strike(site, step, &order) {
                        break;
                    }
                    site.verify(&format!("a kill of `{}`", order.words.join(" ")));
                }
                // 1 and 3: a batch that is out of balance, a file that is refused, and what then cannot be approved or
                // posted, are answers, not crashes.
                let ended = site.must(&order, &[1, 3]);
                times.entry(step).or_default().push(ended.took);
                given.push(order.words);
            }
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

pub fn fresh(base: &Site, folder: &Path, name: &str) -> Site {
    let site = Site(folder.join(name));
    copy(&base.0, &site.0);
    site
}

pub fn same(got: &BTreeMap<String, Vec<u8>>, want: &BTreeMap<String, Vec<u8>>, story: &str) {
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

/// A part of the samples: enough payments for each step of the day, and a file that is damaged.
fn part_of_samples(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples");
    copy(&from, to);
    for (batch, rows) in [("b0001", 18), ("b0002", 9)] {
        let index = to.join("batches").join(batch).join("index.csv");
        let text = fs::read_to_string(&index).expect("an index");
        let kept: Vec<&str> = text.lines().take(rows + 1).collect();
        fs::write(&index, kept.join("\n") + "\n").expect("an index can be written");
    }
    fs::create_dir(to.join("hot")).expect("a folder can be made");
    fs::rename(to.join("lockbox.txt"), to.join("hot/lockbox.txt")).expect("a file can be moved");
    let letter = fs::read(to.join("cash-letter.x9")).expect("a cash letter");
    fs::write(to.join("damaged.x9"), &letter[..letter.len() / 2]).expect("half a cash letter can be written");
}

/// A day without a kill, and what it left: made once for all tests.
pub struct Undisturbed {
    pub folder: tempfile::TempDir,
    pub samples: PathBuf,
    /// A site with its first people, and nothing in it.
    pub base: Site,
    /// How long the commands of each step took.
    pub times: BTreeMap<&'static str, Vec<Duration>>,
    pub outcome: BTreeMap<String, Vec<u8>>,
    /// The site as it was before a step.
    pub before: BTreeMap<&'static str, Site>,
}

pub fn undisturbed() -> &'static Undisturbed {
    static DAY: OnceLock<Undisturbed> = OnceLock::new();
    DAY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let samples = folder.path().join("samples");
        part_of_samples(&samples);
        let base = prepared(folder.path());
        let site = fresh(&base, folder.path(), "reference");
        let mut before = BTreeMap::new();
        let times = day(&site, &samples, |site, step, _| {
            if ["worker", "split", "balance", "approve", "post", "deposit", "confirm"].contains(&step) {
                before.entry(step).or_insert_with(|| fresh(site, folder.path(), &format!("before-{step}")));
            }
            false
        });
        site.verify("an undisturbed day");
        let outcome = site.outcome();
        Undisturbed { folder, samples, base, times, outcome, before }
    })
}
