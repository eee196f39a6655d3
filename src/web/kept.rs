//! What many pages show alike, kept for a moment: as it stood when the audit trail had so many rows, since every decision adds
//! one, and never longer than a few seconds, since readers of documents add none.

use std::sync::{Arc, Mutex, PoisonError};

use super::Desk;
use super::page::Problem;
use crate::clock::Clock;

/// Seconds after which it is made again in any case.
const OLDEST: i64 = 2;

struct One<T> {
    rows: i64,
    second: i64,
    value: Arc<T>,
}

pub struct Kept<T> {
    one: Mutex<Option<One<T>>>,
    /// Held while it is made: who comes meanwhile waits for that one.
    making: tokio::sync::Mutex<()>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept { one: Mutex::new(None), making: tokio::sync::Mutex::new(()) }
    }
}

impl<T> Kept<T> {
    /// As it stands now.
    pub async fn now(&self, desk: &Desk, make: impl Future<Output = Result<T, Problem>>) -> Result<Arc<T>, Problem> {
        let rows = desk.office.store().audit_head().await?;
        self.made(Some(rows), OLDEST, make).await
    }

    /// As it stood some seconds ago, whatever was decided meanwhile.
    pub async fn lately(
        &self,
        seconds: i64,
        make: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Arc<T>, Problem> {
        self.made(None, seconds, make).await
    }

    fn good(&self, rows: Option<i64>, oldest: i64) -> Option<Arc<T>> {
        let one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            |one: &&One<T>| rows.is_none_or(|r| r == one.rows) && Clock::system().seconds() - one.second < oldest;
        one.as_ref().filter(fits).map(|one| one.value.clone())
    }

    async fn made(
        &self,
        rows: Option<i64>,
        oldest: i64,
        make: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Arc<T>, Problem> {
        if let Some(value) = self.good(rows, oldest) {
            return Ok(value);
        }
        let _making = self.making.lock().await;
        if let Some(value) = self.good(rows, oldest) {
            return Ok(value);
        }
        let second = Clock::system().seconds();
        let value = Arc::new(make.await?);
        let one = One { rows: rows.unwrap_or(0), second, value: value.clone() };
        *self.one.lock().unwrap_or_else(PoisonError::into_inner) = Some(one);
        Ok(value)
    }
}
