//! `serve`: the review desk in a browser and the HTTP API, and a worker beside them that reads what is taken in.

use std::time::Duration;

use clap::Args;

use super::{Failure, Global, print};
use crate::pipeline::Office;
use crate::web::{Desk, Listening, serve as serve_desk};

#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// Where to listen (default: `listen` of the configuration's [desk])
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Read nothing here: workers elsewhere do
    #[arg(long)]
    no_worker: bool,
}

/// Serves until it is told to stop (Ctrl-C or a termination signal).
pub async fn run(args: ServeArgs, office: Office, global: &Global) -> anyhow::Result<u8> {
    let config = &office.site.config.desk;
    jiff::tz::TimeZone::get(&config.time_zone)
        .map_err(|_| Failure::usage(format!("[desk] time_zone '{}' is not known", config.time_zone)))?;
    let listen = args.listen.as_deref().unwrap_or(&config.listen);
    let listening = Listening::bind(listen, !config.proxies.is_empty()).await?;
    let address = listening.address;
    if global.json {
        print::json(&serde_json::json!({ "listening": address.to_string() }))?;
    } else {
        print::line(format!("The desk is at http://{address}"));
        if office.waits_for_set_up().await? {
            print::line("It waits for its first administrator: have the set-up token of `remit init` at hand.");
        }
    }
    Desk::sweep(&office);
    let desk = Desk::new(office.clone(), address);
    let worker = (!args.no_worker).then(|| tokio::spawn(work(desk.clone())));
    serve_desk(desk, listening, stopped()).await?;
    if let Some(worker) = worker {
        worker.abort();
    }
    office.store().close().await;
    Ok(0)
}

/// Reads whatever waits, when the desk rings and now and then.
async fn work(desk: Desk) {
    loop {
        if let Err(error) = desk.now().office.run_jobs(|_| ()).await {
            tracing::error!(%error, "reading stopped; it is tried again");
        }
        tokio::select! {
            () = desk.work_rings() => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
}

async fn stopped() {
    let ctrl_c = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut ended = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(ended) => ended,
            Err(_) => {
                let _ = ctrl_c.await;
                return;
            }
        };
        tokio::select! {
            _ = ctrl_c => {}
            _ = ended.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = ctrl_c.await;
}
