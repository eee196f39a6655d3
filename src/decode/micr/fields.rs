//! The fields of an E-13B line.

use crate::domain::MicrFields;

pub fn fields(line: &str) -> MicrFields {
    let mut out = MicrFields::default();
    let parts: Vec<&str> = line.split('A').collect();
    for part in parts.iter().skip(1).take(parts.len().saturating_sub(2)) {
        let digits: String = part.chars().filter(|c| *c != ' ').collect();
        if digits.len() == 9 && digits.bytes().all(|b| b.is_ascii_digit()) {
            let sum: u32 = digits.bytes().zip([3, 7, 1].iter().cycle()).map(|(d, w)| u32::from(d - b'0') * w).sum();
            out.routing_valid = Some(sum % 10 == 0);
            out.routing = Some(digits);
            break;
        }
    }
    out
}
