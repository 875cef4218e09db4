//! Other rules against calls that were: what would have become of them, and what cannot be known.
//!
//! What a stored call tells is taken as it was: when it came, which keys the caller pressed, how each agent stood when the
//! phones were looked for, and how each phone that rang was met. What it does not tell is not guessed: a call whose fate
//! hangs on it counts as one that cannot be known, with the reason.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::{Behaviour, Outcome as Simulated, Scenario, Simulation, What};
use super::world::simulate;
use crate::call::event::{Ending, Event, LegEnd};
use crate::call::signal::Signal;
use crate::call::state::{Call, NewCall};
use crate::call::{BrandFacts, CallerFacts, CarrierFacts};
use crate::ids::AgentId;
use crate::rules::{Brand, DestinationPolicy, Rules};
use crate::shortlist::facts::{AgentFacts, LiveLeg, LoadedFacts, Presence};
use crate::shortlist::{Listed, NotEligible, Place};

/// What became of a call, or would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An agent took it.
    Answered,
    /// The caller came to the recorder.
    Voicemail,
    /// Words, another number, a refusal, or the caller left: no agent, and no recorder.
    Other,
    /// What is stored does not tell; why.
    Unknown(String),
}

impl Outcome {
    /// The word that stands in JSON and in reports.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Voicemail => "voicemail",
            Self::Other => "other",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One call under both rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Phones that rang.
    pub rung_before: usize,
    /// Phones that would have rung; of an unknown call, as far as it is known.
    pub rung_after: usize,
    /// What became of it.
    pub before: Outcome,
    /// What would have become of it.
    pub after: Outcome,
}

/// One line of a stored call's history.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What had arrived.
    pub signal: &'a Signal,
    /// What followed.
    pub events: &'a [Event],
}

/// What a stored call tells of the world it came into.
#[derive(Debug, Clone)]
pub struct Known {
    /// What the caller pressed, prompt by prompt.
    pub keys: Vec<Option<char>>,
    /// What agents did whose phones rang.
    pub agents: HashMap<AgentId, Behaviour>,
    /// Agents whose phone stopped before they answered: so long they are known not to have.
    pub quiet_for: HashMap<AgentId, TimeDelta>,
    /// How agents stood.
    pub facts: HashMap<AgentId, AgentFacts>,
    /// Agents of whom only a first reason is known, that the rules themselves gave.
    pub half_known: Vec<AgentId>,
    /// How long the caller is known to have waited.
    pub waited: TimeDelta,
    /// Whether the caller left by then without having reached anybody or anything.
    pub gave_up: bool,
}

/// What a stored call tells.
#[must_use]
pub fn known_of<'a>(call: &Call, history: impl IntoIterator<Item = Line<'a>>) -> Known {
    let mut known = Known {
        keys: Vec::new(),
        agents: HashMap::new(),
        quiet_for: HashMap::new(),
        facts: HashMap::new(),
        half_known: Vec::new(),
        waited: TimeDelta::zero(),
        gave_up: call.ending == Some(Ending::Abandoned),
    };
    let mut settled_at = None;
    for line in history {
        if let Signal::MenuAnswered { key, .. } | Signal::ChallengeAnswered { key, .. } = line.signal {
            known.keys.push(*key);
        }
        for event in line.events {
            match event {
                Event::ShortlistTaken { record } => {
                    for listed in &record.agents {
                        known.note(listed, record.at);
                    }
                }
                Event::CallOwned { .. } | Event::RecorderOffered { .. } | Event::MessageSaid | Event::LineTaken => {
                    settled_at = settled_at.or(Some(line.at));
                }
                _ => {}
            }
        }
    }
    let until = settled_at.or(call.caller_left_at).or(call.ended_at).unwrap_or(call.arrived_at);
    known.waited = until - call.arrived_at;
    for leg in &call.legs {
        let Some(rang_at) = leg.rang_at else { continue };
        let after = |at: DateTime<Utc>| (at - rang_at).max(TimeDelta::zero());
        let behaviour = match (leg.end, leg.answered_at) {
            (Some(LegEnd::Accepted), Some(at)) => Some(Behaviour::Accepts(after(at))),
            (Some(LegEnd::Declined), at) => Some(Behaviour::Declines(after(at.unwrap_or(rang_at)))),
            (Some(LegEnd::NoConfirm | LegEnd::VoicemailSuspected), Some(at)) => Some(Behaviour::SaysNothing(after(at))),
            (Some(LegEnd::Busy), _) => Some(Behaviour::Busy),
            _ => None,
        };
        match behaviour {
            Some(behaviour) => {
                known.agents.insert(leg.agent.clone(), behaviour);
            }
            None => {
                // Whoever was cut inside the prompt had picked up.
                let quiet = after(until.min(leg.give_up_at).min(leg.answered_at.unwrap_or(until)));
                let longest = known.quiet_for.entry(leg.agent.clone()).or_insert(quiet);
                *longest = quiet.max(*longest);
            }
        }
    }
    known
}

impl Known {
    /// How an agent stood when first looked at.
    fn note(&mut self, listed: &Listed, at: DateTime<Utc>) {
        if self.facts.contains_key(&listed.agent) {
            return;
        }
        let mut facts = AgentFacts::unknown(listed.agent.clone());
        facts.last_offered_at = listed.last_offered_at;
        facts.passed_over = listed.passed_over;
        facts.open_conversations = listed.open_conversations;
        facts.open_conversations_at = listed.open_conversations_age_ms.map(|age| at - TimeDelta::milliseconds(age));
        facts.presence_at = listed.presence_age_ms.map(|age| at - TimeDelta::milliseconds(age));
        if facts.presence_at.is_some() {
            facts.presence = listed.presence.unwrap_or(Presence::Online);
        }
        let held = |talking| listed.held_by.map(|call| LiveLeg { call, since: at, talking });
        if let Place::No { reason } = listed.place {
            match reason {
                NotEligible::Unavailable => facts.switched_off_until = listed.until,
                NotEligible::OnCall => facts.live_leg = held(true),
                NotEligible::RingingOtherCall => facts.live_leg = held(false),
                NotEligible::Cooldown => facts.rests_until = listed.until,
                NotEligible::Paused => facts.paused_until = listed.until,
                NotEligible::NotOnRoster
                | NotEligible::NoPhone
                | NotEligible::PhoneUnverified
                | NotEligible::MissingSkill
                | NotEligible::OffShift => self.half_known.push(listed.agent.clone()),
            }
        }
        self.facts.insert(listed.agent.clone(), facts);
    }

    fn load(&self, brand: &Brand) -> LoadedFacts {
        let of = |agent: &AgentId| self.facts.get(agent).cloned().unwrap_or_else(|| AgentFacts::unknown(agent.clone()));
        LoadedFacts { agents: brand.roster.iter().map(of).collect(), ..LoadedFacts::none() }
    }
}

/// Plays a stored call by other rules. `recent_calls`: how many came from this number to the brand within the window of
/// these rules; none if the brand is not in them.
#[must_use]
pub fn replay(
    call: &Call,
    known: &Known,
    rules: &Rules,
    was: &Rules,
    destinations: &DestinationPolicy,
    carrier: CarrierFacts,
    recent_calls: u32,
) -> Option<Replayed> {
    let brand = rules.brand(&call.brand)?;
    let scenario = Scenario {
        rules,
        destinations,
        call: NewCall {
            id: call.id,
            brand: call.brand.clone(),
            number: call.number.clone(),
            caller: call.caller.clone(),
            caller_name: call.caller_name.clone(),
            caller_ref: call.caller_ref.clone(),
            rules_version: rules.version,
            at: call.arrived_at,
        },
        caller: CallerFacts {
            is_blocked: call.ending == Some(Ending::Blocked),
            recent_calls,
            ..CallerFacts::default()
        },
        carrier,
        brand: BrandFacts { overridden_until: call.overridden_until, ..BrandFacts::default() },
        loaded: known.load(brand),
        others: &HashMap::new(),
        keys: &known.keys,
        agents: &known.agents,
        leaves_after: known.gave_up.then_some(known.waited),
    };
    let simulation = simulate(&scenario);
    let rung = simulation.steps.iter().filter(|step| matches!(step.what, What::Rings(_))).count();
    Some(Replayed {
        rung_before: call.legs.iter().filter(|leg| leg.rang_at.is_some()).count(),
        rung_after: rung,
        before: outcome_of(call),
        after: judge(call, known, brand, was.brand(&call.brand), &simulation),
    })
}

/// What became of a call that is over.
#[must_use]
pub fn outcome_of(call: &Call) -> Outcome {
    match call.ending {
        Some(Ending::Answered) => Outcome::Answered,
        Some(Ending::Voicemail) => Outcome::Voicemail,
        // Led to the recorder, and hung up without a word.
        Some(Ending::Missed) if call.voicemail.offers > 0 => Outcome::Voicemail,
        Some(
            Ending::Missed
            | Ending::Abandoned
            | Ending::AfterHoursMessage
            | Ending::Redirected
            | Ending::Blocked
            | Ending::Failed
            | Ending::Supervisor,
        ) => Outcome::Other,
        None => Outcome::Unknown("the call is not over".to_owned()),
    }
}

fn judge(call: &Call, known: &Known, brand: &Brand, was: Option<&Brand>, simulation: &Simulation) -> Outcome {
    if call.ending.is_none() {
        return Outcome::Unknown("the call is not over".to_owned());
    }
    if matches!(call.ending, Some(Ending::Supervisor | Ending::Redirected)) {
        return Outcome::Unknown("a supervisor or an outside line took it, whose part is not played".to_owned());
    }
    let asks_anew = brand.menu.is_some() && was.is_none_or(|was| was.menu != brand.menu);
    if asks_anew && call.closure.is_none() {
        return Outcome::Unknown("the menu is another: what the caller would have pressed is not known".to_owned());
    }
    let after = simulation.steps.last().map_or(TimeDelta::zero(), |step| step.after);
    if matches!(simulation.outcome, Simulated::Answered(_)) {
        if after <= known.waited || call.ending == Some(Ending::Answered) && after <= known.waited + TALK_BEGINS {
            return Outcome::Answered;
        }
        return Outcome::Unknown(
            "an agent would have answered later than the caller is known to have waited".to_owned(),
        );
    }
    if let Some(agent) = find_unknown(known, simulation) {
        return Outcome::Unknown(format!("`{agent}` would have been rung, and what they would have done is not known"));
    }
    match simulation.outcome {
        Simulated::Recorder => Outcome::Voicemail,
        Simulated::Open => Outcome::Unknown("the call did not come to an end when it was played".to_owned()),
        Simulated::Answered(_) | Simulated::Ended(_) => Outcome::Other,
    }
}

/// Played and real presses differ by the length of a prompt.
const TALK_BEGINS: TimeDelta = TimeDelta::seconds(10);

/// The first agent whose phone would have rung though it is not known what they would have done, or for longer than is
/// known.
fn find_unknown<'s>(known: &Known, simulation: &'s Simulation) -> Option<&'s AgentId> {
    let end = simulation.steps.last().map_or(TimeDelta::zero(), |step| step.after);
    simulation.steps.iter().enumerate().find_map(|(place, step)| {
        let What::Rings(agent) = &step.what else { return None };
        let stopped = simulation
            .steps
            .iter()
            .skip(place)
            .find(|later| matches!(&later.what, What::Stops(who, _) if who == agent));
        let rang_for = stopped.map_or(end, |stopped| stopped.after) - step.after;
        let is_known = match known.quiet_for.get(agent) {
            _ if known.half_known.contains(agent) => false,
            // A second is what the carrier's reports differ by.
            Some(quiet) => rang_for <= *quiet + TimeDelta::seconds(1),
            None => known.agents.contains_key(agent),
        };
        (!is_known).then_some(agent)
    })
}
