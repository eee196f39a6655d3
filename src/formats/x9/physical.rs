//! The physical layer: where one record ends and the next begins. Five layouts are told apart by content: length words
//! (big-endian, or little-endian with a warning), lines, and blocks of 80 bytes, in EBCDIC or ASCII. Records are cut by
//! lengths, never by searching for line feeds inside images. A wrong length word is named, and reading goes on at the next
//! record that can be recognised.

use super::records::{RecordType, type_of};
use crate::formats::ebcdic::CodePage;
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{number_of, text_of};

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
}

/// One record as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number of the record, from 1.
    pub number: u64,
    /// Offset of the record itself, after its length word.
    pub offset: usize,
    pub bytes: &'a [u8],
    /// The type, where it is one of ours.
    pub kind: Option<&'static RecordType>,
}

/// No record is longer: 117 + a key of 9,999 + a signature of 99,999 + an image of 9,999,999.
const LONGEST: usize = 10_110_114;

const ASCII: Encoding = Encoding::Ascii;
const EBCDIC: Encoding = Encoding::Ebcdic(CodePage::Ibm037);

/// Tells the layout from the first bytes. The first record must be a file header (`01`), or at least a record of a type
/// of ours in length words or an 80-column line. `None`: this is no cash letter.
pub fn detect(bytes: &[u8]) -> Option<Physical> {
    let code = |at: usize, encoding: Encoding| encoding.decoded::<2>(bytes.get(at..)?);
    let word: Option<[u8; 4]> = bytes.get(..4).and_then(|w| w.try_into().ok());
    for encoding in [ASCII, EBCDIC] {
        let known = |at| code(at, encoding).and_then(|c| type_of(&c));
        let header = |at| code(at, encoding).as_ref() == Some(b"01");
        if let (Some(word), Some(kind)) = (word, known(4)) {
            let fits = |n: u32| n as usize == kind.width || (header(4) && (70..=90).contains(&n));
            if fits(u32::from_be_bytes(word)) {
                return Some(Physical { layout: Layout::LengthWords, encoding: page_of(bytes, encoding) });
            }
            if fits(u32::from_le_bytes(word)) {
                return Some(Physical { layout: Layout::LittleEndianLengthWords, encoding: page_of(bytes, encoding) });
            }
        }
        // Lock boxes and ACH files begin with 1 too, never with 01 followed by a level.
        let level = || encoding.decoded::<4>(bytes).is_some_and(|t| matches!(&t[2..], b"03" | b"20" | b"30" | b"35"));
        if header(0) && (level() || bytes.len().is_multiple_of(80)) {
            let line_end = bytes.iter().take(120).position(|b| matches!(b, b'\n' | b'\r'));
            let layout = if encoding == ASCII && (line_end.is_some() || bytes.len() <= 80) {
                Layout::Lines
            } else {
                Layout::Blocks
            };
            return Some(Physical { layout, encoding: page_of(bytes, encoding) });
        }
    }
    // A single line of 80 columns that begins as one of our records: a cash letter whose header is gone.
    let lone = bytes.len() == 80 && code(0, ASCII).is_some_and(|c| type_of(&c).is_some());
    lone.then_some(Physical { layout: Layout::Lines, encoding: ASCII })
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

/// Cuts a file into records.
#[derive(Clone)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    physical: Physical,
    at: usize,
    number: u64,
}

impl<'a> Frames<'a> {
    pub fn new(bytes: &'a [u8], physical: Physical) -> Self {
        Frames { bytes, physical, at: 0, number: 0 }
    }

    /// Where the next record would begin.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is left when it is nothing but padding (blanks, NUL, 0x1A, line ends).
    fn only_padding_is_left(&self) -> bool {
        self.bytes[self.at..].iter().all(|b| matches!(b, 0 | 0x1a | b' ' | 0x40 | b'\r' | b'\n'))
    }

    fn kind_at(&self, at: usize) -> Option<&'static RecordType> {
        self.physical.encoding.decoded::<2>(self.bytes.get(at..)?).and_then(|code| type_of(&code))
    }

    pub fn next(&mut self, faults: &mut Faults) -> Option<Frame<'a>> {
        if self.at >= self.bytes.len() {
            return None;
        }
        match self.physical.layout {
            Layout::LengthWords | Layout::LittleEndianLengthWords => self.next_by_length_word(faults),
            Layout::Lines => self.next_line(faults),
            Layout::Blocks => self.next_block(faults),
        }
    }

    fn frame(&mut self, offset: usize, length: usize, then: usize) -> Frame<'a> {
        self.number += 1;
        self.at = then;
        let end = (offset + length).min(self.bytes.len());
        Frame { number: self.number, offset, bytes: &self.bytes[offset..end], kind: self.kind_at(offset) }
    }

    fn length_at(&self, at: usize) -> Option<usize> {
        let word: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let length = match self.physical.layout {
            Layout::LittleEndianLengthWords => u32::from_le_bytes(word),
            _ => u32::from_be_bytes(word),
        };
        usize::try_from(length).ok()
    }

    /// Does a record of a known type and a fitting length begin here?
    fn recognised(&self, at: usize) -> bool {
        let (Some(length), Some(kind)) = (self.length_at(at), self.kind_at(at + 4)) else { return false };
        let fits = if kind.varies { (kind.width..=LONGEST).contains(&length) } else { length == kind.width };
        fits && at + 4 + length <= self.bytes.len()
    }

    fn next_by_length_word(&mut self, faults: &mut Faults) -> Option<Frame<'a>> {
        let at = self.at;
        let length = self.length_at(at).unwrap_or(0);
        let fits = (2..=LONGEST).contains(&length) && length <= self.bytes.len().saturating_sub(at + 4);
        if fits {
            let after = at + 4 + length;
            let continues = after == self.bytes.len() || self.recognised(after);
            match self.kind_at(at + 4) {
                // The word is wrong and the record is as long as its type says.
                Some(kind)
                    if !kind.varies && length != kind.width && !continues && self.recognised(at + 4 + kind.width) =>
                {
                    faults.push(self.wrong_length(at, length, kind.width));
                    return Some(self.frame(at + 4, kind.width, at + 4 + kind.width));
                }
                Some(_) => return Some(self.frame(at + 4, length, after)),
                // An unknown type is kept when the file goes on behind it.
                None if continues => return Some(self.frame(at + 4, length, after)),
                None => {}
            }
        }
        if self.only_padding_is_left() {
            faults.push(
                Fault::warning("padding", format!("{} bytes of padding after the last record", self.bytes.len() - at))
                    .offset(at as u64),
            );
            self.at = self.bytes.len();
            return None;
        }
        // The record itself may be whole although its word is not: its type says how long it is.
        if let Some(kind) = self.kind_at(at + 4).filter(|k| !k.varies)
            && (self.recognised(at + 4 + kind.width) || at + 4 + kind.width == self.bytes.len())
        {
            faults.push(self.wrong_length(at, length, kind.width));
            return Some(self.frame(at + 4, kind.width, at + 4 + kind.width));
        }
        let next = (at + 1..self.bytes.len()).find(|p| self.recognised(*p)).unwrap_or(self.bytes.len());
        let message = format!("no record begins here (length word {length}); {} bytes are skipped", next - at);
        faults.push(
            Fault::error("record-length", message)
                .record(self.number + 1)
                .offset(at as u64)
                .between(length.to_string(), "the length of a record that fits the file"),
        );
        self.at = next;
        if next >= self.bytes.len() { None } else { self.next_by_length_word(faults) }
    }

    fn wrong_length(&self, at: usize, found: usize, expected: usize) -> Fault {
        Fault::error("record-length", "the length word does not fit the record")
            .record(self.number + 1)
            .offset(at as u64)
            .between(found.to_string(), expected.to_string())
    }

    /// The length of a record without a length word, by its type and its own length fields.
    fn own_length(&self, at: usize) -> Option<usize> {
        let kind = self.kind_at(at)?;
        if !kind.varies {
            return Some(kind.width);
        }
        let number = |from: usize, to: usize| -> Option<usize> {
            let mut digits = self.bytes.get(at + from..at + to)?.to_vec();
            self.physical.encoding.decode(&mut digits);
            number_of(&digits).ok()?.unwrap_or(0).try_into().ok()
        };
        match kind.code {
            "27" | "34" => Some(46 + number(18, 22)?),
            "68" => Some(45 + number(38, 45)?),
            _ => {
                let x = number(101, 105)?;
                let y = number(105 + x, 110 + x)?;
                let z = number(110 + x + y, 117 + x + y)?;
                Some(117 + x + y + z)
            }
        }
    }

    fn next_line(&mut self, faults: &mut Faults) -> Option<Frame<'a>> {
        let is_end = |b: &u8| matches!(b, b'\n' | b'\r');
        let rest = &self.bytes[self.at..];
        let start = self.at + rest.iter().position(|b| !is_end(b))?;
        self.at = start;
        if matches!(self.bytes[start], 0x1a | 0 | b' ') && self.only_padding_is_left() {
            faults.push(Fault::warning("padding", "padding after the last record").offset(start as u64));
            self.at = self.bytes.len();
            return None;
        }
        let rest = &self.bytes[start..];
        let line = rest.iter().position(is_end).unwrap_or(rest.len());
        // A record with an image is cut by its lengths, when they end at a line end; line feeds inside it are data.
        let own = self.kind_at(start).filter(|k| k.varies).and_then(|_| self.own_length(start));
        let length = own.filter(|n| rest.len() == *n || rest.get(*n).is_some_and(is_end)).unwrap_or(line);
        Some(self.frame(start, length, start + length))
    }

    fn next_block(&mut self, faults: &mut Faults) -> Option<Frame<'a>> {
        let at = self.at;
        let left = self.bytes.len() - at;
        if matches!(self.bytes[at], 0 | 0x1a | b' ' | 0x40 | b'\r' | b'\n') && self.only_padding_is_left() {
            faults.push(Fault::warning("padding", "padding after the last record").offset(at as u64));
            self.at = self.bytes.len();
            return None;
        }
        let length = self.own_length(at).unwrap_or(80);
        if length > left {
            faults.push(
                Fault::error("record-length", "the file ends inside this record")
                    .record(self.number + 1)
                    .offset(at as u64)
                    .between(format!("{left} bytes"), format!("{length} bytes")),
            );
        }
        Some(self.frame(at, length.min(left), at + length.min(left)))
    }
}

/// A record type for messages: its two characters as they stand.
pub fn shown_code(frame: &Frame<'_>, encoding: Encoding) -> String {
    encoding.decoded::<2>(frame.bytes).map_or_else(|| "nothing".into(), |code| text_of(&code))
}
