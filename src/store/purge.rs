//! The purge of what was kept long enough: the images of finished batches, the files that brought them as they came, and the
//! files that took them to the bank. Each object's own key is destroyed, so that no copy of a pack brings it back, and each
//! leaves its hash and size on record, so that the chains still verify and the same file is known again. Readings, decisions
//! and books stay. Nothing goes that a batch still needs, or that somebody holds for a court.

use std::collections::BTreeMap;

use super::audit::Event;
use super::db::{Bulk, Kind, Tx, sql, values};
use super::*;
use crate::domain::{BatchEvent, Day, Role, Sha256};

/// What a purge takes away.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Purge {
    pub batches: u64,
    pub images: u64,
    /// Bank files and indexes of trays, as they came.
    pub files: u64,
    /// Of images and files.
    pub bytes: u64,
    /// Files for the bank, below the site's folder: whoever keeps that folder takes them away.
    pub deposit_files: Vec<String>,
    /// Batches that would be due, but somebody holds them.
    pub held: Vec<BatchId>,
    /// Batches that are over, whatever their age: the bank confirmed their deposits, the billing system its file of them, and
    /// nothing in them waits. They are `archived` from now on.
    pub archived: u64,
    /// Something goes, and the database is a server's: its write-ahead log, and whatever was archived of it, holds the sealed
    /// keys of that until it is recycled.
    pub in_server_log: bool,
}

/// A file as it came that was purged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurgedFile {
    pub at: String,
    pub by: UserName,
}

/// A batch that is finished. What a bank took by itself goes into no deposit of ours: posted, it is at its end.
macro_rules! finished {
    () => {
        "(b.state in ('deposited', 'archived', 'void') or (b.state = 'posted' and b.origin in ('lockbox', 'bank-file')))"
    };
}
/// A batch that is not over: not finished, too young (`$2` is the day), or held for a court.
macro_rules! needed {
    () => {
        concat!(
            "(b.date >= $2 or not ",
            finished!(),
            " or exists (select 1 from legal_holds h
          where h.site = b.site and h.subject = b.id and h.released_at is null))"
        )
    };
}
/// Another file that is kept, and not among those that go (`$3`), is partly the same.
macro_rules! in_another_file {
    ($hash:literal) => {
        concat!("exists (select 1 from kept_files o where o.site = $1 and o.hash = ", $hash, " and not (o.sha256 any_of($3))
            and not exists (select 1 from purges u where u.site = o.site and u.class = 'file' and u.subject = o.sha256))")
    };
}

sql! {
    /// Batches in which nothing is left to do, and of which both the bank and the billing system agree with the books.
    OVER = "select b.id from batches b where b.site = $1
        and (b.state = 'deposited' or (b.state = 'posted' and b.origin in ('lockbox', 'bank-file')))
        and exists (select 1 from posting_files f where f.site = b.site and f.batch = b.id and f.state = 'proved')
        and not exists (select 1 from transactions t where t.site = b.site and t.batch = b.id
                        and t.state not in ('posted', 'rejected', 'void'))
        and not exists (select 1 from exceptions e where e.site = b.site and e.batch = b.id and e.decided_by is null
                        and not exists (select 1 from transactions t where t.site = e.site and t.id = e.transaction_id
                                        and t.state in ('rejected', 'void')))
        and not exists (select 1 from documents d cross join deposit_items i cross join deposits p
                        where d.site = b.site and d.batch = b.id and i.site = d.site and i.document = d.id
                        and p.site = i.site and p.id = i.deposit and p.state <> 'acknowledged')
        order by b.id";
    /// Batches whose time is over, with whether a legal hold lies on them.
    DUE = concat!("select b.id, (select count(*) from legal_holds h where h.site = b.site and h.subject = b.id
               and h.released_at is null)
           from batches b where b.site = $1 and b.date < $2 and ", finished!(), "
           and exists (select 1 from documents d cross join images i cross join blobs k
                       where d.site = b.site and d.batch = b.id and i.site = d.site and i.document = d.id
                       and k.site = i.site and k.hash = i.hash)
           order by b.id");
    /// Files all of whose batches are over; of one that brought none, its coming is what counts. Of a file that an older
    /// program kept it is not known what it brought: it waits for everything that had come by then.
    FILES_DUE = concat!("select k.sha256, (select cast(sum(a.size) as bigint) from kept_files a
               where a.site = k.site and a.sha256 = k.sha256),
           coalesce((select min(r.name) from file_receipts f join receipts r on r.site = f.site and r.id = f.receipt
                     where f.site = k.site and f.sha256 = k.sha256),
                    (select min(x.name) from refusals x where x.site = k.site and x.sha256 = k.sha256), '')
           from kept_files k where k.site = $1 and k.place = 1
           and not exists (select 1 from purges u where u.site = k.site and u.class = 'file' and u.subject = k.sha256)
           and not exists (select 1 from file_receipts f cross join batches b where f.site = k.site
                           and f.sha256 = k.sha256 and b.site = f.site and b.receipt = f.receipt and ", needed!(), ")
           and (k.came_at < $2 or (k.traced and exists (select 1 from file_receipts f
                                                        where f.site = k.site and f.sha256 = k.sha256)))
           and (k.traced or not exists (select 1 from receipts r join batches b on b.site = r.site and b.receipt = r.id
                                        where r.site = k.site and r.at <= k.came_at and ", needed!(), "))
           order by k.sha256");
    /// Files that the bank confirmed, with all of whose checks it is over.
    DEPOSITS_DUE = concat!("select d.id, d.file, d.sha256 from deposits d
           where d.site = $1 and d.date < $2 and d.state = 'acknowledged' and d.file is not null and d.sha256 is not null
           and not exists (select 1 from purges u where u.site = d.site and u.class = 'deposit' and u.subject = d.id)
           and not exists (select 1 from deposit_items i join documents x on x.site = i.site and x.id = i.document
                           join batches b on b.site = x.site and b.id = x.batch
                           where i.site = d.site and i.deposit = d.id and ", needed!(), ")
           order by d.id");
    IMAGES_OF = concat!("select distinct i.hash, k.pack, k.size from documents d cross join images i cross join blobs k
        where d.site = $1 and d.batch any_of($2) and i.site = d.site and i.document = d.id
        and k.site = i.site and k.hash = i.hash
        and not exists (select 1 from images o join documents e on e.site = o.site and e.id = o.document
                        where o.site = i.site and o.hash = i.hash and not (e.batch any_of($2)))
        and not ", in_another_file!("i.hash"), " order by i.hash");
    PIECES_OF = concat!("select distinct p.hash, k.pack, k.size from kept_files p cross join blobs k
        where p.site = $1 and p.sha256 any_of($3) and k.site = p.site and k.hash = p.hash
        and not exists (select 1 from images o join documents e on e.site = o.site and e.id = o.document
                        where o.site = p.site and o.hash = p.hash and not (e.batch any_of($2)))
        and not ", in_another_file!("p.hash"), " order by p.hash");
    IN_PACKS = "select hash, pack, start, size from blobs where site = $1 and pack any_of($2) order by pack, start";
    MOVE_BLOB = "update blobs set pack = $3, start = $4 where site = $1 and hash = $2";
    DROP_BLOBS = "delete from blobs where site = $1 and hash any_of($2)";
    DROP_KEYS = "delete from object_keys where site = $1 and hash any_of($2)";
    LAST_PURGE = "select max(number) from purges where site = $1";
    OLD_PACKS = "select subject from purges where site = $1 and class = 'pack'";
    NAMED_PACKS = "select distinct pack from blobs where site = $1";
    PURGED_FILE = "select at, by_user from purges where site = $1 and class = 'file' and subject = $2";
    PURGED_DEPOSITS = "select note from purges where site = $1 and class = 'deposit' order by number";
    PURGED_DEPOSIT = "select count(*) from purges where site = $1 and class = 'deposit' and subject = $2";
}

const ADD_PURGES: Bulk = Bulk {
    table: "purges",
    columns: &[
        ("site", Kind::Text),
        ("number", Kind::Int),
        ("class", Kind::Text),
        ("subject", Kind::Text),
        ("hash", Kind::Text),
        ("size", Kind::Int),
        ("at", Kind::Text),
        ("by_user", Kind::Text),
        ("note", Kind::Text),
    ],
    tail: "on conflict (site, class, subject) do nothing",
};

/// One line of the record: class, subject, hash, size, note.
type Gone = (&'static str, String, String, i64, String);

impl Store {
    /// Takes the images of finished batches before a day away, and the files that brought them: their packs are written again
    /// without them, their keys are destroyed, and each leaves its hash and size on record. Readings, decisions and books
    /// stay. Batches in which nothing is left to do are archived, also where nothing is taken away. Without `really` it only
    /// says what it would take.
    pub async fn purge(&self, before: Day, really: bool, by: &UserName) -> Result<Purge, StoreError> {
        let purge = self.again(|| Box::pin(self.purge_now(before, really, by))).await?;
        // Only now, when no row names them; a crash before these lines is mended by the next purge.
        if really {
            self.sweep_packs().await?;
            self.db().write_anew("object_keys").await?;
        }
        Ok(purge)
    }

    async fn purge_now(&self, before: Day, really: bool, by: &UserName) -> Result<Purge, StoreError> {
        let mut tx = self.db().write().await?;
        self.may(&mut tx, by, &[Role::Admin]).await?;
        let mut purge = Purge::default();
        let over: Vec<BatchId> = tx
            .rows(OVER, values![self.site()])
            .await?
            .iter()
            .map(|row| row.parsed(0, "batch"))
            .collect::<Result<_, _>>()?;
        purge.archived = over.len() as u64;
        let mut due = Vec::new();
        for row in tx.rows(DUE, values![self.site(), before]).await? {
            match row.int(1)? {
                0 => due.push(row.text(0)?),
                _ => purge.held.push(row.parsed(0, "batch")?),
            }
        }
        let mut record: Vec<Gone> = Vec::new();
        let mut files = Vec::new();
        for row in tx.rows(FILES_DUE, values![self.site(), before]).await? {
            let file = row.text(0)?;
            record.push(("file", file.clone(), file.clone(), row.int(1)?, row.text(2)?));
            files.push(file);
        }
        for row in tx.rows(DEPOSITS_DUE, values![self.site(), before]).await? {
            purge.deposit_files.push(row.text(1)?);
            record.push(("deposit", row.text(0)?, row.text(2)?, 0, row.text(1)?));
        }
        purge.batches = due.len() as u64;
        purge.files = files.len() as u64;
        let mut going: BTreeMap<String, i64> = BTreeMap::new();
        let mut packs: Vec<String> = Vec::new();
        for row in tx.rows(IMAGES_OF, values![self.site(), due.clone(), files.clone()]).await? {
            record.push(("image", row.text(0)?, row.text(0)?, row.int(2)?, String::new()));
            going.insert(row.text(0)?, row.int(2)?);
            packs.push(row.text(1)?);
        }
        purge.images = going.len() as u64;
        for row in tx.rows(PIECES_OF, values![self.site(), due, files]).await? {
            going.insert(row.text(0)?, row.int(2)?);
            packs.push(row.text(1)?);
        }
        packs.sort();
        packs.dedup();
        purge.bytes = going.values().map(|size| *size as u64).sum();
        purge.in_server_log = !tx.is_sqlite() && !going.is_empty();
        if !really {
            return Ok(purge);
        }
        self.archive(&mut tx, &over, by).await?;
        if going.is_empty() && record.is_empty() {
            tx.commit().await?;
            return Ok(purge);
        }
        self.write_packs_without(&mut tx, &going, &packs).await?;
        record.extend(packs.into_iter().map(|pack| ("pack", pack.clone(), pack, 0, String::new())));
        let mut number = tx.number(LAST_PURGE, values![self.site()]).await?;
        let at = self.now();
        let mut rows = Vec::new();
        for (class, subject, hash, size, note) in record {
            number += 1;
            rows.push(values![self.site(), number, class, subject, hash, size, &at, by, note]);
        }
        tx.insert(&ADD_PURGES, rows).await?;
        // Without their keys nobody opens them, wherever a copy of a pack still is.
        let gone: Vec<String> = going.into_keys().collect();
        for sql in [DROP_BLOBS, DROP_KEYS] {
            tx.run(sql, values![self.site(), gone.clone()]).await?;
        }
        let note = format!(
            "{} images, {} files as they came, {} bytes, {} files for the bank, before {before}",
            purge.images,
            purge.files,
            purge.bytes,
            purge.deposit_files.len()
        );
        let id = before.to_string();
        let event = Event::said(by, "purge", "images", &id, &note);
        self.record(&mut tx, event).await?;
        tx.commit().await?;
        Ok(purge)
    }

    async fn archive(&self, tx: &mut Tx, over: &[BatchId], by: &UserName) -> Result<(), StoreError> {
        for batch in over {
            self.move_batch(tx, batch, BatchEvent::Archive).await?;
            let note = "deposited and confirmed, posted and proved, nothing waits";
            self.record(tx, Event::said(by, "archive", "batch", batch.as_str(), note)).await?;
        }
        Ok(())
    }

    /// What stays of these packs, one pack for each; durable before any row names it.
    async fn write_packs_without(
        &self,
        tx: &mut Tx,
        going: &BTreeMap<String, i64>,
        packs: &[String],
    ) -> Result<(), StoreError> {
        let mut staying: BTreeMap<String, Vec<(Sha256, u64, usize)>> = BTreeMap::new();
        for row in tx.rows(IN_PACKS, values![self.site(), packs.to_vec()]).await? {
            if !going.contains_key(&row.text(0)?) {
                let piece = (row.parsed(0, "blob")?, row.int(2)? as u64, row.count(3)? as usize);
                staying.entry(row.text(1)?).or_default().push(piece);
            }
        }
        for (pack, pieces) in staying {
            let wanted = pieces.iter().map(|(_, start, size)| (pack.clone(), *start, *size)).collect();
            let sealed = self.objects().get(wanted).await?;
            let mut bytes = Vec::new();
            let mut places = Vec::new();
            for ((hash, ..), sealed) in pieces.iter().zip(sealed) {
                bytes.extend(hash.0);
                bytes.extend((sealed.len() as u64).to_be_bytes());
                places.push((*hash, bytes.len() as i64));
                bytes.extend(sealed);
            }
            let name = Sha256::of(&bytes).to_string();
            self.objects().put(vec![(name.clone(), bytes)]).await?;
            for (hash, start) in places {
                tx.run(MOVE_BLOB, values![self.site(), hash, &name, start]).await?;
            }
        }
        Ok(())
    }

    /// Takes packs away whose content was purged or sealed again, and that no row names any more.
    pub(super) async fn sweep_packs(&self) -> Result<(), StoreError> {
        let mut tx = self.db().read().await?;
        let mut old = Vec::new();
        for row in tx.rows(OLD_PACKS, values![self.site()]).await? {
            old.push(row.text(0)?);
        }
        for row in tx.rows(NAMED_PACKS, values![self.site()]).await? {
            let named = row.text(0)?;
            old.retain(|p| *p != named);
        }
        // Ended, not dropped: a server keeps deleted rows as long as anybody may still see them.
        tx.commit().await?;
        self.objects().remove(&old).await
    }

    /// When a file as it came was purged, and by whom; `None` where it was not.
    pub async fn purged_file(&self, sha256: Sha256) -> Result<Option<PurgedFile>, StoreError> {
        let mut tx = self.db().read().await?;
        let row = tx.first(PURGED_FILE, values![self.site(), sha256]).await?;
        row.map(|row| Ok(PurgedFile { at: row.text(0)?, by: UserName(row.text(1)?) })).transpose()
    }

    /// Files for the bank that purges took, below the site's folder.
    pub async fn purged_deposit_files(&self) -> Result<Vec<String>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(PURGED_DEPOSITS, values![self.site()]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    pub async fn deposit_file_is_purged(&self, deposit: &DepositId) -> Result<bool, StoreError> {
        let mut tx = self.db().read().await?;
        Ok(tx.number(PURGED_DEPOSIT, values![self.site(), deposit]).await? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::objects::Objects;
    use super::*;

    /// Wherever the packs are kept: what goes is gone with its key, what stays opens from a pack written anew, the old pack is
    /// taken away, and a second purge finds nothing to do.
    async fn what_goes_is_gone(objects: Objects) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
        let config = StoreConfig {
            database: place("site.db"),
            blobs: "memory:".into(),
            key_file: folder.path().join("key"),
            site: "main".into(),
            clock: crate::clock::Clock::fixed("2026-11-28T12:00:00Z").unwrap(),
            chart: crate::post::Chart::default(),
        };
        Store::create(&config).await.unwrap().close().await;
        let keys = Keys::load(&config.key_file, &config.site).unwrap();
        let db = Db::connect(&config.database, false).await.unwrap();
        let store = Store::over(&config, db, keys, objects).await.unwrap();
        store.begin_sealing().await.unwrap();
        let root = UserName("root".into());
        store.add_user(&root, &[Role::Admin], &UserName("remit".into())).await.unwrap();
        let [going, staying] = [&b"a bank's file"[..], b"another one's"].map(|b| (Sha256::of(b), b.to_vec()));
        store.put_blobs(vec![going.clone(), staying.clone()]).await.unwrap();
        store.keep_file(going.0, &[(going.0, going.1.len())]).await.unwrap();
        let packs = async || {
            let mut tx = store.db().read().await.unwrap();
            let rows = tx.rows(NAMED_PACKS, values![store.site()]).await.unwrap();
            rows.iter().map(|r| r.text(0).unwrap()).collect::<Vec<_>>()
        };
        let old = packs().await;
        let before: Day = "2026-12-01".parse().unwrap();
        let would = store.purge(before, false, &root).await.unwrap();
        assert_eq!((would.files, would.images, old.len()), (1, 0, 1), "{would:?}");
        assert_eq!(store.blob(going.0).await.unwrap(), going.1, "only asked");
        assert_eq!(store.purge(before, true, &root).await.unwrap(), would);
        assert!(matches!(store.blob(going.0).await, Err(StoreError::NoBlob { .. })));
        assert_eq!(store.blob(staying.0).await.unwrap(), staying.1);
        let new = packs().await;
        assert!(new.len() == 1 && new != old, "{new:?}");
        let there = |pack: &str| store.objects().get(vec![(pack.to_string(), 0, 1)]);
        assert!(there(&old[0]).await.is_err(), "the old pack is still there");
        assert!(there(&new[0]).await.is_ok());
        assert_eq!(store.purge(before, true, &root).await.unwrap().files, 0, "once");
        assert_eq!(store.verify(true).await.unwrap().1, vec![]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_purge_does_its_work_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        what_goes_is_gone(Objects::connect(folder.path().to_str().unwrap(), true).unwrap()).await;
    }

    #[cfg(feature = "s3")]
    #[tokio::test]
    async fn a_purge_does_its_work_in_a_bucket() {
        for prefix in ["", "power/images"] {
            what_goes_is_gone(Objects::Bucket(super::super::objects::bucket::Bucket::in_memory(prefix))).await;
        }
    }
}
