//! The record of what was decided about a payment: decisions are only added, and taking one back is a decision too. It counts
//! by places; where envelopes were put together, each goes on counting its own.

use std::collections::BTreeSet;

use crate::domain::{Decision, Transaction};

/// The decision that takes another one back; its field `of` is the place of that one.
pub(super) const UNDO: &str = "undo";

/// The field of a regrouping that tells where the records of the envelopes that came in begin: `7:2,9:0` are one from place 7
/// on, whose first two decisions are those at the head, and one from place 9 on.
pub(super) const PARTS: &str = "parts";

/// The decisions that count: those that were taken back are left out, and so is the taking back.
pub(super) fn standing(decisions: &[Decision]) -> Vec<Decision> {
    let gone = places_taken_back(decisions);
    let stands = |(place, d): &(usize, &Decision)| d.name != UNDO && !gone.contains(place);
    decisions.iter().enumerate().filter(stands).map(|(_, d)| d.clone()).collect()
}

/// The places of the decisions that were taken back, in a record that may hold those of several envelopes.
fn places_taken_back(decisions: &[Decision]) -> BTreeSet<usize> {
    let mut gone = BTreeSet::new();
    taken_back_of(decisions, &(0..decisions.len()).collect::<Vec<_>>(), &mut gone);
    gone
}

/// `own` are the places of one envelope's decisions, as it counts them.
fn taken_back_of(decisions: &[Decision], own: &[usize], gone: &mut BTreeSet<usize>) {
    let at = |n: usize| own.get(n).and_then(|place| decisions.get(*place));
    let parts_of = |n: usize| at(n).filter(|d| d.name == "regroup").and_then(|d| d.fields.get(PARTS));
    let joined = (0..own.len()).rev().find_map(|n| Some((n, parts_of(n)?)));
    let behind = joined.as_ref().map_or(0, |(n, _)| n + 1);
    for d in (behind..own.len()).filter_map(at).filter(|d| d.name == UNDO) {
        let of = d.fields.get("of").and_then(|of| of.parse::<usize>().ok());
        gone.extend(of.and_then(|of| own.get(of)));
    }
    let Some((end, parts)) = joined else { return };
    let parts: Vec<(usize, usize)> = parts
        .split(',')
        .filter_map(|part| part.split_once(':'))
        .filter_map(|(begins, same)| Some((begins.parse().ok()?, same.parse().ok()?)))
        .filter(|(begins, same)| same <= begins && *begins <= end)
        .collect();
    let ends = parts.iter().skip(1).map(|part| part.0).chain([end]);
    taken_back_of(decisions, &own[..parts.first().map_or(end, |part| part.0)], gone);
    for ((begins, same), ends) in parts.iter().zip(ends) {
        let whole: Vec<usize> =
            own[..*same].iter().chain(own.get(*begins..ends).unwrap_or_default()).copied().collect();
        taken_back_of(decisions, &whole, gone);
    }
}

/// Was anything taken back here? Such a record names its own places, and stays at the head of a longer one.
pub(super) fn taken_back(t: &Transaction) -> bool {
    t.decisions.iter().any(|d| d.name == UNDO)
}

pub(super) fn is_taken_back(t: &Transaction, place: usize) -> bool {
    places_taken_back(&t.decisions).contains(&place)
}

/// The place of the newest decision that stands.
pub(super) fn last_standing(t: &Transaction) -> Option<usize> {
    let gone = places_taken_back(&t.decisions);
    (0..t.decisions.len()).rev().find(|n| t.decisions[*n].name != UNDO && !gone.contains(n))
}

/// The place of the decision that can be taken back.
pub fn undoable(t: &Transaction) -> Option<usize> {
    last_standing(t).filter(|n| match t.decisions[*n].name.as_str() {
        "regroup" | "rescan" => t.decisions[*n].fields.contains_key("was"),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::UserName;

    /// `a b -1 +3:1` is: a, b, the second of these taken back, and a regrouping with a record that begins at place 3 and shares
    /// one decision.
    fn record(text: &str) -> Vec<Decision> {
        let one = |word: &str| {
            let (name, field) = match word.split_at(1) {
                ("-", of) => (UNDO, Some(("of", of))),
                ("+", "") => ("regroup", None),
                ("+", parts) => ("regroup", Some((PARTS, parts))),
                _ => (word, None),
            };
            let fields: BTreeMap<String, String> = field.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            Decision { name: name.into(), fields, by: UserName("olga".into()), at: String::new() }
        };
        text.split_whitespace().map(one).collect()
    }

    #[test]
    fn each_envelope_counts_its_own_places() {
        for (text, stands) in [
            ("", ""),
            ("a b", "a b"),
            ("a b -1", "a"),
            ("a -0 b -2", ""),
            ("a -0 b +", "b regroup"),
            // Both took their first decision back.
            ("a -0 b -0 +2:0", "regroup"),
            ("a -0 b -0 c +2:0", "c regroup"),
            ("a b -0 c -0 +3:0", "b regroup"),
            // Of three, the last alone; what is decided afterwards counts from the head.
            ("a b c -0 +2:0 d -2", "a b regroup d"),
            ("a -0 b -0 c -0 +2:0,4:0 d", "regroup d"),
            // Put together, taken apart and decided upon each by itself, and together again: the first five are shared.
            ("a -0 b -0 +2:0 + c -6 + d -6 +8:5", "regroup regroup regroup regroup"),
            ("a -0 b -0 +2:0 + c + d -6 +7:5", "regroup regroup c regroup regroup"),
            // One that was put together comes into another one.
            ("x y a -0 b -0 +2:0 c -5 +2:0", "x y regroup regroup"),
            // Records that make no sense take nothing back.
            ("a b -7", "a b"),
            ("a b -x", "a b"),
            ("a b +9:0", "a b regroup"),
            ("a b +1:5", "a b regroup"),
            ("a b +nonsense", "a b regroup"),
        ] {
            let names: Vec<String> = standing(&record(text)).into_iter().map(|d| d.name).collect();
            assert_eq!(names.join(" "), stands, "{text}");
        }
    }
}
