//! Check conversion: the table of rules in its order, and files that prove, balanced and not.

use super::arc::*;
use super::*;
use crate::domain::{AccountFlag, BankAccount, Biller, Day, Origin};
use crate::formats::nacha;
use crate::grouping::CheckEvidence;

const MADE: &str = "2026-11-30T17:01:00Z";

fn profile(offset: Offset) -> ArcProfile {
    ArcProfile {
        enabled: true,
        billers: vec!["water".into(), "power".into()],
        offset,
        offset_routing: Some(RoutingNumber::new("011401494").unwrap()),
        offset_account: "123456789".into(),
        ..ArcProfile::default()
    }
}

fn check() -> Evidence {
    Evidence {
        document: DocumentId::of(&[b"one"]),
        seq: 1,
        kind: DocumentKind::Check,
        envelope: None,
        check: Some(CheckEvidence {
            micr: Some("A061000146A 12345678C 0101".into()),
            accepted: true,
            routing: Some("061000146".into()),
            routing_valid: Some(true),
            country: Some("US".into()),
            on_us: Some("12345678C 0101".into()),
            bank_account: Some(BankAccount::new("12345678")),
            serial: Some("0101".into()),
            ..CheckEvidence::default()
        }),
        stub: None,
        problems: Vec::new(),
        has_front: true,
        has_back: true,
        is_record: false,
        set_aside: None,
    }
}

fn around() -> Around {
    Around {
        origin: Some(Origin::Mail),
        billers: vec![Biller("water".into())],
        flags: vec![AccountFlag::Medical],
        has_twin: false,
    }
}

/// Statement P6: converted only if every rule holds; the first that does not is the reason.
#[test]
fn what_may_be_converted() {
    let told = |e: Evidence, a: Around, cents: i64, p: ArcProfile| match arc_eligible(&e, Cents::new(cents), &a, &p) {
        Ok(item) => format!("{} {} {}", item.routing.as_str(), item.account, item.serial),
        Err(why) => format!("{why:?}").split(['(', ' ']).next().unwrap_or_default().to_string(),
    };
    let on = || profile(Offset::None);
    let of = |change: &dyn Fn(&mut CheckEvidence)| {
        let mut e = check();
        change(e.check.as_mut().unwrap());
        told(e, around(), 100, on())
    };
    let beside = |change: &dyn Fn(&mut Around)| {
        let mut a = around();
        change(&mut a);
        told(check(), a, 100, on())
    };
    let amount = |cents: i64| told(check(), around(), cents, on());
    let good = "061000146 12345678 0101";
    let cases: Vec<(String, &str)> = vec![
        (amount(100), good),
        (amount(2_500_000), good),
        (amount(2_500_001), "Amount"),
        (amount(0), "Amount"),
        (amount(-1), "Amount"),
        (told(check(), around(), 2_000, ArcProfile { largest: Cents::new(1_000), ..on() }), "Amount"),
        // A profile cannot lift the limit of the rules.
        (told(check(), around(), 2_500_001, ArcProfile { largest: Cents::new(9_000_000), ..on() }), "Amount"),
        (told(check(), around(), 100, ArcProfile { enabled: false, ..on() }), "Off"),
        (told(Evidence { kind: DocumentKind::Stub, ..check() }, around(), 100, on()), "NotACheck"),
        (told(Evidence { check: None, ..check() }, around(), 100, on()), "NotACheck"),
        (told(Evidence { is_record: true, ..check() }, around(), 100, on()), "AtBank"),
        (beside(&|a| a.origin = Some(Origin::Dropbox)), good),
        (beside(&|a| a.origin = Some(Origin::Counter)), "Channel"),
        (beside(&|a| a.origin = None), "Channel"),
        (beside(&|a| a.billers.clear()), "NoBiller"),
        (beside(&|a| a.billers.push(Biller("power".into()))), good),
        (beside(&|a| a.billers.push(Biller("fiber".into()))), "NoNotice"),
        (beside(&|a| a.flags.push(AccountFlag::NoArc)), "OptedOut"),
        (beside(&|a| a.has_twin = true), "SeenBefore"),
        (of(&|c| c.country = Some("CA".into())), "Foreign"),
        (of(&|c| c.routing_valid = Some(false)), "Routing"),
        (of(&|c| c.routing_valid = None), "Routing"),
        (of(&|c| c.routing = Some("061000147".into())), "Routing"),
        (of(&|c| c.routing = None), "Routing"),
        (of(&|c| c.routing = Some("000000518".into())), "NoBank"),
        (of(&|c| c.routing = Some("800000006".into())), "NoBank"),
        (of(&|c| c.aux_on_us = Some("001234".into())), "Auxiliary"),
        (of(&|c| c.aux_on_us = Some(" ".into())), good),
        (of(&|c| c.serial = None), "NoSerial"),
        (of(&|c| c.serial = Some("0000".into())), "NoSerial"),
        (of(&|c| c.serial = Some("01?1".into())), "LineIncomplete"),
        (of(&|c| c.serial = Some("1".repeat(16))), "LineIncomplete"),
        (of(&|c| c.accepted = false), "LineIncomplete"),
        (of(&|c| c.micr = Some("A061000146A 1?345678C 0101".into())), "LineIncomplete"),
        (of(&|c| c.bank_account = None), "LineIncomplete"),
        (of(&|c| c.bank_account = Some(BankAccount::new("1".repeat(18)))), "LineIncomplete"),
        (of(&|c| c.bank_account = Some(BankAccount::new("00-12 34"))), "061000146 00-1234 0101"),
        (of(&|c| c.epc = Some("4".into())), "ExternalCode"),
    ];
    for (number, (verdict, wanted)) in cases.iter().enumerate() {
        assert_eq!(verdict, wanted, "case {number}");
    }
}

#[test]
fn a_file_proves_and_is_the_same_again() {
    let date: Day = "2026-11-25".parse().unwrap();
    let make = |offset: Offset, number: u32| {
        let p = profile(offset);
        let items: Vec<(ArcItem, String)> = (1..=3u64)
            .map(|n| {
                let e = Evidence { document: DocumentId::of(&[&n.to_be_bytes()]), ..check() };
                let item = arc_eligible(&e, Cents::new(n as i64 * 1000), &around(), &p).unwrap();
                (item, trace_number(&p, 40 + n))
            })
            .collect();
        arc_file(&p, &items, (date, MADE), number, &trace_number(&p, 44)).unwrap()
    };
    for (offset, credit, batches, warnings) in
        [(Offset::None, 0, 1, 0), (Offset::CcdBatch, 6000, 2, 0), (Offset::SameBatch, 6000, 1, 1)]
    {
        let file = make(offset, 1);
        assert_eq!((file.count, file.total), (3, Cents::new(6000)));
        assert_eq!(file.items[0].sequence, "061000140000041");
        assert_eq!(file.bytes(), make(offset, 1).bytes());
        assert_ne!(file.bytes(), make(offset, 2).bytes(), "another file id modifier");
        let read = nacha::scan(&mut file.bytes(), &mut |_| {}).unwrap();
        assert_eq!((read.faults.errors, read.faults.warnings), (0, warnings), "{offset:?} {:?}", read.faults.list());
        assert_eq!((read.totals.credit, read.batches), (Cents::new(credit), batches));
        let text = String::from_utf8(file.bytes().to_vec()).unwrap();
        // Thanksgiving is no banking day.
        assert_eq!(text.lines().nth(1).map(|l| l[69..75].to_string()).as_deref(), Some("261127"));
        assert!(text.lines().all(|l| l.len() == 94) && text.lines().count().is_multiple_of(10));
    }
    let p = ArcProfile { offset_account: String::new(), ..profile(Offset::CcdBatch) };
    let item = arc_eligible(&check(), Cents::new(1), &around(), &p).unwrap();
    let items = [(item, trace_number(&p, 1))];
    assert_eq!(arc_file(&p, &items, (date, MADE), 1, "061000140000002").unwrap_err(), ArcError::NoOffsetAccount);
    assert_eq!(arc_file(&p, &[], (date, MADE), 1, "").unwrap_err(), ArcError::Empty);
    assert!(matches!(arc_file(&profile(Offset::None), &items, (date, MADE), 37, ""), Err(ArcError::TooMany(37))));
    // A trace that does not ascend, or that is another bank's, is found before the file may leave.
    let twice = [items[0].clone(), items[0].clone()];
    assert!(matches!(arc_file(&profile(Offset::None), &twice, (date, MADE), 1, ""), Err(ArcError::NotProved(_))));
    let foreign = [(items[0].0.clone(), "091000010000001".to_string())];
    assert!(matches!(arc_file(&profile(Offset::None), &foreign, (date, MADE), 1, ""), Err(ArcError::NotProved(_))));
}

#[test]
fn names_come_out_as_banks_take_them() {
    for (text, width, wanted) in [
        ("Électricité d'Été", 16, "ELECTRICITE D'ET"),
        ("Valley\tWater", 16, "VALLEY WATER"),
        ("水 Utility", 16, "  UTILITY"),
        ("a–b", 16, "A-B"),
    ] {
        assert_eq!(plain(text, width), wanted);
    }
    assert_eq!(trace_number(&ArcProfile::default(), 9_999_999), "061000149999999");
    assert_eq!(trace_number(&ArcProfile::default(), 10_000_000), "061000140000001");
}
