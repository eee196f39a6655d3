//! Meter readings from stubs, for the billing system.

use super::db::{Bulk, Kind, Row, Tx, sql, values};
use super::*;
use crate::domain::{AccountNumber, Biller, Day};
use crate::matching::{MeterReading, MeterVerdict};

sql! {
    SINCE = "select document, batch, transaction_id, biller, account, meter, date, reading, previous, used, verdict
             from meter_readings where site = $1 and date >= $2 order by date, biller, account, document";
    OF_BATCH = "select document, batch, transaction_id, biller, account, meter, date, reading, previous, used, verdict
             from meter_readings where site = $1 and batch = $2 order by biller || '', account, document, meter";
}

const ADD: Bulk = Bulk {
    table: "meter_readings",
    columns: &[
        ("site", Kind::Text),
        ("document", Kind::Text),
        ("batch", Kind::Text),
        ("transaction_id", Kind::Text),
        ("biller", Kind::Text),
        ("account", Kind::Text),
        ("meter", Kind::Text),
        ("date", Kind::Text),
        ("reading", Kind::Int),
        ("previous", Kind::Int),
        ("used", Kind::Int),
        ("verdict", Kind::Text),
    ],
    tail: "on conflict (site, document, meter) do nothing",
};

fn reading_of(row: &Row) -> Result<MeterReading, StoreError> {
    let place = "a meter reading";
    Ok(MeterReading {
        document: row.parsed(0, place)?,
        batch: row.parsed(1, place)?,
        transaction: row.parsed(2, place)?,
        biller: Biller(row.text(3)?),
        account: AccountNumber::new(row.text(4)?),
        meter: row.text(5)?,
        date: row.parsed(6, place)?,
        reading: row.int(7)?,
        previous: row.int_or_null(8)?,
        used: row.int_or_null(9)?,
        verdict: row.known(10, place, MeterVerdict::parse)?,
    })
}

impl Store {
    pub(super) async fn save_meters(&self, tx: &mut Tx, readings: &[MeterReading]) -> Result<(), StoreError> {
        let rows: Vec<_> = readings
            .iter()
            .map(|m| {
                values![
                    self.site(),
                    &m.document,
                    &m.batch,
                    &m.transaction,
                    &m.biller.0,
                    m.account.reveal(),
                    &m.meter,
                    m.date,
                    m.reading,
                    m.previous,
                    m.used,
                    m.verdict.as_str()
                ]
            })
            .collect();
        tx.insert(&ADD, rows).await?;
        self.must_be_written(tx, "meters", readings.iter().map(|m| &m.batch)).await
    }

    /// The readings of a batch.
    pub async fn meters_of(&self, batch: &BatchId) -> Result<Vec<MeterReading>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(OF_BATCH, values![self.site(), batch]).await?.iter().map(reading_of).collect()
    }

    /// Readings of a business day and later.
    pub async fn meters_since(&self, date: Day) -> Result<Vec<MeterReading>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(SINCE, values![self.site(), date]).await?.iter().map(reading_of).collect()
    }
}
