//! Account lines: each picture of a check's front by itself, or cut-out lines. A line whose routing digit fails on the paper
//! counts as read when its characters are right and it is not accepted.

use std::path::Path;

use super::folder::{self, Truth};
use super::{Measured, Options, Seen, timed};
use crate::decode::{Expect, Source};
use crate::domain::{ImageRole, MicrRead, Reading};
use crate::reports::accuracy::{Item, Outcome, squeezed};

pub fn measure(root: &Path, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let layouts = options.layouts()?;
    let read = |name: &str, bytes: &[u8], dpi: Option<u32>, expect: Expect| {
        timed(&[Source { role: ImageRole::Front, name, bytes }], dpi, expect, &layouts)
    };
    if !root.join("truth.jsonl").is_file()
        && let Some(lines) = folder::lines(root)?
    {
        return options.on_each(&lines, |(path, text)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let truth = Truth { kind: "check".into(), micr: Some(text.clone()), ..Truth::default() };
            match std::fs::read(path) {
                Ok(bytes) => {
                    let (reading, ms, floor) = read(&name, &bytes, None, Expect::MicrLine);
                    let items = item(&truth, &name, &reading).into_iter().collect();
                    Measured { items, read_ms: vec![ms], floor_ms: vec![floor], ..Measured::default() }
                }
                Err(e) => Measured { left_out: vec![format!("{name}: {e}")], ..Measured::default() },
            }
        });
    }
    let documents: Vec<Truth> = folder::station(root)?.into_iter().filter(Truth::is_check).collect();
    options.on_each(&documents, |truth| {
        let mut out = Measured::default();
        for file in truth.fronts() {
            match folder::bytes(root, file) {
                Err(message) => out.left_out.push(message),
                Ok(bytes) => {
                    let (reading, ms, floor) = read(file, &bytes, truth.dpi, Expect::Auto);
                    out.items.extend(item(truth, file, &reading));
                    out.read_ms.push(ms);
                    out.floor_ms.push(floor);
                }
            }
        }
        out
    })
}

/// What came of the line of one check.
pub fn item(truth: &Truth, file: &str, reading: &Reading) -> Option<Seen> {
    let want = truth.micr.clone().filter(|m| !m.is_empty())?;
    let read = reading.micr.as_ref();
    let (text, best) = read.map_or((String::new(), String::new()), |m| (m.text.clone(), m.best.clone()));
    let same = |text: &str| squeezed(text) == squeezed(&want);
    let accepted = read.is_some_and(|m| m.accepted);
    let must_stop = truth.routing_check_ok == Some(false);
    let outcome = match (accepted, same(&text)) {
        (true, true) if !must_stop => Outcome::Read,
        (true, _) => Outcome::Substituted,
        (false, true) if must_stop => Outcome::Read,
        (false, _) => Outcome::Rejected,
    };
    let item = Item {
        task: "account line".into(),
        file: file.to_string(),
        labels: truth.labels(file),
        is_best_right: same(&best),
        want,
        got: best,
        outcome,
        confidence: Some(read.map_or(0.0, |m| m.confidence)),
    };
    Some(Seen { item, area: read.and_then(around) })
}

fn around(read: &MicrRead) -> Option<crate::domain::PixelBox> {
    let boxes = read.chars.iter().map(|c| c.bbox);
    let (x, y) = (boxes.clone().map(|b| b.x).min()?, boxes.clone().map(|b| b.y).min()?);
    let (right, foot) = (boxes.clone().map(|b| b.x + b.w).max()?, boxes.map(|b| b.y + b.h).max()?);
    Some(crate::domain::PixelBox { x, y, w: right - x, h: foot - y })
}
