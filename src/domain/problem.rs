//! Reasons why a document, a transaction or a batch needs a person: one enum, in order of precedence (the worst harm
//! first). The text for people, the queue and the moves that settle it stand in `exceptions/`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reading::PixelBox;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
pub enum Level {
    Document,
    Check,
    Stub,
    Transaction,
    Batch,
    Return,
}

macro_rules! reasons {
    ($($name:ident $code:literal $level:ident,)*) => {
        /// Why a person is needed; the code is the one of the domain's table of exception reasons.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
        pub enum Reason { $(#[serde(rename = $code)] $name,)* }

        impl Reason {
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }

            pub fn level(self) -> Level {
                match self { $(Reason::$name => Level::$level,)* }
            }

            pub fn parse(code: &str) -> Option<Reason> {
                match code { $($code => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    CutoffPending "cutoff-pending" Transaction,
    AccountDisconnected "account-disconnected" Transaction,
    DuplicateCheck "duplicate-check" Check,
    PayerStop "payer-stop" Transaction,
    BatchOutOfBalance "batch-out-of-balance" Batch,
    TransactionOutOfBalance "transaction-out-of-balance" Transaction,
    LimitExceeded "limit-exceeded" Batch,
    StaleBills "stale-bills" Batch,
    ReturnUnmatched "return-unmatched" Return,
    CashOnly "cash-only" Transaction,
    AccountBankruptcy "account-bankruptcy" Transaction,
    AccountWrittenOff "account-written-off" Transaction,
    AccountClosed "account-closed" Transaction,
    Arrangement "arrangement" Transaction,
    RoutingInvalid "routing-invalid" Check,
    MicrMismatch "micr-mismatch" Check,
    MicrUnreadable "micr-unreadable" Check,
    ForeignCheck "foreign-check" Check,
    PostDated "post-dated" Check,
    StaleDated "stale-dated" Check,
    Unsigned "unsigned" Check,
    RestrictiveNote "restrictive-note" Check,
    WordsFiguresDiffer "words-figures-differ" Check,
    DuplicateStub "duplicate-stub" Transaction,
    AmbiguousMatch "ambiguous-match" Transaction,
    AccountUnknown "account-unknown" Transaction,
    CheckDigitFailed "check-digit-failed" Stub,
    BarcodeScanlineMismatch "barcode-scanline-mismatch" Stub,
    ScanlineUnreadable "scanline-unreadable" Stub,
    AmountUnknown "amount-unknown" Check,
    AmountUncertain "amount-uncertain" Check,
    Underpaid "underpaid" Transaction,
    Overpaid "overpaid" Transaction,
    CheckWithoutStub "check-without-stub" Transaction,
    StubWithoutCheck "stub-without-check" Transaction,
    ImageUnreadable "image-unreadable" Document,
    ImageQuality "image-quality" Document,
    RearMissing "rear-missing" Document,
    DocumentUnidentified "document-unidentified" Document,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// One reason with its evidence, said in a plain sentence with the numbers. Account numbers in it are masked.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Problem {
    pub code: Reason,
    pub message: String,
    /// Where on the image as it came, when there is such a place.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none", default)]
    pub bbox: Option<PixelBox>,
}

impl Problem {
    pub fn new(code: Reason, message: impl Into<String>) -> Self {
        Problem { code, message: message.into(), bbox: None }
    }

    pub fn at(mut self, bbox: PixelBox) -> Self {
        self.bbox = Some(bbox);
        self
    }
}
