//! Totals recomputed from the items and held against 70, 90 and 99. Banks count credits (61, 62) in three ways; a file must
//! hold under one of them throughout, and only the way that fits best is reported against.

use super::physical::Frame;
use crate::domain::{Cents, MoneyError};
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{Column, Row};

/// What credits add to the totals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Convention {
    Nothing,
    CountAndImages,
    CountImagesAndAmount,
}

impl Convention {
    pub const ALL: [Convention; 3] =
        [Convention::Nothing, Convention::CountAndImages, Convention::CountImagesAndAmount];

    pub fn as_str(self) -> &'static str {
        match self {
            Convention::Nothing => "nothing",
            Convention::CountAndImages => "count-and-images",
            Convention::CountImagesAndAmount => "count-images-and-amount",
        }
    }
}

#[derive(Clone, Copy, Default, Debug)]
pub struct Sums {
    pub bundles: u64,
    pub items: u64,
    pub amount: Cents,
    pub micr_valid: Cents,
    pub images: u64,
    pub credits: u64,
    pub credit_amount: Cents,
    pub credit_images: u64,
}

impl Sums {
    pub fn add_item(&mut self, amount: Cents, micr_valid: bool) -> Result<(), MoneyError> {
        self.items += 1;
        self.amount = self.amount.plus(amount)?;
        if micr_valid {
            self.micr_valid = self.micr_valid.plus(amount)?;
        }
        Ok(())
    }

    pub fn add_credit(&mut self, amount: Cents) -> Result<(), MoneyError> {
        self.credits += 1;
        self.credit_amount = self.credit_amount.plus(amount)?;
        Ok(())
    }

    /// Adds a lower level; bundles are counted where they begin.
    pub fn add(&mut self, lower: &Sums) -> Result<(), MoneyError> {
        self.items += lower.items;
        self.images += lower.images;
        self.credits += lower.credits;
        self.credit_images += lower.credit_images;
        self.amount = self.amount.plus(lower.amount)?;
        self.micr_valid = self.micr_valid.plus(lower.micr_valid)?;
        self.credit_amount = self.credit_amount.plus(lower.credit_amount)?;
        Ok(())
    }

    pub fn items(&self, convention: Convention) -> Option<Cents> {
        let credits = if convention == Convention::Nothing { 0 } else { self.credits };
        i64::try_from(self.items + credits).ok().map(Cents::new)
    }

    pub fn images(&self, convention: Convention) -> Option<Cents> {
        let credits = if convention == Convention::Nothing { 0 } else { self.credit_images };
        i64::try_from(self.images + credits).ok().map(Cents::new)
    }

    pub fn amount(&self, convention: Convention) -> Option<Cents> {
        match convention {
            Convention::CountImagesAndAmount => self.amount.plus(self.credit_amount).ok(),
            Convention::Nothing | Convention::CountAndImages => Some(self.amount),
        }
    }
}

/// The control records against the sums, under each convention at once.
#[derive(Default, Debug)]
pub struct Control {
    /// Faults that hold whatever the convention.
    always: Faults,
    by_convention: [Faults; 3],
}

impl Control {
    /// One stated number. `computed` gives the sum (counts as whole units) under a convention.
    pub fn stated(
        &mut self,
        frame: &Frame<'_>,
        row: &Row<'_>,
        column: Column,
        computed: impl Fn(Convention) -> Option<Cents>,
        mandatory: bool,
    ) {
        let (code, field, from) = (frame.kind.map_or("", |k| k.code), column.name, u64::from(column.from));
        let place = |fault: Fault| fault.record(frame.number).column(from).offset(frame.offset + from - 1);
        let stated = row.number(column);
        let stated = match stated {
            Ok(Some(stated)) => stated,
            Ok(None) => {
                if mandatory {
                    let message = format!("record {code} field {field} is blank");
                    self.always.push(place(Fault::error("total", message).between("", "digits")));
                }
                return;
            }
            Err(unfit) => {
                let message = format!("record {code} field {field} is not a number");
                self.always.push(place(Fault::error("total", message).between(unfit.found, unfit.expected)));
                return;
            }
        };
        for (convention, faults) in Convention::ALL.into_iter().zip(&mut self.by_convention) {
            let computed = computed(convention).and_then(|c| u64::try_from(c.get()).ok());
            if computed != Some(stated) {
                let message = format!("record {code} field {field} does not equal what the items add up to");
                let computed = computed.map_or_else(|| "more than can be held".into(), |c| c.to_string());
                faults.push(place(Fault::error("total", message).between(stated.to_string(), computed)));
            }
        }
    }

    /// Takes the convention that holds, or the one that fits best with its faults.
    pub fn settle(self, faults: &mut Faults, has_credits: bool) -> Option<Convention> {
        self.always.list().iter().for_each(|f| faults.push(f.clone()));
        let best = self.by_convention.iter().zip(Convention::ALL).min_by_key(|(f, _)| f.errors);
        let (found, convention) = best?;
        found.list().iter().for_each(|f| faults.push(f.clone()));
        (has_credits && found.errors == 0).then_some(convention)
    }
}
