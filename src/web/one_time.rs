//! One-time codes: TOTP (RFC 6238: HMAC-SHA-1, 30 seconds, six digits) as every authenticator application makes them, for
//! clocks half a minute out either way; and recovery codes. SHA-1 (FIPS 180-4) is written out here because nothing else needs it.

use crate::domain::Sha256;

pub const STEP_SECONDS: i64 = 30;
const SECRET: usize = 20;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend(((message.len() as u64) * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words = [0u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for i in 16..80 {
            words[i] = (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.iter().enumerate() {
            let (f, k) = match i {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut out = [0; 20];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..20].copy_from_slice(&sha1(key)),
    }
    let inner: Vec<u8> = block.iter().map(|b| b ^ 0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = block.iter().map(|b| b ^ 0x5c).chain(sha1(&inner)).collect();
    sha1(&outer)
}

/// The six digits of a time step (seconds of the epoch divided by 30).
pub fn code(secret: &[u8], step: i64) -> String {
    let mac = hmac_sha1(secret, &step.to_be_bytes());
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// How far a person's clock may be out, in seconds.
const DRIFT_SECONDS: i64 = 31;

/// The step whose code this is, of those that a clock within half a minute of ours may be in; now's first.
pub fn step_of(secret: &[u8], given: &str, now: i64) -> Option<i64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let step = now.div_euclid(STEP_SECONDS);
    let reach = (now - DRIFT_SECONDS).div_euclid(STEP_SECONDS)..=(now + DRIFT_SECONDS).div_euclid(STEP_SECONDS);
    std::iter::once(step).chain(reach).find(|s| same(code(secret, *s).as_bytes(), given.as_bytes()))
}

/// Compares without telling by its time where two texts differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

pub fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    out
}

pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in text.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'=')) {
        let value = ALPHABET.iter().position(|a| *a == byte.to_ascii_uppercase())?;
        buffer = buffer << 5 | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits & 255) as u8);
        }
    }
    Some(out)
}

#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandom;

pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

pub fn new_secret() -> Result<[u8; SECRET], NoRandom> {
    random()
}

/// 256 random bits as text.
pub fn new_token() -> Result<String, NoRandom> {
    Ok(random::<32>()?.iter().map(|b| format!("{b:02x}")).collect())
}

/// Ten recovery codes of 50 bits, and the hashes that are kept.
pub fn recovery_codes(name: &str) -> Result<(Vec<String>, Vec<Sha256>), NoRandom> {
    let mut codes = Vec::new();
    for _ in 0..10 {
        let text = base32(&random::<7>()?);
        codes.push(format!("{}-{}", &text[..5], &text[5..10]));
    }
    let hashes = codes.iter().map(|c| recovery_hash(name, c)).collect();
    Ok((codes, hashes))
}

pub fn recovery_hash(name: &str, code: &str) -> Sha256 {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    Sha256::of(format!("recovery {name} {plain}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn sha1_of_the_standard() {
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = sha1(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
        assert_eq!(hex(&long), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    }

    /// RFC 6238, appendix B (the last six of its eight digits).
    #[test]
    fn codes_of_the_standard() {
        let secret = b"12345678901234567890";
        for (second, want) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code(secret, second / STEP_SECONDS), want, "{second}");
        }
    }

    #[test]
    fn a_clock_may_be_out_by_half_a_minute_and_no_more() {
        let secret = b"12345678901234567890";
        let now = 1_700_000_010;
        let given = code(secret, now / STEP_SECONDS);
        for (drift, good) in [(0, true), (31, true), (-31, true), (90, false), (-90, false)] {
            assert_eq!(step_of(secret, &given, now + drift).is_some(), good, "{drift}");
        }
        assert_eq!(from_base32(&base32(secret)).unwrap(), secret);
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
    }
}
