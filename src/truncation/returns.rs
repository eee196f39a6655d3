//! Which check came back? By the item's own id, then by the bank's sequence, then by account line and amount. A return that
//! fits two checks, or names one whose amount or bank is another, is not guessed: a person says which it is.

use super::banking_day::next_banking_day;
use crate::domain::{Cents, Day, DocumentId, OriginalItem, ReturnChannel, ReturnItem, RoutingNumber};

/// A check that went to the bank, as far as a return can name it.
#[derive(Clone, PartialEq, Debug)]
pub struct SentCheck {
    pub document: DocumentId,
    pub amount: Cents,
    /// Our item sequence or trace number; `None` where the bank took the check itself.
    pub sequence: Option<String>,
    /// The day that it was deposited.
    pub date: Day,
    pub routing: Option<String>,
    /// Digits without leading zeros.
    pub account: Option<String>,
    pub serial: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Original {
    /// This one, and how it was found.
    One(DocumentId, &'static str),
    /// Why a person must say which it is, and the checks that it may be.
    Unclear(String, Vec<DocumentId>),
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn bare(text: &str) -> String {
    let digits = digits(text);
    digits.trim_start_matches('0').to_string()
}

/// Eight digits: what both the old and the checked form of a routing number have.
fn bank(text: &str) -> String {
    let digits = digits(text);
    match RoutingNumber::new(&digits) {
        Ok(_) => digits[..8].to_string(),
        Err(_) => digits.chars().take(8).collect(),
    }
}

/// Does nothing that both know differ?
fn agrees(item: &OriginalItem, sent: &SentCheck) -> bool {
    let both = |a: Option<String>, b: Option<String>| a.zip(b).is_none_or(|(a, b)| a == b);
    both(item.routing.as_deref().map(bank), sent.routing.as_deref().map(bank))
        && both(item.account.as_ref().map(|a| a.key()), sent.account.clone())
        && both(item.serial.as_deref().map(bare), sent.serial.as_deref().map(bare))
}

/// Finds the check of a return among those that were sent. `named` is the check that a person named.
pub fn original(item: &ReturnItem, named: Option<&DocumentId>, sent: &[SentCheck]) -> Original {
    let of_amount: Vec<&SentCheck> = sent.iter().filter(|s| s.amount == item.amount).collect();
    let one = |found: Vec<&SentCheck>, how: &'static str| match found.as_slice() {
        [only] => Some(Original::One(only.document.clone(), how)),
        [] => None,
        several => Some(Original::Unclear(
            format!("{} checks of {} fit it equally well", several.len(), item.amount),
            several.iter().map(|s| s.document.clone()).collect(),
        )),
    };
    if let Some(named) = named {
        return one(of_amount.into_iter().filter(|s| s.document == *named).collect(), "named by a person")
            .unwrap_or_else(|| {
                Original::Unclear(format!("check {named} was not sent to the bank with {}", item.amount), Vec::new())
            });
    }
    let wanted = &item.original;
    let sequence = |number: &str, of: &[&SentCheck]| -> Vec<SentCheck> {
        let number = bare(number);
        of.iter()
            .filter(|s| !number.is_empty() && s.sequence.as_deref().map(bare).as_deref() == Some(&number))
            .filter(|s| wanted.business_date.is_none_or(|d| d == s.date))
            .map(|s| (*s).clone())
            .collect()
    };
    for (number, how) in [(&wanted.trace, "by its trace number"), (&wanted.item_sequence, "by its item sequence")] {
        let Some(number) = number else { continue };
        let found = sequence(number, &of_amount);
        if found.is_empty() {
            continue;
        }
        let agreeing: Vec<&SentCheck> = found.iter().filter(|s| agrees(wanted, s)).collect();
        if agreeing.is_empty() {
            let ids = found.iter().map(|s| s.document.clone()).collect();
            return Original::Unclear("its number names a check of another account line".into(), ids);
        }
        if let Some(answer) = one(agreeing, how) {
            return answer;
        }
    }
    // By account line: bank and account at least; whatever else is known must not differ.
    if wanted.routing.is_some() && wanted.account.is_some() {
        let found: Vec<&SentCheck> = of_amount
            .iter()
            .copied()
            .filter(|s| s.routing.is_some() && s.account.is_some() && agrees(wanted, s))
            .filter(|s| wanted.business_date.is_none_or(|d| d == s.date))
            .collect();
        if let Some(answer) = one(found, "by its account line and amount") {
            return answer;
        }
    }
    let like = of_amount.iter().take(12).map(|s| s.document.clone()).collect();
    Original::Unclear(format!("no check of {} that was sent has its number or account line", item.amount), like)
}

/// When a return came, against when it may come. It is taken all the same: the bank has the money; but somebody should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timing {
    InTime,
    /// Before the day that the item was settled on at all.
    BeforeSettlement(Day),
    /// After the last day on which it could come.
    Late(Day),
}

/// The rules. ACH: two banking days after settlement (the banking day after the file's), sixty days for what a consumer did
/// not authorize and for converted checks that were not eligible or were presented as paper (R05, R07, R10, R11, R37, R38,
/// R51, R52, R53; Nacha Operating Rules, 3.8 and 3.12). Checks: presented on the next banking day, returned so that our bank
/// has them two banking days later (Regulation CC, 229.31), and one more for its letter to us.
pub fn timing(item: &ReturnItem, sent: Day, came: Day) -> Timing {
    let after = |day: Day, count: u32| (0..count).fold(day, |day, _| next_banking_day(day));
    let settled = next_banking_day(sent);
    let code = item.code.split(' ').next_back().unwrap_or_default();
    let last = match item.channel {
        ReturnChannel::Ach => match code {
            "R05" | "R07" | "R10" | "R11" | "R37" | "R38" | "R51" | "R52" | "R53" => settled.plus_days(60),
            _ => after(settled, 2),
        },
        ReturnChannel::CashLetter => after(settled, 3),
        ReturnChannel::Keyed => return Timing::InTime,
    };
    match came {
        _ if came < sent || (item.channel == ReturnChannel::Ach && came < settled) => Timing::BeforeSettlement(settled),
        _ if came > last => Timing::Late(last),
        _ => Timing::InTime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BankAccount, ReturnReason, ReturnStage, SourcePlace};

    fn sent(name: &str, amount: i64, sequence: &str, account: &str, serial: &str) -> SentCheck {
        SentCheck {
            document: DocumentId::of(&[name.as_bytes()]),
            amount: Cents::new(amount),
            sequence: Some(sequence.into()).filter(|s: &String| !s.is_empty()),
            date: "2026-11-20".parse().unwrap(),
            routing: Some("061000146".into()),
            account: Some(account.into()),
            serial: Some(serial.into()),
        }
    }

    #[test]
    fn found_by_number_then_by_line_and_never_guessed() {
        let checks = [
            sent("a", 8418, "000000000000001", "12345", "101"),
            sent("b", 8418, "000000000000002", "12345", "102"),
            sent("c", 8418, "000000000000003", "777", "102"),
            sent("d", 5000, "000000000000002", "999", "7"),
            sent("e", 700, "", "55", "1"),
            sent("f", 700, "", "55", "1"),
        ];
        for (amount, trace, sequence, routing, account, serial, date, want) in [
            (8418, "", "2", "", "", "", "", "b"),
            (8418, "000000000000003", "", "", "", "", "2026-11-20", "c"),
            (5000, "", "2", "", "", "", "", "d"),
            // The number is another check's: not guessed.
            (8418, "", "2", "", "999", "", "", "?"),
            (8418, "", "2", "", "", "", "2026-11-21", "?"),
            (8418, "", "", "06100014", "0012345", "0101", "", "a"),
            (8418, "", "9", "061000146", "777", "", "", "c"),
            // Twins: two checks of one account and amount.
            (8418, "", "", "061000146", "12345", "", "", "?"),
            (700, "", "", "061000146", "55", "1", "", "?"),
            (8418, "", "", "", "", "102", "", "?"),
            (1, "", "1", "", "", "", "", "?"),
        ] {
            let some = |text: &str| Some(text.to_string()).filter(|t| !t.is_empty());
            let item = ReturnItem {
                amount: Cents::new(amount),
                original: OriginalItem {
                    trace: some(trace),
                    item_sequence: some(sequence),
                    business_date: some(date).map(|d| d.parse().unwrap()),
                    routing: some(routing),
                    account: some(account).map(BankAccount::new),
                    serial: some(serial),
                },
                ..item()
            };
            let got = match original(&item, None, &checks) {
                Original::One(document, _) => {
                    ["a", "b", "c", "d", "e", "f"].into_iter().find(|n| DocumentId::of(&[n.as_bytes()]) == document)
                }
                Original::Unclear(..) => Some("?"),
            };
            assert_eq!(got, Some(want), "{amount} {trace} {sequence} {account} {serial}");
            let named = original(&item, Some(&checks[0].document), &checks);
            assert_eq!(matches!(named, Original::One(..)), amount == 8418);
        }
    }

    #[test]
    fn returns_that_are_early_or_late() {
        use ReturnChannel::{Ach, CashLetter, Keyed};
        // Deposited on Friday 20 November; settled on Monday. Thanksgiving is on the 26th.
        for (channel, code, came, want) in [
            (Ach, "R01", "2026-11-23", Timing::InTime),
            (Ach, "R01", "2026-11-25", Timing::InTime),
            (Ach, "R01", "2026-11-27", Timing::Late("2026-11-25".parse().unwrap())),
            (Ach, "R01", "2026-11-20", Timing::BeforeSettlement("2026-11-23".parse().unwrap())),
            (Ach, "R10", "2027-01-22", Timing::InTime),
            (Ach, "R10", "2027-01-23", Timing::Late("2027-01-22".parse().unwrap())),
            (Ach, "557 R10", "2027-01-22", Timing::InTime),
            (CashLetter, "A", "2026-11-27", Timing::InTime),
            (CashLetter, "A", "2026-11-30", Timing::Late("2026-11-27".parse().unwrap())),
            (CashLetter, "A", "2026-11-19", Timing::BeforeSettlement("2026-11-23".parse().unwrap())),
            (Keyed, "A", "2027-11-19", Timing::InTime),
        ] {
            let item = ReturnItem { channel, code: code.into(), ..item() };
            assert_eq!(timing(&item, "2026-11-20".parse().unwrap(), came.parse().unwrap()), want, "{code} {came}");
        }
    }

    fn item() -> ReturnItem {
        ReturnItem {
            channel: ReturnChannel::Keyed,
            stage: ReturnStage::Returned,
            reason: ReturnReason::InsufficientFunds,
            code: "A".into(),
            amount: Cents::new(1),
            original: OriginalItem::default(),
            id: String::new(),
            date: None,
            text: String::new(),
            place: SourcePlace::default(),
        }
    }
}
