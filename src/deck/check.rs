//! A check on paper: personal, business, money order or Canadian; front and back.

use super::chance::Chance;
use super::e13b::{self, Press};
use super::face::{CheckFace, CheckForm};
use super::letters::{Hand, Type, bold, plain, print, print_cells, print_down, print_to, width};
use super::people::in_words;
use super::sheet::Sheet;

/// The front. The magnetic line stands where the standard puts it; all else is as a printer of checks would.
pub fn front(face: &CheckFace) -> Sheet {
    let mut chance = Chance::of(face.look, "front", 0);
    let (w, h) = face.form.size();
    let mut sheet = Sheet::new(w, h, chance.between(228, 246) as u8);
    let ink = sheet.paper - 24;
    match chance.below(3) {
        0 => sheet.waves(0.09, 0.05, 1.1, ink),
        1 => sheet.waves(0.09, 0.025, 0.6, ink),
        _ => {}
    }
    let hand = Hand::of(&mut chance);
    let is_large = w > 7.0;
    let left = if is_large { 0.45 } else { 0.35 };
    let size = if is_large { 0.105 } else { 0.09 };
    head(&mut sheet, face, left, size, &mut chance);
    let row = |share: f32| h * share;

    // Date.
    let date_x = w * 0.62;
    print(&mut sheet, date_x, row(0.33), "DATE", plain(0.055));
    sheet.rule([date_x + 0.26, row(0.335)], [date_x + 1.35, row(0.335)], 0.008, 60);
    let d = face.date.date();
    let date = format!("{}/{}/{:02}", d.month(), d.day(), d.year() % 100);
    written(&mut sheet, &mut chance, face, &hand, date_x + 0.34, row(0.325), 0.12, &date);

    // Payee and the figures.
    let pay_y = row(0.47);
    print(&mut sheet, left, pay_y - 0.08, "PAY TO THE", plain(0.055));
    print(&mut sheet, left, pay_y, "ORDER OF", plain(0.055));
    let box_w = if is_large { 1.15 } else { 1.0 };
    let box_x = w - 0.4 - box_w;
    sheet.rule([left + 0.55, pay_y + 0.01], [box_x - 0.18, pay_y + 0.01], 0.008, 60);
    written(&mut sheet, &mut chance, face, &hand, left + 0.65, pay_y - 0.01, 0.13, &face.payee);
    print(&mut sheet, box_x - 0.14, pay_y, "$", bold(0.14));
    sheet.frame(box_x, pay_y - 0.19, box_w, 0.23, 0.009, 60);
    let figures = format!("{}.{:02}", face.cents / 100, face.cents % 100);
    let figures = if face.is_handwritten { figures } else { format!("**{figures}") };
    let room = width(&figures, 0.13).min(box_w - 0.1);
    written(&mut sheet, &mut chance, face, &hand, box_x + (box_w - room) / 2.0, pay_y - 0.025, 0.125, &figures);

    // The words.
    let words_y = row(0.58);
    sheet.rule([left, words_y + 0.01], [w - 0.95, words_y + 0.01], 0.008, 60);
    print(&mut sheet, w - 0.88, words_y, "DOLLARS", plain(0.055));
    let words = in_words(face.cents);
    if face.is_handwritten {
        let height = (0.13f32).min((w - 1.7) / width(&words, 1.0));
        let end = hand.write(&mut sheet, &mut chance, left + 0.08, words_y - 0.01, height, &words);
        if end < w - 1.4 {
            sheet.rule([end + 0.1, words_y - 0.05], [w - 1.05, words_y - 0.045], 0.012, 70);
        }
    } else {
        let words = format!("*** {} ***", words.to_uppercase());
        let cell = (0.1f32).min((w - 1.5) / words.len() as f32);
        print_cells(&mut sheet, left + 0.1, words_y - 0.02, &words, typed(cell), cell);
    }

    // Bank, memo, signature.
    print(&mut sheet, left, row(0.64), face.bank.name, bold(0.08));
    print(&mut sheet, left, row(0.64) + 0.08, face.bank.city, plain(0.055));
    let foot = h - if is_large { 0.8 } else { 0.68 };
    let memo = if face.form == CheckForm::MoneyOrder { "FOR" } else { "MEMO" };
    print(&mut sheet, left, foot, memo, plain(0.055));
    sheet.rule([left + 0.3, foot + 0.01], [left + 2.2, foot + 0.01], 0.008, 60);
    if !face.memo.is_empty() {
        written(&mut sheet, &mut chance, face, &hand, left + 0.36, foot - 0.01, 0.11, &face.memo);
    }
    let sign_x = w - 2.75;
    sheet.rule([sign_x, foot + 0.01], [w - 0.4, foot + 0.01], 0.008, 60);
    let caption = if face.form == CheckForm::MoneyOrder { "PURCHASER" } else { "AUTHORIZED SIGNATURE" };
    print_to(&mut sheet, w - 0.4, foot + 0.07, caption, plain(0.04));
    if face.is_signed {
        let length = 1.3 + 0.7 * chance.unit();
        hand.sign(&mut sheet, &mut chance, sign_x + 0.25, foot - 0.02, length);
    }
    if is_large {
        sheet.frame(0.12, 0.12, w - 0.24, h - 0.77, 0.006, sheet.paper - 40);
    }

    let press = Press {
        foot: 0.205 + 0.05 * chance.unit(),
        // The thin stroke stays between 0.011 and 0.015 inch.
        weight: 0.001 * chance.spread(),
        ink: chance.between(15, 40) as u8,
    };
    e13b::print(&mut sheet, &face.line, press);
    sheet
}

/// Name and address, check number, fraction.
fn head(sheet: &mut Sheet, face: &CheckFace, left: f32, size: f32, chance: &mut Chance) {
    let w = sheet.width;
    if face.form == CheckForm::MoneyOrder {
        print(sheet, left, 0.3, "MONEY ORDER", bold(0.16));
        print(sheet, left, 0.46, &format!("Purchaser: {}", face.payer.name), plain(0.075));
        print(sheet, left, 0.58, &face.payer.address, plain(0.07));
    } else {
        let name = if face.payer.is_firm { face.payer.name.to_uppercase() } else { face.payer.name.clone() };
        let town = format!("{}, NV {}", face.payer.city, face.payer.zip);
        let town = if face.is_canadian() { "Foothills, Alberta  T0L 1H0".to_string() } else { town };
        print(sheet, left, 0.28, &name, bold(size));
        print(sheet, left, 0.28 + size * 1.5, &face.payer.address, plain(size * 0.8));
        print(sheet, left, 0.28 + size * 2.9, &town, plain(size * 0.8));
        if chance.percent(30) {
            print(sheet, left, 0.28 + size * 4.2, "Phone 775-555-0142", plain(size * 0.65));
        }
    }
    print_to(sheet, w - 0.4, 0.32, &face.serial, bold(0.13));
    let (over, under) = &face.bank.fraction;
    if !over.is_empty() {
        let x = w - 1.45;
        print(sheet, x, 0.42, over, plain(0.055));
        sheet.rule([x, 0.435], [x + 0.36, 0.435], 0.005, 60);
        print(sheet, x, 0.51, under, plain(0.055));
    }
    if face.is_canadian() {
        print_to(sheet, w - 0.4, 0.5, "CANADIAN FUNDS", plain(0.06));
    }
}

/// What the payer puts on the check: by hand or by a printer.
#[allow(clippy::too_many_arguments)]
fn written(
    sheet: &mut Sheet,
    chance: &mut Chance,
    face: &CheckFace,
    hand: &Hand,
    x: f32,
    y: f32,
    height: f32,
    text: &str,
) {
    if face.is_handwritten {
        hand.write(sheet, chance, x, y, height, text);
    } else {
        print_cells(sheet, x, y, &text.to_uppercase(), typed(0.1), 0.1);
    }
}

fn typed(cell: f32) -> Type {
    Type { height: cell * 1.02, weight: 0.14, ink: 30 }
}

/// The back: endorsement along the trailing edge, which a scanner sees on the right; the bottom 5/8 inch stays empty.
pub fn back(face: &CheckFace, payee_line: &str) -> Sheet {
    let mut chance = Chance::of(face.look, "back", 0);
    let (w, h) = face.form.size();
    let mut sheet = Sheet::new(w, h, chance.between(236, 248) as u8);
    let trailing = w - 0.18;
    for n in 1..=3 {
        let x = trailing - 0.1 - n as f32 * 0.28;
        sheet.rule([x, 0.2], [x, h - 0.8], 0.006, 110);
    }
    print_down(&mut sheet, trailing - 0.12, 0.25, "ENDORSE HERE", plain(0.065));
    let stop = "DO NOT WRITE, STAMP OR SIGN BELOW THIS LINE";
    print_down(&mut sheet, trailing - 1.18, 0.2, stop, plain(((h - 1.1) / width(stop, 1.0)).min(0.05)));
    sheet.rule([trailing - 1.2, 0.2], [trailing - 1.2, h - 0.75], 0.008, 90);
    if chance.percent(70) {
        let stamp = Type { ink: 70, ..bold(0.085) };
        print_down(&mut sheet, trailing - 0.34, 0.25, "FOR DEPOSIT ONLY", stamp);
        let height = ((h - 1.1) / width(payee_line, 1.0)).min(0.07);
        print_down(&mut sheet, trailing - 0.62, 0.25, payee_line, Type { height, ..stamp });
    } else {
        let hand = Hand::of(&mut chance);
        let first = sheet.marks.len();
        hand.sign(&mut sheet, &mut chance, 0.0, 0.0, h - 1.3);
        for mark in &mut sheet.marks[first..] {
            if let super::sheet::Shape::Stroke { points, .. } = &mut mark.shape {
                for p in points {
                    *p = [trailing - 0.5 - p[1], 0.3 + p[0]];
                }
            }
        }
    }
    print(
        &mut sheet,
        0.5,
        h - 0.85,
        "Security features: microprint signature line, absence indicates a copy.",
        Type { ink: 120, ..plain(0.045) },
    );
    sheet
}
