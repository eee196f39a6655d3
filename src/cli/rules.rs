//! `rules simulate`: what a changed rule file would have done to past batches.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Global, print};
use crate::config::Config;
use crate::domain::Day;
use crate::pipeline::Office;
use crate::station;

#[derive(Subcommand, Debug)]
pub enum RulesCommand {
    /// Run past batches under other rules; nothing is written
    Simulate {
        /// First business day
        #[arg(long)]
        from: Day,
        /// Last business day
        #[arg(long)]
        to: Day,
        /// A configuration file whose [matching] part is tried (default: the site's own, as it is now)
        #[arg(long)]
        rules: Option<PathBuf>,
    },
}

pub async fn rules(command: RulesCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let RulesCommand::Simulate { from, to, rules } = command;
    let changed = match &rules {
        None => office.site.config.matching.clone(),
        Some(path) => {
            let text = String::from_utf8(station::read(path)?).map_err(|_| {
                Failure::input("rules", "the file is not UTF-8 text").in_file(path.display().to_string())
            })?;
            Config::parse(&text)
                .map_err(|e| Failure::input("rules", e.to_string()).in_file(path.display().to_string()))?
                .matching
        }
    };
    let told = office.simulate(from, to, &changed).await?;
    if global.json {
        print::json(&told)?;
        return Ok(0);
    }
    let mut table = print::Table::new(&["batch", "transaction", ">received", "was", "would be"]);
    let said = |o: &crate::pipeline::Outcome| {
        let lines = if o.lines.is_empty() { "nothing".to_string() } else { o.lines.join(", ") };
        format!("{}: {lines} {}", o.state.as_str(), o.reasons.join(" "))
    };
    for c in &told.changed {
        table.row(vec![
            c.batch_name.clone(),
            c.transaction.to_string(),
            c.received.map_or_else(|| "?".into(), |r| r.to_string()),
            said(&c.was),
            said(&c.would),
        ]);
    }
    if !told.changed.is_empty() {
        table.print();
    }
    print::line(format!(
        "{} batches, {} transactions: {} would change; {} need nobody by the rules in force, {} by the changed ones; nothing was written",
        told.batches,
        told.transactions,
        told.changed.len(),
        told.clean_was,
        told.clean_would
    ));
    Ok(0)
}
