//! How many payments of the station samples go through with nobody's help when the station gives the amounts (the index's
//! `amount` column filled from the truth), on a copy: the share of those whose truth lists no exception, and that no money is
//! applied wrongly. Needs `REMIT_SHARED`; the folder `clean`, and with `REMIT_STATION=office` the harder one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use remit::clock::Clock;
use remit::config::Site;
use remit::domain::*;
use remit::formats::bills_csv;
use remit::pipeline::{Office, TakeIn};
use remit::station;
use serde_json::Value;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Writes what each check is worth into the index of a batch's copy.
fn fill(folder: &Path, amounts: &BTreeMap<(String, u64), i64>) {
    let path = folder.join("index.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let mut heads: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let place = heads.iter().position(|h| h == "amount").unwrap_or_else(|| {
        heads.push("amount".into());
        heads.len() - 1
    });
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&heads).unwrap();
    for row in reader.records() {
        let mut cells: Vec<String> = row.unwrap().iter().map(String::from).collect();
        cells.resize(heads.len(), String::new());
        if let Some(amount) = amounts.get(&(cells[0].clone(), cells[1].parse().unwrap())) {
            cells[place] = Cents::new(*amount).to_string();
        }
        writer.write_record(&cells).unwrap();
    }
    std::fs::write(&path, writer.into_inner().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_with_known_amounts_go_straight_through() {
    let Some(shared) = std::env::var_os("REMIT_SHARED").map(PathBuf::from) else {
        eprintln!("NOT RUN: REMIT_SHARED is not set, so nobody looked how many payments go straight through");
        return;
    };
    let hard = std::env::var("REMIT_STATION").is_ok_and(|name| name == "office");
    let (name, least) = if hard { ("office", 85) } else { ("clean", 92) };
    let data = shared.join("data/station").join(name);
    let mut amounts = BTreeMap::new();
    for document in lines(&data.join("truth.jsonl")).iter().filter(|d| d["kind"] != "stub") {
        if let Some(amount) = document["amount"].as_i64() {
            let place = (document["batch"].as_str().unwrap().to_string(), document["seq"].as_u64().unwrap());
            amounts.insert(place, amount);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let site = Site::at(&folder.path().join("site"), "", None, None).unwrap();
    Office::create(&site, Clock::fixed("2026-11-28T12:00:00Z").unwrap()).await.unwrap();
    let office = Office::open(site, Clock::fixed("2026-11-28T12:00:00Z").unwrap()).await.unwrap();
    let layouts = ["layouts.toml", "../layouts.toml"].map(|l| data.join(l)).into_iter().find(|l| l.is_file()).unwrap();
    office.import_layouts(&std::fs::read_to_string(layouts).unwrap()).await.unwrap();
    let mapping = bills_csv::Mapping::parse("[columns]\nbiller = \"client\"\n").unwrap();
    let bills = std::fs::read(data.join("open_bills.csv")).unwrap();
    let bills = bills_csv::bills(&bills, Some(&mapping)).or_else(|_| bills_csv::bills(&bills, None)).unwrap();
    office.import_bills(&bills.rows, false, false).await.unwrap();
    let payers = std::fs::read(data.join("payers.csv")).unwrap();
    let payers = bills_csv::payers(&payers, Some(&mapping)).or_else(|_| bills_csv::payers(&payers, None)).unwrap();
    office.import_payers(&payers.rows).await.unwrap();
    let mut batches: Vec<_> = std::fs::read_dir(data.join("batches")).unwrap().flatten().map(|e| e.path()).collect();
    batches.sort();
    for batch in batches {
        let copied = folder.path().join(batch.file_name().unwrap());
        copy(&batch, &copied);
        fill(&copied, &amounts);
        let asked = TakeIn {
            origin: Some(Origin::Mail),
            date: Some("2026-11-20".parse().unwrap()),
            declared: Control::default(),
            name: None,
            operator: None,
        };
        for source in station::sources(&copied).unwrap() {
            office.take_in(&source, &asked).await.unwrap();
        }
        office.run_jobs(|_| ()).await.unwrap();
    }
    // What was applied without a word, by the documents of the payment: account and cents.
    let mut clean: BTreeMap<BTreeSet<String>, Vec<(String, i64)>> = BTreeMap::new();
    for head in office.batches().await.unwrap() {
        let batch = office.find_batch(head.id.as_str()).await.unwrap();
        let places: BTreeMap<_, _> =
            office.store().documents(&batch.id).await.unwrap().into_iter().map(|d| (d.id, d.seq)).collect();
        for t in office.store().transactions(&batch.id).await.unwrap() {
            if t.state == TransactionState::Clean {
                let documents = t.documents.iter().map(|d| format!("{}-{:04}", batch.name, places[d])).collect();
                let whose = |a: &Application| a.account.as_ref().map_or_else(String::new, |a| a.reveal().to_string());
                let mut lines: Vec<_> = t.applications.iter().map(|a| (whose(a), a.amount.get())).collect();
                lines.sort();
                clean.insert(documents, lines);
            }
        }
    }
    let (mut plain, mut straight, mut wrong) = (0, 0, Vec::new());
    for right in lines(&data.join("transactions.jsonl")) {
        let documents: BTreeSet<String> =
            right["docs"].as_array().unwrap().iter().map(|d| d.as_str().unwrap().to_string()).collect();
        let mut lines: Vec<(String, i64)> = right["allocations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| (a["account"].as_str().unwrap().to_string(), a["amount"].as_i64().unwrap()))
            .collect();
        lines.sort();
        let needs_nobody = right["exceptions"].as_array().unwrap().is_empty();
        plain += u32::from(needs_nobody);
        match clean.get(&documents) {
            Some(applied) if *applied == lines => straight += u32::from(needs_nobody),
            Some(applied) => wrong.push(format!("{documents:?}: {applied:?}, not {lines:?}")),
            None => {}
        }
    }
    println!("{name}: {straight} of {plain} payments that need nobody went straight through");
    assert!(wrong.is_empty(), "applied wrongly and nobody was asked: {wrong:#?}");
    assert!(plain > 30 && straight * 100 >= plain * least, "{name}: {straight} of {plain}, wanted {least}%");
    assert!(office.verify(false).await.unwrap().findings.is_empty());
}
