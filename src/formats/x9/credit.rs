//! Credits: deposit tickets of type 61, which no standard describes and which come in two layouts, and type 62. The layout
//! of a 61 is found by evidence, never guessed: nine digits where the routing stands, digits where the amount stands, the
//! routing's check digit, the sum of the checks that the credit covers.

use super::item::View;
use super::physical::Frame;
use super::records::{Credit62, CreditA, CreditB, Kind};
use super::walk::latin;
use crate::domain::{Cents, RoutingNumber};
use crate::formats::fault::Fault;
use crate::formats::record::{Column, Row, at};

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
    pub sequence: String,
    /// Pictures of the deposit ticket.
    pub views: Vec<View>,
}

/// A credit record whose layout may not be known before the checks that it covers have been seen.
#[derive(Clone, Debug)]
pub struct Undecided {
    pub record: u64,
    pub offset: u64,
    pub in_bundle: bool,
    pub is_62: bool,
    /// Latin-1.
    pub text: [u8; 105],
    covered: Option<Cents>,
}

impl Undecided {
    pub fn new(frame: &Frame<'_>, row: &Row<'_>, in_bundle: bool) -> Self {
        Undecided {
            record: frame.number,
            offset: frame.offset,
            in_bundle,
            is_62: frame.kind.is_some_and(|k| k.kind == Kind::Credit62),
            text: latin::<105>(row),
            covered: Some(Cents::ZERO),
        }
    }

    /// One more check of those that it covers.
    pub fn covers(&mut self, amount: Cents) {
        self.covered = self.covered.and_then(|sum| sum.plus(amount).ok());
    }

    pub fn by_its_fields(&self) -> Option<CreditLayout> {
        if self.is_62 { Some(CreditLayout::Record62) } else { layout_of(&self.text[..80]) }
    }

    pub fn by_what_it_covers(&self) -> Option<CreditLayout> {
        let covered = self.covered?;
        let equals = |layout| self.amount(layout) == Ok(covered);
        match (equals(CreditLayout::A), equals(CreditLayout::B)) {
            (true, false) => Some(CreditLayout::A),
            (false, true) => Some(CreditLayout::B),
            _ => None,
        }
    }

    /// `Err` with column and offset where the field is no amount.
    pub fn amount(&self, layout: CreditLayout) -> Result<Cents, Fault> {
        let (width, column) = match layout {
            CreditLayout::A => (80, at!(CreditA.item_amount)),
            CreditLayout::B => (80, at!(CreditB.item_amount)),
            CreditLayout::Record62 => (100, at!(Credit62.item_amount)),
        };
        let row = Row::new(&self.text[..width], None);
        row.cents(column).ok().flatten().ok_or_else(|| {
            let from = u64::from(column.from);
            Fault::error("amount", format!("the credit's field {} cannot be right", column.name))
                .column(from)
                .offset(self.offset + from - 1)
                .between(row.text(column), "digits")
        })
    }

    /// The credit's fields by its layout.
    pub fn credit(&self, layout: CreditLayout, letter: usize, bundle: Option<u64>) -> Credit {
        macro_rules! fields {
            ($record:ident, $width:literal) => {{
                let r = $record::read(&self.text[..$width]).unwrap_or($record::BLANK);
                (r.posting_bank_routing.text(), r.on_us.text(), r.ece_item_sequence_number.text())
            }};
        }
        let (routing, on_us, sequence) = match layout {
            CreditLayout::A => fields!(CreditA, 80),
            CreditLayout::B => fields!(CreditB, 80),
            CreditLayout::Record62 => fields!(Credit62, 100),
        };
        Credit {
            record: self.record,
            offset: self.offset,
            layout,
            letter,
            bundle,
            routing,
            on_us: crate::domain::BankAccount::new(on_us),
            amount: self.amount(layout).ok(),
            sequence,
            views: Vec::new(),
        }
    }
}

/// The layout of a 61 (80 columns, Latin-1) by its own fields, or `None` where they do not decide.
fn layout_of(text: &[u8]) -> Option<CreditLayout> {
    let a = CreditA::read(text).ok()?;
    let b = CreditB::read(text).ok()?;
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let proved = |routing: &str| RoutingNumber::new(routing).is_ok();
    let evidence = [
        (digits(a.posting_bank_routing.bytes()), digits(b.posting_bank_routing.bytes())),
        (digits(a.item_amount.bytes()), digits(b.item_amount.bytes())),
        (proved(&a.posting_bank_routing.text()), proved(&b.posting_bank_routing.text())),
    ];
    evidence.into_iter().find_map(|fits| match fits {
        (true, false) => Some(CreditLayout::A),
        (false, true) => Some(CreditLayout::B),
        _ => None,
    })
}

/// The columns of a 61 as its own evidence says; without a sum to compare, those of layout A where it is undecided.
pub fn columns(text: &[u8]) -> &'static [Column] {
    match layout_of(text.get(..80).unwrap_or_default()) {
        Some(CreditLayout::B) => CreditB::COLUMNS,
        Some(CreditLayout::A | CreditLayout::Record62) | None => CreditA::COLUMNS,
    }
}
