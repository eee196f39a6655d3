//! Seeded mutations of good files through everything that reads bytes from outside (`tests/fuzz/targets.rs`): no panic, no
//! hang, bounded memory, the same inputs each time. `REMIT_FUZZ_ROUNDS` multiplies the work, `REMIT_SEED` changes the draw.
//! A failing input is kept in the folder for temporary files and named. `REMIT_FUZZ_SEEDS=DIR` writes the seeds into a folder
//! for each target, to begin the coverage-guided runs of `tests/fuzz` with.

#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use seeds::{own, samples};
use targets::{TARGETS, Target, named};

/// No single input may take longer, however slow the machine is just now.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the whole test may hold in memory, seeds included. A page of 40 megapixels is the largest thing any input may buy.
const MOST_MEMORY_KIB: u64 = 900 * 1024;
const ROUNDS: u64 = 20_000;

/// Numbers drawn by lot, the same for the same seed (xorshift64*).
struct Lot(u64);

impl Lot {
    fn of(seed: u64, name: &str) -> Lot {
        let mixed =
            name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Lot(mixed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 11) % limit.max(1) as u64) as usize
    }

    fn of_list<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// What stands where a number or a text should not be able to hurt.
const NASTY: &[&[u8]] = &[
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\0",
    b"\xff\xff\xff\x7f",
    b"-",
    b"+1",
    b"1e309",
    b"NaN",
    b"9999999999999999999",
    b"\"",
    b"\"\"",
    b"\n",
    b"\r\n",
    b",",
    b";",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"=1+1",
    b"00000000",
    b"20260231",
    b"{",
    b"}",
    b"[[",
    b"{a:99999999}",
    b"../",
    b"\xc3\x28",
    b"\x40\x40\x40\x40",
    b"\xf0\xf1",
];

/// One input: a seed with a few things done to it.
fn mutated(seeds: &[Vec<u8>], lot: &mut Lot) -> Vec<u8> {
    let mut bytes = seeds[lot.below(seeds.len())].clone();
    for _ in 0..1 + lot.below(4) {
        let (at, size) = (lot.below(bytes.len() + 1), bytes.len());
        let longest = if lot.below(4) == 0 { size / 2 + 1 } else { 16 };
        let span = at..(at + 1 + lot.below(longest)).min(size).max(at);
        match lot.below(9) {
            0 if at < size => bytes[at] ^= 1 << lot.below(8),
            1 if at < size => bytes[at] = lot.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(span)),
            4 => {
                let part = bytes[span].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let other = &seeds[lot.below(seeds.len())];
                let from = lot.below(other.len() + 1);
                let end = (from + 1 + lot.below(200)).min(other.len()).max(from);
                bytes.splice(span, other[from..end].iter().copied());
            }
            6 => {
                let nasty = lot.of_list(NASTY);
                bytes.splice(at..at, nasty.iter().copied());
            }
            7 => {
                // In place: the lengths and offsets after it stay where they were.
                let nasty = lot.of_list(NASTY);
                for (place, byte) in bytes.iter_mut().skip(at).zip(nasty) {
                    *place = *byte;
                }
            }
            8 => {
                // A run of digits becomes another number.
                if let Some(n) = bytes.iter().skip(at).position(u8::is_ascii_digit) {
                    for place in bytes.iter_mut().skip(at + n).take_while(|b| b.is_ascii_digit()) {
                        *place = b'0' + lot.below(10) as u8;
                    }
                }
            }
            _ => {}
        }
    }
    // Parsers of whole files meet large ones elsewhere; here many small ones find more.
    bytes.truncate(1 << 20);
    bytes
}

/// How many times fewer inputs a target gets because each costs more.
fn slowness(target: &str) -> u64 {
    match target {
        "document" => 400,
        _ => 1,
    }
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn keep(target: &str, input: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("remit-fuzz-{target}-{}.bin", std::process::id()));
    std::fs::write(&path, input).expect("the failing input can be kept");
    path
}

/// Runs one target over its seeds, of which it must read all of ours, and their mutations; a panic or a hang is reported with the
/// input. Returns how many inputs there were and how many could be read.
fn run(target: &'static str, function: Target, rounds: u64, seed: u64) -> (u64, u64) {
    let mut seeds = own(target);
    let must_read = seeds.len() as u64;
    assert!(must_read > 0, "{target}: no seeds");
    seeds.extend(samples(target));
    let (give, take) = mpsc::channel::<Vec<u8>>();
    let (tell, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for input in take {
            let result = catch_unwind(AssertUnwindSafe(|| function(&input)));
            let said = result.map_err(|e| {
                let text = e.downcast_ref::<String>().cloned();
                text.or_else(|| e.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default()
            });
            if tell.send(said).is_err() {
                break;
            }
        }
    });
    let mut lot = Lot::of(seed, target);
    let mutations = std::iter::from_fn(|| Some(mutated(&seeds, &mut lot))).take(rounds as usize);
    let (mut count, mut read) = (0, 0);
    for input in seeds.iter().cloned().chain([Vec::new()]).chain(mutations) {
        give.send(input.clone()).expect("the worker lives");
        match hear.recv_timeout(PATIENCE) {
            Ok(Ok(good)) => {
                assert!(good || count >= must_read, "{target} refuses its seed {count}");
                count += 1;
                read += u64::from(good);
            }
            Ok(Err(why)) => panic!("{target} panics: {why}\ninput kept in {}", keep(target, &input).display()),
            Err(_) => panic!("{target} hangs\ninput kept in {}", keep(target, &input).display()),
        }
    }
    (count, read)
}

#[test]
fn nothing_from_outside_breaks_a_parser() {
    let (rounds, seed) = (ROUNDS * number_from("REMIT_FUZZ_ROUNDS", 1), number_from("REMIT_SEED", 1));
    let only = std::env::var("REMIT_FUZZ").ok();
    let chosen: Vec<_> =
        TARGETS.iter().map(|t| t.0).filter(|name| only.as_deref().is_none_or(|o| o == *name)).collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = chosen
            .iter()
            .map(|name| (name, scope.spawn(|| run(name, named(name), rounds / slowness(name), seed))))
            .collect();
        for (name, thread) in running {
            match thread.join() {
                Ok((count, read)) => println!("{name}: {count} inputs, {read} could be read"),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
    });
    if let Some(peak) = peak_memory_kib() {
        println!("peak memory {} MiB", peak / 1024);
        assert!(peak < MOST_MEMORY_KIB, "the parsers held {peak} KiB");
    }
}

#[test]
fn the_seeds_can_begin_a_longer_run() {
    let asked = std::env::var_os("REMIT_FUZZ_SEEDS").map(PathBuf::from);
    let folder =
        asked.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("remit-seeds-{}", std::process::id())));
    for (name, _) in TARGETS {
        let here = folder.join(name);
        std::fs::create_dir_all(&here).expect("a folder for the seeds");
        let all: Vec<_> = own(name).into_iter().chain(samples(name)).collect();
        for (place, seed) in all.iter().enumerate() {
            std::fs::write(here.join(format!("seed-{place:03}")), seed).expect("a seed can be written");
        }
        assert_eq!(std::fs::read_dir(&here).expect("the folder").count(), all.len(), "{name}");
    }
    if asked.is_none() {
        std::fs::remove_dir_all(&folder).expect("the seeds can be cleared away");
    }
}

/// The harness itself: a panic and a hang are found, and the draw is the same each time.
#[test]
fn the_harness_finds_what_it_is_for() {
    fn fails_on_digits(bytes: &[u8]) -> bool {
        assert!(!bytes.ends_with(b"3"), "three");
        true
    }
    let caught = catch_unwind(|| run("amount", fails_on_digits, 500, 1));
    let text = caught.expect_err("a panic in a target fails the run").downcast::<String>().expect("a message");
    assert!(text.contains("three"), "{text}");
    let kept = text.rsplit(' ').next().unwrap_or_default();
    assert!(std::fs::read(kept).expect("the input was kept").ends_with(b"3"));
    std::fs::remove_file(kept).expect("the input can be cleared away");
    let draw = |seed| {
        let (seeds, mut lot) = (own("layouts"), Lot::of(seed, "layouts"));
        (0..50).map(|_| mutated(&seeds, &mut lot)).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

/// Every target has its own file for the coverage-guided runs.
#[test]
fn every_target_can_be_fuzzed_with_coverage() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("tests/fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        let file = folder.join("fuzz_targets").join(format!("{name}.rs"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(text.contains(&format!("\"{name}\"")), "{} runs another target", file.display());
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in the manifest");
    }
}
