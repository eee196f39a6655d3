//! The 94-column records of Nacha files, one line per field in the Operating Rules' columns. A record's layout follows from
//! its type, the batch's standard entry class (SEC) and, for addenda, their own type: the table at the end says which.

use crate::formats::record::{Column, record};

/// Columns of every record.
pub const WIDTH: usize = 94;

record! {
    FileHeader = "1", width 94 {
         2 -  3 priority_code: Digits,               // 01
         4 - 13 immediate_destination: Right,        // a blank and nine digits
        14 - 23 immediate_origin: Right,             // as the bank says: routing, or a company id of ten
        24 - 29 file_creation_date: Date,
        30 - 33 file_creation_time: Digits,
        34 - 34 file_id_modifier: Raw,               // A to Z, then 0 to 9
        35 - 37 record_size: Digits,                 // 094
        38 - 39 blocking_factor: Digits,             // 10
        40 - 40 format_code: Digits,                 // 1
        41 - 63 immediate_destination_name: Raw,
        64 - 86 immediate_origin_name: Raw,
        87 - 94 reference_code: Raw,
    }
}

record! {
    BatchHeader = "5", width 94 {
         2 -  4 service_class_code: Digits,          // 200 mixed, 220 credits, 225 debits, 280 automated accounting advices
         5 - 20 company_name: Raw,
        21 - 40 company_discretionary_data: Raw,
        41 - 50 company_identification: Raw,
        51 - 53 standard_entry_class_code: Raw,
        54 - 63 company_entry_description: Raw,
        64 - 69 company_descriptive_date: Raw,
        70 - 75 effective_entry_date: Date,
        76 - 78 settlement_date: Raw,                // Julian day, put in by the operator
        79 - 79 originator_status_code: Raw,         // 1 a bank, 2 the federal government, 0 an advice of the operator
        80 - 87 odfi_identification: Digits,
        88 - 94 batch_number: Number,
    }
}

record! {
    /// Batch header of a cross-border batch.
    IatBatchHeader = "5", width 94 {
         2 -  4 service_class_code: Digits,
         5 - 20 iat_indicator: Raw,
        21 - 22 foreign_exchange_indicator: Raw,     // FV, VF, FF
        23 - 23 foreign_exchange_reference_indicator: Raw,
        24 - 38 foreign_exchange_reference: Raw,
        39 - 40 iso_destination_country_code: Raw,
        41 - 50 originator_identification: Raw,
        51 - 53 standard_entry_class_code: Raw,
        54 - 63 company_entry_description: Raw,
        64 - 66 iso_originating_currency_code: Raw,
        67 - 69 iso_destination_currency_code: Raw,
        70 - 75 effective_entry_date: Date,
        76 - 78 settlement_date: Raw,
        79 - 79 originator_status_code: Raw,
        80 - 87 odfi_identification: Digits,
        88 - 94 batch_number: Number,
    }
}

record! {
    /// Entry of most classes (PPD, WEB, TEL, CCD, COR, DNE, ENR, ACK, MTE, POS ..).
    EntryDetail = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 29 account: AccountLeft,
        30 - 39 amount: Cents,
        40 - 54 individual_identification_number: Raw,
        55 - 76 individual_name: Raw,
        77 - 78 discretionary_data: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// A check turned into an entry (ARC, BOC, RCK, XCK).
    CheckEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 29 account: AccountLeft,
        30 - 39 amount: Cents,
        40 - 54 check_serial_number: Raw,
        55 - 76 individual_name: Raw,
        77 - 78 discretionary_data: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// A check given back at the point of purchase (POP).
    PurchaseEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 29 account: AccountLeft,
        30 - 39 amount: Cents,
        40 - 48 check_serial_number: Raw,
        49 - 52 terminal_city: Raw,
        53 - 54 terminal_state: Raw,
        55 - 76 individual_name: Raw,
        77 - 78 discretionary_data: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Corporate trade exchange and its acknowledgement (CTX, ATX, TRX).
    TradeEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 29 account: AccountLeft,
        30 - 39 amount: Cents,
        40 - 54 identification_number: Raw,
        55 - 58 number_of_addenda_records: Number,
        59 - 74 receiving_company_name: Raw,
        75 - 76 reserved: Blank,
        77 - 78 discretionary_data: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Shared network transaction (SHR).
    SharedEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 29 account: AccountLeft,
        30 - 39 amount: Cents,
        40 - 43 card_expiration_date: Raw,           // MMYY
        44 - 54 document_reference_number: Raw,
        55 - 76 individual_card_account_number: AccountLeft,
        77 - 78 card_transaction_type_code: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Truncated check (TRC, TRX).
    TruncatedEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 29 account: AccountLeft,
        30 - 39 amount: Cents,
        40 - 54 check_serial_number: Raw,
        55 - 60 process_control_field: Raw,
        61 - 76 item_research_number: Raw,
        77 - 78 item_type_indicator: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Cross-border entry (IAT).
    IatEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 16 number_of_addenda_records: Number,
        17 - 29 reserved: Blank,
        30 - 39 amount: Cents,
        40 - 74 account: AccountLeft,
        75 - 76 reserved_2: Blank,
        77 - 77 gateway_ofac_screening: Raw,
        78 - 78 secondary_ofac_screening: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Automated accounting advice (ADV).
    AdviceEntry = "6", width 94 {
         2 -  3 transaction_code: Digits,            // 81 to 88
         4 - 11 rdfi_identification: Digits,
        12 - 12 check_digit: Digits,
        13 - 27 account: AccountLeft,
        28 - 39 amount: Cents,
        40 - 48 advice_routing_number: Raw,
        49 - 53 file_identification: Raw,
        54 - 54 ach_operator_data: Raw,
        55 - 76 individual_name: Raw,
        77 - 78 discretionary_data: Raw,
        79 - 79 addenda_record_indicator: Digits,
        80 - 87 ach_operator_routing: Digits,
        88 - 90 julian_day: Digits,
        91 - 94 sequence_number: Digits,
    }
}

record! {
    /// Where a card was used (POS, SHR, MTE).
    TerminalAddenda = "702", width 94 {
         4 - 10 reference_information_1: Raw,
        11 - 13 reference_information_2: Raw,
        14 - 19 terminal_identification: Raw,
        20 - 25 transaction_serial_number: Raw,
        26 - 29 transaction_date: Raw,               // MMDD
        30 - 35 authorization_code: Raw,
        36 - 62 terminal_location: Raw,
        63 - 77 terminal_city: Raw,
        78 - 79 terminal_state: Raw,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Payment information: 80 columns of text.
    PaymentAddenda = "705", width 94 {
         4 - 83 payment_related_information: Raw,
        84 - 87 addenda_sequence_number: Number,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatPaymentTypeAddenda = "710", width 94 {
         4 -  6 transaction_type_code: Raw,
         7 - 24 foreign_payment_amount: Raw,
        25 - 46 foreign_trace_number: Raw,
        47 - 81 receiving_name: Raw,
        82 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatOriginatorAddenda = "711", width 94 {
         4 - 38 originator_name: Raw,
        39 - 73 originator_street_address: Raw,
        74 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatOriginatorCityAddenda = "712", width 94 {
         4 - 38 originator_city_state: Raw,
        39 - 73 originator_country_postal_code: Raw,
        74 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatOdfiAddenda = "713", width 94 {
         4 - 38 odfi_name: Raw,
        39 - 40 odfi_id_number_qualifier: Raw,
        41 - 74 odfi_identification: Raw,
        75 - 77 odfi_branch_country_code: Raw,
        78 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatRdfiAddenda = "714", width 94 {
         4 - 38 rdfi_name: Raw,
        39 - 40 rdfi_id_number_qualifier: Raw,
        41 - 74 rdfi_identification: Raw,
        75 - 77 rdfi_branch_country_code: Raw,
        78 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatReceiverAddenda = "715", width 94 {
         4 - 18 receiver_identification_number: Raw,
        19 - 53 receiver_street_address: Raw,
        54 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatReceiverCityAddenda = "716", width 94 {
         4 - 38 receiver_city_state: Raw,
        39 - 73 receiver_country_postal_code: Raw,
        74 - 87 reserved: Blank,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatRemittanceAddenda = "717", width 94 {
         4 - 83 payment_related_information: Raw,
        84 - 87 addenda_sequence_number: Number,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    IatCorrespondentAddenda = "718", width 94 {
         4 - 38 correspondent_bank_name: Raw,
        39 - 40 correspondent_bank_id_qualifier: Raw,
        41 - 74 correspondent_bank_id_number: Raw,
        75 - 77 correspondent_bank_country_code: Raw,
        78 - 83 reserved: Blank,
        84 - 87 addenda_sequence_number: Number,
        88 - 94 entry_detail_sequence_number: Digits,
    }
}

record! {
    /// Notification of change.
    ChangeAddenda = "798", width 94 {
         4 -  6 change_code: Raw,                    // C01 ..
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 reserved: Blank,
        28 - 35 original_rdfi_identification: Digits,
        36 - 64 corrected_data: AccountLeft,
        65 - 79 reserved_2: Blank,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// A notification of change that we refuse (C61 to C69).
    RefusedChangeAddenda = "798", width 94 {
         4 -  6 refused_change_code: Raw,
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 reserved: Blank,
        28 - 35 original_rdfi_identification: Digits,
        36 - 64 corrected_data: AccountLeft,
        65 - 67 change_code: Raw,
        68 - 74 trace_sequence_number: Digits,
        75 - 79 reserved_2: Blank,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Notification of change of a cross-border entry.
    IatChangeAddenda = "798", width 94 {
         4 -  6 change_code: Raw,
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 reserved: Blank,
        28 - 35 original_rdfi_identification: Digits,
        36 - 70 corrected_data: AccountLeft,
        71 - 79 reserved_2: Blank,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// The entry comes back.
    ReturnAddenda = "799", width 94 {
         4 -  6 return_reason_code: Raw,             // R01 ..
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 date_of_death: Date,                 // R14, R15
        28 - 35 original_rdfi_identification: Digits,
        36 - 79 addenda_information: Raw,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// A cross-border entry comes back.
    IatReturnAddenda = "799", width 94 {
         4 -  6 return_reason_code: Raw,
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 date_of_death: Date,
        28 - 35 original_rdfi_identification: Digits,
        36 - 45 original_payment_amount: Raw,
        46 - 79 addenda_information: Raw,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// Our bank refuses a return (R61, R62, R67 to R70).
    DishonoredAddenda = "799", width 94 {
         4 -  6 dishonored_return_reason_code: Raw,
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 reserved: Blank,
        28 - 35 original_rdfi_identification: Digits,
        36 - 38 reserved_2: Blank,
        39 - 53 return_trace_number: Digits,
        54 - 56 return_settlement_date: Raw,
        57 - 58 return_reason_code: Raw,
        59 - 79 addenda_information: Raw,
        80 - 94 trace_number: Digits,
    }
}

record! {
    /// The payer's bank insists on its return (R71 to R77).
    ContestedAddenda = "799", width 94 {
         4 -  6 contested_return_reason_code: Raw,
         7 - 21 original_entry_trace_number: Digits,
        22 - 27 date_original_entry_returned: Date,
        28 - 35 original_rdfi_identification: Digits,
        36 - 38 original_settlement_date: Raw,
        39 - 53 return_trace_number: Digits,
        54 - 56 return_settlement_date: Raw,
        57 - 58 return_reason_code: Raw,
        59 - 73 dishonored_return_trace_number: Digits,
        74 - 76 dishonored_return_settlement_date: Raw,
        77 - 78 dishonored_return_reason_code: Raw,
        79 - 79 reserved: Blank,
        80 - 94 trace_number: Digits,
    }
}

record! {
    BatchControl = "8", width 94 {
         2 -  4 service_class_code: Digits,
         5 - 10 entry_addenda_count: Number,
        11 - 20 entry_hash: Number,
        21 - 32 total_debit: Cents,
        33 - 44 total_credit: Cents,
        45 - 54 company_identification: Raw,
        55 - 73 message_authentication_code: Raw,
        74 - 79 reserved: Blank,
        80 - 87 odfi_identification: Digits,
        88 - 94 batch_number: Number,
    }
}

record! {
    AdviceBatchControl = "8", width 94 {
         2 -  4 service_class_code: Digits,
         5 - 10 entry_addenda_count: Number,
        11 - 20 entry_hash: Number,
        21 - 40 total_debit: Cents,
        41 - 60 total_credit: Cents,
        61 - 79 ach_operator_data: Raw,
        80 - 87 odfi_identification: Digits,
        88 - 94 batch_number: Number,
    }
}

record! {
    FileControl = "9", width 94 {
         2 -  7 batch_count: Number,
         8 - 13 block_count: Number,
        14 - 21 entry_addenda_count: Number,
        22 - 31 entry_hash: Number,
        32 - 43 total_debit: Cents,
        44 - 55 total_credit: Cents,
        56 - 94 reserved: Blank,
    }
}

record! {
    AdviceFileControl = "9", width 94 {
         2 -  7 batch_count: Number,
         8 - 13 block_count: Number,
        14 - 21 entry_addenda_count: Number,
        22 - 31 entry_hash: Number,
        32 - 51 total_debit: Cents,
        52 - 71 total_credit: Cents,
        72 - 94 reserved: Blank,
    }
}

/// Which layouts a batch's records have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Family {
    #[default]
    Plain,
    /// ARC, BOC, RCK, XCK
    Check,
    /// POP
    Purchase,
    /// CTX, ATX
    Trade,
    Shared,
    /// TRC, TRX
    Truncated,
    Iat,
    Advice,
}

/// A standard entry class and what it may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryClass {
    pub code: &'static [u8; 3],
    pub family: Family,
    pub debits: bool,
    pub credits: bool,
    /// Most addenda of one entry going out; returns and changes have one of their own kind in any class.
    pub most_addenda: u32,
    /// Largest amount of one entry, in cents; 0 where only zero is allowed.
    pub largest: i64,
}

const NO_LIMIT: i64 = 9_999_999_999;

const fn class(
    code: &'static [u8; 3],
    family: Family,
    (debits, credits): (bool, bool),
    most_addenda: u32,
    largest: i64,
) -> EntryClass {
    EntryClass { code, family, debits, credits, most_addenda, largest }
}

const BOTH: (bool, bool) = (true, true);
const DEBITS: (bool, bool) = (true, false);
const CREDITS: (bool, bool) = (false, true);

/// Nacha Operating Rules 2026, appendix three; limits of check conversion from the rules on ARC, BOC, POP, RCK.
pub const CLASSES: &[EntryClass] = &[
    class(b"ACK", Family::Plain, BOTH, 1, 0),
    class(b"ADV", Family::Advice, BOTH, 0, 999_999_999_999),
    class(b"ARC", Family::Check, DEBITS, 0, 2_500_000),
    class(b"ATX", Family::Trade, BOTH, 9999, 0),
    class(b"BOC", Family::Check, DEBITS, 0, 2_500_000),
    class(b"CCD", Family::Plain, BOTH, 1, NO_LIMIT),
    class(b"CIE", Family::Plain, CREDITS, 1, NO_LIMIT),
    class(b"COR", Family::Plain, BOTH, 1, 0),
    class(b"CTX", Family::Trade, BOTH, 9999, NO_LIMIT),
    class(b"DNE", Family::Plain, BOTH, 1, 0),
    class(b"ENR", Family::Plain, BOTH, 9999, 0),
    class(b"IAT", Family::Iat, BOTH, 12, NO_LIMIT),
    class(b"MTE", Family::Plain, BOTH, 1, NO_LIMIT),
    class(b"POP", Family::Purchase, DEBITS, 0, 2_500_000),
    class(b"POS", Family::Plain, BOTH, 1, NO_LIMIT),
    class(b"PPD", Family::Plain, BOTH, 1, NO_LIMIT),
    class(b"RCK", Family::Check, DEBITS, 0, 250_000),
    class(b"SHR", Family::Shared, BOTH, 1, NO_LIMIT),
    class(b"TEL", Family::Plain, DEBITS, 0, NO_LIMIT),
    class(b"TRC", Family::Truncated, DEBITS, 0, NO_LIMIT),
    class(b"TRX", Family::Trade, DEBITS, 9999, NO_LIMIT),
    class(b"WEB", Family::Plain, BOTH, 1, NO_LIMIT),
    class(b"XCK", Family::Check, DEBITS, 0, 250_000),
];

pub fn entry_class(code: &[u8]) -> Option<&'static EntryClass> {
    CLASSES.iter().find(|c| c.code == code)
}

/// Name and columns of a record by its own bytes and the family of its batch; `None` for what Nacha files do not have.
pub fn layout_of(record: &[u8], family: Family) -> Option<(&'static str, &'static [Column])> {
    let advice = family == Family::Advice;
    let iat = family == Family::Iat;
    Some(match (record.first()?, record.get(1..3)?) {
        (b'1', _) => ("FileHeader", FileHeader::COLUMNS),
        (b'5', _) if record.get(50..53) == Some(b"IAT") => ("IatBatchHeader", IatBatchHeader::COLUMNS),
        (b'5', _) => ("BatchHeader", BatchHeader::COLUMNS),
        (b'6', _) => match family {
            Family::Plain => ("EntryDetail", EntryDetail::COLUMNS),
            Family::Check => ("CheckEntry", CheckEntry::COLUMNS),
            Family::Purchase => ("PurchaseEntry", PurchaseEntry::COLUMNS),
            Family::Trade => ("TradeEntry", TradeEntry::COLUMNS),
            Family::Shared => ("SharedEntry", SharedEntry::COLUMNS),
            Family::Truncated => ("TruncatedEntry", TruncatedEntry::COLUMNS),
            Family::Iat => ("IatEntry", IatEntry::COLUMNS),
            Family::Advice => ("AdviceEntry", AdviceEntry::COLUMNS),
        },
        (b'7', b"02") => ("TerminalAddenda", TerminalAddenda::COLUMNS),
        (b'7', b"05") => ("PaymentAddenda", PaymentAddenda::COLUMNS),
        (b'7', b"10") => ("IatPaymentTypeAddenda", IatPaymentTypeAddenda::COLUMNS),
        (b'7', b"11") => ("IatOriginatorAddenda", IatOriginatorAddenda::COLUMNS),
        (b'7', b"12") => ("IatOriginatorCityAddenda", IatOriginatorCityAddenda::COLUMNS),
        (b'7', b"13") => ("IatOdfiAddenda", IatOdfiAddenda::COLUMNS),
        (b'7', b"14") => ("IatRdfiAddenda", IatRdfiAddenda::COLUMNS),
        (b'7', b"15") => ("IatReceiverAddenda", IatReceiverAddenda::COLUMNS),
        (b'7', b"16") => ("IatReceiverCityAddenda", IatReceiverCityAddenda::COLUMNS),
        (b'7', b"17") => ("IatRemittanceAddenda", IatRemittanceAddenda::COLUMNS),
        (b'7', b"18") => ("IatCorrespondentAddenda", IatCorrespondentAddenda::COLUMNS),
        (b'7', b"98") if iat => ("IatChangeAddenda", IatChangeAddenda::COLUMNS),
        (b'7', b"98") if record.get(3..5) == Some(b"C6") => ("RefusedChangeAddenda", RefusedChangeAddenda::COLUMNS),
        (b'7', b"98") => ("ChangeAddenda", ChangeAddenda::COLUMNS),
        (b'7', b"99") => match return_kind(record.get(3..6)?) {
            ReturnKind::Dishonored => ("DishonoredAddenda", DishonoredAddenda::COLUMNS),
            ReturnKind::Contested => ("ContestedAddenda", ContestedAddenda::COLUMNS),
            ReturnKind::Returned if iat => ("IatReturnAddenda", IatReturnAddenda::COLUMNS),
            ReturnKind::Returned => ("ReturnAddenda", ReturnAddenda::COLUMNS),
        },
        (b'8', _) if advice => ("AdviceBatchControl", AdviceBatchControl::COLUMNS),
        (b'8', _) => ("BatchControl", BatchControl::COLUMNS),
        (b'9', _) if advice => ("AdviceFileControl", AdviceFileControl::COLUMNS),
        (b'9', _) => ("FileControl", FileControl::COLUMNS),
        _ => return None,
    })
}

/// Which of the three layouts of addenda 99 a reason code means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnKind {
    Returned,
    Dishonored,
    Contested,
}

pub fn return_kind(code: &[u8]) -> ReturnKind {
    match code {
        b"R61" | b"R62" | b"R67" | b"R68" | b"R69" | b"R70" => ReturnKind::Dishonored,
        b"R71" | b"R72" | b"R73" | b"R74" | b"R75" | b"R76" | b"R77" => ReturnKind::Contested,
        _ => ReturnKind::Returned,
    }
}

/// Change codes that mean something (C61 to C69: a change of ours was refused).
pub fn change_code_is_known(code: &[u8]) -> bool {
    const KNOWN: [&[u8; 3]; 21] = [
        b"C01", b"C02", b"C03", b"C04", b"C05", b"C06", b"C07", b"C08", b"C09", b"C13", b"C14", b"C61", b"C62", b"C63",
        b"C64", b"C65", b"C66", b"C67", b"C68", b"C69", b"C10",
    ];
    KNOWN.iter().any(|k| *k == code)
}

/// Which way an entry moves money, and whether it may be worth nothing, by its transaction code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Direction {
    pub debit: bool,
    /// Prenote, or zero-dollar entry with remittance data: the amount must be zero.
    pub no_value: bool,
    /// The code of a return or a notification of change.
    pub comes_back: bool,
}

/// `None` for a code that means nothing. 2x checking, 3x savings, 4x general ledger, 5x loan, 8x advices.
pub fn direction(code: &[u8]) -> Option<Direction> {
    let [tens, ones] = code else { return None };
    let plain = |debit| Some(Direction { debit, no_value: false, comes_back: false });
    match (tens, ones) {
        (b'5', b'5') => plain(true),
        (b'5', b'7'..=b'9') => None,
        (b'2'..=b'5', b'1' | b'6') => Some(Direction { debit: *ones == b'6', no_value: false, comes_back: true }),
        (b'2'..=b'5', b'2' | b'7') => plain(*ones == b'7'),
        (b'2'..=b'5', b'3' | b'4' | b'8' | b'9') => {
            Some(Direction { debit: *ones >= b'8', no_value: true, comes_back: false })
        }
        (b'8', b'1' | b'3' | b'5' | b'7') => plain(false),
        (b'8', b'2' | b'4' | b'6' | b'8') => plain(true),
        _ => None,
    }
}
