//! The agents' side: phones are placed at the account's pace, ring, and what their owners do is told by the scenario.

use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::{Behaviour, What};
use super::world::{Happening, World};
use crate::call::event::RingMethod;
use crate::call::leg::Leg;
use crate::call::reply::{PhoneToRing, Reply, RoomSeat};
use crate::call::signal::{LegOutcome, Party, Signal};
use crate::call::supervisor::spare_ring;

/// A phone begins to ring so long after it was dialled.
const SETUP_TAKES: TimeDelta = TimeDelta::seconds(2);

/// The shortest and the longest ring that is asked for, in seconds.
const RING_S: (i64, i64) = (10, 120);

/// Whoever picked up has heard what it is about after so long.
const PROMPT_TAKES: TimeDelta = TimeDelta::seconds(3);

/// The carrier lets a dial ring so much longer than it was told. Contract twilio.md 2.4.
const CARRIER_BUFFER: TimeDelta = TimeDelta::seconds(5);

/// The key that accepts.
const ACCEPT_KEY: char = '1';

/// A key that declines.
const DECLINE_KEY: char = '3';

impl World<'_> {
    /// An outbound leg of its own, at the account's pace.
    pub(super) fn place_leg(&mut self, number: u32) {
        let at = self.pace_free_at.max(self.now);
        self.pace_free_at = at + self.scenario.carrier.pace;
        self.plan(at, Happening::Placed(number));
        self.plan(at + SETUP_TAKES, Happening::Rings(number));
        if let Some(leg) = self.call.find_leg(number) {
            // The carrier is told whole seconds.
            let rules = self.scenario.rules;
            let spare = rules.find_brand(&self.call.brand).map(|brand| spare_ring(rules, brand));
            let ring_s = (leg.give_up_at - at + spare.unwrap_or_default()).num_seconds().clamp(RING_S.0, RING_S.1);
            self.plan(at + TimeDelta::seconds(ring_s), Happening::RingsOut(number));
        }
    }

    /// One dial of several phones; the caller is in it until all of them have stopped.
    ///
    /// It begins at `at`, when the words before it are over.
    pub(super) fn dial_together(&mut self, at: DateTime<Utc>, round: u32, ring_s: u32, phones: &[PhoneToRing]) {
        let over_at = at + TimeDelta::seconds(i64::from(ring_s)) + CARRIER_BUFFER;
        for phone in phones {
            self.plan(at + SETUP_TAKES, Happening::Rings(phone.leg));
            self.plan(over_at, Happening::RingsOut(phone.leg));
        }
        self.lead(over_at, Signal::DialEnded { round, bridged: false });
    }

    fn behaviour_of(&self, leg: &Leg) -> Behaviour {
        self.scenario.agents.get(&leg.agent).copied().unwrap_or(Behaviour::RingsOut)
    }

    pub(super) fn ring(&mut self, number: u32) {
        let Some(leg) = self.call.find_leg(number).filter(|leg| leg.live && leg.end.is_none()).cloned() else { return };
        self.step(What::Rings(leg.agent.clone()));
        self.tell(&Signal::LegRings { leg: number, carrier_ref: None });
        match self.behaviour_of(&leg) {
            Behaviour::Accepts(after) | Behaviour::Declines(after) | Behaviour::SaysNothing(after) => {
                self.plan(self.now + after, Happening::PicksUp(number));
            }
            Behaviour::Busy => {
                let busy = Signal::LegFinished { leg: number, outcome: LegOutcome::Busy };
                self.plan(self.now, Happening::Told(busy));
            }
            Behaviour::RingsOut => {}
        }
    }

    pub(super) fn pick_up(&mut self, number: u32) {
        let Some(leg) = self.call.find_leg(number).filter(|leg| leg.live).cloned() else { return };
        let reply = self.tell(&Signal::LegAsks { leg: number, carrier_ref: None });
        let Reply::AskToAccept { listen_s, .. } = reply else {
            // Too late: words, and the line is dead.
            return self.end_leg(number);
        };
        let (key, after) = match self.behaviour_of(&leg) {
            Behaviour::Accepts(_) => (Some(ACCEPT_KEY), PROMPT_TAKES),
            Behaviour::Declines(_) => (Some(DECLINE_KEY), PROMPT_TAKES),
            Behaviour::SaysNothing(_) | Behaviour::Busy | Behaviour::RingsOut => {
                (None, PROMPT_TAKES + TimeDelta::seconds(i64::from(listen_s)))
            }
        };
        self.plan(self.now + after, Happening::Presses(number, key));
    }

    pub(super) fn press(&mut self, number: u32, key: Option<char>) {
        if self.call.find_leg(number).is_none_or(|leg| !leg.live) {
            return;
        }
        match self.tell(&Signal::LegPressed { leg: number, key }) {
            Reply::JoinRoom { who: RoomSeat::Leg(leg) } => {
                self.plan(self.now, Happening::Told(Signal::RoomEntered { who: Party::Leg(leg), claim: Some(leg) }));
            }
            Reply::Bridge => {
                // Let through, they talk at once; the dial goes on until one of them hangs up.
                let round = self.call.round;
                self.lead(self.now, Signal::DialEnded { round, bridged: true });
            }
            _ => self.end_leg(number),
        }
    }

    fn end_leg(&mut self, number: u32) {
        let over = Signal::LegFinished { leg: number, outcome: LegOutcome::Completed };
        self.plan(self.now, Happening::Told(over));
    }

    pub(super) fn ring_out(&mut self, number: u32) {
        let leg = self.call.find_leg(number);
        let rings = leg.is_some_and(|leg| leg.live && leg.answered_at.is_none());
        // A dial tells the end of its legs by its own.
        if rings && self.call.method == RingMethod::Legs {
            self.tell(&Signal::LegFinished { leg: number, outcome: LegOutcome::NoAnswer });
        }
    }
}
