//! A second pair of eyes on a letter before it leaves. It shares nothing with the reader and the writer: no record
//! declarations, no tables, only the columns of the standard counted by hand (X9.100-187, records 25, 50, 52, 61, 62, 70,
//! 90, 99). It knows the letters that we write and refuses everything else.

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
    /// Over all images in the file's order, each after its length.
    pub image_hash: Option<Sha256>,
}

/// Hash over images as `Proof` has it.
pub fn hash_of_images<'a>(images: impl IntoIterator<Item = &'a [u8]>) -> Sha256 {
    let mut hash = sha2::Sha256::new();
    for image in images {
        hash.update((image.len() as u64).to_be_bytes());
        hash.update(image);
    }
    Sha256(hash.finalize().into())
}

struct Bytes<'a> {
    all: &'a [u8],
    zero: u8,
}

impl Bytes<'_> {
    /// The number in columns `from..=to` (from 1) of the record at `at`. Blank is zero.
    fn number(&self, at: usize, from: usize, to: usize) -> Result<u64, String> {
        let columns = self.all.get(at + from - 1..at + to).ok_or_else(|| format!("the record at {at} ends early"))?;
        let mut value = 0u64;
        for byte in columns {
            let digit = byte.wrapping_sub(self.zero);
            let blank = if self.zero == 0xf0 { 0x40 } else { 0x20 };
            match digit {
                0..=9 => value = value * 10 + u64::from(digit),
                _ if *byte == blank && value == 0 => {}
                _ => return Err(format!("no digits in columns {from}-{to} of the record at {at}")),
            }
        }
        Ok(value)
    }
}

/// Adds up a letter of ours. `counted`: do the bank's totals count credits, and their amounts?
pub fn prove(bytes: &[u8], ebcdic: bool, length_words: bool, counted: (bool, bool)) -> Result<Proof, String> {
    let b = Bytes { all: bytes, zero: if ebcdic { 0xf0 } else { b'0' } };
    let mut proof = Proof::default();
    let mut hash = sha2::Sha256::new();
    // Of the open bundle, and of the whole.
    let (mut items, mut amount, mut images) = (0, 0, 0);
    let (mut all_items, mut all_amount, mut all_images) = (0, 0, 0);
    let (mut at, mut ended, mut awaits_image) = (0, false, false);
    while at < bytes.len() {
        if ended {
            return Err(format!("bytes after the file control at {at}"));
        }
        let word = match length_words {
            true => {
                let word = bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).ok_or("a cut length word")?;
                at += 4;
                Some(u32::from_be_bytes(word) as usize)
            }
            false => None,
        };
        let kind = b.number(at, 1, 2)?;
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
                let cents = b.number(at, 48, 57)?;
                amount += cents;
                proof.amount += cents;
            }
            50 => awaits_image = true,
            52 => {
                let key = b.number(at, 102, 105)? as usize;
                let signature = b.number(at, 106 + key, 110 + key)? as usize;
                let head = 117 + key + signature;
                let size = b.number(at, 111 + key + signature, head)? as usize;
                let image = bytes.get(at + head..at + head + size).ok_or_else(|| format!("a cut image at {at}"))?;
                hash.update((size as u64).to_be_bytes());
                hash.update(image);
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
                    let shift = usize::from(kind == 61 && bytes.get(at + 2).is_some_and(|c| *c != blank));
                    let end = if kind == 62 { 61 } else { 57 };
                    *amount += b.number(at, 48 + shift, end + shift)?;
                }
            }
            70 => {
                let stated = (b.number(at, 3, 6)?, b.number(at, 7, 18)?, b.number(at, 31, 35)?);
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
                let stated = (b.number(at, 3, 8)?, b.number(at, 9, 16)?, b.number(at, 17, 30)?, b.number(at, 31, 39)?);
                let there = (proof.bundles, all_items, all_amount, all_images);
                if stated != there {
                    return Err(format!("the cash letter: stated {stated:?}, there {there:?}"));
                }
            }
            99 => {
                let stated = (b.number(at, 3, 8)?, b.number(at, 9, 16)?, b.number(at, 17, 24)?, b.number(at, 25, 40)?);
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
        at += length;
    }
    if !ended || at != bytes.len() {
        return Err("the file does not end with its control record".into());
    }
    proof.image_hash = Some(Sha256(hash.finalize().into()));
    Ok(proof)
}
