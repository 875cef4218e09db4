//! What must be known of agents to say who rings; loaded by the shell, read by the pure rooms.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, BrandId, CallId, IntentId};
use crate::phone_number::PhoneNumber;

/// What is believed of an agent's availability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Takes calls.
    Online,
    /// Does not: set so by the agent.
    Busy,
    /// Does not: set so, or gone longer than the grace.
    Offline,
    /// Nothing was ever heard, or too long ago: the shift alone decides.
    Unknown,
}

/// The facts about one agent that the store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFacts {
    /// Who.
    pub agent: AgentId,
    /// What Chatwoot said last, after hysteresis.
    pub presence: Presence,
    /// When that was last confirmed.
    pub presence_at: Option<DateTime<Utc>>,
    /// The agent's own phone switch, which wins when off.
    pub switched_off_until: Option<DateTime<Utc>>,
    /// The leg the carrier may still hold for this agent.
    pub live_leg: Option<LiveLeg>,
    /// Rests until.
    pub rests_until: Option<DateTime<Utc>>,
    /// Paused until.
    pub paused_until: Option<DateTime<Utc>>,
    /// Last offered a call.
    pub last_offered_at: Option<DateTime<Utc>>,
    /// Offers passed over since then.
    pub passed_over: u32,
    /// Full-time offers missed in a row.
    pub misses: u32,
    /// Times in a row that the phone was answered and no key pressed.
    pub keyless: u32,
    /// The number of the agent's that the carrier refused as unreachable; another one may ring.
    pub refused_phone: Option<PhoneNumber>,
    /// Open conversations the agent owns in brand inboxes.
    pub open_conversations: u32,
    /// When that was last counted; none if it never was.
    pub open_conversations_at: Option<DateTime<Utc>>,
}

impl AgentFacts {
    /// An agent of whom nothing is known.
    #[must_use]
    pub fn unknown(agent: AgentId) -> Self {
        Self {
            agent,
            presence: Presence::Unknown,
            presence_at: None,
            switched_off_until: None,
            live_leg: None,
            rests_until: None,
            paused_until: None,
            last_offered_at: None,
            passed_over: 0,
            misses: 0,
            keyless: 0,
            refused_phone: None,
            open_conversations: 0,
            open_conversations_at: None,
        }
    }
}

/// A leg that holds an agent's phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLeg {
    /// Its call.
    pub call: CallId,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether the agent talks on it.
    pub talking: bool,
}

/// A call that wants phones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCall {
    /// Which.
    pub call: CallId,
    /// Whose roster it is offered to.
    pub brand: BrandId,
    /// What the caller calls about, if that is known.
    pub intent: Option<IntentId>,
    /// When it arrived: shifts are read at that instant.
    pub arrived_at: DateTime<Utc>,
    /// What became of its offers so far.
    pub asked: Asked,
}

/// Whom a waiting call was offered to, which is what other calls must know to leave it no phone that it cannot use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Agents who are not asked again, those whose phone rings for it among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentId>,
    /// Agents whose phone rings for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ringing: Vec<AgentId>,
    /// When it was first offered to anybody: waves are counted from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_offered_at: Option<DateTime<Utc>>,
    /// From then on it takes no phone that comes free, though it waits; none if it does to its end. A simultaneous dial
    /// has the numbers it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<DateTime<Utc>>,
}

impl Asked {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What the carrier's account carried when it refused one leg more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Legs to agents, over all brands.
    pub legs: u32,
    /// When that was found out.
    pub at: DateTime<Utc>,
}

/// What routing needs to know at one instant, apart from the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedFacts {
    /// One for each agent asked for, in that order.
    pub agents: Vec<AgentFacts>,
    /// Legs to agents that the carrier may hold now, over all brands.
    pub legs_live: u32,
    /// Legs offered within the last minute, over all brands.
    pub legs_last_minute: u32,
    /// Ring effects that wait for their turn at the carrier.
    pub rings_pending: u32,
    /// What the carrier's account was last found to carry; none if it never refused a leg.
    pub carried: Option<Carried>,
    /// Calls that want phones, over all brands: they wait, and their ring is not over. The longest waiting first, at most
    /// [`WAITING_MAX`]; none where each of the agents has a leg, since then there is no phone to share.
    pub waiting: Vec<WaitingCall>,
}

impl LoadedFacts {
    /// Whether any of these agents may have a phone to share among those who wait.
    #[must_use]
    pub fn has_phones_to_share(agents: &[AgentFacts]) -> bool {
        agents.iter().any(|facts| facts.live_leg.is_none())
    }

    /// Takes agents who seem free as held by the leg that `find` says, if it says one; whether there are any.
    pub fn hold(&mut self, find: impl Fn(&AgentId) -> Option<LiveLeg>) -> bool {
        let mut any = false;
        for facts in self.agents.iter_mut().filter(|facts| facts.live_leg.is_none()) {
            facts.live_leg = find(&facts.agent);
            any |= facts.live_leg.is_some();
        }
        any
    }

    /// What a signal that may not offer is decided by.
    #[must_use]
    pub fn none() -> Self {
        Self {
            agents: Vec::new(),
            legs_live: 0,
            legs_last_minute: 0,
            rings_pending: 0,
            carried: None,
            waiting: Vec::new(),
        }
    }
}

/// Phones are shared among so many waiting calls; beyond that each has one anyway.
pub const WAITING_MAX: u32 = 1_000;
