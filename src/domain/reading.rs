//! What the decoder says about one page: the object that `remit decode --json` prints and that the store keeps.
//! Reads are never overwritten; a person's keyed value is one more read (see `transaction::Decision`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::DocumentKind;
use super::money::Cents;
use super::problem::Problem;

/// `[x, y, width, height]` in pixels of the image as it came, before any rotation.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
#[serde(from = "[i32; 4]", into = "[i32; 4]")]
pub struct PixelBox {
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
}

impl From<[i32; 4]> for PixelBox {
    fn from([x, y, w, h]: [i32; 4]) -> Self {
        PixelBox { x, y, w, h }
    }
}

impl From<PixelBox> for [i32; 4] {
    fn from(b: PixelBox) -> Self {
        [b.x, b.y, b.w, b.h]
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Reading {
    /// As given by whoever asked: a path on the command line, the image's name in a batch.
    pub file: String,
    pub page: u32,
    pub kind: DocumentKind,
    pub kind_confidence: f32,
    /// Degrees clockwise by which the image must be turned to stand upright: 0, 90, 180, 270.
    pub rotation: u16,
    pub mirrored: bool,
    /// What remains after that turn, counter-clockwise positive.
    pub skew_deg: f32,
    /// 0 when neither the file nor the content tells.
    pub dpi: u32,
    pub quality: Quality,
    pub micr: Option<MicrRead>,
    pub scanline: Option<ScanlineRead>,
    pub barcodes: Vec<BarcodeRead>,
    pub marks: Vec<MarkRead>,
    pub amount: AmountRead,
    pub problems: Vec<Problem>,
    pub ms: f32,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug, Default)]
pub struct Quality {
    pub too_dark: bool,
    pub too_light: bool,
    pub partial: bool,
    /// Two documents lie over each other.
    pub piggyback: bool,
    #[serde(default)]
    pub folded_corner: bool,
    /// Lines that the scanner drew along the page.
    #[serde(default)]
    pub streaks: bool,
    /// Aslant by more than three degrees.
    #[serde(default)]
    pub skewed: bool,
    #[serde(default)]
    pub blank: bool,
    /// Fewer dots an inch than an exchanged image needs.
    #[serde(default)]
    pub below_resolution: bool,
    /// 0 unusable to 1 clean.
    pub score: f32,
}

/// One character with its calibrated chance of being right.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct CharRead {
    pub c: char,
    pub confidence: f32,
    #[serde(rename = "box")]
    pub bbox: PixelBox,
}

/// The check's magnetic-ink line. Text: digits and `A` transit, `B` amount, `C` on-us, `D` dash, one space per gap, `?`
/// for a rejected character. A line in CMC-7 has `F` to `J` for SI, SII, SIII, SV and SIV, and no fields.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct MicrRead {
    pub text: String,
    /// The most likely text with nothing rejected.
    pub best: String,
    /// Every character that matters was accepted and no check (routing digit) fails.
    pub accepted: bool,
    /// Calibrated chance that `best` is right as a whole, before any field check.
    pub confidence: f32,
    pub chars: Vec<CharRead>,
    pub fields: MicrFields,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct MicrFields {
    pub aux_on_us: Option<String>,
    pub epc: Option<String>,
    /// As on the line: nine digits (US), or `12345-678` (Canada).
    pub routing: Option<String>,
    /// Does the check digit hold? `None` where the line has no nine-digit transit field.
    pub routing_valid: Option<bool>,
    pub on_us: Option<String>,
    pub account: Option<String>,
    pub serial: Option<String>,
    pub tran_code: Option<String>,
    pub amount: Option<Cents>,
    /// `US` or `CA`.
    pub country: Option<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct CheckDigitRead {
    pub scheme: String,
    pub ok: bool,
}

/// The stub's OCR-A, OCR-B or E-13B line.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct ScanlineRead {
    /// The configured stub layout that it matches, if any.
    pub layout: Option<String>,
    pub biller: Option<String>,
    /// As printed, `?` for a rejected character.
    pub text: String,
    pub best: String,
    pub accepted: bool,
    pub confidence: f32,
    pub chars: Vec<CharRead>,
    pub check_digits: Vec<CheckDigitRead>,
    /// By the layout's field names (`account`, `amount_due`, ..), as read.
    pub fields: BTreeMap<String, String>,
    #[serde(rename = "box")]
    pub bbox: PixelBox,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct BarcodeRead {
    /// `code-128`, `code-39`, `itf`, `qr`, `pdf417`, `datamatrix`.
    pub symbology: String,
    pub text: String,
    pub layout: Option<String>,
    pub biller: Option<String>,
    pub check_digits: Vec<CheckDigitRead>,
    pub fields: BTreeMap<String, String>,
    #[serde(rename = "box")]
    pub bbox: PixelBox,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct MarkRead {
    pub name: String,
    pub marked: bool,
    #[serde(rename = "box")]
    pub bbox: PixelBox,
}

/// Who says what the check is worth, in order of trust.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AmountSource {
    /// A reading of the amount field by this program.
    Optical,
    /// The capture station's own amount reader or its operator (`amount` of the index).
    Station,
    /// The amount field of the E-13B line.
    Micr,
    /// A lockbox file, a bank file or an X9 record.
    Record,
    /// A person keyed it.
    Person,
}

/// What a check is worth, as far as a reader can say. An optical value is a suggestion until a verdict accepts it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug, Default)]
pub struct AmountRead {
    pub value: Option<Cents>,
    pub source: Option<AmountSource>,
    pub confidence: f32,
    pub accepted: bool,
    /// The amount field of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<AmountField>,
    /// A free reading of the field, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<AmountGuess>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<AmountVerdict>,
}

/// The field and what the network saw in it: enough to score any amount again, to the same log-odds.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct AmountField {
    #[serde(rename = "box")]
    pub bbox: PixelBox,
    pub found: FieldFound,
    /// Where the amount stands in words: shown, not read.
    pub words: Option<PixelBox>,
    pub model: String,
    /// SHA-256 of the weights.
    pub weights: String,
    /// See `decode::amount::packed`.
    pub columns: String,
}

/// How the amount field was found.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum FieldFound {
    /// A person drew it for this layout of checks.
    Zone,
    Box,
    /// Right of a printed `$`.
    Dollar,
    /// A fixed part of the page.
    Ratio,
}

/// An amount and the natural logarithm of its odds against everything else that could stand there.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, Debug)]
pub struct AmountGuess {
    pub value: Cents,
    pub log_odds: f32,
}

/// What verifying the field against the expected amounts came to, with all that is needed to do it again.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct AmountVerdict {
    pub outcome: AmountOutcome,
    pub amount: Option<Cents>,
    pub log_odds: f32,
    /// The threshold and its name: `config`, or the number of the measurement that set it.
    pub threshold: f32,
    pub threshold_id: String,
    pub model: String,
    pub weights: String,
    #[serde(rename = "box")]
    pub bbox: PixelBox,
    /// The expected amounts, the likeliest first.
    pub choices: Vec<AmountGuess>,
    pub unsure: Option<AmountUnsure>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AmountOutcome {
    /// Taken without a person.
    Confirmed,
    /// Would be taken where confirming is switched on; here a person has the word.
    Advised,
    /// Would be taken, and was drawn for blind keying: nothing is shown to the person.
    Sampled,
    Unsure,
}

/// Why an amount is not taken, in the order in which it is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AmountUnsure {
    NoField,
    NothingExpected,
    NoCentsMark,
    Unlikely,
    OverLimit,
    /// Two expected amounts are one digit apart.
    TooClose,
}
