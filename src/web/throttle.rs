//! How often somebody may try to come in: by address a bucket of tries, by name a wait that doubles with each wrong one.
//! Names that do not exist wait exactly as those that do. And how much one person may ask for, at the desk and by programs:
//! far more than hands can do, and not so much that others wait. Nothing here survives the process; what locks an account does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// Wrong tries after which an account is locked until another administrator opens it.
pub const HARD_STOP: u32 = 100;
/// Tries of one address at once, and seconds until one more is allowed.
const BURST: f64 = 30.0;
const REFILL: f64 = 2.0;
/// Requests of one person at once, and more for each second: a person at full speed takes about thirty.
const REQUESTS: f64 = 3000.0;
const EACH_SECOND: f64 = 200.0;
/// So many names and addresses are remembered; older ones are forgotten first.
const MOST: usize = 10_000;

#[derive(Default)]
pub struct Throttle {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    addresses: HashMap<IpAddr, (f64, i64)>,
    strangers: HashMap<String, (u32, i64)>,
    people: HashMap<String, (f64, i64)>,
}

/// Seconds to wait after so many wrong tries in a row: none for three, then doubling to a quarter of an hour.
pub fn wait_after(failures: u32) -> i64 {
    match failures {
        0..=3 => 0,
        n => 1i64 << (n - 3).min(10),
    }
    .min(900)
}

impl Throttle {
    fn locked(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// May this address try once more now?
    pub fn may_try(&self, address: IpAddr, now: i64) -> bool {
        let mut inside = self.locked();
        if inside.addresses.len() >= MOST {
            inside.addresses.retain(|_, (_, at)| now - *at < 60);
        }
        let (tokens, at) = inside.addresses.entry(address).or_insert((BURST, now));
        *tokens = (*tokens + (now - *at) as f64 / REFILL).min(BURST);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }

    /// May this person ask for one more thing now?
    pub fn may_ask(&self, person: &str, now: i64) -> bool {
        let mut inside = self.locked();
        if inside.people.len() >= MOST {
            inside.people.retain(|_, (_, at)| now - *at < 60);
        }
        if !inside.people.contains_key(person) {
            inside.people.insert(person.to_string(), (REQUESTS, now));
        }
        let Some((tokens, at)) = inside.people.get_mut(person) else { return true };
        *tokens = (*tokens + (now - *at).max(0) as f64 * EACH_SECOND).min(REQUESTS);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }

    /// Until when a name that does not exist waits.
    pub fn stranger_waits(&self, name: &str) -> i64 {
        self.locked().strangers.get(name).map_or(0, |(_, until)| *until)
    }

    pub fn stranger_failed(&self, name: &str, now: i64) {
        let mut inside = self.locked();
        if inside.strangers.len() >= MOST {
            inside.strangers.retain(|_, (_, until)| *until > now);
        }
        if inside.strangers.len() >= MOST {
            return;
        }
        let (failures, until) = inside.strangers.entry(name.to_string()).or_default();
        *failures += 1;
        *until = now + wait_after(*failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let waits: Vec<i64> = [0, 3, 4, 5, 8, 13, 50].map(wait_after).to_vec();
        assert_eq!(waits, [0, 0, 2, 4, 32, 900, 900]);
    }

    #[test]
    fn a_person_may_ask_for_much_and_not_for_everything() {
        let throttle = Throttle::default();
        assert_eq!((0..5000).filter(|_| throttle.may_ask("olga", 100)).count(), 3000);
        assert!(throttle.may_ask("uwe", 100), "one does not use up what is another's");
        assert_eq!((0..5000).filter(|_| throttle.may_ask("olga", 102)).count(), 400);
        assert_eq!((0..5000).filter(|_| throttle.may_ask("olga", 10_000)).count(), 3000);
    }

    #[test]
    fn an_address_runs_dry_and_fills_again() {
        let throttle = Throttle::default();
        let address = "192.0.2.1".parse().unwrap();
        assert!((0..30).all(|_| throttle.may_try(address, 100)));
        assert!(!throttle.may_try(address, 100));
        assert!(throttle.may_try(address, 102));
        assert!(throttle.may_try("192.0.2.2".parse().unwrap(), 100));
    }
}
