//! Measures the E-13B reader: on line crops with `.gt.txt` truth, and on station folders with `truth.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use remit::decode::micr;
use remit::domain::MicrRead;
use remit::imaging::{Raster, Transform, Upright, binarize, load};

/// The image as an upright page, nothing straightened.
pub fn upright(path: &Path, dpi: u32) -> Result<Upright, String> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let page = load(&bytes, 0).map_err(|e| format!("{}: {e}", path.display()))?;
    let (bits, gray) = match page.raster {
        Raster::Bits(bits) => (bits, None),
        Raster::Gray(gray) => (binarize(&gray), Some(gray)),
    };
    Ok(Upright { bits, gray, dpi: page.dpi.unwrap_or(dpi), transform: Transform::IDENTITY })
}

/// Names (without `.tif`) and texts of a folder of lines, in name order.
pub fn lines(folder: &Path) -> std::io::Result<Vec<(PathBuf, String)>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.to_str().and_then(|p| p.strip_suffix(".gt.txt")) else { continue };
        let truth: String = fs::read_to_string(&path)?.split_whitespace().collect();
        out.push((PathBuf::from(format!("{stem}.tif")), truth));
    }
    out.sort();
    Ok(out)
}

struct Outcome {
    name: String,
    truth: String,
    read: MicrRead,
    score: f32,
    ms: f64,
}

impl Outcome {
    fn squeezed(&self) -> String {
        self.read.best.split_whitespace().collect()
    }

    fn right(&self) -> bool {
        self.squeezed() == self.truth
    }
}

/// With the committed weights or others, all lines or one fold.
pub fn of_lines(folder: &Path, weights: &str, fold: Option<u64>, list: usize) -> std::io::Result<()> {
    let folds = super::real::Folds::beside(folder);
    let keep = |path: &Path| {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
        fold.is_none_or(|f| folds.of(name) == f)
    };
    let lines: Vec<(PathBuf, String)> = lines(folder)?.into_iter().filter(|(p, _)| keep(p)).collect();
    let own = if weights.is_empty() { None } else { Some(super::weights(weights)?) };
    let outcomes: Vec<Outcome> = lines
        .into_par_iter()
        .filter_map(|(path, truth)| {
            let page = upright(&path, 200).ok()?;
            let begin = Instant::now();
            let read = match &own {
                Some(net) => micr::best_row(net, &page).map_or_else(micr::nothing, |row| micr::text(&page, &row)),
                None => micr::read_line(&page),
            };
            let ms = begin.elapsed().as_secs_f64() * 1000.0;
            let name = path.file_stem()?.to_str()?.to_string();
            Some(Outcome { name, truth, score: 0.0, read, ms })
        })
        .collect();
    report(&outcomes, list);
    Ok(())
}

/// `which`: `bits` or `gray`, where a document has both.
pub fn of_station(folder: &Path, which: &str, list: usize) -> std::io::Result<()> {
    let truth: Vec<serde_json::Value> =
        fs::read_to_string(folder.join("truth.jsonl"))?.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let outcomes: Vec<(Outcome, String, String)> = truth
        .par_iter()
        .filter_map(|d| {
            let files = d["files"].as_object()?;
            let side = d["front_side"].as_str()?;
            let mut names: Vec<(&String, &str)> =
                files.iter().filter(|(k, _)| k.starts_with(side)).filter_map(|(k, v)| Some((k, v.as_str()?))).collect();
            names.sort_by_key(|(k, _)| k.ends_with("jpg") != (which == "gray"));
            let name = names.first()?.1;
            let dpi = d["dpi"].as_u64()? as u32;
            let mut page = upright(&folder.join(name), dpi).map_err(|e| eprintln!("{e}")).ok()?;
            page.dpi = dpi;
            if d["degradation"].get("rot180").is_some() {
                page.bits = page.bits.turned(180);
                page.gray = page.gray.map(|g| g.turned(180));
            }
            let begin = Instant::now();
            let line = micr::read(&page);
            let ms = begin.elapsed().as_secs_f64() * 1000.0;
            let score = line.as_ref().map_or(0.0, |l| l.score);
            let read = line.map_or_else(
                || MicrRead {
                    text: String::new(),
                    best: String::new(),
                    accepted: false,
                    confidence: 0.0,
                    chars: Vec::new(),
                    fields: micr::fields(""),
                },
                |l| l.read,
            );
            let kind = d["kind"].as_str()?.to_string();
            let readable = d["readable"].as_str().unwrap_or("-").to_string();
            let truth = d["micr"].as_str().unwrap_or("").to_string();
            let name = format!("{name} {} {}", d["degradation"], d["micr_print"]);
            Some((Outcome { name, truth, read, score, ms }, kind, readable))
        })
        .collect();
    let mut groups: Vec<(String, Vec<Outcome>)> = Vec::new();
    for (outcome, kind, readable) in outcomes {
        let group = if kind == "check" { format!("check, readable {readable}") } else { kind };
        match groups.iter_mut().find(|g| g.0 == group) {
            Some(g) => g.1.push(outcome),
            None => groups.push((group, vec![outcome])),
        }
    }
    for (group, outcomes) in groups {
        println!("== {group}");
        if group.starts_with("check") {
            report(&outcomes, list);
        }
        let mut scores: Vec<f32> = outcomes.iter().map(|o| o.score).collect();
        scores.sort_by(f32::total_cmp);
        let mut ms: Vec<f64> = outcomes.iter().map(|o| o.ms).collect();
        ms.sort_by(f64::total_cmp);
        let at = |share: f32| ((scores.len() - 1) as f32 * share) as usize;
        println!(
            "{} documents; score least {:.3}, 5% {:.3}, median {:.3}, most {:.3}; median {:.2} ms, 95% {:.2}",
            outcomes.len(),
            scores[0],
            scores[at(0.05)],
            scores[at(0.5)],
            scores[at(1.0)],
            ms[at(0.5)],
            ms[at(0.95)]
        );
    }
    Ok(())
}

fn report(outcomes: &[Outcome], list: usize) {
    let n = outcomes.len().max(1);
    let share = |k: usize| format!("{k} ({:.2}%)", 100.0 * k as f64 / n as f64);
    let exact = outcomes.iter().filter(|o| o.right()).count();
    let accepted: Vec<&Outcome> = outcomes.iter().filter(|o| o.read.accepted).collect();
    let wrong: Vec<&&Outcome> = accepted.iter().filter(|o| !o.right()).collect();
    println!(
        "{} lines: exact {}, accepted right {}, accepted wrong {}",
        outcomes.len(),
        share(exact),
        share(accepted.len() - wrong.len()),
        share(wrong.len())
    );
    // How far down the confidence one may go with one wrong in a thousand, by confidence alone.
    let mut by: Vec<(f32, bool)> = outcomes.iter().map(|o| (o.read.confidence, o.right())).collect();
    by.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut bad, mut cover, mut at) = (0, 0, 1.0);
    for (i, &(confidence, right)) in by.iter().enumerate() {
        bad += usize::from(!right);
        if bad as f64 <= 0.001 * (i + 1) as f64 && by.get(i + 1).is_none_or(|b| b.0 != confidence) {
            (cover, at) = (i + 1, confidence);
        }
    }
    println!("by confidence alone, 0.1% wrong: {} (confidence >= {at})", share(cover));
    let mut ms: Vec<f64> = outcomes.iter().map(|o| o.ms).collect();
    ms.sort_by(f64::total_cmp);
    println!("time: median {:.2} ms, 95% {:.2}", ms[n / 2], ms[n * 95 / 100]);
    for edge in [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999] {
        let up =
            [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 2.0].into_iter().find(|u| *u > edge).unwrap_or(2.0);
        let inside: Vec<&(f32, bool)> = by.iter().filter(|(c, _)| *c >= edge && *c < up).collect();
        if !inside.is_empty() {
            let right = inside.iter().filter(|b| b.1).count();
            println!(
                "  confidence {edge:.3}..: {} lines, {:.3} right",
                inside.len(),
                right as f64 / inside.len() as f64
            );
        }
    }
    let mut faults: Vec<&Outcome> = outcomes.iter().filter(|o| !o.right()).collect();
    faults.sort_by(|a, b| b.read.confidence.total_cmp(&a.read.confidence));
    for o in faults.iter().take(list) {
        println!(
            "{:.3} {:.4} {}\n    truth {}\n    read  {}",
            o.score,
            o.read.confidence,
            o.name,
            o.truth,
            o.squeezed()
        );
    }
}

/// Prints what the reader sees of one line crop.
pub fn look(path: &Path) -> std::io::Result<()> {
    let page = upright(path, 200).map_err(std::io::Error::other)?;
    let height = page.bits.height() as f32;
    for row in micr::find::rows(&page.bits, (height * 0.25).max(8.0), height, 3) {
        println!("row of {} pieces, {:?}", row.sample.len(), row.geometry);
        let begin = Instant::now();
        let read = micr::read::row(micr::net(), &page, &row, row.trimmed(60.0, page.bits.width()));
        println!("{:?}, {} looks, loose {:.3}", begin.elapsed(), read.looks, read.loose);
        let mut before = 0.0;
        for glyph in &read.glyphs {
            println!(
                "{} right {:.0} (+{:.2} pitches) chance {:.4}",
                micr::trellis::SYMBOLS[glyph.class],
                glyph.right,
                (glyph.right - before) / glyph.pitch,
                glyph.chance
            );
            before = glyph.right;
        }
    }
    Ok(())
}
