//! Seeds for the targets: small files made here with the program's own writers, and what the samples hold.

use std::path::{Path, PathBuf};

use remit::deck;
use remit::domain::{Cents, Day, RoutingNumber};
use remit::formats::x9::{self, CashLetter, Encoding, LetterHead, OutgoingCheck, Profile};
use remit::imaging::{self, Bits};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// What the project's own samples (and the shared ones, where they are) hold for a target, a few of each kind, the smallest
/// first.
pub fn samples(target: &str) -> Vec<Vec<u8>> {
    let ends: &[&str] = match target {
        "layouts" => &["layouts.toml"],
        "capture_index" => &["index.csv"],
        "bills" => &["bills.csv", "payers.csv"],
        "lockbox" => &["lockbox.txt", ".bai", "-80.txt"],
        "ach" => &[
            "arc-debit.ach",
            "return-WEB.ach",
            "cor-read.ach",
            "iat-debit.ach",
            "adv-read.ach",
            "ctx-debit.ach",
            "invalid.ach",
        ],
        "statement" => &[".bai2"],
        "advice" => &[".edi", "_ScanaEnergy.txt", "_Safeway.txt"],
        "account_message" => &["camt053.v8.xml", "camt054.v4.xml", "_v4.xml", "minimal.xml", "valid_example.xml"],
        "image" => &[".tif", ".jpg", ".png"],
        "document" => &["F.tif", "F.jpg"],
        "letter_proof" => &[".x9", ".x937"],
        "sent_back" => &["return-WEB.ach", "cor-read.ach", "dishonored-return.ach", ".bai2", ".icl"],
        "cash_letter" => &[".icl", ".x937", ".bin"],
        _ => &[],
    };
    let mut all = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples"));
    if let Some(shared) = std::env::var_os("REMIT_SHARED") {
        all.extend(files(&Path::new(&shared).join("data")));
    }
    // Inputs of earlier runs that reached what others did not, and those that once broke something.
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut found: Vec<Vec<u8>> = files(&kept).iter().filter_map(|path| std::fs::read(path).ok()).collect();
    for end in ends {
        let mut some: Vec<Vec<u8>> =
            all.iter().filter(|p| p.to_string_lossy().ends_with(end)).filter_map(|p| std::fs::read(p).ok()).collect();
        some.sort_by_key(Vec::len);
        some.truncate(6);
        found.extend(some);
    }
    found
}

const LAYOUTS: &str = r#"
[[layout]]
name = "gas"
biller = "gas"
scanline = { font = "ocr-a", template = "{account:10} {amount_due:8} {kind:2} {check:1}" }
checks = [{ scheme = "luhn", covers = "1-20", digit = 21 }]

[[layout]]
name = "water"
biller = "water"
scanline = { font = "ocr-b", template = ">{account:9}<{invoice:7}+{amount_due:9} {check:1}" }
barcodes = [{ symbology = "qr", template = "W|{account}|{invoice}|{amount_due}|{due_date}" },
  { symbology = "itf", template = "{account:7,prefix=P}{amount_due:9}{check:1}", checks = [{ scheme = "luhn", covers = "1-16", digit = 17 }] }]
checks = [{ modulus = 11, weights = [2, 3, 4, 5, 6, 7], anchor = "right", result = "complement", ten = "0", covers = "1-25", digit = 26 }]
"#;

const INDEX: &str = "batch,seq,front,back,front_gray,doc_type,dpi,micr,amount\r\n\
b1,1,0001_F.tif,0001_B.tif,0001_F.jpg,check,200,<001234<:061000146:12345678<,123.45\r\n\
b1,2,0002_F.tif,,,stub,200,,\r\n";

const BILLS: &str = "biller,bill,account,name,address,city,state,zip,amount_due,current,past_due,late_amount,due_date,\
invoice,status\nwater,B1,0012345678,\"Ng, Ann\",1 Elm St,Cedar,GA,30301,123.45,100.00,23.45,130.00,2026-11-20,0000017,\
active\nwater,B2,0012345679,O'Hara,,,,,0.00,,,,2026-12-01,0000018,closed\n";

const PAYERS: &str = "biller,routing,bank_account,account\nwater,061000146,12345678,0012345678\n";

const MAPPING: &str = "[columns]\nbill = \"Nr\"\naccount = \"Kto\"\namount_due = \"Open\"\ndue_date = \"Due\"\n[constants]\nbiller = \"gas\"\n";

const OTHER_BILLS: &str = "Nr,Kto,Open,Due\n17,0012345678,88.10,2026-11-30\n";

/// Converted checks, balanced by a credit, and a return with its reason; without the blanks that end a record.
const ACH: [&str; 2] = [
    "101 021000021 0114014942611030645A094101FIRST SAMPLE BANK      ACME UTILITIES\n\
     5225ACME UTILITIES                      1234567890ARCBILL PMT  261103261104   1011401490000001\n\
     6270210000211234567890       00000084251021           ACCT 00345678901 1      0011401490000001\n\
     6271210428820009988776       0000249999554321         ACCT 00345678901 2      0011401490000002\n\
     63709100001977               00000001000001           ACCT 00345678901 3      0011401490000003\n\
     822500000300233042910000002585240000000000001234567890                         011401490000001\n\
     5220ACME UTILITIES                      1234567890CCDOFFSET    261103261104   1011401490000002\n\
     622011401494000123456789     0000258524OFFSET-1       ACME UTILITIES          0011401490000001\n\
     822000000100011401490000000000000000002585241234567890                         011401490000002\n\
     9000002000001000000040024444440000000258524000000258524\n",
    "101 091400606 6910001341810170306A094101FIRST BANK             APPLICATION\n\
     5200COINLION                            123456789 WEBTRANSFER        000101   1091000010000001\n\
     626091400606123456789        0000012354MJMXNDAWMJATOGQPAUL JONES            S 1091000017611242\n\
     799R01091400600000001      09100001                                            091000017611242\n\
     82000000020009140060000000012354000000000000123456789                          091000010000001\n\
     9000001000001000000020009140060000000012354000000000000\n",
];

fn ach() -> Vec<Vec<u8>> {
    let lines = |text: &str, end: &str| text.lines().map(|l| format!("{l:<94}{end}")).collect::<String>().into_bytes();
    ACH.iter().flat_map(|text| [lines(text, "\n"), lines(text, "")]).collect()
}

const STATEMENT: &str = "01,BANK,ACME,261103,0645,1,,,2/\n02,ACME,BANK,1,261102,2400,USD,2/\n03,123,USD,100,3500,2,S,1000,2000,500/\n\
16,142,2500,V,261103,,REF1,CUST1,ACH CREDIT, INV 8140622\n88,REMI: INV 8140622\n16,195,1000,D,2,0,400,1,600,REF2,,WIRE/\n\
49,7000,5/\n98,7000,1,7/\n99,7000,1,9/\n";

const ADVICE: &str = "ISA*00*          *00*          *01*021000021      *ZZ*ACMEUTIL       *261103*0645*U*00401*000000077*0*P*>~\n\
GS*LB*021000021*ACMEUTIL*20261103*0645*77*X*004010~\nST*823*0001~\nDEP*0012345*20261103*0630*1~\nAMT*1*84.25~\n\
BAT*20261103*0630*1~\nAMT*2*84.25~\nBPR*I*84.25*C*CHK*PBC*01*011401494*DA*1234567890~\nTRN*1*1021~\nN1*PR*J SAMPLE~\n\
RMR*IV*INV1**94.25*94.25*0~\nADX*-10*06~\nREF*IV*INV1~\nSE*12*0001~\nGE*1*77~\nIEA*1*000000077~\n";

const MESSAGE: &str = "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn>\
<GrpHdr><MsgId>1</MsgId></GrpHdr><Ntfctn><Id>1</Id><Acct><Id><IBAN>X1</IBAN></Id></Acct><Ntry><Amt Ccy=\"USD\">1.50</Amt>\
<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt><NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>\
<TxDtls><Amt Ccy=\"USD\">1.00</Amt><RmtInf><Strd><RfrdDocInf><Nb>INV1</Nb></RfrdDocInf><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf>\
</Strd></RmtInf></TxDtls><TxDtls><Amt Ccy=\"USD\">0.50</Amt><RmtInf><Ustrd>INV 8140622 &amp; &#65;</Ustrd></RmtInf></TxDtls></NtryDtls>\
</Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>";

const MAGNETIC: &str = "<001234<:061000146:12345678<\n<000077<:061000146:1234-5678< 0101\n:061000146:99887766<0007\n";

const CONFIG: &str =
    "[site]\nname = \"Valley Electric\"\n[capture]\ndocuments_per_job = 9\n[returns]\nfee = \"25.00\"\n";

const REMITTANCES: &str = "payment,payer,date,amount,account,invoice,paid,routing,bank_account,check_number\n\
1,Ann,2026-11-03,3.00,,A1,1.00,061000146,12345678,101\n1,Ann,2026-11-03,3.00,0012345678,,2.00,,,\n";

/// A small page with strokes and dots on it.
fn page(width: usize, height: usize) -> Bits {
    let mut bits = Bits::new(width, height);
    for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
        bits.set(x, y, (x / 3 + y / 5) % 7 == 0 || (x * y) % 31 == 1);
    }
    bits
}

/// The same page in every kind of image file that is taken.
fn images() -> Vec<Vec<u8>> {
    let bits = page(203, 77);
    let gray = imaging::to_gray(&bits);
    let mut all = vec![imaging::tiff::write_g4(&bits, 200)];
    all.extend(imaging::jpeg::write_gray(&gray, 70, 200));
    for (format, color) in [
        (image::ImageFormat::Png, image::ExtendedColorType::L8),
        (image::ImageFormat::Jpeg, image::ExtendedColorType::L8),
        (image::ImageFormat::Png, image::ExtendedColorType::Rgb8),
    ] {
        let channels = if color == image::ExtendedColorType::L8 { 1 } else { 3 };
        let pixels: Vec<u8> = gray.pixels().iter().flat_map(|p| std::iter::repeat_n(*p, channels)).collect();
        let mut out = std::io::Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut out, &pixels, gray.width() as u32, gray.height() as u32, color, format)
            .expect("a picture can be written");
        all.push(out.into_inner());
    }
    // Uncompressed, LZW and deflate TIFF, as office scanners write them.
    for compression in [tiff::encoder::Compression::Uncompressed, tiff::encoder::Compression::Lzw] {
        let mut out = std::io::Cursor::new(Vec::new());
        let mut encoder =
            tiff::encoder::TiffEncoder::new(&mut out).expect("a TIFF can be begun").with_compression(compression);
        encoder
            .write_image::<tiff::encoder::colortype::Gray8>(gray.width() as u32, gray.height() as u32, gray.pixels())
            .expect("a TIFF can be written");
        all.push(out.into_inner());
    }
    all
}

fn group4() -> Vec<Vec<u8>> {
    [(203usize, 77usize), (1, 1), (64, 9)]
        .iter()
        .map(|(w, h)| {
            let sizes = [(*w as u16).to_be_bytes(), (*h as u16).to_be_bytes()].concat();
            [sizes, imaging::g4::encode(&page(*w, *h))].concat()
        })
        .collect()
}

/// Seeds made here, each of which its target must be able to read.
pub fn own(target: &str) -> Vec<Vec<u8>> {
    match target {
        "layouts" => vec![LAYOUTS.into()],
        "scanline" => ["0012345678 00012345 01 5", ">123456782<1234567+000123456 7", "001234567800012345015"]
            .iter()
            .map(|line| format!("{LAYOUTS}\n----\n{line}").into_bytes())
            .collect(),
        "ach" => ach(),
        "statement" => vec![STATEMENT.into()],
        "advice" => vec![ADVICE.into(), ADVICE.replace('\n', "").into(), "RMR*IV*INV123**100.00\\".into()],
        "account_message" => vec![MESSAGE.into()],
        "remittance_list" => vec![REMITTANCES.into()],
        "letter_proof" => letters(),
        "sent_back" => {
            vec![ach().pop().expect("a return"), STATEMENT.replace("16,142,", "16,555,").into()]
        }
        "magnetic" => vec![MAGNETIC.into()],
        "config" => vec![CONFIG.into(), b"".into()],
        "amount" => [&b"123.45"[..], b"-0.05", b"92233720368547758.07", b"d0123456789abcdef"].map(Vec::from).into(),
        "image" => images(),
        "group4" => group4(),
        "capture_index" => vec![INDEX.into()],
        "cash_letter" => letters(),
        "account_line" => {
            [&b"C001234C A061000146A 12345678C 0101"[..], b"A061000146A 12345678C 0101"].map(Vec::from).into()
        }
        "document" => documents(),
        "lockbox" => {
            let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("scanner-samples/lockbox.txt");
            vec![std::fs::read(sample).expect("the sample lockbox file")]
        }
        "bills" => vec![BILLS.into(), PAYERS.into(), format!("{MAPPING}\n----\n{OTHER_BILLS}").into_bytes()],
        _ => Vec::new(),
    }
}

/// A deposit of two checks in three dresses.
fn letters() -> Vec<Vec<u8>> {
    let image = imaging::tiff::write_g4(&page(60, 30), 200);
    let bank = RoutingNumber::new("061000146").expect("a routing number");
    let day: Day = "2026-11-27".parse().expect("a day");
    let check = |sequence| OutgoingCheck {
        routing: bank.clone(),
        on_us: "12345678/0101".into(),
        auxiliary_on_us: String::new(),
        external_processing_code: String::new(),
        amount: Cents::new(12_345),
        sequence,
        front: &image,
        back: &image,
    };
    let letter = CashLetter { head: LetterHead::first_of(day, "1705", "1"), checks: vec![check(1), check(2)] };
    let usual = Profile::usual(&bank, "123456780");
    let ascii = Profile { encoding: Encoding::Ascii, level: "35".into(), ..usual.clone() };
    let blocks = Profile { length_words: false, ..usual.clone() };
    [usual, ascii, blocks].iter().map(|p| x9::write(&letter, p).expect("a letter can be written")).collect()
}

/// A check and a stub from the program's own printer.
fn documents() -> Vec<Vec<u8>> {
    let plan = deck::plan(8, 1, "2026-11-20".parse().expect("a day"));
    let front = |piece: &deck::plan::Piece, station| deck::pictures(0, piece, station).swap_remove(0).bytes;
    let checks = plan.trays.iter().flat_map(|tray| tray.pieces.iter().map(|p| (p, tray.station)));
    let readable = checks.filter(|(p, _)| matches!(p.paper, deck::face::Paper::Check(_)) && !p.are_sides_swapped);
    readable.take(2).map(|(piece, station)| front(piece, station)).collect()
}
