//! `init`, `users`, `layouts`: what an administrator does.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, Global, print};
use crate::clock::Clock;
use crate::config::{FILE, Site};
use crate::decode::layout::Layouts;
use crate::domain::{Role, UserName};
use crate::pipeline::Office;
use crate::station;

#[derive(Args, Debug)]
pub struct InitArgs {
    /// The folder to make
    dir: PathBuf,
    /// The legal entity, as printed on reports and deposits
    #[arg(long)]
    name: Option<String>,
}

/// Makes a site and prints the one-time set-up token for its first administrator.
pub async fn init(args: InitArgs, global: &Global) -> anyhow::Result<u8> {
    let clock = Clock::from_environment().map_err(|e| Failure::usage(e.to_string()))?;
    let made = create_site(&args.dir, args.name.as_deref(), "", global, clock).await?;
    if global.json {
        print::json(&json!({ "site": args.dir, "setup_token": made }))?;
    } else if made.is_empty() {
        print::line(format!("{} is a site already; nothing changed", args.dir.display()));
    } else {
        print::line(format!("Made the site {}.", args.dir.display()));
        print::line(format!("Set-up token for the first administrator (once): {made}"));
        print::line(format!(
            "Next: remit --site {} users add NAME --role operator\n      remit --site {} bills import open_bills.csv",
            args.dir.display(),
            args.dir.display()
        ));
    }
    Ok(0)
}

/// Makes the folder, its configuration (with `more` of it), key and database; the set-up token, or nothing when it is
/// there already.
pub async fn create_site(
    dir: &std::path::Path,
    name: Option<&str>,
    more: &str,
    global: &Global,
    clock: Clock,
) -> anyhow::Result<String> {
    let path = dir.join(FILE);
    let there = path.is_file();
    let own = match there {
        true => String::from_utf8_lossy(&station::read(&path)?).into_owned(),
        false => {
            let name = name.map_or_else(
                || dir.file_name().map_or_else(|| "remit".into(), |n| n.to_string_lossy().into_owned()),
                str::to_string,
            );
            let mut section = toml::Table::new();
            section.insert("name".into(), toml::Value::String(name));
            let mut table = toml::Table::new();
            table.insert("site".into(), toml::Value::Table(section));
            format!("# What differs from the defaults; `remit config` prints the manual.\n\n{table}{more}")
        }
    };
    let site = Site::at(dir, &own, global.db.as_deref(), global.blobs.as_deref())?;
    let token = Office::create(&site, clock).await?;
    // Last, so that a folder with remit.toml is always a whole site.
    if !there {
        station::write_whole(&path, own.as_bytes())?;
    }
    Ok(token.unwrap_or_default())
}

#[derive(Subcommand, Debug)]
pub enum UsersCommand {
    /// Add a person, or give one more roles
    Add {
        name: String,
        /// operator (capture, key, match), approver (key, match, approve, release), admin, auditor, cashier, or one of the
        /// rights in brackets by itself; may be given several times
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
    },
    /// Who there is
    List,
    /// Take a person's rights away; what they decided stays
    Disable { name: String },
    /// A new way in to the desk for a person, good once; what they had (password, second factor, sessions) ends
    Reset { name: String },
}

pub async fn users(command: UsersCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        UsersCommand::Add { name, roles } => {
            let roles = roles
                .iter()
                .flat_map(|r| r.split(','))
                .map(|r| {
                    Role::parse(r).ok_or_else(|| {
                        let all: Vec<&str> = Role::ALL.iter().map(|r| r.as_str()).collect();
                        Failure::usage(format!("'{r}' is no role: {}", all.join(", ")))
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            if name.is_empty() || name.len() > 64 || !name.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c)) {
                return Err(Failure::usage("a user's name has 1 to 64 letters, digits or . _ - @").into());
            }
            let user = match &global.user {
                Some(_) => {
                    let by = super::person(office, global, &[Role::Admin]).await?;
                    office.give_roles(&UserName(name), &roles, &by.name).await?
                }
                None => office.add_user(&UserName(name), &roles).await?,
            };
            if global.json {
                print::json(&user)?;
            } else {
                let roles: Vec<&str> = user.roles.iter().map(|r| r.as_str()).collect();
                print::line(format!("{} is {}", user.name, roles.join(", ")));
            }
        }
        UsersCommand::List => {
            let users = office.users().await?;
            if global.json {
                users.iter().try_for_each(print::json)?;
            } else {
                let mut table = print::Table::new(&["user", "roles", "state"]);
                for user in users {
                    let roles: Vec<&str> = user.roles.iter().map(|r| r.as_str()).collect();
                    let state = if user.disabled { "disabled" } else { "active" };
                    table.row(vec![user.name.0, roles.join(", "), state.into()]);
                }
                table.print();
            }
        }
        UsersCommand::Reset { name } => {
            let token = office.invite(&UserName(name.clone()), &UserName("remit".into())).await?;
            let text = format!("Invitation for {name} (once, for a week): {token}");
            print_done(global, json!({ "user": name, "invitation": token }), text)?;
        }
        UsersCommand::Disable { name } => {
            let by = match &global.user {
                Some(_) => super::person(office, global, &[Role::Admin]).await?.name,
                None => UserName("remit".into()),
            };
            office.disable_user(&UserName(name.clone()), &by).await?;
            print_done(global, json!({ "user": name, "disabled": true }), format!("{name} is disabled"))?;
        }
    }
    Ok(0)
}

#[derive(Subcommand, Debug)]
pub enum LayoutsCommand {
    /// Load stub layouts into the site
    Import { file: PathBuf },
    /// The layouts of the site
    List,
    /// See what a layout file reads on images (needs no site)
    Test { file: PathBuf, images: Vec<PathBuf> },
    /// Find the check digits that a biller's real lines keep: a folder of text files or of images (needs no site)
    Learn { dir: PathBuf },
}

pub async fn layouts(command: LayoutsCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        LayoutsCommand::Import { file } => {
            let text = String::from_utf8(station::read(&file)?).map_err(|_| {
                Failure::input("layouts", "the layout file is not UTF-8 text").in_file(file.display().to_string())
            })?;
            let layouts = Layouts::parse(&text).map_err(|e| {
                Failure::input("layouts", e.to_string())
                    .in_file(file.display().to_string())
                    .help("see `remit help layouts` and the example in scanner-samples/layouts.toml")
            })?;
            office.import_layouts(&text).await?;
            let names: Vec<&str> = layouts.all.iter().map(|l| l.name.as_str()).collect();
            print_done(global, json!({ "layouts": names }), format!("loaded {}: {}", names.len(), names.join(", ")))?;
        }
        LayoutsCommand::List => {
            let layouts = office.layouts().await?;
            for name in layouts.all.iter().map(|l| l.name.as_str()) {
                if global.json { print::json(&json!({ "name": name }))? } else { print::line(name) }
            }
        }
        LayoutsCommand::Test { file, images } => return super::layouts::test(&file, &images, global),
        LayoutsCommand::Learn { dir } => return super::layouts::learn(&dir, global),
    }
    Ok(0)
}

/// One line for people or one object for programs.
pub fn print_done(global: &Global, object: serde_json::Value, text: String) -> anyhow::Result<()> {
    if global.json {
        print::json(&object)
    } else {
        if !global.quiet {
            print::line(text);
        }
        Ok(())
    }
}
