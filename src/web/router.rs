//! The table of contents: every route, who may ask for it, and the file that answers. A line without a policy cannot be
//! written; what has no line is not found.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};

use super::gate::{Policy, gate};
use super::{
    Desk, Shared, account, admin, api, balance, batch, capture, door, drawer, exceptions, images, item, key, ledger,
    page, programs, release, research, returns, settings, statics, today, twin, watched,
};
use crate::domain::Role::{self, Admin, Approve, Auditor, Capture, Cashier, Key, Match, Release};

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub method: &'static str,
    pub path: &'static str,
    pub policy: Policy,
}

const TAKE_IN: Policy = Policy::Roles(&[Capture]);
const WORK: Policy = Policy::Roles(&[Key, Match]);
const SETTLE: Policy = Policy::Roles(&[Match]);
const SEE: Policy = Policy::SignedIn;
const APPROVE: Policy = Policy::Fresh(&[Approve]);
const RELEASE: Policy = Policy::Fresh(&[Release]);
const ADMINISTER: Policy = Policy::Fresh(&[Admin]);
const LOOK_AFTER: Policy = Policy::Roles(&[Admin, Auditor]);
const COUNTER: Policy = Policy::Roles(&[Cashier]);
const EXPORT: Policy = Policy::Fresh(&[Release, Auditor]);
/// Who may see full account numbers.
pub const UNMASKERS: &[Role] = &[Match, Approve, Auditor];
const ANY: &[Role] = &Role::ALL;

macro_rules! routes {
    ($($method:ident $path:literal $policy:expr => $handler:path;)*) => {
        pub const LINES: &[Line] =
            &[$(Line { method: stringify!($method), path: $path, policy: $policy },)*];

        fn all() -> Router<Shared> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! {
    get  "/sign-in" Policy::Open => door::sign_in_page;
    post "/sign-in" Policy::Open => door::sign_in;
    get  "/set-up" Policy::Open => door::set_up_page;
    post "/set-up" Policy::Open => door::set_up;
    get  "/welcome" Policy::Open => door::welcome_page;
    post "/welcome" Policy::Open => door::welcome;
    get  "/static/{file}" Policy::Open => statics::file;
    get  "/health" Policy::Open => today::health;
    post "/sign-out" SEE => door::sign_out;
    get  "/prove" SEE => door::prove_page;
    post "/prove" SEE => door::prove;

    get  "/" SEE => today::page;

    get  "/capture" TAKE_IN => capture::page;
    post "/capture/{tray}/file" TAKE_IN => capture::file;
    post "/capture/{tray}/close" TAKE_IN => capture::close;
    get  "/capture/watched" TAKE_IN => watched::part;
    post "/capture/watched" TAKE_IN => watched::take;
    get  "/capture/progress" SEE => capture::progress;

    get  "/batches" SEE => batch::list;
    get  "/batches/{id}" SEE => batch::page;
    post "/batches/{id}/regroup" SETTLE => batch::regroup;
    post "/batches/{id}/void" SETTLE => batch::void;
    get  "/batches/{id}/balance" SEE => balance::page;
    post "/batches/{id}/balance" SETTLE => balance::balance;
    post "/batches/{id}/mend" SETTLE => balance::mend;
    get  "/batches/{id}/approve" SEE => release::approve_page;
    post "/batches/{id}/approve" APPROVE => release::approve;
    post "/batches/{id}/post" APPROVE => release::post;

    get  "/exceptions" SEE => exceptions::page;
    get  "/exceptions/next" SEE => exceptions::next;
    get  "/exceptions/{id}" SEE => item::page;
    post "/exceptions/{id}" WORK => item::decide;
    get  "/transactions/{id}" SEE => item::transaction;
    post "/transactions/{id}/lease" WORK => item::lease;
    post "/transactions/{id}/undo" WORK => item::undo;
    post "/transactions/{id}/hold" SETTLE => item::hold;
    post "/transactions/{id}/note" WORK => item::note;
    post "/transactions/{id}/unmask" Policy::Fresh(UNMASKERS) => item::unmask;
    get  "/documents/{id}/snippet" SEE => images::snippet;
    get  "/documents/{id}/side/{side}" SEE => images::side;
    get  "/documents/{id}/earlier/{number}" SEE => images::earlier;
    post "/documents/{id}/rescan" Policy::Roles(&[Capture, Match]) => images::rescan;
    get  "/key" WORK => key::page;

    get  "/deposits" SEE => release::deposits;
    post "/deposits" RELEASE => release::make;
    get  "/deposits/{id}" SEE => release::deposit;
    get  "/deposits/{id}/twin" SEE => twin::page;
    get  "/deposits/{id}/file" EXPORT => release::file;
    get  "/proof-sheet" SEE => release::proof_sheet;

    get  "/returns" SEE => returns::page;
    post "/returns/{id}" SETTLE => returns::act;
    get  "/returns/{id}/letter" Policy::Roles(&[Match, Release, Auditor]) => returns::letter;
    get  "/drawer" COUNTER => drawer::page;
    post "/drawer" COUNTER => drawer::act;

    get  "/research" SEE => research::page;
    get  "/ledger" SEE => ledger::page;
    get  "/ledger/{account}" SEE => ledger::account;
    get  "/entries/{number}" SEE => ledger::entry;
    get  "/ledger-export" EXPORT => ledger::export;

    get  "/account" SEE => account::page;
    post "/account/password" SEE => account::password;
    post "/account/settings" SEE => account::settings;
    get  "/account/second-factor" SEE => account::second_factor_page;
    post "/account/second-factor" SEE => account::second_factor;

    get  "/admin" LOOK_AFTER => admin::page;
    post "/admin/users" ADMINISTER => admin::add_user;
    post "/admin/users/{name}/invite" ADMINISTER => admin::invite;
    post "/admin/users/{name}/disable" ADMINISTER => admin::disable;
    post "/admin/users/{name}/unlock" ADMINISTER => admin::unlock;
    post "/admin/tokens" ADMINISTER => admin::add_token;
    post "/admin/tokens/{id}/end" ADMINISTER => admin::end_token;
    get  "/admin/layouts" LOOK_AFTER => admin::layouts;
    get  "/admin/settings" Policy::Roles(&[Admin, Auditor, Approve]) => settings::page;
    post "/admin/settings" ADMINISTER => settings::change;
    post "/admin/settings/changes/{number}" Policy::Fresh(&[Admin, Approve]) => settings::end;
    post "/admin/layouts" ADMINISTER => admin::save_layouts;

    get  "/api/v1/batches" Policy::Token(ANY) => api::batches;
    get  "/api/v1/batches/{id}" Policy::Token(ANY) => api::batch;
    post "/api/v1/batches/{id}/balance" Policy::Token(&[Match]) => api::balance;
    post "/api/v1/batches/{id}/approve" Policy::Token(&[Approve]) => api::approve;
    post "/api/v1/batches/{id}/post" Policy::Token(&[Approve]) => api::post;
    get  "/api/v1/exceptions" Policy::Token(ANY) => api::exceptions;
    get  "/api/v1/exceptions/{id}" Policy::Token(ANY) => api::exception;
    post "/api/v1/exceptions/{id}/decide" Policy::Token(&[Key, Match]) => api::decide;
    post "/api/v1/transactions/{id}/hold" Policy::Token(&[Match]) => api::hold;
    post "/api/v1/transactions/{id}/undo" Policy::Token(&[Key, Match]) => api::undo;
    post "/api/v1/transactions/{id}/note" Policy::Token(&[Key, Match]) => programs::note;
    put  "/api/v1/trays/{tray}/files/{name}" Policy::Token(&[Capture]) => programs::tray_file;
    post "/api/v1/trays/{tray}/take" Policy::Token(&[Capture]) => programs::take_tray;
    post "/api/v1/watched" Policy::Token(&[Capture]) => programs::take_watched;
    post "/api/v1/batches/{id}/regroup" Policy::Token(&[Match]) => programs::regroup;
    post "/api/v1/batches/{id}/void" Policy::Token(&[Match]) => programs::void;
    post "/api/v1/batches/{id}/mend" Policy::Token(&[Match]) => programs::mend;
    get  "/api/v1/documents/{id}/side/{side}" Policy::Token(ANY) => programs::side;
    put  "/api/v1/documents/{id}/side/{side}" Policy::Token(&[Capture, Match]) => programs::rescan;
    post "/api/v1/deposits" Policy::Token(&[Release]) => programs::make_deposits;
    get  "/api/v1/deposits/{id}/file" Policy::Token(&[Release, Auditor]) => programs::deposit_file;
    get  "/api/v1/proof-sheet" Policy::Token(ANY) => programs::proof_sheet;
    get  "/api/v1/returns" Policy::Token(ANY) => programs::list_returns;
    post "/api/v1/returns/{id}" Policy::Token(&[Match]) => programs::act_on_return;
    get  "/api/v1/returns/{id}/letter" Policy::Token(&[Match, Release, Auditor]) => programs::return_letter;
    get  "/api/v1/drawer" Policy::Token(&[Cashier]) => programs::drawers;
    post "/api/v1/drawer" Policy::Token(&[Cashier]) => programs::work_drawer;
    get  "/api/v1/ledger/export" Policy::Token(&[Release, Auditor]) => programs::ledger_export;
    get  "/api/v1/research" Policy::Token(ANY) => api::research;
    get  "/api/v1/deposits" Policy::Token(ANY) => api::deposits;
    get  "/api/v1/ledger/balances" Policy::Token(ANY) => api::balances;
    get  "/api/v1/openapi.json" Policy::Token(ANY) => api::document;
}

/// Who may ask for a route; `None` where there is none.
pub fn policy(method: &Method, path: &str) -> Option<Policy> {
    let is = |l: &&Line| l.method.eq_ignore_ascii_case(method.as_str()) && l.path == path;
    LINES.iter().find(is).map(|l| l.policy)
}

pub fn router(desk: Desk) -> Router {
    let largest = desk.office.site.config.desk.upload_megabytes.saturating_mul(1 << 20) as usize;
    let shared = Shared(desk);
    all()
        .fallback(|| async { page::Problem::unknown("page") })
        .layer(DefaultBodyLimit::max(largest))
        .layer(from_fn_with_state(shared.clone(), gate))
        .with_state(shared)
}
