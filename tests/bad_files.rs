//! Bad files at the door of a site, by the rows of the corpus of bad inputs (17 to 34 and 49; the rules of the formats alone
//! have their rows beside the readers: 18, 20 and 22 to 25 in `x9/damage_tests`, 35 to 42 in `nacha/tests` and
//! `truncation/arc_tests`, 43 to 48, 50 and 59 in `formats/bad_input_tests`). Whatever is refused makes no batch, moves no
//! money, keeps its bytes with a receipt that says why, and does the same when it comes again.

use std::path::PathBuf;

use remit::clock::Clock;
use remit::config::Site;
use remit::domain::*;
use remit::formats::ebcdic::CodePage;
use remit::formats::x9::{self, Encoding};
use remit::formats::{bai_lockbox, bai2, bills_csv};
use remit::pipeline::{Office, OfficeError, TakeIn, Taken};
use remit::station;

struct Door {
    folder: tempfile::TempDir,
    office: Office,
}

impl Door {
    async fn new(own: &str) -> Door {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::at(&folder.path().join("site"), own, None, None).unwrap();
        let clock = Clock::fixed("2026-11-28T12:00:00Z").unwrap();
        Office::create(&site, clock).await.unwrap();
        Door { office: Office::open(site, clock).await.unwrap(), folder }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn take(&self, name: &str, bytes: &[u8]) -> Result<Vec<Taken>, OfficeError> {
        let path = self.file(name, bytes);
        let asked = TakeIn { origin: None, date: None, declared: Control::default(), name: None, operator: None };
        self.office.take_in(&station::sources(&path).unwrap().remove(0), &asked).await
    }

    /// Refused, with this fault; its receipt has its bytes, and the second time nothing is added.
    async fn refuses(&self, name: &str, bytes: &[u8], code: &str) {
        let (batches, receipts) = (self.batches().await, self.office.refusals().await.unwrap().len());
        for round in 1..=2 {
            let error = self.take(name, bytes).await.expect_err(name);
            assert!(matches!(error, OfficeError::Input { .. }), "{name}: {error:?}");
            assert_eq!(self.batches().await, batches, "{name}, round {round}");
            assert_eq!(self.office.refusals().await.unwrap().len(), receipts + 1, "{name}, round {round}");
        }
        let all = self.office.refusals().await.unwrap();
        let sha256 = Sha256::of(bytes);
        let receipt = all.iter().find(|r| r.sha256 == sha256).unwrap_or_else(|| panic!("{name}: {all:?}"));
        assert_eq!((receipt.name.as_str(), receipt.size), (name, bytes.len() as u64));
        let told = format!("[{code}]");
        assert!(receipt.why.iter().any(|why| why.contains(&told)), "{name}: {code} {:?}", receipt.why);
        let back = self.folder.path().join("back");
        self.office.save_kept(sha256, &back).await.unwrap();
        assert!(std::fs::read(back).unwrap() == bytes, "{name}: its bytes are kept");
    }

    async fn batches(&self) -> usize {
        self.office.batches().await.unwrap().len()
    }
}

fn letter(amounts: &[i64], encoding: Encoding, change: impl Fn(&mut x9::CashLetter<'_>, &mut x9::Profile)) -> Vec<u8> {
    let routing = RoutingNumber::new("061000146").unwrap();
    let day = "2026-11-27".parse().unwrap();
    // Other checks have other images.
    let side =
        |name: &str| amounts.iter().map(|amount| format!("II*\0{name} {amount}").into_bytes()).collect::<Vec<_>>();
    let (fronts, backs) = (side("front"), side("back"));
    let check = |(sequence, amount): (u64, &i64)| x9::OutgoingCheck {
        routing: routing.clone(),
        on_us: format!("12345678/{sequence}"),
        auxiliary_on_us: String::new(),
        external_processing_code: String::new(),
        amount: Cents::new(*amount),
        sequence,
        front: &fronts[sequence as usize - 1],
        back: &backs[sequence as usize - 1],
    };
    let mut letter = x9::CashLetter {
        head: x9::LetterHead::first_of(day, "1705", "1"),
        checks: (1..).zip(amounts).map(check).collect(),
    };
    let mut profile = x9::Profile { encoding, ..x9::Profile::usual(&routing, "123456780") };
    change(&mut letter, &mut profile);
    x9::write(&letter, &profile).unwrap()
}

fn plain(amounts: &[i64]) -> Vec<u8> {
    letter(amounts, Encoding::Ascii, |_, _| {})
}

/// The records of a letter with length words, and the letter of such records.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut all, mut rest) = (Vec::new(), bytes);
    while let Some((word, tail)) = rest.split_first_chunk::<4>() {
        let (record, tail) = tail.split_at(u32::from_be_bytes(*word) as usize);
        all.push(record.to_vec());
        rest = tail;
    }
    all
}

fn joined(records: &[Vec<u8>]) -> Vec<u8> {
    records.iter().flat_map(|r| [&(r.len() as u32).to_be_bytes()[..], r].concat()).collect()
}

fn changed(bytes: &[u8], code: &str, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut all = records(bytes);
    let at = all.iter().position(|r| r.starts_with(code.as_bytes())).unwrap();
    change(&mut all[at]);
    joined(&all)
}

fn put(text: &'static str, column: usize) -> impl Fn(&mut Vec<u8>) {
    move |record| record[column - 1..column - 1 + text.len()].copy_from_slice(text.as_bytes())
}

/// 17 to 26: what a letter may not have; each is refused whole, with the fault's name on its receipt.
#[tokio::test(flavor = "multi_thread")]
async fn letters_that_break_a_rule_are_refused_with_a_receipt() {
    let door = Door::new("").await;
    let good = plain(&[100, 250]);
    let all = records(&good);
    let without =
        |code: &str| joined(&all.iter().filter(|r| !r.starts_with(code.as_bytes())).cloned().collect::<Vec<_>>());
    // 17: begins in one encoding, goes on in the other.
    let mut mixed = all.clone();
    mixed[2..].iter_mut().for_each(|r| {
        let text = if r.starts_with(b"52") { 117 } else { r.len() };
        CodePage::Ibm037.encode(&mut r[..text]);
    });
    let mut twice = all.clone();
    twice.insert(1, twice[0].clone());
    let mut late = all.clone();
    let addendum = late.iter().position(|r| r.starts_with(b"26")).unwrap();
    late.swap(addendum - 1, addendum);
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("17 mixed encodings.x9", joined(&mixed), "mixed-encoding"),
        ("18 a length word of zero.x9", [&[0; 4], &good[4..]].concat(), "format"),
        ("18 a length word too long.x9", [&good[..84], &[0, 0, 0, 81], &good[88..]].concat(), "record-length"),
        ("19 a mark before the header.x9", [b"\xef\xbb\xbf", &good[..]].concat(), "format"),
        ("19 something behind the end.x9", [&good[..], b"and more"].concat(), "record-length"),
        ("20 no file control.x9", without("99"), "missing-99"),
        ("20 no bundle control.x9", without("70"), "missing-70"),
        ("20 no image data.x9", without("52"), "missing-52"),
        ("20 two headers.x9", joined(&twice), "order"),
        ("20 an addendum before its check.x9", joined(&late), "order"),
        ("21 an unknown type.x9", changed(&good, "26", put("17", 1)), "record-type"),
        ("22 an image length of nines.x9", changed(&good, "52", put("9999999", 111)), "image-length"),
        ("22 an image length below zero.x9", changed(&good, "52", put("-000001", 111)), "image-length"),
        ("23 a bundle off by a cent.x9", changed(&good, "70", put("1", 18)), "total"),
        ("23 a letter off by one.x9", changed(&good, "90", put("3", 16)), "total"),
        ("23 a file off by a cent.x9", changed(&good, "99", put("1", 40)), "total"),
        ("24 an amount with a point.x9", changed(&good, "25", put("     12.34", 48)), "amount"),
        ("24 an amount below zero.x9", changed(&good, "25", put("0000000-12", 48)), "amount"),
        ("30 a day that is none.x9", changed(&good, "10", put("20260231", 23)), "date"),
        ("30 no day.x9", changed(&good, "10", put("00000000", 23)), "date"),
        ("34 nothing at all.x9", Vec::new(), "format"),
        ("34 three bytes.x9", b"abc".to_vec(), "format"),
    ];
    for (name, bytes, code) in rows {
        door.refuses(name, &bytes, code).await;
    }
    // What is padding, reserved or a bank's own stays out of the way: 19 NULs and 0x1A, 21 reserved columns and a record 68.
    let mut own = all.clone();
    own.insert(2, [format!("68{:<36}{:07}", "1", 5).into_bytes(), b"hello".to_vec()].concat());
    let last = own.len();
    own[last - 1][8..16].copy_from_slice(format!("{last:08}").as_bytes());
    let kept = plain(&[700]);
    for (name, bytes) in [
        ("19 padding.x9", [&good[..], &[0x1a, 0, 0]].concat()),
        ("21 a reserved column.x9", changed(&plain(&[300]), "01", put("x", 78))),
        ("21 a record of the bank's own.x9", {
            let mut records = records(&plain(&[400]));
            records.insert(2, own[2].clone());
            let count = records.len();
            records[count - 1][8..16].copy_from_slice(format!("{count:08}").as_bytes());
            joined(&records)
        }),
        ("17 EBCDIC.x9", letter(&[500], Encoding::Ebcdic(CodePage::Ibm037), |_, _| {})),
        ("24 the largest amount.x9", plain(&[9_999_999_999])),
        ("26 a bank that is none.x9", changed(&kept, "25", put("061000147", 19))),
        ("27 characters that nobody read.x9", changed(&plain(&[800]), "25", put("12*45 78/", 28))),
    ] {
        let taken = door.take(name, &bytes).await.unwrap();
        assert!(matches!(taken.as_slice(), [Taken::New { already: 0, .. }]), "{name}: {taken:?}");
    }
    // 26 and 27 are taken with their doubt: no account line is accepted by itself.
    door.office.run_jobs(|_| ()).await.unwrap();
    for head in
        door.office.batches().await.unwrap().iter().filter(|b| b.name.starts_with("26") || b.name.starts_with("27"))
    {
        let batch = door.office.find_batch(head.id.as_str()).await.unwrap();
        let shown = door.office.show(&batch).await.unwrap();
        assert!(shown.transactions.iter().all(|t| t.state == TransactionState::Exception), "{}", head.name);
    }
    assert!(
        door.office.balances().await.unwrap().iter().all(|b| b.balance == Cents::ZERO),
        "nothing reached the books"
    );
}

/// 28: the same items under another file id or in another wrapping are a suspect; the same bytes are no news.
#[tokio::test(flavor = "multi_thread")]
async fn row_28_the_same_items_again() {
    let door = Door::new("").await;
    let first = plain(&[100, 250]);
    assert!(matches!(door.take("a.x9", &first).await.unwrap().as_slice(), [Taken::New { .. }]));
    assert!(matches!(door.take("b.x9", &first).await.unwrap().as_slice(), [Taken::Already { .. }]));
    let other_id =
        letter(&[100, 250], Encoding::Ascii, |l, _| (l.head.letter_id, l.head.file_id_modifier) = ("9".into(), 'B'));
    let again = door.take("c.x9", &other_id).await.unwrap();
    assert!(matches!(again.as_slice(), [Taken::Already { .. } | Taken::Suspect { .. }]), "{again:?}");
    let same_id = plain(&[100, 251]);
    let taken = door.take("d.x9", &same_id).await.unwrap();
    assert!(!matches!(taken.as_slice(), [Taken::Refused { .. }]), "{taken:?}");
    // One number for two items of a letter is said.
    let doubled = changed(&plain(&[5, 6]), "25", put("000000000000002", 58));
    let found = x9::read(&doubled).unwrap();
    assert!(found.summary.faults.has("duplicate-sequence"), "{:?}", found.summary.faults.list());
}

/// 29: a file marked as a test is refused where money is real, and taken where the site is one for tests.
#[tokio::test(flavor = "multi_thread")]
async fn row_29_tests_are_no_money() {
    let test = letter(&[100], Encoding::Ascii, |_, p| p.test = true);
    Door::new("").await.refuses("test.x9", &test, "test-file").await;
}

/// 30: business dates out of the office's bounds.
#[tokio::test(flavor = "multi_thread")]
async fn row_30_dates_far_away() {
    let door = Door::new("[capture]\noldest_days = 20\nnewest_days = 1\n").await;
    let dated = |day: &str| letter(&[100], Encoding::Ascii, |l, _| l.head.business_date = day.parse().unwrap());
    door.refuses("long ago.x9", &dated("2026-10-28"), "date-range").await;
    door.refuses("not yet.x9", &dated("2026-11-30"), "date-range").await;
    for (name, day) in [("old.x9", "2026-11-08"), ("tomorrow.x9", "2026-11-29")] {
        let taken = door.take(name, &dated(day)).await.unwrap();
        assert!(!matches!(taken.as_slice(), [Taken::Refused { .. }]), "{name}: {taken:?}");
    }
}

fn lockbox(batches: Vec<Vec<bai_lockbox::LockboxCheck>>) -> Vec<u8> {
    bai_lockbox::write(&bai_lockbox::LockboxDeposit {
        destination: "ACMEUTIL".into(),
        origin: "021000021".into(),
        file_date: "2026-11-28".parse().unwrap(),
        file_time: "0630".into(),
        lockbox: "12345".into(),
        deposit_date: "2026-11-27".parse().unwrap(),
        batches,
    })
    .unwrap()
}

fn check(amount: i64) -> bai_lockbox::LockboxCheck {
    bai_lockbox::LockboxCheck {
        amount: Cents::new(amount),
        routing: "061000146".into(),
        account: "1234567890".into(),
        check_number: "1021".into(),
        customer: String::new(),
        invoices: Vec::new(),
    }
}

/// 31: more than is kept of one file is counted and refused; 32: an empty file has its receipt and makes no batch; of a file
/// with one bad batch the good ones are taken, and the bad one has its receipt.
#[tokio::test(flavor = "multi_thread")]
async fn rows_31_and_32_too_much_nothing_and_in_part() {
    let many = lockbox(vec![(1..=9).map(check).collect()]);
    let read = bai_lockbox::read_from(&mut &*many, 5).unwrap();
    assert_eq!((read.batches[0].checks.len(), read.is_valid()), (5, false));
    assert!(bai_lockbox::read_from(&mut &*many, 9).unwrap().is_valid());
    let door = Door::new("").await;
    let credit = |n: usize| bai2::OutgoingDetail {
        code: "165".into(),
        amount: Cents::new(n as i64),
        bank_reference: n.to_string(),
        customer_reference: String::new(),
        text: vec!["PAYMENT".into()],
    };
    let too_many = bai2::write(&bai2::OutgoingFile {
        sender: "BANK".into(),
        receiver: "ACME".into(),
        created: "2026-11-28".parse().unwrap(),
        file_id: "1".into(),
        as_of: "2026-11-27".parse().unwrap(),
        accounts: vec![bai2::OutgoingAccount {
            account: "123".into(),
            details: (1..=remit::ingest::MOST_DOCUMENTS + 1).map(credit).collect(),
        }],
    })
    .unwrap();
    door.refuses("too many.txt", &too_many, "limit").await;
    let refused_before = door.office.refusals().await.unwrap().len();
    let none = lockbox(vec![]);
    for _ in 0..2 {
        assert!(matches!(door.take("empty.txt", &none).await.unwrap().as_slice(), [Taken::Empty { .. }]));
    }
    assert_eq!((door.batches().await, door.office.refusals().await.unwrap().len()), (0, refused_before));
    let two = String::from_utf8(lockbox(vec![vec![check(300)], vec![check(7)]])).unwrap();
    let wrong = |line: &str| match line.starts_with("7002") {
        true => line.replace("0000000007", "0000000008") + "\r\n",
        false => format!("{line}\r\n"),
    };
    let one_bad: String = two.lines().map(wrong).collect();
    assert_ne!(one_bad, two);
    let taken = door.take("in part.txt", one_bad.as_bytes()).await.unwrap();
    let new = taken.iter().filter(|t| matches!(t, Taken::New { .. })).count();
    let refused = taken.iter().filter(|t| matches!(t, Taken::Refused { .. })).count();
    assert_eq!((new, refused, door.batches().await), (1, 1, 1), "{taken:?}");
    let receipts = door.office.refusals().await.unwrap();
    assert_eq!(receipts.len(), refused_before + 1);
    assert!(receipts.iter().any(|r| r.name.contains("batch 002")), "{receipts:?}");
}

/// 33: what is read is one file, whatever gets its name meanwhile; and its hash is that of the bytes that were read.
#[test]
fn row_33_a_file_that_is_replaced_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"the first bytes").unwrap();
    let file = station::OpenFile::open(&path).unwrap();
    std::fs::write(folder.path().join("other"), b"others").unwrap();
    std::fs::rename(folder.path().join("other"), &path).unwrap();
    let (seen, hash) = file
        .read_through(|source| {
            let mut some = [0; 9];
            source.read_exact(&mut some).unwrap();
            some
        })
        .unwrap();
    assert_eq!((&seen, hash), (b"the first", Sha256::of(b"the first bytes")));
    assert_eq!(file.at(4, 5).unwrap(), b"first");
    assert_eq!(file.at(10, 50).unwrap(), b"bytes");
    assert_eq!(station::OpenFile::open(&path).unwrap().at(0, 50).unwrap(), b"others");
}

/// 49: a list of bills that comes twice, cut in the middle, empty, or far too short.
#[tokio::test(flavor = "multi_thread")]
async fn row_49_lists_of_bills_that_swing() {
    let door = Door::new("").await;
    let list = |count: usize| {
        let rows: String = (1..=count).map(|n| format!("water,B{n},{n:010},1.00\n")).collect();
        bills_csv::bills(format!("biller,bill,account,amount_due\n{rows}").as_bytes(), None).unwrap().rows
    };
    let first = door.office.import_bills(&list(20), true, false).await.unwrap();
    assert_eq!((first.added, first.closed), (20, 0));
    let twice = door.office.import_bills(&list(20), true, false).await.unwrap();
    assert_eq!((twice.added, twice.changed, twice.closed, twice.unchanged), (0, 0, 0, 20));
    for short in [0, 2, 9] {
        let refused = door.office.import_bills(&list(short), true, false).await.unwrap_err();
        assert!(matches!(refused, OfficeError::Refused { code: "closes-too-much", .. }), "{short}: {refused:?}");
    }
    assert_eq!(door.office.import_bills(&list(20), true, false).await.unwrap().unchanged, 20, "nothing was closed");
    assert_eq!(door.office.import_bills(&list(2), true, true).await.unwrap().closed, 18);
}

/// 49: a list of bills that is older than the last one opens nothing again and closes nothing, unless a person says that it is
/// right; part of a list, or one with bills that were never seen, is no older list.
#[tokio::test(flavor = "multi_thread")]
async fn row_49_a_list_of_an_earlier_day() {
    let door = Door::new("").await;
    let list = |numbers: std::ops::RangeInclusive<usize>| {
        let rows: String = numbers.map(|n| format!("water,B{n},{n:010},1.00\n")).collect();
        bills_csv::bills(format!("biller,bill,account,amount_due\n{rows}").as_bytes(), None).unwrap().rows
    };
    let (monday, tuesday, wednesday) = (list(1..=20), list(3..=22), list(2..=23));
    assert_eq!(door.office.import_bills(&monday, true, false).await.unwrap().added, 20);
    let next = door.office.import_bills(&tuesday, true, false).await.unwrap();
    assert_eq!((next.added, next.closed), (2, 2));
    let refused = door.office.import_bills(&monday, true, false).await.unwrap_err();
    assert!(matches!(refused, OfficeError::Refused { code: "older-list", .. }), "{refused:?}");
    assert_eq!(door.office.import_bills(&tuesday, true, false).await.unwrap().unchanged, 20, "nothing was changed");
    // A bill that is open again beside a new one: a later day.
    let later = door.office.import_bills(&wednesday, true, false).await.unwrap();
    assert_eq!((later.added, later.changed, later.closed), (1, 1, 0));
    let meant = door.office.import_bills(&monday, true, true).await.unwrap();
    assert_eq!((meant.changed, meant.closed), (1, 3));
}
