//! What an operator sets: `config.toml` and `OFFHOOK_…` variables, read once at start into [`Settings`].
//!
//! A variable wins over the file, the file over the default. `OFFHOOK_TWILIO__AUTH_TOKENS=a,b` sets
//! `twilio.auth_tokens`; a secret can be read from a file with `OFFHOOK_TWILIO__AUTH_TOKENS_FILE=/run/secrets/x`, one
//! a line. An unknown key, a wrong type and a value out of range stop the start, all of them told at once. What ops
//! set, such as brands and hours, lives in the database and not here.

use std::path::{Path, PathBuf};

use serde::Deserialize;

mod chatwoot;
mod checks;
mod database;
mod destinations;
mod environment;
mod file;
mod limits;
mod log;
mod server;
#[cfg(test)]
mod tests;
mod twilio;
mod web_address;

pub use chatwoot::Chatwoot;
pub use checks::{BadSetting, ConfigError};
pub use database::Database;
pub use destinations::Destinations;
pub use limits::Limits;
pub use log::{Log, LogFormat, LogLevel};
pub use server::{SECRET_CHARS_MIN, Server};
pub use twilio::Twilio;
pub use web_address::{is_loopback_or_private, is_near};

use checks::Checks;

/// The file read when none is named, if it exists.
pub const DEFAULT_FILE: &str = "config.toml";

/// All settings, each with a value. `config.example.toml` explains every key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where we listen, how we are reached, who may use the API.
    pub server: Server,
    /// Where calls are kept.
    pub database: Database,
    /// The carrier's account.
    pub twilio: Twilio,
    /// The inbox's server.
    pub chatwoot: Chatwoot,
    /// Where a call may go out to.
    pub destinations: Destinations,
    /// Caps on what costs money.
    pub limits: Limits,
    /// How events are printed.
    pub log: Log,
}

impl Settings {
    /// Reads the file and the process's environment. Without a path it is [`DEFAULT_FILE`], which may be missing; a
    /// named file may not.
    ///
    /// # Errors
    /// Every unknown key, wrong type and value out of range, with file and line or variable.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_from(
            path,
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// As [`Settings::load`], with the environment as a value, so that tests need not change the process's own.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_from(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file = file::SettingsFile::open(path)?;
        let overrides = environment::read(variables)?;
        let settings = merge(&file, &overrides)?;
        let mut checks = Checks::default();
        settings.check(&mut checks);
        finish(checks, &file, &overrides)?;
        Ok(settings)
    }

    /// What only a service for real callers needs: how it is reached, and both accounts. `offhook demo` and
    /// `offhook sandbox` bring their own.
    ///
    /// # Errors
    /// Every setting that is missing.
    pub fn check_for_service(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        let mut need = |is_there: bool, key: &str, what: &str| {
            if !is_there {
                checks.add(key, "nothing", what);
            }
        };
        need(
            self.server.public_base_url.is_some(),
            "server.public_base_url",
            "the address at which Twilio reaches this service",
        );
        need(self.twilio.account_sid.is_some(), "twilio.account_sid", "AC and 32 hexadecimal digits");
        need(!self.twilio.auth_tokens.is_empty(), "twilio.auth_tokens", "a list with the account's auth token first");
        need(self.chatwoot.base_url.is_some(), "chatwoot.base_url", "the address of the Chatwoot server");
        need(
            self.chatwoot.account_id.is_some(),
            "chatwoot.account_id",
            "the number in Chatwoot's address /app/accounts/N",
        );
        need(
            self.chatwoot.api_token.is_some(),
            "chatwoot.api_token",
            "the access token of an administrator of the account",
        );
        need(
            !self.chatwoot.webhook_secrets.is_empty(),
            "chatwoot.webhook_secrets",
            "a list with the webhook's secret first",
        );
        if checks.0.is_empty() { Ok(()) } else { Err(ConfigError(checks.0)) }
    }

    /// Refuses test switches near real providers: they work only while we listen on loopback and every neighbour is
    /// on this machine or a private network. Source: THREATS.md T-30.
    ///
    /// # Errors
    /// Every address that forbids them.
    pub fn check_for_test_switches(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        if !self.server.bind.ip().to_canonical().is_loopback() {
            checks.add("server.bind", self.server.bind.to_string(), "a loopback address while test switches are on");
        }
        let addresses = [
            ("twilio.api_base_url", Some(&self.twilio.api_base_url)),
            ("chatwoot.base_url", self.chatwoot.base_url.as_ref()),
            ("server.public_base_url", self.server.public_base_url.as_ref()),
        ];
        for (key, url) in addresses {
            if let Some(url) = url.filter(|url| !is_loopback_or_private(url)) {
                checks.add(key, url.as_str(), "a loopback or private address while test switches are on");
            }
        }
        if checks.0.is_empty() { Ok(()) } else { Err(ConfigError(checks.0)) }
    }

    fn check(&self, checks: &mut Checks) {
        self.server.check(checks);
        self.database.check(checks);
        self.twilio.check(checks);
        self.chatwoot.check(checks);
        self.destinations.check(checks);
        self.limits.check(checks);
        self.log.check(checks);
    }
}

/// Settings that must not be printed, and that a `_FILE` variable may read from a file. Lists end in `[]`.
pub(crate) const SECRET_KEYS: [&str; 8] = [
    "server.operator_tokens[]",
    "server.url_secret",
    "server.code_secret",
    "database.url",
    "twilio.auth_tokens[]",
    "twilio.api_key_secret",
    "chatwoot.api_token",
    "chatwoot.webhook_secrets[]",
];

/// Whether a key, with or without an index, holds secrets.
fn is_secret(key: &str) -> bool {
    let key = without_index(key);
    SECRET_KEYS.iter().any(|secret| secret.trim_end_matches("[]") == key)
}

fn without_index(key: &str) -> &str {
    key.split('[').next().unwrap_or(key)
}

fn merge(file: &file::SettingsFile, overrides: &[environment::Override]) -> Result<Settings, ConfigError> {
    let unforeseen = |err: config::ConfigError| {
        ConfigError(vec![BadSetting { place: None, key: String::new(), seen: err.to_string(), allowed: String::new() }])
    };
    let mut builder =
        config::Config::builder().add_source(config::File::from_str(&file.text, config::FileFormat::Toml));
    for set in overrides {
        builder = builder.set_override(&set.key, set.value.clone()).map_err(unforeseen)?;
    }
    builder.build().and_then(config::Config::try_deserialize).map_err(unforeseen)
}

/// Says where each fault stands.
fn finish(checks: Checks, file: &file::SettingsFile, overrides: &[environment::Override]) -> Result<(), ConfigError> {
    if checks.0.is_empty() {
        return Ok(());
    }
    let located = checks.0.into_iter().map(|mut bad| {
        let variable = overrides.iter().find(|set| set.key == without_index(&bad.key));
        bad.place =
            variable.map(|set| format!("environment variable {}", set.variable)).or_else(|| file.place(&bad.key));
        bad
    });
    Err(ConfigError(located.collect()))
}

/// The file that was asked for, or the usual one if it exists.
fn chosen(path: Option<&Path>) -> Option<PathBuf> {
    path.map(Path::to_path_buf).or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|usual| usual.exists()))
}
