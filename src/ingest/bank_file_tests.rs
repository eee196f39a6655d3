//! What becomes of each bank file: envelopes of a payment and its lines, and what is left out.

use super::*;
use crate::formats::iso20022::{OutgoingEntry, OutgoingNotification, write_054};
use crate::formats::x12::{OutgoingAdvice, OutgoingLine, write_820};

/// `check 94.75 | invoice INV1 84.25 | ..` of each envelope.
fn shape(intakes: &[Intake]) -> Vec<String> {
    let mut all = Vec::new();
    for document in intakes.iter().flat_map(|i| &i.documents) {
        let of = document.remittance.clone().unwrap_or_default();
        let amount = of.amount.map_or_else(String::new, |a| a.to_string());
        match document.kind_hint {
            Some(DocumentKind::Check) => all.push(format!("check {}", document.station_amount.unwrap())),
            _ => {
                let what = of.account.map(|a| format!("account {a}")).or(of.invoice.map(|i| format!("invoice {i}")));
                let line = format!(" | {} {amount}", what.unwrap_or_default());
                if let Some(last) = all.last_mut() {
                    last.push_str(&line);
                }
            }
        }
    }
    all
}

fn held(intakes: &[Intake]) -> Vec<bool> {
    intakes.iter().map(|i| i.problems.iter().any(Fault::is_error)).collect()
}

fn advice() -> OutgoingAdvice {
    let line = |qualifier: &str, reference: &str, paid: i64| OutgoingLine {
        qualifier: qualifier.into(),
        reference: reference.into(),
        paid: Cents::new(paid),
    };
    OutgoingAdvice {
        sender: "BANK".into(),
        receiver: "ACME".into(),
        control: 7,
        date: "2026-11-03".parse().unwrap(),
        routing: "011401494".into(),
        account: "1234567890".into(),
        trace: "4311".into(),
        payer: "J SAMPLE".into(),
        lines: vec![line("IV", "INV1", 8425), line("AZ", "0098", 1050), line("CM", "CM7", -100)],
    }
}

#[test]
fn an_820_is_an_envelope_with_its_lines() {
    let bytes = write_820(&advice()).unwrap();
    let intakes = x12(&bytes).unwrap();
    assert_eq!(shape(&intakes), ["check 93.75 | invoice INV1 84.25 | account 0098 10.50"]);
    assert_eq!(intakes[0].documents[0].station_micr.as_deref(), Some("A011401494A 1234567890C4311"));
    assert_eq!((intakes[0].origin, intakes[0].date), (Some(Origin::BankFile), Some("2026-11-03".parse().unwrap())));
    assert_eq!(held(&intakes), [false]);
    let text = String::from_utf8(bytes).unwrap();
    // Advice alone is no money; a set that does not count its segments is held.
    assert!(matches!(x12(text.replace("BPR*C", "BPR*I").as_bytes()), Err(IntakeError::Refused(_))));
    assert_eq!(held(&x12(text.replace("SE*9", "SE*8").as_bytes()).unwrap()), [true]);
    assert_eq!(
        x12(text.replace('\n', "\r\n").as_bytes()).unwrap()[0].business_fingerprint,
        intakes[0].business_fingerprint
    );
}

#[test]
fn an_823_is_a_lockbox() {
    let text = "ISA*00*          *00*          *01*021000021      *ZZ*ACMEUTIL       *261103*0645*U*00401*000000077*0*P*>~\
        GS*LB*021000021*ACMEUTIL*20261103*0645*77*X*004010~ST*823*0001~DEP*0012345*20261103*0630*1~AMT*1*94.25~\
        BAT*20261103*0630*1~AMT*2*84.25~BPR*I*84.25*C*CHK*PBC*01*011401494*DA*1234567890~TRN*1*1021~RMR*IV*INV1**84.25~\
        BAT*20261103*0630*2~AMT*2*10.00~BPR*I*10*C*CHK*PBC*01*091000019*DA*77~TRN*1*1~SE*13*0001~GE*1*77~IEA*1*000000077~";
    let intakes = x12(text.as_bytes()).unwrap();
    assert_eq!(shape(&intakes), ["check 84.25 | invoice INV1 84.25", "check 10.00"]);
    assert_eq!(held(&intakes), [false, false]);
    assert_eq!(intakes[0].origin, Some(Origin::Lockbox));
    assert_eq!(intakes[1].name.as_deref(), Some("lockbox 0012345 deposit 1 batch 2"));
    assert_eq!(held(&x12(text.replace("AMT*2*10.00", "AMT*2*10.01").as_bytes()).unwrap()), [true, true]);
}

#[test]
fn ach_credits_with_their_addenda() {
    let file = |class: &str, count: &str, texts: &[&str], amount: &str| {
        use crate::formats::nacha::records::*;
        use crate::formats::nacha::{OutgoingBatch, OutgoingEntry, write};
        let mut header = format!("101 0110000151234567890261103064{}A094101BANK                   ACME", 5);
        header.push_str(&" ".repeat(94 - header.len()));
        let header = FileHeader::read(header.as_bytes()).unwrap();
        let batch = format!(
            "5220PAYER INC                           1234567890{class}PAYMENT         261104   1061000140000001"
        );
        let batch = BatchHeader::read(batch.as_bytes()).unwrap();
        let name = if class == "CTX" { format!("{count}ACME UTILITIES    ") } else { format!("{:<22}", "0012345678") };
        let flag = if texts.is_empty() { '0' } else { '1' };
        let entry = format!("622011000015{:<17}{amount}{:<15}{name}  {flag}061000140000009", "777", "REF");
        let addenda = texts.iter().zip(1..).map(|(t, n)| format!("705{t:<80}{n:04}0000009").into_bytes()).collect();
        let entry = OutgoingEntry { entry: entry.into_bytes(), addenda };
        write(&header, &[OutgoingBatch { header: batch, entries: vec![entry] }]).unwrap()
    };
    let one = |class: &str, count: &str, texts: &[&str], amount: &str| {
        let intakes = nacha(&file(class, count, texts, amount)).unwrap();
        assert_eq!(held(&intakes), [false], "{class} {:?}", intakes[0].problems);
        shape(&intakes).join("; ")
    };
    let set = String::from_utf8(write_820(&advice()).unwrap()).unwrap().replace('\n', "");
    let pieces: Vec<String> = set.as_bytes().chunks(80).map(|c| String::from_utf8(c.to_vec()).unwrap()).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let count = format!("{:04}", pieces.len());
    let whole = "check 93.75 | invoice INV1 84.25 | account 0098 10.50";
    assert_eq!(one("CTX", &count, &pieces, "0000009375"), whole);
    // The advice is of another amount than the money: a person decides.
    assert_eq!(one("CTX", &count, &pieces, "0000009376"), "check 93.76");
    assert_eq!(one("CTX", "0001", &["FREE TEXT INV 8140622"], "0000000100"), "check 1.00 | invoice 8140622 1.00");
    assert_eq!(one("CCD", "", &["RMR*IV*INV123**1.00\\"], "0000000100"), "check 1.00 | invoice INV123 1.00");
    assert_eq!(one("PPD", "", &[], "0000000100"), "check 1.00");
    assert_eq!(one("CIE", "", &[], "0000000100"), "check 1.00 | account 0012345678 1.00");
    let bytes = file("CCD", "", &["RMR*IV*INV123**1.00\\"], "0000000100");
    let broken = String::from_utf8(bytes).unwrap().replacen("82200000020001100001", "82200000030001100001", 1);
    assert_eq!(held(&nacha(broken.as_bytes()).unwrap()), [true]);
}

#[test]
fn camt_credits_that_are_booked() {
    let payment = |text: &str, cents: i64| ("A".to_string(), text.to_string(), Cents::new(cents));
    let notification = OutgoingNotification {
        id: "N1".into(),
        account: "1".into(),
        date: "2026-11-03".parse().unwrap(),
        entries: vec![OutgoingEntry {
            reference: "R".into(),
            payments: vec![payment("INV 8140622", 100), payment("x", 50)],
        }],
    };
    let text = String::from_utf8(write_054(&notification).unwrap()).unwrap();
    let intakes = camt(text.as_bytes()).unwrap();
    assert_eq!(shape(&intakes), ["check 1.00 | invoice 8140622 1.00", "check 0.50"]);
    assert_eq!(held(&intakes), [false]);
    let nothing =
        |from: &str, to: &str| matches!(camt(text.replacen(from, to, 1).as_bytes()), Err(IntakeError::Refused(_)));
    assert!(nothing("BOOK", "PDNG"));
    assert!(nothing("<Sts>", "<RvslInd>true</RvslInd><Sts>"));
    assert!(nothing("CRDT</CdtDbtInd><Sts>", "DBIT</CdtDbtInd><Sts>"));
    // Payments that do not add up to their entry: the entry is one payment for a person.
    assert_eq!(shape(&camt(text.replacen(">1.50<", ">1.60<", 1).as_bytes()).unwrap()), ["check 1.60"]);
    assert_eq!(held(&camt(&text.as_bytes()[..text.len() - 60]).unwrap_or_default()), Vec::<bool>::new());
}

#[test]
fn bai2_detail_of_payers_only() {
    let text = "01,BANK,ACME,261103,0645,1,,,2/\n02,ACME,BANK,1,261102,2400,USD,2/\n03,123,USD/\n\
        16,142,2500,Z,R1,C1,ACH CREDIT\n88,REMI: INV 8140622\n16,175,900,Z,R2,,CHECK DEPOSIT/\n16,475,100,Z,R3,,CHECK PAID/\n\
        49,3500,6/\n98,3500,1,8/\n99,3500,1,10/\n";
    let intakes = bai2(text.as_bytes()).unwrap();
    assert_eq!(shape(&intakes), ["check 25.00 | invoice 8140622 25.00"]);
    assert_eq!(held(&intakes), [false]);
    assert_eq!(intakes[0].problems.iter().filter(|p| p.code == "left-out").count(), 2);
    assert_eq!(held(&bai2(text.replace("49,3500", "49,3501").as_bytes()).unwrap()), [true]);
    assert_eq!(held(&bai2(text.replace("ACME,BANK,1,", "ACME,BANK,3,").as_bytes()).unwrap()), [true]);
}

/// Each payment says what its money is; the books ask a person before money of another currency moves.
#[test]
fn the_currency_of_the_file_is_kept() {
    let of = |intakes: Vec<Intake>| -> Vec<Option<String>> {
        let documents = intakes.into_iter().flat_map(|i| i.documents);
        documents.map(|d| d.remittance.unwrap_or_default().currency).collect()
    };
    let advice = String::from_utf8(write_820(&advice()).unwrap()).unwrap();
    assert_eq!(of(x12(advice.as_bytes()).unwrap()), [None, None, None]);
    let (trn, count) = (advice.find("TRN*").unwrap(), advice.replace("SE*9", "SE*10"));
    let foreign = format!("{}CUR*PR*CAD~{}", &count[..trn], &count[trn..]);
    assert_eq!(of(x12(foreign.as_bytes()).unwrap()), vec![Some("CAD".to_string()); 3]);
    let statement = |group: &str, account: &str| {
        let text = format!(
            "01,BANK,ACME,261103,0645,1,,,2/\n02,ACME,BANK,1,261102,2400,{group},2/\n03,123,{account}/\n\
             16,142,2500,Z,R1,C1,ACH CREDIT\n49,2500,3/\n98,2500,1,5/\n99,2500,1,7/\n"
        );
        let intakes = bai2(text.as_bytes()).unwrap();
        let amount = intakes[0].documents[0].station_amount.unwrap();
        (of(intakes)[0].clone().unwrap_or_default(), amount.get())
    };
    let rows = [("USD", "", "USD", 2500), ("", "", "", 2500), ("USD", "eur", "EUR", 2500), ("JPY", "", "JPY", 250_000)];
    for (group, account, currency, cents) in rows {
        assert_eq!(statement(group, account), (currency.to_string(), cents), "{group} {account}");
    }
    let entry = OutgoingEntry { reference: "R".into(), payments: vec![("A".into(), "x".into(), Cents::new(100))] };
    let (date, entries) = ("2026-11-03".parse().unwrap(), vec![entry]);
    let notification = OutgoingNotification { id: "N1".into(), account: "1".into(), date, entries };
    let text = String::from_utf8(write_054(&notification).unwrap()).unwrap();
    assert_eq!(of(camt(text.as_bytes()).unwrap()), [Some("USD".to_string())]);
    assert_eq!(of(camt(text.replace("USD", "CHF").as_bytes()).unwrap()), [Some("CHF".to_string())]);
}

#[test]
fn a_csv_by_a_mapping() {
    let own = "payment,payer,amount,invoice,paid\n1,Ann,3.00,A1,1.00\n1,Ann,3.00,A2,2.00\n2,Bob,5.00,B1,\n";
    let wanted = ["check 3.00 | invoice A1 1.00 | invoice A2 2.00", "check 5.00 | invoice B1 5.00"];
    assert_eq!(shape(&remittance_csv(own.as_bytes(), None).unwrap()), wanted);
    let mapping: crate::formats::bills_csv::NamedMapping = toml::from_str(
        "name = \"x\"\namount_format = \"comma\"\n\
         columns = { amount = \"Summe\", invoice = \"Rechnung\", payment = \"Nr\", paid = \"Teil\" }\n",
    )
    .unwrap();
    let mappings = [mapping];
    let theirs = "Nr;Summe;Rechnung;Teil\n1;3,00;A1;1,00\n1;3,00;A2;2,00\n2;5,00;B1;\n";
    let mapping = crate::formats::bills_csv::mapping_for(theirs.as_bytes(), &mappings);
    assert_eq!(shape(&remittance_csv(theirs.as_bytes(), mapping).unwrap()), wanted);
    for bad in
        ["payment,amount\n1,2.00\n", "amount,invoice\n1.5,A\n", "amount,invoice\n1.00,\n", "amount,invoice\n0.00,A\n"]
    {
        let told = remittance_csv(bad.as_bytes(), None);
        assert!(matches!(told, Err(IntakeError::Refused(_))), "{bad} {told:?}");
    }
}
