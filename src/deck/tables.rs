//! The files around the pictures: capture index, open bills, known payers, stub layouts, and the truth that accepts or
//! rejects a reader (a line for each document, payment and batch).

use serde_json::{Value, json};

use super::NamedFile;
use super::face::{CheckFace, CheckForm, Paper};
use super::picture_size;
use super::plan::{Bed, Images, Piece, Plan, Source, Tray};
use crate::domain::{Bill, Cents};

/// The stub forms of the deck, as `--layouts` takes them.
pub const LAYOUTS: &str = include_str!("layouts.toml");

pub fn batch_name(batch: usize) -> String {
    format!("b{:04}", batch + 1)
}

/// What the truth calls a tray; a letter or a file has no capture folder.
fn tray_name(plan: &Plan, batch: usize) -> String {
    match plan.trays[batch].source {
        Source::Scanner => batch_name(batch),
        Source::CashLetter => "cash-letter".into(),
        Source::Lockbox => "lockbox".into(),
    }
}

fn csv_file(name: &str, rows: impl Iterator<Item = Vec<String>>) -> NamedFile {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail.
        let _ = writer.write_record(&row);
    }
    NamedFile { name: name.into(), bytes: writer.into_inner().unwrap_or_default() }
}

fn lines_file(name: &str, lines: impl Iterator<Item = Value>) -> NamedFile {
    let text: String = lines.map(|l| format!("{l}\n")).collect();
    NamedFile { name: name.into(), bytes: text.into_bytes() }
}

fn header(names: &str) -> Vec<String> {
    names.split(',').map(str::to_string).collect()
}

/// The capture index of a batch. Write it last: a folder without it is still being filled.
pub fn index(plan: &Plan, batch: usize) -> NamedFile {
    let tray = &plan.trays[batch];
    let extension = if tray.station.images == Images::Jpeg { "jpg" } else { "tif" };
    let row = |p: &Piece| {
        let gray = if tray.station.images == Images::Both { format!("{:04}_F.jpg", p.seq) } else { String::new() };
        vec![
            batch_name(batch),
            p.seq.to_string(),
            format!("{:04}_F.{extension}", p.seq),
            format!("{:04}_B.{extension}", p.seq),
            gray,
            String::new(),
            p.wear.map_or(tray.station.dpi, |w| w.dpi(tray.station.dpi)).to_string(),
            p.magnetic.as_ref().map(|m| m.0.clone()).unwrap_or_default(),
            p.index_amount.map(|a| Cents::new(a).to_string()).unwrap_or_default(),
        ]
    };
    let first = header("batch,seq,front,back,front_gray,doc_type,dpi,micr,amount");
    let name = format!("batches/{}/index.csv", batch_name(batch));
    csv_file(&name, std::iter::once(first).chain(tray.pieces.iter().map(row)))
}

/// Everything but the pictures and the indexes.
pub fn tables(plan: &Plan) -> Vec<NamedFile> {
    let trays = || plan.trays.iter().enumerate().filter(|(_, t)| t.source == Source::Scanner);
    let documents = trays().flat_map(|(b, t)| t.pieces.iter().map(move |p| document(plan, b, t, p)));
    vec![
        bills(&plan.bills),
        payers(plan),
        NamedFile { name: "layouts.toml".into(), bytes: LAYOUTS.into() },
        lines_file("truth.jsonl", documents),
        lines_file("transactions.jsonl", (0..plan.envelopes.len()).map(|n| payment(plan, n))),
        lines_file("batches.jsonl", trays().map(|(b, t)| batch(b, t))),
    ]
}

fn bills(bills: &[Bill]) -> NamedFile {
    let money = |amount: Option<Cents>| amount.map(|a| a.to_string()).unwrap_or_default();
    let row = |b: &Bill| {
        vec![
            b.biller.0.clone(),
            b.bill.clone(),
            b.account.reveal().to_string(),
            b.name.clone(),
            b.address.clone(),
            b.city.clone(),
            b.state.clone(),
            b.zip.clone(),
            b.amount_due.to_string(),
            money(b.current),
            money(b.past_due),
            money(b.late_amount),
            b.due_date.map(|d| d.to_string()).unwrap_or_default(),
            b.invoice.clone(),
            b.status.as_str().to_string(),
        ]
    };
    let first = header(
        "biller,bill,account,name,address,city,state,zip,amount_due,current,past_due,late_amount,due_date,invoice,status",
    );
    csv_file("open_bills.csv", std::iter::once(first).chain(bills.iter().map(row)))
}

fn payers(plan: &Plan) -> NamedFile {
    let first = header("biller,routing,bank_account,account");
    let rows = plan.payers.iter().map(|p| {
        vec![p.biller.0.clone(), p.routing.clone(), p.bank_account.reveal().to_string(), p.account.reveal().to_string()]
    });
    csv_file("payers.csv", std::iter::once(first).chain(rows))
}

/// `b0001-0007`.
fn document_name(batch: usize, seq: u32) -> String {
    format!("{}-{seq:04}", batch_name(batch))
}

fn payment_name(number: usize) -> String {
    format!("t{:06}", number + 1)
}

fn format_name(images: Images) -> &'static str {
    match images {
        Images::Tiff => "g4",
        Images::Jpeg => "jpeg",
        Images::Both => "both",
    }
}

/// What the station is called: its pictures, its resolution, its bed.
fn scanner(tray: &Tray) -> String {
    let bed = match tray.station.bed {
        Bed::White => "white",
        Bed::Black => "black",
        Bed::Crop => "no",
    };
    format!("{}, {} dpi, {bed} bed", format_name(tray.station.images), tray.station.dpi)
}

/// The truth of one document, in the words of the judging programs.
fn document(plan: &Plan, batch: usize, tray: &Tray, piece: &Piece) -> Value {
    let path = |end: &str| format!("batches/{}/{:04}_{end}", batch_name(batch), piece.seq);
    let files = match tray.station.images {
        Images::Tiff => json!({"F_tif": path("F.tif"), "B_tif": path("B.tif")}),
        Images::Jpeg => json!({"F_jpg": path("F.jpg"), "B_jpg": path("B.jpg")}),
        Images::Both => json!({"F_tif": path("F.tif"), "B_tif": path("B.tif"), "F_jpg": path("F.jpg")}),
    };
    let mut wear = json!({"skew": (piece.skew * 100.0).round() as i64 as f64 / 100.0});
    if let Some((word, value)) = piece.wear.map(|w| w.word()) {
        wear[word] = value;
    }
    if piece.over.is_some() {
        wear["piggyback"] = json!(true);
    }
    if piece.is_upside_down {
        wear["rot180"] = json!(true);
    }
    if piece.are_sides_swapped {
        wear["swap"] = json!(true);
    }
    let (width, height) = picture_size(piece, tray.station);
    let mut truth = json!({
        "doc": document_name(batch, piece.seq),
        "batch": batch_name(batch),
        "seq": piece.seq,
        "tx": piece.envelope.map(payment_name),
        "scenario": piece.scenario.name(),
        "files": files,
        "front_side": if piece.are_sides_swapped { "B" } else { "F" },
        "dpi": piece.wear.map_or(tray.station.dpi, |w| w.dpi(tray.station.dpi)),
        "width": width,
        "height": height,
        "degradation": wear,
        "format": format_name(tray.station.images),
        "scanner": scanner(tray),
        "readable": if piece.over.is_some() { "hard" } else { piece.wear.map_or("yes", |w| w.readable()) },
    });
    match &piece.paper {
        Paper::Check(face) => {
            truth["kind"] = json!(if face.form == CheckForm::MoneyOrder { "money_order" } else { "check" });
            add(&mut truth, check(face));
            truth["micr_hw"] = json!(piece.magnetic.as_ref().map(|m| &m.0));
            truth["micr_hw_errors"] = json!(piece.magnetic.as_ref().map_or(0, |m| m.1));
            truth["duplicate_of"] = json!(piece.duplicate_of.map(|(b, s)| document_name(b, s)));
        }
        Paper::Stub(face) => {
            let digits: String = face.lines.scanline.chars().filter(char::is_ascii_digit).collect();
            add(
                &mut truth,
                json!({
                    "kind": "stub",
                    "layout": (["energy-coupon", "propane-coupon", "fiber-coupon"][face.biller.min(2)]),
                    "client": face.bill.biller.0,
                    "account": face.bill.account.reveal(),
                    "bill": plan.bills.iter().any(|b| b.account == face.bill.account).then_some(&face.bill.bill),
                    "amount_due": face.bill.amount_due.get(),
                    "late_amount": face.bill.late_amount.map(Cents::get),
                    "scanline": face.lines.scanline,
                    "scan_digits": digits,
                    "check_digit_ok": face.lines.check_digit_ok,
                    "symbology": face.lines.symbology,
                    "barcode": face.lines.barcode,
                    "marks": super::stub::boxes(face).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                }),
            );
        }
        Paper::Letter(_) => {
            truth["kind"] = json!("other");
            truth["readable"] = json!("none");
        }
    }
    truth
}

fn add(truth: &mut Value, more: Value) {
    if let (Value::Object(truth), Value::Object(more)) = (truth, more) {
        truth.extend(more);
    }
}

fn check(face: &CheckFace) -> Value {
    let is_business = matches!(face.form, CheckForm::Business | CheckForm::Canadian);
    let line = face.line_text();
    json!({
        "micr": line.replace(' ', ""),
        "micr_spaced": line,
        "fields": {
            "routing": face.routing,
            "account": face.account,
            "serial": face.serial,
            "aux": if is_business { face.serial.as_str() } else { "" },
            "kind": if face.is_canadian() { "ca" } else { "us" },
            "amount": face.is_encoded.then_some(face.cents),
        },
        "amount": face.cents,
        "payer": face.payer.name,
        "check_number": face.serial,
        "size": if is_business { "business" } else { "personal" },
        "routing_check_ok": face.is_canadian() || crate::domain::RoutingNumber::new(&face.routing).is_ok(),
        "memo": face.memo,
        "amount_source": if face.is_handwritten { "handwritten" } else { "printed" },
    })
}

fn payment(plan: &Plan, number: usize) -> Value {
    let envelope = &plan.envelopes[number];
    let pieces = || envelope.seqs.iter().map(|s| &plan.trays[envelope.batch].pieces[*s as usize - 1].paper);
    let cash = envelope.scenario == super::plan::Scenario::StubOnly;
    let allocations: Vec<Value> = envelope
        .allocations
        .iter()
        .map(|(account, bill, amount)| {
            let mut one = json!({"account": account.reveal(), "bill": bill, "amount": amount});
            if cash {
                one["tender"] = json!("cash");
            }
            one
        })
        .collect();
    let worth = |p: &Paper| if let Paper::Check(check) = p { check.cents } else { 0 };
    json!({
        "tx": payment_name(number),
        "scenario": envelope.scenario.name(),
        "batch": tray_name(plan, envelope.batch),
        "docs": envelope.seqs.iter().map(|s| format!("{}-{s:04}", tray_name(plan, envelope.batch))).collect::<Vec<_>>(),
        "checks": pieces().filter(|p| matches!(p, Paper::Check(_))).count(),
        "stubs": pieces().filter(|p| matches!(p, Paper::Stub(_))).count(),
        "total": pieces().map(worth).sum::<i64>(),
        "allocations": allocations,
        "exceptions": envelope.scenario.exceptions(),
    })
}

fn batch(number: usize, tray: &Tray) -> Value {
    let bed = match tray.station.bed {
        Bed::White => "white",
        Bed::Black => "black",
        Bed::Crop => "crop",
    };
    json!({
        "batch": batch_name(number),
        "dpi": tray.station.dpi,
        "format": format_name(tray.station.images),
        "quality": tray.station.quality,
        "bed": bed,
        "hw": tray.station.magnetic.is_some(),
        "order": if tray.station.stub_first { "stub_first" } else { "check_first" },
        "channel": tray.station.channel,
        "date": tray.date.to_string(),
        "documents": tray.pieces.len(),
        "checks": tray.checks().count(),
        "control_total": tray.total().map(Cents::get).ok(),
    })
}
