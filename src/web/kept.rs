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

pub struct Kept<T>(Mutex<Option<One<T>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::new(None))
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

    async fn made(
        &self,
        rows: Option<i64>,
        oldest: i64,
        make: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Arc<T>, Problem> {
        let second = Clock::system().seconds();
        if let Some(one) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && rows.is_none_or(|r| r == one.rows)
            && second - one.second < oldest
        {
            return Ok(one.value.clone());
        }
        let value = Arc::new(make.await?);
        let one = One { rows: rows.unwrap_or(0), second, value: value.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(one);
        Ok(value)
    }
}
