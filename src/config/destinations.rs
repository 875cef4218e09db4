//! `[destinations]`: where a call may go out to.

use serde::Deserialize;

use super::checks::Checks;
use crate::rules::DestinationPolicy;

/// Fraud's brake: an outbound call goes only to these regions. Source: THREATS.md T-01.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Destinations {
    /// Regions by ISO 3166 two-letter code. A region is not a country code: +1 alone has twenty-five.
    pub regions: Vec<String>,
    /// Prefixes `+…` allowed besides, each at least three digits; premium, satellite and the like stay refused.
    pub allow_prefixes: Vec<String>,
    /// Prefixes `+…` refused though their region is allowed.
    pub deny_prefixes: Vec<String>,
}

impl Default for Destinations {
    fn default() -> Self {
        Self { regions: vec!["US".into(), "CA".into()], allow_prefixes: Vec::new(), deny_prefixes: Vec::new() }
    }
}

impl Destinations {
    /// The policy that these settings say.
    #[must_use]
    pub fn policy(&self) -> DestinationPolicy {
        DestinationPolicy::new(
            self.regions.iter().map(String::as_str),
            self.allow_prefixes.iter().map(String::as_str),
            self.deny_prefixes.iter().map(String::as_str),
        )
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        for (index, region) in self.regions.iter().enumerate() {
            if region.len() != 2 || !region.bytes().all(|b| b.is_ascii_uppercase()) {
                checks.add(&format!("destinations.regions[{index}]"), region, "two capital letters, such as US");
            }
        }
        check_prefixes(checks, "destinations.allow_prefixes", &self.allow_prefixes, 3);
        check_prefixes(checks, "destinations.deny_prefixes", &self.deny_prefixes, 1);
    }
}

fn check_prefixes(checks: &mut Checks, key: &str, prefixes: &[String], digits_min: usize) {
    for (index, prefix) in prefixes.iter().enumerate() {
        let fits = prefix.strip_prefix('+').is_some_and(|digits| {
            (digits_min..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        });
        if !fits {
            checks.add(&format!("{key}[{index}]"), prefix, format!("+ and {digits_min} to 15 digits"));
        }
    }
}
