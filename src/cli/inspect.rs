//! `remit inspect`: any supported file as an outline or as JSON, with what is wrong with it. No site. Exit 0 valid, 1 it
//! reads but breaks a rule, 3 it cannot be read as any format of ours. The format is told by content, never by name.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::formats::inspection::{RecordView, records_from};
use crate::formats::{Format, Inspection, inspect_from, sniff, x9};

/// Enough to tell any format.
const HEAD: usize = 8192;

#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  remit inspect deposit.x9\n  remit inspect --strict --json lockbox.txt\n  \
                        remit inspect --images pictures deposit.x9")]
pub struct Args {
    /// An image cash letter, an ACH, lockbox, BAI2, X12 820 or 823, camt or CSV file, a capture index
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read it as this format: x9, nacha, lockbox-bai, bai2, x12-820, x12-823, camt.053, camt.054, capture-index, csv
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
    let (mut file, head) = match open(&args.file) {
        Ok(opened) => opened,
        Err(failure) => return refuse(unreadable(failure), json),
    };
    let Some(format) = format.or_else(|| sniff(&head)) else {
        return refuse(unreadable(unknown(&head)), json);
    };
    let found = match inspect_from(&mut file, format) {
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
        rewind(&mut file)?;
        write_images(&mut file, format, folder)?;
    }
    rewind(&mut file)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let told = if json {
        print_json(&mut out, &found, &mut file, args.records)
    } else {
        print_text(&mut out, &name, &found, &mut file, args.records)
    };
    match told.and_then(|()| out.flush()) {
        // Whoever reads only the first lines of a long outline has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(u8::from(!found.valid))
}

/// The file at its beginning, and its first bytes. It is never held whole: each answer reads it once.
fn open(path: &Path) -> Result<(File, Vec<u8>), Failure> {
    let told = |e: std::io::Error| Failure::input("file", format!("the file cannot be opened: {e}"));
    let mut file = File::open(path).map_err(told)?;
    let mut head = Vec::with_capacity(HEAD);
    (&file).take(HEAD as u64).read_to_end(&mut head).map_err(told)?;
    rewind(&mut file)?;
    Ok((file, head))
}

fn rewind(file: &mut File) -> Result<(), Failure> {
    file.rewind().map_err(|e| Failure::input("file", format!("the file cannot be read again: {e}")))
}

fn unknown(bytes: &[u8]) -> Failure {
    let head = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
    let message = match bytes {
        [] => "the file is empty".to_string(),
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

fn print_json(out: &mut impl Write, found: &Inspection, file: &mut File, with_records: bool) -> std::io::Result<()> {
    let mut text = serde_json::to_string(found)?;
    if !with_records {
        return writeln!(out, "{text}");
    }
    // The records are written one by one, so that a large file does not stand in memory twice.
    text.pop();
    write!(out, "{text},\"records\":[")?;
    let mut first = true;
    let mut failed = Ok(());
    records_from(file, found.format, &mut |view| {
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
    file: &mut File,
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
        records_from(file, found.format, &mut |view| {
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

/// Writes each image as `NNNN_F.tif` or `NNNN_B.tif`, by the number of its check; those of deposit tickets as
/// `NNNN_C_F.tif`. A file that is there already with other bytes is never overwritten.
fn write_images(file: &mut File, format: Format, folder: &Path) -> Result<(), Failure> {
    if format != Format::X9 {
        return Err(Failure::usage("--images: only image cash letters hold images"));
    }
    std::fs::create_dir_all(folder).map_err(|e| Failure::machine(format!("{}: {e}", folder.display())))?;
    let mut pictures =
        Pictures { folder, items: 0, credits: 0, of_credit: false, view: None, sides: [0; 2], failed: None };
    x9::walk(file, &mut pictures).map_err(|f| Failure::input(f.code, f.message))?;
    pictures.failed.map_or(Ok(()), Err)
}

/// Images as they come by, one at a time.
struct Pictures<'f> {
    folder: &'f Path,
    items: u64,
    credits: u64,
    of_credit: bool,
    /// Is the open view a back?
    view: Option<bool>,
    /// Images of the open item, front and back.
    sides: [u32; 2],
    failed: Option<Failure>,
}

impl x9::Sink for Pictures<'_> {
    fn record(&mut self, seen: &x9::Seen<'_>) {
        let (Some(kind), Some(_)) = (seen.frame.kind, seen.place) else { return };
        match kind.code {
            "25" | "31" => {
                self.items += 1;
                (self.of_credit, self.sides) = (false, [0; 2]);
            }
            "61" | "62" => {
                self.credits += 1;
                (self.of_credit, self.sides) = (true, [0; 2]);
            }
            "50" => {
                let side = kind.columns.iter().find(|c| c.name == "view_side");
                self.view = Some(side.is_some_and(|side| seen.row.letter(*side) == b'1'));
            }
            "52" => {
                let is_back = self.view.take().unwrap_or(false);
                let image = seen.image.and_then(|(from, length)| seen.frame.bytes.get(from..from.checked_add(length)?));
                if let (Some(image), None) = (image, &self.failed) {
                    self.failed = self.write(is_back, image).err();
                }
            }
            _ => {}
        }
    }
}

impl Pictures<'_> {
    fn write(&mut self, is_back: bool, image: &[u8]) -> Result<(), Failure> {
        let side = usize::from(is_back);
        self.sides[side] += 1;
        let letter = ["F", "B"][side];
        let again = if self.sides[side] > 1 { format!("_{}", self.sides[side]) } else { String::new() };
        let ending = match image {
            [b'I', b'I', ..] | [b'M', b'M', ..] => "tif",
            [0xff, 0xd8, ..] => "jpg",
            [0x89, b'P', b'N', b'G', ..] => "png",
            _ => "bin",
        };
        let number = if self.of_credit { format!("{:04}_C", self.credits) } else { format!("{:04}", self.items) };
        let path = self.folder.join(format!("{number}_{letter}{again}.{ending}"));
        let disk = |e: std::io::Error| Failure::machine(format!("{}: {e}", path.display()));
        match std::fs::read(&path) {
            Ok(there) if there == image => return Ok(()),
            Ok(_) => {
                let message = format!("{} is there already with other content", path.display());
                return Err(Failure::input("exists", message).help("name an empty folder"));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(disk(e)),
        }
        std::fs::write(&path, image).map_err(disk)
    }
}
