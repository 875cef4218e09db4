//! A text to a caller who heard a message: what a brand writes instead of taking the call. Source: DESIGN.md section 2.3.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::event::{Event, FallbackReason};
use super::turn::Turn;
use crate::phone_number::Caller;
use crate::rules::PathKind;

/// A text to the caller, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextBack {
    /// What is sent.
    pub words: String,
    /// Whether the carrier took it; none while it has not said.
    pub sent: Option<bool>,
    /// Why it did not, or why that is not known.
    pub why: Option<String>,
}

impl Turn<'_> {
    /// Asks for the path's text, once a call: to a number that can be called, and to nobody who was refused as a flood.
    pub(super) fn text_back(&mut self) {
        let path = self.path_now();
        let Some(PathKind::Message { text_back: Some(words) }) = path.map(|path| &path.kind) else { return };
        let Caller::Known(number) = &self.call.caller else { return };
        let may_cost = self.call.fallback != Some(FallbackReason::Flood);
        if self.call.text_back.is_some() || !may_cost || self.facts.destinations.approve(number).is_err() {
            return;
        }
        self.record(Event::TextAsked { words: words.clone() });
        self.ask(Effect::TextCaller);
    }

    /// The carrier took the text, or did not, or nobody knows.
    pub(super) fn on_text_told(&mut self, sent: bool, why: Option<&str>) {
        if self.call.text_back.as_ref().is_some_and(|text| text.sent.is_none()) {
            self.record(Event::TextTold { sent, why: why.map(str::to_owned) });
            self.ask(Effect::NoteText);
        }
    }
}
