//! What is known of payers beyond the payer file (shared, stopped, seen), what other batches mean to pay, renumbered
//! accounts, and the turn by which two processes that match at the same moment see each other.

use std::collections::BTreeMap;

use super::audit::Event;
use super::db::{Bulk, Kind, Tx, sql, values};
use super::*;
use crate::domain::{AccountNumber, Bill, Biller, Day};
use crate::matching::Standing;

sql! {
    STANDING = "select bank_index, shared, stop from payer_standing where site = $1 and bank_index any_of($2)";
    SIGHTINGS = "select bank_index, biller, account, date from payer_sightings where site = $1 and bank_index any_of($2)
                 order by bank_index, biller, account, date, document";
    OLD_ACCOUNTS = "select biller, account from account_numbers where site = $1 and old any_of($2)";
    PENDING = "select a.biller, a.bill, b.name, b.date, b.id, a.transaction_id from applications a
               join batches b on b.site = a.site and b.id = a.batch
               join transactions t on t.site = a.site and t.id = a.transaction_id
               where a.site = $1 and a.bill any_of($2) and b.id <> $3
               and b.state in ('in-review', 'balanced', 'approved') and t.state not in ('rejected', 'void')
               order by b.date, b.name, b.id, a.transaction_id";
    PLACES = "select p.document, t.seq, t.state, d.seq from transaction_documents p
              join transactions t on t.site = p.site and t.id = p.transaction_id
              join documents d on d.site = p.site and d.id = p.document
              where p.site = $1 and p.document any_of($2) order by t.seq, p.place";
    EARLIER = "select a.biller, a.bill, t.seq from applications a
               join transactions t on t.site = a.site and t.id = a.transaction_id
               where a.site = $1 and a.batch = $2 and a.bill any_of($3) and t.seq < $4
               and t.state not in ('rejected', 'void') order by t.seq, a.place";
    TURN = "select number from match_turns where site = $1";
    TAKE_TURN = "insert into match_turns (site, number) values ($1, 1)
                 on conflict (site) do update set number = match_turns.number + 1 where match_turns.number = $2";
}

const SAVE_STANDING: Bulk = Bulk {
    table: "payer_standing",
    columns: &[("site", Kind::Text), ("bank_index", Kind::Text), ("shared", Kind::Flag), ("stop", Kind::Text)],
    tail: "on conflict (site, bank_index) do update set shared = excluded.shared, stop = excluded.stop",
};

const ADD_SIGHTINGS: Bulk = Bulk {
    table: "payer_sightings",
    columns: &[
        ("site", Kind::Text),
        ("bank_index", Kind::Text),
        ("document", Kind::Text),
        ("biller", Kind::Text),
        ("account", Kind::Text),
        ("date", Kind::Text),
    ],
    tail: "on conflict (site, bank_index, document, biller, account) do nothing",
};

const ADD_OLD_ACCOUNTS: Bulk = Bulk {
    table: "account_numbers",
    columns: &[("site", Kind::Text), ("old", Kind::Text), ("biller", Kind::Text), ("account", Kind::Text)],
    tail: "on conflict (site, old, biller, account) do nothing",
};

/// A posted payment that shows who pays for an account.
#[derive(Clone, PartialEq, Debug)]
pub struct Sighting {
    pub routing: String,
    pub bank_account: BankAccount,
    pub document: DocumentId,
    pub biller: Biller,
    pub account: AccountNumber,
    pub date: Day,
}

/// A batch that means to pay a bill and is not posted yet.
#[derive(Clone, PartialEq, Debug)]
pub struct Pending {
    pub biller: Biller,
    pub bill: String,
    pub batch: BatchId,
    pub batch_name: String,
    pub date: Day,
}

impl Store {
    /// What is known of these bank accounts; those of which nothing is known are left out.
    pub async fn standings(
        &self,
        accounts: &[(String, BankAccount)],
    ) -> Result<Vec<(String, BankAccount, Standing)>, StoreError> {
        let by_index: BTreeMap<String, &(String, BankAccount)> =
            accounts.iter().map(|pair| (self.bank_index(&pair.0, &pair.1), pair)).collect();
        let indexes: Vec<String> = by_index.keys().cloned().collect();
        let mut tx = self.db().read().await?;
        let mut known: BTreeMap<String, Standing> = BTreeMap::new();
        for row in tx.rows(STANDING, values![self.site(), indexes.clone()]).await? {
            let standing = known.entry(row.text(0)?).or_default();
            (standing.shared, standing.stop) = (row.flag(1)?, row.text_or_null(2)?);
        }
        for row in tx.rows(SIGHTINGS, values![self.site(), indexes]).await? {
            let seen = (Biller(row.text(1)?), AccountNumber::new(row.text(2)?), row.parsed(3, "a payer's payment")?);
            known.entry(row.text(0)?).or_default().seen.push(seen);
        }
        let whose = |index: &String| by_index.get(index).map(|(r, a)| (r.clone(), a.clone()));
        Ok(known.into_iter().filter_map(|(index, s)| whose(&index).map(|(r, a)| (r, a, s))).collect())
    }

    /// Takes the list of bank accounts that are shared or stopped: (routing, bank account, shared, stop reason). A row with
    /// neither takes the account off again. Returns how many rows were written.
    pub async fn mark_payers(
        &self,
        marks: &[(String, BankAccount, bool, Option<String>)],
        by: &UserName,
    ) -> Result<u64, StoreError> {
        self.again(|| {
            Box::pin(async {
                let rows: Vec<_> = marks
                    .iter()
                    .map(|(routing, account, shared, stop)| {
                        values![self.site(), self.bank_index(routing, account), *shared, stop.clone()]
                    })
                    .collect();
                let mut tx = self.db().write().await?;
                let written = tx.insert(&SAVE_STANDING, rows).await?;
                let note = format!("{} marked", marks.len());
                let event = Event::said(by, "mark-payers", "payers", "", &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(written)
            })
        })
        .await
    }

    /// Keeps what posted payments showed; what is known already changes nothing.
    pub async fn see_payers(&self, sightings: &[Sighting]) -> Result<u64, StoreError> {
        self.again(|| {
            Box::pin(async {
                let rows: Vec<_> = sightings
                    .iter()
                    .map(|s| {
                        let index = self.bank_index(&s.routing, &s.bank_account);
                        values![self.site(), index, &s.document, &s.biller.0, s.account.reveal(), s.date]
                    })
                    .collect();
                let mut tx = self.db().write().await?;
                let added = tx.insert(&ADD_SIGHTINGS, rows).await?;
                tx.commit().await?;
                Ok(added)
            })
        })
        .await
    }

    /// The accounts that had one of these numbers before.
    pub async fn renumbered(&self, old: &[AccountNumber]) -> Result<Vec<(Biller, AccountNumber)>, StoreError> {
        let old: Vec<String> = old.iter().map(|a| a.reveal().to_string()).collect();
        let mut tx = self.db().read().await?;
        let rows = tx.rows(OLD_ACCOUNTS, values![self.site(), old]).await?;
        rows.iter().map(|row| Ok((Biller(row.text(0)?), AccountNumber::new(row.text(1)?)))).collect()
    }

    pub(super) async fn add_old_accounts(&self, tx: &mut Tx, bills: &[&Bill]) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for bill in bills {
            for old in bill.old_accounts() {
                rows.push(values![self.site(), old.reveal(), &bill.biller.0, bill.account.reveal()]);
            }
        }
        tx.insert(&ADD_OLD_ACCOUNTS, rows).await?;
        Ok(())
    }

    /// Other batches, not posted yet, that mean to pay these bills; oldest batch first.
    pub async fn pending(&self, but: &BatchId, bills: &[String]) -> Result<Vec<Pending>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(PENDING, values![self.site(), bills.to_vec(), but]).await? {
            let Some(biller) = row.text_or_null(0)? else { continue };
            list.push(Pending {
                biller: Biller(biller),
                bill: row.text(1)?,
                batch_name: row.text(2)?,
                date: row.parsed(3, "a batch")?,
                batch: row.parsed(4, "a batch")?,
            });
        }
        Ok(list)
    }

    /// Where documents stand: (document, number of its transaction in the batch, that one's state, capture number).
    pub async fn places(
        &self,
        documents: &[DocumentId],
    ) -> Result<Vec<(DocumentId, u32, TransactionState, u32)>, StoreError> {
        let ids: Vec<String> = documents.iter().map(ToString::to_string).collect();
        let mut tx = self.db().read().await?;
        let rows = tx.rows(PLACES, values![self.site(), ids]).await?;
        let place = |row: &Row| {
            let state = row.known(2, "transaction", TransactionState::parse)?;
            Ok((row.parsed(0, "document")?, row.count(1)?, state, row.count(3)?))
        };
        rows.iter().map(place).collect()
    }

    /// Earlier transactions of a batch (before number `seq`) that mean to pay these bills: (biller, bill, their number).
    pub async fn earlier_in_batch(
        &self,
        batch: &BatchId,
        bills: &[String],
        seq: u32,
    ) -> Result<Vec<(Biller, String, u32)>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(EARLIER, values![self.site(), batch, bills.to_vec(), seq]).await? {
            if let Some(biller) = row.text_or_null(0)? {
                list.push((Biller(biller), row.text(1)?, row.count(2)?));
            }
        }
        Ok(list)
    }

    /// The number of the last match of the site; whoever starts to match asks for it first and hands it in with the result.
    pub async fn match_turn(&self) -> Result<i64, StoreError> {
        let mut tx = self.db().read().await?;
        match tx.first(TURN, values![self.site()]).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }

    /// Takes the next turn. `Conflict` when somebody matched meanwhile: what they saved was not seen.
    pub(super) async fn take_turn(&self, tx: &mut Tx, turn: i64) -> Result<(), StoreError> {
        match tx.run(TAKE_TURN, values![self.site(), turn]).await? {
            0 => Err(StoreError::Conflict { what: "the turn of matching".into() }),
            _ => Ok(()),
        }
    }
}
