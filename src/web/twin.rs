//! A deposit's file as a person reads it, made from the file itself and from nothing else: what it holds by its own records,
//! each field by its standard name. Account numbers are masked, images are left out; a file that was changed is not shown.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::Value;

use super::Desk;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money, sentence};
use crate::domain::account::masked;
use crate::formats::inspection::{RecordView, records};
use crate::formats::{Inspection, inspect, sniff};

/// Records on one page.
const MOST: usize = 36;
/// Enough to tell any format.
const HEAD: usize = 8192;

struct Record {
    number: u64,
    kind: String,
    name: String,
    /// Names and values of what is filled in.
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "twin.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    deposit: String,
    date: String,
    file: String,
    what: String,
    valid: bool,
    figures: Vec<(String, String)>,
    problems: Vec<String>,
    records: Vec<Record>,
    all: usize,
    /// The first record of the page before and of the page after.
    before: Option<usize>,
    after: Option<usize>,
}

/// `on_us`, `dfi_account_number` and their like hold an account.
fn holds_account(field: &str) -> bool {
    field.contains("on_us") || field.contains("account")
}

fn readable(view: RecordView) -> Record {
    let text = |name: &str, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        if holds_account(name) && !text.is_empty() { masked(&text) } else { text }
    };
    let fields = view.fields.iter().map(|(name, value)| (name.replace('_', " "), text(name, value)));
    Record {
        number: view.record,
        kind: view.kind,
        name: view.name,
        fields: fields.filter(|f| !f.1.is_empty()).collect(),
    }
}

fn figures(found: &Inspection) -> Vec<(String, String)> {
    let counts = found.counts.iter().filter(|(_, n)| **n > 0).map(|(what, n)| (what.replace('_', " "), n.to_string()));
    let totals =
        found.totals.iter().filter(|(_, t)| !t.is_zero()).map(|(what, t)| (format!("{what}, money"), money(*t)));
    counts.chain(totals).collect()
}

/// `GET /deposits/{id}/twin`
pub async fn page(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let deposit = desk.office.store().deposit(&id).await?;
    let bytes = super::release::file_bytes(&desk, &deposit)?;
    let from: usize = visit.query().get("from").parse().unwrap_or(0);
    let read = move || {
        let format = sniff(bytes.get(..HEAD).unwrap_or(&bytes))?;
        let found = inspect(&bytes, format).ok()?;
        let (mut shown, mut all) = (Vec::new(), 0);
        records(&bytes, format, &mut |view| {
            if all >= from && shown.len() < MOST {
                shown.push(readable(view));
            }
            all += 1;
        });
        Some((found, shown, all))
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(super::door::trouble)?;
    let Some((found, records, all)) = read else {
        return Err(Problem::wrong(
            "This file has no records that can be shown.",
            "Its items stand on the deposit's page.",
        ));
    };
    html(&Page {
        frame: Frame::new(&desk, &visit, "What the file says", "/deposits").await?.on("twin"),
        deposit: deposit.id.to_string(),
        date: deposit.date.to_string(),
        file: deposit.file.unwrap_or_default(),
        what: format!("{} {}, {}", found.format.as_str(), found.version, found.encoding),
        valid: found.valid,
        figures: figures(&found),
        problems: found.problems.iter().take(20).map(|p| sentence(&p.to_string())).collect(),
        before: (from > 0).then(|| from.min(all).saturating_sub(MOST)),
        after: Some(from.saturating_add(MOST)).filter(|after| *after < all),
        records,
        all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field whose name says that it holds an account is masked; every other one is shown as it is.
    #[test]
    fn accounts_are_masked_by_the_name_of_their_field() {
        for (name, value, want) in [
            ("on_us", "39-13002709/4504", true),
            ("dfi_account_number", "13002709", true),
            ("item_amount", "0000003474", false),
        ] {
            let fields = serde_json::Map::from_iter([(name.to_string(), Value::from(value))]);
            let view = RecordView { record: 1, offset: 0, kind: "25".into(), name: "CheckDetail".into(), fields };
            let shown = readable(view).fields.remove(0).1;
            assert_eq!(shown != value && !shown.contains("13002709"), want, "{name}: {shown}");
        }
    }
}
