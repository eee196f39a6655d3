//! Creditor references with check digits: a reference that fails its own check goes to a person, never to the nearest bill.

/// `Some(true)` where a known scheme holds, `Some(false)` where it fails, `None` where the text is of no scheme.
/// `kind`: `SCOR`, `QRR`, `ISR Reference`, .. as the message says, or empty.
pub fn check_reference(kind: &str, reference: &str) -> Option<bool> {
    let text: String = reference.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    if text.starts_with("RF") && (kind == "SCOR" || text.len() > 4) && text.len() <= 25 {
        // One that is cut short, or that holds what no reference may, fails.
        let Some((check, rest)) = text.split_at_checked(4) else { return Some(false) };
        return Some(mod_97(&format!("{rest}{check}")) == Some(1));
    }
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match kind {
        "QRR" | "ISR Reference" | "ISR" if digits => Some(recursive_mod_10(&text)),
        "QRR" => Some(false),
        _ if digits && text.len() == 27 => Some(recursive_mod_10(&text)),
        _ => None,
    }
}

/// Letters count 10 to 35 (ISO 7064).
fn mod_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some(if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
    })
}

/// Swiss references: the carry of each digit picks the next row; the last digit is the check.
fn recursive_mod_10(digits: &str) -> bool {
    const ROW: [u32; 10] = [0, 9, 4, 6, 8, 2, 7, 1, 3, 5];
    let mut values = digits.chars().filter_map(|c| c.to_digit(10)).collect::<Vec<_>>();
    let Some(check) = values.pop() else { return false };
    let carry = values.iter().fold(0, |carry, digit| ROW[((carry + digit) % 10) as usize]);
    (10 - carry) % 10 == check
}
