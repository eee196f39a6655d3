//! An image cash letter from a remote capture product: each check (type 25) is a document with its images, its amount and
//! its account line. Where the file holds several credits, the checks of one credit are one envelope; else each check is
//! its own. Returns are not taken in here and are named.

use std::io::Read;

use crate::domain::{Cents, Control, Day, DocumentKind, ImageRole};
use crate::formats::fault::Fault;
use crate::formats::x9::{self, Item, Letter, Piece, Summary};

use super::{ImageSource, Intake, IntakeDocument, IntakeError, MOST_DOCUMENTS, SourceKind, fingerprint, too_many};

/// A check on its way into an intake: what is needed of it, its images still places in the file.
struct Check {
    record: u64,
    letter: usize,
    amount: Option<Cents>,
    key: String,
    document: IntakeDocument,
}

/// Record and letter of a credit.
type CreditPlace = (u64, usize);

/// Takes a file, one intake per cash letter that holds checks. A file that breaks a rule is taken in with its faults, so that
/// a person sees it; they hold every letter of it, since its totals speak of all.
pub fn x9(bytes: &[u8]) -> Result<Vec<Intake>, IntakeError> {
    x9_from(&mut &*bytes)
}

/// The same from a source of any size: memory grows with the checks, never with their images.
pub fn x9_from(source: &mut dyn Read) -> Result<Vec<Intake>, IntakeError> {
    let (mut checks, mut credits, mut unkept): (Vec<Check>, Vec<CreditPlace>, bool) = (Vec::new(), Vec::new(), false);
    let summary = x9::scan(source, &mut |piece| match piece {
        Piece::Item(item) if item.is_check() && checks.len() < MOST_DOCUMENTS => checks.push(check(&item)),
        Piece::Item(item) => unkept |= item.is_check(),
        Piece::Credit(credit) if credits.len() < MOST_DOCUMENTS => credits.push((credit.record, credit.letter)),
        Piece::Credit(_) => unkept = true,
    })
    .map_err(|fault| IntakeError::Refused(vec![fault]))?;
    let mut problems = summary.faults.list().to_vec();
    if unkept {
        problems.push(too_many());
    }
    if summary.returns > 0 {
        let message = format!("{} returned items are in the file; they are not payments", summary.returns);
        problems.push(Fault::error("returns", message));
    }
    if summary.header.is_some_and(|h| h.test_indicator.text() == "T") {
        problems.push(Fault::warning("test-file", "the file is marked as a test (T in column 5 of record 01)"));
    }
    if checks.is_empty() {
        return Err(if summary.faults.errors > 0 || summary.returns > 0 {
            IntakeError::Refused(problems)
        } else {
            IntakeError::Empty
        });
    }
    let mut letters: Vec<Vec<Check>> = Vec::new();
    for check in checks {
        match letters.last_mut().filter(|l| l.last().is_some_and(|c| c.letter == check.letter)) {
            Some(letter) => letter.push(check),
            None => letters.push(vec![check]),
        }
    }
    Ok(letters.into_iter().map(|letter| intake(&summary, &credits, letter, &problems)).collect())
}

fn check(item: &Item) -> Check {
    let digits: String = item.on_us().chars().filter(char::is_ascii_digit).collect();
    Check {
        record: item.record,
        letter: item.letter,
        amount: item.amount(),
        key: format!("{} {} {:?} {}", item.routing(), digits, item.amount(), item.sequence()),
        document: document(item),
    }
}

fn intake(summary: &Summary, credits: &[CreditPlace], checks: Vec<Check>, problems: &[Fault]) -> Intake {
    let letter = checks.first().and_then(|c| c.letter.checked_sub(1)).and_then(|at| summary.letters.get(at));
    let control = control(summary, letter, &checks);
    let mut keys = Vec::with_capacity(checks.len());
    let mut documents = Vec::with_capacity(checks.len());
    for (seq, check) in (1..).zip(checks) {
        let envelope = Some(envelope_of(credits, &check, seq));
        keys.push(check.key);
        documents.push(IntakeDocument { seq, envelope, ..check.document });
    }
    let date: Option<Day> = letter.and_then(|l| l.header.business_date.day().ok().flatten());
    Intake {
        kind: SourceKind::X9,
        name: letter.map(|l| l.header.cash_letter_id.text()).filter(|id| !id.is_empty()),
        control,
        origin: None,
        date,
        business_fingerprint: fingerprint(SourceKind::X9, keys),
        documents,
        problems: problems.to_vec(),
    }
}

/// What the file's own control record says, or that of the letter where there are several; where credits are mixed into it,
/// what the items add up to.
fn control(summary: &Summary, letter: Option<&Letter>, checks: &[Check]) -> Control {
    let stated = match (summary.credits + summary.returns, summary.letters.len(), letter) {
        (0, 0 | 1, _) => summary.stated_items.zip(summary.stated_total),
        (0, _, Some(letter)) => letter.stated_items.zip(letter.stated_total),
        _ => None,
    };
    let count = checks.len() as u64;
    let (count, total) = match stated {
        Some((items, total)) => (items, Some(total)),
        None => (count, Cents::sum(checks.iter().filter_map(|c| c.amount)).ok()),
    };
    Control { count: u32::try_from(count).ok(), total, counts_documents: false }
}

/// Checks of one credit share an envelope where the file holds several credits.
fn envelope_of(credits: &[CreditPlace], check: &Check, seq: u32) -> u32 {
    if credits.len() < 2 {
        return seq;
    }
    // Credits stand in the file's order, before the checks that they cover; numbers of lone checks follow them.
    let before = credits.partition_point(|(record, _)| *record < check.record);
    match before.checked_sub(1).and_then(|at| credits.get(at)) {
        Some((_, letter)) if *letter == check.letter => u32::try_from(before).unwrap_or(u32::MAX),
        _ => u32::try_from(credits.len()).unwrap_or(0).saturating_add(seq),
    }
}

fn document(item: &Item) -> IntakeDocument {
    let mut images: Vec<(ImageRole, ImageSource)> = Vec::new();
    for view in item.views.iter().filter(|v| v.is_full_view()) {
        let Some(range) = &view.image else { continue };
        let (plain, gray) = if view.is_back() {
            (ImageRole::Back, ImageRole::BackGray)
        } else {
            (ImageRole::Front, ImageRole::FrontGray)
        };
        let taken = |role| images.iter().any(|(r, _)| *r == role);
        let role = if taken(plain) { gray } else { plain };
        if !taken(role) {
            images.push((role, ImageSource::Range { start: range.start, len: range.len() }));
        }
    }
    let line = x9::micr_text(item);
    IntakeDocument {
        kind_hint: Some(DocumentKind::Check),
        images,
        station_micr: Some(line).filter(|l| !l.is_empty()),
        station_amount: item.amount().filter(|amount| amount.is_positive()),
        amount_is_recorded: true,
        ..IntakeDocument::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Day, RoutingNumber};

    fn file(amounts: &[i64]) -> Vec<u8> {
        let day: Day = "2026-11-30".parse().unwrap();
        let routing = RoutingNumber::new("061000146").unwrap();
        let letter = x9::CashLetter {
            head: x9::LetterHead::first_of(day, "1705", "L7"),
            checks: (1..)
                .zip(amounts)
                .map(|(sequence, amount)| x9::OutgoingCheck {
                    routing: routing.clone(),
                    on_us: "12345678/0101".into(),
                    auxiliary_on_us: "77".into(),
                    external_processing_code: String::new(),
                    amount: Cents::new(*amount),
                    sequence,
                    front: b"II*\0front",
                    back: b"II*\0back",
                })
                .collect(),
        };
        x9::write(&letter, &x9::Profile::usual(&routing, "123456780")).unwrap()
    }

    #[test]
    fn checks_become_documents_with_images_and_lines() {
        let bytes = file(&[100, 250]);
        let intake = x9(&bytes).unwrap().remove(0);
        assert_eq!((intake.name.as_deref(), intake.date), (Some("L7"), Some("2026-11-30".parse().unwrap())));
        assert_eq!((intake.control.count, intake.control.total), (Some(2), Some(Cents::new(350))));
        assert_eq!(intake.problems, []);
        let second = &intake.documents[1];
        assert_eq!(second.station_micr.as_deref(), Some("C77C A061000146A 12345678C0101"));
        assert_eq!((second.seq, second.envelope, second.station_amount), (2, Some(2), Some(Cents::new(250))));
        let picture = |place: usize| match second.images[place] {
            (role, ImageSource::Range { start, len }) => (role, &bytes[start..start + len]),
            _ => panic!("a range"),
        };
        assert_eq!(picture(0), (ImageRole::Front, b"II*\0front".as_slice()));
        assert_eq!(picture(1), (ImageRole::Back, b"II*\0back".as_slice()));
    }

    #[test]
    fn the_same_content_in_another_wrapping_has_the_same_fingerprint() {
        let bytes = file(&[100, 250]);
        let padded = [bytes.as_slice(), &[0x40; 80]].concat();
        let print = |bytes: &[u8]| x9(bytes).unwrap()[0].business_fingerprint;
        assert_eq!(print(&bytes), print(&padded));
        assert_ne!(print(&bytes), print(&file(&[100, 251])));
    }

    #[test]
    fn a_damaged_file_is_taken_with_its_faults() {
        let mut bytes = file(&[100, 250]);
        let at = bytes.len() - 80 + 39;
        bytes[at] ^= 1;
        let intake = x9(&bytes).unwrap().remove(0);
        assert!(intake.problems.iter().any(|p| p.is_error() && p.code == "total"), "{:?}", intake.problems);
        assert_ne!(intake.control.total, Some(Cents::new(350)));
        assert!(matches!(x9(b"nothing"), Err(IntakeError::Refused(_))));
    }

    /// Two letters in one file: the records of the second stand before the file control of the first, whose sums count both.
    #[test]
    fn each_letter_of_a_file_is_an_intake() {
        let (one, two) = (file(&[100, 250]), file(&[7]));
        let whole = |bytes: &[u8]| x9::read(bytes).unwrap().summary;
        let (first, second) = (whole(&one), whole(&two));
        // Each record of these files has 84 bytes with its length word at both ends.
        let mut both = [&one[..one.len() - 84], &two[84..two.len() - 84]].concat();
        let mut control = String::from_utf8(b"99000002".to_vec()).unwrap();
        control.push_str(&format!("{:08}{:08}{:016}", first.records + second.records - 2, 3, 357));
        let mut control = format!("{control:<80}").into_bytes();
        crate::formats::ebcdic::CodePage::Ibm037.encode(&mut control);
        both.extend_from_slice(&80u32.to_be_bytes());
        both.extend_from_slice(&control);
        let intakes = x9(&both).unwrap();
        let told: Vec<_> = intakes.iter().map(|i| (i.documents.len(), i.control.count, i.control.total)).collect();
        assert_eq!(told, [(2, Some(2), Some(Cents::new(350))), (1, Some(1), Some(Cents::new(7)))]);
        assert!(intakes.iter().all(|i| i.problems.is_empty()), "{:?}", intakes[0].problems);
    }
}
