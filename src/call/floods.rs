//! Floods: who is refused, who is challenged, and who gets through all the same. Source: THREATS.md T-04.
//!
//! A refused caller rings nobody, and may leave a message. Everything is judged once, when the call arrives, and every
//! refusal is an event with the numbers behind it. Exempt is a number that talks with an agent of the brand at that
//! instant, such as an office whose people share one; an earlier talk, however recent, exempts nobody.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::arrival::Step;
use super::event::Event;
use super::reply::Reply;
use super::signal::CallerDoor;
use super::state::Stage;
use super::supervisor::SUPERVISOR_KEY;
use super::turn::Turn;
use super::words;
use crate::phone_number::Caller;

/// A challenge is said so often.
const CHALLENGES_MAX: u32 = 2;

/// Seconds to listen for the key after the words.
const LISTEN_S: u32 = 5;

/// The document of a challenge is back after so long.
pub(super) const CHALLENGE_TAKES: TimeDelta = TimeDelta::seconds(25);

/// Which limit a call was refused by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloodLimit {
    /// Calls of one number.
    Caller,
    /// Calls of one number that is no contact, while a flood is declared.
    CallerDeclared,
    /// Calls of all withheld numbers.
    Withheld,
    /// Challenges without the right key, while a flood is declared.
    Challenge,
}

impl FloodLimit {
    /// The word that stands in metrics, JSON and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::CallerDeclared => "caller_declared",
            Self::Withheld => "withheld",
            Self::Challenge => "challenge",
        }
    }
}

/// How a caller stands in a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloodStand {
    /// Rings nobody.
    Refused,
    /// Has to press a key first.
    Challenged,
    /// Pressed it.
    Passed,
}

impl Turn<'_> {
    /// Judges an arriving call, and takes note if it is to be refused or challenged.
    pub(super) fn judge_flood(&mut self) {
        if self.facts.caller.talks {
            return;
        }
        let floods = &self.rules.floods;
        let declared = self.facts.brand.flood_until.filter(|until| self.now < *until);
        let is_stranger = !self.facts.caller.is_contact;
        let (limit_by, calls, limit) = match &self.call.caller {
            Caller::Known(_) if declared.is_some() && is_stranger => {
                (FloodLimit::CallerDeclared, self.facts.caller.recent_calls, floods.calls_per_caller_declared)
            }
            Caller::Known(_) => (FloodLimit::Caller, self.facts.caller.recent_calls, floods.calls_per_caller),
            Caller::Withheld | Caller::Other(_) => {
                (FloodLimit::Withheld, self.facts.brand.withheld_recent, floods.calls_withheld)
            }
        };
        if calls >= limit {
            self.refuse_flood(limit_by, calls, limit);
        } else if let Some(declared_until) = declared
            && is_stranger
            && floods.challenge
        {
            self.record(Event::FloodChallenged { declared_until });
        }
    }

    fn refuse_flood(&mut self, by: FloodLimit, calls: u32, limit: u32) {
        let window_s = u32::try_from(self.rules.floods.window.as_secs()).unwrap_or(u32::MAX);
        self.record(Event::FloodRefused { by, calls, limit, window_s });
    }

    /// Whether the caller rings nobody.
    pub(super) fn is_flooded(&self) -> bool {
        self.call.flood == Some(FloodStand::Refused)
    }

    /// Whether the caller has to press a key before anything else.
    pub(super) fn is_challenge_due(&self) -> bool {
        self.call.flood == Some(FloodStand::Challenged)
    }

    /// Hands out the challenge.
    pub(super) fn challenge(&mut self, turn: u32) -> Reply {
        self.record(Event::ChallengePlayed { turn });
        Reply::Challenge { turn, words: words::challenge(&self.brand.name, self.challenge_key()), listen_s: LISTEN_S }
    }

    fn challenge_key(&self) -> char {
        self.call.challenge_key()
    }

    pub(super) fn on_challenge_answered(&mut self, turn: u32, key: Option<char>) -> Reply {
        let Stage::Challenge { turn: current } = self.call.stage else {
            // Late or repeated: the challenge is behind the caller.
            return self.on_caller_asks(CallerDoor::Elsewhere);
        };
        if key == Some(SUPERVISOR_KEY) && self.hears_supervisor() {
            return self.on_supervisor_key(false);
        }
        if key == Some(self.challenge_key()) {
            self.record(Event::ChallengePassed);
            return self.go_on(Step::Flood);
        }
        if turn != current {
            // The answer to an earlier one; the caller hears the present one.
            return self.repeat_challenge();
        }
        if turn < CHALLENGES_MAX {
            return self.challenge(turn + 1);
        }
        self.refuse_flood(FloodLimit::Challenge, turn, CHALLENGES_MAX);
        self.go_on(Step::Flood)
    }

    /// The caller stands at the challenge and asks again: the next one, while there is one.
    pub(super) fn repeat_challenge(&mut self) -> Reply {
        match self.call.stage {
            Stage::Challenge { turn } if turn < CHALLENGES_MAX => self.challenge(turn + 1),
            Stage::Challenge { turn } => {
                self.refuse_flood(FloodLimit::Challenge, turn, CHALLENGES_MAX);
                self.go_on(Step::Flood)
            }
            _ => self.go_on(Step::Flood),
        }
    }
}

impl super::state::Call {
    /// Changes the call by an event of a flood.
    pub(super) fn apply_flood(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::FloodRefused { .. } => self.flood = Some(FloodStand::Refused),
            Event::FloodChallenged { .. } => self.flood = Some(FloodStand::Challenged),
            Event::ChallengePassed => self.flood = Some(FloodStand::Passed),
            Event::ChallengePlayed { turn } => self.hear_prompt(Stage::Challenge { turn: *turn }, now),
            _ => {}
        }
    }
}
