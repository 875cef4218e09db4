//! The service at work: a signal meets its call as in the switchboard, with two replicas and deaths half-way.

use chrono::{DateTime, TimeDelta, Utc};

use super::agenda::{Happening, Listener};
use super::world::World;
use super::{Ms, instant};
use crate::call::event::Event;
use crate::call::mark::AgentMark;
use crate::call::reply::Reply;
use crate::call::signal::{CallerDoor, Signal};
use crate::call::state::{Call, NewCall, Stage};
use crate::call::{BrandFacts, CallerFacts, CarrierFacts, Decision, Facts, Needed, decide};
use crate::ids::{CallId, CarrierRef};
use crate::rules::Rules;
use crate::shortlist::facts::LoadedFacts;
use crate::shortlist::{AVAILABLE_MIN, find_staying_at, others_of};

/// A decision that one replica has taken and not yet saved.
#[derive(Debug)]
pub(super) struct Pending {
    who: Option<(Listener, u32, bool)>,
    call: usize,
    signal: Signal,
    decision: Decision,
    at: DateTime<Utc>,
}

impl World {
    /// What the service's clock shows.
    pub(super) fn clock(&self) -> DateTime<Utc> {
        instant(self.now + self.clock_off)
    }

    /// A request for a document reaches the service.
    pub(super) fn answer(&mut self, who: Listener, epoch: u32, signal: Signal, is_second: bool) {
        let call = self.call_of(who);
        if self.now < self.store_down_until {
            return self.answer_safely(who, epoch, &signal);
        }
        if self.now < self.service_down_until || self.chance.hits(self.faults.request_fails) {
            return self.fail(who, epoch, signal, is_second);
        }
        if self.chance.hits(self.faults.replicas_race) {
            if let Some(decision) = self.decide_now(call, &signal) {
                let pending = Pending { who: Some((who, epoch, is_second)), call, signal, decision, at: self.clock() };
                let later = self.now + self.chance.between(1, 30);
                self.agenda.put(later, Happening::Commits(Box::new(pending)));
            } else {
                self.fail(who, epoch, signal, is_second);
            }
            return;
        }
        match self.decide_and_save(call, &signal) {
            Some(reply) => self.reply(who, epoch, signal, is_second, reply),
            None => self.fail(who, epoch, signal, is_second),
        }
    }

    /// The store cannot be reached: each door has a reply that leaves the one who listens somewhere sensible.
    fn answer_safely(&mut self, who: Listener, epoch: u32, signal: &Signal) {
        let call = self.call_of(who);
        self.trouble(call, 30_000);
        self.judge_answered_safely(call);
        let sorry = || "Something went wrong.".to_owned();
        let reply = match (who, signal) {
            (Listener::Line(_) | Listener::Outside(_), _)
            | (_, Signal::VoicemailTaken { .. } | Signal::SwitchChosen { .. }) => {
                Reply::SayAndHangUp { words: sorry() }
            }
            (_, Signal::WaitPolled | Signal::CallerPressed { .. } | Signal::CodeTried { in_queue: true, .. }) => {
                Reply::KeepWaiting { seconds: 5, listens: false, step: 0 }
            }
            (
                _,
                Signal::CallerAsks { at: CallerDoor::Room }
                | Signal::DialEnded { bridged: true, .. }
                | Signal::LineEnded { bridged: true, .. },
            ) => Reply::HangUp,
            _ => Reply::TakeVoicemail { greeting: sorry(), max_length_s: 120, transcribe: false },
        };
        let at = self.now + self.chance.between(500, 2_000);
        self.agenda.put(at, Happening::Hears { who, epoch, reply });
    }

    /// Whether the service can neither decide nor deliver now.
    pub(super) fn is_at_rest(&self) -> bool {
        self.now < self.service_down_until || self.now < self.store_down_until
    }

    fn reply(&mut self, who: Listener, epoch: u32, signal: Signal, is_second: bool, reply: Reply) {
        if self.chance.hits(self.faults.dies_after_save) {
            return self.fail(who, epoch, signal, is_second);
        }
        let reply = if signal == Signal::WaitPolled && self.chance.hits(self.faults.repeats) {
            // A wait document has no stored answer: asked twice, it is decided twice.
            self.decide_and_save(self.call_of(who), &signal).unwrap_or(reply)
        } else {
            reply
        };
        let at = self.now + self.chance.between(15, 90);
        self.agenda.put(at, Happening::Hears { who, epoch, reply });
    }

    fn fail(&mut self, who: Listener, epoch: u32, signal: Signal, is_second: bool) {
        let call = self.call_of(who);
        let slow = self.chance.hits(100);
        let pause = if slow { self.chance.between(5_000, 15_000) } else { self.chance.between(50, 500) };
        self.trouble(call, pause + 1_000);
        if matches!(signal, Signal::LegPressed { .. })
            && self.shelf.find(call).is_some_and(|call| call.method == crate::call::event::RingMethod::Dial)
        {
            self.judge_bridge_lost(call);
        }
        let at = self.now + pause;
        self.agenda.put(at, Happening::Fails { who, epoch, signal, is_second });
    }

    /// The second half: saved if nobody was faster, else decided again.
    pub(super) fn commit(&mut self, pending: Pending) {
        let Pending { who, call, signal, decision, at } = pending;
        if self.is_at_rest() {
            match who {
                Some((who, epoch, is_second)) => self.fail(who, epoch, signal, is_second),
                None => self.trouble(call, 60_000),
            }
            return;
        }
        let reply = match self.save(call, &signal, decision, at) {
            Some(reply) => Some(reply),
            None => self.decide_and_save(call, &signal),
        };
        if let (Some((who, epoch, is_second)), Some(reply)) = (who, reply) {
            self.reply(who, epoch, signal, is_second, reply);
        }
    }

    /// A callback without an answer reaches the service.
    pub(super) fn take_note(&mut self, call: usize, signal: Signal) {
        if self.is_at_rest() {
            // The carrier repeats what could not be delivered only sometimes.
            self.trouble(call, 60_000);
            return;
        }
        if self.chance.hits(self.faults.replicas_race) {
            if let Some(decision) = self.decide_now(call, &signal) {
                let pending = Pending { who: None, call, signal, decision, at: self.clock() };
                let later = self.now + self.chance.between(1, 30);
                self.agenda.put(later, Happening::Commits(Box::new(pending)));
            }
            return;
        }
        self.decide_and_save(call, &signal);
    }

    /// Loads, decides and saves; nothing if there is no such call.
    pub(super) fn decide_and_save(&mut self, call: usize, signal: &Signal) -> Option<Reply> {
        for _ in 0..4 {
            let decision = self.decide_now(call, signal)?;
            if let Some(reply) = self.save(call, signal, decision, self.clock()) {
                return Some(reply);
            }
        }
        None
    }

    fn decide_now(&mut self, number: usize, signal: &Signal) -> Option<Decision> {
        let call = match self.shelf.find(number) {
            Some(call) => call.clone(),
            None if *signal == Signal::Arrived => self.new_call(number),
            None => return None,
        };
        self.signals += 1;
        let at = self.clock();
        let rules = std::sync::Arc::clone(&self.rules);
        let brand = rules.find_brand(&call.brand)?;
        let loaded = if signal.may_offer() {
            let pending = self.outbox.rings_pending();
            self.shelf.load_facts(&brand.roster, at, pending, self.oldest_open)
        } else {
            LoadedFacts::none()
        };
        let circuit_open = self.rest_failures >= 3 && self.now - self.rest_failed_at < 5_000;
        let carrier = CarrierFacts {
            rest_is_up: !circuit_open,
            method: self.options.method,
            dial_stops_at: self.options.dial_stops_at,
            pace: TimeDelta::milliseconds(self.pace_ms),
            legs_live_max: 50,
            legs_per_minute_max: 600,
        };
        let caller = if *signal == Signal::Arrived { self.caller_facts(number) } else { CallerFacts::default() };
        let destinations = std::sync::Arc::clone(&self.destinations);
        let overridden_until =
            (self.now < self.overridden_until).then(|| instant(self.overridden_until + self.clock_off));
        let flood_until = (self.now < self.flood_until).then(|| instant(self.flood_until + self.clock_off));
        let in_force = BrandFacts { overridden_until, flood_until, ..BrandFacts::default() };
        let facts = Facts {
            at,
            loaded,
            caller,
            carrier,
            brand: in_force,
            destinations: &destinations,
            in_force: None,
            needed: &[],
        };
        let mut decision = decide(call, &rules, &facts, signal);
        let mut needed: Vec<Needed> = Vec::new();
        loop {
            let more = self.ask_other_brands(&rules, &mut decision, at);
            if more.is_empty() {
                return Some(decision);
            }
            needed.extend(more);
            let call = self.shelf.find(number).cloned().unwrap_or_else(|| self.new_call(number));
            decision = decide(call, &rules, &Facts { needed: &needed, ..facts.clone() }, signal);
        }
    }

    /// Those whom the decision puts aside though another brand needs them, as the switchboard finds them; the others rely
    /// on whoever stays.
    fn ask_other_brands(&mut self, rules: &Rules, decision: &mut Decision, at: DateTime<Utc>) -> Vec<Needed> {
        let (mut needed, mut staying, mut aside) = (Vec::new(), Vec::new(), Vec::new());
        'agents: for agent in decision.put_aside() {
            for brand in others_of(rules, &decision.call.brand, agent) {
                let facts = self.shelf.load_facts(&brand.roster, at, 0, self.oldest_open).agents;
                let stay = find_staying_at(rules, &self.destinations, brand, &facts, agent, &aside, at);
                if stay.len() < AVAILABLE_MIN {
                    needed.push(Needed { agent: agent.clone(), brand: brand.id.clone() });
                    continue 'agents;
                }
                staying.push((agent.clone(), stay));
            }
            aside.push(agent);
        }
        if needed.is_empty() {
            for (agent, stay) in staying {
                decision.rely_on(&agent, &stay);
            }
        }
        needed
    }

    fn new_call(&self, number: usize) -> Call {
        let line = self.callers.get(number);
        Call::new(NewCall {
            id: call_id(number),
            brand: line.map_or_else(|| crate::ids::BrandId::new("?"), |line| line.brand.clone()),
            number: self.own_number.clone(),
            caller: line.map_or(crate::phone_number::Caller::Withheld, |line| line.phone.clone()),
            caller_name: None,
            caller_ref: CarrierRef::new(&format!("CA{number}")),
            rules_version: 1,
            at: self.clock(),
        })
    }

    /// Saves, and does what follows from a save; nothing if it was refused.
    fn save(&mut self, number: usize, signal: &Signal, decision: Decision, at: DateTime<Utc>) -> Option<Reply> {
        if decision.events.is_empty() && decision.effects.is_empty() {
            return Some(decision.reply);
        }
        let leaves_share = self.shelf.find(number).is_some_and(Call::wants_phones) && !decision.call.wants_phones();
        if self.shelf.save(number, &decision, at).is_err() {
            self.conflicts += 1;
            return None;
        }
        if self.ladder_of == Some(number) {
            self.rung(&format!("{signal:?}"));
            for event in &decision.events {
                self.rung(&format!("    {event:?}"));
            }
            for effect in &decision.effects {
                self.rung(&format!("    -> {effect:?}"));
            }
            self.rung(&format!("    = {:?}", decision.reply));
        }
        let passed_over = decision.marks.iter().filter(|mark| matches!(mark, AgentMark::PassedOver { .. })).count();
        self.passed_over += u64::try_from(passed_over).unwrap_or(0);
        self.watch(number, &decision.events);
        for effect in &decision.effects {
            self.enqueue(number, effect, &decision.call);
        }
        let is_released = decision.events.iter().any(|event| matches!(event, Event::LegReleased { .. }));
        if (is_released || leaves_share) && !self.stir_is_due {
            self.stir_is_due = true;
            let at = self.now + self.chance.between(0, 500);
            self.agenda.put(at, Happening::Stirs);
        }
        self.plan_wake(number);
        Some(decision.reply)
    }

    /// Puts the call's next deadline on the agenda, at the beat of the worker that looks for it.
    fn plan_wake(&mut self, number: usize) {
        let Some(at) = self.shelf.find(number).and_then(Call::wake_at) else {
            if let Some(line) = self.callers.get_mut(number) {
                line.wake_at = None;
            }
            return;
        };
        let at: Ms = (at - instant(self.clock_off)).num_milliseconds().max(self.now + 1);
        let beat = at + 499 - (at + 499).rem_euclid(500);
        if let Some(line) = self.callers.get_mut(number)
            && line.wake_at.is_none_or(|planned| planned > beat || planned <= self.now)
        {
            line.wake_at = Some(beat);
            self.agenda.put(beat, Happening::Wakes { call: number });
        }
    }

    /// The worker looks at a call.
    pub(super) fn wake(&mut self, number: usize) {
        if self.callers.get(number).is_none_or(|line| line.wake_at != Some(self.now)) {
            return;
        }
        if let Some(line) = self.callers.get_mut(number) {
            line.wake_at = None;
        }
        let is_due = self.shelf.find(number).and_then(Call::wake_at).is_some_and(|at| at <= self.clock());
        if is_due && !self.is_at_rest() {
            let before = self.shelf.find(number).map_or(0, |call| call.version);
            self.decide_and_save(number, &Signal::Woken);
            let after = self.shelf.find(number);
            let still_due =
                after.is_some_and(|call| call.version == before || call.wake_at().is_some_and(|at| at <= self.clock()));
            if let Some(line) = self.callers.get_mut(number) {
                line.idle_wakes = if still_due { line.idle_wakes + 1 } else { 0 };
                if line.idle_wakes > 100 {
                    self.accuse(number, 4, "is due and due again, though nothing follows from it");
                }
            }
        }
        self.plan_wake(number);
    }

    /// Every waiting call is told that a phone came free.
    pub(super) fn stir(&mut self) {
        if self.is_at_rest() {
            self.agenda.put(self.now + 500, Happening::Stirs);
            return;
        }
        self.stir_is_due = false;
        for call in self.shelf.waiting(self.oldest_open) {
            self.decide_and_save(call, &Signal::PhonesFreed);
        }
        let is_over = |call: &Call| call.stage == Stage::Ended;
        while self.shelf.find(self.oldest_open).is_some_and(is_over) {
            self.oldest_open += 1;
        }
    }
}

fn call_id(number: usize) -> CallId {
    CallId(uuid::Uuid::from_u128(u128::try_from(number).unwrap_or(0) + 1))
}
