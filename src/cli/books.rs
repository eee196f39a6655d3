//! `batch`, `balance`, `post`, `deposit`: from review to the bank.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::admin::print_done;
use super::{Failure, Global, person, print};
use crate::domain::{Cents, Day, Role};
use crate::pipeline::{BalanceAnswer, Office, Totals, acknowledgement};
use crate::station;
use crate::store::Done;

#[derive(Subcommand, Debug)]
pub enum BatchCommand {
    /// All batches
    List,
    /// One batch with its documents and transactions
    Show { id: String },
    /// Approve what somebody else balanced
    Approve { id: String },
    /// Set a batch aside for good, before it is posted
    Void {
        id: String,
        #[arg(long)]
        note: Option<String>,
    },
    /// Hold one transaction: it leaves the ready part of its batch with its own control total
    Hold {
        /// The transaction
        id: String,
        /// Look at it again on this date
        #[arg(long)]
        until: Option<Day>,
        #[arg(long)]
        owner: Option<String>,
        #[arg(long)]
        note: Option<String>,
    },
    /// Say what is wrong with the paper of a transaction: post-dated, stale-dated, unsigned, restrictive-note, ..
    Flag {
        /// The transaction
        id: String,
        /// The reason
        code: String,
        /// The document, when it is not the first check
        #[arg(long)]
        on: Option<crate::domain::DocumentId>,
        #[arg(long)]
        note: String,
    },
    /// Change one line of what a transaction pays
    EditLine {
        /// The transaction
        id: String,
        /// The line, from 1
        line: usize,
        #[arg(long)]
        amount: Cents,
        /// Another bill
        #[arg(long)]
        bill: Option<String>,
    },
    /// Key the amount of a check again, also where nothing stands against it
    KeyAmount {
        /// The transaction
        id: String,
        #[arg(long)]
        amount: Cents,
        /// The check
        #[arg(long)]
        document: crate::domain::DocumentId,
    },
    /// Take a piece that is no payment out of its transaction
    SetAside {
        /// The transaction
        id: String,
        #[arg(long)]
        document: crate::domain::DocumentId,
        #[arg(long)]
        note: String,
    },
    /// End the hold of a transaction
    Release {
        /// The transaction
        id: String,
    },
    /// Carry what is held over to a batch of its own, with its own control total
    Split { id: String },
    /// Take one line of what a transaction pays away
    UndoLine {
        /// The transaction
        id: String,
        /// The line, from 1
        line: usize,
    },
}

fn money(amount: Option<Cents>) -> String {
    amount.map_or_else(|| "?".into(), |a| a.to_string())
}

pub async fn batch(command: BatchCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        BatchCommand::List => {
            let batches = office.batches().await?;
            if global.json {
                batches.iter().try_for_each(print::json)?;
            } else {
                let mut table = print::Table::new(&[
                    "batch",
                    "name",
                    "state",
                    "date",
                    ">documents",
                    ">checks",
                    ">declared",
                    ">counted",
                    ">difference",
                ]);
                for b in &batches {
                    table.row(vec![
                        b.id.to_string(),
                        b.name.clone(),
                        b.state.as_str().into(),
                        b.date.to_string(),
                        b.counted.documents.to_string(),
                        b.counted.checks.to_string(),
                        b.declared.total.map_or_else(|| "-".into(), |t| t.to_string()),
                        b.counted.total.to_string(),
                        b.difference.map_or_else(|| "-".into(), |d| d.to_string()),
                    ]);
                }
                table.print();
            }
        }
        BatchCommand::Show { id } => {
            let view = office.show(&office.find_batch(&id).await?).await?;
            if global.json {
                print::json(&view)?;
            } else {
                let h = &view.head;
                print::line(format!("{}  {}  {}  {}", h.id, h.name, h.state.as_str(), h.date));
                print::line(format!(
                    "declared {} checks for {}; counted {} for {}; difference {}",
                    h.declared.count.map_or_else(|| "-".into(), |c| c.to_string()),
                    h.declared.total.map_or_else(|| "-".into(), |t| t.to_string()),
                    h.counted.checks,
                    h.counted.total,
                    h.difference.map_or_else(|| "-".into(), |d| d.to_string())
                ));
                let mut table =
                    print::Table::new(&["transaction", "kind", "state", ">received", "bills", "needs", "why together"]);
                for t in &view.transactions {
                    let bills: Vec<String> = t
                        .applications
                        .iter()
                        .map(|a| format!("{} {}", a.bill.as_deref().unwrap_or("-"), a.amount))
                        .collect();
                    let needs: Vec<&str> =
                        t.exceptions.iter().filter(|e| e.decision.is_none()).map(|e| e.code.code()).collect();
                    table.row(vec![
                        t.id.to_string(),
                        t.kind.as_str().into(),
                        t.state.as_str().into(),
                        money(t.received),
                        bills.join(", "),
                        needs.join(" "),
                        t.reason.clone(),
                    ]);
                }
                table.print();
            }
        }
        BatchCommand::Approve { id } => {
            let user = person(office, global, &[Role::Approve]).await?;
            let batch = office.find_batch(&id).await?;
            if dry(global, "approve")? {
                return Ok(0);
            }
            let approval = office.approve(&batch, &user.name).await?;
            let already = approval.done == Done::Already;
            let whole = approval.given >= approval.needed;
            let more = match whole {
                true => String::new(),
                false => format!(" ({} of {} approvals)", approval.given, approval.needed),
            };
            print_done(
                global,
                json!({ "batch": batch.id, "state": if whole { "approved" } else { "balanced" }, "already": already,
                        "approvals": approval.given, "needed": approval.needed }),
                format!("{} approved by {}{more}{}", batch.name, user.name, said_before(already)),
            )?;
        }
        BatchCommand::Void { id, note } => {
            let user = person(office, global, &[Role::Match, Role::Approve]).await?;
            let batch = office.find_batch(&id).await?;
            if dry(global, "void")? {
                return Ok(0);
            }
            let already = office.void(&batch, note.as_deref().unwrap_or(""), &user.name).await?;
            print_done(
                global,
                json!({ "batch": batch.id, "state": "void", "already": already }),
                format!("{} is void{}", batch.name, said_before(already)),
            )?;
        }
        BatchCommand::Hold { id, until, owner, note } => {
            let user = person(office, global, &[Role::Match]).await?;
            if dry(global, "hold")? {
                return Ok(0);
            }
            let mut fields = std::collections::BTreeMap::new();
            fields.insert("owner".to_string(), owner.unwrap_or_else(|| user.name.0.clone()));
            if let Some(until) = until {
                fields.insert("until".into(), until.to_string());
            }
            if let Some(note) = note {
                fields.insert("note".into(), note);
            }
            let after = office.hold(&id, &fields, &user.name).await?;
            print_done(
                global,
                json!({ "transaction": after.transaction, "state": after.state, "already": after.already }),
                format!("transaction {} is held{}", after.transaction, said_before(after.already)),
            )?;
        }
        BatchCommand::Flag { id, code, on, note } => {
            let user = person(office, global, &[Role::Match]).await?;
            let reason = crate::domain::Reason::parse(&code)
                .ok_or_else(|| Failure::usage(format!("there is no reason '{code}'")))?;
            if dry(global, "flag")? {
                return Ok(0);
            }
            let after = office.flag(&id, reason, on.as_ref(), &note, &user.name).await?;
            told_change(&after, global)?;
        }
        BatchCommand::EditLine { id, line, amount, bill } => {
            let mut fields = std::collections::BTreeMap::from([
                ("line".to_string(), line.to_string()),
                ("amount".to_string(), amount.to_string()),
            ]);
            fields.extend(bill.map(|b| ("bill".to_string(), b)));
            change(&id, "edit-line", &fields, office, global).await?;
        }
        BatchCommand::KeyAmount { id, amount, document } => {
            let fields = std::collections::BTreeMap::from([
                ("amount".to_string(), amount.to_string()),
                ("document".to_string(), document.to_string()),
            ]);
            change(&id, "key-amount", &fields, office, global).await?;
        }
        BatchCommand::SetAside { id, document, note } => {
            let fields = std::collections::BTreeMap::from([
                ("note".to_string(), note),
                ("document".to_string(), document.to_string()),
            ]);
            change(&id, "set-aside", &fields, office, global).await?;
        }
        BatchCommand::Release { id } => {
            change(&id, "release", &std::collections::BTreeMap::new(), office, global).await?;
        }
        BatchCommand::Split { id } => {
            let user = person(office, global, &[Role::Match]).await?;
            let batch = office.find_batch(&id).await?;
            if dry(global, "split")? {
                return Ok(0);
            }
            let new = office.split(&batch, &user.name).await?;
            let said = match &new {
                Some(new) => format!(
                    "{}: what is held stands in {} ({}), declared {} for {}",
                    batch.name,
                    new.name,
                    new.id,
                    new.declared.count.map_or_else(|| "-".into(), |c| c.to_string()),
                    money(new.declared.total)
                ),
                None => format!("{}: nothing is held; nothing changed", batch.name),
            };
            let id = new.as_ref().map(|n| n.id.clone());
            print_done(global, json!({ "batch": batch.id, "carried_over": id, "already": new.is_none() }), said)?;
        }
        BatchCommand::UndoLine { id, line } => {
            let fields = std::collections::BTreeMap::from([("line".to_string(), line.to_string())]);
            change(&id, "undo-line", &fields, office, global).await?;
        }
    }
    Ok(0)
}

async fn change(
    id: &str,
    name: &str,
    fields: &std::collections::BTreeMap<String, String>,
    office: &Office,
    global: &Global,
) -> anyhow::Result<()> {
    let user = person(office, global, &[Role::for_move(name)]).await?;
    if dry(global, name)? {
        return Ok(());
    }
    let after = office.change(id, name, fields, &user.name).await?;
    told_change(&after, global)
}

fn told_change(after: &crate::pipeline::AfterDecision, global: &Global) -> anyhow::Result<()> {
    print_done(
        global,
        json!({ "transaction": after.transaction, "state": after.state, "open": after.open, "already": after.already }),
        format!(
            "transaction {} is {}{}{}",
            after.transaction,
            after.state.as_str(),
            if after.open > 0 { format!(", {} to decide", after.open) } else { String::new() },
            said_before(after.already)
        ),
    )
}

pub fn said_before(already: bool) -> &'static str {
    if already { " (before; nothing changed)" } else { "" }
}

pub fn dry(global: &Global, what: &str) -> anyhow::Result<bool> {
    if global.dry_run {
        print_done(global, json!({ "dry_run": true, "would": what }), format!("would {what}; nothing changed"))?;
    }
    Ok(global.dry_run)
}

#[derive(Args, Debug)]
pub struct BalanceArgs {
    /// The batch
    id: String,
}

pub async fn balance(args: BalanceArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let user = match &global.user {
        Some(_) => Some(person(office, global, &[Role::Match]).await?.name),
        None => None,
    };
    let batch = office.find_batch(&args.id).await?;
    let user = user.filter(|_| !global.dry_run);
    match office.balance(&batch, user.as_ref()).await? {
        BalanceAnswer::Balanced { proof, state, already } => {
            print_done(
                global,
                json!({ "batch": batch.id, "balanced": true, "state": state, "already": already, "proof": proof }),
                format!(
                    "{} is in balance: {} checks for {} ready, {} held for {}{}{}",
                    batch.name,
                    proof.ready.count,
                    proof.ready.total,
                    proof.held.count,
                    proof.held.total,
                    proof.notes.iter().map(|n| format!("\n  {n}")).collect::<String>(),
                    if user.is_none() { "\n  (nobody signed: give --as USER to record it)" } else { "" }
                ),
            )?;
            Ok(0)
        }
        BalanceAnswer::Out(imbalance) => {
            if global.json {
                print::json(&json!({ "batch": batch.id, "balanced": false, "imbalance": *imbalance }))?;
            } else {
                print::line(&imbalance.sentence);
                for e in &imbalance.explanations {
                    print::line(format!("  {}\n    remit {}", e.sentence, e.mend));
                }
            }
            Ok(1)
        }
    }
}

#[derive(Args, Debug)]
pub struct PostArgs {
    /// Approved batches
    #[arg(required = true)]
    ids: Vec<String>,
}

pub async fn post(args: PostArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let user = person(office, global, &[Role::Approve]).await?;
    for id in &args.ids {
        let batch = office.find_batch(id).await?;
        if dry(global, "post")? {
            continue;
        }
        let posted = office.post(&batch, &user.name).await?;
        print_done(
            global,
            json!({ "batch": batch.id, "state": posted.state, "entries": posted.entries, "total": posted.total,
                    "file": posted.file, "already": posted.already }),
            format!(
                "{}: {} entries for {}{}; billing file {}",
                batch.name,
                posted.entries,
                posted.total,
                said_before(posted.already),
                posted.file
            ),
        )?;
    }
    Ok(0)
}

#[derive(Subcommand, Debug)]
pub enum DepositCommand {
    /// Make the image cash letter of a business day and bank profile
    Make {
        #[arg(long)]
        date: Option<Day>,
        /// The bank profile (default: the first configured)
        #[arg(long)]
        profile: Option<String>,
    },
    /// All deposits
    List,
    /// One deposit with its items
    Show { id: String },
    /// The bank's confirmation: its count and total must be the deposit's, to the cent
    #[command(
        after_help = "FILE holds a line `ACK,DEPOSIT,COUNT,TOTAL` (the deposit's id or the SHA-256 of its file), or a JSON object with count and total.\nWithout a file, key both: remit deposit ack DEPOSIT --count 21 --total 2315.05"
    )]
    Ack {
        id: String,
        file: Option<PathBuf>,
        #[arg(long, requires = "total")]
        count: Option<u32>,
        #[arg(long, requires = "count")]
        total: Option<Cents>,
    },
}

pub async fn deposit(command: DepositCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        DepositCommand::Make { date, profile } => {
            let user = person(office, global, &[Role::Release]).await?;
            let date = date.unwrap_or_else(|| office.clock.today());
            if dry(global, "make the deposit")? {
                return Ok(0);
            }
            let all = office.make_deposits(date, profile.as_deref(), &user.name).await?;
            for made in &all {
                for (document, why) in &made.left_out {
                    if !global.json && !global.quiet {
                        print::line(format!("check {document} is not in it: {why}"));
                    }
                }
                match &made.deposit {
                    Some(d) if global.json => print::json(&office.deposit_view(d))?,
                    Some(d) => print::line(format!(
                        "{} deposit {}: {} checks for {} in {}{}",
                        d.kind.as_str(),
                        d.id,
                        d.count,
                        d.total,
                        d.file.as_deref().unwrap_or("-"),
                        said_before(made.already)
                    )),
                    None => {}
                }
            }
            if !global.json && all.iter().all(|m| m.deposit.is_none()) {
                print::line("Nothing to deposit.");
            }
        }
        DepositCommand::List => {
            let deposits = office.deposits().await?;
            if global.json {
                for d in &deposits {
                    print::json(&office.deposit_view(d))?;
                }
            } else {
                let mut table = print::Table::new(&["deposit", "date", "kind", "state", ">count", ">total", "file"]);
                for d in &deposits {
                    table.row(vec![
                        d.id.to_string(),
                        d.date.to_string(),
                        d.kind.as_str().into(),
                        d.state.as_str().into(),
                        d.count.to_string(),
                        d.total.to_string(),
                        d.file.clone().unwrap_or_default(),
                    ]);
                }
                table.print();
            }
        }
        DepositCommand::Ack { id, file, count, total } => {
            let user = person(office, global, &[Role::Release]).await?;
            let deposit = office.find_deposit(&id).await?;
            let hash = deposit.sha256.map(|h| h.to_string()).unwrap_or_default();
            let (said, source) = totals(file.as_deref(), count.zip(total), &[deposit.id.as_str(), &hash])?;
            if dry(global, "book the confirmation")? {
                return Ok(0);
            }
            let already = office.acknowledge_deposit(&deposit, said, &source, &user.name).await?;
            print_done(
                global,
                json!({ "id": deposit.id, "state": "acknowledged", "already": already }),
                format!("the bank has deposit {}: {}{}", deposit.id, deposit.total, said_before(already)),
            )?;
        }
        DepositCommand::Show { id } => {
            let deposit = office.find_deposit(&id).await?;
            if global.json {
                print::json(&office.deposit_view(&deposit))?;
            } else {
                print::line(format!("{}  {}  {}  {}", deposit.id, deposit.date, deposit.count, deposit.total));
                for item in &deposit.items {
                    print::line(format!("  {}  {:>12}  {}", item.document, item.amount, item.sequence));
                }
            }
        }
    }
    Ok(0)
}

/// What the other side counted: from its file, or keyed. With a word for the audit where it came from.
pub fn totals(
    file: Option<&std::path::Path>,
    keyed: Option<(u32, Cents)>,
    ids: &[&str],
) -> anyhow::Result<(Totals, String)> {
    match (file, keyed) {
        (Some(path), None) => {
            let bytes = station::read(path)?;
            let said = acknowledgement(&bytes, ids).ok_or_else(|| {
                Failure::input("acknowledgement", "it acknowledges nothing of this id")
                    .in_file(path.display().to_string())
                    .help("a line `ACK,ID,COUNT,TOTAL`, or a JSON object with count and total; or key --count and --total")
            })?;
            Ok((said, format!("file {}", crate::domain::Sha256::of(&bytes))))
        }
        (None, Some((count, total))) => Ok((Totals { count, total }, "keyed".into())),
        _ => Err(Failure::usage("give the other side's file, or --count and --total").into()),
    }
}
