//! A site at work, through the library and the real store: taking in, deciding, balancing, posting, depositing; and what
//! must never happen on the way. After each test the harness proves the site and that no job is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use remit::clock::Clock;
use remit::config::Site;
use remit::domain::*;
use remit::pipeline::{BalanceAnswer, Office, OfficeError, TakeIn, Taken};
use remit::station;
use remit::store::Done;

const NOW: &str = "2026-11-28T12:00:00Z";

struct Harness {
    folder: tempfile::TempDir,
    office: Office,
    olga: UserName,
    sven: UserName,
}

impl Harness {
    async fn new() -> Self {
        Harness::with("").await
    }

    /// With this configuration.
    async fn with(own: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::at(&folder.path().join("site"), own, None, None).unwrap();
        let clock = Clock::fixed(NOW).unwrap();
        Office::create(&site, clock).await.unwrap();
        let office = Office::open(site, clock).await.unwrap();
        let (olga, sven) = (UserName("olga".into()), UserName("sven".into()));
        office.add_user(&olga, &[Role::Operator, Role::Approver]).await.unwrap();
        office.add_user(&sven, &[Role::Approver]).await.unwrap();
        let harness = Harness { folder, office, olga, sven };
        let samples = samples();
        office_loads(&harness.office, &samples).await;
        harness
    }

    fn asked(&self) -> TakeIn {
        TakeIn {
            origin: Some(Origin::Mail),
            date: Some("2026-11-20".parse::<Day>().unwrap()),
            declared: Control::default(),
            name: None,
            operator: Some(self.olga.clone()),
        }
    }

    async fn take(&self, path: &Path) -> Result<Vec<Taken>, OfficeError> {
        let mut taken = Vec::new();
        for source in station::sources(path)? {
            taken.extend(self.office.take_in(&source, &self.asked()).await?);
        }
        self.office.run_jobs(|_| ()).await?;
        Ok(taken)
    }

    /// Everything that must not change when a thing is taken again.
    async fn state(&self) -> String {
        let mut text = String::new();
        for head in self.office.batches().await.unwrap() {
            let batch = self.office.find_batch(head.id.as_str()).await.unwrap();
            text += &serde_json::to_string(&self.office.show(&batch).await.unwrap()).unwrap();
        }
        text += &serde_json::to_string(&self.office.balances().await.unwrap()).unwrap();
        text
    }

    /// Holds what is not clean, balances, approves, posts.
    async fn finish(&self, id: &str) {
        let batch = self.office.find_batch(id).await.unwrap();
        for t in self.office.show(&batch).await.unwrap().transactions {
            if t.state == TransactionState::Exception {
                self.office.hold(t.id.as_str(), &BTreeMap::new(), &self.olga).await.unwrap();
            }
        }
        let answer = self.office.balance(&batch, Some(&self.olga)).await.unwrap();
        assert!(matches!(answer, BalanceAnswer::Balanced { .. }), "{answer:?}");
        let batch = self.office.find_batch(id).await.unwrap();
        self.office.approve(&batch, &self.sven).await.unwrap();
        let batch = self.office.find_batch(id).await.unwrap();
        self.office.post(&batch, &self.sven).await.unwrap();
    }

    async fn close(self) {
        let proof = self.office.verify(true).await.unwrap();
        assert!(proof.findings.is_empty(), "{:?}", proof.findings);
        assert_eq!(self.office.waiting_documents().await.unwrap(), 0, "no job may be left");
        let total: i64 = self.office.balances().await.unwrap().iter().map(|b| b.balance.get()).sum();
        assert_eq!(total, 0, "the ledger sums to zero");
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples")
}

async fn office_loads(office: &Office, samples: &Path) {
    use remit::formats::bills_csv;
    let text = std::fs::read_to_string(samples.join("layouts.toml")).unwrap();
    office.import_layouts(&text).await.unwrap();
    let bills = bills_csv::bills(&std::fs::read(samples.join("open_bills.csv")).unwrap(), None).unwrap();
    office.import_bills(&bills.rows, false, false).await.unwrap();
    let payers = bills_csv::payers(&std::fs::read(samples.join("payers.csv")).unwrap(), None).unwrap();
    office.import_payers(&payers.rows).await.unwrap();
}

fn copy(from: &Path, to: &Path, keep: impl Fn(&str) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if keep(&entry.file_name().to_string_lossy()) {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_thing_again_renamed_or_in_part_changes_nothing() {
    let h = Harness::new().await;
    let batch = samples().join("batches").join("b0001");
    let taken = h.take(&batch).await.unwrap();
    assert!(matches!(taken.as_slice(), [Taken::New { already: 0, .. }]), "{taken:?}");
    let before = h.state().await;
    let again = h.take(&batch).await.unwrap();
    assert!(matches!(again.as_slice(), [Taken::Already { .. }]), "{again:?}");
    // Under another name.
    let renamed = h.folder.path().join("renamed");
    copy(&batch, &renamed, |_| true);
    let again = h.take(&renamed).await.unwrap();
    assert!(matches!(again.as_slice(), [Taken::Already { .. }]), "{again:?}");
    // In part: the first ten rows of the index, with their images.
    let part = h.folder.path().join("part");
    copy(&batch, &part, |_| true);
    let index = std::fs::read_to_string(batch.join("index.csv")).unwrap();
    let rows: Vec<&str> = index.lines().take(11).collect();
    std::fs::write(part.join("index.csv"), rows.join("\n") + "\n").unwrap();
    let again = h.take(&part).await.unwrap();
    assert!(matches!(again.as_slice(), [Taken::Already { .. }]), "{again:?}");
    assert_eq!(before, h.state().await);
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_copied_folder_is_not_read() {
    let h = Harness::new().await;
    let batch = samples().join("batches").join("b0001");
    let half = h.folder.path().join("half");
    copy(&batch, &half, |name| !name.starts_with("0003"));
    let error = h.take(&half).await.unwrap_err();
    assert!(matches!(error, OfficeError::Input { .. }), "{error:?}");
    assert!(h.office.batches().await.unwrap().is_empty());
    // Without its index it is not read as a capture folder either, while it is watched.
    copy(&batch, &half, |_| true);
    assert!(matches!(h.take(&half).await.unwrap().as_slice(), [Taken::New { .. }]));
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_scan_to_deposit_each_step_once_and_by_two_people() {
    let h = Harness::new().await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    assert_eq!(head.state, BatchState::InReview);
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    // Not balanced: it can be neither approved nor posted.
    assert!(h.office.approve(&batch, &h.sven).await.is_err());
    assert!(h.office.post(&batch, &h.sven).await.is_err());
    for t in h.office.show(&batch).await.unwrap().transactions {
        if t.state == TransactionState::Exception {
            h.office.hold(t.id.as_str(), &BTreeMap::new(), &h.olga).await.unwrap();
        }
    }
    assert!(matches!(h.office.balance(&batch, Some(&h.olga)).await.unwrap(), BalanceAnswer::Balanced { .. }));
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    assert!(h.office.approve(&batch, &h.olga).await.is_err(), "nobody approves what they balanced");
    assert_eq!(h.office.approve(&batch, &h.sven).await.unwrap().done, Done::Now);
    assert_eq!(h.office.approve(&batch, &h.sven).await.unwrap().done, Done::Already);
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    let first = h.office.post(&batch, &h.sven).await.unwrap();
    assert!(!first.already && first.entries > 0 && first.total.is_positive());
    let file = std::fs::read(h.folder.path().join("site").join(&first.file)).unwrap();
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    let again = h.office.post(&batch, &h.sven).await.unwrap();
    assert!(again.already && again.total == first.total);
    assert_eq!(std::fs::read(h.folder.path().join("site").join(&again.file)).unwrap(), file);
    let made = h.office.make_deposit(batch.date, None, &h.sven).await.unwrap();
    let deposit = made.deposit.unwrap();
    assert_eq!(Cents::sum(deposit.items.iter().map(|i| i.amount)).unwrap(), deposit.total);
    let bytes = std::fs::read(h.folder.path().join("site").join(deposit.file.as_deref().unwrap())).unwrap();
    assert_eq!(remit::domain::Sha256::of(&bytes), deposit.sha256.unwrap());
    assert!(h.office.make_deposit(batch.date, None, &h.sven).await.unwrap().deposit.is_none(), "no check goes twice");
    let sheet = h.office.proof_sheet(Some(batch.date)).await.unwrap();
    assert!(sheet.agrees, "{}", sheet.text());
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cash_letter_and_a_lockbox_file_go_the_same_way() {
    let h = Harness::new().await;
    for name in ["cash-letter.x9", "lockbox.txt"] {
        let taken = h.take(&samples().join(name)).await.unwrap();
        assert!(!taken.is_empty() && taken.iter().all(|t| matches!(t, Taken::New { .. })), "{name}: {taken:?}");
        let again = h.take(&samples().join(name)).await.unwrap();
        assert!(again.iter().all(|t| matches!(t, Taken::Already { .. })), "{name}: {again:?}");
    }
    for head in h.office.batches().await.unwrap() {
        assert!(head.counted.checks > 0, "{}", head.name);
        h.finish(head.id.as_str()).await;
    }
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_made_once_by_one_person() {
    let h = Harness::new().await;
    // A station without an amount reader: its index has no such column.
    let batch = samples().join("batches").join("b0001");
    let silent = h.folder.path().join("silent");
    copy(&batch, &silent, |_| true);
    let index = std::fs::read_to_string(batch.join("index.csv")).unwrap();
    std::fs::write(silent.join("index.csv"), index.replacen(",amount\n", ",not_ours\n", 1)).unwrap();
    h.take(&silent).await.unwrap();
    let queue = h.office.open_exceptions(None).await.unwrap();
    let item = queue.iter().find(|e| e.code.code() == "amount-unknown").expect("no amount was given");
    let fields = BTreeMap::from([("amount".to_string(), "12.34".to_string())]);
    let first = h.office.decide(item.id.as_str(), "key-amount", &fields, &h.olga).await.unwrap();
    assert!(!first.already);
    let again = h.office.decide(item.id.as_str(), "key-amount", &fields, &h.olga).await.unwrap();
    assert!(again.already);
    let other = BTreeMap::from([("amount".to_string(), "99.99".to_string())]);
    assert!(h.office.decide(item.id.as_str(), "key-amount", &other, &h.sven).await.is_err());
    for (name, fields) in [("fly", BTreeMap::new()), ("key-amount", BTreeMap::new())] {
        let open = h.office.open_exceptions(None).await.unwrap();
        assert!(h.office.decide(open[0].id.as_str(), name, &fields, &h.olga).await.is_err(), "{name}");
    }
    h.close().await;
}

fn came_back(amount: Cents, sequence: &str, code: &str, advice: &str) -> ReturnItem {
    ReturnItem {
        channel: ReturnChannel::Keyed,
        stage: ReturnStage::Returned,
        reason: ReturnReason::of_check(code.chars().next().unwrap(), false),
        code: code.into(),
        amount,
        original: OriginalItem { item_sequence: Some(sequence.into()), ..OriginalItem::default() },
        id: advice.into(),
        date: None,
        text: String::new(),
        place: SourcePlace::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returned_check_reopens_what_it_paid_once() {
    let h = Harness::with("[returns]\nfee = \"25.00\"\ncash_only_after = 2\n").await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    let deposit = h.office.make_deposit(head.date, None, &h.sven).await.unwrap().deposit.unwrap();
    let date: Day = "2026-11-30".parse().unwrap();
    let take = async |item: ReturnItem| h.office.take_returns(vec![item], None, date, &h.olga).await.unwrap().remove(0);
    let balance = async |account: &str| {
        let all = h.office.balances().await.unwrap();
        all.iter().find(|b| b.account == account).map_or(0, |b| b.balance.get())
    };
    let receivable = balance("1100").await;
    let first = &deposit.items[0];
    let taken = take(came_back(first.amount, &first.sequence, "A", "1")).await;
    assert_eq!((taken.state, taken.document.as_ref()), (ReturnState::Returned, Some(&first.document)), "{taken:?}");
    assert!(!taken.already && taken.fee == Cents::new(2500));
    let after = (balance("1100").await, balance("1040").await, balance("4100").await);
    assert_eq!(after, (receivable + first.amount.get() + 2500, -first.amount.get(), -2500));
    // The same return again, in the same words or in others: known, and nothing moves.
    for item in [came_back(first.amount, &first.sequence, "A", "1"), came_back(first.amount, &first.sequence, "C", "2")]
    {
        let again = take(item).await;
        assert!(again.already && again.id == taken.id, "{again:?}");
    }
    assert_eq!(balance("1100").await, after.0);
    let list = h.office.returns().await.unwrap();
    let reopened = Cents::sum(list[0].parts.iter().map(|p| p.amount)).unwrap();
    assert_eq!((list.len(), reopened), (1, first.amount));
    let file = std::fs::read_to_string(h.folder.path().join("site").join(taken.file.unwrap())).unwrap();
    assert!(file.lines().last().unwrap().starts_with(&format!("CONTROL,{}", taken.id)), "{file}");
    let letter = h.office.return_letter(taken.id.as_str()).await.unwrap();
    assert!(String::from_utf8_lossy(&letter).contains(&format!("for {} was returned by your bank", first.amount)));
    // An amount that no check has, and one whose number names nothing: a person says which.
    let second = deposit.items.iter().find(|i| i.amount != first.amount).unwrap();
    assert_eq!(take(came_back(Cents::new(1), "1", "A", "3")).await.state, ReturnState::Unmatched);
    let unclear = take(came_back(second.amount, "999", "A", "4")).await;
    assert_eq!(
        (unclear.state, unclear.fee, unclear.candidates.is_empty()),
        (ReturnState::Unmatched, Cents::ZERO, false)
    );
    assert!(h.office.match_return(unclear.id.as_str(), &first.document, date, &h.olga).await.is_err());
    let named = h.office.match_return(unclear.id.as_str(), &second.document, date, &h.olga).await.unwrap();
    assert_eq!((named.state, named.already), (ReturnState::Returned, false));
    assert!(h.office.match_return(unclear.id.as_str(), &second.document, date, &h.olga).await.unwrap().already);
    // Presented again: the first comes back once more and is final, the second clears when its time is over.
    for id in [&taken.id, &named.id] {
        let (r, _) = h.office.move_return(id.as_str(), ReturnEvent::Represent, date, &h.olga).await.unwrap();
        assert_eq!((r.state, r.due.unwrap().to_string()), (ReturnState::Represented, "2026-12-05".to_string()));
    }
    let books = balance("1100").await;
    assert_eq!(take(came_back(first.amount, &first.sequence, "A", "5")).await.state, ReturnState::Noted);
    assert_eq!(h.office.find_return(taken.id.as_str()).await.unwrap().state, ReturnState::ChargedBack);
    assert_eq!(balance("1100").await, books, "it was taken back before");
    assert!(h.office.move_return(named.id.as_str(), ReturnEvent::Clear, date, &h.olga).await.is_err(), "too early");
    let later = date.plus_days(6);
    for already in [false, true] {
        let (r, said) = h.office.move_return(named.id.as_str(), ReturnEvent::Clear, later, &h.olga).await.unwrap();
        assert_eq!((r.state, said), (ReturnState::Cleared, already));
    }
    assert_eq!(balance("1100").await, books - second.amount.get());
    let nobody = UserName("kim".into());
    h.office.add_user(&nobody, &[Role::Auditor]).await.unwrap();
    let item = came_back(Cents::new(2), "1", "A", "6");
    assert!(h.office.take_returns(vec![item], None, date, &nobody).await.is_err());
    h.close().await;
}
