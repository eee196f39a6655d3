//! The object store: images and source files under the SHA-256 of their bytes, sealed, many to a durable pack file.
//!
//! A pack is entries one after the other: the hash (32 bytes), the length of what follows (8 bytes, big-endian), the sealed
//! bytes. Its name is the hash of its content, so that a crash and a repeat make no second one. Rows are written only
//! after the pack is durable: the database is never ahead of the object store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::db::{Bulk, Kind, Tx, sql, values};
use super::*;
use crate::domain::Sha256;

/// A pack is closed when it is this large.
const PACK: usize = 16 << 20;

sql! {
    FIND = "select hash, pack, start, size from blobs where site = $1 and hash any_of($2)";
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

impl Store {
    /// Keeps these bytes: sealed, durable on return, and only then known by rows. What is there already is not written
    /// again. Call it with a few hundred at a time (one durable file each call or each 16 MiB). A hash that is not the
    /// one of its bytes is refused.
    pub async fn put_blobs(&self, blobs: Vec<(Sha256, Vec<u8>)>) -> Result<(), StoreError> {
        let hashes: Vec<String> = blobs.iter().map(|b| b.0.to_string()).collect();
        let mut tx = self.db().read().await?;
        let known: BTreeSet<String> =
            tx.rows(FIND, values![self.site(), hashes]).await?.iter().map(|r| r.text(0)).collect::<Result<_, _>>()?;
        drop(tx);
        // By hash: the same set makes the same packs in whatever order it came.
        let fresh: BTreeMap<Sha256, Vec<u8>> =
            blobs.into_iter().filter(|(hash, _)| !known.contains(&hash.to_string())).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let store = self.clone();
        let (packs, rows) = tokio::task::spawn_blocking(move || store.pack(fresh)).await??;
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

    #[allow(clippy::type_complexity)]
    fn pack(
        &self,
        fresh: BTreeMap<Sha256, Vec<u8>>,
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
            let sealed = self.keys().seal_named(hash, &bytes)?;
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

    async fn pieces(&self, tx: &mut Tx, hashes: &[Sha256]) -> Result<Vec<(String, u64, usize)>, StoreError> {
        let names: Vec<String> = hashes.iter().map(Sha256::to_string).collect();
        let mut found: HashMap<String, (String, u64, usize)> = HashMap::with_capacity(hashes.len());
        for row in tx.rows(FIND, values![self.site(), names]).await? {
            found.insert(row.text(0)?, (row.text(1)?, row.int(2)? as u64, row.count(3)? as usize));
        }
        hashes
            .iter()
            .map(|hash| found.get(&hash.to_string()).cloned().ok_or(StoreError::NoBlob { hash: *hash }))
            .collect()
    }

    async fn read_pieces(
        &self,
        hashes: &[Sha256],
        pieces: Vec<(String, u64, usize)>,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let sealed = self.objects().get(pieces).await?;
        let (store, hashes) = (self.clone(), hashes.to_vec());
        tokio::task::spawn_blocking(move || {
            hashes
                .iter()
                .zip(sealed)
                .map(|(hash, sealed)| {
                    let bytes = store.keys().open_named(*hash, &sealed)?;
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
