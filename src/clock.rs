//! The one place that looks at the clock. `REMIT_NOW` (an ISO 8601 instant) replaces it, for tests and replays; with it the
//! same commands on the same files give the same bytes everywhere.

use jiff::{Timestamp, tz::TimeZone};

use crate::domain::Day;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    fixed: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
#[error("REMIT_NOW '{0}' is not an instant: write it like 2026-11-28T12:00:00Z")]
pub struct NotAnInstant(String);

impl Clock {
    pub fn system() -> Self {
        Clock { fixed: None }
    }

    pub fn fixed(text: &str) -> Result<Self, NotAnInstant> {
        text.parse().map(|t| Clock { fixed: Some(t) }).map_err(|_| NotAnInstant(text.chars().take(40).collect()))
    }

    /// The system's clock, or what `REMIT_NOW` says.
    pub fn from_environment() -> Result<Self, NotAnInstant> {
        match std::env::var("REMIT_NOW") {
            Ok(text) if !text.is_empty() => Clock::fixed(&text),
            _ => Ok(Clock::system()),
        }
    }

    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    pub fn now(&self) -> Timestamp {
        self.fixed.unwrap_or_else(Timestamp::now)
    }

    /// Seconds of the epoch, for leases.
    pub fn seconds(&self) -> i64 {
        self.now().as_second()
    }

    /// Today's date in UTC (a business date is given by `--date` where it matters).
    pub fn today(&self) -> Day {
        Day::of(self.now().to_zoned(TimeZone::UTC).date())
    }

    /// ISO 8601, whole seconds.
    pub fn stamp(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
