//! Decimal amounts of XML: exact, never through a float. More places than the currency has are refused unless they are zeros.

use crate::domain::Cents;

/// Cents of a decimal text. `places`: of the currency, at most two.
pub fn amount(text: &str, places: usize) -> Option<Cents> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !plain(whole) || !plain(part) || whole.len() > 15 {
        return None;
    }
    let places = places.min(2);
    if part.len() > places && part.as_bytes()[places..].iter().any(|b| *b != b'0') {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let cents = format!("{:0<2}", &part[..part.len().min(2)]).parse::<i64>().ok()?;
    let units = whole.checked_mul(100)?.checked_add(cents)?;
    Some(Cents::new(if negative { -units } else { units }))
}
