//! A deposit ticket for banks that want one as the first item of the letter: drawn on a routing number that the bank gave,
//! over the deposit's whole amount, with a picture that says the amount in plain figures.

use super::images::CheckImages;
use crate::domain::Cents;
use crate::imaging::{Bits, tiff};

/// Six by two and three quarters of an inch at 200 dots an inch.
const SIZE: (usize, usize) = (1200, 550);

/// Which of the seven bars each figure has: top, upper left, upper right, middle, lower left, lower right, bottom.
const BARS: [u8; 10] = [
    0b111_0111, 0b010_0100, 0b101_1101, 0b110_1101, 0b010_1110, 0b110_1011, 0b111_1011, 0b010_0101, 0b111_1111,
    0b110_1111,
];

fn bar(bits: &mut Bits, (x, y): (usize, usize), (width, height): (usize, usize)) {
    for (x, y) in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
        if x < bits.width() && y < bits.height() {
            bits.set(x, y, true);
        }
    }
}

fn figure(bits: &mut Bits, digit: u8, (x, y): (usize, usize)) {
    let places = [
        ((0, 0), false),
        ((0, 0), true),
        ((40, 0), true),
        ((0, 44), false),
        ((0, 44), true),
        ((40, 44), true),
        ((0, 88), false),
    ];
    for (n, ((dx, dy), upright)) in places.into_iter().enumerate() {
        if BARS[usize::from(digit % 10)] >> n & 1 == 1 {
            bar(bits, (x + dx, y + dy), if upright { (8, 52) } else { (48, 8) });
        }
    }
}

/// Front and back of a ticket over an amount.
pub fn ticket(amount: Cents) -> CheckImages {
    let frame = || {
        let (mut bits, (width, height)) = (Bits::new(SIZE.0, SIZE.1), SIZE);
        for (place, size) in [
            ((20, 20), (width - 40, 4)),
            ((20, height - 24), (width - 40, 4)),
            ((20, 20), (4, height - 40)),
            ((width - 24, 20), (4, height - 40)),
        ] {
            bar(&mut bits, place, size);
        }
        bits
    };
    let mut front = frame();
    let mut x = 420;
    for c in amount.to_string().chars() {
        match c.to_digit(10) {
            Some(digit) => {
                figure(&mut front, digit as u8, (x, 220));
                x += 66;
            }
            None => {
                bar(&mut front, (x, 308), (8, 8));
                x += 24;
            }
        }
    }
    CheckImages { front: tiff::write_g4(&front, 200), back: tiff::write_g4(&frame(), 200) }
}
