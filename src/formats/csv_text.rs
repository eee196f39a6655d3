//! What all CSV files of ours share: the byte-order mark, the encoding, the header by name, limits before allocation.

use super::fault::{Fault, clip};

/// No field of any file of ours is longer, no file has more columns or rows.
pub const MAX_FIELD: usize = 64 * 1024;
pub const MAX_COLUMNS: usize = 1000;
pub const MAX_ROWS: u64 = 5_000_000;

/// A CSV with a header, as text with the line of each row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// As they stand in the file, without blanks at the ends.
    pub header: Vec<String>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub fields: Vec<String>,
}

impl Table {
    /// Place of a column, whatever its case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|h| h.eq_ignore_ascii_case(name))
    }
}

impl Row {
    /// Without blanks at the ends; empty where there is no such column.
    pub fn get(&self, column: Option<usize>) -> &str {
        column.and_then(|c| self.fields.get(c)).map_or("", |f| f.trim())
    }
}

/// Reads a table. UTF-8 with or without a byte-order mark; comma, semicolon or tab, whichever the header uses most; any
/// line end. `Err` for what is no table at all: another encoding, a NUL, a quote never closed, no header, a name twice, a
/// field, row or column beyond the limits. A row with too few or too many fields goes to `rejected` with its line.
pub fn read(bytes: &[u8]) -> Result<(Table, Vec<Fault>), Fault> {
    let refuse = |code, text: String| Err(Fault::error(code, text));
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return refuse("encoding", "the file is UTF-16; save it as CSV in UTF-8".into());
    }
    let body = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    if let Some(at) = body.iter().position(|b| *b == 0) {
        return Err(Fault::error("encoding", "a NUL byte: this is no text file").offset(at as u64));
    }
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(e) => {
            let at = e.valid_up_to();
            let line = 1 + body[..at].iter().filter(|b| **b == b'\n').count() as u64;
            return Err(Fault::error("encoding", "not UTF-8 (saved as Latin-1 or Windows-1252?)")
                .line(line)
                .offset(at as u64)
                .between(format!("byte {:02x}", body[at]), "UTF-8"));
        }
    };
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [',', ';', '\t'].into_iter().rev().max_by_key(|d| first.matches(*d).count()).unwrap_or(',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .from_reader(text.as_bytes());
    let mut table = Table::default();
    let mut rejected = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut last_line = 0;
    let (mut counted, mut lines) = (0, 1);
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(e) => return refuse("csv", format!("not a CSV: {e}")),
        }
        // The reader's own count is one short after CRLF and blank lines: a row begins at its first other character.
        let mut start = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0)).min(text.len());
        while text.as_bytes().get(start).is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            start += 1;
        }
        lines += text.as_bytes().get(counted..start).map_or(0, |t| t.iter().filter(|b| **b == b'\n').count() as u64);
        counted = counted.max(start);
        let line = lines;
        last_line = line;
        if let Some(field) = record.iter().find(|f| f.len() > MAX_FIELD) {
            return Err(Fault::error("limit", "a field is longer than 64 KiB (a quote that is never closed?)")
                .line(line)
                .between(field.chars().take(40).collect::<String>(), "a shorter field"));
        }
        if table.header.is_empty() {
            if record.len() > MAX_COLUMNS {
                return refuse("limit", format!("{} columns; at most {MAX_COLUMNS}", record.len()));
            }
            table.header = record.iter().map(|f| f.trim().to_string()).collect();
            continue;
        }
        if record.len() == 1 && record.get(0).is_some_and(|f| f.trim().is_empty()) {
            continue;
        }
        if record.len() != table.header.len() {
            let short = format!("{} fields", record.len());
            let want = format!("{} as in the header", table.header.len());
            rejected.push(Fault::error("row-width", "the row does not fit the header").line(line).between(short, want));
            continue;
        }
        if table.rows.len() as u64 >= MAX_ROWS {
            return refuse("limit", format!("more than {MAX_ROWS} rows"));
        }
        table.rows.push(Row { line, fields: record.iter().map(str::to_string).collect() });
    }
    if table.header.iter().all(String::is_empty) {
        return refuse("empty", "the file is empty: not even a header".into());
    }
    if ends_inside_quotes(text, delimiter) {
        return Err(Fault::error("csv", "a quote is never closed").line(last_line));
    }
    let mut names: Vec<String> = table.header.iter().map(|h| h.to_ascii_lowercase()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|w| w[0] == w[1] && !w[0].is_empty()) {
        return refuse("header", format!("the column '{}' stands twice in the header", clip(&pair[0])));
    }
    Ok((table, rejected))
}

/// A quote opens a field only at its beginning (RFC 4180); elsewhere it is a character like any other.
fn ends_inside_quotes(text: &str, delimiter: char) -> bool {
    let (mut inside, mut at_start) = (false, true);
    for c in text.chars() {
        if c == '"' && (inside || at_start) {
            // Two quotes inside a field close it and open it again, which comes to the same.
            inside = !inside;
            at_start = inside || at_start;
            continue;
        }
        at_start = !inside && (c == delimiter || c == '\n' || c == '\r');
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_rfc_4180_has_them() {
        let fields = |text: &str| {
            let rows = read(text.as_bytes()).map(|(table, _)| table.rows);
            rows.map(|r| r.into_iter().flat_map(|r| r.fields).collect::<Vec<_>>()).map_err(|f| f.code)
        };
        let check = |text: &str, expected: &[&str]| assert_eq!(fields(text).unwrap(), expected, "{text}");
        check("a,b\n\"1\"\"2\",\"x,\ny\"\n", &["1\"2", "x,\ny"]);
        check("a,b\n6\" pipe,2\n", &["6\" pipe", "2"]);
        check("a;b\n\"1;2\";3\n", &["1;2", "3"]);
        check("a\tb\r\n\r\n1\t=1+1\r\n", &["1", "=1+1"]);
        assert_eq!(fields("a,b\n1,\"2\n"), Err("csv"));
        assert_eq!(fields("a,b\n\"\"\"1,2\n"), Err("csv"));
    }

    #[test]
    fn limits_hold_before_anything_is_kept() {
        let code = |text: String| read(text.as_bytes()).unwrap_err().code;
        assert_eq!(code(format!("a\n{}\n", "x".repeat(MAX_FIELD + 1))), "limit");
        assert_eq!(code("a,".repeat(MAX_COLUMNS + 1)), "limit");
        assert_eq!(code(String::new()), "empty");
        assert_eq!(read(&[0xff, 0xfe, b'a', 0]).unwrap_err().code, "encoding");
    }
}
