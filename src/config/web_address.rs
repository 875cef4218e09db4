//! Addresses in the settings: which are well formed, and which lie on our own network.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use super::checks::Checks;

/// An address written in this program.
#[expect(clippy::expect_used, reason = "the text is a constant of ours, and every default is built in a test")]
pub(super) fn known(text: &'static str) -> Url {
    Url::parse(text).expect("a constant address parses")
}

/// Reads an address written in the settings.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    Url::parse(&text).map_err(|err| serde::de::Error::custom(format!("an address such as https://host ({err})")))
}

/// Reads an address that may be absent.
pub(super) fn read_some<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    read(from).map(Some)
}

/// A base address is http or https with a host, no user, query or fragment; plain http only to our own network.
pub(super) fn check_base_url(checks: &mut Checks, key: &str, url: &Url) {
    let bare = url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare {
        checks.add(key, shown(url), "https://host, optionally with a port and a path; no user, query or fragment");
    } else if url.scheme() == "http" && !is_loopback_or_private(url) {
        checks.add(key, shown(url), "https; plain http only to this machine or a private network");
    }
}

/// Whether the text is exactly an origin: scheme, host and, unless usual, port.
pub(super) fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text.to_ascii_lowercase()
    })
}

/// Whether the address lies on this machine or a private network by its spelling: `localhost` and its subdomains,
/// loopback, private, link-local and unique-local addresses. A name is never looked up.
///
/// Test switches start only against such addresses. Source: THREATS.md T-30.
#[must_use]
pub fn is_loopback_or_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_near(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_near(IpAddr::V6(address)),
        None => false,
    }
}

/// Whether an address is loopback, private, link-local or unique-local, also when mapped into version 6.
#[must_use]
pub fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The address without a password.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_network_counts_as_near() {
        for near in [
            "http://localhost:1",
            "http://a.localhost",
            "http://127.0.0.1",
            "http://127.9.9.9",
            "http://[::1]:80",
            "http://10.0.0.1",
            "http://192.168.1.1",
            "http://172.16.0.1",
            "http://169.254.1.1",
            "http://[fd00::1]",
            "http://[::ffff:127.0.0.1]",
            "http://2130706433",
            "http://0x7f.1",
            "http://localhost.",
        ] {
            assert!(is_loopback_or_private(&Url::parse(near).unwrap()), "{near}");
        }
        for far in [
            "https://api.twilio.com",
            "https://app.chatwoot.com",
            "http://8.8.8.8",
            "http://172.32.0.1",
            "http://localhost.example",
            "http://notlocalhost",
            "http://[2001:db8::1]",
            "http://0.0.0.0",
            "http://127.0.0.1.example",
        ] {
            assert!(!is_loopback_or_private(&Url::parse(far).unwrap()), "{far}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(is_origin("https://chat.example") && is_origin("http://127.0.0.1:3000"));
        for bad in [
            "https://chat.example/",
            "chat.example",
            "https://chat.example/app",
            "*",
            "https://chat.example:443",
            "data:x",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
