//! The E-13B line in our alphabet (`A` transit, `B` amount, `C` on-us, `D` dash) taken apart, for lines that no decoder
//! saw: the scanner's magnetic read, a file's record, a person's keying. ANSI X9.100-160 field order.

use super::money::Cents;
use super::reading::MicrFields;
use super::routing::RoutingNumber;

/// The line without its blanks, in capitals.
pub fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

impl MicrFields {
    /// Fields of a line; what is not there stays empty. Never fails: a line that has no transit field has no routing.
    pub fn of_line(text: &str) -> MicrFields {
        parse(text)
    }
}

fn parse(text: &str) -> MicrFields {
    let mut fields = MicrFields::default();
    let line: String = text.trim().to_ascii_uppercase();
    let Some(open) = line.find('A') else {
        return fields;
    };
    let Some(close) = line[open + 1..].find('A').map(|n| open + 1 + n) else {
        return fields;
    };
    let before = line[..open].trim();
    if let Some(from) = before.find('C') {
        let aux = before[from + 1..].split('C').next().unwrap_or("");
        fields.aux_on_us = some(squeeze(aux).replace('D', "-"));
        let rest = before[from + 1..].split_once('C').map_or("", |x| x.1);
        fields.epc = some(squeeze(rest));
    } else {
        fields.epc = some(squeeze(before));
    }
    let transit = squeeze(&line[open + 1..close]);
    if !transit.is_empty() {
        let digits = transit.bytes().filter(u8::is_ascii_digit).count();
        fields.routing = Some(transit.replace('D', "-"));
        if digits == 9 && transit.len() == 9 {
            fields.routing_valid = Some(RoutingNumber::new(&transit).is_ok());
            fields.country = Some("US".into());
        } else if digits == 8 && transit.len() == 9 && transit.as_bytes()[5] == b'D' {
            fields.country = Some("CA".into());
        } else if digits == 8 && transit.len() == 9 && transit.as_bytes()[4] == b'D' {
            // An old American form, `1234-5678`: the check digit is not printed.
            fields.country = Some("US".into());
        }
    }
    let mut rest = line[close + 1..].to_string();
    if let Some(from) = rest.find('B') {
        let amount = squeeze(&rest[from + 1..]);
        let amount = amount.trim_end_matches('B');
        if (1..=10).contains(&amount.len()) && amount.bytes().all(|b| b.is_ascii_digit()) {
            fields.amount = amount.parse().ok().map(Cents::new);
        }
        rest.truncate(from);
    }
    let on_us = rest.trim();
    if !on_us.is_empty() {
        fields.on_us = Some(on_us.to_string());
        match on_us.rfind('C') {
            Some(at) => {
                // The account stands before the last on-us symbol; a serial or transaction code behind it.
                let account = on_us[..at].rsplit('C').find(|part| part.bytes().any(|b| b.is_ascii_digit()));
                fields.account = account.and_then(|a| some(squeeze(a).replace('D', "-")));
                let tail = squeeze(&on_us[at + 1..]);
                if tail.is_empty()
                    && fields.aux_on_us.is_none()
                    && let Some((serial, account)) = leading_serial(&on_us[..at])
                {
                    (fields.serial, fields.account) = (Some(serial), Some(account));
                } else if fields.aux_on_us.is_some() {
                    fields.tran_code = some(tail);
                } else {
                    fields.serial = some(tail);
                }
            }
            None => fields.account = some(squeeze(on_us).replace('D', "-")),
        }
    }
    if fields.serial.is_none() {
        fields.serial = fields.aux_on_us.clone();
    }
    fields
}

/// `6778 08148902`: some banks print the serial before the account, with a gap between them and nothing behind.
pub fn leading_serial(before_symbol: &str) -> Option<(String, String)> {
    let mut parts = before_symbol.split_whitespace();
    let (serial, account) = (parts.next()?, parts.next()?);
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let plausible = digits(serial) && (2..=6).contains(&serial.len()) && account.len() >= 5;
    (plausible && parts.next().is_none()).then(|| (serial.to_string(), account.replace('D', "-")))
}

fn some(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

/// Two reads of one line laid over each other, each filling the other's rejects (`?`). `None` where they contradict or
/// have another length.
pub fn overlay(a: &str, b: &str) -> Option<String> {
    let (a, b) = (squeeze(a), squeeze(b));
    if a.chars().count() != b.chars().count() {
        return None;
    }
    a.chars()
        .zip(b.chars())
        .map(|(x, y)| match (x, y) {
            ('?', y) => Some(y),
            (x, '?') => Some(x),
            (x, y) => (x == y).then_some(x),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &str) {
        for row in table.lines().map(str::trim).filter(|l| !l.is_empty()).skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let f = parse(cells[0]);
            let text = |o: &Option<String>| o.clone().unwrap_or_else(|| "-".into());
            let got = [
                text(&f.aux_on_us),
                text(&f.routing),
                f.routing_valid.map_or("-".into(), |v| v.to_string()),
                text(&f.account),
                text(&f.serial),
                f.amount.map_or("-".into(), |a| a.to_string()),
            ];
            assert_eq!(got.join(" | "), cells[1..].join(" | "), "{row}");
        }
    }

    #[test]
    fn lines_come_apart() {
        check(
            "line | aux | routing | valid | account | serial | amount
            C001234C A061000146A 12345678C 0101 | 001234 | 061000146 | true | 12345678 | 001234 | -
            A214173493A000006112553C9189 | - | 214173493 | true | 000006112553 | 9189 | -
            A279286752A00D9133806C5981 | - | 279286752 | true | 00-9133806 | 5981 | -
            A87886D849A 0180102C 12 B0000012345B | - | 87886-849 | - | 0180102 | 12 | 123.45
            A263028544A 6778 08148902C | - | 263028544 | true | 08148902 | 6778 | -
            A1063D1365A04389922C2381B0000007148B | - | 1063-1365 | - | 04389922 | 2381 | 71.48
            A121042883A 1C2 | - | 121042883 | false | 1 | 2 | -
            12345 | - | - | - | - | - | -
            A12 | - | - | - | - | - | -
            A2141?3493A00?C9189 | - | 2141?3493 | - | 00? | 9189 | -",
        );
    }

    #[test]
    fn two_reads_fill_each_other() {
        assert_eq!(overlay("A1?3A", "A12?A").as_deref(), Some("A123A"));
        assert_eq!(overlay("A1?3A", "A1 24A"), None);
        assert_eq!(overlay("A13A", "A123A"), None);
    }
}
