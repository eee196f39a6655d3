//! Balance: the tape against the documents, the first disagreement marked, and what most likely explains a difference,
//! each with a jump to the item. The big number turns green at 0.00.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money, money_or, see_other, sentence, short_or_over};
use super::reels::{self, Reel, reels};
use crate::balance;
use crate::domain::{Batch, BatchEvent, Cents, Role, Sha256, TransactionKind};
use crate::pipeline::{AfterDecision, BalanceAnswer, OfficeError};

/// One line of the documents' side.
struct Line {
    transaction: String,
    seq: u32,
    state: &'static str,
    amount: String,
    tape: String,
    differs: bool,
    href: String,
}

/// One likely cause: its key, where to look, and the move that mends it, named by its mark.
struct Explanation {
    key: usize,
    sentence: String,
    href: String,
    mend: String,
    mark: String,
}

/// What a mend does, in words for its key.
fn mend_words(e: &balance::Explanation) -> String {
    let amount = |fields: &BTreeMap<String, String>| fields.get("amount").cloned().unwrap_or_default();
    match &e.change {
        Some(("key-amount", fields)) => format!("make it {}", amount(fields)),
        Some(("set-aside", _)) => "leave it out".into(),
        Some((other, _)) => other.replace('-', " "),
        None => String::new(),
    }
}

/// Names an explanation as it was shown: another one is never mended in its place.
pub fn mark_of(e: &balance::Explanation) -> String {
    let text = format!("{} {:?} {:?}", e.sentence, e.transaction, e.change);
    Sha256::of(text.as_bytes()).to_string()[..16].to_string()
}

#[derive(Template)]
#[template(path = "balance.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    batch: Batch,
    lines: Vec<Line>,
    /// Payments of the batch, of which the lines are a part.
    count: usize,
    reels: Vec<Reel>,
    has_tape: bool,
    tape: String,
    declared_count: String,
    declared: String,
    counted_count: u32,
    counted: String,
    difference: String,
    /// `proved`, `stop` or `open`.
    state: &'static str,
    words: String,
    explanations: Vec<Explanation>,
    open: usize,
    can_balance: bool,
    settled: bool,
    notes: Vec<String>,
    /// The payment whose mend can be taken back from here.
    undo: Option<(String, usize)>,
}

/// Payments on one part of the list.
const IN_SIGHT: usize = 150;

pub async fn page(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let query = visit.query();
    let batch = desk.office.store().batch(&id).await?;
    let answer = desk.office.balance(&batch, None).await?;
    let strip = desk.office.store().strip(&batch.id).await?;
    let mut lines: Vec<Line> = Vec::new();
    let tape: Vec<Cents> = query
        .get("tape")
        .split_whitespace()
        .filter_map(|a| super::item::amount_of(a).parse().ok())
        .take(2000)
        .collect();
    for frame in &strip {
        let (Some(id), Some(state)) = (&frame.transaction, frame.state) else { continue };
        let id = id.to_string();
        if lines.iter().any(|l| l.transaction == id) || frame.transaction_kind == Some(TransactionKind::Other) {
            continue;
        }
        let keyed = tape.get(lines.len()).copied();
        lines.push(Line {
            href: format!("/transactions/{id}"),
            transaction: id,
            seq: frame.transaction_seq,
            state: state.as_str(),
            amount: money_or(frame.received, "not known"),
            tape: keyed.map(money).unwrap_or_default(),
            differs: keyed.is_some() && keyed != frame.received,
        });
    }
    // Only the first disagreement says something; what follows it may be the same one, shifted.
    if let Some(first) = lines.iter().position(|l| l.differs) {
        lines.iter_mut().skip(first + 1).for_each(|l| l.differs = false);
    }
    let has_tape = !tape.is_empty();
    // The part that is asked for, or else the one with the first disagreement.
    let (all, differs) = (lines.len(), lines.iter().position(|l| l.differs));
    let here = match (query.get("from"), differs) {
        ("", Some(first)) => reels::part(first, all, IN_SIGHT),
        _ => reels::from(&visit, all, IN_SIGHT),
    };
    let lines: Vec<Line> = lines.into_iter().skip(here).take(IN_SIGHT).collect();
    let count = |n: Option<u32>| n.map_or_else(|| "-".to_string(), |n| n.to_string());
    let mut page = Page {
        frame: Frame::new(&desk, &visit, "Balance", "/batches").await?.on("balance").with_totals(&desk, &batch).await?,
        lines,
        count: all,
        reels: reels(all, IN_SIGHT, here, ""),
        has_tape,
        tape: query.get("tape").chars().take(4000).collect(),
        declared_count: count(batch.declared.count),
        declared: money_or(batch.declared.total, "-"),
        counted_count: 0,
        counted: String::new(),
        difference: String::new(),
        state: "open",
        words: String::new(),
        explanations: Vec::new(),
        open: 0,
        can_balance: false,
        settled: false,
        notes: Vec::new(),
        undo: super::item::to_undo(&desk, &visit).await,
        batch,
    };
    match answer {
        BalanceAnswer::Balanced { proof, already, .. } => {
            let mut all = proof.ready;
            for t in [proof.held, proof.rejected, proof.void] {
                all.count += t.count;
                all.total = all.total.plus(t.total).map_err(OfficeError::from)?;
            }
            let difference = page.batch.declared.total.map(|d| all.total.minus(d)).transpose();
            let difference = difference.map_err(OfficeError::from)?.unwrap_or_default();
            (page.counted_count, page.counted) = (all.count, money(all.total));
            page.difference = short_or_over(difference);
            page.state = "proved";
            page.words = match already {
                true => "This batch is balanced.".into(),
                false => "Every payment proves and the totals agree.".into(),
            };
            if proof.held.count > 0 {
                page.notes.push(format!(
                    "{} held for {} leave with a control total of their own.",
                    proof.held.count,
                    money(proof.held.total)
                ));
            }
            page.notes.extend(proof.notes.iter().map(|n| sentence(n)));
            page.settled = already;
            page.can_balance =
                !already && visit.has(&[Role::Match]) && page.batch.state.after(BatchEvent::Balance).is_some();
        }
        BalanceAnswer::Out(imbalance) => {
            (page.counted_count, page.counted) = (imbalance.counted.count, money(imbalance.counted.total));
            page.open = imbalance.open.len();
            page.words = sentence(&imbalance.sentence);
            page.difference = match imbalance.difference {
                Some(d) => short_or_over(d.negated().map_err(OfficeError::from)?),
                None => "not known yet".into(),
            };
            page.state = if imbalance.open.is_empty() { "stop" } else { "open" };
            let may_mend = visit.has(&[Role::Match]) && page.batch.state.after(BatchEvent::Decide).is_some();
            page.explanations = imbalance
                .explanations
                .iter()
                .zip(1..)
                .map(|(e, key)| Explanation {
                    key,
                    sentence: sentence(&e.sentence),
                    href: look_at(e),
                    mend: if may_mend { mend_words(e) } else { String::new() },
                    mark: mark_of(e),
                })
                .collect();
        }
    }
    html(&page)
}

/// Where the item of an explanation is shown, with its amount outlined.
fn look_at(e: &balance::Explanation) -> String {
    match (&e.transaction, &e.document) {
        (Some(t), Some(d)) => format!("/transactions/{t}?document={d}"),
        (Some(t), None) => format!("/transactions/{t}"),
        _ => String::new(),
    }
}

/// `POST /batches/{id}/mend`: the move of one explanation.
pub async fn mend(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let done = mend_one(&desk, &visit, &id, form.get("mark")).await?;
    let undo = super::item::undo_of(&desk.office.store().transaction(done.transaction.as_str()).await?, &done);
    Ok(see_other(&format!("/batches/{id}/balance?done=mended{undo}")))
}

/// Does what an explanation of a difference offers, as long as it is still offered.
pub async fn mend_one(desk: &Desk, visit: &Visit, id: &str, mark: &str) -> Result<AfterDecision, Problem> {
    let person = visit.person()?;
    let batch = desk.office.store().batch(id).await?;
    let stale = || {
        Problem::new(StatusCode::CONFLICT, "stale", "This explanation is not offered any more.", "Nothing was changed.")
    };
    let BalanceAnswer::Out(imbalance) = desk.office.balance(&batch, None).await? else { return Err(stale()) };
    let found = imbalance.explanations.iter().find(|e| mark_of(e) == mark).ok_or_else(stale)?;
    let (Some(transaction), Some((name, fields))) = (&found.transaction, &found.change) else { return Err(stale()) };
    if !person.may(&[Role::for_move(name)]) {
        return Err(Problem::not_yours());
    }
    let amount: Option<Cents> = fields.get("amount").and_then(|a| a.parse().ok());
    if amount.is_some_and(|a| a >= desk.office.site.config.desk.second_key_from) {
        let help = "Nothing was changed: two people key it on its own page.";
        return Err(Problem::new(StatusCode::CONFLICT, "second-key", "An amount of this size is keyed twice.", help));
    }
    desk.office.store().may_work(transaction.as_str(), &person.name, None, visit.now).await?;
    Ok(desk.office.change(transaction.as_str(), name, fields, &person.name).await?)
}

pub async fn balance(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let person = visit.person()?;
    let batch = desk.office.store().batch(&id).await?;
    match desk.office.balance(&batch, Some(&person.name)).await? {
        BalanceAnswer::Balanced { already, .. } => {
            let done = if already { "already" } else { "balanced" };
            Ok(see_other(&format!("/batches/{}/balance?done={done}", batch.id)))
        }
        BalanceAnswer::Out(_) => Ok(see_other(&format!("/batches/{}/balance", batch.id))),
    }
}
