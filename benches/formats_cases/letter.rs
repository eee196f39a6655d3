//! Image cash letters: with images of usual size, and without any.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use remit::domain::{Cents, Day, RoutingNumber};
use remit::formats::ebcdic::CodePage;
use remit::formats::fault::FormatError;
use remit::formats::x9::records::*;
use remit::formats::x9::{self, Encoding};
use remit::formats::{Format, inspect_from};

use crate::{Case, Run};

/// Sizes of a front and a back as Group 4 images of usual checks.
const IMAGES: [usize; 2] = [14_000, 5_000];
const IN_BUNDLE: u64 = 300;

pub const WITH_IMAGES: Case = Case {
    name: "x9-images",
    what: "EBCDIC, length words, 25 26 28 50 52 50 52",
    make: |out, size| make(out, size, Encoding::Ebcdic(CodePage::Ibm037), true),
    run: Run::Read(read),
};

pub const WITHOUT_IMAGES: Case = Case {
    name: "x9-plain",
    what: "EBCDIC, length words, 25 26 28",
    make: |out, size| make(out, size, Encoding::Ebcdic(CodePage::Ibm037), false),
    run: Run::Read(read),
};

pub const ASCII_WITHOUT_IMAGES: Case = Case {
    name: "x9-plain-ascii",
    what: "ASCII, length words, 25 26 28",
    make: |out, size| make(out, size, Encoding::Ascii, false),
    run: Run::Read(read),
};

pub const WRITTEN: Case = Case {
    name: "x9-write",
    what: "EBCDIC with images, written and read back",
    make: |_, _| Ok(()),
    run: Run::Write(write),
};

fn read(file: &mut File) -> u64 {
    let found = inspect_from(file, Format::X9).expect("a cash letter");
    assert!(found.valid, "{:?}", found.problems.first());
    found.counts["items"]
}

fn day() -> Day {
    "2026-11-20".parse().expect("a day")
}

struct Out<'w> {
    out: &'w mut dyn Write,
    encoding: Encoding,
    records: u64,
    bytes: u64,
}

impl Out<'_> {
    fn put(&mut self, mut text: Vec<u8>, binary: &[u8]) -> std::io::Result<()> {
        let length = text.len() + binary.len();
        self.encoding.encode(&mut text);
        self.out.write_all(&(length as u32).to_be_bytes())?;
        self.out.write_all(&text)?;
        self.records += 1;
        self.bytes += length as u64 + 4;
        self.out.write_all(binary)
    }
}

/// A letter of as many bundles as the size takes.
fn make(out: &mut dyn Write, size: u64, encoding: Encoding, images: bool) -> std::io::Result<()> {
    letter(&mut Out { out, encoding, records: 0, bytes: 0 }, size, images)
}

fn of(record: Result<Vec<u8>, FormatError>) -> Vec<u8> {
    record.expect("a record of the bench")
}

fn letter(out: &mut Out<'_>, size: u64, images: bool) -> std::io::Result<()> {
    let header = || -> Result<Vec<u8>, FormatError> {
        Ok(FileHeader::BLANK
            .standard_level("03")?
            .test_indicator("P")?
            .immediate_destination_routing("061000146")?
            .immediate_origin_routing("061100606")?
            .file_creation_date(day())?
            .file_creation_time("1705")?
            .resend_indicator("N")?
            .to_bytes())
    };
    out.put(of(header()), &[])?;
    let header = || -> Result<Vec<u8>, FormatError> {
        Ok(CashLetterHeader::BLANK
            .collection_type("01")?
            .destination_routing("061000146")?
            .ece_institution_routing("061100606")?
            .business_date(day())?
            .creation_date(day())?
            .creation_time("1705")?
            .record_type_indicator(if images { "I" } else { "E" })?
            .documentation_type("G")?
            .cash_letter_id("1")?
            .to_bytes())
    };
    out.put(of(header()), &[])?;
    let picture: Vec<u8> =
        b"II*\0".iter().copied().chain((0..IMAGES[0]).map(|n| ((n * 131) >> 3) as u8)).take(IMAGES[0]).collect();
    let (mut bundles, mut items, mut total) = (0u64, 0u64, Cents::ZERO);
    while out.bytes < size {
        bundles += 1;
        out.put(of(bundle_header(bundles)), &[])?;
        let mut sum = Cents::ZERO;
        for _ in 0..IN_BUNDLE {
            items += 1;
            let amount = Cents::new((items * 7919 % 1_000_000) as i64 + 1);
            sum = sum.plus(amount).expect("a small sum");
            one_check(out, items, amount, images.then_some(&picture))?;
        }
        total = total.plus(sum).expect("a small sum");
        let control = || -> Result<Vec<u8>, FormatError> {
            Ok(BundleControl::BLANK
                .item_count(IN_BUNDLE)?
                .total_amount(sum)?
                .micr_valid_total_amount(sum)?
                .image_count(if images { IN_BUNDLE * 2 } else { 0 })?
                .to_bytes())
        };
        out.put(of(control()), &[])?;
    }
    let control = || -> Result<Vec<u8>, FormatError> {
        Ok(CashLetterControl::BLANK
            .bundle_count(bundles)?
            .item_count(items)?
            .total_amount(total)?
            .image_count(if images { items * 2 } else { 0 })?
            .to_bytes())
    };
    out.put(of(control()), &[])?;
    let records = out.records + 1;
    let control = || -> Result<Vec<u8>, FormatError> {
        Ok(FileControl::BLANK
            .cash_letter_count(1)?
            .total_record_count(records)?
            .total_item_count(items)?
            .total_amount(total)?
            .to_bytes())
    };
    out.put(of(control()), &[])
}

fn bundle_header(number: u64) -> Result<Vec<u8>, FormatError> {
    Ok(BundleHeader::BLANK
        .collection_type("01")?
        .destination_routing("061000146")?
        .ece_institution_routing("061100606")?
        .business_date(day())?
        .creation_date(day())?
        .bundle_id(&number.to_string())?
        .bundle_sequence_number(number % 10_000)?
        .to_bytes())
}

fn one_check(out: &mut Out<'_>, number: u64, amount: Cents, image: Option<&Vec<u8>>) -> std::io::Result<()> {
    let sequence = format!("{number:015}");
    let check = || -> Result<[Vec<u8>; 3], FormatError> {
        let detail = CheckDetail::BLANK
            .auxiliary_on_us("1021")?
            .payor_bank_routing("06100014")?
            .payor_bank_routing_check_digit("6")?
            .on_us("123456789/0101")?
            .item_amount(amount)?
            .ece_item_sequence_number(&sequence)?
            .documentation_type("G")?
            .micr_valid_indicator("1")?
            .bofd_indicator("Y")?
            .addendum_count(2)?;
        let first = CheckDetailAddendumA::BLANK
            .record_number(1)?
            .return_location_routing("061100606")?
            .bofd_endorsement_date(day())?
            .bofd_item_sequence_number(&sequence)?
            .payee_name("GREEN VALLEY")?
            .truncation_indicator("Y")?
            .bofd_conversion_indicator("2")?;
        let later = CheckDetailAddendumC::BLANK
            .record_number(1)?
            .endorsing_bank_routing("061000146")?
            .endorsing_bank_date(day())?
            .endorsing_bank_item_sequence_number(&sequence)?
            .truncation_indicator("N")?;
        Ok([detail.to_bytes(), first.to_bytes(), later.to_bytes()])
    };
    for record in check().expect("records of the bench") {
        out.put(record, &[])?;
    }
    let Some(image) = image else { return Ok(()) };
    for (side, length) in ["0", "1"].into_iter().zip(IMAGES) {
        let view = || -> Result<[Vec<u8>; 2], FormatError> {
            let view = ImageViewDetail::BLANK
                .image_indicator("1")?
                .image_creator_routing("061100606")?
                .image_creator_date(day())?
                .view_format("00")?
                .view_compression("00")?
                .view_data_size(length as u64)?
                .view_side(side)?
                .view_descriptor("00")?;
            let mut data = ImageViewData::BLANK
                .ece_institution_routing("061100606")?
                .bundle_business_date(day())?
                .ece_item_sequence_number(&sequence)?
                .clipping_origin("0")?
                .image_reference_key_length(0)?
                .to_bytes();
            data.extend_from_slice(format!("00000{length:07}").as_bytes());
            Ok([view.to_bytes(), data])
        };
        let [view, data] = view().expect("records of the bench");
        out.put(view, &[])?;
        out.put(data, &image[..length])?;
    }
    Ok(())
}

/// A deposit of a day, written check by check as a deposit is and proved by both readings.
fn write(path: &Path, size: u64) -> (u64, u64) {
    let routing = RoutingNumber::new("061000146").expect("a routing number");
    let picture = |length: usize| -> Vec<u8> {
        b"II*\0".iter().copied().chain((0..length).map(|n| ((n * 131) >> 3) as u8)).take(length).collect()
    };
    let (front, back) = (picture(IMAGES[0]), picture(IMAGES[1]));
    let count = size / (IMAGES[0] + IMAGES[1] + 600) as u64 + 1;
    let amount = |sequence: u64| (sequence * 7919 % 1_000_000) as i64 + 1;
    let head = x9::LetterHead::first_of(day(), "1705", "1");
    let total = Cents::new((1..=count).map(amount).sum());
    let mut letter = x9::LetterWriter::begin(head, total, x9::Profile::usual(&routing, "123456780")).expect("a head");
    let mut file = File::create(path).expect("a file for the letter");
    for sequence in 1..=count {
        let check = x9::OutgoingCheck {
            routing: routing.clone(),
            on_us: "123456789/0101".into(),
            auxiliary_on_us: "1021".into(),
            external_processing_code: String::new(),
            amount: Cents::new(amount(sequence)),
            sequence,
            front: &front,
            back: &back,
        };
        letter.check(&check).expect("a check");
        file.write_all(&letter.take()).expect("room for the letter");
    }
    let (written, end) = letter.finish().expect("an end");
    file.write_all(&end).expect("room for the letter");
    let again = || File::open(path).expect("the letter");
    written.prove(&mut again()).expect("the reader finds what was written");
    let proof = x9::proof::prove(&mut again(), true, true, (false, false)).expect("it adds up");
    assert_eq!((proof.items, proof.image_hash), (count, Some(written.images)));
    (file.metadata().expect("its size").len(), count)
}
