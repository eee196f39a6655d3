//! Pages as they should not be: what each distortion costs in reads, which fault of the picture is told and how often one is
//! told that is not there, and every kind of image file that is none. All pictures are the deck's own.

use remit::deck::plan::{Bed, Images, Piece, Plan, Scenario, Source as Tray, Station, plan_of};
use remit::deck::wear::Wear;
use remit::deck::{self, face::Paper};
use remit::decode::layout::Layouts;
use remit::decode::{Expect, Request, Source, decode};
use remit::domain::{Day, DocumentKind, ImageRole, Quality, Reading, Reason};
use remit::imaging::{self, Bits, Gray, PageError, Raster, convert, jpeg, png, tiff};

const STATION: Station = Station {
    images: Images::Tiff,
    dpi: 200,
    bed: Bed::Crop,
    quality: 75,
    magnetic: None,
    stub_first: false,
    channel: "mail",
};

/// So many envelopes of one check and one stub.
fn planned(envelopes: usize, station: Station) -> Plan {
    plan_of(&[(Tray::Scanner, station, &vec![Scenario::Exact; envelopes])], 23, Day::new(2026, 11, 20).unwrap())
}

fn read(bytes: &[u8], dpi: Option<u32>, layouts: &Layouts) -> Reading {
    let images = [Source { role: ImageRole::Front, name: "front", bytes }];
    decode(&Request { images: &images, dpi, magnetic: None, expect: Expect::Auto, layouts })
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Distortion, gray picture (or bitonal), of which plan, whether the dots an inch are told, at least so many of ten read.
type Step<'a> = (&'a str, Option<Wear>, bool, &'a Plan, bool, usize);

#[derive(Default)]
struct Score {
    pages: usize,
    kind: usize,
    read: usize,
    wrong: usize,
}

/// Reads one piece; what it says must be accepted to count, and must be right.
fn score(piece: &Piece, reading: &Reading, into: &mut Score) {
    into.pages += 1;
    let (kind, said) = match &piece.paper {
        Paper::Check(face) => {
            let said =
                reading.micr.as_ref().filter(|m| m.accepted).map(|m| squeezed(&m.best) == squeezed(&face.line_text()));
            (DocumentKind::Check, said)
        }
        Paper::Stub(face) => {
            let line = reading.scanline.as_ref().filter(|s| s.accepted);
            let by_line = line.map(|s| squeezed(&s.text) == squeezed(&face.lines.scanline));
            let by_code = reading.barcodes.first().map(|b| b.text == face.lines.barcode);
            let wrong = by_line == Some(false) || by_code == Some(false);
            (DocumentKind::Stub, by_line.or(by_code).map(|right| right && !wrong))
        }
        Paper::Letter(_) => return,
    };
    into.kind += usize::from(reading.kind == kind);
    into.read += usize::from(said == Some(true));
    into.wrong += usize::from(said == Some(false));
}

/// Reads at every step of every distortion. Nothing that is accepted is wrong, at any step.
#[test]
fn each_distortion_keeps_its_reads() {
    let layouts = Layouts::parse(deck::tables::LAYOUTS).unwrap();
    let crop = planned(5, STATION);
    let fine = planned(5, Station { dpi: 300, ..STATION });
    let steps: &[Step] = &[
        ("none", None, false, &crop, true, 10),
        ("300 dpi", None, false, &fine, true, 10),
        ("200 dpi, not told", None, false, &crop, false, 10),
        ("300 dpi, not told", None, false, &fine, false, 8),
        ("1 degree, white bed", Some(Wear::Skew { degrees: 1.0, bed: 250 }), false, &crop, true, 10),
        ("3 degrees, white bed", Some(Wear::Skew { degrees: 3.0, bed: 250 }), false, &crop, true, 9),
        ("6 degrees, white bed", Some(Wear::Skew { degrees: -6.0, bed: 250 }), false, &crop, true, 9),
        ("9.5 degrees, white bed", Some(Wear::Skew { degrees: 9.5, bed: 250 }), false, &crop, true, 8),
        ("1 degree, dark bed", Some(Wear::Skew { degrees: -1.0, bed: 14 }), false, &crop, true, 10),
        ("4 degrees, dark bed", Some(Wear::Skew { degrees: 4.0, bed: 14 }), false, &crop, true, 9),
        ("8 degrees, dark bed", Some(Wear::Skew { degrees: 8.0, bed: 14 }), false, &crop, true, 8),
        ("5 degrees, gray, dark bed", Some(Wear::Skew { degrees: -5.0, bed: 14 }), true, &crop, true, 9),
        ("on its side", Some(Wear::Turned { quarters: 1 }), false, &crop, true, 10),
        ("on its head", Some(Wear::Turned { quarters: 2 }), false, &crop, true, 10),
        ("uneven light", Some(Wear::Uneven { share: 0.35 }), true, &crop, true, 10),
        ("very uneven light", Some(Wear::Uneven { share: 0.6 }), true, &crop, true, 9),
        ("bent by 0.02 inch", Some(Wear::Bent { inches: 0.02 }), true, &crop, true, 8),
        ("bent by 0.04 inch", Some(Wear::Bent { inches: 0.04 }), true, &crop, true, 7),
        ("bent by 0.10 inch", Some(Wear::Bent { inches: 0.10 }), true, &crop, true, 3),
        ("pale print", Some(Wear::Faint { ink: 0.5 }), true, &crop, true, 9),
        ("stamped", Some(Wear::Stamp), false, &crop, true, 5),
    ];
    let mut short = Vec::new();
    for (name, wear, gray, plan, told, least) in steps {
        let mut total = Score::default();
        for piece in &plan.trays[0].pieces {
            let station = plan.trays[0].station;
            let piece = Piece { wear: *wear, ..piece.clone() };
            let page = deck::scanned(&piece, station, false);
            let dpi = if *told { station.dpi } else { 1 };
            let bytes = match gray {
                true => jpeg::write_gray(&page, 80, dpi).unwrap(),
                false => tiff::write_g4(&convert::threshold(&page, 150), dpi),
            };
            score(&piece, &read(&bytes, None, &layouts), &mut total);
        }
        println!("{name}: kind {} read {} of {}, {} wrong", total.kind, total.read, total.pages, total.wrong);
        if total.read < *least || total.wrong > 0 {
            short.push(format!("{name}: {} of {} read, {} wrong", total.read, total.pages, total.wrong));
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}

/// Each fault is told where it is, and hardly ever where it is not.
#[test]
fn each_fault_of_a_picture_is_told() {
    let layouts = Layouts::parse(deck::tables::LAYOUTS).unwrap();
    let plan = planned(6, STATION);
    type Flag = fn(&Quality) -> bool;
    let flags: [(&str, Flag); 9] = [
        ("partial", |q| q.partial),
        ("folded corner", |q| q.folded_corner),
        ("too dark", |q| q.too_dark),
        ("too light", |q| q.too_light),
        ("streaks", |q| q.streaks),
        ("skewed", |q| q.skewed),
        ("piggyback", |q| q.piggyback),
        ("blank", |q| q.blank),
        ("below resolution", |q| q.below_resolution),
    ];
    // What is done, the flag it must raise (or none), and another that it may raise.
    let done: &[(&str, Option<Wear>, &str, &str)] = &[
        ("nothing", None, "", ""),
        ("cut", Some(Wear::Partial { inches: 0.6 }), "partial", ""),
        ("folded", Some(Wear::FoldedCorner { inches: 0.7 }), "folded corner", ""),
        ("dark", Some(Wear::Dark { share: 0.5 }), "too dark", "streaks"),
        ("light", Some(Wear::Light { share: 0.9 }), "blank", "too light"),
        ("streaked", Some(Wear::Streaks { count: 2 }), "streaks", ""),
        ("aslant", Some(Wear::Skew { degrees: 4.5, bed: 14 }), "skewed", ""),
        ("blank", Some(Wear::Blank), "blank", "too light"),
        ("coarse", Some(Wear::LowResolution { dpi: 120 }), "below resolution", ""),
        ("stamped", Some(Wear::Stamp), "", ""),
        ("pale", Some(Wear::Faint { ink: 0.7 }), "", ""),
    ];
    let mut told = [0usize; 9];
    let mut due = [0usize; 9];
    let mut false_alarms = [0usize; 9];
    let mut clean = 0usize;
    for (name, wear, wanted, allowed) in done {
        for piece in &plan.trays[0].pieces {
            let piece = Piece { wear: *wear, ..piece.clone() };
            let page = deck::scanned(&piece, STATION, false);
            let dpi = wear.map_or(200, |w| w.dpi(200));
            let bytes = tiff::write_g4(&convert::threshold(&page, 150), dpi);
            let quality = read(&bytes, None, &layouts).quality;
            clean += 1;
            for (n, (flag, is_raised)) in flags.iter().enumerate() {
                let raised = is_raised(&quality);
                due[n] += usize::from(flag == wanted);
                told[n] += usize::from(flag == wanted && raised);
                if raised && flag != wanted && flag != allowed {
                    println!("false alarm: {flag} on a page that is {name}");
                    false_alarms[n] += 1;
                }
            }
        }
    }
    let stubs: Vec<&Piece> = plan.trays[0]
        .pieces
        .iter()
        .filter(|p| matches!(&p.paper, Paper::Stub(s) if !s.lines.barcode.is_empty()))
        .collect();
    let account = |p: &Paper| if let Paper::Stub(s) = p { Some(s.bill.account.clone()) } else { None };
    for pair in stubs.windows(2).filter(|p| account(&p[0].paper) != account(&p[1].paper)) {
        let piece = Piece { over: Some(pair[1].paper.clone()), ..pair[0].clone() };
        let bytes = tiff::write_g4(&convert::threshold(&deck::scanned(&piece, STATION, false), 150), 200);
        due[6] += 1;
        told[6] += usize::from(read(&bytes, None, &layouts).quality.piggyback);
    }
    let mut short = Vec::new();
    for (n, (flag, _)) in flags.iter().enumerate() {
        println!("{flag}: {} of {} told, {} false alarms on {clean} pages", told[n], due[n], false_alarms[n]);
        // A page that was cut where nothing is printed does not show it; too light a page is mostly a blank one.
        let least = if *flag == "partial" { 30 } else { 80 };
        if told[n] * 100 < due[n] * least || false_alarms[n] * 100 > clean {
            short.push(format!("{flag}: {} of {} told, {} false alarms", told[n], due[n], false_alarms[n]));
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}

/// A directory of so many tags after some data: little-endian, each value inline.
fn tiff_of(data: &[u8], tags: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut out = b"II\x2a\0".to_vec();
    out.extend((8 + data.len() as u32).to_le_bytes());
    out.extend(data);
    out.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in tags {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(next.to_le_bytes());
    out
}

/// A Group 4 page of this size with these bytes as its only strip.
fn strip_of(width: u32, height: u32, strip: &[u8], change: impl Fn(&mut Vec<(u16, u16, u32, u32)>)) -> Vec<u8> {
    let mut tags = vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (259, 3, 1, 4),
        (262, 3, 1, 0),
        (273, 4, 1, 8),
        (278, 4, 1, height),
        (279, 4, 1, strip.len() as u32),
    ];
    change(&mut tags);
    tiff_of(strip, &tags, 0)
}

fn set(tag: u16, value: u32) -> impl Fn(&mut Vec<(u16, u16, u32, u32)>) {
    move |tags| tags.iter_mut().filter(|t| t.0 == tag).for_each(|t| t.3 = value)
}

/// What must come of a file of the corpus of bad images.
enum Want {
    /// Refused, and the sentence says this.
    Refused(&'static str),
    /// These pixels, whatever stands around them.
    Pixels,
    /// A page, with this told of it.
    Told(fn(&Reading) -> bool),
}

/// Rows 1 to 16 of the corpus of bad images: an error with its reason, or the right pixels, or a page with its fault told;
/// never a panic, never a page that is half of one.
#[test]
fn every_bad_image_of_the_corpus_is_refused_read_or_told() {
    let layouts = Layouts::parse(deck::tables::LAYOUTS).unwrap();
    let plan = planned(2, STATION);
    let check = plan.trays[0].pieces.iter().find(|p| matches!(p.paper, Paper::Check(_))).unwrap();
    let gray = deck::scanned(check, STATION, false);
    let bits = convert::threshold(&gray, 150);
    let good = tiff::write_g4(&bits, 200);
    let small = {
        let mut page = Bits::new(96, 40);
        (8..80).for_each(|x| (10..14).for_each(|y| page.set(x, y, (x / 5) % 2 == 0)));
        page
    };
    let code = imaging::g4::encode(&small);
    let whole = strip_of(96, 40, &code, |_| {});
    let noise: Vec<u8> = (0..400u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let half = [&code[..code.len() / 2], &noise].concat();
    let pages = |count: u32| {
        // Directories one after another, each a whole page over the same strip.
        let mut out = b"II\x2a\0".to_vec();
        out.extend((8 + code.len() as u32).to_le_bytes());
        out.extend(&code);
        for n in 0..count {
            let one = strip_of(96, 40, &code, |_| {});
            let directory = &one[8 + code.len()..one.len() - 4];
            out.extend(directory);
            let next = if n + 1 == count { 0 } else { out.len() as u32 + 4 };
            out.extend(next.to_le_bytes());
        }
        out
    };
    let jpeg_bytes = jpeg::write_gray(&gray, 70, 200).unwrap();
    let wide_jpeg = {
        // The frame header says 65,500 x 65,500.
        let mut out = jpeg_bytes.clone();
        let at = out.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        out[at + 5..at + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
        out
    };
    let wide_png = {
        let mut out = png::write_gray(&Gray::new(16, 16)).unwrap();
        out[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        out
    };
    let garbled_jpeg = {
        let mut out = jpeg_bytes.clone();
        let at = out.windows(2).position(|w| w == [0xff, 0xc4]).unwrap();
        out[at + 5..at + 20].fill(0xff);
        out
    };
    let turned = tiff::write_g4(&bits.turned(180), 200);
    let mirrored = tiff::write_g4(&bits.mirrored(), 200);
    let worn = |wear: Wear| {
        let page = deck::scanned(&Piece { wear: Some(wear), ..check.clone() }, STATION, false);
        tiff::write_g4(&convert::threshold(&page, 150), wear.dpi(200))
    };
    let black = {
        let mut page = Bits::new(1200, 550);
        page.invert();
        tiff::write_g4(&page, 200)
    };
    let blank = tiff::write_g4(&Bits::new(1200, 550), 200);
    let of_dpi = |dpi: u32| tiff::write_g4(&bits, dpi);
    let is_check = |r: &Reading| r.kind == DocumentKind::Check;
    use Want::{Pixels, Refused, Told};
    let rows: Vec<(u8, &str, Vec<u8>, Want)> = vec![
        (1, "nothing", vec![], Refused("empty")),
        (1, "three bytes", vec![1, 2, 3], Refused("a few bytes")),
        (1, "zeros named .tif", vec![0; 1 << 20], Refused("zeros")),
        (3, "random", strip_of(96, 40, &noise, |_| {}), Refused("damaged")),
        (3, "all 0x00", strip_of(96, 40, &[0; 200], |_| {}), Refused("damaged")),
        (3, "all 0xff", strip_of(96, 40, &[0xff; 200], |_| {}), Refused("damaged")),
        (3, "good to the middle, then noise", strip_of(96, 40, &half, |_| {}), Refused("row")),
        (4, "100,000 x 100,000", strip_of(100_000, 100_000, &code, |_| {}), Refused("limit")),
        (5, "no width", strip_of(0, 40, &code, |_| {}), Refused("")),
        (5, "no height", strip_of(96, 0, &code, |_| {}), Refused("")),
        (5, "width 2^32-1", strip_of(u32::MAX, 40, &code, |_| {}), Refused("")),
        (5, "rows of a strip 0", strip_of(96, 40, &code, set(278, 0)), Refused("")),
        (5, "rows of a strip 2^32-1", strip_of(96, 40, &code, set(278, u32::MAX)), Pixels),
        (5, "width x height past 2^64", strip_of(u32::MAX, u32::MAX, &code, |_| {}), Refused("")),
        (6, "a directory at itself", tiff_of(&[], &[(256, 4, 1, 96)], 8), Refused("")),
        (6, "a directory past the end", tiff_of(&[], &[(256, 4, 1, 96)], 9_000_000), Refused("")),
        (6, "a directory at 2^32-1", tiff_of(&[], &[(256, 4, 1, 96)], u32::MAX), Refused("")),
        (7, "strip longer than the file", strip_of(96, 40, &code, set(279, 1 << 30)), Refused("")),
        (7, "strip of no bytes", strip_of(96, 40, &code, set(279, 0)), Refused("")),
        (7, "2^32-1 strips", strip_of(96, 40, &code, |t| t[4].2 = u32::MAX), Refused("")),
        (7, "a tag of another type", strip_of(96, 40, &code, |t| t[0].1 = 12), Refused("")),
        (8, "polarity turned", strip_of(96, 40, &code, |_| {}), Pixels),
        (9, "two pages", pages(2), Pixels),
        (9, "64 pages", pages(64), Pixels),
        (9, "65 pages", pages(65), Refused("64 pages")),
        (10, "0 dpi", of_dpi(0), Told(|r| r.kind == DocumentKind::Check)),
        (10, "1 dpi", of_dpi(1), Told(|r| r.kind == DocumentKind::Check)),
        (10, "72 dpi", of_dpi(72), Told(|r| r.quality.below_resolution)),
        (10, "1,000,000 dpi", of_dpi(1_000_000), Told(|r| r.kind == DocumentKind::Check)),
        (11, "a JPEG of 65,500 x 65,500", wide_jpeg, Refused("limit")),
        (11, "a JPEG cut short", jpeg_bytes[..jpeg_bytes.len() / 2].to_vec(), Refused("damaged")),
        (11, "a JPEG with garbled tables", garbled_jpeg, Refused("")),
        (12, "a PNG of 65,535 x 65,535", wide_png, Refused("")),
        (12, "a GIF", b"GIF89a\x01\0\x01\0".to_vec(), Refused("GIF")),
        (12, "a WebP", b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), Refused("WebP")),
        (12, "an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), Refused("XML or HTML")),
        (12, "a PDF", b"%PDF-1.7 ..".to_vec(), Refused("PDF")),
        (12, "HTML", b"<html><script>1</script>".to_vec(), Refused("HTML")),
        (12, "a program", b"MZ\x90\0\x03\0".to_vec(), Refused("program")),
        (13, "a script behind the image", [&whole[..], b"<script>alert(1)</script>"].concat(), Pixels),
        (14, "white", blank, Told(|r| r.quality.blank && r.kind != DocumentKind::Check)),
        (14, "black", black, Told(|r| r.micr.is_none() && r.kind == DocumentKind::Unknown)),
        (14, "upside down", turned, Told(|r| r.kind == DocumentKind::Check && r.rotation == 180)),
        (14, "mirrored", mirrored, Told(|r| r.mirrored && r.kind == DocumentKind::Check)),
        (
            14,
            "15 degrees aslant",
            worn(Wear::Skew { degrees: 15.0, bed: 14 }),
            Told(|r| {
                let read = r.micr.as_ref().is_some_and(|m| m.accepted);
                read || !r.problems.is_empty()
            }),
        ),
        (14, "a folded corner", worn(Wear::FoldedCorner { inches: 0.8 }), Told(|r| r.quality.folded_corner)),
        (16, "nothing wrong", good.clone(), Told(is_check)),
    ];
    let mut wrong = Vec::new();
    for (row, name, bytes, want) in rows {
        let found = imaging::load(&bytes, 0);
        let reading = read(&bytes, None, &layouts);
        let said = match &found {
            Err(error) => error.to_string(),
            Ok(page) => format!("{} x {} pixels", page.raster.width(), page.raster.height()),
        };
        let holds = match want {
            Refused(says) => {
                let item = reading.problems.iter().any(|p| p.code == Reason::ImageUnreadable);
                found.is_err() && said.contains(says) && item && reading.micr.is_none()
            }
            Pixels => found.is_ok_and(|p| p.raster == Raster::Bits(small.clone())),
            Told(test) => found.is_ok() && test(&reading),
        };
        if !holds {
            wrong.push(format!("row {row}, {name}: {said}; {:?} {:?}", reading.kind, reading.problems));
        }
    }
    // Row 2: cut at every byte.
    for cut in 0..whole.len() {
        match imaging::load(&whole[..cut], 0) {
            Err(PageError::Empty) if cut == 0 => {}
            Err(_) if cut > 0 => {}
            other => wrong.push(format!("row 2, cut at {cut}: {:?}", other.map(|p| p.pages))),
        }
    }
    // Row 15: the same check scanned again says the same, in other bytes and in gray.
    let again =
        deck::scanned(&Piece { skew: check.skew + 0.4, seed: check.seed ^ 99, ..check.clone() }, STATION, false);
    let lines: Vec<Option<String>> = [
        good.clone(),
        tiff::write_g4(&convert::threshold(&again, 145), 200),
        jpeg::write_gray(&again, 75, 200).unwrap(),
    ]
    .iter()
    .map(|bytes| read(bytes, None, &layouts).micr.filter(|m| m.accepted).map(|m| squeezed(&m.best)))
    .collect();
    if lines[0].is_none() || lines.iter().any(|l| *l != lines[0]) {
        wrong.push(format!("row 15: {lines:?}"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A file whose second page is the one that speaks, and one that lies on its head with nothing but a square code.
#[test]
fn the_page_that_speaks_is_found() {
    let layouts = Layouts::parse(deck::tables::LAYOUTS).unwrap();
    let plan = planned(6, STATION);
    let coded =
        |p: &&Piece| matches!(&p.paper, Paper::Stub(s) if s.lines.scanline.is_empty() && !s.lines.barcode.is_empty());
    let stub = plan.trays[0].pieces.iter().find(coded).expect("a stub with a square code only");
    let Paper::Stub(face) = &stub.paper else { panic!("a stub") };
    let bits = convert::threshold(&deck::scanned(stub, STATION, false), 150);
    for (name, page, turn) in [("upright", bits.clone(), 0), ("on its head", bits.turned(180), 180)] {
        let reading = read(&tiff::write_g4(&page, 200), None, &layouts);
        assert_eq!((reading.kind, reading.rotation), (DocumentKind::Stub, turn), "{name}");
        assert_eq!(reading.barcodes.first().map(|b| b.text.as_str()), Some(face.lines.barcode.as_str()), "{name}");
    }
    // Two pages in one file: a blank one, then the check.
    let check = plan.trays[0].pieces.iter().find(|p| matches!(p.paper, Paper::Check(_))).unwrap();
    let front = convert::threshold(&deck::scanned(check, STATION, false), 150);
    let (width, height) = (front.width() as u32, front.height() as u32);
    let strips = [imaging::g4::encode(&Bits::new(front.width(), front.height())), imaging::g4::encode(&front)];
    let mut file = b"II\x2a\0\0\0\0\0".to_vec();
    let mut link = 4;
    for strip in &strips {
        let at = file.len() as u32;
        file.extend(strip);
        let directory = (file.len() as u32).to_le_bytes();
        file[link..link + 4].copy_from_slice(&directory);
        let one = strip_of(width, height, strip, set(273, at));
        file.extend(&one[8 + strip.len()..]);
        link = file.len() - 4;
    }
    let reading = read(&file, Some(200), &layouts);
    assert_eq!((reading.kind, reading.page), (DocumentKind::Check, 1), "{:?}", reading.problems);
}
