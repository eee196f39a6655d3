//! Pixels to readings: one document with all its images in, what can be said of it out. The side and the way up are chosen
//! by evidence: each look at the page runs the readers of account lines, stub lines and barcodes, and the first that is
//! sure ends the search. What cannot be read is a problem in the reading, never an error.

pub mod amount;
pub mod barcode;
pub mod check_digit;
pub mod glyphs;
pub mod kind;
pub mod layout;
pub mod learn;
pub mod marks;
pub mod micr;
pub mod net;
mod problems;
pub mod scanline;
pub mod trace;

use std::cell::OnceCell;

use crate::domain::{
    AmountRead, AmountSource, BarcodeRead, DocumentKind, ImageRole, MicrRead, Problem, Quality, Reading, Reason,
};
use crate::imaging::clean::{Cleaned, clean, likely_resolutions};
use crate::imaging::quality::Fault;
use crate::imaging::{self, Page, PageError, Raster, Transform, Upright, quality};
use kind::Evidence;
use layout::Layouts;
use micr::find::Pieces;

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
    /// The page turned so; none where it was looked at as it was cleaned.
    turned: Option<Upright>,
    /// The pieces of its ink, once somebody asked for them.
    pieces: OnceCell<Pieces>,
    evidence: Evidence,
}

impl Look {
    fn page<'a>(&'a self, sheets: &'a [Sheet]) -> &'a Upright {
        self.turned.as_ref().unwrap_or_else(|| &sheets[self.sheet].cleaned.upright)
    }
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
        if self.strength() < LIKELY {
            self.other_sizes();
        }
        self.sizes_of_lines();
        // A code that tells how the page lies, and no line that knows better; a mirrored one errs by a quarter.
        let lies = self
            .best
            .as_ref()
            .filter(|b| b.evidence.code_turn % 180 != 0 && b.evidence.scanline.is_none() && self.on_its_side(b.sheet));
        if let Some((sheet, turn)) = lies.map(|b| (b.sheet, (b.turn + b.evidence.code_turn) % 360)) {
            self.look(sheet, turn, false);
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
        // Last of all, where nothing spoke, the line that a frame runs through.
        if self.strength() < SOME && self.request.expect != Expect::Stub {
            (0..self.sheets.len()).any(|n| self.crossed(n));
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

    /// Where nothing told the dots an inch the first guess may be wrong: the next ones that would give a document's size.
    fn other_sizes(&mut self) {
        for n in (0..self.sheets.len()).filter(|n| self.is_guessed(*n)).collect::<Vec<_>>() {
            let guess = self.sheets[n].cleaned.upright.dpi;
            let page = &self.sheets[n].page;
            let others: Vec<u32> = likely_resolutions(page).filter(|dpi| *dpi != guess).take(2).collect();
            self.at_sizes(n, &others, &[0, 180]);
        }
    }

    /// The same of a stub, a photograph's above all, whose line was not found: as evenly standing characters say.
    fn sizes_of_lines(&mut self) {
        const TRIED: usize = 3;
        let is_missing = self.best.as_ref().is_none_or(|b| {
            let evidence = &b.evidence;
            evidence.strength() < LIKELY && evidence.scanline.is_none() || self.line_is_missing(evidence)
        });
        if !is_missing || self.request.expect == Expect::Check || self.request.layouts.scanlines().next().is_none() {
            return;
        }
        for n in (0..self.sheets.len()).filter(|n| self.is_guessed(*n)).collect::<Vec<_>>() {
            let upright = &self.sheets[n].cleaned.upright;
            let mut sizes = scanline::resolutions(&Pieces::of(&upright.bits));
            sizes.retain(|dpi| dpi.abs_diff(upright.dpi) * 25 > upright.dpi);
            sizes.truncate(TRIED);
            self.at_sizes(n, &sizes, &[0, 180]);
        }
    }

    /// Did nobody tell the dots an inch?
    fn is_guessed(&self, sheet: usize) -> bool {
        self.request.dpi.or(self.sheets[sheet].page.dpi) != Some(self.sheets[sheet].cleaned.upright.dpi)
    }

    /// Looks at a sheet as if it had these dots an inch, until one look is sure.
    fn at_sizes(&mut self, sheet: usize, sizes: &[u32], turns: &[u16]) {
        let guess = self.sheets[sheet].cleaned.upright.dpi;
        for &dpi in sizes {
            let upright = &mut self.sheets[sheet].cleaned.upright;
            // The best look keeps the size it was made at.
            if let Some(best) = self.best.as_mut().filter(|b| b.sheet == sheet) {
                best.turned.get_or_insert_with(|| upright.clone());
            }
            upright.dpi = dpi;
            if self.ways_up(sheet, turns) {
                break;
            }
        }
        let best = self.best.as_ref().filter(|b| b.sheet == sheet).map(|b| b.page(&self.sheets).dpi);
        self.sheets[sheet].cleaned.upright.dpi = best.unwrap_or(guess);
    }

    /// Looks at a sheet in these turns; true when one look is sure.
    fn ways_up(&mut self, sheet: usize, turns: &[u16]) -> bool {
        turns.iter().any(|&turn| self.look(sheet, turn, false))
    }

    fn mirrored(&mut self, sheet: usize) -> bool {
        [0, 180].into_iter().any(|turn| self.look(sheet, turn, true))
    }

    /// The way up in which an account line with a frame through it can be read.
    fn crossed(&mut self, sheet: usize) -> bool {
        [0, 180].into_iter().any(|turn| {
            let upright = self.sheets[sheet].cleaned.upright.turned(turn);
            let Some(line) = micr::read_crossed(&upright) else { return false };
            let evidence = Evidence { micr: Some(line.read), micr_score: line.score, ..Evidence::default() };
            let turned = Some(upright);
            self.weigh(Look { sheet, turn, mirrored: false, turned, pieces: OnceCell::new(), evidence });
            self.strength() >= SOME
        })
    }

    fn look(&mut self, sheet: usize, turn: u16, mirrored: bool) -> bool {
        let base = &self.sheets[sheet].cleaned.upright;
        if quality::ink_share(&base.bits) < 0.0004 {
            if self.best.is_none() {
                let (pieces, evidence) = (OnceCell::new(), Evidence::default());
                self.best = Some(Look { sheet, turn: 0, mirrored: false, turned: None, pieces, evidence });
            }
            return false;
        }
        let turned = match (turn, mirrored) {
            (0, false) => None,
            (_, false) => Some(base.turned(turn)),
            (_, true) => Some(base.turned(turn).mirrored()),
        };
        let pieces = OnceCell::new();
        let evidence = evidence(turned.as_ref().unwrap_or(base), &pieces, self.request);
        let strength = evidence.strength();
        let settled = evidence.settled() && !self.line_is_missing(&evidence);
        // A barcode reads in any turn, and tells in which; lines do not.
        let is_turned = evidence.code_turn != 0;
        let sure_way_up = evidence.check() >= SURE || evidence.scanline.as_ref().is_some_and(|s| s.layout.is_some());
        self.weigh(Look { sheet, turn, mirrored, turned, pieces, evidence });
        strength >= SURE && (settled && !is_turned || sure_way_up)
    }

    /// Without some evidence a page stays as it came.
    fn weigh(&mut self, look: Look) {
        self.tried.push(trace::tried(&self.sheets[look.sheet], &look));
        let better = |best: &Look| look.evidence.strength() >= SOME && look.evidence.rank() > best.evidence.rank();
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(look);
        }
    }

    /// The barcode's layout has a printed line too, and none that fits any layout was found: the page may be upside down, or in
    /// a mirror, where a barcode of bars reads as well.
    fn line_is_missing(&self, evidence: &Evidence) -> bool {
        evidence.scanline.as_ref().is_none_or(|s| !s.accepted && s.layout.is_none())
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
fn evidence(upright: &Upright, pieces: &OnceCell<Pieces>, request: &Request) -> Evidence {
    let pieces = || pieces.get_or_init(|| Pieces::of(&upright.bits));
    let (checks, stubs) = (request.expect != Expect::Stub, request.expect != Expect::Check);
    let mut evidence = Evidence::default();
    // A station that reads magnetic ink has told already that this is a check.
    if checks && request.magnetic.is_some() {
        account_line(upright, pieces(), &mut evidence);
        if evidence.check() >= SURE {
            return evidence;
        }
    }
    // The stub's line costs least, and its check digits prove it.
    if stubs && let Some(line) = scanline::read_of(upright, pieces(), request.layouts) {
        (evidence.scanline, evidence.second) = (Some(line.read), line.second);
    }
    if stubs {
        // Costs next to nothing where no patch of the page looks like a code.
        (evidence.barcodes, evidence.code_turn) = barcode::read_codes(upright, request.layouts);
    }
    if (checks || request.layouts.has_magnetic()) && evidence.micr.is_none() && !evidence.settled() {
        account_line(upright, pieces(), &mut evidence);
    }
    if stubs {
        magnetic_stub_line(request.layouts, &mut evidence);
    }
    if !checks {
        evidence.micr = None;
    }
    evidence
}

fn account_line(upright: &Upright, pieces: &Pieces, evidence: &mut Evidence) {
    if let Some(line) = micr::read_of(upright, pieces) {
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
    let upright = best.turned.as_ref().unwrap_or(&sheet.cleaned.upright);
    reading.file = sheet.source.name.to_string();
    reading.page = sheet.number;
    reading.rotation = best.turn;
    reading.mirrored = best.mirrored;
    reading.skew_deg = if best.mirrored { -sheet.cleaned.skew_deg } else { sheet.cleaned.skew_deg };
    let told = request.dpi.or(sheet.page.dpi) == Some(upright.dpi);
    reading.dpi = if told || best.evidence.strength() >= SOME { upright.dpi } else { 0 };
    (reading.kind, reading.kind_confidence) = kind::kind(&best.evidence, upright);
    let (quality, mut faults) = quality::measure(&sheet.page, &sheet.cleaned);
    reading.quality = quality;
    if let Some(fault) =
        short(&best.evidence, upright, told, reading.kind, request.layouts).filter(|_| !reading.quality.partial)
    {
        reading.quality.partial = true;
        reading.quality.score = (reading.quality.score - 0.5).max(0.0);
        faults.push(fault);
    }
    let other = other_document(&best, upright, reading.kind);
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
        reading.marks = marks::read(upright, request.layouts, reading.scanline.as_ref(), &reading.barcodes);
    }
    if other.is_some() {
        // Whichever was read, the money may be meant for the other.
        reading.quality.piggyback = true;
        let half = |sure: f32| sure.min(0.5);
        reading.micr.iter_mut().for_each(|m| (m.accepted, m.confidence) = (false, half(m.confidence)));
        reading.scanline.iter_mut().for_each(|s| (s.accepted, s.confidence) = (false, half(s.confidence)));
    }
    if reading.kind == DocumentKind::Check
        && let Some(seen) = amount::Reader::own().and_then(|reader| {
            let line = reading.micr.as_ref().map(|m| &m.fields);
            reader.read(upright, line.and_then(|f| request.layouts.check_zones.of(f)))
        })
    {
        reading.amount = seen;
    }
    if let Some(printed) = reading.micr.as_ref().and_then(printed_amount) {
        let AmountRead { field, guesses, .. } = std::mem::take(&mut reading.amount);
        reading.amount = AmountRead { field, guesses, ..printed };
    }
    problems::raise(request, &faults, seen.as_ref(), other, reading);
}

/// No check is smaller (X9.100-160: 6 by 2.75 inches, less what a scanner cuts away), and no stub than its layout says.
const LEAST_CHECK: (f32, f32) = (5.6, 2.4);
/// Scanners and scissors take this much of a stub (inches).
const TRIMMED: f32 = 0.3;

/// Is the picture smaller than such a document is? Only where the dots an inch were told.
fn short(evidence: &Evidence, page: &Upright, told: bool, kind: DocumentKind, layouts: &Layouts) -> Option<Fault> {
    let dpi = page.dpi.max(1) as f32;
    let (wide, high) = (page.bits.width() as f32 / dpi, page.bits.height() as f32 / dpi);
    let name = || {
        let line = evidence.scanline.as_ref().and_then(|l| l.layout.as_deref());
        line.or_else(|| evidence.barcodes.iter().find_map(|b| b.layout.as_deref()))
    };
    let is_short = match kind {
        DocumentKind::Check => wide < LEAST_CHECK.0 || high < LEAST_CHECK.1,
        DocumentKind::Stub => {
            let form = name().and_then(|name| layouts.all.iter().find(|l| l.name == name));
            form.and_then(|l| l.size).is_some_and(|(w, h)| wide < w - TRIMMED || high < h - TRIMMED)
        }
        // As wide as a check and too low, or as high as one and too narrow, and written on.
        DocumentKind::Unknown => {
            let is_part = (LEAST_CHECK.0..9.4).contains(&wide) && (0.8..LEAST_CHECK.1).contains(&high)
                || (2.0..LEAST_CHECK.0).contains(&wide) && (LEAST_CHECK.1..4.0).contains(&high);
            is_part && quality::ink_share(&page.bits) > 0.01
        }
        _ => false,
    };
    (told && is_short).then_some(Fault::Short { wide, high })
}

/// What on the page belongs to another document than the one that was read: two lie over each other, or one was scanned
/// with the other still attached.
fn other_document(look: &Look, page: &Upright, kind: DocumentKind) -> Option<&'static str> {
    let evidence = &look.evidence;
    let proved = |b: &&BarcodeRead| b.layout.is_some() && b.check_digits.iter().all(|c| c.ok);
    let codes: Vec<&BarcodeRead> = evidence.barcodes.iter().filter(proved).collect();
    let account = |b: &BarcodeRead| b.fields.get("account").cloned();
    let line = evidence.scanline.as_ref().filter(|l| l.accepted && l.layout.is_some());
    match kind {
        DocumentKind::Stub | DocumentKind::Check => {}
        _ => return None,
    }
    if codes.windows(2).any(|w| account(w[0]) != account(w[1])) {
        return Some("there are codes of two accounts");
    }
    if evidence.second.is_some() {
        return Some("there are two stub lines that say different things");
    }
    if line.is_some_and(|l| codes.iter().any(|c| c.layout != l.layout)) {
        return Some("the printed line and the barcode are of different stubs");
    }
    if kind == DocumentKind::Check && (line.is_some() || !codes.is_empty()) {
        return Some("there are an account line and what stands on a stub");
    }
    let own = evidence.micr.as_ref().filter(|_| kind == DocumentKind::Check);
    another_account_line(look, page, own)
        .then_some("there are the account lines of two checks, or of a check and a stub")
}

/// Does a line with a routing number that holds stand apart from the one that was read? Asked of rows that have the height
/// and the pitch of the standard, and pieces enough for a routing number in its symbols.
fn another_account_line(look: &Look, page: &Upright, own: Option<&MicrRead>) -> bool {
    // A routing number between its symbols, of which pieces of whole height are seen.
    const FEWEST: usize = 8;
    let nominal = 0.117 * page.dpi as f32;
    let middle = |m: &MicrRead| {
        let area = m.chars.get(m.chars.len() / 2)?.bbox;
        Some(page.transform.back((area.x + area.w / 2) as f32, (area.y + area.h / 2) as f32))
    };
    let own = own.and_then(middle);
    let pieces = look.pieces.get_or_init(|| Pieces::of(&page.bits));
    let (least, most) = (0.62 * nominal, 1.5 * nominal);
    micr::find::outlines_of(pieces, least, most, 9, FEWEST).into_iter().any(|row| {
        let is_own = own.is_some_and(|(x, y)| (row.geometry.at(x).y - y).abs() < 2.5 * nominal);
        let is_line = |row| {
            let row = micr::find::filled(pieces, least, most, row);
            let found = micr::read::row(micr::classifier(), page, &row, 14.0);
            micr::text(page, &found, micr::curve()).fields.routing_valid == Some(true)
        };
        let (pitch, high) = (9.615 * row.geometry.sx / page.dpi as f32, 9.0 * row.geometry.sy / nominal);
        let has_size = (0.112..0.14).contains(&pitch) && (0.85..1.15).contains(&high) && row.sample.len() >= FEWEST;
        !is_own && has_size && micr::find::plausible(micr::classifier(), &page.bits, &row) >= 0.7 && is_line(row)
    })
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
        problems::raise(request, &[], None, None, &mut reading);
    } else {
        let read = scanline::read_line(&line, request.layouts);
        (reading.kind, reading.kind_confidence) = (DocumentKind::Stub, read.confidence);
        reading.scanline = Some(read);
        problems::raise(request, &[], None, None, &mut reading);
    }
    reading
}
