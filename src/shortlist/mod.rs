//! Who rings, in which order, and why not the others.
//!
//! A pure function of rules, facts and the call. The same function serves live calls, the simulator and the replay.

mod eligible;
pub mod facts;
mod order;
mod record;

use chrono::{DateTime, Utc};

pub use eligible::{PRESENCE_HOLDS, find_reason, is_available};
pub use order::sort_by_turn;
pub use record::{Listed, NotEligible, Place, ShortlistRecord};

use crate::ids::AgentId;
use crate::rules::{Brand, DestinationPolicy, Rules};
use facts::AgentFacts;

/// Places that one open conversation pushes an agent back. Source: DESIGN.md section 3, default.
const QUEUE_BIAS: u32 = 1;

/// What one agent already had to do with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing, or nothing that speaks against asking.
    Nothing,
    /// Was offered this call and is not asked again.
    Offered,
    /// The phone is still held by an earlier leg of this very call, and will come free.
    StillHeld,
}

/// What a shortlist is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The rules of the call.
    pub rules: &'a Rules,
    /// Its version, for the record.
    pub rules_version: u32,
    /// Where outbound legs may go.
    pub destinations: &'a DestinationPolicy,
    /// Its brand.
    pub brand: &'a Brand,
    /// Facts about the members of the brand's roster; members without facts count as unknown.
    pub facts: &'a [AgentFacts],
    /// Now.
    pub at: DateTime<Utc>,
    /// How many may ring at this instant, those ringing already included.
    pub width: u32,
    /// How many ring already.
    pub ringing: u32,
}

/// Who rings now and what to hope for.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortlist {
    /// Those to ring now, in order.
    pub ring: Vec<AgentId>,
    /// Those eligible whose wave has not come.
    pub later: Vec<AgentId>,
    /// Whether somebody who has not been asked may come free soon.
    pub is_hopeful: bool,
    /// Why, agent by agent.
    pub record: ShortlistRecord,
}

/// Takes the shortlist: every member of the roster with a position or one reason.
#[must_use]
pub fn take_shortlist(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) -> Shortlist {
    let mut eligible = Vec::new();
    let mut others = Vec::new();
    let mut is_hopeful = false;
    for id in &question.brand.roster {
        let facts = question.facts.iter().find(|facts| facts.agent == *id);
        let place = match (earlier(id), facts, question.rules.find_agent(id)) {
            (Earlier::Offered, _, _) => Some(Place::AlreadyOffered),
            (Earlier::StillHeld, _, _) => Some(Place::No { reason: NotEligible::RingingOtherCall }),
            (Earlier::Nothing, _, None) => Some(Place::No { reason: NotEligible::NoPhone }),
            (Earlier::Nothing, None, Some(_)) => Some(Place::No { reason: NotEligible::Unavailable }),
            (Earlier::Nothing, Some(facts), Some(agent)) => {
                find_reason(question.destinations, question.brand.time_zone, agent, facts, question.at)
                    .map(|reason| Place::No { reason })
            }
        };
        match (place, facts) {
            (None, Some(facts)) => eligible.push(facts),
            (Some(place), _) => {
                if let Place::No { reason } = place {
                    let waits = reason != NotEligible::OnCall || question.brand.wait_for_on_call;
                    is_hopeful |= waits && reason.is_passing();
                }
                others.push(list(question, id, facts, place));
            }
            (None, None) => {}
        }
    }
    sort_by_turn(&mut eligible, QUEUE_BIAS);
    let room = usize::try_from(question.width.saturating_sub(question.ringing)).unwrap_or(usize::MAX);
    let mut agents = Vec::with_capacity(question.brand.roster.len());
    let mut shortlist = (Vec::new(), Vec::new());
    for (index, facts) in eligible.iter().enumerate() {
        let position = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let place = if index < room {
            shortlist.0.push(facts.agent.clone());
            Place::Rings { position }
        } else {
            shortlist.1.push(facts.agent.clone());
            Place::WaitingForWave { position }
        };
        agents.push(list(question, &facts.agent, Some(facts), place));
    }
    agents.extend(others);
    let record = ShortlistRecord { at: question.at, rules_version: question.rules_version, agents };
    Shortlist { is_hopeful: is_hopeful || !shortlist.1.is_empty(), ring: shortlist.0, later: shortlist.1, record }
}

fn list(question: &Question<'_>, agent: &AgentId, facts: Option<&AgentFacts>, place: Place) -> Listed {
    Listed {
        agent: agent.clone(),
        place,
        last_offered_at: facts.and_then(|facts| facts.last_offered_at),
        presence_age_ms: facts.and_then(|facts| facts.presence_at).map(|at| (question.at - at).num_milliseconds()),
    }
}

#[cfg(test)]
mod tests;
