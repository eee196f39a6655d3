//! Taking in, in Chromium: a folder chosen, a bank's file dropped, the scanner's folder as it fills, and how far the reading is.

use super::*;

/// What a station wrote for a batch: its images and its index.
fn tray(batch: &str) -> Vec<PathBuf> {
    let folder = samples().join("batches").join(batch);
    let ours = |p: &PathBuf| p.extension().is_some_and(|e| e == "tif" || e == "jpg") || p.ends_with("index.csv");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).filter(|p| ours(p)).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_come_in_by_every_way() {
    let Some(driver) = Driver::start().await else { return };
    let house = House::new("[capture]\nwatched = \"hot\"\nquiet_seconds = 0\n").await;
    let (olga, _) = house.signed_in("olga").await;
    let base = serving(&house).await;
    driver.as_person(&base, &olga).await;
    let store = house.office.store();
    let named = async |name: &str| {
        store.batches().await.unwrap().into_iter().find(|b| b.batch.name == name).unwrap_or_else(|| panic!("no {name}"))
    };

    let ready = "document.activeElement.id === 'take' && !document.activeElement.disabled";
    // Files chosen, with the tape's figures; when they are up, the focus stands on what takes them in.
    driver.at(&format!("{base}/capture"), "#take:disabled").await;
    let files = tray("b0001");
    driver.choose_files("#pick-files", &files).await;
    driver.until(ready).await;
    assert_eq!(driver.text("#tray-says").await, format!("{0} of {0} files in the tray", files.len()));
    for (field, words) in [("name", "morning"), ("count", "17"), ("total", "5990.30")] {
        driver.run(&format!("document.querySelector('#tray-form [name={field}]').focus()")).await;
        driver.keys(words).await;
    }
    driver.keys("\u{e007}").await;
    driver.until("/Taken in/.test(document.querySelector('#taken').textContent)").await;
    driver.until("/^0 of 34$/.test((document.querySelector('#reading .hint') || {}).textContent || '')").await;
    driver.looked_at("capture-reading").await;
    let morning = named("morning").await.batch;
    assert_eq!((morning.declared.count, morning.declared.total.unwrap().to_string()), (Some(17), "5990.30".into()));
    // It is read; the page hears of it by itself.
    house.office.run_jobs(|_| ()).await.unwrap();
    driver.until("/Everything is read/.test(document.querySelector('#reading').textContent)").await;

    // A bank's file dropped on the tray, with what stands in it; the same once more changes nothing.
    let text = std::fs::read_to_string(samples().join("lockbox.txt")).unwrap();
    for says in ["Taken in", "This was taken in before; nothing changed"] {
        let drop = format!(
            "const all = new DataTransfer(); all.items.add(new File([{}], 'lockbox.txt')); \
             const fall = (what) => document.querySelector('#tray').dispatchEvent(new DragEvent(what, {{ dataTransfer: all, bubbles: true, cancelable: true }})); \
             const held = !fall('dragover'); const over = document.querySelector('#tray').classList.contains('over'); fall('drop'); \
             return [held, over, document.querySelector('#tray').classList.contains('over')]",
            js!(text)
        );
        // While it hangs over the tray it is shown that it would be taken.
        assert_eq!(driver.run(&drop).await, js!([true, true, false]));
        driver.until(ready).await;
        driver.keys("\u{e007}").await;
        driver.until(&format!("/{says}/.test(document.querySelector('#taken').textContent)")).await;
        driver.until("/tray is empty again/.test(document.querySelector('#tray-says').textContent)").await;
    }
    assert_eq!(store.batches().await.unwrap().len(), 2);
    house.office.run_jobs(|_| ()).await.unwrap();

    // What cannot be taken is said with its name, and what was begun can be gone on with.
    driver
        .run("const all = new DataTransfer(); all.items.add(new File(['x'], 'a b.tif')); \
              document.querySelector('#tray').dispatchEvent(new DragEvent('drop', { dataTransfer: all, bubbles: true, cancelable: true }))")
        .await;
    driver.told("a b.tif: This file name is not taken").await;
    assert!(driver.text("#tray-says").await.contains("drop the folder again"));

    // The scanner's folder as it fills, looked at by nobody but the page itself.
    let hot = house.office.site.folder.join("hot").join("tray7");
    std::fs::create_dir_all(&hot).unwrap();
    let (index, images): (Vec<_>, Vec<_>) = tray("b0002").into_iter().partition(|f| f.ends_with("index.csv"));
    let copy = |file: &PathBuf| std::fs::copy(file, hot.join(file.file_name().unwrap())).unwrap();
    copy(&images[0]);
    driver.until("/tray7.*1 files.*being filled/s.test(document.querySelector('#watched').textContent)").await;
    for image in &images[1..] {
        copy(image);
    }
    let all = format!("/{} files.*being filled/s.test(document.querySelector('#watched').textContent)", images.len());
    driver.until(&all).await;
    copy(&index[0]);
    driver.until("!!document.querySelector('#watched button')").await;
    driver.run("document.querySelector('#watched button').focus()").await;
    driver.keys("\u{e007}").await;
    driver.told("Taken in").await;
    assert!(driver.text("#watched").await.contains("taken in"));
    house.office.run_jobs(|_| ()).await.unwrap();
    assert_eq!(named("tray7").await.documents, 22);
    house.verified().await;
    driver.end().await;
}
