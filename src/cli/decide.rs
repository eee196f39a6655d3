//! `exceptions list|show|decide`: the queues, the worst harm first, and what a person decides about them.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::json;

use super::{Failure, Global, person, print};
use crate::domain::{Cents, Role};
use crate::pipeline::Office;

#[derive(Subcommand, Debug)]
pub enum ExceptionsCommand {
    /// What is open, the worst harm first
    List {
        /// Only one queue
        #[arg(long)]
        queue: Option<String>,
        /// Only one batch
        #[arg(long)]
        batch: Option<String>,
    },
    /// One exception with its evidence and moves
    Show { id: String },
    /// Settle one: `decide ID key-amount amount=84.18`
    Decide {
        id: String,
        /// The move: see `exceptions show ID`
        #[arg(value_name = "MOVE")]
        name: String,
        /// Its fields, as field=value
        fields: Vec<String>,
    },
}

/// `field=value` pairs of the command line.
pub fn fields(words: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut fields = BTreeMap::new();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("'{word}' is not field=value, like amount=84.18")))?;
        // `apply bill=A amount=1.00 bill=B amount=2.00`: a field that comes again is a list.
        fields
            .entry(name.to_string())
            .and_modify(|before: &mut String| {
                before.push(',');
                before.push_str(value);
            })
            .or_insert_with(|| value.to_string());
    }
    Ok(fields)
}

pub async fn exceptions(command: ExceptionsCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        ExceptionsCommand::List { queue, batch } => {
            let batch = match batch {
                Some(text) => Some(office.find_batch(&text).await?.id),
                None => None,
            };
            let mut items = office.open_exceptions(batch.as_ref()).await?;
            if let Some(queue) = &queue {
                items.retain(|i| i.queue_name() == *queue || i.code.code() == queue);
            }
            if global.json {
                items.iter().try_for_each(print::json)?;
            } else if items.is_empty() {
                print::line("Nothing needs a person.");
            } else {
                let mut table =
                    print::Table::new(&["exception", "queue", "reason", "batch", "state", ">amount", "what"]);
                for item in &items {
                    let amount = item.amount.map_or_else(|| "?".into(), |a| a.to_string());
                    table.row(vec![
                        item.id.to_string(),
                        item.queue_name(),
                        item.code.to_string(),
                        item.batch_name.clone(),
                        item.state.map_or_else(String::new, |s| s.as_str().into()),
                        amount,
                        item.message.clone(),
                    ]);
                }
                table.print();
            }
            Ok(0)
        }
        ExceptionsCommand::Show { id } => {
            let item = office.find_exception(&id).await?;
            if global.json {
                print::json(&item)?;
            } else {
                print::line(format!("{}  {} ({})", item.id, item.code, item.queue_name()));
                print::line(&item.message);
                print::line(item.explanation);
                print::line(format!("batch {} ({}), transaction {}", item.batch, item.batch_name, item.transaction));
                for application in &item.applications {
                    print::line(format!(
                        "  proposed: {} to bill {} by {}: {}",
                        application.amount,
                        application.bill.as_deref().unwrap_or("-"),
                        application.rule,
                        application.evidence
                    ));
                }
                if item.decision.is_none() && !item.transaction.is_empty() {
                    for other in office.runners_up(&item.transaction).await? {
                        let lines: Vec<String> = other.lines.iter().map(|(b, a)| format!("{a} to bill {b}")).collect();
                        let off = match other.difference.is_zero() {
                            true => String::new(),
                            false => format!(" (off by {})", other.difference),
                        };
                        print::line(format!("  or: {}{off}: {}", lines.join(", "), other.sentence));
                    }
                }
                if let Some(decision) = &item.decision {
                    print::line(format!("decided: {} by {} at {}", decision.name, decision.by, decision.at));
                }
                for one in item.moves {
                    let fields: Vec<String> = one.fields.iter().map(|f| format!("{f}=..")).collect();
                    print::line(format!("  remit exceptions decide {} {} {}", item.id, one.name, fields.join(" ")));
                }
            }
            Ok(0)
        }
        ExceptionsCommand::Decide { id, name, fields: words } => {
            let user = person(office, global, &[Role::for_move(&name)]).await?;
            let mut fields = fields(&words)?;
            if name == "apply-list" {
                list_from_file(&mut fields)?;
                let received = office.find_exception(&id).await?.amount;
                tell_list(fields.get("list").map_or("", String::as_str), received, global)?;
            }
            if global.dry_run {
                office.find_exception(&id).await?;
                super::admin::print_done(global, json!({ "dry_run": true }), "nothing decided (--dry-run)".into())?;
                return Ok(0);
            }
            if let Some(already) = office.decide_of_batch(&id, &name, &fields, &user.name).await? {
                let told = json!({ "exception": id, "already": already });
                super::admin::print_done(global, told, format!("{id} {name}: accepted for the batch as a whole"))?;
                return Ok(0);
            }
            let after = office.decide(&id, &name, &fields, &user.name).await?;
            super::admin::print_done(
                global,
                json!({ "exception": after.exception, "transaction": after.transaction, "state": after.state,
                        "open": after.open, "already": after.already }),
                format!(
                    "{} {name}: transaction {} is {}{}{}",
                    after.exception,
                    after.transaction,
                    after.state.as_str(),
                    if after.open > 0 { format!(", {} more to decide", after.open) } else { String::new() },
                    if after.already { " (decided before; nothing changed)" } else { "" }
                ),
            )?;
            Ok(0)
        }
    }
}

/// `apply-list file=PATH`: the file's text is the list.
fn list_from_file(fields: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let Some(path) = fields.remove("file") else { return Ok(()) };
    let path = std::path::Path::new(&path);
    let text = String::from_utf8(crate::station::read(path)?).map_err(|_| {
        Failure::input("list", "the list is not UTF-8 text: save it as CSV").in_file(path.display().to_string())
    })?;
    fields.insert("list".into(), text);
    Ok(())
}

/// The lines that cannot be read, each with its number; what the list adds up to; and how it runs against the check: what is
/// left after each line (`--json`), or the line from which on it is more than the check.
fn tell_list(text: &str, received: Option<Cents>, global: &Global) -> anyhow::Result<()> {
    let list = crate::matching::ListPayment::parse(text);
    for row in &list.rejected {
        match global.json {
            true => print::json(&json!({ "line": row.number, "rejected": row.why }))?,
            false => print::line(format!("line {}: {}", row.number, row.why)),
        }
    }
    let wrong = |e: crate::domain::MoneyError| Failure::input("list", e.to_string());
    let rests = list.rests(received.unwrap_or_default()).map_err(wrong)?;
    let difference = received.and(rests.last().copied().or(received));
    if global.json {
        for (line, rest) in list.lines.iter().zip(&rests).filter(|_| received.is_some()) {
            print::json(&json!({ "line": line.number, "amount": line.amount, "rest": rest }))?;
        }
    } else if !global.quiet {
        let total = Cents::sum(list.lines.iter().map(|l| l.amount)).map_err(wrong)?;
        let rest = difference.map_or_else(String::new, |d| format!("; difference to the check {d}"));
        print::line(format!("{} lines for {total}, {} rejected{rest}", list.lines.len(), list.rejected.len()));
        let over = list.lines.iter().zip(&rests).find(|(_, rest)| rest.is_negative());
        if let (Some((line, _)), true) = (over, received.is_some()) {
            print::line(format!("  from line {} on it is more than the check", line.number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_pairs_and_lists() {
        let words = |w: &[&str]| fields(&w.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        assert_eq!(words(&["amount=84.18", "note=a=b"]).unwrap()["note"], "a=b");
        assert!(words(&["amount"]).is_err());
        assert_eq!(words(&["bill=A", "bill=B"]).unwrap()["bill"], "A,B");
    }
}
