//! Reading a cash letter into its items, piece by piece or whole. Images stay byte ranges of the file: whoever wants them
//! takes them from there. The rules and the totals are the walk's.

use std::io::Read;

use super::credit::{Credit, CreditLayout, Undecided};
use super::item::{Addendum, Detail, Item, View};
use super::order::Place;
use super::records::*;
use super::walk::{Seen, Sink, Summary, latin, walk};
use crate::formats::fault::Fault;

/// What `scan` hands out while it reads.
#[derive(Clone, Debug)]
pub enum Piece {
    Item(Item),
    Credit(Credit),
}

/// A whole file in memory, its images still byte ranges.
#[derive(Clone, Debug)]
pub struct X9File {
    pub summary: Summary,
    pub items: Vec<Item>,
    pub credits: Vec<Credit>,
}

impl X9File {
    pub fn is_valid(&self) -> bool {
        self.summary.faults.errors == 0
    }
}

/// Reads a file. `Err` only where it is no cash letter at all.
pub fn read(bytes: &[u8]) -> Result<X9File, Fault> {
    let (mut items, mut credits) = (Vec::new(), Vec::new());
    let summary = scan(&mut &*bytes, &mut |piece| match piece {
        Piece::Item(item) => items.push(item),
        Piece::Credit(credit) => credits.push(credit),
    })?;
    Ok(X9File { summary, items, credits })
}

/// Reads a file of any size piece by piece, in its order, without holding more than one item.
pub fn scan(source: &mut dyn Read, sink: &mut dyn FnMut(Piece)) -> Result<Summary, Fault> {
    walk(source, &mut Assembly { sink, images: None, item: None, credit: None, view: None })
}

/// The same, and each image's bytes as they go by: those of an item come before it.
pub fn scan_with_images(
    source: &mut dyn Read,
    sink: &mut dyn FnMut(Piece),
    images: &mut dyn FnMut(&[u8]),
) -> Result<Summary, Fault> {
    walk(source, &mut Assembly { sink, images: Some(images), item: None, credit: None, view: None })
}

/// A credit on its way: handed out when it has ended and its layout is known.
struct OpenCredit {
    undecided: Undecided,
    layout: Option<CreditLayout>,
    has_ended: bool,
    letter: usize,
    bundle: Option<u64>,
    views: Vec<View>,
}

/// Takes the bytes of an image as they go by.
type Images<'s> = &'s mut dyn FnMut(&[u8]);

struct Assembly<'s> {
    sink: &'s mut dyn FnMut(Piece),
    images: Option<Images<'s>>,
    item: Option<Item>,
    credit: Option<OpenCredit>,
    view: Option<View>,
}

impl Assembly<'_> {
    fn hand_out_credit(&mut self) {
        let Some(open) = self.credit.take_if(|c| c.has_ended && c.layout.is_some()) else { return };
        if let Some(layout) = open.layout {
            let credit = open.undecided.credit(layout, open.letter, open.bundle);
            (self.sink)(Piece::Credit(Credit { views: open.views, ..credit }));
        }
    }
}

impl Sink for Assembly<'_> {
    fn record(&mut self, seen: &Seen<'_>) {
        let (Some(kind), Some(_)) = (seen.frame.kind, seen.place) else { return };
        let frame = &seen.frame;
        match kind.kind {
            Kind::CheckDetail => {
                let detail = CheckDetail::read(&latin::<80>(&seen.row)).unwrap_or(CheckDetail::BLANK);
                self.item = Some(Item::new(frame, Detail::Check(detail), seen.letter, seen.bundle));
            }
            Kind::ReturnDetail => {
                let detail = ReturnDetail::read(&latin::<80>(&seen.row)).unwrap_or(ReturnDetail::BLANK);
                self.item = Some(Item::new(frame, Detail::Return(detail), seen.letter, seen.bundle));
            }
            Kind::CheckDetailAddendumA
            | Kind::CheckDetailAddendumB
            | Kind::CheckDetailAddendumC
            | Kind::ReturnAddendumA
            | Kind::ReturnAddendumB
            | Kind::ReturnAddendumC
            | Kind::ReturnAddendumD => {
                let mut text = frame.bytes.to_vec();
                if let Some(page) = seen.row.page {
                    page.decode(&mut text);
                }
                if let Some(item) = &mut self.item {
                    item.addenda.push(Addendum { record: frame.number, code: kind.code, text });
                }
            }
            Kind::ImageViewDetail => {
                let detail = ImageViewDetail::read(&latin::<80>(&seen.row)).unwrap_or(ImageViewDetail::BLANK);
                let (record, offset) = (frame.number, frame.offset);
                self.view = Some(View { record, offset, detail, data: None, image: None });
            }
            Kind::ImageViewData => {
                let image = seen.image.and_then(|(start, length)| frame.bytes.get(start..start.checked_add(length)?));
                if let (Some(image), Some(give)) = (image, &mut self.images) {
                    give(image);
                }
                if let Some(view) = &mut self.view {
                    view.data = ImageViewData::read(&latin::<105>(&seen.row)).ok();
                    let from = |start: usize| usize::try_from(frame.offset).unwrap_or(usize::MAX).saturating_add(start);
                    view.image = seen.image.map(|(start, length)| from(start)..from(start).saturating_add(length));
                }
            }
            Kind::CreditA | Kind::Credit62 => {
                self.credit = Some(OpenCredit {
                    undecided: Undecided::new(frame, &seen.row, seen.in_bundle),
                    layout: None,
                    has_ended: false,
                    letter: seen.letter,
                    bundle: seen.in_bundle.then_some(seen.bundle),
                    views: Vec::new(),
                });
            }
            _ => {}
        }
    }

    fn closed(&mut self, place: Place) {
        match place {
            Place::View => {
                let Some(view) = self.view.take() else { return };
                match (&mut self.item, &mut self.credit) {
                    (Some(item), _) => item.views.push(view),
                    (None, Some(credit)) => credit.views.push(view),
                    (None, None) => {}
                }
            }
            Place::Check | Place::Return => {
                if let Some(item) = self.item.take() {
                    (self.sink)(Piece::Item(item));
                }
            }
            Place::Credit => {
                if let Some(credit) = &mut self.credit {
                    credit.has_ended = true;
                }
                self.hand_out_credit();
            }
            Place::Bundle | Place::Letter | Place::File => {}
        }
    }

    fn credit(&mut self, record: u64, layout: Option<CreditLayout>) {
        match (&mut self.credit, layout) {
            (Some(credit), Some(_)) if credit.undecided.record == record => {
                credit.layout = layout;
                self.hand_out_credit();
            }
            (Some(credit), None) if credit.undecided.record == record => self.credit = None,
            _ => {}
        }
    }
}
