//! Images from outside: who opens them can do nothing else, and a scan that takes another's place does so whole or not at all.

use remit::pipeline::apart::{Helpers, read_here};

use super::*;

/// S18: images are opened by a process that can open nothing; one that dies is replaced and its item is an exception.
#[tokio::test(flavor = "multi_thread")]
async fn images_are_opened_apart() {
    let house = House::new("").await;
    let layouts = house.office.layouts().await.unwrap();
    let helpers = Helpers::new(env!("CARGO_BIN_EXE_remit").into());
    let file = samples().join("batches").join("b0001").join("0001_F.tif");
    let scan = |bytes: Vec<u8>| vec![(ImageRole::Front, "a.tif".to_string(), bytes)];
    let good = scan(std::fs::read(file).unwrap());
    let mut apart = helpers.read(&good, Some(200), None, &layouts).unwrap();
    let mut here = read_here(&good, Some(200), None, &layouts);
    (apart.ms, here.ms) = (0.0, 0.0);
    assert_eq!(apart, here, "the same reading on either side");
    let number = helpers.idle()[0];
    let limits = std::fs::read_to_string(format!("/proc/{number}/limits")).unwrap();
    let limit =
        |what: &str| limits.lines().find(|l| l.starts_with(what)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert!(limit("Max open files").contains(&"3"), "{limits}");
    assert!(limit("Max data size").contains(&"268435456"), "{limits}");
    assert!(limit("Max file size").contains(&"0") && limit("Max core file size").contains(&"0"), "{limits}");
    let status = std::fs::read_to_string(format!("/proc/{number}/status")).unwrap();
    let filtered = status.lines().any(|l| l.split_whitespace().eq(["Seccomp:", "2"]));
    assert!(filtered == helpers.unfiltered().is_none(), "{status}");
    if !filtered {
        println!("** LEFT OUT: this kernel filters no system calls ({}).", helpers.unfiltered().unwrap_or_default());
    }
    let environment = std::fs::read_to_string(format!("/proc/{number}/environ")).unwrap();
    let mut told: Vec<&str> = environment.split_terminator('\0').collect();
    let mut heap = remit::pipeline::heap::SETTINGS.map(|(name, value)| format!("{name}={value}"));
    told.sort();
    heap.sort();
    assert_eq!(told, heap, "no environment but how the heap is kept");
    // A header of 100,000 x 100,000, an image cut short, no image at all.
    let mut bomb =
        b"II*\0\x08\0\0\0\x03\0\0\x01\x04\0\x01\0\0\0\xa0\x86\x01\0\x01\x01\x04\0\x01\0\0\0\xa0\x86\x01\0".to_vec();
    bomb.extend(b"\x11\x01\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0");
    for bytes in [bomb, good[0].2[..300].to_vec(), b"<svg/>".to_vec(), Vec::new()] {
        let started = Instant::now();
        let reading = helpers.read(&scan(bytes), None, None, &layouts).unwrap();
        assert!(!reading.problems.is_empty());
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    // It dies: the next one answers.
    let number = helpers.idle()[0];
    assert!(std::process::Command::new("kill").args(["-KILL", &number.to_string()]).status().unwrap().success());
    let read = helpers.read(&good, Some(200), None, &layouts).unwrap();
    assert!(read.micr.is_some(), "the image is not to blame for a helper that died while it waited");
    // None can be started: the machine's trouble, and no exception of an item.
    assert!(Helpers::new("/bin/false".into()).read(&good, Some(200), None, &layouts).is_err());
    // As on a kernel without filters: it is said, and images are opened all the same, within the limits.
    let (again, image, taught) = (Helpers::new(env!("CARGO_BIN_EXE_remit").into()), good.clone(), layouts.clone());
    let without = move || {
        use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
        let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
        let rules = [(libc::SYS_seccomp, Vec::new())].into();
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, unknown, arch).unwrap();
        // For this thread and what it starts.
        let program: seccompiler::BpfProgram = filter.try_into().unwrap();
        apply_filter(&program).map_err(|e| e.to_string())?;
        let read = again.read(&image, Some(200), None, &taught).unwrap();
        Ok::<_, String>((read.micr.is_some(), again.unfiltered().map(String::from)))
    };
    match std::thread::spawn(without).join().unwrap() {
        Ok((read, why)) => {
            assert!(read && why.as_ref().is_some_and(|w| w.contains("did not take it")), "{read} {why:?}")
        }
        Err(why) => assert!(!filtered, "{why}"),
    }
    // More than it may hold: it ends, and not this process.
    let huge = helpers.picture(&vec![0u8; 63 << 20], remit::imaging::picture::View::default());
    assert!(huge.unwrap().is_err());
    // As banks take them, and as browsers do: the same bytes on either side.
    let (bytes, view) = (&good[0].2, remit::imaging::picture::View { turn: 90, ..Default::default() });
    let for_bank = helpers.for_bank(bytes, 180, 200).unwrap().unwrap();
    assert_eq!(for_bank, remit::truncation::for_bank(bytes, 180, 200).unwrap());
    assert_eq!(helpers.picture(bytes, view).unwrap().unwrap(), remit::imaging::picture::picture(bytes, view).unwrap());
    assert!(helpers.for_bank(b"no image", 0, 200).unwrap().is_err());
}

/// Everything that the site keeps about its papers, as text: two of them are the same when nothing was changed.
async fn kept(shell: &mut sqlx::SqliteConnection) -> String {
    let mut all = String::new();
    for table in ["audit", "batches", "checks", "decisions", "documents", "exceptions", "images", "readings"]
        .iter()
        .chain(&["transaction_documents", "transactions", "applications"])
    {
        let columns = format!("select group_concat('quote(' || name || ')', '||') from pragma_table_info('{table}')");
        let columns: Option<String> = ask(shell, &columns).await;
        let Some(columns) = columns else { continue };
        let rows: Option<String> = ask(
            shell,
            &format!("select group_concat(r, char(10)) from (select {columns} as r from {table} order by 1)"),
        )
        .await;
        all += &format!("{table}: {}\n", rows.unwrap_or_default());
    }
    all
}

async fn ask(shell: &mut sqlx::SqliteConnection, sql: &str) -> Option<String> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_string())).fetch_one(shell).await.unwrap()
}

/// A scan that takes another's place, and each write of it failing once: nothing of it is kept, the desk says so, and the same
/// scan goes in when the database is well again.
#[tokio::test(flavor = "multi_thread")]
async fn a_rescan_that_cannot_be_saved_changes_nothing() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let olga = house.person("olga", &[Role::Operator], false).await;
    let (document, front, scans) = to_be_scanned(&house).await;
    let path = format!("/documents/{document}/rescan?side=front");
    let scan = async |bytes: &[u8]| {
        let built = request("POST", &path, &olga).header("content-type", "application/octet-stream");
        send(&desk, built.header("x-csrf", &olga.csrf).body(Body::from(bytes.to_vec())).unwrap()).await
    };
    let files = std::fs::read_dir(&house.office.site.folder).unwrap().flatten().map(|e| e.path());
    let database = files.into_iter().find(|f| f.extension().is_some_and(|e| e == "db")).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let mut shell = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    let run = async |shell: &mut sqlx::SqliteConnection, sql: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(shell).await.unwrap();
    };
    let picture = async || get(&desk, &format!("/documents/{document}/side/front"), &olga).await.text;
    let (before, shown) = (kept(&mut shell).await, picture().await);
    assert!(before.len() > 10_000, "nothing is compared");
    for (table, what) in [
        ("images", "update"),
        ("images", "insert"),
        ("readings", "insert"),
        ("transactions", "delete"),
        ("transactions", "insert"),
        ("transaction_documents", "delete"),
        ("transaction_documents", "insert"),
        ("decisions", "insert"),
        ("audit", "insert"),
    ] {
        run(
            &mut shell,
            format!("create trigger fault before {what} on {table} begin select raise(abort, 'the disk is full'); end"),
        )
        .await;
        let got = scan(&scans[0]).await;
        run(&mut shell, "drop trigger fault".into()).await;
        let place = format!("{what} of {table}");
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{place}: {}", got.text);
        assert!(got.text.contains("Nothing half-done stays behind") && !got.text.contains("disk is full"), "{place}");
        assert_eq!(kept(&mut shell).await, before, "{place} left something behind");
        assert_eq!(picture().await, shown, "{place}");
    }
    assert_eq!(scan(&scans[0]).await.status, StatusCode::OK);
    assert_ne!(kept(&mut shell).await, before);
    assert_ne!(front_of(&house, &document).await, front);
    house.verified().await;
}

/// A document with the hash of its front, and other pictures that can take its place.
async fn to_be_scanned(house: &House) -> (String, Sha256, Vec<Vec<u8>>) {
    let store = house.office.store();
    let batch = house.office.batches().await.unwrap().remove(0).id;
    let all = store.transactions(&batch).await.unwrap();
    let mut scans = Vec::new();
    for t in &all[2..5] {
        scans.push(store.blob(front_of(house, t.documents[0].as_str()).await).await.unwrap());
    }
    let document = all[0].documents[0].to_string();
    let front = front_of(house, &document).await;
    (document, front, scans)
}

async fn front_of(house: &House, document: &str) -> Sha256 {
    let document = house.office.store().document(document).await.unwrap();
    let fronts: Vec<_> = document.images.iter().filter(|i| i.role == ImageRole::Front).collect();
    assert_eq!(fronts.len(), 1, "one picture is the front: {:?}", document.images);
    fronts[0].hash
}

/// Two people scan one side again at once: each scan is whole in its place or is refused with nothing changed, none is lost;
/// and taken back one after the other they give the first picture back, as it was read.
#[tokio::test(flavor = "multi_thread")]
async fn two_scans_of_one_side_do_not_mix() {
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let desk = house.at(NOW).await;
    let people =
        [house.person("olga", &[Role::Operator], false).await, house.person("uwe", &[Role::Capture], false).await];
    let (document, front, scans) = to_be_scanned(&house).await;
    let store = house.office.store();
    let home = async || store.transaction_of_document(&document.parse().unwrap()).await.unwrap().unwrap();
    let was = store.transaction(home().await.as_str()).await.unwrap();
    let picture = async || get(&desk, &format!("/documents/{document}/side/front"), &people[0]).await.text;
    let shown = picture().await;
    let scan = |who: usize| {
        let built = request("POST", &format!("/documents/{document}/rescan?side=front"), &people[who]);
        let built = built.header("content-type", "application/octet-stream").header("x-csrf", &people[who].csrf);
        send(&desk, built.body(Body::from(scans[who].clone())).unwrap())
    };
    let mut taken = 0;
    for _ in 0..3 {
        let (one, two) = tokio::join!(scan(0), scan(1));
        let good: Vec<usize> =
            [&one, &two].iter().zip(0..).filter(|(g, _)| g.status == StatusCode::OK).map(|g| g.1).collect();
        for got in [&one, &two] {
            assert!(matches!(got.status, StatusCode::OK | StatusCode::CONFLICT), "{} {}", got.status, got.text);
        }
        assert!(!good.is_empty(), "both were refused: {} / {}", one.text, two.text);
        let now = front_of(&house, &document).await;
        assert!(good.iter().any(|who| Sha256::of(&scans[*who]) == now), "what lies there is no scan that was taken");
        let images = store.document(&document).await.unwrap().images;
        taken += good.len();
        assert_eq!(images.iter().filter(|i| i.role == ImageRole::Replaced).count(), taken, "each is kept");
        // Taken back, each in its turn.
        for _ in &good {
            let got = post(&desk, &format!("/transactions/{}/undo", home().await), &people[0], "").await;
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        }
        assert_eq!(front_of(&house, &document).await, front);
        assert_eq!(picture().await, shown);
        let again = store.transaction(home().await.as_str()).await.unwrap();
        assert_eq!(
            (again.received, again.applications, again.state),
            (was.received, was.applications.clone(), was.state)
        );
    }
    house.verified().await;
}
