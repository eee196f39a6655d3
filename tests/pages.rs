//! Pages as they should not be: what each distortion costs in reads, which fault of the picture is told and how often one is
//! told that is not there, and every kind of image file that is none. All pictures are the deck's own.

use remit::deck::plan::{Piece, Plan, Scenario, Source as Tray, Station, plan_of};
use remit::deck::wear::Wear;
use remit::deck::{self, face::Paper};
use remit::decode::layout::Layouts;
use remit::decode::{Expect, Request, Source, decode};
use remit::domain::{Day, DocumentKind, ImageRole, Quality, Reading, Reason};
use remit::imaging::{self, Bits, Gray, PageError, Raster, convert, jpeg, png, tiff};

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
    let crop = planned(5, Station::MAIL);
    let fine = planned(5, Station { dpi: 300, ..Station::MAIL });
    // A telephone's picture has as many dots an inch as it was held away.
    let odd = planned(5, Station { dpi: 263, ..Station::MAIL });
    let steps: &[Step] = &[
        ("none", None, false, &crop, true, 10),
        ("300 dpi", None, false, &fine, true, 10),
        ("200 dpi, not told", None, false, &crop, false, 10),
        ("300 dpi, not told", None, false, &fine, false, 10),
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
        ("in a mirror", Some(Wear::Mirrored), false, &crop, true, 9),
        ("uneven light", Some(Wear::Uneven { share: 0.35 }), true, &crop, true, 10),
        ("very uneven light", Some(Wear::Uneven { share: 0.6 }), true, &crop, true, 9),
        ("bent by 0.02 inch", Some(Wear::Bent { inches: 0.02 }), true, &crop, true, 9),
        ("bent by 0.04 inch", Some(Wear::Bent { inches: 0.04 }), true, &crop, true, 9),
        ("bent by 0.10 inch", Some(Wear::Bent { inches: 0.10 }), true, &crop, true, 5),
        ("263 dpi, uneven light, not told", Some(Wear::Uneven { share: 0.35 }), true, &odd, false, 10),
        ("263 dpi, bent by 0.04 inch, not told", Some(Wear::Bent { inches: 0.04 }), true, &odd, false, 9),
        ("263 dpi, bent by 0.10 inch, not told", Some(Wear::Bent { inches: 0.10 }), true, &odd, false, 6),
        ("pale print", Some(Wear::Faint { ink: 0.5 }), true, &crop, true, 9),
        ("stamped", Some(Wear::Stamp), false, &crop, true, 9),
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
    let plan = planned(6, Station::MAIL);
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
        ("light", Some(Wear::Light { share: 0.545 }), "too light", ""),
        ("all too light", Some(Wear::Light { share: 0.9 }), "blank", "too light"),
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
            let page = deck::scanned(&piece, Station::MAIL, false);
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
        let bytes = tiff::write_g4(&convert::threshold(&deck::scanned(&piece, Station::MAIL, false), 150), 200);
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

/// Two pieces of paper on one image: told, and nothing of either is accepted. One alone is not taken for two.
#[test]
fn two_documents_on_one_image_are_told_and_none_is_accepted() {
    let layouts = Layouts::parse(deck::tables::LAYOUTS).unwrap();
    let plan = planned(16, Station::MAIL);
    let pieces = &plan.trays[0].pieces;
    let scan = |piece: &Piece| convert::threshold(&deck::scanned(piece, Station::MAIL, false), 150);
    let checks: Vec<Bits> = pieces.iter().filter(|p| matches!(p.paper, Paper::Check(_))).map(scan).collect();
    let stubs = |wanted: fn(&deck::face::StubLines) -> bool| -> Vec<Bits> {
        pieces.iter().filter(|p| matches!(&p.paper, Paper::Stub(s) if wanted(&s.lines))).map(scan).collect()
    };
    let (lined, coded) = (stubs(|l| !l.scanline.is_empty()), stubs(|l| !l.barcode.is_empty()));
    let plain = stubs(|l| !l.scanline.is_empty() && l.barcode.is_empty());
    // The first whole, and so much of the second below it, from its foot up.
    let below = |upper: &Bits, lower: &Bits, from: usize| {
        let from = lower.height() * from / 100;
        let mut both = Bits::new(upper.width().max(lower.width()), upper.height() + lower.height() - from);
        upper.each_ink(|x, y| both.set(x, y, true));
        lower.each_ink(|x, y| {
            if y >= from {
                both.set(x, upper.height() + y - from, true)
            }
        });
        both
    };
    // The upper, the lower, from which hundredth of its height it is seen, and how many of ten are told at least.
    type Pair<'a> = (&'a str, &'a [Bits], &'a [Bits], usize, usize);
    let kinds: &[Pair] = &[
        ("two checks", &checks, &checks, 0, 10),
        ("a check over half of a check", &checks, &checks, 50, 10),
        ("a stub with a line under a check", &checks, &lined, 0, 10),
        ("a check under a stub with a line", &lined, &checks, 0, 10),
        ("a stub with a code under a check", &checks, &coded, 0, 10),
        ("two stubs with lines", &lined, &lined, 0, 10),
        ("two stubs with a line and no code", &plain, &plain, 40, 10),
        ("two stubs with codes", &coded, &coded, 0, 10),
    ];
    let mut short = Vec::new();
    for (name, upper, lower, from, least) in kinds {
        let (mut told, mut accepted, mut all) = (0, 0, 0);
        for n in 0..upper.len().min(lower.len()).min(5) {
            let other = &lower[(n + 1) % lower.len()];
            let reading = read(&tiff::write_g4(&below(&upper[n], other, *from), 200), None, &layouts);
            all += 1;
            told += usize::from(reading.quality.piggyback && !reading.problems.is_empty());
            let line = reading.scanline.as_ref().is_some_and(|s| s.accepted);
            accepted += usize::from(line || reading.micr.as_ref().is_some_and(|m| m.accepted));
        }
        println!("{name}: {told} of {all} told, {accepted} accepted");
        if told * 10 < all * least || accepted > all - told || all < 3 {
            short.push(format!("{name}: {told} of {all} told, {accepted} accepted"));
        }
    }
    let false_alarms = checks.iter().chain(&lined).chain(&coded);
    let raised = false_alarms.filter(|b| read(&tiff::write_g4(b, 200), None, &layouts).quality.piggyback).count();
    assert!(short.is_empty() && raised == 0, "{short:#?}, {raised} false alarms");
}

/// No code is seen on a page without one, all formats asked for: checks, letters, stubs with nothing but a line, whatever
/// happened to them, and patterns that look like codes.
#[test]
fn no_code_is_seen_where_none_is_printed() {
    let layouts = [Layouts::default(), Layouts::parse(deck::tables::LAYOUTS).unwrap()];
    let plan = planned(8, Station::MAIL);
    let bare = |p: &&Piece| !matches!(&p.paper, Paper::Stub(s) if !s.lines.barcode.is_empty());
    let wears = [
        None,
        Some(Wear::Stamp),
        Some(Wear::Streaks { count: 3 }),
        Some(Wear::Faint { ink: 0.55 }),
        Some(Wear::Light { share: 0.545 }),
        Some(Wear::Skew { degrees: 5.0, bed: 14 }),
        Some(Wear::LowResolution { dpi: 110 }),
    ];
    let mut pages: Vec<(String, Bits)> = Vec::new();
    for piece in plan.trays[0].pieces.iter().filter(bare) {
        for wear in wears {
            let page = deck::scanned(&Piece { wear, ..piece.clone() }, Station::MAIL, false);
            pages.push((format!("piece {} {wear:?}", piece.seq), convert::threshold(&page, 150)));
        }
    }
    for pitch in 2..12 {
        let mut bars = Bits::new(1200, 550);
        let mut grid = bars.clone();
        for y in 150..300 {
            for x in (200..900).filter(|x| x * x / 37 % pitch < pitch / 2 + 1) {
                bars.set(x, y, true);
                grid.set(x, y, (y / 4 + x / 4) % 3 != 0);
            }
        }
        pages.extend([(format!("bars {pitch}"), bars), (format!("grid {pitch}"), grid)]);
    }
    let mut seen = Vec::new();
    for (name, bits) in &pages {
        let bytes = tiff::write_g4(bits, 200);
        let of = |layouts: &Layouts| read(&bytes, None, layouts).barcodes;
        seen.extend(layouts.iter().flat_map(of).map(|code| format!("{name}: {} {}", code.symbology, code.text)));
    }
    println!("{} codes seen on {} pages without one", seen.len(), pages.len());
    assert!(seen.is_empty() && pages.len() > 70, "{seen:#?}");
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

/// Sixteen by sixteen, the left half black: as a progressive JPEG, and as one in cyan, magenta, yellow and black.
const PROGRESSIVE: &str = "\
     ffd8ffe000104a46494600010100000100010000ffdb0043000d090a0b0a080d0b0a0b0e0e0d0f13201513121213271c1e17202e2931\
     302e292d2c333a4a3e333646372c2d405741464c4e525352323e5a615a50604a51524fffc2000b080010001001011100ffc400150001\
     0100000000000000000000000000000706ffda0008010100000001974f304fffc40014100100000000000000000000000000000020ff\
     da00080101000105021fffc40014100100000000000000000000000000000020ffda0008010100063f021fffc4001410010000000000\
     0000000000000000000020ffda0008010100013f211fffda0008010100000010afffc400141001000000000000000000000000000000\
     20ffda0008010100013f101fffd9\
     ";
const FOUR_INKS: &str = "\
     ffd8ffee000e41646f626500640000000000ffdb0043000d090a0b0a080d0b0a0b0e0e0d0f13201513121213271c1e17202e2931302e\
     292d2c333a4a3e333646372c2d405741464c4e525352323e5a615a50604a51524fffc000140800100010044311004d11005911004b11\
     00ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b510000201030302040305050404000001\
     7d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a343536\
     3738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2\
     a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9\
     faffda000e0443004d0059004b00003f00f4eaf4eaf4eaf30a28a2be9da28a2be62a28a2be9dafffd9\
     ";

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// The left half dark and the right one light.
fn is_half_black(page: &Raster) -> bool {
    let gray = match page {
        Raster::Gray(gray) => gray.clone(),
        Raster::Bits(bits) => imaging::to_gray(bits),
    };
    let right = gray.width() - 2;
    (2..gray.height() - 2).all(|y| gray.get(2, y) < 70 && gray.get(right, y) > 190)
}

/// Gray, in four tiles, no compression: the left half black.
fn in_tiles() -> Vec<u8> {
    let mut data: Vec<u8> = [0u8, 255, 0, 255].iter().flat_map(|level| [*level; 256]).collect();
    let offsets = 8 + data.len() as u32;
    (0..4u32).for_each(|n| data.extend((8 + 256 * n).to_le_bytes()));
    (0..4).for_each(|_| data.extend(256u32.to_le_bytes()));
    let tags = [
        (256, 4, 1, 32),
        (257, 4, 1, 32),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (322, 4, 1, 16),
        (323, 4, 1, 16),
        (324, 4, 4, offsets),
        (325, 4, 4, offsets + 16),
    ];
    tiff_of(&data, &tags, 0)
}

/// Bitonal rows as PackBits: each one literal run.
fn packed(page: &Bits) -> Vec<u8> {
    let stride = page.width().div_ceil(8);
    let mut data = Vec::new();
    for y in 0..page.height() {
        data.push(stride as u8 - 1);
        data.extend((0..stride).map(|n| (page.row(y)[n / 8] >> (56 - 8 * (n % 8))) as u8));
    }
    let (width, height) = (page.width() as u32, page.height() as u32);
    let tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 1),
        (259, 3, 1, 32773),
        (262, 3, 1, 0),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, data.len() as u32),
    ];
    tiff_of(&data, &tags, 0)
}

/// What must come of a file of the corpus of bad images.
enum Want {
    /// Refused, and the sentence says this.
    Refused(&'static str),
    /// These pixels, whatever stands around them.
    Pixels,
    /// A page that looks so.
    Shows(fn(&Raster) -> bool),
    /// A page, with this told of it.
    Told(fn(&Reading) -> bool),
}

/// Rows 1 to 16 of the corpus of bad images: an error with its reason, or the right pixels, or a page with its fault told;
/// never a panic, never a page that is half of one.
#[test]
fn every_bad_image_of_the_corpus_is_refused_read_or_told() {
    let layouts = Layouts::parse(deck::tables::LAYOUTS).unwrap();
    let plan = planned(2, Station::MAIL);
    let check = plan.trays[0].pieces.iter().find(|p| matches!(p.paper, Paper::Check(_))).unwrap();
    let gray = deck::scanned(check, Station::MAIL, false);
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
    let many_scans = {
        // Its first scan, over and over.
        let whole = from_hex(PROGRESSIVE);
        let starts: Vec<usize> = (0..whole.len() - 1).filter(|&i| whole[i..i + 2] == [0xff, 0xda]).collect();
        let scan = whole[starts[0]..starts[1]].repeat(10_000);
        [&whole[..starts[0]], &scan, &whole[starts[1]..]].concat()
    };
    let on_its_side = {
        // EXIF orientation 6: a quarter turn to the right makes it upright; so the pixels lie on their left side.
        let lying = jpeg::write_gray(&gray.turned(270), 80, 200).unwrap();
        let mut exif = b"\xff\xe1\0\x22Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
        exif.extend([0; 4]);
        [&lying[..2], &exif, &lying[2..]].concat()
    };
    let in_a_ring = {
        let one = tiff_of(&[], &[(256, 4, 1, 96)], 26);
        [one, [&1u16.to_le_bytes()[..], &[0; 12], &8u32.to_le_bytes()].concat()].concat()
    };
    let turned = tiff::write_g4(&bits.turned(180), 200);
    let mirrored = tiff::write_g4(&bits.mirrored(), 200);
    let worn = |wear: Wear| {
        let page = deck::scanned(&Piece { wear: Some(wear), ..check.clone() }, Station::MAIL, false);
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
    use Want::{Pixels, Refused, Shows, Told};
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
        (6, "65,535 pages", pages(65_535), Refused("64 pages")),
        (6, "two directories that point at each other", in_a_ring, Refused("loop")),
        (8, "BigTIFF", b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec(), Refused("BigTIFF")),
        (8, "Group 3", strip_of(96, 40, &code, set(259, 3)), Refused("Group 3")),
        (8, "Huffman rows", strip_of(96, 40, &code, set(259, 2)), Refused("Group 3")),
        (8, "a compression that nobody knows", strip_of(96, 40, &code, set(259, 999)), Refused("compression 999")),
        (8, "tiles", in_tiles(), Shows(is_half_black)),
        (8, "PackBits", packed(&small), Pixels),
        (8, "PackBits cut short", packed(&small)[..300].to_vec(), Refused("")),
        (8, "polarity turned", strip_of(96, 40, &code, |_| {}), Pixels),
        (9, "two pages", pages(2), Pixels),
        (9, "64 pages", pages(64), Pixels),
        (9, "65 pages", pages(65), Refused("64 pages")),
        (10, "0 dpi", of_dpi(0), Told(|r| r.kind == DocumentKind::Check)),
        (10, "1 dpi", of_dpi(1), Told(|r| r.kind == DocumentKind::Check)),
        (10, "72 dpi", of_dpi(72), Told(|r| r.quality.below_resolution)),
        (10, "1,000,000 dpi", of_dpi(1_000_000), Told(|r| r.kind == DocumentKind::Check)),
        (11, "a JPEG of 65,500 x 65,500", wide_jpeg, Refused("limit")),
        (11, "a progressive JPEG", from_hex(PROGRESSIVE), Shows(is_half_black)),
        (11, "10,000 scans", many_scans, Refused("64 scans")),
        (11, "a JPEG of four inks", from_hex(FOUR_INKS), Shows(is_half_black)),
        (
            11,
            "a JPEG that says it lies on its side",
            on_its_side,
            Told(|r| r.kind == DocumentKind::Check && r.rotation == 0),
        ),
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
            Shows(test) => found.is_ok_and(|p| test(&p.raster)),
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
        deck::scanned(&Piece { skew: check.skew + 0.4, seed: check.seed ^ 99, ..check.clone() }, Station::MAIL, false);
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
    let plan = planned(6, Station::MAIL);
    let coded =
        |p: &&Piece| matches!(&p.paper, Paper::Stub(s) if s.lines.scanline.is_empty() && !s.lines.barcode.is_empty());
    let stub = plan.trays[0].pieces.iter().find(coded).expect("a stub with a square code only");
    let Paper::Stub(face) = &stub.paper else { panic!("a stub") };
    let bits = convert::threshold(&deck::scanned(stub, Station::MAIL, false), 150);
    let aslant =
        |skew: f32| convert::threshold(&deck::scanned(&Piece { skew, ..stub.clone() }, Station::MAIL, false), 150);
    for (name, page, turn) in [
        ("upright", bits.clone(), 0),
        ("aslant to the left", aslant(0.4), 0),
        ("aslant to the right", aslant(-0.4), 0),
        ("on its head", bits.turned(180), 180),
        ("on its right side", bits.turned(90), 270),
        ("on its left side", bits.turned(270), 90),
    ] {
        let reading = read(&tiff::write_g4(&page, 200), None, &layouts);
        assert_eq!((reading.kind, reading.rotation), (DocumentKind::Stub, turn), "{name}");
        assert_eq!(reading.barcodes.first().map(|b| b.text.as_str()), Some(face.lines.barcode.as_str()), "{name}");
    }
    // Two pages in one file: a blank one, then the check.
    let check = plan.trays[0].pieces.iter().find(|p| matches!(p.paper, Paper::Check(_))).unwrap();
    let front = convert::threshold(&deck::scanned(check, Station::MAIL, false), 150);
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
