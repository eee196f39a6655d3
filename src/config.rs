//! The configuration of a site: `config.default.toml` (the manual, included in the program) with the site's own
//! `remit.toml` laid over it. A key that the manual does not know is refused.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::Cents;
use crate::pipeline::OfficeError;

/// The manual: every key with its default and meaning.
pub const DEFAULTS: &str = include_str!("config.default.toml");
/// The site's own file.
pub const FILE: &str = "remit.toml";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub site: SiteSection,
    pub storage: StorageSection,
    pub capture: CaptureSection,
    pub jobs: JobsSection,
    pub desk: DeskSection,
    pub amounts: AmountSection,
    pub matching: crate::matching::Policy,
    pub posting: crate::post::Chart,
    pub control: crate::domain::Controls,
    pub returns: crate::domain::ReturnPolicy,
    pub retention: RetentionSection,
    pub bank: Vec<crate::truncation::Profile>,
    pub arc: crate::truncation::ArcProfile,
    pub remittance_csv: Vec<crate::formats::bills_csv::NamedMapping>,
    pub bai2: Vec<crate::formats::bai2::BankTotals>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSection {
    pub name: String,
    pub id: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSection {
    pub database: String,
    pub images: String,
    pub key_file: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureSection {
    pub documents_per_job: usize,
    pub watched: String,
    pub quiet_seconds: u64,
    pub oldest_days: u32,
    pub newest_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSection {
    pub images_years: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsSection {
    pub lease_seconds: i64,
}

/// The review desk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskSection {
    pub listen: String,
    pub hosts: Vec<String>,
    pub proxies: Vec<std::net::IpAddr>,
    pub idle_minutes: i64,
    pub absolute_hours: i64,
    pub step_up_minutes: i64,
    pub lease_seconds: i64,
    pub second_key_from: crate::domain::Cents,
    pub cut_off: String,
    pub time_zone: String,
    pub upload_megabytes: u64,
}

/// Reading the amount on checks.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountSection {
    pub mode: AmountMode,
    pub threshold: f32,
    pub close_margin: f32,
    #[serde(default)]
    pub limit: Option<Cents>,
    pub blind_share: f32,
    pub most_wrong: f32,
    pub keep_for_learning: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AmountMode {
    /// Amounts are not read from the picture.
    Off,
    /// What was read is shown; a person has the word.
    Advisory,
    /// What was verified needs nobody.
    Automatic,
}

impl Config {
    /// The defaults with `own` laid over them, key by key; lists and plain values are replaced whole.
    pub fn parse(own: &str) -> Result<Config, OfficeError> {
        Config::laid(own, &[])
    }

    /// The same with texts that take the place of single parts of `own`: a part's name and its text.
    pub fn laid(own: &str, kept: &[(String, String)]) -> Result<Config, OfficeError> {
        let wrong = |cause: String| OfficeError::Input {
            code: "config",
            message: cause,
            file: Some(FILE.into()),
            help: "see the manual of the configuration: src/config.default.toml".into(),
        };
        let mut merged: toml::Table = toml::from_str(DEFAULTS).map_err(|e| wrong(e.to_string()))?;
        let mut own: toml::Table = toml::from_str(own).map_err(|e: toml::de::Error| wrong(e.to_string()))?;
        for (part, text) in kept.iter().filter(|(part, _)| crate::pipeline::settings::PARTS.contains(&part.as_str())) {
            own.remove(part);
            own.extend(toml::from_str::<toml::Table>(text).map_err(|e| wrong(e.to_string()))?);
        }
        lay_over(&mut merged, own);
        toml::Value::Table(merged).try_into().map_err(|e: toml::de::Error| wrong(e.to_string()))
    }
}

fn lay_over(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// A site's folder and where its parts are.
#[derive(Clone, Debug)]
pub struct Site {
    pub folder: PathBuf,
    pub config: Config,
    /// The site's own text, over which settings that people confirmed at the desk are laid.
    pub own: String,
    pub database: String,
    pub images: String,
    pub key_file: PathBuf,
}

impl Site {
    /// The folder named, or the current one when it holds `remit.toml`.
    pub fn find(folder: Option<&Path>, database: Option<&str>, images: Option<&str>) -> Result<Site, OfficeError> {
        let folder = folder.unwrap_or(Path::new("."));
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(OfficeError::input(
                "no-site",
                "there is no site here (no remit.toml)",
                Some(folder),
                "name the site's folder with --site DIR, or make one with `remit init DIR`",
            ));
        }
        let own = String::from_utf8(crate::station::read(&path)?)
            .map_err(|_| OfficeError::input("config", "the file is not UTF-8 text", Some(&path), "save it as UTF-8"))?;
        Site::at(folder, &own, database, images)
    }

    /// A site in this folder with this configuration text.
    pub fn at(folder: &Path, own: &str, database: Option<&str>, images: Option<&str>) -> Result<Site, OfficeError> {
        let config = Config::parse(own)?;
        let pick = |given: Option<&str>, configured: &str, embedded: &str| match (given, configured) {
            (Some(url), _) if !url.is_empty() => url.to_string(),
            (_, url) if !url.is_empty() => url.to_string(),
            _ => folder.join(embedded).display().to_string(),
        };
        Ok(Site {
            folder: folder.to_path_buf(),
            database: pick(database, &config.storage.database, "remit.db"),
            images: pick(images, &config.storage.images, "images"),
            key_file: folder.join(&config.storage.key_file),
            own: own.to_string(),
            config,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete_and_a_misspelling_is_refused() {
        let config = Config::parse("[site]\nname = \"Valley Electric\"\n").unwrap();
        assert_eq!(config.site.name, "Valley Electric");
        assert_eq!(config.site.id, "site");
        assert!(Config::parse("[site]\nnmae = \"x\"\n").is_err());
        assert!(Config::parse("[site\n").is_err());
    }

    /// The manual may not say one thing and the program do another.
    #[test]
    fn the_manual_states_the_programs_own_defaults() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.matching, crate::matching::Policy::default());
        assert_eq!(config.posting, crate::post::Chart::default());
        assert_eq!(config.returns, crate::domain::ReturnPolicy::default());
        assert_eq!(config.control, crate::domain::Controls::default());
        assert_eq!(config.bank, crate::truncation::Profile::included());
        assert_eq!(config.arc, crate::truncation::ArcProfile::default());
    }
}
