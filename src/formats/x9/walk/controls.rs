//! Credits and control records (61, 62, 70, 85, 90, 99): what they state against what the items add up to.

use super::Walker;
use crate::domain::Cents;
use crate::formats::fault::{Fault, Severity};
use crate::formats::record::{Column, Row, at};
use crate::formats::x9::credit::{CreditLayout, Undecided};
use crate::formats::x9::order::Place;
use crate::formats::x9::physical::Frame;
use crate::formats::x9::records::*;

impl Walker<'_> {
    pub(super) fn credit(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        self.decide_credit();
        self.undecided = Some(Undecided::new(frame, row, self.in_bundle()));
        if self.level_03 && frame.kind.is_some_and(|k| k.kind == Kind::Credit62) {
            let fault = Fault::warning("level", "a record 62 belongs to levels 30 and 35");
            self.faults.push(fault.record(frame.number).offset(frame.offset));
        }
    }

    /// The checks that a credit covers have been seen: their sum tells its layout.
    pub(super) fn decide_credit(&mut self) {
        let Some(undecided) = self.undecided.take() else { return };
        match undecided.by_what_it_covers() {
            Some(layout) => self.credit_is(&undecided, layout),
            None => {
                let message = "two layouts of the credit record 61 fit; the profile must say which";
                let fault = Fault::error("credit-layout", message);
                self.faults.push(fault.record(undecided.record).offset(undecided.offset));
                self.sink.credit(undecided.record, None);
            }
        }
    }

    pub(super) fn credit_is(&mut self, credit: &Undecided, layout: CreditLayout) {
        self.sink.credit(credit.record, Some(layout));
        let amount = match credit.amount(layout) {
            Ok(amount) => amount,
            Err(mut fault) => {
                fault = fault.record(credit.record);
                self.faults.push(fault);
                Cents::ZERO
            }
        };
        let sums =
            if credit.in_bundle { [&mut self.bundle, &mut self.total] } else { [&mut self.letter, &mut self.total] };
        for sums in sums {
            if sums.add_credit(amount).is_err() {
                let fault = Fault::error("overflow", "the total is larger than the program can hold");
                self.faults.push(fault.record(credit.record).offset(credit.offset));
            }
        }
        if let Some(letter) = self.letters.last_mut() {
            letter.credits += 1;
            letter.credit_total = letter.credit_total.plus(amount).unwrap_or(letter.credit_total);
        }
    }

    /// At level 03 the column is reserved.
    fn credit_indicator(&mut self, frame: &Frame<'_>, row: &Row<'_>, column: Column) {
        if self.level_03 && !row.is_blank(column) {
            self.warn(frame, "level", column, row.text(column), "blank at level 03");
        }
    }

    pub(super) fn bundle_control(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        if self.undecided.as_ref().is_some_and(|u| u.in_bundle) {
            self.decide_credit();
        }
        let sums = self.bundle;
        let stated = &mut self.control;
        stated.stated(frame, row, at!(BundleControl.item_count), |c| sums.items(c), true);
        stated.stated(frame, row, at!(BundleControl.total_amount), |c| sums.amount(c), true);
        let micr = at!(BundleControl.micr_valid_total_amount);
        if !matches!(row.number(micr), Ok(Some(0))) || sums.micr_valid.is_zero() {
            stated.stated(frame, row, micr, |_| Some(sums.micr_valid), false);
        }
        stated.stated(frame, row, at!(BundleControl.image_count), |c| sums.images(c), false);
        self.credit_indicator(frame, row, at!(BundleControl.credit_total_indicator));
        if self.letter.add(&sums).is_err() {
            self.overflow(frame);
        }
    }

    pub(super) fn letter_control(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        self.decide_credit();
        let sums = self.letter;
        let stated = &mut self.control;
        stated.stated(frame, row, at!(CashLetterControl.bundle_count), |_| cents(sums.bundles), true);
        stated.stated(frame, row, at!(CashLetterControl.item_count), |c| sums.items(c), true);
        stated.stated(frame, row, at!(CashLetterControl.total_amount), |c| sums.amount(c), true);
        stated.stated(frame, row, at!(CashLetterControl.image_count), |c| sums.images(c), false);
        self.credit_indicator(frame, row, at!(CashLetterControl.credit_total_indicator));
        if let Err(unfit) = row.day(at!(CashLetterControl.settlement_date)) {
            self.field(frame, Severity::Warning, "date", at!(CashLetterControl.settlement_date), unfit);
        }
        if self.file.add(&sums).is_err() {
            self.overflow(frame);
        }
        let Some(letter) = self.letters.last_mut() else { return };
        letter.records.1 = frame.number;
        letter.stated_items = row.number(at!(CashLetterControl.item_count)).ok().flatten();
        letter.stated_total = row.cents(at!(CashLetterControl.total_amount)).ok().flatten();
        if letter.credits > 0 && letter.checks > 0 && letter.credit_total != letter.check_total {
            let fault = Fault::error("credit-out-of-balance", "the credits of the cash letter do not equal its checks");
            let fault = fault.between(letter.credit_total.to_string(), letter.check_total.to_string());
            self.faults.push(fault.record(frame.number).offset(frame.offset));
        }
    }

    pub(super) fn routing_summary(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        let in_letter = self.stack.iter().any(|o| o.place == Place::Letter);
        let forward =
            self.letters.last().is_none_or(|l| matches!(l.header.collection_type.bytes(), b"00" | b"01" | b"02"));
        if !forward {
            let message = "a routing summary (85) belongs to forward letters (collection type 00, 01, 02)";
            self.faults.push(Fault::warning("order", message).record(frame.number).offset(frame.offset));
        }
        let stated = row.number(at!(RoutingNumberSummary.routing)).ok().flatten();
        let Some((items, amount)) = stated.and_then(|routing| self.routings.of(routing, in_letter)) else { return };
        for (column, computed) in [
            (at!(RoutingNumberSummary.item_count), Some(items)),
            (at!(RoutingNumberSummary.total_amount), u64::try_from(amount.get()).ok()),
        ] {
            if row.number(column).ok().flatten() != computed {
                let computed = computed.map_or_else(String::new, |c| c.to_string());
                self.warn(frame, "routing-summary", column, row.text(column), &computed);
            }
        }
    }

    pub(super) fn file_control(&mut self, frame: &Frame<'_>, row: &Row<'_>) {
        self.decide_credit();
        self.stated_items = row.number(at!(FileControl.total_item_count)).ok().flatten();
        self.stated_total = row.cents(at!(FileControl.total_amount)).ok().flatten();
        let (sums, letters, records) = (self.file, self.letter_count, frame.number);
        let stated = &mut self.control;
        stated.stated(frame, row, at!(FileControl.cash_letter_count), |_| cents(letters), true);
        stated.stated(frame, row, at!(FileControl.total_record_count), |_| cents(records), true);
        stated.stated(frame, row, at!(FileControl.total_item_count), |c| sums.items(c), true);
        stated.stated(frame, row, at!(FileControl.total_amount), |c| sums.amount(c), true);
        self.credit_indicator(frame, row, at!(FileControl.credit_total_indicator));
    }
}

fn cents(count: u64) -> Option<Cents> {
    i64::try_from(count).ok().map(Cents::new)
}
