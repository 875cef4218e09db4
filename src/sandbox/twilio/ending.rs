//! How a leg ends, or is taken elsewhere, and who is told.

use super::call::{By, Call, Direction, Doing, Frame, Place, Status};
use super::engine::Engine;
use super::journal::What;
use super::numbers::{add, rfc2822};
use super::schema::Context;
use super::switches::FinalStatus;
use super::wire::{Purpose, Target};

impl Engine {
    pub(super) fn leave_handset(&mut self, sid: &str) {
        let handset = self.calls.get_mut(sid).and_then(|call| call.handset.take());
        let now = self.now;
        if let Some(phone) = handset.and_then(|number| self.phone_mut(&number)) {
            phone.legs.retain(|leg| leg != sid);
            phone.since = now;
        }
    }

    /// The phone at the leg's end hangs up.
    pub(super) fn hang_up_by_phone(&mut self, sid: &str) {
        let Some(call) = self.calls.get(sid).filter(|call| call.is_live()) else {
            return;
        };
        let status = match (call.direction, call.is_answered()) {
            (_, true) => Status::Completed,
            (Direction::Inbound, false) => self.switches.abandoned_inbound_status.as_status(),
            (_, false) => Status::Busy,
        };
        self.end(sid, status, By::Caller);
    }

    /// Ends a leg, wherever it is. What it leaves behind is told, and goes on.
    pub(super) fn end(&mut self, sid: &str, status: Status, by: By) {
        let Some(call) = self.calls.get_mut(sid).filter(|call| call.is_live()) else {
            return;
        };
        let was_queued = call.status == Status::Queued;
        let doing = std::mem::replace(&mut call.doing, Doing::Nothing);
        let place = std::mem::replace(&mut call.place, Place::Alone);
        call.status = status;
        call.ended_at = Some(self.now);
        call.updated_at = self.now;
        call.epoch = call.epoch.saturating_add(1);
        let (parent, detached, is_child) =
            (call.parent.clone(), call.detached, call.direction == Direction::OutboundDial);
        self.log(sid, What::HungUp { by: by.name() });
        if let Doing::Recording(recording) = doing {
            self.record_ended_by_hangup(sid, *recording);
        }
        self.leave_place(sid, place, by, "hangup");
        self.stop_recordings_of(sid);
        self.log(sid, What::Ended { status: status.name() });
        self.leave_handset(sid);
        self.starting.retain(|waiting| waiting != sid);
        if !was_queued {
            // A call called off while queued fires no callback (contract 3.2).
            self.report(sid, "completed");
        }
        if let Some(parent) = parent.filter(|_| is_child && !detached) {
            self.child_ended(&parent, sid);
        }
    }

    /// How a leg that another leg beat ends.
    pub(super) fn end_loser(&mut self, sid: &str) {
        if self.calls.get(sid).is_some_and(|call| call.detached) {
            return; // taken elsewhere: this Dial has no hold on it any more
        }
        let answered = self.calls.get(sid).is_some_and(Call::is_answered);
        let status = if answered { Status::Completed } else { self.switches.losing_leg_status.as_status() };
        self.end(sid, status, By::Exchange);
    }

    /// `Status=completed` over REST.
    pub(super) fn complete(&mut self, sid: &str) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let status = match (call.is_answered(), self.switches.completed_while_ringing) {
            (true, _) | (false, FinalStatus::Completed) => Status::Completed,
            (false, other) => other.as_status(),
        };
        self.end(sid, status, By::Service);
    }

    /// Sends an event of a leg's life to whoever subscribed to it.
    pub(super) fn report(&mut self, sid: &str, event: &str) {
        let gap = self.switches.sequence_gap;
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        let sequence = call.sequence;
        let Some(target) = call.news.target.clone() else {
            call.sequence = sequence.saturating_add(1).saturating_add(gap);
            return;
        };
        let is_number_news = call.direction == Direction::Inbound;
        if !is_number_news {
            call.sequence = sequence.saturating_add(1).saturating_add(gap);
        }
        if !call.news.events.iter().any(|wanted| wanted == event) {
            return;
        }
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let mut params = self.common(call);
        add(&mut params, "CallbackSource", "call-progress-events");
        add(&mut params, "SequenceNumber", sequence.to_string());
        add(&mut params, "Timestamp", rfc2822(self.now));
        if event == "completed" {
            let seconds = call.duration_s();
            add(&mut params, "CallDuration", seconds.to_string());
            // Billed minutes, rounded up.
            add(&mut params, "Duration", (seconds.saturating_add(59) / 60).to_string());
            if !is_number_news {
                add(&mut params, "SipResponseCode", call.status.sip_code());
            }
            self.add_recording(&mut params, sid, "OutboundAPI");
        }
        let kind = match call.direction {
            Direction::Inbound => "inbound-call-status",
            Direction::OutboundApi => "api-call-status",
            Direction::OutboundDial => "number-status",
        };
        self.request(kind, target, params, Purpose::News);
    }

    /// Takes a live call to another document, out of wherever it is.
    pub(super) fn redirect(&mut self, sid: &str, target: Result<Target, String>) {
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        let place = std::mem::replace(&mut call.place, Place::Alone);
        call.saved = None;
        call.frame = Frame::empty(Context::Call);
        let parent = call.parent.clone().filter(|_| call.direction == Direction::OutboundDial && !call.detached);
        if parent.is_some() {
            call.detached = true;
        }
        let doing = std::mem::replace(&mut call.doing, Doing::Nothing);
        if let Doing::Recording(recording) = doing {
            self.record_abandoned(sid, &recording);
        }
        self.turn(sid, Doing::Nothing);
        self.leave_place(sid, place, By::Service, "redirected");
        if let Some(parent) = parent {
            self.child_ended(&parent, sid);
        }
        match target {
            Ok(target) => self.fetch(sid, target, Context::Call, Vec::new(), "redirect-url-request"),
            Err(inline) => self.run_inline(sid, &inline),
        }
    }

    /// What follows when a leg leaves the place it is in, by hanging up or by a redirect.
    fn leave_place(&mut self, sid: &str, place: Place, by: By, queue_result: &'static str) {
        match place {
            Place::Alone => {}
            Place::Dialling(dial) => self.dialler_left(sid, *dial),
            Place::Queued(queued) => self.queued_left(sid, *queued, queue_result),
            Place::InRoom(room) => self.room_left(sid, *room, by),
            Place::Bridged { with, .. } => {
                self.log(sid, What::Unbridged);
                let dials_it = self
                    .dialling(&with)
                    .is_some_and(|dial| dial.bridged.as_ref().is_some_and(|(other, _)| other == sid));
                let is_child = self.calls.get(sid).is_some_and(|call| call.direction == Direction::OutboundDial);
                if dials_it && !is_child {
                    self.finish_dial_with(&with, sid);
                }
            }
        }
    }
}
