//! A call arrives: who is refused, what is closed, who waits.

use chrono::TimeDelta;

use super::effect::Effect;
use super::event::{Ending, Event, FallbackReason, LegEnd, RingMethod};
use super::reply::Reply;
use super::state::{CallerAt, Stage};
use super::turn::Turn;
use crate::rules::{self, DialStopsAt, calendar};

impl Turn<'_> {
    pub(super) fn on_arrived(&mut self) -> Reply {
        if self.call.stage != Stage::New {
            // Asked for the first document again: the state knows what comes now.
            return match self.call.caller_at {
                CallerAt::Recorder if self.call.stage == Stage::Voicemail => self.offer_recorder(),
                CallerAt::Door
                | CallerAt::Queue
                | CallerAt::Leaving
                | CallerAt::BeingFetched { .. }
                | CallerAt::Dial
                | CallerAt::Room { .. }
                | CallerAt::Recorder
                | CallerAt::Gone => self.on_caller_asks(super::signal::CallerDoor::Elsewhere),
            };
        }
        if self.facts.caller.is_blocked {
            self.record(Event::CallRefused);
            self.end(Ending::Blocked);
            return Reply::Refuse;
        }
        self.ask(Effect::NoteArrival);
        if !calendar::is_open(self.brand, self.rules, self.now) {
            self.fall_back(FallbackReason::Closed);
            return self.offer_recorder();
        }
        if self.facts.caller.recent_calls >= self.facts.carrier.calls_per_caller_max {
            self.fall_back(FallbackReason::Flood);
            return self.offer_recorder();
        }
        let method = self.choose_method();
        let deadline_at = self.now + self.brand.max_wait();
        match method {
            RingMethod::Legs => {
                self.record(Event::WaitBegan { method, deadline_at });
                self.offer_phones();
                self.fall_back_if_hopeless();
                self.reply_to_newcomer()
            }
            RingMethod::Dial => {
                self.record(Event::WaitBegan { method, deadline_at });
                self.begin_round().unwrap_or_else(|| {
                    self.fall_back_if_hopeless();
                    self.reply_to_newcomer()
                })
            }
        }
    }

    /// The caller is at the recorder already, led there by a safe reply.
    pub(super) fn on_adopted(&mut self) {
        match self.call.stage {
            Stage::New => self.ask(Effect::NoteArrival),
            Stage::Waiting => self.close_open_legs(LegEnd::CallerLeft),
            Stage::Voicemail => return self.record(Event::RecorderOffered),
            Stage::Claimed { .. } | Stage::Talking { .. } | Stage::Ended => return,
        }
        self.fall_back(FallbackReason::Outage);
        self.record(Event::RecorderOffered);
    }

    fn reply_to_newcomer(&mut self) -> Reply {
        if self.call.stage == Stage::Voicemail {
            return self.offer_recorder();
        }
        let words = self.brand.welcome();
        self.enter_queue(words)
    }

    /// `auto`: legs while the account's pace carries the wave within a third of `max_wait`; beyond that a simultaneous
    /// dial where a live test recorded that it stops at the accept; and dial while REST fails. DESIGN.md section 4.
    fn choose_method(&self) -> RingMethod {
        let carrier = &self.facts.carrier;
        let setting = self.brand.ring_method.unwrap_or(carrier.method);
        match setting {
            rules::RingMethod::Legs => RingMethod::Legs,
            rules::RingMethod::Dial => RingMethod::Dial,
            rules::RingMethod::Auto if !carrier.rest_is_up => RingMethod::Dial,
            rules::RingMethod::Auto => {
                let wave = u32::try_from(self.brand.roster.len()).unwrap_or(u32::MAX).min(self.brand.width());
                let queued = self.facts.loaded.rings_pending.saturating_add(wave);
                let wait =
                    carrier.pace.checked_mul(i32::try_from(queued).unwrap_or(i32::MAX)).unwrap_or(TimeDelta::MAX);
                if wait > self.brand.max_wait() / 3 && carrier.dial_stops_at == DialStopsAt::Accept {
                    RingMethod::Dial
                } else {
                    RingMethod::Legs
                }
            }
        }
    }
}
