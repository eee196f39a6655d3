//! The object store: images and source files under the SHA-256 of their bytes, sealed, many to a durable pack file.
//!
//! A pack is entries one after the other: the hash (32 bytes), the length of what follows (8 bytes, big-endian), the sealed
//! bytes. Each object has a key of its own, which is a row before the object is sealed: destroyed, it takes the object with it
//! in every copy. A pack's name is the hash of its content, so that a crash and a repeat make no second one. Rows are
//! written only after the pack is durable: the database is never ahead of the object store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::db::{Bulk, Kind, Tx, sql, values};
use super::*;
use crate::domain::Sha256;

/// A pack is closed when it is this large.
const PACK: usize = 16 << 20;

sql! {
    KNOWN = "select hash from blobs where site = $1 and hash any_of($2)";
    FIND = "select b.hash, b.pack, b.start, b.size, k.sealed from blobs b
            left join object_keys k on k.site = b.site and k.hash = b.hash where b.site = $1 and b.hash any_of($2)";
    KEYS = "select hash, sealed from object_keys where site = $1 and hash any_of($2)";
}

const ADD: Bulk = Bulk {
    table: "blobs",
    columns: &[
        ("site", Kind::Text),
        ("hash", Kind::Text),
        ("pack", Kind::Text),
        ("start", Kind::Int),
        ("size", Kind::Int),
    ],
    tail: "on conflict (site, hash) do nothing",
};

const ADD_KEYS: Bulk = Bulk {
    table: "object_keys",
    columns: &[("site", Kind::Text), ("hash", Kind::Text), ("sealed", Kind::Bytes)],
    tail: "on conflict (site, hash) do nothing",
};

/// Where an object's sealed bytes are, and its own key, where it has one.
struct Piece {
    place: (String, u64, usize),
    key: Option<Vec<u8>>,
}

impl Store {
    /// Keeps these bytes: sealed, durable on return, and only then known by rows. What is there already is not written
    /// again. Call it with a few hundred at a time (one durable file each call or each 16 MiB). A hash that is not the
    /// one of its bytes is refused.
    pub async fn put_blobs(&self, blobs: Vec<(Sha256, Vec<u8>)>) -> Result<(), StoreError> {
        let hashes: Vec<String> = blobs.iter().map(|b| b.0.to_string()).collect();
        let mut tx = self.db().read().await?;
        let known: BTreeSet<String> =
            tx.rows(KNOWN, values![self.site(), hashes]).await?.iter().map(|r| r.text(0)).collect::<Result<_, _>>()?;
        drop(tx);
        // By hash: the same set makes the same packs in whatever order it came.
        let fresh: BTreeMap<Sha256, Vec<u8>> =
            blobs.into_iter().filter(|(hash, _)| !known.contains(&hash.to_string())).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let keys = self.object_keys(fresh.keys().copied().collect()).await?;
        let store = self.clone();
        let (packs, rows) = tokio::task::spawn_blocking(move || store.pack(fresh, &keys)).await??;
        self.objects().put(packs).await?;
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.insert(&ADD, rows.clone()).await?;
                tx.commit().await
            })
        })
        .await
    }

    /// The own keys of objects, each made and durable before anything is sealed with it. Whoever asks again, also after a
    /// crash, gets the same.
    pub(super) async fn object_keys(&self, hashes: Vec<Sha256>) -> Result<BTreeMap<Sha256, Vec<u8>>, StoreError> {
        let mut rows = Vec::with_capacity(hashes.len());
        for hash in &hashes {
            rows.push(values![self.site(), *hash, self.keys().new_object_key(*hash)?]);
        }
        let names: Vec<String> = hashes.iter().map(Sha256::to_string).collect();
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                tx.insert(&ADD_KEYS, rows.clone()).await?;
                let mut keys = BTreeMap::new();
                for row in tx.rows(KEYS, values![self.site(), names.clone()]).await? {
                    keys.insert(row.parsed(0, "object key")?, row.bytes(1)?);
                }
                tx.commit().await?;
                Ok(keys)
            })
        })
        .await
    }

    #[allow(clippy::type_complexity)]
    fn pack(
        &self,
        fresh: BTreeMap<Sha256, Vec<u8>>,
        keys: &BTreeMap<Sha256, Vec<u8>>,
    ) -> Result<(Vec<(String, Vec<u8>)>, Vec<Vec<db::Value>>), StoreError> {
        let mut packs: Vec<(String, Vec<u8>)> = Vec::new();
        let mut rows = Vec::with_capacity(fresh.len());
        let mut pack = Vec::new();
        let mut inside: Vec<(Sha256, usize, usize)> = Vec::new();
        let mut close = |pack: &mut Vec<u8>, inside: &mut Vec<(Sha256, usize, usize)>| {
            if inside.is_empty() {
                return;
            }
            let name = Sha256::of(pack).to_string();
            for (hash, start, size) in inside.drain(..) {
                rows.push(values![self.site(), hash, &name, start as i64, size as i64]);
            }
            packs.push((name, std::mem::take(pack)));
        };
        for (hash, bytes) in fresh {
            if Sha256::of(&bytes) != hash {
                return Err(StoreError::damaged(format!("bytes given as {hash}"), "they have another hash"));
            }
            let key = keys.get(&hash).ok_or_else(|| StoreError::damaged(format!("object {hash}"), "it has no key"))?;
            let sealed = self.keys().seal_object(hash, key, &bytes)?;
            pack.extend(hash.0);
            pack.extend((sealed.len() as u64).to_be_bytes());
            inside.push((hash, pack.len(), sealed.len()));
            pack.extend(sealed);
            if pack.len() >= PACK {
                close(&mut pack, &mut inside);
            }
        }
        close(&mut pack, &mut inside);
        Ok((packs, rows))
    }

    /// The bytes under this hash, opened and hashed again.
    pub async fn blob(&self, hash: Sha256) -> Result<Vec<u8>, StoreError> {
        self.blobs(&[hash]).await?.pop().ok_or(StoreError::NoBlob { hash })
    }

    /// Several at once, in the order asked for.
    pub async fn blobs(&self, hashes: &[Sha256]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut tx = self.db().read().await?;
        let pieces = self.pieces(&mut tx, hashes).await?;
        drop(tx);
        self.read_pieces(hashes, pieces).await
    }

    async fn pieces(&self, tx: &mut Tx, hashes: &[Sha256]) -> Result<Vec<Piece>, StoreError> {
        let names: Vec<String> = hashes.iter().map(Sha256::to_string).collect();
        let mut found: HashMap<String, Piece> = HashMap::with_capacity(hashes.len());
        for row in tx.rows(FIND, values![self.site(), names]).await? {
            let place = (row.text(1)?, row.int(2)? as u64, row.count(3)? as usize);
            found.insert(row.text(0)?, Piece { place, key: row.bytes_or_null(4)? });
        }
        let piece = |hash: &Sha256| {
            let piece = found.get(&hash.to_string()).ok_or(StoreError::NoBlob { hash: *hash })?;
            Ok(Piece { place: piece.place.clone(), key: piece.key.clone() })
        };
        hashes.iter().map(piece).collect()
    }

    async fn read_pieces(&self, hashes: &[Sha256], pieces: Vec<Piece>) -> Result<Vec<Vec<u8>>, StoreError> {
        let (places, keys): (Vec<_>, Vec<_>) = pieces.into_iter().map(|p| (p.place, p.key)).unzip();
        let sealed = self.objects().get(places).await?;
        let (store, hashes) = (self.clone(), hashes.to_vec());
        tokio::task::spawn_blocking(move || {
            hashes
                .iter()
                .zip(sealed.iter().zip(&keys))
                .map(|(hash, (sealed, key))| {
                    let bytes = store.keys().open_object(*hash, key.as_deref(), sealed)?;
                    match Sha256::of(&bytes) == *hash {
                        true => Ok(bytes),
                        false => Err(StoreError::damaged(format!("image {hash}"), "its bytes have another hash")),
                    }
                })
                .collect()
        })
        .await?
    }
}
