//! The whole job, ingest to match, as an office runs it: the release program as a process of its own on decks of 100, 1,000
//! and (with `--full`) 10,000 documents, on all cores. Beside it the floor: every image file of the same deck read from disk
//! and turned into pixels, nothing else. `cargo bench --bench pipeline [-- --full]`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

const NOW: &str = "2026-11-28T12:00:00Z";
const DATE: &str = "2026-11-20";

/// What one run of the program took.
struct Cost {
    wall: Duration,
    cpu: Duration,
    peak_kib: u64,
}

/// CPU time that ended children of this process have used, in clock ticks of 1/100 s (`/proc/self/stat` 16 and 17).
fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(13).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn own_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs the program to its end, which must be 0.
fn remit(words: &[&str]) -> Cost {
    let (before, started) = (children_cpu(), Instant::now());
    let child = Command::new(env!("CARGO_BIN_EXE_remit"))
        .args(words)
        .env("REMIT_NOW", NOW)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = child.id();
    let (tell, ended) = mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let output = child.wait_with_output();
        let _ = tell.send(());
        output
    });
    let mut peak = 0;
    // The high-water mark only rises, so the last look before the end is close to the truth.
    while ended.recv_timeout(Duration::from_millis(5)).is_err() {
        peak = peak.max(peak_kib(pid).unwrap_or(0));
    }
    let wall = started.elapsed();
    let output = waiting.join().expect("the program can be waited for").expect("the program ran");
    assert!(output.status.success(), "remit {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    Cost { wall, cpu: children_cpu().saturating_sub(before), peak_kib: peak }
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

/// Every image of the deck from disk to pixels, on all cores.
fn floor(images: &[PathBuf]) -> Cost {
    let (before, started) = (own_cpu(), Instant::now());
    let pixels: usize = images
        .par_iter()
        .map(|path| {
            let bytes = fs::read(path).expect("an image can be read");
            let page = remit::imaging::load(&bytes, 0).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            page.raster.width() * page.raster.height()
        })
        .sum();
    assert!(pixels > 0, "no images in the deck");
    Cost { wall: started.elapsed(), cpu: own_cpu().saturating_sub(before), peak_kib: 0 }
}

fn rate(documents: usize, cost: &Cost) -> f64 {
    documents as f64 * 60.0 / cost.wall.as_secs_f64()
}

fn main() {
    let full = std::env::args().any(|a| a == "--full");
    let sizes: &[usize] = if full { &[100, 1_000, 10_000] } else { &[100, 1_000] };
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    println!("ingest to match, {cores} cores; floor = every image file of the deck to pixels");
    println!(
        "{:>9} {:>8} {:>12} {:>13} {:>9} | {:>13} {:>13} {:>6}",
        "documents", "seconds", "docs/minute", "CPU ms/doc", "peak MiB", "floor docs/m", "floor ms/doc", "ratio"
    );
    for size in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (deck, site) = (folder.path().join("deck"), folder.path().join("site"));
        let (deck_name, site_name) = (deck.to_string_lossy().into_owned(), site.to_string_lossy().into_owned());
        remit(&["deck", "--docs", &size.to_string(), "--seed", "7", "-o", &deck_name]);
        remit(&["init", &site_name, "--name", "bench"]);
        let all = files(&deck);
        for (words, name) in [
            (["layouts", "import"], "layouts.toml"),
            (["bills", "import"], "open_bills.csv"),
            (["payers", "import"], "payers.csv"),
        ] {
            let path = all.iter().find(|p| p.ends_with(name)).unwrap_or_else(|| panic!("no {name} in the deck"));
            remit(&["--site", &site_name, words[0], words[1], &path.to_string_lossy()]);
        }
        let batches: Vec<String> = all
            .iter()
            .filter(|p| p.ends_with("index.csv"))
            .filter_map(|p| Some(p.parent()?.to_string_lossy().into_owned()))
            .collect();
        assert!(!batches.is_empty(), "no capture folder in the deck");
        let documents: usize = batches
            .iter()
            .map(|b| fs::read_to_string(Path::new(b).join("index.csv")).map_or(0, |t| t.lines().count() - 1))
            .sum();
        let images: Vec<PathBuf> =
            all.iter().filter(|p| p.extension().is_some_and(|e| e == "tif" || e == "jpg")).cloned().collect();
        let bare = floor(&images);
        let mut words = vec!["--site", &site_name, "ingest", "--date", DATE];
        words.extend(batches.iter().map(String::as_str));
        let job = remit(&words);
        println!(
            "{:>9} {:>8.2} {:>12.0} {:>13.2} {:>9} | {:>13.0} {:>13.2} {:>6.1}",
            documents,
            job.wall.as_secs_f64(),
            rate(documents, &job),
            job.cpu.as_secs_f64() * 1000.0 / documents as f64,
            job.peak_kib / 1024,
            rate(documents, &bare),
            bare.cpu.as_secs_f64() * 1000.0 / documents as f64,
            job.wall.as_secs_f64() / bare.wall.as_secs_f64(),
        );
    }
}
