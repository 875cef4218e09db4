//! `<Dial>` with numbers: simultaneous ringing, screening, bridging (contract 2.4, 2.5, 3.1).

use std::collections::VecDeque;

use super::call::{Amd, By, Dialling, Direction, Doing, Frame, News, Place, Status};
use super::engine::{Engine, Timer, phone_number};
use super::interpreter::Then;
use super::journal::What;
use super::legs::NewLeg;
use super::numbers::{Params, add};
use super::schema::Context;
use super::switches::DialStopsAt;
use super::twiml::{Dial, Nouns, Number};

impl Engine {
    pub(super) fn dialling(&self, sid: &str) -> Option<&Dialling> {
        match &self.calls.get(sid)?.place {
            Place::Dialling(dial) => Some(dial),
            Place::Alone | Place::Queued(_) | Place::InRoom(_) | Place::Bridged { .. } => None,
        }
    }

    fn dialling_mut(&mut self, sid: &str) -> Option<&mut Dialling> {
        match &mut self.calls.get_mut(sid)?.place {
            Place::Dialling(dial) => Some(dial),
            Place::Alone | Place::Queued(_) | Place::InRoom(_) | Place::Bridged { .. } => None,
        }
    }

    pub(super) fn dial(&mut self, sid: &str, verb: Dial) -> Then {
        match verb.nouns.clone() {
            Nouns::Conference(room) => {
                self.enter_room(sid, verb, &room);
                Then::Wait
            }
            Nouns::Queue { name, .. } => {
                self.dial_queue(sid, verb, &name);
                Then::Wait
            }
            Nouns::Numbers(numbers) => {
                self.dial_numbers(sid, verb, numbers);
                Then::Wait
            }
        }
    }

    /// Puts a leg into the place of one that dials.
    pub(super) fn place_dialling(&mut self, sid: &str, verb: Dial, not_yet_dialled: VecDeque<Number>) -> u64 {
        let serial = self.next_serial();
        self.turn(sid, Doing::Playing);
        if let Some(call) = self.calls.get_mut(sid) {
            call.saved = Some(std::mem::replace(&mut call.frame, Frame::empty(Context::Call)));
            call.place = Place::Dialling(Box::new(Dialling {
                verb,
                serial,
                children: Vec::new(),
                not_yet_dialled,
                bridged: None,
                recording: None,
                queue: None,
                timed_out: false,
            }));
        }
        serial
    }

    fn dial_numbers(&mut self, sid: &str, verb: Dial, numbers: Vec<Number>) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let parent_from = match call.direction {
            Direction::Inbound => call.from.clone(),
            Direction::OutboundApi | Direction::OutboundDial => call.to.clone(),
        };
        let caller_id = verb.caller_id.clone().unwrap_or_else(|| parent_from.clone());
        let allowed = caller_id == parent_from
            || caller_id == call.from
            || caller_id == call.to
            || self.number(&caller_id).is_some();
        if !allowed {
            self.violate(13214, format!("the account may not show {caller_id}"));
            let action = verb.action.clone();
            let mut extra = Params::new();
            add(&mut extra, "DialCallStatus", "failed");
            add(&mut extra, "DialBridged", "false");
            self.turn(sid, Doing::Nothing);
            self.come_back(sid, action, extra, "dial-action");
            return;
        }
        let answered = call.is_answered();
        let (timeout, sequential) = (verb.timeout_s, verb.sequential);
        let mut waiting: VecDeque<Number> = numbers.into();
        let now: Vec<Number> =
            if sequential { waiting.pop_front().into_iter().collect() } else { waiting.drain(..).collect() };
        let serial = self.place_dialling(sid, verb, waiting);
        self.hear(sid, "ringback", if answered { "ringing" } else { "ringing, not answered yet" });
        for number in now {
            self.dial_one(sid, &caller_id, number);
        }
        if !sequential {
            let limit = timeout.saturating_add(u64::from(self.switches.ring_timeout_buffer_s));
            self.after_s(limit, Timer::DialTimeout { call: sid.to_owned(), serial });
        }
    }

    fn dial_one(&mut self, parent: &str, caller_id: &str, number: Number) {
        let fallback = self.calls.get(parent).and_then(|call| call.fallback.clone());
        let child = self.new_leg(NewLeg {
            from: caller_id.to_owned(),
            to: number.to,
            direction: Direction::OutboundDial,
            parent: Some(parent.to_owned()),
            news: News { target: number.status, events: number.events },
            timeout_s: 600,
        });
        if let Some(call) = self.calls.get_mut(&child) {
            call.screen = number.screen;
            call.fallback = fallback;
            call.amd = Amd { asked: number.amd, asynchronous: true, callback: number.amd_callback, answered_by: None };
        }
        if let Some(dial) = self.dialling_mut(parent) {
            dial.children.push(child.clone());
        }
        if self.is_full(&child) {
            // Contract 3.2: the account's concurrency covers both designs.
            self.log(parent, What::Warning("10004 call concurrency limit exceeded".to_owned()));
            self.end(&child, Status::Failed, By::Exchange);
            return;
        }
        // Legs of a Dial start at once; the calls per second do not concern them.
        self.start(&child);
        if let Some(timeout) = self.dialling(parent).filter(|dial| dial.verb.sequential).map(|dial| dial.verb.timeout_s)
        {
            // One after another, each has the whole time to itself.
            let limit = timeout.saturating_add(u64::from(self.switches.ring_timeout_buffer_s));
            self.after_s(limit, Timer::RingTimeout { call: child });
        }
    }

    /// A dialled leg was picked up, by a person or a machine.
    pub(super) fn child_answered(&mut self, parent: &str, child: &str) {
        let stops = self.switches.dial_stops_at == DialStopsAt::Answer;
        if stops {
            self.end_other_children(parent, child);
        }
        match self.calls.get(child).and_then(|call| call.screen.clone()) {
            Some(target) => self.fetch(child, target, Context::Screen, Params::new(), "number-screen-request"),
            None => self.accept(child),
        }
    }

    fn end_other_children(&mut self, parent: &str, winner: &str) {
        let others: Vec<String> = match self.dialling_mut(parent) {
            Some(dial) => {
                dial.not_yet_dialled.clear();
                dial.children.iter().filter(|child| *child != winner).cloned().collect()
            }
            None => return,
        };
        for other in others {
            self.end_loser(&other);
        }
    }

    /// A child leg has been through its screening: it is bridged with its parent.
    pub(super) fn accept(&mut self, child: &str) {
        let Some(call) = self.calls.get(child) else {
            return;
        };
        let Some(parent) = call.parent.clone() else {
            return;
        };
        let answered_at = call.answered_at.unwrap_or(self.now);
        let taken = self.dialling(&parent).is_none_or(|dial| dial.bridged.is_some());
        if taken {
            self.end(child, Status::Completed, By::Exchange);
            return;
        }
        let now = self.now;
        self.turn(child, Doing::Playing);
        if let Some(call) = self.calls.get_mut(child) {
            call.place = Place::Bridged { with: parent.clone() };
        }
        if let Some(dial) = self.dialling_mut(&parent) {
            dial.bridged = Some((child.to_owned(), now));
        }
        self.end_other_children(&parent, child);
        let unanswered = self.calls.get(&parent).is_some_and(|call| !call.is_answered());
        if unanswered {
            self.set_answered(&parent);
        }
        self.log_bridge(&parent, child);
        self.record_dial(&parent, answered_at);
    }

    /// Both legs can talk from now on.
    pub(super) fn log_bridge(&mut self, parent: &str, child: &str) {
        let number = |engine: &Self, sid: &str| {
            engine.calls.get(sid).map(|call| phone_number(call).to_owned()).unwrap_or_default()
        };
        let (parent_phone, child_phone) = (number(self, parent), number(self, child));
        self.log(parent, What::Bridged { with: vec![child_phone], conference: None });
        self.log(child, What::Bridged { with: vec![parent_phone], conference: None });
        if let Some(dial) = self.dialling(parent) {
            let (serial, limit) = (dial.serial, dial.verb.time_limit_s);
            self.after_s(limit, Timer::TimeLimit { call: parent.to_owned(), serial: Some(serial) });
        }
    }

    pub(super) fn record_dial(&mut self, parent: &str, from: super::engine::Instant) {
        let Some(wishes) = self.dialling(parent).and_then(|dial| dial.verb.record.clone()) else {
            return;
        };
        let sid = self.open_recording(Some(parent), None, "DialVerb", &wishes, from);
        if let Some(dial) = self.dialling_mut(parent) {
            dial.recording = Some(sid);
        }
    }

    /// A child leg is over: its parent's Dial goes on, or ends with it.
    pub(super) fn child_ended(&mut self, parent: &str, child: &str) {
        let Some(dial) = self.dialling(parent) else {
            return;
        };
        if dial.bridged.as_ref().is_some_and(|(bridged, _)| bridged == child) {
            self.finish_dial_with(parent, child);
            return;
        }
        if dial.bridged.is_some() {
            return;
        }
        let next = self.dialling_mut(parent).and_then(|dial| dial.not_yet_dialled.pop_front());
        if let Some(number) = next {
            let caller_id = self.calls.get(child).map(|call| call.from.clone()).unwrap_or_default();
            self.dial_one(parent, &caller_id, number);
            return;
        }
        let all_over = self.dialling(parent).is_some_and(|dial| {
            dial.children.iter().all(|leg| self.calls.get(leg).is_none_or(|call| !call.is_live() || call.detached))
        });
        if all_over {
            self.finish_unbridged(parent);
        }
    }

    pub(super) fn dial_timeout(&mut self, sid: &str) {
        let Some(dial) = self.dialling_mut(sid) else {
            return;
        };
        dial.timed_out = true;
        dial.not_yet_dialled.clear();
        if dial.queue.is_some() {
            self.finish_unbridged(sid);
            return;
        }
        let ringing: Vec<String> = dial
            .children
            .clone()
            .into_iter()
            .filter(|leg| self.calls.get(leg).is_some_and(|call| call.is_live() && !call.is_answered()))
            .collect();
        for leg in ringing {
            self.end(&leg, Status::NoAnswer, By::Exchange);
        }
    }
}
