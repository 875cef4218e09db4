//! What is wrong with the settings, gathered so that all of it is told at once.

use std::fmt::{Display, Write as _};
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSetting {
    /// Where it was written: `config.toml:14`, `the environment variable …`, or nothing for a default or a missing one.
    pub place: Option<String>,
    /// The setting, `section.key`; may be empty when the file is no TOML at all.
    pub key: String,
    /// What stood there; never a secret.
    pub seen: String,
    /// What may stand there.
    pub allowed: String,
}

impl Display for BadSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "found {}", self.seen)?;
        if self.allowed.is_empty() { Ok(()) } else { write!(f, "; allowed: {}", self.allowed) }
    }
}

/// The settings cannot be used. The message has one line a fault; the process ends with code 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<BadSetting>);

impl Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines = String::new();
        for bad in &self.0 {
            writeln!(lines, "{bad}")?;
        }
        f.write_str(lines.trim_end())
    }
}

impl std::error::Error for ConfigError {}

/// Gathers faults while the sections look at their values.
#[derive(Debug, Default)]
pub(super) struct Checks(pub(super) Vec<BadSetting>);

impl Checks {
    pub(super) fn add(&mut self, key: &str, seen: impl Into<String>, allowed: impl Into<String>) {
        self.0.push(BadSetting { place: None, key: key.to_owned(), seen: seen.into(), allowed: allowed.into() });
    }

    pub(super) fn range<N: PartialOrd + Display + Copy>(&mut self, key: &str, value: N, allowed: RangeInclusive<N>) {
        if !allowed.contains(&value) {
            self.add(key, value.to_string(), format!("{} to {}", allowed.start(), allowed.end()));
        }
    }

    pub(super) fn span(&mut self, key: &str, value: Duration, allowed: RangeInclusive<Duration>) {
        if !allowed.contains(&value) {
            self.add(key, format!("{value:?}"), format!("{:?} to {:?}", allowed.start(), allowed.end()));
        }
    }

    /// No secret of a list may be empty: an empty one would let anybody sign.
    pub(super) fn secrets_present(&mut self, key: &str, secrets: &[SecretString]) {
        for (index, secret) in secrets.iter().enumerate() {
            if secret.expose_secret().trim().is_empty() {
                self.add(&format!("{key}[{index}]"), "an empty secret", "a secret that is not empty");
            }
        }
    }
}
