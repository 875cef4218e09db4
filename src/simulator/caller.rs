//! The caller's side: each reply leads somewhere, and takes its time.

use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::{Heard, Presses, Step, What, heard_in, spoken_for};
use super::world::{Happening, World};
use crate::call::reply::{Reply, RoomSeat};
use crate::call::signal::{CallerDoor, Party, Signal};

/// How long the first document listens: two seconds of ringback, and one of silence.
const HOLD_TAKES: TimeDelta = TimeDelta::seconds(3);

/// A document that listens after its words waits so long for a key.
const LISTENS: TimeDelta = TimeDelta::seconds(1);

/// A caller presses so long after the words.
const PRESSING_TAKES: TimeDelta = TimeDelta::seconds(1);

/// The carrier lets a dial ring so much longer than it was told. Contract twilio.md 2.4.
const CARRIER_BUFFER: TimeDelta = TimeDelta::seconds(5);

/// How long a brand's recording lasts, of which only the address is known.
const AUDIO_LASTS: TimeDelta = TimeDelta::seconds(8);

impl World<'_> {
    /// The caller goes on by themselves at `at`, unless led elsewhere before.
    pub(super) fn lead(&mut self, at: DateTime<Utc>, signal: Signal) {
        self.place += 1;
        self.plan(at, Happening::CallerGoesOn { place: self.place, signal });
    }

    /// The caller hears a document, and goes on when it is over.
    pub(super) fn lead_caller(&mut self, reply: &Reply) {
        let mut heard_for = TimeDelta::zero();
        for heard in heard_in(reply) {
            let takes = match &heard {
                Heard::Words(words) => spoken_for(words),
                Heard::Audio(_) => AUDIO_LASTS,
                Heard::Ringback | Heard::Tone | Heard::Refusal => TimeDelta::zero(),
            };
            let is_the_same = heard == Heard::Ringback && self.hears_ringback();
            if !is_the_same {
                let after = self.now + heard_for - self.call.arrived_at;
                self.steps.push(Step { after, what: What::Hears(heard) });
            }
            heard_for += takes;
        }
        let after = self.now + heard_for;
        match reply {
            Reply::Hold => self.lead(self.now + HOLD_TAKES, Signal::FirstKeyPressed { key: None }),
            Reply::Challenge { turn, listen_s, .. } => {
                let (key, at) = self.next_key_at_challenge(after, *listen_s);
                self.lead(at, Signal::ChallengeAnswered { turn: *turn, key });
            }
            Reply::AskMenu { turn, wait_s, .. } => {
                let (key, at) = self.next_key(after, *wait_s, None);
                self.lead(at, Signal::MenuAnswered { turn: *turn, key });
            }
            Reply::SayNotice { turn, is_cut_by_keys, .. } => {
                let listens = if *is_cut_by_keys { LISTENS } else { TimeDelta::zero() };
                self.lead(after + listens, Signal::NoticeEnded { turn: *turn, key: None });
            }
            Reply::RingLine { attempt, number, ring_s, .. } => {
                let rings_after = after - self.call.arrived_at;
                self.steps.push(Step { after: rings_after, what: What::LineRings(number.clone()) });
                let over_at = after + TimeDelta::seconds(i64::from(*ring_s)) + CARRIER_BUFFER;
                self.lead(over_at, Signal::LineEnded { attempt: *attempt, bridged: false });
            }
            Reply::Wait { words, listens } => self.enter_queue(after, *listens && words.is_some()),
            Reply::KeepWaiting { seconds, listens, .. } => self.hear_ringback(*seconds, *listens),
            Reply::LeaveQueue => self.lead(self.now, Signal::CallerAsks { at: CallerDoor::Queue }),
            Reply::RingTogether { round, ring_s, phones, .. } => self.dial_together(after, *round, *ring_s, phones),
            Reply::JoinRoom { who: RoomSeat::Caller } => {
                self.place += 1;
                self.plan(
                    self.now,
                    Happening::Told(Signal::RoomEntered { who: Party::Caller, claim: self.call.stage.holder() }),
                );
                if let Some(leg) = self.call.stage.holder() {
                    self.plan(self.now, Happening::Told(Signal::RoomStarted { leg }));
                }
            }
            Reply::TakeVoicemail { .. } | Reply::Refuse | Reply::SayAndHangUp { .. } | Reply::HangUp => {
                self.is_over = true;
            }
            // What only agents, lines and supervisors are told.
            Reply::Nothing
            | Reply::AskCode { .. }
            | Reply::AskSwitch { .. }
            | Reply::AskLine { .. }
            | Reply::AskToAccept { .. }
            | Reply::OneMoment
            | Reply::Bridge
            | Reply::JoinRoom { who: RoomSeat::Leg(_) } => {}
        }
    }

    /// Whether ringback is the last thing the caller heard.
    fn hears_ringback(&self) -> bool {
        let heard = self.steps.iter().rev().find_map(|step| match &step.what {
            What::Hears(heard) => Some(heard),
            _ => None,
        });
        heard == Some(&Heard::Ringback)
    }

    /// The greeting before the queue, which may be cut by a key.
    fn enter_queue(&mut self, after: DateTime<Utc>, listens: bool) {
        let over_at = after + if listens { LISTENS } else { TimeDelta::zero() };
        let asked = if listens { self.find_ask_for_recorder(over_at) } else { None };
        match asked {
            Some((key, at)) => self.press_in_queue(at, key, Signal::FirstKeyPressed { key: Some(key) }),
            None => self.lead(over_at, Signal::WaitPolled),
        }
    }

    /// A document of the queue.
    fn hear_ringback(&mut self, seconds: u32, listens: bool) {
        let listening = if listens { LISTENS } else { TimeDelta::zero() };
        let over_at = self.now + TimeDelta::seconds(i64::from(seconds)) + listening;
        let pressed = if listens { self.next_key_in_queue(over_at) } else { None };
        match pressed {
            Some((key, at)) => self.press_in_queue(at, key, Signal::CallerPressed { key }),
            None => self.lead(over_at, Signal::WaitPolled),
        }
    }

    fn press_in_queue(&mut self, at: DateTime<Utc>, key: char, signal: Signal) {
        self.steps.push(Step { after: at - self.call.arrived_at, what: What::Presses(key) });
        self.lead(at, signal);
    }

    /// A caller who is known to have asked for the recorder does so at the first chance after that time.
    fn find_ask_for_recorder(&mut self, over_at: DateTime<Utc>) -> Option<(char, DateTime<Utc>)> {
        let Presses::AsKnown { recorder: Some(after), .. } = self.scenario.presses else { return None };
        let at = (self.call.arrived_at + after).max(self.now);
        let key = self.scenario.rules.find_brand(&self.call.brand)?.voicemail.key?;
        if self.has_asked_for_recorder || at >= over_at {
            return None;
        }
        self.has_asked_for_recorder = true;
        Some((key, at))
    }

    /// What the caller presses while a document of the queue listens.
    fn next_key_in_queue(&mut self, over_at: DateTime<Utc>) -> Option<(char, DateTime<Utc>)> {
        match self.scenario.presses {
            Presses::AsKnown { .. } => self.find_ask_for_recorder(over_at),
            Presses::AsAsked => {
                let key = self.scenario.keys.get(self.keys_pressed).copied()?;
                self.keys_pressed += 1;
                key.map(|key| (key, self.now + PRESSING_TAKES))
            }
        }
    }

    /// The key asked for is another for each call: whoever presses at all presses that one, unless it is known better.
    fn next_key_at_challenge(&mut self, after: DateTime<Utc>, listen_s: u32) -> (Option<char>, DateTime<Utc>) {
        match self.scenario.presses {
            Presses::AsAsked => self.next_key(after, listen_s, Some(self.call.challenge_key())),
            Presses::AsKnown { challenges, .. } => {
                let Some(key) = challenges.get(self.challenges).copied().flatten() else {
                    return (None, after + TimeDelta::seconds(i64::from(listen_s)));
                };
                let at = after + PRESSING_TAKES;
                self.steps.push(Step { after: at - self.call.arrived_at, what: What::Presses(key) });
                (Some(key), at)
            }
        }
    }

    /// What the caller presses at the next prompt, and when its document is over.
    fn next_key(&mut self, after: DateTime<Utc>, listen_s: u32, asked: Option<char>) -> (Option<char>, DateTime<Utc>) {
        let key = self.scenario.keys.get(self.keys_pressed).copied().flatten();
        self.keys_pressed += 1;
        match key {
            Some(key) => {
                let key = asked.unwrap_or(key);
                let at = after + PRESSING_TAKES;
                let after_arrival = at - self.call.arrived_at;
                self.steps.push(Step { after: after_arrival, what: What::Presses(key) });
                (Some(key), at)
            }
            None => (None, after + TimeDelta::seconds(i64::from(listen_s))),
        }
    }
}
