//! Passwords: argon2id (RFC 9106) as PHC text, made and checked off the async threads, a few at a time so that a crowd at
//! the door cannot fill the memory. Refuses what is too short, common, or made of the person's or the site's name; asks
//! for no special characters and no changes by the calendar (NIST SP 800-63B).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

/// 46 MiB, one pass: above the floor of 19 MiB and two passes in cost, and one hash at a time is ready in well under 150 ms.
const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 2;
/// At most so many hashes at once: 92 MiB.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

pub const LONGEST: usize = 200;
/// With a second factor; without one it is 15.
pub const SHORTEST: usize = 8;

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[derive(Debug, thiserror::Error)]
#[error("the password could not be worked on: {0}")]
pub struct PasswordError(String);

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
    let _turn = AT_ONCE.acquire().await.map_err(|e| PasswordError(e.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|e| PasswordError(e.to_string()))
}

pub async fn hash(password: String) -> Result<String, PasswordError> {
    off_thread(move || hasher().hash_password(password.as_bytes()).map(|h: PasswordHash| h.to_string()))
        .await?
        .map_err(|e| PasswordError(e.to_string()))
}

/// Is this the password of the PHC text? Without a text (no such person) the same work is done and the answer is no.
pub async fn verify(password: String, phc: Option<String>) -> Result<bool, PasswordError> {
    off_thread(move || match phc.as_deref().map(PasswordHash::new) {
        Some(Ok(known)) => hasher().verify_password(password.as_bytes(), &known).is_ok(),
        _ => {
            let mut out = [0; 32];
            let _ = hasher().hash_password_into(password.as_bytes(), b"nobody's own salt", &mut out);
            false
        }
    })
    .await
}

/// Was it made with other parameters than today's?
pub fn is_old(phc: &str) -> bool {
    !phc.contains(&format!("$m={MEMORY_KIB},t={PASSES},p=1$"))
}

/// What millions of people took before; a password is compared without its digits, marks and look-alikes.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "passphrase",
    "qwerty",
    "qwertyuiop",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "letmein",
    "welcome",
    "admin",
    "administrator",
    "changeme",
    "default",
    "guest",
    "login",
    "master",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "iloveyou",
    "sunshine",
    "princess",
    "superman",
    "trustno",
    "shadow",
    "michael",
    "jennifer",
    "secret",
    "summer",
    "winter",
    "spring",
    "autumn",
    "remit",
    "remittance",
    "payment",
    "electric",
    "cooperative",
    "utility",
    "test",
    "testing",
    "temp",
    "temporary",
    "user",
    "abc",
    "abcd",
    "abcdef",
    "abcdefgh",
    "hello",
    "whatever",
    "charlie",
];

/// Why a password is not good enough, in a sentence for the person; `None` when it is.
pub fn refused(password: &str, names: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Some(format!("Take at least {SHORTEST} characters; a few words are easiest to remember."));
    }
    if password.len() > LONGEST {
        return Some(format!("Take at most {LONGEST} characters."));
    }
    let lower = password.to_lowercase();
    // Digits and marks around a word are not look-alikes of its letters.
    let plain: String = lower
        .trim_matches(|c: char| !c.is_alphabetic())
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' => 'l',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            c => c,
        })
        .filter(|c| c.is_alphabetic())
        .collect();
    let bare: String = password.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let mut kinds: Vec<char> = password.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let steps = |by: i64| {
        password.chars().zip(password.chars().skip(1)).all(|(a, b)| i64::from(b as u32) - i64::from(a as u32) == by)
    };
    if kinds.len() < 4 || steps(1) || steps(-1) {
        return Some("This repeats or counts too simply; take a few words.".into());
    }
    let taken = |word: &str| !word.is_empty() && (bare == word || plain == word);
    if COMMON.iter().any(|w| taken(w)) || bare.is_empty() && length < 12 {
        return Some("Too many people took this one before; take a few words.".into());
    }
    let name = |n: &&str| n.len() > 2 && (taken(&n.to_lowercase()) || password.to_lowercase() == n.to_lowercase());
    if names.iter().any(name) {
        return Some("A name is guessed first; take a few words.".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_told_why() {
        for (password, good) in [
            ("seven77", false),
            ("password123...", false),
            ("P@ssw0rd2026!", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("12345678", false),
            ("abcdefghijk", false),
            ("Olga-2026", false),
            ("11/22/2026", false),
            ("tall heron by the mill", true),
            ("gravel-otter-nine", true),
        ] {
            assert_eq!(refused(password, &["olga", "Cedar Fork"]).is_none(), good, "{password}");
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_above_the_floor_and_opens_for_its_password_only() {
        let phc = hash("tall heron".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=47104,t=2,p=1$"), "{phc}");
        assert!(!is_old(&phc) && is_old("$argon2id$v=19$m=19456,t=2,p=1$x$y"));
        assert!(verify("tall heron".into(), Some(phc.clone())).await.unwrap());
        assert!(!verify("tall herons".into(), Some(phc)).await.unwrap());
        assert!(!verify("tall heron".into(), None).await.unwrap());
    }
}
