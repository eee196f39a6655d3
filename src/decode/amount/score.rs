//! How likely is an amount, given the network's columns: the CTC sum over all ways to write its label along the field.
//! Labels are canonical: `123|45` for 123.45, 123-45, raised cents and all other surfaces; `123|x` where cents are "xx" or
//! "no". A label without the cents mark is never an amount.

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

/// `ln P(label | columns)`; minus infinity when the field is too short for it.
pub fn log_chance(columns: &[[f32; CLASSES]], label: &[usize]) -> f32 {
    Chances::over(columns).of(label)
}

/// `ln P(amount | columns)`: the sum over its labels.
pub fn log_chance_of(columns: &[[f32; CLASSES]], amount: Cents) -> f32 {
    Chances::over(columns).of_amount(amount)
}

/// The forward recursion for one label after another. A state of it (a character or the blank beside it) hangs on the states
/// before it alone: labels that begin alike share them.
struct Chances<'a> {
    columns: &'a [[f32; CLASSES]],
    label: Label,
    /// State by state, the chance in each column.
    states: Vec<f32>,
}

impl<'a> Chances<'a> {
    fn over(columns: &'a [[f32; CLASSES]]) -> Self {
        Chances { columns, label: Label::new(), states: Vec::new() }
    }

    fn of_amount(&mut self, amount: Cents) -> f32 {
        labels(amount).iter().map(|l| self.of(l)).fold(f32::NEG_INFINITY, log_sum)
    }

    fn of(&mut self, label: &[usize]) -> f32 {
        let length = self.columns.len();
        if length == 0 {
            return f32::NEG_INFINITY;
        }
        let alike = self.label.iter().zip(label).take_while(|(a, b)| a == b).count();
        // The blank after what is alike is so too.
        self.states.truncate((2 * alike + 1) * length);
        self.label.truncate(alike);
        self.label.extend_from_slice(&label[alike..]);
        for state in self.states.len() / length..2 * label.len() + 1 {
            self.add(state);
        }
        let last = |state: usize| self.states[(state + 1) * length - 1];
        if label.is_empty() { last(0) } else { log_sum(last(2 * label.len()), last(2 * label.len() - 1)) }
    }

    fn add(&mut self, state: usize) {
        let length = self.columns.len();
        let class = |s: usize| if s.is_multiple_of(2) { BLANK } else { self.label[s / 2] };
        let here = class(state);
        let first = if state < 2 { self.columns[0][here] } else { f32::NEG_INFINITY };
        let from = self.states.len();
        self.states.push(first);
        let mut sum = first;
        let skips = state >= 3 && !state.is_multiple_of(2) && here != class(state - 2);
        for (t, column) in self.columns[1..].iter().enumerate() {
            if state >= 1 {
                sum = log_sum(sum, self.states[from - length + t]);
            }
            if skips {
                sum = log_sum(sum, self.states[from - 2 * length + t]);
            }
            sum += column[here];
            self.states.push(sum);
        }
    }
}

/// The odds against everything else that could stand there, from `ln P`; kept within what f32 can tell.
pub fn log_odds(log_chance: f32) -> f32 {
    let log_chance = log_chance.min(-1e-6);
    let rest = -log_chance.exp_m1();
    (log_chance - rest.ln()).clamp(-99.0, 99.0)
}

pub fn log_sum(a: f32, b: f32) -> f32 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    // So little is rounded away.
    let is_lost = less - more < -20.0 && more < -0.125;
    if is_lost || less == f32::NEG_INFINITY { more } else { more + (less - more).exp().ln_1p() }
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

    /// Without its last character.
    fn parent(self) -> Option<Prefix> {
        let length = self.len().checked_sub(1)?;
        Some(Prefix(self.0 & !(15 << (60 - 4 * length))))
    }

    fn label(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.len()).map(move |n| (self.0 >> (60 - 4 * n) & 15) as usize - 1)
    }
}

/// A prefix with the chance that it ends in a blank, that it ends in its last character, and of both.
#[derive(Clone, Copy)]
struct Beam {
    prefix: Prefix,
    blank: f32,
    mark: f32,
    both: f32,
}

/// The likeliest labels that are amounts, with `ln P` of the amount: a beam over the columns, then the exact sum. Best first.
pub fn likeliest(columns: &[[f32; CLASSES]], beam: usize) -> Vec<(Cents, f32)> {
    let never = f32::NEG_INFINITY;
    let mut prefixes = vec![Beam { prefix: Prefix::default(), blank: 0.0, mark: never, both: 0.0 }];
    let (mut next, mut taken): (Vec<Beam>, Vec<usize>) = (Vec::new(), Vec::new());
    let by_chance = |a: &Beam, b: &Beam| b.both.total_cmp(&a.both).then_with(|| a.prefix.cmp(&b.prefix));
    for column in columns {
        next.clear();
        // The classes by which a prefix goes on to one that is followed already.
        taken.clear();
        taken.resize(prefixes.len(), 0);
        for one in &prefixes {
            let blank = one.both + column[BLANK];
            let mut mark = never;
            if let (Some(last), Some(before)) = (one.prefix.last(), one.prefix.parent()) {
                mark = one.mark + column[last];
                if let Some(n) = prefixes.iter().position(|p| p.prefix == before) {
                    taken[n] |= 1 << last;
                    if column[last] >= LEAST {
                        mark = log_sum(mark, prefixes[n].before(last) + column[last]);
                    }
                }
            }
            next.push(Beam { prefix: one.prefix, blank, mark, both: log_sum(blank, mark) });
        }
        let likely: Vec<(usize, f32)> =
            column.iter().copied().enumerate().take(BLANK).filter(|(_, chance)| *chance >= LEAST).collect();
        for (one, taken) in prefixes.iter().zip(&taken).filter(|(one, _)| one.prefix.len() < Prefix::LONGEST) {
            for &(class, chance) in likely.iter().filter(|(class, _)| taken >> class & 1 == 0) {
                let mark = one.before(class) + chance;
                next.push(Beam { prefix: one.prefix.with(class), blank: never, mark, both: mark });
            }
        }
        if next.len() > beam {
            next.select_nth_unstable_by(beam, by_chance);
            next.truncate(beam);
        }
        std::mem::swap(&mut prefixes, &mut next);
    }
    let labels = prefixes.iter().map(|one| one.prefix.label().collect::<Label>());
    let mut amounts: Vec<Cents> = labels.filter_map(|label| amount(&label)).collect();
    amounts.sort();
    amounts.dedup();
    let mut chances = Chances::over(columns);
    let mut out: Vec<(Cents, f32)> = amounts.into_iter().map(|a| (a, chances.of_amount(a))).collect();
    out.sort_by(|a, b| b.1.total_cmp(&a.1));
    out
}

/// What is less likely in a column is not followed.
const LEAST: f32 = -9.0;

impl Beam {
    /// The chance of all that this class may follow as one more character.
    fn before(&self, class: usize) -> f32 {
        if self.prefix.last() == Some(class) { self.blank } else { self.both }
    }
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
