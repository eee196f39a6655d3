//! Settings that two people change: the rules of matching with a simulation over past batches, the banks' profiles, how long
//! images are kept. Who proposes never confirms; what was confirmed counts at once, at the desk and in every command.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::Desk;
use super::form::Form;
use super::gate::Visit;
use super::page::{Frame, Problem, html, money_or, see_other, sentence};
use crate::domain::{Day, Role};
use crate::pipeline::{Outcome, settings};
use crate::truncation::Profile;

/// A change that waits for a second person.
struct Waiting {
    number: i64,
    what: String,
    by: String,
    at: String,
    lines: Vec<(&'static str, String)>,
    own: bool,
}

/// A payment that other rules would have matched otherwise.
struct ChangedLine {
    href: String,
    batch: String,
    received: String,
    was: String,
    would: String,
}

struct Simulation {
    words: String,
    changed: Vec<ChangedLine>,
    more: usize,
}

/// One key of a bank's profile.
struct Field {
    name: String,
    label: String,
    value: String,
    /// `text`, `number`, `flag` or `block`.
    kind: &'static str,
}

struct Bank {
    name: String,
    summary: String,
    fields: Vec<Field>,
    here: bool,
}

#[derive(Template)]
#[template(path = "settings.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    part: &'static str,
    text: String,
    manual: String,
    wrong: String,
    /// Shown once: what was confirmed just now made it.
    secret: String,
    waiting: Vec<Waiting>,
    from: String,
    to: String,
    simulation: Option<Simulation>,
    banks: Vec<Bank>,
    years: u32,
    due: String,
    holds: Vec<String>,
    may_change: bool,
    may_confirm: bool,
}

pub fn part_of(text: &str) -> &'static str {
    settings::PARTS.into_iter().find(|p| *p == text).unwrap_or("matching")
}

fn title(part: &str) -> &'static str {
    match part {
        "bank" => "Banks",
        "retention" => "Retention",
        settings::USER => "People",
        settings::INVITE => "A new way in",
        settings::TOKEN => "A program's token",
        settings::LAYOUTS => "Stub layouts",
        _ => "Rules",
    }
}

/// What a proposal changes, line by line: gone and new ones, in their order.
fn lines(before: &str, after: &str) -> Vec<(&'static str, String)> {
    let clean = |text: &str| -> Vec<String> {
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(String::from).collect()
    };
    let (before, after) = (clean(before), clean(after));
    let gone = before.iter().filter(|l| !after.contains(l)).map(|l| ("gone", l.clone()));
    let new = after.iter().filter(|l| !before.contains(l)).map(|l| ("new", l.clone()));
    gone.chain(new).take(40).collect()
}

async fn waiting(desk: &Desk, visit: &Visit) -> Result<Vec<Waiting>, Problem> {
    let me = visit.person()?.name.clone();
    let mut list = Vec::new();
    for change in desk.office.store().setting_changes().await?.into_iter().filter(|c| c.ended_by.is_none()) {
        let lines = match (settings::user_of(&change), change.part.as_str()) {
            (Some((name, roles)), _) => {
                let roles: Vec<&str> = roles.iter().map(|r| r.as_str()).collect();
                vec![("new", format!("{name}: {}", roles.join(", ")))]
            }
            (None, settings::INVITE) => vec![
                ("gone", format!("the password and second factor of {}", change.text)),
                ("new", "an invitation, for you to hand over".to_string()),
            ],
            (None, settings::TOKEN) => vec![("new", change.text.clone())],
            (None, settings::LAYOUTS) => {
                let now = desk.office.store().layouts().await?;
                lines(&now.iter().map(|l| l.toml.as_str()).collect::<Vec<_>>().join("\n"), &change.text)
            }
            (None, part) => lines(&desk.office.setting_text(part).await?, &change.text),
        };
        list.push(Waiting {
            number: change.number,
            what: title(&change.part).to_string(),
            own: change.by == me,
            by: change.by.0,
            at: change.at.replace('T', " ").trim_end_matches('Z').to_string(),
            lines,
        });
    }
    Ok(list)
}

/// How many changes wait for this person.
pub async fn waits_for(desk: &Desk, visit: &Visit) -> Result<usize, Problem> {
    if !visit.has(&[Role::Admin, Role::Approve]) {
        return Ok(0);
    }
    let me = &visit.person()?.name;
    let all = desk.office.store().setting_changes().await?;
    Ok(all.iter().filter(|c| c.ended_by.is_none() && c.by != *me).count())
}

fn fields(profile: &Profile) -> Vec<Field> {
    let table = toml::Table::try_from(profile).unwrap_or_default();
    table
        .into_iter()
        .filter(|(name, _)| name != "name")
        .map(|(name, value)| {
            let label = name.replace('_', " ");
            let (kind, value) = match value {
                toml::Value::String(text) => ("text", text),
                toml::Value::Integer(n) => ("number", n.to_string()),
                toml::Value::Boolean(on) => ("flag", if on { "on".into() } else { String::new() }),
                other => ("block", other.to_string()),
            };
            Field { name, label, value, kind }
        })
        .collect()
}

async fn show(
    desk: &Desk,
    visit: &Visit,
    part: &'static str,
    form: &Form,
    secret: String,
) -> Result<Response, Problem> {
    let office = &desk.office;
    let text = match form.0.iter().find(|(name, _)| name == "text") {
        Some((_, text)) => text.replace("\r\n", "\n"),
        None => office.setting_text(part).await?,
    };
    let newest = office.batches().await?.iter().map(|b| b.date).max().unwrap_or_else(|| office.clock.today());
    let asked = |name: &str| form.get(name).parse::<Day>().unwrap_or(newest);
    let (from, to) = (asked("from"), asked("to"));
    let mut page = Page {
        frame: Frame::new(desk, visit, title(part), "/admin").await?.on("settings"),
        part,
        manual: settings::manual(part),
        wrong: String::new(),
        secret,
        waiting: waiting(desk, visit).await?,
        from: from.to_string(),
        to: to.to_string(),
        simulation: None,
        banks: Vec::new(),
        years: office.site.config.retention.images_years,
        due: String::new(),
        holds: Vec::new(),
        may_change: visit.has(&[Role::Admin]),
        may_confirm: visit.has(&[Role::Admin, Role::Approve]),
        text,
    };
    match part {
        "matching" if form.get("do") == "simulate" => match office.config_with(part, &page.text).await {
            Err(why) => page.wrong = sentence(&why.to_string()),
            Ok(changed) => match office.simulate(from, to, &changed.matching).await {
                Err(why) => page.wrong = sentence(&why.to_string()),
                Ok(told) => page.simulation = Some(simulation(told)),
            },
        },
        "bank" => {
            page.banks = office
                .site
                .config
                .bank
                .iter()
                .map(|b| Bank {
                    summary: format!(
                        "{} {} \u{2192} {} {}",
                        b.origin, b.origin_name, b.destination, b.destination_name
                    ),
                    fields: fields(b),
                    here: form.get("bank") == b.name,
                    name: b.name.clone(),
                })
                .collect();
        }
        "retention" => {
            let years = i64::from(page.years);
            let before = office.clock.today().date().checked_sub(jiff::Span::new().years(years));
            if let (Ok(before), true) = (before, page.may_change) {
                let purge = office.store().purge(Day::of(before), false, &visit.person()?.name).await?;
                page.due = format!(
                    "{} images of {} batches and {} files as they came are older than {} today; {} batches stay for a court. \
                     `remit purge` takes them away.",
                    purge.images,
                    purge.batches,
                    purge.files,
                    Day::of(before),
                    purge.held.len()
                );
            }
            let holds = office.store().holds().await?;
            let standing = holds.into_iter().filter(|h| h.released_by.is_none());
            page.holds = standing.map(|h| format!("{}: {} ({}, {})", h.subject, h.note, h.by, h.at)).collect();
        }
        _ => {}
    }
    html(&page)
}

fn simulation(told: crate::pipeline::Simulated) -> Simulation {
    const MOST: usize = 100;
    let said = |o: &Outcome| {
        let lines = if o.lines.is_empty() { "nothing".to_string() } else { o.lines.join(", ") };
        format!("{}: {lines} {}", o.state.as_str(), o.reasons.join(" "))
    };
    let words = format!(
        "{} batches, {} payments: {} would change. {} need nobody now, {} would.",
        told.batches,
        told.transactions,
        told.changed.len(),
        told.clean_was,
        told.clean_would
    );
    let more = told.changed.len().saturating_sub(MOST);
    let changed = told.changed.iter().take(MOST).map(|c| ChangedLine {
        href: format!("/transactions/{}", c.transaction),
        batch: c.batch_name.clone(),
        received: money_or(c.received, "not known"),
        was: said(&c.was),
        would: said(&c.would),
    });
    Simulation { words, changed: changed.collect(), more }
}

/// `GET /admin/settings?part=bank`
pub async fn page(State(desk): State<Desk>, visit: Visit) -> Result<Response, Problem> {
    let query = visit.query();
    let asked = Form(query.0.into_iter().filter(|(name, _)| matches!(name.as_str(), "part" | "bank")).collect());
    show(&desk, &visit, part_of(asked.get("part")), &asked, String::new()).await
}

/// `POST /admin/settings`: simulate, or propose.
pub async fn change(State(desk): State<Desk>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let part = part_of(form.get("part"));
    if form.get("do") == "simulate" {
        return show(&desk, &visit, part, &form, String::new()).await;
    }
    let text = match part {
        "bank" => bank_text(&desk, &form)?,
        "retention" => format!("[retention]\nimages_years = {}\n", form.get("years")),
        _ => form.get("text").replace("\r\n", "\n") + "\n",
    };
    desk.office.propose_setting(part, &text, &visit.person()?.name).await?;
    Ok(see_other(&format!("/admin/settings?part={part}&done=proposed")))
}

/// The banks' blocks with one of them as the form has it.
fn bank_text(desk: &Desk, form: &Form) -> Result<String, Problem> {
    let wrong = |why: String| Problem::wrong(sentence(&why), "Nothing was changed.");
    let mut blocks = Vec::new();
    let mut found = false;
    for bank in &desk.office.site.config.bank {
        let mut table = toml::Table::try_from(bank).map_err(|e| wrong(e.to_string()))?;
        if bank.name == form.get("bank") {
            found = true;
            for field in fields(bank) {
                let given = form.get(&format!("bank.{}", field.name));
                let value = match field.kind {
                    "number" => given
                        .parse()
                        .map(toml::Value::Integer)
                        .map_err(|_| wrong(format!("'{}' is a whole number", field.label)))?,
                    "flag" => toml::Value::Boolean(!given.is_empty()),
                    "block" => {
                        let block: toml::Table =
                            toml::from_str(&format!("x = {given}")).map_err(|e| wrong(e.to_string()))?;
                        block.get("x").cloned().unwrap_or(toml::Value::Boolean(false))
                    }
                    _ => toml::Value::String(given.to_string()),
                };
                table.insert(field.name, value);
            }
        }
        blocks.push(toml::Value::Table(table));
    }
    if !found {
        return Err(Problem::unknown("bank"));
    }
    Ok(toml::Table::from_iter([("bank".to_string(), toml::Value::Array(blocks))]).to_string())
}

/// `POST /admin/settings/changes/{number}`: confirmed by another person, or withdrawn.
pub async fn end(
    State(desk): State<Desk>,
    visit: Visit,
    Path(number): Path<i64>,
    form: Form,
) -> Result<Response, Problem> {
    let person = &visit.person()?.name;
    if form.get("do") == "withdraw" {
        desk.office.store().end_setting(number, false, person).await?;
        return Ok(see_other("/admin/settings?done=withdrawn"));
    }
    let (office, secret) = desk.office.confirm_setting(number, person).await?;
    desk.renew(office);
    match secret {
        None => Ok(see_other("/admin/settings?done=confirmed")),
        Some(secret) => show(&desk, &visit, "matching", &Form::default(), secret).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_shows_what_it_changes() {
        let got = lines("[a]\n# why\nx = 1\ny = 2\n", "[a]\nx = 3\ny = 2\n");
        assert_eq!(got, [("gone", "x = 1".to_string()), ("new", "x = 3".to_string())]);
    }
}
