//! How a command fails: one line what went wrong, one line what to do; with `--json` one object on stderr.

use serde::Serialize;

use super::print::visible;
use crate::pipeline::OfficeError;
use crate::store::StoreError;

#[derive(Debug, Clone, Serialize, Default)]
pub struct Failure {
    #[serde(skip)]
    pub exit: u8,
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Failure {
    fn new(exit: u8, code: &str, message: impl Into<String>) -> Self {
        Failure { exit, code: code.into(), message: message.into(), ..Failure::default() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Failure::new(2, "usage", message)
    }

    /// Bad input that stopped the work.
    pub fn input(code: &str, message: impl Into<String>) -> Self {
        Failure::new(3, code, message)
    }

    pub fn machine(message: impl Into<String>) -> Self {
        Failure::new(4, "machine", message)
    }

    /// Done, and the answer is no.
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Failure::new(1, code, message)
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Finds the failure in an error from anywhere below.
    pub fn of(error: anyhow::Error) -> Failure {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.clone();
        }
        if let Some(error) = error.downcast_ref::<OfficeError>() {
            return Failure::from_office(error);
        }
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return Failure::from_store(error);
        }
        Failure::machine(format!("{error:#}"))
    }

    fn from_store(error: &StoreError) -> Failure {
        let refused = match error {
            StoreError::NotFound { .. } | StoreError::Ambiguous { .. } => {
                return Failure::input("unknown", error.to_string()).help("nothing was changed");
            }
            StoreError::WrongState { .. } => Some("state"),
            StoreError::NotAllowed { .. } => Some("not-allowed"),
            StoreError::OutOfBalance { .. } => Some("out-of-balance"),
            StoreError::Exists { .. } => Some("exists"),
            StoreError::ClosesTooMuch { .. } => Some("closes-too-much"),
            StoreError::OlderList { .. } => Some("older-list"),
            StoreError::Conflict { .. } | StoreError::StaleLease { .. } => Some("conflict"),
            StoreError::Key { .. }
            | StoreError::Site { .. }
            | StoreError::Unsupported(_)
            | StoreError::Money(_)
            | StoreError::NoBlob { .. }
            | StoreError::Damaged { .. }
            | StoreError::Io { .. }
            | StoreError::Objects(_)
            | StoreError::Database(_)
            | StoreError::Migration(_)
            | StoreError::Task(_) => None,
        };
        if let Some(code) = refused {
            return Failure::refused(code, error.to_string()).help("nothing was changed; look how it stands now");
        }
        Failure::machine(error.to_string()).help("nothing was changed; look at the cause and run the command again")
    }

    fn from_office(error: &OfficeError) -> Failure {
        match error {
            OfficeError::Store(error) => Failure::from_store(error),
            OfficeError::Refused { code, message, help } => Failure::refused(code, message.clone()).help(help.clone()),
            OfficeError::Input { code, message, file, help } => {
                let failure = Failure::input(code, message.clone()).help(help.clone());
                match file {
                    Some(file) => failure.in_file(file.clone()),
                    None => failure,
                }
            }
            OfficeError::Usage(message) => Failure::usage(message.clone()),
            OfficeError::Disk { path, cause } => Failure::machine(format!("{path}: {cause}"))
                .help("nothing half-done stays behind; mend the disk or the path and run the command again"),
        }
    }

    /// One line what went wrong, one line what to do, on stderr.
    pub fn tell(&self, json: bool) {
        if json {
            eprintln!("{}", serde_json::json!({ "error": self }));
            return;
        }
        match &self.file {
            Some(file) => eprintln!("remit: {}: {}", visible(file), visible(&self.message)),
            None => eprintln!("remit: {}", visible(&self.message)),
        }
        if let Some(help) = &self.help {
            eprintln!("  {}", visible(help));
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
