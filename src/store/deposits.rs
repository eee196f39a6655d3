//! Deposits: a check is claimed for one live deposit before any file is made, and the books move when the file stands.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::Event;
use super::db::{Bulk, Kind, Row, Tx, begins, sql, values};
use super::users::hash_of;
use super::*;
use crate::domain::{
    BatchEvent, Day, Deposit, DepositItem, DepositKind, DepositState, EntryDraft, Origin, Reason, Role, Sha256,
    item_sequence,
};

/// A posted check that stands in undeposited checks (ledger account 1020).
#[derive(Clone, PartialEq, Debug)]
pub struct Undeposited {
    pub document: DocumentId,
    pub batch: BatchId,
    pub origin: Origin,
    /// The batch's business date.
    pub date: Day,
    pub transaction: TransactionId,
    pub amount: Cents,
    /// Another document with the same account line and amount that a deposit has claimed, or that stands before this one
    /// in this list. Such a check cannot be deposited until a person has decided that the two are distinct.
    pub twin: Option<DocumentId>,
}

/// A deposit to be reserved; the store gives it its number and id, and the items of an image cash letter their numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct NewDeposit {
    pub date: Day,
    pub kind: DepositKind,
    pub profile: String,
    pub items: Vec<DepositItem>,
}

sql! {
    /// Looks at posted batches only: what is deposited whole does not cost any more. (`cross join` keeps this order.)
    OPEN = "select p.document, e.batch, b.origin, b.date, e.transaction_id, p.amount, c.exact,
        (select k.document from check_claims k where k.site = p.site and k.claim = c.exact)
        from batches b cross join entries e cross join postings p
        left join check_prints c on c.site = p.site and c.document = p.document
        where b.site = $1 and b.state = 'posted' and e.site = b.site and e.batch = b.id
        and p.site = e.site and p.number = e.number
        and p.account = $2 and p.amount > 0 and coalesce(p.document, '') <> ''
        and not exists (select 1 from reversals x where x.site = e.site and x.entry = e.number)
        and not exists (select 1 from deposit_items i where i.site = p.site and i.document = p.document)
        order by p.number, p.place";
    LAST_NUMBER = "select max(number) from deposits where site = $1 and date = $2 and profile = $3 and kind = $4";
    ADD = "insert into deposits (site, id, date, kind, profile, number, state, count, total, claimed_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    ONE = "select id, date, kind, profile, number, state, count, total, file, sha256, claimed_at from deposits
           where site = $1 and id = $2";
    LIKE = concat!("select id, date, kind, profile, number, state, count, total, file, sha256, claimed_at from deposits
            where site = $1 and ", begins!("id"), " limit 2");
    LIST = "select id, date, kind, profile, number, state, count, total, file, sha256, claimed_at from deposits where site = $1";
    ITEMS = "select deposit, document, amount, sequence from deposit_items where site = $1 order by deposit, place";
    ITEMS_OF = "select deposit, document, amount, sequence from deposit_items where site = $1 and deposit = $2 order by place";
    MOVE = "update deposits set state = $4 where site = $1 and id = $2 and state = $3";
    SAVE_FILE = "update deposits set file = $3, sha256 = $4 where site = $1 and id = $2";
    BATCHES_OF = "select d.batch from deposit_items i cross join documents d
                  where i.site = $1 and i.deposit = $2 and d.site = i.site and d.id = i.document";
    /// Checks of a batch that no finished deposit holds.
    NOT_DEPOSITED = "select count(*) from entries e cross join postings p
        where e.site = $1 and e.batch = $2 and p.site = e.site and p.number = e.number and p.account = $3 and p.amount > 0
        and not exists (select 1 from reversals x where x.site = e.site and x.entry = e.number) and not exists
        (select 1 from deposit_items i join deposits d on d.site = i.site and d.id = i.deposit
         where i.site = p.site and i.document = p.document and d.state <> 'reserved')";
}

const ADD_ITEMS: Bulk = Bulk {
    table: "deposit_items",
    columns: &[
        ("site", Kind::Text),
        ("deposit", Kind::Text),
        ("place", Kind::Int),
        ("document", Kind::Text),
        ("amount", Kind::Int),
        ("sequence", Kind::Text),
    ],
    // A check that another deposit has claimed is found by the count.
    tail: "on conflict (site, document) do nothing",
};

const ADD_CLAIMS: Bulk = Bulk {
    table: "check_claims",
    columns: &[("site", Kind::Text), ("claim", Kind::Text), ("document", Kind::Text), ("deposit", Kind::Text)],
    tail: "on conflict (site, claim) do nothing",
};

/// A posted check with the claims it would make.
struct Open {
    check: Undeposited,
    claim: Option<String>,
}

impl Store {
    /// In the order of the journal: checks of account 1020 that no deposit has claimed.
    pub async fn undeposited(&self) -> Result<Vec<Undeposited>, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(self.open_checks(&mut tx).await?.into_iter().map(|o| o.check).collect())
    }

    async fn open_checks(&self, tx: &mut Tx) -> Result<Vec<Open>, StoreError> {
        let mut list = Vec::new();
        let mut twins = BTreeSet::new();
        let mut first_of: BTreeMap<String, DocumentId> = BTreeMap::new();
        for row in tx.rows(OPEN, values![self.site(), &self.chart().undeposited]).await? {
            let check = Undeposited {
                document: row.parsed(0, "posting")?,
                batch: row.parsed(1, "posting")?,
                origin: row.known(2, "batch", Origin::parse)?,
                date: row.parsed(3, "batch")?,
                transaction: row.parsed(4, "posting")?,
                amount: row.cents(5)?,
                twin: row.parsed_or_null(7, "claim")?,
            };
            let claim = row.text_or_null(6)?;
            let mut open = Open { check, claim };
            if let Some(exact) = &open.claim {
                let earlier = first_of.entry(exact.clone()).or_insert_with(|| open.check.document.clone());
                if *earlier != open.check.document && open.check.twin.is_none() {
                    open.check.twin = Some(earlier.clone());
                }
                if open.check.twin.is_some() {
                    twins.insert(open.check.transaction.to_string());
                }
            }
            list.push(open);
        }
        if twins.is_empty() {
            return Ok(list);
        }
        // Twins are rare: only for them the decisions are looked at.
        let decided: BTreeSet<TransactionId> = self
            .these_transactions(tx, twins.into_iter().collect())
            .await?
            .into_iter()
            .filter(decided_distinct)
            .map(|t| t.id)
            .collect();
        for open in &mut list {
            if open.check.twin.is_some() && decided.contains(&open.check.transaction) {
                open.check.twin = None;
                open.claim = open.claim.take().map(|claim| format!("{claim} {}", open.check.document));
            }
        }
        Ok(list)
    }

    /// Claims the checks for one deposit, state `reserved`. The claim is unique by document and, where the account line is
    /// known, by routing, account, serial and amount over the whole site (unless a person decided `distinct`).
    pub async fn reserve_deposit(&self, new: &NewDeposit, by: &UserName) -> Result<Deposit, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Release]).await?;
                let wrong = |why: String| Err(StoreError::OutOfBalance { what: "a deposit".into(), why });
                if new.items.is_empty() {
                    return wrong("it has no items".into());
                }
                let open: BTreeMap<DocumentId, Open> =
                    self.open_checks(&mut tx).await?.into_iter().map(|o| (o.check.document.clone(), o)).collect();
                let mut claims: BTreeMap<String, &DocumentId> = BTreeMap::new();
                for item in &new.items {
                    let Some(found) = open.get(&item.document) else {
                        return wrong(format!("document {} is no undeposited check", item.document));
                    };
                    if found.check.amount != item.amount {
                        return wrong(format!("document {} is posted with {}", item.document, found.check.amount));
                    }
                    if let Some(claim) = &found.claim
                        && let Some(twin) = claims.insert(claim.clone(), &item.document)
                    {
                        return Err(StoreError::Exists {
                            what: format!("check {} (as document {twin})", item.document),
                        });
                    }
                }
                let number = tx
                    .number(LAST_NUMBER, values![self.site(), new.date, &new.profile, new.kind.as_str()])
                    .await?
                    .saturating_add(1);
                let date = new.date.to_string();
                let id = DepositId::of(&[
                    self.site().as_bytes(),
                    date.as_bytes(),
                    new.profile.as_bytes(),
                    new.kind.as_str().as_bytes(),
                    &number.to_be_bytes(),
                ]);
                let number = u32::try_from(number).map_err(|e| StoreError::damaged("a deposit's number", e))?;
                // The items of a letter are numbered by the deposit's own number, so that a return finds them again.
                let numbered = |(item, place): (&DepositItem, u32)| match new.kind {
                    DepositKind::Icl => DepositItem {
                        sequence: format!("{:015}", item_sequence(new.date, number, place)),
                        ..item.clone()
                    },
                    DepositKind::Arc | DepositKind::Paper | DepositKind::Lockbox => item.clone(),
                };
                let items: Vec<DepositItem> = new.items.iter().zip(1..).map(numbered).collect();
                let deposit = Deposit {
                    id,
                    date: new.date,
                    kind: new.kind,
                    profile: new.profile.clone(),
                    number,
                    state: DepositState::Reserved,
                    claimed_at: self.now(),
                    count: new.items.len() as u32,
                    total: Cents::sum(new.items.iter().map(|i| i.amount))?,
                    file: None,
                    sha256: None,
                    items,
                };
                self.claim_checks(&mut tx, &deposit, &claims).await?;
                let note = format!("{} checks, {}", deposit.count, deposit.total);
                let event = Event {
                    by,
                    what: "reserve",
                    noun: "deposit",
                    id: deposit.id.as_str(),
                    before: None,
                    after: Some(hash_of(&deposit)?),
                    note: &note,
                };
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(deposit)
            })
        })
        .await
    }

    async fn claim_checks(
        &self,
        tx: &mut Tx,
        deposit: &Deposit,
        claims: &BTreeMap<String, &DocumentId>,
    ) -> Result<(), StoreError> {
        let site = self.site();
        tx.run(
            ADD,
            values![
                site,
                &deposit.id,
                deposit.date,
                deposit.kind.as_str(),
                &deposit.profile,
                deposit.number,
                deposit.state.as_str(),
                deposit.count,
                deposit.total,
                &deposit.claimed_at
            ],
        )
        .await?;
        let items: Vec<_> = deposit
            .items
            .iter()
            .enumerate()
            .map(|(place, i)| values![site, &deposit.id, place as i64 + 1, &i.document, i.amount, &i.sequence])
            .collect();
        let claims: Vec<_> =
            claims.iter().map(|(claim, document)| values![site, claim, *document, &deposit.id]).collect();
        let (expected_items, expected_claims) = (items.len() as u64, claims.len() as u64);
        if tx.insert(&ADD_ITEMS, items).await? != expected_items
            || tx.insert(&ADD_CLAIMS, claims).await? != expected_claims
        {
            return Err(StoreError::Exists { what: "one of these checks in a deposit".into() });
        }
        Ok(())
    }

    async fn move_deposit(
        &self,
        tx: &mut Tx,
        id: &DepositId,
        from: DepositState,
        to: DepositState,
    ) -> Result<Done, StoreError> {
        if tx.run(MOVE, values![self.site(), id, from.as_str(), to.as_str()]).await? == 1 {
            return Ok(Done::Now);
        }
        let stored = self.deposit_of(&self.find(tx, "deposit", id.as_str(), [ONE]).await?, Vec::new())?;
        let place = |state| DepositState::ALL.iter().position(|s| *s == state);
        match place(stored.state) >= place(to) {
            true => Ok(Done::Already),
            false => Err(StoreError::Conflict { what: format!("deposit {id} ({})", stored.state.as_str()) }),
        }
    }

    /// The file stands and is proved: state `made`, the journal moves from 1020 to 1030 by `drafts` (their total must be
    /// the deposit's), and batches whose checks are all deposited become `deposited`. In one transaction, at most once.
    pub async fn deposit_made(
        &self,
        id: &DepositId,
        file: &str,
        sha256: Sha256,
        drafts: &[EntryDraft],
        by: &UserName,
    ) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Release]).await?;
                if self.move_deposit(&mut tx, id, DepositState::Reserved, DepositState::Made).await? == Done::Already {
                    return Ok(Done::Already);
                }
                tx.run(SAVE_FILE, values![self.site(), id, file, sha256]).await?;
                let deposit = self.this_deposit(&mut tx, id.as_str(), [ONE]).await?;
                moves(&deposit, drafts, &self.chart().transit)?;
                moves_back(&deposit, drafts, &self.chart().undeposited)?;
                self.append(&mut tx, id.as_str(), "deposit", drafts).await?;
                let mut batches = BTreeSet::new();
                for row in tx.rows(BATCHES_OF, values![self.site(), id]).await? {
                    batches.insert(row.parsed::<BatchId>(0, "batch")?);
                }
                for batch in &batches {
                    if tx.number(NOT_DEPOSITED, values![self.site(), batch, &self.chart().undeposited]).await? == 0 {
                        self.move_batch(&mut tx, batch, BatchEvent::Deposit).await?;
                    }
                }
                let note = format!("{file}, {}", deposit.total);
                let event = Event {
                    by,
                    what: "make",
                    noun: "deposit",
                    id: id.as_str(),
                    before: None,
                    after: Some(sha256),
                    note: &note,
                };
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    /// The bank has it: state `acknowledged`, and the journal moves from deposits in transit to the bank by `drafts`.
    pub async fn deposit_acknowledged(
        &self,
        id: &DepositId,
        drafts: &[EntryDraft],
        note: &str,
        by: &UserName,
    ) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Release]).await?;
                if self.move_deposit(&mut tx, id, DepositState::Made, DepositState::Acknowledged).await?
                    == Done::Already
                {
                    return Ok(Done::Already);
                }
                let deposit = self.this_deposit(&mut tx, id.as_str(), [ONE]).await?;
                moves_back(&deposit, drafts, &self.chart().transit)?;
                moves(&deposit, drafts, &self.chart().bank)?;
                self.append(&mut tx, id.as_str(), "acknowledgement", drafts).await?;
                let event = Event::said(by, "acknowledge", "deposit", id.as_str(), note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    /// By date, profile and number, with their items. Reserved ones (a run that was cut short) are among them.
    pub async fn deposits(&self) -> Result<Vec<Deposit>, StoreError> {
        let mut tx = self.db().read().await?;
        self.all_deposits(&mut tx).await
    }

    pub(super) async fn all_deposits(&self, tx: &mut Tx) -> Result<Vec<Deposit>, StoreError> {
        let mut items: BTreeMap<String, Vec<DepositItem>> = BTreeMap::new();
        for row in tx.rows(ITEMS, values![self.site()]).await? {
            items.entry(row.text(0)?).or_default().push(item_of(&row)?);
        }
        let mut list = Vec::new();
        for row in tx.rows(LIST, values![self.site()]).await? {
            let items = items.remove(&row.text(0)?).unwrap_or_default();
            list.push(self.deposit_of(&row, items)?);
        }
        list.sort_by(|a, b| (a.date, &a.profile, a.kind, a.number).cmp(&(b.date, &b.profile, b.kind, b.number)));
        Ok(list)
    }

    /// By id or unique beginning of one.
    pub async fn deposit(&self, id: &str) -> Result<Deposit, StoreError> {
        let mut tx = self.db().read().await?;
        self.this_deposit(&mut tx, id, [ONE, LIKE]).await
    }

    async fn this_deposit(
        &self,
        tx: &mut Tx,
        id: &str,
        texts: impl IntoIterator<Item = &'static str>,
    ) -> Result<Deposit, StoreError> {
        let row = self.find(tx, "deposit", id, texts).await?;
        let rows = tx.rows(ITEMS_OF, values![self.site(), row.text(0)?]).await?;
        self.deposit_of(&row, rows.iter().map(item_of).collect::<Result<_, _>>()?)
    }

    fn deposit_of(&self, row: &Row, items: Vec<DepositItem>) -> Result<Deposit, StoreError> {
        let id: DepositId = row.parsed(0, "deposit")?;
        let place = format!("deposit {id}");
        let (date, number): (Day, u32) = (row.parsed(1, &place)?, row.count(4)?);
        Ok(Deposit {
            date,
            kind: row.known(2, &place, DepositKind::parse)?,
            profile: row.text(3)?,
            number,
            // Deposits from before this was kept have the instant that stood in their files.
            claimed_at: row.text_or_null(10)?.unwrap_or_else(|| format!("{date}T17:{:02}:00Z", number % 60)),
            state: row.known(5, &place, DepositState::parse)?,
            count: row.count(6)?,
            total: row.cents(7)?,
            file: row.text_or_null(8)?,
            sha256: row.parsed_or_null(9, &place)?,
            items,
            id,
        })
    }
}

fn item_of(row: &Row) -> Result<DepositItem, StoreError> {
    Ok(DepositItem { document: row.parsed(1, "deposit item")?, amount: row.cents(2)?, sequence: row.text(3)? })
}

/// Did a person say of this transaction's check that it is another one than the one it looks like?
fn decided_distinct(t: &Transaction) -> bool {
    t.decisions.iter().any(|d| d.name == "distinct")
        || t.exceptions.iter().any(|e| e.code == Reason::DuplicateCheck && e.decision.is_some())
}

/// What the drafts move into or out of an account, as a positive number.
fn moved(drafts: &[EntryDraft], account: &str, debit: bool) -> Result<Cents, StoreError> {
    let amounts = drafts.iter().flat_map(|d| &d.postings).filter(|p| p.account == account).map(|p| p.amount);
    let sum = Cents::sum(amounts.filter(|a| a.is_positive() == debit))?;
    Ok(if debit { sum } else { sum.negated()? })
}

fn moves(deposit: &Deposit, drafts: &[EntryDraft], account: &str) -> Result<(), StoreError> {
    equal(deposit, moved(drafts, account, true)?, account)
}

fn moves_back(deposit: &Deposit, drafts: &[EntryDraft], account: &str) -> Result<(), StoreError> {
    equal(deposit, moved(drafts, account, false)?, account)
}

fn equal(deposit: &Deposit, sum: Cents, account: &str) -> Result<(), StoreError> {
    match sum == deposit.total {
        true => Ok(()),
        false => Err(StoreError::OutOfBalance {
            what: format!("deposit {}", deposit.id),
            why: format!("its total is {}, the entries move {sum} of account {account}", deposit.total),
        }),
    }
}
