//! The style sheet, the scripts and the symbols: our own, included in the program, the same for everybody.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::page::Problem;

const FILES: &[(&str, &str, &str)] = &[
    ("desk.css", "text/css; charset=utf-8", include_str!("static/desk.css")),
    ("desk.js", "text/javascript; charset=utf-8", include_str!("static/desk.js")),
    ("viewer.js", "text/javascript; charset=utf-8", include_str!("static/viewer.js")),
    ("sprite.svg", "image/svg+xml", include_str!("static/sprite.svg")),
];

pub async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, kind, text) = FILES.iter().find(|f| f.0 == name).ok_or_else(|| Problem::unknown("file"))?;
    Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")], *text).into_response())
}
