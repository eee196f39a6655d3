//! After a purge nothing of what was purged is left: not in the site's folder, not in the database, not through an old copy
//! of the packs, not through the next backup. What may be kept is found as before.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn s27_a_purge_shreds_what_is_old_and_the_site_still_verifies() {
    let h = Harness::new().await;
    let root = UserName("root".into());
    h.office.add_user(&root, &[Role::Admin]).await.unwrap();
    // Pictures of a bank file, whose batch is void.
    let letter_bytes = std::fs::read(samples().join("cash-letter.x9")).unwrap();
    h.take(&samples().join("cash-letter.x9")).await.unwrap();
    let letter = h.office.batches().await.unwrap().remove(0);
    let batch = h.office.find_batch(letter.id.as_str()).await.unwrap();
    h.office.void(&batch, "the wrong file", &h.sven).await.unwrap();
    h.take(&samples().join("batches").join("b0001")).await.unwrap();
    h.take(&samples().join("batches").join("b0002")).await.unwrap();
    let mut heads = h.office.batches().await.unwrap();
    heads.retain(|b| b.id != letter.id);
    h.finish(heads[0].id.as_str()).await;
    h.office.make_deposit(heads[0].date, None, &h.sven).await.unwrap();
    let deposit = h.office.deposits().await.unwrap().remove(0);
    let (site, before) = (h.folder.path().join("site"), heads[0].date.plus_days(1));
    let for_bank = site.join(deposit.file.as_deref().unwrap());
    let store = h.office.store();
    let index = std::fs::read(samples().join("batches/b0001/index.csv")).unwrap();
    let (whole, tray) = (Sha256::of(&letter_bytes), Sha256::of(&index));
    assert!(!store.kept_file(whole).await.unwrap().is_empty() && !store.kept_file(tray).await.unwrap().is_empty());
    // As an old backup of the packs would be; and the keys of all that goes.
    let stolen = h.folder.path().join("stolen");
    copy(&site.join("images"), &stolen, |_| true);
    let documents = store.documents(&heads[0].id).await.unwrap();
    let images =
        |documents: &[Document]| -> Vec<Sha256> { documents.iter().flat_map(|d| &d.images).map(|i| i.hash).collect() };
    let others = images(&store.documents(&heads[1].id).await.unwrap());
    let of_letter = images(&store.documents(&letter.id).await.unwrap());
    let mut gone = images(&documents);
    gone.retain(|hash| !others.contains(hash));
    gone.extend(store.kept_file(whole).await.unwrap().into_iter().chain([tray]).chain(of_letter.iter().copied()));
    let keys = sealed_keys(&site, &gone).await;
    let plain = store.blobs(&gone).await.unwrap();

    assert!(store.purge(before, true, &h.sven).await.is_err(), "no administrator");
    store.hold_for_court(&heads[0].id, "case 7", &root).await.unwrap();
    // What is held stays, with the file that brought it and the one that took it to the bank.
    let held = h.office.purge(before, true, &root).await.unwrap();
    assert_eq!((held.held.as_slice(), held.files), (std::slice::from_ref(&heads[0].id), 1), "{held:?}");
    assert!(held.images > 0 && held.deposit_files.is_empty() && for_bank.exists(), "{held:?}");
    store.blob(tray).await.unwrap();
    store.blob(documents[0].images[0].hash).await.unwrap();
    store.release_hold(&heads[0].id, &root).await.unwrap();
    // A deposit that the bank did not confirm may have to be sent again.
    assert!(h.office.purge(before, false, &root).await.unwrap().deposit_files.is_empty());
    let right = remit::pipeline::Totals { count: deposit.count, total: deposit.total };
    h.office.acknowledge_deposit(&deposit, right, "keyed", &h.sven).await.unwrap();
    let would = h.office.purge(before, false, &root).await.unwrap();
    assert!(would.images > 10 && would.files == 1 && for_bank.exists(), "{would:?}");
    assert_eq!(would.deposit_files, [deposit.file.clone().unwrap()]);
    assert_eq!(h.office.purge(before, true, &root).await.unwrap(), would);
    assert!(!for_bank.exists(), "the file for the bank is still there");
    let again = h.office.purge(before, true, &root).await.unwrap();
    assert_eq!((again.images, again.files, again.deposit_files.len()), (0, 0, 0), "once");

    // No picture, file or key is left, in the clear or sealed, also where somebody brings the old packs back.
    copy(&stolen, &site.join("images"), |_| true);
    for hash in &gone {
        assert!(store.blob(*hash).await.is_err(), "{hash} opens again");
    }
    assert!(sealed_keys(&site, &gone).await.is_empty());
    let backup = h.folder.path().join("after.backup");
    store.backup(&site, &backup).await.unwrap();
    let restored = h.folder.path().join("restored");
    let key = h.office.site.key_file.clone();
    remit::store::Store::restore(&backup, &restored, &key, &h.office.site.config.site.id).unwrap();
    std::fs::create_dir_all(restored.join("keys")).unwrap();
    std::fs::copy(&key, restored.join("keys/site.key")).unwrap();
    let later = Office::open(Site::at(&restored, "", None, None).unwrap(), h.office.clock).await.unwrap();
    for hash in &gone {
        assert!(later.store().blob(*hash).await.is_err(), "the next backup brings {hash} back");
    }
    later.store().close().await;

    // The record names them; the same file and the same tray again are known, and are not kept a second time.
    let record = store.purged_file(whole).await.unwrap().expect("a record of the purge");
    assert_eq!(record.by, root);
    let refused = h.office.save_kept(whole, &h.folder.path().join("letter")).await;
    assert!(refused.unwrap_err().to_string().contains("root took file"));
    let state = h.state().await;
    for again in ["cash-letter.x9", "batches/b0001"] {
        let taken = h.take(&samples().join(again)).await.unwrap();
        assert!(taken.iter().all(|t| matches!(t, Taken::Already { .. })), "{again}: {taken:?}");
    }
    assert_eq!(h.state().await, state);
    for hash in &gone {
        assert!(store.blob(*hash).await.is_err(), "{hash} is kept again");
    }
    // Payments are found by what stays: their readings, decisions and books.
    assert!(!store.readings(&heads[0].id).await.unwrap()[&documents[0].id].is_empty());
    let paid = store.transactions(&heads[0].id).await.unwrap();
    let paid = paid.iter().find(|t| t.state == TransactionState::Posted).unwrap();
    let account = paid.applications.iter().find_map(|a| a.account.as_ref()).unwrap();
    for words in [paid.received.unwrap().to_string(), account.reveal().to_string()] {
        let found = h.office.search(&words).await.unwrap();
        assert!(found.iter().any(|f| f.transaction == paid.id), "a purged payment is not found");
    }
    // The other batch, which is not finished, keeps all of its images.
    store.blobs(&others).await.unwrap();
    h.finish(heads[1].id.as_str()).await;
    h.office.make_deposit(heads[1].date, None, &h.sven).await.unwrap();
    assert_eq!(h.office.billing_files().await.unwrap().len(), 2, "the books of both are there");
    let proof = h.office.verify(true).await.unwrap();
    assert!(proof.findings.is_empty(), "{:?}", proof.findings);

    // The bytes themselves, once the database has folded its log.
    store.close().await;
    let mut files = Vec::new();
    below(&site, &mut files);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let pieces = plain.iter().filter(|p| p.len() >= 400).map(|p| &p[200..264]).chain(keys.iter().map(|k| &k[..]));
        for piece in pieces {
            let there = bytes.windows(piece.len()).any(|w| w[0] == piece[0] && w == piece);
            assert!(!there, "{} holds something of what was purged", file.display());
        }
    }
}

/// A bank's file whose checks the bank took itself is over when it is posted: it goes into no deposit of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_banks_own_file_is_over_when_it_is_posted() {
    let h = Harness::new().await;
    let root = UserName("root".into());
    h.office.add_user(&root, &[Role::Admin]).await.unwrap();
    let asked = TakeIn { origin: None, ..h.asked() };
    for source in station::sources(&samples().join("lockbox.txt")).unwrap() {
        h.office.take_in(&source, &asked).await.unwrap();
    }
    h.office.run_jobs(|_| ()).await.unwrap();
    let file = Sha256::of(&std::fs::read(samples().join("lockbox.txt")).unwrap());
    let before = h.office.batches().await.unwrap()[0].date.plus_days(1);
    let files = async || h.office.purge(before, true, &root).await.unwrap().files;
    assert_eq!(files().await, 0, "it is still worked on");
    for head in h.office.batches().await.unwrap() {
        h.finish(head.id.as_str()).await;
        assert_eq!(h.office.find_batch(head.id.as_str()).await.unwrap().state, BatchState::Posted);
    }
    assert_eq!((files().await, files().await), (1, 0));
    assert_eq!(h.office.store().purged_file(file).await.unwrap().map(|p| p.by), Some(root.clone()));
    h.close().await;
}

/// The sealed keys of these objects, as they stand in the database.
async fn sealed_keys(site: &Path, hashes: &[Sha256]) -> Vec<Vec<u8>> {
    use sqlx::{Connection as _, Row as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.join("remit.db")).read_only(true);
    let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query("select hash, sealed from object_keys").fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    let names: Vec<String> = hashes.iter().map(ToString::to_string).collect();
    rows.iter().filter(|r| names.contains(&r.get::<String, _>(0))).map(|r| r.get(1)).collect()
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { below(&path, files) } else { files.push(path) }
    }
}
