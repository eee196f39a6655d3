//! What is counted and added up in every sample of Nacha, BAI2, X12 and ISO 20022 files is what its folder's README states
//! (the verdicts stand in `formats/verdicts.rs`). The samples are named by `REMIT_SHARED`.

use std::path::PathBuf;

use remit::formats::{Inspection, inspect, sniff};

fn shared(folder: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("REMIT_SHARED") else {
        eprintln!("NOT RUN: set REMIT_SHARED to the folder of shared samples");
        return None;
    };
    Some(PathBuf::from(root).join("data").join(folder))
}

/// Rows of the table in a README: name, verdict, facts.
fn table(folder: &std::path::Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let rows = text.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| file") && !l.starts_with("| ---"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].to_string(), cells[5].to_string(), cells[6].to_string())
    })
    .collect()
}

fn look(folder: &std::path::Path, name: &str) -> Option<Inspection> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let format = sniff(&bytes)?;
    let found = inspect(&bytes, format).ok()?;
    println!("{name}: {} {} valid {}", found.format.as_str(), found.version, found.valid);
    for problem in found.problems.iter().take(12) {
        println!("   {problem}");
    }
    Some(found)
}

#[test]
fn nacha_files_say_what_their_facts_say() {
    let Some(folder) = shared("ach") else { return };
    let rows = table(&folder);
    assert!(rows.len() > 70, "{} rows", rows.len());
    let mut differ = Vec::new();
    for (name, verdict, facts) in &rows {
        let found = look(&folder, name).unwrap_or_else(|| panic!("{name} is not read at all"));
        // The peer counts no cross-border batches and no advices, and nothing of a file that it cannot read.
        if verdict.starts_with("OK")
            && facts.contains("IAT batches 0")
            && !facts.starts_with("batches -")
            && !facts.contains("ADV")
        {
            let said = format!("entries {}; cents {};", found.counts["entries"], found.totals["total"].get());
            if !facts.contains(&said) {
                differ.push(format!("{name}: {said} instead of {facts}"));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
fn bai2_files_say_what_their_facts_say() {
    let Some(folder) = shared("bai2") else { return };
    for (name, _, facts) in table(&folder) {
        let found = look(&folder, &name);
        if let Some(found) = found {
            let c = |n: &str| found.counts[n];
            let said = format!("02 records {}; 03 records {}; 16 records {}", c("groups"), c("accounts"), c("items"));
            assert_eq!(said, facts, "{name}");
        }
    }
}

#[test]
fn x12_files_say_what_their_facts_say() {
    let Some(folder) = shared("x12") else { return };
    let plain = |text: &str| text.trim_start_matches("BPS ").trim_start_matches("BPR ").to_string();
    for (name, _, facts) in table(&folder) {
        let found = look(&folder, &name).unwrap_or_else(|| panic!("{name}"));
        let cents = |text: &str| format!("{:.2}", text.trim().parse::<f64>().unwrap());
        let numbers: Vec<&str> = facts.split([';', ',']).map(str::trim).collect();
        let after = |start: &str| {
            let field = numbers.iter().find_map(|n| plain(n).strip_prefix(start).map(str::to_string));
            field.unwrap_or_else(|| panic!("{name}: {start}"))
        };
        assert_eq!(found.totals["total"].to_string(), cents(&after("amount ")), "{name}");
        assert_eq!(found.totals["remittance"].to_string(), cents(&after("sum RMR04 ")), "{name}");
        assert_eq!(found.counts["remittances"].to_string(), after("RMR "), "{name}");
        assert_eq!(found.counts["adjustments"].to_string(), after("ADX "), "{name}");
        assert_eq!(found.counts["segments"].to_string(), after("segments "), "{name}");
    }
    let found = look(&folder, "synthetic-823.edi").unwrap();
    assert_eq!((found.format.as_str(), found.valid), ("x12-823", true));
    assert_eq!((found.totals["total"].get(), found.counts["payments"]), (258_525, 3));
}

#[test]
fn camt_files_say_what_their_facts_say() {
    let Some(folder) = shared("iso20022") else { return };
    for (name, _, facts) in table(&folder) {
        let found = look(&folder, &name).unwrap_or_else(|| panic!("{name}"));
        let mut parts = facts.split("; ");
        let message = parts.next().unwrap();
        assert_eq!(
            format!("{}.001.{}", found.format.as_str(), found.version).replace("remt.001.001", "remt.001.001"),
            message,
            "{name}"
        );
        for part in parts {
            let words: Vec<&str> = part.split(' ').collect();
            let count = |n: &str| found.counts[n].to_string();
            match words[..] {
                ["credit", "Ntry", n, "sum", sum] => {
                    assert_eq!(count("credits"), n, "{name}");
                    assert_eq!(
                        found.totals["credit"].to_string(),
                        format!("{:.2}", sum.parse::<f64>().unwrap()),
                        "{name}"
                    );
                }
                ["debit", "Ntry", n] => assert_eq!(count("debits"), n, "{name}"),
                ["reversals", n] => assert_eq!(count("reversals"), n, "{name}"),
                ["TxDtls", n] => assert_eq!(count("transactions"), n, "{name}"),
                ["CdtrRefInf", n] => assert_eq!(count("references"), n, "{name}"),
                ["Ustrd", n] => assert_eq!(count("unstructured"), n, "{name}"),
                _ => panic!("{name}: {part}"),
            }
        }
    }
}
