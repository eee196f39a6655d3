//! One table, every form: text for a terminal, HTML and PDF for a printer, CSV and xlsx for a spreadsheet, JSON for
//! programs. A text that a spreadsheet would take for a formula never becomes one; money stays a number in each.

use std::fmt::Write;

use rust_xlsxwriter::{Format, FormatAlign, Workbook, XlsxError};
use serde_json::{Map, Value, json};

use super::paper::{Block, pdf};
use super::proof_sheet::escaped;
use crate::domain::{Cents, Day};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    Left,
    Right,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub align: Align,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    Text(String),
    Money(Cents),
    Count(i64),
    Day(Day),
    /// In hundredths of a percent: 9925 is 99.25 %.
    Share(i64),
    Empty,
}

impl Cell {
    pub fn text(&self) -> String {
        match self {
            // Control and direction-turning marks stay off the paper.
            Cell::Text(text) => text
                .chars()
                .map(|c| match c {
                    c if c.is_control() => ' ',
                    '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
                    c => c,
                })
                .collect(),
            Cell::Money(amount) => amount.to_string(),
            Cell::Count(n) => n.to_string(),
            Cell::Day(day) => day.to_string(),
            Cell::Share(n) => format!("{}.{:02} %", n / 100, n % 100),
            Cell::Empty => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Money(amount) => json!(amount),
            Cell::Count(n) => json!(n),
            Cell::Day(day) => json!(day),
            Cell::Share(n) => json!(format!("{}.{:02}", n / 100, n % 100)),
            Cell::Empty => Value::Null,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        if text.is_empty() { Cell::Empty } else { Cell::Text(text.into()) }
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::from(text.as_str())
    }
}
impl From<Cents> for Cell {
    fn from(amount: Cents) -> Cell {
        Cell::Money(amount)
    }
}
impl From<Option<Cents>> for Cell {
    fn from(amount: Option<Cents>) -> Cell {
        amount.map_or(Cell::Empty, Cell::Money)
    }
}
impl From<u32> for Cell {
    fn from(n: u32) -> Cell {
        Cell::Count(i64::from(n))
    }
}
impl From<usize> for Cell {
    fn from(n: usize) -> Cell {
        Cell::Count(i64::try_from(n).unwrap_or(i64::MAX))
    }
}
impl From<Day> for Cell {
    fn from(day: Day) -> Cell {
        Cell::Day(day)
    }
}

/// A table of a report.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub title: String,
    /// What it is of: a site, a date, a batch.
    pub of: String,
    pub printed: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Sums, in the same columns.
    pub totals: Vec<Vec<Cell>>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The forms of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Text,
    Html,
    Pdf,
    Csv,
    Json,
    Xlsx,
}

impl Form {
    pub const NAMES: &str = "text, html, pdf, csv, json, xlsx";

    pub fn parse(text: &str) -> Option<Form> {
        Some(match text {
            "text" => Form::Text,
            "html" => Form::Html,
            "pdf" => Form::Pdf,
            "csv" => Form::Csv,
            "json" => Form::Json,
            "xlsx" => Form::Xlsx,
            _ => return None,
        })
    }
}

/// Quoted where RFC 4180 asks for it; what a spreadsheet would take for a formula gets an apostrophe.
pub(super) fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = if formula { format!("'{text}") } else { text.to_string() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

impl Sheet {
    /// An empty table; a column whose name begins with `>` is right-aligned.
    pub fn new(title: &str, of: &str, printed: &str, columns: &[&'static str]) -> Sheet {
        let column = |name: &&'static str| match name.strip_prefix('>') {
            Some(name) => Column { name, align: Align::Right },
            None => Column { name, align: Align::Left },
        };
        Sheet {
            title: title.into(),
            of: of.into(),
            printed: printed.into(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            totals: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The report in a form; the error is a spreadsheet that could not be made.
    pub fn form(&self, form: Form) -> Result<Vec<u8>, XlsxError> {
        Ok(match form {
            Form::Text => self.text().into_bytes(),
            Form::Html => self.html().into_bytes(),
            Form::Pdf => self.pdf(),
            Form::Csv => self.csv().into_bytes(),
            Form::Json => self.json().into_bytes(),
            Form::Xlsx => self.xlsx()?,
        })
    }

    fn text(&self) -> String {
        let all: Vec<Vec<String>> =
            self.rows.iter().chain(&self.totals).map(|row| row.iter().map(Cell::text).collect()).collect();
        let width = |n: usize, column: &Column| {
            let cells = all.iter().filter_map(|r| r.get(n)).map(|c| c.chars().count());
            cells.max().unwrap_or(0).max(column.name.len())
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(|(n, c)| width(n, c)).collect();
        let line = |cells: Vec<&str>| {
            let padded: Vec<String> = cells
                .iter()
                .zip(&self.columns)
                .zip(&widths)
                .map(|((cell, column), w)| match column.align {
                    Align::Left => format!("{cell:<w$}"),
                    Align::Right => format!("{cell:>w$}"),
                })
                .collect();
            padded.join("  ").trim_end().to_string()
        };
        let mut out = format!("{}   {}   printed {}\n\n", self.title.to_uppercase(), self.of, self.printed);
        _ = writeln!(out, "{}", line(self.columns.iter().map(|c| c.name).collect()));
        for (place, row) in all.iter().enumerate() {
            if place == self.rows.len() {
                _ = writeln!(out, "{}", "-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
            }
            _ = writeln!(out, "{}", line(row.iter().map(String::as_str).collect()));
        }
        for note in &self.notes {
            _ = write!(out, "\n{}\n", Cell::from(note.as_str()).text());
        }
        out
    }

    fn html(&self) -> String {
        let mut out = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        _ = write!(out, "<title>{} {}</title>", escaped(&self.title), escaped(&self.of));
        out.push_str(
            "<style>body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#111}table{border-collapse:collapse}\
             th,td{padding:.2rem .6rem;border-bottom:1px solid #ccc;text-align:left}thead{display:table-header-group}\
             .r{text-align:right;font-variant-numeric:tabular-nums}tfoot td{font-weight:bold;border-top:2px solid #111}\
             tr{break-inside:avoid}small{color:#555}@media print{@page{size:landscape;margin:12mm}body{margin:0}}\
             </style></head><body>",
        );
        _ = write!(
            out,
            "<h1>{}</h1><p>{}<br><small>printed {}</small></p><table><thead><tr>",
            escaped(&self.title),
            escaped(&self.of),
            escaped(&self.printed)
        );
        let class = |c: &Column| if c.align == Align::Right { " class=\"r\"" } else { "" };
        for c in &self.columns {
            _ = write!(out, "<th{}>{}</th>", class(c), escaped(c.name));
        }
        out.push_str("</tr></thead>");
        for (name, rows) in [("tbody", &self.rows), ("tfoot", &self.totals)] {
            _ = write!(out, "<{name}>");
            for row in rows {
                out.push_str("<tr>");
                for (cell, c) in row.iter().zip(&self.columns) {
                    _ = write!(out, "<td{}>{}</td>", class(c), escaped(&cell.text()));
                }
                out.push_str("</tr>\n");
            }
            _ = write!(out, "</{name}>");
        }
        out.push_str("</table>");
        for note in &self.notes {
            _ = write!(out, "<p>{}</p>", escaped(note));
        }
        out.push_str("</body></html>\n");
        out
    }

    fn csv(&self) -> String {
        let mut out = self.columns.iter().map(|c| csv_cell(c.name)).collect::<Vec<_>>().join(",") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| match cell {
                    Cell::Text(text) => csv_cell(text),
                    // A true number stays a number, a negative one too.
                    other => other.text(),
                })
                .collect();
            out.push_str(&cells.join(","));
            out.push('\n');
        }
        out
    }

    fn json(&self) -> String {
        let object = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(row).map(|(c, cell)| (c.name.replace([' ', '-'], "_"), cell.json()));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        let whole = json!({
            "report": self.title, "of": self.of, "printed": self.printed,
            "rows": self.rows.iter().map(object).collect::<Vec<_>>(),
            "totals": self.totals.iter().map(object).collect::<Vec<_>>(), "notes": self.notes,
        });
        format!("{whole}\n")
    }

    fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let bold = Format::new().set_bold();
        let right = Format::new().set_bold().set_align(FormatAlign::Right);
        let money = Format::new().set_num_format("#,##0.00");
        let sum = Format::new().set_num_format("#,##0.00").set_bold();
        sheet.write_string_with_format(0, 0, format!("{}  {}", self.title, self.of), &bold)?;
        for (column, n) in self.columns.iter().zip(0u16..) {
            let form = if column.align == Align::Right { &right } else { &bold };
            sheet.write_string_with_format(2, n, column.name, form)?;
        }
        for (place, row) in self.rows.iter().chain(&self.totals).enumerate() {
            let line = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(3);
            let total = place >= self.rows.len();
            for (cell, n) in row.iter().zip(0u16..) {
                match cell {
                    // A spreadsheet's number is a float: only for showing, and exact far beyond any amount here.
                    Cell::Money(amount) => {
                        let units: f64 = amount.to_string().parse().unwrap_or_default();
                        sheet.write_number_with_format(line, n, units, if total { &sum } else { &money })?;
                    }
                    Cell::Count(count) => {
                        sheet.write_number(line, n, *count as f64)?;
                    }
                    Cell::Empty => {}
                    // Written as text, never as a formula.
                    other if total => {
                        sheet.write_string_with_format(line, n, other.text(), &bold)?;
                    }
                    other => {
                        sheet.write_string(line, n, other.text())?;
                    }
                }
            }
        }
        sheet.set_freeze_panes(3, 0)?;
        sheet.autofit();
        book.save_to_buffer()
    }

    fn pdf(&self) -> Vec<u8> {
        let mut blocks = vec![
            Block::Title(self.title.clone()),
            Block::Text(format!("{}    printed {}", self.of, self.printed)),
            Block::Space(6),
            Block::Table(self.clone()),
        ];
        blocks.extend(self.notes.iter().cloned().map(Block::Text));
        pdf(&blocks, &format!("{}  {}", self.title, self.of), self.columns.len() > 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new("Returns", "Valley Electric, 2026-11-30", "now", &["who", ">amount", ">items"]);
        for (who, amount) in [("=1+1", -5), ("+A", 100), ("Pat, \"P\"", 8418), ("\u{202e}<b>", 0)] {
            sheet.rows.push(vec![who.into(), Cents::new(amount).into(), 3u32.into()]);
        }
        sheet.totals.push(vec!["total".into(), Cents::new(8513).into(), Cell::Empty]);
        sheet
    }

    #[test]
    fn no_text_becomes_a_formula_and_numbers_stay_numbers() {
        let csv = sheet().csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[1..4], ["'=1+1,-0.05,3", "'+A,1.00,3", "\"Pat, \"\"P\"\"\",84.18,3"]);
        let html = sheet().html();
        assert!(html.contains("&lt;b&gt;") && !html.contains('\u{202e}'), "{html}");
        let json: Value = serde_json::from_str(&sheet().json()).unwrap();
        assert_eq!(json["rows"][2]["amount"], "84.18");
        assert_eq!(json["totals"][0]["items"], Value::Null);
    }

    #[test]
    fn every_form_is_made_and_the_pages_hold_every_line() {
        let mut long = sheet();
        for n in 0..200u32 {
            long.rows.push(vec![format!("line {n}").into(), Cents::new(100).into(), n.into()]);
        }
        for form in ["text", "html", "pdf", "csv", "json", "xlsx"] {
            assert!(long.form(Form::parse(form).unwrap()).unwrap().len() > 1000, "{form}");
        }
        assert!(long.form(Form::Xlsx).unwrap().starts_with(b"PK"));
        let pdf = long.form(Form::Pdf).unwrap();
        assert!(pdf.starts_with(b"%PDF"));
        let text = String::from_utf8_lossy(&pdf);
        let pages = text.matches("/Type /Page\n").count();
        assert!((4..9).contains(&pages), "{pages} pages");
        for n in [0, 99, 199] {
            assert!(text.contains(&format!("(line {n})")), "line {n}");
        }
    }
}
