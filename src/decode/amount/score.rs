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
    let mut states = States::new();
    let end = states.add(label);
    states.forward(columns);
    states.at(end)
}

/// `ln P(amount | columns)`: the sum over its labels.
pub fn log_chance_of(columns: &[[f32; CLASSES]], amount: Cents) -> f32 {
    log_chances_of(columns, &[amount]).next().unwrap_or(f32::NEG_INFINITY)
}

/// The same of each amount.
pub fn log_chances_of(columns: &[[f32; CLASSES]], amounts: &[Cents]) -> impl Iterator<Item = f32> {
    let mut states = States::new();
    let ends: Vec<Vec<Ends>> = amounts.iter().map(|&a| labels(a).iter().map(|l| states.add(l)).collect()).collect();
    states.forward(columns);
    ends.into_iter().map(move |ends| ends.into_iter().map(|e| states.at(e)).fold(f32::NEG_INFINITY, log_sum))
}

/// The last character of a label, and the blank after it.
#[derive(Clone, Copy)]
struct Ends(usize, usize);

/// The forward recursion over the states of some labels: their characters and the blanks beside them. A state hangs on those
/// before it alone: labels that begin like the one added before them share its states.
struct States {
    label: Label,
    /// The states of `label`.
    path: Vec<usize>,
    classes: Vec<usize>,
    /// State by state, from which one it is reached.
    before: Vec<(usize, usize)>,
    /// The characters that are reached from another one with no blank between.
    over: Vec<(usize, usize)>,
    chances: Vec<f32>,
}

impl States {
    /// Never reached.
    const NOWHERE: usize = 0;
    /// The blank before all characters.
    const FIRST: usize = 1;

    fn new() -> Self {
        States {
            label: Label::new(),
            path: vec![Self::FIRST],
            classes: vec![BLANK; 2],
            before: Vec::new(),
            over: Vec::new(),
            chances: Vec::new(),
        }
    }

    fn add(&mut self, label: &[usize]) -> Ends {
        let alike = self.label.iter().zip(label).take_while(|(a, b)| a == b).count();
        // The blank after what is alike is so too.
        self.path.truncate(2 * alike + 1);
        self.label.truncate(alike);
        for &class in &label[alike..] {
            let mark = self.classes.len();
            self.classes.extend([class, BLANK]);
            if let [.., last, _] = self.path[..]
                && self.classes[last] != class
            {
                self.over.push((mark, last));
            }
            let blank = self.path.last().copied().unwrap_or(Self::FIRST);
            self.before.extend([(mark, blank), (mark + 1, mark)]);
            self.path.extend([mark, mark + 1]);
            self.label.push(class);
        }
        match self.path[..] {
            [.., mark, blank] => Ends(blank, mark),
            _ => Ends(Self::FIRST, Self::NOWHERE),
        }
    }

    fn forward(&mut self, columns: &[[f32; CLASSES]]) {
        self.chances = vec![f32::NEG_INFINITY; self.classes.len()];
        let Some((first, columns)) = columns.split_first() else { return };
        self.chances[Self::FIRST] = first[BLANK];
        for &(mark, _) in self.before.iter().filter(|(_, before)| *before == Self::FIRST) {
            self.chances[mark] = first[self.classes[mark]];
        }
        let (mut sums, mut rests) = (self.chances.clone(), vec![(0, 0.0); self.before.len()]);
        for column in columns {
            for from in [&self.before, &self.over] {
                // What is to be added for all states: none of them waits for another.
                let mut count = 0;
                for &(state, from) in from {
                    let (more, less) = in_order(sums[state], self.chances[from]);
                    sums[state] = more;
                    rests[count] = (state, less - more);
                    count += usize::from(!is_lost(more, less));
                }
                let rests = &mut rests[..count];
                rests.iter_mut().for_each(|(_, rest)| *rest = rest.exp());
                rests.iter().for_each(|(state, rest)| sums[*state] += rest.ln_1p());
            }
            for (sum, &class) in sums.iter_mut().zip(&self.classes).skip(Self::FIRST) {
                *sum += column[class];
            }
            self.chances.clone_from(&sums);
        }
    }

    /// Of the label that ends so.
    fn at(&self, ends: Ends) -> f32 {
        log_sum(self.chances[ends.0], self.chances[ends.1])
    }
}

/// The odds against everything else that could stand there, from `ln P`; kept within what f32 can tell.
pub fn log_odds(log_chance: f32) -> f32 {
    let log_chance = log_chance.min(-1e-6);
    let rest = -log_chance.exp_m1();
    (log_chance - rest.ln()).clamp(-99.0, 99.0)
}

pub fn log_sum(a: f32, b: f32) -> f32 {
    let (more, less) = in_order(a, b);
    if is_lost(more, less) { more } else { more + (less - more).exp().ln_1p() }
}

#[inline(always)]
fn in_order(a: f32, b: f32) -> (f32, f32) {
    if a > b { (a, b) } else { (b, a) }
}

/// Is the smaller chance rounded away? It is when it is less than an eighth of the last place of the larger one.
#[inline(always)]
fn is_lost(more: f32, less: f32) -> bool {
    let exponent = (more.to_bits() >> 23 & 255) as f32;
    less - more < (exponent - 153.0) * 0.694 || less == f32::NEG_INFINITY
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
        self.label().next_back()
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
    let chances = log_chances_of(columns, &amounts);
    let mut out: Vec<(Cents, f32)> = amounts.iter().copied().zip(chances).collect();
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
