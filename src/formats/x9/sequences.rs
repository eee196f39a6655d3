//! Item sequence numbers of one cash letter, to find the one that comes twice: runs of numbers one after another, so that a
//! letter of any size costs little. Numbers all over the place are looked at up to a limit, which is said.

use std::collections::BTreeMap;

/// Runs that are kept.
const MOST_RUNS: usize = 100_000;

#[derive(Default)]
pub struct Sequences {
    /// First number of a run and its last.
    runs: BTreeMap<u64, u64>,
    /// The run that grew last.
    open: Option<(u64, u64)>,
    pub is_full: bool,
}

impl Sequences {
    /// Notes a number; says whether it was there.
    #[inline]
    pub fn is_repeated(&mut self, number: u64) -> bool {
        if let Some((first, last)) = self.open {
            // The usual case: the next one, and no other run stands there.
            if number == last.wrapping_add(1) && self.runs.is_empty() {
                self.open = Some((first, number));
                return false;
            }
            if (first..=last).contains(&number) {
                return true;
            }
        }
        self.note(number)
    }

    fn note(&mut self, number: u64) -> bool {
        if self.runs.range(..=number).next_back().is_some_and(|(_, last)| number <= *last) {
            return true;
        }
        if let Some((first, last)) = self.open.filter(|(_, last)| number == last.wrapping_add(1)) {
            debug_assert!(last < number);
            self.open = Some((first, number));
            return false;
        }
        if let Some((first, last)) = self.open.replace((number, number)) {
            if self.runs.len() < MOST_RUNS {
                self.runs.insert(first, last);
            } else {
                self.is_full = true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_comes_twice_is_found() {
        let repeated = |numbers: &[u64]| {
            let mut seen = Sequences::default();
            numbers.iter().map(|n| u8::from(seen.is_repeated(*n)).to_string()).collect::<String>()
        };
        assert_eq!(repeated(&[1, 2, 3, 3, 4, 1]), "000101");
        assert_eq!(repeated(&[10, 20, 30, 20, 11, 12, 10, 30]), "00010011");
        assert_eq!(repeated(&[5, 4, 3, 5, 4, 6]), "000110");
        assert_eq!(repeated(&[0, u64::MAX, 0, u64::MAX]), "0011");
        assert_eq!(repeated(&[7, 7, 7]), "011");
        assert_eq!(repeated(&[3, 1, 2, 3]), "0001");
    }
}
