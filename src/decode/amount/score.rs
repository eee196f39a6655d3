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

/// The likeliest labels that are amounts, with `ln P` of the amount: a beam over the columns, then the exact sum. Best first.
pub fn likeliest(columns: &[[f32; CLASSES]], beam: usize) -> Vec<(Cents, f32)> {
    // A prefix with the chance that it ends in a blank and that it ends in its last character.
    let mut prefixes: Vec<(Label, f32, f32)> = vec![(Vec::new(), 0.0, f32::NEG_INFINITY)];
    for column in columns {
        let mut next: std::collections::BTreeMap<Label, (f32, f32)> = Default::default();
        for (prefix, blank, mark) in &prefixes {
            let both = log_sum(*blank, *mark);
            let none = (f32::NEG_INFINITY, f32::NEG_INFINITY);
            let same = next.entry(prefix.clone()).or_insert(none);
            same.0 = log_sum(same.0, both + column[BLANK]);
            if let Some(&last) = prefix.last() {
                same.1 = log_sum(same.1, mark + column[last]);
            }
            if prefix.len() >= 12 {
                continue;
            }
            for (class, &chance) in column.iter().enumerate().take(BLANK) {
                if chance < -9.0 {
                    continue;
                }
                let from = if prefix.last() == Some(&class) { *blank } else { both };
                let mut longer = prefix.clone();
                longer.push(class);
                let one = next.entry(longer).or_insert(none);
                one.1 = log_sum(one.1, from + chance);
            }
        }
        let mut ranked: Vec<(f32, (Label, f32, f32))> =
            next.into_iter().map(|(p, (b, m))| (log_sum(b, m), (p, b, m))).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.truncate(beam);
        prefixes = ranked.into_iter().map(|(_, prefix)| prefix).collect();
    }
    let mut amounts: Vec<Cents> = prefixes.iter().filter_map(|(label, ..)| amount(label)).collect();
    amounts.sort();
    amounts.dedup();
    let mut out: Vec<(Cents, f32)> = amounts.into_iter().map(|a| (a, log_chance_of(columns, a))).collect();
    out.sort_by(|a, b| b.1.total_cmp(&a.1));
    out
}
