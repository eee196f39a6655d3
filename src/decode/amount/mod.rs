//! The amount in figures on the front of a check. One forward pass of a small network over the field gives the likelihood of
//! any amount; what the open bills expect is verified against it ([`decide`]), and what it reads freely is no more than a
//! suggestion. Refuses to read with weights that are not the ones of this program.

pub mod decide;
pub mod find;
pub mod network;
pub mod pass;
pub mod score;
pub mod strip;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::sync::OnceLock;

use crate::domain::{AmountField, AmountGuess, AmountRead, AmountSource, FieldFound, PixelBox, Sha256};
use crate::imaging::Upright;
use find::{Found, Zone};
use network::{BLANK, CENTS_MARK, CLASSES, Network, NetworkError};
use pass::{Pass, Scratch};
use strip::Bounds;

/// The form of the network and of the strips it reads; another number means that old records cannot be replayed.
pub const MODEL: &str = "amount-2";
const WEIGHTS: &[u8] = include_bytes!("amount.net");
/// SHA-256 of the weights file: a file that was changed is not read with.
const WEIGHTS_SHA256: &str = include_str!("amount.net.sha256");
/// A free reading is shown from these odds on.
const SUGGESTED: f32 = 0.0;
const BEAM: usize = 24;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

pub struct Reader {
    network: Network,
    pass: Pass,
    weights: Sha256,
}

#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    #[error(
        "the weights of the amount reader are not the ones that were measured (SHA-256 {found}): amounts are not read"
    )]
    Changed { found: Sha256 },
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl Reader {
    /// `sha256` is what the weights must hash to, in hex.
    pub fn new(weights: &[u8], sha256: &str) -> Result<Reader, ReaderError> {
        let found = Sha256::of(weights);
        if found.to_string() != sha256.trim() {
            return Err(ReaderError::Changed { found });
        }
        let network = Network::from_bytes(weights)?;
        Ok(Reader { pass: Pass::of(&network), network, weights: found })
    }

    /// The program's own reader; `None` when its weights are damaged.
    pub fn own() -> Option<&'static Reader> {
        static OWN: OnceLock<Option<Reader>> = OnceLock::new();
        OWN.get_or_init(|| Reader::new(WEIGHTS, WEIGHTS_SHA256).ok()).as_ref()
    }

    pub fn weights(&self) -> Sha256 {
        self.weights
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The field of an upright check and what it likely says. `None` where nothing is written.
    pub fn read(&self, page: &Upright, zone: Option<Zone>) -> Option<AmountRead> {
        self.read_found(page, find::find(page, zone))
    }

    /// The same for a field whose place is known.
    pub fn read_field(&self, page: &Upright, field: PixelBox) -> Option<AmountRead> {
        let bounds = Bounds { field, boxed: true };
        self.read_found(page, Found { bounds, by: FieldFound::Zone, words: PixelBox::default() })
    }

    fn read_found(&self, page: &Upright, found: Found) -> Option<AmountRead> {
        let strip = strip::strip(&page.bits, page.gray.as_ref(), found.bounds, page.dpi)?;
        let columns = SCRATCH.with_borrow_mut(|scratch| self.pass.forward(&strip, scratch));
        let source = |area| page.transform.to_source(area);
        let field = AmountField {
            bbox: source(found.bounds.field),
            found: found.by,
            words: Some(source(found.words)).filter(|w| w.w > 0),
            model: MODEL.into(),
            weights: self.weights.to_string(),
            columns: packed(&columns),
        };
        // What is kept is what is scored: a record replays to the same log-odds.
        let columns: Vec<_> = columns.iter().map(|column| column.map(|v| kept(steps(v)))).collect();
        if columns.is_empty() {
            return None;
        }
        let guesses = guesses(&columns);
        let best = guesses.first().filter(|g| g.log_odds >= SUGGESTED);
        Some(AmountRead {
            value: best.map(|g| g.value),
            source: best.map(|_| AmountSource::Optical),
            confidence: best.map_or(0.0, |g| 1.0 / (1.0 + (-g.log_odds).exp())),
            accepted: false,
            field: Some(field),
            guesses,
            verdict: None,
        })
    }
}

/// The likeliest amounts of a free reading, best first, at most five.
pub fn guesses(columns: &[[f32; CLASSES]]) -> Vec<AmountGuess> {
    let found = score::likeliest(columns, BEAM);
    let odds = |(value, chance): (_, f32)| AmountGuess { value, log_odds: rounded(score::log_odds(chance)) };
    found.into_iter().take(5).map(odds).filter(|g| g.log_odds > -12.0).collect()
}

/// Was a cents mark seen, by the likeliest class of each column?
pub fn marks_cents(columns: &[[f32; CLASSES]]) -> bool {
    let best = |c: &[f32; CLASSES]| (0..CLASSES).max_by(|&a, &b| c[a].total_cmp(&c[b])).unwrap_or(BLANK);
    columns.iter().any(|c| best(c) == CENTS_MARK)
}

/// To hundredths, as records carry it.
pub fn rounded(log_odds: f32) -> f32 {
    (log_odds * 100.0).round() / 100.0
}

/// Steps of the logarithms in a record.
const STEP: f32 = 16.0;

/// How many steps below certainty: what a record holds of a value.
fn steps(value: f32) -> u8 {
    (-value * STEP).round().clamp(0.0, 255.0) as u8
}

fn kept(steps: u8) -> f32 {
    -f32::from(steps) / STEP
}

/// The columns as text: two hexadecimal digits a value, sixteenths of a nat below certainty.
pub fn packed(columns: &[[f32; CLASSES]]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let mut text = String::with_capacity(2 * CLASSES * columns.len());
    text.extend(columns.iter().flatten().map(|v| steps(*v)).flat_map(|b| [digit(b >> 4), digit(b & 15)]));
    text
}

/// The other way; `None` for what is no record of columns.
pub fn unpacked(text: &str) -> Option<Vec<[f32; CLASSES]>> {
    let bytes: Vec<u8> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    let (columns, rest) = bytes.as_chunks::<CLASSES>();
    (rest.is_empty() && !columns.is_empty()).then(|| columns.iter().map(|c| c.map(kept)).collect())
}
