//! `OFFHOOK_SECTION__KEY` variables, read as strictly as the file.

use toml::Value;

use super::SECRET_KEYS;
use super::checks::{BadSetting, ConfigError};
use super::file::{explain, try_one};

/// What our variables begin with.
const PREFIX: &str = "OFFHOOK_";

/// Variables of ours that are not settings: the file's path, and what tests and the demo's scripts read.
const NOT_SETTINGS: [&str; 2] = ["OFFHOOK_CONFIG", "OFFHOOK_TEST_"];

/// Largest secret file, in bytes; anything larger is no secret.
const SECRET_FILE_BYTES_MAX: u64 = 65_536;

/// One setting from a variable.
pub(super) struct Override {
    /// The variable, for messages.
    pub(super) variable: String,
    /// `section.key`.
    pub(super) key: String,
    pub(super) value: config::Value,
}

/// Reads the variables that are ours, and tells every fault.
pub(super) fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Override>, ConfigError> {
    let mut ours: Vec<(String, String)> = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_SETTINGS.iter().any(|other| name.starts_with(other)))
        .collect();
    ours.sort();
    let mut overrides: Vec<Override> = Vec::new();
    let mut faults = Vec::new();
    for (variable, text) in ours {
        match read_one(&variable, &text) {
            Ok(read) => {
                if let Some(twice) = overrides.iter().find(|other| other.key == read.key) {
                    let seen = format!("both {} and {variable}", twice.variable);
                    faults.push(bad(&variable, &read.key, seen, "one of the two"));
                } else {
                    overrides.push(read);
                }
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(overrides) } else { Err(ConfigError(faults)) }
}

fn read_one(variable: &str, text: &str) -> Result<Override, BadSetting> {
    let lower = variable.trim_start_matches(PREFIX).to_ascii_lowercase();
    let Some((section, name)) = lower.split_once("__") else {
        return Err(bad(
            variable,
            "",
            "a variable that names no setting".into(),
            "OFFHOOK_SECTION__KEY, with two underscores between",
        ));
    };
    let from_file = name.strip_suffix("_file").and_then(|name| {
        let key = format!("{section}.{name}");
        SECRET_KEYS
            .iter()
            .find(|secret| secret.trim_end_matches("[]") == key)
            .map(|secret| (name, secret.ends_with("[]")))
    });
    if let Some((name, is_list)) = from_file {
        return read_secret_file(variable, section, name, is_list, text);
    }
    let key = format!("{section}.{name}");
    let mut first_fault = None;
    for candidate in readings(text) {
        match try_one(section, name, candidate.clone()) {
            Ok(()) => {
                return Ok(Override { variable: variable.to_owned(), key, value: to_config(candidate) });
            }
            Err(message) => {
                first_fault.get_or_insert(message);
            }
        }
    }
    let place = Some(format!("environment variable {variable}"));
    Err(explain(place, key, Some(text.chars().take(80).collect()), &first_fault.unwrap_or_default()))
}

/// The ways a variable's text may be meant, likeliest first: words, a number or a list as TOML writes it, words
/// between commas. A secret that looks like a number stays words.
fn readings(text: &str) -> Vec<Value> {
    let mut readings = vec![Value::String(text.to_owned())];
    if let Ok(mut table) = format!("value = {}", text.trim()).parse::<toml::Table>() {
        readings.extend(table.remove("value"));
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    readings.push(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()));
    readings
}

fn read_secret_file(
    variable: &str,
    section: &str,
    name: &str,
    is_list: bool,
    path: &str,
) -> Result<Override, BadSetting> {
    let key = format!("{section}.{name}");
    let fault = |seen: String| bad(variable, &key, seen, "the path of a small text file that can be read");
    let length = std::fs::metadata(path).map_err(|err| fault(format!("{path}: {err}")))?.len();
    if length > SECRET_FILE_BYTES_MAX {
        return Err(fault(format!("{path}: {length} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|err| fault(format!("{path}: {err}")))?;
    let value = if is_list {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Value::Array(lines.map(|line| Value::String(line.to_owned())).collect())
    } else {
        Value::String(text.trim_end_matches(['\r', '\n']).to_owned())
    };
    Ok(Override { variable: variable.to_owned(), key, value: to_config(value) })
}

fn to_config(value: Value) -> config::Value {
    let kind = match value {
        Value::String(text) => config::ValueKind::String(text),
        Value::Integer(number) => config::ValueKind::I64(number),
        Value::Float(number) => config::ValueKind::Float(number),
        Value::Boolean(is_true) => config::ValueKind::Boolean(is_true),
        Value::Datetime(at) => config::ValueKind::String(at.to_string()),
        Value::Array(items) => config::ValueKind::Array(items.into_iter().map(to_config).collect()),
        Value::Table(table) => {
            config::ValueKind::Table(table.into_iter().map(|(key, value)| (key, to_config(value))).collect())
        }
    };
    config::Value::new(None, kind)
}

fn bad(variable: &str, key: &str, seen: String, allowed: &str) -> BadSetting {
    BadSetting {
        place: Some(format!("environment variable {variable}")),
        key: key.to_owned(),
        seen,
        allowed: allowed.to_owned(),
    }
}
