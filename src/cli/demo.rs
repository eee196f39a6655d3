//! `demo`: a morning's work on made-up samples with no set-up, every stage real: a site is made, bills are loaded, a
//! scanned batch, an image cash letter and a lockbox file come in, are read, matched, balanced, posted and deposited; what
//! needs a person stands in the queue; the proof sheet and `verify` close it. Run again, it changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::{Failure, Global, admin, ingest, print};
use crate::clock::Clock;
use crate::config::Site;
use crate::domain::{BatchState, Cents, Control, Day, Role, TransactionState, UserName};
use crate::formats::bills_csv;
use crate::pipeline::{BalanceAnswer, Office, TakeIn};
use crate::{deck, station};

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Where to put the demo's site and samples
    #[arg(long, default_value = "remit-demo")]
    dir: PathBuf,
    /// Then serve the review desk on it, with an invitation for each of its two people
    #[arg(long)]
    serve: bool,
}

/// The demo's office knows its payers: a check without its stub from one of them, worth exactly their one open bill, needs
/// nobody. A new site's default leaves that to a person.
/// And it takes amounts that were verified against the bills, which a new site only shows.
const DEMO_POLICY: &str = "\n[matching]\nsettle_known_payers = true\n\n[amounts]\nmode = \"automatic\"\n";

pub async fn run(args: DemoArgs, global: &Global) -> anyhow::Result<u8> {
    let started = Instant::now();
    let clock = Clock::from_environment().map_err(|e| Failure::usage(e.to_string()))?;
    let site_folder = args.dir.join("site");
    if args.dir.is_dir() && !args.dir.join("samples").is_dir() && std::fs::read_dir(&args.dir)?.next().is_some() {
        return Err(Failure::refused("not-empty", format!("{} holds other things", args.dir.display()))
            .help("name a new folder with --dir DIR")
            .into());
    }
    say(global, "1  samples: checks and stubs of an invented cooperative, drawn by this program");
    let samples = args.dir.join("samples");
    write_samples(&samples)?;
    say(global, "2  a site with two people: olga (operator) and sven (approver)");
    let named = Some("Cedar Fork Electric Cooperative");
    let token = admin::create_site(&site_folder, named, DEMO_POLICY, global, clock).await?;
    let mut site = Site::find(Some(&site_folder), global.db.as_deref(), global.blobs.as_deref())?;
    site.config.amounts.mode = global.amounts.unwrap_or(site.config.amounts.mode);
    let office = super::reading_apart(Office::open(site, clock).await?);
    let (olga, sven) = (UserName("olga".into()), UserName("sven".into()));
    office.add_user(&olga, &[Role::Operator]).await?;
    office.add_user(&sven, &[Role::Approver]).await?;
    let bills = load(&office, &samples).await?;
    say(global, format!("3  {bills} open bills, the known payers and the stub layouts are loaded"));
    let mut sources = station::sources(&samples.join("batches"))?;
    for name in ["cash-letter.x9", "lockbox.txt"] {
        if samples.join(name).is_file() {
            sources.extend(station::sources(&samples.join(name))?);
        }
    }
    let tapes = tapes(&samples)?;
    let day = tapes.values().map(|t| t.date).max().unwrap_or_else(|| clock.today());
    for source in sources {
        let tape = tapes.get(&source.name());
        let asked = TakeIn {
            origin: None,
            date: Some(day),
            declared: Control {
                count: tape.map(|t| t.checks),
                total: tape.map(|t| Cents::new(t.control_total)),
                counts_documents: false,
            },
            name: None,
            operator: Some(olga.clone()),
        };
        office.take_in(&source, &asked).await?;
    }
    let reading = Instant::now();
    ingest::run_with_progress(&office, global).await?;
    let batches = office.batches().await?;
    say(
        global,
        format!(
            "4  taken in, read and matched: {} documents in {} batches, {:.1} s",
            batches.iter().map(|b| b.counted.documents).sum::<usize>(),
            batches.len(),
            reading.elapsed().as_secs_f64()
        ),
    );
    settle(&office, &olga, &sven).await?;
    let batches = office.batches().await?;
    for b in &batches {
        say(
            global,
            format!(
                "   {:<22} {:<10} {:>3} documents  {:>3} checks  {:>10}",
                b.name,
                b.state.as_str(),
                b.counted.documents,
                b.counted.checks,
                b.counted.total
            ),
        );
    }
    let made = office.make_deposit(day, None, &sven).await?;
    match made.deposit.iter().chain(office.deposits().await?.first()).next() {
        Some(d) => say(
            global,
            format!(
                "5  deposited: {} checks for {} in {}",
                d.count,
                d.total,
                site_folder.join(d.file.as_deref().unwrap_or("-")).display()
            ),
        ),
        None => say(global, "5  nothing to deposit"),
    }
    let queue = office.open_exceptions(None).await?;
    say(global, format!("6  {} things need a person, the worst harm first:", queue.len()));
    if !global.quiet && !global.json {
        for item in queue.iter().take(12) {
            print::line(format!("   {:<24} {:<20} {}", item.code.code(), item.batch_name, item.message));
        }
        if queue.len() > 12 {
            print::line(format!(
                "   ... {} more: remit --site {} exceptions list",
                queue.len() - 12,
                site_folder.display()
            ));
        }
        print::line("");
    }
    let sheet = office.proof_sheet(Some(day)).await?;
    station::write_whole(&args.dir.join("proof-sheet.html"), sheet.html().as_bytes())?;
    if !global.quiet && !global.json {
        print::line(sheet.text());
    }
    let proof = office.verify(true).await?;
    for finding in &proof.findings {
        print::line(format!("FAILS {} at {}: {}", finding.invariant, finding.place, finding.message));
    }
    let good = proof.findings.is_empty() && sheet.agrees;
    if global.json {
        print::json(&serde_json::json!({ "site": site_folder, "batches": batches, "exceptions": queue.len(),
            "agrees": sheet.agrees, "verified": proof.findings.is_empty() }))?;
    } else {
        print::line(format!("{}: {}", if good { "verified" } else { "NOT PROVED" }, proof.checked));
        print::line(format!(
            "site {}   proof sheet {}",
            site_folder.display(),
            args.dir.join("proof-sheet.html").display()
        ));
        print::line(format!("next: remit --site {} exceptions list", site_folder.display()));
        print::line(format!("done in {:.1} s", started.elapsed().as_secs_f64()));
    }
    if args.serve && good {
        if !token.is_empty() {
            print::line(format!("the first administrator begins at /set-up with the set-up token {token}"));
        }
        for name in [olga, sven] {
            if office.store().credential(&name).await?.is_none() {
                let token = office.invite(&name, &name).await?;
                print::line(format!("{name} comes in at /welcome with the invitation {token}"));
            }
        }
        return super::serve::run(super::serve::ServeArgs::default(), office, global).await;
    }
    Ok(u8::from(!good))
}

fn say(global: &Global, text: impl AsRef<str>) {
    if !global.quiet && !global.json {
        print::line(text);
    }
}

/// The samples as files; one that is there already with the same bytes is left alone.
fn write_samples(folder: &Path) -> anyhow::Result<()> {
    for file in deck::samples::files()? {
        let path = folder.join(&file.name);
        if std::fs::read(&path).is_ok_and(|there| there == file.bytes) {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, &file.bytes)?;
    }
    Ok(())
}

/// What the adding machine said of a tray: the samples' own control totals.
#[derive(serde::Deserialize)]
struct Tape {
    batch: String,
    checks: u32,
    control_total: i64,
    date: Day,
}

fn tapes(samples: &Path) -> anyhow::Result<BTreeMap<String, Tape>> {
    let text = String::from_utf8(station::read(&samples.join("batches.jsonl"))?)?;
    let tapes = text.lines().map(serde_json::from_str).collect::<Result<Vec<Tape>, _>>()?;
    Ok(tapes.into_iter().map(|t| (t.batch.clone(), t)).collect())
}

async fn load(office: &Office, samples: &Path) -> anyhow::Result<usize> {
    let text = String::from_utf8(station::read(&samples.join("layouts.toml"))?)?;
    office.import_layouts(&text).await?;
    let bills = bills_csv::bills(&station::read(&samples.join("open_bills.csv"))?, None)?;
    office.import_bills(&bills.rows, false, false).await?;
    let payers = bills_csv::payers(&station::read(&samples.join("payers.csv"))?, None)?;
    office.import_payers(&payers.rows).await?;
    Ok(bills.rows.len())
}

/// Olga holds what is not clean, so that the ready part can go on, and balances; Sven approves and posts.
async fn settle(office: &Office, olga: &UserName, sven: &UserName) -> anyhow::Result<()> {
    for head in office.batches().await? {
        let mut batch = office.find_batch(head.id.as_str()).await?;
        if batch.state == BatchState::InReview {
            for t in office.show(&batch).await?.transactions {
                if t.state == TransactionState::Exception {
                    let fields = BTreeMap::from([("owner".to_string(), olga.0.clone())]);
                    office.hold(t.id.as_str(), &fields, olga).await?;
                }
            }
            if let BalanceAnswer::Out(imbalance) = office.balance(&batch, Some(olga)).await? {
                print::line(format!("   {}: {}", batch.name, imbalance.sentence));
                continue;
            }
            office.approve(&batch, sven).await?;
            batch = office.find_batch(head.id.as_str()).await?;
        }
        if batch.state == BatchState::Approved {
            office.post(&batch, sven).await?;
        }
    }
    Ok(())
}
