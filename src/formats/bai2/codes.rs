//! What a transaction's type code means for us. Only what brings a payer's money is a payment; the rest reconciles, comes
//! back, or is none of ours.

/// What is done with a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// A payer's money: goes through matching.
    Payment,
    /// Money of ours that another file tells in detail (lockbox, our deposits and ACH files).
    Reconciles,
    /// An item of ours came back.
    ComesBack,
    /// Credits that are no income: returned debits of ours, sweeps, adjustments.
    NoIncome,
    /// A debit, a summary, or a code of the bank's own.
    NotOurs,
}

/// By the type code's number. 100 to 399 are credits, 400 to 699 debits.
pub fn meaning(code: &str) -> Meaning {
    match code {
        "142" | "165" | "191" | "195" | "201" | "206" | "208" | "116" | "301" | "399" | "366" => Meaning::Payment,
        "115" | "166" | "168" | "169" | "175" | "174" => Meaning::Reconciles,
        "555" | "557" | "561" => Meaning::ComesBack,
        "255" | "256" | "257" | "258" | "261" | "266" | "275" | "277" | "171" | "172" | "354" | "390" => {
            Meaning::NoIncome
        }
        _ => Meaning::NotOurs,
    }
}

/// Does the amount increase the account?
pub fn is_credit(code: &str) -> bool {
    code.len() == 3 && matches!(code.as_bytes()[0], b'1'..=b'3')
}

/// The name of a code for people, where it is one of the usual.
pub fn name(code: &str) -> &'static str {
    match code {
        "115" => "lockbox deposit",
        "116" => "item in a lockbox deposit",
        "142" => "ACH credit received",
        "165" => "pre-authorized ACH credit",
        "166" => "ACH settlement",
        "168" => "ACH return or adjustment settlement",
        "169" => "miscellaneous ACH credit",
        "174" => "other deposit",
        "175" => "check deposit package",
        "191" => "individual incoming internal transfer",
        "195" => "incoming money transfer",
        "201" => "individual automatic transfer",
        "206" => "book transfer credit",
        "208" => "individual international transfer credit",
        "255" => "check posted and returned",
        "257" => "individual ACH return item credit",
        "261" => "individual rejected credit",
        "266" => "return item",
        "275" => "zero-balance transfer",
        "301" => "commercial deposit",
        "366" => "currency deposit",
        "399" => "miscellaneous credit",
        "451" => "ACH debit received",
        "475" => "check paid",
        "555" => "deposited item returned",
        "557" => "individual ACH return item",
        "561" => "individual rejected debit",
        _ => "",
    }
}
