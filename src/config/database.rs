//! `[database]`: where calls are kept.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::checks::Checks;

/// The store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite://FILE` for one node, `postgres://…` for several replicas. A secret, since it may hold a password.
    pub url: SecretString,
    /// Most connections that read; SQLite has one writer besides.
    pub read_connections_max: u32,
    /// Most connections that write, on PostgreSQL. SQLite always has one.
    pub write_connections_max: u32,
    /// Longest wait for a free connection. Twilio waits meanwhile, so keep it under the 1.5 s of an answer.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: SecretString::from("sqlite://offhook.sqlite"),
            read_connections_max: 4,
            write_connections_max: 8,
            acquire_timeout: Duration::from_secs(1),
        }
    }
}

impl Database {
    pub(super) fn check(&self, checks: &mut Checks) {
        let scheme = self
            .url
            .expose_secret()
            .split(':')
            .next()
            .unwrap_or_default();
        if !matches!(scheme, "sqlite" | "postgres" | "postgresql") {
            // Only the scheme is shown: the rest may hold a password.
            checks.add(
                "database.url",
                format!("an address that begins with `{}`", first_letters(scheme)),
                "sqlite://FILE or postgres://…",
            );
        }
        checks.range(
            "database.read_connections_max",
            self.read_connections_max,
            1..=100,
        );
        checks.range(
            "database.write_connections_max",
            self.write_connections_max,
            1..=100,
        );
        checks.span(
            "database.acquire_timeout",
            self.acquire_timeout,
            Duration::from_millis(50)..=Duration::from_secs(30),
        );
    }
}

fn first_letters(text: &str) -> String {
    text.chars().take(10).collect()
}
