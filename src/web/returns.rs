//! Returned checks: what came back, why, of which check and what it paid, and what a person may do with it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money, see_other};
use super::reels::{self, Reel, reels};
use crate::domain::Role;
use crate::domain::returned::ReturnEvent;

struct Line {
    id: String,
    date: String,
    state: &'static str,
    reason: String,
    amount: String,
    fee: String,
    due: String,
    note: String,
    document: String,
    paid: Vec<String>,
    /// Name, words, letter.
    moves: Vec<(&'static str, &'static str, &'static str)>,
    /// The amount as one looks for it.
    plain: String,
    unmatched: bool,
}

#[derive(Template)]
#[template(path = "returns.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    reels: Vec<Reel>,
    open: usize,
    may_work: bool,
}

/// Returns on one part of the list.
const IN_SIGHT: usize = 40;

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let mut all = desk.office.returns().await?;
    all.reverse();
    let open = all.iter().filter(|r| !r.moves.is_empty()).count();
    let here = reels::from(&visit, all.len(), IN_SIGHT);
    let reels = reels(all.len(), IN_SIGHT, here, "");
    let words = |m: &str| match m {
        "represent" => Some(("represent", "present again", "p")),
        "clear" => Some(("clear", "it cleared", "c")),
        "charge-back" => Some(("charge-back", "charge back", "b")),
        _ => None,
    };
    let lines: Vec<Line> = all
        .into_iter()
        .skip(here)
        .take(IN_SIGHT)
        .map(|r| Line {
            id: r.id.to_string(),
            date: r.date.to_string(),
            state: r.state.as_str(),
            reason: format!("{} ({})", r.reason.replace('-', " "), r.code),
            plain: r.amount.to_string(),
            amount: money(r.amount),
            fee: if r.fee.is_zero() { String::new() } else { money(r.fee) },
            due: r.due.map(|d| d.to_string()).unwrap_or_default(),
            note: r.note,
            document: r.document.map(|d| d.to_string()).unwrap_or_default(),
            paid: r
                .parts
                .iter()
                .map(|p| {
                    let account = p.account.clone().unwrap_or_else(|| "suspense".into());
                    let bill = p.bill.as_ref().map(|b| format!(", bill {b}")).unwrap_or_default();
                    format!("{account}{bill}: {}", money(p.amount))
                })
                .collect(),
            unmatched: r.moves.contains(&"match"),
            moves: r.moves.iter().filter_map(|m| words(m)).collect(),
        })
        .collect();
    html(&Page {
        frame: Frame::new(&desk, &visit, "Returns", "/returns").await?.on("returns"),
        open,
        lines,
        reels,
        may_work: visit.has(&[Role::Match]),
    })
}

/// One move: `match` names the check, the others say what the bank did.
pub async fn act(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let already = work(&desk, &visit, &id, &form).await?;
    Ok(see_other(if already { "/returns?done=already" } else { "/returns?done=decided" }))
}

/// True where it was done before.
pub async fn work(desk: &Desk, visit: &Visit, id: &str, form: &Form) -> Result<bool, Problem> {
    desk.office.find_return(id).await?;
    let by = &visit.person()?.name;
    let today = desk.office.clock.today();
    let event = match form.get("move") {
        "match" => {
            let document = desk.office.check_document(form.get("document")).await?;
            return Ok(desk.office.match_return(id, &document, today, by).await?.already);
        }
        "represent" => ReturnEvent::Represent,
        "clear" => ReturnEvent::Clear,
        "charge-back" => ReturnEvent::ChargeBack,
        _ => return Err(Problem::wrong("There is no such move.", "Nothing was changed.")),
    };
    Ok(desk.office.move_return(id, event, today, by).await?.1)
}

/// The letter to the member.
pub async fn letter(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Response, Problem> {
    let bytes = desk.office.return_letter(&id).await?;
    let kind = [
        (header::CONTENT_TYPE, "application/pdf".to_string()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"return-letter.pdf\"".to_string()),
    ];
    Ok((kind, bytes).into_response())
}
