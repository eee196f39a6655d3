//! Balance: the tape against the documents, the first disagreement marked, and what most likely explains a difference,
//! each with a jump to the item. The big number turns green at 0.00.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money, money_or, see_other, sentence, short_or_over};
use crate::domain::{Batch, BatchEvent, Cents, Role, TransactionKind};
use crate::pipeline::{BalanceAnswer, OfficeError};

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

struct Explanation {
    sentence: String,
    href: String,
}

#[derive(Template)]
#[template(path = "balance.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    batch: Batch,
    lines: Vec<Line>,
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
}

pub async fn page(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let query = Form::parse(visit.path.split_once('?').map_or("", |q| q.1).as_bytes());
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
    let count = |n: Option<u32>| n.map_or_else(|| "-".to_string(), |n| n.to_string());
    let mut page = Page {
        frame: Frame::new(&desk, &visit, "Balance", "/batches").await?.on("balance").with_totals(&desk, &batch).await?,
        lines,
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
            page.notes.extend(proof.notes);
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
            page.explanations = imbalance
                .explanations
                .iter()
                .map(|e| Explanation {
                    sentence: sentence(&e.sentence),
                    href: e.transaction.as_ref().map(|t| format!("/transactions/{t}")).unwrap_or_default(),
                })
                .collect();
        }
    }
    html(&page)
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
