//! Words that a caller hears to their end: before the queue, before a dial, and the last ones.

use super::Ms;
use super::agenda::Step;
use super::callers::Place;
use super::world::World;
use crate::call::reply::{PhoneToRing, Reply};

/// Milliseconds it takes to say one character.
const MS_PER_CHARACTER: Ms = 65;

pub(super) fn spoken_ms(words: &str) -> Ms {
    Ms::try_from(words.chars().count()).unwrap_or(Ms::MAX / 1_000) * MS_PER_CHARACTER
}

/// A dial whose words come first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DialToCome {
    pub(super) round: u32,
    pub(super) ring_s: u32,
    pub(super) phones: Vec<PhoneToRing>,
}

impl World {
    pub(super) fn hear_words_before_dial(&mut self, call: usize, dial: DialToCome, words: Option<&str>) {
        let Some(words) = words else { return self.ring_together(call, &dial) };
        let said = spoken_ms(words);
        self.judge_said_before_dial(call, said);
        self.turn_caller(call, Place::Words);
        self.caller_later(call, said, Step::WordsBeforeDialOver { dial });
    }

    /// Nobody is hung up on while they hear the last words, or talk.
    pub(super) fn judge_caller_dropped(&mut self, call: usize) {
        let Some(caller) = self.callers.get(call) else { return };
        let talks = self.whom_caller_meets(call).is_some();
        if caller.place == Place::Hearing {
            self.accuse(call, 3, "was hung up on in the middle of a sentence");
        } else if talks || matches!(caller.place, Place::Bridged { .. }) {
            self.accuse(call, 3, "was hung up on in the middle of a talk");
        }
    }

    /// Nobody is torn out of our words only to wait on.
    pub(super) fn judge_torn(&mut self, call: usize, reply: &Reply) {
        let was_torn = self.callers.get_mut(call).is_some_and(|caller| std::mem::take(&mut caller.torn));
        let is_in_vain = was_torn && matches!(reply, Reply::Wait { .. });
        if is_in_vain && !self.has_any_accepted(call) {
            self.accuse(call, 3, "was torn out of the words before the queue, and waits");
        }
    }

    pub(super) fn hear_goodbye(&mut self, call: usize, words: &str) {
        self.judge_reached(call);
        self.turn_caller(call, Place::Hearing);
        self.caller_later(call, spoken_ms(words), Step::Said);
    }

    /// Phones of a dial ring after the words before it, and the ring counts from there.
    fn judge_said_before_dial(&mut self, call: usize, said: Ms) {
        if let Some(case) = self.case(call) {
            case.said_ms = said;
        }
    }

    /// Whether anybody pressed 1 for the call.
    fn has_any_accepted(&self, call: usize) -> bool {
        let lines = self.callers.get(call).map_or(&[][..], |caller| &caller.lines);
        lines.iter().filter_map(|line| self.lines.get(*line)).any(|line| line.accepted)
    }
}
