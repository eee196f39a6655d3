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
    let PayersCommand::Import { file, mapping: map } = command;
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
