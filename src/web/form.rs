//! What a browser's form sent: names and values, as often as they came. The gate has read and limited the body.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

/// The largest form, in bytes.
pub const LARGEST: usize = 256 * 1024;

#[derive(Debug, Clone, Default)]
pub struct Form(pub Vec<(String, String)>);

impl Form {
    /// What stands behind the `?` of a path.
    pub fn of_query(path: &str) -> Form {
        Form::parse(path.split_once('?').map_or("", |q| q.1).as_bytes())
    }

    /// The first value of a name, trimmed; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.trim())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.trim())
    }

    /// The fields of a move: everything filled in whose name begins with `field.`.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some(name) = name.strip_prefix("field.").filter(|_| !value.trim().is_empty()) else { continue };
            fields
                .entry(name.to_string())
                .and_modify(|before| {
                    before.push(',');
                    before.push_str(value.trim());
                })
                .or_insert_with(|| value.trim().to_string());
        }
        fields
    }

    /// `a=b&c=d`, percent and plus undone; what is not UTF-8 is replaced.
    pub fn parse(text: &[u8]) -> Form {
        let undo = |part: &[u8]| {
            let mut out = Vec::with_capacity(part.len());
            let mut at = 0;
            while at < part.len() {
                let hex = |n: usize| part.get(at + n).and_then(|b| char::from(*b).to_digit(16));
                match part[at] {
                    b'+' => out.push(b' '),
                    b'%' => match (hex(1), hex(2)) {
                        (Some(high), Some(low)) => {
                            out.push((high * 16 + low) as u8);
                            at += 2;
                        }
                        _ => out.push(b'%'),
                    },
                    byte => out.push(byte),
                }
                at += 1;
            }
            String::from_utf8_lossy(&out).into_owned()
        };
        let pairs = text.split(|b| *b == b'&').filter(|p| !p.is_empty()).map(|pair| {
            let mut parts = pair.splitn(2, |b| *b == b'=');
            (undo(parts.next().unwrap_or_default()), undo(parts.next().unwrap_or_default()))
        });
        Form(pairs.collect())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, StatusCode> {
        let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
        body.map(|b| Form::parse(&b)).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
    }
}

/// For a query string; `%` and what else has a meaning there is written out.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_send_them() {
        let form =
            Form::parse(b"move=key-amount&field.amount=84.18&field.note=a+b%26%C3%A9&x=%zz&field.bill=1&field.bill=2");
        assert_eq!(form.get("move"), "key-amount");
        assert_eq!(form.get("x"), "%zz");
        let fields = form.fields();
        assert_eq!(
            (fields["amount"].as_str(), fields["note"].as_str(), fields["bill"].as_str()),
            ("84.18", "a b&é", "1,2")
        );
        assert_eq!(escaped("a b&c"), "a%20b%26c");
    }
}
