//! The settings file: strict about types, and able to say on which line a key stands.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::checks::{BadSetting, ConfigError};
use super::{Settings, chosen, is_secret};

/// The text of the file, known to be TOML of the right shape. Empty when there is no file.
pub(super) struct SettingsFile {
    path: PathBuf,
    pub(super) text: String,
}

impl SettingsFile {
    pub(super) fn open(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = chosen(path) else {
            return Ok(Self { path: PathBuf::new(), text: String::new() });
        };
        let text = std::fs::read_to_string(&path).map_err(|err| {
            let place = Some(path.display().to_string());
            let allowed = "a file that can be read, as UTF-8".to_owned();
            ConfigError(vec![BadSetting { place, key: String::new(), seen: err.to_string(), allowed }])
        })?;
        Self { path, text }.checked()
    }

    /// Reads the shape strictly, before the merge, which would take `"8080"` for a number.
    fn checked(self) -> Result<Self, ConfigError> {
        let fault = |span: Option<std::ops::Range<usize>>, key: String, message: &str| {
            let at = span.as_ref().map_or(0, |span| span.start);
            let slice = span.and_then(|span| self.text.get(span)).map(|text| text.chars().take(80).collect::<String>());
            let place = Some(format!("{}:{}", self.path.display(), self.line(at)));
            ConfigError(vec![explain(place, key, slice, message)])
        };
        // Not TOML: which key it is in is not known, so what stands there may be a secret, such as one without quotes.
        let read = toml::Deserializer::parse(&self.text).map_err(|err| {
            let at = err.span().map_or(0, |span| span.start);
            fault(Some(at..at), String::new(), err.message())
        })?;
        let shape: Result<Settings, _> = serde_path_to_error::deserialize(read);
        match shape {
            Ok(_) => Ok(self),
            Err(err) => {
                let key = err.path().to_string();
                let inner = err.inner();
                Err(fault(inner.span(), key, inner.message()))
            }
        }
    }

    /// `config.toml:14` for a key such as `twilio.account_sid` or `destinations.regions[1]`, if the file has it.
    pub(super) fn place(&self, key: &str) -> Option<String> {
        let table = DeTable::parse(&self.text).ok()?;
        let (section, rest) = key.split_once('.')?;
        let (name, index) = rest
            .split_once('[')
            .map_or((rest, None), |(name, index)| (name, index.trim_end_matches(']').parse::<usize>().ok()));
        let (_, section) = table.get_ref().iter().find(|(found, _)| found.get_ref() == section)?;
        let DeValue::Table(section) = section.get_ref() else {
            return None;
        };
        let (found, value) = section.iter().find(|(found, _)| found.get_ref() == name)?;
        let item = match (value.get_ref(), index) {
            (DeValue::Array(items), Some(index)) => items.get(index),
            _ => None,
        };
        let start = item.map_or(found.span().start, |item| item.span().start);
        Some(format!("{}:{}", self.path.display(), self.line(start)))
    }

    /// The line, from 1, of a byte.
    fn line(&self, byte: usize) -> usize {
        self.text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
    }
}

/// Puts a parser's words into ours, and keeps a secret out of them.
pub(super) fn explain(place: Option<String>, key: String, seen: Option<String>, message: &str) -> BadSetting {
    if is_secret(&key) {
        let allowed = "a string in quotes, or for a list of secrets [\"…\", \"…\"]".to_owned();
        return BadSetting { place, key, seen: "a secret of another type".into(), allowed };
    }
    if message.starts_with("unknown field") {
        let allowed = message
            .split_once(", ")
            .map_or("", |(_, rest)| rest.trim_start_matches("expected ").trim_start_matches("one of "));
        return BadSetting { place, key, seen: "a key that does not exist".into(), allowed: allowed.to_owned() };
    }
    let seen = seen
        .filter(|seen| !seen.is_empty())
        .map_or_else(|| "a value that cannot be used".to_owned(), |seen| format!("`{}`", seen.trim()));
    BadSetting { place, key, seen, allowed: message.to_owned() }
}

/// Reads one setting on its own, with the same strictness.
pub(super) fn try_one(section: &str, name: &str, value: toml::Value) -> Result<(), String> {
    let table = toml::Table::from_iter([(
        section.to_owned(),
        toml::Value::Table(toml::Table::from_iter([(name.to_owned(), value)])),
    )]);
    Settings::deserialize(table).map(drop).map_err(|err| err.message().to_owned())
}
