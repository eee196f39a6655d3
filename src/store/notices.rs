//! Notices: payments that somebody must hear of at capture, before anything is posted (an account about to be cut off or
//! without service, an arrangement kept or broken, a written-off account that pays).

use super::db::{Bulk, Kind, Row, Tx, sql, values};
use super::*;
use crate::domain::{AccountNumber, Biller, Day};
use crate::matching::Notice;

macro_rules! notice_columns {
    () => {
        "id, batch, transaction_id, code, biller, account, bill, date, amount, agency, message"
    };
}

sql! {
    OF_BATCH = concat!("select ", notice_columns!(), " from notices where site = $1 and batch = $2 order by code, id");
    SINCE = concat!("select ", notice_columns!(), " from notices where site = $1 and date >= $2 order by date, code, id");
}

const ADD: Bulk = Bulk {
    table: "notices",
    columns: &[
        ("site", Kind::Text),
        ("id", Kind::Text),
        ("batch", Kind::Text),
        ("transaction_id", Kind::Text),
        ("code", Kind::Text),
        ("biller", Kind::Text),
        ("account", Kind::Text),
        ("bill", Kind::Text),
        ("date", Kind::Text),
        ("amount", Kind::Int),
        ("agency", Kind::Text),
        ("message", Kind::Text),
    ],
    tail: "on conflict (site, id) do update set amount = excluded.amount, message = excluded.message",
};

fn notice_of(row: &Row) -> Result<Notice, StoreError> {
    let place = "a notice";
    Ok(Notice {
        id: row.text(0)?,
        batch: row.parsed(1, place)?,
        transaction: row.parsed(2, place)?,
        code: row.text(3)?,
        biller: Biller(row.text(4)?),
        account: AccountNumber::new(row.text(5)?),
        bill: row.text(6)?,
        date: row.parsed(7, place)?,
        amount: row.cents_or_null(8)?,
        agency: row.text(9)?,
        message: row.text(10)?,
    })
}

impl Store {
    pub(super) async fn save_notices(&self, tx: &mut Tx, notices: &[Notice]) -> Result<(), StoreError> {
        let rows: Vec<_> = notices
            .iter()
            .map(|n| {
                values![
                    self.site(),
                    &n.id,
                    &n.batch,
                    &n.transaction,
                    &n.code,
                    &n.biller.0,
                    n.account.reveal(),
                    &n.bill,
                    n.date,
                    n.amount,
                    &n.agency,
                    &n.message
                ]
            })
            .collect();
        tx.insert(&ADD, rows).await?;
        Ok(())
    }

    /// Notices that a decision brought: a keyed account may be one that needs care.
    pub async fn add_notices(&self, notices: &[Notice]) -> Result<(), StoreError> {
        if notices.is_empty() {
            return Ok(());
        }
        let mut tx = self.db().write().await?;
        self.save_notices(&mut tx, notices).await?;
        tx.commit().await
    }

    /// The notices of a batch.
    pub async fn notices_of(&self, batch: &BatchId) -> Result<Vec<Notice>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(OF_BATCH, values![self.site(), batch]).await?.iter().map(notice_of).collect()
    }

    /// The notices of a business day and later.
    pub async fn notices_since(&self, date: Day) -> Result<Vec<Notice>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(SINCE, values![self.site(), date]).await?.iter().map(notice_of).collect()
    }
}
