//! The invented world of the deck: an electric cooperative with three services, its members, and the banks they pay from.
//! No person, company, bank or account here is real; the routing numbers have valid check digits but begin with routing
//! symbols (x99x) under which, as far as we know, no Federal Reserve office works.

use super::chance::Chance;

/// A service of the cooperative that is paid by mail.
pub struct BillerForm {
    /// As the bill file names it.
    pub code: &'static str,
    pub name: &'static str,
    pub box_line: &'static str,
    pub town: &'static str,
    pub bill_letter: char,
}

pub const BILLERS: [BillerForm; 3] = [
    BillerForm {
        code: "energy",
        name: "Juniper Basin Electric Cooperative",
        box_line: "PO Box 1180",
        town: "Sage Crossing, NV 89006",
        bill_letter: 'E',
    },
    BillerForm {
        code: "propane",
        name: "Juniper Basin Propane",
        box_line: "PO Box 1184",
        town: "Sage Crossing, NV 89006",
        bill_letter: 'G',
    },
    BillerForm {
        code: "fiber",
        name: "Basin Light Fiber",
        box_line: "PO Box 1192",
        town: "Sage Crossing, NV 89006",
        bill_letter: 'F',
    },
];

const FIRST: &[&str] = &[
    "Ada", "Alma", "Anton", "Bea", "Calvin", "Carmen", "Clara", "Dale", "Delia", "Edwin", "Elena", "Esther", "Felix",
    "Gloria", "Hank", "Hazel", "Ida", "Irene", "Ivan", "Jonas", "June", "Kenji", "Lars", "Leona", "Luis", "Mabel",
    "Marcus", "Mina", "Nora", "Olive", "Otto", "Pearl", "Priya", "Quinn", "Rosa", "Ruben", "Silas", "Tessa", "Vera",
    "Walter", "Winona", "Yusuf",
];
const LAST: &[&str] = &[
    "Abernathy",
    "Alcott",
    "Barlow",
    "Bexley",
    "Birdsong",
    "Calloway",
    "Castellan",
    "Corbin",
    "Dahlgren",
    "Driscoll",
    "Eastwick",
    "Everhart",
    "Fairbairn",
    "Farrow",
    "Garrick",
    "Gutierrez",
    "Hathaway",
    "Holloman",
    "Ibarra",
    "Iverson",
    "Jessup",
    "Kowalczyk",
    "Lindqvist",
    "Lockhart",
    "Maddox",
    "Merriweather",
    "Nakagawa",
    "Northcott",
    "Oakhurst",
    "Okonjo",
    "Pettibone",
    "Quigley",
    "Ravenscroft",
    "Redfern",
    "Sandoval",
    "Silverthorn",
    "Tillman",
    "Underhill",
    "Vandermeer",
    "Whitlock",
    "Yarborough",
    "Zielinski",
];
const FIRMS: &[&str] = &[
    "Copperline Well Drilling",
    "Three Forks Feed & Seed",
    "Sagebrush Dental",
    "Mesa Ridge Storage",
    "Lone Pine Machine Works",
    "Basin Auto Glass",
    "Wild Rye Bakery LLC",
    "Antelope Flat Ranch",
    "Redrock Veterinary Clinic",
    "Silver Creek Grange",
    "Juniper Hill School Fund",
    "Desert Bloom Nursery",
];
const STREETS: &[&str] = &[
    "Juniper Way",
    "Ranch Rd",
    "Old Mill Rd",
    "Canyon View Dr",
    "Third St",
    "County Road 9",
    "Cottonwood Ln",
    "Mesa Ave",
    "Windmill Rd",
    "Depot St",
    "Quail Run",
    "Homestead Ln",
    "Prospect St",
    "Sagebrush Ct",
    "Rimrock Dr",
];
const TOWNS: &[(&str, &str)] = &[
    ("Sage Crossing", "89006"),
    ("Copper Flat", "89013"),
    ("Juniper Springs", "89022"),
    ("Tumbleweed Junction", "89036"),
    ("Alkali Wells", "89041"),
];
/// Name, city, first eight digits of the routing number, numerator of the fraction.
const BANKS: &[(&str, &str, &str, &str)] = &[
    ("First Bank of Sage Crossing", "Sage Crossing, Nevada", "12990114", "94-114"),
    ("Juniper Basin Credit Union", "Copper Flat, Nevada", "32990227", "94-7227"),
    ("Alkali Valley State Bank", "Alkali Wells, Nevada", "11990338", "88-338"),
    ("Rimrock Savings", "Juniper Springs, Nevada", "32990451", "94-8451"),
    ("High Desert National Bank", "Tumbleweed Junction, Nevada", "12990562", "94-562"),
    ("Merchants & Ranchers Bank", "Copper Flat, Nevada", "10990673", "82-673"),
    ("Windmill Community Bank", "Sage Crossing, Nevada", "12990784", "94-784"),
    ("Basin Mutual Bank", "Juniper Springs, Nevada", "02990895", "50-895"),
];

#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub address: String,
    pub city: &'static str,
    pub zip: &'static str,
    pub is_firm: bool,
}

impl Person {
    pub fn draw(chance: &mut Chance) -> Person {
        let is_firm = chance.percent(22);
        let name = if is_firm {
            chance.pick(FIRMS).to_string()
        } else if chance.percent(30) {
            let last = chance.pick(LAST);
            format!("{} & {} {last}", chance.pick(FIRST), chance.pick(FIRST))
        } else {
            format!("{} {}", chance.pick(FIRST), chance.pick(LAST))
        };
        let (city, zip) = TOWNS[chance.below(TOWNS.len() as u64) as usize];
        Person { name, address: format!("{} {}", chance.between(11, 9899), chance.pick(STREETS)), city, zip, is_firm }
    }
}

/// The bank of a check as it is printed on it.
#[derive(Clone, Debug)]
pub struct Bank {
    pub name: &'static str,
    pub city: &'static str,
    pub routing: String,
    /// Over and under the line of the fraction.
    pub fraction: (String, String),
}

impl Bank {
    pub fn draw(chance: &mut Chance) -> Bank {
        let (name, city, eight, over) = BANKS[chance.below(BANKS.len() as u64) as usize];
        Bank { name, city, routing: with_check_digit(eight), fraction: (over.to_string(), eight[..4].to_string()) }
    }

    pub fn money_orders(chance: &mut Chance) -> Bank {
        Bank { name: "Prairie Post Money Orders", city: "Sage Crossing, Nevada", ..Bank::draw(chance) }
    }

    pub fn canadian(chance: &mut Chance) -> Bank {
        let branch = chance.digits(5);
        Bank {
            name: "Maple Plains Trust",
            city: "Foothills, Alberta",
            routing: format!("{branch}-9{:02}", 90 + chance.below(10)),
            fraction: (String::new(), String::new()),
        }
    }
}

/// Nine digits from eight: weights 3, 7, 1, the sum with the check digit divisible by ten.
pub fn with_check_digit(eight: &str) -> String {
    let sum: u32 =
        eight.chars().filter_map(|c| c.to_digit(10)).zip([3, 7, 1].into_iter().cycle()).map(|(d, w)| d * w).sum();
    format!("{eight}{}", (10 - sum % 10) % 10)
}

/// `Two hundred thirteen and 18/100`.
pub fn in_words(cents: i64) -> String {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    fn below_thousand(n: i64) -> String {
        let rest = match n % 100 {
            0 if n >= 100 => String::new(),
            small @ 0..20 => SMALL[small as usize].to_string(),
            tens if tens % 10 == 0 => TENS[tens as usize / 10].to_string(),
            both => format!("{}-{}", TENS[both as usize / 10], SMALL[both as usize % 10]),
        };
        if n < 100 {
            return rest;
        }
        let hundreds = format!("{} hundred", SMALL[n as usize / 100]);
        if rest.is_empty() { hundreds } else { format!("{hundreds} {rest}") }
    }
    let units = (cents / 100).clamp(0, 999_999);
    let mut words = match (units / 1000, units % 1000) {
        (0, small) => below_thousand(small),
        (thousands, 0) => format!("{} thousand", below_thousand(thousands)),
        (thousands, small) => format!("{} thousand {}", below_thousand(thousands), below_thousand(small)),
    };
    words[..1].make_ascii_uppercase();
    format!("{words} and {:02}/100", cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_words() {
        for (cents, words) in [
            (5, "Zero and 05/100"),
            (1218, "Twelve and 18/100"),
            (21_318, "Two hundred thirteen and 18/100"),
            (40_000, "Four hundred and 00/100"),
            (4_207_199, "Forty-two thousand seventy-one and 99/100"),
            (100_000, "One thousand and 00/100"),
        ] {
            assert_eq!(in_words(cents), words);
        }
    }

    #[test]
    fn every_bank_has_a_routing_number_that_proves() {
        for (name, _, eight, _) in BANKS {
            let routing = with_check_digit(eight);
            assert!(crate::domain::RoutingNumber::new(&routing).is_ok(), "{name}: {routing}");
        }
    }
}
