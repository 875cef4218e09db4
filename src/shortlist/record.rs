//! The decision record: who was considered, in which place, and why not the others.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::facts::Presence;
use crate::ids::{AgentId, CallId, IntentId};

/// Agents that a record lists one by one.
///
/// Of a larger roster the far ones are counted by their place, and the snapshot of the facts tells the rest. With ids of the longest kind such a record stays below 64 kB.
pub const LISTED_MAX: usize = 200;

/// Why an agent does not ring. Closed list, checked in this order. Source: DESIGN.md section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotEligible {
    /// No member of the brand's roster, or not any more.
    NotOnRoster,
    /// No phone that may be dialled.
    NoPhone,
    /// A phone that nobody has verified.
    PhoneUnverified,
    /// Lacks the intent's skill.
    MissingSkill,
    /// Does not take calls.
    Unavailable,
    /// Was not working when the call arrived.
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
    /// Every one, in the order of checking.
    pub const ALL: [Self; 10] = [
        Self::NotOnRoster,
        Self::NoPhone,
        Self::PhoneUnverified,
        Self::MissingSkill,
        Self::Unavailable,
        Self::OffShift,
        Self::OnCall,
        Self::RingingOtherCall,
        Self::Cooldown,
        Self::Paused,
    ];

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

    /// The word that stands in JSON and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOnRoster => "not_on_roster",
            Self::NoPhone => "no_phone",
            Self::PhoneUnverified => "phone_unverified",
            Self::MissingSkill => "missing_skill",
            Self::Unavailable => "unavailable",
            Self::OffShift => "off_shift",
            Self::OnCall => "on_call",
            Self::RingingOtherCall => "ringing_other_call",
            Self::Cooldown => "cooldown",
            Self::Paused => "paused",
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

impl Place {
    /// Its kind, apart from the position. Whoever rang is asked no more.
    fn kind(self) -> &'static str {
        match self {
            Self::Rings { .. } | Self::AlreadyOffered => "offered",
            Self::WaitingForWave { .. } => "waiting_for_wave",
            Self::No { reason } => reason.as_str(),
        }
    }
}

/// One agent of a decision record. Numbers that are nought or unknown are left out of the stored form.
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
    /// The place in line by turn alone, from 1; of those eligible.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub turn: u32,
    /// Places pushed back, those taken off again not counted.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub pushed: u32,
    /// Offers passed over since the last one of their own.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub passed_over: u32,
    /// Whether the phone was left to another call that waits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_left: bool,
    /// Open conversations.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub open_conversations: u32,
    /// How old that figure was, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_conversations_age_ms: Option<i64>,
    /// What was believed of an agent who does not take calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
    /// When the reason ends by itself: a rest, a pause, the agent's own switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The call that holds the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<CallId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_nought(number: &u32) -> bool {
    *number == 0
}

/// Agents beyond those listed, who came out alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How; where it has a position, that of the first of them.
    #[serde(flatten)]
    pub place: Place,
    /// How many.
    pub agents: u32,
}

/// One shortlist, stored with the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShortlistRecord {
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// Under which rules.
    pub rules_version: u32,
    /// Agents of the roster, those who ring first and in order: all, or the first 200.
    pub agents: Vec<Listed>,
    /// The others, by place; empty unless the roster is larger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<Counted>,
    /// The version that roster and phones were read from, if it was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster_version: Option<u32>,
    /// What the caller calls about, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// When the call arrived, which is what shifts are read at.
    #[serde(default)]
    pub arrived_at: DateTime<Utc>,
    /// How many might ring at this instant by waves and caps; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// How many rang already.
    #[serde(default)]
    pub ringing: u32,
    /// Phones left to other callers who wait. Source: docs/sharing.md.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub left_to_others: u32,
    /// What it was taken from, for the rows beside the history; not part of the stored form.
    #[serde(skip)]
    pub snapshot: Option<std::sync::Arc<[u8]>>,
}

impl ShortlistRecord {
    /// What is said of one agent; none for one who is no member, or counted only.
    #[must_use]
    pub fn find(&self, agent: &AgentId) -> Option<&Listed> {
        self.agents.iter().find(|listed| listed.agent == *agent)
    }

    /// Whether it has somebody ring.
    #[must_use]
    pub fn rings_anybody(&self) -> bool {
        let places = self.agents.iter().map(|listed| listed.place).chain(self.counted.iter().map(|one| one.place));
        places.into_iter().any(|place| matches!(place, Place::Rings { .. }))
    }

    /// A number that is another as soon as anybody stands elsewhere, or does not ring for another reason. Whoever was
    /// offered the call stays where they were, and positions do not count.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut lines: Vec<(&str, &str)> =
            self.agents.iter().map(|listed| (listed.agent.as_str(), listed.place.kind())).collect();
        lines.sort_unstable();
        let counted: Vec<String> = self.counted.iter().map(|one| one.agents.to_string()).collect();
        let counted = counted.iter().zip(&self.counted).map(|(agents, one)| (agents.as_str(), one.place.kind()));
        let texts = lines.into_iter().chain(counted).flat_map(|(one, other)| [one, other]);
        // FNV-1a, since the number is stored: it has to be the same in every release.
        let bytes = texts.flat_map(|text| text.bytes().chain([0]));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// How many agents the record tells of, listed or counted.
    #[must_use]
    pub fn count(&self) -> usize {
        let counted = self.counted.iter().map(|counted| usize::try_from(counted.agents).unwrap_or(usize::MAX));
        self.agents.len() + counted.sum::<usize>()
    }
}
