//! The physical layer: where one record ends and the next begins. Five layouts are told apart by content: length words
//! (big-endian, or little-endian with a warning), lines, and blocks of 80 bytes, in EBCDIC or ASCII. Records are cut by
//! lengths, never by searching for line feeds inside images. A wrong length word is named, and reading goes on at the next
//! record that can be recognised.

use std::io::Read;

use super::records::{RecordType, type_of, type_of_digits};
use crate::formats::ebcdic::CodePage;
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{number_of, text_of};
use crate::formats::window::Window;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    Ascii,
    Ebcdic(CodePage),
}

impl Encoding {
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Ascii => "ascii",
            Encoding::Ebcdic(CodePage::Ibm037) => "ebcdic-037",
            Encoding::Ebcdic(CodePage::Ibm1047) => "ebcdic-1047",
        }
    }

    /// Bytes of the file to Latin-1, in place.
    pub fn decode(self, text: &mut [u8]) {
        if let Encoding::Ebcdic(page) = self {
            page.decode(text);
        }
    }

    pub fn encode(self, text: &mut [u8]) {
        if let Encoding::Ebcdic(page) = self {
            page.encode(text);
        }
    }

    /// The code page of its records; none for ASCII.
    pub fn page(self) -> Option<CodePage> {
        match self {
            Encoding::Ascii => None,
            Encoding::Ebcdic(page) => Some(page),
        }
    }

    /// The type of the record that begins here.
    #[inline]
    fn type_at(self, bytes: &[u8], at: usize) -> Option<&'static RecordType> {
        let zero = if self == Encoding::Ascii { b'0' } else { 0xf0 };
        let code = bytes.get(at..)?.first_chunk::<2>()?;
        type_of_digits(code[0].wrapping_sub(zero), code[1].wrapping_sub(zero))
    }

    fn is_line_end(self, byte: u8) -> bool {
        match self {
            Encoding::Ascii => matches!(byte, b'\n' | b'\r'),
            Encoding::Ebcdic(_) => matches!(byte, 0x15 | 0x25 | 0x0d),
        }
    }

    fn decoded<const N: usize>(self, bytes: &[u8]) -> Option<[u8; N]> {
        let mut text: [u8; N] = bytes.get(..N)?.try_into().ok()?;
        self.decode(&mut text);
        Some(text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    LengthWords,
    LittleEndianLengthWords,
    Lines,
    Blocks,
}

impl Layout {
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::LengthWords => "length-words",
            Layout::LittleEndianLengthWords => "length-words-little-endian",
            Layout::Lines => "lines",
            Layout::Blocks => "blocks",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Physical {
    pub layout: Layout,
    pub encoding: Encoding,
    /// The length words count their own four bytes, which no standard knows: read, and refused as a whole.
    pub counts_itself: bool,
}

/// One record as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number of the record, from 1.
    pub number: u64,
    /// Offset of the record itself, after its length word.
    pub offset: u64,
    pub bytes: &'a [u8],
    /// The type, where it is one of ours.
    pub kind: Option<&'static RecordType>,
}

/// No record is longer: 117 + a key of 9,999 + a signature of 99,999 + an image of 9,999,999.
const LONGEST: usize = 10_110_114;
/// Bytes of a file that tell its layout.
const HEAD: usize = 8192;
/// Bytes of a length word.
const WORD: usize = 4;

const ASCII: Encoding = Encoding::Ascii;
const EBCDIC: Encoding = Encoding::Ebcdic(CodePage::Ibm037);

/// Tells the layout from the first bytes (8 KiB are enough). The first record must be a file header (`01`), or at least a
/// record of a type of ours in length words or an 80-column line. `None`: this is no cash letter.
pub fn detect(bytes: &[u8]) -> Option<Physical> {
    let word: Option<[u8; WORD]> = bytes.first_chunk().copied();
    for encoding in [ASCII, EBCDIC] {
        let known = |at| encoding.type_at(bytes, at);
        let header = |at| known(at).is_some_and(|kind| kind.code == "01");
        let told = |layout| Physical { layout, encoding: page_of(bytes, encoding), counts_itself: false };
        if let (Some(word), Some(kind)) = (word, known(WORD)) {
            let counts_itself =
                |next: u32| next as usize == kind.width + WORD && known(kind.width + 2 * WORD).is_some();
            let fits = |n: u32| n as usize == kind.width || (header(WORD) && (70..=90).contains(&n));
            let (big, little) = (u32::from_be_bytes(word), u32::from_le_bytes(word));
            if fits(big) {
                return Some(Physical { counts_itself: counts_itself(big), ..told(Layout::LengthWords) });
            }
            if fits(little) {
                return Some(Physical {
                    counts_itself: counts_itself(little),
                    ..told(Layout::LittleEndianLengthWords)
                });
            }
        }
        // Lock boxes and ACH files begin with 1 too, never with 01 followed by a level.
        let level = || encoding.decoded::<4>(bytes).is_some_and(|t| matches!(&t[2..], b"03" | b"20" | b"30" | b"35"));
        let second = || (80..=82).any(|at| known(at).is_some());
        if header(0) && (level() || bytes.len() == 80 || second()) {
            let layout = match encoding {
                Encoding::Ascii if bytes.len() <= 80 => Layout::Lines,
                Encoding::Ascii if bytes.iter().take(120).any(|b| encoding.is_line_end(*b)) => Layout::Lines,
                Encoding::Ebcdic(_) if bytes.get(80).is_some_and(|b| encoding.is_line_end(*b)) => Layout::Lines,
                Encoding::Ascii | Encoding::Ebcdic(_) => Layout::Blocks,
            };
            return Some(told(layout));
        }
    }
    // A single line of 80 columns that begins as one of our records: a cash letter whose header is gone.
    let lone = bytes.len() == 80 && ASCII.type_at(bytes, 0).is_some();
    lone.then_some(Physical { layout: Layout::Lines, encoding: ASCII, counts_itself: false })
}

/// The code page by the names in the first records.
fn page_of(bytes: &[u8], encoding: Encoding) -> Encoding {
    match encoding {
        Encoding::Ascii => Encoding::Ascii,
        Encoding::Ebcdic(_) => {
            Encoding::Ebcdic(CodePage::detect(bytes.get(4..248.min(bytes.len())).unwrap_or_default()))
        }
    }
}

/// What was found where a record should begin.
enum Padding {
    /// Something else stands here.
    None,
    /// Nothing but padding was left, and it has been passed.
    End,
    /// More of it than is looked over at once: passed, and not the end.
    Passed,
}

/// Cuts a file into records as it comes.
pub struct Frames<'r> {
    window: Window<'r>,
    physical: Physical,
    number: u64,
}

impl<'r> Frames<'r> {
    /// `Err`: this is no cash letter.
    pub fn open(source: &'r mut dyn Read) -> Result<Self, Fault> {
        let mut window = Window::new(source);
        let head = window.ahead(HEAD);
        let Some(physical) = detect(&head[..HEAD.min(head.len())]) else {
            let found = text_of(head.get(..8.min(head.len())).unwrap_or_default());
            let message = "this is no image cash letter: it does not begin with a file header";
            let fault = Fault::error("not-x9", message).record(1).offset(0);
            return Err(fault.between(found, "a record of type 01, plain or after a length word"));
        };
        Ok(Frames { window, physical, number: 0 })
    }

    pub fn physical(&self) -> Physical {
        self.physical
    }

    /// Where the next record would begin.
    pub fn at(&self) -> u64 {
        self.window.offset()
    }

    /// The source broke.
    pub fn failure(&self) -> Option<Fault> {
        self.window.failure()
    }

    pub fn next(&mut self, faults: &mut Faults) -> Option<Frame<'_>> {
        let length = match self.physical.layout {
            Layout::LengthWords | Layout::LittleEndianLengthWords => self.by_length_word(faults),
            Layout::Lines => self.line(faults),
            Layout::Blocks => self.block(faults),
        }?;
        self.number += 1;
        let (number, offset, encoding) = (self.number, self.window.offset(), self.physical.encoding);
        let bytes = self.window.take(length);
        Some(Frame { number, offset, bytes, kind: encoding.type_at(bytes, 0) })
    }

    /// What is held, from the next record on.
    fn kind_at(&self, at: usize) -> Option<&'static RecordType> {
        self.physical.encoding.type_at(self.window.held(), at)
    }

    #[inline]
    fn length_at(&self, at: usize) -> Option<usize> {
        let word = self.window.held().get(at..)?.first_chunk::<WORD>()?;
        let length = match self.physical.layout {
            Layout::LittleEndianLengthWords => u32::from_le_bytes(*word),
            _ => u32::from_be_bytes(*word),
        };
        let itself = if self.physical.counts_itself { WORD } else { 0 };
        usize::try_from(length).ok()?.checked_sub(itself)
    }

    /// Does a whole record of a known type and a fitting length begin here?
    fn recognised(&mut self, at: usize) -> bool {
        self.window.ahead(at + WORD + 2);
        let (Some(length), Some(kind)) = (self.length_at(at), self.kind_at(at + WORD)) else { return false };
        let fits = if kind.varies { (kind.width..=LONGEST).contains(&length) } else { length == kind.width };
        fits && self.window.ahead(at + WORD + length).len() >= at + WORD + length
    }

    /// Does the file end here, or go on with a record?
    fn continues(&mut self, at: usize) -> bool {
        self.window.ahead(at + 1).len() == at || self.recognised(at)
    }

    /// Is this one of our types in the other encoding?
    fn is_foreign(&self, at: usize) -> bool {
        let other = if self.physical.encoding == ASCII { EBCDIC } else { ASCII };
        other.type_at(self.window.held(), at).is_some()
    }

    /// Steps to a record and gives its length.
    fn by_length_word(&mut self, faults: &mut Faults) -> Option<usize> {
        loop {
            if self.window.ahead(WORD + 2).is_empty() {
                return None;
            }
            let length = self.length_at(0).unwrap_or(0);
            let kind = self.kind_at(WORD);
            let is_there = (2..=LONGEST).contains(&length) && self.window.ahead(WORD + length).len() >= WORD + length;
            if is_there {
                let right = match kind {
                    Some(kind) if !kind.varies && length == kind.width => true,
                    Some(_) => {
                        self.continues(WORD + length) || self.own_length(WORD).is_none_or(|own| !self.is_right(own))
                    }
                    // An unknown type is kept when the file goes on behind it.
                    None => self.is_foreign(WORD) || self.continues(WORD + length),
                };
                if right {
                    self.window.step(WORD);
                    return Some(length);
                }
            }
            match self.padding(faults) {
                Padding::End => return None,
                Padding::Passed => continue,
                Padding::None => {}
            }
            // The record itself may be whole although its word is not: its type and its own lengths say how long it is.
            if let Some(own) = self.own_length(WORD).filter(|own| *own <= LONGEST)
                && self.is_right(own)
            {
                let message = "the length word does not fit the record";
                let fault = Fault::error("record-length", message).record(self.number + 1).offset(self.at());
                faults.push(fault.between(length.to_string(), own.to_string()));
                self.window.step(WORD);
                return Some(own);
            }
            self.skip_to_a_record(length, faults);
        }
    }

    /// Is a record of this length whole, and does the file go on behind it?
    fn is_right(&mut self, own: usize) -> bool {
        own <= LONGEST && self.window.ahead(WORD + own).len() >= WORD + own && self.continues(WORD + own)
    }

    /// Passes over bytes that are no record, up to the next one that can be recognised.
    fn skip_to_a_record(&mut self, length: usize, faults: &mut Faults) {
        let from = self.at();
        let mut at = 1;
        while self.window.ahead(at + WORD + 2).len() >= at + WORD + 2 && !self.recognised(at) {
            at += 1;
            if at == HEAD {
                self.window.step(at);
                at = 0;
            }
        }
        if self.window.held().len() < at + WORD + 2 {
            at = self.window.held().len();
        }
        self.window.step(at);
        let message = format!("no record begins here (length word {length}); {} bytes are skipped", self.at() - from);
        let fault = Fault::error("record-length", message).record(self.number + 1).offset(from);
        faults.push(fault.between(length.to_string(), "the length of a record that fits the file"));
    }

    /// Passes over blanks, NULs, 0x1A and line ends when nothing else is left.
    fn padding(&mut self, faults: &mut Faults) -> Padding {
        let from = self.at();
        loop {
            let held = self.window.ahead(HEAD);
            let count = held.iter().take_while(|b| matches!(b, 0 | 0x1a | b' ' | 0x40 | b'\r' | b'\n')).count();
            let (more, passed) = (count < held.len(), self.at() - from);
            if more && passed == 0 {
                return Padding::None;
            }
            self.window.step(count);
            let passed = self.at() - from;
            if more {
                let message = format!("{passed} bytes of padding between two records");
                faults.push(Fault::error("padding", message).record(self.number + 1).offset(from));
                return Padding::Passed;
            }
            if self.window.is_at_end() {
                let message = format!("{passed} bytes of padding after the last record");
                faults.push(Fault::warning("padding", message).offset(from));
                return Padding::End;
            }
        }
    }

    /// The length of the record that begins at `at`, by its type and its own length fields.
    fn own_length(&mut self, at: usize) -> Option<usize> {
        let kind = self.kind_at(at)?;
        if !kind.varies {
            return Some(kind.width);
        }
        match kind.code {
            "27" | "34" => Some(46 + self.own_number(at + 18, at + 22)?),
            "68" => Some(45 + self.own_number(at + 38, at + 45)?),
            _ => {
                let x = self.own_number(at + 101, at + 105)?;
                let y = self.own_number(at + 105 + x, at + 110 + x)?;
                let z = self.own_number(at + 110 + x + y, at + 117 + x + y)?;
                Some(117 + x + y + z)
            }
        }
    }

    /// A length field of at most seven digits.
    fn own_number(&mut self, from: usize, to: usize) -> Option<usize> {
        let mut digits = [b' '; 7];
        let digits = digits.get_mut(..to - from)?;
        digits.copy_from_slice(self.window.ahead(to).get(from..to)?);
        self.physical.encoding.decode(digits);
        number_of(digits).ok()?.unwrap_or(0).try_into().ok()
    }

    fn line(&mut self, faults: &mut Faults) -> Option<usize> {
        let encoding = self.physical.encoding;
        loop {
            let held = self.window.ahead(1);
            if held.is_empty() {
                return None;
            }
            let ends = held.iter().take_while(|b| encoding.is_line_end(**b)).count();
            if ends > 0 {
                self.window.step(ends);
                continue;
            }
            match held.first() {
                Some(0x1a | 0 | b' ' | 0x40) => match self.padding(faults) {
                    Padding::End => return None,
                    Padding::Passed => continue,
                    Padding::None => break,
                },
                _ => break,
            }
        }
        // A record with an image is cut by its lengths, when they end at a line end; line feeds inside it are data.
        self.window.ahead(2);
        if self.kind_at(0).is_some_and(|kind| kind.varies)
            && let Some(own) = self.own_length(0).filter(|own| *own <= LONGEST)
        {
            let held = self.window.ahead(own + 1);
            if held.len() == own || held.get(own).is_some_and(|b| encoding.is_line_end(*b)) {
                return Some(own);
            }
        }
        let mut searched = 0;
        loop {
            let held = self.window.ahead(searched + 1);
            if let Some(end) = held[searched..].iter().position(|b| encoding.is_line_end(*b)) {
                return Some(searched + end);
            }
            if held.len() == searched || held.len() >= LONGEST {
                return Some(held.len());
            }
            searched = held.len();
        }
    }

    fn block(&mut self, faults: &mut Faults) -> Option<usize> {
        let first = *self.window.ahead(2).first()?;
        if matches!(first, 0 | 0x1a | b' ' | 0x40 | b'\r' | b'\n') {
            match self.padding(faults) {
                Padding::End => return None,
                Padding::Passed | Padding::None => {}
            }
        }
        self.window.ahead(2);
        let length = self.own_length(0).unwrap_or(80);
        let there = self.window.ahead(length.min(LONGEST)).len().min(length);
        if length > there {
            let message = "the file ends inside this record";
            let fault = Fault::error("record-length", message).record(self.number + 1).offset(self.at());
            faults.push(fault.between(format!("{there} bytes"), format!("{length} bytes")));
        }
        Some(there)
    }
}

/// A record type for messages: its two characters as they stand.
pub fn shown_code(frame: &Frame<'_>, encoding: Encoding) -> String {
    encoding.decoded::<2>(frame.bytes).map_or_else(|| "nothing".into(), |code| text_of(&code))
}

/// The type of a record that begins in the other encoding than the file.
pub fn foreign_type(frame: &Frame<'_>, encoding: Encoding) -> Option<Encoding> {
    let other = if encoding == ASCII { EBCDIC } else { ASCII };
    frame.bytes.get(..2).and_then(|_| other.decoded::<2>(frame.bytes)).and_then(|code| type_of(&code)).map(|_| other)
}
