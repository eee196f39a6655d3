//! Items and amounts by the bank they are drawn on, for the routing summaries (85) at the end of a cash letter.

use std::collections::HashMap;

use crate::domain::Cents;

/// Distinct banks that are kept apart; there are fewer than thirty thousand.
const MOST: usize = 50_000;

type BySum = HashMap<u64, (u64, Cents)>;

#[derive(Default)]
pub struct Routings {
    letter: BySum,
    file: BySum,
    /// The bank of the last item and its sum, not yet in `letter`: items of one bank often stand together.
    last: (u64, u64, Cents),
    /// Too many banks: nothing more can be said.
    is_full: bool,
}

impl Routings {
    pub fn begin_letter(&mut self) {
        self.flush();
        for (routing, (items, amount)) in self.letter.drain() {
            add(&mut self.file, routing, items, amount, &mut self.is_full);
        }
    }

    pub fn add(&mut self, routing: u64, amount: Cents) {
        if self.last.0 != routing {
            self.flush();
            self.last = (routing, 0, Cents::ZERO);
        }
        self.last.1 += 1;
        match self.last.2.plus(amount) {
            Ok(sum) => self.last.2 = sum,
            Err(_) => self.is_full = true,
        }
    }

    fn flush(&mut self) {
        let (routing, items, amount) = std::mem::take(&mut self.last);
        if items > 0 {
            add(&mut self.letter, routing, items, amount, &mut self.is_full);
        }
    }

    /// Items and amount of a bank in the open letter, or in all letters; `None` where that is not known.
    pub fn of(&mut self, routing: u64, in_letter: bool) -> Option<(u64, Cents)> {
        if !in_letter {
            self.begin_letter();
        }
        self.flush();
        let sums = if in_letter { &self.letter } else { &self.file };
        (!self.is_full).then(|| sums.get(&routing).copied().unwrap_or_default())
    }
}

fn add(sums: &mut BySum, routing: u64, items: u64, amount: Cents, is_full: &mut bool) {
    if sums.len() >= MOST && !sums.contains_key(&routing) {
        *is_full = true;
        return;
    }
    let sum = sums.entry(routing).or_default();
    sum.0 += items;
    match sum.1.plus(amount) {
        Ok(total) => sum.1 = total,
        Err(_) => *is_full = true,
    }
}
