//! Approving and releasing: the proof sheet and what an approver must see, the second person, posting, the deposit with its
//! file and a readable twin of it. Each of these asks for a fresh second factor.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::batch::{Row, rows};
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money, money_or, see_other};
use super::reels::{self, Reel, reels};
use crate::domain::{Batch, BatchState, Cents, Day, Deposit, DepositKind, Role, Sha256, TransactionState};
use crate::pipeline::{BalanceAnswer, OfficeError};
use crate::reports::ProofSheet;
use crate::store::Done;

struct Figure {
    what: &'static str,
    count: u32,
    total: String,
}

struct Applied {
    ledger: String,
    name: &'static str,
    count: usize,
    total: String,
}

#[derive(Template)]
#[template(path = "approve.html", config = "src/web/askama.toml")]
struct ApprovePage {
    frame: Frame,
    batch: Batch,
    balanced_by: String,
    approved_by: String,
    figures: Vec<Figure>,
    /// How many payments, and how much they come to.
    to_post: (String, String),
    applied: Vec<Applied>,
    keyed: Vec<Keyed>,
    decided: usize,
    reels: Vec<Reel>,
    notes: Vec<String>,
    proves: bool,
    why_not: String,
    may_approve: bool,
    own: bool,
    approved: bool,
    posted: bool,
}

/// Lines on one part of a list: decisions, checks of a deposit, batches of a day.
const DECIDED: usize = 120;
const CHECKS: usize = 150;
const BATCHES: usize = 30;

/// What a person decided in the batch: the approver looks at it.
struct Keyed {
    href: String,
    seq: u32,
    who: String,
    what: String,
    amount: String,
}

pub async fn approve_page(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let person = visit.person()?;
    let batch = desk.office.store().batch(&id).await?;
    let transactions = desk.office.store().transactions(&batch.id).await?;
    let (mut figures, mut notes, mut why_not) = (Vec::new(), Vec::new(), String::new());
    let mut to_post = (String::new(), String::new());
    let proves = match desk.office.balance(&batch, None).await? {
        BalanceAnswer::Balanced { proof, .. } => {
            for (what, tally) in [
                ("to post", proof.ready),
                ("held", proof.held),
                ("returned to the payer", proof.rejected),
                ("void", proof.void),
            ] {
                figures.push(Figure { what, count: tally.count, total: money(tally.total) });
            }
            let items = if proof.ready.count == 1 { "item" } else { "items" };
            to_post = (format!("{} {items}", proof.ready.count), money(proof.ready.total));
            notes = proof.notes.iter().map(|n| super::page::sentence(n)).collect();
            true
        }
        BalanceAnswer::Out(imbalance) => {
            why_not = imbalance.sentence.clone();
            false
        }
    };
    let chart = &desk.office.site.config.posting;
    let mut ledgers: std::collections::BTreeMap<&str, Vec<Cents>> = Default::default();
    let mut keyed = Vec::new();
    for t in &transactions {
        if !matches!(t.state, TransactionState::Held | TransactionState::Rejected | TransactionState::Void) {
            for a in &t.applications {
                ledgers.entry(&a.ledger).or_default().push(a.amount);
            }
        }
        for d in &t.decisions {
            keyed.push(Keyed {
                href: format!("/transactions/{}", t.id),
                seq: t.seq,
                who: d.by.0.clone(),
                what: d.name.replace('-', " "),
                amount: d.fields.get("amount").cloned().unwrap_or_else(|| money_or(t.received, "")),
            });
        }
    }
    let mut applied = Vec::new();
    for (ledger, amounts) in ledgers {
        let total = Cents::sum(amounts.iter().copied()).map_err(OfficeError::from)?;
        applied.push(Applied {
            name: chart.name(ledger),
            ledger: ledger.into(),
            count: amounts.len(),
            total: money(total),
        });
    }
    let own = batch.balanced_by.as_ref() == Some(&person.name);
    let decided = keyed.len();
    let here = reels::from(&visit, decided, DECIDED);
    let keyed: Vec<Keyed> = keyed.into_iter().skip(here).take(DECIDED).collect();
    html(&ApprovePage {
        frame: Frame::new(&desk, &visit, "Approve", "/batches").await?.on("approve").with_totals(&desk, &batch).await?,
        balanced_by: batch.balanced_by.as_ref().map(|n| n.0.clone()).unwrap_or_default(),
        approved_by: batch.approved_by.as_ref().map(|n| n.0.clone()).unwrap_or_default(),
        figures,
        to_post,
        applied,
        keyed,
        decided,
        reels: reels(decided, DECIDED, here, ""),
        notes,
        proves,
        why_not,
        may_approve: visit.has(&[Role::Approve]),
        own,
        approved: batch.state == BatchState::Approved,
        posted: matches!(batch.state, BatchState::Posted | BatchState::Deposited | BatchState::Archived),
        batch,
    })
}

pub async fn approve(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let batch = desk.office.store().batch(&id).await?;
    let approval = desk.office.approve(&batch, &visit.person()?.name).await?;
    let done = match approval.done {
        Done::Already => "already",
        Done::Now if approval.given < approval.needed => "one-more",
        Done::Now => "approved",
    };
    Ok(see_other(&format!("/batches/{}/approve?done={done}", batch.id)))
}

pub async fn post(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let batch = desk.office.store().batch(&id).await?;
    let done = desk.office.post(&batch, &visit.person()?.name).await?;
    Ok(see_other(&format!("/batches/{}/approve?done={}", batch.id, if done.already { "already" } else { "posted" })))
}

struct DepositLine {
    id: String,
    date: String,
    kind: &'static str,
    state: &'static str,
    count: u32,
    total: String,
    file: String,
}

fn kind_words(kind: DepositKind) -> &'static str {
    match kind {
        DepositKind::Icl => "image cash letter",
        DepositKind::Arc => "ACH file",
        DepositKind::Paper => "paper",
        DepositKind::Lockbox => "taken by the bank",
    }
}

fn deposit_line(d: &Deposit) -> DepositLine {
    DepositLine {
        id: d.id.to_string(),
        date: d.date.to_string(),
        kind: kind_words(d.kind),
        state: d.state.as_str(),
        count: d.count,
        total: money(d.total),
        file: d.file.clone().unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "deposits.html", config = "src/web/askama.toml")]
struct DepositsPage {
    frame: Frame,
    deposits: Vec<DepositLine>,
    waiting: usize,
    waiting_total: String,
    posted: Vec<Row>,
    /// Beside those.
    more: usize,
    may_release: bool,
    date: String,
}

pub async fn deposits(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let store = desk.office.store();
    let mut deposits: Vec<DepositLine> = store.deposits().await?.iter().map(deposit_line).collect();
    deposits.reverse();
    deposits.truncate(100);
    let waiting = store.undeposited().await?;
    let total = Cents::sum(waiting.iter().map(|c| c.amount)).map_err(OfficeError::from)?;
    let mut posted = rows(&desk).await?;
    posted.retain(|r| r.state == "posted" || r.state == "approved");
    let more = posted.len().saturating_sub(BATCHES);
    posted.truncate(BATCHES);
    html(&DepositsPage {
        frame: Frame::new(&desk, &visit, "Deposits", "/deposits").await?.on("deposits"),
        deposits,
        waiting: waiting.len(),
        waiting_total: money(total),
        posted,
        more,
        may_release: visit.has(&[Role::Release]),
        date: waiting.iter().map(|c| c.date).max().unwrap_or_else(|| desk.office.clock.today()).to_string(),
    })
}

pub async fn make(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let made = make_for(&desk, &visit, form.get("date")).await?;
    Ok(match made.as_slice() {
        [] => see_other("/deposits?done=nothing"),
        [one] => see_other(&format!("/deposits/{}?done=deposited", one.id)),
        _ => see_other("/deposits?done=deposited"),
    })
}

/// What was made now of everything that waits until a day.
pub async fn make_for(desk: &Desk, visit: &Visit, date: &str) -> Result<Vec<Deposit>, Problem> {
    let date: Day = date.parse().map_err(|e: crate::domain::day::NotADay| {
        Problem::wrong(super::page::sentence(&e.to_string()), "Nothing was changed.")
    })?;
    let made = desk.office.make_deposits(date, None, &visit.person()?.name).await?;
    Ok(made.into_iter().filter_map(|m| m.deposit).collect())
}

struct DepositItemLine {
    href: String,
    number: usize,
    sequence: String,
    amount: String,
}

#[derive(Template)]
#[template(path = "deposit.html", config = "src/web/askama.toml")]
struct DepositPage {
    frame: Frame,
    deposit: DepositLine,
    profile: String,
    sha256: String,
    proved: bool,
    items: Vec<DepositItemLine>,
    reels: Vec<Reel>,
    may_export: bool,
}

pub async fn deposit(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let deposit = desk.office.store().deposit(&id).await?;
    let proved = file_bytes(&desk, &deposit).is_ok();
    let all = deposit.items.len();
    let each = reels::each(&visit, all, CHECKS);
    let here = reels::from(&visit, all, each);
    let items = deposit
        .items
        .iter()
        .zip(1..)
        .skip(here)
        .take(each)
        .map(|(item, number)| DepositItemLine {
            href: format!("/research?document={}", item.document),
            number,
            sequence: item.sequence.clone(),
            amount: money(item.amount),
        })
        .collect();
    html(&DepositPage {
        frame: Frame::new(&desk, &visit, "Deposit", "/deposits").await?.on("deposit"),
        profile: deposit.profile.clone(),
        sha256: deposit.sha256.map(|h| h.to_string()).unwrap_or_default(),
        deposit: deposit_line(&deposit),
        proved,
        items,
        reels: reels(all, each, here, ""),
        may_export: visit.has(&[Role::Release, Role::Auditor]),
    })
}

/// The file as it was made, or why it may not leave: its hash is looked at again each time.
pub(super) fn file_bytes(desk: &Desk, deposit: &Deposit) -> Result<Vec<u8>, Problem> {
    let (Some(file), Some(hash)) = (&deposit.file, deposit.sha256) else { return Err(Problem::unknown("file")) };
    let bytes = crate::station::read(&desk.office.site.folder.join(file))?;
    if Sha256::of(&bytes) != hash {
        tracing::error!(deposit = %deposit.id, "a deposit file is not what was made");
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "file-changed",
            "This file is not the one that was made: it was changed afterwards.",
            "It was not given out. Do not send it; tell an administrator.",
        ));
    }
    Ok(bytes)
}

pub async fn file(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let deposit = desk.office.store().deposit(&id).await?;
    if desk.office.store().deposit_file_is_purged(&deposit.id).await? {
        return Err(Problem::new(
            axum::http::StatusCode::GONE,
            "purged",
            "This file was taken away: its time was over.",
            "Its record, its items and its hash are still there.",
        ));
    }
    let bytes = file_bytes(&desk, &deposit)?;
    let person = &visit.person()?.name;
    desk.office.store().note_user(person, "took-deposit-file", person, deposit.id.as_str()).await?;
    let name = deposit.file.as_deref().and_then(|f| f.rsplit('/').next()).unwrap_or("deposit.x9");
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).collect();
    Ok((
        [
            (header::CONTENT_TYPE, "application/octet-stream".to_string()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        ],
        bytes,
    )
        .into_response())
}

struct SheetLine {
    name: String,
    href: String,
    declared: String,
    cells: Vec<(u32, String)>,
    agrees: bool,
}

#[derive(Template)]
#[template(path = "proof_sheet.html", config = "src/web/askama.toml")]
struct SheetPage {
    frame: Frame,
    sheet: ProofSheet,
    lines: Vec<SheetLine>,
    reels: Vec<Reel>,
    total: SheetLine,
    date: String,
    exceptions: Vec<(&'static str, u32)>,
    /// Account, debit, credit.
    ledger: Vec<[String; 3]>,
    /// Id, kind, state, checks, total.
    deposits: Vec<[String; 5]>,
}

pub async fn proof_sheet(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let date = query.get("date").parse::<Day>().ok();
    let sheet = desk.office.proof_sheet(date).await?;
    let line = |b: &crate::reports::BatchSheet| SheetLine {
        name: b.name.clone(),
        href: if b.id.is_empty() { String::new() } else { format!("/batches/{}", b.id) },
        declared: money_or(b.declared.total, ""),
        cells: [b.captured, b.deposited, b.awaiting, b.open, b.held, b.rejected, b.void]
            .into_iter()
            .map(|t| (t.count, money(t.total)))
            .collect(),
        agrees: b.agrees,
    };
    let all = sheet.batches.len();
    let each = reels::each(&visit, all, BATCHES);
    let here = reels::from(&visit, all, each);
    html(&SheetPage {
        frame: Frame::new(&desk, &visit, "Proof sheet", "/deposits").await?.on("proof-sheet"),
        lines: sheet.batches.iter().skip(here).take(each).map(line).collect(),
        reels: reels(all, each, here, &format!("date={}&", sheet.date)),
        total: line(&sheet.total),
        date: sheet.date.to_string(),
        ledger: sheet.ledger.iter().map(|l| [l.account.clone(), money(l.debit), money(l.credit)]).collect(),
        deposits: sheet
            .deposits
            .iter()
            .map(|d| [d.id.clone(), d.kind.clone(), d.state.clone(), d.count.to_string(), money(d.total)])
            .collect(),
        exceptions: sheet.exceptions.iter().map(|(q, n)| (super::exceptions::words(*q).0, *n)).collect(),
        sheet,
    })
}
