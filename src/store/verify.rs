//! The proof that what must always hold does hold, from the rows themselves, in one snapshot: the journal and the audit
//! trail are chained again from their first row, and every total is added up again from its parts.
//!
//! Not proved here: I12 (a crash and a resumption are for a test to show).

use std::collections::{BTreeMap, BTreeSet};

use super::db::{Tx, sql, values};
use super::*;
use crate::domain::{Day, DepositState, ReturnState, Sha256};

/// One thing that does not hold.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Finding {
    /// `I1` to `I13`.
    pub invariant: &'static str,
    /// Ids and numbers: `entry 17`, `batch b..`.
    pub place: String,
    pub message: String,
}

/// What was looked at, so that an empty list of findings means something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Verified {
    pub entries: u64,
    pub batches: u64,
    pub documents: u64,
    pub deposits: u64,
    pub audit_rows: u64,
    /// Images and source files; with `deep` each was read and hashed again.
    pub blobs: u64,
}

/// Rows of a chain that are loaded at once.
const PAGE: u32 = 5_000;
/// Images that are read at once.
const BLOBS: u32 = 256;

macro_rules! live {
    () => {
        "t.state not in ('held', 'rejected', 'void')"
    };
}
macro_rules! proved {
    () => {
        "b.state in ('balanced', 'approved', 'posted', 'deposited', 'archived')"
    };
}

sql! {
    HEAD = "select number, hash from heads where site = $1 and chain = $2";
    DOCUMENTS = "select count(*) from documents where site = $1";
    /// I8: the postings of an entry are numbered from 1; their order is hashed, their numbers are not.
    PLACES = "select number from postings where site = $1 group by number
        having min(place) <> 1 or max(place) <> count(*) order by number";
    BATCHES = "select count(*) from batches where site = $1";
    /// I2: in a batch that was proved, received = applied in each transaction that counts.
    UNPROVED = concat!("select t.id, t.received, a.applied from transactions t
        join batches b on b.site = t.site and b.id = t.batch
        left join (select transaction_id, cast(sum(amount) as bigint) as applied from applications
                   where site = $1 group by transaction_id) a on a.transaction_id = t.id
        where t.site = $1 and ", proved!(), " and ", live!(), "
        and coalesce(t.received, 0) <> coalesce(a.applied, 0) order by t.batch, t.seq");
    /// I7: nothing is applied that the transaction does not hold.
    OVER_APPLIED = concat!("select t.id, t.received, a.applied from transactions t
        join (select transaction_id, cast(sum(amount) as bigint) as applied from applications
              where site = $1 group by transaction_id) a on a.transaction_id = t.id
        where t.site = $1 and ", live!(), " and t.received is not null and a.applied > t.received
        order by t.batch, t.seq");
    /// I3: what the posted transactions of a batch received is what its entries debit.
    BATCH_LEDGER = "select b.id, coalesce(r.received, 0), coalesce(l.debits, 0) from batches b
        left join (select batch, cast(sum(received) as bigint) as received from transactions
                   where site = $1 and state = 'posted' group by batch) r on r.batch = b.id
        left join (select e.batch, cast(sum(p.amount) as bigint) as debits from postings p
                   join entries e on e.site = p.site and e.number = p.number
                   where p.site = $1 and p.amount > 0 and e.transaction_id is not null
                   and exists (select 1 from posted d where d.site = e.site and d.subject = e.batch
                               and d.kind = 'batch' and e.number between d.first_entry and d.last_entry)
                   group by e.batch) l on l.batch = b.id
        where b.site = $1 and coalesce(r.received, 0) <> coalesce(l.debits, 0) order by b.id";
    /// I3: each posted transaction that received something has an entry.
    NO_ENTRY = "select t.id from transactions t where t.site = $1 and t.state = 'posted' and coalesce(t.received, 0) <> 0
        and not exists (select 1 from entries e where e.site = t.site and e.batch = t.batch and e.transaction_id = t.id)
        order by t.batch, t.seq";
    /// I3: a check's way through undeposited checks: in once, out once or not yet, never anything else.
    CHECK_WAY = "select p.document, cast(sum(p.amount) as bigint), i.amount, d.state, count(x.entry) from postings p
        left join deposit_items i on i.site = p.site and i.document = p.document
        left join deposits d on d.site = i.site and d.id = i.deposit
        left join reversals x on x.site = p.site and x.entry = p.number and x.kind = 'mirror'
        where p.site = $1 and p.account = $2 and p.document is not null
        group by p.document, i.amount, d.state order by p.document";
    /// I4: in a batch that is matched every document stands in a transaction.
    LOST = "select d.id, d.batch from documents d join batches b on b.site = d.site and b.id = d.batch
        where d.site = $1 and b.state not in ('open', 'captured', 'decoded', 'void') and not exists
        (select 1 from transaction_documents t where t.site = d.site and t.document = d.id and t.batch = d.batch)
        order by d.batch, d.place";
    /// I5: two live deposits of one account line and amount, where nobody decided that the checks are distinct.
    TWICE = "select i.document, i.deposit from deposit_items i
        join check_prints c on c.site = i.site and c.document = i.document
        where i.site = $1 and c.exact is not null and not exists
        (select 1 from check_claims k where k.site = i.site and k.document = i.document) order by i.document";
    ITEMS_TWICE = "select document, count(*) from deposit_items where site = $1 group by document having count(*) > 1";
    /// I6: each document of a batch that lives is known by its content, so that it cannot be taken again.
    UNKNOWN_CONTENT = "select d.id from documents d join batches b on b.site = d.site and b.id = d.batch
        where d.site = $1 and b.state <> 'void' and not exists
        (select 1 from contents c where c.site = d.site and c.document = d.id) order by d.id";
    /// I9: decided by somebody who exists.
    STRANGERS = "select 'exception', x.id, x.decided_by from exceptions x where x.site = $1 and x.decided_by is not null
        and not exists (select 1 from users u where u.site = x.site and u.name = x.decided_by)
        union all select 'decision of transaction', d.transaction_id, d.decided_by from decisions d where d.site = $1
        and not exists (select 1 from users u where u.site = d.site and u.name = d.decided_by)
        union all select 'batch', b.id, b.approved_by from batches b where b.site = $1 and b.approved_by is not null
        and not exists (select 1 from users u where u.site = b.site and u.name = b.approved_by)";
    /// I9: an open exception in a batch that was proved.
    STILL_OPEN = concat!("select x.id, x.batch from exceptions x
        join batches b on b.site = x.site and b.id = x.batch
        left join transactions t on t.site = x.site and t.id = x.transaction_id
        where x.site = $1 and x.decided_by is null and ", proved!(), " and (t.id is null or ", live!(), ")
        order by x.batch, x.id");
    /// I9: nobody approves what they balanced.
    ALONE = "select id from batches where site = $1 and state in ('approved', 'posted', 'deposited', 'archived')
        and (balanced_by is null or approved_by is null or balanced_by = approved_by) order by id";
    /// What was moved from undeposited checks to deposits in transit, for each deposit.
    MOVED = "select d.subject, cast(coalesce(sum(case when p.account = $2 and p.amount > 0 then p.amount else 0 end), 0)
        as bigint), cast(coalesce(sum(case when p.account = $3 and p.amount < 0 then p.amount else 0 end), 0) as bigint)
        from posted d left join postings p on p.site = d.site and p.number between d.first_entry and d.last_entry
        where d.site = $1 and d.kind = 'deposit' group by d.subject";
    /// I13: a posting's document, and an image's bytes, are there.
    NO_DOCUMENT = "select p.number, p.document from postings p where p.site = $1 and p.document is not null
        and not exists (select 1 from documents d where d.site = p.site and d.id = p.document) order by p.number";
    NO_IMAGE = "select i.document, i.hash from images i where i.site = $1
        and not exists (select 1 from blobs b where b.site = i.site and b.hash = i.hash)
        and not exists (select 1 from purges u where u.site = i.site and u.class = 'image' and u.subject = i.hash)
        order by i.document";
    /// I13: each piece of a file as it came is there, or was purged.
    NO_SOURCE = "select k.sha256, k.place from kept_files k where k.site = $1
        and not exists (select 1 from blobs b where b.site = k.site and b.hash = k.hash)
        and not exists (select 1 from purges u where u.site = k.site and u.class = 'file' and u.subject = k.sha256)
        order by k.sha256, k.place";
    /// I13: what is proved was read: each document of a matched batch that has an image has a reading.
    UNREAD = "select d.id from documents d join batches b on b.site = d.site and b.id = d.batch
        where d.site = $1 and b.state not in ('open', 'captured', 'void')
        and exists (select 1 from images i where i.site = d.site and i.document = d.id)
        and not exists (select 1 from readings r where r.site = d.site and r.document = d.id) order by d.id";
    /// I10: what a return reopened is its amount; its entries moved that and its fee; cleared ones paid it again, once.
    RETURNS = "select r.id, r.state, r.amount, r.fee, coalesce(t.parts, 0), coalesce(m.back, 0), coalesce(m.again, 0)
        from returns r
        left join (select return_id, cast(sum(amount) as bigint) as parts from return_parts where site = $1
                   group by return_id) t on t.return_id = r.id
        left join (select o.subject, cast(sum(case when o.kind = 'return' then p.amount else 0 end) as bigint) as back,
                   cast(sum(case when o.kind = 'cleared' then p.amount else 0 end) as bigint) as again
                   from posted o join postings p on p.site = o.site and p.number between o.first_entry and o.last_entry
                   where o.site = $1 and o.kind in ('return', 'cleared') and p.amount > 0 group by o.subject) m
            on m.subject = r.id
        where r.site = $1 order by r.id";
    /// I10: of one transaction and bill no more comes back than was applied.
    RETURNED_MORE = "select x.transaction_id, x.bill, x.back, coalesce(a.applied, 0) from
        (select d.transaction_id, coalesce(q.biller, '') as biller, coalesce(q.bill, '') as bill, q.ledger,
                cast(sum(q.amount) as bigint) as back
         from return_parts q join returns r on r.site = q.site and r.id = q.return_id
         join transaction_documents d on d.site = r.site and d.document = r.document
         where q.site = $1 group by d.transaction_id, coalesce(q.biller, ''), coalesce(q.bill, ''), q.ledger) x
        left join (select transaction_id, coalesce(biller, '') as biller, coalesce(bill, '') as bill, ledger,
                   cast(sum(amount) as bigint) as applied from applications where site = $1
                   group by transaction_id, coalesce(biller, ''), coalesce(bill, ''), ledger) a
            on a.transaction_id = x.transaction_id and a.biller = x.biller and a.bill = x.bill and a.ledger = x.ledger
        where x.back > coalesce(a.applied, 0) and (x.biller <> '' or x.ledger <> $2) order by x.transaction_id, x.bill";
    /// I3, I8: slips without gaps, each with an entry of its amount.
    SLIPS = "select s.number, s.amount, coalesce(p.debits, 0) from drawer_slips s
        left join (select number, cast(sum(amount) as bigint) as debits from postings where site = $1 and amount > 0
                   group by number) p on p.number = s.entry
        where s.site = $1 order by s.number";
    /// I3: a closed drawer's difference is what its slips and its count say.
    DRAWERS = "select d.number, d.over_short, d.counted_cash + d.counted_checks - d.opening - coalesce(s.kept, 0)
        from drawers d left join (select drawer, cast(sum(case when kind = 'payout' then -amount when tender = 'card' then 0
            else amount end) as bigint) as kept from drawer_slips where site = $1 group by drawer) s on s.drawer = d.number
        where d.site = $1 and d.state = 'closed' order by d.number";
    /// I13: suspense is named items: each of its postings is of a payment.
    PLUGS = "select p.number from postings p join entries e on e.site = p.site and e.number = p.number
        where p.site = $1 and p.account = $2 and e.transaction_id is null order by p.number";
    /// I8: a reversal's entry is there and takes back what it names.
    REVERSALS = "select x.entry, x.by_entry, coalesce(a.debits, 0), coalesce(b.debits, 0), x.kind from reversals x
        left join (select number, cast(sum(amount) as bigint) as debits from postings where site = $1 and amount > 0
                   group by number) a on a.number = x.entry
        left join (select number, cast(sum(amount) as bigint) as debits from postings where site = $1 and amount > 0
                   group by number) b on b.number = x.by_entry
        where x.site = $1 order by x.entry";
    /// I11: what the bank confirmed is what it was given.
    CONFIRMED = "select d.id, d.state, d.total, coalesce(m.bank, 0) from deposits d
        left join (select o.subject, cast(sum(p.amount) as bigint) as bank from posted o join postings p on p.site = o.site
                   and p.number between o.first_entry and o.last_entry and p.account = $2
                   where o.site = $1 and o.kind = 'acknowledgement' group by o.subject) m on m.subject = d.id
        where d.site = $1 order by d.id";
    BLOBS_COUNT = "select count(*) from blobs where site = $1";
    BLOB_NAMES = "select hash from blobs where site = $1 and hash > $2 order by hash limit $3";
}

/// What is found on the way.
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, invariant: &'static str, place: String, message: impl Into<String>) {
        self.0.push(Finding { invariant, place, message: message.into() });
    }

    /// What this program can never have written is a finding like others, and the proof goes on behind it.
    fn or_damaged<T: Default>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match done {
            Err(StoreError::Damaged { place, why }) => {
                self.add("I8", place, why);
                Ok(T::default())
            }
            Err(StoreError::Money(error)) => {
                self.add("I8", "a total".into(), error.to_string());
                Ok(T::default())
            }
            other => other,
        }
    }
}

impl Store {
    /// Proves the invariants I1 to I11 and I13. `deep` reads every image and source file back and hashes it again.
    pub async fn verify(&self, deep: bool) -> Result<(Verified, Vec<Finding>), StoreError> {
        let mut found = Findings(Vec::new());
        let mut seen = Verified::default();
        let mut tx = self.db().read().await?;
        seen.documents = tx.number(DOCUMENTS, values![self.site()]).await? as u64;
        seen.batches = tx.number(BATCHES, values![self.site()]).await? as u64;
        let done = self.verify_journal(&mut tx, &mut found).await;
        seen.entries = found.or_damaged(done)?;
        let done = self.verify_audit(&mut tx, &mut found).await;
        seen.audit_rows = found.or_damaged(done)?;
        let done = self.verify_money(&mut tx, &mut found).await;
        found.or_damaged(done)?;
        let done = self.verify_returns(&mut tx, &mut found).await;
        found.or_damaged(done)?;
        let done = self.verify_books(&mut tx, &mut found).await;
        found.or_damaged(done)?;
        let done = self.verify_people(&mut tx, &mut found).await;
        found.or_damaged(done)?;
        let done = self.verify_documents(&mut tx, &mut found).await;
        found.or_damaged(done)?;
        let done = self.verify_deposits(&mut tx, &mut found).await;
        seen.deposits = found.or_damaged(done)?;
        // Last: whatever no question above asks about.
        for (place, message) in self.broken_seals(&mut tx).await? {
            found.add("I8", place, message);
        }
        seen.blobs = tx.number(BLOBS_COUNT, values![self.site()]).await? as u64;
        drop(tx);
        if deep {
            self.verify_blobs(&mut found).await?;
        }
        Ok((seen, found.0))
    }

    /// I1 and I8: numbers without gaps, each hash over its content and its predecessor, each entry of sum zero (so that
    /// the trial balance is zero at every number), and the end where the head says.
    async fn verify_journal(&self, tx: &mut Tx, found: &mut Findings) -> Result<u64, StoreError> {
        let (mut last, mut previous) = (0i64, Entry::GENESIS);
        let head = self.head(tx, "journal").await?;
        // The ends of closed days: a chain that was written anew does not meet them.
        let mut roots: BTreeMap<i64, (Day, Sha256)> = BTreeMap::new();
        for root in self.roots(tx).await?.into_iter().filter(|r| r.number > 0) {
            roots.insert(root.number, (root.date, root.hash));
        }
        loop {
            let page = self.entries_page(tx, last, PAGE).await?;
            if page.is_empty() {
                // A gap wider than a page must not hide what stands behind it.
                if last < head.0 {
                    found.add("I8", format!("entry {}", last + 1), "it is missing");
                }
                break;
            }
            for entry in page {
                let place = || format!("entry {}", entry.number);
                if entry.number != last + 1 {
                    found.add("I8", place(), format!("entry {} is missing before it", last + 1));
                }
                if entry.previous != previous {
                    found.add("I8", place(), "it does not follow the entry before it: the chain is broken");
                }
                if !entry.holds() {
                    found.add("I8", place(), "its content was changed: the hash does not cover it");
                }
                if entry.draft.proves() != Ok(true) {
                    found.add("I1", place(), "its postings do not sum to zero");
                }
                if let Some((date, hash)) = roots.remove(&entry.number)
                    && hash != entry.hash
                {
                    found.add("I8", place(), format!("it is not the one that {date} was closed with"));
                }
                (last, previous) = (entry.number, entry.hash);
            }
        }
        for row in tx.rows(PLACES, values![self.site()]).await? {
            found.add("I8", format!("entry {}", row.int(0)?), "its postings are not numbered from 1 on");
        }
        for (number, (date, _)) in roots {
            found.add("I8", format!("entry {number}"), format!("{date} was closed with it, and it is not there"));
        }
        if head != (last, previous) {
            found.add("I8", format!("entry {last}"), format!("the journal's end should be entry {}", head.0));
        }
        Ok(last as u64)
    }

    async fn verify_audit(&self, tx: &mut Tx, found: &mut Findings) -> Result<u64, StoreError> {
        let (mut last, mut previous) = (0i64, Entry::GENESIS);
        loop {
            let page = self.audit_page(tx, last, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                if row.number != last + 1 || row.previous != previous || !row.holds() {
                    found.add("I8", format!("audit row {}", row.number), "the trail was changed here or before here");
                }
                (last, previous) = (row.number, row.hash);
            }
        }
        let head = self.head(tx, "audit").await?;
        if head != (last, previous) {
            found.add("I8", format!("audit row {last}"), format!("the trail's end should be row {}", head.0));
        }
        Ok(last as u64)
    }

    async fn head(&self, tx: &mut Tx, chain: &'static str) -> Result<(i64, Sha256), StoreError> {
        let row = tx.first(HEAD, values![self.site(), chain]).await?;
        let row = row.ok_or_else(|| StoreError::damaged(chain, "its end is missing"))?;
        Ok((row.int(0)?, row.parsed(1, chain)?))
    }

    /// I2, I3, I7.
    async fn verify_money(&self, tx: &mut Tx, found: &mut Findings) -> Result<(), StoreError> {
        for (invariant, sql) in [("I2", UNPROVED), ("I7", OVER_APPLIED)] {
            for row in tx.rows(sql, values![self.site()]).await? {
                let (received, applied) = (row.cents_or_null(1)?, row.cents_or_null(2)?.unwrap_or_default());
                let received = received.map_or("an unknown amount".into(), |r| r.to_string());
                found.add(
                    invariant,
                    format!("transaction {}", row.text(0)?),
                    format!("received {received}, applied {applied}"),
                );
            }
        }
        for row in tx.rows(BATCH_LEDGER, values![self.site()]).await? {
            found.add(
                "I3",
                format!("batch {}", row.text(0)?),
                format!("posted transactions received {}, its entries debit {}", row.cents(1)?, row.cents(2)?),
            );
        }
        for row in tx.rows(NO_ENTRY, values![self.site()]).await? {
            found.add("I3", format!("transaction {}", row.text(0)?), "it is posted but has no entry");
        }
        for row in tx.rows(CHECK_WAY, values![self.site(), &self.chart().undeposited]).await? {
            let (left, item, state) = (row.cents(1)?, row.cents_or_null(2)?, row.text_or_null(3)?);
            let gone = state.is_some_and(|s| s != DepositState::Reserved.as_str());
            let right = match item {
                Some(_) if gone => left.is_zero(),
                Some(amount) => left == amount,
                // Taken back before it went to the bank, or still here.
                None => left.is_positive() || (left.is_zero() && row.int(4)? > 0),
            };
            if !right {
                found.add(
                    "I3",
                    format!("document {}", row.text(0)?),
                    format!("undeposited checks hold {left} of it; captured is not deposited plus awaiting"),
                );
            }
        }
        Ok(())
    }

    /// I10.
    async fn verify_returns(&self, tx: &mut Tx, found: &mut Findings) -> Result<(), StoreError> {
        for row in tx.rows(RETURNS, values![self.site()]).await? {
            let place = format!("return {}", row.text(0)?);
            let state = row.known(1, &place, ReturnState::parse)?;
            let (amount, fee, parts) = (row.cents(2)?, row.cents(3)?, row.cents(4)?);
            let (back, again) = (row.cents(5)?, row.cents(6)?);
            let moved = match state {
                ReturnState::Unmatched | ReturnState::Noted => Cents::ZERO,
                ReturnState::Returned | ReturnState::Represented | ReturnState::Cleared | ReturnState::ChargedBack => {
                    amount
                }
            };
            if parts != moved {
                found.add("I10", place.clone(), format!("{amount} came back, it reopened {parts}"));
            }
            let due = if moved.is_zero() { moved } else { moved.plus(fee)? };
            if back != due {
                found.add("I10", place.clone(), format!("its entries moved {back}, its amount and fee are {due}"));
            }
            if again != if state == ReturnState::Cleared { amount } else { Cents::ZERO } {
                found.add("I10", place, format!("it is {}, and paid again with {again}", state.as_str()));
            }
        }
        for row in tx.rows(RETURNED_MORE, values![self.site(), &self.chart().suspense]).await? {
            let message =
                format!("{} of bill '{}' came back, {} was applied", row.cents(2)?, row.text(1)?, row.cents(3)?);
            found.add("I10", format!("transaction {}", row.text(0)?), message);
        }
        Ok(())
    }

    /// Beside the batches: the drawer, suspense, reversals, the bank's confirmations.
    async fn verify_books(&self, tx: &mut Tx, found: &mut Findings) -> Result<(), StoreError> {
        let mut last = 0;
        for row in tx.rows(SLIPS, values![self.site()]).await? {
            let (number, amount, debits) = (row.int(0)?, row.cents(1)?, row.cents(2)?);
            if number != last + 1 {
                found.add("I8", format!("slip {number}"), format!("slip {} is missing before it", last + 1));
            }
            if amount != debits {
                found.add("I3", format!("slip {number}"), format!("it is of {amount}, its entry of {debits}"));
            }
            last = number;
        }
        let slips = tx.first(HEAD, values![self.site(), "slip"]).await?.map(|r| r.int(0)).transpose()?.unwrap_or(0);
        if slips != last {
            found.add("I8", format!("slip {last}"), format!("the last slip should be {slips}"));
        }
        for row in tx.rows(DRAWERS, values![self.site()]).await? {
            let (said, is) = (row.cents_or_null(1)?, row.cents_or_null(2)?);
            if said != is {
                let text = |c: Option<Cents>| c.map_or("nothing".to_string(), |c| c.to_string());
                let message = format!("it was closed with {}, its slips and count say {}", text(said), text(is));
                found.add("I3", format!("drawer {}", row.int(0)?), message);
            }
        }
        for row in tx.rows(PLUGS, values![self.site(), &self.chart().suspense]).await? {
            found.add("I13", format!("entry {}", row.int(0)?), "it moves suspense of no payment");
        }
        for row in tx.rows(REVERSALS, values![self.site()]).await? {
            let (was, back) = (row.cents(2)?, row.cents(3)?);
            if back.is_zero() || back > was || (row.text(4)? == "mirror" && back != was) {
                let message = format!("it was taken back by entry {} with {back} of {was}", row.int(1)?);
                found.add("I8", format!("entry {}", row.int(0)?), message);
            }
        }
        for row in tx.rows(CONFIRMED, values![self.site(), &self.chart().bank]).await? {
            let state = row.known(1, "deposit", DepositState::parse)?;
            let (total, bank) = (row.cents(2)?, row.cents(3)?);
            if bank != if state == DepositState::Acknowledged { total } else { Cents::ZERO } {
                let message = format!("it is {}, and the bank has {bank} of {total}", state.as_str());
                found.add("I11", format!("deposit {}", row.text(0)?), message);
            }
        }
        Ok(())
    }

    /// I9.
    async fn verify_people(&self, tx: &mut Tx, found: &mut Findings) -> Result<(), StoreError> {
        for row in tx.rows(STRANGERS, values![self.site()]).await? {
            let message = format!("decided by '{}', who is no user", row.text(2)?);
            found.add("I9", format!("{} {}", row.text(0)?, row.text(1)?), message);
        }
        for row in tx.rows(STILL_OPEN, values![self.site()]).await? {
            let message = format!("it is open, but batch {} was balanced", row.text(1)?);
            found.add("I9", format!("exception {}", row.text(0)?), message);
        }
        for row in tx.rows(ALONE, values![self.site()]).await? {
            found.add("I9", format!("batch {}", row.text(0)?), "it was not approved by a second person");
        }
        Ok(())
    }

    /// I4, I6, I13.
    async fn verify_documents(&self, tx: &mut Tx, found: &mut Findings) -> Result<(), StoreError> {
        for (invariant, sql, message) in [
            ("I4", LOST, "it stands in no transaction"),
            ("I6", UNKNOWN_CONTENT, "its content is not remembered: it could be taken twice"),
            ("I13", UNREAD, "there is no reading of it"),
            ("I13", NO_IMAGE, "its image is not in the object store"),
        ] {
            for row in tx.rows(sql, values![self.site()]).await? {
                found.add(invariant, format!("document {}", row.text(0)?), message);
            }
        }
        for row in tx.rows(NO_SOURCE, values![self.site()]).await? {
            let message = format!("piece {} of it is not in the object store", row.int(1)?);
            found.add("I13", format!("file {}", row.text(0)?), message);
        }
        for row in tx.rows(NO_DOCUMENT, values![self.site()]).await? {
            let message = format!("it names document {}, which is not there", row.text(1)?);
            found.add("I13", format!("entry {}", row.int(0)?), message);
        }
        Ok(())
    }

    /// I5 and I11: a check in one live deposit; items = record = ledger movement.
    async fn verify_deposits(&self, tx: &mut Tx, found: &mut Findings) -> Result<u64, StoreError> {
        for row in tx.rows(ITEMS_TWICE, values![self.site()]).await? {
            found.add("I5", format!("document {}", row.text(0)?), format!("it stands in {} deposits", row.int(1)?));
        }
        for row in tx.rows(TWICE, values![self.site()]).await? {
            let message = format!("deposit {} holds it without the claim to its account line", row.text(1)?);
            found.add("I5", format!("document {}", row.text(0)?), message);
        }
        let mut moved: BTreeMap<String, (Cents, Cents)> = BTreeMap::new();
        for row in tx.rows(MOVED, values![self.site(), &self.chart().transit, &self.chart().undeposited]).await? {
            moved.insert(row.text(0)?, (row.cents(1)?, row.cents(2)?));
        }
        let deposits = self.all_deposits(tx).await?;
        for d in &deposits {
            let place = format!("deposit {}", d.id);
            let items = Cents::sum(d.items.iter().map(|i| i.amount))?;
            if items != d.total || d.items.len() as u64 != u64::from(d.count) {
                found.add(
                    "I11",
                    place.clone(),
                    format!(
                        "its record says {} checks, {}; its items are {}, {items}",
                        d.count,
                        d.total,
                        d.items.len()
                    ),
                );
            }
            let sequences: BTreeSet<&str> = d.items.iter().map(|i| i.sequence.as_str()).collect();
            if sequences.len() != d.items.len() {
                found.add("I11", place.clone(), "an item sequence number stands twice");
            }
            let out = d.total.negated()?;
            match (d.state, moved.remove(d.id.as_str())) {
                (DepositState::Reserved, None) => {}
                (DepositState::Made | DepositState::Acknowledged, Some((debit, credit)))
                    if debit == d.total && credit == out => {}
                (_, movement) => {
                    let (debit, credit) = movement.unwrap_or_default();
                    let message = format!("its total is {}, the journal moved {debit} in and {credit} out", d.total);
                    found.add("I11", place.clone(), message);
                }
            }
            if d.state != DepositState::Reserved && (d.file.is_none() || d.sha256.is_none()) {
                found.add("I11", place, "its file is not recorded");
            }
        }
        for subject in moved.keys() {
            found.add("I11", format!("deposit {subject}"), "the journal moved money for it, but it is not there");
        }
        Ok(deposits.len() as u64)
    }

    /// I13: every image and source file can be read and has the hash it is named by.
    async fn verify_blobs(&self, found: &mut Findings) -> Result<(), StoreError> {
        let mut last = String::new();
        loop {
            let mut tx = self.db().read().await?;
            let rows = tx.rows(BLOB_NAMES, values![self.site(), &last, BLOBS]).await?;
            drop(tx);
            let hashes: Vec<Sha256> = rows.iter().map(|r| r.parsed(0, "blob")).collect::<Result<_, _>>()?;
            match hashes.last() {
                Some(hash) => last = hash.to_string(),
                None => return Ok(()),
            }
            if self.blobs(&hashes).await.is_err() {
                // Something in this page is damaged: ask one by one which.
                for hash in hashes {
                    if let Err(error) = self.blob(hash).await {
                        found.add("I13", format!("image {hash}"), error.to_string());
                    }
                }
            }
        }
    }
}
