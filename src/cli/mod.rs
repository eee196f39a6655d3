//! The command line.

pub mod deck;
pub mod decode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "remit", version)]
struct Command {
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    name: Name,
}

#[derive(clap::Subcommand)]
enum Name {
    /// Read images without a site
    Decode(decode::Args),
    /// Draw a test deck of checks and stubs with its truth
    Deck(deck::Args),
}

pub fn main() -> std::process::ExitCode {
    let command = Command::parse();
    let done = match command.name {
        Name::Decode(args) => decode::run(args, command.json),
        Name::Deck(args) => deck::run(&args, command.json),
    };
    match done {
        Ok(status) => std::process::ExitCode::from(status),
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::from(3)
        }
    }
}
