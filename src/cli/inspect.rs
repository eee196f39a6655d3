//! `remit inspect`: any supported file as an outline or as JSON, with what is wrong with it. No site. Exit 0 valid, 1 it
//! reads but breaks a rule, 3 it cannot be read as any format of ours. The format is told by content, never by name.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::formats::inspection::{RecordView, records};
use crate::formats::{Format, Inspection, inspect, sniff, x9};

/// Larger files are refused before they are read.
const MAX_BYTES: u64 = 8 << 30;
/// Enough to tell any format.
const HEAD: usize = 8192;

#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  remit inspect deposit.x9\n  remit inspect --strict --json lockbox.txt\n  \
                        remit inspect --images pictures deposit.x9")]
pub struct Args {
    /// An image cash letter, a lockbox file, a capture index or a CSV file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read it as this format: x9, lockbox-bai, capture-index, csv
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Warnings count as errors
    #[arg(long)]
    strict: bool,
    /// Every record with its fields by their standard names
    #[arg(long)]
    records: bool,
    /// Write the images of a cash letter into this folder
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
}

/// Prints what the file holds; 0 valid, 1 not.
pub fn run(args: Args, json: bool) -> anyhow::Result<u8> {
    let name = args.file.display().to_string();
    let unreadable = |failure: Failure| failure.in_file(name.clone());
    let format = match args.format.as_deref() {
        None => None,
        Some(text) => Some(Format::parse(text).ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|f| f.as_str()).collect();
            Failure::usage(format!("--format {text}: give {}", known.join(", ")))
        })?),
    };
    let bytes = match read_file(&args.file, format) {
        Ok(bytes) => bytes,
        Err(failure) => return refuse(unreadable(failure), json),
    };
    let Some(format) = format.or_else(|| sniff(&bytes[..bytes.len().min(HEAD)])) else {
        return refuse(unreadable(unknown(&bytes)), json);
    };
    let found = match inspect(&bytes, format) {
        Ok(found) => found,
        Err(fault) => {
            let failure = Failure {
                record: fault.record.or(fault.line),
                column: fault.column,
                offset: fault.offset,
                ..Failure::input(fault.code, fault.message.clone())
            };
            return refuse(unreadable(failure.help("it cannot be read as a file of this format")), json);
        }
    };
    let found = if args.strict { found.strict() } else { found };
    if let Some(folder) = &args.images {
        write_images(&bytes, format, folder)?;
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let told = if json {
        print_json(&mut out, &found, &bytes, args.records)
    } else {
        print_text(&mut out, &name, &found, &bytes, args.records)
    };
    match told.and_then(|()| out.flush()) {
        // Whoever reads only the first lines of a long outline has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(u8::from(!found.valid))
}

/// The file's bytes, once its head looks like something of ours.
fn read_file(path: &Path, format: Option<Format>) -> Result<Vec<u8>, Failure> {
    let told = |e: std::io::Error| Failure::input("file", format!("the file cannot be opened: {e}"));
    let file = std::fs::File::open(path).map_err(told)?;
    let size = file.metadata().map_err(told)?.len();
    if size > MAX_BYTES {
        return Err(Failure::input("limit", format!("the file has {size} bytes; at most {MAX_BYTES} are read")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(HEAD));
    (&file).take(HEAD as u64).read_to_end(&mut bytes).map_err(told)?;
    if format.is_none() && sniff(&bytes).is_none() {
        return Err(unknown(&bytes));
    }
    bytes.reserve_exact(usize::try_from(size).unwrap_or(0).saturating_sub(bytes.len()));
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

fn unknown(bytes: &[u8]) -> Failure {
    let head = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
    let message = match bytes {
        [] => "the file is empty".to_string(),
        [b'1', b'0', b'1', b' ', ..] => {
            "this looks like a NACHA file, which this program does not read yet".to_string()
        }
        [b'0', b'1', b',', ..] => "this looks like a BAI2 file, which this program does not read yet".to_string(),
        [b'I', b'S', b'A', ..] => "this looks like an X12 file, which this program does not read yet".to_string(),
        _ if bytes.starts_with(b"<?xml") || bytes.starts_with(b"<Document") => {
            "this looks like an XML file, which this program does not read yet".to_string()
        }
        _ => format!("this is no file of a known format (it begins with the bytes {head})"),
    };
    let known: Vec<&str> = Format::ALL.iter().map(|f| f.as_str()).collect();
    Failure { offset: Some(0), ..Failure::input("format", message) }
        .help(format!("known formats: {}; --format reads it as one of them all the same", known.join(", ")))
}

/// A file that cannot be read is an answer too: with `--json` an object on stdout, and the cause on stderr.
fn refuse(failure: Failure, json: bool) -> anyhow::Result<u8> {
    if json {
        let problem = serde_json::json!({
            "severity": "error", "code": failure.code, "message": failure.message,
            "record": failure.record, "column": failure.column, "offset": failure.offset,
        });
        super::print::json(&serde_json::json!({ "format": null, "valid": false, "problems": [problem] }))?;
    }
    Err(failure.into())
}

fn print_json(out: &mut impl Write, found: &Inspection, bytes: &[u8], with_records: bool) -> std::io::Result<()> {
    let mut text = serde_json::to_string(found)?;
    if !with_records {
        return writeln!(out, "{text}");
    }
    // The records are written one by one, so that a large file does not stand in memory twice.
    text.pop();
    write!(out, "{text},\"records\":[")?;
    let mut first = true;
    let mut failed = Ok(());
    records(bytes, found.format, &mut |view| {
        if failed.is_ok() {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            failed = write!(out, "{comma}").and_then(|()| Ok(serde_json::to_writer(&mut *out, &view)?));
        }
    });
    failed?;
    writeln!(out, "]}}")
}

fn print_text(
    out: &mut impl Write,
    name: &str,
    found: &Inspection,
    bytes: &[u8],
    with_records: bool,
) -> std::io::Result<()> {
    let verdict = if found.valid { "valid" } else { "NOT VALID" };
    let version = if found.version.is_empty() { String::new() } else { format!(" {}", found.version) };
    let layout = found.layout.map(|l| format!(", {l}")).unwrap_or_default();
    writeln!(out, "{name}: {}{version}, {}{layout}: {verdict}", found.format.as_str(), found.encoding)?;
    for (what, count) in &found.counts {
        writeln!(out, "  {:<16} {count:>14}", what.replace('_', " "))?;
    }
    for (what, total) in &found.totals {
        writeln!(out, "  {:<16} {:>14}", what.replace('_', " "), total.to_string())?;
    }
    for problem in &found.problems {
        writeln!(out, "  {problem}")?;
    }
    let shown = found.problems.len() as u64;
    if found.errors + found.warnings > shown {
        writeln!(out, "  .. and {} more", found.errors + found.warnings - shown)?;
    }
    let mut failed = Ok(());
    if with_records {
        records(bytes, found.format, &mut |view| {
            if failed.is_ok() {
                failed = print_record(out, &view);
            }
        });
    }
    failed
}

fn print_record(out: &mut impl Write, view: &RecordView) -> std::io::Result<()> {
    writeln!(out, "{:>6} {} {} at {}", view.record, view.kind, view.name, view.offset)?;
    for (name, value) in &view.fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        if !value.is_empty() {
            writeln!(out, "         {name:<36} {value}")?;
        }
    }
    Ok(())
}

/// Writes each image as `NNNN_F.tif` or `NNNN_B.tif`, by the number of its check. A file that is there already with other
/// bytes is never overwritten.
fn write_images(bytes: &[u8], format: Format, folder: &Path) -> Result<(), Failure> {
    if format != Format::X9 {
        return Err(Failure::usage("--images: only image cash letters hold images"));
    }
    let disk = |e: std::io::Error| Failure::machine(format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder).map_err(disk)?;
    let file = x9::read(bytes).map_err(|f| Failure::input(f.code, f.message))?;
    for (number, item) in (1u64..).zip(&file.items) {
        let mut sides = [0u32; 2];
        for view in &item.views {
            let Some(image) = view.image.clone().and_then(|range| bytes.get(range)) else { continue };
            let side = usize::from(view.is_back());
            sides[side] += 1;
            let letter = ["F", "B"][side];
            let again = if sides[side] > 1 { format!("_{}", sides[side]) } else { String::new() };
            let ending = match image {
                [b'I', b'I', ..] | [b'M', b'M', ..] => "tif",
                [0xff, 0xd8, ..] => "jpg",
                [0x89, b'P', b'N', b'G', ..] => "png",
                _ => "bin",
            };
            let path = folder.join(format!("{number:04}_{letter}{again}.{ending}"));
            match std::fs::read(&path) {
                Ok(there) if there == image => continue,
                Ok(_) => {
                    let message = format!("{} is there already with other content", path.display());
                    return Err(Failure::input("exists", message).help("name an empty folder"));
                }
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(disk(e)),
            }
            std::fs::write(&path, image).map_err(disk)?;
        }
    }
    Ok(())
}
