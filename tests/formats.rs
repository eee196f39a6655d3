//! Every sample file gets the verdict that its folder's README states. The samples are named by `REMIT_SHARED`.

use std::path::PathBuf;

use remit::formats::{bai_lockbox, capture_index, x9};

fn shared(folder: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("REMIT_SHARED") else {
        eprintln!("NOT RUN: set REMIT_SHARED to the folder of shared samples");
        return None;
    };
    Some(PathBuf::from(root).join("data").join(folder))
}

#[test]
fn cash_letters_get_their_verdicts() {
    let Some(folder) = shared("x9") else { return };
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap().to_string_lossy().to_string();
        if name.ends_with(".json") || name.ends_with(".md") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let valid = matches!(name.as_str(), "iclFile-read.x937" | "iclFile-write.x937" | "valid-ascii.x937");
        match x9::read(&bytes) {
            Ok(file) => {
                let s = &file.summary;
                println!(
                    "{name}: {} {} items {}",
                    s.physical.layout.as_str(),
                    s.physical.encoding.as_str(),
                    file.items.len()
                );
                for fault in s.faults.list() {
                    println!("   {fault}");
                }
                assert_eq!(file.is_valid(), valid, "{name}");
                if let Some(error) = s.faults.first_error() {
                    assert!(error.record.is_some() && error.offset.is_some(), "{name}: {error}");
                }
            }
            Err(fault) => {
                println!("{name}: {fault}");
                assert!(!valid, "{name}: {fault}");
            }
        }
    }
}

#[test]
fn lockbox_files_get_their_verdicts() {
    let Some(folder) = shared("lockbox") else { return };
    for (name, checks, cents, valid) in [
        ("test_lockbox.bai", 1, 700_000, true),
        ("synthetic-bai2-80.txt", 3, 258_525, true),
        ("synthetic-bai2-80-overflow-wraps-99.txt", 1, 10_605, true),
        ("synthetic-bai2-80-batch-total-off-by-one.txt", 3, 258_525, false),
    ] {
        let file = bai_lockbox::read(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        let faults = file.all_faults();
        println!("{name}: {} {faults:?}", file.profile.name);
        assert_eq!(file.is_valid(), valid, "{name}: {faults:?}");
        assert_eq!(file.batches.iter().map(|b| b.checks.len()).sum::<usize>(), checks, "{name}");
        assert_eq!(file.total().map(|t| t.get()), Some(cents), "{name}");
        if let Some(error) = faults.iter().find(|f| f.is_error()) {
            assert!(error.line.is_some() && error.column.is_some(), "{name}: {error}");
        }
    }
}

/// The scanner's alphabet of each sample batch is learnt: the magnetic reads say what truth says, but for rejects.
#[test]
fn capture_indexes_of_the_samples_are_read() {
    let Some(folder) = shared("station") else { return };
    let (mut reads, mut rejected, mut wrong) = (0, 0, 0);
    for set in ["clean", "office"] {
        let truth = std::fs::read_to_string(folder.join(set).join("truth.jsonl")).unwrap();
        let truth: Vec<serde_json::Value> = truth.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        for batch in std::fs::read_dir(folder.join(set).join("batches")).unwrap() {
            let path = batch.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().to_string();
            let index = capture_index::read(&std::fs::read(path.join("index.csv")).unwrap()).unwrap();
            assert_eq!(index.faults, [], "{}", path.display());
            for row in &index.rows {
                let Some(line) = row.micr.as_deref() else { continue };
                let document = truth.iter().find(|d| d["batch"] == name.as_str() && d["seq"] == row.seq).unwrap();
                let squeezed = |text: &str| text.replace(' ', "");
                let (line, truth) = (squeezed(line), squeezed(document["micr"].as_str().unwrap_or_default()));
                reads += 1;
                rejected += line.matches('?').count();
                let same = line.len() == truth.len()
                    && line.chars().zip(truth.chars()).all(|(read, truth)| read == truth || read == '?');
                if !same {
                    wrong += 1;
                    println!("{name} {}: {line} instead of {truth}", row.seq);
                }
            }
        }
    }
    println!("{reads} magnetic reads, {rejected} characters rejected, {wrong} reads differ from truth");
    assert!(reads > 100 && wrong * 50 < reads, "{wrong} of {reads}");
}
