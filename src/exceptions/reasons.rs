//! Every reason in one table: its queue, its plain sentence, the moves that settle it. The table is an exhaustive match:
//! a new reason does not compile until it stands here.

use serde::Serialize;

use super::Move;
use crate::domain::Reason;

/// Who looks at it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// Somebody may be, or is, without service: collections, before anything else.
    Urgent,
    /// Money at risk: duplicates, stops, totals that do not agree.
    Risk,
    /// Accounts that may not be paid the usual way.
    Accounts,
    /// Something must be keyed from the image.
    Keying,
    /// Which bill, and how much of it.
    Matching,
    /// The paper itself.
    Images,
}

impl Queue {
    pub const ALL: [Queue; 6] =
        [Queue::Urgent, Queue::Risk, Queue::Accounts, Queue::Keying, Queue::Matching, Queue::Images];

    /// The queue that a reason stands in.
    pub fn of(reason: Reason) -> Queue {
        row(reason).0
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Queue::Urgent => "urgent",
            Queue::Risk => "risk",
            Queue::Accounts => "accounts",
            Queue::Keying => "keying",
            Queue::Matching => "matching",
            Queue::Images => "images",
        }
    }

    pub fn parse(text: &str) -> Option<Queue> {
        Queue::ALL.into_iter().find(|q| q.as_str() == text)
    }
}

const KEY_AMOUNT: Move = Move { name: "key-amount", fields: &["amount"] };
const KEY_MICR: Move = Move { name: "key-micr", fields: &["text"] };
const KEY_SCANLINE: Move = Move { name: "key-scanline", fields: &["text"] };
const ASSIGN: Move = Move { name: "assign", fields: &["account", "[bill]", "[amount]"] };
const APPLY: Move = Move { name: "apply", fields: &["bill", "amount"] };
const APPLY_LIST: Move = Move { name: "apply-list", fields: &["list"] };
const EDIT_LINE: Move = Move { name: "edit-line", fields: &["line", "amount", "[bill]"] };
const UNDO_LINE: Move = Move { name: "undo-line", fields: &["line"] };
const REFUND: Move = Move { name: "refund", fields: &["[note]"] };
const ACCEPT: Move = Move { name: "accept", fields: &["[note]"] };
const ACCEPT_PARTIAL: Move = Move { name: "accept-partial", fields: &["[note]"] };
const TO_CREDIT: Move = Move { name: "to-credit", fields: &["[note]"] };
const TO_SUSPENSE: Move = Move { name: "to-suspense", fields: &["note"] };
const REGROUP: Move = Move { name: "regroup", fields: &["documents"] };
const SET_ASIDE: Move = Move { name: "set-aside", fields: &["note"] };
const HOLD: Move = Move { name: "hold", fields: &["[until]", "[owner]", "[note]"] };
const REJECT: Move = Move { name: "reject", fields: &["[letter]", "[note]"] };
const DISTINCT: Move = Move { name: "distinct", fields: &["note"] };
const VOID: Move = Move { name: "void", fields: &["note"] };

/// A stub's line that could not be read, or that its barcode contradicts.
const LINE_UNREAD: &[Move] =
    &[KEY_SCANLINE, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, TO_SUSPENSE, SET_ASIDE, HOLD, REJECT, VOID];

type Row = (Queue, &'static str, &'static [Move]);

fn row(reason: Reason) -> Row {
    use Queue::{Accounts, Images, Keying, Matching, Risk, Urgent};
    use Reason as R;
    match reason {
        R::CutoffPending => (
            Urgent,
            "This account is about to be cut off. Tell collections at once that a payment is here.",
            &[ACCEPT, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, HOLD, REJECT, VOID],
        ),
        R::AccountDisconnected => (
            Urgent,
            "This account is without service. Tell collections at once that a payment is here.",
            &[ACCEPT, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, HOLD, REJECT, VOID],
        ),
        R::DuplicateCheck => (
            Risk,
            "The same check was taken before. Void it, or say that it is another check.",
            &[VOID, DISTINCT, KEY_MICR, HOLD, REJECT, REGROUP],
        ),
        R::PayerStop => {
            (Risk, "The payer's bank account is on the stop list.", &[REJECT, ACCEPT, KEY_MICR, HOLD, VOID])
        }
        R::BatchOutOfBalance => (Risk, "The batch does not agree with its control totals.", &[HOLD, VOID]),
        R::TransactionOutOfBalance => (
            Risk,
            "What came in and what is applied differ.",
            &[
                APPLY,
                APPLY_LIST,
                EDIT_LINE,
                UNDO_LINE,
                KEY_AMOUNT,
                ASSIGN,
                TO_CREDIT,
                TO_SUSPENSE,
                REGROUP,
                HOLD,
                REJECT,
                VOID,
            ],
        ),
        R::LimitExceeded => {
            (Risk, "The amount is over the limit; an approver must look.", &[ACCEPT, KEY_AMOUNT, HOLD, REJECT, VOID])
        }
        R::StaleBills => (Risk, "The open bills are older than the site allows.", &[ACCEPT, HOLD, VOID]),
        R::ReturnUnmatched => (Risk, "The bank sent back an item that was not found.", &[HOLD, VOID]),
        R::CashOnly => (
            Accounts,
            "This account may not pay by check for now.",
            &[REJECT, ACCEPT, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, TO_SUSPENSE, HOLD, VOID],
        ),
        R::AccountBankruptcy => (
            Accounts,
            "This account is in bankruptcy; how it may be paid is the court's to say.",
            &[HOLD, ACCEPT, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, TO_SUSPENSE, REJECT, VOID],
        ),
        R::AccountWrittenOff => (
            Accounts,
            "This account was written off; the payment is a recovery.",
            &[ACCEPT, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, TO_SUSPENSE, HOLD, REJECT, VOID],
        ),
        R::AccountClosed => (
            Accounts,
            "This account is closed.",
            &[ASSIGN, ACCEPT, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, TO_SUSPENSE, HOLD, REJECT, VOID],
        ),
        R::Arrangement => (
            Accounts,
            "This account pays by arrangement, and this is not the agreed instalment.",
            &[
                ACCEPT,
                ACCEPT_PARTIAL,
                TO_CREDIT,
                APPLY,
                APPLY_LIST,
                EDIT_LINE,
                UNDO_LINE,
                KEY_AMOUNT,
                HOLD,
                REJECT,
                VOID,
            ],
        ),
        R::RoutingInvalid => (
            Keying,
            "The check's routing number cannot be right. Key the line, or send the check by paper.",
            &[KEY_MICR, ACCEPT, HOLD, REJECT, VOID],
        ),
        R::MicrMismatch => (
            Keying,
            "The magnetic read and the picture of the account line differ. Key what the picture shows.",
            &[KEY_MICR, HOLD, REJECT, VOID],
        ),
        R::MicrUnreadable => (
            Keying,
            "The account line could not be read in full. Key it from the image.",
            &[KEY_MICR, ACCEPT, SET_ASIDE, HOLD, REJECT, VOID],
        ),
        R::ForeignCheck => (
            Images,
            "The check is drawn on a bank of another country, or the payment is in another currency. Say whether it is taken at its face amount.",
            &[ACCEPT, KEY_AMOUNT, HOLD, REJECT, VOID],
        ),
        R::PostDated => (Images, "The check is dated in the future.", &[HOLD, ACCEPT, REJECT, VOID]),
        R::StaleDated => (Images, "The check is too old.", &[REJECT, ACCEPT, HOLD, VOID]),
        R::Unsigned => (Images, "The check is not signed.", &[REJECT, ACCEPT, HOLD, VOID]),
        R::RestrictiveNote => (Images, "A note on the check limits what it pays.", &[ACCEPT, HOLD, REJECT, VOID]),
        R::WordsFiguresDiffer => (
            Keying,
            "The amount in words and the amount in figures differ. Key the amount in words.",
            &[KEY_AMOUNT, HOLD, REJECT, VOID],
        ),
        R::DuplicateStub => (
            Matching,
            "The same bill is here twice, or was paid already.",
            &[
                ACCEPT,
                SET_ASIDE,
                ASSIGN,
                APPLY,
                APPLY_LIST,
                EDIT_LINE,
                UNDO_LINE,
                TO_CREDIT,
                TO_SUSPENSE,
                REGROUP,
                HOLD,
                REJECT,
                VOID,
            ],
        ),
        R::AmbiguousMatch => (
            Matching,
            "More than one set of bills fits equally well. Choose.",
            &[APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, ACCEPT, ASSIGN, TO_SUSPENSE, HOLD, REJECT, VOID],
        ),
        R::AccountUnknown => (
            Matching,
            "No open bill has this account.",
            &[ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, KEY_SCANLINE, TO_SUSPENSE, HOLD, REJECT, VOID],
        ),
        R::CheckDigitFailed => (
            Keying,
            "A digit of the stub's line is wrong. Key the line, or say which account it is.",
            &[
                KEY_SCANLINE,
                ACCEPT,
                ASSIGN,
                APPLY,
                APPLY_LIST,
                EDIT_LINE,
                UNDO_LINE,
                TO_SUSPENSE,
                SET_ASIDE,
                HOLD,
                REJECT,
                VOID,
            ],
        ),
        R::BarcodeScanlineMismatch => {
            (Keying, "The barcode and the line of the stub say different things.", LINE_UNREAD)
        }
        R::ScanlineUnreadable => {
            (Keying, "The stub's line could not be read. Key it, or say which account it is.", LINE_UNREAD)
        }
        R::AmountUnknown => (
            Keying,
            "The check's amount is not known. Key it from the image.",
            &[KEY_AMOUNT, HOLD, SET_ASIDE, REJECT, VOID],
        ),
        R::AmountUncertain => (
            Keying,
            "The check's amount is in doubt. Key it from the image.",
            &[KEY_AMOUNT, ACCEPT, HOLD, SET_ASIDE, REJECT, VOID],
        ),
        R::Underpaid => (
            Matching,
            "Less came than was expected.",
            &[
                ACCEPT_PARTIAL,
                ACCEPT,
                APPLY,
                APPLY_LIST,
                EDIT_LINE,
                UNDO_LINE,
                KEY_AMOUNT,
                TO_SUSPENSE,
                REGROUP,
                HOLD,
                REJECT,
                VOID,
            ],
        ),
        R::Overpaid => (
            Matching,
            "More came than was expected.",
            &[
                TO_CREDIT,
                REFUND,
                ACCEPT,
                APPLY,
                APPLY_LIST,
                EDIT_LINE,
                UNDO_LINE,
                KEY_AMOUNT,
                TO_SUSPENSE,
                REGROUP,
                HOLD,
                REJECT,
                VOID,
            ],
        ),
        R::CheckWithoutStub => (
            Matching,
            "A check came without a stub.",
            &[ACCEPT, ASSIGN, APPLY, APPLY_LIST, EDIT_LINE, UNDO_LINE, TO_SUSPENSE, REGROUP, HOLD, REJECT, VOID],
        ),
        R::StubWithoutCheck => (
            Matching,
            "A stub came without a check. If it was paid in cash, key what was taken.",
            &[KEY_AMOUNT, REGROUP, SET_ASIDE, HOLD, VOID],
        ),
        R::ImageUnreadable => (Images, "The image is damaged or is none.", &[SET_ASIDE, ACCEPT, HOLD, REJECT, VOID]),
        R::ImageQuality => (Images, "The image is too poor to be sure of.", &[ACCEPT, SET_ASIDE, HOLD, REJECT, VOID]),
        R::RearMissing => (Images, "The back of this check is missing.", &[ACCEPT, HOLD, REJECT, VOID]),
        R::DocumentUnidentified => (
            Images,
            "Nobody can tell yet what this piece is.",
            &[KEY_MICR, KEY_SCANLINE, SET_ASIDE, REGROUP, HOLD, REJECT, VOID],
        ),
    }
}

/// Which queue a reason stands in.
pub fn queue(reason: Reason) -> Queue {
    Queue::of(reason)
}

/// The plain sentence for people.
pub fn sentence(reason: Reason) -> &'static str {
    row(reason).1
}

/// Order of harm: 0 is the worst. A queue is sorted by it, then by money, then by age.
pub fn harm(reason: Reason) -> usize {
    Reason::ALL.iter().position(|r| *r == reason).unwrap_or(usize::MAX)
}

/// The moves that settle a reason, the usual one first.
pub fn moves(reason: Reason) -> &'static [Move] {
    row(reason).2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_says_something_and_ends() {
        for reason in Reason::ALL {
            assert!(sentence(*reason).ends_with('.'), "{reason}");
            let names: Vec<&str> = moves(*reason).iter().map(|m| m.name).collect();
            assert!(names.contains(&"hold"), "{reason} cannot wait");
            assert!(names.contains(&"void"), "{reason} has no end");
        }
        for reason in [Reason::AmountUnknown, Reason::AmountUncertain] {
            let first = moves(reason)[0];
            assert_eq!((first.name, first.fields), ("key-amount", &["amount"][..]));
        }
    }
}
