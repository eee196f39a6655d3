//! Keying, heads down: what is read from the image and typed, one field after the other, in the order of the work. The
//! items are those of the exceptions; here they come without a list between them.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Desk;
use super::exceptions::queue;
use super::gate::Visit;
use super::item::{Walk, to_undo, walk_from};
use super::page::{Frame, Problem, html, see_other};

#[derive(Template)]
#[template(path = "key.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    with_others: usize,
    /// The payment keyed last, which can be taken back from here.
    undo: Option<(String, usize)>,
}

/// To the first item that is to be keyed, or the good news that there is none.
pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let walk = Walk::of("/key?walk=key");
    let (next, _) = walk_from(&desk, &visit, &walk, "", (1, &queue(&desk).await?)).await?;
    if let Some(next) = next.first() {
        return Ok(see_other(&format!("/exceptions/{next}?walk=key")));
    }
    let with_others = queue(&desk).await?.iter().filter(|e| walk.fits(e)).count();
    let undo = to_undo(&desk, &visit).await;
    html(&Page { frame: Frame::new(&desk, &visit, "Key", "/key").await?.on("key"), with_others, undo })
}
