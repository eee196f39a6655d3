//! `keys`, `backup`, `restore`, `purge`, `legal-hold`: keeping what must be kept, and taking away what must not.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::admin::print_done;
use super::{Failure, Global, person, print};
use crate::domain::{Day, Role};
use crate::pipeline::Office;
use crate::store::{Done, Store, StoreError};

#[derive(Subcommand, Debug)]
pub enum KeysCommand {
    /// Add a key: from now on everything is sealed with it; what older keys sealed stays readable
    Rotate,
    /// Seal again with the newest key whatever older ones sealed; may be stopped and given again
    Reseal,
    /// Which key seals now
    List,
}

pub async fn keys(command: KeysCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        KeysCommand::Rotate => {
            let user = person(office, global, &[Role::Admin]).await?;
            if super::books::dry(global, "add a key")? {
                return Ok(0);
            }
            let number = office.store().rotate_keys(&user.name).await?;
            print_done(
                global,
                json!({ "key": number }),
                format!(
                    "key {number} seals from now on; keep a copy of {} away from the data",
                    office.site.key_file.display()
                ),
            )?;
        }
        KeysCommand::Reseal => {
            let user = person(office, global, &[Role::Admin]).await?;
            if super::books::dry(global, "seal everything again")? {
                return Ok(0);
            }
            let done = office.store().reseal(&user.name).await?;
            print_done(
                global,
                serde_json::to_value(done)?,
                format!("{} values and {} images are sealed again, with key {}", done.values, done.images, done.key),
            )?;
        }
        KeysCommand::List => {
            let (number, count) = office.store().newest_key();
            print_done(global, json!({ "key": number, "keys": count }), format!("key {number} of {count} seals"))?;
        }
    }
    Ok(0)
}

#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The file to write; it is sealed with the site's key, which is not in it
    file: PathBuf,
}

pub async fn backup(args: BackupArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    if super::books::dry(global, "write a backup")? {
        return Ok(0);
    }
    let done = office.store().backup(&office.site.folder, &args.file).await?;
    print_done(
        global,
        json!({ "file": args.file, "files": done.files, "bytes": done.bytes }),
        format!(
            "{} files, {} bytes in {}; it needs the key file {} to come back",
            done.files,
            done.bytes,
            args.file.display(),
            office.site.key_file.display()
        ),
    )?;
    Ok(0)
}

#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The folder to make (it must not be there yet)
    dir: PathBuf,
    /// The site's key file, from where you keep its copy
    #[arg(long)]
    key: PathBuf,
    /// The site's id, when its configuration names another than `site`
    #[arg(long, default_value = "site")]
    id: String,
}

/// Brings a site back from a backup: whole, or not at all.
pub async fn restore(args: RestoreArgs, global: &Global) -> anyhow::Result<u8> {
    if super::books::dry(global, "restore")? {
        return Ok(0);
    }
    let RestoreArgs { file, dir, key, id } = args;
    // An earlier restore that was stopped between its last two steps: only the key is missing.
    if let Ok(site) = crate::config::Site::find(Some(&dir), None, None)
        && !site.key_file.exists()
    {
        place_key(&key, &site.key_file)?;
        print_done(global, json!({ "site": dir, "already": true }), format!("{} is whole now", dir.display()))?;
        return Ok(0);
    }
    let (place, from, name) = (dir.clone(), key.clone(), id.clone());
    let restored = tokio::task::spawn_blocking(move || Store::restore(&file, &place, &from, &name)).await?;
    let done = restored.map_err(|error| match error {
        StoreError::Damaged { .. } | StoreError::Site { .. } | StoreError::Key { .. } => {
            anyhow::Error::from(Failure::input("restore", error.to_string()).help("nothing was restored"))
        }
        other => other.into(),
    })?;
    // The key goes where the configuration expects it, unless it is kept elsewhere.
    let site = crate::config::Site::find(Some(&dir), None, None)?;
    if !site.key_file.exists() {
        place_key(&key, &site.key_file)?;
    }
    if let Some(address) = &global.db {
        Store::carry_into(&dir.join("remit.db"), address, &id).await?;
    }
    print_done(
        global,
        json!({ "site": dir, "files": done.files, "bytes": done.bytes }),
        format!(
            "{} files, {} bytes are back in {}; next: remit --site {} verify --deep",
            done.files,
            done.bytes,
            dir.display(),
            dir.display()
        ),
    )?;
    Ok(0)
}

/// A copy for its owner only; durable, and whole or not there.
fn place_key(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    let folder = to.parent().unwrap_or(std::path::Path::new("."));
    std::fs::create_dir_all(folder)?;
    let draft = to.with_extension("part");
    let _ = std::fs::remove_file(&draft);
    std::fs::copy(from, &draft)?;
    std::fs::File::open(&draft)?.sync_all()?;
    std::fs::rename(&draft, to)?;
    std::fs::File::open(folder)?.sync_all()
}

#[derive(Args, Debug)]
pub struct PurgeArgs {
    /// Images of finished batches before this day (default: as many years ago as [retention] says)
    #[arg(long)]
    before: Option<Day>,
}

pub async fn purge(args: PurgeArgs, office: &Office, global: &Global) -> anyhow::Result<u8> {
    let user = person(office, global, &[Role::Admin]).await?;
    let years = office.site.config.retention.images_years;
    let oldest = office.clock.today().plus_months(-12 * years as i32);
    let before = args.before.unwrap_or(oldest);
    if before > oldest {
        let message = format!("images are kept for {years} years: nothing after {oldest} is purged");
        return Err(Failure::refused("retention", message).help("[retention] images_years in remit.toml").into());
    }
    let done = office.purge(before, !global.dry_run, &user.name).await?;
    let held: Vec<String> = done.held.iter().map(ToString::to_string).collect();
    print_done(
        global,
        serde_json::to_value(&done)?,
        format!(
            "{} {} images of {} batches before {before}, {} files as they came, {} files for the bank, {} bytes{}{}",
            if global.dry_run { "would take" } else { "took" },
            done.images,
            done.batches,
            done.files,
            done.deposit_files.len(),
            done.bytes,
            if held.is_empty() { String::new() } else { format!("; held: {}", held.join(" ")) },
            match done.archived {
                0 => String::new(),
                n => format!("; {n} finished batches {} archived", if global.dry_run { "would be" } else { "are" }),
            }
        ) + if done.in_server_log {
            "\nthe server's write-ahead log and its archives hold the sealed keys until they are recycled"
        } else {
            ""
        },
    )?;
    Ok(0)
}

#[derive(Subcommand, Debug)]
pub enum HoldCommand {
    /// A batch must stay whatever its age
    Add {
        batch: String,
        #[arg(long)]
        note: String,
    },
    /// It need not any more
    Release { batch: String },
    /// All holds, released ones too
    List,
}

pub async fn legal_hold(command: HoldCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        HoldCommand::Add { batch, note } => {
            let user = person(office, global, &[Role::Admin]).await?;
            let batch = office.find_batch(&batch).await?;
            let already = office.store().hold_for_court(&batch.id, &note, &user.name).await? == Done::Already;
            print_done(global, json!({ "batch": batch.id, "already": already }), format!("{} must stay", batch.name))?;
        }
        HoldCommand::Release { batch } => {
            let user = person(office, global, &[Role::Admin]).await?;
            let batch = office.find_batch(&batch).await?;
            let already = office.store().release_hold(&batch.id, &user.name).await? == Done::Already;
            print_done(
                global,
                json!({ "batch": batch.id, "already": already }),
                format!("{} need not stay", batch.name),
            )?;
        }
        HoldCommand::List => {
            for hold in office.store().holds().await? {
                if global.json {
                    print::json(&hold)?;
                } else {
                    let end = hold.released_by.as_ref().map(|by| format!(", released by {by}")).unwrap_or_default();
                    print::line(format!("{}  {}  {} by {}{end}", hold.subject, hold.at, hold.note, hold.by));
                }
            }
        }
    }
    Ok(0)
}
