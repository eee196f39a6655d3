//! Keeping: new keys, backups and their way back, and what must stay for a court. A backup is one file, sealed with the
//! site's key (which it does not hold): a flipped byte, a missing piece or another key refuse it whole.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::audit::Event;
use super::db::{sql, values};
use super::*;
use crate::domain::Role;

const MAGIC: &[u8] = b"remit backup 1\n";
/// A file is sealed in pieces of this size.
const PIECE: usize = 4 << 20;

/// What a restore brought back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Restored {
    pub files: u64,
    pub bytes: u64,
}

/// A batch that must stay for a court.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Hold {
    pub subject: String,
    pub at: String,
    pub note: String,
    pub by: UserName,
    pub released_by: Option<UserName>,
}

sql! {
    HOLD = "insert into legal_holds (site, subject, at, note, by_user) values ($1, $2, $3, $4, $5) on conflict do nothing";
    HELD = "select count(*) from legal_holds where site = $1 and subject = $2 and released_at is null";
    RELEASE = "update legal_holds set released_at = $3, released_by = $4 where site = $1 and subject = $2
               and released_at is null";
    HOLDS = "select subject, at, note, by_user, released_by from legal_holds where site = $1 order by at, subject";
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> StoreError + '_ {
    |source| StoreError::Io { path: path.into(), source }
}

/// Every file below a folder, relative, in order.
fn below(folder: &Path, inside: &Path, found: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let path = folder.join(inside);
    let mut names: Vec<_> = std::fs::read_dir(&path).map_err(io(&path))?.flatten().map(|e| e.file_name()).collect();
    names.sort();
    for name in names {
        let inner = inside.join(&name);
        let whole = folder.join(&inner);
        if whole.is_dir() {
            below(folder, &inner, found)?;
        } else if whole.is_file() && whole.extension().is_none_or(|e| e != "part") {
            found.push(inner);
        }
    }
    Ok(())
}

impl Store {
    /// Adds a key to the site's key file: from now on everything is sealed with it; what older keys sealed stays readable.
    pub async fn rotate_keys(&self, by: &UserName) -> Result<u8, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Admin]).await?;
                // The last lock that is needed: behind it nothing makes the file's change be done twice.
                self.lock_head(&mut tx, "audit").await?;
                let number = self.keys().rotate()?;
                let id = number.to_string();
                let event = Event::said(by, "rotate", "key", &id, "");
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(number)
            })
        })
        .await
    }

    /// The number of the key that seals now, and how many there are.
    pub fn newest_key(&self) -> (u8, usize) {
        self.keys().newest()
    }

    /// Writes the site as one sealed file: the database as of one moment, then the packs (never ahead of it: rows name only
    /// durable packs), then `folder`'s other files. The key file is not in it.
    pub async fn backup(&self, folder: &Path, file: &Path) -> Result<Restored, StoreError> {
        let draft = file.with_extension("part");
        let copy = file.with_extension("database.part");
        for old in [&draft, &copy] {
            if old.exists() {
                std::fs::remove_file(old).map_err(io(old))?;
            }
        }
        self.copy_to(&copy).await?;
        let store = self.clone();
        let (folder, file) = (folder.to_path_buf(), file.to_path_buf());
        let written = tokio::task::spawn_blocking(move || {
            let done = store.write_backup(&folder, &copy, &draft);
            let _ = std::fs::remove_file(&copy);
            let done = done?;
            std::fs::rename(&draft, &file).map_err(io(&file))?;
            let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            objects::sync_folder(parent)?;
            Ok::<_, StoreError>(done)
        });
        written.await?
    }

    fn write_backup(&self, folder: &Path, copy: &Path, draft: &Path) -> Result<Restored, StoreError> {
        let mut sources: Vec<(String, PathBuf)> = vec![("remit.db".into(), copy.to_path_buf())];
        if let Some(packs) = self.objects().folder() {
            let mut found = Vec::new();
            below(packs, Path::new(""), &mut found)?;
            sources.extend(found.into_iter().map(|f| (format!("images/{}", f.display()), packs.join(f))));
        }
        for part in ["posting", "deposits"] {
            if folder.join(part).is_dir() {
                let mut found = Vec::new();
                below(folder, Path::new(part), &mut found)?;
                sources.extend(found.into_iter().map(|f| (f.display().to_string(), folder.join(f))));
            }
        }
        if folder.join("remit.toml").is_file() {
            sources.push(("remit.toml".into(), folder.join("remit.toml")));
        }
        let mut out = std::fs::File::create(draft).map_err(io(draft))?;
        let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(io(draft));
        put(MAGIC)?;
        let mut piece_number = 0u64;
        let mut seal = |text: &[u8]| -> Result<Vec<u8>, StoreError> {
            // Its number is part of the place: pieces cannot be left out, doubled or put in another order.
            let sealed = self.keys().seal(&["backup", &piece_number.to_string()], text)?;
            piece_number += 1;
            let mut framed = (sealed.len() as u64).to_be_bytes().to_vec();
            framed.extend(sealed);
            Ok(framed)
        };
        let mut total = Restored { files: 0, bytes: 0 };
        for (name, path) in sources {
            let mut file = std::fs::File::open(&path).map_err(io(&path))?;
            let length = file.metadata().map_err(io(&path))?.len();
            put(&seal(format!("file {length} {name}").as_bytes())?)?;
            let mut left = length;
            let mut piece = vec![0; PIECE];
            while left > 0 {
                let now = left.min(PIECE as u64) as usize;
                file.read_exact(&mut piece[..now]).map_err(io(&path))?;
                put(&seal(&piece[..now])?)?;
                left -= now as u64;
            }
            total.files += 1;
            total.bytes += length;
        }
        put(&seal(format!("end {} {}", total.files, total.bytes).as_bytes())?)?;
        out.sync_all().map_err(io(draft))?;
        Ok(total)
    }

    /// Brings a backup back as the folder of a site that is not there yet. The key file must be the site's own. Nothing is
    /// left when any byte is not what was written.
    pub fn restore(file: &Path, folder: &Path, key_file: &Path, site: &str) -> Result<Restored, StoreError> {
        if folder.exists() && std::fs::read_dir(folder).map_err(io(folder))?.next().is_some() {
            return Err(StoreError::Site {
                place: folder.display().to_string(),
                why: "a restore needs a folder that is not there yet",
            });
        }
        let keys = Keys::load(key_file, site)?;
        let draft = folder.with_extension("restoring");
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(io(&draft))?;
        }
        let restored = read_backup(file, &draft, &keys);
        let restored = match restored {
            Ok(restored) => restored,
            Err(error) => {
                let _ = std::fs::remove_dir_all(&draft);
                return Err(error);
            }
        };
        if folder.exists() {
            std::fs::remove_dir(folder).map_err(io(folder))?;
        }
        std::fs::rename(&draft, folder).map_err(io(folder))?;
        let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        objects::sync_folder(parent)?;
        Ok(restored)
    }

    /// A batch (by its id) must stay whatever its age.
    pub async fn hold_for_court(&self, batch: &BatchId, note: &str, by: &UserName) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Admin]).await?;
                self.lock_batch(&mut tx, batch).await?;
                if tx.number(HELD, values![self.site(), batch]).await? > 0 {
                    return Ok(Done::Already);
                }
                tx.run(HOLD, values![self.site(), batch, self.now(), note, by]).await?;
                let event = Event::said(by, "legal-hold", "batch", batch.as_str(), note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    pub async fn release_hold(&self, batch: &BatchId, by: &UserName) -> Result<Done, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Admin]).await?;
                if tx.run(RELEASE, values![self.site(), batch, self.now(), by]).await? == 0 {
                    return Ok(Done::Already);
                }
                let id = batch.as_str();
                let event = Event::said(by, "release-hold", "batch", id, "");
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Done::Now)
            })
        })
        .await
    }

    pub async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(HOLDS, values![self.site()]).await?;
        rows.iter()
            .map(|r| {
                Ok(Hold {
                    subject: r.text(0)?,
                    at: r.text(1)?,
                    note: r.text(2)?,
                    by: UserName(r.text(3)?),
                    released_by: r.text_or_null(4)?.map(UserName),
                })
            })
            .collect()
    }
}
fn read_backup(file: &Path, draft: &Path, keys: &Keys) -> Result<Restored, StoreError> {
    let damaged = |why: &str| StoreError::damaged(file.display().to_string(), why);
    let mut source = std::io::BufReader::new(std::fs::File::open(file).map_err(io(file))?);
    let mut magic = vec![0; MAGIC.len()];
    source.read_exact(&mut magic).map_err(|_| damaged("it is no backup of this program"))?;
    if magic != MAGIC {
        return Err(damaged("it is no backup of this program"));
    }
    let mut number = 0u64;
    let mut next = || -> Result<Vec<u8>, StoreError> {
        let mut length = [0; 8];
        source.read_exact(&mut length).map_err(|_| damaged("it is cut short"))?;
        let length = u64::from_be_bytes(length);
        if length > (PIECE + 1024) as u64 {
            return Err(damaged("a piece's length was changed"));
        }
        let mut sealed = vec![0; length as usize];
        source.read_exact(&mut sealed).map_err(|_| damaged("it is cut short"))?;
        let text = keys.open(&["backup", &number.to_string()], &sealed)?;
        number += 1;
        Ok(text)
    };
    let mut total = Restored { files: 0, bytes: 0 };
    loop {
        let head = String::from_utf8(next()?).map_err(|_| damaged("a heading is not text"))?;
        let mut words = head.splitn(3, ' ');
        match (words.next(), words.next().and_then(|n| n.parse::<u64>().ok()), words.next()) {
            (Some("end"), Some(files), Some(bytes)) => {
                if files != total.files || bytes.parse() != Ok(total.bytes) {
                    return Err(damaged("its end does not agree with its files"));
                }
                break;
            }
            (Some("file"), Some(length), Some(name)) => {
                let inside = Path::new(name);
                let plain = inside.components().all(|c| matches!(c, std::path::Component::Normal(_)));
                if !plain || name.is_empty() {
                    return Err(damaged("a file's name leads out of the folder"));
                }
                let path = draft.join(inside);
                let parent = path.parent().unwrap_or(draft);
                std::fs::create_dir_all(parent).map_err(io(parent))?;
                let mut out = std::fs::File::create(&path).map_err(io(&path))?;
                let mut left = length;
                while left > 0 {
                    let piece = next()?;
                    left = left.checked_sub(piece.len() as u64).ok_or_else(|| damaged("a piece is too long"))?;
                    out.write_all(&piece).map_err(io(&path))?;
                }
                out.sync_all().map_err(io(&path))?;
                total.files += 1;
                total.bytes += length;
            }
            _ => return Err(damaged("a heading is not understood")),
        }
    }
    let mut rest = [0; 1];
    match source.read(&mut rest).map_err(io(file))? {
        0 => Ok(total),
        _ => Err(damaged("something follows its end")),
    }
}
