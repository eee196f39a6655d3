//! Stubs: lines, barcodes by symbology, marked boxes, each picture of the front by itself; and on every page without a code
//! whether one is seen. A line printed with a wrong check digit counts as read when it is read as printed and not accepted.

use std::path::Path;

use super::folder::{self, Truth};
use super::{Measured, Options, Seen, timed};
use crate::decode::{Expect, Source};
use crate::domain::{ImageRole, Reading};
use crate::reports::accuracy::{Item, Outcome, squeezed};

pub fn measure(root: &Path, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let layouts = options.layouts()?;
    let documents = folder::station(root)?;
    options.on_each(&documents, |truth| {
        let mut out = Measured::default();
        for file in truth.fronts() {
            match folder::bytes(root, file) {
                Err(message) => out.left_out.push(message),
                Ok(bytes) => {
                    let image = Source { role: ImageRole::Front, name: file, bytes: &bytes };
                    let (reading, ms, floor) = timed(&[image], truth.dpi, Expect::Auto, &layouts);
                    if truth.kind == "stub" {
                        out.items.extend(items(truth, file, &reading));
                        out.read_ms.push(ms);
                        out.floor_ms.push(floor);
                    }
                    out.items.extend(no_code(truth, file, &reading));
                }
            }
        }
        out
    })
}

/// What came of the line, the barcode and the boxes of one stub.
pub fn items(truth: &Truth, file: &str, reading: &Reading) -> Vec<Seen> {
    let mut found = Vec::new();
    if let Some(want) = truth.scanline.clone().filter(|s| !s.is_empty()) {
        let read = reading.scanline.as_ref();
        let same = |text: &str| squeezed(text) == squeezed(&want);
        let (text, best) = read.map_or((String::new(), String::new()), |s| (s.text.clone(), s.best.clone()));
        let (accepted, must_stop) = (read.is_some_and(|s| s.accepted), truth.check_digit_ok == Some(false));
        let outcome = match (accepted, same(&text)) {
            (true, true) if !must_stop => Outcome::Read,
            (true, _) => Outcome::Substituted,
            (false, true) if must_stop => Outcome::Read,
            (false, _) => Outcome::Rejected,
        };
        let mut labels = truth.labels(file);
        labels.extend(truth.layout.as_ref().map(|l| format!("layout {l}")));
        let item = Item {
            task: "stub line".into(),
            file: file.to_string(),
            labels,
            is_best_right: same(&best),
            want,
            got: best,
            outcome,
            confidence: Some(read.map_or(0.0, |s| s.confidence)),
        };
        found.push(Seen { item, area: read.map(|s| s.bbox) });
    }
    if let Some(want) = truth.barcode.clone().filter(|b| !b.is_empty()) {
        let right = reading.barcodes.iter().find(|b| b.text == want);
        let other = reading.barcodes.first();
        let outcome = match (right, other) {
            (Some(_), _) => Outcome::Read,
            (None, Some(_)) => Outcome::Substituted,
            (None, None) => Outcome::Rejected,
        };
        let got = right.or(other);
        let item = Item {
            task: format!("barcode {}", truth.symbology.as_deref().unwrap_or_default().to_lowercase())
                .trim()
                .to_string(),
            file: file.to_string(),
            labels: truth.labels(file),
            want,
            got: got.map(|b| b.text.clone()).unwrap_or_default(),
            outcome,
            confidence: None,
            is_best_right: right.is_some(),
        };
        found.push(Seen { item, area: got.map(|b| b.bbox) });
    }
    for (name, marked) in &truth.marks {
        let read = reading.marks.iter().find(|m| m.name == *name);
        let say = |marked: bool| if marked { "marked" } else { "empty" };
        let outcome = match read {
            None => Outcome::Rejected,
            Some(m) if m.marked == *marked => Outcome::Read,
            Some(_) => Outcome::Substituted,
        };
        let item = Item {
            task: "marked box".into(),
            file: file.to_string(),
            labels: [truth.labels(file), vec![format!("box {name}"), say(*marked).to_string()]].concat(),
            want: say(*marked).to_string(),
            got: read.map(|m| say(m.marked).to_string()).unwrap_or_default(),
            outcome,
            confidence: None,
            is_best_right: outcome == Outcome::Read,
        };
        found.push(Seen { item, area: read.map(|m| m.bbox) });
    }
    found
}

/// A page on which no code is printed must give none.
pub fn no_code(truth: &Truth, file: &str, reading: &Reading) -> Option<Seen> {
    if truth.barcode.as_ref().is_some_and(|b| !b.is_empty()) {
        return None;
    }
    let invented = reading.barcodes.first();
    let item = Item {
        task: "page without a barcode".into(),
        file: file.to_string(),
        labels: vec![format!("kind {}", truth.kind)],
        want: String::new(),
        got: invented.map(|b| b.text.clone()).unwrap_or_default(),
        outcome: if invented.is_some() { Outcome::Substituted } else { Outcome::Read },
        confidence: None,
        is_best_right: invented.is_none(),
    };
    Some(Seen { item, area: invented.map(|b| b.bbox) })
}
