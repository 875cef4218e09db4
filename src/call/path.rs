//! Where a call goes that agents do not take: after hours, and when nobody answers. Source: DESIGN.md sections 2.3, 2.12.

use super::event::{Ending, Event, FallbackReason, LegEnd};
use super::reply::Reply;
use super::state::Stage;
use super::turn::Turn;
use super::way_in::Way;
use super::words;
use crate::phone_number::Caller;
use crate::rules::{Path, PathKind, Texts, calendar, placeholder, promise, spoken};

impl Turn<'_> {
    /// Sends the caller to the path of that reason; the caller learns of it with the next document.
    pub(super) fn fall_back(&mut self, why: FallbackReason) {
        let path = self.path_of(why);
        // A flood is not passed on to an outside line. Source: THREATS.md T-04.
        let may_cost = why != FallbackReason::Flood;
        let line = path.filter(|_| may_cost).and_then(|path| self.line_of_path(path));
        let way = match path.map(|path| &path.kind) {
            Some(PathKind::Message { .. }) => Way::Message,
            _ if line.is_some() => Way::Line,
            // A line that may not be rung is as one that nobody takes.
            Some(PathKind::Voicemail | PathKind::Number { .. } | PathKind::Operator | PathKind::RingAnyway) | None => {
                Way::Recorder
            }
        };
        self.record(Event::FallbackBegan { why, way });
        if let Some(line) = line {
            self.record(line);
        }
    }

    /// The path of a reason; none where the recorder is meant whatever the rules say.
    fn path_of(&self, why: FallbackReason) -> Option<&Path> {
        match why {
            FallbackReason::Closed => Some(self.brand.after_hours.path_of(self.call.closure?)),
            FallbackReason::NobodyEligible
            | FallbackReason::Deadline
            | FallbackReason::NobodyLeft
            | FallbackReason::Flood
            | FallbackReason::Caps => Some(self.fallback_path()),
            FallbackReason::CallerChose | FallbackReason::Outage => None,
        }
    }

    /// The path that the caller is on.
    pub(super) fn path_now(&self) -> Option<&Path> {
        self.path_of(self.call.fallback?)
    }

    /// When nobody takes it: the intent's own path, else the brand's.
    pub(super) fn fallback_path(&self) -> &Path {
        let own = self.find_intent().and_then(|intent| intent.fallback.as_ref());
        own.unwrap_or(&self.brand.fallback)
    }

    /// The document of the path that the caller is on.
    pub(super) fn follow_path(&mut self) -> Reply {
        match self.call.stage {
            Stage::Line => self.receive_caller_of_line(),
            Stage::Message => self.say_message(),
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Supervisor
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Waiting
            | Stage::Claimed { .. }
            | Stage::Talking { .. }
            | Stage::Voicemail
            | Stage::Ended => self.offer_recorder(),
        }
    }

    /// The caller asked for the recorder.
    pub(super) fn leave_for_recorder(&mut self) {
        self.close_open_legs(LegEnd::CallerLeft);
        self.fall_back(FallbackReason::CallerChose);
    }

    fn own_words(&self) -> Option<&str> {
        self.path_now()?.words.as_deref()
    }

    /// What is said before the tone: the words, when the brand opens if it was closed, and when the caller is called back,
    /// since whoever hangs up after speaking hears nothing more.
    pub(super) fn recorder_greeting(&self) -> String {
        // Whatever a line's words say is for callers whom it rings for.
        let path = self.path_now().filter(|path| path.kind == PathKind::Voicemail);
        let opens = self.opens_words();
        let said = match path.and_then(|path| path.words.as_deref()) {
            Some(own) => self.with_opening(own, opens.as_deref()),
            None if !self.is_closed_fallback() => {
                self.with_opening(&self.brand.texts.voicemail_greeting, opens.as_deref())
            }
            None if self.brand.texts.closed != Texts::CLOSED => {
                self.with_opening(&self.brand.texts.closed, opens.as_deref())
            }
            None => words::closed_before_tone(opens.as_deref()),
        };
        words::join([Some(said), self.promise_words()])
    }

    /// Words of the brand's with when it opens: where they want it said, else after them if it was closed.
    fn with_opening(&self, words: &str, opens: Option<&str>) -> String {
        let said = placeholder::fill(words, opens);
        let is_missing = self.call.closure.is_some() && !placeholder::tells_opening(words);
        words::join([Some(said), opens.filter(|_| is_missing).map(str::to_owned)])
    }

    /// By when the caller is called back, if anybody can call back: as it is counted from the arrival for the task.
    pub(super) fn promise_words(&self) -> Option<String> {
        let Caller::Known(_) = &self.call.caller else { return None };
        match &self.brand.promise {
            Some(_) => promise::due_words(self.brand, self.rules, self.call.arrived_at),
            None => self.brand.texts.callback_promise.clone(),
        }
    }

    fn is_closed_fallback(&self) -> bool {
        self.call.fallback == Some(FallbackReason::Closed)
    }

    /// When the brand opens, as it stood when the call arrived, so that the words are the same each time they are asked
    /// for; none if nobody knows.
    fn opens_words(&self) -> Option<String> {
        let at = self.call.arrived_at;
        let status = calendar::status(self.brand, self.rules, at);
        spoken::opens_words(&status, self.brand.time_zone, at, &self.brand.language)
    }

    /// What is said before an outside line rings.
    pub(super) fn path_words_before_line(&self) -> Option<String> {
        let said = placeholder::fill(self.own_words()?, self.opens_words().as_deref());
        (!said.is_empty()).then_some(said)
    }

    /// The words of the path, and the end of the call.
    fn say_message(&mut self) -> Reply {
        self.record(Event::MessageSaid);
        self.text_back();
        self.end_on_path();
        self.repeat_message()
    }

    /// The path's message; said again to a caller whose document got lost.
    pub(super) fn repeat_message(&mut self) -> Reply {
        let words = self.message();
        self.say_goodbye(words)
    }

    pub(super) fn message(&self) -> String {
        let opens = self.opens_words();
        // Whoever called a closed brand was told so, and is owed nothing.
        let promise = self.promise_words().filter(|_| !self.is_closed_fallback());
        match self.own_words() {
            Some(own) => words::join([Some(self.with_opening(own, opens.as_deref())), promise]),
            // The brand's words for a closed day ask for a message after a tone that does not come here.
            None if self.is_closed_fallback() => words::closed_goodbye(opens.as_deref()),
            None => words::nobody_free(opens.as_deref(), promise.as_deref()),
        }
    }

    /// A call that came to its end on a path without a recorder.
    pub(super) fn end_on_path(&mut self) {
        let is_message = self.call.stage == Stage::Message && self.call.caller_left_at.is_none();
        let closed = self.is_closed_fallback();
        if self.call.voicemail.recording.is_some() {
            self.end(Ending::Voicemail);
        } else if closed {
            self.end(if is_message { Ending::AfterHoursMessage } else { Ending::Abandoned });
        } else {
            self.end(Ending::Missed);
        }
    }
}
