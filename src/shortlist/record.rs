//! The decision record: who was considered, in which place, and why not the others.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::AgentId;

/// Why an agent does not ring. Closed list, checked in this order. Source: DESIGN.md section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotEligible {
    /// No member of the brand's roster.
    NotOnRoster,
    /// No phone that may be dialled.
    NoPhone,
    /// A phone that nobody has verified.
    PhoneUnverified,
    /// Lacks the intent's skill.
    MissingSkill,
    /// Does not take calls.
    Unavailable,
    /// Not working now.
    OffShift,
    /// Talking.
    OnCall,
    /// Being rung for another call.
    RingingOtherCall,
    /// Resting after a call or an offer.
    Cooldown,
    /// Paused by the system.
    Paused,
}

impl NotEligible {
    /// Whether waiting a little may help, so that a caller is not sent away for it.
    #[must_use]
    pub fn is_passing(self) -> bool {
        match self {
            Self::OnCall | Self::RingingOtherCall | Self::Cooldown => true,
            Self::NotOnRoster
            | Self::NoPhone
            | Self::PhoneUnverified
            | Self::MissingSkill
            | Self::Unavailable
            | Self::OffShift
            | Self::Paused => false,
        }
    }
}

/// Where an agent came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// Rings now; `position` from 1.
    Rings { position: u32 },
    /// Eligible, but outside the present wave.
    WaitingForWave { position: u32 },
    /// Was offered this call before and is not asked again.
    AlreadyOffered,
    /// Does not ring.
    No { reason: NotEligible },
}

/// One agent of a decision record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Who.
    pub agent: AgentId,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Last offered a call.
    pub last_offered_at: Option<DateTime<Utc>>,
    /// How old the word on the agent's availability was, in milliseconds.
    pub presence_age_ms: Option<i64>,
}

/// One shortlist, stored with the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShortlistRecord {
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// Under which rules.
    pub rules_version: u32,
    /// Every agent of the roster, those who ring first and in order.
    pub agents: Vec<Listed>,
}
