//! The watched folder on the capture page: what lies in it, whether it is still being filled, and one key to take it in. Nothing
//! is moved or changed there; names that are not plain are shown by number only and cannot be asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Problem, html, see_other};
use crate::domain::Control;
use crate::pipeline::{TakeIn, Taken};
use crate::station;

/// Entries that are looked at.
const MOST: usize = 100;

/// What lies in the folder.
pub struct Lying {
    pub name: String,
    pub files: usize,
    pub size: String,
    /// `filling`, `whole` or `taken`.
    pub state: &'static str,
}

#[derive(Template)]
#[template(path = "watched.html", config = "src/web/askama.toml")]
struct Part {
    csrf: String,
    lying: Vec<Lying>,
}

/// Sizes of what was taken in from there, so that the page says so; it survives as long as the desk.
#[derive(Default)]
pub struct TakenThere(std::sync::Mutex<BTreeMap<PathBuf, u64>>);

impl TakenThere {
    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, u64>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// The folder of the configuration, when there is one.
fn folder(desk: &Desk) -> Option<PathBuf> {
    let text = &desk.office.site.config.capture.watched;
    (!text.is_empty()).then(|| desk.office.site.folder.join(text))
}

/// When anything under a path was changed last.
fn changed(path: &Path) -> SystemTime {
    let own = std::fs::metadata(path).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let inner = std::fs::read_dir(path).into_iter().flatten().flatten();
    inner.filter_map(|e| e.metadata().ok()?.modified().ok()).fold(own, SystemTime::max)
}

pub fn lying(desk: &Desk) -> Option<Vec<Lying>> {
    let folder = folder(desk)?;
    let quiet = Duration::from_secs(desk.office.site.config.capture.quiet_seconds);
    let taken = desk.inside.taken.locked();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    names.retain(|n| super::capture::is_plain(n));
    names.sort();
    names.truncate(MOST);
    let list = names.into_iter().filter_map(|name| {
        let path = folder.join(&name);
        let sizes = station::sizes(&path).ok()?;
        let size: u64 = sizes.values().sum();
        let still = changed(&path).elapsed().unwrap_or_default() >= quiet;
        let whole = still && (path.is_file() || path.join("index.csv").is_file());
        let state = match whole {
            true if taken.get(&path) == Some(&size) => "taken",
            true => "whole",
            false => "filling",
        };
        Some(Lying { name, files: sizes.len(), size: size_words(size), state })
    });
    Some(list.collect())
}

/// The list alone, for the page's script.
pub async fn part(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    html(&Part { csrf: visit.csrf, lying: lying(&desk).unwrap_or_default() })
}

/// `POST /capture/watched`: takes one of them in, when it is whole.
pub async fn take(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let anew = take_one(&desk, &visit, form.get("name")).await?;
    Ok(see_other(if anew { "/capture?done=taken" } else { "/capture?done=already" }))
}

/// True where there was something new in it.
pub async fn take_one(desk: &Desk, visit: &Visit, name: &str) -> Result<bool, Problem> {
    let person = visit.person()?;
    let found = lying(desk).unwrap_or_default().into_iter().find(|l| l.name == name);
    let (Some(folder), Some(found)) = (folder(desk), found) else { return Err(Problem::unknown("folder")) };
    if found.state == "filling" {
        return Err(Problem::wrong("It is still being filled.", "A station writes index.csv last: wait for it."));
    }
    let path = folder.join(name);
    let size: u64 = station::sizes(&path)?.values().sum();
    let asked = TakeIn {
        origin: None,
        date: None,
        declared: Control::default(),
        name: None,
        operator: Some(person.name.clone()),
    };
    let mut anew = false;
    for source in station::sources(&path)? {
        anew |= desk.office.take_in(&source, &asked).await?.iter().any(|t| matches!(t, Taken::New { .. }));
    }
    desk.inside.taken.locked().insert(path, size);
    desk.inside.work.notify_one();
    Ok(anew)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, want) in [(0, "0 kB"), (1, "1 kB"), (999_000, "999 kB"), (1_250_000, "1.2 MB")] {
            assert_eq!(size_words(bytes), want);
        }
    }
}
