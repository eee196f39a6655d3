//! The review desk: server-rendered pages that read without JavaScript, small scripts of our own for keys and images, and
//! the same moves as JSON. `router` is the table of contents; `gate` decides who may come in; each screen has its file.
//! Handlers load, decide, save and answer; there is no SQL here and no rule of the trade.

mod account;
mod admin;
mod api;
mod balance;
mod batch;
mod capture;
mod door;
mod drawer;
mod exceptions;
mod form;
mod gate;
mod images;
mod item;
mod kept;
mod key;
mod ledger;
mod listen;
pub mod one_time;
mod owed;
mod page;
pub mod password;
mod plot;
mod programs;
mod reels;
mod release;
mod research;
mod returns;
pub mod router;
mod settings;
mod statics;
mod throttle;
mod today;
mod twin;
mod watched;

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::FromRef;
use tokio::sync::Notify;

pub use gate::Policy;
pub use listen::{Listening, Peer, serve};

use crate::pipeline::Office;
use crate::store::SessionLimits;

/// What all requests share, as it stands when a request comes. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub office: Office,
    inside: Arc<Inside>,
}

/// The desk as the router keeps it: each request gets the settings that are in force then.
#[derive(Clone)]
pub struct Shared(Desk);

impl FromRef<Shared> for Desk {
    fn from_ref(shared: &Shared) -> Desk {
        shared.0.now()
    }
}

struct Inside {
    /// With the settings that were confirmed last.
    newest: RwLock<Office>,
    throttle: throttle::Throttle,
    pictures: images::Pictures,
    queue: kept::Kept<Vec<crate::pipeline::ExceptionView>>,
    batches: kept::Kept<Vec<batch::Row>>,
    figures: kept::Kept<today::Figures>,
    /// What was taken in from the watched folder.
    taken: watched::TakenThere,
    /// Rings when there are documents to read.
    work: Notify,
    /// Lower-case names under which the desk may be asked for.
    hosts: Vec<String>,
}

impl Desk {
    /// Sweeps away what an earlier desk of this site left unfinished; call it before the first one serves.
    pub fn sweep(office: &Office) {
        capture::sweep(&office.site.folder);
    }

    pub fn new(office: Office, address: std::net::SocketAddr) -> Desk {
        let config = &office.site.config.desk;
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(String::from).to_vec();
        hosts.push(match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        });
        hosts.extend(config.hosts.iter().map(|h| h.to_lowercase()));
        let inside = Inside {
            newest: RwLock::new(office.clone()),
            throttle: throttle::Throttle::default(),
            pictures: images::Pictures::default(),
            queue: kept::Kept::default(),
            batches: kept::Kept::default(),
            figures: kept::Kept::default(),
            taken: watched::TakenThere::default(),
            work: Notify::new(),
            hosts,
        };
        Desk { office, inside: Arc::new(inside) }
    }

    /// The desk with the settings that are in force now.
    pub fn now(&self) -> Desk {
        let newest = self.inside.newest.read().unwrap_or_else(PoisonError::into_inner);
        Desk { office: newest.clone(), inside: self.inside.clone() }
    }

    /// From now on these settings are in force.
    fn renew(&self, office: Office) {
        *self.inside.newest.write().unwrap_or_else(PoisonError::into_inner) = office;
    }

    fn limits(&self) -> SessionLimits {
        let desk = &self.office.site.config.desk;
        SessionLimits { idle: desk.idle_minutes * 60, absolute: desk.absolute_hours * 3600 }
    }

    /// Waits until something was taken in.
    pub async fn work_rings(&self) {
        self.inside.work.notified().await;
    }
}
