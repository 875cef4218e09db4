//! Whether an agent may be rung, and if not, the first reason why.

use chrono::{DateTime, TimeDelta, Utc};

use super::Question;
use super::facts::{AgentFacts, Presence};
use super::record::NotEligible;
use crate::rules::{Agent, AvailabilitySource};

/// With Chatwoot unreachable, the last known availability holds so long; after that the shift alone decides.
/// Source: DESIGN.md section 5.
pub const PRESENCE_HOLDS: TimeDelta = TimeDelta::minutes(30);

/// One member of the roster, with what is known.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Whether the roster in force still names them.
    pub is_on_roster: bool,
    /// What the rules in force say of them; none if they do not know them.
    pub now: Option<&'a Agent>,
    /// Whether the phone that rings may be dialled.
    pub may_be_dialled: bool,
    /// Whether somebody vouches for it.
    pub phone_verified: bool,
    /// Whether they have the skill that the intent asks for, by the call's own rules.
    pub is_skilled: bool,
    /// What their availability follows.
    pub availability: AvailabilitySource,
    /// Whether they were on shift when the call arrived, by the call's own rules.
    pub is_on_shift: bool,
    /// What is known of them; nothing counts as not available.
    pub facts: Option<&'a AgentFacts>,
}

/// The first reason, in the order of the closed list, why this agent may not be rung; none if eligible.
#[must_use]
pub fn find_reason(question: &Question<'_>, candidate: &Candidate<'_>) -> Option<NotEligible> {
    if let Some(reason) = find_lasting_reason(question, candidate) {
        return Some(reason);
    }
    let facts = candidate.facts?;
    match facts.live_leg {
        Some(leg) if leg.talking => return Some(NotEligible::OnCall),
        Some(_) => return Some(NotEligible::RingingOtherCall),
        None => {}
    }
    if facts.rests_until.is_some_and(|until| question.at < until) {
        return Some(NotEligible::Cooldown);
    }
    is_paused(facts, question.at).then_some(NotEligible::Paused)
}

/// Whether the agent belongs to those who take the brand's calls now: nothing that lasts keeps them from it.
///
/// Whoever talks, rings or rests is among them. Source: DESIGN.md section 3, "a brand's last two available agents".
#[must_use]
pub fn is_staffing(question: &Question<'_>, candidate: &Candidate<'_>) -> bool {
    find_lasting_reason(question, candidate).is_none()
        && candidate.facts.is_some_and(|facts| !is_paused(facts, question.at))
}

/// The reasons of the closed list up to `off_shift`.
fn find_lasting_reason(question: &Question<'_>, candidate: &Candidate<'_>) -> Option<NotEligible> {
    if !candidate.is_on_roster {
        return Some(NotEligible::NotOnRoster);
    }
    let is_refused = |facts: &AgentFacts| {
        facts.refused_phone.is_some() && facts.refused_phone.as_ref() == candidate.now.map(|now| &now.phone)
    };
    if candidate.now.is_none() || !candidate.may_be_dialled || candidate.facts.is_some_and(is_refused) {
        return Some(NotEligible::NoPhone);
    }
    if !candidate.phone_verified {
        return Some(NotEligible::PhoneUnverified);
    }
    if !candidate.is_skilled {
        return Some(NotEligible::MissingSkill);
    }
    if !candidate.facts.is_some_and(|facts| is_available(candidate.availability, facts, question.at)) {
        return Some(NotEligible::Unavailable);
    }
    // A shift counts for calls that arrived inside it.
    if !candidate.is_on_shift {
        return Some(NotEligible::OffShift);
    }
    None
}

/// Whether the agent takes calls, as far as is known. The switch wins when it is off; whoever has a switch of their own
/// is asked for nothing else.
#[must_use]
pub fn is_available(source: AvailabilitySource, facts: &AgentFacts, at: DateTime<Utc>) -> bool {
    if facts.switched_off_until.is_some_and(|until| at < until) {
        return false;
    }
    let is_fresh = facts.presence_at.is_some_and(|known_at| at - known_at <= PRESENCE_HOLDS);
    match (source, facts.presence) {
        (AvailabilitySource::OwnSwitch, _) | (_, Presence::Online | Presence::Unknown) => true,
        // Too old to be believed: the shift alone decides.
        (AvailabilitySource::Follow, Presence::Busy | Presence::Offline) => !is_fresh,
    }
}

/// Whether the agent has said so that they take no calls: by their own switch, or in Chatwoot. An absence is no word of
/// theirs, and from the facts alone `offline` may be one.
#[must_use]
pub fn is_explicitly_off(source: AvailabilitySource, facts: &AgentFacts, at: DateTime<Utc>) -> bool {
    let is_switched_off = facts.switched_off_until.is_some_and(|until| at < until);
    let is_busy = source == AvailabilitySource::Follow && facts.presence == Presence::Busy;
    is_switched_off || (is_busy && !is_available(source, facts, at))
}

/// Whether the system, or a person, has put the agent aside.
#[must_use]
pub fn is_paused(facts: &AgentFacts, at: DateTime<Utc>) -> bool {
    facts.paused_until.is_some_and(|until| at < until)
}
