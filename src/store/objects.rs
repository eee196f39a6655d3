//! Where packs of sealed bytes are kept: a folder, a bucket (feature `s3`), or memory for tests. A pack is durable when `put`
//! returns; packs are never changed, and one name has one content.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{StoreError, process};

#[derive(Clone)]
pub(super) enum Objects {
    /// With whether this process has looked for what others left unfinished.
    Folder(PathBuf, Arc<AtomicBool>),
    Memory(Arc<Mutex<HashMap<String, Vec<u8>>>>),
    #[cfg(feature = "s3")]
    Bucket(bucket::Bucket),
}

impl Objects {
    /// Opens the place that an address names. With `create` a folder is made.
    pub fn connect(address: &str, create: bool) -> Result<Objects, StoreError> {
        if address == "memory:" {
            return Ok(Objects::Memory(Arc::default()));
        }
        if let Some(rest) = address.strip_prefix("s3://") {
            return Objects::connect_bucket(rest);
        }
        if let Some((kind, _)) = address.split_once("://").filter(|(kind, _)| *kind != "file") {
            return Err(StoreError::Unsupported(format!("an object store is a folder or s3://.., not '{kind}://'")));
        }
        let folder = PathBuf::from(address.strip_prefix("file://").unwrap_or(address));
        if create {
            std::fs::create_dir_all(&folder).map_err(|source| StoreError::Io { path: folder.clone(), source })?;
            if let Some(parent) = folder.parent().filter(|p| !p.as_os_str().is_empty()) {
                sync_folder(parent)?;
            }
        } else if !folder.is_dir() {
            return Err(StoreError::Site {
                place: folder.display().to_string(),
                why: "the folder of the object store is missing",
            });
        }
        Ok(Objects::Folder(folder, Arc::default()))
    }

    #[cfg(feature = "s3")]
    fn connect_bucket(address: &str) -> Result<Objects, StoreError> {
        Ok(Objects::Bucket(bucket::Bucket::connect(address)?))
    }

    #[cfg(not(feature = "s3"))]
    fn connect_bucket(_: &str) -> Result<Objects, StoreError> {
        Err(StoreError::Unsupported("this build cannot reach s3:// buckets: build it with the feature 's3'".into()))
    }

    /// Keeps packs under their names; durable on return.
    pub async fn put(&self, packs: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        match self {
            Objects::Folder(folder, tidied) => {
                let (folder, tidy) = (folder.clone(), !tidied.swap(true, Ordering::Relaxed));
                tokio::task::spawn_blocking(move || {
                    if tidy {
                        take_leftovers_away(&folder);
                    }
                    put_files(&folder, &packs)
                })
                .await?
            }
            Objects::Memory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).extend(packs);
                Ok(())
            }
            #[cfg(feature = "s3")]
            Objects::Bucket(bucket) => bucket.put(packs).await,
        }
    }

    /// Takes packs away that no row names any more; those that are gone already are no fault.
    pub async fn remove(&self, packs: &[String]) -> Result<(), StoreError> {
        match self {
            Objects::Folder(folder, _) => {
                for name in packs {
                    let path = folder.join(format!("{name}.pack"));
                    match std::fs::remove_file(&path) {
                        Ok(()) => {}
                        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                        Err(source) => return Err(StoreError::Io { path, source }),
                    }
                }
                sync_folder(folder)
            }
            Objects::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                packs.iter().for_each(|name| drop(map.remove(name)));
                Ok(())
            }
            #[cfg(feature = "s3")]
            Objects::Bucket(bucket) => bucket.remove(packs).await,
        }
    }

    /// The folder of the packs, where they are files.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Objects::Folder(folder, _) => Some(folder),
            Objects::Memory(_) => None,
            #[cfg(feature = "s3")]
            Objects::Bucket(_) => None,
        }
    }

    /// Reads pieces of packs: (pack, start, size), in the order asked for.
    pub async fn get(&self, pieces: Vec<(String, u64, usize)>) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Objects::Folder(folder, _) => {
                let folder = folder.clone();
                tokio::task::spawn_blocking(move || read_pieces(&folder, &pieces)).await?
            }
            Objects::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                pieces
                    .iter()
                    .map(|(pack, start, size)| {
                        let start = *start as usize;
                        map.get(pack)
                            .and_then(|bytes| bytes.get(start..start.checked_add(*size)?))
                            .map(<[u8]>::to_vec)
                            .ok_or_else(|| StoreError::Objects(format!("pack {pack} is missing or cut short")))
                    })
                    .collect()
            }
            #[cfg(feature = "s3")]
            Objects::Bucket(bucket) => bucket.get(pieces).await,
        }
    }
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|source| StoreError::Io { path: folder.into(), source })
}

/// Tells unfinished files of one process apart.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// Each pack: write beside, flush to the disk, rename; then the folder once. A failed flush is an error, never retried.
fn put_files(folder: &Path, packs: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    use std::io::Write as _;
    for (name, bytes) in packs {
        let path = folder.join(format!("{name}.pack"));
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = folder.join(format!("{name}.{number}.{}.{}.part", process::host(), std::process::id()));
        let io = |source| StoreError::Io { path: draft.clone(), source };
        let mut file = std::fs::File::create(&draft).map_err(io)?;
        let written =
            file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&draft, &path));
        if let Err(source) = written {
            // Nothing half-written stays; when even this fails the next start finds only a `.part`.
            let _ = std::fs::remove_file(&draft);
            return Err(io(source));
        }
    }
    sync_folder(folder)
}

/// Packs that a killed process of this host began: no row names them. A failure here matters to nobody.
fn take_leftovers_away(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let mut parts = name.to_str().unwrap_or_default().rsplit('.');
        if let (Some("part"), Some(number), Some(host)) = (parts.next(), parts.next(), parts.next())
            && number != std::process::id().to_string()
            && process::is_gone(host, number)
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn read_pieces(folder: &Path, pieces: &[(String, u64, usize)]) -> Result<Vec<Vec<u8>>, StoreError> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut open: Option<(&str, std::fs::File, u64)> = None;
    let mut out = Vec::with_capacity(pieces.len());
    for (pack, start, size) in pieces {
        let path = folder.join(format!("{pack}.pack"));
        let io = |source| StoreError::Io { path: path.clone(), source };
        if open.as_ref().is_none_or(|(name, _, _)| name != pack) {
            let file = std::fs::File::open(&path).map_err(io)?;
            let length = file.metadata().map_err(io)?.len();
            open = Some((pack, file, length));
        }
        let Some((_, file, length)) = open.as_mut() else { continue };
        if start.checked_add(*size as u64).is_none_or(|end| end > *length) {
            return Err(StoreError::damaged(format!("pack {pack}"), "it is cut short"));
        }
        let mut bytes = vec![0; *size];
        file.seek(SeekFrom::Start(*start)).and_then(|_| file.read_exact(&mut bytes)).map_err(io)?;
        out.push(bytes);
    }
    Ok(out)
}

#[cfg(feature = "s3")]
pub(super) mod bucket {
    use std::sync::Arc;

    use object_store::aws::AmazonS3Builder;
    use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};

    use super::StoreError;

    /// A bucket and a prefix in it. Credentials and region come from the environment that the provider's tools use.
    #[derive(Clone)]
    pub struct Bucket {
        store: Arc<dyn ObjectStore>,
        prefix: String,
    }

    fn refused(error: object_store::Error) -> StoreError {
        StoreError::Objects(error.to_string())
    }

    impl Bucket {
        /// One in memory, spoken to like every other.
        #[cfg(test)]
        pub fn in_memory(prefix: &str) -> Bucket {
            Bucket { store: Arc::new(object_store::memory::InMemory::new()), prefix: prefix.to_string() }
        }

        pub fn connect(address: &str) -> Result<Bucket, StoreError> {
            let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
            let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(refused)?;
            Ok(Bucket { store: Arc::new(store), prefix: prefix.trim_end_matches('/').to_string() })
        }

        fn path(&self, pack: &str) -> Path {
            match self.prefix.as_str() {
                "" => Path::from(format!("{pack}.pack")),
                prefix => Path::from(format!("{prefix}/{pack}.pack")),
            }
        }

        pub async fn put(&self, packs: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
            for (name, bytes) in packs {
                self.store.put(&self.path(&name), bytes.into()).await.map_err(refused)?;
            }
            Ok(())
        }

        /// A bucket that keeps older versions keeps these too; nobody opens them, since their keys are gone.
        pub async fn remove(&self, packs: &[String]) -> Result<(), StoreError> {
            for name in packs {
                match self.store.delete(&self.path(name)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(refused(error)),
                }
            }
            Ok(())
        }

        pub async fn get(&self, pieces: Vec<(String, u64, usize)>) -> Result<Vec<Vec<u8>>, StoreError> {
            let mut out = Vec::with_capacity(pieces.len());
            for (pack, start, size) in pieces {
                let range = start..start + size as u64;
                out.push(self.store.get_range(&self.path(&pack), range).await.map_err(refused)?.to_vec());
            }
            Ok(out)
        }
    }
}
