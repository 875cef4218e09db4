//! The life of a leg from dialling to its answer.

use super::call::{Amd, By, Call, Direction, Doing, Frame, News, Place, Status};
use super::engine::{Deed, Engine, Timer, phone_number};
use super::journal::What;
use super::numbers::{Params, add};
use super::phone::Behaviour;
use super::schema::Context;
use super::switches::SecondCall;
use super::wire::Purpose;

/// Everything a new leg is told.
#[derive(Debug, Clone)]
pub(super) struct NewLeg {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) parent: Option<String>,
    pub(super) news: News,
    pub(super) timeout_s: u64,
}

impl Engine {
    /// Writes down a leg that has not been dialled yet.
    pub(super) fn new_leg(&mut self, leg: NewLeg) -> String {
        let sid = self.fresh_sid("CA");
        let serial = self.next_serial();
        let status = if leg.direction == Direction::Inbound { Status::Ringing } else { Status::Queued };
        let call = Call {
            sid: sid.clone(),
            serial,
            from: leg.from,
            to: leg.to,
            direction: leg.direction,
            parent: leg.parent,
            status,
            created_at: self.now,
            updated_at: self.now,
            started_at: None,
            answered_at: None,
            ended_at: None,
            news: leg.news,
            first: None,
            first_inline: None,
            fallback: None,
            screen: None,
            timeout_s: leg.timeout_s,
            time_limit_s: 14_400,
            sequence: self.switches.first_call_sequence,
            epoch: 0,
            documents: 0,
            frame: Frame::empty(Context::Call),
            saved: None,
            doing: Doing::Nothing,
            place: Place::Alone,
            handset: None,
            machine: false,
            kept_keys: String::new(),
            forwarded_from: None,
            withheld: false,
            caller_name: None,
            amd: Amd::default(),
            record_from_answer: None,
            detached: false,
        };
        self.calls.insert(sid.clone(), call);
        self.changed();
        sid
    }

    /// Whether the account carries no leg beside those that live; `but` is not counted.
    pub(super) fn is_full(&self, but: &str) -> bool {
        let limit = usize::try_from(self.switches.concurrency_limit).unwrap_or(usize::MAX);
        let live = self.calls.values().filter(|call| call.is_live() && call.sid != but).count();
        limit > 0 && live >= limit
    }

    /// Puts an API call in the queue of those that wait for their second.
    pub(super) fn queue_start(&mut self, sid: &str) {
        self.log(sid, What::Waiting);
        self.starting.push_back(sid.to_owned());
        self.plan_start();
    }

    fn plan_start(&mut self) {
        if self.starting.is_empty() {
            return;
        }
        let wait_ms = match (self.switches.calls_per_second, self.last_start) {
            (0, _) | (_, None) => 0,
            (rate, Some(last)) => {
                let gap = i64::from(1000_u32.div_ceil(rate));
                u64::try_from(gap.saturating_sub((self.now - last).num_milliseconds())).unwrap_or(0)
            }
        };
        self.after_ms(wait_ms, Timer::StartQueued);
    }

    /// Starts the longest waiting API call, when its second has come.
    pub(super) fn start_queued(&mut self) {
        let gap = 1000_u32.checked_div(self.switches.calls_per_second).map_or(0, i64::from);
        let too_soon = self.last_start.is_some_and(|last| (self.now - last).num_milliseconds() < gap);
        if too_soon {
            // Another timer of the same instant went first.
            self.plan_start();
            return;
        }
        while let Some(sid) = self.starting.pop_front() {
            if self.calls.get(&sid).is_some_and(|call| call.status == Status::Queued) {
                self.last_start = Some(self.now);
                self.start(&sid);
                break;
            }
        }
        self.plan_start();
    }

    /// Dials a leg.
    pub(super) fn start(&mut self, sid: &str) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        call.started_at = Some(now);
        call.status = Status::Initiated;
        call.updated_at = now;
        let (to, timeout_s, is_api) = (call.to.clone(), call.timeout_s, call.direction == Direction::OutboundApi);
        self.log(sid, What::Dialled { to });
        self.report(sid, "initiated");
        let reach_ms = u64::from(self.switches.ring_after_ms);
        self.after_ms(reach_ms, Timer::Reach { call: sid.to_owned() });
        if is_api {
            let limit = timeout_s.saturating_add(u64::from(self.switches.ring_timeout_buffer_s));
            self.after_s(limit, Timer::RingTimeout { call: sid.to_owned() });
        }
    }

    /// A dialled leg arrives at its phone.
    pub(super) fn reach(&mut self, sid: &str) {
        let Some(call) = self.calls.get(sid).filter(|call| call.status == Status::Initiated) else {
            return;
        };
        let to = call.to.clone();
        let refused = self.refusals.contains_key(&to);
        let Some(phone) = self.phone(&to).filter(|_| !refused) else {
            self.end(sid, Status::Failed, By::Exchange);
            return;
        };
        let behaviour = phone.behaviour.clone();
        let engaged = phone.legs.iter().any(|leg| self.calls.get(leg).is_some_and(Call::is_live));
        let second = self.switches.second_call;
        let reports = self.switches.busy_phone_reports_ringing;
        if behaviour == Behaviour::Unreachable
            || behaviour == Behaviour::Busy
            || (engaged && second == SecondCall::Busy)
        {
            if reports {
                self.set_ringing(sid);
            }
            let status = if behaviour == Behaviour::Unreachable { Status::Failed } else { Status::Busy };
            self.end(sid, status, By::Exchange);
            return;
        }
        if engaged && second == SecondCall::Voicemail {
            self.set_ringing(sid);
            self.after_ms(1000, Timer::Behave { call: sid.to_owned(), deed: Deed::MachineAnswers });
            return;
        }
        self.ring(sid, &to, &behaviour);
    }

    /// The phone rings; a scripted one then does what its script says.
    fn ring(&mut self, sid: &str, to: &str, behaviour: &Behaviour) {
        if let Some(call) = self.calls.get_mut(sid) {
            call.handset = Some(to.to_owned());
        }
        let now = self.now;
        if let Some(phone) = self.phone_mut(to) {
            phone.legs.push(sid.to_owned());
            phone.since = now;
        }
        self.set_ringing(sid);
        self.log(sid, What::Ringing);
        let (seconds, deed) = match behaviour {
            Behaviour::AnswersAfter { secs, .. } => (*secs, Deed::Answer),
            Behaviour::CarrierVoicemail { after_secs } => (*after_secs, Deed::MachineAnswers),
            Behaviour::Declines => (1, Deed::Decline),
            Behaviour::Manual | Behaviour::Ignores | Behaviour::Busy | Behaviour::Unreachable => {
                return;
            }
        };
        self.after_s(u64::from(seconds), Timer::Behave { call: sid.to_owned(), deed });
    }

    fn set_ringing(&mut self, sid: &str) {
        let now = self.now;
        if let Some(call) = self.calls.get_mut(sid) {
            call.status = Status::Ringing;
            call.updated_at = now;
        }
        self.report(sid, "ringing");
    }

    pub(super) fn ring_timeout(&mut self, sid: &str) {
        self.end(sid, Status::NoAnswer, By::Exchange);
    }

    /// Somebody, or something, picks up a dialled leg.
    pub(super) fn pick_up(&mut self, sid: &str, machine: bool) {
        let Some(call) = self.calls.get_mut(sid).filter(|call| call.is_live() && !call.is_answered()) else {
            return;
        };
        call.machine = machine;
        self.set_answered(sid);
        if machine {
            // The carrier has the call now; the handset is free again.
            self.leave_handset(sid);
            self.after_s(60, Timer::Behave { call: sid.to_owned(), deed: Deed::MachineHangsUp });
        }
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let (direction, parent, asked) = (call.direction, call.parent.clone(), call.amd.asked);
        if let Some(wishes) = call.record_from_answer.clone() {
            self.start_call_recording(sid, "OutboundAPI", &wishes);
        }
        if asked {
            self.after_ms(2310, Timer::AmdDone { call: sid.to_owned() });
        }
        match (direction, parent) {
            (Direction::OutboundDial, Some(parent)) => self.child_answered(&parent, sid),
            _ => {
                if !asked || self.calls.get(sid).is_some_and(|call| call.amd.asynchronous) {
                    self.first_document(sid);
                }
            }
        }
    }

    /// Asks for the document of an answered API call.
    pub(super) fn first_document(&mut self, sid: &str) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let (first, inline) = (call.first.clone(), call.first_inline.clone());
        match (first, inline) {
            (Some(target), _) => self.fetch(sid, target, Context::Call, Vec::new(), "api-call-answered-url-request"),
            (None, Some(text)) => self.run_inline(sid, &text),
            (None, None) => self.end(sid, Status::Completed, By::Exchange),
        }
    }

    pub(super) fn amd_done(&mut self, sid: &str) {
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        let answered_by = if call.machine { "machine_start" } else { "human" };
        call.amd.answered_by = Some(answered_by);
        let (asynchronous, callback) = (call.amd.asynchronous, call.amd.callback.clone());
        if !asynchronous {
            self.first_document(sid);
            return;
        }
        let Some(target) = callback else {
            self.log(sid, What::Warning("21262 machine detection without a callback".to_owned()));
            return;
        };
        let mut params = Params::new();
        add(&mut params, "AccountSid", &self.account_sid);
        add(&mut params, "AnsweredBy", answered_by);
        add(&mut params, "CallSid", sid);
        add(&mut params, "MachineDetectionDuration", "2310");
        self.request("amd-status", target, params, Purpose::News);
    }

    /// Marks a leg as answered; news goes out.
    pub(super) fn set_answered(&mut self, sid: &str) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(sid).filter(|call| call.answered_at.is_none()) else {
            return;
        };
        call.status = Status::InProgress;
        call.answered_at = Some(now);
        call.updated_at = now;
        let (machine, limit, handset) = (call.machine, call.time_limit_s, call.handset.clone());
        self.log(sid, What::Answered { machine });
        self.report(sid, "answered");
        if let Some(phone) = handset.and_then(|number| self.phone_mut(&number)) {
            phone.since = now;
        }
        self.after_s(limit, Timer::TimeLimit { call: sid.to_owned(), serial: None });
    }

    /// A Dial ends what it dialled, or its stay in the room; a call's own limit ends the call (contract 2.4, 2.6, 5.2).
    pub(super) fn time_limit(&mut self, sid: &str, is_of_dial: bool) {
        let bridged = self.dialling(sid).and_then(|dial| dial.bridged.clone()).filter(|_| is_of_dial);
        match bridged {
            Some((other, _)) => self.end(&other, Status::Completed, By::Exchange),
            None if is_of_dial => self.leave_room(sid, "participant_hung_up"),
            None => self.end(sid, Status::Completed, By::Exchange),
        }
    }

    /// What a phone does by itself.
    pub(super) fn behave(&mut self, sid: &str, deed: Deed) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let (answered, number) = (call.is_answered(), phone_number(call).to_owned());
        match deed {
            Deed::Answer if !answered => {
                self.pick_up(sid, false);
                if let Some(Behaviour::AnswersAfter { presses: Some(keys), press_after_ms, .. }) =
                    self.phone(&number).map(|phone| phone.behaviour.clone())
                {
                    self.after_ms(
                        u64::from(press_after_ms),
                        Timer::Behave { call: sid.to_owned(), deed: Deed::Press(keys) },
                    );
                }
            }
            Deed::Press(keys) if answered => self.press(sid, &keys),
            Deed::Decline if !answered => self.end(sid, Status::Busy, By::Caller),
            Deed::MachineAnswers if !answered => self.pick_up(sid, true),
            Deed::MachineHangsUp if answered => self.hang_up_by_phone(sid),
            Deed::Answer | Deed::Press(_) | Deed::Decline | Deed::MachineAnswers | Deed::MachineHangsUp => {}
        }
    }
}
