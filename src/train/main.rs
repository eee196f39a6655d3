//! Derives the readers' weights from seeds: `cargo run --release --bin train -- NAME --seed 1`. Not part of the product.

mod net;
mod random;

use remit::decode::net::{Net, Plan};

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "try" => attempt(),
        _ => {
            eprintln!("usage: train try");
            std::process::exit(2);
        }
    }
}

/// Proves the trainer on a problem with a known answer: which half of the raster holds a blot, and how thick it is.
fn attempt() {
    let mut net = Net::plan(10, 8, &[Plan::Conv { kernel: 3, stride: 2, filters: 4 }, Plan::Dense(4)]);
    net::start(&mut net, 1);
    let sample = |n: u64| {
        let mut random = random::Random::stream(7, n);
        let (class, mut pixels) = (random.below(4), vec![0.0; 80]);
        let (x0, y0) = (random.below(3) + if class % 2 == 0 { 0 } else { 5 }, random.below(5));
        let size = if class < 2 { 2 } else { 3 };
        (0..size).for_each(|dy| (0..size).for_each(|dx| pixels[(y0 + dy) * 10 + x0 + dx] = random.between(0.6, 1.0)));
        pixels.iter_mut().for_each(|p| *p = if random.chance(0.02) { 1.0 - *p } else { *p });
        (pixels, class)
    };
    net::fit(&mut net, &sample, net::Schedule { samples: 40_000, rate: 0.01, ..Default::default() });
    println!("fresh samples: {:?}", net::test(&net, &sample, 1_000_000..1_002_000));
}
