//! What the desk's screens read: a few rows of many tables, without opening what they do not show. Changes nothing.

use std::collections::BTreeMap;

use super::audit::AuditRow;
use super::db::{sql, values};
use super::*;
use crate::domain::{AccountNumber, Biller, Day, DocumentKind, Entry, Reading, Reason, TransactionKind};

/// One document in a batch's filmstrip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    pub document: DocumentId,
    pub seq: u32,
    pub kind_hint: Option<DocumentKind>,
    /// `None` until the batch is matched.
    pub transaction: Option<TransactionId>,
    pub transaction_seq: u32,
    pub transaction_kind: Option<TransactionKind>,
    pub state: Option<TransactionState>,
    pub received: Option<Cents>,
    pub has_image: bool,
}

/// What a batch has received so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    pub transactions: u32,
    /// Of those, whose amount is not known yet.
    pub unknown: u32,
    pub received: Cents,
}

/// How many transactions of a batch stand in a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateCount {
    pub batch: BatchId,
    pub state: TransactionState,
    pub count: u32,
}

/// Open exceptions of one reason and business date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenCount {
    pub code: Reason,
    pub date: Day,
    pub count: u32,
}

/// A transaction that a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    pub transaction: TransactionId,
    pub batch: BatchId,
    pub batch_name: String,
    pub date: Day,
    pub seq: u32,
    pub state: TransactionState,
    pub received: Option<Cents>,
    pub account: Option<AccountNumber>,
    pub bill: Option<String>,
    pub name: Option<String>,
}

/// A payment beside another one in its batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Neighbour {
    pub transaction: TransactionId,
    pub seq: u32,
    pub state: TransactionState,
    pub received: Option<Cents>,
}

/// What an account last paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastPaid {
    /// `None` where the payment named no biller.
    pub biller: Option<Biller>,
    pub account: AccountNumber,
    pub date: Day,
    pub amount: Cents,
}

/// What a search asks for; each part that is given must hold.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    pub transaction: Option<TransactionId>,
    pub account: Option<String>,
    pub name: Option<String>,
    pub amount: Option<Cents>,
    /// The cents of the amount only: `37` finds 12.37 and 900.37.
    pub odd_cents: Option<u32>,
    pub date: Option<Day>,
    /// With `date` as the first day: the last one.
    pub until: Option<Day>,
    pub check: Option<String>,
    pub state: Option<TransactionState>,
}

/// No search answers with more.
const MOST_HITS: i64 = 200;

macro_rules! hits {
    ($join:literal, $where:literal) => {
        concat!(
            "select distinct t.id, t.batch, b.name, b.date, t.seq, t.state, t.received, a.account, a.bill, bl.name
             from transactions t join batches b on b.site = t.site and b.id = t.batch
             left join applications a on a.site = t.site and a.transaction_id = t.id and a.place = 1
             left join bills bl on bl.site = a.site and bl.biller = a.biller and bl.bill = a.bill ",
            $join,
            " where t.site = $1 and ",
            $where,
            " and ($3 = '' or b.date >= $3) and ($5 = '' or b.date <= $5) and ($6 = '' or t.state = $6) order by b.date desc, t.batch, t.seq limit $4"
        )
    };
}

sql! {
    READINGS_OF = "select document, ordinal, sealed from readings where site = $1 and document any_of($2)
        order by document, ordinal";
    STRIP = "select d.id, d.seq, d.kind_hint, t.id, t.seq, t.kind, t.state, t.received,
            (select count(*) from images i where i.site = d.site and i.document = d.id)
        from documents d
        left join transaction_documents td on td.site = d.site and td.document = d.id
        left join transactions t on t.site = td.site and t.id = td.transaction_id
        where d.site = $1 and d.batch = $2 order by d.place";
    FIGURES = "select count(*), cast(sum(case when received is null then 1 else 0 end) as bigint),
            cast(sum(received) as bigint)
        from transactions where site = $1 and batch = $2 and state <> 'void' and kind <> 'other'";
    STATES = "select batch, state, count(*) from transactions where site = $1 group by batch, state";
    OPEN_COUNTS = "select e.code, b.date, count(*) from exceptions e join batches b on b.site = e.site and b.id = e.batch
        left join transactions t on t.site = e.site and t.id = e.transaction_id
        where e.site = $1 and e.decided_by is null and b.state <> 'void'
        and (t.id is null or t.state not in ('rejected', 'void')) group by e.code, b.date";
    HOURS = "select substr(r.at, 1, 13), count(*) from receipts r cross join batches b cross join documents d
        where r.site = $1 and r.at >= $2 and b.site = r.site and b.receipt = r.id and d.site = b.site and d.batch = b.id
        group by substr(r.at, 1, 13) order by 1";
    STRAIGHT = "select b.date, count(*), cast(sum(case when t.state in ('clean', 'posted')
            and not exists (select 1 from decisions d where d.site = t.site and d.transaction_id = t.id)
            and not exists (select 1 from exceptions e where e.site = t.site and e.transaction_id = t.id)
            then 1 else 0 end) as bigint)
        from batches b cross join transactions t
        where b.site = $1 and b.date >= $2 and t.site = b.site and t.batch = b.id and t.state <> 'void' group by b.date order by b.date";
    TRAIL = "select number, at, by_user, what, noun, id, before_hash, after_hash, note, previous, hash from audit
        where site = $1 and id any_of($2) order by number + 0";
    READ_SO_FAR = "select count(distinct document) from readings where site = $1 and batch = $2";
    AUDIT_HEAD = "select number from heads where site = $1 and chain = 'audit'";
    NEWEST_AUDIT = "select number, at, by_user, what, noun, id, before_hash, after_hash, note, previous, hash from audit
        where site = $1 order by number desc limit $2";
    NEWEST_ENTRIES = "select number from entries where site = $1 and number < $2 order by number desc limit $3";
    NEWEST_ENTRIES_OF = "select distinct number from postings where site = $1 and number < $2 and account = $4
        order by number desc limit $3";
    IN_DEPOSIT = "select document, deposit from deposit_items where site = $1 and document any_of($2)";
    NEIGHBOURS = "select id, seq, state, received from transactions
        where site = $1 and batch = $2 and seq >= $3 and seq <= $4 order by seq";
    /// By mail and over the counter; nothing that came back or was taken back.
    LAST_PAID = "select a.biller, a.account, b.date, t.id, a.amount
        from applications a cross join transactions t cross join batches b
        where a.site = $1 and a.account any_of($2) and a.transaction_id <> $3
        and t.site = a.site and t.id = a.transaction_id and t.state = 'posted' and b.site = t.site and b.id = t.batch
        and not exists (select 1 from transaction_documents td join returns r on r.site = td.site and r.document = td.document
                        where td.site = t.site and td.transaction_id = t.id and r.state not in ('cleared', 'noted'))
        and not exists (select 1 from entries e join reversals v on v.site = e.site and v.entry = e.number
                        where e.site = t.site and e.transaction_id = t.id)
        union all select s.biller, s.account, d.date, 'receipt ' || s.number, s.amount
        from drawer_slips s cross join drawers d
        where s.site = $1 and s.account any_of($2) and s.kind = 'receipt' and d.site = s.site and d.number = s.drawer";
    ENTRIES_OF = "select number from entries where site = $1 and transaction_id = $2 order by number + 0";
    OF_DOCUMENT = "select transaction_id from transaction_documents where site = $1 and document = $2";
    BY_ID = hits!("", "t.id = $2");
    BY_ACCOUNT = hits!("join applications x on x.site = t.site and x.transaction_id = t.id", "x.account = $2");
    BY_BILL = hits!("join applications x on x.site = t.site and x.transaction_id = t.id", "x.bill = $2");
    // From the few bills of that name to their payments, never the other way round.
    BY_NAME = hits!(
        "",
        "t.id in (select x.transaction_id from bills n
            join applications x on x.site = n.site and x.account = n.account and x.biller = n.biller
            where n.site = $1 and lower(n.name) like $2)"
    );
    BY_RECEIVED = hits!("", "t.received = cast($2 as bigint)");
    BY_APPLIED = hits!("join applications x on x.site = t.site and x.transaction_id = t.id", "x.amount = cast($2 as bigint)");
    BY_CENTS = hits!("", "t.received % 100 = cast($2 as bigint)");
    BY_CHECK = hits!(
        "join transaction_documents td on td.site = t.site and td.transaction_id = t.id
         join check_prints c on c.site = td.site and c.document = td.document",
        "c.serial = $2"
    );
    BY_DATE = hits!(
        "",
        "$2 <> 'x' and t.batch in (select o.id from batches o where o.site = $1 and ($3 = '' or o.date >= $3)
            and ($5 = '' or o.date <= $5))"
    );
}

impl Store {
    /// What was read on these documents, oldest reading first.
    pub async fn readings_of(
        &self,
        documents: &[DocumentId],
    ) -> Result<BTreeMap<DocumentId, Vec<Reading>>, StoreError> {
        let ids: Vec<String> = documents.iter().map(ToString::to_string).collect();
        let mut tx = self.db().read().await?;
        let mut readings: BTreeMap<DocumentId, Vec<Reading>> = BTreeMap::new();
        for row in tx.rows(READINGS_OF, values![self.site(), ids]).await? {
            let document: DocumentId = row.parsed(0, "reading")?;
            let ordinal = row.int(1)?.to_string();
            let reading = self.keys().open_json(&["readings", document.as_str(), &ordinal], &row.bytes(2)?)?;
            readings.entry(document).or_default().push(reading);
        }
        Ok(readings)
    }

    /// How many documents of a batch have been read.
    pub async fn documents_read(&self, batch: &BatchId) -> Result<u32, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(u32::try_from(tx.number(READ_SO_FAR, values![self.site(), batch]).await?).unwrap_or(u32::MAX))
    }

    /// A batch's documents in capture order, each with its transaction.
    pub async fn strip(&self, batch: &BatchId) -> Result<Vec<Frame>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(STRIP, values![self.site(), batch]).await?;
        rows.iter()
            .map(|row| {
                let known = |n: usize| row.text_or_null(n);
                Ok(Frame {
                    document: row.parsed(0, "document")?,
                    seq: row.count(1)?,
                    kind_hint: known(2)?.as_deref().and_then(DocumentKind::parse),
                    transaction: row.parsed_or_null(3, "transaction")?,
                    transaction_seq: row.count_or_null(4)?.unwrap_or(0),
                    transaction_kind: known(5)?.as_deref().and_then(TransactionKind::parse),
                    state: known(6)?.as_deref().and_then(TransactionState::parse),
                    received: row.cents_or_null(7)?,
                    has_image: row.int(8)? > 0,
                })
            })
            .collect()
    }

    /// What a batch has received so far; void transactions and letters left out.
    pub async fn figures(&self, batch: &BatchId) -> Result<Figures, StoreError> {
        let mut tx = self.db().read().await?;
        let Some(row) = tx.first(FIGURES, values![self.site(), batch]).await? else { return Ok(Figures::default()) };
        Ok(Figures {
            transactions: row.count(0)?,
            unknown: row.count_or_null(1)?.unwrap_or(0),
            received: row.cents_or_null(2)?.unwrap_or_default(),
        })
    }

    /// Transactions of every batch by state.
    pub async fn state_counts(&self) -> Result<Vec<StateCount>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(STATES, values![self.site()]).await?;
        rows.iter()
            .map(|r| {
                Ok(StateCount {
                    batch: r.parsed(0, "batch")?,
                    state: r.known(1, "transaction", TransactionState::parse)?,
                    count: r.count(2)?,
                })
            })
            .collect()
    }

    /// What is open, by reason and business date.
    pub async fn open_counts(&self) -> Result<Vec<OpenCount>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(OPEN_COUNTS, values![self.site()]).await?;
        rows.iter()
            .map(|r| {
                Ok(OpenCount {
                    code: r.known(0, "exception", Reason::parse)?,
                    date: r.parsed(1, "exception")?,
                    count: r.count(2)?,
                })
            })
            .collect()
    }

    /// Documents taken in by hour (`2026-11-20T09`, UTC) since an instant.
    pub async fn documents_by_hour(&self, since: &str) -> Result<Vec<(String, u32)>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(HOURS, values![self.site(), since]).await?;
        rows.iter().map(|r| Ok((r.text(0)?, r.count(1)?))).collect()
    }

    /// By business date: transactions, and those that needed no person.
    pub async fn straight_through(&self, since: Day) -> Result<Vec<(Day, u32, u32)>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(STRAIGHT, values![self.site(), since]).await?;
        rows.iter().map(|r| Ok((r.parsed(0, "batch")?, r.count(1)?, r.count_or_null(2)?.unwrap_or(0)))).collect()
    }

    /// The audit rows of these things, oldest first.
    pub async fn trail(&self, ids: &[String]) -> Result<Vec<AuditRow>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(TRAIL, values![self.site(), ids.to_vec()]).await?;
        rows.iter().map(AuditRow::of).collect()
    }

    /// How many rows the audit trail has: it grows with everything that people do.
    pub async fn audit_head(&self) -> Result<i64, StoreError> {
        let mut tx = self.db().read().await?;
        tx.number(AUDIT_HEAD, values![self.site()]).await
    }

    /// The newest audit rows, newest first.
    pub async fn newest_audit(&self, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(NEWEST_AUDIT, values![self.site(), limit]).await?.iter().map(AuditRow::of).collect()
    }

    /// Journal entries below a number, newest first, at most `limit`; of one ledger account when it is named.
    pub async fn newest_entries(&self, account: &str, below: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = match account.is_empty() {
            true => tx.rows(NEWEST_ENTRIES, values![self.site(), below, limit]).await?,
            false => tx.rows(NEWEST_ENTRIES_OF, values![self.site(), below, limit, account]).await?,
        };
        let numbers: Vec<i64> = rows.iter().map(|r| r.int(0)).collect::<Result<_, _>>()?;
        let mut found = Vec::with_capacity(numbers.len());
        // Neighbours come in one page of the journal.
        let (Some(last), Some(first)) = (numbers.first(), numbers.last()) else { return Ok(found) };
        if last - first < 4 * i64::from(limit) {
            let page = self.entries_page(&mut tx, first - 1, (last - first + 1) as u32).await?;
            found.extend(page.into_iter().rev().filter(|e| numbers.contains(&e.number)));
        } else {
            for number in numbers {
                found.extend(self.entries_page(&mut tx, number - 1, 1).await?);
            }
        }
        Ok(found)
    }

    /// Which deposit each of these documents is in.
    pub async fn deposits_of(&self, documents: &[DocumentId]) -> Result<BTreeMap<DocumentId, DepositId>, StoreError> {
        let ids: Vec<String> = documents.iter().map(ToString::to_string).collect();
        let mut tx = self.db().read().await?;
        let rows = tx.rows(IN_DEPOSIT, values![self.site(), ids]).await?;
        rows.iter().map(|r| Ok((r.parsed(0, "deposit item")?, r.parsed(1, "deposit item")?))).collect()
    }

    /// The payments of a batch whose numbers lie between two, both included.
    pub async fn neighbours(&self, batch: &BatchId, first: u32, last: u32) -> Result<Vec<Neighbour>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(NEIGHBOURS, values![self.site(), batch, first, last]).await?;
        rows.iter()
            .map(|r| {
                Ok(Neighbour {
                    transaction: r.parsed(0, "transaction")?,
                    seq: r.count(1)?,
                    state: r.known(2, "transaction", TransactionState::parse)?,
                    received: r.cents_or_null(3)?,
                })
            })
            .collect()
    }

    /// What each of these accounts paid last, other than by this transaction.
    pub async fn last_paid(
        &self,
        accounts: &[AccountNumber],
        besides: &TransactionId,
    ) -> Result<Vec<LastPaid>, StoreError> {
        let mut numbers: Vec<String> = accounts.iter().map(|a| a.reveal().to_string()).collect();
        numbers.sort();
        numbers.dedup();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.db().read().await?;
        // One payment may pay several bills of an account.
        type Payments = BTreeMap<(Day, String), Cents>;
        let mut paid: BTreeMap<(Option<String>, String), Payments> = BTreeMap::new();
        for row in tx.rows(LAST_PAID, values![self.site(), numbers, besides]).await? {
            let of = paid.entry((row.text_or_null(0)?, row.text(1)?)).or_default();
            let sum = of.entry((row.parsed(2, "payment")?, row.text(3)?)).or_default();
            *sum = sum.plus(row.cents(4)?)?;
        }
        let mut last = Vec::new();
        for ((biller, account), of) in paid {
            if let Some(((date, _), amount)) = of.into_iter().next_back() {
                let (biller, account) = (biller.map(Biller), AccountNumber::new(account));
                last.push(LastPaid { biller, account, date, amount });
            }
        }
        Ok(last)
    }

    /// The numbers of the journal entries that a transaction made.
    pub async fn entries_of_transaction(&self, transaction: &TransactionId) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.db().read().await?;
        tx.rows(ENTRIES_OF, values![self.site(), transaction]).await?.iter().map(|r| r.int(0)).collect()
    }

    /// The transaction that a document is in.
    pub async fn transaction_of_document(&self, document: &DocumentId) -> Result<Option<TransactionId>, StoreError> {
        let mut tx = self.db().read().await?;
        let row = tx.first(OF_DOCUMENT, values![self.site(), document]).await?;
        row.map(|r| r.parsed(0, "transaction")).transpose()
    }

    /// Transactions for which every given part holds, newest first, at most 200.
    pub async fn research(&self, wanted: &Wanted) -> Result<Vec<Hit>, StoreError> {
        let mut asked: Vec<(Vec<&'static str>, String)> = Vec::new();
        if let Some(transaction) = &wanted.transaction {
            asked.push((vec![BY_ID], transaction.to_string()));
        }
        if let Some(account) = &wanted.account {
            asked.push((vec![BY_ACCOUNT, BY_BILL], account.clone()));
        }
        if let Some(name) = &wanted.name {
            let plain: String = name.to_lowercase().chars().filter(|c| !matches!(c, '%' | '_')).collect();
            asked.push((vec![BY_NAME], format!("%{plain}%")));
        }
        if let Some(amount) = wanted.amount {
            asked.push((vec![BY_RECEIVED, BY_APPLIED], amount.get().to_string()));
        }
        if let Some(cents) = wanted.odd_cents {
            asked.push((vec![BY_CENTS], cents.to_string()));
        }
        if let Some(check) = &wanted.check {
            asked.push((vec![BY_CHECK], check.trim_start_matches('0').to_string()));
        }
        let date = wanted.date.map(|d| d.to_string()).unwrap_or_default();
        let until = wanted.until.or(wanted.date).map(|d| d.to_string()).unwrap_or_default();
        let state = wanted.state.map_or("", TransactionState::as_str);
        if asked.is_empty() && (!until.is_empty() || !state.is_empty()) {
            asked.push((vec![BY_DATE], String::new()));
        }
        let mut tx = self.db().read().await?;
        let mut found: Option<Vec<Hit>> = None;
        for (texts, value) in asked {
            let mut these: Vec<Hit> = Vec::new();
            for text in texts {
                for row in tx.rows(text, values![self.site(), &value, &date, MOST_HITS, &until, state]).await? {
                    let hit = hit_of(&row)?;
                    if !these.iter().any(|h| h.transaction == hit.transaction) {
                        these.push(hit);
                    }
                }
            }
            found = Some(match found {
                None => these,
                Some(mut before) => {
                    before.retain(|h| these.iter().any(|t| t.transaction == h.transaction));
                    before
                }
            });
        }
        Ok(found.unwrap_or_default())
    }
}

fn hit_of(row: &db::Row) -> Result<Hit, StoreError> {
    Ok(Hit {
        transaction: row.parsed(0, "transaction")?,
        batch: row.parsed(1, "transaction")?,
        batch_name: row.text(2)?,
        date: row.parsed(3, "transaction")?,
        seq: row.count(4)?,
        state: row.known(5, "transaction", TransactionState::parse)?,
        received: row.cents_or_null(6)?,
        account: row.text_or_null(7)?.map(AccountNumber::new),
        bill: row.text_or_null(8)?,
        name: row.text_or_null(9)?,
    })
}
