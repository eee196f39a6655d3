//! S12 to S14: what somebody sees who takes the disk, and that a site opens with its own key only.

use remit::store::*;

use super::site::*;

pub async fn s12_s13_a_stolen_disk_shows_no_account_and_no_image(site: &Site) {
    let s = &site.store;
    s.import_payers(&[payer()], &olga()).await.unwrap();
    let batch = posted(site, "canary", 4).await;
    s.blob(s.documents(&batch).await.unwrap()[0].images[0].hash).await.unwrap();
    // With the log not yet folded, and after closing.
    for step in 0..2 {
        let mut looked = 0u64;
        let mut folders = vec![site.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let bytes = std::fs::read(entry.path()).unwrap();
                looked += bytes.len() as u64;
                let utf16: Vec<u8> = CANARY.bytes().flat_map(|b| [b, 0]).collect();
                for (name, pattern) in [("account", CANARY.as_bytes()), ("account, wide", &utf16), ("image", b"II*\0")]
                {
                    let seen = bytes.windows(pattern.len()).any(|w| w == pattern);
                    assert!(!seen, "{name} stands in {} (step {step})", entry.path().display());
                }
            }
        }
        assert!(looked > 1000);
        s.close().await;
    }
}

pub async fn s14_a_site_opens_with_its_own_key_only(site: &Site) {
    site.store.close().await;
    let again = Store::open(&site.config).await.unwrap();
    assert_eq!(again.users().await.unwrap().len(), 2);
    again.close().await;
    assert!(Store::create(&site.config).await.is_ok(), "making it again completes it");
    let other_site = StoreConfig { site: "other".into(), ..site.config.clone() };
    assert!(matches!(Store::open(&other_site).await, Err(StoreError::Site { .. })));
    let other_key = StoreConfig { key_file: site.folder.path().join("other"), ..site.config.clone() };
    assert!(matches!(Store::open(&other_key).await, Err(StoreError::Key { .. })), "missing");
    std::fs::write(&other_key.key_file, format!("1 {}\n", "ab".repeat(32))).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&other_key.key_file, std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(matches!(Store::open(&other_key).await, Err(StoreError::Key { .. })), "another key");
    let mode = std::fs::metadata(&site.config.key_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    let bucket = StoreConfig { blobs: "s3://bucket/x".into(), ..site.config.clone() };
    #[cfg(not(feature = "s3"))]
    assert!(matches!(Store::open(&bucket).await, Err(StoreError::Unsupported(_))));
    let _ = bucket;
}
