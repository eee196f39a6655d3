//! The same moves for programs: JSON over HTTP with a token, problem details (RFC 9457) for errors, idempotency keys for
//! everything that changes something, and an OpenAPI document made from these very declarations.

use axum::Json;
use axum::extract::{FromRef, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::{OpenApi, ToSchema};

use super::gate::Visit;
use super::page::Problem;
use super::{Desk, Shared, programs};
use crate::domain::{Batch, Sha256, UserName};
use crate::pipeline::{AfterDecision, BalanceAnswer, Office};
use crate::store::Done;

/// An error as RFC 9457 writes it.
#[derive(Serialize, ToSchema, Debug)]
pub struct ProblemDetails {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
}

/// What went wrong, as `application/problem+json`.
pub fn refusal(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = ProblemDetails {
        kind: format!("urn:remit:problem:{code}"),
        title: status.canonical_reason().unwrap_or("Error").into(),
        status: status.as_u16(),
        detail: detail.into(),
    };
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
    answer
}

/// A problem of the desk as the API says it.
pub struct ApiProblem(Problem);

impl<E: Into<Problem>> From<E> for ApiProblem {
    fn from(error: E) -> Self {
        ApiProblem(error.into())
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        refusal(self.0.status, self.0.code, &format!("{} {}", self.0.message, self.0.help))
    }
}

pub type Answer = Result<Response, ApiProblem>;

/// A decision about one exception.
#[derive(Deserialize, Serialize, ToSchema, Debug)]
pub struct DecideBody {
    /// `key-amount`, `assign`, `accept`, ..: one of the exception's `moves`; left out where a `candidate` is taken.
    #[serde(rename = "move", default)]
    pub name: String,
    /// One of the exception's `candidates`, by its `id`.
    #[serde(default)]
    pub candidate: String,
    /// The move's fields, each a text (`{"amount": "84.18"}`).
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize, ToSchema, Debug, Default)]
pub struct UndoBody {
    /// The place of the decision that is meant, counted from 0 in the transaction's `decisions`: asked twice, the one before it
    /// stays. Without it the last one is taken back.
    #[serde(default)]
    pub of: Option<usize>,
}

#[derive(Deserialize, Serialize, ToSchema, Debug, Default)]
pub struct HoldBody {
    /// `until`, `owner`, `note`, all optional.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// What a decision left.
#[derive(Serialize, ToSchema, Debug)]
pub struct Left {
    transaction: String,
    state: String,
    /// Exceptions of the transaction that still need somebody.
    open: usize,
    already: bool,
}

impl Left {
    pub fn of(done: &AfterDecision) -> Value {
        json!(Left {
            transaction: done.transaction.to_string(),
            state: done.state.as_str().into(),
            open: done.open,
            already: done.already,
        })
    }
}

/// The longest idempotency key.
const LONGEST_KEY: usize = 100;

/// A request that changes something: who asks, and for what.
pub struct Change {
    pub desk: Desk,
    pub visit: Visit,
    headers: HeaderMap,
    body: String,
}

impl FromRequest<Shared> for Change {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Response> {
        let visit = request.extensions().get::<Visit>().cloned();
        let visit = visit.ok_or_else(|| Problem::signed_out().into_response())?;
        let headers = request.headers().clone();
        let body = String::from_request(request, shared).await.map_err(IntoResponse::into_response)?;
        Ok(Change { desk: Desk::from_ref(shared), visit, headers, body })
    }
}

impl Change {
    /// What the body asks for; an empty one asks for what goes without saying.
    pub fn asked<T: for<'a> Deserialize<'a>>(&self) -> Result<T, Problem> {
        let text = if self.body.trim().is_empty() { "{}" } else { &self.body };
        serde_json::from_str(text)
            .map_err(|e| Problem::wrong(format!("The body is not what is asked for: {e}."), "Nothing was changed."))
    }

    /// Does a change once: a second request with the same `Idempotency-Key` gets the first one's answer, and one with the
    /// same key and another body is refused.
    pub async fn once(&self, work: impl Future<Output = Result<Value, Problem>>) -> Answer {
        let key = self.headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or("");
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency-key",
                "A change needs a header Idempotency-Key of 1 to 100 characters.",
                "Take a new one for each change and the same one when you repeat it.",
            )
            .into());
        }
        let name = &self.visit.person()?.name;
        let request = Sha256::of(format!("{}\n{}", self.visit.path, self.body).as_bytes());
        if let Some((before, status, text)) = self.desk.office.store().answer(name, key).await? {
            if before != request {
                return Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency-key",
                    "This Idempotency-Key was used for another request.",
                    "Take a new one.",
                )
                .into());
            }
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            return Ok((status, [(header::CONTENT_TYPE, "application/json"), (header::AGE, "0")], text).into_response());
        }
        let done = work.await?;
        let text = done.to_string();
        self.desk.office.store().save_answer(name, key, request, 200, &text, self.visit.now).await?;
        Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response())
    }

    /// What changes a batch as a whole, once for each key.
    async fn of_batch<F: AsyncFnOnce(Office, Batch, UserName) -> Result<Value, Problem>>(
        &self,
        id: String,
        work: F,
    ) -> Answer {
        let by = self.visit.person()?.name.clone();
        self.once(async {
            let batch = self.desk.office.store().batch(&id).await?;
            work(self.desk.office.clone(), batch, by).await
        })
        .await
    }
}

#[utoipa::path(get, path = "/api/v1/batches", responses((status = 200, description = "Every batch")))]
pub async fn batches(State(desk): State<Desk>) -> Answer {
    let list: Vec<Value> = desk
        .office
        .store()
        .batches()
        .await?
        .into_iter()
        .map(|s| {
            let b = s.batch;
            json!({ "id": b.id, "name": b.name, "state": b.state, "origin": b.origin, "date": b.date,
                "operator": b.operator, "declared": b.declared, "documents": s.documents,
                "transactions": s.transactions, "open_exceptions": s.open_exceptions, "received": s.received,
                "balanced_by": b.balanced_by, "approved_by": b.approved_by })
        })
        .collect();
    Ok(Json(json!({ "batches": list })).into_response())
}

#[utoipa::path(get, path = "/api/v1/batches/{id}", params(("id" = String, Path)),
    responses((status = 200, description = "A batch as `remit batch show --json` gives it"),
              (status = 404, body = ProblemDetails)))]
pub async fn batch(State(desk): State<Desk>, Path(id): Path<String>) -> Answer {
    let batch = desk.office.store().batch(&id).await?;
    let mut shown = serde_json::to_value(desk.office.show(&batch).await?).map_err(super::door::trouble)?;
    mask(&mut shown);
    Ok(Json(shown).into_response())
}

/// Account numbers leave masked: who needs one in full asks for it at the desk, where it is written down.
pub fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                match inner {
                    Value::String(text) if key == "account" => *text = crate::domain::account::masked(text),
                    other => mask(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(mask),
        _ => {}
    }
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/balance",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "Balanced, or what most likely explains the difference"),
              (status = 409, body = ProblemDetails)))]
pub async fn balance(Path(id): Path<String>, change: Change) -> Answer {
    change
        .of_batch(id, async |office, batch, by| {
            Ok(match office.balance(&batch, Some(&by)).await? {
                BalanceAnswer::Balanced { proof, state, already } => {
                    json!({ "balanced": true, "state": state, "already": already, "proof": proof })
                }
                BalanceAnswer::Out(imbalance) => {
                    let marks: Vec<String> = imbalance.explanations.iter().map(super::balance::mark_of).collect();
                    json!({ "balanced": false, "imbalance": *imbalance, "marks": marks })
                }
            })
        })
        .await
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/approve",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "Approved"), (status = 409, body = ProblemDetails)))]
pub async fn approve(Path(id): Path<String>, change: Change) -> Answer {
    change
        .of_batch(id, async |office, batch, by| {
            let approval = office.approve(&batch, &by).await?;
            Ok(json!({ "batch": batch.id, "already": approval.done == Done::Already, "given": approval.given,
            "needed": approval.needed }))
        })
        .await
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/post",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, description = "Posted"), (status = 409, body = ProblemDetails)))]
pub async fn post(Path(id): Path<String>, change: Change) -> Answer {
    change
        .of_batch(id, async |office, batch, by| {
            let done = office.post(&batch, &by).await?;
            Ok(json!({ "batch": batch.id, "state": done.state, "entries": done.entries, "total": done.total,
            "file": done.file, "already": done.already }))
        })
        .await
}

#[utoipa::path(get, path = "/api/v1/exceptions", params(("batch" = Option<String>, Query)),
    responses((status = 200, description = "What needs a person, the worst harm first")))]
pub async fn exceptions(State(desk): State<Desk>, visit: Visit) -> Answer {
    let query = visit.query();
    let all = super::exceptions::queue(&desk).await?;
    let batch = query.get("batch");
    let list: Vec<_> = all.iter().filter(|e| batch.is_empty() || e.batch.as_str() == batch).collect();
    Ok(Json(json!({ "exceptions": list })).into_response())
}

#[utoipa::path(get, path = "/api/v1/exceptions/{id}", params(("id" = String, Path)),
    responses((status = 200, description = "One exception with its likely answers"),
              (status = 404, body = ProblemDetails)))]
pub async fn exception(State(desk): State<Desk>, Path(id): Path<String>) -> Answer {
    let mut found = serde_json::to_value(desk.office.find_exception(&id).await?).map_err(super::door::trouble)?;
    let asked = desk.office.store().exception(&id).await?;
    if let Some(transaction) = asked.transaction {
        let item = desk.office.item(transaction.as_str(), Some(asked.exception.id.as_str())).await?;
        found["candidates"] = json!(item.candidates);
    }
    mask(&mut found);
    Ok(Json(found).into_response())
}

#[utoipa::path(post, path = "/api/v1/exceptions/{id}/decide", request_body = DecideBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Left), (status = 409, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
pub async fn decide(Path(id): Path<String>, change: Change) -> Answer {
    let by = change.visit.person()?;
    let asked: DecideBody = change.asked()?;
    change
        .once(async {
            let subject =
                change.desk.office.store().exception(&id).await?.transaction.map(|t| t.to_string()).unwrap_or_default();
            change.desk.office.store().may_work(&subject, &by.name, None, change.visit.now).await?;
            let done = match asked.candidate.as_str() {
                "" => change.desk.office.key(&id, &asked.name, &asked.fields, by).await?,
                candidate => change.desk.office.choose(&id, candidate, by).await?,
            };
            Ok(Left::of(&done))
        })
        .await
}

#[utoipa::path(post, path = "/api/v1/transactions/{id}/hold", request_body = HoldBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Left), (status = 409, body = ProblemDetails)))]
pub async fn hold(Path(id): Path<String>, change: Change) -> Answer {
    let by = change.visit.person()?;
    let asked: HoldBody = change.asked()?;
    change
        .once(async {
            change.desk.office.store().may_work(&id, &by.name, None, change.visit.now).await?;
            Ok(Left::of(&change.desk.office.hold(&id, &asked.fields, &by.name).await?))
        })
        .await
}

#[utoipa::path(post, path = "/api/v1/transactions/{id}/undo", request_body = UndoBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Left), (status = 409, body = ProblemDetails)))]
pub async fn undo(Path(id): Path<String>, change: Change) -> Answer {
    let by = change.visit.person()?;
    let asked: UndoBody = change.asked()?;
    change
        .once(async {
            change.desk.office.store().may_work(&id, &by.name, None, change.visit.now).await?;
            Ok(Left::of(&change.desk.office.undo_this(&id, asked.of, &by.name).await?))
        })
        .await
}

#[utoipa::path(get, path = "/api/v1/research", params(("q" = String, Query)),
    responses((status = 200, description = "Payments by account, name, amount, check number or date")))]
pub async fn research(State(desk): State<Desk>, visit: Visit) -> Answer {
    let query = visit.query();
    let text: String = query.get("q").chars().take(120).collect();
    let hits = desk.office.store().research(&super::research::wanted(&text, query.get("date")).0).await?;
    let list: Vec<Value> = hits
        .into_iter()
        .map(|h| {
            json!({ "transaction": h.transaction, "batch": h.batch, "batch_name": h.batch_name, "date": h.date,
                "state": h.state, "amount": h.received, "account": h.account.map(|a| a.masked()), "bill": h.bill,
                "name": h.name })
        })
        .collect();
    Ok(Json(json!({ "found": list })).into_response())
}

#[utoipa::path(get, path = "/api/v1/deposits", responses((status = 200, description = "Every deposit")))]
pub async fn deposits(State(desk): State<Desk>) -> Answer {
    let list: Vec<Value> = desk.office.deposits().await?.iter().map(|d| desk.office.deposit_view(d)).collect();
    Ok(Json(json!({ "deposits": list })).into_response())
}

#[utoipa::path(get, path = "/api/v1/ledger/balances",
    responses((status = 200, description = "Debits, credits and balance of each ledger account")))]
pub async fn balances(State(desk): State<Desk>) -> Answer {
    Ok(Json(json!({ "balances": desk.office.balances().await? })).into_response())
}

#[utoipa::path(get, path = "/api/v1/openapi.json", responses((status = 200, description = "This document")))]
pub async fn document() -> Answer {
    Ok(Json(Document::openapi()).into_response())
}

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_with(Default::default).add_security_scheme("token", scheme);
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "remit", description = "The review desk's moves for programs. Money is a decimal string, dates are ISO 8601."),
    paths(
        batches, batch, balance, approve, post, exceptions, exception, decide, hold, undo, research, deposits, balances,
        document, programs::tray_file, programs::take_tray, programs::take_watched, programs::regroup, programs::void,
        programs::mend, programs::side, programs::rescan, programs::make_deposits, programs::deposit_file,
        programs::proof_sheet, programs::list_returns, programs::act_on_return, programs::return_letter,
        programs::drawers, programs::work_drawer, programs::note, programs::ledger_export,
    ),
    components(schemas(
        ProblemDetails, DecideBody, HoldBody, UndoBody, Left, programs::RegroupBody, programs::VoidBody, programs::MendBody,
        programs::WatchedBody, programs::NoteBody, programs::DepositBody, programs::FormBody, programs::MoveBody,
    )),
    modifiers(&Bearer),
    security(("token" = []))
)]
pub struct Document;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{Policy, router};

    /// Every route of the API stands in the document and the other way round, with the same method.
    #[test]
    fn routes_and_document_agree() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut said: Vec<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |m| format!("{m} {path}")).collect::<Vec<_>>()
            })
            .collect();
        let mut routed: Vec<String> = router::LINES
            .iter()
            .filter(|l| matches!(l.policy, Policy::Token(_)))
            .map(|l| format!("{} {}", l.method, l.path))
            .collect();
        said.sort();
        routed.sort();
        assert_eq!(said, routed);
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let keyed = operation["parameters"].to_string().contains("Idempotency-Key");
                assert_eq!(keyed, method == "post", "{method} {path}");
            }
        }
        // What it points to is there, and every field of a body that the code takes is said.
        let text = document.to_string();
        for place in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = place.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        let body = |value: Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        for (name, path, fields) in [
            ("UndoBody", "transactions/{id}/undo", body(json!(UndoBody::default()))),
            ("HoldBody", "transactions/{id}/hold", body(json!(HoldBody::default()))),
            ("FormBody", "trays/{tray}/take", body(json!(programs::FormBody::default()))),
        ] {
            let said = &document["paths"][format!("/api/v1/{path}")]["post"]["requestBody"];
            assert!(said.to_string().contains(&format!("schemas/{name}\"")), "{path}: {said}");
            assert_eq!(body(document["components"]["schemas"][name]["properties"].clone()), fields, "{name}");
        }
    }

    #[test]
    fn accounts_leave_masked() {
        let mut value = json!({ "applications": [{ "account": "8130687182", "bill": "1" }] });
        mask(&mut value);
        assert_eq!(value["applications"][0]["account"], "...7182");
    }
}
