//! What a document is, by evidence: a MICR line makes a check, a line or barcode of a stub makes a stub; where neither
//! speaks, only what is sure is said (a blank back, a letter), the rest is unknown and goes to a person.

use crate::domain::{BarcodeRead, DocumentKind, MicrRead, ScanlineRead};
use crate::imaging::{Bits, Upright, quality};

/// What the readers found on one side of a document.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub micr: Option<MicrRead>,
    /// 0 to 1: how much the line is E-13B at all.
    pub micr_score: f32,
    pub scanline: Option<ScanlineRead>,
    pub barcodes: Vec<BarcodeRead>,
    /// By how many degrees clockwise the page must be turned for its barcode to stand upright.
    pub code_turn: u16,
    /// Another stub line of the page that holds and says something else.
    pub second: Option<ScanlineRead>,
}

impl Evidence {
    /// 0 nothing to 1 certain: how much this says that the page is the right side, right way up.
    pub fn strength(&self) -> f32 {
        self.check().max(self.stub())
    }

    /// Something was read that looks like an account line, but no routing number is in it, and nothing of a stub.
    pub fn is_line_without_routing(&self) -> bool {
        let line = self.micr.as_ref().filter(|m| !m.accepted && m.fields.routing.is_none());
        line.is_some_and(|m| m.chars.len() >= 10) && self.stub() < 0.3
    }

    /// Is there nothing left to wish for: a line accepted, or a stub's line or barcode that fits its layout?
    pub fn settled(&self) -> bool {
        let line = |s: &ScanlineRead| s.accepted && s.layout.is_some();
        self.micr.as_ref().is_some_and(|m| m.accepted)
            || self.scanline.as_ref().is_some_and(line)
            || self.scanline.is_none() && self.barcodes.iter().any(|b| barcode_strength(b) >= 1.0)
    }

    /// Orders readings of the same document: what is settled first, then what is stronger, then what is surer.
    pub fn rank(&self) -> f32 {
        let micr = self.micr.as_ref().map_or(0.0, |m| m.confidence);
        let line = self.scanline.as_ref().map_or(0.0, |s| s.confidence);
        let also = if self.scanline.is_some() && !self.barcodes.is_empty() { 0.1 } else { 0.0 };
        let turned = if self.code_turn != 0 && self.scanline.is_none() { 0.3 } else { 0.0 };
        f32::from(self.settled()) + self.strength() + 0.2 * micr.max(line) + also - turned
    }

    /// A line with a transit field is a check's, even when some of it was not read. Other print that is taken for E-13B
    /// has few sure characters and no transit field.
    pub fn check(&self) -> f32 {
        let Some(micr) = &self.micr else { return 0.0 };
        let symbols = micr.best.chars().filter(|c| matches!(c, 'A' | 'C')).count();
        let sure = micr.chars.iter().filter(|c| c.confidence >= 0.9).count() as f32 / micr.chars.len().max(1) as f32;
        let base = self.micr_score.clamp(0.0, 1.0);
        match (micr.accepted, micr.fields.routing_valid) {
            (true, Some(true)) => 1.0,
            (_, Some(true)) => base.max(0.9),
            _ if micr.fields.routing.is_some() => base * 0.9 * (0.5 + 0.5 * sure),
            _ if micr.best.contains('A') && symbols >= 2 => base * 0.8 * sure.max(0.3),
            _ => base * 0.5 * sure,
        }
    }

    pub fn stub(&self) -> f32 {
        let barcode = self.barcodes.iter().map(barcode_strength).fold(0.0, f32::max);
        self.scanline.as_ref().map_or(0.0, scanline_strength).max(barcode)
    }
}

fn barcode_strength(barcode: &BarcodeRead) -> f32 {
    match &barcode.layout {
        Some(_) if barcode.check_digits.iter().all(|c| c.ok) => 1.0,
        Some(_) => 0.85,
        None => 0.5,
    }
}

fn scanline_strength(line: &ScanlineRead) -> f32 {
    match &line.layout {
        Some(_) if line.accepted => 1.0,
        Some(_) => 0.6 + 0.3 * line.confidence,
        None if line.accepted => 0.7,
        None => 0.6 * line.confidence,
    }
}

/// The kind and how sure that is.
pub fn kind(evidence: &Evidence, page: &Upright) -> (DocumentKind, f32) {
    let (check, stub) = (evidence.check(), evidence.stub());
    // A stub may be printed in E-13B too: its layout, matched, decides.
    let matched = evidence.scanline.as_ref().is_some_and(|s| s.layout.is_some() && s.accepted);
    if check >= 0.3 && (check >= stub || !matched && check >= 0.6) {
        return (DocumentKind::Check, check.clamp(0.5, 0.999));
    }
    if stub >= 0.3 {
        return (DocumentKind::Stub, stub.clamp(0.5, 0.999));
    }
    let dpi = page.dpi.max(1) as f32;
    let (wide, high) = (page.bits.width() as f32 / dpi, page.bits.height() as f32 / dpi);
    if quality::ink_share(&page.bits) < 0.004 {
        return (DocumentKind::Back, 0.6);
    }
    if is_check_form(&page.bits, dpi) {
        return (DocumentKind::Check, 0.6);
    }
    // Larger than any check, and written on: a letter.
    if wide.min(high) > 4.7 && text_rows(&page.bits, page.dpi) >= 3 {
        return (DocumentKind::Correspondence, 0.7);
    }
    (DocumentKind::Unknown, 0.5)
}

/// Is it ruled as a check is: of a check's size, a long rule for the payee or the words, and below it, on one level, a
/// rule for the memo on the left and one for the signature on the right? Asked only where no line could be read.
fn is_check_form(bits: &Bits, dpi: f32) -> bool {
    let (width, height) = (bits.width(), bits.height());
    let (wide, high) = (width as f32 / dpi, height as f32 / dpi);
    if !(5.3..9.4).contains(&wide) || !(2.2..4.4).contains(&high) {
        return false;
    }
    // Rules as (row, from, to): ink with small gaps, at least as long as a memo's.
    let (gap, least) = ((dpi * 0.02) as usize + 2, (dpi * 1.1) as usize);
    let mut rules: Vec<(usize, usize, usize)> = Vec::new();
    for y in 0..height {
        let inked: u32 = bits.row(y).iter().map(|w| w.count_ones()).sum();
        if (inked as usize) < least * 8 / 10 {
            continue;
        }
        let (mut from, mut to, mut ink) = (0, 0, 0);
        for x in 0..width + gap + 1 {
            if x < width && bits.get(x, y) {
                if ink == 0 {
                    from = x;
                }
                (to, ink) = (x + 1, ink + 1);
            } else if ink > 0 && x - to >= gap {
                if to - from >= least && ink * 100 >= (to - from) * 85 {
                    rules.push((y, from, to));
                }
                ink = 0;
            }
        }
    }
    let inches = |pixels: usize| pixels as f32 / dpi;
    let lower = height * 55 / 100..height * 92 / 100;
    let level = (dpi * 0.08) as usize;
    rules.iter().any(|&(y, from, to)| {
        let is_memo = lower.contains(&y) && to < width * 55 / 100 && inches(to - from) < 3.2;
        let has_signature = || {
            let beside = |r: &&(usize, usize, usize)| r.0.abs_diff(y) <= level && r.1 > to && r.1 > width * 45 / 100;
            rules.iter().find(beside).is_some_and(|r| inches(r.2 - r.1) < 3.6)
        };
        let has_payee = || {
            let above = |r: &&(usize, usize, usize)| r.0 + height / 8 < y && r.0 > height / 5;
            rules.iter().filter(above).any(|r| inches(r.2 - r.1) > 2.2 && r.1 < width * 45 / 100)
        };
        is_memo && from < width / 3 && has_signature() && has_payee()
    })
}

/// Rows of print or writing, told by the gaps between them.
pub fn text_rows(bits: &Bits, dpi: u32) -> usize {
    let least = (bits.width() / 100).max(4) as u32;
    let (mut rows, mut thick) = (0, 0u32);
    for y in 0..=bits.height() {
        let ink = if y < bits.height() { bits.row(y).iter().map(|w| w.count_ones()).sum::<u32>() } else { 0 };
        if ink >= least {
            thick += 1;
        } else {
            // Thinner is a rule.
            rows += usize::from(thick * 25 >= dpi);
            thick = 0;
        }
    }
    rows
}
