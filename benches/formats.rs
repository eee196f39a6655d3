//! Reading and writing of bank files: MB/s and items/s of one thread over generated files, and the most memory that the
//! process ever held. Each case runs in a process of its own over a file on disk (in the page cache), for a second and at
//! least three times; the mean counts, in CPU time. `cargo bench --bench formats [-- --full] [-- NAME..]`; `--full` takes files of 256 MB.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

mod formats_cases;

use formats_cases::CASES;

/// One row of the table.
pub struct Case {
    pub name: &'static str,
    /// What the file holds, for people.
    pub what: &'static str,
    /// Writes a file of about so many bytes.
    pub make: fn(&mut dyn Write, u64) -> std::io::Result<()>,
    pub run: Run,
}

pub enum Run {
    /// Reads a file with all its totals; gives the number of items.
    Read(fn(&mut File) -> u64),
    /// Writes a file of about so many bytes and proves it; gives its bytes and items.
    Write(fn(&Path, u64) -> (u64, u64)),
}

const USUAL: u64 = 32 << 20;
const FULL: u64 = 256 << 20;
/// Rounds go on until so much time has passed: the system's count of CPU time is exact to some milliseconds.
const AT_LEAST: Duration = Duration::from_secs(1);

/// CPU time of this thread in nanoseconds.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Runs one case in this process and prints bytes, items, mean nanoseconds and peak memory.
fn child(case: &Case, path: &Path, size: u64) {
    let (mut rounds, mut bytes, mut items) = (0, 0, 0);
    let (started, cpu) = (Instant::now(), cpu_ns());
    while rounds < 3 || started.elapsed() < AT_LEAST {
        match case.run {
            Run::Read(read) => {
                let mut file = File::open(path).expect("the generated file");
                bytes = file.metadata().expect("its size").len();
                items = read(&mut file);
            }
            Run::Write(write) => (bytes, items) = write(path, size),
        }
        rounds += 1;
    }
    println!("{bytes} {items} {} {}", (cpu_ns() - cpu) / rounds, peak_kib());
}

fn measure(case: &Case, folder: &Path, size: u64) {
    let path = folder.join(case.name);
    if let Run::Read(_) = case.run {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a file for the case"));
        (case.make)(&mut out, size).and_then(|()| out.flush()).expect("the file is written");
    }
    let program = std::env::current_exe().expect("this program");
    let said = Command::new(program)
        .args(["--case", case.name, &size.to_string()])
        .arg(&path)
        .output()
        .expect("the case runs");
    let text = String::from_utf8_lossy(&said.stdout).to_string();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    match numbers[..] {
        [bytes, items, ns, peak] => println!(
            "{:<22} {:>7.1} MB  {:>9} items  {:>8.1} MB/s  {:>11.0} items/s  {:>7.1} MB peak  {}",
            case.name,
            bytes as f64 / 1e6,
            items,
            bytes as f64 / 1e6 / (ns as f64 / 1e9),
            items as f64 / (ns as f64 / 1e9),
            peak as f64 / 1024.0,
            case.what,
        ),
        _ => panic!("{} did not run: {text}{}", case.name, String::from_utf8_lossy(&said.stderr)),
    }
    fs::remove_file(&path).ok();
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, size, path] = &words[..]
        && flag == "--case"
    {
        let case = CASES.iter().find(|c| c.name == name).expect("a case of the table");
        child(case, &PathBuf::from(path), size.parse().expect("a size"));
        return;
    }
    let size = if words.iter().any(|w| w == "--full") { FULL } else { USUAL };
    let names: Vec<&String> = words.iter().filter(|w| !w.starts_with('-')).collect();
    let folder = std::env::temp_dir().join(format!("remit-formats-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the files");
    for case in CASES.iter().filter(|c| names.is_empty() || names.iter().any(|n| c.name.contains(n.as_str()))) {
        measure(case, &folder, size);
    }
    fs::remove_dir_all(&folder).ok();
}
