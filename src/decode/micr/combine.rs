//! The scanner's magnetic read beside the optical one, character by character. What both say is surer than either; what one
//! rejects the other may fill; where they truly disagree the character is rejected unless the picture leaves no doubt.

use super::{REJECT, finish};
use crate::domain::{CharRead, MicrRead, PixelBox};

/// Chance that a magnetic reader's character is wrong although it did not reject it.
const MAGNETIC_ERROR: f32 = 0.004;
/// Optical chance from which the picture wins against the magnetic read.
const OVERWHELMING: f32 = 0.999;

/// The product of the characters' chances from which the line is accepted, without and with a routing number that holds.
const ACCEPT: (f32, f32) = (0.97, 0.965);

/// `magnetic`: in our alphabet, `?` for its rejects; blanks do not count. The optical reading's blanks are kept. With no
/// optical characters the magnetic read is given back, not accepted: there is no picture of it.
pub fn combine(optical: &MicrRead, magnetic: &str) -> MicrRead {
    let heard: Vec<char> = magnetic.chars().filter(|c| "0123456789ABCD?".contains(*c)).collect();
    let pairs = aligned(&optical.chars, &heard);
    let matching = pairs.iter().filter(|p| matches!(p, Pair::Both(i, j) if optical.chars[*i].c == heard[*j])).count();
    // A magnetic read of another document must not spoil this one.
    if !optical.chars.is_empty() && matching * 2 < optical.chars.len() {
        return optical.clone();
    }
    let mut chars: Vec<CharRead> = Vec::new();
    // Places in `chars` that begin a group.
    let mut gaps: Vec<usize> = Vec::new();
    let starts = group_starts(&optical.best);
    for pair in pairs {
        let read = match pair {
            Pair::Both(i, j) => {
                if starts.contains(&i) {
                    gaps.push(chars.len());
                }
                both(&optical.chars[i], heard[j])
            }
            Pair::Seen(i) => {
                if starts.contains(&i) {
                    gaps.push(chars.len());
                }
                let seen = &optical.chars[i];
                // Ink that the magnet did not hear: pen strokes do that.
                let confidence = if heard.is_empty() { seen.confidence } else { seen.confidence.min(0.85) };
                CharRead { confidence, ..seen.clone() }
            }
            Pair::Heard(j) => {
                let before = chars.last().map(|c| c.bbox).unwrap_or_default();
                let bbox = PixelBox { x: before.x + before.w, ..before };
                CharRead { c: if heard[j] == '?' { '0' } else { heard[j] }, confidence: 0.5, bbox }
            }
        };
        chars.push(read);
    }
    let confidence = chars.iter().map(|c| c.confidence).product();
    let mut read = finish(chars, &gaps, confidence, ACCEPT);
    if optical.chars.is_empty() {
        read.accepted = false;
    }
    read
}

fn both(seen: &CharRead, heard: char) -> CharRead {
    let doubt = 1.0 - seen.confidence;
    let (c, confidence) = if heard == '?' {
        (seen.c, seen.confidence)
    } else if heard == seen.c {
        // Both wrong in the same way: one of the other symbols, by chance.
        (seen.c, 1.0 - doubt * MAGNETIC_ERROR.max(0.02))
    } else if seen.confidence >= OVERWHELMING {
        (seen.c, 0.97)
    } else if seen.confidence < 0.5 {
        // The picture is no witness; the magnet's word stands.
        (heard, 0.97)
    } else {
        (seen.c, 0.5)
    };
    CharRead { c, confidence, bbox: seen.bbox }
}

enum Pair {
    Both(usize, usize),
    Seen(usize),
    Heard(usize),
}

/// The cheapest alignment: a match is free, a reject nearly, another character costs 1, a missing one 1.1.
fn aligned(seen: &[CharRead], heard: &[char]) -> Vec<Pair> {
    const MISSING: f32 = 1.1;
    let (n, m) = (seen.len(), heard.len().min(200));
    let cost = |i: usize, j: usize| match heard[j] {
        '?' => 0.1,
        c if c == seen[i].c => 0.0,
        _ => 1.0,
    };
    let mut table = vec![vec![0.0f32; m + 1]; n + 1];
    for i in 0..=n {
        for j in 0..=m {
            table[i][j] = match (i, j) {
                (0, _) => j as f32 * MISSING,
                (_, 0) => i as f32 * MISSING,
                _ => (table[i - 1][j - 1] + cost(i - 1, j - 1))
                    .min(table[i - 1][j] + MISSING)
                    .min(table[i][j - 1] + MISSING),
            };
        }
    }
    let (mut i, mut j) = (n, m);
    let mut out = Vec::new();
    while i > 0 || j > 0 {
        if i > 0 && j > 0 && table[i][j] == table[i - 1][j - 1] + cost(i - 1, j - 1) {
            (i, j) = (i - 1, j - 1);
            out.push(Pair::Both(i, j));
        } else if i > 0 && (j == 0 || table[i][j] == table[i - 1][j] + MISSING) {
            i -= 1;
            out.push(Pair::Seen(i));
        } else {
            j -= 1;
            out.push(Pair::Heard(j));
        }
    }
    out.reverse();
    out
}

/// Numbers of the characters that stand after a blank.
fn group_starts(best: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut n = 0;
    for c in best.chars() {
        if c == ' ' { starts.push(n) } else { n += 1 }
    }
    starts
}

/// Is a character of this confidence shown as read?
pub(super) fn is_sure(read: &CharRead) -> bool {
    read.confidence >= REJECT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An optical reading: characters, and their confidences as digits (9 = 0.9999, 8 = 0.97, 5 = 0.6, 2 = 0.3).
    fn optical(best: &str, sure: &str) -> MicrRead {
        let chance = |d: char| match d {
            '9' => 0.9999,
            '8' => 0.97,
            '5' => 0.6,
            _ => 0.3,
        };
        let kept = best.chars().filter(|c| *c != ' ');
        let chars: Vec<CharRead> = kept
            .zip(sure.chars())
            .map(|(c, d)| CharRead { c, confidence: chance(d), bbox: PixelBox::default() })
            .collect();
        let gaps = group_starts(best);
        let confidence = chars.iter().map(|c| c.confidence).product();
        finish(chars, &gaps, confidence, ACCEPT)
    }

    #[test]
    fn two_readings_become_one() {
        // optical | its sureness | magnetic | text | accepted
        let table = "
            A121042882A 12C34 | 9999999999999999 | A121042882A12C34    | A121042882A 12C34 | yes
            A121042882A 12C34 | 9999999999988888 | A121042882A 12C34   | A121042882A 12C34 | yes
            A121042882A 12C34 | 9999999999999999 | A1210?2882A12C34    | A121042882A 12C34 | yes
            A121042882A 12C34 | 9999999999999959 | A121042882A12C34    | A121042882A 12C34 | yes
            A121042882A 17C34 | 9999999999992999 | A121042882A12C34    | A121042882A 12C34 | yes
            A121042882A 17C34 | 9999999999998999 | A121042882A12C34    | A121042882A 1?C34 | no
            A121042882A 17C34 | 9999999999999999 | A121042882A12C34    | A121042882A 17C34 | yes
            A121042882A 12C3  | 999999999999999  | A121042882A12C34    | A121042882A 12C3? | no
            A121042883A 12C34 | 9999999999999999 | A121042883A12C34    | A121042883A 12C34 | no
            A121042882A 12C34 | 9999999999999999 | A999999999A888      | A121042882A 12C34 | yes
            A121042882A 12C34 | 9999999999999999 | A121042882A1C34     | A121042882A 12C34 | no
            A121042882A 12C34 | 9999599999999999 | A121?42882A12C34    | A121?42882A 12C34 | no
            A121042882A 17C34 | 9999999999995999 | A121042882A12C34    | A121042882A 1?C34 | no
            A121042882A 12C34 | 9999999999999999 | A121042882A12C345   | A121042882A 12C34? | no
            A121042882A 12C34 | 9999999999999999 |                     | A121042882A 12C34 | yes
        ";
        for row in table.lines().filter(|l| l.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let got = combine(&optical(cells[0], cells[1]), cells[2]);
            assert_eq!((got.text.as_str(), got.accepted), (cells[3], cells[4] == "yes"), "{row}");
        }
    }

    #[test]
    fn a_magnetic_read_without_a_picture_is_not_accepted() {
        let got = combine(&super::super::nothing(), "A121042882A12C34");
        assert_eq!((got.best.as_str(), got.accepted), ("A121042882A12C34", false));
    }
}
