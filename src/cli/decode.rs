//! `remit decode`: reads images without a site, one JSON object per image, in the order they were given. An image that
//! cannot be read is an object with a problem; the others are read all the same, and the exit status is 1.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use rayon::prelude::*;

use super::print;
use crate::decode::layout::Layouts;
use crate::decode::{self, Expect, Request, Source, trace};
use crate::domain::account::masked;
use crate::domain::{ImageRole, Problem, Reading, Reason};

/// No image file of any scanner is larger.
const MAX_BYTES: u64 = 64 << 20;

#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  remit decode --json --layouts layouts.toml 0001_F.tif 0002_F.tif\n  \
                        remit decode --as micr-line line.tif\n  \
                        remit decode --trace why stub.tif       then open why/0001-stub/index.html")]
pub struct Args {
    /// What the images show: auto, check, stub, micr-line (a cut-out account line), scanline (a cut-out stub line)
    #[arg(long = "as", id = "as-user", value_name = "KIND")]
    kind: Option<String>,
    /// Stub layouts (TOML); without them scanlines and barcodes come as raw text
    #[arg(long, value_name = "FILE")]
    layouts: Option<PathBuf>,
    /// Dots an inch, where the files do not say or lie
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(50..=1200))]
    dpi: Option<u32>,
    /// Write every intermediate picture of each image into this folder, with a page that explains them (one folder an image)
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// TIFF (Group 4, LZW, deflate or plain), JPEG or PNG
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// Reads all images; 0 when each could be read, 1 when one could not.
pub fn run(args: Args, json: bool) -> anyhow::Result<u8> {
    let expect = match args.kind.as_deref().unwrap_or("auto") {
        "auto" => Expect::Auto,
        "check" => Expect::Check,
        "stub" => Expect::Stub,
        "micr-line" => Expect::MicrLine,
        "scanline" => Expect::Scanline,
        other => anyhow::bail!("--as {other}: give auto, check, stub, micr-line or scanline"),
    };
    let layouts = match &args.layouts {
        None => Layouts::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
            Layouts::parse(&text).with_context(|| format!("{}", path.display()))?
        }
    };
    // In groups, so that a long list begins to print at once and memory stays flat.
    let mut unreadable = false;
    let tell = |reading: &Reading| -> anyhow::Result<bool> {
        let line = if json { serde_json::to_string(reading)? } else { for_people(reading) };
        Ok(print::raw((line + "\n").as_bytes())?)
    };
    if let Some(folder) = &args.trace {
        for (n, path) in args.images.iter().enumerate() {
            let reading = traced(path, n + 1, folder, expect, args.dpi, &layouts)?;
            unreadable |= reading.problems.iter().any(|p| p.code == Reason::ImageUnreadable);
            tell(&reading)?;
        }
        return Ok(u8::from(unreadable));
    }
    'all: for group in args.images.chunks(256) {
        let readings: Vec<Reading> = group.par_iter().map(|path| one(path, expect, args.dpi, &layouts)).collect();
        for reading in readings {
            unreadable |= reading.problems.iter().any(|p| p.code == Reason::ImageUnreadable);
            if !tell(&reading)? {
                break 'all;
            }
        }
    }
    Ok(u8::from(unreadable))
}

fn one(path: &Path, expect: Expect, dpi: Option<u32>, layouts: &Layouts) -> Reading {
    let name = path.to_string_lossy();
    let started = Instant::now();
    let bytes = match read_file(path) {
        Ok(bytes) => bytes,
        Err(message) => {
            let mut reading = decode::nothing(&name);
            reading.problems.push(Problem::new(Reason::ImageUnreadable, message));
            return reading;
        }
    };
    let image = Source { role: ImageRole::Front, name: &name, bytes: &bytes };
    let mut reading = decode::decode(&Request { images: &[image], dpi, magnetic: None, expect, layouts });
    reading.ms = started.elapsed().as_secs_f32() * 1000.0;
    reading
}

/// Reads one image and leaves its pictures and their page in a folder of its own.
fn traced(
    path: &Path,
    number: usize,
    folder: &Path,
    expect: Expect,
    dpi: Option<u32>,
    layouts: &Layouts,
) -> anyhow::Result<Reading> {
    let Ok(bytes) = read_file(path) else { return Ok(one(path, expect, dpi, layouts)) };
    let name = path.to_string_lossy();
    let image = Source { role: ImageRole::Front, name: &name, bytes: &bytes };
    let started = Instant::now();
    let found = trace::trace(&Request { images: &[image], dpi, magnetic: None, expect, layouts });
    let mut found = found;
    found.reading.ms = started.elapsed().as_secs_f32() * 1000.0;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let place = folder.join(format!("{number:04}-{stem}"));
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(place.join(name), bytes).with_context(|| format!("{}", place.join(name).display()))
    };
    std::fs::create_dir_all(&place).with_context(|| format!("{}", place.display()))?;
    let mut files = Vec::new();
    for (n, picture) in found.pictures.iter().enumerate() {
        let file = format!("{}-{}.png", n + 1, picture.name);
        write(&file, &crate::imaging::png::write_gray(&picture.gray)?)?;
        files.push(file);
    }
    write("index.html", crate::reports::trace_page(&found, &files).as_bytes())?;
    write("reading.json", serde_json::to_string_pretty(&found.reading)?.as_bytes())?;
    Ok(found.reading)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let told = |e: std::io::Error| format!("the file cannot be opened: {e}");
    let size = std::fs::metadata(path).map_err(told)?.len();
    if size > MAX_BYTES {
        return Err(format!("the file has {size} bytes; an image has {MAX_BYTES} at most"));
    }
    std::fs::read(path).map_err(told)
}

fn for_people(reading: &Reading) -> String {
    let mut parts = vec![format!("{}: {}", reading.file, reading.kind.as_str())];
    if let Some(micr) = &reading.micr {
        let account = micr.fields.account.as_deref().map(masked).unwrap_or_default();
        let routing = micr.fields.routing.as_deref().unwrap_or("?");
        let serial = micr.fields.serial.as_deref().unwrap_or("?");
        parts.push(format!("routing {routing}, account {account}, check {serial}"));
    }
    if let Some(line) = &reading.scanline {
        let layout = line.layout.as_deref().unwrap_or("no layout");
        parts.push(format!("line of {layout}, account {}", field(&line.fields)));
    }
    for barcode in &reading.barcodes {
        parts.push(format!("{}, account {}", barcode.symbology, field(&barcode.fields)));
    }
    for problem in &reading.problems {
        parts.push(format!("{}: {}", problem.code, problem.message));
    }
    parts.join("; ")
}

fn field(fields: &std::collections::BTreeMap<String, String>) -> String {
    fields.get("account").map(|a| masked(a)).unwrap_or_else(|| "?".to_string())
}
