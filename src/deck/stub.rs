//! The payment coupons of the three services, and a letter that a member put into the envelope.

use rxing::{BarcodeFormat, Writer};

use super::chance::Chance;
use super::face::StubFace;
use super::letters::{Hand, Type, bold, plain, print, print_cells, print_to, width};
use super::ocr::{self, Face};
use super::people::{BILLERS, BillerForm};
use super::sheet::Sheet;
use crate::domain::Cents;

pub fn front(face: &StubFace, size: (f32, f32)) -> Sheet {
    let mut chance = Chance::of(face.look, "front", 0);
    let mut sheet = Sheet::new(size.0, size.1, chance.between(243, 252) as u8);
    match face.biller {
        0 => energy(&mut sheet, face, &mut chance),
        1 => propane(&mut sheet, face, &mut chance),
        _ => fiber(&mut sheet, face, &mut chance),
    }
    sheet
}

fn dollars(amount: Option<Cents>) -> String {
    amount.map(|a| format!("${a}")).unwrap_or_default()
}

fn due(face: &StubFace) -> String {
    face.bill.due_date.map(|d| d.to_string()).unwrap_or_default()
}

fn member(sheet: &mut Sheet, face: &StubFace, x: f32, y: f32) {
    let bill = &face.bill;
    let lines = [bill.name.clone(), bill.address.clone(), format!("{} {} {}", bill.city, bill.state, bill.zip)];
    for (n, line) in lines.iter().enumerate() {
        let typed = Type { weight: 0.13, ..plain(0.1) };
        print_cells(sheet, x, y + n as f32 * 0.16, &line.to_uppercase(), typed, 0.1);
    }
}

/// The amount-enclosed box, with what the member wrote into it.
fn enclosed(sheet: &mut Sheet, face: &StubFace, chance: &mut Chance, x: f32, y: f32, w: f32) {
    sheet.frame(x, y, w, 0.28, 0.01, 40);
    if let Some(cents) = face.enclosed {
        let hand = Hand::of(chance);
        hand.write(sheet, chance, x + 0.15, y + 0.21, 0.13, &format!("{}.{:02}", cents / 100, cents % 100));
    }
}

fn remit_to(sheet: &mut Sheet, biller: &BillerForm, x: f32, y: f32) {
    for (n, line) in [biller.name, biller.box_line, biller.town].iter().enumerate() {
        print(sheet, x, y + n as f32 * 0.14, &line.to_uppercase(), plain(0.08));
    }
}

/// Electricity: a box of figures on the right, the OCR-A line at the foot.
fn energy(sheet: &mut Sheet, face: &StubFace, chance: &mut Chance) {
    let (w, h) = (sheet.width, sheet.height);
    let form = &BILLERS[0];
    sheet.perforation(0.07, 70);
    print(sheet, 0.5, 0.42, form.name, bold(0.125));
    print(sheet, 0.5, 0.6, "Please return this portion with your payment", plain(0.075));
    print(sheet, 0.5, 0.74, "Make checks payable to the cooperative. Thank you for being a member.", plain(0.055));
    let rows = [
        ("ACCOUNT NUMBER", face.bill.account.reveal().to_string()),
        ("CURRENT CHARGES", dollars(face.bill.current)),
        ("PAST DUE", dollars(face.bill.past_due)),
        ("DUE DATE", due(face)),
        ("AMOUNT DUE", dollars(Some(face.bill.amount_due))),
        ("AFTER DUE DATE", dollars(face.bill.late_amount)),
    ];
    let (x, y, row) = (w - 3.3, 0.25, 0.215);
    for (n, (caption, value)) in rows.iter().enumerate() {
        let top = y + n as f32 * row;
        sheet.frame(x, top, 2.9, row, 0.007, 80);
        print(sheet, x + 0.07, top + 0.145, caption, plain(0.07));
        let face = if n == 4 { bold(0.1) } else { plain(0.09) };
        print_to(sheet, x + 2.83, top + 0.15, value, face);
    }
    print(sheet, x, y + 6.0 * row + 0.25, "AMOUNT ENCLOSED", plain(0.07));
    enclosed(sheet, face, chance, x + 1.3, y + 6.0 * row + 0.07, 1.6);
    member(sheet, face, 0.6, 1.25);
    remit_to(sheet, form, 0.6, 2.1);
    let line = &face.lines.scanline;
    let weight = 0.0012 * chance.spread();
    ocr::print(sheet, Face::A, w - 0.55 - ocr::width(line), h - 0.42, line, weight, 25);
}

/// Propane: a shaded head, a Code 128, the OCR-B line on the left.
fn propane(sheet: &mut Sheet, face: &StubFace, chance: &mut Chance) {
    let (w, h) = (sheet.width, sheet.height);
    let form = &BILLERS[1];
    sheet.block(0.0, 0.1, w, 0.5, 214);
    print(sheet, 0.4, 0.42, &form.name.to_uppercase(), bold(0.14));
    print_to(sheet, w - 0.4, 0.4, "REMITTANCE ADVICE", plain(0.09));
    let columns = [
        ("Account", face.bill.account.reveal().to_string()),
        ("Invoice", face.bill.invoice.clone()),
        ("Pay by", due(face)),
        ("Total due", dollars(Some(face.bill.amount_due))),
        ("If paid late", dollars(face.bill.late_amount)),
    ];
    for (n, (caption, value)) in columns.iter().enumerate() {
        let x = 0.4 + n as f32 * 1.5;
        print(sheet, x, 0.82, caption, plain(0.07));
        print(sheet, x, 1.0, value, bold(0.095));
    }
    member(sheet, face, 0.6, 1.45);
    print(sheet, w - 3.3, 1.95, "Amount enclosed", plain(0.075));
    enclosed(sheet, face, chance, w - 2.2, 1.78, 1.75);
    bars(sheet, &face.lines.barcode, w - 3.3, 1.2, 0.45);
    remit_to(sheet, form, w - 3.3, 2.4);
    let weight = 0.0012 * chance.spread();
    ocr::print(sheet, Face::B, 0.6, h - 0.45, &face.lines.scanline, weight, 25);
}

/// Fiber: a frame around everything and a QR code; no scanline.
fn fiber(sheet: &mut Sheet, face: &StubFace, chance: &mut Chance) {
    let (w, h) = (sheet.width, sheet.height);
    let form = &BILLERS[2];
    sheet.frame(0.15, 0.15, w - 0.3, h - 0.3, 0.014, 50);
    print(sheet, 0.4, 0.5, &form.name.to_uppercase(), bold(0.15));
    print(sheet, 0.4, 0.68, "Internet and telephone - payment slip", plain(0.08));
    let rows = [
        ("Account", face.bill.account.reveal().to_string()),
        ("Invoice", face.bill.invoice.clone()),
        ("Due", due(face)),
        ("Amount due", dollars(Some(face.bill.amount_due))),
        ("After due date", dollars(face.bill.late_amount)),
    ];
    for (n, (caption, value)) in rows.iter().enumerate() {
        let y = 0.98 + n as f32 * 0.18;
        print(sheet, 0.4, y, caption, plain(0.085));
        print(sheet, 1.55, y, value, bold(0.09));
    }
    member(sheet, face, 0.5, 2.2);
    square(sheet, &face.lines.barcode, w - 1.75, 0.55, 0.025);
    print_to(sheet, w - 1.95, 1.95, "Amount enclosed", plain(0.075));
    enclosed(sheet, face, chance, w - 1.85, 1.78, 1.5);
    let closing = "Make your check payable to Basin Light Fiber. Please do not send cash.";
    print(sheet, 0.4, h - 0.28, closing, plain(0.06));
}

/// A Code 128 with bars of whole hundredths of an inch.
fn bars(sheet: &mut Sheet, text: &str, x: f32, y: f32, height: f32) {
    let Ok(code) = rxing::oned::Code128Writer.encode(text, &BarcodeFormat::CODE_128, 0, 1) else { return };
    let (first, last) = inked(&code, 0);
    let mut start = first;
    while start <= last {
        let mut end = start;
        while end <= last && code.get(end, 0) {
            end += 1;
        }
        if end > start {
            sheet.block(x + (start - first) as f32 * 0.0115, y, (end - start) as f32 * 0.0115, height, 20);
        }
        start = end + 1;
    }
}

/// A QR code with modules of `module` inches.
fn square(sheet: &mut Sheet, text: &str, x: f32, y: f32, module: f32) {
    let Ok(code) = rxing::qrcode::QRCodeWriter.encode(text, &BarcodeFormat::QR_CODE, 0, 0) else { return };
    let Some((top, left)) =
        (0..code.height()).find_map(|r| (0..code.width()).find(|c| code.get(*c, r)).map(|c| (r, c)))
    else {
        return;
    };
    for row in top..code.height() {
        let mut column = left;
        while column < code.width() {
            let mut end = column;
            while end < code.width() && code.get(end, row) {
                end += 1;
            }
            if end > column {
                let (dx, dy) = ((column - left) as f32 * module, (row - top) as f32 * module);
                sheet.block(x + dx, y + dy, (end - column) as f32 * module, module, 20);
            }
            column = end + 1;
        }
    }
}

/// First and last dark module of a row.
fn inked(code: &rxing::common::BitMatrix, row: u32) -> (u32, u32) {
    let dark = |c: &u32| code.get(*c, row);
    ((0..code.width()).find(dark).unwrap_or(0), (0..code.width()).rev().find(dark).unwrap_or(0))
}

/// The back of a coupon: the usual small print.
pub fn back(face: &StubFace, size: (f32, f32)) -> Sheet {
    let mut sheet = Sheet::new(size.0, size.1, 248);
    let form = &BILLERS[face.biller.min(2)];
    print(&mut sheet, 0.5, 0.45, "Change of address or telephone", bold(0.09));
    for n in 0..4 {
        let y = 0.8 + n as f32 * 0.3;
        sheet.rule([0.5, y], [size.0 / 2.0, y], 0.006, 110);
    }
    let lines = [
        "Payments received after 5 p.m. are posted the next business day.",
        "A returned check adds a charge to the account.",
        "Questions? Call the office before the due date.",
        form.name,
    ];
    for (n, line) in lines.iter().enumerate() {
        print(&mut sheet, size.0 / 2.0 + 0.3, 0.8 + n as f32 * 0.16, line, plain(0.06));
    }
    sheet
}

const LETTER: [&str; 8] = [
    "To the office",
    "Please note that we have moved to the",
    "house at the end of the road and that",
    "the meter by the barn was read twice",
    "last month. Could somebody call me",
    "about the bill? I will pay the rest",
    "when I hear from you.",
    "Thank you",
];

/// A letter by hand. It pays nothing.
pub fn letter(look: u64, size: (f32, f32)) -> Sheet {
    let mut chance = Chance::of(look, "letter", 0);
    let mut sheet = Sheet::new(size.0, size.1, 247);
    let hand = Hand::of(&mut chance);
    let height = 0.17 / (width("the house at the end of the road and that", 0.17) / (size.0 - 1.6)).max(0.9);
    for (n, line) in LETTER.iter().enumerate() {
        let x = 0.7 + 0.06 * chance.spread();
        hand.write(&mut sheet, &mut chance, x, 0.8 + n as f32 * 0.45, height, line);
    }
    hand.sign(&mut sheet, &mut chance, 3.2, 4.7, 1.6);
    sheet
}
