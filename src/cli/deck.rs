//! `remit deck`: print a test deck with its truth, to accept a scanner or to measure a reader.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;

use crate::deck::{self, NamedFile};
use crate::domain::Day;

/// Draw checks and stubs with bills, payers and the right answers.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  remit deck --docs 200 -o deck              a deck to measure reading with
  remit deck --docs 400 --worn -o worn       each fault of paper and scanner; then: remit eval batch worn
  remit deck --docs 60 -o deck --pdf         and a PDF to print at true size and feed through a scanner")]
pub struct Args {
    /// How many documents (checks, stubs, letters).
    #[arg(long, value_name = "N", required_unless_present = "samples", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub docs: Option<u32>,
    /// The folder to write; a new or an empty one.
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write deck.pdf too: the same paper at true size, fronts and backs, to print and scan.
    #[arg(long)]
    pub pdf: bool,
    /// Let paper and scanner go wrong on purpose: aslant, cut, folded, dark, light, streaked, blank, two at once and more
    #[arg(long)]
    pub worn: bool,
    /// The same seed gives the same deck, byte for byte.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The business date of the batches.
    #[arg(long, value_name = "D", default_value = "2026-11-20")]
    pub date: String,
    /// Make the project's own `scanner-samples` again, over the files that are there.
    #[arg(long, conflicts_with_all = ["docs", "pdf", "seed", "date", "worn"])]
    pub samples: bool,
}

/// Exit status 0; an error names the file that could not be written.
pub fn run(args: &Args, json: bool) -> anyhow::Result<u8> {
    if !args.samples && fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("the folder {} is not empty: name a new one", args.out.display());
    }
    if args.samples {
        let files = deck::samples::files()?;
        files.iter().try_for_each(|file| write(&args.out, file))?;
        report(&deck::samples::sample_plan()?, &args.out, json);
        return Ok(0);
    }
    let date: Day = args.date.parse()?;
    let mut plan = deck::plan(args.docs.unwrap_or(1) as usize, args.seed, date);
    if args.worn {
        plan.wear_out();
    }
    let pdf = args.pdf.then(|| NamedFile { name: "deck.pdf".into(), bytes: deck::print::pdf(&plan) });
    write_plan(&plan, &args.out)?;
    if let Some(file) = pdf {
        write(&args.out, &file)?;
    }
    report(&plan, &args.out, json);
    Ok(0)
}

fn report(plan: &deck::plan::Plan, out: &Path, json: bool) {
    let documents: usize = plan.trays.iter().map(|t| t.pieces.len()).sum();
    if json {
        let line = serde_json::json!({"documents": documents, "batches": plan.trays.len(), "payments": plan.envelopes.len(), "bills": plan.bills.len(), "folder": out});
        println!("{line}");
    } else {
        println!(
            "{documents} documents in {} batches, {} open bills: {}",
            plan.trays.len(),
            plan.bills.len(),
            out.display()
        );
    }
}

/// The pictures of each batch as they are drawn, then its index, then the tables.
fn write_plan(plan: &deck::plan::Plan, out: &Path) -> anyhow::Result<()> {
    let bar = indicatif::ProgressBar::new(plan.trays.iter().map(|t| t.pieces.len() as u64).sum());
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    for (batch, tray) in plan.trays.iter().enumerate() {
        fs::create_dir_all(out.join("batches").join(deck::batch_name(batch)))?;
        tray.pieces.par_iter().try_for_each(|piece| {
            for file in deck::pictures(batch, piece, tray.station) {
                write(out, &file)?;
            }
            bar.inc(1);
            anyhow::Ok(())
        })?;
        write(out, &deck::index(plan, batch))?;
    }
    bar.finish_and_clear();
    deck::tables(plan).iter().try_for_each(|file| write(out, file))
}

/// Under a name that nobody reads until it is whole.
fn write(out: &Path, file: &NamedFile) -> anyhow::Result<()> {
    let path = out.join(&file.name);
    let part = out.join(format!("{}.part", file.name));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(&part, &file.bytes)
        .and_then(|()| fs::rename(&part, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}
