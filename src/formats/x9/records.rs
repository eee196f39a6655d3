//! The records of X9.37 (level 03) and X9.100-187 (levels 30, 35), one line per field in the standard's columns.
//! Records 27, 34, 52 and 68 vary in length: their fixed parts stand here, the rest is taken by the reader.

use crate::formats::record::{Column, record, same};

record! {
    FileHeader = "01", width 80 {
         3 -  4 standard_level: Digits,              // 03, 30, 35
         5 -  5 test_indicator: Raw,                 // P production, T test
         6 - 14 immediate_destination_routing: Digits,
        15 - 23 immediate_origin_routing: Raw,       // may be an id that the bank gave
        24 - 31 file_creation_date: Date,
        32 - 35 file_creation_time: Digits,
        36 - 36 resend_indicator: Raw,               // Y, N
        37 - 54 immediate_destination_name: Raw,
        55 - 72 immediate_origin_name: Raw,
        73 - 73 file_id_modifier: Raw,
        74 - 75 country_code: Raw,
        76 - 79 user_field: Raw,
        80 - 80 companion_document_version: Raw,
    }
}

record! {
    CashLetterHeader = "10", width 80 {
         3 -  4 collection_type: Digits,             // 01 forward presentment, 03 return
         5 - 13 destination_routing: Digits,
        14 - 22 ece_institution_routing: Raw,
        23 - 30 business_date: Date,
        31 - 38 creation_date: Date,
        39 - 42 creation_time: Digits,
        43 - 43 record_type_indicator: Raw,          // N none, E without images, I with images, F images for an earlier E
        44 - 44 documentation_type: Raw,             // G image included, no paper
        45 - 52 cash_letter_id: Raw,
        53 - 66 originator_contact_name: Raw,
        67 - 76 originator_contact_phone: Raw,
        77 - 77 fed_work_type: Raw,
        78 - 78 returns_indicator: Raw,
        79 - 79 user_field: Raw,
        80 - 80 reserved: Blank,
    }
}

record! {
    BundleHeader = "20", width 80 {
         3 -  4 collection_type: Digits,
         5 - 13 destination_routing: Digits,
        14 - 22 ece_institution_routing: Raw,
        23 - 30 business_date: Date,
        31 - 38 creation_date: Date,
        39 - 48 bundle_id: Raw,
        49 - 52 bundle_sequence_number: Number,
        53 - 54 cycle_number: Raw,
        55 - 63 return_location_routing: Raw,        // level 03 only
        64 - 68 user_field: Raw,
        69 - 80 reserved: Blank,
    }
}

record! {
    /// One check of a bundle.
    CheckDetail = "25", width 80 {
         3 - 17 auxiliary_on_us: Right,
        18 - 18 external_processing_code: Raw,
        19 - 26 payor_bank_routing: Digits,
        27 - 27 payor_bank_routing_check_digit: Raw,
        28 - 47 on_us: Account,                      // the on-us symbol is written as a slash
        48 - 57 item_amount: Cents,
        58 - 72 ece_item_sequence_number: Right,
        73 - 73 documentation_type: Raw,
        74 - 74 return_acceptance_indicator: Raw,
        75 - 75 micr_valid_indicator: Raw,           // 1 good, 2 good but a field is missing, 3 read error, 4 both
        76 - 76 bofd_indicator: Raw,                 // Y, N, U
        77 - 78 addendum_count: Number,
        79 - 79 correction_indicator: Raw,
        80 - 80 archive_type_indicator: Raw,
    }
}

record! {
    /// Endorsement of the bank of first deposit.
    CheckDetailAddendumA = "26", width 80 {
         3 -  3 record_number: Number,
         4 - 12 return_location_routing: Digits,
        13 - 20 bofd_endorsement_date: Date,
        21 - 35 bofd_item_sequence_number: Right,
        36 - 53 deposit_account_at_bofd: Account,
        54 - 58 bofd_deposit_branch: Raw,
        59 - 73 payee_name: Raw,
        74 - 74 truncation_indicator: Raw,           // Y: this party truncated the original
        75 - 75 bofd_conversion_indicator: Raw,      // 2: paper to image
        76 - 76 bofd_correction_indicator: Raw,
        77 - 77 user_field: Raw,
        78 - 80 reserved: Blank,
    }
}

record! {
    /// Head of the addendum with an image reference key.
    CheckDetailAddendumB = "27", width 22 {
         3 -  3 image_reference_key_indicator: Raw,
         4 - 18 image_archive_sequence_number: Right,
        19 - 22 image_reference_key_length: Number,
    }
}

record! {
    /// Endorsement of a later bank.
    CheckDetailAddendumC = "28", width 80 {
         3 -  4 record_number: Number,
         5 - 13 endorsing_bank_routing: Digits,
        14 - 21 endorsing_bank_date: Date,
        22 - 36 endorsing_bank_item_sequence_number: Right,
        37 - 37 truncation_indicator: Raw,
        38 - 38 conversion_indicator: Raw,
        39 - 39 correction_indicator: Raw,
        40 - 40 return_reason: Raw,
        41 - 59 user_field: Raw,
        60 - 60 endorsing_bank_identifier: Raw,
        61 - 80 reserved: Blank,
    }
}

record! {
    /// One returned check.
    ReturnDetail = "31", width 80 {
         3 - 10 payor_bank_routing: Digits,
        11 - 11 payor_bank_routing_check_digit: Raw,
        12 - 31 on_us: Account,
        32 - 41 item_amount: Cents,
        42 - 42 return_reason: Raw,
        43 - 44 addendum_count: Number,
        45 - 45 documentation_type: Raw,
        46 - 53 forward_bundle_date: Date,
        54 - 68 ece_item_sequence_number: Right,
        69 - 69 external_processing_code: Raw,
        70 - 70 return_notification_indicator: Raw,
        71 - 71 archive_type_indicator: Raw,
        72 - 72 times_returned: Raw,
        73 - 80 reserved: Blank,
    }
}

record! {
    ReturnAddendumA = "32", width 80 {
         3 -  3 record_number: Number,
         4 - 12 return_location_routing: Digits,
        13 - 20 bofd_endorsement_date: Date,
        21 - 35 bofd_item_sequence_number: Right,
        36 - 53 deposit_account_at_bofd: Account,
        54 - 58 bofd_deposit_branch: Raw,
        59 - 73 payee_name: Raw,
        74 - 74 truncation_indicator: Raw,
        75 - 75 bofd_conversion_indicator: Raw,
        76 - 76 bofd_correction_indicator: Raw,
        77 - 77 user_field: Raw,
        78 - 80 reserved: Blank,
    }
}

record! {
    ReturnAddendumB = "33", width 80 {
         3 - 20 payor_bank_name: Raw,
        21 - 35 auxiliary_on_us: Right,
        36 - 50 payor_bank_item_sequence_number: Right,
        51 - 58 payor_bank_business_date: Date,
        59 - 80 payor_account_name: Raw,
    }
}

record! {
    ReturnAddendumC = "34", width 22 {
         3 -  3 image_reference_key_indicator: Raw,
         4 - 18 image_archive_sequence_number: Right,
        19 - 22 image_reference_key_length: Number,
    }
}

record! {
    ReturnAddendumD = "35", width 80 {
         3 -  4 record_number: Number,
         5 - 13 endorsing_bank_routing: Digits,
        14 - 21 endorsing_bank_date: Date,
        22 - 36 endorsing_bank_item_sequence_number: Right,
        37 - 37 truncation_indicator: Raw,
        38 - 38 conversion_indicator: Raw,
        39 - 39 correction_indicator: Raw,
        40 - 40 return_reason: Raw,
        41 - 59 user_field: Raw,
        60 - 60 endorsing_bank_identifier: Raw,
        61 - 80 reserved: Blank,
    }
}

record! {
    /// Level 03 only.
    AccountTotals = "40", width 80 {
         3 - 11 destination_routing: Digits,
        12 - 29 key_account_low: Account,
        30 - 47 key_account_high: Account,
        48 - 59 item_count: Number,
        60 - 73 total_amount: Cents,
        74 - 77 user_field: Raw,
        78 - 80 reserved: Blank,
    }
}

record! {
    /// Level 03 only.
    NonHitTotals = "41", width 80 {
         3 - 11 destination_routing: Digits,
        12 - 12 indicator: Raw,
        13 - 47 reserved_a: Blank,
        48 - 59 item_count: Number,
        60 - 73 total_amount: Cents,
        74 - 77 user_field: Raw,
        78 - 80 reserved_b: Blank,
    }
}

record! {
    ImageViewDetail = "50", width 80 {
         3 -  3 image_indicator: Raw,                // 0 no image, 1 the check, 2 not the check, 3 unsure
         4 - 12 image_creator_routing: Raw,
        13 - 20 image_creator_date: Date,
        21 - 22 view_format: Raw,                    // 00 TIFF 6
        23 - 24 view_compression: Raw,               // 00 Group 4
        25 - 31 view_data_size: Number,              // for information, 52 rules
        32 - 32 view_side: Raw,                      // 0 front, 1 back
        33 - 34 view_descriptor: Raw,                // 00 full view
        35 - 35 digital_signature_indicator: Raw,
        36 - 37 digital_signature_method: Raw,
        38 - 42 security_key_size: Raw,
        43 - 49 protected_data_start: Raw,
        50 - 56 protected_data_length: Raw,
        57 - 57 image_recreate_indicator: Raw,
        58 - 65 user_field: Raw,
        66 - 66 tiff_variance: Raw,
        67 - 67 override_indicator: Raw,
        68 - 80 reserved: Blank,
    }
}

record! {
    /// Head of the image record: the key, the signature and the image follow, each after its length.
    ImageViewData = "52", width 105 {
          3 -  11 ece_institution_routing: Raw,
         12 -  19 bundle_business_date: Date,
         20 -  21 cycle_number: Raw,
         22 -  36 ece_item_sequence_number: Right,
         37 -  52 security_originator: Raw,
         53 -  68 security_authenticator: Raw,
         69 -  84 security_key: Raw,
         85 -  85 clipping_origin: Raw,
         86 -  89 clipping_h1: Raw,
         90 -  93 clipping_h2: Raw,
         94 -  97 clipping_v1: Raw,
         98 - 101 clipping_v2: Raw,
        102 - 105 image_reference_key_length: Number,
    }
}

record! {
    ImageViewAnalysis = "54", width 80 {
         3 -  3 global_image_quality: Raw,           // each flag: 0 not tested, 1 bad, 2 good
         4 -  4 global_image_usability: Raw,
         5 -  5 imaging_bank_specific_test: Raw,
         6 -  6 partial_image: Raw,
         7 -  7 excessive_skew: Raw,
         8 -  8 piggyback: Raw,
         9 -  9 too_light_or_too_dark: Raw,
        10 - 10 streaks_or_bands: Raw,
        11 - 11 below_minimum_size: Raw,
        12 - 12 exceeds_maximum_size: Raw,
        13 - 25 reserved_a: Blank,
        26 - 26 image_enabled_pod: Raw,
        27 - 27 source_document_bad: Raw,
        28 - 28 date_usability: Raw,
        29 - 29 payee_usability: Raw,
        30 - 30 convenience_amount_usability: Raw,
        31 - 31 legal_amount_usability: Raw,
        32 - 32 signature_usability: Raw,
        33 - 33 payor_name_usability: Raw,
        34 - 34 micr_line_usability: Raw,
        35 - 35 memo_line_usability: Raw,
        36 - 36 payor_bank_name_usability: Raw,
        37 - 37 payee_endorsement_usability: Raw,
        38 - 38 bofd_endorsement_usability: Raw,
        39 - 39 transit_endorsement_usability: Raw,
        40 - 45 reserved_b: Blank,
        46 - 65 user_field: Raw,
        66 - 80 reserved_c: Blank,
    }
}

record! {
    /// Deposit ticket without a usage code (layout A of the two found in the field).
    CreditA = "61", width 80 {
         3 - 17 auxiliary_on_us: Right,
        18 - 18 external_processing_code: Raw,
        19 - 27 posting_bank_routing: Raw,
        28 - 47 on_us: Account,
        48 - 57 item_amount: Cents,
        58 - 72 ece_item_sequence_number: Right,
        73 - 73 documentation_type: Raw,
        74 - 74 account_type: Raw,
        75 - 75 source_of_work: Raw,
        76 - 76 work_type: Raw,
        77 - 77 debit_credit_indicator: Raw,
        78 - 80 reserved: Blank,
    }
}

record! {
    /// Deposit ticket with a usage code in column 3 (layout B).
    CreditB = "61", width 80 {
         3 -  3 record_usage_indicator: Raw,         // 2 deposit slip
         4 - 18 auxiliary_on_us: Right,
        19 - 19 external_processing_code: Raw,
        20 - 28 posting_bank_routing: Raw,
        29 - 48 on_us: Account,
        49 - 58 item_amount: Cents,
        59 - 73 ece_item_sequence_number: Right,
        74 - 74 documentation_type: Raw,
        75 - 75 account_type: Raw,
        76 - 77 source_of_work: Raw,
        78 - 80 reserved: Blank,
    }
}

record! {
    /// Credit of levels 30 and 35.
    Credit62 = "62", width 100 {
         3 -  17 auxiliary_on_us: Right,
        18 -  18 external_processing_code: Raw,
        19 -  27 posting_bank_routing: Raw,
        28 -  47 on_us: Account,
        48 -  61 item_amount: Cents,
        62 -  76 ece_item_sequence_number: Right,
        77 -  77 documentation_type: Raw,
        78 -  78 account_type: Raw,
        79 -  80 source_of_work: Raw,                // 09 lockbox
        81 -  96 user_field: Raw,
        97 - 100 reserved: Blank,
    }
}

record! {
    /// Head of a user record; what follows is the owner's.
    UserRecord = "68", width 45 {
         3 -  3 owner_id_type: Raw,
         4 - 12 owner_id: Raw,
        13 - 32 owner_id_modifier: Raw,
        33 - 35 user_record_format_type: Raw,
        36 - 38 format_type_version: Raw,
        39 - 45 user_data_length: Number,
    }
}

record! {
    BundleControl = "70", width 80 {
         3 -  6 item_count: Number,
         7 - 18 total_amount: Cents,
        19 - 30 micr_valid_total_amount: Cents,
        31 - 35 image_count: Number,
        36 - 55 user_field: Raw,
        56 - 56 credit_total_indicator: Raw,         // 0 not included, 1 included; level 03: reserved
        57 - 80 reserved: Blank,
    }
}

record! {
    /// Level 03 only.
    BoxSummary = "75", width 80 {
         3 - 11 destination_routing: Digits,
        12 - 14 box_sequence_number: Number,
        15 - 18 bundle_count: Number,
        19 - 26 box_id: Raw,
        27 - 40 total_amount: Cents,
        41 - 80 reserved: Blank,
    }
}

record! {
    RoutingNumberSummary = "85", width 80 {
         3 - 11 routing: Digits,
        12 - 25 total_amount: Cents,
        26 - 31 item_count: Number,
        32 - 55 user_field: Raw,
        56 - 80 reserved: Blank,
    }
}

record! {
    CashLetterControl = "90", width 80 {
         3 -  8 bundle_count: Number,
         9 - 16 item_count: Number,
        17 - 30 total_amount: Cents,
        31 - 39 image_count: Number,
        40 - 57 ece_institution_name: Raw,
        58 - 65 settlement_date: Date,
        66 - 66 credit_total_indicator: Raw,
        67 - 80 reserved: Blank,
    }
}

record! {
    FileControl = "99", width 80 {
         3 -  8 cash_letter_count: Number,
         9 - 16 total_record_count: Number,          // every record, this one too
        17 - 24 total_item_count: Number,
        25 - 40 total_amount: Cents,
        41 - 54 originator_contact_name: Raw,
        55 - 64 originator_contact_phone: Raw,
        65 - 65 credit_total_indicator: Raw,
        66 - 80 reserved: Blank,
    }
}

/// What the reader knows of a type before it looks inside.
#[derive(Clone, Copy, Debug)]
pub struct RecordType {
    pub kind: Kind,
    pub code: &'static str,
    pub name: &'static str,
    /// Length of the record, or of its fixed head where it varies.
    pub width: usize,
    pub varies: bool,
    pub columns: &'static [Column],
}

macro_rules! types {
    ($($record:ident $varies:literal,)*) => {
        /// The types of records; a 61 stands under its first layout.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Kind { $($record,)* }

        /// Every record type of the three levels, in the order of `Kind`.
        pub const TYPES: &[RecordType] = &[$(RecordType {
            kind: Kind::$record,
            code: $record::CODE,
            name: stringify!($record),
            width: $record::WIDTH,
            varies: $varies,
            columns: $record::COLUMNS,
        },)*];
    };
}

types! {
    FileHeader false, CashLetterHeader false, BundleHeader false, CheckDetail false, CheckDetailAddendumA false,
    CheckDetailAddendumB true, CheckDetailAddendumC false, ReturnDetail false, ReturnAddendumA false,
    ReturnAddendumB false, ReturnAddendumC true, ReturnAddendumD false, AccountTotals false, NonHitTotals false,
    ImageViewDetail false, ImageViewData true, ImageViewAnalysis false, CreditA false, Credit62 false, UserRecord true,
    BundleControl false, BoxSummary false, RoutingNumberSummary false, CashLetterControl false, FileControl false,
}

impl Kind {
    /// The type of a code, while the program is compiled.
    pub const fn of(code: &str) -> Kind {
        let mut i = 0;
        while i < TYPES.len() {
            if same(TYPES[i].code, code) {
                return TYPES[i].kind;
            }
            i += 1;
        }
        panic!("no level knows this type")
    }
}

/// Place in `TYPES` by the two digits of a code; `NO_TYPE` where there is none.
const BY_CODE: [u8; 100] = {
    let mut table = [NO_TYPE; 100];
    let mut i = 0;
    while i < TYPES.len() {
        let code = TYPES[i].code.as_bytes();
        table[((code[0] - b'0') * 10 + (code[1] - b'0')) as usize] = i as u8;
        i += 1;
    }
    table
};
const NO_TYPE: u8 = u8::MAX;

/// The type of a record by its two characters (already Latin-1).
pub fn type_of(code: &[u8]) -> Option<&'static RecordType> {
    match code {
        [a, b] => type_of_digits(a.wrapping_sub(b'0'), b.wrapping_sub(b'0')),
        _ => None,
    }
}

/// The same by the values of the two digits.
#[inline]
pub fn type_of_digits(tens: u8, units: u8) -> Option<&'static RecordType> {
    if tens > 9 || units > 9 {
        return None;
    }
    TYPES.get(usize::from(BY_CODE[usize::from(tens * 10 + units)]))
}
