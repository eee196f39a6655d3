//! `report`: what people print, download or plot.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Global, print};
use crate::domain::Day;
use crate::pipeline::{Office, REPORTS, ReportQuestion};
use crate::reports::Form;

#[derive(Args, Debug)]
pub struct ReportArgs {
    /// proof-sheet, batch-detail, deposit-ticket, exceptions, returns, drawer, account-activity, suspense, throughput, accuracy
    name: String,
    /// The business date (default: the latest that has batches); for suspense the day that ends it
    #[arg(long)]
    date: Option<Day>,
    /// The batch, deposit, drawer or account that it is of
    #[arg(long)]
    of: Option<String>,
    /// text, html, pdf, csv, json, xlsx
    #[arg(long, default_value = "text")]
    format: String,
    #[arg(short, long)]
    output: Option<PathBuf>,
}

pub async fn report(args: ReportArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let name = if global.json { "json" } else { args.format.as_str() };
    let form = Form::parse(name).ok_or_else(|| Failure::usage(format!("'{name}' is no format: {}", Form::NAMES)))?;
    // The proof sheet has a page and an object of its own, which scripts know.
    if args.name == "proof-sheet" && matches!(form, Form::Text | Form::Html | Form::Json) {
        let sheet = office.proof_sheet(args.date).await?;
        let text = match form {
            Form::Html => sheet.html(),
            Form::Json => format!("{}\n", serde_json::to_string(&sheet)?),
            _ => sheet.text(),
        };
        print::out(args.output, text.as_bytes())?;
        return Ok(u8::from(!sheet.agrees));
    }
    // A line each for scripts.
    if args.name == "exceptions" && form == Form::Json {
        let items = office.open_exceptions(None).await?;
        let lines = items.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        print::out(args.output, (lines.join("\n") + "\n").as_bytes())?;
        return Ok(0);
    }
    if !REPORTS.contains(&args.name.as_str()) {
        return Err(Failure::usage(format!("there is no report '{}': {}", args.name, REPORTS.join(", "))).into());
    }
    let question = ReportQuestion { name: &args.name, date: args.date, of: args.of.as_deref() };
    let sheet = office.report(&question).await?;
    print::out(args.output, &sheet.form(form)?)?;
    Ok(0)
}
