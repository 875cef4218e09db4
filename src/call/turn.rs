//! One decision in the making: a working copy of the call, and what is recorded, asked for and answered.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::accept::PROMPT_TAKES;
use super::dialling::CARRIER_BUFFER;
use super::effect::Effect;
use super::event::{Ending, Event, LegEnd};
use super::mark::AgentMark;
use super::reply::Reply;
use super::signal::Signal;
use super::state::{Call, Leg, LegProgress};
use super::switch::SwitchChange;
use super::task::{self, TaskChange};
use super::{Decision, Facts, words};
use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;
use crate::rules::{Agent, Brand, Rules};
use crate::shortlist::facts::AgentFacts;
use crate::shortlist::{Miss, judge_miss};

/// A phone that rang for less was not offered the call in earnest: nobody is blamed for missing it. Half of those who
/// answer at all do so within 6 s, nine of ten within 12. A shorter `max_wait` counts as a whole.
const FAIR_RING: TimeDelta = TimeDelta::seconds(10);

/// Answered without a key so often in a row, it is a voicemail that answers. Source: DESIGN.md section 3.
const KEYLESS_MAX: u32 = 3;

/// Answered so soon after it rang that a person can hardly have done it. Source: DESIGN.md section 3.
const TOO_SOON_FOR_A_PERSON: TimeDelta = TimeDelta::seconds(4);

/// One decision in the making. The call changes by `record` alone.
pub(super) struct Turn<'a> {
    pub(super) call: Call,
    pub(super) rules: &'a Rules,
    pub(super) brand: &'a Brand,
    pub(super) facts: &'a Facts<'a>,
    pub(super) now: DateTime<Utc>,
    events: Vec<Event>,
    effects: Vec<Effect>,
    marks: Vec<AgentMark>,
    switches: Vec<SwitchChange>,
    tasks: Vec<TaskChange>,
    /// Whether this decision let go of a phone that the facts show as held.
    has_released: bool,
}

impl<'a> Turn<'a> {
    pub(super) fn new(call: Call, rules: &'a Rules, brand: &'a Brand, facts: &'a Facts<'a>) -> Self {
        Self {
            call,
            rules,
            brand,
            facts,
            now: facts.at,
            events: Vec::new(),
            effects: Vec::new(),
            marks: Vec::new(),
            switches: Vec::new(),
            tasks: Vec::new(),
            has_released: false,
        }
    }

    pub(super) fn finish(self, reply: Reply) -> Decision {
        Decision {
            call: self.call,
            events: self.events,
            effects: self.effects,
            marks: self.marks,
            switches: self.switches,
            tasks: self.tasks,
            reply,
        }
    }

    /// Takes note of what happened and changes the call by it.
    pub(super) fn record(&mut self, event: Event) {
        self.call.apply(&event, self.now);
        self.tasks.extend(task::change_by(&event, &self.call, self.brand, self.rules));
        self.events.push(event);
    }

    /// Legs that hold a phone now over all brands: those that were loaded, and what this decision changed.
    pub(super) fn legs_live(&self) -> u32 {
        let count = |is: fn(&Event) -> bool| {
            u32::try_from(self.events.iter().filter(|event| is(event)).count()).unwrap_or(u32::MAX)
        };
        let offered = count(|event| matches!(event, Event::LegOffered { .. }));
        let released = count(|event| matches!(event, Event::LegReleased { .. }));
        self.facts.loaded.legs_live.saturating_add(offered).saturating_sub(released)
    }

    /// Words that the caller hears now; until they are over nobody misses the caller.
    pub(super) fn begin_words(&mut self, words: &str) {
        self.record(Event::WordsBegan { until: self.now + words::spoken_at_most(words) });
    }

    /// The last words to the caller.
    pub(super) fn say_goodbye(&mut self, words: String) -> Reply {
        self.begin_words(&words);
        Reply::SayAndHangUp { words }
    }

    pub(super) fn ask(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn mark(&mut self, mark: AgentMark) {
        self.marks.push(mark);
    }

    pub(super) fn turn_switch(&mut self, change: SwitchChange) {
        self.switches.push(change);
    }

    /// A signal that makes no sense now; kept in the history, since it may explain a fault.
    pub(super) fn ignore(&mut self, signal: &Signal) {
        let what = format!("{signal:?}").chars().take(200).collect();
        self.record(Event::Ignored { what });
    }

    /// A number for a request that may be repeated: the version this decision is saved as.
    pub(super) fn attempt(&self) -> u32 {
        self.call.version + 1
    }

    pub(super) fn leg(&self, number: u32) -> Option<Leg> {
        self.call.find_leg(number).cloned()
    }

    /// Whether this decision has told already who rings and why not the others.
    pub(super) fn has_recorded_shortlist(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::ShortlistTaken { .. }))
    }

    /// Whether the brand's phones are still held by nobody else for this call.
    pub(super) fn has_open_legs(&self) -> bool {
        self.call.open_legs().next().is_some()
    }

    /// Decides how a leg ended, with what that means for its agent. Nothing is asked of the carrier.
    pub(super) fn close_leg(&mut self, leg: &Leg, how: LegEnd) {
        if self.call.find_leg(leg.number).is_none_or(|leg| leg.end.is_some()) {
            return;
        }
        self.record(Event::LegClosed { leg: leg.number, how });
        let agent = leg.agent.clone();
        match how {
            LegEnd::Declined => {
                self.mark(AgentMark::Responded { agent: agent.clone() });
                self.rest(agent, self.brand.after_decline());
            }
            // Nothing was offered to whoever came by themselves.
            LegEnd::NoConfirm | LegEnd::VoicemailSuspected | LegEnd::NoAnswer if leg.called_in => {}
            LegEnd::NoConfirm | LegEnd::VoicemailSuspected | LegEnd::NoAnswer => {
                let (was_answered, was_full) = (how != LegEnd::NoAnswer, self.rang_full_time(leg));
                // One call is missed once, however often a simultaneous dial rings for it.
                let is_again = self.has_answered_before(leg);
                if was_answered && !is_again {
                    self.mark(AgentMark::Keyless { agent: agent.clone() });
                }
                if (was_answered || was_full) && !is_again {
                    self.miss(&agent);
                }
                // A dial that collapsed stopped the phone, and it is to ring again at once.
                if was_answered || was_full || leg.round == 0 {
                    self.rest(agent, self.brand.after_no_answer());
                }
            }
            LegEnd::Busy => self.rest(agent, self.brand.after_busy()),
            LegEnd::Accepted => {
                self.mark(AgentMark::Responded { agent: agent.clone() });
                // The rest begins when the agent's leg ends, which may be after the talk.
                if !leg.live {
                    self.rest(agent, self.brand.cooldown());
                }
            }
            LegEnd::Failed | LegEnd::LostRace | LegEnd::CallerLeft => {}
        }
    }

    /// The carrier let go of the agent's phone.
    pub(super) fn release(&mut self, leg: &Leg) {
        let Some(held) = self.call.find_leg(leg.number).filter(|leg| leg.live) else { return };
        let (number, agent, has_talked) = (held.number, held.agent.clone(), held.end == Some(LegEnd::Accepted));
        self.record(Event::LegReleased { leg: number });
        self.has_released = true;
        if has_talked {
            self.rest(agent, self.brand.cooldown());
        }
    }

    fn rest(&mut self, agent: AgentId, span: TimeDelta) {
        if span > TimeDelta::zero() {
            self.mark(AgentMark::RestsUntil { agent, until: self.now + span });
        }
    }

    /// Whether the agent picked up on an earlier leg of this call and did not accept.
    fn has_answered_before(&self, leg: &Leg) -> bool {
        let is_keyless = |end: Option<LegEnd>| matches!(end, Some(LegEnd::NoConfirm | LegEnd::VoicemailSuspected));
        let mut earlier = self.call.legs.iter().filter(|other| other.number < leg.number && !other.called_in);
        earlier.any(|other| other.agent == leg.agent && is_keyless(other.end))
    }

    /// Whether the phone rang until it was to give up, and long enough to be answered.
    fn rang_full_time(&self, leg: &Leg) -> bool {
        let fair = FAIR_RING.min(self.brand.max_wait() - TimeDelta::seconds(1));
        // The carrier may end a simultaneous dial without making use of its own buffer.
        let buffer = if leg.round > 0 { CARRIER_BUFFER } else { TimeDelta::zero() };
        let is_due = self.now >= leg.give_up_at - buffer - TimeDelta::seconds(1);
        is_due && leg.ringing_since(self.now).is_some_and(|since| self.now - since >= fair)
    }

    /// One more call was missed: after enough of them in a row the agent is put aside.
    fn miss(&mut self, agent: &AgentId) {
        self.mark(AgentMark::Missed { agent: agent.clone() });
        let Some(known) = self.facts_of(agent) else { return };
        let misses = known.misses.saturating_add(1);
        let needed = self.facts.needed.iter().find(|needed| needed.agent == *agent);
        let aside: Vec<&AgentId> = self.marks.iter().filter_map(AgentMark::paused).collect();
        let pausing = &self.facts.in_force.map_or(self.rules, |now| now.rules).pausing;
        let question = self.question(&self.facts.loaded.agents);
        let found = judge_miss(&question, pausing, agent, misses, needed.is_some(), |other| aside.contains(&other));
        match found {
            Miss::Counted => {}
            Miss::Paused { until, stay } => {
                self.record(Event::AgentPaused { agent: agent.clone(), until, misses });
                self.ask(Effect::NotePaused { agent: agent.clone(), until, misses });
                self.mark(AgentMark::Paused { agent: agent.clone(), until, stay });
            }
            Miss::Spared => {
                let brand = needed.map(|needed| needed.brand.clone());
                self.record(Event::PauseSpared { agent: agent.clone(), misses, brand: brand.clone() });
                self.ask(Effect::NoteSpared { agent: agent.clone(), misses, brand });
            }
        }
    }

    /// What is known of the agents by now: what was loaded, as changed by this very decision.
    pub(super) fn agents_now(&self) -> Cow<'a, [AgentFacts]> {
        let loaded = &self.facts.loaded.agents;
        let is_ours = |facts: &AgentFacts| facts.live_leg.is_some_and(|leg| leg.call == self.call.id);
        let has_let_go =
            |facts: &AgentFacts| is_ours(facts) && !self.call.live_legs().any(|leg| leg.agent == facts.agent);
        if !self.has_released && self.marks.is_empty() {
            return Cow::Borrowed(loaded);
        }
        let mut now = loaded.clone();
        for facts in &mut now {
            if has_let_go(facts) {
                facts.live_leg = None;
            }
        }
        let places: HashMap<&AgentId, usize> =
            loaded.iter().zip(0..).map(|(facts, place)| (&facts.agent, place)).collect();
        for mark in &self.marks {
            if let Some(facts) = places.get(mark.agent()).and_then(|place| now.get_mut(*place)) {
                mark.change(facts, self.now);
            }
        }
        Cow::Owned(now)
    }

    /// What was loaded about an agent.
    pub(super) fn facts_of(&self, agent: &AgentId) -> Option<&'a AgentFacts> {
        self.facts.loaded.agents.iter().find(|facts| facts.agent == *agent)
    }

    /// How an answered leg without a key is called: a person who did not confirm, or probably a voicemail.
    pub(super) fn name_silence(&self, leg: &Leg) -> LegEnd {
        if leg.called_in {
            return LegEnd::NoConfirm;
        }
        let is_too_soon = match (leg.rang_at, leg.answered_at) {
            (Some(rang_at), Some(answered_at)) => answered_at - rang_at < TOO_SOON_FOR_A_PERSON,
            _ => false,
        };
        let before = self.facts_of(&leg.agent).map_or(0, |facts| facts.keyless);
        if is_too_soon || before.saturating_add(1) >= KEYLESS_MAX {
            LegEnd::VoicemailSuspected
        } else {
            LegEnd::NoConfirm
        }
    }

    /// How a leg is called whose time is over before anybody picked up: a phone that has not rung by then could not be
    /// answered, since it waited for its turn at the carrier, or nobody knows whether there is a call.
    pub(super) fn name_unanswered(&self, leg: &Leg) -> LegEnd {
        if leg.ringing_since(self.now).is_some() { LegEnd::NoAnswer } else { LegEnd::CallerLeft }
    }

    /// How a leg is called that is cut while its prompt plays: whoever picked up too late to hear it out is not blamed.
    fn name_cut(&self, leg: &Leg) -> LegEnd {
        let is_heard_out = leg.answered_at.is_none_or(|at| self.now - at >= PROMPT_TAKES);
        if is_heard_out { self.name_silence(leg) } else { LegEnd::CallerLeft }
    }

    /// Decides how every open leg ended, and asks the carrier to stop those that nobody has answered. `NoAnswer` means
    /// that the time to answer is over; each leg is called by how far it came.
    pub(super) fn close_open_legs(&mut self, how: LegEnd) {
        let open: Vec<Leg> = self.call.open_legs().cloned().collect();
        for leg in open {
            let is_timely = how != LegEnd::NoAnswer;
            if leg.progress < LegProgress::Prompted {
                self.close_leg(&leg, if is_timely { how } else { self.name_unanswered(&leg) });
                self.stop_ringing(&leg);
            } else {
                self.close_leg(&leg, if is_timely { how } else { self.name_cut(&leg) });
            }
        }
    }

    /// Asks the carrier to stop a leg that rings. Under a simultaneous dial the carrier does so by itself.
    pub(super) fn stop_ringing(&mut self, leg: &Leg) {
        if leg.round == 0 && leg.live {
            self.ask(Effect::CancelLeg { leg: leg.number });
        }
    }

    pub(super) fn end(&mut self, ending: Ending) {
        if self.call.has_ended() {
            return;
        }
        self.record(Event::CallEnded { ending });
        if self.call.is_agents && ending == Ending::Supervisor {
            // An agent is no customer: there is no conversation to write in.
            return;
        }
        match ending {
            Ending::Answered | Ending::Redirected | Ending::Supervisor => self.ask(Effect::NoteEnd),
            Ending::Missed | Ending::Abandoned | Ending::AfterHoursMessage | Ending::Failed => {
                self.ask(Effect::NoteMissed);
            }
            // A voicemail is posted when its audio is here.
            Ending::Voicemail | Ending::Blocked => {}
        }
    }

    /// An agent, as the rules in force know them, or failing those the call's own.
    pub(super) fn find_agent(&self, agent: &AgentId) -> Option<&'a Agent> {
        let now = self.facts.in_force.and_then(|now| now.rules.agent(agent));
        now.or_else(|| self.rules.agent(agent))
    }

    /// Whose phone this is, as the rules in force know it, or failing those the call's own.
    pub(super) fn find_agent_of(&self, phone: &PhoneNumber) -> Option<&'a Agent> {
        let now = self.facts.in_force.and_then(|now| now.rules.agent_of_phone(phone));
        now.or_else(|| self.rules.agent_of_phone(phone))
    }

    /// The name by which colleagues know an agent.
    pub(super) fn name_of(&self, agent: &AgentId) -> String {
        self.find_agent(agent).map_or_else(|| agent.to_string(), |agent| agent.name.clone())
    }
}
