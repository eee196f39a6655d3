//! Training glyphs cut from real lines with known text: each line is aligned with its text by a first classifier, then every
//! character is a sample, and the places between them are samples of "not a glyph".

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use remit::decode::micr::strip::{COLUMNS, Geometry, Ink, Place, Strip};
use remit::decode::micr::trellis::{SYMBOLS, Trellis};
use remit::decode::micr::{best_row, read};
use remit::decode::net::Net;

use super::draw::NOT_A_GLYPH;
use super::measure;
use crate::random::Random;

/// Which of the five folds a line is in, by its group of checks.
pub struct Folds(HashMap<String, u64>);

impl Folds {
    pub const COUNT: u64 = 5;

    /// From `groups.tsv` beside the folder of lines; every line by itself where there is none.
    pub fn beside(folder: &Path) -> Folds {
        let table = folder.parent().map(|p| p.join("groups.tsv")).unwrap_or_default();
        let text = std::fs::read_to_string(table).unwrap_or_default();
        let of = |line: &str| {
            let (name, group) = line.split_once('\t')?;
            Some((name.to_string(), hash(group)))
        };
        Folds(text.lines().filter_map(of).collect())
    }

    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_else(|| hash(name)) % Self::COUNT
    }
}

fn hash(text: &str) -> u64 {
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    Random::new(sum).next()
}

pub struct Line {
    ink: Ink,
    slope: f32,
    /// Where each right edge is, and the class.
    glyphs: Vec<(Place, usize)>,
}

/// Lines of a folder that align with their text.
pub fn lines(folder: &Path, net: &Net, keep: &(dyn Fn(&str) -> bool + Sync)) -> std::io::Result<Vec<Line>> {
    let all = measure::lines(folder)?;
    let count = all.len();
    let lines: Vec<Line> = all
        .into_par_iter()
        .filter(|(path, _)| keep(path.file_stem().and_then(|s| s.to_str()).unwrap_or("")))
        .filter_map(|(path, truth)| {
            let page = measure::upright(&path, 200).ok()?;
            let classes: Vec<usize> = truth.chars().filter_map(|c| SYMBOLS.iter().position(|s| *s == c)).collect();
            let found: read::RowRead = best_row(net, &page)?;
            let ink = Ink::of(&page, &found.geometry);
            let mut trellis = Trellis::new(net, Strip::new(&ink, &found.geometry));
            trellis.look_at_edges();
            trellis.look_closely(0, trellis.strip.columns as isize + 16);
            let (chain, mean) = trellis.aligned(&classes)?;
            let unlikely = chain.iter().filter(|c| c.chance() < 0.01).count();
            if mean < -1.2 || unlikely * 6 > chain.len() + 6 {
                println!("left out: {} ({mean:.2})", path.display());
                return None;
            }
            let glyphs = chain.iter().filter_map(|c| Some((trellis.strip.place(c.right as f32)?, c.class))).collect();
            Some(Line { ink, slope: found.geometry.slope, glyphs })
        })
        .collect();
    println!(
        "{} of {count} lines aligned, {} characters",
        lines.len(),
        lines.iter().map(|l| l.glyphs.len()).sum::<usize>()
    );
    Ok(lines)
}

/// One glyph or one wrong place of a line, a little moved.
pub fn glyph(lines: &[Line], random: &mut Random) -> (Vec<f32>, usize) {
    let line = &lines[random.below(lines.len())];
    let (place, mut class) = line.glyphs[random.below(line.glyphs.len())];
    let (mut right, mut down) = (place.x, random.normal() * 0.2);
    if random.chance(0.3) {
        let off = random.between(1.4, 8.2) * if random.chance(0.5) { 1.0 } else { -1.0 };
        let moved = place.x + off * place.sx;
        if line.glyphs.iter().all(|g| (g.0.x - moved).abs() > 1.35 * place.sx) {
            (right, class) = (moved, NOT_A_GLYPH);
        } else if random.chance(0.2) {
            class = NOT_A_GLYPH;
            down = random.between(2.5, 8.0) * if random.chance(0.5) { 1.0 } else { -1.0 };
        }
    }
    let (sx, sy) = (place.sx * (1.0 + random.normal() * 0.03), place.sy * (1.0 + random.normal() * 0.03));
    let x = right + random.normal() * 0.18 * sx;
    let y0 = place.y + down * place.sy - 4.5 * sy - line.slope * 8.0 * sx;
    let slope = line.slope + random.normal() * 0.008;
    let around = Geometry { sx, sy, slope, length: 9.0, x0: x - 8.0 * sx, y0, knots: Vec::new() };
    let mut pixels = Vec::new();
    Strip::new(&line.ink, &around).window(8 * COLUMNS as isize, 0, &mut pixels);
    (pixels, class)
}

/// Pieces of other print on station pages (stubs, backs, the upper part of checks): none of them is a glyph.
pub fn other_print(station: &Path) -> std::io::Result<Vec<(Ink, Geometry)>> {
    let truth = std::fs::read_to_string(station.join("truth.jsonl"))?;
    let documents: Vec<serde_json::Value> = truth.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let found: Vec<Vec<(Ink, Geometry)>> = documents
        .par_iter()
        .map(|d| {
            let mut out = Vec::new();
            let (Some(files), Some(dpi)) = (d["files"].as_object(), d["dpi"].as_u64()) else { return out };
            let is_stub = d["kind"] == "stub";
            let side = d["front_side"].as_str().unwrap_or("F");
            for (key, name) in files {
                let front = key.starts_with(side);
                let Ok(mut page) = measure::upright(&station.join(name.as_str().unwrap_or("")), dpi as u32) else {
                    continue;
                };
                page.gray = None;
                let height = page.bits.height() as f32;
                let nominal = 0.117 * dpi as f32;
                for row in remit::decode::micr::find::rows(&page.bits, 0.62 * nominal, 1.5 * nominal, 6) {
                    for piece in row.sample.iter().step_by(3) {
                        // The account line stands low, or high where the page is upside down.
                        let place = piece.y0 as f32 / height;
                        if front && !is_stub && !(0.3..0.6).contains(&place) {
                            continue;
                        }
                        let g = &row.geometry;
                        let right = piece.x1 as f32;
                        let y0 = g.y0 + g.slope * right;
                        let cell =
                            Geometry { x0: right - 14.0 * g.sx, y0, length: 22.0, knots: Vec::new(), ..g.clone() };
                        out.push((
                            Ink::bitonal(&page.bits, &cell),
                            Geometry { x0: right - 8.0 * g.sx, length: 9.0, ..cell },
                        ));
                    }
                }
            }
            out
        })
        .collect();
    let all: Vec<(Ink, Geometry)> = found.into_iter().flatten().collect();
    println!("{} pieces of other print", all.len());
    Ok(all)
}

/// One of them, a little moved.
pub fn not_a_glyph(pieces: &[(Ink, Geometry)], random: &mut Random) -> (Vec<f32>, usize) {
    let (ink, g) = &pieces[random.below(pieces.len())];
    let (sx, sy) = (g.sx * (1.0 + random.normal() * 0.08), g.sy * (1.0 + random.normal() * 0.05));
    let x0 = g.x0 + random.normal() * 0.8 * sx;
    let around = Geometry { x0, sx, sy, y0: g.y0 + random.normal() * 0.5 * sy, ..g.clone() };
    let mut pixels = Vec::new();
    Strip::new(ink, &around).window(8 * COLUMNS as isize, 0, &mut pixels);
    (pixels, NOT_A_GLYPH)
}
