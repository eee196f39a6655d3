//! Derives the readers' weights from seeds: `cargo run --release --bin train -- NAME --seed 1`. Not part of the product.

mod amount;
mod micr;
mod net;
mod outline;
mod random;
mod scanline;
mod stubs;

use std::collections::BTreeMap;

const USAGE: &str = "usage: train micr --seed N --samples N --data DIR --station DIR --out DIR [--fold K]\n       train micr-covered --seed N --samples N --net FILE --data DIR --station DIR --out FILE\n       train show-micr --seed N\n       train amount --mnist DIR --fonts DIR --out FILE [--seed N] [--samples N] [--rate R]\n       train amount-vectors --mnist DIR --fonts DIR --net FILE --out FILE\n       train eval-amount --mnist DIR --fonts DIR --net FILE [--which test|aside] [--samples N] [--threshold T]\n       train show-amount --mnist DIR --fonts DIR --out DIR [--which learn|measure] [--samples N]\n       train micr-curve --lines DIR --folds DIR\n       train eval-micr --lines DIR [--folds DIR] [--fold K] | --station DIR [--which bits|gray] [--list N]\n       train scanline --fonts DIR --out FILE [--seed N] [--samples N]\n       train show-scanline --fonts DIR --seed N\n       train eval-stubs --station DIR --layouts FILE [--every N] [--list N] [--spoil SEED]";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let mut options = BTreeMap::new();
    while let Some(key) = arguments.next() {
        options.insert(key.trim_start_matches('-').to_string(), arguments.next().unwrap_or_default());
    }
    let number = |key: &str, default: u64| options.get(key).and_then(|v| v.parse().ok()).unwrap_or(default);
    let text = |key: &str| options.get(key).cloned().unwrap_or_default();
    let result = match name.as_str() {
        "micr" | "micr-covered" => {
            let arguments = micr::Arguments {
                seed: number("seed", 1),
                samples: number("samples", 600_000),
                out: text("out"),
                data: text("data"),
                station: text("station"),
                fold: options.get("fold").and_then(|f| f.parse().ok()),
            };
            if name == "micr" { micr::train(&arguments) } else { micr::covered(&arguments, text("net").as_ref()) }
        }
        "eval-micr" => {
            let (folder, list) = (text("lines"), number("list", 20) as usize);
            if folder.is_empty() {
                micr::measure::of_station(text("station").as_ref(), &text("which"), list)
            } else {
                micr::measure::of_lines(
                    folder.as_ref(),
                    &text("folds"),
                    options.get("fold").and_then(|f| f.parse().ok()),
                    list,
                )
            }
        }
        "micr-curve" => micr::confidence(text("lines").as_ref(), text("folds").as_ref()),
        "look-micr" => micr::measure::look(text("image").as_ref(), &text("net")),
        "amount" | "show-amount" | "amount-vectors" => {
            let arguments = amount::Arguments {
                mnist: text("mnist"),
                fonts: text("fonts"),
                out: text("out"),
                seed: number("seed", 1),
                samples: number("samples", if name == "amount" { 400_000 } else { 100 }),
                rate: options.get("rate").and_then(|r| r.parse().ok()).unwrap_or(0.002),
                kept: number("kept", 24),
            };
            let done = match name.as_str() {
                "amount" => amount::train(&arguments),
                "amount-vectors" => amount::vectors(&arguments, &text("net")),
                _ => amount::show(&arguments, text("which") == "measure"),
            };
            done.map_err(std::io::Error::other)
        }
        "eval-amount" => {
            let odds = |key: &str, default: f32| options.get(key).and_then(|v| v.parse().ok()).unwrap_or(default);
            amount::evaluate(&amount::Options {
                aside: text("which") == "aside",
                mnist: text("mnist"),
                fonts: text("fonts"),
                network: text("net"),
                count: number("samples", 20_000),
                seed: number("seed", 7),
                threshold: odds("threshold", 0.0),
                close_margin: odds("close-margin", 4.0),
            })
            .map_err(std::io::Error::other)
        }
        "show-micr" => {
            micr::show(number("seed", 1));
            Ok(())
        }
        "scanline" => {
            scanline::train(text("fonts").as_ref(), &text("out"), number("samples", 1_500_000), number("seed", 1))
                .map_err(std::io::Error::other)
        }
        "show-scanline" => scanline::show(text("fonts").as_ref(), number("seed", 1)).map_err(std::io::Error::other),
        "eval-stubs" => {
            let (every, list) = (number("every", 1).max(1) as usize, number("list", 20) as usize);
            stubs::measure(&text("station"), &text("layouts"), every, list, number("spoil", 0))
                .map_err(std::io::Error::other)
        }
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    };
    if let Err(error) = result {
        eprintln!("train {name}: {error}");
        std::process::exit(1);
    }
}
