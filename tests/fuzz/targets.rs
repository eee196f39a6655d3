//! What reads bytes that others made, as functions over bytes: shared by the seeded mutations of `tests/parsers.rs` and by
//! the coverage-guided targets in `tests/fuzz/fuzz_targets/`. Each may refuse its input; none may panic, hang or take memory
//! that the input does not pay for. Where what is read can be written again, the second reading must say the same.

use std::borrow::Cow;

use remit::decode::layout::{Layouts, Symbology};
use remit::decode::{self, Expect, Request, Source};
use remit::domain::ImageRole;
use remit::formats::capture_index as station_index;
use remit::formats::{Format, bai_lockbox, bai2, bills_csv, inspection, iso20022, nacha, x9, x12};
use remit::imaging::{self, Bits, Raster};
use remit::ingest;

/// Says whether the input could be read.
pub type Target = fn(&[u8]) -> bool;

/// Name and function of every target.
pub const TARGETS: &[(&str, Target)] = &[
    ("layouts", layouts),
    ("scanline", scanline),
    ("amount", amount),
    ("image", image),
    ("group4", group4),
    ("capture_index", capture_index),
    ("cash_letter", cash_letter),
    ("account_line", account_line),
    ("document", document),
    ("bills", bills),
    ("lockbox", lockbox),
    ("ach", ach),
    ("statement", statement),
    ("advice", advice),
    ("account_message", account_message),
    ("remittance_list", remittance_list),
    ("letter_proof", letter_proof),
    ("sent_back", sent_back),
    ("magnetic", magnetic),
    ("config", config),
];

/// The function of a target.
pub fn named(name: &str) -> Target {
    TARGETS.iter().find(|(n, _)| *n == name).expect("a target of the table").1
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn layouts(bytes: &[u8]) -> bool {
    let Ok(read) = Layouts::parse(&text(bytes)) else { return false };
    let again = Layouts::parse(&read.to_toml()).expect("what was written can be read");
    assert_eq!(again.all.len(), read.all.len());
    for line in ["0012345678 00012345 00013345 01 5", "PMI|1|2|3|2026-11-01", ">123456782<1234567+000123456 7"] {
        read.match_scanline(line);
        read.match_barcode(Symbology::Qr, line);
    }
    true
}

/// A layout file, a line of dashes, and a line that somebody printed.
fn scanline(bytes: &[u8]) -> bool {
    let all = text(bytes);
    let Some((forms, line)) = all.split_once("\n----\n") else { return false };
    let Ok(forms) = Layouts::parse(forms) else { return false };
    let found = forms.match_scanline(line);
    for found in &found {
        assert!(found.fields.values().map(String::len).sum::<usize>() <= line.len() + forms.to_toml().len());
    }
    !found.is_empty()
}

fn amount(bytes: &[u8]) -> bool {
    let Ok(cents) = text(bytes).parse::<remit::domain::Cents>() else {
        return text(bytes).parse::<remit::domain::DocumentId>().is_ok();
    };
    assert_eq!(cents.to_string().parse(), Ok(cents));
    true
}

/// Any image file: TIFF, JPEG, PNG.
fn image(bytes: &[u8]) -> bool {
    let Ok(page) = imaging::load(bytes, 0) else { return false };
    assert!(page.raster.width() * page.raster.height() <= imaging::MAX_PIXELS);
    if let Raster::Bits(bits) = &page.raster {
        let again = imaging::load(&imaging::tiff::write_g4(bits, 200), 0).expect("what was written can be read");
        // The reader puts a page that is mostly ink right; what it gave is right already.
        assert!(again.was_inverted || again.raster == page.raster);
    }
    true
}

/// A bare Group 4 strip: two bytes for the width, two for the height, then the code.
fn group4(bytes: &[u8]) -> bool {
    let [w1, w2, h1, h2, strip @ ..] = bytes else { return false };
    let (width, height) =
        (u16::from_be_bytes([*w1, *w2]) as usize % 4000, u16::from_be_bytes([*h1, *h2]) as usize % 4000);
    let mut page = Bits::new(width, height);
    if imaging::g4::decode(strip, &mut page, 0, height).is_err() {
        return false;
    }
    let mut again = Bits::new(width, height);
    imaging::g4::decode(&imaging::g4::encode(&page), &mut again, 0, height).expect("what was written can be read");
    assert_eq!(again, page);
    true
}

/// What a capture station writes beside its images.
fn capture_index(bytes: &[u8]) -> bool {
    let Ok(index) = station_index::read(bytes) else { return false };
    assert!(index.rows.len() <= bytes.len());
    true
}

/// Gives its bytes a few at a time.
struct Slowly<'a>(&'a [u8]);

impl std::io::Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = (self.0.len() % 97 + 1).min(self.0.len()).min(into.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// An image cash letter in any encoding and framing, whole and as it drips in, its records, its returns.
fn cash_letter(bytes: &[u8]) -> bool {
    let file = x9::read(bytes);
    let dripped = x9::walk(&mut Slowly(bytes), &mut ());
    let Ok(file) = file else {
        assert!(dripped.is_err());
        return false;
    };
    assert!(file.items.len() + file.credits.len() <= bytes.len() / 80 + 1);
    assert!(file.summary.records as usize <= bytes.len());
    for item in &file.items {
        let _ = (item.amount(), item.routing(), item.on_us(), item.sequence());
        for view in &item.views {
            assert!(view.image.as_ref().is_none_or(|range| range.start < range.end && range.end <= bytes.len()));
        }
    }
    let dripped = dripped.expect("what is read whole is read in drips");
    assert_eq!(dripped.faults, file.summary.faults);
    assert_eq!((dripped.records, dripped.check_total), (file.summary.records, file.summary.check_total));
    let mut views = 0;
    inspection::records(bytes, Format::X9, &mut |_| views += 1);
    assert_eq!(views, file.summary.records);
    let returns = x9::returns(&mut &*bytes).expect("what is read whole has its returns");
    assert!(returns.refusal().is_some() || returns.returns.len() as u64 == file.summary.returns);
    file.is_valid()
}

/// The text of an account line, as a reader or a magnetic head gives it.
fn account_line(bytes: &[u8]) -> bool {
    decode::micr::fields(&text(bytes)).routing.is_some()
}

/// One image through the whole reading of a document.
fn document(bytes: &[u8]) -> bool {
    let images = [Source { role: ImageRole::Front, name: "front", bytes }];
    let layouts = Layouts::default();
    let request = Request { images: &images, dpi: Some(200), magnetic: None, expect: Expect::Auto, layouts: &layouts };
    let reading = decode::decode(&request);
    reading.micr.is_some_and(|line| line.text.chars().any(|c| c.is_ascii_digit()))
}

/// A billing system's list of open bills, or of bank accounts known to pay; a mapping before it, set off by dashes.
fn bills(bytes: &[u8]) -> bool {
    let all = text(bytes);
    let (mapping, table) = match all.split_once("\n----\n") {
        Some((mapping, table)) => (bills_csv::Mapping::parse(mapping).ok(), table),
        None => (None, all.as_ref()),
    };
    let payers = bills_csv::payers(table.as_bytes(), mapping.as_ref());
    let bills = bills_csv::bills(table.as_bytes(), mapping.as_ref());
    let lines = table.lines().count() + table.matches('\r').count();
    if let Ok(read) = &bills {
        assert!(read.rows.len() + read.rejected.len() <= lines + table.matches('"').count() + 1);
    }
    bills.is_ok_and(|b| !b.rows.is_empty()) || payers.is_ok_and(|p| !p.rows.is_empty())
}

/// A bank's lockbox file, whole and as it drips in.
fn lockbox(bytes: &[u8]) -> bool {
    let file = bai_lockbox::read(bytes);
    let dripped = bai_lockbox::walk(&mut Slowly(bytes), &mut ());
    let (Ok(file), Ok(dripped)) = (&file, &dripped) else {
        assert!(file.is_err() && dripped.is_err());
        return false;
    };
    assert_eq!((dripped.records, dripped.faults.errors == 0), (file.records, file.is_valid()));
    let checks: usize = file.batches.iter().map(|b| b.checks.len()).sum();
    assert_eq!(checks as u64, dripped.checks);
    let invoices: usize = file.batches.iter().flat_map(|b| &b.checks).map(|c| c.invoices.len()).sum();
    assert_eq!(invoices as u64, dripped.remittances);
    let mut views = 0;
    inspection::records(bytes, Format::LockboxBai, &mut |_| views += 1);
    assert_eq!(views, file.records);
    true
}

/// A Nacha file. What is valid, written again from its own records, reads the same.
fn ach(bytes: &[u8]) -> bool {
    let mut batches = Vec::new();
    let mut open = Vec::new();
    let mut plain = true;
    let read = nacha::scan(&mut &*bytes, &mut |event| match event {
        nacha::Event::Entry(entry) => {
            plain &= entry.family() != nacha::records::Family::Advice;
            let _ = (entry.account(), entry.name(), entry.check_serial(), entry.identification(), entry.payment_text());
            open.push(nacha::OutgoingEntry {
                entry: entry.line.text.to_vec(),
                addenda: entry.addenda.iter().map(|a| a.text.to_vec()).collect(),
            });
        }
        nacha::Event::Batch(batch) => {
            batches.push(nacha::OutgoingBatch { header: batch.header, entries: std::mem::take(&mut open) });
        }
    });
    let _ = (nacha::returns(&mut &*bytes).is_ok(), ingest::nacha(bytes).is_ok());
    nacha::outline::records(&mut &*bytes, &mut |view| assert!(view.offset < bytes.len() as u64));
    let Ok(summary) = read else { return false };
    assert!(summary.records as usize <= bytes.len());
    let Some(header) = summary.header.filter(|_| summary.is_valid() && plain) else { return summary.is_valid() };
    // A company number that only the control has is not written again.
    if let Ok(again) = nacha::write(&header, &batches) {
        let again = nacha::scan(&mut &*again, &mut |_| {}).expect("what was written can be read");
        assert_eq!((again.totals, again.batches), (summary.totals, summary.batches));
    }
    true
}

/// A BAI2 file, and its detail as payments: those never add up to more than the credits of the file.
fn statement(bytes: &[u8]) -> bool {
    let read = bai2::scan(&mut &*bytes, &mut |_| {});
    bai2::outline::records(&mut &*bytes, &mut |_| {});
    if let Ok(intakes) = ingest::bai2(bytes) {
        assert!(intakes.iter().all(|i| !i.documents.is_empty()));
    }
    read.is_ok_and(|summary| summary.faults.errors == 0)
}

/// An 820 or 823, whole or as a fragment of payment addenda.
fn advice(bytes: &[u8]) -> bool {
    let part = x12::fragment(&text(bytes)).is_some();
    let _ = (x12::set_in(bytes), ingest::x12(bytes).is_ok());
    x12::outline::records(&mut &*bytes, &mut |_| {});
    part || x12::scan(&mut &*bytes, &mut |_| {}).is_ok_and(|summary| summary.faults.errors == 0)
}

/// A camt message.
fn account_message(bytes: &[u8]) -> bool {
    let _ = (iso20022::looks_like(bytes), ingest::camt(bytes).is_ok());
    iso20022::outline::records(&mut &*bytes, &mut |_| {});
    iso20022::scan(&mut &*bytes, &mut |_| {}).is_ok_and(|summary| summary.faults.errors == 0)
}

/// A remittance list as CSV.
fn remittance_list(bytes: &[u8]) -> bool {
    ingest::remittance_csv(bytes, None).is_ok_and(|intakes| intakes.iter().all(|i| i.control.total.is_some()))
}

/// The second reading of a letter, which shares nothing with the reader: in every dress. What it proves, the reader adds up
/// to the same.
fn letter_proof(bytes: &[u8]) -> bool {
    let mut proved = false;
    for (ebcdic, words) in [(false, true), (true, true), (true, false)] {
        let Ok(proof) = x9::proof::prove(&mut &*bytes, ebcdic, words, (false, false)) else { continue };
        proved = true;
        if let Ok(file) = x9::read(bytes)
            && file.is_valid()
            && file.credits.is_empty()
        {
            assert_eq!(proof.items, file.summary.checks + file.summary.returns);
        }
    }
    proved
}

/// What a bank sends back, in any of its files: no item without an amount, and none beyond the file.
fn sent_back(bytes: &[u8]) -> bool {
    let all = [
        ingest::ach_returns(&mut Slowly(bytes)),
        ingest::check_returns(&mut Slowly(bytes)),
        ingest::statement_returns(&[], &mut Slowly(bytes)),
    ];
    for back in all.iter().flatten() {
        assert!(back.items.iter().all(|item| item.amount.is_positive() && item.place.offset <= bytes.len() as u64));
        assert!(back.items.len() + back.changes.len() <= bytes.len() / 4 + 1);
    }
    all.iter().any(Result::is_ok)
}

/// The account lines of a batch as a scanner writes them, in an alphabet of its maker's.
fn magnetic(bytes: &[u8]) -> bool {
    let all = text(bytes);
    let Some(alphabet) = remit::formats::magnetic::Alphabet::learn(all.lines()) else { return false };
    for line in all.lines().take(50) {
        let ours = alphabet.translate(line);
        assert!(ours.len() <= line.len() * 2 + 2, "{line}");
        let _ = decode::micr::fields(&ours);
    }
    true
}

/// A site's configuration, its layouts' file aside.
fn config(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|own| remit::config::Config::parse(own).is_ok())
}
