//! `layouts test` and `layouts learn`: what a layout file reads on images, and which check digits a biller's real lines keep.
//! Neither needs a site.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Failure, Global, print};
use crate::decode::layout::Layouts;
use crate::decode::learn::{self, Proposal};
use crate::decode::{self, Expect, Request, Source};
use crate::domain::ImageRole;

/// Reads the images with this layout file alone; exit 1 when one fits none of its layouts.
pub fn test(file: &Path, images: &[PathBuf], global: &Global) -> anyhow::Result<u8> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::input("layouts", e.to_string()).in_file(file.display().to_string()))?;
    let layouts = Layouts::parse(&text).map_err(|e| {
        Failure::input("layouts", e.to_string())
            .in_file(file.display().to_string())
            .help("see `remit help layouts` and the example in scanner-samples/layouts.toml")
    })?;
    let mut table = print::Table::new(&["image", "layout", "by", "accepted", "check digits", "fields", "boxes"]);
    let mut unfitting = images.is_empty();
    for path in images {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| Failure::input("image", e.to_string()).in_file(name.clone()))?;
        let image = Source { role: ImageRole::Front, name: &name, bytes: &bytes };
        let request = Request { images: &[image], dpi: None, magnetic: None, expect: Expect::Stub, layouts: &layouts };
        let reading = decode::decode(&request);
        let marks: Vec<String> =
            reading.marks.iter().map(|m| format!("{} {}", m.name, if m.marked { "marked" } else { "empty" })).collect();
        let line = reading.scanline.iter().map(|l| ("line", &l.layout, l.accepted, &l.check_digits, &l.fields));
        let codes = reading.barcodes.iter().map(|b| {
            (b.symbology.as_str(), &b.layout, b.check_digits.iter().all(|c| c.ok), &b.check_digits, &b.fields)
        });
        let mut fits = false;
        for (by, layout, accepted, checks, fields) in line.chain(codes) {
            fits |= layout.is_some();
            let checks: Vec<String> =
                checks.iter().map(|c| format!("{} {}", c.scheme, if c.ok { "holds" } else { "FAILS" })).collect();
            if global.json {
                print::json(&json!({
                    "file": name, "by": by, "layout": layout, "accepted": accepted, "check_digits": checks,
                    "fields": fields, "marks": reading.marks,
                }))?;
                continue;
            }
            let shown: Vec<String> = fields
                .iter()
                .map(|(k, v)| {
                    if k == "account" {
                        format!("{k} {}", crate::domain::account::masked(v))
                    } else {
                        format!("{k} {v}")
                    }
                })
                .collect();
            table.row(vec![
                name.clone(),
                layout.clone().unwrap_or_else(|| "none".into()),
                by.into(),
                if accepted { "yes" } else { "no" }.into(),
                checks.join(", "),
                shown.join(", "),
                marks.join(", "),
            ]);
        }
        if !fits && !global.json {
            let none = || "-".to_string();
            table.row(vec![name, "none".into(), "-".into(), "no".into(), none(), none(), none()]);
        }
        unfitting |= !fits;
    }
    if images.is_empty() {
        let names: Vec<&str> = layouts.all.iter().map(|l| l.name.as_str()).collect();
        super::admin::print_done(
            global,
            json!({ "layouts": names }),
            format!("{} layouts: {}", names.len(), names.join(", ")),
        )?;
        return Ok(0);
    }
    if !global.json {
        table.print();
    }
    Ok(u8::from(unfitting))
}

/// Finds the check digits that the lines of a folder keep: text files with a line each, or images of stubs.
pub fn learn(folder: &Path, global: &Global) -> anyhow::Result<u8> {
    let fault = |e: std::io::Error| Failure::input("layouts", e.to_string()).in_file(folder.display().to_string());
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        paths.push(entry.map_err(fault)?.path());
    }
    paths.sort();
    let none = Layouts::default();
    let mut lines = Vec::new();
    for path in &paths {
        let bytes = match path.extension().and_then(|e| e.to_str()) {
            Some("txt" | "tif" | "tiff" | "png" | "jpg" | "jpeg") => std::fs::read(path).map_err(fault)?,
            _ => continue,
        };
        if path.extension().is_some_and(|e| e == "txt") {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            lines.extend(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_string));
            continue;
        }
        let name = path.display().to_string();
        let image = Source { role: ImageRole::Front, name: &name, bytes: &bytes };
        let request = Request { images: &[image], dpi: None, magnetic: None, expect: Expect::Stub, layouts: &none };
        let reading = decode::decode(&request);
        // A line with a doubtful character proves nothing.
        lines.extend(reading.scanline.map(|l| l.text).filter(|t| !t.contains('?')));
        lines.extend(reading.barcodes.into_iter().map(|b| b.text));
    }
    let found = learn::learn(&lines);
    if global.json {
        let one = |p: &Proposal| json!({ "scheme": p.scheme, "ten": p.ten.map(String::from), "from": p.covers.0, "to": p.covers.1, "digit": p.digit, "kept": p.kept, "of": p.of, "toml": p.to_toml() });
        print::json(&json!({ "lines": lines.len(), "checks": found.iter().map(one).collect::<Vec<_>>() }))?;
    } else {
        print::line(format!("{} lines", lines.len()));
        for proposal in &found {
            print::line(format!("{} of {} keep  {}", proposal.kept, proposal.of, proposal.to_toml()));
        }
        if found.is_empty() {
            print::line("No check digit that 95% of at least twenty lines of one length keep was found.");
        }
    }
    Ok(u8::from(found.is_empty()))
}
