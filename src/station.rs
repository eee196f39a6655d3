//! What the capture station hands over, as bytes: finds the sources under a path, reads them once, hashes them and puts
//! them into the object store. Refuses a folder that is still being filled. Says nothing about what the bytes mean.

pub mod tray;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::domain::Sha256;
use crate::pipeline::OfficeError;

/// One thing to take in: a folder of images (with its index, when it has one) or one file.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A capture station's hand-over: index and images.
    Folder {
        path: PathBuf,
        index: Option<Vec<u8>>,
        listing: Vec<(String, u64)>,
    },
    File {
        path: PathBuf,
    },
}

impl Source {
    pub fn path(&self) -> &Path {
        match self {
            Source::Folder { path, .. } | Source::File { path } => path,
        }
    }

    /// The last part of the path: the batch's name unless another is given.
    pub fn name(&self) -> String {
        self.path().file_name().map_or_else(|| "batch".into(), |n| n.to_string_lossy().into_owned())
    }
}

const IMAGE_ENDINGS: [&str; 6] = ["tif", "tiff", "jpg", "jpeg", "png", "g4"];
/// The largest single source file that is read whole.
const LARGEST_FILE: u64 = 4 << 30;

fn is_image(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| IMAGE_ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

fn broke(path: &Path, cause: &std::io::Error) -> OfficeError {
    if cause.kind() == std::io::ErrorKind::NotFound {
        return OfficeError::input("not-found", "there is no such file or folder", Some(path), "check the path");
    }
    OfficeError::Disk { path: path.display().to_string(), cause: cause.to_string() }
}

/// The sources under a path: the file itself, the folder itself when it holds an index or images, else each of its
/// subfolders and files in name order.
pub fn sources(path: &Path) -> Result<Vec<Source>, OfficeError> {
    let meta = fs::metadata(path).map_err(|e| broke(path, &e))?;
    if meta.is_file() {
        return Ok(vec![Source::File { path: path.to_path_buf() }]);
    }
    let mut listing = Vec::new();
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| broke(path, &e))? {
        let entry = entry.map_err(|e| broke(path, &e))?;
        let meta = fs::metadata(entry.path()).map_err(|e| broke(&entry.path(), &e))?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(OfficeError::input(
                "file-name",
                "a file name is not UTF-8 text",
                Some(path),
                "rename the file",
            ));
        };
        if meta.is_dir() {
            folders.push(entry.path());
        } else if !name.starts_with('.') {
            listing.push((name, meta.len()));
        }
    }
    listing.sort();
    folders.sort();
    let has_index = listing.iter().any(|(name, _)| name == "index.csv");
    if has_index || listing.iter().any(|(name, _)| is_image(name)) {
        let index = match has_index {
            true => Some(read(&path.join("index.csv"))?),
            false => None,
        };
        let listing = listing.into_iter().filter(|(name, _)| is_image(name)).collect();
        return Ok(vec![Source::Folder { path: path.to_path_buf(), index, listing }]);
    }
    let mut found = Vec::new();
    for folder in folders {
        found.extend(sources(&folder)?);
    }
    found.extend(listing.into_iter().map(|(name, _)| Source::File { path: path.join(name) }));
    if found.is_empty() {
        return Err(OfficeError::input(
            "empty",
            "the folder holds no index.csv, no images and no files",
            Some(path),
            "a station writes index.csv last: wait until it is there",
        ));
    }
    Ok(found)
}

/// Reads one file whole; one that waits in a tray of the desk is unsealed.
pub fn read(path: &Path) -> Result<Vec<u8>, OfficeError> {
    let size = fs::metadata(path).map_err(|e| broke(path, &e))?.len();
    if size > LARGEST_FILE {
        return Err(OfficeError::input(
            "too-large",
            "the file is larger than 4 GiB",
            Some(path),
            "split it at the bank",
        ));
    }
    let bytes = fs::read(path).map_err(|e| broke(path, &e))?;
    tray::opened(bytes).ok_or_else(|| {
        OfficeError::input("tray", "this file of a tray cannot be opened any more", Some(path), "drop it again")
    })
}

/// A file that stays open while it is taken in: what is parsed, hashed and stored are the same bytes, also where another
/// file gets its name meanwhile.
pub struct OpenFile {
    path: PathBuf,
    file: fs::File,
    size: u64,
    /// Of a file that waits in a tray of the desk: what comes out is what was sealed.
    seal: Option<tray::Seal>,
}

/// A kept file is cut into pieces of this size.
pub const PIECE: usize = 2 << 20;

/// Hashes what goes by.
struct Hashing<'f> {
    file: &'f OpenFile,
    /// Of a sealed file: how far it was read, and what was unsealed and not handed on yet.
    at: u64,
    waiting: std::io::Cursor<Vec<u8>>,
    hash: sha2::Sha256,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = match &self.file.seal {
            None => (&self.file.file).read(into)?,
            Some(seal) => {
                if self.waiting.position() == self.waiting.get_ref().len() as u64 {
                    self.waiting = std::io::Cursor::new(seal.at(&self.file.file, self.at, PIECE)?);
                    self.at += self.waiting.get_ref().len() as u64;
                }
                self.waiting.read(into)?
            }
        };
        sha2::Digest::update(&mut self.hash, &into[..count]);
        Ok(count)
    }
}

impl OpenFile {
    pub fn open(path: &Path) -> Result<OpenFile, OfficeError> {
        let file = fs::File::open(path).map_err(|e| broke(path, &e))?;
        let size = file.metadata().map_err(|e| broke(path, &e))?.len();
        if size > LARGEST_FILE {
            let help = "split it at the bank";
            return Err(OfficeError::input("too-large", "the file is larger than 4 GiB", Some(path), help));
        }
        let mut head = Vec::new();
        (&file).take(64).read_to_end(&mut head).map_err(|e| broke(path, &e))?;
        let seal = tray::Seal::of(&head, size);
        let size = seal.as_ref().map_or(size, tray::Seal::size);
        Ok(OpenFile { path: path.to_path_buf(), file, size, seal })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// At most so many bytes from an offset.
    pub fn at(&self, offset: u64, count: usize) -> Result<Vec<u8>, OfficeError> {
        if let Some(seal) = &self.seal {
            return seal.at(&self.file, offset, count).map_err(|e| broke(&self.path, &e));
        }
        let mut file = &self.file;
        let mut bytes = Vec::with_capacity(count.min(PIECE));
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(count as u64).read_to_end(&mut bytes))
            .map_err(|e| broke(&self.path, &e))?;
        Ok(bytes)
    }

    /// Hands all bytes from the first on to a reader; gives what that says, and the hash over exactly these bytes.
    pub fn read_through<T>(&self, with: impl FnOnce(&mut dyn Read) -> T) -> Result<(T, Sha256), OfficeError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(|e| broke(&self.path, &e))?;
        let mut source = Hashing { file: self, at: 0, waiting: Default::default(), hash: sha2::Digest::new() };
        let said = with(&mut source);
        // What the reader left over belongs to the file too.
        std::io::copy(&mut source, &mut std::io::sink()).map_err(|e| broke(&self.path, &e))?;
        Ok((said, Sha256(sha2::Digest::finalize(source.hash).into())))
    }
}

/// Writes a file so that it is either whole or not there: temporary name, flush to disk, rename, flush the folder.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    let mut draft = Draft::begin(path)?;
    draft.add(bytes)?;
    draft.finish()
}

/// Takes a file away for good; one that is gone already is no fault. Says whether it was there.
pub fn take_away(path: &Path) -> Result<bool, OfficeError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(failed(path)(e)),
    }
    let folder = folder_of(path);
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed(folder))?;
    Ok(true)
}

/// A file that is written piece by piece and gets its name when it is whole.
pub struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    file: fs::File,
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> OfficeError {
    let path = path.display().to_string();
    move |cause| OfficeError::Disk { path: path.clone(), cause: cause.to_string() }
}

/// A bare file name has the empty path as its folder.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Draft {
    pub fn begin(path: &Path) -> Result<Draft, OfficeError> {
        fs::create_dir_all(folder_of(path)).map_err(failed(path))?;
        let temporary = path.with_extension("part");
        // Whoever else writes this file now, here or in another process, is waited for: what they rename is whole.
        loop {
            let file = fs::OpenOptions::new().create(true).write(true).truncate(false).open(&temporary);
            let file = file.and_then(|f| f.lock().map(|()| f)).map_err(failed(path))?;
            let there = fs::metadata(&temporary).map(|m| m.ino()).ok();
            if there == Some(file.metadata().map_err(failed(path))?.ino()) {
                file.set_len(0).map_err(failed(path))?;
                return Ok(Draft { path: path.to_path_buf(), temporary, file });
            }
        }
    }

    pub fn add(&mut self, bytes: &[u8]) -> Result<(), OfficeError> {
        self.file.write_all(bytes).map_err(failed(&self.path))
    }

    /// What was written so far, to be read.
    pub fn written(&self) -> Result<OpenFile, OfficeError> {
        OpenFile::open(&self.temporary)
    }

    pub fn finish(self) -> Result<(), OfficeError> {
        let failed = failed(&self.path);
        self.file.sync_all().map_err(&failed)?;
        fs::rename(&self.temporary, &self.path).map_err(&failed)?;
        fs::File::open(folder_of(&self.path)).and_then(|f| f.sync_all()).map_err(&failed)
    }

    /// What was written is not what it should be: nothing of it stays.
    pub fn throw_away(self) -> Result<(), OfficeError> {
        fs::remove_file(&self.temporary).map_err(failed(&self.path))
    }
}

/// Sizes of everything under a path, to see whether it is still growing.
pub fn sizes(path: &Path) -> Result<BTreeMap<PathBuf, u64>, OfficeError> {
    let mut found = BTreeMap::new();
    let meta = fs::metadata(path).map_err(|e| broke(path, &e))?;
    if meta.is_file() {
        found.insert(path.to_path_buf(), meta.len());
        return Ok(found);
    }
    for entry in fs::read_dir(path).map_err(|e| broke(path, &e))? {
        found.extend(sizes(&entry.map_err(|e| broke(path, &e))?.path())?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_an_index_is_one_source_and_a_tree_is_many() {
        let folder = tempfile::tempdir().unwrap();
        for batch in ["b0002", "b0001"] {
            let path = folder.path().join(batch);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("0001_F.tif"), b"II").unwrap();
            fs::write(path.join("index.csv"), b"seq,front\n").unwrap();
        }
        let found = sources(folder.path()).unwrap();
        assert_eq!(found.iter().map(Source::name).collect::<Vec<_>>(), ["b0001", "b0002"]);
        assert!(matches!(&found[0], Source::Folder { index: Some(_), listing, .. } if listing.len() == 1));
        assert!(sources(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_written_file_is_whole_and_leaves_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out").join("a.x9");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    /// Many decide at once, and each has the same file written.
    #[test]
    fn writers_of_one_file_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::thread::scope(|scope| {
            for n in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        write_whole(path, &vec![n; 100_000 + usize::from(n)]).unwrap();
                        let seen = fs::read(path).unwrap();
                        assert_eq!(seen.len(), 100_000 + usize::from(seen[0]));
                        assert!(seen.iter().all(|b| *b == seen[0]));
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
