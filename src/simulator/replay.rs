//! Other rules against calls that were: what would have become of them, and what cannot be known.
//!
//! What a stored call tells is taken as it was: when it came, which keys the caller pressed, how each agent stood when the
//! phones were looked for, and how each phone that rang was met. What it does not tell is not guessed: a call whose fate
//! hangs on it counts as one that cannot be known, with the reason.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::{Behaviour, Outcome as Simulated, Presses, Scenario, Simulation, What};
use super::world::simulate;
use crate::call::event::{Ending, Event, FallbackReason, LegEnd};
use crate::call::floods::FloodLimit;
use crate::call::leg::Leg;
use crate::call::signal::Signal;
use crate::call::state::{Call, NewCall};
use crate::call::{BrandFacts, CallerFacts, CarrierFacts};
use crate::ids::AgentId;
use crate::phone_number::Caller;
use crate::rules::{self, Brand, DestinationPolicy, Rules};
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

impl Replayed {
    /// Whether it is known what would have become of it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!((&self.before, &self.after), (Outcome::Unknown(_), _) | (_, Outcome::Unknown(_)))
    }

    /// Whether the draft is known to change something about it, or it cannot be known.
    #[must_use]
    pub fn is_worth_telling(&self) -> bool {
        !self.is_known() || self.before != self.after || self.rung_before != self.rung_after
    }
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
    /// What the caller pressed, menu by menu.
    pub keys: Vec<Option<char>>,
    /// What the caller pressed, challenge by challenge.
    pub challenges: Vec<Option<char>>,
    /// The caller asked for the recorder, so long after the arrival.
    pub recorder: Option<TimeDelta>,
    /// The caller was refused when they arrived: by which limit, and the calls that were counted.
    pub refused: Option<(FloodLimit, u32)>,
    /// A flood was declared, until then, and the caller a stranger in it.
    pub flood_until: Option<DateTime<Utc>>,
    /// Something decided it that is not played: what.
    pub beyond: Option<&'static str>,
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
        challenges: Vec::new(),
        recorder: None,
        refused: None,
        flood_until: None,
        beyond: what_is_beyond(call),
        agents: HashMap::new(),
        quiet_for: HashMap::new(),
        facts: HashMap::new(),
        half_known: Vec::new(),
        waited: TimeDelta::zero(),
        gave_up: false,
    };
    let mut settled_at = None;
    for line in history {
        match line.signal {
            Signal::MenuAnswered { key, .. } => known.keys.push(*key),
            Signal::ChallengeAnswered { key, .. } => known.challenges.push(*key),
            _ => {}
        }
        for event in line.events {
            known.note_event(event, line.at - call.arrived_at, call);
            let settles = matches!(
                event,
                Event::CallOwned { .. } | Event::RecorderOffered | Event::MessageSaid | Event::LineTaken
            );
            settled_at = settled_at.or(settles.then_some(line.at));
        }
    }
    let until = settled_at.or(call.caller_left_at).or(call.ended_at).unwrap_or(call.arrived_at);
    known.waited = until - call.arrived_at;
    // Also whoever hung up before the recorder was reached, on the way there or while an outside line rang.
    known.gave_up = call.ending == Some(Ending::Abandoned)
        || (call.ending == Some(Ending::Missed) && settled_at.is_none() && call.caller_left_at.is_some());
    for leg in &call.legs {
        known.note_leg(leg, until);
    }
    known
}

/// What decided a call that the simulator does not play.
fn what_is_beyond(call: &Call) -> Option<&'static str> {
    match (call.ending, call.fallback) {
        (None, _) => Some("the call is not over"),
        (Some(Ending::Supervisor | Ending::Redirected), _) => {
            Some("a supervisor or an outside line took it, whose part is not played")
        }
        (Some(Ending::Failed), _) | (_, Some(FallbackReason::Outage)) => Some("a fault decided it"),
        (_, Some(FallbackReason::Caps)) => Some("the account carried no more legs at that moment"),
        _ => None,
    }
}

impl Known {
    /// What an event tells, so long after the arrival.
    fn note_event(&mut self, event: &Event, after: TimeDelta, call: &Call) {
        match event {
            Event::ShortlistTaken { record } => {
                for listed in &record.agents {
                    self.note(listed, record.at);
                }
            }
            Event::FloodRefused { by, calls, .. } if *by != FloodLimit::Challenge => {
                self.refused = Some((*by, *calls));
                if *by == FloodLimit::CallerDeclared {
                    self.flood_until = Some(call.arrived_at + FLOOD_LASTS);
                }
            }
            Event::FloodChallenged { declared_until } => self.flood_until = Some(*declared_until),
            Event::FallbackBegan { why: FallbackReason::CallerChose, .. } => self.recorder = Some(after),
            Event::CodeAsked { .. } => {
                self.beyond = Some("a supervisor's code was asked for, which is not played");
            }
            _ => {}
        }
    }

    /// How a phone that rang was met; one that stopped before anybody did was quiet for so long.
    fn note_leg(&mut self, leg: &Leg, until: DateTime<Utc>) {
        let Some(rang_at) = leg.rang_at else { return };
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
                self.agents.insert(leg.agent.clone(), behaviour);
            }
            None => {
                let quiet = after(until.min(leg.give_up_at));
                let longest = self.quiet_for.entry(leg.agent.clone()).or_insert(quiet);
                *longest = quiet.max(*longest);
            }
        }
    }

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

    /// How the caller and the brand stood when the call arrived. `recent`: calls of this caller, or for one without a number
    /// of all such callers, to the brand within the window before it; `was_limit` what the rules allowed then, if their
    /// window was the same.
    fn stand(&self, call: &Call, recent: u32, was_limit: Option<u32>) -> (CallerFacts, BrandFacts) {
        let has_number = matches!(call.caller, Caller::Known(_));
        // The store counted better than a list does, if the window is the same.
        let counted = was_limit.and(self.refused).map(|(_, calls)| calls).unwrap_or(recent);
        // Past the limit and not refused: somebody at the number talked with an agent.
        let talks = has_number && self.refused.is_none() && was_limit.is_some_and(|limit| counted >= limit);
        let caller = CallerFacts {
            is_blocked: call.ending == Some(Ending::Blocked),
            is_contact: self.flood_until.is_none(),
            recent_calls: if has_number { counted } else { 0 },
            talks,
        };
        let brand = BrandFacts {
            overridden_until: call.overridden_until,
            flood_until: self.flood_until,
            withheld_recent: if has_number { 0 } else { counted },
        };
        (caller, brand)
    }

    fn load(&self, brand: &Brand) -> LoadedFacts {
        let of = |agent: &AgentId| self.facts.get(agent).cloned().unwrap_or_else(|| AgentFacts::unknown(agent.clone()));
        LoadedFacts { agents: brand.roster.iter().map(of).collect(), ..LoadedFacts::none() }
    }
}

/// Plays a stored call by other rules; none if the brand is not in them.
///
/// `recent_calls`: how many came from this number, or
/// for a withheld one from all such, to the brand within the window of these rules before it; none if that is not known.
#[must_use]
pub fn replay(
    call: &Call,
    known: &Known,
    rules: &Rules,
    was: &Rules,
    destinations: &DestinationPolicy,
    carrier: CarrierFacts,
    recent_calls: Option<u32>,
) -> Option<Replayed> {
    let brand = rules.brand(&call.brand)?;
    let is_same_window = rules.floods.window == was.floods.window;
    let was_limit = match call.caller {
        Caller::Known(_) => was.floods.calls_per_caller,
        Caller::Withheld | Caller::Other(_) => was.floods.calls_withheld,
    };
    let (caller, in_force) = known.stand(call, recent_calls.unwrap_or(0), is_same_window.then_some(was_limit));
    // Of `auto` it is not known what the carrier could do then, except by what was done.
    let method = match call.method {
        _ if call.legs.is_empty() => carrier.method,
        crate::call::event::RingMethod::Legs => rules::RingMethod::Legs,
        crate::call::event::RingMethod::Dial => rules::RingMethod::Dial,
    };
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
        caller,
        carrier: CarrierFacts { method, ..carrier },
        brand: in_force,
        loaded: known.load(brand),
        others: &HashMap::new(),
        keys: &known.keys,
        presses: Presses::AsKnown { challenges: &known.challenges, recorder: known.recorder },
        agents: &known.agents,
        leaves_after: known.gave_up.then_some(known.waited),
    };
    let simulation = simulate(&scenario);
    let rung = simulation.steps.iter().filter(|step| matches!(step.what, What::Rings(_))).count();
    Some(Replayed {
        rung_before: call.legs.iter().filter(|leg| leg.rang_at.is_some()).count(),
        rung_after: rung,
        before: outcome_of(call),
        after: match recent_calls {
            None => Outcome::Unknown("how many calls came before it is not known".to_owned()),
            Some(_) => judge(call, known, brand, was.brand(&call.brand), &simulation),
        },
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
    if let Some(beyond) = known.beyond {
        return Outcome::Unknown(beyond.to_owned());
    }
    let is_another = was.is_none_or(|was| was.menu != brand.menu);
    if simulation.menus > 0 && is_another {
        return Outcome::Unknown("the menu is another: what the caller would have pressed is not known".to_owned());
    }
    if simulation.menus > known.keys.len() {
        return Outcome::Unknown(
            "the caller would have come to the menu, and what they would have pressed is not known".to_owned(),
        );
    }
    if simulation.challenges > known.challenges.len() {
        return Outcome::Unknown(
            "the caller would have been asked for a key, and whether they would have pressed it is not known"
                .to_owned(),
        );
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

/// Of a declared flood it is known that it was on when the call arrived, and it is judged then alone.
const FLOOD_LASTS: TimeDelta = TimeDelta::minutes(1);

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
