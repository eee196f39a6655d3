//! Reading a cash letter: one pass, nothing copied but the columns of each record, images as byte ranges of the file.
//! Every rule that is broken becomes a fault with record, column and offset, and reading goes on. Totals are recomputed
//! over 70, 90 and 99 under each credit convention found in the field; the file must hold under one of them throughout.

use super::credit::{self, Credit, CreditLayout};
use super::item::{Addendum, Detail, Item, View};
use super::order::{NESTING, Place, parent_of, row_of};
use super::physical::{Encoding, Frame, Frames, Layout, Physical, detect, shown_code};
use super::records::*;
use super::totals::{Control, Convention, Sums};
use crate::domain::{Cents, RoutingNumber};
use crate::formats::fault::{Fault, Faults, Severity};
use crate::formats::record::{Unfit, number_of, text_of};

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
    pub checks: u64,
    pub check_total: Cents,
    pub credit_total: Cents,
}

/// What `scan` hands out while it reads.
#[derive(Clone, Debug)]
pub enum Piece {
    Item(Item),
    Credit(Credit),
}

/// A whole file in memory, its images still byte ranges.
#[derive(Clone, Debug)]
pub struct X9File {
    pub summary: Summary,
    pub items: Vec<Item>,
    pub credits: Vec<Credit>,
}

impl X9File {
    pub fn is_valid(&self) -> bool {
        self.summary.faults.errors == 0
    }
}

/// Reads a file. `Err` only where it is no cash letter at all.
pub fn read(bytes: &[u8]) -> Result<X9File, Fault> {
    let (mut items, mut credits) = (Vec::new(), Vec::new());
    let summary = scan(bytes, &mut |piece| match piece {
        Piece::Item(item) => items.push(item),
        Piece::Credit(credit) => credits.push(credit),
    })?;
    Ok(X9File { summary, items, credits })
}

/// Reads a file piece by piece, in its order, without holding more than one item.
pub fn scan(bytes: &[u8], sink: &mut dyn FnMut(Piece)) -> Result<Summary, Fault> {
    let Some(physical) = detect(bytes) else {
        let head = text_of(bytes.get(..8.min(bytes.len())).unwrap_or_default());
        return Err(Fault::error("not-x9", "this is no image cash letter: it does not begin with a file header")
            .record(1)
            .offset(0)
            .between(head, "a record of type 01, plain or after a length word"));
    };
    let mut reader = Reader::new(physical, sink);
    if physical.layout == Layout::LittleEndianLengthWords {
        let message = "the length words are little-endian; banks expect big-endian";
        reader.faults.push(Fault::warning("little-endian", message).record(1).offset(0));
    }
    let mut frames = Frames::new(bytes, physical);
    while let Some(frame) = frames.next(&mut reader.faults) {
        reader.record(frame, &frames);
    }
    Ok(reader.finish(bytes.len()))
}

#[derive(Clone, Copy)]
struct Open {
    place: Place,
    rank: u8,
    record: u64,
}

struct Reader<'s> {
    encoding: Encoding,
    physical: Physical,
    sink: &'s mut dyn FnMut(Piece),
    stack: Vec<Open>,
    counts: [u32; NESTING.len()],
    text: [u8; 105],
    item: Option<Item>,
    credit: Option<Credit>,
    view: Option<View>,
    bundle_kind: Option<&'static str>,
    letter: Sums,
    bundle: Sums,
    file: Sums,
    control: Control,
    look_ahead: u32,
    mixed: bool,
    header: Option<FileHeader>,
    letters: Vec<Letter>,
    records: u64,
    bundles: u64,
    last_letter: Option<CashLetterHeader>,
    total: Sums,
    return_total: Cents,
    returns: u64,
    stated_items: Option<u64>,
    stated_total: Option<Cents>,
    faults: Faults,
}

impl<'s> Reader<'s> {
    fn new(physical: Physical, sink: &'s mut dyn FnMut(Piece)) -> Self {
        Reader {
            encoding: physical.encoding,
            physical,
            sink,
            stack: vec![Open { place: Place::File, rank: 0, record: 0 }],
            counts: [0; NESTING.len()],
            text: [b' '; 105],
            item: None,
            credit: None,
            view: None,
            bundle_kind: None,
            letter: Sums::default(),
            bundle: Sums::default(),
            file: Sums::default(),
            control: Control::default(),
            look_ahead: 50,
            mixed: false,
            header: None,
            letters: Vec::new(),
            records: 0,
            bundles: 0,
            last_letter: None,
            total: Sums::default(),
            return_total: Cents::ZERO,
            returns: 0,
            stated_items: None,
            stated_total: None,
            faults: Faults::default(),
        }
    }

    fn record(&mut self, frame: Frame<'_>, frames: &Frames<'_>) {
        self.records = frame.number;
        let Some(kind) = frame.kind else {
            self.unknown(&frame);
            return;
        };
        self.columns(&frame, kind);
        if frame.number == 1 && kind.code != "01" {
            let fault = Fault::error("missing-01", "the file does not begin with a file header (01)");
            self.faults.push(fault.record(1).offset(frame.offset as u64).between(kind.code, "01"));
        }
        if !self.place(&frame, kind.code) {
            return;
        }
        match kind.code {
            "01" => self.file_header(&frame),
            "10" => self.letter_header(&frame),
            "20" => self.bundle_header(&frame),
            "25" => self.check(&frame),
            "31" => self.returned(&frame),
            "26" | "27" | "28" | "32" | "33" | "34" | "35" => self.addendum(&frame, kind),
            "50" => self.view_detail(&frame),
            "52" => self.view_data(&frame),
            "61" | "62" => self.credit(&frame, frames),
            "70" => self.bundle_control(&frame),
            "90" => self.letter_control(&frame),
            "99" => self.file_control(&frame),
            _ => {}
        }
        if let Some(open) = self.stack.last()
            && open.place.closed_by() == Some(kind.code)
            && open.place != Place::File
        {
            self.stack.pop();
        }
    }

    fn unknown(&mut self, frame: &Frame<'_>) {
        let found = shown_code(frame, self.encoding);
        let other = match self.encoding {
            Encoding::Ascii => Encoding::Ebcdic(crate::formats::ebcdic::CodePage::Ibm037),
            Encoding::Ebcdic(_) => Encoding::Ascii,
        };
        let fault = if type_of(shown_code(frame, other).as_bytes()).is_some() {
            if std::mem::replace(&mut self.mixed, true) {
                return;
            }
            Fault::error("mixed-encoding", "the file begins in one encoding and goes on in another")
                .between(other.as_str(), self.encoding.as_str())
        } else {
            Fault::error("record-type", "a record of a type that no level knows; it is skipped")
                .between(found, "a type of X9.100-187")
        };
        self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
    }

    /// The record's columns as Latin-1 in `text`, blank where the record is too short.
    fn columns(&mut self, frame: &Frame<'_>, kind: &RecordType) {
        let width = kind.width;
        let have = frame.bytes.len().min(width);
        self.text[..have].copy_from_slice(&frame.bytes[..have]);
        self.encoding.decode(&mut self.text[..have]);
        self.text[have..].fill(b' ');
        if frame.bytes.len() < width || (!kind.varies && frame.bytes.len() > width) {
            let cut = self.physical.layout == Layout::Lines && frame.bytes.len() < width;
            let severity = if cut { Severity::Warning } else { Severity::Error };
            let message = format!("the record has the wrong length for its type {}", kind.code);
            self.faults.push(
                Fault::new(severity, "record-length", message)
                    .record(frame.number)
                    .offset(frame.offset as u64)
                    .between(format!("{} bytes", frame.bytes.len()), format!("{width} bytes")),
            );
        }
        if let Some(at) = self.text[..have].iter().position(|b| *b < b' ') {
            let fault = Fault::warning("control-character", format!("a control character in record {}", kind.code));
            self.faults.push(
                fault
                    .record(frame.number)
                    .column(at as u64 + 1)
                    .offset((frame.offset + at) as u64)
                    .between(format!("byte {:02x}", self.text[at]), "text"),
            );
        }
    }

    /// Walks to the place where the record may stand, closing what ends before it. False: it cannot be used.
    fn place(&mut self, frame: &Frame<'_>, code: &'static str) -> bool {
        let found = self.stack.iter().rposition(|open| row_of(open.place, code).is_some());
        let depth = match found {
            Some(depth) => depth,
            None => {
                let Some(parent) = parent_of(code) else { return false };
                let message = format!("a record {code} outside {}", parent.as_str());
                self.faults.push(Fault::error("order", message).record(frame.number).offset(frame.offset as u64));
                // An item or a bundle is kept although what should stand around it is missing.
                if !matches!(code, "20" | "25" | "31" | "61" | "62") {
                    return false;
                }
                if !self.stack.iter().any(|o| o.place == Place::Letter) {
                    self.close_to(1, frame.number, frame.offset);
                    self.open(Place::Letter, frame);
                }
                if parent == Place::Bundle && code != "20" {
                    self.open(Place::Bundle, frame);
                }
                self.stack.len() - 1
            }
        };
        self.close_to(depth + 1, frame.number, frame.offset);
        let Some(open) = self.stack.last_mut() else { return false };
        let Some((row, nesting)) = row_of(open.place, code) else { return false };
        if nesting.rank != 0 && nesting.rank < open.rank {
            let message = format!("a record {code} comes too late in {}", open.place.as_str());
            self.faults.push(Fault::error("order", message).record(frame.number).offset(frame.offset as u64));
        }
        open.rank = open.rank.max(nesting.rank);
        let place = open.place;
        self.counts[row] += 1;
        if self.counts[row] > nesting.at_most {
            let message = format!("more than {} records {code} in {}", nesting.at_most, place.as_str());
            self.faults.push(Fault::error("order", message).record(frame.number).offset(frame.offset as u64));
        }
        if let Some(opens) = nesting.opens {
            self.open(opens, frame);
        }
        true
    }

    fn open(&mut self, place: Place, frame: &Frame<'_>) {
        self.stack.push(Open { place, rank: 0, record: frame.number });
        for (count, _) in self.counts.iter_mut().zip(NESTING).filter(|(_, n)| n.parent == place) {
            *count = 0;
        }
        match place {
            Place::Letter => self.letter = Sums::default(),
            Place::Bundle => {
                self.bundle = Sums::default();
                self.bundle_kind = None;
                self.letter.bundles += 1;
                self.bundles += 1;
            }
            _ => {}
        }
    }

    /// Ends all places deeper than `depth`, before the record at `offset`.
    fn close_to(&mut self, depth: usize, record: u64, offset: usize) {
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
                self.faults.push(Fault::error(code, message).record(record).offset(offset as u64));
            }
            self.closed(open.place);
        }
    }

    fn closed(&mut self, place: Place) {
        match place {
            Place::View => self.close_view(),
            Place::Check | Place::Return => {
                if let Some(item) = self.item.take() {
                    self.check_item(&item);
                    (self.sink)(Piece::Item(item));
                }
            }
            Place::Credit => {
                if let Some(credit) = self.credit.take() {
                    (self.sink)(Piece::Credit(credit));
                }
            }
            Place::Bundle | Place::Letter | Place::File => {}
        }
    }

    fn close_view(&mut self) {
        let Some(view) = self.view.take() else { return };
        if view.data.is_none() && view.detail.image_indicator.text() != "0" {
            let message = "an image view (50) without its image data (52)";
            self.faults.push(Fault::error("missing-52", message).record(view.record).offset(view.offset));
        }
        match (&mut self.item, &mut self.credit) {
            (Some(item), _) => item.views.push(view),
            (None, Some(credit)) => credit.views.push(view),
            (None, None) => {}
        }
    }

    /// What can be said of an item only when all of it is there.
    fn check_item(&mut self, item: &Item) {
        let at = |fault: Fault| fault.record(item.record).offset(item.offset);
        let stated = match &item.detail {
            Detail::Check(check) => check.addendum_count.number(),
            Detail::Return(returned) => returned.addendum_count.number(),
        };
        let have = item.addenda.len() as u64;
        match stated {
            Ok(Some(stated)) if stated != have && stated != 0 => self.faults.push(at(Fault::error(
                "addendum-count",
                "the item does not have as many addenda as it says",
            )
            .between(stated.to_string(), have.to_string()))),
            Ok(Some(0)) if have > 0 => {
                self.faults.push(at(Fault::warning("addendum-count", "the item says that it has no addenda")
                    .between("0", have.to_string())))
            }
            _ => {}
        }
        let with_images = self.last_letter.is_some_and(|l| l.record_type_indicator.text() == "I");
        let side = |side: &str| item.views.iter().any(|v| v.detail.view_side.text() == side && v.image.is_some());
        for (code, name, there) in [("front-missing", "front", side("0")), ("back-missing", "back", side("1"))] {
            if with_images && !there && item.is_check() {
                self.faults.push(at(Fault::warning(code, format!("the check has no {name} image"))));
            }
        }
        for view in &item.views {
            let Some(data) = &view.data else { continue };
            let (ours, theirs) = (number_of(item.sequence_bytes()), number_of(data.ece_item_sequence_number.bytes()));
            if let (Ok(Some(ours)), Ok(Some(theirs))) = (ours, theirs)
                && ours != theirs
            {
                let fault = Fault::warning("image-sequence", "the image carries another item's sequence number");
                self.faults
                    .push(fault.record(view.record).offset(view.offset).between(theirs.to_string(), ours.to_string()));
            }
        }
    }

    /// A fault of one field, found by its standard name.
    fn field(&mut self, frame: &Frame<'_>, severity: Severity, code: &'static str, field: &str, unfit: Unfit) {
        let column = frame.kind.and_then(|k| k.columns.iter().find(|c| c.name == field));
        let from = column.map_or(1, |c| u64::from(c.from));
        let name = frame.kind.map_or("", |k| k.code);
        let message = format!("record {name} field {field} cannot be right");
        self.faults.push(
            Fault::new(severity, code, message)
                .record(frame.number)
                .column(from)
                .offset(frame.offset as u64 + from - 1)
                .between(unfit.found, unfit.expected),
        );
    }

    fn warn(&mut self, frame: &Frame<'_>, code: &'static str, field: &str, found: String, expected: &str) {
        self.field(frame, Severity::Warning, code, field, Unfit { found, expected: expected.into() });
    }

    fn error(&mut self, frame: &Frame<'_>, code: &'static str, field: &str, found: String, expected: &str) {
        self.field(frame, Severity::Error, code, field, Unfit { found, expected: expected.into() });
    }

    fn date<const N: usize>(&mut self, frame: &Frame<'_>, field: &str, date: crate::formats::record::kind::Date<N>) {
        match date.day() {
            Ok(Some(_)) => {}
            Ok(None) => self.error(frame, "date", field, String::new(), "a date YYYYMMDD"),
            Err(unfit) => self.field(frame, Severity::Error, "date", field, unfit),
        }
    }

    fn routing(&mut self, frame: &Frame<'_>, field: &str, routing: &str) {
        if RoutingNumber::new(routing).is_err() {
            self.warn(frame, "routing", field, routing.to_string(), "nine digits with a good check digit");
        }
    }

    fn file_header(&mut self, frame: &Frame<'_>) {
        let Ok(header) = FileHeader::read(&self.text[..80]) else { return };
        if !matches!(header.standard_level.bytes(), b"03" | b"30" | b"35") {
            self.error(frame, "level", "standard_level", header.standard_level.text(), "03, 30 or 35");
        }
        if !matches!(header.test_indicator.bytes(), b"P" | b"T") {
            self.error(frame, "test-indicator", "test_indicator", header.test_indicator.text(), "P or T");
        }
        self.routing(frame, "immediate_destination_routing", &header.immediate_destination_routing.text());
        self.date(frame, "file_creation_date", header.file_creation_date);
        let time = header.file_creation_time.bytes();
        if !(time.iter().all(u8::is_ascii_digit) && &time[..2] < b"24".as_slice() && &time[2..] < b"60".as_slice()) {
            self.warn(frame, "time", "file_creation_time", header.file_creation_time.text(), "HHMM");
        }
        if !matches!(header.resend_indicator.bytes(), b"Y" | b"N") {
            self.warn(frame, "resend-indicator", "resend_indicator", header.resend_indicator.text(), "Y or N");
        }
        self.header.get_or_insert(header);
    }

    fn letter_header(&mut self, frame: &Frame<'_>) {
        let Ok(header) = CashLetterHeader::read(&self.text[..80]) else { return };
        self.date(frame, "business_date", header.business_date);
        self.date(frame, "creation_date", header.creation_date);
        self.routing(frame, "destination_routing", &header.destination_routing.text());
        if !matches!(header.record_type_indicator.bytes(), b"N" | b"E" | b"I" | b"F") {
            let found = header.record_type_indicator.text();
            self.warn(frame, "record-type-indicator", "record_type_indicator", found, "N, E, I or F");
        }
        if number_of(header.collection_type.bytes()).ok().flatten().is_none() {
            self.error(frame, "collection-type", "collection_type", header.collection_type.text(), "two digits");
        }
        self.last_letter = Some(header);
        self.letters.push(Letter { header, checks: 0, check_total: Cents::ZERO, credit_total: Cents::ZERO });
    }

    fn bundle_header(&mut self, frame: &Frame<'_>) {
        let Ok(header) = BundleHeader::read(&self.text[..80]) else { return };
        self.date(frame, "business_date", header.business_date);
        self.date(frame, "creation_date", header.creation_date);
        let Some(letter) = self.last_letter else { return };
        if header.collection_type != letter.collection_type && letter.collection_type.bytes() != b"99" {
            let found = header.collection_type.text();
            self.warn(frame, "collection-type", "collection_type", found, "that of the cash letter");
        }
        if header.business_date != letter.business_date {
            self.warn(frame, "business-date", "business_date", header.business_date.text(), "that of the cash letter");
        }
    }

    fn one_kind_per_bundle(&mut self, frame: &Frame<'_>, code: &'static str) {
        if *self.bundle_kind.get_or_insert(code) != code {
            let message = "a bundle holds forward items or returns, not both";
            self.faults.push(Fault::error("mixed-bundle", message).record(frame.number).offset(frame.offset as u64));
            self.bundle_kind = Some(code);
        }
    }

    fn amount(&mut self, frame: &Frame<'_>, read: Result<Option<Cents>, Unfit>) -> Cents {
        match read {
            Ok(Some(amount)) => {
                if amount.is_zero() {
                    self.warn(frame, "amount-zero", "item_amount", "0".into(), "an amount");
                }
                amount
            }
            Ok(None) => {
                self.error(frame, "amount", "item_amount", String::new(), "digits");
                Cents::ZERO
            }
            Err(unfit) => {
                self.field(frame, Severity::Error, "amount", "item_amount", unfit);
                Cents::ZERO
            }
        }
    }

    fn add(&mut self, frame: &Frame<'_>, change: impl Fn(&mut Sums) -> Result<(), crate::domain::MoneyError>) {
        for sums in [&mut self.bundle, &mut self.total] {
            if change(sums).is_err() {
                let fault = Fault::error("overflow", "the total is larger than the program can hold");
                self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
            }
        }
    }

    fn check(&mut self, frame: &Frame<'_>) {
        let Ok(check) = CheckDetail::read(&self.text[..80]) else { return };
        self.one_kind_per_bundle(frame, "25");
        let amount = self.amount(frame, check.item_amount.cents());
        let item = Item::new(frame, Detail::Check(check), self.letters.len(), self.bundles);
        let routing = item.routing();
        // The eight digits of a Canadian number have no check digit.
        if !(routing.len() == 8 && routing.bytes().all(|b| b.is_ascii_digit())) {
            self.routing(frame, "payor_bank_routing", &routing);
        }
        if !matches!(number_of(check.ece_item_sequence_number.bytes()), Ok(Some(_))) {
            let found = check.ece_item_sequence_number.text();
            self.warn(frame, "sequence", "ece_item_sequence_number", found, "the item's number");
        }
        for (name, bytes) in [("on_us", &check.on_us.bytes()[..]), ("auxiliary_on_us", check.auxiliary_on_us.bytes())] {
            if bytes.iter().any(|b| !matches!(b, b'0'..=b'9' | b' ' | b'-' | b'/' | b'*')) {
                self.warn(frame, "micr-characters", name, "other characters".into(), "digits, blank, -, / and *");
            }
        }
        let good = check.micr_valid_indicator.bytes() == b"1";
        self.add(frame, |sums| sums.add_item(amount, good));
        if let Some(letter) = self.letters.last_mut() {
            letter.checks += 1;
            letter.check_total = letter.check_total.plus(amount).unwrap_or(letter.check_total);
        }
        self.item = Some(item);
    }

    fn returned(&mut self, frame: &Frame<'_>) {
        let Ok(returned) = ReturnDetail::read(&self.text[..80]) else { return };
        self.one_kind_per_bundle(frame, "31");
        let amount = self.amount(frame, returned.item_amount.cents());
        self.returns += 1;
        self.return_total = self.return_total.plus(amount).unwrap_or(self.return_total);
        self.add(frame, |sums| sums.add_item(amount, false));
        self.item = Some(Item::new(frame, Detail::Return(returned), self.letters.len(), self.bundles));
    }

    fn addendum(&mut self, frame: &Frame<'_>, kind: &'static RecordType) {
        let mut text = frame.bytes.to_vec();
        self.encoding.decode(&mut text);
        if kind.varies {
            let stated = number_of(text.get(18..22).unwrap_or_default()).ok().flatten().unwrap_or(0);
            if text.len() as u64 != 46 + stated {
                let fault = Fault::error("key-length", "the image reference key does not have its stated length");
                self.faults.push(
                    fault
                        .record(frame.number)
                        .column(19)
                        .offset(frame.offset as u64 + 18)
                        .between(format!("{} bytes", text.len()), format!("{} bytes", 46 + stated)),
                );
            }
        }
        if let Some(item) = &mut self.item {
            item.addenda.push(Addendum { record: frame.number, code: kind.code, text });
        }
    }

    fn view_detail(&mut self, frame: &Frame<'_>) {
        let Ok(detail) = ImageViewDetail::read(&self.text[..80]) else { return };
        if !matches!(detail.view_side.bytes(), b"0" | b"1") {
            self.error(frame, "view-side", "view_side", detail.view_side.text(), "0 front or 1 back");
        }
        if !matches!(detail.image_indicator.bytes(), b"0" | b"1" | b"2" | b"3") {
            self.warn(frame, "image-indicator", "image_indicator", detail.image_indicator.text(), "0 to 3");
        }
        self.view = Some(View { record: frame.number, offset: frame.offset as u64, detail, data: None, image: None });
    }

    fn view_data(&mut self, frame: &Frame<'_>) {
        let Ok(data) = ImageViewData::read(&self.text) else { return };
        let lengths = image_range(frame, self.encoding);
        let range = match lengths {
            Ok((start, length)) if start + length == frame.bytes.len() => Some((start, length)),
            Ok((start, length)) => {
                let fault = Fault::error("image-length", "the image does not have its stated length; it is left out");
                self.faults.push(
                    fault.record(frame.number).offset((frame.offset + start.min(frame.bytes.len())) as u64).between(
                        format!("{} bytes there", frame.bytes.len().saturating_sub(start)),
                        format!("{length} bytes as stated"),
                    ),
                );
                None
            }
            Err((at, found)) => {
                let fault = Fault::error(
                    "image-length",
                    "a length field of the image record is not a number or lies outside the record",
                );
                let fault = fault.record(frame.number).column(at as u64 + 1).offset((frame.offset + at) as u64);
                self.faults.push(fault.between(found, "digits, and the record long enough"));
                None
            }
        };
        let expects_image = self.view.as_ref().is_some_and(|v| v.detail.image_indicator.text() != "0");
        let image = range.filter(|(_, length)| *length > 0);
        if image.is_none() && range.is_some() && expects_image {
            let fault = Fault::error("image-length", "the image record holds no image");
            self.faults.push(fault.record(frame.number).offset(frame.offset as u64).between("0 bytes", "an image"));
        }
        if let Some((start, length)) = image {
            let bytes = frame.bytes.get(start..start + length).unwrap_or_default();
            let tiff =
                self.view.as_ref().is_none_or(|v| matches!(v.detail.view_format.text().as_str(), "" | "00" | "0"));
            if tiff && !bytes.starts_with(b"II*\0") && !bytes.starts_with(b"MM\0*") {
                let base64 = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(b));
                let message =
                    if base64 { "the image is base64 or hex text, not a TIFF" } else { "the image is not a TIFF" };
                let found = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
                let fault =
                    Fault::warning("image-format", message).record(frame.number).offset((frame.offset + start) as u64);
                self.faults.push(fault.between(found, "49 49 2a 00 or 4d 4d 00 2a"));
            }
        }
        if let Some(view) = &mut self.view {
            view.data = Some(data);
            view.image = image.map(|(start, length)| frame.offset + start..frame.offset + start + length);
            // Counted by 50 records, as the standard does; a view without an image indicator is no image.
            let of_credit = self.item.is_none() && self.credit.is_some();
            let sums = if self.in_bundle() {
                [&mut self.bundle, &mut self.total]
            } else {
                [&mut self.letter, &mut self.total]
            };
            for sums in sums {
                if of_credit { sums.credit_images += 1 } else { sums.images += 1 }
            }
        }
    }

    fn in_bundle(&self) -> bool {
        self.stack.iter().any(|o| o.place == Place::Bundle)
    }

    fn credit(&mut self, frame: &Frame<'_>, frames: &Frames<'_>) {
        let in_bundle = self.in_bundle();
        let layout = if frame.kind.is_some_and(|k| k.code == "62") {
            Some(CreditLayout::Record62)
        } else {
            credit::layout_of(&self.text[..80], || {
                if self.look_ahead == 0 {
                    return None;
                }
                self.look_ahead -= 1;
                credit::covered(frames.clone(), self.encoding, in_bundle)
            })
        };
        let Some(layout) = layout else {
            let fault =
                Fault::error("credit-layout", "two layouts of the credit record 61 fit; the profile must say which");
            self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
            return;
        };
        let bundle = in_bundle.then_some(self.bundles);
        let credit = Credit::new(frame, &self.text, layout, self.letters.len(), bundle);
        let amount = match credit.amount {
            Some(amount) => amount,
            None => {
                self.error(frame, "amount", "item_amount", credit.amount_text.clone(), "digits");
                Cents::ZERO
            }
        };
        let sums = if in_bundle { [&mut self.bundle, &mut self.total] } else { [&mut self.letter, &mut self.total] };
        for sums in sums {
            if sums.add_credit(amount).is_err() {
                let fault = Fault::error("overflow", "the total is larger than the program can hold");
                self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
            }
        }
        if let Some(letter) = self.letters.last_mut() {
            letter.credit_total = letter.credit_total.plus(amount).unwrap_or(letter.credit_total);
        }
        self.credit = Some(credit);
    }

    fn bundle_control(&mut self, frame: &Frame<'_>) {
        let Ok(control) = BundleControl::read(&self.text[..80]) else { return };
        let sums = self.bundle;
        self.control.stated(frame, "item_count", control.item_count.number(), |c| sums.items(c), true);
        self.control.stated(frame, "total_amount", units(control.total_amount.cents()), |c| sums.amount(c), true);
        let micr = units(control.micr_valid_total_amount.cents());
        if !matches!(micr, Ok(Some(0))) || sums.micr_valid.is_zero() {
            self.control.stated(frame, "micr_valid_total_amount", micr, |_| Some(sums.micr_valid), false);
        }
        self.control.stated(frame, "image_count", control.image_count.number(), |c| sums.images(c), false);
        if self.letter.add(&sums).is_err() {
            let fault = Fault::error("overflow", "the total is larger than the program can hold");
            self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
        }
    }

    fn letter_control(&mut self, frame: &Frame<'_>) {
        let Ok(control) = CashLetterControl::read(&self.text[..80]) else { return };
        let sums = self.letter;
        self.control.stated(frame, "bundle_count", control.bundle_count.number(), |_| cents(sums.bundles), true);
        self.control.stated(frame, "item_count", control.item_count.number(), |c| sums.items(c), true);
        self.control.stated(frame, "total_amount", units(control.total_amount.cents()), |c| sums.amount(c), true);
        self.control.stated(frame, "image_count", control.image_count.number(), |c| sums.images(c), false);
        if let Err(unfit) = control.settlement_date.day() {
            self.field(frame, Severity::Warning, "date", "settlement_date", unfit);
        }
        if self.file.add(&sums).is_err() {
            let fault = Fault::error("overflow", "the total is larger than the program can hold");
            self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
        }
        if let Some(letter) = self.letters.last()
            && sums.credits > 0
            && letter.checks > 0
            && letter.credit_total != letter.check_total
        {
            let fault = Fault::error("credit-out-of-balance", "the credits of the cash letter do not equal its checks");
            let fault = fault.between(letter.credit_total.to_string(), letter.check_total.to_string());
            self.faults.push(fault.record(frame.number).offset(frame.offset as u64));
        }
    }

    fn file_control(&mut self, frame: &Frame<'_>) {
        let Ok(control) = FileControl::read(&self.text[..80]) else { return };
        self.stated_items = control.total_item_count.number().ok().flatten();
        self.stated_total = control.total_amount.cents().ok().flatten();
        let (sums, letters, records) = (self.file, self.letters.len() as u64, frame.number);
        self.control.stated(frame, "cash_letter_count", control.cash_letter_count.number(), |_| cents(letters), true);
        self.control.stated(frame, "total_record_count", control.total_record_count.number(), |_| cents(records), true);
        self.control.stated(frame, "total_item_count", control.total_item_count.number(), |c| sums.items(c), true);
        self.control.stated(frame, "total_amount", units(control.total_amount.cents()), |c| sums.amount(c), true);
    }

    fn finish(mut self, end: usize) -> Summary {
        let closed = self.counts.iter().zip(NESTING).any(|(n, row)| row.child == "99" && *n > 0);
        self.close_to(1, self.records, end);
        if !closed {
            let fault = Fault::error("missing-99", "the file has no file control record (99): it may be cut short");
            self.faults.push(fault.record(self.records).offset(end as u64));
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

fn cents(count: u64) -> Option<Cents> {
    i64::try_from(count).ok().map(Cents::new)
}

fn units(read: Result<Option<Cents>, Unfit>) -> Result<Option<u64>, Unfit> {
    read.map(|c| c.and_then(|c| u64::try_from(c.get()).ok()))
}

/// Start of the image in the record and its stated length. `Err`: the place of the length field that is no number.
fn image_range(frame: &Frame<'_>, encoding: Encoding) -> Result<(usize, usize), (usize, String)> {
    let number = |from: usize, to: usize| -> Result<usize, (usize, String)> {
        let columns =
            frame.bytes.get(from..to).ok_or_else(|| (from.min(frame.bytes.len()), "the record ends".to_string()))?;
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

/// Start in the record and length of the image of a 52, where its lengths agree with the record.
pub fn image_of(frame: &Frame<'_>, encoding: Encoding) -> Option<(usize, usize)> {
    image_range(frame, encoding).ok().filter(|(start, length)| start + length == frame.bytes.len())
}
