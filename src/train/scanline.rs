//! The scanline classifier: OCR-A and OCR-B cells drawn from the outlines of free fonts (Debian's fonts-ocr-a and
//! fonts-ocr-b) and spoiled as presses, pens, stamps and scanners spoil them. `train scanline --fonts DIR --out FILE --seed 1 --samples 1500000`.

use std::path::{Path, PathBuf};

use remit::decode::net::{Net, Plan};
use remit::decode::scanline::cell::{self, Patch};

use crate::net::{self, Schedule};
use crate::outline::{FontFile, Outline};
use crate::random::Random;

/// Pixels an inch of the drawn glyphs, and the side of their square.
const FINE: f32 = 480.0;
const SIDE: usize = 112;

/// A glyph as the distance to its edge, in inches, inside positive; its cell's centre in the middle of the square.
struct Drawn {
    distance: Vec<f32>,
}

struct Face {
    /// In the order of `cell::CHARACTERS`; a font may lack some.
    glyphs: Vec<Option<Drawn>>,
    letters: Vec<Drawn>,
    /// Digits that stay what they are when turned by half a turn.
    turned: Vec<Drawn>,
}

impl Drawn {
    /// `centre`: which point of the outline (in em) stands in the middle; `inch`: inches per em.
    fn new(outline: &Outline, centre: (f32, f32), inch: f32) -> Drawn {
        let to_fine = |(x, y): (f32, f32)| {
            let half = SIDE as f32 / 2.0;
            ((x - centre.0) * inch * FINE + half, half - (y - centre.1) * inch * FINE)
        };
        let polygons: Vec<Vec<(f32, f32)>> =
            outline.polygons.iter().map(|p| p.iter().map(|q| to_fine(*q)).collect()).collect();
        let inside = |x: f32, y: f32| {
            let mut winding = 0;
            for polygon in &polygons {
                for (i, a) in polygon.iter().enumerate() {
                    let b = polygon[(i + 1) % polygon.len()];
                    if (a.1 <= y) != (b.1 <= y) && a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0) > x {
                        winding += if a.1 <= y { 1 } else { -1 };
                    }
                }
            }
            winding != 0
        };
        let mask: Vec<bool> =
            (0..SIDE * SIDE).map(|i| inside((i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5)).collect();
        let reach = 9i32;
        let near = |i: usize| {
            let (x, y) = ((i % SIDE) as i32, (i / SIDE) as i32);
            let mut best = (reach * reach) as f32;
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let (px, py) = (x + dx, y + dy);
                    let outside = px < 0 || py < 0 || px >= SIDE as i32 || py >= SIDE as i32;
                    let ink = !outside && mask[py as usize * SIDE + px as usize];
                    if ink != mask[i] {
                        best = best.min((dx * dx + dy * dy) as f32);
                    }
                }
            }
            (if mask[i] { best.sqrt() - 0.5 } else { 0.5 - best.sqrt() }) / FINE
        };
        Drawn { distance: (0..SIDE * SIDE).map(near).collect() }
    }

    /// Distance at a point in inches from the centre.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x * FINE + SIDE as f32 / 2.0 - 0.5, y * FINE + SIDE as f32 / 2.0 - 0.5);
        let last = SIDE as f32 - 2.0;
        if x < 0.0 || y < 0.0 || x > last || y > last {
            return -0.03;
        }
        let (i, fx, fy) = (y as usize * SIDE + x as usize, x.fract(), y.fract());
        let d = &self.distance;
        (d[i] * (1.0 - fx) + d[i + 1] * fx) * (1.0 - fy) + (d[i + SIDE] * (1.0 - fx) + d[i + SIDE + 1] * fx) * fy
    }

    fn turned(&self) -> Drawn {
        Drawn { distance: self.distance.iter().rev().copied().collect() }
    }
}

fn fonts(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>());
    for path in entries.unwrap_or_default() {
        if path.is_dir() {
            fonts(&path, found);
        } else if path.extension().is_some_and(|e| e == "ttf" || e == "otf") {
            found.push(path);
        }
    }
}

/// The digits' middle height and the middle of the advance: the centre of every cell of a font.
fn face(font: &FontFile, ocr: bool, ocr_a: bool) -> Option<Face> {
    let zero = font.outline('0')?;
    let heights: Vec<f32> = zero.polygons.iter().flatten().map(|p| p.1).collect();
    let middle =
        (heights.iter().copied().fold(f32::MAX, f32::min) + heights.iter().copied().fold(f32::MIN, f32::max)) / 2.0;
    let inch = 0.1 / zero.advance;
    let draw = |c: char| {
        let outline = font.outline(c)?;
        Some(Drawn::new(&outline, (outline.advance / 2.0, middle), inch))
    };
    let glyphs: Vec<Option<Drawn>> = if ocr { cell::CHARACTERS.iter().map(|c| draw(*c)).collect() } else { Vec::new() };
    let letters = ('A'..='Z').chain('a'..='z').chain("%@!?:;,.\"()=*".chars()).filter_map(draw).collect();
    let upside = if ocr_a { &[1usize, 3, 4, 7][..] } else { &[1, 2, 3, 4, 5, 7][..] };
    let turned =
        if ocr { upside.iter().filter_map(|d| Some(glyphs[*d].as_ref()?.turned())).collect() } else { Vec::new() };
    Some(Face { glyphs, letters, turned })
}

/// The two OCR faces, and the strangers among which they must be told.
fn faces(folder: &Path) -> Result<(Vec<Face>, Vec<Face>), String> {
    let mut files = Vec::new();
    fonts(folder, &mut files);
    files.sort();
    let (mut faces, mut strangers) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(font) = std::fs::read(&file).ok().and_then(FontFile::new) else { continue };
        // The medium cuts are what stubs are printed in; the others of the families are drawn by weight below.
        match name.as_str() {
            "OCRA.ttf" => faces.extend(face(&font, true, true)),
            "OCRB.otf" => faces.extend(face(&font, true, false)),
            _ if name.starts_with("OCR") => {}
            _ => strangers.extend(face(&font, false, false)),
        }
    }
    if faces.len() != 2 {
        return Err(format!("{}: OCRA.ttf (fonts-ocr-a) and OCRB.otf (fonts-ocr-b) are needed", folder.display()));
    }
    Ok((faces, strangers))
}

/// Prints cells as they are drawn, to look at.
pub fn show(folder: &Path, seed: u64) -> Result<(), String> {
    let (faces, strangers) = faces(folder)?;
    for n in 0..24 {
        let (pixels, class) = draw_sample(&faces, &strangers, &mut Random::stream(seed, n));
        println!("class {class} {:?}", cell::CHARACTERS.get(class));
        for row in pixels.chunks(cell::WIDTH) {
            println!("{}", row.iter().map(|v| b" .:-=+*#%@"[(v * 9.0) as usize % 10] as char).collect::<String>());
        }
    }
    Ok(())
}

pub fn train(folder: &Path, out: &str, samples: u64, seed: u64) -> Result<(), String> {
    let (faces, strangers) = faces(folder)?;
    let sample = |n: u64| draw_sample(&faces, &strangers, &mut Random::stream(seed, n));
    let plan = [
        Plan::Conv { kernel: 5, stride: 2, filters: 8 },
        Plan::Conv { kernel: 3, stride: 2, filters: 16 },
        Plan::Dense(48),
        Plan::Dense(cell::CLASSES),
    ];
    let mut net = Net::plan(cell::WIDTH, cell::HEIGHT, &plan);
    net::start(&mut net, seed);
    net::fit(&mut net, &sample, Schedule { samples, ..Schedule::default() });
    net.note = format!("train scanline: {samples} cells, seed {seed}; fonts-ocr-a, fonts-ocr-b, strangers from DejaVu");
    println!("fresh cells: {:?}", net::test(&net, &sample, samples..samples + 50_000));
    std::fs::write(out, net.to_bytes()).map_err(|e| format!("{out}: {e}"))
}

/// What a cell's neighbour or the cell itself shows.
enum Content<'a> {
    Nothing,
    Glyph(&'a Drawn),
}

fn draw_sample(faces: &[Face], strangers: &[Face], random: &mut Random) -> (Vec<f32>, usize) {
    let face = &faces[random.below(faces.len())];
    let any_digit = |random: &mut Random| face.glyphs[random.below(10)].as_ref();
    let letter = |random: &mut Random| {
        let from =
            if random.chance(0.4) || strangers.is_empty() { face } else { &strangers[random.below(strangers.len())] };
        from.letters.get(random.below(from.letters.len()))
    };
    let roll = random.unit();
    // Characters that are not on their place belong to no class.
    let mut shift = (random.normal() * 0.006, random.normal() * 0.006);
    let (content, class) = if roll < 0.70 {
        let digit = random.below(10);
        (face.glyphs[digit].as_ref().map_or(Content::Nothing, Content::Glyph), digit)
    } else if roll < 0.84 {
        let mark = 10 + if random.chance(0.7) { random.below(3) } else { random.below(cell::CHARACTERS.len() - 10) };
        match &face.glyphs[mark] {
            Some(glyph) => (Content::Glyph(glyph), mark),
            None => (Content::Nothing, cell::BLANK),
        }
    } else if roll < 0.91 {
        (Content::Nothing, cell::BLANK)
    } else {
        let choice = random.below(6);
        let glyph = match choice {
            0 => face.turned.get(random.below(face.turned.len())),
            1 => {
                let side = if random.chance(0.5) { 1.0 } else { -1.0 };
                shift.0 = side * random.between(0.038, 0.05);
                any_digit(random)
            }
            2 => {
                let side = if random.chance(0.5) { 1.0 } else { -1.0 };
                shift.1 = side * random.between(0.045, 0.09);
                any_digit(random)
            }
            _ => letter(random),
        };
        (glyph.map_or(Content::Nothing, Content::Glyph), cell::OTHER)
    };
    // Half a cell aside, the neighbour shows as much as the cell itself.
    let neighbour = |random: &mut Random| {
        if random.chance(if class == cell::BLANK { 0.3 } else { 0.22 }) {
            Content::Nothing
        } else if class == cell::OTHER && random.chance(0.7) {
            letter(random).map_or(Content::Nothing, Content::Glyph)
        } else {
            any_digit(random).map_or(Content::Nothing, Content::Glyph)
        }
    };
    let cells = [neighbour(random), content, neighbour(random)];
    let dpi = match random.below(10) {
        0..5 => 200.0,
        5..7 => 240.0,
        7..9 => 300.0,
        _ => random.between(150.0, 320.0),
    };
    let patch = print_and_scan(&cells, shift, dpi, strangers, random);
    let mut out = [0.0; cell::WIDTH * cell::HEIGHT];
    let pitch = dpi * 0.1 * (1.0 + random.normal() * 0.008);
    let centre = (patch.width as f32 / 2.0, patch.height as f32 / 2.0);
    patch.cell(centre, pitch, random.normal() * 0.003, &mut out);
    (out.to_vec(), class)
}

/// Paper, press, pen, stamp, lamp and threshold.
fn print_and_scan(cells: &[Content; 3], shift: (f32, f32), dpi: f32, strangers: &[Face], random: &mut Random) -> Patch {
    let (width, height) = ((0.22 * dpi) as usize, (0.22 * dpi) as usize);
    let stretch = (1.0 + random.normal() * 0.025, 1.0 + random.normal() * 0.03);
    let (lean, turn) = (random.normal() * 0.02, random.normal() * 0.008);
    let weight = if random.chance(0.25) { random.between(-0.0055, -0.002) } else { random.between(-0.002, 0.0055) };
    let soft = random.between(0.3, 0.9) / dpi;
    let spaced = 0.1 * (1.0 + random.normal() * 0.006);
    let phase = (random.between(-0.5, 0.5) / dpi, random.between(-0.5, 0.5) / dpi);
    let mut patch = Patch { width, height, ink: vec![0.0; width * height] };
    let to_inch = |i: usize| {
        let (x, y) = ((i % width) as f32 + 0.5 - width as f32 / 2.0, (i / width) as f32 + 0.5 - height as f32 / 2.0);
        (x / dpi + phase.0, y / dpi + phase.1)
    };
    for i in 0..patch.ink.len() {
        let (x, y) = to_inch(i);
        let (x, y) = (x + y * lean + y * turn, y - x * turn);
        let mut best = -0.03f32;
        for (k, content) in cells.iter().enumerate() {
            let Content::Glyph(glyph) = content else { continue };
            let (dx, dy) = if k == 1 { shift } else { (shift.0 * 0.5, shift.1) };
            let gx = (x - (k as f32 - 1.0) * spaced - dx) / stretch.0;
            if gx.abs() < 0.08 {
                best = best.max(glyph.at(gx, (y - dy) / stretch.1));
            }
        }
        patch.ink[i] = ((best + weight) / soft * 0.5 + 0.5).clamp(0.0, 1.0);
    }
    let spot = |random: &mut Random| (random.between(-0.08, 0.08), random.between(-0.08, 0.08));
    if random.chance(0.35) {
        // Ink that did not take: blots of paper, flatter than high.
        for _ in 0..1 + random.below(7) {
            let (cx, cy) = spot(random);
            let (rx, ry) = (random.between(0.004, 0.03), random.between(0.003, 0.014));
            let strength = random.between(0.5, 1.0);
            for i in 0..patch.ink.len() {
                let (x, y) = to_inch(i);
                let inside = 1.0 - ((x - cx) / rx).powi(2) - ((y - cy) / ry).powi(2);
                patch.ink[i] *= 1.0 - strength * (inside * 3.0).clamp(0.0, 1.0);
            }
        }
    }
    if random.chance(0.22) {
        for _ in 0..1 + random.below(2) {
            let (half, dark) = (random.between(0.002, 0.009), random.between(0.5, 1.0));
            let ends = [spot(random), spot(random), spot(random)];
            stroke(&mut patch, &to_inch, ends, half, dark, dpi);
        }
    }
    if random.chance(0.1) && !strangers.is_empty() {
        // A stamp: a big faint letter, patchy.
        let face = &strangers[random.below(strangers.len())];
        let (cx, cy) = spot(random);
        let (size, dark) = (random.between(1.2, 2.2), random.between(0.3, 0.9));
        let (turn, patchy) = (random.between(-0.2, 0.2), random.between(0.0, 0.6));
        if let Some(glyph) = face.letters.get(random.below(26)) {
            for i in 0..patch.ink.len() {
                let (x, y) = to_inch(i);
                let (dx, dy) = (x - cx, y - cy);
                let edge = glyph.at((dx + dy * turn) / size, (dy - dx * turn) / size) * size + 0.003;
                let ink = dark * (edge * dpi * 0.7 + 0.5).clamp(0.0, 1.0) * (1.0 - patchy * random.unit());
                patch.ink[i] = patch.ink[i].max(ink);
            }
        }
    }
    scan(&mut patch, random);
    patch
}

/// A bent pen stroke.
fn stroke(
    patch: &mut Patch,
    to_inch: &dyn Fn(usize) -> (f32, f32),
    p: [(f32, f32); 3],
    half: f32,
    dark: f32,
    dpi: f32,
) {
    let along: Vec<(f32, f32)> = (0..=12)
        .map(|i| {
            let t = i as f32 / 12.0;
            let u = 1.0 - t;
            let mix = |a: f32, b: f32, c: f32| u * u * a + 2.0 * u * t * b + t * t * c;
            (mix(p[0].0 * 2.0, p[1].0, p[2].0 * 2.0), mix(p[0].1 * 2.0, p[1].1, p[2].1 * 2.0))
        })
        .collect();
    for i in 0..patch.ink.len() {
        let (x, y) = to_inch(i);
        let mut near = f32::MAX;
        for pair in along.windows(2) {
            let (ax, ay) = pair[0];
            let (bx, by) = (pair[1].0 - ax, pair[1].1 - ay);
            let t = (((x - ax) * bx + (y - ay) * by) / (bx * bx + by * by).max(1e-9)).clamp(0.0, 1.0);
            near = near.min((x - ax - t * bx).hypot(y - ay - t * by));
        }
        let ink = dark * ((half - near) * dpi + 0.5).clamp(0.0, 1.0);
        patch.ink[i] = patch.ink[i].max(ink);
    }
}

/// The lens's blur, the sensor's noise, and for half of the scans the threshold with its speckle.
fn scan(patch: &mut Patch, random: &mut Random) {
    let side = random.between(0.0, 0.3);
    for _ in 0..1 + random.below(2) {
        for step in [1, patch.width] {
            let before = patch.ink.clone();
            for i in step..patch.ink.len() - step {
                patch.ink[i] = before[i] * (1.0 - 2.0 * side) + side * (before[i - step] + before[i + step]);
            }
        }
    }
    let noise = random.between(0.0, 0.1);
    if random.chance(0.55) {
        let threshold = random.between(0.3, 0.65);
        let speckle = if random.chance(0.25) { random.between(0.0, 0.025) } else { 0.0 };
        for ink in &mut patch.ink {
            let value = *ink + random.normal() * noise > threshold;
            *ink = f32::from(value != random.chance(speckle));
        }
    } else {
        let (gain, lift) = (random.between(0.75, 1.2), random.between(-0.06, 0.06));
        for ink in &mut patch.ink {
            *ink = (*ink * gain + lift + random.normal() * noise * 0.7).clamp(0.0, 1.0);
        }
    }
}
