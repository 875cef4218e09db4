//! What a decision means for the agents concerned.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;
use crate::shortlist::facts::AgentFacts;

/// What a decision means for one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum AgentMark {
    /// A call was offered.
    Offered { agent: AgentId },
    /// The agent rests until then (cooldown, or the shorter delays).
    RestsUntil { agent: AgentId, until: DateTime<Utc> },
    /// An offer of full time was not taken.
    Missed { agent: AgentId },
    /// An offer was taken or turned down by a person: misses and keyless answers start again at nought.
    Responded { agent: AgentId },
    /// The carrier says that this number of the agent's cannot be reached at all.
    PhoneUnreachable { agent: AgentId, phone: PhoneNumber },
    /// Eligible and pushed back by open conversations, and the call went to others.
    PassedOver { agent: AgentId },
    /// The phone was answered and no key pressed.
    Keyless { agent: AgentId },
    /// The system puts the agent aside, and misses start again at nought. Refused when one of `stay`, on whom this
    /// or another brand relies, was put aside meanwhile: then it is decided again.
    Paused { agent: AgentId, until: DateTime<Utc>, stay: Vec<AgentId> },
}

impl AgentMark {
    /// Whom the mark is about.
    #[must_use]
    pub fn agent(&self) -> &AgentId {
        match self {
            Self::Offered { agent }
            | Self::RestsUntil { agent, .. }
            | Self::Missed { agent }
            | Self::Responded { agent }
            | Self::PhoneUnreachable { agent, .. }
            | Self::PassedOver { agent }
            | Self::Keyless { agent }
            | Self::Paused { agent, .. } => agent,
        }
    }

    /// Whom it puts aside.
    #[must_use]
    pub fn paused(&self) -> Option<&AgentId> {
        if let Self::Paused { agent, .. } = self { Some(agent) } else { None }
    }

    /// Changes what is known of the agent by a decision of `at`.
    pub fn change(&self, facts: &mut AgentFacts, at: DateTime<Utc>) {
        match self {
            Self::Offered { .. } => {
                facts.last_offered_at = Some(at);
                facts.passed_over = 0;
            }
            Self::RestsUntil { until, .. } => facts.rests_until = facts.rests_until.max(Some(*until)),
            Self::Missed { .. } => facts.misses += 1,
            Self::Responded { .. } => {
                facts.misses = 0;
                facts.keyless = 0;
            }
            Self::PhoneUnreachable { phone, .. } => facts.refused_phone = Some(phone.clone()),
            Self::PassedOver { .. } => facts.passed_over += 1,
            Self::Keyless { .. } => facts.keyless += 1,
            Self::Paused { until, .. } => {
                facts.paused_until = facts.paused_until.max(Some(*until));
                facts.misses = 0;
            }
        }
    }
}
