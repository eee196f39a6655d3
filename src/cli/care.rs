//! `notices`, `meters`: payments that somebody must hear of at capture, before anything is posted. Account numbers are masked here; the
//! export in the site's folder `notices/` has them in full, for the systems of collections and agencies.

use clap::Args;

use super::{Global, print};
use crate::domain::Day;
use crate::pipeline::Office;

#[derive(Args, Debug)]
pub struct NoticesArgs {
    /// Of this business day and later (default: today)
    #[arg(long)]
    since: Option<Day>,
}

pub async fn notices(args: NoticesArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let list = office.notices(args.since.unwrap_or_else(|| office.clock.today())).await?;
    if global.json {
        list.iter().try_for_each(print::json)?;
    } else if list.is_empty() {
        print::line("Nobody has to hear of anything.");
    } else {
        let mut table = print::Table::new(&["date", "notice", "account", "bill", ">amount", "agency", "what"]);
        for n in &list {
            table.row(vec![
                n.date.to_string(),
                n.code.clone(),
                n.account.masked(),
                n.bill.clone(),
                n.amount.map_or_else(|| "?".into(), |a| a.to_string()),
                n.agency.clone(),
                n.message.clone(),
            ]);
        }
        table.print();
    }
    Ok(0)
}

#[derive(Args, Debug)]
pub struct MetersArgs {
    /// Of this business day and later (default: today)
    #[arg(long)]
    since: Option<Day>,
}

/// Meter readings that came on stubs; the export is in the site's folder `meters/`.
pub async fn meters(args: MetersArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let list = office.meters(args.since.unwrap_or_else(|| office.clock.today())).await?;
    if global.json {
        list.iter().try_for_each(print::json)?;
    } else if list.is_empty() {
        print::line("No meter was read.");
    } else {
        let mut table = print::Table::new(&["date", "account", "meter", ">reading", ">previous", ">used", "verdict"]);
        let text = |n: Option<i64>| n.map_or_else(|| "-".into(), |n| n.to_string());
        for m in &list {
            table.row(vec![
                m.date.to_string(),
                m.account.masked(),
                m.meter.clone(),
                m.reading.to_string(),
                text(m.previous),
                text(m.used),
                m.verdict.as_str().into(),
            ]);
        }
        table.print();
    }
    Ok(0)
}
