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
    draw_boxes(&mut sheet, face);
    sheet
}

/// A box that the member may mark, or write a meter's digits into: inches from the paper's left upper corner.
struct Printed {
    name: &'static str,
    caption: &'static str,
    x: f32,
    y: f32,
    w: f32,
    h: f32,
    cells: usize,
    /// How many of a hundred members mark it.
    percent: u64,
}

const fn tick(name: &'static str, caption: &'static str, x: f32, y: f32, percent: u64) -> Printed {
    Printed { name, caption, x, y, w: 0.16, h: 0.16, cells: 1, percent }
}

const ENERGY: [Printed; 3] = [
    tick("donation", "Add $5.00 for Neighbors in Need", 0.6, 2.62, 12),
    tick("address_change", "My address has changed (see back)", 0.6, 2.92, 6),
    Printed {
        name: "meter_reading",
        caption: "Meter reading",
        x: 2.55,
        y: 2.58,
        w: 1.25,
        h: 0.3,
        cells: 5,
        percent: 15,
    },
];
const PROPANE: [Printed; 2] = [
    tick("address_change", "My address has changed (see back)", 0.6, 2.2, 6),
    tick("donation", "Add $5.00 for winter heating aid", 0.6, 2.48, 12),
];
const FIBER: [Printed; 1] = [tick("autopay", "Pay this bill by itself each month", 4.1, 2.5, 9)];

fn printed(biller: usize) -> &'static [Printed] {
    match biller {
        0 => &ENERGY,
        1 => &PROPANE,
        _ => &FIBER,
    }
}

/// The boxes of a stub by the names that a reading gives them, and whether each was marked. A meter's boxes are numbered.
pub fn boxes(face: &StubFace) -> Vec<(String, bool)> {
    let mut chance = Chance::of(face.look, "boxes", 0);
    let mut out = Vec::new();
    for form in printed(face.biller) {
        let marked = chance.percent(form.percent);
        match form.cells {
            1 => out.push((form.name.to_string(), marked)),
            cells => out.extend((1..=cells).map(|n| (format!("{}_{n}", form.name), marked))),
        }
    }
    out
}

/// Draw the boxes, and what the member put into them.
fn draw_boxes(sheet: &mut Sheet, face: &StubFace) {
    let mut chance = Chance::of(face.look, "pen in boxes", 0);
    let marked: Vec<String> = boxes(face).into_iter().filter(|b| b.1).map(|b| b.0).collect();
    let hand = Hand::of(&mut chance);
    for form in printed(face.biller) {
        let cell = form.w / form.cells as f32;
        for n in 0..form.cells {
            let x = form.x + n as f32 * cell;
            sheet.frame(x, form.y, cell, form.h, 0.009, 50);
            let name = if form.cells == 1 { form.name.to_string() } else { format!("{}_{}", form.name, n + 1) };
            if !marked.contains(&name) {
                continue;
            }
            if form.cells > 1 {
                let digit = chance.below(10).to_string();
                hand.write(sheet, &mut chance, x + 0.07, form.y + 0.23, 0.16, &digit);
                continue;
            }
            let mut at = |dx: f32, dy: f32| [x + dx + 0.015 * chance.spread(), form.y + dy + 0.015 * chance.spread()];
            let (a, b, c, d) = (at(0.02, 0.03), at(0.14, 0.14), at(0.14, 0.01), at(0.02, 0.15));
            if chance.percent(60) {
                sheet.stroke(vec![a, b], 0.016, 60);
                sheet.stroke(vec![c, d], 0.016, 60);
            } else {
                sheet.stroke(vec![[a[0], a[1] + 0.06], [a[0] + 0.05, d[1] - 0.01], [c[0] + 0.03, c[1]]], 0.016, 60);
            }
        }
        let (x, y) = if form.cells == 1 { (form.x + 0.24, form.y + 0.12) } else { (form.x, form.y - 0.04) };
        print(sheet, x, y, form.caption, plain(0.065));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::layout::Layouts;

    /// Where the layouts say that a box is, there it is printed: from the middle of the line's first character, or from
    /// the code's corner.
    #[test]
    fn the_layouts_know_the_places_of_the_boxes() {
        let layouts = Layouts::parse(super::super::tables::LAYOUTS).unwrap();
        let sizes = [(8.5, 3.5), (8.0, 3.5), (7.5, 3.375)];
        // Digits of OCR-A and OCR-B are about 0.1 inch high, in cells of a tenth of an inch.
        let anchors = [(8.5 - 0.55 - 3.8 + 0.05, 3.5 - 0.42 - 0.05), (0.65, 3.5 - 0.45 - 0.05), (7.5 - 1.75, 0.55)];
        for (biller, layout) in layouts.all.iter().enumerate() {
            assert_eq!(layout.size, Some(sizes[biller]), "{}", layout.name);
            let (x, y) = anchors[biller];
            assert_eq!(layout.boxes.len(), printed(biller).len(), "{}", layout.name);
            for (form, at) in printed(biller).iter().zip(&layout.boxes) {
                let off = (at.x - (form.x - x)).abs().max((at.y - (form.y - y)).abs());
                assert!(off < 0.02, "{} {}: {off} inches off", layout.name, form.name);
                assert_eq!((at.name.as_str(), at.w, at.h, at.cells as usize), (form.name, form.w, form.h, form.cells));
            }
        }
    }
}
