//! A second pair of eyes on a letter before it leaves. It shares nothing with the reader and the writer: no record
//! declarations, no tables, only the columns of the standard counted by hand (X9.100-187, records 25, 50, 52, 61, 62, 70,
//! 90, 99). It knows the letters that we write and refuses everything else.

use std::io::{BufReader, Read};

use sha2::Digest;

use crate::domain::Sha256;

/// What the bytes of a letter add up to, by themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proof {
    pub records: u64,
    pub bundles: u64,
    /// Records 25 and their amounts in cents.
    pub items: u64,
    pub amount: u64,
    pub images: u64,
    /// Records 61 and 62.
    pub credits: u64,
    /// Over all images in the file's order.
    pub image_hash: Option<Sha256>,
}

/// Hash over images in their order, each after its length.
#[derive(Clone, Default)]
pub struct ImageHash(sha2::Sha256);

impl ImageHash {
    pub fn add(&mut self, image: &[u8]) {
        self.0.update((image.len() as u64).to_be_bytes());
        self.0.update(image);
    }

    pub fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// The bytes of the open record, as far as they were asked for.
struct Bytes<'r> {
    source: BufReader<&'r mut dyn Read>,
    held: Vec<u8>,
    /// Where the record begins in the file.
    at: u64,
    zero: u8,
}

impl Bytes<'_> {
    /// The first `count` bytes of the open record, or as many as there are.
    fn upto(&mut self, count: usize) -> Result<&[u8], String> {
        if let Some(more) = count.checked_sub(self.held.len()).filter(|more| *more > 0) {
            let read = self.source.by_ref().take(more as u64).read_to_end(&mut self.held);
            read.map_err(|e| format!("the file cannot be read at {}: {e}", self.at))?;
        }
        Ok(&self.held[..count.min(self.held.len())])
    }

    fn first(&mut self, count: usize) -> Result<&[u8], String> {
        let at = self.at;
        let held = self.upto(count)?;
        if held.len() == count { Ok(held) } else { Err(format!("the record at {at} ends early")) }
    }

    /// The record ends after so many bytes.
    fn end(&mut self, count: usize) -> Result<(), String> {
        self.first(count)?;
        self.held.drain(..count);
        self.at += count as u64;
        Ok(())
    }

    /// The number in columns `from..=to` (from 1) of the open record. Blank is zero.
    fn number(&mut self, from: usize, to: usize) -> Result<u64, String> {
        let (at, zero) = (self.at, self.zero);
        let columns = &self.first(to)?[from - 1..];
        let mut value = 0u64;
        for byte in columns {
            let digit = byte.wrapping_sub(zero);
            let blank = if zero == 0xf0 { 0x40 } else { 0x20 };
            match digit {
                0..=9 => value = value * 10 + u64::from(digit),
                _ if *byte == blank && value == 0 => {}
                _ => return Err(format!("no digits in columns {from}-{to} of the record at {at}")),
            }
        }
        Ok(value)
    }
}

/// Adds up a letter of ours, of any size. `counted`: do the bank's totals count credits, and their amounts?
pub fn prove(source: &mut dyn Read, ebcdic: bool, length_words: bool, counted: (bool, bool)) -> Result<Proof, String> {
    let zero = if ebcdic { 0xf0 } else { b'0' };
    let mut b = Bytes { source: BufReader::with_capacity(1 << 16, source), held: Vec::new(), at: 0, zero };
    let mut proof = Proof::default();
    let mut hash = ImageHash::default();
    // Of the open bundle, and of the whole.
    let (mut items, mut amount, mut images) = (0, 0, 0);
    let (mut all_items, mut all_amount, mut all_images) = (0, 0, 0);
    let (mut ended, mut awaits_image) = (false, false);
    while !b.upto(1)?.is_empty() {
        let at = b.at;
        if ended {
            return Err(format!("bytes after the file control at {at}"));
        }
        let word = match length_words {
            true => {
                let word: [u8; 4] = b.upto(4)?.try_into().map_err(|_| "a cut length word")?;
                b.end(4)?;
                Some(u32::from_be_bytes(word) as usize)
            }
            false => None,
        };
        let kind = b.number(1, 2)?;
        let mut length = if kind == 62 { 100 } else { 80 };
        proof.records += 1;
        if std::mem::take(&mut awaits_image) && kind != 52 {
            return Err(format!("an image view without its image before {at}"));
        }
        match kind {
            1 | 10 | 26 => {}
            20 => {
                proof.bundles += 1;
                (items, amount, images) = (0, 0, 0);
            }
            25 => {
                proof.items += 1;
                items += 1;
                let cents = b.number(48, 57)?;
                amount += cents;
                proof.amount += cents;
            }
            50 => awaits_image = true,
            52 => {
                let key = b.number(102, 105)? as usize;
                let signature = b.number(106 + key, 110 + key)? as usize;
                let head = 117 + key + signature;
                let size = b.number(111 + key + signature, head)? as usize;
                hash.add(&b.first(head + size).map_err(|_| format!("a cut image at {at}"))?[head..]);
                proof.images += 1;
                images += 1;
                length = head + size;
            }
            61 | 62 => {
                proof.credits += 1;
                // Before the first bundle it belongs to the letter alone.
                let (items, amount) =
                    if proof.bundles == 0 { (&mut all_items, &mut all_amount) } else { (&mut items, &mut amount) };
                *items += u64::from(counted.0);
                if counted.1 {
                    // Layout B stands one column to the right: its column 3 is not blank.
                    let blank = if ebcdic { 0x40 } else { 0x20 };
                    let shift = usize::from(kind == 61 && b.upto(3)?.get(2).is_some_and(|c| *c != blank));
                    let end = if kind == 62 { 61 } else { 57 };
                    *amount += b.number(48 + shift, end + shift)?;
                }
            }
            70 => {
                let stated = (b.number(3, 6)?, b.number(7, 18)?, b.number(31, 35)?);
                if stated != (items, amount, images) {
                    return Err(format!(
                        "bundle {}: stated {stated:?}, there {:?}",
                        proof.bundles,
                        (items, amount, images)
                    ));
                }
                (all_items, all_amount, all_images) = (all_items + items, all_amount + amount, all_images + images);
            }
            90 => {
                let stated = (b.number(3, 8)?, b.number(9, 16)?, b.number(17, 30)?, b.number(31, 39)?);
                let there = (proof.bundles, all_items, all_amount, all_images);
                if stated != there {
                    return Err(format!("the cash letter: stated {stated:?}, there {there:?}"));
                }
            }
            99 => {
                let stated = (b.number(3, 8)?, b.number(9, 16)?, b.number(17, 24)?, b.number(25, 40)?);
                let there = (1, proof.records, all_items, all_amount);
                if stated != there {
                    return Err(format!("the file: stated {stated:?}, there {there:?}"));
                }
                ended = true;
            }
            other => return Err(format!("a record of type {other:02} at {at}, which we do not write")),
        }
        if word.is_some_and(|word| word != length) {
            return Err(format!("the length word before {at} does not fit"));
        }
        b.end(length)?;
    }
    if !ended {
        return Err("the file does not end with its control record".into());
    }
    proof.image_hash = Some(hash.finish());
    Ok(proof)
}
