//! Pieces of the page that may be one code, in tiles: what touches, and what stripes and height say belongs together.

/// Connected tiles, with the sums of their edges.
#[derive(Clone, Copy, Default)]
pub struct Part {
    pub x0: usize,
    pub y0: usize,
    pub x1: usize,
    pub y1: usize,
    pub count: usize,
    striped: usize,
    pub across: u32,
    pub down: u32,
}

impl Part {
    /// One more tile, and its edges across and down.
    pub fn add(&mut self, (x, y): (usize, usize), (across, down): (u32, u32), striped: bool) {
        let one = Part { x0: x, y0: y, x1: x + 1, y1: y + 1, count: 1, striped: usize::from(striped), across, down };
        *self = if self.count == 0 { one } else { self.with(&one) };
    }

    fn with(&self, other: &Part) -> Part {
        Part {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            count: self.count + other.count,
            striped: self.striped + other.striped,
            across: self.across + other.across,
            down: self.down + other.down,
        }
    }

    pub fn is_striped(&self) -> bool {
        self.striped * 2 > self.count
    }
}

/// Where ink has run together, broad blocks part a code's bars: striped parts of one height, side by side, are one.
pub fn rejoined(mut parts: Vec<Part>, most_apart: usize) -> Vec<Part> {
    let bars = |p: &Part| p.is_striped() && p.y1 - p.y0 >= 2;
    let mut at = 0;
    while at < parts.len() {
        let one = parts[at];
        let beside = |other: &Part| {
            let apart = one.x0.max(other.x0).saturating_sub(one.x1.min(other.x1));
            bars(other) && apart <= most_apart && one.y0.abs_diff(other.y0) <= 1 && one.y1.abs_diff(other.y1) <= 1
        };
        let found = if bars(&one) { parts[at + 1..].iter().position(beside) } else { None };
        match found {
            // What grew may now reach what was too far before.
            Some(next) => {
                let other = parts.swap_remove(at + 1 + next);
                parts[at] = parts[at].with(&other);
            }
            None => at += 1,
        }
    }
    parts
}
