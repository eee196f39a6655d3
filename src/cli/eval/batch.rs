//! Whole documents as the station hands them over, all pictures together: kind, side, way up, what is on them, and each
//! warning of a poor image against what was done to the paper.

use std::path::Path;

use super::folder::{self, Truth};
use super::{Measured, Options, Seen, micr, stub, timed};
use crate::decode::{Expect, Source};
use crate::domain::{DocumentKind, ImageRole, Reading};
use crate::reports::accuracy::{Item, Outcome, Warning};

pub fn measure(root: &Path, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let layouts = options.layouts()?;
    let documents = folder::station(root)?;
    options.on_each(&documents, |truth| {
        let mut out = Measured::default();
        let mut files: Vec<(ImageRole, &str, Vec<u8>)> = Vec::new();
        for (key, file) in &truth.files {
            let role = match (key.as_str(), truth.files.contains_key(&key.replace("jpg", "tif"))) {
                ("F_jpg", true) => ImageRole::FrontGray,
                ("B_jpg", true) => ImageRole::BackGray,
                (key, _) if key.starts_with('F') => ImageRole::Front,
                (key, _) if key.starts_with('B') => ImageRole::Back,
                _ => continue,
            };
            match folder::bytes(root, file) {
                Ok(bytes) => files.push((role, file, bytes)),
                Err(message) => out.left_out.push(message),
            }
        }
        let images: Vec<Source> = files.iter().map(|(role, name, bytes)| Source { role: *role, name, bytes }).collect();
        if images.is_empty() {
            return out;
        }
        let (reading, ms, floor) = timed(&images, truth.dpi, Expect::Auto, &layouts);
        out.read_ms.push(ms);
        out.floor_ms.push(floor);
        let file = reading.file.clone();
        out.items.push(plain(
            truth,
            &file,
            "kind",
            wanted_kind(truth),
            reading.kind.as_str().into(),
            reading.kind_confidence,
        ));
        // Where there is nothing to read nobody can tell which side is the front.
        if truth.kind != "other" && truth.readable != "no" {
            let is_front = truth.fronts().contains(&reading.file.as_str());
            let side = |front: bool| if front { "front" } else { "back" }.to_string();
            out.items.push(plain(truth, &file, "side", side(true), side(is_front), reading.kind_confidence));
            let quarters = truth.degradation.get("rot90").and_then(serde_json::Value::as_u64).unwrap_or(0) % 4;
            let turn = (if truth.is("rot180") { 180 } else { 0 } + 360 - 90 * quarters) % 360;
            let turned = reading.rotation.to_string();
            out.items.push(plain(truth, &file, "way up", turn.to_string(), turned, reading.kind_confidence));
        }
        if truth.is_check() {
            out.items.extend(micr::item(truth, &file, &reading));
        } else if truth.kind == "stub" {
            out.items.extend(stub::items(truth, &file, &reading));
        }
        out.items.extend(stub::no_code(truth, &file, &reading));
        out.warnings = warnings(truth, &reading);
        out
    })
}

fn wanted_kind(truth: &Truth) -> String {
    let kind = match truth.kind.as_str() {
        "check" | "money_order" => DocumentKind::Check,
        "stub" => DocumentKind::Stub,
        _ => DocumentKind::Correspondence,
    };
    kind.as_str().to_string()
}

/// A thing that is right or wrong; `unknown` is a rejection, and so is paper that shows nothing: a person gets both.
fn plain(truth: &Truth, file: &str, task: &str, want: String, got: String, confidence: f32) -> Seen {
    let unsure = DocumentKind::Unknown.as_str();
    // Other paper is handed to a person under either name.
    let right = want == got || want == DocumentKind::Correspondence.as_str() && got == unsure;
    let outcome = match right {
        true => Outcome::Read,
        false if got == unsure || got == DocumentKind::Back.as_str() => Outcome::Rejected,
        false => Outcome::Substituted,
    };
    let (task, file, labels) = (task.to_string(), file.to_string(), truth.labels(file));
    Seen {
        item: Item { task, file, labels, want, got, outcome, confidence: Some(confidence), is_best_right: right },
        area: None,
    }
}

/// Every flag against the truth's word for it.
fn warnings(truth: &Truth, reading: &Reading) -> Vec<Warning> {
    let quality = &reading.quality;
    let skew = truth.degradation.get("skew").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    [
        ("too dark", truth.is("dark"), quality.too_dark),
        ("too light", truth.is("light"), quality.too_light),
        ("partial", truth.is("partial"), quality.partial),
        ("piggyback", truth.is("piggyback"), quality.piggyback),
        ("folded corner", truth.is("fold"), quality.folded_corner),
        ("streaks", truth.is("streak"), quality.streaks),
        ("skewed", skew.abs() > 3.0, quality.skewed),
        ("blank", truth.is("blank"), quality.blank),
        ("below resolution", truth.is("low_resolution"), quality.below_resolution),
    ]
    .into_iter()
    .map(|(name, is_due, is_raised)| Warning { name: name.into(), is_due, is_raised, file: truth.doc.clone() })
    .collect()
}
