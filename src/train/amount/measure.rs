//! Measures the reader on fields of writers that were never trained on, drawn by [`super::sheet`], and writes vectors by
//! which the product's forward pass is held to the trainer's.

use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use remit::decode::amount::decide::{Rules, decide, within_one_digit};
use remit::decode::amount::network::{CLASSES, Network, Scratch};
use remit::decode::amount::{packed, score, strip, unpacked};
use remit::domain::Cents;
use remit::reports::accuracy::Rate;

use super::field::Sources;
use super::{hands, learn, sheet};
use crate::random::Random;

/// What one field gave.
struct Seen {
    is_printed: bool,
    is_bitonal: bool,
    truth: Cents,
    columns: Option<Vec<[f32; CLASSES]>>,
    strip_ms: f32,
    forward_ms: f32,
    score_ms: f32,
}

pub struct Options {
    /// Measure on the writers kept aside, to choose a threshold by.
    pub aside: bool,
    pub mnist: String,
    pub fonts: String,
    pub network: String,
    pub count: u64,
    pub seed: u64,
    pub threshold: f32,
    pub close_margin: f32,
}

/// `writers` and `faces` to draw from; those of the test set and of no training where `None`.
pub fn measure(options: &Options, aside: Option<&Sources>) -> Result<(), String> {
    let test = match aside {
        Some(_) => None,
        None => {
            Some((hands::writers(Path::new(&options.mnist), "t10k")?, hands::strangers(Path::new(&options.fonts))?))
        }
    };
    let (writers, faces) = match (&test, aside) {
        (Some((writers, faces)), _) => (writers, faces),
        (None, Some(aside)) => (&aside.writers, &*aside.printed),
        (None, None) => return Err("nothing to draw from".into()),
    };
    let bytes = std::fs::read(&options.network).map_err(|e| format!("{}: {e}", options.network))?;
    let network = Network::from_bytes(&bytes).map_err(|e| e.to_string())?;
    let fonts = if aside.is_some() { "of training" } else { "never trained on" };
    println!("{} writers never trained on, {} fonts {fonts}; {}", writers.len(), faces.len(), network.note);
    let all: Vec<Seen> = (0..options.count)
        .into_par_iter()
        .map(|n| {
            let drawn = sheet::draw(writers, faces, options.seed, n);
            let started = Instant::now();
            let strip = strip::strip(&drawn.page.bits, drawn.page.gray.as_ref(), drawn.bounds, drawn.page.dpi);
            let strip_ms = started.elapsed().as_secs_f32() * 1e3;
            let started = Instant::now();
            let columns = strip.map(|s| network.forward(&s, &mut Scratch::default()));
            let forward_ms = started.elapsed().as_secs_f32() * 1e3;
            let columns = columns.and_then(|c| unpacked(&packed(&c)));
            let started = Instant::now();
            if let Some(columns) = &columns {
                std::hint::black_box(score::log_chance_of(columns, drawn.truth));
            }
            let score_ms = started.elapsed().as_secs_f32() * 1e3;
            let (is_printed, is_bitonal, truth) = (drawn.is_printed, drawn.is_bitonal, drawn.truth);
            Seen { is_printed, is_bitonal, truth, columns, strip_ms, forward_ms, score_ms }
        })
        .collect();
    let truths: Vec<Cents> = all.iter().map(|s| s.truth).collect();
    let rules = Rules { threshold: options.threshold, close_margin: options.close_margin, limit: None };
    for (name, wanted) in [
        ("all", (|_| true) as fn(&Seen) -> bool),
        ("written", |s| !s.is_printed),
        ("printed", |s| s.is_printed),
        ("bitonal 200 dpi", |s| s.is_bitonal),
        ("gray", |s| !s.is_bitonal),
    ] {
        let some: Vec<&Seen> = all.iter().filter(|s| wanted(s)).collect();
        table(name, &some, &truths, &rules);
    }
    let mean = |f: fn(&Seen) -> f32| all.iter().map(f).sum::<f32>() / all.len().max(1) as f32;
    println!(
        "ms a field: strip {:.2}, network {:.2}, one score {:.3}",
        mean(|s| s.strip_ms),
        mean(|s| s.forward_ms),
        mean(|s| s.score_ms)
    );
    // What other thresholds would give: confirmed of five, wrong, neighbours.
    for threshold in [-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0] {
        let rules = Rules { threshold, ..rules };
        let c = counts(&all.iter().collect::<Vec<_>>(), &truths, &rules);
        let share = |n: usize| 100.0 * n as f64 / all.len() as f64;
        println!(
            "threshold {threshold:5.1}: confirmed {:.2}%, wrong {:.3}%, neighbours {:.3}%, unrelated {:.3}%",
            share(c.confirmed),
            share(c.wrong),
            share(c.neighbours),
            share(c.unrelated)
        );
    }
    Ok(())
}

/// The fields to measure by as gray pictures, to look at.
pub fn show(
    mnist: &str,
    fonts: &str,
    seed: u64,
    count: u64,
    mut write: impl FnMut(String, &strip::Strip),
) -> Result<(), String> {
    let writers = hands::writers(Path::new(mnist), "t10k")?;
    let faces = hands::strangers(Path::new(fonts))?;
    for n in 0..count {
        let drawn = sheet::draw(&writers, &faces, seed, n);
        if let Some(strip) = strip::strip(&drawn.page.bits, drawn.page.gray.as_ref(), drawn.bounds, drawn.page.dpi) {
            write(format!("{n:04}_{}", drawn.truth), &strip);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    confirmed: usize,
    wrong: usize,
    best: usize,
    neighbours: usize,
    unrelated: usize,
    free: usize,
}

/// Amounts of one other digit.
pub fn neighbours(truth: Cents, count: usize, random: &mut Random) -> Vec<Cents> {
    let one = |_| {
        let mut digits = truth.get().to_string().into_bytes();
        let at = random.below(digits.len());
        let other = (digits[at] - b'0' + 1 + random.below(9) as u8) % 10;
        digits[at] = b'0' + if at == 0 { other.max(1) } else { other };
        Cents::new(String::from_utf8_lossy(&digits).parse().unwrap_or(1))
    };
    (0..count).map(one).filter(|&a| a != truth).collect()
}

fn counts(some: &[&Seen], truths: &[Cents], rules: &Rules) -> Counts {
    let one = |seen: &&Seen| {
        let random =
            &mut Random::stream(99, seen.truth.get() as u64 ^ seen.columns.as_ref().map_or(0, |c| c.len() as u64));
        // As a bill has them: amounts of one customer are not digits apart; the other four are other customers' bills.
        let strangers = |n: usize, random: &mut Random| -> Vec<Cents> {
            let all = (0..40).map(|_| truths[random.below(truths.len())]);
            all.filter(|a| *a != seen.truth && !within_one_digit(*a, seen.truth)).take(n).collect()
        };
        let mut five = strangers(4, random);
        five.push(seen.truth);
        let near = neighbours(seen.truth, 5, random);
        let columns = seen.columns.as_deref();
        let truth_among = decide(columns, &five, rules);
        let (near, far) = (decide(columns, &near, rules), decide(columns, &strangers(5, random), rules));
        let free = columns.and_then(|c| remit::decode::amount::guesses(c).first().map(|g| g.value));
        Counts {
            confirmed: usize::from(truth_among.result == Ok(seen.truth)),
            wrong: usize::from(truth_among.result.is_ok_and(|a| a != seen.truth)),
            best: usize::from(truth_among.choices.first().is_some_and(|g| g.value == seen.truth)),
            neighbours: usize::from(near.result.is_ok()),
            unrelated: usize::from(far.result.is_ok()),
            free: usize::from(free == Some(seen.truth)),
        }
    };
    some.par_iter().map(one).reduce(Counts::default, |a, b| Counts {
        confirmed: a.confirmed + b.confirmed,
        wrong: a.wrong + b.wrong,
        best: a.best + b.best,
        neighbours: a.neighbours + b.neighbours,
        unrelated: a.unrelated + b.unrelated,
        free: a.free + b.free,
    })
}

fn table(name: &str, some: &[&Seen], truths: &[Cents], rules: &Rules) {
    let c = counts(some, truths, rules);
    let line = |what: &str, n: usize| {
        let rate = Rate::new(n, some.len());
        println!(
            "{name}: {what} {n} of {}, {:.3}% ({:.3} to {:.3})",
            some.len(),
            rate.share * 100.0,
            rate.low * 100.0,
            rate.high * 100.0
        );
    };
    line("true amount in a list of five confirmed", c.confirmed);
    line("wrong amount of the five confirmed", c.wrong);
    line("best of five is the right one", c.best);
    line("a one-digit neighbour confirmed", c.neighbours);
    line("an unrelated amount confirmed", c.unrelated);
    line("read freely and right", c.free);
}

/// Strips as bytes and the columns that the trainer's own forward pass makes of them.
pub fn vectors(sources: &Sources, network: &str, out: &str, seed: u64) -> Result<(), String> {
    let bytes = std::fs::read(network).map_err(|e| format!("{network}: {e}"))?;
    let network = Network::from_bytes(&bytes).map_err(|e| e.to_string())?;
    let mut text =
        String::from("# width, the strip's bytes in hex, the trainer's log chances; made by `train amount-vectors`\n");
    for n in (0..1000).filter(|n| n % 7 == 0) {
        let Some(mut field) = sources.field(seed ^ 0xFEED, n).filter(|f| f.strip.width < 130) else { continue };
        let levels: Vec<u8> = field.strip.ink.iter().map(|v| (v * 255.0) as u8).collect();
        field.strip.ink = levels.iter().map(|&b| f32::from(b) / 255.0).collect();
        let hex: String = levels.iter().map(|b| format!("{b:02x}")).collect();
        let columns = learn::columns(&network, &field.strip);
        let values: Vec<String> = columns.iter().flatten().map(|v| format!("{v:.4}")).collect();
        text += &format!("{} {hex} {}\n", field.strip.width, values.join(","));
        if text.len() > 90_000 {
            break;
        }
    }
    std::fs::write(out, text).map_err(|e| format!("{out}: {e}"))
}
