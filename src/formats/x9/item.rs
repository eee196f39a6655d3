//! One check or return of a cash letter with its addenda and image views, every field kept as it stands.

use std::ops::Range;

use super::physical::Frame;
use super::records::{CheckDetail, ImageViewData, ImageViewDetail, ReturnAddendumB, ReturnDetail};
use crate::domain::Cents;
use crate::formats::record::trimmed;

#[derive(Clone, Debug)]
pub enum Detail {
    Check(CheckDetail),
    Return(ReturnDetail),
}

/// One of 26, 27, 28 (checks) or 32 to 35 (returns), its whole text kept; read it with the record of its code.
#[derive(Clone, PartialEq, Eq)]
pub struct Addendum {
    pub record: u64,
    pub code: &'static str,
    /// Latin-1.
    pub text: Vec<u8>,
}

/// It may hold account numbers.
impl std::fmt::Debug for Addendum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Addendum {} at record {}", self.code, self.record)
    }
}

#[derive(Clone, Debug)]
pub struct View {
    pub record: u64,
    pub offset: u64,
    pub detail: ImageViewDetail,
    pub data: Option<ImageViewData>,
    /// Byte range of the image in the file; `None` where there is none or its lengths disagree.
    pub image: Option<Range<usize>>,
}

impl View {
    pub fn is_back(&self) -> bool {
        self.detail.view_side.bytes() == b"1"
    }

    /// The whole side of the document, not a part of it.
    pub fn is_full_view(&self) -> bool {
        matches!(self.detail.view_descriptor.text().as_str(), "" | "0" | "00")
    }
}

#[derive(Clone, Debug)]
pub struct Item {
    pub record: u64,
    pub offset: u64,
    /// Number of the cash letter and of the bundle in the file, from 1.
    pub letter: usize,
    pub bundle: u64,
    pub detail: Detail,
    pub addenda: Vec<Addendum>,
    pub views: Vec<View>,
}

impl Item {
    pub fn new(frame: &Frame<'_>, detail: Detail, letter: usize, bundle: u64) -> Self {
        Item {
            record: frame.number,
            offset: frame.offset,
            letter,
            bundle,
            detail,
            addenda: Vec::new(),
            views: Vec::new(),
        }
    }

    pub fn is_check(&self) -> bool {
        matches!(self.detail, Detail::Check(_))
    }

    /// `None` where the field is no number.
    pub fn amount(&self) -> Option<Cents> {
        match &self.detail {
            Detail::Check(check) => check.item_amount.cents().ok().flatten(),
            Detail::Return(returned) => returned.item_amount.cents().ok().flatten(),
        }
    }

    /// Nine digits, or the eight of a Canadian number; unread ones are `*`.
    pub fn routing(&self) -> String {
        match &self.detail {
            Detail::Check(c) => c.payor_bank_routing.text() + &c.payor_bank_routing_check_digit.text(),
            Detail::Return(r) => r.payor_bank_routing.text() + &r.payor_bank_routing_check_digit.text(),
        }
    }

    /// With `/` for the on-us symbol.
    pub fn on_us(&self) -> String {
        match &self.detail {
            Detail::Check(check) => check.on_us.text(),
            Detail::Return(returned) => returned.on_us.text(),
        }
    }

    pub fn auxiliary_on_us(&self) -> String {
        match &self.detail {
            Detail::Check(check) => check.auxiliary_on_us.text(),
            Detail::Return(_) => self
                .addenda
                .iter()
                .find(|a| a.code == ReturnAddendumB::CODE)
                .and_then(|a| ReturnAddendumB::read(&a.text).ok())
                .map_or_else(String::new, |b| b.auxiliary_on_us.text()),
        }
    }

    pub fn external_processing_code(&self) -> String {
        match &self.detail {
            Detail::Check(check) => check.external_processing_code.text(),
            Detail::Return(returned) => returned.external_processing_code.text(),
        }
    }

    pub fn sequence_bytes(&self) -> &[u8] {
        match &self.detail {
            Detail::Check(check) => check.ece_item_sequence_number.bytes(),
            Detail::Return(returned) => returned.ece_item_sequence_number.bytes(),
        }
    }

    pub fn sequence(&self) -> String {
        crate::formats::record::text_of(trimmed(self.sequence_bytes()))
    }
}
