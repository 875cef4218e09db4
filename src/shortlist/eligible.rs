//! Whether an agent may be rung, and if not, the first reason why.

use chrono::{DateTime, TimeDelta, Utc};

use super::facts::{AgentFacts, Presence};
use super::record::NotEligible;
use crate::rules::{Agent, DestinationPolicy};

/// With Chatwoot unreachable, the last known availability holds so long; after that the shift alone decides.
/// Source: DESIGN.md section 5.
pub const PRESENCE_HOLDS: TimeDelta = TimeDelta::minutes(30);

/// The first reason, in the order of the closed list, why this agent may not be rung at `at`; none if eligible.
///
/// Membership of the roster is the caller's to check, since only members are looked at.
#[must_use]
pub fn find_reason(
    destinations: &DestinationPolicy,
    zone: chrono_tz::Tz,
    agent: &Agent,
    facts: &AgentFacts,
    at: DateTime<Utc>,
) -> Option<NotEligible> {
    if facts.phone_unreachable || destinations.approve(&agent.phone).is_err() {
        return Some(NotEligible::NoPhone);
    }
    if !agent.phone_verified {
        return Some(NotEligible::PhoneUnverified);
    }
    if !is_available(facts, at) {
        return Some(NotEligible::Unavailable);
    }
    if !agent.is_on_shift(zone, at) {
        return Some(NotEligible::OffShift);
    }
    match facts.live_leg {
        Some(leg) if leg.talking => return Some(NotEligible::OnCall),
        Some(_) => return Some(NotEligible::RingingOtherCall),
        None => {}
    }
    if facts.rests_until.is_some_and(|until| at < until) {
        return Some(NotEligible::Cooldown);
    }
    if facts.paused_until.is_some_and(|until| at < until) {
        return Some(NotEligible::Paused);
    }
    None
}

/// Whether the agent takes calls, as far as is known.
#[must_use]
pub fn is_available(facts: &AgentFacts, at: DateTime<Utc>) -> bool {
    if facts.switched_off_until.is_some_and(|until| at < until) {
        return false;
    }
    let is_fresh = facts.presence_at.is_some_and(|known_at| at - known_at <= PRESENCE_HOLDS);
    match facts.presence {
        Presence::Online | Presence::Unknown => true,
        // Too old to be believed: the shift alone decides.
        Presence::Busy | Presence::Offline => !is_fresh,
    }
}
