//! Who writes: real digits of one MNIST writer, a pen with a style of its own, a handwriting font, or a printer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::canvas::Picture;
use crate::outline::FontFile;
use crate::random::Random;

/// The digits of one writer: pictures by digit.
pub struct Writer {
    pub digits: [Vec<Picture>; 10],
}

/// A font's characters: digits and the marks of an amount.
pub struct Face {
    pub pictures: BTreeMap<char, Picture>,
    pub written: bool,
}

fn unpacked(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = folder.join(name);
    let run = Command::new("gzip").arg("-dc").arg(&path).output().map_err(|e| format!("gzip: {e}"))?;
    if run.stdout.is_empty() {
        return Err(format!("{}: {}", path.display(), String::from_utf8_lossy(&run.stderr).trim()));
    }
    Ok(run.stdout)
}

/// All writers of a set (`train` or `t10k`) in the order of their numbers, with at least one picture of most digits.
pub fn writers(folder: &Path, set: &str) -> Result<Vec<Writer>, String> {
    let images = unpacked(folder, &format!("{set}-images-idx3-ubyte.gz"))?;
    let labels = unpacked(folder, &format!("{set}-labels-idx1-ubyte.gz"))?;
    let numbers = unpacked(folder, &format!("{set}-writers.txt.gz"))?;
    let numbers = String::from_utf8_lossy(&numbers);
    let mut found: BTreeMap<u32, Writer> = BTreeMap::new();
    let (images, labels) = (images.get(16..).unwrap_or_default(), labels.get(8..).unwrap_or_default());
    for ((image, &label), number) in images.chunks_exact(28 * 28).zip(labels).zip(numbers.split_whitespace()) {
        let number: u32 = number.parse().map_err(|_| format!("writer number '{number}'"))?;
        let empty = || Writer { digits: std::array::from_fn(|_| Vec::new()) };
        if let Some(pictures) = found.entry(number).or_insert_with(empty).digits.get_mut(usize::from(label)) {
            pictures.push(digit(image));
        }
    }
    Ok(found.into_values().filter(|w| w.digits.iter().filter(|d| !d.is_empty()).count() >= 8).collect())
}

fn digit(image: &[u8]) -> Picture {
    let inked = |x: usize, y: usize| image[y * 28 + x] > 60;
    let columns: Vec<usize> = (0..28).filter(|&x| (0..28).any(|y| inked(x, y))).collect();
    let rows: Vec<usize> = (0..28).filter(|&y| (0..28).any(|x| inked(x, y))).collect();
    let (left, right) = (columns.first().copied().unwrap_or(0), columns.last().copied().unwrap_or(27) + 1);
    let (top, bottom) = (rows.first().copied().unwrap_or(0), rows.last().copied().unwrap_or(27) + 1);
    let (width, height) = (right - left, bottom - top);
    let ink =
        (0..width * height).map(|i| f32::from(image[(top + i / width) * 28 + left + i % width]) / 255.0).collect();
    Picture { width, height, ink, top: 0.0, bottom: height as f32, advance: width as f32, left: 0.0 }
}

/// Digit height of font pictures in pixels.
const FONT_SIZE: f32 = 44.0;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>());
    for path in entries.unwrap_or_default() {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "ttf" || e == "otf") {
            found.push(path);
        }
    }
}

/// Printers' fonts and handwriting, by the beginnings of their file names; all others are left for measuring.
const PRINTED: &[&str] = &[
    "DejaVuSans.",
    "DejaVuSans-Bold.",
    "DejaVuSansCondensed.",
    "DejaVuSansMono",
    "DejaVuSerif.",
    "DejaVuSerif-Bold.",
    "C059-",
    "NimbusMonoPS",
    "NimbusRoman-",
    "NimbusSans-",
    "NimbusSansNarrow-",
    "P052-Roman",
    "P052-Bold.",
    "URWBookman-Light.",
    "URWGothic-Book.",
    "NotoSansMono",
    "NotoMono",
    "FreeMono",
    "FreeSans",
    "Hack-",
    "Inconsolata",
    "Cantarell-Regular",
    "Cantarell-Bold",
    "OCRA.",
    "OCRB.",
];
const WRITTEN: &[&str] =
    &["dkg", "Breip", "breipfont", "femkeklaver", "Humor-Sans", "BecauseWe", "ComicNeue", "KleeOne", "Kristi", "Z003"];

pub fn faces(folder: &Path) -> Result<Vec<Face>, String> {
    let mut found = Vec::new();
    files(folder, &mut found);
    let named = |p: &PathBuf| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    found.sort_by_key(named);
    found.dedup_by_key(|p| named(p));
    let mut out = Vec::new();
    for path in found {
        let name = named(&path);
        let written = WRITTEN.iter().any(|w| name.starts_with(w));
        if !written && !PRINTED.iter().any(|p| name.starts_with(p)) {
            continue;
        }
        out.extend(std::fs::read(&path).ok().and_then(FontFile::new).and_then(|f| face(&f, written)));
    }
    let printers = out.iter().filter(|f| !f.written).count();
    if printers < 6 {
        return Err(format!(
            "{}: {printers} printers' fonts; fonts-dejavu and fonts-urw-base35 at least",
            folder.display()
        ));
    }
    Ok(out)
}

/// Fonts that are measured with and never trained on.
const STRANGERS: &[&str] = &[
    "LiberationSans-Regular",
    "LiberationSans-Bold.",
    "LiberationMono-Regular",
    "LiberationMono-Bold.",
    "LiberationSerif-Regular",
    "Lato-Regular",
    "Lato-Bold.",
    "Roboto-Regular",
    "Roboto-Medium.",
    "OpenSans-Regular",
    "OpenSans-Semibold.",
    "Courier Prime.",
    "Courier Prime Bold.",
];

pub fn strangers(folder: &Path) -> Result<Vec<Face>, String> {
    let mut found = Vec::new();
    files(folder, &mut found);
    found.sort();
    let named = |p: &PathBuf| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let chosen = found.iter().filter(|p| STRANGERS.iter().any(|s| named(p).starts_with(s)));
    let faces: Vec<Face> = chosen.filter_map(|p| face(&FontFile::new(std::fs::read(p).ok()?)?, false)).collect();
    if faces.len() < 6 {
        return Err(format!(
            "{}: {} fonts to measure with; fonts-liberation, fonts-lato, fonts-roboto, fonts-open-sans",
            folder.display(),
            faces.len()
        ));
    }
    Ok(faces)
}

/// Digits and marks of a font; `None` when a digit or the point is missing.
pub fn face(font: &FontFile, written: bool) -> Option<Face> {
    let heights = |c: char| {
        let ys: Vec<f32> = font.outline(c)?.polygons.iter().flatten().map(|p| p.1).collect();
        Some((ys.iter().copied().fold(f32::MAX, f32::min), ys.iter().copied().fold(f32::MIN, f32::max)))
    };
    let (low, high) = heights('8')?;
    let height = (high - low).max(0.05);
    let mut pictures = BTreeMap::new();
    for c in "0123456789.,-$*/=xXnoahs#ETd".chars() {
        let Some(outline) = font.outline(c).filter(|o| !o.polygons.is_empty()) else { continue };
        let raised: Vec<Vec<(f32, f32)>> =
            outline.polygons.iter().map(|p| p.iter().map(|q| (q.0, q.1 - low)).collect()).collect();
        pictures.insert(c, Picture::of_polygons(&raised, FONT_SIZE / height, height, outline.advance));
    }
    ('0'..='9').chain(['.']).all(|c| pictures.contains_key(&c)).then_some(Face { pictures, written })
}

/// Digits as paths of a pen, one table of variants each: x to the right 0 to 0.6, y down, top 0 and foot 1.
type Path2 = &'static [&'static [(f32, f32)]];
const PEN: [&[Path2]; 10] = [
    &[
        &[&[
            (0.34, 0.0),
            (0.1, 0.2),
            (0.04, 0.55),
            (0.15, 0.92),
            (0.33, 1.0),
            (0.52, 0.75),
            (0.56, 0.4),
            (0.46, 0.08),
            (0.32, 0.0),
        ]],
        &[&[(0.42, 0.08), (0.2, 0.02), (0.03, 0.4), (0.1, 0.88), (0.32, 1.0), (0.52, 0.7), (0.52, 0.3), (0.34, 0.06)]],
        &[&[(0.4, 0.05), (0.1, 0.15), (0.02, 0.55), (0.18, 0.97), (0.45, 0.9), (0.56, 0.5), (0.5, 0.2)]],
        &[
            &[(0.3, 0.0), (0.05, 0.3), (0.05, 0.7), (0.3, 1.0), (0.52, 0.7), (0.52, 0.3), (0.3, 0.0)],
            &[(0.5, 0.1), (0.1, 0.9)],
        ],
    ],
    &[
        &[&[(0.12, 0.0), (0.1, 1.0)]],
        &[&[(0.1, 0.0), (0.1, 0.5), (0.1, 1.0)]],
        &[&[(0.0, 0.25), (0.18, 0.0), (0.18, 1.0)]],
        &[&[(0.0, 0.22), (0.2, 0.0), (0.2, 1.0)], &[(0.02, 1.0), (0.4, 1.0)]],
        &[&[(0.2, 0.0), (0.08, 1.0)]],
    ],
    &[
        &[&[(0.05, 0.22), (0.2, 0.02), (0.45, 0.1), (0.45, 0.38), (0.2, 0.75), (0.0, 1.0), (0.25, 0.96), (0.55, 0.98)]],
        &[&[
            (0.08, 0.2),
            (0.3, 0.0),
            (0.5, 0.2),
            (0.3, 0.6),
            (0.05, 0.92),
            (0.05, 0.8),
            (0.2, 0.82),
            (0.4, 0.98),
            (0.58, 0.92),
        ]],
        &[&[(0.02, 0.15), (0.25, 0.0), (0.46, 0.25), (0.02, 1.0), (0.02, 1.0), (0.52, 1.0)]],
    ],
    &[
        &[&[
            (0.05, 0.1),
            (0.25, 0.0),
            (0.45, 0.15),
            (0.4, 0.38),
            (0.2, 0.46),
            (0.42, 0.55),
            (0.5, 0.78),
            (0.3, 1.0),
            (0.02, 0.9),
        ]],
        &[&[(0.02, 0.02), (0.48, 0.02), (0.48, 0.02), (0.2, 0.4), (0.48, 0.55), (0.46, 0.85), (0.2, 1.0), (0.0, 0.92)]],
        &[&[(0.05, 0.05), (0.4, 0.05), (0.36, 0.35), (0.15, 0.45), (0.15, 0.45), (0.5, 0.6), (0.4, 0.95), (0.05, 1.0)]],
    ],
    &[
        &[&[(0.1, 0.0), (0.04, 0.55), (0.04, 0.55), (0.55, 0.55)], &[(0.42, 0.05), (0.4, 1.0)]],
        &[&[(0.4, 0.0), (0.02, 0.65), (0.02, 0.65), (0.58, 0.64)], &[(0.42, 0.0), (0.42, 1.0)]],
        &[&[(0.05, 0.05), (0.08, 0.5), (0.3, 0.52), (0.45, 0.4)], &[(0.48, 0.0), (0.44, 1.0)]],
        &[&[(0.38, 1.0), (0.4, 0.0), (0.4, 0.0), (0.0, 0.7), (0.0, 0.7), (0.58, 0.7)]],
    ],
    &[
        &[
            &[(0.1, 0.05), (0.06, 0.42), (0.06, 0.42), (0.3, 0.38), (0.5, 0.6), (0.44, 0.9), (0.2, 1.0), (0.0, 0.92)],
            &[(0.1, 0.04), (0.52, 0.02)],
        ],
        &[&[
            (0.5, 0.0),
            (0.12, 0.03),
            (0.12, 0.03),
            (0.06, 0.42),
            (0.06, 0.42),
            (0.4, 0.42),
            (0.48, 0.75),
            (0.2, 1.0),
            (0.0, 0.9),
        ]],
        &[&[(0.48, 0.04), (0.15, 0.04), (0.12, 0.4), (0.35, 0.5), (0.42, 0.75), (0.25, 0.98), (0.0, 0.98)]],
    ],
    &[
        &[&[
            (0.4, 0.0),
            (0.12, 0.3),
            (0.02, 0.7),
            (0.15, 0.98),
            (0.42, 0.92),
            (0.48, 0.68),
            (0.28, 0.55),
            (0.06, 0.68),
        ]],
        &[&[(0.28, 0.0), (0.05, 0.5), (0.1, 0.95), (0.38, 1.0), (0.5, 0.8), (0.35, 0.62), (0.1, 0.75)]],
        &[&[(0.45, 0.02), (0.1, 0.35), (0.02, 0.8), (0.3, 1.0), (0.5, 0.75), (0.3, 0.6), (0.12, 0.8)]],
    ],
    &[
        &[&[(0.0, 0.04), (0.5, 0.02), (0.5, 0.02), (0.2, 1.0)]],
        &[&[(0.0, 0.1), (0.1, 0.02), (0.52, 0.03), (0.3, 0.5), (0.18, 1.0)]],
        &[&[(0.0, 0.03), (0.5, 0.03), (0.5, 0.03), (0.16, 1.0)], &[(0.1, 0.52), (0.48, 0.5)]],
        &[&[(0.0, 0.2), (0.02, 0.02), (0.48, 0.05), (0.26, 1.0)]],
    ],
    &[
        &[&[
            (0.45, 0.12),
            (0.25, 0.0),
            (0.06, 0.18),
            (0.25, 0.45),
            (0.46, 0.72),
            (0.28, 1.0),
            (0.04, 0.8),
            (0.22, 0.5),
            (0.46, 0.14),
        ]],
        &[&[
            (0.28, 0.46),
            (0.08, 0.25),
            (0.28, 0.0),
            (0.46, 0.2),
            (0.28, 0.46),
            (0.02, 0.75),
            (0.26, 1.0),
            (0.5, 0.75),
            (0.28, 0.46),
        ]],
        &[&[
            (0.5, 0.05),
            (0.2, 0.03),
            (0.12, 0.28),
            (0.45, 0.65),
            (0.35, 0.98),
            (0.06, 0.92),
            (0.1, 0.62),
            (0.4, 0.3),
            (0.52, 0.1),
        ]],
    ],
    &[
        &[&[(0.45, 0.12), (0.22, 0.0), (0.03, 0.22), (0.15, 0.45), (0.4, 0.38), (0.46, 0.1), (0.44, 0.5), (0.36, 1.0)]],
        &[&[(0.46, 0.05), (0.12, 0.05), (0.06, 0.38), (0.3, 0.46), (0.46, 0.1), (0.46, 0.1), (0.42, 1.0)]],
        &[&[(0.42, 0.3), (0.25, 0.48), (0.04, 0.3), (0.15, 0.02), (0.4, 0.05), (0.44, 0.4), (0.34, 0.9), (0.1, 0.98)]],
        &[&[(0.1, 1.0), (0.1, 0.0), (0.1, 0.0), (0.42, 0.08), (0.45, 0.35), (0.12, 0.5)]],
    ],
];

/// One person's pen: which variant of each digit, and how its points lie.
pub struct Style {
    seed: u64,
}

impl Style {
    pub fn new(random: &mut Random) -> Style {
        Style { seed: random.next() }
    }

    /// The strokes of a digit in units of its height: the person's own shape, moved a little each time.
    pub fn digit(&self, digit: usize, random: &mut Random) -> Vec<Vec<(f32, f32)>> {
        let mut own = Random::stream(self.seed, digit as u64);
        let variants = PEN[digit];
        let variant = variants[own.below(variants.len())];
        let (wide, wild, shaky) = (own.between(0.7, 1.25), own.between(0.0, 0.045), random.between(0.005, 0.035));
        variant
            .iter()
            .map(|stroke| {
                let points: Vec<(f32, f32)> = stroke
                    .iter()
                    .map(|&(x, y)| {
                        let x = x * wide + own.normal() * wild + random.normal() * shaky;
                        (x, y + own.normal() * wild + random.normal() * shaky)
                    })
                    .collect();
                smooth(&points)
            })
            .collect()
    }
}

/// A curve through the points; a point given twice stays a corner.
pub fn smooth(points: &[(f32, f32)]) -> Vec<(f32, f32)> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let at = |i: isize| points[i.clamp(0, points.len() as isize - 1) as usize];
    let mut out = vec![points[0]];
    for i in 0..points.len() as isize - 1 {
        let (a, b, c, d) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        for step in 1..=6 {
            let t = step as f32 / 6.0;
            let mix = |a: f32, b: f32, c: f32, d: f32| {
                0.5 * (2.0 * b
                    + (c - a) * t
                    + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
                    + (3.0 * b - a - 3.0 * c + d) * t * t * t)
            };
            out.push((mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1)));
        }
    }
    out
}
