//! What is made of a document's sources, as a table: scanner, pictures, file and people, and the reasons that come of it.

use std::collections::BTreeMap;

use super::evidence;
use crate::domain::{
    AmountSource, BarcodeRead, BatchId, Cents, CheckDigitRead, Decision, Document, DocumentId, DocumentKind, ImageRef,
    ImageRole, MicrFields, MicrRead, PixelBox, Reading, ScanlineRead, Sha256, UserName,
};

fn document(words: &str) -> Document {
    let mut d = Document {
        id: DocumentId::of(&[b"d"]),
        batch: BatchId::of(&[b"b"]),
        seq: 1,
        kind_hint: None,
        images: [ImageRole::Front, ImageRole::Back]
            .into_iter()
            .map(|role| ImageRef { role, name: role.as_str().into(), hash: Sha256::of(b"i") })
            .collect(),
        dpi: None,
        station_micr: None,
        station_amount: None,
        amount_is_recorded: false,
        envelope: None,
        remittance: None,
    };
    for word in words.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("head", line) => d.station_micr = Some(line.replace('_', " ")),
            ("amount", text) => d.station_amount = Some(text.parse().unwrap()),
            ("no-back", _) => d.images.truncate(1),
            ("record", _) => {
                d.images.clear();
                d.amount_is_recorded = true;
            }
            (kind, _) => d.kind_hint = Some(DocumentKind::parse(kind).unwrap()),
        }
    }
    d
}

/// `line=` an account line that is accepted, `line~` one that is not; `amt=` and `amt~` likewise. `scan=ACCOUNT/DUE` a stub's
/// line that holds, `scan!` one whose check digit fails, `scan~` one that is not accepted; `bar=`, `bar!` a barcode.
fn reading(words: &str) -> Reading {
    let mut r = Reading { dpi: 200, ..crate::decode::nothing("front") };
    for word in words.split_whitespace() {
        let place = word.find(['=', '~', '!']).unwrap_or(word.len());
        let (name, how, value) = (&word[..place], &word[place..word.len().min(place + 1)], word.get(place + 1..));
        let text = value.unwrap_or_default().replace('_', " ");
        let check_digits = vec![CheckDigitRead { scheme: "luhn".into(), ok: how != "!" }];
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let (account, due) = text.split_once('/').unwrap_or((&text, ""));
        fields.insert("account".into(), account.into());
        fields.insert("amount_due".into(), due.into());
        match name {
            "line" => {
                let (fields, accepted) = (MicrFields::of_line(&text), how == "=");
                let confidence = if accepted { 0.999 } else { 0.5 };
                r.micr = Some(MicrRead { best: text.clone(), text, accepted, confidence, chars: Vec::new(), fields });
            }
            "amt" => {
                (r.amount.value, r.amount.accepted) = (Some(text.parse().unwrap()), how == "=");
                r.amount.source = Some(AmountSource::Optical);
            }
            "scan" => {
                r.scanline = Some(ScanlineRead {
                    layout: Some("coupon".into()),
                    biller: None,
                    best: text.clone(),
                    accepted: how == "=",
                    confidence: 0.9,
                    chars: Vec::new(),
                    check_digits,
                    fields,
                    bbox: PixelBox::default(),
                    text,
                });
            }
            "bar" => r.barcodes.push(BarcodeRead {
                symbology: "code-128".into(),
                layout: Some("coupon".into()),
                biller: None,
                check_digits,
                fields,
                bbox: PixelBox::default(),
                text,
            }),
            kind => r.kind = DocumentKind::parse(kind).unwrap(),
        }
    }
    r
}

/// `key-amount;amount=1.00`, about the document.
fn decision(word: &str) -> Decision {
    let mut parts = word.split(';');
    let name = parts.next().unwrap().to_string();
    let mut fields: BTreeMap<String, String> =
        parts.filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_string(), v.replace('_', " "))).collect();
    fields.insert("document".into(), DocumentId::of(&[b"d"]).to_string());
    Decision { name, fields, by: UserName("olga".into()), at: "x".into() }
}

fn check(table: &str) {
    let mut wrong = Vec::new();
    for row in table.lines().map(str::trim).filter(|l| !l.is_empty()).skip(1) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let readings: Vec<Reading> = cells[1].split(',').map(reading).collect();
        let decisions: Vec<Decision> = cells[2].split_whitespace().map(decision).collect();
        let e = evidence(&document(cells[0]), &readings, &decisions);
        let sure = |yes: bool| if yes { "sure" } else { "unsure" };
        let money = |amount: Option<Cents>| amount.map_or_else(|| "-".to_string(), |a| a.to_string());
        let what = match (&e.check, &e.stub) {
            (Some(c), _) => {
                format!("{} {} {} {}", e.kind.as_str(), sure(c.accepted), money(c.amount), sure(c.amount_accepted))
            }
            (_, Some(s)) => {
                let account = s.account.as_ref().map_or("-", |a| a.reveal());
                format!("{} {} {account} {}", e.kind.as_str(), sure(s.accepted), money(s.amount_due))
            }
            _ => e.kind.as_str().to_string(),
        };
        let reasons: Vec<&str> = e.problems.iter().map(|p| p.code.code()).collect();
        let got = format!("{what} | {}", reasons.join(" "));
        if got.trim() != cells[3..].join(" | ").trim() {
            wrong.push(format!("{row}\n    got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_sources_that_differ_are_a_reason() {
    check(
        "document | pictures | people | what it is | reasons
        check amount=40.00 | line=A061000146A_12345678C_0101 | | check sure 40.00 sure |
        check no-back amount=40.00 | line=A061000146A_12345678C_0101 | | check sure 40.00 sure | rear-missing
        check amount=40.00 head=A061000146A12345678C0101 | line=A061000146A_12345678C_0101 | | check sure 40.00 sure |
        check amount=40.00 head=A061000146A12345?78C0101 | line=A061000146A_12345678C_0101 | | check sure 40.00 sure |
        check amount=40.00 head=A061000146A12345679C0101 | line=A061000146A_12345678C_0101 | | check unsure 40.00 sure | micr-mismatch
        check amount=40.00 head=A061000147A12345679C0101 | line=A061000146A_12345678C_0101 | | check sure 40.00 sure |
        check amount=40.00 | line=A061000146A_12345678C_0101, line=A061000146A_12345679C_0101 | | check unsure 40.00 sure | micr-mismatch
        check amount=40.00 | line=A061000147A_12345678C_0101 | | check unsure 40.00 sure | routing-invalid
        check amount=40.00 | line~A061000146A_1234?678C_0101 | | check unsure 40.00 sure | micr-unreadable
        check amount=40.00 head=A061000146A12345678C0101 | line~A061000146A_1234?678C_0101 | | check sure 40.00 sure |
        check amount=40.00 | check | | check unsure 40.00 sure | micr-unreadable
        check amount=40.00 head=A061000146A12345678C0101 | check | | check unsure 40.00 sure | micr-unreadable
        check amount=40.00 record head=A061000146A12345678C0101 | | | check sure 40.00 sure |
        check amount=40.00 | check | key-micr;text=A061000146A_12345678C_0101 | check sure 40.00 sure |
        unknown | | | unknown | document-unidentified
        unknown | back | | back | document-unidentified",
    );
}

#[test]
fn an_amount_is_known_doubted_or_asked_for() {
    check(
        "document | pictures | people | what it is | reasons
        check | line=A061000146A_12345678C_0101 | | check sure - sure | amount-unknown
        check | line=A061000146A_12345678C_0101 amt~40.00 | | check sure 40.00 unsure | amount-uncertain
        check | line=A061000146A_12345678C_0101 amt=40.00 | | check sure 40.00 sure |
        check amount=40.00 | line=A061000146A_12345678C_0101 amt=40.00 | | check sure 40.00 sure |
        check amount=40.00 | line=A061000146A_12345678C_0101 amt~41.00 | | check sure 40.00 sure |
        check amount=40.00 | line=A061000146A_12345678C_0101 amt=41.00 | | check sure 40.00 unsure | amount-uncertain
        check amount=0.00 | line=A061000146A_12345678C_0101 | | check sure 0.00 unsure | amount-uncertain
        check amount=40.00 | line=A061000146A_12345678C_0101 amt=41.00 | key-amount;amount=41.00 | check sure 41.00 sure |",
    );
}

#[test]
fn a_stub_is_its_line_and_its_barcodes() {
    check(
        "document | pictures | people | what it is | reasons
        stub | scan=1000/00004000 | | stub sure 1000 40.00 |
        stub | scan!1000/00004000 | | stub unsure 1000 40.00 | check-digit-failed
        stub | scan~1000/00004000 | | stub unsure 1000 40.00 | scanline-unreadable
        stub | stub | | stub unsure - - | scanline-unreadable
        stub | scan=1000/00004000 bar=1000/00004000 | | stub sure 1000 40.00 |
        stub | scan=1000/00004000 bar=1001/00004000 | | stub unsure 1000 40.00 | barcode-scanline-mismatch
        stub | scan=1000/00004000 bar=1000/00004100 | | stub unsure 1000 40.00 | barcode-scanline-mismatch
        stub | scan!1001/00004000 bar=1000/00004000 | | stub unsure 1000 40.00 | barcode-scanline-mismatch
        stub | scan~10?1/00004000 bar=1000/00004000 | | stub sure 1000 40.00 |
        stub | bar!1000/00004000 | | stub unsure 1000 40.00 | check-digit-failed
        stub | scan!1001/00004000 | key-scanline;account=1000;amount_due=40.00 | stub sure 1000 40.00 |",
    );
}
