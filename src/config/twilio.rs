//! `[twilio]`: the carrier's account.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::checks::Checks;
use super::web_address;
use crate::rules::{DialStopsAt, RingMethod};

/// The carrier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Twilio {
    /// Where its REST API is; a region, a compatible carrier or a stand-in has another.
    #[serde(deserialize_with = "web_address::read")]
    pub api_base_url: Url,
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: Option<String>,
    /// Tokens whose signature we accept: the current one first, then the next while it is being changed. The first
    /// also signs us in to the REST API, unless there is an API key.
    pub auth_tokens: Vec<SecretString>,
    /// `SK` and 32 hexadecimal digits: signs us in to the REST API instead of the auth token.
    pub api_key_sid: Option<String>,
    /// The API key's secret; needed if the key is named.
    pub api_key_secret: Option<SecretString>,
    /// Outbound calls the account may start each second.
    pub calls_per_second: u32,
    /// How phones are rung, unless a brand says otherwise.
    pub ring_method: RingMethod,
    /// What a live test of this account recorded.
    pub dial_stops_at: DialStopsAt,
    /// Longest wait for one answer of the REST API.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Twilio {
    fn default() -> Self {
        Self {
            api_base_url: web_address::known("https://api.twilio.com"),
            account_sid: None,
            auth_tokens: Vec::new(),
            api_key_sid: None,
            api_key_secret: None,
            calls_per_second: 1,
            ring_method: RingMethod::Auto,
            dial_stops_at: DialStopsAt::Unknown,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Twilio {
    pub(super) fn check(&self, checks: &mut Checks) {
        web_address::check_base_url(checks, "twilio.api_base_url", &self.api_base_url);
        check_sid(checks, "twilio.account_sid", self.account_sid.as_deref(), "AC");
        check_sid(checks, "twilio.api_key_sid", self.api_key_sid.as_deref(), "SK");
        if self.api_key_sid.is_some() && self.api_key_secret.is_none() {
            checks.add("twilio.api_key_secret", "nothing", "the secret of the key in twilio.api_key_sid");
        }
        if self.api_key_secret.is_some() && self.api_key_sid.is_none() {
            checks.add("twilio.api_key_sid", "nothing", "the key whose secret is in twilio.api_key_secret");
        }
        checks.secrets_present("twilio.auth_tokens", &self.auth_tokens);
        checks.range("twilio.calls_per_second", self.calls_per_second, 1..=100);
        checks.span("twilio.timeout", self.timeout, Duration::from_millis(100)..=Duration::from_secs(25));
    }
}

fn check_sid(checks: &mut Checks, key: &str, sid: Option<&str>, prefix: &str) {
    let Some(sid) = sid else { return };
    let fits =
        sid.strip_prefix(prefix).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
    if !fits {
        checks.add(key, sid, format!("{prefix} and 32 hexadecimal digits"));
    }
}
