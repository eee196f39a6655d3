//! ACH, BAI2, 820 and camt files: converted checks in batches of 500, credits of one account, one payment of many lines, one
//! notification of many entries.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use remit::domain::{Cents, DocumentId, RoutingNumber};
use remit::formats::{Format, inspect_from};
use remit::truncation::{ArcItem, ArcProfile, Offset, arc_file, trace_number};

use crate::{Case, Run};

pub const NACHA: Case = Case {
    name: "nacha",
    what: "ARC, batches of 500 entries",
    make: make_nacha,
    run: Run::Read(|file| read(file, Format::Nacha)),
};

pub const NACHA_WRITTEN: Case = Case {
    name: "nacha-write",
    what: "ARC, one batch, balanced, written and read back",
    make: |_, _| Ok(()),
    run: Run::Write(write_nacha),
};

pub const BAI2: Case = Case {
    name: "bai2",
    what: "16 with one 88 each",
    make: make_bai2,
    run: Run::Read(|file| read(file, Format::Bai2)),
};

pub const X12: Case = Case {
    name: "x12-820",
    what: "payments of two lines, sets of 500",
    make: make_x12,
    run: Run::Read(|file| read(file, Format::X12Advice)),
};

pub const CAMT: Case = Case {
    name: "camt.054",
    what: "entries of one payment each",
    make: make_camt,
    run: Run::Read(|file| read(file, Format::Camt054)),
};

fn read(file: &mut File, format: Format) -> u64 {
    let found = inspect_from(file, format).expect("a file of the format");
    assert!(found.valid, "{:?}", found.problems.first());
    found.counts["items"]
}

fn make_nacha(out: &mut dyn Write, size: u64) -> std::io::Result<()> {
    const IN_BATCH: u64 = 500;
    let batches = (size / 95 / (IN_BATCH + 2)).max(1);
    writeln!(out, "{:<94}", "101 02100002112345678902611030645A094101")?;
    let (mut number, mut all) = (0u64, 0u64);
    for batch in 1..=batches {
        writeln!(
            out,
            "5225ACME UTILITIES                      1234567890ARCBILL PMT  261103261104   101140149{batch:07}"
        )?;
        let mut sum = 0;
        for _ in 0..IN_BATCH {
            number += 1;
            let amount = number * 7919 % 100_000 + 1;
            sum += amount;
            writeln!(
                out,
                "627021000021{:<17}{amount:010}{:<15}REF {number:<18}  001140149{:07}",
                1_000_000_000 + number,
                number % 10_000,
                number % 10_000_000
            )?;
        }
        all += sum;
        let hash = (IN_BATCH * 2_100_002) % 10_000_000_000;
        writeln!(
            out,
            "8225{IN_BATCH:06}{hash:010}{sum:012}{:012}1234567890                         01140149{batch:07}",
            0
        )?;
    }
    let (records, hash) = (2 + batches * (IN_BATCH + 2), (batches * IN_BATCH * 2_100_002) % 10_000_000_000);
    let blocks = records.div_ceil(10);
    let control = format!("9{batches:06}{blocks:06}{:08}{hash:010}{all:012}{:012}", batches * IN_BATCH, 0);
    writeln!(out, "{control:<94}")?;
    for _ in records..blocks * 10 {
        writeln!(out, "{}", "9".repeat(94))?;
    }
    Ok(())
}

fn write_nacha(_: &Path, size: u64) -> (u64, u64) {
    let routing = RoutingNumber::new("021000021").expect("a good number");
    let profile = ArcProfile {
        enabled: true,
        offset: Offset::CcdBatch,
        offset_routing: Some(routing.clone()),
        offset_account: "123456789".into(),
        ..ArcProfile::default()
    };
    let count = (size / 95).clamp(1, 90_000);
    let items: Vec<(ArcItem, String)> = (1..=count)
        .map(|n| {
            let item = ArcItem {
                document: DocumentId::of(&[&n.to_be_bytes()]),
                amount: Cents::new((n * 7919 % 100_000 + 1) as i64),
                routing: routing.clone(),
                account: format!("{}", 1_000_000_000 + n),
                serial: format!("{}", n % 10_000 + 1),
            };
            (item, trace_number(&profile, n))
        })
        .collect();
    let date = "2026-11-03".parse().expect("a day");
    let file = arc_file(&profile, &items, (date, "2026-11-03T17:01:00Z"), 1, &trace_number(&profile, count + 1))
        .expect("a proved file");
    (file.bytes().len() as u64, u64::from(file.count))
}

fn make_bai2(out: &mut dyn Write, size: u64) -> std::io::Result<()> {
    write!(out, "01,BANK,ACME,261103,0645,1,,,2/\n02,ACME,BANK,1,261102,2400,USD,2/\n03,123,USD/\n")?;
    let (mut bytes, mut details, mut sum) = (0, 0u64, 0);
    while bytes < size {
        details += 1;
        let amount = details * 7919 % 100_000 + 1;
        sum += amount;
        let line = format!(
            "16,142,{amount},Z,BR{details:010},CR{details:010},ACH CREDIT FROM PAYER {details}\n88,REMI: INV {details:08}\n"
        );
        out.write_all(line.as_bytes())?;
        bytes += line.len() as u64;
    }
    let records = details * 2 + 2;
    write!(out, "49,{sum},{records}/\n98,{sum},1,{}/\n99,{sum},1,{}/\n", records + 2, records + 4)
}

fn make_x12(out: &mut dyn Write, size: u64) -> std::io::Result<()> {
    out.write_all(
        b"ISA*00*          *00*          *01*021000021      *ZZ*ACMEUTIL       *261103*0645*U*00401*000000077*0*P*>~\n\
          GS*RA*021000021*ACMEUTIL*20261103*0645*77*X*004010~\n",
    )?;
    let (mut bytes, mut sets, mut number) = (0, 0u64, 0u64);
    while bytes < size {
        sets += 1;
        let mut text = format!("ST*820*{sets:04}~\n");
        for _ in 0..500 {
            number += 1;
            let cents = number * 7919 % 100_000 + 2;
            let money = |c: u64| format!("{}.{:02}", c / 100, c % 100);
            text.push_str(&format!(
                "BPR*C*{}*C*ACH*CTX*01*011401494*DA*{}*******20261103~\nTRN*1*{number}~\nN1*PR*PAYER {number}~\n\
                 RMR*IV*INV{number:08}**{}~\nRMR*AZ*{number:011}**0.01~\n",
                money(cents),
                1_000_000_000 + number,
                money(cents - 1)
            ));
        }
        text.push_str(&format!("SE*{}*{sets:04}~\n", 500 * 5 + 2));
        out.write_all(text.as_bytes())?;
        bytes += text.len() as u64;
    }
    write!(out, "GE*{sets}*77~\nIEA*1*000000077~\n")
}

fn make_camt(out: &mut dyn Write, size: u64) -> std::io::Result<()> {
    out.write_all(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">\
          <BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M1</MsgId></GrpHdr><Ntfctn><Id>N1</Id><Acct><Id><IBAN>X1</IBAN></Id></Acct>\n",
    )?;
    let (mut bytes, mut number) = (0, 0u64);
    while bytes < size {
        number += 1;
        let cents = number * 7919 % 100_000 + 1;
        let money = format!("{}.{:02}", cents / 100, cents % 100);
        let text = format!(
            "<Ntry><Amt Ccy=\"USD\">{money}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt>\
             <AcctSvcrRef>R{number}</AcctSvcrRef><NtryDtls><TxDtls><Amt Ccy=\"USD\">{money}</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties>\
             <Dbtr><Pty><Nm>Payer {number}</Nm></Pty></Dbtr></RltdPties><RmtInf><Strd><CdtrRefInf><Ref>{number:012}</Ref></CdtrRefInf>\
             </Strd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        );
        out.write_all(text.as_bytes())?;
        bytes += text.len() as u64;
    }
    out.write_all(b"</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n")
}
