//! The counter's drawer: its float, payments and change, money paid out, the blind count by denominations, and what it says.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::item::amount_of;
use super::page::{Frame, Problem, html, money, see_other, sentence, short_or_over};
use super::reels::{self, Reel, reels};
use crate::domain::drawer::{Pieces, Tender};
use crate::domain::{AccountNumber, Biller, Cents};
use crate::pipeline::Received;

/// Pieces that are counted: name of the field, what it is, cents.
const DENOMINATIONS: &[(&str, &str, i64)] = &[
    ("p10000", "100", 10_000),
    ("p5000", "50", 5_000),
    ("p2000", "20", 2_000),
    ("p1000", "10", 1_000),
    ("p500", "5", 500),
    ("p100", "1", 100),
    ("p25", "0.25", 25),
    ("p10", "0.10", 10),
    ("p5", "0.05", 5),
    ("p1", "0.01", 1),
];

struct SlipLine {
    number: i64,
    what: String,
    tender: &'static str,
    amount: String,
    change: String,
    /// Who must hear of it was told at its receipt.
    notices: String,
}

#[derive(Template)]
#[template(path = "drawer.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    open: bool,
    number: i64,
    name: String,
    state: String,
    float: String,
    slips: Vec<SlipLine>,
    reels: Vec<Reel>,
    counted: bool,
    over_short: String,
    agrees: bool,
    wrong_tender: String,
    denominations: &'static [(&'static str, &'static str, i64)],
    mark: String,
}

/// Slips on one part of the list, the newest first.
const IN_SIGHT: usize = 100;

pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let person = visit.person()?.name.clone();
    let mine = desk.office.drawers().await?.into_iter().rev().find(|d| d.cashier == person && d.state != "closed");
    let mut page = Page {
        frame: Frame::new(&desk, &visit, "Drawer", "/drawer").await?.on("drawer"),
        open: mine.is_some(),
        number: 0,
        name: String::new(),
        state: String::new(),
        float: String::new(),
        slips: Vec::new(),
        reels: Vec::new(),
        counted: false,
        over_short: String::new(),
        agrees: false,
        wrong_tender: String::new(),
        denominations: DENOMINATIONS,
        mark: super::one_time::new_token().map_err(super::door::trouble)?[..20].to_string(),
    };
    if let Some(drawer) = mine {
        (page.number, page.name, page.state) = (drawer.number, drawer.name.clone(), drawer.state.to_string());
        page.float = money(drawer.opening);
        let notices = desk.office.drawer_notices(drawer.number).await?;
        let told = |slip: i64| {
            let of = notices.iter().filter(|n| n.receipt == Some(slip));
            of.map(|n| n.code.replace('-', " ")).collect::<Vec<_>>().join(", ")
        };
        let slips = desk.office.drawer_slips(drawer.number).await?;
        let here = reels::from(&visit, slips.len(), IN_SIGHT);
        page.reels = reels(slips.len(), IN_SIGHT, here, "");
        page.slips = slips
            .into_iter()
            .rev()
            .skip(here)
            .take(IN_SIGHT)
            .map(|s| SlipLine {
                number: s.number,
                notices: told(s.number),
                what: match (&s.account, s.is_payout) {
                    (Some(account), false) => account.masked(),
                    (Some(account), true) => format!("paid out to {}", account.masked()),
                    (None, _) => format!("paid out: {}", s.memo),
                },
                tender: s.tender.as_str(),
                amount: money(s.amount),
                change: s.tendered.minus(s.amount).ok().filter(|c| c.is_positive()).map(money).unwrap_or_default(),
            })
            .collect();
        if let Some((count, suspects)) = desk.office.drawer_count(&drawer).await? {
            page.counted = true;
            page.agrees = count.over_short.is_zero() && count.wrong_tender.is_none();
            page.over_short = short_or_over(count.over_short);
            if let Some(amount) = count.wrong_tender {
                let slips: Vec<String> = suspects.iter().map(ToString::to_string).collect();
                let named =
                    if slips.is_empty() { String::new() } else { format!(": look at slip {}", slips.join(", ")) };
                page.wrong_tender = format!(
                    "Cash and checks are out by {} in opposite directions. One slip probably stands under the wrong tender{named}.",
                    money(amount)
                );
            }
        }
    }
    html(&page)
}

fn cents(form: &Form, field: &str) -> Result<Cents, Problem> {
    let typed = if form.get(field).is_empty() { "0.00".to_string() } else { amount_of(form.get(field)) };
    typed
        .parse()
        .map_err(|e: crate::domain::MoneyError| Problem::wrong(sentence(&e.to_string()), "Nothing was changed."))
}

/// Every move of the drawer; which one, the form says.
pub async fn act(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let already = work(&desk, &visit, &form).await?;
    let said = match form.get("move") {
        _ if already => "already",
        "open" => "drawer-open",
        "receive" => "slip",
        "payout" => "paid-out",
        "count" => "counted",
        _ => "drawer-closed",
    };
    Ok(see_other(&format!("/drawer?done={said}")))
}

/// True where it was done before.
pub async fn work(desk: &Desk, visit: &Visit, form: &Form) -> Result<bool, Problem> {
    let by = &visit.person()?.name;
    let office = &desk.office;
    let text = |field: &str| Some(form.get(field).to_string()).filter(|t| !t.is_empty());
    let what = form.get("move");
    if what == "open" {
        let float = cents(form, "float")?;
        return Ok(office.open_drawer(&format!("counter {by}"), office.clock.today(), float, by).await?.1);
    }
    let drawer = office.find_drawer(form.get("drawer")).await?;
    if drawer.cashier != *by {
        return Err(Problem::not_yours());
    }
    Ok(match what {
        "receive" => {
            let tender = Tender::parse(form.get("tender"))
                .ok_or_else(|| Problem::wrong("Say how it was paid.", "Nothing was changed."))?;
            let amount = cents(form, "amount")?;
            let tendered = if form.get("tendered").is_empty() { amount } else { cents(form, "tendered")? };
            let received = Received {
                tender,
                amount,
                tendered,
                reference: form.get("reference").to_string(),
                biller: text("biller").map(Biller),
                account: AccountNumber::new(form.get("account")),
                bill: text("bill"),
                memo: form.get("memo").to_string(),
                mark: form.get("mark").to_string(),
            };
            office.receive(&drawer, &received, by).await?.1
        }
        "payout" => {
            let account = text("account").map(AccountNumber::new);
            office
                .pay_out(&drawer, cents(form, "amount")?, account.as_ref(), form.get("memo"), form.get("mark"), by)
                .await?
                .1
        }
        "count" => {
            let mut pieces = Vec::new();
            for (field, _, each) in DENOMINATIONS {
                let typed = form.get(field);
                let count = if typed.is_empty() { Ok(0) } else { typed.parse() };
                let count =
                    count.map_err(|_| Problem::wrong("A number of pieces is not a number.", "Nothing was changed."))?;
                pieces.push(Pieces { count, each: Cents::new(*each) });
            }
            office.count_drawer(&drawer, &pieces, cents(form, "checks")?, by).await?.1
        }
        "close" => office.close_drawer(&drawer, by).await?.already,
        _ => return Err(Problem::wrong("There is no such move.", "Nothing was changed.")),
    })
}
