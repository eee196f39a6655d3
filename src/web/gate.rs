//! Who may come in, in one place, before any handler: the host's name, the size of the body, the session, the token
//! against forged requests, and the policy of the route. A route without a policy is refused. Adds the headers that every
//! answer carries.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::form::{Form, LARGEST, escaped};
use super::listen::Peer;
use super::{Desk, one_time, page, router};
use crate::domain::{Role, Sha256, User};
use crate::store::Session;

/// Who may ask for a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Anybody: the door itself and static files.
    Open,
    /// Everybody who has signed in.
    SignedIn,
    /// One of these roles.
    Roles(&'static [Role]),
    /// One of these roles, with a second factor given a short while ago.
    Fresh(&'static [Role]),
    /// A program with a token of one of these roles.
    Token(&'static [Role]),
}

/// The longest that a page may take to make.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest that a file may take to come; one that is silent ends much sooner, with its connection.
const LONGEST_STREAM: Duration = Duration::from_secs(3600);
const LONGEST_URL: usize = 4096;

/// What the gate found out about a request.
#[derive(Clone)]
pub struct Visit {
    pub session: Option<Session>,
    /// The person of a program's token.
    pub program: Option<User>,
    /// The token that forms and scripts must send back.
    pub csrf: String,
    /// Path and query as asked.
    pub path: String,
    pub peer: IpAddr,
    /// It came over TLS (through a listed proxy).
    pub tls: bool,
    pub now: i64,
}

impl Visit {
    /// The person at the desk. Only routes that nobody reaches signed out ask for it.
    pub fn person(&self) -> Result<&User, page::Problem> {
        let session = self.session.as_ref().map(|s| &s.user);
        session.or(self.program.as_ref()).ok_or_else(page::Problem::signed_out)
    }

    pub fn query(&self) -> Form {
        Form::of_query(&self.path)
    }

    pub fn session(&self) -> Result<&Session, page::Problem> {
        self.session.as_ref().ok_or_else(page::Problem::signed_out)
    }

    /// A second factor was given a short while ago.
    pub fn is_fresh(&self, desk: &Desk) -> bool {
        let limit = desk.office.site.config.desk.step_up_minutes * 60;
        self.session.as_ref().is_some_and(|s| self.now - s.proved <= limit)
    }

    pub fn has(&self, roles: &[Role]) -> bool {
        self.person().is_ok_and(|p| p.may(roles))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = page::Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, page::Problem> {
        parts.extensions.get::<Visit>().cloned().ok_or_else(page::Problem::signed_out)
    }
}

pub const COOKIE: &str = "remit";
pub const SECURE_COOKIE: &str = "__Host-remit";

/// The session cookie: over TLS under the name that only this host can set.
pub fn cookie(token: &str, tls: bool) -> String {
    match tls {
        true => format!("{SECURE_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"),
        false => format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"),
    }
}

fn cookie_of(headers: &HeaderMap, tls: bool) -> Option<String> {
    let wanted = if tls { SECURE_COOKIE } else { COOKIE };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == wanted && value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(|(_, value)| value.to_string())
}

/// What forms must send back, derived from the cookie that only this browser has.
fn csrf_of(token: &str) -> String {
    Sha256::of(format!("form {token}").as_bytes()).to_string()[..40].to_string()
}

/// The peer, and whether it came over TLS: a proxy is believed only when it is listed.
fn peer_of(desk: &Desk, request: &Request) -> (IpAddr, bool) {
    let direct = request.extensions().get::<ConnectInfo<Peer>>().map(|c| c.0.0.ip());
    let direct = direct.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    if !desk.office.site.config.desk.proxies.contains(&direct) {
        return (direct, false);
    }
    let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    let forwarded = text("x-forwarded-for").rsplit(',').next().and_then(|a| a.trim().parse().ok());
    (forwarded.unwrap_or(direct), text("x-forwarded-proto") == "https")
}

/// Is this one of our names? Against pages elsewhere whose name was pointed at this machine.
fn knows_host(desk: &Desk, request: &Request) -> bool {
    let named = request.uri().host().map(str::to_string).or_else(|| {
        let host = request.headers().get(header::HOST)?.to_str().ok()?.to_string();
        Some(bare_host(&host).to_string())
    });
    named.is_some_and(|h| desk.inside.hosts.contains(&h.to_lowercase()))
}

/// The name without its port.
fn bare_host(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host.ends_with(']') && host[at + 1..].bytes().all(|b| b.is_ascii_digit()) => &host[..at],
        _ => host,
    }
}

/// A request that changes something must come from our own pages.
fn from_our_own_page(headers: &HeaderMap, tls: bool) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let host = text("host").unwrap_or("");
    let ours = format!("{}://{host}", if tls { "https" } else { "http" });
    // Our pages send no referrer, and browsers then say `null` for the origin of a form: the fetch metadata must vouch for it.
    let site = text("sec-fetch-site");
    let origin = match text("origin") {
        None => true,
        Some("null") => site == Some("same-origin"),
        Some(origin) => origin == ours,
    };
    origin && site.is_none_or(|s| s == "same-origin")
}

/// Does the browser vouch that a page of ours sent it?
fn is_vouched_for(headers: &HeaderMap, tls: bool) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    from_our_own_page(headers, tls) && site == Some("same-origin") && !is_script(headers)
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Everything before a handler.
pub async fn gate(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let way = screen_of(&request);
    let longest = if is_stream(request.headers()) { LONGEST_STREAM } else { LONGEST };
    let is_safe = request.method().is_safe();
    let work = async move {
        match admitted(&desk, request).await {
            Ok(request) => next.run(request).await,
            Err(answer) => *answer,
        }
    };
    let mut answer = match is_safe {
        true => tokio::time::timeout(longest, work).await.unwrap_or_else(|_| too_long()),
        false => to_its_end(longest, work).await,
    };
    // What went wrong with a form is said with the way back to its screen.
    if let (Some(problem), Some(way)) = (answer.extensions_mut().remove::<page::Problem>(), way) {
        let way =
            if problem.status == StatusCode::UNAUTHORIZED { format!("/sign-in?next={}", escaped(&way)) } else { way };
        *answer.body_mut() = Body::from(problem.page(&way));
    }
    add_headers(answer.headers_mut());
    answer
}

/// What changes something is done to its end from the moment that it came in, whether or not the browser that asked is still
/// there to hear of it. What came in only half is refused by whoever reads it.
async fn to_its_end(longest: Duration, work: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::time::timeout(longest, tokio::spawn(work)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "a change was not done");
            let help = "Nothing half-done stays behind. Look how it stands; the log has the cause.";
            page::Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "machine", "This could not be done.", help)
                .into_response()
        }
        Err(_) => too_long(),
    }
}

fn too_long() -> Response {
    let help = "What was asked for is still being done, or was not begun. Look how it stands in a minute.";
    page::Problem::new(StatusCode::SERVICE_UNAVAILABLE, "machine", "This takes longer than usual.", help)
        .into_response()
}

/// The screen that a form stands on: the nearest address above its own that can be looked at. Scripts and programs show
/// what went wrong themselves.
fn screen_of(request: &Request) -> Option<String> {
    let matched = request.extensions().get::<MatchedPath>()?.as_str().to_string();
    if request.method().is_safe() || is_script(request.headers()) || matched.starts_with("/api/") {
        return None;
    }
    let (mut route, mut path) = (matched.as_str(), request.uri().path());
    while router::policy(&Method::GET, if route.is_empty() { "/" } else { route }).is_none() {
        route = route.rsplit_once('/')?.0;
        path = path.rsplit_once('/')?.0;
    }
    Some(if path.is_empty() { "/".into() } else { path.to_string() })
}

async fn admitted(desk: &Desk, request: Request) -> Result<Request, Box<Response>> {
    let refuse = |status, text| Err(Box::new(plain(status, text)));
    if !knows_host(desk, &request) {
        return refuse(StatusCode::MISDIRECTED_REQUEST, "this desk does not go by that name");
    }
    let path = request.uri().path_and_query().map(|p| p.as_str().to_string()).unwrap_or_default();
    if path.len() > LONGEST_URL {
        return refuse(StatusCode::URI_TOO_LONG, "the address is too long");
    }
    let matched = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_string());
    let Some(matched) = matched else {
        return refuse(StatusCode::NOT_FOUND, "there is no such page");
    };
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let Some(policy) = router::policy(&method, &matched) else {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "this cannot be asked for like that");
    };
    let (peer, tls) = peer_of(desk, &request);
    let now = desk.office.clock.seconds();
    let mut visit = Visit { session: None, program: None, csrf: String::new(), path, peer, tls, now };
    if let Policy::Token(roles) = policy {
        let user = program_of(desk, request.headers()).await;
        return match user {
            Some(user) if !desk.inside.throttle.may_ask(&user.name.0, now) => {
                Err(Box::new(wait_a_little(super::api::refusal(StatusCode::TOO_MANY_REQUESTS, "too-many", TOO_MANY))))
            }
            Some(user) if user.may(roles) => {
                visit.program = Some(user);
                Ok(with_visit(request, visit))
            }
            Some(_) => {
                Err(Box::new(super::api::refusal(StatusCode::FORBIDDEN, "role", "this token's person may not do that")))
            }
            None => Err(Box::new(super::api::refusal(
                StatusCode::UNAUTHORIZED,
                "token",
                "send a token: Authorization: Bearer ..",
            ))),
        };
    }
    let token = cookie_of(request.headers(), tls);
    if let Some(token) = &token {
        visit.csrf = csrf_of(token);
        let found = desk.office.store().session(Sha256::of(token.as_bytes()), now, desk.limits()).await;
        visit.session = found.map_err(|e| Box::new(page::Problem::from(e).into_response()))?;
    }
    if let Some(session) = &visit.session
        && !desk.inside.throttle.may_ask(&session.user.name.0, now)
    {
        return Err(Box::new(wait_a_little(plain(StatusCode::TOO_MANY_REQUESTS, TOO_MANY))));
    }
    let request = match method {
        Method::GET => request,
        // A form of a session that has ended since: who sent it signs in again.
        _ if visit.session.is_none() && policy != Policy::Open && is_vouched_for(request.headers(), tls) => {
            return Err(Box::new(sign_in_first(&request, &visit)));
        }
        _ => forged_or_not(request, &visit, tls).await?,
    };
    let allowed = match (policy, &visit.session) {
        (Policy::Open, _) => true,
        (_, None) => return Err(Box::new(sign_in_first(&request, &visit))),
        (Policy::SignedIn, Some(_)) => true,
        (Policy::Roles(roles) | Policy::Fresh(roles), Some(s)) => s.user.may(roles),
        (Policy::Token(_), _) => false,
    };
    if !allowed {
        return Err(Box::new(page::Problem::not_yours().into_response()));
    }
    if matches!(policy, Policy::Fresh(_)) && !visit.is_fresh(desk) {
        return Err(Box::new(prove_first(&request, &visit)));
    }
    // A first visit gets a cookie, so that the door's own forms are protected too.
    if token.is_none() && policy == Policy::Open && method == Method::GET && !matched.starts_with("/static") {
        let fresh =
            one_time::new_token().map_err(|_| Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, "no random bytes")))?;
        visit.csrf = csrf_of(&fresh);
        let mut request = with_visit(request, visit);
        request.extensions_mut().insert(NewCookie(cookie(&fresh, tls)));
        return Ok(request);
    }
    Ok(with_visit(request, visit))
}

const TOO_MANY: &str = "more is asked for in this name than anybody can look at; wait a second";

fn wait_a_little(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn with_visit(mut request: Request, visit: Visit) -> Request {
    request.extensions_mut().insert(visit);
    request
}

/// A cookie that the door's pages set on a first visit.
#[derive(Clone)]
pub struct NewCookie(pub String);

/// Refuses what another site may have sent: origin, kind of body, token.
async fn forged_or_not(request: Request, visit: &Visit, tls: bool) -> Result<Request, Box<Response>> {
    let vouched = is_vouched_for(request.headers(), tls);
    let forged = || {
        Box::new(match vouched {
            // A page that was open before its person signed in anew, in another tab.
            true => {
                let (what, help) = ("This page is from before you signed in.", "Nothing was changed. Load it again.");
                page::Problem::new(StatusCode::FORBIDDEN, "old-page", what, help).into_response()
            }
            false => plain(StatusCode::FORBIDDEN, "this did not come from a page of this desk; load the page again"),
        })
    };
    if !from_our_own_page(request.headers(), tls) || visit.csrf.is_empty() {
        return Err(forged());
    }
    let good = |given: &str| one_time::same(given.as_bytes(), visit.csrf.as_bytes());
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    match kind.split(';').next().unwrap_or("").trim() {
        "application/x-www-form-urlencoded" => {
            let (parts, body) = request.into_parts();
            let large = |_| Box::new(plain(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large"));
            let bytes = axum::body::to_bytes(body, LARGEST).await.map_err(large)?;
            let by_header = parts.headers.get("x-csrf").and_then(|v| v.to_str().ok()).is_some_and(good);
            if !by_header && !good(Form::parse(&bytes).get("csrf")) {
                return Err(forged());
            }
            Ok(Request::from_parts(parts, Body::from(bytes)))
        }
        "application/octet-stream" | "application/json" => {
            match request.headers().get("x-csrf").and_then(|v| v.to_str().ok()).is_some_and(good) {
                true => Ok(request),
                false => Err(forged()),
            }
        }
        _ => Err(forged()),
    }
}

async fn program_of(desk: &Desk, headers: &HeaderMap) -> Option<User> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?.trim();
    desk.office.store().token_user(Sha256::of(given.as_bytes())).await.ok()?
}

/// Does the body come as a file does, as slowly as the line is?
fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes() == b"application/octet-stream")
}

/// Does a script ask (and not a person who follows a link)?
pub fn is_script(headers: &HeaderMap) -> bool {
    headers.get("x-requested-by").is_some()
}

fn sign_in_first(request: &Request, visit: &Visit) -> Response {
    if is_script(request.headers()) {
        return plain(StatusCode::UNAUTHORIZED, "sign in again: the session has ended");
    }
    if request.method() != Method::GET {
        return page::Problem::signed_out().into_response();
    }
    page::see_other(&format!("/sign-in?next={}", escaped(&visit.path)))
}

fn prove_first(request: &Request, visit: &Visit) -> Response {
    let back = match request.method() {
        &Method::GET => visit.path.clone(),
        // Pages offer the code before the form; who comes here otherwise begins again on its screen.
        _ => screen_of(request).unwrap_or_else(|| "/".into()),
    };
    if is_script(request.headers()) {
        return plain(StatusCode::UNAUTHORIZED, "a fresh code of your second factor is needed");
    }
    page::see_other(&format!("/prove?next={}", escaped(&back)))
}

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

fn add_headers(headers: &mut HeaderMap) {
    let fixed: [(&'static str, &'static str); 8] = [
        ("content-security-policy", CSP),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_port_only() {
        for (host, want) in
            [("localhost:8088", "localhost"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a.b", "a.b"), ("a:b", "a:b")]
        {
            assert_eq!(bare_host(host), want);
        }
    }
}
