//! One decision in the making: a working copy of the call, and what is recorded, asked for and answered.

use chrono::{DateTime, TimeDelta, Utc};

use super::effect::Effect;
use super::event::{Ending, Event, LegEnd};
use super::mark::AgentMark;
use super::reply::Reply;
use super::signal::Signal;
use super::state::{Call, Leg, LegProgress};
use super::switch::SwitchChange;
use super::task::{self, TaskChange};
use super::{Decision, Facts};
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

    /// Whether the caller begins to wait by this very decision.
    pub(super) fn is_beginning_to_wait(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::WaitBegan { .. }))
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
            LegEnd::NoConfirm | LegEnd::VoicemailSuspected | LegEnd::NoAnswer => {
                if how != LegEnd::NoAnswer {
                    self.mark(AgentMark::Keyless { agent: agent.clone() });
                }
                if leg.progress >= LegProgress::Prompted || self.rang_full_time(leg) {
                    self.miss(&agent);
                }
                self.rest(agent, self.brand.after_no_answer());
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
        if has_talked {
            self.rest(agent, self.brand.cooldown());
        }
    }

    fn rest(&mut self, agent: AgentId, span: TimeDelta) {
        if span > TimeDelta::zero() {
            self.mark(AgentMark::RestsUntil { agent, until: self.now + span });
        }
    }

    /// Whether the phone rang until it was to give up, and long enough to be answered.
    fn rang_full_time(&self, leg: &Leg) -> bool {
        let fair = FAIR_RING.min(self.brand.max_wait() - TimeDelta::seconds(1));
        let rang_at = leg.rang_at.unwrap_or(leg.offered_at);
        self.now >= leg.give_up_at - TimeDelta::seconds(1) && self.now - rang_at >= fair
    }

    /// One more call was missed: after enough of them in a row the agent is put aside.
    fn miss(&mut self, agent: &AgentId) {
        self.mark(AgentMark::Missed { agent: agent.clone() });
        let Some(known) = self.facts_of(agent) else { return };
        let misses = known.misses.saturating_add(1);
        let is_needed = self.facts.needed.contains(agent);
        let aside: Vec<&AgentId> = self.marks.iter().filter_map(AgentMark::paused).collect();
        let pausing = &self.facts.in_force.map_or(self.rules, |now| now.rules).pausing;
        let found = judge_miss(&self.question(), pausing, agent, misses, is_needed, |other| aside.contains(&other));
        match found {
            Miss::Counted => {}
            Miss::Paused { until, stay } => {
                self.record(Event::AgentPaused { agent: agent.clone(), until, misses });
                self.ask(Effect::NotePaused { agent: agent.clone(), until, misses });
                self.mark(AgentMark::Paused { agent: agent.clone(), until, stay });
            }
            Miss::Spared => {
                self.record(Event::PauseSpared { agent: agent.clone(), misses });
                self.ask(Effect::NoteSpared { agent: agent.clone(), misses });
            }
        }
    }

    /// What was loaded about an agent.
    fn facts_of(&self, agent: &AgentId) -> Option<&'a AgentFacts> {
        self.facts.loaded.agents.iter().find(|facts| facts.agent == *agent)
    }

    /// How an answered leg without a key is called: a person who did not confirm, or probably a voicemail.
    pub(super) fn name_silence(&self, leg: &Leg) -> LegEnd {
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

    /// Decides how every open leg ended, and asks the carrier to stop those that nobody has answered.
    pub(super) fn close_open_legs(&mut self, how: LegEnd) {
        let open: Vec<Leg> = self.call.open_legs().cloned().collect();
        for leg in open {
            if leg.progress < LegProgress::Prompted {
                self.close_leg(&leg, how);
                self.stop_ringing(&leg);
            } else {
                let how = if how == LegEnd::NoAnswer { self.name_silence(&leg) } else { how };
                self.close_leg(&leg, how);
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
