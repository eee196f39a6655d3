//! The door: signing in and out, the first administrator, invitations, the second factor again. The answer and its time
//! are the same whether a name exists or not; each wrong try makes the next one wait longer.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::form::{Form, escaped};
use super::gate::{COOKIE, NewCookie, SECURE_COOKIE, Visit, cookie};
use super::page::{Frame, Problem, html, see_other};
use super::{Desk, one_time, password, throttle};
use crate::domain::{Sha256, UserName};
use crate::pipeline::{DoorError, NewPerson, is_name};
use crate::store::Credential;

#[derive(Template)]
#[template(path = "door.html", config = "src/web/askama.toml")]
struct DoorPage {
    frame: Frame,
    /// `sign-in`, `set-up`, `welcome` or `prove`.
    what: &'static str,
    next: String,
    name: String,
    token: String,
    wrong: String,
}

fn page(desk: &Desk, visit: &Visit, what: &'static str, title: &str) -> DoorPage {
    DoorPage {
        frame: Frame::at_the_door(desk, visit, title),
        what,
        next: query(&visit.path, "next"),
        name: String::new(),
        token: String::new(),
        wrong: String::new(),
    }
}

fn query(path: &str, name: &str) -> String {
    let query = path.split_once('?').map_or("", |q| q.1);
    Form::parse(query.as_bytes()).get(name).to_string()
}

/// A door page, with the cookie that protects its form.
fn shown(page: &DoorPage, fresh: Option<Extension<NewCookie>>) -> Result<Response, Problem> {
    let mut answer = html(page)?;
    if !page.wrong.is_empty() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    if let Some(Extension(NewCookie(cookie))) = fresh {
        set_cookie(&mut answer, &cookie);
    }
    Ok(answer)
}

fn set_cookie(answer: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, value);
    }
}

pub async fn sign_in_page(
    State(desk): State<Desk>,
    visit: Visit,
    fresh: Option<Extension<NewCookie>>,
) -> Result<Response, Problem> {
    if visit.session.is_some() {
        return Ok(see_other("/"));
    }
    if desk.office.waits_for_set_up().await? {
        return Ok(see_other("/set-up"));
    }
    shown(&page(&desk, &visit, "sign-in", "Sign in"), fresh)
}

/// Who stands in the audit for names that do not exist; it is none that anybody can have.
const STRANGER: &str = "(no such name)";

/// The same words for every way in which it can fail.
const NO: &str = "The name, the password or the code is not right. Try again in a moment.";

pub async fn sign_in(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let mut again = page(&desk, &visit, "sign-in", "Sign in");
    again.next = form.get("next").to_string();
    again.name = form.get("name").chars().take(64).collect();
    again.wrong = NO.to_string();
    if !desk.inside.throttle.may_try(visit.peer, visit.now) {
        again.wrong = "Too many tries from this machine. Wait a little and try again.".into();
        let mut answer = shown(&again, None)?;
        *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        return Ok(answer);
    }
    let name = UserName(again.name.clone());
    let given: String = form.0.iter().find(|f| f.0 == "password").map_or(String::new(), |f| f.1.clone());
    if given.len() > password::LONGEST || !is_name(&name.0) {
        return shown(&again, None);
    }
    let store = desk.office.store();
    let credential = store.credential(&name).await?;
    let waits = match &credential {
        Some(c) => c.wait_until,
        None => desk.inside.throttle.stranger_waits(&name.0),
    };
    let too_soon = waits > visit.now;
    // The work of the hash is done in every case, so that the time tells nothing.
    let right = password::verify(given.clone(), credential.as_ref().map(|c| c.password.clone())).await;
    let right = right.map_err(trouble)?;
    let user = store.user(&name).await?.filter(|u| !u.disabled);
    let open = matches!(&credential, Some(c) if right && !too_soon && !c.locked);
    let (Some(credential), Some(user), true) = (&credential, user, open) else {
        if !too_soon {
            failed(&desk, credential.as_ref(), &name, visit.now).await?;
        }
        return shown(&again, None);
    };
    let proved = match credential.second_factor {
        true if !factor_holds(&desk, &name, form.get("code"), visit.now).await? => {
            failed(&desk, Some(credential), &name, visit.now).await?;
            return shown(&again, None);
        }
        proved => proved,
    };
    if password::is_old(&credential.password) {
        let new = password::hash(given).await.map_err(trouble)?;
        store.rehash(&name, &credential.password, &new).await?;
    }
    let token = one_time::new_token().map_err(trouble)?;
    store.open_session(&user, Sha256::of(token.as_bytes()), visit.now, proved).await?;
    store.sweep(visit.now, desk.limits()).await?;
    let next = if credential.second_factor { again.next.clone() } else { "/account/second-factor".into() };
    let mut answer = see_other(if next.is_empty() { "/" } else { &next });
    set_cookie(&mut answer, &cookie(&token, visit.tls));
    Ok(answer)
}

pub fn trouble(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "the door does not work as it should");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "machine",
        "This machine cannot do that just now.",
        "Try again in a minute.",
    )
}

async fn failed(desk: &Desk, credential: Option<&Credential>, name: &UserName, now: i64) -> Result<(), Problem> {
    match credential {
        Some(c) => {
            let failures = c.failures + 1;
            let locked = c.locked || failures >= throttle::HARD_STOP;
            desk.office.store().sign_in_failed(name, now + throttle::wait_after(failures), locked).await?;
        }
        // The same work, so that the time tells nothing; the name is not written down, as it may be a password in the
        // wrong field.
        None => {
            desk.inside.throttle.stranger_failed(&name.0, now);
            desk.office.store().sign_in_failed(&UserName(STRANGER.into()), 0, false).await?;
        }
    }
    Ok(())
}

/// Is this a code of the person's second factor, or a recovery code, not used before?
pub async fn factor_holds(desk: &Desk, name: &UserName, given: &str, now: i64) -> Result<bool, Problem> {
    let store = desk.office.store();
    let Some(secret) = store.second_factor(name).await? else { return Ok(false) };
    if let Some(step) = one_time::step_of(&secret, given, now) {
        return Ok(store.use_step(name, step).await?);
    }
    match given.len() {
        10..=12 => Ok(store.use_recovery_code(name, one_time::recovery_hash(&name.0, given)).await?),
        _ => Ok(false),
    }
}

pub async fn sign_out(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    desk.office.store().end_session(visit.session()?.hash).await?;
    let mut answer = see_other("/sign-in?done=out");
    let name = if visit.tls { SECURE_COOKIE } else { COOKIE };
    let secure = if visit.tls { " Secure;" } else { "" };
    set_cookie(&mut answer, &format!("{name}=; Path=/;{secure} HttpOnly; SameSite=Strict; Max-Age=0"));
    Ok(answer)
}

pub async fn set_up_page(
    State(desk): State<Desk>,
    visit: Visit,
    fresh: Option<Extension<NewCookie>>,
) -> Result<Response, Problem> {
    if !desk.office.waits_for_set_up().await? {
        return Ok(see_other("/sign-in"));
    }
    shown(&page(&desk, &visit, "set-up", "First run"), fresh)
}

pub async fn set_up(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let mut again = page(&desk, &visit, "set-up", "First run");
    (again.name, again.token) = (form.get("name").into(), form.get("token").into());
    if !desk.inside.throttle.may_try(visit.peer, visit.now) || !desk.office.is_set_up_token(form.get("token")).await? {
        again.wrong = "This is not the set-up token that `remit init` printed.".into();
        return shown(&again, None);
    }
    if !is_name(form.get("name")) {
        again.wrong = "A name has 1 to 64 letters, digits or . _ - @".into();
        return shown(&again, None);
    }
    let phc = match new_password(&desk, &form, form.get("name")).await? {
        Ok(phc) => phc,
        Err(why) => {
            again.wrong = why;
            return shown(&again, None);
        }
    };
    let person = NewPerson { name: UserName(form.get("name").to_string()), password: phc };
    match desk.office.set_up(form.get("token"), &person).await {
        Ok(()) => Ok(see_other("/sign-in?done=welcome")),
        Err(DoorError::Token) => Ok(see_other("/sign-in")),
        Err(DoorError::Office(error)) => Err(error.into()),
    }
}

/// The PHC text of a password that was given twice and is good enough, or the sentence that says why not.
pub async fn new_password(desk: &Desk, form: &Form, name: &str) -> Result<Result<String, String>, Problem> {
    let typed = |field: &str| form.0.iter().find(|f| f.0 == field).map_or(String::new(), |f| f.1.clone());
    let given = typed("password");
    if given != typed("again") {
        return Ok(Err("The two passwords differ.".into()));
    }
    let site = &desk.office.site.config.site.name;
    if let Some(why) = password::refused(&given, &[name, site.as_str()]) {
        return Ok(Err(why));
    }
    password::hash(given).await.map(Ok).map_err(trouble)
}

pub async fn welcome_page(
    State(desk): State<Desk>,
    visit: Visit,
    fresh: Option<Extension<NewCookie>>,
) -> Result<Response, Problem> {
    shown(&page(&desk, &visit, "welcome", "Welcome"), fresh)
}

pub async fn welcome(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let mut again = page(&desk, &visit, "welcome", "Welcome");
    again.token = form.get("token").into();
    let invited = match desk.inside.throttle.may_try(visit.peer, visit.now) {
        true => desk.office.invited(form.get("token")).await?,
        false => None,
    };
    let Some(name) = invited else {
        again.wrong = "This invitation is not good (any more). Ask an administrator for a new one.".into();
        return shown(&again, None);
    };
    let phc = match new_password(&desk, &form, &name.0).await? {
        Ok(phc) => phc,
        Err(why) => {
            again.wrong = why;
            return shown(&again, None);
        }
    };
    match desk.office.redeem(form.get("token"), &phc).await {
        Ok(_) => Ok(see_other("/sign-in?done=welcome")),
        Err(DoorError::Token) => Ok(see_other("/sign-in")),
        Err(DoorError::Office(error)) => Err(error.into()),
    }
}

pub async fn prove_page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let name = &visit.person()?.name;
    let next = query(&visit.path, "next");
    if desk.office.store().second_factor(name).await?.is_none() {
        return Ok(see_other(&format!("/account/second-factor?next={}", escaped(&next))));
    }
    let mut page = page(&desk, &visit, "prove", "Your code");
    page.name = name.0.clone();
    shown(&page, None)
}

pub async fn prove(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let session = visit.session()?;
    let name = &session.user.name;
    let may = desk.inside.throttle.may_try(visit.peer, visit.now);
    let credential = desk.office.store().credential(name).await?;
    let waits = credential.as_ref().map_or(0, |c| c.wait_until);
    if may && waits <= visit.now && factor_holds(&desk, name, form.get("code"), visit.now).await? {
        desk.office.store().session_proved(session.hash, visit.now).await?;
        let next = form.get("next");
        return Ok(see_other(if next.is_empty() { "/" } else { next }));
    }
    if waits <= visit.now {
        failed(&desk, credential.as_ref(), name, visit.now).await?;
    }
    let mut again = page(&desk, &visit, "prove", "Your code");
    (again.next, again.name) = (form.get("next").into(), name.0.clone());
    again.wrong = "This code is not good (any more). Wait for the next one.".into();
    let answer = shown(&again, None)?;
    Ok(answer.into_response())
}
