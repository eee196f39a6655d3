//! Output for people: short tables with money right-aligned; and one JSON object a line for programs.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::station;

/// Prints bytes as they are. Whoever reads only the first lines of a long answer has seen enough: a closed pipe is no fault,
/// and a command that changes something goes on to its end. False when nobody reads any more.
pub fn raw(bytes: &[u8]) -> std::io::Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true),
    }
}

/// Prints one JSON object on one line.
pub fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    raw(&line)?;
    Ok(())
}

/// What a command made, into the file that was asked for or printed.
pub fn out(file: Option<PathBuf>, bytes: &[u8]) -> anyhow::Result<()> {
    match file {
        Some(path) => station::write_whole(&path, bytes)?,
        None => drop(raw(bytes)?),
    }
    Ok(())
}

/// Prints a line; a closed pipe is no fault.
pub fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", visible(text.as_ref()));
}

/// Texts that came from outside cannot steer a terminal or turn their direction: such characters are written out. Ends of
/// lines stay.
pub fn visible(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A table with a heading; columns whose heading begins with `>` are right-aligned.
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heads: &[&'static str]) -> Self {
        Table { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| visible(cell).replace('\n', "\\n")).collect());
    }

    pub fn print(&self) {
        let head = |h: &str| h.trim_start_matches('>').to_string();
        let mut widths: Vec<usize> = self.heads.iter().map(|h| head(h).chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let write = |cells: Vec<String>| {
            let text: Vec<String> = cells
                .iter()
                .zip(&widths)
                .zip(&self.heads)
                .map(
                    |((cell, width), head)| {
                        if head.starts_with('>') { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
                    },
                )
                .collect();
            line(text.join("  ").trim_end());
        };
        write(self.heads.iter().map(|h| head(h)).collect());
        for row in &self.rows {
            write(row.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S16: what somebody wrote into a name or a note forges no line and steers no terminal.
    #[test]
    fn s16_texts_from_outside_steer_nothing() {
        for (text, shown) in [
            ("Ada\u{1b}[31m", "Ada\\u{1b}[31m"),
            ("a\rb\u{7}", "a\\rb\\u{7}"),
            ("\u{202e}54.00", "\\u{202e}54.00"),
            ("two\nlines", "two\nlines"),
            ("Łódź, ٣", "Łódź, ٣"),
        ] {
            assert_eq!(visible(text), shown);
        }
        let mut table = Table::new(&["note"]);
        table.row(vec!["good\n2026-11-28 sven approve".into()]);
        assert_eq!(table.rows[0][0], "good\\n2026-11-28 sven approve");
    }
}
