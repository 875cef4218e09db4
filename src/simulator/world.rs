//! The world around one call: an agenda, and what follows from each entry.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::{Outcome, Scenario, Simulation, Step, What};
use crate::call::effect::Effect;
use crate::call::event::{Event, LegEnd};
use crate::call::explain::explain;
use crate::call::reply::Reply;
use crate::call::signal::{CallerDoor, LegOutcome, Signal};
use crate::call::state::{Call, CallerAt, Stage};
use crate::call::{Decision, Facts, Needed, decide};
use crate::ids::{AgentId, CarrierRef};
use crate::rules::Brand;
use crate::shortlist::facts::{AgentFacts, LiveLeg, LoadedFacts};
use crate::shortlist::{AVAILABLE_MIN, find_staying_at, others_of};

/// No call is open for longer: every caller is somewhere within 120 s. Source: DESIGN.md section 11, invariant 4.
const LASTS_MAX: TimeDelta = TimeDelta::minutes(5);

/// A deadline that has passed and was looked at in vain is looked at again so often, as the live worker does.
const LOOK_EVERY: TimeDelta = TimeDelta::milliseconds(500);

/// What is to happen.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// The caller's document has come to its end; void if the caller was led elsewhere meanwhile.
    CallerGoesOn { place: u32, signal: Signal },
    /// Something is told that nobody waits for an answer to.
    Told(Signal),
    /// A deadline of the call.
    Due,
    /// The carrier takes a leg.
    Placed(u32),
    /// A phone rings.
    Rings(u32),
    /// Somebody picks up.
    PicksUp(u32),
    /// Whoever picked up presses a key, or nothing.
    Presses(u32, Option<char>),
    /// The leg ends by itself.
    RingsOut(u32),
    /// The carrier fetches the caller out of the queue.
    Fetches,
    /// The caller hangs up.
    Leaves,
}

/// One call and the world around it.
pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario<'a>,
    pub(super) now: DateTime<Utc>,
    pub(super) call: Call,
    pub(super) loaded: LoadedFacts,
    places: HashMap<AgentId, usize>,
    agenda: BTreeMap<(DateTime<Utc>, u8, u64), Happening>,
    entries: u64,
    due_at: Option<DateTime<Utc>>,
    pub(super) steps: Vec<Step>,
    events: Vec<Event>,
    /// Counts the places the caller was led to.
    pub(super) place: u32,
    pub(super) keys_pressed: usize,
    pub(super) challenges: usize,
    menus: usize,
    pub(super) has_asked_for_recorder: bool,
    /// When the account's pace takes the next leg.
    pub(super) pace_free_at: DateTime<Utc>,
    pub(super) is_over: bool,
}

/// Plays one call to its end.
#[must_use]
pub fn simulate(scenario: &Scenario<'_>) -> Simulation {
    let call = Call::new(scenario.call.clone());
    let now = call.arrived_at;
    let places = scenario.loaded.agents.iter().enumerate().map(|(place, facts)| (facts.agent.clone(), place)).collect();
    let mut world = World {
        scenario,
        now,
        call,
        loaded: scenario.loaded.clone(),
        places,
        agenda: BTreeMap::new(),
        entries: 0,
        due_at: None,
        steps: Vec::new(),
        events: Vec::new(),
        place: 0,
        keys_pressed: 0,
        challenges: 0,
        menus: 0,
        has_asked_for_recorder: false,
        pace_free_at: now,
        is_over: false,
    };
    if let Some(span) = scenario.leaves_after {
        world.plan(now + span, Happening::Leaves);
    }
    let reply = world.tell(&Signal::Arrived);
    world.lead_caller(&reply);
    while let Some(((at, ..), happening)) = world.agenda.pop_first() {
        if world.is_over || at > world.call.arrived_at + LASTS_MAX {
            break;
        }
        world.now = at;
        world.happen(happening);
    }
    world.finish()
}

impl World<'_> {
    /// At one instant deadlines come first, then what the carrier tells, then what the caller does.
    pub(super) fn plan(&mut self, at: DateTime<Utc>, happening: Happening) {
        let rank = match happening {
            Happening::Due => 0,
            Happening::Told(_)
            | Happening::Placed(_)
            | Happening::Rings(_)
            | Happening::PicksUp(_)
            | Happening::Presses(..)
            | Happening::RingsOut(_)
            | Happening::Fetches => 1,
            Happening::CallerGoesOn { .. } | Happening::Leaves => 2,
        };
        self.entries += 1;
        self.agenda.insert((at.max(self.now), rank, self.entries), happening);
    }

    pub(super) fn step(&mut self, what: What) {
        self.steps.push(Step { after: self.now - self.call.arrived_at, what });
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::CallerGoesOn { place, signal } => {
                if place == self.place && self.call.caller_left_at.is_none() {
                    match signal {
                        Signal::MenuAnswered { .. } => self.menus += 1,
                        Signal::ChallengeAnswered { .. } => self.challenges += 1,
                        _ => {}
                    }
                    let reply = self.tell(&signal);
                    self.lead_caller(&reply);
                }
            }
            Happening::Told(signal) => {
                self.tell(&signal);
            }
            Happening::Due => self.look(),
            Happening::Placed(leg) => {
                self.tell(&Signal::LegPlaced { leg, carrier_ref: CarrierRef::new(&format!("leg-{leg}")) });
            }
            Happening::Rings(leg) => self.ring(leg),
            Happening::PicksUp(leg) => self.pick_up(leg),
            Happening::Presses(leg, key) => self.press(leg, key),
            Happening::RingsOut(leg) => self.ring_out(leg),
            Happening::Fetches => self.fetch(),
            Happening::Leaves => {
                let is_connected = matches!(self.call.stage, Stage::Claimed { .. } | Stage::Talking { .. });
                if self.call.caller_left_at.is_none() && !is_connected {
                    self.step(What::Leaves);
                    self.tell(&Signal::CallerGone);
                    self.is_over = true;
                }
            }
        }
    }

    fn look(&mut self) {
        if self.due_at != Some(self.now) {
            // Another deadline has taken its place.
            return;
        }
        self.due_at = None;
        let before = self.call.version;
        self.tell(&Signal::Woken);
        let is_still_due = self.call.wake_at().is_some_and(|at| at <= self.now);
        if is_still_due && self.call.version == before {
            self.due_at = Some(self.now + LOOK_EVERY);
            self.plan(self.now + LOOK_EVERY, Happening::Due);
        }
    }

    /// Decides, keeps what was decided, and puts what follows on the agenda; the reply.
    pub(super) fn tell(&mut self, signal: &Signal) -> Reply {
        let scenario = self.scenario;
        let loaded = std::mem::replace(&mut self.loaded, LoadedFacts::none());
        let facts = Facts {
            at: self.now,
            loaded,
            caller: scenario.caller,
            carrier: scenario.carrier,
            brand: scenario.brand,
            destinations: scenario.destinations,
            in_force: None,
            needed: &[],
        };
        let mut decision = decide(self.call.clone(), scenario.rules, &facts, signal);
        let mut needed: Vec<Needed> = Vec::new();
        // As live: each round names somebody new.
        for _ in 0..facts.loaded.agents.len() {
            let more = self.find_needed(&decision, &facts.loaded);
            if more.is_empty() {
                break;
            }
            needed.extend(more);
            let facts = Facts { needed: &needed, ..facts.clone() };
            decision = decide(self.call.clone(), scenario.rules, &facts, signal);
        }
        self.loaded = facts.loaded;
        let is_change = !decision.events.is_empty() || !decision.effects.is_empty();
        self.call = decision.call;
        if is_change {
            self.call.version += 1;
        }
        for event in &decision.events {
            self.keep(event);
        }
        for mark in &decision.marks {
            let place = self.places.get(mark.agent()).copied();
            if let Some(facts) = place.and_then(|place| self.loaded.agents.get_mut(place)) {
                mark.change(facts, self.now);
            }
        }
        self.events.extend(decision.events);
        for effect in &decision.effects {
            self.carry_out(effect);
        }
        self.plan_due();
        decision.reply
    }

    /// Those whom the decision puts aside though another brand needs them.
    fn find_needed(&self, decision: &Decision, loaded: &LoadedFacts) -> Vec<Needed> {
        let rules = self.scenario.rules;
        let known = |agent: &AgentId| {
            let own = self.places.get(agent).and_then(|place| loaded.agents.get(*place));
            let known = own.or_else(|| self.scenario.others.get(agent));
            known.cloned().unwrap_or_else(|| AgentFacts::unknown(agent.clone()))
        };
        let is_needed_by = |brand: &Brand, agent: &AgentId, aside: &[&AgentId]| {
            let facts: Vec<AgentFacts> = brand.roster.iter().map(known).collect();
            find_staying_at(rules, self.scenario.destinations, brand, &facts, agent, aside, self.now).len()
                < AVAILABLE_MIN
        };
        // One after the other, as the live switchboard asks.
        let (mut needed, mut aside) = (Vec::new(), Vec::new());
        for agent in decision.put_aside() {
            let mut others = others_of(rules, &self.call.brand, agent);
            match others.find(|brand| is_needed_by(brand, agent, &aside)) {
                Some(brand) => needed.push(Needed { agent: agent.clone(), brand: brand.id.clone() }),
                None => aside.push(agent),
            }
        }
        needed
    }

    fn plan_due(&mut self) {
        if let Some(at) = self.call.wake_at().map(|at| at.max(self.now))
            && self.due_at.is_none_or(|due| due > at || due < self.now)
        {
            self.due_at = Some(at);
            self.plan(at, Happening::Due);
        }
    }

    fn keep(&mut self, event: &Event) {
        match event {
            Event::LegOffered { agent, .. } => {
                self.hold(agent, Some(LiveLeg { call: self.call.id, since: self.now, talking: false }));
                self.loaded.legs_live += 1;
                self.loaded.legs_last_minute += 1;
            }
            Event::LegReleased { leg } => {
                if let Some(agent) = self.call.find_leg(*leg).map(|leg| leg.agent.clone()) {
                    self.hold(&agent, None);
                    self.loaded.legs_live = self.loaded.legs_live.saturating_sub(1);
                    self.plan(self.now, Happening::Told(Signal::PhonesFreed));
                }
            }
            Event::LegClosed { leg, how } => {
                let rang = self.call.find_leg(*leg).filter(|leg| leg.rang_at.is_some() && *how != LegEnd::Accepted);
                if let Some(agent) = rang.map(|leg| leg.agent.clone()) {
                    self.step(What::Stops(agent, *how));
                }
            }
            Event::CallOwned { agent, .. } => {
                self.step(What::Meets(agent.clone()));
                self.is_over = true;
            }
            _ => {}
        }
    }

    fn hold(&mut self, agent: &AgentId, leg: Option<LiveLeg>) {
        let place = self.places.get(agent).copied();
        if let Some(facts) = place.and_then(|place| self.loaded.agents.get_mut(place)) {
            facts.live_leg = leg;
        }
    }

    /// The carrier does what it is asked, at once.
    fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::RingAgent { leg } => self.place_leg(*leg),
            Effect::CancelLeg { leg } | Effect::DropLeg { leg } | Effect::TellCallerGone { leg } => {
                let outcome = LegOutcome::Canceled;
                self.plan(self.now, Happening::Told(Signal::LegFinished { leg: *leg, outcome }));
            }
            Effect::FetchCaller { .. } => self.plan(self.now, Happening::Fetches),
            Effect::CheckCaller { .. } => {
                self.plan(self.now, Happening::Told(Signal::CallerChecked { connected: true }));
            }
            Effect::DropCaller => self.is_over = true,
            Effect::CheckLeg { .. }
            | Effect::CheckRoom { .. }
            | Effect::FindRecordings { .. }
            | Effect::FetchRecording { .. }
            | Effect::NoteArrival
            | Effect::AssignOwner
            | Effect::NoteEnd
            | Effect::NoteMissed
            | Effect::PostVoicemail { .. }
            | Effect::PostTranscript { .. }
            | Effect::TextCaller
            | Effect::NoteText
            | Effect::NotePaused { .. }
            | Effect::NoteSpared { .. }
            | Effect::RemoveTwins { .. } => {}
        }
    }

    fn fetch(&mut self) {
        if self.call.caller_left_at.is_some() || self.call.has_ended() {
            return;
        }
        let before = self.events.len();
        self.tell(&Signal::FetchBegins);
        let has_begun = self.events.iter().skip(before).any(|event| *event == Event::FetchBegan);
        if has_begun && matches!(self.call.caller_at, CallerAt::BeingFetched { .. }) {
            self.lead(self.now, Signal::CallerAsks { at: CallerDoor::Join });
        }
    }

    fn finish(mut self) -> Simulation {
        // What the caller presses is written down before its time has come.
        self.steps.sort_by_key(|step| step.after);
        let outcome = match (&self.call.owner, self.call.ending) {
            (Some(agent), _) => Outcome::Answered(agent.clone()),
            (None, Some(ending)) => Outcome::Ended(ending),
            (None, None) if self.call.stage == Stage::Voicemail => Outcome::Recorder,
            (None, None) => Outcome::Open,
        };
        let explanation = explain(&self.call, self.scenario.rules, &self.events);
        Simulation {
            steps: self.steps,
            outcome,
            explanation,
            call: self.call,
            ended_at: self.now,
            keys_unused: self.scenario.keys.len().saturating_sub(self.keys_pressed),
            menus: self.menus,
            challenges: self.challenges,
        }
    }
}
