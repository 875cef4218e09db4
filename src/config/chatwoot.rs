//! `[chatwoot]`: the inbox's server.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::checks::Checks;
use super::web_address;

/// The inbox.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chatwoot {
    /// Where the server is.
    #[serde(deserialize_with = "web_address::read_some")]
    pub base_url: Option<Url>,
    /// The account's number there, from its address `/app/accounts/N`.
    pub account_id: Option<i64>,
    /// Access token of the service's user, an administrator of the account.
    pub api_token: Option<SecretString>,
    /// Secrets of the account's webhooks: the current one first.
    pub webhook_secrets: Vec<SecretString>,
    /// How often availability is asked over the websocket.
    #[serde(with = "humantime_serde")]
    pub cable_poll: Duration,
    /// How often it is asked over REST while the websocket is down.
    #[serde(with = "humantime_serde")]
    pub rest_poll: Duration,
    /// Longest wait for one answer.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Origins that may show the dashboard in a frame besides the base address's own: `https://host[:port]`.
    pub frame_origins: Vec<String>,
}

impl Default for Chatwoot {
    fn default() -> Self {
        Self {
            base_url: None,
            account_id: None,
            api_token: None,
            webhook_secrets: Vec::new(),
            cable_poll: Duration::from_secs(3),
            rest_poll: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            frame_origins: Vec::new(),
        }
    }
}

impl Chatwoot {
    pub(super) fn check(&self, checks: &mut Checks) {
        if let Some(url) = &self.base_url {
            web_address::check_base_url(checks, "chatwoot.base_url", url);
        }
        if let Some(account) = self.account_id {
            checks.range("chatwoot.account_id", account, 1..=i64::MAX);
        }
        checks.secrets_present("chatwoot.webhook_secrets", &self.webhook_secrets);
        let second = Duration::from_secs(1);
        checks.span("chatwoot.cable_poll", self.cable_poll, second..=60 * second);
        checks.span("chatwoot.rest_poll", self.rest_poll, second..=300 * second);
        checks.span("chatwoot.timeout", self.timeout, Duration::from_millis(100)..=60 * second);
        for (index, origin) in self.frame_origins.iter().enumerate() {
            if !web_address::is_origin(origin) {
                checks.add(
                    &format!("chatwoot.frame_origins[{index}]"),
                    origin,
                    "an origin: https://host or https://host:port, no path",
                );
            }
        }
    }
}
