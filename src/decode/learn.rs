//! Finds the check digits of a biller's lines from real lines: every scheme by name, every position of the check digit,
//! every run of positions before it. Needs twenty lines of one length; says nothing where the digits hardly vary, since
//! zeros satisfy everything.

use std::collections::{BTreeMap, BTreeSet};

use super::check_digit::{Check, Scheme};

/// Fewer lines prove nothing.
const LEAST_LINES: usize = 20;
/// Lines may be misread or misprinted: this share of them, in percent.
const MOST_FAILING: usize = 5;

/// A check that real lines keep.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    /// The scheme's name.
    pub scheme: String,
    /// What is printed for a result of 10, for moduli of 11 that need it.
    pub ten: Option<char>,
    /// First and last position covered, from 1, over the digits of the line.
    pub covers: (usize, usize),
    pub digit: usize,
    /// Lines that keep it, of how many of that length.
    pub kept: usize,
    pub of: usize,
}

impl Proposal {
    /// As a layout file says it.
    pub fn to_toml(&self) -> String {
        let ten = self.ten.map(|c| format!(", ten = \"{c}\"")).unwrap_or_default();
        let (from, to) = self.covers;
        format!("{{ scheme = \"{}\"{ten}, covers = \"{from}-{to}\", digit = {} }}", self.scheme, self.digit)
    }
}

/// What the lines agree on, the check that covers most first. Only digits (and `X`) of a line count; lines of another
/// length than most are left out.
pub fn learn(lines: &[String]) -> Vec<Proposal> {
    let kept = |c: &char| c.is_ascii_digit() || *c == 'X';
    let mut by_length: BTreeMap<usize, Vec<Vec<char>>> = BTreeMap::new();
    for line in lines {
        let digits: Vec<char> = line.chars().filter(kept).collect();
        by_length.entry(digits.len()).or_default().push(digits);
    }
    let Some(lines) = by_length.into_values().max_by_key(Vec::len).filter(|l| l.len() >= LEAST_LINES) else {
        return Vec::new();
    };
    let length = lines[0].len().min(128);
    let mut found: Vec<Proposal> = Vec::new();
    for digit in 2..=length {
        for (name, ten, scheme) in schemes() {
            let last = digit - 1;
            if digit + scheme.length() - 1 > length {
                continue;
            }
            // The longest run before the digit tells it; shorter ones differ from it by leading zeros only.
            let longest = (1..last).find_map(|first| {
                let check =
                    Check { name: String::new(), scheme: scheme.clone(), covers: (first..=last).collect(), digit };
                let kept = keeps(&check, &lines)?;
                varied(&lines, first, digit, scheme.length()).then_some((first, kept))
            });
            if let Some((first, kept)) = longest {
                let covers = (first, last);
                found.push(Proposal { scheme: name.into(), ten, covers, digit, kept, of: lines.len() });
            }
        }
    }
    found.sort_by_key(|p| (std::cmp::Reverse(p.covers.1 - p.covers.0), std::cmp::Reverse(p.kept)));
    found
}

/// Every scheme by name; those that can give ten also with what may be printed for it.
fn schemes() -> Vec<(&'static str, Option<char>, Scheme)> {
    let mut all = Vec::new();
    for name in Scheme::names() {
        match Scheme::named(name) {
            Some(Scheme::Weighted(weighted)) if weighted.modulus == 11 => {
                for ten in [None, Some('0'), Some('X')] {
                    let mut weighted = weighted.clone();
                    weighted.ten = ten;
                    all.push((name, ten, Scheme::Weighted(weighted)));
                }
            }
            // Its digits stand before what they cover.
            Some(Scheme::CreditorReference) | None => {}
            Some(scheme) => all.push((name, None, scheme)),
        }
    }
    all
}

/// How many lines keep the check; `None` as soon as too many do not.
fn keeps(check: &Check, lines: &[Vec<char>]) -> Option<usize> {
    let mut failing = 0;
    for line in lines {
        failing += usize::from(!check.holds(line));
        if failing * 100 > lines.len() * MOST_FAILING {
            return None;
        }
    }
    Some(lines.len() - failing)
}

/// Do payload and check digit differ enough from line to line to prove anything?
fn varied(lines: &[Vec<char>], first: usize, digit: usize, length: usize) -> bool {
    let payloads: BTreeSet<&[char]> = lines.iter().map(|l| &l[first - 1..digit - 1]).collect();
    let checks: BTreeSet<&[char]> = lines.iter().map(|l| &l[digit - 1..digit - 1 + length]).collect();
    payloads.len() * 2 > lines.len() && checks.len() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of an account with its own check digit, an amount, a date that never changes, and a check digit over all.
    fn lines(account: &str, whole: &str, ten: Option<char>, count: u64) -> Vec<String> {
        let scheme = |name: &str| match Scheme::named(name).unwrap() {
            Scheme::Weighted(w) => Scheme::Weighted(super::super::check_digit::Weighted { ten, ..w }),
            other => other,
        };
        let (account, whole) = (scheme(account), scheme(whole));
        let line = |n: u64| {
            let number = format!("{:09}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000_000);
            let amount = format!("{:08}", n.wrapping_mul(0xD1B5_4A32_D192_ED03) % 90_000);
            let number = format!("{number}{}", account.check(&number)?);
            let payload = format!("{number}{amount}111526");
            Some(format!(">{number}< {amount} 111526 {}", whole.check(&payload)?))
        };
        (1..).filter_map(line).take(count as usize).collect()
    }

    #[test]
    fn the_schemes_of_real_lines_are_found() {
        for (account, whole, ten, want) in [
            ("luhn", "luhn", None, "luhn 1-24 25, luhn 1-9 10"),
            ("mod10-731-left", "verhoeff", None, "verhoeff 1-24 25, mod10-731-left 1-9 10"),
            ("damm", "mod97-10", None, "mod97-10 1-24 25, damm 1-9 10"),
            (
                "mod11-2..7-right",
                "mod11-2..7-right",
                Some('X'),
                "mod11-2..7-right X 1-24 25, mod11-2..7-right X 1-9 10",
            ),
        ] {
            let found = learn(&lines(account, whole, ten, 50));
            let show = |p: &Proposal| {
                let ten = p.ten.map(|c| format!(" {c}")).unwrap_or_default();
                format!("{}{ten} {}-{} {}", p.scheme, p.covers.0, p.covers.1, p.digit)
            };
            let shown: Vec<String> = found.iter().map(show).collect();
            for w in want.split(", ") {
                assert!(shown.iter().any(|s| s == w), "{w} not among {shown:?}");
            }
            assert!(found.iter().all(|p| p.kept == 50 && p.of == 50));
        }
    }

    #[test]
    fn few_lines_or_lines_without_a_check_give_nothing() {
        assert_eq!(learn(&lines("luhn", "luhn", None, LEAST_LINES as u64 - 1)), []);
        let random: Vec<String> =
            (1..60u64).map(|n| format!("{:018}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) / 20)).collect();
        assert_eq!(learn(&random), []);
        let constant = vec!["00000000000000".to_owned(); 50];
        assert_eq!(learn(&constant), []);
    }

    #[test]
    fn a_misread_line_in_fifty_does_no_harm_and_the_proposal_is_a_check() {
        let mut lines = lines("luhn", "verhoeff", None, 50);
        lines[7] = lines[7].replacen(|c: char| c.is_ascii_digit(), "x5", 1).replace('x', "");
        lines[9].push('1');
        let found = learn(&lines);
        assert!(found[0].kept >= 48, "{found:?}");
        let file = format!(
            "[[layout]]\nname = \"a\"\nscanline = {{ font = \"ocr-a\", template = \"{{account:10}}{{amount_due:8}}{{due_date:6}}{{check:1}}\" }}\nchecks = [{}]",
            found[0].to_toml()
        );
        let layouts = super::super::layout::Layouts::parse(&file).unwrap();
        assert!(layouts.match_scanline(&lines[0].replace(['>', '<'], ""))[0].checks_hold());
    }
}
