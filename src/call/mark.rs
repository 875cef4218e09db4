//! What a decision means for the agents concerned.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::AgentId;

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
    /// An offer was taken or turned down by a person: misses start again at nought.
    Responded { agent: AgentId },
    /// The carrier says that this agent's number cannot be reached at all.
    PhoneUnreachable { agent: AgentId },
    /// Eligible, but the call went to others.
    PassedOver { agent: AgentId },
}
