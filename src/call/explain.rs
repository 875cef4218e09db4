//! Why did, or didn't, a phone ring for this call? One sentence for every agent, from what was stored at the time.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::event::{Ending, Event, FallbackReason, LegEnd};
use super::leg::Leg;
use super::state::Call;
use super::supervisor::CodeEnd;
use crate::ids::AgentId;
use crate::rules::{ClosureKind, Rules, zone};
use crate::shortlist::{Place, ShortlistRecord};

/// What can be said of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What became of the caller, one sentence each, in order.
    pub call: Vec<String>,
    /// One sentence for each agent: the roster of the rules it arrived under, then whoever else was considered.
    pub agents: Vec<(AgentId, String)>,
}

/// Explains a call from its events, oldest first, under the rules it arrived with. Instants are told in the brand's zone.
///
/// Source: DESIGN.md section 3, "Decision record".
#[must_use]
pub fn explain<'e>(call: &Call, rules: &Rules, events: impl IntoIterator<Item = &'e Event>) -> Explanation {
    let brand = rules.find_brand(&call.brand);
    let zone = brand.map_or(Tz::UTC, |brand| brand.time_zone);
    let mut said = Vec::new();
    let mut records: Vec<&ShortlistRecord> = Vec::new();
    for event in events {
        match event {
            Event::ShortlistTaken { record } => records.push(record),
            other => said.extend(say(other, rules, zone)),
        }
    }
    let mut agents: Vec<AgentId> = brand.map_or_else(Vec::new, |brand| brand.roster.clone());
    let listed = records.iter().flat_map(|record| record.agents.iter().map(|listed| &listed.agent));
    for agent in listed.chain(call.legs.iter().map(|leg| &leg.agent)) {
        if !agents.contains(agent) {
            agents.push(agent.clone());
        }
    }
    let agents = agents
        .into_iter()
        .map(|agent| {
            let sentence = explain_agent(call, rules, &records, &agent, zone);
            (agent, sentence)
        })
        .collect();
    Explanation { call: said, agents }
}

fn explain_agent(call: &Call, rules: &Rules, records: &[&ShortlistRecord], agent: &AgentId, zone: Tz) -> String {
    let name = rules.find_agent(agent).map_or_else(|| agent.to_string(), |agent| agent.name.clone());
    let mut own = call.legs.iter().rev().filter(|leg| leg.agent == *agent);
    let leg = own.clone().find(|leg| !leg.called_in);
    let came_in = own.find(|leg| leg.called_in).map(|leg| tell_call_in(leg, &name));
    // The record that offered the leg; of those who never rang, the last that tells of them.
    let record = match leg {
        Some(leg) => records.iter().rev().find(|record| record.at <= leg.offered_at && rings(record, agent)),
        None => records.iter().rev().find(|record| record.find(agent).is_some()),
    };
    let said = match record.or_else(|| records.last()) {
        Some(record) => record.explain(agent, &name, zone),
        None => format!("{name} was not rung: no phone was looked for, since the call did not come that far."),
    };
    super::words::join([Some(said), leg.map(tell_leg), came_in])
}

/// Of a leg that no record has, since nobody offered it.
fn tell_call_in(leg: &Leg, name: &str) -> String {
    format!("{name} called in while the caller waited; {}.", tell_end(leg))
}

/// Whether the record has the agent among those who ring.
fn rings(record: &ShortlistRecord, agent: &AgentId) -> bool {
    record.find(agent).is_some_and(|listed| matches!(listed.place, Place::Rings { .. }))
}

fn tell_leg(leg: &Leg) -> String {
    let after = |at: DateTime<Utc>| (at - leg.offered_at).num_milliseconds().max(0) / 1_000;
    let rang = match (leg.rang_at, leg.answered_at) {
        (_, Some(at)) => format!("It was picked up after {} s", after(at)),
        (Some(_), None) => "It rang".to_owned(),
        (None, None) => "It did not come to ring".to_owned(),
    };
    format!("{rang}; {}.", tell_end(leg))
}

fn tell_end(leg: &Leg) -> &'static str {
    match leg.end {
        None => "is not decided yet",
        Some(LegEnd::Accepted) => "they pressed 1 and took the call",
        Some(LegEnd::Declined) => "they declined",
        Some(LegEnd::NoConfirm) => "nobody pressed 1",
        Some(LegEnd::VoicemailSuspected) => "probably a voicemail answered",
        Some(LegEnd::NoAnswer) => "nobody answered",
        Some(LegEnd::Busy) => "it was busy",
        Some(LegEnd::Failed) if leg.not_carried => "the carrier's account carried no more calls at once",
        Some(LegEnd::Failed) => "it could not be connected or was called off",
        Some(LegEnd::LostRace) => "another agent was first",
        Some(LegEnd::CallerLeft) => "the caller left or was taken elsewhere",
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not worth a sentence stays in the history")]
fn say(event: &Event, rules: &Rules, zone: Tz) -> Option<String> {
    let name_of =
        |agent: &AgentId| rules.find_agent(agent).map_or_else(|| agent.to_string(), |agent| agent.name.clone());
    Some(match event {
        Event::CallRefused => "The call was refused: the contact is blocked.".to_owned(),
        Event::FoundOverridden { until } => {
            format!("The brand was overridden until {}.", tell_at(*until, zone))
        }
        Event::FoundClosed { kind } => format!("The brand was closed: {}.", tell_closure(*kind)),
        Event::FloodRefused { calls, limit, window_s, .. } => format!(
            "It rang nobody: {calls} calls of its kind came within the {window_s} s before it, and {limit} may ring agents."
        ),
        Event::FloodChallenged { .. } => "A flood was declared, and the caller had to press a key first.".to_owned(),
        Event::ChallengePassed => "The caller pressed the key.".to_owned(),
        Event::IntentChosen { intent, .. } => format!("The caller called about `{intent}`."),
        Event::NoticeEnded => "The caller heard the recording notice to its end.".to_owned(),
        Event::LineTaken => "Somebody at the line outside the roster took the call.".to_owned(),
        Event::LineOver => "Nobody at the line outside the roster took the call.".to_owned(),
        Event::FallbackBegan { why, .. } => format!("The caller took the fallback path: {}.", tell_fallback(*why)),
        Event::CallOwned { agent, .. } => format!("{} met the caller and owns the call.", name_of(agent)),
        Event::AgentPaused { agent, misses, .. } => {
            format!("{} was paused after {misses} misses in a row.", name_of(agent))
        }
        Event::TextTold { sent: true, .. } => "A text was sent to the caller.".to_owned(),
        Event::TextTold { sent: false, why } => {
            format!("No text was sent to the caller: {}.", why.as_deref().unwrap_or("the carrier said no"))
        }
        Event::CodeEnded { how: CodeEnd::Wrong, .. } => "A wrong supervisor's code was keyed in.".to_owned(),
        Event::CodeEnded { how: CodeEnd::Refused, .. } => {
            "A supervisor's code was keyed in and not looked at, since too many were tried.".to_owned()
        }
        Event::SupervisorKnown { supervisor } => {
            let known = rules.supervisors.iter().find(|known| known.id == *supervisor);
            let name = known.map_or_else(|| supervisor.to_string(), |known| known.name.clone());
            format!("{name} keyed in their supervisor's code.")
        }
        Event::OverrideChosen { until: Some(until) } => {
            format!("They sent the brand's calls to the operator line until {}.", tell_at(*until, zone))
        }
        Event::OverrideChosen { until: None } => "They ended the override.".to_owned(),
        Event::CallEnded { ending } => tell_ending(*ending).to_owned(),
        _ => return None,
    })
}

/// An instant on the brand's clocks, as a person says it: `08:25 on Sunday, 29 November, New York time`.
#[must_use]
pub fn tell_at(at: DateTime<Utc>, time_zone: Tz) -> String {
    let Some(wall) = zone::wall(time_zone, at) else { return at.format("%H:%M UTC on %A, %-d %B").to_string() };
    let place = time_zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ");
    format!("{}, {place} time", wall.format("%H:%M on %A, %-d %B"))
}

fn tell_ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Answered => "The call was answered.",
        Ending::Voicemail => "The caller left a message.",
        Ending::Missed => "Nobody took the call, and the caller left no message.",
        Ending::Abandoned => "The caller hung up before anybody took the call.",
        Ending::AfterHoursMessage => "The caller heard the words for a closed day, and the call was over.",
        Ending::Redirected => "The call ended at the line outside the roster.",
        Ending::Blocked => "Nobody took it.",
        Ending::Failed => "A fault ended the call.",
        Ending::Supervisor => "It was a supervisor's own call, and rang nobody.",
    }
}

fn tell_closure(kind: ClosureKind) -> &'static str {
    match kind {
        ClosureKind::OutsideHours => "outside its hours",
        ClosureKind::Holiday => "a holiday",
        ClosureKind::SpecialDay => "a date with hours of its own",
        ClosureKind::ClosedUntil => "closed until an instant",
    }
}

fn tell_fallback(why: FallbackReason) -> &'static str {
    match why {
        FallbackReason::Closed => "the brand was closed",
        FallbackReason::NobodyEligible => "nobody could be rung, for reasons that last",
        FallbackReason::Deadline => "the time to answer was over",
        FallbackReason::NobodyLeft => "everybody had declined or not answered",
        FallbackReason::CallerChose => "the caller pressed the key for it",
        FallbackReason::Flood => "there were too many calls from this caller",
        FallbackReason::Caps => "the account carried no more legs",
        FallbackReason::Outage => "the call could not be decided on in time",
    }
}
