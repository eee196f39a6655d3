//! `search` and `verify`: what an auditor asks.

use clap::Args;
use serde_json::json;

use super::{Global, print};
use crate::domain::Day;
use crate::pipeline::Office;

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// An account, a name, an amount, a check number or a date
    text: String,
}

pub async fn search(args: SearchArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let found = office.search(&args.text).await?;
    if global.json {
        found.iter().try_for_each(print::json)?;
    } else if found.is_empty() {
        print::line("Nothing found.");
    } else {
        let mut table = print::Table::new(&["batch", "transaction", "state", ">amount", "account", "name"]);
        for hit in &found {
            table.row(vec![
                hit.batch_name.clone(),
                hit.transaction.to_string(),
                hit.state.as_str().into(),
                hit.amount.map_or_else(|| "?".into(), |a| a.to_string()),
                hit.account.clone(),
                hit.name.clone(),
            ]);
        }
        table.print();
    }
    Ok(u8::from(found.is_empty()))
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Taken for scripts: the whole site is proved, whatever the date
    #[arg(long, value_name = "DATE")]
    from: Option<Day>,
    /// Also read every image and hash it again
    #[arg(long)]
    deep: bool,
}

/// Proves the invariants I1 to I11 and I13; exit 1 names what fails and where.
pub async fn verify(args: VerifyArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    if let Some(day) = args.from {
        tracing::info!(from = %day, "the whole site is proved, earlier days too: the chain has no middle");
    }
    let proof = office.verify(args.deep).await?;
    if global.json {
        print::json(&json!({ "ok": proof.findings.is_empty(), "checked": proof.checked, "findings": proof.findings }))?;
    } else {
        for finding in &proof.findings {
            print::line(format!("FAILS {} at {}: {}", finding.invariant, finding.place, finding.message));
        }
        if !global.quiet || !proof.findings.is_empty() {
            print::line(match proof.findings.len() {
                0 => format!("verified: {}", proof.checked),
                n => format!("{n} findings in {}", proof.checked),
            });
        }
    }
    Ok(u8::from(!proof.findings.is_empty()))
}
