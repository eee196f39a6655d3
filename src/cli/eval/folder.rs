//! Labelled folders: a station folder with `truth.jsonl`, or a folder of cut-out lines with their texts beside them. A line
//! of truth that cannot be read stops the evaluation with its number; an image that is missing is left out and told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::super::Failure;

/// What is true of one document. Keys that are not named here are not needed.
#[derive(Clone, Deserialize, Debug, Default)]
#[serde(default)]
pub struct Truth {
    pub doc: String,
    /// `check`, `money_order`, `stub`, `other`.
    pub kind: String,
    /// `F_tif`, `B_tif`, `F_jpg`, `B_jpg` to a path below the folder: what the station called front and back.
    pub files: BTreeMap<String, String>,
    /// Which of them is the document's front.
    pub front_side: String,
    pub dpi: Option<u32>,
    /// The scanner or the lane, by any name of the site's own.
    pub scanner: String,
    /// The form of a check: `personal`, `business`; a stub's is its layout.
    pub size: String,
    /// What was done to the paper or the scan.
    pub degradation: BTreeMap<String, Value>,
    pub format: String,
    /// `yes`, `hard`, `no`: can the ink be read at all?
    pub readable: String,
    pub micr: Option<String>,
    pub routing_check_ok: Option<bool>,
    pub layout: Option<String>,
    pub scanline: Option<String>,
    pub check_digit_ok: Option<bool>,
    pub symbology: Option<String>,
    pub barcode: Option<String>,
    /// Cents.
    pub amount: Option<i64>,
    /// `handwritten`, `printed`.
    pub amount_source: String,
    /// The boxes by name: marked or not.
    pub marks: BTreeMap<String, bool>,
}

impl Truth {
    pub fn is_check(&self) -> bool {
        matches!(self.kind.as_str(), "check" | "money_order")
    }

    /// The pictures of the document's front, each alone.
    pub fn fronts(&self) -> Vec<&str> {
        let side = self.front();
        ["tif", "jpg", "png"]
            .iter()
            .filter_map(|s| self.files.get(&format!("{side}_{s}")).map(String::as_str))
            .collect()
    }

    pub fn front(&self) -> &str {
        if self.front_side.is_empty() { "F" } else { &self.front_side }
    }

    pub fn is(&self, what: &str) -> bool {
        self.degradation.get(what).is_some_and(|v| !matches!(v, Value::Bool(false) | Value::Null))
    }

    /// The rows of the report's tables that this document counts in.
    pub fn labels(&self, file: &str) -> Vec<String> {
        let mut labels = Vec::new();
        if !self.readable.is_empty() {
            labels.push(format!("readable {}", self.readable));
        }
        labels.push(format!("format {}", file.rsplit('.').next().unwrap_or_default()));
        labels.extend(Some(&self.size).filter(|s| !s.is_empty()).map(|s| format!("form {s}")));
        labels.extend(Some(&self.scanner).filter(|s| !s.is_empty()).map(|s| format!("scanner {s}")));
        labels.extend(self.dpi.map(|dpi| format!("{dpi} dpi")));
        let told = |k: &&String| !matches!(k.as_str(), "skew" | "partial_share" | "fold_corner") && self.is(k);
        labels.extend(self.degradation.keys().filter(told).map(|k| format!("with {k}")));
        labels
    }
}

/// The documents of a station folder.
pub fn station(folder: &Path) -> anyhow::Result<Vec<Truth>> {
    let path = folder.join("truth.jsonl");
    let fault = |m: String| Failure::input("eval", m).in_file(path.display().to_string());
    let text = std::fs::read_to_string(&path)
        .map_err(|e| fault(format!("{e}")).help("see `remit help eval` for what a labelled folder holds"))?;
    let mut all = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let truth: Truth = serde_json::from_str(line).map_err(|e| {
            let mut failure = fault(format!("line {} is not the truth of a document: {e}", n + 1));
            failure.record = Some(n as u64 + 1);
            failure
        })?;
        all.push(truth);
    }
    Ok(all)
}

/// The cut-out lines of a folder: image and text, by name; `None` when it holds no `.gt.txt`.
pub fn lines(folder: &Path) -> anyhow::Result<Option<Vec<(PathBuf, String)>>> {
    let entries = std::fs::read_dir(folder).map_err(|e| {
        Failure::input("eval", format!("the folder cannot be read: {e}")).in_file(folder.display().to_string())
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".gt.txt") else { continue };
        let image =
            ["tif", "tiff", "png", "jpg"].iter().map(|s| PathBuf::from(format!("{stem}.{s}"))).find(|p| p.is_file());
        let text = std::fs::read_to_string(&path)?;
        if let Some(image) = image {
            found.push((image, text.trim().to_string()));
        }
    }
    found.sort();
    Ok(Some(found).filter(|f| !f.is_empty()))
}

/// The bytes of an image of the folder; a message for the report when it cannot be had.
pub fn bytes(folder: &Path, file: &str) -> Result<Vec<u8>, String> {
    let is_inside = Path::new(file).components().all(|c| matches!(c, std::path::Component::Normal(_)));
    if !is_inside {
        return Err(format!("{file}: not a path below the folder"));
    }
    std::fs::read(folder.join(file)).map_err(|e| format!("{file}: {e}"))
}
