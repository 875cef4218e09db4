//! Supervisors' codes, and the challenge of a declared flood: what callers type, and what comes of it.

use super::agenda::{Listener, Step};
use super::callers::Place;
use super::prompts::Prompt;
use super::world::World;
use crate::call::signal::Signal;
use crate::call::supervisor::CodeVerdict;
use crate::ids::SupervisorId;

/// The carrier waits so long for the next digit.
const NEXT_DIGIT_MS: super::Ms = 5_000;

impl World {
    /// The caller is asked for a code.
    pub(super) fn hear_code_prompt(&mut self, call: usize, in_queue: bool) {
        self.judge_code_asked(call);
        self.turn_caller(call, Place::Code { in_queue });
        // Some forget what they wanted to type, and some take longer than there is.
        let longest = if self.chance.hits(80) { 60_000 } else { 12_000 };
        let typing = self.chance.between(NEXT_DIGIT_MS, longest);
        self.caller_later(call, typing, Step::PromptOver);
    }

    /// A good code was typed, and the caller is asked what to do.
    pub(super) fn hear_switch_prompt(&mut self, call: usize, in_queue: bool) {
        // Nobody waits for a supervisor any more, and nobody is waited for.
        self.judge_reached(call);
        self.turn_caller(call, Place::Switch { in_queue });
        let thinking = self.chance.between(1_000, 12_000);
        self.caller_later(call, thinking, Step::PromptOver);
    }

    /// In a declared flood: press this key.
    pub(super) fn hear_challenge(&mut self, call: usize, turn: u32, words: &str, listen_s: u32) {
        let asked = words.trim_end_matches('.').chars().last().unwrap_or('2');
        let wrong = if asked == '9' { '2' } else { '9' };
        self.hear_prompt(call, Prompt::Challenge { turn }, listen_s, false);
        if self.chance.hits(700) {
            let key = if self.chance.hits(800) { asked } else { wrong };
            let at = self.chance.between(300, 2_500);
            self.caller_later(call, at, Step::Presses { key });
        }
    }

    /// The code is typed, or nothing was: what came of it goes to the call.
    pub(super) fn code_over(&mut self, call: usize, in_queue: bool) {
        let now = self.clock();
        let is_awaited = self.shelf.find(call).is_some_and(|call| call.awaits_code(now));
        let verdict = match self.chance.below(10) {
            _ if !is_awaited => CodeVerdict::NotAsked,
            0..3 => CodeVerdict::Good { supervisor: SupervisorId::new("dana") },
            3..7 => CodeVerdict::Wrong,
            7 => CodeVerdict::Refused,
            _ => CodeVerdict::Nothing,
        };
        self.turn_caller(call, if in_queue { Place::QueueAsking } else { Place::Asking });
        self.ask(Listener::Caller(call), Signal::CodeTried { in_queue, verdict });
    }

    /// The supervisor chose, or did not.
    pub(super) fn switch_over(&mut self, call: usize, in_queue: bool) {
        let key = match self.chance.below(6) {
            0 => Some('1'),
            1 => Some('2'),
            2 => Some('3'),
            3 => Some('7'),
            _ => None,
        };
        self.turn_caller(call, if in_queue { Place::QueueAsking } else { Place::Asking });
        self.ask(Listener::Caller(call), Signal::SwitchChosen { key });
    }

    /// Somebody overrides every brand, and takes those along who wait, or not.
    pub(super) fn override_brands(&mut self) {
        self.overridden_until = self.now + self.chance.between(10_000, 200_000);
        if self.chance.hits(500) {
            let waits =
                |place: Place| matches!(place, Place::Queue | Place::QueueAsking | Place::Code { in_queue: true });
            let waiting: Vec<usize> =
                self.callers.iter().enumerate().filter(|(_, one)| waits(one.place)).map(|(call, _)| call).collect();
            for call in waiting {
                self.callback(call, Signal::Overridden);
            }
        }
    }

    /// A key in the queue that is no voicemail key.
    pub(super) fn press_star(&mut self, call: usize) {
        if self.callers.get(call).is_some_and(|caller| caller.place == Place::Queue) {
            self.turn_caller(call, Place::QueueAsking);
            self.ask(Listener::Caller(call), Signal::CallerPressed { key: '*' });
        }
    }
}
