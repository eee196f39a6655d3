//! `returns`: items that the bank sent back, from a file or keyed, and what becomes of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::admin::print_done;
use super::{Failure, Global, person, print};
use crate::domain::{
    BankAccount, Cents, Day, OriginalItem, ReturnChannel, ReturnEvent, ReturnItem, ReturnReason, ReturnStage, Role,
    SourcePlace,
};
use crate::pipeline::{Office, ReturnTaken};

#[derive(Subcommand, Debug)]
pub enum ReturnsCommand {
    /// Key one returned item from the bank's paper or screen
    Key(KeyArgs),
    /// Take a file of the bank: returned ACH entries and notifications of change, or a return letter (X9)
    #[command(visible_alias = "take")]
    Import {
        file: PathBuf,
        /// The business date (default: today)
        #[arg(long)]
        date: Option<Day>,
    },
    /// All returned items; those that need a person first
    List {
        /// Only what still needs somebody
        #[arg(long)]
        open: bool,
    },
    /// One returned item
    Show { id: String },
    /// Say of which check a return is that was not found
    Match {
        id: String,
        /// The check's document
        document: String,
        #[arg(long)]
        date: Option<Day>,
    },
    /// The bank presents it once more
    Represent {
        id: String,
        #[arg(long)]
        date: Option<Day>,
    },
    /// It was paid when it was presented again
    Clear {
        id: String,
        #[arg(long)]
        date: Option<Day>,
    },
    /// It is final
    ChargeBack {
        id: String,
        #[arg(long)]
        date: Option<Day>,
    },
    /// The letter to the member (PDF)
    Letter {
        id: String,
        #[arg(short, long)]
        output: PathBuf,
    },
}

#[derive(Args, Debug)]
pub struct KeyArgs {
    #[arg(long)]
    amount: Cents,
    /// The bank's code (A, C, R01, ..) or our word: insufficient-funds, stop-payment, account-closed, ..
    #[arg(long)]
    reason: String,
    /// The check's document, where it is known
    #[arg(long)]
    document: Option<String>,
    /// Our item sequence number, as on the bank's advice
    #[arg(long)]
    sequence: Option<String>,
    /// The ACH trace number of our entry
    #[arg(long)]
    trace: Option<String>,
    /// The day that we deposited it
    #[arg(long)]
    deposited: Option<Day>,
    #[arg(long)]
    routing: Option<String>,
    #[arg(long)]
    bank_account: Option<String>,
    /// The check's number
    #[arg(long)]
    serial: Option<String>,
    /// The number of the bank's advice
    #[arg(long)]
    advice: Option<String>,
    /// The business date (default: today)
    #[arg(long)]
    date: Option<Day>,
}

fn reason(text: &str) -> anyhow::Result<ReturnReason> {
    let ours = ReturnReason::parse(text);
    let by_code = || match text.chars().collect::<Vec<_>>().as_slice() {
        [letter] => ReturnReason::of_check(*letter, false),
        _ => ReturnReason::of_ach(&text.to_uppercase()),
    };
    match ours.unwrap_or_else(by_code) {
        ReturnReason::Unknown => Err(Failure::usage(format!(
            "'{text}' is no return reason: write the bank's code (A, R01, ..) or insufficient-funds, stop-payment, ..",
        ))
        .into()),
        known => Ok(known),
    }
}

fn tell(taken: &ReturnTaken, global: &Global) -> anyhow::Result<()> {
    let said = if taken.already { " (before; nothing changed)" } else { "" };
    let mut text =
        format!("{}  {}  {}  {}{said}: {}", taken.id, taken.state.as_str(), taken.code, taken.amount, taken.note);
    for document in &taken.candidates {
        text.push_str(&format!("\n  perhaps: remit returns match {} {document}", taken.id));
    }
    for account in &taken.cash_only {
        text.push_str(&format!("\n  pays by cash only from now on: {account}"));
    }
    print_done(global, serde_json::to_value(taken)?, text)
}

pub async fn returns(command: ReturnsCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let today = office.clock.today();
    let person = || person(office, global, &[Role::Match, Role::Release]);
    match command {
        ReturnsCommand::Key(args) => {
            let user = person().await?;
            let named = match &args.document {
                Some(text) => Some(office.check_document(text).await?),
                None => None,
            };
            let item = ReturnItem {
                channel: ReturnChannel::Keyed,
                stage: ReturnStage::Returned,
                reason: reason(&args.reason)?,
                code: args.reason.clone(),
                amount: args.amount,
                original: OriginalItem {
                    trace: args.trace,
                    item_sequence: args.sequence,
                    business_date: args.deposited,
                    routing: args.routing,
                    account: args.bank_account.map(BankAccount::new),
                    serial: args.serial,
                },
                id: args.advice.or_else(|| named.as_ref().map(ToString::to_string)).unwrap_or_default(),
                date: None,
                text: String::new(),
                place: SourcePlace::default(),
            };
            if !item.amount.is_positive() {
                return Err(Failure::usage("the amount of a return is above zero").into());
            }
            if global.dry_run {
                print_done(global, json!({ "dry_run": true }), "nothing was taken (--dry-run)".into())?;
                return Ok(0);
            }
            let date = args.date.unwrap_or(today);
            for taken in office.take_returns(vec![item], named.as_ref(), date, &user.name).await? {
                tell(&taken, global)?;
            }
        }
        ReturnsCommand::Import { file, date } => {
            let user = person().await?;
            if global.dry_run {
                print_done(global, json!({ "dry_run": true }), "nothing was taken (--dry-run)".into())?;
                return Ok(0);
            }
            let imported = office.import_returns(&file, date.unwrap_or(today), &user.name).await?;
            for taken in &imported.taken {
                tell(taken, global)?;
            }
            let known = if imported.known_changes > 0 {
                format!(" ({} known before)", imported.known_changes)
            } else {
                String::new()
            };
            print_done(
                global,
                json!({ "returns": imported.taken.len(), "already": imported.taken.iter().filter(|t| t.already).count(),
                        "changes": imported.changes, "known_changes": imported.known_changes,
                        "problems": imported.problems }),
                format!(
                    "{} returned items, {} notifications of change{known}{}",
                    imported.taken.len(),
                    imported.changes,
                    imported.problems.iter().map(|p| format!("\n  {p}")).collect::<String>()
                ),
            )?;
        }
        ReturnsCommand::List { open } => {
            let mut all = office.returns().await?;
            all.sort_by_key(|r| (r.moves.is_empty(), r.explanation.is_none(), r.date));
            all.retain(|r| !open || !r.moves.is_empty());
            if global.json {
                all.iter().try_for_each(print::json)?;
            } else if all.is_empty() {
                print::line("No returns.");
            } else {
                let mut table =
                    print::Table::new(&["return", "date", "state", "reason", "code", ">amount", ">fee", "due", "note"]);
                for r in &all {
                    table.row(vec![
                        r.id.to_string(),
                        r.date.to_string(),
                        r.state.as_str().into(),
                        r.reason.into(),
                        r.code.clone(),
                        r.amount.to_string(),
                        r.fee.to_string(),
                        r.due.map(|d| d.to_string()).unwrap_or_default(),
                        r.note.clone(),
                    ]);
                }
                table.print();
            }
        }
        ReturnsCommand::Show { id } => {
            let id = office.find_return(&id).await?.id;
            for r in office.returns().await?.iter().filter(|r| r.id == id) {
                if global.json {
                    print::json(r)?;
                    continue;
                }
                print::line(format!("{}  {}  {} ({})  {}", r.id, r.state.as_str(), r.reason, r.code, r.amount));
                print::line(r.explanation.unwrap_or(&r.note));
                for p in &r.parts {
                    let bill = p.bill.as_deref().unwrap_or("credit");
                    print::line(format!(
                        "  reopens {} of {bill}, {}",
                        p.amount,
                        p.account.as_deref().unwrap_or("suspense")
                    ));
                }
                for name in &r.moves {
                    print::line(format!("  remit returns {name} {}", r.id));
                }
            }
        }
        ReturnsCommand::Match { id, document, date } => {
            let user = person().await?;
            let document = office.check_document(&document).await?;
            let taken = office.match_return(&id, &document, date.unwrap_or(today), &user.name).await?;
            tell(&taken, global)?;
        }
        ReturnsCommand::Represent { id, date } => moved(&id, ReturnEvent::Represent, date, office, global).await?,
        ReturnsCommand::Clear { id, date } => moved(&id, ReturnEvent::Clear, date, office, global).await?,
        ReturnsCommand::ChargeBack { id, date } => moved(&id, ReturnEvent::ChargeBack, date, office, global).await?,
        ReturnsCommand::Letter { id, output } => {
            let bytes = office.return_letter(&id).await?;
            crate::station::write_whole(&output, &bytes)?;
            print_done(global, json!({ "file": output }), format!("wrote {}", output.display()))?;
        }
    }
    Ok(0)
}

async fn moved(
    id: &str,
    event: ReturnEvent,
    date: Option<Day>,
    office: &Office,
    global: &Global,
) -> anyhow::Result<()> {
    let user = person(office, global, &[Role::Match, Role::Release]).await?;
    let date = date.unwrap_or_else(|| office.clock.today());
    let (stored, already) = office.move_return(id, event, date, &user.name).await?;
    let due = stored.due.map(|d| format!(", until {d}")).unwrap_or_default();
    print_done(
        global,
        json!({ "return": stored.id, "state": stored.state, "due": stored.due, "already": already }),
        format!(
            "{} is {}{due}{}",
            stored.id,
            stored.state.as_str(),
            if already { " (before; nothing changed)" } else { "" }
        ),
    )
}
