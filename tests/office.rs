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

#[path = "office/archive.rs"]
mod archive;
#[path = "office/meter.rs"]
mod meter;
#[path = "office/shred.rs"]
mod shred;
#[path = "office/words.rs"]
mod words;

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
    let silent = silent(&h);
    h.take(&silent).await.unwrap();
    let queue = h.office.open_exceptions(None).await.unwrap();
    let item = queue.iter().find(|e| e.code.code().starts_with("amount-un")).expect("no amount was given");
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

/// A statement's code 555 names a check by the number that stands in our file, and comes late: it is taken once, and says so.
/// One that gives no reason waits for a person. The file's header has the instant at which the checks were claimed.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_tells_what_came_back() {
    let h = Harness::new().await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    let deposit = h.office.make_deposit(head.date, None, &h.sven).await.unwrap().deposit.unwrap();
    let made = std::fs::read(h.folder.path().join("site").join(deposit.file.as_ref().unwrap())).unwrap();
    let file = remit::formats::x9::read(&made).unwrap();
    let header = file.summary.header.unwrap();
    let instant = (header.file_creation_date.text(), header.file_creation_time.text());
    assert_eq!((deposit.claimed_at.as_str(), instant), (NOW, ("20261128".to_string(), "1200".to_string())));
    let numbers: Vec<String> = file.items.iter().map(|item| item.sequence()).collect();
    assert_eq!(numbers, deposit.items.iter().map(|item| item.sequence.clone()).collect::<Vec<_>>());
    let (first, second) = (&deposit.items[0], &deposit.items[1]);
    let (one, two) = (first.amount.get(), second.amount.get());
    let text = format!(
        "01,BANK,ACME,261201,0645,1,,,2/\n02,ACME,BANK,1,261201,2400,USD,2/\n03,123,USD/\n\
         16,555,{one},Z,B1,,DEPOSITED ITEM RETURNED NSF {}\n16,555,{two},Z,B2,,DEPOSITED ITEM RETURNED {}\n\
         49,{2},4/\n98,{2},1,6/\n99,{2},1,8/\n",
        first.sequence,
        second.sequence,
        one + two
    );
    let path = h.folder.path().join("statement.bai2");
    std::fs::write(&path, text).unwrap();
    let date: Day = "2026-12-01".parse().unwrap();
    for already in [false, true] {
        let taken = h.office.import_returns(&path, date, &h.olga).await.unwrap().taken;
        let [found, waits] = taken.as_slice() else { panic!("{taken:?}") };
        assert_eq!((found.document.as_ref(), found.state), (Some(&first.document), ReturnState::Returned), "{found:?}");
        assert_eq!((waits.state, found.already, waits.already), (ReturnState::Unmatched, already, already));
    }
    let notes: Vec<String> = h.office.returns().await.unwrap().into_iter().map(|r| r.note).collect();
    assert!(notes.iter().any(|n| n.contains("by its item sequence") && n.contains("late")), "{notes:?}");
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_lies_where_its_money_is() {
    let h = Harness::new().await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    let date = head.date;
    let entries = h.office.entries().await.unwrap();
    let payments: Vec<&Entry> =
        entries.iter().filter(|e| e.draft.postings.iter().any(|p| p.account == "1100")).collect();
    let balance = async |account: &str| {
        let all = h.office.balances().await.unwrap();
        all.iter().find(|b| b.account == account).map_or(0, |b| b.balance.get())
    };
    // Before the deposit: the exact mirror, and the check does not go to the bank.
    assert!(h.office.reverse(payments[0].number, "wrong member", date, &h.olga).await.is_ok(), "an approver may");
    let (again, already) = h.office.reverse(payments[0].number, "again", date, &h.sven).await.unwrap();
    assert_eq!((again.kind.as_str(), already), ("mirror", true));
    assert!(h.office.reverse(again.by_entry, "twice", date, &h.sven).await.is_err(), "a reversal is not reversed");
    let deposit = h.office.make_deposit(date, None, &h.sven).await.unwrap().deposit.unwrap();
    let gone = &payments[0].draft.postings[0].document;
    assert!(deposit.items.iter().all(|i| Some(&i.document) != gone.as_ref()), "it was taken back");
    assert_eq!(h.office.find_batch(head.id.as_str()).await.unwrap().state, BatchState::Deposited);
    // After it: the money is at the bank and waits in suspense, by name.
    let (unapplied, _) = h.office.reverse(payments[1].number, "wrong bill", date, &h.sven).await.unwrap();
    assert_eq!(unapplied.kind, "unapply");
    let suspense = h.office.suspense(None).await.unwrap();
    let open = suspense.iter().find(|s| s.entry == unapplied.by_entry).unwrap();
    let before = h.office.suspense(Some(unapplied.by_entry - 1)).await.unwrap();
    assert_eq!(before.len() + 1, suspense.len(), "the list as it was before that entry");
    assert_eq!(-balance("2100").await, suspense.iter().map(|s| s.amount.get()).sum::<i64>());
    let transaction = payments[1].draft.transaction.as_ref().unwrap();
    let shown = h.office.show(&h.office.find_batch(head.id.as_str()).await.unwrap()).await.unwrap();
    let paid = shown.transactions.iter().find(|t| t.id == *transaction).unwrap().applications[0].clone();
    let account = paid.account.clone().unwrap();
    let apply = async |amount: Cents| {
        h.office.apply_suspense(transaction.as_str(), &account, paid.bill.as_deref(), amount, date, &h.sven).await
    };
    assert!(apply(open.amount.plus(Cents::new(1)).unwrap()).await.is_err(), "more than there is");
    assert!(!apply(paid.amount).await.unwrap());
    assert!(apply(paid.amount).await.unwrap(), "the same again");
    let then = h.office.suspense(Some(unapplied.by_entry)).await.unwrap();
    assert_eq!((then, before), (suspense, h.office.suspense(None).await.unwrap()), "what was is not rewritten");
    // The bank confirms, to the cent or not at all.
    let said = |count: u32, total: Cents| remit::pipeline::Totals { count, total };
    let wrong = said(deposit.count, deposit.total.plus(Cents::new(1)).unwrap());
    assert!(h.office.acknowledge_deposit(&deposit, wrong, "keyed", &h.sven).await.is_err());
    for already in [false, true] {
        let right = said(deposit.count, deposit.total);
        assert_eq!(h.office.acknowledge_deposit(&deposit, right, "keyed", &h.sven).await.unwrap(), already);
    }
    assert_eq!((balance("1030").await, balance("1040").await), (0, deposit.total.get()));
    // The billing system: sent and not proved until its own totals agree.
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    let sent = h.office.billing_files().await.unwrap().remove(0);
    assert_eq!(sent.state, "sent, not proved");
    for (count, state) in [(sent.count + 1, "differs"), (sent.count, "proved"), (sent.count + 1, "proved")] {
        let answered = h.office.billing_answered(&batch, said(count, sent.total), &h.sven).await.unwrap();
        assert_eq!(answered.state, state);
    }
    let last = h.office.entries().await.unwrap().last().unwrap().clone();
    let (root, already) = h.office.close_day(date, &h.sven).await.unwrap();
    assert_eq!((root.number, root.hash, already), (last.number, last.hash, false));
    for at in [1, payments[1].number, last.number] {
        let sum: i64 = h.office.balances_at(Some(at)).await.unwrap().iter().map(|b| b.balance.get()).sum();
        assert_eq!(sum, 0, "trial balance at entry {at}");
    }
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawer_is_counted_blind_and_closed_by_another() {
    use remit::domain::drawer::{Pieces, Tender};
    use remit::pipeline::Received;
    let h = Harness::new().await;
    let kim = UserName("kim".into());
    h.office.add_user(&kim, &[Role::Cashier]).await.unwrap();
    let bills =
        remit::formats::bills_csv::bills(&std::fs::read(samples().join("open_bills.csv")).unwrap(), None).unwrap();
    let bill = bills.rows.iter().find(|b| b.amount_due > Cents::new(2000)).unwrap().clone();
    let date: Day = "2026-11-30".parse().unwrap();
    assert!(h.office.open_drawer("front", date, Cents::new(5000), &h.sven).await.is_err(), "no cashier");
    let (drawer, already) = h.office.open_drawer("front", date, Cents::new(5000), &kim).await.unwrap();
    assert!(!already && h.office.open_drawer("front", date, Cents::new(1), &kim).await.unwrap().1);
    let received = |tender, amount: i64, tendered: i64, mark: &str| Received {
        tender,
        amount: Cents::new(amount),
        tendered: Cents::new(tendered),
        reference: String::new(),
        biller: Some(bill.biller.clone()),
        account: bill.account.clone(),
        bill: Some(bill.bill.clone()),
        memo: String::new(),
        mark: mark.into(),
    };
    for (tender, amount, tendered, mark, number) in [
        (Tender::Cash, 1000, 2000, "a", Some((1, false))),
        (Tender::Cash, 1000, 2000, "a", Some((1, true))),
        (Tender::Check, 700, 700, "b", Some((2, false))),
        (Tender::Check, 700, 800, "c", None),
        (Tender::Cash, 700, 600, "d", None),
        (Tender::Card, bill.amount_due.get(), bill.amount_due.get(), "e", Some((3, false))),
    ] {
        let got = h.office.receive(&drawer, &received(tender, amount, tendered, mark), &kim).await;
        assert_eq!(got.ok().map(|(slip, already)| (slip.number, already)), number, "{tender:?} {amount}");
    }
    let (payout, _) = h.office.pay_out(&drawer, Cents::new(300), None, "stamps", "", &kim).await.unwrap();
    assert_eq!(payout.number, 4, "no gap, though two were refused");
    assert!(h.office.pay_out(&drawer, Cents::new(9_999_999), None, "all", "", &kim).await.is_err());
    assert!(h.office.close_drawer(&drawer, &kim).await.is_err(), "not counted");
    // 7.00 too little cash and 7.00 too much in checks: receipt 2 stands under the wrong tender.
    let pieces = [Pieces { count: 50, each: Cents::new(100) }];
    for is_again in [false, true] {
        let drawer = h.office.find_drawer("front").await.unwrap();
        let (cash, already) = h.office.count_drawer(&drawer, &pieces, Cents::new(1400), &kim).await.unwrap();
        assert_eq!((cash, already), (Cents::new(5000), is_again));
    }
    let drawer = h.office.find_drawer("front").await.unwrap();
    assert!(h.office.receive(&drawer, &received(Tender::Cash, 1, 1, "f"), &kim).await.is_err(), "it is counted");
    assert!(h.office.close_drawer(&drawer, &kim).await.is_err(), "it is out: another person closes it");
    let closed = h.office.close_drawer(&drawer, &h.sven).await.unwrap();
    assert_eq!((closed.count.over_short, closed.count.wrong_tender), (Cents::ZERO, Some(Cents::new(700))));
    assert_eq!(closed.suspects, [2]);
    assert!(h.office.close_drawer(&h.office.find_drawer("1").await.unwrap(), &h.sven).await.unwrap().already);
    let all = h.office.balances().await.unwrap();
    let balance = |account: &str| all.iter().find(|b| b.account == account).map_or(0, |b| b.balance.get());
    assert_eq!((balance("1010"), balance("1020"), balance("5100")), (0, 1400, 300));
    // What was paid beyond the bill is the account's credit.
    assert_eq!(balance("1100"), -bill.amount_due.get());
    assert_eq!(balance("2110"), -1700);
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_is_made_in_every_form_and_shows_no_account() {
    use remit::pipeline::{REPORTS, ReportQuestion};
    use remit::reports::Form;
    let h = Harness::new().await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    h.office.make_deposit(head.date, None, &h.sven).await.unwrap();
    h.office.add_user(&UserName("kim".into()), &[Role::Cashier]).await.unwrap();
    h.office.open_drawer("counter", head.date, Cents::ZERO, &UserName("kim".into())).await.unwrap();
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    let shown = h.office.show(&batch).await.unwrap();
    let accounts: Vec<AccountNumber> =
        shown.transactions.iter().flat_map(|t| &t.applications).filter_map(|a| a.account.clone()).collect();
    for name in REPORTS {
        let of = match name {
            "batch-detail" => Some(head.id.as_str()),
            "account-activity" => Some(accounts[0].reveal()),
            _ => None,
        };
        let sheet = h.office.report(&ReportQuestion { name, date: None, of }).await.unwrap();
        assert!(!sheet.columns.is_empty() && sheet.rows.iter().all(|r| r.len() == sheet.columns.len()), "{name}");
        for form in ["text", "html", "pdf", "csv", "json", "xlsx"] {
            let bytes = sheet.form(Form::parse(form).unwrap()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            for account in &accounts {
                assert!(!text.contains(account.reveal()), "{name} as {form} shows an account number");
            }
        }
    }
    assert!(h.office.report(&ReportQuestion { name: "gossip", date: None, of: None }).await.is_err());
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_last_nights_backup_and_todays_sources_are_todays_state() {
    let h = Harness::new().await;
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    h.finish(head.id.as_str()).await;
    let root = UserName("root".into());
    h.office.add_user(&root, &[Role::Admin]).await.unwrap();
    let site = h.folder.path().join("site");
    let (file, key) = (h.folder.path().join("night.remit"), site.join("keys/site.key"));
    h.office.store().backup(&site, &file).await.unwrap();
    // A new key by day; what comes is sealed with it.
    assert_eq!(h.office.store().rotate_keys(&root).await.unwrap(), 2);
    assert!(h.office.store().rotate_keys(&h.sven).await.is_err(), "no administrator");
    h.take(&samples().join("lockbox.txt")).await.unwrap();
    let today = h.state().await;
    // Of another key, cut short, or with one byte flipped: refused, and nothing is left.
    let bytes = std::fs::read(&file).unwrap();
    let wrong_key = h.folder.path().join("wrong.key");
    std::fs::write(&wrong_key, format!("1 {}\n", "ab".repeat(32))).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&wrong_key, std::fs::Permissions::from_mode(0o400)).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let bad = h.folder.path().join("bad.remit");
    let back = h.folder.path().join("back");
    for (text, key) in [
        (bytes.as_slice(), &wrong_key),
        (&bytes[..bytes.len() - 40], &key),
        (flipped.as_slice(), &key),
        (b"remit backup 1\n", &key),
        (&[&bytes[..], b"x"].concat(), &key),
    ] {
        std::fs::write(&bad, text).unwrap();
        assert!(remit::store::Store::restore(&bad, &back, key, "site").is_err());
        assert!(!back.exists() && !back.with_extension("restoring").exists(), "something was left");
    }
    remit::store::Store::restore(&file, &back, &key, "site").unwrap();
    assert!(remit::store::Store::restore(&file, &back, &key, "site").is_err(), "there is a site already");
    std::fs::create_dir_all(back.join("keys")).unwrap();
    std::fs::copy(&key, back.join("keys/site.key")).unwrap();
    let office = Office::open(Site::at(&back, "", None, None).unwrap(), Clock::fixed(NOW).unwrap()).await.unwrap();
    assert!(office.verify(true).await.unwrap().findings.is_empty());
    let again = Harness { folder: tempfile::tempdir().unwrap(), office, olga: h.olga.clone(), sven: h.sven.clone() };
    again.take(&samples().join("lockbox.txt")).await.unwrap();
    assert_eq!(again.state().await, today);
    again.close().await;
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_carried_over_and_the_rest_goes_on() {
    let h = Harness::new().await;
    let taken = h.take(&samples().join("batches").join("b0001")).await.unwrap();
    let [Taken::New { batch: id, .. }] = taken.as_slice() else { panic!("{taken:?}") };
    let batch = h.office.find_batch(id.as_str()).await.unwrap();
    let mut held = 0;
    for t in h.office.show(&batch).await.unwrap().transactions {
        if t.state == TransactionState::Exception {
            h.office.hold(t.id.as_str(), &BTreeMap::new(), &h.olga).await.unwrap();
            held += 1;
        }
    }
    assert!(held > 0);

    // Other rules are tried on what is there, and nothing is written.
    let before = h.state().await;
    let day: Day = "2026-11-20".parse().unwrap();
    let mut policy = h.office.site.config.matching.clone();
    let same = h.office.simulate(day, day, &policy).await.unwrap();
    assert!(same.changed.is_empty() && same.clean_was > 0, "{same:?}");
    policy.rules.clear();
    let told = h.office.simulate(day, day, &policy).await.unwrap();
    assert!(!told.changed.is_empty() && told.clean_would < told.clean_was, "{told:?}");
    assert_eq!(before, h.state().await);

    let new = h.office.split(&batch, &h.olga).await.unwrap().expect("something is held");
    let batch = h.office.find_batch(id.as_str()).await.unwrap();
    assert!(h.office.split(&batch, &h.olga).await.unwrap().is_none(), "a second time nothing is held");
    h.finish(id.as_str()).await;
    let left = h.office.show(&new).await.unwrap().transactions;
    assert_eq!(left.len(), held);
    let first = h.office.change(left[0].id.as_str(), "release", &BTreeMap::new(), &h.olga).await.unwrap();
    assert_eq!(first.state, TransactionState::Exception);
    assert!(h.office.change(left[0].id.as_str(), "release", &BTreeMap::new(), &h.olga).await.unwrap().already);
    h.finish(new.id.as_str()).await;
    h.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_leaves_by_one_channel_only() {
    let h = Harness::with(
        "[arc]\nenabled = true\nbillers = [\"energy\", \"fiber\", \"propane\"]\noffset = \"ccd-batch\"\n\
         offset_routing = \"061000146\"\noffset_account = \"123456789\"\n",
    )
    .await;
    for name in ["b0001", "b0002"] {
        h.take(&samples().join("batches").join(name)).await.unwrap();
    }
    for head in h.office.batches().await.unwrap() {
        h.finish(head.id.as_str()).await;
    }
    let date: Day = "2026-11-30".parse().unwrap();
    let made = h.office.make_deposits(date, None, &h.sven).await.unwrap();
    let deposits: Vec<Deposit> = made.into_iter().filter_map(|m| m.deposit).collect();
    let kinds: Vec<DepositKind> = deposits.iter().map(|d| d.kind).collect();
    assert_eq!(kinds, [DepositKind::Arc, DepositKind::Icl]);
    let mut documents: Vec<&DocumentId> = deposits.iter().flat_map(|d| &d.items).map(|i| &i.document).collect();
    let all = documents.len();
    documents.sort();
    documents.dedup();
    assert_eq!(documents.len(), all, "no check by two channels");
    let arc = &deposits[0];
    let bytes = std::fs::read(h.folder.path().join("site").join(arc.file.as_deref().unwrap())).unwrap();
    assert_eq!(Sha256::of(&bytes), arc.sha256.unwrap());
    let read = remit::formats::nacha::scan(&mut bytes.as_slice(), &mut |_| {}).unwrap();
    assert_eq!((read.faults.list(), read.totals.debit, read.totals.credit), (&[][..], arc.total, arc.total));
    let again = h.office.make_deposits(date, None, &h.sven).await.unwrap();
    assert!(again.iter().all(|m| m.deposit.is_none()), "{again:?}");
    // The bank sends one back and corrects another: by its trace number the first reopens what it paid, once.
    let path = h.folder.path().join("returns.ach");
    std::fs::write(&path, sent_back(&bytes, &arc.items)).unwrap();
    for already in [false, true] {
        let imported = h.office.import_returns(&path, date, &h.olga).await.unwrap();
        let taken = &imported.taken[0];
        assert_eq!((imported.taken.len(), taken.already), (1, already), "{imported:?}");
        assert_eq!((taken.document.as_ref(), taken.amount), (Some(&arc.items[0].document), arc.items[0].amount));
        assert_eq!((imported.changes, imported.known_changes), if already { (0, 1) } else { (1, 0) });
    }
    assert_eq!(h.office.changes().await.unwrap()[0].original_trace, arc.items[1].sequence);
    h.close().await;
}

/// A file of the receiving bank: the first entry comes back as R01, of the second the account is corrected (C01).
fn sent_back(file: &[u8], items: &[DepositItem]) -> Vec<u8> {
    use remit::formats::nacha::{Event, OutgoingBatch, OutgoingEntry, records::*, scan, write};
    let (mut lines, mut header) = (Vec::new(), None);
    let summary = scan(&mut &*file, &mut |event| match event {
        Event::Entry(entry) => lines.push(entry.line.text),
        Event::Batch(batch) => {
            header.get_or_insert(batch.header);
        }
    })
    .unwrap();
    let back = |place: usize, addenda: Vec<u8>, amount: &[u8]| {
        let mut entry = lines[place].to_vec();
        entry[1..3].copy_from_slice(b"26");
        entry[29..39].copy_from_slice(amount);
        entry[78] = b'1';
        OutgoingEntry { entry, addenda: vec![addenda] }
    };
    let rdfi = |place: usize| String::from_utf8(lines[place][3..11].to_vec()).unwrap();
    let returned = ReturnAddenda::BLANK
        .return_reason_code("R01")
        .and_then(|a| a.original_entry_trace_number(&items[0].sequence))
        .and_then(|a| a.original_rdfi_identification(&rdfi(0)))
        .and_then(|a| a.trace_number("021000020000001"))
        .unwrap();
    let changed = ChangeAddenda::BLANK
        .change_code("C01")
        .and_then(|a| a.original_entry_trace_number(&items[1].sequence))
        .and_then(|a| a.original_rdfi_identification(&rdfi(1)))
        .and_then(|a| a.corrected_data("99887766"))
        .and_then(|a| a.trace_number("021000020000002"))
        .unwrap();
    let header = header.unwrap();
    let cor = header.standard_entry_class_code("COR").unwrap();
    let first = lines[0][29..39].to_vec();
    let batches = [
        OutgoingBatch { header, entries: vec![back(0, returned.to_bytes(), &first)] },
        OutgoingBatch { header: cor, entries: vec![back(1, changed.to_bytes(), b"0000000000")] },
    ];
    write(&summary.header.unwrap(), &batches).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_advice_of_a_bank_pays_bills_like_paper() {
    use remit::formats::x12::{OutgoingAdvice, OutgoingLine, write_820};
    let h = Harness::new().await;
    let line = |invoice: &str, cents: i64| OutgoingLine {
        qualifier: "IV".into(),
        reference: invoice.into(),
        paid: Cents::new(cents),
    };
    // Two open bills of the samples, whole.
    let advice = OutgoingAdvice {
        sender: "BANK".into(),
        receiver: "ACME".into(),
        control: 7,
        date: "2026-11-20".parse().unwrap(),
        routing: "011401494".into(),
        account: "1234567890".into(),
        trace: "4311".into(),
        payer: "ANTELOPE FLAT RANCH".into(),
        lines: vec![line("57370293", 16733), line("2583673", 12784)],
    };
    let path = h.folder.path().join("advice.edi");
    std::fs::write(&path, write_820(&advice).unwrap()).unwrap();
    let asked = TakeIn { origin: None, date: None, ..h.asked() };
    for (round, again) in [false, true].into_iter().enumerate() {
        for source in station::sources(&path).unwrap() {
            let taken = h.office.take_in(&source, &asked).await.unwrap();
            assert_eq!(matches!(taken.as_slice(), [Taken::Already { .. }]), again, "{round} {taken:?}");
        }
        h.office.run_jobs(|_| ()).await.unwrap();
    }
    let head = h.office.batches().await.unwrap().remove(0);
    assert_eq!((head.origin, head.counted.checks), (Origin::BankFile, 1));
    let batch = h.office.find_batch(head.id.as_str()).await.unwrap();
    let view = h.office.show(&batch).await.unwrap();
    let paid: Vec<String> = view.transactions[0].applications.iter().map(|a| a.amount.to_string()).collect();
    assert_eq!((view.transactions[0].state, paid), (TransactionState::Clean, vec!["167.33".into(), "127.84".into()]));
    h.finish(head.id.as_str()).await;
    assert!(h.office.make_deposit(batch.date, None, &h.sven).await.unwrap().deposit.is_none(), "the bank has it");
    h.close().await;
}

/// A payer's name and address are a member's, and the amount is exactly what that member owes: a person is told, and no money
/// moves by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_alone_never_moves_money() {
    use remit::formats::x12::{OutgoingAdvice, OutgoingLine, write_820};
    let h = Harness::new().await;
    let advice = OutgoingAdvice {
        sender: "BANK".into(),
        receiver: "ACME".into(),
        control: 8,
        date: "2026-11-20".parse().unwrap(),
        routing: "011401494".into(),
        account: "1234567899".into(),
        trace: "4312".into(),
        payer: "CARMEN MERRIWEATHER 3024 CANYON VIEW DR TUMBLEWEED JUNCTION".into(),
        lines: vec![OutgoingLine { qualifier: "IV".into(), reference: "NOTOURS".into(), paid: Cents::new(16733) }],
    };
    let path = h.folder.path().join("advice.edi");
    std::fs::write(&path, write_820(&advice).unwrap()).unwrap();
    h.take(&path).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    let view = h.office.show(&h.office.find_batch(head.id.as_str()).await.unwrap()).await.unwrap();
    let payment = &view.transactions[0];
    assert_eq!((payment.state, payment.received), (TransactionState::Exception, Some(Cents::new(16733))));
    assert!(payment.applications.iter().all(|a| a.account.is_none() && a.bill.is_none()), "{:?}", payment.applications);
    let item = h.office.item(payment.id.as_str(), None).await.unwrap();
    let told = item.candidates.iter().find(|c| c.fields.get("account").is_some_and(|a| a == "140058955"));
    assert!(told.is_some_and(|c| !c.usual), "the member of that name is not suggested: {:?}", item.candidates);
    h.close().await;
}

/// Whether the program reads amounts or people key them all, the same money goes to the same accounts.
#[tokio::test(flavor = "multi_thread")]
async fn reading_amounts_on_or_off_posts_the_same_money() {
    let truth: BTreeMap<u32, Cents> = std::fs::read_to_string(samples().join("truth.jsonl"))
        .unwrap()
        .lines()
        .filter_map(|line| {
            let one: serde_json::Value = serde_json::from_str(line).unwrap();
            let seq = one["seq"].as_u64().filter(|_| one["batch"] == "b0001")?;
            Some((seq as u32, Cents::new(one["amount"].as_i64()?)))
        })
        .collect();
    let mut posted = Vec::new();
    for mode in ["off", "automatic"] {
        let h = Harness::with(&format!("[amounts]\nmode = \"{mode}\"\n")).await;
        let silent = silent(&h);
        h.take(&silent).await.unwrap();
        let head = h.office.batches().await.unwrap().remove(0);
        let mut keyed = 0;
        loop {
            let shown = h.office.show(&h.office.find_batch(head.id.as_str()).await.unwrap()).await.unwrap();
            let seq: BTreeMap<_, u32> = shown.documents.iter().map(|d| (&d.id, d.seq)).collect();
            let open = shown.transactions.iter().flat_map(|t| &t.exceptions).find_map(|e| {
                let asks = e.decision.is_none() && e.code.code().starts_with("amount-un");
                let amount = e.document.as_ref().and_then(|d| truth.get(seq.get(d)?));
                amount.filter(|_| asks).map(|a| (e.id.clone(), *a))
            });
            let Some((exception, amount)) = open else { break };
            let fields = BTreeMap::from([("amount".to_string(), amount.to_string())]);
            h.office.decide(exception.as_str(), "key-amount", &fields, &h.olga).await.unwrap();
            keyed += 1;
        }
        h.finish(head.id.as_str()).await;
        let books: Vec<String> =
            h.office.balances().await.unwrap().iter().map(|b| format!("{} {}", b.account, b.balance)).collect();
        posted.push((books, keyed));
        h.close().await;
    }
    let [(off, all), (automatic, rest)] = posted.as_slice() else { panic!() };
    assert_eq!(off, automatic);
    assert!(rest <= all, "reading saves keying: {rest} of {all}");
}

/// The first tray of the samples from a station that says no amounts.
fn silent(h: &Harness) -> PathBuf {
    let batch = samples().join("batches").join("b0001");
    let silent = h.folder.path().join("silent");
    copy(&batch, &silent, |_| true);
    let index = std::fs::read_to_string(batch.join("index.csv")).unwrap();
    std::fs::write(silent.join("index.csv"), index.replacen(",amount\n", ",not_ours\n", 1)).unwrap();
    silent
}

/// A stub whose line fails its check digit names no bill; keyed, it names one, and the check is read in the light of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_line_lets_the_amount_be_read() {
    let h = Harness::with("[amounts]\nmode = \"automatic\"\n").await;
    let silent = silent(&h);
    h.take(&silent).await.unwrap();
    let head = h.office.batches().await.unwrap().remove(0);
    let store = h.office.store();
    let check = store.documents(&head.id).await.unwrap().into_iter().find(|d| d.seq == 19).unwrap().id;
    let one = async || {
        store.transactions(&head.id).await.unwrap().into_iter().find(|t| t.documents.contains(&check)).unwrap()
    };
    let asks = |codes: &str, t: &Transaction| {
        t.exceptions.iter().find(|e| e.decision.is_none() && e.code.code().starts_with(codes)).map(|e| e.id.clone())
    };
    let before = one().await;
    assert!(asks("amount-un", &before).is_some(), "{before:?}");
    let line = asks("scanline", &before).or(asks("check-digit", &before)).or(asks("account-un", &before)).unwrap();
    let text = BTreeMap::from([("text".to_string(), "9819514796 6370376 00044122 00046328 4".to_string())]);
    h.office.decide(line.as_str(), "key-scanline", &text, &h.olga).await.unwrap();
    let keyed = one().await;
    assert_eq!((keyed.received, asks("", &keyed)), (Some(Cents::new(44122)), None), "{keyed:?}");
    // Taken back, the bill is not sure any more, and the amount is asked again.
    h.office.undo(keyed.id.as_str(), &h.olga).await.unwrap();
    let undone = one().await;
    assert!(asks("amount-un", &undone).is_some(), "{undone:?}");
    h.finish(head.id.as_str()).await;
    h.close().await;
}
