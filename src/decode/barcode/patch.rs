//! Where on a page a code can stand: patches full of edges, upright bars or square modules, by tiles of the page.

use super::part::{Part, rejoined};
use crate::domain::PixelBox;
use crate::imaging::Bits;
use crate::imaging::wide::widened;

/// Pixels of one side of the tiles that the page is judged by.
pub(super) const TILE: usize = 16;
/// A page has no more patches worth a look than this.
const MOST_PATCHES: usize = 6;

/// A part of the page (pixels) that may hold a code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch {
    pub(super) x0: usize,
    pub(super) y0: usize,
    pub(super) x1: usize,
    pub(super) y1: usize,
    /// Edges met going down for each met going across: next to none for bars.
    pub(super) grain: f32,
    /// Most of it is the same from row to row, whatever holes and specks say.
    pub(super) striped: bool,
}

impl Patch {
    pub(super) fn area(&self) -> PixelBox {
        let side = |from: usize, to: usize| (to - from) as i32;
        PixelBox { x: self.x0 as i32, y: self.y0 as i32, w: side(self.x0, self.x1), h: side(self.y0, self.y1) }
    }
}

#[derive(Clone, Copy, Default)]
struct Tile {
    ink: u32,
    across: u32,
    down: u32,
    /// Edges across of what most rows show, and columns that nearly all rows agree on.
    stripes: u32,
    agreed: u32,
}

widened!(tiles = tiled(bits: &'w Bits) -> (usize, usize, Vec<Tile>));

/// Ink and edges of every tile: one pass over the words of the page.
#[inline(always)]
fn tiled(bits: &Bits) -> (usize, usize, Vec<Tile>) {
    let (columns, rows) = (bits.width().div_ceil(64) * 4, bits.height() / TILE);
    let mut tiles = vec![Tile::default(); columns * rows];
    for y in 0..rows * TILE {
        let row = bits.row(y);
        let below = if y + 1 < bits.height() { bits.row(y + 1) } else { row };
        let line = &mut tiles[y / TILE * columns..][..columns];
        for (n, &word) in row.iter().enumerate() {
            if word == 0 && below[n] == 0 {
                continue;
            }
            let next = row.get(n + 1).copied().unwrap_or(0);
            let across = word ^ (word << 1 | next >> 63);
            let down = word ^ below[n];
            for part in 0..4 {
                let cut = |w: u64| (w >> (48 - 16 * part) & 0xffff).count_ones();
                let tile = &mut line[n * 4 + part];
                tile.ink += cut(word);
                tile.across += cut(across);
                tile.down += cut(down);
            }
        }
    }
    for y in 0..rows {
        let line = &mut tiles[y * columns..][..columns];
        let rows: Vec<&[u64]> = (y * TILE..(y + 1) * TILE).map(|y| bits.row(y)).collect();
        let mut before = (0, 0, 0);
        for n in 0..=rows[0].len() {
            // Sixteen rows counted column by column, one bit of the count a word.
            let mut count = [0u64; 5];
            if n < rows[0].len() {
                for row in &rows {
                    let mut carry = row[n];
                    for bit in &mut count {
                        if carry == 0 {
                            break;
                        }
                        (*bit, carry) = (*bit ^ carry, *bit & carry);
                    }
                }
            }
            let most = count[4] | count[3];
            let agreed = count[4] | count[3] & count[2] | !(count[4] | count[3] | count[2]);
            let (word, same, place) = before;
            if n > 0 && word != 0 {
                let across = word ^ (word << 1 | most >> 63);
                for part in 0..4 {
                    let cut = |w: u64| (w >> (48 - 16 * part) & 0xffff).count_ones();
                    let tile = &mut line[place * 4 + part];
                    (tile.stripes, tile.agreed) = (cut(across), cut(same));
                }
            }
            before = (most, agreed, n);
        }
    }
    (columns, rows, tiles)
}

/// Connected tiles full of edges, large enough for a code, the largest first.
pub(super) fn patches(bits: &Bits, dpi: u32) -> Vec<Patch> {
    let (columns, rows, tiles) = tiles(bits);
    let inch = |edges: u32| edges as f32 * dpi as f32 / (TILE * TILE) as f32;
    let striped = |t: &Tile| inch(t.stripes * TILE as u32) > 13.0 && t.agreed >= 12;
    let busy = |t: &Tile| {
        let ink = t.ink as f32 / (TILE * TILE) as f32;
        let (across, down) = (inch(t.across), inch(t.down));
        let bars = across > 13.0 && down < 0.5 * across && (0.12..0.9).contains(&ink);
        let modules = across > 9.0 && down > 3.0 && (0.25..0.85).contains(&ink);
        bars || modules || striped(t)
    };
    let mut open: Vec<bool> = tiles.iter().map(busy).collect();
    // Broad bars and gaps leave a tile with one edge only: it is of the code when both its neighbours are.
    for y in 0..rows {
        for at in (y * columns + 1)..((y + 1) * columns).saturating_sub(1) {
            let one_edge = tiles[at].stripes > 0 && tiles[at].agreed >= 12;
            if !open[at] && one_edge && striped(&tiles[at - 1]) && striped(&tiles[at + 1]) {
                open[at] = true;
            }
        }
    }
    let mut parts = Vec::new();
    for start in 0..open.len() {
        if !open[start] {
            continue;
        }
        let (mut stack, mut part) = (vec![start], Part::default());
        open[start] = false;
        while let Some(tile) = stack.pop() {
            let (x, y) = (tile % columns, tile / columns);
            part.add((x, y), (tiles[tile].across, tiles[tile].down), striped(&tiles[tile]));
            for ny in y.saturating_sub(1)..=(y + 1).min(rows - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(columns - 1) {
                    if std::mem::take(&mut open[ny * columns + nx]) {
                        stack.push(ny * columns + nx);
                    }
                }
            }
        }
        parts.push(part);
    }
    let size = |tiles: usize| (tiles * TILE) as f32 / dpi as f32;
    let mut found = Vec::new();
    for mut part in rejoined(parts, (0.4 / size(1)) as usize) {
        if part.is_striped() {
            // The first and the last bars may be one block too.
            let middle = (part.y0 + part.y1) / 2 * columns;
            let black = |x: usize| tiles[middle + x].ink as usize * 10 > TILE * TILE * 6;
            (0..3).for_each(|_| part.x0 -= usize::from(part.x0 > 0 && black(part.x0 - 1)));
            (0..3).for_each(|_| part.x1 += usize::from(part.x1 < columns && black(part.x1)));
        }
        let (wide, high) = (part.x1 - part.x0, part.y1 - part.y0);
        let share = part.count as f32 / (wide * high) as f32;
        let large = size(wide) >= 0.3 && size(high) >= 0.14 && high >= 2;
        if part.count < 8 || !large || share < 0.45 {
            continue;
        }
        found.push(Patch {
            x0: (part.x0 * TILE).saturating_sub(TILE),
            y0: (part.y0 * TILE).saturating_sub(TILE),
            x1: ((part.x1 + 1) * TILE).min(bits.width()),
            y1: ((part.y1 + 1) * TILE).min(bits.height()),
            grain: part.down as f32 / (part.across + 1) as f32,
            striped: part.is_striped(),
        });
    }
    found.sort_by_key(|p| std::cmp::Reverse((p.x1 - p.x0) * (p.y1 - p.y0)));
    found.truncate(MOST_PATCHES);
    found
}
