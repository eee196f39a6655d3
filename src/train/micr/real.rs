//! Training glyphs cut from real lines with known text: each line is aligned with its text by a first classifier, then every
//! character is a sample, and the places between them are samples of "not a glyph".

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use remit::decode::micr::classifier::Classifier;
use remit::decode::micr::strip::{COLUMNS, Geometry, Ink, Place, Strip};
use remit::decode::micr::trellis::{Candidate, SYMBOLS, Trellis};
use remit::decode::micr::{best_row, read};
use remit::decode::net::Net;

use super::draw::NOT_A_GLYPH;
use super::{measure, spoil};
use crate::random::Random;

/// Which of the five folds a line is in, by its group of checks.
pub struct Folds(HashMap<String, u64>);

impl Folds {
    pub const COUNT: u64 = 5;

    /// From `groups.tsv` beside the folder of lines; every line by itself where there is none. The largest groups first,
    /// each to the fold with the fewest lines.
    pub fn beside(folder: &Path) -> Folds {
        let groups = groups(folder);
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        groups.values().for_each(|g| *sizes.entry(g).or_default() += 1);
        let mut order: Vec<(&str, usize)> = sizes.into_iter().collect();
        order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut filled = [0usize; Folds::COUNT as usize];
        let mut fold_of: HashMap<&str, u64> = HashMap::new();
        for (group, size) in order {
            let fold = (0..filled.len()).min_by_key(|&f| filled[f]).unwrap_or(0);
            filled[fold] += size;
            fold_of.insert(group, fold as u64);
        }
        Folds(groups.iter().map(|(name, group)| (name.clone(), fold_of[group.as_str()])).collect())
    }

    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_else(|| hash(name) % Self::COUNT)
    }
}

/// Group of checks by name of line.
pub fn groups(folder: &Path) -> HashMap<String, String> {
    let table = folder.parent().map(|p| p.join("groups.tsv")).unwrap_or_default();
    let text = std::fs::read_to_string(table).unwrap_or_default();
    text.lines().filter_map(|l| l.split_once('\t')).map(|(n, g)| (n.to_string(), g.to_string())).collect()
}

fn hash(text: &str) -> u64 {
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    Random::new(sum).next()
}

#[derive(Clone)]
pub struct Line {
    pub name: String,
    ink: Ink,
    slope: f32,
    /// Where each right edge is, and the class.
    glyphs: Vec<(Place, usize)>,
    /// Right edges of the ink that are no glyph's.
    wrong: Vec<Place>,
    /// Summed up to and with this line: the more lines of one check the less each.
    weight: f32,
}

/// Lines of a folder that align with their text.
pub fn lines(folder: &Path, net: &Net) -> std::io::Result<Vec<Line>> {
    let all = measure::lines(folder)?;
    let count = all.len();
    let net = &Classifier::of(net);
    let lines: Vec<Line> = all.into_par_iter().filter_map(|(path, truth)| aligned(&path, &truth, net)).collect();
    println!(
        "{} of {count} lines aligned, {} characters",
        lines.len(),
        lines.iter().map(|l| l.glyphs.len()).sum::<usize>()
    );
    Ok(lines)
}

/// Those of the lines that may be learned from, the lines of one check weighing less the more of them there are.
pub fn chosen(folder: &Path, lines: &[Line], keep: &dyn Fn(&str) -> bool) -> Vec<Line> {
    let mut lines: Vec<Line> = lines.iter().filter(|l| keep(&l.name)).cloned().collect();
    let group = groups(folder);
    let of = |name: &str| group.get(name).cloned().unwrap_or_else(|| name.to_string());
    let mut sizes: HashMap<String, f32> = HashMap::new();
    lines.iter().for_each(|l| *sizes.entry(of(&l.name)).or_default() += 1.0);
    let mut sum = 0.0;
    for line in &mut lines {
        sum += line.glyphs.len() as f32 / sizes[&of(&line.name)].sqrt();
        line.weight = sum;
    }
    lines
}

fn aligned(path: &Path, truth: &str, net: &Classifier) -> Option<Line> {
    let name = path.file_stem()?.to_str()?.to_string();
    let page = measure::upright(path, 200).ok()?;
    let classes: Vec<usize> = truth.chars().filter_map(|c| SYMBOLS.iter().position(|s| *s == c)).collect();
    let found: read::RowRead = best_row(net, &page)?;
    let ink = Ink::of(&page, &found.parts);
    let mut trellis: Option<Trellis> = None;
    for part in &found.parts {
        let next = Trellis::new(net, Strip::new(&ink, part), 1.0);
        match &mut trellis {
            Some(all) => all.append(next),
            None => trellis = Some(next),
        }
    }
    let mut trellis = trellis?;
    trellis.look_at_edges(0);
    trellis.look_closely(0, f32::NEG_INFINITY, f32::INFINITY);
    let (chain, mean) = trellis.aligned(&classes)?;
    let unlikely = chain.iter().filter(|c| c.chance() < 0.01).count();
    if mean < -1.2 || unlikely * 6 > chain.len() + 6 {
        println!("left out: {} ({mean:.2})", path.display());
        return None;
    }
    // One that does not look like what it should be teaches nothing good.
    let place = |c: &Candidate| Some((trellis.strips[0].place(c.right as f32)?, c.class));
    let glyphs = chain.iter().filter(|c| c.chance() > 1e-4).filter_map(place).collect();
    let near = |edge: isize| chain.iter().any(|c| (c.right - edge).abs() < 6);
    let wrong = trellis.falling_edges(0).into_iter().filter(|e| !near(*e));
    let wrong = wrong.filter_map(|e| trellis.strips[0].place(e as f32)).collect();
    let slope = found.parts.first()?.slope;
    Some(Line { name, ink, slope, glyphs, wrong, weight: 0.0 })
}

/// One glyph or one wrong place of a line, a little moved and spoiled.
pub fn glyph(lines: &[Line], random: &mut Random) -> (Vec<f32>, usize) {
    let at = random.unit() * lines.last().map_or(0.0, |l| l.weight);
    let line = &lines[lines.partition_point(|l| l.weight <= at).min(lines.len() - 1)];
    let Some(&(mut place, mut class)) = line.glyphs.get(random.below(line.glyphs.len())) else {
        return glyph(lines, random);
    };
    let mut down = random.normal() * 0.2;
    let far = |x: f32, by: f32| line.glyphs.iter().all(|g| (g.0.x - x).abs() > by * place.sx);
    if random.chance(0.36) {
        let off = random.between(1.4, 8.2) * if random.chance(0.5) { 1.0 } else { -1.0 };
        let moved = place.x + off * place.sx;
        if random.chance(0.6) && !line.wrong.is_empty() {
            (place, class) = (line.wrong[random.below(line.wrong.len())], NOT_A_GLYPH);
        } else if far(moved, 1.35) {
            (place.x, class) = (moved, NOT_A_GLYPH);
        } else if random.chance(0.2) && class != 13 {
            class = NOT_A_GLYPH;
            down = random.between(2.5, 8.0) * if random.chance(0.5) { 1.0 } else { -1.0 };
        }
    }
    let (sx, sy) = (place.sx * (1.0 + random.normal() * 0.05), place.sy * (1.0 + random.normal() * 0.035));
    let x = place.x + random.normal() * 0.2 * sx;
    // The window's right side is two and a half units further right.
    let slope = line.slope + random.normal() * 0.01;
    let y0 = place.y + down * place.sy - 4.5 * sy - slope * 10.0 * sx;
    let around = Geometry { sx, sy, slope, length: 13.0, x0: x - 10.0 * sx, y0, knots: Vec::new() };
    let mut pixels = Vec::new();
    Strip::new(&line.ink, &around).window(10 * COLUMNS as isize, 0, &mut pixels);
    spoil::window(&mut pixels, random);
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
                            Geometry { x0: right - 14.0 * g.sx, y0, length: 24.0, knots: Vec::new(), ..g.clone() };
                        out.push((
                            Ink::bitonal(&page.bits, std::slice::from_ref(&cell)),
                            Geometry { x0: right - 10.0 * g.sx, length: 13.0, ..cell },
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
    Strip::new(ink, &around).window(10 * COLUMNS as isize, 0, &mut pixels);
    spoil::window(&mut pixels, random);
    (pixels, NOT_A_GLYPH)
}
