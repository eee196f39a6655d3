//! What reads bytes that others made, as functions over bytes: shared by the seeded mutations of `tests/parsers.rs` and by
//! the coverage-guided targets in `tests/fuzz/fuzz_targets/`. Each may refuse its input; none may panic, hang or take memory
//! that the input does not pay for. Where what is read can be written again, the second reading must say the same.

use std::borrow::Cow;

use remit::decode::layout::{Layouts, Symbology};
use remit::decode::{self, Expect, Request, Source};
use remit::domain::ImageRole;
use remit::formats::capture_index as station_index;
use remit::formats::{bai_lockbox, bills_csv, x9};
use remit::imaging::{self, Bits, Raster};

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

/// An image cash letter in any encoding and framing.
fn cash_letter(bytes: &[u8]) -> bool {
    let Ok(file) = x9::read(bytes) else { return false };
    assert!(file.items.len() + file.credits.len() <= bytes.len() / 80 + 1);
    assert!(file.summary.records as usize <= bytes.len());
    for item in &file.items {
        let _ = (item.amount(), item.routing(), item.on_us(), item.sequence());
    }
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

/// A bank's lockbox file.
fn lockbox(bytes: &[u8]) -> bool {
    bai_lockbox::read(bytes).is_ok()
}
