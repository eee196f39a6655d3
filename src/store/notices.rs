//! Notices: payments that somebody must hear of at capture, before anything is posted (an account about to be cut off or
//! without service, an arrangement kept or broken, a written-off account that pays); those at the counter at their receipt.

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
    WAITING = "select kind, batch, number from outbox where site = $1 order by kind, batch";
    WAITS = "insert into outbox (site, kind, batch, number) values ($1, $2, $3, 1)
        on conflict (site, kind, batch) do update set number = outbox.number + 1";
    WRITTEN = "delete from outbox where site = $1 and kind = $2 and batch = $3 and number = $4";
    SINCE = concat!("select ", notice_columns!(), " from notices where site = $1 and date >= $2 order by date, code, id");
    AT_COUNTER = "insert into counter_notices (site, receipt, code, biller, account, bill, date, amount, agency, message)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    OF_DRAWER = "select c.receipt, c.code, c.biller, c.account, c.bill, c.date, c.amount, c.agency, c.message
        from drawer_slips s cross join counter_notices c
        where s.site = $1 and s.drawer = $2 and c.site = s.site and c.receipt = s.number order by c.receipt, c.code";
    COUNTER_SINCE = "select receipt, code, biller, account, bill, date, amount, agency, message from counter_notices
        where site = $1 and date >= $2 order by date, code, receipt";
}

/// The kind of the export of a drawer's notices; that of a batch's is `notices`.
pub const COUNTER: &str = "counter";

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
        batch: Some(row.parsed(1, place)?),
        transaction: Some(row.parsed(2, place)?),
        receipt: None,
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

fn counter_notice_of(row: &Row) -> Result<Notice, StoreError> {
    let (receipt, code) = (row.int(0)?, row.text(1)?);
    Ok(Notice {
        id: format!("receipt-{receipt}-{code}"),
        batch: None,
        transaction: None,
        receipt: Some(receipt),
        code,
        biller: Biller(row.text(2)?),
        account: AccountNumber::new(row.text(3)?),
        bill: row.text(4)?,
        date: row.parsed(5, "a notice")?,
        amount: Some(row.cents(6)?),
        agency: row.text(7)?,
        message: row.text(8)?,
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
                    n.batch.as_ref(),
                    n.transaction.as_ref(),
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
        self.must_be_written(tx, "notices", notices.iter().filter_map(|n| n.batch.as_ref())).await
    }

    /// The notice of a receipt, in the receipt's own transaction.
    pub(super) async fn save_counter_notice(
        &self,
        tx: &mut Tx,
        (drawer, receipt): (i64, i64),
        n: &Notice,
    ) -> Result<(), StoreError> {
        let (biller, account) = (&n.biller.0, n.account.reveal());
        let row =
            values![self.site(), receipt, &n.code, biller, account, &n.bill, n.date, n.amount, &n.agency, &n.message];
        tx.run(AT_COUNTER, row).await?;
        tx.run(WAITS, values![self.site(), COUNTER, drawer.to_string()]).await?;
        Ok(())
    }

    /// The export of these batches is due, from this transaction's commit on.
    pub(super) async fn must_be_written<'a>(
        &self,
        tx: &mut Tx,
        kind: &'static str,
        batches: impl Iterator<Item = &'a BatchId>,
    ) -> Result<(), StoreError> {
        for batch in std::collections::BTreeSet::from_iter(batches) {
            tx.run(WAITS, values![self.site(), kind, batch]).await?;
        }
        Ok(())
    }

    /// Exports that are due: `notices` or `meters`, of which batch, or [`COUNTER`], of which drawer; and a number for
    /// [`Store::export_written`].
    pub async fn waiting_exports(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(WAITING, values![self.site()]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?, row.int(2)?))).collect()
    }

    /// The file is durable. Rows that came meanwhile keep it due.
    pub async fn export_written(&self, kind: &str, of: &str, number: i64) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.run(WRITTEN, values![self.site(), kind, of, number]).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// The notices of a batch.
    pub async fn notices_of(&self, batch: &BatchId) -> Result<Vec<Notice>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(OF_BATCH, values![self.site(), batch]).await?.iter().map(notice_of).collect()
    }

    /// The notices of a drawer's receipts.
    pub async fn counter_notices(&self, drawer: i64) -> Result<Vec<Notice>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(OF_DRAWER, values![self.site(), drawer]).await?.iter().map(counter_notice_of).collect()
    }

    /// The notices of a business day and later, those of the counter behind those of the mail of their day.
    pub async fn notices_since(&self, date: Day) -> Result<Vec<Notice>, StoreError> {
        let mut tx = self.db().read().await?;
        let mail = tx.rows(SINCE, values![self.site(), date]).await?;
        let counter = tx.rows(COUNTER_SINCE, values![self.site(), date]).await?;
        let both = mail.iter().map(notice_of).chain(counter.iter().map(counter_notice_of));
        let mut all: Vec<Notice> = both.collect::<Result<_, _>>()?;
        all.sort_by_key(|n| n.date);
        Ok(all)
    }
}
