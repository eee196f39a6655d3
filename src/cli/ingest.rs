//! `ingest`, `watch`, `worker`: taking work in and running it to the end of matching.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Failure, Global, print};
use crate::domain::{Cents, Control, Day, Origin};
use crate::pipeline::{Office, TakeIn, Taken};
use crate::station;

#[derive(Args, Debug)]
pub struct IngestArgs {
    /// Capture folders (with index.csv), folders of images, image cash letters, lockbox and bank files
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Where it came from: mail, dropbox, counter, lockbox, bank-file
    #[arg(long)]
    origin: Option<String>,
    /// The business date (default: today)
    #[arg(long)]
    date: Option<Day>,
    /// How many checks the batch header declares
    #[arg(long)]
    expect_count: Option<u32>,
    /// --expect-count counts documents, not checks
    #[arg(long)]
    count_documents: bool,
    /// What the adding-machine tape says they are worth together
    #[arg(long)]
    expect_total: Option<Cents>,
    /// The batch's name (default: the folder's or file's)
    #[arg(long)]
    name: Option<String>,
    /// Take in only; leave decoding to a worker or a later run
    #[arg(long)]
    no_run: bool,
}

impl IngestArgs {
    fn origin(&self) -> Result<Option<Origin>, Failure> {
        let unknown = || Failure::usage("--origin is one of mail, dropbox, counter, lockbox, bank-file");
        self.origin.as_deref().map(|o| Origin::parse(o).ok_or_else(unknown)).transpose()
    }
}

pub async fn ingest(args: IngestArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let operator = match &global.user {
        Some(_) => Some(super::person(office, global, &[crate::domain::Role::Capture]).await?.name),
        None => None,
    };
    let mut sources = Vec::new();
    for path in &args.paths {
        sources.extend(station::sources(path)?);
    }
    let asked = TakeIn {
        origin: args.origin()?,
        date: args.date,
        declared: Control {
            count: args.expect_count,
            total: args.expect_total,
            counts_documents: args.count_documents,
        },
        name: args.name.clone(),
        operator,
    };
    if sources.len() > 1 && (args.name.is_some() || args.expect_count.is_some() || args.expect_total.is_some()) {
        return Err(Failure::usage("--name, --expect-count and --expect-total go with one source at a time").into());
    }
    let mut taken = Vec::new();
    for source in &sources {
        if global.dry_run {
            for intake in office.look_at(source)? {
                let documents = intake.documents.len();
                super::admin::print_done(
                    global,
                    json!({ "source": source.path(), "documents": documents, "dry_run": true }),
                    format!("{}: {documents} documents, nothing taken (--dry-run)", source.path().display()),
                )?;
            }
            continue;
        }
        taken.extend(office.take_in(source, &asked).await?);
    }
    if !args.no_run && !global.dry_run {
        run_with_progress(office, global).await?;
    }
    let mut held = false;
    for one in &taken {
        held |= matches!(one, Taken::Suspect { .. } | Taken::Refused { .. });
        report(one, office, global).await?;
    }
    Ok(u8::from(held))
}

async fn report(taken: &Taken, office: &Office, global: &Global) -> anyhow::Result<()> {
    let (batch, how, already) = match taken {
        Taken::New { batch, already } => (batch, if *already == 0 { "new" } else { "partly" }, *already),
        Taken::Already { batch, documents } => (batch, "already", *documents),
        Taken::Empty { name } => {
            return super::admin::print_done(
                global,
                json!({ "name": name, "taken": "empty" }),
                format!("{name}: it holds no payment; it has its receipt and made no batch"),
            );
        }
        Taken::Refused { name, why } => {
            return super::admin::print_done(
                global,
                json!({ "name": name, "taken": "refused", "why": why }),
                format!("{name}: {why}; this batch was not taken"),
            );
        }
        Taken::Suspect { name, like } => {
            return super::admin::print_done(
                global,
                json!({ "name": name, "taken": "suspect-duplicate", "like": like }),
                format!("{name}: the same items as batch {like} in another wrapping; nothing was taken"),
            );
        }
    };
    let summary = office.summary(batch).await?;
    if global.json {
        return print::json(&json!({ "batch": batch, "name": summary.name, "taken": how, "already": already,
            "state": summary.state, "documents": summary.documents, "checks": summary.checks,
            "transactions": summary.transactions, "exceptions": summary.exceptions, "total": summary.total }));
    }
    if !global.quiet {
        let note = match how {
            "already" => ", taken before: nothing changed".to_string(),
            "partly" => format!(", {already} documents were there already"),
            _ => String::new(),
        };
        print::line(format!(
            "{}  {}  {}: {} documents, {} checks for {}, {} transactions, {} need a person{note}",
            batch,
            summary.name,
            summary.state.as_str(),
            summary.documents,
            summary.checks,
            summary.total,
            summary.transactions,
            summary.exceptions
        ));
    }
    Ok(())
}

/// Runs all waiting jobs; a bar on a terminal, plain lines otherwise.
pub async fn run_with_progress(office: &Office, global: &Global) -> anyhow::Result<()> {
    let waiting = office.waiting_documents().await?;
    let show = !global.quiet && !global.json && std::io::stderr().is_terminal() && waiting > 0;
    let bar = if show { ProgressBar::new(waiting) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("reading {wide_bar} {pos}/{len} documents, {eta} to go") {
        bar.set_style(style);
    }
    office.run_jobs(|documents| bar.inc(documents)).await?;
    bar.finish_and_clear();
    Ok(())
}

#[derive(Args, Debug)]
pub struct WatchArgs {
    /// The hot folder
    dir: PathBuf,
    #[arg(long)]
    origin: Option<String>,
    /// Stop after one look (for tests and schedulers)
    #[arg(long)]
    once: bool,
}

/// Takes in whatever lands in the folder, once it has stopped changing. The look at the folder is the truth; the file
/// system's notices only wake it earlier.
pub async fn watch(args: WatchArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    use notify::Watcher;
    let origin = args.origin.as_deref().map(|o| Origin::parse(o).ok_or_else(|| Failure::usage("unknown origin")));
    let origin = origin.transpose()?;
    let (wake, mut woken) = tokio::sync::mpsc::channel::<()>(1);
    let mut watcher = notify::recommended_watcher(move |_| {
        let _ = wake.try_send(());
    })
    .map_err(|e| Failure::machine(e.to_string()))?;
    watcher
        .watch(&args.dir, notify::RecursiveMode::Recursive)
        .map_err(|e| Failure::input("watch", e.to_string()).in_file(args.dir.display().to_string()))?;
    let quiet = Duration::from_secs(office.site.config.capture.quiet_seconds);
    let mut before: BTreeMap<PathBuf, BTreeMap<PathBuf, u64>> = BTreeMap::new();
    let mut done: BTreeMap<PathBuf, BTreeMap<PathBuf, u64>> = BTreeMap::new();
    loop {
        let now = look(&args.dir)?;
        for (path, sizes) in &now {
            if done.get(path) == Some(sizes) || (!args.once && before.get(path) != Some(sizes)) {
                continue;
            }
            match take_one(path, origin, office, global).await {
                Ok(()) => {}
                Err(error) => {
                    let failure = Failure::of(error);
                    if failure.exit != 3 {
                        return Err(failure.into());
                    }
                    failure.tell(global.json);
                }
            }
            done.insert(path.clone(), sizes.clone());
        }
        if args.once {
            return Ok(0);
        }
        before = now;
        tokio::select! {
            () = tokio::time::sleep(quiet) => {}
            _ = woken.recv() => tokio::time::sleep(quiet).await,
            _ = tokio::signal::ctrl_c() => return Ok(0),
        }
    }
}

fn look(dir: &std::path::Path) -> anyhow::Result<BTreeMap<PathBuf, BTreeMap<PathBuf, u64>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) {
            continue;
        }
        // A folder without index.csv is still being filled.
        if path.is_dir() && !path.join("index.csv").is_file() {
            continue;
        }
        found.insert(path.clone(), station::sizes(&path)?);
    }
    Ok(found)
}

async fn take_one(
    path: &std::path::Path,
    origin: Option<Origin>,
    office: &Office,
    global: &Global,
) -> anyhow::Result<()> {
    let asked = TakeIn { origin, date: None, declared: Control::default(), name: None, operator: None };
    let mut taken = Vec::new();
    for source in station::sources(path)? {
        taken.extend(office.take_in(&source, &asked).await?);
    }
    run_with_progress(office, global).await?;
    for one in &taken {
        report(one, office, global).await?;
    }
    Ok(())
}

#[derive(Args, Debug)]
pub struct WorkerArgs {
    /// Stop when there is nothing left to do
    #[arg(long)]
    until_idle: bool,
}

/// Works jobs of the site's database until stopped; as many of these as one likes, on as many machines.
pub async fn worker(args: WorkerArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    loop {
        run_with_progress(office, global).await?;
        if args.until_idle {
            return Ok(0);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(0),
        }
    }
}
