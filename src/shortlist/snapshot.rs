//! What a shortlist of a large roster was taken from, so that it can be taken again in full.
//!
//! One line an agent, in the order of the [`members`](super::members), written as [postcard](https://postcard.jamesmunns.com/wire-format)
//! (about 40 bytes a line), and after the lines the places of those whose phone was left to another call. Rules are not in
//! it: they are kept by version.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::facts::{AgentFacts, LiveLeg, Presence};
use super::line_up::{take_full_shortlist, take_full_shortlist_again};
use super::members::{Roster, members};
use super::record::ShortlistRecord;
use super::{Earlier, InForce, Question};
use crate::ids::{AgentId, CallId};
use crate::rules::{Agent, Brand, DestinationPolicy, Rules};

/// Why a shortlist cannot be taken again.
#[derive(Debug, thiserror::Error)]
pub enum NotTakenAgain {
    /// The bytes are no snapshot.
    #[error("the kept facts cannot be read")]
    Unreadable(#[from] postcard::Error),
    /// The rules have another roster than the facts.
    #[error("there are facts about {kept} agents, and the rules name {named}")]
    OtherRoster {
        /// Lines kept.
        kept: usize,
        /// Members by the rules.
        named: usize,
    },
}

/// One agent.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    known: Option<Known>,
    may_be_dialled: bool,
    earlier: Past,
}

/// What was known of an agent. Instants are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    presence: Presence,
    presence_at: Option<i64>,
    switched_off_until: Option<i64>,
    live_leg: Option<([u8; 16], i64, bool)>,
    rests_until: Option<i64>,
    paused_until: Option<i64>,
    last_offered_at: Option<i64>,
    passed_over: u32,
    phone_unreachable: bool,
    open_conversations: u32,
    open_conversations_at: Option<i64>,
}

/// What the agent had had to do with the call.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Past {
    Nothing,
    Offered,
    StillHeld,
}

/// Keeps what a shortlist is taken from; none for a roster of which the record lists everybody.
#[must_use]
pub fn keep(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) -> Option<Arc<[u8]>> {
    let roster = Roster::of(question);
    if roster.ids.len() <= super::LISTED_MAX {
        return None;
    }
    let lines = roster.ids.iter().enumerate().map(|(place, id)| {
        let candidate = roster.candidate(place, id).0;
        Line {
            known: candidate.facts.map(|facts| Known::of(facts, candidate.now)),
            may_be_dialled: candidate.may_be_dialled,
            earlier: match earlier(id) {
                Earlier::Nothing => Past::Nothing,
                Earlier::Offered | Earlier::Rings => Past::Offered,
                Earlier::StillHeld => Past::StillHeld,
            },
        }
    });
    let lines: Vec<Line> = lines.collect();
    let mut kept = postcard::to_allocvec(&lines).ok()?;
    kept.extend(postcard::to_allocvec(&left_to_others(question, &roster.ids, earlier)).ok()?);
    Some(Arc::from(kept))
}

/// The places of those whose phone was left to another call.
fn left_to_others(question: &Question<'_>, ids: &[AgentId], earlier: impl Fn(&AgentId) -> Earlier) -> Vec<u32> {
    if question.waiting.is_empty() {
        return Vec::new();
    }
    let full = take_full_shortlist(question, earlier).record;
    let left: HashSet<&AgentId> =
        full.agents.iter().filter(|listed| listed.is_left).map(|listed| &listed.agent).collect();
    (0..).zip(ids).filter(|(_, id)| left.contains(id)).map(|(place, _)| place).collect()
}

/// The record with everybody listed. `rules` are the call's, `in_force` those that roster and phones were read from.
///
/// # Errors
/// The bytes are no snapshot, or one of another roster.
pub fn take_again(
    record: &ShortlistRecord,
    kept: &[u8],
    rules: &Rules,
    brand: &Brand,
    in_force: Option<InForce<'_>>,
) -> Result<ShortlistRecord, NotTakenAgain> {
    let (lines, rest): (Vec<Line>, &[u8]) = postcard::take_from_bytes(kept)?;
    // Until phones were left one by one, the record's width said it all, and nothing stood here.
    let left: Vec<u32> = if rest.is_empty() { Vec::new() } else { postcard::from_bytes(rest)? };
    let ids = members(brand, in_force);
    if lines.len() != ids.len() {
        return Err(NotTakenAgain::OtherRoster { kept: lines.len(), named: ids.len() });
    }
    let now = in_force.map_or(rules, |now| now.rules);
    let known = |(id, line): (&AgentId, &Line)| line.known.as_ref().map(|known| known.facts(id, now.agent(id)));
    let facts: Vec<AgentFacts> = ids.iter().zip(&lines).filter_map(known).collect();
    let refused = ids.iter().zip(&lines).filter(|(_, line)| !line.may_be_dialled);
    let refused = refused.filter_map(|(id, _)| now.agent(id)).map(|agent| agent.phone.clone()).collect();
    let earlier: HashMap<&AgentId, Past> = ids.iter().zip(&lines).map(|(id, line)| (id, line.earlier)).collect();
    let question = Question {
        rules,
        rules_version: record.rules_version,
        in_force,
        destinations: &DestinationPolicy::of_the_past(refused),
        brand,
        intent: record.intent.as_ref().and_then(|id| brand.intents.iter().find(|intent| intent.id == *id)),
        facts: &facts,
        arrived_at: record.arrived_at,
        at: record.at,
        width: record.width.unwrap_or(u32::MAX),
        ringing: record.ringing,
        call: None,
        waiting: &[],
    };
    let left: HashSet<&AgentId> = left.iter().filter_map(|place| ids.get(usize::try_from(*place).ok()?)).collect();
    let earlier = |agent: &AgentId| match earlier.get(agent) {
        Some(Past::Offered) => Earlier::Offered,
        Some(Past::StillHeld) => Earlier::StillHeld,
        Some(Past::Nothing) | None => Earlier::Nothing,
    };
    let full = take_full_shortlist_again(&question, earlier, |agent| left.contains(agent));
    Ok(ShortlistRecord { left_to_others: record.left_to_others, ..full.record })
}

impl Known {
    fn of(facts: &AgentFacts, agent: Option<&Agent>) -> Self {
        let micros = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_micros());
        let live_leg = |leg: LiveLeg| (*leg.call.0.as_bytes(), leg.since.timestamp_micros(), leg.talking);
        Self {
            presence: facts.presence,
            presence_at: micros(facts.presence_at),
            switched_off_until: micros(facts.switched_off_until),
            live_leg: facts.live_leg.map(live_leg),
            rests_until: micros(facts.rests_until),
            paused_until: micros(facts.paused_until),
            last_offered_at: micros(facts.last_offered_at),
            passed_over: facts.passed_over,
            phone_unreachable: agent.is_some_and(|agent| facts.refused_phone.as_ref() == Some(&agent.phone)),
            open_conversations: facts.open_conversations,
            open_conversations_at: micros(facts.open_conversations_at),
        }
    }

    fn facts(&self, id: &AgentId, agent: Option<&Agent>) -> AgentFacts {
        let instant = |at: Option<i64>| at.and_then(DateTime::from_timestamp_micros);
        AgentFacts {
            presence: self.presence,
            presence_at: instant(self.presence_at),
            switched_off_until: instant(self.switched_off_until),
            live_leg: self.live_leg.map(|(call, since, talking)| LiveLeg {
                call: CallId(uuid::Uuid::from_bytes(call)),
                since: DateTime::from_timestamp_micros(since).unwrap_or_default(),
                talking,
            }),
            rests_until: instant(self.rests_until),
            paused_until: instant(self.paused_until),
            last_offered_at: instant(self.last_offered_at),
            passed_over: self.passed_over,
            refused_phone: agent.filter(|_| self.phone_unreachable).map(|agent| agent.phone.clone()),
            open_conversations: self.open_conversations,
            open_conversations_at: instant(self.open_conversations_at),
            ..AgentFacts::unknown(id.clone())
        }
    }
}
