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

/// The pictures of a document are those of its reading, and asking for them changes nothing.
#[test]
fn a_trace_shows_every_step_of_the_same_reading() {
    let (layouts, samples) = samples();
    for sample in &samples {
        let front = tiff::write_g4(&sample.front.turned(180), 200);
        let images = [Source { role: ImageRole::Front, name: "front", bytes: &front }];
        let request = Request { images: &images, dpi: None, magnetic: None, expect: Expect::Auto, layouts: &layouts };
        let trace = remit::decode::trace::trace(&request);
        assert_eq!(trace.reading, decode(&request));
        assert_eq!(trace.tried.len(), 2, "{:?}", trace.tried);
        let names: Vec<&str> = trace.pictures.iter().map(|p| p.name).collect();
        let line = if sample.truth["kind"] == "check" { "account-line" } else { "stub-line" };
        assert!(["came", "cleaned", "found", line, "characters"].iter().all(|n| names.contains(n)), "{names:?}");
        let page = remit::reports::trace_page(&trace, &names.iter().map(|n| format!("{n}.png")).collect::<Vec<_>>());
        assert!(names.iter().all(|n| page.contains(&format!("{n}.png"))) && page.contains("Looked at"));
    }
}

fn remit(words: &[&str]) -> (bool, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_remit")).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_evaluation_counts_what_the_truth_says_and_leaves_a_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples");
    let root = root.to_str().unwrap();
    let out = tempfile::tempdir().unwrap();
    let report = out.path().join("report");
    let (good, json, _) =
        remit(&["--json", "eval", "batch", root, "--every", "4", "--report", report.to_str().unwrap()]);
    let found: Value = serde_json::from_str(&json).unwrap();
    assert!(good && found["documents"].as_u64() > Some(4), "{json}");
    let tasks: Vec<&str> = found["tasks"].as_array().unwrap().iter().filter_map(|t| t["task"].as_str()).collect();
    assert!(["kind", "side", "way up", "account line", "stub line"].iter().all(|t| tasks.contains(t)), "{tasks:?}");
    let kind = &found["tasks"][0]["all"];
    assert_eq!((&kind["read"]["share"], &kind["substituted"]["count"]), (&1.0.into(), &0.into()));
    for file in ["index.html", "accuracy.json", "account-line.svg"] {
        assert!(report.join(file).is_file(), "{file}");
    }
    let (good, _, error) = remit(&["eval", "micr", report.to_str().unwrap()]);
    assert!(!good && error.contains("truth.jsonl"), "{error}");
}

/// A check's own line claimed by a layout in E-13B, as a stub's is; and never one that is a whole account line.
#[test]
fn a_stub_line_in_magnetic_print_is_the_stubs() {
    let (_, samples) = samples();
    let check = samples.iter().find(|s| s.truth["kind"] == "check").unwrap();
    let whole = squeezed(check.truth["micr"].as_str().unwrap());
    let digits = whole.chars().filter(char::is_ascii_digit).count();
    let symbols: String = whole.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let mut template = String::new();
    let mut run = 0;
    for (n, c) in symbols.chars().chain(['$']).enumerate() {
        if c == '0' {
            run += 1;
            continue;
        }
        if run > 0 {
            template.push_str(&format!("{{f{n}:{run}}}"));
            run = 0;
        }
        if c != '$' {
            template.push(c);
        }
    }
    assert!(digits > 12, "{whole}");
    let layout =
        format!("[[layout]]\nname = \"magnetic\"\nscanline = {{ font = \"e13b\", template = \"{template}\" }}");
    let layouts = Layouts::parse(&layout).unwrap();
    // The whole line is an account line: a check it stays.
    let front = tiff::write_g4(&check.front, 200);
    assert_eq!(read(&layouts, &[(ImageRole::Front, "front", &front)]).kind, DocumentKind::Check);
    // With its transit field unproved the layout has it.
    let mut line = read(&layouts, &[(ImageRole::Front, "front", &front)]).micr.unwrap();
    line.fields.routing_valid = None;
    line.confidence = 0.999;
    let stub = remit::decode::scanline::magnetic(&line, &layouts).unwrap();
    assert!(stub.accepted && stub.layout.as_deref() == Some("magnetic") && stub.text == line.text, "{stub:?}");
    line.confidence = 0.9;
    assert!(!remit::decode::scanline::magnetic(&line, &layouts).unwrap().accepted);
}
