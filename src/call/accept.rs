//! An agent picks up, presses 1, and meets the caller: claim, room, ownership.

use chrono::TimeDelta;

use super::arrival::WHOLE_WAIT_MAX;
use super::effect::Effect;
use super::event::{Event, LapseReason, LegEnd, RingMethod};
use super::reply::{Reply, RoomSeat};
use super::ringing::GRACE;
use super::signal::{Party, Signal};
use super::state::{CallerAt, Leg, LegProgress, Stage};
use super::turn::Turn;
use super::words;
use crate::ids::CarrierRef;
use crate::phone_number::Caller;

/// A claim becomes ownership within so long, or lapses. Source: DESIGN.md section 2.9.
pub(super) const CLAIM_HOLDS: TimeDelta = TimeDelta::seconds(10);

/// Under a simultaneous dial the two are bridged within so long after the key, or the leg is over. Contract twilio.md 3.3.
const BRIDGE_TAKES: TimeDelta = TimeDelta::seconds(2);

/// The carrier gets so long to say who is in the room.
const ROOM_ANSWER_TAKES: TimeDelta = TimeDelta::seconds(4);

/// An unanswered question about the room is put again after so long.
const ROOM_ASKED_AGAIN: TimeDelta = TimeDelta::seconds(12);

/// After both have entered, the carrier says within so long that they met.
const ROOM_STARTS_IN: TimeDelta = TimeDelta::seconds(2);

/// Phones that ring again after a lapse get at least so long. Long enough to pick up, listen and press.
const RING_AGAIN: TimeDelta = TimeDelta::seconds(15);

/// Seconds to listen for the key after the words. Contract twilio.md 2.10.
const LISTEN_S: u32 = 8;

/// The prompt's words take some 4 s, and the listening after them [`LISTEN_S`]; whoever had less was not asked in earnest.
pub(super) const PROMPT_TAKES: TimeDelta = TimeDelta::seconds(12);

/// Under a simultaneous dial a screening phone may keep the others from ringing, so it is asked more briefly.
const LISTEN_SCREENING_S: u32 = 4;

/// The key that accepts.
const ACCEPT_KEY: char = '1';

impl Turn<'_> {
    pub(super) fn on_leg_asks(&mut self, number: u32, carrier_ref: Option<&CarrierRef>, signal: &Signal) -> Reply {
        let Some(leg) = self.leg(number) else {
            self.ignore(signal);
            return say(words::NO_LONGER);
        };
        self.name_leg(&leg, carrier_ref);
        let leg = self.reopen_after_lapse(leg);
        self.record(Event::LegAnswered { leg: number });
        if self.call.stage == Stage::Waiting && leg.end.is_none() && leg.live {
            let screening = leg.round > 0;
            let listen_s = if screening { LISTEN_SCREENING_S } else { LISTEN_S };
            return Reply::AskToAccept { leg: number, words: self.accept_prompt(), listen_s, screening };
        }
        say(&self.why_too_late(number))
    }

    /// A phone that lost the race to a claim that came to nothing is still in our hands: whoever picks it up or listens
    /// to its prompt may have the call after all.
    fn reopen_after_lapse(&mut self, leg: Leg) -> Leg {
        let is_open_again =
            self.call.stage == Stage::Waiting && leg.end == Some(LegEnd::LostRace) && leg.live && !self.is_past_grace();
        if is_open_again {
            self.record(Event::LegReopened { leg: leg.number });
        }
        self.leg(leg.number).unwrap_or(leg)
    }

    /// Brand, intent and caller, then the key.
    pub(super) fn accept_prompt(&self) -> String {
        let caller = self.call.caller_name.clone().unwrap_or_else(|| match &self.call.caller {
            Caller::Known(phone) => words::number_ending_in(phone.as_e164()),
            Caller::Withheld | Caller::Other(_) => words::WITHHELD.to_owned(),
        });
        words::ask_to_accept(&self.brand.name, self.find_intent().map(|intent| intent.name.as_str()), &caller)
    }

    /// What an agent hears who comes too late.
    pub(super) fn why_too_late(&self, number: u32) -> String {
        if self.call.caller_left_at.is_some() && self.call.owner.is_none() {
            return words::CALLER_GONE.to_owned();
        }
        match self.call.stage {
            Stage::Claimed { leg, .. } | Stage::Talking { leg, .. } if leg != number => self
                .leg(leg)
                .map_or_else(|| words::NO_LONGER.to_owned(), |leg| words::taken_by(&self.name_of(&leg.agent))),
            Stage::Voicemail => words::CALLER_AT_RECORDER.to_owned(),
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Supervisor
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Line
            | Stage::Message
            | Stage::Waiting
            | Stage::Claimed { .. }
            | Stage::Talking { .. }
            | Stage::Ended => {
                let owner = self.call.owner.as_ref().map(|owner| words::taken_by(&self.name_of(owner)));
                owner.unwrap_or_else(|| words::NO_LONGER.to_owned())
            }
        }
    }

    pub(super) fn on_leg_pressed(&mut self, number: u32, key: Option<char>, signal: &Signal) -> Reply {
        let Some(leg) = self.leg(number) else {
            self.ignore(signal);
            return say(words::NO_LONGER);
        };
        if self.holder() == Some(number) && key == Some(ACCEPT_KEY) && leg.live {
            // The winning press again: won, again.
            return self.let_in(&leg);
        }
        let leg = self.reopen_after_lapse(leg);
        let is_late = self.call.stage != Stage::Waiting || leg.end.is_some() || !leg.live || self.is_past_grace();
        if is_late {
            let reply = if key.is_some() { say(&self.why_too_late(number)) } else { Reply::HangUp };
            if leg.end.is_none() {
                let how = if key.is_some() { LegEnd::LostRace } else { self.name_silence(&leg) };
                self.close_leg(&leg, how);
            }
            return reply;
        }
        match key {
            Some(ACCEPT_KEY) => self.claim(&leg),
            Some(_) => {
                self.close_leg(&leg, LegEnd::Declined);
                self.after_leg_closed();
                Reply::HangUp
            }
            None => {
                let how = self.name_silence(&leg);
                self.close_leg(&leg, how);
                self.after_leg_closed();
                Reply::HangUp
            }
        }
    }

    /// The deadline and its grace are over, though nothing has looked at them yet.
    pub(super) fn is_past_grace(&self) -> bool {
        let until = self.call.grace_until.or(self.call.deadline_at.map(|at| at + GRACE));
        until.is_some_and(|until| self.now >= until)
    }

    /// First press: the others stop, and the two are brought together.
    fn claim(&mut self, leg: &Leg) -> Reply {
        self.record(Event::CallClaimed { leg: leg.number, deadline_at: self.now + CLAIM_HOLDS });
        let others: Vec<Leg> = self.call.open_legs().filter(|other| other.number != leg.number).cloned().collect();
        for other in others {
            self.close_leg(&other, LegEnd::LostRace);
            // One that listens to the prompt is not cut in mid-sentence; it is told when it presses.
            if other.progress < LegProgress::Prompted {
                self.stop_ringing(&other);
            }
        }
        if leg.round == 0 {
            self.ask(Effect::FetchCaller { attempt: self.attempt() });
        }
        self.let_in(leg)
    }

    fn let_in(&self, leg: &Leg) -> Reply {
        if leg.round == 0 { Reply::JoinRoom { who: RoomSeat::Leg(leg.number) } } else { Reply::Bridge }
    }

    /// The caller is handed the room.
    pub(super) fn send_caller_to_room(&mut self) -> Reply {
        if self.call.method == RingMethod::Dial && self.call.caller_at == CallerAt::Dial {
            // A simultaneous dial that let go of the caller: there is no room to go to.
            let bridged = self.have_surely_met();
            return self.on_dial_ended(self.call.round, bridged);
        }
        self.record(Event::CallerSentToRoom);
        Reply::JoinRoom { who: RoomSeat::Caller }
    }

    pub(super) fn on_room_entered(&mut self, who: Party, claim: Option<u32>) {
        if self.call.has_ended() && who == Party::Caller && self.call.caller_left_at.is_none() {
            // Nobody is there to talk to any more.
            self.ask(Effect::DropCaller);
        }
        let Stage::Claimed { leg: claimed, .. } = self.call.stage else { return };
        if claim.is_some_and(|leg| leg != claimed) {
            // Of an earlier room.
            return;
        }
        match who {
            Party::Caller => {
                if self.call.caller_at != (CallerAt::Room { entered: true }) {
                    self.record(Event::CallerEntered);
                }
            }
            Party::Leg(number) if number == claimed => self.record(Event::LegEntered { leg: number }),
            Party::Leg(_) => return,
        }
        // One may have left before the other came: only the carrier's word that they met makes an owner.
        let soon = self.now + ROOM_STARTS_IN;
        if let Stage::Claimed { deadline_at, asked: false, .. } = self.call.stage
            && self.have_both_entered()
            && deadline_at > soon
        {
            self.record(Event::RoomFilled { deadline_at: soon });
        }
    }

    /// Both are said to be in the room, and neither to have left it.
    fn have_both_entered(&self) -> bool {
        let leg_in = self.holder().and_then(|leg| self.leg(leg)).is_some_and(|leg| leg.progress == LegProgress::InRoom);
        leg_in && self.call.caller_at == (CallerAt::Room { entered: true })
    }

    /// The two have met, though nothing said so outright: a simultaneous dial went on after the key. That two are said to
    /// have entered a room is not enough, since the report that one left before the other came may be lost; and a caller
    /// who met nobody and counts as answered is called back by nobody.
    pub(super) fn have_surely_met(&self) -> bool {
        self.is_surely_bridged()
    }

    /// Whoever met the caller under an earlier claim does not make an owner of this one.
    pub(super) fn on_room_started(&mut self, leg: u32) {
        if self.holder() == Some(leg) {
            self.own();
        }
    }

    /// Both met: the claim is ownership.
    pub(super) fn own(&mut self) {
        let Stage::Claimed { leg: number, .. } = self.call.stage else { return };
        let Some(leg) = self.leg(number) else { return };
        if self.call.owner.is_none() {
            self.record(Event::CallOwned { leg: number, agent: leg.agent });
            self.ask(Effect::AssignOwner);
        }
    }

    pub(super) fn on_room_left(&mut self, who: Party, claim: Option<u32>) {
        if who == Party::Caller && claim.is_some_and(|leg| self.holder() != Some(leg)) {
            // Of an earlier room, as it seems. Should it be of this one, the leg of whoever is left ends by itself.
            if let Stage::Talking { leg, .. } = self.call.stage {
                self.ask(Effect::CheckLeg { leg, attempt: self.attempt() });
            }
            return;
        }
        let is_theirs = who == Party::Caller || self.holder().is_some_and(|leg| who == Party::Leg(leg));
        if is_theirs && matches!(self.call.stage, Stage::Claimed { .. }) && self.have_surely_met() {
            self.own();
        }
        match (self.call.stage, who) {
            (Stage::Claimed { .. }, Party::Caller) => self.record(Event::CallerLeftRoom),
            (Stage::Claimed { leg, .. }, Party::Leg(number)) if leg == number => {
                self.record(Event::LegLeftRoom { leg });
            }
            (Stage::Talking { leg, .. }, Party::Caller) => self.finish_talk(leg),
            (Stage::Talking { leg, .. }, Party::Leg(number)) if leg == number => self.finish_talk(leg),
            (
                Stage::New
                | Stage::Hold
                | Stage::Challenge { .. }
                | Stage::Supervisor
                | Stage::Menu { .. }
                | Stage::Notice { .. }
                | Stage::Line
                | Stage::Message
                | Stage::Waiting
                | Stage::Claimed { .. }
                | Stage::Talking { .. }
                | Stage::Voicemail
                | Stage::Ended,
                _,
            ) => {}
        }
    }

    /// The claim's deadline passed: ask who is in the room, until there is an answer.
    pub(super) fn on_claim_deadline(&mut self, asked: bool) {
        // A report that somebody left the room before the other came may be lost, and an owner is one for ever: that two
        // entered a room is no more than a reason to ask. What ends the talk, or the answer, settles it.
        if asked && self.have_surely_met() {
            return self.own();
        }
        // Without an answer nothing can be done but to ask again: whoever is alone can only be fetched by request.
        let pause = if asked { ROOM_ASKED_AGAIN } else { ROOM_ANSWER_TAKES };
        self.record(Event::RoomAsked { deadline_at: self.now + pause });
        match self.call.stage {
            // There is no room under a simultaneous dial; a leg that goes on there is bridged.
            Stage::Claimed { leg, .. } if self.call.method == RingMethod::Dial => {
                self.ask(Effect::CheckLeg { leg, attempt: self.attempt() });
            }
            _ => self.ask(Effect::CheckRoom { attempt: self.attempt() }),
        }
    }

    pub(super) fn on_room_checked(&mut self, caller_in: bool, leg_in: bool) {
        if !matches!(self.call.stage, Stage::Claimed { .. }) {
            return;
        }
        if caller_in && leg_in { self.own() } else { self.lapse(LapseReason::Deadline) }
    }

    /// Whoever held the phone was told that the call cannot be connected, though something else was decided. A claim of
    /// theirs comes to nothing at once; under a simultaneous dial the end of their leg would look like that of a talk.
    pub(super) fn on_leg_turned_away(&mut self, number: u32) {
        let Some(leg) = self.leg(number) else { return };
        if self.holder() == Some(number) {
            if matches!(self.call.stage, Stage::Claimed { .. }) && leg.progress != LegProgress::InRoom {
                self.lapse(LapseReason::LegEnded);
            }
        } else if leg.end.is_none() {
            self.close_leg(&leg, LegEnd::Failed);
            self.after_leg_closed();
        }
    }

    /// The claim came to nothing: the winner's leg ends, and the caller goes back to waiting.
    pub(super) fn lapse(&mut self, why: LapseReason) {
        let Stage::Claimed { leg: number, .. } = self.call.stage else { return };
        let Some(leg) = self.leg(number) else { return };
        self.record(Event::ClaimLapsed { leg: number, why });
        self.close_leg(&leg, LegEnd::Failed);
        if leg.live && why == LapseReason::Deadline {
            self.ask(Effect::DropLeg { leg: number });
        }
        let latest = self.call.arrived_at + WHOLE_WAIT_MAX;
        let deadline_at = self.call.deadline_at.unwrap_or(self.now).max(self.now + RING_AGAIN).min(latest);
        self.record(Event::DeadlineSet { deadline_at });
        if self.call.method == RingMethod::Legs {
            self.keep_ringing();
            self.fetch_caller_unless_soon_back();
        }
    }

    /// Under a simultaneous dial nothing reports the bridge; a claimed leg that lives so long is bridged, unless another
    /// phone of the dial lives too, since the bridge would have stopped it.
    fn is_surely_bridged(&self) -> bool {
        match self.call.stage {
            Stage::Claimed { leg, deadline_at, asked } if self.call.caller_at == CallerAt::Dial => {
                let is_live = self.leg(leg).is_some_and(|leg| leg.live && leg.round > 0);
                let alone = !self.call.live_legs().any(|other| other.number != leg && other.round > 0);
                is_live && (asked || (alone && self.now - (deadline_at - CLAIM_HOLDS) >= BRIDGE_TAKES))
            }
            _ => false,
        }
    }

    /// The leg that claimed or owns the call ended at the carrier.
    pub(super) fn on_holder_finished(&mut self, leg: &Leg) {
        match self.call.stage {
            Stage::Claimed { .. } if self.have_surely_met() => {
                self.own();
                self.finish_talk(leg.number);
                self.release(leg);
            }
            Stage::Claimed { .. } => {
                self.release(leg);
                self.lapse(LapseReason::LegEnded);
            }
            Stage::Talking { .. } => {
                self.finish_talk(leg.number);
                self.release(leg);
            }
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Supervisor
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Line
            | Stage::Message
            | Stage::Waiting
            | Stage::Voicemail
            | Stage::Ended => self.release(leg),
        }
    }

    pub(super) fn on_caller_gone_after_claim(&mut self, number: u32, have_met: bool) {
        if have_met {
            self.own();
            return self.finish_talk(number);
        }
        if let Some(leg) = self.leg(number) {
            self.close_leg(&leg, LegEnd::CallerLeft);
            if leg.live && leg.round == 0 {
                self.ask(Effect::TellCallerGone { leg: number });
            }
        }
        self.close_open_legs(LegEnd::CallerLeft);
        self.end_without_agent();
    }
}

fn say(words: &str) -> Reply {
    Reply::SayAndHangUp { words: words.to_owned() }
}
