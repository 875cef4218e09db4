//! Documents that ask for a supervisor's code, for what to do after it, and for a stranger's key. Contract section 2.3.

use super::twiml::Page;
use super::urls::Door;
use super::verb::Verb;
use crate::call::words;

/// Seconds until the next digit.
const NEXT_DIGIT_S: u32 = 5;

/// More digits than any code has.
const DIGITS_MAX: u32 = 16;

/// Seconds to listen for what to do.
const SWITCH_S: u32 = 8;

impl Page<'_> {
    /// Asks for digits until the pound key. Fits the queue and any other place; the door says which it is.
    pub(super) fn ask_code(&self, in_queue: bool) -> Vec<Verb> {
        let door = if in_queue { Door::WaitCode } else { Door::Code };
        let gather = Verb::new("Gather")
            .with("input", "dtmf")
            .with("numDigits", DIGITS_MAX)
            .with("timeout", NEXT_DIGIT_S)
            .with("finishOnKey", "#")
            .with("actionOnEmptyResult", true)
            .with("method", "POST")
            .with("action", self.address(door, self.place()))
            .holding(self.say(words::ASK_CODE));
        vec![gather]
    }

    pub(super) fn ask_switch(&self, words: &str) -> Vec<Verb> {
        vec![self.ask_at(self.address(Door::Switch, self.place()), SWITCH_S, self.say(words))]
    }

    pub(super) fn challenge(&self, turn: u32, words: &str, listen_s: u32) -> Vec<Verb> {
        vec![self.ask_at(self.address(Door::Challenge, self.place().round(turn)), listen_s, self.say(words))]
    }
}
