//! Which of several amounts add up to what came. The answer must be the only one; the search takes a stated number of
//! steps at most and then says that it gave up. The same question has the same answer on every machine: no clock, no
//! chance, no order of a hash table.

use std::collections::HashSet;

use crate::domain::{Cents, MoneyError};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// For each item, which of its options; the only way.
    One(Vec<usize>),
    /// Two ways that fit equally well; a person must choose.
    Many(Vec<usize>, Vec<usize>),
    None,
    GaveUp,
}

/// For each item the amounts it may take (zero: it is left out). Options and items are tried in the order given.
///
/// `steps` bounds the work: an option tried is a step. Half-sums that are known to lead nowhere are kept, so that many
/// equal amounts cost one look; a target that no combination can reach by its common divisor costs nothing.
pub(super) fn search(options: &[Vec<Cents>], target: Cents, steps: u32) -> Result<Search, MoneyError> {
    let count = options.len();
    if options.iter().any(Vec::is_empty) || count == 0 {
        return Ok(Search::None);
    }
    // What the items from i on can still add: at least, at most, and in multiples of what.
    let mut least = vec![0i64; count + 1];
    let mut most = least.clone();
    let mut divisor = least.clone();
    for (i, list) in options.iter().enumerate().rev() {
        let (mut low, mut high, mut common) = (i64::MAX, i64::MIN, divisor[i + 1]);
        for amount in list {
            low = low.min(amount.get());
            high = high.max(amount.get());
            let first = list.first().map_or(0, |a| a.get());
            common = gcd(common, amount.minus(Cents::new(first))?.get());
        }
        least[i] = Cents::new(least[i + 1]).plus(Cents::new(low))?.get();
        most[i] = Cents::new(most[i + 1]).plus(Cents::new(high))?.get();
        divisor[i] = common;
    }
    // What all first options give: the rest must differ from it by a multiple of the divisor.
    let mut plain = vec![Cents::ZERO; count + 1];
    for (i, list) in options.iter().enumerate().rev() {
        plain[i] = plain[i + 1].plus(list.first().copied().unwrap_or_default())?;
    }
    let reachable = |at: usize, rest: Cents| -> Result<bool, MoneyError> {
        let off = rest.minus(plain[at])?.get();
        let divides = if divisor[at] == 0 { off == 0 } else { off % divisor[at] == 0 };
        Ok(divides && rest.get() >= least[at] && rest.get() <= most[at])
    };
    let mut left = steps;
    let mut dead: HashSet<(u32, Cents)> = HashSet::new();
    let mut first: Option<Vec<usize>> = None;
    // One frame per item: the next option to try, what is left before it, and whether a way was found below it.
    let mut frames: Vec<(usize, Cents, bool)> = Vec::with_capacity(count);
    if !reachable(0, target)? {
        return Ok(Search::None);
    }
    frames.push((0, target, false));
    while let Some(&(next, rest, found)) = frames.last() {
        let at = frames.len() - 1;
        let Some(option) = options[at].get(next) else {
            // Below this point nothing is left to try.
            frames.pop();
            if !found {
                dead.insert((at as u32, rest));
            } else if let Some(parent) = frames.last_mut() {
                parent.2 = true;
            }
            continue;
        };
        let Some(fewer) = left.checked_sub(1) else { return Ok(Search::GaveUp) };
        left = fewer;
        if let Some(frame) = frames.last_mut() {
            frame.0 += 1;
        }
        let rest = rest.minus(*option)?;
        if !reachable(at + 1, rest)? || dead.contains(&(at as u32 + 1, rest)) {
            continue;
        }
        if at + 1 < count {
            frames.push((0, rest, false));
            continue;
        }
        // The last item: `reachable` holds only for a rest of zero.
        let choice: Vec<usize> = frames.iter().map(|f| f.0 - 1).collect();
        if let Some(before) = first {
            return Ok(Search::Many(before, choice));
        }
        first = Some(choice);
        if let Some(frame) = frames.last_mut() {
            frame.2 = true;
        }
    }
    Ok(first.map_or(Search::None, Search::One))
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cents(list: &[i64]) -> Vec<Cents> {
        list.iter().map(|a| Cents::new(*a)).collect()
    }

    /// `a,b c,d` are items with their options.
    fn check(table: &str) {
        for row in table.lines().map(str::trim).filter(|l| !l.is_empty()).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let options: Vec<Vec<Cents>> = cells[0]
                .split_whitespace()
                .map(|item| cents(&item.split(',').map(|a| a.parse().unwrap()).collect::<Vec<_>>()))
                .collect();
            let got = search(&options, Cents::new(cells[1].parse().unwrap()), cells[2].parse().unwrap()).unwrap();
            assert_eq!(format!("{got:?}"), cells[3], "{row}");
        }
    }

    #[test]
    fn sums_that_fit_once_twice_never() {
        check(
            "options | target | steps | answer
            5 | 5 | 9 | One([0])
            5 | 6 | 9 | None
            1,2 1,2 | 3 | 99 | Many([0, 1], [1, 0])
            1,2 10,20 | 12 | 99 | One([1, 0])
            1,2 10,20 | 13 | 99 | None
            0,7 0,7 0,7 | 14 | 99 | Many([0, 1, 1], [1, 0, 1])
            0,7 0,7 0,7 | 15 | 99 | None
            0,1 0,2 0,4 0,8 | 11 | 99 | One([1, 1, 0, 1])
            0,1 0,2 0,4 0,8 | 16 | 99 | None
            0,3 0,5 0,7 0,11 | 15 | 3 | GaveUp",
        );
    }

    #[test]
    fn sums_that_overflow_are_an_error() {
        assert!(search(&[cents(&[i64::MAX]), cents(&[1])], Cents::new(1), 99).is_err());
        assert!(search(&[cents(&[i64::MIN, i64::MAX])], Cents::new(1), 99).is_err());
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_everything(
            options in proptest::collection::vec(proptest::collection::vec(0i64..40, 1..4), 1..7),
            target in 0i64..120,
        ) {
            let mut sums: Vec<i64> = vec![0];
            for list in &options {
                sums = sums.iter().flat_map(|s| list.iter().map(move |a| s + a)).collect();
            }
            let ways = sums.iter().filter(|s| **s == target).count();
            let lists: Vec<Vec<Cents>> = options.iter().map(|l| cents(l)).collect();
            let answer = search(&lists, Cents::new(target), 1_000_000).unwrap();
            let good = |choice: &[usize]| {
                let sum: i64 = options.iter().zip(choice).map(|(l, i)| l[*i]).sum();
                sum == target
            };
            match answer {
                Search::One(choice) => prop_assert!(ways == 1 && good(&choice)),
                Search::Many(a, b) => prop_assert!(ways > 1 && a != b && good(&a) && good(&b)),
                Search::None => prop_assert_eq!(ways, 0),
                Search::GaveUp => prop_assert!(false, "it may not give up on so little"),
            }
        }
    }
}
