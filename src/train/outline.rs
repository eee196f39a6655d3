//! Glyph outlines out of TrueType and OpenType (CFF) font files, flattened to polygons: what the trainers draw from.
//! Reads the tables it needs (cmap format 4, glyf with compounds left out, CFF Type 2 charstrings); no hints, no shaping.

pub struct Outline {
    /// Closed polygons in em units (1.0 = the em), y up; filled by non-zero winding.
    pub polygons: Vec<Vec<(f32, f32)>>,
    /// In em units.
    pub advance: f32,
}

pub struct FontFile {
    data: Vec<u8>,
    em: f32,
}

fn u16_at(d: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_be_bytes(d.get(at..at + 2)?.try_into().ok()?) as usize)
}

fn i16_at(d: &[u8], at: usize) -> Option<f32> {
    Some(f32::from(i16::from_be_bytes(d.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(d: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(d.get(at..at + 4)?.try_into().ok()?) as usize)
}

impl FontFile {
    pub fn new(data: Vec<u8>) -> Option<FontFile> {
        let mut font = FontFile { data, em: 1.0 };
        font.em = u16_at(font.table(b"head")?, 18)? as f32;
        Some(font)
    }

    fn table(&self, tag: &[u8; 4]) -> Option<&[u8]> {
        (0..u16_at(&self.data, 4)?).map(|i| 12 + 16 * i).find(|e| self.data.get(*e..*e + 4) == Some(tag)).and_then(
            |entry| {
                let (from, length) = (u32_at(&self.data, entry + 8)?, u32_at(&self.data, entry + 12)?);
                self.data.get(from..from + length)
            },
        )
    }

    fn glyph_of(&self, c: char) -> Option<usize> {
        let cmap = self.table(b"cmap")?;
        let code = c as usize;
        (0..u16_at(cmap, 2)?).find_map(|i| {
            let sub = cmap.get(u32_at(cmap, 4 + 8 * i + 4)?..)?;
            if u16_at(sub, 0)? != 4 {
                return None;
            }
            let pairs = u16_at(sub, 6)? / 2;
            (0..pairs).find_map(|s| {
                let (end, start) = (u16_at(sub, 14 + 2 * s)?, u16_at(sub, 16 + 2 * (pairs + s))?);
                if !(start..=end).contains(&code) {
                    return None;
                }
                let delta = u16_at(sub, 16 + 2 * (2 * pairs + s))?;
                let offset_at = 16 + 2 * (3 * pairs + s);
                let glyph = match u16_at(sub, offset_at)? {
                    0 => (code + delta) & 0xffff,
                    offset => match u16_at(sub, offset_at + offset + 2 * (code - start))? {
                        0 => return None,
                        g => (g + delta) & 0xffff,
                    },
                };
                (glyph != 0).then_some(glyph)
            })
        })
    }

    pub fn outline(&self, c: char) -> Option<Outline> {
        let glyph = self.glyph_of(c)?;
        let metrics = u16_at(self.table(b"hhea")?, 34)?;
        let advance = u16_at(self.table(b"hmtx")?, 4 * glyph.min(metrics - 1))? as f32 / self.em;
        let mut pen = Pen::default();
        if self.table(b"glyf").is_some() {
            self.true_type(glyph, &mut pen)?;
        } else {
            Cff::new(self.table(b"CFF ")?)?.draw(glyph, &mut pen)?;
        }
        let scaled = |p: Vec<(f32, f32)>| p.into_iter().map(|(x, y)| (x / self.em, y / self.em)).collect();
        Some(Outline { polygons: pen.done().into_iter().map(scaled).collect(), advance })
    }

    fn true_type(&self, glyph: usize, pen: &mut Pen) -> Option<()> {
        let (loca, glyf) = (self.table(b"loca")?, self.table(b"glyf")?);
        let at = |i: usize| {
            if u16_at(self.table(b"head")?, 50)? == 0 { Some(2 * u16_at(loca, 2 * i)?) } else { u32_at(loca, 4 * i) }
        };
        let data = glyf.get(at(glyph)?..at(glyph + 1)?)?;
        if data.is_empty() {
            return Some(());
        }
        let contours = i16_at(data, 0)?;
        if contours < 0.0 {
            return None;
        }
        let contours = contours as usize;
        let ends: Vec<usize> = (0..contours).map(|i| u16_at(data, 10 + 2 * i)).collect::<Option<_>>()?;
        let points = ends.last()? + 1;
        let mut at = 10 + 2 * contours;
        at += 2 + u16_at(data, at)?;
        let mut flags = Vec::new();
        while flags.len() < points {
            let flag = *data.get(at)?;
            at += 1;
            flags.push(flag);
            if flag & 8 != 0 {
                let times = *data.get(at)?;
                at += 1;
                flags.extend(std::iter::repeat_n(flag, times as usize));
            }
        }
        let mut axis = |short: u8, same: u8| {
            let mut value = 0.0;
            (0..points)
                .map(|i| {
                    if flags[i] & short != 0 {
                        let step = f32::from(*data.get(at)?);
                        at += 1;
                        value += if flags[i] & same != 0 { step } else { -step };
                    } else if flags[i] & same == 0 {
                        value += i16_at(data, at)?;
                        at += 2;
                    }
                    Some(value)
                })
                .collect::<Option<Vec<f32>>>()
        };
        let xs = axis(2, 16)?;
        let ys = axis(4, 32)?;
        let mut first = 0;
        for end in ends {
            let contour: Vec<(f32, f32, bool)> = (first..=end).map(|i| (xs[i], ys[i], flags[i] & 1 != 0)).collect();
            first = end + 1;
            quadratic(&contour, pen);
        }
        Some(())
    }
}

/// A TrueType contour: between two points off the curve lies one on it.
fn quadratic(contour: &[(f32, f32, bool)], pen: &mut Pen) {
    let n = contour.len();
    let middle = |a: (f32, f32, bool), b: (f32, f32, bool)| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
    let Some(start) = contour.iter().position(|p| p.2) else { return };
    pen.go((contour[start].0, contour[start].1));
    let mut i = 0;
    while i < n {
        let point = contour[(start + 1 + i) % n];
        if point.2 {
            pen.line((point.0, point.1));
            i += 1;
            continue;
        }
        let next = contour[(start + 2 + i) % n];
        let to = if next.2 { (next.0, next.1) } else { middle(point, next) };
        let from = pen.at;
        let control = |p: (f32, f32)| (p.0 + (point.0 - p.0) * 2.0 / 3.0, p.1 + (point.1 - p.1) * 2.0 / 3.0);
        pen.curve(control(from), control(to), to);
        i += if next.2 { 2 } else { 1 };
    }
}

#[derive(Default)]
struct Pen {
    at: (f32, f32),
    polygons: Vec<Vec<(f32, f32)>>,
    open: Vec<(f32, f32)>,
}

impl Pen {
    fn go(&mut self, to: (f32, f32)) {
        let closed = std::mem::take(&mut self.open);
        if closed.len() > 2 {
            self.polygons.push(closed);
        }
        self.at = to;
        self.open.push(to);
    }

    fn line(&mut self, to: (f32, f32)) {
        self.at = to;
        self.open.push(to);
    }

    fn curve(&mut self, a: (f32, f32), b: (f32, f32), to: (f32, f32)) {
        let from = self.at;
        for step in 1..=8 {
            let t = step as f32 / 8.0;
            let u = 1.0 - t;
            let mix = |p: f32, a: f32, b: f32, q: f32| {
                u * u * u * p + 3.0 * u * u * t * a + 3.0 * u * t * t * b + t * t * t * q
            };
            self.line((mix(from.0, a.0, b.0, to.0), mix(from.1, a.1, b.1, to.1)));
        }
    }

    fn done(mut self) -> Vec<Vec<(f32, f32)>> {
        self.go((0.0, 0.0));
        self.polygons
    }
}

struct Cff<'a> {
    glyphs: Vec<&'a [u8]>,
    global: Vec<&'a [u8]>,
    local: Vec<&'a [u8]>,
}

/// The objects of a CFF INDEX and where it ends.
fn index(d: &[u8], at: usize) -> Option<(Vec<&[u8]>, usize)> {
    let count = u16_at(d, at)?;
    if count == 0 {
        return Some((Vec::new(), at + 2));
    }
    let size = *d.get(at + 2)? as usize;
    let offset = |i: usize| {
        let bytes = d.get(at + 3 + i * size..at + 3 + (i + 1) * size)?;
        Some(bytes.iter().fold(0usize, |n, b| n << 8 | *b as usize))
    };
    let base = at + 2 + (count + 1) * size;
    let objects = (0..count).map(|i| d.get(base + offset(i)?..base + offset(i + 1)?)).collect::<Option<_>>()?;
    Some((objects, base + offset(count)?))
}

/// The operands before an operator of a DICT.
fn dict(d: &[u8], wanted: u8) -> Option<Vec<f32>> {
    let (mut operands, mut at) = (Vec::new(), 0);
    while at < d.len() {
        let b = d[at];
        at += 1;
        match b {
            12 => {
                at += 1;
                operands.clear();
            }
            0..=21 if b == wanted => return Some(operands),
            0..=21 => operands.clear(),
            28 => {
                operands.push(i16_at(d, at)?);
                at += 2;
            }
            29 => {
                operands.push(u32_at(d, at)? as i32 as f32);
                at += 4;
            }
            30 => {
                while d.get(at)? & 15 != 15 {
                    at += 1;
                }
                at += 1;
                operands.push(0.0);
            }
            _ => operands.push(small(b, d, &mut at)?),
        }
    }
    None
}

/// Numbers of one or two bytes, alike in DICTs and charstrings.
fn small(b: u8, d: &[u8], at: &mut usize) -> Option<f32> {
    match b {
        32..=246 => Some(f32::from(b) - 139.0),
        247..=254 => {
            let low = f32::from(*d.get(*at)?);
            *at += 1;
            Some(if b < 251 {
                (f32::from(b) - 247.0) * 256.0 + low + 108.0
            } else {
                -(f32::from(b) - 251.0) * 256.0 - low - 108.0
            })
        }
        _ => None,
    }
}

impl<'a> Cff<'a> {
    fn new(d: &'a [u8]) -> Option<Cff<'a>> {
        let (_, at) = index(d, *d.get(2)? as usize)?;
        let (tops, at) = index(d, at)?;
        let (_, at) = index(d, at)?;
        let (global, _) = index(d, at)?;
        let top = tops.first()?;
        let (glyphs, _) = index(d, dict(top, 17)?[0] as usize)?;
        let private = dict(top, 18)?;
        let (length, from) = (private[0] as usize, private[1] as usize);
        let local = match dict(d.get(from..from + length)?, 19) {
            Some(offset) => index(d, from + offset[0] as usize)?.0,
            None => Vec::new(),
        };
        Some(Cff { glyphs, global, local })
    }

    fn draw(&self, glyph: usize, pen: &mut Pen) -> Option<()> {
        let mut state = Charstring { stack: Vec::new(), hints: 0 };
        self.run(self.glyphs.get(glyph)?, pen, &mut state, 0)?;
        Some(())
    }

    /// `Some(true)` when the glyph is done.
    fn run(&self, d: &[u8], pen: &mut Pen, state: &mut Charstring, depth: usize) -> Option<bool> {
        if depth > 10 {
            return None;
        }
        let mut at = 0;
        while at < d.len() {
            let b = d[at];
            at += 1;
            match b {
                28 => {
                    state.stack.push(i16_at(d, at)?);
                    at += 2;
                }
                255 => {
                    state.stack.push(u32_at(d, at)? as i32 as f32 / 65536.0);
                    at += 4;
                }
                32..=254 => state.stack.push(small(b, d, &mut at)?),
                10 | 29 => {
                    let routines = if b == 10 { &self.local } else { &self.global };
                    let bias = match routines.len() {
                        0..1240 => 107,
                        1240..33900 => 1131,
                        _ => 32768,
                    };
                    let number = state.stack.pop()? as i32 + bias;
                    if self.run(routines.get(number as usize)?, pen, state, depth + 1)? {
                        return Some(true);
                    }
                }
                11 => return Some(false),
                14 => return Some(true),
                19 | 20 => {
                    state.hints += state.stack.len() / 2;
                    state.stack.clear();
                    at += state.hints.div_ceil(8);
                }
                1 | 3 | 18 | 23 => {
                    state.hints += state.stack.len() / 2;
                    state.stack.clear();
                }
                12 => {
                    state.flex(*d.get(at)?, pen)?;
                    at += 1;
                }
                _ => state.path(b, pen)?,
            }
        }
        Some(false)
    }
}

struct Charstring {
    stack: Vec<f32>,
    hints: usize,
}

impl Charstring {
    fn by(pen: &mut Pen, dx: f32, dy: f32) {
        pen.line((pen.at.0 + dx, pen.at.1 + dy));
    }

    fn curve_by(pen: &mut Pen, d: [f32; 6]) {
        let a = (pen.at.0 + d[0], pen.at.1 + d[1]);
        let b = (a.0 + d[2], a.1 + d[3]);
        pen.curve(a, b, (b.0 + d[4], b.1 + d[5]));
    }

    fn path(&mut self, operator: u8, pen: &mut Pen) -> Option<()> {
        let mut s = std::mem::take(&mut self.stack);
        let six = |s: &[f32]| <[f32; 6]>::try_from(s).ok();
        match operator {
            4 | 21 | 22 => {
                // An extra first number is the width.
                let wants = if operator == 21 { 2 } else { 1 };
                let s = s.split_off(s.len().checked_sub(wants)?);
                let (dx, dy) = match operator {
                    21 => (s[0], s[1]),
                    22 => (s[0], 0.0),
                    _ => (0.0, s[0]),
                };
                pen.go((pen.at.0 + dx, pen.at.1 + dy));
            }
            5 => s.chunks_exact(2).for_each(|p| Self::by(pen, p[0], p[1])),
            6 | 7 => {
                for (i, v) in s.iter().enumerate() {
                    let across = (i % 2 == 0) == (operator == 6);
                    if across { Self::by(pen, *v, 0.0) } else { Self::by(pen, 0.0, *v) }
                }
            }
            8 => s.chunks_exact(6).try_for_each(|c| six(c).map(|c| Self::curve_by(pen, c)))?,
            24 => {
                let n = s.len().checked_sub(2)?;
                s[..n].chunks_exact(6).try_for_each(|c| six(c).map(|c| Self::curve_by(pen, c)))?;
                Self::by(pen, s[n], s[n + 1]);
            }
            25 => {
                let n = s.len().checked_sub(6)?;
                s[..n].chunks_exact(2).for_each(|p| Self::by(pen, p[0], p[1]));
                Self::curve_by(pen, six(&s[n..])?);
            }
            26 | 27 => {
                let extra = s.len() % 4;
                let mut aside = if extra == 1 { s[0] } else { 0.0 };
                for c in s[extra..].chunks_exact(4) {
                    let curve = if operator == 26 {
                        [aside, c[0], c[1], c[2], 0.0, c[3]]
                    } else {
                        [c[0], aside, c[1], c[2], c[3], 0.0]
                    };
                    aside = 0.0;
                    Self::curve_by(pen, curve);
                }
            }
            30 | 31 => {
                let curves = s.len() / 4;
                for i in 0..curves {
                    let c = &s[4 * i..4 * i + 4];
                    let last = if i + 1 == curves && s.len() % 4 == 1 { s[s.len() - 1] } else { 0.0 };
                    let across = (i % 2 == 0) == (operator == 31);
                    let curve =
                        if across { [c[0], 0.0, c[1], c[2], last, c[3]] } else { [0.0, c[0], c[1], c[2], c[3], last] };
                    Self::curve_by(pen, curve);
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn flex(&mut self, operator: u8, pen: &mut Pen) -> Option<()> {
        let s = std::mem::take(&mut self.stack);
        match (operator, s.len()) {
            (34, 7..) => {
                Self::curve_by(pen, [s[0], 0.0, s[1], s[2], s[3], 0.0]);
                Self::curve_by(pen, [s[4], 0.0, s[5], -s[2], s[6], 0.0]);
            }
            (35, 12..) => {
                Self::curve_by(pen, [s[0], s[1], s[2], s[3], s[4], s[5]]);
                Self::curve_by(pen, [s[6], s[7], s[8], s[9], s[10], s[11]]);
            }
            (36, 9..) => {
                Self::curve_by(pen, [s[0], s[1], s[2], s[3], s[4], 0.0]);
                Self::curve_by(pen, [s[5], 0.0, s[6], s[7], s[8], -(s[1] + s[3] + s[7])]);
            }
            (37, 11..) => {
                let (dx, dy) = (s[0] + s[2] + s[4] + s[6] + s[8], s[1] + s[3] + s[5] + s[7] + s[9]);
                Self::curve_by(pen, [s[0], s[1], s[2], s[3], s[4], s[5]]);
                let end = if dx.abs() > dy.abs() { (s[10], -dy) } else { (-dx, s[10]) };
                Self::curve_by(pen, [s[6], s[7], s[8], s[9], end.0, end.1]);
            }
            _ => return None,
        }
        Some(())
    }
}
