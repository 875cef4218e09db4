//! When calls outnumber phones: no call is offered more than an even share.
//!
//! Chosen by simulation; the figures and the other candidates are in docs/sharing.md.

use std::collections::{HashMap, HashSet};

use super::Question;
use super::facts::WaitingCall;
use super::order::Standing;
use crate::ids::{AgentId, BrandId, CallId, IntentId};
use crate::rules::Rules;

/// Waiting calls that ask for the same phones.
type Kind<'a> = (&'a BrandId, Option<&'a IntentId>);

/// How many phones may ring for the call at one time, those ringing already included; none if no other call wants any of
/// them.
///
/// A waiting call is a rival if it might be offered one of those eligible here. The phones in question are those
/// eligible that a rival might be offered, those that ring for this call, and members' phones that ring for rivals. They
/// are divided by the number of calls; what is left over goes to the first who look, one each. Phones that no rival might
/// be offered come on top.
///
/// Whom the rivals were offered already is not asked: a phone left to one that cannot use it is taken at the next look.
pub(super) fn find_share(question: &Question<'_>, eligible: &[Standing<'_>]) -> Option<u32> {
    let others = question.waiting.iter().filter(|other| Some(other.call) != question.call);
    let mut kinds: HashMap<Kind<'_>, Vec<CallId>> = HashMap::new();
    for WaitingCall { call, brand, intent } in others {
        kinds.entry((brand, intent.as_ref())).or_default().push(*call);
    }
    let mut contested: HashSet<&AgentId> = HashSet::new();
    let mut rivals: HashMap<CallId, usize> = HashMap::new();
    for (kind, calls) in kinds {
        let is_wanted = wants(question, kind);
        let mut is_rival = false;
        for standing in eligible.iter().filter(|standing| is_wanted(&standing.facts.agent)) {
            is_rival = true;
            contested.insert(&standing.facts.agent);
        }
        if is_rival {
            rivals.extend(calls.into_iter().map(|call| (call, 0)));
        }
    }
    if rivals.is_empty() {
        return None;
    }
    for leg in question.facts.iter().filter_map(|facts| facts.live_leg).filter(|leg| !leg.talking) {
        if let Some(held) = rivals.get_mut(&leg.call) {
            *held += 1;
        }
    }
    let ringing = usize::try_from(question.ringing).unwrap_or(usize::MAX);
    let pool = rivals.values().sum::<usize>().saturating_add(contested.len()).saturating_add(ringing);
    let (even, left_over) = (pool / (rivals.len() + 1), pool % (rivals.len() + 1));
    let have_more = rivals.values().filter(|held| **held > even).count();
    let alone = eligible.len() - contested.len();
    u32::try_from(even + usize::from(have_more < left_over) + alone).ok()
}

/// Whom calls of a kind might be offered, by roster and skill.
fn wants<'a>(question: &Question<'a>, (brand, intent): Kind<'_>) -> impl Fn(&AgentId) -> bool + use<'a> {
    let rules: &Rules = question.in_force.map_or(question.rules, |now| now.rules);
    let brand = rules.brand(brand);
    let roster: HashSet<&AgentId> = brand.into_iter().flat_map(|brand| &brand.roster).collect();
    let intent = brand.and_then(|brand| brand.intents.iter().find(|one| Some(&one.id) == intent));
    let skill = intent.and_then(|intent| intent.skill.as_ref());
    move |agent| {
        let has_skill =
            || skill.is_none_or(|skill| rules.agent(agent).is_some_and(|agent| agent.skills.contains(skill)));
        roster.contains(agent) && has_skill()
    }
}
