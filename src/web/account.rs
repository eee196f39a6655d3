//! One's own account: password, second factor with its recovery codes, keys and theme.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use rxing::{BarcodeFormat, EncodeHints, Writer};
use serde_json::json;

use super::door::{factor_holds, new_password, trouble};
use super::form::{Form, escaped};
use super::gate::Visit;
use super::page::{Frame, Problem, html, see_other};
use super::{Desk, one_time, password};

/// Actions whose keys a person may choose, with the key they have otherwise.
pub const ACTIONS: &[(&str, &str, &str)] = &[
    ("hold", "h", "hold it"),
    ("reject", "r", "return it to the payer"),
    ("void", "v", "void it"),
    ("distinct", "d", "not a duplicate"),
    ("set-aside", "s", "set aside"),
    ("assign", "a", "name the account"),
    ("apply", "e", "spread over bills"),
    ("to-suspense", "q", "to suspense"),
    ("to-credit", "x", "to the customer's credit"),
    ("accept", "y", "accept it"),
    ("accept-partial", "j", "accept as part"),
    ("key-micr", "m", "key the account line"),
    ("key-scanline", "l", "key the stub's line"),
    ("apply-list", "p", "a list of accounts"),
    ("regroup", "w", "regroup"),
    ("note", "n", "add a note"),
    ("history", "t", "history"),
    ("undo", "z", "take the last decision back"),
    ("back", "b", "front or back"),
    ("flip", "f", "mirror the image"),
    ("turn", "o", "turn the image"),
    ("invert", "i", "black and white swapped"),
    ("contrast", "c", "more contrast"),
    ("gray", "g", "gray or bitonal"),
];

struct KeyLine {
    action: &'static str,
    words: &'static str,
    usual: &'static str,
    own: String,
}

#[derive(Template)]
#[template(path = "account.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    has_factor: bool,
    codes_left: i64,
    keys: Vec<KeyLine>,
    wrong: String,
}

async fn own(desk: &Desk, visit: &Visit, wrong: String) -> Result<Response, Problem> {
    let name = &visit.person()?.name;
    let store = desk.office.store();
    let kept = store.preference(name).await?.unwrap_or_default();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap_or_default();
    let keys = ACTIONS
        .iter()
        .map(|(action, usual, words)| KeyLine {
            action,
            words,
            usual,
            own: kept["keys"][action].as_str().unwrap_or("").to_string(),
        })
        .collect();
    let has_factor = store.second_factor(name).await?.is_some();
    let codes_left = store.recovery_codes_left(name).await?;
    let frame = Frame::new(desk, visit, "Your account", "/account").await?.on("account");
    html(&Page { frame, has_factor, codes_left, keys, wrong })
}

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    own(&desk, &visit, String::new()).await
}

pub async fn password(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let name = visit.person()?.name.clone();
    let store = desk.office.store();
    let phc = store.credential(&name).await?.map(|c| c.password);
    let typed = form.0.iter().find(|f| f.0 == "old").map_or(String::new(), |f| f.1.clone());
    if !desk.inside.throttle.may_try(visit.peer, visit.now)
        || typed.len() > password::LONGEST
        || !password::verify(typed, phc).await.map_err(trouble)?
    {
        return own(&desk, &visit, "The password you have now is not right.".into()).await;
    }
    match new_password(&desk, &form, &name.0).await? {
        Ok(phc) => {
            store.save_password(&name, &phc, &name).await?;
            Ok(see_other("/sign-in?done=password"))
        }
        Err(why) => own(&desk, &visit, why).await,
    }
}

pub async fn settings(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let name = &visit.person()?.name;
    let mut keys = serde_json::Map::new();
    let mut taken: Vec<String> = Vec::new();
    for (action, usual, _) in ACTIONS {
        let own = form.get(&format!("key.{action}")).to_lowercase();
        let key = if own.is_empty() { usual.to_string() } else { own.clone() };
        let good = key.chars().count() == 1 && key.chars().all(|c| c.is_ascii_lowercase() || "[];',".contains(c));
        if !good || taken.contains(&key) {
            return self::own(&desk, &visit, format!("The key '{key}' cannot be used here, or is used twice.")).await;
        }
        if !own.is_empty() && own != *usual {
            keys.insert(action.to_string(), json!(own));
        }
        taken.push(key);
    }
    let theme = Some(form.get("theme")).filter(|t| matches!(*t, "light" | "dark")).unwrap_or("");
    let value = json!({ "theme": theme, "keys": keys }).to_string();
    desk.office.store().save_preference(name, &value).await?;
    Ok(see_other("/account?done=keys"))
}

#[derive(Template)]
#[template(path = "second_factor.html", config = "src/web/askama.toml")]
struct FactorPage {
    frame: Frame,
    secret: String,
    /// The path of the QR code's dark modules.
    code: String,
    size: u32,
    next: String,
    wrong: String,
    codes: Vec<String>,
}

/// The dark modules of a QR code as one path, and its side.
fn qr(text: &str) -> Option<(String, u32)> {
    let hints = EncodeHints { Margin: Some("2".into()), ..EncodeHints::default() };
    let writer = rxing::qrcode::QRCodeWriter {};
    let matrix = writer.encode_with_hints(text, &BarcodeFormat::QR_CODE, 0, 0, &hints).ok()?;
    let (width, height) = (matrix.getWidth(), matrix.getHeight());
    let mut path = String::new();
    for y in 0..height {
        for x in 0..width {
            if matrix.get(x, y) {
                path += &format!("M{x} {y}h1v1h-1z");
            }
        }
    }
    Some((path, width))
}

async fn factor(
    desk: &Desk,
    visit: &Visit,
    secret: &[u8],
    next: String,
    wrong: &str,
    codes: Vec<String>,
) -> Result<Response, Problem> {
    let name = &visit.person()?.name;
    let text = one_time::base32(secret);
    let issuer = escaped(&desk.office.site.config.site.name);
    let uri = format!("otpauth://totp/{issuer}:{}?secret={text}&issuer={issuer}", escaped(&name.0));
    let (code, size) = qr(&uri).unwrap_or_default();
    let frame = Frame::new(desk, visit, "Second factor", "/account").await?;
    let grouped: Vec<String> = text.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    html(&FactorPage { frame, secret: grouped.join(" "), code, size, next, wrong: wrong.into(), codes })
}

pub async fn second_factor_page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let secret = one_time::new_secret().map_err(trouble)?;
    factor(&desk, &visit, &secret, query.get("next").to_string(), "", Vec::new()).await
}

/// The code proves that the secret has arrived; only then it counts, and the recovery codes are shown, once.
pub async fn second_factor(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let session = visit.session()?;
    let name = &session.user.name;
    let store = desk.office.store();
    let next = form.get("next").to_string();
    let Some(secret) = one_time::from_base32(form.get("secret")).filter(|s| s.len() == 20) else {
        return Ok(see_other("/account/second-factor"));
    };
    // Who has a factor already must give it before it is replaced.
    if store.second_factor(name).await?.is_some() && !factor_holds(&desk, name, form.get("old"), visit.now).await? {
        let wrong = "Give a code of the second factor that you have now as well.";
        return factor(&desk, &visit, &secret, next, wrong, Vec::new()).await;
    }
    let Some(step) = one_time::step_of(&secret, form.get("code"), visit.now) else {
        let wrong = "This code does not fit the secret. Is the clock of your phone right?";
        return factor(&desk, &visit, &secret, next, wrong, Vec::new()).await;
    };
    let (codes, hashes) = one_time::recovery_codes(&name.0).map_err(trouble)?;
    store.save_second_factor(name, &secret, step, &hashes).await?;
    store.session_proved(session.hash, visit.now).await?;
    factor(&desk, &visit, &secret, next, "", codes).await
}
