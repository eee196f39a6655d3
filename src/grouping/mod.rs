//! Which documents came in one envelope, with the reason; and before that, what is known of each document once the
//! decoder, the station, the file's records and the people have spoken ([`evidence`]). Pure: the same documents give the
//! same groups. Nothing is guessed in silence: what two sources say differently becomes a problem.

mod evidence;
#[cfg(test)]
mod evidence_tests;
mod group;

pub use evidence::evidence;
pub use group::group;

use serde::{Deserialize, Serialize};

use crate::domain::{
    AccountNumber, AmountSource, BankAccount, Biller, Cents, Day, DocumentId, DocumentKind, Problem, TransactionKind,
};

/// All that is known of one document: the decoder's reads, the station's, the record it came in, and what people keyed.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Evidence {
    pub document: DocumentId,
    pub seq: u32,
    pub kind: DocumentKind,
    /// The envelope by number, where the source (lockbox, X9) says so.
    pub envelope: Option<u32>,
    /// Present for checks.
    pub check: Option<CheckEvidence>,
    /// Present for stubs and for remittance lines of files.
    pub stub: Option<StubEvidence>,
    /// What stands in the way, in order of harm; account numbers are masked.
    pub problems: Vec<Problem>,
    pub has_front: bool,
    pub has_back: bool,
    /// A record of a lockbox or bank file, not paper of ours.
    pub is_record: bool,
    /// A person took it out of the payment, with this note.
    pub set_aside: Option<String>,
}

/// The check's line by fields and what it is worth.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug, Default)]
pub struct CheckEvidence {
    /// In our alphabet (`A` transit, `B` amount, `C` on-us, `D` dash, `?` rejected).
    pub micr: Option<String>,
    /// Every character that matters is known and the routing digit holds.
    pub accepted: bool,
    /// Nine digits, or `12345-678` (Canada).
    pub routing: Option<String>,
    pub routing_valid: Option<bool>,
    pub bank_account: Option<BankAccount>,
    pub serial: Option<String>,
    pub aux_on_us: Option<String>,
    pub epc: Option<String>,
    /// The whole on-us field, as an image cash letter carries it.
    pub on_us: Option<String>,
    pub country: Option<String>,
    /// Of a payment that a bank file tells, as ISO 4217 has it.
    pub currency: Option<String>,
    pub amount: Option<Cents>,
    pub amount_source: Option<AmountSource>,
    /// The amount is good enough to move money without a person looking.
    pub amount_accepted: bool,
}

impl CheckEvidence {
    /// What makes a check the same check again: routing, bank account and serial, as one text; `None` when a part is
    /// missing, zero or not accepted. The shell keys this (HMAC) before it stores it; the amount is compared beside it.
    pub fn fingerprint(&self) -> Option<String> {
        let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
        let serial = digits(self.serial.as_deref().or(self.aux_on_us.as_deref())?);
        let serial = serial.trim_start_matches('0');
        let routing = digits(self.routing.as_deref()?);
        let account = self.bank_account.as_ref()?.key();
        if serial.is_empty() || account.is_empty() || routing.len() < 8 || !self.accepted {
            return None;
        }
        Some(format!("{routing}|{account}|{serial}"))
    }
}

/// What a stub (or the remittance line of a file) says it pays.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug, Default)]
pub struct StubEvidence {
    pub biller: Option<Biller>,
    pub account: Option<AccountNumber>,
    pub bill: Option<String>,
    pub invoice: Option<String>,
    pub amount_due: Option<Cents>,
    pub amount_late: Option<Cents>,
    pub amount_past: Option<Cents>,
    pub due_date: Option<Day>,
    /// For files: what the payer said this line pays.
    pub paid: Option<Cents>,
    /// An accepted scanline or barcode, and no two sources disagree.
    pub accepted: bool,
    /// The line was read and its check digit failed: `account` is as printed, repairs are looked for among open bills.
    pub check_digit_failed: bool,
    /// A person named the account.
    pub keyed: bool,
}

/// One document as grouping sees it. `known_payer_of` and `expected` are looked up by the shell when it can
/// (see [`crate::matching::wanted`]); both may be empty.
#[derive(Clone, PartialEq, Debug)]
pub struct Piece<'a> {
    pub evidence: &'a Evidence,
    /// For a check: the accounts its bank account is known to pay for.
    pub known_payer_of: Vec<(Biller, AccountNumber)>,
    /// For a stub: the amounts that would be a normal payment of its bill.
    pub expected: Vec<Cents>,
    /// The same check came earlier, in this batch or on another day.
    pub duplicate: bool,
}

/// The documents of one envelope.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Group {
    /// In capture order.
    pub documents: Vec<DocumentId>,
    pub kind: TransactionKind,
    /// A plain sentence: `check 12 opens, stubs 13-14 follow it`.
    pub reason: String,
}

/// Single, multi, check-only, stub-only or other, by what is in it.
pub fn kind_of<'a>(documents: impl IntoIterator<Item = &'a Evidence>) -> TransactionKind {
    let (mut checks, mut stubs) = (0, 0);
    for e in documents {
        match e.kind {
            _ if e.set_aside.is_some() => {}
            DocumentKind::Check => checks += 1,
            DocumentKind::CashTicket => checks += 1,
            DocumentKind::Stub => stubs += 1,
            DocumentKind::BatchHeader | DocumentKind::Correspondence | DocumentKind::Back | DocumentKind::Unknown => {}
        }
    }
    match (checks, stubs) {
        (0, 0) => TransactionKind::Other,
        (0, _) => TransactionKind::StubOnly,
        (_, 0) => TransactionKind::CheckOnly,
        (1, 1) => TransactionKind::Single,
        _ => TransactionKind::Multi,
    }
}
