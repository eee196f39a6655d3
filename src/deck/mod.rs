//! A deck of test documents: checks and stubs of an invented cooperative, drawn from the standards' own geometry, scanned
//! as a capture station does it, with bills, payers and the right answers. Everything comes back as named files; the
//! pictures are made one document at a time, so that a deck of any size needs little memory. The same seed gives the same
//! bytes on every machine.

pub mod chance;
mod check;
mod e13b;
pub mod face;
mod letters;
mod ocr;
pub mod people;
pub mod plan;
pub mod print;
pub mod samples;
mod scan;
pub mod sheet;
mod stub;
pub mod tables;
pub mod wear;

use crate::imaging::{Gray, jpeg, tiff};
use chance::Chance;
use face::Paper;
use people::BILLERS;
use plan::{Bed, Images, Piece, Station};
use sheet::Sheet;

pub use plan::{plan, plan_of};
pub use tables::{batch_name, index, tables};

/// A file of the deck, its name relative to the deck's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFile {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The two sides of a piece of paper.
pub fn sides(paper: &Paper) -> (Sheet, Sheet) {
    let size = paper.size();
    match paper {
        Paper::Check(check) => {
            let payee = BILLERS.iter().map(|b| b.name).find(|n| *n == check.payee).unwrap_or(BILLERS[0].name);
            (check::front(check), check::back(check, &payee.to_uppercase()))
        }
        Paper::Stub(stub) => (stub::front(stub, size), stub::back(stub, size)),
        Paper::Letter(look) => (stub::letter(*look, size), Sheet::new(size.0, size.1, 248)),
    }
}

/// The pass of one side of a piece through its station's scanner.
fn pass(piece: &Piece, station: Station, is_back: bool) -> scan::Pass {
    let (bed, margin) = margin(station);
    scan::Pass {
        dpi: station.dpi,
        // The camera of the back sees the same turn from the other side.
        skew: if is_back { -piece.skew } else { piece.skew },
        turned: piece.is_upside_down,
        bed,
        margin,
        noise: if station.images == Images::Jpeg { 2.6 } else { 5.5 },
        seed: piece.seed ^ u64::from(is_back),
    }
}

/// Gray of the bed and how much of it is seen, inches.
fn margin(station: Station) -> (u8, f32) {
    match station.bed {
        Bed::White => (251, 0.09),
        Bed::Black => (14, 0.07),
        Bed::Crop => (250, 0.0),
    }
}

/// Pixels of the pictures of a piece.
pub fn picture_size(piece: &Piece, station: Station) -> (usize, usize) {
    let (width, height) = piece.paper.size();
    scan::size(width, height, station.dpi, margin(station).1)
}

/// One side of a piece in gray, as the sensor saw it: another piece lying over it, and all that went wrong.
pub fn scanned(piece: &Piece, station: Station, is_back: bool) -> Gray {
    let side = |paper: &Paper| if is_back { sides(paper).1 } else { sides(paper).0 };
    let mut page = scan::gray(&side(&piece.paper), pass(piece, station, is_back));
    if let Some(over) = &piece.over {
        let upper = scan::gray(&side(over), pass(piece, station, is_back));
        // It lies over the lower half: the head of the first is seen above it.
        let down = page.height() / 2;
        let mut both = Gray::new(page.width().max(upper.width()), page.height().max(down + upper.height()));
        for (part, from) in [(&page, 0), (&upper, down)] {
            (0..part.height()).for_each(|y| (0..part.width()).for_each(|x| both.set(x, from + y, part.get(x, y))));
        }
        page = both;
    }
    match piece.wear {
        Some(wear) => wear.on(&page, station.dpi, piece.seed ^ u64::from(is_back)),
        None => page,
    }
}

/// The pictures of one piece, under the names of the capture index.
pub fn pictures(batch: usize, piece: &Piece, station: Station) -> Vec<NamedFile> {
    // Too light is what the threshold hardly reaches.
    let is_light = matches!(piece.wear, Some(wear::Wear::Light { .. }));
    let threshold = if is_light { 150 } else { 140 + Chance::of(piece.seed, "threshold", 0).below(25) as u8 };
    let (front, back) = (scanned(piece, station, false), scanned(piece, station, true));
    let (front, back) = if piece.are_sides_swapped { (back, front) } else { (front, back) };
    let folder = format!("batches/{}/{:04}", batch_name(batch), piece.seq);
    let file = |side: &str, bytes: Vec<u8>| NamedFile { name: format!("{folder}_{side}"), bytes };
    let dpi = piece.wear.map_or(station.dpi, |w| w.dpi(station.dpi));
    let bitonal = |page: &Gray| tiff::write_g4(&crate::imaging::convert::threshold(page, threshold), dpi);
    // A page of the deck is never larger than a JPEG can be.
    let photo = |page: &Gray| jpeg::write_gray(page, station.quality, dpi).unwrap_or_default();
    match station.images {
        Images::Tiff => vec![file("F.tif", bitonal(&front)), file("B.tif", bitonal(&back))],
        Images::Jpeg => vec![file("F.jpg", photo(&front)), file("B.jpg", photo(&back))],
        Images::Both => {
            vec![file("F.tif", bitonal(&front)), file("F.jpg", photo(&front)), file("B.tif", bitonal(&back))]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plan::Plan;
    use super::*;
    use crate::domain::Day;

    fn small(seed: u64) -> Plan {
        plan(60, seed, Day::new(2026, 11, 20).unwrap())
    }

    fn all(plan: &Plan) -> Vec<NamedFile> {
        let trays = plan.trays.iter().enumerate();
        let mut files: Vec<NamedFile> =
            trays.flat_map(|(b, t)| t.pieces.iter().take(6).flat_map(move |p| pictures(b, p, t.station))).collect();
        files.extend(tables(plan));
        files.extend((0..plan.trays.len()).map(|b| index(plan, b)));
        files
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert!(all(&small(7)) == all(&small(7)));
        assert!(all(&small(7)) != all(&small(8)));
    }

    #[test]
    fn a_deck_has_exactly_the_documents_asked_for() {
        for documents in [1, 2, 3, 49, 50, 51, 60, 153] {
            let plan = plan(documents, 3, Day::new(2026, 11, 20).unwrap());
            assert_eq!(plan.trays.iter().map(|t| t.pieces.len()).sum::<usize>(), documents);
        }
    }

    /// Every envelope of the truth adds up: what its checks are worth is what is right to apply.
    #[test]
    fn checks_equal_allocations() {
        let plan = plan(600, 5, Day::new(2026, 11, 20).unwrap());
        for envelope in &plan.envelopes {
            let tray = &plan.trays[envelope.batch];
            let paid: i64 = envelope
                .seqs
                .iter()
                .filter_map(|s| match &tray.pieces[*s as usize - 1].paper {
                    Paper::Check(check) => Some(check.cents),
                    Paper::Stub(_) | Paper::Letter(_) => None,
                })
                .sum();
            let applied: i64 = envelope.allocations.iter().map(|a| a.2).sum();
            let has_stub_only = envelope.scenario == plan::Scenario::StubOnly;
            assert!(paid == applied || applied == 0 || has_stub_only, "{envelope:?}: {paid} and {applied}");
        }
    }

    #[test]
    fn pictures_can_be_read_back_at_their_size() {
        let plan = small(9);
        for (b, tray) in plan.trays.iter().enumerate() {
            let piece = &tray.pieces[0];
            for file in pictures(b, piece, tray.station) {
                let page = crate::imaging::load(&file.bytes, 0).unwrap();
                assert_eq!(
                    (page.raster.width(), page.raster.height()),
                    picture_size(piece, tray.station),
                    "{}",
                    file.name
                );
                assert_eq!(page.dpi, Some(tray.station.dpi));
            }
        }
    }
}
