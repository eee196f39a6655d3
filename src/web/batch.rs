//! Batches: the list with a bar of states, and one batch as a filmstrip in capture order, where documents are put together
//! anew by keys or by dragging.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::item::kind_words;
use super::page::{Frame, Problem, html, money, money_or, see_other, short_or_over};
use super::reels::{self, Reel, reels};
use crate::domain::{Batch, BatchState, Cents, DocumentKind, Role, TransactionState};
use crate::store::Frame as StripFrame;

/// A piece of the bar of states.
#[derive(Clone)]
pub struct Piece {
    pub class: &'static str,
    pub x: String,
    pub width: String,
}

/// A batch in a list.
#[derive(Clone)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub date: String,
    pub state: &'static str,
    pub finished: bool,
    pub documents: u32,
    pub open: u32,
    pub received: String,
    pub declared: String,
    pub difference: String,
    pub cents: Cents,
    pub bar: Vec<Piece>,
    pub bar_words: String,
    pub next: &'static str,
    pub next_href: String,
}

/// Which way on, for each state.
fn next_of(id: &str, state: BatchState, open: u32) -> (&'static str, String) {
    match state {
        BatchState::Open | BatchState::Captured | BatchState::Decoded => ("reading", format!("/batches/{id}")),
        BatchState::InReview if open > 0 => ("settle", format!("/exceptions?batch={id}")),
        BatchState::InReview => ("balance", format!("/batches/{id}/balance")),
        BatchState::Balanced | BatchState::Approved => ("approve", format!("/batches/{id}/approve")),
        BatchState::Posted => ("deposit", "/deposits".into()),
        BatchState::Deposited | BatchState::Archived | BatchState::Void => ("look", format!("/batches/{id}")),
    }
}

/// Every batch, oldest first.
pub async fn rows(desk: &Desk) -> Result<Vec<Row>, Problem> {
    Ok(desk.inside.batches.now(desk, fresh_rows(desk)).await?.to_vec())
}

async fn fresh_rows(desk: &Desk) -> Result<Vec<Row>, Problem> {
    let store = desk.office.store();
    let mut states: BTreeMap<String, BTreeMap<TransactionState, u32>> = BTreeMap::new();
    for s in store.state_counts().await? {
        states.entry(s.batch.to_string()).or_default().insert(s.state, s.count);
    }
    let mut rows = Vec::new();
    for s in store.batches().await? {
        let counts = states.remove(s.batch.id.as_str()).unwrap_or_default();
        let (bar, bar_words) = bar(&counts);
        let difference = s.batch.declared.total.map(|d| s.received.minus(d)).transpose();
        let difference = difference.map_err(crate::pipeline::OfficeError::from)?;
        let (next, next_href) = next_of(s.batch.id.as_str(), s.batch.state, s.open_exceptions);
        rows.push(Row {
            id: s.batch.id.to_string(),
            date: s.batch.date.to_string(),
            state: s.batch.state.as_str(),
            finished: matches!(s.batch.state, BatchState::Deposited | BatchState::Archived | BatchState::Void),
            documents: s.documents,
            open: s.open_exceptions,
            received: money(s.received),
            declared: money_or(s.batch.declared.total, "-"),
            difference: difference.map(short_or_over).unwrap_or_default(),
            cents: s.received,
            bar,
            bar_words,
            next,
            next_href,
            name: s.batch.name,
        });
    }
    Ok(rows)
}

/// Of hundred: done, ready, open, held, gone.
fn bar(counts: &BTreeMap<TransactionState, u32>) -> (Vec<Piece>, String) {
    use TransactionState as S;
    let sum = |states: &[S]| states.iter().filter_map(|s| counts.get(s)).sum::<u32>();
    let parts = [
        ("done", "posted", sum(&[S::Posted])),
        ("ready", "ready", sum(&[S::Clean, S::Ready])),
        ("open", "need a person", sum(&[S::Exception, S::Proposed, S::Captured])),
        ("held", "held", sum(&[S::Held])),
        ("gone", "returned or void", sum(&[S::Rejected, S::Void])),
    ];
    let all: u32 = parts.iter().map(|p| p.2).sum();
    let mut at = 0.0;
    let mut pieces = Vec::new();
    for (class, _, count) in parts.iter().filter(|p| p.2 > 0) {
        let width = f64::from(*count) / f64::from(all) * 100.0;
        pieces.push(Piece { class, x: format!("{at:.2}"), width: format!("{:.2}", (width - 0.6).max(0.6)) });
        at += width;
    }
    let words: Vec<String> = parts.iter().filter(|p| p.2 > 0).map(|(_, what, n)| format!("{n} {what}")).collect();
    (pieces, words.join(", "))
}

#[derive(Template)]
#[template(path = "batches.html", config = "src/web/askama.toml")]
struct ListPage {
    frame: Frame,
    batches: Vec<Row>,
    more: usize,
}

const MOST: usize = 80;

pub async fn list(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let mut batches = rows(&desk).await?;
    batches.reverse();
    let more = batches.len().saturating_sub(MOST);
    batches.truncate(MOST);
    html(&ListPage { frame: Frame::new(&desk, &visit, "Batches", "/batches").await?.on("batches"), batches, more })
}

/// A document in the strip.
pub struct Cell {
    pub id: String,
    pub seq: u32,
    pub kind: &'static str,
    pub letter: &'static str,
    pub has_image: bool,
}

/// A payment in the strip.
pub struct Envelope {
    pub id: String,
    pub seq: u32,
    pub state: &'static str,
    pub received: String,
    pub cells: Vec<Cell>,
    /// Not posted or ended yet.
    pub movable: bool,
}

#[derive(Template)]
#[template(path = "batch.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    batch: Batch,
    envelopes: Vec<Envelope>,
    loose: Vec<Cell>,
    open: usize,
    held: usize,
    ready: usize,
    next: &'static str,
    next_href: String,
    may_work: bool,
    may_void: bool,
    /// The pages of a long film.
    reels: Vec<Reel>,
    /// The payment whose regrouping can be taken back from here.
    undo: Option<(String, usize)>,
}

fn cell(frame: &StripFrame) -> Cell {
    let kind = frame.kind_hint.unwrap_or(DocumentKind::Unknown);
    Cell {
        id: frame.document.to_string(),
        seq: frame.seq,
        kind: if frame.kind_hint.is_some() { kind_words(kind) } else { "Document" },
        letter: match kind {
            DocumentKind::Check => "C",
            DocumentKind::Stub => "S",
            DocumentKind::CashTicket => "$",
            _ => "",
        },
        has_image: frame.has_image,
    }
}

/// Payments on one page of the film: a page stays light, however large the batch is.
const IN_SIGHT: usize = 60;

pub async fn page(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let batch = desk.office.store().batch(&id).await?;
    let strip = desk.office.store().strip(&batch.id).await?;
    let mut envelopes: Vec<Envelope> = Vec::new();
    let mut loose = Vec::new();
    for frame in &strip {
        let Some(transaction) = &frame.transaction else {
            loose.push(cell(frame));
            continue;
        };
        let id = transaction.to_string();
        if envelopes.last().is_none_or(|e| e.id != id) && !envelopes.iter().any(|e| e.id == id) {
            let state = frame.state.unwrap_or(TransactionState::Captured);
            envelopes.push(Envelope {
                id: id.clone(),
                seq: frame.transaction_seq,
                state: state.as_str(),
                received: money_or(frame.received, "?"),
                cells: Vec::new(),
                movable: !matches!(
                    state,
                    TransactionState::Posted | TransactionState::Void | TransactionState::Rejected
                ),
            });
        }
        if let Some(envelope) = envelopes.iter_mut().rev().find(|e| e.id == id) {
            envelope.cells.push(cell(frame));
        }
    }
    let count = |states: &[&str]| envelopes.iter().filter(|e| states.contains(&e.state)).count();
    let (open, held, ready) =
        (count(&["exception", "proposed"]), count(&["held"]), count(&["clean", "ready", "posted"]));
    let (next, next_href) = next_of(batch.id.as_str(), batch.state, open as u32);
    let may_work = visit.has(&[Role::Match]) && batch.state.after(crate::domain::BatchEvent::Decide).is_some();
    let may_void = visit.has(&[Role::Match]) && batch.state.after(crate::domain::BatchEvent::Void).is_some();
    let all = envelopes.len();
    let from = reels::from(&visit, all, IN_SIGHT);
    let envelopes: Vec<Envelope> = envelopes.into_iter().skip(from).take(IN_SIGHT).collect();
    html(&Page {
        reels: reels(all, IN_SIGHT, from, ""),
        undo: super::item::to_undo(&desk, &visit).await.filter(|_| may_work),
        frame: Frame::new(&desk, &visit, &batch.name, "/batches").await?.on("batch").with_totals(&desk, &batch).await?,
        envelopes,
        loose,
        open,
        held,
        ready,
        next,
        next_href,
        may_work,
        may_void,
        batch,
    })
}

/// The documents named become one payment; where they came from is matched anew.
pub async fn regroup(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let person = visit.person()?;
    let batch = desk.office.store().batch(&id).await?;
    let documents: Vec<&str> =
        form.all("document").flat_map(|d| d.split(',')).map(str::trim).filter(|d| !d.is_empty()).collect();
    if documents.is_empty() {
        return Err(Problem::wrong("Mark the documents that came in one envelope.", "Mark them with the space bar."));
    }
    let parsed: Result<Vec<_>, _> = documents.iter().map(|d| d.parse()).collect();
    let parsed = parsed.map_err(|_| Problem::unknown("document"))?;
    let done = desk.office.regroup(&batch, &parsed, &person.name).await?;
    let now = desk.office.store().transaction(done.transaction.as_str()).await?;
    let (undo, from) = (super::item::undo_of(&now, &done), now.seq.saturating_sub(1));
    Ok(see_other(&format!("/batches/{}?from={from}&done=regrouped{undo}", batch.id)))
}

pub async fn void(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let person = visit.person()?;
    let batch = desk.office.store().batch(&id).await?;
    if form.get("note").len() < 3 {
        return Err(Problem::wrong("Say why the batch is void.", "It stays in the record."));
    }
    let already = desk.office.void(&batch, form.get("note"), &person.name).await?;
    Ok(see_other(&format!("/batches/{}?done={}", batch.id, if already { "already" } else { "voided" })))
}
