//! Documents of the way in: first key, menu, notice, outside line. Source: contract sections 2.3 to 2.5.

use super::twiml::{Page, play_ringback};
use super::urls::Door;
use super::verb::Verb;
use crate::phone_number::PhoneNumber;
use crate::rules::Prompt;

/// Seconds of ringback while a first document listens.
const HOLD_S: u32 = 2;

impl Page<'_> {
    /// A gather for one key, the pound key like any other, that always asks at its door, key or none, so that the request
    /// proves that its words ended.
    pub(super) fn ask_at(&self, address: String, wait_s: u32, held: impl IntoIterator<Item = Verb>) -> Verb {
        Verb::new("Gather")
            .with("input", "dtmf")
            .with("numDigits", 1)
            .with("timeout", wait_s.clamp(1, 30))
            .with("finishOnKey", "")
            .with("actionOnEmptyResult", true)
            .with("method", "POST")
            .with("action", address)
            .holding(held)
    }

    pub(super) fn hold(&self) -> Vec<Verb> {
        let address = self.address(Door::FirstKey, self.place());
        vec![self.ask_at(address, 1, [play_ringback(self.context.addresses, HOLD_S)])]
    }

    /// Words that may be stopped by a key; without one the document goes on after them.
    pub(super) fn say_and_listen(&self, words: &str) -> Verb {
        Verb::new("Gather")
            .with("input", "dtmf")
            .with("numDigits", 1)
            .with("timeout", 1)
            .with("finishOnKey", "")
            .with("method", "POST")
            .with("action", self.address(Door::FirstKey, self.place()))
            .holding(self.say(words))
    }

    pub(super) fn ask_menu(&self, turn: u32, prompt: &Prompt, wait_s: u32) -> Vec<Verb> {
        let played = match prompt {
            Prompt::Words(words) => self.say(words),
            Prompt::Audio(address) => Some(Verb::new("Play").text(address)),
        };
        let address = self.address(Door::Menu, self.place().round(turn));
        vec![self.ask_at(address, wait_s.clamp(1, 10), played)]
    }

    pub(super) fn say_notice(&self, turn: u32, words: &str, is_cut_by_keys: bool) -> Vec<Verb> {
        let address = self.address(Door::Notice, self.place().round(turn));
        if is_cut_by_keys {
            return vec![self.ask_at(address, 1, self.say(words))];
        }
        let onwards = Verb::new("Redirect").with("method", "POST").text(&address);
        self.say(words).into_iter().chain([onwards]).collect()
    }

    /// A line that the destination policy does not approve is left out, and the caller asks on at once.
    pub(super) fn ring_line(
        &self,
        attempt: u32,
        number: &PhoneNumber,
        ring_s: u32,
        screened: bool,
        words: Option<&str>,
    ) -> Vec<Verb> {
        let place = self.place().round(attempt);
        let ended = self.address(Door::LineEnded, place);
        let Some(target) = (self.context.approve)(number) else {
            return vec![Verb::new("Redirect").with("method", "POST").text(&ended)];
        };
        let mut line = Verb::new("Number");
        if screened {
            line = line.with("url", self.address(Door::LineScreen, place)).with("method", "POST");
        }
        let line = line
            .with("statusCallback", self.address(Door::LineStatus, place))
            .with("statusCallbackMethod", "POST")
            .with("statusCallbackEvent", "answered")
            .text(target.number().as_e164());
        let dial = Verb::new("Dial")
            .with("action", ended)
            .with("method", "POST")
            .with("timeout", ring_s.clamp(5, 600))
            .with("answerOnBridge", true)
            .with("callerId", self.context.caller_id.as_e164())
            .with("timeLimit", self.context.talk_limit_s.clamp(1, 14_400))
            .holding([line]);
        words.and_then(|words| self.say(words)).into_iter().chain([dial]).collect()
    }

    /// Every path ends in a hang-up: a document that ran out would let a line through that nobody confirmed.
    pub(super) fn ask_line(&self, attempt: u32, words: &str, listen_s: u32) -> Vec<Verb> {
        let address = self.address(Door::LineKey, self.place().round(attempt));
        vec![self.ask_at(address, listen_s, self.say(words)), Verb::new("Hangup")]
    }
}
