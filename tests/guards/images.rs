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
