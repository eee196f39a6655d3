//! Derives the E-13B classifier: `train micr --seed 1 [--data DIR] [--samples N] [--out FILE]`.

mod draw;
mod glyphs;

use remit::decode::micr::strip::{HEIGHT, WINDOW};
use remit::decode::net::{Net, Plan};

use crate::net::{Schedule, fit, start, test};
use crate::random::Random;

pub struct Arguments {
    pub seed: u64,
    pub samples: u64,
    pub out: String,
}

pub fn train(arguments: &Arguments) -> std::io::Result<()> {
    let fields = glyphs::Fields::new();
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
    let fresh = |n: u64| draw::glyph(&fields, &mut Random::stream(arguments.seed ^ 0x5eed, n));
    let (wrong, loss) = test(&net, &fresh, 0..20_000);
    println!("fresh drawn glyphs: {:.3}% wrong, loss {loss:.4}", 100.0 * wrong);
    net.note = format!("train micr --seed {} --samples {}", arguments.seed, arguments.samples);
    println!("{net}");
    std::fs::write(&arguments.out, net.to_bytes())
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
