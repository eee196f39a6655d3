//! The rest of the screens' moves for programs: taking in, regrouping, mending, deposits, returns, the drawer, images. `TWINS`
//! says of each move of a screen which one it is here, or why there is none; a test fails where one is missing.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::api::{Answer, Change, Left, ProblemDetails, mask};
use super::form::Form;
use super::gate::Visit;
use super::page::Problem;
use super::{Desk, balance, capture, drawer, images, item, ledger, release, returns, watched};
use crate::domain::{Day, Deposit};

/// Documents that came in one envelope.
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct RegroupBody {
    pub documents: Vec<String>,
}

/// A word for whoever looks at the payment later.
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct NoteBody {
    pub text: String,
}

/// Why a batch is void.
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct VoidBody {
    pub note: String,
}

/// The explanation whose move is made, as `balance` marked it.
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct MendBody {
    pub mark: String,
}

#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct WatchedBody {
    /// As it lies in the watched folder.
    pub name: String,
}

/// The business date up to which everything that waits is deposited.
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct DepositBody {
    pub date: String,
}

/// What a screen's form would have, each a text.
#[derive(Deserialize, Serialize, ToSchema, Debug, Default)]
pub struct FormBody {
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// A move with the fields of its form (`{"move": "count", "fields": {"drawer": "1", "p100": "12"}}`).
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct MoveBody {
    #[serde(rename = "move")]
    pub name: String,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

impl MoveBody {
    fn form(self) -> Form {
        Form(self.fields.into_iter().chain([("move".to_string(), self.name)]).collect())
    }
}

fn given(visit: &Visit) -> Form {
    visit.query()
}

fn masked(value: impl Serialize) -> Result<Value, Problem> {
    let mut value = serde_json::to_value(value).map_err(super::door::trouble)?;
    mask(&mut value);
    Ok(value)
}

#[utoipa::path(put, path = "/api/v1/trays/{tray}/files/{name}",
    params(("tray" = String, Path, description = "16 hexadecimal digits of your own choice"), ("name" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "It lies in the tray; sent again it takes the place of the first"),
              (status = 413, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
pub async fn tray_file(
    State(desk): State<Desk>,
    visit: Visit,
    Path((tray, name)): Path<(String, String)>,
    body: Body,
) -> Answer {
    Ok(capture::put(&desk, &visit, &tray, &name, body).await?)
}

#[utoipa::path(post, path = "/api/v1/trays/{tray}/take", request_body = FormBody,
    params(("tray" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "Each batch that was taken in, or was here already; `fields` are name, origin, date, \
        count, total"), (status = 422, body = ProblemDetails)))]
pub async fn take_tray(Path(tray): Path<String>, change: Change) -> Answer {
    let form = Form(change.asked::<FormBody>()?.fields.into_iter().collect());
    change.once(async { capture::take_tray(&change.desk, &change.visit, &tray, &form).await }).await
}

#[utoipa::path(post, path = "/api/v1/watched", request_body = WatchedBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "Taken in"), (status = 404, body = ProblemDetails)))]
pub async fn take_watched(change: Change) -> Answer {
    let asked: WatchedBody = change.asked()?;
    change
        .once(async { Ok(json!({ "already": !watched::take_one(&change.desk, &change.visit, &asked.name).await? })) })
        .await
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/regroup", request_body = RegroupBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Left), (status = 409, body = ProblemDetails)))]
pub async fn regroup(Path(id): Path<String>, change: Change) -> Answer {
    let asked: RegroupBody = change.asked()?;
    change
        .once(async {
            let batch = change.desk.office.store().batch(&id).await?;
            let documents: Result<Vec<_>, _> = asked.documents.iter().map(|d| d.parse()).collect();
            let documents = documents.map_err(|_| Problem::unknown("document"))?;
            Ok(Left::of(&change.desk.office.regroup(&batch, &documents, &change.visit.person()?.name).await?))
        })
        .await
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/void", request_body = VoidBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "It is void"), (status = 409, body = ProblemDetails)))]
pub async fn void(Path(id): Path<String>, change: Change) -> Answer {
    let asked: VoidBody = change.asked()?;
    change
        .once(async {
            let batch = change.desk.office.store().batch(&id).await?;
            if asked.note.trim().len() < 3 {
                return Err(Problem::wrong("Say why the batch is void.", "It stays in the record."));
            }
            let already = change.desk.office.void(&batch, asked.note.trim(), &change.visit.person()?.name).await?;
            Ok(json!({ "batch": batch.id, "already": already }))
        })
        .await
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/mend", request_body = MendBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Left), (status = 409, body = ProblemDetails)))]
pub async fn mend(Path(id): Path<String>, change: Change) -> Answer {
    let asked: MendBody = change.asked()?;
    change.once(async { Ok(Left::of(&balance::mend_one(&change.desk, &change.visit, &id, &asked.mark).await?)) }).await
}

#[utoipa::path(get, path = "/api/v1/documents/{id}/side/{side}", params(("id" = String, Path), ("side" = String, Path)),
    responses((status = 200, description = "front, back, front-gray or back-gray, upright", content_type = "image/png"),
              (status = 404, body = ProblemDetails)))]
pub async fn side(State(desk): State<Desk>, place: Path<(String, String)>) -> Answer {
    Ok(images::side(State(desk), place).await?)
}

#[utoipa::path(put, path = "/api/v1/documents/{id}/side/{side}", params(("id" = String, Path), ("side" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Left, description = "The new scan is in its place, the earlier one is kept"),
              (status = 409, body = ProblemDetails)))]
pub async fn rescan(
    State(desk): State<Desk>,
    visit: Visit,
    Path((document, side)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    Ok(Json(Left::of(&images::replace(&desk, &visit, &document, &side, body).await?)).into_response())
}

#[utoipa::path(post, path = "/api/v1/transactions/{id}/note", request_body = NoteBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "Written into its history"), (status = 422, body = ProblemDetails)))]
pub async fn note(Path(id): Path<String>, change: Change) -> Answer {
    let asked: NoteBody = change.asked()?;
    change
        .once(async {
            Ok(json!({ "transaction": item::write_note(&change.desk, &change.visit, &id, &asked.text).await? }))
        })
        .await
}

fn shown(desk: &Desk, deposits: &[Deposit]) -> Value {
    json!({ "deposits": deposits.iter().map(|d| desk.office.deposit_view(d)).collect::<Vec<_>>() })
}

#[utoipa::path(post, path = "/api/v1/deposits", request_body = DepositBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "What was made now; empty when nothing waited"),
              (status = 409, body = ProblemDetails)))]
pub async fn make_deposits(change: Change) -> Answer {
    let asked: DepositBody = change.asked()?;
    change
        .once(async { Ok(shown(&change.desk, &release::make_for(&change.desk, &change.visit, &asked.date).await?)) })
        .await
}

#[utoipa::path(get, path = "/api/v1/deposits/{id}/file", params(("id" = String, Path)),
    responses((status = 200, description = "The file, when it is the one that was made",
               content_type = "application/octet-stream"), (status = 409, body = ProblemDetails)))]
pub async fn deposit_file(state: State<Desk>, visit: Visit, id: Path<String>) -> Answer {
    Ok(release::file(state, visit, id).await?)
}

#[utoipa::path(get, path = "/api/v1/proof-sheet", params(("date" = Option<String>, Query)),
    responses((status = 200, description = "Every batch of a business date and where its money is")))]
pub async fn proof_sheet(State(desk): State<Desk>, visit: Visit) -> Answer {
    let date = given(&visit).get("date").parse::<Day>().ok();
    Ok(Json(masked(desk.office.proof_sheet(date).await?)?).into_response())
}

#[utoipa::path(get, path = "/api/v1/returns",
    responses((status = 200, description = "What came back, with the moves that each allows")))]
pub async fn list_returns(State(desk): State<Desk>) -> Answer {
    Ok(Json(json!({ "returns": masked(desk.office.returns().await?)? })).into_response())
}

#[utoipa::path(post, path = "/api/v1/returns/{id}", request_body = MoveBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "`match` with `document`, `represent`, `clear` or `charge-back`"),
              (status = 409, body = ProblemDetails)))]
pub async fn act_on_return(Path(id): Path<String>, change: Change) -> Answer {
    let form = change.asked::<MoveBody>()?.form();
    change
        .once(async {
            Ok(json!({ "return": id, "already": returns::work(&change.desk, &change.visit, &id, &form).await? }))
        })
        .await
}

#[utoipa::path(get, path = "/api/v1/returns/{id}/letter", params(("id" = String, Path)),
    responses((status = 200, description = "The letter to the member", content_type = "application/pdf")))]
pub async fn return_letter(state: State<Desk>, id: Path<String>) -> Answer {
    Ok(returns::letter(state, id).await?)
}

async fn own_drawers(desk: &Desk, visit: &Visit) -> Result<Value, Problem> {
    let person = &visit.person()?.name;
    let mine: Vec<_> = desk.office.drawers().await?.into_iter().filter(|d| d.cashier == *person).collect();
    Ok(json!({ "drawers": mine }))
}

#[utoipa::path(get, path = "/api/v1/drawer", responses((status = 200, description = "The drawers of the token's person")))]
pub async fn drawers(State(desk): State<Desk>, visit: Visit) -> Answer {
    Ok(Json(own_drawers(&desk, &visit).await?).into_response())
}

#[utoipa::path(post, path = "/api/v1/drawer", request_body = MoveBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "`open`, `receive`, `payout`, `count` or `close`, with the fields of the screen"),
              (status = 409, body = ProblemDetails)))]
pub async fn work_drawer(change: Change) -> Answer {
    let form = change.asked::<MoveBody>()?.form();
    change
        .once(async {
            let already = drawer::work(&change.desk, &change.visit, &form).await?;
            let mut told = own_drawers(&change.desk, &change.visit).await?;
            told["already"] = json!(already);
            Ok(told)
        })
        .await
}

#[utoipa::path(get, path = "/api/v1/ledger/export", params(("format" = Option<String>, Query)),
    responses((status = 200, description = "The books as csv, hledger or beancount",
               content_type = "application/octet-stream")))]
pub async fn ledger_export(state: State<Desk>, visit: Visit) -> Result<Response, super::api::ApiProblem> {
    Ok(ledger::export(state, visit).await?)
}

#[cfg(test)]
mod tests {
    use crate::web::{Policy, router::LINES};

    const PERSON: &str = "asks for a person with a fresh second factor, never a program";
    const SESSION: &str = "of a person's own session";

    /// Each move of the screens: its route here, or why programs have none.
    const TWINS: &[(&str, &str)] = &[
        ("/sign-in", SESSION),
        ("/set-up", SESSION),
        ("/welcome", SESSION),
        ("/sign-out", SESSION),
        ("/prove", SESSION),
        ("/account/password", SESSION),
        ("/account/settings", SESSION),
        ("/account/second-factor", SESSION),
        (
            "/transactions/{id}/lease",
            "keeps an item on one screen; what a program sends is refused while somebody has it",
        ),
        ("/transactions/{id}/unmask", PERSON),
        ("/admin/users", PERSON),
        ("/admin/users/{name}/invite", PERSON),
        ("/admin/users/{name}/disable", PERSON),
        ("/admin/users/{name}/unlock", PERSON),
        ("/admin/tokens", PERSON),
        ("/admin/tokens/{id}/end", PERSON),
        ("/admin/settings", PERSON),
        ("/admin/settings/changes/{number}", PERSON),
        ("/admin/layouts", PERSON),
        ("/capture/{tray}/file", "put /api/v1/trays/{tray}/files/{name}"),
        ("/capture/{tray}/close", "post /api/v1/trays/{tray}/take"),
        ("/capture/watched", "post /api/v1/watched"),
        ("/batches/{id}/regroup", "post /api/v1/batches/{id}/regroup"),
        ("/batches/{id}/void", "post /api/v1/batches/{id}/void"),
        ("/batches/{id}/balance", "post /api/v1/batches/{id}/balance"),
        ("/batches/{id}/mend", "post /api/v1/batches/{id}/mend"),
        ("/batches/{id}/approve", "post /api/v1/batches/{id}/approve"),
        ("/batches/{id}/post", "post /api/v1/batches/{id}/post"),
        ("/exceptions/{id}", "post /api/v1/exceptions/{id}/decide"),
        ("/transactions/{id}/undo", "post /api/v1/transactions/{id}/undo"),
        ("/transactions/{id}/hold", "post /api/v1/transactions/{id}/hold"),
        ("/documents/{id}/rescan", "put /api/v1/documents/{id}/side/{side}"),
        ("/transactions/{id}/note", "post /api/v1/transactions/{id}/note"),
        ("/deposits", "post /api/v1/deposits"),
        ("/returns/{id}", "post /api/v1/returns/{id}"),
        ("/drawer", "post /api/v1/drawer"),
    ];

    /// Every move of a screen stands in the table, and what it names is there, for the same roles.
    #[test]
    fn every_move_of_the_screens_is_here_too() {
        let moves = LINES.iter().filter(|l| l.method != "get" && !matches!(l.policy, Policy::Token(_)));
        let mut named = 0;
        for line in moves {
            let twin = TWINS.iter().find(|(path, _)| *path == line.path);
            let (_, twin) = twin.unwrap_or_else(|| panic!("{} has no twin and no reason", line.path));
            named += 1;
            let Some((method, path)) = twin.split_once(' ').filter(|(_, path)| path.starts_with("/api/")) else {
                continue;
            };
            let there = LINES.iter().find(|l| l.method == method && l.path == path);
            let there = there.unwrap_or_else(|| panic!("{twin} is not routed"));
            let roles = |policy| match policy {
                Policy::Roles(roles) | Policy::Fresh(roles) | Policy::Token(roles) => roles,
                Policy::Open | Policy::SignedIn => &[][..],
            };
            assert_eq!(roles(there.policy), roles(line.policy), "{twin}");
        }
        assert_eq!(named, TWINS.len(), "a move of the table is no route");
    }
}
