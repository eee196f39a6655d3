//! A calendar day (business date, due date), without a time zone. Stored and printed as ISO 8601 text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(jiff::civil::Date);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a date: write it like 2026-11-30")]
pub struct NotADay(pub String);

impl Day {
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, NotADay> {
        jiff::civil::Date::new(year, month, day).map(Day).map_err(|_| NotADay(format!("{year}-{month}-{day}")))
    }

    pub fn of(date: jiff::civil::Date) -> Self {
        Day(date)
    }

    pub fn date(self) -> jiff::civil::Date {
        self.0
    }

    /// `20261130`, as X9 and NACHA write dates.
    pub fn compact(self) -> String {
        format!("{:04}{:02}{:02}", self.0.year(), self.0.month(), self.0.day())
    }

    pub fn from_compact(text: &str) -> Result<Self, NotADay> {
        let wrong = || NotADay(text.chars().take(20).collect());
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let part = |a: usize, b: usize| text[a..b].parse::<i16>().map_err(|_| wrong());
        Day::new(part(0, 4)?, part(4, 6)? as i8, part(6, 8)? as i8).map_err(|_| wrong())
    }
}

impl FromStr for Day {
    type Err = NotADay;
    fn from_str(text: &str) -> Result<Self, NotADay> {
        let wrong = || NotADay(text.chars().take(40).collect());
        if text.len() != 10 {
            return Err(wrong());
        }
        text.parse().map(Day).map_err(|_| wrong())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
