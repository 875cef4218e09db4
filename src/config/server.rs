//! `[server]`: where we listen, how we are reached, who may use the API.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::checks::Checks;
use super::web_address;

/// Fewest characters of an operator token and of the URL secret: 128 bits, were they hexadecimal.
pub const SECRET_CHARS_MIN: usize = 32;

/// The listening side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port to listen on. Port 0 takes a free one and prints it as one JSON line.
    pub bind: SocketAddr,
    /// The address at which Twilio and browsers reach us, without a trailing path that is not ours. Signatures are
    /// checked against it, never against headers.
    #[serde(deserialize_with = "web_address::read_some")]
    pub public_base_url: Option<Url>,
    /// Tokens that open `/api/v1`, each at least [`SECRET_CHARS_MIN`] characters; empty closes it.
    pub operator_tokens: Vec<SecretString>,
    /// Largest body of a webhook, in bytes.
    pub webhook_body_max_bytes: usize,
    /// Largest body of an API request, in bytes.
    pub api_body_max_bytes: usize,
    /// How long a shutdown waits for requests under way.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// Key of the codes in the URLs we mint, shared by replicas; changing it makes those of calls in progress worthless.
    /// Absent: drawn from `twilio.auth_tokens`, and codes drawn from any of them are good.
    pub url_secret: Option<SecretString>,
    /// Key under which supervisors' codes are hashed, shared by replicas. Absent: there are no codes.
    pub code_secret: Option<SecretString>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_base_url: None,
            operator_tokens: Vec::new(),
            webhook_body_max_bytes: 65_536,
            api_body_max_bytes: 1_048_576,
            drain: Duration::from_secs(10),
            url_secret: None,
            code_secret: None,
        }
    }
}

impl Server {
    pub(super) fn check(&self, checks: &mut Checks) {
        if let Some(url) = &self.public_base_url {
            web_address::check_base_url(checks, "server.public_base_url", url);
        }
        for (index, token) in self.operator_tokens.iter().enumerate() {
            check_secret_length(checks, &format!("server.operator_tokens[{index}]"), token);
        }
        for (key, secret) in [("server.url_secret", &self.url_secret), ("server.code_secret", &self.code_secret)] {
            if let Some(secret) = secret {
                check_secret_length(checks, key, secret);
            }
        }
        checks.range("server.webhook_body_max_bytes", self.webhook_body_max_bytes, 1_024..=1_048_576);
        checks.range("server.api_body_max_bytes", self.api_body_max_bytes, 1_024..=16_777_216);
        checks.span("server.drain", self.drain, Duration::ZERO..=Duration::from_secs(300));
    }
}

fn check_secret_length(checks: &mut Checks, key: &str, secret: &SecretString) {
    let length = secret.expose_secret().chars().count();
    if length < SECRET_CHARS_MIN {
        checks.add(key, format!("a secret of {length} characters"), format!("at least {SECRET_CHARS_MIN} characters"));
    }
}
