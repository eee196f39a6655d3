//! An item that came back from the bank: an ACH return (addenda 99), a returned check of an image cash letter, or one that a
//! person keyed. The reason in our words beside the file's own code; how the item we sent can be found again; where in the
//! file it stood. Notifications of change are no returns: they move no money.

use serde::{Deserialize, Serialize};

use super::account::BankAccount;
use super::day::Day;
use super::money::Cents;

/// Why an item came back, whatever network says so. A code that no table knows is `Unknown` and needs a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnReason {
    InsufficientFunds,
    UncollectedFunds,
    StopPayment,
    AccountClosed,
    /// No such account, or the holder could not be found.
    NoAccount,
    BadAccountNumber,
    NotAuthorized,
    AuthorizationRevoked,
    /// Authorized, but not so: another amount, another date.
    NotAsAuthorized,
    AccountFrozen,
    NonTransactionAccount,
    Deceased,
    BranchSold,
    RoutingInvalid,
    /// Our bank asked for it back.
    AtOurRequest,
    /// The receiver, a company or its name and number were refused.
    Refused,
    Duplicate,
    /// The paper was presented as well.
    SourceDocumentPresented,
    /// The check may not be converted.
    ImproperSourceDocument,
    /// A field that we or our bank filled wrongly.
    FieldError,
    StaleDated,
    PostDated,
    EndorsementMissing,
    EndorsementIrregular,
    SignatureMissing,
    SignatureIrregular,
    NonCashItem,
    Altered,
    Forgery,
    CannotProcess,
    OverLimit,
    ReferToMaker,
    /// It may not be presented again.
    NotToBePresentedAgain,
    ImageUnusable,
    AmountUnclear,
    /// The reason is written on the item.
    SeeImage,
    WarrantyBreach,
    /// A bank disputes a return (R61, R62, R67 to R70) or answers the dispute (R71 to R77): nothing of ours moves by itself.
    BetweenBanks,
    Unknown,
}

impl ReturnReason {
    pub const ALL: [ReturnReason; 39] = [
        ReturnReason::InsufficientFunds,
        ReturnReason::UncollectedFunds,
        ReturnReason::StopPayment,
        ReturnReason::AccountClosed,
        ReturnReason::NoAccount,
        ReturnReason::BadAccountNumber,
        ReturnReason::NotAuthorized,
        ReturnReason::AuthorizationRevoked,
        ReturnReason::NotAsAuthorized,
        ReturnReason::AccountFrozen,
        ReturnReason::NonTransactionAccount,
        ReturnReason::Deceased,
        ReturnReason::BranchSold,
        ReturnReason::RoutingInvalid,
        ReturnReason::AtOurRequest,
        ReturnReason::Refused,
        ReturnReason::Duplicate,
        ReturnReason::SourceDocumentPresented,
        ReturnReason::ImproperSourceDocument,
        ReturnReason::FieldError,
        ReturnReason::StaleDated,
        ReturnReason::PostDated,
        ReturnReason::EndorsementMissing,
        ReturnReason::EndorsementIrregular,
        ReturnReason::SignatureMissing,
        ReturnReason::SignatureIrregular,
        ReturnReason::NonCashItem,
        ReturnReason::Altered,
        ReturnReason::Forgery,
        ReturnReason::CannotProcess,
        ReturnReason::OverLimit,
        ReturnReason::ReferToMaker,
        ReturnReason::NotToBePresentedAgain,
        ReturnReason::ImageUnusable,
        ReturnReason::AmountUnclear,
        ReturnReason::SeeImage,
        ReturnReason::WarrantyBreach,
        ReturnReason::BetweenBanks,
        ReturnReason::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ReturnReason::InsufficientFunds => "insufficient-funds",
            ReturnReason::UncollectedFunds => "uncollected-funds",
            ReturnReason::StopPayment => "stop-payment",
            ReturnReason::AccountClosed => "account-closed",
            ReturnReason::NoAccount => "no-account",
            ReturnReason::BadAccountNumber => "bad-account-number",
            ReturnReason::NotAuthorized => "not-authorized",
            ReturnReason::AuthorizationRevoked => "authorization-revoked",
            ReturnReason::NotAsAuthorized => "not-as-authorized",
            ReturnReason::AccountFrozen => "account-frozen",
            ReturnReason::NonTransactionAccount => "non-transaction-account",
            ReturnReason::Deceased => "deceased",
            ReturnReason::BranchSold => "branch-sold",
            ReturnReason::RoutingInvalid => "routing-invalid",
            ReturnReason::AtOurRequest => "at-our-request",
            ReturnReason::Refused => "refused",
            ReturnReason::Duplicate => "duplicate",
            ReturnReason::SourceDocumentPresented => "source-document-presented",
            ReturnReason::ImproperSourceDocument => "improper-source-document",
            ReturnReason::FieldError => "field-error",
            ReturnReason::StaleDated => "stale-dated",
            ReturnReason::PostDated => "post-dated",
            ReturnReason::EndorsementMissing => "endorsement-missing",
            ReturnReason::EndorsementIrregular => "endorsement-irregular",
            ReturnReason::SignatureMissing => "signature-missing",
            ReturnReason::SignatureIrregular => "signature-irregular",
            ReturnReason::NonCashItem => "non-cash-item",
            ReturnReason::Altered => "altered",
            ReturnReason::Forgery => "forgery",
            ReturnReason::CannotProcess => "cannot-process",
            ReturnReason::OverLimit => "over-limit",
            ReturnReason::ReferToMaker => "refer-to-maker",
            ReturnReason::NotToBePresentedAgain => "not-to-be-presented-again",
            ReturnReason::ImageUnusable => "image-unusable",
            ReturnReason::AmountUnclear => "amount-unclear",
            ReturnReason::SeeImage => "see-image",
            ReturnReason::WarrantyBreach => "warranty-breach",
            ReturnReason::BetweenBanks => "between-banks",
            ReturnReason::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<ReturnReason> {
        ReturnReason::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// Of an ACH return code (`R01`): Nacha's table, as of 2026.
    pub fn of_ach(code: &str) -> ReturnReason {
        use ReturnReason::*;
        match code {
            "R01" => InsufficientFunds,
            "R02" => AccountClosed,
            "R03" => NoAccount,
            "R04" => BadAccountNumber,
            "R05" | "R10" | "R29" => NotAuthorized,
            "R06" => AtOurRequest,
            "R07" => AuthorizationRevoked,
            "R08" | "R38" | "R52" => StopPayment,
            "R09" => UncollectedFunds,
            "R11" => NotAsAuthorized,
            "R12" => BranchSold,
            "R13" | "R32" | "R34" => RoutingInvalid,
            "R14" | "R15" => Deceased,
            "R16" => AccountFrozen,
            "R17" | "R33" | "R80" | "R83" | "R84" | "R85" => CannotProcess,
            "R20" => NonTransactionAccount,
            "R21" | "R22" | "R23" | "R31" => Refused,
            "R24" => Duplicate,
            "R18" | "R19" | "R25" | "R26" | "R27" | "R28" | "R30" | "R35" | "R36" | "R40" | "R41" | "R42" | "R43"
            | "R44" | "R45" | "R46" | "R47" | "R81" | "R82" => FieldError,
            "R37" | "R53" => SourceDocumentPresented,
            "R39" | "R50" | "R51" => ImproperSourceDocument,
            "R61" | "R62" | "R67" | "R68" | "R69" | "R70" | "R71" | "R72" | "R73" | "R74" | "R75" | "R76" | "R77" => {
                BetweenBanks
            }
            _ => Unknown,
        }
    }

    /// Of a return reason of an image cash letter (X9.100-187 field 31.6). `administrative`: the letter's collection type is
    /// not a customer's return (return indicator `E`).
    pub fn of_check(code: char, administrative: bool) -> ReturnReason {
        use ReturnReason::*;
        match (code.to_ascii_uppercase(), administrative) {
            ('I' | 'T' | 'U' | 'V' | '1' | '2', true) => ImageUnusable,
            ('Q', true) => NotToBePresentedAgain,
            ('Y', _) => Duplicate,
            ('3'..='5', _) => WarrantyBreach,
            ('6', _) => RoutingInvalid,
            ('A', false) => InsufficientFunds,
            ('B', false) => UncollectedFunds,
            ('C', false) => StopPayment,
            ('D', false) => AccountClosed,
            ('E', false) => NoAccount,
            ('F', false) => AccountFrozen,
            ('G', false) => StaleDated,
            ('H', false) => PostDated,
            ('I', false) => EndorsementMissing,
            ('J', false) => EndorsementIrregular,
            ('K', false) => SignatureMissing,
            ('L', false) => SignatureIrregular,
            ('M', false) => NonCashItem,
            ('N', false) => Altered,
            ('O', false) => CannotProcess,
            ('P', false) => OverLimit,
            ('Q', false) => NotAuthorized,
            ('R', false) => BranchSold,
            ('S', false) => ReferToMaker,
            ('T', false) => NotToBePresentedAgain,
            ('U', false) => ImageUnusable,
            ('W', false) => AmountUnclear,
            ('X', false) => SeeImage,
            ('Z', false) => Forgery,
            _ => Unknown,
        }
    }

    /// There may be money another day: the item may be presented again.
    pub fn may_be_presented_again(self) -> bool {
        matches!(self, ReturnReason::InsufficientFunds | ReturnReason::UncollectedFunds)
    }

    /// The payer's bank account must not be debited by ACH again without a person.
    pub fn blocks_conversion(self) -> bool {
        matches!(
            self,
            ReturnReason::AccountClosed
                | ReturnReason::NoAccount
                | ReturnReason::BadAccountNumber
                | ReturnReason::NotAuthorized
                | ReturnReason::AuthorizationRevoked
                | ReturnReason::NonTransactionAccount
                | ReturnReason::RoutingInvalid
                | ReturnReason::ImproperSourceDocument
        )
    }
}

/// How it came back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnChannel {
    Ach,
    /// A return letter, record 31.
    CashLetter,
    /// A person keyed it from the bank's paper or screen.
    Keyed,
}

/// Where in the traffic between the banks the item stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnStage {
    /// The item came back: our money is gone.
    Returned,
    /// Our bank refuses the return (ACH R61, R62, R67 to R70).
    Dishonored,
    /// The payer's bank insists on its return (ACH R71 to R77).
    Contested,
}

/// How the item that we sent can be found again; whatever the file tells, the rest empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct OriginalItem {
    /// ACH: the trace number of our entry, 15 digits (addenda 99, columns 7-21).
    pub trace: Option<String>,
    /// Image cash letter: the item sequence number that we gave, as bank of first deposit (record 32 or 26).
    pub item_sequence: Option<String>,
    /// The day that we deposited it.
    pub business_date: Option<Day>,
    /// The payer's bank: eight digits, or nine with the check digit.
    pub routing: Option<String>,
    pub account: Option<BankAccount>,
    /// The check's serial number without leading zeros.
    pub serial: Option<String>,
}

/// Where it stood in the file.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct SourcePlace {
    /// Number of the record, from 1.
    pub record: u64,
    /// Byte offset of the record.
    pub offset: u64,
}

/// One returned item as a file, or a person, tells it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct ReturnItem {
    pub channel: ReturnChannel,
    pub stage: ReturnStage,
    pub reason: ReturnReason,
    /// As in the file: `R01`, `A`.
    pub code: String,
    pub amount: Cents,
    pub original: OriginalItem,
    /// The return's own number, unique with `date` at the bank that sent it: its trace number, or its item sequence.
    pub id: String,
    /// The day that the bank settles it, where the file tells.
    pub date: Option<Day>,
    /// What the bank wrote beside the code.
    pub text: String,
    pub place: SourcePlace,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_both_networks() {
        use ReturnReason::*;
        for (code, reason) in [
            ("R01", InsufficientFunds),
            ("R02", AccountClosed),
            ("R24", Duplicate),
            ("R29", NotAuthorized),
            ("R37", SourceDocumentPresented),
            ("R39", ImproperSourceDocument),
            ("R67", BetweenBanks),
            ("R99", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(ReturnReason::of_ach(code), reason, "{code}");
        }
        for (code, administrative, reason) in [
            ('A', false, InsufficientFunds),
            ('I', true, ImageUnusable),
            ('I', false, EndorsementMissing),
            ('?', true, Unknown),
        ] {
            assert_eq!(ReturnReason::of_check(code, administrative), reason, "{code}");
        }
        for reason in ReturnReason::ALL {
            assert_eq!(ReturnReason::parse(reason.as_str()), Some(reason));
        }
    }
}
