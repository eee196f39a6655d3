//! Writing an image cash letter for a deposit, check by check: the same values give the same bytes. What does not fit is
//! refused, and the finished file is read back by the reader, which must find it valid and hold the same checks.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use sha2::Digest;

use super::physical::Encoding;
use super::records::*;
use super::totals::{Convention, Sums};
use super::{CreditLayout, Item, Piece, proof::ImageHash, scan_with_images};
use crate::domain::{Cents, Day, RoutingNumber, Sha256};
use crate::formats::fault::FormatError;

/// What one bank wants to see. Everything that it does not name is left blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `03`, `30` or `35`.
    pub level: String,
    pub encoding: Encoding,
    /// A four-byte length before each record. Without it a file with images must be EBCDIC blocks.
    pub length_words: bool,
    pub test: bool,
    pub destination_routing: String,
    pub destination_name: String,
    pub origin_routing: String,
    pub origin_name: String,
    /// Who makes the letter; banks often give an own number.
    pub ece_routing: String,
    pub collection_type: String,
    pub bofd_routing: String,
    pub deposit_account: String,
    pub payee_name: String,
    pub bofd_indicator: char,
    pub contact_name: String,
    pub contact_phone: String,
    pub bundle_size: usize,
    pub credit: Option<CreditProfile>,
    /// Each check carries the endorsement of the bank of first deposit (26).
    pub endorsed: bool,
    /// Column 80 of the file header; blank at level 03.
    pub companion_version: String,
    /// Column 77 of the cash letter header; only for deposits at the Fed.
    pub fed_work_type: String,
}

/// Where the credit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditPlace {
    /// First record of the first bundle.
    InBundle,
    /// After the cash letter header, before the first bundle.
    BeforeBundles,
}

/// A credit over the whole letter (61 or 62).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditProfile {
    pub place: CreditPlace,
    pub layout: CreditLayout,
    pub routing: String,
    pub account: String,
    pub counted: Convention,
}

impl Profile {
    /// What most community banks take: level 03, EBCDIC with length words, `01`, `I`, `G`, no credit, bundles of 300.
    pub fn usual(destination: &RoutingNumber, origin: &str) -> Profile {
        Profile {
            level: "03".into(),
            encoding: Encoding::Ebcdic(crate::formats::ebcdic::CodePage::Ibm037),
            length_words: true,
            test: false,
            destination_routing: destination.as_str().into(),
            destination_name: String::new(),
            origin_routing: origin.into(),
            origin_name: String::new(),
            ece_routing: origin.into(),
            collection_type: "01".into(),
            bofd_routing: destination.as_str().into(),
            deposit_account: String::new(),
            payee_name: String::new(),
            bofd_indicator: 'U',
            contact_name: String::new(),
            contact_phone: String::new(),
            bundle_size: 300,
            credit: None,
            endorsed: true,
            companion_version: String::new(),
            fed_work_type: String::new(),
        }
    }
}

/// What stands in a letter beside its checks.
#[derive(Clone, Debug)]
pub struct LetterHead {
    pub business_date: Day,
    pub creation_date: Day,
    /// `HHMM`.
    pub creation_time: String,
    /// `A` to `Z`, `0` to `9`: tells apart two files of one minute.
    pub file_id_modifier: char,
    pub resend: bool,
    /// Unique for us on a business date, at most eight characters.
    pub letter_id: String,
}

impl LetterHead {
    /// The first letter of a day, made on that day at `time` (`HHMM`).
    pub fn first_of(day: Day, time: &str, letter_id: &str) -> LetterHead {
        LetterHead {
            business_date: day,
            creation_date: day,
            creation_time: time.into(),
            file_id_modifier: 'A',
            resend: false,
            letter_id: letter_id.into(),
        }
    }
}

/// One deposit, small enough to stand in memory.
#[derive(Clone, Debug)]
pub struct CashLetter<'a> {
    pub head: LetterHead,
    pub checks: Vec<OutgoingCheck<'a>>,
}

/// One check of a deposit with its images (TIFF, Group 4, little-endian).
#[derive(Clone, Debug)]
pub struct OutgoingCheck<'a> {
    pub routing: RoutingNumber,
    /// As `on_us_field` gives it.
    pub on_us: String,
    pub auxiliary_on_us: String,
    pub external_processing_code: String,
    pub amount: Cents,
    /// Unique for us on a business date.
    pub sequence: u64,
    pub front: &'a [u8],
    pub back: &'a [u8],
}

/// Four digits of the bundle's item count (70).
const MOST_ITEMS_IN_BUNDLE: usize = 9999;

/// What was written, to be found again by whoever reads the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    pub checks: u64,
    /// Over all images in the file's order.
    pub images: Sha256,
    /// Over what each check says.
    lines: Sha256,
}

/// Writes a letter of any size: what is written so far is taken away as it grows.
pub struct LetterWriter {
    profile: Arc<Profile>,
    head: LetterHead,
    /// Over all checks that will come: what a credit says.
    total: Cents,
    indicator: &'static str,
    convention: Convention,
    bytes: Vec<u8>,
    records: u64,
    checks: u64,
    seen: BTreeSet<u64>,
    all: Sums,
    /// The open bundle and its checks.
    bundle: Option<(Sums, usize)>,
    images: ImageHash,
    lines: sha2::Sha256,
}

/// Writes a cash letter and proves it by reading it back. In an error about a check, `line` is its place in `checks`,
/// from 1.
pub fn write(letter: &CashLetter<'_>, profile: &Profile) -> Result<Vec<u8>, FormatError> {
    let mut writer =
        LetterWriter::begin(letter.head.clone(), sum(letter.checks.iter().map(|c| c.amount))?, profile.clone())?;
    let mut bytes = Vec::new();
    for check in &letter.checks {
        writer.check(check)?;
        bytes.append(&mut writer.bytes);
    }
    let (written, mut end) = writer.finish()?;
    bytes.append(&mut end);
    written.prove(&mut &*bytes)?;
    Ok(bytes)
}

impl LetterWriter {
    /// `total`: of all checks that will come.
    pub fn begin(head: LetterHead, total: Cents, profile: Profile) -> Result<LetterWriter, FormatError> {
        can_write(&profile)?;
        let convention = profile.credit.as_ref().map_or(Convention::Nothing, |c| c.counted);
        let indicator = match (profile.level.as_str(), convention) {
            ("03", _) => "",
            (_, Convention::CountImagesAndAmount) => "1",
            (_, Convention::Nothing | Convention::CountAndImages) => "0",
        };
        let mut writer = LetterWriter {
            profile: Arc::new(profile),
            head,
            total,
            indicator,
            convention,
            bytes: Vec::new(),
            records: 0,
            checks: 0,
            seen: BTreeSet::new(),
            all: Sums::default(),
            bundle: None,
            images: ImageHash::default(),
            lines: sha2::Sha256::new(),
        };
        writer.open()?;
        Ok(writer)
    }

    /// What was written since it was last asked for.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Appends one record: text in Latin-1, then bytes that are never translated.
    fn put(&mut self, mut text: Vec<u8>, binary: &[u8]) -> Result<(), FormatError> {
        let length = text.len() + binary.len();
        if self.profile.length_words {
            let word =
                u32::try_from(length).map_err(|_| FormatError::whole("52", length.to_string(), "a shorter record"))?;
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
        self.profile.encoding.encode(&mut text);
        self.bytes.extend_from_slice(&text);
        self.bytes.extend_from_slice(binary);
        self.records += 1;
        Ok(())
    }

    fn open(&mut self) -> Result<(), FormatError> {
        let (profile, head) = (self.profile.clone(), &self.head);
        let file = FileHeader::BLANK
            .standard_level(&profile.level)?
            .test_indicator(if profile.test { "T" } else { "P" })?
            .immediate_destination_routing(&profile.destination_routing)?
            .immediate_origin_routing(&profile.origin_routing)?
            .file_creation_date(head.creation_date)?
            .file_creation_time(&head.creation_time)?
            .resend_indicator(if head.resend { "Y" } else { "N" })?
            .immediate_destination_name(&profile.destination_name)?
            .immediate_origin_name(&profile.origin_name)?
            .file_id_modifier(&head.file_id_modifier.to_string())?
            .companion_document_version(&profile.companion_version)?;
        let letter = CashLetterHeader::BLANK
            .collection_type(&profile.collection_type)?
            .destination_routing(&profile.destination_routing)?
            .ece_institution_routing(&profile.ece_routing)?
            .business_date(head.business_date)?
            .creation_date(head.creation_date)?
            .creation_time(&head.creation_time)?
            .record_type_indicator("I")?
            .documentation_type("G")?
            .cash_letter_id(&head.letter_id)?
            .originator_contact_name(&profile.contact_name)?
            .originator_contact_phone(&profile.contact_phone)?
            .fed_work_type(&profile.fed_work_type)?;
        self.put(file.to_bytes(), &[])?;
        self.put(letter.to_bytes(), &[])?;
        if let Some(credit) = profile.credit.as_ref().filter(|c| c.place == CreditPlace::BeforeBundles) {
            self.put(ticket(credit, self.total)?, &[])?;
            self.all.add_credit(self.total).map_err(|_| too_large("61"))?;
        }
        Ok(())
    }

    fn open_bundle(&mut self) -> Result<Sums, FormatError> {
        let (profile, number) = (self.profile.clone(), self.all.bundles + 1);
        let header = BundleHeader::BLANK
            .collection_type(&profile.collection_type)?
            .destination_routing(&profile.destination_routing)?
            .ece_institution_routing(&profile.ece_routing)?
            .business_date(self.head.business_date)?
            .creation_date(self.head.creation_date)?
            .bundle_id(&format!("{number:010}"))?
            .bundle_sequence_number(number)?;
        self.put(header.to_bytes(), &[])?;
        self.all.bundles = number;
        let mut sums = Sums::default();
        let in_bundle = profile.credit.as_ref().filter(|c| number == 1 && c.place == CreditPlace::InBundle);
        if let Some(credit) = in_bundle {
            self.put(ticket(credit, self.total)?, &[])?;
            sums.add_credit(self.total).map_err(|_| too_large("61"))?;
        }
        Ok(sums)
    }

    fn close_bundle(&mut self, sums: &Sums) -> Result<(), FormatError> {
        let control = BundleControl::BLANK
            .item_count(count(sums.items(self.convention))?)?
            .total_amount(sums.amount(self.convention).ok_or_else(|| too_large("70"))?)?
            .micr_valid_total_amount(sums.micr_valid)?
            .image_count(count(sums.images(self.convention))?)?
            .credit_total_indicator(self.indicator)?;
        self.put(control.to_bytes(), &[])?;
        self.all.add(sums).map_err(|_| too_large("90"))
    }

    /// The next check. In an error `line` is its place among them, from 1.
    pub fn check(&mut self, check: &OutgoingCheck<'_>) -> Result<(), FormatError> {
        self.checks += 1;
        self.one_check(check).map_err(|e| FormatError { line: Some(self.checks), ..e })
    }

    fn one_check(&mut self, check: &OutgoingCheck<'_>) -> Result<(), FormatError> {
        can_go(check, !self.seen.insert(check.sequence))?;
        let (mut sums, held) = match self.bundle.take() {
            Some(open) => open,
            None => (self.open_bundle()?, 0),
        };
        self.records_of(check)?;
        for image in [check.front, check.back] {
            self.images.add(image);
        }
        told(&mut self.lines, check);
        sums.add_item(check.amount, true).map_err(|_| too_large("70"))?;
        sums.images += 2;
        if held + 1 == self.profile.bundle_size {
            return self.close_bundle(&sums);
        }
        self.bundle = Some((sums, held + 1));
        Ok(())
    }

    /// The end of the file, with what is still to be taken, and what must be found when it is read.
    pub fn finish(mut self) -> Result<(Written, Vec<u8>), FormatError> {
        if self.checks == 0 {
            return Err(FormatError::whole("25", "no check".to_string(), "at least one check"));
        }
        if let Some((sums, _)) = self.bundle.take() {
            self.close_bundle(&sums)?;
        }
        let (profile, convention) = (self.profile.clone(), self.convention);
        let amount = |record| self.all.amount(convention).ok_or_else(|| too_large(record));
        let letter = CashLetterControl::BLANK
            .bundle_count(self.all.bundles)?
            .item_count(count(self.all.items(convention))?)?
            .total_amount(amount("90")?)?
            .image_count(count(self.all.images(convention))?)?
            .ece_institution_name(&profile.origin_name)?
            .credit_total_indicator(self.indicator)?;
        let file = FileControl::BLANK
            .cash_letter_count(1)?
            .total_record_count(self.records + 2)?
            .total_item_count(count(self.all.items(convention))?)?
            .total_amount(amount("99")?)?
            .originator_contact_name(&profile.contact_name)?
            .originator_contact_phone(&profile.contact_phone)?
            .credit_total_indicator(self.indicator)?;
        self.put(letter.to_bytes(), &[])?;
        self.put(file.to_bytes(), &[])?;
        let lines = Sha256(self.lines.finalize().into());
        Ok((Written { checks: self.checks, images: self.images.finish(), lines }, self.bytes))
    }
}

/// What the columns alone do not refuse of a profile.
fn can_write(profile: &Profile) -> Result<(), FormatError> {
    let refuse = |record, found: String, expected: &str| Err(FormatError::whole(record, found, expected));
    if !(1..=MOST_ITEMS_IN_BUNDLE).contains(&profile.bundle_size) {
        return refuse("20", format!("bundles of {}", profile.bundle_size), "bundles of 1 to 9999 checks");
    }
    if !matches!(profile.level.as_str(), "03" | "30" | "35") {
        return refuse("01", format!("level {}", profile.level), "level 03, 30 or 35");
    }
    if !profile.length_words && profile.encoding == Encoding::Ascii {
        return refuse("01", "lines of text".into(), "length words, since images hold line feeds");
    }
    Ok(())
}

/// What they do not refuse of a check.
fn can_go(check: &OutgoingCheck<'_>, seen: bool) -> Result<(), FormatError> {
    let fault = |field: &'static str, columns, found: String, expected: &str| {
        Err(FormatError { record: "25", field, columns, offset: None, line: None, found, expected: expected.into() })
    };
    if !check.amount.is_positive() {
        return fault("item_amount", (48, 57), check.amount.to_string(), "an amount above zero");
    }
    if seen {
        return fault("ece_item_sequence_number", (58, 72), check.sequence.to_string(), "a number used once");
    }
    for (side, image) in [("front", check.front), ("back", check.back)] {
        if !image.starts_with(b"II*\0") {
            return fault("image", (118, 118), format!("{side} of {} bytes", image.len()), "a little-endian TIFF");
        }
    }
    Ok(())
}

/// What a check says, into the hash over all of them.
fn told(lines: &mut sha2::Sha256, check: &OutgoingCheck<'_>) {
    let sequence = format!("{:015}", check.sequence);
    line(lines, check.amount, [check.routing.as_str(), &check.on_us, &check.auxiliary_on_us, &sequence]);
}

fn line(lines: &mut sha2::Sha256, amount: Cents, texts: [&str; 4]) {
    lines.update(amount.get().to_be_bytes());
    for text in texts.map(str::trim) {
        lines.update((text.len() as u64).to_be_bytes());
        lines.update(text);
    }
}

impl LetterWriter {
    fn records_of(&mut self, check: &OutgoingCheck<'_>) -> Result<(), FormatError> {
        let profile = self.profile.clone();
        let (routing, digit) = check.routing.as_str().split_at(8);
        let sequence = format!("{:015}", check.sequence);
        let detail = CheckDetail::BLANK
            .auxiliary_on_us(&check.auxiliary_on_us)?
            .external_processing_code(&check.external_processing_code)?
            .payor_bank_routing(routing)?
            .payor_bank_routing_check_digit(digit)?
            .on_us(&check.on_us)?
            .item_amount(check.amount)?
            .ece_item_sequence_number(&sequence)?
            .documentation_type("G")?
            .micr_valid_indicator("1")?
            .bofd_indicator(&profile.bofd_indicator.to_string())?
            .addendum_count(u64::from(profile.endorsed))?
            .archive_type_indicator("B")?;
        self.put(detail.to_bytes(), &[])?;
        if profile.endorsed {
            self.put(endorsement(&self.head, &profile, &sequence)?, &[])?;
        }
        for (side, image) in [("0", check.front), ("1", check.back)] {
            self.one_image(&sequence, side, image)?;
        }
        Ok(())
    }

    fn one_image(&mut self, sequence: &str, side: &str, image: &[u8]) -> Result<(), FormatError> {
        let profile = self.profile.clone();
        let size = image.len() as u64;
        let view = ImageViewDetail::BLANK
            .image_indicator("1")?
            .image_creator_routing(&profile.ece_routing)?
            .image_creator_date(self.head.creation_date)?
            .view_format("00")?
            .view_compression("00")?
            .view_data_size(size)?
            .view_side(side)?
            .view_descriptor("00")?
            .digital_signature_indicator("0")?;
        self.put(view.to_bytes(), &[])?;
        let mut data = ImageViewData::BLANK
            .ece_institution_routing(&profile.ece_routing)?
            .bundle_business_date(self.head.business_date)?
            .ece_item_sequence_number(sequence)?
            .clipping_origin("0")?
            .image_reference_key_length(0)?
            .to_bytes();
        // No signature, then the length of the image; `view_data_size` has proved that it fits seven digits.
        data.extend_from_slice(format!("00000{size:07}").as_bytes());
        self.put(data, image)
    }
}

fn endorsement(head: &LetterHead, profile: &Profile, sequence: &str) -> Result<Vec<u8>, FormatError> {
    let endorsement = CheckDetailAddendumA::BLANK
        .record_number(1)?
        .return_location_routing(&profile.bofd_routing)?
        .bofd_endorsement_date(head.business_date)?
        .bofd_item_sequence_number(sequence)?
        .deposit_account_at_bofd(&profile.deposit_account)?
        .payee_name(&profile.payee_name)?
        .truncation_indicator("Y")?
        .bofd_conversion_indicator("2")?;
    Ok(endorsement.to_bytes())
}

fn ticket(credit: &CreditProfile, total: Cents) -> Result<Vec<u8>, FormatError> {
    let sequence = "1";
    Ok(match credit.layout {
        CreditLayout::A => CreditA::BLANK
            .posting_bank_routing(&credit.routing)?
            .on_us(&credit.account)?
            .item_amount(total)?
            .ece_item_sequence_number(sequence)?
            .documentation_type("G")?
            .to_bytes(),
        CreditLayout::B => CreditB::BLANK
            .record_usage_indicator("2")?
            .posting_bank_routing(&credit.routing)?
            .on_us(&credit.account)?
            .item_amount(total)?
            .ece_item_sequence_number(sequence)?
            .documentation_type("G")?
            .to_bytes(),
        CreditLayout::Record62 => Credit62::BLANK
            .posting_bank_routing(&credit.routing)?
            .on_us(&credit.account)?
            .item_amount(total)?
            .ece_item_sequence_number(sequence)?
            .documentation_type("G")?
            .to_bytes(),
    })
}

fn too_large(record: &'static str) -> FormatError {
    FormatError::whole(record, "a total that is too large", "a total that fits the record")
}

fn sum(amounts: impl Iterator<Item = Cents>) -> Result<Cents, FormatError> {
    Cents::sum(amounts).map_err(|_| too_large("99"))
}

fn count(count: Option<Cents>) -> Result<u64, FormatError> {
    count.and_then(|c| u64::try_from(c.get()).ok()).ok_or_else(|| too_large("99"))
}

impl Written {
    /// Reads the finished file with the reader: valid, and the same checks with the same amounts and images.
    pub fn prove(&self, source: &mut dyn Read) -> Result<(), FormatError> {
        let not_proved =
            |found: String| Err(FormatError::whole("99", found, "a file that reads back as it was written"));
        let (mut images, mut lines) = (ImageHash::default(), sha2::Sha256::new());
        let (mut checks, mut first_wrong) = (0, None);
        let mut item = |item: Item| {
            checks += 1;
            let sides: Vec<bool> = item.views.iter().map(|v| v.is_back()).collect();
            let (amount, on_us, auxiliary) = (item.amount(), item.on_us(), item.auxiliary_on_us());
            match amount.filter(|_| sides == [false, true]) {
                Some(amount) => line(&mut lines, amount, [&item.routing(), &on_us, &auxiliary, &item.sequence()]),
                None => first_wrong = first_wrong.or(Some(item.record)),
            }
        };
        let mut sink = |piece| match piece {
            Piece::Item(one) => item(one),
            Piece::Credit(_) => {}
        };
        let summary = match scan_with_images(source, &mut sink, &mut |image| images.add(image)) {
            Ok(summary) => summary,
            Err(fault) => return not_proved(fault.to_string()),
        };
        if let Some(fault) = summary.faults.first_error() {
            return not_proved(fault.to_string());
        }
        if let Some(record) = first_wrong {
            return not_proved(format!("the check at record {record}"));
        }
        let found = Written { checks, images: images.finish(), lines: Sha256(lines.finalize().into()) };
        if found == *self {
            return Ok(());
        }
        let what = match (found.checks == self.checks, found.images == self.images) {
            (false, _) => "another count of checks",
            (true, false) => "other images",
            (true, true) => "other checks",
        };
        not_proved(what.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::formats::ebcdic::CodePage;
    use proptest::prelude::*;

    fn image(seed: u8, length: usize) -> Vec<u8> {
        let mut bytes = b"II*\0".to_vec();
        bytes.extend((0..length).map(|i| seed.wrapping_mul(31).wrapping_add(i as u8)));
        bytes
    }

    fn letter<'a>(amounts: &[i64], images: &'a [Vec<u8>]) -> CashLetter<'a> {
        let day: Day = "2026-11-30".parse().unwrap();
        CashLetter {
            head: LetterHead::first_of(day, "1705", "1"),
            checks: (1..)
                .zip(amounts)
                .map(|(sequence, amount)| OutgoingCheck {
                    routing: RoutingNumber::new("061000146").unwrap(),
                    on_us: "12345678/0101".into(),
                    auxiliary_on_us: String::new(),
                    external_processing_code: String::new(),
                    amount: Cents::new(*amount),
                    sequence,
                    front: &images[sequence as usize % images.len()],
                    back: &images[(sequence as usize + 1) % images.len()],
                })
                .collect(),
        }
    }

    fn usual() -> Profile {
        Profile::usual(&RoutingNumber::new("061100606").unwrap(), "123456780")
    }

    #[test]
    fn every_profile_reads_back() {
        let images = [image(1, 300), image(10, 70)];
        let credit = |layout, counted| {
            let place =
                if counted == Convention::CountAndImages { CreditPlace::BeforeBundles } else { CreditPlace::InBundle };
            Some(CreditProfile { place, layout, routing: "061100606".into(), account: "000123456789/".into(), counted })
        };
        for credit in [
            None,
            credit(CreditLayout::Record62, Convention::CountImagesAndAmount),
            credit(CreditLayout::A, Convention::Nothing),
            credit(CreditLayout::B, Convention::CountAndImages),
            credit(CreditLayout::B, Convention::CountImagesAndAmount),
        ] {
            for (level, encoding, length_words) in [
                ("03", Encoding::Ebcdic(CodePage::Ibm037), true),
                ("35", Encoding::Ascii, true),
                ("30", Encoding::Ebcdic(CodePage::Ibm1047), false),
            ] {
                let profile = Profile {
                    level: level.into(),
                    encoding,
                    length_words,
                    bundle_size: 2,
                    credit: credit.clone(),
                    ..usual()
                };
                let letter = letter(&[1, 9_999_999_000, 500], &images);
                let bytes = write(&letter, &profile).unwrap();
                assert_eq!(bytes, write(&letter, &profile).unwrap());
                let file = read(&bytes).unwrap();
                assert_eq!((file.summary.bundles, file.summary.checks, file.summary.images), (2, 3, 6));
                assert_eq!(file.credits.len(), usize::from(credit.is_some()));
                assert_eq!(file.summary.convention, credit.as_ref().map(|c| c.counted));
                let of_level = |f: &&crate::formats::fault::Fault| level != "03" || f.code != "level";
                assert_eq!(file.summary.faults.list().iter().filter(of_level).count(), 0, "{level} {credit:?}");
                let counted = credit.as_ref().map_or(Convention::Nothing, |c| c.counted);
                let counts = (counted != Convention::Nothing, counted == Convention::CountImagesAndAmount);
                let ebcdic = encoding != Encoding::Ascii;
                let proof = crate::formats::x9::proof::prove(&mut &*bytes, ebcdic, length_words, counts).unwrap();
                assert_eq!((proof.items, proof.amount, proof.images), (3, 9_999_999_501, 6), "{level} {credit:?}");
                for at in [47, 130, bytes.len() / 2, bytes.len() - 60] {
                    let mut touched = bytes.clone();
                    touched[at] ^= 1;
                    let again = crate::formats::x9::proof::prove(&mut &*touched, ebcdic, length_words, counts);
                    let names_only = at < 200;
                    assert!(names_only || again != Ok(proof.clone()), "{at}");
                }
            }
        }
    }

    #[test]
    fn what_a_bank_would_refuse_is_not_written() {
        let images = [image(1, 10)];
        let refused = |change: fn(&mut CashLetter<'_>, &mut Profile), field: &str| {
            let (mut letter, mut profile) = (letter(&[100, 200], &images), usual());
            change(&mut letter, &mut profile);
            let error = write(&letter, &profile).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            error
        };
        refused(|l, _| l.checks.clear(), "record");
        refused(|l, _| l.checks[1].amount = Cents::new(10_000_000_000), "item_amount");
        assert_eq!(refused(|l, _| l.checks[1].amount = Cents::ZERO, "item_amount").line, Some(2));
        refused(|l, _| l.checks[1].sequence = 1, "ece_item_sequence_number");
        assert_eq!(refused(|l, _| l.checks[1].on_us = "1".repeat(21), "on_us").line, Some(2));
        refused(|l, _| l.checks[0].front = b"MM\0*", "image");
        refused(|_, p| p.level = "02".into(), "record");
        refused(|_, p| (p.encoding, p.length_words) = (Encoding::Ascii, false), "record");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_deposit_reads_back(amounts in proptest::collection::vec(1i64..=9_999_999_999, 1..12), size in 1usize..5, length in 0usize..400) {
            let images = [image(3, length), image(9, 13)];
            let profile = Profile { bundle_size: size, ..usual() };
            let bytes = write(&letter(&amounts, &images), &profile).unwrap();
            let file = read(&bytes).unwrap();
            prop_assert_eq!(file.items.iter().map(|i| i.amount().unwrap().get()).collect::<Vec<_>>(), amounts);
        }
    }
}
