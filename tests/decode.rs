//! Whole documents through the decoder, as a scanner may hand them over: upside down, on their side, mirrored, front and
//! back exchanged, in a dark bed, damaged. The pictures are those of `scanner-samples`, the answers its truth.

use std::path::Path;

use remit::decode::layout::Layouts;
use remit::decode::{Expect, Request, Source, decode};
use remit::domain::{DocumentKind, ImageRole, Reading, Reason};
use remit::imaging::{self, Bits, Raster, jpeg, tiff, to_gray};
use serde_json::Value;

struct Sample {
    truth: Value,
    front: Bits,
    back: Vec<u8>,
}

fn samples() -> (Layouts, Vec<Sample>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples");
    let text = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let layouts = Layouts::parse(&text("layouts.toml")).unwrap();
    let mut kinds = vec!["check", "stub", "check", "stub"];
    let mut found = Vec::new();
    for line in text("truth.jsonl").lines() {
        let truth: Value = serde_json::from_str(line).unwrap();
        let plain = truth["readable"] == "yes" && truth["format"] == "g4" && truth["front_side"] == "F";
        let proved = truth["routing_check_ok"] != false && truth["check_digit_ok"] != false;
        let told = truth["kind"] == "check" || truth["scanline"].as_str().is_some_and(|s| !s.is_empty());
        let Some(wanted) = kinds.iter().position(|k| truth["kind"] == *k).filter(|_| plain && proved && told) else {
            continue;
        };
        kinds.remove(wanted);
        let file = |key: &str| std::fs::read(root.join(truth["files"][key].as_str().unwrap())).unwrap();
        let Raster::Bits(front) = imaging::load(&file("F_tif"), 0).unwrap().raster else { panic!("bitonal is wanted") };
        found.push(Sample { front, back: file("B_tif"), truth });
        if kinds.is_empty() {
            break;
        }
    }
    assert_eq!(found.len(), 4, "two checks and two stubs");
    (layouts, found)
}

fn read(layouts: &Layouts, images: &[(ImageRole, &str, &[u8])]) -> Reading {
    let images: Vec<Source> = images.iter().map(|&(role, name, bytes)| Source { role, name, bytes }).collect();
    decode(&Request { images: &images, dpi: None, magnetic: None, expect: Expect::Auto, layouts })
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Kind, side, way up and the best text of the line.
fn check(name: &str, sample: &Sample, reading: &Reading, file: &str, way: (u16, bool)) {
    let (kind, want, got) = match sample.truth["kind"].as_str().unwrap() {
        "check" => (DocumentKind::Check, &sample.truth["micr"], reading.micr.as_ref().map(|m| &m.best)),
        _ => (DocumentKind::Stub, &sample.truth["scanline"], reading.scanline.as_ref().map(|s| &s.best)),
    };
    let name = format!("{name}, {}", sample.truth["doc"]);
    assert_eq!(reading.kind, kind, "{name}");
    assert_eq!(reading.file, file, "{name}");
    assert_eq!((reading.rotation, reading.mirrored), way, "{name}");
    assert_eq!(got.map(|t| squeezed(t)), want.as_str().map(squeezed), "{name}");
    let alarms: Vec<_> = reading.problems.iter().filter(|p| p.code == Reason::ImageQuality).collect();
    assert!(alarms.is_empty(), "{name}: {alarms:?}");
}

#[test]
fn a_document_is_read_however_it_was_scanned() {
    let (layouts, samples) = samples();
    for sample in &samples {
        let write = |bits: &Bits| tiff::write_g4(bits, 200);
        let plain = write(&sample.front);
        let back = sample.back.as_slice();
        let sides =
            |front: &[u8]| read(&layouts, &[(ImageRole::Front, "front", front), (ImageRole::Back, "back", back)]);
        check("as it is", sample, &sides(&plain), "front", (0, false));
        check("upside down", sample, &sides(&write(&sample.front.turned(180))), "front", (180, false));
        check("on its left side", sample, &sides(&write(&sample.front.turned(270))), "front", (90, false));
        check("on its right side", sample, &sides(&write(&sample.front.turned(90))), "front", (270, false));
        let mirrored = read(&layouts, &[(ImageRole::Front, "front", &write(&sample.front.mirrored()))]);
        // A stub's barcode reads in a mirror too and says whose it is; its line then is not looked for in the mirror.
        if sample.truth["barcode"].as_str().is_none_or(str::is_empty) {
            check("mirrored", sample, &mirrored, "front", (0, true));
        }
        let swapped = read(&layouts, &[(ImageRole::Front, "front", back), (ImageRole::Back, "back", &plain)]);
        check("sides exchanged", sample, &swapped, "back", (0, false));
        // A gray picture of the same side, of which the bitonal one is damaged.
        let gray = jpeg::write_gray(&to_gray(&sample.front), 80, 200).unwrap();
        let cut = &plain[..plain.len() / 2];
        let saved = read(&layouts, &[(ImageRole::Front, "front", cut), (ImageRole::FrontGray, "gray", &gray)]);
        check("bitonal damaged", sample, &saved, "gray", (0, false));
        assert!(saved.problems.iter().any(|p| p.code == Reason::ImageUnreadable), "the damage is named");
    }
}

#[test]
fn what_cannot_be_read_is_a_reading_with_a_problem() {
    let (layouts, samples) = samples();
    let blank = tiff::write_g4(&Bits::new(1200, 550), 200);
    let good = tiff::write_g4(&samples[0].front, 200);
    let mut black = Bits::new(1200, 550);
    black.invert();
    let black = tiff::write_g4(&black, 200);
    for (name, bytes, want) in [
        ("empty", &[][..], Reason::ImageUnreadable),
        ("a text", b"To whom it may concern", Reason::ImageUnreadable),
        ("cut short", &good[..good.len() - 1], Reason::ImageUnreadable),
        ("blank", &blank, Reason::DocumentUnidentified),
        ("black", &black, Reason::DocumentUnidentified),
    ] {
        let reading = read(&layouts, &[(ImageRole::Front, "front", bytes)]);
        assert!(reading.problems.iter().any(|p| p.code == want), "{name}: {:?}", reading.problems);
        assert!(reading.micr.is_none() && reading.scanline.is_none(), "{name}");
    }
    let damaged_back = read(&layouts, &[(ImageRole::Front, "front", &good), (ImageRole::Back, "back", &blank[..40])]);
    assert_eq!(damaged_back.kind, DocumentKind::Check);
    assert!(damaged_back.problems.iter().any(|p| p.code == Reason::ImageUnreadable), "the back is not looked at");
}
