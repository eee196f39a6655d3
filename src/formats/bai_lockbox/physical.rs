//! Where one record of a lockbox file ends and the next begins: lines of any ending, or blocks without any; ASCII or EBCDIC.
//! Told by the first records, never by what record 2 says of their size.

use std::io::Read;

use super::profile::{Profile, kind_of, profile_of};
use crate::formats::ebcdic::CodePage;
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::{Row, text_of};
use crate::formats::window::Window;

/// Looked at before the layout is told: some thousand records.
const HEAD: usize = 400 << 10;
/// No line is longer; what is, is cut here and named.
const LONGEST: usize = 4096;

/// How the records are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    pub ebcdic: bool,
    /// Length of a block; `None`: lines.
    pub block: Option<usize>,
}

impl Cut {
    pub fn page(self) -> Option<CodePage> {
        self.ebcdic.then_some(CodePage::Ibm037)
    }

    #[inline]
    fn is_end(self, byte: u8) -> bool {
        if self.ebcdic { matches!(byte, 0x15 | 0x25 | 0x0d) } else { matches!(byte, b'\r' | b'\n') }
    }

    fn is_padding(self, byte: u8) -> bool {
        let blank = if self.ebcdic { 0x40 } else { b' ' };
        matches!(byte, 0 | 0x1a | 0x3f) || byte == blank || self.is_end(byte)
    }

    /// Tells how the head of a file is cut. `None`: this does not look like lockbox records.
    fn of(head: &[u8]) -> Option<Cut> {
        let ebcdic = matches!(head.first(), Some(0xf1..=0xf9));
        let lines = Cut { ebcdic, block: None };
        let end = head.iter().rposition(|b| !lines.is_padding(*b))? + 1;
        if head[..end].iter().take(LONGEST).any(|b| lines.is_end(*b)) {
            return Some(lines);
        }
        // The record size of record 2 may lie, so the first length that meets a record type every time is taken.
        let zero = if ebcdic { 0xf0 } else { b'0' };
        let kind = |at: usize| head.get(at).is_some_and(|b| (1..=9).contains(&b.wrapping_sub(zero)));
        let fits = |length: &usize| (0..end).step_by(*length).take(200).all(kind);
        let length = if end <= 160 { end } else { [80, 104, 103, 102, 85, 120, 160].into_iter().find(fits)? };
        Some(Cut { block: Some(length), ..lines })
    }

    /// The records of a piece of a file.
    fn records(self, bytes: &[u8]) -> Vec<Row<'_>> {
        let row = |bytes| Row::new(bytes, self.page());
        let end = bytes.iter().rposition(|b| !self.is_padding(*b)).map_or(0, |n| n + 1);
        match self.block {
            Some(length) => bytes[..end].chunks(length).map(row).collect(),
            None => bytes[..end].split(|b| self.is_end(*b)).filter(|line| !line.is_empty()).map(row).collect(),
        }
    }
}

/// Does the head of a file look like a lockbox file? NACHA files begin alike and are told apart by their `094101`.
pub fn looks_like(head: &[u8]) -> bool {
    let Some(cut) = Cut::of(head) else { return false };
    let latin = |row: &Row<'_>| {
        let mut text = row.bytes[..row.bytes.len().min(200)].to_vec();
        if let Some(page) = row.page {
            page.decode(&mut text);
        }
        text
    };
    let mut lines: Vec<Vec<u8>> = cut.records(head).iter().take(21).map(latin).collect();
    // The last line of a head may be cut.
    if lines.len() > 1 {
        lines.pop();
    }
    let Some(first) = lines.first() else { return false };
    if first.get(34..40) == Some(b"094101") || !matches!(first.first(), Some(b'1' | b'2' | b'5' | b'6' | b'8')) {
        return false;
    }
    let digits = |line: &[u8], to: usize| line.get(1..to).is_some_and(|c| c.iter().all(u8::is_ascii_digit));
    let fits = |line: &&Vec<u8>| match line.first() {
        Some(b'1') => line.len() >= 23 && (digits(line, 2) || line.get(1) == Some(&b' ')),
        Some(b'2') => [31..34, 41..44].into_iter().any(|at| line.get(at) == Some(b"400".as_slice())),
        Some(b'3') => line.len() >= 32,
        Some(b'4' | b'6') => digits(line, 7),
        Some(b'5' | b'7' | b'8') => digits(line, 4),
        Some(b'9') => digits(line, 2),
        _ => false,
    };
    let told = lines.iter().any(|l| matches!(l.first(), Some(b'2' | b'5' | b'6')));
    // A damaged record does not make it another format.
    told && lines.iter().filter(fits).count() * 3 >= lines.len() * 2
}

/// One record as it stands in the file.
pub struct Line<'a> {
    pub number: u64,
    pub offset: u64,
    pub row: Row<'a>,
}

/// Cuts a file into records as it comes.
pub struct Lines<'r> {
    window: Window<'r>,
    pub cut: Cut,
    pub profile: &'static Profile,
    number: u64,
    /// Length of the record before: most are as long.
    usual: usize,
}

impl<'r> Lines<'r> {
    /// `Err`: this is no lockbox file.
    pub fn open(source: &'r mut dyn Read) -> Result<Self, Fault> {
        let mut window = Window::new(source);
        let head = window.ahead(HEAD);
        let head = &head[..head.len().min(HEAD)];
        let cut = match Cut::of(head) {
            Some(cut) if looks_like(&head[..head.len().min(8192)]) => cut,
            _ => {
                let found = text_of(head.get(..8.min(head.len())).unwrap_or_default());
                let fault = Fault::error("not-lockbox", "this is no lockbox file").line(1).offset(0);
                return Err(fault.between(found, "records of types 1 to 9"));
            }
        };
        let records = cut.records(head);
        // The last of them may be cut by the end of the head.
        let whole = if records.len() > 1 && head.len() == HEAD { records.len() - 1 } else { records.len() };
        let profile = profile_of(&records[..whole]);
        Ok(Lines { window, cut, profile, number: 0, usual: 80 })
    }

    pub fn failure(&self) -> Option<Fault> {
        self.window.failure()
    }

    pub fn next(&mut self, faults: &mut Faults) -> Option<Line<'_>> {
        let length = loop {
            let least = self.cut.block.unwrap_or(self.usual) + 1;
            let cut = self.cut;
            let held = self.window.ahead(least);
            if held.is_empty() {
                return None;
            }
            let ends = held.iter().take_while(|b| cut.is_end(**b)).count();
            if ends > 0 {
                self.window.step(ends);
                continue;
            }
            if cut.is_padding(held[0]) && self.only_padding_is_left() {
                return None;
            }
            break self.length();
        };
        if length == LONGEST {
            let fault = Fault::error("line-length", "a line without end is cut");
            let fault = fault.record(self.number + 1).line(self.number + 1).offset(self.window.offset());
            faults.push(fault.between(format!("{LONGEST} bytes and more"), "a line of a lockbox file"));
        }
        self.usual = length;
        self.number += 1;
        let (number, offset, page) = (self.number, self.window.offset(), self.cut.page());
        Some(Line { number, offset, row: Row::new(self.window.take(length), page) })
    }

    fn length(&mut self) -> usize {
        let cut = self.cut;
        if let Some(block) = cut.block {
            return self.window.held().len().min(block);
        }
        // Most lines are as long as the one before: no byte of it is an end, and the next one is.
        let held = self.window.held();
        let blank = if cut.ebcdic { 0x40 } else { b' ' };
        if let Some(line) = held.get(..self.usual)
            && held.get(self.usual).is_some_and(|b| cut.is_end(*b))
            && line.iter().fold(u8::MAX, |least, b| least.min(*b)) >= blank
        {
            return self.usual;
        }
        let mut searched = 0;
        loop {
            let held = self.window.ahead(searched + 1);
            if let Some(end) = held[searched..].iter().take(LONGEST).position(|b| cut.is_end(*b)) {
                return (searched + end).min(LONGEST);
            }
            if held.len() == searched || held.len() >= LONGEST {
                return held.len().min(LONGEST);
            }
            searched = held.len();
        }
    }

    /// Passes over what follows when it is padding to the end.
    fn only_padding_is_left(&mut self) -> bool {
        let cut = self.cut;
        let held = self.window.ahead(LONGEST);
        if held.iter().any(|b| !cut.is_padding(*b)) {
            return false;
        }
        loop {
            let held = self.window.ahead(LONGEST);
            if held.is_empty() {
                return true;
            }
            let count = held.iter().take_while(|b| cut.is_padding(**b)).count();
            let more = count < held.len();
            self.window.step(count);
            if more {
                return false;
            }
        }
    }
}

/// Hands out every record of a file with the columns of its type.
pub fn each_record(
    source: &mut dyn Read,
    each: &mut dyn FnMut(&Line<'_>, u8, &'static [crate::formats::record::Column]),
) {
    let Ok(mut lines) = Lines::open(source) else { return };
    let (profile, mut unheard) = (lines.profile, Faults::default());
    while let Some(line) = lines.next(&mut unheard) {
        let kind = kind_of(&line.row);
        each(&line, kind, profile.columns(kind).unwrap_or_default());
    }
}
