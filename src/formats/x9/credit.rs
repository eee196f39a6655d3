//! Credits: deposit tickets of type 61, which no standard describes and which come in two layouts, and type 62. The layout
//! of a 61 is found by evidence, never guessed: nine digits where the routing stands, digits where the amount stands, the
//! routing's check digit, the sum of the checks that the credit covers.

use super::item::View;
use super::physical::{Encoding, Frame, Frames};
use super::records::{CheckDetail, Credit62, CreditA, CreditB};
use crate::domain::{Cents, RoutingNumber};
use crate::formats::fault::Faults;
use crate::formats::record::Column;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CreditLayout {
    /// Type 61 without a usage code.
    A,
    /// Type 61 with a usage code in column 3.
    B,
    Record62,
}

#[derive(Clone, Debug)]
pub struct Credit {
    pub record: u64,
    pub offset: u64,
    pub layout: CreditLayout,
    /// Number of the cash letter and, inside one, of the bundle in the file, from 1.
    pub letter: usize,
    pub bundle: Option<u64>,
    pub routing: String,
    /// The credited account as it stands; masked by whoever shows it.
    pub on_us: crate::domain::BankAccount,
    pub amount: Option<Cents>,
    pub amount_text: String,
    pub sequence: String,
    /// Pictures of the deposit ticket.
    pub views: Vec<View>,
}

impl Credit {
    pub fn new(frame: &Frame<'_>, text: &[u8; 105], layout: CreditLayout, letter: usize, bundle: Option<u64>) -> Self {
        macro_rules! fields {
            ($record:ident, $width:literal) => {{
                let r = $record::read(&text[..$width]).unwrap_or($record::BLANK);
                (
                    r.posting_bank_routing.text(),
                    r.on_us.text(),
                    r.item_amount.cents().ok().flatten(),
                    r.item_amount.text(),
                    r.ece_item_sequence_number.text(),
                )
            }};
        }
        let (routing, on_us, amount, amount_text, sequence) = match layout {
            CreditLayout::A => fields!(CreditA, 80),
            CreditLayout::B => fields!(CreditB, 80),
            CreditLayout::Record62 => fields!(Credit62, 100),
        };
        Credit {
            record: frame.number,
            offset: frame.offset as u64,
            layout,
            letter,
            bundle,
            routing,
            on_us: crate::domain::BankAccount::new(on_us),
            amount,
            amount_text,
            sequence,
            views: Vec::new(),
        }
    }
}

/// The layout of a 61 (80 columns, Latin-1), or `None` where the evidence does not decide. `covered` gives the sum of the
/// checks that follow; it is asked last because it reads ahead.
pub fn layout_of(text: &[u8], covered: impl FnOnce() -> Option<Cents>) -> Option<CreditLayout> {
    let a = CreditA::read(text).ok()?;
    let b = CreditB::read(text).ok()?;
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let proved = |routing: &str| RoutingNumber::new(routing).is_ok();
    let evidence = [
        (digits(a.posting_bank_routing.bytes()), digits(b.posting_bank_routing.bytes())),
        (digits(a.item_amount.bytes()), digits(b.item_amount.bytes())),
        (proved(&a.posting_bank_routing.text()), proved(&b.posting_bank_routing.text())),
    ];
    for (fits_a, fits_b) in evidence {
        match (fits_a, fits_b) {
            (true, false) => return Some(CreditLayout::A),
            (false, true) => return Some(CreditLayout::B),
            _ => {}
        }
    }
    let covered = covered()?;
    let equals = |amount: Option<Cents>| amount == Some(covered);
    match (equals(a.item_amount.cents().ok().flatten()), equals(b.item_amount.cents().ok().flatten())) {
        (true, false) => Some(CreditLayout::A),
        (false, true) => Some(CreditLayout::B),
        _ => None,
    }
}

/// The columns of a 61 as its own evidence says; without a sum to compare, those of layout A where it is undecided.
pub fn columns(text: &[u8]) -> &'static [Column] {
    match layout_of(text.get(..80).unwrap_or_default(), || None) {
        Some(CreditLayout::B) => CreditB::COLUMNS,
        Some(CreditLayout::A | CreditLayout::Record62) | None => CreditA::COLUMNS,
    }
}

/// The sum of the checks from here to the end of the bundle, or of the cash letter for a credit that stands before it.
pub fn covered(mut frames: Frames<'_>, encoding: Encoding, in_bundle: bool) -> Option<Cents> {
    let mut unheard = Faults::default();
    let mut total = Cents::ZERO;
    while let Some(frame) = frames.next(&mut unheard) {
        match frame.kind.map(|k| k.code) {
            Some("25") => {
                let mut text: [u8; 80] = frame.bytes.get(..80)?.try_into().ok()?;
                encoding.decode(&mut text);
                total = total.plus(CheckDetail::read(&text).ok()?.item_amount.cents().ok()??).ok()?;
            }
            Some("70") if in_bundle => break,
            Some("10" | "90" | "99" | "61" | "62") => break,
            _ => {}
        }
    }
    Some(total)
}
