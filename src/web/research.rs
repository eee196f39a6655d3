//! Research: a payment by account, name, amount, odd cents, date or check number; from each hit to the payment, its
//! neighbours and everything that happened to it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Desk;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money_or, see_other};
use crate::domain::{DocumentId, TransactionState};
use crate::store::Wanted;

struct HitLine {
    href: String,
    batch: String,
    batch_name: String,
    date: String,
    seq: u32,
    state: &'static str,
    received: String,
    account: String,
    bill: String,
    name: String,
}

#[derive(Template)]
#[template(path = "research.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    asked: bool,
    text: String,
    date: String,
    until: String,
    states: Vec<(&'static str, bool)>,
    understood: String,
    hits: Vec<HitLine>,
    more: usize,
}

/// Lines on one page.
const MOST: usize = 150;

/// What one box of text means: `84.18` an amount, `.37` odd cents, `#1234` a check, `2026-11-20` a day, digits an account or
/// a bill, words a name.
pub fn wanted(text: &str, date: &str) -> (Wanted, Vec<String>) {
    let mut wanted = Wanted { date: date.parse().ok(), ..Wanted::default() };
    let mut understood = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for part in text.split_whitespace().take(12) {
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if let Some(check) = part.strip_prefix('#').filter(|c| digits(c)) {
            wanted.check = Some(check.to_string());
            understood.push(format!("check number {check}"));
        } else if let Some(cents) = part.strip_prefix('.').filter(|c| c.len() == 2 && digits(c)) {
            wanted.odd_cents = cents.parse().ok();
            understood.push(format!("any amount with {cents} cents"));
        } else if let Ok(day) = part.parse::<crate::domain::Day>() {
            wanted.date = Some(day);
            understood.push(format!("business date {day}"));
        } else if part.contains('.') && super::item::amount_of(part).parse::<crate::domain::Cents>().is_ok() {
            wanted.amount = super::item::amount_of(part).parse().ok();
            understood.push(format!("amount {part}"));
        } else if part.bytes().any(|b| b.is_ascii_digit()) {
            wanted.account = Some(part.to_string());
            understood.push(format!("account or bill {}", crate::domain::account::masked(part)));
        } else {
            words.push(part);
        }
    }
    let name = words.join(" ");
    if name.chars().count() > 1 {
        understood.push(format!("name with \u{201c}{name}\u{201d}"));
        wanted.name = Some(name);
    }
    (wanted, understood)
}

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let store = desk.office.store();
    if let Ok(document) = query.get("document").parse::<DocumentId>() {
        let transaction =
            store.transaction_of_document(&document).await?.ok_or_else(|| Problem::unknown("document"))?;
        return Ok(see_other(&format!("/transactions/{transaction}?document={document}")));
    }
    let text: String = query.get("q").chars().take(120).collect();
    let (mut wanted, understood) = wanted(&text, query.get("date"));
    wanted.until = query.get("until").parse().ok();
    wanted.state = TransactionState::parse(query.get("state"));
    let asked = !text.is_empty() || wanted.date.is_some() || wanted.until.is_some() || wanted.state.is_some();
    let state = wanted.state;
    let hits = match asked {
        true => store.research(&wanted).await?,
        false => Vec::new(),
    };
    let more = hits.len().saturating_sub(MOST);
    let hits = hits
        .into_iter()
        .take(MOST)
        .map(|h| HitLine {
            href: format!("/transactions/{}", h.transaction),
            batch: h.batch.to_string(),
            batch_name: h.batch_name,
            date: h.date.to_string(),
            seq: h.seq,
            state: h.state.as_str(),
            received: money_or(h.received, "not known"),
            account: h.account.map(|a| a.masked()).unwrap_or_default(),
            bill: h.bill.unwrap_or_default(),
            name: h.name.unwrap_or_default(),
        })
        .collect();
    html(&Page {
        frame: Frame::new(&desk, &visit, "Research", "/research").await?.on("research"),
        asked,
        text,
        date: query.get("date").chars().take(10).collect(),
        until: query.get("until").chars().take(10).collect(),
        states: TransactionState::ALL.iter().map(|s| (s.as_str(), Some(*s) == state)).collect(),
        understood: understood.join(", "),
        hits,
        more,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_box_takes_everything() {
        for (text, want) in [
            ("84.18", "amount 84.18"),
            (".37", "any amount with 37 cents"),
            ("#001234", "check number 001234"),
            ("8130687182", "account or bill ...7182"),
            ("2026-11-20 alder james", "business date 2026-11-20, name with \u{201c}alder james\u{201d}"),
        ] {
            assert_eq!(wanted(text, "").1.join(", "), want);
        }
    }
}
