//! References in free text of a payment: a labelled account or invoice number, or the one number that stands alone. Where
//! several numbers could be meant nothing is taken: a person reads the text.

use super::bank_file::Line;

/// Shortest run of digits that may be a reference.
const SHORTEST: usize = 4;

/// What a text says it pays; empty where it does not say it clearly.
pub(super) fn references(text: &str) -> Vec<Line> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '(' | ')' | '\\' | '*' | '~'))
        .filter(|w| !w.is_empty())
        .collect();
    let mut labelled: Vec<Line> = Vec::new();
    let mut bare: Vec<String> = Vec::new();
    let mut label = Label::None;
    for word in words {
        let (head, rest) = match word.find([':', '#']) {
            Some(at) if at + 1 < word.len() => (&word[..at], &word[at + 1..]),
            _ => ("", word),
        };
        if let Some(found) = Label::of(head) {
            label = found;
        }
        let candidate = rest.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = candidate.bytes().filter(u8::is_ascii_digit).count();
        let is_reference = digits >= SHORTEST && candidate.len() <= 30 && digits * 2 >= candidate.len();
        if is_reference && !looks_like_a_date_or_amount(candidate) {
            match label {
                Label::Account => labelled.push(Line { account: Some(candidate.into()), ..Line::default() }),
                Label::Invoice => labelled.push(Line { invoice: Some(candidate.into()), ..Line::default() }),
                Label::None => bare.push(candidate.into()),
            }
            label = Label::None;
        } else if let Some(found) = Label::of(rest.trim_matches(|c: char| !c.is_ascii_alphabetic() && c != '/')) {
            label = found;
        } else if !matches!(candidate.to_ascii_uppercase().as_str(), "NO" | "NR" | "NUMBER" | "") {
            label = Label::None;
        }
    }
    labelled.dedup();
    match (labelled.is_empty(), bare.as_slice()) {
        (false, _) if labelled.len() == 1 => labelled,
        // Several labelled numbers without amounts: how the money divides is not said.
        (false, _) => Vec::new(),
        (true, [only]) => vec![Line { invoice: Some(only.clone()), ..Line::default() }],
        (true, _) => Vec::new(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    None,
    Account,
    Invoice,
}

impl Label {
    fn of(word: &str) -> Option<Label> {
        match word.to_ascii_uppercase().as_str() {
            "ACCT" | "ACCOUNT" | "A/C" | "ACC" | "ACCTNO" | "CUST" | "CUSTOMER" => Some(Label::Account),
            "INV" | "INVOICE" | "BILL" | "INVNO" | "REMI" => Some(Label::Invoice),
            _ => None,
        }
    }
}

fn looks_like_a_date_or_amount(word: &str) -> bool {
    let parts: Vec<&str> = word.split(['/', '-', '.']).collect();
    let numbers = parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    numbers && (parts.len() == 3 || (parts.len() == 2 && word.contains('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_it_pays_or_nothing_is_taken() {
        let said = |text: &str| match references(text).as_slice() {
            [] => "-".to_string(),
            [one] => format!("{}|{}", one.account.clone().unwrap_or_default(), one.invoice.clone().unwrap_or_default()),
            many => format!("{} lines", many.len()),
        };
        for (text, wanted) in [
            ("ACCT 00345678901", "00345678901|"),
            ("Account No: 00345678901 thank you", "00345678901|"),
            ("Invoice #INV00017 of 11/03/2026", "|INV00017"),
            ("INV:8140622", "|8140622"),
            ("payment 8140622", "|8140622"),
            ("payment 8140622 and 1166896", "-"),
            ("INV 8140622 INV 1166896", "-"),
            ("paid 1234.56 on 2026-11-03", "-"),
            ("Kontouebertrag", "-"),
            ("", "-"),
            ("thanks 12", "-"),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
    }
}
