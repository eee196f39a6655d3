//! What is known of one document once the decoder, the scanner, the file it came in and the people have spoken. Two
//! sources that say different things make a problem; a check's amount never comes from the stub.

use super::{CheckEvidence, Evidence, StubEvidence};
use crate::domain::micr_line::{leading_serial, overlay, squeeze};
use crate::domain::{
    AccountNumber, AmountSource, BankAccount, BarcodeRead, Biller, Cents, Day, Decision, Document, DocumentKind,
    ImageRole, MicrFields, Problem, Reading, Reason, ScanlineRead,
};

/// What is known of a document. `readings` are the decoder's (a front first; the back when sides were swapped);
/// `decisions` are all of its transaction's (those of other documents are passed over). A `key-scanline` decision carries
/// the fields of the keyed line (`account`, `biller`, `amount_due`, ..), put there by whoever knows the layouts.
///
/// Trust in amounts: person, record, MICR, station, optical. A check's amount never comes from the stub.
pub fn evidence(document: &Document, readings: &[Reading], decisions: &[Decision]) -> Evidence {
    if document.images.iter().any(|i| i.role == ImageRole::Replaced) {
        // Scanned again: what the earlier scan showed no longer counts.
        let current: Vec<Reading> = readings.iter().filter(|r| !document.is_replaced(&r.file)).cloned().collect();
        let mut now = document.clone();
        now.images.retain(|i| i.role != ImageRole::Replaced);
        return evidence(&now, &current, decisions);
    }
    let keyed: Vec<&Decision> =
        decisions.iter().filter(|d| d.fields.get("document").is_some_and(|x| *x == document.id.as_str())).collect();
    let said = |name: &str| keyed.iter().rev().find(|d| d.name == name).copied();
    let mut problems: Vec<Problem> = Vec::new();
    for problem in readings.iter().flat_map(|r| &r.problems) {
        if !problems.iter().any(|p| p.code == problem.code) {
            problems.push(problem.clone());
        }
    }
    let has = |roles: [ImageRole; 2]| document.images.iter().any(|i| roles.contains(&i.role));
    let has_front = has([ImageRole::Front, ImageRole::FrontGray]);
    let has_back = has([ImageRole::Back, ImageRole::BackGray]);
    let is_record = document.images.is_empty();
    let kind = kind(document, readings, said("key-micr").is_some(), said("key-scanline").is_some());
    let mut check = None;
    let mut stub = None;
    match kind {
        DocumentKind::Check => {
            let mut c = check_line(document, readings, said("key-micr"), &mut problems);
            c.currency = document.remittance.as_ref().and_then(|r| r.currency.clone());
            check_amount(document, readings, said("key-amount"), &mut c, &mut problems);
            if !is_record && !has_back {
                problems.push(Problem::new(Reason::RearMissing, "there is no picture of this check's back"));
            }
            check = Some(c);
        }
        DocumentKind::Stub => {
            stub = Some(stub_of(document, readings, said("key-scanline"), &mut problems));
            problems.retain(|p| !matches!(p.code, Reason::MicrUnreadable | Reason::RoutingInvalid));
        }
        DocumentKind::CashTicket => {
            let mut c = CheckEvidence::default();
            check_amount(document, readings, said("key-amount"), &mut c, &mut problems);
            problems.retain(|p| !matches!(p.code, Reason::MicrUnreadable | Reason::RoutingInvalid));
            check = Some(c);
        }
        DocumentKind::Back | DocumentKind::Unknown => {
            let told =
                problems.iter().any(|p| matches!(p.code, Reason::DocumentUnidentified | Reason::ImageUnreadable));
            if !told {
                let message = "neither a check nor a stub could be made out";
                problems.push(Problem::new(Reason::DocumentUnidentified, message));
            }
        }
        DocumentKind::BatchHeader | DocumentKind::Correspondence => {
            problems.retain(|p| matches!(p.code, Reason::ImageUnreadable));
        }
    }
    problems.sort_by_key(|p| p.code);
    Evidence {
        document: document.id.clone(),
        seq: document.seq,
        kind,
        envelope: document.envelope,
        check,
        stub,
        problems,
        has_front,
        has_back,
        is_record,
        set_aside: said("set-aside").map(|d| d.fields.get("note").cloned().unwrap_or_default()),
    }
}

/// A person's word, then the decoder's where it has proof (an accepted line), then the source's, then the decoder's guess.
fn kind(document: &Document, readings: &[Reading], keyed_line: bool, keyed_scanline: bool) -> DocumentKind {
    if keyed_line {
        return DocumentKind::Check;
    }
    // Beside a check a bank file tells the payer; a remittance line by itself is a stub.
    if keyed_scanline || (document.remittance.is_some() && document.kind_hint != Some(DocumentKind::Check)) {
        return DocumentKind::Stub;
    }
    if readings.iter().any(|r| r.micr.as_ref().is_some_and(|m| m.accepted)) {
        return DocumentKind::Check;
    }
    let is_stub = |r: &Reading| {
        r.scanline.as_ref().is_some_and(|s| s.accepted && s.layout.is_some())
            || r.barcodes.iter().any(|b| b.layout.is_some())
    };
    if readings.iter().any(is_stub) {
        return DocumentKind::Stub;
    }
    if let Some(hint) = document.kind_hint.filter(|k| *k != DocumentKind::Unknown) {
        return hint;
    }
    let guess = readings
        .iter()
        .filter(|r| !matches!(r.kind, DocumentKind::Unknown | DocumentKind::Back))
        .max_by(|a, b| a.kind_confidence.total_cmp(&b.kind_confidence));
    if let Some(reading) = guess {
        return reading.kind;
    }
    // The scanner's magnetic head found a line with a routing number: only checks have one.
    let magnetic = document.station_micr.as_deref().map(MicrFields::of_line);
    if magnetic.is_some_and(|m| m.routing_valid == Some(true) || m.country.as_deref() == Some("CA")) {
        return DocumentKind::Check;
    }
    match readings.first() {
        Some(r) if r.kind == DocumentKind::Back => DocumentKind::Back,
        _ => DocumentKind::Unknown,
    }
}

/// The account line: the optical reads and the magnetic read laid over each other.
fn check_line(
    document: &Document,
    readings: &[Reading],
    keyed: Option<&Decision>,
    problems: &mut Vec<Problem>,
) -> CheckEvidence {
    let line_reasons = [Reason::MicrUnreadable, Reason::RoutingInvalid, Reason::MicrMismatch];
    if let Some(text) = keyed.and_then(|d| d.fields.get("text")) {
        problems.retain(|p| !line_reasons.contains(&p.code));
        let fields = MicrFields::of_line(text);
        return line_evidence(text.clone(), fields, true, problems);
    }
    let mut optical: Vec<_> = readings.iter().filter_map(|r| r.micr.as_ref()).collect();
    optical.sort_by(|a, b| b.accepted.cmp(&a.accepted).then(b.confidence.total_cmp(&a.confidence)));
    let station = document.station_micr.as_deref().map(squeeze).filter(|s| s.bytes().any(|b| b.is_ascii_digit()));
    let whole = |s: &str| !s.contains('?');
    let Some(best) = optical.first() else {
        let Some(station) = station else {
            // A transfer that a bank file tells with its payer has no account line, and needs none: the bank has the money.
            if document.images.is_empty() && document.amount_is_recorded && document.remittance.is_some() {
                return CheckEvidence::default();
            }
            if !problems.iter().any(|p| line_reasons.contains(&p.code)) {
                problems.push(Problem::new(Reason::MicrUnreadable, "no account line was found on this check"));
            }
            return CheckEvidence::default();
        };
        // A record stands for itself; a magnetic read alone, without a picture that agrees, does not.
        let fields = MicrFields::of_line(&station);
        let good = (document.images.is_empty() || document.amount_is_recorded) && whole(&station);
        if !good && !problems.iter().any(|p| line_reasons.contains(&p.code)) {
            let message = "only the scanner's magnetic head read the account line; the picture does not show it";
            problems.push(Problem::new(Reason::MicrUnreadable, message));
        }
        return line_evidence(station, fields, good, problems);
    };
    let rival = optical[1..].iter().find(|m| m.accepted && best.accepted && squeeze(&m.text) != squeeze(&best.text));
    if rival.is_some() {
        problems.retain(|p| p.code != Reason::MicrMismatch);
        problems.push(Problem::new(Reason::MicrMismatch, "the two pictures of this check read differently"));
        return line_evidence(best.text.clone(), best.fields.clone(), false, problems);
    }
    if best.accepted {
        problems.retain(|p| !line_reasons.contains(&p.code));
        if let Some(station) = station.filter(|s| differs(&best.text, s)) {
            let magnetic = MicrFields::of_line(&station);
            // A magnetic read whose own routing number fails is known to be the wrong one of the two.
            if magnetic.routing_valid != Some(false) && magnetic.routing.is_some() {
                let message = "the scanner's magnetic read and the picture of the account line differ";
                problems.push(Problem::new(Reason::MicrMismatch, message));
                return line_evidence(best.text.clone(), best.fields.clone(), false, problems);
            }
        }
        return line_evidence(best.text.clone(), best.fields.clone(), true, problems);
    }
    // Not accepted alone: the magnetic read may fill what the picture could not show, if at least half agrees.
    if let Some(station) = &station {
        let seen = squeeze(&best.text);
        let known = seen.chars().filter(|c| *c != '?').count();
        let line = overlay(&seen, station)
            .filter(|_| known * 2 >= seen.chars().count())
            .or_else(|| (squeeze(&best.best) == *station).then(|| station.clone()));
        if let Some(line) = line.filter(|l| whole(l)) {
            let fields = MicrFields::of_line(&line);
            let holds = fields.routing_valid != Some(false) && fields.country.is_some();
            if holds && fields.account.is_some() {
                problems.retain(|p| !line_reasons.contains(&p.code));
                return line_evidence(line, fields, true, problems);
            }
        }
    }
    if best.fields.routing_valid == Some(false) && whole(&best.text) {
        problems.retain(|p| p.code != Reason::MicrUnreadable);
    } else if !problems.iter().any(|p| line_reasons.contains(&p.code)) {
        problems.push(Problem::new(Reason::MicrUnreadable, "characters of the account line could not be read"));
    }
    line_evidence(best.text.clone(), best.fields.clone(), false, problems)
}

/// Do a picture's line and a magnetic read contradict each other? Rejected characters and symbols lost by the head do not.
fn differs(optical: &str, station: &str) -> bool {
    if overlay(optical, station).is_some() || station.contains('?') && squeeze(optical).len() != station.len() {
        return false;
    }
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    station.contains('?') || digits(optical) != digits(station)
}

fn line_evidence(text: String, mut fields: MicrFields, accepted: bool, problems: &mut Vec<Problem>) -> CheckEvidence {
    if fields.serial.is_none() && fields.aux_on_us.is_none() {
        let split = fields.on_us.as_deref().and_then(|o| leading_serial(o.trim().strip_suffix('C')?));
        if let Some((serial, account)) = split {
            (fields.serial, fields.account) = (Some(serial), Some(account));
        }
    }
    let failed = fields.routing_valid == Some(false);
    if failed && !problems.iter().any(|p| p.code == Reason::RoutingInvalid) {
        let message = "the check digit of the routing number on this check does not hold";
        problems.push(Problem::new(Reason::RoutingInvalid, message));
    }
    let complete = fields.routing.is_some() && fields.account.is_some();
    if accepted && !complete && !problems.iter().any(|p| p.code == Reason::MicrUnreadable) {
        let message = "the account line has no routing number or no account";
        problems.push(Problem::new(Reason::MicrUnreadable, message));
    }
    CheckEvidence {
        micr: Some(text),
        accepted: accepted && !failed && complete,
        routing: fields.routing,
        routing_valid: fields.routing_valid,
        bank_account: fields.account.map(BankAccount::new),
        serial: fields.serial.or_else(|| fields.aux_on_us.clone()),
        aux_on_us: fields.aux_on_us,
        epc: fields.epc,
        on_us: fields.on_us,
        country: fields.country,
        currency: None,
        amount: fields.amount,
        amount_source: fields.amount.map(|_| AmountSource::Micr),
        amount_accepted: accepted,
    }
}

/// The amount by trust; sources that disagree make it uncertain, and a person's word ends it.
fn check_amount(
    document: &Document,
    readings: &[Reading],
    keyed: Option<&Decision>,
    check: &mut CheckEvidence,
    problems: &mut Vec<Problem>,
) {
    let told = [Reason::AmountUnknown, Reason::AmountUncertain];
    if let Some(amount) = keyed.and_then(|d| d.fields.get("amount")).and_then(|a| a.parse::<Cents>().ok()) {
        problems.retain(|p| !told.contains(&p.code) && p.code != Reason::WordsFiguresDiffer);
        (check.amount, check.amount_source, check.amount_accepted) = (Some(amount), Some(AmountSource::Person), true);
        return;
    }
    let mut sources: Vec<(AmountSource, Cents, bool)> = Vec::new();
    if let Some(amount) = document.station_amount {
        let source = if document.amount_is_recorded { AmountSource::Record } else { AmountSource::Station };
        sources.push((source, amount, true));
    }
    if let Some(amount) = check.amount {
        sources.push((AmountSource::Micr, amount, check.amount_accepted));
    }
    for read in readings.iter().map(|r| &r.amount) {
        if let Some(amount) = read.value {
            sources.push((read.source.unwrap_or(AmountSource::Optical), amount, read.accepted));
        }
    }
    sources.sort_by(|a, b| b.2.cmp(&a.2).then(b.0.cmp(&a.0)));
    problems.retain(|p| !told.contains(&p.code));
    let Some(&(source, amount, accepted)) = sources.first() else {
        problems
            .push(Problem::new(Reason::AmountUnknown, "the amount of this check is not known; key it from the image"));
        return;
    };
    let rival = sources.iter().find(|s| s.1 != amount && s.2);
    let in_range = amount.is_positive() && amount <= Cents::MAX_ITEM;
    (check.amount, check.amount_source) = (Some(amount), Some(source));
    check.amount_accepted = accepted && in_range && rival.is_none();
    if let Some(rival) = rival {
        let message = format!("{} says {}, {} says {}", says(source), amount, says(rival.0), rival.1);
        problems.push(Problem::new(Reason::AmountUncertain, message));
    } else if !in_range {
        let message = format!("{} says {amount}, which cannot be the amount of a check", says(source));
        problems.push(Problem::new(Reason::AmountUncertain, message));
    } else if !accepted {
        let message = format!("{} says {amount}, but not surely enough", says(source));
        problems.push(Problem::new(Reason::AmountUncertain, message));
    }
}

fn says(source: AmountSource) -> &'static str {
    match source {
        AmountSource::Optical => "the reading of the amount field",
        AmountSource::Station => "the capture station",
        AmountSource::Micr => "the account line",
        AmountSource::Record => "the file's record",
        AmountSource::Person => "a person",
    }
}

/// A stub by its scanline and barcodes; both must agree where both speak.
fn stub_of(
    document: &Document,
    readings: &[Reading],
    keyed: Option<&Decision>,
    problems: &mut Vec<Problem>,
) -> StubEvidence {
    let reading_reasons = [Reason::ScanlineUnreadable, Reason::CheckDigitFailed, Reason::BarcodeScanlineMismatch];
    if let Some(decision) = keyed.filter(|d| d.fields.contains_key("account")) {
        problems.retain(|p| !reading_reasons.contains(&p.code));
        let mut stub = by_fields(&decision.fields, decision.fields.get("biller").map(String::as_str));
        (stub.accepted, stub.keyed) = (true, true);
        return stub;
    }
    if let Some(line) = &document.remittance {
        problems.retain(|p| !reading_reasons.contains(&p.code));
        let some = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(String::from);
        let account = some(&line.account);
        return StubEvidence {
            biller: some(&line.biller).map(Biller),
            accepted: account.is_some() || line.invoice.is_some(),
            account: account.map(AccountNumber::new),
            invoice: some(&line.invoice),
            paid: line.amount,
            ..StubEvidence::default()
        };
    }
    let scanlines: Vec<&ScanlineRead> = readings.iter().filter_map(|r| r.scanline.as_ref()).collect();
    let barcodes: Vec<&BarcodeRead> =
        readings.iter().flat_map(|r| &r.barcodes).filter(|b| b.layout.is_some()).collect();
    let mut good: Vec<StubEvidence> = Vec::new();
    let mut doubtful: Vec<StubEvidence> = Vec::new();
    for scanline in &scanlines {
        let mut stub = by_fields(&scanline.fields, scanline.biller.as_deref());
        stub.check_digit_failed = scanline.check_digits.iter().any(|c| !c.ok);
        stub.accepted = scanline.accepted && !stub.check_digit_failed && scanline.layout.is_some();
        if stub.accepted { &mut good } else { &mut doubtful }.push(stub);
    }
    for barcode in &barcodes {
        let mut stub = by_fields(&barcode.fields, barcode.biller.as_deref());
        stub.check_digit_failed = barcode.check_digits.iter().any(|c| !c.ok);
        stub.accepted = !stub.check_digit_failed;
        if stub.accepted { &mut good } else { &mut doubtful }.push(stub);
    }
    let mut merged: Option<StubEvidence> = None;
    let mut mismatch = false;
    for stub in &good {
        match &mut merged {
            None => merged = Some(stub.clone()),
            Some(m) => mismatch |= !absorb(m, stub),
        }
    }
    // A line that was read in full, with a failing check digit, against a barcode that holds: they disagree.
    let contradicted = |m: &StubEvidence| {
        doubtful.iter().any(|d| {
            d.check_digit_failed && d.account.is_some() && d.account != m.account && !said_unreadable(&scanlines)
        })
    };
    if merged.as_ref().is_some_and(contradicted) {
        mismatch = true;
    }
    problems.retain(|p| p.code != Reason::BarcodeScanlineMismatch);
    if mismatch {
        let message = "the barcode and the printed line of this stub say different things";
        problems.push(Problem::new(Reason::BarcodeScanlineMismatch, message));
    }
    match merged {
        Some(mut stub) => {
            // Of two stubs on one image neither is taken for the one that was paid.
            stub.accepted = !mismatch && !readings.iter().any(|r| r.quality.piggyback);
            if !mismatch {
                problems.retain(|p| !reading_reasons.contains(&p.code));
            }
            stub
        }
        None => {
            let failed = doubtful.iter().any(|d| d.check_digit_failed);
            let told = problems.iter().any(|p| reading_reasons.contains(&p.code));
            if failed && !told {
                let message = "the check digit of the printed line does not hold, so a digit is wrong";
                problems.push(Problem::new(Reason::CheckDigitFailed, message));
            } else if !told {
                problems
                    .push(Problem::new(Reason::ScanlineUnreadable, "the printed line of this stub could not be read"));
            }
            let mut stub = doubtful.into_iter().find(|d| d.account.is_some()).unwrap_or_default();
            stub.accepted = false;
            stub
        }
    }
}

fn said_unreadable(scanlines: &[&ScanlineRead]) -> bool {
    scanlines.iter().any(|s| s.text.contains('?'))
}

/// Takes over what `other` adds; false where the two contradict each other.
fn absorb(stub: &mut StubEvidence, other: &StubEvidence) -> bool {
    fn take<T: Clone + PartialEq>(mine: &mut Option<T>, other: &Option<T>) -> bool {
        match (mine.as_ref(), other) {
            (Some(a), Some(b)) => a == b,
            (None, Some(b)) => {
                *mine = Some(b.clone());
                true
            }
            (_, None) => true,
        }
    }
    [
        take(&mut stub.account, &other.account),
        take(&mut stub.bill, &other.bill),
        take(&mut stub.invoice, &other.invoice),
        take(&mut stub.amount_due, &other.amount_due),
        take(&mut stub.amount_late, &other.amount_late),
        take(&mut stub.amount_past, &other.amount_past),
        take(&mut stub.due_date, &other.due_date),
        take(&mut stub.biller, &other.biller),
    ]
    .into_iter()
    .all(|agrees| agrees)
}

fn by_fields(fields: &std::collections::BTreeMap<String, String>, biller: Option<&str>) -> StubEvidence {
    let text = |name: &str| fields.get(name).map(|t| t.trim()).filter(|t| !t.is_empty() && !t.contains('?'));
    let cents = |name: &str| text(name).and_then(whole_cents);
    StubEvidence {
        biller: biller.map(|b| Biller(b.to_string())),
        account: text("account").map(AccountNumber::new),
        bill: text("bill").map(String::from),
        invoice: text("invoice").map(String::from),
        amount_due: cents("amount_due"),
        amount_late: cents("amount_late"),
        amount_past: cents("amount_past"),
        due_date: text("due_date").and_then(|t| t.parse::<Day>().or_else(|_| Day::from_compact(t)).ok()),
        ..StubEvidence::default()
    }
}

/// `00007672` on a stub is 76.72; a person may key `76.72`.
fn whole_cents(text: &str) -> Option<Cents> {
    if text.contains('.') {
        return text.parse().ok();
    }
    let short = text.len() <= 13 && text.bytes().all(|b| b.is_ascii_digit());
    short.then(|| text.parse().ok().map(Cents::new)).flatten()
}
