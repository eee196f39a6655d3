//! Eligibility as a table; a letter of two checks read back, byte-equal when made again.

use super::*;
use crate::formats::x9;
use crate::grouping::CheckEvidence;
use crate::imaging::Gray;

fn evidence(routing: &str, on_us: &str, change: impl FnOnce(&mut Evidence)) -> Evidence {
    let check = CheckEvidence {
        accepted: true,
        routing: Some(routing.into()),
        routing_valid: (routing.len() == 9 && !routing.contains('-')).then(|| RoutingNumber::new(routing).is_ok()),
        country: Some(if routing.find('-') == Some(5) { "CA" } else { "US" }.into()),
        on_us: Some(on_us.into()),
        ..CheckEvidence::default()
    };
    let mut e = Evidence {
        document: DocumentId::of(&[on_us.as_bytes()]),
        seq: 1,
        kind: DocumentKind::Check,
        envelope: None,
        check: Some(check),
        stub: None,
        problems: Vec::new(),
        has_front: true,
        has_back: true,
        is_record: false,
        set_aside: None,
    };
    change(&mut e);
    e
}

#[test]
fn what_may_be_deposited_as_an_image() {
    let verdict = |e: Evidence, cents: i64| match eligible(&e, Cents::new(cents)) {
        Ok(item) => format!("{} {}", item.routing, item.on_us),
        Err(why) => why.to_string(),
    };
    let plain = |routing: &str| evidence(routing, "12345678C 0101", |_| {});
    let cases = [
        (plain("061000146"), 100, "061000146 12345678/0101"),
        (plain("0610-0014"), 100, "061000146 12345678/0101"),
        (plain("061000147"), 100, "its routing number does not hold"),
        (plain("87886-849"), 100, "it is drawn on a bank in CA"),
        (plain("061000146"), 0, "an amount of 0.00 does not fit an image cash letter"),
        (plain("061000146"), 10_000_000_000, "an amount of 100000000.00 does not fit an image cash letter"),
        (evidence("061000146", "1?345C", |_| {}), 1, "its account line is not complete"),
        (evidence("061000146", "1C", |e| e.has_back = false), 1, "its front or back image is missing"),
        (evidence("061000146", "1C", |e| e.is_record = true), 1, "the bank has it already (lockbox or bank file)"),
        (evidence("061000146", "1C", |e| e.kind = DocumentKind::Stub), 1, "it is not a check"),
        (evidence("061000146", "123456789012345678901C", |_| {}), 1, "its account line is not complete"),
    ];
    for (e, cents, wanted) in cases {
        assert_eq!(verdict(e, cents), wanted);
    }
}

fn picture(ink: u8) -> Vec<u8> {
    let mut page = Gray::new(1200, 550);
    for x in 100..400 {
        for y in 100..110 + usize::from(ink) {
            page.set(x, y, 0);
        }
    }
    crate::imaging::jpeg::write_gray(&page, 80, 200).unwrap()
}

/// A letter made at one go and proved.
fn letter_of(
    profile: &Profile,
    items: &[(IclItem, CheckImages)],
    number: u32,
    created: &str,
) -> Result<(CashLetter, Vec<u8>), LetterError> {
    let total = Cents::sum(items.iter().map(|(item, _)| item.amount))?;
    let mut maker = LetterMaker::begin(profile, total, "2026-11-30".parse().unwrap(), number, created)?;
    let mut bytes = Vec::new();
    for (item, images) in items {
        maker.add(item, images)?;
        bytes.append(&mut maker.take());
    }
    let (unproved, end) = maker.finish()?;
    bytes.extend(end);
    unproved.reads_back(&mut &*bytes)?;
    unproved.adds_up(&mut &*bytes)?;
    for at in [130, bytes.len() / 2, bytes.len() - 60] {
        let mut touched = bytes.clone();
        touched[at] ^= 1;
        let wrong = unproved.reads_back(&mut &*touched).and(unproved.adds_up(&mut &*touched));
        assert!(at == 130 || wrong.is_err(), "a change at {at} is not seen");
    }
    Ok((unproved.letter(), bytes))
}

#[test]
fn a_letter_proves_and_is_the_same_again() {
    let images = |ink| CheckImages {
        front: for_bank(&picture(ink), 0, 200).unwrap(),
        back: for_bank(&picture(ink + 1), 180, 0).unwrap(),
    };
    let item = |n: i64| {
        let e = evidence("061000146", &format!("1234{n}C 0101"), |_| {});
        (eligible(&e, Cents::new(n)).unwrap(), images(n as u8))
    };
    let items = [item(10), item(25)];
    let make = |number| letter_of(&Profile::default(), &items, number, "2026-11-30T17:05:00Z").unwrap();
    let (letter, bytes) = make(1);
    assert_eq!((letter.count, letter.total), (2, Cents::new(35)));
    assert_eq!(letter.items[0].sequence, "202611300100001");
    assert_eq!(bytes, make(1).1);
    let file = x9::read(&bytes).unwrap();
    assert!(file.is_valid());
    assert_eq!(file.items.len(), 2);
    let sequences: std::collections::BTreeSet<String> =
        make(1).0.items.into_iter().chain(make(2).0.items).map(|i| i.sequence).collect();
    assert_eq!(sequences.len(), 4, "no sequence number twice on a day");
    let usual = Profile::default();
    let refused = |items, number, created| letter_of(&usual, items, number, created).unwrap_err();
    assert_eq!(refused(&[], 1, "2026-11-30T17:05:00Z"), LetterError::Empty);
    assert_eq!(refused(&items, 1, "today"), LetterError::Instant("today".into()));
    assert_eq!(refused(&items, 100, "2026-11-30T17:05:00Z"), LetterError::TooMany(100));
}

/// Every profile that comes with the program makes a letter that proves, twice the same, and says what it should.
#[test]
fn the_included_profiles_make_letters() {
    let item = |n: i64| {
        let e = evidence("061000146", &format!("1234{n}C 0101"), |_| {});
        let images = CheckImages {
            front: for_bank(&picture(n as u8), 0, 200).unwrap(),
            back: for_bank(&picture(1), 0, 200).unwrap(),
        };
        (eligible(&e, Cents::new(n)).unwrap(), images)
    };
    let items = [item(10), item(25)];
    for (profile, shape) in Profile::included().iter().zip(["03 2 35 0 4", "03 2 35 1 4", "35 2 35 0 4", "03 3 70 0 6"])
    {
        let make = || letter_of(profile, &items, 1, "2026-11-30T17:05:00Z").unwrap();
        let (letter, bytes) = make();
        assert_eq!(bytes, make().1, "{}", profile.name);
        assert_eq!((letter.count, letter.total, letter.items.len()), (2, Cents::new(35), 2));
        let s = x9::read(&bytes).unwrap().summary;
        let level = s.header.unwrap().standard_level.text();
        let told = format!("{level} {} {} {} {}", s.checks, s.check_total.get(), s.credits, s.images);
        assert_eq!((told.as_str(), s.faults.list()), (shape, &[][..]), "{}", profile.name);
    }
}

#[test]
fn images_come_out_as_the_bank_takes_them() {
    let page = crate::imaging::load(&for_bank(&picture(3), 90, 300).unwrap(), 0).unwrap();
    assert_eq!((page.dpi, page.raster.width(), page.raster.height()), (Some(200), 367, 800));
    assert!(for_bank(b"no image", 0, 200).is_err());
}
