//! Cuts a Nacha file into records of 94 columns while it streams by: lines of any ending, or no line ends at all. Lines whose
//! trailing blanks were stripped are filled; what is longer is cut with a fault. Memory is one buffer, whatever the size.

use std::io::Read;

use super::records::WIDTH;
use crate::formats::fault::{Fault, Faults};

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// Where a record stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// Number of the record, from 1.
    pub number: u64,
    /// Byte offset of its first column.
    pub offset: u64,
    /// Every byte is printable ASCII.
    pub printable: bool,
}

/// How the records are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    Lines,
    /// No line ends: a record every 94 bytes.
    Blocks,
}

pub struct Frames<'r> {
    source: &'r mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the file of `buffer[start]`.
    offset: u64,
    ended: bool,
    pub cut: Cut,
    number: u64,
    /// Columns of the record that `next` gave last.
    pub text: [u8; WIDTH],
}

fn is_end(b: u8) -> bool {
    matches!(b, b'\n' | b'\r')
}

impl<'r> Frames<'r> {
    /// Looks at the first bytes to tell lines from blocks.
    pub fn new(source: &'r mut dyn Read) -> Result<Self, Fault> {
        let mut frames = Frames {
            source,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            cut: Cut::Lines,
            number: 0,
            text: [b' '; WIDTH],
        };
        frames.fill()?;
        if frames.buffer[..frames.end].starts_with(&[0xef, 0xbb, 0xbf]) {
            frames.skip(3);
        }
        let head = &frames.buffer[frames.start..frames.end.min(frames.start + 2 * WIDTH)];
        if head.len() > WIDTH && !head.iter().any(|b| is_end(*b)) {
            frames.cut = Cut::Blocks;
        }
        Ok(frames)
    }

    fn fill(&mut self) -> Result<(), Fault> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while !self.ended && self.end < self.buffer.len() {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let offset = self.offset + self.end as u64;
                    return Err(Fault::error("io", format!("the file cannot be read: {e}")).offset(offset));
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// The next record; its columns are in `text`. Blank lines and padding at the end are no records.
    pub fn next(&mut self, faults: &mut Faults) -> Result<Option<Frame>, Fault> {
        loop {
            if self.end - self.start < 4 * WIDTH && !self.ended {
                self.fill()?;
            }
            let have = &self.buffer[self.start..self.end];
            match have.first() {
                None => return Ok(None),
                Some(b) if is_end(*b) => {
                    self.skip(1);
                    continue;
                }
                Some(_) => {}
            }
            let here = Frame { number: self.number + 1, offset: self.offset, printable: true };
            if let Some(columns) = have.first_chunk::<WIDTH>() {
                let low = columns.iter().fold(u8::MAX, |low, b| low.min(*b));
                let high = columns.iter().fold(0, |high, b| high.max(*b));
                let whole = self.cut == Cut::Blocks || have.get(WIDTH).is_none_or(|b| is_end(*b));
                if low >= b' ' && high < 0x7f && whole {
                    self.text = *columns;
                    // A line feed comes next nearly always.
                    let ends = usize::from(have.get(WIDTH) == Some(&b'\n'));
                    self.skip(WIDTH + ends);
                    self.number += 1;
                    return Ok(Some(here));
                }
            }
            if let Some(frame) = self.odd(here, faults)? {
                return Ok(Some(frame));
            }
        }
    }

    /// A record that is not 94 printable columns and a line end.
    fn odd(&mut self, here: Frame, faults: &mut Faults) -> Result<Option<Frame>, Fault> {
        let have = &self.buffer[self.start..self.end];
        let mut length = have.iter().position(|b| is_end(*b)).unwrap_or(have.len());
        if self.cut == Cut::Blocks {
            length = length.min(WIDTH);
        }
        let line = &have[..length];
        if line.iter().all(|b| matches!(*b, 0 | 0x1a | b' ')) {
            if self.number > 0 && !line.iter().all(|b| *b == b' ') {
                let fault = Fault::warning("padding", "bytes that are no record (NUL or 1A)");
                faults.push(fault.record(here.number).offset(here.offset));
            }
            self.skip(length);
            return Ok(None);
        }
        self.text = [b' '; WIDTH];
        let kept = length.min(WIDTH);
        self.text[..kept].copy_from_slice(&line[..kept]);
        // An old end-of-file mark (1A) may stand right behind the last record.
        let rest_is_blank = line[kept..].iter().all(|b| matches!(*b, 0 | 0x1a | b' '));
        let printable = self.text.iter().all(|b| (b' '..0x7f).contains(b));
        self.skip(length);
        self.number += 1;
        // The rest of a line that is longer than the buffer belongs to it.
        let mut all = length as u64;
        while self.cut == Cut::Lines && self.start == self.end && !self.ended {
            self.fill()?;
            let have = &self.buffer[self.start..self.end];
            let more = have.iter().position(|b| is_end(*b)).unwrap_or(have.len());
            self.skip(more);
            all += more as u64;
        }
        let column = (kept.max(1)) as u64;
        let told = |fault: Fault| {
            let fault = fault.record(here.number).line(here.number).column(column).offset(here.offset);
            fault.between(format!("{all} bytes"), "94")
        };
        if all < WIDTH as u64 {
            faults.push(told(Fault::warning("line-length", "a short record; blanks are put at its end")));
        } else if all > WIDTH as u64 && rest_is_blank {
            faults.push(told(Fault::warning("line-length", "blanks or an end-of-file mark after the record")));
        } else if all > WIDTH as u64 {
            faults
                .push(told(Fault::error("line-length", "the record is longer than 94 columns; the rest is left out")));
        }
        Ok(Some(Frame { printable, ..here }))
    }
}

/// Does the head of a file look like a Nacha file? The header says so with `094101`; a file that lost its header is told by
/// its batch header's class and entry class.
pub fn looks_like(head: &[u8]) -> bool {
    let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
    let head = &head[head.iter().position(|b| !is_end(*b)).unwrap_or(0)..];
    match head {
        [b'1', b'0', b'1', b' ' | b'0'..=b'9', ..] => {
            let fixed = head.get(30..45).is_some_and(|h| h.windows(5).any(|w| w == b"94101"));
            fixed && head.get(4..13).is_some_and(|id| id.iter().all(|b| b.is_ascii_alphanumeric() || *b == b' '))
        }
        [b'5', rest @ ..] => {
            let class = rest.get(..3).is_some_and(|c| matches!(c, b"200" | b"220" | b"225" | b"280"));
            let entry_class = rest.get(49..52).is_some_and(|c| super::records::entry_class(c).is_some());
            class && entry_class
        }
        _ => false,
    }
}
