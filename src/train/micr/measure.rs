//! Measures the E-13B reader: on line crops with `.gt.txt` truth, and on station folders with `truth.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use remit::decode::micr;
use remit::decode::micr::classifier::Classifier;
use remit::decode::micr::confidence::{self, Evidence};

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

pub struct Outcome {
    pub name: String,
    truth: String,
    pub read: MicrRead,
    /// Of a real line: its fold, and what speaks for its confidence.
    numbers: Option<(u64, Evidence)>,
    score: f32,
    ms: f64,
}

impl Outcome {
    fn squeezed(&self) -> String {
        self.read.best.split_whitespace().collect()
    }

    pub fn right(&self) -> bool {
        self.squeezed() == self.truth
    }
}

/// With the committed weights, or each line with those of its fold and a curve fitted on the other folds.
pub fn of_lines(folder: &Path, nets: &str, fold: Option<u64>, list: usize) -> std::io::Result<()> {
    if nets.is_empty() {
        let outcomes = read_all(folder, |page, _| Some((micr::read_line(page), None)))?;
        return both(outcomes, list);
    }
    let mut seen = of_folds(folder, nets.as_ref(), fold)?;
    let known = |o: &Outcome| known_wrong().contains(&o.name.as_str());
    for f in 0..super::ALL {
        let others: Vec<(Evidence, bool)> =
            seen.iter().filter(|(o, k, _)| *k != f && !known(o)).map(|(o, _, n)| (*n, o.right())).collect();
        let curve = if others.is_empty() { *micr::curve() } else { super::curve::fitted(&others) };
        for (outcome, _, numbers) in seen.iter_mut().filter(|(_, k, _)| *k == f) {
            outcome.read.confidence = curve.confidence(numbers);
            outcome.read.accepted = outcome.read.confidence >= micr::ACCEPT && !outcome.read.text.contains('?');
        }
    }
    both(seen.into_iter().map(|(o, _, _)| o).collect(), list)
}

fn both(outcomes: Vec<Outcome>, list: usize) -> std::io::Result<()> {
    report(&outcomes, list);
    let wrong = known_wrong();
    let rest: Vec<Outcome> = outcomes.into_iter().filter(|o| !wrong.contains(&o.name.as_str())).collect();
    println!("== without {} lines whose labels are known to be wrong", wrong.len());
    report(&rest, 0);
    Ok(())
}

/// Lines whose labels are known to be wrong.
pub fn known_wrong() -> Vec<&'static str> {
    super::WRONG_LABELS.lines().filter_map(|l| l.split('\t').next()).collect()
}

type Seen = (Outcome, u64, Evidence);

/// Every line (of one fold) read by the weights of its fold, with the fold and what speaks for its confidence.
pub fn of_folds(folder: &Path, nets: &Path, fold: Option<u64>) -> std::io::Result<Vec<Seen>> {
    let folds = super::real::Folds::beside(folder);
    let weights = |f: u64| super::weights(&super::place(nets, f)).ok();
    let nets: Vec<Option<Classifier>> = (0..super::ALL).map(|f| weights(f).as_ref().map(Classifier::of)).collect();
    let outcomes = read_all(folder, |page, name| {
        let own = folds.of(name);
        let net = nets[own as usize].as_ref().filter(|_| fold.is_none_or(|f| f == own))?;
        let Some(row) = micr::best_row(net, page) else {
            return Some((micr::nothing(), Some((own, Evidence::default()))));
        };
        let read = micr::text(page, &row, micr::curve());
        let numbers = confidence::evidence(&row);
        Some((read, Some((own, numbers))))
    })?;
    let with = |o: Outcome| o.numbers.map(|(own, numbers)| (o, own, numbers));
    Ok(outcomes.into_iter().filter_map(with).collect())
}

type Told = (MicrRead, Option<(u64, Evidence)>);

fn read_all(folder: &Path, read: impl Fn(&Upright, &str) -> Option<Told> + Sync) -> std::io::Result<Vec<Outcome>> {
    let one = |(path, truth): (PathBuf, String)| {
        let page = upright(&path, 200).ok()?;
        let name = path.file_stem()?.to_str()?.to_string();
        let begin = Instant::now();
        let (read, numbers) = read(&page, &name)?;
        let ms = begin.elapsed().as_secs_f64() * 1000.0;
        Some(Outcome { name, truth, score: 0.0, read, numbers, ms })
    };
    Ok(lines(folder)?.into_par_iter().filter_map(one).collect())
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
            Some((Outcome { name, truth, read, numbers: None, score, ms }, kind, readable))
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

/// Prints what the reader sees of one line crop, with the committed weights or others.
pub fn look(path: &Path, weights: &str) -> std::io::Result<()> {
    let page = upright(path, 200).map_err(std::io::Error::other)?;
    let height = page.bits.height() as f32;
    let own = if weights.is_empty() { None } else { Some(super::weights(weights.as_ref())?) };
    let net = &Classifier::of(own.as_ref().unwrap_or(micr::net()));
    for row in micr::find::rows(&page.bits, (height * 0.25).max(8.0), height, 3) {
        println!("row of {} pieces ({} near), {:?}", row.sample.len(), row.digits.len(), row.geometry);
        let parts = row.parts(60.0, page.bits.width());
        parts.iter().for_each(|p| println!("  part {p:?}"));
        let begin = Instant::now();
        let read = micr::read::row(net, &page, &row, 60.0);
        println!("{:?}, {} looks, loose {:.3}", begin.elapsed(), read.looks, read.loose);
        read.parts.iter().for_each(|p| println!("  fitted {p:?}"));
        let mut before = 0.0;
        for glyph in &read.glyphs {
            println!(
                "{} right {:.0} (+{:.2} pitches) chance {:.4} unread {:.3}",
                micr::trellis::SYMBOLS[glyph.class],
                glyph.right,
                (glyph.right - before) / glyph.pitch,
                glyph.chance,
                glyph.unread
            );
            before = glyph.right;
        }
    }
    Ok(())
}
