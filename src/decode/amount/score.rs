//! How likely is an amount, given the network's columns: the CTC sum over all ways to write its label along the field.
//! Labels are canonical: `123|45` for 123.45, 123-45, raised cents and all other surfaces; `123|x` where cents are "xx" or
//! "no". A label without the cents mark is never an amount.

use std::collections::BTreeMap;

use super::network::{BLANK, CENTS_MARK, CLASSES, NO_CENTS};
use crate::domain::Cents;

/// One class a character, 0 to 9 and the two marks.
pub type Label = Vec<usize>;

/// The labels under which an amount may stand: whole dollars also with "xx" cents. Empty for an amount of 0 or below.
pub fn labels(amount: Cents) -> Vec<Label> {
    if amount.get() <= 0 {
        return Vec::new();
    }
    let (dollars, cents) = (amount.get() / 100, (amount.get() % 100) as usize);
    let mut head: Label = dollars.to_string().bytes().map(|b| usize::from(b - b'0')).collect();
    head.push(CENTS_MARK);
    let with = |tail: &[usize]| head.iter().chain(tail).copied().collect::<Label>();
    let mut out = vec![with(&[cents / 10, cents % 10])];
    if cents == 0 {
        out.push(with(&[NO_CENTS]));
    }
    if dollars == 0 {
        out.push(out[0][1..].to_vec());
    }
    out
}

/// The amount that a label says; `None` for what is no amount.
pub fn amount(label: &[usize]) -> Option<Cents> {
    let mark = label.iter().position(|&c| c == CENTS_MARK)?;
    let (dollars, cents) = (&label[..mark], &label[mark + 1..]);
    let cents = match cents {
        [NO_CENTS] => 0,
        [a, b] if *a < 10 && *b < 10 => a * 10 + b,
        _ => return None,
    };
    if dollars.len() > 8 || dollars.iter().any(|&d| d > 9) || (dollars.is_empty() && cents == 0) {
        return None;
    }
    let dollars = dollars.iter().fold(0i64, |n, &d| n * 10 + d as i64);
    Some(Cents::new(dollars * 100 + cents as i64))
}

/// `ln P(label | columns)` by the forward recursion; minus infinity when the field is too short for it.
pub fn log_chance(columns: &[[f32; CLASSES]], label: &[usize]) -> f32 {
    if columns.is_empty() {
        return f32::NEG_INFINITY;
    }
    let states = 2 * label.len() + 1;
    let class = |s: usize| if s.is_multiple_of(2) { BLANK } else { label[s / 2] };
    let mut row = vec![f32::NEG_INFINITY; states];
    row[0] = columns[0][BLANK];
    if states > 1 {
        row[1] = columns[0][class(1)];
    }
    for column in &columns[1..] {
        for s in (0..states).rev() {
            let mut sum = row[s];
            if s >= 1 {
                sum = log_sum(sum, row[s - 1]);
            }
            if s >= 3 && s % 2 == 1 && class(s) != class(s - 2) {
                sum = log_sum(sum, row[s - 2]);
            }
            row[s] = sum + column[class(s)];
        }
    }
    if states > 1 { log_sum(row[states - 1], row[states - 2]) } else { row[0] }
}

/// `ln P(amount | columns)`: the sum over its labels.
pub fn log_chance_of(columns: &[[f32; CLASSES]], amount: Cents) -> f32 {
    labels(amount).iter().map(|l| log_chance(columns, l)).fold(f32::NEG_INFINITY, log_sum)
}

/// The odds against everything else that could stand there, from `ln P`; kept within what f32 can tell.
pub fn log_odds(log_chance: f32) -> f32 {
    let log_chance = log_chance.min(-1e-6);
    let rest = -log_chance.exp_m1();
    (log_chance - rest.ln()).clamp(-99.0, 99.0)
}

pub fn log_sum(a: f32, b: f32) -> f32 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    if less == f32::NEG_INFINITY { more } else { more + (less - more).exp().ln_1p() }
}

/// The beginning of a label: four bits a character, one more than its class, the first highest, so that they sort as labels do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Prefix(u64);

impl Prefix {
    /// No amount has more characters.
    const LONGEST: usize = 12;

    fn len(self) -> usize {
        16 - self.0.trailing_zeros() as usize / 4
    }

    fn last(self) -> Option<usize> {
        self.label().last()
    }

    fn with(self, class: usize) -> Prefix {
        Prefix(self.0 | (class as u64 + 1) << (60 - 4 * self.len()))
    }

    fn label(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.len()).map(move |n| (self.0 >> (60 - 4 * n) & 15) as usize - 1)
    }
}

/// The likeliest labels that are amounts, with `ln P` of the amount: a beam over the columns, then the exact sum. Best first.
pub fn likeliest(columns: &[[f32; CLASSES]], beam: usize) -> Vec<(Cents, f32)> {
    // A prefix with the chance that it ends in a blank and that it ends in its last character.
    let mut prefixes: Vec<(Prefix, f32, f32)> = vec![(Prefix::default(), 0.0, f32::NEG_INFINITY)];
    let mut next: BTreeMap<Prefix, (f32, f32)> = BTreeMap::new();
    let mut ranked = Vec::new();
    for column in columns {
        for &(prefix, blank, mark) in &prefixes {
            let both = log_sum(blank, mark);
            let none = (f32::NEG_INFINITY, f32::NEG_INFINITY);
            let same = next.entry(prefix).or_insert(none);
            same.0 = log_sum(same.0, both + column[BLANK]);
            let last = prefix.last();
            if let Some(last) = last {
                same.1 = log_sum(same.1, mark + column[last]);
            }
            if prefix.len() >= Prefix::LONGEST {
                continue;
            }
            for (class, &chance) in column.iter().enumerate().take(BLANK) {
                if chance < -9.0 {
                    continue;
                }
                let from = if last == Some(class) { blank } else { both };
                let one = next.entry(prefix.with(class)).or_insert(none);
                one.1 = log_sum(one.1, from + chance);
            }
        }
        ranked.extend(std::mem::take(&mut next).into_iter().map(|(p, (b, m))| (log_sum(b, m), (p, b, m))));
        ranked.sort_by(|a: &(f32, _), b| b.0.total_cmp(&a.0));
        ranked.truncate(beam);
        prefixes.clear();
        prefixes.extend(ranked.drain(..).map(|(_, prefix)| prefix));
    }
    let labels = prefixes.iter().map(|(prefix, ..)| prefix.label().collect::<Label>());
    let mut amounts: Vec<Cents> = labels.filter_map(|label| amount(&label)).collect();
    amounts.sort();
    amounts.dedup();
    let mut out: Vec<(Cents, f32)> = amounts.into_iter().map(|a| (a, log_chance_of(columns, a))).collect();
    out.sort_by(|a, b| b.1.total_cmp(&a.1));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_labels_and_sort_as_they_do() {
        let labels: [&[usize]; 7] =
            [&[], &[0], &[0, 0], &[1, CENTS_MARK, 4, 5], &[1, CENTS_MARK, NO_CENTS], &[9, 0], &[7; Prefix::LONGEST]];
        let packed = |label: &[usize]| label.iter().fold(Prefix::default(), |p, &class| p.with(class));
        for one in labels {
            let prefix = packed(one);
            assert_eq!(prefix.label().collect::<Label>(), one);
            assert_eq!((prefix.len(), prefix.last()), (one.len(), one.last().copied()));
            for other in labels {
                assert_eq!(prefix.cmp(&packed(other)), one.cmp(other), "{one:?} {other:?}");
            }
        }
    }
}
