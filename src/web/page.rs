//! What every page has around it, how it is rendered, and how a request that cannot be served says so: what happened, that
//! nothing changed, and the way on. The cause goes to the log, once, here.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::gate::Visit;
use crate::domain::{Batch, Cents, Role};
use crate::pipeline::OfficeError;
use crate::store::StoreError;

/// One link of the head.
pub struct Link {
    pub href: &'static str,
    pub name: &'static str,
    pub here: bool,
    /// Zero is not shown.
    pub count: u32,
}

/// The totals that stand at the foot while a batch is worked on.
pub struct Totals {
    pub declared: String,
    pub counted: String,
    pub difference: String,
    /// `proved`, `open` or `stop`.
    pub state: &'static str,
}

/// The frame of a page.
pub struct Frame {
    pub site: String,
    pub title: String,
    pub user: String,
    pub roles: String,
    pub links: Vec<Link>,
    pub csrf: String,
    pub cut_off: String,
    pub cut_off_state: &'static str,
    pub totals: Option<Totals>,
    /// What the last request did, to be said once.
    pub note: String,
    /// `light`, `dark` or empty for the system's.
    pub theme: String,
    /// The person's own keys, as JSON.
    pub keys: String,
    /// A second factor was given a short while ago.
    pub fresh: bool,
    /// Names the keys of this screen in the overlay.
    pub screen: &'static str,
}

impl Frame {
    /// For a signed-in person. `here` is the address of the link that this page stands under.
    pub async fn new(desk: &Desk, visit: &Visit, title: &str, here: &str) -> Result<Frame, Problem> {
        let user = visit.person()?.clone();
        let mut frame = Frame::at_the_door(desk, visit, title);
        let open = super::exceptions::open_count(desk).await?;
        let any = |roles: &[Role]| user.may(roles);
        let all = [
            ("/", "Today", 0, true),
            ("/capture", "Capture", 0, any(&[Role::Capture])),
            ("/batches", "Batches", 0, true),
            ("/exceptions", "Exceptions", open, true),
            ("/key", "Key", 0, any(&[Role::Key, Role::Match])),
            ("/deposits", "Deposits", 0, true),
            ("/returns", "Returns", 0, true),
            ("/drawer", "Drawer", 0, any(&[Role::Cashier])),
            ("/research", "Research", 0, true),
            ("/ledger", "Ledger", 0, true),
            ("/admin", "Admin", 0, any(&[Role::Admin, Role::Auditor])),
        ];
        frame.links = all
            .into_iter()
            .filter(|l| l.3)
            .map(|(href, name, count, _)| Link { href, name, here: href == here, count })
            .collect();
        frame.user = user.name.0.clone();
        frame.roles = user.roles.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", ");
        (frame.cut_off, frame.cut_off_state) = cut_off(desk, visit.now);
        frame.fresh = visit.is_fresh(desk);
        let own = desk.office.store().preference(&user.name).await?.unwrap_or_default();
        let own: serde_json::Value = serde_json::from_str(&own).unwrap_or_default();
        frame.theme = own["theme"].as_str().filter(|t| matches!(*t, "light" | "dark")).unwrap_or("").to_string();
        frame.keys = own.get("keys").map(ToString::to_string).unwrap_or_else(|| "{}".into());
        Ok(frame)
    }

    /// For somebody who has not signed in.
    pub fn at_the_door(desk: &Desk, visit: &Visit, title: &str) -> Frame {
        Frame {
            site: desk.office.site.config.site.name.clone(),
            title: title.to_string(),
            user: String::new(),
            roles: String::new(),
            links: Vec::new(),
            csrf: visit.csrf.clone(),
            cut_off: String::new(),
            cut_off_state: "",
            totals: None,
            note: note_of(&visit.path),
            theme: String::new(),
            keys: "{}".into(),
            fresh: false,
            screen: "",
        }
    }

    pub fn on(mut self, screen: &'static str) -> Frame {
        self.screen = screen;
        self
    }

    /// Puts a batch's totals at the foot.
    pub async fn with_totals(mut self, desk: &Desk, batch: &Batch) -> Result<Frame, Problem> {
        let figures = desk.office.store().figures(&batch.id).await?;
        let count = |n: Option<u32>| n.map_or_else(|| "-".to_string(), |n| n.to_string());
        let declared = batch.declared.total;
        let difference = declared.map(|d| figures.received.minus(d)).transpose().map_err(OfficeError::from)?;
        let unknown = match figures.unknown {
            0 => String::new(),
            n => format!(", {n} not known"),
        };
        let (words, state) = match difference {
            None => ("no total declared".to_string(), "open"),
            Some(d) if d.is_zero() && figures.unknown == 0 => ("0.00, agrees".to_string(), "proved"),
            Some(d) => (short_or_over(d), if figures.unknown > 0 { "open" } else { "stop" }),
        };
        self.totals = Some(Totals {
            declared: match (batch.declared.count, declared) {
                (None, None) => "nothing".into(),
                _ => format!("{} / {}", count(batch.declared.count), declared.map_or("-".into(), money)),
            },
            counted: format!("{}{unknown}", money(figures.received)),
            difference: words,
            state,
        });
        Ok(self)
    }
}

/// `1,234.56`, with a real minus.
pub fn money(amount: Cents) -> String {
    let text = amount.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("\u{2212}", rest),
        None => ("", text.as_str()),
    };
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut out = String::from(sign);
    for (n, c) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    format!("{out}.{cents}")
}

pub fn money_or(amount: Option<Cents>, none: &str) -> String {
    amount.map_or_else(|| none.to_string(), money)
}

/// `9.00 short`, `9.00 over`.
pub fn short_or_over(difference: Cents) -> String {
    let size = difference.magnitude().map(money).unwrap_or_default();
    match difference.get() {
        0 => "0.00".into(),
        n if n < 0 => format!("{size} short"),
        _ => format!("{size} over"),
    }
}

/// How long until the day's last deposit, in words.
fn cut_off(desk: &Desk, now: i64) -> (String, &'static str) {
    let config = &desk.office.site.config.desk;
    let left = (|| {
        let zone = jiff::tz::TimeZone::get(&config.time_zone).ok()?;
        let now = jiff::Timestamp::from_second(now).ok()?.to_zoned(zone);
        let time: jiff::civil::Time = format!("{}:00", config.cut_off).parse().ok()?;
        let at = now.with().time(time).build().ok()?;
        Some((at.timestamp().as_second() - now.timestamp().as_second()) / 60)
    })();
    match left {
        None => (String::new(), ""),
        Some(minutes) if minutes < 0 => (format!("cut-off {} has passed", config.cut_off), "past"),
        Some(minutes) if minutes < 60 => (format!("cut-off in {minutes} min"), "soon"),
        Some(minutes) => (format!("cut-off in {} h {} min", minutes / 60, minutes % 60), "far"),
    }
}

/// The sentence that a redirect carries: one of a few, never text from the address itself.
fn note_of(path: &str) -> String {
    let Some((_, query)) = path.split_once('?') else { return String::new() };
    let code = query.split('&').find_map(|p| p.strip_prefix("done=")).unwrap_or("");
    match code {
        "decided" => "Saved.",
        "first-key" => "Kept. From this size on a second person keys it too, without seeing your amount.",
        "noted" => "Written down; it stands in the history.",
        "undone" => "Taken back; the question is open again.",
        "mended" => "Mended; see whether it agrees now.",
        "proposed" => "Kept. Another administrator confirms it before it counts.",
        "confirmed" => "Confirmed; it counts from now on.",
        "withdrawn" => "Withdrawn; nothing changed.",
        "rescanned" => "The new scan is in its place and was read; the earlier one is kept.",
        "held" => "Held: the rest of the batch can go on without it.",
        "balanced" => "The batch is balanced.",
        "approved" => "The batch is approved.",
        "one-more" => "Your approval is kept. At this amount another person approves it too.",
        "posted" => "The batch is posted.",
        "deposited" => "The deposit is made and proved.",
        "nothing" => "There was nothing to deposit; nothing changed.",
        "voided" => "The batch is void.",
        "already" => "That was done before; nothing changed.",
        "regrouped" => "The documents are together now.",
        "user" => "The person is saved.",
        "password" => "Your password is changed. Every other session of yours has ended.",
        "keys" => "Your settings are saved.",
        "out" => "You are signed out.",
        "welcome" => "Your password is set. Sign in with it.",
        "unlocked" => "The account is open again.",
        "layouts" => "The layouts are loaded.",
        "taken" => "Taken in.",
        "drawer-open" => "Your drawer is open.",
        "slip" => "Taken; the slip stands on top of the list.",
        "paid-out" => "Paid out; the slip stands on top of the list.",
        "counted" => "Counted; what it says stands beside the slips.",
        "drawer-closed" => "The drawer is closed; what it was out by is booked.",
        _ => "",
    }
    .to_string()
}

/// A request that cannot be served.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub help: String,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { status, code, message: message.into(), help: help.into() }
    }

    pub fn signed_out() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "signed-out", "You are not signed in.", "Sign in and try again.")
    }

    pub fn not_yours() -> Problem {
        Problem::new(
            StatusCode::FORBIDDEN,
            "role",
            "Your role does not include this.",
            "Ask somebody whose it is; an administrator can give you the role.",
        )
    }

    pub fn unknown(noun: &str) -> Problem {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown",
            format!("There is no such {noun}."),
            "Look for it under Research.",
        )
    }

    pub fn wrong(message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "input", message, help)
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::Store(error) => error.into(),
            OfficeError::Refused { code, message, .. } => {
                Problem::new(StatusCode::CONFLICT, code, sentence(&message), "Nothing was changed.")
            }
            OfficeError::Input { code, message, .. } => {
                let status = if code == "unknown" { StatusCode::NOT_FOUND } else { StatusCode::UNPROCESSABLE_ENTITY };
                Problem::new(status, code, sentence(&message), "Nothing was changed.")
            }
            OfficeError::Usage(message) => Problem::wrong(sentence(&message), "Nothing was changed."),
            OfficeError::Disk { path, cause } => {
                tracing::error!(%path, %cause, "the desk could not use the disk");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "machine",
                    "The disk of this machine does not answer as it should.",
                    "Nothing half-done stays behind. Tell whoever looks after the machine; the log has the cause.",
                )
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { noun, .. } | StoreError::Ambiguous { noun, .. } => Problem::unknown(noun),
            StoreError::NotAllowed { .. } => {
                Problem::new(StatusCode::FORBIDDEN, "not-allowed", sentence(&error.to_string()), "Nothing was changed.")
            }
            error if !error.is_machine() => Problem::new(
                StatusCode::CONFLICT,
                "conflict",
                sentence(&error.to_string()),
                "Nothing was changed. Load the page again to see how it stands.",
            ),
            error => {
                tracing::error!(%error, "the desk could not use the store");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "machine",
                    "The database or the image store does not answer as it should.",
                    "Nothing half-done stays behind. Try again; the log has the cause.",
                )
            }
        }
    }
}

/// First letter large, a stop at the end.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let whole = format!("{first}{}", letters.as_str());
    if whole.ends_with(['.', '!', '?']) { whole } else { whole + "." }
}

#[derive(Template)]
#[template(path = "problem.html", config = "src/web/askama.toml")]
struct ProblemPage<'a> {
    problem: &'a Problem,
    status: u16,
    way: &'a str,
}

impl Problem {
    /// Its page, with the way on: `way` is the screen on which it was asked for, or the first one.
    pub fn page(&self, way: &str) -> String {
        let text = ProblemPage { status: self.status.as_u16(), problem: self, way }.render();
        text.unwrap_or_else(|_| self.message.clone())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let text = self.page("/");
        let mut answer = (self.status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response();
        // For scripts, which show the sentence where the person is.
        if let Ok(value) = axum::http::HeaderValue::from_bytes(super::form::escaped(&self.message).as_bytes()) {
            answer.headers_mut().insert("x-problem", value);
        }
        answer.extensions_mut().insert(self);
        answer
    }
}

/// A rendered page.
pub fn html<T: Template>(page: &T) -> Result<Response, Problem> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "machine",
            "This page could not be made.",
            "The log has the cause.",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

/// After a form: the page to look at, so that loading it again sends nothing twice.
pub fn see_other(to: &str) -> Response {
    // Only addresses of this desk: what could be read as another host goes to the first page.
    let good = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n']);
    let to = if good { to } else { "/" };
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_string())]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_well() {
        for (units, want) in [(0, "0.00"), (123, "1.23"), (123_456_789, "1,234,567.89"), (-900, "\u{2212}9.00")] {
            assert_eq!(money(Cents::new(units)), want);
        }
        assert_eq!(short_or_over(Cents::new(-900)), "9.00 short");
        assert_eq!(short_or_over(Cents::new(100_000)), "1,000.00 over");
    }

    #[test]
    fn redirects_stay_at_home() {
        for (to, want) in [("/a?b=c", "/a?b=c"), ("//evil.example", "/"), ("https://x", "/"), ("/\\evil", "/")] {
            assert_eq!(see_other(to).headers()[header::LOCATION], want);
        }
    }
}
