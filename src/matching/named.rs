//! Bills whose name and address stand in what came with a payment (a bank file's text): a ranked suggestion for a person.
//! Names are never matched automatically: two members may share one, and a son may pay for his mother.

use crate::domain::Bill;

/// A bill, and how many words of its name and address stand in the text.
#[derive(Clone, PartialEq, Debug)]
pub struct NamedBill {
    pub bill: Bill,
    pub words: usize,
    pub of: usize,
}

/// The words that tell people apart: of three letters or digits at least, in lower case.
pub fn words(text: &str) -> Vec<String> {
    let mut all: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() >= 3)
        .map(|w| w.to_lowercase())
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Open bills that share a word of their name with the text, the likeliest first; at most `most`.
pub fn named(text: &str, bills: &[Bill], most: usize) -> Vec<NamedBill> {
    let told = words(text);
    let mut found: Vec<NamedBill> = Vec::new();
    for bill in bills.iter().filter(|b| b.open) {
        let name = words(&bill.name);
        let place = words(&format!("{} {} {}", bill.address, bill.city, bill.zip));
        let of_name = name.iter().filter(|w| told.contains(w)).count();
        let of_place = place.iter().filter(|w| told.contains(w) && !name.contains(w)).count();
        if of_name > 0 {
            found.push(NamedBill { bill: bill.clone(), words: of_name + of_place, of: name.len() + place.len() });
        }
    }
    found.sort_by(|a, b| {
        let rank = |n: &NamedBill| std::cmp::Reverse((n.words, usize::MAX - n.of));
        (rank(a), &a.bill.biller, &a.bill.bill).cmp(&(rank(b), &b.bill.biller, &b.bill.bill))
    });
    found.truncate(most);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountNumber, AccountStatus, Biller, Cents};

    fn bill(number: &str, name: &str, address: &str) -> Bill {
        Bill {
            biller: Biller("power".into()),
            bill: number.into(),
            account: AccountNumber::new(number),
            name: name.into(),
            address: address.into(),
            city: "Anytown".into(),
            state: "GA".into(),
            zip: "30301".into(),
            amount_due: Cents::new(1000),
            current: None,
            past_due: None,
            late_amount: None,
            budget_amount: None,
            instalment: None,
            due_date: None,
            invoice: String::new(),
            status: AccountStatus::Active,
            flags: vec![],
            service: None,
            extra: Default::default(),
            open: true,
            paid: Cents::ZERO,
        }
    }

    /// Each row: what came with the payment, the bills in the order of likeness.
    #[test]
    fn names_rank_and_never_decide() {
        let mut closed = bill("5", "Alder, James", "9 Oak Lane");
        closed.open = false;
        let bills = [
            bill("1", "Alder, James", "12 Main Street"),
            bill("2", "Alder, Joan", "12 Main Street"),
            bill("3", "Birch, Ada", "77 River Road"),
            bill("4", "ALDER JAMES", "9 Oak Lane"),
            closed,
        ];
        for (text, want) in [
            ("JAMES ALDER 12 MAIN STREET", "1 2 4"),
            ("james alder, 9 oak lane", "4 1 2"),
            ("Joan Alder", "2 1 4"),
            ("from 12 Main Street, Anytown 30301", ""),
            ("Ada", "3"),
            ("", ""),
            ("' or 1=1 --", ""),
        ] {
            let found = named(text, &bills, 9);
            let numbers: Vec<&str> = found.iter().map(|n| n.bill.bill.as_str()).collect();
            assert_eq!(numbers.join(" "), want, "{text}");
            assert!(found.iter().all(|n| n.words > 0 && n.words <= n.of));
        }
        assert_eq!(named("James Alder", &bills, 1).len(), 1);
    }
}
