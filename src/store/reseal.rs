//! Sealing again under the newest key whatever older keys sealed: the packs of images, and every sealed column. A page at a
//! time, each in its own transaction and compared with what was read, so that it may stop anywhere and go on later; each
//! value is opened again before it is kept.

use super::audit::Event;
use super::db::{sql, values};
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
            done.images += self.reseal_pack(&row.text(0)?, key, by).await?;
        }
        self.sweep_packs().await?;
        if done.values + done.images > 0 {
            let (id, note) = (key.to_string(), format!("{} values, {} images", done.values, done.images));
            let event = || Event { by, what: "reseal", noun: "key", id: &id, before: None, after: None, note: &note };
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

    /// Writes a pack again, when any of it is under an older key. The old file goes when no row names it any more.
    async fn reseal_pack(&self, pack: &str, key: u8, by: &UserName) -> Result<u64, StoreError> {
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
        if numbers.iter().all(|n| n.first() == Some(&key)) {
            return Ok(0);
        }
        let sealed = self.objects().get(wanted(|whole| whole)).await?;
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for ((hash, ..), old) in pieces.iter().zip(sealed) {
            let image = self.keys().open_named(*hash, &old)?;
            if Sha256::of(&image) != *hash {
                return Err(StoreError::damaged(format!("image {hash}"), "its bytes have another hash"));
            }
            let new = self.keys().seal_named(*hash, &image)?;
            bytes.extend(hash.0);
            bytes.extend((new.len() as u64).to_be_bytes());
            places.push((*hash, bytes.len() as i64, new.len() as i64));
            bytes.extend(new);
        }
        let name = Sha256::of(&bytes).to_string();
        self.objects().put(vec![(name.clone(), bytes)]).await?;
        let note = format!("sealed again under key {key}");
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                for (hash, start, size) in &places {
                    tx.run(MOVE, values![self.site(), *hash, &name, *start, *size, pack]).await?;
                }
                tx.run(OLD_PACK, values![self.site(), pack, self.now(), by, &note]).await?;
                tx.commit().await
            })
        })
        .await?;
        Ok(pieces.len() as u64)
    }
}
