//! A scanner's magnetic read, brought into our alphabet: `A` transit, `B` amount, `C` on-us, `D` dash, `?` rejected.
//! Makers write the four symbols and the reject mark each in their own way, so the alphabet is learnt from the shape of a
//! whole column: the transit symbol encloses nine digits, the amount symbol ten at the end of the line, the on-us symbol
//! stands in nearly every line, the dash stands between digits, and what remains is a reject mark.

use std::collections::BTreeMap;

use crate::domain::RoutingNumber;

/// What each foreign character means. A character that is in none of these is a reject mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alphabet {
    pub transit: char,
    pub amount: Option<char>,
    pub on_us: Option<char>,
    pub dash: Vec<char>,
}

/// Alphabets of known makers: transit, amount, on-us, dashes. The last are the symbols' own Unicode characters.
const KNOWN: &[(char, char, char, &[char])] = &[
    ('A', 'B', 'C', &['D']),
    ('t', 'a', 'o', &['-', 'd']),
    ('T', '$', 'U', &['-']),
    (':', ';', '<', &['=']),
    ('d', '#', 'c', &['-']),
    ('\u{2446}', '\u{2447}', '\u{2448}', &['\u{2449}']),
];

/// Characters that makers print for "not read". No alphabet uses them for a symbol.
const USUAL_REJECTS: [char; 4] = ['?', '@', '!', '*'];

impl Alphabet {
    /// The text in our alphabet, one blank per gap.
    pub fn translate(&self, line: &str) -> String {
        let mut text = String::with_capacity(line.len());
        for c in line.trim().chars() {
            let ours = match c {
                '0'..='9' => c,
                c if c.is_whitespace() => {
                    if text.ends_with(' ') {
                        continue;
                    }
                    ' '
                }
                c if c == self.transit => 'A',
                c if self.amount == Some(c) => 'B',
                c if self.on_us == Some(c) => 'C',
                c if self.dash.contains(&c) => 'D',
                _ => '?',
            };
            text.push(ours);
        }
        text
    }

    /// Learns the alphabet of a column of reads. `None` when no character encloses nine digits anywhere.
    pub fn learn<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Alphabet> {
        let lines: Vec<Vec<char>> = lines.into_iter().map(|l| l.trim().chars().collect()).collect();
        let seen = symbols(&lines);
        let transit = transit_of(&lines)?;
        if let Some(&(_, amount, on_us, dash)) = KNOWN.iter().find(|k| k.0 == transit) {
            let belongs = |c: &char| *c == transit || *c == amount || *c == on_us || dash.contains(c);
            // A maker's other symbols may be missing from a short column; foreign ones are its reject marks, and those
            // are rare. A frequent foreign character means that the likeness to a known maker is chance.
            let foreign: usize = seen.iter().filter(|(c, _)| !belongs(c)).map(|(_, s)| s.lines).max().unwrap_or(0);
            let on_us_lines = seen.get(&on_us).map_or(0, |s| s.lines);
            if on_us_lines >= foreign {
                return Some(Alphabet { transit, amount: Some(amount), on_us: Some(on_us), dash: dash.to_vec() });
            }
        }
        Some(by_shape(&lines, &seen, transit))
    }
}

#[derive(Default)]
struct Seen {
    /// Lines that hold the character.
    lines: usize,
    total: usize,
    /// Stands between two digits.
    between_digits: usize,
}

fn is_symbol(c: char) -> bool {
    !c.is_ascii_digit() && !c.is_whitespace()
}

fn symbols(lines: &[Vec<char>]) -> BTreeMap<char, Seen> {
    let mut seen: BTreeMap<char, Seen> = BTreeMap::new();
    for line in lines {
        let mut here: Vec<char> = line.iter().copied().filter(|c| is_symbol(*c)).collect();
        here.sort_unstable();
        here.dedup();
        for c in here {
            seen.entry(c).or_default().lines += 1;
        }
        for (i, &c) in line.iter().enumerate().filter(|(_, c)| is_symbol(**c)) {
            let digit = |at: Option<usize>| at.and_then(|a| line.get(a)).is_some_and(char::is_ascii_digit);
            let entry = seen.entry(c).or_default();
            entry.total += 1;
            entry.between_digits += usize::from(digit(i.checked_sub(1)) && digit(i.checked_add(1)));
        }
    }
    seen
}

/// The character that most often encloses nine digits; a passing check digit counts double. Canadian fields (five digits,
/// a dash, three digits) count too.
fn transit_of(lines: &[Vec<char>]) -> Option<char> {
    let mut score: BTreeMap<char, usize> = BTreeMap::new();
    for line in lines {
        for field in line.windows(11).filter(|w| is_symbol(w[0]) && w[0] == w[10]) {
            let inner = &field[1..10];
            let digits = inner.iter().filter(|c| c.is_ascii_digit()).count();
            let points = match digits {
                9 => 2 + 2 * usize::from(RoutingNumber::new(&inner.iter().collect::<String>()).is_ok()),
                8 if is_symbol(inner[5]) => 1,
                _ => continue,
            };
            *score.entry(field[0]).or_default() += points;
        }
    }
    score.into_iter().max_by_key(|&(c, points)| (points, std::cmp::Reverse(c))).map(|(c, _)| c)
}

fn by_shape(lines: &[Vec<char>], seen: &BTreeMap<char, Seen>, transit: char) -> Alphabet {
    let mut shape: BTreeMap<char, (usize, usize)> = BTreeMap::new();
    for line in lines {
        for field in line.windows(11).filter(|w| w[0] == transit && w[10] == transit) {
            for (at, &c) in field[1..10].iter().enumerate().filter(|(_, c)| is_symbol(**c)) {
                if at != 5 {
                    shape.entry(c).or_default().0 += 1;
                }
            }
        }
        if let [.., first, a, b, c, d, e, f, g, h, i, j, last] = line.as_slice()
            && first == last
            && is_symbol(*first)
            && [a, b, c, d, e, f, g, h, i, j].iter().all(|x| x.is_ascii_digit())
        {
            shape.entry(*first).or_default().1 += 1;
        }
    }
    let in_transit = |c: &char| shape.get(c).map_or(0, |s| s.0);
    let as_amount = |c: &char| shape.get(c).map_or(0, |s| s.1);
    let mut left: Vec<char> =
        seen.keys().copied().filter(|c| *c != transit && !USUAL_REJECTS.contains(c) && in_transit(c) == 0).collect();
    // On-us: in the most lines, and not always between digits as a dash is.
    let on_us =
        left.iter().copied().max_by_key(|c| seen.get(c).map_or((0, 0), |s| (s.lines, s.total - s.between_digits)));
    left.retain(|c| Some(*c) != on_us);
    let amount = left.iter().copied().filter(|c| as_amount(c) > 0).max_by_key(as_amount);
    left.retain(|c| Some(*c) != amount);
    let dash = left.into_iter().filter(|c| seen.get(c).is_some_and(|s| s.between_digits * 10 >= s.total * 9)).collect();
    Alphabet { transit, amount, on_us, dash }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 6] = [
        "A081913598A 175525C7655",
        "C644926C A022393944A 003536175C",
        "A025604012A 00D06229377C 8468",
        "A031141828A 00D0804263C 8554 B0000005100B",
        "A1256?2617A 00094?401C9528",
        "C598034C A324925939A 7854593C",
    ];

    /// Writes our lines in a maker's alphabet and expects them back.
    fn check(symbols: &str, reject: char, lines: &[&str]) {
        let maker: Vec<char> = symbols.chars().collect();
        let foreign: Vec<String> = lines
            .iter()
            .map(|line| {
                line.chars()
                    .map(|c| match c {
                        'A'..='D' => maker[c as usize - 'A' as usize],
                        '?' => reject,
                        c => c,
                    })
                    .collect()
            })
            .collect();
        let alphabet = Alphabet::learn(foreign.iter().map(String::as_str)).unwrap();
        for (ours, theirs) in lines.iter().zip(&foreign) {
            assert_eq!(&alphabet.translate(theirs), ours, "{symbols} {reject} {theirs}");
        }
    }

    #[test]
    fn the_alphabet_is_learnt_from_the_shape() {
        for symbols in ["ABCD", "tao-", "taod", "T$U-", ":;<=", "d#c-", "⑆⑇⑈⑉", "TAOD", "%&/+", "CBAD", "xyzw"]
        {
            for reject in ['?', '@', '!', '*', '~'] {
                check(symbols, reject, &LINES);
            }
        }
        // One line is enough where it has the shape.
        for symbols in ["ABCD", "tao-", "T$U-", ":;<=", "d#c-", "XYZW"] {
            check(symbols, '?', &["A125682617A 000940401C9528"]);
        }
    }

    #[test]
    fn no_transit_field_no_alphabet() {
        assert_eq!(Alphabet::learn(["", "12345", "A12A"]), None);
        assert_eq!(Alphabet::learn([]), None);
    }
}
