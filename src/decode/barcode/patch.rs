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

/// The tiles of a page, row by row: ink and edges of each, and what it may be part of.
struct Tiles {
    columns: usize,
    ink: Vec<u16>,
    across: Vec<u16>,
    down: Vec<u16>,
    marks: Vec<u8>,
}

/// Full of edges, as a code is.
const BUSY: u8 = 1;
/// Most rows show the same stripes.
const STRIPED: u8 = 2;
/// Most rows show the same edge, one at least.
const EDGED: u8 = 4;

widened!(tiles = tiled(bits: &'w Bits, limits: &'w Limits) -> Tiles);

/// Words of a row that are counted side by side.
const LANES: usize = 4;
type Lanes = [u64; LANES];
/// Tiles that they have.
const SIDE_BY_SIDE: usize = LANES * 64 / TILE;

/// Ink and edges of every tile. Sixteen rows are counted column by column, one bit of the count a word; what of a tile is
/// counted is then the bits of five words.
#[inline(always)]
fn tiled(bits: &Bits, limits: &Limits) -> Tiles {
    let words = bits.width().div_ceil(64);
    // Behind the last words there is paper.
    let (columns, rows) = (words.div_ceil(LANES) * SIDE_BY_SIDE, bits.height() / TILE);
    let count = columns * rows;
    let (mut ink, mut across, mut down) = (vec![0u16; count], vec![0u16; count], vec![0u16; count]);
    let mut marks = vec![0u8; count];
    // The rows of a tile and the one below, each with a word of paper at least behind.
    let stride = words / LANES * LANES + 2 * LANES;
    let mut band = vec![0u64; stride * (TILE + 1)];
    let (mut most, mut agreed) = (vec![0u64; stride], vec![0u64; stride]);
    for y in 0..rows {
        for (row, out) in band.chunks_exact_mut(stride).enumerate() {
            out[..words].copy_from_slice(bits.row((y * TILE + row).min(bits.height() - 1)));
        }
        for (group, from) in (0..words).step_by(LANES).enumerate() {
            let (mut whole, mut nexts) = ([[0; LANES]; TILE + 1], [[0; LANES]; TILE + 1]);
            for ((row, whole), next) in band.chunks_exact(stride).zip(&mut whole).zip(&mut nexts) {
                let seen = &row[from..=from + LANES];
                whole.copy_from_slice(&seen[..LANES]);
                next.copy_from_slice(&seen[1..]);
            }
            let inked = whole.iter().fold([0; LANES], |sum, row| each(sum, *row, |a, b| a | b));
            if inked == [0; LANES] {
                most[from..from + LANES].fill(0);
                continue;
            }
            let inks = Counts::of(|row| whole[row]);
            let edges = Counts::of(|row| {
                let (one, below, next) = (whole[row], whole[row + 1], nexts[row]);
                std::array::from_fn(|i| {
                    // An edge at the end of a word that is paper, as the one below it, counts for nothing.
                    let any = u64::from(one[i] | below[i] != 0);
                    one[i] ^ (one[i] << 1 | next[i] >> 63 & any)
                })
            });
            let below = Counts::of(|row| each(whole[row], whole[row + 1], |a, b| a ^ b));
            let [_, _, fours, eights, sixteens] = inks.0;
            for i in 0..LANES {
                let (four, eight, all) = (fours[i], eights[i], sixteens[i]);
                most[from + i] = all | eight;
                agreed[from + i] = all | eight & four | !(all | eight | four);
            }
            let at = y * columns + group * SIDE_BY_SIDE;
            let cut = at..at + SIDE_BY_SIDE;
            ink[cut.clone()].copy_from_slice(&in_turn(inks.by_tile()));
            across[cut.clone()].copy_from_slice(&in_turn(edges.by_tile()));
            down[cut].copy_from_slice(&in_turn(below.by_tile()));
        }
        for (group, from) in (0..words).step_by(LANES).enumerate() {
            let at = y * columns + group * SIDE_BY_SIDE;
            let cut = at..at + SIDE_BY_SIDE;
            if ink[cut.clone()] == [0; SIDE_BY_SIDE] {
                continue;
            }
            let stripes = std::array::from_fn(|i| {
                let (word, next) = (most[from + i], most[from + i + 1]);
                if word == 0 { 0 } else { word ^ (word << 1 | next >> 63) }
            });
            let agreed = std::array::from_fn(|i| agreed[from + i]);
            let (stripes, agreed) = (in_turn(ones_by_tile(stripes)), in_turn(ones_by_tile(agreed)));
            let tiles = ink[cut.clone()].iter().zip(&across[cut.clone()]).zip(&down[cut.clone()]);
            for (mark, (((ink, across), down), (stripes, agreed))) in
                marks[cut].iter_mut().zip(tiles.zip(stripes.iter().zip(&agreed)))
            {
                *mark = limits.marks([*ink, *across, *down, *stripes, *agreed]);
            }
        }
    }
    Tiles { columns, ink, across, down, marks }
}

#[inline(always)]
fn each(a: Lanes, b: Lanes, f: impl Fn(u64, u64) -> u64) -> Lanes {
    std::array::from_fn(|i| f(a[i], b[i]))
}

/// How many of sixteen rows have each bit: ones, twos, fours, eights, sixteens.
struct Counts([Lanes; 5]);

impl Counts {
    #[inline(always)]
    fn of(row: impl Fn(usize) -> Lanes) -> Counts {
        let zero = [0; LANES];
        let (mut ones, mut twos, mut fours, mut eights, mut sixteens) = (zero, zero, zero, zero, zero);
        for half in 0..2 {
            let mut pair = [zero; 2];
            for (quarter, four) in pair.iter_mut().enumerate() {
                let at = half * 8 + quarter * 4;
                let first = added(&mut ones, row(at), row(at + 1));
                let second = added(&mut ones, row(at + 2), row(at + 3));
                *four = added(&mut twos, first, second);
            }
            let eight = added(&mut fours, pair[0], pair[1]);
            sixteens = each(sixteens, each(eights, eight, |a, b| a & b), |a, b| a | b);
            eights = each(eights, eight, |a, b| a ^ b);
        }
        Counts([ones, twos, fours, eights, sixteens])
    }

    /// The sums of the sixteen columns of each tile, sixteen bits a tile.
    #[inline(always)]
    fn by_tile(&self) -> Lanes {
        std::array::from_fn(|i| {
            let mut sum = 0;
            for (weight, plane) in self.0.iter().enumerate() {
                let word = plane[i];
                let pairs = word - (word >> 1 & 0x5555_5555_5555_5555);
                let nibbles = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
                sum += ((nibbles + (nibbles >> 4)) & 0x0f0f_0f0f_0f0f_0f0f) << weight;
            }
            (sum & 0x00ff_00ff_00ff_00ff) + (sum >> 8 & 0x00ff_00ff_00ff_00ff)
        })
    }
}

/// How many of the sixteen columns of each tile are set, sixteen bits a tile.
#[inline(always)]
fn ones_by_tile(lanes: Lanes) -> Lanes {
    lanes.map(|word| {
        let pairs = word - (word >> 1 & 0x5555_5555_5555_5555);
        let nibbles = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
        let bytes = (nibbles + (nibbles >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
        (bytes & 0x00ff_00ff_00ff_00ff) + (bytes >> 8 & 0x00ff_00ff_00ff_00ff)
    })
}

/// Sixteen bits a tile as numbers, the leftmost first.
#[inline(always)]
fn in_turn(lanes: Lanes) -> [u16; SIDE_BY_SIDE] {
    std::array::from_fn(|n| (lanes[n / 4] >> (48 - 16 * (n % 4))) as u16)
}

/// Two bits more for each: the sum stays, the carry is given.
#[inline(always)]
fn added(sum: &mut Lanes, a: Lanes, b: Lanes) -> Lanes {
    let odd = each(*sum, a, |s, a| s ^ a);
    let carry = std::array::from_fn(|i| sum[i] & a[i] | odd[i] & b[i]);
    *sum = each(odd, b, |o, b| o ^ b);
    carry
}

/// Columns of a tile that nearly all rows agree on, where there are stripes.
const AGREED: u16 = 12;

/// How many edges of a tile are so many an inch.
struct Limits {
    bars: u16,
    modules: u16,
    down: u16,
    stripes: u16,
}

impl Limits {
    fn at(dpi: u32) -> Limits {
        let above = |least: f32, rows: usize| {
            let inch = |edges: u16| (usize::from(edges) * rows) as f32 * dpi as f32 / (TILE * TILE) as f32;
            (0..).take(TILE * TILE + 1).find(|edges| inch(*edges) > least).unwrap_or(u16::MAX)
        };
        Limits { bars: above(13.0, 1), modules: above(9.0, 1), down: above(3.0, 1), stripes: above(13.0, TILE) }
    }

    /// What a tile may be part of, by ink, edges across and down, stripes and columns that agree.
    #[inline(always)]
    fn marks(&self, [ink, across, down, stripes, agreed]: [u16; 5]) -> u8 {
        let both = |one: bool, other: bool| u16::from(one) & u16::from(other);
        // From 12 to 90 and from 25 to 85 of a hundred pixels are ink.
        let bars = both(across >= self.bars, 2 * down < across) & both(ink >= 31, ink <= 230);
        let modules = both(across >= self.modules, down >= self.down) & both(ink >= 64, ink <= 217);
        let striped = both(stripes >= self.stripes, agreed >= AGREED);
        let edged = both(stripes > 0, agreed >= AGREED);
        let busy = (bars | modules | striped) * u16::from(BUSY);
        (busy | (striped * u16::from(STRIPED)) | (edged * u16::from(EDGED))) as u8
    }
}

/// Connected tiles full of edges, large enough for a code, the largest first.
pub(super) fn patches(bits: &Bits, dpi: u32) -> Vec<Patch> {
    let Tiles { columns, ink, across, down, marks } = tiles(bits, &Limits::at(dpi));
    let rows = bits.height() / TILE;
    // Around the page a border of tiles that are none.
    let stride = columns + 2;
    let mut open = vec![false; stride * (rows + 2)];
    if columns > 0 {
        for (open, marks) in open[stride..].chunks_exact_mut(stride).zip(marks.chunks_exact(columns)) {
            open[1..].iter_mut().zip(marks).for_each(|(open, mark)| *open = mark & BUSY != 0);
            // Broad bars and gaps leave a tile with one edge only: it is of the code when both its neighbours are.
            for (open, beside) in open[2..].iter_mut().zip(marks.windows(3)) {
                *open |= (beside[1] & EDGED != 0) & (beside[0] & beside[2] & STRIPED != 0);
            }
        }
    }
    let mut parts = Vec::new();
    let mut stack = Vec::new();
    let mut begin = 0;
    while let Some(next) = open[begin..].iter().position(|open| *open) {
        begin += next;
        open[begin] = false;
        stack.push(begin);
        let mut part = Part::default();
        while let Some(at) = stack.pop() {
            let (x, y) = (at % stride - 1, at / stride - 1);
            let tile = y * columns + x;
            let edges = (u32::from(across[tile]), u32::from(down[tile]));
            part.add((x, y), edges, marks[tile] & STRIPED != 0);
            for from in [at - stride, at, at + stride] {
                for (beside, open) in (from - 1..).zip(&mut open[from - 1..=from + 1]) {
                    if std::mem::take(open) {
                        stack.push(beside);
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
            let black = |x: usize| usize::from(ink[middle + x]) * 10 > TILE * TILE * 6;
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
