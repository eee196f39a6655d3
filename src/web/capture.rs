//! Capture: files dropped into a tray on the page, its control totals, and how far the reading is. Names come from the
//! browser and are hostile: only plain ones are taken, each file is written sealed to the site's own folder as it streams
//! in, and a tray has a limit. What is in a file is told by its content, as everywhere.

use std::path::PathBuf;
use std::pin::Pin;

use askama::Template;
use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money, sentence};
use crate::domain::{BatchState, Cents, Control, Day, Origin, Sha256};
use crate::pipeline::{TakeIn, Taken};
use crate::station::{self, tray::Sealer};

const MOST_FILES: usize = 20_000;
const LONGEST_NAME: usize = 100;

#[derive(Template)]
#[template(path = "capture.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    today: String,
    megabytes: u64,
    reading: Vec<Reading>,
    recent: Vec<super::batch::Row>,
    /// What lies in the watched folder; `None` when the site has none.
    watched: Option<Vec<super::watched::Lying>>,
    csrf: String,
}

struct Reading {
    name: String,
    documents: u32,
    read: u32,
    percent: u32,
}

/// Batches that are being read, with how far it is.
async fn reading(desk: &Desk) -> Result<Vec<Reading>, Problem> {
    let store = desk.office.store();
    let mut list = Vec::new();
    for s in store.batches().await? {
        if matches!(s.batch.state, BatchState::Captured | BatchState::Decoded | BatchState::Open) {
            let read = store.documents_read(&s.batch.id).await?;
            let percent = read.saturating_mul(100) / s.documents.max(1);
            list.push(Reading { name: s.batch.name, documents: s.documents, read, percent });
        }
    }
    Ok(list)
}

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let mut recent = super::batch::rows(&desk).await?;
    recent.reverse();
    recent.truncate(8);
    html(&Page {
        frame: Frame::new(&desk, &visit, "Capture", "/capture").await?.on("capture"),
        today: desk.office.clock.today().to_string(),
        megabytes: desk.office.site.config.desk.upload_megabytes,
        reading: reading(&desk).await?,
        recent,
        watched: super::watched::lying(&desk),
        csrf: visit.csrf.clone(),
    })
}

/// How far the reading is, for the page's script.
pub async fn progress(State(desk): State<Desk>) -> Result<Response, Problem> {
    let list: Vec<_> = reading(&desk)
        .await?
        .into_iter()
        .map(|r| json!({ "name": r.name, "documents": r.documents, "read": r.read, "percent": r.percent }))
        .collect();
    Ok(Json(json!({ "reading": list })).into_response())
}

/// A plain file name: letters, digits, `. _ -`, no dot first, and no name that a system keeps for itself.
pub fn is_plain(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or("").to_ascii_uppercase();
    let kept = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str())
        || stem.len() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT"));
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with('.')
        && !kept
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// The folder of a person's tray, named by the program.
fn folder(desk: &Desk, visit: &Visit, tray: &str) -> Result<PathBuf, Problem> {
    if tray.len() != 16 || !tray.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Problem::unknown("tray"));
    }
    let owner = Sha256::of(visit.person()?.name.0.as_bytes()).to_string();
    Ok(desk.office.site.folder.join("uploads").join(format!("{}-{tray}", &owner[..12])))
}

fn disk(error: &std::io::Error) -> Problem {
    super::door::trouble(error)
}

/// One file of a tray: `?name=0001_F.tif`, the body is its bytes.
pub async fn file(
    State(desk): State<Desk>,
    visit: Visit,
    Path(tray): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let query = visit.query();
    put(&desk, &visit, &tray, query.get("name"), body).await
}

/// Puts one file into a tray, as it streams in.
pub async fn put(desk: &Desk, visit: &Visit, tray: &str, name: &str, body: Body) -> Result<Response, Problem> {
    let folder = folder(desk, visit, tray)?;
    if !is_plain(name) {
        return Err(Problem::wrong(
            "This file name is not taken.",
            "Names have letters, digits, dots, dashes and underlines; rename the file.",
        ));
    }
    tokio::fs::create_dir_all(&folder).await.map_err(|e| disk(&e))?;
    let (mut there, mut files) = (0u64, 0usize);
    let mut listing = tokio::fs::read_dir(&folder).await.map_err(|e| disk(&e))?;
    while let Some(entry) = listing.next_entry().await.map_err(|e| disk(&e))? {
        files += 1;
        if entry.file_name() != name {
            there += match entry.metadata().await {
                Ok(data) => data.len(),
                // A draft beside it that has got its own name since.
                Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => 0,
                Err(error) => return Err(disk(&error)),
            };
        }
    }
    let most = desk.office.site.config.desk.upload_megabytes.saturating_mul(1 << 20);
    let room = most.saturating_sub(there);
    if files > MOST_FILES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many", "A tray takes 20,000 files.", "Make two."));
    }
    let draft = folder.join(format!(".{name}.part"));
    let written = write(body, &draft, room).await;
    match written {
        Ok(size) => {
            tokio::fs::rename(&draft, folder.join(name)).await.map_err(|e| disk(&e))?;
            Ok(Json(json!({ "name": name, "size": size })).into_response())
        }
        Err(problem) => {
            let _ = tokio::fs::remove_file(&draft).await;
            Err(problem)
        }
    }
}

/// Streams a body to disk, sealed, and stops at the limit.
async fn write(body: Body, draft: &std::path::Path, room: u64) -> Result<u64, Problem> {
    let random = || disk(&std::io::Error::other("the system gives no random bytes"));
    let (mut sealer, head) = Sealer::new().ok_or_else(random)?;
    let mut out = tokio::fs::File::create(draft).await.map_err(|e| disk(&e))?;
    out.write_all(&head).await.map_err(|e| disk(&e))?;
    let mut body = body;
    let mut size = 0u64;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Problem::wrong("The upload broke off.", "Drop the file again."))?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len() as u64;
        if size > room {
            let message = "This is more than a tray may hold.";
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                message,
                "Take it in with `remit ingest`.",
            ));
        }
        out.write_all(&sealer.add(&data).ok_or_else(random)?).await.map_err(|e| disk(&e))?;
    }
    out.write_all(&sealer.finish().ok_or_else(random)?).await.map_err(|e| disk(&e))?;
    out.sync_all().await.map_err(|e| disk(&e))?;
    Ok(size)
}

/// Trays that an earlier life of the program left: nobody can open them any more.
pub fn sweep(site: &std::path::Path) {
    if let Err(error) = std::fs::remove_dir_all(site.join("uploads"))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "old trays could not be swept away");
    }
}

/// The tray is whole: take it in and have it read.
pub async fn close(
    State(desk): State<Desk>,
    visit: Visit,
    Path(tray): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    Ok(Json(take_tray(&desk, &visit, &tray, &form).await?).into_response())
}

/// Takes a whole tray in; the form has what is said of it (`name`, `origin`, `date`, `count`, `total`).
pub async fn take_tray(desk: &Desk, visit: &Visit, tray: &str, form: &Form) -> Result<Value, Problem> {
    let folder = folder(desk, visit, tray)?;
    let person = visit.person()?.name.clone();
    let text = |name: &str| Some(form.get(name).to_string()).filter(|t| !t.is_empty());
    let wrong = |what: &str| {
        Problem::wrong(format!("{what} is not understood."), "Nothing was taken in; mend it and try again.")
    };
    let count = text("count").map(|c| c.parse::<u32>().map_err(|_| wrong("The number of checks"))).transpose()?;
    let total = text("total")
        .map(|t| super::item::amount_of(&t).parse::<Cents>().map_err(|_| wrong("The total")))
        .transpose()?;
    let date = text("date").map(|d| d.parse::<Day>().map_err(|_| wrong("The date"))).transpose()?;
    let origin = text("origin").map(|o| Origin::parse(&o).ok_or_else(|| wrong("The origin"))).transpose()?;
    let name = text("name").map(|n| n.chars().filter(|c| !c.is_control()).take(80).collect::<String>());
    if !folder.is_dir() {
        return Err(Problem::wrong("The tray is empty.", "Drop the scanner's folder or a bank's file on it first."));
    }
    let sources = station::sources(&folder)?;
    let single = sources.len() == 1;
    let mut told = Vec::new();
    for source in &sources {
        // Files of a bank keep their own names; a folder of images is named by the person.
        let named = match source {
            station::Source::File { path } => path.file_name().map(|n| n.to_string_lossy().into_owned()),
            station::Source::Folder { .. } => Some(format!("tray {}", &tray[..4])),
        };
        let asked = TakeIn {
            origin,
            date,
            declared: Control {
                count: count.filter(|_| single),
                total: total.filter(|_| single),
                counts_documents: false,
            },
            name: name.clone().filter(|_| single).or(named),
            operator: Some(person.clone()),
        };
        for one in desk.office.take_in(source, &asked).await? {
            told.push(match one {
                Taken::New { batch, already: 0 } => json!({ "batch": batch, "words": "Taken in." }),
                Taken::New { batch, already } => {
                    json!({ "batch": batch, "words": format!("Taken in; {already} documents were here already.") })
                }
                Taken::Already { batch, .. } => {
                    json!({ "batch": batch, "words": "This was taken in before; nothing changed." })
                }
                Taken::Suspect { like, .. } => json!({ "batch": like,
                    "words": "The same items as an earlier batch in another wrapping; nothing was taken." }),
                Taken::Empty { name } => {
                    json!({ "words": format!("{name} holds no payment; nothing was taken.") })
                }
                Taken::Refused { name, why } => {
                    json!({ "words": format!("{name} was not taken. {}", sentence(&why)) })
                }
            });
        }
    }
    tokio::fs::remove_dir_all(&folder).await.map_err(|e| disk(&e))?;
    desk.inside.work.notify_one();
    let declared = total.map(money).unwrap_or_default();
    Ok(json!({ "taken": told, "declared": declared }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_taken() {
        for name in ["index.csv", "0001_F.tif", "lockbox.txt", "a-b.X9"] {
            assert!(is_plain(name), "{name}");
        }
        let long = "a".repeat(4000);
        for name in [
            "",
            ".",
            "..",
            "../../etc/passwd",
            "CON",
            "con.txt",
            "com1.tif",
            "a\0b",
            "a b",
            ".hid",
            "a/b",
            "ü.tif",
            long.as_str(),
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
