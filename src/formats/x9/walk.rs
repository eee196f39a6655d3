//! One pass over a cash letter: the order of its records, its fields and all its totals, on the bytes as they stand. Only
//! one record is held at a time; whoever wants more than the sums listens as a `Sink`. Every rule that is broken becomes a
//! fault with record, column and offset, and reading goes on. Totals are recomputed over 70, 90 and 99 under each credit
//! convention found in the field; the file must hold under one of them throughout.

mod controls;

use std::io::Read;

use super::credit::{CreditLayout, Undecided};
use super::order::{NESTING, Place, ROWS_OF, parent_of, row_of};
use super::physical::{Encoding, Frame, Frames, Layout, Physical, foreign_type, shown_code};
use super::records::*;
use super::routings::Routings;
use super::sequences::Sequences;
use super::totals::{Control, Convention, Sums};
use crate::domain::routing::checks_out;
use crate::domain::{Cents, RoutingNumber};
use crate::formats::fault::{Fault, Faults, Severity};
use crate::formats::record::{Column, Row, Unfit, at, number_of, text_of};

/// What a file holds besides its items.
#[derive(Clone, Debug)]
pub struct Summary {
    pub physical: Physical,
    pub header: Option<FileHeader>,
    pub letters: Vec<Letter>,
    pub records: u64,
    pub bundles: u64,
    pub checks: u64,
    pub returns: u64,
    pub credits: u64,
    pub images: u64,
    pub check_total: Cents,
    pub return_total: Cents,
    pub credit_total: Cents,
    /// As the file control record (99) states them.
    pub stated_items: Option<u64>,
    pub stated_total: Option<Cents>,
    /// How credits are counted in the totals; `None` where there are no credits or no convention holds.
    pub convention: Option<Convention>,
    pub faults: Faults,
}

#[derive(Clone, Debug)]
pub struct Letter {
    pub header: CashLetterHeader,
    /// Numbers of its first and last record.
    pub records: (u64, u64),
    pub checks: u64,
    pub check_total: Cents,
    pub returns: u64,
    pub return_total: Cents,
    pub credits: u64,
    pub credit_total: Cents,
    /// As its control record (90) states them.
    pub stated_items: Option<u64>,
    pub stated_total: Option<Cents>,
}

/// Cash letters that one file may hold; what comes after them is read and only counted.
pub const MOST_LETTERS: usize = 100_000;

/// One record in its place, as it is handed out.
pub struct Seen<'a> {
    pub frame: Frame<'a>,
    pub row: Row<'a>,
    /// Where it stands; `None` where the record cannot be used.
    pub place: Option<Place>,
    /// Number of the cash letter and of the bundle in the file, from 1; 0 before the first.
    pub letter: usize,
    pub bundle: u64,
    pub in_bundle: bool,
    /// Of a 52: where its image begins in the record, and its length, when its lengths agree.
    pub image: Option<(usize, usize)>,
}

/// Whoever listens while a file is read. Everything comes in the file's order.
pub trait Sink {
    fn record(&mut self, _seen: &Seen<'_>) {}
    /// A place that opened before has ended.
    fn closed(&mut self, _place: Place) {}
    /// The layout of the credit at a record is known now; `None`: it cannot be told, and the credit is left out.
    fn credit(&mut self, _record: u64, _layout: Option<CreditLayout>) {}
}

/// Nobody listens.
impl Sink for () {}

/// Reads a file of any size. `Err` only where it is no cash letter at all, or cannot be read on.
pub fn walk(source: &mut dyn Read, sink: &mut dyn Sink) -> Result<Summary, Fault> {
    let mut frames = Frames::open(source)?;
    let mut walker = Walker::new(frames.physical(), sink);
    while let Some(frame) = frames.next(&mut walker.faults) {
        walker.record(frame);
    }
    match frames.failure() {
        Some(fault) => Err(fault),
        None => Ok(walker.finish(frames.at())),
    }
}

#[derive(Clone, Copy)]
struct Open {
    place: Place,
    rank: u8,
    record: u64,
}

/// The item that is open, as far as rules speak of it.
#[derive(Clone, Copy, Default)]
struct OpenItem {
    record: u64,
    offset: u64,
    is_check: bool,
    /// `Err`: its field is no number.
    stated_addenda: Option<u64>,
    addenda: u64,
    sequence: Option<u64>,
    front: bool,
    back: bool,
}

#[derive(Clone, Copy)]
struct OpenView {
    record: u64,
    offset: u64,
    expects_image: bool,
    is_tiff: bool,
    is_back: bool,
    has_data: bool,
}

struct Walker<'s> {
    encoding: Encoding,
    physical: Physical,
    sink: &'s mut dyn Sink,
    stack: Vec<Open>,
    counts: [u32; NESTING.len()],
    item: Option<OpenItem>,
    view: Option<OpenView>,
    undecided: Option<Undecided>,
    /// The type of the items of the open bundle.
    bundle_kind: Option<Kind>,
    letter: Sums,
    bundle: Sums,
    file: Sums,
    total: Sums,
    control: Control,
    routings: Routings,
    sequences: Sequences,
    mixed: bool,
    level_03: bool,
    with_images: bool,
    header: Option<FileHeader>,
    letters: Vec<Letter>,
    letter_count: u64,
    records: u64,
    bundles: u64,
    returns: u64,
    return_total: Cents,
    stated_items: Option<u64>,
    stated_total: Option<Cents>,
    faults: Faults,
}

impl<'s> Walker<'s> {
    fn new(physical: Physical, sink: &'s mut dyn Sink) -> Self {
        let mut faults = Faults::default();
        if physical.layout == Layout::LittleEndianLengthWords {
            let message = "the length words are little-endian; banks expect big-endian";
            faults.push(Fault::warning("little-endian", message).record(1).offset(0));
        }
        if physical.counts_itself {
            let message = "the length words count their own four bytes";
            faults.push(Fault::error("record-length", message).record(1).offset(0).between("84", "80"));
        }
        Walker {
            encoding: physical.encoding,
            physical,
            sink,
            stack: vec![Open { place: Place::File, rank: 0, record: 0 }],
            counts: [0; NESTING.len()],
            item: None,
            view: None,
            undecided: None,
            bundle_kind: None,
            letter: Sums::default(),
            bundle: Sums::default(),
            file: Sums::default(),
            total: Sums::default(),
            control: Control::default(),
            routings: Routings::default(),
            sequences: Sequences::default(),
            mixed: false,
            level_03: false,
            with_images: false,
            header: None,
            letters: Vec::new(),
            letter_count: 0,
            records: 0,
            bundles: 0,
            returns: 0,
            return_total: Cents::ZERO,
            stated_items: None,
            stated_total: None,
            faults,
        }
    }

    fn record(&mut self, frame: Frame<'_>) {
        self.records = frame.number;
        let Some(kind) = frame.kind else {
            self.unknown(&frame);
            self.tell(frame, Row::new(frame.bytes, self.encoding.page()), None, None);
            return;
        };
        // A record that is cut short reads as if blanks followed.
        let mut filled = [if self.encoding == Encoding::Ascii { b' ' } else { 0x40 }; 105];
        let mut row = Row::new(frame.bytes, self.encoding.page());
        if frame.bytes.len() < kind.width {
            filled[..frame.bytes.len()].copy_from_slice(frame.bytes);
            row.bytes = &filled[..kind.width];
        }
        self.columns(&frame, &row, kind);
        if frame.number == 1 && kind.kind != Kind::FileHeader {
            let fault = Fault::error("missing-01", "the file does not begin with a file header (01)");
            self.faults.push(fault.record(1).offset(frame.offset).between(kind.code, "01"));
        }
        if !self.place(&frame, kind) {
            self.tell(frame, row, None, None);
            return;
        }
        let mut image = None;
        match kind.kind {
            Kind::FileHeader => self.file_header(&frame, &row),
            Kind::CashLetterHeader => self.letter_header(&frame, &row),
            Kind::BundleHeader => self.bundle_header(&frame, &row),
            Kind::CheckDetail => self.check(&frame, &row),
            Kind::ReturnDetail => self.returned(&frame, &row),
            Kind::CheckDetailAddendumA
            | Kind::CheckDetailAddendumB
            | Kind::CheckDetailAddendumC
            | Kind::ReturnAddendumA
            | Kind::ReturnAddendumB
            | Kind::ReturnAddendumC
            | Kind::ReturnAddendumD => self.addendum(&frame, &row, kind),
            Kind::ImageViewDetail => self.view_detail(&frame, &row),
            Kind::ImageViewData => image = self.view_data(&frame, &row),
            Kind::CreditA | Kind::Credit62 => self.credit(&frame, &row),
            Kind::BundleControl => self.bundle_control(&frame, &row),
            Kind::CashLetterControl => self.letter_control(&frame, &row),
            Kind::FileControl => self.file_control(&frame, &row),
            Kind::RoutingNumberSummary => self.routing_summary(&frame, &row),
            Kind::AccountTotals | Kind::NonHitTotals | Kind::BoxSummary => {
                if self.header.is_some() && !self.level_03 {
                    let message = format!("a record {} belongs to level 03 only", kind.code);
                    self.faults.push(Fault::warning("level", message).record(frame.number).offset(frame.offset));
                }
            }
            Kind::ImageViewAnalysis | Kind::UserRecord => {}
        }
        let (number, place) = (frame.number, self.stack.last().map(|open| open.place));
        self.tell(frame, row, place, image);
        if let Some(layout) = self.undecided.as_ref().filter(|u| u.record == number).and_then(Undecided::by_its_fields)
            && let Some(credit) = self.undecided.take()
        {
            self.credit_is(&credit, layout);
        }
        if let Some(open) = self.stack.last()
            && open.place.closed_by() == Some(kind.code)
            && open.place != Place::File
        {
            let place = open.place;
            self.stack.pop();
            self.closed(place);
        }
    }

    fn tell(&mut self, frame: Frame<'_>, row: Row<'_>, place: Option<Place>, image: Option<(usize, usize)>) {
        let (letter, bundle, in_bundle) = (self.letters.len(), self.bundles, self.in_bundle());
        self.sink.record(&Seen { frame, row, place, letter, bundle, in_bundle, image });
    }

    fn unknown(&mut self, frame: &Frame<'_>) {
        let fault = match foreign_type(frame, self.encoding) {
            Some(_) if std::mem::replace(&mut self.mixed, true) => return,
            Some(other) => Fault::error("mixed-encoding", "the file begins in one encoding and goes on in another")
                .between(other.as_str(), self.encoding.as_str()),
            None => Fault::error("record-type", "a record of a type that no level knows; it is skipped")
                .between(shown_code(frame, self.encoding), "a type of X9.100-187"),
        };
        self.faults.push(fault.record(frame.number).offset(frame.offset));
    }

    /// Has the record the length of its type, and only text in its columns?
    fn columns(&mut self, frame: &Frame<'_>, row: &Row<'_>, kind: &RecordType) {
        let width = kind.width;
        if frame.bytes.len() < width || (!kind.varies && frame.bytes.len() > width) {
            let cut = self.physical.layout == Layout::Lines && frame.bytes.len() < width;
            let severity = if cut { Severity::Warning } else { Severity::Error };
            let message = format!("the record has the wrong length for its type {}", kind.code);
            self.faults.push(
                Fault::new(severity, "record-length", message)
                    .record(frame.number)
                    .offset(frame.offset)
                    .between(format!("{} bytes", frame.bytes.len()), format!("{width} bytes")),
            );
        }
        if let Some((at, byte)) = row.control_character(width) {
            let fault = Fault::warning("control-character", format!("a control character in record {}", kind.code));
            let fault = fault.record(frame.number).column(at as u64 + 1).offset(frame.offset + at as u64);
            self.faults.push(fault.between(format!("byte {byte:02x}"), "text"));
        }
    }

    /// Walks to the place where the record may stand, closing what ends before it. False: it cannot be used.
    fn place(&mut self, frame: &Frame<'_>, kind: &RecordType) -> bool {
        let found = self.stack.iter().rposition(|open| row_of(open.place, kind.kind).is_some());
        let depth = match found {
            Some(depth) => depth,
            None => {
                let Some(parent) = parent_of(kind.code) else { return false };
                let message = format!("a record {} outside {}", kind.code, parent.as_str());
                self.faults.push(Fault::error("order", message).record(frame.number).offset(frame.offset));
                // An item or a bundle is kept although what should stand around it is missing.
                if !matches!(kind.code, "20" | "25" | "31" | "61" | "62") {
                    return false;
                }
                if !self.stack.iter().any(|o| o.place == Place::Letter) {
                    self.close_to(1, frame.number, frame.offset);
                    self.open(Place::Letter, frame);
                }
                if parent == Place::Bundle && kind.code != "20" {
                    self.open(Place::Bundle, frame);
                }
                self.stack.len() - 1
            }
        };
        if self.stack.len() > depth + 1 {
            self.close_to(depth + 1, frame.number, frame.offset);
        }
        let Some(open) = self.stack.last_mut() else { return false };
        let Some((row, nesting)) = row_of(open.place, kind.kind) else { return false };
        if nesting.rank != 0 && nesting.rank < open.rank {
            let message = format!("a record {} comes too late in {}", kind.code, open.place.as_str());
            self.faults.push(Fault::error("order", message).record(frame.number).offset(frame.offset));
        }
        open.rank = open.rank.max(nesting.rank);
        let place = open.place;
        self.counts[row] += 1;
        if self.counts[row] > nesting.at_most {
            let message = format!("more than {} records {} in {}", nesting.at_most, kind.code, place.as_str());
            self.faults.push(Fault::error("order", message).record(frame.number).offset(frame.offset));
        }
        if let Some(opens) = nesting.opens {
            self.open(opens, frame);
        }
        true
    }

    fn open(&mut self, place: Place, frame: &Frame<'_>) {
        self.stack.push(Open { place, rank: 0, record: frame.number });
        let (from, to) = ROWS_OF[place as usize];
        self.counts[from..to].fill(0);
        match place {
            Place::Letter => {
                self.letter = Sums::default();
                self.routings.begin_letter();
                self.sequences = Sequences::default();
            }
            Place::Bundle => {
                self.bundle = Sums::default();
                self.bundle_kind = None;
                self.letter.bundles += 1;
                self.bundles += 1;
            }
            Place::Check | Place::Return => {
                self.item = Some(OpenItem {
                    record: frame.number,
                    offset: frame.offset,
                    is_check: place == Place::Check,
                    ..OpenItem::default()
                });
            }
            Place::File | Place::Credit | Place::View => {}
        }
    }

    /// Ends all places deeper than `depth`, before the record at `offset`.
    fn close_to(&mut self, depth: usize, record: u64, offset: u64) {
        while self.stack.len() > depth {
            let Some(open) = self.stack.pop() else { return };
            if let Some(control) = open.place.closed_by() {
                let code = match control {
                    "70" => "missing-70",
                    "90" => "missing-90",
                    _ => "missing-99",
                };
                let message = format!(
                    "{} that began at record {} has no control record {control}",
                    open.place.as_str(),
                    open.record
                );
                self.faults.push(Fault::error(code, message).record(record).offset(offset));
            }
            self.closed(open.place);
        }
    }

    fn closed(&mut self, place: Place) {
        match place {
            Place::View => self.close_view(),
            Place::Check | Place::Return => self.close_item(),
            Place::Letter => self.decide_credit(),
            Place::Bundle | Place::Credit | Place::File => {}
        }
        self.sink.closed(place);
    }

    fn close_view(&mut self) {
        let Some(view) = self.view.take() else { return };
        if !view.has_data && view.expects_image {
            let message = "an image view (50) without its image data (52)";
            self.faults.push(Fault::error("missing-52", message).record(view.record).offset(view.offset));
        }
    }

    /// What can be said of an item only when all of it is there.
    fn close_item(&mut self) {
        let Some(item) = self.item.take() else { return };
        let at = |fault: Fault| fault.record(item.record).offset(item.offset);
        match item.stated_addenda {
            Some(stated) if stated != item.addenda && stated != 0 => self.faults.push(at(Fault::error(
                "addendum-count",
                "the item does not have as many addenda as it says",
            )
            .between(stated.to_string(), item.addenda.to_string()))),
            Some(0) if item.addenda > 0 => {
                let fault = Fault::warning("addendum-count", "the item says that it has no addenda");
                self.faults.push(at(fault.between("0", item.addenda.to_string())));
            }
            _ => {}
        }
        if self.with_images && item.is_check {
            for (code, name, there) in [("front-missing", "front", item.front), ("back-missing", "back", item.back)] {
                if !there {
                    self.faults.push(at(Fault::warning(code, format!("the check has no {name} image"))));
                }
            }
        }
    }

    /// A fault of one field, found by its standard name.
    fn field(&mut self, frame: &Frame<'_>, severity: Severity, code: &'static str, column: Column, unfit: Unfit) {
        let name = frame.kind.map_or("", |k| k.code);
        let message = format!("record {name} field {} cannot be right", column.name);
        let from = u64::from(column.from);
        let fault = Fault::new(severity, code, message).record(frame.number).column(from);
        self.faults.push(fault.offset(frame.offset + from - 1).between(unfit.found, unfit.expected));
    }

    fn warn(&mut self, frame: &Frame<'_>, code: &'static str, column: Column, found: String, expected: &str) {
        self.field(frame, Severity::Warning, code, column, Unfit { found, expected: expected.into() });
    }

    fn error(&mut self, frame: &Frame<'_>, code: &'static str, column: Column, found: String, expected: &str) {
        self.field(frame, Severity::Error, code, column, Unfit { found, expected: expected.into() });
    }

    fn overflow(&mut self, frame: &Frame<'_>) {
        let fault = Fault::error("overflow", "the total is larger than the program can hold");
        self.faults.push(fault.record(frame.number).offset(frame.offset));
    }

    fn date(&mut self, frame: &Frame<'_>, row: &Row<'_>, column: Column) {
        match row.day(column) {
            Ok(Some(_)) => {}
            Ok(None) => self.error(frame, "date", column, String::new(), "a date YYYYMMDD"),
            Err(unfit) => self.field(frame, Severity::Error, "date", column, unfit),
        }
    }

    fn routing(&mut self, frame: &Frame<'_>, row: &Row<'_>, column: Column) {
        let routing = row.text(column);
        if RoutingNumber::new(&routing).is_err() {
            self.warn(frame, "routing", column, routing, "nine digits with a good check digit");
        }
    }

    /// One of the characters that a field may have?
    fn one_of(&mut self, frame: &Frame<'_>, row: &Row<'_>, column: Column, known: &[u8], rule: (&'static str, &str)) {
        if !known.contains(&row.letter(column)) {
            self.warn(frame, rule.0, column, row.text(column), rule.1);
        }
    }

    fn file_header(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        let Ok(header) = FileHeader::read(&latin::<80>(row)) else { return };
        if !matches!(header.standard_level.bytes(), b"03" | b"30" | b"35") {
            self.error(frame, "level", at!(FileHeader.standard_level), header.standard_level.text(), "03, 30 or 35");
        }
        if !matches!(header.test_indicator.bytes(), b"P" | b"T") {
            let found = header.test_indicator.text();
            self.error(frame, "test-indicator", at!(FileHeader.test_indicator), found, "P or T");
        }
        self.routing(frame, row, at!(FileHeader.immediate_destination_routing));
        self.date(frame, row, at!(FileHeader.file_creation_date));
        let time = header.file_creation_time.bytes();
        if !(time.iter().all(u8::is_ascii_digit) && &time[..2] < b"24".as_slice() && &time[2..] < b"60".as_slice()) {
            let found = header.file_creation_time.text();
            self.warn(frame, "time", at!(FileHeader.file_creation_time), found, "HHMM");
        }
        let rule = ("resend-indicator", "Y or N");
        self.one_of(frame, row, at!(FileHeader.resend_indicator), b"YN", rule);
        self.level_03 = header.standard_level.bytes() == b"03";
        self.header.get_or_insert(header);
    }

    fn letter_header(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        let Ok(header) = CashLetterHeader::read(&latin::<80>(row)) else { return };
        self.date(frame, row, at!(CashLetterHeader.business_date));
        self.date(frame, row, at!(CashLetterHeader.creation_date));
        self.routing(frame, row, at!(CashLetterHeader.destination_routing));
        let rule = ("record-type-indicator", "N, E, I or F");
        self.one_of(frame, row, at!(CashLetterHeader.record_type_indicator), b"NEIF", rule);
        let collection = at!(CashLetterHeader.collection_type);
        match row.number(collection) {
            Ok(Some(0..=6 | 20 | 99)) => {}
            Ok(Some(_)) => {
                let expected = "00 to 06, 20 or 99; other codes are a bank's own";
                self.warn(frame, "collection-type", collection, row.text(collection), expected);
            }
            _ => self.error(frame, "collection-type", collection, row.text(collection), "two digits"),
        }
        self.with_images = header.record_type_indicator.bytes() == b"I";
        self.letter_count += 1;
        if self.letters.len() == MOST_LETTERS {
            if self.letter_count as usize == MOST_LETTERS + 1 {
                let fault = Fault::error("limit", format!("more than {MOST_LETTERS} cash letters in one file"));
                self.faults.push(fault.record(frame.number).offset(frame.offset));
            }
            return;
        }
        self.letters.push(Letter {
            header,
            records: (frame.number, frame.number),
            checks: 0,
            check_total: Cents::ZERO,
            returns: 0,
            return_total: Cents::ZERO,
            credits: 0,
            credit_total: Cents::ZERO,
            stated_items: None,
            stated_total: None,
        });
    }

    fn bundle_header(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        self.date(frame, row, at!(BundleHeader.business_date));
        self.date(frame, row, at!(BundleHeader.creation_date));
        let Some(letter) = self.letters.last().map(|letter| letter.header) else { return };
        let of_letter = "that of the cash letter";
        let collection = at!(BundleHeader.collection_type);
        if row.latin(collection) != letter.collection_type.bytes() && letter.collection_type.bytes() != b"99" {
            self.warn(frame, "collection-type", collection, row.text(collection), of_letter);
        }
        for (code, column, letters) in [
            ("business-date", at!(BundleHeader.business_date), &letter.business_date.bytes()[..]),
            ("destination", at!(BundleHeader.destination_routing), letter.destination_routing.bytes()),
            ("ece-institution", at!(BundleHeader.ece_institution_routing), letter.ece_institution_routing.bytes()),
        ] {
            if row.latin(column) != letters {
                self.warn(frame, code, column, row.text(column), of_letter);
            }
        }
    }

    fn one_kind_per_bundle(&mut self, frame: &Frame<'_>, kind: Kind) {
        if *self.bundle_kind.get_or_insert(kind) != kind {
            let message = "a bundle holds forward items or returns, not both";
            self.faults.push(Fault::error("mixed-bundle", message).record(frame.number).offset(frame.offset));
            self.bundle_kind = Some(kind);
        }
    }

    fn amount(&mut self, frame: &Frame<'_>, row: &Row<'_>, column: Column) -> Cents {
        match row.cents(column) {
            Ok(Some(amount)) => {
                if amount.is_zero() {
                    self.warn(frame, "amount-zero", column, "0".into(), "an amount");
                }
                amount
            }
            Ok(None) => {
                self.error(frame, "amount", column, String::new(), "digits");
                Cents::ZERO
            }
            Err(unfit) => {
                self.field(frame, Severity::Error, "amount", column, unfit);
                Cents::ZERO
            }
        }
    }

    fn add_item(&mut self, frame: &Frame<'_>, amount: Cents, micr_valid: bool) {
        for sums in [&mut self.bundle, &mut self.total] {
            if sums.add_item(amount, micr_valid).is_err() {
                let fault = Fault::error("overflow", "the total is larger than the program can hold");
                self.faults.push(fault.record(frame.number).offset(frame.offset));
            }
        }
    }

    fn check(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        self.one_kind_per_bundle(frame, Kind::CheckDetail);
        let amount = self.amount(frame, row, at!(CheckDetail.item_amount));
        let (eight, digit) = (at!(CheckDetail.payor_bank_routing), at!(CheckDetail.payor_bank_routing_check_digit));
        let routing = row.number(Column { to: digit.to, ..eight }).ok().flatten();
        let all_digits = row.is_digits(eight) && row.is_digits(digit);
        match routing.filter(|_| all_digits) {
            Some(number) if checks_out(number) => self.routings.add(number, amount),
            // The eight digits of a Canadian number have no check digit.
            None if row.is_digits(eight) && row.is_blank(digit) => {}
            _ => {
                let found = row.text(eight) + &row.text(digit);
                self.warn(frame, "routing", eight, found, "nine digits with a good check digit");
            }
        }
        let sequence = row.number(at!(CheckDetail.ece_item_sequence_number)).ok().flatten();
        if sequence.is_none() {
            let column = at!(CheckDetail.ece_item_sequence_number);
            self.warn(frame, "sequence", column, row.text(column), "the item's number");
        }
        if sequence.is_some_and(|number| number != 0 && self.sequences.is_repeated(number)) {
            let column = at!(CheckDetail.ece_item_sequence_number);
            let expected = "a number that no other item of the cash letter has";
            self.warn(frame, "duplicate-sequence", column, row.text(column), expected);
        }
        for column in [at!(CheckDetail.on_us), at!(CheckDetail.auxiliary_on_us)] {
            if !is_micr(row, column) {
                let found = "other characters".to_string();
                self.warn(frame, "micr-characters", column, found, "digits, blank, -, / and *");
            }
        }
        self.add_item(frame, amount, row.letter(at!(CheckDetail.micr_valid_indicator)) == b'1');
        if let Some(letter) = self.letters.last_mut() {
            letter.checks += 1;
            letter.check_total = letter.check_total.plus(amount).unwrap_or(letter.check_total);
        }
        if let Some(undecided) = &mut self.undecided {
            undecided.covers(amount);
        }
        if let Some(item) = &mut self.item {
            item.stated_addenda = row.number(at!(CheckDetail.addendum_count)).ok().flatten();
            item.sequence = sequence;
        }
    }

    fn returned(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        self.one_kind_per_bundle(frame, Kind::ReturnDetail);
        let amount = self.amount(frame, row, at!(ReturnDetail.item_amount));
        self.returns += 1;
        self.return_total = self.return_total.plus(amount).unwrap_or(self.return_total);
        self.add_item(frame, amount, false);
        if row.is_blank(at!(ReturnDetail.return_reason)) {
            let column = at!(ReturnDetail.return_reason);
            self.warn(frame, "return-reason", column, String::new(), "a reason for the return");
        }
        if let Some(letter) = self.letters.last_mut() {
            letter.returns += 1;
            letter.return_total = letter.return_total.plus(amount).unwrap_or(letter.return_total);
        }
        if let Some(item) = &mut self.item {
            item.stated_addenda = row.number(at!(ReturnDetail.addendum_count)).ok().flatten();
            item.sequence = row.number(at!(ReturnDetail.ece_item_sequence_number)).ok().flatten();
        }
    }

    fn addendum(&mut self, frame: &Frame<'_>, row: &Row<'_>, kind: &'static RecordType) {
        if kind.varies {
            let column = at!(CheckDetailAddendumB.image_reference_key_length);
            let stated = row.number(column).ok().flatten().unwrap_or(0);
            if frame.bytes.len() as u64 != 46 + stated {
                let fault = Fault::error("key-length", "the image reference key does not have its stated length");
                let fault = fault.record(frame.number).column(u64::from(column.from));
                let fault = fault.offset(frame.offset + u64::from(column.from) - 1);
                let (found, expected) = (frame.bytes.len(), 46 + stated);
                self.faults.push(fault.between(format!("{found} bytes"), format!("{expected} bytes")));
            }
        }
        if let Some(item) = &mut self.item {
            item.addenda += 1;
        }
    }

    fn view_detail(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        let side = at!(ImageViewDetail.view_side);
        if !matches!(row.letter(side), b'0' | b'1') {
            self.error(frame, "view-side", side, row.text(side), "0 front or 1 back");
        }
        let rule = ("image-indicator", "0 to 3");
        self.one_of(frame, row, at!(ImageViewDetail.image_indicator), b"0123", rule);
        self.view = Some(OpenView {
            record: frame.number,
            offset: frame.offset,
            expects_image: row.letter(at!(ImageViewDetail.image_indicator)) != b'0',
            is_tiff: matches!(row.number(at!(ImageViewDetail.view_format)), Ok(None | Some(0))),
            is_back: row.letter(side) == b'1',
            has_data: false,
        });
    }

    /// Where the image of a 52 begins and how long it is, when its lengths agree.
    fn view_data(&mut self, frame: &Frame<'_>, row: &Row<'_>) -> Option<(usize, usize)> {
        let lengths = image_range(frame.bytes, self.encoding);
        let range = match lengths {
            Ok((start, length)) if start + length == frame.bytes.len() => Some((start, length)),
            Ok((start, length)) => {
                let fault = Fault::error("image-length", "the image does not have its stated length; it is left out");
                let there = frame.bytes.len().saturating_sub(start);
                let fault = fault.record(frame.number).offset(frame.offset + start.min(frame.bytes.len()) as u64);
                self.faults.push(fault.between(format!("{there} bytes there"), format!("{length} bytes as stated")));
                None
            }
            Err((at, found)) => {
                let message = "a length field of the image record is not a number or lies outside the record";
                let fault = Fault::error("image-length", message).record(frame.number).column(at as u64 + 1);
                let fault = fault.offset(frame.offset + at as u64);
                self.faults.push(fault.between(found, "digits, and the record long enough"));
                None
            }
        };
        let (view, item) = (self.view, self.item);
        let expects_image = view.is_some_and(|v| v.expects_image);
        let image = range.filter(|(_, length)| *length > 0);
        if image.is_none() && range.is_some() && expects_image {
            let fault = Fault::error("image-length", "the image record holds no image");
            self.faults.push(fault.record(frame.number).offset(frame.offset).between("0 bytes", "an image"));
        }
        if let Some((start, length)) = image
            && view.is_none_or(|v| v.is_tiff)
        {
            self.tiff(frame, start, frame.bytes.get(start..start + length).unwrap_or_default());
        }
        let view = self.view.as_mut()?;
        view.has_data = true;
        if let Some(ours) = item.and_then(|item| item.sequence)
            && let Ok(Some(theirs)) = row.number(at!(ImageViewData.ece_item_sequence_number))
            && ours != theirs
        {
            let fault = Fault::warning("image-sequence", "the image carries another item's sequence number");
            let fault = fault.record(view.record).offset(view.offset);
            self.faults.push(fault.between(theirs.to_string(), ours.to_string()));
        }
        if let Some(item) = &mut self.item
            && image.is_some()
        {
            item.back |= view.is_back;
            item.front |= !view.is_back;
        }
        // Counted by 50 records, as the standard does; a view without an image indicator is no image.
        let of_credit = item.is_none();
        let sums =
            if self.in_bundle() { [&mut self.bundle, &mut self.total] } else { [&mut self.letter, &mut self.total] };
        for sums in sums {
            if of_credit { sums.credit_images += 1 } else { sums.images += 1 }
        }
        image
    }

    fn tiff(&mut self, frame: &Frame<'_>, start: usize, bytes: &[u8]) {
        if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
            return;
        }
        let base64 = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(b));
        let message = if base64 { "the image is base64 or hex text, not a TIFF" } else { "the image is not a TIFF" };
        let found = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
        let fault = Fault::warning("image-format", message).record(frame.number).offset(frame.offset + start as u64);
        self.faults.push(fault.between(found, "49 49 2a 00 or 4d 4d 00 2a"));
    }

    fn in_bundle(&self) -> bool {
        self.stack.iter().any(|o| o.place == Place::Bundle)
    }

    fn finish(mut self, end: u64) -> Summary {
        let closed = self.counts.iter().zip(NESTING).any(|(n, row)| row.child == "99" && *n > 0);
        self.close_to(1, self.records, end);
        self.decide_credit();
        if !closed {
            let fault = Fault::error("missing-99", "the file has no file control record (99): it may be cut short");
            self.faults.push(fault.record(self.records).offset(end));
        }
        let convention = self.control.settle(&mut self.faults, self.total.credits > 0);
        self.faults.sort();
        Summary {
            physical: self.physical,
            header: self.header,
            letters: self.letters,
            records: self.records,
            bundles: self.bundles,
            checks: self.total.items.saturating_sub(self.returns),
            returns: self.returns,
            credits: self.total.credits,
            images: self.total.images + self.total.credit_images,
            check_total: self.total.amount.minus(self.return_total).unwrap_or(Cents::ZERO),
            return_total: self.return_total,
            credit_total: self.total.credit_amount,
            stated_items: self.stated_items,
            stated_total: self.stated_total,
            convention,
            faults: self.faults,
        }
    }
}

/// The first columns of a record in Latin-1, blank where it is too short.
pub fn latin<const N: usize>(row: &Row<'_>) -> [u8; N] {
    let mut text = [b' '; N];
    let have = row.bytes.len().min(N);
    text[..have].copy_from_slice(&row.bytes[..have]);
    if let Some(page) = row.page {
        page.decode(&mut text[..have]);
    }
    text
}

/// Only characters of the account line?
fn is_micr(row: &Row<'_>, column: Column) -> bool {
    let [zero, blank, dash, slash, star] = if row.page.is_some() { [0xf0, 0x40, 0x60, 0x61, 0x5c] } else { *b"0 -/*" };
    row.raw(column).iter().fold(true, |good, b| {
        good & ((b.wrapping_sub(zero) <= 9) | (*b == blank) | (*b == dash) | (*b == slash) | (*b == star))
    })
}

/// Start of the image in a record and its stated length. `Err`: the place of the length field that is no number.
fn image_range(record: &[u8], encoding: Encoding) -> Result<(usize, usize), (usize, String)> {
    let number = |from: usize, to: usize| -> Result<usize, (usize, String)> {
        let columns = record.get(from..to).ok_or_else(|| (from.min(record.len()), "the record ends".to_string()))?;
        let mut digits = [b' '; 7];
        let digits = &mut digits[..to - from];
        digits.copy_from_slice(columns);
        encoding.decode(digits);
        let number = number_of(digits).map_err(|unfit| (from, unfit.found))?;
        usize::try_from(number.unwrap_or(0)).map_err(|_| (from, text_of(digits)))
    };
    let key = number(101, 105)?;
    let signature = number(105 + key, 110 + key)?;
    let at = 110 + key + signature;
    let image = number(at, at + 7)?;
    Ok((at + 7, image))
}
