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

use rayon::prelude::*;
use remit::decode::amount::network::{Network, Scratch};
use remit::decode::amount::score;
use remit::decode::amount::strip::{HEIGHT, Strip};
use remit::domain::Cents;

use crate::random::Random;
use field::{Field, Sources};
pub use measure::Options;

pub struct Arguments {
    pub mnist: String,
    pub fonts: String,
    pub out: String,
    pub seed: u64,
    pub samples: u64,
    pub rate: f32,
    /// How often the weights are kept and measured on the way.
    pub kept: u64,
}

/// Writers kept aside.
const ASIDE: usize = 40;

fn sources(mnist: &str, fonts: &str) -> Result<(Sources, Sources), String> {
    let mut writers = hands::writers(Path::new(mnist), "train")?;
    if writers.len() <= 2 * ASIDE {
        return Err(format!("{mnist}: {} writers", writers.len()));
    }
    let aside = writers.split_off(writers.len() - ASIDE);
    let faces = |written: bool| {
        hands::faces(Path::new(fonts)).map(|f| f.into_iter().filter(|f| f.written == written).collect::<Vec<_>>())
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
    let (learned, aside) = sources(&arguments.mnist, &arguments.fonts)?;
    let (seed, samples, rate) = (arguments.seed, arguments.samples, arguments.rate);
    let out = Path::new(&arguments.out);
    let mut network = learn::plan();
    let note = format!(
        "train amount --seed {seed} --samples {samples} --rate {rate}; digits of MNIST (LeCun, Cortes; CC BY-SA 3.0), fonts of Debian"
    );
    let aside = |count: u64| (0..count).into_par_iter().filter_map(|n| aside.field(seed ^ 0x5EED, n)).collect();
    let few: Vec<Field> = aside(1_500);
    let keep = |kept: &Network, done: f32| {
        let mut kept = kept.clone();
        kept.note = if done < 1.0 { format!("{note}; {:.0}% of the way", done * 100.0) } else { note.clone() };
        if let Err(error) = std::fs::write(out, kept.to_bytes()) {
            eprintln!("{}: {error}", out.display());
        }
        println!("      aside: {}", measured(&kept, &few));
    };
    let state = out.with_extension("state");
    let schedule = learn::Schedule { samples, rate, state: &state, kept: arguments.kept, keep: &keep };
    learn::fit(&mut network, seed, &|n| learned.field(seed, n), schedule);
    println!("aside: {}", measured(&network, &aside(10_000)));
    Ok(())
}

/// Whole amounts right, and how many are verified where a one-digit neighbour is in 0.3% of the fields.
fn measured(network: &Network, fields: &[Field]) -> String {
    let results: Vec<(bool, f32, f32)> = fields
        .par_iter()
        .enumerate()
        .filter_map(|(n, field)| {
            let truth = score::amount(&field.label)?;
            let columns = network.forward(&field.strip, &mut Scratch::default());
            let right = score::amount(&learn::best_path(&columns)) == Some(truth);
            let odds = |a: Cents| score::log_odds(score::log_chance_of(&columns, a));
            let random = &mut Random::stream(0xD161, n as u64);
            let nearest = measure::neighbours(truth, 5, random).into_iter().map(odds).fold(f32::MIN, f32::max);
            Some((right, odds(truth), nearest))
        })
        .collect();
    let count = results.len().max(1);
    let share = |n: usize| 100.0 * n as f64 / count as f64;
    let mut nearest: Vec<f32> = results.iter().map(|r| r.2).collect();
    nearest.sort_by(|a, b| b.total_cmp(a));
    let threshold = nearest.get(count * 3 / 1000).copied().unwrap_or(0.0);
    let confirmed = |threshold: f32| share(results.iter().filter(|r| r.1 > threshold).count());
    format!(
        "right {:.1}%; confirmed {:.1}% at {threshold:.2}, where 0.3% of neighbours are; {:.1}% and {:.2}% at 0; of {count}",
        share(results.iter().filter(|r| r.0).count()),
        confirmed(threshold),
        confirmed(0.0),
        share(nearest.iter().filter(|&&n| n > 0.0).count()),
    )
}

/// Vectors to hold the product's forward pass to the trainer's.
pub fn vectors(arguments: &Arguments, network: &str) -> Result<(), String> {
    let (learned, _) = sources(&arguments.mnist, &arguments.fonts)?;
    measure::vectors(&learned, network, &arguments.out, arguments.seed)
}

/// How well fields are verified that were drawn by the other drawing code: by the test set's writers, or those kept aside.
pub fn evaluate(options: &Options) -> Result<(), String> {
    if !options.aside {
        return measure::measure(options, None);
    }
    let (_, aside) = sources(&options.mnist, &options.fonts)?;
    measure::measure(options, Some(&aside))
}

/// Writes strips as gray pictures, to look at: those to learn from, or those to measure by.
pub fn show(arguments: &Arguments, to_measure: bool) -> Result<(), String> {
    std::fs::create_dir_all(&arguments.out).map_err(|e| e.to_string())?;
    let write = |name: String, strip: &Strip| {
        let mut file = format!("P5 {} {} 255\n", strip.width, HEIGHT).into_bytes();
        file.extend(strip.ink.iter().map(|v| 255 - (v * 255.0) as u8));
        if let Err(error) = std::fs::write(Path::new(&arguments.out).join(format!("{name}.pgm")), file) {
            eprintln!("{name}: {error}");
        }
    };
    if to_measure {
        return measure::show(&arguments.mnist, &arguments.fonts, arguments.seed, arguments.samples, write);
    }
    let (learned, _) = sources(&arguments.mnist, &arguments.fonts)?;
    for n in 0..arguments.samples {
        let Some(field) = learned.field(arguments.seed, n) else { continue };
        let label: String = field.label.iter().map(|&c| b"0123456789cx"[c] as char).collect();
        write(format!("{n:04}_{label}"), &field.strip);
    }
    Ok(())
}
