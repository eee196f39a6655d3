//! Trains the reader of amounts: `train amount --mnist DIR --fonts DIR --out FILE --seed 1`. Forty writers of the training
//! set are kept aside to choose by; the writers of the test set are not opened here.

mod canvas;
mod field;
mod hands;
mod learn;
mod measure;
mod sheet;

use std::path::Path;
use std::sync::Arc;

use remit::decode::amount::network::{Network, Scratch};
use remit::decode::amount::score;
use remit::domain::Cents;

use field::{Field, Sources};
pub use measure::{Options, measure};

pub struct Arguments {
    pub mnist: String,
    pub fonts: String,
    pub out: String,
    pub seed: u64,
    pub samples: u64,
    /// Fields a step: few make more of the same time.
    pub batch: u64,
    /// Number of the first field, for a later stage.
    pub first: u64,
    /// Weights to go on from.
    pub from: String,
}

/// Writers kept aside.
const ASIDE: usize = 40;

fn sources(arguments: &Arguments) -> Result<(Sources, Sources), String> {
    let mut writers = hands::writers(Path::new(&arguments.mnist), "train")?;
    if writers.len() <= 2 * ASIDE {
        return Err(format!("{}: {} writers", arguments.mnist, writers.len()));
    }
    let aside = writers.split_off(writers.len() - ASIDE);
    let faces = |written: bool| {
        hands::faces(Path::new(&arguments.fonts))
            .map(|f| f.into_iter().filter(|f| f.written == written).collect::<Vec<_>>())
    };
    let (written, printed) = (Arc::new(faces(true)?), Arc::new(faces(false)?));
    println!(
        "fonts: {} printed, {} written; writers: {} and {ASIDE} aside",
        printed.len(),
        written.len(),
        writers.len()
    );
    let learned = Sources { writers, written: written.clone(), printed: printed.clone() };
    let aside = Sources { writers: aside, written, printed };
    Ok((learned, aside))
}

pub fn train(arguments: &Arguments) -> Result<(), String> {
    let (learned, aside) = sources(arguments)?;
    let (seed, samples) = (arguments.seed, arguments.samples);
    let mut network = Network::plan();
    learn::start(&mut network, seed);
    let mut before = String::new();
    if !arguments.from.is_empty() {
        let bytes = std::fs::read(&arguments.from).map_err(|e| format!("{}: {e}", arguments.from))?;
        network = Network::from_bytes(&bytes).map_err(|e| format!("{}: {e}", arguments.from))?;
        before = format!("; went on from: {}", network.note);
    }
    let (first, batch) = (arguments.first, arguments.batch.max(learn::SHARDS));
    let note = format!(
        "train amount: fields {first} to {}, {batch} a step, seed {seed}; digits of MNIST (LeCun, Cortes; CC BY-SA 3.0), fonts of Debian{before}",
        first + samples
    );
    let keep = |kept: &Network, done: f32| {
        let mut kept = kept.clone();
        kept.note = format!("{note}; {:.0}% of the way", done * 100.0);
        if let Err(error) = std::fs::write(&arguments.out, kept.to_bytes()) {
            eprintln!("{}: {error}", arguments.out);
        }
        println!("      aside: {}", measured(&kept, &|n| aside.field(seed ^ 0x5EED, n), 400));
    };
    learn::fit(&mut network, &|n| learned.field(seed, n), learn::Schedule { samples, first, batch, keep: &keep });
    network.note = note;
    println!("aside: {}", measured(&network, &|n| aside.field(seed ^ 0x5EED, n), 4_000));
    std::fs::write(&arguments.out, network.to_bytes()).map_err(|e| format!("{}: {e}", arguments.out))
}

/// Whole amounts right, and verified at log-odds 0.
fn measured(network: &Network, field: &(dyn Fn(u64) -> Option<Field> + Sync), count: u64) -> String {
    use rayon::prelude::*;
    let results: Vec<(bool, bool, bool)> = (0..count)
        .into_par_iter()
        .filter_map(|n| {
            let field = field(n)?;
            let truth = score::amount(&field.label)?;
            let columns = network.forward(&field.strip, &mut Scratch::default());
            let read = learn::best_path(&columns);
            let odds = |a: Cents| score::log_odds(score::log_chance_of(&columns, a));
            let neighbour = Cents::new(truth.get() + if truth.get() % 10 < 9 { 1 } else { -1 });
            Some((score::amount(&read) == Some(truth), odds(truth) >= 0.0, odds(neighbour) >= 0.0))
        })
        .collect();
    let share = |f: fn(&(bool, bool, bool)) -> bool| {
        100.0 * results.iter().filter(|r| f(r)).count() as f64 / results.len().max(1) as f64
    };
    format!(
        "right {:.1}%, confirmed {:.1}%, neighbour confirmed {:.2}% of {}",
        share(|r| r.0),
        share(|r| r.1),
        share(|r| r.2),
        results.len()
    )
}

/// Vectors to hold the product's forward pass to the trainer's.
pub fn vectors(arguments: &Arguments, network: &str) -> Result<(), String> {
    let (learned, _) = sources(arguments)?;
    measure::vectors(&learned, network, &arguments.out, arguments.seed)
}

/// Writes strips as gray pictures, to look at.
pub fn show(arguments: &Arguments) -> Result<(), String> {
    let (learned, _) = sources(arguments)?;
    std::fs::create_dir_all(&arguments.out).map_err(|e| e.to_string())?;
    for n in 0..arguments.samples {
        let Some(field) = learned.field(arguments.seed, n) else { continue };
        let label: String = field.label.iter().map(|&c| b"0123456789cx"[c] as char).collect();
        let pixels: Vec<u8> = field.strip.ink.iter().map(|v| 255 - (v * 255.0) as u8).collect();
        let mut file = format!("P5 {} {} 255\n", field.strip.width, remit::decode::amount::strip::HEIGHT).into_bytes();
        file.extend(pixels);
        std::fs::write(Path::new(&arguments.out).join(format!("{n:04}_{label}.pgm")), file)
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}
