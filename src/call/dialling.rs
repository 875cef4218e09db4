//! The method `dial`: one simultaneous dial after another, each phone screened. Contract twilio.md section 3.1.
//!
//! Correct under both readings of the carrier's documentation: if a dial collapses without an accept, the phones that did
//! not answer are rung again at once. Those that answered without accepting are rung last: when no other phone may ring,
//! since a voicemail among them would stop the others again.

use chrono::{DateTime, TimeDelta, Utc};

use super::arrival::WHOLE_WAIT_MAX;
use super::event::{Event, LapseReason, LegEnd, RingMethod};
use super::reply::{PhoneToRing, Reply};
use super::state::{Call, CallerAt, Leg, LegProgress, Stage};
use super::turn::Turn;
use super::words;

/// Most phones one simultaneous dial may ring. Source: contract twilio.md 2.4, "at most ten".
pub const NUMBERS_PER_DIAL_MAX: u32 = 10;

/// Most simultaneous dials of one call. Source: DESIGN.md section 4.
const ROUNDS_MAX: u32 = 3;

/// The carrier lets a dial ring so much longer than it was told. Contract twilio.md 2.4.
pub(super) const CARRIER_BUFFER: TimeDelta = TimeDelta::seconds(5);

/// The shortest ring the carrier takes. Contract twilio.md 2.4.
const RING_MIN_S: i64 = 5;

/// The deadline moves by the time lost to screening, at most so far. Source: DESIGN.md section 4.
const EXTENSION_MAX: TimeDelta = TimeDelta::seconds(20);

impl Call {
    /// From when on no further simultaneous dial begins by itself, if that is known: the numbers of one that is under way
    /// are fixed, and the last leaves time to ring.
    pub(super) fn last_round_at(&self) -> Option<DateTime<Utc>> {
        if self.caller_at == CallerAt::Dial || self.round >= ROUNDS_MAX {
            return self.round_began_at;
        }
        let deadline_at = self.deadline_at.filter(|_| self.offered)?;
        Some(deadline_at - CARRIER_BUFFER - TimeDelta::seconds(RING_MIN_S))
    }
}

impl Turn<'_> {
    /// Whether the caller should leave the queue for a simultaneous dial.
    pub(super) fn should_dial_instead(&self) -> bool {
        if self.call.method == RingMethod::Dial {
            return self.call.round < ROUNDS_MAX && self.can_begin_round();
        }
        // REST is down and no phone of this wave has reached the carrier: the document can still dial.
        !self.facts.carrier.rest_is_up
            && self.brand.ring_method.unwrap_or(self.facts.carrier.method) == crate::rules::RingMethod::Auto
            && !self.call.live_legs().any(|leg| leg.end.is_none() && leg.progress > LegProgress::Offered)
            && !self.call.live_legs().any(|leg| leg.end.is_none())
    }

    fn can_begin_round(&self) -> bool {
        self.seconds_to_ring(TimeDelta::zero()) >= RING_MIN_S && !self.take_shortlist().ring.is_empty()
    }

    /// How long phones may ring after words of this length, so that the carrier is done by the deadline.
    fn seconds_to_ring(&self, said: TimeDelta) -> i64 {
        let until = if self.call.offered {
            self.call.deadline_at.unwrap_or(self.now)
        } else {
            (self.now + said + self.brand.max_wait()).min(self.latest_answer())
        };
        (until - self.now - said - CARRIER_BUFFER).num_seconds()
    }

    /// Hands out a simultaneous dial, if there is a phone to ring and time to ring it. `words` come first; phones are
    /// offered the call when they are over.
    pub(super) fn begin_round(&mut self, words: Option<&str>) -> Option<Reply> {
        if self.call.round >= ROUNDS_MAX || self.call.stage != Stage::Waiting {
            return None;
        }
        if self.call.method != RingMethod::Dial {
            self.record(Event::MethodChanged { method: RingMethod::Dial });
        }
        let shortlist = self.take_shortlist();
        let said = words.map_or(TimeDelta::zero(), words::spoken_for);
        let ring_s = self.seconds_to_ring(said);
        if shortlist.ring.is_empty() || ring_s < RING_MIN_S {
            return None;
        }
        self.record_shortlist(shortlist.record);
        self.pass_over(shortlist.passed_over);
        self.set_deadline_at_first_offer(said);
        let round = self.call.round + 1;
        self.record(Event::RoundBegan { round });
        let give_up_at = self.now + said + TimeDelta::seconds(ring_s) + CARRIER_BUFFER;
        let mut phones = Vec::new();
        for agent in shortlist.ring {
            if let Some(number) = self.offer(&agent, round, give_up_at)
                && let Some(leg) = self.call.find_leg(number)
            {
                phones.push(PhoneToRing { leg: number, agent, phone: leg.phone.clone() });
            }
        }
        let ring_s = u32::try_from(ring_s).unwrap_or(0);
        Some(Reply::RingTogether { round, ring_s, phones, words: words.map(str::to_owned) })
    }

    /// A simultaneous dial came to its end; what follows is read from the state, never from the carrier's status alone.
    pub(super) fn on_dial_ended(&mut self, round: u32, bridged: bool) -> Reply {
        match self.call.stage {
            Stage::Claimed { .. } if bridged => {
                self.own();
                self.free_round(round);
                self.on_talk_over()
            }
            Stage::Talking { .. } => {
                let reply = self.on_talk_over();
                self.free_round(round);
                reply
            }
            Stage::Claimed { .. } => {
                self.free_round(round);
                self.lapse(LapseReason::LegEnded);
                self.after_round(round)
            }
            Stage::Waiting => {
                self.close_round(round);
                self.after_round(round)
            }
            Stage::Voicemail => self.offer_recorder(),
            Stage::Line | Stage::Message => self.follow_path(),
            Stage::Hold | Stage::Challenge { .. } | Stage::Supervisor | Stage::Menu { .. } | Stage::Notice { .. } => {
                self.on_caller_asks(super::signal::CallerDoor::Elsewhere)
            }
            Stage::New | Stage::Ended => Reply::HangUp,
        }
    }

    /// The dial is over, so every phone in it is free.
    fn free_round(&mut self, round: u32) {
        let held: Vec<Leg> = self.call.live_legs().filter(|leg| leg.round == round).cloned().collect();
        for leg in held {
            self.release(&leg);
        }
    }

    fn close_round(&mut self, round: u32) {
        let legs: Vec<Leg> = self.call.legs.iter().filter(|leg| leg.round == round).cloned().collect();
        let first_answer = legs.iter().filter_map(|leg| leg.answered_at).min();
        for leg in &legs {
            let how = if leg.answered_at.is_some() { self.name_silence(leg) } else { LegEnd::NoAnswer };
            self.close_leg(leg, how);
        }
        self.free_round(round);
        if let Some(answered_at) = first_answer {
            let latest = self.call.arrived_at + WHOLE_WAIT_MAX;
            let lost = (self.now - answered_at)
                .min(EXTENSION_MAX - TimeDelta::milliseconds(self.call.extended_ms))
                .min(self.call.deadline_at.map_or(TimeDelta::zero(), |at| latest - at));
            if lost > TimeDelta::zero()
                && let Some(deadline_at) = self.call.deadline_at
            {
                self.record(Event::DeadlineExtended {
                    lost_ms: lost.num_milliseconds(),
                    deadline_at: deadline_at + lost,
                });
            }
        }
    }

    fn after_round(&mut self, round: u32) -> Reply {
        self.record(Event::RoundEnded { round });
        if self.call.caller_left_at.is_some() {
            return Reply::HangUp;
        }
        if self.call.stage == Stage::Waiting
            && let Some(reply) = self.begin_round(None)
        {
            return reply;
        }
        if self.call.stage == Stage::Waiting {
            self.fall_back_if_hopeless();
        }
        let is_over =
            self.call.deadline_at.is_none_or(|at| self.now + CARRIER_BUFFER >= at) || self.call.round >= ROUNDS_MAX;
        if self.call.stage == Stage::Waiting && is_over {
            self.record_last_look();
            self.close_open_legs(LegEnd::NoAnswer);
            self.fall_back(super::event::FallbackReason::Deadline);
        }
        if self.call.stage == Stage::Waiting {
            debug_assert!(self.call.caller_at != CallerAt::Gone, "a caller who has gone was answered above");
            return self.receive_waiting_caller();
        }
        self.follow_path()
    }
}
