//! Files that wait in a tray of the desk until it is closed: sealed on disk with a key that lives only in this process, in
//! pieces, so that a large one is never whole in memory. After a crash they cannot be read by anybody, and are swept away.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::OnceLock;

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};

/// What a sealed file begins with; then come 16 bytes of its own, then pieces.
const MARK: &[u8; 16] = b"remit tray seal\n";
const SALT: usize = 16;
/// Bytes of a piece before it is sealed, and what sealing adds.
const PIECE: usize = 64 * 1024;
const TAG: usize = 16;

fn cipher() -> Option<&'static XChaCha20Poly1305> {
    static CIPHER: OnceLock<Option<XChaCha20Poly1305>> = OnceLock::new();
    let made = CIPHER.get_or_init(|| {
        let mut key = zeroize::Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *key).ok()?;
        Some(XChaCha20Poly1305::new((&*key).into()))
    });
    made.as_ref()
}

fn nonce(salt: &[u8; SALT], piece: u64) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..SALT].copy_from_slice(salt);
    nonce[SALT..].copy_from_slice(&piece.to_be_bytes());
    nonce
}

/// Seals a file as it streams in: give it bytes, write what comes out, and at the end what `finish` gives.
pub struct Sealer {
    salt: [u8; SALT],
    piece: u64,
    waiting: Vec<u8>,
}

impl Sealer {
    /// The sealer and the head of the file; `None` when the system gives no random bytes.
    pub fn new() -> Option<(Sealer, Vec<u8>)> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).ok()?;
        cipher()?;
        Some((Sealer { salt, piece: 0, waiting: Vec::new() }, [MARK.as_slice(), &salt].concat()))
    }

    fn seal(&mut self, text: &[u8], last: bool) -> Option<Vec<u8>> {
        let aad = [u8::from(last)];
        let sealed =
            cipher()?.encrypt((&nonce(&self.salt, self.piece)).into(), Payload { msg: text, aad: &aad }).ok()?;
        self.piece += 1;
        Some(sealed)
    }

    pub fn add(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.waiting.extend(bytes);
        let mut out = Vec::new();
        // The last piece is told from the others, so that a file cut short is not taken for a whole one.
        while self.waiting.len() > PIECE {
            let rest = self.waiting.split_off(PIECE);
            let piece = std::mem::replace(&mut self.waiting, rest);
            out.extend(self.seal(&piece, false)?);
        }
        Some(out)
    }

    pub fn finish(mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.waiting);
        self.seal(&rest, true)
    }
}

/// The bytes of a file of a tray; what is no such file comes back as it is. `None`: it was changed, cut short, or sealed by
/// another life of the program.
pub fn opened(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let Some(rest) = bytes.strip_prefix(MARK.as_slice()) else { return Some(bytes) };
    let (salt, sealed) = rest.split_first_chunk::<SALT>()?;
    let pieces = sealed.chunks(PIECE + TAG);
    let last = pieces.len().checked_sub(1)?;
    let mut out = Vec::with_capacity(sealed.len());
    for (number, piece) in pieces.enumerate() {
        let aad = [u8::from(number == last)];
        let text = cipher()?.decrypt((&nonce(salt, number as u64)).into(), Payload { msg: piece, aad: &aad }).ok()?;
        out.extend(text);
    }
    Some(out)
}

/// How a file of a tray is sealed: it is opened piece by piece, wherever one begins.
pub struct Seal {
    salt: [u8; SALT],
    pieces: u64,
    size: u64,
}

impl Seal {
    /// From the first bytes of a file and its length; `None` where it is no file of a tray.
    pub fn of(head: &[u8], length: u64) -> Option<Seal> {
        let salt = *head.strip_prefix(MARK.as_slice())?.first_chunk::<SALT>()?;
        let sealed = length.checked_sub((MARK.len() + SALT) as u64)?;
        let pieces = sealed.div_ceil((PIECE + TAG) as u64);
        Some(Seal { salt, pieces, size: sealed.checked_sub(pieces * TAG as u64)? })
    }

    /// Bytes of what is sealed.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// At most so many bytes from an offset. `InvalidData`: it was changed, cut short, or sealed by another life of the program;
    /// who reads to the end hears of it, wherever the cut is.
    pub fn at(&self, file: &File, offset: u64, count: usize) -> std::io::Result<Vec<u8>> {
        let end = self.size.min(offset.saturating_add(count as u64));
        let mut out = Vec::new();
        let (mut at, mut seen) = (offset, 0);
        while at < end {
            let number = at / PIECE as u64;
            let text = self.piece(file, number)?;
            let begin = (at - number * PIECE as u64) as usize;
            let stop = ((end - number * PIECE as u64) as usize).min(text.len());
            out.extend(text.get(begin..stop).filter(|part| !part.is_empty()).ok_or_else(damaged)?);
            (at, seen) = (offset + out.len() as u64, number + 1);
        }
        // Only its last piece says that a file is whole; of one that was cut there may be no more to read than what came before.
        if end == self.size && seen < self.pieces.max(1) {
            self.piece(file, self.pieces.saturating_sub(1))?;
        }
        Ok(out)
    }

    fn piece(&self, mut file: &File, number: u64) -> std::io::Result<Vec<u8>> {
        let mut sealed = Vec::with_capacity(PIECE + TAG);
        file.seek(SeekFrom::Start((MARK.len() + SALT) as u64 + number * (PIECE + TAG) as u64))?;
        file.take((PIECE + TAG) as u64).read_to_end(&mut sealed)?;
        let payload = Payload { msg: &sealed, aad: &[u8::from(number + 1 == self.pieces)] };
        let cipher = cipher().ok_or_else(damaged)?;
        cipher.decrypt((&nonce(&self.salt, number)).into(), payload).map_err(|_| damaged())
    }
}

fn damaged() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, "this file of a tray cannot be opened any more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_whole_or_not_at_all() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let text: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let (mut sealer, mut file) = Sealer::new().unwrap();
            for part in text.chunks(10_000) {
                file.extend(sealer.add(part).unwrap());
            }
            file.extend(sealer.finish().unwrap());
            assert!(size < 300 || !file.windows(251).any(|w| w == &text[..251]), "it stands there in the open");
            assert_eq!(opened(file.clone()).unwrap(), text, "{size}");
            // By pieces, from anywhere.
            let mut on_disk = tempfile::tempfile().unwrap();
            std::io::Write::write_all(&mut on_disk, &file).unwrap();
            let seal = Seal::of(&file[..40.min(file.len())], file.len() as u64).unwrap();
            assert_eq!(seal.size(), size as u64);
            for (offset, count) in
                [(0, 8192), (0, size + 9), (PIECE - 1, 2), (PIECE, PIECE), (size, 5), (size / 2, size)]
            {
                let want = &text[offset.min(size)..(offset + count).min(size)];
                assert_eq!(seal.at(&on_disk, offset as u64, count).unwrap(), want, "{size}: {count} from {offset}");
            }
            if size > 0 {
                let cut = Seal::of(&file[..40], file.len() as u64 - 1).unwrap();
                on_disk.set_len(file.len() as u64 - 1).unwrap();
                assert!(cut.at(&on_disk, 0, size).is_err(), "cut short");
            }
            let mut changed = file.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert_eq!(opened(changed), None);
            assert_eq!(opened(file[..file.len() - 1].to_vec()), None);
            if size > PIECE {
                assert_eq!(opened(file[..MARK.len() + SALT + PIECE + TAG].to_vec()), None, "cut after a piece");
            }
        }
        assert_eq!(opened(b"II*\0plain".to_vec()).unwrap(), b"II*\0plain");
    }
}
