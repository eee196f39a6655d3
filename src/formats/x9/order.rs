//! Which record may stand where, as one table: parent, child, its place among the children, how many, and whether it opens
//! a place of its own. The reader walks it, the writer is proved against it by reading back.

use super::records::{Kind, TYPES};

/// A place in the nesting of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    File,
    Letter,
    Bundle,
    Check,
    Return,
    Credit,
    View,
}

impl Place {
    /// The record that must close the place; the others end where something else begins.
    pub fn closed_by(self) -> Option<&'static str> {
        match self {
            Place::File => Some("99"),
            Place::Letter => Some("90"),
            Place::Bundle => Some("70"),
            Place::Check | Place::Return | Place::Credit | Place::View => None,
        }
    }

    pub fn parent(self) -> Place {
        match self {
            Place::File | Place::Letter => Place::File,
            Place::Bundle => Place::Letter,
            Place::Check | Place::Return | Place::Credit => Place::Bundle,
            Place::View => Place::Check,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Place::File => "the file",
            Place::Letter => "a cash letter",
            Place::Bundle => "a bundle",
            Place::Check => "a check",
            Place::Return => "a return",
            Place::Credit => "a credit",
            Place::View => "an image view",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Nesting {
    pub parent: Place,
    pub child: &'static str,
    /// Children of one parent come in this order; 0 stands anywhere.
    pub rank: u8,
    pub at_most: u32,
    pub opens: Option<Place>,
}

const ANY: u32 = u32::MAX;

const fn row(parent: Place, child: &'static str, rank: u8, at_most: u32, opens: Option<Place>) -> Nesting {
    Nesting { parent, child, rank, at_most, opens }
}

/// User records (68) and, at level 03, account totals (40, 41) may stand anywhere between 10 and 90.
pub const NESTING: &[Nesting] = &[
    row(Place::File, "01", 1, 1, None),
    row(Place::File, "10", 2, ANY, Some(Place::Letter)),
    row(Place::File, "68", 2, ANY, None),
    row(Place::File, "85", 3, ANY, None),
    row(Place::File, "99", 4, 1, None),
    row(Place::Letter, "61", 0, ANY, Some(Place::Credit)),
    row(Place::Letter, "62", 0, ANY, Some(Place::Credit)),
    row(Place::Letter, "68", 0, ANY, None),
    row(Place::Letter, "40", 0, ANY, None),
    row(Place::Letter, "41", 0, ANY, None),
    row(Place::Letter, "20", 1, ANY, Some(Place::Bundle)),
    row(Place::Letter, "75", 2, ANY, None),
    row(Place::Letter, "85", 3, ANY, None),
    row(Place::Letter, "90", 4, 1, None),
    row(Place::Bundle, "61", 0, ANY, Some(Place::Credit)),
    row(Place::Bundle, "62", 0, ANY, Some(Place::Credit)),
    row(Place::Bundle, "68", 0, ANY, None),
    row(Place::Bundle, "25", 1, ANY, Some(Place::Check)),
    row(Place::Bundle, "31", 1, ANY, Some(Place::Return)),
    row(Place::Bundle, "70", 2, 1, None),
    row(Place::Check, "26", 1, 9, None),
    row(Place::Check, "27", 2, 1, None),
    row(Place::Check, "28", 3, 99, None),
    row(Place::Check, "50", 4, ANY, Some(Place::View)),
    row(Place::Check, "68", 0, ANY, None),
    row(Place::Return, "32", 1, 9, None),
    row(Place::Return, "33", 2, 1, None),
    row(Place::Return, "34", 3, 1, None),
    row(Place::Return, "35", 4, 99, None),
    row(Place::Return, "50", 5, ANY, Some(Place::View)),
    row(Place::Return, "68", 0, ANY, None),
    row(Place::Credit, "50", 1, ANY, Some(Place::View)),
    row(Place::Credit, "68", 0, ANY, None),
    row(Place::View, "52", 1, 1, None),
    row(Place::View, "54", 2, 1, None),
    row(Place::View, "68", 0, ANY, None),
];

/// Row of the table by place and type; `NO_ROW` where the type may not stand there.
const ROWS: [[u8; TYPES.len()]; PLACES] = {
    let mut rows = [[NO_ROW; TYPES.len()]; PLACES];
    let mut i = 0;
    while i < NESTING.len() {
        rows[NESTING[i].parent as usize][Kind::of(NESTING[i].child) as usize] = i as u8;
        i += 1;
    }
    rows
};
const PLACES: usize = Place::View as usize + 1;
const NO_ROW: u8 = u8::MAX;

/// First row of each place and the row after its last: they stand together in the table.
pub const ROWS_OF: [(usize, usize); PLACES] = {
    let mut ranges = [(usize::MAX, 0); PLACES];
    let mut i = 0;
    while i < NESTING.len() {
        let place = NESTING[i].parent as usize;
        if ranges[place].0 == usize::MAX {
            ranges[place].0 = i;
        } else {
            assert!(ranges[place].1 == i, "the rows of a place stand together");
        }
        ranges[place].1 = i + 1;
        i += 1;
    }
    ranges
};

/// The row of the table for a child of a place.
#[inline]
pub fn row_of(parent: Place, child: Kind) -> Option<(usize, &'static Nesting)> {
    let row = usize::from(ROWS[parent as usize][child as usize]);
    NESTING.get(row).map(|nesting| (row, nesting))
}

/// The first parent that the table names for a child.
pub fn parent_of(child: &str) -> Option<Place> {
    NESTING.iter().find(|n| n.child == child).map(|n| n.parent)
}
