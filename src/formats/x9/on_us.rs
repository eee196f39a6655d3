//! The check's account line between our alphabet (`A` transit, `B` amount, `C` on-us, `D` dash, `?` rejected) and the
//! fields of a cash letter, where the on-us symbol is `/`, the dash `-`, an unread character `*`, and the transit and
//! amount symbols never appear (X9.100-187, MICR data).

use super::item::Item;
use super::records::CheckDetail;
use crate::domain::account::masked;
use crate::formats::fault::FormatError;

/// Columns of the on-us field.
const ON_US_WIDTH: usize = 20;

/// The on-us field of our text (`12345678C 0101`) as record 25 wants it (`12345678/0101`). A blank stays only where it
/// parts two runs of digits, and goes too where the field would not fit. `Err` where it does not fit even so.
pub fn on_us_field(text: &str) -> Result<String, FormatError> {
    let mut field = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            'C' | '/' => field.push('/'),
            'D' | '-' => field.push('-'),
            '?' | '*' => field.push('*'),
            '0'..='9' => field.push(c),
            ' ' => {
                if !field.is_empty() && !field.ends_with([' ', '/']) {
                    field.push(' ');
                }
                continue;
            }
            _ => return Err(unfit(text, "digits, blanks, dashes and the on-us symbol")),
        }
        if c != ' ' && field.ends_with('/') && field[..field.len() - 1].ends_with(' ') {
            field.truncate(field.len() - 2);
            field.push('/');
        }
    }
    let field = if field.len() > ON_US_WIDTH { field.replace(' ', "") } else { field };
    if field.len() > ON_US_WIDTH { Err(unfit(text, "at most 20 characters")) } else { Ok(field) }
}

fn unfit(text: &str, expected: &str) -> FormatError {
    FormatError {
        record: CheckDetail::CODE,
        field: "on_us",
        columns: (28, 47),
        offset: None,
        line: None,
        found: masked(text),
        expected: expected.into(),
    }
}

/// The account line of a record in our alphabet.
pub fn micr_text(item: &Item) -> String {
    line_text(&item.auxiliary_on_us(), &item.external_processing_code(), &item.routing(), &item.on_us())
}

/// A line from its fields, as a cash letter or a lockbox gives them. Empty fields are left out.
pub fn line_text(auxiliary: &str, external_processing_code: &str, routing: &str, on_us: &str) -> String {
    let ours = |field: &str| {
        field
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .map(|c| match c {
                '/' => 'C',
                '-' => 'D',
                '0'..='9' | ' ' => c,
                _ => '?',
            })
            .collect::<String>()
    };
    let mut text = String::new();
    if !auxiliary.is_empty() {
        text.push_str(&format!("C{}C ", ours(auxiliary)));
    }
    text.push_str(&ours(external_processing_code));
    let routing = ours(routing);
    match routing.len() {
        0 => {}
        // The 4-4 form of a Canadian number: five digits of the branch, three of the bank.
        8 if !routing.contains(['D', '?', ' ']) => text.push_str(&format!("A{}D{}A", &routing[..5], &routing[5..])),
        _ => text.push_str(&format!("A{routing}A")),
    }
    let on_us = ours(on_us);
    if !on_us.is_empty() {
        text.push_str(&format!(" {on_us}"));
    }
    text.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_us_fields() {
        let check = |text: &str, field: &str| assert_eq!(on_us_field(text).unwrap(), field, "{text}");
        check("12345678C 0101", "12345678/0101");
        check("175525C7655", "175525/7655");
        check("5413 00009931373C", "5413 00009931373/");
        check("00D0804263C 8554", "00-0804263/8554");
        check("1234 C", "1234/");
        check("C 77 C", "/77/");
        check("", "");
        check("12?4C", "12*4/");
        check("1234567 1234567 1234C", "123456712345671234/");
        assert_eq!(on_us_field("123456789012345678901C").unwrap_err().found, "...901C");
        assert!(on_us_field("12X").is_err());
    }

    #[test]
    fn lines_from_fields() {
        let check = |fields: [&str; 4], line: &str| {
            assert_eq!(line_text(fields[0], fields[1], fields[2], fields[3]), line);
        };
        check(["001234", "", "061000146", "12345678/0101"], "C001234C A061000146A 12345678C0101");
        check(["", "4", "061000146", " 12-34/"], "4A061000146A 12D34C");
        check(["", "", "12345678", ""], "A12345D678A");
        check(["", "", "06100*146", "1*/"], "A06100?146A 1?C");
        check(["", "", "", ""], "");
    }
}
