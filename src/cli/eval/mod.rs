//! `remit eval KIND DIR`: how well the readers read a labelled folder, and with it whether an office takes a scanner. One file
//! per kind; this one holds what they share: options, the run on a chosen number of cores, the report.

mod amount;
mod batch;
mod folder;
mod micr;
mod stub;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::{Args, Subcommand};
use rayon::prelude::*;

use super::{Failure, Global, print};
use crate::decode::layout::Layouts;
use crate::decode::{self, Expect, Request, Source};
use crate::domain::{PixelBox, Reading};
use crate::imaging::{self, Gray, Raster};
use crate::reports::accuracy::{Accuracy, Item, Times, Warning};
use crate::reports::{accuracy_page, disagreement, risk_coverage_svg};

/// What is measured.
#[derive(Subcommand, Debug)]
pub enum EvalCommand {
    /// Account lines: of the checks of a station folder, each picture of the front alone, or of a folder of cut-out lines
    Micr(Options),
    /// Stub lines, barcodes and marked boxes of the stubs, and whether a code is seen where none is
    Stub(Options),
    /// Amounts of checks: read freely, verified in a list of five, and what is confirmed in lists that do not hold the truth
    Amount(Options),
    /// Whole documents with all their pictures: kind, side, way up, lines, codes, warnings of poor images
    Batch(Options),
}

pub const HELP: &str = "A labelled folder is one of
  a station folder   DIR/truth.jsonl, one JSON object a line for each document, and the images that it names:
                       {\"doc\":\"b1-0001\",\"kind\":\"check\",\"files\":{\"F_tif\":\"b1/1F.tif\",\"B_tif\":\"b1/1B.tif\",\"F_jpg\":\"b1/1F.jpg\"},
                        \"front_side\":\"F\",\"dpi\":200,\"micr\":\"C289193CA047648153A4165271C\",\"readable\":\"yes\"}
                     kind: check, money_order, stub, other. Stubs: layout, scanline, symbology, barcode, marks
                     ({\"autopay\":true}). scanner, dpi, and size (of a check) or layout divide the report. routing_check_ok and check_digit_ok say false where the paper itself is wrong.
                     degradation: {\"skew\":-1.2,\"rot180\":true,\"fold\":true,\"partial\":\"left\",..}. `remit deck` writes such folders.
  a folder of lines  NAME.tif (or .png, .jpg), one cut-out account line each, with its text in NAME.gt.txt;
                     for `eval amount` one amount field each, with 123.45 in NAME.gt.txt

Examples:
  remit deck --docs 200 -o deck && remit eval batch deck
  remit eval micr scans --report accuracy        a page with the worst images, and the curve of risk over coverage
  remit --json eval stub scans --layouts layouts.toml
The page shows pieces of the images: keep it where the images are kept.";

#[derive(Args, Debug)]
pub struct Options {
    /// The labelled folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Stub layouts (default: layouts.toml in the folder or beside it)
    #[arg(long, value_name = "FILE")]
    layouts: Option<PathBuf>,
    /// Write index.html, accuracy.json, the curves (SVG) and the worst pieces of images into this folder, a new or an empty one
    #[arg(long, value_name = "OUT")]
    report: Option<PathBuf>,
    /// How many of the worst the page shows
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=500))]
    worst: u16,
    /// Cores to read on; times are true on one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Every N-th document only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// For amounts: log-odds from which one is confirmed (default: that of a new site)
    #[arg(long, value_name = "LOG-ODDS", allow_hyphen_values = true)]
    threshold: Option<f32>,
}

/// One kind's way from a labelled folder to what came of each document.
type Measure = fn(&Path, &Options) -> anyhow::Result<Vec<Measured>>;

/// What came of one document.
#[derive(Default)]
pub struct Measured {
    pub items: Vec<Seen>,
    pub warnings: Vec<Warning>,
    pub read_ms: Vec<f32>,
    pub floor_ms: Vec<f32>,
    pub left_out: Vec<String>,
}

/// An item and where on its image it was found, for the picture of the worst.
pub struct Seen {
    pub item: Item,
    pub area: Option<PixelBox>,
}

/// Measures, prints, writes the report.
pub fn run(command: &EvalCommand, global: &Global) -> anyhow::Result<u8> {
    let (title, options, measure): (_, _, Measure) = match command {
        EvalCommand::Micr(options) => ("Account lines", options, micr::measure),
        EvalCommand::Stub(options) => ("Stubs", options, stub::measure),
        EvalCommand::Amount(options) => ("Amounts", options, amount::measure),
        EvalCommand::Batch(options) => ("Documents", options, batch::measure),
    };
    if let Some(out) = &options.report
        && std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(Failure::usage(format!("the folder {} is not empty: name a new one", out.display())).into());
    }
    let mut found = Accuracy { title: format!("{title} of {}", options.folder.display()), ..Accuracy::default() };
    let mut areas = Vec::new();
    for one in measure(&options.folder, options)? {
        for seen in one.items {
            areas.push(seen.area);
            found.items.push(seen.item);
        }
        found.warnings.extend(one.warnings);
        found.read_ms.extend(one.read_ms);
        found.floor_ms.extend(one.floor_ms);
        found.left_out.extend(one.left_out);
    }
    if found.items.is_empty() {
        let why = found.left_out.first().map(|l| format!("; {l}")).unwrap_or_default();
        let place = options.folder.display();
        return Err(Failure::input("eval", format!("nothing in {place} could be measured{why}"))
            .help("see `remit help eval` for what a labelled folder holds")
            .into());
    }
    if global.json {
        print::json(&found.json())?
    } else {
        for_people(&found)
    }
    if let Some(out) = &options.report {
        write_report(&found, &areas, out, options)?;
        if !global.json {
            print::line(format!("report: {}", out.join("index.html").display()));
        }
    }
    Ok(0)
}

impl Options {
    /// The layouts asked for, or those that lie with the folder.
    fn layouts(&self) -> anyhow::Result<Layouts> {
        let beside = [Some(self.folder.join("layouts.toml")), self.folder.parent().map(|p| p.join("layouts.toml"))];
        let path = match &self.layouts {
            Some(path) => path.clone(),
            None => match beside.into_iter().flatten().find(|p| p.is_file()) {
                Some(path) => path,
                None => return Ok(Layouts::default()),
            },
        };
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Layouts::parse(&text)
            .map_err(|e| Failure::input("layouts", e.to_string()).in_file(path.display().to_string()))?)
    }

    /// The same for each, on as many cores as were asked for, in order.
    fn on_each<T: Sync>(&self, all: &[T], one: impl Fn(&T) -> Measured + Sync) -> anyhow::Result<Vec<Measured>> {
        let chosen: Vec<&T> = all.iter().step_by(self.every as usize).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(self.jobs)).build()?;
        Ok(pool.install(|| chosen.par_iter().map(|t| one(t)).collect()))
    }
}

/// Reads one document, with the time it took and the floor beside it.
fn timed(images: &[Source], dpi: Option<u32>, expect: Expect, layouts: &Layouts) -> (Reading, f32, f32) {
    let started = Instant::now();
    for image in images {
        let _ = std::hint::black_box(imaging::load(image.bytes, 0));
    }
    let floor = started.elapsed().as_secs_f32() * 1e3;
    let started = Instant::now();
    let reading = decode::decode(&Request { images, dpi, magnetic: None, expect, layouts });
    (reading, started.elapsed().as_secs_f32() * 1e3, floor)
}

fn for_people(found: &Accuracy) {
    let times = Times::of(&found.read_ms);
    print::line(format!(
        "{}: {} documents, {:.2} ms each (median {:.2}, 95% {:.2}, most {:.2}); to pixels alone {:.2} ms",
        found.title,
        times.documents,
        times.mean,
        times.median,
        times.p95,
        times.most,
        Times::of(&found.floor_ms).mean
    ));
    let mut table = print::Table::new(&["what", "which", ">items", ">read", ">wrong", ">substituted", ">rejected"]);
    for task in found.tasks() {
        // The page has a row for each sort of damage too.
        for row in found.rates(task).into_iter().filter(|r| r.name == "all" || r.name.starts_with("readable")) {
            table.row(vec![
                task.to_string(),
                row.name.clone(),
                row.items.to_string(),
                row.read.text(),
                row.substituted.count.to_string(),
                row.substituted.text(),
                row.rejected.text(),
            ]);
        }
    }
    table.print();
    for task in found.tasks() {
        if found.curve(task).len() > 1 {
            let at = |risk: f64| found.coverage_at(task, risk) * 100.0;
            let (thousand, hundred) = (at(0.001), at(0.01));
            print::line(format!(
                "{task}: by its own confidence {thousand:.1}% could be accepted with 1 in 1,000 wrong, {hundred:.1}% with 1 in 100"
            ));
        }
        let taken = found.confusions(task);
        if !taken.is_empty() && taken.len() < 400 {
            let show = |c: Option<char>| c.map_or("none".to_string(), |c| c.to_string());
            let list: Vec<String> =
                taken.iter().take(8).map(|(w, g, n)| format!("{} as {} {n}x", show(*w), show(*g))).collect();
            print::line(format!("{task}: {}", list.join(", ")));
        }
    }
    if !found.warnings.is_empty() {
        let mut table = print::Table::new(&["warning", ">raised of due", ">due of raised", ">false alarms"]);
        for row in found.warning_rates() {
            let of = |r: &crate::reports::accuracy::Rate| format!("{} of {} {}", r.count, r.of, r.text());
            table.row(vec![row.name.clone(), of(&row.recall), of(&row.precision), of(&row.false_alarms)]);
        }
        table.print();
    }
    for item in found.worst(12) {
        let (want, got) = disagreement(&item.want, &item.got);
        let outcome = format!("{:?}", item.outcome).to_lowercase();
        let sure = item.confidence.unwrap_or(0.0) * 100.0;
        print::line(format!("{outcome} {}: {} {sure:.1}% {want} | {got}", item.file, item.task));
    }
    for line in &found.left_out {
        print::line(format!("left out: {line}"));
    }
}

fn write_report(found: &Accuracy, areas: &[Option<PixelBox>], out: &Path, options: &Options) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(out.join(name), bytes).with_context(|| format!("{}", out.join(name).display()))
    };
    let mut worst: Vec<(&Item, Option<String>)> = Vec::new();
    for (n, item) in found.worst(usize::from(options.worst)).into_iter().enumerate() {
        let area = found.items.iter().position(|i| std::ptr::eq(i, item)).and_then(|at| areas[at]);
        let bytes = std::fs::read(options.folder.join(&item.file)).unwrap_or_default();
        let picture = imaging::load(&bytes, 0).ok().and_then(|page| piece(page.raster, area));
        let name = format!("worst-{}.png", n + 1);
        if let Some(png) = &picture {
            write(&name, png)?;
        }
        worst.push((item, picture.map(|_| name)));
    }
    for task in found.tasks() {
        let curve = found.curve(task);
        if curve.len() > 1 {
            write(&format!("{}.svg", task.replace(' ', "-")), risk_coverage_svg(task, &curve).as_bytes())?;
        }
    }
    write("accuracy.json", serde_json::to_string_pretty(&found.json())?.as_bytes())?;
    write("index.html", accuracy_page(found, &worst).as_bytes())
}

/// The area with room around it, or the whole page.
fn piece(raster: Raster, area: Option<PixelBox>) -> Option<Vec<u8>> {
    let gray = match raster {
        Raster::Bits(bits) => imaging::to_gray(&bits),
        Raster::Gray(gray) => gray,
    };
    let cut = match area.filter(|a| a.w > 0 && a.h > 0) {
        None => gray,
        Some(a) => {
            let room = a.h.clamp(12, 60);
            let (x0, y0) = ((a.x - room).max(0), (a.y - room).max(0));
            let (x1, y1) = ((a.x + a.w + room).min(gray.width() as i32), (a.y + a.h + room).min(gray.height() as i32));
            let side = |from: i32, to: i32| (to - from).max(1) as usize;
            gray.cropped(x0 as isize, y0 as isize, side(x0, x1), side(y0, y1))
        }
    };
    let wide = cut.width() > 1400;
    let shown = if wide { shrunk(&cut, 1400) } else { cut };
    imaging::png::write_gray(&shown).ok()
}

fn shrunk(gray: &Gray, width: usize) -> Gray {
    gray.scaled(width, (gray.height() * width / gray.width().max(1)).max(1))
}
