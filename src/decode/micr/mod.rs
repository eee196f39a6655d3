//! The E-13B (MICR) reader: finds the line by its shapes, reads it, says how sure it is, and makes fields of it. Geometry
//! after ANSI X9.27 (X9.100-20). Refuses nothing: what it cannot read comes back as `?` and not accepted.

pub mod combine;
pub mod fields;
pub mod find;
pub mod read;
pub mod strip;
pub mod trellis;

use std::sync::LazyLock;

pub use combine::combine;
pub use fields::fields;

use crate::decode::net::Net;
use crate::domain::{CharRead, MicrRead};
use crate::imaging::Upright;
use read::RowRead;
use trellis::SYMBOLS;

static WEIGHTS: &[u8] = include_bytes!("e13b.net");

/// The classifier: a window of the strip to one of 14 symbols or "not a glyph".
static NET: LazyLock<Net> = LazyLock::new(|| Net::from_bytes(WEIGHTS).unwrap_or_else(|_| Net::plan(1, 1, &[])));

pub fn net() -> &'static Net {
    &NET
}

/// A line found on a page.
#[derive(Clone, Debug)]
pub struct MicrLine {
    pub read: MicrRead,
    /// 0 to 1: how much this is a line of E-13B at all, right side up. Below 0.3 it is something else.
    pub score: f32,
}

/// A glyph below this chance is `?` in the text.
const REJECT: f32 = 0.9;
/// A line below this confidence is not accepted.
const ACCEPT: f32 = 0.9;

/// Finds and reads the page's E-13B line; `None` where nothing looks like one.
pub fn read(page: &Upright) -> Option<MicrLine> {
    let nominal = 0.117 * page.dpi as f32;
    let rows = find::rows(&page.bits, 0.62 * nominal, 1.5 * nominal, 4);
    let mut best: Option<(RowRead, f32)> = None;
    for row in rows {
        if find::plausible(&NET, &page.bits, &row) < 0.5 {
            continue;
        }
        let found = read::row(&NET, page, &row, row.trimmed(14.0, page.bits.width()));
        let score = score(&found);
        if best.as_ref().is_none_or(|b| score > b.1) {
            best = Some((found, score));
        }
        if score > 0.8 {
            break;
        }
    }
    let (row, score) = best?;
    let mut read = text(page, &row);
    // A whole check has a transit field; a line without one is a part.
    read.accepted &= read.fields.routing.is_some();
    (score > 0.15).then_some(MicrLine { read, score })
}

/// Reads a raster that is one line and little else, of unknown resolution.
pub fn read_line(page: &Upright) -> MicrRead {
    best_row(&NET, page).map_or_else(nothing, |row| text(page, &row))
}

/// The row of a line crop that looks most like E-13B, by any classifier: what training and measuring need.
pub fn best_row(net: &Net, page: &Upright) -> Option<RowRead> {
    let height = page.bits.height() as f32;
    let rows = find::rows(&page.bits, (height * 0.25).max(8.0), height, 3);
    let mut best: Option<(RowRead, f32)> = None;
    for row in rows {
        let found = read::row(net, page, &row, row.trimmed(60.0, page.bits.width()));
        let score = score(&found);
        if best.as_ref().is_none_or(|b| score > b.1) {
            best = Some((found, score));
        }
    }
    best.map(|(row, _)| row)
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

/// A row as the reading of its page.
pub fn text(page: &Upright, row: &RowRead) -> MicrRead {
    let mut gaps = Vec::new();
    let mut chars = Vec::new();
    for (i, glyph) in row.glyphs.iter().enumerate() {
        if i > 0 && glyph.right - row.glyphs[i - 1].right > 1.5 * glyph.pitch {
            gaps.push(i);
        }
        let bbox = page.transform.to_source(glyph.bbox);
        chars.push(CharRead { c: SYMBOLS[glyph.class], confidence: glyph.chance, bbox });
    }
    let confidence = chars.iter().map(|c| c.confidence).product::<f32>();
    finish(chars, &gaps, confidence)
}

/// Characters to a reading; `gaps` are the numbers of those that stand after a wide gap.
fn finish(chars: Vec<CharRead>, gaps: &[usize], confidence: f32) -> MicrRead {
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
    let accepted =
        confidence >= ACCEPT && !text.contains('?') && fields.routing_valid != Some(false) && !best.is_empty();
    MicrRead { text, best, accepted, confidence: if chars.is_empty() { 0.0 } else { confidence }, chars, fields }
}
