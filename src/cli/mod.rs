//! The command line: arguments in, library calls, output for people or `--json` for programs. One file per command.
//! Exit status: 0 done; 1 done and the answer is no; 2 usage; 3 bad input that stopped the work; 4 a machine broke.

mod admin;
mod amounts;
mod books;
mod care;
mod decide;
mod demo;
mod drawer;
mod failure;
mod import;
mod ingest;
mod keeping;
mod layouts;
mod ledger;
mod print;
mod refused;
mod report;
mod research;
mod returns;
mod rules;
mod serve;

pub mod deck;
pub mod decode;
pub mod eval;
pub mod inspect;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use failure::Failure;

use crate::clock::Clock;
use crate::config::{AmountMode, Site};
use crate::domain::{Role, User};
use crate::pipeline::Office;

#[derive(Parser, Debug)]
#[command(
    name = "remit",
    version,
    about = "Remittance: scanned checks and bill stubs to balanced, posted, deposited payments",
    after_help = "First steps:\n  remit demo                         see a morning's work done on made-up samples\n  remit init office                  make a site in the folder `office`\n  remit --site office bills import open_bills.csv\n  remit --site office ingest scans/b0001 --expect-total 2315.05\n  remit --site office exceptions list\n\n`remit help COMMAND` shows each command's options."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that may stand before or after the command.
#[derive(Args, Debug, Clone)]
pub struct Global {
    /// The site's folder (default: the current folder, when it holds remit.toml)
    #[arg(long, global = true, env = "REMIT_SITE", value_name = "DIR")]
    pub site: Option<PathBuf>,
    /// The database, when it is not the site's own SQLite file: postgres://...
    #[arg(long, global = true, env = "REMIT_DB", value_name = "URL", hide_env_values = true)]
    pub db: Option<String>,
    /// The object store, when it is not the site's own folder: s3://bucket/prefix
    #[arg(long, global = true, env = "REMIT_BLOBS", value_name = "URL", hide_env_values = true)]
    pub blobs: Option<String>,
    /// Reading of amounts, instead of the site's own `amounts.mode`
    #[arg(long, global = true, env = "REMIT_AMOUNTS", value_name = "MODE", value_enum)]
    pub amounts: Option<AmountMode>,
    /// Machine output on stdout, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// The person who decides
    #[arg(long = "as", global = true, value_name = "USER", id = "as-user")]
    pub user: Option<String>,
    /// Say what would be done and change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Less output
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More output on stderr (-v, -vv, -vvv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// A morning's work on made-up samples, from scan to deposit, with no set-up
    Demo(demo::DemoArgs),
    /// Make a site: a folder with its configuration, database, image store and key
    Init(admin::InitArgs),
    /// People and what they may do
    #[command(after_help = "Examples:\n  remit users add olga --role operator\n  remit users add sven --role approver")]
    #[command(subcommand)]
    Users(admin::UsersCommand),
    /// Stub layouts of the site
    #[command(
        after_help = "A layout says what a stub's line or barcode looks like:\n\n  [[layout]]\n  name = \"energy-coupon\"\n  biller = \"energy\"\n  scanline = { font = \"ocr-a\", template = \"{account:10} {amount_due:8} {check:1}\" }\n  checks = [{ scheme = \"luhn\", covers = \"1-18\", digit = 19 }]\n\nExamples:\n  remit layouts import layouts.toml\n  remit layouts test layouts.toml stub.tif\n  remit layouts learn lines/         folder of texts or images: which check digits do they keep?\n\nBoxes that members tick or write into are found from the line's first character (inches right and down, then size):\n\n  boxes = [{ name = \"autopay\", x = 1.2, y = -0.4, w = 0.15, h = 0.15 }, { name = \"meter_reading\", x = 3.0, y = -0.8, w = 1.5, h = 0.3, cells = 5 }]\n\nA layout that says how large its stub is (size = [8.5, 3.5], inches) lets pictures be told that are cut.\n\nA line in E-13B has font = \"e13b\"; its symbols are A (transit), B (amount), C (on-us), D (dash) in the template.\nA whole example: scanner-samples/layouts.toml"
    )]
    #[command(subcommand)]
    Layouts(admin::LayoutsCommand),
    /// How amounts on checks are read here, and from what threshold they are taken
    #[command(after_help = amounts::HELP)]
    #[command(subcommand)]
    Amounts(amounts::AmountsCommand),
    /// Open bills of the billing system
    #[command(
        after_help = "The file is a CSV whose header has, in any order: biller, bill, account, name, address, city, state, zip, amount_due,\ncurrent, past_due, late_amount, due_date, invoice, status (and budget_amount, instalment, flags, service, phone, email).\nAmounts like 123.45, dates like 2026-11-30. Another header is served by a mapping (TOML):\n\n  date_format = \"%m/%d/%Y\"\n  [columns]\n  account = \"Cust No\"\n\nExamples:\n  remit bills import open_bills.csv\n  remit bills import all_open.csv --full"
    )]
    #[command(subcommand)]
    Bills(import::BillsCommand),
    /// Bank accounts that are known to pay for an account
    #[command(
        after_help = "The file is a CSV with the columns routing, bank_account, biller, account.\n\nExample:\n  remit payers import payers.csv"
    )]
    #[command(subcommand)]
    Payers(import::PayersCommand),
    /// Take in capture folders, image cash letters and lockbox files, and work them to the end of matching
    #[command(
        after_help = "Examples:\n  remit ingest scans/b0001 --origin mail --date 2026-11-20 --expect-count 21 --expect-total 2315.05\n  remit ingest deposit.x9 lockbox.txt\nThe same thing again, renamed or in part, changes nothing."
    )]
    Ingest(ingest::IngestArgs),
    /// The same for everything that lands in a hot folder
    Watch(ingest::WatchArgs),
    /// Work jobs of a shared database
    Worker(ingest::WorkerArgs),
    /// Read images without a site
    Decode(decode::Args),
    /// Show any supported file, or its faults with their place
    Inspect(inspect::Args),
    /// Read, substitution and reject rates and speed against a folder with truth: how an office accepts a scanner
    #[command(after_help = eval::HELP)]
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// Batches
    #[command(
        after_help = "Examples:\n  remit batch list\n  remit batch show b0001\n  remit --as sven batch approve b0001\n  remit --as olga batch hold TRANSACTION --until 2026-12-01\n  remit --as olga batch edit-line TRANSACTION 2 --amount 40.00\n  remit --as olga batch flag TRANSACTION post-dated --note \"dated next month\""
    )]
    #[command(subcommand)]
    Batch(books::BatchCommand),
    /// Prove a batch; when it is out, the likely reasons, best first
    #[command(after_help = "Example:\n  remit --as olga balance b0001")]
    Balance(books::BalanceArgs),
    /// What needs a person, the worst harm first
    #[command(
        after_help = "Examples:\n  remit exceptions list\n  remit exceptions show EXCEPTION\n  remit --as olga exceptions decide EXCEPTION key-amount amount=84.18\n  remit --as olga exceptions decide EXCEPTION assign account=8130687182\n  remit --as olga exceptions decide EXCEPTION apply-list file=accounts.csv"
    )]
    #[command(subcommand)]
    Exceptions(decide::ExceptionsCommand),
    /// What other rules of matching would have done
    #[command(
        after_help = "Example:\n  remit rules simulate --from 2026-11-01 --to 2026-11-30 --rules changed.toml\nNothing is written."
    )]
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Meter readings that came on stubs
    #[command(after_help = "Example:\n  remit meters --since 2026-11-20\nThe export is in the site's folder meters/.")]
    Meters(care::MetersArgs),
    /// Payments that collections or an agency must hear of, before they are posted
    #[command(
        after_help = "Example:\n  remit notices --since 2026-11-20\nThe export is in the site's folder notices/."
    )]
    Notices(care::NoticesArgs),
    /// Post approved batches to the ledger and write the billing posting file
    #[command(after_help = "Example:\n  remit --as sven post b0001")]
    Post(books::PostArgs),
    /// Deposits: image cash letters
    #[command(after_help = "Examples:\n  remit --as sven deposit make --date 2026-11-20\n  remit deposit list")]
    #[command(subcommand)]
    Deposit(books::DepositCommand),
    /// What the bank sent back
    #[command(
        after_help = "Examples:\n  remit --as olga returns key --amount 84.18 --reason A --serial 1207 --routing 061000146 --bank-account 12345678\n  remit --as olga returns import returns.x9\n  remit returns list --open\n  remit --as olga returns represent RETURN\n  remit returns letter RETURN -o letter.pdf"
    )]
    #[command(subcommand)]
    Returns(returns::ReturnsCommand),
    /// Files that were not taken: why, and their bytes as they came
    #[command(
        after_help = "Examples:\n  remit refused list\n  remit refused show 4f0c21\n  remit refused save 4f0c21 -o as-it-came.x9"
    )]
    #[command(subcommand)]
    Refused(refused::RefusedCommand),
    /// The books
    #[command(
        after_help = "Examples:\n  remit ledger balances\n  remit ledger export --format hledger -o books.journal"
    )]
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// The posting files of the billing system, and its answers
    #[command(after_help = "Examples:\n  remit billing list\n  remit --as sven billing ack b0001 host-answer.csv")]
    #[command(subcommand)]
    Billing(ledger::BillingCommand),
    /// The counter's cash drawer
    #[command(
        after_help = "Examples:\n  remit --as kim drawer open --float 200.00\n  remit --as kim drawer receive --tender cash --amount 84.18 --tendered 100.00 --account 8130687182 --bill E1001\n  remit --as kim drawer count 14x20 3x5 7x0.25 --checks 120.50\n  remit --as kim drawer close"
    )]
    #[command(subcommand)]
    Drawer(drawer::DrawerCommand),
    /// Reports for the screen, the printer and the spreadsheet
    #[command(
        after_help = "Examples:\n  remit report proof-sheet --date 2026-11-20\n  remit report proof-sheet --format html -o proof.html"
    )]
    Report(report::ReportArgs),
    /// Find an account, a name, an amount, a check number
    Search(research::SearchArgs),
    /// Prove that nothing is lost, doubled or changed
    Verify(research::VerifyArgs),
    /// The review desk in a browser, and the HTTP API
    #[command(
        after_help = "Example:\n  remit --site office serve\nThen open http://127.0.0.1:8088 in a browser. The first person gives the set-up token that `remit init` printed."
    )]
    Serve(serve::ServeArgs),
    /// Draw a test deck of checks and stubs with its truth
    Deck(deck::Args),
    /// The site's keys
    #[command(subcommand)]
    Keys(keeping::KeysCommand),
    /// Write the whole site as one sealed file
    #[command(after_help = "Example:\n  remit backup /mnt/backup/2026-11-20.remit")]
    Backup(keeping::BackupArgs),
    /// Bring a site back from a backup: whole, or not at all
    #[command(after_help = "Example:\n  remit restore 2026-11-20.remit office --key /mnt/safe/site.key")]
    Restore(keeping::RestoreArgs),
    /// Archive batches that are over, and take away images whose time is over, with a record of each
    Purge(keeping::PurgeArgs),
    /// Batches that must stay for a court
    #[command(subcommand)]
    LegalHold(keeping::HoldCommand),
    /// Print the manual of the configuration: every key, its default and what it means
    Config,
    /// Opens images for another process of this program, and can do nothing else
    #[command(hide = true)]
    DecodeWorker,
}

/// Runs the program and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            if !asked && std::env::args().any(|a| a == "--json") {
                let text = error.to_string();
                Failure::usage(text.lines().next().unwrap_or("wrong usage")).tell(true);
            } else {
                let _ = error.print();
            }
            return ExitCode::from(if asked { 0 } else { 2 });
        }
    };
    log_to_stderr(&cli.global);
    let json = cli.global.json;
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let failure = Failure::of(error);
            failure.tell(json);
            ExitCode::from(failure.exit)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    let global = cli.global;
    match cli.command {
        Command::Decode(args) => decode::run(args, global.json),
        Command::DecodeWorker => crate::pipeline::apart::help().map(|()| 0).map_err(Into::into),
        Command::Inspect(args) => inspect::run(args, global.json),
        Command::Deck(args) => deck::run(&args, global.json),
        Command::Eval(command) => eval::run(&command, &global),
        Command::Layouts(admin::LayoutsCommand::Test { file, images }) => layouts::test(&file, &images, &global),
        Command::Layouts(admin::LayoutsCommand::Learn { dir }) => layouts::learn(&dir, &global),
        Command::Config => {
            print::line(crate::config::DEFAULTS.trim_end());
            Ok(0)
        }
        command => {
            crate::pipeline::heap::bounded();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(on_site(command, &global))
        }
    }
}

async fn on_site(command: Command, global: &Global) -> anyhow::Result<u8> {
    match command {
        Command::Demo(args) => Box::pin(demo::run(args, global)).await,
        Command::Init(args) => Box::pin(admin::init(args, global)).await,
        Command::Users(command) => Box::pin(admin::users(command, &open(global).await?, global)).await,
        Command::Layouts(command) => Box::pin(admin::layouts(command, &open(global).await?, global)).await,
        Command::Amounts(command) => Box::pin(amounts::run(command, &open(global).await?, global)).await,
        Command::Bills(command) => Box::pin(import::bills(command, &open(global).await?, global)).await,
        Command::Payers(command) => Box::pin(import::payers(command, &open(global).await?, global)).await,
        Command::Ingest(args) => Box::pin(ingest::ingest(args, &open(global).await?, global)).await,
        Command::Watch(args) => Box::pin(ingest::watch(args, &open(global).await?, global)).await,
        Command::Worker(args) => Box::pin(ingest::worker(args, &open(global).await?, global)).await,
        Command::Batch(command) => Box::pin(books::batch(command, &open(global).await?, global)).await,
        Command::Balance(args) => Box::pin(books::balance(args, &open(global).await?, global)).await,
        Command::Exceptions(command) => Box::pin(decide::exceptions(command, &open(global).await?, global)).await,
        Command::Rules(command) => Box::pin(rules::rules(command, &open(global).await?, global)).await,
        Command::Meters(args) => Box::pin(care::meters(args, &open(global).await?, global)).await,
        Command::Notices(args) => Box::pin(care::notices(args, &open(global).await?, global)).await,
        Command::Post(args) => Box::pin(books::post(args, &open(global).await?, global)).await,
        Command::Deposit(command) => Box::pin(books::deposit(command, &open(global).await?, global)).await,
        Command::Returns(command) => Box::pin(returns::returns(command, &open(global).await?, global)).await,
        Command::Refused(command) => Box::pin(refused::refused(command, &open(global).await?, global)).await,
        Command::Ledger(command) => Box::pin(ledger::ledger(command, &open(global).await?, global)).await,
        Command::Billing(command) => Box::pin(ledger::billing(command, &open(global).await?, global)).await,
        Command::Drawer(command) => Box::pin(drawer::drawer(command, &open(global).await?, global)).await,
        Command::Report(args) => Box::pin(report::report(args, &open(global).await?, global)).await,
        Command::Search(args) => Box::pin(research::search(args, &open(global).await?, global)).await,
        Command::Serve(args) => Box::pin(serve::run(args, open(global).await?, global)).await,
        Command::Keys(command) => Box::pin(keeping::keys(command, &open(global).await?, global)).await,
        Command::Backup(args) => Box::pin(keeping::backup(args, &open(global).await?, global)).await,
        Command::Restore(args) => Box::pin(keeping::restore(args, global)).await,
        Command::Purge(args) => Box::pin(keeping::purge(args, &open(global).await?, global)).await,
        Command::LegalHold(command) => Box::pin(keeping::legal_hold(command, &open(global).await?, global)).await,
        Command::Verify(args) => Box::pin(research::verify(args, &open(global).await?, global)).await,
        Command::DecodeWorker
        | Command::Decode(_)
        | Command::Inspect(_)
        | Command::Deck(_)
        | Command::Eval(_)
        | Command::Config => Ok(2),
    }
}

/// Opens the site that the options name.
async fn open(global: &Global) -> anyhow::Result<Office> {
    let clock = Clock::from_environment().map_err(|e| Failure::usage(e.to_string()))?;
    let mut site = Site::find(global.site.as_deref(), global.db.as_deref(), global.blobs.as_deref())?;
    site.config.amounts.mode = global.amounts.unwrap_or(site.config.amounts.mode);
    Ok(reading_apart(Office::open(site, clock).await?))
}

/// The office with images opened by helpers that can do nothing else.
fn reading_apart(office: Office) -> Office {
    match std::env::current_exe() {
        Ok(program) => office.reading_apart(program),
        Err(_) => office,
    }
}

/// The person named by `--as`, who must exist, be active and have one of the roles.
async fn person(office: &Office, global: &Global, roles: &[Role]) -> anyhow::Result<User> {
    let Some(name) = &global.user else {
        return Err(Failure::usage("this needs a person: say who with --as USER").into());
    };
    office.person(name, roles).await.map_err(|e| e.into())
}

fn log_to_stderr(global: &Global) {
    use tracing_subscriber::EnvFilter;
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "remit=info",
        (_, 2) => "remit=debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("REMIT_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none())
        .try_init();
}
