//! May an amount be taken without a person? One ordered list of conditions; the first that fails is the reason. The
//! hypotheses come from the bills, so that whatever is confirmed has a second witness beside the picture.

use super::network::CLASSES;
use super::{marks_cents, rounded, score};
use crate::domain::{AmountGuess, AmountUnsure, Cents};

/// The site's thresholds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// Log-odds from which an amount is confirmed.
    pub threshold: f32,
    /// By how much more where two hypotheses are one digit apart.
    pub close_margin: f32,
    /// Larger amounts are for people.
    pub limit: Option<Cents>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    pub result: Result<Cents, AmountUnsure>,
    /// Log-odds of the best hypothesis.
    pub log_odds: f32,
    /// The hypotheses, the likeliest first.
    pub choices: Vec<AmountGuess>,
}

/// Verifies a field against the amounts that would be a normal payment.
pub fn decide(columns: Option<&[[f32; CLASSES]]>, hypotheses: &[Cents], rules: &Rules) -> Verdict {
    let columns = columns.unwrap_or_default();
    let mut choices: Vec<AmountGuess> = hypotheses
        .iter()
        .filter(|a| a.is_positive())
        .map(|&value| AmountGuess { value, log_odds: rounded(score::log_odds(score::log_chance_of(columns, value))) })
        .collect();
    choices.sort_by(|a, b| b.log_odds.total_cmp(&a.log_odds).then(a.value.cmp(&b.value)));
    choices.dedup_by_key(|g| g.value);
    let (value, log_odds) = choices.first().map_or((Cents::ZERO, -99.0), |g| (g.value, g.log_odds));
    let close = choices.iter().skip(1).any(|g| within_one_digit(g.value, value));
    let wanted = rules.threshold + if close { rules.close_margin } else { 0.0 };
    let result = if columns.is_empty() {
        Err(AmountUnsure::NoField)
    } else if choices.is_empty() {
        Err(AmountUnsure::NothingExpected)
    } else if !marks_cents(columns) {
        Err(AmountUnsure::NoCentsMark)
    } else if log_odds < rules.threshold {
        Err(AmountUnsure::Unlikely)
    } else if rules.limit.is_some_and(|limit| value > limit) {
        Err(AmountUnsure::OverLimit)
    } else if log_odds < wanted {
        Err(AmountUnsure::TooClose)
    } else {
        Ok(value)
    };
    Verdict { result, log_odds, choices }
}

/// One digit replaced, or two neighbours swapped: what a slip of pen or eye makes.
pub fn within_one_digit(a: Cents, b: Cents) -> bool {
    let (a, b) = (a.get().to_string(), b.get().to_string());
    if a.len() != b.len() {
        return false;
    }
    let differ: Vec<usize> = (0..a.len()).filter(|&i| a.as_bytes()[i] != b.as_bytes()[i]).collect();
    match differ[..] {
        [_] => true,
        [i, j] => j == i + 1 && a.as_bytes()[i] == b.as_bytes()[j] && a.as_bytes()[j] == b.as_bytes()[i],
        _ => false,
    }
}
