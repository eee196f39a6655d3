//! `remit amounts`: how well this site reads amounts, by what its people keyed; from what threshold it may confirm them; where
//! the amount stands on a layout of checks; and the fields to learn from.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Global, person, print};
use crate::decode::amount::find::Zone;
use crate::domain::Role;
use crate::pipeline::{Office, Outlook, STEPS, SortOutlook};
use crate::station;

pub const HELP: &str = "A new site shows what it reads and takes nothing by itself. When enough checks were keyed:
  remit amounts measure                       what each threshold would have confirmed, and how much of it wrong
  remit --as admin amounts set --threshold 2  confirm from these log-odds on; refused when the keyed checks do not bear it out
  remit --as admin amounts clear              back to showing only
Where the field is not found by itself:
  remit --as admin amounts zone DOCUMENT --x 0.76 --y 0.36 --width 0.2 --height 0.12";

#[derive(Subcommand, Debug)]
pub enum AmountsCommand {
    /// Mode, threshold, model and weights
    Status,
    /// What each threshold would have done to the checks that people keyed
    Measure,
    /// Confirm amounts from these log-odds on
    Set {
        #[arg(long, allow_hyphen_values = true)]
        threshold: f32,
    },
    /// Confirm nothing any more
    Clear,
    /// Where the amount stands on checks like this one, as parts of the upright page's width and height
    Zone {
        document: String,
        #[arg(long)]
        x: f32,
        #[arg(long)]
        y: f32,
        #[arg(long)]
        width: f32,
        #[arg(long)]
        height: f32,
    },
    /// Fields and what was keyed for them, as a folder that `eval amount` reads
    Export { folder: PathBuf },
}

pub async fn run(command: AmountsCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        AmountsCommand::Status => {
            let status = office.amount_status().await?;
            if global.json {
                print::json(&status)?;
            } else {
                print::line(format!(
                    "{}, threshold {} ({}), model {}, weights {}",
                    status.mode,
                    status.threshold,
                    status.threshold_id,
                    status.model,
                    status.weights.as_deref().map_or("damaged: amounts are not read", |w| &w[..12])
                ));
            }
        }
        AmountsCommand::Measure => {
            let judged = office.judged_amounts().await?;
            let rows: Vec<Outlook> = STEPS.iter().map(|t| Outlook::of(&judged, *t)).collect();
            let threshold = office.amount_status().await?.threshold;
            let sorts = SortOutlook::all(&judged, threshold);
            if global.json {
                rows.iter().try_for_each(print::json)?;
                sorts.iter().try_for_each(print::json)?;
                return Ok(0);
            }
            let mut table = print::Table::new(&[">threshold", ">keyed", ">confirmed", ">wrong", ">at most wrong"]);
            for row in rows {
                table.row(vec![
                    format!("{:.1}", row.threshold),
                    row.keyed.to_string(),
                    row.confirmed.to_string(),
                    row.wrong.to_string(),
                    format!("{:.2}%", row.most_wrong * 100.0),
                ]);
            }
            table.print();
            print::line(format!("\nAt the threshold of {threshold:.1}, with 95% bounds:"));
            let mut table = print::Table::new(&["checks", ">of", ">confirmed", ">wrong of them"]);
            for row in sorts {
                table.row(vec![row.sort, row.confirmed.of.to_string(), row.confirmed.text(), row.wrong.text()]);
            }
            table.print();
        }
        AmountsCommand::Set { threshold } => {
            let by = person(office, global, &[Role::Admin]).await?.name;
            let set = office.set_amount_threshold(threshold, &by).await?;
            if global.json {
                print::json(&set)?;
            } else {
                print::line(format!(
                    "amounts are confirmed from {threshold} on: {} of {} keyed checks, {} wrong, at most {:.2}%",
                    set.confirmed,
                    set.keyed,
                    set.wrong,
                    set.most_wrong * 100.0
                ));
            }
        }
        AmountsCommand::Clear => {
            let by = person(office, global, &[Role::Admin]).await?.name;
            office.clear_amount_threshold(&by).await?;
            print::line("amounts are shown only");
        }
        AmountsCommand::Zone { document, x, y, width, height } => {
            let by = person(office, global, &[Role::Admin, Role::Operator]).await?.name;
            let inside = |from: f32, length: f32| from >= 0.0 && length > 0.0 && from + length <= 1.0;
            if !inside(x, width) || !inside(y, height) {
                return Err(
                    Failure::usage("a zone lies inside the page: parts of 1 that add up to no more than 1").into()
                );
            }
            let part = |v: f32| (v * 10_000.0).round() as u16;
            let zone = Zone { x: part(x), y: part(y), w: part(width), h: part(height) };
            office.draw_amount_zone(&document, zone, &by).await?;
            print::line("kept: checks of this routing and account are read there from now on");
        }
        AmountsCommand::Export { folder } => {
            let fields = office.amount_fields().await?;
            std::fs::create_dir_all(&folder)?;
            for (name, png, keyed) in &fields {
                station::write_whole(&folder.join(format!("{name}.png")), png)?;
                station::write_whole(&folder.join(format!("{name}.gt.txt")), format!("{keyed}\n").as_bytes())?;
            }
            print::line(format!("{} fields in {}", fields.len(), folder.display()));
        }
    }
    Ok(0)
}
