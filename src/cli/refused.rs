//! `refused`: files that were not taken, why, and their bytes.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{Global, print};
use crate::pipeline::Office;
use crate::store::Refusal;

#[derive(Subcommand, Debug)]
pub enum RefusedCommand {
    /// Files and batches that were refused, oldest first
    List,
    /// What is wrong with one, each fault with its place
    Show {
        /// The refusal's id, or the beginning of it
        id: String,
    },
    /// Write its bytes out as they came
    Save {
        id: String,
        /// Where to
        #[arg(short, long)]
        output: PathBuf,
    },
}

fn view(r: &Refusal) -> serde_json::Value {
    json!({ "id": r.id.to_string(), "name": r.name, "sha256": r.sha256.to_string(), "size": r.size, "at": r.at, "by": r.by, "why": r.why })
}

pub async fn refused(command: RefusedCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        RefusedCommand::List => {
            for refusal in office.refusals().await? {
                if global.json {
                    print::json(&view(&refusal))?;
                    continue;
                }
                let id = refusal.id.to_string();
                let first = refusal.why.first().map_or("", String::as_str);
                print::line(format!("{}  {}  {}: {first}", &id[..12], refusal.at, refusal.name));
            }
        }
        RefusedCommand::Show { id } => {
            let refusal = office.find_refusal(&id).await?;
            if global.json {
                print::json(&view(&refusal))?;
            } else {
                print::line(format!("{}, {} bytes, SHA-256 {}", refusal.name, refusal.size, refusal.sha256));
                print::line(format!("refused {} by {}", refusal.at, refusal.by));
                refusal.why.iter().for_each(|why| print::line(format!("  {why}")));
            }
        }
        RefusedCommand::Save { id, output } => {
            let refusal = office.find_refusal(&id).await?;
            let bytes = office.save_kept(refusal.sha256, &output).await?;
            super::admin::print_done(
                global,
                json!({ "file": output, "bytes": bytes, "sha256": refusal.sha256.to_string() }),
                format!("{}: {bytes} bytes", output.display()),
            )?;
        }
    }
    Ok(0)
}
