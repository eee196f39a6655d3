//! Output for people: short tables with money right-aligned; and one JSON object a line for programs.

use std::io::Write;

use serde::Serialize;

/// Prints one JSON object on one line.
pub fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Prints a line; a closed pipe is no fault.
pub fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
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
        self.rows.push(cells);
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
