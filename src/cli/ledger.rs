//! `ledger`, `billing`: the books, what takes a payment back, and what the billing system says of its files.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::admin::print_done;
use super::books::{dry, said_before, totals};
use super::{Global, person, print};
use crate::domain::{AccountNumber, Cents, Day, Role};
use crate::pipeline::Office;

#[derive(Subcommand, Debug)]
pub enum LedgerCommand {
    /// The balance of each account; their sum is zero at every entry
    Balances {
        /// As they were after this entry
        #[arg(long, value_name = "ENTRY")]
        at: Option<i64>,
    },
    /// Every journal entry
    Entries,
    /// Take the payment of an entry back: by its mirror, or into suspense when its checks are at the bank
    Reverse {
        entry: i64,
        /// Why
        #[arg(long)]
        note: String,
        #[arg(long)]
        date: Option<Day>,
    },
    /// Money that is not applied, by the payment it came with
    Suspense {
        /// As it was at the end of this day (a month's end)
        #[arg(long)]
        date: Option<Day>,
    },
    /// Apply suspense of a payment to a bill, or to an account's credit
    Apply {
        transaction: String,
        #[arg(long)]
        account: String,
        #[arg(long)]
        bill: Option<String>,
        #[arg(long)]
        amount: Cents,
        #[arg(long)]
        date: Option<Day>,
    },
    /// Keep the journal's end under a date; print it and keep it outside
    Close {
        #[arg(long)]
        date: Option<Day>,
    },
    /// The journal's end at each close
    Roots,
    /// The journal for another program
    Export {
        #[arg(long, value_enum, default_value = "csv")]
        format: LedgerFormat,
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LedgerFormat {
    Csv,
    Hledger,
    Beancount,
}

pub async fn ledger(command: LedgerCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        LedgerCommand::Balances { at } => {
            let balances = office.balances_at(at).await?;
            if global.json {
                balances.iter().try_for_each(print::json)?;
            } else {
                let mut table = print::Table::new(&["account", "name", ">debit", ">credit", ">balance"]);
                for b in &balances {
                    table.row(vec![
                        b.account.clone(),
                        b.name.to_string(),
                        b.debit.to_string(),
                        b.credit.to_string(),
                        b.balance.to_string(),
                    ]);
                }
                table.print();
            }
        }
        LedgerCommand::Entries => {
            for entry in office.entries().await? {
                if global.json {
                    print::json(&entry)?;
                } else {
                    print::line(format!("{:>6}  {}  {}", entry.number, entry.draft.date, entry.draft.memo));
                    for p in &entry.draft.postings {
                        print::line(format!("        {}  {:>14}", p.account, p.amount.to_string()));
                    }
                }
            }
        }
        LedgerCommand::Reverse { entry, note, date } => {
            let user = person(office, global, &[Role::Approve]).await?;
            if dry(global, "reverse")? {
                return Ok(0);
            }
            let date = date.unwrap_or_else(|| office.clock.today());
            let (reversal, already) = office.reverse(entry, &note, date, &user.name).await?;
            print_done(
                global,
                json!({ "entry": entry, "by_entry": reversal.by_entry, "kind": reversal.kind, "already": already }),
                match reversal.kind.as_str() {
                    "mirror" => format!("entry {entry} is taken back by {}{}", reversal.by_entry, said_before(already)),
                    _ => format!(
                        "entry {entry} is unapplied by {}; its money is in suspense: remit ledger suspense{}",
                        reversal.by_entry,
                        said_before(already)
                    ),
                },
            )?;
        }
        LedgerCommand::Suspense { date } => {
            let at = match date {
                Some(date) => Some(office.last_entry_of(date).await?),
                None => None,
            };
            let items = office.suspense(at).await?;
            if global.json {
                items.iter().try_for_each(print::json)?;
            } else if items.is_empty() {
                print::line("Nothing is unapplied.");
            } else {
                let mut table = print::Table::new(&["transaction", "batch", "since", ">entry", ">amount"]);
                for i in &items {
                    table.row(vec![
                        i.transaction.clone(),
                        i.batch.clone(),
                        i.date.to_string(),
                        i.entry.to_string(),
                        i.amount.to_string(),
                    ]);
                }
                table.print();
                print::line(format!("{} in {} payments", Cents::sum(items.iter().map(|i| i.amount))?, items.len()));
            }
        }
        LedgerCommand::Apply { transaction, account, bill, amount, date } => {
            let user = person(office, global, &[Role::Approve]).await?;
            if dry(global, "apply suspense")? {
                return Ok(0);
            }
            let date = date.unwrap_or_else(|| office.clock.today());
            let account = AccountNumber::new(account);
            let already =
                office.apply_suspense(&transaction, &account, bill.as_deref(), amount, date, &user.name).await?;
            print_done(
                global,
                json!({ "transaction": transaction, "amount": amount, "already": already }),
                format!("{amount} applied to {}{}", account.masked(), said_before(already)),
            )?;
        }
        LedgerCommand::Close { date } => {
            let user = person(office, global, &[Role::Approve]).await?;
            if dry(global, "close the day")? {
                return Ok(0);
            }
            let (root, already) = office.close_day(date.unwrap_or_else(|| office.clock.today()), &user.name).await?;
            print_done(
                global,
                json!({ "date": root.date, "entry": root.number, "hash": root.hash, "already": already }),
                format!("{} closed at entry {}: {}{}", root.date, root.number, root.hash, said_before(already)),
            )?;
        }
        LedgerCommand::Roots => {
            for root in office.day_roots().await? {
                if global.json {
                    print::json(&root)?;
                } else {
                    print::line(format!("{}  {:>8}  {}", root.date, root.number, root.hash));
                }
            }
        }
        LedgerCommand::Export { format, output } => {
            let entries = office.entries().await?;
            let chart = &office.site.config.posting;
            let text = match format {
                LedgerFormat::Csv => crate::reports::csv(&entries),
                LedgerFormat::Hledger => crate::reports::hledger(&entries, chart),
                LedgerFormat::Beancount => crate::reports::beancount(&entries, chart),
            };
            print::out(output, text.as_bytes())?;
        }
    }
    Ok(0)
}

#[derive(Subcommand, Debug)]
pub enum BillingCommand {
    /// The posting files: sent and not proved, proved by the host's own totals, or differing
    List,
    /// What the billing system took of a batch's file
    Ack {
        batch: String,
        file: Option<PathBuf>,
        #[arg(long, requires = "total")]
        count: Option<u32>,
        #[arg(long, requires = "count")]
        total: Option<Cents>,
    },
}

pub async fn billing(command: BillingCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        BillingCommand::List => {
            let files = office.billing_files().await?;
            if global.json {
                files.iter().try_for_each(print::json)?;
            } else {
                let mut table = print::Table::new(&["batch", "date", ">count", ">total", "state", "file"]);
                for f in &files {
                    table.row(vec![
                        f.name.clone(),
                        f.date.to_string(),
                        f.count.to_string(),
                        f.total.to_string(),
                        f.state.into(),
                        f.file.clone(),
                    ]);
                }
                table.print();
            }
            Ok(0)
        }
        BillingCommand::Ack { batch, file, count, total } => {
            let user = person(office, global, &[Role::Approve, Role::Release]).await?;
            let batch = office.find_batch(&batch).await?;
            let (said, _) = totals(file.as_deref(), count.zip(total), &[batch.id.as_str()])?;
            if dry(global, "keep the host's answer")? {
                return Ok(0);
            }
            let answered = office.billing_answered(&batch, said, &user.name).await?;
            let proved = answered.state == "proved";
            print_done(
                global,
                serde_json::to_value(&answered)?,
                format!(
                    "{}: sent {} for {}, the host took {} for {}: {}",
                    answered.name, answered.count, answered.total, said.count, said.total, answered.state
                ),
            )?;
            Ok(u8::from(!proved))
        }
    }
}
