//! `[database]`: where calls are kept.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::checks::Checks;

/// The store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite://FILE` for one node, `postgres://…` for several replicas. A secret, since it may hold a password.
    pub url: SecretString,
    /// Most connections: the whole pool of PostgreSQL, or the readers of a SQLite file, which has one writer besides.
    pub connections_max: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: SecretString::from("sqlite://offhook.sqlite"), connections_max: 8 }
    }
}

impl Database {
    pub(super) fn check(&self, checks: &mut Checks) {
        let scheme = self.url.expose_secret().split(':').next().unwrap_or_default();
        if !matches!(scheme, "sqlite" | "postgres" | "postgresql") {
            // Only the scheme is shown: the rest may hold a password.
            checks.add(
                "database.url",
                format!("an address that begins with `{}`", first_letters(scheme)),
                "sqlite://FILE or postgres://…",
            );
        }
        checks.range("database.connections_max", self.connections_max, 1..=100);
    }
}

fn first_letters(text: &str) -> String {
    text.chars().take(10).collect()
}
