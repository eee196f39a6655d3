//! Pixels to readings: one document with all its images in, what can be said of it out. The side and the way up are chosen
//! by evidence: each look at the page runs the readers of account lines, stub lines and barcodes, and the first that is
//! sure ends the search. What cannot be read is a problem in the reading, never an error.

pub mod amount;
pub mod barcode;
pub mod check_digit;
pub mod kind;
pub mod layout;
pub mod learn;
pub mod marks;
pub mod micr;
pub mod net;
mod problems;
pub mod scanline;
pub mod trace;

use crate::domain::{AmountRead, AmountSource, DocumentKind, ImageRole, MicrRead, Problem, Quality, Reading, Reason};
use crate::imaging::clean::{Cleaned, clean};
use crate::imaging::{self, Page, PageError, Raster, Transform, Upright, quality};
use kind::Evidence;
use layout::Layouts;

/// One image of the document.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub role: ImageRole,
    /// Comes back as the reading's `file` when this is the image that was read.
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// What the caller knows of the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expect {
    #[default]
    Auto,
    Check,
    Stub,
    /// The image is one account line and little else.
    MicrLine,
    /// The image is one stub line and little else.
    Scanline,
}

#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub images: &'a [Source<'a>],
    /// Of the index or the caller.
    pub dpi: Option<u32>,
    /// The scanner's magnetic read, in our alphabet.
    pub magnetic: Option<&'a str>,
    pub expect: Expect,
    pub layouts: &'a Layouts,
}

/// A reading that says nothing yet.
pub fn nothing(file: &str) -> Reading {
    Reading {
        file: file.to_string(),
        page: 0,
        kind: DocumentKind::Unknown,
        kind_confidence: 0.0,
        rotation: 0,
        mirrored: false,
        skew_deg: 0.0,
        dpi: 0,
        quality: Quality::default(),
        micr: None,
        scanline: None,
        barcodes: Vec::new(),
        marks: Vec::new(),
        amount: AmountRead::default(),
        problems: Vec::new(),
        ms: 0.0,
    }
}

/// Evidence of this strength ends the search for the side and the way up.
const SURE: f32 = 0.9;
/// Evidence of this strength leaves no reason to look at the back.
const LIKELY: f32 = 0.7;
/// Evidence below this is no reason to believe that the page stands upright.
const SOME: f32 = 0.3;

/// One image, loaded and cleaned.
struct Sheet<'a> {
    source: &'a Source<'a>,
    /// Which page of the file, from 0.
    number: u32,
    page: Page,
    cleaned: Cleaned,
}

/// What the readers saw on one sheet, one way up.
struct Look {
    sheet: usize,
    turn: u16,
    mirrored: bool,
    upright: Upright,
    evidence: Evidence,
}

/// Reads one document. `ms` is left 0: whoever holds a clock fills it in.
pub fn decode(request: &Request) -> Reading {
    match request.expect {
        Expect::MicrLine | Expect::Scanline => single_line(request),
        Expect::Auto | Expect::Check | Expect::Stub => document(request),
    }
}

fn document(request: &Request) -> Reading {
    let Search { sheets, best, problems, .. } = examine(request);
    reading_of(request, &sheets, best, problems)
}

/// Opens the images and looks at them until it is clear which one shows what.
fn examine<'a>(request: &'a Request<'a>) -> Search<'a> {
    let order = [ImageRole::Front, ImageRole::FrontGray, ImageRole::Back, ImageRole::BackGray];
    let mut sources: Vec<&Source> = request.images.iter().filter(|s| order.contains(&s.role)).collect();
    sources.sort_by_key(|s| order.iter().position(|r| *r == s.role));
    let mut search = Search { request, sheets: Vec::new(), best: None, problems: Vec::new(), tried: Vec::new() };
    search.run(&sources);
    search
}

fn reading_of(request: &Request, sheets: &[Sheet], best: Option<Look>, problems: Vec<Problem>) -> Reading {
    let mut reading = nothing(request.images.first().map_or("", |s| s.name));
    reading.problems = problems;
    let Some(best) = best else {
        if reading.problems.is_empty() {
            reading.problems.push(Problem::new(Reason::ImageUnreadable, "the document has no image"));
        }
        return reading;
    };
    fill(request, sheets, best, &mut reading);
    reading
}

struct Search<'a> {
    request: &'a Request<'a>,
    sheets: Vec<Sheet<'a>>,
    best: Option<Look>,
    problems: Vec<Problem>,
    /// What each look gave, for whoever asks why.
    tried: Vec<String>,
}

impl<'a> Search<'a> {
    fn run(&mut self, sources: &[&'a Source<'a>]) {
        let is_back = |s: &Source| matches!(s.role, ImageRole::Back | ImageRole::BackGray);
        let (backs, fronts): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(|s| is_back(s));
        for source in &fronts {
            // A second picture of the same side is asked only when the first left a doubt.
            match self.best.as_ref().map(|b| (b.evidence.settled(), b.evidence.strength(), b.turn)) {
                Some((true, ..)) => self.check_only(source),
                Some((false, strength, turn)) if strength >= SOME => {
                    self.open(source).map(|n| self.ways_up(n, &[turn]));
                }
                _ => {
                    self.open(source).map(|n| self.ways_up(n, &[0, 180]));
                }
            }
        }
        for source in &backs {
            if self.strength() >= LIKELY {
                self.check_only(source);
            } else {
                self.open(source).map(|n| self.ways_up(n, &[0, 180]));
            }
        }
        // A file of several pages: the later ones are asked in order until one speaks.
        let several: Vec<(&'a Source<'a>, u32)> = self.sheets.iter().map(|s| (s.source, s.page.pages)).collect();
        for (source, pages) in several {
            for number in 1..pages {
                if self.strength() >= LIKELY {
                    break;
                }
                self.open_page(source, number).map(|n| self.ways_up(n, &[0, 180]));
            }
        }
        // Print like an account line's without its transit field: in a mirror the line may read.
        if self.best.as_ref().is_some_and(|b| b.evidence.is_line_without_routing()) {
            (0..self.sheets.len()).any(|n| self.mirrored(n));
        }
        // Nothing yet: a page on its side, and last a mirrored one.
        let half_read = self.best.as_ref().is_some_and(|b| self.line_is_missing(&b.evidence));
        if self.strength() < SOME || half_read {
            for n in 0..self.sheets.len() {
                let turns: &[u16] = if self.on_its_side(n) { &[90, 270] } else { &[] };
                if self.worth_turning(n) && (self.ways_up(n, turns) || self.mirrored(n)) {
                    break;
                }
            }
        }
    }

    fn strength(&self) -> f32 {
        self.best.as_ref().map_or(0.0, |b| b.evidence.strength())
    }

    /// Load and clean; a damaged file is a problem of the document, and no sheet.
    fn open(&mut self, source: &'a Source<'a>) -> Option<usize> {
        self.open_page(source, 0)
    }

    fn open_page(&mut self, source: &'a Source<'a>, number: u32) -> Option<usize> {
        match imaging::load(source.bytes, number) {
            Ok(page) => {
                let cleaned = clean(&page, self.request.dpi);
                self.sheets.push(Sheet { source, number, page, cleaned });
                Some(self.sheets.len() - 1)
            }
            Err(error) => {
                self.unreadable(source, &error);
                None
            }
        }
    }

    /// An image that need not be read must still be whole: it is kept and deposited.
    fn check_only(&mut self, source: &Source) {
        if let Err(error) = imaging::load::check(source.bytes) {
            self.unreadable(source, &error);
        }
    }

    fn unreadable(&mut self, source: &Source, error: &PageError) {
        let message = format!("{} image {}: {error}", source.role.as_str(), source.name);
        self.problems.push(Problem::new(Reason::ImageUnreadable, message));
    }

    /// Looks at a sheet in these turns; true when one look is sure.
    fn ways_up(&mut self, sheet: usize, turns: &[u16]) -> bool {
        turns.iter().any(|&turn| self.look(sheet, turn, false))
    }

    fn mirrored(&mut self, sheet: usize) -> bool {
        [0, 180].into_iter().any(|turn| self.look(sheet, turn, true))
    }

    fn look(&mut self, sheet: usize, turn: u16, mirrored: bool) -> bool {
        let base = &self.sheets[sheet].cleaned.upright;
        if quality::ink_share(&base.bits) < 0.0004 {
            if self.best.is_none() {
                let (upright, evidence) = (base.clone(), Evidence::default());
                self.best = Some(Look { sheet, turn: 0, mirrored: false, upright, evidence });
            }
            return false;
        }
        let mut upright = base.turned(turn);
        if mirrored {
            upright = upright.mirrored();
        }
        let evidence = evidence(&upright, self.request);
        let strength = evidence.strength();
        let settled = evidence.settled() && !self.line_is_missing(&evidence);
        // A barcode reads upside down as well, and says so; lines do not.
        let upside_down = evidence.is_upside_down;
        let sure_way_up = evidence.check() >= SURE || evidence.scanline.as_ref().is_some_and(|s| s.layout.is_some());
        // Without some evidence a page stays as it came.
        let look = Look { sheet, turn, mirrored, upright, evidence };
        self.tried.push(trace::tried(&self.sheets[sheet], &look));
        let better = |best: &Look| strength >= SOME && look.evidence.rank() > best.evidence.rank();
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(look);
        }
        strength >= SURE && (settled && !upside_down || sure_way_up)
    }

    /// The barcode's layout has a printed line too, and it was not found: the page may be upside down.
    fn line_is_missing(&self, evidence: &Evidence) -> bool {
        evidence.scanline.is_none()
            && evidence.barcodes.iter().filter_map(|b| b.layout.as_deref()).any(|name| {
                let layouts = &self.request.layouts.all;
                layouts.iter().any(|l| l.name == name && l.scanline.is_some())
            })
    }

    /// Checks and stubs are wider than high.
    fn on_its_side(&self, sheet: usize) -> bool {
        let bits = &self.sheets[sheet].cleaned.upright.bits;
        bits.height() * 10 > bits.width() * 9
    }

    /// Where there is next to nothing there is nothing to turn.
    fn worth_turning(&self, sheet: usize) -> bool {
        quality::ink_share(&self.sheets[sheet].cleaned.upright.bits) > 0.002
    }
}

/// Runs the readers on a page in one orientation, the likeliest first, and stops when the kind is sure.
fn evidence(upright: &Upright, request: &Request) -> Evidence {
    let (checks, stubs) = (request.expect != Expect::Stub, request.expect != Expect::Check);
    let mut evidence = Evidence::default();
    // A station that reads magnetic ink has told already that this is a check.
    if checks && request.magnetic.is_some() {
        account_line(upright, &mut evidence);
        if evidence.check() >= SURE {
            return evidence;
        }
    }
    // The stub's line costs least, and its check digits prove it.
    if stubs {
        evidence.scanline = scanline::read(upright, request.layouts).map(|line| line.read);
    }
    if stubs {
        // Costs next to nothing where no patch of the page looks like a code.
        (evidence.barcodes, evidence.is_upside_down) = barcode::read_codes(upright, request.layouts);
    }
    if (checks || request.layouts.has_magnetic()) && evidence.micr.is_none() && !evidence.settled() {
        account_line(upright, &mut evidence);
    }
    if stubs {
        magnetic_stub_line(request.layouts, &mut evidence);
    }
    if !checks {
        evidence.micr = None;
    }
    evidence
}

fn account_line(upright: &Upright, evidence: &mut Evidence) {
    if let Some(line) = micr::read(upright) {
        (evidence.micr, evidence.micr_score) = (Some(line.read), line.score);
    }
}

/// A line in magnetic print that a stub layout claims, and that is no whole account line, is the stub's.
fn magnetic_stub_line(layouts: &Layouts, evidence: &mut Evidence) {
    let is_check = |m: &&MicrRead| m.fields.routing_valid == Some(true);
    let Some(micr) = evidence.micr.as_ref().filter(|m| !is_check(m)) else { return };
    if let Some(line) = scanline::magnetic(micr, layouts) {
        evidence.scanline = Some(line);
        (evidence.micr, evidence.micr_score) = (None, 0.0);
    }
}

fn fill(request: &Request, sheets: &[Sheet], best: Look, reading: &mut Reading) {
    let sheet = &sheets[best.sheet];
    reading.file = sheet.source.name.to_string();
    reading.page = sheet.number;
    reading.rotation = best.turn;
    reading.mirrored = best.mirrored;
    reading.skew_deg = if best.mirrored { -sheet.cleaned.skew_deg } else { sheet.cleaned.skew_deg };
    let told = request.dpi.or(sheet.page.dpi) == Some(best.upright.dpi);
    reading.dpi = if told || best.evidence.strength() >= SOME { best.upright.dpi } else { 0 };
    (reading.kind, reading.kind_confidence) = kind::kind(&best.evidence, &best.upright);
    let (quality, faults) = quality::measure(&sheet.page, &sheet.cleaned);
    reading.quality = quality;
    let Evidence { micr, scanline, barcodes, .. } = best.evidence;
    if request.magnetic.is_some() && matches!(reading.kind, DocumentKind::Unknown | DocumentKind::Back) {
        // The station heard an account line: whatever the picture shows, this is a check.
        (reading.kind, reading.kind_confidence) = (DocumentKind::Check, 0.6);
    }
    let seen = micr.clone();
    let micr = match request.magnetic.filter(|_| reading.kind == DocumentKind::Check) {
        Some(magnetic) => Some(micr::combine(&micr.unwrap_or_else(micr::nothing), magnetic)),
        None => micr,
    };
    match reading.kind {
        DocumentKind::Check => reading.micr = micr,
        DocumentKind::Stub => (reading.scanline, reading.barcodes) = (scanline, barcodes),
        // What looked a little like a line and is none is not shown as one.
        _ => (reading.scanline, reading.barcodes) = (scanline, barcodes),
    }
    if reading.kind == DocumentKind::Stub {
        reading.marks = marks::read(&best.upright, request.layouts, reading.scanline.as_ref(), &reading.barcodes);
    }
    reading.quality.piggyback = two_documents(reading);
    if reading.kind == DocumentKind::Check
        && let Some(seen) = amount::Reader::own().and_then(|reader| {
            let line = reading.micr.as_ref().map(|m| &m.fields);
            reader.read(&best.upright, line.and_then(|f| request.layouts.check_zones.of(f)))
        })
    {
        reading.amount = seen;
    }
    if let Some(printed) = reading.micr.as_ref().and_then(printed_amount) {
        let AmountRead { field, guesses, .. } = std::mem::take(&mut reading.amount);
        reading.amount = AmountRead { field, guesses, ..printed };
    }
    problems::raise(request, &faults, seen.as_ref(), reading);
}

/// Codes of two accounts on one image: two stubs lie over each other.
fn two_documents(reading: &Reading) -> bool {
    let proved = |b: &&crate::domain::BarcodeRead| b.layout.is_some() && b.check_digits.iter().all(|c| c.ok);
    let accounts: Vec<&String> =
        reading.barcodes.iter().filter(proved).filter_map(|b| b.fields.get("account")).collect();
    accounts.windows(2).any(|w| w[0] != w[1])
}

/// The amount field at the end of the account line, when each of its characters was read.
fn printed_amount(micr: &MicrRead) -> Option<AmountRead> {
    let value = micr.fields.amount?;
    let from = micr.chars.iter().position(|c| c.c == 'B')?;
    let field = &micr.chars[from..];
    let confidence: f32 = field.iter().map(|c| c.confidence).product();
    let read = confidence >= 0.8 && field.len() >= 11;
    read.then_some(AmountRead {
        value: Some(value),
        source: Some(AmountSource::Micr),
        confidence,
        accepted: confidence >= 0.98 && micr.fields.routing_valid != Some(false),
        ..AmountRead::default()
    })
}

/// An image that is one line and little else: nothing is cut away, the reader finds the line's own geometry.
fn single_line(request: &Request) -> Reading {
    let mut reading = nothing(request.images.first().map_or("", |s| s.name));
    let Some(source) = request.images.first() else { return reading };
    let page = match imaging::load(source.bytes, 0) {
        Ok(page) => page,
        Err(error) => {
            reading.problems.push(Problem::new(Reason::ImageUnreadable, error.to_string()));
            return reading;
        }
    };
    let dpi = request.dpi.or(page.dpi).unwrap_or(200);
    let (bits, gray) = match page.raster {
        Raster::Bits(bits) => (bits, None),
        Raster::Gray(gray) => (imaging::binarize(&gray), Some(gray)),
    };
    let line = Upright { bits, gray, dpi, transform: Transform::IDENTITY };
    reading.dpi = request.dpi.or(page.dpi).unwrap_or(0);
    if request.expect == Expect::MicrLine {
        let micr = micr::read_line(&line);
        (reading.kind, reading.kind_confidence) = (DocumentKind::Check, micr.confidence);
        reading.micr = Some(micr);
        problems::raise(request, &[], None, &mut reading);
    } else {
        let read = scanline::read_line(&line, request.layouts);
        (reading.kind, reading.kind_confidence) = (DocumentKind::Stub, read.confidence);
        reading.scanline = Some(read);
        problems::raise(request, &[], None, &mut reading);
    }
    reading
}
