//! Document images as PNG, upright as the reader found them, encoded once and kept by content hash and view as long as
//! there is room. A document's id is asked for, never a file; what is no document of this site is not found.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Desk;
use super::gate::Visit;
use super::page::Problem;
use crate::domain::{DocumentId, ImageRef, ImageRole, PixelBox, Sha256};
use crate::imaging::picture::View;
use crate::pipeline::{AfterDecision, Paper};

/// Bytes of pictures that are kept.
const ROOM: usize = 96 << 20;
/// Pixels around a box that a snippet shows too.
const MARGIN: i32 = 14;

type Key = (Sha256, View);

#[derive(Default)]
pub struct Pictures {
    inside: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    pictures: HashMap<Key, Bytes>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Pictures {
    fn locked(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.inside.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn get(&self, key: &Key) -> Option<Bytes> {
        self.locked().pictures.get(key).cloned()
    }

    fn put(&self, key: Key, bytes: Bytes) {
        let mut kept = self.locked();
        kept.bytes += bytes.len();
        if kept.pictures.insert(key, bytes).is_none() {
            kept.order.push_back(key);
        }
        while kept.bytes > ROOM {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.bytes -= kept.pictures.remove(&oldest).map_or(0, |b| b.len());
        }
    }
}

/// `front`, `back`, `front-gray`, `back-gray`, as a person sees them.
fn side_of(text: &str) -> Option<(bool, bool)> {
    let role = ImageRole::parse(text)?;
    Some(match role {
        ImageRole::Front => (true, false),
        ImageRole::Back => (false, false),
        ImageRole::FrontGray => (true, true),
        ImageRole::BackGray => (false, true),
        ImageRole::Replaced => return None,
    })
}

fn document_id(text: &str) -> Result<DocumentId, Problem> {
    text.parse().map_err(|_| Problem::unknown("document"))
}

pub async fn side(
    State(desk): State<Desk>,
    Path((document, side)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (front, gray) = side_of(&side).ok_or_else(|| Problem::unknown("side"))?;
    let paper = desk.office.paper(&document_id(&document)?).await?;
    let role = paper.role(front, gray).ok_or_else(|| Problem::unknown("image"))?;
    let turn = if front { paper.rotation } else { (360 - paper.rotation) % 360 };
    show(&desk, &paper, role, View { turn, mirrored: paper.mirrored && front, part: None }).await
}

/// An earlier scan of a document, by its number, as it came.
pub async fn earlier(
    State(desk): State<Desk>,
    Path((document, number)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let paper = desk.office.paper(&document_id(&document)?).await?;
    let image = paper.earlier().nth(number).ok_or_else(|| Problem::unknown("image"))?.clone();
    picture_of(&desk, &image, View { turn: paper.rotation, mirrored: false, part: None }).await
}

/// `POST /documents/{id}/rescan?side=front`: the body is the new image. It takes the place of that side; the earlier one stays.
pub async fn rescan(
    State(desk): State<Desk>,
    visit: Visit,
    Path(document): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let query = visit.query();
    let side = if query.get("side") == "back" { "back" } else { "front" };
    let done = replace(&desk, &visit, &document, side, body).await?;
    Ok(Json(json!({ "transaction": done.transaction, "state": done.state, "open": done.open })).into_response())
}

/// The new scan of a side, read and matched, the earlier one kept.
pub async fn replace(
    desk: &Desk,
    visit: &Visit,
    document: &str,
    side: &str,
    body: Bytes,
) -> Result<AfterDecision, Problem> {
    let person = visit.person()?;
    let role = ImageRole::parse(side).filter(|r| *r != ImageRole::Replaced).ok_or_else(|| Problem::unknown("side"))?;
    let document = document_id(document)?;
    let store = desk.office.store();
    if let Some(subject) = store.transaction_of_document(&document).await? {
        store.may_work(subject.as_str(), &person.name, None, visit.now).await?;
    }
    Ok(desk.office.rescan(document.as_str(), role, body.to_vec(), &person.name).await?)
}

/// The place of a doubt, four times its size on the screen: `?box=x,y,w,h` in pixels of the image as it came.
pub async fn snippet(
    State(desk): State<Desk>,
    visit: Visit,
    Path(document): Path<String>,
) -> Result<Response, Problem> {
    let paper = desk.office.paper(&document_id(&document)?).await?;
    let query = visit.query();
    let numbers: Vec<i32> = query.get("box").split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let [x, y, w, h] = numbers[..] else { return Err(Problem::wrong("A box has four numbers.", "box=x,y,w,h")) };
    let role = paper.role(true, false).ok_or_else(|| Problem::unknown("image"))?;
    let grown = PixelBox {
        x: x.saturating_sub(MARGIN),
        y: y.saturating_sub(MARGIN),
        w: w.saturating_add(2 * MARGIN),
        h: h.saturating_add(2 * MARGIN),
    };
    show(&desk, &paper, role, View { turn: paper.rotation, mirrored: paper.mirrored, ..View::part_of(grown) }).await
}

async fn show(desk: &Desk, paper: &Paper, role: ImageRole, view: View) -> Result<Response, Problem> {
    let image = paper.document.images.iter().find(|i| i.role == role).ok_or_else(|| Problem::unknown("image"))?;
    picture_of(desk, image, view).await
}

async fn picture_of(desk: &Desk, image: &ImageRef, view: View) -> Result<Response, Problem> {
    let key = (image.hash, view);
    let kept = desk.inside.pictures.get(&key);
    let bytes = match kept {
        Some(bytes) => bytes,
        None => {
            let made = desk.office.picture(image.hash, view).await?.map_err(|why| {
                Problem::new(
                    axum::http::StatusCode::UNPROCESSABLE_ENTITY,
                    "image",
                    format!("This image cannot be shown: {why}."),
                    "Look at the paper, or scan it again.",
                )
            })?;
            let bytes = Bytes::from(made);
            desk.inside.pictures.put(key, bytes.clone());
            bytes
        }
    };
    Ok(([(header::CONTENT_TYPE, "image/png"), (header::CONTENT_DISPOSITION, "inline")], bytes).into_response())
}
