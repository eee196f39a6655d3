//! ITU-T T.6 (CCITT Group 4) on packed bitonal rows. The code tables are those of the `fax` crate; the row logic is ours
//! because a check's image must be whole: a row that runs past the width, a row that is missing, or a strip without its
//! end mark (EOFB) is an error and never padded with paper.

use std::sync::LazyLock;

use fax::maps::{Mode, black, mode, white};

use super::raster::Bits;
use super::wide::widened;

/// Where a strip stops making sense. `row` counts from 0 at the top of the strip: rows before it are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum G4Error {
    #[error("the Group 4 data holds no valid code at row {row}")]
    BadCode { row: usize },
    #[error("row {row} runs past the width of the image")]
    RowOverrun { row: usize },
    #[error("the Group 4 data ends after {row} rows")]
    RowsMissing { row: usize },
    #[error("the end mark after row {row} is missing")]
    NoEndMark { row: usize },
}

/// One code of a table: its value and how many bits it takes; 0 bits is no code.
#[derive(Clone, Copy, Default)]
struct Code {
    value: u16,
    bits: u8,
}

const RUN_BITS: u32 = 13;
const MODE_BITS: u32 = 7;

type Runs = [Code; 1 << RUN_BITS];

struct Tables {
    /// By the next 13 bits.
    runs: [Runs; 2],
    /// By the next 7 bits; the value is a vertical step or one of the `STEP_*`.
    modes: [Code; 1 << MODE_BITS],
}

/// 0..=6 is a vertical step of value - 3.
const STEP_PASS: u16 = 7;
const STEP_HORIZONTAL: u16 = 8;
const NO_STEP: u16 = 9;

fn fill(table: &mut [Code], width: u32, code: u16, bits: u8, value: u16) {
    if u32::from(bits) > width {
        return;
    }
    let spare = width - u32::from(bits);
    let first = (code as usize) << spare;
    for slot in &mut table[first..first + (1 << spare)] {
        *slot = Code { value, bits };
    }
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let runs = [&white::ENTRIES, &black::ENTRIES].map(|entries| {
        let mut table = [Code::default(); 1 << RUN_BITS];
        for (run, code) in entries.iter() {
            fill(&mut table, RUN_BITS, code.data, code.len, *run);
        }
        table
    });
    let mut modes = [Code { value: NO_STEP, bits: 0 }; 1 << MODE_BITS];
    for (what, code) in mode::ENTRIES.iter() {
        let value = match what {
            Mode::Vertical(step) => (i16::from(*step) + 3) as u16,
            Mode::Pass => STEP_PASS,
            Mode::Horizontal => STEP_HORIZONTAL,
            Mode::Extension | Mode::EOF => continue,
        };
        fill(&mut modes, MODE_BITS, code.data, code.len, value);
    }
    Tables { runs, modes }
});

/// Bits of a strip, most significant first. Past the end come zeros, and `past_end` tells.
struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes taken into `held`, those past the end too.
    next: usize,
    held: u64,
    /// Bits of `held` that are not yet used; those behind them are what follows in the strip, or 0.
    count: u32,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, next: 0, held: 0, count: 0 }
    }

    /// Takes bytes until at least 56 bits are held.
    #[inline(always)]
    fn fill(&mut self) {
        let whole = (63 - self.count) / 8;
        let ahead = match self.bytes.get(self.next..).and_then(|rest| rest.first_chunk()) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => {
                let rest = self.bytes.get(self.next..).unwrap_or(&[]);
                let mut eight = [0; 8];
                eight.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
                u64::from_be_bytes(eight)
            }
        };
        self.held |= ahead >> self.count;
        self.next += whole as usize;
        self.count += whole * 8;
    }

    #[inline(always)]
    fn peek(&mut self, bits: u32) -> usize {
        if self.count < bits {
            self.fill();
        }
        (self.held >> (64 - bits)) as usize
    }

    /// What was seen before.
    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.held <<= bits;
        self.count -= bits;
    }

    fn past_end(&self) -> bool {
        self.next * 8 - self.count as usize > self.bytes.len() * 8
    }

    #[inline(always)]
    fn run(&mut self, table: &Runs) -> Option<usize> {
        let mut length = 0;
        loop {
            let code = table[self.peek(RUN_BITS)];
            if code.bits == 0 || length > super::MAX_SIDE {
                return None;
            }
            self.skip(u32::from(code.bits));
            length += usize::from(code.value);
            if code.value < 64 {
                return Some(length);
            }
        }
    }

    /// A run of this color and one of the other.
    #[inline(always)]
    fn two_runs(mut self, tables: &Tables, color: usize) -> (Self, Option<(usize, usize)>) {
        let one = self.run(&tables.runs[color]);
        let two = one.and_then(|_| self.run(&tables.runs[1 - color]));
        (self, one.zip(two))
    }
}

const END_MARK: usize = 0x001_001;

/// Decode one strip into rows `first..first + rows` of `page`, whose width is the strip's. The rows must be paper before.
/// Returns after the strip's end mark; what follows it is not looked at.
pub fn decode(strip: &[u8], page: &mut Bits, first: usize, rows: usize) -> Result<(), G4Error> {
    decoded(strip, page, first, rows)
}

widened!(decoded = read(strip: &'w [u8], page: &'w mut Bits, first: usize, rows: usize) -> Result<(), G4Error>);

#[inline(always)]
fn read(strip: &[u8], page: &mut Bits, first: usize, rows: usize) -> Result<(), G4Error> {
    let tables = &*TABLES;
    let width = page.width() as i32;
    let mut reader = Reader::new(strip);
    // Changing elements of the row above and of this row, behind a 0 for the row's begin, closed by enough of the width to look
    // ahead. Within a row they grow, but for a first and a last run of nothing.
    let mut above: Vec<i32> = vec![width; page.width() + 9];
    let mut here: Vec<i32> = vec![width; page.width() + 9];
    (above[0], here[0]) = (0, 0);
    for row in 0..rows {
        let mut count = 1; // changing elements of this row, and its begin
        let mut at = -1; // a0, at first before the first pixel: the next change stands past it
        let mut b = 1; // index of b1 in `above`; its parity is the color of a0: 1 paper, 0 ink
        while at < width {
            let mut b1 = above[b];
            while b1 <= at {
                b += 2;
                b1 = above[b];
            }
            let step = tables.modes[reader.peek(MODE_BITS)];
            reader.skip(u32::from(step.bits));
            if step.value < STEP_PASS {
                let to = b1 + i32::from(step.value) - 3;
                if to <= at {
                    return Err(G4Error::BadCode { row });
                }
                here[count] = to;
                count += 1;
                at = to;
                // Mostly the change after the one that was followed.
                b = if above[b - 1] > to { gone_back(b) } else { b + 1 };
            } else if step.value == STEP_PASS {
                at = above[b + 1];
                if at >= width {
                    return Err(G4Error::RowOverrun { row });
                }
            } else if step.value == STEP_HORIZONTAL {
                let ink = 1 - b % 2;
                let runs;
                (reader, runs) = reader.two_runs(tables, ink);
                let Some((one, two)) = runs else {
                    return Err(match reader.past_end() {
                        true => G4Error::RowsMissing { row },
                        false => G4Error::BadCode { row },
                    });
                };
                let from = at.max(0) + one as i32;
                let to = from + two as i32;
                if to > width {
                    return Err(G4Error::RowOverrun { row });
                }
                if from <= at || (two == 0 && from != width) {
                    return Err(G4Error::BadCode { row });
                }
                here[count] = from;
                here[count + 1] = to;
                count += 2;
                at = to;
            } else {
                let ended = reader.peek(24) == END_MARK || reader.past_end();
                return Err(if ended { G4Error::RowsMissing { row } } else { G4Error::BadCode { row } });
            }
        }
        if at > width {
            return Err(G4Error::RowOverrun { row });
        }
        if reader.past_end() {
            return Err(G4Error::RowsMissing { row });
        }
        while count > 1 && here[count - 1] == width {
            count -= 1;
        }
        here[count..count + 4].fill(width);
        let words = page.row_mut(first + row);
        // The last run may have no end but the width.
        for run in here[1..count + (count - 1) % 2].chunks_exact(2) {
            paint(words, run[0] as usize, run[1] as usize);
        }
        std::mem::swap(&mut above, &mut here);
    }
    let ended = reader.peek(24) == END_MARK;
    reader.skip(24);
    if ended && !reader.past_end() { Ok(()) } else { Err(G4Error::NoEndMark { row: rows }) }
}

/// Where a row goes back behind the change before the one that was followed, that one is next. (Asked and told apart, so that the
/// processor guesses that it did not.)
#[cold]
#[inline(never)]
fn gone_back(b: usize) -> usize {
    b - 1
}

/// Ink from `from` to before `to`.
#[inline]
fn paint(words: &mut [u64], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 64, (to - 1) / 64);
    let head = u64::MAX >> (from % 64);
    let tail = u64::MAX << (63 - (to - 1) % 64);
    if first == last {
        words[first] |= head & tail;
        return;
    }
    words[first] |= head;
    words[first + 1..last].fill(u64::MAX);
    words[last] |= tail;
}

struct Writer {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl Writer {
    #[inline]
    fn put(&mut self, code: u64, bits: u32) {
        self.held = self.held << bits | code;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.held >> self.count) as u8);
        }
    }

    fn run(&mut self, entries: &[(u16, fax::Bits)], mut length: usize) {
        let mut code = |index: usize| self.put(u64::from(entries[index].1.data), u32::from(entries[index].1.len));
        while length >= 2560 {
            code(63 + 2560 / 64);
            length -= 2560;
        }
        if length >= 64 {
            code(63 + length / 64);
            length %= 64;
        }
        code(length);
    }
}

/// The places where a row changes color, first to ink.
fn changes(words: &[u64], into: &mut Vec<usize>) {
    let mut before = 0u64;
    for (n, &word) in words.iter().enumerate() {
        let mut edges = word ^ (word >> 1 | before << 63);
        before = word & 1;
        while edges != 0 {
            let bit = edges.leading_zeros() as usize;
            into.push(n * 64 + bit);
            edges &= !(1 << (63 - bit));
        }
    }
}

/// The whole page as one strip with its end mark, padded to a byte.
pub fn encode(page: &Bits) -> Vec<u8> {
    let width = page.width();
    let mut out = Writer { bytes: Vec::with_capacity(width * page.height() / 64 + 64), held: 0, count: 0 };
    let mut above: Vec<usize> = vec![width; 4];
    let mut here: Vec<usize> = Vec::with_capacity(256);
    for row in 0..page.height() {
        here.clear();
        changes(page.row(row), &mut here);
        // A row of full ink leaves no change at the width: the bits past it are paper and show as one.
        while here.last().is_some_and(|&x| x >= width) {
            here.pop();
        }
        here.extend([width; 4]);
        let (mut at, mut begun, mut ink, mut a, mut b) = (0, false, 0, 0, 0);
        while at < width {
            while above[b] < width && (above[b] < at || (above[b] == at && begun)) {
                b += 2;
            }
            let (to, b1, b2) = (here[a], above[b], above[b + 1]);
            let step = to as isize - b1 as isize;
            if b2 < to {
                out.put(0b0001, 4);
                at = b2;
            } else if step.abs() <= 3 {
                let (code, bits) = match step {
                    0 => (0b1, 1),
                    1 => (0b011, 3),
                    2 => (0b00_0011, 6),
                    3 => (0b000_0011, 7),
                    -1 => (0b010, 3),
                    -2 => (0b00_0010, 6),
                    _ => (0b000_0010, 7),
                };
                out.put(code, bits);
                at = to;
                a += 1;
                ink = 1 - ink;
                b = if b > 0 { b - 1 } else { 1 };
            } else {
                let next = here[a + 1];
                out.put(0b001, 3);
                let tables: [&[(u16, fax::Bits)]; 2] = [&white::ENTRIES, &black::ENTRIES];
                out.run(tables[ink], to - at);
                out.run(tables[1 - ink], next - to);
                at = next;
                a += 2;
            }
            begun = true;
        }
        std::mem::swap(&mut above, &mut here);
    }
    out.put(END_MARK as u64, 24);
    if out.count > 0 {
        let pad = 8 - out.count;
        out.put(0, pad);
    }
    out.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dice(u64);
    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % sides
        }
    }

    fn page(dice: &mut Dice, width: usize, height: usize) -> Bits {
        let mut bits = Bits::new(width, height);
        for _ in 0..dice.roll(60) {
            let (x, y) = (dice.roll(width as u64 + 1) as usize, dice.roll(height as u64) as usize);
            let (w, h) = (dice.roll(width as u64) as usize, dice.roll(9) as usize);
            let ink = dice.roll(3) > 0;
            (y..y + h).for_each(|y| (x..x + w).for_each(|x| bits.set(x, y, ink)));
        }
        bits
    }

    fn by_fax_crate(page: &Bits) -> Vec<u8> {
        let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
        for y in 0..page.height() {
            let row = (0..page.width()).map(|x| if page.get(x, y) { fax::Color::Black } else { fax::Color::White });
            encoder.encode_line(row, page.width() as u32).unwrap();
        }
        encoder.finish().unwrap().finish()
    }

    #[test]
    fn the_same_bytes_as_the_fax_crate_and_back() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for round in 0..400 {
            let (width, height) = (1 + dice.roll(300) as usize, 1 + dice.roll(40) as usize);
            let page = page(&mut dice, width, height);
            let bytes = encode(&page);
            assert_eq!(bytes, by_fax_crate(&page), "round {round}: {width} x {height}");
            let mut back = Bits::new(width, height);
            assert_eq!(decode(&bytes, &mut back, 0, height), Ok(()), "round {round}");
            assert_eq!(back, page, "round {round}");
        }
        let wide = page(&mut dice, 9000, 3);
        let mut back = Bits::new(9000, 3);
        assert_eq!(decode(&encode(&wide), &mut back, 0, 3), Ok(()));
        assert_eq!(back, wide);
    }

    #[test]
    fn what_is_cut_or_too_short_or_too_long_is_an_error() {
        let mut dice = Dice(7);
        let page = page(&mut dice, 120, 30);
        let bytes = encode(&page);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], &mut Bits::new(120, 30), 0, 30).is_err(), "cut at {cut}");
        }
        assert_eq!(decode(&bytes, &mut Bits::new(120, 31), 0, 31), Err(G4Error::RowsMissing { row: 30 }));
        assert!(decode(&bytes, &mut Bits::new(120, 29), 0, 29).is_err());
        for filler in [0u8, 255] {
            assert!(decode(&[filler; 400], &mut Bits::new(120, 60), 0, 60).is_err(), "all {filler}");
        }
    }

    #[test]
    fn garbage_never_panics() {
        let mut dice = Dice(99);
        for _ in 0..3000 {
            let bytes: Vec<u8> = (0..dice.roll(200)).map(|_| dice.roll(256) as u8).collect();
            let (width, height) = (dice.roll(400) as usize, dice.roll(20) as usize);
            let _ = decode(&bytes, &mut Bits::new(width, height), 0, height);
        }
    }
}
