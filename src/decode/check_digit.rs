//! Check digits of account numbers and stub lines. A weighted scheme is data (modulus, weights, from which end, how the
//! sum becomes a digit); the few that are not weighted sums have a name. Positions count the characters of the fields of
//! a line without blanks and literals, from 1. Refuses what it cannot reckon: a position past the end, a character that
//! the scheme does not know. Sources: ISO 7064, ISO 11649, ISO/IEC 7812 (Luhn), X9.100-160 routing rule, own vectors.

use serde::{Deserialize, Serialize};

/// Where the first weight goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Anchor {
    /// To the first digit.
    Left,
    /// To the digit next to the check digit.
    Right,
}

/// How the remainder of the sum becomes the check digit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What is missing to the next multiple of the modulus.
    Complement,
    /// The remainder itself.
    Remainder,
}

/// What a letter among the covered characters counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Letters {
    /// There are none: a letter fails the check.
    #[default]
    None,
    /// As if it were not there.
    Ignore,
    /// A = 1 to I = 9, J = 1 and so on.
    OneToNine,
    /// A = 10 to Z = 35.
    FromTen,
    /// Its ASCII code less 48.
    AsciiLess48,
}

/// A sum of digits times weights, or (without weights) the digits taken as one number, modulo something up to 100.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weighted {
    pub modulus: u32,
    /// Repeated over the payload; empty: the payload is one number.
    pub weights: Vec<u32>,
    pub anchor: Anchor,
    /// A two-digit product counts as the sum of its digits.
    pub split: bool,
    pub outcome: Outcome,
    /// What is printed for 10; without it such a number is never issued.
    pub ten: Option<char>,
    /// What is printed for 0 instead of `0` (moduli 7 and 9).
    pub zero: Option<char>,
    pub letters: Letters,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scheme {
    Weighted(Weighted),
    Verhoeff,
    Damm,
    /// Value mod 97, 97 for 0; two digits (Belgium).
    Mod97,
    /// ISO 7064, two digits.
    Mod97Ten,
    Mod11Two,
    Mod11Ten,
    Mod37Two,
    Mod37ThirtySix,
    /// Recursive mod 10 of the Swiss payment slip.
    Recursive,
    /// ISO 11649 creditor reference: two digits that stand after `RF`, before the payload.
    CreditorReference,
}

/// Name, modulus, weights, anchor, split, outcome.
type NamedWeights = (&'static str, u32, &'static [u32], Anchor, bool, Outcome);

/// The weighted schemes that have a name.
const WEIGHTED: &[NamedWeights] = &[
    ("luhn", 10, &[2, 1], Anchor::Right, true, Outcome::Complement),
    ("routing", 10, &[3, 7, 1], Anchor::Left, false, Outcome::Complement),
    ("mod10-21-left", 10, &[2, 1], Anchor::Left, true, Outcome::Complement),
    ("mod10-12-left", 10, &[1, 2], Anchor::Left, true, Outcome::Complement),
    ("mod10-12-left-remainder", 10, &[1, 2], Anchor::Left, true, Outcome::Remainder),
    ("mod10-21-right-nosplit", 10, &[2, 1], Anchor::Right, false, Outcome::Complement),
    ("mod10-731-left", 10, &[7, 3, 1], Anchor::Left, false, Outcome::Complement),
    ("mod10-731-right", 10, &[7, 3, 1], Anchor::Right, false, Outcome::Complement),
    ("mod10-7532-left", 10, &[7, 5, 3, 2], Anchor::Left, false, Outcome::Complement),
    ("mod10-137-left", 10, &[1, 3, 7], Anchor::Left, false, Outcome::Complement),
    ("mod10-31-right", 10, &[3, 1], Anchor::Right, false, Outcome::Complement),
    ("mod10-9731-left", 10, &[9, 7, 3, 1], Anchor::Left, false, Outcome::Complement),
    ("mod11-2..7-right", 11, &[2, 3, 4, 5, 6, 7], Anchor::Right, false, Outcome::Complement),
    ("mod11-2..10-right", 11, &[2, 3, 4, 5, 6, 7, 8, 9, 10], Anchor::Right, false, Outcome::Complement),
    ("mod11-7..2-left", 11, &[7, 6, 5, 4, 3, 2], Anchor::Left, false, Outcome::Complement),
    ("mod9-sum", 9, &[1], Anchor::Left, false, Outcome::Complement),
    ("mod7-sum-12", 7, &[1, 2], Anchor::Left, false, Outcome::Complement),
    ("value-mod-9", 9, &[], Anchor::Left, false, Outcome::Remainder),
    ("value-mod-7", 7, &[], Anchor::Left, false, Outcome::Remainder),
];

const NAMED: &[(&str, Scheme)] = &[
    ("verhoeff", Scheme::Verhoeff),
    ("damm", Scheme::Damm),
    ("mod97", Scheme::Mod97),
    ("mod97-10", Scheme::Mod97Ten),
    ("mod11-2", Scheme::Mod11Two),
    ("mod11-10", Scheme::Mod11Ten),
    ("mod37-2", Scheme::Mod37Two),
    ("mod37-36", Scheme::Mod37ThirtySix),
    ("mod10-recursive", Scheme::Recursive),
    ("iso11649", Scheme::CreditorReference),
];

const VERHOEFF_TURN: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
const DAMM: [&[u8; 10]; 10] = [
    b"0317598642",
    b"7092154863",
    b"4206871359",
    b"1750983426",
    b"6123045978",
    b"3674209581",
    b"5869720134",
    b"8945362017",
    b"9438617205",
    b"2581436790",
];
const RECURSIVE: &[u8; 10] = b"0946827135";
const ALPHANUMERIC: &[u8; 37] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*";

impl Weighted {
    fn value(&self, c: char) -> Result<Option<u32>, ()> {
        if let Some(digit) = c.to_digit(10) {
            return Ok(Some(digit));
        }
        let place = match c {
            'A'..='Z' => c as u32 - 'A' as u32,
            _ => return Err(()),
        };
        match self.letters {
            Letters::None => Err(()),
            Letters::Ignore => Ok(None),
            Letters::OneToNine => Ok(Some(place % 9 + 1)),
            Letters::FromTen => Ok(Some(place + 10)),
            Letters::AsciiLess48 => Ok(Some(c as u32 - 48)),
        }
    }

    /// The sum of the terms, taken modulo the modulus only for a payload read as one number.
    fn sum(&self, payload: &str) -> Option<u32> {
        let mut values = Vec::with_capacity(payload.len());
        for c in payload.chars() {
            values.extend(self.value(c).ok()?);
        }
        if self.weights.is_empty() {
            let step = |sum: u32, v: &u32| (sum * if *v > 9 { 100 } else { 10 } + v) % self.modulus;
            return Some(values.iter().fold(0, step));
        }
        if self.anchor == Anchor::Right {
            values.reverse();
        }
        let term = |(v, w): (&u32, &u32)| if self.split { v * w / 10 + v * w % 10 } else { v * w };
        Some(values.iter().zip(self.weights.iter().cycle()).map(term).sum())
    }

    fn check(&self, payload: &str) -> Option<String> {
        let rest = self.sum(payload)? % self.modulus;
        let digit = match self.outcome {
            Outcome::Complement => (self.modulus - rest) % self.modulus,
            Outcome::Remainder => rest,
        };
        match digit {
            0 if self.zero.is_some() => self.zero.map(String::from),
            10 if self.modulus == 11 => self.ten.map(String::from),
            _ if self.modulus > 11 => Some(format!("{digit:02}")),
            _ => Some(digit.to_string()),
        }
    }
}

impl Scheme {
    /// A scheme by the name that a layout file gives it.
    pub fn named(name: &str) -> Option<Scheme> {
        if let Some((_, scheme)) = NAMED.iter().find(|(n, _)| *n == name) {
            return Some(scheme.clone());
        }
        WEIGHTED.iter().find(|w| w.0 == name).map(|(_, modulus, weights, anchor, split, outcome)| {
            Scheme::Weighted(Weighted {
                modulus: *modulus,
                weights: weights.to_vec(),
                anchor: *anchor,
                split: *split,
                outcome: *outcome,
                ten: None,
                zero: None,
                letters: Letters::None,
            })
        })
    }

    /// Every name that [`Scheme::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        WEIGHTED.iter().map(|w| w.0).chain(NAMED.iter().map(|n| n.0))
    }

    /// How many characters the check takes on the line.
    pub fn length(&self) -> usize {
        match self {
            Scheme::Mod97 | Scheme::Mod97Ten | Scheme::CreditorReference => 2,
            Scheme::Weighted(w) if w.modulus > 11 => 2,
            _ => 1,
        }
    }

    /// The check characters that belong to this payload; `None` where the scheme has none for it: a character that it
    /// does not know, an empty payload, or a result that is never issued.
    pub fn check(&self, payload: &str) -> Option<String> {
        if payload.is_empty() {
            return None;
        }
        match self {
            Scheme::Weighted(weighted) => weighted.check(payload),
            Scheme::Verhoeff => verhoeff(payload),
            Scheme::Damm => {
                let step = |state: usize, d: usize| (DAMM[state][d] - b'0') as usize;
                Some(digits(payload)?.into_iter().fold(0, step).to_string())
            }
            Scheme::Mod97 => {
                let rest = remainder97(&digits(payload)?, 10);
                Some(format!("{:02}", if rest == 0 { 97 } else { rest }))
            }
            Scheme::Mod97Ten => {
                let rest = remainder97(&digits(payload)?, 10);
                Some(format!("{:02}", 98 - rest * 100 % 97))
            }
            Scheme::Mod11Two => {
                let rest = digits(payload)?.into_iter().fold(0, |p, d| (p + d) * 2 % 11);
                Some(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'X'][(12 - rest) % 11].to_string())
            }
            Scheme::Mod11Ten => hybrid(digits(payload)?, 10).map(|d| d.to_string()),
            Scheme::Mod37Two => {
                let rest = alphanumeric(payload)?.into_iter().fold(0, |p, d| (p + d) * 2 % 37);
                Some((ALPHANUMERIC[(38 - rest) % 37] as char).to_string())
            }
            Scheme::Mod37ThirtySix => hybrid(alphanumeric(payload)?, 36).map(|d| (ALPHANUMERIC[d] as char).to_string()),
            Scheme::Recursive => {
                let carry = digits(payload)?.into_iter().fold(0, |c, d| (RECURSIVE[(c + d) % 10] - b'0') as usize);
                Some(((10 - carry) % 10).to_string())
            }
            Scheme::CreditorReference => {
                let values = alphanumeric(&format!("{payload}RF00"))?;
                Some(format!("{:02}", 98 - remainder97(&values, 10)))
            }
        }
    }
}

fn digits(payload: &str) -> Option<Vec<usize>> {
    payload.chars().map(|c| c.to_digit(10).map(|d| d as usize)).collect()
}

fn alphanumeric(payload: &str) -> Option<Vec<usize>> {
    payload.bytes().map(|b| ALPHANUMERIC[..36].iter().position(|a| *a == b)).collect()
}

/// The value mod 97; letters count as two digits.
fn remainder97(values: &[usize], base: usize) -> usize {
    values.iter().fold(0, |rest, v| (rest * if *v > 9 { base * base } else { base } + v) % 97)
}

/// ISO 7064's hybrid systems: modulus + 1 and modulus.
fn hybrid(values: Vec<usize>, modulus: usize) -> Option<usize> {
    let product = values.into_iter().fold(modulus, |p, v| {
        let sum = (p + v) % modulus;
        (if sum == 0 { modulus } else { sum }) * 2 % (modulus + 1)
    });
    Some((modulus + 1 - product) % modulus)
}

fn verhoeff(payload: &str) -> Option<String> {
    // The dihedral group of the pentagon: 0 to 4 are turns, 5 to 9 are flips.
    let product = |a: usize, b: usize| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a - 5 + 5 - (b - 5)) % 5,
    };
    let turned = |d: usize, times: usize| (0..times % 8).fold(d, |d, _| VERHOEFF_TURN[d] as usize);
    let reversed = digits(payload)?.into_iter().rev().enumerate();
    let state = reversed.fold(0, |state, (i, d)| product(state, turned(d, i + 1)));
    Some(if state < 5 { (5 - state) % 5 } else { state }.to_string())
}

/// One check of a line: which characters it covers and where its own stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// As people read it: the scheme's name or its model.
    pub name: String,
    pub scheme: Scheme,
    /// Positions from 1, in the order in which they are reckoned.
    pub covers: Vec<usize>,
    /// Position of the (first) check character.
    pub digit: usize,
}

impl Check {
    /// Does it hold over these characters (the fields of a line, joined)?
    pub fn holds(&self, characters: &[char]) -> bool {
        let at = |position: usize| position.checked_sub(1).and_then(|i| characters.get(i));
        let payload: Option<String> = self.covers.iter().map(|p| at(*p)).collect();
        let printed: Option<String> = (self.digit..self.digit + self.scheme.length()).map(at).collect();
        match (payload.and_then(|p| self.scheme.check(&p)), printed) {
            (Some(want), Some(printed)) => want == printed,
            _ => false,
        }
    }

    /// The largest position that it needs.
    pub fn reach(&self) -> usize {
        self.covers.iter().copied().max().unwrap_or(0).max(self.digit + self.scheme.length() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(scheme: &str, payload: &str, check: &str) {
        let scheme_of = Scheme::named(scheme).unwrap_or_else(|| panic!("no scheme {scheme}"));
        assert_eq!(scheme_of.check(payload).as_deref(), Some(check), "{scheme} of {payload}");
    }

    /// Payload and, in the order of the columns, the checks.
    const WEIGHTED_FACTS: &str = "
        luhn 12345678 2 00345678901 9 4000123456789 9 0012500987 8 9876543210 3 7992739871 3
        routing 12104288 2 02100002 1 06110002 0 12345678 0
        mod10-21-left 12345678 6 00345678901 9 4000123456789 9 0012500987 2 9876543210 7
        mod10-12-left 12345678 2 00345678901 7 4000123456789 9
        mod10-12-left-remainder 12345678 8 00345678901 3 4000123456789 1
        mod10-21-right-nosplit 12345678 4 00345678901 2 4000123456789 2
        mod10-731-left 12345678 2 00345678901 3 4000123456789 5
        mod10-731-right 12345678 0 00345678901 1 4000123456789 9
        mod10-7532-left 12345678 4 00345678901 5 4000123456789 3
        mod10-137-left 12345678 0 00345678901 1 4000123456789 7
        mod10-31-right 12345678 4 00345678901 7 4000123456789 3
        mod10-9731-left 12345678 8 00345678901 7 4000123456789 1
        mod11-2..7-right 12345678 5 00345678901 2 4000123456789 5
        mod11-2..10-right 12345678 9 00345678901 7 4000123456789 1 4830217 1
        mod11-7..2-left 12345678 2 00345678901 6 9876543210 0
        mod9-sum 12345678 0 00345678901 2 4000123456789 5
        mod7-sum-12 12345678 0 00345678901 2 0012500987 6
        value-mod-9 12345678 0 00345678901 7 value-mod-7 12345678 2 9876543210 2
        mod97 12345678 03 1234567890 02 00345678901 01 9876543210 09
        mod97-10 12345678 89 1234567890 92 00345678901 95
        mod11-2 12345678 9 0794 0 079 X 00345678901 6 9876543210 3
        mod11-10 12345678 8 794623 9 00345678901 7
        mod37-2 12345678 X A12425GABC1234002 5 00345678901 O 0012500987 D
        mod37-36 12345678 W A12425GABC1234002 M 00345678901 2
        verhoeff 236 3 12345678 4 00345678901 7 4000123456789 4
        damm 572 4 12345678 6 00345678901 5 9876543210 3
        mod10-recursive 21000000000313947143000901 7 12345678 6 00345678901 5
        iso11649 539007547034 18 INV00017731 44 2348236 33
    ";

    #[test]
    fn known_vectors() {
        let mut words = WEIGHTED_FACTS.split_whitespace().peekable();
        let (mut scheme, mut facts) = ("", 0);
        while let Some(word) = words.next() {
            if Scheme::named(word).is_some() {
                scheme = word;
                continue;
            }
            is(scheme, word, words.next().expect("a check after each payload"));
            facts += 1;
        }
        assert!(facts > 80, "{facts} facts");
    }

    #[test]
    fn every_vector_of_the_shared_table() {
        let Ok(shared) = std::env::var("REMIT_SHARED") else {
            eprintln!("SKIPPED: REMIT_SHARED is not set, the table of 150 vectors was not read");
            return;
        };
        let table = std::fs::read_to_string(format!("{shared}/data/check-digits.tsv")).unwrap();
        let mut vectors = 0;
        for line in table.lines().filter(|l| !l.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            vectors += 1;
            if let [_, modulus, weights, anchor, split, outcome, payload, _, _, check] = columns[..] {
                let scheme = Weighted {
                    modulus: modulus.parse().unwrap(),
                    weights: weights.split(',').map(|w| w.parse().unwrap()).collect(),
                    anchor: if anchor == "L" { Anchor::Left } else { Anchor::Right },
                    split: split == "y",
                    outcome: if outcome == "complement" { Outcome::Complement } else { Outcome::Remainder },
                    ten: Some('X'),
                    zero: None,
                    letters: Letters::None,
                };
                assert_eq!(scheme.check(payload).as_deref(), Some(check), "{line}");
                continue;
            }
            let [name, payload, check] = columns[..] else { panic!("{line}") };
            let rest = |modulus: u32, outcome, zero| {
                let weighted = Weighted {
                    modulus,
                    weights: vec![],
                    anchor: Anchor::Left,
                    split: false,
                    outcome,
                    ten: None,
                    zero,
                    letters: Letters::None,
                };
                Scheme::Weighted(weighted)
            };
            let scheme = match name {
                "value mod 9" => rest(9, Outcome::Remainder, None),
                "value mod 7" => rest(7, Outcome::Remainder, None),
                "9 - value mod 9" => rest(9, Outcome::Complement, Some('9')),
                "7 - value mod 7" => rest(7, Outcome::Complement, Some('7')),
                "value mod 97, 0 -> 97 (Belgian)" => Scheme::Mod97,
                "ISO 7064 mod 97-10 (98 - 100n mod 97)" => Scheme::Mod97Ten,
                "ISO 7064 mod 11-2" => Scheme::Mod11Two,
                "ISO 7064 mod 11,10" => Scheme::Mod11Ten,
                "ISO 7064 mod 37-2" => Scheme::Mod37Two,
                "ISO 7064 mod 37,36" => Scheme::Mod37ThirtySix,
                "Verhoeff" => Scheme::Verhoeff,
                "Damm" => Scheme::Damm,
                "mod 10 recursive (QRR/ISR)" => Scheme::Recursive,
                "ISO 11649 RF" => Scheme::CreditorReference,
                other => panic!("{other}"),
            };
            let found = scheme.check(payload).unwrap();
            let want = check.strip_prefix("RF").map_or(check, |rest| &rest[..2]);
            assert_eq!(found, want, "{line}");
        }
        assert_eq!(vectors, 150);
    }

    #[test]
    fn specials_letters_and_what_is_refused() {
        let eleven = |ten| {
            let Some(Scheme::Weighted(w)) = Scheme::named("mod11-2..7-right") else { panic!() };
            Weighted { ten, ..w }
        };
        // 6 x 2 = 12, 12 mod 11 = 1, 11 - 1 = 10.
        assert_eq!(eleven(Some('X')).check("6").as_deref(), Some("X"));
        assert_eq!(eleven(Some('0')).check("6").as_deref(), Some("0"));
        assert_eq!(eleven(None).check("6"), None);
        let Some(Scheme::Weighted(luhn)) = Scheme::named("luhn") else { panic!() };
        for (letters, check) in [
            (Letters::None, None),
            (Letters::Ignore, Some("8")),
            (Letters::OneToNine, Some("7")),
            (Letters::FromTen, Some("7")),
        ] {
            assert_eq!(Weighted { letters, ..luhn.clone() }.check("A1").as_deref(), check, "{letters:?}");
        }
        assert_eq!(Scheme::Damm.check("12a"), None);
        assert_eq!(Scheme::Verhoeff.check(""), None);
        assert_eq!(Scheme::named("moon"), None);
    }

    #[test]
    fn a_check_knows_its_positions() {
        let check =
            Check { name: "luhn".into(), scheme: Scheme::named("luhn").unwrap(), covers: (1..=9).collect(), digit: 10 };
        let holds = |text: &str| check.holds(&text.chars().collect::<Vec<_>>());
        assert!(holds("31812708970001465100015384010"));
        assert!(!holds("31821708970001465100015384010"));
        assert!(!holds("318127089"), "the check digit is missing");
        assert_eq!(check.reach(), 10);
    }
}
