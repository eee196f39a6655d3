//! The exceptions' queue: what needs a person, the worst harm first, and who has it on the screen just now.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Desk;
use super::gate::{Visit, is_script};
use super::item::{Walk, to_undo, walk_from};
use super::page::{Frame, Problem, html, money_or, see_other, sentence};
use crate::domain::TransactionState;
use crate::exceptions::Queue;
use crate::pipeline::ExceptionView;

/// Everything open, in order.
pub async fn queue(desk: &Desk) -> Result<Arc<Vec<ExceptionView>>, Problem> {
    desk.inside.queue.now(desk, async { Ok(desk.office.open_exceptions(None).await?) }).await
}

/// Everything open as it stood a moment ago: for the number in the head, and for what comes after an item, where whoever
/// comes late to one is told so. With many at work it is not read anew for each of their moves.
pub async fn queue_lately(desk: &Desk) -> Result<Arc<Vec<ExceptionView>>, Problem> {
    desk.inside.queue.lately(1, async { Ok(desk.office.open_exceptions(None).await?) }).await
}

pub async fn open_count(desk: &Desk) -> Result<u32, Problem> {
    Ok(queue_lately(desk).await?.iter().filter(|e| e.state != Some(TransactionState::Held)).count() as u32)
}

pub fn words(queue: Queue) -> (&'static str, &'static str) {
    match queue {
        Queue::Urgent => ("Urgent", "somebody may be without service"),
        Queue::Risk => ("Risk", "money in doubt"),
        Queue::Accounts => ("Accounts", "not paid the usual way"),
        Queue::Keying => ("Keying", "key it from the image"),
        Queue::Matching => ("Matching", "which bill, and how much"),
        Queue::Images => ("Images", "the paper itself"),
    }
}

struct Line {
    id: String,
    code: &'static str,
    message: String,
    batch: String,
    batch_name: String,
    date: String,
    amount: String,
    with: String,
    held: bool,
}

struct Tab {
    name: &'static str,
    what: &'static str,
    slug: &'static str,
    count: usize,
    here: bool,
}

#[derive(Template)]
#[template(path = "exceptions.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    all: usize,
    held: usize,
    lines: Vec<Line>,
    more: usize,
    showing_held: bool,
    all_here: bool,
    filter: String,
    /// The payment whose decision, the last of a walk, can be taken back from here.
    undo: Option<(String, usize)>,
}

/// `GET /exceptions/next`: what is left of a walk, as it stands now; for a person the first of it, or the list.
pub async fn next(State(desk): State<Desk>, visit: Visit, headers: HeaderMap) -> Result<Response, Problem> {
    let walk = Walk::of(&visit.path);
    let (next, _) = walk_from(&desk, &visit, &walk, "", (3, &queue(&desk).await?)).await?;
    if is_script(&headers) {
        return Ok(Json(json!({ "next": next })).into_response());
    }
    Ok(see_other(&match next.first() {
        Some(id) => format!("/exceptions/{id}{}", walk.query()),
        None => format!("/exceptions{}", walk.query()),
    }))
}

/// Lines on one page; the rest is said by number.
const MOST: usize = 75;

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let asked = Queue::parse(query.get("queue"));
    let batch = query.get("batch").to_string();
    let showing_held = query.get("held") == "1";
    let all = queue(&desk).await?;
    let leases: BTreeMap<String, String> =
        desk.office.store().leases(visit.now).await?.into_iter().map(|l| (l.subject, l.holder.0)).collect();
    let is_held = |e: &&ExceptionView| e.state == Some(TransactionState::Held);
    let fits = |e: &&ExceptionView| {
        asked.is_none_or(|q| e.queue == q)
            && (batch.is_empty() || e.batch.as_str() == batch)
            && is_held(e) == showing_held
    };
    let chosen: Vec<&ExceptionView> = all.iter().filter(fits).collect();
    let me = visit.person()?.name.0.clone();
    let lines = chosen
        .iter()
        .take(MOST)
        .map(|e| Line {
            id: e.id.to_string(),
            code: e.code.code(),
            message: sentence(&e.message.chars().take(300).collect::<String>()),
            batch: e.batch.to_string(),
            batch_name: e.batch_name.clone(),
            date: e.date.to_string(),
            amount: money_or(e.amount, "not known"),
            with: leases.get(&e.transaction).map_or(String::new(), |h| if *h == me { "you".into() } else { h.clone() }),
            held: e.state == Some(TransactionState::Held),
        })
        .collect();
    let tabs = Queue::ALL
        .into_iter()
        .map(|q| Tab {
            name: words(q).0,
            what: words(q).1,
            slug: q.as_str(),
            count: all.iter().filter(|e| e.queue == q && !is_held(e)).count(),
            here: asked == Some(q),
        })
        .collect();
    let held = all.iter().filter(is_held).count();
    html(&Page {
        undo: to_undo(&desk, &visit).await,
        frame: Frame::new(&desk, &visit, "Exceptions", "/exceptions").await?.on("queue"),
        tabs,
        all: all.len() - held,
        held,
        more: chosen.len().saturating_sub(MOST),
        lines,
        all_here: asked.is_none() && !showing_held && batch.is_empty(),
        showing_held,
        filter: batch,
    })
}
