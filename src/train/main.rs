//! Derives the readers' weights from seeds: `cargo run --release --bin train -- NAME`. Not part of the product.

fn main() {}
