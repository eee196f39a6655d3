//! The E-13B (MICR) reader, and on lines CMC-7: finds the line by its shapes, reads it, says how sure it is, and makes fields of it. Geometry
//! after ANSI X9.27 (X9.100-20). Refuses nothing: what it cannot read comes back as `?` and not accepted.

pub mod classifier;
pub mod cmc7;
pub mod combine;
pub mod confidence;
pub mod cover;
pub mod covered;
pub mod doubt;
pub mod fields;
pub mod find;
pub mod foreign;
pub mod level;
pub mod parts;
pub mod read;
pub mod repair;
pub mod second;
pub mod strip;
pub mod trellis;

use std::sync::LazyLock;

pub use combine::combine;
pub use fields::fields;

use crate::decode::net::Net;
use crate::domain::{CharRead, MicrRead};
use crate::imaging::{Bits, Upright};
use classifier::Classifier;
use confidence::Curve;
use find::Pieces;
use read::RowRead;
use strip::Geometry;
use trellis::{FIRST_SYMBOL, SYMBOLS};

static WEIGHTS: &[u8] = include_bytes!("e13b.net");

/// The classifier: a window of the strip to one of 14 symbols or "not a glyph".
static NET: LazyLock<Net> = LazyLock::new(|| Net::from_bytes(WEIGHTS).unwrap_or_else(|_| Net::plan(1, 1, &[])));

pub fn net() -> &'static Net {
    &NET
}

/// The same as the reader runs it.
static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(|| Classifier::of(&NET));

pub fn classifier() -> &'static Classifier {
    &CLASSIFIER
}

static COVERED_WEIGHTS: &[u8] = include_bytes!("e13b-covered.net");

/// The classifier for what stands under other ink.
static COVERED: LazyLock<Classifier> =
    LazyLock::new(|| Classifier::of(&Net::from_bytes(COVERED_WEIGHTS).unwrap_or_else(|_| Net::plan(1, 1, &[]))));

/// What its readings are worth.
static CURVE: LazyLock<Curve> = LazyLock::new(|| Curve::parse(include_str!("e13b.curve")).unwrap_or_default());

pub fn curve() -> &'static Curve {
    &CURVE
}

/// A line found on a page.
#[derive(Clone, Debug)]
pub struct MicrLine {
    pub read: MicrRead,
    /// 0 to 1: how much this is a line of E-13B at all, right side up. Below 0.3 it is something else.
    pub score: f32,
}

/// A glyph below this chance is `?` in the text.
const REJECT: f32 = 0.8;
/// A line below this confidence is not accepted: of lines that the weights had not seen none of 854 that were surer was wrong. The
/// routing number's check digit says nothing of the rest of the line: with it as much is needed.
pub const ACCEPT: f32 = 0.99;
/// No more ink than this may be unexplained.
const EXPLAINED: f32 = 0.85;

/// The classifier's doubt to the share of such glyphs that is wrong, as measured on lines it was not trained on: it is
/// trained on far worse glyphs than scanners give, and so doubts too much.
fn calibrated(chance: f32) -> f32 {
    1.0 - 0.8 * (1.0 - chance).clamp(0.0, 1.0).powf(1.6)
}

/// A row of this score is E-13B and no other line font.
const SURELY_E13B: f32 = 0.8;

/// Finds and reads the page's E-13B line; `None` where nothing looks like one.
pub fn read(page: &Upright) -> Option<MicrLine> {
    read_of(page, &Pieces::of(&page.bits))
}

/// The same of a page whose pieces of ink are known.
pub fn read_of(page: &Upright, pieces: &Pieces) -> Option<MicrLine> {
    let found = best_of(page, pieces, 4);
    // Rows of other print, or of a stamp, may have more pieces than the line: where nothing was found the clear band at the
    // page's foot is asked alone.
    let (row, score) = found.filter(|f| f.1 > LEAST_SCORE).or_else(|| {
        let band = foot(&page.bits, page.dpi as usize)?;
        best_of(page, &Pieces::of(&band), 4)
    })?;
    judged(page, row, score)
}

/// The same of a page on which nothing was found: a frame or a stroke may run through all of its line, so that no glyph stands by
/// itself. Costs next to nothing where nothing long and straight is at the page's foot.
pub fn read_crossed(page: &Upright) -> Option<MicrLine> {
    let (row, score) = without_frames(page)?;
    judged(page, row, score)
}

/// The line at the page's foot without the frames that run through it.
fn without_frames(page: &Upright) -> Option<(RowRead, f32)> {
    let (width, height, dpi) = (page.bits.width() as f32, page.bits.height() as f32, page.dpi as f32);
    if !foreign::is_ruled(&page.bits, page.dpi as usize) {
        return None;
    }
    let (nominal, unit) = (0.117 * dpi, 0.013 * dpi);
    // The print band's middle stands 5/16 inch above the edge (ANSI X9.27), the glyphs stand in it or a little higher; and the
    // page may go on below the check.
    [0.36, 0.58].into_iter().find_map(|up| {
        let y0 = height - up * dpi - nominal / 2.0;
        let band = Geometry { x0: 0.0, y0, slope: 0.0, sx: unit, sy: unit, length: width / unit, knots: Vec::new() };
        let freed = foreign::without_strokes(page, &[band])?.page;
        best_of(&freed, &Pieces::of(&freed.bits), 2).filter(|f| f.1 > LEAST_SCORE)
    })
}

/// What a row that was found is worth.
fn judged(page: &Upright, row: RowRead, mut score: f32) -> Option<MicrLine> {
    let crossed = foreign::crosses(&page.bits, &row) || cover::is_inked(&row);
    let mut read = on_page(page, row.clone(), crossed);
    let doubtful = crossed || !read.accepted || read.confidence < CLEARLY;
    let is_line = is_line(&row);
    if doubtful
        && is_line
        && let Some(both) = second::look(&CLASSIFIER, page, &row)
    {
        let worth = self::score(&both);
        let again = on_page(page, both, true);
        // Where the second look does not see what the first did, nothing is accepted.
        if again.accepted || read.accepted || again.confidence > read.confidence {
            read = again;
            score = score.max(worth);
        }
    }
    if !read.accepted {
        // What is read clearly and is no whole account line has nothing hidden in it.
        let is_head_down = row.loose >= HEAD_DOWN.0 && read.confidence < HEAD_DOWN.1;
        if is_line && !is_head_down && read.confidence < CLEARLY {
            (read, score) = under_other_ink(page, &row, (read, score));
        }
    } else if crossed && read.confidence < CONFIRMED {
        // What is hardly accepted beside other ink must be read so under it too.
        let under = covered::look(&COVERED, page, &row);
        let seen = under.map(|u| u.glyphs.iter().map(|g| SYMBOLS[g.class]).collect::<String>());
        read.accepted &= seen.is_none_or(|seen| seen == read.best.replace(' ', ""));
    }
    (score > LEAST_SCORE).then_some(MicrLine { read, score })
}

/// Is a row enough of an account line to look at again?
fn is_line(row: &RowRead) -> bool {
    let sure = || row.glyphs.iter().filter(|g| g.chance >= second::SURE);
    let has_symbol = row.glyphs.iter().any(|g| g.class >= FIRST_SYMBOL && g.chance > 0.9);
    sure().count() >= LEAST_SURE && 2 * sure().count() >= row.glyphs.len() && has_symbol
}

/// A line that is not accepted, read once more under what lies over it, where that says more: on a gray page first without all ink
/// that is lighter than the line's.
fn under_other_ink(page: &Upright, row: &RowRead, mut best: (MicrRead, f32)) -> (MicrRead, f32) {
    let darker = level::darker(page, row);
    for page in [darker.as_ref(), Some(page)].into_iter().flatten() {
        let Some(under) = covered::look(&COVERED, page, row).filter(|u| covered::agrees(row, u)) else { continue };
        let score = score(&under).max(best.1);
        let again = on_page(page, under, true);
        if again.accepted {
            return (again, score);
        }
        if again.confidence > best.0.confidence {
            best = (again, score);
        }
    }
    best
}

/// A line beside other ink that is accepted with less confidence is looked at under it as well.
const CONFIRMED: f32 = 0.995;
/// A row with fewer sure glyphs, or where more are doubtful than sure, or without a symbol, is other print: of 382 marked lines that
/// were accepted at a second look or a look under other ink the poorest had 8 sure glyphs of 16, and one symbol.
const LEAST_SURE: usize = 8;
/// A line that stands on its head reads in part, with more than this share of its ink left over and no confidence at all.
const HEAD_DOWN: (f32, f32) = (0.27, 0.0005);
/// A line on a page below this confidence is not accepted: of 7,113 worn, signed and stamped ones that were surer 2 were wrong.
const ACCEPT_ON_PAGE: f32 = 0.94;
/// One that is surer without a look at the other ink of its page needs none.
const CLEARLY: f32 = 0.998;

/// A row of a whole page as its reading; `crossed`: other ink is near it.
fn on_page(page: &Upright, mut row: RowRead, crossed: bool) -> MicrRead {
    let mut doubts = doubt::of(&row, None);
    if crossed || doubts.confidence < CLEARLY {
        let mut cover = cover::of(page, &row);
        doubt::without_ghosts(&mut row, &mut cover);
        doubts = doubt::of(&row, Some(&cover));
    }
    let (mut chars, gaps) = characters(page, &row);
    chars.iter_mut().zip(&doubts.glyphs).for_each(|(c, doubt)| c.confidence = 1.0 - doubt);
    let mut read = finish(chars, &gaps, doubts.confidence, (ACCEPT_ON_PAGE, ACCEPT_ON_PAGE));
    repaired(&row, &mut read);
    // A whole check has a transit and an on-us field, the on-us symbol in it, and no field that is cut off at either end.
    let count = |symbol: char| read.best.matches(symbol).count();
    let is_closed = read.fields.on_us.as_ref().is_some_and(|field| field.contains('C'));
    let is_opened = read.best.split('A').next().is_none_or(|aux| !aux.contains('C') || aux.starts_with('C'));
    let is_whole = count('A') == 2 && matches!(count('B'), 0 | 2) && is_closed && is_opened;
    read.accepted &= read.fields.routing.is_some() && is_whole;
    read
}

/// A row below this is no account line.
const LEAST_SCORE: f32 = 0.15;

/// The page with nothing but its last inch; `None` where that is all of it, or holds next to nothing.
fn foot(bits: &Bits, dpi: usize) -> Option<Bits> {
    let from = bits.height().checked_sub(dpi).filter(|f| *f > dpi / 2)?;
    let mut band = Bits::new(bits.width(), bits.height());
    (from..bits.height()).for_each(|y| band.row_mut(y).copy_from_slice(bits.row(y)));
    (band.ink() > dpi).then_some(band)
}

/// A row whose first pieces are so much like E-13B is read before the others are looked at.
const PLAINLY: f32 = 0.9;

/// The row that reads best as E-13B, and how well, of at most so many.
fn best_of(page: &Upright, pieces: &Pieces, wanted: usize) -> Option<(RowRead, f32)> {
    let nominal = 0.117 * page.dpi as f32;
    let (least, most) = (0.62 * nominal, 1.5 * nominal);
    let rows = find::outlines_of(pieces, least, most, wanted, find::LEAST_DIGITS);
    let mut best: Option<(RowRead, f32)> = None;
    // The likeliest first: other print of the same size costs as much to read, and gives nothing.
    let mut likely: Vec<(f32, find::Row)> = Vec::new();
    let mut rows = rows.into_iter();
    let mut next = || {
        for row in rows.by_ref() {
            let plausible = find::plausible(&CLASSIFIER, &page.bits, &row);
            if plausible >= PLAINLY {
                return Some(row);
            }
            if plausible >= 0.5 {
                likely.push((plausible, row));
            }
        }
        let most = (0..likely.len()).max_by(|&a, &b| likely[a].0.total_cmp(&likely[b].0));
        most.map(|at| likely.remove(at).1)
    };
    while let Some(row) = next() {
        let found = read::row(&CLASSIFIER, page, &find::filled(pieces, least, most, row), 14.0);
        let score = score(&found);
        if best.as_ref().is_none_or(|b| score > b.1) {
            best = Some((found, score));
        }
        if score > 0.8 {
            break;
        }
    }
    best
}

/// Reads a raster that is one line and little else, of unknown resolution.
pub fn read_line(page: &Upright) -> MicrRead {
    let found = best_row(&CLASSIFIER, page);
    if found.as_ref().map_or(0.0, score) < SURELY_E13B
        && let Some(read) = cmc7::read_line(page)
    {
        return read;
    }
    found.map_or_else(nothing, |row| text(page, &row, &CURVE))
}

/// The row of a line crop that looks most like E-13B, by any classifier: what training and measuring need.
pub fn best_row(net: &Classifier, page: &Upright) -> Option<RowRead> {
    let height = page.bits.height() as f32;
    let rows = find::rows(&page.bits, (height * 0.25).max(8.0), height, 3);
    // What more of the line is read by is better: a glyph that is not read is worth nothing, a sure one 3.
    let worth = |r: &RowRead| r.glyphs.iter().map(|g| 3.0 + g.chance.max(1e-4).ln()).sum::<f32>() * (1.0 - r.loose);
    let mut best: Option<(RowRead, f32)> = None;
    for row in rows {
        let found = read::row(net, page, &row, 60.0);
        let worth = worth(&found);
        let is_sure = found.glyphs.len() > 7 && worth > 2.9 * found.glyphs.len() as f32;
        if best.as_ref().is_none_or(|b| worth > b.1) {
            best = Some((found, worth));
        }
        if is_sure {
            break;
        }
    }
    best.map(|(mut row, _)| {
        doubt::weigh(page, &mut row);
        row
    })
}

/// No line at all.
pub fn nothing() -> MicrRead {
    MicrRead {
        text: String::new(),
        best: String::new(),
        accepted: false,
        confidence: 0.0,
        chars: Vec::new(),
        fields: fields(""),
    }
}

fn score(row: &RowRead) -> f32 {
    let n = row.glyphs.len();
    if n < 4 {
        return 0.0;
    }
    let mean = row.glyphs.iter().map(|g| g.chance).sum::<f32>() / n as f32;
    let symbol = row.glyphs.iter().any(|g| matches!(SYMBOLS[g.class], 'A' | 'C'));
    let long = (n as f32 / 10.0).min(1.0);
    mean * long * (1.0 - row.loose).max(0.0) * if symbol { 1.0 } else { 0.5 }
}

/// The characters of a row, and the numbers of those that stand after a wide gap.
fn characters(page: &Upright, row: &RowRead) -> (Vec<CharRead>, Vec<usize>) {
    let mut gaps = Vec::new();
    let mut chars = Vec::new();
    for (i, glyph) in row.glyphs.iter().enumerate() {
        if i > 0 && glyph.right - row.glyphs[i - 1].right > 1.5 * glyph.pitch {
            gaps.push(i);
        }
        let bbox = page.transform.to_source(glyph.bbox);
        chars.push(CharRead { c: SYMBOLS[glyph.class], confidence: calibrated(glyph.chance), bbox });
    }
    (chars, gaps)
}

/// A row of a crop as its reading.
pub fn text(page: &Upright, row: &RowRead, curve: &Curve) -> MicrRead {
    let (chars, gaps) = characters(page, row);
    let confidence = curve.confidence(&confidence::evidence(row));
    let mut read = finish(chars, &gaps, confidence, (ACCEPT, ACCEPT));
    read.accepted &= explained(row) >= EXPLAINED;
    repaired(row, &mut read);
    read
}

/// Puts a repair into `best` and the fields; `text` keeps the rejected character and `chars` what was seen. A person decides.
fn repaired(row: &RowRead, read: &mut MicrRead) {
    let seen = |(g, c): (&read::Glyph, &CharRead)| (c.c, !combine::is_sure(c), SYMBOLS[g.rival]);
    let line: Vec<repair::Seen> = row.glyphs.iter().zip(&read.chars).map(seen).collect();
    let Some((at, c)) = repair::repair(&line) else { return };
    let mut number = 0;
    read.best = read
        .best
        .chars()
        .map(|old| {
            number += usize::from(old != ' ');
            if old != ' ' && number == at + 1 { c } else { old }
        })
        .collect();
    read.fields = fields(&read.best);
    read.accepted = false;
}

/// Chance that no ink is left over that should have been read.
fn explained(row: &RowRead) -> f32 {
    row.glyphs.iter().map(|g| 1.0 - g.unread).product()
}

/// Characters to a reading; `gaps` are the numbers of those that stand after a wide gap, `needed` the confidence from which it is
/// accepted, without and with a routing number that holds.
fn finish(chars: Vec<CharRead>, gaps: &[usize], confidence: f32, needed: (f32, f32)) -> MicrRead {
    let (mut text, mut best) = (String::new(), String::new());
    for (i, read) in chars.iter().enumerate() {
        if gaps.contains(&i) {
            text.push(' ');
            best.push(' ');
        }
        best.push(read.c);
        text.push(if combine::is_sure(read) { read.c } else { '?' });
    }
    let fields = fields(&best);
    let needed = if fields.routing_valid == Some(true) { needed.1 } else { needed.0 };
    let accepted =
        confidence >= needed && !text.contains('?') && fields.routing_valid != Some(false) && !best.is_empty();
    MicrRead { text, best, accepted, confidence: if chars.is_empty() { 0.0 } else { confidence }, chars, fields }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::domain::Sha256;
    use crate::imaging::{Raster, Transform, binarize, load};

    #[test]
    fn the_weights_are_the_ones_that_were_measured() {
        for (weights, noted, command) in [
            (WEIGHTS, include_str!("e13b.net.sha256"), "train micr --seed"),
            (COVERED_WEIGHTS, include_str!("e13b-covered.net.sha256"), "train micr-covered --seed"),
        ] {
            assert_eq!(Some(Sha256::of(weights).to_string().as_str()), noted.split_whitespace().next());
            let net = Net::from_bytes(weights).expect("the shipped weights");
            assert_eq!((net.input(), net.classes()), ((strip::WINDOW, strip::HEIGHT), SYMBOLS.len() + 1));
            assert!(net.note.starts_with(command), "{}", net.note);
        }
    }

    #[test]
    fn pages_without_a_line_give_none() {
        let mut lined = Bits::new(1200, 550);
        (0..1200).for_each(|x| (0..550).step_by(20).for_each(|y| lined.set(x, y, true)));
        let mut noise = Bits::new(1200, 550);
        (0..60_000usize).for_each(|i| noise.set(i * 7919 % 1200, i * 104_729 % 550, true));
        let mut black = Bits::new(300, 200);
        black.invert();
        for bits in [Bits::new(0, 0), Bits::new(1, 1), Bits::new(1200, 550), lined, noise, black] {
            let page = Upright { bits, gray: None, dpi: 200, transform: Transform::IDENTITY };
            assert!(read(&page).is_none_or(|l| l.score < 0.3 && !l.read.accepted));
            assert!(!read_line(&page).accepted);
        }
    }

    /// The shared samples, or a loud word that they are not here.
    fn shared(folder: &str) -> Option<PathBuf> {
        let Some(root) = std::env::var_os("REMIT_SHARED") else {
            eprintln!("REMIT_SHARED is not set: the account line floors on {folder} were NOT measured");
            return None;
        };
        Some(Path::new(&root).join(folder))
    }

    fn page(path: &Path, dpi: u32) -> Upright {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let raster = load(&bytes, 0).unwrap_or_else(|e| panic!("{}: {e}", path.display())).raster;
        let (bits, gray) = match raster {
            Raster::Bits(bits) => (bits, None),
            Raster::Gray(gray) => (binarize(&gray), Some(gray)),
        };
        Upright { bits, gray, dpi, transform: Transform::IDENTITY }
    }

    /// (read, truth) of each; at least so many percent exact, at most so many accepted wrong.
    fn floor(name: &str, reads: &[(MicrRead, String)], exact: usize, wrong: usize) {
        let squeezed = |r: &MicrRead| r.best.split_whitespace().collect::<String>();
        let right = reads.iter().filter(|(r, t)| squeezed(r) == *t).count();
        let bad: Vec<&String> = reads.iter().filter(|(r, t)| r.accepted && squeezed(r) != *t).map(|(_, t)| t).collect();
        println!("{name}: {right} of {} exact, accepted wrong {bad:?}", reads.len());
        assert!(right * 100 >= exact * reads.len(), "{name}: {right} of {}", reads.len());
        assert!(bad.len() <= wrong, "{name}: {bad:?}");
    }

    #[test]
    fn real_line_crops_keep_their_floor() {
        let Some(folder) = shared("data/e13b-lines/real") else { return };
        let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "tif"))
            .collect();
        names.sort();
        let reads: Vec<(MicrRead, String)> = names
            .iter()
            .step_by(12)
            .map(|path| {
                let truth = std::fs::read_to_string(path.with_extension("gt.txt")).unwrap();
                (read_line(&page(path, 200)), truth.split_whitespace().collect())
            })
            .collect();
        // Two of these labels are known to be wrong in a hundred.
        floor("real lines", &reads, 90, 2);
    }

    #[test]
    fn station_checks_keep_their_floor() {
        let Some(folder) = shared("data/station/office") else { return };
        let truth = std::fs::read_to_string(folder.join("truth.jsonl")).unwrap();
        let reads: Vec<(MicrRead, String)> = truth
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
            .filter(|d| d["kind"] == "check" && d["readable"] == "yes" && d["degradation"]["rot180"].is_null())
            .step_by(2)
            .map(|d| {
                let side = d["front_side"].as_str().unwrap();
                let files = d["files"].as_object().unwrap();
                let name = files.iter().find(|(k, _)| k.starts_with(side)).unwrap().1.as_str().unwrap();
                let page = page(&folder.join(name), d["dpi"].as_u64().unwrap() as u32);
                let truth = d["micr"].as_str().unwrap().to_string();
                (read(&page).map_or_else(nothing, |l| l.read), truth)
            })
            .collect();
        floor("office checks", &reads, 97, 0);
    }
}
