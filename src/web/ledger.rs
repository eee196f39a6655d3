//! The books: balances, the entries of an account, one entry with its postings; each posting leads to the document and its
//! image, and from there back.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money};
use super::reels::{self, Reel, reels};
use crate::domain::Entry;
use crate::reports;

struct AccountLine {
    account: String,
    name: &'static str,
    debit: String,
    credit: String,
    balance: String,
}

struct EntryLine {
    number: i64,
    date: String,
    memo: String,
    debit: String,
    credit: String,
    href: String,
    document: String,
}

#[derive(Template)]
#[template(path = "ledger.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    accounts: Vec<AccountLine>,
    proves: bool,
    account: String,
    account_name: &'static str,
    entries: Vec<EntryLine>,
    older: i64,
    may_export: bool,
}

const MOST: usize = 100;
/// Lines on a page of the books, and postings of one entry to one account that have a line each.
const LINES: usize = 150;
const OF_ONE: usize = 4;
/// Postings on one part of an entry.
const POSTINGS: usize = 150;

async fn books(desk: &Desk, visit: &Visit, account: &str) -> Result<Response, Problem> {
    let query = visit.query();
    let before: i64 = query.get("before").parse().unwrap_or(i64::MAX);
    let chart = &desk.office.site.config.posting;
    let balances = desk.office.store().balances().await?;
    let total: Option<i64> = balances.iter().try_fold(0i64, |sum, b| sum.checked_add(b.balance.get()));
    let accounts = balances
        .into_iter()
        .map(|b| AccountLine {
            name: chart.name(&b.account),
            account: b.account,
            debit: money(b.debit),
            credit: money(b.credit),
            balance: money(b.balance),
        })
        .collect();
    let entries = desk.office.store().newest_entries(account, before, MOST as u32).await?;
    let (mut lines, mut last) = (Vec::new(), None);
    for entry in &entries {
        let own = lines_of(entry, account);
        if lines.len() + own.len() > LINES {
            break;
        }
        lines.extend(own);
        last = Some(entry.number);
    }
    let shown_all = last == entries.last().map(|e| e.number);
    let older = if shown_all && entries.len() < MOST { 0 } else { last.unwrap_or(0) };
    html(&Page {
        frame: Frame::new(desk, visit, "Ledger", "/ledger").await?.on("ledger"),
        accounts,
        proves: total == Some(0),
        account_name: chart.name(account),
        account: account.to_string(),
        entries: lines,
        older,
        may_export: visit.has(&[crate::domain::Role::Release, crate::domain::Role::Auditor]),
    })
}

/// One line for an entry, or one for each of its postings to the account in question.
fn lines_of(entry: &Entry, account: &str) -> Vec<EntryLine> {
    let side = |units: i64, debit: bool| match units {
        n if n > 0 && debit => money(crate::domain::Cents::new(n)),
        n if n < 0 && !debit => money(crate::domain::Cents::new(n.saturating_neg())),
        _ => String::new(),
    };
    let line = |units: i64, debit: String, credit: String, memo: &str, document: String| EntryLine {
        number: entry.number,
        date: entry.draft.date.to_string(),
        memo: if memo.is_empty() || units == 0 { entry.draft.memo.clone() } else { memo.to_string() },
        debit,
        credit,
        href: entry.draft.transaction.as_ref().map(|t| format!("/transactions/{t}")).unwrap_or_default(),
        document,
    };
    if account.is_empty() {
        let debits =
            entry.draft.postings.iter().map(|p| p.amount.get()).filter(|u| *u > 0).fold(0i64, i64::saturating_add);
        let sum = money(crate::domain::Cents::new(debits));
        return vec![line(0, sum.clone(), sum, "", String::new())];
    }
    let own = || entry.draft.postings.iter().filter(|p| p.account == account);
    if own().count() > OF_ONE {
        let sum = |debit: bool| {
            let side = own().map(|p| p.amount.get()).filter(|u| (*u > 0) == debit);
            side.fold(0i64, i64::saturating_add)
        };
        let words = format!("{} ({} postings)", entry.draft.memo, own().count());
        return vec![line(1, side(sum(true), true), side(sum(false), false), &words, String::new())];
    }
    own()
        .map(|p| {
            let units = p.amount.get();
            let document = p.document.as_ref().map(|d| format!("/research?document={d}")).unwrap_or_default();
            line(units, side(units, true), side(units, false), &p.memo, document)
        })
        .collect()
}

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    books(&desk, &visit, "").await
}

pub async fn account(State(desk): State<Desk>, visit: Visit, Path(account): Path<String>) -> Result<Response, Problem> {
    if account.is_empty() || account.len() > 20 || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Problem::unknown("ledger account"));
    }
    books(&desk, &visit, &account).await
}

struct PostingLine {
    account: String,
    name: &'static str,
    debit: String,
    credit: String,
    memo: String,
    document: String,
}

#[derive(Template)]
#[template(path = "entry.html", config = "src/web/askama.toml")]
struct EntryPage {
    frame: Frame,
    number: i64,
    date: String,
    memo: String,
    transaction: String,
    batch: String,
    postings: Vec<PostingLine>,
    reels: Vec<Reel>,
    hash: String,
    previous: String,
    holds: bool,
}

pub async fn entry(State(desk): State<Desk>, visit: Visit, Path(number): Path<i64>) -> Result<Response, Problem> {
    let found = desk.office.store().entries(number.saturating_sub(1), 1).await?;
    let entry = found.into_iter().find(|e| e.number == number).ok_or_else(|| Problem::unknown("entry"))?;
    let chart = &desk.office.site.config.posting;
    let holds = entry.holds();
    let text = |id: Option<String>| id.unwrap_or_default();
    let all = entry.draft.postings.len();
    let here = reels::from(&visit, all, POSTINGS);
    html(&EntryPage {
        frame: Frame::new(&desk, &visit, &format!("Entry {number}"), "/ledger").await?.on("entry"),
        number,
        date: entry.draft.date.to_string(),
        memo: entry.draft.memo.clone(),
        transaction: text(entry.draft.transaction.as_ref().map(ToString::to_string)),
        batch: text(entry.draft.batch.as_ref().map(ToString::to_string)),
        postings: entry
            .draft
            .postings
            .iter()
            .skip(here)
            .take(POSTINGS)
            .map(|p| PostingLine {
                name: chart.name(&p.account),
                account: p.account.clone(),
                debit: if p.amount.is_positive() { money(p.amount) } else { String::new() },
                credit: if p.amount.is_negative() {
                    p.amount.magnitude().map(money).unwrap_or_default()
                } else {
                    String::new()
                },
                memo: p.memo.clone(),
                document: text(p.document.as_ref().map(ToString::to_string)),
            })
            .collect(),
        reels: reels(all, POSTINGS, here, ""),
        hash: entry.hash.to_string(),
        previous: entry.previous.to_string(),
        holds,
    })
}

/// All entries as CSV for a spreadsheet or as a journal.
pub async fn export(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let entries = desk.office.entries().await?;
    let chart = &desk.office.site.config.posting;
    let (text, name) = match query.get("format") {
        "hledger" => (reports::hledger(&entries, chart), "books.journal"),
        "beancount" => (reports::beancount(&entries, chart), "books.beancount"),
        _ => (reports::csv(&entries), "books.csv"),
    };
    let person = &visit.person()?.name;
    desk.office.store().note_user(person, "export-ledger", person, name).await?;
    Ok((
        [
            (header::CONTENT_TYPE, "application/octet-stream".to_string()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        ],
        text,
    )
        .into_response())
}
