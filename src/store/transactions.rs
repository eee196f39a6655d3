//! Transactions as rows: their documents, applications, exceptions and decisions. Decisions are sealed, since what a
//! person keys may be a check's account line.

use std::collections::BTreeMap;

use super::db::{Bulk, Kind, Row, Tx, begins, sql, values};
use super::*;
use crate::domain::{AccountNumber, Application, Biller, Decision, PixelBox, Reason, TransactionKind};

/// The same five questions for a batch and for some transactions.
macro_rules! select {
    (transactions, $which:literal) => {
        concat!(
            "select id, batch, seq, kind, state, reason, received, held_until, owner from transactions
                 where site = $1 and ",
            $which,
            " order by seq, id"
        )
    };
    (documents, $which:literal) => {
        concat!(
            "select transaction_id, document from transaction_documents where site = $1 and ",
            $which,
            " order by transaction_id, place"
        )
    };
    (applications, $which:literal) => {
        concat!(
            "select transaction_id, biller, account, bill, amount, ledger, rule, evidence from applications
                 where site = $1 and ",
            $which,
            " order by transaction_id, place"
        )
    };
    (exceptions, $which:literal) => {
        concat!(
            "select transaction_id, id, code, message, document, area, sealed from exceptions
                 where site = $1 and ",
            $which,
            " order by transaction_id, place"
        )
    };
    (decisions, $which:literal) => {
        concat!(
            "select transaction_id, place, sealed from decisions where site = $1 and ",
            $which,
            " order by transaction_id, place"
        )
    };
}

sql! {
    OF_BATCH = select!(transactions, "batch = $2");
    DOCUMENTS_OF_BATCH = select!(documents, "batch = $2");
    APPLICATIONS_OF_BATCH = select!(applications, "batch = $2");
    EXCEPTIONS_OF_BATCH = select!(exceptions, "batch = $2 and transaction_id is not null");
    DECISIONS_OF_BATCH = select!(decisions, "batch = $2");
    THESE = select!(transactions, "id any_of($2)");
    DOCUMENTS_OF_THESE = select!(documents, "transaction_id any_of($2)");
    APPLICATIONS_OF_THESE = select!(applications, "transaction_id any_of($2)");
    EXCEPTIONS_OF_THESE = select!(exceptions, "transaction_id any_of($2)");
    DECISIONS_OF_THESE = select!(decisions, "transaction_id any_of($2)");
    OWN_OF_BATCH = select!(exceptions, "batch = $2 and transaction_id is null");
    FIND = "select id from transactions where site = $1 and id = $2";
    OF_ACCOUNT = "select transaction_id from applications where site = $1 and account = $2";
    FIND_LIKE = concat!("select id from transactions where site = $1 and ", begins!("id"), " limit 2");
    DROP_DOCUMENTS = "delete from transaction_documents where site = $1 and transaction_id any_of($2)";
    DROP_APPLICATIONS = "delete from applications where site = $1 and transaction_id any_of($2)";
    DROP_EXCEPTIONS = "delete from exceptions where site = $1 and transaction_id any_of($2)";
    DROP_DECISIONS = "delete from decisions where site = $1 and transaction_id any_of($2)";
    DROP_THESE = "delete from transactions where site = $1 and id any_of($2)";
    DROP_OWN_OF_BATCH = "delete from exceptions where site = $1 and batch = $2 and transaction_id is null";
    /// Documents that stand in no transaction of their batch.
    LOST = "select d.id from documents d where d.site = $1 and d.batch = $2 and not exists
            (select 1 from transaction_documents t where t.site = d.site and t.document = d.id and t.batch = d.batch)
            order by d.place limit 1";
}

const ADD: Bulk = Bulk {
    table: "transactions",
    columns: &[
        ("site", Kind::Text),
        ("id", Kind::Text),
        ("batch", Kind::Text),
        ("seq", Kind::Int),
        ("kind", Kind::Text),
        ("state", Kind::Text),
        ("reason", Kind::Text),
        ("received", Kind::Int),
        ("held_until", Kind::Text),
        ("owner", Kind::Text),
    ],
    tail: "",
};

const ADD_DOCUMENTS: Bulk = Bulk {
    table: "transaction_documents",
    columns: &[
        ("site", Kind::Text),
        ("document", Kind::Text),
        ("batch", Kind::Text),
        ("transaction_id", Kind::Text),
        ("place", Kind::Int),
    ],
    // A document that stands in another transaction already is found by the count.
    tail: "on conflict (site, document) do nothing",
};

const ADD_APPLICATIONS: Bulk = Bulk {
    table: "applications",
    columns: &[
        ("site", Kind::Text),
        ("transaction_id", Kind::Text),
        ("place", Kind::Int),
        ("batch", Kind::Text),
        ("biller", Kind::Text),
        ("account", Kind::Text),
        ("bill", Kind::Text),
        ("amount", Kind::Int),
        ("ledger", Kind::Text),
        ("rule", Kind::Text),
        ("evidence", Kind::Text),
    ],
    tail: "",
};

const ADD_EXCEPTIONS: Bulk = Bulk {
    table: "exceptions",
    columns: &[
        ("site", Kind::Text),
        ("id", Kind::Text),
        ("batch", Kind::Text),
        ("transaction_id", Kind::Text),
        ("place", Kind::Int),
        ("code", Kind::Text),
        ("message", Kind::Text),
        ("document", Kind::Text),
        ("area", Kind::Text),
        ("decided_by", Kind::Text),
        ("decided_at", Kind::Text),
        ("sealed", Kind::Bytes),
    ],
    // Two exceptions of one id are found by the count.
    tail: "on conflict (site, id) do nothing",
};

const ADD_DECISIONS: Bulk = Bulk {
    table: "decisions",
    columns: &[
        ("site", Kind::Text),
        ("transaction_id", Kind::Text),
        ("place", Kind::Int),
        ("batch", Kind::Text),
        ("decided_by", Kind::Text),
        ("decided_at", Kind::Text),
        ("sealed", Kind::Bytes),
    ],
    tail: "",
};

impl Store {
    /// In the order of the batch, complete with applications, exceptions and decisions.
    pub async fn transactions(&self, batch: &BatchId) -> Result<Vec<Transaction>, StoreError> {
        let mut tx = self.db().read().await?;
        self.transactions_of(&mut tx, batch).await
    }

    /// By id or unique beginning of one.
    pub async fn transaction(&self, id: &str) -> Result<Transaction, StoreError> {
        let mut tx = self.db().read().await?;
        let id = self.find(&mut tx, "transaction", id, [FIND, FIND_LIKE]).await?.text(0)?;
        let found = self.these_transactions(&mut tx, vec![id.clone()]).await?.pop();
        found.ok_or_else(|| StoreError::not_found("transaction", id))
    }

    pub(super) async fn transactions_of(&self, tx: &mut Tx, batch: &BatchId) -> Result<Vec<Transaction>, StoreError> {
        let texts = [OF_BATCH, DOCUMENTS_OF_BATCH, APPLICATIONS_OF_BATCH, EXCEPTIONS_OF_BATCH, DECISIONS_OF_BATCH];
        self.load(tx, texts, values![self.site(), batch]).await
    }

    /// Every payment of which something is applied to this account, by batch and place.
    pub async fn transactions_of_account(&self, account: &AccountNumber) -> Result<Vec<Transaction>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(OF_ACCOUNT, values![self.site(), account.reveal()]).await?;
        let mut ids: Vec<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
        ids.sort();
        ids.dedup();
        self.these_transactions(&mut tx, ids).await
    }

    pub(super) async fn these_transactions(
        &self,
        tx: &mut Tx,
        ids: Vec<String>,
    ) -> Result<Vec<Transaction>, StoreError> {
        let texts = [THESE, DOCUMENTS_OF_THESE, APPLICATIONS_OF_THESE, EXCEPTIONS_OF_THESE, DECISIONS_OF_THESE];
        self.load(tx, texts, values![self.site(), ids]).await
    }

    async fn load(
        &self,
        tx: &mut Tx,
        [transactions, documents, applications, exceptions, decisions]: [&'static str; 5],
        which: Vec<db::Value>,
    ) -> Result<Vec<Transaction>, StoreError> {
        let mut found: Vec<Transaction> =
            tx.rows(transactions, which.clone()).await?.iter().map(transaction_of).collect::<Result<_, _>>()?;
        let places: BTreeMap<String, usize> =
            found.iter().enumerate().map(|(place, t)| (t.id.to_string(), place)).collect();
        let place_of = |row: &Row| -> Result<usize, StoreError> {
            let id = row.text(0)?;
            places.get(&id).copied().ok_or_else(|| StoreError::damaged(format!("transaction {id}"), "it is missing"))
        };
        for row in tx.rows(documents, which.clone()).await? {
            found[place_of(&row)?].documents.push(row.parsed(1, "document")?);
        }
        for row in tx.rows(applications, which.clone()).await? {
            found[place_of(&row)?].applications.push(Application {
                biller: row.text_or_null(1)?.map(Biller),
                account: row.text_or_null(2)?.map(AccountNumber::new),
                bill: row.text_or_null(3)?,
                amount: row.cents(4)?,
                ledger: row.text(5)?,
                rule: row.text(6)?,
                evidence: row.text(7)?,
            });
        }
        for row in tx.rows(exceptions, which.clone()).await? {
            found[place_of(&row)?].exceptions.push(self.exception_of(&row, 1)?);
        }
        for row in tx.rows(decisions, which).await? {
            let transaction = &mut found[place_of(&row)?];
            let place = row.int(1)?.to_string();
            let decision = self.keys().open_json(&["decisions", transaction.id.as_str(), &place], &row.bytes(2)?)?;
            transaction.decisions.push(decision);
        }
        Ok(found)
    }

    /// From the columns id, code, message, document, area, sealed, beginning at `first`.
    pub(super) fn exception_of(&self, row: &Row, first: usize) -> Result<Exception, StoreError> {
        let id: crate::domain::ExceptionId = row.parsed(first, "exception")?;
        let place = format!("exception {id}");
        let area = row.text_or_null(first + 4)?;
        let area = area.map(|a| serde_json::from_str::<PixelBox>(&a).map_err(|e| StoreError::damaged(&place, e)));
        let sealed = row.bytes_or_null(first + 5)?;
        let decision: Option<Decision> =
            sealed.map(|s| self.keys().open_json(&["exceptions", "decision", id.as_str()], &s)).transpose()?;
        Ok(Exception {
            code: row.known(first + 1, &place, Reason::parse)?,
            message: row.text(first + 2)?,
            document: row.parsed_or_null(first + 3, &place)?,
            bbox: area.transpose()?,
            decision,
            id,
        })
    }

    pub(super) async fn add_transactions(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        transactions: &[Transaction],
    ) -> Result<(), StoreError> {
        let site = self.site();
        let (mut rows, mut documents, mut applications, mut decisions) = (vec![], vec![], vec![], vec![]);
        for t in transactions {
            if t.batch != *batch {
                return Err(StoreError::OutOfBalance {
                    what: format!("transaction {}", t.id),
                    why: format!("it says batch {}, not {batch}", t.batch),
                });
            }
            rows.push(values![
                site,
                &t.id,
                batch,
                t.seq,
                t.kind.as_str(),
                t.state.as_str(),
                &t.reason,
                t.received,
                &t.held_until,
                &t.owner
            ]);
            for (place, document) in t.documents.iter().enumerate() {
                documents.push(values![site, document, batch, &t.id, place as i64 + 1]);
            }
            for (place, a) in t.applications.iter().enumerate() {
                applications.push(values![
                    site,
                    &t.id,
                    place as i64 + 1,
                    batch,
                    a.biller.as_ref().map(|b| b.0.as_str()),
                    a.account.as_ref().map(|a| a.reveal()),
                    &a.bill,
                    a.amount,
                    &a.ledger,
                    &a.rule,
                    &a.evidence
                ]);
            }
            for (place, d) in t.decisions.iter().enumerate() {
                let place = place as i64 + 1;
                let sealed = self.keys().seal_json(&["decisions", t.id.as_str(), &place.to_string()], d)?;
                decisions.push(values![site, &t.id, place, batch, &d.by, &d.at, sealed]);
            }
        }
        let expected = documents.len() as u64;
        tx.insert(&ADD, rows).await?;
        if tx.insert(&ADD_DOCUMENTS, documents).await? != expected {
            return Err(StoreError::OutOfBalance {
                what: format!("batch {batch}"),
                why: "a document stands in two transactions".into(),
            });
        }
        tx.insert(&ADD_APPLICATIONS, applications).await?;
        tx.insert(&ADD_DECISIONS, decisions).await?;
        let mut exceptions = Vec::new();
        for t in transactions {
            exceptions.extend(t.exceptions.iter().enumerate().map(|(place, e)| (Some(&t.id), place, e)));
        }
        self.add_exception_rows(tx, batch, &exceptions).await
    }

    /// Exceptions of the batch as a whole.
    pub(super) async fn add_own_exceptions(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        exceptions: &[Exception],
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = exceptions.iter().enumerate().map(|(place, e)| (None, place, e)).collect();
        self.add_exception_rows(tx, batch, &rows).await
    }

    async fn add_exception_rows(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        exceptions: &[(Option<&TransactionId>, usize, &Exception)],
    ) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(exceptions.len());
        for (transaction, place, e) in exceptions {
            let area = e.bbox.as_ref().map(serde_json::to_string).transpose();
            let sealed = e.decision.as_ref();
            let sealed = sealed.map(|d| self.keys().seal_json(&["exceptions", "decision", e.id.as_str()], d));
            rows.push(values![
                self.site(),
                &e.id,
                batch,
                *transaction,
                *place as i64 + 1,
                e.code.code(),
                &e.message,
                e.document.as_ref(),
                area.map_err(|e| StoreError::damaged("an exception", e))?,
                e.decision.as_ref().map(|d| d.by.0.as_str()),
                e.decision.as_ref().map(|d| d.at.as_str()),
                sealed.transpose()?
            ]);
        }
        let expected = rows.len() as u64;
        match tx.insert(&ADD_EXCEPTIONS, rows).await? == expected {
            true => Ok(()),
            false => Err(StoreError::Exists { what: "an exception of the same id".into() }),
        }
    }

    /// The exceptions of the batch as a whole, decided ones included.
    pub async fn batch_exceptions(&self, batch: &BatchId) -> Result<Vec<Exception>, StoreError> {
        let mut tx = self.db().read().await?;
        self.own_exceptions(&mut tx, batch).await
    }

    pub(super) async fn own_exceptions(&self, tx: &mut Tx, batch: &BatchId) -> Result<Vec<Exception>, StoreError> {
        let rows = tx.rows(OWN_OF_BATCH, values![self.site(), batch]).await?;
        rows.iter().map(|row| self.exception_of(row, 1)).collect()
    }

    /// Puts other exceptions in the place of the batch's own. A decided one stays as it is, also when it is raised again.
    pub(super) async fn replace_own_exceptions(
        &self,
        tx: &mut Tx,
        batch: &BatchId,
        exceptions: &[Exception],
    ) -> Result<(), StoreError> {
        let old = self.own_exceptions(tx, batch).await?;
        let mut all: Vec<Exception> = old.into_iter().filter(|e| e.decision.is_some()).collect();
        for new in exceptions {
            match all.iter().find(|e| e.id == new.id) {
                Some(decided) if new.decision.is_some() && decided.decision != new.decision => {
                    return Err(StoreError::Conflict { what: format!("exception {}", new.id) });
                }
                Some(_) => {}
                None => all.push(new.clone()),
            }
        }
        tx.run(DROP_OWN_OF_BATCH, values![self.site(), batch]).await?;
        self.add_own_exceptions(tx, batch, &all).await
    }

    /// Takes transactions away that others will stand for, in the same database transaction.
    pub(super) async fn drop_transactions(&self, tx: &mut Tx, ids: Vec<String>) -> Result<(), StoreError> {
        for sql in [DROP_DOCUMENTS, DROP_APPLICATIONS, DROP_EXCEPTIONS, DROP_DECISIONS, DROP_THESE] {
            tx.run(sql, values![self.site(), ids.clone()]).await?;
        }
        Ok(())
    }

    /// Does every document of the batch stand in a transaction?
    pub(super) async fn prove_documents(&self, tx: &mut Tx, batch: &BatchId) -> Result<(), StoreError> {
        match tx.first(LOST, values![self.site(), batch]).await? {
            None => Ok(()),
            Some(row) => Err(StoreError::OutOfBalance {
                what: format!("batch {batch}"),
                why: format!("document {} stands in no transaction", row.text(0)?),
            }),
        }
    }
}

/// An exception ends in one decision: it is never taken back or made another one.
pub(super) fn decided_stay<'a>(
    before: impl IntoIterator<Item = &'a Exception>,
    after: impl IntoIterator<Item = &'a Exception>,
) -> Result<(), StoreError> {
    let after: BTreeMap<_, &Exception> = after.into_iter().map(|e| (&e.id, e)).collect();
    for old in before.into_iter().filter(|e| e.decision.is_some()) {
        if after.get(&old.id).is_some_and(|new| new.decision != old.decision) {
            return Err(StoreError::Conflict { what: format!("exception {}", old.id) });
        }
    }
    Ok(())
}

fn transaction_of(row: &Row) -> Result<Transaction, StoreError> {
    let id: TransactionId = row.parsed(0, "transaction")?;
    let place = format!("transaction {id}");
    Ok(Transaction {
        batch: row.parsed(1, &place)?,
        seq: row.count(2)?,
        kind: row.known(3, &place, TransactionKind::parse)?,
        state: row.known(4, &place, TransactionState::parse)?,
        reason: row.text(5)?,
        documents: Vec::new(),
        received: row.cents_or_null(6)?,
        applications: Vec::new(),
        exceptions: Vec::new(),
        decisions: Vec::new(),
        held_until: row.text_or_null(7)?,
        owner: row.text_or_null(8)?,
        id,
    })
}
