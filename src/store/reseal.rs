//! Sealing again under the newest key whatever older keys sealed: every sealed column, the own keys of images and files among
//! them, and images that an older program sealed without a key of their own. A page at a
//! time, each in its own transaction and compared with what was read, so that it may stop anywhere and go on later; each
//! value is opened again before it is kept.

use super::audit::Event;
use super::db::{sql, values};
use super::keys::OWN_KEY;
use super::*;
use crate::domain::{Role, Sha256};

/// What was sealed again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Resealed {
    /// The key that seals now.
    pub key: u8,
    pub values: u64,
    pub images: u64,
}

/// Values that are sealed again in one transaction.
const PAGE: i64 = 500;

/// A sealed column: what finds values of older keys, what saves one, and where a value's place begins.
struct Column {
    find: &'static str,
    save: &'static str,
    place: &'static [&'static str],
}

macro_rules! columns {
    ($(($find:ident, $save:ident) $table:literal $column:literal by $first:literal, $second:literal at $place:expr;)*) => {
        $(
            const $find: &str = concat!("select ", $first, ", ", $second, ", ", $column, " from ", $table,
                " where site = $1 and ", $column, " is not null and substr(", $column, ", 1, 1) <> $2 limit $3");
            const $save: &str = concat!("update ", $table, " set ", $column, " = $4 where site = $1 and ", $first,
                " = $2 and ", $column, " = $3");
        )*
        const COLUMNS: &[Column] = &[$(Column { find: $find, save: $save, place: $place },)*];
        /// Every sealed column: table, column.
        pub const SEALED_COLUMNS: &[(&str, &str)] = &[$(($table, $column),)*];
        pub(super) const COLUMN_TEXTS: &[(&str, &str)] =
            &[$((stringify!($find), $find), (stringify!($save), $save),)*];
    };
}

columns! {
    (ZONES, SAVE_ZONE) "amount_zones" "sealed" by "bank_index", "''" at &["amount_zones"];
    (PAYERS, SAVE_PAYER) "payers" "sealed" by "bank_index", "''" at &["payers", "sealed"];
    (CHANGES, SAVE_CHANGE) "change_notices" "sealed" by "id", "''" at &["change_notices", "sealed"];
    (LINES, SAVE_LINE) "documents" "station_micr" by "id", "''" at &["documents", "station_micr"];
    (REMITTANCES, SAVE_REMITTANCE) "documents" "remittance" by "id", "''" at &["documents", "remittance"];
    (READINGS, SAVE_READING) "readings" "sealed" by "document", "cast(ordinal as text)" at &["readings"];
    (FIRST_KEYS, SAVE_FIRST_KEY) "first_keys" "sealed" by "exception", "''" at &["first_keys", "sealed"];
    (REFUSALS, SAVE_REFUSAL) "refusals" "sealed" by "id", "''" at &["refusals", "sealed"];
    (RETURNS, SAVE_RETURN) "returns" "sealed" by "id", "''" at &["returns", "sealed"];
    (FACTORS, SAVE_FACTOR) "credentials" "second_factor" by "name", "''" at &["credentials", "second_factor"];
    (SETTINGS, SAVE_SETTING) "setting_changes" "sealed" by "cast(number as text)", "''" at &["setting_changes", "sealed"];
    (EXCEPTIONS, SAVE_EXCEPTION) "exceptions" "sealed" by "id", "''" at &["exceptions", "decision"];
    (OBJECT_KEYS, SAVE_OBJECT_KEY) "object_keys" "sealed" by "hash", "''" at &["object_keys"];
    (DECISIONS, SAVE_DECISION) "decisions" "sealed" by "transaction_id", "cast(place as text)" at &["decisions"];
}

sql! {
    PACKS = "select distinct pack from blobs where site = $1 order by pack";
    IN_PACK = "select hash, start, size from blobs where site = $1 and pack = $2 order by start";
    MOVE = "update blobs set pack = $3, start = $4, size = $5 where site = $1 and hash = $2 and pack = $6";
    OLD_PACK = "insert into purges (site, number, class, subject, hash, size, at, by_user, note)
        values ($1, (select coalesce(max(number), 0) + 1 from purges where site = $1), 'pack', $2, $2, 0, $3, $4, $5)
        on conflict (site, class, subject) do nothing";
}

impl Store {
    /// Seals everything again that another key than the newest one sealed.
    pub async fn reseal(&self, by: &UserName) -> Result<Resealed, StoreError> {
        let mut tx = self.db().read().await?;
        self.may(&mut tx, by, &[Role::Admin]).await?;
        drop(tx);
        let (key, _) = self.newest_key();
        let mut done = Resealed { key, ..Resealed::default() };
        for column in COLUMNS {
            loop {
                let page = self.again(|| Box::pin(self.reseal_page(column, key))).await?;
                done.values += page;
                if page == 0 {
                    break;
                }
            }
        }
        let mut tx = self.db().read().await?;
        let packs = tx.rows(PACKS, values![self.site()]).await?;
        drop(tx);
        for row in packs {
            done.images += self.reseal_pack(&row.text(0)?, by).await?;
        }
        self.sweep_packs().await?;
        if done.values + done.images > 0 {
            let (id, note) = (key.to_string(), format!("{} values, {} images", done.values, done.images));
            let event = || Event::said(by, "reseal", "key", &id, &note);
            self.again(|| {
                Box::pin(async {
                    let mut tx = self.db().write().await?;
                    self.record(&mut tx, event()).await?;
                    tx.commit().await
                })
            })
            .await?;
        }
        Ok(done)
    }

    async fn reseal_page(&self, column: &Column, key: u8) -> Result<u64, StoreError> {
        let mut tx = self.db().write().await?;
        let rows = tx.rows(column.find, values![self.site(), vec![key], PAGE]).await?;
        for row in &rows {
            let (first, second, old) = (row.text(0)?, row.text(1)?, row.bytes(2)?);
            let mut place = column.place.to_vec();
            place.push(&first);
            if !second.is_empty() {
                place.push(&second);
            }
            let text = zeroize::Zeroizing::new(self.keys().open(&place, &old)?);
            let new = self.keys().seal(&place, &text)?;
            if self.keys().open(&place, &new)? != *text {
                return Err(StoreError::damaged(place.join(" "), "sealed again it does not open as what it was"));
            }
            tx.run(column.save, values![self.site(), &first, old, new]).await?;
        }
        tx.commit().await?;
        Ok(rows.len() as u64)
    }

    /// Writes a pack of an older program again, each image under a key of its own. The old file goes when no row names it any
    /// more.
    async fn reseal_pack(&self, pack: &str, by: &UserName) -> Result<u64, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(IN_PACK, values![self.site(), pack]).await?;
        drop(tx);
        let mut pieces: Vec<(Sha256, u64, usize)> = Vec::new();
        for row in &rows {
            pieces.push((row.parsed(0, "blob")?, row.int(1)? as u64, row.count(2)? as usize));
        }
        let wanted = |size: fn(usize) -> usize| {
            pieces.iter().map(|(_, start, whole)| (pack.to_string(), *start, size(*whole))).collect::<Vec<_>>()
        };
        let numbers = self.objects().get(wanted(|_| 1)).await?;
        if numbers.iter().all(|n| n.first() == Some(&OWN_KEY)) {
            return Ok(0);
        }
        let keys = self.object_keys(pieces.iter().map(|p| p.0).collect()).await?;
        let sealed = self.objects().get(wanted(|whole| whole)).await?;
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for ((hash, ..), old) in pieces.iter().zip(sealed) {
            let key = keys.get(hash).map(Vec::as_slice);
            let image = self.keys().open_object(*hash, key, &old)?;
            if Sha256::of(&image) != *hash {
                return Err(StoreError::damaged(format!("image {hash}"), "its bytes have another hash"));
            }
            let new = self.keys().seal_object(*hash, key.unwrap_or_default(), &image)?;
            bytes.extend(hash.0);
            bytes.extend((new.len() as u64).to_be_bytes());
            places.push((*hash, bytes.len() as i64, new.len() as i64));
            bytes.extend(new);
        }
        let name = Sha256::of(&bytes).to_string();
        self.objects().put(vec![(name.clone(), bytes)]).await?;
        let note = "sealed again, each image under its own key";
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                for (hash, start, size) in &places {
                    tx.run(MOVE, values![self.site(), *hash, &name, *start, *size, pack]).await?;
                }
                tx.run(OLD_PACK, values![self.site(), pack, self.now(), by, note]).await?;
                tx.commit().await
            })
        })
        .await?;
        Ok(pieces.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image that an older program sealed under the site's key gets a key of its own.
    #[tokio::test]
    async fn older_images_get_their_own_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
        let config = StoreConfig {
            database: place("site.db"),
            blobs: place("images"),
            key_file: folder.path().join("key"),
            site: "main".into(),
            clock: crate::clock::Clock::fixed("2026-11-28T12:00:00Z").unwrap(),
            chart: crate::post::Chart::default(),
        };
        let store = Store::create(&config).await.unwrap();
        let ada = UserName("ada".into());
        store.add_user(&ada, &[Role::Admin], &UserName("remit".into())).await.unwrap();
        let hash = Sha256::of(b"image");
        let sealed = store.keys().seal(&["blobs", &hash.to_string()], b"image").unwrap();
        let mut pack = hash.0.to_vec();
        pack.extend((sealed.len() as u64).to_be_bytes());
        let start = pack.len() as i64;
        pack.extend(&sealed);
        let name = Sha256::of(&pack).to_string();
        store.objects().put(vec![(name.clone(), pack)]).await.unwrap();
        let mut tx = store.db().write().await.unwrap();
        let row = values![store.site(), hash, &name, start, sealed.len() as i64];
        tx.run("insert into blobs (site, hash, pack, start, size) values ($1, $2, $3, $4, $5)", row).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.blob(hash).await.unwrap(), b"image");
        let done = store.reseal(&ada).await.unwrap();
        assert_eq!((done.images, store.blob(hash).await.unwrap().as_slice()), (1, &b"image"[..]));
        assert!(!std::path::Path::new(&place("images")).join(format!("{name}.pack")).exists(), "the old pack is gone");
        assert_eq!(store.object_keys(vec![hash]).await.unwrap().len(), 1);
        assert_eq!(store.reseal(&ada).await.unwrap().images, 0, "once");
        assert_eq!(store.verify(true).await.unwrap().1, vec![]);
    }
}
