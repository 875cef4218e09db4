//! Signs webhooks as Twilio does (contract 1.1).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The value of `X-Twilio-Signature` for a form posted to `url`, which has no fragment.
///
/// `params` may repeat a name: its distinct values then count once each, sorted. For a GET pass none, since the
/// parameters are part of the URL.
#[must_use]
pub fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in params {
        by_name.entry(name).or_default().push(value);
    }
    let mut message = url.to_owned();
    for (name, mut values) in by_name {
        values.sort_unstable();
        values.dedup();
        for value in values {
            message.push_str(name);
            message.push_str(value);
        }
    }
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else {
        return String::new();
    };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
