//! What is wrong with a file, said with its place: `FormatError` for one field that does not fit its columns, `Fault` for
//! anything a reader finds. A reader collects faults and goes on; it never stops at the first and never panics.

use serde::Serialize;

/// One field of one record that cannot be read or written. Account numbers in `found` are masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record} field {field} (columns {}-{}): found '{found}', expected {expected}", .columns.0, .columns.1)]
pub struct FormatError {
    /// Type code of the record, or the name of the format where there is none.
    pub record: &'static str,
    pub field: &'static str,
    /// First and last column, from 1.
    pub columns: (u16, u16),
    /// Of the record's first byte in the file.
    pub offset: Option<u64>,
    pub line: Option<u64>,
    pub found: String,
    pub expected: String,
}

impl FormatError {
    /// An error that concerns the whole record.
    pub fn whole(record: &'static str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        FormatError {
            record,
            field: "record",
            columns: (1, 1),
            offset: None,
            line: None,
            found: clip(&found.into()),
            expected: expected.into(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file breaks a rule: it is held, nothing of it goes on by itself.
    Error,
    /// Readable and usable, but not as the standard wants it.
    Warning,
}

/// One thing found wrong, with stable code and place. Serializes to one element of `problems` of `remit inspect --json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fault {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    /// Number of the record in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// First column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Byte offset in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

impl std::error::Error for Fault {}

impl Fault {
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Fault {
            severity,
            code,
            message: message.into(),
            record: None,
            line: None,
            column: None,
            offset: None,
            found: None,
            expected: None,
        }
    }

    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Fault::new(Severity::Error, code, message)
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Fault::new(Severity::Warning, code, message)
    }

    pub fn record(mut self, number: u64) -> Self {
        self.record = Some(number);
        self
    }

    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub fn column(mut self, column: u64) -> Self {
        self.column = Some(column);
        self
    }

    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub fn between(mut self, found: impl Into<String>, expected: impl Into<String>) -> Self {
        self.found = Some(clip(&found.into()));
        self.expected = Some(clip(&expected.into()));
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_error() { "error" } else { "warning" })?;
        for (name, value) in
            [("record", self.record), ("line", self.line), ("column", self.column), ("offset", self.offset)]
        {
            if let Some(value) = value {
                write!(f, " {name} {value}")?;
            }
        }
        write!(f, ": {} [{}]", self.message, self.code)?;
        if let (Some(found), Some(expected)) = (&self.found, &self.expected) {
            write!(f, " found '{found}', expected {expected}")?;
        }
        Ok(())
    }
}

/// The faults of one file. A hostile file cannot fill the memory with them: after `LIMIT` they are only counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    pub errors: u64,
    pub warnings: u64,
}

impl Faults {
    pub const LIMIT: usize = 1000;

    pub fn push(&mut self, fault: Fault) {
        match fault.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.list.len() < Self::LIMIT {
            self.list.push(fault);
        }
    }

    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// In the file's order.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|f| (f.record, f.line, f.offset));
    }

    pub fn has(&self, code: &str) -> bool {
        self.list.iter().any(|f| f.code == code)
    }

    pub fn first_error(&self) -> Option<&Fault> {
        self.list.iter().find(|f| f.is_error())
    }
}

/// At most 60 characters of foreign text, control characters shown as a dot.
pub fn clip(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { '.' } else { c }).collect()
}
