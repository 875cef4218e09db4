//! One decision in the making: a working copy of the call, and what is recorded, asked for and answered.

use chrono::{DateTime, TimeDelta, Utc};

use super::effect::Effect;
use super::event::{Ending, Event, LegEnd};
use super::mark::AgentMark;
use super::reply::Reply;
use super::signal::Signal;
use super::state::{Call, Leg, LegProgress};
use super::switch::SwitchChange;
use super::{Decision, Facts};
use crate::rules::{Brand, Rules};

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
        }
    }

    pub(super) fn finish(self, reply: Reply) -> Decision {
        Decision {
            call: self.call,
            events: self.events,
            effects: self.effects,
            marks: self.marks,
            switches: self.switches,
            reply,
        }
    }

    /// Takes note of what happened and changes the call by it.
    pub(super) fn record(&mut self, event: Event) {
        self.call.apply(&event, self.now);
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
        let had_full_time = self.now >= leg.give_up_at - TimeDelta::seconds(1) || leg.progress >= LegProgress::Prompted;
        match how {
            LegEnd::Declined => {
                self.mark(AgentMark::Responded { agent: agent.clone() });
                self.rest(agent, self.brand.after_decline());
            }
            LegEnd::NoConfirm | LegEnd::VoicemailSuspected | LegEnd::NoAnswer => {
                if had_full_time {
                    self.mark(AgentMark::Missed { agent: agent.clone() });
                }
                self.rest(agent, self.brand.after_no_answer());
            }
            LegEnd::Busy => self.rest(agent, self.brand.after_busy()),
            LegEnd::Accepted => {
                self.mark(AgentMark::Responded { agent: agent.clone() });
                self.rest(agent, self.brand.cooldown());
            }
            LegEnd::Failed | LegEnd::LostRace | LegEnd::CallerLeft => {}
        }
    }

    fn rest(&mut self, agent: crate::ids::AgentId, span: TimeDelta) {
        if span > TimeDelta::zero() {
            self.mark(AgentMark::RestsUntil { agent, until: self.now + span });
        }
    }

    /// How an answered leg without a key is called: a person who did not confirm, or probably a voicemail.
    pub(super) fn name_silence(&self, leg: &Leg) -> LegEnd {
        match (leg.rang_at, leg.answered_at) {
            (Some(rang_at), Some(answered_at)) if answered_at - rang_at < TOO_SOON_FOR_A_PERSON => {
                LegEnd::VoicemailSuspected
            }
            _ => LegEnd::NoConfirm,
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
        match ending {
            Ending::Answered | Ending::Redirected | Ending::Supervisor => self.ask(Effect::NoteEnd),
            Ending::Missed | Ending::Abandoned | Ending::AfterHoursMessage => self.ask(Effect::NoteMissed),
            // A voicemail is posted when its audio is here.
            Ending::Voicemail | Ending::Blocked | Ending::Failed => {}
        }
    }

    /// The name by which colleagues know an agent.
    pub(super) fn name_of(&self, agent: &crate::ids::AgentId) -> String {
        self.rules.find_agent(agent).map_or_else(|| agent.to_string(), |agent| agent.name.clone())
    }
}
