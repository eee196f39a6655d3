//! Every sample file gets the verdict that its folder's README states. The samples are named by `REMIT_SHARED`.

use std::path::PathBuf;

use remit::formats::x9;

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
