//! The verdict on every public sample, in one table. Where the folder's README names the verdict of a reader in wide use,
//! ours is the same but for the rows below, each with its rule; where it names none, a sample is valid unless it stands
//! below with what is wrong in it. A file that is not here and not valid fails the test.

use std::collections::BTreeMap;
use std::path::Path;

use remit::formats::{Inspection, inspect, sniff};

use super::shared;

/// Folder, file, the fault that decides (empty: valid), and the rule.
const OURS: &[(&str, &str, &str, &str)] = &[
    // Readers in wide use say otherwise.
    (
        "ach",
        "NACHA_SAMPLE_TEL_REVERSAL.ach",
        "",
        "a reversal goes the other way than its class: a batch described REVERSAL may hold credits of a debit class",
    ),
    (
        "bai2",
        "citi_example.bai2",
        "",
        "an empty funds type is 'unknown' and takes no further field; the totals and counts of the file hold",
    ),
    (
        "bai2",
        "sample4-continuations-newline-delimited.bai2",
        "total",
        "a control total is the signed sum of 03 and 16 and a count counts every record: this file has other ones, and is held",
    ),
    // No reader's verdict is known: what does not add up is said.
    ("lockbox", "synthetic-bai2-80-batch-total-off-by-one.txt", "total", "record 7 is one cent too high"),
    ("x12", "Example2_ScanaEnergy.txt", "reconcile", "10,000.00 are paid and 5,000.00 are advised"),
    ("x12", "Example4_Safeway.txt", "reconcile", "lines and adjustments are 210.00 more than the payment"),
    ("iso20022", "FI_camt_053_sample.xml.xml", "total", "NbOfTxs of a batch is not the number of its TxDtls"),
    ("iso20022", "camt054.v4.xml", "total", "NbOfTxs of a batch is not the number of its TxDtls"),
    (
        "iso20022",
        "camt053.v2.all-balance-types.xml",
        "balance",
        "opening balance and entries do not give the closing one",
    ),
    ("iso20022", "camt053.v2.five.decimals.xml", "balance", "opening balance and entries do not give the closing one"),
    ("iso20022", "camt053.v2.wrong.xml", "empty", "a message without a statement"),
    (
        "iso20022",
        "viaf-053-valid_example_with_batch.xml",
        "balance",
        "opening balance and entries do not give the closing one",
    ),
    ("iso20022", "viaf-053-valid_example_with_datetime.xml", "total", "the summary's NbOfNtries and Sum are others"),
    ("iso20022", "viaf-053-valid_example_with_instdamt.xml", "total", "the payments of an entry do not add up to it"),
    (
        "iso20022",
        "viaf-053-valid_namespace.xml",
        "empty",
        "a document without a message: 'valid' is its namespace only",
    ),
    ("iso20022", "viaf-general-invalid_namespace.xml", "empty", "a document without a message"),
];

/// Name, verdict and facts of each sample by its folder's README, and those that stand in prose.
fn samples(folder: &Path) -> Vec<(String, String, String)> {
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let rows = readme.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| file") && !l.starts_with("| ---"));
    let mut told: BTreeMap<String, (String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let name = cells[1].split(" (").next().unwrap_or_default().to_string();
            (name, (cells.get(5).unwrap_or(&"").to_string(), cells.get(6).unwrap_or(&"").to_string()))
        })
        .collect();
    let mut all: Vec<(String, String, String)> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().to_string();
        if !name.ends_with(".md") && !name.ends_with(".json") {
            let (verdict, facts) = told.remove(&name).unwrap_or_default();
            all.push((name, verdict, facts));
        }
    }
    all.sort();
    all
}

fn look(path: &Path) -> Result<Inspection, &'static str> {
    let bytes = std::fs::read(path).unwrap();
    let format = sniff(&bytes).ok_or("format")?;
    inspect(&bytes, format).map_err(|fault| fault.code)
}

#[test]
fn every_sample_has_its_verdict() {
    let (mut seen, mut wrong, mut used) = (0, Vec::new(), 0);
    for kind in ["x9", "ach", "lockbox", "bai2", "x12", "iso20022"] {
        let Some(folder) = shared(kind) else { return };
        for (name, verdict, facts) in samples(&folder) {
            let found = look(&folder.join(&name));
            let row = OURS.iter().find(|row| (row.0, row.1) == (kind, name.as_str()));
            used += usize::from(row.is_some());
            let peers = verdict.is_empty() || verdict.starts_with("OK") || verdict.starts_with("reads OK");
            let (code, valid) = row.map_or(("", peers), |row| (row.2, row.2.is_empty()));
            let told = match &found {
                Ok(found) => found.problems.iter().filter(|p| p.is_error()).map(|p| p.code).collect(),
                Err(code) => vec![*code],
            };
            seen += 1;
            if found.as_ref().is_ok_and(|f| f.valid) != valid || !(code.is_empty() || told.contains(&code)) {
                wrong.push(format!("{kind}/{name}: {told:?}; the README says '{verdict}'"));
            }
            // Every fault that refuses has its place.
            if let Ok(found) = &found
                && let Some(fault) = found.problems.iter().find(|p| p.is_error())
                && kind != "iso20022"
            {
                assert!(fault.record.is_some() || fault.offset.is_some(), "{kind}/{name}: {fault}");
            }
            // What the peer counted of a letter that it could read, we count too.
            if let (Ok(found), "x9", true) = (&found, kind, verdict.starts_with("OK") || verdict.starts_with("TOTALS"))
            {
                let said = format!("items {}; cents {}", found.counts["items"], found.totals["total"].get());
                if !facts.contains(&said) {
                    wrong.push(format!("{kind}/{name}: {said} instead of {facts}"));
                }
            }
        }
    }
    println!("{seen} samples");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(used, OURS.len(), "every row of the table is of a sample");
    assert!(seen > 140, "{seen}");
}
