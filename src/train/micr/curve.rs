//! Fits the line reader's confidence: a logistic curve by its likelihood on lines that the weights had not seen, held down by a
//! small weight decay, each number kept to its sign.

use remit::decode::micr::confidence::{Curve, Evidence, NUMBERS, SIGNS};

/// Of lines' evidence and whether they were read rightly; of lines with ink left over the curve says nothing.
pub fn fitted(lines: &[(Evidence, bool)]) -> Curve {
    const DECAY: f64 = 6.0;
    let lines: Vec<([f32; NUMBERS], bool)> =
        lines.iter().filter(|l| !l.0.left_over).map(|l| (l.0.numbers, l.1)).collect();
    let mut weights = [0.0f64; NUMBERS];
    let mut square = [1e-6f64; NUMBERS];
    for step in 0..6000 {
        let mut slope = [0.0f64; NUMBERS];
        for (numbers, right) in &lines {
            let sum: f64 = weights.iter().zip(numbers).map(|(w, n)| w * f64::from(*n)).sum();
            let off = f64::from(u8::from(*right)) - 1.0 / (1.0 + (-sum).exp());
            slope.iter_mut().zip(numbers).for_each(|(s, n)| *s += off * f64::from(*n));
        }
        let rate = 0.05 * (1.0 - f64::from(step) / 6000.0);
        for i in 0..NUMBERS {
            let slope = slope[i] - if i > 0 { DECAY * weights[i] } else { 0.0 };
            square[i] = 0.99 * square[i] + 0.01 * slope * slope;
            weights[i] += rate * slope / square[i].sqrt();
            if SIGNS[i] != 0 && weights[i] * f64::from(SIGNS[i]) < 0.0 {
                weights[i] = 0.0;
            }
        }
    }
    Curve(weights.map(|w| w as f32))
}
