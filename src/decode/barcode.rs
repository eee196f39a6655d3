//! Barcodes on a page: first where one can stand (patches full of edges, upright bars or square modules), then the formats
//! that the layouts use, on that patch alone, cleaned for the format. A code without an error check of its own (ITF,
//! Code 39) counts only when its layout's check digit holds or two cuts through the bars agree. Never looks for a code
//! where the page has no patch, so a check page costs only the search.

mod bars;
mod cut;
mod datamatrix;
mod field;
mod part;
mod patch;
mod pdf417;
mod square;
mod strip;

use std::collections::{BTreeSet, HashSet};

use rxing::common::HybridBinarizer;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8LuminanceSource, MultiFormatReader, Reader};
use rxing::{RXingResultMetadataType, RXingResultMetadataValue};

use self::cut::Cut;
use self::patch::{Patch, TILE, patches};
use self::strip::{BAR_CUTS, Drawn};
use super::layout::{Layouts, Match, Symbology};
use crate::domain::{BarcodeRead, PixelBox};
use crate::imaging::{Gray, Upright};

/// Bars have fewer edges going down than this share of those going across.
const BARS: f32 = 0.35;
/// Each of the darkest tenth of a code's columns is at least so dark on average (0 to 255).
const LEAST_DARK: f32 = 110.0;
/// Inches of rows that must look like bars where there is noise between them: text has less.
const LOWEST: f32 = 0.16;
/// Shorter ITF codes without a layout turn up in any striped picture.
const LEAST_ITF: usize = 14;
const LEAST_CODE39: usize = 6;
/// The smallest DataMatrix has so little to prove itself by that it turns up in other codes.
const LEAST_DATAMATRIX: usize = 6;

/// The barcodes of one page, upright or upside down. Boxes are in pixels of the image as it came.
pub fn read(page: &Upright, layouts: &Layouts) -> Vec<BarcodeRead> {
    read_codes(page, layouts).0
}

/// The same, and by how many degrees clockwise the page must be turned for the first of them to stand upright.
pub fn read_codes(page: &Upright, layouts: &Layouts) -> (Vec<BarcodeRead>, u16) {
    let wanted = if layouts.is_empty() {
        use Symbology::*;
        BTreeSet::from([Code128, Itf, Qr, Pdf417, Datamatrix])
    } else {
        layouts.symbologies()
    };
    let mut found: Vec<BarcodeRead> = Vec::new();
    let mut turn = 0;
    if wanted.is_empty() {
        return (found, turn);
    }
    for patch in patches(&page.bits, page.dpi) {
        let cut = Cut::new(page, &patch);
        let Some(Found { symbology, code, matched }) = read_patch(&cut, &wanted, layouts) else { continue };
        let text = code.text;
        if found.iter().any(|f| f.text == text) {
            continue;
        }
        if found.is_empty() {
            turn = code.turn;
        }
        let matched = matched.unwrap_or_else(|| Match {
            layout: String::new(),
            biller: None,
            fields: Default::default(),
            check_digits: Vec::new(),
        });
        found.push(BarcodeRead {
            symbology: symbology.as_str().to_owned(),
            text,
            layout: Some(matched.layout).filter(|l| !l.is_empty()),
            biller: matched.biller,
            check_digits: matched.check_digits,
            fields: matched.fields,
            bbox: page.transform.to_source(trimmed(&cut)),
        });
    }
    (found, turn)
}

/// Where a code may stand (pixels of the page), when the layouts have codes.
pub fn places(page: &Upright, layouts: &Layouts) -> Vec<PixelBox> {
    let none = !layouts.is_empty() && layouts.symbologies().is_empty();
    if none { Vec::new() } else { patches(&page.bits, page.dpi).iter().map(Patch::area).collect() }
}

/// The patch without the paper around its code: from the first to the last row and column that hold a fair share of ink.
fn trimmed(cut: &Cut) -> PixelBox {
    let (rows, columns) = cut.counts();
    let patch = cut.patch;
    let span = |counts: &[u32]| {
        let most = counts.iter().copied().max().unwrap_or(0);
        let full = |c: &u32| *c * 3 > most;
        let from = counts.iter().position(full).unwrap_or(0);
        (from, counts.iter().rposition(full).map_or(counts.len(), |to| to + 1))
    };
    let ((x0, x1), (y0, y1)) = (span(columns), span(rows));
    Patch { x0: patch.x0 + x0, x1: patch.x0 + x1, y0: patch.y0 + y0, y1: patch.y0 + y1, ..*patch }.area()
}

/// What a code says, and by how many degrees clockwise it must be turned to stand upright: 0, 90, 180, 270.
#[derive(Clone, PartialEq, Debug)]
pub struct Code {
    pub text: String,
    pub turn: u16,
}

struct Found {
    symbology: Symbology,
    code: Code,
    matched: Option<Match>,
}

fn read_patch(cut: &Cut, wanted: &BTreeSet<Symbology>, layouts: &Layouts) -> Option<Found> {
    let patch = cut.patch;
    let bars: Vec<Symbology> = wanted
        .iter()
        .copied()
        .filter(|s| matches!(s, Symbology::Code128 | Symbology::Code39 | Symbology::Itf))
        .collect();
    let modules: Vec<Symbology> = wanted.iter().copied().filter(|s| !bars.contains(s)).collect();
    let (width, height) = (patch.x1 - patch.x0, patch.y1 - patch.y0);
    let tall = height >= 5 * TILE && height as f32 > 0.3 * cut.dpi();
    let core = if patch.grain < 0.06 || modules.is_empty() || !tall { None } else { core(cut) };
    // A clean QR tells itself at once; its corners look like the guards of a PDF417.
    let tried = modules.contains(&Symbology::Qr)
        && core.as_ref().is_some_and(|c| (0.8..1.25).contains(&(c.wide as f32 / c.high as f32)));
    if tried && let Some(code) = read_qr(cut) {
        let matched = layouts.match_barcode(Symbology::Qr, &code.text).into_iter().next();
        return Some(Found { symbology: Symbology::Qr, code, matched });
    }
    // A PDF417 is full of upright bars too, and tells itself sooner than bars that are none.
    let mut has_guards = false;
    if modules.contains(&Symbology::Pdf417) && core.as_ref().is_some_and(|c| c.wide > c.high && c.guarded) {
        let seen = by_own(cut, pdf417::read);
        if let Some(code) = seen.code {
            let matched = layouts.match_barcode(Symbology::Pdf417, &code.text).into_iter().next();
            return Some(Found { symbology: Symbology::Pdf417, code, matched });
        }
        has_guards = seen.guards >= pdf417::GUARDED;
    }
    let wide = width as f32 > 0.6 * cut.dpi();
    if (patch.grain < BARS || patch.striped) && wide && !bars.is_empty() {
        let found = read_bars(cut, &bars, layouts);
        if found.is_some() {
            return found;
        }
    }
    let Core { wide, high, .. } = core?;
    // PDF417 lies, the others stand square.
    let square = (0.6..1.7).contains(&(wide as f32 / high as f32));
    if modules.contains(&Symbology::Datamatrix)
        && square
        && let Some(code) = by_own(cut, datamatrix::read)
        && let matched = layouts.match_barcode(Symbology::Datamatrix, &code.text).into_iter().next()
        && (matched.is_some() || code.text.len() >= LEAST_DATAMATRIX)
    {
        return Some(Found { symbology: Symbology::Datamatrix, code, matched });
    }
    let modules: Vec<Symbology> =
        modules.into_iter().filter(|s| if *s == Symbology::Pdf417 { has_guards } else { square }).collect();
    if modules.is_empty() { None } else { read_modules(cut, &modules, layouts, tried) }
}

/// A patch for our own readers, which want ink from 0 to 1.
fn by_own<T>(cut: &Cut, read: impl Fn(&pdf417::Patch) -> T) -> T {
    let (width, height) = (cut.picture().width(), cut.picture().height());
    read(&pdf417::Patch { width, height, ink: &cut.shares() })
}

/// A QR as the patch is.
fn read_qr(cut: &Cut) -> Option<Code> {
    let bits = cut.bits();
    // What is black and white stays so by every threshold.
    if cut.is_bitonal() && bits.width().min(bits.height()) >= square::LEAST_SIDE {
        return square::read(bits, false);
    }
    square::read(&square::by_place(cut.picture())?, false)
}

/// What is black on white in a patch.
struct Core {
    wide: usize,
    high: usize,
    /// A broad black bar stands at its left or right end, as PDF417 begins and ends.
    guarded: bool,
}

/// The core of a patch, when it is filled evenly as a code is: no empty rows as between
/// lines of text, no empty columns as between words.
fn core(cut: &Cut) -> Option<Core> {
    let (rows, columns) = cut.counts();
    let span = |counts: &[u32], most_empty: usize| {
        let usual = (*counts.to_vec().select_nth_unstable(counts.len() * 7 / 10).1).max(1);
        let full = |c: &u32| *c * 3 > usual;
        let (from, to) = (counts.iter().position(full)?, counts.iter().rposition(full)? + 1);
        let empty = counts[from..to].iter().filter(|c| **c * 5 < usual).count();
        (empty * 100 < (to - from) * most_empty).then_some(from..to)
    };
    // The guards of PDF417 are white columns.
    let (across, down) = (span(columns, 25)?, span(rows, 8)?);
    let (wide, high) = (across.len(), down.len());
    let black: Vec<bool> = columns[across].iter().map(|c| *c as usize * 10 > high * 6).collect();
    let bar = |end: &[bool]| end.chunk_by(|a, b| a == b).any(|run| run[0] && run.len() * 100 > wide * 3);
    let end = (wide / 9).max(1);
    Some(Core { wide, high, guarded: bar(&black[..end]) || bar(&black[wide - end..]) })
}

fn format_of(symbology: Symbology) -> BarcodeFormat {
    match symbology {
        Symbology::Code128 => BarcodeFormat::CODE_128,
        Symbology::Code39 => BarcodeFormat::CODE_39,
        Symbology::Itf => BarcodeFormat::ITF,
        Symbology::Qr => BarcodeFormat::QR_CODE,
        Symbology::Pdf417 => BarcodeFormat::PDF_417,
        Symbology::Datamatrix => BarcodeFormat::DATA_MATRIX,
    }
}

/// One try of a reader of others: one format, one picture, by a local threshold.
fn decode(picture: &Gray, symbology: Symbology, harder: bool) -> Option<Code> {
    let hints = DecodeHints {
        PossibleFormats: Some(HashSet::from([format_of(symbology)])),
        TryHarder: harder.then_some(true),
        ..Default::default()
    };
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    // What a made-up picture does to a reader of others must not take the process down.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let source = Luma8LuminanceSource::new(picture.pixels().to_vec(), width, height).ok()?;
        let mut picture = BinaryBitmap::new(HybridBinarizer::new(source));
        MultiFormatReader::default().decode_with_hints(&mut picture, &hints).ok()
    }));
    let result = result.ok()??;
    let told = result.getRXingResultMetadata().get(&RXingResultMetadataType::ORIENTATION);
    let is_turned = matches!(told, Some(RXingResultMetadataValue::Orientation(180)));
    let text = result.getText().to_owned();
    printable(&text).then_some(Code { text, turn: if is_turned { 180 } else { 0 } })
}

fn printable(text: &str) -> bool {
    let printable = |c: char| !c.is_control() || matches!(c, '\u{1d}' | '\n' | '\r' | '\t');
    !text.is_empty() && text.chars().all(printable)
}

/// Bars say the same on every row: rows are averaged, so that holes, specks and ragged edges go.
fn read_bars(cut: &Cut, wanted: &[Symbology], layouts: &Layouts) -> Option<Found> {
    let picture = cut.picture();
    let edges = |y: usize| {
        let row = picture.row(y);
        row.windows(2).map(|p| u32::from(p[0].abs_diff(p[1]))).sum::<u32>()
    };
    let edges: Vec<u32> = (0..picture.height()).map(edges).collect();
    // In noise, chance proves one code in ten by its check digit, and all rows have edges: bars have more ink.
    let clear = cut.patch.grain < BARS;
    let marked: Vec<u32> = if clear {
        edges.clone()
    } else {
        (0..picture.height()).map(|y| picture.row(y).iter().map(|v| u32::from(255 - v)).sum()).collect()
    };
    let mut sorted = marked.clone();
    sorted.sort_unstable();
    let usual = if clear { sorted[sorted.len() * 3 / 4] } else { sorted[sorted.len() * 9 / 10] };
    // The longest run of rows that all look like bars.
    let (mut best, mut from) = (0..0, 0);
    for (y, e) in marked.iter().chain([&0]).enumerate() {
        if *e < usual / 2 {
            if y - from > best.len() {
                best = from..y;
            }
            from = y + 1;
        }
    }
    // Noise hides much, but no code is as low as a line of text.
    let least = if clear { 8 } else { ((LOWEST * cut.dpi()) as usize).max(8) };
    if best.len() < least {
        return None;
    }
    let whole = best.start + best.len() / 10..best.end - best.len() / 10;
    let third = best.len() / 3;
    // Bars are black from top to foot; a column of text is not.
    let columns = profile(picture, whole.clone());
    let mut sorted = columns.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    if sorted.get(sorted.len() * 9 / 10).is_none_or(|dark| *dark < LEAST_DARK) {
        return None;
    }
    // Where print has run together, the gaps may still show in the last rows above and below.
    let fullest = |rows: std::ops::Range<usize>| {
        let row = rows.max_by_key(|y| edges.get(*y)).unwrap_or(0);
        row..(row + 1).min(picture.height())
    };
    let cuts = [
        (whole.clone(), &BAR_CUTS[..]),
        (best.start..best.start + third, &BAR_CUTS[..]),
        (best.start + third..best.end - third, &BAR_CUTS[..4]),
        (best.end - third..best.end, &BAR_CUTS[..4]),
        (fullest(best.start..best.start + 4), &BAR_CUTS[..1]),
        (fullest(best.end - 4..best.end), &BAR_CUTS[..1]),
    ];
    let mut seen: Vec<(Symbology, String, usize)> = Vec::new();
    for (number, (rows, cuts)) in cuts.into_iter().enumerate() {
        if rows.is_empty() {
            continue;
        }
        let drawn = if number == 0 { Drawn::new(&columns) } else { Drawn::new(&profile(picture, rows)) };
        for &at in cuts {
            let strip = drawn.strip(at);
            for &symbology in wanted {
                let Some(code) = strip.read(symbology) else { continue };
                let text = code.text.clone();
                let long = match symbology {
                    Symbology::Itf => LEAST_ITF,
                    Symbology::Code39 => LEAST_CODE39,
                    _ => 1,
                };
                let matched = layouts.match_barcode(symbology, &text).into_iter().next();
                let proved = matched.as_ref().is_some_and(|m| m.checks_hold() && !m.check_digits.is_empty());
                let checked = symbology == Symbology::Code128 && (matched.is_some() || text.len() >= 6);
                let plain = clear && at.is_plain() && number < 4;
                if (proved || checked) && plain {
                    return Some(Found { symbology, code, matched });
                }
                if matched.is_none() && text.len() < long {
                    continue;
                }
                // Without proof, or where much was put right to read it, two different cuts must agree.
                if seen.iter().any(|(s, t, n)| *s == symbology && *t == text && *n != number) {
                    return Some(Found { symbology, code, matched });
                }
                seen.push((symbology, text, number));
            }
        }
    }
    if clear { read_drawn(&columns, wanted, layouts) } else { None }
}

/// Bars that no threshold parts: by what the symbols would look like. Only what a layout has and its check digits prove.
fn read_drawn(profile: &[f32], wanted: &[Symbology], layouts: &Layouts) -> Option<Found> {
    let back: Vec<f32> = profile.iter().rev().copied().collect();
    for (profile, turn) in [(profile, 0), (&back[..], 180)] {
        let Some(row) = bars::Row::new(profile) else { continue };
        let mut texts: Vec<(Symbology, String)> = Vec::new();
        if wanted.contains(&Symbology::Code128) {
            for modules in row.code128() {
                let ink: Vec<f32> = modules.iter().map(|ink| if *ink { 255.0 } else { 0.0 }).collect();
                let read = Drawn::new(&ink).strip(strip::Cut::AsItComes).read(Symbology::Code128);
                texts.extend(read.map(|c| (Symbology::Code128, c.text)));
            }
        }
        if wanted.contains(&Symbology::Itf) {
            let lengths: BTreeSet<usize> = layouts.barcode_lengths(Symbology::Itf).collect();
            texts.extend(lengths.into_iter().filter_map(|n| Some((Symbology::Itf, row.interleaved(n)?))));
        }
        for (symbology, text) in texts {
            let matched = layouts.match_barcode(symbology, &text).into_iter().next();
            if matched.as_ref().is_some_and(|m| m.checks_hold() && !m.check_digits.is_empty()) {
                return Some(Found { symbology, code: Code { text, turn }, matched });
            }
        }
    }
    None
}

/// Mean darkness of each column over some rows, with paper on both sides.
fn profile(picture: &Gray, rows: std::ops::Range<usize>) -> Vec<f32> {
    let mut sums = vec![0u32; picture.width()];
    let count = rows.len().max(1) as f32;
    for y in rows {
        sums.iter_mut().zip(picture.row(y)).for_each(|(s, v)| *s += u32::from(255 - v));
    }
    sums.into_iter().map(|s| s as f32 / count).collect()
}

/// Square modules and stacked rows: the patch as it is, then enlarged and softened.
/// `tried`: as it is it holds no QR.
fn read_modules(cut: &Cut, wanted: &[Symbology], layouts: &Layouts, tried: bool) -> Option<Found> {
    let picture = cut.picture();
    let mut enlarged = picture.clone();
    let mut finest = 1;
    // The last two are for print that has spread, and for print with holes.
    for (finer, limit) in [(1, None), (2, None), (3, None), (3, Some(95)), (3, Some(150))] {
        if finer > finest {
            enlarged = square::enlarged(picture, finer);
            finest = finer;
        }
        for &symbology in wanted {
            let code = match symbology {
                Symbology::Qr if finer == 1 && tried => None,
                Symbology::Qr if finer == 1 => read_qr(cut),
                Symbology::Qr => square::by_limit(&enlarged, limit).and_then(|bits| square::read(&bits, true)),
                _ => match limit {
                    None => decode(&enlarged, symbology, finer > 1),
                    Some(limit) => decode(&parted(&enlarged, limit), symbology, true),
                },
            };
            if let Some(code) = code {
                let matched = layouts.match_barcode(symbology, &code.text).into_iter().next();
                return Some(Found { symbology, code, matched });
            }
        }
    }
    None
}

/// Black where it is darker than this, white elsewhere.
fn parted(picture: &Gray, limit: u8) -> Gray {
    let mut out = picture.clone();
    out.pixels_mut().iter_mut().for_each(|v| *v = if *v < limit { 0 } else { 255 });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::layout::tests::THREE;
    use crate::imaging::{Bits, Transform, clean};
    use rxing::{MultiFormatWriter, Writer};

    fn page(bits: Bits) -> Upright {
        Upright { bits, gray: None, dpi: 200, transform: Transform::IDENTITY }
    }

    /// A code in the middle of a page of lines of bars that are no code.
    fn drawn(symbology: Symbology, text: &str, module: usize, tall: usize) -> Upright {
        let code = MultiFormatWriter.encode(text, &format_of(symbology), 0, 0).unwrap();
        let mut bits = Bits::new(1200, 560);
        for y in 0..code.getHeight() as usize * tall {
            for x in 0..code.getWidth() as usize * module {
                if code.get((x / module) as u32, (y / tall) as u32) {
                    bits.set(220 + x, 200 + y, true);
                }
            }
        }
        (0..1200).for_each(|x| bits.set(x, 20, true));
        page(bits)
    }

    fn show(found: &[BarcodeRead]) -> String {
        let one = |f: &BarcodeRead| {
            let checks: String = f.check_digits.iter().map(|c| if c.ok { '+' } else { '-' }).collect();
            format!("{} {} {} {checks}", f.symbology, f.text, f.layout.clone().unwrap_or_default())
        };
        found.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn worn_bars_are_read() {
        let layouts = Layouts::default();
        for (symbology, text, module) in [
            (Symbology::Code128, "86857767348983020000213187", 2),
            (Symbology::Code128, "928850831830486591702927", 3),
            (Symbology::Itf, "690709200000253860203453", 2),
            (Symbology::Itf, "423976279298157545796209", 3),
        ] {
            let clean = drawn(symbology, text, module, 70);
            let (width, height) = (clean.bits.width(), clean.bits.height());
            let mut seed = 7u64;
            let mut dice = |of: u64| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) % 100 < of
            };
            let mut pitted = clean.bits.clone();
            let mut grown = clean.bits.clone();
            for y in 0..height {
                for x in 0..width {
                    let ink = clean.bits.get(x, y);
                    pitted.set(x, y, if ink { !dice(8) } else { dice(3) && (170..300).contains(&y) });
                    // Half a pixel on either side, and whole where a gap is one module: but for the first and the last row.
                    let beside = x > 0 && clean.bits.get(x - 1, y);
                    let gap = !ink && beside && (1..=module).any(|d| clean.bits.get((x + d).min(width - 1), y));
                    let inner = (201..269).contains(&y);
                    grown.set(x, y, ink || inner && (beside || gap));
                }
            }
            for (wear, bits) in [("pitted", pitted), ("grown", grown)] {
                let found = read(&page(bits), &layouts);
                assert_eq!(found.first().map(|f| f.text.as_str()), Some(text), "{} {wear}", symbology.as_str());
                assert_eq!(found.len(), 1, "{} {wear}", symbology.as_str());
            }
        }
    }

    #[test]
    fn codes_of_every_layout_are_read() {
        let layouts = Layouts::parse(THREE).unwrap();
        for (symbology, text, module, tall, want) in [
            (
                Symbology::Code128,
                "86857767348983020000213187",
                2,
                60,
                "code-128 86857767348983020000213187 ocrb_mod11 ++",
            ),
            (Symbology::Itf, "690709200000253860203453", 2, 60, "itf 690709200000253860203453 barcode2d +"),
            (
                Symbology::Qr,
                "PMI|P2415405|7123539|28215|2026-11-02",
                4,
                4,
                "qr PMI|P2415405|7123539|28215|2026-11-02 barcode2d ",
            ),
            (
                Symbology::Pdf417,
                "PMI|P4566813|3754850|2555|2683|2026-11-28|FATIMA NORWOOD",
                2,
                2,
                "pdf417 PMI|P4566813|3754850|2555|2683|2026-11-28|FATIMA NORWOOD barcode2d ",
            ),
        ] {
            let page = drawn(symbology, text, module, tall);
            let found = read(&page, &layouts);
            assert_eq!(show(&found), want);
            let bbox = found[0].bbox;
            assert!((215..=300).contains(&bbox.x) && (195..=280).contains(&bbox.y), "{bbox:?}");
            assert_eq!(read(&page, &Layouts::default()).first().map(|f| f.text.as_str()), Some(text));
        }
    }

    #[test]
    fn a_format_that_no_layout_uses_is_not_looked_for() {
        let only = "[[layout]]\nname = \"a\"\nbarcodes = [{ symbology = \"qr\", template = \"{account}\" }]";
        let page = drawn(Symbology::Code128, "86857767348983020000213187", 2, 60);
        assert_eq!(show(&read(&page, &Layouts::parse(only).unwrap())), "");
        let none = "[[layout]]\nname = \"a\"\nscanline = { font = \"ocr-a\", template = \"{account:9}\" }";
        assert_eq!(show(&read(&page, &Layouts::parse(none).unwrap())), "");
    }

    #[test]
    fn stripes_and_noise_give_no_code() {
        let mut random = 7u64;
        let mut bits = Bits::new(1200, 560);
        for y in 100..400 {
            for x in 100..900 {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let striped = (x * x / 37 + x / 3) % 5 < 2;
                bits.set(x, y, if y < 220 { striped } else { random >> 62 == 0 });
            }
        }
        assert_eq!(show(&read(&page(bits), &Layouts::default())), "");
        assert_eq!(show(&read(&page(Bits::new(0, 0)), &Layouts::default())), "");
        assert_eq!(show(&read(&page(Bits::new(40, 9)), &Layouts::default())), "");
    }

    /// Share read right of what the sample stations printed, and no code where none is.
    #[test]
    fn sample_stations_stay_above_the_floor() {
        let Ok(shared) = std::env::var("REMIT_SHARED") else {
            eprintln!("SKIPPED: REMIT_SHARED is not set, no station barcodes were read");
            return;
        };
        let layouts = Layouts::parse(THREE).unwrap();
        for (profile, every, floor) in [("clean", 5, 100), ("office", 7, 97)] {
            let folder = format!("{shared}/data/station/{profile}");
            let truth = std::fs::read_to_string(format!("{folder}/truth.jsonl")).unwrap();
            let (mut right, mut printed) = (0, 0);
            for line in truth.lines().step_by(every) {
                let truth: serde_json::Value = serde_json::from_str(line).unwrap();
                let side = truth["front_side"].as_str().unwrap_or("F");
                let files = &truth["files"];
                let file = files[format!("{side}_tif")].as_str().or(files[format!("{side}_jpg")].as_str()).unwrap();
                let image = crate::imaging::load(&std::fs::read(format!("{folder}/{file}")).unwrap(), 0).unwrap();
                let found = read(&clean::upright(&image, None), &layouts);
                let want = truth["barcode"].as_str().unwrap_or_default();
                assert!(found.iter().all(|f| f.text == want), "{file}: {want} read as {found:?}");
                if !want.is_empty() && truth["readable"] == "yes" {
                    printed += 1;
                    right += found.len();
                }
            }
            assert!(right * 100 >= printed * floor, "{profile}: {right} of {printed}");
        }
    }
}
