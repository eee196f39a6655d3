//! Segments and elements of an interchange. Separators come from the ISA segment, found by counting its elements: real files
//! trim them. Blanks and line ends around segments are left out.

use std::io::Read;

use crate::formats::fault::Fault;
use crate::formats::window::Window;

/// No segment is longer.
const LONGEST: usize = 256 << 10;
/// The ISA segment, trimmed or not, with a byte-order mark and blanks, ends before this.
const HEAD: usize = 512;

/// One segment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Segment {
    /// Number in the file, from 1.
    pub number: u64,
    pub offset: u64,
    /// The id first; blanks around each are left out.
    pub elements: Vec<String>,
}

impl Segment {
    pub fn id(&self) -> &str {
        self.get(0)
    }

    /// Element by its number in the standard (`BPR02` is 2); empty where there is none.
    pub fn get(&self, element: usize) -> &str {
        self.elements.get(element).map_or("", String::as_str)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Separators {
    pub element: u8,
    pub component: u8,
    pub terminator: u8,
}

fn skip_head(head: &[u8]) -> usize {
    let mark = if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    mark + head[mark..].iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// Separators of an interchange by its first segment.
fn separators(head: &[u8]) -> Option<Separators> {
    let isa = &head[skip_head(head)..];
    if !isa.starts_with(b"ISA") {
        return None;
    }
    let element = *isa.get(3)?;
    if element.is_ascii_alphanumeric() || element.is_ascii_whitespace() {
        return None;
    }
    let (sixteenth, _) = isa.iter().enumerate().filter(|(_, b)| **b == element).nth(15)?;
    let component = *isa.get(sixteenth + 1)?;
    let mut at = sixteenth + 2;
    // A blank may stand between ISA16 and its terminator.
    while isa.get(at) == Some(&b' ') {
        at += 1;
    }
    Some(Separators { element, component, terminator: *isa.get(at)? })
}

/// Does the head of a file look like an X12 interchange?
pub fn looks_like(head: &[u8]) -> bool {
    separators(head).is_some()
}

/// The first transaction set of a head: `820`, `823`, or another.
pub fn set_in(head: &[u8]) -> Option<String> {
    let separators = separators(head)?;
    for segment in head[skip_head(head)..].split(|b| *b == separators.terminator) {
        let text = segment.trim_ascii();
        let mut elements = text.split(|b| *b == separators.element).map(<[u8]>::trim_ascii);
        if elements.next() == Some(b"ST") {
            return elements.next().map(|set| String::from_utf8_lossy(set).to_string());
        }
    }
    None
}

pub struct Segments<'r> {
    window: Window<'r>,
    separators: Separators,
    number: u64,
}

impl<'r> Segments<'r> {
    /// `Err` where the file does not begin with an ISA segment.
    pub fn new(source: &'r mut dyn Read) -> Result<Self, Fault> {
        let mut window = Window::new(source);
        let head = window.ahead(HEAD);
        let found = String::from_utf8_lossy(&head[..head.len().min(8)]).to_string();
        let separators = separators(head);
        let start = skip_head(head);
        if let Some(fault) = window.failure() {
            return Err(fault);
        }
        let Some(separators) = separators else {
            let fault = Fault::error("not-x12", "the file does not begin with an interchange header (ISA)");
            return Err(fault.record(1).offset(0).between(found, "ISA"));
        };
        window.step(start);
        Ok(Segments { window, separators, number: 0 })
    }

    /// A bare text with known separators, as it stands in payment addenda.
    pub fn bare(source: &'r mut dyn Read, separators: Separators) -> Self {
        Segments { window: Window::new(source), separators, number: 0 }
    }

    /// The next segment that is not blank.
    pub fn take(&mut self) -> Result<Option<Segment>, Fault> {
        loop {
            let offset = self.window.offset();
            let mut wanted = 1024;
            let end = loop {
                let terminator = self.separators.terminator;
                let have = self.window.ahead(wanted);
                if let Some(end) = have.iter().position(|b| *b == terminator) {
                    break end;
                }
                if have.len() < wanted || wanted > LONGEST {
                    break have.len();
                }
                wanted *= 2;
            };
            if let Some(fault) = self.window.failure() {
                return Err(fault);
            }
            if end > LONGEST {
                let fault = Fault::error("limit", "a segment of more than 256 KiB");
                return Err(fault.record(self.number + 1).offset(offset));
            }
            let element = char::from(self.separators.element);
            let bytes = self.window.take(end);
            let blanks = bytes.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0).count();
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text.to_string(),
                Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
            };
            let ended = self.window.is_at_end();
            self.window.step(1);
            let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0' || c == '\u{1a}');
            if text.is_empty() {
                if ended {
                    return Ok(None);
                }
                continue;
            }
            self.number += 1;
            let elements = text.split(element).map(|e| e.trim().to_string()).collect();
            return Ok(Some(Segment { number: self.number, offset: offset + blanks as u64, elements }));
        }
    }
}
