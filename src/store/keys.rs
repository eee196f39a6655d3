//! The site's keys: a file of numbered 256-bit keys, readable by its owner only, and never shown.
//!
//! A sealed value is one byte with the key's number, a 24-byte nonce and XChaCha20-Poly1305 over the text; the place (site,
//! table, column, row) is additional data, so that a value moved to another row does not open. What must be found again
//! is found by HMAC-SHA-256 under the first key. Refuses key files that others may read, and a key of another site.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use hmac::{Hmac, Mac};
use zeroize::Zeroizing;

use super::StoreError;
use crate::domain::Sha256;

const NONCE: usize = 24;
/// First byte of an object that its own key sealed; keys of the site are numbered from 1.
pub(super) const OWN_KEY: u8 = 0;
const HEAD: &str =
    "# The keys of a remit site. Without them nothing sealed can be read: keep a copy away from the data.\n";

type Secret = Zeroizing<[u8; 32]>;

/// The keys of a site, in memory only. A key that another process added is found in the file when it is first needed.
pub(super) struct Keys {
    site: String,
    path: PathBuf,
    ring: RwLock<Arc<Ring>>,
    index: Secret,
    seals: Secret,
    check: String,
}

struct Ring {
    current: u8,
    keys: BTreeMap<u8, XChaCha20Poly1305>,
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // Any length of key is good for HMAC, so making it cannot fail; the zero key would be found by the key check.
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl Keys {
    /// Makes a key file with one key (mode 0400, durable), unless there is one.
    pub fn create(path: &Path) -> Result<(), StoreError> {
        if path.exists() {
            return Ok(());
        }
        write_file(path, HEAD, 1)
    }

    /// Adds a key: from now on everything is sealed with it, and what older keys sealed stays readable. Returns its number.
    pub fn rotate(&self) -> Result<u8, StoreError> {
        let wrong = |why| StoreError::Key { path: self.path.clone(), why };
        let text = Zeroizing::new(
            std::fs::read_to_string(&self.path).map_err(|source| StoreError::Io { path: self.path.clone(), source })?,
        );
        let newest = *secrets(&text, &self.path)?.keys().next_back().ok_or_else(|| wrong("it holds no key"))?;
        let number = newest.checked_add(1).ok_or_else(|| wrong("it holds 255 keys; no more fit"))?;
        write_file(&self.path, &text, number)?;
        self.reload()?;
        Ok(number)
    }

    /// The number of the key that seals now, and how many there are.
    pub fn newest(&self) -> (u8, usize) {
        let ring = self.ring();
        (ring.current, ring.keys.len())
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reload(&self) -> Result<Arc<Ring>, StoreError> {
        let fresh = Keys::load(&self.path, &self.site)?;
        if fresh.check != self.check {
            return Err(StoreError::Key { path: self.path.clone(), why: "its first key is another one now" });
        }
        let ring = fresh.ring();
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring.clone();
        Ok(ring)
    }

    pub fn load(path: &Path, site: &str) -> Result<Keys, StoreError> {
        let wrong = |why| StoreError::Key { path: path.into(), why };
        if !path.exists() {
            return Err(wrong("it is missing; without it nothing sealed can be read"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let meta = std::fs::metadata(path).map_err(|source| StoreError::Io { path: path.into(), source })?;
            if meta.permissions().mode() & 0o077 != 0 {
                return Err(wrong("others may read it; let only its owner (chmod 400)"));
            }
        }
        let text = Zeroizing::new(
            std::fs::read_to_string(path).map_err(|source| StoreError::Io { path: path.into(), source })?,
        );
        let secrets = secrets(&text, path)?;
        let first = secrets.get(&1).ok_or_else(|| wrong("key 1 is missing"))?;
        let index = Zeroizing::new(hmac(first, &[b"index", site.as_bytes()]));
        let seals = Zeroizing::new(hmac(first, &[b"row seals", site.as_bytes()]));
        let check = Sha256(hmac(first, &[b"check", site.as_bytes()])).to_string();
        let current = *secrets.keys().next_back().unwrap_or(&1);
        let keys = secrets
            .iter()
            .map(|(number, secret)| {
                let seal = Zeroizing::new(hmac(secret, &[b"seal", site.as_bytes()]));
                (*number, XChaCha20Poly1305::new((&*seal).into()))
            })
            .collect();
        let ring = RwLock::new(Arc::new(Ring { current, keys }));
        Ok(Keys { site: site.to_string(), path: path.to_path_buf(), ring, index, seals, check })
    }

    /// Stands in the database: proves that this is the key that the site was made with, and gives nothing away.
    pub fn check(&self) -> &str {
        &self.check
    }

    fn aad(&self, place: &[&str]) -> Vec<u8> {
        let mut aad = Vec::with_capacity(96);
        for part in std::iter::once(self.site.as_str()).chain(place.iter().copied()) {
            aad.extend((part.len() as u32).to_be_bytes());
            aad.extend(part.as_bytes());
        }
        aad
    }

    /// Seals a value for one place: table, column, row.
    pub fn seal(&self, place: &[&str], text: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::Unsupported("the system gives no random bytes".into()))?;
        let ring = self.ring();
        let sealed = ring.keys[&ring.current]
            .encrypt((&nonce).into(), Payload { msg: text, aad: &self.aad(place) })
            .map_err(|_| StoreError::Unsupported("a value is too large to be sealed".into()))?;
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(ring.current);
        out.extend(nonce);
        out.extend(sealed);
        Ok(out)
    }

    /// A new key for one object, sealed for its row.
    pub fn new_object_key(&self, hash: Sha256) -> Result<Vec<u8>, StoreError> {
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(key.as_mut())
            .map_err(|_| StoreError::Unsupported("the system gives no random bytes".into()))?;
        self.seal(&["object_keys", &hash.to_string()], &key[..])
    }

    fn object_cipher(&self, hash: Sha256, key: &[u8]) -> Result<XChaCha20Poly1305, StoreError> {
        let key = Zeroizing::new(self.open(&["object_keys", &hash.to_string()], key)?);
        XChaCha20Poly1305::new_from_slice(&key)
            .map_err(|_| StoreError::damaged(format!("the key of object {hash}"), "it has another length"))
    }

    /// Seals bytes that are named by their own hash under their own key (as its row has it). It seals nothing else, so the
    /// nonce is always the same, and so are the sealed bytes: a repeated write writes the same.
    pub fn seal_object(&self, hash: Sha256, key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let aad = self.aad(&["blobs", &hash.to_string()]);
        let sealed = self
            .object_cipher(hash, key)?
            .encrypt((&[0u8; NONCE]).into(), Payload { msg: bytes, aad: &aad })
            .map_err(|_| StoreError::Unsupported("a value is too large to be sealed".into()))?;
        let mut out = Vec::with_capacity(1 + sealed.len());
        out.push(OWN_KEY);
        out.extend(sealed);
        Ok(out)
    }

    /// Opens an object: under its own key, or as older programs sealed it, under the site's.
    pub fn open_object(&self, hash: Sha256, key: Option<&[u8]>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let Some((&OWN_KEY, text)) = sealed.split_first() else {
            return self.open(&["blobs", &hash.to_string()], sealed);
        };
        let damaged = |why| StoreError::damaged(format!("object {hash}"), why);
        let key = key.ok_or_else(|| damaged("its key was destroyed"))?;
        let aad = self.aad(&["blobs", &hash.to_string()]);
        self.object_cipher(hash, key)?
            .decrypt((&[0u8; NONCE]).into(), Payload { msg: text, aad: &aad })
            .map_err(|_| damaged("it does not open with its key in this place"))
    }

    pub fn open(&self, place: &[&str], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let damaged = |why| StoreError::damaged(place.join(" "), why);
        let (number, rest) = sealed.split_first().ok_or_else(|| damaged("it is empty"))?;
        let mut ring = self.ring();
        if !ring.keys.contains_key(number) {
            // Another process may have added it since.
            ring = self.reload()?;
        }
        let key = ring.keys.get(number).ok_or_else(|| damaged("the key file has no key of its number"))?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or_else(|| damaged("it is cut short"))?;
        key.decrypt(nonce.into(), Payload { msg: text, aad: &self.aad(place) })
            .map_err(|_| damaged("it does not open with the site's key in this place"))
    }

    pub fn seal_json<T: serde::Serialize>(&self, place: &[&str], value: &T) -> Result<Vec<u8>, StoreError> {
        let text = Zeroizing::new(serde_json::to_vec(value).map_err(|e| StoreError::damaged(place.join(" "), e))?);
        self.seal(place, &text)
    }

    pub fn open_json<T: serde::de::DeserializeOwned>(&self, place: &[&str], sealed: &[u8]) -> Result<T, StoreError> {
        let text = Zeroizing::new(self.open(place, sealed)?);
        // The error's text may quote the value: only its place is told.
        serde_json::from_slice(&text)
            .map_err(|e| StoreError::damaged(place.join(" "), format!("line {}, column {}", e.line(), e.column())))
    }

    /// What signs the rows of the tables.
    pub fn sealer(&self) -> super::seals::Sealer {
        super::seals::Sealer::new(*self.seals)
    }

    /// What a value is found by: the same for the same parts at the same site, and nothing without the key.
    pub fn index(&self, parts: &[&str]) -> String {
        let parts: Vec<&[u8]> = parts.iter().map(|p| p.as_bytes()).collect();
        Sha256(hmac(&self.index, &parts)).to_string()[..40].to_string()
    }
}

/// The numbered keys of a file's text.
fn secrets(text: &str, path: &Path) -> Result<BTreeMap<u8, Secret>, StoreError> {
    let wrong = |why| StoreError::Key { path: path.into(), why };
    let mut secrets: BTreeMap<u8, Secret> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (number, hex) = line.split_once(' ').ok_or_else(|| wrong("a line is not 'NUMBER KEY'"))?;
        let number: u8 = number.parse().map_err(|_| wrong("a key's number is not 1 to 255"))?;
        let key: Sha256 = hex.trim().parse().map_err(|_| wrong("a key is not 64 hexadecimal digits"))?;
        if number == 0 || secrets.insert(number, Zeroizing::new(key.0)).is_some() {
            return Err(wrong("a key's number is zero or stands twice"));
        }
    }
    Ok(secrets)
}

/// Writes the text with one new random key of that number behind it: durable, for the owner only, whole or not at all.
fn write_file(path: &Path, text: &str, number: u8) -> Result<(), StoreError> {
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(key.as_mut())
        .map_err(|_| StoreError::Key { path: path.into(), why: "the system gives no random bytes" })?;
    let mut whole = Zeroizing::new(String::with_capacity(text.len() + 80));
    whole.push_str(text);
    whole.push_str(&format!("{number} "));
    for byte in key.iter() {
        whole.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        whole.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    whole.push('\n');
    let io = |source| StoreError::Io { path: path.into(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut private = std::fs::DirBuilder::new();
    private.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
    private.create(folder).map_err(io)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o400);
    let mut file = options.open(&draft).map_err(io)?;
    file.write_all(whole.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&draft, path).map_err(io)?;
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(site: &str, folder: &Path) -> Keys {
        let path = folder.join("key");
        Keys::create(&path).unwrap();
        Keys::load(&path, site).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys("a", folder.path());
        let place = ["payers", "sealed", "row 1"];
        let sealed = keys.seal(&place, b"12345678").unwrap();
        assert_ne!(sealed, keys.seal(&place, b"12345678").unwrap(), "each sealing has its own nonce");
        assert_eq!(keys.open(&place, &sealed).unwrap(), b"12345678");
        let mut touched = sealed.clone();
        touched[30] ^= 1;
        for (place, bytes) in [
            (["payers", "sealed", "row 2"], sealed.as_slice()),
            (["payers", "other", "row 1"], &sealed),
            (["readings", "sealed", "row 1"], &sealed),
            (place, &touched),
            (place, &sealed[..20]),
            (place, &[]),
        ] {
            assert!(matches!(keys.open(&place, bytes), Err(StoreError::Damaged { .. })), "{place:?}");
        }
        let other = super::Keys::load(&folder.path().join("key"), "b").unwrap();
        assert!(other.open(&place, &sealed).is_err(), "another site");
        assert_ne!(other.index(&["x"]), keys.index(&["x"]));
        assert_ne!(other.check(), keys.check());
    }

    #[test]
    fn an_object_opens_with_its_own_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys("a", folder.path());
        let (hash, other) = (Sha256::of(b"image"), Sha256::of(b"other"));
        let (own, new) = (keys.new_object_key(hash).unwrap(), keys.new_object_key(hash).unwrap());
        let sealed = keys.seal_object(hash, &own, b"image").unwrap();
        assert_eq!(sealed, keys.seal_object(hash, &own, b"image").unwrap(), "a repeated write writes the same");
        assert_eq!(keys.open_object(hash, Some(&own), &sealed).unwrap(), b"image");
        let others = keys.new_object_key(other).unwrap();
        for (hash, key) in [(hash, None), (hash, Some(&new)), (hash, Some(&others)), (other, Some(&others))] {
            assert!(keys.open_object(hash, key.map(Vec::as_slice), &sealed).is_err());
        }
        let older = keys.seal(&["blobs", &hash.to_string()], b"image").unwrap();
        assert_eq!(keys.open_object(hash, None, &older).unwrap(), b"image");
        assert!(keys.open_object(other, None, &older).is_err());
    }

    #[test]
    fn a_new_key_seals_and_the_old_ones_still_open() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys("a", folder.path());
        let other = super::Keys::load(&folder.path().join("key"), "a").unwrap();
        let old = keys.seal(&["t"], b"old").unwrap();
        assert_eq!((keys.rotate().unwrap(), keys.newest()), (2, (2, 2)));
        let new = keys.seal(&["t"], b"new").unwrap();
        assert_eq!((old[0], new[0]), (1, 2));
        // Also in a process that was there before.
        assert_eq!(other.newest(), (1, 1));
        for (sealed, text) in [(&old, b"old"), (&new, b"new")] {
            assert_eq!(keys.open(&["t"], sealed).unwrap(), text);
            assert_eq!(other.open(&["t"], sealed).unwrap(), text);
        }
        assert_eq!(keys.index(&["x"]), other.index(&["x"]), "what was found stays found");
    }

    #[test]
    fn key_files_that_are_wrong_or_open_to_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let hex = "ab".repeat(32);
        for (mode, text, good) in [
            (0o400, format!("# note\n1 {hex}\n"), true),
            (0o600, format!("1 {hex}\n2 {hex}\n"), true),
            (0o444, format!("1 {hex}\n"), false),
            (0o400, format!("2 {hex}\n"), false),
            (0o400, format!("1 {hex}\n1 {hex}\n"), false),
            (0o400, "1 abcd\n".into(), false),
            (0o400, String::new(), false),
        ] {
            let path = folder.path().join("k");
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, &text).unwrap();
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Keys::load(&path, "a").is_ok(), good, "{mode:o} {text}");
        }
        assert!(Keys::load(&folder.path().join("none"), "a").is_err());
    }
}
