//! Today: the batches with a bar of their states, the queues by harm, and three plots with the tables behind them: documents
//! taken in by hour, the share that needed no person, what is open by its age.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::gate::Visit;
use super::page::{Frame, Problem, html, money};
use super::plot::{self, Plot};
use super::{Desk, batch};
use crate::domain::Day;
use crate::exceptions::Queue;

pub async fn health() -> &'static str {
    "ok"
}

struct QueueNumber {
    slug: &'static str,
    name: &'static str,
    what: &'static str,
    count: u32,
    oldest: String,
}

#[derive(Template)]
#[template(path = "today.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    batches: Vec<batch::Row>,
    older: usize,
    queues: Vec<QueueNumber>,
    plots: Vec<Plot>,
    in_hand: String,
    /// Changes of the settings that wait for this person's word.
    confirm: usize,
}

/// Batches that the first page lists.
const MOST: usize = 14;

/// What the plots show that is counted over many days.
pub struct Figures {
    /// Documents taken in today, by the hour.
    by_hour: Vec<(String, u32)>,
    /// Business date, payments, those that needed no person.
    share: Vec<(String, u32, u32)>,
}

/// Seconds for which a plot of thirty days may stand as it is.
const PLOTTED: i64 = 10;

async fn figures(desk: &Desk, today: Day) -> Result<Figures, Problem> {
    let store = desk.office.store();
    let hours: BTreeMap<String, u32> = store.documents_by_hour(&format!("{today}T00")).await?.into_iter().collect();
    let by_hour =
        (6..20).map(|h| (format!("{h}"), hours.get(&format!("{today}T{h:02}")).copied().unwrap_or(0))).collect();
    let since = today.date().checked_sub(jiff::Span::new().days(29)).map(Day::of).unwrap_or(today);
    let share =
        store.straight_through(since).await?.into_iter().map(|(d, all, plain)| (d.to_string(), all, plain)).collect();
    Ok(Figures { by_hour, share })
}

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let store = desk.office.store();
    let mut rows = batch::rows(&desk).await?;
    rows.retain(|r| !matches!(r.state, "void" | "archived"));
    // What needs somebody first, then the newest.
    rows.sort_by(|a, b| {
        (a.finished, std::cmp::Reverse(&a.date), &a.name).cmp(&(b.finished, std::cmp::Reverse(&b.date), &b.name))
    });
    let in_hand = rows.iter().filter(|r| !r.finished).map(|r| r.cents);
    let in_hand = crate::domain::Cents::sum(in_hand).map_err(crate::pipeline::OfficeError::from)?;
    let older = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    let open = store.open_counts().await?;
    let today = desk.office.clock.today();
    let age = |day: Day| (today.date() - day.date()).get_days().max(0);
    let queues: Vec<QueueNumber> = Queue::ALL
        .into_iter()
        .map(|q| {
            let mine = || open.iter().filter(move |o| Queue::of(o.code) == q);
            let (name, what) = super::exceptions::words(q);
            let oldest = mine().map(|o| age(o.date)).max();
            QueueNumber {
                slug: q.as_str(),
                name,
                what,
                count: mine().map(|o| o.count).sum(),
                oldest: match oldest {
                    None => "nothing waits".into(),
                    Some(0) => "all of today".into(),
                    Some(1) => "oldest 1 day".into(),
                    Some(n) => format!("oldest {n} days"),
                },
            }
        })
        .collect();
    let mut ages: BTreeMap<usize, u32> = BTreeMap::new();
    for o in &open {
        *ages
            .entry(match age(o.date) {
                0 => 0,
                1 => 1,
                2..=3 => 2,
                4..=7 => 3,
                _ => 4,
            })
            .or_default() += o.count;
    }
    let by_age: Vec<(String, u32)> = ["today", "1 day", "2-3 days", "4-7 days", "older"]
        .into_iter()
        .enumerate()
        .map(|(n, name)| (name.to_string(), ages.get(&n).copied().unwrap_or(0)))
        .collect();
    let figures = desk.inside.figures.lately(PLOTTED, figures(&desk, today)).await?;
    let plots = vec![
        plot::bars("Documents by hour", "Taken in today, by the hour (UTC)", "hour", "documents", &figures.by_hour),
        plot::shares("Needed no person", "Share of payments, last thirty days", &figures.share),
        plot::bars("Open by age", "What waits for a person", "age", "exceptions", &by_age),
    ];
    html(&Page {
        frame: Frame::new(&desk, &visit, "Today", "/").await?.on("today"),
        batches: rows,
        older,
        queues,
        plots,
        in_hand: money(in_hand),
        confirm: super::settings::waits_for(&desk, &visit).await?,
    })
}
