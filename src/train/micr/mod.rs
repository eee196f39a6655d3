//! Derives the E-13B classifier: `train micr --seed 1 [--data DIR] [--samples N] [--out FILE]`.

mod draw;
mod glyphs;
pub mod measure;
pub mod real;

use std::path::Path;

use remit::decode::micr::strip::{HEIGHT, WINDOW};
use remit::decode::net::{Net, Plan};

use crate::net::{Schedule, fit, start, test};
use crate::random::Random;

pub struct Arguments {
    pub seed: u64,
    /// Drawn glyphs of the first part.
    pub samples: u64,
    pub out: String,
    /// Real lines with their text; none: drawn glyphs only.
    pub data: String,
    /// A station folder with truth, for other print; none: without.
    pub station: String,
    /// Leaves one of five parts of the real lines out, to be measured on; past 4 none.
    pub fold: u64,
    /// Goes on from these weights; none: from the seed.
    pub from: String,
}

/// First on drawn glyphs alone, then half of them cut from real lines.
pub fn train(arguments: &Arguments) -> std::io::Result<()> {
    let fields = glyphs::Fields::new();
    let mut net = if arguments.from.is_empty() {
        let plan = [
            Plan::Conv { kernel: 3, stride: 2, filters: 8 },
            Plan::Conv { kernel: 3, stride: 2, filters: 24 },
            Plan::Dense(48),
            Plan::Dense(15),
        ];
        let mut net = Net::plan(WINDOW, HEIGHT, &plan);
        start(&mut net, arguments.seed);
        let sample = |n: u64| draw::glyph(&fields, &mut Random::stream(arguments.seed, n));
        fit(&mut net, &sample, Schedule { samples: arguments.samples, ..Schedule::default() });
        net.note = format!("train micr --seed {} --samples {}", arguments.seed, arguments.samples);
        net
    } else {
        weights(&arguments.from)?
    };
    if !arguments.data.is_empty() {
        let folder = Path::new(&arguments.data);
        let folds = real::Folds::beside(folder);
        let other =
            if arguments.station.is_empty() { Vec::new() } else { real::other_print(Path::new(&arguments.station))? };
        for round in 0..2u64 {
            let lines = real::lines(folder, &net, &|name| folds.of(name) != arguments.fold)?;
            let sample = |n: u64| {
                let mut random = Random::stream(arguments.seed ^ ((round + 1) << 32), n);
                match random.below(20) {
                    0..=8 => real::glyph(&lines, &mut random),
                    9..=10 if !other.is_empty() => real::not_a_glyph(&other, &mut random),
                    _ => draw::glyph(&fields, &mut random),
                }
            };
            let schedule = Schedule { samples: arguments.samples / 2, rate: 0.0012, ..Schedule::default() };
            fit(&mut net, &sample, schedule);
        }
        net.note += &format!(" --data (real lines{})", if arguments.fold < 5 { ", but one fold" } else { "" });
    }
    let fresh = |n: u64| draw::glyph(&fields, &mut Random::stream(arguments.seed ^ 0x5eed, n));
    let (wrong, loss) = test(&net, &fresh, 0..20_000);
    println!("fresh drawn glyphs: {:.3}% wrong, loss {loss:.4}", 100.0 * wrong);
    println!("{net}");
    std::fs::write(&arguments.out, net.to_bytes())
}

pub fn weights(path: &str) -> std::io::Result<Net> {
    Net::from_bytes(&std::fs::read(path)?).map_err(std::io::Error::other)
}

/// Prints some training glyphs.
pub fn show(seed: u64) {
    let fields = glyphs::Fields::new();
    for n in 0..24 {
        let (pixels, class) = draw::glyph(&fields, &mut Random::stream(seed, n));
        println!("class {}", glyphs::SYMBOLS.get(class).map_or('-', |&c| c as char));
        for row in pixels.chunks(WINDOW) {
            println!("{}", row.iter().map(|p| b" .:-=+*#%@"[(p * 9.9) as usize] as char).collect::<String>());
        }
    }
}
