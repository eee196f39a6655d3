//! `bills import`, `payers import`: what the billing system and the office know.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::admin::print_done;
use super::{Failure, Global, print};
use crate::formats::bills_csv;
use crate::pipeline::Office;
use crate::station;

#[derive(Subcommand, Debug)]
pub enum BillsCommand {
    /// Take the open-bill file
    Import {
        file: PathBuf,
        /// A TOML file that names their columns: our name = their column
        #[arg(long)]
        mapping: Option<PathBuf>,
        /// The file is the complete list: bills that it does not name are closed
        #[arg(long)]
        full: bool,
        /// Close them even when they are more than half
        #[arg(long)]
        force: bool,
    },
}

#[derive(Subcommand, Debug)]
pub enum PayersCommand {
    /// Take known bank accounts: routing, bank_account, biller, account
    Import {
        file: PathBuf,
        #[arg(long)]
        mapping: Option<PathBuf>,
    },
    /// Take the bank accounts that are shared by many payers or stopped: routing, bank_account, mark, reason
    Mark {
        /// A CSV; `mark` is shared, stop or clear
        file: PathBuf,
    },
}

fn mapping(path: Option<&Path>) -> anyhow::Result<Option<bills_csv::Mapping>> {
    let Some(path) = path else { return Ok(None) };
    let text = String::from_utf8_lossy(&station::read(path)?).into_owned();
    let mapping = bills_csv::Mapping::parse(&text)
        .map_err(|e| Failure::input("mapping", e.to_string()).in_file(path.display().to_string()))?;
    Ok(Some(mapping))
}

/// Rows that were not taken, each with its line.
fn tell_rejected(rejected: &[bills_csv::Rejected], global: &Global) -> anyhow::Result<()> {
    for row in rejected {
        if global.json {
            print::json(&json!({ "line": row.line, "rejected": row.message, "column": row.column }))?;
        } else {
            print::line(format!("line {}: {}", row.line, row.message));
        }
    }
    Ok(())
}

pub async fn bills(command: BillsCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let BillsCommand::Import { file, mapping: map, full, force } = command;
    let map = mapping(map.as_deref())?;
    let bytes = station::read(&file)?;
    let read = bills_csv::bills(&bytes, map.as_ref())
        .map_err(|e| Failure::input("bills", e.to_string()).in_file(file.display().to_string()))?;
    let report = office.import_bills(&read.rows, full, force).await?;
    tell_rejected(&read.rejected, global)?;
    print_done(
        global,
        json!({ "added": report.added, "changed": report.changed, "closed": report.closed,
                "unchanged": report.unchanged, "rejected": read.rejected.len() }),
        format!(
            "bills: {} added, {} changed, {} closed, {} unchanged, {} rejected",
            report.added,
            report.changed,
            report.closed,
            report.unchanged,
            read.rejected.len()
        ),
    )?;
    Ok(if read.rejected.is_empty() { 0 } else { 1 })
}

pub async fn payers(command: PayersCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let (file, map) = match command {
        PayersCommand::Import { file, mapping } => (file, mapping),
        PayersCommand::Mark { file } => return mark(&file, office, global).await,
    };
    let map = mapping(map.as_deref())?;
    let bytes = station::read(&file)?;
    let read = bills_csv::payers(&bytes, map.as_ref())
        .map_err(|e| Failure::input("payers", e.to_string()).in_file(file.display().to_string()))?;
    let report = office.import_payers(&read.rows).await?;
    tell_rejected(&read.rejected, global)?;
    print_done(
        global,
        json!({ "added": report.added, "unchanged": report.unchanged, "rejected": read.rejected.len() }),
        format!(
            "known payers: {} added, {} unchanged, {} rejected",
            report.added,
            report.unchanged,
            read.rejected.len()
        ),
    )?;
    Ok(if read.rejected.is_empty() { 0 } else { 1 })
}

/// The stop file: a row that cannot be read is rejected by itself.
async fn mark(file: &Path, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let user = super::person(office, global, &[crate::domain::Role::Match]).await?;
    let wrong = |message: String| Failure::input("marks", message).in_file(file.display().to_string());
    let bytes = station::read(file)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes.as_slice());
    let heads = reader.headers().map_err(|e| wrong(e.to_string()))?.clone();
    let place = |name: &str| heads.iter().position(|h| h.eq_ignore_ascii_case(name));
    let (Some(routing), Some(account), Some(mark)) = (place("routing"), place("bank_account"), place("mark")) else {
        return Err(wrong("the columns are routing, bank_account, mark, reason".into()).into());
    };
    let reason = place("reason");
    let (mut marks, mut rejected) = (Vec::new(), Vec::new());
    for (n, row) in reader.records().enumerate() {
        let mut reject = |message: &str, column: &str| {
            rejected.push(bills_csv::Rejected {
                line: n as u64 + 2,
                message: message.into(),
                column: Some(column.into()),
            });
        };
        let Ok(row) = row else {
            reject("the row cannot be read", "");
            continue;
        };
        let cell = |at: usize| row.get(at).unwrap_or("").to_string();
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        if digits(&cell(routing)) < 8 || digits(&cell(account)) == 0 {
            reject("a routing number and a bank account are needed", "routing");
            continue;
        }
        let why = reason.map(cell).filter(|r| !r.is_empty()).unwrap_or_else(|| "on the stop list".into());
        let (shared, stop) = match cell(mark).as_str() {
            "shared" => (true, None),
            "stop" => (false, Some(why)),
            "clear" => (false, None),
            _ => {
                reject("the mark is shared, stop or clear", "mark");
                continue;
            }
        };
        marks.push((cell(routing), crate::domain::BankAccount::new(cell(account)), shared, stop));
    }
    tell_rejected(&rejected, global)?;
    if !global.dry_run {
        office.mark_payers(&marks, &user.name).await?;
    }
    print_done(
        global,
        json!({ "marked": marks.len(), "rejected": rejected.len() }),
        format!("bank accounts: {} marked, {} rejected", marks.len(), rejected.len()),
    )?;
    Ok(u8::from(!rejected.is_empty()))
}
