//! Sudden death at any moment: the real program is killed (`SIGKILL`) at random moments, and at chosen `fsync` calls, of a
//! scripted day from ingest to deposit. After each kill `verify` must pass, the same command given again must end well, and
//! at the end the ledger export, the deposit list and the files on disk must be byte for byte those of an undisturbed day.
//! `REMIT_KILLS` says how many kills (25), `REMIT_SEED` which (1). And what each command says in each state of a batch, and
//! when nobody reads its answer to the end.

#[allow(dead_code)]
mod day;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use day::*;

#[test]
fn a_kill_at_any_moment_changes_nothing() {
    let Undisturbed { folder, samples, base, times, outcome: want, .. } = undisturbed();
    let ledger = want["ledger export --format csv"].iter().filter(|b| **b == b'\n').count();
    assert!(ledger > 10, "the day posts next to nothing: {ledger} lines of ledger");
    for folder in ["restored/deposits/", "posting/"] {
        assert!(want.keys().any(|k| k.starts_with(folder)), "the day leaves nothing in {folder}: {:?}", want.keys());
    }

    let kills = number_from("REMIT_KILLS", 25);
    let commands = times.values().map(Vec::len).sum::<usize>() as u64;
    let seed = number_from("REMIT_SEED", 1);
    let mut lot = Lot(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut struck, mut by_step) = (0, BTreeMap::<String, u64>::new());
    let mut round = 0;
    while struck < kills {
        round += 1;
        assert!(round <= kills * 4 + 20, "only {struck} kills struck in {round} days: the commands are over too soon");
        let site = fresh(base, folder.path(), &format!("round{round}"));
        let mut story = Vec::new();
        day(&site, samples, |site, step, order| {
            // A few kills lie all over the day; when many are wanted, most commands are struck, of the many small decisions some.
            let most = if step == "settle" { commands / 8 } else { commands * 3 / 4 };
            if struck >= kills || lot.below(commands) >= most.min(kills * 2) {
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
        same(&site.outcome(), want, &format!("round {round} (seed {seed}): {}", story.join("; ")));
        site.clear();
    }
    println!("{struck} kills in {round} days, by step {by_step:?}; {ledger} lines of ledger equal each time");
}

/// The N-th `fsync` of a command kills it or fails with an input/output error, or from its N-th write on the disk is full,
/// for N = 1, 2, 3, 5, 8 .. (every N where `REMIT_EVERY_SYNC` is set) until the command has no N-th one. Needs `strace`.
#[test]
fn a_kill_or_an_error_at_a_sync_changes_nothing() {
    let works = Command::new("strace").args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "true"]).output();
    if !works.is_ok_and(|o| o.status.success()) {
        let must = std::env::var_os("REMIT_REQUIRE_ALL").is_some();
        assert!(!must, "strace does not work here, and REMIT_REQUIRE_ALL says that nothing may be left out");
        eprintln!("LEFT OUT: strace does not work here; no kill at a chosen fsync was tried");
        return;
    }
    let Undisturbed { folder, samples, base, outcome: want, .. } = undisturbed();
    let every = std::env::var_os("REMIT_EVERY_SYNC").is_some();
    let faults = [
        ("kill", "fsync,fdatasync", "signal=SIGKILL", ""),
        ("error", "fsync,fdatasync", "error=EIO", ""),
        // What is full stays full.
        ("no-room", "pwrite64", "error=ENOSPC", "+"),
    ];
    // In one day each command meets one kind of fault; in three days each.
    let turn = number_from("REMIT_SEED", 1) as usize;
    let turns = number_from("REMIT_TURNS", if every { 3 } else { 1 }) as usize;
    for turn in turn..turn + turns {
        let site = fresh(base, folder.path(), &format!("faults{turn}"));
        let log = folder.path().join(format!("faults{turn}.log"));
        let mut story = Vec::new();
        // For each command: its fault, and which N comes next. One that ended without its N-th sync is done with.
        let mut next: BTreeMap<String, (usize, u64, u64)> = BTreeMap::new();
        day(&site, samples, |site, _, order| {
            if order.serves() {
                return false;
            }
            let name = order.words.join(" ");
            let (kind, n, after) = *next.get(&name).unwrap_or(&((turn + next.len()) % faults.len(), 1, 2));
            if n == 0 {
                return false;
            }
            let (fault, calls, how, and_on) = faults[kind];
            let _ = fs::remove_file(&log);
            let under = [
                "strace",
                "-f",
                "--seccomp-bpf",
                "-qq",
                "-o",
                &log.to_string_lossy(),
                "-e",
                &format!("trace={calls}"),
                "-e",
            ]
            .into_iter()
            .map(String::from)
            .chain([format!("inject={calls}:{how}:when={n}{and_on}")])
            .collect::<Vec<_>>();
            let ended = site.run(order, None, &under);
            let seen = fs::read_to_string(&log).unwrap_or_default();
            let hit = match fault {
                "kill" => ended.code.is_none() || ended.code == Some(137),
                _ => seen.contains("INJECTED"),
            };
            let (n_next, after) = match every {
                true => (n + 1, n + 2),
                // Of the many writes of a command only some.
                false if fault == "no-room" => (n * 6, n * 6),
                false => (after, n + after),
            };
            next.insert(name.clone(), if hit { (kind, n_next, after) } else { (kind, 0, 0) });
            if hit {
                story.push(format!("{fault} at call {n} of `{name}`"));
            }
            hit
        });
        site.verify("a day with faults at chosen syncs");
        same(&site.outcome(), want, &story.join("; "));
        for (fault, ..) in faults {
            let struck = story.iter().filter(|s| s.starts_with(fault)).count();
            assert!(struck > 0, "no command of the day met a {fault}: nothing is durable");
            println!("{struck} calls struck by {fault}");
        }
        site.clear();
    }
}

/// A command that cannot be done in a batch's state is refused: it ends with 1, says why, and changes nothing. One that was
/// done before ends with 0 and says so.
#[test]
fn a_command_that_the_state_forbids_is_refused() {
    let all = undisturbed();
    let check = |table: &str| {
        for row in table.lines().map(str::trim).filter(|r| !r.is_empty()) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [step, state, user, command, code, says] = cells.as_slice() else { panic!("{row}") };
            let site = &all.before[step];
            let batches = site.json(&["batch", "list", "--json"]);
            let found = batches.iter().find(|b| text(&b["state"]) == *state);
            let batch = text(&found.unwrap_or_else(|| panic!("no batch is {state} before {step}: {batches:?}"))["id"]);
            let shown = site.json(&["batch", "show", &batch, "--json"]).remove(0);
            let transaction = list(&shown["transactions"]).first().map(|t| text(&t["id"])).unwrap_or_default();
            let words = command.replace("BATCH", &batch).replace("PAYMENT", &transaction);
            let given = Order { user: if *user == "olga" { "olga" } else { "sven" }, words: split(&words) };
            let ended = site.run(&given, None, &[]);
            let said = format!("{}{}", ended.out, ended.err);
            assert_eq!(ended.code.map(|c| c.to_string()).as_deref(), Some(*code), "{row}: {said}");
            assert!(said.contains(says), "{row}: {said}");
        }
    };
    check(
        "worker   | in-review | sven | batch approve BATCH              | 1 | only a balanced batch can be approved
         worker   | in-review | sven | post BATCH                       | 1 | only an approved batch can be posted
         worker   | in-review | sven | billing ack BATCH --count 1 --total 1.00 | 1 | nothing was sent
         balance  | void      | olga | balance BATCH                    | 1 | is void: there is nothing to balance
         balance  | void      | sven | batch approve BATCH              | 1 | is void: only a balanced batch
         balance  | void      | sven | batch void BATCH                 | 0 | before; nothing changed
         balance  | void      | olga | batch split BATCH                | 1 | is void: only a batch in review
         balance  | void      | sven | post BATCH                       | 1 | is void: only an approved batch
         balance  | void      | sven | billing ack BATCH --count 1 --total 1.00 | 1 | is void: nothing was sent
         balance  | void      | olga | batch hold PAYMENT               | 1 | is void and cannot be changed
         balance  | void      | olga | batch flag PAYMENT unsigned --note x | 1 | is void and cannot be changed
         balance  | void      | olga | batch edit-line PAYMENT 1 --amount 1.00 | 1 | is void and cannot be changed
         balance  | void      | olga | batch undo-line PAYMENT 1        | 1 | is void and cannot be changed
         approve  | balanced  | olga | balance BATCH                    | 0 | is in balance
         approve  | balanced  | sven | post BATCH                       | 1 | only an approved batch can be posted
         post     | approved  | olga | balance BATCH                    | 0 | is in balance
         post     | approved  | sven | batch approve BATCH              | 0 | before; nothing changed
         post     | approved  | olga | batch split BATCH                | 1 | is approved: only a batch in review
         deposit  | posted    | olga | balance BATCH                    | 0 | is in balance
         deposit  | posted    | sven | batch approve BATCH              | 0 | before; nothing changed
         deposit  | posted    | sven | batch void BATCH                 | 1 | is posted: it cannot be voided any more
         deposit  | posted    | olga | batch split BATCH                | 1 | is posted: only a batch in review
         deposit  | posted    | sven | post BATCH                       | 0 | before; nothing changed
         deposit  | posted    | olga | batch hold PAYMENT               | 1 | is posted and cannot be changed
         deposit  | posted    | olga | batch edit-line PAYMENT 1 --amount 1.00 | 1 | is posted and cannot be changed
         confirm  | deposited | olga | balance BATCH                    | 0 | is in balance
         confirm  | deposited | sven | batch void BATCH                 | 1 | is deposited: it cannot be voided any more
         confirm  | deposited | olga | batch split BATCH                | 1 | is deposited: only a batch in review
         confirm  | deposited | sven | post BATCH                       | 0 | before; nothing changed
         confirm  | deposited | olga | batch flag PAYMENT unsigned --note x | 1 | is posted and cannot be changed
         confirm  | deposited | olga | balance nothing-like-it          | 3 | no batch
         confirm  | deposited | olga | batch approve BATCH              | 1 | olga is not approve",
    );
    all.before.values().for_each(|site| site.verify("commands that were refused"));
}

fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(String::from).collect()
}

#[test]
fn whoever_reads_no_further_stops_no_work() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples");
    let folder = tempfile::tempdir().unwrap();
    let unread = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_remit"));
        let command = command.env("REMIT_SITE", folder.path().join("site")).args(words).current_dir(&root);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{words:?}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    let images = ["batches/b0001/0001_F.tif", "batches/b0001/0002_F.tif"];
    unread(&["decode", "--json", images[0], images[1]]);
    unread(&["init", &folder.path().join("site").to_string_lossy(), "--name", "Cedar Fork"]);
    unread(&["layouts", "import", "layouts.toml"]);
    unread(&["ingest", "batches", "cash-letter.x9", "--date", "2026-11-20", "--json"]);
    let batches = Command::new(env!("CARGO_BIN_EXE_remit"))
        .env("REMIT_SITE", folder.path().join("site"))
        .args(["batch", "list", "--json"])
        .output()
        .unwrap();
    let trays = std::fs::read_dir(root.join("batches")).unwrap().count();
    assert_eq!(batches.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count(), trays + 1);
}
