//! Items that came back, as a statement tells them: transactions 555 (deposited item), 557 (ACH entry) and 561 (debit of
//! ours) as returned items. The code stays as it stands; a reason is taken only from a Nacha code in the text or from words
//! that mean one thing alone. A statement whose totals do not hold is refused whole.

use std::io::Read;

use super::codes::{Meaning, meaning};
use super::read::{BankTotals, Detail, Event, scan_from};
use crate::domain::{Day, OriginalItem, ReturnChannel, ReturnItem, ReturnReason, ReturnStage, SourcePlace};
use crate::formats::fault::{Fault, Faults};

/// Most returns of one file; a file with more is refused.
const MOST: usize = 1_000_000;

/// The returns of a file.
#[derive(Clone, Debug)]
pub struct ReturnedDetails {
    pub returns: Vec<ReturnItem>,
    /// Transactions of other codes.
    pub others: u64,
    pub faults: Faults,
}

impl ReturnedDetails {
    /// Why nothing of the file may be booked; `None` when its totals and order hold.
    pub fn refusal(&self) -> Option<&Fault> {
        self.faults.list().iter().find(|f| f.is_error())
    }
}

/// Reads the returned items of a file of any size. Groups that are corrections, deletions or tests are a fault.
pub fn returns(banks: &[BankTotals], source: &mut dyn Read) -> Result<ReturnedDetails, Fault> {
    let (mut returns, mut others, mut refused) = (Vec::new(), 0, Vec::new());
    let summary = scan_from(banks, source, &mut |event| {
        let Event::Detail(group, _, detail) = event else { return };
        if meaning(&detail.code) != Meaning::ComesBack {
            others += 1;
        } else if !matches!(group.status.as_str(), "" | "1") {
            let message = "the group is no plain report: what came back in it is not taken by itself";
            refused.push(Fault::error("status", message).record(group.number));
        } else if returns.len() == MOST {
            refused.push(Fault::error("limit", format!("more than {MOST} returns in one file")));
        } else {
            returns.push(returned(detail, group.date));
        }
    })?;
    let mut faults = summary.faults;
    refused.dedup();
    refused.into_iter().for_each(|fault| faults.push(fault));
    Ok(ReturnedDetails { returns, others, faults })
}

fn returned(detail: &Detail, date: Option<Day>) -> ReturnItem {
    let text = detail.text.join(" ");
    let said = [detail.bank_reference.as_str(), &detail.customer_reference, &text].join(" ");
    let words: Vec<&str> = said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let is_number = |word: &&&str, length: usize| word.len() == length && word.bytes().all(|b| b.is_ascii_digit());
    let code = words.iter().find(|w| w.len() == 3 && ReturnReason::of_ach(w) != ReturnReason::Unknown);
    let reason = code.map_or_else(|| by_words(&said), |code| ReturnReason::of_ach(code));
    let tag = words.iter().position(|w| matches!(*w, "CHKN" | "CHECK" | "CHK" | "SERIAL"));
    let serial = tag.and_then(|at| words.get(at + 1)).filter(|w| w.bytes().all(|b| b.is_ascii_digit()));
    // The number of an ACH entry has fifteen digits; a statement writes it with or without blanks around.
    let trace = words.iter().find(|w| is_number(w, 15)).map(|w| w.to_string());
    ReturnItem {
        channel: if detail.code == "555" { ReturnChannel::CashLetter } else { ReturnChannel::Ach },
        stage: if reason == ReturnReason::BetweenBanks { ReturnStage::Dishonored } else { ReturnStage::Returned },
        reason,
        code: code.map_or_else(|| detail.code.clone(), |code| format!("{} {code}", detail.code)),
        amount: detail.amount,
        original: OriginalItem {
            item_sequence: trace.clone().filter(|_| detail.code == "555"),
            trace: trace.filter(|_| detail.code != "555"),
            serial: serial.map(|s| s.trim_start_matches('0').to_string()).filter(|s| !s.is_empty()),
            ..OriginalItem::default()
        },
        id: match detail.bank_reference.is_empty() {
            true => format!("record {}", detail.number),
            false => detail.bank_reference.clone(),
        },
        date,
        text: said.trim().to_string(),
        place: SourcePlace { record: detail.number, offset: detail.offset },
    }
}

/// A reason in words, where no other reason is said with them.
fn by_words(text: &str) -> ReturnReason {
    let text = text.to_ascii_uppercase();
    let said = [
        ("INSUFFICIENT", ReturnReason::InsufficientFunds),
        ("NSF", ReturnReason::InsufficientFunds),
        ("UNCOLLECTED", ReturnReason::UncollectedFunds),
        ("ACCOUNT CLOSED", ReturnReason::AccountClosed),
        ("CLOSED ACCOUNT", ReturnReason::AccountClosed),
        ("STOP PAYMENT", ReturnReason::StopPayment),
        ("REFER TO MAKER", ReturnReason::ReferToMaker),
    ];
    let mut found: Vec<ReturnReason> =
        said.into_iter().filter(|(words, _)| text.contains(words)).map(|(_, reason)| reason).collect();
    found.dedup();
    match found.as_slice() {
        [one] => *one,
        _ => ReturnReason::Unknown,
    }
}
