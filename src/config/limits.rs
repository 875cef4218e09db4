//! `[limits]`: caps on what costs money. Source: THREATS.md T-01 and T-04.

use std::time::Duration;

use serde::Deserialize;

use super::checks::Checks;

/// The caps; beyond one, a call degrades to voicemail and an alarm is raised.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Outbound legs alive at once.
    pub legs_live_max: u32,
    /// Outbound legs started in any minute.
    pub legs_per_minute_max: u32,
    /// Longest conversation; the carrier ends it then.
    #[serde(with = "humantime_serde")]
    pub talk_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { legs_live_max: 50, legs_per_minute_max: 120, talk_max: Duration::from_secs(3_600) }
    }
}

impl Limits {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.range("limits.legs_live_max", self.legs_live_max, 1..=10_000);
        checks.range("limits.legs_per_minute_max", self.legs_per_minute_max, 1..=60_000);
        // Twilio ends any dial after four hours by itself.
        checks.span("limits.talk_max", self.talk_max, Duration::from_secs(60)..=Duration::from_secs(14_400));
    }
}
