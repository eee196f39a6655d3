//! Every sample file gets the verdict that its folder's README states. The samples are named by `REMIT_SHARED`.

#[path = "formats/again.rs"]
mod again;
#[path = "formats/any.rs"]
mod any;
#[path = "formats/verdicts.rs"]
mod verdicts;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use remit::domain::{Cents, RoutingNumber};
use remit::formats::fault::Faults;
use remit::formats::x9::physical::Frames;
use remit::formats::{Format, bai_lockbox, bills_csv, capture_index, inspect, sniff, x9};
use remit::ingest;

pub fn shared(folder: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("REMIT_SHARED") else {
        eprintln!("NOT RUN: set REMIT_SHARED to the folder of shared samples");
        return None;
    };
    Some(PathBuf::from(root).join("data").join(folder))
}

#[test]
fn lockbox_files_get_their_verdicts() {
    let Some(folder) = shared("lockbox") else { return };
    for (name, checks, cents, valid) in [
        ("test_lockbox.bai", 1, 700_000, true),
        ("synthetic-bai2-80.txt", 3, 258_525, true),
        ("synthetic-bai2-80-overflow-wraps-99.txt", 1, 10_605, true),
        ("synthetic-bai2-80-batch-total-off-by-one.txt", 3, 258_525, false),
    ] {
        let file = bai_lockbox::read(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        let faults = file.all_faults();
        println!("{name}: {} {faults:?}", file.profile.name);
        assert_eq!(file.is_valid(), valid, "{name}: {faults:?}");
        assert_eq!(file.batches.iter().map(|b| b.checks.len()).sum::<usize>(), checks, "{name}");
        assert_eq!(file.total().map(|t| t.get()), Some(cents), "{name}");
        if let Some(error) = faults.iter().find(|f| f.is_error()) {
            assert!(error.line.is_some() && error.column.is_some(), "{name}: {error}");
        }
    }
}

/// The scanner's alphabet of each sample batch is learnt: the magnetic reads say what truth says, but for rejects.
#[test]
fn capture_indexes_of_the_samples_are_read() {
    let Some(folder) = shared("station") else { return };
    let (mut reads, mut rejected, mut wrong) = (0, 0, 0);
    for set in ["clean", "office"] {
        let truth = std::fs::read_to_string(folder.join(set).join("truth.jsonl")).unwrap();
        let truth: Vec<serde_json::Value> = truth.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        for batch in std::fs::read_dir(folder.join(set).join("batches")).unwrap() {
            let path = batch.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().to_string();
            let index = capture_index::read(&std::fs::read(path.join("index.csv")).unwrap()).unwrap();
            assert_eq!(index.faults, [], "{}", path.display());
            for row in &index.rows {
                let Some(line) = row.micr.as_deref() else { continue };
                let document = truth.iter().find(|d| d["batch"] == name.as_str() && d["seq"] == row.seq).unwrap();
                let squeezed = |text: &str| text.replace(' ', "");
                let (line, truth) = (squeezed(line), squeezed(document["micr"].as_str().unwrap_or_default()));
                reads += 1;
                rejected += line.matches('?').count();
                let same = line.len() == truth.len()
                    && line.chars().zip(truth.chars()).all(|(read, truth)| read == truth || read == '?');
                if !same {
                    wrong += 1;
                    println!("{name} {}: {line} instead of {truth}", row.seq);
                }
            }
        }
    }
    println!("{reads} magnetic reads, {rejected} characters rejected, {wrong} reads differ from truth");
    assert!(reads > 100 && wrong * 50 < reads, "{wrong} of {reads}");
}

fn sample_letter() -> Vec<u8> {
    let routing = RoutingNumber::new("061000146").unwrap();
    let day = "2026-11-30".parse().unwrap();
    let image = [b"II*\0".as_slice(), &[10; 60]].concat();
    let checks = (1..=3)
        .map(|sequence| x9::OutgoingCheck {
            routing: routing.clone(),
            on_us: "12345678/0101".into(),
            auxiliary_on_us: "44".into(),
            external_processing_code: String::new(),
            amount: Cents::new(1000 + sequence as i64),
            sequence,
            front: &image,
            back: &image,
        })
        .collect();
    let letter = x9::CashLetter { head: x9::LetterHead::first_of(day, "1705", "1"), checks };
    let credit = x9::CreditProfile {
        place: x9::CreditPlace::InBundle,
        layout: x9::CreditLayout::A,
        routing: "061000146".into(),
        account: "1/".into(),
        counted: x9::Convention::Nothing,
    };
    let profile = x9::Profile { bundle_size: 2, credit: Some(credit), ..x9::Profile::usual(&routing, "123456780") };
    x9::write(&letter, &profile).unwrap()
}

fn sample_lockbox() -> Vec<u8> {
    let invoice = |n: i64| bai_lockbox::LockboxInvoice {
        invoice: format!("INV{n}"),
        payment: Cents::new(n),
        deduction: Cents::ZERO,
    };
    let check = |amount: i64| bai_lockbox::LockboxCheck {
        amount: Cents::new(amount),
        routing: "061000146".into(),
        account: "1234567890".into(),
        check_number: "1021".into(),
        customer: String::new(),
        invoices: vec![invoice(amount - 1), invoice(1)],
    };
    bai_lockbox::write(&bai_lockbox::LockboxDeposit {
        destination: "ACMEUTIL".into(),
        origin: "021000021".into(),
        file_date: "2026-11-03".parse().unwrap(),
        file_time: "0630".into(),
        lockbox: "12345".into(),
        deposit_date: "2026-11-02".parse().unwrap(),
        batches: vec![vec![check(8425), check(100)], vec![check(7)]],
    })
    .unwrap()
}

/// One damaged copy: bytes changed, cut out, doubled or cut off, by a small generator of fixed seed.
fn damaged(sample: &[u8], random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    const TELLING: &[u8] = b"\0\x01\x1a\n\r \"',;-/0159\x40\x50\xf0\xf1\xf9\xff";
    let mut bytes = sample.to_vec();
    for _ in 0..1 + random(4) {
        let at = random(bytes.len().max(1));
        match random(6) {
            0 | 1 if at < bytes.len() => bytes[at] = TELLING[random(TELLING.len())],
            2 if at < bytes.len() => bytes[at] ^= 1 << random(8),
            3 => drop(bytes.drain(at.min(bytes.len())..(at + 1 + random(90)).min(bytes.len()))),
            4 => {
                let copy = bytes[at.min(bytes.len())..(at + 1 + random(90)).min(bytes.len())].to_vec();
                bytes.splice(at.min(bytes.len())..at.min(bytes.len()), copy);
            }
            _ if random(4) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

/// No damage makes a reader panic or hang, and none makes it take what does not add up: a letter that is still valid holds
/// the total that its own control record states.
#[test]
fn readers_never_panic_on_damaged_files() {
    let index = b"batch,seq,front,back,dpi,micr,amount\nb1,1,1_F.tif,1_B.tif,200,A061000146A 123C45,1.00\nb1,2,\"2_F.tif\",,200,,\n";
    let bills = b"biller,bill,account,name,amount_due,due_date\nw,1,0001,\"A, B\",12.34,2026-11-30\nw,2,0002,C,1.00,\n";
    let mut samples = vec![sample_letter(), sample_lockbox(), index.to_vec(), bills.to_vec()];
    let plain = sample_letter();
    let mut source = plain.as_slice();
    let (mut blocks, mut frames, mut faults) = (Vec::new(), Frames::open(&mut source).unwrap(), Faults::default());
    while let Some(frame) = frames.next(&mut faults) {
        blocks.extend_from_slice(frame.bytes);
    }
    samples.push(blocks);
    if let Some(folder) = shared("x9") {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "bin" || e == "icl") {
                samples.push(std::fs::read(path).unwrap());
            }
        }
    }
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let (started, mut runs, mut slowest) = (Instant::now(), 0u32, Duration::ZERO);
    let budget = std::env::var("REMIT_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3);
    while started.elapsed() < Duration::from_secs(budget) {
        let bytes = damaged(&samples[random(samples.len())], &mut random);
        let one = Instant::now();
        let _ = sniff(&bytes);
        for format in Format::ALL {
            let _ = inspect(&bytes, format);
            remit::formats::inspection::records(&bytes, format, &mut |_| {});
        }
        let _ = capture_index::read(&bytes);
        let _ = (bills_csv::bills(&bytes, None).is_ok(), bills_csv::payers(&bytes, None).is_ok());
        let _ = (ingest::lockbox(&bytes).is_ok(), ingest::capture_folder(&bytes, &[("1_F.tif".into(), 9)]).is_ok());
        for intake in ingest::x9(&bytes).unwrap_or_default() {
            if !intake.problems.iter().any(|p| p.is_error()) {
                let sum = Cents::sum(intake.documents.iter().filter_map(|d| d.station_amount)).unwrap();
                assert_eq!(intake.control.total, Some(sum));
            }
        }
        slowest = slowest.max(one.elapsed());
        runs += 1;
    }
    println!("{runs} damaged files, slowest {slowest:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
