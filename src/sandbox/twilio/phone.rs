//! Virtual telephones: customers' and agents' handsets, with the verbs a person would use.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Whose phone it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneKind {
    /// Somebody who calls.
    Customer,
    /// Somebody who is rung.
    Agent,
}

impl PhoneKind {
    fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
        }
    }
}

/// What a phone does by itself when it rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing: a person, a page or a test acts by verbs.
    Manual,
    /// Answers after this many seconds of ringing; presses keys this many milliseconds after answering.
    AnswersAfter {
        /// Seconds of ringing before it answers.
        secs: u32,
        /// Keys to press, if any.
        presses: Option<String>,
        /// Milliseconds between answering and pressing.
        press_after_ms: u32,
    },
    /// Rings and rings.
    Ignores,
    /// Is engaged.
    Busy,
    /// The carrier's voicemail answers after this many seconds of ringing; it never presses a key.
    CarrierVoicemail {
        /// Seconds of ringing before it answers.
        after_secs: u32,
    },
    /// Its owner declines after a second.
    Declines,
    /// It is switched off and has no voicemail, or the number does not exist.
    Unreachable,
}

/// What a person can do with a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneAction {
    /// Calls a number.
    Dial {
        /// A number of the account.
        to: String,
    },
    /// Calls a number with the caller's own number withheld.
    DialWithheld {
        /// A number of the account.
        to: String,
    },
    /// Calls a number that another number forwards.
    DialForwarded {
        /// A number of the account.
        to: String,
        /// The number that forwards.
        forwarded_from: String,
    },
    /// Picks up the ringing call.
    Answer,
    /// Declines the ringing call.
    Decline,
    /// Lets the carrier's voicemail take the ringing call.
    Voicemail,
    /// Hangs up.
    HangUp,
    /// Presses keys: digits, `*` and `#`.
    Keys(String),
    /// Says something, as long as it takes to say.
    Speak(String),
    /// Says something that takes this many seconds.
    SpeakFor {
        /// The words.
        text: String,
        /// Seconds it takes.
        secs: u32,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) at: DateTime<Utc>,
    pub(super) kind: &'static str,
    pub(super) text: String,
}

#[derive(Debug, Clone)]
pub(super) struct Phone {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) kind: PhoneKind,
    pub(super) agent_id: Option<i64>,
    pub(super) behaviour: Behaviour,
    /// Legs that ring here or are held here, oldest first.
    pub(super) legs: Vec<String>,
    pub(super) since: DateTime<Utc>,
    pub(super) heard: Vec<Heard>,
}

/// What the page shows of a phone's call.
pub(super) struct Shown<'a> {
    pub(super) state: &'static str,
    pub(super) with: Option<&'a str>,
    pub(super) wants: &'static str,
}

/// Most heard lines the page is given for one phone.
const HEARD_SHOWN_MAX: usize = 40;

impl Phone {
    pub(super) fn shown(&self, shown: &Shown<'_>) -> Value {
        let heard: Vec<Value> = self
            .heard
            .iter()
            .skip(self.heard.len().saturating_sub(HEARD_SHOWN_MAX))
            .map(|heard| json!({ "at": heard.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true), "kind": heard.kind, "text": heard.text }))
            .collect();
        json!({
            "number": self.number,
            "kind": self.kind.name(),
            "name": self.name,
            "agent_id": self.agent_id,
            "state": shown.state,
            "with": shown.with,
            "since": self.since.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "wants": shown.wants,
            "heard": heard,
        })
    }
}
