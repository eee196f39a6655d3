//! Reed-Solomon over the integers modulo 929 with generator 3, as PDF417 uses it, for errors and for erasures (ISO/IEC
//! 15438, 4.10 and annex J). Words stand highest power first, the checks last.

const PRIME: u32 = 929;
const GENERATOR: u32 = 3;

fn times(a: u32, b: u32) -> u32 {
    a * b % PRIME
}

fn less(a: u32, b: u32) -> u32 {
    (a + PRIME - b) % PRIME
}

fn power(base: u32, mut exponent: u32) -> u32 {
    let (mut out, mut square) = (1, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            out = times(out, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    out
}

/// `None` for 0.
fn inverse(a: u32) -> Option<u32> {
    (a != 0).then(|| power(a, PRIME - 2))
}

/// Value of a polynomial, lowest power first.
fn value(polynomial: &[u32], at: u32) -> u32 {
    polynomial.iter().rev().fold(0, |sum, c| (times(sum, at) + c) % PRIME)
}

fn product(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = vec![0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            out[i + j] = (out[i + j] + times(*x, *y)) % PRIME;
        }
    }
    out
}

/// Corrects in place; `erased` are places that count for nothing. Returns how many other words were wrong, or `None` when
/// there are more than the checks can tell.
pub fn correct(words: &mut [u32], checks: usize, erased: &[usize]) -> Option<usize> {
    let n = words.len();
    if checks == 0 || checks >= n || erased.len() > checks || words.iter().any(|w| *w >= PRIME) {
        return None;
    }
    let syndromes: Vec<u32> = (1..=checks as u32)
        .map(|i| words.iter().fold(0, |sum, w| (times(sum, power(GENERATOR, i)) + w) % PRIME))
        .collect();
    if syndromes.iter().all(|s| *s == 0) {
        return Some(0);
    }
    let locator_of = |place: usize| power(GENERATOR, (n - 1 - place) as u32);
    // Factors (1 - X z) of the erasures, then Berlekamp and Massey on from there.
    let mut locator = vec![1u32];
    for &place in erased {
        locator = product(&locator, &[1, less(0, locator_of(place))]);
    }
    let known = erased.len();
    let (mut before, mut length) = (locator.clone(), known);
    let mut gap = 1;
    let mut scale = 1;
    for step in known..checks {
        let mut off = 0;
        for (i, c) in locator.iter().enumerate().take(step + 1) {
            off = (off + times(*c, syndromes[step - i])) % PRIME;
        }
        if off == 0 {
            gap += 1;
            continue;
        }
        let factor = times(off, inverse(scale)?);
        let mut next = locator.clone();
        next.resize(next.len().max(before.len() + gap), 0);
        for (i, c) in before.iter().enumerate() {
            next[i + gap] = less(next[i + gap], times(factor, *c));
        }
        if 2 * length <= step + known {
            (before, scale, gap) = (locator, off, 1);
            length = step + 1 + known - length;
        } else {
            gap += 1;
        }
        locator = next;
    }
    while locator.len() > 1 && locator.last() == Some(&0) {
        locator.pop();
    }
    let degree = locator.len() - 1;
    if degree != length || 2 * (degree - degree.min(known)) + known > checks {
        return None;
    }
    let evaluator: Vec<u32> = product(&syndromes, &locator).into_iter().take(checks).collect();
    let derivative: Vec<u32> = locator.iter().enumerate().skip(1).map(|(i, c)| times(*c, i as u32 % PRIME)).collect();
    let (mut roots, mut errors) = (0, 0);
    let mut fixed = words.to_vec();
    for (place, word) in fixed.iter_mut().enumerate() {
        let back = inverse(locator_of(place))?;
        if value(&locator, back) != 0 {
            continue;
        }
        roots += 1;
        // The checks' first root is the generator itself, so the factor of the place cancels.
        let size = times(value(&evaluator, back), inverse(value(&derivative, back))?);
        errors += usize::from(!erased.contains(&place) && size != 0);
        *word = (*word + size) % PRIME;
    }
    let holds =
        (1..=checks as u32).all(|i| fixed.iter().fold(0, |sum, w| (times(sum, power(GENERATOR, i)) + w) % PRIME) == 0);
    if roots != degree || !holds {
        return None;
    }
    words.copy_from_slice(&fixed);
    Some(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data with its checks behind, by long division.
    fn encoded(data: &[u32], checks: usize) -> Vec<u32> {
        let mut generator = vec![1];
        (1..=checks as u32).for_each(|i| generator = product(&generator, &[less(0, power(GENERATOR, i)), 1]));
        let mut rest = vec![0; checks];
        for word in data {
            let lead = (word + rest[0]) % PRIME;
            for i in 0..checks {
                let next = if i + 1 < checks { rest[i + 1] } else { 0 };
                rest[i] = less(next, times(lead, generator[checks - 1 - i]));
            }
        }
        data.iter().copied().chain(rest.iter().map(|r| less(0, *r))).collect()
    }

    #[test]
    fn errors_and_erasures_up_to_what_the_checks_allow() {
        let data: Vec<u32> = (0..40).map(|i| i * 131 % PRIME).collect();
        for checks in [4usize, 8, 16, 32] {
            let whole = encoded(&data, checks);
            for erased in 0..=checks {
                for wrong in 0..=(checks - erased) / 2 {
                    let mut words = whole.clone();
                    let place = |i: usize| (i * 5 + 3) % words.len();
                    let places: Vec<usize> = (0..erased + wrong).map(place).collect();
                    places.iter().for_each(|p| words[*p] = (words[*p] + 100 + *p as u32) % PRIME);
                    let found = correct(&mut words, checks, &places[..erased]);
                    assert_eq!((found, &words), (Some(wrong), &whole), "{checks} {erased} {wrong}");
                }
            }
            let mut ruined = whole.clone();
            (0..checks / 2 + 1).for_each(|i| ruined[i * 2] = (ruined[i * 2] + 5) % PRIME);
            assert!(correct(&mut ruined, checks, &[]).is_none(), "{checks}");
        }
        assert_eq!(correct(&mut [1, 2, 3], 3, &[]), None);
        assert_eq!(correct(&mut [1, 2, 2000], 1, &[]), None);
    }
}
