//! A file as a window that slides over it: readers look ahead as far as a record needs and step on, and no file is ever
//! held whole. Memory grows with the bytes that truly came, never with a length that a file states.

use std::io::Read;

use super::fault::Fault;

/// Read from the source at once.
const CHUNK: usize = 256 << 10;

/// The part of a file that is held just now.
pub struct Window<'r> {
    source: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// Of the first byte that is not passed yet, in `buffer`.
    start: usize,
    /// The same place in the file.
    offset: u64,
    /// Bytes of `buffer` that are filled.
    end: usize,
    ended: bool,
    failed: Option<std::io::Error>,
}

impl<'r> Window<'r> {
    pub fn new(source: &'r mut dyn Read) -> Self {
        Window { source, buffer: Vec::new(), start: 0, offset: 0, end: 0, ended: false, failed: None }
    }

    /// Offset in the file of the first byte that is not passed yet.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What is held from here on, without reading more.
    pub fn held(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// At least `wanted` bytes from here on, fewer only where the file ends before.
    pub fn ahead(&mut self, wanted: usize) -> &[u8] {
        if self.end - self.start < wanted {
            self.fill(wanted);
        }
        self.held()
    }

    /// Passes over bytes that are held.
    pub fn step(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Passes over bytes that are held and gives them.
    pub fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.step(count);
        &self.buffer[from..self.start]
    }

    /// Nothing is left.
    pub fn is_at_end(&mut self) -> bool {
        self.ahead(1).is_empty()
    }

    /// The source broke while it was read: what was handed out until then is not the whole file.
    pub fn failure(&self) -> Option<Fault> {
        let cause = self.failed.as_ref()?;
        Some(Fault::error("file", format!("the file cannot be read on: {cause}")).offset(self.offset))
    }

    fn fill(&mut self, wanted: usize) {
        while self.end - self.start < wanted && !self.ended {
            // Half of the buffer is free in front: moving what is held costs less than it frees.
            if self.start > 0 && self.start >= self.buffer.len() / 2 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.buffer.len() - self.end < CHUNK / 2 {
                self.buffer.resize((self.end + CHUNK).next_multiple_of(CHUNK), 0);
            }
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count.min(self.buffer.len() - self.end),
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    self.failed = Some(cause);
                    self.ended = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, as a slow line does.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.1 = (self.1 * 7 + 3) % 1009;
            let count = (self.1 + 1).min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn what_is_stepped_over_is_the_file() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| ((n * 31) >> 3) as u8).collect();
        let mut slow = Slow(&bytes, 1);
        let mut window = Window::new(&mut slow);
        let (mut seen, mut n) = (Vec::new(), 0);
        while !window.is_at_end() {
            n = (n * 13 + 7) % 70_001;
            let look = window.ahead(n + 100).len();
            assert!(look >= (n + 100).min(bytes.len() - seen.len()));
            assert_eq!(window.offset(), seen.len() as u64);
            seen.extend_from_slice(window.take(n));
        }
        assert!(seen == bytes && window.failure().is_none());
        assert!(window.buffer.len() < 2_000_000, "{}", window.buffer.len());
    }

    #[test]
    fn a_source_that_breaks_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("the disk is gone"))
            }
        }
        let mut broken = Broken;
        let mut window = Window::new(&mut broken);
        assert!(window.is_at_end());
        assert!(window.failure().unwrap().message.contains("the disk is gone"));
    }
}
