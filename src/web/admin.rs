//! Administration: people with their roles and invitations, programs' tokens, stub layouts with a live test on a stored
//! image, and what the site's configuration says of banks and rules. Touches no money.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, see_other};
use crate::decode::layout::Layouts;
use crate::domain::{Role, UserName};
use crate::pipeline::{is_name, settings};

struct UserLine {
    name: String,
    roles: String,
    disabled: bool,
    signs_in: &'static str,
    locked: bool,
    you: bool,
}

struct TokenLine {
    id: String,
    name: String,
    label: String,
    created: String,
}

struct BankLine {
    name: String,
    level: String,
    destination: String,
    origin: String,
}

#[derive(Template)]
#[template(path = "admin.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    users: Vec<UserLine>,
    tokens: Vec<TokenLine>,
    banks: Vec<BankLine>,
    audit: Vec<super::item::Happened>,
    may_change: bool,
    /// Shown once, after an invitation or a new token.
    secret: String,
    secret_words: String,
}

async fn show(desk: &Desk, visit: &Visit, secret: String, secret_words: String) -> Result<Response, Problem> {
    let store = desk.office.store();
    let me = visit.person()?.name.clone();
    let mut users = Vec::new();
    for user in store.users().await? {
        let credential = store.credential(&user.name).await?;
        users.push(UserLine {
            roles: user.roles.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", "),
            disabled: user.disabled,
            signs_in: match &credential {
                None => "not invited yet, or has not come",
                Some(c) if c.second_factor => "password and code",
                Some(_) => "password, code still to be set",
            },
            locked: credential.is_some_and(|c| c.locked),
            you: user.name == me,
            name: user.name.0,
        });
    }
    let tokens = store.tokens().await?;
    let tokens = tokens
        .into_iter()
        .map(|t| TokenLine { id: t.id, name: t.name.0, label: t.label, created: t.created_at.replace('T', " ") })
        .collect();
    let banks = desk.office.site.config.bank.iter();
    let banks = banks
        .map(|b| BankLine {
            name: b.name.clone(),
            level: b.level.clone(),
            destination: format!("{} {}", b.destination, b.destination_name),
            origin: format!("{} {}", b.origin, b.origin_name),
        })
        .collect();
    let audit = store.newest_audit(40).await?;
    let audit = audit
        .into_iter()
        .map(|r| super::item::Happened {
            at: r.at.replace('T', " ").trim_end_matches('Z').to_string(),
            who: r.by.0,
            what: format!("{} {}", r.what.replace('-', " "), r.noun),
            note: if r.noun == "user" { format!("{} {}", r.id, r.note) } else { String::new() },
        })
        .collect();
    html(&Page {
        frame: Frame::new(desk, visit, "Admin", "/admin").await?.on("admin"),
        users,
        tokens,
        banks,
        audit,
        may_change: visit.has(&[Role::Admin]),
        secret,
        secret_words,
    })
}

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    show(&desk, &visit, String::new(), String::new()).await
}

/// It waits for a second person.
async fn proposed(desk: &Desk, part: &str, text: &str, by: &UserName) -> Result<Response, Problem> {
    desk.office.propose_setting(part, text, by).await?;
    Ok(see_other("/admin/settings?done=proposed"))
}

/// Nobody edits their own rights.
fn another(visit: &Visit, name: &str) -> Result<UserName, Problem> {
    if visit.person()?.name.0 == name {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "own-rights",
            "Nobody changes their own rights.",
            "Another administrator must do it. Nothing was changed.",
        ));
    }
    Ok(UserName(name.to_string()))
}

pub async fn add_user(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let name = form.get("name");
    let roles: Vec<Role> = form.all("role").filter_map(Role::parse).collect();
    if !is_name(name) || roles.is_empty() {
        return Err(Problem::wrong(
            "A person has a name of letters, digits or . _ - @ and at least one role.",
            "Nothing was changed.",
        ));
    }
    let name = another(&visit, name)?;
    let by = visit.person()?.name.clone();
    let store = desk.office.store();
    // What gives rights is confirmed by another person, as soon as there is one; looking alone moves nothing.
    let gives = roles.iter().any(|r| *r != Role::Auditor);
    if gives && desk.office.somebody_confirms(&by, &name).await? {
        let list: Vec<&str> = roles.iter().map(|r| r.as_str()).collect();
        return proposed(&desk, settings::USER, &format!("{name}: {}", list.join(", ")), &by).await;
    }
    store.add_user(&name, &roles, &by).await?;
    if store.credential(&name).await?.is_some() {
        return Ok(see_other("/admin?done=user"));
    }
    let token = desk.office.invite(&name, &by).await?;
    show(&desk, &visit, token, format!("Hand this invitation to {name}. It is shown once and good for a week:")).await
}

pub async fn invite(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = another(&visit, &name)?;
    let by = &visit.person()?.name;
    // Whoever hands it out could come in as that person.
    let has_one = desk.office.store().credential(&name).await?.is_some();
    if has_one && desk.office.somebody_confirms(by, &name).await? {
        return proposed(&desk, settings::INVITE, &name.0, by).await;
    }
    let token = desk.office.invite(&name, by).await?;
    show(&desk, &visit, token, format!("Hand this invitation to {name}. What {name} had before has ended:")).await
}

pub async fn disable(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = another(&visit, &name)?;
    desk.office.store().disable_user(&name, &visit.person()?.name).await?;
    Ok(see_other("/admin?done=user"))
}

pub async fn unlock(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = another(&visit, &name)?;
    desk.office.store().unlock(&name, &visit.person()?.name).await?;
    Ok(see_other("/admin?done=unlocked"))
}

pub async fn add_token(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let name = UserName(form.get("name").to_string());
    let label: String = form.get("label").chars().filter(|c| !c.is_control()).take(60).collect();
    let by = &visit.person()?.name;
    if desk.office.store().user(&name).await?.is_none_or(|u| u.disabled) || label.is_empty() {
        return Err(Problem::wrong(
            "A token is for a person who is here, and says what it is for.",
            "Nothing was changed.",
        ));
    }
    // Whoever has it works as that person.
    let text = format!("{name}: {label}");
    if desk.office.somebody_confirms(by, by).await? {
        return proposed(&desk, settings::TOKEN, &text, by).await;
    }
    let token = desk.office.give_token(&text, by).await?;
    show(&desk, &visit, token, format!("The token of {name} for \u{201c}{label}\u{201d}. It is shown once:")).await
}

pub async fn end_token(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    desk.office.store().end_token(&id, &visit.person()?.name).await?;
    Ok(see_other("/admin?done=user"))
}

struct ReadLine {
    what: String,
    value: String,
    good: bool,
}

#[derive(Template)]
#[template(path = "layouts.html", config = "src/web/askama.toml")]
struct LayoutsPage {
    frame: Frame,
    text: String,
    document: String,
    names: Vec<String>,
    wrong: String,
    read: Vec<ReadLine>,
    boxes: String,
    turn: u16,
    tested: bool,
    may_change: bool,
    /// Documents of the newest batch, to be tried on: id, what it is called.
    some: Vec<(String, String)>,
}

/// So many documents are offered.
const OFFERED: usize = 60;

async fn newest_documents(desk: &Desk) -> Result<Vec<(String, String)>, Problem> {
    let Some(batch) = desk.office.store().batches().await?.pop().map(|b| b.batch) else { return Ok(Vec::new()) };
    let strip = desk.office.store().strip(&batch.id).await?;
    let with_image = strip.into_iter().filter(|f| f.has_image).take(OFFERED);
    Ok(with_image.map(|f| (f.document.to_string(), format!("{}, document {}", batch.name, f.seq))).collect())
}

pub async fn layouts(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let texts = desk.office.store().layouts().await?;
    let text = texts.iter().map(|t| t.toml.as_str()).collect::<Vec<_>>().join("\n");
    test(&desk, &visit, text, query.get("document").to_string()).await
}

/// What these layouts read on a stored document: the same reader as in the run.
async fn test(desk: &Desk, visit: &Visit, text: String, document: String) -> Result<Response, Problem> {
    let mut page = LayoutsPage {
        frame: Frame::new(desk, visit, "Stub layouts", "/admin").await?.on("layouts"),
        names: Vec::new(),
        wrong: String::new(),
        read: Vec::new(),
        boxes: String::new(),
        turn: 0,
        tested: false,
        may_change: visit.has(&[Role::Admin]),
        some: newest_documents(desk).await?,
        text,
        document,
    };
    let layouts = match Layouts::parse(&page.text) {
        Ok(layouts) => layouts,
        Err(why) => {
            page.wrong = super::page::sentence(&why.to_string());
            return html(&page);
        }
    };
    page.names = layouts.all.iter().map(|l| l.name.clone()).collect();
    if page.document.is_empty() {
        return html(&page);
    }
    let found = desk.office.store().document(&page.document).await?;
    let reading = desk.office.read_with(found, layouts).await?;
    let mut line = |what: &str, value: String, good| page.read.push(ReadLine { what: what.into(), value, good });
    line("Kind", reading.kind.as_str().into(), true);
    let mut boxes = Vec::new();
    let is_account = |name: &str| name.contains("account");
    if let Some(s) = &reading.scanline {
        line("Layout", s.layout.clone().unwrap_or_else(|| "no layout fits".into()), s.layout.is_some());
        for check in &s.check_digits {
            line("Check digit", check.scheme.clone(), check.ok);
        }
        for (name, value) in &s.fields {
            let shown = if is_account(name) { crate::domain::account::masked(value) } else { value.clone() };
            line(name, shown, s.accepted);
        }
        boxes.push(s.bbox);
    }
    for b in &reading.barcodes {
        line(&b.symbology, b.layout.clone().unwrap_or_else(|| "no layout fits".into()), b.layout.is_some());
        boxes.push(b.bbox);
    }
    if reading.scanline.is_none() && reading.barcodes.is_empty() {
        line("Scanline", "nothing was found".into(), false);
    }
    page.boxes = boxes.iter().map(|b| format!("{},{},{},{}", b.x, b.y, b.w, b.h)).collect::<Vec<_>>().join(" ");
    page.turn = reading.rotation;
    page.tested = true;
    html(&page)
}

pub async fn save_layouts(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let text = form.get("text").to_string() + "\n";
    if form.get("do") == "test" {
        return test(&desk, &visit, text, form.get("document").to_string()).await;
    }
    if let Err(why) = Layouts::parse(&text) {
        return Err(Problem::wrong(super::page::sentence(&why.to_string()), "Nothing was changed."));
    }
    let by = &visit.person()?.name;
    if desk.office.somebody_confirms(by, by).await? {
        return proposed(&desk, settings::LAYOUTS, &text, by).await;
    }
    desk.office.store().save_layout(settings::LAYOUTS, &text, by).await?;
    Ok(see_other("/admin/layouts?done=layouts"))
}
