//! A meter's reading on a stub, from the paper into the file for the billing system.

use remit::deck::face::Paper;
use remit::deck::plan::{Scenario, Source as Tray, Station, plan_of};
use remit::deck::{self, tables};

use super::*;

/// The check digit of a line of digits (ISO/IEC 7812-1 annex B).
fn luhn(digits: &str) -> u32 {
    let doubled = digits.bytes().rev().enumerate().map(|(n, b)| match (u32::from(b - b'0'), n % 2) {
        (digit, 0) if digit > 4 => digit * 2 - 9,
        (digit, 0) => digit * 2,
        (digit, _) => digit,
    });
    (10 - doubled.sum::<u32>() % 10) % 10
}

/// Reading, the one before, the usual use; what was used and what is thought of it.
const READINGS: &[(&str, &str, &str, &str, &str)] = &[
    ("00495", "400", "90", "95", "good"),
    ("00900", "400", "90", "500", "too-high"),
    ("00300", "400", "90", "", "lower"),
    ("00403", "400", "90", "3", "too-low"),
];

/// Stubs whose scanline, or whose code, has the reading of a meter: each comes into the export with what is to be thought of it,
/// and none holds up its payment.
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_on_a_stub_comes_into_the_export() {
    let station = Station::MAIL;
    let day = "2026-11-20".parse().unwrap();
    let mut plan = plan_of(&[(Tray::Scanner, station, &[Scenario::Exact; 20])], 41, day);
    // The forms of the deck, with a meter's reading in the line of the one and in the code of the other.
    let line = "{account:10} {invoice:7} {amount_due:8} {amount_late:8} {check:1}";
    let code = "JBF1|{account}|{invoice}|{amount_due}|{amount_late}|{due_date}";
    let layouts = tables::LAYOUTS
        .replace(line, "{account:10} {invoice:7} {meter_reading:5} {amount_due:8} {check:1}")
        .replace("covers = \"1-33\", digit = 34", "covers = \"1-30\", digit = 31")
        .replace(code, &format!("{code}|{{meter_reading}}|{{meter}}"));
    let (mut want, mut tried) = (Vec::new(), [0; 2]);
    for piece in &mut plan.trays[0].pieces {
        let stub = match &mut piece.paper {
            Paper::Stub(stub) => stub,
            Paper::Check(check) => {
                piece.index_amount = Some(check.cents);
                continue;
            }
            Paper::Letter(_) => continue,
        };
        let by_code = match (stub.lines.symbology, stub.lines.scanline.is_empty()) {
            ("QRCode", true) => true,
            ("", false) => false,
            _ => continue,
        };
        let (reading, before, usual, used, verdict) = READINGS[tried[usize::from(by_code)] % READINGS.len()];
        tried[usize::from(by_code)] += 1;
        let bill = plan.bills.iter_mut().find(|b| b.account == stub.bill.account && b.bill == stub.bill.bill).unwrap();
        for (name, value) in [("previous_reading", before), ("usual_use", usual)] {
            bill.extra.insert(name.into(), value.into());
        }
        let meter = if by_code {
            stub.lines.barcode += &format!("|{reading}|M77");
            "M77"
        } else {
            bill.extra.insert("meter".into(), "of the file".into());
            let words: Vec<&str> = stub.lines.scanline.split(' ').collect();
            let digits = format!("{}{}{reading}{}", words[0], words[1], words[2]);
            stub.lines.scanline = format!("{} {} {reading} {} {}", words[0], words[1], words[2], luhn(&digits));
            "of the file"
        };
        let (biller, account) = (bill.biller.clone(), bill.account.reveal().to_string());
        let reading: i64 = reading.parse().unwrap();
        want.push(format!("{biller},{account},{meter},{reading},{before},{used},{verdict}"));
    }
    assert!(tried.iter().all(|n| *n >= 2), "a right and a suspicious reading on each: {tried:?}");
    let h = Harness::new().await;
    let folder = h.folder.path().join("tray");
    std::fs::create_dir(&folder).unwrap();
    let write = |file: &deck::NamedFile| {
        std::fs::write(folder.join(file.name.rsplit('/').next().unwrap()), &file.bytes).unwrap();
    };
    for piece in &plan.trays[0].pieces {
        deck::pictures(0, piece, station).iter().for_each(write);
    }
    write(&deck::index(&plan, 0));
    h.office.import_layouts(&layouts).await.unwrap();
    h.office.import_bills(&plan.bills, false, false).await.unwrap();
    h.take(&folder).await.unwrap();
    let batch = h.office.batches().await.unwrap().remove(0);
    let all = h.office.store().transactions(&batch.id).await.unwrap();
    let open: Vec<&Transaction> = all.iter().filter(|t| t.state != TransactionState::Clean).collect();
    assert!(open.is_empty(), "a reading holds nothing up: {open:?}");
    let file = h.folder.path().join("site").join("meters").join(format!("{}-{}.csv", batch.date, batch.id));
    let text = std::fs::read_to_string(&file).unwrap();
    let head = "date,batch,biller,account,meter,reading,previous,used,verdict";
    let own = format!("{},{},", batch.date, batch.id);
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.remove(0), lines.pop().unwrap()), (head, format!("CONTROL,{}", want.len()).as_str()));
    let mut found: Vec<&str> = lines.iter().map(|l| l.strip_prefix(&own).unwrap_or(l)).collect();
    found.sort_unstable();
    want.sort_unstable();
    assert_eq!(found, want);
    let shown = serde_json::to_string(&h.office.meters(batch.date).await.unwrap()).unwrap();
    assert!(!plan.bills.iter().any(|b| shown.contains(b.account.reveal())), "masked: {shown}");
    h.close().await;
}
