//! Spoils a cut-out window as printers, pens and scanners do: other thresholds, holes, faded bands, strokes, specks, cut edges.

use remit::decode::micr::strip::{HEIGHT, WINDOW};

use crate::random::Random;

/// Pixels a unit.
const FINE: f32 = 2.0;

/// Spoils the pixels of one window in place.
pub fn window(pixels: &mut [f32], random: &mut Random) {
    if random.chance(0.65) {
        threshold(pixels, random);
    }
    if random.chance(0.12) {
        spread(pixels, random);
    }
    if random.chance(0.12) {
        for _ in 0..1 + random.below(4) {
            hole(pixels, random);
        }
    }
    if random.chance(0.15) {
        fade(pixels, random);
    }
    if random.chance(0.10) {
        for _ in 0..1 + random.below(2) {
            stroke(pixels, random);
        }
    }
    if random.chance(0.08) {
        for _ in 0..1 + random.below(8) {
            let i = random.below(pixels.len());
            pixels[i] = random.between(0.4, 1.0);
        }
    }
    if random.chance(0.04) {
        edge(pixels, random);
    }
}

/// Another blur, then another threshold: thicker or thinner strokes.
fn threshold(pixels: &mut [f32], random: &mut Random) {
    let blur = random.between(0.0, 0.5);
    let before = pixels.to_vec();
    let at = |x: isize, y: isize| {
        let inside = (0..WINDOW as isize).contains(&x) && (0..HEIGHT as isize).contains(&y);
        if inside { before[y as usize * WINDOW + x as usize] } else { 0.0 }
    };
    // Few windows are without any gray: the threshold is felt at the edges.
    let hard = random.chance(0.3);
    let (gain, level) = if hard {
        (random.between(1.5, 6.0), random.between(0.25, 0.75))
    } else {
        (random.between(0.9, 2.0), random.between(0.38, 0.62))
    };
    let uneven = if random.chance(0.3) { random.between(0.0, 0.35) } else { 0.0 };
    for y in 0..HEIGHT as isize {
        for x in 0..WINDOW as isize {
            let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
            let v = at(x, y) * (1.0 - blur) + around * blur / 4.0;
            let v = if v > 0.05 && uneven > 0.0 { v + random.normal() * uneven } else { v };
            pixels[y as usize * WINDOW + x as usize] =
                if v > 0.02 { ((v - level) * gain + 0.5).clamp(0.0, 1.0) } else { 0.0 };
        }
    }
}

/// Ink that runs into the paper beside it: counters close.
fn spread(pixels: &mut [f32], random: &mut Random) {
    let before = pixels.to_vec();
    let (across, down) = (random.between(0.2, 1.0), random.between(0.2, 1.0));
    let at = |x: isize, y: isize| {
        let inside = (0..WINDOW as isize).contains(&x) && (0..HEIGHT as isize).contains(&y);
        if inside { before[y as usize * WINDOW + x as usize] } else { 0.0 }
    };
    for (i, v) in pixels.iter_mut().enumerate() {
        let (x, y) = ((i % WINDOW) as isize, (i / WINDOW) as isize);
        *v = v.max(across * at(x - 1, y)).max(across * at(x + 1, y)).max(down * at(x, y - 1)).max(down * at(x, y + 1));
    }
}

fn each(pixels: &mut [f32], mut new: impl FnMut(f32, f32, f32) -> f32) {
    for (i, v) in pixels.iter_mut().enumerate() {
        *v = new(((i % WINDOW) as f32 + 0.5) / FINE, ((i / WINDOW) as f32 + 0.5) / FINE, *v);
    }
}

fn hole(pixels: &mut [f32], random: &mut Random) {
    let (cx, cy) = (random.between(2.0, 10.0), random.between(1.5, 10.5));
    let (rx, ry) = (random.between(0.4, 1.4), random.between(0.4, 1.4));
    each(pixels, |x, y, v| {
        let far = ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2);
        if far < 1.0 { v * (far * 0.6) } else { v }
    });
}

/// A band where the ink has not taken.
fn fade(pixels: &mut [f32], random: &mut Random) {
    let upright = random.chance(0.6);
    let (middle, half, depth) = (random.between(1.0, 11.0), random.between(0.4, 2.5), random.between(0.3, 1.0));
    each(pixels, |x, y, v| {
        let off = (if upright { x } else { y } - middle) / half;
        v * (1.0 - depth * (-off * off).exp())
    });
}

/// A pen stroke or a ruled line.
fn stroke(pixels: &mut [f32], random: &mut Random) {
    let (x0, y0) = (random.between(-1.0, 13.0), random.between(-1.0, 13.0));
    let turn = if random.chance(0.25) { random.normal() * 0.05 } else { random.unit() * std::f32::consts::PI };
    let (dx, dy) = (turn.cos(), turn.sin());
    let (width, length) = (random.between(0.3, 1.1), random.between(2.0, 30.0));
    each(pixels, |x, y, v| {
        let along = ((x - x0) * dx + (y - y0) * dy).clamp(-length, length);
        let far = ((x - x0 - along * dx).powi(2) + (y - y0 - along * dy).powi(2)).sqrt();
        v.max(((width / 2.0 - far) * FINE + 0.5).clamp(0.0, 1.0))
    });
}

/// The edge of the picture: paper outside of it; of the glyph most is there.
fn edge(pixels: &mut [f32], random: &mut Random) {
    let (side, deep) = (random.below(4), random.between(0.0, 3.6));
    each(pixels, |x, y, v| {
        let gone = match side {
            0 => x < 2.5 + deep * 0.6,
            1 => x > 9.5 - deep * 0.4,
            2 => y < 1.5 + deep * 0.4,
            _ => y > 10.5 - deep * 0.4,
        };
        if gone { 0.0 } else { v }
    });
}
