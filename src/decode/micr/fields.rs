//! The fields of an E-13B line by the order in which the trade prints them: auxiliary on-us, EPC, transit, on-us, amount.
//! A rejected character (`?`) counts as a digit in its field. What does not fit a field stays unread, nothing is guessed.

use crate::domain::{Cents, MicrFields};

/// Splits a line (digits, `A` transit, `B` amount, `C` on-us, `D` dash, `?`, spaces) into its fields.
pub fn fields(line: &str) -> MicrFields {
    let mut out = MicrFields::default();
    let Some((left, transit, right)) = at_transit(line) else { return out };
    out.country = Some(if is_shape(transit, &[5, 3]) { "CA" } else { "US" }.to_string());
    out.routing = Some(transit.replace('D', "-"));
    if transit.len() == 9 && !transit.contains('D') {
        out.routing_valid = Some(check_digit_holds(transit));
    }

    // Left of the transit field: C serial C, then perhaps one digit of the external processing code.
    let mut left_parts = left.rsplitn(2, 'C');
    let nearest = left_parts.next().unwrap_or("").trim();
    if let Some(rest) = left_parts.next() {
        let inside = rest.rsplit('C').next().unwrap_or("");
        out.aux_on_us = some(dashed(inside));
        out.epc = Some(nearest.to_string()).filter(|e| is_code(e, 1, 1));
    } else {
        out.epc = Some(nearest.to_string()).filter(|e| is_code(e, 1, 1));
    }

    let (on_us, amount) = match right.split_once('B') {
        Some((on_us, rest)) => (on_us.trim(), rest.split('B').next()),
        None => (right.trim(), None),
    };
    out.amount = amount.map(squeezed).filter(|a| a.len() == 10).and_then(|a| a.parse().ok()).map(Cents::new);
    out.on_us = some(on_us.to_string());
    split_on_us(on_us, &mut out);
    out
}

/// The text before, between and after the two transit symbols of the field that has a transit number's shape.
fn at_transit(line: &str) -> Option<(&str, &str, &str)> {
    let marks: Vec<usize> = line.match_indices('A').map(|m| m.0).collect();
    marks.windows(2).find_map(|pair| {
        let inside = line[pair[0] + 1..pair[1]].trim();
        let fits = is_code(inside, 9, 9) || is_shape(inside, &[5, 3]) || is_shape(inside, &[4, 4]);
        fits.then(|| (&line[..pair[0]], inside, &line[pair[1] + 1..]))
    })
}

/// Account, serial and transaction code. With an auxiliary field that is the serial; without, the short group before or after
/// the account is.
fn split_on_us(on_us: &str, out: &mut MicrFields) {
    let mut parts: Vec<&str> = on_us.split('C').map(str::trim).filter(|p| !p.is_empty()).collect();
    if out.aux_on_us.is_some() {
        out.serial.clone_from(&out.aux_on_us);
        if parts.len() > 1 {
            out.tran_code = parts.pop().map(squeezed).filter(|t| is_code(t, 1, 3));
        }
        out.account = parts.first().map(|p| dashed(p)).and_then(some);
        return;
    }
    let Some(longest) = (0..parts.len()).max_by_key(|&i| (digits(parts[i]), std::cmp::Reverse(i))) else { return };
    let account_part = parts.remove(longest);
    // `1021 1234567890C`: blanks part the serial from the account.
    let groups: Vec<&str> = account_part.split_whitespace().collect();
    let (first, last) = (groups.first().copied().unwrap_or(""), groups.last().copied().unwrap_or(""));
    let rest = digits(account_part) - digits(first);
    let mut account = account_part.to_string();
    if groups.len() > 1 && is_code(first, 1, 6) && rest > digits(first) {
        out.serial = Some(first.to_string());
        account = groups[1..].concat();
    } else if groups.len() > 1 && parts.is_empty() && is_code(last, 3, 6) && digits(account_part) > 2 * digits(last) {
        out.serial = Some(last.to_string());
        account = groups[..groups.len() - 1].concat();
    }
    for part in parts {
        let code = squeezed(part);
        if out.serial.is_none() && is_code(&code, 1, 7) {
            out.serial = Some(code);
        } else if out.tran_code.is_none() && is_code(&code, 1, 3) {
            out.tran_code = Some(code);
        }
    }
    out.account = some(dashed(&account));
}

pub(super) fn check_digit_holds(nine: &str) -> bool {
    let mut sum = 0;
    for (c, weight) in nine.chars().zip([3, 7, 1].into_iter().cycle()) {
        let Some(digit) = c.to_digit(10) else { return false };
        sum += digit * weight;
    }
    sum % 10 == 0 && nine != "000000000"
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

fn dashed(text: &str) -> String {
    squeezed(text).replace('D', "-")
}

fn digits(text: &str) -> usize {
    text.chars().filter(|c| c.is_ascii_digit() || *c == '?').count()
}

/// Only digits (or rejects), so many of them.
fn is_code(text: &str, least: usize, most: usize) -> bool {
    let n = text.chars().count();
    (least..=most).contains(&n) && digits(text) == n
}

/// Groups of so many digits between dashes.
fn is_shape(text: &str, lengths: &[usize]) -> bool {
    let groups: Vec<&str> = text.split('D').collect();
    groups.len() == lengths.len() && groups.iter().zip(lengths).all(|(g, n)| is_code(g, *n, *n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_document_falls_into_its_fields() {
        check(
            "
            A061000146A 12345678C 0101                 | -      | - | 061000146 | yes | 12345678   | 0101   | -  | -      | US
            A061000146A 0101 12345678C                 | -      | - | 061000146 | yes | 12345678   | 0101   | -  | -      | US
            A061000146A 1234D5678C 0101                | -      | - | 061000146 | yes | 1234-5678  | 0101   | -  | -      | US
            A061000146A 12345678C 0101 B0000012345B    | -      | - | 061000146 | yes | 12345678   | 0101   | -  | 12345  | US
            C000123C A061000146A 987654321C            | 000123 | - | 061000146 | yes | 987654321  | 000123 | -  | -      | US
            C000123C A061000146A 98D7654D321C 33       | 000123 | - | 061000146 | yes | 98-7654-321 | 000123 | 33 | -     | US
            C000123C2A061000146A 987654321C B0000000100B | 000123 | 2 | 061000146 | yes | 987654321 | 000123 | - | 100    | US
            C0456C A12345D678A 1234D567C               | 0456   | - | 12345-678 | -   | 1234-567   | 0456   | -  | -      | CA
            C0456C A12345D678A 123D456D7C 45 B0000009900B | 0456 | - | 12345-678 | -  | 123-456-7  | 0456   | 45 | 9900   | CA
            A000000204A 12345678901C                   | -      | - | 000000204 | yes | 12345678901 | -     | -  | -      | US
            A091900533A 12345678901C 71                | -      | - | 091900533 | yes | 12345678901 | 71    | -  | -      | US
            A800000019A 123456789C                     | -      | - | 800000019 | yes | 123456789  | -      | -  | -      | US
            C0012C A000000518A 123456789C              | 0012   | - | 000000518 | yes | 123456789  | 0012   | -  | -      | US
            C0012C A000000518A 123456789C B0000150000B | 0012   | - | 000000518 | yes | 123456789  | 0012   | -  | 150000 | US
        ",
        );
    }

    #[test]
    fn lines_fall_into_their_fields() {
        // line | aux | epc | routing | valid | account | serial | tran | cents | country; `-` is none.
        check(
            "
            A081913598A 175525C7655                    | -      | - | 081913598 | yes | 175525     | 7655   | -  | -      | US
            C001234C A061000146A 12345678C 0101        | 001234 | - | 061000146 | yes | 12345678   | 001234 | -  | -      | US
            C001234C4A061000146A 12345678C 12          | 001234 | 4 | 061000146 | yes | 12345678   | 001234 | 12 | -      | US
            A273516813A 00D01086580C 4025              | -      | - | 273516813 | yes | 00-01086580 | 4025  | -  | -      | US
            A039735304A 5413 00009931373C              | -      | - | 039735304 | yes | 00009931373 | 5413  | -  | -      | US
            A031852324A 5629 000003696524C B0000000701B | -     | - | 031852324 | yes | 000003696524 | 5629 | -  | 701    | US
            A121042883A 1234567890C 1021               | -      | - | 121042883 | no  | 1234567890 | 1021   | -  | -      | US
            A12104288?A 1234567890C 1021               | -      | - | 12104288? | no  | 1234567890 | 1021   | -  | -      | US
            A121042882A C1021C 1234567890C             | -      | - | 121042882 | yes | 1234567890 | 1021   | -  | -      | US
            C3130C A44307D155A 00002200547C            | 3130   | - | 44307-155 | -   | 00002200547 | 3130  | -  | -      | CA
            C001C A12345D678A 123D456D7C 45            | 001    | - | 12345-678 | -   | 123-456-7  | 001    | 45 | -      | CA
            A3272D0120A 7311 0003154765C               | -      | - | 3272-0120 | -   | 0003154765 | 7311   | -  | -      | US
            A000000000A 12345678C                      | -      | - | 000000000 | no  | 12345678   | -      | -  | -      | US
            93548746484C                               | -      | - | -         | -   | -          | -      | -  | -      | -
            AAA                                        | -      | - | -         | -   | -          | -      | -  | -      | -
                                                       | -      | - | -         | -   | -          | -      | -  | -      | -
        ",
        );
    }

    fn check(table: &str) {
        for row in table.lines().filter(|l| l.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let got = fields(cells[0]);
            let text = |o: &Option<String>| o.clone().unwrap_or_else(|| "-".into());
            let valid = got.routing_valid.map_or("-", |v| if v { "yes" } else { "no" }).to_string();
            let cents = got.amount.map_or("-".to_string(), |a| a.get().to_string());
            let all = [
                text(&got.aux_on_us),
                text(&got.epc),
                text(&got.routing),
                valid,
                text(&got.account),
                text(&got.serial),
                text(&got.tran_code),
                cents,
                text(&got.country),
            ];
            assert_eq!(all.join("|"), cells[1..].join("|"), "{}", cells[0]);
        }
    }
}
