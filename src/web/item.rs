//! One payment, one question: the papers with what was read outlined, the likely answers as keys, the reason in a plain
//! sentence, and everything that happened to it. The same part of the page comes alone for the script that has the next
//! items ready before they are asked for.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Desk;
use super::exceptions::queue_lately;
use super::form::{Form, escaped};
use super::gate::{Visit, is_script};
use super::owed::{BillLine, DueMark, Owed};
use super::page::{Frame, Problem, html, money, money_or, see_other, sentence};
use crate::domain::{
    Cents, Decision, Document, DocumentId, DocumentKind, ImageRole, PixelBox, Role, Transaction, TransactionId,
    TransactionState,
};
use crate::exceptions::{self, Candidate, Move, Queue};
use crate::pipeline::{AfterDecision, ExceptionView, Item, Paper};
use crate::store::{Leased, StoreError};

/// A document on the screen.
pub struct Sheet {
    pub id: String,
    pub kind: &'static str,
    pub seq: u32,
    pub words: String,
    pub has_image: bool,
    pub has_back: bool,
    pub has_gray: bool,
    /// Scans of it that were replaced.
    pub earlier: usize,
    pub turn: u16,
    pub mirrored: bool,
    /// `x,y,w,h` of what was read, and of what is in doubt, in pixels of the image as it came.
    pub boxes: String,
    pub doubt: String,
    /// What is known without a picture (records of bank files).
    pub facts: Vec<(&'static str, String)>,
}

fn text_of(b: PixelBox) -> String {
    format!("{},{},{},{}", b.x, b.y, b.w, b.h)
}

pub fn kind_words(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Check => "Check",
        DocumentKind::Stub => "Stub",
        DocumentKind::CashTicket => "Cash ticket",
        DocumentKind::BatchHeader => "Batch header",
        DocumentKind::Correspondence => "Letter",
        DocumentKind::Back => "Back of something",
        DocumentKind::Unknown => "Unknown paper",
    }
}

impl Sheet {
    pub fn of(paper: &Paper, doubt: Option<PixelBox>) -> Sheet {
        let document: &Document = &paper.document;
        let has = |role| document.images.iter().any(|i| i.role == role);
        let boxes: Vec<String> = paper.boxes().into_iter().map(|(_, b)| text_of(b)).collect();
        let mut facts = Vec::new();
        let e = &paper.evidence;
        if let Some(check) = &e.check {
            facts.push(("Amount", money_or(check.amount, "not known")));
            facts.push(("Check no.", check.serial.clone().unwrap_or_else(|| "not read".into())));
            facts.push(("Bank", check.routing.clone().unwrap_or_else(|| "not read".into())));
            facts.push(("Account", check.bank_account.as_ref().map_or("not read".into(), |a| a.masked())));
        }
        if let Some(stub) = &e.stub {
            facts.push(("Account", stub.account.as_ref().map_or("not read".into(), |a| a.masked())));
            facts.push(("Due", money_or(stub.amount_due, "not read")));
            if let Some(day) = stub.due_date {
                facts.push(("By", day.to_string()));
            }
            if let Some(invoice) = &stub.invoice {
                facts.push(("Invoice", invoice.clone()));
            }
        }
        Sheet {
            id: document.id.to_string(),
            kind: kind_words(e.kind),
            seq: document.seq,
            words: paper.boxes().iter().map(|(what, _)| *what).collect::<Vec<_>>().join(", "),
            has_image: !document.images.is_empty(),
            has_back: has(ImageRole::Back) || has(ImageRole::BackGray),
            has_gray: has(ImageRole::FrontGray) && has(ImageRole::Front),
            earlier: paper.earlier().count(),
            turn: paper.rotation,
            mirrored: paper.mirrored,
            boxes: boxes.join(" "),
            doubt: doubt.map(text_of).unwrap_or_default(),
            facts,
        }
    }
}

/// An answer on a key.
pub struct Answer {
    pub key: usize,
    pub label: String,
    pub why: String,
    pub candidate: Candidate,
}

/// An amount as amounts are shown everywhere.
fn shown(candidate: &Candidate) -> String {
    match candidate.label.parse::<Cents>() {
        Ok(amount) if candidate.name == "key-amount" => money(amount),
        _ => candidate.label.clone(),
    }
}

/// A move that takes words, on a letter.
pub struct Choice {
    pub letter: &'static str,
    pub name: &'static str,
    pub words: &'static str,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub needed: bool,
    pub hint: &'static str,
    pub date: bool,
}

fn field(spec: &'static str) -> Field {
    let name = spec.trim_matches(['[', ']']);
    let (label, hint) = match name {
        "amount" => ("Amount", "84.18"),
        "text" => ("The line as printed", ""),
        "account" => ("Account", "as on the bill"),
        "bill" => ("Bill", "several: 1001, 1002"),
        "documents" => ("Documents", "ids joined by commas"),
        "until" => ("Until", ""),
        "owner" => ("Owner", "who looks after it"),
        "letter" => ("Letter", "what the payer is told"),
        _ => ("Note", ""),
    };
    Field { name, label, hint, needed: !spec.starts_with('['), date: name == "until" }
}

/// The letter of each move: they sit under the left hand.
fn choice(m: &Move) -> Choice {
    let (letter, words) = match m.name {
        "hold" => ("h", "hold it"),
        "reject" => ("r", "return it to the payer"),
        "void" => ("v", "void it"),
        "distinct" => ("d", "not a duplicate"),
        "set-aside" => ("s", "set aside, no payment"),
        "assign" => ("a", "name the account"),
        "apply" => ("e", "spread over bills"),
        "to-suspense" => ("q", "to suspense"),
        "to-credit" => ("x", "to the customer's credit"),
        "regroup" => ("w", "regroup"),
        "accept" => ("y", "accept it"),
        "accept-partial" => ("j", "accept as part"),
        "key-amount" => ("k", "key the amount"),
        "key-micr" => ("m", "key the account line"),
        "key-scanline" => ("l", "key the stub's line"),
        "apply-list" => ("p", "a list of accounts"),
        "edit-line" => ("m", "mend one line"),
        "undo-line" => ("u", "take one line back"),
        "refund" => ("d", "money back"),
        other => ("", other),
    };
    Choice { letter, name: m.name, words, fields: m.fields.iter().map(|f| field(f)).collect() }
}

pub struct AppliedLine {
    pub to: String,
    pub amount: String,
    pub rule: String,
    pub why: String,
}

pub struct Happened {
    pub at: String,
    pub who: String,
    pub what: String,
    pub note: String,
}

/// What is shown of one payment.
pub struct Part {
    pub csrf: String,
    pub exception: String,
    pub transaction: String,
    pub batch: String,
    pub batch_name: String,
    pub code: String,
    pub queue: String,
    pub message: String,
    pub explanation: String,
    pub decided: String,
    pub state_words: String,
    pub reason: String,
    pub received: String,
    pub sheets: Vec<Sheet>,
    pub others: Vec<Sheet>,
    pub answers: Vec<Answer>,
    pub choices: Vec<Choice>,
    /// A digit begins an amount.
    pub amount_box: bool,
    pub amount_needed: bool,
    pub text_move: &'static str,
    pub text_label: &'static str,
    pub second_key: String,
    pub snippet: String,
    /// The amount in words, where the figures are in question.
    pub in_words: String,
    pub bills: Vec<BillLine>,
    pub due: Option<DueMark>,
    pub applied: Vec<AppliedLine>,
    /// Lines beside these; the report of the batch has them all.
    pub applied_more: usize,
    pub history: Vec<Happened>,
    pub context: String,
    pub next: Vec<String>,
    pub place: String,
    pub may_decide: bool,
    pub open: usize,
    /// The place of the decision that can be taken back.
    pub undoable: Option<usize>,
    pub may_rescan: bool,
    pub may_note: bool,
    pub may_unmask: bool,
    /// A second factor was given a short while ago.
    pub fresh: bool,
    /// Nothing is shown of what was read or is owed.
    pub blind: bool,
    pub beside: Vec<Beside>,
    /// Numbers of the journal entries that it made.
    pub entries: Vec<i64>,
    pub deposit: String,
}

/// A payment beside this one: `here` is this one, `before` and `after` have keys.
pub struct Beside {
    pub href: String,
    pub seq: u32,
    pub state: &'static str,
    pub received: String,
    pub way: &'static str,
}

#[derive(Template)]
#[template(path = "item.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    part: Part,
}

#[derive(Template)]
#[template(path = "item_part.html", config = "src/web/askama.toml")]
struct PartAlone {
    part: Part,
}

/// Which items come after this one: the queue that the person walks.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    queue: Option<Queue>,
    batch: String,
    /// Only what is keyed.
    key: bool,
    /// The document to show first, with the place of its amount.
    document: Option<DocumentId>,
}

impl Walk {
    pub fn of(path: &str) -> Walk {
        let query = Form::of_query(path);
        let batch = query.get("batch").chars().filter(char::is_ascii_alphanumeric).take(20).collect();
        let (queue, document) = (Queue::parse(query.get("queue")), query.get("document").parse().ok());
        Walk { queue, batch, key: query.get("walk") == "key", document }
    }

    /// `?queue=keying&batch=b..`, or nothing.
    pub fn query(&self) -> String {
        let mut parts = Vec::new();
        if let Some(queue) = self.queue {
            parts.push(format!("queue={}", queue.as_str()));
        }
        if !self.batch.is_empty() {
            parts.push(format!("batch={}", escaped(&self.batch)));
        }
        if self.key {
            parts.push("walk=key".into());
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    pub fn fits(&self, e: &ExceptionView) -> bool {
        let keyed = |m: &Move| matches!(m.name, "key-amount" | "key-micr" | "key-scanline");
        self.queue.is_none_or(|q| e.queue == q)
            && (self.batch.is_empty() || e.batch.as_str() == self.batch)
            && (!self.key || e.queue == Queue::Keying && e.moves.first().is_some_and(keyed))
            && e.state != Some(TransactionState::Held)
            && !e.transaction.is_empty()
    }
}

/// The next so many items of a queue after one, each of another payment, those that somebody else has left out; and where it
/// stands.
pub async fn walk_from(
    desk: &Desk,
    visit: &Visit,
    walk: &Walk,
    exception: &str,
    (many, all): (usize, &[ExceptionView]),
) -> Result<(Vec<String>, String), Problem> {
    let me = &visit.person()?.name;
    let taken: Vec<String> = desk
        .office
        .store()
        .leases(visit.now)
        .await?
        .into_iter()
        .filter(|l| l.holder != *me)
        .map(|l| l.subject)
        .collect();
    // What this person keyed first waits for somebody else.
    let keyed = desk.office.store().first_keyed_by(me).await?;
    let free =
        |e: &&ExceptionView| !taken.contains(&e.transaction) && (!keyed.contains(&e.id) || e.id.as_str() == exception);
    let mine: Vec<&ExceptionView> = all.iter().filter(|e| walk.fits(e)).filter(free).collect();
    let at = mine.iter().position(|e| e.id.as_str() == exception);
    let mut passed: Vec<&str> = at.and_then(|n| mine.get(n)).map(|e| e.transaction.as_str()).into_iter().collect();
    let mut next = Vec::new();
    // After the last come those that were passed over.
    let from = at.map_or(0, |n| n + 1);
    for e in mine.iter().skip(from).chain(mine.iter().take(from)) {
        if next.len() == many {
            break;
        }
        if e.id.as_str() != exception && !passed.contains(&e.transaction.as_str()) {
            passed.push(&e.transaction);
            next.push(e.id.to_string());
        }
    }
    let place = match at {
        Some(n) => format!("{} of {}", n + 1, mine.len()),
        None => format!("{} to do", mine.len()),
    };
    Ok((next, place))
}

/// The payments beside this one, in the order in which they were captured.
const BESIDE: u32 = 3;

async fn beside(desk: &Desk, item: &Item) -> Result<Vec<Beside>, Problem> {
    let own = item.transaction.seq;
    let (first, last) = (own.saturating_sub(BESIDE), own.saturating_add(BESIDE));
    let found = desk.office.store().neighbours(&item.batch.id, first, last).await?;
    Ok(found
        .into_iter()
        .map(|n| Beside {
            href: format!("/transactions/{}", n.transaction),
            seq: n.seq,
            state: n.state.as_str(),
            received: money_or(n.received, "?"),
            way: match n.seq {
                seq if seq == own => "here",
                seq if seq + 1 == own => "before",
                seq if seq == own + 1 => "after",
                _ => "",
            },
        })
        .collect())
}

async fn part(desk: &Desk, visit: &Visit, item: Item, walk: &Walk) -> Result<Part, Problem> {
    let beside = beside(desk, &item).await?;
    let store = desk.office.store();
    let entries = store.entries_of_transaction(&item.transaction.id).await?;
    let deposit = store.deposits_of(&item.transaction.documents).await?.into_values().next();
    let asked = item.exception.clone();
    let exception = asked.as_ref().map(|e| e.id.to_string()).unwrap_or_default();
    let (next, place) = walk_from(desk, visit, walk, &exception, (3, &queue_lately(desk).await?)).await?;
    let open_question = asked.as_ref().filter(|e| e.decision.is_none());
    let closed = matches!(
        item.transaction.state,
        TransactionState::Posted | TransactionState::Void | TransactionState::Rejected
    );
    let may_decide = open_question.is_some() && visit.has(&[Role::Key, Role::Match]) && !closed;
    let may = |m: &&Move| visit.has(&[Role::for_move(m.name)]);
    let moves: Vec<&Move> = open_question.map_or(&[][..], |e| exceptions::moves(e.code)).iter().filter(may).collect();
    let takes = |name: &str| moves.iter().any(|m| m.name == name);
    let first = moves.first().map_or("", |m| m.name);
    let (text_move, text_label) = match first {
        "key-micr" => ("key-micr", "The account line: A transit, C on-us, D dash"),
        "key-scanline" => ("key-scanline", "The stub's line, marks and all"),
        _ => ("", ""),
    };
    let on_key: Vec<&str> = item.candidates.iter().map(|c| c.name).collect();
    let choices = moves
        .iter()
        .filter(|m| m.name != "key-amount" && m.name != text_move)
        .filter(|m| m.fields.iter().any(|f| !f.starts_with('[')) || !on_key.contains(&m.name))
        .map(|m| choice(m))
        .collect();
    let mut sheets: Vec<Sheet> = Vec::new();
    let about = walk.document.clone().or_else(|| asked.as_ref().and_then(|e| e.document.clone()));
    let mut order: Vec<&Paper> = item.papers.iter().collect();
    // The paper in question first; then checks, stubs, the rest.
    order.sort_by_key(|p| {
        let rank = match p.kind() {
            DocumentKind::Check | DocumentKind::CashTicket => 1,
            DocumentKind::Stub => 2,
            _ => 3,
        };
        let first = Some(&p.document.id) == about.as_ref() && (rank < 3 || walk.document.is_some());
        (if first { 0 } else { rank }, p.document.seq)
    });
    let mut in_words = String::new();
    for paper in order {
        let doubt = asked.as_ref().filter(|e| e.document.as_ref() == Some(&paper.document.id)).and_then(|e| e.bbox);
        // Without a doubt that has a place: where the amount stands, when that is asked or looked for.
        let sought = Some(&paper.document.id) == about.as_ref() && (first == "key-amount" || walk.document.is_some());
        let doubt = doubt.or_else(|| paper.amount_box().filter(|_| sought));
        // Beside the figures in question the same amount in words.
        if let Some(words) = paper.words_box().filter(|_| sheets.is_empty() && doubt == paper.amount_box()) {
            in_words = format!("/documents/{}/snippet?box={}", paper.document.id, text_of(words));
        }
        sheets.push(Sheet::of(paper, doubt));
    }
    let others = sheets.split_off(sheets.len().min(2));
    let snippet = sheets.first().filter(|s| !s.doubt.is_empty() && s.has_image);
    let snippet = snippet.map(|s| format!("/documents/{}/snippet?box={}", s.id, s.doubt)).unwrap_or_default();
    let t = &item.transaction;
    let near = if item.blind { &[] } else { item.bills.as_slice() };
    let owed = Owed::of(desk, t, near, &item.candidates).await?;
    let offered = item.candidates.into_iter().filter(|c| visit.has(&[Role::for_move(c.name)]));
    let answer = |(candidate, key)| Answer { key, label: shown(&candidate), why: owed.why(&candidate), candidate };
    let answers = offered.zip(1..).map(answer).collect();
    let decided = asked.as_ref().and_then(|e| e.decision.as_ref()).map(decided_words).unwrap_or_default();
    Ok(Part {
        csrf: visit.csrf.clone(),
        transaction: t.id.to_string(),
        batch: item.batch.id.to_string(),
        batch_name: item.batch.name.clone(),
        code: asked.as_ref().map(|e| e.code.code().to_string()).unwrap_or_default(),
        queue: asked
            .as_ref()
            .map(|e| super::exceptions::words(exceptions::queue(e.code)).0.to_string())
            .unwrap_or_default(),
        message: asked.as_ref().map(|e| sentence(&e.message)).unwrap_or_default(),
        explanation: asked.as_ref().map(|e| exceptions::sentence(e.code).to_string()).unwrap_or_default(),
        decided,
        state_words: state_words(t),
        reason: sentence(&t.reason),
        received: money_or(t.received, "not known"),
        answers,
        choices,
        amount_box: takes("key-amount"),
        amount_needed: first == "key-amount",
        text_move,
        text_label,
        second_key: item.second_key.map(|n| n.0).unwrap_or_default(),
        snippet,
        in_words,
        bills: owed.bills,
        due: owed.due,
        applied: if item.blind { Vec::new() } else { applied(t) },
        applied_more: if item.blind { 0 } else { t.applications.len().saturating_sub(MOST_LINES) },
        may_rescan: visit.has(&[Role::Capture, Role::Match]) && !closed,
        may_note: visit.has(&[Role::Key, Role::Match]),
        may_unmask: visit.has(super::router::UNMASKERS),
        fresh: visit.is_fresh(desk),
        blind: item.blind,
        beside,
        entries,
        deposit: deposit.map(|d| d.to_string()).unwrap_or_default(),
        history: history(desk, t).await?,
        context: walk.query(),
        next,
        place,
        may_decide,
        open: t.exceptions.iter().filter(|e| e.decision.is_none()).count(),
        undoable: crate::pipeline::undoable(t).filter(|_| visit.has(&[Role::Key, Role::Match]) && !closed),
        exception,
        sheets,
        others,
    })
}

/// Of a list payment so many lines are shown.
const MOST_LINES: usize = 60;

fn applied(t: &Transaction) -> Vec<AppliedLine> {
    t.applications
        .iter()
        .take(MOST_LINES)
        .map(|a| AppliedLine {
            to: match (&a.account, &a.bill) {
                (Some(account), Some(bill)) => format!("{}, bill {}", account.masked(), bill),
                (Some(account), None) => format!("{}, credit", account.masked()),
                (None, _) => "suspense".into(),
            },
            amount: money(a.amount),
            rule: a.rule.clone(),
            why: a.evidence.clone(),
        })
        .collect()
}

fn decided_words(d: &Decision) -> String {
    format!("{} by {} at {}", d.name, d.by, d.at.replace('T', " ").trim_end_matches('Z'))
}

fn state_words(t: &Transaction) -> String {
    match t.state {
        TransactionState::Held => {
            let until = t.held_until.as_deref().map(|d| format!(" until {d}")).unwrap_or_default();
            let owner = t.owner.as_deref().map(|o| format!(", {o} looks after it")).unwrap_or_default();
            format!("held{until}{owner}")
        }
        state => state.as_str().to_string(),
    }
}

/// Decisions and what the audit trail says, in the order of their time.
async fn history(desk: &Desk, t: &Transaction) -> Result<Vec<Happened>, Problem> {
    let mut all: Vec<Happened> = desk
        .office
        .trail_of(t)
        .await?
        .into_iter()
        .map(|r| {
            // Other rows name things by their ids; only a person's own words are for reading.
            let note = if r.what == "note" { r.note } else { String::new() };
            Happened { at: r.at, who: r.by.0, what: r.what.replace('-', " "), note }
        })
        .collect();
    for d in &t.decisions {
        let shown = ["amount", "note", "until", "owner", "letter", "of"];
        let fields: Vec<String> =
            d.fields.iter().filter(|(k, _)| shown.contains(&k.as_str())).map(|(k, v)| format!("{k} {v}")).collect();
        let about = d.fields.get("exception").map(|e| format!("{e}: ")).unwrap_or_default();
        all.push(Happened {
            at: d.at.clone(),
            who: d.by.0.clone(),
            what: format!("decided {}", d.name.replace('-', " ")),
            note: format!("{about}{}", fields.join(", ")),
        });
    }
    all.sort_by(|a, b| a.at.cmp(&b.at));
    for h in &mut all {
        h.at = h.at.replace('T', " ").trim_end_matches('Z').to_string();
    }
    Ok(all)
}

/// `GET /exceptions/{id}`: the question; alone for scripts.
pub async fn page(
    State(desk): State<Desk>,
    visit: Visit,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let asked = desk.office.store().exception(&id).await?;
    let Some(transaction) = asked.transaction else {
        return Ok(see_other(&format!("/batches/{}/balance", asked.batch)));
    };
    let item = desk.office.item(transaction.as_str(), Some(asked.exception.id.as_str())).await?;
    show(&desk, &visit, &headers, item, "Exceptions", "/exceptions").await
}

/// `GET /transactions/{id}`: the payment with its first open question, or none.
pub async fn transaction(
    State(desk): State<Desk>,
    visit: Visit,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let item = desk.office.item(&id, None).await?;
    show(&desk, &visit, &headers, item, "Payment", "/research").await
}

async fn show(
    desk: &Desk,
    visit: &Visit,
    headers: &HeaderMap,
    item: Item,
    title: &str,
    here: &str,
) -> Result<Response, Problem> {
    let walk = Walk::of(&visit.path);
    let batch = item.batch.clone();
    let part = part(desk, visit, item, &walk).await?;
    if is_script(headers) {
        return html(&PartAlone { part });
    }
    let here = if walk.key { "/key" } else { here };
    let frame = Frame::new(desk, visit, title, here).await?.on("item").with_totals(desk, &batch).await?;
    html(&Page { frame, part })
}

/// `POST /exceptions/{id}`: a candidate by its name, or a move with its fields. Scripts get what comes next as JSON.
pub async fn decide(
    State(desk): State<Desk>,
    visit: Visit,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let person = visit.person()?.clone();
    let asked = desk.office.store().exception(&id).await?;
    let subject = asked.transaction.as_ref().map(ToString::to_string).unwrap_or_default();
    let fence = form.get("fence").parse().ok();
    desk.office.store().may_work(&subject, &person.name, fence, visit.now).await?;
    let walk = Walk::of(form.get("context"));
    let (next, _) = walk_from(&desk, &visit, &walk, &id, (3, &queue_lately(&desk).await?)).await?;
    let (name, fields) = move_of(&form);
    let done = match form.get("candidate") {
        "" => desk.office.key(&id, &name, &fields, &person).await?,
        candidate => desk.office.choose(&id, candidate, &person).await?,
    };
    let first_key = desk.office.store().first_key(&asked.exception.id).await?.is_some();
    let note = if first_key { "first-key" } else { "decided" };
    if is_script(&headers) {
        let decided = desk.office.store().transaction(done.transaction.as_str()).await?;
        return Ok(Json(json!({
            "transaction": done.transaction, "state": done.state, "open": done.open, "already": done.already,
            "note": note, "next": next, "of": crate::pipeline::undoable(&decided),
        }))
        .into_response());
    }
    Ok(match next.first() {
        Some(next) => {
            let query = walk.query();
            let mark = if query.is_empty() { '?' } else { '&' };
            see_other(&format!("/exceptions/{next}{query}{mark}done={note}"))
        }
        // Nothing is left: the list, or the good news, from which this one can be taken back.
        None => {
            let undo = match first_key {
                true => String::new(),
                false => undo_of(&desk.office.store().transaction(done.transaction.as_str()).await?, &done),
            };
            see_other(&format!("{}?done={note}{undo}", if walk.key { "/key" } else { "/exceptions" }))
        }
    })
}

/// The move of a form; an amount typed without a point is in cents.
fn move_of(form: &Form) -> (String, std::collections::BTreeMap<String, String>) {
    let mut fields = form.fields();
    if form.get("move") == "key-amount"
        && let Some(amount) = fields.get_mut("amount")
    {
        *amount = amount_of(amount);
    }
    (form.get("move").to_string(), fields)
}

/// `8418` and `84.18` are the same amount; what is neither stays as it was typed and is refused by its own rule.
pub fn amount_of(typed: &str) -> String {
    let plain: String = typed.chars().filter(|c| !matches!(c, ',' | ' ' | '$')).collect();
    match plain.parse::<i64>() {
        Ok(cents) if plain.bytes().all(|b| b.is_ascii_digit()) => Cents::new(cents).to_string(),
        _ => plain,
    }
}

/// `POST /transactions/{id}/lease`: this payment is on my screen; another one no longer is.
pub async fn lease(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let session = visit.session()?;
    let store = desk.office.store();
    let left = form.get("leaving");
    if !left.is_empty() && left != id {
        store.release(left, session.hash).await?;
    }
    let subject = store.transaction(&id).await?.id;
    let seconds = desk.office.site.config.desk.lease_seconds;
    let leased = store.lease(subject.as_str(), &session.user.name, session.hash, visit.now, seconds).await?;
    Ok(Json(match leased {
        Leased::Yours(lease) => json!({ "yours": true, "fence": lease.fence, "seconds": seconds }),
        Leased::Taken(lease) => json!({ "yours": false, "holder": lease.holder }),
    })
    .into_response())
}

/// `POST /transactions/{id}/undo`: the last decision is taken back, while nothing is posted.
pub async fn undo(
    State(desk): State<Desk>,
    visit: Visit,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let person = visit.person()?;
    // The decision that is meant; a second press does not take the one before it back as well.
    let of = form.get("of").parse().ok();
    let own = |back: &&str| back.starts_with("/batches/") || matches!(*back, "/exceptions" | "/key");
    let back = Some(form.get("back")).filter(own);
    let there = desk.office.store().may_work(&id, &person.name, None, visit.now).await;
    if let (Err(StoreError::NotFound { .. }), Some(_), Some(back)) = (&there, of, back) {
        return Ok(see_other(&format!("{back}?done=already")));
    }
    there?;
    let done = desk.office.undo_this(&id, of, &person.name).await?;
    if is_script(&headers) {
        return Ok(
            Json(json!({ "transaction": done.transaction, "state": done.state, "open": done.open })).into_response()
        );
    }
    let said = if done.already { "already" } else { "undone" };
    Ok(match back {
        Some(back) => see_other(&format!("{back}?done={said}")),
        None => see_other(&format!("/transactions/{}?done={said}", done.transaction)),
    })
}

/// For the address of a page that offers to take back what was just decided: the payment and the place of that decision.
pub fn undo_of(decided: &Transaction, done: &AfterDecision) -> String {
    match crate::pipeline::undoable(decided) {
        Some(of) if !done.already => format!("&undo={}&of={of}", done.transaction),
        _ => String::new(),
    }
}

/// The payment that a page's address names, as long as the decision named with it is the last that stands there: its id, and
/// the place of that. A page from before offers nothing else instead.
pub async fn to_undo(desk: &Desk, visit: &Visit) -> Option<(String, usize)> {
    if !visit.has(&[Role::Key, Role::Match]) {
        return None;
    }
    let query = visit.query();
    let id: String = query.get("undo").chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    if id.is_empty() {
        return None;
    }
    let of = query.get("of").parse().ok();
    let t = desk.office.store().transaction(&id).await.ok()?;
    let place = crate::pipeline::undoable(&t).filter(|place| of == Some(*place))?;
    Some((id, place))
}

/// `POST /transactions/{id}/hold`, without any exception.
pub async fn hold(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let person = visit.person()?;
    desk.office.store().may_work(&id, &person.name, None, visit.now).await?;
    desk.office.hold(&id, &form.fields(), &person.name).await?;
    Ok(see_other(&format!("/transactions/{id}?done=held")))
}

/// `POST /transactions/{id}/note`: a word for whoever looks at it later.
pub async fn note(
    State(desk): State<Desk>,
    visit: Visit,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let transaction = write_note(&desk, &visit, &id, form.get("text")).await?;
    if is_script(&headers) {
        return Ok(Json(json!({ "transaction": transaction })).into_response());
    }
    Ok(see_other(&format!("/transactions/{transaction}?done=noted")))
}

pub async fn write_note(desk: &Desk, visit: &Visit, id: &str, text: &str) -> Result<TransactionId, Problem> {
    let id = desk.office.store().transaction(id).await?.id;
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(300).collect();
    if text.len() < 2 {
        return Err(Problem::wrong("The note is empty.", "Nothing was written down."));
    }
    desk.office.store().note_transaction(&id, &visit.person()?.name, &text).await?;
    Ok(id)
}

/// `POST /transactions/{id}/unmask`: the full account numbers, said once, to one person, and written down with why.
pub async fn unmask(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let person = visit.person()?;
    let t = desk.office.store().transaction(&id).await?;
    let why = form.get("why");
    if why.len() < 3 {
        return Err(Problem::wrong("Say why you need the full numbers.", "It is written down with your name."));
    }
    let note = format!("{id}: {}", why.chars().filter(|c| !c.is_control()).take(120).collect::<String>());
    desk.office.store().note_user(&person.name, "unmask", &person.name, &note).await?;
    let papers = desk.office.papers(&t).await?;
    let lines: Vec<Unmasked> = papers
        .iter()
        .map(|p| Unmasked {
            what: format!("{} {}", kind_words(p.kind()), p.document.seq),
            line: p.evidence.check.as_ref().and_then(|c| c.micr.clone()).unwrap_or_default(),
            account: match (&p.evidence.check, &p.evidence.stub) {
                (Some(c), _) => c.bank_account.as_ref().map(|a| a.reveal().to_string()).unwrap_or_default(),
                (_, Some(s)) => s.account.as_ref().map(|a| a.reveal().to_string()).unwrap_or_default(),
                _ => String::new(),
            },
        })
        .collect();
    html(&UnmaskedPage {
        frame: Frame::new(&desk, &visit, "Full numbers", "/research").await?,
        transaction: t.id.to_string(),
        lines,
    })
}

struct Unmasked {
    what: String,
    line: String,
    account: String,
}

#[derive(Template)]
#[template(path = "unmasked.html", config = "src/web/askama.toml")]
struct UnmaskedPage {
    frame: Frame,
    transaction: String,
    lines: Vec<Unmasked>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_typed_as_on_an_adding_machine() {
        for (typed, want) in [
            ("8418", "84.18"),
            ("84.18", "84.18"),
            ("5", "0.05"),
            ("1,234.56", "1234.56"),
            ("$12.00", "12.00"),
            ("x", "x"),
            ("-5", "-5"),
            ("84.1", "84.1"),
        ] {
            assert_eq!(amount_of(typed), want);
        }
    }

    /// Every move of every reason has a letter, and no two on one screen share it.
    #[test]
    fn letters_do_not_collide() {
        for reason in crate::domain::Reason::ALL {
            let mut letters: Vec<&str> = exceptions::moves(*reason).iter().map(|m| choice(m).letter).collect();
            assert!(letters.iter().all(|l| !l.is_empty()), "{reason}: a move without a letter");
            letters.sort_unstable();
            let before = letters.len();
            letters.dedup();
            assert_eq!(letters.len(), before, "{reason}");
        }
    }
}
