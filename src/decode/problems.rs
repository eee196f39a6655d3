//! What of a reading needs a person, in the order of harm. Nothing is raised for what is well: a false alarm stops a
//! payment that could go through.

use super::Request;
use crate::domain::{BarcodeRead, DocumentKind, MicrRead, Problem, Reading, Reason, RoutingNumber, ScanlineRead};
use crate::imaging::quality::Fault;

/// `seen`: the account line by the picture alone, before the magnetic read was laid beside it. `other`: what on the page
/// is another document's.
pub(super) fn raise(
    request: &Request,
    faults: &[Fault],
    seen: Option<&MicrRead>,
    other: Option<&str>,
    reading: &mut Reading,
) {
    let mut found = Vec::new();
    match reading.kind {
        DocumentKind::Check => {
            check(reading.micr.as_ref(), &mut found);
            if let (Some(magnetic), Some(seen)) = (request.magnetic, seen) {
                magnetic_differs(magnetic, seen, reading.micr.as_ref(), &mut found);
            }
        }
        DocumentKind::Stub => stub(reading.scanline.as_ref(), &reading.barcodes, request, &mut found),
        DocumentKind::Unknown => found.push(Problem::new(
            Reason::DocumentUnidentified,
            "no account line of a check, no line or barcode of a stub was found on it",
        )),
        DocumentKind::Back => found.push(Problem::new(
            Reason::DocumentUnidentified,
            "it is almost blank: the back of a document, or an empty sheet",
        )),
        DocumentKind::CashTicket | DocumentKind::BatchHeader | DocumentKind::Correspondence => {}
    }
    if matches!(reading.kind, DocumentKind::Check | DocumentKind::Stub) {
        for fault in faults.iter().filter(|f| f.stops()) {
            found.push(Problem::new(Reason::ImageQuality, fault.sentence()));
        }
    }
    if let Some(what) = other {
        let message = format!("{what}: two documents are on one image");
        found.push(Problem::new(Reason::ImageQuality, message));
    }
    reading.problems.extend(found);
    reading.problems.sort_by_key(|p| p.code);
}

fn check(micr: Option<&MicrRead>, found: &mut Vec<Problem>) {
    let Some(micr) = micr else {
        found.push(Problem::new(Reason::MicrUnreadable, "no account line could be read on this check"));
        return;
    };
    let fields = &micr.fields;
    let rejected = micr.text.chars().filter(|c| *c == '?').count();
    if rejected > 0 {
        let all = micr.chars.len();
        found.push(Problem::new(Reason::MicrUnreadable, format!("{rejected} of {all} characters were not read")));
    }
    let routing = fields.routing.as_deref().unwrap_or("");
    if fields.routing_valid == Some(false) {
        found.push(Problem::new(
            Reason::RoutingInvalid,
            format!("the check digit of routing number {routing} does not hold"),
        ));
    } else if RoutingNumber::new(routing).is_ok_and(|r| !r.prefix_is_issued()) {
        found.push(Problem::new(Reason::RoutingInvalid, format!("no bank's routing number begins like {routing}")));
    }
    if fields.country.as_deref() == Some("CA") {
        found.push(Problem::new(Reason::ForeignCheck, format!("the check is drawn on a Canadian bank ({routing})")));
    }
    if !micr.accepted && found.is_empty() {
        let percent = micr.confidence * 100.0;
        found.push(Problem::new(Reason::MicrUnreadable, format!("the account line is only {percent:.0}% sure")));
    }
}

/// The magnet and the picture tell of two different lines. Where one filled what the other rejected there is no problem.
fn magnetic_differs(magnetic: &str, seen: &MicrRead, both: Option<&MicrRead>, found: &mut Vec<Problem>) {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<Vec<char>>();
    let (heard, read) = (digits(magnetic), digits(&seen.best));
    if heard.len() < 12 || read.len() < 12 || seen.confidence < 0.5 {
        return;
    }
    let equal = heard.iter().zip(&read).filter(|(a, b)| a == b).count();
    let equal_from_end = heard.iter().rev().zip(read.iter().rev()).filter(|(a, b)| a == b).count();
    let share = equal.max(equal_from_end) as f32 / heard.len().max(read.len()) as f32;
    // Accepted together, a few characters apart: the picture left no doubt. Half of the line apart: another check.
    if share < 0.5 || (share < 1.0 && both.is_some_and(|b| !b.accepted) && !magnetic.contains('?') && seen.accepted) {
        let message = "the scanner's magnetic read and the picture show different account lines";
        found.push(Problem::new(Reason::MicrMismatch, message));
    }
}

fn stub(line: Option<&ScanlineRead>, barcodes: &[BarcodeRead], request: &Request, found: &mut Vec<Problem>) {
    let good = |b: &&BarcodeRead| b.layout.is_some() && b.check_digits.iter().all(|c| c.ok);
    let barcode = barcodes.iter().find(good);
    if let (Some(line), Some(barcode)) = (line.filter(|l| l.accepted), barcode)
        && line.layout == barcode.layout
        && let Some((name, ..)) = line.fields.iter().find(|(name, value)| {
            let other = barcode.fields.get(*name);
            *name != "check" && other.is_some_and(|o| o.trim_start_matches('0') != value.trim_start_matches('0'))
        })
    {
        let message = format!("the printed line and the barcode differ in {name}");
        found.push(Problem::new(Reason::BarcodeScanlineMismatch, message).at(line.bbox));
        return;
    }
    // One good source is enough to know whose stub it is.
    if barcode.is_some() {
        return;
    }
    let Some(line) = line else {
        if let Some(barcode) = barcodes.iter().find(|b| b.layout.is_some()) {
            let message = format!("a check digit of the {} does not hold", barcode.symbology);
            found.push(Problem::new(Reason::CheckDigitFailed, message).at(barcode.bbox));
        } else if !request.layouts.is_empty() {
            found.push(Problem::new(Reason::ScanlineUnreadable, "the stub fits none of the stub layouts"));
        }
        return;
    };
    if line.accepted {
        return;
    }
    let rejected = line.text.chars().filter(|c| *c == '?').count();
    let failed = line.check_digits.iter().filter(|c| !c.ok).count();
    let problem = match (rejected, failed) {
        (0, 0) => Problem::new(
            Reason::ScanlineUnreadable,
            match &line.layout {
                Some(_) => format!("the line is only {:.0}% sure", line.confidence * 100.0),
                None => "the line fits none of the stub layouts".to_string(),
            },
        ),
        (0, 1) => Problem::new(Reason::CheckDigitFailed, "a check digit of the line does not hold".to_string()),
        (0, n) => Problem::new(Reason::CheckDigitFailed, format!("{n} check digits of the line do not hold")),
        (n, _) => Problem::new(
            Reason::ScanlineUnreadable,
            format!("{n} of {} characters were not read", line.text.chars().filter(|c| *c != ' ').count()),
        ),
    };
    found.push(problem.at(line.bbox));
}
