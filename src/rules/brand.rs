//! A brand's rules as the core reads them: spans as `TimeDelta`, defaults filled in.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Agent, Brand, Rules, shifts};
use crate::ids::{AgentId, BrandId, SupervisorId};

impl Rules {
    /// The brand of that name.
    #[must_use]
    pub fn find_brand(&self, id: &BrandId) -> Option<&Brand> {
        self.brand(id)
    }

    /// Whether this supervisor may override this brand.
    #[must_use]
    pub fn may_override(&self, supervisor: &SupervisorId, brand: &BrandId) -> bool {
        let named = self.supervisors.iter().find(|known| known.id == *supervisor);
        named.is_some_and(|known| known.brands.is_empty() || known.brands.contains(brand))
    }

    /// The agent of that name.
    #[must_use]
    pub fn find_agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agent(id)
    }
}

impl Brand {
    /// How long a caller waits from the first offer.
    #[must_use]
    pub fn max_wait(&self) -> TimeDelta {
        delta(self.max_wait)
    }

    /// Phones that ring at once.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.ring_width.unwrap_or(u32::MAX)
    }

    /// After so long the next wave joins.
    #[must_use]
    pub fn wave_interval(&self) -> TimeDelta {
        delta(self.wave_interval)
    }

    /// Rest after an answered call.
    #[must_use]
    pub fn cooldown(&self) -> TimeDelta {
        delta(self.cooldown)
    }

    /// Rest after a decline.
    #[must_use]
    pub fn after_decline(&self) -> TimeDelta {
        delta(self.after_decline)
    }

    /// Rest after an offer nobody took.
    #[must_use]
    pub fn after_no_answer(&self) -> TimeDelta {
        delta(self.after_no_answer)
    }

    /// Rest after a busy phone.
    #[must_use]
    pub fn after_busy(&self) -> TimeDelta {
        delta(self.after_busy)
    }

    /// What a caller hears on entering the queue, if anything: the greeting, then what is said about waiting.
    #[must_use]
    pub fn welcome(&self) -> Option<String> {
        let said: Vec<&str> =
            [&self.texts.greeting, &self.texts.waiting].into_iter().flatten().map(String::as_str).collect();
        (!said.is_empty()).then(|| said.join(" "))
    }

    /// The longest message, in seconds.
    #[must_use]
    pub fn voicemail_max_length_s(&self) -> u32 {
        u32::try_from(self.voicemail.max_length.as_secs()).unwrap_or(u32::MAX)
    }
}

impl Agent {
    /// See [`shifts::is_on_shift`].
    #[must_use]
    pub fn is_on_shift(&self, zone: chrono_tz::Tz, at: DateTime<Utc>) -> bool {
        shifts::is_on_shift(self, zone, at)
    }
}

fn delta(span: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}
