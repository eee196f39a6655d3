//! Ours beside what anyone can install, on the same pictures in the same run: barcodes of each symbology under growing
//! damage against zxing-cpp (python package `zxing-cpp`), and stub and account lines against stock Tesseract, which is given
//! the place of the line. A peer that is not on this machine is named and left out. `cargo bench --bench peers`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use remit::deck::plan::{Scenario, Source as Tray, Station, plan_of};
use remit::deck::wear::Wear;
use remit::deck::{self, face::Paper};
use remit::decode::barcode;
use remit::decode::layout::Layouts;
use remit::decode::{micr, scanline};
use remit::domain::{Day, PixelBox};
use remit::imaging::{Bits, Gray, Transform, Upright, convert, png, to_gray};
use rxing::{BarcodeFormat, MultiFormatWriter, Writer};

/// A number that looks drawn by lot.
fn draw(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// A code in the middle of a page, `module` pixels a module, then what happened to it.
fn page(format: BarcodeFormat, text: &str, module: usize, damage: &str, seed: &mut u64) -> Bits {
    let code = MultiFormatWriter.encode(text, &format, 0, 0).expect("a code");
    let is_bars = code.getHeight() == 1 || matches!(format, BarcodeFormat::CODE_128 | BarcodeFormat::ITF);
    let tall = if is_bars { 70 } else { module };
    let rows = if is_bars { 1 } else { code.getHeight() as usize };
    let mut gray = Gray::new(1200, 560);
    for y in 0..rows * tall {
        for x in 0..code.getWidth() as usize * module {
            if code.get((x / module) as u32, (y / tall) as u32) {
                gray.set(180 + x, 150 + y, 25);
            }
        }
    }
    let mut blurred = gray.clone();
    for y in 1..559 {
        for x in 1..1199 {
            let at = |dx: isize, dy: isize| u32::from(gray.get((x as isize + dx) as usize, (y as isize + dy) as usize));
            let sum = 4 * at(0, 0) + 2 * (at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1));
            let corners = at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1);
            blurred.set(x, y, ((sum + corners) / 16) as u8);
        }
    }
    let (limit, holes, specks) = match damage {
        "spread" => (205, 0, 0),
        "pale" => (88, 0, 0),
        "holes" => (140, 12, 2),
        "noise" => (140, 7, 7),
        _ => (140, 0, 0),
    };
    let mut bits = convert::threshold(&blurred, limit);
    for y in 0..560 {
        for x in 0..1200 {
            let dice = draw(seed) % 100;
            if bits.get(x, y) && dice < holes {
                bits.set(x, y, false);
            } else if !bits.get(x, y) && dice < specks {
                bits.set(x, y, (150..420).contains(&y) && (150..1100).contains(&x));
            }
        }
    }
    bits
}

fn ours(bits: &Bits, layouts: &Layouts) -> Vec<String> {
    let page = Upright { bits: bits.clone(), gray: None, dpi: 200, transform: Transform::IDENTITY };
    barcode::read(&page, layouts).into_iter().map(|b| b.text).collect()
}

/// Texts and milliseconds of each picture, by zxing-cpp.
fn zxing(files: &[String]) -> Option<Vec<(Vec<String>, f64)>> {
    const PROGRAM: &str = r#"
import sys, json, time
import zxingcpp
from PIL import Image
for f in sys.stdin.read().split('\n'):
    image = Image.open(f).convert('L')
    start = time.process_time()
    found = [r.text for r in zxingcpp.read_barcodes(image)]
    print(json.dumps([found, (time.process_time() - start) * 1000]))
"#;
    let mut child = Command::new("python3")
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(files.join("\n").as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().map(|l| serde_json::from_str(l).ok()).collect()
}

fn barcodes(folder: &Path) {
    use BarcodeFormat as F;
    let formats = [
        ("code-128", F::CODE_128, [2, 3]),
        ("itf", F::ITF, [2, 3]),
        ("qr", F::QR_CODE, [3, 4]),
        ("pdf417", F::PDF_417, [2, 3]),
        ("datamatrix", F::DATA_MATRIX, [3, 4]),
    ];
    let layouts = Layouts::default();
    let mut seed = 42;
    let mut cases: Vec<(&str, &str, String, Bits)> = Vec::new();
    for (name, format, modules) in formats {
        for damage in ["clean", "spread", "pale", "holes", "noise"] {
            for turn in 0..12 {
                let digits: String = (0..24).map(|_| char::from(b'0' + (draw(&mut seed) % 10) as u8)).collect();
                let is_bars = matches!(format, F::CODE_128 | F::ITF);
                let text = if is_bars { digits } else { format!("PMI|P{}|{}", &digits[..7], &digits[7..]) };
                let bits = page(format, &text, modules[turn % 2], damage, &mut seed);
                cases.push((name, damage, text, bits));
            }
        }
    }
    let blank = "no code";
    for _ in 0..20 {
        let mut bits = Bits::new(1200, 560);
        (0..90_000).for_each(|_| {
            let (x, y) = (draw(&mut seed) as usize % 900, draw(&mut seed) as usize % 300);
            bits.set(150 + x, 120 + y, true);
        });
        cases.push((blank, "noise", String::new(), bits));
    }
    let files: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(n, case)| {
            let path = folder.join(format!("{n}.png"));
            std::fs::write(&path, png::write_gray(&to_gray(&case.3)).expect("a picture")).expect("a file");
            path.display().to_string()
        })
        .collect();
    let peer = zxing(&files);
    let mut table: BTreeMap<(&str, &str), [f64; 7]> = BTreeMap::new();
    for (n, (name, damage, text, bits)) in cases.iter().enumerate() {
        let started = Instant::now();
        let found = ours(bits, &layouts);
        let ms = started.elapsed().as_secs_f64() * 1e3;
        let row = table.entry((name, damage)).or_default();
        let mut count = |found: &[String], at: usize| {
            row[at] += f64::from(u8::from(found.contains(text)));
            row[at + 1] += found.iter().filter(|f| *f != text).count() as f64;
        };
        count(&found, 1);
        if let Some((found, _)) = peer.as_ref().map(|p| &p[n]) {
            count(found, 4);
        }
        row[0] += 1.0;
        row[3] += ms;
        row[6] += peer.as_ref().map_or(0.0, |p| p[n].1);
    }
    println!(
        "{:<12} {:<8} {:>5} | {:>5} {:>6} {:>8} | {:>7} {:>6} {:>8}",
        "symbology", "damage", "codes", "ours", "wrong", "ms", "zxing", "wrong", "ms"
    );
    for ((name, damage), r) in &table {
        let ms = |sum: f64| format!("{:.1}", sum / r[0]);
        let theirs = |told: String| if peer.is_some() { told } else { "-".into() };
        println!(
            "{name:<12} {damage:<8} {:>5} | {:>5} {:>6} {:>8} | {:>7} {:>6} {:>8}",
            r[0],
            r[1],
            r[2],
            ms(r[3]),
            theirs(r[4].to_string()),
            theirs(r[5].to_string()),
            theirs(ms(r[6]))
        );
    }
}

/// Where a line was found, its digits, and whether it is accepted.
type Seen = (PixelBox, String, bool);

/// Digits of a piece's line as printed, where ours found it and what it says; `None` for paper without a line.
fn line_of(paper: &Paper, page: &Upright, layouts: &Layouts) -> Option<(String, Option<Seen>)> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    match paper {
        Paper::Stub(face) if !face.lines.scanline.is_empty() => {
            let found = scanline::read(page, layouts).map(|l| (l.read.bbox, digits(&l.read.text), l.read.accepted));
            Some((digits(&face.lines.scanline), found))
        }
        Paper::Check(face) => {
            let mut line = face.line.clone();
            line.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
            let printed: String = line.iter().map(|(_, c)| *c).collect();
            let found = micr::read(page).map(|l| l.read).filter(|r| !r.chars.is_empty()).map(|read| {
                let boxes = read.chars.iter().map(|c| c.bbox);
                let (x, y) = boxes.clone().fold((i32::MAX, i32::MAX), |(x, y), b| (x.min(b.x), y.min(b.y)));
                let (right, foot) = boxes.fold((0, 0), |(x, y), b| (x.max(b.x + b.w), y.max(b.y + b.h)));
                (PixelBox { x, y, w: right - x, h: foot - y }, digits(&read.text), read.accepted)
            });
            Some((digits(&printed), found))
        }
        _ => None,
    }
}

fn lines(folder: &Path) {
    let station = Station::MAIL;
    let plan = plan_of(&[(Tray::Scanner, station, &[Scenario::Exact; 24])], 31, Day::new(2026, 11, 20).expect("a day"));
    let layouts = Layouts::parse(deck::tables::LAYOUTS).expect("layouts");
    let has_peer = installed("tesseract", &["--version"]).is_some();
    println!(
        "The peer is given the place of the line, found by ours; digits alone are compared, ours counts when accepted."
    );
    println!(
        "{:<14} {:<8} {:>5} | {:>5} {:>6} {:>8} | {:>9} {:>8}",
        "line", "wear", "lines", "ours", "wrong", "ms", "tesseract", "ms"
    );
    let wears: &[(&str, Option<Wear>)] =
        &[("clean", None), ("pale", Some(Wear::Faint { ink: 0.6 })), ("stamped", Some(Wear::Stamp))];
    for kind in ["stub, OCR", "check, E-13B"] {
        for (name, wear) in wears {
            let (mut all, mut right, mut wrong, mut peers, mut own_ms, mut peer_ms) = (0, 0, 0, 0, 0.0, 0.0);
            for piece in &plan.trays[0].pieces {
                if matches!(piece.paper, Paper::Check(_)) != kind.starts_with("check") {
                    continue;
                }
                let piece = deck::plan::Piece { wear: *wear, skew: 0.0, ..piece.clone() };
                let gray = deck::scanned(&piece, station, false);
                let bits = convert::threshold(&gray, 150);
                let page = Upright { bits, gray: None, dpi: 200, transform: Transform::IDENTITY };
                let started = Instant::now();
                let Some((want, found)) = line_of(&piece.paper, &page, &layouts) else { continue };
                own_ms += started.elapsed().as_secs_f64() * 1e3;
                all += 1;
                let accepted = found.as_ref().filter(|f| f.2);
                right += usize::from(accepted.is_some_and(|f| f.1 == want));
                wrong += usize::from(accepted.is_some_and(|f| f.1 != want));
                let Some((area, ..)) = found.filter(|_| has_peer) else { continue };
                let cut = to_gray(&page.bits).cropped(
                    (area.x - 20) as isize,
                    (area.y - 14) as isize,
                    area.w as usize + 40,
                    area.h as usize + 28,
                );
                let path = folder.join("line.png");
                std::fs::write(&path, png::write_gray(&cut).expect("a picture")).expect("a file");
                let started = Instant::now();
                // One core, as ours; its threads wait for each other on a busy machine.
                let output = Command::new("tesseract")
                    .env("OMP_THREAD_LIMIT", "1")
                    .arg(&path)
                    .args(["-", "--psm", "7", "--dpi", "200", "-c", "tessedit_char_whitelist=0123456789<>+"])
                    .output()
                    .expect("tesseract");
                peer_ms += started.elapsed().as_secs_f64() * 1e3;
                let read: String =
                    String::from_utf8_lossy(&output.stdout).chars().filter(char::is_ascii_digit).collect();
                peers += usize::from(read == want);
            }
            let each = |sum: f64| sum / f64::from(all.max(1));
            let told = if has_peer { peers.to_string() } else { "not here".into() };
            println!(
                "{kind:<14} {name:<8} {all:>5} | {right:>5} {wrong:>6} {:>8.1} | {told:>9} {:>8.1}",
                each(own_ms),
                each(peer_ms)
            );
        }
    }
}

/// The first line that a program prints of itself; `None` where it is not on this machine.
fn installed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|o| o.status.success())?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned())
}

/// Who is here to compare with, and who is not.
fn peers() {
    let module = "import importlib.metadata as m, zxingcpp, PIL.Image; print(m.version('zxing-cpp'))";
    let library = "import ctypes, ctypes.util; t = ctypes.CDLL(ctypes.util.find_library('tiff') or 'libtiff.so.6'); \
                   t.TIFFGetVersion.restype = ctypes.c_char_p; print(t.TIFFGetVersion().decode().splitlines()[0])";
    for (name, found, way) in [
        ("Tesseract", installed("tesseract", &["--version"]), "apt install tesseract-ocr"),
        ("zxing-cpp", installed("python3", &["-c", module]), "pip install zxing-cpp pillow"),
        ("libtiff", installed("python3", &["-c", library]), "apt install libtiff6; measured by the bench `pages`"),
    ] {
        match found {
            Some(version) => println!("{name}: {version}"),
            None => println!("{name} is NOT here ({way}): left out"),
        }
    }
    println!("Tesseract reads with its stock English model: Debian has no model of E-13B, OCR-A or OCR-B.\n");
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    peers();
    barcodes(folder.path());
    lines(folder.path());
}
