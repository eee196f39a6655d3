//! A site for the store's tests, and what comes to it: documents, readings, transactions, bills, deposits. All made from
//! a seed and a number, so that each test says in a word what it works on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use remit::clock::Clock;
use remit::domain::*;
use remit::post;
use remit::store::*;
use sqlx::{AssertSqlSafe, Connection, Row as _};
use tempfile::TempDir;

/// An account number that must never be seen in the clear.
pub const CANARY: &str = "90817263554";

pub struct Site {
    pub store: Store,
    pub config: StoreConfig,
    pub folder: TempDir,
}

pub fn config(folder: &std::path::Path, database: Option<String>, site: &str) -> StoreConfig {
    let text = |path: PathBuf| path.to_str().unwrap().to_string();
    StoreConfig {
        database: database.unwrap_or_else(|| text(folder.join("site.db"))),
        blobs: text(folder.join("images")),
        key_file: folder.join("key"),
        site: site.into(),
        clock: Clock::fixed("2026-11-28T12:00:00Z").unwrap(),
        chart: remit::post::Chart::default(),
    }
}

/// The check of a posted payment comes back, as the bank keyed it.
pub fn returned(site: &str, paid: &Transaction, date: Day, policy: &ReturnPolicy) -> NewReturn {
    let document = paid.documents.last().unwrap().clone();
    let amount = paid.received.unwrap();
    let mark = Sha256::of(document.as_str().as_bytes());
    let id = ReturnId::of(&[site.as_bytes(), &mark.0]);
    let parts = post::parts_of(&[(document.clone(), amount)], &paid.applications, &document).unwrap().unwrap();
    let (batch, transaction) = (&paid.batch, &paid.id);
    let from = post::ReturnedFrom { id: &id, date, batch, transaction, document: &document, code: "A" };
    let drafts = post::return_entries(&from, &parts, Cents::ZERO, &post::Chart::default()).unwrap();
    let item = ReturnItem {
        channel: ReturnChannel::Keyed,
        stage: ReturnStage::Returned,
        reason: ReturnReason::InsufficientFunds,
        code: "A".into(),
        amount,
        original: OriginalItem::default(),
        id: document.to_string(),
        date: None,
        text: String::new(),
        place: SourcePlace::default(),
    };
    let settled = Settled { document, deposit: None, parts, fee: Cents::ZERO, drafts, policy: policy.clone() };
    let outcome = Outcome::Found(Box::new(settled));
    NewReturn { mark, item, date, outcome, note: "item number of the bank".into() }
}

impl Site {
    pub async fn new(database: Option<String>) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), database, "main");
        let store = Store::create(&config).await.unwrap();
        store.add_user(&olga(), &[Role::Operator], &admin()).await.unwrap();
        store.add_user(&sven(), &[Role::Approver], &admin()).await.unwrap();
        Site { store, config, folder }
    }

    /// Runs a text past the store, as somebody with a database shell would.
    pub async fn tamper(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_string());
        #[cfg(feature = "postgres")]
        if self.config.database.starts_with("postgres") {
            let mut connection = sqlx::PgConnection::connect(&self.config.database).await?;
            return Ok(sqlx::raw_sql(sql).execute(&mut connection).await?.rows_affected());
        }
        Ok(sqlx::raw_sql(sql).execute(&mut self.sqlite().await?).await?.rows_affected())
    }

    /// The first column of every row, in order.
    pub async fn ask(&self, sql: &'static str) -> BTreeSet<String> {
        #[cfg(feature = "postgres")]
        if self.config.database.starts_with("postgres") {
            let mut connection = sqlx::PgConnection::connect(&self.config.database).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            return rows.iter().map(|row| row.get(0)).collect();
        }
        let rows = sqlx::query(sql).fetch_all(&mut self.sqlite().await.unwrap()).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn sqlite(&self) -> Result<sqlx::SqliteConnection, sqlx::Error> {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&self.config.database).foreign_keys(false);
        sqlx::SqliteConnection::connect_with(&options).await
    }

    pub async fn holds(&self) {
        let (_, found) = self.store.verify(true).await.unwrap();
        assert_eq!(found, vec![]);
    }
}

/// A bank account that stands nowhere else, and whose it is.
pub fn payer() -> KnownPayer {
    KnownPayer {
        routing: "061000146".into(),
        bank_account: BankAccount::new(CANARY),
        biller: Biller("power".into()),
        account: AccountNumber::new("A1"),
    }
}

pub fn olga() -> UserName {
    UserName("olga".into())
}
pub fn sven() -> UserName {
    UserName("sven".into())
}
pub fn admin() -> UserName {
    UserName("admin".into())
}
pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}
pub fn cents(units: i64) -> Cents {
    Cents::new(units)
}

/// Documents 1, 3, .. are stubs, 2, 4, .. checks. The image bytes come from `seed` and the number.
pub fn documents(seed: &str, batch: &BatchId, count: u32) -> Vec<Document> {
    (1..=count)
        .map(|seq| Document {
            id: DocumentId::of(&[seed.as_bytes(), &seq.to_be_bytes()]),
            batch: batch.clone(),
            seq,
            kind_hint: Some(if seq % 2 == 1 { DocumentKind::Stub } else { DocumentKind::Check }),
            images: [ImageRole::Front, ImageRole::Back]
                .into_iter()
                .map(|role| {
                    let hash = Sha256::of(&image(seed, seq, role));
                    ImageRef { role, name: format!("{seq:04}_{}.tif", role.as_str()), hash }
                })
                .collect(),
            dpi: Some(200),
            station_micr: Some(format!("A061000146A {CANARY}C 0{seq}")),
            station_amount: (seq % 2 == 0).then(|| amount(seq)),
            amount_is_recorded: false,
            envelope: None,
            remittance: None,
        })
        .collect()
}

pub fn image(seed: &str, seq: u32, role: ImageRole) -> Vec<u8> {
    format!("II*\0 {seed} {seq} {}", role.as_str()).repeat(50).into_bytes()
}

pub fn amount(seq: u32) -> Cents {
    cents(1000 + i64::from(seq))
}

pub fn intake(seed: &str, count: u32) -> Intake {
    let source = Sha256::of(seed.as_bytes());
    let receipt = ReceiptId::of(&[&source.0]);
    let id = BatchId::of(&[&source.0]);
    let batch = Batch {
        id: id.clone(),
        receipt: receipt.clone(),
        name: seed.into(),
        state: BatchState::Captured,
        origin: Origin::Mail,
        date: day("2026-11-27"),
        operator: Some(olga()),
        declared: Control { count: Some(count / 2), total: None, counts_documents: false },
        balanced_by: None,
        approved_by: None,
    };
    Intake {
        receipt: Receipt { id: receipt, source, fingerprint: None, name: format!("{seed}/index.csv"), file: None },
        batches: vec![(batch, documents(seed, &id, count))],
        documents_per_job: 4,
    }
}

pub async fn store_images(store: &Store, seed: &str, count: u32) {
    let mut blobs = Vec::new();
    for seq in 1..=count {
        for role in [ImageRole::Front, ImageRole::Back] {
            let bytes = image(seed, seq, role);
            blobs.push((Sha256::of(&bytes), bytes));
        }
    }
    store.put_blobs(blobs).await.unwrap();
}

pub async fn taken(site: &Site, seed: &str, count: u32) -> BatchId {
    store_images(&site.store, seed, count).await;
    match site.store.take_in(intake(seed, count), &olga()).await.unwrap() {
        Taken::New { batches } => batches[0].clone(),
        other => panic!("{other:?}"),
    }
}

pub fn reading(document: &Document) -> Reading {
    serde_json::from_value(serde_json::json!({
        "file": document.images[0].name, "page": 0, "kind": document.kind_hint, "kind_confidence": 0.99,
        "rotation": 0, "mirrored": false, "skew_deg": 0.1, "dpi": 200, "quality": Quality::default(), "micr": null,
        "scanline": null, "barcodes": [], "marks": [], "amount": AmountRead::default(), "ms": 1.5,
        "problems": [{"code": "micr-unreadable", "message": format!("{CANARY} in a reading")}],
    }))
    .unwrap()
}

pub fn worker(name: &str) -> Worker {
    Worker::named(name)
}

pub async fn claim(site: &Site, name: &str, now: i64) -> Vec<Job> {
    site.store.claim(&worker(name), now, 60, 100, None).await.unwrap()
}

pub async fn decoded(site: &Site) -> Vec<Job> {
    for job in claim(site, "elsewhere/1/a", 1000).await {
        let readings: Vec<_> = job.documents.iter().map(|d| (d.id.clone(), reading(d))).collect();
        site.store.save_readings(&job, &readings).await.unwrap();
    }
    claim(site, "elsewhere/1/a", 1000).await
}

pub fn key_of(document: &Document) -> CheckKey {
    CheckKey {
        routing: "061000146".into(),
        account: BankAccount::new(CANARY),
        serial: format!("00{}", document.seq),
        amount: document.station_amount,
    }
}

/// Each stub with the check behind it; the transaction of `open` has an open exception.
pub fn matched(documents: &[Document], open: Option<u32>) -> Matched {
    let batch = documents[0].batch.clone();
    let mut matched = Matched::default();
    for (place, pair) in documents.chunks(2).enumerate() {
        let seq = place as u32 + 1;
        let check = &pair[1];
        let id = TransactionId::of(&[batch.as_str().as_bytes(), &seq.to_be_bytes()]);
        let exceptions = (open == Some(seq)).then(|| Exception {
            id: ExceptionId::of(&[id.as_str().as_bytes()]),
            code: Reason::AmountUnknown,
            message: "no amount was read".into(),
            document: Some(check.id.clone()),
            bbox: Some(PixelBox { x: 1, y: 2, w: 3, h: 4 }),
            decision: None,
        });
        let amount = check.station_amount.unwrap();
        matched.transactions.push(Transaction {
            id,
            batch: batch.clone(),
            seq,
            kind: TransactionKind::Single,
            state: if exceptions.is_some() { TransactionState::Exception } else { TransactionState::Clean },
            reason: "a stub opens, a check closes".into(),
            documents: pair.iter().map(|d| d.id.clone()).collect(),
            received: Some(amount),
            applications: vec![Application {
                biller: Some(Biller("power".into())),
                account: Some(AccountNumber::new(format!("A{seq}"))),
                bill: Some(format!("B{seq}")),
                amount,
                ledger: "1100".into(),
                rule: "exact".into(),
                evidence: "the amount due".into(),
            }],
            exceptions: exceptions.into_iter().collect(),
            decisions: vec![],
            held_until: None,
            owner: None,
        });
        matched.checks.push((check.id.clone(), key_of(check)));
    }
    matched
}

pub fn bill(number: u32) -> Bill {
    Bill {
        biller: Biller("power".into()),
        bill: format!("B{number}"),
        account: AccountNumber::new(format!("A{number}")),
        name: "Pat Example".into(),
        address: "1 Main St".into(),
        city: "Anytown".into(),
        state: "GA".into(),
        zip: "30301".into(),
        amount_due: amount(number * 2),
        current: None,
        past_due: Some(cents(0)),
        late_amount: Some(cents(2000)),
        budget_amount: None,
        instalment: None,
        due_date: Some(day("2026-12-01")),
        invoice: format!("I{number}"),
        status: AccountStatus::Active,
        flags: vec![AccountFlag::NoArc],
        service: None,
        extra: BTreeMap::from([("route".to_string(), "7".to_string())]),
        open: true,
        paid: Cents::ZERO,
    }
}

/// A batch in review: `count` documents, optionally with one open exception.
pub async fn in_review(site: &Site, seed: &str, count: u32, open: Option<u32>) -> BatchId {
    let bills: Vec<Bill> = (1..=count / 2).map(bill).collect();
    site.store.import_bills(&bills, day("2026-11-27"), false, false, &olga()).await.unwrap();
    let batch = taken(site, seed, count).await;
    let jobs = decoded(site).await;
    let documents = site.store.documents(&batch).await.unwrap();
    site.store.save_match(&jobs[0], &matched(&documents, open)).await.unwrap();
    batch
}

pub fn drafts(transactions: &[Transaction]) -> Vec<EntryDraft> {
    let live = transactions
        .iter()
        .filter(|t| !matches!(t.state, TransactionState::Held | TransactionState::Rejected | TransactionState::Void));
    live.map(|t| EntryDraft {
        date: day("2026-11-28"),
        batch: Some(t.batch.clone()),
        transaction: Some(t.id.clone()),
        memo: "payment".into(),
        postings: vec![
            posting("1020", t.received.unwrap().get(), t.documents.last()),
            posting("1100", -t.received.unwrap().get(), None),
        ],
    })
    .collect()
}

pub fn posting(account: &str, units: i64, document: Option<&DocumentId>) -> Posting {
    Posting { account: account.into(), amount: cents(units), document: document.cloned(), memo: "m".into() }
}

pub async fn approved(site: &Site, seed: &str, count: u32) -> BatchId {
    let batch = in_review(site, seed, count, None).await;
    site.store.balance(&batch, true, None, &olga()).await.unwrap();
    site.store.approve(&batch, &Controls::default(), &sven()).await.unwrap();
    batch
}

pub async fn posted(site: &Site, seed: &str, count: u32) -> BatchId {
    let batch = approved(site, seed, count).await;
    let transactions = site.store.transactions(&batch).await.unwrap();
    site.store.post_batch(&batch, &drafts(&transactions), &sven()).await.unwrap();
    batch
}

pub fn new_deposit(open: &[Undeposited]) -> NewDeposit {
    NewDeposit {
        date: day("2026-11-28"),
        kind: DepositKind::Icl,
        profile: "bank".into(),
        items: open
            .iter()
            .enumerate()
            .map(|(place, c)| DepositItem {
                document: c.document.clone(),
                amount: c.amount,
                sequence: format!("{:010}", place + 1),
            })
            .collect(),
    }
}

pub fn move_drafts(deposit: &Deposit, from: &str, to: &str) -> Vec<EntryDraft> {
    let mut postings = vec![posting(to, deposit.total.get(), None)];
    postings.extend(deposit.items.iter().map(|i| posting(from, -i.amount.get(), Some(&i.document))));
    vec![EntryDraft { date: deposit.date, batch: None, transaction: None, memo: "deposit".into(), postings }]
}

pub async fn deposited(site: &Site) -> Deposit {
    let open = site.store.undeposited().await.unwrap();
    let deposit = site.store.reserve_deposit(&new_deposit(&open), &sven()).await.unwrap();
    let drafts = move_drafts(&deposit, "1020", "1030");
    site.store.deposit_made(&deposit.id, "out/a.icl", Sha256::of(b"a"), &drafts, &sven()).await.unwrap();
    deposit
}
