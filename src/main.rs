//! The `remit` program: parses arguments and calls the library.

fn main() -> std::process::ExitCode {
    remit::cli::main()
}
