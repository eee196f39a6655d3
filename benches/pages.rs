//! One page from bytes to reads, on one core: milliseconds a page and a megapixel, beside the bare decode of the same
//! files by libtiff (through python3 and its ctypes, where both are there; said where not) and by our own decoder. Then how
//! it grows with cores, and the peak of memory after 100, 1,000 and 10,000 pages. `cargo bench --bench pages [-- --full]`; with
//! `--cores` only how it grows, and memory: `cargo bench --bench pages -- --cores --full` on a quiet machine.
//!
//! The pages are the deck's own, Group 4; with `REMIT_SHARED` those of its sample stations too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rayon::prelude::*;
use remit::decode::layout::Layouts;
use remit::decode::{Expect, Request, Source, decode};
use remit::domain::{ImageRole, Reading};
use remit::imaging;

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

struct Set {
    name: String,
    files: Vec<PathBuf>,
    bytes: Vec<Vec<u8>>,
    layouts: Layouts,
}

impl Set {
    fn new(name: String, files: Vec<PathBuf>, layouts: &Path) -> Option<Set> {
        let text = std::fs::read_to_string(layouts).ok()?;
        let bytes = files.iter().map(|f| std::fs::read(f).expect("a page can be read")).collect();
        (!files.is_empty()).then(|| Set { name, files, bytes, layouts: Layouts::parse(&text).expect("layouts") })
    }

    fn read(&self, bytes: &[u8]) -> Reading {
        let images = [Source { role: ImageRole::Front, name: "page", bytes }];
        decode(&Request { images: &images, dpi: None, magnetic: None, expect: Expect::Auto, layouts: &self.layouts })
    }
}

/// The fronts of a folder with truth that are Group 4 of this resolution.
fn fronts(folder: &Path, dpi: u64) -> Vec<PathBuf> {
    let truth = std::fs::read_to_string(folder.join("truth.jsonl")).unwrap_or_default();
    let one = |line: &str| {
        let truth: serde_json::Value = serde_json::from_str(line).ok()?;
        let side = truth["front_side"].as_str()?;
        let file = truth["files"][format!("{side}_tif")].as_str()?;
        (truth["dpi"].as_u64() == Some(dpi)).then(|| folder.join(file))
    };
    truth.lines().filter_map(one).collect()
}

/// CPU milliseconds a page that libtiff takes, on the same files: the least of three passes after a first.
fn libtiff(files: &[PathBuf]) -> Option<f64> {
    const PROGRAM: &str = r#"
import ctypes, ctypes.util, sys, time
name = ctypes.util.find_library('tiff') or 'libtiff.so.6'
t = ctypes.CDLL(name)
t.TIFFOpen.restype = ctypes.c_void_p
t.TIFFOpen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
t.TIFFStripSize.restype = ctypes.c_ssize_t
t.TIFFReadEncodedStrip.restype = ctypes.c_ssize_t
t.TIFFReadEncodedStrip.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_ssize_t]
for f in ('TIFFStripSize', 'TIFFNumberOfStrips', 'TIFFClose'):
    getattr(t, f).argtypes = [ctypes.c_void_p]
files = sys.stdin.read().split('\n')
def once():
    start = time.process_time()
    for f in files:
        h = t.TIFFOpen(f.encode(), b'r')
        size = t.TIFFStripSize(h)
        room = ctypes.create_string_buffer(size)
        for s in range(t.TIFFNumberOfStrips(h)):
            assert t.TIFFReadEncodedStrip(h, s, room, size) > 0, f
        t.TIFFClose(h)
    return time.process_time() - start
once()
print(min(once() for _ in range(3)) * 1000 / len(files))
"#;
    use std::io::Write;
    let mut child = Command::new("python3")
        .args(["-c", PROGRAM])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    child.stdin.take()?.write_all(names.join("\n").as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn each_page(set: &Set) {
    let page_time = |work: &dyn Fn(&[u8])| {
        // The least of five turns of each page: what another process took away is not the page's, and the kernel's own count
        // of a thread's time moves by a tick of milliseconds.
        let one = |bytes: &Vec<u8>| {
            let turn = || {
                let before = Instant::now();
                work(bytes);
                before.elapsed().as_secs_f64() * 1e3
            };
            (0..5).map(|_| turn()).fold(f64::INFINITY, f64::min)
        };
        let mut all: Vec<f64> = set.bytes.iter().map(one).collect();
        all.sort_by(f64::total_cmp);
        (all.iter().sum::<f64>() / all.len() as f64, all[all.len() / 2], all[all.len() * 95 / 100])
    };
    let pixels: usize =
        set.bytes.iter().filter_map(|b| imaging::load(b, 0).ok()).map(|p| p.raster.width() * p.raster.height()).sum();
    let megapixels = pixels as f64 / 1e6 / set.bytes.len() as f64;
    set.bytes.iter().for_each(|b| drop(set.read(b)));
    let (mean, median, most) = page_time(&|bytes| drop(std::hint::black_box(set.read(bytes))));
    let (own, ..) = page_time(&|bytes| drop(std::hint::black_box(imaging::load(bytes, 0))));
    let floor = libtiff(&set.files);
    let told = floor.map_or("not here (python3 with libtiff)".to_string(), |f| format!("{f:.2}"));
    let ratio = floor.map_or("-".to_string(), |f| format!("{:.1}", mean / f));
    println!(
        "{:<24} {:>5} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>9} {:>6}",
        set.name,
        set.files.len(),
        mean,
        median,
        most,
        mean / megapixels,
        own,
        told,
        ratio
    );
}

/// Pages a second on so many cores.
fn pace(set: &Set, cores: usize, turns: usize) -> f64 {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().expect("a pool");
    let started = Instant::now();
    pool.install(|| {
        (0..set.bytes.len() * turns).into_par_iter().for_each(|n| drop(set.read(&set.bytes[n % set.bytes.len()])))
    });
    (set.bytes.len() * turns) as f64 / started.elapsed().as_secs_f64()
}

fn main() {
    let full = std::env::args().any(|a| a == "--full");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let deck = folder.path().join("deck");
    let output = Command::new(env!("CARGO_BIN_EXE_remit"))
        .args(["deck", "--docs", "400", "--seed", "7", "-o", &deck.to_string_lossy()])
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut sets = Vec::new();
    for dpi in [200, 300] {
        sets.extend(Set::new(format!("deck, {dpi} dpi"), fronts(&deck, dpi), &deck.join("layouts.toml")));
    }
    match std::env::var("REMIT_SHARED") {
        Err(_) => println!("REMIT_SHARED is not set: the sample stations are not measured"),
        Ok(shared) => {
            let stations = Path::new(&shared).join("data/station");
            for (profile, dpi) in [("clean", 200), ("office", 200), ("office", 300)] {
                let files = fronts(&stations.join(profile), dpi);
                sets.extend(Set::new(format!("{profile}, {dpi} dpi"), files, &stations.join("layouts.toml")));
            }
        }
    }
    let is_alone = std::env::args().any(|a| a == "--cores");
    if !is_alone {
        println!(
            "{:<24} {:>5} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>6}",
            "ms, one core", "pages", "mean", "median", "95%", "a Mpx", "own load", "libtiff", "ratio"
        );
        sets.iter().for_each(each_page);
    }
    let set = &sets[0];
    // The best of three turns of each: what another process took away is not the program's.
    let mut best = [0.0f64; 3];
    for _ in 0..3 {
        for (best, cores) in best.iter_mut().zip([1, 2, 4]) {
            *best = best.max(pace(set, cores, 4 * cores));
        }
    }
    for (pages, cores) in best.iter().zip([1, 2, 4]) {
        println!("{cores} cores: {pages:.0} pages/s, {:.2} times one core (bar on 4: 3.5)", pages / best[0]);
    }
    let mut done = 0;
    for pages in if full { vec![100, 1_000, 10_000] } else { vec![100, 1_000] } {
        (done..pages).into_par_iter().for_each(|n| drop(set.read(&set.bytes[n % set.bytes.len()])));
        done = pages;
        println!("peak after {pages} more pages: {} MiB", peak_mib());
    }
}
